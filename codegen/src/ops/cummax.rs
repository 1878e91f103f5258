//! `cummax`: the largest element so far along an axis.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::cumulative::{self, running_tangent};
use crate::ops::elementwise::real;
use crate::ops::{Batched, CompareOp, Elementwise, Lowering, Max, OpError, Primitive, Tangent, param};
use crate::text::Params;

/// `out[k] = max(x[0], .., x[k])` along `axis`; NaN from the first NaN on.
#[derive(Clone, Debug)]
pub struct Cummax {
    /// The axis along which it runs.
    pub axis: usize,
    /// From the last element to the first.
    pub reverse: bool,
}

impl Primitive for Cummax {
    fn name(&self) -> &'static str {
        "cummax"
    }

    fn params(&self) -> Params {
        [param("axis", self.axis), param("reverse", self.reverse)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        real("cummax", &[ins[0].dtype])?;
        cumulative::abstract_cumulative(ins[0], self.axis)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![cumulative::accumulate(ins[0], self.axis, self.reverse, |a, b| Max.scalar(&[a, b]))]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind1(self.clone(), x);
        let ty = t[0].map(|t| running_tangent(g, CompareOp::Gt, (self.axis, self.reverse), [x[0], y, t]));
        (vec![y], vec![ty])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        cumulative::batch(g, Cummax { axis: self.axis + 1, ..*self }, ins, size)
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        cumulative::call("cummax", ins[0], self.axis, self.reverse)
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        if ins[0].dtype.is_inexact() { ins[0].size() as u64 } else { 0 }
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    for reverse in [false, true] {
        check_op(Cummax { axis: 0, reverse }, &["f32[5]"]);
        check_op(Cummax { axis: 1, reverse }, &["f32[2,4,3]"]);
        check_op(Cummax { axis: 1, reverse }, &["i16[2,4]"]);
    }
    let t = Array::f64(&[3], &[1.0, 10.0, 100.0]);
    let x = Array::f64(&[3], &[2.0, 2.0, 1.0]);
    let (y, ty) = crate::ops::laws::jvp_at(Cummax { axis: 0, reverse: false }, &[x], &[Some(t)]);
    assert_eq!(y[0], Array::f64(&[3], &[2.0, 2.0, 2.0]));
    assert_eq!(ty[0], Some(Array::f64(&[3], &[1.0, 5.5, 5.5])));
}
