//! A firmware that the image check accepts, so that it is seen to refuse the others for what they do.
#![no_std]
#![no_main]

use core::hint::black_box;

#[cortex_m_rt::entry]
fn main() -> ! {
    kiln_board::main(|_| _ = black_box(kernel_sum(black_box(&[1.0; 8]))))
}

#[unsafe(no_mangle)]
#[inline(never)]
fn kernel_sum(x: &[f32; 8]) -> f32 {
    x.iter().fold(0.0, |sum, x| sum + x)
}
