//! What programs name: `use kiln::prelude::*;`.

pub use crate::{CheckError, Tree, instantiate, jit};
