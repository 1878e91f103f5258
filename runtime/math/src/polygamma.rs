//! The derivatives of the digamma function.

use crate::float::Float;
use crate::num::integer_pow;

/// The `n`-th derivative of [`digamma`](crate::digamma), for `n >= 1`.
///
/// At 0, -1, -2, .. it is infinite, with the sign of `(-1)^(n + 1)`. Below -1000 it is NaN. About 10 ulp from exact for
/// positive `x`.
pub fn polygamma<T: Coefficients>(n: u32, x: T) -> T {
    let sign = if n % 2 == 1 { T::ONE } else { T::ZERO.minus(T::ONE) };
    let whole = x.floor() == x;
    if x <= T::ZERO && whole {
        return if x.is_finite() { sign.quotient(T::ZERO) } else { T::NAN };
    }
    if x < T::LOWEST {
        return T::NAN;
    }
    // n! * (sum of (x + k)^-(n+1) for k < m, then the Euler-Maclaurin series of the rest from y = x + m on), as zeta is
    // computed in Cephes (Moshier, 1989).
    let order = i32::try_from(n).unwrap_or(i32::MAX - 1);
    let (mut sum, mut y) = (T::ZERO, x);
    while y < T::FAR {
        sum = sum.plus(integer_pow(y, -(order + 1)));
        y = y.plus(T::ONE);
    }
    let at = integer_pow(y, -order);
    let (mut degree, mut factorial) = (T::ZERO, T::ONE);
    for _ in 0..n {
        degree = degree.plus(T::ONE);
        factorial = factorial.times(degree);
    }
    let two = T::ONE.plus(T::ONE);
    sum = sum.plus(at.quotient(degree)).plus(at.quotient(two.times(y)));
    // B(2j) / (2j)! * (n+1)(n+2)..(n+2j-1) * y^-(n+2j), starting at j = 1.
    let mut last = degree.plus(T::ONE);
    let mut rising = last;
    let mut power = at.quotient(y).quotient(y);
    for coefficient in T::BERNOULLI {
        sum = sum.plus(coefficient.times(rising).times(power));
        rising = rising.times(last.plus(T::ONE)).times(last.plus(two));
        last = last.plus(two);
        power = power.quotient(y).quotient(y);
    }
    sign.times(factorial).times(sum)
}

/// What [`polygamma`] needs to know of a type.
pub trait Coefficients: Float {
    #[doc(hidden)]
    const NAN: Self;
    #[doc(hidden)]
    const LOWEST: Self;
    #[doc(hidden)]
    const FAR: Self;
    #[doc(hidden)]
    const BERNOULLI: [Self; 7];
}

macro_rules! coefficients {
    ($($T:ident far $far:literal)*) => {$(
        impl Coefficients for $T {
            const NAN: $T = $T::NAN;
            const LOWEST: $T = -1000.0;
            const FAR: $T = $far;
            // B(2j) / (2j)!.
            const BERNOULLI: [$T; 7] = [
                1.0 / 12.0,
                -1.0 / 720.0,
                1.0 / 30240.0,
                -1.0 / 1209600.0,
                1.0 / 47900160.0,
                -691.0 / 1307674368000.0,
                1.0 / 74724249600.0,
            ];
        }
    )*};
}
coefficients!(f32 far 8.0 f64 far 16.0);

#[cfg(test)]
mod tests {
    use super::polygamma;

    fn check(n: u32, x: f64, expected: f64) {
        let near = |found: f64, eps: f64| (found - expected).abs() <= 16.0 * eps * expected.abs();
        let found = polygamma(n, x);
        assert!(near(found, f64::EPSILON), "f64: polygamma({n}, {x}) = {found}, not {expected}");
        let found = polygamma(n, x as f32) as f64;
        assert!(near(found, f32::EPSILON as f64), "f32: polygamma({n}, {x}) = {found}, not {expected}");
    }

    /// Closed forms: pi^2/6, pi^2/2, -2 zeta(3), pi^4/15, and their recurrences.
    #[test]
    fn known_values() {
        use core::f64::consts::PI;
        const ZETA3: f64 = 1.202_056_903_159_594_2;
        check(1, 1.0, PI * PI / 6.0);
        check(1, 0.5, PI * PI / 2.0);
        check(1, 2.0, PI * PI / 6.0 - 1.0);
        check(1, -0.5, PI * PI / 2.0 + 4.0);
        check(2, 1.0, -2.0 * ZETA3);
        check(2, 0.5, -14.0 * ZETA3);
        check(3, 1.0, (PI * PI) * (PI * PI) / 15.0);
        check(3, 0.5, (PI * PI) * (PI * PI));
    }

    #[test]
    fn poles_and_limits() {
        assert_eq!(polygamma(1, 0.0_f32), f32::INFINITY);
        assert_eq!(polygamma(2, -3.0_f64), f64::NEG_INFINITY);
        assert_eq!(polygamma(1, f64::INFINITY), 0.0);
        assert!(polygamma(1, f64::NEG_INFINITY).is_nan());
        assert!(polygamma(1, f32::NAN).is_nan());
    }
}
