//! Functions that go element by element.

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::library::intrinsics::{array, one, to_float};
use crate::ops::*;
use crate::parse::ast::BinOp;
use crate::parse::spans::Sp;
use crate::trace::args::Args;
use crate::trace::value::{Num, Number, Traced, Value, show};
use crate::trace::{R, Tracer, err_help, tree};

/// `float NAME: Op` takes integers as floats, `keep` keeps the dtype, `whole` leaves integers alone, `pair` is a function of
/// two operands, `logic` of bools.
macro_rules! table {
    (float $($f:ident = $fop:expr),+; keep $($k:ident = $kop:expr),+; whole $($w:ident = $wop:expr),+;
     pair $($p:ident = $pop:expr),+; logic $($l:ident = $lop:expr),+; other $($o:literal = $of:expr),+;) => {
        /// Intrinsics of this file.
        pub const TABLE: super::Table = &[
            $((stringify!($f), |tr, args, sp| unary(tr, stringify!($f), $fop.into(), Ints::Float, args, sp)),)+
            $((stringify!($k), |tr, args, sp| unary(tr, stringify!($k), $kop.into(), Ints::Same, args, sp)),)+
            $((stringify!($w), |tr, args, sp| unary(tr, stringify!($w), $wop.into(), Ints::Done, args, sp)),)+
            $((stringify!($p), |tr, args, sp| pair(tr, stringify!($p), $pop.into(), false, args, sp)),)+
            $((stringify!($l), |tr, args, sp| pair(tr, stringify!($l), $lop.into(), true, args, sp)),)+
            $(($o, $of),)+
        ];
    };
}

table! {
    float exp = Exp, exp2 = Exp2, log = Log, log1p = Log1p, expm1 = Expm1, sin = Sin, cos = Cos, tan = Tan,
        asin = Asin, acos = Acos, atan = Atan, arcsin = Asin, arccos = Acos, arctan = Atan,
        sinh = Sinh, cosh = Cosh, tanh = Tanh, asinh = Asinh, acosh = Acosh, atanh = Atanh,
        arcsinh = Asinh, arccosh = Acosh, arctanh = Atanh,
        logistic = Logistic, expit = Logistic, erf = Erf, erfc = Erfc, erf_inv = ErfInv, erfinv = ErfInv,
        lgamma = Lgamma, gammaln = Lgamma, digamma = Digamma,
        sqrt = Sqrt, rsqrt = Rsqrt, cbrt = Cbrt, fabs = Abs, rint = Round;
    keep negative = Neg, neg = Neg, abs = Abs, absolute = Abs, _sign = Sign,
        bitwise_not = Not, bitwise_invert = Not, invert = Not, population_count = PopulationCount, clz = Clz;
    whole floor = Floor, ceil = Ceil, _round = Round, trunc = Trunc;
    pair maximum = Max, minimum = Min, add = Add, subtract = Sub, multiply = Mul, nextafter = Nextafter,
        bitwise_and = And, bitwise_or = Or, bitwise_xor = Xor,
        left_shift = ShiftLeft, bitwise_left_shift = ShiftLeft, shift_left = ShiftLeft,
        shift_right_arithmetic = ShiftRightArithmetic, shift_right_logical = ShiftRightLogical,
        equal = Compare { op: CompareOp::Eq }, not_equal = Compare { op: CompareOp::Ne },
        less = Compare { op: CompareOp::Lt }, less_equal = Compare { op: CompareOp::Le },
        greater = Compare { op: CompareOp::Gt }, greater_equal = Compare { op: CompareOp::Ge };
    logic logical_and = And, logical_or = Or, logical_xor = Xor;
    other
        "_power" = |tr, a, sp| tr.power(a, sp),
        "_float" = |tr, a, sp| { let t = one(tr, "_float", a, sp)?; Ok(Value::Array(to_float(tr, &t, sp)?)) },
        "_is_float" = |tr, a, sp| Ok(Value::Bool(one(tr, "_is_float", a, sp)?.aval.dtype.is_inexact())),
        "_is_static" = |_, a, _| Ok(Value::Bool(a.pos.iter().all(|(v, _)| matches!(v, Value::Num(_))))),
        "_kind" = kind,
        "_layout" = layout,
        "_bits" = |tr, a, sp| Ok(Value::size(8 * one(tr, "_bits", a, sp)?.aval.dtype.bytes())),
        "_unsigned" = unsigned,
        "_largest" = largest,
        "_smallest" = smallest,
        "atan2" = |tr, a, sp| float_pair(tr, "atan2", Atan2.into(), a, sp),
        "arctan2" = |tr, a, sp| float_pair(tr, "arctan2", Atan2.into(), a, sp),
        "logical_not" = logical_not,
        "divide" = |tr, a, sp| true_divide(tr, "divide", a, sp),
        "true_divide" = |tr, a, sp| true_divide(tr, "true_divide", a, sp),
        "where_" = |tr, a, sp| where_(tr, "where_", &["condition", "x", "y"], a, sp),
        "select" = select,
        "isnan" = isnan,
        "isfinite" = isfinite,
        "real" = |tr, a, sp| part(tr, "real", a, sp),
        "imag" = |tr, a, sp| part(tr, "imag", a, sp),
        "conj" = |tr, a, sp| part(tr, "conj", a, sp),
        "conjugate" = |tr, a, sp| part(tr, "conjugate", a, sp),
        "complex" = complex,
        "lax_complex" = complex,
        "bitcast_convert_type" = bitcast,
        "view" = bitcast;
}

