//! For tests of programs: is a gradient the gradient?

use core::fmt;

use crate::rt::Visitor;
pub use crate::rt::{Floats, Path, Step};

mod orders;
pub use kiln_macros::check_grads;
pub use orders::{OrderError, check_order};

/// How close a gradient must be to central differences, and how these are taken.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tolerance {
    /// How far to step to either side, times the larger of one and the number that is changed.
    pub eps: f64,
    /// Largest difference that is not an error ..
    pub atol: f64,
    /// .. and what is added to it for each unit of the slope.
    pub rtol: f64,
    /// In how many random directions the slope is compared.
    pub directions: u32,
}

impl Tolerance {
    /// For functions computed in `f32`: a third of the digits is lost by dividing by the step, a third by its length.
    pub const F32: Tolerance = Tolerance { eps: 4e-3, atol: 1e-3, rtol: 1e-2, directions: 4 };
    /// For functions computed in `f64`.
    pub const F64: Tolerance = Tolerance { eps: 1e-5, atol: 1e-7, rtol: 1e-6, directions: 4 };

    fn holds(&self, gradient: f64, difference: f64) -> bool {
        // Neither NaN nor infinity is close to anything.
        (gradient - difference).abs() <= self.atol + self.rtol * difference.abs() && difference.is_finite()
    }
}

/// Holds the gradient `grads` of `f` at `x` against central differences, in random directions.
///
/// | | |
/// |---|---|
/// | `f` | a kernel, or what calls one: its value is the number that is differentiated |
/// | `grads` | what the gradient kernel gave at `x` |
/// | `x` | where: a number, an array of any rank, a tuple of arguments, a `#[derive(Tree)]` struct |
/// | `tolerance` | [`Tolerance::F32`], [`Tolerance::F64`] or your own |
///
/// **Errors.** If a slope is off, the number in `x` whose derivative is off most, with both values. A value that is not finite is
/// off, and so is a number that is too coarse for the step. At a kink the differences are the mean of both sides, which the gradient need not be: stay away from them.
/// **Cost.** Two calls of `f` per direction; after an error, two per number in `x`. `x` is copied twice, on the stack.
/// Directions are the same in each run. Integers and bools in `x` stay as they are. The gradient by a
/// complex number is JAX's, `df/dre - i df/dim`; the error names the part, with the derivative by it.
///
/// ```
/// use kiln::prelude::*;
/// use kiln::test::{Tolerance, check_grads};
///
/// #[derive(Clone, Tree)]
/// struct Line { slope: [f32; 2], offset: f32 }
///
/// #[jit]
/// fn loss(p: &Line, x: &[f32; 2]) -> f32 { tanh(dot(p.slope, x) + p.offset) }
///
/// #[jit]
/// fn loss_grad(p: &Line, x: &[f32; 2]) -> Line { grad(loss)(p, x) }
///
/// let (p, x) = (Line { slope: [0.5, -1.0], offset: 0.25 }, [1.0, 0.5]);
/// let mut g = loss_grad(&p, &x);
/// assert_eq!(check_grads(|p| loss(p, &x), &g, &p, &Tolerance::F32), Ok(()));
///
/// g.slope[1] += 0.25;
/// let e = check_grads(|p| loss(p, &x), &g, &p, &Tolerance::F32).unwrap_err();
/// assert_eq!(e.path.to_string(), ".slope[1]");
/// assert!((e.gradient - e.difference - 0.25).abs() < 1e-3);
/// ```
/// Source: `jax.test_util.check_grads`.
#[expect(clippy::result_large_err, reason = "a path without allocation is all its steps")]
pub fn check_grads<X: Floats + Clone, Y: Into<f64>>(
    mut f: impl FnMut(&X) -> Y,
    grads: &X,
    x: &X,
    tolerance: &Tolerance,
) -> Result<(), GradError> {
    for direction in 0..tolerance.directions {
        let Change { gradient, difference, .. } = change(&mut f, grads, x, tolerance.eps, |i| component(direction, i));
        let (gradient, difference) = (gradient / (2.0 * tolerance.eps), difference / (2.0 * tolerance.eps));
        if !tolerance.holds(gradient, difference) {
            return Err(worst(&mut f, grads, x, tolerance.eps, (gradient, difference)));
        }
    }
    Ok(())
}

