//! Stops the build, by name, when a data file is missing or damaged.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=data");
    for problem in digits_data::check(Path::new("data")) {
        println!("cargo::error={problem}");
    }
}
