//! `asinh`: inverse hyperbolic sine.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1, scaled, with_const};
use crate::ops::{Add, Elementwise, Mul, OpError, Rsqrt, Tangent};

/// `asinh(x)`.
#[derive(Clone, Debug)]
pub struct Asinh;

impl Elementwise for Asinh {
    const NAME: &'static str = "asinh";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::asinh, kiln_math::asinh)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("asinh", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| {
            let square = g.bind1(Mul, &[x[0], x[0]]);
            let sum = with_const(g, Add, square, 1.0);
            g.bind1(Rsqrt, &[sum])
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::derivative;
    crate::ops::laws::check_elementwise(Asinh);
    assert_eq!(derivative(Asinh, &[0.0], 0), 1.0);
}
