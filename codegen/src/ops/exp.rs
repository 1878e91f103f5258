//! `exp`: e to the power of `x`.

use kiln_math::complex;
use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{complex1, float_call, float1, inexact, scaled};
use crate::ops::{Elementwise, OpError, Tangent};

/// `exp(x)`.
#[derive(Clone, Debug)]
pub struct Exp;

impl Elementwise for Exp {
    const NAME: &'static str = "exp";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        inexact(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            z if z.dtype().is_complex() => complex1(z, complex::exp, complex::exp),
            x => float1(x, kiln_math::exp, kiln_math::exp),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("exp", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |_| y)
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(Exp);
}
