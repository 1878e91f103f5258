//! Puts the memory layout of the chosen board where the linker script of `cortex-m-rt` or `riscv-rt` looks for it.

use std::env;
use std::path::Path;

/// The folders beside this one that hold a `memory.x`.
const BOARDS: [&str; 6] = ["microbit", "mps2-an385", "mps2-an386", "mps2-an505", "mps3-an547", "riscv32-virt"];

fn main() {
    let boards: Vec<&str> = BOARDS.into_iter().filter(|board| env::var_os(feature(board)).is_some()).collect();
    let [board] = boards[..] else {
        println!(
            "cargo::error=kiln-board: choose one board by its feature, for instance `mps2-an386`; {} are chosen",
            boards.len()
        );
        return;
    };
    let here = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR for build scripts");
    let folder = Path::new(&here).join("..").join(board);
    // The firmwares in examples/ are linked as examples/digits-mps2 is; its build.rs says why.
    for argument in ["-Tlink.x", "--nmagic", "--emit-relocs"] {
        println!("cargo::rustc-link-arg-examples={argument}");
    }
    println!("cargo::rustc-link-search={}", folder.display());
    println!("cargo::rerun-if-changed={}", folder.join("memory.x").display());
}

fn feature(board: &str) -> String {
    format!("CARGO_FEATURE_{}", board.to_uppercase().replace('-', "_"))
}
