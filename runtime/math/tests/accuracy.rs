//! How far the `f32` functions are from exact, in units of the last place, against `libm` in `f64`.
//!
//! `cargo test -p kiln-math --test accuracy -- --nocapture` prints the table.

use kiln_math as k;

/// Distance of `y` from `exact`, in units of the last place of an f32 at `exact`.
fn ulps(y: f32, exact: f64) -> f64 {
    let nearest = exact as f32;
    if y.to_bits() == nearest.to_bits() || (y.is_nan() && exact.is_nan()) {
        return 0.0;
    }
    if y.is_nan() || exact.is_nan() || y.is_infinite() && exact.abs() < f32::MAX as f64 {
        return f64::INFINITY;
    }
    if y == 0.0 && nearest == 0.0 {
        return f64::INFINITY; // the wrong sign
    }
    let exponent = (exact.abs().log2().floor() as i32).clamp(-126, 127);
    // An overflow that should not be, or should, counts from the power of two that infinity stands for.
    let y = if y.is_infinite() { f64::from(y.signum()) * 2f64.powi(128) } else { f64::from(y) };
    let exact = exact.clamp(-(2f64.powi(128)), 2f64.powi(128));
    (y - exact).abs() / 2f64.powi(exponent - 23)
}

/// Bit patterns evenly spread over all of f32, and a dense grid where most arguments lie.
fn samples() -> impl Iterator<Item = f32> {
    let everywhere = (0..=u32::MAX).step_by(12_007).map(f32::from_bits);
    let grid = (-80_000..80_000).map(|i| i as f32 * 1.1e-4);
    let corners = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-45, -1e-45, f32::MIN_POSITIVE, f32::MAX, f32::MIN];
    let special = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    everywhere.chain(grid).chain(corners).chain(special)
}

/// The largest error over `xs`, which must not exceed `bound`.
fn row(name: &str, bound: f64, xs: impl Iterator<Item = f32>, f: fn(f32) -> f32, exact: fn(f64) -> f64) -> bool {
    let (mut worst, mut at, mut n) = (0.0, 0.0, 0);
    for x in xs {
        let e = ulps(f(x), exact(f64::from(x)));
        n += 1;
        if e > worst {
            (worst, at) = (e, x);
        }
    }
    println!("{name:10} {worst:8.3} ulp at {at:<15e} (bound {bound}, {n} arguments)");
    worst <= bound
}

#[test]
fn single_precision_is_as_accurate_as_stated() {
    let mut good = true;
    let mut check = |name, bound, f, exact| good &= row(name, bound, samples(), f, exact);
    check("exp", 1.0, k::exp, libm::exp);
    check("exp2", 1.25, k::exp2, libm::exp2);
    check("expm1", 1.5, k::expm1, libm::expm1);
    check("log", 1.0, k::log, libm::log);
    check("log2", 1.0, k::log2, libm::log2);
    check("log10", 1.0, k::log10, libm::log10);
    check("log1p", 1.5, k::log1p, libm::log1p);
    check("sin", 1.0, k::sin, libm::sin);
    check("cos", 1.0, k::cos, libm::cos);
    check("tan", 1.75, k::tan, libm::tan);
    check("asin", 2.0, k::asin, libm::asin);
    check("acos", 1.5, k::acos, libm::acos);
    check("atan", 1.25, k::atan, libm::atan);
    check("sinh", 1.75, k::sinh, libm::sinh);
    check("cosh", 1.5, k::cosh, libm::cosh);
    check("tanh", 1.5, k::tanh, libm::tanh);
    check("asinh", 2.0, k::asinh, libm::asinh);
    check("acosh", 2.0, k::acosh, k::acosh);
    check("atanh", 2.0, k::atanh, libm::atanh);
    check("logistic", 2.25, k::logistic, |x| 1.0 / (1.0 + libm::exp(-x)));
    check("erf", 1.0, k::erf, libm::erf);
    check("erfc", 4.0, k::erfc, libm::erfc);
    // XLA's formula, which squares its argument: near 1 that loses digits.
    check("erf_inv", 64.0, k::erf_inv, k::erf_inv);
    check("sqrt", 0.5, k::sqrt, libm::sqrt);
    check("rsqrt", 1.5, k::rsqrt, |x| 1.0 / libm::sqrt(x));
    check("cbrt", 1.0, k::cbrt, libm::cbrt);
    check("floor", 0.0, k::floor, libm::floor);
    check("ceil", 0.0, k::ceil, libm::ceil);
    check("trunc", 0.0, k::trunc, libm::trunc);
    check("round", 0.0, k::round, libm::rint);
    let mut positive = |name, bound, f, exact| good &= row(name, bound, samples().filter(|x| *x > 0.0), f, exact);
    positive("lgamma>0", 3.0, k::lgamma, libm::lgamma);
    let mut middle = |name, bound, f, exact| good &= row(name, bound, samples().filter(|x| x.abs() < 0.9), f, exact);
    middle("erf_inv<.9", 4.0, k::erf_inv, k::erf_inv);
    assert!(good, "see the table above");
}

