//! Stands in for the facade.
#![no_std]

pub use echo_macros::{__collect, __finish, __gather, Tree, instantiate, jit};

pub mod prelude {
    pub use crate::{Tree, instantiate, jit};
}

pub mod rt {
    pub trait FromParts<P> {
        fn from_parts(parts: P) -> Self;
    }

    #[derive(Debug)]
    pub struct Arena<const BYTES: usize>(pub [u8; BYTES]);

    impl<const BYTES: usize> Arena<BYTES> {
        #[allow(clippy::new_without_default)]
        pub const fn new() -> Self {
            Arena([0; BYTES])
        }
    }

    #[derive(Debug)]
    pub struct Shared<const BYTES: usize>;

    impl<const BYTES: usize> Shared<BYTES> {
        #[allow(clippy::new_without_default)]
        pub const fn new() -> Self {
            Shared
        }

        pub fn with<R>(&self, kernel: impl FnOnce(&mut Arena<BYTES>) -> R) -> R {
            kernel(&mut Arena::new())
        }
    }
}
