//! `acos`: the angle whose cosine is `x`.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{const_with, float, float_call, float1, scaled};
use crate::ops::{Elementwise, Mul, Neg, OpError, Rsqrt, Sub, Tangent};

/// `acos(x)` in `[0, pi]`; NaN outside `[-1, 1]`.
#[derive(Clone, Debug)]
pub struct Acos;

impl Elementwise for Acos {
    const NAME: &'static str = "acos";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::acos, kiln_math::acos)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("acos", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| {
            let square = g.bind1(Mul, &[x[0], x[0]]);
            let rest = const_with(g, Sub, 1.0, square);
            let root = g.bind1(Rsqrt, &[rest]);
            g.bind1(Neg, &[root])
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::value;
    crate::ops::laws::check_elementwise(Acos);
    assert_eq!(value(Acos, &[1.0]), 0.0);
    assert!(value(Acos, &[-1.5]).is_nan());
}
