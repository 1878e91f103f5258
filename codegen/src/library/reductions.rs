//! Reductions, running folds, sorting and searching: what takes an `axis`.

use crate::diag::Diag;
use crate::dtype::DType;
use crate::library::intrinsics::{array, axis_or_flat, dtype_arg, keepdims};
use crate::ops::*;
use crate::parse::spans::Sp;
use crate::trace::args::{Args, Bound};
use crate::trace::value::{Traced, Value, show};
use crate::trace::{R, Tracer, err, err_help};

/// Intrinsics of this file.
pub const TABLE: super::Table = &[
    ("sum", |tr, a, sp| fold(tr, "sum", Fold::Sum, a, sp)),
    ("prod", |tr, a, sp| fold(tr, "prod", Fold::Prod, a, sp)),
    ("max", |tr, a, sp| fold(tr, "max", Fold::Max, a, sp)),
    ("min", |tr, a, sp| fold(tr, "min", Fold::Min, a, sp)),
    ("amax", |tr, a, sp| fold(tr, "amax", Fold::Max, a, sp)),
    ("amin", |tr, a, sp| fold(tr, "amin", Fold::Min, a, sp)),
    ("any", |tr, a, sp| fold(tr, "any", Fold::Or, a, sp)),
    ("all", |tr, a, sp| fold(tr, "all", Fold::And, a, sp)),
    ("argmax", |tr, a, sp| arg_extreme(tr, "argmax", &["a", "axis", "out", "keepdims"], a, sp)),
    ("argmin", |tr, a, sp| arg_extreme(tr, "argmin", &["a", "axis", "out", "keepdims"], a, sp)),
    ("lax_argmax", |tr, a, sp| arg_extreme(tr, "argmax", &["operand", "axis", "index_dtype"], a, sp)),
    ("lax_argmin", |tr, a, sp| arg_extreme(tr, "argmin", &["operand", "axis", "index_dtype"], a, sp)),
    ("reduce_sum", |tr, a, sp| fold_axes(tr, "reduce_sum", |axes| ReduceSum { axes }.into(), a, sp)),
    ("reduce_prod", |tr, a, sp| fold_axes(tr, "reduce_prod", |axes| ReduceProd { axes }.into(), a, sp)),
    ("reduce_max", |tr, a, sp| fold_axes(tr, "reduce_max", |axes| ReduceMax { axes }.into(), a, sp)),
    ("reduce_min", |tr, a, sp| fold_axes(tr, "reduce_min", |axes| ReduceMin { axes }.into(), a, sp)),
    ("reduce_and", |tr, a, sp| fold_axes(tr, "reduce_and", |axes| ReduceAnd { axes }.into(), a, sp)),
    ("reduce_or", |tr, a, sp| fold_axes(tr, "reduce_or", |axes| ReduceOr { axes }.into(), a, sp)),
    ("cumsum", |tr, a, sp| running(tr, "cumsum", |axis, reverse| Cumsum { axis, reverse }.into(), a, sp)),
    ("cumprod", |tr, a, sp| running(tr, "cumprod", |axis, reverse| Cumprod { axis, reverse }.into(), a, sp)),
    ("lax_cumsum", |tr, a, sp| running_along(tr, "cumsum", |axis, reverse| Cumsum { axis, reverse }.into(), a, sp)),
    ("lax_cumprod", |tr, a, sp| running_along(tr, "cumprod", |axis, reverse| Cumprod { axis, reverse }.into(), a, sp)),
    ("cummax", |tr, a, sp| running_along(tr, "cummax", |axis, reverse| Cummax { axis, reverse }.into(), a, sp)),
    ("cummin", |tr, a, sp| running_along(tr, "cummin", |axis, reverse| Cummin { axis, reverse }.into(), a, sp)),
    ("cumlogsumexp", |tr, a, sp| {
        running_along(tr, "cumlogsumexp", |axis, reverse| Cumlogsumexp { axis, reverse }.into(), a, sp)
    }),
    ("sort", |tr, a, sp| sorted(tr, "sort", |axis, descending| Sort { axis, descending }.into(), a, sp)),
    ("argsort", |tr, a, sp| sorted(tr, "argsort", |axis, descending| Argsort { axis, descending }.into(), a, sp)),
    ("top_k", top_k),
    ("_count", count),
    ("_reduced_axes", reduced_axes),
    ("_axes_last", axes_last),
];

