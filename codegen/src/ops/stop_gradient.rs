//! `stop_gradient`: the identity, with a derivative of zero.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::{Elementwise, OpError, Tangent};

/// `x`; its tangent is zero.
#[derive(Clone, Debug)]
pub struct StopGradient;

impl Elementwise for StopGradient {
    const NAME: &'static str = "stop_gradient";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        Ok(ins[0])
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        x[0]
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        x[0].clone()
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }

    fn flops(&self) -> u64 {
        0
    }
}

#[test]
fn the_tangent_is_zero() {
    let g = crate::text::parse("graph f(x: f32[3]) -> (a) {\n a: f32[3] = stop_gradient x\n}").unwrap();
    let (_, nonzero) = crate::transform::jvp_graph(&g, &[true]);
    assert_eq!(nonzero, [false]);
}
