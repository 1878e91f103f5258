//! A firmware that the image check has to refuse: its kernel indexes with a number that it does not know.
#![no_std]
#![no_main]

use core::hint::black_box;

#[cortex_m_rt::entry]
fn main() -> ! {
    kiln_board::main(|_| _ = black_box(kernel_index(&[1.0; 8], black_box(3))))
}

#[unsafe(no_mangle)]
#[inline(never)]
fn kernel_index(x: &[f32; 8], i: usize) -> f32 {
    x[i]
}
