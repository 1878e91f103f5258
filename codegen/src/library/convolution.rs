//! Convolutions, and the strides, paddings and layouts that windows over arrays are given with.

use crate::diag::Diag;
use crate::library::contraction::product_options;
use crate::library::intrinsics::array;
use crate::ops::pad::dilated;
use crate::ops::{ConvGeneralDilated, Rev, Transpose};
use crate::parse::spans::Sp;
use crate::trace::args::{Args, Bound, static_ints};
use crate::trace::value::{Traced, Value, show};
use crate::trace::{R, Tracer, err, err_help};

/// Intrinsics of this file.
pub const TABLE: super::Table = &[
    ("conv", |tr, a, sp| conv(tr, "conv", &CONV, a, sp)),
    ("lax_conv", |tr, a, sp| conv(tr, "conv", &LAX_CONV, a, sp)),
    ("conv_general_dilated", |tr, a, sp| conv(tr, "conv_general_dilated", &CONV_GENERAL, a, sp)),
    ("conv_with_general_padding", |tr, a, sp| conv(tr, "conv_with_general_padding", &CONV_PADDED, a, sp)),
    ("conv_transpose", conv_transpose),
    ("conv_general_dilated_patches", patches),
];

const CONV: [&str; 12] = [
    "x",
    "w",
    "stride",
    "padding",
    "lhs_dilation",
    "rhs_dilation",
    "feature_group_count",
    "dimension_numbers",
    "batch_group_count",
    "window_strides",
    "precision",
    "preferred_element_type",
];
const LAX_CONV: [&str; 6] = ["lhs", "rhs", "window_strides", "padding", "precision", "preferred_element_type"];
const CONV_GENERAL: [&str; 11] = [
    "lhs",
    "rhs",
    "window_strides",
    "padding",
    "lhs_dilation",
    "rhs_dilation",
    "dimension_numbers",
    "feature_group_count",
    "batch_group_count",
    "precision",
    "preferred_element_type",
];
const CONV_PADDED: [&str; 8] =
    ["lhs", "rhs", "window_strides", "padding", "lhs_dilation", "rhs_dilation", "precision", "preferred_element_type"];
const CONV_TRANSPOSE: [&str; 10] = [
    "lhs",
    "rhs",
    "strides",
    "padding",
    "rhs_dilation",
    "dimension_numbers",
    "transpose_kernel",
    "precision",
    "preferred_element_type",
    "use_consistent_padding",
];
const PATCHES: [&str; 9] = [
    "lhs",
    "filter_shape",
    "window_strides",
    "padding",
    "lhs_dilation",
    "rhs_dilation",
    "dimension_numbers",
    "precision",
    "preferred_element_type",
];

/// Whether an argument was given, and is not `None`.
fn given<'b>(b: &'b Bound, param: &str) -> Option<&'b Value> {
    b.get(param).filter(|v| !matches!(v, Value::Option(None)))
}

/// Positive static integers, one per axis: a single one stands for all.
pub fn per_axis(b: &Bound, param: &str, n: usize) -> R<Vec<usize>> {
    let Some(v) = given(b, param) else { return Ok(vec![1; n]) };
    let at = b.sp(param);
    let Some(ints) = static_ints(v) else {
        let help = format!("write `{param} = 2` or `{param} = (2, 2)`");
        return err_help(at, format!("`{param}` takes static integers, found {}", v.describe()), help);
    };
    if let Some((k, i)) = ints.iter().enumerate().find(|(_, i)| **i < 1) {
        return Err(Diag::at(at, format!("`{param}` is at least 1, found {i}")).item(k).into());
    }
    let ints: Vec<usize> = ints.into_iter().map(|i| i as usize).collect();
    match (ints.len(), v) {
        (1, Value::Num(_)) => Ok(vec![ints[0]; n]),
        (k, _) if k == n => Ok(ints),
        (k, _) => {
            let axes = if n == 1 { "1 axis".to_string() } else { format!("{n} axes") };
            err_help(
                at,
                format!("`{param}` has {} for windows over {axes}", entries(k)),
                format!("give one integer for all axes, or {n}"),
            )
        }
    }
}

