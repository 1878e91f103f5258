use kiln::prelude::*;

#[jit]
fn write(x: f32) -> f32 {
    x
}

#[jit]
fn entry(x: f32) -> f32 {
    line(x)
}

fn main() {
    write(entry(1.0));
}
