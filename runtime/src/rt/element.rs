//! Elements, and arrays of them seen flat.

use half::{bf16, f16};
use num_complex::Complex;

/// The type of an array's elements.
///
/// # Safety
/// [`Elem::ZERO`] is all bits zero, and there is no padding.
pub unsafe trait Elem: Copy + 'static {
    /// What fresh arrays hold, and what reads past the end give.
    const ZERO: Self;
}

/// A scalar of type `T` or arrays of arrays of them: what a kernel's parameters and results are.
///
/// # Safety
/// The type is `size_of::<Self>() / size_of::<T>()` values of `T` in a row, without padding, and aligned as `T` is.
pub unsafe trait Tensor<T: Elem>: Sized {}

macro_rules! elem {
    ($($T:ty = $zero:expr;)*) => {$(
        // SAFETY: every type below is written as zeros, and is a number, a truth value, or two numbers of one size.
        unsafe impl Elem for $T {
            const ZERO: $T = $zero;
        }
        // SAFETY: one value of the type itself.
        unsafe impl Tensor<$T> for $T {}
    )*};
}
elem! {
    f32 = 0.0;
    f64 = 0.0;
    i8 = 0;
    i16 = 0;
    i32 = 0;
    i64 = 0;
    u8 = 0;
    u16 = 0;
    u32 = 0;
    u64 = 0;
    bool = false;
    f16 = f16::from_bits(0);
    bf16 = bf16::from_bits(0);
    Complex<f32> = Complex::new(0.0, 0.0);
    Complex<f64> = Complex::new(0.0, 0.0);
}

// SAFETY: an array is its elements in a row, without padding, and has their alignment.
unsafe impl<T: Elem, A: Tensor<T>, const N: usize> Tensor<T> for [A; N] {}

/// `x[i]`, zero past the end. There is no panic path; where `i` is known to be in range no test remains either.
#[inline(always)]
pub fn ld<T: Elem, const N: usize>(x: &[T; N], i: usize) -> T {
    match x.get(i) {
        Some(x) => *x,
        None => T::ZERO,
    }
}

/// `x[i] = v`, nothing past the end.
#[inline(always)]
pub fn st<T: Elem, const N: usize>(x: &mut [T; N], i: usize, v: T) {
    if let Some(x) = x.get_mut(i) {
        *x = v;
    }
}

/// Where `x[i]` is, for assembler: `__assembler!`.
#[inline(always)]
pub fn address<T: Elem, const N: usize>(x: &[T; N], i: usize) -> *const T {
    x.as_ptr().wrapping_add(i)
}

/// [`address`], to be written to.
#[inline(always)]
pub fn address_mut<T: Elem, const N: usize>(x: &mut [T; N], i: usize) -> *mut T {
    x.as_mut_ptr().wrapping_add(i)
}

/// `n`, which the compiler does not know: a loop of so many turns stays one.
#[inline(always)]
pub fn turns(n: usize) -> usize {
    #[cfg(all(target_arch = "arm", target_abi = "eabihf", target_os = "none"))]
    {
        let mut n = n;
        // SAFETY: it does nothing.
        unsafe { core::arch::asm!("/* {0} */", inout(reg) n, options(pure, nomem, nostack, preserves_flags)) };
        n
    }
    #[cfg(not(all(target_arch = "arm", target_abi = "eabihf", target_os = "none")))]
    n
}

/// What is computed on a core with a floating-point unit without vectors, and what on all others.
#[cfg(all(target_arch = "arm", target_abi = "eabihf", target_os = "none"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __fpu {
    ($here:block else $elsewhere:block) => {
        $here
    };
}

/// What is computed on a core with a floating-point unit without vectors, and what on all others.
#[cfg(not(all(target_arch = "arm", target_abi = "eabihf", target_os = "none")))]
#[doc(hidden)]
#[macro_export]
macro_rules! __fpu {
    ($here:block else $elsewhere:block) => {
        $elsewhere
    };
}

/// What is computed on a core with vectors, and what on all others.
#[cfg(not(any(target_arch = "arm", target_arch = "riscv32")))]
#[doc(hidden)]
#[macro_export]
macro_rules! __vectors {
    ($here:block else $elsewhere:block) => {
        $here
    };
}

/// What is computed on a core with vectors, and what on all others.
#[cfg(any(target_arch = "arm", target_arch = "riscv32"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __vectors {
    ($here:block else $elsewhere:block) => {
        $elsewhere
    };
}

/// Assembler of emitted loops over neighbours.
#[doc(hidden)]
#[macro_export]
macro_rules! __assembler {
    ($($all:tt)*) => {
        // SAFETY: the compiler writes this where each element that is read or written is inside of its array for all turns, and says
        // which registers are lost; what is written is borrowed exclusively.
        unsafe { ::core::arch::asm!($($all)*, options(nostack)) }
    };
}

/// The elements of `x` in row-major order. `N` must be their number, or the call does not compile.
#[inline(always)]
pub fn flat<T: Elem, A: Tensor<T>, const N: usize>(x: &A) -> &[T; N] {
    const { assert!(size_of::<A>() == N * size_of::<T>(), "`flat` with the wrong number of elements") };
    // SAFETY: `A` is a row of `T` (`Tensor`), of `N` of them (checked above), aligned as `T`; the lifetime is that of `x`.
    unsafe { &*(&raw const *x).cast::<[T; N]>() }
}

/// [`flat`], to be written to.
#[inline(always)]
pub fn flat_mut<T: Elem, A: Tensor<T>, const N: usize>(x: &mut A) -> &mut [T; N] {
    const { assert!(size_of::<A>() == N * size_of::<T>(), "`flat_mut` with the wrong number of elements") };
    // SAFETY: as for `flat`; `x` is borrowed exclusively, and any `N` values of `T` are a value of `A`.
    unsafe { &mut *(&raw mut *x).cast::<[T; N]>() }
}

/// Bools as the bytes that they are.
#[inline(always)]
pub fn bytes<const N: usize>(x: &[bool; N]) -> &[u8; N] {
    // SAFETY: a bool is a byte, which is 0 or 1, aligned as any; the lifetime is that of `x`.
    unsafe { &*(&raw const *x).cast::<[u8; N]>() }
}

/// A copy of `x` as an array of any shape.
pub fn shaped<T: Elem, A: Tensor<T>, const N: usize>(x: &[T; N]) -> A {
    let mut out = zero::<T, A>();
    *flat_mut(&mut out) = *x;
    out
}

/// An array of zeros of any shape.
#[inline(always)]
pub fn zero<T: Elem, A: Tensor<T>>() -> A {
    // SAFETY: `A` is a row of `T` (`Tensor`), and all bits zero is `T::ZERO` (`Elem`).
    unsafe { core::mem::zeroed() }
}
