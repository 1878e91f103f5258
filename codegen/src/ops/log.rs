//! `log`: the natural logarithm.

use kiln_math::complex;
use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{complex1, float_call, float1, inexact};
use crate::ops::{Div, Elementwise, OpError, Tangent};

/// `ln(x)`; negative numbers give NaN, zero gives `-inf`.
#[derive(Clone, Debug)]
pub struct Log;

impl Elementwise for Log {
    const NAME: &'static str = "log";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        inexact(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            z if z.dtype().is_complex() => complex1(z, complex::log, complex::log),
            x => float1(x, kiln_math::log, kiln_math::log),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("log", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        t[0].map(|t| g.bind1(Div, &[t, x[0]]))
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Log);
    assert_eq!(value(Log, &[0.0]), f64::NEG_INFINITY);
    assert!(value(Log, &[-1.0]).is_nan());
    assert_eq!(derivative(Log, &[0.25], 0), 4.0);
}
