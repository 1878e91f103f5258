//! A layer library for the cases in which a mistake is in another crate.
#![no_std]

use kiln::prelude::*;

/// The elementwise sum of two vectors of one length.
#[jit(inline)]
pub fn residual<const N: usize, const M: usize>(x: &[f32; N], y: &[f32; M]) -> [f32; N] {
    let half = y * 0.5;
    x + half
}
