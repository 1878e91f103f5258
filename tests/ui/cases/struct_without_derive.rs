use kiln::prelude::*;

pub struct Gains {
    pub k: f32,
}

#[jit]
fn f(g: &Gains, x: f32) -> f32 {
    g.k * x
}

fn main() {}
