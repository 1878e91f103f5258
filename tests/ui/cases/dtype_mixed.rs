use kiln::prelude::*;

#[jit]
fn f(x: &[f32; 3], n: &[i32; 3]) -> [f32; 3] {
    x * n
}

fn main() {}
