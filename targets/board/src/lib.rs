//! What Kiln's own firmware needs of an emulated board, and nothing else: a console on the host, a way to end, regions whose
//! instructions are counted, and how deep the stack was.
//!
//! ```ignore
//! region!(filter);
//!
//! #[cortex_m_rt::entry]
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
#[doc(hidden)]
pub use region::start_timer;
pub use region::{Count, Counter};
pub use stack::stack_bytes;
