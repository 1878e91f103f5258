//! Transformations, control flow in JAX's spelling and built-ins over named axes: calling forms that need more than the
//! library's language.

use crate::library::Table;
use crate::ops::StopGradient;
use crate::parse::spans::Sp;
use crate::trace::args::Args;
use crate::trace::functional;
use crate::trace::transforms::{make_applied, make_grad, make_vmap};
use crate::trace::value::Value;
use crate::trace::{R, Tracer, err, err_help, tree};

pub const TABLE: Table = &[
    ("grad", |tr, a, sp| make_grad(tr, of_function("grad(f)(x)", a)?, false, sp)),
    ("value_and_grad", |tr, a, sp| make_grad(tr, of_function("value_and_grad(f)(x)", a)?, true, sp)),
    ("vmap", |tr, a, sp| make_vmap(tr, of_function("vmap(f)(x)", a)?, sp)),
    ("hvp", |tr, a, sp| make_applied(tr, "hvp", WHICH, of_function("hvp(f)(x, v)", a)?, sp)),
    ("_hvp", |tr, a, sp| tr.hessian_vector(a, sp)),
    ("_jacfwd", |tr, a, sp| tr.jacobian("_jacfwd", a, true, sp)),
    ("_jacrev", |tr, a, sp| tr.jacobian("_jacrev", a, false, sp)),
    ("checkpoint", |tr, a, sp| make_applied(tr, "checkpoint", &["f"], of_function("checkpoint(f)(x)", a)?, sp)),
    ("remat", |tr, a, sp| make_applied(tr, "checkpoint", &["f"], of_function("remat(f)(x)", a)?, sp)),
    ("_checkpoint", |tr, a, sp| tr.call_checkpoint(a, sp)),
    ("jacfwd", |tr, a, sp| make_applied(tr, "jacfwd", WHICH, of_function("jacfwd(f)(x)", a)?, sp)),
    ("jacrev", |tr, a, sp| make_applied(tr, "jacrev", WHICH, of_function("jacrev(f)(x)", a)?, sp)),
    ("hessian", |tr, a, sp| make_applied(tr, "hessian", WHICH, of_function("hessian(f)(x)", a)?, sp)),
    ("_scan", |tr, a, sp| tr.functional_scan(a, sp)),
    ("_call", |tr, a, sp| tr.call_on_tuple(a, sp)),
    ("_replace", functional::replace),
    ("_concat", functional::concat),
    ("_tail", functional::tail),
    ("cond", |tr, a, sp| functional::with_operands(tr, "cond", 3, a, sp)),
    ("switch", |tr, a, sp| functional::with_operands(tr, "switch", 2, a, sp)),
    ("jvp", jvp),
    ("vjp", vjp),
    ("linearize", linearize),
    ("stop_gradient", stop_gradient),
    ("psum", |tr, a, sp| tr.over_axis("psum", a, sp)),
    ("pmean", |tr, a, sp| tr.over_axis("pmean", a, sp)),
    ("pmax", |tr, a, sp| tr.over_axis("pmax", a, sp)),
    ("pmin", |tr, a, sp| tr.over_axis("pmin", a, sp)),
    ("all_gather", |tr, a, sp| tr.all_gather(a, sp)),
    ("axis_index", |tr, a, sp| tr.axis_index(a, sp)),
    ("axis_size", |tr, a, sp| tr.axis_size(a, sp)),
    ("linear_transpose", linear_transpose),
    ("custom_root", |tr, a, sp| tr.custom_root(a, sp)),
    ("custom_linear_solve", |tr, a, sp| tr.custom_linear_solve(a, sp)),
];

/// What is made of a function by its derivatives takes.
const WHICH: &[&str] = &["f", "argnums", "has_aux"];

/// The arguments of a transformation that makes a function, if none of them are for that function; `form` is how it is called.
fn of_function(form: &str, args: Args) -> R<Args> {
    let arrays = |v: &Value| matches!(v, Value::Array(_)) || !tree::leaves(v).is_empty();
    let made = form.split_inclusive(')').next().unwrap_or(form);
    match args.pos.iter().skip(1).find(|(v, _)| arrays(v)) {
        None => Ok(args),
        Some((v, at)) => err_help(
            *at,
            format!("`{made}` is a function: {} is an argument of that", v.describe()),
            format!("write `{form}`"),
        ),
    }
}

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

fn stop_gradient(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("stop_gradient", &["x"], 1, sp)?;
    let v = b.want("x");
    if matches!(v, Value::Fn(_)) {
        return err_help(b.sp("x"), "`stop_gradient` takes a value, not a function", "write `stop_gradient(f(x))`");
    }
    if !matches!(v, Value::Array(_)) && tree::children(&v).is_none() {
        return Ok(v);
    }
    tr.map_tree(&v, sp, &mut |tr, t| tr.bind1(StopGradient, &[t], sp))
}

/// An error where fewer arguments are given than a form of call has.
fn at_least(n: usize, args: &Args, name: &str, form: &str, sp: Sp) -> R<()> {
    if args.pos.len() + args.kw.len() >= n {
        return Ok(());
    }
    err_help(sp, format!("`{name}` takes the function and its arguments at once"), format!("write `{form}`"))
}

fn jvp(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    at_least(3, &args, "jvp", "jvp(f, (x,), (dx,))", sp)?;
    let b = args.bind("jvp", &["f", "primals", "tangents", "has_aux"], 3, sp)?;
    tr.jvp(&b.function("f")?, &b.want("primals"), &b.want("tangents"), b.bool("has_aux", false)?, sp)
}

fn vjp(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    at_least(2, &args, "vjp", "vjp(f, (x,))", sp)?;
    let b = args.bind("vjp", &["f", "primals", "has_aux"], 2, sp)?;
    let primals = match b.want("primals") {
        Value::Tuple(items) => items.to_vec(),
        Value::Unit => Vec::new(),
        other => {
            return err_help(
                b.sp("primals"),
                format!("`vjp` takes a tuple of primals, found {}", other.describe()),
                "write `vjp(f, (x,))`",
            );
        }
    };
    let has_aux = b.bool("has_aux", false)?;
    tr.linearize(&b.function("f")?, &primals, true, has_aux, sp)
}

fn linearize(tr: &mut Tracer<'_>, mut args: Args, sp: Sp) -> R<Value> {
    if args.pos.is_empty() {
        return err_help(sp, "`linearize` needs a function", "write `linearize(f, x)`");
    }
    let (f, at) = args.pos.remove(0);
    let Value::Fn(f) = f else {
        return err(at, format!("`linearize` needs a function, found {}", f.describe()));
    };
    if args.pos.is_empty() {
        return err_help(sp, "`linearize` takes the function and its arguments at once", "write `linearize(f, x)`");
    }
    let primals: Vec<Value> = args.pos.into_iter().map(|(v, _)| v).collect();
    tr.linearize(&f, &primals, false, false, sp)
}
