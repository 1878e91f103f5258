//! `abs`: magnitude; the smallest signed integer stays itself.

use kiln_math::complex;
use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float_call, float1, full_like, real, real_of, scaled};
use crate::ops::{Compare, CompareOp, Conj, Div, Elementwise, Fpu, MakeComplex, OpError, Real, Select, Neg, Tangent};

/// `|x|`, of complex numbers a real one; the derivative at 0 is 1, as in JAX; of complex numbers it is 0.
#[derive(Clone, Debug)]
pub struct Abs;

impl Elementwise for Abs {
    const NAME: &'static str = "abs";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        if ins[0].is_complex() { real_of(Self::NAME, ins[0]) } else { real(Self::NAME, ins) }
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            Scalar::I8(a) => Scalar::I8(a.wrapping_abs()),
            Scalar::I16(a) => Scalar::I16(a.wrapping_abs()),
            Scalar::I32(a) => Scalar::I32(a.wrapping_abs()),
            Scalar::I64(a) => Scalar::I64(a.wrapping_abs()),
            Scalar::C64(z) => Scalar::F32(complex::abs(z)),
            Scalar::C128(z) => Scalar::F64(complex::abs(z)),
            a if a.dtype().is_unsigned() => a,
            a => float1(a, f32::abs, f64::abs),
        }
    }

    fn fpu(&self) -> Option<Fpu> {
        Some(Fpu::Unary("vabs.f32"))
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let a = &x[0];
        match dtypes[0] {
            d if d.is_signed() => quote!((#a).wrapping_abs()),
            d if d.is_unsigned() => a.clone(),
            d => float_call("abs", d, x),
        }
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        if !g.dtype(x[0]).is_complex() {
            // At zero the slope is 1, as in JAX.
            let t = t[0]?;
            let zero = full_like(g, x[0], 0.0);
            let right = g.bind1(Compare { op: CompareOp::Ge }, &[x[0], zero]);
            let minus = g.bind1(Neg, &[t]);
            return Some(g.bind1(Select, &[right, t, minus]));
        }
        // The part of the tangent along x: Re(t * conj(x) / |x|), zero at zero.
        let along = scaled(g, t[0], |g| {
            let (zero, one) = (full_like(g, y, 0.0), full_like(g, y, 1.0));
            let at_zero = g.bind1(Compare { op: CompareOp::Eq }, &[y, zero]);
            let safe = g.bind1(Select, &[at_zero, one, y]);
            let size = g.bind1(MakeComplex, &[safe, zero]);
            let back = g.bind1(Conj, &[x[0]]);
            g.bind1(Div, &[back, size])
        });
        along.map(|t| g.bind1(Real, &[t]))
    }
}

#[test]
fn laws() {
    use crate::ops::laws::derivative;
    crate::ops::laws::check_elementwise(Abs);
    assert_eq!(derivative(Abs, &[0.0], 0), 1.0);
    assert_eq!(derivative(Abs, &[-3.0], 0), -1.0);
    assert_eq!(Abs.scalar(&[Scalar::I8(-128)]), Scalar::I8(-128));
}
