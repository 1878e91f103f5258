//! `log1p`: `ln(1 + x)`, sharp near zero.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1, with_const};
use crate::ops::{Add, Div, Elementwise, OpError, Tangent};

/// `ln(1 + x)`.
#[derive(Clone, Debug)]
pub struct Log1p;

impl Elementwise for Log1p {
    const NAME: &'static str = "log1p";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::log1p, kiln_math::log1p)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("log1p", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        t[0].map(|t| {
            let d = with_const(g, Add, x[0], 1.0);
            g.bind1(Div, &[t, d])
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Log1p);
    assert_eq!(value(Log1p, &[1e-300]), 1e-300);
    assert_eq!(derivative(Log1p, &[1.0], 0), 0.5);
}
