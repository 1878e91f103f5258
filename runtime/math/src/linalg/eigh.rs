use super::svd::{dot, normalise, orthogonalise};
use super::{Matrix, Real, piece, piece_mut};

/// Eigenvalues, ascending, and eigenvectors, the columns of `v`, of symmetric matrices; reads the lower triangle of `x`.
/// All NaN where `x` is not finite.
///
/// With `s` the largest sum of magnitudes along a row, the eigenvalues of `x / s + 2` lie between 1 and 3, so the columns
/// of that matrix, rotated until they are orthogonal, are the eigenvectors but for their lengths: no other matrix is
/// needed to work in.
///
/// **Order.** The rotations of [`super::svd`] without its second matrix; then `w = vᵀ (x v)`, sums from the top down; then a
/// selection sort.
/// Source: Golub and Van Loan, Matrix Computations (4th ed.), section 8.6.3.
pub fn eigh<T: Real, const BATCH: usize, const N: usize>(x: &[T], w: &mut [T], v: &mut [T]) {
    eigh_of(x, w, v, [BATCH, N]);
}

/// [`eigh`] with extents as numbers.
pub fn eigh_of<T: Real>(x: &[T], w: &mut [T], v: &mut [T], [batch, n]: [usize; 2]) {
    for b in 0..batch {
        let x = piece(x, b, n * n);
        let symmetric = |i: usize, j: usize| {
            let at = if j <= i { i * n + j } else { j * n + i };
            x.get(at).copied().unwrap_or(T::ZERO)
        };
        let mut w = Matrix { x: piece_mut(w, b, n), cols: n };
        let mut v = Matrix { x: piece_mut(v, b, n * n), cols: n };
        let mut scale = T::ZERO;
        for i in 0..n {
            let mut sum = T::ZERO;
            for j in 0..n {
                sum = sum.plus(symmetric(i, j).magnitude());
            }
            scale = scale.maximum(sum);
        }
        if !scale.is_finite() {
            w.x.fill(T::NAN);
            v.x.fill(T::NAN);
            continue;
        }
        if scale == T::ZERO {
            scale = T::ONE;
        }
        let two = T::ONE.plus(T::ONE);
        for i in 0..n {
            for j in 0..n {
                let x = symmetric(i, j).quotient(scale);
                v.set(i, j, if i == j { x.plus(two) } else { x });
            }
        }
        orthogonalise(&mut v, None, n, n);
        for j in 0..n {
            let norm = dot(&v, j, j, n).sqrt();
            normalise(&mut v, j, n, norm);
            let mut value = T::ZERO;
            for i in 0..n {
                let mut row = T::ZERO;
                for k in 0..n {
                    row = row.plus(symmetric(i, k).times(v.at(k, j)));
                }
                value = value.plus(v.at(i, j).times(row));
            }
            w.set(0, j, value);
        }
        ascending(&mut w, &mut v, n);
    }
}

/// Sorts values, and the columns that belong to them.
fn ascending<T: Real>(w: &mut Matrix<'_, T>, v: &mut Matrix<'_, T>, n: usize) {
    for i in 0..n {
        let mut best = i;
        for j in i + 1..n {
            if w.at(0, j) < w.at(0, best) {
                best = j;
            }
        }
        // Moved rather than exchanged, so that equal values keep their order.
        for k in (i..best).rev() {
            w.swap_columns(k, k + 1, 1);
            v.swap_columns(k, k + 1, n);
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::tests::{assert_near, identity, numbers, product, transposed};
    use super::*;
    extern crate std;
    use std::vec;

    #[test]
    fn multiplies_back_and_is_orthonormal() {
        for n in [0, 1, 2, 3, 8, 20, 60] {
            let a = numbers(n * n, 17);
            let x: std::vec::Vec<f64> = a.iter().zip(transposed(&a, n, n)).map(|(a, b)| a + b).collect();
            let (mut w, mut v) = (vec![0.0; n], vec![0.0; n * n]);
            eigh_of(&x, &mut w, &mut v, [1, n]);
            let vt = transposed(&v, n, n);
            assert_near(&product(&vt, &v, [n, n, n]), &identity(n));
            let mut vw = v.clone();
            vw.iter_mut().enumerate().for_each(|(at, x)| *x *= w[at % n]);
            assert_near(&product(&vw, &vt, [n, n, n]), &x);
            assert!(w.windows(2).all(|w| w[0] <= w[1]));
        }
    }

    #[test]
    fn zeros_on_the_diagonal_and_equal_values() {
        let x = [0.0, 9.0, 1.0, 0.0];
        let (mut w, mut v) = ([0.0; 2], [0.0; 4]);
        eigh::<f32, 1, 2>(&x, &mut w, &mut v);
        assert!((w[0] + 1.0).abs() < 1e-6 && (w[1] - 1.0).abs() < 1e-6, "{w:?}");
        eigh::<f32, 1, 2>(&[2.0, 0.0, 0.0, 2.0], &mut w, &mut v);
        assert_eq!((w, v), ([2.0, 2.0], [1.0, 0.0, 0.0, 1.0]));
        eigh::<f32, 1, 2>(&[0.0; 4], &mut w, &mut v);
        assert_eq!((w, v), ([0.0, 0.0], [1.0, 0.0, 0.0, 1.0]));
        eigh::<f32, 1, 2>(&[2.0, 0.0, f32::INFINITY, 2.0], &mut w, &mut v);
        assert!(w[0].is_nan() && v[3].is_nan());
    }
}
