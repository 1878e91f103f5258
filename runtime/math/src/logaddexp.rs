//! Sums of exponentials.

use crate::float::{Float, exp, log1p};
use crate::num::{max, min};

/// `log(exp(x) + exp(y))` without overflow; NaN if either is NaN. As `jax.numpy.logaddexp`.
#[inline]
pub fn logaddexp<T: Float>(x: T, y: T) -> T {
    let (high, low) = (max(x, y), min(x, y));
    // Two equal infinities have no difference.
    if high == low && !high.is_finite() { high } else { high.plus(log1p(exp(low.minus(high)))) }
}

#[cfg(test)]
mod tests {
    use super::logaddexp;

    #[test]
    fn special_values() {
        let inf = f32::INFINITY;
        assert_eq!(logaddexp(1000.0_f32, 1000.0), 1000.0 + core::f32::consts::LN_2);
        assert_eq!(logaddexp(0.0_f64, 0.0), core::f64::consts::LN_2);
        assert_eq!(logaddexp(-inf, -inf), -inf);
        assert_eq!(logaddexp(-inf, 3.0), 3.0);
        assert_eq!(logaddexp(inf, 3.0), inf);
        assert_eq!(logaddexp(inf, inf), inf);
        assert_eq!(logaddexp(inf, -inf), inf);
        assert!(logaddexp(f32::NAN, 0.0).is_nan());
        assert!(logaddexp(0.0, f32::NAN).is_nan());
    }
}
