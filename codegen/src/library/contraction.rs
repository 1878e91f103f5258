//! Products of arrays: `matmul`, `dot`, `tensordot` and their kin.

use crate::diag::Diag;
use crate::dtype::DType;
use crate::library::einsum::{How, Label, Term, contract, dot_general, einsum};
use crate::library::intrinsics::array;
use crate::ops::{Conj, DotGeneral, Reshape};
use crate::parse::ast::BinOp;
use crate::parse::spans::Sp;
use crate::trace::args::{Args, Bound, axis, static_ints};
use crate::trace::value::{Num, Number, Traced, Value, show};
use crate::trace::{R, Tracer, arith, err, err_help, tree, types};

/// Intrinsics of this file.
pub const TABLE: super::Table = &[
    ("einsum", einsum),
    ("matmul", |tr, a, sp| named_product(tr, "matmul", &["a", "b"], Core::Matrices, a, sp)),
    ("matvec", |tr, a, sp| named_product(tr, "matvec", &["x1", "x2"], Core::MatrixVector, a, sp)),
    ("vecmat", |tr, a, sp| named_product(tr, "vecmat", &["x1", "x2"], Core::VectorMatrix, a, sp)),
    ("vecdot", vecdot),
    ("dot", dot),
    ("vdot", vdot),
    ("inner", inner),
    ("outer", outer),
    ("kron", kron),
    ("tensordot", tensordot),
    ("multi_dot", multi_dot),
    ("lax_dot", lax_dot),
    ("dot_general", lax_dot_general),
    ("batch_matmul", batch_matmul),
];

/// What products take besides their operands.
const OPTIONS: [&str; 2] = ["precision", "preferred_element_type"];

/// `precision` and `preferred_element_type`. Products are always formed in the dtype that was asked for: there is no
/// faster, coarser one to choose.
pub fn product_options(b: &Bound) -> R<Option<DType>> {
    let named = |v: &Value| matches!(v, Value::Str(_) | Value::Option(None));
    match b.get("precision") {
        None => {}
        Some(v) if named(v) => {}
        Some(Value::Tuple(items)) if items.iter().all(named) => {}
        Some(other) => {
            return err_help(
                b.sp("precision"),
                format!("`precision` is a string, found {}", other.describe()),
                "leave it out: products are formed in the dtype of the operands, or in `preferred_element_type`",
            );
        }
    }
    match b.get("preferred_element_type") {
        None | Some(Value::Option(None)) => Ok(None),
        Some(Value::DType(d)) => Ok(Some(*d)),
        Some(other) => err_help(
            b.sp("preferred_element_type"),
            format!("`preferred_element_type` is a dtype, found {}", other.describe()),
            "write it as in Rust: `preferred_element_type = i32`",
        ),
    }
}

/// dtype to add up in, and of the result: halves are added up in f32.
pub fn accumulated(preferred: Option<DType>, dtype: DType) -> (DType, DType) {
    let result = preferred.unwrap_or(dtype);
    let half = matches!(result, DType::F16 | DType::BF16) && preferred.is_none();
    (if half { DType::F32 } else { result }, result)
}

/// Arguments as arrays of one dtype.
pub fn operands(tr: &mut Tracer<'_>, name: &str, values: &[(Value, Sp)], sp: Sp) -> R<Vec<Traced>> {
    let mut arrays = Vec::new();
    for (v, at) in values {
        if tree::is_tree(v) || matches!(v, Value::Fn(_) | Value::Option(_) | Value::Str(_) | Value::Unit) {
            return err(*at, format!("`{name}` needs arrays, found {}", v.describe()));
        }
        arrays.push(Value::Array(tr.to_traced(v, None, *at)?));
    }
    if arrays.is_empty() {
        return err(sp, format!("`{name}` of no arrays"));
    }
    tr.promote(name, &arrays, sp)
}

/// Two operands of one dtype, and the dtype to form products in.
fn two(tr: &mut Tracer<'_>, b: &Bound, names: [&str; 2]) -> R<(Traced, Traced, Option<DType>)> {
    let preferred = product_options(b)?;
    let (x, y) = (array(tr, b, names[0])?, array(tr, b, names[1])?);
    let (x, y) = tr.promote2(b.name(), &Value::Array(x), &Value::Array(y), b.call())?;
    Ok((x, y, preferred))
}

