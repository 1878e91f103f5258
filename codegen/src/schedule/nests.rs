//! Kernels from decisions: what is stored becomes a nest, whose body computes everything else where it is read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::graph::{Aval, Eqn, Graph, Var};
use crate::ops::{Constant, Lowering};
use crate::schedule::body::{Body, Ex, Exprs, Node};
use crate::schedule::exprs::merge_axes;
use crate::schedule::fuse::{Shown, Wishes};
use crate::schedule::ix::{Ix, ravel};
use crate::schedule::program::{
    Buffer, Dest, Fold, Function, Kernel, Kind, Nest, Program, Schedule, Storage, Store, WhyNot,
};
use crate::schedule::region;

/// A value that has to be stored after all, and why.
type Refused = (Var, WhyNot);

/// Kernels for every realised value; `Err` names values that have to be realised first.
pub fn build(
    program: &Program,
    realised: &BTreeMap<Var, WhyNot>,
    parted: &HashMap<Var, Vec<Vec<usize>>>,
    wishes: Wishes,
) -> Result<Schedule, Vec<Refused>> {
    let g = &program.graph;
    let mut failed: Vec<Refused> = Vec::new();
    let mut s = Schedule::default();
    let defs: HashMap<Var, &Eqn> = g.eqns.iter().flat_map(|e| e.outputs.iter().map(move |v| (*v, e))).collect();
    let mut buffers: HashMap<Var, u32> = HashMap::new();
    // Values that need no kernel: what they are views of is in their memory.
    let mut views: BTreeSet<Var> = BTreeSet::new();
    for (n, v) in g.inputs.iter().enumerate() {
        buffers.insert(*v, s.buffers.len() as u32);
        s.buffers.push(buffer(g, &defs, *v, Storage::Param(n)));
    }
    for eqn in &g.eqns {
        if let Some(c) = eqn.op.downcast::<Constant>()
            && !c.value.is_splat()
        {
            buffers.insert(eqn.outputs[0], s.buffers.len() as u32);
            s.buffers.push(buffer(g, &defs, eqn.outputs[0], Storage::Static(c.value.clone())));
        }
    }
    // The first result that a value goes to is where it is computed; others are copies.
    let shown = Shown::of(g);
    for (v, dest) in g.outputs.iter().zip(&program.dests) {
        if defs.contains_key(v) && !buffers.contains_key(v) {
            let b = s.buffers.len() as u32;
            buffers.insert(*v, b);
            s.buffers.push(buffer(g, &defs, *v, storage(*dest)));
            // What a result is a view of is computed into it, in its own order.
            let root = if wishes.unfused { shown.of_region(*v) } else { shown.of_computed(*v, &defs) };
            if let Some(root) = root.filter(|root| !g.outputs.contains(root) && !buffers.contains_key(root)) {
                buffers.insert(root, b);
                views.insert(*v);
            }
        }
    }
    for eqn in &g.eqns {
        let is_constant = eqn.op.downcast::<Constant>().is_some();
        for v in &eqn.outputs {
            let splat = is_constant && !g.outputs.contains(v) && realised.get(v) != Some(&WhyNot::NeededWhole);
            if realised.contains_key(v) && !buffers.contains_key(v) && !splat {
                buffers.insert(*v, s.buffers.len() as u32);
                s.buffers.push(buffer(g, &defs, *v, Storage::Arena(0)));
            }
        }
    }
    for eqn in g.eqns.iter().filter(|e| e.op.is_view()) {
        let v = eqn.outputs[0];
        if let (None, Some(b)) = (buffers.get(&v), buffers.get(&shown.by(v)).copied()) {
            buffers.insert(v, b);
            views.insert(v);
        }
    }
    for eqn in &g.eqns {
        if eqn.outputs.first().is_some_and(|v| views.contains(v)) {
            continue;
        }
        let write = match eqn.outputs.first().map(|v| buffers.get(v)) {
            Some(Some(b)) if matches!(s.buffers[*b as usize].storage, Storage::Static(_)) => continue,
            Some(Some(b)) => *b,
            Some(None) => continue,
            // It has an effect, or it would be gone; nothing is written.
            None => 0,
        };
        let builder = || Builder {
            g,
            defs: &defs,
            buffers: &buffers,
            memo: HashMap::new(),
            folds: Vec::new(),
            out: Vec::new(),
            next_axis: 0,
            wishes,
            axes: HashMap::new(),
            depth: 0,
            beyond: None,
        };
        if let Some(parts) = eqn.outputs.first().and_then(|v| parted.get(v)) {
            // Each part goes on where the one before left off, in the same memory.
            let mut from = None;
            for (n, (u, at)) in eqn.inputs.iter().zip(parts).enumerate() {
                let to = if n + 1 < parts.len() { s.buffers.len() as u32 } else { write };
                if to != write {
                    s.buffers.push(s.buffers[write as usize].clone());
                }
                match builder().part(eqn, *u, at, to, from.replace(to)) {
                    Ok(kernel) => s.kernels.push(kernel),
                    Err(v) => failed.push(v),
                }
            }
            continue;
        }
        match builder().kernel(eqn, write) {
            Ok(kernel) => s.kernels.push(kernel),
            Err(v) => failed.push(v),
        }
    }
    if !failed.is_empty() {
        return Err(failed);
    }
    // Results that are inputs, constants or repeated: copies.
    for (v, dest) in g.outputs.iter().zip(&program.dests) {
        let to = storage(*dest);
        let from = buffers.get(v).copied();
        if from.is_some_and(|b| s.buffers[b as usize].storage == to) {
            continue;
        }
        let write = s.buffers.len() as u32;
        s.buffers.push(buffer(g, &defs, *v, to));
        let shape = g.shape(*v).to_vec();
        let ix: Vec<Ix> = shape.iter().enumerate().map(|(d, n)| Ix::axis(d as u32, *n)).collect();
        let mut b = Builder {
            g,
            defs: &defs,
            buffers: &buffers,
            memo: HashMap::new(),
            folds: Vec::new(),
            out: ix.clone(),
            next_axis: shape.len() as u32,
            wishes,
            axes: HashMap::new(),
            depth: 0,
            beyond: None,
        };
        let mut exprs = Exprs::default();
        let value = b.load(&mut exprs, *v, &ix).map_err(|stop| vec![other_indices(stop)])?;
        let folds = b.folds.into_iter().map(|(_, f)| f).collect();
        let stores = vec![Store { value, at: ravel(&ix, &shape) }];
        let nest = merge_axes(Nest { extents: shape, exprs, folds, stores });
        let reads = reads_of(&nest);
        s.kernels.push(Kernel {
            name: "copy".into(),
            src: Default::default(),
            kind: Kind::Loop(nest),
            reads,
            writes: vec![write],
            in_place: Vec::new(),
        });
    }
    Ok(s)
}

