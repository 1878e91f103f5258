//! `broadcast_in_dim`: repeat along new axes and along axes of extent one.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Batched, Lowering, OpError, Operand, Primitive, ReduceSum, Reshape, Tangent, param};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;
use crate::ops::axes::others;
use crate::passes::strips::Strip;

/// `out[i] = x[i at dims]`; operand axis `d` is axis `dims[d]` of the result and has its extent or extent one.
#[derive(Clone, Debug)]
pub struct BroadcastInDim {
    /// Shape of the result.
    pub shape: Vec<usize>,
    /// Where each operand axis goes; increasing.
    pub dims: Vec<usize>,
}

impl Primitive for BroadcastInDim {
    fn name(&self) -> &'static str {
        "broadcast_in_dim"
    }

    fn params(&self) -> Params {
        [param("shape", &self.shape), param("dims", &self.dims)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let fits = ins[0].rank() == self.dims.len()
            && self.dims.windows(2).all(|w| w[0] < w[1])
            && self.dims.iter().zip(&ins[0].shape).all(|(d, n)| self.shape.get(*d).is_some_and(|m| n == m || *n == 1));
        if fits {
            Ok(vec![ins[0].with_shape(&self.shape)])
        } else {
            let to = ins[0].with_shape(&self.shape);
            Err(OpError::new(format!("cannot broadcast {} to {to}", ins[0])).at(0))
        }
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let x = ins[0];
        vec![Array::from_fn(&x.aval().with_shape(&self.shape), |ix| {
            let at: Vec<usize> =
                self.dims.iter().zip(x.shape()).map(|(d, n)| if *n == 1 { 0 } else { ix[*d] }).collect();
            x.at(&at)
        })]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), x), vec![t[0].map(|t| g.bind1(self.clone(), &[t]))])
    }

    /// Every copy fed one element, so their cotangents add up.
    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let Operand::Linear(x) = &ins[0] else { return vec![None] };
        vec![ct[0].map(|ct| {
            let repeated = |d: &usize| match self.dims.iter().position(|e| e == d) {
                None => true,
                Some(n) => x.shape[n] == 1 && self.shape[*d] != 1,
            };
            let axes: Vec<usize> = (0..self.shape.len()).filter(repeated).collect();
            let sum = if axes.is_empty() { ct } else { summed(g, ct, &axes) };
            if g.shape(sum) == x.shape { sum } else { g.bind1(Reshape { shape: x.shape.clone() }, &[sum]) }
        })]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let mut shape = vec![size];
        shape.extend(&self.shape);
        let mut dims = vec![0];
        dims.extend(self.dims.iter().map(|d| d + 1));
        vec![Batched { var: g.bind1(BroadcastInDim { shape, dims }, &[ins[0].var]), batched: true }]
    }

    fn strip(&self, ins: &[&Aval], d: usize, n: usize) -> Option<Strip> {
        let from = self.dims.iter().position(|e| *e == d).filter(|k| ins[0].shape[*k] == self.shape[d]);
        let mut shape = self.shape.clone();
        shape[d] = n;
        Some(Strip { op: BroadcastInDim { shape, dims: self.dims.clone() }.into(), along: vec![from] })
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Map
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], _rx: &[Ix]) -> Ex {
        let at: Vec<Ix> = k
            .operand(0)
            .shape
            .iter()
            .zip(&self.dims)
            .map(|(n, d)| if *n == 1 { Ix::constant(0) } else { ix[*d].clone() })
            .collect();
        k.load(0, &at)
    }
}

/// The sum over `axes`. Of what is a sum already, one sum over the axes of both: what was repeated twice is added up once.
fn summed(g: &mut Graph, x: Var, axes: &[usize]) -> Var {
    let inner = g.eqns.iter().rev().find(|e| e.outputs[..] == [x]);
    let inner = inner.and_then(|e| {
        let sum = e.op.downcast::<ReduceSum>()?;
        Some((e.inputs[0], sum.axes.clone()))
    });
    let Some((of, inner)) = inner else { return g.bind1(ReduceSum { axes: axes.to_vec() }, &[x]) };
    let left = others(g.shape(of).len(), &inner, &[]);
    let mut all: Vec<usize> = axes.iter().map(|d| left[*d]).chain(inner).collect();
    all.sort_unstable();
    g.bind1(ReduceSum { axes: all }, &[of])
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    check_op(BroadcastInDim { shape: vec![2, 3, 4], dims: vec![0, 2] }, &["f32[2,4]"]);
    check_op(BroadcastInDim { shape: vec![2, 3], dims: vec![0, 1] }, &["f32[2,1]"]);
    check_op(BroadcastInDim { shape: vec![3], dims: vec![] }, &["f32[]"]);
}
