//! Firmware that runs five functions, their gradients and their Hessian-vector products, each once as a counted region, and says
//! how many operations their graphs have; and the cheap side of a branch, slice by slice. `cargo xtask work` runs it. The functions are those of `codegen/tests/cost.rs`.
#![no_std]
#![no_main]

mod cnn;
mod gru;
mod kalman;
mod kernels;
mod mlp;
mod rigid;
mod turns;
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

/// What can be drawn: floats from -1 up to 1 by a linear congruential generator, arrays in row-major order.
trait Draw {
    /// The next value.
    fn draw(from: &mut u32) -> Self;
}

impl Draw for f32 {
    fn draw(from: &mut u32) -> f32 {
        *from = from.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*from >> 8) as f32 * (1.0 / 8_388_608.0) - 1.0
    }
}

impl<T: Draw, const N: usize> Draw for [T; N] {
    fn draw(from: &mut u32) -> [T; N] {
        core::array::from_fn(|_| T::draw(from))
    }
}

/// Of `name(parameter: Type = value, ..) -> Result = kernel;`: runs the kernel as a counted region around one call, and reports the
/// operations of its graph.
#[macro_export]
macro_rules! derivatives {
    ($($name:ident($($parameter:ident: $T:ty = $value:expr),*) -> $R:ty = $($kernel:ident)::+;)*) => {
        kiln_board::region!(empty, $($name),*);

        mod counted {
            use super::*;

            $(
                #[unsafe(export_name = concat!("kernel_", stringify!($name)))]
                #[inline(never)]
                pub fn $name($($parameter: $T),*) -> $R {
                    $($kernel)::+($($parameter),*)
                }
            )*
        }

        /// Runs all of them.
        pub fn run(out: &mut $crate::Lines<'_>) {
            empty::count(|| ());
            $crate::say(out, "empty", 0, &empty::COUNTER);
            $({
                $(let $parameter: $T = $value;)*
                $(let _ = core::hint::black_box(&$parameter);)*
                let before = $name::start();
                let result = counted::$name($($parameter),*);
                $name::stop(before);
                let _ = core::hint::black_box(&result);
                $crate::say(out, stringify!($name), $($kernel)::+::FLOPS, &$name::COUNTER);
            })*
        }
    };
}

fn say(out: &mut Lines<'_>, name: &str, operations: u64, counter: &kiln_board::Counter) {
    report::fact(out, name, "operations", operations as usize);
    report::fact(out, name, "timer_instructions", counter.count().instructions as usize);
}
