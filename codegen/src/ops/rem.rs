//! `rem`: the remainder of `div`, with the sign of the dividend, as Rust's `%`.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int2;
use crate::ops::elementwise::{float_call, float2, negated, real, scaled};
use crate::ops::{Div, Elementwise, OpError, Round, Sub, Tangent, add_tangents};

/// `x - y * trunc(x / y)`, exact for floats. Of integers by zero it is `x`, as in lax.
#[derive(Clone, Debug)]
pub struct Rem;

impl Elementwise for Rem {
    const NAME: &'static str = "rem";
    const ARITY: usize = 2;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        real(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match (x[0], x[1]) {
            (a, b) if a.dtype().is_float() => float2(a, b, kiln_math::rem, kiln_math::rem),
            (a, b) => int2!(a, b; a, b => kiln_math::rem(a, b)),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("rem", dtypes[0], x)
    }

    /// Between jumps, `x - n * y` with a constant `n`. The quotient is recovered from the exact remainder, so that it is
    /// right even where `x / y` rounds up to the next integer.
    fn tangent(&self, g: &mut Graph, x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        let right = scaled(g, t[1], |g| {
            let whole = g.bind1(Sub, &[x[0], y]);
            let quotient = g.bind1(Div, &[whole, x[1]]);
            g.bind1(Round, &[quotient])
        });
        let right = negated(g, right);
        add_tangents(g, t[0], right)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Rem);
    assert_eq!(value(Rem, &[-7.5, 2.0]), -1.5);
    assert_eq!(derivative(Rem, &[-7.5, 2.0], 1), 3.0);
    let int = |a: i32, b: i32| Rem.scalar(&[Scalar::I32(a), Scalar::I32(b)]);
    assert_eq!(int(-7, 2), Scalar::I32(-1));
    assert_eq!(int(5, 0), Scalar::I32(5));
    assert_eq!(int(i32::MIN, -1), Scalar::I32(0));
}
