//! Equations that go along an axis together, computed strip by strip: what lives between them is as large as a strip.
//!
//! Before: every equation makes its whole result. After: a loop over strips of an axis makes, in each turn, the slices of
//! several results; only what is read outside of the loop is stored whole. An axis is one here if slices along it are
//! computed from slices alone, element by element as before, so every bit stays. A fold over the axis ends a group: it is
//! left outside, or goes on from strip to strip in its own order ([`super::parts`]). So the gradient of a mean over a batch is
//! accumulated over parts of the batch.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Env, Eqn, Graph, Var};
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::scan::index_aval;
use crate::ops::scatter::Combine;
use crate::ops::{Convert, Div, Gather, Mul, Op, Reshape, Scan, Scatter, Slice, Switch};
use crate::passes::dce;
use crate::passes::parts::{InParts, Part};

/// How slices of a result are computed from slices of the operands.
#[derive(Clone, Debug)]
pub struct Strip {
    /// What computes a slice.
    pub op: Op,
    /// Per operand, its axis that goes along; `None` where every slice needs all of it.
    pub along: Vec<Option<usize>>,
}

/// Equations whose results share an axis and that can run strip by strip together.
#[derive(Clone, Debug)]
pub struct Group {
    /// Extent of the axis.
    pub extent: usize,
    /// Which axis of each value it is.
    pub axis: HashMap<Var, usize>,
    /// The equations, in order.
    pub eqns: Vec<usize>,
    /// Folds over the axis that may go on from strip to strip.
    pub folds: Vec<usize>,
}

/// All groups of a graph. Those that share an axis come one after the other: a fold over the axis ends a group.
pub fn groups(graph: &Graph) -> Vec<Group> {
    let mut axes = Axes::default();
    for eqn in &graph.eqns {
        let [out] = eqn.outputs[..] else { continue };
        for (d, n) in graph.shape(out).iter().enumerate().filter(|(_, n)| **n > 1) {
            let Some(strip) = strip(graph, eqn, d, *n) else { continue };
            for (v, along) in eqn.inputs.iter().zip(&strip.along) {
                if let Some(a) = along {
                    axes.join((out, d), (*v, *a));
                }
            }
        }
    }
    axes.classes().into_iter().flat_map(|axis| of_class(graph, &axis)).collect()
}

impl Group {
    /// The part of the group that leads to `v`.
    pub fn up_to(&self, graph: &Graph, v: Var) -> Group {
        let mut needed: HashSet<Var> = HashSet::from([v]);
        let mut eqns: Vec<usize> = Vec::new();
        for k in self.eqns.iter().rev() {
            let eqn = &graph.eqns[*k];
            if eqn.outputs.iter().any(|v| needed.contains(v)) {
                needed.extend(&eqn.inputs);
                eqns.push(*k);
            }
        }
        eqns.reverse();
        let made: HashSet<Var> = eqns.iter().map(|k| graph.eqns[*k].outputs[0]).collect();
        let reads = |k: &usize| graph.eqns[*k].inputs.iter().any(|v| made.contains(v));
        Group { eqns, folds: self.folds.iter().copied().filter(reads).collect(), ..self.clone() }
    }

    /// The group with those of its folds of which more is read strip by strip than is kept from strip to strip.
    pub fn with_folds_that_pay(&self, graph: &Graph) -> Group {
        let made: HashSet<Var> = self.eqns.iter().map(|k| graph.eqns[*k].outputs[0]).collect();
        let pays = |k: &usize| {
            let eqn = &graph.eqns[*k];
            let read: usize = eqn.inputs.iter().filter(|v| made.contains(v)).map(|v| graph.aval(*v).bytes()).sum();
            in_parts(graph, &self.axis, eqn).is_some_and(|parts| begin(graph, eqn, &parts).0.bytes() < read)
        };
        Group { folds: self.folds.iter().copied().filter(pays).collect(), ..self.clone() }
    }

    /// The group with all folds left outside.
    pub fn without_folds(&self) -> Group {
        Group { folds: Vec::new(), ..self.clone() }
    }
}

