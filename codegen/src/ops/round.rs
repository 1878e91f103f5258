//! `round`: the nearest integer, ties to even.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1};
use crate::ops::{Elementwise, OpError, Tangent};

/// `x` rounded to the nearest integer, halves to the even one; the derivative is zero.
#[derive(Clone, Debug)]
pub struct Round;

impl Elementwise for Round {
    const NAME: &'static str = "round";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::round, kiln_math::round)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("round", dtypes[0], x)
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }
}

#[test]
fn laws() {
    use crate::ops::laws::value;
    crate::ops::laws::check_elementwise(Round);
    assert_eq!(value(Round, &[0.5]), 0.0);
    assert_eq!(value(Round, &[1.5]), 2.0);
    assert_eq!(value(Round, &[-2.5]), -2.0);
}
