//! Dual numbers: num-dual.

use nalgebra::{SMatrix, SVector};
use num_dual::{Dual2SVec, DualNum, DualSVec, hessian, jacobian};

use crate::clock::Clock;
use crate::inputs::fill;

pub fn run(c: &Clock) {
    c.run(
        "num-dual",
        "rosen_hessian",
        || (SVector::<f32, 10>::from_row_slice(&fill(40, 10, 1.0)), SMatrix::<f32, 10, 10>::zeros()),
        |(x, h)| {
            let rosenbrock = |x: SVector<Dual2SVec<f32, 10>, 10>| {
                let mut sum = Dual2SVec::<f32, 10>::from(0.0);
                for i in 0..9 {
                    sum += (x[i + 1] - x[i] * x[i]).powi(2) * 100.0 + (-x[i] + 1.0).powi(2);
                }
                sum
            };
            *h = hessian(rosenbrock, x).2;
        },
        |s| vec![s.1.as_slice().to_vec()],
    );
    c.run(
        "num-dual",
        "tanh_jacfwd",
        || {
            let net = [fill(51, 128, 0.5), fill(52, 16, 0.5), fill(53, 128, 0.5), fill(54, 8, 0.5)];
            (SVector::<f32, 8>::from_row_slice(&fill(50, 8, 1.0)), net, SMatrix::<f32, 8, 8>::zeros())
        },
        |(x, [w1, b1, w2, b2], j)| {
            type D = DualSVec<f32, 8>;
            let net = |x: SVector<D, 8>| {
                let h = SVector::<D, 16>::from_fn(|j, _| {
                    (0..8).fold(D::from(b1[j]), |sum, i| sum + x[i] * w1[16 * i + j]).tanh()
                });
                SVector::<D, 8>::from_fn(|j, _| {
                    (0..16).fold(D::from(b2[j]), |sum, i| sum + h[i] * w2[8 * i + j]).tanh()
                })
            };
            *j = jacobian(net, x).1;
        },
        |s| vec![s.2.transpose().as_slice().to_vec()],
    );
}