/// How an equation folds slices along the axis of a group, one after the other, if it does.
fn in_parts(graph: &Graph, axis: &HashMap<Var, usize>, eqn: &Eqn) -> Option<InParts> {
    let [_] = eqn.outputs[..] else { return None };
    let along: Vec<Option<usize>> = eqn.inputs.iter().map(|v| axis.get(v).copied()).collect();
    if along.iter().all(Option::is_none) {
        return None;
    }
    let avals: Vec<&Aval> = eqn.inputs.iter().map(|v| graph.aval(*v)).collect();
    eqn.op.in_parts(&avals, &along)
}

fn begin(graph: &Graph, eqn: &Eqn, parts: &InParts) -> (Aval, Scalar) {
    let avals: Vec<&Aval> = eqn.inputs.iter().map(|v| graph.aval(*v)).collect();
    parts.begin(&avals, graph.aval(eqn.outputs[0]))
}

fn strip(graph: &Graph, eqn: &Eqn, d: usize, n: usize) -> Option<Strip> {
    let avals: Vec<&Aval> = eqn.inputs.iter().map(|v| graph.aval(*v)).collect();
    eqn.op.strip(&avals, d, n)
}

/// Axes of values, joined where they go along with each other.
#[derive(Default)]
struct Axes {
    number: BTreeMap<(Var, usize), usize>,
    parent: Vec<usize>,
}

impl Axes {
    fn find(&mut self, key: (Var, usize)) -> usize {
        let fresh = self.parent.len();
        let mut n = *self.number.entry(key).or_insert(fresh);
        if n == fresh {
            self.parent.push(fresh);
        }
        while self.parent[n] != n {
            self.parent[n] = self.parent[self.parent[n]];
            n = self.parent[n];
        }
        n
    }

    fn join(&mut self, a: (Var, usize), b: (Var, usize)) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[b.max(a)] = a.min(b);
    }

    /// The axis of each value, by class; values that have it twice are left out.
    fn classes(mut self) -> Vec<HashMap<Var, usize>> {
        let mut out: BTreeMap<usize, Vec<(Var, usize)>> = BTreeMap::new();
        for key in self.number.keys().copied().collect::<Vec<_>>() {
            let root = self.find(key);
            out.entry(root).or_default().push(key);
        }
        let once = |class: Vec<(Var, usize)>| {
            let twice = |v: Var| class.iter().filter(|(u, _)| *u == v).count() > 1;
            class.iter().copied().filter(|(v, _)| !twice(*v)).collect::<HashMap<Var, usize>>()
        };
        out.into_values().map(once).collect()
    }
}

fn of_class(graph: &Graph, axis: &HashMap<Var, usize>) -> Vec<Group> {
    let mut extents: Vec<usize> = axis.iter().map(|(v, a)| graph.shape(*v)[*a]).collect();
    extents.dedup();
    let [extent] = extents[..] else { return Vec::new() };
    let mut phase = vec![0usize; graph.n_vars()];
    let mut phases: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut folds: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (n, eqn) in graph.eqns.iter().enumerate() {
        let member = match eqn.outputs[..] {
            [out] => axis.get(&out).and_then(|d| strip(graph, eqn, *d, extent)),
            _ => None,
        };
        let is_fold = member.is_none() && in_parts(graph, axis, eqn).is_some();
        let of = |(k, v): (usize, &Var)| {
            let goes_along = |a: &usize| is_fold || member.as_ref().is_some_and(|m| m.along[k] == Some(*a));
            phase[v.0 as usize] + usize::from(axis.get(v).is_some_and(|a| !goes_along(a)))
        };
        let p = eqn.inputs.iter().enumerate().map(of).max().unwrap_or(0);
        // The result of a fold is there behind the loop.
        eqn.outputs.iter().for_each(|v| phase[v.0 as usize] = p + usize::from(is_fold));
        if is_fold {
            folds.entry(p).or_default().push(n);
        }
        // What is made of nothing is made again wherever it is read.
        if member.is_some() && !eqn.inputs.is_empty() {
            phases.entry(p).or_default().push(n);
        }
    }
    let large = phases.into_iter().filter(|(_, eqns)| eqns.len() > 1);
    large
        .map(|(p, eqns)| Group { extent, axis: axis.clone(), eqns, folds: folds.remove(&p).unwrap_or_default() })
        .collect()
}