/// What a function of one operand does with integers.
#[derive(Clone, Copy, PartialEq)]
enum Ints {
    /// Takes them as floats.
    Float,
    /// Takes them as they are.
    Same,
    /// Has nothing to do.
    Done,
}

fn unary(tr: &mut Tracer<'_>, name: &str, op: Op, ints: Ints, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, &["x"], 1, sp)?;
    tr.map_tree(&b.want("x"), b.sp("x"), &mut |tr, t| {
        let t = match ints {
            Ints::Float => to_float(tr, t, sp)?,
            Ints::Done if !t.aval.dtype.is_inexact() => return Ok(t.clone()),
            _ => t.clone(),
        };
        tr.bind1(op.clone(), &[&t], sp)
    })
}

fn pair(tr: &mut Tracer<'_>, name: &str, op: Op, logic: bool, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, &["x", "y"], 2, sp)?;
    let (mut x, mut y) = (b.want("x"), b.want("y"));
    if logic {
        x = tr.map_tree(&x, b.sp("x"), &mut |tr, t| tr.convert(t, DType::Bool, sp))?;
        y = tr.map_tree(&y, b.sp("y"), &mut |tr, t| tr.convert(t, DType::Bool, sp))?;
    }
    pair_values(tr, name, op, &x, &y, sp)
}

/// A function of two operands on arrays, on trees leaf by leaf, on a tree and a scalar.
fn pair_values(tr: &mut Tracer<'_>, name: &str, op: Op, x: &Value, y: &Value, sp: Sp) -> R<Value> {
    let children = |v: &Value| tree::children(v).unwrap_or(&[]).to_vec();
    match (tree::is_tree(x), tree::is_tree(y)) {
        (true, true) if tree::same_structure(x, y) => {
            let both = children(x).into_iter().zip(children(y));
            let new = both.map(|(x, y)| pair_values(tr, name, op.clone(), &x, &y, sp)).collect::<R<_>>()?;
            return Ok(tree::with_children(x, new));
        }
        (true, false) if is_scalar(y) => {
            let new = children(x).iter().map(|x| pair_values(tr, name, op.clone(), x, y, sp)).collect::<R<_>>()?;
            return Ok(tree::with_children(x, new));
        }
        (false, true) if is_scalar(x) => {
            let new = children(y).iter().map(|y| pair_values(tr, name, op.clone(), x, y, sp)).collect::<R<_>>()?;
            return Ok(tree::with_children(y, new));
        }
        _ => {}
    }
    let (x, y) = tr.promote2(name, x, y, sp)?;
    let (x, y) = tr.broadcast2(name, &x, &y, sp)?;
    let mut out = tr.bind1(op, &[&x, &y], sp)?;
    out.weak = x.weak && y.weak && out.aval.dtype != DType::Bool;
    Ok(Value::Array(out))
}

fn is_scalar(v: &Value) -> bool {
    match v {
        Value::Array(t) => t.aval.rank() == 0,
        Value::Num(_) | Value::Bool(_) => true,
        _ => false,
    }
}

/// Both operands with one dtype, integers as floats.
fn floats(tr: &mut Tracer<'_>, name: &str, args: Args, sp: Sp) -> R<(Traced, Traced)> {
    let b = args.bind(name, &["x", "y"], 2, sp)?;
    let (x, y) = tr.promote2(name, &b.want("x"), &b.want("y"), sp)?;
    Ok((to_float(tr, &x, sp)?, to_float(tr, &y, sp)?))
}

fn float_pair(tr: &mut Tracer<'_>, name: &str, op: Op, args: Args, sp: Sp) -> R<Value> {
    let (x, y) = floats(tr, name, args, sp)?;
    pair_values(tr, name, op, &Value::Array(x), &Value::Array(y), sp)
}

