//! Results while they are computed.

use core::fmt;
use core::mem::MaybeUninit;

use super::layout::Layout;
use super::{Elem, Tensor};

/// An array that a kernel is about to write, every element of it, and then to return; or a tree of arrays.
///
/// It holds nothing to begin with. Zeros instead would cost their writing, and more: only of an array that nothing but one
/// function has written does the compiler see that it can be built where the caller wants it, without a copy on the stack.
pub struct Unwritten<A>(MaybeUninit<A>);

impl<A> Unwritten<A> {
    /// Nothing yet.
    #[inline(always)]
    pub fn new<T: Elem>() -> Self
    where
        A: Tensor<T>,
    {
        Unwritten(MaybeUninit::uninit())
    }

    /// No tree yet.
    #[inline(always)]
    pub fn tree() -> Self
    where
        A: Layout,
    {
        Unwritten(MaybeUninit::uninit())
    }

    /// Where it is to be written. Emitted code hands this to the kernels that write all of it, in which no element is read that
    /// has not been written.
    #[inline(always)]
    pub fn place(&mut self) -> &mut A {
        // SAFETY: a `Tensor` and a tree are numbers and truth values; until they are written nobody reads them, as above.
        unsafe { &mut *self.0.as_mut_ptr() }
    }

    /// The array, when all of it has been written.
    #[inline(always)]
    pub fn written(self) -> A {
        // SAFETY: emitted code calls this after the kernel that writes every element. The compiler says `Unwritten` only of
        // results that a loop over all of their elements writes; other leaves of trees it fills with zeros first.
        unsafe { self.0.assume_init() }
    }
}

/// What a kernel returns, without the error that it may return instead.
pub trait Returned {
    /// The value.
    type Value;
}

impl<T, E> Returned for Result<T, E> {
    type Value = T;
}

impl<A> fmt::Debug for Unwritten<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unwritten")
    }
}
