//! Equations that go along an axis together, computed strip by strip: what lives between them is as large as a strip.
//!
//! Before: every equation makes its whole result. After: a loop over strips of an axis makes, in each turn, the slices of
//! several results; only what is read outside of the loop is stored whole. An axis is one here if slices along it are
//! computed from slices alone, element by element as before, so every bit stays. Folds over the axis are left outside: they
//! would have to be cut in pieces.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use crate::graph::{Aval, Env, Eqn, Graph, Var};
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::scan::index_aval;
use crate::ops::scatter::Combine;
use crate::ops::{Add, Gather, Mul, Op, Reshape, Scan, Scatter, Slice};
use crate::passes::dce;

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
        Group { eqns, ..self.clone() }
    }
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
    for (n, eqn) in graph.eqns.iter().enumerate() {
        let member = match eqn.outputs[..] {
            [out] => axis.get(&out).and_then(|d| strip(graph, eqn, *d, extent)),
            _ => None,
        };
        let of = |(k, v): (usize, &Var)| {
            let goes_along = |a: &usize| member.as_ref().is_some_and(|m| m.along[k] == Some(*a));
            phase[v.0 as usize] + usize::from(axis.get(v).is_some_and(|a| !goes_along(a)))
        };
        let p = eqn.inputs.iter().enumerate().map(of).max().unwrap_or(0);
        eqn.outputs.iter().for_each(|v| phase[v.0 as usize] = p);
        // What is made of nothing is made again wherever it is read.
        if member.is_some() && !eqn.inputs.is_empty() {
            phases.entry(p).or_default().push(n);
        }
    }
    let large = phases.into_values().filter(|eqns| eqns.len() > 1);
    large.map(|eqns| Group { extent, axis: axis.clone(), eqns }).collect()
}

/// The graph with the group computed in strips of `n`, of which the extent is a multiple. `stored` are the values that have
/// memory of their own; of those that do not, what strips need is computed in the loop. From turn `again` on, so is what
/// strips need of values along the axis that are stored; of these, only what the turns before need is kept. `places` are
/// results with the inputs whose memory they go to. `None` where that is impossible, or the same for another `again`.
pub fn in_strips(
    graph: &Graph,
    group: &Group,
    n: usize,
    again: usize,
    stored: &HashSet<Var>,
    places: &[(Var, Var)],
) -> Option<Graph> {
    if n >= group.extent || !group.extent.is_multiple_of(n) {
        return None;
    }
    let turns = group.extent / n;
    let inside: HashSet<usize> = group.eqns.iter().copied().collect();
    let is_read = |v: &Var| {
        let by = |(k, e): (usize, &Eqn)| !inside.contains(&k) && e.inputs.contains(v);
        graph.outputs.contains(v) || graph.eqns.iter().enumerate().any(by)
    };
    let outs = group.eqns.iter().map(|k| graph.eqns[*k].outputs[0]).filter(|v| is_read(v));
    // What is put together along another axis than the first, in the memory of an input, or by two loops, goes from turn to
    // turn.
    let both = 0 < again && again < turns;
    let mut carries: Vec<(Var, Option<Var>)> = Vec::new();
    let mut ys: Vec<Var> = Vec::new();
    for v in outs {
        let a = group.axis[&v];
        let host = places.iter().find(|(o, _)| *o == v).map(|(_, input)| *input);
        let host = host.filter(|i| group.axis.get(i) == Some(&a) && graph.aval(*i) == graph.aval(v));
        if host.is_some() || a != 0 || both { carries.push((v, host)) } else { ys.push(v) }
    }
    let defs: HashMap<Var, usize> =
        graph.eqns.iter().enumerate().flat_map(|(k, e)| e.outputs.iter().map(move |v| (*v, k))).collect();
    let plan = Plan { graph, group, n, stored, inside: &inside, defs: &defs, carries: &carries, ys: &ys };
    let mut loops = Vec::new();
    for (from, to, is_again) in [(0, again.min(turns), false), (again.min(turns), turns, true)] {
        if from == to {
            continue;
        }
        let l = plan.turns(from, to, is_again, both)?;
        let other = if is_again { !l.recomputed } else { both && l.consts.iter().all(|(_, kept)| kept.is_none()) };
        if other {
            return None;
        }
        loops.push(l);
    }
    let consts = || loops.iter().flat_map(|l| &l.consts);
    let kept: HashMap<Var, usize> = consts().filter_map(|(v, kept)| kept.map(|len| (*v, len))).collect();
    let needs: Vec<Var> = consts().map(|(v, _)| *v).chain(carries.iter().filter_map(|(_, host)| *host)).collect();
    let put = |g: &mut Graph, env: &mut Env<Var>, shorter: &HashMap<Var, Var>| {
        let mut state: Vec<Var> = Vec::new();
        for (v, host) in &carries {
            state.push(match host {
                Some(input) => env.get(*input),
                None => g.zeros(graph.aval(*v)),
            });
        }
        for l in &loops {
            let source = |(v, kept): &(Var, Option<usize>)| if kept.is_some() { shorter[v] } else { env.get(*v) };
            let ins: Vec<Var> = l.consts.iter().map(source).chain(state).collect();
            let mut made = g.bind(l.op.clone(), &ins);
            let rest = made.split_off(carries.len());
            state = made;
            for (v, w) in ys.iter().zip(rest) {
                let shape = graph.shape(*v).to_vec();
                let flat = g.bind1(Reshape { shape }, &[w]);
                env.set(*v, flat);
            }
        }
        for ((v, _), w) in carries.iter().zip(state) {
            env.set(*v, w);
        }
    };
    let short = |v: Var| kept.get(&v).map(|len| Slice::along(graph.aval(v), group.axis[&v], 0, *len));
    Some(dce(&replaced(graph, &inside, &needs, &short, put)?))
}

