//! A row of sums of products whose columns lie side by side, in vectors that are lines of the cache.
//!
//! A product of one row uses each element of the matrix once, so that it takes as long as loading does; and a vector that lies across
//! two lines is loaded twice. Arrays begin anywhere in a line: the first vector begins where its line does, and what is there in
//! front of the columns is masked out, as is what is behind them in the last.

use core::arch::x86_64::*;

use super::tile::{MOST_LINES, Tile};

/// The sums of `wide` vectors.
///
/// # Safety
/// The processor has AVX-512. The factors of the columns are there to be read, from `t.shift` in the first vector up to `t.part` in
/// the last; `wide` vectors fit at `out`, and there are at least one and at most [`MOST_LINES`].
#[target_feature(enable = "avx512f")]
pub unsafe fn columns<const FAST: bool>(t: &Tile, wide: usize) {
    macro_rules! widths {
        ($($n:literal)*) => {
            match wide {
                // SAFETY: the caller's promise.
                $($n => unsafe { sums::<FAST, $n>(t) },)*
                _ => {}
            }
        };
    }
    const { assert!(MOST_LINES == 9) };
    widths!(1 2 3 4 5 6 7 8 9);
}

/// # Safety
/// As for [`columns`]; there are `WIDE` vectors.
#[target_feature(enable = "avx512f")]
unsafe fn sums<const FAST: bool, const WIDE: usize>(t: &Tile) {
    let (first, last): (__mmask16, __mmask16) = (u16::MAX << t.shift, u16::MAX >> (16 - t.part));
    // SAFETY: the caller's promise; what is masked out is not touched.
    unsafe {
        let load = |j: usize, from: *const f32| match (j == 0, j + 1 == WIDE) {
            (true, true) => _mm512_maskz_loadu_ps(first & last, from),
            (true, false) => _mm512_maskz_loadu_ps(first, from),
            (false, true) => _mm512_maskz_loadu_ps(last, from),
            (false, false) => _mm512_loadu_ps(from),
        };
        let mut sums = [_mm512_setzero_ps(); WIDE];
        for k0 in 0..t.k[0] as isize {
            let (a, b) = (t.a.wrapping_offset(k0 * t.a_along[0]), t.b.wrapping_offset(k0 * t.b_along[0]));
            for k1 in 0..t.k[1] as isize {
                let (mut a, mut b) = (a.wrapping_offset(k1 * t.a_along[1]), b.wrapping_offset(k1 * t.b_along[1]));
                for _ in 0..t.k[2] {
                    let x = _mm512_set1_ps(*a);
                    for (j, sum) in sums.iter_mut().enumerate() {
                        let y = load(j, b.wrapping_add(16 * j));
                        *sum =
                            if FAST { _mm512_fmadd_ps(x, y, *sum) } else { _mm512_add_ps(*sum, _mm512_mul_ps(x, y)) };
                    }
                    (a, b) = (a.wrapping_offset(t.a_along[2]), b.wrapping_offset(t.b_along[2]));
                }
            }
        }
        for (j, sum) in sums.into_iter().enumerate() {
            _mm512_storeu_ps(t.out.add(16 * j), sum);
        }
    }
}
