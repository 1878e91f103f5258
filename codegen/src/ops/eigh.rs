//! `eigh`: eigenvalues and eigenvectors of symmetric matrices.
//!
//! On the device a call of `eigh::<_, BATCH, N>(&x, &mut w, &mut v)`; see `kiln_math::linalg`.

use crate::array::Array;
use crate::for_real;
use crate::graph::{Aval, Graph, Var};
use crate::ops::matrix::{self, Element};
use crate::ops::{Batched, CompareOp, Div, Lowering, OpError, Primitive, Sub, Tangent};

/// Eigenvalues, ascending, and eigenvectors, the columns of the second result; reads the lower triangle of `x`.
///
/// **Derivative.** Of the values, the diagonal of `s = vᵀ t v`; of the vectors, `v f` with `f[i][j] = s[i][j] / (w[j] -
/// w[i])` off the diagonal: infinite or NaN where values are equal, as in JAX.
#[derive(Clone, Debug)]
pub struct Eigh;

impl Eigh {
    fn run<T: Element>(&self, x: &Array) -> Vec<Array> {
        let [batch, n] = matrix::square("eigh", x.aval()).expect("checked");
        let (mut w, mut v) = (vec![T::ZERO; batch * n], vec![T::ZERO; x.data().len()]);
        kiln_math::linalg::eigh_of(&matrix::elements::<T>(x), &mut w, &mut v, [batch, n]);
        vec![matrix::array(&matrix::with_last(x.aval(), &[n]), w), matrix::array(x.aval(), v)]
    }
}

impl Primitive for Eigh {
    fn name(&self) -> &'static str {
        "eigh"
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let [_, n] = matrix::square("eigh", ins[0])?;
        Ok(vec![matrix::with_last(ins[0], &[n]), ins[0].clone()])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        for_real!(ins[0].dtype(), self.run(ins[0]))
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let outs = g.bind(Eigh, x);
        let Some(t) = t[0] else { return (outs, vec![None; 2]) };
        let (w, v) = (outs[0], outs[1]);
        let t = matrix::symmetric(g, t);
        let vt = matrix::transposed(g, v);
        let tv = matrix::matmul(g, t, v);
        let s = matrix::matmul(g, vt, tv);
        let tw = matrix::diagonal(g, s);
        let aval = g.aval(s).clone();
        let (row, column) = (matrix::spread(g, w, &aval.shape, true), matrix::spread(g, w, &aval.shape, false));
        let gap = g.bind1(Sub, &[column, row]);
        let (one, zero) = (g.full(aval.dtype, &aval.shape, 1.0), g.zeros(&aval));
        let gap = matrix::where_rows(g, CompareOp::Eq, one, gap);
        let f = g.bind1(Div, &[s, gap]);
        let f = matrix::where_rows(g, CompareOp::Eq, zero, f);
        let tv = matrix::matmul(g, v, f);
        (outs, vec![Some(tw), Some(tv)])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        g.bind(Eigh, &[ins[0].var]).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        let consts = matrix::square("eigh", ins[0]).map_or(Vec::new(), |c| c.to_vec());
        Lowering::Call { function: "eigh", consts, scratch: Vec::new() }
    }

    /// Those of six sweeps, which most matrices take.
    fn flops(&self, ins: &[&Aval]) -> u64 {
        matrix::square("eigh", ins[0]).map_or(0, |[b, n]| (6 * b * n * n.saturating_sub(1) / 2 * 12 * n) as u64)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op_at;
    let x = [2.0, 9.0, 9.0, 0.5, 3.0, 9.0, -0.7, 0.2, 5.0];
    check_op_at(Eigh, &[Array::f64(&[3, 3], &x)]);
    check_op_at(Eigh, &[Array::f64(&[2, 2, 2], &[1.0, 0.0, 0.5, -1.0, 4.0, 0.0, 1.0, 2.0])]);
    check_op_at(Eigh, &[Array::f64(&[1, 1], &[3.0])]);
}
