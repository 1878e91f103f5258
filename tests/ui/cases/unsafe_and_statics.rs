use kiln::prelude::*;

static mut TOTAL: f32 = 0.0;
static SCALE: f32 = 2.0;

#[jit]
fn f(x: f32) -> f32 {
    unsafe { TOTAL += x };
    x
}

#[jit]
fn g(x: f32) -> f32 {
    x * SCALE
}

fn main() {}
