//! `cholesky`: the triangular square root of positive definite matrices.
//!
//! On the device a call of `cholesky::<_, BATCH, N>(&x, &mut out)`; see `kiln_math::linalg`.

use crate::array::Array;
use crate::for_real;
use crate::graph::{Aval, Graph, Var};
use crate::ops::matrix::{self, Element};
use crate::ops::{Batched, CompareOp, Lowering, Mul, OpError, Primitive, Tangent, TriangularSolve};

/// The lower triangular `L` with `L Lᵀ = x`, zeros above the diagonal; reads the lower triangle of `x`. All NaN where `x`
/// is not positive definite.
///
/// **Derivative.** `L φ(L⁻¹ t L⁻ᵀ)`, where `φ` takes the lower triangle with half of the diagonal.
/// Source: Murray, "Differentiation of the Cholesky decomposition" (arXiv:1602.07527), equation 8.
#[derive(Clone, Debug)]
pub struct Cholesky;

impl Cholesky {
    fn run<T: Element>(&self, x: &Array) -> Array {
        let [batch, n] = matrix::square("cholesky", x.aval()).expect("checked");
        let mut out = vec![T::ZERO; x.data().len()];
        kiln_math::linalg::cholesky_of(&matrix::elements::<T>(x), &mut out, [batch, n]);
        matrix::array(x.aval(), out)
    }
}

impl Primitive for Cholesky {
    fn name(&self) -> &'static str {
        "cholesky"
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        matrix::square("cholesky", ins[0])?;
        Ok(vec![ins[0].clone()])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![for_real!(ins[0].dtype(), self.run(ins[0]))]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let l = g.bind1(Cholesky, x);
        let ty = t[0].map(|t| {
            let t = matrix::symmetric(g, t);
            let solve = TriangularSolve { left: false, lower: true, transpose: true, unit: false };
            let s = g.bind1(solve.clone(), &[l, t]);
            let s = g.bind1(TriangularSolve { left: true, transpose: false, ..solve }, &[l, s]);
            let aval = g.aval(s).clone();
            let half = g.full(aval.dtype, &aval.shape, 0.5);
            let half = g.bind1(Mul, &[s, half]);
            let phi = matrix::where_rows(g, CompareOp::Eq, half, s);
            let phi = matrix::part(g, CompareOp::Ge, phi);
            matrix::matmul(g, l, phi)
        });
        (vec![l], vec![ty])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        vec![Batched { var: g.bind1(Cholesky, &[ins[0].var]), batched: true }]
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        let consts = matrix::square("cholesky", ins[0]).map_or(Vec::new(), |c| c.to_vec());
        Lowering::Call { function: "cholesky", consts, scratch: Vec::new() }
    }

    /// `n³ / 3`, and the lower terms.
    fn flops(&self, ins: &[&Aval]) -> u64 {
        matrix::square("cholesky", ins[0]).map_or(0, |[b, n]| (b * n * (n + 1) * (2 * n + 1) / 6) as u64)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{check_op_at, check_op_error};
    let x = Array::f64(&[2, 2, 2], &[2.0, 9.0, 0.5, 3.0, 1.0, 9.0, -0.5, 4.0]);
    check_op_at(Cholesky, &[x]);
    check_op_at(Cholesky, &[Array::f32(&[3, 3], &[4.0, 1.0, 0.5, 1.0, 5.0, 0.3, 0.5, 0.3, 6.0])]);
    check_op_error(Cholesky, &["f32[2,3]"], expect_test::expect!["`cholesky` needs a square matrix, found f32[2,3]"]);
}
