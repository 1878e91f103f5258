//! `svd`: singular values and vectors of tall matrices.
//!
//! On the device a call of `svd::<_, BATCH, M, N>(&x, &mut u, &mut s, &mut v)`; see `kiln_math::linalg`.

use crate::array::Array;
use crate::for_real;
use crate::graph::{Aval, Graph, Var};
use crate::ops::matrix::{self, Element};
use crate::ops::{Add, Batched, CompareOp, Div, Lowering, Mul, OpError, Primitive, Sub, Tangent};

/// `x = u diag(s) vᵀ` for `x` of `[.., m, n]` with `m >= n`: `u` is `[.., m, n]`, `s`, descending, `[.., n]`, and `v`
/// `[.., n, n]` (not transposed). A wide matrix is the transpose of a tall one.
///
/// **Derivative.** With `p = uᵀ t v`: of the values, its diagonal; of the vectors, `u (f ∘ (p S + S pᵀ)) + (t v - u p) S⁻¹`
/// and `v (f ∘ (S p + pᵀ S))`, where `f[i][j] = 1 / (s[j]² - s[i]²)` off the diagonal.
/// Source: Townsend, "Differentiating the singular value decomposition" (2016).
#[derive(Clone, Debug)]
pub struct Svd;

impl Svd {
    fn avals(&self, x: &Aval) -> Result<[Aval; 3], OpError> {
        let [_, m, n] = matrix::extents("svd", x)?;
        if m < n {
            return Err(OpError::new(format!("`svd` needs a matrix at least as tall as wide, found {x}")).at(0));
        }
        Ok([x.clone(), matrix::with_last(x, &[n]), matrix::with_last(x, &[n, n])])
    }

    fn run<T: Element>(&self, x: &Array) -> Vec<Array> {
        let extents = matrix::extents("svd", x.aval()).expect("checked");
        let avals = self.avals(x.aval()).expect("checked");
        let [mut u, mut s, mut v] = avals.each_ref().map(|a| vec![T::ZERO; a.size()]);
        kiln_math::linalg::svd_of(&matrix::elements::<T>(x), &mut u, &mut s, &mut v, extents);
        avals.iter().zip([u, s, v]).map(|(aval, x)| matrix::array(aval, x)).collect()
    }
}

impl Primitive for Svd {
    fn name(&self) -> &'static str {
        "svd"
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        Ok(self.avals(ins[0])?.to_vec())
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        for_real!(ins[0].dtype(), self.run(ins[0]))
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let outs = g.bind(Svd, x);
        let Some(t) = t[0] else { return (outs, vec![None; 3]) };
        let (u, s, v) = (outs[0], outs[1], outs[2]);
        let ut = matrix::transposed(g, u);
        let tv = matrix::matmul(g, t, v);
        let p = matrix::matmul(g, ut, tv);
        let ts = matrix::diagonal(g, p);
        let aval = g.aval(p).clone();
        let (row, column) = (matrix::spread(g, s, &aval.shape, true), matrix::spread(g, s, &aval.shape, false));
        // (s[j] - s[i]) (s[j] + s[i]) cancels less than a difference of squares.
        let (minus, plus) = (g.bind1(Sub, &[column, row]), g.bind1(Add, &[column, row]));
        let gap = g.bind1(Mul, &[minus, plus]);
        let (one, zero) = (g.full(aval.dtype, &aval.shape, 1.0), g.zeros(&aval));
        let gap = matrix::where_rows(g, CompareOp::Eq, one, gap);
        let pt = matrix::transposed(g, p);
        let turned = |g: &mut Graph, of_p: Var, of_pt: Var| {
            let (a, b) = (g.bind1(Mul, &[p, of_p]), g.bind1(Mul, &[pt, of_pt]));
            let sum = g.bind1(Add, &[a, b]);
            let f = g.bind1(Div, &[sum, gap]);
            matrix::where_rows(g, CompareOp::Eq, zero, f)
        };
        let (of_u, of_v) = (turned(g, column, row), turned(g, row, column));
        let mut tu = matrix::matmul(g, u, of_u);
        let t_v = matrix::matmul(g, v, of_v);
        let shape = g.shape(u).to_vec();
        if shape[shape.len() - 2] > shape[shape.len() - 1] {
            let inside = matrix::matmul(g, u, p);
            let outside = g.bind1(Sub, &[tv, inside]);
            let scale = matrix::spread(g, s, &shape, false);
            let outside = g.bind1(Div, &[outside, scale]);
            tu = g.bind1(Add, &[tu, outside]);
        }
        (outs, vec![Some(tu), Some(ts), Some(t_v)])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        g.bind(Svd, &[ins[0].var]).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        let consts = matrix::extents("svd", ins[0]).map_or(Vec::new(), |c| c.to_vec());
        Lowering::Call { function: "svd", consts, scratch: Vec::new() }
    }

    /// Those of six sweeps, which most matrices take.
    fn flops(&self, ins: &[&Aval]) -> u64 {
        let Ok([b, m, n]) = matrix::extents("svd", ins[0]) else { return 0 };
        (6 * b * n * n.saturating_sub(1) / 2 * (12 * m + 6 * n)) as u64
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{check_op, check_op_error};
    for aval in ["f64[3,3]", "f64[2,4,2]", "f64[3,1]"] {
        check_op(Svd, &[aval]);
    }
    let message = expect_test::expect!["`svd` needs a matrix at least as tall as wide, found f32[2,3]"];
    check_op_error(Svd, &["f32[2,3]"], message);
}
