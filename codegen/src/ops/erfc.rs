//! `erfc`: one minus the error function, sharp in the tail.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1, scaled, with_const};
use crate::ops::{Elementwise, Exp, Mul, Neg, OpError, Tangent};

/// `1 - erf(x)`.
#[derive(Clone, Debug)]
pub struct Erfc;

impl Elementwise for Erfc {
    const NAME: &'static str = "erfc";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::erfc, kiln_math::erfc)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("erfc", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| {
            let square = g.bind1(Mul, &[x[0], x[0]]);
            let below = g.bind1(Neg, &[square]);
            let bell = g.bind1(Exp, &[below]);
            with_const(g, Mul, bell, -std::f64::consts::FRAC_2_SQRT_PI)
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::value;
    crate::ops::laws::check_elementwise(Erfc);
    assert_eq!(value(Erfc, &[f64::INFINITY]), 0.0);
    assert_eq!(value(Erfc, &[-f64::INFINITY]), 2.0);
}
