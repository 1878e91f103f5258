//! What computing an element of a value weighs, and whether it is done again and again.

use std::collections::BTreeSet;

use crate::dtype::DType;
use crate::graph::{Aval, Eqn, Graph, Var};
use crate::ops::{BroadcastInDim, Lowering, Op};
use crate::schedule::body::{Body, Ex, Exprs, Node};
use crate::schedule::exprs::{axes_of, index, needed, operands};
use crate::schedule::ix::{Ix, ravel};

/// Operations per element up to which a value is computed again rather than stored.
pub const CHEAP: u32 = 2;

/// What a call of an elementary function counts for.
pub const CALL: u32 = 20;

/// Operations per element from which on a fold does not compute a value again and again while it runs.
pub const DEAR: u32 = CALL / 2;

/// What a fold counts for: never computed twice.
pub const FOLD: u32 = 1000;

/// What computing one element costs beyond reading its operands. Conversions and moves of elements cost nothing.
pub fn weight(eqn: &Eqn, g: &Graph, lowering: &Lowering) -> u32 {
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
        false => op.weight(),
    }
}

/// Whether an elementwise primitive is a call of a function rather than an instruction or two.
pub fn calls_function(op: &Op, dtypes: &[DType]) -> bool {
    let args: Vec<_> = dtypes.iter().map(|_| quote::quote!(x)).collect();
    op.emit(dtypes, &args).into_iter().any(|t| t.to_string() == "rt")
}

/// Whether every element of `u` is read at many indices of the result of `eqn`, in loops around which it cannot be computed
/// in advance: the axes that repeat it are not the innermost ones.
pub fn repeats(eqn: &Eqn, g: &Graph, u: Var) -> bool {
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
pub fn spread_in_fold<'a>(
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
