//! A library of layers: public functions over private ones, structs, constants, methods.
#![no_std]
#![deny(missing_docs, warnings)]

pub mod nn {
    //! Layers.
    use kiln::prelude::*;

    /// Neurons.
    #[jit]
    pub const WIDTH: usize = super::BASE * 2;

    /// A layer.
    #[derive(Clone, Tree)]
    pub struct Dense<const I: usize, const O: usize> {
        /// Weights.
        pub w: [[f32; I]; O],
        /// Bias.
        pub b: [f32; O],
    }

    #[jit]
    fn affine<const I: usize, const O: usize>(w: &[[f32; I]; O], x: &[f32; I], b: &[f32; O]) -> [f32; O] {
        matmul(w, x) + b
    }

    /// A dense layer.
    #[jit]
    pub fn dense<const I: usize, const O: usize>(p: &Dense<I, O>, x: &[f32; I]) -> [f32; O] {
        affine(p.w, x, p.b)
    }

    /// A dense layer of fixed size.
    #[jit]
    pub fn fixed(x: &[f32; WIDTH]) -> [f32; WIDTH] {
        let Dense { w, b } = Dense { w: [[0.0; WIDTH]; WIDTH], b: [0.0; WIDTH] };
        affine(w, x, b)
    }

    #[jit]
    impl<const I: usize, const O: usize> Dense<I, O> {
        /// The layer as a method.
        pub fn forward(&self, x: &[f32; I]) -> [f32; O] {
            self.twice(affine(self.w, x, self.b))
        }

        fn twice(&self, y: [f32; O]) -> [f32; O] {
            y * 2.0
        }
    }
}

use kiln::prelude::*;

#[jit]
const BASE: usize = 2;
