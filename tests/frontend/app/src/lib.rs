//! ```
//! use kiln::prelude::*;
//!
//! #[jit]
//! fn helper(x: f32) -> f32 { x + 1.0 }
//!
//! #[jit]
//! fn entry(x: f32) -> f32 { helper(app::shared(x)) }
//!
//! assert_eq!(entry::GRAPH, "*entry [app::shared=shared helper=helper]; ^shared [unit=unit]; ^unit []; helper []");
//! ```
#![deny(warnings)]

use kiln::prelude::*;

#[jit]
pub fn shared(x: f32) -> f32 {
    unit(x)
}

#[jit]
fn unit(x: f32) -> f32 {
    x
}
