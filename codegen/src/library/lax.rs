//! `jax.lax`: slices, padding and sorting as its functions spell them.

use crate::diag::Diag;
use crate::dtype::DType;
use crate::graph::Aval;
use crate::library::convolution::entries;
use crate::library::intrinsics::{array, extents, same_weak};
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::scatter::Combine;
use crate::ops::{Argsort, Barrier, BroadcastInDim, Gather, Iota, Pad, ReducePrecision, Reshape, Scatter, Slice, Sort};
use crate::parse::ast::BinOp;
use crate::parse::spans::Sp;
use crate::trace::args::{Args, Bound, axis, static_ints};
use crate::trace::value::{Num, Number, Traced, Value, show};
use crate::trace::{R, Tracer, err, err_help, tree};

/// Intrinsics of this file.
pub const TABLE: super::Table = &[
    ("lax_slice", slice),
    ("slice_in_dim", slice_in_dim),
    ("dynamic_slice", dynamic_slice),
    ("dynamic_slice_in_dim", dynamic_slice_in_dim),
    ("dynamic_update_slice", dynamic_update_slice),
    ("dynamic_update_slice_in_dim", dynamic_update_slice_in_dim),
    ("lax_pad", pad),
    ("broadcast_in_dim", broadcast_in_dim),
    ("lax_iota", iota),
    ("broadcasted_iota", broadcasted_iota),
    ("lax_split", split),
    ("collapse", collapse),
    ("select_n", select_n),
    ("lax_sort", sort),
    ("reduce_precision", reduce_precision),
    ("optimization_barrier", barrier),
];

/// A static integer per axis of `x`.
fn per_axis(b: &Bound, param: &str, x: &Traced) -> R<Vec<i128>> {
    let v = b.want(param);
    match static_ints(&v) {
        Some(ints) if ints.len() == x.aval.rank() => Ok(ints),
        Some(ints) => err(
            b.sp(param),
            format!("`{param}` has {} for the {} of {}", entries(ints.len()), axes(x.aval.rank()), show(&x.aval)),
        ),
        None => err_help(
            b.sp(param),
            format!("`{param}` takes static integers, found {}", v.describe()),
            "a slice that starts where only the run knows is a `dynamic_slice`",
        ),
    }
}

fn axes(n: usize) -> String {
    if n == 1 { "1 axis".into() } else { format!("{n} axes") }
}

fn slice(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("slice", &["operand", "start_indices", "limit_indices", "strides"], 3, sp)?;
    let x = array(tr, &b, "operand")?;
    let (start, limit) = (per_axis(&b, "start_indices", &x)?, per_axis(&b, "limit_indices", &x)?);
    let stride = match b.get("strides") {
        None | Some(Value::Option(None)) => vec![1; x.aval.rank()],
        Some(_) => per_axis(&b, "strides", &x)?,
    };
    for d in 0..x.aval.rank() {
        let n = x.aval.shape[d] as i128;
        if stride[d] < 1 {
            return Err(Diag::at(b.sp("strides"), format!("a stride is at least 1, found {}", stride[d]))
                .item(d)
                .into());
        }
        if start[d] < 0 || start[d] > limit[d] || limit[d] > n {
            let param = if limit[d] > n { "limit_indices" } else { "start_indices" };
            let text = format!(
                "the slice {}..{} is out of range: axis {d} of {} has {n} elements",
                start[d],
                limit[d],
                show(&x.aval)
            );
            let mut e = Diag::at(b.sp(param), text).item(d);
            e.notes = vec![tr.origin(&x)];
            return Err(e.into());
        }
    }
    let sizes = |v: Vec<i128>| v.into_iter().map(|i| i as usize).collect();
    same_weak(tr, &x, Slice { start: sizes(start), limit: sizes(limit), stride: sizes(stride) }, sp)
}

