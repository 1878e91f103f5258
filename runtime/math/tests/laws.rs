//! Corner cases: zeros, infinities, NaN, the limits of integers, and the order of sums.

use kiln_math as k;

/// Equal bits, or both NaN.
fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;
const TINY: f32 = 1e-45;

#[test]
fn maxima_and_minima_propagate_nan_and_order_zeros() {
    for (x, y, max, min) in [
        (1.0, 2.0, 2.0, 1.0),
        (0.0, -0.0, 0.0, -0.0),
        (-0.0, -0.0, -0.0, -0.0),
        (NAN, 1.0, NAN, NAN),
        (-INF, TINY, TINY, -INF),
    ] {
        for (x, y) in [(x, y), (y, x)] {
            assert!(same(k::max(x, y), max) && same(k::min(x, y), min), "{x} {y}");
            assert!(k::max(f64::from(x), f64::from(y)).to_bits() == f64::from(max).to_bits() || max.is_nan());
        }
    }
    assert_eq!((k::max(-3_i8, 2), k::min(3_u64, 2)), (2, 2));
    assert_eq!([-2, 5, 11].map(|x| k::clamp(0, x, 9)), [0, 5, 9]);
    assert!(same(k::clamp(0.0, NAN, 9.0), NAN));
}

#[test]
fn signs_and_magnitudes() {
    for (x, sign) in [(-3.0, -1.0), (-TINY, -1.0), (-0.0, -0.0), (0.0, 0.0), (INF, 1.0), (NAN, NAN)] {
        assert!(same(k::sign(x), sign), "{x}");
        assert!(same(k::abs(x), x.abs()), "{x}");
    }
    assert_eq!((k::sign(-9_i32), k::sign(7_u8), k::sign(0_i64)), (-1, 1, 0));
    assert_eq!((k::abs(i16::MIN), k::abs(-5_i16), k::abs(5_u16)), (i16::MIN, 5, 5));
}

#[test]
fn integer_division_is_that_of_lax() {
    assert_eq!((k::div(7, 0), k::div(7_u8, 0), k::div(i32::MIN, -1), k::div(-7, 2)), (-1, 255, i32::MIN, -3));
    assert_eq!((k::rem(7, 0), k::rem(7_u8, 0), k::rem(i32::MIN, -1), k::rem(-7, 2)), (7, 7, 0, -1));
    assert!(same(k::rem(-5.5, 2.0), -1.5) && same(k::rem(1.0, 0.0), NAN) && same(k::div(1.0, -0.0), -INF));
}

#[test]
fn shifts_by_too_much_leave_nothing_but_signs() {
    assert_eq!((k::shift_left(1_u8, 7), k::shift_left(1_u8, 8), k::shift_left(1, -1)), (128, 0, 0));
    assert_eq!((k::shift_right_logical(-1_i8, 1), k::shift_right_logical(-1_i8, 8)), (127, 0));
    assert_eq!((k::shift_right_arithmetic(-8, 2), k::shift_right_arithmetic(-8, 99)), (-2, -1));
    assert_eq!((k::shift_right_arithmetic(0x80_u8, 1), k::shift_right_arithmetic(64_i8, -1)), (0xc0, 0));
    assert_eq!((k::population_count(-1_i64), k::clz(1_u16), k::clz(0_i8)), (64, 15, 8));
}

#[test]
fn integer_powers_multiply_in_the_stated_order() {
    let x = 1.1_f32;
    let (x2, x4) = (x * x, (x * x) * (x * x));
    assert_eq!(k::integer_pow(x, 7).to_bits(), ((x * x2) * x4).to_bits());
    assert_eq!(k::integer_pow(x, -6).to_bits(), (1.0 / (x2 * x4)).to_bits());
    assert!(same(k::integer_pow(NAN, 0), 1.0) && same(k::integer_pow(-0.0, -1), -INF));
    assert_eq!((k::integer_pow(3_u8, 6), k::integer_pow(-2_i32, 31), k::integer_pow(2, -1)), (217, i32::MIN, 0));
    assert_eq!(k::integer_pow(-1.0_f64, i32::MIN), 1.0);
}

