use kiln::prelude::*;

#[jit(ram = "16 KB", fats)]
fn f(x: f32) -> f32 {
    x
}

#[jit(workspace = "heap")]
fn g(x: f32) -> f32 {
    x
}

fn main() {}
