//! The macros of Kiln: each is a single call into `kiln-codegen`.

use kiln_codegen::frontend::echo::compile;

include!("shell.rs");
