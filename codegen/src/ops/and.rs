//! `and`: bitwise `&`; of bools, the logical one.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int2;
use crate::ops::elementwise::bitwise;
use crate::ops::{Elementwise, OpError, Tangent};

/// `x & y`.
#[derive(Clone, Debug)]
pub struct And;

impl Elementwise for And {
    const NAME: &'static str = "and";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        bitwise(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match (x[0], x[1]) {
            (Scalar::Bool(a), Scalar::Bool(b)) => Scalar::Bool(a & b),
            (a, b) => int2!(a, b; a, b => a & b),
        }
    }

    fn is_order_free(&self, _dtype: DType) -> bool {
        true
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let (a, b) = (&x[0], &x[1]);
        quote!((#a & #b))
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(And);
    let i8 = |a, b| And.scalar(&[Scalar::I8(a), Scalar::I8(b)]);
    assert_eq!(i8(0b0110, -4), Scalar::I8(0b0110 & -4));
}
