//! Stack: how many bytes kernels and what they call need beside the arena and the result.
//!
//! A bound that follows from what kernels hold: the registers that functions save, the sums of a register tile, the steps and
//! ranges of a contraction, and the values of a loop body that are needed at once. It is what a core with few registers needs, as
//! if nothing stayed in one; `cargo xtask bench` holds it against the painted stack of a Cortex-M4F, for every kernel that it runs,
//! and `cargo xtask bits` against that of the Cortex-M0, M3, M4F, M33 and M55, and of RISC-V cores with and without floating point.

use crate::dtype::DType;
use crate::schedule::body::{Ex, Node};
use crate::schedule::contract;
use crate::schedule::exprs::{axes_of, index, needed, operands};
use crate::schedule::program::{Fold, Form, Function, Kernel, Kind, Nest, RegionKernel, Schedule};
use crate::schedule::registers;
use crate::schedule::weight::is_call;

/// What the function around the kernels saves and holds: core registers, double registers, places of arguments.
const ENTRY: usize = 192;
/// What the function of a loop nest saves.
const SAVED: usize = 96;
/// Sixteen lanes of a sum, and the partial sums of the tree.
const LANES: usize = 112;
/// Neighbours of which compilers fold all at the same time.
const PARTS: usize = 4;
/// Elements of a fold that they then keep from one neighbour to the next, at most.
const KEPT: usize = 128;
/// Sums and elements of a register tile, with two walks through memory.
const TILE: usize = 96;
/// Two factors, for each summed index a step of either.
const PER_INDEX: usize = 16;
/// Ranges of products at the edges of a window: the runs that the rows are cut into, twice.
const REACH: usize = 160;
/// For each summed index its extent and range, twice.
const REACH_PER_INDEX: usize = 48;
/// The counter of a loop around kernels, and the rows that its turn begins at.
const TURN: usize = 24;
/// Sixteen sums behind which something follows that reads memory, and what it reads.
const EPILOGUE: usize = 128;
/// A routine on whole arrays: two levels of functions, and what they hold.
const ROUTINE: usize = 608;
/// An elementary function of doubles: what reduces a large angle, above the routines that stand for instructions on a core
/// without a unit for doubles. Functions of smaller numbers need no more than is counted for the values around them.
const FUNCTION_OF_DOUBLES: usize = 912;
/// What a function keeps for each further one of these: their results, and numbers that it has loaded in front of the loop.
const FURTHER_FUNCTION: usize = 32;
/// The words of a message, put together.
const MESSAGE: usize = 512;

/// Bytes of stack that a call of the kernels needs.
pub fn bytes(s: &Schedule) -> usize {
    ENTRY + deepest(s)
}

/// Bytes of stack in use where the kernels of `s` call other kernels, of which there are some.
pub fn around_call(s: &Schedule) -> usize {
    fn inside(s: &Schedule) -> Option<usize> {
        let of = |k: &Kernel| match &k.kind {
            Kind::Call { function: Function::Kernel { .. }, .. } => Some(of_kernel(s, k)),
            Kind::Region(r) => r.bodies.iter().filter_map(|b| inside(&b.schedule)).max().map(|n| turn(r) + n),
            _ => None,
        };
        s.kernels.iter().filter_map(of).max()
    }
    inside(s).map_or(0, |n| ENTRY + n)
}

fn deepest(s: &Schedule) -> usize {
    s.kernels.iter().map(|k| of_kernel(s, k)).max().unwrap_or(0)
}

fn turn(r: &RegionKernel) -> usize {
    if matches!(r.form, Form::Switch { .. }) { 0 } else { TURN }
}

fn of_kernel(s: &Schedule, k: &Kernel) -> usize {
    match &k.kind {
        Kind::Loop(nest) | Kind::Scatter { nest, .. } => {
            SAVED + of_nest(nest) + 4 * (k.reads.len() + k.writes.len() - 1)
        }
        Kind::Call { function: Function::Runtime { .. }, .. } => ROUTINE,
        // Without what the callee needs, which is added when that is known.
        Kind::Call { function: Function::Kernel { .. }, .. } => SAVED + 4 * (k.reads.len() + k.writes.len()),
        Kind::Effect { .. } => MESSAGE,
        Kind::Region(r) => {
            let turn = turn(r);
            if let Some(variables) = registers::variables(s, r) {
                // One function, in front of whose loop everything may be loaded that it reads.
                let nests = || registers::kernels(r).filter_map(registers::nest_of);
                let values = nests().map(of_nest).max().unwrap_or(0);
                return turn + SAVED + variables.bytes + nests().map(loaded).sum::<usize>() + values;
            }
            turn + r.bodies.iter().map(|b| deepest(&b.schedule)).max().unwrap_or(0)
        }
    }
}

fn of_nest(nest: &Nest) -> usize {
    let functions = match calls_with_doubles(nest) {
        0 => 0,
        n => FUNCTION_OF_DOUBLES + (n - 1) * FURTHER_FUNCTION,
    };
    let values = at_once(nest) + functions;
    match contract::find(nest) {
        Some(c) => {
            let rank = contract::summed_axes(nest).count().max(1);
            let reach = if c.within.is_empty() { 0 } else { REACH + REACH_PER_INDEX * rank };
            let load = |e: &_| matches!(nest.exprs.node(*e), Node::Load { .. });
            let epilogue = if needed(&nest.exprs, &nest.at_results()).iter().any(load) { EPILOGUE } else { 0 };
            TILE + PER_INDEX * rank + reach + epilogue + values
        }
        None => nest.folds.iter().map(|fold| of_fold(nest, fold)).sum::<usize>() + values,
    }
}

