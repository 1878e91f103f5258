use kiln::prelude::*;

#[jit]
fn f(x: &[f32; 3]) -> [f32; 3] {
    nn::sofmax(x)
}

fn main() {}