fn slice_in_dim(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("slice_in_dim", &["operand", "start_index", "limit_index", "stride", "axis"], 3, sp)?;
    let x = array(tr, &b, "operand")?;
    let Some(d) = b.axis("axis", x.aval.rank(), &show(&x.aval))?.or((x.aval.rank() > 0).then_some(0)) else {
        return err(b.sp("operand"), "a scalar has no axis to slice");
    };
    let n = x.aval.shape[d] as i128;
    // Negative ends count from the end, as in Python; those outside are moved inside.
    let end = |param: &str, default: i128| -> R<i128> {
        let i = b.int(param)?.unwrap_or(default);
        Ok((if i < 0 { i + n } else { i }).clamp(0, n))
    };
    let (lo, hi) = (end("start_index", 0)?, end("limit_index", n)?);
    let stride = b.int("stride")?.unwrap_or(1);
    if stride < 1 {
        return err(b.sp("stride"), format!("a stride is at least 1, found {stride}"));
    }
    let mut op = Slice::along(&x.aval, d, lo as usize, hi.max(lo) as usize);
    op.stride[d] = stride as usize;
    same_weak(tr, &x, op, sp)
}

/// Where a slice starts: a number per axis, static or known at run time.
fn starts(tr: &mut Tracer<'_>, b: &Bound, param: &str, x: &Traced) -> R<Vec<Value>> {
    let at = b.sp(param);
    let items: Vec<Value> = match b.want(param) {
        Value::Unit => Vec::new(),
        Value::Tuple(items) | Value::List(items) => items.to_vec(),
        Value::Array(t) if t.aval.rank() == 1 => {
            (0..t.aval.shape[0]).map(|n| tr.item_at(&t, n, at)).collect::<R<_>>()?
        }
        other => vec![other],
    };
    if items.len() != x.aval.rank() {
        let text =
            format!("`{param}` has {} for the {} of {}", entries(items.len()), axes(x.aval.rank()), show(&x.aval));
        return err_help(at, text, "give a start for every axis, as in `(i, 0)`");
    }
    Ok(items)
}

/// The map from windows to the array: an axis that is taken whole starts at 0 wherever it is asked to.
fn window_at(tr: &mut Tracer<'_>, x: &Traced, starts: &[Value], sizes: &[usize], at: Sp) -> R<(Coords, Vec<Traced>)> {
    let (mut dims, mut indices) = (Vec::new(), Vec::new());
    for (d, (start, size)) in starts.iter().zip(sizes).enumerate() {
        let n = x.aval.shape[d];
        let i = tr.to_traced(start, None, at)?;
        if !i.aval.dtype.is_int() || i.aval.rank() > 0 {
            let mut e = Diag::at(at, format!("the start of a slice is an integer, found {}", show(&i.aval))).item(d);
            e.notes = vec![tr.origin(&i)];
            return Err(e.into());
        }
        if *size == n {
            dims.push(DimIx::window(d));
        } else {
            dims.push(DimIx::slice(indices.len(), d));
            indices.push(tr.wrap_negative(&i, n, at)?);
        }
    }
    let index_dims = vec![Vec::new(); indices.len()];
    Ok((Coords { dims, index_dims, shape: sizes.to_vec(), mode: IndexMode::Clip }, indices))
}

fn sliced(tr: &mut Tracer<'_>, x: &Traced, starts: &[Value], sizes: &[usize], at: Sp, sp: Sp) -> R<Value> {
    if let Some(ints) = static_ints(&Value::tuple(starts.to_vec())) {
        let start: Vec<usize> = (0..sizes.len())
            .map(|d| {
                let n = x.aval.shape[d] as i128;
                let i = if ints[d] < 0 { ints[d] + n } else { ints[d] };
                i.clamp(0, n - sizes[d] as i128) as usize
            })
            .collect();
        let limit = start.iter().zip(sizes).map(|(s, n)| s + n).collect();
        return same_weak(tr, x, Slice { start, limit, stride: vec![1; sizes.len()] }, sp);
    }
    let (coords, indices) = window_at(tr, x, starts, sizes, at)?;
    let ins: Vec<&Traced> = std::iter::once(x).chain(&indices).collect();
    let mut out = tr.bind1(Gather { coords }, &ins, sp)?;
    out.weak = x.weak;
    Ok(Value::Array(out))
}

fn dynamic_slice(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("dynamic_slice", &["operand", "start_indices", "slice_sizes"], 3, sp)?;
    let x = array(tr, &b, "operand")?;
    let starts = starts(tr, &b, "start_indices", &x)?;
    let mut sizes = Vec::new();
    for (d, n) in per_axis(&b, "slice_sizes", &x)?.into_iter().enumerate() {
        sizes.push(size(tr, &x, d, n, b.sp("slice_sizes"), Some(d))?);
    }
    sliced(tr, &x, &starts, &sizes, b.sp("start_indices"), sp)
}

