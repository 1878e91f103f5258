//! `shift_right_logical`: bits towards the low end, zeros from above.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int2;
use crate::ops::elementwise::{call, integer};
use crate::ops::{Elementwise, OpError, Tangent};

/// `x >> y` of the bits of `x`; zero where `y` is negative or not below the width.
#[derive(Clone, Debug)]
pub struct ShiftRightLogical;

impl Elementwise for ShiftRightLogical {
    const NAME: &'static str = "shift_right_logical";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        integer(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        int2!(x[0], x[1]; a, b => kiln_math::shift_right_logical(a, b))
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        call("shift_right_logical", x)
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(ShiftRightLogical);
    let i8 = |a, b| ShiftRightLogical.scalar(&[Scalar::I8(a), Scalar::I8(b)]);
    assert_eq!(i8(-1, 1), Scalar::I8(127));
    assert_eq!(i8(-1, 7), Scalar::I8(1));
    assert_eq!(i8(-1, 8), Scalar::I8(0));
    assert_eq!(i8(-1, -1), Scalar::I8(0));
}