pub(super) fn storage(dest: Dest) -> Storage {
    match dest {
        Dest::Return(n) => Storage::Return(n),
        Dest::Param(n) => Storage::Param(n),
    }
}

pub(super) fn buffer(g: &Graph, defs: &HashMap<Var, &Eqn>, v: Var, storage: Storage) -> Buffer {
    let name = g.var_name(v).unwrap_or("").to_string();
    let src = defs.get(&v).map(|e| e.src).unwrap_or_default();
    Buffer { aval: g.aval(v).clone(), storage, var: v, name, src }
}

fn other_indices(stop: Stop) -> Refused {
    match stop {
        Stop::Store(v) => (v, WhyNot::OtherIndices),
        Stop::TooDeep => unreachable!("legs go on where they stop"),
    }
}

/// Builds one nest.
struct Builder<'a> {
    g: &'a Graph,
    defs: &'a HashMap<Var, &'a Eqn>,
    buffers: &'a HashMap<Var, u32>,
    memo: HashMap<Element, Ex>,
    folds: Vec<(Var, Fold)>,
    out: Vec<Ix>,
    next_axis: u32,
    /// The first axis of each fold, also of those that were left half done.
    axes: HashMap<Var, u32>,
    wishes: Wishes,
    /// How many values that are computed on the spot lie between here and the start of the leg.
    depth: usize,
    /// What the leg that is under way stopped at.
    beyond: Option<Element>,
}

/// A value at indices.
type Element = (Var, Vec<Ix>);

/// Why an element cannot be computed on the spot.
enum Stop {
    /// This value has to be stored first.
    Store(Var),
    /// The way down is longer than a leg.
    TooDeep,
}

