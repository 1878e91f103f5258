use kiln::prelude::*;
use kiln_ui_tests::residual;

#[jit]
fn f(x: &[f32; 3], y: &[f32; 4]) -> [f32; 3] {
    residual(x, y)
}

fn main() {}
