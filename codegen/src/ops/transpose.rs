//! `transpose`: axes in another order.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Batched, Lowering, OpError, Operand, Primitive, Tangent, add_moved, param};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;
use crate::passes::strips::Strip;

/// Axis `d` of the result is axis `perm[d]` of the operand; moves nothing when fused.
#[derive(Clone, Debug)]
pub struct Transpose {
    /// A permutation of the operand's axes.
    pub perm: Vec<usize>,
}

impl Transpose {
    /// Puts the axes back.
    pub fn inverse(&self) -> Transpose {
        let mut perm = vec![0; self.perm.len()];
        for (n, p) in self.perm.iter().enumerate() {
            perm[*p] = n;
        }
        Transpose { perm }
    }
}

impl Primitive for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn params(&self) -> Params {
        [param("perm", &self.perm)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let mut sorted = self.perm.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..ins[0].rank()) {
            return Err(OpError::new(format!("{:?} does not order the {} axes of {}", self.perm, ins[0].rank(), ins[0])));
        }
        let shape: Vec<usize> = self.perm.iter().map(|p| ins[0].shape[*p]).collect();
        Ok(vec![ins[0].with_shape(&shape)])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let out = self.abstract_eval(&[ins[0].aval()]).expect("checked").remove(0);
        vec![Array::from_fn(&out, |ix| {
            let mut at = vec![0; ix.len()];
            for (i, p) in ix.iter().zip(&self.perm) {
                at[*p] = *i;
            }
            ins[0].at(&at)
        })]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), x), vec![t[0].map(|t| g.bind1(self.clone(), &[t]))])
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], _ins: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].map(|ct| g.bind1(self.inverse(), &[ct]))]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        let mut perm = vec![0];
        perm.extend(self.perm.iter().map(|p| p + 1));
        vec![Batched { var: g.bind1(Transpose { perm }, &[ins[0].var]), batched: true }]
    }

    fn strip(&self, _ins: &[&Aval], d: usize, _n: usize) -> Option<Strip> {
        Some(Strip { op: self.clone().into(), along: vec![Some(self.perm[d])] })
    }

    /// Added to where it was, then moved.
    fn add_to(&self, g: &mut Graph, to: Var, ins: &[Var]) -> Option<Var> {
        let back = self.inverse();
        add_moved(g, to, back, ins[0], self.clone())
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Map
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], _rx: &[Ix]) -> Ex {
        let mut at = vec![Ix::default(); ix.len()];
        for (i, p) in ix.iter().zip(&self.perm) {
            at[*p] = i.clone();
        }
        k.load(0, &at)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    check_op(Transpose { perm: vec![2, 0, 1] }, &["f32[2,3,4]"]);
    check_op(Transpose { perm: vec![] }, &["f32[]"]);
}
