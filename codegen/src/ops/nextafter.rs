//! `nextafter`: the neighbouring float.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{call, same_dtype};
use crate::ops::{Elementwise, OpError, Tangent};

/// The float next to `x` in the direction of `y`; `y` itself where they are equal. It moves along with `x`.
#[derive(Clone, Debug)]
pub struct Nextafter;

impl Elementwise for Nextafter {
    const NAME: &'static str = "nextafter";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        // The neighbour of a short float is not the neighbour of the same number as f32.
        same_dtype(Self::NAME, ins, "f32 or f64", |d| matches!(d, DType::F32 | DType::F64))
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match (x[0], x[1]) {
            (Scalar::F32(a), Scalar::F32(b)) => Scalar::F32(kiln_math::nextafter(a, b)),
            (Scalar::F64(a), Scalar::F64(b)) => Scalar::F64(kiln_math::nextafter(a, b)),
            (a, b) => panic!("float function of {} and {}", a.dtype(), b.dtype()),
        }
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        call("nextafter", x)
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        t[0]
    }
}

#[test]
fn laws() {
    use crate::ops::laws::value;
    crate::ops::laws::check_elementwise(Nextafter);
    assert_eq!(value(Nextafter, &[1.0, 2.0]), 1.0 + f64::EPSILON);
    assert_eq!(value(Nextafter, &[1.0, 1.0]), 1.0);
    assert_eq!(value(Nextafter, &[0.0, -1.0]), -f64::from_bits(1));
    assert!(value(Nextafter, &[f64::NAN, 0.0]).is_nan());
}
