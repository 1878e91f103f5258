//! `sign`: -1, 0 or 1.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float_call, float1, real, rust_type};
use crate::ops::{Elementwise, OpError, Tangent};

/// The sign of `x`; zeros keep theirs, NaN stays NaN. The derivative is zero.
#[derive(Clone, Debug)]
pub struct Sign;

impl Elementwise for Sign {
    const NAME: &'static str = "sign";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        real(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0].to_i128() {
            Some(i) => Scalar::from_i128(x[0].dtype(), i.signum()),
            None => float1(x[0], kiln_math::sign, kiln_math::sign),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let (a, ty) = (&x[0], rust_type(dtypes[0]));
        match dtypes[0] {
            d if d.is_signed() => quote!((#a).signum()),
            d if d.is_unsigned() => quote!((((#a) != 0) as #ty)),
            d => float_call("sign", d, x),
        }
    }

    fn tangent(&self, _g: &mut Graph, _x: &[Var], _y: Var, _t: &[Tangent]) -> Tangent {
        None
    }
}

#[test]
fn laws() {
    use crate::ops::laws::value;
    crate::ops::laws::check_elementwise(Sign);
    assert_eq!(value(Sign, &[-0.0]).to_bits(), (-0.0f64).to_bits());
    assert!(value(Sign, &[f64::NAN]).is_nan());
}
