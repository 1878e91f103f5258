//! `cos`: cosine of an angle in radians.

use kiln_math::complex;
use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{complex1, float_call, float1, inexact, scaled};
use crate::ops::{Elementwise, Neg, OpError, Sin, Tangent};

/// `cos(x)`.
#[derive(Clone, Debug)]
pub struct Cos;

impl Elementwise for Cos {
    const NAME: &'static str = "cos";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        inexact(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            z if z.dtype().is_complex() => complex1(z, complex::cos, complex::cos),
            x => float1(x, kiln_math::cos, kiln_math::cos),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("cos", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| {
            let sin = g.bind1(Sin, &[x[0]]);
            g.bind1(Neg, &[sin])
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::value;
    crate::ops::laws::check_elementwise(Cos);
    assert_eq!(value(Cos, &[0.0]), 1.0);
}
