//! What a kernel does, counted: loads, stores, applications of primitives, turns of loops.
//!
//! The counts are those of the loops as they are written, each expression in the outermost loop that it can be in. What a
//! core makes of them is the business of its profile, so a contraction is counted by its sides: how often those are
//! evaluated depends on how large a tile of sums the core can hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::dtype::DType;
use crate::schedule::body::{Ex, Exprs, Node};
use crate::schedule::contract;
use crate::schedule::exprs::{axes_of, index, needed, operands};
use crate::schedule::ix::{Atom, Ix};
use crate::schedule::program::{Kernel, Kind, Nest, Schedule};
use crate::schedule::weight::calls_function;

/// How often what happens: `load f32`, `mul f32`, `call exp f32`, `loop`; `product f32` is a product added to a sum.
pub type Counts = BTreeMap<String, u64>;

/// What a kernel does when it runs once, without what is inside of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// All but the sides of a contraction.
    pub counts: Counts,
    /// Bytes of the buffers that are read and of those that are written, each counted once.
    pub moved_bytes: u64,
    /// A contraction.
    pub tile: Option<Tile>,
}

/// A contraction: `outer` times, for `m` rows and `n` columns, sums of `k` products.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tile {
    /// Rows.
    pub m: u64,
    /// Columns.
    pub n: u64,
    /// Products of a sum.
    pub k: u64,
    /// How often.
    pub outer: u64,
    /// What the factor of a row takes, for one product.
    pub a: Counts,
    /// What the factor of a column takes, for one product.
    pub b: Counts,
}

/// What `k` does.
pub fn work(s: &Schedule, k: &Kernel) -> Work {
    let buffer = |b: &u32| &s.buffers[*b as usize].aval;
    let writes = &k.writes;
    let moved = k.reads.iter().filter(|b| !writes.contains(b)).chain(writes).map(|b| buffer(b).bytes() as u64).sum();
    let mut w = Work { moved_bytes: moved, ..Work::default() };
    match &k.kind {
        Kind::Loop(nest) => of_nest(nest, &mut w),
        Kind::Scatter { nest, at, when, combine, from } => {
            let to = writes[0];
            let target = buffer(&to);
            if k.in_place_of(to) != Some(*from) && *from != to {
                add(&mut w.counts, format!("load {}", target.dtype), target.size() as u64);
                add(&mut w.counts, format!("store {}", target.dtype), target.size() as u64);
            }
            let mut roots: Vec<Ex> = nest.values().collect();
            roots.extend(values_in(at));
            roots.extend(when);
            let n = plain(nest, &roots, &mut w.counts);
            if let Some(op) = combine {
                add(&mut w.counts, format!("load {}", target.dtype), n);
                add(&mut w.counts, format!("{} {}", op.name(), target.dtype), n);
            }
            add(&mut w.counts, format!("store {}", target.dtype), n);
        }
        Kind::Call { function, .. } => {
            let elements = k.reads.iter().chain(writes).map(|b| buffer(b).size() as u64).sum();
            let dtype = writes.first().map_or(String::new(), |b| format!(" {}", buffer(b).dtype));
            let name = function.name();
            add(&mut w.counts, format!("routine {}{dtype}", name.trim_start_matches("rt::")), elements);
        }
        Kind::Region(_) => {
            // What the loop's body moves is counted there.
            w.moved_bytes = 0;
        }
        Kind::Effect { .. } => {}
    }
    let storage = |b: u32| &s.buffers[b as usize].storage;
    for (_, to) in k.carries().iter().filter(|(from, to)| storage(*from) != storage(*to)) {
        add(&mut w.counts, format!("load {}", buffer(to).dtype), buffer(to).size() as u64);
        add(&mut w.counts, format!("store {}", buffer(to).dtype), buffer(to).size() as u64);
    }
    w
}

fn add(counts: &mut Counts, what: String, n: u64) {
    if n > 0 {
        *counts.entry(what).or_default() += n;
    }
}

fn values_in(ix: &Ix) -> Vec<Ex> {
    let mut out = Vec::new();
    ix.visit(&mut |a| {
        if let Atom::Value { ex, .. } = a {
            out.push(*ex);
        }
    });
    out
}

