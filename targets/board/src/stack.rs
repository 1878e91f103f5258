//! How deep the stack was, by painting it.

use core::arch::asm;

/// How far below the stack pointer it is painted, if so much lies between it and the statics.
const REACH_BYTES: usize = 256 * 1024;

/// The instruction on Arm, and on RISC-V.
#[cfg(target_arch = "arm")]
macro_rules! by_core {
    ($arm:literal, $riscv:literal) => {
        $arm
    };
}

/// The instruction on Arm, and on RISC-V.
#[cfg(target_arch = "riscv32")]
macro_rules! by_core {
    ($arm:literal, $riscv:literal) => {
        $riscv
    };
}

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
    unsafe { asm!(by_core!("mov {}, sp", "mv {}, sp"), out(reg) sp, options(nomem, nostack, preserves_flags)) };
    let heap = (&raw const __sheap).addr().next_multiple_of(4);
    let floor = heap.max(sp.saturating_sub(REACH_BYTES));
    // SAFETY: the words from `floor` to `sp` are above the statics and below the frame of this function, which therefore
    // owns them; the loop lives in registers and calls nothing. `asm!` so that no frame can come in between.
    unsafe {
        asm!(
            by_core!("2: cmp {at}, {sp}\nbhs 3f", "2: bgeu {at}, {sp}, 3f"),
            by_core!("str {pattern}, [{at}]", "sw {pattern}, 0({at})"),
            by_core!("adds {at}, #4", "addi {at}, {at}, 4"),
            by_core!("b 2b", "j 2b"),
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
        asm!(
            by_core!("2: cmp {at}, {sp}\nbhs 3f", "2: bgeu {at}, {sp}, 3f"),
            by_core!("ldr {word}, [{at}]", "lw {word}, 0({at})"),
            by_core!("cmp {word}, {pattern}\nbne 3f", "bne {word}, {pattern}, 3f"),
            by_core!("adds {at}, #4", "addi {at}, {at}, 4"),
            by_core!("b 2b", "j 2b"),
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