/// Where strips of values along the axis come from that are stored elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Again {
    /// They are kept.
    Never,
    /// Kept is what the first half of the turns reads; the others compute them again.
    Half,
    /// They are computed again.
    Always,
}

/// The graph with the group computed in strips of `n`, of which the extent is a multiple. `stored` are the values that have
/// memory of their own; of those that do not, what strips need is computed in the loop. `places` are results with the inputs
/// whose memory they go to. `None` where that is impossible, or the same for another `again`.
pub fn in_strips(
    graph: &Graph,
    group: &Group,
    n: usize,
    again: Again,
    stored: &HashSet<Var>,
    places: &[(Var, Var)],
) -> Option<Graph> {
    if n >= group.extent || !group.extent.is_multiple_of(n) {
        return None;
    }
    let inside: HashSet<usize> = group.eqns.iter().chain(&group.folds).copied().collect();
    let is_read = |v: &Var| {
        let by = |(k, e): (usize, &Eqn)| !inside.contains(&k) && e.inputs.contains(v);
        graph.outputs.contains(v) || graph.eqns.iter().enumerate().any(by)
    };
    let outs = group.eqns.iter().map(|k| graph.eqns[*k].outputs[0]).filter(|v| is_read(v));
    // What is put together along another axis than the first, or in the memory of an input, goes from turn to turn.
    let mut carries: Vec<(Var, Option<Var>)> = Vec::new();
    let mut ys: Vec<Var> = Vec::new();
    for v in outs {
        let a = group.axis[&v];
        let host = places.iter().find(|(o, _)| *o == v).map(|(_, input)| *input);
        let host = host.filter(|i| group.axis.get(i) == Some(&a) && graph.aval(*i) == graph.aval(v));
        if host.is_some() || a != 0 { carries.push((v, host)) } else { ys.push(v) }
    }
    let defs: HashMap<Var, usize> =
        graph.eqns.iter().enumerate().flat_map(|(k, e)| e.outputs.iter().map(move |v| (*v, k))).collect();
    let plan = Plan { graph, group, n, stored, inside: &inside, defs: &defs };

    let mut b = Builder::new(&plan, again);
    let index = b.start;
    if n > 1 {
        let length = b.body.full(index_aval().dtype, &[], n as f64);
        b.start = b.body.bind1(Mul, &[index, length]);
    }
    b.index = Some(index);
    let held: Vec<Var> = carries.iter().map(|(v, _)| b.body.fresh(graph.aval(*v).clone())).collect();
    for ((v, host), carry) in carries.iter().zip(&held) {
        if let Some(input) = host {
            b.hosts.push((*input, *carry, group.axis[v]));
        }
    }
    let mut outputs = Vec::new();
    for ((v, _), carry) in carries.iter().zip(&held) {
        let slice = b.sliced(*v)?;
        let op = Scatter { coords: b.coords(*carry, group.axis[v]), combine: Combine::Set };
        outputs.push(b.body.bind1(op, &[*carry, b.start, slice]));
    }
    let mut stacked = Vec::new();
    for v in &ys {
        stacked.push(b.sliced(*v)?);
    }
    let mut sums: Vec<(&Eqn, InParts, Aval, Scalar)> = Vec::new();
    let mut so_far: Vec<Var> = Vec::new();
    for eqn in group.folds.iter().map(|k| &graph.eqns[*k]) {
        let parts = in_parts(graph, &group.axis, eqn)?;
        let (aval, init) = begin(graph, eqn, &parts);
        let mut ins = Vec::new();
        for v in &eqn.inputs {
            ins.push(if group.axis.contains_key(v) { b.sliced(*v)? } else { b.whole(*v)? });
        }
        let held = b.body.fresh(aval.clone());
        b.body.src = eqn.src;
        let part = Part { start: b.start, when: None };
        outputs.push(parts.go_on(&mut b.body, held, &ins, part));
        so_far.push(held);
        sums.push((eqn, parts, aval, init));
    }
    let Builder { mut body, consts, recomputed, .. } = b;
    if again != Again::Never && !recomputed {
        return None;
    }
    body.inputs = [index].into_iter().chain(consts.iter().map(|(_, _, w)| *w)).chain(held).chain(so_far).collect();
    body.outputs = [outputs, stacked].concat();
    let op = Scan {
        body: Rc::new(dce(&body)),
        length: group.extent / n,
        n_consts: consts.len(),
        n_carry: carries.len() + sums.len(),
        reverse: false,
        indexed: true,
    };
    let kept: HashMap<Var, usize> = consts.iter().filter_map(|(v, kept, _)| kept.map(|len| (*v, len))).collect();
    let needs: Vec<Var> = consts.iter().map(|(v, ..)| *v).chain(carries.iter().filter_map(|(_, host)| *host)).collect();
    let put = |g: &mut Graph, env: &mut Env<Var>, shorter: &HashMap<Var, Var>| {
        let source = |(v, kept, _): &(Var, Option<usize>, Var)| if kept.is_some() { shorter[v] } else { env.get(*v) };
        let mut ins: Vec<Var> = consts.iter().map(source).collect();
        for (v, host) in &carries {
            ins.push(match host {
                Some(input) => env.get(*input),
                None => g.zeros(graph.aval(*v)),
            });
        }
        ins.extend(sums.iter().map(|(_, _, aval, init)| g.constant(Array::full(aval, *init))));
        let made = g.bind(op, &ins);
        for ((v, _), w) in carries.iter().zip(&made) {
            env.set(*v, *w);
        }
        for ((eqn, parts, ..), w) in sums.iter().zip(&made[carries.len()..]) {
            g.src = eqn.src;
            let whole = parts.end(g, *w);
            if let Some(name) = graph.var_name(eqn.outputs[0]) {
                g.name_var(whole, name);
            }
            env.set(eqn.outputs[0], whole);
        }
        for (v, w) in ys.iter().zip(&made[carries.len() + sums.len()..]) {
            let shape = graph.shape(*v).to_vec();
            let flat = g.bind1(Reshape { shape }, &[*w]);
            env.set(*v, flat);
        }
    };
    let short = |v: Var| kept.get(&v).map(|len| Slice::along(graph.aval(v), group.axis[&v], 0, *len));
    Some(dce(&replaced(graph, &inside, &needs, &short, put)?))
}