/// Values computed in each other in one go. Primitives write their bodies while those of their operands are being written, so
/// a long chain would take a stack as deep as it is long: it is gone in legs, the last of them first.
const LEG: usize = 64;

impl<'a> Builder<'a> {
    fn kernel(mut self, eqn: &Eqn, write: u32) -> Result<Kernel, Refused> {
        let g = self.g;
        let ins: Vec<&Aval> = eqn.inputs.iter().map(|u| g.aval(*u)).collect();
        let name = eqn.op.name().to_string();
        let src = eqn.src;
        match eqn.op.lowering(&ins) {
            Lowering::Map | Lowering::Fold { .. } => {
                let v = eqn.outputs[0];
                let shape = g.shape(v).to_vec();
                self.out = shape.iter().enumerate().map(|(d, n)| Ix::axis(d as u32, *n)).collect();
                self.next_axis = shape.len() as u32;
                let mut exprs = Exprs::default();
                let out = self.out.clone();
                let value = self.compute(&mut exprs, v, &out).map_err(other_indices)?;
                let at = ravel(&out, &shape);
                let contraction = self.folds.iter().find(|(_, f)| f.contraction).map(|(u, _)| *u);
                if let (Some(u), true) = (contraction, self.folds.len() > 1) {
                    let other = self.folds.iter().find(|(w, _)| *w != v).expect("two folds").0;
                    return Err((if u == v { other } else { u }, WhyNot::OneFold));
                }
                let folds: Vec<Fold> = self.folds.into_iter().map(|(_, f)| f).collect();
                let nest = Nest { extents: shape, exprs, folds, stores: vec![Store { value, at }] };
                let nest = merge_axes(nest);
                let reads = reads_of(&nest);
                Ok(Kernel { name, src, kind: Kind::Loop(nest), reads, writes: vec![write], in_place: Vec::new() })
            }
            Lowering::Scatter { extents, combine } => {
                self.next_axis = extents.len() as u32;
                let ux: Vec<Ix> = extents.iter().enumerate().map(|(d, n)| Ix::axis(d as u32, *n)).collect();
                let mut exprs = Exprs::default();
                let mut failed = None;
                let update = {
                    let op = eqn.op.clone();
                    let mut read = |e: &mut Exprs, n: usize, ix: &[Ix]| self.read(e, eqn.inputs[n], ix, &mut failed);
                    let mut body = Body { exprs: &mut exprs, operands: &ins, read: &mut read };
                    op.update(&mut body, &ux)
                };
                let fold = self.folds.first().map(|(u, _)| Stop::Store(*u));
                if let Some(stop) = failed.or(fold) {
                    return Err(other_indices(stop));
                }
                let at = ravel(&update.at, g.shape(eqn.outputs[0]));
                let stores = vec![Store { value: update.value, at: at.clone() }];
                let nest = Nest { extents, exprs, folds: Vec::new(), stores };
                let mut reads = reads_of(&nest);
                {
                    let ix = &at;
                    ix.visit(&mut |a| {
                        if let crate::schedule::ix::Atom::Value { ex, .. } = a {
                            collect_reads(&nest.exprs, *ex, &mut reads);
                        }
                    });
                }
                if let Some(w) = update.when {
                    collect_reads(&nest.exprs, w, &mut reads);
                }
                let from = self.buffers[&eqn.inputs[0]];
                if !reads.contains(&from) {
                    reads.push(from);
                }
                let kind = Kind::Scatter { nest, at, when: update.when, combine, from };
                Ok(Kernel { name, src, kind, reads, writes: vec![write], in_place: Vec::new() })
            }
            lowering @ (Lowering::Call { .. } | Lowering::Kernel { .. }) => {
                let reads: Vec<u32> = eqn.inputs.iter().map(|u| self.buffers[u]).collect();
                let writes: Vec<u32> = eqn.outputs.iter().map(|u| self.buffers[u]).collect();
                let function = match lowering {
                    Lowering::Call { function, consts, .. } => Function::Runtime { path: function, consts },
                    Lowering::Kernel { name, changes } => {
                        let after = &writes[writes.len() - changes.len()..];
                        let changes = changes.iter().map(|n| reads[*n]).zip(after.iter().copied()).collect();
                        Function::Kernel { name, at: 0, changes }
                    }
                    _ => unreachable!("one of the two"),
                };
                Ok(Kernel {
                    name,
                    src,
                    kind: Kind::Call { op: eqn.op.clone(), function, ins: ins.into_iter().cloned().collect() },
                    reads,
                    writes,
                    in_place: Vec::new(),
                })
            }
            Lowering::Region => Ok(region::kernel(eqn, self.buffers, self.wishes)),
            Lowering::Effect { effect, lanes } => {
                let operands: Vec<u32> = eqn.inputs.iter().map(|u| self.buffers[u]).collect();
                let mut reads = operands.clone();
                reads.sort_unstable();
                reads.dedup();
                let kind = Kind::Effect { effect, lanes, operands, ins: ins.into_iter().cloned().collect() };
                Ok(Kernel { name, src, kind, reads, writes: Vec::new(), in_place: Vec::new() })
            }
        }
    }

