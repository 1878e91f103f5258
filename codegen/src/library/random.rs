//! What the functions of `random::` need beyond the library's language: keys, and the bits of floats.

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::Aval;
use crate::library::intrinsics::{array, dtype_arg};
use crate::ops::threefry2x32::Word;
use crate::ops::*;
use crate::parse::spans::Sp;
use crate::trace::args::Args;
use crate::trace::value::{Num, Number, Traced, Value, show};
use crate::trace::{R, Tracer, err, err_help};

/// Intrinsics of this file.
pub const TABLE: super::Table = &[
    ("random_key", |tr, a, sp| key(tr, "key", a, sp)),
    ("random_PRNGKey", |tr, a, sp| key(tr, "PRNGKey", a, sp)),
    ("_key", checked_key),
    ("_threefry", threefry),
    ("_shuffles", shuffles),
    ("_float_dtype", |tr, a, sp| dtype_of_kind(tr, "a float", |d| d.is_float(), a, sp)),
    ("_int_dtype", |tr, a, sp| dtype_of_kind(tr, "an integer", |d| d.is_int(), a, sp)),
    ("_uint_dtype", |tr, a, sp| dtype_of_kind(tr, "an unsigned integer", |d| d.is_unsigned(), a, sp)),
    ("_unsigned_of", unsigned_of),
    ("_bits_of", |tr, a, sp| limit(tr, a, sp, |d| Number::Int(d.bytes() as i128 * 8))),
    ("_tiny", |tr, a, sp| {
        limit(tr, a, sp, |d| {
            Number::Float(match d {
                DType::F64 => f64::MIN_POSITIVE,
                DType::F16 => half::f16::MIN_POSITIVE.to_f64(),
                _ => f32::MIN_POSITIVE as f64,
            })
        })
    }),
    ("_epsilon", |tr, a, sp| {
        limit(tr, a, sp, |d| {
            Number::Float(match d {
                DType::F64 => f64::EPSILON,
                DType::F16 => half::f16::EPSILON.to_f64(),
                DType::BF16 => half::bf16::EPSILON.to_f64(),
                _ => f32::EPSILON as f64,
            })
        })
    }),
    ("_int_limits", |tr, a, sp| {
        let (low, high) = dtype(tr, a, sp)?.int_range();
        Ok(Value::tuple(vec![Value::int(low), Value::int(high)]))
    }),
];

/// A key from a seed of up to 64 bits; the high word is zero for seeds of 32.
fn key(tr: &mut Tracer<'_>, name: &str, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind(name, &["seed"], 1, sp)?;
    let words = match b.want("seed") {
        Value::Num(Num { value: Number::Int(i), dtype }) => {
            let wide = match dtype {
                Some(d) => d.bytes() == 8,
                None => i32::try_from(i).is_err(),
            };
            let high = if wide { (i >> 32) as u32 } else { 0 };
            let data = [high, i as u32].map(Scalar::U32).to_vec();
            return Ok(Value::Array(tr.constant(Array::new(Aval::new(DType::U32, &[2]), data), sp)));
        }
        _ => {
            let seed = array(tr, &b, "seed")?;
            if !seed.aval.dtype.is_int() || seed.aval.rank() != 0 {
                return err_help(
                    b.sp("seed"),
                    format!("the seed of a key is an integer, found {}", show(&seed.aval)),
                    "one number makes one key: write `random::key(7)`, then `random::split(key, n)`",
                );
            }
            let low = tr.convert(&seed, DType::U32, sp)?;
            let high = if seed.aval.dtype.bytes() == 8 {
                let wide = tr.convert(&seed, DType::U64, sp)?;
                let by = tr.constant(Array::full(&wide.aval, Scalar::U64(32)), sp);
                let shifted = tr.bind1(ShiftRightLogical, &[&wide, &by], sp)?;
                tr.convert(&shifted, DType::U32, sp)?
            } else {
                tr.constant(Array::full(&low.aval, Scalar::U32(0)), sp)
            };
            [high, low]
        }
    };
    let rows = words.map(|w| tr.bind1(Reshape { shape: vec![1] }, &[&w], sp));
    let [high, low] = rows;
    Ok(Value::Array(tr.bind1(Concatenate { axis: 0 }, &[&high?, &low?], sp)?))
}

/// `_key(key)`: the two words of a key.
fn checked_key(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("_key", &["key"], 1, sp)?;
    let key = array(tr, &b, "key")?;
    if key.aval.dtype != DType::U32 || *key.aval.shape != [2] {
        let word = tr.word.clone().unwrap_or_else(|| "this".into());
        let help = match (key.aval.dtype, &*key.aval.shape) {
            (DType::U32, [.., 2]) => "take one of the keys, `keys[i]`, or `vmap` over them",
            _ => "make one from a seed, `random::key(7)`; as a parameter it is `&[u32; 2]`",
        };
        return err_help(sp, format!("`{word}` needs a key, u32[2], found {}", show(&key.aval)), help);
    }
    Ok(Value::tuple(vec![tr.item_at(&key, 0, sp)?, tr.item_at(&key, 1, sp)?]))
}

/// `_threefry(word, (k0, k1), x0, x1)`: a word of every block, "first", "second" or "both".
fn threefry(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("_threefry", &["word", "key", "x0", "x1"], 4, sp)?;
    let word = match b.want("word") {
        Value::Str(name) => Word::from_name(&name).unwrap_or(Word::Both),
        _ => Word::Both,
    };
    let Value::Tuple(key) = b.want("key") else { return err(sp, "a key has two words") };
    let counter = array(tr, &b, "x1")?;
    let mut ins: Vec<Traced> = Vec::new();
    for v in key.iter().chain([&b.want("x0")]) {
        let t = tr.to_traced(v, Some(DType::U32), sp)?;
        ins.push(tr.broadcast_to(&t, &counter.aval.shape, sp)?);
    }
    ins.push(counter);
    let refs: Vec<&Traced> = ins.iter().collect();
    Ok(Value::Array(tr.bind1(Threefry2x32 { word }, &refs, sp)?))
}

/// `_shuffles(n)`: how often `n` elements are sorted by random words, so that hardly any two stay tied: JAX's number.
fn shuffles(_tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let n = args.bind("_shuffles", &["n"], 1, sp)?.int("n")?.unwrap_or(0).max(1);
    let rounds = (3.0 * kiln_math::log(n as f64) / kiln_math::log(u32::MAX as f64)).ceil();
    Ok(Value::int(rounds as i128))
}

fn dtype(_tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<DType> {
    dtype_arg(&args.bind("_dtype", &["dtype"], 1, sp)?, DType::F32)
}

/// The dtype, if it is of the kind that the function in hand makes.
fn dtype_of_kind(tr: &mut Tracer<'_>, kind: &str, fits: fn(DType) -> bool, args: Args, sp: Sp) -> R<Value> {
    let found = dtype(tr, args, sp)?;
    if fits(found) {
        return Ok(Value::DType(found));
    }
    let word = tr.word.clone().unwrap_or_else(|| "this".into());
    err(sp, format!("the `dtype` of `{word}` is {kind}, found {found}"))
}

/// The unsigned dtype of the same width.
fn unsigned_of(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    Ok(Value::DType(match dtype(tr, args, sp)?.bytes() {
        1 => DType::U8,
        2 => DType::U16,
        4 => DType::U32,
        _ => DType::U64,
    }))
}

fn limit(tr: &mut Tracer<'_>, args: Args, sp: Sp, of: fn(DType) -> Number) -> R<Value> {
    Ok(Value::Num(Num { value: of(dtype(tr, args, sp)?), dtype: None }))
}
