//! `asin`: the angle whose sine is `x`.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{const_with, float, float_call, float1, scaled};
use crate::ops::{Elementwise, Mul, OpError, Rsqrt, Sub, Tangent};

/// `asin(x)` in `[-pi/2, pi/2]`; NaN outside `[-1, 1]`.
#[derive(Clone, Debug)]
pub struct Asin;

impl Elementwise for Asin {
    const NAME: &'static str = "asin";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::asin, kiln_math::asin)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("asin", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| {
            let square = g.bind1(Mul, &[x[0], x[0]]);
            let rest = const_with(g, Sub, 1.0, square);
            g.bind1(Rsqrt, &[rest])
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Asin);
    assert!(value(Asin, &[1.5]).is_nan());
    assert_eq!(derivative(Asin, &[1.0], 0), f64::INFINITY);
}
