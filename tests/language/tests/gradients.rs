//! `kiln::test::check_grads`: gradients that are right pass, and those that are wrong are found, with their place.
#![no_std]
extern crate std;

use kiln::prelude::*;
use kiln::test::{Tolerance, check_grads};
use kiln_language_tests::layers::Dense;
use std::string::ToString;

/// Nested, generic, with an array of trees and a tuple.
#[derive(Clone, Tree)]
struct Net {
    first: Dense<3, 2>,
    more: [Pair; 2],
    both: ([f32; 2], f32),
}

#[derive(Clone, Tree)]
struct Pair(f32, [[f32; 2]; 2]);

#[jit]
fn loss(n: &Net, x: &[f32; 3]) -> f32 {
    let h = tanh(n.first.apply(x));
    let h = tanh(n.more[0].0 * matmul(n.more[0].1, h));
    let h = tanh(n.more[1].0 * matmul(n.more[1].1, h));
    dot(n.both.0, h) * n.both.1 + n.both.1
}

#[jit]
fn loss_grad(n: &Net, x: &[f32; 3]) -> Net {
    grad(loss)(n, x)
}

const X: [f32; 3] = [0.5, -1.0, 2.0];

fn net() -> Net {
    Net {
        first: Dense { w: [[0.3, -0.2, 0.1], [0.4, 0.1, -0.3]], b: [0.1, -0.1] },
        more: [Pair(0.9, [[0.5, -0.5], [0.2, 0.7]]), Pair(-1.1, [[0.3, 0.8], [-0.6, 0.4]])],
        both: ([1.5, -0.5], 2.0),
    }
}

#[test]
fn right_gradients_pass() {
    assert_eq!(check_grads(|n| loss(n, &X), &loss_grad(&net(), &X), &net(), &Tolerance::F32), Ok(()));
}

#[test]
fn a_wrong_number_is_found_wherever_it_is() {
    let wrong: [(fn(&mut Net) -> &mut f32, &str); 6] = [
        (|n| &mut n.first.w[1][2], ".first.w[1][2]"),
        (|n| &mut n.first.b[0], ".first.b[0]"),
        (|n| &mut n.more[1].0, ".more[1].0"),
        (|n| &mut n.more[0].1[1][0], ".more[0].1[1][0]"),
        (|n| &mut n.both.0[1], ".both.0[1]"),
        (|n| &mut n.both.1, ".both.1"),
    ];
    for (at, path) in wrong {
        for value in [0.1, -0.1, f32::NAN, f32::INFINITY] {
            let mut g = loss_grad(&net(), &X);
            let right = *at(&mut g);
            *at(&mut g) += value;
            let e = check_grads(|n| loss(n, &X), &g, &net(), &Tolerance::F32).unwrap_err();
            assert_eq!(e.path.to_string(), path);
            assert!((e.difference - f64::from(right)).abs() < 1e-3, "{e}");
            assert!(e.gradient as f32 == right + value || value.is_nan(), "{e}");
        }
    }
}

#[jit]
fn volume(x: &[[[f64; 2]; 2]; 2], k: f64) -> f64 {
    k * sum(x * x * x) + exp(k)
}

#[jit]
fn volume_grad(x: &[[[f64; 2]; 2]; 2], k: f64) -> ([[[f64; 2]; 2]; 2], f64) {
    grad(volume, argnums = (0, 1))(x, k)
}

#[derive(Clone, Tree)]
struct Affine<T> {
    w: [T; 2],
    b: T,
}

#[jit]
fn affine(a: &Affine<f64>) -> f64 {
    sin(a.w[0] * a.b) + a.w[1] * a.b
}

#[jit]
fn affine_grad(a: &Affine<f64>) -> Affine<f64> {
    grad(affine)(a)
}

#[test]
fn structs_generic_in_the_type_of_their_numbers() {
    let a = Affine { w: [0.5, 2.0], b: -1.5 };
    let mut g = affine_grad(&a);
    assert_eq!(check_grads(affine, &g, &a, &Tolerance::F64), Ok(()));
    g.b += 1e-3;
    assert_eq!(check_grads(affine, &g, &a, &Tolerance::F64).unwrap_err().path.to_string(), ".b");
}

/// A step of 1e-5 is nothing to an f16: that is an error, not agreement.
#[test]
fn steps_lost_in_rounding_do_not_pass() {
    let (x, flat) = ([f16::from_f32(0.0), f16::from_f32(3.0)], [f16::from_f32(0.0); 2]);
    let constant = |_: &[f16; 2]| 1.0;
    assert_eq!(check_grads(constant, &flat, &x, &Tolerance::F32), Ok(()));
    assert_eq!(check_grads(constant, &flat, &x, &Tolerance::F64).unwrap_err().path.to_string(), "[1]");
}

/// Digits that f32 has not; numbers of very different size; a tuple of arguments.
#[test]
fn in_f64_small_errors_are_found() {
    let x = [[[1.0, 2.0], [0.5, -3.0]], [[4e2, -1.5], [0.0, 0.25]]];
    let check = |g: &_| check_grads(|(x, k)| volume(x, *k), g, &(x, 0.75), &Tolerance::F64);
    let mut g = volume_grad(&x, 0.75);
    assert_eq!(check(&g), Ok(()));
    g.0[1][0][0] *= 1.0 + 1e-4;
    assert_eq!(check(&g).unwrap_err().path.to_string(), ".0[1][0][0]");
}

#[jit]
fn power_of(z: Complex<f32>) -> f32 {
    real(z * z)
}

#[jit]
fn power_of_grad(z: Complex<f32>) -> Complex<f32> {
    grad(power_of)(z)
}