/// What all loops of a group share.
struct Plan<'a> {
    graph: &'a Graph,
    group: &'a Group,
    n: usize,
    stored: &'a HashSet<Var>,
    inside: &'a HashSet<usize>,
    defs: &'a HashMap<Var, usize>,
    /// Results that go from turn to turn, with the inputs whose memory they go to.
    carries: &'a [(Var, Option<Var>)],
    /// Results that are stacked.
    ys: &'a [Var],
}

/// A loop over some of the strips.
struct Turns {
    op: Scan,
    /// What stays: a value, or the first so many elements of it along the axis.
    consts: Vec<(Var, Option<usize>)>,
    /// Whether something is computed that is stored elsewhere.
    recomputed: bool,
}

impl Plan<'_> {
    fn turns(&self, from: usize, to: usize, again: bool, cut: bool) -> Option<Turns> {
        let mut body = Graph::new(&self.graph.name);
        let index = body.fresh(index_aval());
        let mut start = index;
        for (op, x) in [(Op::from(Add), from), (Op::from(Mul), self.n)] {
            if x != usize::from(op.downcast::<Mul>().is_some()) {
                let x = body.full(index_aval().dtype, &[], x as f64);
                start = body.bind1(op, &[start, x]);
            }
        }
        let keep = (cut && !again).then_some(to * self.n);
        let consts = Vec::new();
        let (sliced, whole) = (HashMap::new(), HashMap::new());
        let mut b = Builder { plan: self, again, keep, body, start, sliced, whole, consts, recomputed: false };
        let carries: Vec<Var> = self.carries.iter().map(|(v, _)| b.body.fresh(self.graph.aval(*v).clone())).collect();
        for ((v, host), carry) in self.carries.iter().zip(&carries) {
            if let Some(input) = host {
                let slice = b.slice(*carry, self.group.axis[v]);
                b.sliced.insert(*input, slice);
            }
        }
        let mut outputs = Vec::new();
        for ((v, _), carry) in self.carries.iter().zip(&carries) {
            let slice = b.sliced(*v)?;
            let op = Scatter { coords: b.coords(*carry, self.group.axis[v]), combine: Combine::Set };
            outputs.push(b.body.bind1(op, &[*carry, b.start, slice]));
        }
        for v in self.ys {
            outputs.push(b.sliced(*v)?);
        }
        let Builder { mut body, consts, recomputed, .. } = b;
        body.inputs = [index].into_iter().chain(consts.iter().map(|(_, _, w)| *w)).chain(carries).collect();
        body.outputs = outputs;
        let op = Scan {
            body: Rc::new(dce(&body)),
            length: to - from,
            n_consts: consts.len(),
            n_carry: self.carries.len(),
            reverse: false,
            indexed: true,
        };
        Some(Turns { op, consts: consts.into_iter().map(|(v, kept, _)| (v, kept)).collect(), recomputed })
    }
}

/// The graph with the equations `inside` replaced by what `put` appends, as soon as what that needs is there. Of values that
/// `short` has a slice for, `put` gets the slice, which is taken as soon as there is the value.
fn replaced(
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

/// Builds the body of a loop.
struct Builder<'a> {
    plan: &'a Plan<'a>,
    again: bool,
    /// So many elements along the axis are kept of what is stored.
    keep: Option<usize>,
    body: Graph,
    /// Where the strip begins.
    start: Var,
    sliced: HashMap<Var, Var>,
    whole: HashMap<Var, Var>,
    /// What comes from outside, how much of it, and what it is inside.
    consts: Vec<(Var, Option<usize>, Var)>,
    recomputed: bool,
}

impl Builder<'_> {
    fn from_outside(&mut self, v: Var, kept: Option<usize>) -> Var {
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
        let of = self.plan.defs.get(&v).map(|k| (*k, &graph.eqns[*k])).filter(|(_, e)| e.outputs.len() == 1);
        let own = of.and_then(|(k, eqn)| {
            let here = self.plan.inside.contains(&k) || eqn.inputs.is_empty() || !self.plan.stored.contains(&v);
            let strip = strip(graph, eqn, a, n).filter(|_| here || self.again)?;
            Some((eqn, strip, here))
        });
        let w = match own {
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
                let kept = self.keep.filter(|_| of.is_some());
                let x = self.from_outside(v, kept);
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
            _ => self.from_outside(v, None),
        };
        self.whole.insert(v, w);
        Some(w)
    }
}
