//! `barrier`: the identity, which no two equations are merged across.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::{Elementwise, OpError, Operand, Tangent};

/// `x`. What is computed from it is not the same as what is computed from `x`, so it is computed again.
#[derive(Clone, Debug)]
pub struct Barrier;

impl Elementwise for Barrier {
    const NAME: &'static str = "barrier";
    const ARITY: usize = 1;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        Ok(ins[0])
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        x[0]
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        x[0].clone()
    }

    fn tangent(&self, g: &mut Graph, _x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        t[0].map(|t| g.bind1(Barrier, &[t]))
    }

    fn transpose(&self, g: &mut Graph, ct: Var, _ins: &[Operand]) -> Vec<Tangent> {
        vec![Some(g.bind1(Barrier, &[ct]))]
    }

    fn flops(&self) -> u64 {
        0
    }
}

#[test]
fn laws() {
    crate::ops::laws::check_elementwise(Barrier);
}
