//! `argsort`: the order of the elements along an axis.
//!
//! On the device a call of `argsort::<_, OUTER, N, INNER, DESCENDING>(&x, &mut out)` with the operand seen as
//! `[OUTER, N, INNER]`; see `kiln_math::order`.

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Batched, Lowering, OpError, Primitive, Tangent, param, sorting};
use crate::text::Params;

/// For each place along `axis`, the i32 index of the element that sorting puts there. Stable: sorting by several keys is
/// one `argsort` per key, from the last key to the first, each of elements in the order so far.
#[derive(Clone, Debug)]
pub struct Argsort {
    /// The axis that would be put in order.
    pub axis: usize,
    /// The largest first.
    pub descending: bool,
}

impl Primitive for Argsort {
    fn name(&self) -> &'static str {
        "argsort"
    }

    fn params(&self) -> Params {
        [param("axis", self.axis), param("descending", self.descending)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        sorting::check("argsort", ins[0], self.axis)?;
        Ok(vec![ins[0].with_dtype(DType::I32)])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let x = ins[0];
        let mut data = vec![Scalar::I32(0); x.data().len()];
        sorting::each(x, self.axis, self.descending, |at, _, place| data[at] = Scalar::I32(place as i32));
        vec![Array::new(x.aval().with_dtype(DType::I32), data)]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], _t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), x), vec![None])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        let op = Argsort { axis: self.axis + 1, ..*self };
        vec![Batched { var: g.bind1(op, &[ins[0].var]), batched: true }]
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        sorting::call("argsort", ins[0], self.axis, self.descending)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{check_op, check_op_error};
    for descending in [false, true] {
        check_op(Argsort { axis: 0, descending }, &["f32[7]"]);
        check_op(Argsort { axis: 1, descending }, &["u8[2,5,3]"]);
    }
    let places = |descending| {
        let x = Array::f32(&[4], &[2.0, f32::NAN, 1.0, 2.0]);
        Argsort { axis: 0, descending }.eval(&[&x])[0].to_f64s()
    };
    assert_eq!(places(false), [2.0, 0.0, 3.0, 1.0]);
    assert_eq!(places(true), [1.0, 0.0, 3.0, 2.0]);
    let message = expect_test::expect!["`argsort` needs numbers with an order, found c64"];
    check_op_error(Argsort { axis: 0, descending: false }, &["c64[2]"], message);
}
