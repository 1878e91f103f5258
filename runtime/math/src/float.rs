//! The elementary functions by name, over `f32` and `f64`.

use crate::num::Num;

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// A real floating-point type with the elementary functions, `f32` or `f64`. Each method is what the free
        /// function of the same name does.
        pub trait Float: Num {
            $($(#[$doc])* fn $name(self) -> Self;)*
            /// `self` to the power `y`.
            fn pow(self, y: Self) -> Self;
            /// Angle of the point `(x, self)`.
            fn atan2(self, x: Self) -> Self;
            /// The neighbour of `self` in the direction of `y`.
            fn nextafter(self, y: Self) -> Self;
            #[doc(hidden)]
            fn reduce_precision(self, exponent: u32, mantissa: u32) -> Self;
            /// Neither infinite nor NaN?
            fn is_finite(self) -> bool;
        }
        $($(#[$doc])* #[inline(always)] pub fn $name<T: Float>(x: T) -> T { T::$name(x) })*
    };
}

unary! {
    /// e to the power `x`.
    exp;
    /// 2 to the power `x`.
    exp2;
    /// `exp(x) - 1`, accurate near 0.
    expm1;
    /// Natural logarithm; -inf at 0, NaN below.
    log;
    /// Logarithm to base 2, exact for powers of two.
    log2;
    /// Logarithm to base 10.
    log10;
    /// `log(1 + x)`, accurate near 0.
    log1p;
    /// Sine of an angle in radians, reduced exactly however large.
    sin;
    /// Cosine of an angle in radians, reduced exactly however large.
    cos;
    /// Tangent of an angle in radians, reduced exactly however large.
    tan;
    /// Angle in [-pi/2, pi/2] whose sine is `x`.
    asin;
    /// Angle in [0, pi] whose cosine is `x`.
    acos;
    /// Angle in [-pi/2, pi/2] whose tangent is `x`.
    atan;
    /// Hyperbolic sine.
    sinh;
    /// Hyperbolic cosine.
    cosh;
    /// Hyperbolic tangent.
    tanh;
    /// Inverse of [`sinh`].
    asinh;
    /// Inverse of [`cosh`] at 0 and above; NaN below 1.
    acosh;
    /// Inverse of [`tanh`]; infinite at -1 and 1, NaN outside.
    atanh;
    /// `1 / (1 + exp(-x))`.
    logistic;
    /// Error function: `2 / sqrt(pi)` times the integral of `exp(-t^2)` from 0 to `x`.
    erf;
    /// `1 - erf(x)`, accurate for large `x`.
    erfc;
    /// Inverse of [`erf`]; infinite at -1 and 1, NaN outside.
    erf_inv;
    /// Logarithm of the absolute value of the gamma function; inf at 0, -1, -2, ...
    lgamma;
    /// Derivative of [`lgamma`]; NaN at 0, -1, -2, ...
    digamma;
    /// Square root, correctly rounded; NaN below 0.
    sqrt;
    /// `1 / sqrt(x)`.
    rsqrt;
    /// Cube root.
    cbrt;
    /// Greatest integer not above `x`.
    floor;
    /// Least integer not below `x`.
    ceil;
    /// `x` without its fraction.
    trunc;
    /// Nearest integer, the even one of two equally near.
    round;
}

/// `x` to the power `y`, with the special cases of IEEE 754 `pow`.
#[inline(always)]
pub fn pow<T: Float>(x: T, y: T) -> T {
    T::pow(x, y)
}

/// Angle of the point `(x, y)` in [-pi, pi]; note the order of the arguments, `y` first.
#[inline(always)]
pub fn atan2<T: Float>(y: T, x: T) -> T {
    T::atan2(y, x)
}

/// The neighbour of `x` in the direction of `y`, `y` itself where they are equal.
#[inline(always)]
pub fn nextafter<T: Float>(x: T, y: T) -> T {
    T::nextafter(x, y)
}

/// `x` rounded to a float of so many bits of exponent and mantissa, half to even: what is too large becomes infinite, what
/// is too small zero. Bits that the type does not have change nothing; NaN stays.
#[inline(always)]
pub fn reduce_precision<T: Float>(x: T, exponent: u32, mantissa: u32) -> T {
    T::reduce_precision(x, exponent, mantissa)
}

/// Neither infinite nor NaN?
#[inline(always)]
pub fn is_finite<T: Float>(x: T) -> bool {
    T::is_finite(x)
}

/// `impl Float for` a type, from one function for each name; `core` supplies the rest.
macro_rules! float {
    ($T:ident; $($name:ident = $f:expr,)* ; pow = $pow:expr, atan2 = $atan2:expr $(,)?) => {
        impl $crate::float::Float for $T {
            $(#[inline(always)] fn $name(self) -> $T { $f(self) })*
            #[inline(always)]
            fn pow(self, y: $T) -> $T {
                $pow(self, y)
            }
            #[inline(always)]
            fn atan2(self, x: $T) -> $T {
                $atan2(self, x)
            }
            #[inline(always)]
            fn nextafter(self, y: $T) -> $T {
                if self < y {
                    self.next_up()
                } else if self > y {
                    self.next_down()
                } else if self == y {
                    y
                } else {
                    $T::NAN
                }
            }
            #[inline(always)]
            fn reduce_precision(self, exponent: u32, mantissa: u32) -> $T {
                const M: u32 = $T::MANTISSA_DIGITS - 1;
                const E: u32 = 8 * size_of::<$T>() as u32 - 1 - M;
                if self.is_nan() {
                    return self;
                }
                let mut bits = self.to_bits();
                let sign = bits & (1 << (M + E));
                if mantissa < M {
                    let low = M - mantissa;
                    let half = (1 << (low - 1)) - 1;
                    let odd = bits.wrapping_shr(low) & 1;
                    bits = bits.wrapping_add(half + odd).wrapping_shr(low).wrapping_shl(low);
                }
                if (1..E).contains(&exponent) {
                    let bias = (1 << (E - 1)) - 1;
                    let reach = (1 << (exponent - 1)) - 1;
                    let found = (bits ^ sign).wrapping_shr(M);
                    if found > bias + reach {
                        bits = sign | $T::INFINITY.to_bits();
                    } else if found <= bias - reach {
                        bits = sign;
                    }
                }
                $T::from_bits(bits)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $T::is_finite(self)
            }
        }
    };
}
pub(crate) use float;