#[test]
fn complex_numbers_have_the_gradient_of_jax() {
    let z = Complex::new(1.0, 2.0);
    let g = power_of_grad(z);
    assert_eq!(g, Complex::new(2.0, 4.0));
    let f = |z: &Complex<f32>| power_of(*z);
    assert_eq!(check_grads(f, &g, &z, &Tolerance::F32), Ok(()));
    let e = check_grads(f, &g.conj(), &z, &Tolerance::F32).unwrap_err();
    assert_eq!((e.path.to_string().as_str(), e.gradient, e.difference.round()), (".im", 4.0, -4.0));
}

#[test]
fn numbers_alone_and_values_that_are_not_finite() {
    let square = |x: &f32| x * x;
    assert_eq!(check_grads(square, &6.0, &3.0, &Tolerance::F32), Ok(()));
    let e = check_grads(square, &5.0, &3.0, &Tolerance::F32).unwrap_err();
    assert_eq!((e.path.to_string().as_str(), e.gradient.round(), e.difference.round()), ("", 5.0, 6.0));
    assert!(e.to_string().starts_with("the derivative by `x` is "));
    assert!(check_grads(|_: &f32| f32::NAN, &0.0, &3.0, &Tolerance::F32).is_err());
    assert!(
        check_grads(|x: &f32| if *x > 3.0 { f32::INFINITY } else { 0.0 }, &f32::INFINITY, &3.0, &Tolerance::F32)
            .is_err()
    );
}

kiln::test::check_grads!(fn net_derivatives(n: &Net, x: &[f32; 3]) -> f32 = loss, order = 2);

/// A curve, of a number that is taken by value, to the third order.
#[jit]
fn curve(x: f64, k: f64) -> f64 {
    tanh(k * x) * exp(-x * x) + log1p(x * x)
}

kiln::test::check_grads!(fn curve_derivatives(x: f64, k: f64) -> f64 = curve, order = 3, modes = (fwd, rev));

// Trees, closures and a single mode.
kiln::test::check_grads!(fn pair_derivatives(p: &([f64; 2], f64)) -> f64 = |p| sum(sin(p.0) * p.1) + p.1 * p.1 * p.1, order = 4, modes = (rev));

/// Of a complex number and integers beside it: the power of a signal behind a filter.
#[jit]
fn filtered(z: &[Complex<f64>; 3], taps: &[i32; 2], n: u8) -> f64 {
    let y = z[1..3] * (taps as f64) + exp(z[0] * 0.5);
    let p = real(y * conj(y));
    sum(p * p) / (n as f64) + imag(z[1] * z[2])
}

kiln::test::check_grads!(fn filtered_derivatives(z: &[Complex<f64>; 3], taps: &[i32; 2]) -> f64 = |z, taps| filtered(z, taps, 2), order = 2);

/// A tree with real and complex leaves.
#[jit]
fn beam(t: &(Complex<f64>, [f64; 2])) -> f64 {
    sum(abs(t.0 * t.1 + 2.0)) + real(t.0 * t.0 * t.0)
}

kiln::test::check_grads!(fn beam_derivatives(t: &(Complex<f64>, [f64; 2])) -> f64 = beam, order = 3);

/// The conjugate of what it should be: found by the directions off the real axis.
#[jit]
#[custom_jvp(mirrored_rule)]
fn mirrored(z: Complex<f64>) -> f64 {
    real(z * z)
}

#[jit]
fn mirrored_rule(z: (Complex<f64>,), dz: (Complex<f64>,)) -> (f64, f64) {
    (mirrored(z.0), real(2.0 * conj(z.0) * dz.0))
}

kiln::test::check_grads!(fn mirrored_derivatives(z: Complex<f64>) -> f64 = mirrored);

#[test]
fn complex_arguments_and_integers_beside_them() {
    let c = Complex::new;
    assert_eq!(filtered_derivatives(&[c(0.3, -0.4), c(1.5, 0.2), c(-0.6, 0.9)], &[2, -1], &Tolerance::F64), Ok(()));
    assert_eq!(beam_derivatives(&(c(0.7, -0.3), [0.5, -1.25]), &Tolerance::F64), Ok(()));
    assert!(mirrored_derivatives(c(0.8, 0.6), &Tolerance::F64).is_err());
}

/// The slope is right; what it is a function of is hidden from the next derivative.
#[jit]
#[custom_jvp(shallow_rule)]
fn shallow(x: f64) -> f64 {
    x * x * x
}

#[jit]
fn shallow_rule(x: (f64,), dx: (f64,)) -> (f64, f64) {
    (shallow(x.0), stop_gradient(3.0 * x.0 * x.0) * dx.0)
}

kiln::test::check_grads!(fn shallow_first(x: f64) -> f64 = shallow);
kiln::test::check_grads!(fn shallow_second(x: f64) -> f64 = shallow, order = 2);

#[test]
fn derivatives_of_any_order_are_held_against_those_below() {
    assert_eq!(net_derivatives(&net(), &X, &Tolerance::F32), Ok(()));
    assert_eq!(curve_derivatives(0.4, 1.5, &Tolerance::F64), Ok(()));
    assert_eq!(pair_derivatives(&([0.3, -0.7], 0.9), &Tolerance::F64), Ok(()));
}

#[test]
fn a_rule_that_is_right_once_is_found_at_the_second_order() {
    assert_eq!(shallow_first(0.8, &Tolerance::F64), Ok(()));
    let e = shallow_second(0.8, &Tolerance::F64).unwrap_err();
    assert_eq!((e.modes, e.derivative), ("fwd, fwd", 0.0));
    assert!(e.difference.abs() > 1.0);
    assert!(e.to_string().starts_with("the derivative by fwd, fwd is 0, and differences of the one below it are "));
}
