//! Hessians and Jacobians.

use kiln::prelude::*;

#[jit(inline)]
fn rosenbrock(x: &[f32; 10]) -> f32 {
    let (a, b) = (x[0..9], x[1..10]);
    sum(100.0 * (b - a * a) * (b - a * a) + (1.0 - a) * (1.0 - a))
}

/// The Hessian of Rosenbrock's function.
#[jit]
pub fn rosenbrock_hessian(x: &[f32; 10]) -> [[f32; 10]; 10] {
    hessian(rosenbrock)(x)
}

#[jit(inline)]
fn tanh_net(x: &[f32; 8], w1: &[[f32; 16]; 8], b1: &[f32; 16], w2: &[[f32; 8]; 16], b2: &[f32; 8]) -> [f32; 8] {
    tanh(matmul(tanh(matmul(x, w1) + b1), w2) + b2)
}

/// The Jacobian of a small network, column by column.
#[jit]
pub fn tanh_jacfwd(
    x: &[f32; 8],
    w1: &[[f32; 16]; 8],
    b1: &[f32; 16],
    w2: &[[f32; 8]; 16],
    b2: &[f32; 8],
) -> [[f32; 8]; 8] {
    jacfwd(tanh_net)(x, w1, b1, w2, b2)
}

/// The Jacobian of a small network, row by row.
#[jit]
pub fn tanh_jacrev(
    x: &[f32; 8],
    w1: &[[f32; 16]; 8],
    b1: &[f32; 16],
    w2: &[[f32; 8]; 16],
    b2: &[f32; 8],
) -> [[f32; 8]; 8] {
    jacrev(tanh_net)(x, w1, b1, w2, b2)
}
