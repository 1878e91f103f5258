//! Contractions of factors that are read from memory at regular steps: what matrix products and convolutions come down to.
//!
//! Where [`super::contract`] is given two functions, this is given addresses, so that a core's own kernels can run the whole of a
//! sum: they know where the next element is without computing an index.

use super::contract::each;
use super::level::{LARGE, SMALL, Side};
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

    /// The factor as pointers, if all of its elements are inside of the array; `lanes` of them lie side by side.
    #[inline(always)]
    fn side(&self, m: usize, lanes: usize, k: [usize; 3], along: [isize; 3]) -> Option<Side> {
        let reach = |n: usize, step: isize| (n as isize).checked_sub(1)?.checked_mul(step);
        let (mut least, mut most) = (self.at as isize, self.at as isize);
        for (n, step) in [(m, self.step), (lanes, 1), (k[0], along[0]), (k[1], along[1]), (k[2], along[2])] {
            let reach = reach(n, step)?;
            (least, most) = (least.checked_add(reach.min(0))?, most.checked_add(reach.max(0))?);
        }
        let inside = least >= 0 && most < self.of.len() as isize;
        let at = self.of.as_ptr().wrapping_add(self.at).cast::<f32>();
        inside.then_some(Side { at, step: self.step, along })
    }
}

/// Products from which on a call is worth it.
const ENOUGH: usize = 512;

/// For every `m < M` and `n < N`: the sum over `k` below `extents`, whose product is `K`, of the products of `a` and `b`, handed to
/// `out(m, n, sum)`. Order and `FAST` as for [`contract`]; `CALLS` says that `out` computes elementary functions of neighbours, which
/// is then compiled for the widest vectors.
#[inline(always)]
pub fn products<
    T: Product + Elem,
    L: Level,
    const FAST: bool,
    const CALLS: bool,
    const M: usize,
    const N: usize,
    const K: usize,
    const R: usize,
>(
    extents: [usize; R],
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    mut out: impl FnMut(usize, usize, T),
) {
    #[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
    if let Some(kernel) = super::cortex_m::kernel(super::cortex_m::FEW, [M, N], extents, &a, &b) {
        return kernel.run::<T, FAST, R>(M, N, extents, a, b, out);
    }
    // What a constant block decides is not even compiled on the other side.
    if const { T::SINGLE && L::LANES > 0 && M * N >= L::LANES && M * N * K >= ENOUGH } {
        // Vectors of columns, of rows where only those lie side by side, or where there is only one column.
        let rows = N == 1 || M >= L::LANES && (N < L::LANES / 2 || b.step != 1 && a.step == 1);
        let out = move |i, j, x| {
            let (i, j) = if rows { (j, i) } else { (i, j) };
            out(i, j, x);
        };
        let (m, n, a, b) = if rows { (N, M, b, a) } else { (M, N, a, b) };
        vectors::<T, L, FAST, CALLS, M, N, K, R>(m, n, extents, a, b, out);
    } else {
        contract::<T, L, FAST, M, N, R>(extents, |m, k| a.get(m, k), |n, k| b.get(n, k), out);
    }
}

/// [`products`] that are only stored.
#[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
#[inline(always)]
pub fn products_into<T: Product + Elem, L: Level, const FAST: bool, const M: usize, const N: usize, const R: usize>(
    extents: [usize; R],
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    out: super::Target<'_, T>,
) {
    if let Some(kernel) = super::cortex_m::kernel(super::cortex_m::FEW, [M, N], extents, &a, &b) {
        return kernel.run_into::<T, FAST, R>(M, N, extents, a, b, out);
    }
    let super::Target { of, at, row, column } = out;
    contract::<T, L, FAST, M, N, R>(
        extents,
        |m, k| a.get(m, k),
        |n, k| b.get(n, k),
        |m, n, sum| {
            if let Some(x) = of.get_mut(at.wrapping_add_signed(row * m as isize + column * n as isize)) {
                *x = sum;
            }
        },
    );
}

/// The products of `m` rows and `n` columns, of which there are at most `M` and `N` or the other way round, of sums of at most `K`: in
/// vectors of `b`, or else one by one.
#[inline(always)]
pub fn vectors<
    T: Product + Elem,
    L: Level,
    const FAST: bool,
    const CALLS: bool,
    const M: usize,
    const N: usize,
    const K: usize,
    const R: usize,
