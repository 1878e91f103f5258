//! How the image is linked.

fn main() {
    // The memory map of cortex-m-rt, filled in by the board's memory.x.
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    // Keeps sections where they are meant to be instead of aligning them to pages.
    println!("cargo::rustc-link-arg-bins=--nmagic");
    // Who refers to whom stays in the ELF file (not in flash), so that `cargo xtask check-image` can follow every call.
    println!("cargo::rustc-link-arg-bins=--emit-relocs");
}
