//! A firmware that the image check has to refuse: which function its kernel calls is decided while it runs.
#![no_std]
#![no_main]

use core::hint::black_box;

#[cortex_m_rt::entry]
fn main() -> ! {
    kiln_board::main(|_| _ = black_box(kernel_apply(black_box(double), 21.0)))
}

#[unsafe(no_mangle)]
#[inline(never)]
fn kernel_apply(f: fn(f32) -> f32, x: f32) -> f32 {
    f(x) + 1.0
}

#[inline(never)]
fn double(x: f32) -> f32 {
    2.0 * x
}
