//! Regions whose instructions are counted: exactly by the emulator's plugin, and by a timer that the firmware reads itself.
//!
//! A region begins and ends with a call of a marker. The plugin knows the markers by their addresses. Each marker reads the
//! timer and returns it; begin does it as its last act but the return, end as its first, so that a region costs the same few
//! instructions around whatever it holds. `region!(empty)` around nothing measures them, to be subtracted.

use core::sync::atomic::{AtomicU32, Ordering};

/// The board's timer runs at 25 MHz; QEMU under `-icount shift=6` spends 64 ns on an instruction: 8 ticks for 5.
const TICKS_PER_5_INSTRUCTIONS: u64 = 8;

const TIMER: *mut u32 = 0x4000_0000 as *mut u32;

/// Lets timer 0 of the board count down over all of its 32 bits, if it is one of those that have it at [`TIMER`].
#[doc(hidden)]
pub fn start_timer() {
    if !cfg!(any(feature = "mps2-an385", feature = "mps2-an386")) {
        return;
    }
    // SAFETY: the registers CTRL, VALUE and RELOAD of CMSDK timer 0 of the MPS2 boards, which nothing else uses.
    unsafe {
        TIMER.add(2).write_volatile(u32::MAX);
        TIMER.add(1).write_volatile(u32::MAX);
        TIMER.write_volatile(1);
    }
}

/// What the timer says about a region.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    /// How often it ran.
    pub calls: u32,
    /// Instructions of all calls together, markers included.
    pub instructions: u32,
}

/// Adds up a region's calls. [`region!`](crate::region) makes one.
#[derive(Debug)]
pub struct Counter {
    calls: AtomicU32,
    instructions: AtomicU32,
}

impl Counter {
    #[doc(hidden)]
    pub const fn new() -> Self {
        Counter { calls: AtomicU32::new(0), instructions: AtomicU32::new(0) }
    }

    #[doc(hidden)]
    pub fn add(&self, begin: u32, end: u32) {
        let ticks = u64::from(begin.wrapping_sub(end));
        let instructions = ((ticks * 5 + TICKS_PER_5_INSTRUCTIONS / 2) / TICKS_PER_5_INSTRUCTIONS) as u32;
        self.calls.store(self.calls.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        self.instructions
            .store(self.instructions.load(Ordering::Relaxed).wrapping_add(instructions), Ordering::Relaxed);
    }

    /// What it says so far.
    pub fn count(&self) -> Count {
        Count { calls: self.calls.load(Ordering::Relaxed), instructions: self.instructions.load(Ordering::Relaxed) }
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self::new()
    }
}

/// `region!(name);` makes a module `name` with `count(f)`, which runs `f` as a counted region, and the static `COUNTER`.
///
/// What `f` does should be a call of a function that is not inlined: the compiler may move plain arithmetic past a marker.
#[macro_export]
macro_rules! region {
    ($($name:ident),+ $(,)?) => { $(
        #[doc = concat!("The counted region `", stringify!($name), "`.")]
        pub mod $name {
            ::core::arch::global_asm!(
                concat!(".global kiln_begin_", stringify!($name)),
                concat!(".type kiln_begin_", stringify!($name), ", %function"),
                ".thumb_func",
                concat!("kiln_begin_", stringify!($name), ":"),
                "mov r0, #0x40000000",
                "ldr r0, [r0, #4]",
                "bx lr",
                concat!(".size kiln_begin_", stringify!($name), ", . - kiln_begin_", stringify!($name)),
                concat!(".global kiln_end_", stringify!($name)),
                concat!(".type kiln_end_", stringify!($name), ", %function"),
                ".thumb_func",
                concat!("kiln_end_", stringify!($name), ":"),
                "mov r0, #0x40000000",
                "ldr r0, [r0, #4]",
                "bx lr",
                concat!(".size kiln_end_", stringify!($name), ", . - kiln_end_", stringify!($name)),
            );
            unsafe extern "C" {
                #[link_name = concat!("kiln_begin_", stringify!($name))]
                safe fn begin() -> u32;
                #[link_name = concat!("kiln_end_", stringify!($name))]
                safe fn end() -> u32;
            }

            /// What the timer says.
            pub static COUNTER: $crate::Counter = $crate::Counter::new();

            /// Runs `f` as one call of the region.
            #[inline(always)]
            pub fn count<R>(f: impl FnOnce() -> R) -> R {
                let before = start();
                let result = f();
                stop(before);
                result
            }

            /// Begins a call of the region. What lies between this and [`stop`] returns its results to where they stay, which
            /// those of a closure do not: large ones are copied, and the copy is counted.
            #[inline(always)]
            pub fn start() -> u32 {
                begin()
            }

            /// Ends the call that began with what [`start`] returned.
            #[inline(always)]
            pub fn stop(before: u32) {
                COUNTER.add(before, end());
            }
        }
    )+ };
}
