//! The numbers of Kiln: elementary functions, integer arithmetic as `jax.lax` defines it, and the order of sums.
//!
//! Emitted kernels call these functions on the device and the compiler's reference evaluator calls them on the host, so
//! that both agree bit for bit. Nothing here depends on the target: no fused multiply-add, no rounding modes, no
//! vector-width-dependent order. The `f32` functions use `f32` arithmetic and integers only, because `f64` is emulated
//! on the cores that matter most; the `f64` functions are those of the `libm` crate, or composed from them.
//!
//! ```
//! assert_eq!(kiln_math::exp(0.0_f32), 1.0);
//! assert_eq!(kiln_math::div(7_i32, 0), -1);
//! assert_eq!(kiln_math::lanes_reduce(&[1.0_f32, 2.0, 3.0], |a, b| a + b), 6.0);
//! ```
//!
//! # The `f32` functions
//! Largest error found, in units of the last place (`tests/accuracy.rs` holds the bounds), and instructions of a call on a
//! Cortex-M4F, counted in QEMU for 100 arguments in [-4, 4) or where the function is defined (rustc 1.95, `opt-level = 3`;
//! `libm` 0.2.16 needs 1264 for `sinf`, 1117 for `exp2f` and 1575 for `cbrtf`).
//!
//! | | ulp | insns | | ulp | insns | | ulp | insns |
//! |---|---|---|---|---|---|---|---|---|
//! | `exp` | 0.94 | 40 | `sin` | 0.92 | 44 | `sinh` | 1.56 | 46 |
//! | `exp2` | 1.15 | 35 | `cos` | 0.92 | 45 | `cosh` | 1.35 | 47 |
//! | `expm1` | 1.20 | 62 | `tan` | 1.58 | 51 | `tanh` | 1.35 | 50 |
//! | `log` | 0.81 | 49 | `asin` | 1.77 | 34 | `logistic` | 2.19 | 40 |
//! | `log2` | 0.88 | 60 | `acos` | 1.14 | 32 | `cbrt` | 0.92 | 67 |
//! | `log10` | 0.84 | 64 | `atan` | 1.22 | 39 | `rsqrt` | 1.46 | 8 |
//! | `log1p` | 0.83 | 61 | `atan2` | 1.72 | 56 | `sqrt` | 0.5 | 6 |
//!
//! `asinh`, `acosh` and `atanh` are within 2, `lgamma` of positive numbers within 3, `erf` within 1, `erfc` within 4, `pow`
//! within 1. `erf_inv` is XLA's formula, within 4 in the middle and 64 next to -1 and 1.
#![no_std]
#![deny(missing_docs)]
#![deny(clippy::indexing_slicing, clippy::unwrap_used)]

pub mod complex;
mod double;
pub mod fft;
mod float;
mod int;
mod lanes;
pub mod linalg;
mod logaddexp;
mod num;
pub mod order;
mod polygamma;
mod single;
mod threefry;

pub use num_complex::Complex;

pub use fft::{fft, fft_padded, irfft, rfft, rfft_padded};
pub use float::{
    Float, acos, acosh, asin, asinh, atan, atan2, atanh, cbrt, ceil, cos, cosh, digamma, erf, erf_inv, erfc, exp, exp2,
    expm1, floor, is_finite, lgamma, log, log1p, log2, log10, logistic, nextafter, pow, reduce_precision, round, rsqrt,
    sin, sinh, sqrt, tan, tanh, trunc,
};
pub use int::{Int, clz, population_count, shift_left, shift_right_arithmetic, shift_right_logical};
pub use lanes::{LANES, lanes_reduce};
pub use linalg::{cholesky, eigh, lu, qr, svd, triangular_solve};
pub use logaddexp::logaddexp;
pub use num::{Num, Ring, abs, clamp, div, integer_pow, max, max_so_far, min, min_so_far, rem, sign};
pub use order::{argsort, sort, top_k};
pub use polygamma::polygamma;
pub use threefry::threefry2x32;
