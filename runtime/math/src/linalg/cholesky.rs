use super::{Matrix, Real, copy, piece, piece_mut};

/// The lower triangular `L` with `L Lᵀ = x`; reads the lower triangle of `x`. All NaN where `x` is not positive definite.
///
/// **Order.** Column by column, each from the diagonal down: `x[i][j]` less `L[i][k] L[j][k]` for `k` = 0, 1, .. `j - 1`;
/// then the square root, or the quotient by the diagonal.
pub fn cholesky<T: Real, const BATCH: usize, const N: usize>(x: &[T], out: &mut [T]) {
    cholesky_of(x, out, [BATCH, N]);
}

/// [`cholesky`] with extents as numbers.
pub fn cholesky_of<T: Real>(x: &[T], out: &mut [T], [batch, n]: [usize; 2]) {
    for b in 0..batch {
        let out = piece_mut(out, b, n * n);
        copy(piece(x, b, n * n), out);
        factor(&mut Matrix { x: out, cols: n }, n);
    }
}

/// What is done with a column is taken off the columns behind it at once, row by row: each element sees the same products in the same
/// order. The column lies in the row above the diagonal too, which nobody else needs.
fn factor<T: Real>(a: &mut Matrix<'_, T>, n: usize) {
    for k in 0..n {
        let s = a.at(k, k);
        if !(s > T::ZERO && s.is_finite()) {
            a.x.fill(T::NAN);
            return;
        }
        let root = s.sqrt();
        a.set(k, k, root);
        for i in k + 1..n {
            let x = a.at(i, k).quotient(root);
            a.set(i, k, x);
            a.set(k, i, x);
            a.take_off(i, x, k, k + 1, i + 1);
        }
        for j in k + 1..n {
            a.set(k, j, T::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_near, identity, numbers, product, transposed};
    use super::*;
    extern crate std;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn multiplies_back() {
        for n in [0, 1, 2, 5, 12] {
            let a = numbers(n * n, 3);
            let mut x = product(&a, &transposed(&a, n, n), [n, n, n]);
            x.iter_mut().zip(identity(n)).for_each(|(x, i)| *x += i);
            let mut l = vec![7.0; n * n];
            cholesky_of(&x, &mut l, [1, n]);
            assert_near(&product(&l, &transposed(&l, n, n), [n, n, n]), &x);
        }
    }

    #[test]
    fn of_an_indefinite_matrix_is_nan() {
        let x = [1.0, 0.0, 2.0, 1.0, 4.0, 0.0, 1.0, 9.0];
        let mut l = [0.0_f32; 8];
        cholesky::<f32, 2, 2>(&x, &mut l);
        let nan: Vec<bool> = l.iter().map(|x| x.is_nan()).collect();
        assert_eq!(nan, [true, true, true, true, false, false, false, false]);
    }
}