fn of_nest(nest: &Nest, w: &mut Work) {
    let store = |n: u64, counts: &mut Counts| {
        nest.values().for_each(|e| add(counts, format!("store {}", nest.exprs.dtype(e)), n));
    };
    // What begins with a sum of before is compiled loops.
    let Some(c) = contract::find(nest).filter(|_| nest.folds.iter().all(|f| f.start.is_none())) else {
        let n = plain(nest, &[], &mut w.counts);
        store(n, &mut w.counts);
        return;
    };
    let extent = |d: Option<u32>| d.map_or(1, |d| nest.extents[d as usize] as u64);
    let (m, n) = (extent(c.m), extent(c.n));
    let all: u64 = nest.extents.iter().map(|n| *n as u64).product();
    let fold = &nest.folds[0];
    let k: u64 = fold.axes.iter().map(|(_, n)| *n as u64).product();
    let tile_axes: BTreeSet<u32> = c.m.into_iter().chain(c.n).chain(fold.axes.iter().map(|(id, _)| *id)).collect();
    let depends = dependencies(&nest.exprs);
    let inner = |e: &Ex| depends[e.0 as usize].axes.iter().any(|a| tile_axes.contains(a));
    let per_product = |root: Ex| {
        let mut counts = Counts::new();
        needed(&nest.exprs, &[root]).iter().filter(|e| inner(e)).for_each(|e| of_node(&nest.exprs, *e, 1, &mut counts));
        counts
    };
    let tile = Tile { m, n, k, outer: all / (m * n).max(1), a: per_product(c.a), b: per_product(c.b) };
    let values: Vec<Ex> = nest.values().collect();
    let at_result: BTreeSet<Ex> = needed(&nest.exprs, &values).into_iter().collect();
    for e in needed(&nest.exprs, &[&[c.a, c.b], &values[..]].concat()) {
        let times = match (depends[e.0 as usize].folded || inner(&e), at_result.contains(&e)) {
            (true, true) => all,
            (true, false) => continue, // Of a side.
            (false, _) => tile.outer,
        };
        of_node(&nest.exprs, e, times, &mut w.counts);
    }
    let of_item = nest.exprs.dtype(fold.item);
    add(&mut w.counts, format!("product {of_item}"), all * k);
    store(all, &mut w.counts);
    add(&mut w.counts, "loop".into(), tile.outer);
    w.tile = Some(tile);
}

/// Counts the expressions behind `roots`, the folds and the loops of a nest; says how often its innermost part runs.
fn plain(nest: &Nest, roots: &[Ex], counts: &mut Counts) -> u64 {
    let loops: Vec<(u32, u64)> =
        nest.extents.iter().enumerate().filter(|(_, n)| **n != 1).map(|(d, n)| (d as u32, *n as u64)).collect();
    // How often what stands inside of the first so many loops runs.
    let times = |level: usize| loops[..level].iter().map(|(_, n)| *n).product::<u64>();
    (1..=loops.len()).for_each(|level| add(counts, "loop".into(), times(level)));
    let all = times(loops.len());
    let mut roots = roots.to_vec();
    roots.extend(nest.roots());
    let depends = dependencies(&nest.exprs);
    for e in needed(&nest.exprs, &roots) {
        let on = &depends[e.0 as usize];
        let fold = nest.folds.iter().find(|f| f.axes.iter().any(|(id, _)| on.axes.contains(id)));
        let level = loops.iter().rposition(|(id, _)| on.axes.contains(id)).map_or(0, |l| l + 1);
        let n = match fold {
            Some(f) => all * turns(&f.axes),
            None if on.folded => all,
            None => times(level),
        };
        of_node(&nest.exprs, e, n, counts);
    }
    for f in &nest.folds {
        let n = all * turns(&f.axes);
        add(counts, format!("{} {}", f.combine.name(), nest.exprs.dtype(f.item)), n);
        add(counts, "loop".into(), n);
    }
    all
}

fn turns(axes: &[(u32, usize)]) -> u64 {
    axes.iter().map(|(_, n)| *n as u64).product()
}

/// What an expression depends on.
#[derive(Clone, Default)]
struct Depends {
    axes: BTreeSet<u32>,
    folded: bool,
}

fn dependencies(exprs: &Exprs) -> Vec<Depends> {
    let mut out: Vec<Depends> = Vec::with_capacity(exprs.len());
    for n in 0..exprs.len() as u32 {
        let node = exprs.node(Ex(n));
        let mut own = Depends { axes: BTreeSet::new(), folded: matches!(node, Node::Folded(_)) };
        own.axes.extend(index(node).into_iter().flat_map(axes_of));
        for arg in operands(node) {
            let of = &out[arg.0 as usize];
            own.axes.extend(&of.axes);
            own.folded |= of.folded;
        }
        out.push(own);
    }
    out
}

fn of_node(exprs: &Exprs, e: Ex, times: u64, counts: &mut Counts) {
    let node = exprs.node(e);
    if let Some(ix) = index(node) {
        let mut divisions = 0;
        ix.visit(&mut |a| divisions += u64::from(matches!(a, Atom::Div(..) | Atom::Rem(..))));
        add(counts, "index division".into(), divisions * times);
    }
    match node {
        Node::Const(_) | Node::Folded(_) | Node::Index(_) => {}
        Node::Load { .. } => add(counts, format!("load {}", exprs.dtype(e)), times),
        Node::InRange(..) => add(counts, "index comparison".into(), times),
        Node::Apply(text, args) => {
            // What a comparison costs depends on what is compared.
            let dtype = match args.first() {
                Some(arg) if exprs.dtype(e) == DType::Bool => exprs.dtype(*arg),
                _ => exprs.dtype(e),
            };
            let op = exprs.op(text);
            let dtypes: Vec<DType> = args.iter().map(|a| exprs.dtype(*a)).collect();
            let call = if calls_function(op, &dtypes) { "call " } else { "" };
            add(counts, format!("{call}{} {dtype}", op.name()), times);
        }
    }
}
