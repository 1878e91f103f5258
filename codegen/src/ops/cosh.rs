//! `cosh`: hyperbolic cosine.

use kiln_math::complex;
use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{complex1, float_call, float1, inexact, scaled};
use crate::ops::{Elementwise, OpError, Sinh, Tangent};

/// `cosh(x)`.
#[derive(Clone, Debug)]
pub struct Cosh;

impl Elementwise for Cosh {
    const NAME: &'static str = "cosh";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        inexact(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            z if z.dtype().is_complex() => complex1(z, complex::cosh, complex::cosh),
            x => float1(x, kiln_math::cosh, kiln_math::cosh),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("cosh", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| g.bind1(Sinh, &[x[0]]))
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Cosh);
    assert_eq!(value(Cosh, &[-f64::INFINITY]), f64::INFINITY);
    assert_eq!(derivative(Cosh, &[0.0], 0), 0.0);
}
