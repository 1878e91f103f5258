//! Sums, maxima and other reductions of computed elements.

use super::{Elem, LANES, ld, st};

/// Folds `f(0) .. f(N - 1)` with `op` in the order of [`kiln_math::lanes_reduce`]: sixteen interleaved lanes, then a tree.
/// `N` is at least 1.
#[inline(always)]
pub fn reduce<T: Elem, const N: usize>(f: impl Fn(usize) -> T, op: impl Fn(T, T) -> T) -> T {
    in_lanes::<T, N, LANES>(f, op)
}

/// [`reduce`] in any number of lanes that is a power of two.
#[inline(always)]
fn in_lanes<T: Elem, const N: usize, const W: usize>(f: impl Fn(usize) -> T, op: impl Fn(T, T) -> T) -> T {
    const { assert!(N > 0, "a reduction of no elements has no value") };
    let mut lanes = [T::ZERO; W];
    let live = if N < W { N } else { W };
    for l in 0..live {
        st(&mut lanes, l, f(l));
    }
    for row in 1..N / W {
        for l in 0..W {
            let sum = op(ld(&lanes, l), f(row * W + l));
            st(&mut lanes, l, sum);
        }
    }
    if N > W {
        for l in 0..N % W {
            let sum = op(ld(&lanes, l), f(N - N % W + l));
            st(&mut lanes, l, sum);
        }
    }
    let mut half = W / 2;
    while half > 0 {
        for l in 0..half.min(live.saturating_sub(half)) {
            let sum = op(ld(&lanes, l), ld(&lanes, l + half));
            st(&mut lanes, l, sum);
        }
        half /= 2;
    }
    ld(&lanes, 0)
}

/// Lanes where their number is free: enough for steps of several cycles, few enough for registers.
const FREE_LANES: usize = 32;

/// [`reduce`] where the order cannot be seen in the result: maxima, minima, logic, and sums of integers. One element after
/// the other on cores without vectors, which costs a register and a small loop. `N` is at least 1.
#[inline(always)]
pub fn reduce_any_order<T: Elem, const N: usize>(f: impl Fn(usize) -> T, op: impl Fn(T, T) -> T) -> T {
    if cfg!(any(target_arch = "arm", target_arch = "riscv32")) {
        const { assert!(N > 0, "a reduction of no elements has no value") };
        let mut sum = f(0);
        // In fours, which the compiler writes out where size does not matter more; it would not unroll a loop with a call.
        for first in (1..N - (N - 1) % 4).step_by(4) {
            for i in first..first + 4 {
                sum = op(sum, f(i));
            }
        }
        for i in N - (N - 1) % 4..N {
            sum = op(sum, f(i));
        }
        sum
    } else if N >= 4 * FREE_LANES {
        in_lanes::<T, N, FREE_LANES>(f, op)
    } else {
        reduce::<T, N>(f, op)
    }
}

/// [`reduce`] of the results `0..I`, each of `J` parts, of a strip: `f(i, j, n)` is element `n` of part `j` of result `i`. `W` lanes are
/// those of [`reduce`], or one where the order cannot be seen. The results are neighbours, so that each step of all of them is one in
/// vectors.
#[cfg(not(any(target_arch = "arm", target_arch = "riscv32")))]
#[inline(always)]
pub fn reduce_strip<T: Elem, const N: usize, const I: usize, const J: usize, const W: usize>(
    f: impl Fn(usize, usize, usize) -> T,
    op: impl Fn(T, T) -> T,
) -> [[T; J]; I] {
    const { assert!(N >= W && W > 0, "a lane without an element") };
    let mut lanes = [[[T::ZERO; J]; I]; W];
    // Loops over numbers: iterators return pairs, and a function that calls one which has not been compiled into it yet is never compiled
    // into one with wider vectors.
    for n in 0..N {
        let Some(sums) = lanes.get_mut(n % W) else { continue };
        for i in 0..I {
            for j in 0..J {
                let item = f(i, j, n);
                let sum = if n < W { item } else { op(of_strip(sums, i, j), item) };
                into_strip(sums, i, j, sum);
            }
        }
    }
    let mut half = W / 2;
    while half > 0 {
        for l in 0..half {
            for i in 0..I {
                for j in 0..J {
                    let (Some(low), Some(high)) = (lanes.get(l), lanes.get(l + half)) else { continue };
                    let both = op(of_strip(low, i, j), of_strip(high, i, j));
                    if let Some(low) = lanes.get_mut(l) {
                        into_strip(low, i, j, both);
                    }
                }
            }
        }
        half /= 2;
    }
    match lanes.first() {
        Some(sums) => *sums,
        None => [[T::ZERO; J]; I],
    }
}

