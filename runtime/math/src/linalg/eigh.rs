use super::{Matrix, Real, piece, piece_mut};

/// Eigenvalues, ascending, and eigenvectors, the columns of `v`, of symmetric matrices; reads the lower triangle of `x`.
/// All NaN where `x` is not finite. `work` is as large as `x`.
///
/// **Order.** Jacobi rotations in sweeps over the pairs `p < q`, row by row, until a sweep rotates nothing (pairs that are
/// below the rounding of the diagonal are skipped), at most 30 times; then a selection sort.
/// Source: Golub and Van Loan, Matrix Computations (4th ed.), section 8.5.
pub fn eigh<T: Real, const BATCH: usize, const N: usize>(x: &[T], w: &mut [T], v: &mut [T], work: &mut [T]) {
    eigh_of(x, w, v, work, [BATCH, N]);
}

/// [`eigh`] with extents as numbers.
pub fn eigh_of<T: Real>(x: &[T], w: &mut [T], v: &mut [T], work: &mut [T], [batch, n]: [usize; 2]) {
    for b in 0..batch {
        let x = piece(x, b, n * n);
        let w = piece_mut(w, b, n);
        let mut a = Matrix { x: piece_mut(work, b, n * n), cols: n };
        let mut v = Matrix { x: piece_mut(v, b, n * n), cols: n };
        let mut largest = T::ZERO;
        let mut finite = true;
        for i in 0..n {
            for j in 0..n {
                let at = if j <= i { i * n + j } else { j * n + i };
                let x = x.get(at).copied().unwrap_or(T::ZERO);
                finite &= x.is_finite();
                largest = largest.maximum(x.magnitude());
                a.set(i, j, x);
                v.set(i, j, if i == j { T::ONE } else { T::ZERO });
            }
        }
        if !finite {
            w.fill(T::NAN);
            v.x.fill(T::NAN);
            continue;
        }
        diagonalise(&mut a, &mut v, n, largest);
        for (i, w) in w.iter_mut().enumerate() {
            *w = a.at(i, i);
        }
        ascending(w, &mut v, n);
    }
}

const MOST_SWEEPS: usize = 30;

fn diagonalise<T: Real>(a: &mut Matrix<'_, T>, v: &mut Matrix<'_, T>, n: usize, largest: T) {
    let negligible = largest.times(T::EPSILON).times(T::EPSILON);
    for _ in 0..MOST_SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                let off = a.at(p, q);
                let (app, aqq) = (a.at(p, p), a.at(q, q));
                let small = app.magnitude().minimum(aqq.magnitude()).times(T::EPSILON);
                if off.magnitude() <= small.maximum(negligible) {
                    continue;
                }
                rotated = true;
                let (c, s, t) = rotation(off, app, aqq);
                for k in 0..n {
                    if k != p && k != q {
                        let (x, y) = (a.at(k, p), a.at(k, q));
                        let (new_p, new_q) = (c.times(x).minus(s.times(y)), s.times(x).plus(c.times(y)));
                        a.set(k, p, new_p);
                        a.set(p, k, new_p);
                        a.set(k, q, new_q);
                        a.set(q, k, new_q);
                    }
                    let (x, y) = (v.at(k, p), v.at(k, q));
                    v.set(k, p, c.times(x).minus(s.times(y)));
                    v.set(k, q, s.times(x).plus(c.times(y)));
                }
                a.set(p, p, app.minus(t.times(off)));
                a.set(q, q, aqq.plus(t.times(off)));
                a.set(p, q, T::ZERO);
                a.set(q, p, T::ZERO);
            }
        }
        if !rotated {
            return;
        }
    }
}

/// Cosine, sine and tangent of the smaller angle that makes the pair diagonal.
pub(super) fn rotation<T: Real>(off: T, app: T, aqq: T) -> (T, T, T) {
    let two = T::ONE.plus(T::ONE);
    let theta = aqq.minus(app).quotient(two.times(off));
    let root = T::ONE.plus(theta.times(theta)).sqrt();
    let t = T::ONE.quotient(theta.magnitude().plus(root));
    let t = if theta < T::ZERO { T::ZERO.minus(t) } else { t };
    let c = T::ONE.quotient(T::ONE.plus(t.times(t)).sqrt());
    (c, t.times(c), t)
}

/// Sorts values, and the columns that belong to them.
fn ascending<T: Real>(w: &mut [T], v: &mut Matrix<'_, T>, n: usize) {
    let mut w = Matrix { x: w, cols: n };
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
        for n in [0, 1, 2, 3, 8, 20] {
            let a = numbers(n * n, 17);
            let x: std::vec::Vec<f64> = a.iter().zip(transposed(&a, n, n)).map(|(a, b)| a + b).collect();
            let (mut w, mut v, mut work) = (vec![0.0; n], vec![0.0; n * n], vec![0.0; n * n]);
            eigh_of(&x, &mut w, &mut v, &mut work, [1, n]);
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
        let (mut w, mut v, mut work) = ([0.0; 2], [0.0; 4], [0.0; 4]);
        eigh::<f32, 1, 2>(&x, &mut w, &mut v, &mut work);
        assert_eq!(w, [-1.0, 1.0]);
        eigh::<f32, 1, 2>(&[2.0, 0.0, 0.0, 2.0], &mut w, &mut v, &mut work);
        assert_eq!((w, v), ([2.0, 2.0], [1.0, 0.0, 0.0, 1.0]));
        eigh::<f32, 1, 2>(&[2.0, 0.0, f32::INFINITY, 2.0], &mut w, &mut v, &mut work);
        assert!(w[0].is_nan() && v[3].is_nan());
    }
}