fn how(b: &Bound, preferred: Option<DType>) -> How {
    How { preferred, in_order: true, sp: b.call() }
}

fn with_options(names: &[&'static str]) -> Vec<&'static str> {
    [names, &OPTIONS].concat()
}

fn conj(tr: &mut Tracer<'_>, x: &Traced, sp: Sp) -> R<Traced> {
    if x.aval.dtype.is_complex() { tr.bind1(Conj, &[x], sp) } else { Ok(x.clone()) }
}

/// What a product does with the last axes; the axes before broadcast.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Core {
    /// Two matrices, a vector standing for a row on the left and for a column on the right.
    Matrices,
    MatrixVector,
    /// The vector is conjugated.
    VectorMatrix,
}

const ROW: Label = 0;
const SHARED: Label = 1;
const COLUMN: Label = 2;
/// Leading axes count from here, the last one first.
const LEAD: Label = 10;

fn named_product(
    tr: &mut Tracer<'_>,
    name: &str,
    params: &'static [&'static str; 2],
    core: Core,
    args: Args,
    sp: Sp,
) -> R<Value> {
    let b = args.bind(name, &with_options(params), 2, sp)?;
    let (mut x, y, preferred) = two(tr, &b, *params)?;
    let (rx, ry) = (x.aval.rank(), y.aval.rank());
    let (left, right): (&[Label], &[Label]) = match core {
        Core::Matrices => {
            (if rx == 1 { &[SHARED] } else { &[ROW, SHARED] }, if ry == 1 { &[SHARED] } else { &[SHARED, COLUMN] })
        }
        Core::MatrixVector => (&[ROW, SHARED], &[SHARED]),
        Core::VectorMatrix => (&[SHARED], &[SHARED, COLUMN]),
    };
    for (v, param, labels) in [(&x, params[0], left), (&y, params[1], right)] {
        if v.aval.rank() == 0 {
            return err_help(
                b.sp(param),
                format!("`{name}` needs arrays with axes, found {}", show(&v.aval)),
                "multiply by a scalar with `*`",
            );
        }
        if v.aval.rank() < labels.len() {
            return err_help(
                b.sp(param),
                format!("`{name}` needs a matrix here, found {}", show(&v.aval)),
                "`matmul` takes vectors on both sides",
            );
        }
    }
    let (kx, ky) = (rx - 1, ry - right.len());
    if x.aval.shape[kx] != y.aval.shape[ky] {
        return Err(pairing_error(tr, &b, params[1], &x, &y, kx, ky).into());
    }
    if core == Core::VectorMatrix {
        x = conj(tr, &x, sp)?;
    }
    let (nx, ny) = (rx - left.len(), ry - right.len());
    if arith::broadcast_shapes(&x.aval.shape[..nx], &y.aval.shape[..ny]).is_none() {
        let text = format!("`{name}` cannot broadcast the leading axes of {} and {}", show(&x.aval), show(&y.aval));
        return err(sp, text);
    }
    let lead = |n: usize| (0..n as Label).rev().map(|k| LEAD + k).collect::<Vec<_>>();
    let free = left.iter().chain(right).filter(|l| **l != SHARED).copied().collect();
    let out = [lead(nx.max(ny)), free].concat();
    let terms = vec![
        Term { x, labels: [lead(nx), left.to_vec()].concat() },
        Term { x: y, labels: [lead(ny), right.to_vec()].concat() },
    ];
    Ok(Value::Array(contract(tr, terms, &out, &how(&b, preferred))?))
}

/// numpy's `dot`: the last axis of `a` with the second to last of `b`; scalars multiply.
fn dot(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("dot", &with_options(&["a", "b"]), 2, sp)?;
    let (x, y, preferred) = two(tr, &b, ["a", "b"])?;
    let (rx, ry) = (x.aval.rank(), y.aval.rank());
    if rx == 0 || ry == 0 {
        return multiplied(tr, &b, &x, &y, preferred);
    }
    let (kx, ky) = (rx - 1, if ry == 1 { 0 } else { ry - 2 });
    paired(tr, &b, "b", (&x, &y), (&[kx], &[ky]), preferred)
}

