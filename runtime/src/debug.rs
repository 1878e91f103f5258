//! Where `debug_print!` and `debug_nans` write.
//!
//! On hosts lines go to standard output. A firmware says where they go, once, at its start:
//!
//! ```
//! fn to_the_debugger(line: core::fmt::Arguments<'_>) {
//!     // hprintln!("{line}"), writeln!(uart, "{line}"), defmt::println!("{}", Display2Format(&line)), ..
//! #   let _ = line;
//! }
//! kiln::debug::set_output(to_the_debugger);
//! ```
//!
//! A kernel without `debug_print!` and without `debug_nans` links nothing of this.

use core::fmt::Arguments;
use core::sync::atomic::{AtomicPtr, Ordering};

/// Takes one line, without the line break.
pub type Output = fn(Arguments<'_>);

static OUTPUT: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Sends all lines to `output` from now on, on hosts too. Lines that a firmware prints before it has said so are lost.
pub fn set_output(output: Output) {
    OUTPUT.store(output as *mut (), Ordering::Release);
}

/// Hands a line to the output; `false` if there is none.
#[doc(hidden)]
pub fn print(line: Arguments<'_>) -> bool {
    let output = OUTPUT.load(Ordering::Acquire);
    if output.is_null() {
        return false;
    }
    // SAFETY: what is not null was stored by `set_output`, which only stores functions of this type.
    let output: Output = unsafe { core::mem::transmute::<*mut (), Output>(output) };
    output(line);
    true
}
