use kiln::prelude::*;

#[jit]
async fn waits(x: f32) -> f32 {
    x
}

#[jit]
unsafe fn dares(x: f32) -> f32 {
    x
}

#[jit]
extern "C" fn foreign(x: f32) -> f32 {
    x
}

#[jit]
const fn early(x: f32) -> f32 {
    x
}

#[jit]
fn slice(x: &[f32]) -> f32 {
    sum(x)
}

#[jit]
fn lends(x: &[f32; 4]) -> &f32 {
    x[0]
}

#[jit]
fn heap(x: Vec<f32>) -> f32 {
    sum(x)
}

#[jit]
fn calls_them(x: &[f32; 4]) -> f32 {
    slice(x) + lends(x) + heap(x)
}

fn main() {
    calls_them(&[1.0; 4]);
}
