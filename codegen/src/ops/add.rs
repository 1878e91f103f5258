//! `add`: `x + y`; integers wrap.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int2;
use crate::ops::elementwise::{float2, infix, numeric};
use crate::ops::{Elementwise, Fpu, OpError, Operand, Tangent, add_tangents};

/// `x + y`.
#[derive(Clone, Debug)]
pub struct Add;

impl Elementwise for Add {
    const NAME: &'static str = "add";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        numeric(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match (x[0], x[1]) {
            (Scalar::C64(a), Scalar::C64(b)) => Scalar::C64(a + b),
            (Scalar::C128(a), Scalar::C128(b)) => Scalar::C128(a + b),
            (a, b) if a.dtype().is_float() => float2(a, b, |a, b| a + b, |a, b| a + b),
            (a, b) => int2!(a, b; a, b => a.wrapping_add(b)),
        }
    }

    fn commutes(&self) -> bool {
        true
    }

    fn is_order_free(&self, dtype: DType) -> bool {
        dtype.is_int()
    }

    fn fpu(&self) -> Option<Fpu> {
        Some(Fpu::Binary("vadd.f32"))
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        infix(dtypes[0], quote!(+), quote!(wrapping_add), x)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        add_tangents(g, t[0], t[1])
    }

    fn transpose(&self, _g: &mut Graph, ct: Var, ins: &[Operand]) -> Vec<Tangent> {
        vec![Some(ct); ins.len()]
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(Add);
}
