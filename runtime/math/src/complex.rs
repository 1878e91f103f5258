//! Elementary functions of complex numbers, from those of their parts: the same bits on every target, as everything here.
//!
//! Branch cuts run along the negative real axis, as in `jax.numpy`. Results are within a few ulp of their magnitude; a part
//! that is much smaller than the other may have fewer correct digits.

use num_complex::Complex;

use crate::float::Float;
use crate::num::{abs as magnitude, max, min};

/// `|z|` without overflow.
pub fn abs<T: Float>(z: Complex<T>) -> T {
    let (a, b) = (magnitude(z.re), magnitude(z.im));
    let (high, low) = (max(a, b), min(a, b));
    if high == T::ZERO || !high.is_finite() {
        // An infinite part decides even beside a NaN.
        let infinite = T::ONE.quotient(T::ZERO);
        return if a == infinite || b == infinite { infinite } else { high };
    }
    let ratio = low.quotient(high);
    high.times(T::ONE.plus(ratio.times(ratio)).sqrt())
}

/// e to the power `z`.
pub fn exp<T: Float>(z: Complex<T>) -> Complex<T> {
    let scale = z.re.exp();
    if z.im == T::ZERO {
        // Infinity times zero would be NaN.
        return Complex { re: scale, im: z.im };
    }
    if scale == T::ZERO {
        return Complex { re: T::ZERO, im: T::ZERO };
    }
    Complex { re: scale.times(z.im.cos()), im: scale.times(z.im.sin()) }
}

/// Natural logarithm; the imaginary part is the angle, in [-pi, pi].
pub fn log<T: Float>(z: Complex<T>) -> Complex<T> {
    Complex { re: abs(z).log(), im: z.im.atan2(z.re) }
}

/// The square root whose real part is not negative.
pub fn sqrt<T: Float>(z: Complex<T>) -> Complex<T> {
    let two = T::ONE.plus(T::ONE);
    let size = abs(z);
    if size == T::ZERO {
        return Complex { re: T::ZERO, im: z.im };
    }
    // The half of the sum that does not cancel.
    let large = magnitude(z.re).quotient(two).plus(size.quotient(two)).sqrt();
    let small = magnitude(z.im).quotient(two.times(large));
    let (re, im) = if z.re >= T::ZERO { (large, small) } else { (small, large) };
    Complex { re, im: if below_zero(z.im) { T::ZERO.minus(im) } else { im } }
}

/// `1 / sqrt(z)`.
pub fn rsqrt<T: Float>(z: Complex<T>) -> Complex<T> {
    let (root, size) = (sqrt(z), abs(z));
    Complex { re: root.re.quotient(size), im: T::ZERO.minus(root.im).quotient(size) }
}

/// Sine.
pub fn sin<T: Float>(z: Complex<T>) -> Complex<T> {
    Complex { re: z.re.sin().times(z.im.cosh()), im: z.re.cos().times(z.im.sinh()) }
}

/// Cosine.
pub fn cos<T: Float>(z: Complex<T>) -> Complex<T> {
    Complex { re: z.re.cos().times(z.im.cosh()), im: T::ZERO.minus(z.re.sin().times(z.im.sinh())) }
}

/// Tangent: `-i tanh(i z)`.
pub fn tan<T: Float>(z: Complex<T>) -> Complex<T> {
    let t = tanh(Complex { re: T::ZERO.minus(z.im), im: z.re });
    Complex { re: t.im, im: T::ZERO.minus(t.re) }
}

/// Hyperbolic sine.
pub fn sinh<T: Float>(z: Complex<T>) -> Complex<T> {
    Complex { re: z.re.sinh().times(z.im.cos()), im: z.re.cosh().times(z.im.sin()) }
}

/// Hyperbolic cosine.
pub fn cosh<T: Float>(z: Complex<T>) -> Complex<T> {
    Complex { re: z.re.cosh().times(z.im.cos()), im: z.re.sinh().times(z.im.sin()) }
}

/// Hyperbolic tangent, by Kahan's formula: with `t = tan(y)`, `s = sinh(x)`, `b = 1 + t^2`, `r = sqrt(1 + s^2)`, it is
/// `(b r s + i t) / (1 + b s^2)`.
pub fn tanh<T: Float>(z: Complex<T>) -> Complex<T> {
    let t = z.im.tan();
    let s = z.re.sinh();
    let b = T::ONE.plus(t.times(t));
    let below = T::ONE.plus(b.times(s.times(s)));
    if !below.is_finite() && z.re.is_finite() || magnitude(z.re) == T::ONE.quotient(T::ZERO) {
        // Where `sinh` overflows the real part has long been 1.
        let one = if below_zero(z.re) { T::ZERO.minus(T::ONE) } else { T::ONE };
        return Complex { re: one, im: T::ZERO };
    }
    let r = T::ONE.plus(s.times(s)).sqrt();
    Complex { re: b.times(r).times(s).quotient(below), im: t.quotient(below) }
}

