//! `atanh`: inverse hyperbolic tangent.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{const_with, float, float_call, float1, with_const};
use crate::ops::{Add, Div, Elementwise, Mul, OpError, Sub, Tangent};

/// `atanh(x)`; infinite at 1 and -1, NaN beyond.
#[derive(Clone, Debug)]
pub struct Atanh;

impl Elementwise for Atanh {
    const NAME: &'static str = "atanh";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::atanh, kiln_math::atanh)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("atanh", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        // (1 - x)(1 + x) keeps the digits that 1 - x * x loses near 1.
        t[0].map(|t| {
            let left = const_with(g, Sub, 1.0, x[0]);
            let right = with_const(g, Add, x[0], 1.0);
            let product = g.bind1(Mul, &[left, right]);
            g.bind1(Div, &[t, product])
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Atanh);
    assert_eq!(value(Atanh, &[1.0]), f64::INFINITY);
    assert_eq!(derivative(Atanh, &[0.0], 0), 1.0);
}
