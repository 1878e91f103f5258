//! `neg`: `-x`; integers wrap.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int2;
use crate::ops::elementwise::{float1, numeric};
use crate::ops::{Elementwise, Fpu, OpError, Operand, Tangent};

/// `-x`.
#[derive(Clone, Debug)]
pub struct Neg;

impl Elementwise for Neg {
    const NAME: &'static str = "neg";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        numeric(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            Scalar::C64(a) => Scalar::C64(-a),
            Scalar::C128(a) => Scalar::C128(-a),
            a if a.dtype().is_float() => float1(a, |a| -a, |a| -a),
            a => int2!(a, a; a, _b => a.wrapping_neg()),
        }
    }

    fn fpu(&self) -> Option<Fpu> {
        Some(Fpu::Unary("vneg.f32"))
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let a = &x[0];
        if dtypes[0].is_int() { quote!((#a).wrapping_neg()) } else { quote!((-#a)) }
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        t[0].map(|t| g.bind1(Neg, &[t]))
    }

    fn transpose(&self, g: &mut Graph, ct: Var, _ins: &[Operand]) -> Vec<Tangent> {
        vec![Some(g.bind1(Neg, &[ct]))]
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(Neg);
}