    /// Computes `u` where its part of the result of `whole` begins; the rest stays as it is in `from`.
    fn part(mut self, whole: &Eqn, u: Var, at: &[usize], write: u32, from: Option<u32>) -> Result<Kernel, Refused> {
        let g = self.g;
        let extents = g.shape(u).to_vec();
        let ix: Vec<Ix> = extents.iter().enumerate().map(|(d, n)| Ix::axis(d as u32, *n)).collect();
        self.out = ix.clone();
        self.next_axis = extents.len() as u32;
        let mut exprs = Exprs::default();
        let value = self.load(&mut exprs, u, &ix).map_err(other_indices)?;
        let contraction = self.folds.iter().find(|(_, f)| f.contraction).map(|(v, _)| *v);
        if let (Some(v), true) = (contraction, self.folds.len() > 1) {
            let other = self.folds.iter().find(|(w, _)| *w != u).expect("two folds").0;
            return Err((if v == u { other } else { v }, WhyNot::OneFold));
        }
        let place: Vec<Ix> = ix.iter().zip(at).map(|(i, at)| i.add_const(*at as i64)).collect();
        let folds: Vec<Fold> = self.folds.into_iter().map(|(_, f)| f).collect();
        let stores = vec![Store { value, at: ravel(&place, g.shape(whole.outputs[0])) }];
        let nest = Nest { extents, exprs, folds, stores };
        let nest = merge_axes(nest);
        let mut reads = reads_of(&nest);
        reads.extend(from);
        let (name, src) = self.defs.get(&u).map_or((whole.op.name(), whole.src), |e| (e.op.name(), e.src));
        let kind = match from {
            None => Kind::Loop(nest),
            Some(from) => Kind::Scatter { at: nest.stores[0].at.clone(), nest, when: None, combine: None, from },
        };
        Ok(Kernel { name: name.to_string(), src, kind, reads, writes: vec![write], in_place: Vec::new() })
    }

    /// The element of `u` at `ix` for a body that is being written; any number once there is something in `failed`.
    fn read(&mut self, exprs: &mut Exprs, u: Var, ix: &[Ix], failed: &mut Option<Stop>) -> Ex {
        let zero = |exprs: &mut Exprs| {
            let dtype = self.g.dtype(u);
            exprs.intern(Node::Const(crate::dtype::Scalar::zero(dtype)), dtype)
        };
        if failed.is_some() {
            return zero(exprs);
        }
        match self.load(exprs, u, ix) {
            Ok(ex) => ex,
            Err(stop) => {
                *failed = Some(stop);
                zero(exprs)
            }
        }
    }

    /// The element of `u` at `ix`: read, or computed here.
    fn load(&mut self, exprs: &mut Exprs, u: Var, ix: &[Ix]) -> Result<Ex, Stop> {
        // A literal is cheaper than a load, even where the array had to be stored for somebody else.
        if let Some(c) = self.defs.get(&u).and_then(|e| e.op.downcast::<Constant>()).filter(|c| c.value.is_splat()) {
            let x = c.value.data().first().copied().unwrap_or(crate::dtype::Scalar::zero(self.g.dtype(u)));
            return Ok(exprs.intern(Node::Const(x), x.dtype()));
        }
        if let Some(&b) = self.buffers.get(&u) {
            let at = ravel(ix, self.g.shape(u));
            return Ok(exprs.intern(Node::Load { buffer: b, at }, self.g.dtype(u)));
        }
        self.compute(exprs, u, ix)
    }

