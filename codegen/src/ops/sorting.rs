//! What `sort`, `argsort` and `top_k` share.

use std::cmp::Ordering;

use crate::array::Array;
use crate::dtype::Scalar;
use crate::graph::{Aval, Graph, Var};
use crate::ops::cumulative::around;
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::{Gather, Lowering, OpError};

/// The order of sorting: ascending, zeros of both signs equal, NaN last and equal to itself; or that turned around.
pub fn order(a: Scalar, b: Scalar, descending: bool) -> Ordering {
    let up = match (a.to_i128(), b.to_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => {
            let (a, b) = (a.to_f64(), b.to_f64());
            a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
        }
    };
    if descending { up.reverse() } else { up }
}

/// Refuses what has no order.
pub fn check(name: &str, x: &Aval, axis: usize) -> Result<(), OpError> {
    if x.dtype.is_complex() {
        return Err(OpError::new(format!("`{name}` needs numbers with an order, found {}", x.dtype)).at(0));
    }
    crate::ops::cumulative::check_axis(x, axis)
}

/// For every run along `axis`, positions in the order of their elements; calls `put` with the place of the run, the
/// place in the order, and the flat position of the element.
pub fn each(x: &Array, axis: usize, descending: bool, mut put: impl FnMut(usize, usize, usize)) {
    let [outer, n, inner] = around(x.aval(), axis);
    for o in 0..outer {
        for i in 0..inner {
            let at = |k: usize| (o * n + k) * inner + i;
            let mut places: Vec<usize> = (0..n).collect();
            places.sort_by(|a, b| order(x.data()[at(*a)], x.data()[at(*b)], descending));
            for (k, place) in places.into_iter().enumerate() {
                put(at(k), k, place);
            }
        }
    }
}

/// The call of a runtime function along `axis`.
pub fn call(function: &'static str, x: &Aval, axis: usize, descending: bool) -> Lowering {
    let [outer, n, inner] = around(x, axis);
    Lowering::Call { function, consts: vec![outer, n, inner, usize::from(descending)], scratch: Vec::new() }
}

/// The elements of `x` at `places` along `axis`, which are always inside: linear in `x`.
pub fn along(g: &mut Graph, x: Var, places: Var, axis: usize) -> Var {
    let shape = g.shape(places).to_vec();
    let dim = |d: usize| if d == axis { DimIx::index(0) } else { DimIx::window(d) };
    let dims = (0..shape.len()).map(dim).collect();
    let index_dims = vec![(0..shape.len()).collect()];
    g.bind1(Gather { coords: Coords { dims, index_dims, shape, mode: IndexMode::Clip } }, &[x, places])
}
