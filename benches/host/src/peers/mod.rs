//! The same workloads in the numerical crates of Rust, as their users would write them, and in plain loops.

use crate::clock::Clock;

mod derivatives;
mod loops;
mod matrices;
mod networks;

/// Times all of them.
pub fn run(c: &Clock) {
    loops::run(c);
    matrices::run(c);
    networks::run(c);
    derivatives::run(c);
}
