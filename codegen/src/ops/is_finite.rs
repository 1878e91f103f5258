//! `is_finite`: neither infinite nor NaN; yields bool.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::float;
use crate::ops::{Elementwise, OpError, Tangent};

/// Whether `x` is a number, and a finite one.
#[derive(Clone, Debug)]
pub struct IsFinite;

impl Elementwise for IsFinite {
    const NAME: &'static str = "is_finite";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)?;
        Ok(DType::Bool)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        Scalar::Bool(x[0].to_f64().is_finite())
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let a = &x[0];
        quote!((#a).is_finite())
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }

    fn flops(&self) -> u64 {
        0
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(IsFinite);
    assert_eq!(IsFinite.scalar(&[Scalar::F32(f32::NAN)]), Scalar::Bool(false));
    assert_eq!(IsFinite.scalar(&[Scalar::F32(f32::MAX)]), Scalar::Bool(true));
}
