//! The workloads as Kiln kernels.

pub mod arrays;
pub mod derivatives;
pub mod images;
pub mod linear;
pub mod mlp;
pub mod physics;
pub mod sequences;
