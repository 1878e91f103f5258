//! Refusals: of operands by shape rules, of transformations by rules that cannot go on.

use std::fmt;

/// Why a shape rule refuses its operands, in words of shapes and dtypes; `operand` points at the culprit, if one is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpError {
    /// What is wrong.
    pub message: String,
    /// Which operand to point at.
    pub operand: Option<usize>,
    /// What to write instead, where that is known.
    pub help: Option<String>,
}

impl OpError {
    /// A refusal that no operand alone is to blame for.
    pub fn new(message: impl Into<String>) -> OpError {
        OpError { message: message.into(), operand: None, help: None }
    }

    /// Points at operand `n`.
    pub fn at(mut self, n: usize) -> OpError {
        self.operand = Some(n);
        self
    }

    /// Adds what to write instead.
    pub fn help(mut self, help: impl Into<String>) -> OpError {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for OpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What a rule that cannot go on unwinds with; the tracer makes a message of it.
#[derive(Debug)]
pub struct Refused(pub String);

/// Refuses a transformation that is mathematically or practically impossible, in words for the user. Unwinds to the tracer
/// without a panic message.
pub fn refuse(message: impl Into<String>) -> ! {
    std::panic::resume_unwind(Box::new(Refused(message.into())))
}