/// A number of elements that axis `d` has.
fn size(tr: &Tracer<'_>, x: &Traced, d: usize, n: i128, at: Sp, item: Option<usize>) -> R<usize> {
    match usize::try_from(n).ok().filter(|n| *n <= x.aval.shape[d]) {
        Some(n) => Ok(n),
        None => {
            let text = format!("{n} elements cannot be taken from axis {d} of {}", show(&x.aval));
            let mut e = Diag::at(at, text);
            e.item = item;
            e.notes = vec![tr.origin(x)];
            Err(e.into())
        }
    }
}

/// The axis that `axis` names, the first unless given.
fn one_axis(b: &Bound, x: &Traced) -> R<usize> {
    if x.aval.rank() == 0 {
        return err(b.sp("operand"), "a scalar has no axis to slice");
    }
    Ok(b.axis("axis", x.aval.rank(), &show(&x.aval))?.unwrap_or(0))
}

fn start_along(x: &Traced, d: usize, start: Value) -> Vec<Value> {
    (0..x.aval.rank()).map(|k| if k == d { start.clone() } else { Value::int(0) }).collect()
}

fn dynamic_slice_in_dim(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("dynamic_slice_in_dim", &["operand", "start_index", "slice_size", "axis"], 3, sp)?;
    let x = array(tr, &b, "operand")?;
    let d = one_axis(&b, &x)?;
    let Some(n) = b.int("slice_size")? else { return err(b.sp("slice_size"), "`slice_size` is a static integer") };
    let mut sizes = x.aval.shape.clone();
    sizes[d] = size(tr, &x, d, n, b.sp("slice_size"), None)?;
    sliced(tr, &x, &start_along(&x, d, b.want("start_index")), &sizes, b.sp("start_index"), sp)
}

fn updated(tr: &mut Tracer<'_>, b: &Bound, starts: &[Value], param: &str, x: &Traced, update: &Traced) -> R<Value> {
    if update.aval.rank() != x.aval.rank() || update.aval.shape.iter().zip(&x.aval.shape).any(|(m, n)| m > n) {
        let text = format!("`{}` cannot put {} into {}", b.name(), show(&update.aval), show(&x.aval));
        let mut d = Diag::at(b.sp("update"), text);
        d.notes = vec![tr.origin_as(x, "operand"), tr.origin_as(update, "update")];
        return Err(d.help("the update has as many axes as the array, and is nowhere larger").into());
    }
    let (coords, indices) = window_at(tr, x, starts, &update.aval.shape, b.sp(param))?;
    let ins: Vec<&Traced> = std::iter::once(x).chain(&indices).chain([update]).collect();
    Ok(Value::Array(tr.bind1(Scatter { coords, combine: Combine::Set }, &ins, b.call())?))
}

/// Operand and update of one dtype.
fn with_update(tr: &mut Tracer<'_>, b: &Bound) -> R<(Traced, Traced)> {
    let (x, update) = (array(tr, b, "operand")?, array(tr, b, "update")?);
    tr.promote2(b.name(), &Value::Array(x), &Value::Array(update), b.sp("update"))
}

fn dynamic_update_slice(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("dynamic_update_slice", &["operand", "update", "start_indices"], 3, sp)?;
    let (x, update) = with_update(tr, &b)?;
    let starts = starts(tr, &b, "start_indices", &x)?;
    updated(tr, &b, &starts, "start_indices", &x, &update)
}

fn dynamic_update_slice_in_dim(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("dynamic_update_slice_in_dim", &["operand", "update", "start_index", "axis"], 4, sp)?;
    let (x, update) = with_update(tr, &b)?;
    let d = one_axis(&b, &x)?;
    updated(tr, &b, &start_along(&x, d, b.want("start_index")), "start_index", &x, &update)
}

