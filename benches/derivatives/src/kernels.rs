//! The derivatives of the functions.

use kiln::prelude::*;

use crate::{cnn, gru, kalman, mlp, rigid};

#[jit]
pub fn mlp_gradient(p: &mlp::Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]) -> mlp::Mlp {
    grad(mlp::f)(p, x, y)
}

#[jit]
pub fn mlp_product(v: &mlp::Mlp, p: &mlp::Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]) -> mlp::Mlp {
    hvp(mlp::f)(p, x, y, v)
}

#[jit]
pub fn cnn_gradient(p: &cnn::Cnn, x: &[[[[f32; 12]; 12]; 1]; 1], y: i32) -> cnn::Cnn {
    grad(cnn::f)(p, x, y)
}

#[jit]
pub fn cnn_product(v: &cnn::Cnn, p: &cnn::Cnn, x: &[[[[f32; 12]; 12]; 1]; 1], y: i32) -> cnn::Cnn {
    hvp(cnn::f)(p, x, y, v)
}

#[jit]
pub fn gru_gradient(p: &gru::Gru, xs: &[[f32; 8]; 32], y: &[f32; 16]) -> gru::Gru {
    grad(gru::f)(p, xs, y)
}

#[jit]
pub fn gru_product(v: &gru::Gru, p: &gru::Gru, xs: &[[f32; 8]; 32], y: &[f32; 16]) -> gru::Gru {
    hvp(gru::f)(p, xs, y, v)
}

#[jit]
pub fn kalman_gradient(m: &kalman::Model, zs: &[[f32; 2]; 20]) -> kalman::Model {
    grad(kalman::f)(m, zs)
}

#[jit]
pub fn kalman_product(v: &kalman::Model, m: &kalman::Model, zs: &[[f32; 2]; 20]) -> kalman::Model {
    hvp(kalman::f)(m, zs, v)
}

#[jit]
pub fn rigid_gradient(
    torques: &[[f32; 3]; 50],
    inertia: &[[f32; 3]; 3],
    inverse: &[[f32; 3]; 3],
    goal: &[f32; 4],
) -> [[f32; 3]; 50] {
    grad(rigid::f)(torques, inertia, inverse, goal)
}

#[jit]
pub fn rigid_product(
    v: &[[f32; 3]; 50],
    torques: &[[f32; 3]; 50],
    inertia: &[[f32; 3]; 3],
    inverse: &[[f32; 3]; 3],
    goal: &[f32; 4],
) -> [[f32; 3]; 50] {
    hvp(rigid::f)(torques, inertia, inverse, goal, v)
}
