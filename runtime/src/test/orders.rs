//! Derivatives of higher order: each against differences of the one below it.

use core::fmt;

use super::{Tolerance, component, scale};
use crate::rt::{Floats, Visitor};

/// Holds a derivative along a direction, `derivative(x, v)`, against central differences of the one below it along the same
/// direction, `below(x, v)`, in random directions. What `check_grads!` calls for each order and mode.
///
/// `modes` says in the error which derivative it is. Directions are the same in each run, and as long as the unit step of every
/// number, together. **Cost.** Two calls of `below` and one of `derivative` per direction; `x` is copied three times, on the stack.
///
/// **Errors.** The derivative and the differences, in the first direction in which they are apart. A value that is not finite is.
pub fn check_order<X: Floats + Clone, Y: Into<f64>>(
    modes: &'static str,
    mut below: impl FnMut(&X, &X) -> Y,
    mut derivative: impl FnMut(&X, &X) -> Y,
    x: &X,
    tolerance: &Tolerance,
) -> Result<(), OrderError> {
    let mut n = 0_u32;
    x.clone().floats(
        x,
        &mut Visitor::new(|_, x, _| {
            n += 1;
            x
        }),
    );
    // Of length about one whatever the number of floats: the largest power of two whose square is at most `n`.
    let length = f64::from(1_u32 << ((31 - n.max(1).leading_zeros()) / 2));
    for seed in 0..tolerance.directions {
        let (mut v, mut i) = (x.clone(), 0);
        v.floats(
            x,
            &mut Visitor::new(|_, x, _| {
                i += 1;
                component(seed, i) * scale(x) / length
            }),
        );
        let at = |side: f64| {
            let mut at = x.clone();
            at.floats(&v, &mut Visitor::new(|_, x, v| x + side * tolerance.eps * v));
            at
        };
        let difference = (below(&at(1.0), &v).into() - below(&at(-1.0), &v).into()) / (2.0 * tolerance.eps);
        let derivative = derivative(x, &v).into();
        if !tolerance.holds(derivative, difference) {
            return Err(OrderError { modes, derivative, difference });
        }
    }
    Ok(())
}

/// A derivative that is not the derivative of the one below it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OrderError {
    /// How it was taken, innermost first: `"fwd, rev"` is reverse mode of forward mode.
    pub modes: &'static str,
    /// It, along the direction.
    pub derivative: f64,
    /// Central differences of the derivative below it, along the same direction.
    pub difference: f64,
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OrderError { modes, derivative, difference } = self;
        write!(f, "the derivative by {modes} is {derivative}, and differences of the one below it are {difference}")
    }
}

impl core::error::Error for OrderError {}
