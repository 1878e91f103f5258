//! `acosh`: inverse hyperbolic cosine.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1, scaled, with_const};
use crate::ops::{Add, Elementwise, Mul, OpError, Rsqrt, Sub, Tangent};

/// `acosh(x)`; NaN below 1.
#[derive(Clone, Debug)]
pub struct Acosh;

impl Elementwise for Acosh {
    const NAME: &'static str = "acosh";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::acosh, kiln_math::acosh)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("acosh", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        // (x - 1)(x + 1) keeps the digits that x * x - 1 loses near 1.
        scaled(g, t[0], |g| {
            let below = with_const(g, Sub, x[0], 1.0);
            let above = with_const(g, Add, x[0], 1.0);
            let product = g.bind1(Mul, &[below, above]);
            g.bind1(Rsqrt, &[product])
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Acosh);
    assert_eq!(value(Acosh, &[1.0]), 0.0);
    assert!(value(Acosh, &[0.5]).is_nan());
    assert_eq!(derivative(Acosh, &[1.0], 0), f64::INFINITY);
}
