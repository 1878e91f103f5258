//! What elementwise primitives share: operand checks, scalar arithmetic over all dtypes, Rust for infix operators.

use half::{bf16, f16};
use proc_macro2::TokenStream;
use quote::quote;

use crate::dtype::{DType, Scalar};
use crate::graph::{Graph, Var};
use crate::ops::{OpError, Operand, Tangent};

/// All operands have one dtype, which `accept` accepts; the result has it too.
pub fn same_dtype(name: &str, ins: &[DType], what: &str, accept: impl Fn(DType) -> bool) -> Result<DType, OpError> {
    let first = ins[0];
    for (n, d) in ins.iter().enumerate() {
        if *d != first {
            return Err(OpError::new(format!("`{name}` cannot combine {first} with {d}"))
                .at(n)
                .help(format!("convert one of them: `.. as {first}` or `.. as {d}`")));
        }
    }
    if accept(first) { Ok(first) } else { Err(OpError::new(format!("`{name}` needs {what}, found {first}")).at(0)) }
}

/// [`same_dtype`] for numbers: integers, floats and complex.
pub fn numeric(name: &str, ins: &[DType]) -> Result<DType, OpError> {
    same_dtype(name, ins, "numbers", |d| d != DType::Bool)
}

/// [`same_dtype`] for floats and complex numbers.
pub fn inexact(name: &str, ins: &[DType]) -> Result<DType, OpError> {
    same_dtype(name, ins, "floats", DType::is_inexact)
}

/// [`same_dtype`] for real floats.
pub fn float(name: &str, ins: &[DType]) -> Result<DType, OpError> {
    same_dtype(name, ins, "floats", DType::is_float)
}

/// A real function of one float; f16 and bf16 compute in f32 and round once.
pub fn float1(x: Scalar, f: impl Fn(f32) -> f32, d: impl Fn(f64) -> f64) -> Scalar {
    match x {
        Scalar::F32(x) => Scalar::F32(f(x)),
        Scalar::F64(x) => Scalar::F64(d(x)),
        Scalar::F16(x) => Scalar::F16(f16::from_f32(f(x.to_f32()))),
        Scalar::BF16(x) => Scalar::BF16(bf16::from_f32(f(x.to_f32()))),
        other => panic!("float function of {}", other.dtype()),
    }
}

/// A real function of two floats of one dtype; f16 and bf16 compute in f32 and round once.
pub fn float2(x: Scalar, y: Scalar, f: impl Fn(f32, f32) -> f32, d: impl Fn(f64, f64) -> f64) -> Scalar {
    match (x, y) {
        (Scalar::F32(x), Scalar::F32(y)) => Scalar::F32(f(x, y)),
        (Scalar::F64(x), Scalar::F64(y)) => Scalar::F64(d(x, y)),
        (Scalar::F16(x), Scalar::F16(y)) => Scalar::F16(f16::from_f32(f(x.to_f32(), y.to_f32()))),
        (Scalar::BF16(x), Scalar::BF16(y)) => Scalar::BF16(bf16::from_f32(f(x.to_f32(), y.to_f32()))),
        (x, y) => panic!("float function of {} and {}", x.dtype(), y.dtype()),
    }
}

/// The same expression on the payloads of two integers of one dtype.
#[macro_export]
macro_rules! int2 {
    ($x:expr, $y:expr; $a:ident, $b:ident => $e:expr) => {{
        use $crate::dtype::Scalar as S;
        match ($x, $y) {
            (S::I8($a), S::I8($b)) => S::I8($e),
            (S::I16($a), S::I16($b)) => S::I16($e),
            (S::I32($a), S::I32($b)) => S::I32($e),
            (S::I64($a), S::I64($b)) => S::I64($e),
            (S::U8($a), S::U8($b)) => S::U8($e),
            (S::U16($a), S::U16($b)) => S::U16($e),
            (S::U32($a), S::U32($b)) => S::U32($e),
            (S::U64($a), S::U64($b)) => S::U64($e),
            (x, y) => panic!("integer function of {} and {}", x.dtype(), y.dtype()),
        }
    }};
}

/// An infix operator for floats and a wrapping method for integers.
pub fn infix(dtype: DType, op: TokenStream, wrapping: TokenStream, x: &[TokenStream]) -> TokenStream {
    let (a, b) = (&x[0], &x[1]);
    if dtype.is_int() { quote!((#a).#wrapping(#b)) } else { quote!((#a #op #b)) }
}

/// A call of a function of the runtime: `::kiln::rt::NAME(args)`.
pub fn call(name: &str, args: &[TokenStream]) -> TokenStream {
    let name = proc_macro2::Ident::new(name, proc_macro2::Span::call_site());
    quote!(::kiln::rt::#name(#(#args),*))
}

/// Transpose of an op that is linear in exactly one operand: `f` makes that operand's cotangent.
pub fn transpose_one(ins: &[Operand], f: impl FnOnce(usize) -> Var) -> Vec<Tangent> {
    let mut out = vec![None; ins.len()];
    let linear: Vec<usize> =
        ins.iter().enumerate().filter(|(_, o)| matches!(o, Operand::Linear(_))).map(|(n, _)| n).collect();
    if let [n] = linear[..] {
        out[n] = Some(f(n));
    }
    out
}

/// `t * d`, where `d` is a derivative; the usual tangent of a function of one operand.
pub fn scaled(g: &mut Graph, t: Tangent, d: impl FnOnce(&mut Graph) -> Var) -> Tangent {
    t.map(|t| {
        let d = d(g);
        g.bind1(crate::ops::Mul, &[t, d])
    })
}
