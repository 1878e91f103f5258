//! `digamma`: derivative of `lgamma`.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{float, float_call, float1, scaled};
use crate::ops::{Elementwise, OpError, Polygamma, Tangent};

/// `gamma'(x) / gamma(x)`; NaN at 0, -1, -2, ...
#[derive(Clone, Debug)]
pub struct Digamma;

impl Elementwise for Digamma {
    const NAME: &'static str = "digamma";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        float(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        float1(x[0], kiln_math::digamma, kiln_math::digamma)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        float_call("digamma", dtypes[0], x)
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        scaled(g, t[0], |g| g.bind1(Polygamma { n: 1 }, &[x[0]]))
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(Digamma);
}
