//! A recurrent cell, and a step of a transformer.

use kiln::prelude::*;

use super::arrays::layernorm;

#[jit(inline)]
fn cell(
    h: &[f32; 32],
    c: &[f32; 32],
    x: &[f32; 8],
    wx: &[[f32; 128]; 8],
    wh: &[[f32; 128]; 32],
    b: &[f32; 128],
) -> ([f32; 32], [f32; 32]) {
    let z = matmul(x, wx) + matmul(h, wh) + b;
    let c = sigmoid(z[32..64]) * c + sigmoid(z[0..32]) * tanh(z[64..96]);
    (sigmoid(z[96..128]) * tanh(c), c)
}

/// The last state after 32 steps.
#[jit]
pub fn lstm(wx: &[[f32; 128]; 8], wh: &[[f32; 128]; 32], b: &[f32; 128], x: &[[f32; 8]; 32]) -> [f32; 32] {
    let (mut h, mut c) = ([0.0; 32], [0.0; 32]);
    for t in 0..32 {
        (h, c) = cell(h, c, x[t], wx, wh, b);
    }
    h
}

#[jit(inline)]
fn lstm_loss(wx: &[[f32; 128]; 8], wh: &[[f32; 128]; 32], b: &[f32; 128], x: &[[f32; 8]; 32]) -> f32 {
    let (mut h, mut c) = ([0.0; 32], [0.0; 32]);
    let mut total = 0.0;
    for t in 0..32 {
        (h, c) = cell(h, c, x[t], wx, wh, b);
        total = total + sum(h * h);
    }
    total / 1024.0
}

/// The gradient of the mean square of all states.
#[jit]
pub fn lstm_gradient(
    wx: &[[f32; 128]; 8],
    wh: &[[f32; 128]; 32],
    b: &[f32; 128],
    x: &[[f32; 8]; 32],
) -> ([[f32; 128]; 8], [[f32; 128]; 32], [f32; 128]) {
    grad(lstm_loss, argnums = (0, 1, 2))(wx, wh, b, x)
}

/// A layer of the transformer.
#[derive(Clone, Debug, Tree)]
pub struct Layer {
    pub g1: [f32; 64],
    pub b1: [f32; 64],
    pub qkv: [[f32; 192]; 64],
    pub qkv_b: [f32; 192],
    pub o: [[f32; 64]; 64],
    pub o_b: [f32; 64],
    pub g2: [f32; 64],
    pub b2: [f32; 64],
    pub up: [[f32; 256]; 64],
    pub up_b: [f32; 256],
    pub down: [[f32; 64]; 256],
    pub down_b: [f32; 64],
}

/// The transformer.
#[derive(Clone, Debug, Tree)]
pub struct Decoder {
    pub embedding: [[f32; 64]; 256],
    pub layers: [Layer; 2],
    pub g: [f32; 64],
    pub b: [f32; 64],
}

#[jit(inline)]
fn norm(x: &[f32; 64], g: &[f32; 64], b: &[f32; 64]) -> [f32; 64] {
    layernorm(x.reshape((1, 64)), g, b)[0]
}

/// Logits of the token after the 64th, and the caches with that token's keys and values in their last row.
#[jit]
pub fn decode(
    p: &Decoder,
    x: &[f32; 64],
    k: &[[[f32; 64]; 64]; 2],
    v: &[[[f32; 64]; 64]; 2],
) -> ([f32; 256], [[[f32; 64]; 64]; 2], [[[f32; 64]; 64]; 2]) {
    let (mut x, mut k, mut v) = (*x, *k, *v);
    #[unroll]
    for l in 0..2 {
        let w = p.layers[l];
        let qkv = matmul(norm(x, w.g1, w.b1), w.qkv) + w.qkv_b;
        k[(l, 63)] = qkv[64..128];
        v[(l, 63)] = qkv[128..192];
        let q = qkv[0..64].reshape((4, 16));
        let keys = k[l].reshape((64, 4, 16));
        let values = v[l].reshape((64, 4, 16));
        let weights = softmax(einsum("hd,thd->ht", q, keys) * 0.25, axis = 1);
        x = x + matmul(einsum("ht,thd->hd", weights, values).reshape((64,)), w.o) + w.o_b;
        x = x + matmul(nn::gelu(matmul(norm(x, w.g2, w.b2), w.up) + w.up_b), w.down) + w.down_b;
    }
    (matmul(p.embedding, norm(x, p.g, p.b)), k, v)
}
