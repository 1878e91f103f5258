//! `lu`: factorisation into triangular matrices, with partial pivoting.
//!
//! On the device a call of `lu::<_, BATCH, M, N>(&x, &mut lu, &mut pivots, &mut permutation)`; see `kiln_math::linalg`.

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::for_real;
use crate::graph::{Aval, Graph, Var};
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::matrix::{self, Element};
use crate::ops::{Add, Batched, CompareOp, Gather, Lowering, OpError, Pad, Primitive, Slice, Tangent, TriangularSolve};

/// `P x = L U`. Results: `L` (below the diagonal; ones on it are not stored) and `U` in one array like `x`; the i32 row
/// that each row was exchanged with, in order; the i32 row of `x` that is row `i` of `P x`.
///
/// **Derivative.** `L tril(s) + triu(s) U` with `s = L⁻¹ P t U⁻¹`, as in JAX.
#[derive(Clone, Debug)]
pub struct Lu;

impl Lu {
    fn avals(&self, x: &Aval) -> Result<[Aval; 3], OpError> {
        let [_, m, n] = matrix::extents("lu", x)?;
        let ints = x.with_dtype(DType::I32);
        Ok([x.clone(), matrix::with_last(&ints, &[m.min(n)]), matrix::with_last(&ints, &[m])])
    }

    fn run<T: Element>(&self, x: &Array) -> Vec<Array> {
        let extents = matrix::extents("lu", x.aval()).expect("checked");
        let [aval, pivots_aval, permutation_aval] = self.avals(x.aval()).expect("checked");
        let mut out = vec![T::ZERO; aval.size()];
        let (mut pivots, mut permutation) = (vec![0; pivots_aval.size()], vec![0; permutation_aval.size()]);
        kiln_math::linalg::lu_of(&matrix::elements::<T>(x), &mut out, &mut pivots, &mut permutation, extents);
        let ints = |aval, x: Vec<i32>| Array::new(aval, x.into_iter().map(Scalar::I32).collect());
        vec![matrix::array(&aval, out), ints(pivots_aval, pivots), ints(permutation_aval, permutation)]
    }

    /// Rows `..rows` and columns `..columns` of `x`, made `size` by `size` with zeros.
    fn corner(g: &mut Graph, x: Var, rows: usize, columns: usize, size: usize) -> Var {
        let aval = g.aval(x).clone();
        let (r, c) = (aval.rank() - 2, aval.rank() - 1);
        let mut limit = aval.shape.clone();
        (limit[r], limit[c]) = (rows, columns);
        let mut hi = vec![0; aval.rank()];
        (hi[r], hi[c]) = ((size - rows) as i64, (size - columns) as i64);
        let mut out = x;
        if limit != aval.shape {
            out = g.bind1(Slice { start: vec![0; c + 1], limit, stride: vec![1; c + 1] }, &[out]);
        }
        if hi.iter().any(|n| *n > 0) {
            let zero = g.full(aval.dtype, &[], 0.0);
            out = g.bind1(Pad { lo: vec![0; c + 1], hi, interior: vec![0; c + 1] }, &[out, zero]);
        }
        out
    }
}

impl Primitive for Lu {
    fn name(&self) -> &'static str {
        "lu"
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        Ok(self.avals(ins[0])?.to_vec())
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        for_real!(ins[0].dtype(), self.run(ins[0]))
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let outs = g.bind(Lu, x);
        let Some(t) = t[0] else { return (outs, vec![None; 3]) };
        let aval = g.aval(t).clone();
        let rank = aval.rank();
        let (m, n) = (aval.shape[rank - 2], aval.shape[rank - 1]);
        let k = m.min(n);
        // P t: row `i` is row `permutation[i]` of `t`.
        let mut dims: Vec<DimIx> = (0..rank).map(DimIx::window).collect();
        dims[rank - 2] = DimIx::index(0);
        let index_dims = vec![(0..rank - 1).collect()];
        let coords = Coords { dims, index_dims, shape: aval.shape.clone(), mode: IndexMode::Clip };
        let t = g.bind1(Gather { coords }, &[t, outs[2]]);
        let lower = matrix::part(g, CompareOp::Gt, outs[0]);
        let lower = Lu::corner(g, lower, m, k, m);
        let upper = matrix::part(g, CompareOp::Le, outs[0]);
        let mut upper = Lu::corner(g, upper, k, n, n);
        if n > k {
            // Below the rows that there are, `U` goes on as the identity.
            let mut ones = matrix::with_last(&aval, &[n - k]);
            let diagonal = g.full(aval.dtype, &ones.shape, 1.0);
            ones.shape[rank - 2] = n;
            let zero = g.full(aval.dtype, &[], 0.0);
            let mut lo = vec![0; rank - 1];
            lo[rank - 2] = k as i64;
            let diagonal = g.bind1(Pad { lo, hi: vec![0; rank - 1], interior: vec![0; rank - 1] }, &[diagonal, zero]);
            let shape = g.shape(upper).to_vec();
            let rows = matrix::spread(g, diagonal, &shape, true);
            let rows = matrix::part(g, CompareOp::Eq, rows);
            upper = g.bind1(Add, &[upper, rows]);
        }
        let solve = TriangularSolve { left: true, lower: true, transpose: false, unit: true };
        let s = g.bind1(solve.clone(), &[lower, t]);
        let s = g.bind1(TriangularSolve { left: false, lower: false, unit: false, ..solve }, &[upper, s]);
        let strict = matrix::part(g, CompareOp::Gt, s);
        let rest = matrix::part(g, CompareOp::Le, s);
        let of_l = matrix::matmul(g, lower, strict);
        let of_l = g.bind1(Add, &[of_l, strict]);
        let of_u = matrix::matmul(g, rest, upper);
        let ty = g.bind1(Add, &[of_l, of_u]);
        (outs, vec![Some(ty), None, None])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        g.bind(Lu, &[ins[0].var]).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        let consts = matrix::extents("lu", ins[0]).map_or(Vec::new(), |c| c.to_vec());
        Lowering::Call { function: "lu", consts, scratch: Vec::new() }
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        let Ok([batch, m, n]) = matrix::extents("lu", ins[0]) else { return 0 };
        let step = |k: usize| (m - k - 1) * (1 + 2 * (n - k - 1));
        (batch * (0..m.min(n)).map(step).sum::<usize>()) as u64
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    for aval in ["f64[3,3]", "f64[2,2,2]", "f64[4,2]", "f64[2,4]", "f32[3,3]"] {
        check_op(Lu, &[aval]);
    }
}
