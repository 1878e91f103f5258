//! What reductions share.

use crate::array::{Array, indices};
use crate::dtype::Scalar;
use crate::graph::Aval;
use crate::ops::{Elementwise, OpError};

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

/// Folds `x` along `axes` in the lanes order; `empty` is the value of a fold of nothing.
pub fn fold(x: &Array, axes: &[usize], combine: &impl Elementwise, empty: Scalar) -> Array {
    let out = abstract_reduce(x.aval(), axes).expect("checked").remove(0);
    let along = extents(x.aval(), axes);
    Array::from_fn(&out, |ix| {
        let items: Vec<Scalar> = indices(&along).map(|rx| x.at(&merge(axes, ix, &rx))).collect();
        if items.is_empty() { empty } else { kiln_math::lanes_reduce(&items, |a, b| combine.scalar(&[a, b])) }
    })
}
