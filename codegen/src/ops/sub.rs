//! `sub`: `x - y`; integers wrap.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int2;
use crate::ops::elementwise::{float2, infix, negated, numeric};
use crate::ops::{Elementwise, Fpu, Neg, OpError, Operand, Tangent};

/// `x - y`.
#[derive(Clone, Debug)]
pub struct Sub;

impl Elementwise for Sub {
    const NAME: &'static str = "sub";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        numeric(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match (x[0], x[1]) {
            (Scalar::C64(a), Scalar::C64(b)) => Scalar::C64(a - b),
            (Scalar::C128(a), Scalar::C128(b)) => Scalar::C128(a - b),
            (a, b) if a.dtype().is_float() => float2(a, b, |a, b| a - b, |a, b| a - b),
            (a, b) => int2!(a, b; a, b => a.wrapping_sub(b)),
        }
    }

    fn fpu(&self) -> Option<Fpu> {
        Some(Fpu::Binary("vsub.f32"))
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        infix(dtypes[0], quote!(-), quote!(wrapping_sub), x)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        match (t[0], t[1]) {
            (Some(a), Some(b)) => Some(g.bind1(Sub, &[a, b])),
            (a, None) => a,
            (None, b) => negated(g, b),
        }
    }

    fn transpose(&self, g: &mut Graph, ct: Var, ins: &[Operand]) -> Vec<Tangent> {
        let right = matches!(ins[1], Operand::Linear(_)).then(|| g.bind1(Neg, &[ct]));
        vec![Some(ct), right]
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(Sub);
}
