use super::{Matrix, Real, copy, piece, piece_mut};

/// Which triangular system is solved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Solve {
    /// `op(a) x = b`; else `x op(a) = b`.
    pub left: bool,
    /// `a` is lower triangular; what lies above the diagonal is not read. Else the other way round.
    pub lower: bool,
    /// `op(a)` is the transpose of `a`; else `a`.
    pub transpose: bool,
    /// The diagonal of `a` is taken to be ones and not read.
    pub unit: bool,
}

impl Solve {
    /// As a number, for a generic argument: bits from `left` on.
    pub fn flags(self) -> usize {
        [self.left, self.lower, self.transpose, self.unit].into_iter().rev().fold(0, |n, b| 2 * n + usize::from(b))
    }

    fn from_flags(n: usize) -> Solve {
        let bit = |k: usize| n >> k & 1 == 1;
        Solve { left: bit(0), lower: bit(1), transpose: bit(2), unit: bit(3) }
    }
}

/// Solves triangular systems: `a` is `[N, N]`, `b` and the result are `[N, M]` for a system with the unknown on the right
/// of `a` ([`Solve::left`]), else `[M, N]`. `FLAGS` is [`Solve::flags`].
///
/// **Order.** Unknown by unknown from the end of the triangle where there is one only; from each right-hand side the
/// products with the unknowns before it, or after it, in ascending order; then the quotient by the diagonal.
pub fn triangular_solve<T: Real, const BATCH: usize, const N: usize, const M: usize, const FLAGS: usize>(
    a: &[T],
    b: &[T],
    out: &mut [T],
) {
    triangular_solve_of(a, b, out, [BATCH, N, M], Solve::from_flags(FLAGS));
}

/// [`triangular_solve`] with extents as numbers.
pub fn triangular_solve_of<T: Real>(a: &[T], b: &[T], out: &mut [T], [batch, n, m]: [usize; 3], how: Solve) {
    // `x op(a) = b` is `op(a)ᵀ xᵀ = bᵀ`.
    let transpose = how.transpose == how.left;
    let forward = how.lower != transpose;
    let (step, next) = if how.left { (m, 1) } else { (1, n) };
    for k in 0..batch {
        let a = piece(a, k, n * n);
        let coefficient = |i: usize, j: usize| {
            let at = if transpose { j * n + i } else { i * n + j };
            a.get(at).copied().unwrap_or(T::ZERO)
        };
        let out = piece_mut(out, k, n * m);
        copy(piece(b, k, n * m), out);
        // Seen as one row, so that unknown `i` of right-hand side `r` is wherever the layout puts it.
        let mut x = Matrix { x: out, cols: 0 };
        for s in 0..n {
            let i = if forward { s } else { n - 1 - s };
            let solved = if forward { 0..i } else { i + 1..n };
            for r in 0..m {
                let mut sum = x.at(0, i * step + r * next);
                for j in solved.clone() {
                    sum = sum.minus(coefficient(i, j).times(x.at(0, j * step + r * next)));
                }
                if !how.unit {
                    sum = sum.quotient(coefficient(i, i));
                }
                x.set(0, i * step + r * next, sum);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::super::tests::{assert_near, numbers, product, transposed};
    use super::*;
    extern crate std;
    use std::vec;

    #[test]
    fn multiplies_back() {
        let (n, m) = (5, 3);
        for flags in 0..16 {
            let how = Solve::from_flags(flags);
            assert_eq!(how.flags(), flags);
            let mut a = numbers(n * n, 5);
            let mut triangle = vec![0.0; n * n];
            for i in 0..n {
                a[i * n + i] += 3.0;
                for j in 0..n {
                    if i == j {
                        triangle[i * n + j] = if how.unit { 1.0 } else { a[i * n + j] };
                    } else if (j < i) == how.lower {
                        triangle[i * n + j] = a[i * n + j];
                    }
                }
            }
            if how.transpose {
                triangle = transposed(&triangle, n, n);
            }
            let b = numbers(n * m, 7);
            let mut x = vec![0.0; n * m];
            triangular_solve_of(&a, &b, &mut x, [1, n, m], how);
            let back = if how.left { product(&triangle, &x, [n, n, m]) } else { product(&x, &triangle, [m, n, n]) };
            assert_near(&back, &b);
        }
    }
}
