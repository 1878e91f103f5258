//! `logistic`: the sigmoid, `1 / (1 + exp(-x))`.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{const_with, float, float_call, float1, scaled};
use crate::ops::{Elementwise, Mul, OpError, Sub, Tangent};

/// `1 / (1 + exp(-x))` without overflow; its derivative needs the result only.
#[derive(Clone, Debug)]
pub struct Logistic;

impl Elementwise for Logistic {
    const NAME: &'static str = "logistic";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::logistic, kiln_math::logistic)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("logistic", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| {
            let rest = const_with(g, Sub, 1.0, y);
            g.bind1(Mul, &[y, rest])
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Logistic);
    assert_eq!(value(Logistic, &[0.0]), 0.5);
    assert_eq!(value(Logistic, &[-1000.0]), 0.0);
    assert_eq!(value(Logistic, &[1000.0]), 1.0);
    assert_eq!(derivative(Logistic, &[0.0], 0), 0.25);
}