    /// The element of `u` at `ix`, computed here.
    fn compute(&mut self, exprs: &mut Exprs, u: Var, ix: &[Ix]) -> Result<Ex, Stop> {
        let element = (u, ix.to_vec());
        if let Some(ex) = self.memo.get(&element) {
            return Ok(*ex);
        }
        match self.depth {
            0 => self.in_legs(exprs, element),
            LEG => {
                self.beyond = Some(element);
                Err(Stop::TooDeep)
            }
            _ => self.write(exprs, element),
        }
    }

    /// [`Builder::write`] for a way down of any length: where a leg ends, what lies beyond is written first, and then the leg
    /// again. What it had finished is in the memo, so nothing is written twice but the leg itself.
    fn in_legs(&mut self, exprs: &mut Exprs, element: Element) -> Result<Ex, Stop> {
        let mut way = vec![element];
        while let Some(start) = way.last().cloned() {
            let written = self.write(exprs, start);
            match (written, self.beyond.take()) {
                (_, Some(beyond)) => way.push(beyond),
                (Ok(ex), None) => {
                    way.pop();
                    if way.is_empty() {
                        return Ok(ex);
                    }
                }
                (Err(stop), None) => return Err(stop),
            }
        }
        unreachable!("the way ends where it began")
    }

    /// The body of the primitive that `element` is computed by.
    fn write(&mut self, exprs: &mut Exprs, element: Element) -> Result<Ex, Stop> {
        self.depth += 1;
        let written = self.body(exprs, element.0, &element.1);
        self.depth -= 1;
        let ex = written?;
        self.memo.insert(element, ex);
        Ok(ex)
    }

    fn body(&mut self, exprs: &mut Exprs, u: Var, ix: &[Ix]) -> Result<Ex, Stop> {
        let eqn = self.defs[&u];
        let g = self.g;
        let ins: Vec<&Aval> = eqn.inputs.iter().map(|v| g.aval(*v)).collect();
        let mut failed = None;
        let mut write = |b: &mut Self, exprs: &mut Exprs, rx: &[Ix]| {
            let mut read = |e: &mut Exprs, n: usize, ix: &[Ix]| b.read(e, eqn.inputs[n], ix, &mut failed);
            let ex = eqn.op.body(&mut Body { exprs, operands: &ins, read: &mut read }, ix, rx);
            failed.take().map_or(Ok(ex), Err)
        };
        match eqn.op.lowering(&ins) {
            Lowering::Map => write(self, exprs, &[]),
            Lowering::Fold { extents, combine, order, init, contraction } => {
                if ix != self.out {
                    return Err(Stop::Store(u));
                }
                let first = *self.axes.entry(u).or_insert(self.next_axis);
                self.next_axis = self.next_axis.max(first + extents.len() as u32);
                let axes: Vec<(u32, usize)> = extents.iter().enumerate().map(|(k, n)| (first + k as u32, *n)).collect();
                let rx: Vec<Ix> = axes.iter().map(|(id, n)| Ix::axis(*id, *n)).collect();
                let item = write(self, exprs, &rx)?;
                let start = match eqn.op.starts_from() {
                    Some(n) => Some(self.load(exprs, eqn.inputs[n], ix)?),
                    None => None,
                };
                let n = self.folds.len() as u32;
                self.folds.push((u, Fold { item, axes, combine, order, init, start, contraction }));
                Ok(exprs.intern(Node::Folded(n), g.dtype(u)))
            }
            _ => Err(Stop::Store(u)),
        }
    }
}

/// Buffers that a nest loads from.
pub fn reads_of(nest: &Nest) -> Vec<u32> {
    let mut out = Vec::new();
    let folds = nest.folds.iter().flat_map(|f| [f.item].into_iter().chain(f.start));
    nest.values().chain(folds).for_each(|e| collect_reads(&nest.exprs, e, &mut out));
    out
}

pub(super) fn collect_reads(exprs: &Exprs, ex: Ex, out: &mut Vec<u32>) {
    crate::schedule::exprs::visit(exprs, ex, &mut |node| {
        if let Node::Load { buffer, .. } = node
            && !out.contains(buffer)
        {
            out.push(*buffer);
        }
    });
}
