//! Rust syntax to a small syntax tree in which a span is a number.
//!
//! Tokens are read once; everything after works on this tree, on any thread, without the compiler's API.

pub mod ast;
pub mod convert;
pub mod labels;
pub mod lift;
pub mod macros;
mod parts;
pub mod spans;

pub use convert::{MUT_SELF, convert_alias, convert_const, convert_fn, convert_method, convert_struct};
