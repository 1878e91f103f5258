//! Jacobians of trees, checkpoints along loops, loops in runs, `tree::`.
#![no_std]

use kiln::prelude::*;

#[derive(Clone, Debug, Tree)]
pub struct State {
    pub p: [f32; 2],
    pub v: f32,
}

#[jit(inline)]
fn motion(s: State, dt: f32) -> ([f32; 2], f32) {
    (s.p + dt * s.v * s.p * s.p, s.v * dt)
}

/// Outside the structure of the result, inside that of the arguments.
#[jit]
fn jacobians(s: &State, dt: f32) -> ([[f32; 2]; 2], [f32; 2], [f32; 2], f32, [f32; 2], f32) {
    let forward = jacfwd(motion, argnums = (0, 1))(s, dt);
    let reverse = jacrev(motion, argnums = (1, 0))(s, dt);
    let (of_p, of_v) = forward;
    let (by_s, by_dt) = of_p;
    (by_s.p, by_s.v, by_dt, of_v.1, reverse.1.1.p, reverse.1.1.v)
}

#[test]
fn jacobians_are_trees_of_trees() {
    let s = State { p: [2.0, 3.0], v: 5.0 };
    let (pp, pv, pt, vt, vp, vv) = jacobians(&s, 0.5);
    assert_eq!(pp, [[1.0 + 0.5 * 5.0 * 2.0 * 2.0, 0.0], [0.0, 1.0 + 0.5 * 5.0 * 2.0 * 3.0]]);
    assert_eq!((pv, pt, vt), ([2.0, 4.5], [20.0, 45.0], 5.0));
    assert_eq!((vp, vv), ([0.0, 0.0], 0.5));
}

#[jit(inline)]
fn energy(x: [f32; 2], k: f32) -> (f32, f32) {
    (k * sum(x * x * x), k + 1.0)
}

#[jit]
fn curvature(x: &[f32; 2], k: f32) -> ([[f32; 2]; 2], f32, [f32; 2], f32) {
    let (h, aux) = hessian(energy, has_aux = true)(x, k);
    let (hv, of_k) = hvp(|x, k| energy(x, k).0, argnums = (0, 1))(x, k, ([1.0, 0.0], 1.0));
    (h, aux, hv, of_k)
}

#[test]
fn second_derivatives_with_auxiliary_results() {
    let (h, aux, hv, of_k) = curvature(&[1.0, 2.0], 2.0);
    assert_eq!((h, aux), ([[12.0, 0.0], [0.0, 24.0]], 3.0));
    // d/dx: 6 k x v + 3 x^2 dk; d/dk: 3 x^2 v.
    assert_eq!((hv, of_k), ([12.0 + 3.0, 12.0], 3.0));
}

#[jit(inline)]
fn settle(w: f32, x: [f32; 10]) -> f32 {
    let mut h = 0.0;
    let mut seen = [0.0; 10];
    for i in 0..10 {
        h = tanh(w * h + x[i]);
        seen[i] = h * h;
    }
    h + sum(seen)
}

#[jit(inline)]
fn settle_in_runs(w: f32, x: [f32; 10]) -> f32 {
    let mut h = 0.0;
    let mut seen = [0.0; 10];
    #[checkpoint(every = 4)]
    for i in 0..10 {
        h = tanh(w * h + x[i]);
        seen[i] = h * h;
    }
    h + sum(seen)
}

#[jit(inline)]
fn settle_unrolled(w: f32, x: [f32; 10]) -> f32 {
    let mut h = 0.0;
    let mut seen = [0.0; 10];
    #[unroll(3)]
    for i in 0..10 {
        h = tanh(w * h + x[i]);
        seen[i] = h * h;
    }
    h + sum(seen)
}

#[jit]
fn all_kept(w: f32, x: &[f32; 10]) -> (f32, f32, [f32; 10]) {
    let (y, g) = value_and_grad(settle, argnums = (0, 1))(w, x);
    (y, g.0, g.1)
}

#[jit]
fn some_kept(w: f32, x: &[f32; 10]) -> (f32, f32, [f32; 10]) {
    let (y, g) = value_and_grad(settle_in_runs, argnums = (0, 1))(w, x);
    (y, g.0, g.1)
}

