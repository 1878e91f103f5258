use kiln::prelude::*;

#[jit]
fn vec(x: f32) -> f32 {
    x
}

fn main() {}
