//! How long instructions take, from the tables of the Cortex-M4 Technical Reference Manual (Arm DDI 0439B, r0p1): table 3-1 for
//! the core, table 7-1 for the floating-point unit.
//!
//! An estimate, not a model: memory answers at once, as the tables assume, and where the manual gives a range one number of it is
//! taken, always the same.
//!
//! | instructions | cycles |
//! |---|---|
//! | data processing, multiplications of all widths, moves between core and FPU | 1; 2 where two core registers go at once |
//! | `ldr`, `str` and their kin | 2; 1 right after another of them (the pipelined address phase of section 3.3.1) |
//! | `ldm`, `stm`, `ldrd`, `push`, `pop`, `vldm`, `vstm`, `vpush`, `vpop` | 1 and 1 for each word |
//! | `vldr`, `vstr` | 2; 3 for double words |
//! | `vadd`, `vsub`, `vmul`, `vcmp`, `vcvt`, `vabs`, `vneg` | 1 |
//! | `vmla`, `vmls`, `vfma`, `vfms` and the negated forms | 3 |
//! | `vdiv`, `vsqrt` | 14 |
//! | `udiv`, `sdiv` | 7 (2 to 12, by the operands) |
//! | a branch that is taken, any load into `pc` | [`REFILL`] more (1 to 3) |
//! | an arithmetic result of the FPU that the next instruction reads | 1 more |
//! | an instruction that a condition skips, `it` | as if it ran; 1 |

/// Cycles to fill the pipeline again after a branch: 1 to 3 in the manual, by alignment and width of what is jumped to.
pub const REFILL: u64 = 2;

/// What is known about an instruction before it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Cycles of its own.
    pub cycles: u64,
    /// A load or store of one word, whose address phase can overlap with that of one before it.
    pub single: bool,
    /// Words that it loads or stores.
    pub words: u64,
    /// Single-precision registers whose new value is late by a cycle, as bits.
    pub late: u32,
    /// Single-precision registers that it reads, as bits.
    pub reads: u32,
}

impl Timing {
    const fn of(cycles: u64) -> Timing {
        Timing { cycles, single: false, words: 0, late: 0, reads: 0 }
    }

    /// Several words, one after the other.
    const fn several(words: u32) -> Timing {
        Timing { words: words as u64, ..Timing::of(1 + words as u64) }
    }

    const fn single() -> Timing {
        Timing { cycles: 2, single: true, words: 1, late: 0, reads: 0 }
    }

    /// The cycles that it takes after `before`, which did not jump.
    pub fn after(self, before: Timing) -> u64 {
        let overlap = u64::from(self.single && before.single);
        let wait = u64::from(self.reads & before.late != 0);
        self.cycles - overlap + wait
    }
}

/// The timing of the Thumb instruction of these bytes.
pub fn timing(code: &[u8]) -> Timing {
    let half = |at: usize| match code.get(at..at + 2) {
        Some(&[lo, hi]) => u32::from(u16::from_le_bytes([lo, hi])),
        _ => 0,
    };
    if code.len() >= 4 { wide(half(0), half(2)) } else { narrow(half(0)) }
}

fn narrow(op: u32) -> Timing {
    let words = (op & 0xff).count_ones();
    match op >> 12 {
        // ldr literal; register offset; immediate offsets of words, bytes, halfwords; relative to sp.
        0b0100 if op >> 11 == 0b01001 => Timing::single(),
        0b0101..=0b1001 => Timing::single(),
        // push, pop
        0b1011 if op & 0x0e00 == 0x0400 => Timing::several((op & 0x1ff).count_ones()),
        // stm, ldm
        0b1100 => Timing::several(words),
        _ => Timing::of(1),
    }
}

fn wide(a: u32, b: u32) -> Timing {
    match a >> 9 {
        // Load and store multiple; double; exclusive; table branches.
        0b111_0100 if a & 0x0040 == 0 => Timing::several(b.count_ones()),
        0b111_0100 if a & 0xfff0 == 0xe8d0 && b & 0xf0e0 == 0xf000 => Timing::several(1),
        0b111_0100 if a & 0x0120 == 0 => Timing::single(),
        0b111_0100 => Timing::several(2),
        // Load and store single; hints without a destination are as fast.
        0b111_1100 => Timing::single(),
        // Multiplications and divisions.
        0b111_1101 if a & 0xffd0 == 0xfb90 => Timing::of(7),
        // mrs, msr, barriers
        0b111_1001 if a & 0xffe0 == 0xf3e0 && b & 0xd000 == 0x8000 => Timing::of(2),
        0b111_1001 if a & 0xffe0 == 0xf380 && b & 0xd000 == 0x8000 => Timing::of(2),
        0b111_0110 | 0b111_0111 if b & 0x0e00 == 0x0a00 => float(a, b),
        _ => Timing::of(1),
    }
}