#[jit]
fn in_threes(w: f32, x: &[f32; 10]) -> (f32, f32, [f32; 10]) {
    let (y, g) = value_and_grad(settle_unrolled, argnums = (0, 1))(w, x);
    (y, g.0, g.1)
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1e-5 * a.abs().max(1.0)
}

#[test]
fn runs_change_memory_and_not_the_result() {
    let x = [0.1, -0.4, 0.3, 0.9, -0.2, 0.5, 0.8, -0.7, 0.2, 0.6];
    let all = all_kept(0.7, &x);
    for other in [some_kept(0.7, &x), in_threes(0.7, &x)] {
        assert_eq!(all.0.to_bits(), other.0.to_bits());
        assert!(near(all.1, other.1) && all.2.iter().zip(other.2).all(|(a, b)| near(*a, b)));
    }
}

#[jit]
const STEPS: usize = 400;

#[jit(inline)]
fn long(w: f32, x: [f32; 16]) -> f32 {
    let mut h = x;
    for i in 0..STEPS {
        h = tanh(w * h + x);
    }
    sum(h)
}

#[jit(inline)]
fn long_in_runs(w: f32, x: [f32; 16]) -> f32 {
    let mut h = x;
    #[checkpoint]
    for i in 0..STEPS {
        h = tanh(w * h + x);
    }
    sum(h)
}

#[jit]
fn slope(w: f32, x: &[f32; 16]) -> f32 {
    grad(long)(w, x)
}

#[jit]
fn slope_in_runs(w: f32, x: &[f32; 16]) -> f32 {
    grad(long_in_runs)(w, x)
}

/// The loop keeps `STEPS` states, or about twice the square root of that many.
#[test]
fn checkpoints_bound_the_memory() {
    let state = 16 * size_of::<f32>();
    assert!(slope::RAM_BYTES >= STEPS * state, "{}", slope::RAM_BYTES);
    assert!(slope_in_runs::RAM_BYTES <= 2 * 2 * 20 * state + 4 * state, "{}", slope_in_runs::RAM_BYTES);
    assert!(slope_in_runs::FLOPS < 2 * slope::FLOPS);
    let x = [0.3; 16];
    assert!(near(slope(0.5, &x), slope_in_runs(0.5, &x)));
}

#[jit]
fn scans(x: &[f32; 5]) -> (f32, [f32; 5], f32, [f32; 5], [f32; 5]) {
    let step = |c, x| (c * 2.0 + x, c);
    let (a, ys) = scan(step, 0.0, x, reverse = true);
    let (b, zs) = scan(step, 0.0, x, reverse = true, unroll = 2);
    (a, ys, b, zs, map(|v| v * v, x, batch_size = 2))
}