#[cfg(not(any(target_arch = "arm", target_arch = "riscv32")))]
#[inline(always)]
fn into_strip<T: Elem, const I: usize, const J: usize>(strip: &mut [[T; J]; I], i: usize, j: usize, x: T) {
    if let Some(parts) = strip.get_mut(i) {
        st(parts, j, x);
    }
}

/// [`reduce`] of `I` results at the same time, none of which waits for another: `f(i, n)` is element `n` of result `i`.
#[cfg(not(any(target_arch = "arm", target_arch = "riscv32")))]
#[inline(always)]
pub fn reduce_rows<T: Elem, const N: usize, const I: usize, const W: usize>(
    f: impl Fn(usize, usize) -> T,
    op: impl Fn(T, T) -> T,
) -> [[T; 1]; I] {
    const { assert!(N >= W && W > 0, "a lane without an element") };
    let mut lanes = [[T::ZERO; W]; I];
    for i in 0..I {
        for l in 0..W {
            into_strip(&mut lanes, i, l, f(i, l));
        }
    }
    for row in 1..N / W {
        for i in 0..I {
            for l in 0..W {
                let sum = op(of_strip(&lanes, i, l), f(i, row * W + l));
                into_strip(&mut lanes, i, l, sum);
            }
        }
    }
    for i in 0..I {
        for l in 0..N % W {
            let sum = op(of_strip(&lanes, i, l), f(i, N - N % W + l));
            into_strip(&mut lanes, i, l, sum);
        }
    }
    // Compilers that see the tree make vectors of two of it, and then of all that is in front of it.
    let mut lanes = core::hint::black_box(lanes);
    let mut half = W / 2;
    while half > 0 {
        for i in 0..I {
            for l in 0..half {
                let sum = op(of_strip(&lanes, i, l), of_strip(&lanes, i, l + half));
                into_strip(&mut lanes, i, l, sum);
            }
        }
        half /= 2;
    }
    let mut sums = [[T::ZERO; 1]; I];
    for i in 0..I {
        into_strip(&mut sums, i, 0, of_strip(&lanes, i, 0));
    }
    sums
}

/// A result of [`reduce_strip`].
#[cfg(not(any(target_arch = "arm", target_arch = "riscv32")))]
#[inline(always)]
pub fn of_strip<T: Elem, const I: usize, const J: usize>(strip: &[[T; J]; I], i: usize, j: usize) -> T {
    match strip.get(i) {
        Some(parts) => ld(parts, j),
        None => T::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Strips against one result after the other; a number of elements that fills no lane evenly.
    #[test]
    fn strips_fold_each_result_in_the_order_that_it_has_alone() {
        let x = |i: usize, j: usize, n: usize| ((i * 31 + j * 17 + n * n * 7) % 101) as f32 * 0.37 - 11.0;
        let strip = reduce_strip::<f32, 77, 9, 3, LANES>(x, |a, b| a + b);
        let most = reduce_strip::<f32, 77, 9, 3, 1>(x, f32::max);
        let rows = reduce_rows::<f32, 77, 4, LANES>(|i, n| x(i, 2, n), |a, b| a + b);
        for i in 0..4 {
            assert_eq!(of_strip(&rows, i, 0).to_bits(), of_strip(&strip, i, 2).to_bits(), "row {i}");
        }
        for i in 0..9 {
            for j in 0..3 {
                let alone = reduce::<f32, 77>(|n| x(i, j, n), |a, b| a + b);
                assert_eq!(of_strip(&strip, i, j).to_bits(), alone.to_bits(), "{i}, {j}");
                let alone = reduce_any_order::<f32, 77>(|n| x(i, j, n), f32::max);
                assert_eq!(of_strip(&most, i, j), alone, "{i}, {j}");
            }
        }
    }
}
