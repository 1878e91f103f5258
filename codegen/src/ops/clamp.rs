//! `clamp`: into an interval.

use proc_macro2::TokenStream;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::elementwise::{full_like, ordered};
use crate::ops::{And, Compare, CompareOp, Elementwise, Max, Min, OpError, Or, Select, Tangent, add_tangents};

/// `min(max(x, lo), hi)` of operands `lo`, `x`, `hi`, in lax's order. The derivative along `x` is one strictly inside
/// the interval and zero on its ends.
#[derive(Clone, Debug)]
pub struct Clamp;

impl Elementwise for Clamp {
    const NAME: &'static str = "clamp";
    const ARITY: usize = 3;

    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError> {
        ordered(Self::NAME, ins)
    }

    fn scalar(&self, x: &[Scalar]) -> Scalar {
        Min.scalar(&[Max.scalar(&[x[1], x[0]]), x[2]])
    }

    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream {
        let above = Elementwise::emit(&Max, dtypes, &[x[1].clone(), x[0].clone()]);
        Elementwise::emit(&Min, dtypes, &[above, x[2].clone()])
    }

    fn tangent(&self, g: &mut Graph, x: &[Var], _y: Var, t: &[Tangent]) -> Tangent {
        let (lo, hi, x) = (x[0], x[2], x[1]);
        let (gt, lt) = (CompareOp::Gt, CompareOp::Lt);
        // Which operand the result is, and hence whose tangent it has.
        let along_lo = t[0].map(|t| masked(g, t, (gt, lo, x), And.into(), (lt, lo, hi)));
        let along_x = t[1].map(|t| masked(g, t, (gt, x, lo), And.into(), (lt, x, hi)));
        let along_hi = t[2].map(|t| masked(g, t, (gt, x, hi), Or.into(), (gt, lo, hi)));
        let sum = add_tangents(g, along_lo, along_x);
        add_tangents(g, sum, along_hi)
    }
}

type Test = (CompareOp, Var, Var);

/// `t` where both (or either, by `join`) of the tests hold, else zero.
fn masked(g: &mut Graph, t: Var, a: Test, join: crate::ops::Op, b: Test) -> Var {
    let a = g.bind1(Compare { op: a.0 }, &[a.1, a.2]);
    let b = g.bind1(Compare { op: b.0 }, &[b.1, b.2]);
    let mask = g.bind1(join, &[a, b]);
    let zero = full_like(g, t, 0.0);
    g.bind1(Select, &[mask, t, zero])
}

#[test]
fn laws() {
    use crate::ops::laws::{derivative, value};
    crate::ops::laws::check_elementwise(Clamp);
    assert_eq!(value(Clamp, &[0.0, 5.0, 1.0]), 1.0);
    assert!(value(Clamp, &[0.0, f64::NAN, 1.0]).is_nan());
    assert_eq!(derivative(Clamp, &[0.0, 0.5, 1.0], 1), 1.0);
    assert_eq!(derivative(Clamp, &[0.0, 0.0, 1.0], 1), 0.0);
    assert_eq!(derivative(Clamp, &[0.0, 1.0, 1.0], 1), 0.0);
}
