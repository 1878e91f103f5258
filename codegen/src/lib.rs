//! The compiler behind Kiln: `#[jit]` functions in, static loop nests out.
//!
//! An ordinary library on ordinary data; see `ARCHITECTURE.md` for the map. It reads no file, clock, environment or hash
//! order: the same input gives the same output.

pub mod array;
pub mod backend;
pub mod dtype;
pub mod eval;
pub mod frontend;
pub mod graph;
pub mod ops;
pub mod passes;
pub mod schedule;
pub mod transform;
pub mod unit;
pub mod text;
pub mod compile;
pub mod diag;
pub mod library;
pub mod parse;
pub mod trace;
