//! Built-ins that map to primitives or look at static values.

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::Aval;
use crate::ops::*;
use crate::parse::ast::BinOp;
use crate::parse::spans::Sp;
use crate::trace::args::{Args, Bound, axis, static_ints};
use crate::trace::value::{Num, Number, Traced, Value, show};
use crate::trace::{R, Tracer, arith, err, err_help, scalar, tree};

/// Intrinsics of this file.
pub const TABLE: super::Table = &[
    ("reshape", reshape),
    ("broadcast_to", broadcast_to),
    ("transpose", transpose),
    ("expand_dims", expand_dims),
    ("squeeze", squeeze),
    ("concatenate", concatenate),
    ("split", split),
    ("flip", flip),
    ("moveaxis", moveaxis),
    ("swapaxes", swapaxes),
    ("zeros", |tr, a, sp| filled(tr, "zeros", 0.0, a, sp)),
    ("ones", |tr, a, sp| filled(tr, "ones", 1.0, a, sp)),
    ("full", full),
    ("arange", arange),
    ("_astype", astype),
    ("take_along_axis", take_along_axis),
    ("take", take),
    ("shape", shape),
    ("ndim", |tr, a, sp| Ok(Value::size(one(tr, "ndim", a, sp)?.aval.rank()))),
    ("size", |tr, a, sp| Ok(Value::size(one(tr, "size", a, sp)?.aval.size()))),
];

pub(super) fn one(tr: &mut Tracer<'_>, name: &str, args: Args, sp: Sp) -> R<Traced> {
    let b = args.bind(name, &["x"], 1, sp)?;
    array(tr, &b, "x")
}

/// An argument as an array.
pub(super) fn array(tr: &mut Tracer<'_>, b: &Bound, param: &str) -> R<Traced> {
    let at = b.sp(param);
    let v = b.want(param);
    if tree::is_tree(&v) || matches!(v, Value::Fn(_) | Value::Option(_) | Value::Str(_) | Value::Unit) {
        return err_help(
            at,
            format!("`{}` needs an array, found {}", b.name(), v.describe()),
            "pick a leaf of the tree, or use `tree_map`",
        );
    }
    tr.to_traced(&v, None, at)
}

/// Integers and bools as f32; floats as they are.
pub(super) fn to_float(tr: &mut Tracer<'_>, t: &Traced, sp: Sp) -> R<Traced> {
    if t.aval.dtype.is_inexact() {
        return Ok(t.clone());
    }
    let mut out = tr.convert(t, DType::F32, sp)?;
    out.weak = t.weak;
    Ok(out)
}

pub(super) fn keepdims(tr: &mut Tracer<'_>, x: &Traced, out: Traced, axes: &[usize], keep: bool, sp: Sp) -> R<Value> {
    if !keep {
        return Ok(Value::Array(out));
    }
    let shape: Vec<usize> =
        x.aval.shape.iter().enumerate().map(|(d, n)| if axes.contains(&d) { 1 } else { *n }).collect();
    let weak = out.weak;
    let mut out = tr.bind1(Reshape { shape }, &[&out], sp)?;
    out.weak = weak;
    Ok(Value::Array(out))
}

/// Static extents; one of them may be -1.
pub(super) fn extents(b: &Bound, param: &str, size: Option<usize>) -> R<Vec<usize>> {
    let v = b.want(param);
    let Some(ints) = static_ints(&v) else {
        return err_help(
            b.sp(param),
            format!("`{param}` is a tuple of static sizes, found {}", v.describe()),
            "write `(n, m)`; one extent is `(n,)` or `n`",
        );
    };
    let mut out = Vec::new();
    let mut open = None;
    for (n, i) in ints.iter().enumerate() {
        match (usize::try_from(*i), size) {
            (Ok(k), _) => out.push(k),
            (Err(_), Some(_)) if *i == -1 && open.is_none() => {
                open = Some(n);
                out.push(1);
            }
            (Err(_), Some(_)) if *i == -1 => {
                return err(b.sp(param), "only one extent can be -1: the others say what it is");
            }
            _ => return err(b.sp(param), format!("an extent cannot be {i}")),
        }
    }
    if let (Some(n), Some(size)) = (open, size) {
        let known: usize = out.iter().product();
        if known == 0 || size % known != 0 {
            return err(b.sp(param), format!("{size} elements do not divide into {}", v.describe()));
        }
        out[n] = size / known;
    }
    Ok(out)
}

