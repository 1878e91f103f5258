//! Contractions: matrix products, convolutions, and everything else that is a sum of products over shared indices.

use super::{Elem, Num};

/// For every `m < M` and `n < N`: the sum over `k` of `a(m, k) * b(n, k)`, handed to `out(m, n, sum)`.
///
/// `k` runs over the index tuples below `extents` in row-major order, and the sum starts from zero: the same order on every
/// target.
#[inline(always)]
pub fn contract<T: Num + Elem, const M: usize, const N: usize, const R: usize>(
    extents: [usize; R],
    a: impl Fn(usize, [usize; R]) -> T,
    b: impl Fn(usize, [usize; R]) -> T,
    mut out: impl FnMut(usize, usize, T),
) {
    for m in 0..M {
        for n in 0..N {
            let mut sum = <T as Elem>::ZERO;
            each(extents, |k| sum = sum.plus(a(m, k).times(b(n, k))));
            out(m, n, sum);
        }
    }
}

/// Calls `f` with every index tuple below `extents`, in row-major order. At most four indices.
#[inline(always)]
fn each<const R: usize>(extents: [usize; R], mut f: impl FnMut([usize; R])) {
    const { assert!(R >= 1 && R <= 4, "a contraction sums over one to four indices") };
    let extent = |d: usize| extents.get(d).copied().unwrap_or(1);
    let index = |ks: [usize; 4]| core::array::from_fn(|d| ks.get(d).copied().unwrap_or(0));
    for k0 in 0..extent(0) {
        for k1 in 0..extent(1) {
            for k2 in 0..extent(2) {
                for k3 in 0..extent(3) {
                    f(index([k0, k1, k2, k3]));
                }
            }
        }
    }
}
