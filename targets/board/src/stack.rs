//! How deep the stack was, by painting it.

use core::arch::asm;

/// How far below the stack pointer it is painted, if so much lies between it and the statics.
const REACH_BYTES: usize = 256 * 1024;

unsafe extern "C" {
    /// The end of the statics, from the linker script of `cortex-m-rt` or `riscv-rt`.
    static __sheap: u8;
}

/// The most stack that `f` used, in bytes: its own frame, those of all it called, and what lies in them.
///
/// The free memory below is filled with a pattern, `f` runs, and the pattern is looked for from the far end. It is done with
/// two patterns, since the deepest word could by chance be written with the value of one; so `f` runs twice. No interrupt
/// may come meanwhile: its frames would be counted.
pub fn stack_bytes(mut f: impl FnMut()) -> usize {
    painted(0xdead_5aad, &mut f).max(painted(0x2152_a552, &mut f))
}

#[inline(never)]
fn painted(pattern: u32, f: &mut impl FnMut()) -> usize {
    let sp: usize;
    // SAFETY: reads a register.
    unsafe {
        #[cfg(target_arch = "arm")]
        asm!("mov {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags));
        #[cfg(target_arch = "riscv32")]
        asm!("mv {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags));
    }
    let heap = (&raw const __sheap).addr().next_multiple_of(4);
    let floor = heap.max(sp.saturating_sub(REACH_BYTES));
    // SAFETY: the words from `floor` to `sp` are above the statics and below the frame of this function, which therefore
    // owns them; the loop lives in registers and calls nothing. `asm!` so that no frame can come in between.
    unsafe {
        #[cfg(target_arch = "arm")]
        asm!(
            "2: cmp {at}, {sp}",
            "bhs 3f",
            "str {pattern}, [{at}]",
            "adds {at}, #4",
            "b 2b",
            "3:",
            at = inout(reg) floor => _,
            sp = in(reg) sp,
            pattern = in(reg) pattern,
            options(nostack),
        );
        #[cfg(target_arch = "riscv32")]
        asm!(
            "2: bgeu {at}, {sp}, 3f",
            "sw {pattern}, 0({at})",
            "addi {at}, {at}, 4",
            "j 2b",
            "3:",
            at = inout(reg) floor => _,
            sp = in(reg) sp,
            pattern = in(reg) pattern,
            options(nostack),
        );
    }
    f();
    let deepest: usize;
    // SAFETY: as above, reading.
    unsafe {
        #[cfg(target_arch = "arm")]
        asm!(
            "2: cmp {at}, {sp}",
            "bhs 3f",
            "ldr {word}, [{at}]",
            "cmp {word}, {pattern}",
            "bne 3f",
            "adds {at}, #4",
            "b 2b",
            "3:",
            at = inout(reg) floor => deepest,
            sp = in(reg) sp,
            pattern = in(reg) pattern,
            word = out(reg) _,
            options(nostack, readonly),
        );
        #[cfg(target_arch = "riscv32")]
        asm!(
            "2: bgeu {at}, {sp}, 3f",
            "lw {word}, 0({at})",
            "bne {word}, {pattern}, 3f",
            "addi {at}, {at}, 4",
            "j 2b",
            "3:",
            at = inout(reg) floor => deepest,
            sp = in(reg) sp,
            pattern = in(reg) pattern,
            word = out(reg) _,
            options(nostack, readonly),
        );
    }
    sp - deepest
}
