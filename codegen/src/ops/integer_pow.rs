//! `integer_pow`: `x` to a power that is known while tracing.

use kiln_math::complex;
use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::int1;
use crate::ops::elementwise::{complex1, float1, narrowed, numeric, scaled, widened, with_const};
use crate::ops::{Elementwise, Mul, OpError, Tangent, param};
use crate::text::Params;

/// `x^n` by repeated squaring, in the order that `kiln_math::integer_pow` documents; integers wrap.
#[derive(Clone, Debug)]
pub struct IntegerPow {
    /// The exponent; not negative for integers.
    pub n: i32,
}

impl Elementwise for IntegerPow {
    const NAME: &'static str = "integer_pow";
    const ARITY: usize = 1;

    fn params(&self) -> Params {
        [param("n", self.n as i64)].into()
    }

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        if ins[0].is_int() && self.n < 0 {
            let message = format!("an integer cannot be raised to the negative power {}, found {}", self.n, ins[0]);
            return Err(OpError::new(message).at(0).help("convert it to a float: `.. as f32`"));
        }
        numeric(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        match x[0] {
            a if a.dtype().is_int() => int1!(a; a => kiln_math::integer_pow(a, self.n)),
            a if a.dtype().is_complex() => {
                complex1(a, |a| complex::integer_pow(a, self.n), |a| complex::integer_pow(a, self.n))
            }
            a => float1(a, |a| kiln_math::integer_pow(a, self.n), |a| kiln_math::integer_pow(a, self.n)),
        }
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let n = self.n;
        if dtypes[0].is_complex() {
            let a = &x[0];
            return quote!(::kiln::rt::complex::integer_pow(#a, #n));
        }
        let a = &widened(dtypes[0], x)[0];
        narrowed(dtypes[0], quote!(::kiln::rt::integer_pow(#a, #n)))
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        match self.n {
            0 => None,
            1 => t[0],
            n => scaled(g, t[0], |g| {
                let lower = if n == 2 { x[0] } else { g.bind1(IntegerPow { n: n - 1 }, &[x[0]]) };
                with_const(g, Mul, lower, n as f64)
            }),
        }
    }

    /// Squarings and products of the binary expansion, and a division for a negative power.
    fn flops(&self) -> u64 {
        let n = self.n.unsigned_abs();
        (n.max(1).ilog2() + n.count_ones().saturating_sub(1)) as u64 + u64::from(self.n < 0)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{check_op_error, derivative};
    for n in [-3, -1, 0, 1, 2, 3, 10] {
        crate::ops::laws::check_elementwise(IntegerPow { n });
    }
    assert_eq!(derivative(IntegerPow { n: 2 }, &[3.0], 0), 6.0);
    assert_eq!(derivative(IntegerPow { n: 0 }, &[0.0], 0), 0.0);
    let message = expect_test::expect!["an integer cannot be raised to the negative power -1, found i32"];
    check_op_error(IntegerPow { n: -1 }, &["i32[]"], message);
}
