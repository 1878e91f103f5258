//! Fusion: computed where it is read.
//!
//! Before: every equation owns a value. After: a value owns a buffer only if it is a result, if computing it at every
//! reader would cost more than reading it, or if a reader needs it as a whole; everything else lives in the loops of its
//! readers. Never changes the order of a fold, never computes a fold or an elementary function twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::dtype::DType;
use crate::graph::{Aval, Eqn, Graph, Var};
use crate::ops::{BroadcastInDim, Constant, Lowering, Op};
use crate::schedule::body::{Body, Ex, Exprs, Node};
use crate::schedule::exprs::{axes_of, index, merge_axes, needed, operands};
use crate::schedule::ix::{Ix, ravel};
use crate::schedule::order::order;
use crate::schedule::program::{Buffer, Dest, Fold, Function, Kernel, Kind, Nest, Program, Schedule, Storage, WhyNot};
use crate::schedule::region;

/// Operations per element up to which a value is computed again rather than stored.
const CHEAP: u32 = 2;
/// What a call of an elementary function counts for.
const CALL: u32 = 20;
/// Operations per element from which on a fold does not compute a value again and again while it runs.
const DEAR: u32 = CALL / 2;
/// What a fold counts for: never computed twice.
const FOLD: u32 = 1000;

/// Parts that an array is put together of by kernels of their own.
const MAX_PARTS: usize = 8;

/// What is asked of a schedule.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// Every value has a buffer, so that each can be looked at.
    pub unfused: bool,
    /// The program is the body of a loop or branch, whose parameters are carries: a check that fails ends the kernel around.
    pub inside: bool,
}

/// The schedule of a program, without memory.
pub fn fuse(program: &Program) -> Schedule {
    fuse_as(program, Wishes::default())
}

/// The schedule of a program, without memory, as wished.
pub fn fuse_as(program: &Program, wishes: Wishes) -> Schedule {
    // A fold that cannot be an epilogue becomes a value of its own, and everything is decided again.
    let mut forced: BTreeMap<Var, WhyNot> = BTreeMap::new();
    if wishes.unfused {
        let computed = program.graph.eqns.iter().filter(|e| e.op.downcast::<Constant>().is_none());
        forced.extend(computed.flat_map(|e| &e.outputs).map(|v| (*v, WhyNot::Unfused)));
    }
    let facts = Facts::of(&program.graph, wishes);
    loop {
        let realised = decide(&facts, &forced);
        match build(program, &realised, &facts.parted, wishes) {
            Ok(mut schedule) => {
                schedule.notes = realised.into_iter().collect();
                order(&mut schedule, !wishes.inside);
                return schedule;
            }
            Err(refused) => {
                let more = refused.into_iter().filter(|(v, why)| forced.insert(*v, why.clone()).is_none()).count();
                assert!(more > 0, "fusion does not settle");
            }
        }
    }
}

/// What does not change while it is decided what is stored.
struct Facts<'a> {
    g: &'a Graph,
    lowerings: Vec<Lowering>,
    /// Weight of each equation alone.
    own: Vec<u32>,
    /// The equation that defines a value.
    defs: HashMap<Var, usize>,
    shown: Shown,
    joins: Joins,
    parted: HashMap<Var, Vec<Vec<usize>>>,
}

impl Facts<'_> {
    fn of(g: &Graph, wishes: Wishes) -> Facts<'_> {
        let lowerings: Vec<Lowering> =
            g.eqns.iter().map(|e| e.op.lowering(&e.inputs.iter().map(|v| g.aval(*v)).collect::<Vec<_>>())).collect();
        let own: Vec<u32> = g.eqns.iter().zip(&lowerings).map(|(e, l)| weight(e, g, l)).collect();
        let defs = g.eqns.iter().enumerate().flat_map(|(n, e)| e.outputs.iter().map(move |v| (*v, n))).collect();
        let joins = Joins::of(g);
        let parted = parted(g, &lowerings, &own, &joins, wishes);
        Facts { g, lowerings, own, defs, shown: Shown::of(g), joins, parted }
    }

    /// Whether `v` is computed where it lies in something larger.
    fn is_part(&self, v: Var) -> bool {
        let reads = |whole: &Var| self.g.eqns[self.defs[whole]].inputs.contains(&v);
        self.parted.keys().any(reads)
    }
}

