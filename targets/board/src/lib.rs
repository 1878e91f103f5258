//! What Kiln's own firmware needs of an emulated board, and nothing else: a console on the host, a way to end, regions whose
//! instructions are counted, and how deep the stack was.
//!
//! ```ignore
//! region!(filter);
//!
//! #[kiln_board::entry]
//! fn main() -> ! {
//!     kiln_board::main(|console| {
//!         let y = filter::count(|| kernel(&x));
//!         let stack_bytes = kiln_board::stack_bytes(|| kernel(&x));
//!     })
//! }
//! ```
#![no_std]

mod console;
mod region;
mod stack;

pub use console::{Console, asked_for, main};
#[cfg(target_arch = "arm")]
pub use cortex_m_rt::entry;
#[doc(hidden)]
pub use region::start_timer;
pub use region::{Count, Counter};
#[cfg(target_arch = "riscv32")]
pub use riscv_rt::entry;
pub use stack::stack_bytes;
