//! Exponentials, and the functions made of them.
//!
//! `x = k log(2) + r` with `|r| <= log(2) / 2`; a polynomial for `e^r`; then `k` goes into the exponent. `log(2)` is split
//! into 15 bits, of which `k` times is exact, and a rest. Polynomials are minimax (`coefficients.py`).

use super::BRANCHES;

pub(super) const LN_2_HI: f32 = 0.693_145_75;
pub(super) const LN_2_LO: f32 = 1.428_606_8e-6;

/// Adding this to a number below 2^22 rounds it to an integer, half to even, and leaves that integer in the lowest bits.
pub(super) const ROUND: f32 = 12_582_912.0;

/// `2^r` or `e^r`, and the bits of `ROUND + k`.
struct Parts {
    y: f32,
    bits: u32,
}

impl Parts {
    /// `y * 2^k` where that is a normal number.
    #[inline(always)]
    fn normal(self) -> f32 {
        // The shift leaves only the low bits of k, and exponents add up modulo 256.
        f32::from_bits(self.y.to_bits().wrapping_add(self.bits << 23))
    }

    /// `y * 2^(k + extra)` for `-250 < k + extra < 255`, in two steps of which the first is exact.
    #[inline(always)]
    fn any(self, extra: i32) -> f32 {
        // Both exponents with their bias, of which the sum is not negative.
        let both = self.bits.wrapping_sub(ROUND.to_bits()).wrapping_add_signed(extra + 2 * 127);
        let first = both >> 1;
        self.y * f32::from_bits(first << 23) * f32::from_bits(both.wrapping_sub(first) << 23)
    }
}

/// `2^k` for `-127 < k < 128`.
#[inline(always)]
pub(super) fn power_of_two(k: i32) -> f32 {
    f32::from_bits((k.wrapping_add(127) as u32) << 23)
}

/// `x` moved into `[lo, hi]`; NaN stays.
#[inline(always)]
pub(super) fn limit(x: f32, lo: f32, hi: f32) -> f32 {
    let x = if x > hi { hi } else { x };
    if x < lo { lo } else { x }
}

/// For `|x| < 150`.
#[inline(always)]
fn natural(x: f32) -> Parts {
    let shifted = x * core::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = x - k * LN_2_HI - k * LN_2_LO;
    let p = 0.001_381_446_5;
    let p = 0.008_368_781 + p * r;
    let p = 0.041_668_393 + p * r;
    let p = 0.166_665_2 + p * r;
    let p = 0.499_999_94 + p * r;
    Parts { y: 1.0 + (r + p * (r * r)), bits: shifted.to_bits() }
}

#[inline(always)]
pub fn exp(x: f32) -> f32 {
    if !BRANCHES {
        full(x)
    } else if x.abs() < 87.0 {
        natural(x).normal()
    } else {
        extreme(x)
    }
}

#[inline(always)]
fn full(x: f32) -> f32 {
    natural(limit(x, -104.0, 89.0)).any(0)
}

#[cold]
#[inline(never)]
fn extreme(x: f32) -> f32 {
    full(x)
}

/// `exp(x) / 2` for `x >= 0`, which overflows as late as `sinh` and `cosh` do.
#[inline(always)]
fn half_exp(x: f32) -> f32 {
    natural(limit(x, 0.0, 90.0)).any(-1)
}

#[inline(always)]
pub fn exp2(x: f32) -> f32 {
    if !BRANCHES {
        full2(x)
    } else if x.abs() < 125.0 {
        binary(x).normal()
    } else {
        extreme2(x)
    }
}

#[inline(always)]
fn full2(x: f32) -> f32 {
    binary(limit(x, -151.0, 129.0)).any(0)
}

#[cold]
#[inline(never)]
fn extreme2(x: f32) -> f32 {
    full2(x)
}

/// For `|x| < 2^22`.
#[inline(always)]
fn binary(x: f32) -> Parts {
    let shifted = x + ROUND;
    let r = x - (shifted - ROUND);
    let p = 0.000_153_532_63;
    let p = 0.001_339_900_3 + p * r;
    let p = 0.009_618_439 + p * r;
    let p = 0.055_503_32 + p * r;
    let p = 0.240_226_48 + p * r;
    let p = core::f32::consts::LN_2 + p * r;
    Parts { y: 1.0 + p * r, bits: shifted.to_bits() }
}

/// With `x = k log(2) + r`, `exp(x) - 1 = 2^k ((1 - 2^-k + r) + (exp(r) - 1 - r))`, where the first sum loses nothing that
/// the second could not carry.
#[inline]
pub fn expm1(x: f32) -> f32 {
    // The square is below the last digit; and zeros keep their sign, subnormals their digits.
    if x.abs() < 1e-8 {
        return x;
    }
    let x = limit(x, -30.0, 89.0);
    let shifted = x * core::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let hi = x - k * LN_2_HI;
    let r = hi - k * LN_2_LO;
    let rest = (hi - r) - k * LN_2_LO;
    let p = 0.000_198_458_8;
    let p = 0.001_394_072 + p * r;
    let p = 0.008_333_39 + p * r;
    let p = 0.041_666_36 + p * r;
    let p = 0.166_666_66 + p * r;
    let p = 0.5 + p * r;
    let tail = p * (r * r) + rest;
    let k = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    // From 2^-127 on, which has no normal form, the power no longer counts.
    let below_one = if k > 126 { 1.0 } else { 1.0 - power_of_two(k.wrapping_neg()) };
    // k = 128 must not overflow before the result does.
    ((below_one + r) + tail) * power_of_two(k.wrapping_sub(1)) * 2.0
}

/// The exponential is taken of `-|x|`, so that it cannot overflow and small results keep their digits.
#[inline(always)]
pub fn logistic(x: f32) -> f32 {
    let e = exp(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// A polynomial near 0, `1 - 2 / (exp(2x) + 1)` beyond, which is 1 from 9.01 on.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let a = x.abs();
    let near = || {
        let z = a * a;
        let p = -0.006_274_238_7;
        let p = 0.021_071_678 + p * z;
        let p = -0.053_852_31 + p * z;
        let p = 0.133_325_86 + p * z;
        let p = -0.333_333_16 + p * z;
        a + p * (z * a)
    };
    let far = || {
        let a = if a > 9.1 { 9.1 } else { a };
        let e = natural(a + a).normal();
        1.0 - 2.0 / (e + 1.0)
    };
    // NaN goes where it stays one.
    choose(a < 0.55 || a.is_nan(), near, far).copysign(x)
}

/// One of two values: computed both and selected where that makes vectors, else branched to.
#[inline(always)]
pub(super) fn choose(first: bool, f: impl FnOnce() -> f32, g: impl FnOnce() -> f32) -> f32 {
    if BRANCHES {
        if first { f() } else { g() }
    } else {
        let (f, g) = (f(), g());
        if first { f } else { g }
    }
}

#[inline]
pub fn sinh(x: f32) -> f32 {
    let a = x.abs();
    let near = || {
        let z = x * x;
        let p = 2.817_012_5e-6;
        let p = 0.000_198_361_5 + p * z;
        let p = 0.008_333_350_5 + p * z;
        let p = 0.166_666_67 + p * z;
        x + p * (z * x)
    };
    let far = || {
        let half = half_exp(a);
        (half - 0.25 / half).copysign(x)
    };
    choose(a < 1.0, near, far)
}

#[inline]
pub fn cosh(x: f32) -> f32 {
    let half = half_exp(x.abs());
    half + 0.25 / half
}
