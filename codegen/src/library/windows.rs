//! Folds of windows and along axes by a function: pooling, `lax.reduce_window`, `lax.reduce`.

use std::rc::Rc;

use crate::array::Array;
use crate::diag::Diag;
use crate::dtype::{DType, Scalar};
use crate::graph::Aval;
use crate::library::convolution::{Along, padding, per_axis};
use crate::library::intrinsics::{array, to_float};
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::pad::dilated;
use crate::ops::reduce_window::WindowOp;
use crate::ops::windows::Windows;
use crate::ops::{
    Add, And, Div, Gather, Iota, Max, Min, Mul, Op, Or, Pad, ReduceAnd, ReduceMax, ReduceMin, ReduceOr, ReduceProd,
    ReduceSum, ReduceWindow, Reshape, Transpose, Xor,
};
use crate::parse::spans::Sp;
use crate::trace::args::{Args, Bound};
use crate::trace::value::{FnValue, Traced, Value, show};
use crate::trace::{R, Tracer, err, err_help, tree};

/// Intrinsics of this file.
pub const TABLE: super::Table = &[
    ("max_pool", |tr, a, sp| pool(tr, "max_pool", WindowOp::Max, a, sp)),
    ("min_pool", |tr, a, sp| pool(tr, "min_pool", WindowOp::Min, a, sp)),
    ("avg_pool", |tr, a, sp| pool(tr, "avg_pool", WindowOp::Sum, a, sp)),
    ("reduce_window", reduce_window),
    ("lax_reduce", reduce),
    ("_is_bool", |tr, a, sp| {
        Ok(Value::Bool(crate::library::intrinsics::one(tr, "_is_bool", a, sp)?.aval.dtype == DType::Bool))
    }),
];

/// `max_pool(x, window_shape, strides, padding)` and its kin, as in flax: the window slides along the axes before the last
/// one, or along those that `dimension_numbers` calls neither `N` nor `C`.
fn pool(tr: &mut Tracer<'_>, name: &str, op: WindowOp, args: Args, sp: Sp) -> R<Value> {
    let all = ["x", "window_shape", "strides", "padding", "dimension_numbers", "count_include_pad"];
    let b = args.bind(name, if op == WindowOp::Sum { &all } else { &all[..5] }, 2, sp)?;
    let mut x = array(tr, &b, "x")?;
    let rank = x.aval.rank();
    let at = b.sp("window_shape");
    let slid: Vec<usize> = match b.get("dimension_numbers") {
        Some(Value::Str(s)) => {
            let letters: Vec<char> = s.chars().collect();
            if letters.len() != rank {
                let text = format!("{s:?} does not name the {rank} axes of {}", show(&x.aval));
                return err_help(b.sp("dimension_numbers"), text, "every axis has its letter once, as in \"NCHW\"");
            }
            (0..rank).filter(|d| !"NC".contains(letters[*d])).collect()
        }
        None | Some(Value::Option(None)) => {
            let n = match b.ints("window_shape")? {
                Some(ints) if !matches!(b.get("window_shape"), Some(Value::Num(_))) => ints.len(),
                _ => rank.saturating_sub(2),
            };
            if n + 1 > rank {
                let mut d = Diag::at(
                    at,
                    format!("a window over {n} axes and the features need {} axes, found {}", n + 1, show(&x.aval)),
                );
                d.notes = vec![tr.origin(&x)];
                return Err(d.into());
            }
            (rank - 1 - n..rank - 1).collect()
        }
        Some(other) => {
            let text = format!("`dimension_numbers` is a string with a letter per axis, found {}", other.describe());
            return err_help(b.sp("dimension_numbers"), text, "write `dimension_numbers = \"NCHW\"`");
        }
    };
    let (window, strides) = (per_axis(&b, "window_shape", slid.len())?, per_axis(&b, "strides", slid.len())?);
    let along: Vec<Along> = (0..slid.len())
        .map(|s| Along { places: x.aval.shape[slid[s]], window: window[s], stride: strides[s] })
        .collect();
    let pads = padding(&b, &along, "VALID")?;
    let mut windows = Windows::new(&vec![1; rank], &vec![1; rank]);
    for (s, d) in slid.iter().enumerate() {
        (windows.window[*d], windows.strides[*d]) = (window[s], strides[s]);
        (windows.lo[*d], windows.hi[*d]) = pads[s];
    }
    check_fit(tr, &windows, &x, at)?;
    if op != WindowOp::Sum {
        return Ok(Value::Array(folded(tr, op, windows, &x, sp)?));
    }
    x = to_float(tr, &x, sp)?;
    let total = folded(tr, op, windows.clone(), &x, sp)?;
    let count = match b.bool("count_include_pad", true)? {
        true => {
            let n: usize = window.iter().product();
            Array::full(&total.aval, Scalar::from_f64(x.aval.dtype, n as f64))
        }
        // How many elements every window sees is known here.
        false => Array::from_fn(&total.aval, |y| {
            let seen = crate::array::indices(&windows.window).filter(|k| windows.at(&x.aval.shape, y, k).is_some());
            Scalar::from_f64(x.aval.dtype, seen.count() as f64)
        }),
    };
    let count = tr.constant(count, sp);
    Ok(Value::Array(tr.bind1(Div, &[&total, &count], sp)?))
}

