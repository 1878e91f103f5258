//! Fusion: computed where it is read.
//!
//! Before: every equation owns a value. After: a value owns a buffer only if it is a result, if computing it at every
//! reader would cost more than reading it, or if a reader needs it as a whole; everything else lives in the loops of its
//! readers. Never changes the order of a fold, never computes a fold or an elementary function twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::graph::{Aval, Eqn, Graph, Var};
use crate::ops::{Constant, Lowering};
use crate::schedule::nests::build;
use crate::schedule::order::order;
use crate::schedule::program::{Program, Schedule, WhyNot};
use crate::schedule::weight::{CALL, CHEAP, DEAR, FOLD, repeats, spread_in_fold, weight};

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
                schedule.unfused = wishes.unfused;
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
pub(super) struct Shown {
    of: HashMap<Var, Var>,
    regions: BTreeSet<Var>,
}

impl Shown {
    pub(super) fn of(g: &Graph) -> Shown {
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
    pub(super) fn by(&self, v: Var) -> Var {
        self.of.get(&v).copied().unwrap_or(v)
    }

    /// The result of an equation that `v` is a view of.
    pub(super) fn of_computed(&self, v: Var, defs: &HashMap<Var, &Eqn>) -> Option<Var> {
        let root = self.by(v);
        let computed = defs.get(&root).is_some_and(|e| e.op.downcast::<Constant>().is_none());
        (root != v && computed).then_some(root)
    }

    /// The result of a loop or branch that `v` is a view of.
    pub(super) fn of_region(&self, v: Var) -> Option<Var> {
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
