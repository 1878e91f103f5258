use kiln::prelude::*;

#[jit]
fn total<const N: usize>(x: &[f32; N]) -> f32 {
    sum(x)
}

fn main() {
    total(&[1.0; 4]);
}