/// `1 entry`, `2 entries`.
pub fn entries(n: usize) -> String {
    if n == 1 { "1 entry".into() } else { format!("{n} entries") }
}

/// What a window meets along one axis.
#[derive(Clone, Copy, Debug)]
pub struct Along {
    /// Places of the array.
    pub places: usize,
    /// Places of the window.
    pub window: usize,
    /// Step of the window.
    pub stride: usize,
}

/// Padding of an axis so that there is a window for every `stride` places.
fn same(a: Along, more_in_front: bool) -> (i64, i64) {
    let out = a.places.div_ceil(a.stride);
    let total = ((out.saturating_sub(1) * a.stride + a.window) as i64 - a.places as i64).max(0);
    let less = total / 2;
    if more_in_front { (total - less, less) } else { (less, total - less) }
}

/// `"SAME"`, `"SAME_LOWER"`, `"VALID"`, an integer, or an integer or a pair per axis.
pub fn padding(b: &Bound, axes: &[Along], default: &str) -> R<Vec<(i64, i64)>> {
    let text = match given(b, "padding") {
        None => default.to_string(),
        Some(Value::Str(s)) => s.to_string(),
        Some(v) => return explicit_padding(v, axes.len(), b.sp("padding")),
    };
    match text.to_ascii_uppercase().as_str() {
        "VALID" => Ok(vec![(0, 0); axes.len()]),
        "SAME" => Ok(axes.iter().map(|a| same(*a, false)).collect()),
        "SAME_LOWER" => Ok(axes.iter().map(|a| same(*a, true)).collect()),
        _ => err_help(
            b.sp("padding"),
            format!("there is no padding {text:?}"),
            "write \"SAME\", \"SAME_LOWER\", \"VALID\", or a pair per axis: `((1, 1), (0, 2))`",
        ),
    }
}

fn explicit_padding(v: &Value, n: usize, at: Sp) -> R<Vec<(i64, i64)>> {
    let axes = if n == 1 { "1 axis".to_string() } else { format!("{n} axes") };
    let pairs = || match v {
        Value::Tuple(items) | Value::List(items) => items
            .iter()
            .map(|item| match (&static_ints(item)?[..], item) {
                ([i], Value::Num(_)) => Some((*i as i64, *i as i64)),
                ([lo, hi], _) => Some((*lo as i64, *hi as i64)),
                _ => None,
            })
            .collect::<Option<Vec<_>>>(),
        Value::Num(_) => static_ints(v).map(|i| vec![(i[0] as i64, i[0] as i64); n]),
        Value::Unit => Some(Vec::new()),
        _ => None,
    };
    // Two integers for one axis are before and after.
    if let (1, Value::Tuple(_) | Value::List(_), Some([lo, hi])) = (n, v, static_ints(v).as_deref()) {
        return Ok(vec![(*lo as i64, *hi as i64)]);
    }
    match pairs() {
        Some(pairs) if pairs.len() == n => Ok(pairs),
        Some(pairs) => err_help(
            at,
            format!("`padding` has {} for windows over {axes}", entries(pairs.len())),
            "give a pair per axis, as in `((1, 1), (0, 2))`, or \"SAME\"",
        ),
        None => err_help(
            at,
            format!("`padding` is a string or pairs of static integers, found {}", v.describe()),
            "write \"SAME\", \"VALID\", or a pair per axis: `((1, 1), (0, 2))`",
        ),
    }
}

/// Axes of the operands and the result: batch and features first, then those that are slid along.
#[derive(Clone, Debug)]
struct Layout {
    lhs: Vec<usize>,
    rhs: Vec<usize>,
    out: Vec<usize>,
}

