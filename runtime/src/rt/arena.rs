//! One block of memory for all intermediate arrays of a kernel.
//!
//! The compiler has decided where each array lies. A kernel asks for the arrays that one loop nest touches as a tuple of
//! types, and gets references; that they are in bounds, aligned and do not overlap is checked while compiling.
//!
//! ```
//! use kiln::rt::{Arena, Rd, Wr};
//! let mut arena = Arena::<32>::new();
//! let (x,) = arena.views::<(Wr<f32, 0, 4>,)>();
//! *x = [1.0, 2.0, 3.0, 4.0];
//! let (x, y) = arena.views::<(Rd<f32, 0, 4>, Wr<f32, 16, 4>)>();
//! *y = *x;
//! assert_eq!(arena.views::<(Rd<f32, 16, 4>,)>().0, &[1.0, 2.0, 3.0, 4.0]);
//! ```
//! A written array that overlaps another does not compile:
//! ```compile_fail,E0080
//! let mut arena = kiln::rt::Arena::<32>::new();
//! arena.views::<(kiln::rt::Rd<f32, 0, 4>, kiln::rt::Wr<f32, 12, 4>)>();
//! ```
//! Nor does one that is misaligned, or ends outside the arena:
//! ```compile_fail,E0080
//! kiln::rt::Arena::<32>::new().views::<(kiln::rt::Rd<f32, 2, 4>,)>();
//! ```
//! ```compile_fail,E0080
//! kiln::rt::Arena::<32>::new().views::<(kiln::rt::Rd<f32, 20, 4>,)>();
//! ```

use core::fmt;
use core::marker::PhantomData;

use super::Elem;

/// Elements of which every bit pattern is a value, so that they may be read from whatever the arena holds.
///
/// # Safety
/// Every initialised bit pattern is a valid value, there is no padding, and the alignment is at most 8.
pub unsafe trait Pod: Elem {}

macro_rules! pod {
    // SAFETY: numbers have no invalid bit patterns and no padding.
    ($($T:ty)*) => { $(unsafe impl Pod for $T {})* };
}
pod!(f32 f64 i8 i16 i32 i64 u8 u16 u32 u64 half::f16 half::bf16 num_complex::Complex<f32> num_complex::Complex<f64>);

/// The memory of a kernel's intermediate arrays. A value of this type is a kernel's workspace, on the stack or in a static.
#[repr(C, align(8))]
pub struct Arena<const BYTES: usize> {
    bytes: [u8; BYTES],
}

impl<const BYTES: usize> Arena<BYTES> {
    /// All zeros, so that a static lies in `.bss`.
    #[inline(always)]
    pub const fn new() -> Self {
        Arena { bytes: [0; BYTES] }
    }

    /// Runs `f` with an arena for one call. It is not cleared where that can be left out: a kernel reads nothing there that it has
    /// not written.
    #[inline(always)]
    pub fn lend<R>(f: impl FnOnce(&mut Self) -> R) -> R {
        #[cfg(all(
            any(all(target_arch = "arm", target_os = "none"), target_arch = "x86_64", target_arch = "aarch64"),
            not(miri)
        ))]
        {
            let mut arena = core::mem::MaybeUninit::<Self>::uninit();
            // SAFETY: bytes are an arena whatever they are. That they are anything at all is what the assembler is for: as far as
            // the compiler knows it has written them.
            unsafe {
                core::arch::asm!("/* {0} */", in(reg) arena.as_mut_ptr(), options(nostack, preserves_flags));
                f(arena.assume_init_mut())
            }
        }
        #[cfg(not(all(
            any(all(target_arch = "arm", target_os = "none"), target_arch = "x86_64", target_arch = "aarch64"),
            not(miri)
        )))]
        f(&mut Self::new())
    }

    /// References to the arrays that the tuple of types `V` describes.
    #[inline(always)]
    pub fn views<V: Views>(&mut self) -> V::Refs<'_> {
        const { check(&V::SPANS, BYTES) };
        // SAFETY: the spans are in bounds, aligned, and no written one overlaps another (checked above); the arena is
        // aligned to 8, initialised, and borrowed exclusively for the lifetime of the references.
        unsafe { V::refs((&raw mut self.bytes).cast()) }
    }
}

