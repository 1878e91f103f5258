//! The primitive behind `fft::`.

use kiln_math::fft::Kind;

use crate::library::intrinsics::array;
use crate::ops::*;
use crate::parse::spans::Sp;
use crate::trace::args::Args;
use crate::trace::value::Value;
use crate::trace::{R, Tracer, err};

/// Intrinsics of this file.
pub const TABLE: super::Table = &[
    ("_fft", |tr, a, sp| transform(tr, Kind::Forward, a, sp)),
    ("_ifft", |tr, a, sp| transform(tr, Kind::Inverse, a, sp)),
    ("_rfft", |tr, a, sp| transform(tr, Kind::Real, a, sp)),
    ("_irfft", |tr, a, sp| transform(tr, Kind::RealInverse, a, sp)),
    ("_complex", |tr, a, sp| {
        let b = a.bind("_complex", &["x"], 1, sp)?;
        let x = array(tr, &b, "x")?;
        let x = super::intrinsics::to_float(tr, &x, sp)?;
        if x.aval.dtype.is_complex() {
            return Ok(Value::Array(x));
        }
        tr.call_builtin("lax::complex", Args::of(vec![Value::Array(x), Value::float(0.0)], sp), sp, true)
    }),
];

/// `_fft(x, n)`: along the last axis.
fn transform(tr: &mut Tracer<'_>, kind: Kind, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("_fft", &["x", "n"], 2, sp)?;
    let x = array(tr, &b, "x")?;
    let Some(n) = b.int("n")?.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0) else {
        return err(sp, "the length of a transform is at least 1");
    };
    Ok(Value::Array(tr.bind1(Fft { kind, n }, &[&x], sp)?))
}
