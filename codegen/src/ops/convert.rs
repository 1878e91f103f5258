//! `convert`: to another dtype, as `as` does.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::{Elementwise, OpError, Operand, Tangent, param};
use crate::text::Params;

/// `x as dtype`: floats to integers saturate, integers wrap, to bool is `x != 0`.
#[derive(Clone, Debug)]
pub struct Convert {
    /// The new dtype.
    pub dtype: DType,
}

impl Elementwise for Convert {
    const NAME: &'static str = "convert";
    const ARITY: usize = 1;

    fn params(&self) -> Params {
        [param("dtype", self.dtype)].into()
    }

    fn dtype(&self, _ins: &[DType]) -> Result<DType, OpError> {
        Ok(self.dtype)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        x[0].convert(self.dtype)
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let a = &x[0];
        match (dtypes[0], self.dtype) {
            (from, to) if from == to => quote!(#a),
            (DType::Bool, to) if to.is_int() => {
                let to = format_ident!("{}", to.name());
                quote!((#a as #to))
            }
            (DType::Bool, to) if to.is_float() => {
                let to = format_ident!("{}", to.name());
                quote!((#a as u8 as #to))
            }
            (from, DType::Bool) if from.is_float() => quote!((#a != 0.0)),
            (_, DType::Bool) => quote!((#a != 0)),
            (_, to) => {
                let to = format_ident!("{}", to.name());
                quote!((#a as #to))
            }
        }
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        if g.dtype(x[0]).is_inexact() { t[0].map(|t| g.bind1(self.clone(), &[t])) } else { None }
    }

    fn transpose(&self, g: &mut Graph, ct: Var, ins: &[Operand]) -> Vec<Tangent> {
        match &ins[0] {
            Operand::Linear(x) => vec![Some(g.bind1(Convert { dtype: x.dtype }, &[ct]))],
            Operand::Known(_) => vec![None],
        }
    }

    fn flops(&self) -> u64 {
        0
    }
}