/// The product with a scalar, in the dtype that was asked for.
fn multiplied(tr: &mut Tracer<'_>, b: &Bound, x: &Traced, y: &Traced, preferred: Option<DType>) -> R<Value> {
    let (mut x, mut y) = (x.clone(), y.clone());
    if let Some(d) = preferred {
        (x, y) = (tr.convert(&x, d, b.call())?, tr.convert(&y, d, b.call())?);
    }
    tr.binary(BinOp::Mul, &Value::Array(x), &Value::Array(y), b.call())
}

/// The sum of products over pairs of axes.
fn paired(
    tr: &mut Tracer<'_>,
    b: &Bound,
    param: &str,
    (x, y): (&Traced, &Traced),
    (left, right): (&[usize], &[usize]),
    preferred: Option<DType>,
) -> R<Value> {
    if let Some((k, m)) = left.iter().zip(right).find(|(k, m)| x.aval.shape[**k] != y.aval.shape[**m]) {
        return Err(pairing_error(tr, b, param, x, y, *k, *m).into());
    }
    let op = DotGeneral { preferred, ..DotGeneral::contracting(left, right) };
    Ok(Value::Array(dot_general(tr, op, x, y, b.call())?))
}

/// `matmul` cannot pair 64 columns with 63 elements.
fn pairing_error(tr: &Tracer<'_>, b: &Bound, param: &str, x: &Traced, y: &Traced, kx: usize, ky: usize) -> Diag {
    let part = |t: &Traced, k: usize| match t.aval.rank() {
        1 => "elements",
        r if k + 1 == r => "columns",
        _ => "rows",
    };
    let (nx, ny) = (x.aval.shape[kx], y.aval.shape[ky]);
    let mut d =
        Diag::at(b.sp(param), format!("`{}` cannot pair {nx} {} with {ny} {}", b.name(), part(x, kx), part(y, ky)));
    d.notes = vec![tr.origin_as(x, "left"), tr.origin_as(y, "right")];
    let mut want = (*y.aval).clone();
    want.shape[ky] = nx;
    let declare =
        tr.declare(y, &want).unwrap_or_else(|| format!("the right side should be `{}`", types::rust_type(&want)));
    let swapped = y.aval.rank() == 2 && y.aval.shape[1 - ky] == nx;
    d.help = Some(if swapped {
        format!("write `{}.T()`, or {declare}", y.name.as_deref().unwrap_or(".."))
    } else if let (Some(name), true) = (&x.name, nx > ny) {
        let cut = if x.aval.rank() == 2 { format!("{name}[(.., 0..{ny})]") } else { format!("{name}[0..{ny}]") };
        format!("{declare}, or pass `{cut}`")
    } else {
        declare
    });
    d
}

fn flat(tr: &mut Tracer<'_>, x: &Traced, sp: Sp) -> R<Traced> {
    reshaped(tr, x, vec![x.aval.size()], sp)
}

fn reshaped(tr: &mut Tracer<'_>, x: &Traced, shape: Vec<usize>, sp: Sp) -> R<Traced> {
    if x.aval.shape == shape {
        return Ok(x.clone());
    }
    let mut out = tr.bind1(Reshape { shape }, &[x], sp)?;
    (out.weak, out.name) = (x.weak, x.name.clone());
    Ok(out)
}

/// The sum of products of all elements, those of `a` conjugated.
fn vdot(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("vdot", &with_options(&["a", "b"]), 2, sp)?;
    let (x, y, preferred) = two(tr, &b, ["a", "b"])?;
    let x = conj(tr, &x, sp)?;
    let (x, y) = (flat(tr, &x, sp)?, flat(tr, &y, sp)?);
    paired(tr, &b, "b", (&x, &y), (&[0], &[0]), preferred)
}

