//! `tan`: tangent of an angle in radians.

use kiln_math::complex;
use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{complex1, float_call, float1, inexact, scaled, with_const};
use crate::ops::{Add, Elementwise, Mul, OpError, Tangent};

/// `tan(x)`.
#[derive(Clone, Debug)]
pub struct Tan;

impl Elementwise for Tan {
    const NAME: &'static str = "tan";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        inexact(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            z if z.dtype().is_complex() => complex1(z, complex::tan, complex::tan),
            x => float1(x, kiln_math::tan, kiln_math::tan),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("tan", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| {
            let square = g.bind1(Mul, &[y, y]);
            with_const(g, Add, square, 1.0)
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::derivative;
    crate::ops::laws::check_elementwise(Tan);
    assert_eq!(derivative(Tan, &[0.0], 0), 1.0);
}
