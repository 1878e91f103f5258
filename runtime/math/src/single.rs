//! The `f32` functions, in `f32` arithmetic and integers only.

use crate::float::float;

float! { f32;
    exp = libm::expf,
    exp2 = libm::exp2f,
    expm1 = libm::expm1f,
    log = libm::logf,
    log2 = libm::log2f,
    log10 = libm::log10f,
    log1p = libm::log1pf,
    sin = libm::sinf,
    cos = libm::cosf,
    tan = libm::tanf,
    asin = libm::asinf,
    acos = libm::acosf,
    atan = libm::atanf,
    sinh = libm::sinhf,
    cosh = libm::coshf,
    tanh = libm::tanhf,
    asinh = libm::asinhf,
    acosh = libm::acoshf,
    atanh = libm::atanhf,
    logistic = logistic,
    erf = libm::erff,
    erfc = libm::erfcf,
    erf_inv = erf_inv,
    lgamma = libm::lgammaf,
    digamma = |x| crate::Float::digamma(x as f64) as f32,
    sqrt = libm::sqrtf,
    rsqrt = |x| 1.0 / libm::sqrtf(x),
    cbrt = libm::cbrtf,
    floor = libm::floorf,
    ceil = libm::ceilf,
    trunc = libm::truncf,
    round = libm::rintf,
    ;
    pow = libm::powf,
    atan2 = libm::atan2f,
}

fn logistic(x: f32) -> f32 {
    let e = libm::expf(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// Two polynomials in `-log(1 - x^2)` (Giles, "Approximating the erfinv function", GPU Computing Gems 2, 2010), which is
/// also what XLA evaluates for `f32`.
fn erf_inv(x: f32) -> f32 {
    if x.abs() == 1.0 {
        return f32::INFINITY.copysign(x);
    }
    let w = -libm::log1pf(-x * x);
    let p = if w < 5.0 {
        let w = w - 2.5;
        let p = 2.810_226_4e-8;
        let p = 3.432_739_4e-7 + p * w;
        let p = -3.523_387_7e-6 + p * w;
        let p = -4.391_506_5e-6 + p * w;
        let p = 0.000_218_580_87 + p * w;
        let p = -0.001_253_725_03 + p * w;
        let p = -0.004_177_681_64 + p * w;
        let p = 0.246_640_727 + p * w;
        1.501_409_41 + p * w
    } else {
        let w = libm::sqrtf(w) - 3.0;
        let p = -0.000_200_214_257;
        let p = 0.000_100_950_558 + p * w;
        let p = 0.001_349_343_22 + p * w;
        let p = -0.003_673_428_44 + p * w;
        let p = 0.005_739_507_73 + p * w;
        let p = -0.007_622_461_3 + p * w;
        let p = 0.009_438_870_47 + p * w;
        let p = 1.001_674_06 + p * w;
        2.832_976_82 + p * w
    };
    p * x
}
