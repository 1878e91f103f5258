//! Logarithms, and the inverse hyperbolic functions made of them.
//!
//! `x = 2^k m` with `m` between `sqrt(1/2)` and `sqrt(2)`, `f = m - 1`, `s = f / (2 + f)`, so that
//! `log(m) = 2s + s R(s^2) = f - s (f - R(s^2))` (as in fdlibm, whose derivation this is; minimax by `coefficients.py`).

use core::f32::consts::LN_2;

use super::BRANCHES;
use super::exp::{LN_2_HI, LN_2_LO};
use super::root::sqrt;

const SQRT_HALF_BITS: u32 = 0x3f35_04f3;

/// `2^k (1 + f)`, and `log(1 + f) = f - minus`.
struct Parts {
    k: f32,
    f: f32,
    minus: f32,
}

/// For positive normal `x`.
#[inline(always)]
fn parts(x: f32) -> Parts {
    // Moving sqrt(1/2) to where 1 is makes the exponent field count from there.
    let bits = x.to_bits().wrapping_add(1.0_f32.to_bits().wrapping_sub(SQRT_HALF_BITS));
    let k = ((bits >> 23) as i32).wrapping_sub(127) as f32;
    let f = f32::from_bits((bits & 0x007f_ffff).wrapping_add(SQRT_HALF_BITS)) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let p = 0.298_744_2;
    let p = 0.399_774_5 + p * z;
    let p = 0.666_667_76 + p * z;
    Parts { k, f, minus: s * (f - p * z) }
}

/// Neither positive and normal nor finite: the rest, and what replaces `x` and is added to `k` if it is subnormal.
#[inline(always)]
fn is_plain(x: f32) -> bool {
    const FIRST: u32 = f32::MIN_POSITIVE.to_bits();
    x.to_bits().wrapping_sub(FIRST) < f32::INFINITY.to_bits().wrapping_sub(FIRST)
}

/// A logarithm from its value at plain numbers.
macro_rules! logarithm {
    ($(#[$doc:meta])* $name:ident, $rare:ident, |$p:ident| $value:expr) => {
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(x: f32) -> f32 {
            let plain = |x: f32, less: f32| {
                let mut $p = parts(x);
                $p.k -= less;
                $value
            };
            let everywhere = |x: f32| {
                const UP: f32 = 33_554_432.0; // 2^25
                let subnormal = x < f32::MIN_POSITIVE;
                let y = plain(if subnormal { x * UP } else { x }, if subnormal { 25.0 } else { 0.0 });
                let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
                let y = if x == f32::INFINITY { x } else { y };
                if x >= 0.0 { y } else { f32::NAN }
            };
            #[cold]
            #[inline(never)]
            fn $rare(x: f32, f: impl Fn(f32) -> f32) -> f32 {
                f(x)
            }
            if !BRANCHES {
                everywhere(x)
            } else if is_plain(x) {
                plain(x, 0.0)
            } else {
                $rare(x, everywhere)
            }
        }
    };
}

logarithm!(log, rare_log, |p| p.k * LN_2_HI + (p.f - (p.minus - p.k * LN_2_LO)));

// `log(1 + f)` as 12 bits and a rest, so that the large part of the product with 1 / log(2) is exact.
logarithm!(log2, rare_log2, |p| {
    let (hi, lo) = split(&p);
    p.k + (hi * 1.442_382_8 + (lo * 1.442_382_8 + (hi + lo) * 0.000_312_228_4))
});

logarithm!(log10, rare_log10, |p| {
    let (hi, lo) = split(&p);
    let rest = p.k * 4.605_039e-6 + ((hi + lo) * 9.038_034e-5 + lo * 0.434_204_1);
    p.k * 0.301_025_4 + (hi * 0.434_204_1 + rest)
});

#[inline(always)]
fn split(p: &Parts) -> (f32, f32) {
    let hi = f32::from_bits((p.f - p.minus).to_bits() & 0xffff_f000);
    (hi, (p.f - hi) - p.minus)
}

/// `log(u)` with `u = 1 + x`, corrected by what rounding `u` has lost.
#[inline]
pub fn log1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let lost = if x > 1.0 { 1.0 - (u - x) } else { x - (u - 1.0) };
    let p = parts(u);
    let y = p.k * LN_2_HI + (p.f - (p.minus - (p.k * LN_2_LO + lost / u)));
    // Zeros keep their sign; -1, infinity and what is below -1 or NaN have no `parts`.
    if x == 0.0 || x == f32::INFINITY {
        x
    } else if x > -1.0 {
        y
    } else if x == -1.0 {
        f32::NEG_INFINITY
    } else {
        f32::NAN
    }
}

/// Where `x^2 + 1 = x^2` in f32, with room.
const LARGE: f32 = 16_777_216.0;

#[inline]
pub fn asinh(x: f32) -> f32 {
    let a = x.abs();
    let y = if a > LARGE {
        log(a) + LN_2
    } else {
        let z = a * a;
        log1p(a + z / (1.0 + sqrt(1.0 + z)))
    };
    y.copysign(x)
}

#[inline]
pub fn acosh(x: f32) -> f32 {
    if x > LARGE {
        log(x) + LN_2
    } else if x >= 1.0 {
        let t = x - 1.0;
        log1p(t + sqrt(t * (t + 2.0)))
    } else {
        f32::NAN
    }
}

#[inline]
pub fn atanh(x: f32) -> f32 {
    let a = x.abs();
    let y = if a < 0.5 { log1p((a + a) + (a + a) * a / (1.0 - a)) } else { log1p((a + a) / (1.0 - a)) };
    (0.5 * y).copysign(x)
}
