//! The workloads. To add one, write its line here and its table in `workloads.toml`.

use digits::model::{Mlp, logits, loss, step};
use kiln::prelude::Complex;

use kiln_bench_nets::{self as nets, ds_cnn::DsCnn, input, mobilenet::MobileNet, resnet8::ResNet8};

use crate::inputs::{Draw, each, labels, network, sample};
use crate::programs;

crate::workloads! {
    add_256(a: &[f32; 256] = &Draw::from_seed(1), b: &[f32; 256] = &Draw::from_seed(2)) -> [f32; 256] = programs::add;
    biquad_df1(x: &[f32; 256] = &Draw::from_seed(5), c: &[[f32; 5]; 4] = &[[0.2, 0.4, 0.2, 0.3, -0.1]; 4], s: &mut [[f32; 4]; 4] = &mut [[0.0; 4]; 4]) -> [f32; 256] = programs::biquad_df1;
    biquad_df2t(x: &[f32; 256] = &Draw::from_seed(5), c: &[[f32; 5]; 4] = &[[0.2, 0.4, 0.2, 0.3, -0.1]; 4], s: &mut [[f32; 2]; 4] = &mut [[0.0; 2]; 4]) -> [f32; 256] = programs::biquad_df2t;
    conv_256_32(a: &[f32; 256] = &Draw::from_seed(10), b: &[f32; 32] = &Draw::from_seed(11)) -> [f32; 287] = programs::conv;
    dot_1024(a: &[f32; 1024] = &Draw::from_seed(1), b: &[f32; 1024] = &Draw::from_seed(2)) -> f32 = programs::dot_1024;
    dot_1024_fast(a: &[f32; 1024] = &Draw::from_seed(1), b: &[f32; 1024] = &Draw::from_seed(2)) -> f32 = programs::dot_1024_fast;
    dot_256(a: &[f32; 256] = &Draw::from_seed(1), b: &[f32; 256] = &Draw::from_seed(2)) -> f32 = programs::dot_256;
    dot_64(a: &[f32; 64] = &Draw::from_seed(1), b: &[f32; 64] = &Draw::from_seed(2)) -> f32 = programs::dot_64;
    ds_cnn(p: &DsCnn = &nets::ds_cnn::WEIGHTS, x: &[[[f32; 1]; 10]; 49] = &input(1)) -> [f32; 12] = nets::ds_cnn::ds_cnn;
    exp_256(x: &[f32; 256] = &each(6, |x| 4.0 * x)) -> [f32; 256] = programs::vexp;
    fir_32_256(h: &[f32; 32] = &Draw::from_seed(4), past: &mut [f32; 31] = &mut [0.0; 31], x: &[f32; 256] = &Draw::from_seed(5)) -> [f32; 256] = programs::fir;
    fir_32_256_fast(h: &[f32; 32] = &Draw::from_seed(4), past: &mut [f32; 31] = &mut [0.0; 31], x: &[f32; 256] = &Draw::from_seed(5)) -> [f32; 256] = programs::fir_fast;
    irfft_256(x: &[Complex<f32>; 129] = &programs::rfft_256(&Draw::from_seed(3))) -> [f32; 256] = programs::irfft_256;
    lms_norm(w: &mut [f32; 32] = &mut [0.0; 32], past: &mut [f32; 31] = &mut [0.0; 31], x: &[f32; 256] = &Draw::from_seed(12), d: &[f32; 256] = &Draw::from_seed(13)) -> [f32; 256] = programs::lms_norm;
    log_256(x: &[f32; 256] = &each(7, |x| (x + 1.0) * 0.5 + 0.000_976_562_5)) -> [f32; 256] = programs::vlog;
    matmul_16(a: &[[f32; 16]; 16] = &Draw::from_seed(1), b: &[[f32; 16]; 16] = &Draw::from_seed(2)) -> [[f32; 16]; 16] = programs::matmul_16;
    matmul_32(a: &[[f32; 32]; 32] = &Draw::from_seed(1), b: &[[f32; 32]; 32] = &Draw::from_seed(2)) -> [[f32; 32]; 32] = programs::matmul_32;
    matmul_4(a: &[[f32; 4]; 4] = &Draw::from_seed(1), b: &[[f32; 4]; 4] = &Draw::from_seed(2)) -> [[f32; 4]; 4] = programs::matmul_4;
    matmul_64(a: &[[f32; 64]; 64] = &Draw::from_seed(1), b: &[[f32; 64]; 64] = &Draw::from_seed(2)) -> [[f32; 64]; 64] = programs::matmul_64;
    matmul_64_fast(a: &[[f32; 64]; 64] = &Draw::from_seed(1), b: &[[f32; 64]; 64] = &Draw::from_seed(2)) -> [[f32; 64]; 64] = programs::matmul_64_fast;
    matmul_8(a: &[[f32; 8]; 8] = &Draw::from_seed(1), b: &[[f32; 8]; 8] = &Draw::from_seed(2)) -> [[f32; 8]; 8] = programs::matmul_8;
    matvec_128_128(a: &[[f32; 128]; 128] = &Draw::from_seed(1), x: &[f32; 128] = &Draw::from_seed(2)) -> [f32; 128] = programs::matvec_128_128;
    matvec_128_784(a: &[[f32; 784]; 128] = &Draw::from_seed(1), x: &[f32; 784] = &Draw::from_seed(2)) -> [f32; 128] = programs::matvec_128_784;
    matvec_128_784_fast(a: &[[f32; 784]; 128] = &Draw::from_seed(1), x: &[f32; 784] = &Draw::from_seed(2)) -> [f32; 128] = programs::matvec_128_784_fast;
    matvec_32_64(a: &[[f32; 64]; 32] = &Draw::from_seed(1), x: &[f32; 64] = &Draw::from_seed(2)) -> [f32; 32] = programs::matvec_32_64;
    max_256(x: &[f32; 256] = &Draw::from_seed(1)) -> f32 = programs::vmax;
    mean_256(x: &[f32; 256] = &Draw::from_seed(1)) -> f32 = programs::vmean;
    mlp_inference(p: &Mlp = &network(), x: &[f32; 64] = &Draw::from_seed(2)) -> [f32; 10] = logits;
    mlp_loss(p: &Mlp = &network(), x: &[[f32; 64]; 16] = &Draw::from_seed(2), y: &[u8; 16] = &labels()) -> f32 = loss;
    mlp_step(p: &mut Mlp = &mut network(), x: &[[f32; 64]; 16] = &Draw::from_seed(2), y: &[u8; 16] = &labels(), lr: f32 = 0.05) -> f32
        = step;
    mlp_step_1(p: &mut Mlp = &mut network(), x: &[[f32; 64]; 1] = &sample(), y: &[u8; 1] = &[3], lr: f32 = 0.05) -> f32 = programs::mlp_step_1;
    mlp_step_1_fast(p: &mut Mlp = &mut network(), x: &[[f32; 64]; 1] = &sample(), y: &[u8; 1] = &[3], lr: f32 = 0.05) -> f32 = programs::mlp_step_1_fast;
    mlp_step_fast(p: &mut Mlp = &mut network(), x: &[[f32; 64]; 16] = &Draw::from_seed(2), y: &[u8; 16] = &labels(), lr: f32 = 0.05) -> f32
        = programs::mlp_step_fast;
    mobilenet(p: &MobileNet = &nets::mobilenet::WEIGHTS, x: &[[[f32; 3]; 96]; 96] = &input(1)) -> [f32; 2] = nets::mobilenet::mobilenet;
    mult_256(a: &[f32; 256] = &Draw::from_seed(1), b: &[f32; 256] = &Draw::from_seed(2)) -> [f32; 256] = programs::mult;
    offset_256(x: &[f32; 256] = &Draw::from_seed(1)) -> [f32; 256] = programs::offset;
    resnet8(p: &ResNet8 = &nets::resnet8::WEIGHTS, x: &[[[f32; 3]; 32]; 32] = &input(1)) -> [f32; 10] = nets::resnet8::resnet8;
    rfft_256(x: &[f32; 256] = &Draw::from_seed(3)) -> [Complex<f32>; 129] = programs::rfft_256;
    rms_256(x: &[f32; 256] = &Draw::from_seed(1)) -> f32 = programs::rms;
    scale_256(x: &[f32; 256] = &Draw::from_seed(1)) -> [f32; 256] = programs::scale;
    sin_256(x: &[f32; 256] = &each(6, |x| 4.0 * x)) -> [f32; 256] = programs::vsin;
    sqrt_256(x: &[f32; 256] = &each(7, |x| (x + 1.0) * 0.5 + 0.000_976_562_5)) -> [f32; 256] = programs::vsqrt;
    transpose_64(a: &[[f32; 64]; 64] = &Draw::from_seed(1)) -> [[f32; 64]; 64] = programs::transpose_64;
    var_256(x: &[f32; 256] = &Draw::from_seed(1)) -> f32 = programs::vvar;
}