/// Arrays that are put together of parts which cost something: each part is computed where it will lie, and where it begins.
/// Otherwise every element of the whole would be chosen among all of them, and a fold would first be stored elsewhere.
fn parted(
    g: &Graph,
    lowerings: &[Lowering],
    own: &[u32],
    joins: &Joins,
    wishes: Wishes,
) -> HashMap<Var, Vec<Vec<usize>>> {
    let mut readers: HashMap<Var, usize> = HashMap::new();
    g.eqns.iter().flat_map(|e| &e.inputs).chain(&g.outputs).for_each(|v| *readers.entry(*v).or_default() += 1);
    // What costs something, and what becomes of it where nobody else reads it.
    let mut dear: BTreeSet<Var> = BTreeSet::new();
    for (n, e) in g.eqns.iter().enumerate() {
        let own = own[n] >= CALL || matches!(lowerings[n], Lowering::Fold { .. });
        let behind = e.op.is_elementwise() && e.inputs.iter().any(|v| dear.contains(v));
        let joined = |v: &Var| joins.next.get(v).is_some_and(|(next, _)| next.is_some());
        let alone = e.outputs.len() == 1 && (readers.get(&e.outputs[0]) == Some(&1) || joined(&e.outputs[0]));
        if alone && (own || behind) {
            dear.insert(e.outputs[0]);
        }
    }
    let is_contraction = |l: &Lowering| matches!(l, Lowering::Fold { contraction: true, .. });
    let contracted: BTreeSet<Var> = g
        .eqns
        .iter()
        .zip(lowerings)
        .filter(|(_, l)| is_contraction(l))
        .flat_map(|(e, _)| e.inputs.iter().copied())
        .collect();
    let of = |e: &Eqn| {
        let out = e.outputs.first()?;
        let bytes = |v: &Var| g.aval(*v).bytes();
        let cheap: usize = e.inputs.iter().filter(|v| !dear.contains(v)).map(bytes).sum();
        // What costs nothing would otherwise be read where it is, unless the whole is read often.
        let whole: usize = e.outputs.iter().map(bytes).sum();
        let often = 2 * cheap <= whole && readers.get(out) > Some(&1);
        let worth = cheap == 0 || cheap < whole && (often || contracted.contains(out));
        let few = (2..=MAX_PARTS).contains(&e.inputs.len()) && worth;
        let once = (1..e.inputs.len()).all(|n| !e.inputs[..n].contains(&e.inputs[n]));
        let ins: Vec<&Aval> = e.inputs.iter().map(|v| g.aval(*v)).collect();
        // What a function returns is written as a whole, or it would first be filled with zeros.
        let returned = g.outputs.contains(out) && !wishes.inside;
        let inside = few && once && !returned && ins.iter().all(|a| a.size() > 0);
        if inside { Some((*out, e.op.parts(&ins)?)) } else { None }
    };
    g.eqns.iter().filter_map(of).collect()
}

/// Values with a buffer of their own, and why.
fn decide(facts: &Facts<'_>, forced: &BTreeMap<Var, WhyNot>) -> BTreeMap<Var, WhyNot> {
    let Facts { g, lowerings, defs, shown, .. } = facts;
    let mut why = forced.clone();
    for v in g.outputs.iter().filter(|v| defs.contains_key(v)) {
        why.insert(*v, WhyNot::Result);
    }
    for (eqn, lowering) in g.eqns.iter().zip(lowerings) {
        let whole: Vec<Var> = match lowering {
            Lowering::Region => eqn.inputs.iter().map(|v| shown.by(*v)).chain(eqn.outputs.iter().copied()).collect(),
            Lowering::Call { .. } | Lowering::Kernel { .. } | Lowering::Effect { .. } => {
                eqn.inputs.iter().chain(&eqn.outputs).copied().collect()
            }
            Lowering::Scatter { .. } => vec![eqn.inputs[0], eqn.outputs[0]],
            _ => Vec::new(),
        };
        for v in whole.into_iter().filter(|v| defs.contains_key(v)) {
            why.entry(v).or_insert(WhyNot::NeededWhole);
        }
    }
    for v in facts.parted.keys() {
        why.entry(*v).or_insert(WhyNot::Parts);
    }
    // Storing a value makes everything behind it cheap, so values are stored front to back: of those that are worth it,
    // only the ones that depend on no other such value, and those that are worth it whatever else is stored, until there
    // are none.
    loop {
        let front = worth_storing(facts, &why);
        if front.is_empty() {
            return why;
        }
        why.extend(front);
    }
}

