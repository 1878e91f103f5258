//! What floats and integers share.

use num_complex::Complex;

/// Whether to branch to what is needed. Cores with vectors compute all cases and select, so that loops vectorise.
const BRANCHES: bool = cfg!(any(target_arch = "arm", target_arch = "riscv32"));

/// A real number type: `f32`, `f64` and the integers. Integers wrap.
pub trait Num: Copy + PartialOrd + 'static {
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// `self + y`.
    fn plus(self, y: Self) -> Self;
    /// `self - y`.
    fn minus(self, y: Self) -> Self;
    /// `self * y`.
    fn times(self, y: Self) -> Self;
    /// See [`max`].
    fn maximum(self, y: Self) -> Self;
    /// See [`min`].
    fn minimum(self, y: Self) -> Self;
    /// See [`max_so_far`].
    #[inline(always)]
    fn maximum_so_far(self, y: Self) -> Self {
        self.maximum(y)
    }
    /// See [`min_so_far`].
    #[inline(always)]
    fn minimum_so_far(self, y: Self) -> Self {
        self.minimum(y)
    }
    /// See [`abs`].
    fn magnitude(self) -> Self;
    /// See [`sign`].
    fn signum_or_self(self) -> Self;
    /// See [`div`].
    fn quotient(self, y: Self) -> Self;
    /// See [`rem`].
    fn remainder(self, y: Self) -> Self;
}

/// What running sums and products are made of: a [`Num`] or a complex number.
pub trait Ring: Copy + 'static {
    /// 0.
    const NOTHING: Self;
    /// `self + y`.
    fn added(self, y: Self) -> Self;
    /// `self * y`.
    fn multiplied(self, y: Self) -> Self;
}

impl<T: Num> Ring for T {
    const NOTHING: T = T::ZERO;
    #[inline(always)]
    fn added(self, y: T) -> T {
        self.plus(y)
    }
    #[inline(always)]
    fn multiplied(self, y: T) -> T {
        self.times(y)
    }
}

impl<T: Num> Ring for Complex<T> {
    const NOTHING: Complex<T> = Complex { re: T::ZERO, im: T::ZERO };
    #[inline(always)]
    fn added(self, y: Complex<T>) -> Complex<T> {
        Complex { re: self.re.plus(y.re), im: self.im.plus(y.im) }
    }
    #[inline(always)]
    fn multiplied(self, y: Complex<T>) -> Complex<T> {
        Complex {
            re: self.re.times(y.re).minus(self.im.times(y.im)),
            im: self.re.times(y.im).plus(self.im.times(y.re)),
        }
    }
}

macro_rules! float_num {
    ($T:ident) => {
        impl Num for $T {
            const ZERO: $T = 0.0;
            const ONE: $T = 1.0;
            #[inline(always)]
            fn plus(self, y: $T) -> $T {
                self + y
            }
            #[inline(always)]
            fn minus(self, y: $T) -> $T {
                self - y
            }
            #[inline(always)]
            fn times(self, y: $T) -> $T {
                self * y
            }
            // Written so that one compare and one select remain where `y` is a literal 0.0, as in relu. Equal operands
            // are either identical or zeros of two signs, which the bits decide.
            #[inline(always)]
            fn maximum(self, y: $T) -> $T {
                if !BRANCHES {
                    let larger = if self > y { self } else { y };
                    let both = $T::from_bits(self.to_bits() & y.to_bits());
                    let larger = if self == y { both } else { larger };
                    if self.is_nan() { self } else { larger }
                } else if self > y || self.is_nan() {
                    self
                } else if self == y {
                    $T::from_bits(self.to_bits() & y.to_bits())
                } else {
                    y
                }
            }
            #[inline(always)]
            fn minimum(self, y: $T) -> $T {
                if !BRANCHES {
                    let smaller = if self < y { self } else { y };
                    let both = $T::from_bits(self.to_bits() | y.to_bits());
                    let smaller = if self == y { both } else { smaller };
                    if self.is_nan() { self } else { smaller }
                } else if self < y || self.is_nan() {
                    self
                } else if self == y {
                    $T::from_bits(self.to_bits() | y.to_bits())
                } else {
                    y
                }
            }
            // One comparison decides while nothing changes, which it does seldom: the logarithm of so often as there are
            // elements, where those are in no order.
            #[inline(always)]
            fn maximum_so_far(self, y: $T) -> $T {
                if !BRANCHES {
                    Num::maximum(self, y)
                } else if self > y {
                    self
                } else {
                    next_maximum(self, y)
                }
            }
            #[inline(always)]
            fn minimum_so_far(self, y: $T) -> $T {
                if !BRANCHES {
                    Num::minimum(self, y)
                } else if self < y {
                    self
                } else {
                    next_minimum(self, y)
                }
            }
            #[inline(always)]
            fn magnitude(self) -> $T {
                self.abs()
            }
            #[inline(always)]
            fn signum_or_self(self) -> $T {
                if self > 0.0 {
                    1.0
                } else if self < 0.0 {
                    -1.0
                } else {
                    self
                }
            }
            #[inline(always)]
            fn quotient(self, y: $T) -> $T {
                self / y
            }
            #[inline(always)]
            fn remainder(self, y: $T) -> $T {
                self % y
            }
        }
    };
}
float_num!(f32);
float_num!(f64);

