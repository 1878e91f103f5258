//! Contractions: matrix products, convolutions, and everything else that is a sum of products over shared indices.
//!
//! A tile of outputs is held in registers while `k` runs, so that every element loaded serves a row or a column of the
//! tile. How large a tile may be is a fact about the core, so it is chosen here and not in emitted code; the order of the
//! sums is not touched by it.

use super::{Elem, Level, Product};

/// For every `m < M` and `n < N`: the sum over `k` of `a(m, k) * b(n, k)`, handed to `out(m, n, sum)`.
///
/// `k` runs over the index tuples below `extents` in row-major order, and the sum starts from zero: the same order on every
/// target. `out` is called once for every pair; the order of those calls depends on the target. `FAST` lifts what
/// [`Product::plus_product`] says that it lifts.
#[inline(always)]
pub fn contract<T: Product + Elem, L: Level, const FAST: bool, const M: usize, const N: usize, const R: usize>(
    extents: [usize; R],
    a: impl Fn(usize, [usize; R]) -> T,
    b: impl Fn(usize, [usize; R]) -> T,
    mut out: impl FnMut(usize, usize, T),
) {
    contract_from::<T, L, FAST, M, N, R>(extents, a, b, from_zero(&mut out));
}

/// What sums that start from zero are handed out by, for [`contract_from`].
#[inline(always)]
pub fn from_zero<T: Elem>(mut out: impl FnMut(usize, usize, T)) -> impl FnMut(usize, usize, Option<T>) -> T {
    move |m, n, sum| {
        if let Some(sum) = sum {
            out(m, n, sum);
        }
        T::ZERO
    }
}

/// [`contract`] with sums that start from what `out(m, n, None)` says; `out(m, n, Some(sum))`, whose result is nothing, comes after it
/// and before any other pair is asked for a second time.
#[inline(always)]
pub fn contract_from<T: Product + Elem, L: Level, const FAST: bool, const M: usize, const N: usize, const R: usize>(
    extents: [usize; R],
    a: impl Fn(usize, [usize; R]) -> T,
    b: impl Fn(usize, [usize; R]) -> T,
    out: impl FnMut(usize, usize, Option<T>) -> T,
) {
    let mut nest = Nest::<FAST, R, _, _, _> { extents, a, b, out };
    if const { N == 1 } {
        nest.blocks::<M, { tile::TALL }, N, 1>();
    } else if const { M == 1 } {
        nest.blocks::<M, 1, N, { tile::WIDE }>();
    } else {
        nest.blocks::<M, { tile::ROWS }, N, { tile::COLUMNS }>();
    }
}

/// Tiles of outputs: `ROWS` by `COLUMNS` in general, `TALL` by 1 and 1 by `WIDE` for products with a vector.
#[cfg(any(all(target_arch = "arm", target_abi = "eabihf"), all(target_arch = "riscv32", target_feature = "f")))]
mod tile {
    use core::sync::atomic::{Ordering, compiler_fence};

    // Sixteen sums and eight elements in the thirty-two registers of the FPU.
    pub const ROWS: usize = 4;
    pub const COLUMNS: usize = 4;
    // Of a tall tile only the rows that an instruction can reach from one pointer are cheap to read.
    pub const TALL: usize = 4;
    pub const WIDE: usize = 8;

    /// Keeps the loads of a small, fully unrolled tile from being moved into the tile before, which spills its sums:
    /// 6x6x6 takes 516 instructions on a Cortex-M4F with this and 592 without.
    #[inline(always)]
    pub fn separate() {
        compiler_fence(Ordering::SeqCst);
    }
}
#[cfg(all(any(target_arch = "arm", target_arch = "riscv32"), not(any(target_abi = "eabihf", target_feature = "f"))))]
mod tile {
    // Sums live in core registers or on the stack, and arithmetic is a call: reuse gains little, code size costs.
    pub const ROWS: usize = 2;
    pub const COLUMNS: usize = 2;
    pub const TALL: usize = 2;
    pub const WIDE: usize = 2;

    #[inline(always)]
    pub fn separate() {}
}
#[cfg(not(any(target_arch = "arm", target_arch = "riscv32")))]
mod tile {
    // Rows of a tile become vectors.
    pub const ROWS: usize = 4;
    pub const COLUMNS: usize = if cfg!(target_feature = "avx") { 16 } else { 8 };
    pub const TALL: usize = 8;
    pub const WIDE: usize = 32;

