//! `expm1`: `exp(x) - 1`, sharp near zero.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1, scaled, with_const};
use crate::ops::{Add, Elementwise, OpError, Tangent};

/// `exp(x) - 1`.
#[derive(Clone, Debug)]
pub struct Expm1;

impl Elementwise for Expm1 {
    const NAME: &'static str = "expm1";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::expm1, kiln_math::expm1)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("expm1", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| with_const(g, Add, y, 1.0))
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Expm1);
    assert_eq!(value(Expm1, &[1e-300]), 1e-300);
    assert_eq!(derivative(Expm1, &[0.0], 0), 1.0);
}
