//! `#[jit]` and friends: each a single call into `kiln-codegen`.
