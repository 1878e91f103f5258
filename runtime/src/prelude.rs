//! What programs name: `use kiln::prelude::*;`.
//!
//! Array functions (`exp`, `matmul`, `grad`, ..) need no import: inside `#[jit]` they are in scope.

pub use crate::{CheckError, Tree, jit};
pub use half::{bf16, f16};
pub use num_complex::Complex;
