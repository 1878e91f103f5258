//! Running sums and their kin along the middle axis of arrays seen as `[OUTER, N, INNER]`, and positions of extremes.
//!
//! `REVERSE` is 1 to run from the last element to the first, else 0. Arrays are in row-major order and hold
//! `OUTER * N * INNER` elements; [`argmax`] and [`argmin`] write `OUTER * INNER`.

use super::{Float, Num, Ring, logaddexp, max, min};

/// `out[k] = x[0] + .. + x[k]`.
pub fn cumsum<T: Ring, const OUTER: usize, const N: usize, const INNER: usize, const REVERSE: usize>(
    x: &[T],
    out: &mut [T],
) {
    accumulate::<T, OUTER, N, INNER, REVERSE>(x, out, T::added);
}

/// `out[k] = x[0] * .. * x[k]`.
pub fn cumprod<T: Ring, const OUTER: usize, const N: usize, const INNER: usize, const REVERSE: usize>(
    x: &[T],
    out: &mut [T],
) {
    accumulate::<T, OUTER, N, INNER, REVERSE>(x, out, T::multiplied);
}

/// `out[k] = max(x[0], .., x[k])`.
pub fn cummax<T: Num, const OUTER: usize, const N: usize, const INNER: usize, const REVERSE: usize>(
    x: &[T],
    out: &mut [T],
) {
    accumulate::<T, OUTER, N, INNER, REVERSE>(x, out, max);
}

/// `out[k] = min(x[0], .., x[k])`.
pub fn cummin<T: Num, const OUTER: usize, const N: usize, const INNER: usize, const REVERSE: usize>(
    x: &[T],
    out: &mut [T],
) {
    accumulate::<T, OUTER, N, INNER, REVERSE>(x, out, min);
}

/// `out[k] = log(exp(x[0]) + .. + exp(x[k]))`.
pub fn cumlogsumexp<T: Float, const OUTER: usize, const N: usize, const INNER: usize, const REVERSE: usize>(
    x: &[T],
    out: &mut [T],
) {
    accumulate::<T, OUTER, N, INNER, REVERSE>(x, out, logaddexp);
}

/// `out[k] = a[k] * out[k-1] + b[k]`; the first is `b[0]`.
pub fn linear_recurrence<T: Ring, const OUTER: usize, const N: usize, const INNER: usize, const REVERSE: usize>(
    a: &[T],
    b: &[T],
    out: &mut [T],
) {
    run::<T, OUTER, N, INNER, REVERSE>(out, |last, at| match last {
        Some(last) => element(a, at).multiplied(last).added(element(b, at)),
        None => element(b, at),
    });
}

/// Where the largest element is; the first of several, and the first NaN where there is one.
pub fn argmax<T: Copy + PartialOrd, const OUTER: usize, const N: usize, const INNER: usize>(x: &[T], out: &mut [i32]) {
    position::<T, OUTER, N, INNER>(x, out, |x, best| x > best);
}

/// Where the smallest element is; the first of several, and the first NaN where there is one.
pub fn argmin<T: Copy + PartialOrd, const OUTER: usize, const N: usize, const INNER: usize>(x: &[T], out: &mut [i32]) {
    position::<T, OUTER, N, INNER>(x, out, |x, best| x < best);
}

#[inline(always)]
fn element<T: Ring>(x: &[T], at: usize) -> T {
    x.get(at).copied().unwrap_or(T::NOTHING)
}

#[inline(always)]
fn accumulate<T: Ring, const OUTER: usize, const N: usize, const INNER: usize, const REVERSE: usize>(
    x: &[T],
    out: &mut [T],
    combine: impl Fn(T, T) -> T,
) {
    run::<T, OUTER, N, INNER, REVERSE>(out, |last, at| match last {
        Some(last) => combine(last, element(x, at)),
        None => element(x, at),
    });
}

