//! Visual wake words: MobileNetV1 with a quarter of the channels, 28 layers.

use kiln::prelude::*;

use crate::{Conv, Dense, Separable};

#[derive(Clone, Tree)]
pub struct MobileNet {
    pub stem: Conv<3, 3, 3, 8>,
    pub s1: Separable<8, 16>,
    pub s2: Separable<16, 32>,
    pub s3: Separable<32, 32>,
    pub s4: Separable<32, 64>,
    pub s5: Separable<64, 64>,
    pub s6: Separable<64, 128>,
    pub same: [Separable<128, 128>; 5],
    pub s12: Separable<128, 256>,
    pub s13: Separable<256, 256>,
    pub head: Dense<256, 2>,
}

pub static WEIGHTS: MobileNet = MobileNet {
    stem: Conv::drawn(1),
    s1: Separable::drawn(3),
    s2: Separable::drawn(5),
    s3: Separable::drawn(7),
    s4: Separable::drawn(9),
    s5: Separable::drawn(11),
    s6: Separable::drawn(13),
    same: [
        Separable::drawn(15),
        Separable::drawn(17),
        Separable::drawn(19),
        Separable::drawn(21),
        Separable::drawn(23),
    ],
    s12: Separable::drawn(25),
    s13: Separable::drawn(27),
    head: Dense::drawn(29),
};

/// Scores of absent and present.
#[jit(inline)]
pub fn scores(p: &MobileNet, x: &[[[f32; 3]; 96]; 96]) -> [f32; 2] {
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
    let separable = |x, p, s, channels| layer(layer(x, p.depthwise, s, channels), p.pointwise, 1, 1);
    let x = layer(x.reshape((1, 96, 96, 3)), p.stem, 2, 1);
    let x = separable(x, p.s1, 1, 8);
    let x = separable(x, p.s2, 2, 16);
    let x = separable(x, p.s3, 1, 32);
    let x = separable(x, p.s4, 2, 32);
    let x = separable(x, p.s5, 1, 64);
    let mut x = separable(x, p.s6, 2, 64);
    #[unroll]
    for k in 0..5 {
        x = separable(x, p.same[k], 1, 128);
    }
    let x = separable(x, p.s12, 2, 128);
    let x = separable(x, p.s13, 1, 256);
    matmul(mean(x, axis = (0, 1, 2)), p.head.w) + p.head.b
}

/// Logarithms of the probabilities of absent and present.
#[jit]
pub fn mobilenet(p: &MobileNet, x: &[[[f32; 3]; 96]; 96]) -> [f32; 2] {
    log_softmax(scores(p, x))
}

#[cfg(feature = "training")]
#[jit(inline)]
fn loss(p: &MobileNet, x: &[[[f32; 3]; 96]; 96], class: u8) -> f32 {
    -log_softmax(scores(p, x))[class]
}

/// A step of gradient descent with one image; the loss before it.
#[cfg(feature = "training")]
#[jit]
pub fn mobilenet_step(p: &mut MobileNet, x: &[[[f32; 3]; 96]; 96], class: u8, lr: f32) -> f32 {
    let (l, g) = value_and_grad(loss)(p, x, class);
    *p = *p - lr * g;
    l
}
