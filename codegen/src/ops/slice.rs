//! `slice`: a box of an array, possibly with strides, at a place known while tracing.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::axes::prepended;
use crate::ops::{Batched, Lowering, OpError, Operand, Pad, Primitive, Tangent, param};
use crate::passes::strips::Strip;
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;

/// `out[i] = x[start + i * stride]`, for indices of `x` below `limit`.
#[derive(Clone, Debug)]
pub struct Slice {
    /// First index along each axis.
    pub start: Vec<usize>,
    /// Index along each axis that is no longer part of it.
    pub limit: Vec<usize>,
    /// Step along each axis; at least 1.
    pub stride: Vec<usize>,
}

impl Slice {
    /// The elements `start..limit` of one axis of `x`, all of the others.
    pub fn along(x: &Aval, axis: usize, start: usize, limit: usize) -> Slice {
        let mut op = Slice { start: vec![0; x.rank()], limit: x.shape.clone(), stride: vec![1; x.rank()] };
        op.start[axis] = start;
        op.limit[axis] = limit;
        op
    }

    fn shape(&self) -> Vec<usize> {
        let axis = |d: usize| (self.limit[d] - self.start[d]).div_ceil(self.stride[d]);
        (0..self.start.len()).map(axis).collect()
    }
}

impl Primitive for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn params(&self) -> Params {
        [param("start", &self.start), param("limit", &self.limit), param("stride", &self.stride)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let x = ins[0];
        if [&self.start, &self.limit, &self.stride].iter().any(|v| v.len() != x.rank()) {
            return Err(OpError::new(format!(
                "{} indices do not slice the {} axes of {x}",
                self.start.len(),
                x.rank()
            )));
        }
        for d in 0..x.rank() {
            let (start, limit) = (self.start[d], self.limit[d]);
            if start > limit || limit > x.shape[d] {
                let n = x.shape[d];
                return Err(OpError::new(format!(
                    "{start}..{limit} is out of range: axis {d} of {x} has {n} elements"
                ))
                .at(0));
            }
            if self.stride[d] == 0 {
                return Err(OpError::new(format!("a step of 0 along axis {d} of {x} gets nowhere")));
            }
        }
        Ok(vec![x.with_shape(&self.shape())])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![Array::from_fn(&ins[0].aval().with_shape(&self.shape()), |ix| {
            let at: Vec<usize> = (0..ix.len()).map(|d| self.start[d] + ix[d] * self.stride[d]).collect();
            ins[0].at(&at)
        })]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), x), vec![t[0].map(|t| g.bind1(self.clone(), &[t]))])
    }

    /// Zeros around the cotangent and in the gaps.
    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let Operand::Linear(x) = &ins[0] else { return vec![None] };
        vec![ct[0].map(|ct| {
            let zero = g.full(x.dtype, &[], 0.0);
            let covered = |d: usize| match g.shape(ct)[d] {
                0 => 0,
                n => (n - 1) * self.stride[d] + 1,
            };
            let pad = Pad {
                lo: self.start.iter().map(|s| *s as i64).collect(),
                hi: (0..x.rank()).map(|d| x.shape[d] as i64 - self.start[d] as i64 - covered(d) as i64).collect(),
                interior: self.stride.iter().map(|s| s - 1).collect(),
            };
            g.bind1(pad, &[ct, zero])
        })]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let op = Slice {
            start: prepended(0, &self.start),
            limit: prepended(size, &self.limit),
            stride: prepended(1, &self.stride),
        };
        vec![Batched { var: g.bind1(op, &[ins[0].var]), batched: true }]
    }

    /// Along axes that are taken in full.
    fn strip(&self, ins: &[&Aval], d: usize, n: usize) -> Option<Strip> {
        let in_full = self.start[d] == 0 && self.limit[d] == ins[0].shape[d] && self.stride[d] == 1;
        let mut op = self.clone();
        op.limit[d] = n;
        in_full.then(|| Strip { op: op.into(), along: vec![Some(d)] })
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Map
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], _rx: &[Ix]) -> Ex {
        let at: Vec<Ix> =
            (0..ix.len()).map(|d| ix[d].mul(self.stride[d] as i64).add_const(self.start[d] as i64)).collect();
        k.load(0, &at)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    check_op(Slice { start: vec![1, 0], limit: vec![3, 5], stride: vec![1, 2] }, &["f32[4,6]"]);
    check_op(Slice { start: vec![2], limit: vec![7], stride: vec![3] }, &["f32[8]"]);
    check_op(Slice { start: vec![3], limit: vec![3], stride: vec![2] }, &["f32[8]"]);
    check_op(Slice { start: vec![], limit: vec![], stride: vec![] }, &["u8[]"]);
}

#[test]
fn refusals_name_the_range() {
    crate::ops::laws::check_op_error(
        Slice { start: vec![2], limit: vec![6], stride: vec![1] },
        &["f32[5]"],
        expect_test::expect!["2..6 is out of range: axis 0 of f32[5] has 5 elements"],
    );
}