fn folded(tr: &mut Tracer<'_>, op: WindowOp, windows: Windows, x: &Traced, sp: Sp) -> R<Traced> {
    let mut out = tr.bind1(ReduceWindow { op, windows }, &[x], sp)?;
    out.weak = x.weak;
    Ok(out)
}

/// A window that fits nowhere is a mistake.
fn check_fit(tr: &Tracer<'_>, w: &Windows, x: &Traced, at: Sp) -> R<()> {
    for (d, n) in x.aval.shape.iter().enumerate() {
        let places = dilated(*n, w.base_dilation[d] - 1) as i64 + w.lo[d] + w.hi[d];
        let window = dilated(w.window[d], w.window_dilation[d] - 1) as i64;
        if window > places {
            let mut e = Diag::at(
                at,
                format!("a window of {window} does not fit: axis {d} of {} has {places} places", show(&x.aval)),
            );
            e.notes = vec![tr.origin(x)];
            return Err(e.help("pad, as in `padding = \"SAME\"`").into());
        }
    }
    Ok(())
}

/// The primitive of two elements that `f` is, if it is one whose order does not matter.
fn known_combination(tr: &mut Tracer<'_>, f: &Rc<FnValue>, dtype: DType, sp: Sp) -> R<Option<Op>> {
    let zero = tr.constant(Array::scalar(Scalar::zero(dtype)), sp);
    let scalars = [Value::Array(zero.clone()), Value::Array(zero)];
    let f = f.clone();
    let sub = tr.subgraph("", &scalars, move |tr, inner| {
        let out = tr.apply(&f, inner, sp)?;
        Ok(Value::Array(tr.to_traced(&out, Some(dtype), sp)?))
    })?;
    let g = &sub.graph;
    let [eqn] = &g.eqns[..] else { return Ok(None) };
    let reads_both =
        sub.captures.is_empty() && eqn.inputs.len() == 2 && g.inputs.iter().all(|v| eqn.inputs.contains(v));
    let is = |op: &Op| {
        op.downcast::<Add>().is_some()
            || op.downcast::<Mul>().is_some()
            || op.downcast::<Max>().is_some()
            || op.downcast::<Min>().is_some()
            || op.downcast::<And>().is_some()
            || op.downcast::<Or>().is_some()
            || op.downcast::<Xor>().is_some()
    };
    Ok((reads_both && g.outputs == eqn.outputs && is(&eqn.op)).then(|| eqn.op.clone()))
}

/// The element that changes nothing in a fold by `op`.
fn identity(op: &Op, dtype: DType) -> Option<Scalar> {
    let range = |low: bool| match dtype {
        DType::Bool => Scalar::Bool(!low),
        d if d.is_float() => Scalar::from_f64(d, if low { f64::NEG_INFINITY } else { f64::INFINITY }),
        d if d.is_int() => Scalar::from_i128(d, if low { d.int_range().0 } else { d.int_range().1 }),
        d => Scalar::zero(d),
    };
    if op.downcast::<Add>().is_some() || op.downcast::<Xor>().is_some() || op.downcast::<Or>().is_some() {
        return Some(Scalar::zero(dtype));
    }
    if op.downcast::<Mul>().is_some() {
        return Some(Scalar::one(dtype));
    }
    if op.downcast::<Max>().is_some() || op.downcast::<Min>().is_some() {
        return Some(range(op.downcast::<Max>().is_some()));
    }
    op.downcast::<And>().map(|_| match dtype {
        DType::Bool => Scalar::Bool(true),
        d if d.is_signed() => Scalar::from_i128(d, -1),
        d => Scalar::from_i128(d, d.int_range().1),
    })
}

