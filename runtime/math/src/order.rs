//! Sorting along the middle axis of arrays seen as `[OUTER, N, INNER]`, in row-major order.
//!
//! Elements are ordered as `jax.numpy` orders them: ascending, zeros of both signs equal, NaN after everything else and
//! equal to itself; `DESCENDING` 1 turns that around. Equal elements keep their order. Nothing is allocated and nothing
//! recurses: short axes are sorted by insertion, long ones by a heap, in `N log N` steps at worst.

use core::cmp::Ordering;

use crate::num::Num;

/// The order of sorting.
#[inline(always)]
fn order<T: Copy + PartialOrd>(a: T, b: T, descending: bool) -> Ordering {
    // What does not equal itself is NaN.
    #[allow(clippy::eq_op)]
    let up = match a.partial_cmp(&b) {
        Some(o) => o,
        None => (a != a).cmp(&(b != b)),
    };
    if descending { up.reverse() } else { up }
}

/// Whether `a` belongs before `b`, without a branch.
#[inline(always)]
fn before<T: Copy + PartialOrd>(a: T, b: T, descending: bool) -> bool {
    let (a, b) = if descending { (b, a) } else { (a, b) };
    // What does not equal itself is NaN.
    #[allow(clippy::eq_op)]
    let nan_last = (b != b) & (a == a);
    (a < b) | nan_last
}

/// Whether there is flash for the sort of the standard library, which is twice as fast as a heap and fifty times as large.
const HAS_ROOM: bool = !cfg!(any(target_arch = "arm", target_arch = "riscv32"));

/// The elements sorted along the axis.
pub fn sort<T: Num, const OUTER: usize, const N: usize, const INNER: usize, const DESCENDING: usize>(
    x: &[T],
    out: &mut [T],
) {
    sort_along(x, out, [OUTER, N, INNER], DESCENDING == 1);
}

/// For each place of the sorted axis, where the element that belongs there is.
pub fn argsort<
    T: Copy + PartialOrd,
    const OUTER: usize,
    const N: usize,
    const INNER: usize,
    const DESCENDING: usize,
>(
    x: &[T],
    out: &mut [i32],
) {
    argsort_along(x, out, [OUTER, N, INNER], DESCENDING == 1);
}

/// The `K` largest elements of each of `ROWS` rows of `N`, the largest first, and where they are.
pub fn top_k<T: Copy + PartialOrd, const ROWS: usize, const N: usize, const K: usize>(
    x: &[T],
    values: &mut [T],
    places: &mut [i32],
) {
    top_k_of_rows(x, values, places, [ROWS, N, K]);
}

/// [`sort`] with extents as numbers.
pub fn sort_along<T: Num>(x: &[T], out: &mut [T], [outer, n, inner]: [usize; 3], descending: bool) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = *x;
    }
    for o in 0..outer {
        for i in 0..inner {
            let run = o * n..(o + 1) * n;
            match out.get_mut(run).filter(|_| inner == 1 && n > SHORT && HAS_ROOM) {
                Some(run) => run.sort_unstable_by(|a, b| {
                    if before(*a, *b, descending) {
                        Ordering::Less
                    } else if before(*b, *a, descending) {
                        Ordering::Greater
                    } else {
                        Ordering::Equal
                    }
                }),
                None => {
                    let less = |a: T, b: T| before(a, b, descending);
                    Axis { x: out, first: o * n * inner + i, step: inner }.sort(n, less);
                }
            }
            let mut axis = Axis { x: out, first: o * n * inner + i, step: inner };
            if n > SHORT {
                axis.restore_order_of_equals(x, n, descending);
            }
        }
    }
}