/// Coprocessors 10 and 11.
fn float(a: u32, b: u32) -> Timing {
    let double = b & 0x100 != 0;
    let d = bit((b >> 12 & 15) << 1 | a >> 6 & 1);
    let n = bit((a & 15) << 1 | b >> 7 & 1);
    let m = bit((b & 15) << 1 | b >> 5 & 1);
    if a & 0x0200 == 0 {
        // Loads, stores, and moves of two core registers.
        return match a & 0x01a0 {
            0 | 0x20 if a & 0x0040 != 0 => Timing::of(2),
            // One register at an offset.
            _ if a & 0x0120 == 0x0100 => {
                let load = a & 0x10 != 0;
                Timing { reads: if load { 0 } else { d }, ..Timing::several(if double { 2 } else { 1 }) }
            }
            _ => {
                let words = b & 0xff;
                let first = (b >> 12 & 15) << 1 | a >> 6 & 1;
                let stored = if a & 0x10 == 0 && !double { mask(first, words) } else { 0 };
                Timing { reads: stored, ..Timing::several(words) }
            }
        };
    }
    if b & 0x10 != 0 {
        // One register between core and FPU, or the flags.
        let reads = if a & 0x10 != 0 && a & 0xe0 == 0 { n } else { 0 };
        return Timing { reads, ..Timing::of(1) };
    }
    let arithmetic = |cycles, reads| Timing { late: d, reads, ..Timing::of(cycles) };
    match (a & 0x00b0, b & 0x40 != 0) {
        // vmla, vmls; vnmla, vnmls; vfnma, vfnms; vfma, vfms
        (0x00 | 0x10 | 0x90 | 0xa0, _) => arithmetic(3, n | m | d),
        // vmul, vnmul; vadd, vsub
        (0x20 | 0x30, _) => arithmetic(1, n | m),
        // vdiv
        (0x80, _) => arithmetic(14, n | m),
        // vmov of a constant
        (0xb0, false) => Timing::of(1),
        // vmov, vabs; vneg, vsqrt; comparisons; conversions
        (0xb0, true) => match (a & 15, b >> 7 & 1) {
            (0, 0) => Timing { reads: m, ..Timing::of(1) },
            (1, 1) => arithmetic(14, m),
            (4, _) => Timing { reads: m | d, ..Timing::of(1) },
            (5, _) => Timing { reads: d, ..Timing::of(1) },
            _ => arithmetic(1, m),
        },
        _ => Timing::of(1),
    }
}

fn bit(register: u32) -> u32 {
    1u32.checked_shl(register).unwrap_or(0)
}

fn mask(first: u32, count: u32) -> u32 {
    (first..first + count).fold(0, |mask, register| mask | bit(register))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodings as an assembler makes them, in memory order of halfwords.
    #[test]
    fn instructions_of_every_row_of_the_table() {
        for (halves, cycles, what) in [
            (&[0x1840][..], 1, "adds r0, r0, r1"),
            (&[0x4348], 1, "muls r0, r1"),
            (&[0x6808], 2, "ldr r0, [r1]"),
            (&[0x9801], 2, "ldr r0, [sp, #4]"),
            (&[0xb5f0], 6, "push {r4-r7, lr}"),
            (&[0xc907], 4, "ldm r1!, {r0, r1, r2}"),
            (&[0xd1fe], 1, "bne"),
            (&[0xf8d1, 0x0400], 2, "ldr.w r0, [r1, #1024]"),
            (&[0xe9d1, 0x0200], 3, "ldrd r0, r2, [r1]"),
            (&[0xe92d, 0x4ff0], 10, "push.w {r4-r11, lr}"),
            (&[0xe8bd, 0x8ff0], 10, "pop.w {r4-r11, pc}"),
            (&[0xfbb0, 0xf0f1], 7, "udiv r0, r0, r1"),
            (&[0xfb00, 0x2001], 1, "mla r0, r0, r1, r2"),
            (&[0xedd0, 0x0a00], 2, "vldr s1, [r0]"),
            (&[0xecb0, 0x8a08], 9, "vldmia r0!, {s16-s23}"),
            (&[0xed2d, 0x8b10], 17, "vpush {d8-d15}"),
            (&[0xee20, 0x0a20], 1, "vmul.f32 s0, s0, s1"),
            (&[0xee30, 0x0a20], 1, "vadd.f32 s0, s0, s1"),
            (&[0xee00, 0x0a20], 3, "vmla.f32 s0, s0, s1"),
            (&[0xeea0, 0x0a20], 3, "vfma.f32 s0, s0, s1"),
            (&[0xee80, 0x0a20], 14, "vdiv.f32 s0, s0, s1"),
            (&[0xeeb1, 0x0ac0], 14, "vsqrt.f32 s0, s0"),
            (&[0xeeb0, 0x0ac0], 1, "vabs.f32 s0, s0"),
            (&[0xeeb4, 0x0a60], 1, "vcmp.f32 s0, s1"),
            (&[0xeef1, 0xfa10], 1, "vmrs APSR_nzcv, fpscr"),
            (&[0xeeb7, 0x0a00], 1, "vmov.f32 s0, #1.0"),
            (&[0xee10, 0x0a10], 1, "vmov r0, s0"),
            (&[0xec51, 0x0a10], 2, "vmov r0, r1, s0, s1"),
        ] {
            let code: Vec<u8> = halves.iter().flat_map(|half: &u16| half.to_le_bytes()).collect();
            assert_eq!(timing(&code).cycles, cycles, "{what}");
        }
    }

    #[test]
    fn loads_overlap_and_a_result_of_the_fpu_is_late() {
        let code = |halves: &[u16]| timing(&halves.iter().flat_map(|half| half.to_le_bytes()).collect::<Vec<u8>>());
        let (load, add) = (code(&[0x6808]), code(&[0x1840]));
        assert_eq!((load.after(add), load.after(load), add.after(load)), (2, 1, 1));
        // vmul s0, s0, s1; vadd s2, s2, s0; vadd s2, s2, s3
        let (mul, reads, not) = (code(&[0xee20, 0x0a20]), code(&[0xee31, 0x1a00]), code(&[0xee31, 0x1a21]));
        assert_eq!((reads.after(mul), not.after(mul)), (2, 1));
    }
}
