//! What the primitives that hold graphs share.

use crate::graph::{Aval, Graph, Var};
use crate::ops::{OpError, Tangent};

/// The tangent, as a variable even if it is a known zero.
pub fn instantiate(g: &mut Graph, t: Tangent, aval: &Aval) -> Var {
    t.unwrap_or_else(|| g.zeros(aval))
}

/// Floating-point operations of one run of `graph`.
pub fn flops(graph: &Graph) -> u64 {
    let of = |inputs: &[Var]| inputs.iter().map(|v| graph.aval(*v)).collect::<Vec<_>>();
    graph.eqns.iter().map(|eqn| eqn.op.flops(&of(&eqn.inputs))).fold(0, u64::saturating_add)
}

/// Whether anything in `graph` must run even if it is not read.
pub fn has_effect(graph: &Graph) -> bool {
    graph.eqns.iter().any(|eqn| eqn.op.has_effect())
}

/// Drops the equations that no result needs and that have no effect.
pub fn prune(graph: &mut Graph) {
    let mut needed = vec![false; graph.n_vars()];
    for v in &graph.outputs {
        needed[v.0 as usize] = true;
    }
    let mut keep = vec![false; graph.eqns.len()];
    for (n, eqn) in graph.eqns.iter().enumerate().rev() {
        keep[n] = eqn.op.has_effect() || eqn.outputs.iter().any(|v| needed[v.0 as usize]);
        if keep[n] {
            for v in &eqn.inputs {
                needed[v.0 as usize] = true;
            }
        }
    }
    let mut keep = keep.into_iter();
    graph.eqns.retain(|_| keep.next().expect("one per equation"));
}

/// Refuses results that are not what the op needs them to be; `what` names them.
pub fn expect_types(what: &str, found: &[Aval], expected: &[Aval]) -> Result<(), OpError> {
    if found.len() != expected.len() {
        return Err(OpError::new(format!("{what} must be {} values, found {}", expected.len(), found.len())));
    }
    match found.iter().zip(expected).find(|(a, b)| a != b) {
        Some((found, expected)) => Err(OpError::new(format!("{what} must be {expected}, found {found}"))),
        None => Ok(()),
    }
}

/// The items that are marked.
pub fn marked<'a, T>(items: &'a [T], marks: &'a [bool]) -> impl Iterator<Item = &'a T> {
    items.iter().zip(marks).filter(|(_, m)| **m).map(|(x, _)| x)
}

/// How many are marked.
pub fn count(marks: &[bool]) -> usize {
    marks.iter().filter(|m| **m).count()
}
