//! What is measured beside the network: the shapes of CMSIS-DSP's functions, as one would write them in Kiln.

use digits::model::{Mlp, logits, loss};
use kiln::prelude::*;

#[jit]
pub fn dot_64(a: &[f32; 64], b: &[f32; 64]) -> f32 {
    dot(a, b)
}

#[jit]
pub fn dot_256(a: &[f32; 256], b: &[f32; 256]) -> f32 {
    dot(a, b)
}

#[jit]
pub fn dot_1024(a: &[f32; 1024], b: &[f32; 1024]) -> f32 {
    dot(a, b)
}

#[jit(fast)]
pub fn dot_1024_fast(a: &[f32; 1024], b: &[f32; 1024]) -> f32 {
    dot(a, b)
}

#[jit]
pub fn matmul_4(a: &[[f32; 4]; 4], b: &[[f32; 4]; 4]) -> [[f32; 4]; 4] {
    matmul(a, b)
}

#[jit]
pub fn matmul_8(a: &[[f32; 8]; 8], b: &[[f32; 8]; 8]) -> [[f32; 8]; 8] {
    matmul(a, b)
}

#[jit]
pub fn matmul_16(a: &[[f32; 16]; 16], b: &[[f32; 16]; 16]) -> [[f32; 16]; 16] {
    matmul(a, b)
}

#[jit]
pub fn matmul_32(a: &[[f32; 32]; 32], b: &[[f32; 32]; 32]) -> [[f32; 32]; 32] {
    matmul(a, b)
}

#[jit]
pub fn matmul_64(a: &[[f32; 64]; 64], b: &[[f32; 64]; 64]) -> [[f32; 64]; 64] {
    matmul(a, b)
}

#[jit(fast)]
pub fn matmul_64_fast(a: &[[f32; 64]; 64], b: &[[f32; 64]; 64]) -> [[f32; 64]; 64] {
    matmul(a, b)
}

#[jit]
pub fn matvec_32_64(a: &[[f32; 64]; 32], x: &[f32; 64]) -> [f32; 32] {
    matmul(a, x)
}

#[jit]
pub fn matvec_128_128(a: &[[f32; 128]; 128], x: &[f32; 128]) -> [f32; 128] {
    matmul(a, x)
}

#[jit]
pub fn matvec_128_784(a: &[[f32; 784]; 128], x: &[f32; 784]) -> [f32; 128] {
    matmul(a, x)
}

#[jit(fast)]
pub fn matvec_128_784_fast(a: &[[f32; 784]; 128], x: &[f32; 784]) -> [f32; 128] {
    matmul(a, x)
}

#[jit]
pub fn transpose_64(a: &[[f32; 64]; 64]) -> [[f32; 64]; 64] {
    a.T()
}

/// A block of a filter whose taps `h` are those of the oldest sample first: `past` holds the samples before the block and is left holding those before the next.
#[jit]
pub fn fir(h: &[f32; 32], past: &mut [f32; 31], x: &[f32; 256]) -> [f32; 256] {
    let samples = concatenate((past, x));
    *past = samples[256..];
    correlate(samples, h, mode = "valid")
}

#[jit(fast)]
pub fn fir_fast(h: &[f32; 32], past: &mut [f32; 31], x: &[f32; 256]) -> [f32; 256] {
    let samples = concatenate((past, x));
    *past = samples[256..];
    correlate(samples, h, mode = "valid")
}

#[jit]
pub fn conv(a: &[f32; 256], b: &[f32; 32]) -> [f32; 287] {
    convolve(a, b)
}

/// Four sections in a row; `c` is `b0, b1, b2, a1, a2` of each with the feedback added, `s` the last two inputs and outputs.
#[jit]
pub fn biquad_df1(x: &[f32; 256], c: &[[f32; 5]; 4], s: &mut [[f32; 4]; 4]) -> [f32; 256] {
    let mut y = [0.0; 256];
    for i in 0..256 {
        let mut v = x[i];
        #[unroll]
        for k in 0..4 {
            let out = c[k][0] * v + c[k][1] * s[k][0] + c[k][2] * s[k][1] + c[k][3] * s[k][2] + c[k][4] * s[k][3];
            s[k] = [v, s[k][0], out, s[k][2]];
            v = out;
        }
        y[i] = v;
    }
    y
}

