//! A rigid body turned by torques, and how far it is off.

use kiln::prelude::*;

#[jit(inline)]
pub fn spin(q: &[f32; 4], w: &[f32; 3]) -> [f32; 4] {
    let v = q[1..4];
    let turned = q[0] * w + cross(v, w);
    concatenate(([-dot(v, w)], turned))
}

#[jit]
pub fn f(torques: &[[f32; 3]; 50], inertia: &[[f32; 3]; 3], inverse: &[[f32; 3]; 3], goal: &[f32; 4]) -> f32 {
    let mut q = [1.0, 0.0, 0.0, 0.0];
    let mut w = [0.0, 0.0, 0.0];
    for t in torques {
        w = w + 0.01 * matmul(inverse, t - cross(w, matmul(inertia, w)));
        q = q + 0.005 * spin(q, w);
        q = q / sqrt(sum(q * q));
    }
    let off = q - goal;
    sum(off * off) + 0.01 * sum(torques * torques)
}
