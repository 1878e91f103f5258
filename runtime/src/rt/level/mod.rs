//! Instruction sets: emitted loops are compiled for each that matters, and run for the best that the processor has.
//!
//! Emitted code is generic in its [`Level`] and names none; `__run!` chooses. The arithmetic is the same on every level
//! (rustc contracts nothing), so the bits are, unless a kernel is `fast`. Off x86-64 there is one level, which is what the
//! crate is compiled for, and a run is a plain call.

#[cfg(target_arch = "x86_64")]
mod row;
#[cfg(target_arch = "x86_64")]
mod x86;

// Cores without vectors need them for their types only.
#[cfg_attr(
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        all(target_arch = "wasm32", target_feature = "simd128")
    )),
    allow(dead_code)
)]
mod tile;
#[cfg_attr(
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        all(target_arch = "wasm32", target_feature = "simd128")
    )),
    allow(dead_code)
)]
mod vector;

use tile::{Columns, Tile, Walk};
pub(super) use tile::{LARGE, SMALL, Side, fits, lanes, products, room};

/// An instruction set.
pub trait Level: Copy + 'static {
    /// Elements of its vectors of `f32`; 0 if there are none that contractions use.
    const LANES: usize;
    /// Whether there are registers for tiles of eight rows of two vectors.
    const TALL: bool;
    /// Whether sums of rounded products are best in tiles of sixteen rows of one vector: where a multiplication reads a factor from
    /// memory for all of its lanes, rows need no register besides their sum.
    const SLIM: bool;
    /// Whether a vector is a line of the cache, so that those that lie across two take twice the time to load.
    const LINES: bool = false;
    /// Rows and columns of the squares that are turned in registers; 0 if there are none.
    const SQUARE: usize;
    /// Computes a tile, see [`tile::tile`].
    ///
    /// # Safety
    /// As there; and the processor has this level.
    #[doc(hidden)]
    unsafe fn tile<const FAST: bool, const ROWS: usize, const WIDE: usize, const PART: bool, const LANED: bool>(
        tile: &Tile,
    );
    /// Computes a row whose columns lie along the summed index, see [`tile::turned`].
    ///
    /// # Safety
    /// As there; and the processor has this level.
    #[doc(hidden)]
    unsafe fn turned<const FAST: bool, const PAIRS: usize>(tile: &Tile);
    /// Computes `wide` vectors of a row whose columns lie in lines of the cache, if [`Level::LINES`].
    ///
    /// # Safety
    /// The processor has this level. The factors of the columns are there to be read, from `tile.shift` in the first vector up to
    /// `tile.part` in the last; `wide` vectors fit at `out`.
    #[doc(hidden)]
    #[inline(always)]
    unsafe fn row<const FAST: bool>(tile: &Tile, wide: usize) {
        let _ = (tile, wide);
    }
    /// Packs columns, see [`tile::pack`].
    ///
    /// # Safety
    /// As there; and the processor has this level.
    #[doc(hidden)]
    unsafe fn pack(columns: &Columns);
    /// Computes the next tile of a product, see [`tile::step`].
    ///
    /// # Safety
    /// As there, here and below.
    #[doc(hidden)]
    unsafe fn next(walk: &mut Walk) -> bool;
    /// The same in any rounding.
    #[doc(hidden)]
    unsafe fn next_fast(walk: &mut Walk) -> bool;
    /// See [`tile::step_of_lanes`].
    #[doc(hidden)]
    unsafe fn next_of_lanes(walk: &mut Walk) -> bool;
    /// The same in any rounding.
    #[doc(hidden)]
    unsafe fn next_of_lanes_fast(walk: &mut Walk) -> bool;
    /// `f()`, compiled for all that the level has, see [`wide`].
    ///
    /// # Safety
    /// The processor has this level.
    #[doc(hidden)]
    #[inline(always)]
    unsafe fn wide<R>(f: impl FnOnce() -> R) -> R {
        f()
    }
}

/// `f()`, compiled for vectors as wide as the level's: for loops over neighbours that compute elementary functions, whose steps wait
/// for each other, so that the elements of a step are what counts.
#[inline(always)]
pub fn wide<L: Level, R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: code that is generic in a level is run on processors that have it.
    unsafe { L::wide(f) }
}

/// What the crate is compiled for.
#[derive(Clone, Copy, Debug)]
pub struct Base(());

