//! The error of checked functions.

use core::fmt;

/// A `check!` that did not hold.
///
/// ```
/// let e = kiln::CheckError { message: "dt must be positive", line: 12 };
/// assert_eq!(e.to_string(), "line 12: dt must be positive");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckError {
    /// The text of the check.
    pub message: &'static str,
    /// Line of the check in the user's source.
    pub line: u32,
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl core::error::Error for CheckError {}
