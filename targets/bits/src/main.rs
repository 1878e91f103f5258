//! Runs every kernel of `kiln-bits` and says, a line for each, how many elements it gave, how many have other bits than they
//! should, how many bytes of stack it used, and how many it may.
#![no_std]
#![no_main]

use core::fmt::{self, Write};

use kiln_bits::{CASES, Outcome};
use kiln_board::Console;

struct Lines<'a>(&'a mut Console);

impl Write for Lines<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

#[kiln_board::entry]
fn main() -> ! {
    kiln_board::main(|console| {
        for case in CASES {
            let mut outcome = Outcome::default();
            let stack = kiln_board::stack_bytes(|| outcome = (case.run)());
            // Writing to the console does not fail: it ends the run.
            let _ = writeln!(
                Lines(console),
                "{} {} {} {stack} {}",
                case.name,
                outcome.elements,
                outcome.wrong,
                case.stack_bytes
            );
        }
    })
}
