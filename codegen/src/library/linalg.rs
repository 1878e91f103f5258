//! The primitives of linear algebra, as the `.kiln` file beside this one calls them.

use crate::library::intrinsics::array;
use crate::ops::*;
use crate::parse::spans::Sp;
use crate::trace::args::Args;
use crate::trace::value::{Traced, Value};
use crate::trace::{R, Tracer};

/// Intrinsics of this file.
pub const TABLE: super::Table = &[
    ("_cholesky", |tr, a, sp| factor(tr, Cholesky, a, sp)),
    ("_eigh", |tr, a, sp| factor(tr, Eigh, a, sp)),
    ("_svd", |tr, a, sp| factor(tr, Svd, a, sp)),
    ("_lu", |tr, a, sp| factor(tr, Lu, a, sp)),
    ("_qr", |tr, a, sp| {
        let b = a.bind("_qr", &["x", "full"], 1, sp)?;
        let op = Qr { full: b.bool("full", false)? };
        let x = array(tr, &b, "x")?;
        results(tr.bind(op, &[&x], sp)?)
    }),
    ("_triangular_solve", triangular_solve),
    ("_is_text", |_, a, sp| Ok(Value::Bool(matches!(a.bind("_is_text", &["x"], 1, sp)?.want("x"), Value::Str(_))))),
    ("scipy_linalg_block_diag", |tr, mut a, sp| {
        let all: Vec<Value> = a.pos.drain(..).map(|(v, _)| v).collect();
        a.pos.push((Value::tuple(all), sp));
        tr.call_builtin("_block_diag", a, sp, true)
    }),
];

fn factor(tr: &mut Tracer<'_>, op: impl Into<Op>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("factor", &["x"], 1, sp)?;
    let x = array(tr, &b, "x")?;
    results(tr.bind(op, &[&x], sp)?)
}

/// One result as it is, several as a tuple.
fn results(mut outs: Vec<Traced>) -> R<Value> {
    Ok(match outs.len() {
        1 => Value::Array(outs.remove(0)),
        _ => Value::tuple(outs.into_iter().map(Value::Array).collect()),
    })
}

/// `_triangular_solve(a, b, left, lower, transpose, unit)`.
fn triangular_solve(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("_triangular_solve", &["a", "b", "left", "lower", "transpose", "unit"], 2, sp)?;
    let op = TriangularSolve {
        left: b.bool("left", true)?,
        lower: b.bool("lower", true)?,
        transpose: b.bool("transpose", false)?,
        unit: b.bool("unit", false)?,
    };
    let (x, y) = (array(tr, &b, "a")?, array(tr, &b, "b")?);
    results(tr.bind(op, &[&x, &y], sp)?)
}