/// [`argsort`] with extents as numbers.
pub fn argsort_along<T: Copy + PartialOrd>(x: &[T], out: &mut [i32], [outer, n, inner]: [usize; 3], descending: bool) {
    for o in 0..outer {
        for i in 0..inner {
            let first = o * n * inner + i;
            let mut axis = Axis { x: out, first, step: inner };
            for k in 0..n {
                axis.set(k, k as i32);
            }
            // No two places are equal, so the heap cannot disturb an order.
            let less = |a: i32, b: i32| {
                let key = |k: i32| x.get(first + k as usize * inner);
                match (key(a), key(b)) {
                    (Some(p), Some(q)) => order(*p, *q, descending).then(a.cmp(&b)) == Ordering::Less,
                    _ => false,
                }
            };
            axis.sort(n, less);
        }
    }
}

/// [`top_k`] with extents as numbers.
pub fn top_k_of_rows<T: Copy + PartialOrd>(x: &[T], values: &mut [T], places: &mut [i32], [rows, n, k]: [usize; 3]) {
    for row in 0..rows {
        let mut best = Axis { x: values, first: row * k, step: 1 };
        let mut at = Axis { x: places, first: row * k, step: 1 };
        for (place, x) in x.iter().skip(row * n).take(n).enumerate() {
            // From the end of the list so far, everything smaller moves back by one; what falls off is gone.
            let mut slot = place.min(k);
            while let Some(before) = slot.checked_sub(1).and_then(|s| best.get(s)) {
                if order(before, *x, true) != Ordering::Greater {
                    break;
                }
                if slot < k {
                    best.set(slot, before);
                    at.set(slot, at.get(slot - 1).unwrap_or(0));
                }
                slot -= 1;
            }
            if slot < k {
                best.set(slot, *x);
                at.set(slot, place as i32);
            }
        }
    }
}

/// Up to this length insertion wins over a heap, and is stable by itself.
const SHORT: usize = 24;

/// One run along an axis of an array.
struct Axis<'a, T> {
    x: &'a mut [T],
    first: usize,
    step: usize,
}

impl<T: Copy> Axis<'_, T> {
    #[inline(always)]
    fn get(&self, k: usize) -> Option<T> {
        self.x.get(self.first + k * self.step).copied()
    }

    #[inline(always)]
    fn set(&mut self, k: usize, value: T) {
        if let Some(slot) = self.x.get_mut(self.first + k * self.step) {
            *slot = value;
        }
    }

    fn sort(&mut self, n: usize, less: impl Fn(T, T) -> bool) {
        if n <= SHORT {
            self.insertion_sort(n, less);
        } else {
            self.heap_sort(n, less);
        }
    }

    fn insertion_sort(&mut self, n: usize, less: impl Fn(T, T) -> bool) {
        for k in 1..n {
            let Some(x) = self.get(k) else { return };
            let mut slot = k;
            while let Some(before) = slot.checked_sub(1).and_then(|s| self.get(s)) {
                if !less(x, before) {
                    break;
                }
                self.set(slot, before);
                slot -= 1;
            }
            self.set(slot, x);
        }
    }

    fn heap_sort(&mut self, n: usize, less: impl Fn(T, T) -> bool) {
        for root in (0..n / 2).rev() {
            self.sift(root, n, &less);
        }
        for end in (1..n).rev() {
            if let (Some(largest), Some(last)) = (self.get(0), self.get(end)) {
                self.set(end, largest);
                self.set(0, last);
            }
            self.sift(0, end, &less);
        }
    }

    /// Lets the root of a subtree of the heap `0..n` sink to where it belongs.
    fn sift(&mut self, mut root: usize, n: usize, less: &impl Fn(T, T) -> bool) {
        let Some(x) = self.get(root) else { return };
        loop {
            let left = 2 * root + 1;
            if left >= n {
                break;
            }
            let Some(mut child) = self.get(left) else { break };
            let mut at = left;
            if let Some(right) = self.get(left + 1).filter(|r| left + 1 < n && less(child, *r)) {
                child = right;
                at = left + 1;
            }
            if !less(x, child) {
                break;
            }
            self.set(root, child);
            root = at;
        }
        self.set(root, x);
    }
}

