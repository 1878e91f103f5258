//! A network of two convolutions and its loss on an image.

use kiln::prelude::*;

#[derive(Clone, Tree)]
pub struct Cnn {
    pub c1: [[[[f32; 3]; 3]; 1]; 8],
    pub c2: [[[[f32; 3]; 3]; 8]; 16],
    pub w: [[f32; 144]; 10],
    pub b: [f32; 10],
}

#[jit]
pub fn f(p: &Cnn, x: &[[[[f32; 12]; 12]; 1]; 1], y: i32) -> f32 {
    let h = relu(conv(x, p.c1, padding = "SAME"));
    let h = lax::reduce_window(h, f32::NEG_INFINITY, maximum, (1, 1, 2, 2), (1, 1, 2, 2), "VALID");
    let h = relu(conv(h, p.c2, padding = "SAME"));
    let h = lax::reduce_window(h, 0.0, add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID");
    -log_softmax(matmul(p.w, h.reshape((144,))) + p.b)[y]
}
