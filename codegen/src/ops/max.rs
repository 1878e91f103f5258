//! `max`: the larger of two; NaN if either is.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int2;
use crate::ops::elementwise::{float_call, float2, ordered, tied_tangent};
use crate::ops::{CompareOp, Elementwise, OpError, Tangent};

/// The larger of `x` and `y`, where `-0.0 < 0.0`. At a tie each operand has derivative one half.
#[derive(Clone, Debug)]
pub struct Max;

impl Elementwise for Max {
    const NAME: &'static str = "max";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        ordered(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match (x[0], x[1]) {
            (Scalar::Bool(a), Scalar::Bool(b)) => Scalar::Bool(a | b),
            (a, b) if a.dtype().is_float() => float2(a, b, kiln_math::max, kiln_math::max),
            (a, b) => int2!(a, b; a, b => a.max(b)),
        }
    }

    fn is_order_free(&self, _dtype: DType) -> bool {
        true
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let (a, b) = (&x[0], &x[1]);
        match dtypes[0] {
            DType::Bool => quote!((#a | #b)),
            d if d.is_int() => quote!((#a).max(#b)),
            d => float_call("max", d, x),
        }
    }

    fn emit_combined(&self, dtype: DType, so_far_and_item: [TokenStream; 2]) -> TokenStream {
        match dtype.is_float() {
            true => float_call("max_so_far", dtype, &so_far_and_item),
            false => self.emit(&[dtype, dtype], &so_far_and_item),
        }
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        tied_tangent(g, CompareOp::Gt, x, t)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Max);
    assert!(value(Max, &[f64::NAN, 1.0]).is_nan());
    assert!(value(Max, &[1.0, f64::NAN]).is_nan());
    assert_eq!(derivative(Max, &[2.0, 2.0], 0), 0.5);
    assert_eq!(derivative(Max, &[2.0, 2.0], 1), 0.5);
    let (first, second) = (derivative(Max, &[1.0, 2.0], 0), derivative(Max, &[1.0, 2.0], 1));
    assert_eq!((first, second), (0.0, 1.0));
}
