//! A gated recurrent unit over a sequence.

use kiln::prelude::*;

#[derive(Clone, Tree)]
pub struct Gate {
    pub w: [[f32; 8]; 16],
    pub u: [[f32; 16]; 16],
    pub b: [f32; 16],
}

#[derive(Clone, Tree)]
pub struct Gru {
    pub z: Gate,
    pub r: Gate,
    pub h: Gate,
}

#[jit(inline)]
pub fn gate(p: &Gate, x: &[f32; 8], h: &[f32; 16]) -> [f32; 16] {
    matmul(p.w, x) + matmul(p.u, h) + p.b
}

#[jit]
pub fn f(p: &Gru, xs: &[[f32; 8]; 32], y: &[f32; 16]) -> f32 {
    let mut h = [0.0; 16];
    for x in xs {
        let z = sigmoid(gate(&p.z, x, h));
        let r = sigmoid(gate(&p.r, x, h));
        let n = tanh(gate(&p.h, x, r * h));
        h = (1.0 - z) * n + z * h;
    }
    sum((h - y) * (h - y))
}
