//! Built-ins over named axes, and calling forms of transformations that need more than the library's language.

use crate::library::Table;
use crate::parse::spans::Sp;
use crate::trace::call::Args;
use crate::trace::value::Value;
use crate::trace::{R, Tracer, err, err_help};

pub const TABLE: Table = &[
    ("psum", |tr, a, sp| tr.over_axis("psum", a, sp)),
    ("pmean", |tr, a, sp| tr.over_axis("pmean", a, sp)),
    ("pmax", |tr, a, sp| tr.over_axis("pmax", a, sp)),
    ("pmin", |tr, a, sp| tr.over_axis("pmin", a, sp)),
    ("all_gather", |tr, a, sp| tr.all_gather(a, sp)),
    ("axis_index", |tr, a, sp| tr.axis_index(a, sp)),
    ("axis_size", |tr, a, sp| tr.axis_size(a, sp)),
    ("linear_transpose", linear_transpose),
];

/// `linear_transpose(f, x, ..)(ct)`: a tuple with an entry per argument.
fn linear_transpose(tr: &mut Tracer<'_>, mut args: Args, sp: Sp) -> R<Value> {
    if args.pos.len() < 2 {
        return err_help(
            sp,
            "`linear_transpose` needs a function and an argument for each of its parameters",
            "write `linear_transpose(f, x)(ct)`; of `x` only dtype and shape matter",
        );
    }
    let (f, at) = args.pos.remove(0);
    let Value::Fn(f) = f else {
        return err(at, format!("`linear_transpose` needs a function, found {}", f.describe()));
    };
    let primals: Vec<Value> = args.pos.into_iter().map(|(v, _)| v).collect();
    match tr.linearize(&f, &primals, true, false, sp)? {
        Value::Tuple(parts) => Ok(parts[1].clone()),
        other => Ok(other),
    }
}