/// Whether `init` is a constant that changes nothing.
fn is_identity(tr: &mut Tracer<'_>, op: &Op, init: &Traced) -> bool {
    let var = tr.var(init);
    let Some(c) = tr.graph().as_constant(var) else { return false };
    identity(op, init.aval.dtype).is_some_and(|id| c.data().iter().all(|x| *x == id || (x.is_zero() && id.is_zero())))
}

/// The operands with their starting values, scalars of the same dtypes, and whether there is just one.
fn folded_operands(tr: &mut Tracer<'_>, b: &Bound, names: [&str; 2]) -> R<(Vec<Traced>, Vec<Traced>, bool)> {
    let (xs, inits) = (b.want(names[0]), b.want(names[1]));
    let single = !matches!(xs, Value::Tuple(_));
    let (xs, inits) = match single {
        true => (vec![xs], vec![inits]),
        false => (tree::children(&xs).unwrap_or(&[]).to_vec(), tree::children(&inits).unwrap_or(&[]).to_vec()),
    };
    if xs.len() != inits.len() || xs.is_empty() {
        let text =
            format!("`{}` needs a starting value for each of {} operands, found {}", b.name(), xs.len(), inits.len());
        return err(b.sp(names[1]), text);
    }
    let (mut arrays, mut starts) = (Vec::new(), Vec::new());
    for (x, init) in xs.iter().zip(&inits) {
        let init = tr.to_traced(init, None, b.sp(names[1]))?;
        if init.aval.rank() > 0 {
            return err(
                b.sp(names[1]),
                format!("the starting value of `{}` is a scalar, found {}", b.name(), show(&init.aval)),
            );
        }
        let x = tr.to_traced(x, None, b.sp(names[0]))?;
        let (x, init) = tr.promote2(b.name(), &Value::Array(x), &Value::Array(init), b.sp(names[1]))?;
        arrays.push(x);
        starts.push(init);
    }
    if let Some(x) = arrays.iter().find(|x| x.aval.shape != arrays[0].aval.shape) {
        let text = format!(
            "`{}` folds operands of one shape, found {} and {}",
            b.name(),
            show(&arrays[0].aval),
            show(&x.aval)
        );
        return err(b.sp(names[0]), text);
    }
    Ok((arrays, starts, single))
}

/// Folds the rows of `[rows, columns]` matrices by any function, from the first to the last.
fn fold_rows(
    tr: &mut Tracer<'_>,
    xs: &[Traced],
    inits: &[Traced],
    f: &Rc<FnValue>,
    inside: Option<Traced>,
    single: bool,
    sp: Sp,
) -> R<Vec<Traced>> {
    let all = |ts: &[Traced]| match (single, ts) {
        (true, [t]) => Value::Array(t.clone()),
        _ => Value::tuple(ts.iter().cloned().map(Value::Array).collect()),
    };
    let inside = inside.map_or(Value::none(), Value::Array);
    let args = Args::of(vec![all(xs), all(inits), Value::Fn(f.clone()), inside], sp);
    let out = tr.call_builtin("_fold_rows", args, sp, true)?;
    Ok(tree::leaves(&out))
}

fn together(outs: Vec<Traced>, single: bool) -> Value {
    let mut values: Vec<Value> = outs.into_iter().map(Value::Array).collect();
    if single { values.remove(0) } else { Value::tuple(values) }
}

