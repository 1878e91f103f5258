//! What the array functions of the library need beyond its language: shapes as static tuples, several arrays at once.

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::Aval;
use crate::library::intrinsics::{array, dtype_arg};
use crate::ops::*;
use crate::parse::spans::Sp;
use crate::trace::args::{Args, axis, static_ints};
use crate::trace::value::{Num, Number, Value, show};
use crate::trace::{R, Tracer, arith, err};

/// Intrinsics of this file.
pub const TABLE: super::Table = &[
    ("array", |tr, a, sp| as_array(tr, "array", a, sp)),
    ("asarray", |tr, a, sp| as_array(tr, "asarray", a, sp)),
    ("meshgrid", |tr, a, sp| several(tr, "meshgrid", a, sp)),
    ("broadcast_arrays", |tr, a, sp| several(tr, "broadcast_arrays", a, sp)),
    ("ix_", |tr, a, sp| several(tr, "ix_", a, sp)),
    ("broadcast_shapes", broadcast_shapes),
    ("gradient", |tr, a, sp| leading(tr, "gradient", 1, a, sp)),
    ("tril_indices", |tr, a, sp| triangle(tr, "tril_indices", a, sp)),
    ("triu_indices", |tr, a, sp| triangle(tr, "triu_indices", a, sp)),
    ("_refuse", |_, args, sp| match args.pos.first() {
        Some((Value::Str(text), _)) => match args.pos.get(1) {
            Some((found, _)) => err(sp, format!("{text}, found {}", found.describe())),
            None => err(sp, text.to_string()),
        },
        _ => err(sp, "this cannot be done"),
    }),
    ("_kept", kept),
    ("_ones", |_, args, sp| {
        let n = args.bind("_ones", &["n"], 1, sp)?.int("n")?.unwrap_or(0);
        Ok(shape_value((0..n).map(|_| 1).collect()))
    }),
    ("_axis", |_, args, sp| {
        let b = args.bind("_axis", &["axis", "rank"], 2, sp)?;
        let rank = usize::try_from(b.int("rank")?.unwrap_or(0)).unwrap_or(0);
        let at = axis(b.int("axis")?.unwrap_or(0), rank, "the array", sp)?;
        Ok(Value::size(at))
    }),
    ("_tuple", |tr, args, sp| {
        let b = args.bind("_tuple", &["n", "f"], 2, sp)?;
        let f = b.function("f")?;
        let items =
            (0..b.int("n")?.unwrap_or(0)).map(|i| tr.apply(&f, vec![Value::int(i)], sp)).collect::<R<Vec<_>>>()?;
        Ok(Value::tuple(items))
    }),
    ("_product", |_, args, sp| {
        let b = args.bind("_product", &["shape"], 1, sp)?;
        Ok(Value::int(static_ints(&b.want("shape")).unwrap_or_default().into_iter().product::<i128>()))
    }),
    ("_ceil_log2", |_, args, sp| {
        let n = args.bind("_ceil_log2", &["n"], 1, sp)?.int("n")?.unwrap_or(0).max(1);
        Ok(Value::int((0..127).find(|k| 1i128 << k >= n).unwrap_or(0)))
    }),
    ("_is_function", |_, args, sp| {
        let b = args.bind("_is_function", &["x"], 1, sp)?;
        Ok(Value::Bool(matches!(b.want("x"), Value::Fn(_))))
    }),
    ("_is_tuple", |_, args, sp| {
        let b = args.bind("_is_tuple", &["x"], 1, sp)?;
        Ok(Value::Bool(matches!(b.want("x"), Value::Tuple(_) | Value::List(_) | Value::Unit)))
    }),
    ("_as_tuple", |_, args, sp| {
        let b = args.bind("_as_tuple", &["x"], 1, sp)?;
        Ok(match b.want("x") {
            Value::List(items) | Value::Tuple(items) => Value::Tuple(items),
            Value::Unit => Value::tuple(Vec::new()),
            one => Value::tuple(vec![one]),
        })
    }),
    ("_slice", slice),
];

fn shape_value(shape: Vec<usize>) -> Value {
    match shape.is_empty() {
        true => Value::Unit,
        false => Value::tuple(shape.into_iter().map(Value::size).collect()),
    }
}

/// Numbers, lists and arrays as an array.
fn as_array(tr: &mut Tracer<'_>, name: &str, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, &["object", "dtype"], 1, sp)?;
    let v = match b.want("object") {
        Value::Tuple(items) => Value::List(items),
        other => other,
    };
    if matches!(v, Value::Fn(_) | Value::Struct(_) | Value::Str(_) | Value::Unit | Value::Option(_)) {
        return err(b.sp("object"), format!("`{name}` makes an array of numbers and lists, found {}", v.describe()));
    }
    // Literals are taken as written, not as rounded to the dtype that they have without a word.
    let t = match (&v, b.get("dtype")) {
        (Value::Num(n), Some(Value::DType(d))) if n.dtype.is_none() && d.is_inexact() => {
            tr.number(Num { dtype: Some(*d), ..*n }, sp)
        }
        (Value::List(items), Some(Value::DType(d))) if d.is_inexact() && literals(items) => {
            tr.to_traced(&v, Some(*d), sp)?
        }
        _ => tr.to_traced(&v, None, sp)?,
    };
    let dtype = dtype_arg(&b, t.aval.dtype)?;
    Ok(Value::Array(if dtype == t.aval.dtype { t } else { tr.convert(&t, dtype, sp)? }))
}

