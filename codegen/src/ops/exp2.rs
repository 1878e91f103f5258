//! `exp2`: 2 to the power of `x`.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1, scaled, with_const};
use crate::ops::{Elementwise, Mul, OpError, Tangent};

/// `2^x`.
#[derive(Clone, Debug)]
pub struct Exp2;

impl Elementwise for Exp2 {
    const NAME: &'static str = "exp2";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::exp2, kiln_math::exp2)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("exp2", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| with_const(g, Mul, y, std::f64::consts::LN_2))
    }
}

#[test]
fn laws() {
    use crate::ops::laws::value;
    crate::ops::laws::check_elementwise(Exp2);
    assert_eq!(value(Exp2, &[3.0]), 8.0);
}