fn reshape(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("reshape", &["x", "shape"], 2, sp)?;
    let x = array(tr, &b, "x")?;
    let shape = extents(&b, "shape", Some(x.aval.size()))?;
    same_weak(tr, &x, Reshape { shape }, sp)
}

pub(super) fn same_weak(tr: &mut Tracer<'_>, x: &Traced, op: impl Into<Op>, sp: Sp) -> R<Value> {
    let mut out = tr.bind1(op, &[x], sp)?;
    out.weak = x.weak;
    Ok(Value::Array(out))
}

fn broadcast_to(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("broadcast_to", &["x", "shape"], 2, sp)?;
    let x = array(tr, &b, "x")?;
    let shape = extents(&b, "shape", None)?;
    if arith::broadcast_shapes(&x.aval.shape, &shape).as_ref() != Some(&shape) {
        let to = x.aval.with_shape(&shape);
        return err(b.sp("shape"), format!("{} does not broadcast to {}", show(&x.aval), show(&to)));
    }
    Ok(Value::Array(tr.broadcast_to(&x, &shape, sp)?))
}

fn transpose(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("transpose", &["x", "axes"], 1, sp)?;
    let x = array(tr, &b, "x")?;
    let rank = x.aval.rank();
    let perm = match b.ints("axes")? {
        None => (0..rank).rev().collect(),
        Some(ints) => {
            let perm: Vec<usize> =
                ints.into_iter().map(|i| axis(i, rank, &show(&x.aval), b.sp("axes"))).collect::<R<_>>()?;
            perm
        }
    };
    same_weak(tr, &x, Transpose { perm }, sp)
}

fn moveaxis(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("moveaxis", &["x", "source", "destination"], 3, sp)?;
    let x = array(tr, &b, "x")?;
    let (rank, what) = (x.aval.rank(), show(&x.aval));
    let read = |p: &str| -> R<Vec<usize>> {
        b.ints(p)?.unwrap_or_default().into_iter().map(|i| axis(i, rank, &what, b.sp(p))).collect()
    };
    let (from, to) = (read("source")?, read("destination")?);
    if from.len() != to.len() {
        return err(sp, "`moveaxis` needs as many destinations as sources");
    }
    let mut perm: Vec<usize> = (0..rank).filter(|d| !from.contains(d)).collect();
    let mut moves: Vec<(usize, usize)> = to.into_iter().zip(from).collect();
    moves.sort_unstable();
    for (to, from) in moves {
        perm.insert(to.min(perm.len()), from);
    }
    same_weak(tr, &x, Transpose { perm }, sp)
}

fn swapaxes(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("swapaxes", &["x", "axis1", "axis2"], 3, sp)?;
    let x = array(tr, &b, "x")?;
    let (rank, what) = (x.aval.rank(), show(&x.aval));
    let (a, c) = (b.axis("axis1", rank, &what)?.unwrap_or(0), b.axis("axis2", rank, &what)?.unwrap_or(0));
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(a, c);
    same_weak(tr, &x, Transpose { perm }, sp)
}

fn expand_dims(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("expand_dims", &["x", "axis"], 2, sp)?;
    let x = array(tr, &b, "x")?;
    let at = b.ints("axis")?.unwrap_or_default();
    let rank = x.aval.rank() + at.len();
    let new: Vec<usize> = at.into_iter().map(|i| axis(i, rank, "the result", b.sp("axis"))).collect::<R<_>>()?;
    let mut old = x.aval.shape.iter();
    let shape = (0..rank).map(|d| if new.contains(&d) { 1 } else { *old.next().unwrap_or(&1) }).collect();
    same_weak(tr, &x, Reshape { shape }, sp)
}

fn squeeze(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("squeeze", &["x", "axis"], 1, sp)?;
    let x = array(tr, &b, "x")?;
    let drop = match b.get("axis") {
        None | Some(Value::Option(None)) => (0..x.aval.rank()).filter(|d| x.aval.shape[*d] == 1).collect(),
        Some(_) => b.axes("axis", x.aval.rank(), &show(&x.aval))?,
    };
    if let Some(d) = drop.iter().find(|d| x.aval.shape[**d] != 1) {
        return err(b.sp("axis"), format!("axis {d} of {} has extent {}, not 1", show(&x.aval), x.aval.shape[*d]));
    }
    let shape = (0..x.aval.rank()).filter(|d| !drop.contains(d)).map(|d| x.aval.shape[d]).collect();
    same_weak(tr, &x, Reshape { shape }, sp)
}

