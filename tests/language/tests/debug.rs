//! Output, checks and the search for NaN.

mod common;

use common::lines;
use kiln::prelude::*;

#[derive(Clone, Tree)]
struct Gains {
    p: f32,
    k: [f32; 2],
}

#[jit]
const TURNS: usize = 3;

#[jit]
fn shows(g: &Gains, m: &[[i16; 2]; 2], ok: bool) -> f32 {
    let y = g.p * 2.0;
    debug_print!("start");
    debug_print!("y = {y:.2}, m = {}, {:?} of {TURNS} {{}}", m, ok);
    debug_print!("{0:>6.1}|{0:<6.1}|{1:x}", y, 255);
    debug_print!("{} {:?}", g, (g.p, [1.0, 2.0]));
    debug_print!("{m:#04x} {k:e}", k = g.k);
    y
}

#[test]
fn values_show_as_rust_shows_them() {
    let (y, lines) = lines(|| shows(&Gains { p: 1.25, k: [0.5, 100.0] }, &[[1, -2], [3, 4]], true));
    assert_eq!(y, 2.5);
    assert_eq!(
        lines,
        [
            "start",
            "y = 2.50, m = [[1, -2], [3, 4]], true of 3 {}",
            "   2.5|2.5   |ff",
            "Gains { p: 1.25, k: [0.5, 100] } (1.25, [1.0, 2.0])",
            "[[0x01, 0xfffe], [0x03, 0x04]] [5e-1, 1e2]",
        ]
    );
}

#[jit]
fn shows_what_lies_elsewhere(x: &[f32; 6]) -> [[f32; 2]; 3] {
    let y = sqrt(x);
    debug_print!("{}", y);
    debug_print!("{}", y.reshape((2, 3)));
    y.reshape((3, 2))
}

#[test]
fn values_that_share_memory_show_their_own_shapes() {
    let (_, lines) = lines(|| shows_what_lies_elsewhere(&[0.0, 1.0, 4.0, 9.0, 16.0, 25.0]));
    assert_eq!(lines, ["[0, 1, 2, 3, 4, 5]", "[[0, 1, 2], [3, 4, 5]]"]);
}

#[jit]
fn counts(x: &[f32; 3], limit: f32) -> f32 {
    let mut total = 0.0;
    for i in 0..3 {
        if x[i] > limit {
            debug_print!("x[{}] = {}", i, x[i]);
            total += x[i];
        }
    }
    let mut n = 0;
    while n < 2 {
        debug_print!("turn {n}");
        n += 1;
    }
    total
}

#[test]
fn loops_and_branches_print_when_they_run() {
    let (y, lines) = lines(|| counts(&[1.0, 5.0, 7.0], 2.0));
    assert_eq!(y, 12.0);
    assert_eq!(lines, ["x[1] = 5", "x[2] = 7", "turn 0", "turn 1"]);
}

#[jit(inline)]
fn noisy(x: f32) -> f32 {
    if x > 1.0 {
        debug_print!("{x} is large");
    }
    debug_print!("x = {x}");
    x * x
}

#[jit]
fn transformed(x: &[f32; 2]) -> ([f32; 2], f32) {
    (vmap(grad(noisy))(x), grad(noisy)(x[1]))
}

#[test]
fn derivatives_print_once_and_vmap_per_slice() {
    let ((g, h), lines) = lines(|| transformed(&[0.5, 2.0]));
    assert_eq!((g, h), ([1.0, 4.0], 4.0));
    assert_eq!(lines, ["2 is large", "x = 0.5", "x = 2", "2 is large", "x = 2"]);
}

#[jit]
fn root(x: f32) -> Result<f32, kiln::CheckError> {
    check!(x >= 0.0, "cannot take the root of {:.1}, {}", x, "sorry");
    Ok(sqrt(x))
}

#[jit]
fn roots(x: &[f32; 3], n: u32) -> Result<[f32; 3], CheckError> {
    check!(n < 10, "{n} is too large");
    let y = vmap(root)(x)?;
    for i in 0..3 {
        if x[i] > 4.0 {
            check!(x[i] < 100.0, "x[{i}] = {}", x[i]);
        }
    }
    Ok(y)
}

