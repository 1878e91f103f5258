//! Firmware that runs every workload once as a counted region, and says what came out and how deep its stack was.
//! `cargo xtask bench` runs it and knows what to compare it with; a workload is a line in `workloads.rs`.
#![no_std]
#![no_main]

mod inputs;
mod programs;
mod workloads;

use cortex_m_rt::entry;
use digits::report::{self, Console};

#[entry]
fn main() -> ! {
    kiln_board::main(|console| workloads::run(&mut Lines(console)))
}

/// The console of the board as the one that reports are written to.
struct Lines<'a>(&'a mut kiln_board::Console);

impl Console for Lines<'_> {
    fn write(&mut self, line: &[u8]) {
        self.0.write(line);
    }
}

/// Makes of `name(parameter: Type = value, ..) -> Result = function;` the kernel `kernel_name`, a counted region around one call
/// of it with those values, and a call in `run`.
#[macro_export]
macro_rules! workloads {
    ($($name:ident($($parameter:ident: $T:ty = $value:expr),* $(,)?) -> $R:ty = $($function:ident)::+;)*) => {
        kiln_board::region!(empty, $($name),*);

        mod kernels {
            #![allow(unused_imports)]
            use super::*;

            $(
                #[unsafe(export_name = concat!("kernel_", stringify!($name)))]
                #[inline(never)]
                pub fn $name($($parameter: $T),*) -> $R {
                    $($function)::+($($parameter),*)
                }
            )*
        }

        /// Runs all workloads.
        pub fn run(out: &mut $crate::Lines<'_>) {
            empty::count(|| ());
            $crate::say(out, "empty", &empty::COUNTER);
            $({
                $(let $parameter: $T = $value;)*
                // All of the inputs lie in memory before the region begins.
                $(let _ = core::hint::black_box(&$parameter);)*
                let before = $name::start();
                let result = kernels::$name($($parameter),*);
                $name::stop(before);
                $crate::report::fact(out, stringify!($name), "check", $crate::inputs::Check::bits(&result) as usize);
                $crate::say(out, stringify!($name), &$name::COUNTER);
                let stack = kiln_board::stack_bytes(|| _ = core::hint::black_box(kernels::$name($($parameter),*)));
                $crate::report::fact(out, stringify!($name), "stack_bytes", stack);
                $crate::report::fact(out, stringify!($name), "ram_bytes", $($function)::+::RAM_BYTES);
            })*
        }
    };
}

fn say(out: &mut Lines<'_>, name: &str, counter: &kiln_board::Counter) {
    let count = counter.count();
    report::fact(out, name, "calls", count.calls as usize);
    report::fact(out, name, "timer_instructions", count.instructions as usize);
}