/// What the memory of a value shows: the value that it is a view of, where it is one.
struct Shown {
    of: HashMap<Var, Var>,
    regions: BTreeSet<Var>,
}

impl Shown {
    fn of(g: &Graph) -> Shown {
        let mut shown = Shown { of: HashMap::new(), regions: BTreeSet::new() };
        for eqn in &g.eqns {
            if eqn.op.is_view() {
                let root = shown.by(eqn.inputs[0]);
                shown.of.insert(eqn.outputs[0], root);
            }
            if eqn.op.region().is_some() {
                shown.regions.extend(&eqn.outputs);
            }
        }
        shown
    }

    /// The value whose memory `v` is shown by; itself where it is no view.
    fn by(&self, v: Var) -> Var {
        self.of.get(&v).copied().unwrap_or(v)
    }

    /// The result of an equation that `v` is a view of.
    fn of_computed(&self, v: Var, defs: &HashMap<Var, &Eqn>) -> Option<Var> {
        let root = self.by(v);
        let computed = defs.get(&root).is_some_and(|e| e.op.downcast::<Constant>().is_none());
        (root != v && computed).then_some(root)
    }

    /// The result of a loop or branch that `v` is a view of.
    fn of_region(&self, v: Var) -> Option<Var> {
        let root = self.by(v);
        (root != v && self.regions.contains(&root)).then_some(root)
    }
}

/// Values that should be stored, given what is stored already: what is stored beside them changes nothing about it.
fn worth_storing(facts: &Facts<'_>, why: &BTreeMap<Var, WhyNot>) -> BTreeMap<Var, WhyNot> {
    let Facts { g, lowerings, own, defs, joins, parted, .. } = facts;
    let works = |n: usize| own[n] > 0 || matches!(lowerings[n], Lowering::Fold { .. });
    // What computing an element costs at every reader.
    let mut weights: HashMap<Var, u32> = HashMap::new();
    let mut found: BTreeMap<Var, WhyNot> = BTreeMap::new();
    // Those that would be found for their own work alone. Taken together with the front, or a long chain of products would
    // be gone through once per product.
    let mut settled: BTreeSet<Var> = BTreeSet::new();
    let alone = |v: Var| if matches!(lowerings[defs[&v]], Lowering::Fold { .. }) { FOLD } else { own[defs[&v]] };
    for (n, (eqn, lowering)) in g.eqns.iter().zip(lowerings).enumerate() {
        let cost = |u: &Var| if why.contains_key(u) { 0 } else { weights.get(u).copied().unwrap_or(0) };
        // Views are never stored for their own sake: what they show is.
        let shown = |mut v: Var| {
            while !works(defs[&v]) {
                match g.eqns[defs[&v]].inputs.iter().find(|u| cost(u) > 0) {
                    Some(u) => v = *u,
                    None => break,
                }
            }
            v
        };
        let w = match lowering {
            Lowering::Map if parted.contains_key(&eqn.outputs[0]) => 0,
            Lowering::Map => {
                for u in eqn.inputs.iter().filter(|u| cost(u) >= CALL && repeats(eqn, g, **u)) {
                    let v = shown(*u);
                    found.entry(v).or_insert(WhyNot::Repeated);
                    settled.extend((alone(v) >= CALL).then_some(v));
                }
                eqn.inputs.iter().map(cost).fold(own[n], u32::saturating_add)
            }
            Lowering::Fold { contraction, extents, .. } => {
                let products = g.aval(eqn.outputs[0]).size() * extents.iter().product::<usize>();
                let again = |u: &Var| products > g.aval(*u).size();
                for u in eqn.inputs.iter().filter(|u| *contraction && cost(u) > 0 && again(u)) {
                    let v = shown(*u);
                    found.entry(v).or_insert(WhyNot::Contracted);
                    settled.extend((alone(v) > 0).then_some(v));
                }
                if !contraction {
                    let of = |v: &Var| defs.get(v).filter(|_| cost(v) >= DEAR).map(|n| &g.eqns[*n]);
                    for (u, times) in spread_in_fold(eqn, g, extents, &of) {
                        if cost(&u) >= DEAR && cost(&u).saturating_mul(times as u32 - 1) >= CALL {
                            found.entry(shown(u)).or_insert(WhyNot::Repeated);
                        }
                    }
                }
                FOLD
            }
            _ => 0,
        };
        weights.extend(eqn.outputs.iter().map(|v| (*v, w)));
    }
    // Back to front: in how many loop nests a value would be computed.
    let mut nests: HashMap<Var, BTreeSet<Var>> = HashMap::new();
    for (n, eqn) in g.eqns.iter().enumerate().rev() {
        let Some(&out) = eqn.outputs.first() else { continue };
        let stored = why.contains_key(&out);
        let into = nests.get(&out).map_or(0, BTreeSet::len);
        if !stored && works(n) && into > 1 && weights[&out] > CHEAP {
            let v = joins.last(out);
            found.entry(v).or_insert(WhyNot::ReadOften(into));
            // Loop nests that stay ones.
            let stays = |r: &&Var| why.contains_key(r) || settled.contains(r) || facts.is_part(**r);
            let kept = nests[&out].iter().filter(stays).take(2).count();
            settled.extend((alone(out) > CHEAP && kept > 1).then_some(v));
        }
        // What is going to be stored is one loop nest, however many read it.
        let stored = stored || found.contains_key(&out);
        let roots = if stored { BTreeSet::from([out]) } else { nests.get(&out).cloned().unwrap_or_default() };
        for u in &eqn.inputs {
            // Every part is a loop nest.
            let own = BTreeSet::from([*u]);
            nests.entry(*u).or_default().extend(if parted.contains_key(&out) { &own } else { &roots });
        }
    }
    let mut behind: BTreeSet<Var> = BTreeSet::new();
    for eqn in &g.eqns {
        let tainted = eqn.inputs.iter().any(|u| !why.contains_key(u) && (behind.contains(u) || found.contains_key(u)));
        if tainted {
            behind.extend(&eqn.outputs);
        }
    }
    found.retain(|v, _| settled.contains(v) || !behind.contains(v));
    found
}