/// `exp(y * log(x))`; `0^y` is 0, and 1 for `y = 0`.
pub fn pow<T: Float>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
    let zero = |z: Complex<T>| z.re == T::ZERO && z.im == T::ZERO;
    if zero(y) {
        return Complex { re: T::ONE, im: T::ZERO };
    }
    if zero(x) {
        return Complex { re: T::ZERO, im: T::ZERO };
    }
    exp(times(y, log(x)))
}

/// `x` to an integer power, in the order of [`integer_pow`](crate::integer_pow).
pub fn integer_pow<T: Float>(x: Complex<T>, n: i32) -> Complex<T> {
    let mut digits = n.unsigned_abs();
    let mut product = None;
    let mut square = x;
    while digits != 0 {
        if digits & 1 == 1 {
            product = Some(product.map_or(square, |p| times(p, square)));
        }
        digits >>= 1;
        if digits != 0 {
            square = times(square, square);
        }
    }
    match product {
        None => Complex { re: T::ONE, im: T::ZERO },
        Some(p) if n < 0 => reciprocal(p),
        Some(p) => p,
    }
}

fn times<T: Float>(x: Complex<T>, y: Complex<T>) -> Complex<T> {
    Complex { re: x.re.times(y.re).minus(x.im.times(y.im)), im: x.re.times(y.im).plus(x.im.times(y.re)) }
}

fn reciprocal<T: Float>(z: Complex<T>) -> Complex<T> {
    let size = abs(z);
    Complex { re: z.re.quotient(size).quotient(size), im: T::ZERO.minus(z.im).quotient(size).quotient(size) }
}

/// Negative, -0.0 included.
fn below_zero<T: Float>(x: T) -> bool {
    x < T::ZERO || (x == T::ZERO && T::ONE.quotient(x) < T::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn z(re: f64, im: f64) -> Complex<f64> {
        Complex { re, im }
    }

    #[track_caller]
    fn check(found: Complex<f64>, expected: Complex<f64>) {
        let error = abs(Complex { re: found.re - expected.re, im: found.im - expected.im });
        assert!(error <= 1e-14 * abs(expected), "{found:?}, not {expected:?}");
    }

    /// Functions undo each other, and agree with the definition by exponentials.
    #[test]
    fn identities() {
        for re in [-2.5, -1.0, -0.3, 0.2, 1.7] {
            for im in [-1.4, -0.6, 0.1, 0.9] {
                let x = z(re, im);
                let i = z(0.0, 1.0);
                check(exp(log(x)), x);
                check(log(exp(x)), x);
                check(times(sqrt(x), sqrt(x)), x);
                check(times(rsqrt(x), sqrt(x)), z(1.0, 0.0));
                let (plus, minus) = (exp(x), exp(z(-re, -im)));
                check(sinh(x), z((plus.re - minus.re) / 2.0, (plus.im - minus.im) / 2.0));
                check(cosh(x), z((plus.re + minus.re) / 2.0, (plus.im + minus.im) / 2.0));
                check(times(tanh(x), cosh(x)), sinh(x));
                check(times(i, sin(x)), sinh(times(i, x)));
                check(cos(x), cosh(times(i, x)));
                check(times(tan(x), cos(x)), sin(x));
                check(integer_pow(x, 3), times(x, times(x, x)));
                check(times(integer_pow(x, -2), times(x, x)), z(1.0, 0.0));
                check(pow(x, z(3.0, 0.0)), integer_pow(x, 3));
            }
        }
    }

    #[test]
    fn special_values() {
        assert_eq!(abs(z(3.0, -4.0)), 5.0);
        assert_eq!(abs(z(1e300, 1e300)), 1e300 * 2.0_f64.sqrt());
        assert_eq!(abs(z(f64::INFINITY, f64::NAN)), f64::INFINITY);
        assert_eq!(exp(z(f64::INFINITY, 0.0)), z(f64::INFINITY, 0.0));
        assert_eq!(exp(z(f64::NEG_INFINITY, f64::INFINITY)), z(0.0, 0.0));
        assert_eq!(log(z(-1.0, 0.0)), z(0.0, core::f64::consts::PI));
        assert_eq!(sqrt(z(-4.0, 0.0)), z(0.0, 2.0));
        assert_eq!(sqrt(z(-4.0, -0.0)), z(0.0, -2.0));
        assert_eq!(tanh(z(1000.0, 1.0)), z(1.0, 0.0));
        assert_eq!(tanh(z(-1000.0, 1.0)), z(-1.0, 0.0));
        assert_eq!(pow(z(0.0, 0.0), z(0.0, 0.0)), z(1.0, 0.0));
        assert_eq!(pow(z(0.0, 0.0), z(2.0, 1.0)), z(0.0, 0.0));
    }
}