#[test]
fn neighbours() {
    for (x, y, next) in [
        (0.0, 1.0, TINY),
        (0.0, -1.0, -TINY),
        (1.0, INF, 1.0 + f32::EPSILON),
        (f32::MAX, INF, INF),
        (0.0, -0.0, -0.0),
        (NAN, 1.0, NAN),
        (1.0, NAN, NAN),
    ] {
        assert!(same(k::nextafter(x, y), next), "{x} {y}");
    }
}

/// A function of one argument, an argument, and the result bit for bit.
type Case = (fn(f32) -> f32, f32, f32);

#[test]
fn elementary_functions_at_the_ends_of_their_domains() {
    let cases: &[Case] = &[
        (k::exp, -INF, 0.0),
        (k::exp, INF, INF),
        (k::exp, 88.722_84, INF),
        (k::exp, -104.0, 0.0),
        (k::exp, -103.5, TINY),
        (k::exp2, -149.0, TINY),
        (k::exp2, 127.0, 1.701_411_8e38),
        (k::exp2, 128.0, INF),
        (k::expm1, -INF, -1.0),
        (k::expm1, -0.0, -0.0),
        (k::expm1, TINY, TINY),
        (k::log, 0.0, -INF),
        (k::log, -0.0, -INF),
        (k::log, -1.0, NAN),
        (k::log, INF, INF),
        (k::log, 1.0, 0.0),
        (k::log2, TINY, -149.0),
        (k::log2, 8.0, 3.0),
        (k::log10, 1000.0, 3.0),
        (k::log1p, -1.0, -INF),
        (k::log1p, -1.5, NAN),
        (k::log1p, -0.0, -0.0),
        (k::sin, -0.0, -0.0),
        (k::sin, INF, NAN),
        (k::cos, -INF, NAN),
        (k::cos, 0.0, 1.0),
        (k::tan, -0.0, -0.0),
        (k::asin, 1.000_000_1, NAN),
        (k::asin, -0.0, -0.0),
        (k::acos, -1.000_000_1, NAN),
        (k::acos, 1.0, 0.0),
        (k::atan, -INF, -std::f32::consts::FRAC_PI_2),
        (k::sinh, -INF, -INF),
        (k::cosh, -INF, INF),
        (k::tanh, -0.0, -0.0),
        (k::tanh, 30.0, 1.0),
        (k::tanh, -INF, -1.0),
        (k::asinh, -INF, -INF),
        (k::acosh, 1.0, 0.0),
        (k::acosh, -5.0, NAN),
        (k::atanh, 1.0, INF),
        (k::atanh, -1.5, NAN),
        (k::logistic, -INF, 0.0),
        (k::logistic, INF, 1.0),
        (k::logistic, 0.0, 0.5),
        (k::erf, -INF, -1.0),
        (k::erfc, INF, 0.0),
        (k::erf_inv, 1.0, INF),
        (k::erf_inv, -1.0, -INF),
        (k::erf_inv, 1.5, NAN),
        (k::lgamma, 0.0, INF),
        (k::lgamma, -3.0, INF),
        (k::lgamma, -INF, INF),
        (k::lgamma, 1.0, 0.0),
        (k::lgamma, 2.0, 0.0),
        (k::digamma, 0.0, NAN),
        (k::digamma, -2.0, NAN),
        (k::digamma, INF, INF),
        (k::sqrt, -0.0, -0.0),
        (k::sqrt, -1.0, NAN),
        (k::sqrt, 2.0 * TINY, 5.293_956e-23),
        (k::rsqrt, 0.0, INF),
        (k::rsqrt, INF, 0.0),
        (k::cbrt, -27.0, -3.0),
        (k::cbrt, -0.0, -0.0),
        (k::cbrt, -INF, -INF),
        (k::floor, -0.0, -0.0),
        (k::floor, -0.1, -1.0),
        (k::ceil, -0.1, -0.0),
        (k::trunc, -8_388_607.5, -8_388_607.0),
        (k::round, 2.5, 2.0),
        (k::round, -3.5, -4.0),
        (k::round, 0.499_999_97, 0.0),
        (k::round, INF, INF),
    ];
    for (n, (f, x, y)) in cases.iter().enumerate() {
        assert!(same(f(*x), *y), "row {n}: {x} gives {} instead of {y}", f(*x));
        assert!(f(NAN).is_nan(), "row {n}");
    }
}

