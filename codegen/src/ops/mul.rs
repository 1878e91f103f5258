//! `mul`: `x * y`; integers wrap.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int2;
use crate::ops::elementwise::{float2, infix, numeric, transpose_one};
use crate::ops::{Elementwise, Fpu, OpError, Operand, Tangent, add_tangents};

/// `x * y`.
#[derive(Clone, Debug)]
pub struct Mul;

impl Elementwise for Mul {
    const NAME: &'static str = "mul";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        numeric(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match (x[0], x[1]) {
            (Scalar::C64(a), Scalar::C64(b)) => Scalar::C64(a * b),
            (Scalar::C128(a), Scalar::C128(b)) => Scalar::C128(a * b),
            (a, b) if a.dtype().is_float() => float2(a, b, |a, b| a * b, |a, b| a * b),
            (a, b) => int2!(a, b; a, b => a.wrapping_mul(b)),
        }
    }

    fn commutes(&self) -> bool {
        true
    }

    fn is_order_free(&self, dtype: DType) -> bool {
        dtype.is_int()
    }

    fn fpu(&self) -> Option<Fpu> {
        Some(Fpu::Binary(Fpu::PRODUCT))
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        infix(dtypes[0], quote!(*), quote!(wrapping_mul), x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        let left = t[0].map(|t| g.bind1(Mul, &[t, x[1]]));
        let right = t[1].map(|t| g.bind1(Mul, &[x[0], t]));
        add_tangents(g, left, right)
    }

    fn transpose(&self, g: &mut Graph, ct: Var, ins: &[Operand]) -> Vec<Tangent> {
        transpose_one(ins, |n| match ins[1 - n] {
            Operand::Known(other) => g.bind1(Mul, &[ct, other]),
            Operand::Linear(_) => unreachable!("exactly one operand is linear"),
        })
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(Mul);
}
