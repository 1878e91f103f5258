//! `constant`: an array known while tracing.

use std::rc::Rc;

use crate::dtype::Scalar;
use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Batched, Lowering, OpError, Primitive, Tangent, param};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;
use crate::passes::strips::Strip;

/// `value`, always. A splat is a literal in the loops that read it; any other array is stored in flash by the scheduler,
/// which looks for this primitive's [`Constant::value`].
#[derive(Clone, Debug)]
pub struct Constant {
    /// The array.
    pub value: Rc<Array>,
}

impl Primitive for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn params(&self) -> Params {
        [param("value", &self.value)].into()
    }

    fn abstract_eval(&self, _ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        Ok(vec![self.value.aval().clone()])
    }

    fn eval(&self, _ins: &[&Array]) -> Vec<Array> {
        vec![(*self.value).clone()]
    }

    fn jvp(&self, g: &mut Graph, _x: &[Var], _t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), &[]), vec![None])
    }

    fn batch(&self, g: &mut Graph, _ins: &[Batched], _size: usize) -> Vec<Batched> {
        vec![Batched { var: g.bind1(self.clone(), &[]), batched: false }]
    }

    fn strip(&self, _ins: &[&Aval], d: usize, n: usize) -> Option<Strip> {
        let mut aval = self.value.aval().clone();
        let x = *self.value.data().first().filter(|_| self.value.is_splat())?;
        aval.shape[d] = n;
        Some(Strip { op: Constant { value: Rc::new(Array::full(&aval, x)) }.into(), along: Vec::new() })
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Map
    }

    fn body(&self, k: &mut Body<'_>, _ix: &[Ix], _rx: &[Ix]) -> Ex {
        // An array without elements is not read anywhere.
        let zero = || Scalar::from_i128(self.value.aval().dtype, 0);
        k.constant(self.value.data().first().copied().unwrap_or_else(zero))
    }

    fn flops(&self, _ins: &[&Aval]) -> u64 {
        0
    }
}
