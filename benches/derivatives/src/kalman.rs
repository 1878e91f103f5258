//! The likelihood of measurements under a Kalman filter.

use kiln::prelude::*;

#[derive(Clone, Tree)]
pub struct Model {
    pub a: [[f32; 4]; 4],
    pub q: [[f32; 4]; 4],
    pub h: [[f32; 4]; 2],
    pub r: [[f32; 2]; 2],
}

#[jit]
pub fn f(m: &Model, zs: &[[f32; 2]; 20]) -> f32 {
    let mut x = [0.0; 4];
    let mut p = eye(4);
    let mut cost = 0.0;
    for z in zs {
        x = matmul(m.a, x);
        p = matmul(matmul(m.a, p), m.a.T()) + m.q;
        let ph = matmul(p, m.h.T());
        let s = matmul(m.h, ph) + m.r;
        let det = s[0][0] * s[1][1] - s[0][1] * s[1][0];
        let inverse = [[s[1][1], -s[0][1]], [-s[1][0], s[0][0]]] / det;
        let e = z - matmul(m.h, x);
        let k = matmul(ph, inverse);
        x = x + matmul(k, e);
        p = p - matmul(k, ph.T());
        cost = cost + dot(e, matmul(inverse, e)) + log(det);
    }
    cost
}
