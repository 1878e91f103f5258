//! `trunc`: `x` without its fraction.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1};
use crate::ops::{Elementwise, OpError, Tangent};

/// `x` rounded towards zero, as a float; the derivative is zero.
#[derive(Clone, Debug)]
pub struct Trunc;

impl Elementwise for Trunc {
    const NAME: &'static str = "trunc";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::trunc, kiln_math::trunc)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("trunc", dtypes[0], x)
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }
}

#[test]
fn laws() {
    use crate::ops::laws::value;
    crate::ops::laws::check_elementwise(Trunc);
    assert_eq!(value(Trunc, &[-1.5]), -1.0);
    assert_eq!(value(Trunc, &[1.5]), 1.0);
}