#[cold]
#[inline(never)]
fn next_maximum<T: Num>(x: T, y: T) -> T {
    x.maximum(y)
}

#[cold]
#[inline(never)]
fn next_minimum<T: Num>(x: T, y: T) -> T {
    x.minimum(y)
}

macro_rules! int_num {
    ($T:ident, $magnitude:expr, $sign:expr) => {
        impl Num for $T {
            const ZERO: $T = 0;
            const ONE: $T = 1;
            #[inline(always)]
            fn plus(self, y: $T) -> $T {
                self.wrapping_add(y)
            }
            #[inline(always)]
            fn minus(self, y: $T) -> $T {
                self.wrapping_sub(y)
            }
            #[inline(always)]
            fn times(self, y: $T) -> $T {
                self.wrapping_mul(y)
            }
            #[inline(always)]
            fn maximum(self, y: $T) -> $T {
                Ord::max(self, y)
            }
            #[inline(always)]
            fn minimum(self, y: $T) -> $T {
                Ord::min(self, y)
            }
            #[inline(always)]
            fn magnitude(self) -> $T {
                $magnitude(self)
            }
            #[inline(always)]
            fn signum_or_self(self) -> $T {
                $sign(self)
            }
            #[inline(always)]
            fn quotient(self, y: $T) -> $T {
                // Signed -1 and unsigned all ones are the same bits.
                if y == 0 { !0 } else { self.wrapping_div(y) }
            }
            #[inline(always)]
            fn remainder(self, y: $T) -> $T {
                if y == 0 { self } else { self.wrapping_rem(y) }
            }
        }
    };
}
macro_rules! signed { ($($T:ident)*) => { $(int_num!($T, $T::wrapping_abs, $T::signum);)* } }
macro_rules! unsigned { ($($T:ident)*) => { $(int_num!($T, |x| x, |x: $T| x.min(1));)* } }
signed!(i8 i16 i32 i64);
unsigned!(u8 u16 u32 u64);

/// `x / y`. Integers round towards zero, `x / 0` is -1 (unsigned: all ones) and `MIN / -1` is `MIN`, as `jax.lax.div`.
#[inline(always)]
pub fn div<T: Num>(x: T, y: T) -> T {
    x.quotient(y)
}

/// What is left of `x` after taking away a whole number of `y` towards zero, with the sign of `x`. For integers `x % 0` is
/// `x` and `MIN % -1` is 0, as `jax.lax.rem`.
#[inline(always)]
pub fn rem<T: Num>(x: T, y: T) -> T {
    x.remainder(y)
}

/// The larger of two; NaN if either is NaN, and 0.0 is larger than -0.0. As `jax.numpy.maximum`.
#[inline(always)]
pub fn max<T: Num>(x: T, y: T) -> T {
    x.maximum(y)
}

/// The smaller of two; NaN if either is NaN, and -0.0 is smaller than 0.0. As `jax.numpy.minimum`.
#[inline(always)]
pub fn min<T: Num>(x: T, y: T) -> T {
    x.minimum(y)
}

/// [`max`] where `x` is the largest so far of many: the same, and quickest where that stays as it is.
#[inline(always)]
pub fn max_so_far<T: Num>(x: T, y: T) -> T {
    x.maximum_so_far(y)
}

/// [`min`] where `x` is the smallest so far of many: the same, and quickest where that stays as it is.
#[inline(always)]
pub fn min_so_far<T: Num>(x: T, y: T) -> T {
    x.minimum_so_far(y)
}

/// `x` without its sign; the least signed integer stays as it is.
#[inline(always)]
pub fn abs<T: Num>(x: T) -> T {
    x.magnitude()
}

/// -1, 0 or 1; NaN and zeros (with their sign) stay as they are. As `jax.numpy.sign`.
#[inline(always)]
pub fn sign<T: Num>(x: T) -> T {
    x.signum_or_self()
}

/// `min(max(x, lo), hi)`, the argument order of `jax.lax.clamp`.
#[inline(always)]
pub fn clamp<T: Num>(lo: T, x: T, hi: T) -> T {
    x.maximum(lo).minimum(hi)
}

/// `x` to an integer power by repeated squaring.
///
/// The order of products: with the binary digits of `|n|` from the lowest up, the result is the product, in that order,
/// of `x^(2^i)` for every digit `i` that is 1, and `x^(2^(i+1)) = x^(2^i) * x^(2^i)`. A negative `n` takes the reciprocal
/// of that. `n = 0` gives 1, NaN included.
#[inline]
pub fn integer_pow<T: Num>(x: T, n: i32) -> T {
    let mut digits = n.unsigned_abs();
    if digits == 0 {
        return T::ONE;
    }
    let mut square = x;
    while digits & 1 == 0 {
        square = square.times(square);
        digits >>= 1;
    }
    let mut product = square;
    digits >>= 1;
    while digits != 0 {
        square = square.times(square);
        if digits & 1 == 1 {
            product = product.times(square);
        }
        digits >>= 1;
    }
    if n < 0 { T::ONE.quotient(product) } else { product }
}
