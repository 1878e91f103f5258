//! The `f64` functions: those of `libm`, or composed from them.

use crate::float::float;

float! { f64;
    exp = libm::exp,
    exp2 = libm::exp2,
    expm1 = libm::expm1,
    log = libm::log,
    log2 = libm::log2,
    log10 = libm::log10,
    log1p = libm::log1p,
    sin = libm::sin,
    cos = libm::cos,
    tan = libm::tan,
    asin = libm::asin,
    acos = libm::acos,
    atan = libm::atan,
    sinh = libm::sinh,
    cosh = libm::cosh,
    tanh = libm::tanh,
    asinh = libm::asinh,
    // `libm` returns numbers for some arguments below -1.
    acosh = |x| if x < 1.0 { f64::NAN } else { libm::acosh(x) },
    atanh = libm::atanh,
    logistic = logistic,
    erf = libm::erf,
    erfc = libm::erfc,
    erf_inv = erf_inv,
    lgamma = libm::lgamma,
    digamma = digamma,
    sqrt = libm::sqrt,
    rsqrt = |x| 1.0 / libm::sqrt(x),
    cbrt = libm::cbrt,
    floor = libm::floor,
    ceil = libm::ceil,
    trunc = libm::trunc,
    round = libm::rint,
    ;
    pow = libm::pow,
    atan2 = libm::atan2,
}

/// The exponential is taken of `-|x|`, so that it cannot overflow and small results keep their digits.
fn logistic(x: f64) -> f64 {
    let e = libm::exp(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// Halley's method on `erf`, or on `erfc` where `erf` has run out of digits, from the `f32` result.
fn erf_inv(y: f64) -> f64 {
    let a = y.abs();
    if a == 1.0 {
        return f64::INFINITY.copysign(y);
    }
    if a > 1.0 || a.is_nan() {
        return f64::NAN;
    }
    if a < 1e-8 {
        // erf(x) = 2 / sqrt(pi) * (x - x^3 / 3 + ..), of which the second term is below the last digit.
        return y * HALF_SQRT_PI;
    }
    // The f32 seed must not round to 1; the tail of `erfc` shrinks by less than 2^-53, where x is below 6.
    let mut x = crate::Float::erf_inv((a as f32).min(0.999_999_9)) as f64;
    if a > 0.999_999 {
        // sqrt(-log(..)) is within a few percent this far out.
        let w = -libm::log((1.0 - a) * (2.0 * HALF_SQRT_PI));
        x = libm::sqrt(w - 0.5 * libm::log(w));
    }
    let mut step = 0;
    while step < 4 {
        let miss = if a < 0.5 { libm::erf(x) - a } else { (1.0 - a) - libm::erfc(x) };
        let newton = miss * HALF_SQRT_PI * libm::exp(x * x);
        x -= newton / (1.0 + x * newton);
        step += 1;
    }
    x.copysign(y)
}

const HALF_SQRT_PI: f64 = 0.886_226_925_452_758;

/// Recurrence up to 10, then the asymptotic series; reflection below 0 (Abramowitz and Stegun 6.3.5, 6.3.7, 6.3.18).
fn digamma(x: f64) -> f64 {
    use core::f64::consts::PI;
    if x <= 0.0 {
        let fraction = x - libm::floor(x);
        if fraction == 0.0 || !x.is_finite() {
            return f64::NAN;
        }
        return digamma_positive(1.0 - x) - PI / libm::tan(PI * fraction);
    }
    digamma_positive(x)
}

fn digamma_positive(x: f64) -> f64 {
    let mut y = x;
    let mut sum = 0.0;
    while y < 10.0 {
        sum -= 1.0 / y;
        y += 1.0;
    }
    if y == f64::INFINITY {
        return y;
    }
    let z = 1.0 / (y * y);
    // Bernoulli numbers B(2n) / 2n.
    let tail = z
        * (1.0 / 12.0
            - z * (1.0 / 120.0
                - z * (1.0 / 252.0
                    - z * (1.0 / 240.0 - z * (1.0 / 132.0 - z * (691.0 / 32760.0 - z * (1.0 / 12.0)))))));
    sum + (libm::log(y) - 0.5 / y - tail)
}
