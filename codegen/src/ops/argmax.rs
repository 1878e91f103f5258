//! `argmax`: where the largest element along an axis is.
//!
//! On the device a call of `argmax::<_, OUTER, N, INNER>(&x, &mut out)` with the operand seen as `[OUTER, N, INNER]`.

use std::cmp::Ordering;

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::cumulative::around;
use crate::ops::reduce::{abstract_position, position};
use crate::ops::{Batched, Lowering, OpError, Primitive, Tangent, param};
use crate::text::Params;

/// The i32 index along `axis` of the largest element: the first of several, and the first NaN if there is one.
#[derive(Clone, Debug)]
pub struct Argmax {
    /// The axis that is searched.
    pub axis: usize,
}

impl Primitive for Argmax {
    fn name(&self) -> &'static str {
        "argmax"
    }

    fn params(&self) -> Params {
        [param("axis", self.axis)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        abstract_position("argmax", ins[0], self.axis)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![position(ins[0], self.axis, Ordering::Greater)]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], _t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), x), vec![None])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        vec![Batched { var: g.bind1(Argmax { axis: self.axis + 1 }, &[ins[0].var]), batched: true }]
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        Lowering::Call { function: "argmax", consts: around(ins[0], self.axis).to_vec(), scratch: Vec::new() }
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{check_op, check_op_error};
    check_op(Argmax { axis: 0 }, &["f32[7]"]);
    check_op(Argmax { axis: 1 }, &["i8[2,4,3]"]);
    check_op(Argmax { axis: 0 }, &["bool[3,2]"]);
    let message = expect_test::expect!["`argmax` of no elements: axis 1 of f32[2,0] is empty"];
    check_op_error(Argmax { axis: 1 }, &["f32[2,0]"], message);
    let at = |x: &[f32]| Argmax { axis: 0 }.eval(&[&Array::f32(&[x.len()], x)])[0].item();
    assert_eq!(at(&[2.0, 3.0, 3.0]).to_i128(), Some(1));
    assert_eq!(at(&[2.0, f32::NAN, 3.0, f32::NAN]).to_i128(), Some(1));
    assert_eq!(Argmax { axis: 0 }.eval(&[&Array::f32(&[1], &[0.0])])[0].dtype(), crate::dtype::DType::I32);
}