/// Reads `("NHWC", "HWIO", "NHWC")` or lists of axes.
fn layout(b: &Bound, rank: usize, default: [&str; 3]) -> R<Layout> {
    let at = b.sp("dimension_numbers");
    let by_default = || default.iter().map(|s| Value::Str((*s).into())).collect::<Vec<_>>();
    let specs = match given(b, "dimension_numbers") {
        None => by_default(),
        Some(Value::Tuple(items) | Value::List(items)) if items.len() == 3 => items.to_vec(),
        Some(other) => {
            return err_help(
                at,
                format!(
                    "`dimension_numbers` names the axes of both operands and the result, found {}",
                    other.describe()
                ),
                "write `(\"NHWC\", \"HWIO\", \"NHWC\")`",
            );
        }
    };
    let shown = |n: usize| specs[n].describe().replace("the string ", "");
    // The axes that are slid along, in the order in which the window has them.
    let spatial: Vec<char> = match &specs[1] {
        Value::Str(s) => s.chars().filter(|c| !"OI".contains(*c)).collect(),
        _ => Vec::new(),
    };
    let mut out = Vec::new();
    for (n, (spec, first)) in specs.iter().zip([['N', 'C'], ['O', 'I'], ['N', 'C']]).enumerate() {
        let found: Option<Vec<usize>> = match spec {
            Value::Str(s) => {
                let letters: Vec<char> = s.chars().collect();
                let wanted = first.iter().chain(&spatial);
                let places: Option<Vec<usize>> = wanted.map(|c| letters.iter().position(|l| l == c)).collect();
                places.filter(|_| letters.len() == rank)
            }
            v => static_ints(v).map(|ints| ints.into_iter().map(|i| usize::try_from(i).unwrap_or(rank)).collect()),
        };
        let mut sorted = found.clone().unwrap_or_default();
        sorted.sort_unstable();
        match found {
            Some(axes) if sorted.iter().copied().eq(0..rank) => out.push(axes),
            _ => {
                let what = ["the left side", "the window", "the result"][n];
                let text = format!("{} does not name the {rank} axes of {what}", shown(n));
                let example = match rank {
                    3 => "(\"NWC\", \"WIO\", \"NWC\")",
                    5 => "(\"NDHWC\", \"DHWIO\", \"NDHWC\")",
                    _ => "(\"NHWC\", \"HWIO\", \"NHWC\")",
                };
                let d = Diag::at(at, text).help(format!("every axis has its letter once, as in `{example}`"));
                return Err(d.item(n).into());
            }
        }
    }
    let [lhs, rhs, out] = <[Vec<usize>; 3]>::try_from(out).unwrap_or_default();
    Ok(Layout { lhs, rhs, out })
}

/// Both operands, of one dtype unless another one is asked for, and of one rank.
fn conv_operands(tr: &mut Tracer<'_>, b: &Bound, names: [&str; 2]) -> R<(Traced, Traced)> {
    let (mut x, mut w) = (array(tr, b, names[0])?, array(tr, b, names[1])?);
    if given(b, "preferred_element_type").is_none() || x.weak || w.weak {
        (x, w) = tr.promote2(b.name(), &Value::Array(x), &Value::Array(w), b.call())?;
    }
    let rank = x.aval.rank();
    if rank < 2 && w.aval.rank() != rank + 1 {
        let text = format!("a convolution needs batch and feature axes, found {}", show(&x.aval));
        let mut d = Diag::at(b.sp(names[0]), text);
        d.notes = vec![tr.origin_as(&x, "left"), tr.origin_as(&w, "window")];
        return Err(d.help("add axes of extent one with `expand_dims`").into());
    }
    if w.aval.rank() != rank {
        let (param, help) = if w.aval.rank() == rank + 1 {
            let name = x.name.as_deref().unwrap_or("..").to_string();
            (names[0], format!("add the batch axis: `expand_dims({name}, 0)`"))
        } else {
            (
                names[1],
                format!("a window of {rank} axes: output features, input features, then the axes it slides along"),
            )
        };
        let text = format!("a convolution needs operands of one rank, found {} and {}", show(&x.aval), show(&w.aval));
        let mut d = Diag::at(b.sp(param), text).help(help);
        d.notes = vec![tr.origin_as(&x, "left"), tr.origin_as(&w, "window")];
        return Err(d.into());
    }
    Ok((x, w))
}

/// `NCHW` and the like: batch and features, then what is slid along.
fn default_layout(rank: usize) -> [String; 3] {
    let spatial = match rank {
        3 => "W".to_string(),
        4 => "HW".to_string(),
        5 => "DHW".to_string(),
        // Any letters that are not taken.
        n => "abcdefghijklmnopqrstuvwxyz".chars().take(n.saturating_sub(2)).collect(),
    };
    [format!("NC{spatial}"), format!("OI{spatial}"), format!("NC{spatial}")]
}

