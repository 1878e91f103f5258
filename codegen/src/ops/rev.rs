//! `rev`: axes back to front.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::axes::shifted;
use crate::ops::{Batched, Lowering, OpError, Operand, Primitive, Tangent, param};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;

/// `out[i] = x[n - 1 - i]` along each of `axes`.
#[derive(Clone, Debug)]
pub struct Rev {
    /// The reversed axes.
    pub axes: Vec<usize>,
}

impl Primitive for Rev {
    fn name(&self) -> &'static str {
        "rev"
    }

    fn params(&self) -> Params {
        [param("axes", &self.axes)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        match self.axes.iter().find(|a| **a >= ins[0].rank()) {
            Some(axis) => {
                Err(OpError::new(format!("axis {axis} is out of range: {} has {} axes", ins[0], ins[0].rank())).at(0))
            }
            None => Ok(vec![ins[0].clone()]),
        }
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![Array::from_fn(ins[0].aval(), |ix| {
            let mut at = ix.to_vec();
            for d in &self.axes {
                at[*d] = ins[0].shape()[*d] - 1 - ix[*d];
            }
            ins[0].at(&at)
        })]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), x), vec![t[0].map(|t| g.bind1(self.clone(), &[t]))])
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], _ins: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].map(|ct| g.bind1(self.clone(), &[ct]))]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        vec![Batched { var: g.bind1(Rev { axes: shifted(&self.axes) }, &[ins[0].var]), batched: true }]
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Map
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], _rx: &[Ix]) -> Ex {
        let mut at = ix.to_vec();
        for d in &self.axes {
            at[*d] = ix[*d].mul(-1).add_const(k.operand(0).shape[*d] as i64 - 1);
        }
        k.load(0, &at)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    check_op(Rev { axes: vec![0, 2] }, &["f32[2,3,4]"]);
    check_op(Rev { axes: vec![] }, &["u8[3]"]);
}
