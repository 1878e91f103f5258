//! Factorisations of small dense matrices, in place, without allocation, recursion or panic.
//!
//! Every function works on `BATCH` matrices one after the other, in row-major order, and does its arithmetic in the order
//! that its documentation states, so that the compiler's evaluator and a kernel agree bit for bit. Functions with extents
//! as generic arguments are what kernels call; those that end in `_of` are the same with extents as numbers.

mod cholesky;
mod eigh;
mod lu;
mod qr;
mod solve;
mod svd;

pub use cholesky::{cholesky, cholesky_of};
pub use eigh::{eigh, eigh_of};
pub use lu::{lu, lu_of};
pub use qr::{qr, qr_of};
pub use solve::{Solve, triangular_solve, triangular_solve_of};
pub use svd::{svd, svd_of};

use crate::float::Float;

/// A real type that matrices can be made of: `f32` or `f64`.
pub trait Real: Float {
    /// The one NaN.
    const NAN: Self;
    /// Distance from 1 to the next larger number.
    const EPSILON: Self;
    /// Rounded from `f64`.
    fn from_f64(x: f64) -> Self;
}

impl Real for f32 {
    const NAN: f32 = f32::NAN;
    const EPSILON: f32 = f32::EPSILON;
    #[inline(always)]
    fn from_f64(x: f64) -> f32 {
        x as f32
    }
}

impl Real for f64 {
    const NAN: f64 = f64::NAN;
    const EPSILON: f64 = f64::EPSILON;
    #[inline(always)]
    fn from_f64(x: f64) -> f64 {
        x
    }
}

/// A matrix in row-major order with `cols` columns. What lies outside reads as zero and is not written.
pub(crate) struct Matrix<'a, T> {
    pub x: &'a mut [T],
    pub cols: usize,
}

impl<T: Real> Matrix<'_, T> {
    #[inline(always)]
    pub fn at(&self, i: usize, j: usize) -> T {
        self.x.get(i * self.cols + j).copied().unwrap_or(T::ZERO)
    }

    #[inline(always)]
    pub fn set(&mut self, i: usize, j: usize, value: T) {
        if let Some(slot) = self.x.get_mut(i * self.cols + j) {
            *slot = value;
        }
    }

    /// Takes `factor` times row `k` off row `i`, which is behind it, from column `from` up to `to`.
    #[inline(always)]
    pub fn take_off(&mut self, i: usize, factor: T, k: usize, from: usize, to: usize) {
        let (cols, part) = (self.cols, from..to);
        let Some((before, behind)) = self.x.split_at_mut_checked(i * cols) else { return };
        let other = before.get(k * cols..).and_then(|row| row.get(part.clone()));
        if let (Some(row), Some(other)) = (behind.get_mut(part), other) {
            for (x, y) in row.iter_mut().zip(other) {
                *x = x.minus(factor.times(*y));
            }
        }
    }

    /// Exchanges two columns, in rows `0..m`.
    pub fn swap_columns(&mut self, a: usize, b: usize, m: usize) {
        for i in 0..m {
            let (x, y) = (self.at(i, a), self.at(i, b));
            self.set(i, a, y);
            self.set(i, b, x);
        }
    }

    /// Exchanges row `a` and row `b`, which is behind it.
    pub fn swap_rows(&mut self, a: usize, b: usize) {
        let cols = self.cols;
        if let Some((before, behind)) = self.x.split_at_mut_checked(b * cols) {
            let before = before.iter_mut().skip(a * cols);
            for (x, y) in behind.iter_mut().zip(before).take(cols) {
                core::mem::swap(x, y);
            }
        }
    }
}

/// The `k`-th of equal pieces of `size` elements.
pub(crate) fn piece<T>(x: &[T], k: usize, size: usize) -> &[T] {
    x.get(k * size..(k + 1) * size).unwrap_or(&[])
}

/// The `k`-th of equal pieces of `size` elements.
pub(crate) fn piece_mut<T>(x: &mut [T], k: usize, size: usize) -> &mut [T] {
    x.get_mut(k * size..(k + 1) * size).unwrap_or(&mut [])
}

/// Copies as much as fits.
pub(crate) fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
pub(crate) mod tests {
    extern crate std;
    use std::vec;
    use std::vec::Vec;

    /// Numbers in (-1, 1) that are the same every time.
    pub fn numbers(n: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
            })
            .collect()
    }

    /// `a b` of row-major `[m, k]` and `[k, n]`.
    pub fn product(a: &[f64], b: &[f64], [m, k, n]: [usize; 3]) -> Vec<f64> {
        let mut out = vec![0.0; m * n];
        for i in 0..m {
            for j in 0..n {
                out[i * n + j] = (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
            }
        }
        out
    }

    pub fn transposed(a: &[f64], m: usize, n: usize) -> Vec<f64> {
        (0..n).flat_map(|j| (0..m).map(move |i| a[i * n + j])).collect()
    }

    #[track_caller]
    pub fn assert_near(a: &[f64], b: &[f64]) {
        assert_eq!(a.len(), b.len());
        for (x, y) in a.iter().zip(b) {
            assert!((x - y).abs() < 1e-12 * (1.0 + y.abs()), "{a:?}\n{b:?}");
        }
    }

    pub fn identity(n: usize) -> Vec<f64> {
        (0..n * n).map(|k| if k / n == k % n { 1.0 } else { 0.0 }).collect()
    }
}
