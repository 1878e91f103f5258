//! Moving axes about: what the rules of contractions, convolutions and control flow share.

use crate::graph::{Graph, Var};
use crate::ops::{Reshape, Transpose};

/// `x` under another shape; nothing if it has it already.
pub fn reshape(g: &mut Graph, x: Var, shape: &[usize]) -> Var {
    if g.shape(x) == shape { x } else { g.bind1(Reshape { shape: shape.to_vec() }, &[x]) }
}

/// Axis `d` of the result is axis `perm[d]` of `x`; nothing for the identity.
pub fn permute(g: &mut Graph, x: Var, perm: Vec<usize>) -> Var {
    if perm.iter().copied().eq(0..perm.len()) { x } else { g.bind1(Transpose { perm }, &[x]) }
}

/// Axis `from` becomes axis `to`; the others keep their order.
pub fn move_axis(g: &mut Graph, x: Var, from: usize, to: usize) -> Var {
    let mut perm: Vec<usize> = (0..g.shape(x).len()).filter(|d| *d != from).collect();
    perm.insert(to, from);
    permute(g, x, perm)
}

/// Splits axis `axis` into `outer` times the rest.
pub fn split_axis(g: &mut Graph, x: Var, axis: usize, outer: usize) -> Var {
    let mut shape = g.shape(x).to_vec();
    let inner = shape[axis].checked_div(outer).unwrap_or(0);
    shape[axis] = inner;
    shape.insert(axis, outer);
    reshape(g, x, &shape)
}

/// Merges axis `axis` with the one after it.
pub fn merge_axes(g: &mut Graph, x: Var, axis: usize) -> Var {
    let mut shape = g.shape(x).to_vec();
    let inner = shape.remove(axis + 1);
    shape[axis] *= inner;
    reshape(g, x, &shape)
}

/// The axes of a rank that are in neither list, in order.
pub fn others(rank: usize, a: &[usize], b: &[usize]) -> Vec<usize> {
    (0..rank).filter(|d| !a.contains(d) && !b.contains(d)).collect()
}

/// Each of `axes` plus one: the same axes behind a batch axis.
pub fn shifted(axes: &[usize]) -> Vec<usize> {
    axes.iter().map(|d| d + 1).collect()
}

/// The shape with an axis in front.
pub fn prepended(first: usize, shape: &[usize]) -> Vec<usize> {
    let mut out = vec![first];
    out.extend(shape);
    out
}
