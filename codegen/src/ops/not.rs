//! `not`: bitwise `!`; of bools, the logical one.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int1;
use crate::ops::elementwise::bitwise;
use crate::ops::{Elementwise, OpError, Tangent};

/// `!x`.
#[derive(Clone, Debug)]
pub struct Not;

impl Elementwise for Not {
    const NAME: &'static str = "not";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        bitwise(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            Scalar::Bool(a) => Scalar::Bool(!a),
            a => int1!(a; a => !a),
        }
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let a = &x[0];
        quote!((!#a))
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(Not);
    assert_eq!(Not.scalar(&[Scalar::U8(1)]), Scalar::U8(254));
}
