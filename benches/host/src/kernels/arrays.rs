//! Maps, products, normalisations, sorting.

use kiln::prelude::*;

/// One addition: what a call costs.
#[jit]
pub fn dispatch(x: &[f32; 1]) -> [f32; 1] {
    x + 1.0
}

#[jit(inline)]
fn poly<const N: usize>(x: &[[f32; N]; N]) -> [[f32; N]; N] {
    x + x * x + x * x * x
}

/// The headline.
#[jit]
pub fn poly_64(x: &[[f32; 64]; 64], out: &mut [[f32; 64]; 64]) {
    *out = poly(x);
}

/// The headline, in the second-level cache.
#[jit]
pub fn poly_512(x: &[[f32; 512]; 512], out: &mut [[f32; 512]; 512]) {
    *out = poly(x);
}

/// The headline, in main memory.
#[jit]
pub fn poly_5000(x: &[[f32; 5000]; 5000], out: &mut [[f32; 5000]; 5000]) {
    *out = poly(x);
}

macro_rules! products {
    ($($name:ident $fast:ident $n:literal;)*) => {$(
        /// A product of square matrices, reproducible.
        #[jit]
        pub fn $name(a: &[[f32; $n]; $n], b: &[[f32; $n]; $n], out: &mut [[f32; $n]; $n]) {
            *out = matmul(a, b);
        }

        /// A product of square matrices.
        #[jit(fast)]
        pub fn $fast(a: &[[f32; $n]; $n], b: &[[f32; $n]; $n], out: &mut [[f32; $n]; $n]) {
            *out = matmul(a, b);
        }
    )*};
}
products! {
    matmul_16 fast_16 16;
    matmul_64 fast_64 64;
    matmul_128 fast_128 128;
    matmul_256 fast_256 256;
    matmul_512 fast_512 512;
    matmul_1024 fast_1024 1024;
}

/// A row times a matrix.
#[jit]
pub fn matvec(x: &[f32; 784], w: &[[f32; 128]; 784]) -> [f32; 128] {
    matmul(x, w)
}

/// Each row as probabilities.
#[jit]
pub fn softmax_rows(x: &[[f32; 1000]; 128], out: &mut [[f32; 1000]; 128]) {
    *out = softmax(x, axis = 1);
}

/// Each row with mean 0 and variance 1, scaled and shifted.
#[jit]
pub fn layernorm_rows(x: &[[f32; 768]; 128], g: &[f32; 768], b: &[f32; 768], out: &mut [[f32; 768]; 128]) {
    *out = layernorm(x, g, b);
}

/// Normalisation along the last axis.
#[jit(inline)]
pub fn layernorm<const R: usize, const N: usize>(x: &[[f32; N]; R], g: &[f32; N], b: &[f32; N]) -> [[f32; N]; R] {
    let d = x - mean(x, axis = 1, keepdims = true);
    let v = mean(d * d, axis = 1, keepdims = true);
    d / sqrt(v + 1e-5) * g + b
}

/// The running sum.
#[jit]
pub fn running_sum(x: &[f32; 65536], out: &mut [f32; 65536]) {
    *out = cumsum(x);
}

/// In ascending order.
#[jit]
pub fn sorted(x: &[f32; 4096], out: &mut [f32; 4096]) {
    *out = sort(x);
}

/// The spectrum of a short signal.
#[jit]
pub fn spectrum_256(x: &[f32; 256], out: &mut [Complex<f32>; 129]) {
    *out = fft::rfft(x);
}

/// The spectrum of a long signal.
#[jit]
pub fn spectrum_4096(x: &[f32; 4096], out: &mut [Complex<f32>; 2049]) {
    *out = fft::rfft(x);
}
