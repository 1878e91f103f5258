//! `div`: `x / y`; integers truncate towards zero.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int2;
use crate::ops::elementwise::{call, float2, numeric, scaled, transpose_one};
use crate::ops::{Elementwise, Fpu, Mul, Neg, OpError, Operand, Sub, Tangent};

/// `x / y`. Integers by zero give -1 (all ones where unsigned) and `MIN / -1` wraps, as in lax.
#[derive(Clone, Debug)]
pub struct Div;

impl Elementwise for Div {
    const NAME: &'static str = "div";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        numeric(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match (x[0], x[1]) {
            (Scalar::C64(a), Scalar::C64(b)) => Scalar::C64(a / b),
            (Scalar::C128(a), Scalar::C128(b)) => Scalar::C128(a / b),
            (a, b) if a.dtype().is_float() => float2(a, b, |a, b| a / b, |a, b| a / b),
            (a, b) => int2!(a, b; a, b => kiln_math::div(a, b)),
        }
    }

    fn weight(&self) -> u32 {
        // 14 cycles on a Cortex-M4, where an addition and a multiplication take one.
        14
    }

    fn fpu(&self) -> Option<Fpu> {
        Some(Fpu::Binary("vdiv.f32"))
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let (a, b) = (&x[0], &x[1]);
        if dtypes[0].is_int() { call("div", x) } else { quote!((#a / #b)) }
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        // (dx - y dv) / v divides once for both; where only one of them moves, its factor is known.
        match (t[0], t[1]) {
            (Some(dx), Some(dv)) => {
                let back = g.bind1(Mul, &[y, dv]);
                let change = g.bind1(Sub, &[dx, back]);
                Some(g.bind1(Div, &[change, x[1]]))
            }
            (dx, dv) => {
                let left = dx.map(|t| g.bind1(Div, &[t, x[1]]));
                let right = scaled(g, dv, |g| {
                    let slope = g.bind1(Div, &[y, x[1]]);
                    g.bind1(Neg, &[slope])
                });
                left.or(right)
            }
        }
    }

    fn transpose(&self, g: &mut Graph, ct: Var, ins: &[Operand]) -> Vec<Tangent> {
        transpose_one(ins, |_| match ins[1] {
            Operand::Known(divisor) => g.bind1(Div, &[ct, divisor]),
            Operand::Linear(_) => unreachable!("a quotient is not linear in its divisor"),
        })
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(Div);
    let int = |a: i32, b: i32| Div.scalar(&[Scalar::I32(a), Scalar::I32(b)]);
    assert_eq!(int(-7, 2), Scalar::I32(-3));
    assert_eq!(int(5, 0), Scalar::I32(-1));
    assert_eq!(int(i32::MIN, -1), Scalar::I32(i32::MIN));
    assert_eq!(Div.scalar(&[Scalar::U8(5), Scalar::U8(0)]), Scalar::U8(255));
}
