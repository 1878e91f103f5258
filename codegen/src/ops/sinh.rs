//! `sinh`: hyperbolic sine.

use kiln_math::complex;
use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{complex1, float_call, float1, inexact, scaled};
use crate::ops::{Cosh, Elementwise, OpError, Tangent};

/// `sinh(x)`.
#[derive(Clone, Debug)]
pub struct Sinh;

impl Elementwise for Sinh {
    const NAME: &'static str = "sinh";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        inexact(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            z if z.dtype().is_complex() => complex1(z, complex::sinh, complex::sinh),
            x => float1(x, kiln_math::sinh, kiln_math::sinh),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("sinh", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| g.bind1(Cosh, &[x[0]]))
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Sinh);
    assert_eq!(value(Sinh, &[-f64::INFINITY]), -f64::INFINITY);
    assert_eq!(derivative(Sinh, &[0.0], 0), 1.0);
}
