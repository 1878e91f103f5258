//! Runs every kernel of `kiln-bits` and says, a line for each, how many elements it gave and how many have other bits than they
//! should.
#![no_std]
#![no_main]

use core::fmt::{self, Write};

use kiln_bits::CASES;
use kiln_board::Console;

struct Lines<'a>(&'a mut Console);

impl Write for Lines<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

#[cortex_m_rt::entry]
fn main() -> ! {
    kiln_board::main(|console| {
        for case in CASES {
            let outcome = (case.run)();
            // Writing to the console does not fail: it ends the run.
            let _ = writeln!(Lines(console), "{} {} {}", case.name, outcome.elements, outcome.wrong);
        }
    })
}
