//! A library of layers: modules, re-exports under other names, private helpers, generics, methods with a workspace of the
//! caller.
#![no_std]
use kiln::prelude::*;

pub mod dense {
    use super::*;
    /// A dense layer.
    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Dense<const I: usize, const O: usize> {
        pub w: [[f32; I]; O],
        pub b: [f32; O],
    }

    #[jit]
    impl<const I: usize, const O: usize> Dense<I, O> {
        pub fn forward(&self, x: &[f32; I]) -> [f32; O] {
            act(affine(self, x))
        }
        pub fn scaled(&self, k: f32) -> Self {
            Dense { w: self.w * k, b: self.b * k }
        }
        pub fn decay(&mut self, k: f32) {
            self.w *= k;
            self.b *= k;
        }
    }
    #[jit]
    fn affine<const I: usize, const O: usize>(p: &Dense<I, O>, x: &[f32; I]) -> [f32; O] {
        matmul(p.w, x) + p.b
    }
    #[jit(inline)]
    pub(crate) fn act<T>(x: T) -> T {
        tanh(x)
    }
}

pub mod norm {
    use super::*;
    #[jit]
    pub const EPS: f32 = 1e-5;
    /// Layer normalisation.
    #[jit]
    pub fn layer_norm<const N: usize>(x: &[f32; N]) -> [f32; N] {
        let m = mean(x);
        let v = mean((x - m) * (x - m));
        (x - m) / sqrt(v + EPS)
    }
    #[jit]
    pub fn softcap(x: f32, cap: f32) -> f32 {
        cap * tanh(x / cap)
    }
}
pub use dense::Dense;
pub use norm::{layer_norm as ln, softcap};

/// A gated unit.
#[derive(Clone, Debug, PartialEq, Tree)]
pub struct Gate {
    pub a: Dense<4, 4>,
    pub g: Dense<4, 4>,
}
#[jit(workspace = "caller")]
impl Gate {
    pub fn run(&self, x: &[f32; 4]) -> [f32; 4] {
        self.a.forward(x) * nn::sigmoid(self.g.forward(x))
    }
    pub fn size() -> usize {
        4
    }
}
pub mod prelude {
    pub use crate::Gate;
    pub use crate::dense::*;
    pub use crate::norm::*;
}
