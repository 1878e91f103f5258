//! Inputs that are easily drawn again in any language: a linear congruential generator, advanced before each draw.

use digits::model::{Dense, Mlp};

/// `s = s * 1664525 + 1013904223 (mod 2^32)`.
pub struct Lcg(u32);

impl Lcg {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0
    }
}

/// What can be drawn.
pub trait Draw {
    /// The next value: floats from -1 up to 1, arrays in row-major order.
    fn draw(from: &mut Lcg) -> Self;

    /// The first value of a seed.
    fn from_seed(seed: u32) -> Self
    where
        Self: Sized,
    {
        Self::draw(&mut Lcg(seed))
    }
}

impl Draw for f32 {
    fn draw(from: &mut Lcg) -> f32 {
        (from.next() >> 8) as f32 * (1.0 / 8_388_608.0) - 1.0
    }
}

impl<T: Draw, const N: usize> Draw for [T; N] {
    fn draw(from: &mut Lcg) -> [T; N] {
        core::array::from_fn(|_| T::draw(from))
    }
}

/// The network of the anchors: seed 1, weights and biases of the first layer times 0.125, of the second times 0.25.
pub fn network() -> Mlp {
    let from = &mut Lcg(1);
    let mut l1 = Dense { w: Draw::draw(from), b: Draw::draw(from) };
    let mut l2 = Dense { w: Draw::draw(from), b: Draw::draw(from) };
    scale(l1.w.as_flattened_mut(), 0.125);
    scale(&mut l1.b, 0.125);
    scale(l2.w.as_flattened_mut(), 0.25);
    scale(&mut l2.b, 0.25);
    Mlp { l1, l2 }
}

fn scale(values: &mut [f32], by: f32) {
    values.iter_mut().for_each(|value| *value *= by);
}

/// One sample and its class, for steps of a single one.
pub fn sample() -> [[f32; 64]; 1] {
    [Draw::from_seed(2)]
}

/// A label for each sample of a batch.
pub fn labels() -> [u8; 16] {
    core::array::from_fn(|i| (i % 10) as u8)
}

/// A number to recognise a result by: the bits of the sum of its floats, from left to right.
pub trait Check {
    fn add_to(&self, sum: f32) -> f32;

    fn bits(&self) -> u32 {
        self.add_to(0.0).to_bits()
    }
}

impl Check for f32 {
    fn add_to(&self, sum: f32) -> f32 {
        sum + self
    }
}

impl Check for kiln::prelude::Complex<f32> {
    fn add_to(&self, sum: f32) -> f32 {
        sum + self.re + self.im
    }
}

impl<T: Check, const N: usize> Check for [T; N] {
    fn add_to(&self, sum: f32) -> f32 {
        self.iter().fold(sum, |sum, value| value.add_to(sum))
    }
}

/// Values of a seed, each changed.
pub fn each<const N: usize>(seed: u32, f: impl Fn(f32) -> f32) -> [f32; N] {
    <[f32; N]>::from_seed(seed).map(f)
}
