//! Elementwise primitives: what one says of itself, and what they share: operand checks, scalar arithmetic over all
//! dtypes, Rust for infix operators.

use std::any::Any;
use std::fmt;

use half::{bf16, f16};
use num_complex::Complex;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::ops::{
    Batched, Compare, CompareOp, Fpu, Lowering, Mul, Op, OpError, Operand, Primitive, Select, Tangent, add_tangents,
    with_batch_axis,
};
use crate::passes::strips::Strip;
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;

/// An elementwise primitive: its name, its scalar function, its derivative. Everything else follows.
pub trait Elementwise: fmt::Debug + Clone + Any {
    /// Name in the text form.
    const NAME: &'static str;
    /// Number of operands.
    const ARITY: usize;

    /// dtype of the result, or why the operands are refused. Shapes are checked for all.
    fn dtype(&self, ins: &[DType]) -> Result<DType, OpError>;

    /// The function on one element of each operand.
    fn scalar(&self, x: &[Scalar]) -> Scalar;

    /// The same function as Rust.
    fn emit(&self, dtypes: &[DType], x: &[TokenStream]) -> TokenStream;

    /// Tangent of the result from operands `x`, result `y` and tangents `t` (not all `None`); only called for float and
    /// complex results.
    fn tangent(&self, g: &mut Graph, x: &[Var], y: Var, t: &[Tangent]) -> Tangent;

    /// Cotangents of the linear operands.
    fn transpose(&self, _g: &mut Graph, _ct: Var, _ins: &[Operand]) -> Vec<Tangent> {
        panic!("`{}` is not linear", Self::NAME)
    }

    /// Parameters in the text form.
    fn params(&self) -> Params {
        Params::default()
    }

    /// As the combination of a fold over elements of `dtype`: what is folded so far with one more.
    fn emit_combined(&self, dtype: DType, so_far_and_item: [TokenStream; 2]) -> TokenStream {
        Elementwise::emit(self, &[dtype, dtype], &so_far_and_item)
    }

    /// See [`Primitive::commutes`].
    fn commutes(&self) -> bool {
        false
    }

    /// As the combination of a fold over elements of `dtype`: whether the result is the same in any order.
    fn is_order_free(&self, dtype: DType) -> bool {
        let _ = dtype;
        false
    }

    /// The instruction that computes it exactly as [`Elementwise::emit`] does, if there is one.
    fn fpu(&self) -> Option<Fpu> {
        None
    }

    /// See [`Primitive::weight`].
    fn weight(&self) -> u32 {
        1
    }

    /// Operations that one element costs in the FLOP count; conversions, comparisons and selections count none.
    fn flops(&self) -> u64 {
        1
    }
}

impl<T: Elementwise> Primitive for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn params(&self) -> Params {
        Elementwise::params(self)
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        if ins.len() != T::ARITY {
            return Err(OpError::new(format!("`{}` takes {} operands, not {}", T::NAME, T::ARITY, ins.len())));
        }
        for (n, a) in ins.iter().enumerate() {
            if a.shape != ins[0].shape {
                return Err(OpError::new(format!("`{}` cannot combine {} with {}", T::NAME, ins[0], a)).at(n));
            }
        }
        let dtypes: Vec<DType> = ins.iter().map(|a| a.dtype).collect();
        Ok(vec![ins[0].with_dtype(self.dtype(&dtypes)?)])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let dtypes: Vec<DType> = ins.iter().map(|a| a.dtype()).collect();
        let dtype = self.dtype(&dtypes).expect("checked by abstract_eval");
        let data = (0..ins[0].data().len())
            .map(|n| self.scalar(&ins.iter().map(|a| a.data()[n]).collect::<Vec<_>>()))
            .collect();
        vec![Array::new(ins[0].aval().with_dtype(dtype), data)]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind1(self.clone(), x);
        let ty = if g.dtype(y).is_inexact() { self.tangent(g, x, y, t) } else { None };
        (vec![y], vec![ty])
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        match ct[0] {
            Some(ct) => Elementwise::transpose(self, g, ct, ins),
            None => vec![None; ins.len()],
        }
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let xs: Vec<Var> = ins.iter().map(|b| with_batch_axis(g, *b, size)).collect();
        vec![Batched { var: g.bind1(self.clone(), &xs), batched: true }]
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Map
    }

    fn strip(&self, ins: &[&Aval], d: usize, _n: usize) -> Option<Strip> {
        Some(Strip { op: self.clone().into(), along: vec![Some(d); ins.len()] })
    }

    fn is_elementwise(&self) -> bool {
        true
    }

    fn commutes(&self) -> bool {
        Elementwise::commutes(self)
    }

    fn is_order_free(&self, dtype: DType) -> bool {
        Elementwise::is_order_free(self, dtype)
    }

    fn fpu(&self) -> Option<Fpu> {
        Elementwise::fpu(self)
    }

    fn weight(&self) -> u32 {
        Elementwise::weight(self)
    }

    fn emit_combined(&self, dtype: DType, so_far_and_item: [TokenStream; 2]) -> TokenStream {
        Elementwise::emit_combined(self, dtype, so_far_and_item)
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], _rx: &[Ix]) -> Ex {
        let args: Vec<Ex> = (0..T::ARITY).map(|n| k.load(n, ix)).collect();
        k.apply(self.clone(), &args)
    }

    fn emit(&self, dtypes: &[DType], args: &[TokenStream]) -> TokenStream {
        Elementwise::emit(self, dtypes, args)
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        if ins[0].dtype.is_inexact() { Elementwise::flops(self) * ins[0].size() as u64 } else { 0 }
    }
}

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

/// [`same_dtype`] for integers and real floats.
pub fn real(name: &str, ins: &[DType]) -> Result<DType, OpError> {
    same_dtype(name, ins, "real numbers", |d| d.is_int() || d.is_float())
}

