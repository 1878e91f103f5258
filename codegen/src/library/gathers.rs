//! `lax.gather` and `lax.scatter`, with dimension numbers.

use crate::array::Array;
use crate::diag::Diag;
use crate::dtype::{DType, Scalar};
use crate::graph::Aval;
use crate::library::intrinsics::{array, filled_in};
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::scatter::Combine;
use crate::ops::{Constant, Gather, Iota, Neg, Reshape, Scatter, Slice};
use crate::parse::spans::Sp;
use crate::trace::args::{Args, Bound, static_ints};
use crate::trace::value::{Traced, Value, show};
use crate::trace::{R, Tracer, err, err_help};

/// Intrinsics of this file.
pub const TABLE: super::Table = &[
    ("lax_GatherDimensionNumbers", |_, a, sp| numbers("GatherDimensionNumbers", GATHER, a, sp)),
    ("lax_ScatterDimensionNumbers", |_, a, sp| numbers("ScatterDimensionNumbers", SCATTER, a, sp)),
    ("lax_gather", gather),
    ("lax_scatter", |tr, a, sp| scatter(tr, "scatter", Combine::Set, a, sp)),
    ("lax_scatter_add", |tr, a, sp| scatter(tr, "scatter_add", Combine::Add, a, sp)),
    ("lax_scatter_sub", |tr, a, sp| scatter(tr, "scatter_sub", Combine::Add, a, sp)),
    ("lax_scatter_mul", |tr, a, sp| scatter(tr, "scatter_mul", Combine::Mul, a, sp)),
    ("lax_scatter_min", |tr, a, sp| scatter(tr, "scatter_min", Combine::Min, a, sp)),
    ("lax_scatter_max", |tr, a, sp| scatter(tr, "scatter_max", Combine::Max, a, sp)),
];

const GATHER: &[&str] =
    &["offset_dims", "collapsed_slice_dims", "start_index_map", "operand_batching_dims", "start_indices_batching_dims"];
const SCATTER: &[&str] = &[
    "update_window_dims",
    "inserted_window_dims",
    "scatter_dims_to_operand_dims",
    "operand_batching_dims",
    "scatter_indices_batching_dims",
];

