//! A network of two layers and its loss on a batch.

use kiln::prelude::*;

#[derive(Clone, Tree)]
pub struct Dense<const I: usize, const O: usize> {
    pub w: [[f32; I]; O],
    pub b: [f32; O],
}

#[derive(Clone, Tree)]
pub struct Mlp {
    pub l1: Dense<64, 32>,
    pub l2: Dense<32, 10>,
}

#[jit(inline)]
pub fn dense<const I: usize, const O: usize>(p: &Dense<I, O>, x: &[f32; I]) -> [f32; O] {
    matmul(p.w, x) + p.b
}

#[jit(inline)]
pub fn logits(p: &Mlp, x: &[f32; 64]) -> [f32; 10] {
    dense(&p.l2, relu(dense(&p.l1, x)))
}

#[jit]
pub fn f(p: &Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]) -> f32 {
    let z = vmap(logits, in_axes = (None, 0))(p, x);
    -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
}