/// `lax.pad(operand, padding_value, ((lo, hi, interior), ..))`.
fn pad(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("pad", &["operand", "padding_value", "padding_config"], 3, sp)?;
    let (x, value) = (array(tr, &b, "operand")?, array(tr, &b, "padding_value")?);
    let (x, value) = tr.promote2("pad", &Value::Array(x), &Value::Array(value), b.sp("padding_value"))?;
    if value.aval.rank() > 0 {
        return err(
            b.sp("padding_value"),
            format!("what an array is padded with is a scalar, found {}", show(&value.aval)),
        );
    }
    let config = b.want("padding_config");
    let at = b.sp("padding_config");
    let items = match &config {
        Value::Tuple(items) | Value::List(items) => items.to_vec(),
        Value::Unit => Vec::new(),
        _ => vec![config.clone()],
    };
    let triples: Option<Vec<[i128; 3]>> = items.iter().map(|v| <[i128; 3]>::try_from(static_ints(v)?).ok()).collect();
    let Some(triples) = triples.filter(|t| t.len() == x.aval.rank()) else {
        return err_help(
            at,
            format!(
                "`padding_config` has `(low, high, interior)` for each of {}, found {}",
                axes(x.aval.rank()),
                config.describe()
            ),
            "write `((1, 1, 0), (0, 2, 0))` for a matrix",
        );
    };
    let mut op = Pad { lo: Vec::new(), hi: Vec::new(), interior: Vec::new() };
    for (d, [lo, hi, interior]) in triples.into_iter().enumerate() {
        let Ok(gap) = usize::try_from(interior) else {
            return Err(Diag::at(at, format!("interior padding is not negative, found {interior}")).item(d).into());
        };
        let extent = lo + hi + crate::ops::pad::dilated(x.aval.shape[d], gap) as i128;
        if extent < 0 {
            let text = format!(
                "axis {d} of {} has fewer than {} elements to cut off",
                show(&x.aval),
                -(lo.min(0) + hi.min(0))
            );
            return Err(Diag::at(at, text).item(d).into());
        }
        op.lo.push(lo as i64);
        op.hi.push(hi as i64);
        op.interior.push(gap);
    }
    let mut out = tr.bind1(op, &[&x, &value], sp)?;
    out.weak = x.weak;
    Ok(Value::Array(out))
}

fn broadcast_in_dim(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("broadcast_in_dim", &["operand", "shape", "broadcast_dimensions"], 3, sp)?;
    let x = array(tr, &b, "operand")?;
    let shape = extents(&b, "shape", None)?;
    let at = b.sp("broadcast_dimensions");
    let to = x.aval.with_shape(&shape);
    let given = b.ints("broadcast_dimensions")?.unwrap_or_default();
    let dims: Vec<usize> = given.into_iter().map(|i| axis(i, shape.len(), &show(&to), at)).collect::<R<_>>()?;
    if dims.len() != x.aval.rank() || !dims.windows(2).all(|w| w[0] < w[1]) {
        return err_help(
            at,
            format!("`broadcast_dimensions` says where each of {} goes, in increasing order", axes(x.aval.rank())),
            format!("write as many axes of {} as {} has", show(&to), show(&x.aval)),
        );
    }
    if let Some((k, d)) = dims.iter().enumerate().find(|(k, d)| ![1, shape[**d]].contains(&x.aval.shape[*k])) {
        let text = format!("axis {k} of {} cannot go along axis {d} of {}", show(&x.aval), show(&to));
        return Err(Diag::at(at, text).item(k).into());
    }
    same_weak(tr, &x, BroadcastInDim { shape, dims }, sp)
}

fn dtype_of(b: &Bound, param: &str) -> R<DType> {
    match b.want(param) {
        Value::DType(d) => Ok(d),
        other => err_help(
            b.sp(param),
            format!("`{param}` is a dtype, found {}", other.describe()),
            "write it as in Rust: `u8`",
        ),
    }
}

fn iota(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("iota", &["dtype", "size"], 2, sp)?;
    let shape = extents(&b, "size", None)?;
    Ok(Value::Array(tr.bind1(Iota { aval: Aval::new(dtype_of(&b, "dtype")?, &shape), dimension: 0 }, &[], sp)?))
}

