//! Plain loops over slices, left to rustc.

use crate::clock::Clock;
use crate::inputs::{fill, flat, particles};

pub fn run(c: &Clock) {
    for n in [64, 512, 5000] {
        c.run(
            "loops",
            &format!("poly_{n}"),
            || (fill(1, n * n, 1.0), vec![0.0; n * n]),
            |(x, y)| y.iter_mut().zip(x.iter()).for_each(|(y, x)| *y = x + x * x + x * x * x),
            |s| vec![s.1.clone()],
        );
    }
    c.run(
        "loops",
        "cumsum_65536",
        || (fill(105, 65536, 1.0), vec![0.0; 65536]),
        |(x, y)| {
            let mut sum = 0.0;
            for (y, x) in y.iter_mut().zip(x.iter()) {
                sum += x;
                *y = sum;
            }
        },
        |s| vec![s.1.clone()],
    );
    c.run(
        "loops",
        "sort_4096",
        || (fill(104, 4096, 1.0), vec![0.0_f32; 4096]),
        |(x, y)| {
            y.copy_from_slice(x);
            y.sort_unstable_by(f32::total_cmp);
        },
        |s| vec![s.1.clone()],
    );
    c.run(
        "loops",
        "lj_forces",
        || (particles(), [[0.0; 3]; 256], 0.0),
        |(x, f, e)| *e = pairs(x, f),
        |s| vec![vec![s.2], flat(&s.1)],
    );
    c.run("loops", "mpc_50x20", || (fill(440, 20, 0.1), vec![0.0; 20]), |(u, out)| plan(u, out), |s| vec![s.1.clone()]);
}

/// Each pair of particles once.
fn pairs(x: &[[f32; 3]; 256], f: &mut [[f32; 3]; 256]) -> f32 {
    *f = [[0.0; 3]; 256];
    let mut energy = 0.0;
    for i in 0..256 {
        let mut own = [0.0; 3];
        for j in i + 1..256 {
            let mut d = [0.0; 3];
            for k in 0..3 {
                let straight = x[i][k] - x[j][k];
                d[k] = straight - 6.84 * (straight / 6.84).round_ties_even();
            }
            let inv2 = 1.0 / (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
            let inv6 = inv2 * inv2 * inv2;
            energy += 4.0 * (inv6 * inv6 - inv6);
            let along = 24.0 * (2.0 * inv6 * inv6 - inv6) * inv2;
            for k in 0..3 {
                own[k] += along * d[k];
                f[j][k] -= along * d[k];
            }
        }
        for k in 0..3 {
            f[i][k] += own[k];
        }
    }
    energy
}

/// Gradient descent with the adjoint written by hand.
fn plan(start: &[f32], u: &mut [f32]) {
    u.copy_from_slice(start);
    for _ in 0..50 {
        let (mut th, mut om) = ([0.3_f32; 21], [0.0_f32; 21]);
        for t in 0..20 {
            om[t + 1] = om[t] + 0.05 * (9.81 * th[t].sin() + u[t]);
            th[t + 1] = th[t] + 0.05 * om[t + 1];
        }
        let (mut to_th, mut to_om) = (0.0, 0.0);
        for t in (0..20).rev() {
            to_th += 2.0 * th[t + 1];
            to_om += 0.2 * om[t + 1] + 0.05 * to_th;
            u[t] -= 0.02 * (0.05 * to_om + 0.002 * u[t]);
            to_th += 0.05 * 9.81 * th[t].cos() * to_om;
        }
    }
}
