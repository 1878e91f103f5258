//! `real`: the real part of a complex number.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{full_like, real_of};
use crate::ops::{Elementwise, MakeComplex, OpError, Operand, Tangent};

/// The real part of `x`.
#[derive(Clone, Debug)]
pub struct Real;

impl Elementwise for Real {
    const NAME: &'static str = "real";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        real_of(Self::NAME, ins[0])
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            Scalar::C64(z) => Scalar::F32(z.re),
            Scalar::C128(z) => Scalar::F64(z.re),
            other => panic!("part of {}", other.dtype()),
        }
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let a = &x[0];
        quote!((#a).re)
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        t[0].map(|t| g.bind1(Real, &[t]))
    }

    /// The pairing of cotangents is the real part of a product without conjugation, so a real part pairs with itself.
    fn transpose(&self, g: &mut Graph, ct: Var, _ins: &[Operand]) -> Vec<Tangent> {
        let zero = full_like(g, ct, 0.0);
        vec![Some(g.bind1(MakeComplex, &[ct, zero]))]
    }

    fn flops(&self) -> u64 {
        0
    }
}

#[test]
fn laws() {
    use num_complex::Complex;
    crate::ops::laws::check_elementwise(Real);
    assert_eq!(Real.scalar(&[Scalar::C64(Complex::new(1.0, -2.0))]), Scalar::F32(1.0));
}
