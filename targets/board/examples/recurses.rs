//! A firmware that the image check has to refuse: its kernel calls itself, through another function.
#![no_std]
#![no_main]

use core::hint::black_box;

#[cortex_m_rt::entry]
fn main() -> ! {
    kiln_board::main(|_| _ = black_box(kernel_collatz(black_box(27))))
}

#[unsafe(no_mangle)]
#[inline(never)]
fn kernel_collatz(n: u32) -> u32 {
    match n {
        1 => 0,
        n => next(n) + 1,
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
fn next(n: u32) -> u32 {
    kernel_collatz(if n.is_multiple_of(2) { n / 2 } else { n.wrapping_mul(3).wrapping_add(1) }) + 1
}
