//! From an optimised graph to Rust: loop nests, memory, tokens.
//!
//! [`fuse`] decides what is computed where, [`plan`] where it lives, [`emit`] writes it down.

pub mod contract;
pub mod emit;
pub mod exprs;
pub mod fuse;
pub mod plan;
pub mod program;
pub mod region;

pub use program::{Dest, Program};
