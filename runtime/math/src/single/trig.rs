//! Sine, cosine, tangent.
//!
//! `x = n pi/2 + r` with `|r| <= pi/4`, `r` as a sum of two numbers, then a polynomial for the sine or the cosine of `r`
//! (minimax, `coefficients.py`). Up to [`NEAR`] the reduction subtracts `n` times `pi/2` in four pieces, the first three of
//! 11 bits, whose products with `n` are exact (Cody and Waite); beyond, it multiplies by 256 bits of `2/pi` in integers
//! (Payne and Hanek).

use super::exp::ROUND;

const NEAR: f32 = 8192.0;

/// An angle: `quadrant * pi/2 + r + rest`; only the two low bits of `quadrant` count.
#[derive(Clone, Copy)]
struct Angle {
    quadrant: u32,
    r: f32,
    rest: f32,
}

/// For `x >= 0`.
#[inline(always)]
fn reduce(x: f32) -> Angle {
    if x < NEAR { near(x) } else { far(x) }
}

#[inline(always)]
fn near(x: f32) -> Angle {
    let shifted = x * core::f32::consts::FRAC_2_PI + ROUND;
    let n = shifted - ROUND;
    let y = x - n * 1.570_312_5 - n * 0.000_483_751_3;
    let w = n * 7.549_533_6e-8;
    let r = y - w;
    let rest = ((y - r) - w) - n * 2.563_344e-12;
    Angle { quadrant: shifted.to_bits(), r, rest }
}

/// `x = m 2^e` with an integer `m` of 24 bits. A window of 96 bits of `2/pi`, two bits before the point that `2^e` puts
/// there, times `m` gives two bits of quadrant and 64 of fraction: what lies in front adds whole turns.
#[cold]
#[inline(never)]
fn far(x: f32) -> Angle {
    if !x.is_finite() {
        return Angle { quadrant: 0, r: f32::NAN, rest: f32::NAN };
    }
    let bits = x.to_bits();
    let m = u64::from((bits & 0x007f_ffff) | 0x0080_0000);
    // The exponent is at least 13 - 23 here; 32 zero bits in front of the table keep the position positive.
    let position = (bits >> 23).wrapping_sub(150 + 2 - 32);
    let window = |i: u32| {
        let (word, bit) = ((position >> 5).wrapping_add(i), position & 31);
        let pair = u64::from(two_over_pi(word)) << 32 | u64::from(two_over_pi(word.wrapping_add(1)));
        (pair << bit) >> 32
    };
    let low = m * window(2);
    let middle = (m * window(1)).wrapping_add(low >> 32);
    let high = (m * window(0)).wrapping_add(middle >> 32) as u32;
    let fraction = u64::from(high) << 34 | (middle & 0xffff_ffff) << 2 | (low & 0xffff_ffff) >> 30;
    // To the nearest quarter turn: a fraction of a half and more is negative, one quadrant on.
    let signed = fraction as i64;
    let quadrant = (high >> 30).wrapping_add((fraction >> 63) as u32);
    let size = signed.unsigned_abs();
    let zeros = size.leading_zeros();
    // 31 or more good bits of the fraction times pi/2, in units of 2^-(63 + zeros).
    let product = ((size << (zeros & 63)) >> 32) * 0xc90f_daa2;
    let unit = f32::from_bits(127_u32.wrapping_sub(zeros) << 23);
    let leading = (product >> 40).wrapping_add(product >> 39 & 1);
    let r = leading as u32 as f32 * 1.192_092_9e-7 * unit; // 2^(40 - 63)
    let rest = (product.wrapping_sub(leading << 40) as i64 >> 16) as i32 as f32 * 7.105_427_4e-15 * unit; // 2^(16 - 63)
    if signed < 0 { Angle { quadrant, r: -r, rest: -rest } } else { Angle { quadrant, r, rest } }
}

/// The words of `2/pi` after 32 zero bits.
#[inline(always)]
fn two_over_pi(word: u32) -> u32 {
    match word {
        1 => 0xa2f9_836e,
        2 => 0x4e44_1529,
        3 => 0xfc27_57d1,
        4 => 0xf534_ddc0,
        5 => 0xdb62_9599,
        6 => 0x3c43_9041,
        7 => 0xfe51_63ab,
        _ => 0,
    }
}

#[inline(always)]
fn sine(a: Angle) -> f32 {
    let z = a.r * a.r;
    let p = -0.000_195_146_32;
    let p = 0.008_332_156 + p * z;
    let p = -0.166_666_55 + p * z;
    a.r + (p * (z * a.r) + a.rest)
}

#[inline(always)]
fn cosine(a: Angle) -> f32 {
    let z = a.r * a.r;
    let p = 2.443_241_3e-5;
    let p = -0.001_388_731 + p * z;
    let p = 0.041_666_646 + p * z;
    // The second sum carries what rounding the first has lost.
    let half = 0.5 * z;
    let y = 1.0 - half;
    y + (((1.0 - y) - half) + (p * (z * z) - a.r * a.rest))
}

#[inline(always)]
fn with_sign(y: f32, bit_31: u32) -> f32 {
    f32::from_bits(y.to_bits() ^ (bit_31 & 0x8000_0000))
}

