//! A branch whose condition differs from slice to slice, one slice after the other: what a turn of that loop costs.

use kiln::prelude::*;

#[jit(inline)]
pub fn pick(x: f32, n: f32) -> f32 {
    if x > 0.0 {
        let mut y = x;
        #[unroll]
        for _ in 0..8 {
            y = tanh(y) + n;
        }
        y
    } else {
        x * 0.5
    }
}

#[jit]
pub fn of_64(x: &[f32; 64], n: f32) -> [f32; 64] {
    vmap(pick, in_axes = (0, None))(x, n)
}

#[jit]
pub fn of_128(x: &[f32; 128], n: f32) -> [f32; 128] {
    vmap(pick, in_axes = (0, None))(x, n)
}