fn literals(items: &[Value]) -> bool {
    items.iter().all(|v| match v {
        Value::Num(n) => n.dtype.is_none(),
        Value::List(items) => literals(items),
        _ => false,
    })
}

/// `f(a, b, .., keyword = ..)` as the library's `_f((a, b, ..), keyword = ..)`.
fn several(tr: &mut Tracer<'_>, name: &str, args: Args, sp: Sp) -> R<Value> {
    leading(tr, name, 0, args, sp)
}

/// The first `n` arguments as they are, the others as a tuple.
fn leading(tr: &mut Tracer<'_>, name: &str, n: usize, mut args: Args, sp: Sp) -> R<Value> {
    if args.pos.len() < n {
        return err(sp, format!("`{name}` needs {}", crate::trace::args::arguments(n)));
    }
    let rest: Vec<Value> = args.pos.split_off(n).into_iter().map(|(v, _)| v).collect();
    args.pos.push((Value::tuple(rest), sp));
    tr.call_builtin(&format!("_{name}"), args, sp, true)
}

fn broadcast_shapes(_tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let mut out: Vec<usize> = Vec::new();
    for (v, at) in &args.pos {
        let ints = static_ints(v).and_then(|i| i.into_iter().map(usize::try_from).collect::<Result<Vec<_>, _>>().ok());
        let Some(shape) = ints else {
            return err(*at, format!("`broadcast_shapes` takes shapes, found {}", v.describe()));
        };
        let Some(both) = arith::broadcast_shapes(&out, &shape) else {
            return err(*at, format!("the shape {} does not broadcast with those before it", v.describe()));
        };
        out = both;
    }
    let _ = sp;
    Ok(shape_value(out))
}

/// Rows and columns of the elements on and below (above) a diagonal.
fn triangle(tr: &mut Tracer<'_>, name: &str, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, &["n", "k", "m"], 1, sp)?;
    let n = b.int("n")?.unwrap_or(0);
    let (k, m) = (b.int("k")?.unwrap_or(0), b.int("m")?.unwrap_or(n));
    let lower = name == "tril_indices";
    let inside = |r: i128, c: i128| if lower { c <= r + k } else { c >= r + k };
    let (mut rows, mut columns) = (Vec::new(), Vec::new());
    for r in 0..n {
        for c in (0..m).filter(|c| inside(r, *c)) {
            rows.push(Scalar::from_i128(DType::I32, r));
            columns.push(Scalar::from_i128(DType::I32, c));
        }
    }
    let parts = [rows, columns].map(|data| {
        let aval = Aval::new(DType::I32, &[data.len()]);
        Value::Array(tr.constant(Array::new(aval, data), sp))
    });
    Ok(Value::tuple(parts.to_vec()))
}

/// `_kept(x, axis)`: the shape of a reduction with `keepdims`.
fn kept(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("_kept", &["x", "axis"], 1, sp)?;
    let x = array(tr, &b, "x")?;
    let axes = b.axes("axis", x.aval.rank(), &show(&x.aval))?;
    Ok(shape_value(x.aval.shape.iter().enumerate().map(|(d, n)| if axes.contains(&d) { 1 } else { *n }).collect()))
}

/// `_slice(x, start, limit, axis, stride)`: static.
fn slice(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("_slice", &["x", "start", "limit", "axis", "stride"], 4, sp)?;
    let x = array(tr, &b, "x")?;
    let Some(d) = b.axis("axis", x.aval.rank(), &show(&x.aval))? else { return err(sp, "a slice needs an axis") };
    let size =
        |p: &str, default: usize| -> R<usize> { Ok(b.int(p)?.map_or(default, |i| usize::try_from(i).unwrap_or(0))) };
    let n = x.aval.shape[d];
    let (from, to, step) = (size("start", 0)?.min(n), size("limit", n)?.min(n), size("stride", 1)?.max(1));
    let (mut start, mut limit, mut stride) = (vec![0; x.aval.rank()], x.aval.shape.clone(), vec![1; x.aval.rank()]);
    (start[d], limit[d], stride[d]) = (from, to.max(from), step);
    let weak = x.weak;
    let mut out = tr.bind1(Slice { start, limit, stride }, &[&x], sp)?;
    out.weak = weak;
    Ok(Value::Array(out))
}

/// Integers that follow each other, computed from a counter: no table in flash.
pub fn integers(tr: &mut Tracer<'_>, start: i128, step: i128, n: usize, dtype: DType, sp: Sp) -> R<Value> {
    let aval = Aval::new(dtype, &[n]);
    let mut out = Value::Array(tr.bind1(Iota { aval, dimension: 0 }, &[], sp)?);
    let number = |i: i128| Value::Num(Num { value: Number::Int(i), dtype: Some(dtype) });
    use crate::parse::ast::BinOp;
    if step != 1 {
        out = tr.binary(BinOp::Mul, &out, &number(step), sp)?;
    }
    if start != 0 {
        out = tr.binary(BinOp::Add, &out, &number(start), sp)?;
    }
    Ok(out)
}