/// What happens to `f` between two points on either side of `x`.
struct Change {
    /// As the gradient has it.
    gradient: f64,
    /// As it is.
    difference: f64,
    /// How far the points are from each other, in the sum of the absolute values.
    way: f64,
}

/// The change of `f` along `direction`, a function of a number's place in the order of all, times the scale of that number.
fn change<X: Floats + Clone, Y: Into<f64>>(
    f: &mut impl FnMut(&X) -> Y,
    grads: &X,
    x: &X,
    eps: f64,
    direction: impl Fn(u32) -> f64,
) -> Change {
    let at = |side: f64| {
        let (mut at, mut i) = (x.clone(), 0);
        at.floats(
            x,
            &mut Visitor::new(|_, x, _| {
                i += 1;
                let step = direction(i) * eps * scale(x);
                // Nothing is added where there is no step: -0.0 would change.
                if step == 0.0 { x } else { x + side * step }
            }),
        );
        at
    };
    let (above, mut below) = (at(1.0), at(-1.0));
    let difference = f(&above).into() - f(&below).into();
    // How far each number went after rounding, and then the gradient along that way.
    below.floats(&above, &mut Visitor::new(|_, below, above| above - below));
    let (mut gradient, mut length, mut i) = (0.0, 0.0, 0);
    below.floats(
        grads,
        &mut Visitor::new(|place, way, slope| {
            i += 1;
            length += way.abs();
            if direction(i) != 0.0 {
                // A step that was lost in rounding tells nothing, and must not pass for agreement.
                gradient += if way == 0.0 { f64::NAN } else { way * place.sign * slope };
            }
            way
        }),
    );
    Change { gradient, difference, way: length }
}

fn scale(x: f64) -> f64 {
    x.abs().max(1.0)
}

/// The number whose derivative is off most.
fn worst<X: Floats + Clone, Y: Into<f64>>(
    f: &mut impl FnMut(&X) -> Y,
    grads: &X,
    x: &X,
    eps: f64,
    along: (f64, f64),
) -> GradError {
    let mut found: Option<(f64, GradError)> = None;
    let mut i = 0;
    x.clone().floats(
        grads,
        &mut Visitor::new(|place, value, slope| {
            i += 1;
            let along_axis = change(f, grads, x, eps, |k| if k == i { 1.0 } else { 0.0 });
            let (gradient, difference) = (place.sign * slope, along_axis.difference / along_axis.way);
            let off = (gradient - difference).abs() * scale(value);
            let off = if off.is_nan() { f64::INFINITY } else { off };
            if found.as_ref().is_none_or(|(most, _)| off > *most) {
                found = Some((off, GradError { path: *place.path, gradient, difference, along }));
            }
            value
        }),
    );
    // Without numbers only a function that is not finite gets here.
    found.map_or(GradError { path: Path::ROOT, gradient: along.0, difference: along.1, along }, |(_, e)| e)
}

/// Random, with either sign, and never so small that a number is left out.
fn component(direction: u32, i: u32) -> f64 {
    // The finalizer of MurmurHash3.
    let mut h = i.wrapping_add(direction.wrapping_mul(0x9e37_79b9)) ^ 0x5bd1_e995;
    h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
    h ^= h >> 16;
    let size = 0.5 + f64::from(h >> 1) / f64::from(1u32 << 31) / 2.0;
    if h & 1 == 0 { size } else { -size }
}

/// A gradient that is not the gradient.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GradError {
    /// The number whose derivative is off most.
    pub path: Path,
    /// Its derivative as the gradient has it, exactly.
    pub gradient: f64,
    /// Its derivative as central differences have it.
    pub difference: f64,
    /// The slope along the direction in which the error showed: of the gradient, and of central differences.
    pub along: (f64, f64),
}

impl fmt::Display for GradError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GradError { path, gradient, difference, along } = self;
        write!(f, "the derivative by `x{path}` is {difference}, and the gradient has {gradient} there ")?;
        write!(f, "(in the direction that was tried: {}, and {})", along.1, along.0)
    }
}

impl core::error::Error for GradError {}
