//! The levels of x86-64, as the ABI counts them: `x86-64-v3` and `x86-64-v4`.

use core::arch::x86_64::{__cpuid, __cpuid_count, __m256, __m512, _xgetbv};
use core::sync::atomic::{AtomicU8, Ordering};

use super::tile::{self, Columns, Tile, Walk, pack};
use super::vector::{Two, Vector, turn_8};
use super::{Base, Isa, Level, row, steps};

/// Vectors of 256 bits, and fused multiply-add: `x86-64-v3`.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

/// Vectors of 512 bits: `x86-64-v4`.
#[derive(Clone, Copy, Debug)]
pub struct Avx512(());

macro_rules! level {
    ($Level:ident, $V:ident, few: $Few:ident, wide: $wide:literal, $features:literal, $($row:tt)*) => {
        impl Level for $Level {
            const LANES: usize = <$V as Vector>::LANES;
            const TALL: bool = $wide;
            const SLIM: bool = $wide;
            const SQUARE: usize = 8;
            #[inline(always)]
            unsafe fn tile<
                const FAST: bool,
                const ROWS: usize,
                const WIDE: usize,
                const PART: bool,
                const LANED: bool,
            >(
                t: &Tile,
            ) {
                #[target_feature(enable = $features)]
                #[inline(never)]
                unsafe fn inside<
                    const FAST: bool,
                    const ROWS: usize,
                    const WIDE: usize,
                    const PART: bool,
                    const LANED: bool,
                >(
                    t: &Tile,
                ) {
                    // SAFETY: the caller's promise, and this function has the instructions of the vectors.
                    unsafe {
                        if FAST || ROWS >= 4 {
                            tile::tile::<$V, FAST, ROWS, WIDE, PART, LANED>(t)
                        } else {
                            tile::tile::<$Few, FAST, ROWS, WIDE, PART, LANED>(t)
                        }
                    }
                }
                // SAFETY: the caller's promise.
                unsafe { inside::<FAST, ROWS, WIDE, PART, LANED>(t) }
            }
            #[inline(always)]
            unsafe fn pack(columns: &Columns) {
                #[target_feature(enable = "avx2")]
                #[inline(never)]
                unsafe fn inside(columns: &Columns) {
                    // SAFETY: the caller's promise; eight elements are there wherever eight are turned.
                    unsafe { pack::<__m256, 8>(columns, |from| turn_8(from)) }
                }
                // SAFETY: the caller's promise.
                unsafe { inside(columns) }
            }
            #[inline(always)]
            unsafe fn turned<const FAST: bool, const PAIRS: usize>(t: &Tile) {
                // Squares of eight: those of sixteen take twice the exchanges for every element.
                #[target_feature(enable = "avx2,fma")]
                #[inline(never)]
                unsafe fn inside<const FAST: bool, const PAIRS: usize>(t: &Tile) {
                    // SAFETY: the caller's promise.
                    unsafe { tile::turned::<__m256, FAST, PAIRS, 8>(t, |from| turn_8(from)) }
                }
                // SAFETY: the caller's promise.
                unsafe { inside::<FAST, PAIRS>(t) }
            }
            $($row)*
            steps!(tile);
            #[inline(always)]
            unsafe fn wide<R>(f: impl FnOnce() -> R) -> R {
                #[target_feature(enable = $features)]
                #[inline]
                fn inside<R>(f: impl FnOnce() -> R) -> R {
                    f()
                }
                // SAFETY: the caller's promise.
                unsafe { inside(f) }
            }
        }

        impl $Level {
            /// `f()`, compiled for vectors of 256 bits as far as it is inlined: left to itself, the compiler makes of 512
            /// bits gathers and scatters that lose more than wider arithmetic gains. Only tiles and [`super::wide`] use those.
            #[inline(always)]
            pub fn run<R>(self, f: impl FnOnce() -> R) -> R {
                #[target_feature(enable = "avx2,bmi1,bmi2,f16c,fma,lzcnt,movbe,popcnt")]
                #[inline(never)]
                fn inside<R>(f: impl FnOnce() -> R) -> R {
                    f()
                }
                // SAFETY: a value of this type is only made where the processor has all of these.
                unsafe { inside(f) }
            }
        }
    };
}
level!(Avx2, __m256, few: __m256, wide: false, "avx2,bmi1,bmi2,f16c,fma,lzcnt,movbe,popcnt",);
// Where few rows are summed, two halves are twice as many sums that do not wait for each other.
level!(
    Avx512, __m512, few: Two, wide: true,
    "avx2,bmi1,bmi2,f16c,fma,lzcnt,movbe,popcnt,avx512f,avx512bw,avx512cd,avx512dq,avx512vl",
    const LINES: bool = true;
    #[inline(always)]
    unsafe fn row<const FAST: bool>(tile: &Tile, wide: usize) {
        // SAFETY: the caller's promise.
        unsafe { row::columns::<FAST>(tile, wide) }
    }
);