#[test]
fn the_quadrants_of_atan2() {
    use std::f32::consts::{FRAC_PI_2, FRAC_PI_4, PI};
    for (y, x, angle) in [
        (0.0, 1.0, 0.0),
        (-0.0, 1.0, -0.0),
        (0.0, -0.0, PI),
        (-0.0, -1.0, -PI),
        (1.0, 0.0, FRAC_PI_2),
        (INF, INF, FRAC_PI_4),
        (-INF, -INF, -3.0 * FRAC_PI_4),
        (1.0, -INF, PI),
        (NAN, 1.0, NAN),
        (1.0, NAN, NAN),
    ] {
        assert!(same(k::atan2(y, x), angle), "{y} {x}: {} instead of {angle}", k::atan2(y, x));
    }
}

#[test]
fn powers_follow_ieee_754() {
    for (x, y, p) in [
        (NAN, 0.0, 1.0),
        (1.0, NAN, 1.0),
        (-2.0, 3.0, -8.0),
        (-2.0, 0.5, NAN),
        (-0.0, -3.0, -INF),
        (0.0, -2.0, INF),
        (-INF, 2.0, INF),
        (2.0, -149.0, TINY),
    ] {
        assert!(same(k::pow(x, y), p), "{x} {y}: {}", k::pow(x, y));
    }
}

#[test]
fn inverse_and_function_in_double_precision() {
    for i in 1..2000 {
        let y = f64::from(i) / 2000.0;
        assert!((k::erf(k::erf_inv(y)) - y).abs() <= 4e-16, "{y}");
        // digamma(x + 1) = digamma(x) + 1 / x
        let x = f64::from(i) * 0.01 - 9.995;
        let (a, b) = (k::digamma(x + 1.0), k::digamma(x) + 1.0 / x);
        assert!((a - b).abs() <= 2e-12 * (1.0 + a.abs() + 1.0 / x.abs()), "{x}: {a} {b}");
    }
    let next_to_one = 1.0_f64.next_down();
    assert!((k::erfc(k::erf_inv(next_to_one)) / (1.0 - next_to_one) - 1.0).abs() < 1e-12);
    assert!((k::digamma(1.0_f64) + 0.577_215_664_901_532_9).abs() < 1e-15);
    assert_eq!(k::erf_inv(-1.0_f64), f64::NEG_INFINITY);
    assert!((k::erf_inv(1e-300_f64) / 8.862_269_254_527_58e-301 - 1.0).abs() < 4e-16);
}

#[test]
fn sums_have_sixteen_lanes_and_a_tree() {
    // Text shows the order: a fold of strings.
    let letters: Vec<&str> = "a b c d e f g h i j k l m n o p q r s".split(' ').collect();
    let arena = std::cell::RefCell::new(letters.iter().map(|s| s.to_string()).collect::<Vec<_>>());
    let order = |n: usize| {
        let ids: Vec<usize> = (0..n).collect();
        let last = k::lanes_reduce(&ids, |a, b| {
            let mut arena = arena.borrow_mut();
            let text = format!("({}{})", arena[a], arena[b]);
            arena.push(text);
            arena.len() - 1
        });
        arena.borrow()[last].clone()
    };
    assert_eq!(order(1), "a");
    assert_eq!(order(3), "((ac)b)");
    assert_eq!(order(9), "((((ai)e)(cg))((bf)(dh)))");
    assert_eq!(order(18), "(((((aq)i)(em))((ck)(go)))((((br)j)(fn))((dl)(hp))))");
}
