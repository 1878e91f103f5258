//! The network, its loss, and one step of training. Derivatives, memory plan and loops are Kiln's.

use kiln::prelude::*;

/// A layer: `w x + b`.
#[derive(Clone, Tree)]
pub struct Dense<const I: usize, const O: usize> {
    pub w: [[f32; I]; O],
    pub b: [f32; O],
}

/// 64 pixels, 32 hidden units, 10 classes.
#[derive(Clone, Tree)]
pub struct Mlp {
    pub l1: Dense<64, 32>,
    pub l2: Dense<32, 10>,
}

#[jit]
pub fn dense<const I: usize, const O: usize>(p: &Dense<I, O>, x: &[f32; I]) -> [f32; O] {
    matmul(p.w, x) + p.b
}

/// One score per class.
#[jit]
pub fn logits(p: &Mlp, x: &[f32; 64]) -> [f32; 10] {
    dense(&p.l2, relu(dense(&p.l1, x)))
}

/// Mean cross-entropy of a batch.
#[jit]
pub fn loss(p: &Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]) -> f32 {
    let z = vmap(logits, in_axes = (None, 0))(p, x);
    -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
}

/// One step of gradient descent. Returns the loss before it.
#[jit(ram = "16 KiB")]
pub fn step(p: &mut Mlp, x: &[[f32; 64]; 16], y: &[u8; 16], lr: f32) -> f32 {
    let (l, g) = value_and_grad(loss)(p, x, y);
    *p = *p - lr * g; // tree arithmetic, in place
    l
}
