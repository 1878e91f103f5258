//! The macros of Kiln over the echo compiler.

use kiln_codegen::frontend::echo::compile;

include!("../../../../macros/src/shell.rs");
