//! `sqrt`: square root.

use kiln_math::complex;
use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{complex1, const_with, float_call, float1, inexact, scaled};
use crate::ops::{Div, Elementwise, Fpu, OpError, Tangent};

/// `sqrt(x)`; NaN below zero, `-0.0` at `-0.0`.
#[derive(Clone, Debug)]
pub struct Sqrt;

impl Elementwise for Sqrt {
    const NAME: &'static str = "sqrt";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        inexact(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            z if z.dtype().is_complex() => complex1(z, complex::sqrt, complex::sqrt),
            x => float1(x, kiln_math::sqrt, kiln_math::sqrt),
        }
    }

    fn weight(&self) -> u32 {
        // 14 cycles on a Cortex-M4, where an addition and a multiplication take one.
        14
    }

    fn fpu(&self) -> Option<Fpu> {
        Some(Fpu::Unary("vsqrt.f32"))
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("sqrt", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| const_with(g, Div, 0.5, y))
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Sqrt);
    assert!(value(Sqrt, &[-1.0]).is_nan());
    assert_eq!(derivative(Sqrt, &[0.0], 0), f64::INFINITY);
    assert_eq!(derivative(Sqrt, &[4.0], 0), 0.25);
}