/// `lax.reduce`: one primitive where the function is one that has a name, else a loop over the elements.
fn reduce(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("reduce", &["operands", "init_values", "computation", "dimensions"], 4, sp)?;
    let (xs, inits, single) = folded_operands(tr, &b, ["operands", "init_values"])?;
    let f = b.function("computation")?;
    let shape = xs[0].aval.shape.clone();
    let axes = b.axes("dimensions", shape.len(), &show(&xs[0].aval))?;
    if single && let Some(op) = known_combination(tr, &f, xs[0].aval.dtype, b.sp("computation"))? {
        let axes = axes.clone();
        let whole: Option<Op> = if op.downcast::<Add>().is_some() {
            Some(ReduceSum { axes }.into())
        } else if op.downcast::<Mul>().is_some() {
            Some(ReduceProd { axes }.into())
        } else if op.downcast::<Max>().is_some() {
            Some(ReduceMax { axes }.into())
        } else if op.downcast::<Min>().is_some() {
            Some(ReduceMin { axes }.into())
        } else if op.downcast::<And>().is_some() && xs[0].aval.dtype == DType::Bool {
            Some(ReduceAnd { axes }.into())
        } else if op.downcast::<Or>().is_some() && xs[0].aval.dtype == DType::Bool {
            Some(ReduceOr { axes }.into())
        } else {
            None
        };
        if let Some(whole) = whole {
            let out = tr.bind1(whole, &[&xs[0]], sp)?;
            if is_identity(tr, &op, &inits[0]) {
                return Ok(Value::Array(out));
            }
            let init = tr.broadcast_to(&inits[0], &out.aval.shape, sp)?;
            return Ok(Value::Array(tr.bind1(op, &[&init, &out], sp)?));
        }
    }
    let kept: Vec<usize> = (0..shape.len()).filter(|d| !axes.contains(d)).collect();
    let kept_shape: Vec<usize> = kept.iter().map(|d| shape[*d]).collect();
    let flat = vec![axes.iter().map(|d| shape[*d]).product(), kept_shape.iter().product()];
    let mut rows = Vec::new();
    for x in &xs {
        let perm = axes.iter().chain(&kept).copied().collect();
        let moved = tr.bind1(Transpose { perm }, &[x], sp)?;
        rows.push(tr.bind1(Reshape { shape: flat.clone() }, &[&moved], sp)?);
    }
    let outs = fold_rows(tr, &rows, &inits, &f, None, single, sp)?;
    let outs = outs.iter().map(|o| tr.bind1(Reshape { shape: kept_shape.clone() }, &[o], sp)).collect::<R<_>>()?;
    Ok(together(outs, single))
}

/// `lax.reduce_window`: a primitive for sums and extremes, else the windows as rows and a fold over these.
fn reduce_window(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let params = [
        "operand",
        "init_value",
        "computation",
        "window_dimensions",
        "window_strides",
        "padding",
        "base_dilation",
        "window_dilation",
    ];
    let b = args.bind("reduce_window", &params, 4, sp)?;
    let (xs, inits, single) = folded_operands(tr, &b, ["operand", "init_value"])?;
    let f = b.function("computation")?;
    let x = xs[0].clone();
    let n = x.aval.rank();
    let (window, strides) = (per_axis(&b, "window_dimensions", n)?, per_axis(&b, "window_strides", n)?);
    let (base, dilation) = (per_axis(&b, "base_dilation", n)?, per_axis(&b, "window_dilation", n)?);
    let along: Vec<Along> = (0..n)
        .map(|d| Along {
            places: dilated(x.aval.shape[d], base[d] - 1),
            window: dilated(window[d], dilation[d] - 1),
            stride: strides[d],
        })
        .collect();
    let pads = padding(&b, &along, "VALID")?;
    let windows = Windows {
        window,
        strides,
        lo: pads.iter().map(|p| p.0).collect(),
        hi: pads.iter().map(|p| p.1).collect(),
        base_dilation: base,
        window_dilation: dilation,
    };
    check_fit(tr, &windows, &x, b.sp("window_dimensions"))?;
    let known = if single { known_combination(tr, &f, x.aval.dtype, b.sp("computation"))? } else { None };
    if let Some(op) = &known
        && x.aval.dtype != DType::Bool
        && let Some(out) = known_window_fold(tr, op, &windows, &x, sp)?
    {
        if is_identity(tr, op, &inits[0]) {
            return Ok(Value::Array(out));
        }
        let init = tr.broadcast_to(&inits[0], &out.aval.shape, sp)?;
        return Ok(Value::Array(tr.bind1(op.clone(), &[&init, &out], sp)?));
    }
    let mut rows = Vec::new();
    for (x, init) in xs.iter().zip(&inits) {
        rows.push(window_rows(tr, &windows, x, init, sp)?);
    }
    // As in XLA, places without an element are not folded.
    let inside = tr.constant(Array::full(&x.aval.with_dtype(DType::Bool), Scalar::Bool(true)), sp);
    let outside = tr.constant(Array::scalar(Scalar::Bool(false)), sp);
    let inside = match pads.iter().all(|p| p.0 <= 0 && p.1 <= 0) && windows.base_dilation.iter().all(|k| *k == 1) {
        true => None,
        false => Some(window_rows(tr, &windows, &inside, &outside, sp)?),
    };
    let shape = windows.shape(&x.aval).unwrap_or_default();
    let outs = fold_rows(tr, &rows, &inits, &f, inside, single, sp)?;
    let outs = outs.iter().map(|o| tr.bind1(Reshape { shape: shape.clone() }, &[o], sp)).collect::<R<_>>()?;
    Ok(together(outs, single))
}

