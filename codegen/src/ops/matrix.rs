//! What the primitives of linear algebra share: matrices in the last two axes, everything before them a batch.

use kiln_math::linalg::Real;

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::ops::axes::permute;
use crate::ops::{BroadcastInDim, Compare, CompareOp, DotGeneral, Iota, OpError, ReduceSum, Select};

/// A number that matrices are made of, as the evaluator holds it.
pub trait Element: Real {
    /// From a scalar of this type.
    fn of(x: Scalar) -> Self;
    /// As a scalar.
    fn scalar(self) -> Scalar;
}

impl Element for f32 {
    fn of(x: Scalar) -> f32 {
        x.to_f64() as f32
    }

    fn scalar(self) -> Scalar {
        Scalar::F32(self)
    }
}

impl Element for f64 {
    fn of(x: Scalar) -> f64 {
        x.to_f64()
    }

    fn scalar(self) -> Scalar {
        Scalar::F64(self)
    }
}

/// The elements of `x`.
pub fn elements<T: Element>(x: &Array) -> Vec<T> {
    x.data().iter().map(|x| T::of(*x)).collect()
}

/// An array of type `aval`.
pub fn array<T: Element>(aval: &Aval, x: Vec<T>) -> Array {
    Array::new(aval.clone(), x.into_iter().map(T::scalar).collect())
}

/// Calls a generic function with `f32` or `f64`, as the operand is.
#[macro_export]
macro_rules! for_real {
    ($dtype:expr, $this:ident . $f:ident ( $($arg:expr),* )) => {
        match $dtype {
            $crate::dtype::DType::F64 => $this.$f::<f64>($($arg),*),
            _ => $this.$f::<f32>($($arg),*),
        }
    };
}

/// Number of matrices, rows and columns of `x`.
pub fn extents(name: &str, x: &Aval) -> Result<[usize; 3], OpError> {
    if !matches!(x.dtype, DType::F32 | DType::F64) {
        return Err(OpError::new(format!("`{name}` needs a matrix of f32 or f64, found {x}")).at(0));
    }
    let [batch @ .., m, n] = &x.shape[..] else {
        return Err(OpError::new(format!("`{name}` needs a matrix, found {x}")).at(0));
    };
    Ok([batch.iter().product(), *m, *n])
}

/// [`extents`] of matrices that are square: their number and size.
pub fn square(name: &str, x: &Aval) -> Result<[usize; 2], OpError> {
    let [batch, m, n] = extents(name, x)?;
    if m != n {
        return Err(OpError::new(format!("`{name}` needs a square matrix, found {x}")).at(0));
    }
    Ok([batch, n])
}

/// `x` with the last two extents replaced by `last`.
pub fn with_last(x: &Aval, last: &[usize]) -> Aval {
    let mut shape = x.shape[..x.rank() - 2].to_vec();
    shape.extend(last);
    x.with_shape(&shape)
}

/// The product of two matrices.
pub fn matmul(g: &mut Graph, a: Var, b: Var) -> Var {
    let rank = g.shape(a).len();
    let batch: Vec<usize> = (0..rank - 2).collect();
    let op =
        DotGeneral { lhs_batch: batch.clone(), rhs_batch: batch, ..DotGeneral::contracting(&[rank - 1], &[rank - 2]) };
    g.bind1(op, &[a, b])
}

/// The transpose of a matrix.
pub fn transposed(g: &mut Graph, a: Var) -> Var {
    let rank = g.shape(a).len();
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 2, rank - 1);
    permute(g, a, perm)
}

/// `yes` where the row index is in the given relation to the column index, else `no`.
pub fn where_rows(g: &mut Graph, op: CompareOp, yes: Var, no: Var) -> Var {
    let shape = g.shape(yes).to_vec();
    let rank = shape.len();
    let index = |g: &mut Graph, d: usize| {
        let along = g.bind1(Iota { aval: Aval::new(DType::I32, &[shape[d]]), dimension: 0 }, &[]);
        g.bind1(BroadcastInDim { shape: shape.clone(), dims: vec![d] }, &[along])
    };
    let (row, column) = (index(g, rank - 2), index(g, rank - 1));
    let mask = g.bind1(Compare { op }, &[row, column]);
    g.bind1(Select, &[mask, yes, no])
}

/// `x` where the row index is in the given relation to the column index, else zero.
pub fn part(g: &mut Graph, op: CompareOp, x: Var) -> Var {
    let aval = g.aval(x).clone();
    let zero = g.zeros(&aval);
    where_rows(g, op, x, zero)
}

/// The symmetric matrix with the lower triangle of `x`.
pub fn symmetric(g: &mut Graph, x: Var) -> Var {
    let mirrored = transposed(g, x);
    where_rows(g, CompareOp::Ge, x, mirrored)
}

/// The diagonal of a square matrix.
pub fn diagonal(g: &mut Graph, x: Var) -> Var {
    let only = part(g, CompareOp::Eq, x);
    let axes = vec![g.shape(x).len() - 1];
    g.bind1(ReduceSum { axes }, &[only])
}

/// A vector as the rows (`down` false) or columns (`down` true) of a matrix of the given shape.
pub fn spread(g: &mut Graph, x: Var, shape: &[usize], down: bool) -> Var {
    let rank = shape.len();
    let mut dims: Vec<usize> = (0..rank - 2).collect();
    dims.push(if down { rank - 2 } else { rank - 1 });
    g.bind1(BroadcastInDim { shape: shape.to_vec(), dims }, &[x])
}