    #[inline(always)]
    pub fn separate() {}
}

struct Nest<const FAST: bool, const R: usize, A, B, O> {
    extents: [usize; R],
    a: A,
    b: B,
    out: O,
}

/// Runs `$body` with every index tuple `$k` below `$extents`, in row-major order. At most four indices. A macro and not a function of
/// a closure: closures of one type that are run at several places are left uncompiled into them, and the steps of factors are
/// then no constants.
macro_rules! each {
    ($extents:expr, |$k:ident| $body:expr) => {{
        const { assert!(R >= 1 && R <= 4, "a contraction sums over one to four indices") };
        let extents: [usize; R] = $extents;
        let extent = |d: usize| extents.get(d).copied().unwrap_or(1);
        for k0 in 0..extent(0) {
            for k1 in 0..extent(1) {
                for k2 in 0..extent(2) {
                    for k3 in 0..extent(3) {
                        let $k: [usize; R] = core::array::from_fn(|d| [k0, k1, k2, k3].get(d).copied().unwrap_or(0));
                        $body
                    }
                }
            }
        }
    }};
}
pub(super) use each;

/// Runs `$body` with `$width`, a constant, and `$at`, a position, for the pieces of `$size % tile` that whole tiles leave:
/// powers of two down to 4, then what is left in one piece. The blocks are constant, so that only the pieces that there are get
/// compiled.
macro_rules! rest {
    ($size:expr, $start:expr, |$at:ident, $width:ident| $body:expr) => {{
        let mut $at = $start;
        rest!(@piece const { ($size)  & 16 != 0 }, 16, $at, $width, $body);
        rest!(@piece const { ($size)  & 8 != 0 }, 8, $at, $width, $body);
        rest!(@piece const { ($size)  & 4 != 0 }, 4, $at, $width, $body);
        rest!(@piece const { ($size)  & 3 == 3 }, 3, $at, $width, $body);
        rest!(@piece const { ($size)  & 3 == 2 }, 2, $at, $width, $body);
        rest!(@piece const { ($size)  & 3 == 1 }, 1, $at, $width, $body);
        let _ = $at;
    }};
    (@piece $when:expr, $n:literal, $at:ident, $width:ident, $body:expr) => {
        if $when {
            const $width: usize = $n;
            $body;
            $at += $n;
        }
    };
}

impl<T, const FAST: bool, const R: usize, A, B, O> Nest<FAST, R, A, B, O>
where
    T: Product + Elem,
    A: Fn(usize, [usize; R]) -> T,
    B: Fn(usize, [usize; R]) -> T,
    O: FnMut(usize, usize, Option<T>) -> T,
{
    #[inline(always)]
    fn blocks<const M: usize, const TM: usize, const N: usize, const TN: usize>(&mut self) {
        if const { M >= TM } {
            for block in 0..M / TM {
                self.row_of_tiles::<TM, N, TN>(block * TM);
            }
        }
        rest!(M % TM, M - M % TM, |m, W| self.row_of_tiles::<W, N, TN>(m));
    }

    #[inline(always)]
    fn row_of_tiles<const TM: usize, const N: usize, const TN: usize>(&mut self, m: usize) {
        if const { N >= TN } {
            for block in 0..N / TN {
                self.tile::<TM, TN>(m, block * TN);
            }
        }
        rest!(N % TN, N - N % TN, |n, W| self.tile::<TM, W>(m, n));
    }

    /// The outputs from `(m, n)` on, `TM` by `TN` of them.
    #[inline(always)]
    fn tile<const TM: usize, const TN: usize>(&mut self, m: usize, n: usize) {
        tile::separate();
        let mut sums: [[T; TN]; TM] =
            core::array::from_fn(|i| core::array::from_fn(|j| (self.out)(m + i, n + j, None)));
        each!(self.extents, |k| {
            let a: [T; TM] = core::array::from_fn(|i| (self.a)(m + i, k));
            let b: [T; TN] = core::array::from_fn(|j| (self.b)(n + j, k));
            for (row, a) in sums.iter_mut().zip(a) {
                for (sum, b) in row.iter_mut().zip(b) {
                    *sum = sum.plus_product::<FAST>(a, b);
                }
            }
        });
        for (i, row) in sums.into_iter().enumerate() {
            for (j, sum) in row.into_iter().enumerate() {
                (self.out)(m + i, n + j, Some(sum));
            }
        }
    }
}