/// Along `axis` of both, the first conjugated; other axes broadcast.
fn vecdot(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("vecdot", &["x1", "x2", "axis", "precision", "preferred_element_type"], 2, sp)?;
    let (x, y, preferred) = two(tr, &b, ["x1", "x2"])?;
    let given = b.int("axis")?.unwrap_or(-1);
    let (kx, ky) = (
        axis(given, x.aval.rank(), &show(&x.aval), b.sp("axis"))?,
        axis(given, y.aval.rank(), &show(&y.aval), b.sp("axis"))?,
    );
    if x.aval.shape[kx] != y.aval.shape[ky] {
        return Err(pairing_error(tr, &b, "x2", &x, &y, kx, ky).into());
    }
    let labels = |rank: usize, k: usize| {
        let mut all: Vec<Label> = (0..rank as Label - 1).rev().map(|n| LEAD + n).collect();
        all.insert(k, SHARED);
        all
    };
    let (lx, ly) = (labels(x.aval.rank(), kx), labels(y.aval.rank(), ky));
    let rest = |t: &Traced, k: usize| {
        let mut s = t.aval.shape.clone();
        s.remove(k);
        s
    };
    let Some(shape) = arith::broadcast_shapes(&rest(&x, kx), &rest(&y, ky)) else {
        return err(sp, format!("`vecdot` cannot broadcast the other axes of {} and {}", show(&x.aval), show(&y.aval)));
    };
    let out: Vec<Label> = (0..shape.len() as Label).rev().map(|n| LEAD + n).collect();
    let x = conj(tr, &x, sp)?;
    let terms = vec![Term { x, labels: lx }, Term { x: y, labels: ly }];
    Ok(Value::Array(contract(tr, terms, &out, &how(&b, preferred))?))
}

/// The last axes of both; scalars multiply.
fn inner(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("inner", &with_options(&["a", "b"]), 2, sp)?;
    let (x, y, preferred) = two(tr, &b, ["a", "b"])?;
    let (rx, ry) = (x.aval.rank(), y.aval.rank());
    if rx == 0 || ry == 0 {
        return multiplied(tr, &b, &x, &y, preferred);
    }
    paired(tr, &b, "b", (&x, &y), (&[rx - 1], &[ry - 1]), preferred)
}

/// Every element of `a` with every one of `b`.
fn outer(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("outer", &["a", "b"], 2, sp)?;
    let (x, y, _) = two(tr, &b, ["a", "b"])?;
    let (n, m) = (x.aval.size(), y.aval.size());
    let (x, y) = (reshaped(tr, &x, vec![n, 1], sp)?, reshaped(tr, &y, vec![1, m], sp)?);
    tr.binary(BinOp::Mul, &Value::Array(x), &Value::Array(y), sp)
}

/// Blocks of `b`, each times an element of `a`.
fn kron(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("kron", &["a", "b"], 2, sp)?;
    let (x, y, _) = two(tr, &b, ["a", "b"])?;
    let rank = x.aval.rank().max(y.aval.rank());
    let padded = |t: &Traced| [vec![1; rank - t.aval.rank()], t.aval.shape.clone()].concat();
    let (sx, sy) = (padded(&x), padded(&y));
    let wide_x = sx.iter().flat_map(|n| [*n, 1]).collect();
    let wide_y = sy.iter().flat_map(|n| [1, *n]).collect();
    let (x, y) = (reshaped(tr, &x, wide_x, sp)?, reshaped(tr, &y, wide_y, sp)?);
    let product = tr.binary(BinOp::Mul, &Value::Array(x), &Value::Array(y), sp)?;
    let product = tr.to_traced(&product, None, sp)?;
    Ok(Value::Array(reshaped(tr, &product, sx.iter().zip(&sy).map(|(a, b)| a * b).collect(), sp)?))
}

/// Static axes of an operand: one or several.
fn axes_of(v: &Value, x: &Traced, at: Sp) -> R<Vec<usize>> {
    match static_ints(v) {
        Some(ints) => ints.into_iter().map(|i| axis(i, x.aval.rank(), &show(&x.aval), at)).collect(),
        None => err_help(
            at,
            format!("the axes of {} are static integers, found {}", show(&x.aval), v.describe()),
            "write `axes = 1`, or a pair `axes = ((1, 2), (0, 1))`",
        ),
    }
}

