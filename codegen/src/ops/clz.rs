//! `clz`: how many leading bits are zero.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int1;
use crate::ops::elementwise::{call, integer};
use crate::ops::{Elementwise, OpError, Tangent};

/// The number of zeros before the first one; the width of the dtype for zero.
#[derive(Clone, Debug)]
pub struct Clz;

impl Elementwise for Clz {
    const NAME: &'static str = "clz";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        integer(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        int1!(x[0]; a => kiln_math::clz(a))
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        call("clz", x)
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(Clz);
    assert_eq!(Clz.scalar(&[Scalar::I8(-1)]), Scalar::I8(0));
    assert_eq!(Clz.scalar(&[Scalar::U32(16)]), Scalar::U32(27));
    assert_eq!(Clz.scalar(&[Scalar::U64(0)]), Scalar::U64(64));
}
