//! What a schedule costs to run, in operations: what budgets of memory are paid with.

use crate::graph::Aval;
use crate::schedule::body::{Ex, Exprs, Node};
use crate::schedule::exprs::{axes_of, index, needed, operands};
use crate::schedule::fuse::of_element;
use crate::schedule::program::{Form, Kernel, Kind, Nest, Schedule};

/// What it costs to start a kernel.
const START: u64 = 16;

/// Operations of one run: every arithmetic operation counts one, a call of an elementary function twenty, an element that is
/// stored one, the start of a kernel sixteen. Of branches the mean counts; of a loop without bound, one turn.
pub fn work(s: &Schedule) -> u64 {
    s.kernels.iter().map(|k| START + of_kernel(s, k)).sum()
}

/// Operations of one kernel of `s`.
pub fn of_kernel(s: &Schedule, k: &Kernel) -> u64 {
    let aval = |b: &u32| &s.buffers[*b as usize].aval;
    let written = || k.writes().iter().map(|b| aval(b).size() as u64).sum::<u64>();
    match &k.kind {
        Kind::Loop(nest) => of_nest(nest, &[nest.value]) + written(),
        Kind::Scatter { nest, when, .. } => {
            let roots: Vec<Ex> = [nest.value].into_iter().chain(*when).collect();
            let touched = nest.extents.iter().product::<usize>() as u64;
            of_nest(nest, &roots) + touched + if k.in_place.is_some() { 0 } else { written() }
        }
        Kind::Call { op, .. } => op.flops(&k.reads.iter().map(aval).collect::<Vec<&Aval>>()) + written(),
        Kind::Effect { .. } => 0,
        Kind::Region(r) => {
            let bodies = r.bodies.iter().map(|b| work(&b.schedule));
            match &r.form {
                Form::Scan { length, .. } => *length as u64 * bodies.sum::<u64>(),
                Form::Switch { .. } => bodies.sum::<u64>() / (r.bodies.len() as u64).max(1),
                Form::While { bound } => bound.unwrap_or(1) as u64 * bodies.sum::<u64>(),
            }
        }
    }
}

/// Every expression runs once for each index of the axes that it depends on.
fn of_nest(nest: &Nest, roots: &[Ex]) -> u64 {
    let mut extents: Vec<(u32, u64)> = nest.extents.iter().enumerate().map(|(d, n)| (d as u32, *n as u64)).collect();
    extents.extend(nest.folds.iter().flat_map(|f| &f.axes).map(|(id, n)| (*id, *n as u64)));
    let out: u128 = (0..nest.extents.len()).fold(0, |m, d| m | bit(d as u32));
    let turns = |mask: u128| {
        extents.iter().filter(|(id, _)| mask & bit(*id) != 0).fold(1u64, |n, (_, extent)| n.saturating_mul(*extent))
    };
    let all: Vec<Ex> = roots.iter().copied().chain(nest.folds.iter().map(|f| f.item)).collect();
    let mut mask = vec![0u128; nest.exprs.len()];
    let mut sum = 0u64;
    for e in needed(&nest.exprs, &all) {
        let node = nest.exprs.node(e);
        let mut m = operands(node).iter().fold(0, |m, a| m | mask[a.0 as usize]);
        if let Some(ix) = index(node) {
            m = axes_of(ix).iter().fold(m, |m, id| m | bit(*id));
        }
        if let Node::Folded(_) = node {
            m |= out;
        }
        mask[e.0 as usize] = m;
        sum = sum.saturating_add(turns(m).saturating_mul(of_node(&nest.exprs, e)));
    }
    for f in &nest.folds {
        let own = f.axes.iter().fold(out, |m, (id, _)| m | bit(*id));
        sum = sum.saturating_add(turns(own));
    }
    sum
}

fn of_node(exprs: &Exprs, e: Ex) -> u64 {
    match exprs.node(e) {
        Node::Apply(text, args) => {
            let dtypes: Vec<_> = args.iter().map(|a| exprs.dtype(*a)).collect();
            u64::from(of_element(exprs.op(text), &dtypes, exprs.dtype(e)))
        }
        _ => 0,
    }
}

/// Axes beyond the last bit share it: nests have few.
fn bit(id: u32) -> u128 {
    1 << id.min(127)
}
