//! `reduce_max`: the largest element along axes.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::reduce::{abstract_reduce, batch_axes, extents, fold, least, merge, tied_tangent};
use crate::ops::{Batched, FoldOrder, Lowering, Max, OpError, Primitive, Tangent, param};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;
use crate::ops::axes::others;
use crate::passes::parts::InParts;
use crate::passes::strips::Strip;

/// `out[i] = max of x[i, j]` over the indices `j` of `axes`; NaN if any is, the least number of nothing. Elements that tie share
/// the derivative evenly.
#[derive(Clone, Debug)]
pub struct ReduceMax {
    /// Axes that are reduced; increasing.
    pub axes: Vec<usize>,
}

impl Primitive for ReduceMax {
    fn name(&self) -> &'static str {
        "reduce_max"
    }

    fn params(&self) -> Params {
        [param("axes", &self.axes)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        Max.abstract_eval(&[ins[0], ins[0]])?;
        abstract_reduce(ins[0], &self.axes)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![fold(ins[0], &self.axes, &Max, least(ins[0].dtype()))]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind1(self.clone(), x);
        (vec![y], vec![t[0].map(|t| tied_tangent(g, &self.axes, x[0], y, t))])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        let var = g.bind1(ReduceMax { axes: batch_axes(&self.axes) }, &[ins[0].var]);
        vec![Batched { var, batched: true }]
    }

    fn strip(&self, ins: &[&Aval], d: usize, _n: usize) -> Option<Strip> {
        let from = others(ins[0].rank(), &self.axes, &[])[d];
        Some(Strip { op: self.clone().into(), along: vec![Some(from)] })
    }

    fn in_parts(&self, ins: &[&Aval], along: &[Option<usize>]) -> Option<InParts> {
        InParts::of_any_order(self.clone(), Max, least(ins[0].dtype), &self.axes, along[0])
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        Lowering::Fold {
            extents: extents(ins[0], &self.axes),
            combine: Max.into(),
            order: FoldOrder::Lanes,
            init: least(ins[0].dtype),
            contraction: false,
        }
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], rx: &[Ix]) -> Ex {
        k.load(0, &merge(&self.axes, ix, rx))
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        if ins[0].dtype.is_inexact() { ins[0].size() as u64 } else { 0 }
    }
}

#[test]
fn laws() {
    use crate::dtype::Scalar;
    use crate::ops::laws::{check_op, check_op_error, jvp_at};
    check_op(ReduceMax { axes: vec![1] }, &["f32[3,4]"]);
    check_op(ReduceMax { axes: vec![0, 2] }, &["f32[2,3,20]"]);
    check_op(ReduceMax { axes: vec![0] }, &["u8[5]"]);
    check_op(ReduceMax { axes: vec![0] }, &["bool[5]"]);
    check_op(ReduceMax { axes: vec![1] }, &["i32[2,0]"]);
    let message = expect_test::expect!["axis 2 is out of range: f32[3,4] has axes 0 to 1"];
    check_op_error(ReduceMax { axes: vec![2] }, &["f32[3,4]"], message);
    // Two of three elements tie: each has half of the derivative.
    let (x, t) = (Array::f64(&[3], &[1.0, 3.0, 3.0]), Array::f64(&[3], &[100.0, 1.0, 2.0]));
    let (y, ty) = jvp_at(ReduceMax { axes: vec![0] }, &[x], &[Some(t)]);
    assert_eq!(y[0].item(), Scalar::F64(3.0));
    assert_eq!(ty[0].as_ref().map(Array::item), Some(Scalar::F64(1.5)));
    let nan = Array::f32(&[3], &[1.0, f32::NAN, 2.0]);
    assert!(ReduceMax { axes: vec![0] }.eval(&[&nan])[0].item().to_f64().is_nan());
}