fn concatenate(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("concatenate", &["arrays", "axis", "dtype"], 1, sp)?;
    let items = match b.want("arrays") {
        Value::Tuple(items) | Value::List(items) => items.to_vec(),
        Value::Array(t) if t.aval.rank() > 0 => {
            (0..t.aval.shape[0]).map(|n| tr.item_at(&t, n, sp)).collect::<R<Vec<_>>>()?
        }
        other => {
            return err(b.sp("arrays"), format!("`concatenate` takes a tuple of arrays, found {}", other.describe()));
        }
    };
    if items.is_empty() {
        return err(b.sp("arrays"), "`concatenate` of nothing");
    }
    let mut parts = tr.promote("concatenate", &items, sp)?;
    if matches!(b.get("axis"), Some(Value::Option(None))) {
        for t in &mut parts {
            *t = tr.bind1(Reshape { shape: vec![t.aval.size()] }, &[t], sp)?;
        }
    }
    if parts[0].aval.rank() == 0 {
        return err_help(
            b.sp("arrays"),
            "`concatenate` needs arrays with axes, found scalars",
            "write `[a, b]` or `stack((a, b))`",
        );
    }
    let axis = b.axis("axis", parts[0].aval.rank(), &show(&parts[0].aval))?.unwrap_or(0);
    let refs: Vec<&Traced> = parts.iter().collect();
    let out = tr.bind1(Concatenate { axis }, &refs, sp)?;
    let dtype = dtype_arg(&b, out.aval.dtype)?;
    Ok(Value::Array(if dtype == out.aval.dtype { out } else { tr.convert(&out, dtype, sp)? }))
}

fn split(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("split", &["x", "sections", "axis"], 2, sp)?;
    let x = array(tr, &b, "x")?;
    let axis = b.axis("axis", x.aval.rank(), &show(&x.aval))?.unwrap_or(0);
    let Some(&n) = x.aval.shape.get(axis) else { return err(b.sp("x"), "`split` of a scalar: it has no axes") };
    let cuts: Vec<usize> = match b.want("sections") {
        Value::Num(Num { value: Number::Int(k), .. }) => {
            let k = usize::try_from(k).unwrap_or(0);
            if k == 0 || n % k != 0 {
                return err(
                    b.sp("sections"),
                    format!("axis {axis} of {} does not split into {k} equal parts", show(&x.aval)),
                );
            }
            (0..=k).map(|i| i * (n / k)).collect()
        }
        v => {
            let Some(at) = static_ints(&v) else {
                return err(
                    b.sp("sections"),
                    format!("`sections` is a number or a tuple of indices, found {}", v.describe()),
                );
            };
            let mut cuts = vec![0];
            cuts.extend(at.into_iter().map(|i| (i.max(0) as usize).min(n)));
            cuts.push(n);
            cuts
        }
    };
    let parts = cuts
        .windows(2)
        .map(|w| {
            let op = Slice::along(&x.aval, axis, w[0], w[1].max(w[0]));
            tr.bind1(op, &[&x], sp).map(Value::Array)
        })
        .collect::<R<Vec<_>>>()?;
    Ok(Value::tuple(parts))
}

fn flip(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("flip", &["x", "axis"], 1, sp)?;
    let x = array(tr, &b, "x")?;
    let axes = b.axes("axis", x.aval.rank(), &show(&x.aval))?;
    same_weak(tr, &x, Rev { axes }, sp)
}

pub(super) fn dtype_arg(b: &Bound, default: DType) -> R<DType> {
    match b.get("dtype") {
        None | Some(Value::Option(None)) => Ok(default),
        Some(Value::DType(d)) => Ok(*d),
        Some(other) => err_help(
            b.sp("dtype"),
            format!("`dtype` is a dtype, found {}", other.describe()),
            "write it as in Rust: `dtype = u8`",
        ),
    }
}

fn filled(tr: &mut Tracer<'_>, name: &str, x: f64, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, &["shape", "dtype"], 1, sp)?;
    let aval = Aval::new(dtype_arg(&b, DType::F32)?, &extents(&b, "shape", None)?);
    Ok(Value::Array(tr.constant(Array::full(&aval, Scalar::from_f64(aval.dtype, x)), sp)))
}

