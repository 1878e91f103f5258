//! `floor`: the largest integer not above `x`.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1};
use crate::ops::{Elementwise, OpError, Tangent};

/// `floor(x)`, as a float; the derivative is zero.
#[derive(Clone, Debug)]
pub struct Floor;

impl Elementwise for Floor {
    const NAME: &'static str = "floor";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::floor, kiln_math::floor)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("floor", dtypes[0], x)
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }
}

#[test]
fn laws() {
    use crate::ops::laws::value;
    crate::ops::laws::check_elementwise(Floor);
    assert_eq!(value(Floor, &[-0.5]), -1.0);
    assert_eq!(value(Floor, &[f64::INFINITY]), f64::INFINITY);
}