fn true_divide(tr: &mut Tracer<'_>, name: &str, args: Args, sp: Sp) -> R<Value> {
    if args.pos.iter().any(|(v, _)| tree::is_tree(v)) && args.pos.len() == 2 {
        return tr.binary(BinOp::Div, &args.pos[0].0, &args.pos[1].0, sp);
    }
    let (x, y) = floats(tr, name, args, sp)?;
    tr.binary(BinOp::Div, &Value::Array(x), &Value::Array(y), sp)
}

fn logical_not(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("logical_not", &["x"], 1, sp)?;
    tr.map_tree(&b.want("x"), b.sp("x"), &mut |tr, t| {
        let t = tr.convert(t, DType::Bool, sp)?;
        tr.bind1(Not, &[&t], sp)
    })
}

/// A choice element by element; of trees leaf by leaf.
pub fn where_(tr: &mut Tracer<'_>, name: &str, params: &[&'static str; 3], args: Args, sp: Sp) -> R<Value> {
    if args.pos.len() == 1 && args.kw.is_empty() {
        return err_help(
            sp,
            format!(
                "`{name}` with one argument has as many results as there are true elements, which is not known while compiling"
            ),
            "write `nonzero(mask, size = n)`, or give both alternatives: `where_(mask, x, 0.0)`",
        );
    }
    let b = args.bind(name, params, 3, sp)?;
    let [c, x, y] = params.map(|p| b.want(p));
    if tree::is_tree(&c) {
        return err_help(
            b.sp(params[0]),
            format!("the condition of `{name}` is an array, found {}", c.describe()),
            "choose leaf by leaf with `tree_map`",
        );
    }
    let c = match c {
        Value::Bool(_) => c,
        _ => {
            let t = array(tr, &b, params[0])?;
            Value::Array(tr.convert(&t, DType::Bool, b.sp(params[0]))?)
        }
    };
    choose(tr, name, &c, &x, &y, sp)
}

/// `select(c, a, b)` is `where_`; with lists of conditions and choices it is numpy's.
fn select(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let listed = matches!(args.pos.first(), Some((Value::Tuple(_), _)))
        || args.kw.iter().any(|(n, _, _)| matches!(&*n.text, "condlist" | "choicelist" | "default"))
        || matches!(args.pos.get(..2), Some([(_, _), (Value::Tuple(_), _)]));
    match listed {
        true => tr.call_builtin("_select_list", args, sp, true),
        false => where_(tr, "select", &["condition", "x", "y"], args, sp),
    }
}

fn choose(tr: &mut Tracer<'_>, name: &str, c: &Value, x: &Value, y: &Value, sp: Sp) -> R<Value> {
    let (x_tree, y_tree) = (tree::is_tree(x), tree::is_tree(y));
    if x_tree && y_tree && tree::same_structure(x, y) || x_tree && is_scalar(y) || y_tree && is_scalar(x) {
        let like = if x_tree { x } else { y };
        let n = tree::children(like).unwrap_or(&[]).len();
        let item = |v: &Value, is_tree: bool, k: usize| match is_tree {
            true => tree::children(v).unwrap_or(&[])[k].clone(),
            false => v.clone(),
        };
        let new =
            (0..n).map(|k| choose(tr, name, c, &item(x, x_tree, k), &item(y, y_tree, k), sp)).collect::<R<Vec<_>>>()?;
        return Ok(tree::with_children(like, new));
    }
    let (x, y) = tr.promote2(name, x, y, sp)?;
    let (x, y) = tr.broadcast2(name, &x, &y, sp)?;
    let c = match c {
        Value::Bool(c) => return Ok(Value::Array(if *c { x } else { y })),
        c => tr.to_traced(c, None, sp)?,
    };
    let (c, x2) = tr.broadcast2(name, &c, &x, sp)?;
    let y2 = tr.broadcast_to(&y, &c.aval.shape, sp)?;
    let mut out = tr.bind1(Select, &[&c, &x2, &y2], sp)?;
    out.weak = x.weak && y.weak;
    Ok(Value::Array(out))
}

fn isnan(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("isnan", &["x"], 1, sp)?;
    tr.map_tree(&b.want("x"), sp, &mut |tr, t| tr.bind1(Compare { op: CompareOp::Ne }, &[t, t], sp))
}

fn isfinite(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("isfinite", &["x"], 1, sp)?;
    tr.map_tree(&b.want("x"), sp, &mut |tr, t| {
        if !t.aval.dtype.is_complex() {
            let t = to_float(tr, t, sp)?;
            return tr.bind1(IsFinite, &[&t], sp);
        }
        let (re, im) = (tr.bind1(Real, &[t], sp)?, tr.bind1(Imag, &[t], sp)?);
        let (re, im) = (tr.bind1(IsFinite, &[&re], sp)?, tr.bind1(IsFinite, &[&im], sp)?);
        tr.bind1(And, &[&re, &im], sp)
    })
}

