//! JAX for firmware: array programs become static kernels, without allocation and without a panic path.
//!
//! Tensors are plain Rust arrays. See [`prelude`] for the names that programs use.
#![no_std]
#![deny(missing_docs)]
#![deny(clippy::indexing_slicing, clippy::unwrap_used)]

#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod debug;
mod error;
pub mod prelude;
#[doc(hidden)]
pub mod rt;
pub mod test;

pub use error::{CheckError, CheckValue};
#[doc(hidden)]
pub use kiln_macros::{__collect, __finish, __gather};
pub use kiln_macros::{Tree, instantiate, jit};
