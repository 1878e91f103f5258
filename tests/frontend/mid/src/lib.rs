//! Re-exports a library under another name and builds on it.
#![no_std]

pub use renamed::nn as networks;
pub use renamed::nn::dense;

use kiln::prelude::*;

#[jit]
fn secret(x: f32) -> f32 {
    x + 1.0
}

#[jit]
pub fn block<const N: usize>(p: &renamed::nn::Dense<N, N>, x: &[f32; N]) -> [f32; N] {
    secret(renamed::nn::dense(p, x))
}
