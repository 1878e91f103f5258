//! `min`: the smaller of two; NaN if either is.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int2;
use crate::ops::elementwise::{float_call, float2, ordered, tied_tangent};
use crate::ops::{CompareOp, Elementwise, OpError, Tangent};

/// The smaller of `x` and `y`, where `-0.0 < 0.0`. At a tie each operand has derivative one half.
#[derive(Clone, Debug)]
pub struct Min;

impl Elementwise for Min {
    const NAME: &'static str = "min";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        ordered(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match (x[0], x[1]) {
            (Scalar::Bool(a), Scalar::Bool(b)) => Scalar::Bool(a & b),
            (a, b) if a.dtype().is_float() => float2(a, b, kiln_math::min, kiln_math::min),
            (a, b) => int2!(a, b; a, b => a.min(b)),
        }
    }

    fn is_order_free(&self, _dtype: DType) -> bool {
        true
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let (a, b) = (&x[0], &x[1]);
        match dtypes[0] {
            DType::Bool => quote!((#a & #b)),
            d if d.is_int() => quote!((#a).min(#b)),
            d => float_call("min", d, x),
        }
    }

    fn emit_combined(&self, dtype: DType, so_far_and_item: [TokenStream; 2]) -> TokenStream {
        match dtype.is_float() {
            true => float_call("min_so_far", dtype, &so_far_and_item),
            false => self.emit(&[dtype, dtype], &so_far_and_item),
        }
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        tied_tangent(g, CompareOp::Lt, x, t)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Min);
    assert!(value(Min, &[f64::NAN, 1.0]).is_nan());
    assert!(value(Min, &[1.0, f64::NAN]).is_nan());
    assert_eq!(derivative(Min, &[2.0, 2.0], 0), 0.5);
    assert_eq!(derivative(Min, &[2.0, 2.0], 1), 0.5);
    let (first, second) = (derivative(Min, &[1.0, 2.0], 0), derivative(Min, &[1.0, 2.0], 1));
    assert_eq!((first, second), (1.0, 0.0));
}
