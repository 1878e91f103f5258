//! A firmware that the image check has to refuse: its kernel asks for memory.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use core::alloc::{GlobalAlloc, Layout};
use core::hint::black_box;

/// Has no memory.
struct Nothing;

// SAFETY: a null pointer says that there is no memory, so that `dealloc` is never called.
unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static NOTHING: Nothing = Nothing;

#[cortex_m_rt::entry]
fn main() -> ! {
    kiln_board::main(|_| _ = black_box(kernel_boxed(black_box(1.0))))
}

#[unsafe(no_mangle)]
#[inline(never)]
fn kernel_boxed(x: f32) -> Box<f32> {
    Box::new(x)
}
