//! The gamma function's logarithm and its derivative.

use super::log::log;
use super::round::floor;
use super::trig::{sin, tan};

const PI: f32 = core::f32::consts::PI;

/// Reflected below 0: `|gamma(x) gamma(1 - x)| = pi / |sin(pi x)|`.
pub fn lgamma(x: f32) -> f32 {
    if x > 0.0 || x.is_nan() {
        return of_positive(x);
    }
    let fraction = x - floor(x);
    if fraction == 0.0 || x == f32::NEG_INFINITY {
        return f32::INFINITY;
    }
    // The sine of so small an angle is the angle, and the product with x would underflow.
    if x > -1e-10 {
        return -log(-x);
    }
    log(PI / (sin(PI * fraction) * -x)) - of_positive(-x)
}

/// The functional equation moves the argument into `[5/4, 5/2)`, where `(x - 1)(x - 2)` times a polynomial does
/// (minimax, `coefficients.py`); from 8 on Stirling's series (Abramowitz and Stegun 6.1.41).
fn of_positive(x: f32) -> f32 {
    if x < 1.25 {
        if x < 0.5 {
            return around_two(x) - log(x * (1.0 + x)); // two steps
        }
        return around_two(x - 1.0) - log(x);
    }
    if x < 8.0 {
        let mut y = x;
        let mut product = 1.0;
        while y >= 2.5 {
            y -= 1.0;
            product *= y;
        }
        return log(product) + around_two(y - 2.0);
    }
    const HALF_LOG_TWO_PI_LESS_HALF: f32 = 0.418_938_53;
    let r = 1.0 / x;
    let z = r * r;
    let tail = r * (0.083_333_336 - z * (0.002_777_777_8 - z * 0.000_793_650_8));
    (x - 0.5) * (log(x) - 1.0) + (HALF_LOG_TWO_PI_LESS_HALF + tail)
}

/// `lgamma(2 + v)` for `-3/4 <= v <= 1/2`.
fn around_two(v: f32) -> f32 {
    let p = 0.000_102_763_035;
    let p = -6.966_641e-5 + p * v;
    let p = 0.000_144_014_3 + p * v;
    let p = -0.000_418_142_76 + p * v;
    let p = 0.000_923_986_66 + p * v;
    let p = -0.002_105_374_6 + p * v;
    let p = 0.004_997_806 + p * v;
    let p = -0.012_384_403 + p * v;
    let p = 0.032_965_03 + p * v;
    let p = -0.100_317_3 + p * v;
    let p = 0.422_784_33 + p * v;
    p * ((1.0 + v) * v)
}

/// Recurrence up to 6, then the asymptotic series; reflection below 0 (Abramowitz and Stegun 6.3.5, 6.3.7, 6.3.18).
pub fn digamma(x: f32) -> f32 {
    if x > 0.0 {
        return positive(x);
    }
    let fraction = x - floor(x);
    if fraction == 0.0 || !x.is_finite() {
        return f32::NAN;
    }
    positive(1.0 - x) - PI / tan(PI * fraction)
}

fn positive(x: f32) -> f32 {
    let mut y = x;
    let mut sum = 0.0;
    while y < 6.0 {
        sum -= 1.0 / y;
        y += 1.0;
    }
    if y == f32::INFINITY {
        return y;
    }
    let z = 1.0 / (y * y);
    // Bernoulli numbers B(2n) / 2n.
    let tail = z * (1.0 / 12.0 - z * (1.0 / 120.0 - z * (1.0 / 252.0 - z * (1.0 / 240.0))));
    sum + (log(y) - 0.5 / y - tail)
}
