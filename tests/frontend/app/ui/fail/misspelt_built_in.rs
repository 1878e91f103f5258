use kiln::prelude::*;

#[jit]
fn entry(x: &[f32; 4]) -> [f32; 4] {
    sofmax(x)
}

fn main() {
    let _ = (entry(&[1.0; 4]), entry::RAM_BYTES);
}
