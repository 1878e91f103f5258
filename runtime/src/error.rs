//! The error of checked functions.

use core::fmt::{self, Write};

/// A value that the text of a check shows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum CheckValue {
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// A float.
    Float(f64),
    /// A bool.
    Bool(bool),
}

impl fmt::Display for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckValue::Int(x) => x.fmt(f),
            CheckValue::UInt(x) => x.fmt(f),
            CheckValue::Float(x) => x.fmt(f),
            CheckValue::Bool(x) => x.fmt(f),
        }
    }
}

macro_rules! values {
    ($($ty:ty => $variant:ident),+ $(,)?) => {$(
        impl From<$ty> for CheckValue {
            fn from(x: $ty) -> CheckValue {
                CheckValue::$variant(x.into())
            }
        }
    )+};
}

values! {
    i8 => Int, i16 => Int, i32 => Int, i64 => Int,
    u8 => UInt, u16 => UInt, u32 => UInt, u64 => UInt,
    half::f16 => Float, half::bf16 => Float, f32 => Float, f64 => Float,
    bool => Bool,
}

/// A `check!` that did not hold.
///
/// Nothing is formatted until it is shown, so that a firmware that only looks at [`CheckError::line`] links no formatting.
///
/// ```
/// let e = kiln::CheckError::new("dt must be positive, found {:.1}", 12, &[kiln::CheckValue::Float(-0.25)]);
/// assert_eq!(e.line, 12);
/// assert_eq!(e.to_string(), "line 12: dt must be positive, found -0.2");
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CheckError {
    /// The text of the check, with `{}` where a value stands: `{:.3}` shows three decimals.
    pub message: &'static str,
    /// Line of the check in the user's source.
    pub line: u32,
    values: [Option<CheckValue>; CheckError::MAX_VALUES],
}

impl CheckError {
    /// How many values the text of a check may show.
    pub const MAX_VALUES: usize = 4;

    /// An error with its values; those beyond [`CheckError::MAX_VALUES`] are dropped.
    pub fn new(message: &'static str, line: u32, values: &[CheckValue]) -> CheckError {
        let mut kept = [None; CheckError::MAX_VALUES];
        for (slot, value) in kept.iter_mut().zip(values) {
            *slot = Some(*value);
        }
        CheckError { message, line, values: kept }
    }

    /// The values that the text shows, in order.
    pub fn values(&self) -> impl Iterator<Item = CheckValue> + '_ {
        self.values.iter().copied().flatten()
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        let mut values = self.values();
        let mut rest = self.message.chars();
        while let Some(c) = rest.next() {
            if c != '{' && c != '}' {
                f.write_char(c)?;
                continue;
            }
            // `{{` and `}}` are the characters themselves, everything else is `{}` or `{:.N}`.
            let mut decimals = None;
            match rest.next() {
                Some(next) if next == c => {
                    f.write_char(c)?;
                    continue;
                }
                Some(':') => {
                    for digit in rest.by_ref().take_while(|c| *c != '}').filter_map(|c| c.to_digit(10)) {
                        decimals = Some(decimals.unwrap_or(0usize).saturating_mul(10).saturating_add(digit as usize));
                    }
                }
                _ => {}
            }
            match (values.next(), decimals) {
                (Some(CheckValue::Float(x)), Some(n)) => write!(f, "{x:.n$}")?,
                (Some(x), _) => write!(f, "{x}")?,
                (None, _) => f.write_char('?')?,
            }
        }
        Ok(())
    }
}

impl core::error::Error for CheckError {}
