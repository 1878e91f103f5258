//! The step of a contraction: one more product in a sum.

use super::Num;

/// Numbers that contractions add products of.
pub trait Product: Num {
    /// Whether this is `f32`, for which cores have kernels of their own.
    const SINGLE: bool = false;

    /// `self + a * b`. `FAST`, which is `#[jit(fast)]`, permits that it is rounded once instead of twice, where the core has
    /// an instruction for that which is no slower; otherwise the bits are the same on every target.
    #[inline(always)]
    fn plus_product<const FAST: bool>(self, a: Self, b: Self) -> Self {
        self.plus(a.times(b))
    }
}

macro_rules! plain {
    ($($T:ty)*) => { $(impl Product for $T {})* };
}
impl Product for f32 {
    const SINGLE: bool = true;
}
plain!(f64 i8 i16 i32 i64 u8 u16 u32 u64);
