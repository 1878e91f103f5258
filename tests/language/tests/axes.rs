//! Named axes, linear maps backwards, associative scans.
#![no_std]

use kiln::prelude::*;

#[jit(inline)]
fn centred(x: f32, w: [f32; 2]) -> (f32, [f32; 2], f32) {
    let rank = axis_index("batch") as f32 / axis_size("batch") as f32;
    (x - pmean(x, "batch"), psum(w, "batch"), pmax(x, "batch") - pmin(x, axis_name = "batch") + rank)
}

#[jit]
fn statistics(x: &[f32; 4], w: &[[f32; 2]; 4]) -> ([f32; 4], [[f32; 2]; 4], [f32; 4]) {
    vmap(centred, axis_name = "batch")(x, w)
}

#[test]
fn slices_see_each_other() {
    let (c, s, r) = statistics(&[1.0, 2.0, 3.0, 6.0], &[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]);
    assert_eq!((c, s), ([-2.0, -1.0, 0.0, 3.0], [[16.0, 20.0]; 4]));
    assert_eq!(r, [5.0, 5.25, 5.5, 5.75]);
}

#[jit(inline)]
fn normalised(x: f32) -> f32 {
    x / psum(x * x, "i")
}

#[jit(inline)]
fn total(x: [f32; 3]) -> f32 {
    let y = vmap(normalised, axis_name = "i")(x);
    y[0] + 2.0 * y[1] - y[2]
}

/// The same without named axes.
#[jit(inline)]
fn plain(x: [f32; 3]) -> f32 {
    let y = x / sum(x * x);
    y[0] + 2.0 * y[1] - y[2]
}

#[jit(inline)]
fn squares(x: f32) -> f32 {
    psum(x * x, "i") * x
}

#[jit]
fn derivatives(x: &[f32; 3]) -> ([f32; 3], [f32; 3], [[f32; 3]; 3], [[f32; 3]; 3], [f32; 3]) {
    let inside = vmap(|v| grad(squares)(v), axis_name = "i")(x);
    (grad(total)(x), grad(plain)(x), hessian(total)(x), hessian(plain)(x), inside)
}

#[test]
fn derivatives_go_through_named_axes() {
    let x = [0.5, -1.0, 2.0];
    let (g, h, gg, hh, inside) = derivatives(&x);
    for k in 0..3 {
        assert!((g[k] - h[k]).abs() < 1e-6, "{g:?} {h:?}");
        for j in 0..3 {
            assert!((gg[k][j] - hh[k][j]).abs() < 1e-5, "{gg:?} {hh:?}");
        }
        // As in JAX, the gradient of each slice is that of the sum over all slices.
        let (sum, squares) = (x[0] + x[1] + x[2], x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
        assert!((inside[k] - (2.0 * x[k] * sum + squares)).abs() < 1e-5, "{inside:?}");
    }
}

#[jit(inline)]
fn cell(a: f32, b: f32) -> f32 {
    let mut s = 0.0;
    for k in 0..3 {
        if a > 0.0 {
            s += psum(a * b, "rows") * (k as f32);
        } else {
            s += pmean(b, "columns");
        }
    }
    s + all_gather(b, "columns")[1]
}

#[jit]
fn nested(a: &[f32; 2], b: &[f32; 3]) -> [[f32; 3]; 2] {
    let row = |a: f32| vmap(|b| cell(a, b), axis_name = "columns")(b);
    vmap(row, axis_name = "rows")(a)
}

#[test]
fn axes_nest_and_reach_into_loops_and_branches() {
    let (a, b) = ([2.0, -1.0], [1.0, 2.0, 6.0]);
    let expected = |i: usize, j: usize| {
        let own = if a[i] > 0.0 { 3.0 * (a[0] + a[1]) * b[j] } else { 9.0 };
        own + b[1]
    };
    let y = nested(&a, &b);
    for i in 0..2 {
        for j in 0..3 {
            assert_eq!(y[i][j], expected(i, j), "{y:?}");
        }
    }
}

#[jit]
fn backwards(ct: &[f32; 2], w: &[[f32; 3]; 2]) -> [f32; 3] {
    let (x,) = linear_transpose(|v| matmul(w, v), [0.0; 3])(ct);
    x
}

#[jit]
fn prefixes(x: &[f32; 4], m: &[[[f32; 2]; 2]; 3]) -> ([f32; 4], [f32; 4], [[[f32; 2]; 2]; 3], [[f32; 4]; 2]) {
    (
        associative_scan(|a, b| a * b, x),
        associative_scan(add, x, reverse = true),
        associative_scan(|a, b| matmul(b, a), m),
        associative_scan(vmap(maximum), [x, -x], axis = 1),
    )
}

#[test]
fn linear_maps_run_backwards_and_prefixes_are_combined() {
    assert_eq!(backwards(&[1.0, 10.0], &[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), [41.0, 52.0, 63.0]);
    let m = [[[1.0, 1.0], [0.0, 1.0]], [[1.0, 0.0], [2.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]];
    let (products, sums, matrices, tops) = prefixes(&[1.0, 3.0, 2.0, -1.0], &m);
    assert_eq!((products, sums), ([1.0, 3.0, 6.0, -6.0], [5.0, 4.0, 1.0, -1.0]));
    assert_eq!(matrices, [m[0], [[1.0, 1.0], [2.0, 3.0]], [[2.0, 3.0], [1.0, 1.0]]]);
    assert_eq!(tops, [[1.0, 3.0, 3.0, 3.0], [-1.0, -1.0, -1.0, 1.0]]);
}