/// What a reduction makes of the elements.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fold {
    Sum,
    Prod,
    Max,
    Min,
    And,
    Or,
}

impl Fold {
    fn op(self, axes: Vec<usize>) -> Op {
        match self {
            Fold::Sum => ReduceSum { axes }.into(),
            Fold::Prod => ReduceProd { axes }.into(),
            Fold::Max => ReduceMax { axes }.into(),
            Fold::Min => ReduceMin { axes }.into(),
            Fold::And => ReduceAnd { axes }.into(),
            Fold::Or => ReduceOr { axes }.into(),
        }
    }

    /// Of two elements.
    fn pair(self) -> Op {
        match self {
            Fold::Sum => Add.into(),
            Fold::Prod => Mul.into(),
            Fold::Max => Max.into(),
            Fold::Min => Min.into(),
            Fold::And => And.into(),
            Fold::Or => Or.into(),
        }
    }

    fn params(self) -> &'static [&'static str] {
        match self {
            Fold::Sum | Fold::Prod => {
                &["a", "axis", "dtype", "out", "keepdims", "initial", "where_", "promote_integers"]
            }
            Fold::Max | Fold::Min => &["a", "axis", "out", "keepdims", "initial", "where_"],
            Fold::And | Fold::Or => &["a", "axis", "out", "keepdims", "where_"],
        }
    }

    fn is_extreme(self) -> bool {
        matches!(self, Fold::Max | Fold::Min)
    }
}

/// JAX takes `out` for numpy's sake and refuses it.
pub fn refuse_out(b: &Bound) -> R<()> {
    match b.get("out") {
        None | Some(Value::Option(None)) => Ok(()),
        Some(_) => err_help(
            b.sp("out"),
            format!("`{}` has no `out`: values are not changed in place", b.name()),
            "assign the result: `x = ..`",
        ),
    }
}

/// Small integers are added up in 32 bits, halves in f32: the dtype to reduce in, and that of the result.
fn accumulator(fold: Fold, dtype: DType, asked: Option<DType>, promote: bool) -> (DType, DType) {
    let out = match dtype {
        _ if asked.is_some() => asked.unwrap_or(dtype),
        DType::Bool => DType::I32,
        d if promote && d.is_signed() && d.bytes() < 4 => DType::I32,
        d if promote && d.is_unsigned() && d.bytes() < 4 => DType::U32,
        d => d,
    };
    let half = matches!(out, DType::F16 | DType::BF16) && matches!(fold, Fold::Sum | Fold::Prod);
    (if half { DType::F32 } else { out }, out)
}

/// `sum`, `prod`, `max`, `min`, `any`, `all`.
fn fold(tr: &mut Tracer<'_>, name: &str, fold: Fold, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, fold.params(), 1, sp)?;
    refuse_out(&b)?;
    let mut x = array(tr, &b, "a")?;
    let (given, weak) = (x.clone(), x.weak);
    let mut result = x.aval.dtype;
    let is_bool = matches!(fold, Fold::And | Fold::Or);
    if is_bool {
        x = tr.convert(&x, DType::Bool, sp)?;
        result = DType::Bool;
    } else if !fold.is_extreme() {
        let asked = match b.get("dtype") {
            None | Some(Value::Option(None)) => None,
            Some(_) => Some(dtype_arg(&b, result)?),
        };
        let (work, out) = accumulator(fold, result, asked, b.bool("promote_integers", true)?);
        if x.aval.dtype != work {
            x = tr.convert(&x, work, sp)?;
        }
        result = out;
    }
    let initial = match b.get("initial") {
        None | Some(Value::Option(None)) => None,
        Some(v) => Some(tr.promote2(name, &Value::Array(x.clone()), v, b.sp("initial"))?.1),
    };
    match b.get("where_") {
        None | Some(Value::Option(None)) | Some(Value::Bool(true)) => {}
        Some(mask) => {
            let mask = tr.to_traced(mask, None, b.sp("where_"))?;
            let mask = tr.convert(&mask, DType::Bool, b.sp("where_"))?;
            let fill = match (&initial, fold) {
                (Some(t), _) if fold.is_extreme() => t.clone(),
                (None, Fold::Max | Fold::Min) => {
                    return err_help(
                        b.sp("where_"),
                        format!("`{name}` with `where_` needs a value for where nothing is chosen"),
                        "give one: `initial = 0.0`",
                    );
                }
                (_, Fold::Prod | Fold::And) => tr.to_traced(&Value::int(1), Some(x.aval.dtype), sp)?,
                _ => tr.to_traced(&Value::int(0), Some(x.aval.dtype), sp)?,
            };
            let (m, wide) = tr.broadcast2(name, &mask, &x, b.sp("where_"))?;
            let fill = tr.broadcast_to(&fill, &wide.aval.shape, sp)?;
            x = tr.bind1(Select, &[&m, &wide, &fill], sp)?;
        }
    }
    let axes = b.axes("axis", x.aval.rank(), &show(&given.aval))?;
    let keep = b.bool("keepdims", false)?;
    if let Some(a) = axes.iter().find(|a| x.aval.shape[**a] == 0).filter(|_| fold.is_extreme() && initial.is_none()) {
        return err(b.sp("a"), format!("`{name}` of nothing: axis {a} of {} is empty", show(&x.aval)));
    }
    let mut out = if axes.is_empty() { x.clone() } else { tr.bind1(fold.op(axes.clone()), &[&x], sp)? };
    if let Some(t) = initial {
        let (t, wide) = tr.broadcast2(name, &t, &out, b.sp("initial"))?;
        out = tr.bind1(fold.pair(), &[&wide, &t], sp)?;
    }
    if out.aval.dtype != result {
        out = tr.convert(&out, result, sp)?;
    }
    out.weak = weak && out.aval.dtype != DType::Bool;
    keepdims(tr, &x, out, &axes, keep, sp)
}