/// What is to be put into a loop.
struct Plan<'a> {
    graph: &'a Graph,
    group: &'a Group,
    n: usize,
    stored: &'a HashSet<Var>,
    inside: &'a HashSet<usize>,
    defs: &'a HashMap<Var, usize>,
}

/// The graph with the equations `inside` replaced by what `put` appends, as soon as what that needs is there. Of values that
/// `short` has a slice for, `put` gets the slice, which is taken as soon as there is the value.
pub(super) fn replaced(
    graph: &Graph,
    inside: &HashSet<usize>,
    needs: &[Var],
    short: &dyn Fn(Var) -> Option<Slice>,
    put: impl FnOnce(&mut Graph, &mut Env<Var>, &HashMap<Var, Var>),
) -> Option<Graph> {
    let mut g = Graph::new(&graph.name);
    let mut env: Env<Var> = Env::new(graph);
    let mut shorter: HashMap<Var, Var> = HashMap::new();
    for v in &graph.inputs {
        let w = g.input(graph.aval(*v));
        if let Some(name) = graph.var_name(*v) {
            g.name_var(w, name);
        }
        env.set(*v, w);
    }
    let mut put = Some(put);
    let src = inside.iter().max().map(|k| graph.eqns[*k].src).unwrap_or_default();
    let mut late: Vec<&Eqn> = Vec::new();
    let copy = |g: &mut Graph, env: &mut Env<Var>, shorter: &mut HashMap<Var, Var>, eqn: &Eqn| {
        g.src = eqn.src;
        let outs = g.bind(eqn.op.clone(), &env.get_all(&eqn.inputs));
        for (v, w) in eqn.outputs.iter().zip(outs) {
            if let Some(name) = graph.var_name(*v) {
                g.name_var(w, name);
            }
            env.set(*v, w);
            if let Some(op) = short(*v) {
                shorter.insert(*v, g.bind1(op, &[w]));
            }
        }
    };
    for k in 0..=graph.eqns.len() {
        if put.is_some() && needs.iter().all(|v| env.find(*v).is_some()) {
            g.src = src;
            put.take()?(&mut g, &mut env, &shorter);
            for eqn in late.drain(..) {
                copy(&mut g, &mut env, &mut shorter, eqn);
            }
        }
        let Some(eqn) = graph.eqns.get(k).filter(|_| !inside.contains(&k)) else { continue };
        match eqn.inputs.iter().all(|v| env.find(*v).is_some()) {
            true => copy(&mut g, &mut env, &mut shorter, eqn),
            false if put.is_some() => late.push(eqn),
            false => return None,
        }
    }
    if put.is_some() {
        return None;
    }
    g.outputs = env.get_all(&graph.outputs);
    Some(g)
}

