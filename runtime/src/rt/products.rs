//! Contractions of factors that are read from memory at regular steps: what matrix products and convolutions come down to.
//!
//! Where [`super::contract`] is given two functions, this is given addresses, so that a core's own kernels can run the whole of a
//! sum: they know where the next element is without computing an index.

use super::{Elem, Product, contract};

/// A factor of a product: element `at + m * step + k[0] * along[0] + ..` of an array.
#[derive(Clone, Copy, Debug)]
pub struct Factor<'a, T, const R: usize> {
    /// The array.
    pub of: &'a [T],
    /// Where the element of all indices zero is; it may wrap below zero.
    pub at: usize,
    /// From one row or column of the result to the next.
    pub step: isize,
    /// From one value of each summed index to the next.
    pub along: [isize; R],
}

impl<T: Elem, const R: usize> Factor<'_, T, R> {
    #[inline(always)]
    fn get(&self, m: usize, k: [usize; R]) -> T {
        let at = self.at.wrapping_add_signed((m as isize).wrapping_mul(self.step));
        let steps = self.along.iter().zip(k);
        let at = steps.fold(at, |at, (step, k)| at.wrapping_add_signed((k as isize).wrapping_mul(*step)));
        self.of.get(at).copied().unwrap_or(T::ZERO)
    }
}

/// For every `m < M` and `n < N`: the sum over `k` below `extents` of the products of `a` and `b`, handed to `out(m, n, sum)`. Order
/// and `FAST` as for [`contract`].
#[inline(always)]
pub fn products<T: Product + Elem, const FAST: bool, const M: usize, const N: usize, const R: usize>(
    extents: [usize; R],
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    out: impl FnMut(usize, usize, T),
) {
    #[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
    if let Some(kernel) = super::cortex_m::kernel::<T, M, N, R>(extents, &a, &b) {
        return kernel.run::<T, FAST, M, N, R>(extents, a, b, out);
    }
    contract::<T, FAST, M, N, R>(extents, |m, k| a.get(m, k), |n, k| b.get(n, k), out);
}