fn full(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("full", &["shape", "fill_value", "dtype"], 2, sp)?;
    let shape = extents(&b, "shape", None)?;
    if let Value::Num(n) = b.want("fill_value") {
        if n.dtype.is_none() && matches!(b.get("dtype"), None | Some(Value::Option(None))) {
            // As in JAX, as weak as what it is filled with.
            let x = tr.number(n, sp);
            return Ok(Value::Array(tr.broadcast_to(&x, &shape, sp)?));
        }
        let default = n.dtype.unwrap_or(if matches!(n.value, Number::Int(_)) { DType::I32 } else { DType::F32 });
        let aval = Aval::new(dtype_arg(&b, default)?, &shape);
        return Ok(Value::Array(tr.constant(Array::full(&aval, scalar(n.value, aval.dtype)), sp)));
    }
    let x = array(tr, &b, "fill_value")?;
    let dtype = dtype_arg(&b, x.aval.dtype)?;
    let x = if x.aval.dtype == dtype { x } else { tr.convert(&x, dtype, sp)? };
    Ok(Value::Array(tr.broadcast_to(&x, &shape, sp)?))
}

fn arange(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("arange", &["start", "stop", "step", "dtype"], 1, sp)?;
    let read = |p: &str| -> R<Option<Number>> {
        match b.get(p) {
            None | Some(Value::Option(None)) => Ok(None),
            Some(Value::Num(n)) => Ok(Some(n.value)),
            Some(other) => err(b.sp(p), format!("`arange` needs static numbers, found {}", other.describe())),
        }
    };
    let (first, stop, step) = (read("start")?, read("stop")?, read("step")?.unwrap_or(Number::Int(1)));
    let (start, stop) = match (first, stop) {
        (Some(a), Some(b)) => (a, b),
        (Some(b), None) => (Number::Int(0), b),
        _ => return err(sp, "`arange` needs an end"),
    };
    let float = [start, stop, step].iter().any(|n| matches!(n, Number::Float(_)));
    let dtype = dtype_arg(&b, if float { DType::F32 } else { DType::I32 })?;
    if step.to_f64() == 0.0 {
        return err(b.sp("step"), "`arange` needs a step that is not zero");
    }
    let n = ((stop.to_f64() - start.to_f64()) / step.to_f64()).ceil().max(0.0) as usize;
    let aval = Aval::new(dtype, &[n]);
    if let (Number::Int(start), Number::Int(step)) = (start, step) {
        return super::arrays::integers(tr, start, step, n, dtype, sp);
    }
    let data = (0..n)
        .map(|k| match (start, step) {
            (Number::Int(a), Number::Int(s)) => Scalar::from_i128(dtype, a + s * k as i128),
            _ => Scalar::from_f64(dtype, start.to_f64() + step.to_f64() * k as f64),
        })
        .collect();
    Ok(Value::Array(tr.constant(Array::new(aval, data), sp)))
}

fn astype(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("astype", &["x", "dtype"], 2, sp)?;
    let dtype = dtype_arg(&b, DType::F32)?;
    tr.as_dtype(&b.want("x"), dtype, sp)
}

fn shape(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let x = one(tr, "shape", args, sp)?;
    if x.aval.rank() == 0 {
        return Ok(Value::Unit);
    }
    Ok(Value::tuple(x.aval.shape.iter().map(|n| Value::size(*n)).collect()))
}

/// What becomes of indices beyond the end. Without a word they clamp, as everywhere in the language.
fn index_mode(tr: &mut Tracer<'_>, b: &Bound, idx: Traced, n: usize) -> R<(Traced, Option<Traced>)> {
    let mode = match b.get("mode") {
        None | Some(Value::Option(None)) => "clip".into(),
        Some(Value::Str(mode)) => mode.clone(),
        Some(other) => return err(b.sp("mode"), format!("`mode` is a text, found {}", other.describe())),
    };
    let sp = b.call();
    let (index, size) = (Value::Array(idx.clone()), Value::size(n));
    match &*mode {
        "clip" => Ok((idx, None)),
        "wrap" => {
            let wrapped = tr.call_builtin("mod_", Args::of(vec![index, size], sp), sp, true)?;
            Ok((tr.to_traced(&wrapped, None, sp)?, None))
        }
        "fill" => {
            let low = tr.binary(BinOp::Ge, &index, &Value::int(-(n as i128)), sp)?;
            let high = tr.binary(BinOp::Lt, &index, &size, sp)?;
            let inside = tr.binary(BinOp::And, &low, &high, sp)?;
            Ok((idx, Some(tr.to_traced(&inside, None, sp)?)))
        }
        other => err_help(
            b.sp("mode"),
            format!("`{}` has no mode {other:?}", b.name()),
            "there are \"clip\", \"wrap\" and \"fill\"",
        ),
    }
}