/// Builds the body of a loop, or a branch in it.
struct Builder<'a> {
    plan: &'a Plan<'a>,
    again: Again,
    body: Graph,
    /// The number of the turn; a branch has none.
    index: Option<Var>,
    /// Where the strip begins.
    start: Var,
    /// Inputs whose memory goes from turn to turn: what holds them, and the axis.
    hosts: Vec<(Var, Var, usize)>,
    sliced: HashMap<Var, Var>,
    whole: HashMap<Var, Var>,
    /// What comes from outside, how much of it along the axis, and what it is inside.
    consts: Vec<(Var, Option<usize>, Var)>,
    recomputed: bool,
}

impl<'a> Builder<'a> {
    fn new(plan: &'a Plan<'a>, again: Again) -> Builder<'a> {
        let mut body = Graph::new(&plan.graph.name);
        let start = body.fresh(index_aval());
        let (sliced, whole) = (HashMap::new(), HashMap::new());
        let (hosts, consts) = (Vec::new(), Vec::new());
        Builder { plan, again, body, index: None, start, hosts, sliced, whole, consts, recomputed: false }
    }

    /// The strip of a value that is kept for the first half of the turns.
    fn kept_or_again(&mut self, v: Var, a: usize) -> Option<Var> {
        let half = self.plan.group.extent / self.plan.n / 2;
        if half == 0 {
            return None;
        }
        let mut again = Builder::new(self.plan, Again::Always);
        for (input, carry, a) in &self.hosts {
            let carry = again.body.fresh(self.body.aval(*carry).clone());
            again.hosts.push((*input, carry, *a));
        }
        let result = again.sliced(v)?;
        let Builder { mut body, start, hosts, consts, .. } = again;
        body.inputs = [start].into_iter().chain(hosts.iter().map(|(_, w, _)| *w)).collect();
        body.inputs.extend(consts.iter().map(|(_, _, w)| *w));
        body.outputs = vec![result];
        let mut kept = Graph::new(&body.name);
        kept.inputs = body.inputs.iter().map(|w| kept.fresh(body.aval(*w).clone())).collect();
        let mut ins = vec![self.start];
        ins.extend(self.hosts.iter().map(|(_, carry, _)| *carry));
        for (v, kept, _) in &consts {
            ins.push(self.outer(*v, *kept));
        }
        let stored = self.outer(v, Some(half * self.plan.n));
        ins.push(stored);
        let aval = self.body.aval(stored).clone();
        body.input(&aval);
        let from = kept.input(&aval);
        let coords = Coords { shape: body.shape(result).to_vec(), ..self.coords(stored, a) };
        kept.outputs = vec![kept.bind1(Gather { coords }, &[from, kept.inputs[0]])];
        let half = self.body.full(index_aval().dtype, &[], half as f64);
        let which = self.body.bind1(Div, &[self.index?, half]);
        let which = self.body.bind1(Convert { dtype: DType::I32 }, &[which]);
        let op = Switch { branches: vec![Rc::new(kept), Rc::new(dce(&body))] };
        self.recomputed = true;
        Some(self.body.bind1(op, &[&[which], &ins[..]].concat()))
    }

    fn outer(&mut self, v: Var, kept: Option<usize>) -> Var {
        if let Some((_, _, w)) = self.consts.iter().find(|(u, k, _)| *u == v && *k == kept) {
            return *w;
        }
        let mut aval = self.plan.graph.aval(v).clone();
        if let Some(len) = kept {
            aval.shape[self.plan.group.axis[&v]] = len;
        }
        let w = self.body.fresh(aval);
        self.consts.push((v, kept, w));
        w
    }

    /// Where a strip along axis `a` of `x` lies.
    fn coords(&self, x: Var, a: usize) -> Coords {
        let mut shape = self.body.shape(x).to_vec();
        shape[a] = self.plan.n;
        let dims = (0..shape.len()).map(|d| if d == a { DimIx::slice(0, d) } else { DimIx::window(d) }).collect();
        Coords { dims, index_dims: vec![Vec::new()], shape, mode: IndexMode::Clip }
    }

    fn slice(&mut self, x: Var, a: usize) -> Var {
        let coords = self.coords(x, a);
        self.body.bind1(Gather { coords }, &[x, self.start])
    }

    /// The strip of a value.
    fn sliced(&mut self, v: Var) -> Option<Var> {
        if let Some(w) = self.sliced.get(&v) {
            return Some(*w);
        }
        let Plan { graph, group, n, .. } = *self.plan;
        let a = *group.axis.get(&v)?;
        if let Some((_, carry, a)) = self.hosts.iter().find(|(input, ..)| *input == v).copied() {
            let w = self.slice(carry, a);
            self.sliced.insert(v, w);
            return Some(w);
        }
        let of = self.plan.defs.get(&v).map(|k| (*k, &graph.eqns[*k])).filter(|(_, e)| e.outputs.len() == 1);
        let own = of.and_then(|(k, eqn)| {
            let here = self.plan.inside.contains(&k) || eqn.inputs.is_empty() || !self.plan.stored.contains(&v);
            let strip = strip(graph, eqn, a, n).filter(|_| here || self.again != Again::Never)?;
            Some((eqn, strip, here))
        });
        let w = match own {
            Some((_, _, false)) if self.again == Again::Half => self.kept_or_again(v, a)?,
            Some((eqn, strip, here)) => {
                self.recomputed |= !here;
                let mut ins = Vec::new();
                for (u, along) in eqn.inputs.iter().zip(&strip.along) {
                    ins.push(match along {
                        Some(a) => self.sliced(*u).filter(|_| group.axis.get(u) == Some(a))?,
                        None => self.whole(*u)?,
                    });
                }
                self.body.src = eqn.src;
                let w = self.body.try_bind(strip.op, &ins).ok()?[0];
                if let Some(name) = graph.var_name(v) {
                    self.body.name_var(w, name);
                }
                w
            }
            None => {
                let x = self.outer(v, None);
                self.slice(x, a)
            }
        };
        let mut shape = graph.shape(v).to_vec();
        shape[a] = n;
        if self.body.shape(w) != shape {
            return None;
        }
        self.sliced.insert(v, w);
        Some(w)
    }

    /// All of a value.
    fn whole(&mut self, v: Var) -> Option<Var> {
        if let Some(w) = self.whole.get(&v) {
            return Some(*w);
        }
        let w = match self.plan.defs.get(&v) {
            Some(k) if self.plan.inside.contains(k) => return None,
            Some(k) if !self.plan.stored.contains(&v) => {
                let eqn = &self.plan.graph.eqns[*k];
                if eqn.op.has_effect() || eqn.outputs.len() != 1 {
                    return None;
                }
                let ins: Vec<Var> = eqn.inputs.iter().map(|u| self.whole(*u)).collect::<Option<_>>()?;
                self.body.src = eqn.src;
                self.body.try_bind(eqn.op.clone(), &ins).ok()?[0]
            }
            _ => self.outer(v, None),
        };
        self.whole.insert(v, w);
        Some(w)
    }
}
