//! `rsqrt`: one over the square root.

use kiln_math::complex;
use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{complex1, float_call, float1, inexact, scaled, with_const};
use crate::ops::{Div, Elementwise, Mul, OpError, Tangent};

/// `1 / sqrt(x)`.
#[derive(Clone, Debug)]
pub struct Rsqrt;

impl Elementwise for Rsqrt {
    const NAME: &'static str = "rsqrt";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        inexact(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            z if z.dtype().is_complex() => complex1(z, complex::rsqrt, complex::rsqrt),
            x => float1(x, kiln_math::rsqrt, kiln_math::rsqrt),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("rsqrt", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| {
            let slope = g.bind1(Div, &[y, x[0]]);
            with_const(g, Mul, slope, -0.5)
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Rsqrt);
    assert_eq!(value(Rsqrt, &[0.0]), f64::INFINITY);
    assert_eq!(value(Rsqrt, &[4.0]), 0.5);
    assert_eq!(derivative(Rsqrt, &[1.0], 0), -0.5);
}
