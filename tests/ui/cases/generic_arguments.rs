use kiln::prelude::*;

#[jit]
fn spread<const N: usize>(x: f32) -> [f32; N] {
    [x; N]
}

#[jit]
fn f(x: f32) -> f32 {
    sum(spread(x))
}

fn main() {}