impl<const BYTES: usize> Default for Arena<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const BYTES: usize> fmt::Debug for Arena<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena<{BYTES}>")
    }
}

/// An array of `LEN` elements at byte `OFF`, to be read.
pub struct Rd<T, const OFF: usize, const LEN: usize>(PhantomData<T>);

/// An array of `LEN` elements at byte `OFF`, to be read and written.
pub struct Wr<T, const OFF: usize, const LEN: usize>(PhantomData<T>);

/// An arena of `BYTES` bytes at byte `OFF`: that of a kernel which is called.
pub struct Part<const OFF: usize, const BYTES: usize>;

impl<const OFF: usize, const BYTES: usize> Part<OFF, BYTES> {
    /// An empty one takes no room: the arena may end before `OFF`, which is rounded up.
    const START: usize = if BYTES == 0 { 0 } else { OFF };
}

/// Where one array lies.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    start: usize,
    bytes: usize,
    align: usize,
    written: bool,
}

/// Where several arrays lie.
#[derive(Debug)]
pub enum Spans {
    /// Those of a tuple.
    Of(&'static [Span]),
    /// Those of both.
    Both(&'static Spans, &'static Spans),
}

const fn check(spans: &Spans, arena_bytes: usize) {
    match spans {
        Spans::Both(a, b) => {
            check(a, arena_bytes);
            check(b, arena_bytes);
            check_apart(a, b);
        }
        Spans::Of(spans) => {
            let mut rest = *spans;
            while let [a, tail @ ..] = rest {
                assert!(a.start.is_multiple_of(a.align), "an array in the arena is misaligned");
                assert!(a.start <= arena_bytes && a.bytes <= arena_bytes - a.start, "an array ends outside the arena");
                check_apart_from(a, tail);
                rest = tail;
            }
        }
    }
}

const fn check_apart(a: &Spans, b: &Spans) {
    match (a, b) {
        (Spans::Both(first, second), b) | (b, Spans::Both(first, second)) => {
            check_apart(first, b);
            check_apart(second, b);
        }
        (Spans::Of(a), Spans::Of(b)) => {
            let mut rest = *a;
            while let [a, tail @ ..] = rest {
                check_apart_from(a, b);
                rest = tail;
            }
        }
    }
}

const fn check_apart_from(a: &Span, others: &[Span]) {
    let mut others = others;
    while let [b, tail @ ..] = others {
        let apart = a.start + a.bytes <= b.start || b.start + b.bytes <= a.start;
        let empty = a.bytes == 0 || b.bytes == 0;
        assert!(apart || empty || !(a.written || b.written), "a written array overlaps another");
        others = tail;
    }
}

/// One array in the arena: [`Rd`] or [`Wr`].
///
/// # Safety
/// [`View::at`] touches the bytes of [`View::SPAN`] and no others, and writes only if it says so.
pub unsafe trait View {
    /// What a kernel gets.
    type Ref<'a>;
    /// Where it lies.
    const SPAN: Span;
    /// The reference.
    ///
    /// # Safety
    /// `base` is the start of an initialised arena aligned to 8 in which the span lies, aligned; for `'a` nothing else
    /// writes the span, and nothing else reads it if it is written.
    unsafe fn at<'a>(base: *mut u8) -> Self::Ref<'a>;
}

// SAFETY: a shared reference to exactly the bytes of the span.
unsafe impl<T: Pod, const OFF: usize, const LEN: usize> View for Rd<T, OFF, LEN> {
    type Ref<'a> = &'a [T; LEN];
    const SPAN: Span = Span { start: OFF, bytes: LEN * size_of::<T>(), align: align_of::<T>(), written: false };
    #[inline(always)]
    unsafe fn at<'a>(base: *mut u8) -> &'a [T; LEN] {
        // SAFETY: in bounds, aligned, initialised and not written meanwhile (the caller's promise); any bits are a `Pod`.
        unsafe { &*base.add(OFF).cast::<[T; LEN]>() }
    }
}

// SAFETY: an exclusive reference to exactly the bytes of the span, which is marked as written.
unsafe impl<T: Pod, const OFF: usize, const LEN: usize> View for Wr<T, OFF, LEN> {
    type Ref<'a> = &'a mut [T; LEN];
    const SPAN: Span = Span { start: OFF, bytes: LEN * size_of::<T>(), align: align_of::<T>(), written: true };
    #[inline(always)]
    unsafe fn at<'a>(base: *mut u8) -> &'a mut [T; LEN] {
        // SAFETY: as for `Rd`, and nothing else touches the span (the caller's promise).
        unsafe { &mut *base.add(OFF).cast::<[T; LEN]>() }
    }
}

// SAFETY: an exclusive reference to exactly the bytes of the span, which is marked as written.
unsafe impl<const OFF: usize, const BYTES: usize> View for Part<OFF, BYTES> {
    type Ref<'a> = &'a mut Arena<BYTES>;
    const SPAN: Span =
        Span { start: Self::START, bytes: size_of::<Arena<BYTES>>(), align: align_of::<Arena<BYTES>>(), written: true };
    #[inline(always)]
    unsafe fn at<'a>(base: *mut u8) -> &'a mut Arena<BYTES> {
        // SAFETY: in bounds, aligned and initialised, and nothing else touches the span (the caller's promise); an arena is
        // bytes, padding included, and of those any are one.
        unsafe { &mut *base.add(Self::START).cast::<Arena<BYTES>>() }
    }
}

impl<const OFF: usize, const BYTES: usize> fmt::Debug for Part<OFF, BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part<{OFF}, {BYTES}>")
    }
}

