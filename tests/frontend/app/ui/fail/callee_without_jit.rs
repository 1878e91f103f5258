use kiln::prelude::*;

fn plain(x: f32) -> f32 {
    x
}

#[jit]
fn entry(x: f32) -> f32 {
    plain(x)
}

fn main() {
    entry(1.0);
}