#[test]
fn checks_end_the_kernel_and_name_their_line() {
    assert_eq!(root(4.0), Ok(2.0));
    let line = line!() - 19;
    let e = root(-2.0).unwrap_err();
    assert_eq!((e.line, e.to_string()), (line, format!("line {line}: cannot take the root of -2.0, sorry")));
    assert_eq!(roots(&[1.0, 4.0, 9.0], 3), Ok([1.0, 2.0, 3.0]));
    assert_eq!(roots(&[1.0, 4.0, 9.0], 12).unwrap_err().to_string(), format!("line {}: 12 is too large", line + 6));
    // The first slice that fails.
    let e = roots(&[1.0, -4.0, -9.0], 3).unwrap_err();
    assert_eq!(e.to_string(), format!("line {line}: cannot take the root of -4.0, sorry"));
    // A check under a condition that does not hold is not made.
    let e = roots(&[1.0, 4.0, 900.0], 3).unwrap_err();
    assert_eq!(e.to_string(), format!("line {}: x[2] = 900", line + 10));
}

#[jit]
fn checked_gradient(x: f32) -> Result<(f32, f32), CheckError> {
    let (y, g) = value_and_grad(root)(x)?;
    let (_, t) = jvp(root, (x,), (1.0,))?;
    check!(g == t, "modes differ: {} {}", g, t);
    Ok((y, g))
}

#[test]
fn transformations_see_through_checks() {
    assert_eq!(checked_gradient(4.0), Ok((2.0, 0.25)));
    assert!(checked_gradient(-4.0).is_err());
}

#[jit]
fn guarded(w: &mut [f32; 2], total: &mut f32, x: &[f32; 4]) -> Result<(), CheckError> {
    *w = *w * 2.0;
    for v in x {
        *total += v;
        check!(*total < 10.0, "total is {}", *total);
    }
    Ok(())
}

#[test]
fn a_check_that_fails_leaves_parameters_as_they_were() {
    let (mut w, mut total) = ([1.0, 2.0], 0.0);
    assert!(guarded(&mut w, &mut total, &[1.0, 20.0, 3.0, 4.0]).is_err());
    assert_eq!((w, total), ([1.0, 2.0], 0.0));
    assert_eq!(guarded(&mut w, &mut total, &[1.0, 2.0, 3.0, 3.5]), Ok(()));
    assert_eq!((w, total), ([2.0, 4.0], 9.5));
}

#[derive(Clone, Tree)]
struct Motor;

#[jit]
impl Motor {
    pub fn speed(v: f32, r: f32) -> Result<f32, kiln::CheckError> {
        check!(abs(r) > 0.5);
        Ok(v / r)
    }
}

#[test]
fn methods_are_checked_too() {
    assert_eq!(Motor::speed(1.0, 2.0), Ok(0.5));
    assert!(Motor::speed(1.0, 0.0).unwrap_err().to_string().ends_with("a check does not hold"));
}

#[jit(debug_nans)]
fn searched(x: &[f32; 3]) -> f32 {
    let a = x - 1.0;
    let mut s = 0.0;
    for i in 0..3 {
        let b = log(a[i]);
        s += b;
    }
    s * 2.0
}

#[jit(debug_nans)]
fn searched_with_error(x: f32) -> Result<f32, CheckError> {
    Ok(sqrt(x) + 1.0)
}

#[test]
fn the_first_nan_is_found() {
    let (y, written) = lines(|| searched(&[2.0, 3.0, 4.0]));
    assert!(y.is_finite() && written.is_empty(), "{written:?}");
    let (y, written) = lines(|| searched(&[2.0, 0.5, 0.25]));
    assert!(y.is_nan());
    assert_eq!(written, [format!("line {}: the first NaN is a result of `log`", line!() - 17)]);
    let (_, written) = lines(|| searched(&[2.0, f32::NAN, 0.25]));
    assert_eq!(written, ["NaN came in with `x`"]);
    let e = searched_with_error(-1.0).unwrap_err();
    assert_eq!(e.message, "the first NaN is a result of `sqrt`");
    assert_eq!(searched_with_error(4.0), Ok(3.0));
}

#[jit(unfused)]
fn stepwise(x: &[f32; 4]) -> f32 {
    let doubled = x * 2.0;
    let mut total = 0.0;
    for i in 0..4 {
        let part = exp(doubled[i]);
        total += part;
    }
    let is_large = total > 10.0;
    if is_large { log(total) } else { total }
}

#[jit]
fn fused(x: &[f32; 4]) -> f32 {
    let doubled = x * 2.0;
    let mut total = 0.0;
    for i in 0..4 {
        let part = exp(doubled[i]);
        total += part;
    }
    let is_large = total > 10.0;
    if is_large { log(total) } else { total }
}

#[test]
fn op_by_op_is_the_same_to_the_bit() {
    for x in [[0.1, -0.2, 0.3, 0.4], [1.0, 2.0, 0.0, -3.0]] {
        assert_eq!(stepwise(&x).to_bits(), fused(&x).to_bits());
    }
    const { assert!(stepwise::RAM_BYTES > fused::RAM_BYTES) };
}
