//! The macros of Kiln: each is a single call into `kiln-codegen`.

use kiln_codegen::compile::compile;

include!("shell.rs");
