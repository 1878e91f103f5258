//! `cumprod`: running products along an axis.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::cumulative::{self, shifted};
use crate::ops::elementwise::numeric;
use crate::ops::{Batched, Elementwise, LinearRecurrence, Lowering, Mul, OpError, Primitive, Tangent, param};
use crate::text::Params;

/// `out[k] = x[0] * .. * x[k]` along `axis`, multiplied one after the other.
#[derive(Clone, Debug)]
pub struct Cumprod {
    /// The axis along which it runs.
    pub axis: usize,
    /// From the last element to the first.
    pub reverse: bool,
}

impl Primitive for Cumprod {
    fn name(&self) -> &'static str {
        "cumprod"
    }

    fn params(&self) -> Params {
        [param("axis", self.axis), param("reverse", self.reverse)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        numeric("cumprod", &[ins[0].dtype])?;
        cumulative::abstract_cumulative(ins[0], self.axis)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![cumulative::accumulate(ins[0], self.axis, self.reverse, |a, b| Mul.scalar(&[a, b]))]
    }

    /// `y[k] = y[k-1] * x[k]`, so `dy[k] = x[k] * dy[k-1] + y[k-1] * dx[k]`: no division, hence right with zeros too.
    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind1(self.clone(), x);
        let ty = t[0].map(|t| {
            let before = shifted(g, y, self.axis, self.reverse, 1.0);
            let step = g.bind1(Mul, &[t, before]);
            g.bind1(LinearRecurrence { axis: self.axis, reverse: self.reverse }, &[x[0], step])
        });
        (vec![y], vec![ty])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        cumulative::batch(g, Cumprod { axis: self.axis + 1, ..*self }, ins, size)
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        cumulative::call("cumprod", ins[0], self.axis, self.reverse)
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        if ins[0].dtype.is_inexact() { ins[0].size() as u64 } else { 0 }
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    for reverse in [false, true] {
        check_op(Cumprod { axis: 0, reverse }, &["f32[5]"]);
        check_op(Cumprod { axis: 1, reverse }, &["f32[2,4,3]"]);
        check_op(Cumprod { axis: 1, reverse }, &["i16[2,4]"]);
        check_op(Cumprod { axis: 0, reverse }, &["c64[4]"]);
    }
    let t = Array::f64(&[3], &[1.0, 10.0, 100.0]);
    let x = Array::f64(&[3], &[2.0, 0.0, 3.0]);
    let (_, ty) = crate::ops::laws::jvp_at(Cumprod { axis: 0, reverse: false }, &[x], &[Some(t)]);
    assert_eq!(ty[0], Some(Array::f64(&[3], &[1.0, 20.0, 60.0])));
}
