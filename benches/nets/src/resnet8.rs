//! Image classification: the ResNet of eight layers.

use kiln::prelude::*;

use crate::{Conv, Dense};

#[derive(Clone, Tree)]
pub struct ResNet8 {
    pub stem: Conv<3, 3, 3, 16>,
    pub a1: Conv<3, 3, 16, 16>,
    pub a2: Conv<3, 3, 16, 16>,
    pub b1: Conv<3, 3, 16, 32>,
    pub b2: Conv<3, 3, 32, 32>,
    pub b0: Conv<1, 1, 16, 32>,
    pub c1: Conv<3, 3, 32, 64>,
    pub c2: Conv<3, 3, 64, 64>,
    pub c0: Conv<1, 1, 32, 64>,
    pub head: Dense<64, 10>,
}

pub static WEIGHTS: ResNet8 = ResNet8 {
    stem: Conv::drawn(1),
    a1: Conv::drawn(2),
    a2: Conv::drawn(3),
    b1: Conv::drawn(4),
    b2: Conv::drawn(5),
    b0: Conv::drawn(6),
    c1: Conv::drawn(7),
    c2: Conv::drawn(8),
    c0: Conv::drawn(9),
    head: Dense::drawn(10),
};

/// Logarithms of the probabilities of the classes.
#[jit]
pub fn resnet8(p: &ResNet8, x: &[[[f32; 3]; 32]; 32]) -> [f32; 10] {
    let layer =
        |x, p, s| conv(x, p.w, stride = (s, s), padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC")) + p.b;
    let x = relu(layer(x.reshape((1, 32, 32, 3)), p.stem, 1));
    let x = relu(layer(relu(layer(x, p.a1, 1)), p.a2, 1) + x);
    let x = relu(layer(relu(layer(x, p.b1, 2)), p.b2, 1) + layer(x, p.b0, 2));
    let x = relu(layer(relu(layer(x, p.c1, 2)), p.c2, 1) + layer(x, p.c0, 2));
    log_softmax(matmul(mean(x, axis = (0, 1, 2)), p.head.w) + p.head.b)
}
