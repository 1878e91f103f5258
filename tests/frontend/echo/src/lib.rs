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

    /// Of any type: these tests look at no numbers.
    pub trait Floats {
        fn floats(&mut self, beside: &Self, visitor: &mut Visitor<impl Visit>);
    }

    /// Nor at memory.
    pub mod layout {
        /// # Safety
        /// None: nobody reads it.
        pub unsafe trait Layout {
            const NODE: Node;
        }

        #[derive(Debug)]
        pub enum Node {
            Fields(&'static [Field]),
        }

        #[derive(Debug)]
        pub struct Field {
            pub name: &'static str,
            pub offset: usize,
            pub node: &'static Node,
        }

        macro_rules! numbers {
            ($($T:ty)*) => {$(
                // SAFETY: see the trait.
                unsafe impl Layout for $T {
                    const NODE: Node = Node::Fields(&[]);
                }
            )*};
        }
        numbers! { f32 f64 i8 i16 i32 i64 u8 u16 u32 u64 usize bool }

        // SAFETY: see the trait.
        unsafe impl<T: Layout, const N: usize> Layout for [T; N] {
            const NODE: Node = Node::Fields(&[]);
        }

        // SAFETY: see the trait.
        unsafe impl<A: Layout, B: Layout> Layout for (A, B) {
            const NODE: Node = Node::Fields(&[]);
        }
    }

    #[derive(Debug)]
    pub struct Visitor<V>(pub V);

    pub trait Visit {}

    impl<V: Visit> Visitor<V> {
        pub fn enter<T>(&mut self, _: Step, _: &mut T, _: &T) {}
    }

    #[derive(Debug)]
    pub enum Step {
        Field(&'static str),
    }

    #[derive(Debug)]
    pub struct Arena<const BYTES: usize>(pub [u8; BYTES]);

    impl<const BYTES: usize> Arena<BYTES> {
        #[allow(clippy::new_without_default)]
        pub const fn new() -> Self {
            Arena([0; BYTES])
        }

        pub fn lend<R>(f: impl FnOnce(&mut Self) -> R) -> R {
            f(&mut Arena::new())
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
