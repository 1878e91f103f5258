//! `select`: one of two values, by a bool.

use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{full_like, same_dtype};
use crate::ops::{Elementwise, Fpu, OpError, Operand, Tangent};

/// `if pred { x } else { y }` of operands `pred`, `x`, `y`, element by element.
#[derive(Clone, Debug)]
pub struct Select;

impl Elementwise for Select {
    const NAME: &'static str = "select";
    const ARITY: usize = 3;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        if ins[0] != DType::Bool {
            return Err(OpError::new(format!("`select` chooses by a bool, found {}", ins[0])).at(0));
        }
        same_dtype(Self::NAME, &ins[1..], "any dtype", |_| true).map_err(|e| {
            let n = e.operand.unwrap_or(0);
            e.at(n + 1)
        })
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        if x[0] == Scalar::Bool(true) { x[1] } else { x[2] }
    }

    fn fpu(&self) -> Option<Fpu> {
        Some(Fpu::Select)
    }

    fn emit(&self, _dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let (pred, a, b) = (&x[0], &x[1], &x[2]);
        quote!((if #pred { #a } else { #b }))
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], y: Var, t: &[Tangent]) -> Tangent {
        let mut or_zero = |t: Tangent| t.unwrap_or_else(|| full_like(g, y, 0.0));
        let (a, b) = (or_zero(t[1]), or_zero(t[2]));
        Some(g.bind1(Select, &[x[0], a, b]))
    }

    fn transpose(&self, g: &mut Graph, ct: Var, ins: &[Operand]) -> Vec<Tangent> {
        let Operand::Known(pred) = ins[0] else { unreachable!("a selection is not linear in a bool") };
        let zero = full_like(g, ct, 0.0);
        let is_linear = |n: usize| matches!(ins[n], Operand::Linear(_));
        let a = is_linear(1).then(|| g.bind1(Select, &[pred, ct, zero]));
        let b = is_linear(2).then(|| g.bind1(Select, &[pred, zero, ct]));
        vec![None, a, b]
    }

    fn flops(&self) -> u64 {
        0
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op_error;
    crate::ops::laws::check_elementwise(Select);
    let message = expect_test::expect!["`select` chooses by a bool, found i32"];
    check_op_error(Select, &["i32[2]", "f32[2]", "f32[2]"], message);
}
