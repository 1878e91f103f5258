//! Transformations: interpreters over graphs that know no primitive by name.
//!
//! Each comes in two forms: `*_into` appends the transformed program to a graph that is being built, `*_graph` makes a
//! graph of its own, for primitives that hold graphs.

pub mod batch;
pub mod jvp;
pub mod linearize;
pub mod transpose;

pub use batch::{batch_graph, batch_into};
pub use jvp::{jvp_graph, jvp_into};
pub use linearize::{Linear, PartialEval, linearize_into, partial_eval_graph};
pub use transpose::{transpose_graph, transpose_into, transpose_onto};
