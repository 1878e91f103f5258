//! What a schedule costs to run, in operations: what budgets of memory are paid with.

use std::collections::HashMap;

use crate::graph::{Aval, Eqn, Graph};
use crate::ops::Region;
use crate::passes::dce;
use crate::schedule::body::{Ex, Exprs, Node};
use crate::schedule::exprs::{axes_of, index, needed, operands};
use crate::schedule::program::{Form, Kernel, Kind, Nest, Schedule};
use crate::schedule::weight::of_element;

/// What it costs to start a kernel.
const START: u64 = 16;

/// What an element of a sum costs that begins with one of before.
const CONTINUED: u64 = 3;

/// Operations of one run: every arithmetic operation counts one, a call of an elementary function twenty, an element that is
/// stored one, the start of a kernel sixteen. Of branches the mean counts; of a loop without bound, one turn.
pub fn work(s: &Schedule) -> u64 {
    sum(s.kernels.iter().map(|k| of_kernel(s, k).saturating_add(START)))
}

/// Loops inside each other may run for longer than a number can say.
fn sum(parts: impl Iterator<Item = u64>) -> u64 {
    parts.fold(0, u64::saturating_add)
}

/// The same of a graph, before anything is scheduled: transformations choose between two graphs by it.
pub fn of_graph(g: &Graph) -> u64 {
    let g = dce(g);
    sum(g.eqns.iter().map(|eqn| of_eqn(&g, eqn)))
}

fn of_eqn(g: &Graph, eqn: &Eqn) -> u64 {
    let ins: Vec<&Aval> = eqn.inputs.iter().map(|v| g.aval(*v)).collect();
    match eqn.op.region() {
        Some(Region::Scan { body, length, .. }) => (length as u64).saturating_mul(of_graph(&body)),
        Some(Region::Switch { branches }) => sum(branches.iter().map(|b| of_graph(b))) / (branches.len() as u64).max(1),
        Some(Region::While { cond, body, bound, .. }) => {
            (bound.unwrap_or(1) as u64).saturating_mul(of_graph(&cond).saturating_add(of_graph(&body)))
        }
        None if eqn.op.is_elementwise() => {
            let out = g.aval(eqn.outputs[0]);
            let dtypes: Vec<_> = ins.iter().map(|a| a.dtype).collect();
            u64::from(of_element(&eqn.op, &dtypes, out.dtype)) * out.size() as u64
        }
        // What stands for a graph is that graph, the first it holds.
        None => match eqn.op.subgraphs().first() {
            Some(inner) => of_graph(inner),
            None => eqn.op.flops(&ins),
        },
    }
}

/// Operations of one kernel of `s`.
pub fn of_kernel(s: &Schedule, k: &Kernel) -> u64 {
    let aval = |b: &u32| &s.buffers[*b as usize].aval;
    let written = || k.writes.iter().map(|b| aval(b).size() as u64).sum::<u64>();
    match &k.kind {
        Kind::Loop(nest) => of_nest(nest, &[]).saturating_add(written()),
        Kind::Scatter { nest, when, .. } => {
            let roots: Vec<Ex> = when.iter().copied().collect();
            let touched = nest.extents.iter().product::<usize>() as u64;
            let copied = if !k.in_place.is_empty() { 0 } else { written() };
            of_nest(nest, &roots).saturating_add(touched).saturating_add(copied)
        }
        Kind::Call { op, ins, .. } => op.flops(&ins.iter().collect::<Vec<_>>()) + written(),
        Kind::Effect { .. } => 0,
        Kind::Region(r) => {
            let bodies = r.bodies.iter().map(|b| work(&b.schedule));
            match &r.form {
                Form::Scan { length, .. } => sum(bodies).saturating_mul(*length as u64),
                Form::Switch { .. } => sum(bodies) / (r.bodies.len() as u64).max(1),
                Form::While { bound } => sum(bodies).saturating_mul(bound.unwrap_or(1) as u64),
            }
        }
    }
}

/// Every expression runs once for each index of the axes that it depends on. `roots` are computed beside what is stored.
fn of_nest(nest: &Nest, roots: &[Ex]) -> u64 {
    let mut extents: HashMap<u32, u64> = nest.extents.iter().enumerate().map(|(d, n)| (d as u32, *n as u64)).collect();
    extents.extend(nest.folds.iter().flat_map(|f| &f.axes).map(|(id, n)| (*id, *n as u64)));
    let turns = |axes: &[u32]| axes.iter().fold(1u64, |n, id| n.saturating_mul(extents.get(id).copied().unwrap_or(1)));
    let add = |axes: &mut Vec<u32>, more: &[u32]| {
        axes.extend_from_slice(more);
        axes.sort_unstable();
        axes.dedup();
    };
    let out: Vec<u32> = (0..nest.extents.len() as u32).collect();
    let all: Vec<Ex> = roots.iter().copied().chain(nest.roots()).collect();
    // The axes that each expression depends on.
    let mut axes: Vec<Vec<u32>> = vec![Vec::new(); nest.exprs.len()];
    let mut sum = 0u64;
    for e in needed(&nest.exprs, &all) {
        let node = nest.exprs.node(e);
        let mut own = index(node).map(axes_of).unwrap_or_default();
        if let Node::Folded(_) = node {
            own.extend(&out);
        }
        for a in operands(node) {
            add(&mut own, &axes[a.0 as usize]);
        }
        add(&mut own, &[]);
        sum = sum.saturating_add(turns(&own).saturating_mul(of_node(&nest.exprs, e)));
        axes[e.0 as usize] = own;
    }
    for f in &nest.folds {
        let mut own = out.clone();
        add(&mut own, &f.axes.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        // What begins with a sum of before runs in loops, where the cores have kernels of their own for sums from zero.
        let each = if f.start.is_some() { CONTINUED } else { 1 };
        sum = sum.saturating_add(turns(&own).saturating_mul(each));
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
