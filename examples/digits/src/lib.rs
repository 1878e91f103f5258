//! Reading handwritten digits with a small network that is trained where it runs.
//!
//! [`model`] is the program: the network, its loss and one step of training, from which Kiln makes kernels.
//! [`data`] holds the images, [`train`] says how the training starts and proceeds, [`report`] writes what comes of it.
//! The same code runs in the host program of this crate and in the firmware of `digits-mps2`.
#![no_std]

pub mod data;
pub mod model;
pub mod report;
pub mod train;

// Its program is this example's, and compiles with every `cargo test`.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
