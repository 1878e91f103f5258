//! Putting structs together.

/// A `#[derive(Tree)]` struct made of its fields, in order, as a tuple `P`. Each struct has one such `P`, so from the type of
/// a result the types of everything inside follow, and emitted code names none of them: they may not be in scope.
pub trait FromParts<P> {
    /// The struct with these fields.
    fn from_parts(parts: P) -> Self;
}
