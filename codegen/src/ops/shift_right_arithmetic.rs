//! `shift_right_arithmetic`: bits towards the low end, copies of the sign from above.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int2;
use crate::ops::elementwise::{call, integer};
use crate::ops::{Elementwise, OpError, Tangent};

/// `x >> y` of the bits of `x` read as signed; all sign where `y` is negative or not below the width.
#[derive(Clone, Debug)]
pub struct ShiftRightArithmetic;

impl Elementwise for ShiftRightArithmetic {
    const NAME: &'static str = "shift_right_arithmetic";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        integer(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        int2!(x[0], x[1]; a, b => kiln_math::shift_right_arithmetic(a, b))
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        call("shift_right_arithmetic", x)
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(ShiftRightArithmetic);
    let i8 = |a, b| ShiftRightArithmetic.scalar(&[Scalar::I8(a), Scalar::I8(b)]);
    assert_eq!(i8(-128, 1), Scalar::I8(-64));
    assert_eq!(i8(-128, 100), Scalar::I8(-1));
    assert_eq!(i8(64, -1), Scalar::I8(0));
    assert_eq!(ShiftRightArithmetic.scalar(&[Scalar::U8(128), Scalar::U8(7)]), Scalar::U8(255));
}
