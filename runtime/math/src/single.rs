//! The `f32` functions, in `f32` arithmetic and integers only.

mod exp;
mod gamma;
mod log;
mod root;
mod round;
mod trig;

use crate::float::float;

/// Whether to branch to what is needed. Cores with vectors compute all cases and select, so that loops vectorise; the bits
/// are the same.
const BRANCHES: bool = cfg!(any(target_arch = "arm", target_arch = "riscv32"));

float! { f32;
    exp = exp::exp,
    exp2 = exp::exp2,
    expm1 = exp::expm1,
    log = log::log,
    log2 = log::log2,
    log10 = log::log10,
    log1p = log::log1p,
    sin = trig::sin,
    cos = trig::cos,
    tan = trig::tan,
    asin = trig::asin,
    acos = trig::acos,
    atan = trig::atan,
    sinh = exp::sinh,
    cosh = exp::cosh,
    tanh = exp::tanh,
    asinh = log::asinh,
    acosh = log::acosh,
    atanh = log::atanh,
    logistic = exp::logistic,
    erf = libm::erff,
    erfc = libm::erfcf,
    erf_inv = erf_inv,
    lgamma = gamma::lgamma,
    digamma = gamma::digamma,
    sqrt = root::sqrt,
    rsqrt = root::rsqrt,
    cbrt = root::cbrt,
    floor = round::floor,
    ceil = round::ceil,
    trunc = round::trunc,
    round = round::round,
    ;
    pow = libm::powf,
    atan2 = trig::atan2,
}

/// Two polynomials in `-log(1 - x^2)` (Giles, "Approximating the erfinv function", GPU Computing Gems 2, 2010), which is
/// also what XLA evaluates for `f32`.
#[inline]
fn erf_inv(x: f32) -> f32 {
    if x.abs() == 1.0 {
        return f32::INFINITY.copysign(x);
    }
    let w = -log::log1p(-x * x);
    let p = if w < 5.0 {
        let w = w - 2.5;
        let p = 2.810_226_4e-8;
        let p = 3.432_739_4e-7 + p * w;
        let p = -3.523_387_7e-6 + p * w;
        let p = -4.391_506_5e-6 + p * w;
        let p = 0.000_218_580_87 + p * w;
        let p = -0.001_253_725 + p * w;
        let p = -0.004_177_681_6 + p * w;
        let p = 0.246_640_73 + p * w;
        1.501_409_4 + p * w
    } else {
        let w = root::sqrt(w) - 3.0;
        let p = -0.000_200_214_26;
        let p = 0.000_100_950_56 + p * w;
        let p = 0.001_349_343_2 + p * w;
        let p = -0.003_673_428_4 + p * w;
        let p = 0.005_739_507_7 + p * w;
        let p = -0.007_622_461_3 + p * w;
        let p = 0.009_438_870_5 + p * w;
        let p = 1.001_674 + p * w;
        2.832_976_8 + p * w
    };
    p * x
}
