//! `reduce_prod`: multiply along axes.

use crate::array::Array;
use crate::dtype::Scalar;
use crate::graph::{Aval, Graph, Var};
use crate::ops::axes::{others, permute, reshape};
use crate::ops::cumulative::shifted;
use crate::ops::reduce::{abstract_reduce, batch_axes, extents, fold, merge};
use crate::ops::{
    Batched, Cumprod, FoldOrder, Lowering, Mul, OpError, Primitive, ReduceSum, Tangent, Transpose, param,
};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;
use crate::passes::strips::Strip;

/// `out[i] = product of x[i, j]` over the indices `j` of `axes`, in the lanes order; integers wrap.
#[derive(Clone, Debug)]
pub struct ReduceProd {
    /// Axes that are multiplied; increasing.
    pub axes: Vec<usize>,
}

impl ReduceProd {
    /// For each element of `x` the product of the others: of those before it and those after it, which holds with zeros
    /// among them, where dividing the whole product would not.
    fn product_of_others(&self, g: &mut Graph, x: Var) -> Var {
        let shape = g.shape(x).to_vec();
        let kept = others(shape.len(), &self.axes, &[]);
        // The axes as one, behind the others.
        let perm = Transpose { perm: kept.iter().chain(&self.axes).copied().collect() };
        let mut flat: Vec<usize> = kept.iter().map(|d| shape[*d]).collect();
        let axis = flat.len();
        flat.push(self.axes.iter().map(|d| shape[*d]).product());
        let moved = permute(g, x, perm.perm.clone());
        let moved_shape = g.shape(moved).to_vec();
        let rows = reshape(g, moved, &flat);
        let mut exclusive = |reverse: bool| {
            let products = g.bind1(Cumprod { axis, reverse }, &[rows]);
            shifted(g, products, axis, reverse, 1.0)
        };
        let (before, after) = (exclusive(false), exclusive(true));
        let product = g.bind1(Mul, &[before, after]);
        let back = reshape(g, product, &moved_shape);
        permute(g, back, perm.inverse().perm)
    }
}

impl Primitive for ReduceProd {
    fn name(&self) -> &'static str {
        "reduce_prod"
    }

    fn params(&self) -> Params {
        [param("axes", &self.axes)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        Mul.abstract_eval(&[ins[0], ins[0]])?;
        abstract_reduce(ins[0], &self.axes)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![fold(ins[0], &self.axes, &Mul, Scalar::one(ins[0].dtype()))]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind1(self.clone(), x);
        let ty = t[0].map(|t| {
            let slope = self.product_of_others(g, x[0]);
            let scaled = g.bind1(Mul, &[t, slope]);
            g.bind1(ReduceSum { axes: self.axes.clone() }, &[scaled])
        });
        (vec![y], vec![ty])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        let var = g.bind1(ReduceProd { axes: batch_axes(&self.axes) }, &[ins[0].var]);
        vec![Batched { var, batched: true }]
    }

    fn strip(&self, ins: &[&Aval], d: usize, _n: usize) -> Option<Strip> {
        let from = others(ins[0].rank(), &self.axes, &[])[d];
        Some(Strip { op: self.clone().into(), along: vec![Some(from)] })
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        Lowering::Fold {
            extents: extents(ins[0], &self.axes),
            combine: Mul.into(),
            order: FoldOrder::Lanes,
            init: Scalar::one(ins[0].dtype),
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
    use crate::ops::laws::{check_op, jvp_at};
    check_op(ReduceProd { axes: vec![1] }, &["f32[3,4]"]);
    check_op(ReduceProd { axes: vec![0, 2] }, &["f32[2,3,3]"]);
    check_op(ReduceProd { axes: vec![0] }, &["f32[3,2,4]"]);
    check_op(ReduceProd { axes: vec![0] }, &["i8[5]"]);
    check_op(ReduceProd { axes: vec![] }, &["f32[2]"]);
    // One zero: only its own tangent counts. Two zeros: none does.
    let slope = |x: &[f64]| {
        let t = Array::f64(&[3], &[1.0, 10.0, 100.0]);
        let (_, ty) = jvp_at(ReduceProd { axes: vec![0] }, &[Array::f64(&[3], x)], &[Some(t)]);
        ty[0].as_ref().map(|t| t.item().to_f64())
    };
    assert_eq!(slope(&[2.0, 0.0, 3.0]), Some(60.0));
    assert_eq!(slope(&[0.0, 0.0, 3.0]), Some(0.0));
}