#[inline]
pub fn sin(x: f32) -> f32 {
    let a = reduce(x.abs());
    let y = super::exp::choose(a.quadrant & 1 == 0, || sine(a), || cosine(a));
    with_sign(y, (a.quadrant << 30) ^ x.to_bits())
}

#[inline]
pub fn cos(x: f32) -> f32 {
    let a = reduce(x.abs());
    let y = super::exp::choose(a.quadrant & 1 == 0, || cosine(a), || sine(a));
    with_sign(y, a.quadrant.wrapping_add(1) << 30)
}

#[inline]
pub fn tan(x: f32) -> f32 {
    let a = reduce(x.abs());
    let z = a.r * a.r;
    let p = 0.004_387_084;
    let p = 6.818_706e-5 + p * z;
    let p = 0.010_852_194 + p * z;
    let p = 0.021_276_051 + p * z;
    let p = 0.054_061_066 + p * z;
    let p = 0.133_326_53 + p * z;
    let p = 0.333_333_5 + p * z;
    // The derivative of the tangent is 1 + z and more.
    let t = a.r + (p * (z * a.r) + (a.rest + a.rest * z));
    let y = if a.quadrant & 1 == 0 { t } else { -1.0 / t };
    with_sign(y, x.to_bits())
}

#[inline(always)]
fn arc_polynomial(z: f32) -> f32 {
    let p = 0.042_178_23;
    let p = 0.024_172_95 + p * z;
    let p = 0.045_471_61 + p * z;
    let p = 0.074_952_886 + p * z;
    0.166_667_52 + p * z
}

const PI: f32 = core::f32::consts::PI;
const PI_REST: f32 = -8.742_278e-8;

/// The arc cosine of `a >= 1/2`, which is twice the arc sine of `s = sqrt((1 - a) / 2)`: `2s` and what comes on top.
#[inline(always)]
fn arc_from_one(a: f32) -> (f32, f32) {
    let z = 0.5 * (1.0 - a);
    let twice = 2.0 * super::root::sqrt(z);
    (twice, twice * (z * arc_polynomial(z)))
}

#[inline]
pub fn asin(x: f32) -> f32 {
    let a = x.abs();
    let y = if a < 0.5 {
        let z = a * a;
        a + a * (z * arc_polynomial(z))
    } else {
        let (arc, more) = arc_from_one(a);
        (0.5 * PI - arc) - (more - 0.5 * PI_REST)
    };
    y.copysign(x)
}

#[inline]
pub fn acos(x: f32) -> f32 {
    let a = x.abs();
    if a < 0.5 {
        let z = x * x;
        0.5 * PI - (x + (x * (z * arc_polynomial(z)) - 0.5 * PI_REST))
    } else {
        let (arc, more) = arc_from_one(a);
        if x > 0.0 { arc + more } else { (PI - arc) - (more - PI_REST) }
    }
}

/// The tangent of 1/2: beyond, the angle is in a binade whose last place hides the rounding of the quotient.
const TAN_HALF: f32 = 0.546_302_5;

/// For `0 <= q <= 1`: an angle, and what rounding has lost of it.
#[inline(always)]
fn arc(q: f32) -> (f32, f32) {
    let high = q > TAN_HALF;
    // tan(u - pi/4) = (tan(u) - 1) / (tan(u) + 1)
    let t = if high { (q - 1.0) / (q + 1.0) } else { q };
    let z = t * t;
    let p = 0.034_306_757;
    let p = -0.076_577_54 + p * z;
    let p = 0.108_518_235 + p * z;
    let p = -0.142_611_06 + p * z;
    let p = 0.199_989_07 + p * z;
    let p = -0.333_333_16 + p * z;
    let tail = p * (z * t);
    if high { (0.25 * PI, t + (tail + 0.25 * PI_REST)) } else { (t, tail) }
}

#[inline]
pub fn atan(x: f32) -> f32 {
    let a = x.abs();
    let steep = a > 1.0;
    let (hi, lo) = arc(if steep { 1.0 / a } else { a });
    let y = if steep { (0.5 * PI - hi) - (lo - 0.5 * PI_REST) } else { hi + lo };
    y.copysign(x)
}

#[inline]
pub fn atan2(y: f32, x: f32) -> f32 {
    let (a, b) = (y.abs(), x.abs());
    let steep = a > b;
    let (small, large) = if steep { (b, a) } else { (a, b) };
    let q = if small == large {
        // Infinities and zeros: 1 and 0, as if taken to the limit along the diagonal and the axis.
        if large == 0.0 { 0.0 } else { 1.0 }
    } else {
        small / large
    };
    let (hi, lo) = arc(q);
    let (hi, lo) = if steep { (0.5 * PI - hi, 0.5 * PI_REST - lo) } else { (hi, lo) };
    let (hi, lo) = if x.is_sign_negative() { (PI - hi, PI_REST - lo) } else { (hi, lo) };
    let angle = if x.is_nan() || y.is_nan() { f32::NAN } else { hi + lo };
    angle.copysign(y)
}
