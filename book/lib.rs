//! The book and the README, as modules whose documentation they are: `cargo test` compiles every Rust block in them and runs
//! it, or makes sure that it does not compile where the text says so.

macro_rules! chapters {
    ($($name:ident = $file:literal;)+) => { $(#[doc = include_str!($file)] pub mod $name {})+ };
}

chapters! {
    readme = "../README.md";
    introduction = "src/introduction.md";
    tutorial = "src/tutorial.md";
    arrays = "src/arrays.md";
    language = "src/language.md";
    transformations = "src/transformations.md";
    kernels = "src/kernels.md";
    memory = "src/memory.md";
    weights = "src/weights.md";
    cargo_kiln = "src/cargo-kiln.md";
    numbers = "src/numbers.md";
    names = "src/names.md";
    errors = "src/errors.md";
    fine_print = "src/fine-print.md";
    sharp_bits = "src/sharp-bits.md";
    extending = "src/extending.md";
    primitives = "src/primitives.md";
}