fn broadcasted_iota(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("broadcasted_iota", &["dtype", "shape", "dimension"], 3, sp)?;
    let shape = extents(&b, "shape", None)?;
    let aval = Aval::new(dtype_of(&b, "dtype")?, &shape);
    let Some(dimension) = b.axis("dimension", shape.len(), &show(&aval))? else {
        return err(b.sp("dimension"), "`dimension` is a static integer");
    };
    Ok(Value::Array(tr.bind1(Iota { aval, dimension }, &[], sp)?))
}

/// `lax.split(operand, sizes, axis)`: the parts' extents, which add up to that of the axis.
fn split(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("split", &["operand", "sizes", "axis"], 2, sp)?;
    let x = array(tr, &b, "operand")?;
    let d = one_axis(&b, &x)?;
    let sizes = extents(&b, "sizes", None)?;
    let n = x.aval.shape[d];
    if sizes.iter().sum::<usize>() != n {
        let total: usize = sizes.iter().sum();
        let text = format!("the parts have {total} elements, axis {d} of {} has {n}", show(&x.aval));
        return err(b.sp("sizes"), text);
    }
    let mut at = 0;
    let mut parts = Vec::new();
    for size in sizes {
        parts.push(same_weak(tr, &x, Slice::along(&x.aval, d, at, at + size), sp)?);
        at += size;
    }
    Ok(Value::tuple(parts))
}

/// Axes from `start_dimension` to before `stop_dimension` as one.
fn collapse(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("collapse", &["operand", "start_dimension", "stop_dimension"], 2, sp)?;
    let x = array(tr, &b, "operand")?;
    let rank = x.aval.rank() as i128;
    let end = |param: &str, default: i128| -> R<usize> {
        let i = b.int(param)?.unwrap_or(default);
        Ok((if i < 0 { i + rank } else { i }).clamp(0, rank) as usize)
    };
    let (lo, hi) = (end("start_dimension", 0)?, end("stop_dimension", rank)?);
    if hi <= lo {
        return err(b.sp("stop_dimension"), format!("there are no axes from {lo} to before {hi} of {}", show(&x.aval)));
    }
    let s = &x.aval.shape;
    let shape = [&s[..lo], &[s[lo..hi].iter().product()], &s[hi..]].concat();
    same_weak(tr, &x, Reshape { shape }, sp)
}

/// `lax.select_n(which, case0, case1, ..)`: elements of the case that `which` numbers; of two cases, `which` may be bools.
fn select_n(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    if let Some((name, _, _)) = args.kw.first() {
        return err(name.sp, "`select_n` takes its arguments by position");
    }
    let [(which, at), cases @ ..] = &args.pos[..] else {
        return err_help(sp, "`select_n` needs what to select by", "write `select_n(which, on_0, on_1)`");
    };
    if cases.is_empty() {
        return err_help(sp, "`select_n` needs cases", "write `select_n(which, on_0, on_1)`");
    }
    let w = tr.to_traced(which, None, *at)?;
    let is_bool = w.aval.dtype == DType::Bool;
    if is_bool && cases.len() != 2 || !is_bool && !w.aval.dtype.is_int() {
        return err_help(
            *at,
            format!("`select_n` of {} cases cannot select by {}", cases.len(), show(&w.aval)),
            "bools select one of two cases, integers one of any number",
        );
    }
    let select = |tr: &mut Tracer<'_>, c: Value, x: Value, y: Value| {
        tr.call_builtin("where_", Args::of(vec![c, x, y], sp), sp, true)
    };
    if is_bool {
        return select(tr, Value::Array(w), cases[1].0.clone(), cases[0].0.clone());
    }
    let mut out = cases[cases.len() - 1].0.clone();
    for (k, (case, _)) in cases.iter().enumerate().rev().skip(1) {
        let here = tr.binary(BinOp::Le, &Value::Array(w.clone()), &Value::int(k as i128), sp)?;
        out = select(tr, here, case.clone(), out)?;
    }
    Ok(out)
}

/// The elements of `x` at `places` along axis `d`.
fn picked(tr: &mut Tracer<'_>, x: &Traced, places: &Traced, d: usize, sp: Sp) -> R<Traced> {
    let rank = x.aval.rank();
    let dims = (0..rank).map(|k| if k == d { DimIx::index(0) } else { DimIx::window(k) }).collect();
    let coords =
        Coords { dims, index_dims: vec![(0..rank).collect()], shape: x.aval.shape.clone(), mode: IndexMode::Clip };
    tr.bind1(Gather { coords }, &[x, places], sp)
}