/// Contracts the last `axes` axes of `a` with the first of `b`, or the axes that a pair of tuples names.
fn tensordot(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("tensordot", &["a", "b", "axes", "precision", "preferred_element_type"], 2, sp)?;
    let (x, y, preferred) = two(tr, &b, ["a", "b"])?;
    let at = b.sp("axes");
    let (rx, ry) = (x.aval.rank(), y.aval.rank());
    let (left, right) = match b.get("axes").cloned().unwrap_or(Value::int(2)) {
        Value::Num(Num { value: Number::Int(n), .. }) => {
            let Some(n) = usize::try_from(n).ok().filter(|n| *n <= rx.min(ry)) else {
                let text = format!("`tensordot` cannot contract {n} axes of {} and {}", show(&x.aval), show(&y.aval));
                return err_help(at, text, "give `axes` as an integer that both have axes for, or as a pair of tuples");
            };
            ((rx - n..rx).collect(), (0..n).collect())
        }
        Value::Tuple(pair) | Value::List(pair) if pair.len() == 2 => {
            (axes_of(&pair[0], &x, at)?, axes_of(&pair[1], &y, at)?)
        }
        other => {
            return err_help(
                at,
                format!("`axes` is an integer or a pair of tuples of axes, found {}", other.describe()),
                "write `axes = 1`, or `axes = ((1, 2), (0, 1))`",
            );
        }
    };
    if left.len() != right.len() {
        return err(at, format!("`tensordot` pairs axes: found {} of `a` and {} of `b`", left.len(), right.len()));
    }
    for side in [&left, &right] {
        if let Some((_, d)) = side.iter().enumerate().find(|(n, d)| side[..*n].contains(d)) {
            return err(at, format!("axis {d} is given twice"));
        }
    }
    if let Some((k, m)) = left.iter().zip(&right).find(|(k, m)| x.aval.shape[**k] != y.aval.shape[**m]) {
        let (n, o) = (x.aval.shape[*k], y.aval.shape[*m]);
        let mut d = Diag::at(
            if b.get("axes").is_some() { at } else { b.sp("b") },
            format!(
                "`tensordot` cannot pair axis {k} of {} with axis {m} of {}: {n} and {o}",
                show(&x.aval),
                show(&y.aval)
            ),
        );
        d.notes = vec![tr.origin_as(&x, "left"), tr.origin_as(&y, "right")];
        return Err(d.into());
    }
    paired(tr, &b, "b", (&x, &y), (&left, &right), preferred)
}

/// A chain of matrix products in the cheapest order; the first and the last may be vectors.
fn multi_dot(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("multi_dot", &["arrays", "precision"], 1, sp)?;
    product_options(&b)?;
    let (Value::Tuple(items) | Value::List(items)) = b.want("arrays") else {
        let found = b.want("arrays").describe();
        return err(b.sp("arrays"), format!("`multi_dot` takes a tuple of matrices, found {found}"));
    };
    let at = b.sp("arrays");
    if items.len() < 2 {
        return err(at, "`multi_dot` needs two matrices at least");
    }
    let values: Vec<(Value, Sp)> = items.iter().map(|v| (v.clone(), at)).collect();
    let arrays = operands(tr, "multi_dot", &values, sp)?;
    let last = arrays.len() - 1;
    let (mut terms, mut out) = (Vec::new(), Vec::new());
    for (n, x) in arrays.iter().enumerate() {
        let k = n as Label;
        let labels = match x.aval.rank() {
            2 => vec![k, k + 1],
            1 if n == 0 => vec![1],
            1 if n == last => vec![k],
            _ => {
                let mut d = Diag::at(at, format!("`multi_dot` needs matrices, item {n} is {}", show(&x.aval))).item(n);
                d.notes = vec![tr.origin(x)];
                return Err(d.help("only the first and the last may be vectors").into());
            }
        };
        if let Some(Term { x: before, .. }) = terms.last()
            && before.aval.shape.last() != x.aval.shape.first()
        {
            return Err(pairing_error(tr, &b, "arrays", before, x, before.aval.rank() - 1, 0).item(n).into());
        }
        out.extend((n == 0 && x.aval.rank() == 2).then_some(k));
        out.extend((n == last && x.aval.rank() == 2).then_some(k + 1));
        terms.push(Term { x: x.clone(), labels });
    }
    let how = How { preferred: None, in_order: false, sp };
    Ok(Value::Array(contract(tr, terms, &out, &how)?))
}

/// `lax.dot`: the last axis of the left with the first of the right, or as `dimension_numbers` say.
fn lax_dot(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("dot", &["lhs", "rhs", "dimension_numbers", "precision", "preferred_element_type"], 2, sp)?;
    if b.get("dimension_numbers").is_some_and(|v| !matches!(v, Value::Option(None))) {
        return general(tr, &b);
    }
    let (x, y, preferred) = two(tr, &b, ["lhs", "rhs"])?;
    let ranks = (x.aval.rank(), y.aval.rank());
    if !(1..=2).contains(&ranks.0) || !(1..=2).contains(&ranks.1) {
        return err_help(
            sp,
            format!("`lax::dot` needs vectors or matrices, found {} and {}", show(&x.aval), show(&y.aval)),
            "use `matmul`, or give `dimension_numbers`",
        );
    }
    paired(tr, &b, "rhs", (&x, &y), (&[ranks.0 - 1], &[0]), preferred)
}

