//! `sin`: sine of an angle in radians.

use kiln_math::complex;
use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{complex1, float_call, float1, inexact, scaled};
use crate::ops::{Cos, Elementwise, OpError, Tangent};

/// `sin(x)`.
#[derive(Clone, Debug)]
pub struct Sin;

impl Elementwise for Sin {
    const NAME: &'static str = "sin";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        inexact(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            z if z.dtype().is_complex() => complex1(z, complex::sin, complex::sin),
            x => float1(x, kiln_math::sin, kiln_math::sin),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("sin", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| g.bind1(Cos, &[x[0]]))
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Sin);
    assert!(value(Sin, &[f64::INFINITY]).is_nan());
    assert_eq!(derivative(Sin, &[0.0], 0), 1.0);
}
