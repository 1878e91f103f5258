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
