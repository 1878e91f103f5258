//! `polygamma`: the derivatives of `digamma`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float1, narrowed, scaled, widened};
use crate::ops::{Elementwise, OpError, Tangent, param};
use crate::text::Params;

/// The `n`-th derivative of `digamma` at `x`, for `n >= 1`.
#[derive(Clone, Debug)]
pub struct Polygamma {
    /// Which derivative; at least 1.
    pub n: u32,
}

impl Elementwise for Polygamma {
    const NAME: &'static str = "polygamma";
    const ARITY: usize = 1;

    fn params(&self) -> Params {
        [param("n", self.n as i64)].into()
    }

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        if self.n == 0 {
            return Err(OpError::new("`polygamma` starts at n = 1").help("use `digamma`"));
        }
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], |x| kiln_math::polygamma(self.n, x), |x| kiln_math::polygamma(self.n, x))
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let (n, x) = (self.n, &widened(dtypes[0], x)[0]);
        narrowed(dtypes[0], quote!(::kiln::rt::polygamma(#n, #x)))
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| g.bind1(Polygamma { n: self.n + 1 }, &[x[0]]))
    }
}

#[test]
fn laws() {
    for n in [1, 2, 3] {
        crate::ops::laws::check_elementwise(Polygamma { n });
    }
}