/// The same, transposed: two sums of each section are kept.
#[jit]
pub fn biquad_df2t(x: &[f32; 256], c: &[[f32; 5]; 4], s: &mut [[f32; 2]; 4]) -> [f32; 256] {
    let mut y = [0.0; 256];
    for i in 0..256 {
        let mut v = x[i];
        #[unroll]
        for k in 0..4 {
            let out = c[k][0] * v + s[k][0];
            s[k] = [c[k][1] * v + c[k][3] * out + s[k][1], c[k][2] * v + c[k][4] * out];
            v = out;
        }
        y[i] = v;
    }
    y
}

/// Normalised least mean squares: the error of each sample, the weights adapted to it.
#[jit]
pub fn lms_norm(w: &mut [f32; 32], past: &mut [f32; 31], x: &[f32; 256], d: &[f32; 256]) -> [f32; 256] {
    let samples = concatenate((past, x));
    *past = samples[256..];
    let mut errors = [0.0; 256];
    for i in 0..256 {
        let window = flip(samples[i..i + 32]);
        let error = d[i] - dot(w, window);
        *w = *w + 0.1 * error / (dot(window, window) + 0.000000119209289) * window;
        errors[i] = error;
    }
    errors
}

#[jit]
pub fn vexp(x: &[f32; 256]) -> [f32; 256] {
    exp(x)
}

#[jit]
pub fn vlog(x: &[f32; 256]) -> [f32; 256] {
    log(x)
}

#[jit]
pub fn vsin(x: &[f32; 256]) -> [f32; 256] {
    sin(x)
}

#[jit]
pub fn vsqrt(x: &[f32; 256]) -> [f32; 256] {
    sqrt(x)
}

#[jit]
pub fn add(a: &[f32; 256], b: &[f32; 256]) -> [f32; 256] {
    a + b
}

#[jit]
pub fn mult(a: &[f32; 256], b: &[f32; 256]) -> [f32; 256] {
    a * b
}

#[jit]
pub fn scale(x: &[f32; 256]) -> [f32; 256] {
    x * 0.5
}

#[jit]
pub fn offset(x: &[f32; 256]) -> [f32; 256] {
    x + 0.5
}

#[jit]
pub fn vmean(x: &[f32; 256]) -> f32 {
    mean(x)
}

#[jit]
pub fn vvar(x: &[f32; 256]) -> f32 {
    var(x, ddof = 1)
}

#[jit]
pub fn rms(x: &[f32; 256]) -> f32 {
    sqrt(mean(x * x))
}

#[jit]
pub fn vmax(x: &[f32; 256]) -> f32 {
    max(x)
}

/// Mean cross-entropy of a batch of one.
#[jit(inline)]
fn loss_1(p: &Mlp, x: &[[f32; 64]; 1], y: &[u8; 1]) -> f32 {
    let z = vmap(logits, in_axes = (None, 0))(p, x);
    -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
}

/// A training step with one sample.
#[jit]
pub fn mlp_step_1(p: &mut Mlp, x: &[[f32; 64]; 1], y: &[u8; 1], lr: f32) -> f32 {
    let (l, g) = value_and_grad(loss_1)(p, x, y);
    *p = *p - lr * g;
    l
}

#[jit(fast)]
pub fn mlp_step_1_fast(p: &mut Mlp, x: &[[f32; 64]; 1], y: &[u8; 1], lr: f32) -> f32 {
    let (l, g) = value_and_grad(loss_1)(p, x, y);
    *p = *p - lr * g;
    l
}

#[jit(fast)]
pub fn mlp_step_fast(p: &mut Mlp, x: &[[f32; 64]; 16], y: &[u8; 16], lr: f32) -> f32 {
    let (l, g) = value_and_grad(loss)(p, x, y);
    *p = *p - lr * g;
    l
}

#[jit]
pub fn rfft_256(x: &[f32; 256]) -> [Complex<f32>; 129] {
    fft::rfft(x)
}

#[jit]
pub fn irfft_256(x: &[Complex<f32>; 129]) -> [f32; 256] {
    fft::irfft(x)
}
