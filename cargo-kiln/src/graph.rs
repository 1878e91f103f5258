//! `cargo kiln graph`.

use anstream::println;

use crate::record::Kernel;

/// Prints the graphs.
pub fn show(kernels: &[Kernel]) {
    for (n, kernel) in kernels.iter().enumerate() {
        println!("{}{}", if n == 0 { "" } else { "\n" }, text(kernel));
    }
}

/// The graph of a kernel.
pub fn text(kernel: &Kernel) -> String {
    format!("// {}, {}:{}\n{}", kernel.path, kernel.file, kernel.line, kernel.graph)
}
