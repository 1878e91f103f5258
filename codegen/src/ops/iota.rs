//! `iota`: each element is its own index along one axis.

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Batched, Lowering, OpError, Primitive, Tangent, param};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;

/// `out[i] = i[dimension]` as a number of the result's dtype; costs no memory.
#[derive(Clone, Debug)]
pub struct Iota {
    /// Type of the result.
    pub aval: Aval,
    /// The axis that is counted along.
    pub dimension: usize,
}

impl Primitive for Iota {
    fn name(&self) -> &'static str {
        "iota"
    }

    fn params(&self) -> Params {
        [param("dtype", self.aval.dtype), param("shape", &self.aval.shape), param("dimension", self.dimension)].into()
    }

    fn abstract_eval(&self, _ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        if self.dimension >= self.aval.rank() {
            return Err(OpError::new(format!(
                "axis {} is out of range: {} has {} axes",
                self.dimension,
                self.aval,
                self.aval.rank()
            )));
        }
        if self.aval.dtype == DType::Bool {
            return Err(OpError::new("`iota` counts in numbers, found bool"));
        }
        Ok(vec![self.aval.clone()])
    }

    fn eval(&self, _ins: &[&Array]) -> Vec<Array> {
        vec![Array::from_fn(&self.aval, |ix| Scalar::from_i128(self.aval.dtype, ix[self.dimension] as i128))]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], _t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), x), vec![None])
    }

    fn batch(&self, g: &mut Graph, _ins: &[Batched], _size: usize) -> Vec<Batched> {
        vec![Batched { var: g.bind1(self.clone(), &[]), batched: false }]
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Map
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], _rx: &[Ix]) -> Ex {
        k.index(&ix[self.dimension], self.aval.dtype)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{check_op, parse_aval};
    check_op(Iota { aval: parse_aval("f32[2,3]"), dimension: 1 }, &[]);
    check_op(Iota { aval: parse_aval("u8[300]"), dimension: 0 }, &[]);
}