impl<T, const OFF: usize, const LEN: usize> fmt::Debug for Rd<T, OFF, LEN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rd<{OFF}, {LEN}>")
    }
}

impl<T, const OFF: usize, const LEN: usize> fmt::Debug for Wr<T, OFF, LEN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wr<{OFF}, {LEN}>")
    }
}

/// A tuple of up to sixteen [`View`]s, or [`Both`].
///
/// # Safety
/// [`Views::SPANS`] lists the span of every reference that [`Views::refs`] makes.
pub unsafe trait Views {
    /// The references, in the same order.
    type Refs<'a>;
    /// The spans.
    const SPANS: Spans;
    /// The references.
    ///
    /// # Safety
    /// `base` is the start of an initialised arena aligned to 8, for which the spans have been checked, and which is borrowed
    /// exclusively for `'a`.
    unsafe fn refs<'a>(base: *mut u8) -> Self::Refs<'a>;
}

/// The views of `A` and those of `B`, for more than a tuple holds.
#[derive(Debug)]
pub struct Both<A, B>(PhantomData<(A, B)>);

// SAFETY: the spans are those of both.
unsafe impl<A: Views, B: Views> Views for Both<A, B> {
    type Refs<'a> = (A::Refs<'a>, B::Refs<'a>);
    const SPANS: Spans = Spans::Both(&A::SPANS, &B::SPANS);
    #[inline(always)]
    unsafe fn refs<'a>(base: *mut u8) -> Self::Refs<'a> {
        // SAFETY: the spans of both were checked to be in bounds, aligned, and disjoint from written ones.
        unsafe { (A::refs(base), B::refs(base)) }
    }
}

macro_rules! views {
    ($($V:ident)+) => {
        // SAFETY: the spans are those of the views, one by one.
        unsafe impl<$($V: View),+> Views for ($($V,)+) {
            type Refs<'a> = ($($V::Ref<'a>,)+);
            const SPANS: Spans = Spans::Of(&[$($V::SPAN),+]);
            #[inline(always)]
            unsafe fn refs<'a>(base: *mut u8) -> Self::Refs<'a> {
                // SAFETY: the spans were checked to be in bounds, aligned, and disjoint from written ones.
                unsafe { ($($V::at(base),)+) }
            }
        }
    };
}
macro_rules! views_up_to {
    ($first:ident $($rest:ident)*) => {
        views!($first $($rest)*);
        views_up_to!($($rest)*);
    };
    () => {};
}
views_up_to!(A B C D E F G H I J K L M N O P);
