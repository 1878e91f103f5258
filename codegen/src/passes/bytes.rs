//! Runtime functions on whole arrays know no bools: they get bytes.
//!
//! Before: any equation may have bools. After: those that are lowered to a call have none, which is why the arena, where
//! bools are bytes, and the user's arrays, where they are not, look the same to them.

use crate::dtype::DType;
use crate::graph::{Aval, Eqn, Graph, Var};
use crate::ops::{Convert, Lowering};
use crate::passes::rebuild;

/// Puts conversions around calls that take or give bools.
pub fn bools_as_bytes(graph: &Graph) -> Graph {
    rebuild(graph, as_bytes)
}

fn as_bytes(g: &mut Graph, eqn: &Eqn, ins: &[Var]) -> Option<Vec<Var>> {
    let avals: Vec<Aval> = ins.iter().map(|v| g.aval(*v).clone()).collect();
    let avals: Vec<&Aval> = avals.iter().collect();
    let is_bool = |a: &Aval| a.dtype == DType::Bool;
    if !avals.iter().any(|a| is_bool(a)) || !matches!(eqn.op.lowering(&avals), Lowering::Call { .. }) {
        return None;
    }
    let expected = eqn.op.abstract_eval(&avals).ok()?;
    let bytes = |a: &Aval| if is_bool(a) { a.with_dtype(DType::U8) } else { a.clone() };
    let wide: Vec<Aval> = avals.iter().map(|a| bytes(a)).collect();
    // The primitive has to mean the same on 0 and 1: those that move or order elements do, and say so by their shape rule.
    let outs = eqn.op.abstract_eval(&wide.iter().collect::<Vec<_>>()).ok()?;
    if outs != expected.iter().map(bytes).collect::<Vec<_>>() {
        return None;
    }
    let ins: Vec<Var> = ins
        .iter()
        .map(|v| if is_bool(g.aval(*v)) { g.bind1(Convert { dtype: DType::U8 }, &[*v]) } else { *v })
        .collect();
    let outs = g.bind(eqn.op.clone(), &ins);
    let back = |(v, a): (&Var, &Aval)| if is_bool(a) { g.bind1(Convert { dtype: DType::Bool }, &[*v]) } else { *v };
    Some(outs.iter().zip(&expected).map(back).collect())
}
