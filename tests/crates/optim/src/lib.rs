//! A library of optimisers: generic in the tree that is trained; what it depends on is re-exported.
#![no_std]
use kiln::prelude::*;
pub use layers as net;

/// Momentum.
#[derive(Clone, Debug, PartialEq, Tree)]
pub struct Momentum<T> {
    pub v: T,
    pub rate: f32,
    pub beta: f32,
}

#[jit]
impl<T: Clone> Momentum<T> {
    pub fn step(&mut self, p: &mut T, g: &T) {
        self.v = self.v * self.beta + *g;
        *p = *p - self.v * self.rate;
    }
}

#[jit]
pub fn sgd<T>(p: &mut T, g: &T, rate: f32) {
    *p = *p - *g * rate;
}

#[jit]
pub fn clip<const N: usize>(g: &[f32; N], most: f32) -> [f32; N] {
    let n = sqrt(sum(g * g));
    if n > most { g * (most / n) } else { g }
}
pub mod schedule {
    use kiln::prelude::*;
    #[jit]
    pub fn cosine(t: f32) -> f32 {
        0.5 * (1.0 + cos(t * core::f32::consts::PI))
    }
}