fn pick(shape: &[usize], axes: &[usize]) -> Vec<usize> {
    axes.iter().map(|d| shape[*d]).collect()
}

fn count(b: &Bound, param: &str) -> R<usize> {
    match b.int(param)? {
        None => Ok(1),
        Some(n) if n >= 1 => Ok(n as usize),
        Some(n) => err(b.sp(param), format!("`{param}` is at least 1, found {n}")),
    }
}

fn conv(tr: &mut Tracer<'_>, name: &str, params: &[&'static str], args: Args, sp: Sp) -> R<Value> {
    let required = if params[2] == "stride" { 2 } else { 4 };
    let b = args.bind(name, params, required, sp)?;
    let preferred = product_options(&b)?;
    let names = [params[0], params[1]];
    let (x, w) = conv_operands(tr, &b, names)?;
    let rank = x.aval.rank();
    let default = default_layout(rank);
    let layout = layout(&b, rank, default.each_ref().map(|s| s.as_str()))?;
    let n = rank - 2;
    let strides = match (given(&b, "stride").is_some(), given(&b, "window_strides").is_some()) {
        (true, true) => {
            return err(b.sp("window_strides"), "`stride` and `window_strides` are one parameter: give one");
        }
        (true, false) => per_axis(&b, "stride", n)?,
        _ => per_axis(&b, "window_strides", n)?,
    };
    let (lhs_dilation, rhs_dilation) = (per_axis(&b, "lhs_dilation", n)?, per_axis(&b, "rhs_dilation", n)?);
    let along = windows_of(&x, &w, &layout, &strides, &lhs_dilation, &rhs_dilation);
    if let Some(Value::Str(s)) = given(&b, "padding")
        && lhs_dilation.iter().any(|d| *d > 1)
        && !s.eq_ignore_ascii_case("VALID")
    {
        return err_help(
            b.sp("padding"),
            format!("{s:?} does not say how a dilated array is padded"),
            "give a pair per axis, or use `conv_transpose`",
        );
    }
    let pads = padding(&b, &along, "VALID")?;
    let op = ConvGeneralDilated {
        window_strides: strides,
        lo: pads.iter().map(|p| p.0).collect(),
        hi: pads.iter().map(|p| p.1).collect(),
        lhs_dilation,
        rhs_dilation,
        feature_group_count: count(&b, "feature_group_count")?,
        batch_group_count: count(&b, "batch_group_count")?,
        lhs_spec: layout.lhs,
        rhs_spec: layout.rhs,
        out_spec: layout.out,
        preferred,
    };
    bound(tr, &b, names, op, &x, &w)
}

fn windows_of(x: &Traced, w: &Traced, l: &Layout, strides: &[usize], lhs: &[usize], rhs: &[usize]) -> Vec<Along> {
    let (places, window) = (pick(&x.aval.shape, &l.lhs[2..]), pick(&w.aval.shape, &l.rhs[2..]));
    (0..strides.len())
        .map(|s| Along {
            places: dilated(places[s], lhs[s] - 1),
            window: dilated(window[s], rhs[s] - 1),
            stride: strides[s],
        })
        .collect()
}

