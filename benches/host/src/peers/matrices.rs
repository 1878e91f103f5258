//! Products of matrices, factorisations, transforms: ndarray, nalgebra, faer, matrixmultiply, realfft.

use nalgebra::{DMatrix, SMatrix, SVector};
use ndarray::{Array1, Array2};

use crate::clock::Clock;
use crate::inputs::{diagonal, fill, spd};

pub fn run(c: &Clock) {
    for n in [16, 64, 128, 256, 512, 1024] {
        let name = format!("matmul_{n}");
        let (a, b) = (|| fill(2, n * n, 1.0), || fill(3, n * n, 1.0));
        c.run(
            "matrixmultiply",
            &name,
            || (a(), b(), vec![0.0; n * n]),
            |(a, b, y)| {
                let (step, pa, pb, py) = (n as isize, a.as_ptr(), b.as_ptr(), y.as_mut_ptr());
                // SAFETY: three matrices of n by n, in rows.
                unsafe { matrixmultiply::sgemm(n, n, n, 1.0, pa, step, 1, pb, step, 1, 0.0, py, step, 1) }
            },
            |s| vec![s.2.clone()],
        );
        let square = |x: Vec<f32>| Array2::from_shape_vec((n, n), x).expect("a square");
        c.run(
            "ndarray",
            &name,
            || (square(a()), square(b()), Array2::zeros((n, n))),
            |(a, b, y)| ndarray::linalg::general_mat_mul(1.0, a, b, 0.0, y),
            |s| vec![s.2.iter().copied().collect()],
        );
        c.run(
            "nalgebra",
            &name,
            || (DMatrix::from_row_slice(n, n, &a()), DMatrix::from_row_slice(n, n, &b()), DMatrix::zeros(n, n)),
            |(a, b, y)| a.mul_to(b, y),
            |s| vec![s.2.transpose().as_slice().to_vec()],
        );
        let faers = |x: Vec<f32>| faer::Mat::<f32>::from_fn(n, n, |i, j| x[i * n + j]);
        c.run(
            "faer",
            &name,
            || (faers(a()), faers(b()), faers(a())),
            |(a, b, y)| {
                let how = (faer::Accum::Replace, faer::Par::Seq);
                faer::linalg::matmul::matmul(y.as_mut(), how.0, a.as_ref(), b.as_ref(), 1.0, how.1);
            },
            |s| vec![(0..n * n).map(|e| s.2[(e / n, e % n)]).collect()],
        );
    }
    c.run(
        "ndarray",
        "matvec_784x128",
        || {
            let w = Array2::from_shape_vec((784, 128), fill(10, 784 * 128, 0.05)).expect("a matrix");
            (Array1::from(fill(4, 784, 1.0)), w, Array1::zeros(0))
        },
        |(x, w, y)| *y = x.dot(w),
        |s| vec![s.2.to_vec()],
    );
    factorisations(c);
    kalman(c);
    for n in [256, 4096] {
        c.run(
            "realfft",
            &format!("rfft_{n}"),
            || {
                let fft = realfft::RealFftPlanner::<f32>::new().plan_fft_forward(n);
                let (y, scratch) = (fft.make_output_vec(), fft.make_scratch_vec());
                (fft, fill(100, n, 1.0), vec![0.0; n], y, scratch)
            },
            |(fft, x, copy, y, scratch)| {
                // It overwrites its input.
                copy.copy_from_slice(x);
                fft.process_with_scratch(copy, y, scratch).expect("the right lengths");
            },
            |s| vec![s.3.iter().flat_map(|z| [z.re, z.im]).collect()],
        );
    }
}

fn factorisations(c: &Clock) {
    type M = SMatrix<f32, 32, 32>;
    let lower = |at: &dyn Fn(usize, usize) -> f32| {
        let element = |i: usize, j: usize| if j <= i { at(i, j) } else { 0.0 };
        vec![(0..32 * 32).map(|e| element(e / 32, e % 32)).collect()]
    };
    let positive = || spd::<32>(101);
    c.run(
        "nalgebra",
        "cholesky_32",
        || (M::from_fn(|i, j| positive()[i][j]), M::zeros()),
        |(a, l)| *l = a.cholesky().expect("positive definite").unpack(),
        |s| lower(&|i, j| s.1[(i, j)]),
    );
    c.run(
        "faer",
        "cholesky_32",
        || (faer::Mat::<f32>::from_fn(32, 32, |i, j| positive()[i][j]), faer::Mat::<f32>::zeros(32, 32)),
        |(a, l)| *l = a.llt(faer::Side::Lower).expect("positive definite").L().to_owned(),
        |s| lower(&|i, j| s.1[(i, j)]),
    );
    c.run(
        "nalgebra",
        "solve_32",
        || {
            let mut a = M::from_row_slice(&fill(102, 1024, 1.0));
            a += M::identity() * 4.0;
            (a, SVector::<f32, 32>::from_row_slice(&fill(103, 32, 1.0)), SVector::<f32, 32>::zeros())
        },
        |(a, b, x)| *x = a.lu().solve(b).expect("regular"),
        |s| vec![s.2.as_slice().to_vec()],
    );
}

/// The filter's matrices: `x`, `P`, `z`, `F`, `H`, `Q`, `R`.
fn kalman(c: &Clock) {
    type M = SMatrix<f32, 6, 6>;
    c.run(
        "nalgebra",
        "kalman_6_3",
        || {
            let mut f = M::identity();
            (0..3).for_each(|i| f[(i, i + 3)] = 0.1);
            let (x, z) = (fill(430, 6, 1.0), fill(432, 3, 1.0));
            let (x, z) = (SVector::<f32, 6>::from_row_slice(&x), SVector::<f32, 3>::from_row_slice(&z));
            let (p, spread) = (spd::<6>(431), diagonal::<6>(0.01));
            let (p, q) = (M::from_fn(|i, j| p[i][j]), M::from_fn(|i, j| spread[i][j]));
            let (h, r) = (SMatrix::<f32, 3, 6>::identity(), SMatrix::<f32, 3, 3>::identity() * 0.1);
            ((x, p, z, f), (h, q, r), (x, p))
        },
        |((x, p, z, f), (h, q, r), out)| {
            let x = *f * *x;
            let p = *f * *p * f.transpose() + *q;
            let hp = *h * p;
            let gain = (hp * h.transpose() + *r).lu().solve(&hp).expect("regular").transpose();
            *out = (x + gain * (*z - *h * x), p - gain * hp);
        },
        |s| vec![s.2.0.as_slice().to_vec(), s.2.1.transpose().as_slice().to_vec()],
    );
}
