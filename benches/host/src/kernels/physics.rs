//! Molecular dynamics, control, filtering.

use kiln::prelude::*;

#[jit]
const BOX: f32 = 6.84;

/// The Lennard-Jones energy of 256 particles in a periodic box.
#[jit(inline)]
fn energy(x: &[[f32; 3]; 256]) -> f32 {
    let own = eye(256);
    let d = x.reshape((256, 1, 3)) - x.reshape((1, 256, 3));
    let d = d - BOX * round(d / BOX);
    let r2 = sum(d * d, axis = 2) + own;
    let inv2 = 1.0 / r2;
    let inv6 = inv2 * inv2 * inv2;
    2.0 * sum((inv6 * inv6 - inv6) * (1.0 - own))
}

/// Energy and forces.
#[jit]
pub fn forces(x: &[[f32; 3]; 256]) -> (f32, [[f32; 3]; 256]) {
    let (e, g) = value_and_grad(energy)(x);
    (e, -g)
}

/// A step of velocity Verlet.
#[jit]
pub fn verlet(x: &mut [[f32; 3]; 256], v: &mut [[f32; 3]; 256], f: &mut [[f32; 3]; 256]) {
    let half = *v + 0.0025 * *f;
    *x = *x + 0.005 * half;
    *f = -grad(energy)(x);
    *v = half + 0.0025 * *f;
}

/// What driving a pendulum costs, over twenty steps.
#[jit(inline)]
fn cost(u: &[f32; 20]) -> f32 {
    let (mut th, mut om, mut c) = (0.3, 0.0, 0.0);
    for t in 0..20 {
        om = om + 0.05 * (9.81 * sin(th) + u[t]);
        th = th + 0.05 * om;
        c = c + th * th + 0.1 * om * om + 0.001 * u[t] * u[t];
    }
    c
}

/// Fifty steps of gradient descent on a plan.
#[jit]
pub fn mpc(u: &[f32; 20]) -> [f32; 20] {
    let mut u = *u;
    for _ in 0..50 {
        u = u - 0.02 * grad(cost)(u);
    }
    u
}