/// Lists of axes, as a tuple of them.
fn numbers(name: &'static str, params: &'static [&'static str], args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, params, 3, sp)?;
    let mut lists = Vec::new();
    for param in params {
        let list = b.ints(param)?.unwrap_or_default();
        if list.iter().any(|d| *d < 0) {
            return err(b.sp(param), format!("`{param}` counts axes from the front: there are no negative ones"));
        }
        lists.push(Value::tuple(list.into_iter().map(|d| Value::size(d as usize)).collect()));
    }
    Ok(Value::tuple(lists))
}

/// Which axes mean what, and the array of indices. Windows are slices of the operand, numbered by the last axis of the indices.
struct Dims {
    /// Axes of the moving array along the windows, ascending.
    window: Vec<usize>,
    /// Axes of the operand that the windows have one element of and the moving array has not.
    collapsed: Vec<usize>,
    /// Axis of the operand that each number of an index counts.
    map: Vec<usize>,
    /// Axes of the operand that go along with axes of the indices.
    operand_batch: Vec<usize>,
    /// Those axes of the indices.
    index_batch: Vec<usize>,
}

impl Dims {
    fn of(b: &Bound, name: &'static str) -> R<Dims> {
        let v = b.want("dimension_numbers");
        let lists: Option<Vec<Vec<usize>>> = match &v {
            Value::Tuple(items) if items.len() == 5 => {
                items.iter().map(|v| static_ints(v)?.into_iter().map(|d| usize::try_from(d).ok()).collect()).collect()
            }
            Value::Poison => return Err(crate::trace::Stop::Silent),
            _ => None,
        };
        let Some(Ok([window, collapsed, map, operand_batch, index_batch])) = lists.map(<[Vec<usize>; 5]>::try_from)
        else {
            let params = if name == "GatherDimensionNumbers" { GATHER } else { SCATTER };
            let fields: Vec<String> = params[..3].iter().map(|p| format!("{p} = (..)")).collect();
            return err_help(
                b.sp("dimension_numbers"),
                format!("`dimension_numbers` says what the axes mean, found {}", v.describe()),
                format!("write `lax::{name}({})`", fields.join(", ")),
            );
        };
        Ok(Dims { window, collapsed, map, operand_batch, index_batch })
    }

    /// Checks the lists against an operand and the shape of the indices without its last axis.
    fn check(&self, tr: &Tracer<'_>, b: &Bound, x: &Traced, indices: &Traced, moving: usize) -> R<()> {
        let refuse = |text: String| {
            let mut d = Diag::at(b.sp("dimension_numbers"), text);
            d.notes = vec![tr.origin_as(x, "operand"), tr.origin_as(indices, "indices")];
            Err(d.into())
        };
        let rank = x.aval.rank();
        let Some((numbers, batch)) = indices.aval.shape.split_last() else {
            return refuse("the last axis of the indices holds the numbers of one index: a scalar has none".into());
        };
        if *numbers != self.map.len() {
            return refuse(format!("an index has {numbers} numbers, and {:?} are the axes that they count", self.map));
        }
        let mut used: Vec<usize> = self.collapsed.iter().chain(&self.operand_batch).copied().collect();
        let mut counted: Vec<usize> = self.map.iter().chain(&self.operand_batch).copied().collect();
        for list in [&mut used, &mut counted] {
            list.sort_unstable();
            if list.windows(2).any(|w| w[0] == w[1]) || list.last().is_some_and(|d| *d >= rank) {
                return refuse(format!("{list:?} are not different axes of {}", show(&x.aval)));
            }
        }
        let walked = rank - used.len();
        if self.window.len() != walked {
            return refuse(format!("{} axes along windows, for {walked} axes of the operand", self.window.len()));
        }
        if self.window.windows(2).any(|w| w[0] >= w[1]) || self.window.last().is_some_and(|d| *d >= moving) {
            return refuse(format!("{:?} are not ascending among {moving} axes", self.window));
        }
        let pairs = self.operand_batch.iter().zip(&self.index_batch);
        let fits = |(d, e): (&usize, &usize)| batch.get(*e) == Some(&x.aval.shape[*d]);
        if self.operand_batch.len() != self.index_batch.len() || !pairs.into_iter().all(fits) {
            let (a, b) = (&self.operand_batch, &self.index_batch);
            return refuse(format!("axes {a:?} of the operand do not go along with axes {b:?} of the indices"));
        }
        Ok(())
    }

    /// Axes of the operand that windows extend along.
    fn walked(&self, rank: usize) -> Vec<usize> {
        (0..rank).filter(|d| !self.collapsed.contains(d) && !self.operand_batch.contains(d)).collect()
    }

    /// The map of a moving array of this shape, and the index arrays that it reads.
    fn coords(
        &self,
        tr: &mut Tracer<'_>,
        x: &Traced,
        indices: &Traced,
        shape: Vec<usize>,
        mode: IndexMode,
        sp: Sp,
    ) -> R<(Coords, Vec<Traced>)> {
        let rank = x.aval.rank();
        let others: Vec<usize> = (0..shape.len()).filter(|d| !self.window.contains(d)).collect();
        let mut dims = vec![DimIx { index: None, window: None }; rank];
        for (d, w) in self.walked(rank).into_iter().zip(&self.window) {
            dims[d].window = Some(*w);
        }
        let (mut arrays, mut index_dims) = (Vec::new(), Vec::new());
        let last = indices.aval.rank() - 1;
        for (n, d) in self.map.iter().enumerate() {
            dims[*d].index = Some(arrays.len());
            let one = tr.bind1(Slice::along(&indices.aval, last, n, n + 1), &[indices], sp)?;
            arrays.push(tr.bind1(Reshape { shape: indices.aval.shape[..last].to_vec() }, &[&one], sp)?);
            index_dims.push(others.clone());
        }
        for (d, e) in self.operand_batch.iter().zip(&self.index_batch) {
            dims[*d].index = Some(arrays.len());
            let aval = Aval::new(DType::I32, &[x.aval.shape[*d]]);
            arrays.push(tr.bind1(Iota { aval, dimension: 0 }, &[], sp)?);
            index_dims.push(vec![others[*e]]);
        }
        Ok((Coords { dims, index_dims, shape, mode }, arrays))
    }
}

/// What becomes of windows that stick out. Without a word reads clamp and writes are dropped, as everywhere in the language; JAX's
/// reads do on its CPU.
#[derive(PartialEq)]
enum Outside {
    Clip,
    Fill,
}

fn outside(b: &Bound, without_a_word: Outside) -> R<Outside> {
    match b.get("mode") {
        None | Some(Value::Option(None)) => Ok(without_a_word),
        Some(Value::Str(mode)) => match &**mode {
            "clip" | "promise_in_bounds" => Ok(Outside::Clip),
            "fill" | "drop" => Ok(Outside::Fill),
            other => err_help(
                b.sp("mode"),
                format!("`{}` has no mode {other:?}", b.name()),
                "there are \"clip\", \"fill\", \"drop\" and \"promise_in_bounds\"",
            ),
        },
        Some(other) => err(b.sp("mode"), format!("`mode` is a text, found {}", other.describe())),
    }
}

fn gather(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let params = &[
        "operand",
        "start_indices",
        "dimension_numbers",
        "slice_sizes",
        "unique_indices",
        "indices_are_sorted",
        "mode",
        "fill_value",
    ];
    let b = args.bind("gather", params, 4, sp)?;
    let (x, indices) = (array(tr, &b, "operand")?, array(tr, &b, "start_indices")?);
    let dims = Dims::of(&b, "GatherDimensionNumbers")?;
    let rank = x.aval.rank();
    let sizes = b.ints("slice_sizes")?.unwrap_or_default();
    let fits = |(d, n): (usize, &i128)| {
        let one = dims.collapsed.contains(&d) || dims.operand_batch.contains(&d);
        *n >= 0 && *n <= x.aval.shape[d] as i128 && (!one || *n == 1)
    };
    if sizes.len() != rank || !sizes.iter().enumerate().all(fits) {
        let text = format!("{sizes:?} are not the extents of a window in {}", show(&x.aval));
        let mut d = Diag::at(b.sp("slice_sizes"), text);
        d.notes = vec![tr.origin_as(&x, "operand")];
        return Err(d.help("one for each axis, 1 along those that are collapsed").into());
    }
    let moving = (indices.aval.rank() + dims.window.len()).saturating_sub(1);
    dims.check(tr, &b, &x, &indices, moving)?;
    let mut walked = dims.walked(rank).into_iter().map(|d| sizes[d] as usize);
    let mut batch = indices.aval.shape.iter().copied();
    let along = |d| if dims.window.contains(&d) { walked.next() } else { batch.next() };
    let shape: Vec<usize> = (0..moving).map(along).map(|n| n.unwrap_or(1)).collect();
    let outside = outside(&b, Outside::Clip)?;
    let mode = if outside == Outside::Fill { IndexMode::Drop } else { IndexMode::Clip };
    let (coords, arrays) = dims.coords(tr, &x, &indices, shape, mode, sp)?;
    let all = |first| -> Vec<&Traced> { std::iter::once(first).chain(&arrays).collect() };
    let mut out = tr.bind1(Gather { coords: coords.clone() }, &all(&x), sp)?;
    out.weak = x.weak;
    if outside != Outside::Fill {
        return Ok(Value::Array(out));
    }
    let yes = Array::full(&x.aval.with_dtype(DType::Bool), Scalar::Bool(true));
    let yes = tr.bind1(Constant { value: yes.into() }, &[], sp)?;
    let inside = tr.bind1(Gather { coords }, &all(&yes), sp)?;
    filled_in(tr, &b, out, inside)
}

fn scatter(tr: &mut Tracer<'_>, name: &'static str, combine: Combine, args: Args, sp: Sp) -> R<Value> {
    let params =
        &["operand", "scatter_indices", "updates", "dimension_numbers", "indices_are_sorted", "unique_indices", "mode"];
    let b = args.bind(name, params, 4, sp)?;
    let indices = array(tr, &b, "scatter_indices")?;
    let (x, updates) = (array(tr, &b, "operand")?, array(tr, &b, "updates")?);
    let (x, mut updates) = tr.promote2(b.name(), &Value::Array(x), &Value::Array(updates), b.sp("updates"))?;
    let dims = Dims::of(&b, "ScatterDimensionNumbers")?;
    dims.check(tr, &b, &x, &indices, updates.aval.rank())?;
    let shape = updates.aval.shape.clone();
    let batch: Vec<usize> = (0..shape.len()).filter(|d| !dims.window.contains(d)).map(|d| shape[d]).collect();
    let walked = dims.walked(x.aval.rank());
    let small = walked.iter().zip(&dims.window).all(|(d, w)| shape[*w] <= x.aval.shape[*d]);
    let one = dims.collapsed.iter().chain(&dims.operand_batch).all(|d| x.aval.shape[*d] > 0);
    if batch != indices.aval.shape[..indices.aval.rank() - 1] || !small || !one {
        let text = format!("`{name}` cannot place {} in {}", show(&updates.aval), show(&x.aval));
        let mut d = Diag::at(b.sp("updates"), text);
        d.notes =
            vec![tr.origin_as(&x, "operand"), tr.origin_as(&indices, "indices"), tr.origin_as(&updates, "updates")];
        let help = "beside the axes along windows, the updates have the axes of the indices without the last";
        return Err(d.help(help).into());
    }
    if name == "scatter_sub" {
        updates = tr.bind1(Neg, &[&updates], sp)?;
    }
    let mode = if outside(&b, Outside::Fill)? == Outside::Fill { IndexMode::Drop } else { IndexMode::Clip };
    let (coords, arrays) = dims.coords(tr, &x, &indices, shape, mode, sp)?;
    let ins: Vec<&Traced> = std::iter::once(&x).chain(&arrays).chain([&updates]).collect();
    Ok(Value::Array(tr.bind1(Scatter { coords, combine }, &ins, sp)?))
}
