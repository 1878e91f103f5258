use super::{Matrix, Real, copy, piece, piece_mut};

/// Singular values, descending, and vectors of tall matrices (`M >= N`): `x = u diag(s) vᵀ` with orthonormal columns in
/// `u`, `[M, N]`, and `v`, `[N, N]`. Columns of `u` that belong to a singular value of zero are zero. All NaN where `x` is
/// not finite.
///
/// **Order.** One-sided Jacobi rotations of the columns in sweeps over the pairs `p < q`, row by row, until a sweep
/// rotates nothing (pairs that are orthogonal to rounding are skipped), at most 30 times; then a selection sort. Sums run
/// from the top down.
/// Source: Golub and Van Loan, Matrix Computations (4th ed.), section 8.6.3.
pub fn svd<T: Real, const BATCH: usize, const M: usize, const N: usize>(
    x: &[T],
    u: &mut [T],
    s: &mut [T],
    v: &mut [T],
) {
    svd_of(x, u, s, v, [BATCH, M, N]);
}

/// [`svd`] with extents as numbers.
pub fn svd_of<T: Real>(x: &[T], u: &mut [T], s: &mut [T], v: &mut [T], [batch, m, n]: [usize; 3]) {
    for b in 0..batch {
        let x = piece(x, b, m * n);
        let mut u = Matrix { x: piece_mut(u, b, m * n), cols: n };
        let mut v = Matrix { x: piece_mut(v, b, n * n), cols: n };
        let s = piece_mut(s, b, n);
        let mut largest = T::ZERO;
        let mut finite = true;
        for x in x {
            finite &= x.is_finite();
            largest = largest.maximum(x.magnitude());
        }
        if !finite {
            u.x.fill(T::NAN);
            v.x.fill(T::NAN);
            s.fill(T::NAN);
            continue;
        }
        // Scaled by the largest element, so that squares neither overflow nor vanish.
        let scale = if largest == T::ZERO { T::ONE } else { largest };
        copy(x, u.x);
        for x in u.x.iter_mut() {
            *x = x.quotient(scale);
        }
        for i in 0..n {
            for j in 0..n {
                v.set(i, j, if i == j { T::ONE } else { T::ZERO });
            }
        }
        orthogonalise(&mut u, Some(&mut v), m, n);
        for (j, s) in s.iter_mut().enumerate() {
            let norm = dot(&u, j, j, m).sqrt();
            *s = norm.times(scale);
            normalise(&mut u, j, m, norm);
        }
        descending(s, &mut u, &mut v, m, n);
    }
}

const MOST_SWEEPS: usize = 30;

/// Product of two columns of `m` elements.
pub(super) fn dot<T: Real>(a: &Matrix<'_, T>, p: usize, q: usize, m: usize) -> T {
    let mut sum = T::ZERO;
    for i in 0..m {
        sum = sum.plus(a.at(i, p).times(a.at(i, q)));
    }
    sum
}

/// Divides column `j` by its length; a column of length zero becomes zero.
pub(super) fn normalise<T: Real>(a: &mut Matrix<'_, T>, j: usize, m: usize, norm: T) {
    for i in 0..m {
        a.set(i, j, if norm == T::ZERO { T::ZERO } else { a.at(i, j).quotient(norm) });
    }
}

fn rotate<T: Real>(a: &mut Matrix<'_, T>, p: usize, q: usize, rows: usize, c: T, s: T) {
    for i in 0..rows {
        let (x, y) = (a.at(i, p), a.at(i, q));
        a.set(i, p, c.times(x).minus(s.times(y)));
        a.set(i, q, s.times(x).plus(c.times(y)));
    }
}

