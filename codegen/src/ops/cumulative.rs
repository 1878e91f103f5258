//! What primitives that run along an axis share: cumulative sums and their kin, `linear_recurrence`.
//!
//! On the device all are `Lowering::Call`s of functions of the same name in the runtime, over operands and results seen as
//! `[OUTER, N, INNER]` with `N` the axis: `NAME::<_, OUTER, N, INNER, REVERSE>(&x, .., &mut out)` with `REVERSE` 0 or 1.

use crate::array::Array;
use crate::dtype::Scalar;
use crate::graph::{Aval, Graph, Var};
use crate::ops::elementwise::full_like;
use crate::ops::{
    Batched, Compare, CompareOp, LinearRecurrence, Lowering, Mul, Op, OpError, Pad, Select, Sub, with_batch_axis,
};

/// The type of a result like `x`, if `x` has the axis.
pub fn abstract_cumulative(x: &Aval, axis: usize) -> Result<Vec<Aval>, OpError> {
    check_axis(x, axis)?;
    Ok(vec![x.clone()])
}

/// Refuses an axis that `x` does not have.
pub fn check_axis(x: &Aval, axis: usize) -> Result<(), OpError> {
    crate::ops::reduce::abstract_reduce(x, &[axis]).map(|_| ())
}

/// `x` as `[OUTER, N, INNER]` around `axis`.
pub fn around(x: &Aval, axis: usize) -> [usize; 3] {
    [x.shape[..axis].iter().product(), x.shape[axis], x.shape[axis + 1..].iter().product()]
}

/// The call of a runtime function along `axis`.
pub fn call(function: &'static str, x: &Aval, axis: usize, reverse: bool) -> Lowering {
    let [outer, n, inner] = around(x, axis);
    Lowering::Call { function, consts: vec![outer, n, inner, usize::from(reverse)], scratch: Vec::new() }
}

/// Runs along `axis`: each element is `step` of the result before it, if there is one, and its position.
pub fn run(x: &Aval, axis: usize, reverse: bool, mut step: impl FnMut(Option<Scalar>, usize) -> Scalar) -> Array {
    let [outer, n, inner] = around(x, axis);
    let mut data = vec![Scalar::zero(x.dtype); x.size()];
    for o in 0..outer {
        for i in 0..inner {
            let mut last = None;
            for k in 0..n {
                let at = (o * n + if reverse { n - 1 - k } else { k }) * inner + i;
                data[at] = step(last, at);
                last = Some(data[at]);
            }
        }
    }
    Array::new(x.clone(), data)
}

/// Combines each element with all before it; the first stays as it is.
pub fn accumulate(x: &Array, axis: usize, reverse: bool, combine: impl Fn(Scalar, Scalar) -> Scalar) -> Array {
    run(x.aval(), axis, reverse, |last, at| match last {
        Some(last) => combine(last, x.data()[at]),
        None => x.data()[at],
    })
}

/// The element before each one along the run; `fill` before the first.
pub fn shifted(g: &mut Graph, x: Var, axis: usize, reverse: bool, fill: f64) -> Var {
    let rank = g.shape(x).len();
    let (mut lo, mut hi) = (vec![0; rank], vec![0; rank]);
    let by = if reverse { -1 } else { 1 };
    lo[axis] = by;
    hi[axis] = -by;
    let dtype = g.dtype(x);
    let fill = g.full(dtype, &[], fill);
    g.bind1(Pad { lo, hi, interior: vec![0; rank] }, &[x, fill])
}

/// Batching of an op whose operands all have the shape of its result; `op` is it with its axis moved behind the batch axis.
pub fn batch(g: &mut Graph, op: impl Into<Op>, ins: &[Batched], size: usize) -> Vec<Batched> {
    let vars: Vec<Var> = ins.iter().map(|b| with_batch_axis(g, *b, size)).collect();
    vec![Batched { var: g.bind1(op, &vars), batched: true }]
}

/// Tangent of the running extreme `y` of `x`: at each element the winner's of the extreme before it and the element, half
/// of each at a tie. `wins` is how the extreme before it compares when it wins.
pub fn running_tangent(g: &mut Graph, wins: CompareOp, along: (usize, bool), [x, y, t]: [Var; 3]) -> Var {
    let (axis, reverse) = along;
    // Nothing compares with NaN: the first element always wins.
    let before = shifted(g, y, axis, reverse, f64::NAN);
    let keeps = g.bind1(Compare { op: wins }, &[before, x]);
    let ties = g.bind1(Compare { op: CompareOp::Eq }, &[before, x]);
    let (zero, half, one) = (full_like(g, x, 0.0), full_like(g, x, 0.5), full_like(g, x, 1.0));
    let below = g.bind1(Select, &[ties, half, zero]);
    let old = g.bind1(Select, &[keeps, one, below]);
    let new = g.bind1(Sub, &[one, old]);
    let step = g.bind1(Mul, &[t, new]);
    g.bind1(LinearRecurrence { axis, reverse }, &[old, step])
}