/// The fold of windows by a primitive, where there is a shorter way than one element after the other.
fn known_window_fold(tr: &mut Tracer<'_>, op: &Op, windows: &Windows, x: &Traced, sp: Sp) -> R<Option<Traced>> {
    let fold = if op.downcast::<Add>().is_some() {
        WindowOp::Sum
    } else if op.downcast::<Max>().is_some() {
        WindowOp::Max
    } else if op.downcast::<Min>().is_some() {
        WindowOp::Min
    } else if op.downcast::<Mul>().is_some() {
        let one = tr.constant(Array::scalar(Scalar::one(x.aval.dtype)), sp);
        let rows = window_rows(tr, windows, x, &one, sp)?;
        let products = tr.bind1(ReduceProd { axes: vec![0] }, &[&rows], sp)?;
        let shape = windows.shape(&x.aval).unwrap_or_default();
        return Ok(Some(tr.bind1(Reshape { shape }, &[&products], sp)?));
    } else {
        return Ok(None);
    };
    Ok(Some(folded(tr, fold, windows.clone(), x, sp)?))
}

/// A row per place in the window and a column per window; `init` stands where there is no element.
fn window_rows(tr: &mut Tracer<'_>, w: &Windows, x: &Traced, init: &Traced, sp: Sp) -> R<Traced> {
    let outer = w.shape(&x.aval).unwrap_or_default();
    let n = outer.len();
    let pad = Pad { lo: w.lo.clone(), hi: w.hi.clone(), interior: w.base_dilation.iter().map(|k| k - 1).collect() };
    let padded = tr.bind1(pad, &[x, init], sp)?;
    let (mut dims, mut index_dims, mut ins) = (Vec::new(), Vec::new(), vec![padded]);
    for (d, places) in outer.iter().enumerate() {
        let aval = Aval::new(DType::I32, &[w.window[d], *places]);
        let step = |tr: &mut Tracer<'_>, dimension: usize, by: usize| -> R<Traced> {
            let i = tr.bind1(Iota { aval: aval.clone(), dimension }, &[], sp)?;
            let by = tr.constant(Array::full(&aval, Scalar::I32(by as i32)), sp);
            tr.bind1(Mul, &[&i, &by], sp)
        };
        let (k, y) = (step(tr, 0, w.window_dilation[d])?, step(tr, 1, w.strides[d])?);
        ins.push(tr.bind1(Add, &[&k, &y], sp)?);
        dims.push(DimIx::index(d));
        index_dims.push(vec![d, n + d]);
    }
    let shape = [w.window.clone(), outer.clone()].concat();
    let coords = Coords { dims, index_dims, shape, mode: IndexMode::Clip };
    let all = tr.bind1(Gather { coords }, &ins.iter().collect::<Vec<_>>(), sp)?;
    let flat = vec![w.size(), outer.iter().product()];
    tr.bind1(Reshape { shape: flat }, &[&all], sp)
}
