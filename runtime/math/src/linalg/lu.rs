use super::{Matrix, Real, copy, piece, piece_mut};

/// `P x = L U` with partial pivoting: `L` (below the diagonal, ones on it) and `U` share `out`, an `[M, N]` like `x`;
/// `pivots[k]` is the row that row `k` was exchanged with, in order; row `i` of `P x` is row `permutation[i]` of `x`.
///
/// **Order.** Column by column: the pivot is the first largest magnitude at or below the diagonal; rows are exchanged;
/// each element below is divided by the pivot (unless that is zero), and the products with the pivot row are taken off
/// the rows below, row by row.
pub fn lu<T: Real, const BATCH: usize, const M: usize, const N: usize>(
    x: &[T],
    out: &mut [T],
    pivots: &mut [i32],
    permutation: &mut [i32],
) {
    lu_of(x, out, pivots, permutation, [BATCH, M, N]);
}

/// [`lu`] with extents as numbers.
pub fn lu_of<T: Real>(x: &[T], out: &mut [T], pivots: &mut [i32], permutation: &mut [i32], [batch, m, n]: [usize; 3]) {
    for b in 0..batch {
        let out = piece_mut(out, b, m * n);
        copy(piece(x, b, m * n), out);
        let pivots = piece_mut(pivots, b, m.min(n));
        let permutation = piece_mut(permutation, b, m);
        for (i, p) in permutation.iter_mut().enumerate() {
            *p = i as i32;
        }
        let mut a = Matrix { x: out, cols: n };
        for (k, pivot) in pivots.iter_mut().enumerate() {
            let row = pivot_row(&a, k, m);
            *pivot = row as i32;
            if row != k {
                a.swap_rows(k, row);
                if let Ok([here, there]) = permutation.get_disjoint_mut([k, row]) {
                    core::mem::swap(here, there);
                }
            }
            let p = a.at(k, k);
            if p == T::ZERO {
                continue;
            }
            for i in k + 1..m {
                let factor = a.at(i, k).quotient(p);
                a.set(i, k, factor);
                a.take_off(i, factor, k, k + 1, n);
            }
        }
    }
}

fn pivot_row<T: Real>(a: &Matrix<'_, T>, k: usize, m: usize) -> usize {
    let mut best = k;
    for i in k + 1..m {
        if a.at(i, k).magnitude() > a.at(best, k).magnitude() {
            best = i;
        }
    }
    best
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::tests::{assert_near, numbers, product};
    use super::*;
    extern crate std;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn multiplies_back() {
        for (m, n) in [(1, 1), (4, 4), (5, 3), (3, 5), (2, 0)] {
            let (x, k) = (numbers(m * n, 11), m.min(n));
            let (mut out, mut pivots, mut permutation) = (vec![0.0; m * n], vec![0; k], vec![0; m]);
            lu_of(&x, &mut out, &mut pivots, &mut permutation, [1, m, n]);
            let l: Vec<f64> = (0..m * k)
                .map(|at| match (at / k, at % k) {
                    (i, j) if i == j => 1.0,
                    (i, j) if j < i => out[i * n + j],
                    _ => 0.0,
                })
                .collect();
            let u: Vec<f64> = (0..k * n).map(|at| if at % n < at / n { 0.0 } else { out[at] }).collect();
            let expected: Vec<f64> = permutation.iter().flat_map(|p| x[*p as usize * n..][..n].to_vec()).collect();
            assert_near(&product(&l, &u, [m, k, n]), &expected);
            let mut rows: Vec<usize> = (0..m).collect();
            for (k, p) in pivots.iter().enumerate() {
                rows.swap(k, *p as usize);
            }
            assert_eq!(rows, permutation.iter().map(|p| *p as usize).collect::<Vec<_>>());
        }
    }
}
