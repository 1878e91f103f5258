//! `tan`: tangent of an angle in radians.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1, scaled, with_const};
use crate::ops::{Add, Elementwise, Mul, OpError, Tangent};

/// `tan(x)`.
#[derive(Clone, Debug)]
pub struct Tan;

impl Elementwise for Tan {
    const NAME: &'static str = "tan";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::tan, kiln_math::tan)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("tan", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| {
            let square = g.bind1(Mul, &[y, y]);
            with_const(g, Add, square, 1.0)
        })
    }
}

#[test]
fn laws() {
    use crate::ops::laws::derivative;
    crate::ops::laws::check_elementwise(Tan);
    assert_eq!(derivative(Tan, &[0.0], 0), 1.0);
}
