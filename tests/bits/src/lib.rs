//! Kernels with arguments and the bits that have to come out, as constants: what a target needs to show that it computes what
//! every other one computes. The build script has the programs in `programs/` and random graphs evaluated by the reference
//! evaluator on the host.
#![no_std]

pub mod callers;

/// A kernel to be run.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The file in `programs/`, or the number of the random graph.
    pub name: &'static str,
    /// Runs it and counts the elements of the results, and those of them that have other bits than they should.
    pub run: fn() -> Outcome,
    /// Bytes of stack that running it needs at most on a microcontroller: its arena, its arguments and results, and what
    /// kernels are said to need beside those.
    pub stack_bytes: usize,
}

/// What a kernel gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Elements of all results.
    pub elements: usize,
    /// Those with other bits than the reference evaluator's.
    pub wrong: usize,
}

/// All of them.
pub const CASES: &[Case] = inside::CASES;

/// An element's bits. Every NaN is the same one: processors differ in which they make.
trait Bits: Copy {
    fn bits(self) -> u64;
}

macro_rules! bits {
    ($($ty:ty: |$x:ident| $bits:expr;)*) => {$(
        impl Bits for $ty {
            fn bits(self) -> u64 {
                let $x = self;
                $bits
            }
        }
    )*};
}
bits! {
    f32: |x| if x.is_nan() { u64::MAX } else { x.to_bits().into() };
    f64: |x| if x.is_nan() { u64::MAX } else { x.to_bits() };
    kiln::rt::f16: |x| if x.is_nan() { u64::MAX } else { x.to_bits().into() };
    kiln::rt::bf16: |x| if x.is_nan() { u64::MAX } else { x.to_bits().into() };
    bool: |x| x.into();
    u8: |x| x.into();
    u16: |x| x.into();
    u32: |x| x.into();
    u64: |x| x;
    i8: |x| x as u64;
    i16: |x| x as u64;
    i32: |x| x as u64;
    i64: |x| x as u64;
}

impl Outcome {
    /// Counts a result.
    fn add<T: Bits>(&mut self, found: &[T], expected: &[u64]) {
        self.elements += expected.len();
        self.wrong += found.iter().zip(expected).filter(|(x, bits)| x.bits() != **bits).count();
    }
}

#[allow(warnings, clippy::all)]
mod inside {
    include!(concat!(env!("OUT_DIR"), "/cases.rs"));
}
