//! `lgamma`: logarithm of the absolute value of the gamma function.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1, scaled};
use crate::ops::{Digamma, Elementwise, OpError, Tangent};

/// `ln|gamma(x)|`; infinite at 0, -1, -2, ...
#[derive(Clone, Debug)]
pub struct Lgamma;

impl Elementwise for Lgamma {
    const NAME: &'static str = "lgamma";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::lgamma, kiln_math::lgamma)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("lgamma", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| g.bind1(Digamma, &[x[0]]))
    }
}

#[test]
fn laws() {
    use crate::ops::laws::value;
    crate::ops::laws::check_elementwise(Lgamma);
    assert_eq!(value(Lgamma, &[1.0]), 0.0);
    assert_eq!(value(Lgamma, &[-2.0]), f64::INFINITY);
}
