//! Vectors of `f32` as the instruction sets have them.

/// A vector of `f32`.
///
/// All methods need the processor to have its instructions, which is what makes them unsafe; those with a pointer need
/// memory behind it for as many elements as they say.
#[allow(clippy::missing_safety_doc)]
pub trait Vector: Copy {
    /// Elements.
    const LANES: usize;
    /// Zeros.
    unsafe fn zero() -> Self;
    /// The same number everywhere.
    unsafe fn splat(x: f32) -> Self;
    /// Neighbours, from anywhere.
    unsafe fn load(from: *const f32) -> Self;
    /// The first `n` elements, zeros for the others; `0 < n < LANES`.
    unsafe fn load_part(from: *const f32, n: usize) -> Self;
    /// To anywhere.
    unsafe fn store(self, to: *mut f32);
    /// `self + y`.
    unsafe fn plus(self, y: Self) -> Self;
    /// `self * y`.
    unsafe fn times(self, y: Self) -> Self;
    /// `x * y + z`, rounded once where there is an instruction for it.
    unsafe fn fused(x: Self, y: Self, z: Self) -> Self;
}

/// Four rows of four as four columns, by way of memory.
///
/// # Safety
/// Four elements are there at each of `from`; the processor has the instructions of `V`, which is of four elements.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub unsafe fn turn_4<V: Vector>(from: [*const f32; 4]) -> [V; 4] {
    core::array::from_fn(|j| {
        let column: [f32; 4] = from.map(|row| {
            // SAFETY: the caller's promise.
            unsafe { *row.add(j) }
        });
        // SAFETY: the array is as long as the vector.
        unsafe { V::load(column.as_ptr()) }
    })
}

/// A part of a vector by way of memory.
#[allow(unused_macros)]
macro_rules! load_part {
    () => {
        #[inline(always)]
        unsafe fn load_part(from: *const f32, n: usize) -> Self {
            let mut part = [0.0_f32; Self::LANES];
            for (i, x) in part.iter_mut().enumerate().take(n) {
                // SAFETY: `i < n`, and that many elements are there.
                *x = unsafe { *from.add(i) };
            }
            // SAFETY: the array is as long as the vector.
            unsafe { Self::load(part.as_ptr()) }
        }
    };
}

