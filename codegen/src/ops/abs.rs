//! `abs`: magnitude; the smallest signed integer stays itself.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float_call, float1, real, scaled};
use crate::ops::{Elementwise, OpError, Sign, Tangent};

/// `|x|`; the derivative at 0 is 0.
#[derive(Clone, Debug)]
pub struct Abs;

impl Elementwise for Abs {
    const NAME: &'static str = "abs";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        real(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            Scalar::I8(a) => Scalar::I8(a.wrapping_abs()),
            Scalar::I16(a) => Scalar::I16(a.wrapping_abs()),
            Scalar::I32(a) => Scalar::I32(a.wrapping_abs()),
            Scalar::I64(a) => Scalar::I64(a.wrapping_abs()),
            a if a.dtype().is_unsigned() => a,
            a => float1(a, f32::abs, f64::abs),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let a = &x[0];
        match dtypes[0] {
            d if d.is_signed() => quote!((#a).wrapping_abs()),
            d if d.is_unsigned() => a.clone(),
            d => float_call("abs", d, x),
        }
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| g.bind1(Sign, &[x[0]]))
    }
}

#[test]
fn laws() {
    use crate::ops::laws::derivative;
    crate::ops::laws::check_elementwise(Abs);
    assert_eq!(derivative(Abs, &[0.0], 0), 0.0);
    assert_eq!(derivative(Abs, &[-3.0], 0), -1.0);
    assert_eq!(Abs.scalar(&[Scalar::I8(-128)]), Scalar::I8(-128));
}
