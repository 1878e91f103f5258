use super::{Matrix, Real, copy, piece, piece_mut};

/// `x = q r` with orthonormal columns in `q` and an upper triangular `r`. With `FULL` 1, `q` is `[M, M]` and `r` is
/// `[M, N]`; with 0, `q` is `[M, K]` and `r` is `[K, N]` for `K = min(M, N)`.
///
/// **Order.** Householder reflections column by column, with the signs of LAPACK's `geqrf`. The reflection of a column is
/// `1 - t v vᵀ` with `v = (1, tail)` and `t = 2 / (1 + |tail|²)`, sums from the top down; no reflection where the
/// tail is zero.
pub fn qr<T: Real, const BATCH: usize, const M: usize, const N: usize, const FULL: usize>(
    x: &[T],
    q: &mut [T],
    r: &mut [T],
) {
    qr_of(x, q, r, [BATCH, M, N], FULL == 1);
}

/// [`qr`] with extents as numbers.
pub fn qr_of<T: Real>(x: &[T], q: &mut [T], r: &mut [T], [batch, m, n]: [usize; 3], full: bool) {
    let k = m.min(n);
    let columns = if full { m } else { k };
    for b in 0..batch {
        let x = piece(x, b, m * n);
        let mut q = Matrix { x: piece_mut(q, b, m * columns), cols: columns };
        let mut r = Matrix { x: piece_mut(r, b, columns * n), cols: n };
        // The factors stand where there is room for all of `x`: in `r` if that has all rows, else in `q`.
        if columns == m {
            copy(x, r.x);
            factor(&mut r, m, n);
            for i in 0..m {
                for j in 0..k.min(i) {
                    q.set(i, j, r.at(i, j));
                    r.set(i, j, T::ZERO);
                }
            }
        } else {
            copy(x, q.x);
            factor(&mut q, m, n);
            for i in 0..k {
                for j in 0..n {
                    r.set(i, j, if j < i { T::ZERO } else { q.at(i, j) });
                }
            }
        }
        expand(&mut q, m, k, columns);
    }
}

/// `2 / (1 + |tail|²)` of the reflection whose tail stands below the diagonal in column `j`; 0 for none.
fn weight<T: Real>(a: &Matrix<'_, T>, j: usize, m: usize) -> T {
    let mut sum = T::ZERO;
    for i in j + 1..m {
        sum = sum.plus(a.at(i, j).times(a.at(i, j)));
    }
    if sum == T::ZERO { T::ZERO } else { T::ONE.plus(T::ONE).quotient(T::ONE.plus(sum)) }
}

/// Applies the reflection of column `j` to column `c`.
fn reflect<T: Real>(a: &mut Matrix<'_, T>, j: usize, c: usize, m: usize, t: T) {
    let mut dot = a.at(j, c);
    for i in j + 1..m {
        dot = dot.plus(a.at(i, j).times(a.at(i, c)));
    }
    let s = t.times(dot);
    a.set(j, c, a.at(j, c).minus(s));
    for i in j + 1..m {
        a.set(i, c, a.at(i, c).minus(s.times(a.at(i, j))));
    }
}

/// Leaves `r` on and above the diagonal, and the tails of the reflections below.
fn factor<T: Real>(a: &mut Matrix<'_, T>, m: usize, n: usize) {
    for j in 0..m.min(n) {
        // Scaled by the largest element, so that squares neither overflow nor vanish.
        let mut largest = a.at(j, j).magnitude();
        let mut tail = T::ZERO;
        for i in j + 1..m {
            tail = tail.maximum(a.at(i, j).magnitude());
        }
        largest = largest.maximum(tail);
        if tail == T::ZERO {
            continue;
        }
        let mut sum = T::ZERO;
        for i in j..m {
            let x = a.at(i, j).quotient(largest);
            sum = sum.plus(x.times(x));
        }
        let norm = sum.sqrt().times(largest);
        let first = a.at(j, j);
        let beta = if first < T::ZERO { norm } else { T::ZERO.minus(norm) };
        let divisor = first.minus(beta);
        for i in j + 1..m {
            a.set(i, j, a.at(i, j).quotient(divisor));
        }
        a.set(j, j, beta);
        let t = weight(a, j, m);
        for c in j + 1..n {
            reflect(a, j, c, m, t);
        }
    }
}

/// Turns the tails of `k` reflections, below the diagonal, into the columns of their product.
fn expand<T: Real>(q: &mut Matrix<'_, T>, m: usize, k: usize, columns: usize) {
    for j in (0..columns).rev() {
        if j >= k {
            for i in 0..m {
                q.set(i, j, if i == j { T::ONE } else { T::ZERO });
            }
            continue;
        }
        let t = weight(q, j, m);
        // Row `j` of the columns to the right is still that of the identity: nothing has been reflected into it.
        for c in j + 1..columns {
            q.set(j, c, T::ZERO);
            reflect(q, j, c, m, t);
        }
        for i in 0..j {
            q.set(i, j, T::ZERO);
        }
        q.set(j, j, T::ONE.minus(t));
        for i in j + 1..m {
            q.set(i, j, T::ZERO.minus(t.times(q.at(i, j))));
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
        for (m, n) in [(1, 1), (4, 4), (6, 3), (3, 5), (5, 1), (1, 4)] {
            for full in [false, true] {
                let x = numbers(m * n, 13);
                let columns = if full { m } else { m.min(n) };
                let (mut q, mut r) = (vec![7.0; m * columns], vec![7.0; columns * n]);
                qr_of(&x, &mut q, &mut r, [1, m, n], full);
                assert_near(&product(&q, &r, [m, columns, n]), &x);
                assert_near(&product(&transposed(&q, m, columns), &q, [columns, m, columns]), &identity(columns));
                assert!((0..columns * n).all(|at| at % n >= at / n || r[at] == 0.0));
            }
        }
    }

    /// `numpy.linalg.qr([[1, 2], [3, 4], [5, 6]])`.
    #[test]
    fn signs_are_those_of_lapack() {
        let (mut q, mut r) = ([0.0; 6], [0.0; 4]);
        qr::<f64, 1, 3, 2, 0>(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut q, &mut r);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-8;
        assert!(near(r[0], -5.91607978) && near(r[1], -7.43735744) && near(r[3], 0.82807867), "{r:?}");
        assert!(near(q[0], -0.16903085) && near(q[1], 0.89708523) && near(q[5], -0.34503278), "{q:?}");
    }

    #[test]
    fn a_triangular_matrix_is_its_own_r() {
        let x = [-2.0, 1.0, 0.0, 3.0];
        let (mut q, mut r) = ([0.0; 4], [0.0; 4]);
        qr::<f64, 1, 2, 2, 0>(&x, &mut q, &mut r);
        assert_eq!((q, r), ([1.0, 0.0, 0.0, 1.0], x));
    }
}
