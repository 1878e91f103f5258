//! `qr`: factorisation into an orthonormal and a triangular matrix.
//!
//! On the device a call of `qr::<_, BATCH, M, N, FULL>(&x, &mut q, &mut r)`; see `kiln_math::linalg`.

use crate::array::Array;
use crate::for_real;
use crate::graph::{Aval, Graph, Var};
use crate::ops::matrix::{self, Element};
use crate::ops::{
    Add, Batched, CompareOp, Concatenate, Lowering, OpError, Primitive, Slice, Sub, Tangent, TriangularSolve, param,
};
use crate::text::Params;

/// `x = q r`, by Householder reflections with LAPACK's signs. For `x` of `[.., m, n]` and `k = min(m, n)`: `q` is
/// `[.., m, k]` and `r` is `[.., k, n]`, or with `full`, `[.., m, m]` and `[.., m, n]`.
///
/// **Derivative.** `tq = q (w - s) + t r⁻¹` and `tr = (s - w) r` with `s = qᵀ t r⁻¹` and `w` the antisymmetric matrix with
/// the strictly lower part of `s`. Columns beyond the square part follow from `r = qᵀ x`. The further columns of a full `q`
/// are not determined by `x`, and have no derivative.
/// Source: Walter and Lehmann, "Algorithmic differentiation of linear algebra functions" (2012), section 3.2.
#[derive(Clone, Debug)]
pub struct Qr {
    /// A square `q`.
    pub full: bool,
}

impl Qr {
    fn avals(&self, x: &Aval) -> Result<[Aval; 2], OpError> {
        let [_, m, n] = matrix::extents("qr", x)?;
        let columns = if self.full { m } else { m.min(n) };
        Ok([matrix::with_last(x, &[m, columns]), matrix::with_last(x, &[columns, n])])
    }

    fn run<T: Element>(&self, x: &Array) -> Vec<Array> {
        let extents = matrix::extents("qr", x.aval()).expect("checked");
        let [q_aval, r_aval] = self.avals(x.aval()).expect("checked");
        let (mut q, mut r) = (vec![T::ZERO; q_aval.size()], vec![T::ZERO; r_aval.size()]);
        kiln_math::linalg::qr_of(&matrix::elements::<T>(x), &mut q, &mut r, extents, self.full);
        vec![matrix::array(&q_aval, q), matrix::array(&r_aval, r)]
    }

    /// Columns `start..limit` of `x`.
    fn columns(g: &mut Graph, x: Var, start: usize, limit: usize) -> Var {
        let aval = g.aval(x).clone();
        let axis = aval.rank() - 1;
        if (start, limit) == (0, aval.shape[axis]) { x } else { g.bind1(Slice::along(&aval, axis, start, limit), &[x]) }
    }
}

impl Primitive for Qr {
    fn name(&self) -> &'static str {
        "qr"
    }

    fn params(&self) -> Params {
        [param("full", self.full)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        Ok(self.avals(ins[0])?.to_vec())
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        for_real!(ins[0].dtype(), self.run(ins[0]))
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let outs = g.bind(self.clone(), x);
        let Some(t) = t[0] else { return (outs, vec![None; 2]) };
        let (q, r) = (outs[0], outs[1]);
        let shape = g.shape(t).to_vec();
        let (m, n) = (shape[shape.len() - 2], shape[shape.len() - 1]);
        if self.full && m > n {
            crate::ops::refuse("`qr` of a tall matrix has no derivative with a square `q`: ask for the reduced form");
        }
        let k = m.min(n);
        let (r1, t1) = (Qr::columns(g, r, 0, k), Qr::columns(g, t, 0, k));
        let solve = TriangularSolve { left: false, lower: false, transpose: false, unit: false };
        let t_rinv = g.bind1(solve, &[r1, t1]);
        let qt = matrix::transposed(g, q);
        let s = matrix::matmul(g, qt, t_rinv);
        let low = matrix::part(g, CompareOp::Gt, s);
        let high = matrix::transposed(g, low);
        let w = g.bind1(Sub, &[low, high]);
        let inner = g.bind1(Sub, &[w, s]);
        let inner = matrix::matmul(g, q, inner);
        let tq = g.bind1(Add, &[inner, t_rinv]);
        let inner = g.bind1(Sub, &[s, w]);
        let mut tr = matrix::matmul(g, inner, r1);
        if n > k {
            let (x2, t2) = (Qr::columns(g, x[0], k, n), Qr::columns(g, t, k, n));
            let tqt = matrix::transposed(g, tq);
            let (a, b) = (matrix::matmul(g, tqt, x2), matrix::matmul(g, qt, t2));
            let tr2 = g.bind1(Add, &[a, b]);
            tr = g.bind1(Concatenate { axis: shape.len() - 1 }, &[tr, tr2]);
        }
        (outs, vec![Some(tq), Some(tr)])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        g.bind(self.clone(), &[ins[0].var]).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        let [batch, m, n] = matrix::extents("qr", ins[0]).unwrap_or([0; 3]);
        Lowering::Call { function: "qr", consts: vec![batch, m, n, usize::from(self.full)], scratch: Vec::new() }
    }

    /// Those of the reflections: `2 n² (m - n / 3)` for a tall matrix, and as many again for `q`.
    fn flops(&self, ins: &[&Aval]) -> u64 {
        let Ok([batch, m, n]) = matrix::extents("qr", ins[0]) else { return 0 };
        let columns = if self.full { m } else { m.min(n) };
        let step = |j: usize| 4 * (m - j) * (n - j + columns - j);
        (batch * (0..m.min(n)).map(step).sum::<usize>()) as u64
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    for aval in ["f64[3,3]", "f64[2,3,2]", "f64[2,4]", "f64[3,1]", "f32[3,2]"] {
        check_op(Qr { full: false }, &[aval]);
    }
    check_op(Qr { full: true }, &["f64[2,3]"]);
}

#[test]
fn a_full_q_of_a_tall_matrix_is_square() {
    let avals = Qr { full: true }
        .abstract_eval(&[&crate::ops::laws::parse_aval("f32[5,4,2]")])
        .map(|a| [a[0].to_string(), a[1].to_string()]);
    assert_eq!(avals, Ok(["f32[5,4,4]".to_string(), "f32[5,4,2]".to_string()]));
}
