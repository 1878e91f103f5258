//! The gamma function's logarithm and its derivative.

use super::log::log;
use super::round::floor;
use super::trig::{sin, tan};

const PI: f32 = core::f32::consts::PI;

/// Reflected below 0: `|gamma(x) gamma(1 - x)| = pi / |sin(pi x)|`.
pub fn lgamma(x: f32) -> f32 {
    if x > 0.0 || x.is_nan() {
        return libm::lgammaf(x);
    }
    let fraction = x - floor(x);
    if fraction == 0.0 || x == f32::NEG_INFINITY {
        return f32::INFINITY;
    }
    // Below the last digit of 1 the sine is its argument, and the product with x would underflow.
    if x > -1e-10 {
        return -log(-x);
    }
    log(PI / (sin(PI * fraction) * -x)) - libm::lgammaf(-x)
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