/// Binds a convolution after the checks that can point at an argument.
fn bound(tr: &mut Tracer<'_>, b: &Bound, names: [&str; 2], op: ConvGeneralDilated, x: &Traced, w: &Traced) -> R<Value> {
    let (l, r) = (pick(&x.aval.shape, &op.lhs_spec), pick(&w.aval.shape, &op.rhs_spec));
    let (groups, batch_groups) = (op.feature_group_count, op.batch_group_count);
    let notes = vec![tr.origin_as(x, "left"), tr.origin_as(w, "window")];
    if groups > 1 && batch_groups > 1 {
        return err(b.sp("batch_group_count"), "a convolution has feature groups or batch groups, not both");
    }
    if l[1] != r[1] * groups {
        let (found, help) = match groups {
            1 => (
                format!("cannot pair {} input features with windows over {}", l[1], r[1]),
                match &w.name {
                    Some(name) if op.rhs_spec[..2] == [0, 1] && l[1] == r[0] && l[1] != r[1] => {
                        format!("the window is output features, then input features: is `{name}` the other way around?")
                    }
                    _ => {
                        let mut want = (*w.aval).clone();
                        want.shape[op.rhs_spec[1]] = l[1];
                        tr.declare(w, &want).unwrap_or_else(|| format!("the window should be {}", show(&want)))
                    }
                },
            ),
            n => (
                format!("cannot split {} input features into {n} groups for windows over {}", l[1], r[1]),
                format!("a window sees the input features of one group, {} of {}", l[1] / n, l[1]),
            ),
        };
        let mut d = Diag::at(b.sp(names[1]), format!("`{}` {found}", b.name())).help(help);
        d.notes = notes;
        return Err(d.into());
    }
    for (param, n) in [("feature_group_count", groups), ("batch_group_count", batch_groups)] {
        if r[0] % n != 0 || (param == "batch_group_count" && l[0] % n != 0) {
            let what = if r[0] % n != 0 { format!("{} output features", r[0]) } else { format!("a batch of {}", l[0]) };
            let mut d = Diag::at(b.sp(param), format!("`{}` cannot split {what} into {n} groups", b.name()));
            d.notes = notes;
            return Err(d.into());
        }
    }
    let along = windows_of(
        x,
        w,
        &Layout { lhs: op.lhs_spec.clone(), rhs: op.rhs_spec.clone(), out: Vec::new() },
        &op.window_strides,
        &op.lhs_dilation,
        &op.rhs_dilation,
    );
    for (s, a) in along.iter().enumerate() {
        let padded = a.places as i64 + op.lo[s] + op.hi[s];
        if (a.window as i64) > padded {
            let text = format!(
                "a window of {} does not fit: axis {} has {padded} places{}",
                a.window,
                op.lhs_spec[2 + s],
                if padded == a.places as i64 { "" } else { " with its padding" }
            );
            let mut d = Diag::at(b.sp(names[1]), text).help("pad, as in `padding = \"SAME\"`");
            d.notes = notes;
            return Err(d.into());
        }
    }
    let (work, result) = crate::library::contraction::accumulated(op.preferred, x.aval.dtype);
    let op =
        if op.preferred.is_none() && work != result { ConvGeneralDilated { preferred: Some(work), ..op } } else { op };
    let mut out = tr.bind1(op, &[x, w], b.call())?;
    if out.aval.dtype == work && work != result {
        out = tr.convert(&out, result, b.call())?;
    }
    out.weak = x.weak && w.weak;
    Ok(Value::Array(out))
}

