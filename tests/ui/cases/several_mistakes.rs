use kiln::prelude::*;

#[jit]
fn f(x: &[f32; 3], y: &[f32; 4]) -> f32 {
    let a = x + y;
    let b = x[5];
    let c = sum(x, axes = 0);
    sum(a) + b + c
}

#[jit]
fn g(n: usize) -> f32 {
    1.0
}

fn main() {}
