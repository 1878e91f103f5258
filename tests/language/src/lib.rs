//! Layers as an ordinary `no_std` library publishes them: the tests call these from another crate.
#![no_std]

pub mod layers {
    //! A layer library.
    use kiln::prelude::*;

    /// `w x + b`.
    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Dense<const I: usize, const O: usize> {
        /// A row per output.
        pub w: [[f32; I]; O],
        /// An offset per output.
        pub b: [f32; O],
    }

    #[jit(inline)]
    impl<const I: usize, const O: usize> Dense<I, O> {
        /// Runs the layer.
        pub fn apply(&self, x: &[f32; I]) -> [f32; O] {
            matmul(self.w, x) + self.b
        }
    }

    /// How much a leak lets through.
    #[jit]
    pub const LEAK: f32 = 0.25;

    /// `x` where it is positive, else a fraction of it.
    #[jit]
    pub fn leaky<const N: usize>(x: &[f32; N]) -> [f32; N] {
        where_(x > 0.0, x, LEAK * x)
    }
}
