//! `cbrt`: cube root.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{const_with, float, float_call, float1, scaled};
use crate::ops::{Div, Elementwise, Mul, OpError, Tangent};

/// `cbrt(x)`, also of negative numbers.
#[derive(Clone, Debug)]
pub struct Cbrt;

impl Elementwise for Cbrt {
    const NAME: &'static str = "cbrt";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::cbrt, kiln_math::cbrt)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("cbrt", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| {
            let square = g.bind1(Mul, &[y, y]);
            const_with(g, Div, 1.0 / 3.0, square)
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Cbrt);
    assert_eq!(value(Cbrt, &[-8.0]), -2.0);
    assert_eq!(derivative(Cbrt, &[0.0], 0), f64::INFINITY);
}
