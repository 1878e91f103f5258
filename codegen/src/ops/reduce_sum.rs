//! `reduce_sum`: add up along axes.

use crate::array::Array;
use crate::dtype::Scalar;
use crate::graph::{Aval, Graph, Var};
use crate::ops::reduce::{abstract_reduce, batch_axes, extents, fold, merge};
use crate::ops::{Add, Batched, BroadcastInDim, FoldOrder, Lowering, OpError, Operand, Primitive, Tangent, param};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;
use crate::ops::axes::others;
use crate::passes::parts::InParts;
use crate::passes::strips::Strip;

/// `out[i] = sum of x[i, j]` over the indices `j` of `axes`, in the lanes order.
#[derive(Clone, Debug)]
pub struct ReduceSum {
    /// Axes that are summed; increasing.
    pub axes: Vec<usize>,
}

impl Primitive for ReduceSum {
    fn name(&self) -> &'static str {
        "reduce_sum"
    }

    fn params(&self) -> Params {
        [param("axes", &self.axes)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        Add.abstract_eval(&[ins[0], ins[0]])?;
        abstract_reduce(ins[0], &self.axes)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![fold(ins[0], &self.axes, &Add, Scalar::zero(ins[0].dtype()))]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), x), vec![t[0].map(|t| g.bind1(self.clone(), &[t]))])
    }

    /// Every element along a summed axis fed one output, so the cotangent is spread back over that axis.
    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let Operand::Linear(x) = &ins[0] else { return vec![None] };
        let dims = (0..x.rank()).filter(|d| !self.axes.contains(d)).collect();
        vec![ct[0].map(|ct| g.bind1(BroadcastInDim { shape: x.shape.clone(), dims }, &[ct]))]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        let var = g.bind1(ReduceSum { axes: batch_axes(&self.axes) }, &[ins[0].var]);
        vec![Batched { var, batched: true }]
    }

    fn strip(&self, ins: &[&Aval], d: usize, _n: usize) -> Option<Strip> {
        let from = others(ins[0].rank(), &self.axes, &[])[d];
        Some(Strip { op: self.clone().into(), along: vec![Some(from)] })
    }

    fn in_parts(&self, ins: &[&Aval], along: &[Option<usize>]) -> Option<InParts> {
        InParts::of_sum(self.clone(), ins[0], &self.axes, along[0])
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        Lowering::Fold {
            extents: extents(ins[0], &self.axes),
            combine: Add.into(),
            order: FoldOrder::Lanes,
            init: Scalar::zero(ins[0].dtype),
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
    use crate::ops::laws::check_op;
    check_op(ReduceSum { axes: vec![1] }, &["f32[3,4]"]);
    check_op(ReduceSum { axes: vec![0, 2] }, &["f32[2,3,20]"]);
    check_op(ReduceSum { axes: vec![0] }, &["i32[5]"]);
    check_op(ReduceSum { axes: vec![] }, &["f32[2]"]);
}