/// The methods that are one instruction each.
#[allow(unused_macros)]
macro_rules! instructions {
    ($Vector:ty, $lanes:literal, $zero:expr, $splat:ident, $load:ident, $store:ident, $add:ident, $mul:ident,
     |$x:ident, $y:ident, $z:ident| $fused:expr, $($part:tt)*) => {
        impl Vector for $Vector {
            const LANES: usize = $lanes;
            #[inline(always)]
            unsafe fn zero() -> Self {
                // SAFETY: the processor has the instruction (the caller's promise), here and below.
                unsafe { $splat($zero) }
            }
            #[inline(always)]
            unsafe fn splat(x: f32) -> Self {
                // SAFETY: see `zero`.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                // SAFETY: see `zero`; the memory is there.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: see `zero`; the memory is there.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            unsafe fn plus(self, y: Self) -> Self {
                // SAFETY: see `zero`.
                unsafe { $add(self, y) }
            }
            #[inline(always)]
            unsafe fn times(self, y: Self) -> Self {
                // SAFETY: see `zero`.
                unsafe { $mul(self, y) }
            }
            #[inline(always)]
            unsafe fn fused($x: Self, $y: Self, $z: Self) -> Self {
                // SAFETY: see `zero`.
                unsafe { $fused }
            }
            $($part)*
        }
    };
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Two, turn_4, turn_8};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;

    use super::Vector;

    instructions!(
        __m128, 4, 0.0, _mm_set1_ps, _mm_loadu_ps, _mm_storeu_ps, _mm_add_ps, _mm_mul_ps,
        |x, y, z| _mm_add_ps(_mm_mul_ps(x, y), z), load_part!();
    );
    instructions!(
        __m256,
        8,
        0.0,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_mul_ps,
        |x, y, z| _mm256_fmadd_ps(x, y, z),
        #[inline(always)]
        unsafe fn load_part(from: *const f32, n: usize) -> Self {
            // SAFETY: the processor has the instructions; elements that are masked out are not touched.
            unsafe {
                let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
                _mm256_maskload_ps(from, _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lanes))
            }
        }
    );
    instructions!(
        __m512,
        16,
        0.0,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_mul_ps,
        |x, y, z| _mm512_fmadd_ps(x, y, z),
        #[inline(always)]
        unsafe fn load_part(from: *const f32, n: usize) -> Self {
            // SAFETY: the processor has the instruction; elements that are masked out are not touched.
            unsafe { _mm512_maskz_loadu_ps((1 << n) - 1, from) }
        }
    );

    /// Two vectors of 256 bits as one.
    #[derive(Clone, Copy)]
    pub struct Two(__m256, __m256);

    impl Vector for Two {
        const LANES: usize = 16;
        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: the caller's promise, here and below.
            unsafe { Self::splat(0.0) }
        }
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            // SAFETY: see `zero`.
            unsafe { Two(__m256::splat(x), __m256::splat(x)) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: see `zero`; sixteen elements are there.
            unsafe { Two(__m256::load(from), __m256::load(from.add(8))) }
        }
        #[inline(always)]
        unsafe fn load_part(from: *const f32, n: usize) -> Self {
            // SAFETY: see `zero`; `n` elements are there.
            unsafe {
                match n {
                    0..8 => Two(__m256::load_part(from, n), __m256::zero()),
                    8 => Two(__m256::load(from), __m256::zero()),
                    _ => Two(__m256::load(from), __m256::load_part(from.add(8), n - 8)),
                }
            }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: see `zero`; there is room for sixteen elements.
            unsafe {
                self.0.store(to);
                self.1.store(to.add(8));
            }
        }
        #[inline(always)]
        unsafe fn plus(self, y: Self) -> Self {
            // SAFETY: see `zero`.
            unsafe { Two(self.0.plus(y.0), self.1.plus(y.1)) }
        }
        #[inline(always)]
        unsafe fn times(self, y: Self) -> Self {
            // SAFETY: see `zero`.
            unsafe { Two(self.0.times(y.0), self.1.times(y.1)) }
        }
        #[inline(always)]
        unsafe fn fused(x: Self, y: Self, z: Self) -> Self {
            // SAFETY: see `zero`.
            unsafe { Two(__m256::fused(x.0, y.0, z.0), __m256::fused(x.1, y.1, z.1)) }
        }
    }

    /// Four rows of four as four columns.
    ///
    /// # Safety
    /// Four elements are there at each of `from`.
    #[inline(always)]
    pub unsafe fn turn_4(from: [*const f32; 4]) -> [__m128; 4] {
        // SAFETY: the caller's promise; every x86-64 processor has the instructions.
        unsafe {
            let [mut a, mut b, mut c, mut d] = from.map(|x| _mm_loadu_ps(x));
            _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d);
            [a, b, c, d]
        }
    }

    /// Eight rows of eight as eight columns.
    ///
    /// # Safety
    /// Eight elements are there at each of `from`; the processor has AVX.
    #[inline(always)]
    pub unsafe fn turn_8(from: [*const f32; 8]) -> [__m256; 8] {
        // SAFETY: the caller's promise.
        unsafe {
            // The rows of the upper and of the lower half side by side, so that what is left to do stays within halves.
            let [a, b, c, d, e, f, g, h] = from;
            let beside = |upper: *const f32, lower: *const f32| {
                _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(_mm_loadu_ps(upper)), _mm_loadu_ps(lower))
            };
            let mut columns = [_mm256_setzero_ps(); 8];
            for (at, columns) in [0, 4].into_iter().zip(columns.chunks_exact_mut(4)) {
                let at = |upper: *const f32, lower: *const f32| beside(upper.add(at), lower.add(at));
                let [a, b, c, d] = [at(a, e), at(b, f), at(c, g), at(d, h)];
                if let [p, q, r, s] = columns {
                    let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
                    (*p, *q) = (_mm256_shuffle_ps::<0x44>(ab, cd), _mm256_shuffle_ps::<0xee>(ab, cd));
                    let (ab, cd) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
                    (*r, *s) = (_mm256_shuffle_ps::<0x44>(ab, cd), _mm256_shuffle_ps::<0xee>(ab, cd));
                }
            }
            columns
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use core::arch::aarch64::*;

    use super::Vector;

    instructions!(
        float32x4_t, 4, 0.0, vdupq_n_f32, vld1q_f32, vst1q_f32, vaddq_f32, vmulq_f32,
        |x, y, z| vfmaq_f32(z, x, y), load_part!();
    );
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    use core::arch::wasm32::*;

    use super::Vector;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> v128 {
        // SAFETY: four elements are there; the instruction needs no alignment.
        unsafe { v128_load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, x: v128) {
        // SAFETY: as for `load`.
        unsafe { v128_store(to.cast(), x) }
    }

    instructions!(
        v128, 4, 0.0, f32x4_splat, load, store, f32x4_add, f32x4_mul,
        |x, y, z| f32x4_add(f32x4_mul(x, y), z), load_part!();
    );
}