/// Where the readers of a value come together again, element by element: `select(x <= 0, 0, x)` is all that becomes of `x`.
/// Such a value is not stored itself; what it becomes is.
struct Joins {
    /// The next such place, and how many there are from here on.
    next: HashMap<Var, (Option<Var>, usize)>,
}

impl Joins {
    fn of(g: &Graph) -> Joins {
        let mut readers: HashMap<Var, Vec<&Eqn>> = HashMap::new();
        for eqn in &g.eqns {
            for v in &eqn.inputs {
                readers.entry(*v).or_default().push(eqn);
            }
        }
        let mut joins = Joins { next: HashMap::new() };
        for eqn in g.eqns.iter().rev() {
            let Some(&v) = eqn.outputs.first() else { continue };
            let of = readers.get(&v).map_or(&[][..], Vec::as_slice);
            let in_step = !g.outputs.contains(&v) && !of.is_empty() && of.iter().all(|r| r.op.is_elementwise());
            let join = if in_step {
                of[1..].iter().try_fold(of[0].outputs[0], |a, r| joins.meet(Some(a), Some(r.outputs[0])))
            } else {
                None
            };
            let depth = join.map_or(0, |j| joins.next[&j].1 + 1);
            joins.next.insert(v, (join, depth));
        }
        joins
    }

    /// The first place that both come to.
    fn meet(&self, mut a: Option<Var>, mut b: Option<Var>) -> Option<Var> {
        while a != b {
            let (x, y) = (a?, b?);
            if self.next[&x].1 >= self.next[&y].1 { a = self.next[&x].0 } else { b = self.next[&y].0 }
        }
        a
    }

    /// The last place that everything becomes of `v` goes through.
    fn last(&self, mut v: Var) -> Var {
        while let Some(w) = self.next[&v].0 {
            v = w;
        }
        v
    }
}

