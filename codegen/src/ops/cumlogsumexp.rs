//! `cumlogsumexp`: running `logsumexp` along an axis.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::cumulative::{self, shifted};
use crate::ops::elementwise::{float, float2, full_like};
use crate::ops::{
    Batched, Exp, IsFinite, LinearRecurrence, Lowering, Mul, OpError, Primitive, Select, Sub, Tangent, param,
};
use crate::text::Params;

/// `out[k] = log(exp(x[0]) + .. + exp(x[k]))` along `axis` without overflow, by `kiln_math::logaddexp` one after the other.
#[derive(Clone, Debug)]
pub struct Cumlogsumexp {
    /// The axis along which it runs.
    pub axis: usize,
    /// From the last element to the first.
    pub reverse: bool,
}

impl Primitive for Cumlogsumexp {
    fn name(&self) -> &'static str {
        "cumlogsumexp"
    }

    fn params(&self) -> Params {
        [param("axis", self.axis), param("reverse", self.reverse)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        float("cumlogsumexp", &[ins[0].dtype])?;
        cumulative::abstract_cumulative(ins[0], self.axis)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![cumulative::accumulate(ins[0], self.axis, self.reverse, |a, b| {
            float2(a, b, kiln_math::logaddexp, kiln_math::logaddexp)
        })]
    }

    /// `dy[k] = exp(y[k-1] - y[k]) * dy[k-1] + exp(x[k] - y[k]) * dx[k]`; both weights are at most one.
    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind1(self.clone(), x);
        let ty = t[0].map(|t| {
            // An infinite result subtracted from itself would be NaN.
            let finite = g.bind1(IsFinite, &[y]);
            let zero = full_like(g, y, 0.0);
            let base = g.bind1(Select, &[finite, y, zero]);
            let weight = |g: &mut Graph, of: Var| {
                let below = g.bind1(Sub, &[of, base]);
                g.bind1(Exp, &[below])
            };
            let before = shifted(g, y, self.axis, self.reverse, f64::NEG_INFINITY);
            let (old, new) = (weight(g, before), weight(g, x[0]));
            let step = g.bind1(Mul, &[t, new]);
            g.bind1(LinearRecurrence { axis: self.axis, reverse: self.reverse }, &[old, step])
        });
        (vec![y], vec![ty])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        cumulative::batch(g, Cumlogsumexp { axis: self.axis + 1, ..*self }, ins, size)
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        cumulative::call("cumlogsumexp", ins[0], self.axis, self.reverse)
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        if ins[0].dtype.is_inexact() { 4 * ins[0].size() as u64 } else { 0 }
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    for reverse in [false, true] {
        check_op(Cumlogsumexp { axis: 0, reverse }, &["f32[5]"]);
        check_op(Cumlogsumexp { axis: 1, reverse }, &["f32[2,4,3]"]);
    }
    let y = Cumlogsumexp { axis: 0, reverse: false }.eval(&[&Array::f64(&[2], &[1000.0, 1000.0])]);
    assert_eq!(y[0].data()[1].to_f64(), 1000.0 + std::f64::consts::LN_2);
    let none = Array::f64(&[2], &[f64::NEG_INFINITY; 2]);
    assert_eq!(Cumlogsumexp { axis: 0, reverse: false }.eval(&[&none])[0], none);
}
