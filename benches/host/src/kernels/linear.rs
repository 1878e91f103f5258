//! Factorisations, and a filter made of them.

use kiln::prelude::*;

/// The lower factor.
#[jit]
pub fn cholesky(a: &[[f32; 32]; 32]) -> [[f32; 32]; 32] {
    linalg::cholesky(a)
}

/// The solution of `a x = b`.
#[jit]
pub fn solve(a: &[[f32; 32]; 32], b: &[f32; 32]) -> [f32; 32] {
    linalg::solve(a, b)
}

/// A step of a filter: its matrices.
#[derive(Clone, Debug, Tree)]
pub struct Filter {
    pub f: [[f32; 6]; 6],
    pub h: [[f32; 6]; 3],
    pub q: [[f32; 6]; 6],
    pub r: [[f32; 3]; 3],
}

/// Prediction and update of a Kalman filter.
#[jit]
pub fn kalman(m: &Filter, x: &[f32; 6], p: &[[f32; 6]; 6], z: &[f32; 3]) -> ([f32; 6], [[f32; 6]; 6]) {
    let x = matmul(m.f, x);
    let p = matmul(matmul(m.f, p), m.f.T()) + m.q;
    let hp = matmul(m.h, p);
    let gain = linalg::solve(matmul(hp, m.h.T()) + m.r, hp).T();
    (x + matmul(gain, z - matmul(m.h, x)), p - matmul(gain, hp))
}