>(
    m: usize,
    n: usize,
    extents: [usize; R],
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    mut out: impl FnMut(usize, usize, T),
) {
    let small = const { level::room::<L>(if M > N { M } else { N }, K) == SMALL };
    let sides = three_indices(extents, a.along, b.along).and_then(|(k, x, y)| {
        let (a, b) = (a.side(m, 1, k, x)?, b.side(n, 1, k, y)?);
        level::fits::<L>(m, k, b, if small { SMALL } else { LARGE }).then_some((k, a, b))
    });
    let Some((k, a_side, b_side)) = sides else { return one_by_one::<T, FAST, R>(m, n, extents, a, b, out) };
    let out = move |i, j, x| out(i, j, T::from_single(x));
    // SAFETY: code that is generic in a level is run on processors that have it; the elements are inside of the arrays, which
    // `side` has checked, and are `f32`, since `T` is.
    unsafe {
        if const { level::room::<L>(if M > N { M } else { N }, K) == SMALL } {
            level::products::<L, FAST, CALLS, SMALL>(m, n, k, a_side, b_side, out);
        } else {
            level::products::<L, FAST, CALLS, LARGE>(m, n, k, a_side, b_side, out);
        }
    }
}

/// The sums in vectors of lanes; false if that is not possible.
#[inline(always)]
pub fn vectors_of_lanes<T: Product + Elem, L: Level, const FAST: bool, const R: usize>(
    m: usize,
    n: usize,
    extents: [usize; R],
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    mut out: impl FnMut(usize, usize, T),
) -> bool {
    let Some((k, x, y)) = three_indices(extents, a.along, b.along) else { return false };
    // A step of the columns is one for both; the rows of `b` are all the same.
    let (a, b) = (a.side(m, n, k, x), Factor { step: 1, ..b }.side(n, 1, k, y));
    let (Some(a), Some(b)) = (a, b) else { return false };
    // SAFETY: as in `vectors`.
    unsafe { level::lanes::<L, FAST>(m, n, k, a, b, |i, j, x| out(i, j, T::from_single(x))) };
    true
}

/// Sums whose factors no vector reaches: eight at a time, which do not wait for each other.
#[inline(always)]
fn one_by_one<T: Product + Elem, const FAST: bool, const R: usize>(
    m: usize,
    n: usize,
    extents: [usize; R],
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    mut out: impl FnMut(usize, usize, T),
) {
    const EIGHT: usize = 8;
    let rows = m >= n;
    let (m, n, a, b) = if rows { (m, n, a, b) } else { (n, m, b, a) };
    let mut first = 0;
    while first < m {
        let width = if m - first >= EIGHT { EIGHT } else { 1 };
        for j in 0..n {
            let mut out = |i, sum| if rows { out(i, j, sum) } else { out(j, i, sum) };
            if width == EIGHT {
                some::<T, FAST, EIGHT, R>(first, j, extents, a, b, &mut out);
            } else {
                some::<T, FAST, 1, R>(first, j, extents, a, b, &mut out);
            }
        }
        first += width;
    }
}

/// `W` of the sums of column `j`.
#[inline(always)]
fn some<T: Product + Elem, const FAST: bool, const W: usize, const R: usize>(
    first: usize,
    j: usize,
    extents: [usize; R],
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    out: &mut impl FnMut(usize, T),
) {
    let mut sums = [<T as Elem>::ZERO; W];
    each!(extents, |k| {
        let y = b.get(j, k);
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = sum.plus_product::<FAST>(a.get(first + i, k), y);
        }
    });
    for (i, sum) in sums.into_iter().enumerate() {
        out(first + i, sum);
    }
}

/// Extents of summed indices, and the steps of two factors along them.
type Indices = ([usize; 3], [isize; 3], [isize; 3]);

/// The summed indices as three: neighbours that both factors run over as one become one.
#[inline(always)]
fn three_indices<const R: usize>(extents: [usize; R], a: [isize; R], b: [isize; R]) -> Option<Indices> {
    let (mut k, mut x, mut y) = ([1; 3], [0; 3], [0; 3]);
    let steps = a.into_iter().zip(b);
    for (n, (a, b)) in extents.into_iter().zip(steps).filter(|(n, _)| *n != 1) {
        let one = k[2] == 1 || x[2] == a.wrapping_mul(n as isize) && y[2] == b.wrapping_mul(n as isize);
        if !one {
            if k[0] != 1 {
                return None;
            }
            (k, x, y) = ([k[1], k[2], 1], [x[1], x[2], 0], [y[1], y[2], 0]);
        }
        (k[2], x[2], y[2]) = (k[2] * n, a, b);
    }
    Some((k, x, y))
}
