//! `convert`: to another dtype, as `as` does.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{is_half, rust_type};
use crate::ops::{Elementwise, OpError, Operand, Tangent, param};
use crate::text::Params;

/// `x as dtype`: floats to integers saturate, integers wrap, to bool is `x != 0`.
#[derive(Clone, Debug)]
pub struct Convert {
    /// The new dtype.
    pub dtype: DType,
}

impl Elementwise for Convert {
    const NAME: &'static str = "convert";
    const ARITY: usize = 1;

    fn params(&self) -> Params {
        [param("dtype", self.dtype)].into()
    }

    fn dtype(&self, _ins: &[DType]) -> Result<DType, OpError> {
        Ok(self.dtype)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        x[0].convert(self.dtype)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let (a, from, to) = (&x[0], dtypes[0], self.dtype);
        let ty = rust_type(to);
        if from == to {
            return a.clone();
        }
        match (from, to) {
            (_, DType::Bool) => {
                let zero = if from.is_int() { quote!(0) } else { quote!(0.0) };
                match from {
                    f if is_half(f) => quote!(((#a).to_f32() != 0.0)),
                    f if f.is_complex() => quote!(((#a).re != #zero || (#a).im != #zero)),
                    _ => quote!((#a != #zero)),
                }
            }
            (DType::C64, DType::C128) => quote!(<#ty>::new((#a).re as f64, (#a).im as f64)),
            (DType::C128, DType::C64) => quote!(<#ty>::new((#a).re as f32, (#a).im as f32)),
            _ => from_real(real_part(a, from), from, to),
        }
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        if g.dtype(x[0]).is_inexact() { t[0].map(|t| g.bind1(self.clone(), &[t])) } else { None }
    }

    fn transpose(&self, g: &mut Graph, ct: Var, ins: &[Operand]) -> Vec<Tangent> {
        match &ins[0] {
            Operand::Linear(x) => vec![Some(g.bind1(Convert { dtype: x.dtype }, &[ct]))],
            Operand::Known(_) => vec![None],
        }
    }

    fn flops(&self) -> u64 {
        0
    }
}

/// What of `a` counts where complex numbers, short floats and bools become something else: a primitive number.
fn real_part(a: &TokenStream, from: DType) -> TokenStream {
    match from {
        DType::Bool => quote!((#a as u8)),
        d if is_half(d) => quote!((#a).to_f32()),
        d if d.is_complex() => quote!((#a).re),
        _ => a.clone(),
    }
}

/// A primitive number of what was a `from`, as a `to`; to the short floats by one rounding from f32 or f64.
fn from_real(a: TokenStream, from: DType, to: DType) -> TokenStream {
    let ty = rust_type(to);
    match to {
        d if is_half(d) => quote!(<#ty>::from_f64(#a as f64)),
        DType::C64 => quote!(<#ty>::new(#a as f32, 0.0)),
        DType::C128 => quote!(<#ty>::new(#a as f64, 0.0)),
        _ if is_half(from) && to == DType::F32 => a,
        _ => quote!((#a as #ty)),
    }
}

#[test]
fn laws() {
    for (dtype, _) in DType::ALL {
        crate::ops::laws::check_elementwise(Convert { dtype });
    }
    let to = |dtype, x: f64| Convert { dtype }.scalar(&[Scalar::F64(x)]);
    assert_eq!(to(DType::I8, 1000.0), Scalar::I8(127));
    assert_eq!(to(DType::I32, f64::NAN), Scalar::I32(0));
    assert_eq!(to(DType::Bool, -0.0), Scalar::Bool(false));
    assert_eq!(Convert { dtype: DType::U8 }.scalar(&[Scalar::I32(-1)]), Scalar::U8(255));
}
