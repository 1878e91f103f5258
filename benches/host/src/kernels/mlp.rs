//! Networks of two dense layers.

use kiln::prelude::*;

/// Parameters.
#[derive(Clone, Debug, Tree)]
pub struct Mlp<const I: usize, const H: usize> {
    pub w1: [[f32; H]; I],
    pub b1: [f32; H],
    pub w2: [[f32; 10]; H],
    pub b2: [f32; 10],
}

#[jit(inline)]
fn logits<const B: usize, const I: usize, const H: usize>(p: &Mlp<I, H>, x: &[[f32; I]; B]) -> [[f32; 10]; B] {
    matmul(relu(matmul(x, p.w1) + p.b1), p.w2) + p.b2
}

#[jit(inline)]
fn loss<const B: usize, const I: usize, const H: usize>(p: &Mlp<I, H>, x: &[[f32; I]; B], y: &[[f32; 10]; B]) -> f32 {
    -sum(log_softmax(logits(p, x), axis = 1) * y) / (B as f32)
}

#[jit(inline)]
fn loss_of_one<const I: usize, const H: usize>(p: &Mlp<I, H>, x: &[f32; I], y: &[f32; 10]) -> f32 {
    -sum(log_softmax(matmul(relu(matmul(x, p.w1) + p.b1), p.w2) + p.b2) * y)
}

/// Probabilities of one image.
#[jit]
pub fn predict_1(p: &Mlp<784, 128>, x: &[[f32; 784]; 1]) -> [[f32; 10]; 1] {
    softmax(logits(p, x), axis = 1)
}

/// Probabilities of a batch.
#[jit]
pub fn predict_32(p: &Mlp<784, 128>, x: &[[f32; 784]; 32]) -> [[f32; 10]; 32] {
    softmax(logits(p, x), axis = 1)
}

/// A step of gradient descent.
#[jit]
pub fn train_32(p: &mut Mlp<784, 128>, x: &[[f32; 784]; 32], y: &[[f32; 10]; 32]) -> f32 {
    let (l, g) = value_and_grad(loss)(p, x, y);
    *p = *p - 0.01 * g;
    l
}

/// A step of gradient descent on a network that fits a microcontroller.
#[jit]
pub fn train_small(p: &mut Mlp<64, 32>, x: &[[f32; 64]; 16], y: &[[f32; 10]; 16]) -> f32 {
    let (l, g) = value_and_grad(loss)(p, x, y);
    *p = *p - 0.01 * g;
    l
}

/// The gradient of each example.
#[derive(Clone, Debug, Tree)]
pub struct Gradients {
    pub w1: [[[f32; 32]; 64]; 32],
    pub b1: [[f32; 32]; 32],
    pub w2: [[[f32; 10]; 32]; 32],
    pub b2: [[f32; 10]; 32],
}

/// The gradient of each example's own loss.
#[jit]
pub fn gradients(p: &Mlp<64, 32>, x: &[[f32; 64]; 32], y: &[[f32; 10]; 32], out: &mut Gradients) {
    let g = vmap(grad(loss_of_one), in_axes = (None, 0, 0))(p, x, y);
    *out = Gradients { w1: g.w1, b1: g.b1, w2: g.w2, b2: g.b2 };
}

/// Logistic regression.
#[jit(inline)]
fn logistic_loss(w: &[f32; 20], x: &[[f32; 20]; 1000], y: &[f32; 1000]) -> f32 {
    let z = matmul(x, w);
    mean(maximum(z, 0.0) + log1p(exp(-abs(z))) - y * z)
}

/// Its gradient.
#[jit]
pub fn logistic_gradient(w: &[f32; 20], x: &[[f32; 20]; 1000], y: &[f32; 1000]) -> [f32; 20] {
    grad(logistic_loss)(w, x, y)
}