/// Rotates the columns of `u` until they are orthogonal, and those of `v` with them. Returns the number of sweeps.
pub(super) fn orthogonalise<T: Real>(
    u: &mut Matrix<'_, T>,
    mut v: Option<&mut Matrix<'_, T>>,
    m: usize,
    n: usize,
) -> usize {
    // The product of two columns is only known to about the square root of its length in roundings.
    let mut length = T::ZERO;
    for _ in 0..m {
        length = length.plus(T::ONE);
    }
    let rounding = T::EPSILON.times(length.sqrt());
    for sweep in 1..=MOST_SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                let (pp, qq, pq) = (dot(u, p, p, m), dot(u, q, q, m), dot(u, p, q, m));
                if pq.magnitude() <= rounding.times(pp.sqrt()).times(qq.sqrt()) {
                    continue;
                }
                rotated = true;
                let (c, s) = rotation(pq, pp, qq);
                rotate(u, p, q, m, c, s);
                if let Some(v) = &mut v {
                    rotate(v, p, q, n, c, s);
                }
            }
        }
        if !rotated {
            return sweep;
        }
    }
    MOST_SWEEPS
}

/// Cosine and sine of the smaller angle that makes two columns with these products orthogonal.
fn rotation<T: Real>(pq: T, pp: T, qq: T) -> (T, T) {
    let two = T::ONE.plus(T::ONE);
    let theta = qq.minus(pp).quotient(two.times(pq));
    let root = T::ONE.plus(theta.times(theta)).sqrt();
    let t = T::ONE.quotient(theta.magnitude().plus(root));
    let t = if theta < T::ZERO { T::ZERO.minus(t) } else { t };
    let c = T::ONE.quotient(T::ONE.plus(t.times(t)).sqrt());
    (c, t.times(c))
}

/// Sorts values, and the columns that belong to them.
fn descending<T: Real>(s: &mut [T], u: &mut Matrix<'_, T>, v: &mut Matrix<'_, T>, m: usize, n: usize) {
    let mut s = Matrix { x: s, cols: n };
    for i in 0..n {
        let mut best = i;
        for j in i + 1..n {
            if s.at(0, j) > s.at(0, best) {
                best = j;
            }
        }
        // Moved rather than exchanged, so that equal values keep their order.
        for k in (i..best).rev() {
            s.swap_columns(k, k + 1, 1);
            u.swap_columns(k, k + 1, m);
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
        for (m, n) in [(1, 1), (3, 3), (6, 4), (20, 9), (4, 0)] {
            let x = numbers(m * n, 19);
            let (mut u, mut s, mut v) = (vec![0.0; m * n], vec![0.0; n], vec![0.0; n * n]);
            svd_of(&x, &mut u, &mut s, &mut v, [1, m, n]);
            assert_near(&product(&transposed(&u, m, n), &u, [n, m, n]), &identity(n));
            assert_near(&product(&transposed(&v, n, n), &v, [n, n, n]), &identity(n));
            let mut us = u.clone();
            us.iter_mut().enumerate().for_each(|(at, x)| *x *= s[at % n]);
            assert_near(&product(&us, &transposed(&v, n, n), [m, n, n]), &x);
            assert!(s.windows(2).all(|w| w[0] >= w[1]) && s.iter().all(|s| *s >= 0.0));
        }
    }

    #[test]
    fn a_few_sweeps_are_enough() {
        for (m, n) in [(4, 4), (12, 12), (40, 24)] {
            let (mut x, mut y) = (numbers(m * n, 23), vec![0.0_f32; m * n]);
            y.iter_mut().zip(&x).for_each(|(y, x)| *y = *x as f32);
            assert!(orthogonalise(&mut Matrix { x: &mut x, cols: n }, None, m, n) <= 10);
            assert!(orthogonalise(&mut Matrix { x: &mut y, cols: n }, None, m, n) <= 10);
        }
    }

    #[test]
    fn of_zeros_and_of_rank_one() {
        let (mut u, mut s, mut v) = ([7.0_f32; 4], [7.0_f32; 2], [7.0_f32; 4]);
        svd::<f32, 1, 2, 2>(&[0.0; 4], &mut u, &mut s, &mut v);
        assert_eq!((u, s, v), ([0.0; 4], [0.0; 2], [1.0, 0.0, 0.0, 1.0]));
        svd::<f32, 1, 2, 2>(&[1.0, 1.0, 1.0, 1.0], &mut u, &mut s, &mut v);
        assert!((s[0] - 2.0).abs() < 1e-6 && s[1].abs() < 1e-6);
    }
}
