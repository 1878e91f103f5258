//! Roots.

/// Correctly rounded, so that the instruction of cores that have one and the code of `libm` agree.
#[inline(always)]
pub fn sqrt(x: f32) -> f32 {
    hardware::sqrt(x)
}

#[cfg(all(target_arch = "arm", target_abi = "eabihf", target_os = "none"))]
mod hardware {
    // `core` has no square root, and inline assembly takes no operands in FPU registers on this target: they come and go through
    // core registers.
    #[inline(always)]
    pub fn sqrt(x: f32) -> f32 {
        let root: u32;
        // SAFETY: VFPv4 in single precision is the least that the target's ABI promises.
        unsafe {
            core::arch::asm!(
                "vmov s0, {x}",
                "vsqrt.f32 s0, s0",
                "vmov {root}, s0",
                x = in(reg) x.to_bits(), root = lateout(reg) root, out("s0") _,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        f32::from_bits(root)
    }
}

#[cfg(target_arch = "x86_64")]
mod hardware {
    use core::arch::x86_64::{_mm_cvtss_f32, _mm_set_ss, _mm_sqrt_ss};

    // `libm` has the same instruction as inline assembly, which loops of vectors cannot contain.
    #[inline(always)]
    pub fn sqrt(x: f32) -> f32 {
        // SAFETY: every x86-64 has SSE.
        unsafe { _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))) }
    }
}

#[cfg(not(any(target_arch = "x86_64", all(target_arch = "arm", target_abi = "eabihf", target_os = "none"))))]
mod hardware {
    #[inline(always)]
    pub fn sqrt(x: f32) -> f32 {
        libm::sqrtf(x)
    }
}

#[inline(always)]
pub fn rsqrt(x: f32) -> f32 {
    1.0 / sqrt(x)
}

/// A third of the exponent, then two steps of Halley's method; the last as a correction, which keeps its rounding small.
#[inline]
pub fn cbrt(x: f32) -> f32 {
    let a = x.abs();
    if a == 0.0 || !a.is_finite() {
        return x;
    }
    // Away from both ends, by 2^24 for the argument and 2^8 for the root.
    let (scale, back) = if a < 1e-30 {
        (16_777_216.0, 1.0 / 256.0)
    } else if a > 1e30 {
        (1.0 / 16_777_216.0, 256.0)
    } else {
        (1.0, 1.0)
    };
    let a = a * scale;
    // A third of the bits, plus two thirds of the exponent's bias less what makes the error equal on both sides.
    let t = f32::from_bits((a.to_bits() / 3).wrapping_add(709_958_130));
    let cube = t * t * t;
    let t = t * ((cube + a + a) / (cube + cube + a));
    let cube = t * t * t;
    let t = t - t * ((cube - a) / (cube + cube + a));
    (t * back).copysign(x)
}
