//! Contractions of factors that are read from memory at regular steps: what matrix products and convolutions come down to.
//!
//! Where [`super::contract`] is given two functions, this is given addresses, so that a core's own kernels can run the whole of a
//! sum: they know where the next element is without computing an index.

use super::level::Side;
use super::{Elem, Level, Product, contract, level};

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
    /// The element of these indices.
    #[inline(always)]
    pub fn get(&self, m: usize, k: [usize; R]) -> T {
        let at = self.at.wrapping_add_signed((m as isize).wrapping_mul(self.step));
        let steps = self.along.iter().zip(k);
        let at = steps.fold(at, |at, (step, k)| at.wrapping_add_signed((k as isize).wrapping_mul(*step)));
        self.of.get(at).copied().unwrap_or(T::ZERO)
    }

    /// The factor as pointers, if all of its elements are inside of the array.
    #[inline(always)]
    fn side(&self, m: usize, [k0, k1]: [usize; 2], along: [isize; 2]) -> Option<Side> {
        let reach = |n: usize, step: isize| (n as isize).checked_sub(1)?.checked_mul(step);
        let reaches = [reach(m, self.step)?, reach(k0, along[0])?, reach(k1, along[1])?];
        let (mut least, mut most) = (self.at as isize, self.at as isize);
        for reach in reaches {
            (least, most) = (least.checked_add(reach.min(0))?, most.checked_add(reach.max(0))?);
        }
        let inside = least >= 0 && most < self.of.len() as isize;
        let at = self.of.as_ptr().wrapping_add(self.at).cast::<f32>();
        inside.then_some(Side { at, step: self.step, along })
    }
}

/// For every `m < M` and `n < N`: the sum over `k` below `extents` of the products of `a` and `b`, handed to `out(m, n, sum)`. Order
/// and `FAST` as for [`contract`].
#[inline(always)]
pub fn products<T: Product + Elem, L: Level, const FAST: bool, const M: usize, const N: usize, const R: usize>(
    extents: [usize; R],
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    mut out: impl FnMut(usize, usize, T),
) {
    #[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
    if let Some(kernel) = super::cortex_m::kernel(super::cortex_m::FEW, [M, N], extents, &a, &b) {
        return kernel.run::<T, FAST, R>(M, N, extents, a, b, out);
    }
    // Few products are not worth a call.
    if T::SINGLE && L::LANES > 0 && M * N >= 2 * L::LANES && M * N * extents.iter().product::<usize>() >= 512 {
        // Vectors of columns, of rows where only those lie side by side, or where there is only one column.
        let rows = N == 1 || M >= L::LANES && (N < L::LANES / 2 || b.step != 1 && a.step == 1);
        let done = match rows {
            true => vectors::<T, L, FAST, R>(N, M, extents, &b, &a, |j, i, x| out(i, j, x)),
            false => vectors::<T, L, FAST, R>(M, N, extents, &a, &b, &mut out),
        };
        if done {
            return;
        }
    }
    contract::<T, L, FAST, M, N, R>(extents, |m, k| a.get(m, k), |n, k| b.get(n, k), out);
}

/// [`products`] in vectors of `b`; false if that is not possible.
#[inline(always)]
pub fn vectors<T: Product + Elem, L: Level, const FAST: bool, const R: usize>(
    m: usize,
    n: usize,
    extents: [usize; R],
    a: &Factor<'_, T, R>,
    b: &Factor<'_, T, R>,
    mut out: impl FnMut(usize, usize, T),
) -> bool {
    let Some((k, a_along, b_along)) = two_indices(extents, a.along, b.along) else { return false };
    let (Some(a), Some(b)) = (a.side(m, k, a_along), b.side(n, k, b_along)) else { return false };
    if !level::fits::<L>(k, b) {
        return false;
    }
    // SAFETY: code that is generic in a level is run on processors that have it; the elements are inside of the arrays, which
    // `side` has checked, and are `f32`, since `T` is.
    unsafe { level::products::<L, FAST>(m, n, k, a, b, |i, j, x| out(i, j, T::from_single(x))) };
    true
}

/// The summed indices as two, with the steps of both factors: neighbours that both run over as one become one.
#[inline(always)]
fn two_indices<const R: usize>(
    extents: [usize; R],
    a: [isize; R],
    b: [isize; R],
) -> Option<([usize; 2], [isize; 2], [isize; 2])> {
    let (mut k, mut x, mut y) = ([1, 1], [0, 0], [0, 0]);
    let steps = a.into_iter().zip(b);
    for (n, (a, b)) in extents.into_iter().zip(steps).filter(|(n, _)| *n != 1) {
        let one = k[1] == 1 || x[1] == a.wrapping_mul(n as isize) && y[1] == b.wrapping_mul(n as isize);
        if !one && k[0] != 1 {
            return None;
        }
        if !one {
            (k[0], x[0], y[0]) = (k[1], x[1], y[1]);
            k[1] = 1;
        }
        (k[1], x[1], y[1]) = (k[1] * n, a, b);
    }
    Some((k, x, y))
}
