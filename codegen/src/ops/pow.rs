//! `pow`: `x` to the power of `y`.

use kiln_math::complex;
use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float_call, float2, full_like, inexact, scaled, with_const};
use crate::ops::{Compare, CompareOp, Elementwise, Log, Mul, OpError, Select, Sub, Tangent, add_tangents};

/// `x^y`; NaN where `x` is negative and `y` no integer; `x^0` and `1^y` are 1 even for NaN.
/// Of complex numbers it is `exp(y * log(x))`.
#[derive(Clone, Debug)]
pub struct Pow;

impl Elementwise for Pow {
    const NAME: &'static str = "pow";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        inexact(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match (x[0], x[1]) {
            (Scalar::C64(x), Scalar::C64(y)) => Scalar::C64(complex::pow(x, y)),
            (Scalar::C128(x), Scalar::C128(y)) => Scalar::C128(complex::pow(x, y)),
            (x, y) => float2(x, y, kiln_math::pow, kiln_math::pow),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("pow", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], power: Var, t: &[Tangent]) -> Tangent {
        let (x, y) = (x[0], x[1]);
        // x^0 is constant, also at x = 0, where y * x^(y-1) would be 0 * inf.
        let base = scaled(g, t[0], |g| {
            let less = with_const(g, Sub, y, 1.0);
            let lower = g.bind1(Pow, &[x, less]);
            let slope = g.bind1(Mul, &[y, lower]);
            let zero = full_like(g, y, 0.0);
            let constant = g.bind1(Compare { op: CompareOp::Eq }, &[y, zero]);
            g.bind1(Select, &[constant, zero, slope])
        });
        // 0^y does not depend on y > 0: the logarithm of 0 counts as 0.
        let exponent = scaled(g, t[1], |g| {
            let (zero, one) = (full_like(g, x, 0.0), full_like(g, x, 1.0));
            let at_zero = g.bind1(Compare { op: CompareOp::Eq }, &[x, zero]);
            let safe = g.bind1(Select, &[at_zero, one, x]);
            let log = g.bind1(Log, &[safe]);
            g.bind1(Mul, &[log, power])
        });
        add_tangents(g, base, exponent)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Pow);
    assert_eq!(value(Pow, &[f64::NAN, 0.0]), 1.0);
    assert_eq!(value(Pow, &[-2.0, 3.0]), -8.0);
    assert!(value(Pow, &[-2.0, 0.5]).is_nan());
    assert_eq!(derivative(Pow, &[0.0, 0.0], 0), 0.0);
    assert_eq!(derivative(Pow, &[0.0, 1.0], 0), 1.0);
    assert_eq!(derivative(Pow, &[0.0, 2.0], 1), 0.0);
    assert_eq!(derivative(Pow, &[-2.0, 3.0], 0), 12.0);
}
