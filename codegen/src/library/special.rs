//! What the special functions need beyond the library's language.

use crate::library::intrinsics::{array, to_float};
use crate::ops::*;
use crate::parse::spans::Sp;
use crate::trace::args::Args;
use crate::trace::value::Value;
use crate::trace::{R, Tracer, err_help};

/// Intrinsics of this file.
pub const TABLE: super::Table = &[("polygamma", polygamma), ("_both", together)];

/// `_both(x, y, ..)`: as floats of one dtype and shape.
fn together(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let values: Vec<Value> = args.pos.into_iter().map(|(v, _)| v).collect();
    let word = tr.word.clone().unwrap_or_else(|| "this".into());
    let mut parts = tr.promote(&word, &values, sp)?;
    let mut shape = Vec::new();
    for t in &mut parts {
        *t = to_float(tr, t, sp)?;
        t.weak = false;
        match crate::trace::arith::broadcast_shapes(&shape, &t.aval.shape) {
            Some(both) => shape = both,
            None => {
                let text = format!("`{word}` cannot combine the shapes of {}", crate::trace::value::show(&t.aval));
                return err_help(sp, format!("{text} and the other arguments"), "shapes follow numpy's broadcasting");
            }
        }
    }
    let all = parts.iter().map(|t| Ok(Value::Array(tr.broadcast_to(t, &shape, sp)?))).collect::<R<_>>()?;
    Ok(Value::tuple(all))
}

/// The `n`-th derivative of `digamma`.
fn polygamma(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("polygamma", &["n", "x"], 2, sp)?;
    let x = array(tr, &b, "x")?;
    let x = to_float(tr, &x, sp)?;
    match b.int("n")?.map(u32::try_from) {
        Some(Ok(0)) => Ok(Value::Array(tr.bind1(Digamma, &[&x], sp)?)),
        Some(Ok(n)) => Ok(Value::Array(tr.bind1(Polygamma { n }, &[&x], sp)?)),
        _ => err_help(b.sp("n"), "`n` says how often `digamma` is differentiated", "write a number from 0 on"),
    }
}