const UNKNOWN: u8 = 0;
const BASE: u8 = 1;
const AVX2: u8 = 2;
const AVX512: u8 = 3;

/// The level to use; looked up in the processor once.
static LEVEL: AtomicU8 = AtomicU8::new(UNKNOWN);

impl Isa {
    /// The best that this processor has, or that [`Isa::limit`] allows.
    #[inline(always)]
    pub fn best() -> Isa {
        let level = match LEVEL.load(Ordering::Relaxed) {
            UNKNOWN => look_up(),
            level => level,
        };
        match level {
            AVX512 => Isa::Avx512(Avx512(())),
            AVX2 => Isa::Avx2(Avx2(())),
            _ => Isa::Base(Base(())),
        }
    }

    /// Allows nothing better than level `most` of `base`, `avx2`, `avx512`, counted from 0, from now on; false if the
    /// processor lacks it. For tests, which run every level.
    pub fn limit(most: u8) -> bool {
        let there = most < found();
        if there {
            LEVEL.store(most + BASE, Ordering::Relaxed);
        }
        there
    }
}

#[cold]
#[inline(never)]
fn look_up() -> u8 {
    let level = found();
    LEVEL.store(level, Ordering::Relaxed);
    level
}

/// What the processor has and the operating system saves.
#[allow(unused_unsafe)] // `__cpuid` is safe in newer versions of the standard library.
fn found() -> u8 {
    let bit = |word: u32, n: u32| word >> n & 1 == 1;
    let all = |word: u32, bits: &[u32]| bits.iter().all(|n| bit(word, *n));
    // SAFETY: every x86-64 processor has the instruction.
    let (most, leaf1) = unsafe { (__cpuid(0).eax, __cpuid(1)) };
    // FMA, MOVBE, POPCNT, OSXSAVE, AVX, F16C.
    if most < 7 || !all(leaf1.ecx, &[12, 22, 23, 27, 28, 29]) {
        return BASE;
    }
    // SAFETY: the leaf exists, as `most` says.
    let (leaf7, extended) = unsafe { (__cpuid_count(7, 0), __cpuid(0x8000_0001)) };
    // SAFETY: OSXSAVE says that the instruction may be used.
    let saved = unsafe { enabled() };
    // BMI1, AVX2, BMI2; LZCNT; the lower and upper halves of 256 bits.
    if !all(leaf7.ebx, &[3, 5, 8]) || !bit(extended.ecx, 5) || saved & 0x06 != 0x06 {
        return BASE;
    }
    // AVX-512 F, DQ, CD, BW, VL; masks, and all halves of all 32 registers.
    if !all(leaf7.ebx, &[16, 17, 28, 30, 31]) || saved & 0xe6 != 0xe6 {
        return AVX2;
    }
    AVX512
}

/// The register states that the operating system saves.
#[target_feature(enable = "xsave")]
fn enabled() -> u64 {
    // SAFETY: register 0 exists wherever the instruction does.
    unsafe { _xgetbv(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_what_the_standard_library_finds() {
        let avx2 = std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma");
        let avx512 = std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512bw")
            && std::is_x86_feature_detected!("avx512cd")
            && std::is_x86_feature_detected!("avx512dq")
            && std::is_x86_feature_detected!("avx512vl");
        let best = match (avx2, avx512) {
            (true, true) => AVX512,
            (true, false) => AVX2,
            (false, _) => BASE,
        };
        assert_eq!(found(), best);
    }
}
