//! Keyword spotting: the DS-CNN.

use kiln::prelude::*;

use crate::{Conv, Dense, Separable};

#[derive(Clone, Tree)]
pub struct DsCnn {
    pub stem: Conv<10, 4, 1, 64>,
    pub blocks: [Separable<64, 64>; 4],
    pub head: Dense<64, 12>,
}

pub static WEIGHTS: DsCnn = DsCnn {
    stem: Conv::drawn(1),
    blocks: [Separable::drawn(3), Separable::drawn(5), Separable::drawn(7), Separable::drawn(9)],
    head: Dense::drawn(11),
};

/// Logarithms of the probabilities of the words, from 49 frames of 10 coefficients.
#[jit]
pub fn ds_cnn(p: &DsCnn, x: &[[[f32; 1]; 10]; 49]) -> [f32; 12] {
    let layer = |x, p, s, groups| {
        let y = conv(
            x,
            p.w,
            stride = (s, s),
            padding = "SAME",
            feature_group_count = groups,
            dimension_numbers = ("NHWC", "HWIO", "NHWC"),
        );
        relu(y + p.b)
    };
    let mut x = layer(x.reshape((1, 49, 10, 1)), p.stem, 2, 1);
    #[unroll]
    for k in 0..4 {
        x = layer(layer(x, p.blocks[k].depthwise, 1, 64), p.blocks[k].pointwise, 1, 1);
    }
    log_softmax(matmul(mean(x, axis = (0, 1, 2)), p.head.w) + p.head.b)
}