/// What computing one element costs beyond reading its operands. Conversions and moves of elements cost nothing.
fn weight(eqn: &Eqn, g: &Graph, lowering: &Lowering) -> u32 {
    if !matches!(lowering, Lowering::Map) {
        return 0;
    }
    let avals: Vec<&Aval> = eqn.inputs.iter().map(|v| g.aval(*v)).collect();
    if eqn.op.is_elementwise() {
        return of_element(&eqn.op, &avals.iter().map(|a| a.dtype).collect::<Vec<_>>(), g.dtype(eqn.outputs[0]));
    }
    let axis = |(d, n): (usize, &usize)| Ix::axis(d as u32, *n);
    let ix: Vec<Ix> = g.shape(eqn.outputs[0]).iter().enumerate().map(axis).collect();
    let mut exprs = Exprs::default();
    let mut read = |exprs: &mut Exprs, n: usize, ix: &[Ix]| {
        exprs.intern(Node::Load { buffer: n as u32, at: ravel(ix, &avals[n].shape) }, avals[n].dtype)
    };
    let root = eqn.op.body(&mut Body { exprs: &mut exprs, operands: &avals, read: &mut read }, &ix, &[]);
    let of_node = |e: &Ex| match exprs.node(*e) {
        Node::Apply(text, args) => {
            let dtypes: Vec<_> = args.iter().map(|a| exprs.dtype(*a)).collect();
            of_element(exprs.op(text), &dtypes, exprs.dtype(*e))
        }
        _ => 0,
    };
    // What depends on no axis is computed once, in front of all loops.
    let mut moves = vec![false; exprs.len()];
    let mut sum = 0;
    for e in needed(&exprs, &[root]) {
        let node = exprs.node(e);
        let own = index(node).is_some_and(|ix| !axes_of(ix).is_empty());
        moves[e.0 as usize] = own || operands(node).iter().any(|a| moves[a.0 as usize]);
        if moves[e.0 as usize] {
            sum += of_node(&e);
        }
    }
    sum
}

/// Whether an elementwise primitive calls an elementary function.
pub(crate) fn is_call(op: &Op, dtypes: &[DType], out: DType) -> bool {
    of_element(op, dtypes, out) >= CALL
}

/// What an elementwise primitive costs per element.
pub(crate) fn of_element(op: &Op, dtypes: &[DType], out: DType) -> u32 {
    match dtypes.len() == 1 && out != dtypes[0] {
        true => 0,
        false if calls_function(op, dtypes) => CALL,
        false => 1,
    }
}

/// Whether an elementwise primitive is a call of a function rather than an instruction or two.
pub fn calls_function(op: &Op, dtypes: &[DType]) -> bool {
    let args: Vec<_> = dtypes.iter().map(|_| quote::quote!(x)).collect();
    op.emit(dtypes, &args).into_iter().any(|t| t.to_string() == "rt")
}

/// Whether every element of `u` is read at many indices of the result of `eqn`, in loops around which it cannot be computed
/// in advance: the axes that repeat it are not the innermost ones.
fn repeats(eqn: &Eqn, g: &Graph, u: Var) -> bool {
    let out = g.aval(eqn.outputs[0]);
    if out.size() <= g.aval(u).size() {
        return false;
    }
    let Some(b) = eqn.op.downcast::<BroadcastInDim>() else { return true };
    let kept = |d: usize| b.dims.iter().zip(g.shape(u)).any(|(k, n)| *k == d && *n == out.shape[d] && *n > 1);
    let first_new = (0..out.rank()).find(|d| out.shape[*d] > 1 && !kept(*d)).unwrap_or(out.rank());
    (first_new..out.rank()).any(kept)
}

/// Values that a fold would compute again for each index of axes of its result, because they are spread along those; and how often.
/// `of` is the equation of a value that is computed in the fold.
fn spread_in_fold<'a>(
    fold: &Eqn,
    g: &Graph,
    extents: &[usize],
    of: &dyn Fn(&Var) -> Option<&'a Eqn>,
) -> Vec<(Var, usize)> {
    // What only has an effect folds nothing.
    let Some(out) = fold.outputs.first() else { return Vec::new() };
    let result = g.shape(*out);
    let rank = result.len() as u32;
    let ix: Vec<Ix> = result.iter().enumerate().map(|(d, n)| Ix::axis(d as u32, *n)).collect();
    let folded: Vec<Ix> = extents.iter().enumerate().map(|(k, n)| Ix::axis(rank + k as u32, *n)).collect();
    let operands: Vec<&Aval> = fold.inputs.iter().map(|v| g.aval(*v)).collect();
    // The axes of the loops that each axis of an operand moves along.
    let mut reads: Vec<(Var, Vec<Vec<u32>>)> = Vec::new();
    let mut exprs = Exprs::default();
    let mut read = |exprs: &mut Exprs, n: usize, ix: &[Ix]| {
        reads.push((fold.inputs[n], ix.iter().map(axes_of).collect()));
        exprs.intern(Node::Load { buffer: n as u32, at: ravel(ix, &operands[n].shape) }, operands[n].dtype)
    };
    fold.op.body(&mut Body { exprs: &mut exprs, operands: &operands, read: &mut read }, &ix, &folded);
    let mut out = Vec::new();
    let mut seen: BTreeSet<Var> = BTreeSet::new();
    while let Some((v, axes)) = reads.pop() {
        let Some(eqn) = of(&v).filter(|_| seen.insert(v)) else { continue };
        if let Some(b) = eqn.op.downcast::<BroadcastInDim>() {
            let u = eqn.inputs[0];
            let kept = b.dims.iter().zip(g.shape(u)).filter(|(_, n)| **n > 1).map(|(d, _)| &axes[*d]);
            let along: BTreeSet<u32> = kept.flatten().copied().collect();
            let times: usize = (0..rank).filter(|d| !along.contains(d)).map(|d| result[d as usize]).product();
            if times > 1 && along.iter().any(|d| *d >= rank) {
                out.push((u, times));
            }
        } else if eqn.op.is_elementwise() {
            reads.extend(eqn.inputs.iter().map(|u| (*u, axes.clone())));
        }
    }
    out
}

