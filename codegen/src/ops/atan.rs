//! `atan`: the angle whose tangent is `x`.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1, with_const};
use crate::ops::{Add, Div, Elementwise, Mul, OpError, Tangent};

/// `atan(x)` in `[-pi/2, pi/2]`.
#[derive(Clone, Debug)]
pub struct Atan;

impl Elementwise for Atan {
    const NAME: &'static str = "atan";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::atan, kiln_math::atan)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("atan", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        t[0].map(|t| {
            let square = g.bind1(Mul, &[x[0], x[0]]);
            let d = with_const(g, Add, square, 1.0);
            g.bind1(Div, &[t, d])
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Atan);
    assert_eq!(value(Atan, &[f64::INFINITY]), std::f64::consts::FRAC_PI_2);
    assert_eq!(derivative(Atan, &[1.0], 0), 0.5);
}
