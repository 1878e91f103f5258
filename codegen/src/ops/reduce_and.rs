//! `reduce_and`: whether all hold along axes.

use crate::array::Array;
use crate::dtype::Scalar;
use crate::graph::{Aval, Graph, Var};
use crate::ops::reduce::{abstract_reduce, batch_axes, extents, fold, merge};
use crate::ops::{And, Batched, FoldOrder, Lowering, OpError, Primitive, Tangent, param};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;
use crate::ops::axes::others;
use crate::passes::strips::Strip;

/// `out[i] = and of x[i, j]` over the indices `j` of `axes`, of bools or of the bits of integers; true (all ones) of nothing.
#[derive(Clone, Debug)]
pub struct ReduceAnd {
    /// Axes that are reduced; increasing.
    pub axes: Vec<usize>,
}

impl Primitive for ReduceAnd {
    fn name(&self) -> &'static str {
        "reduce_and"
    }

    fn params(&self) -> Params {
        [param("axes", &self.axes)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        And.abstract_eval(&[ins[0], ins[0]])?;
        abstract_reduce(ins[0], &self.axes)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![fold(ins[0], &self.axes, &And, Scalar::from_i128(ins[0].dtype(), -1))]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], _t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), x), vec![None])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        let var = g.bind1(ReduceAnd { axes: batch_axes(&self.axes) }, &[ins[0].var]);
        vec![Batched { var, batched: true }]
    }

    fn strip(&self, ins: &[&Aval], d: usize, _n: usize) -> Option<Strip> {
        let from = others(ins[0].rank(), &self.axes, &[])[d];
        Some(Strip { op: self.clone().into(), along: vec![Some(from)] })
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        Lowering::Fold {
            extents: extents(ins[0], &self.axes),
            combine: And.into(),
            order: FoldOrder::Lanes,
            init: Scalar::from_i128(ins[0].dtype, -1),
            contraction: false,
        }
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], rx: &[Ix]) -> Ex {
        k.load(0, &merge(&self.axes, ix, rx))
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{check_op, check_op_error};
    check_op(ReduceAnd { axes: vec![1] }, &["bool[3,4]"]);
    check_op(ReduceAnd { axes: vec![0, 1] }, &["u16[3,20]"]);
    check_op(ReduceAnd { axes: vec![0] }, &["bool[0]"]);
    let message = expect_test::expect!["`and` needs integers or bools, found f32"];
    check_op_error(ReduceAnd { axes: vec![0] }, &["f32[3]"], message);
    let x = Array::new(Aval::new(crate::dtype::DType::U8, &[2]), vec![Scalar::U8(6), Scalar::U8(3)]);
    assert_eq!(ReduceAnd { axes: vec![0] }.eval(&[&x])[0].item(), Scalar::U8(2));
    let none = Array::new(Aval::new(crate::dtype::DType::Bool, &[0]), vec![]);
    assert_eq!(ReduceAnd { axes: vec![0] }.eval(&[&none])[0].item(), Scalar::Bool(true));
}