/// `lax::reduce_sum(operand, axes)` and its kin: the dtype stays.
fn fold_axes(tr: &mut Tracer<'_>, name: &str, op: fn(Vec<usize>) -> Op, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, &["operand", "axes"], 2, sp)?;
    let x = array(tr, &b, "operand")?;
    let axes = b.axes("axes", x.aval.rank(), &show(&x.aval))?;
    if axes.is_empty() {
        return Ok(Value::Array(x));
    }
    Ok(Value::Array(tr.bind1(op(axes), &[&x], sp)?))
}

fn arg_extreme(tr: &mut Tracer<'_>, name: &str, params: &[&'static str], args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, params, 1, sp)?;
    refuse_out(&b)?;
    let mut x = array(tr, &b, params[0])?;
    if x.aval.dtype == DType::Bool {
        x = tr.convert(&x, DType::U8, sp)?;
    }
    let (flat, axis) = axis_or_flat(tr, &b, x.clone())?;
    let keep = b.bool("keepdims", false)?;
    if flat.aval.rank() == 0 {
        return err_help(b.sp(params[0]), format!("`{name}` of a scalar"), "there is only one element");
    }
    let op: Op = if name == "argmax" { Argmax { axis }.into() } else { Argmin { axis }.into() };
    let mut out = tr.bind1(op, &[&flat], sp)?;
    if let Some(Value::DType(d)) = b.get("index_dtype") {
        out = tr.convert(&out, *d, sp)?;
    }
    let all = b.int("axis")?.is_none();
    let axes: Vec<usize> = if all { (0..x.aval.rank()).collect() } else { vec![axis] };
    keepdims(tr, &x, out, &axes, keep, sp)
}

/// `_count(x, axis)`: how many elements one result is made of.
fn count(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("_count", &["x", "axis"], 1, sp)?;
    let x = array(tr, &b, "x")?;
    let axes = b.axes("axis", x.aval.rank(), &show(&x.aval))?;
    Ok(Value::size(axes.iter().map(|a| x.aval.shape[*a]).product()))
}

/// `_reduced_axes(x, axis)`: the axes as a tuple.
fn reduced_axes(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("_reduced_axes", &["x", "axis"], 1, sp)?;
    let x = array(tr, &b, "x")?;
    let axes = b.axes("axis", x.aval.rank(), &show(&x.aval))?;
    Ok(Value::tuple(axes.into_iter().map(Value::size).collect()))
}

/// `_axes_last(x, axis)`: the axes put behind the others and made one.
fn axes_last(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("_axes_last", &["x", "axis"], 1, sp)?;
    let x = array(tr, &b, "x")?;
    let axes = b.axes("axis", x.aval.rank(), &show(&x.aval))?;
    let mut perm: Vec<usize> = (0..x.aval.rank()).filter(|d| !axes.contains(d)).collect();
    let mut shape: Vec<usize> = perm.iter().map(|d| x.aval.shape[*d]).collect();
    shape.push(axes.iter().map(|d| x.aval.shape[*d]).product());
    perm.extend(axes);
    let moved = tr.bind1(Transpose { perm }, &[&x], sp)?;
    Ok(Value::Array(tr.bind1(Reshape { shape }, &[&moved], sp)?))
}