#[test]
fn scans_run_backwards_and_in_runs() {
    let (a, ys, b, zs, squares) = scans(&[1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!((a, ys), (1.0 + 2.0 * 2.0 + 4.0 * 3.0 + 8.0 * 4.0 + 16.0 * 5.0, [64.0, 31.0, 14.0, 5.0, 0.0]));
    assert_eq!((b, zs), (a, ys));
    assert_eq!(squares, [1.0, 4.0, 9.0, 16.0, 25.0]);
}

#[jit]
fn turns(n: i32, x: f32) -> (f32, f32) {
    let power = |n, x| fori_loop(0, n, |_, c| c * x, 1.0);
    (power(n, x), jvp(|x| power(n, x), (x,), (1.0,)).1)
}

#[test]
fn a_loop_may_learn_its_end_at_run_time() {
    assert_eq!(turns(5, 2.0), (32.0, 80.0));
    assert_eq!(turns(-3, 2.0), (1.0, 0.0));
}

#[jit]
fn taken_apart(s: &State, a: f32) -> (State, f32, ([f32; 2], f32)) {
    let leaves = tree::leaves(s);
    let double = tree::map(|x| x * 2.0, s);
    let total = tree::reduce(|t, x| t + sum(x), s, a);
    (tree::unflatten(tree::structure(s), (double.p, leaves[1] + a)), total, (leaves[0], leaves[1]))
}

#[test]
fn trees_come_apart_and_together() {
    let (s, total, (p, v)) = taken_apart(&State { p: [1.0, 2.0], v: 4.0 }, 10.0);
    assert_eq!((s.p, s.v, total, p, v), ([2.0, 4.0], 14.0, 17.0, [1.0, 2.0], 4.0));
}

/// Newton's steps are not differentiated: the equation is.
#[jit(inline)]
fn root(a: f32) -> f32 {
    let newton = |f, x0| {
        let mut x = x0;
        for _ in 0..20 {
            let (y, push) = linearize(f, x);
            x = x - y / push(1.0);
        }
        x
    };
    custom_root(|x| x * x - a, 1.0, newton, |g, y| y / g(1.0))
}

#[jit]
fn roots(a: f32, b: &[f32; 2]) -> (f32, f32, f32, f32, [f32; 2]) {
    (root(a), grad(root)(a), grad(grad(root))(a), jvp(root, (a,), (1.0,)).1, vmap(grad(root))(b))
}

#[test]
fn roots_are_differentiated_by_their_equation() {
    assert_eq!(roots(4.0, &[4.0, 16.0]), (2.0, 0.25, -1.0 / 32.0, 0.25, [0.25, 0.125]));
}

#[jit(inline)]
fn solved(a: [[f32; 2]; 2], b: [f32; 2]) -> [f32; 2] {
    let richardson = |f, b| {
        let mut x = b * 0.0;
        while max(abs(b - f(x))) > 1e-6 {
            x = x + 0.25 * (b - f(x));
        }
        x
    };
    custom_linear_solve(|x| matmul(a, x), b, richardson, transpose_solve = richardson)
}

#[jit]
fn systems(a: &[[f32; 2]; 2], b: &[f32; 2]) -> ([f32; 2], [[f32; 2]; 2], [f32; 2], [[f32; 2]; 2]) {
    let (ga, gb) = grad(|a, b| sum(solved(a, b) * b), argnums = (0, 1))(a, b);
    (solved(*a, *b), ga, gb, vmap(solved, in_axes = (None, 0))(a, [*b, *b * 2.0]))
}

/// x = A^-1 b; the gradient of x.b by b is x + A^-T b, by A it is -(A^-T b) x^T.
#[test]
fn systems_are_differentiated_by_another_system() {
    let (a, b) = ([[2.0, 1.0], [0.5, 3.0]], [1.0, 2.0]);
    let inverse = |a: [[f32; 2]; 2], b: [f32; 2]| {
        let det = a[0][0] * a[1][1] - a[0][1] * a[1][0];
        [(a[1][1] * b[0] - a[0][1] * b[1]) / det, (a[0][0] * b[1] - a[1][0] * b[0]) / det]
    };
    let x = inverse(a, b);
    let y = inverse([[2.0, 0.5], [1.0, 3.0]], b);
    let (found, ga, gb, both) = systems(&a, &b);
    for i in 0..2 {
        assert!(near(found[i], x[i]) && near(both[0][i], x[i]) && near(both[1][i], 2.0 * x[i]));
        assert!(near(gb[i], x[i] + y[i]), "{gb:?}");
        assert!((0..2).all(|j| near(ga[i][j], -y[i] * x[j])), "{ga:?}");
    }
}

/// x = 0.5 cos(k x), found by a loop that nothing bounds.
#[jit]
#[custom_vjp(settled_forward, settled_back)]
fn settled(k: f32) -> f32 {
    let (mut x, mut step) = (0.0, 1.0);
    while step > 1e-7 {
        let next = 0.5 * cos(k * x);
        step = abs(next - x);
        x = next;
    }
    x
}

#[jit(inline)]
fn settled_forward(k: f32) -> (f32, (f32, f32)) {
    let x = settled(k);
    (x, (k, x))
}

#[jit(inline)]
fn settled_back((k, x): (f32, f32), ct: f32) -> (f32,) {
    let s = -0.5 * sin(k * x);
    (ct * s * x / (1.0 - s * k),)
}

#[jit]
fn settled_slope(k: f32) -> (f32, f32) {
    value_and_grad(settled)(k)
}

#[test]
fn a_pullback_is_taken_where_the_function_has_none() {
    let (x, slope) = settled_slope(1.5);
    assert!(near(x, 0.5 * (1.5 * x).cos()));
    assert!((slope - (settled(1.51) - settled(1.49)) / 0.02).abs() < 1e-3, "{slope}");
}