/// `lax.conv_transpose`: a convolution whose steps are fractions. Channels are last unless `dimension_numbers` say otherwise.
fn conv_transpose(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("conv_transpose", &CONV_TRANSPOSE, 4, sp)?;
    let preferred = product_options(&b)?;
    let (x, mut w) = conv_operands(tr, &b, ["lhs", "rhs"])?;
    let rank = x.aval.rank();
    let spatial = ["", "H", "HW", "HWD"].get(rank - 2).copied();
    let Some(spatial) = spatial.or(given(&b, "dimension_numbers").map(|_| "")) else {
        return err(sp, format!("`conv_transpose` of {} needs `dimension_numbers`", show(&x.aval)));
    };
    let default = [format!("N{spatial}C"), format!("{spatial}IO"), format!("N{spatial}C")];
    let layout = layout(&b, rank, default.each_ref().map(|s| s.as_str()))?;
    let n = rank - 2;
    let (strides, rhs_dilation) = (per_axis(&b, "strides", n)?, per_axis(&b, "rhs_dilation", n)?);
    let along = windows_of(&x, &w, &layout, &vec![1; n], &vec![1; n], &rhs_dilation);
    let forward = b.bool("use_consistent_padding", false)?;
    let text = match given(&b, "padding") {
        Some(Value::Str(s)) => Some(s.to_ascii_uppercase()),
        _ => None,
    };
    let of_axis = |k: i64, s: i64| match text.as_deref() {
        Some("SAME") => {
            let total = k + s - 2;
            let before = if s > k - 1 { k - 1 } else { (total + 1) / 2 };
            Some((before, total - before))
        }
        Some("VALID") => Some((k - 1, s - 1 + (k - s).max(0))),
        _ => None,
    };
    let pads: Vec<(i64, i64)> = match text {
        None => {
            let pads = padding(&b, &along, "VALID")?;
            let turned = |(a, p): (&Along, &(i64, i64))| (a.window as i64 - 1 - p.0, a.window as i64 - 1 - p.1);
            if forward { along.iter().zip(&pads).map(turned).collect() } else { pads }
        }
        Some(ref text) => {
            match along.iter().zip(&strides).map(|(a, s)| of_axis(a.window as i64, *s as i64)).collect() {
                Some(pads) => pads,
                None => {
                    return err_help(
                        b.sp("padding"),
                        format!("there is no padding {text:?}"),
                        "write \"SAME\", \"VALID\", or a pair per axis: `((1, 1), (0, 2))`",
                    );
                }
            }
        }
    };
    if b.bool("transpose_kernel", false)? {
        w = tr.bind1(
            Rev {
                axes: {
                    let mut a = layout.rhs[2..].to_vec();
                    a.sort_unstable();
                    a
                },
            },
            &[&w],
            sp,
        )?;
        let mut perm: Vec<usize> = (0..rank).collect();
        perm.swap(layout.rhs[0], layout.rhs[1]);
        w = tr.bind1(Transpose { perm }, &[&w], sp)?;
    }
    let op = ConvGeneralDilated {
        window_strides: vec![1; n],
        lo: pads.iter().map(|p| p.0).collect(),
        hi: pads.iter().map(|p| p.1).collect(),
        lhs_dilation: strides,
        rhs_dilation,
        feature_group_count: 1,
        batch_group_count: 1,
        lhs_spec: layout.lhs,
        rhs_spec: layout.rhs,
        out_spec: layout.out,
        preferred,
    };
    bound(tr, &b, ["lhs", "rhs"], op, &x, &w)
}

/// What every window sees, as features: the features of the array, and within each the places of the window.
fn patches(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("conv_general_dilated_patches", &PATCHES, 4, sp)?;
    let x = array(tr, &b, "lhs")?;
    let rank = x.aval.rank();
    if rank < 2 {
        return err(b.sp("lhs"), format!("a convolution needs batch and feature axes, found {}", show(&x.aval)));
    }
    let n = rank - 2;
    let default = default_layout(rank);
    let layout = layout(&b, rank, default.each_ref().map(|s| s.as_str()))?;
    let window = per_axis(&b, "filter_shape", n)?;
    let features = x.aval.shape[layout.lhs[1]];
    let size: usize = window.iter().product();
    // A window per place and input feature: one there, zero elsewhere.
    let mut shape = vec![0; rank];
    shape[layout.rhs[0]] = features * size;
    shape[layout.rhs[1]] = 1;
    for (d, k) in layout.rhs[2..].iter().zip(&window) {
        shape[*d] = *k;
    }
    let aval = crate::graph::Aval::new(x.aval.dtype, &shape);
    let eye = crate::array::Array::from_fn(&aval, |ix| {
        let at = layout.rhs[2..].iter().zip(&window).fold(0, |acc, (d, k)| acc * k + ix[*d]);
        let here = ix[layout.rhs[0]] % size == at;
        if here { crate::dtype::Scalar::one(aval.dtype) } else { crate::dtype::Scalar::zero(aval.dtype) }
    });
    let w = tr.constant(eye, sp);
    let (strides, lhs_dilation, rhs_dilation) =
        (per_axis(&b, "window_strides", n)?, per_axis(&b, "lhs_dilation", n)?, per_axis(&b, "rhs_dilation", n)?);
    let along = windows_of(&x, &w, &layout, &strides, &lhs_dilation, &rhs_dilation);
    let pads = padding(&b, &along, "VALID")?;
    let op = ConvGeneralDilated {
        window_strides: strides,
        lo: pads.iter().map(|p| p.0).collect(),
        hi: pads.iter().map(|p| p.1).collect(),
        lhs_dilation,
        rhs_dilation,
        feature_group_count: features,
        batch_group_count: 1,
        lhs_spec: layout.lhs,
        rhs_spec: layout.rhs,
        out_spec: layout.out,
        preferred: product_options(&b)?,
    };
    bound(tr, &b, ["lhs", "filter_shape"], op, &x, &w)
}
