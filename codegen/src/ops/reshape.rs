//! `reshape`: the same elements, in row-major order, under another shape.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Batched, Lowering, OpError, Operand, Primitive, Tangent, add_moved, param};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::{Ix, ravel, unravel};
use crate::text::Params;
use crate::passes::strips::Strip;

/// Row-major reinterpretation; moves nothing.
#[derive(Clone, Debug)]
pub struct Reshape {
    /// The new shape.
    pub shape: Vec<usize>,
}

impl Primitive for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn params(&self) -> Params {
        [param("shape", &self.shape)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let to = ins[0].with_shape(&self.shape);
        if to.size() == ins[0].size() {
            Ok(vec![to])
        } else {
            Err(OpError::new(format!("cannot reshape {} to {to}: {} elements are not {}", ins[0], ins[0].size(), to.size()))
                .at(0))
        }
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![ins[0].reshaped(&self.shape)]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), x), vec![t[0].map(|t| g.bind1(self.clone(), &[t]))])
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let Operand::Linear(x) = &ins[0] else { return vec![None] };
        vec![ct[0].map(|ct| g.bind1(Reshape { shape: x.shape.clone() }, &[ct]))]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let mut shape = vec![size];
        shape.extend(&self.shape);
        vec![Batched { var: g.bind1(Reshape { shape }, &[ins[0].var]), batched: true }]
    }

    fn is_view(&self) -> bool {
        true
    }

    /// The axis stays one where as many elements lie outside of it as before.
    fn strip(&self, ins: &[&Aval], d: usize, n: usize) -> Option<Strip> {
        let outside = |shape: &[usize], d: usize| shape[..d].iter().product::<usize>();
        let same = |e: &usize| ins[0].shape[*e] == self.shape[d] && outside(&ins[0].shape, *e) == outside(&self.shape, d);
        let from = (0..ins[0].rank()).find(same)?;
        let mut shape = self.shape.clone();
        shape[d] = n;
        Some(Strip { op: Reshape { shape }.into(), along: vec![Some(from)] })
    }

    /// Added to where it was, then moved.
    fn add_to(&self, g: &mut Graph, to: Var, ins: &[Var]) -> Option<Var> {
        let back = Reshape { shape: g.shape(ins[0]).to_vec() };
        add_moved(g, to, back, ins[0], self.clone())
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Map
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], _rx: &[Ix]) -> Ex {
        let from = k.operand(0).shape.clone();
        let at = unravel(&ravel(ix, &self.shape), &from);
        k.load(0, &at)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    check_op(Reshape { shape: vec![3, 4] }, &["f32[2,6]"]);
    check_op(Reshape { shape: vec![1] }, &["f32[]"]);
}