impl<T: Num> Axis<'_, T> {
    /// Elements that are equal but not the same are zeros of two signs and NaNs: they are put down again in the order
    /// that they have in `x`, where this run lies at the same place.
    fn restore_order_of_equals(&mut self, x: &[T], n: usize, descending: bool) {
        #[allow(clippy::eq_op)]
        let is_nan = |x: &T| *x != *x;
        let is_zero = |x: &T| *x == T::ZERO;
        let source = |axis: &Self, k: usize| x.get(axis.first + k * axis.step).copied();
        let n_nans = (0..n).filter(|k| source(self, *k).is_some_and(|x| is_nan(&x))).count();
        let first_nan = if descending { 0 } else { n - n_nans };
        let first_zero = (0..n).find(|k| self.get(*k).is_some_and(|x| is_zero(&x))).unwrap_or(n);
        let (mut nan, mut zero) = (first_nan, first_zero);
        for k in 0..n {
            match source(self, k) {
                Some(x) if is_nan(&x) => {
                    self.set(nan, x);
                    nan += 1;
                }
                Some(x) if is_zero(&x) => {
                    self.set(zero, x);
                    zero += 1;
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    extern crate std;
    use std::vec;
    use std::vec::Vec;

    fn numbers(n: usize) -> Vec<f32> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 24
        };
        (0..n)
            .map(|_| match next() % 23 {
                0 => 0.0,
                1 => -0.0,
                2 => f32::NAN,
                3 => f32::INFINITY,
                4 => f32::NEG_INFINITY,
                k => k as f32 - 12.0,
            })
            .collect()
    }

    fn bits(x: &[f32]) -> Vec<u32> {
        x.iter().map(|x| x.to_bits()).collect()
    }

    #[test]
    fn sorts_stably_in_both_directions_at_all_lengths() {
        for n in [0, 1, 2, 7, SHORT, SHORT + 1, 200] {
            for descending in [false, true] {
                let x = numbers(2 * n * 3);
                let (mut out, mut places) = (vec![0.0; x.len()], vec![0; x.len()]);
                sort_along(&x, &mut out, [2, n, 3], descending);
                argsort_along(&x, &mut places, [2, n, 3], descending);
                for (o, i) in (0..2).flat_map(|o| (0..3).map(move |i| (o, i))) {
                    let at = |k: usize| (o * n + k) * 3 + i;
                    let mut expected: Vec<usize> = (0..n).collect();
                    expected.sort_by(|a, b| order(x[at(*a)], x[at(*b)], descending));
                    let found: Vec<usize> = (0..n).map(|k| places[at(k)] as usize).collect();
                    assert_eq!(found, expected, "{n} {descending}");
                    let values: Vec<f32> = expected.iter().map(|k| x[at(*k)]).collect();
                    let found: Vec<f32> = (0..n).map(|k| out[at(k)]).collect();
                    assert_eq!(bits(&found), bits(&values), "{n} {descending}");
                }
            }
        }
    }

    #[test]
    fn the_largest_come_first() {
        for (n, k) in [(1, 1), (5, 2), (9, 9), (50, 7)] {
            let x = numbers(2 * n);
            let (mut values, mut places) = (vec![0.0; 2 * k], vec![0; 2 * k]);
            top_k_of_rows(&x, &mut values, &mut places, [2, n, k]);
            let mut all = vec![0; 2 * n];
            argsort_along(&x, &mut all, [2, n, 1], true);
            for row in 0..2 {
                assert_eq!(places[row * k..(row + 1) * k], all[row * n..row * n + k]);
                let expected: Vec<f32> =
                    places[row * k..(row + 1) * k].iter().map(|p| x[row * n + *p as usize]).collect();
                assert_eq!(bits(&values[row * k..(row + 1) * k]), bits(&expected));
            }
        }
    }
}