/// numpy's running folds; without an axis, of the flattened array.
fn running(tr: &mut Tracer<'_>, name: &str, op: fn(usize, bool) -> Op, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, &["a", "axis", "dtype", "out", "reverse"], 1, sp)?;
    refuse_out(&b)?;
    let mut x = array(tr, &b, "a")?;
    let asked = match b.get("dtype") {
        None | Some(Value::Option(None)) => None,
        Some(_) => Some(dtype_arg(&b, x.aval.dtype)?),
    };
    let out = asked.unwrap_or(if x.aval.dtype == DType::Bool { DType::I32 } else { x.aval.dtype });
    if x.aval.dtype != out {
        x = tr.convert(&x, out, sp)?;
    }
    let (x, axis) = axis_or_flat(tr, &b, x)?;
    Ok(Value::Array(tr.bind1(op(axis, b.bool("reverse", false)?), &[&x], sp)?))
}

/// lax's running folds: along one axis, the first unless said otherwise.
fn running_along(tr: &mut Tracer<'_>, name: &str, op: fn(usize, bool) -> Op, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, &["operand", "axis", "reverse"], 1, sp)?;
    let x = array(tr, &b, "operand")?;
    if x.aval.rank() == 0 {
        return err_help(b.sp("operand"), format!("`{name}` runs along an axis, found a scalar"), "give it an array");
    }
    let axis = b.axis("axis", x.aval.rank(), &show(&x.aval))?.unwrap_or(0);
    Ok(Value::Array(tr.bind1(op(axis, b.bool("reverse", false)?), &[&x], sp)?))
}

/// A sort along an axis, the last one unless said otherwise. Equal elements keep their order.
fn sorted(tr: &mut Tracer<'_>, name: &str, op: fn(usize, bool) -> Op, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, &["a", "axis", "kind", "order", "stable", "descending"], 1, sp)?;
    let x = array(tr, &b, "a")?;
    for p in ["kind", "order"] {
        if !matches!(b.get(p), None | Some(Value::Option(None))) {
            return err_help(b.sp(p), format!("`{name}` has no `{p}`"), "every sort is stable");
        }
    }
    let descending = b.bool("descending", false)?;
    let (x, axis) = match b.get("axis") {
        None => {
            let last = x.aval.rank().saturating_sub(1);
            (x, last)
        }
        Some(_) => axis_or_flat(tr, &b, x)?,
    };
    if x.aval.rank() == 0 {
        return err_help(b.sp("a"), format!("`{name}` of a scalar"), "a scalar is in order");
    }
    Ok(Value::Array(tr.bind1(op(axis, descending), &[&x], sp)?))
}

/// `top_k(operand, k, axis)`: the largest elements and where they are.
fn top_k(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("top_k", &["operand", "k", "axis"], 2, sp)?;
    let x = array(tr, &b, "operand")?;
    let Some(k) = b.int("k")?.and_then(|k| usize::try_from(k).ok()) else {
        return err(b.sp("k"), "`k` is a static size");
    };
    let rank = x.aval.rank();
    let axis = b.axis("axis", rank, &show(&x.aval))?.unwrap_or(rank.saturating_sub(1));
    let last = |tr: &mut Tracer<'_>, t: &Traced, from: usize, to: usize| -> R<Traced> {
        if from == to {
            return Ok(t.clone());
        }
        let mut perm: Vec<usize> = (0..rank).collect();
        let d = perm.remove(from);
        perm.insert(to, d);
        tr.bind1(Transpose { perm }, &[t], sp)
    };
    let moved = last(tr, &x, axis, rank.saturating_sub(1))?;
    let outs = match tr.bind(TopK { k }, &[&moved], sp) {
        Ok(outs) => outs,
        Err(crate::trace::Stop::Error(d)) => return Err(Diag { sp: b.sp("k"), ..*d }.into()),
        Err(stop) => return Err(stop),
    };
    let outs = outs.iter().map(|t| Ok(Value::Array(last(tr, t, rank - 1, axis)?))).collect::<R<Vec<_>>>()?;
    Ok(Value::tuple(outs))
}
