//! `erf_inv`: inverse of the error function.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1, scaled, with_const};
use crate::ops::{Elementwise, Exp, Mul, OpError, Tangent};

/// The `y` with `erf(y) = x`; infinite at 1 and -1, NaN beyond.
#[derive(Clone, Debug)]
pub struct ErfInv;

impl Elementwise for ErfInv {
    const NAME: &'static str = "erf_inv";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::erf_inv, kiln_math::erf_inv)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("erf_inv", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| {
            let square = g.bind1(Mul, &[y, y]);
            let bell = g.bind1(Exp, &[square]);
            with_const(g, Mul, bell, 1.0 / std::f64::consts::FRAC_2_SQRT_PI)
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::value;
    crate::ops::laws::check_elementwise(ErfInv);
    assert_eq!(value(ErfInv, &[1.0]), f64::INFINITY);
    assert_eq!(value(ErfInv, &[0.0]), 0.0);
    assert!(value(ErfInv, &[1.5]).is_nan());
}
