use kiln::prelude::*;

#[jit]
fn f(w: &[[f32; 64]; 32], x: &[f32; 63]) -> [f32; 32] {
    matmul(w, x)
}

fn main() {}
