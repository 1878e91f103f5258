use kiln::prelude::*;

#[jit]
fn even(n: i32) -> bool {
    odd(n - 1)
}

#[jit]
fn odd(n: i32) -> bool {
    even(n - 1)
}

fn main() {}
