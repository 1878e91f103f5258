//! Instruction sets: emitted loops are compiled for each that matters, and run for the best that the processor has.
//!
//! Emitted code is generic in its [`Level`] and names none; `__run!` chooses. The arithmetic is the same on every level
//! (rustc contracts nothing), so the bits are, unless a kernel is `fast`. Off x86-64 there is one level, which is what the
//! crate is compiled for, and a run is a plain call.

#[cfg(target_arch = "x86_64")]
mod x86;

/// An instruction set.
pub trait Level: Copy + 'static {}

/// What the crate is compiled for.
#[derive(Clone, Copy, Debug)]
pub struct Base(());

impl Level for Base {}

impl Base {
    /// `f()`.
    #[inline(always)]
    pub fn run<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

/// The instruction set to use. Holding one of its values proves that the processor has it.
#[derive(Clone, Copy, Debug)]
pub enum Isa {
    /// What the crate is compiled for.
    Base(Base),
    /// Vectors of 256 bits, and fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// Vectors of 512 bits.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Isa {
    /// The best that this processor has, or that [`Isa::limit`] allows.
    #[cfg(not(target_arch = "x86_64"))]
    #[inline(always)]
    pub fn best() -> Isa {
        Isa::Base(Base(()))
    }

    /// Whether there is a level number `most`, counted from 0: there is one.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn limit(most: u8) -> bool {
        most == 0
    }
}

/// Runs an expression that is generic in the type `$L` for the best instruction set of the processor.
#[doc(hidden)]
#[macro_export]
macro_rules! __run {
    ($L:ident => $body:expr) => {
        match $crate::rt::Isa::best() {
            #[cfg(target_arch = "x86_64")]
            $crate::rt::Isa::Avx512(level) => {
                type $L = $crate::rt::Avx512;
                level.run(|| $body)
            }
            #[cfg(target_arch = "x86_64")]
            $crate::rt::Isa::Avx2(level) => {
                type $L = $crate::rt::Avx2;
                level.run(|| $body)
            }
            $crate::rt::Isa::Base(level) => {
                type $L = $crate::rt::Base;
                level.run(|| $body)
            }
        }
    };
}
