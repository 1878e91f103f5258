//! `tanh`: hyperbolic tangent.

use kiln_math::complex;
use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{complex1, const_with, float_call, float1, inexact, scaled};
use crate::ops::{Elementwise, Mul, OpError, Sub, Tangent};

/// `tanh(x)`; its derivative needs the result only.
#[derive(Clone, Debug)]
pub struct Tanh;

impl Elementwise for Tanh {
    const NAME: &'static str = "tanh";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        inexact(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            z if z.dtype().is_complex() => complex1(z, complex::tanh, complex::tanh),
            x => float1(x, kiln_math::tanh, kiln_math::tanh),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("tanh", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| {
            let square = g.bind1(Mul, &[y, y]);
            const_with(g, Sub, 1.0, square)
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Tanh);
    assert_eq!(value(Tanh, &[1000.0]), 1.0);
    assert_eq!(derivative(Tanh, &[1000.0], 0), 0.0);
    assert_eq!(derivative(Tanh, &[0.0], 0), 1.0);
}
