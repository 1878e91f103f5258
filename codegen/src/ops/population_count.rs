//! `population_count`: how many bits are set.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int1;
use crate::ops::elementwise::{call, integer};
use crate::ops::{Elementwise, OpError, Tangent};

/// The number of ones in the two's complement of `x`.
#[derive(Clone, Debug)]
pub struct PopulationCount;

impl Elementwise for PopulationCount {
    const NAME: &'static str = "population_count";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        integer(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        int1!(x[0]; a => kiln_math::population_count(a))
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        call("population_count", x)
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(PopulationCount);
    assert_eq!(PopulationCount.scalar(&[Scalar::I8(-1)]), Scalar::I8(8));
    assert_eq!(PopulationCount.scalar(&[Scalar::U32(16)]), Scalar::U32(1));
    assert_eq!(PopulationCount.scalar(&[Scalar::U64(0)]), Scalar::U64(0));
}
