//! Convolutional networks of MLPerf Tiny, with their normalisations folded into the weights.

use kiln::prelude::*;

/// A convolution with its bias.
#[derive(Clone, Debug, Tree)]
pub struct Conv<const KH: usize, const KW: usize, const I: usize, const O: usize> {
    pub w: [[[[f32; O]; I]; KW]; KH],
    pub b: [f32; O],
}

/// A dense layer.
#[derive(Clone, Debug, Tree)]
pub struct Dense<const I: usize, const O: usize> {
    pub w: [[f32; O]; I],
    pub b: [f32; O],
}

/// A depthwise convolution and a pointwise one.
#[derive(Clone, Debug, Tree)]
pub struct Separable {
    pub depth: Conv<3, 3, 1, 64>,
    pub point: Conv<1, 1, 64, 64>,
}

/// The keyword spotter.
#[derive(Clone, Debug, Tree)]
pub struct DsCnn {
    pub first: Conv<10, 4, 1, 64>,
    pub blocks: [Separable; 4],
    pub last: Dense<64, 12>,
}

#[jit(inline)]
fn same<const H: usize, const W: usize, const KH: usize, const KW: usize, const I: usize, const O: usize>(
    p: &Conv<KH, KW, I, O>,
    x: &[[[[f32; I]; W]; H]; 1],
) -> [[[[f32; O]; W]; H]; 1] {
    conv(x, p.w, padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC")) + p.b
}

#[jit(inline)]
fn depthwise(p: &Conv<3, 3, 1, 64>, x: &[[[[f32; 64]; 5]; 25]; 1]) -> [[[[f32; 64]; 5]; 25]; 1] {
    conv(x, p.w, padding = "SAME", feature_group_count = 64, dimension_numbers = ("NHWC", "HWIO", "NHWC")) + p.b
}

/// Probabilities of twelve words.
#[jit]
pub fn dscnn(p: &DsCnn, x: &[[[[f32; 1]; 10]; 49]; 1]) -> [f32; 12] {
    let x = conv(x, p.first.w, stride = (2, 2), padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC"));
    let mut x = relu(x + p.first.b);
    #[unroll]
    for i in 0..4 {
        x = relu(same(&p.blocks[i].point, relu(depthwise(&p.blocks[i].depth, x))));
    }
    let features = mean(x[0], axis = (0, 1));
    softmax(matmul(features, p.last.w) + p.last.b)
}

/// The image classifier.
#[derive(Clone, Debug, Tree)]
pub struct ResNet8 {
    pub c0: Conv<3, 3, 3, 16>,
    pub c1: Conv<3, 3, 16, 16>,
    pub c2: Conv<3, 3, 16, 16>,
    pub c3: Conv<3, 3, 16, 32>,
    pub c4: Conv<3, 3, 32, 32>,
    pub c5: Conv<1, 1, 16, 32>,
    pub c6: Conv<3, 3, 32, 64>,
    pub c7: Conv<3, 3, 64, 64>,
    pub c8: Conv<1, 1, 32, 64>,
    pub last: Dense<64, 10>,
}

/// Probabilities of ten things.
#[jit]
pub fn resnet8(p: &ResNet8, x: &[[[[f32; 3]; 32]; 32]; 1]) -> [f32; 10] {
    let halved = |x, w| conv(x, w, stride = (2, 2), padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC"));
    let x = relu(same(&p.c0, x));
    let x = relu(x + same(&p.c2, relu(same(&p.c1, x))));
    let y = same(&p.c4, relu(halved(x, p.c3.w) + p.c3.b));
    let x = relu(halved(x, p.c5.w) + p.c5.b + y);
    let y = same(&p.c7, relu(halved(x, p.c6.w) + p.c6.b));
    let x = relu(halved(x, p.c8.w) + p.c8.b + y);
    softmax(matmul(mean(x[0], axis = (0, 1)), p.last.w) + p.last.b)
}
