//! Rounding to integers.

/// Numbers from here on are integers.
const INTEGERS: f32 = 8_388_608.0; // 2^23

/// Half to even: the sum with 2^23 has no bits below 1.
#[inline(always)]
pub fn round(x: f32) -> f32 {
    let a = x.abs();
    let rounded = ((a + INTEGERS) - INTEGERS).copysign(x);
    if a < INTEGERS { rounded } else { x }
}

#[inline(always)]
pub fn floor(x: f32) -> f32 {
    let r = round(x);
    let down = if r > x { r - 1.0 } else { r };
    down.copysign(x)
}

#[inline(always)]
pub fn ceil(x: f32) -> f32 {
    let r = round(x);
    let up = if r < x { r + 1.0 } else { r };
    up.copysign(x)
}

#[inline(always)]
pub fn trunc(x: f32) -> f32 {
    floor(x.abs()).copysign(x)
}
