//! `complex`: a complex number from its parts.

use num_complex::Complex;
use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{full_like, same_dtype};
use crate::ops::{Elementwise, Imag, Neg, OpError, Operand, Real, Tangent};

/// `re + i im` of two f32 or two f64.
#[derive(Clone, Debug)]
pub struct MakeComplex;

impl Elementwise for MakeComplex {
    const NAME: &'static str = "complex";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        match same_dtype(Self::NAME, ins, "f32 or f64", |d| matches!(d, DType::F32 | DType::F64))? {
            DType::F32 => Ok(DType::C64),
            _ => Ok(DType::C128),
        }
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match (x[0], x[1]) {
            (Scalar::F32(re), Scalar::F32(im)) => Scalar::C64(Complex::new(re, im)),
            (Scalar::F64(re), Scalar::F64(im)) => Scalar::C128(Complex::new(re, im)),
            (re, im) => panic!("complex of {} and {}", re.dtype(), im.dtype()),
        }
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let (re, im) = (&x[0], &x[1]);
        quote!(::kiln::rt::Complex::new(#re, #im))
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        let mut or_zero = |n: usize| t[n].unwrap_or_else(|| full_like(g, x[n], 0.0));
        let (re, im) = (or_zero(0), or_zero(1));
        Some(g.bind1(MakeComplex, &[re, im]))
    }

    /// `Re(ct * (a + i b)) = Re(ct) * a - Im(ct) * b`.
    fn transpose(&self, g: &mut Graph, ct: Var, ins: &[Operand]) -> Vec<Tangent> {
        let is_linear = |n: usize| matches!(ins[n], Operand::Linear(_));
        let re = is_linear(0).then(|| g.bind1(Real, &[ct]));
        let im = is_linear(1).then(|| {
            let im = g.bind1(Imag, &[ct]);
            g.bind1(Neg, &[im])
        });
        vec![re, im]
    }

    fn flops(&self) -> u64 {
        0
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(MakeComplex);
}
