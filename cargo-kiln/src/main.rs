//! `cargo kiln`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cargo_kiln::main()
}
