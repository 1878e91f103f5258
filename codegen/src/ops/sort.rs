//! `sort`: elements in order along an axis.
//!
//! On the device a call of `sort::<_, OUTER, N, INNER, DESCENDING>(&x, &mut out)` with the operand seen as
//! `[OUTER, N, INNER]`; see `kiln_math::order`.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Argsort, Batched, Lowering, OpError, Primitive, Tangent, param, sorting};
use crate::text::Params;

/// `x` in order along `axis`: ascending with NaN last, or descending with NaN first; equal elements keep their order.
///
/// **Derivative.** That of the elements where they came from. Several arrays sorted together are [`Argsort`] and `gather`.
#[derive(Clone, Debug)]
pub struct Sort {
    /// The axis that is put in order.
    pub axis: usize,
    /// The largest first.
    pub descending: bool,
}

impl Primitive for Sort {
    fn name(&self) -> &'static str {
        "sort"
    }

    fn params(&self) -> Params {
        [param("axis", self.axis), param("descending", self.descending)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        sorting::check("sort", ins[0], self.axis)?;
        Ok(vec![ins[0].clone()])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let x = ins[0];
        let mut data = x.data().to_vec();
        let inner: usize = x.shape()[self.axis + 1..].iter().product();
        sorting::each(x, self.axis, self.descending, |at, k, place| {
            data[at] = x.data()[at - k * inner + place * inner]
        });
        vec![Array::new(x.aval().clone(), data)]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let Some(t) = t[0] else { return (g.bind(self.clone(), x), vec![None]) };
        let places = g.bind1(Argsort { axis: self.axis, descending: self.descending }, x);
        let y = sorting::along(g, x[0], places, self.axis);
        (vec![y], vec![Some(sorting::along(g, t, places, self.axis))])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        let op = Sort { axis: self.axis + 1, ..*self };
        vec![Batched { var: g.bind1(op, &[ins[0].var]), batched: true }]
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        sorting::call("sort", ins[0], self.axis, self.descending)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    for descending in [false, true] {
        check_op(Sort { axis: 0, descending }, &["f32[7]"]);
        check_op(Sort { axis: 1, descending }, &["f32[2,5,3]"]);
        check_op(Sort { axis: 1, descending }, &["i8[2,9]"]);
        check_op(Sort { axis: 0, descending }, &["bool[4]"]);
    }
    let sorted = |x: &[f32], descending| {
        let y = Sort { axis: 0, descending }.eval(&[&Array::f32(&[x.len()], x)]).remove(0);
        format!("{y}")
    };
    assert_eq!(sorted(&[f32::NAN, 0.0, -0.0, -1.0], false), "f32[4]{-1.0, 0.0, -0.0, nan}");
    assert_eq!(sorted(&[-1.0, 0.0, -0.0, f32::NAN], true), "f32[4]{nan, 0.0, -0.0, -1.0}");
}

/// The runtime's function, on the same values.
#[test]
fn the_runtime_agrees() {
    let x: Vec<f32> = (0..120).map(|i| [0.0, -0.0, f32::NAN, (i * 37 % 11) as f32 - 5.0][i * 7 % 4]).collect();
    for descending in [false, true] {
        let mut out = vec![0.0; x.len()];
        kiln_math::order::sort_along(&x, &mut out, [2, 30, 2], descending);
        let array = Array::f32(&[2, 30, 2], &x);
        assert_eq!(Sort { axis: 1, descending }.eval(&[&array])[0], Array::f32(&[2, 30, 2], &out));
    }
}
