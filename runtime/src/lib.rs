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
pub use kiln_macros::{__collect, __finish, __gather, __include_tree};
pub use kiln_macros::{Tree, instantiate, jit};

/// A model from a file as a function: not available yet.
///
/// # Errors
///
/// Does not compile; the message says what there is instead.
#[macro_export]
macro_rules! model {
    ($($request:tt)*) => {
        ::core::compile_error!(
            "`model!` is not available yet: write its layers as `#[jit]` functions, and take its weights from a safetensors or npz file with `include_tree!`"
        );
    };
}

/// A value from a file of tensors, checked against its type while compiling: `include_tree!(Mlp, "mlp.safetensors")`.
///
/// A constant expression, so the value can be a `static` and stay in flash:
///
/// ```ignore
/// static WEIGHTS: Mlp = kiln::include_tree!(Mlp, "mlp.safetensors");
/// ```
///
/// The file is `.safetensors`, `.npz` or `.npy`, and is looked for beside the source file, as `include_bytes!` does. A field takes the
/// tensor of its name; names of fields inside of fields are joined by dots (`l1.w`; `0` for the first of a tuple), elements of
/// arrays of structs are numbered (`layers.0.w`) or stacked in one tensor (`layers.w`, with the axis of the array in front). A
/// type that is one array takes the only tensor of the file.
///
/// # Errors
///
/// Does not compile if a tensor is absent, has another dtype or shape than its field, or belongs to no field; all of these are
/// listed at once. Nothing is converted.
#[macro_export]
macro_rules! include_tree {
    ($($request:tt)*) => { $crate::__include_tree!($crate; $($request)*) };
}
