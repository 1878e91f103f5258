//! `conj`: the complex conjugate.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::same_dtype;
use crate::ops::{Elementwise, OpError, Operand, Tangent};

/// `x` with its imaginary part negated.
#[derive(Clone, Debug)]
pub struct Conj;

impl Elementwise for Conj {
    const NAME: &'static str = "conj";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        same_dtype(Self::NAME, ins, "complex numbers", DType::is_complex)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            Scalar::C64(z) => Scalar::C64(z.conj()),
            Scalar::C128(z) => Scalar::C128(z.conj()),
            other => panic!("conjugate of {}", other.dtype()),
        }
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let a = &x[0];
        quote!((#a).conj())
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        t[0].map(|t| g.bind1(Conj, &[t]))
    }

    /// `Re(ct * conj(z)) = Re(conj(ct) * z)`.
    fn transpose(&self, g: &mut Graph, ct: Var, _ins: &[Operand]) -> Vec<Tangent> {
        vec![Some(g.bind1(Conj, &[ct]))]
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(Conj);
}
