//! The compiler behind Kiln: `#[jit]` functions in, static loop nests out.
//!
//! An ordinary library on ordinary data; see `ARCHITECTURE.md` for the map. It reads no file, clock, environment or hash
//! order: the same input gives the same output.

pub mod array;
pub mod compile;
pub mod diag;
pub mod dtype;
pub mod editor;
pub mod emit;
pub mod eval;
pub mod frontend;
pub mod graph;
pub mod library;
pub mod ops;
pub mod parse;
pub mod passes;
pub mod record;
pub mod schedule;
pub mod text;
pub mod trace;
pub mod transform;
pub mod unit;
pub mod weights;
