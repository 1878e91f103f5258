//! Integer arithmetic with the corner cases of `jax.lax`.

use crate::num::Num;

/// An integer type of 8 to 64 bits.
pub trait Int: Num + Ord {
    /// See [`shift_left`].
    fn left(self, n: Self) -> Self;
    /// See [`shift_right_logical`].
    fn right_logical(self, n: Self) -> Self;
    /// See [`shift_right_arithmetic`].
    fn right_arithmetic(self, n: Self) -> Self;
    /// See [`population_count`].
    fn ones(self) -> Self;
    /// See [`clz`].
    fn zeros_in_front(self) -> Self;
}

macro_rules! int {
    ($($T:ident $U:ident $I:ident)*) => {$(
        impl Int for $T {
            // A negative amount is a huge unsigned one.
            #[inline(always)]
            fn left(self, n: $T) -> $T {
                let n = n as $U;
                if n < $U::BITS as $U { self.wrapping_shl(n as u32) } else { 0 }
            }
            #[inline(always)]
            fn right_logical(self, n: $T) -> $T {
                let n = n as $U;
                if n < $U::BITS as $U { (self as $U).wrapping_shr(n as u32) as $T } else { 0 }
            }
            #[inline(always)]
            fn right_arithmetic(self, n: $T) -> $T {
                let last = ($U::BITS as $U).wrapping_sub(1);
                (self as $I).wrapping_shr(Ord::min(n as $U, last) as u32) as $T
            }
            #[inline(always)]
            fn ones(self) -> $T {
                self.count_ones() as $T
            }
            #[inline(always)]
            fn zeros_in_front(self) -> $T {
                self.leading_zeros() as $T
            }
        }
    )*};
}
int!(i8 u8 i8 i16 u16 i16 i32 u32 i32 i64 u64 i64);
int!(u8 u8 i8 u16 u16 i16 u32 u32 i32 u64 u64 i64);

/// `x * 2^n`; 0 where `n` is negative or not less than the number of bits.
#[inline(always)]
pub fn shift_left<T: Int>(x: T, n: T) -> T {
    x.left(n)
}

/// The bits of `x` moved down by `n`, zeros in front; 0 where `n` is negative or not less than the number of bits.
#[inline(always)]
pub fn shift_right_logical<T: Int>(x: T, n: T) -> T {
    x.right_logical(n)
}

/// The bits of `x` moved down by `n`, copies of the highest bit in front, even where `x` is unsigned; all copies where `n`
/// is negative or not less than the number of bits.
#[inline(always)]
pub fn shift_right_arithmetic<T: Int>(x: T, n: T) -> T {
    x.right_arithmetic(n)
}

/// Number of one bits.
#[inline(always)]
pub fn population_count<T: Int>(x: T) -> T {
    x.ones()
}

/// Number of zero bits above the highest one bit.
#[inline(always)]
pub fn clz<T: Int>(x: T) -> T {
    x.zeros_in_front()
}
