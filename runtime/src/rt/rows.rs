//! Slices of arrays along their first axis, for loops over them; copies.

use half::{bf16, f16};
use num_complex::Complex;

use super::Elem;

/// Row `t` of an array of rows of `S` elements; the last row past the end.
#[inline(always)]
pub fn row<T: Elem, const N: usize, const S: usize>(x: &[T; N], t: usize) -> &[T; S] {
    const { assert!(S > 0 && N >= S && N.is_multiple_of(S), "rows do not divide the array") };
    let t = if t < N / S { t } else { N / S - 1 };
    // SAFETY: `t * S + S <= N` by the line above, so the row lies inside of `x`, whose lifetime it gets.
    unsafe { &*x.as_ptr().add(t * S).cast::<[T; S]>() }
}

/// [`row`], to be written to.
#[inline(always)]
pub fn row_mut<T: Elem, const N: usize, const S: usize>(x: &mut [T; N], t: usize) -> &mut [T; S] {
    const { assert!(S > 0 && N >= S && N.is_multiple_of(S), "rows do not divide the array") };
    let t = if t < N / S { t } else { N / S - 1 };
    // SAFETY: as for `row`; `x` is borrowed exclusively for as long as the row is.
    unsafe { &mut *x.as_mut_ptr().add(t * S).cast::<[T; S]>() }
}

/// An element as the same element: bools are bytes in the arena.
pub trait SameAs<U> {
    /// The element in its other form.
    fn same(self) -> U;
}

macro_rules! same {
    ($($T:ty),*) => {$(
        impl SameAs<$T> for $T {
            #[inline(always)]
            fn same(self) -> $T {
                self
            }
        }
    )*};
}
same!(f32, f64, f16, bf16, i8, i16, i32, i64, u8, u16, u32, u64, bool, Complex<f32>, Complex<f64>);

impl SameAs<u8> for bool {
    #[inline(always)]
    fn same(self) -> u8 {
        self as u8
    }
}

impl SameAs<bool> for u8 {
    #[inline(always)]
    fn same(self) -> bool {
        self != 0
    }
}

/// `y = x`.
#[inline(always)]
pub fn copy<T: Elem + SameAs<U>, U: Elem, const N: usize>(x: &[T; N], y: &mut [U; N]) {
    #[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
    if super::cortex_m::copy(x, y) {
        return;
    }
    for (y, x) in y.iter_mut().zip(x) {
        *y = x.same();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_inside() {
        let mut x = [1, 2, 3, 4, 5, 6];
        assert_eq!(*row::<_, 6, 2>(&x, 1), [3, 4]);
        assert_eq!(*row::<_, 6, 2>(&x, 9), [5, 6]);
        row_mut::<_, 6, 3>(&mut x, 1)[0] = 9;
        assert_eq!(x, [1, 2, 3, 9, 5, 6]);
    }
}