/// Parts of complex numbers; real numbers have no imaginary one.
fn part(tr: &mut Tracer<'_>, name: &str, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, &["x"], 1, sp)?;
    tr.map_tree(&b.want("x"), sp, &mut |tr, t| {
        let complex = t.aval.dtype.is_complex();
        match name {
            "imag" if !complex => Ok(tr.constant(Array::full(&t.aval, Scalar::zero(t.aval.dtype)), sp)),
            _ if !complex => Ok(t.clone()),
            "real" => tr.bind1(Real, &[t], sp),
            "imag" => tr.bind1(Imag, &[t], sp),
            _ => tr.bind1(Conj, &[t], sp),
        }
    })
}

fn complex(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let (x, y) = floats(tr, "complex", args, sp)?;
    pair_values(tr, "complex", MakeComplex.into(), &Value::Array(x), &Value::Array(y), sp)
}

/// The bits of the elements as another dtype.
fn bitcast(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("bitcast_convert_type", &["operand", "new_dtype"], 2, sp)?;
    let x = array(tr, &b, "operand")?;
    let Value::DType(dtype) = b.want("new_dtype") else {
        return err_help(
            b.sp("new_dtype"),
            format!("`new_dtype` is a dtype, found {}", b.want("new_dtype").describe()),
            "write it as in Rust: `u32`",
        );
    };
    if dtype.bytes() != x.aval.dtype.bytes() {
        return err_help(
            b.sp("new_dtype"),
            format!(
                "the elements of {} have {} bytes, {dtype} has {}",
                show(&x.aval),
                x.aval.dtype.bytes(),
                dtype.bytes()
            ),
            "bits keep their width: convert before or after with `as`",
        );
    }
    Ok(Value::Array(tr.bind1(BitcastConvert { dtype }, &[&x], sp)?))
}

/// `_kind(x)`: "float", "complex", "int", "uint" or "bool".
fn kind(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let kind = match one(tr, "_kind", args, sp)?.aval.dtype {
        d if d.is_float() => "float",
        d if d.is_complex() => "complex",
        d if d.is_signed() => "int",
        d if d.is_unsigned() => "uint",
        _ => "bool",
    };
    Ok(Value::Str(kind.into()))
}

/// `_layout(x)`: of a float dtype the number of stored mantissa bits, of exponent bits, the bias, the signed integer dtype of
/// its width.
fn layout(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let x = one(tr, "_layout", args, sp)?;
    let (mantissa, exponent, int) = match x.aval.dtype {
        DType::F32 => (23, 8, DType::I32),
        DType::F64 => (52, 11, DType::I64),
        DType::F16 => (10, 5, DType::I16),
        DType::BF16 => (7, 8, DType::I16),
        other => {
            let word = tr.word.clone().unwrap_or_else(|| "this".into());
            return err_help(sp, format!("`{word}` needs real floats, found {other}"), "convert first: `.. as f32`");
        }
    };
    let bias = (1i128 << (exponent - 1)) - 1;
    Ok(Value::tuple(vec![Value::int(mantissa), Value::int(exponent), Value::int(bias), Value::DType(int)]))
}

/// `_unsigned(x)`: the unsigned integers with as many bits.
fn unsigned(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let dtype = one(tr, "_unsigned", args, sp)?.aval.dtype;
    Ok(Value::DType(match dtype.bytes() {
        1 => DType::U8,
        2 => DType::U16,
        4 => DType::U32,
        _ => DType::U64,
    }))
}

/// `_largest(x)`: the largest finite number of the dtype.
fn largest(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let dtype = one(tr, "_largest", args, sp)?.aval.dtype;
    let value = match dtype {
        DType::F64 | DType::C128 => Number::Float(f64::MAX),
        DType::F16 => Number::Float(65504.0),
        DType::BF16 => Number::Float(half::bf16::MAX.to_f64()),
        d if d.is_inexact() => Number::Float(f32::MAX as f64),
        DType::Bool => Number::Int(1),
        d => Number::Int(d.int_range().1),
    };
    Ok(Value::Num(Num { value, dtype: Some(dtype) }))
}

/// `_smallest(x)`: minus infinity, or the smallest integer of the dtype.
fn smallest(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let dtype = one(tr, "_smallest", args, sp)?.aval.dtype;
    let value = match dtype {
        d if d.is_inexact() => Number::Float(f64::NEG_INFINITY),
        DType::Bool => Number::Int(0),
        d => Number::Int(d.int_range().0),
    };
    Ok(Value::Num(Num { value, dtype: Some(dtype) }))
}