/// Kernels for every realised value; `Err` names values that have to be realised first.
fn build(
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
        let nest = merge_axes(Nest { at: ravel(&ix, &shape), extents: shape, exprs, folds, value });
        let reads = reads_of(&nest);
        s.kernels.push(Kernel {
            name: "copy".into(),
            src: Default::default(),
            kind: Kind::Loop(nest),
            reads,
            write,
            in_place: None,
        });
    }
    Ok(s)
}

fn storage(dest: Dest) -> Storage {
    match dest {
        Dest::Return(n) => Storage::Return(n),
        Dest::Param(n) => Storage::Param(n),
    }
}

fn buffer(g: &Graph, defs: &HashMap<Var, &Eqn>, v: Var, storage: Storage) -> Buffer {
    let name = g.var_name(v).unwrap_or("").to_string();
    let src = defs.get(&v).map(|e| e.src).unwrap_or_default();
    Buffer { aval: g.aval(v).clone(), storage, var: v, name, src }
}

/// A value that has to be stored after all, and why.
type Refused = (Var, WhyNot);

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
                let nest = Nest { extents: shape, exprs, folds, value, at };
                let nest = merge_axes(nest);
                let reads = reads_of(&nest);
                Ok(Kernel { name, src, kind: Kind::Loop(nest), reads, write, in_place: None })
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
                let nest = Nest { extents, exprs, folds: Vec::new(), value: update.value, at: at.clone() };
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
                Ok(Kernel { name, src, kind, reads, write, in_place: None })
            }
            lowering @ (Lowering::Call { .. } | Lowering::Kernel { .. }) => {
                let function = match lowering {
                    Lowering::Call { function, consts, .. } => Function::Runtime { path: function, consts },
                    Lowering::Kernel { name } => Function::Kernel(name),
                    _ => unreachable!("one of the two"),
                };
                let reads = eqn.inputs.iter().map(|u| self.buffers[u]).collect();
                let writes = eqn.outputs.iter().map(|u| self.buffers[u]).collect();
                Ok(Kernel {
                    name,
                    src,
                    kind: Kind::Call { op: eqn.op.clone(), function, ins: ins.into_iter().cloned().collect(), writes },
                    reads,
                    write,
                    in_place: None,
                })
            }
            Lowering::Region => Ok(region::kernel(eqn, self.buffers, self.wishes)),
            Lowering::Effect { effect, lanes } => {
                let operands: Vec<u32> = eqn.inputs.iter().map(|u| self.buffers[u]).collect();
                let mut reads = operands.clone();
                reads.sort_unstable();
                reads.dedup();
                let kind = Kind::Effect { effect, lanes, operands, ins: ins.into_iter().cloned().collect() };
                Ok(Kernel { name, src, kind, reads, write, in_place: None })
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
        let nest = Nest { extents, exprs, folds, value, at: ravel(&place, g.shape(whole.outputs[0])) };
        let nest = merge_axes(nest);
        let mut reads = reads_of(&nest);
        reads.extend(from);
        let (name, src) = self.defs.get(&u).map_or((whole.op.name(), whole.src), |e| (e.op.name(), e.src));
        let kind = match from {
            None => Kind::Loop(nest),
            Some(from) => Kind::Scatter { at: nest.at.clone(), nest, when: None, combine: None, from },
        };
        Ok(Kernel { name: name.to_string(), src, kind, reads, write, in_place: None })
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
    [nest.value].into_iter().chain(folds).for_each(|e| collect_reads(&nest.exprs, e, &mut out));
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
