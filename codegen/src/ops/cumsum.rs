//! `cumsum`: running sums along an axis.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::cumulative;
use crate::ops::elementwise::numeric;
use crate::ops::{Add, Batched, Elementwise, Lowering, OpError, Operand, Primitive, Tangent, param};
use crate::text::Params;

/// `out[k] = x[0] + .. + x[k]` along `axis`, added one after the other.
#[derive(Clone, Debug)]
pub struct Cumsum {
    /// The axis along which it runs.
    pub axis: usize,
    /// From the last element to the first.
    pub reverse: bool,
}

impl Primitive for Cumsum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn params(&self) -> Params {
        [param("axis", self.axis), param("reverse", self.reverse)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        numeric("cumsum", &[ins[0].dtype])?;
        cumulative::abstract_cumulative(ins[0], self.axis)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![cumulative::accumulate(ins[0], self.axis, self.reverse, |a, b| Add.scalar(&[a, b]))]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), x), vec![t[0].map(|t| g.bind1(self.clone(), &[t]))])
    }

    /// An element counts in its own sum and in all later ones.
    fn transpose(&self, g: &mut Graph, ct: &[Tangent], _ins: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].map(|ct| g.bind1(Cumsum { reverse: !self.reverse, ..*self }, &[ct]))]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        cumulative::batch(g, Cumsum { axis: self.axis + 1, ..*self }, ins, size)
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        cumulative::call("cumsum", ins[0], self.axis, self.reverse)
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        if ins[0].dtype.is_inexact() { ins[0].size() as u64 } else { 0 }
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    for reverse in [false, true] {
        check_op(Cumsum { axis: 0, reverse }, &["f32[5]"]);
        check_op(Cumsum { axis: 1, reverse }, &["f32[2,4,3]"]);
        check_op(Cumsum { axis: 1, reverse }, &["i16[2,4]"]);
    }
    let y = Cumsum { axis: 0, reverse: true }.eval(&[&Array::f32(&[3], &[1.0, 2.0, 4.0])]);
    assert_eq!(y[0], Array::f32(&[3], &[7.0, 6.0, 4.0]));
    let message = expect_test::expect!["axis 1 is out of range: f32[3] has only axis 0"];
    crate::ops::laws::check_op_error(Cumsum { axis: 1, reverse: false }, &["f32[3]"], message);
}