/// The ways from tile to tile: functions without parameters, which are compiled here, and not once more with every kernel.
macro_rules! steps {
    ($tile:ident) => {
        #[inline(never)]
        unsafe fn next(walk: &mut Walk) -> bool {
            // SAFETY: the caller's promise, here and below.
            unsafe { $tile::step::<Self, false>(walk) }
        }
        #[inline(never)]
        unsafe fn next_fast(walk: &mut Walk) -> bool {
            // SAFETY: see `next`.
            unsafe { $tile::step::<Self, true>(walk) }
        }
        #[inline(never)]
        unsafe fn next_of_lanes(walk: &mut Walk) -> bool {
            // SAFETY: see `next`.
            unsafe { $tile::step_of_lanes::<Self, false>(walk) }
        }
        #[inline(never)]
        unsafe fn next_of_lanes_fast(walk: &mut Walk) -> bool {
            // SAFETY: see `next`.
            unsafe { $tile::step_of_lanes::<Self, true>(walk) }
        }
    };
}
#[cfg(target_arch = "x86_64")]
use steps;

impl Level for Base {
    const LANES: usize = base::LANES;
    const TALL: bool = cfg!(target_arch = "aarch64");
    const SLIM: bool = false;
    const SQUARE: usize = base::LANES;
    #[inline(never)]
    unsafe fn tile<const FAST: bool, const ROWS: usize, const WIDE: usize, const PART: bool, const LANED: bool>(
        tile: &Tile,
    ) {
        // SAFETY: the caller's promise; the crate is compiled for these vectors.
        unsafe { base::tile::<FAST, ROWS, WIDE, PART, LANED>(tile) }
    }
    #[inline(never)]
    unsafe fn turned<const FAST: bool, const PAIRS: usize>(tile: &Tile) {
        // SAFETY: the caller's promise; the crate is compiled for these vectors.
        unsafe { base::turned::<FAST, PAIRS>(tile) }
    }
    #[inline(never)]
    unsafe fn pack(columns: &Columns) {
        // SAFETY: the caller's promise; four elements are there wherever four are turned.
        unsafe { base::pack(columns) }
    }
    steps!(base);
}

/// The vectors that the crate is compiled for.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", all(target_arch = "wasm32", target_feature = "simd128")))]
mod base {
    use super::tile::{self, Columns, Tile};
    use super::vector::{Vector, turn_4};

    #[cfg(target_arch = "aarch64")]
    type V = core::arch::aarch64::float32x4_t;
    #[cfg(target_arch = "wasm32")]
    type V = core::arch::wasm32::v128;
    #[cfg(target_arch = "x86_64")]
    type V = core::arch::x86_64::__m128;

    pub const LANES: usize = V::LANES;

    #[inline(always)]
    pub unsafe fn tile<const FAST: bool, const ROWS: usize, const WIDE: usize, const PART: bool, const LANED: bool>(
        tile: &Tile,
    ) {
        // SAFETY: the caller's promise, handed on.
        unsafe { tile::tile::<V, FAST, ROWS, WIDE, PART, LANED>(tile) }
    }

    #[inline(always)]
    pub unsafe fn turned<const FAST: bool, const PAIRS: usize>(tile: &Tile) {
        // SAFETY: the caller's promise, handed on.
        unsafe { tile::turned::<V, FAST, PAIRS, 4>(tile, |from| turn_4(from)) }
    }

    #[inline(always)]
    pub unsafe fn pack(columns: &Columns) {
        // SAFETY: the caller's promise, handed on.
        unsafe { tile::pack::<V, 4>(columns, |from| turn_4(from)) }
    }

    pub use super::tile::{step, step_of_lanes};
}

/// No vectors.
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
mod base {
    use super::{Columns, Tile, Walk};

    pub const LANES: usize = 0;

    pub unsafe fn tile<const FAST: bool, const ROWS: usize, const WIDE: usize, const PART: bool, const LANED: bool>(
        _: &Tile,
    ) {
    }

    pub unsafe fn turned<const FAST: bool, const PAIRS: usize>(_: &Tile) {}

    pub unsafe fn pack(_: &Columns) {}

    pub unsafe fn step<L, const FAST: bool>(_: &mut Walk) -> bool {
        false
    }

    pub unsafe fn step_of_lanes<L, const FAST: bool>(_: &mut Walk) -> bool {
        false
    }
}

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
