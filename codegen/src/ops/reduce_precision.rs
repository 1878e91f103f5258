//! `reduce_precision`: floats rounded to fewer bits.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::same_dtype;
use crate::ops::{Elementwise, OpError, Operand, Tangent, param};
use crate::text::Params;

/// `x` rounded to a float of so many bits of exponent and mantissa; see `kiln_math::reduce_precision`.
///
/// **Derivative.** Taken for linear, as JAX does: tangents and cotangents are rounded like values.
#[derive(Clone, Debug)]
pub struct ReducePrecision {
    /// Bits of the exponent, at least 1.
    pub exponent: u32,
    /// Bits of the mantissa.
    pub mantissa: u32,
}

impl Elementwise for ReducePrecision {
    const NAME: &'static str = "reduce_precision";
    const ARITY: usize = 1;

    fn params(&self) -> Params {
        [param("exponent", self.exponent as usize), param("mantissa", self.mantissa as usize)].into()
    }

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        same_dtype(Self::NAME, ins, "f32 or f64", |d| matches!(d, DType::F32 | DType::F64))
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        let (e, m) = (self.exponent, self.mantissa);
        match x[0] {
            Scalar::F32(a) => Scalar::F32(kiln_math::reduce_precision(a, e, m)),
            Scalar::F64(a) => Scalar::F64(kiln_math::reduce_precision(a, e, m)),
            a => panic!("float function of {}", a.dtype()),
        }
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let (a, e, m) = (&x[0], self.exponent, self.mantissa);
        quote!(::kiln::rt::reduce_precision(#a, #e, #m))
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        t[0].map(|t| g.bind1(self.clone(), &[t]))
    }

    fn transpose(&self, g: &mut Graph, ct: Var, _ins: &[Operand]) -> Vec<Tangent> {
        vec![Some(g.bind1(self.clone(), &[ct]))]
    }

    fn flops(&self) -> u64 {
        0
    }
}

#[test]
fn laws() {
    // With all bits it is linear, as the rules of differentiation say.
    crate::ops::laws::check_elementwise(ReducePrecision { exponent: 11, mantissa: 52 });
}

#[test]
fn halves_round_as_halves_do() {
    let near =
        [1.0, 1.0 + 1.0 / 2048.0, 1.0 + 3.0 / 2048.0, 65519.0, 65520.0, -1e9, 6.2e-5, 3.1e-5, 0.1, f32::NAN, -0.0];
    for x in near {
        let y = kiln_math::reduce_precision(x, 5, 10);
        let half = half::f16::from_f32(x).to_f32();
        // Numbers below the normal ones become zero.
        let want = if half.abs() < 6.1e-5 { 0.0f32.copysign(x) } else { half };
        assert!(y.to_bits() == want.to_bits() || (y.is_nan() && x.is_nan()), "{x}: {y} is not {want}");
        assert_eq!(kiln_math::reduce_precision(x, 8, 23).to_bits(), x.to_bits());
    }
}