#[test]
fn angles_next_to_multiples_of_a_quarter_turn_keep_their_digits() {
    let next_to = || {
        let small = (1..200_000u32).map(|n| f64::from(n) * std::f64::consts::FRAC_PI_2);
        let large = (0..200_000u32).map(|n| (f64::from(n) * 0.000_4).exp2() * 8192.0 * std::f64::consts::FRAC_PI_2);
        small.chain(large).flat_map(|x| [(x as f32).next_down(), x as f32, (x as f32).next_up()])
    };
    let mut good = true;
    good &= row("sin", 1.0, next_to(), k::sin, libm::sin);
    good &= row("cos", 1.0, next_to(), k::cos, libm::cos);
    good &= row("tan", 1.75, next_to(), k::tan, libm::tan);
    assert!(good, "see the table above");
}

#[test]
fn functions_of_two_arguments() {
    let xs = || samples().step_by(37);
    let (mut pow, mut atan2) = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0));
    for (x, y) in xs().zip(xs().skip(5_000).chain(xs())) {
        for y in [y, x * 0.7, 2.5, -1.0, x.recip(), 0.0] {
            let e = ulps(k::pow(x, y), libm::pow(x.into(), y.into()));
            if e > pow.0 {
                pow = (e, x, y);
            }
            let e = ulps(k::atan2(x, y), libm::atan2(x.into(), y.into()));
            if e > atan2.0 {
                atan2 = (e, x, y);
            }
        }
    }
    println!("pow {pow:?}, atan2 {atan2:?}: ulp, arguments");
    assert!(pow.0 <= 1.0 && atan2.0 <= 1.75);
}

#[test]
fn gamma_and_its_derivative_have_absolute_accuracy_around_their_roots() {
    let mut good = true;
    for (name, bound, f, exact) in [
        ("lgamma", 2e-6, k::lgamma as fn(f32) -> f32, libm::lgamma as fn(f64) -> f64),
        ("digamma", 2e-6, k::digamma, k::digamma),
    ] {
        let (mut worst, mut at) = (0.0, 0.0);
        for x in (-50_000..200_000).map(|i| i as f32 * 1.3e-4 + 3e-5) {
            // Next to a pole the argument's own last place moves the result by more.
            let pole = (f64::from(x) - f64::from(x).round()).abs();
            let exact = exact(x.into());
            let e = (f64::from(f(x)) - exact).abs() / exact.abs().max(1.0) * if x < 0.0 { pole.min(1.0) } else { 1.0 };
            if e > worst {
                (worst, at) = (e, x);
            }
        }
        println!("{name:10} {worst:e} at {at}");
        good &= worst <= bound;
    }
    assert!(good);
}
