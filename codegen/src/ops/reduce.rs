//! What reductions share.

use std::cmp::Ordering;

use crate::array::{Array, indices};
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::ops::elementwise::{full_like, ordered};
use crate::ops::{BroadcastInDim, Compare, CompareOp, Convert, Div, Elementwise, OpError, ReduceSum, Select};

/// Type of a reduction of `x` along `axes`, which must be increasing and in range.
pub fn abstract_reduce(x: &Aval, axes: &[usize]) -> Result<Vec<Aval>, OpError> {
    if let Some(axis) = axes.iter().find(|a| **a >= x.rank()) {
        let axes = match x.rank() {
            0 => "no axes".to_string(),
            1 => "only axis 0".to_string(),
            n => format!("axes 0 to {}", n - 1),
        };
        return Err(OpError::new(format!("axis {axis} is out of range: {x} has {axes}")));
    }
    let kept: Vec<usize> = (0..x.rank()).filter(|d| !axes.contains(d)).map(|d| x.shape[d]).collect();
    Ok(vec![x.with_shape(&kept)])
}

/// Extents of `axes`.
pub fn extents(x: &Aval, axes: &[usize]) -> Vec<usize> {
    axes.iter().map(|a| x.shape[*a]).collect()
}

/// Index into the operand: `rx` along `axes`, `ix` along the others.
pub fn merge<I: Clone>(axes: &[usize], ix: &[I], rx: &[I]) -> Vec<I> {
    let (mut ix, mut rx) = (ix.iter(), rx.iter());
    let rank = ix.len() + rx.len();
    (0..rank).map(|d| if axes.contains(&d) { rx.next() } else { ix.next() }.expect("ranks agree").clone()).collect()
}

/// The axes after a batch axis has been put in front.
pub fn batch_axes(axes: &[usize]) -> Vec<usize> {
    axes.iter().map(|a| a + 1).collect()
}

/// The least value of a dtype: what the maximum of nothing is.
pub fn least(dtype: DType) -> Scalar {
    match dtype {
        DType::Bool => Scalar::Bool(false),
        d if d.is_int() => Scalar::from_i128(d, d.int_range().0),
        d => Scalar::from_f64(d, f64::NEG_INFINITY),
    }
}

/// The greatest value of a dtype: what the minimum of nothing is.
pub fn greatest(dtype: DType) -> Scalar {
    match dtype {
        DType::Bool => Scalar::Bool(true),
        d if d.is_int() => Scalar::from_i128(d, d.int_range().1),
        d => Scalar::from_f64(d, f64::INFINITY),
    }
}

/// Tangent of an extreme `y` of `x` along `axes`: the mean of the tangents of the elements that are equal to it. What it
/// keeps for later is a mask of the size of `x` and a count of the size of `y`.
pub fn tied_tangent(g: &mut Graph, axes: &[usize], x: Var, y: Var, t: Var) -> Var {
    let shape = g.shape(x).to_vec();
    let dims = (0..shape.len()).filter(|d| !axes.contains(d)).collect();
    let spread = g.bind1(BroadcastInDim { shape, dims }, &[y]);
    let chosen = g.bind1(Compare { op: CompareOp::Eq }, &[x, spread]);
    let dtype = g.dtype(x);
    let ones = g.bind1(Convert { dtype }, &[chosen]);
    let sum = ReduceSum { axes: axes.to_vec() };
    let count = g.bind1(sum.clone(), &[ones]);
    let zero = full_like(g, t, 0.0);
    let kept = g.bind1(Select, &[chosen, t, zero]);
    let total = g.bind1(sum, &[kept]);
    g.bind1(Div, &[total, count])
}

/// Folds `x` along `axes` in the lanes order; `empty` is the value of a fold of nothing.
pub fn fold(x: &Array, axes: &[usize], combine: &impl Elementwise, empty: Scalar) -> Array {
    let out = abstract_reduce(x.aval(), axes).expect("checked").remove(0);
    let along = extents(x.aval(), axes);
    Array::from_fn(&out, |ix| {
        let items: Vec<Scalar> = indices(&along).map(|rx| x.at(&merge(axes, ix, &rx))).collect();
        if items.is_empty() { empty } else { kiln_math::lanes_reduce(&items, |a, b| combine.scalar(&[a, b])) }
    })
}

/// Type of the positions of extremes of `x` along `axis`.
pub fn abstract_position(name: &str, x: &Aval, axis: usize) -> Result<Vec<Aval>, OpError> {
    ordered(name, &[x.dtype])?;
    let out = abstract_reduce(x, &[axis])?;
    if x.shape[axis] == 0 {
        return Err(OpError::new(format!("`{name}` of no elements: axis {axis} of {x} is empty")).at(0));
    }
    Ok(out.iter().map(|a| a.with_dtype(DType::I32)).collect())
}

/// Where along `axis` the extreme element is: the first that stands to all before it as `wins` says; the first NaN where
/// there is one.
pub fn position(x: &Array, axis: usize, wins: Ordering) -> Array {
    let out = abstract_reduce(x.aval(), &[axis]).expect("checked").remove(0).with_dtype(DType::I32);
    let better = |x: Scalar, best: Scalar| match (x.to_i128(), best.to_i128()) {
        (Some(x), Some(best)) => x.cmp(&best) == wins,
        _ => {
            let (x, best) = (x.to_f64(), best.to_f64());
            x.partial_cmp(&best) == Some(wins) || (x.is_nan() && !best.is_nan())
        }
    };
    Array::from_fn(&out, |ix| {
        let at = |k: usize| x.at(&merge(&[axis], ix, &[k]));
        let best = (1..x.shape()[axis]).fold(0, |best, k| if better(at(k), at(best)) { k } else { best });
        Scalar::I32(best as i32)
    })
}
