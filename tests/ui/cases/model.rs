use kiln::prelude::*;

kiln::model! { pub fn kws = "kws.tflite"; }

#[jit]
fn f(x: &[f32; 4]) -> f32 {
    sum(x)
}

fn main() {}