/// What stands where an index is outside: NaN, or the smallest integer as in JAX.
pub fn filled_in(tr: &mut Tracer<'_>, b: &Bound, out: Traced, inside: Traced) -> R<Value> {
    let sp = b.call();
    let fill = match (b.get("fill_value"), out.aval.dtype) {
        (Some(v), _) if !matches!(v, Value::Option(None)) => v.clone(),
        (_, d) if d.is_inexact() => Value::float(f64::NAN),
        (_, DType::Bool) => Value::Bool(true),
        (_, d) if d.is_unsigned() => Value::int(d.int_range().1),
        (_, d) => Value::int(d.int_range().0),
    };
    tr.call_builtin("where_", Args::of(vec![Value::Array(inside), Value::Array(out), fill], sp), sp, true)
}

const TAKE: &[&str] = &["arr", "indices", "axis", "mode", "fill_value"];

/// Picks along an axis, with an index per position: as JAX, or with an index array one rank lower, which drops the axis.
fn take_along_axis(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("take_along_axis", TAKE, 2, sp)?;
    let mut x = array(tr, &b, "arr")?;
    let idx = array(tr, &b, "indices")?;
    // Without an axis, of the flattened array.
    let axis = match b.axis("axis", x.aval.rank(), &show(&x.aval))? {
        Some(a) => a,
        None if matches!(b.get("axis"), Some(Value::Option(None))) => {
            x = tr.bind1(Reshape { shape: vec![x.aval.size()] }, &[&x], sp)?;
            0
        }
        None if b.get("mode").is_none() => 0,
        None => x.aval.rank().saturating_sub(1),
    };
    let n = x.aval.shape.get(axis).copied().unwrap_or(1);
    let (idx, inside) = index_mode(tr, &b, idx, n)?;
    let out = tr.take_along_axis(&x, &idx, axis, sp)?;
    match inside {
        None => Ok(out),
        Some(inside) => {
            let out = tr.to_traced(&out, None, sp)?;
            filled_in(tr, &b, out, inside)
        }
    }
}

/// `take(a, indices, axis)`: slices at the indices.
fn take(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let params = &["a", "indices", "axis", "out", "mode", "unique_indices", "indices_are_sorted", "fill_value"];
    let b = args.bind("take", params, 2, sp)?;
    let mut x = array(tr, &b, "a")?;
    let idx = array(tr, &b, "indices")?;
    let axis = match b.axis("axis", x.aval.rank(), &show(&x.aval))? {
        Some(a) => a,
        None => {
            x = tr.bind1(Reshape { shape: vec![x.aval.size()] }, &[&x], sp)?;
            0
        }
    };
    let n = x.aval.shape.get(axis).copied().unwrap_or(1);
    let (idx, inside) = index_mode(tr, &b, idx, n)?;
    let out = tr.take(&x, &idx, axis, sp)?;
    match inside {
        None => Ok(out),
        Some(inside) => {
            let out = tr.to_traced(&out, None, sp)?;
            // The index's axes stand where the picked axis stood.
            let shape = [vec![1; axis], inside.aval.shape.clone(), vec![1; x.aval.rank() - axis - 1]].concat();
            let inside = tr.bind1(Reshape { shape }, &[&inside], sp)?;
            filled_in(tr, &b, out, inside)
        }
    }
}

pub(super) fn axis_or_flat(tr: &mut Tracer<'_>, b: &Bound, x: Traced) -> R<(Traced, usize)> {
    match b.axis("axis", x.aval.rank(), &show(&x.aval))? {
        Some(a) => Ok((x, a)),
        None => Ok((tr.bind1(Reshape { shape: vec![x.aval.size()] }, &[&x], b.call())?, 0)),
    }
}