/// Fills `out` along the middle axis; `step` makes an element from the one before it, if there is one, and its position.
/// The inner axis varies fastest, so that memory is read in order.
#[inline(always)]
fn run<T: Copy, const OUTER: usize, const N: usize, const INNER: usize, const REVERSE: usize>(
    out: &mut [T],
    step: impl Fn(Option<T>, usize) -> T,
) {
    for outer in 0..OUTER {
        for k in 0..N {
            let row = outer * N + if REVERSE == 1 { N - 1 - k } else { k };
            let before = if REVERSE == 1 { row + 1 } else { row.wrapping_sub(1) };
            for inner in 0..INNER {
                let last = if k == 0 { None } else { out.get(before.wrapping_mul(INNER) + inner).copied() };
                let at = row * INNER + inner;
                if let Some(slot) = out.get_mut(at) {
                    *slot = step(last, at);
                }
            }
        }
    }
}

#[inline(always)]
fn position<T: Copy + PartialOrd, const OUTER: usize, const N: usize, const INNER: usize>(
    x: &[T],
    out: &mut [i32],
    beats: impl Fn(T, T) -> bool,
) {
    // What does not equal itself is NaN.
    #[allow(clippy::eq_op)]
    let is_nan = |x: T| x != x;
    for outer in 0..OUTER {
        for inner in 0..INNER {
            let at = |k: usize| x.get((outer * N + k) * INNER + inner).copied();
            let mut best = (at(0), 0);
            for k in 1..N {
                if let ((Some(extreme), _), Some(x)) = (best, at(k))
                    && (beats(x, extreme) || (is_nan(x) && !is_nan(extreme)))
                {
                    best = (Some(x), k);
                }
            }
            if let Some(slot) = out.get_mut(outer * INNER + inner) {
                *slot = best.1 as i32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_along_the_middle_axis_in_both_directions() {
        let x = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let mut out = [0; 12];
        cumsum::<i32, 2, 3, 2, 0>(&x, &mut out);
        assert_eq!(out, [1, 2, 4, 6, 9, 12, 7, 8, 16, 18, 27, 30]);
        cumsum::<i32, 2, 3, 2, 1>(&x, &mut out);
        assert_eq!(out, [9, 12, 8, 10, 5, 6, 27, 30, 20, 22, 11, 12]);
        cumprod::<i32, 1, 4, 3, 0>(&x, &mut out);
        assert_eq!(out, [1, 2, 3, 4, 10, 18, 28, 80, 162, 280, 880, 1944]);
    }

    #[test]
    fn extremes_so_far() {
        let x = [2.0_f32, -0.0, 3.0, f32::NAN, 5.0];
        let mut out = [0.0; 5];
        cummax::<f32, 1, 5, 1, 0>(&x, &mut out);
        assert_eq!(out[..3], [2.0, 2.0, 3.0]);
        assert!(out[3].is_nan() && out[4].is_nan());
        cummin::<f32, 1, 5, 1, 1>(&x, &mut out);
        assert!(out[0].is_nan() && out[3].is_nan());
        assert_eq!(out[4], 5.0);
    }

    #[test]
    fn sums_of_exponentials_do_not_overflow() {
        let mut out = [0.0_f64; 2];
        cumlogsumexp::<f64, 1, 2, 1, 0>(&[1000.0, 1000.0], &mut out);
        assert_eq!(out, [1000.0, 1000.0 + core::f64::consts::LN_2]);
    }

    #[test]
    fn a_recurrence_starts_with_its_first_input() {
        let mut out = [0.0_f32; 3];
        linear_recurrence::<f32, 1, 3, 1, 0>(&[f32::NAN, 2.0, 3.0], &[1.0, 1.0, 1.0], &mut out);
        assert_eq!(out, [1.0, 3.0, 10.0]);
        linear_recurrence::<f32, 1, 3, 1, 1>(&[2.0, 3.0, f32::NAN], &[1.0, 1.0, 1.0], &mut out);
        assert_eq!(out, [9.0, 4.0, 1.0]);
    }

    #[test]
    fn positions_are_the_first_and_nan_wins() {
        let mut out = [0; 2];
        argmax::<i32, 1, 3, 2>(&[1, 9, 5, 9, 5, 2], &mut out);
        assert_eq!(out, [1, 0]);
        argmin::<i32, 2, 3, 1>(&[1, 9, 1, 9, 5, 2], &mut out);
        assert_eq!(out, [0, 2]);
        argmax::<f32, 1, 4, 1>(&[1.0, f32::NAN, 5.0, f32::NAN], &mut out);
        assert_eq!(out[0], 1);
    }
}