/// [`same_dtype`] for what has an order: integers, real floats and bools.
pub fn ordered(name: &str, ins: &[DType]) -> Result<DType, OpError> {
    same_dtype(name, ins, "real numbers or bools", |d| !d.is_complex())
}

/// [`same_dtype`] for integers.
pub fn integer(name: &str, ins: &[DType]) -> Result<DType, OpError> {
    same_dtype(name, ins, "integers", DType::is_int)
}

/// [`same_dtype`] for integers and bools.
pub fn bitwise(name: &str, ins: &[DType]) -> Result<DType, OpError> {
    same_dtype(name, ins, "integers or bools", |d| d.is_int() || d == DType::Bool)
}

/// The dtype of a part of a complex number.
pub fn real_of(name: &str, dtype: DType) -> Result<DType, OpError> {
    match dtype {
        DType::C64 => Ok(DType::F32),
        DType::C128 => Ok(DType::F64),
        other => Err(OpError::new(format!("`{name}` needs complex numbers, found {other}")).at(0)),
    }
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

/// A function of one complex number.
pub fn complex1(
    x: Scalar,
    f: impl Fn(Complex<f32>) -> Complex<f32>,
    d: impl Fn(Complex<f64>) -> Complex<f64>,
) -> Scalar {
    match x {
        Scalar::C64(x) => Scalar::C64(f(x)),
        Scalar::C128(x) => Scalar::C128(d(x)),
        other => panic!("complex function of {}", other.dtype()),
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

/// The same expression on the payload of one integer.
#[macro_export]
macro_rules! int1 {
    ($x:expr; $a:ident => $e:expr) => {{
        use $crate::dtype::Scalar as S;
        match $x {
            S::I8($a) => S::I8($e),
            S::I16($a) => S::I16($e),
            S::I32($a) => S::I32($e),
            S::I64($a) => S::I64($e),
            S::U8($a) => S::U8($e),
            S::U16($a) => S::U16($e),
            S::U32($a) => S::U32($e),
            S::U64($a) => S::U64($e),
            x => panic!("integer function of {}", x.dtype()),
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
    let name = format_ident!("{name}");
    quote!(::kiln::rt::#name(#(#args),*))
}

/// A call of a function of the runtime on floats or complex numbers of one dtype: f16 and bf16 go through f32, as
/// [`float1`] does; complex numbers have functions of the same names in `rt::complex`.
pub fn float_call(name: &str, dtype: DType, args: &[TokenStream]) -> TokenStream {
    if dtype.is_complex() {
        let name = format_ident!("{name}");
        return quote!(::kiln::rt::complex::#name(#(#args),*));
    }
    narrowed(dtype, call(name, &widened(dtype, args)))
}

/// The arguments as a dtype that the runtime computes in: f16 and bf16 become f32.
pub fn widened(dtype: DType, args: &[TokenStream]) -> Vec<TokenStream> {
    let widen = |a: &TokenStream| if is_half(dtype) { quote!((#a).to_f32()) } else { a.clone() };
    args.iter().map(widen).collect()
}

/// Back from what [`widened`] made.
pub fn narrowed(dtype: DType, value: TokenStream) -> TokenStream {
    if !is_half(dtype) {
        return value;
    }
    let half = rust_type(dtype);
    quote!(<#half>::from_f32(#value))
}

/// f16 or bf16.
pub fn is_half(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16)
}

/// The element type in emitted code.
pub fn rust_type(dtype: DType) -> TokenStream {
    match dtype {
        DType::C64 => quote!(::kiln::rt::Complex<f32>),
        DType::C128 => quote!(::kiln::rt::Complex<f64>),
        DType::F16 => quote!(::kiln::rt::f16),
        DType::BF16 => quote!(::kiln::rt::bf16),
        other => {
            let name = format_ident!("{}", other.name());
            quote!(#name)
        }
    }
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
        g.bind1(Mul, &[t, d])
    })
}

/// `value` everywhere, of the type of `x`.
pub fn full_like(g: &mut Graph, x: Var, value: f64) -> Var {
    let Aval { dtype, shape } = g.aval(x).clone();
    g.full(dtype, &shape, value)
}

/// `x op y` with a constant `y`.
pub fn with_const(g: &mut Graph, op: impl Into<Op>, x: Var, y: f64) -> Var {
    let y = full_like(g, x, y);
    g.bind1(op, &[x, y])
}

/// `y op x` with a constant `y`.
pub fn const_with(g: &mut Graph, op: impl Into<Op>, y: f64, x: Var) -> Var {
    let y = full_like(g, x, y);
    g.bind1(op, &[y, x])
}

/// `-t`.
pub fn negated(g: &mut Graph, t: Tangent) -> Tangent {
    t.map(|t| g.bind1(crate::ops::Neg, &[t]))
}

/// Tangent of the larger (`Gt`) or smaller (`Lt`) of two operands: the winner's, and half of each at a tie. What it keeps
/// for later are masks, a quarter of the size of float weights.
pub fn tied_tangent(g: &mut Graph, wins: CompareOp, x: &[Var], t: &[Tangent]) -> Tangent {
    let mut side = |n: usize| {
        t[n].map(|t| {
            let first = g.bind1(Compare { op: wins }, &[x[n], x[1 - n]]);
            let tied = g.bind1(Compare { op: CompareOp::Eq }, &[x[0], x[1]]);
            let half = with_const(g, Mul, t, 0.5);
            let zero = full_like(g, t, 0.0);
            let rest = g.bind1(Select, &[tied, half, zero]);
            g.bind1(Select, &[first, t, rest])
        })
    };
    let (left, right) = (side(0), side(1));
    add_tangents(g, left, right)
}
