//! The networks of MLPerf Tiny in f32, with weights drawn from a generator: what their layers cost does not depend on the numbers.
//!
//! Activations are `NHWC`, windows `HWIO`, depthwise ones `HW1O`.
#![no_std]
// Weights are drawn while compiling.
#![allow(long_running_const_eval)]

pub mod ds_cnn;
pub mod mobilenet;
pub mod resnet8;

use kiln::prelude::*;

/// A convolution with its bias.
#[derive(Clone, Tree)]
pub struct Conv<const H: usize, const W: usize, const I: usize, const O: usize> {
    pub w: [[[[f32; O]; I]; W]; H],
    pub b: [f32; O],
}

/// A depthwise convolution, and the pointwise one after it.
#[derive(Clone, Tree)]
pub struct Separable<const I: usize, const O: usize> {
    pub depthwise: Conv<3, 3, 1, I>,
    pub pointwise: Conv<1, 1, I, O>,
}

/// A layer of features times weights.
#[derive(Clone, Tree)]
pub struct Dense<const I: usize, const O: usize> {
    pub w: [[f32; O]; I],
    pub b: [f32; O],
}

impl<const H: usize, const W: usize, const I: usize, const O: usize> Conv<H, W, I, O> {
    /// Weights of a seed, small enough that activations stay of the size they have.
    pub const fn drawn(seed: u32) -> Self {
        let mut from = Lcg(seed);
        let scale = scale(H * W * I);
        let mut w = [[[[0.0; O]; I]; W]; H];
        let mut n = 0;
        while n < H * W * I * O {
            w[n / (W * I * O)][n / (I * O) % W][n / O % I][n % O] = from.next() * scale;
            n += 1;
        }
        let mut b = [0.0; O];
        let mut n = 0;
        while n < O {
            b[n] = from.next() * 0.125;
            n += 1;
        }
        Conv { w, b }
    }
}

impl<const I: usize, const O: usize> Separable<I, O> {
    /// See [`Conv::drawn`].
    pub const fn drawn(seed: u32) -> Self {
        Separable { depthwise: Conv::drawn(seed), pointwise: Conv::drawn(seed + 1) }
    }
}

impl<const I: usize, const O: usize> Dense<I, O> {
    /// See [`Conv::drawn`].
    pub const fn drawn(seed: u32) -> Self {
        let conv = Conv::<1, 1, I, O>::drawn(seed);
        Dense { w: conv.w[0][0], b: conv.b }
    }
}

/// `s = s * 1664525 + 1013904223 (mod 2^32)`, advanced before each draw.
struct Lcg(u32);

impl Lcg {
    const fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 * (1.0 / 8_388_608.0) - 1.0
    }
}

/// A power of two near `2 / sqrt(n)`.
const fn scale(n: usize) -> f32 {
    let mut scale = 2.0;
    let mut n = n;
    while n >= 4 {
        scale *= 0.5;
        n /= 4;
    }
    scale
}

/// An input of a seed.
pub fn input<const H: usize, const W: usize, const C: usize>(seed: u32) -> [[[f32; C]; W]; H] {
    let mut from = Lcg(seed);
    core::array::from_fn(|_| core::array::from_fn(|_| core::array::from_fn(|_| from.next())))
}
