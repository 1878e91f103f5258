//! Random graphs, held against the reference evaluator: optimised or not, interpreted as a schedule, and compiled.

pub mod random;

use kiln_codegen::array::Array;
use kiln_codegen::dtype::{DType, Scalar};
use kiln_codegen::graph::{Graph, Var};

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// Graphs that are drawn, the same ones every time; `KILN_GRAPHS` says how many and `KILN_SEED` from which on.
pub fn cases() -> impl Iterator<Item = random::Case> {
    drawn(2500)
}

/// [`cases`] of everything that can be evaluated, also what no kernel is made of here.
pub fn wide_cases() -> impl Iterator<Item = random::Case> {
    numbers(1000).map(|seed| random::wide_case(seed, 3 + (seed % 23) as usize))
}

/// [`cases`] for tests that take longer: fewer, unless `KILN_GRAPHS` says how many.
pub fn few_cases() -> impl Iterator<Item = random::Case> {
    drawn(250)
}

fn drawn(n: u64) -> impl Iterator<Item = random::Case> {
    numbers(n).map(|seed| random::case(seed, 3 + (seed % 23) as usize))
}

fn numbers(n: u64) -> std::ops::Range<u64> {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let (n, first) = (number("KILN_GRAPHS", n), number("KILN_SEED", 0));
    first..first + n
}

/// The bits of an element; every NaN is the same one. Those of the parts of a complex number are mixed.
pub fn bits(x: Scalar) -> u64 {
    match x {
        Scalar::F32(v) if v.is_nan() => u64::MAX,
        Scalar::F64(v) if v.is_nan() => u64::MAX,
        Scalar::F32(v) => u64::from(v.to_bits()),
        Scalar::F64(v) => v.to_bits(),
        Scalar::Bool(b) => u64::from(b),
        Scalar::C64(z) => bits(Scalar::F32(z.re)).rotate_left(32) ^ bits(Scalar::F32(z.im)),
        Scalar::C128(z) => bits(Scalar::F64(z.re)).rotate_left(32) ^ bits(Scalar::F64(z.im)),
        other => other.to_i128().map_or(0, |i| i as u64),
    }
}

/// Whether arrays have the same type and the same bits.
pub fn same(a: &Array, b: &Array) -> bool {
    a.aval() == b.aval() && a.data().iter().zip(b.data()).all(|(x, y)| bits(*x) == bits(*y))
}

/// An element as the kernels take and give it.
pub trait Element: Copy {
    /// Which one.
    const DTYPE: DType;
    /// As the compiler sees it.
    fn scalar(self) -> Scalar;
    /// As a kernel sees it.
    fn of(x: Scalar) -> Self;
}

macro_rules! elements {
    ($($ty:ident $variant:ident $zero:expr;)*) => {$(
        impl Element for $ty {
            const DTYPE: DType = DType::$variant;
            fn scalar(self) -> Scalar {
                Scalar::$variant(self)
            }
            fn of(x: Scalar) -> $ty {
                match x {
                    Scalar::$variant(v) => v,
                    _ => $zero,
                }
            }
        }
    )*};
}
elements! {
    f32 F32 0.0; f64 F64 0.0; bool Bool false;
    i8 I8 0; i16 I16 0; i32 I32 0; i64 I64 0;
    u8 U8 0; u16 U16 0; u32 U32 0; u64 U64 0;
}

/// The elements of an array, as a kernel takes them.
pub fn take<T: Element, const N: usize>(x: &Array) -> [T; N] {
    std::array::from_fn(|i| T::of(x.data()[i]))
}

/// What a kernel gave, as an array of type `like`.
pub fn give<T: Element>(data: &[T], like: &kiln_codegen::graph::Aval) -> Array {
    Array::new(like.clone(), data.iter().map(|x| x.scalar()).collect())
}

/// The graph with only the equations up to number `n`, and the results of the last of them: for finding the first
/// equation that goes wrong.
pub fn prefix(g: &Graph, n: usize) -> Graph {
    let mut g = g.clone();
    g.eqns.truncate(n + 1);
    let outs: Vec<Var> = g.eqns.last().map(|e| e.outputs.clone()).unwrap_or_default();
    g.outputs = outs;
    g
}