/// `lax.sort`: one array, or several of one shape in the order of the first `num_keys`.
fn sort(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("sort", &["operand", "dimension", "is_stable", "num_keys"], 1, sp)?;
    b.bool("is_stable", true)?;
    let given = b.want("operand");
    let single = !matches!(given, Value::Tuple(_));
    let items = if single { vec![given] } else { tree::children(&given).unwrap_or(&[]).to_vec() };
    let at = b.sp("operand");
    let mut xs = Vec::new();
    for (n, v) in items.iter().enumerate() {
        if tree::is_tree(v) {
            return Err(Diag::at(at, format!("`sort` needs arrays, found {}", v.describe())).item(n).into());
        }
        xs.push(tr.to_traced(v, None, at)?);
    }
    let Some(first) = xs.first().cloned() else { return err(at, "`sort` of nothing") };
    if let Some((n, x)) = xs.iter().enumerate().find(|(_, x)| x.aval.shape != first.aval.shape) {
        let text = format!("`sort` takes arrays of one shape, found {} and {}", show(&first.aval), show(&x.aval));
        return Err(Diag::at(at, text).item(n).into());
    }
    let rank = first.aval.rank();
    if rank == 0 {
        return err(at, "a scalar has no axis to sort along");
    }
    let d = b.axis("dimension", rank, &show(&first.aval))?.unwrap_or(rank - 1);
    let keys = b.int("num_keys")?.unwrap_or(1);
    let Some(keys) = usize::try_from(keys).ok().filter(|k| (1..=xs.len()).contains(k)) else {
        let text = format!("`num_keys` counts the keys among {} arrays, found {keys}", xs.len());
        return err(b.sp("num_keys"), text);
    };
    if single {
        return same_weak(tr, &first, Sort { axis: d, descending: false }, sp);
    }
    // By the last key first: every further sort is stable.
    let mut places: Option<Traced> = None;
    for key in xs[..keys].iter().rev() {
        let now = match &places {
            None => key.clone(),
            Some(p) => picked(tr, key, p, d, sp)?,
        };
        let order = tr.bind1(Argsort { axis: d, descending: false }, &[&now], sp)?;
        places = Some(match &places {
            None => order,
            Some(p) => picked(tr, p, &order, d, sp)?,
        });
    }
    let Some(places) = places else { return err(sp, "`sort` without keys") };
    let sorted = xs.iter().map(|x| Ok(Value::Array(picked(tr, x, &places, d, sp)?))).collect::<R<_>>()?;
    Ok(Value::tuple(sorted))
}

/// Rounded to so many bits of exponent and mantissa.
fn reduce_precision(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("reduce_precision", &["operand", "exponent_bits", "mantissa_bits"], 3, sp)?;
    let x = array(tr, &b, "operand")?;
    let bits = |param: &str, least: i128| -> R<u32> {
        match b.want(param) {
            Value::Num(Num { value: Number::Int(n), .. }) if (least..64).contains(&n) => Ok(n as u32),
            other => {
                err(b.sp(param), format!("`{param}` is a number of bits from {least} on, found {}", other.describe()))
            }
        }
    };
    let op = ReducePrecision { exponent: bits("exponent_bits", 1)?, mantissa: bits("mantissa_bits", 0)? };
    let half = matches!(x.aval.dtype, DType::F16 | DType::BF16);
    let wide = if half { tr.convert(&x, DType::F32, sp)? } else { x.clone() };
    let mut out = tr.bind1(op, &[&wide], sp)?;
    if half {
        out = tr.convert(&out, x.aval.dtype, sp)?;
    }
    out.weak = x.weak;
    Ok(Value::Array(out))
}

/// What comes out is computed from what goes in, and not simplified across.
fn barrier(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("optimization_barrier", &["operand"], 1, sp)?;
    let v =
        tree::try_map(&b.want("operand"), &mut |leaf| -> R<Value> { Ok(Value::Array(tr.to_traced(leaf, None, sp)?)) })?;
    let mut outs = Vec::new();
    for t in tree::leaves(&v) {
        outs.push(tr.bind1(Barrier, &[&t], sp)?);
    }
    Ok(tree::rebuild(&v, &outs))
}