/// The sums of a fold, and elements that compilers keep for the next results: those that a few neighbours have in common.
fn of_fold(nest: &Nest, fold: &Fold) -> usize {
    let axis = nest.extents.len().checked_sub(1).filter(|axis| (2..=PARTS).contains(&nest.extents[*axis]));
    let Some(axis) = axis else { return LANES };
    let common = |e: &&Ex| {
        let node = nest.exprs.node(**e);
        matches!(node, Node::Load { .. }) && !index(node).is_some_and(|at| axes_of(at).contains(&(axis as u32)))
    };
    let elements = fold.axes.iter().map(|(_, extent)| extent).product::<usize>().min(KEPT);
    let kept = needed(&nest.exprs, &[fold.item]).iter().filter(common).count() * elements * 4;
    nest.extents[axis] * LANES + kept
}

/// How often elementary functions of doubles are called.
fn calls_with_doubles(nest: &Nest) -> usize {
    let calls = |e: &Ex| match nest.exprs.node(*e) {
        Node::Apply(text, args) => {
            let dtypes: Vec<DType> = args.iter().map(|a| nest.exprs.dtype(*a)).collect();
            dtypes.iter().any(|d| matches!(d, DType::F64 | DType::C128))
                && is_call(nest.exprs.op(text), &dtypes, nest.exprs.dtype(*e))
        }
        _ => false,
    };
    needed(&nest.exprs, &nest.roots()).iter().filter(|e| calls(e)).count()
}

/// Bytes of what the body reads.
fn loaded(nest: &Nest) -> usize {
    let needed = needed(&nest.exprs, &nest.roots());
    let loads = needed.iter().filter(|e| matches!(nest.exprs.node(**e), Node::Load { .. }));
    loads.map(|e| nest.exprs.dtype(*e).bytes().max(4)).sum()
}

/// Bytes of the values of the body that are needed at once, at most, in the order in which they are computed.
fn at_once(nest: &Nest) -> usize {
    let order = needed(&nest.exprs, &nest.roots());
    let mut last = vec![0; nest.exprs.len()];
    for (n, e) in order.iter().enumerate() {
        last[e.0 as usize] = n;
        operands(nest.exprs.node(*e)).iter().for_each(|a| last[a.0 as usize] = n);
    }
    let mut ends = vec![0; order.len()];
    let (mut now, mut most) = (0, 0);
    for (n, e) in order.iter().enumerate() {
        let bytes = nest.exprs.dtype(*e).bytes().max(4);
        now += bytes;
        ends[last[e.0 as usize]] += bytes;
        most = most.max(now);
        now -= ends[n];
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::fuse::fuse;
    use crate::schedule::program::{Dest, Program};

    fn of(text: &str) -> usize {
        let graph = crate::text::parse(text).unwrap();
        let mutable = vec![false; graph.inputs.len()];
        let dests = (0..graph.outputs.len()).map(Dest::Return).collect();
        bytes(&fuse(&Program { graph, mutable, dests }))
    }

    #[test]
    fn what_holds_more_needs_more() {
        let map = of("graph f(x: f32[4]) -> (b) { a: f32[4] = sin x\n b: f32[4] = mul a x }");
        let sum = of("graph f(x: f32[40]) -> (a) { a: f32[] = reduce_sum[axes=(0)] x }");
        let product = of("graph f(w: f32[4,3], x: f32[3]) -> (a) {
            a: f32[4] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w x }");
        let window = of("graph f(x: f32[1,1,6], w: f32[1,1,3]) -> (a) {
            a: f32[1,1,6] = conv_general_dilated[window_strides=(1), lo=(1), hi=(1), lhs_dilation=(1), rhs_dilation=(1),
              feature_group_count=1, batch_group_count=1, lhs_spec=(0,1,2), rhs_spec=(0,1,2), out_spec=(0,1,2)] x w }");
        assert!(
            ENTRY + SAVED < map && map < sum && sum < product && product < window,
            "{map} {sum} {product} {window}"
        );
        assert!(window < 1024, "{window}");
    }

    /// Three columns whose elements are each multiplied by the same number: that stays for all three.
    #[test]
    fn what_neighbours_have_in_common_is_kept() {
        let columns = |n: usize| {
            of(&format!(
                "graph f(w: f32[67], y: f32[67,{n}]) -> (a) {{ b: f32[67,{n}] = broadcast_in_dim[shape=(67,{n}), dims=(0)] w
                 c: f32[67,{n}] = mul b y\n a: f32[{n}] = reduce_sum[axes=(0)] c }}"
            ))
        };
        assert_eq!(columns(3), columns(30) + 2 * LANES + 67 * 4);
    }

    /// A value that is needed no more makes room: a long chain needs no more than a short one.
    #[test]
    fn values_that_are_needed_no_more_make_room() {
        let chain = |n: usize| {
            let eqns: Vec<String> = (0..n).map(|k| format!("v{}: f32[4] = sin v{k}", k + 1)).collect();
            of(&format!("graph f(v0: f32[4]) -> (v{n}) {{ {} }}", eqns.join("\n")))
        };
        assert_eq!(chain(3), chain(30));
    }
}