fn lax_dot_general(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let params = ["lhs", "rhs", "dimension_numbers", "precision", "preferred_element_type"];
    let b = args.bind("dot_general", &params, 3, sp)?;
    general(tr, &b)
}

/// With `dimension_numbers = ((lhs_contract, rhs_contract), (lhs_batch, rhs_batch))`.
fn general(tr: &mut Tracer<'_>, b: &Bound) -> R<Value> {
    let preferred = product_options(b)?;
    let (mut x, mut y) = (array(tr, b, "lhs")?, array(tr, b, "rhs")?);
    // Operands of two dtypes meet in the one that was asked for.
    if preferred.is_none() || x.weak || y.weak {
        (x, y) = tr.promote2(b.name(), &Value::Array(x), &Value::Array(y), b.call())?;
    }
    let at = b.sp("dimension_numbers");
    let numbers = b.want("dimension_numbers");
    let pair = |v: &Value| match v {
        Value::Tuple(p) | Value::List(p) if p.len() == 2 => Some((p[0].clone(), p[1].clone())),
        _ => None,
    };
    let parts = pair(&numbers).and_then(|(c, m)| Some((pair(&c)?, pair(&m)?)));
    let Some(((lc, rc), (lb, rb))) = parts else {
        return err_help(
            at,
            format!(
                "`dimension_numbers` names contracted and batch axes of both operands, found {}",
                numbers.describe()
            ),
            "write `(((1,), (0,)), ((), ()))` for a matrix product",
        );
    };
    let op = DotGeneral {
        lhs_contract: axes_of(&lc, &x, at)?,
        rhs_contract: axes_of(&rc, &y, at)?,
        lhs_batch: axes_of(&lb, &x, at)?,
        rhs_batch: axes_of(&rb, &y, at)?,
        preferred,
    };
    for (what, left, right) in
        [("contracted", &op.lhs_contract, &op.rhs_contract), ("batch", &op.lhs_batch, &op.rhs_batch)]
    {
        if left.len() != right.len() {
            return err(at, format!("{what} axes come in pairs: found {} and {}", left.len(), right.len()));
        }
        if let Some((k, m)) = left.iter().zip(right).find(|(k, m)| x.aval.shape[**k] != y.aval.shape[**m]) {
            let (n, o) = (x.aval.shape[*k], y.aval.shape[*m]);
            let text = format!("{what} axes {k} of {} and {m} of {} differ: {n} and {o}", show(&x.aval), show(&y.aval));
            let mut d = Diag::at(at, text);
            d.notes = vec![tr.origin_as(&x, "left"), tr.origin_as(&y, "right")];
            return Err(d.into());
        }
    }
    Ok(Value::Array(dot_general(tr, op, &x, &y, b.call())?))
}

/// Matrices in the last two axes; the axes before agree.
fn batch_matmul(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("batch_matmul", &["lhs", "rhs", "precision", "preferred_element_type"], 2, sp)?;
    let (x, y, preferred) = two(tr, &b, ["lhs", "rhs"])?;
    let r = x.aval.rank();
    if r < 2 || y.aval.rank() != r || x.aval.shape[..r - 2] != y.aval.shape[..r - 2] {
        return err_help(
            sp,
            format!(
                "`batch_matmul` needs matrices with equal leading axes, found {} and {}",
                show(&x.aval),
                show(&y.aval)
            ),
            "`matmul` broadcasts leading axes",
        );
    }
    if x.aval.shape[r - 1] != y.aval.shape[r - 2] {
        return Err(pairing_error(tr, &b, "rhs", &x, &y, r - 1, r - 2).into());
    }
    let lead: Vec<usize> = (0..r - 2).collect();
    let op = DotGeneral {
        lhs_contract: vec![r - 1],
        rhs_contract: vec![r - 2],
        lhs_batch: lead.clone(),
        rhs_batch: lead,
        preferred,
    };
    Ok(Value::Array(dot_general(tr, op, &x, &y, sp)?))
}
