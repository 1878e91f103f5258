//! The step of a contraction: one more product in a sum.

use super::Num;

/// Numbers that contractions add products of.
pub trait Product: Num {
    /// Whether this is `f32`, for which cores have kernels of their own.
    const SINGLE: bool = false;

    /// The number as `Self`, where [`Product::SINGLE`] holds.
    fn from_single(x: f32) -> Self;

    /// `self + a * b`. `FAST`, which is `#[jit(fast)]`, permits that it is rounded once instead of twice, where the core has
    /// an instruction for that which is no slower; otherwise the bits are the same on every target.
    #[inline(always)]
    fn plus_product<const FAST: bool>(self, a: Self, b: Self) -> Self {
        self.plus(a.times(b))
    }
}

impl Product for f32 {
    const SINGLE: bool = true;

    #[inline(always)]
    fn from_single(x: f32) -> f32 {
        x
    }
}

macro_rules! plain {
    ($($T:ty)*) => {$(
        impl Product for $T {
            #[inline(always)]
            fn from_single(x: f32) -> $T {
                x as $T
            }
        }
    )*};
}
plain!(f64 i8 i16 i32 i64 u8 u16 u32 u64);
