//! Words to the host, words from the host, and the end, all through semihosting.

use core::panic::PanicInfo;

#[cfg(target_arch = "arm")]
use cortex_m_semihosting as semihosting;
#[cfg(target_arch = "riscv32")]
use riscv_semihosting as semihosting;
use semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use semihosting::hio::{self, HostStream};
use semihosting::nr::GET_CMDLINE;

/// Standard output of the emulator.
#[derive(Debug)]
pub struct Console(Stream);

struct Stream(HostStream);

impl core::fmt::Debug for Stream {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("semihosting")
    }
}

impl Console {
    /// Writes all of `bytes`. A host that does not take them ends the run with a failure.
    pub fn write(&mut self, bytes: &[u8]) {
        if self.0.0.write_all(bytes).is_err() {
            end(EXIT_FAILURE);
        }
    }
}

/// Runs the program, then ends the emulator with success.
pub fn main(program: impl FnOnce(&mut Console)) -> ! {
    crate::start_timer();
    match hio::hstdout() {
        Ok(stream) => program(&mut Console(Stream(stream))),
        Err(()) => end(EXIT_FAILURE),
    }
    end(EXIT_SUCCESS)
}

/// Whether `word` is one of the words that the host started the firmware with.
pub fn asked_for(word: &str) -> bool {
    let mut line = [0u8; 256];
    let mut block = [line.as_mut_ptr().expose_provenance(), line.len()];
    // SAFETY: the call fills the buffer that the block describes, at most as many bytes as it is long, and returns 0, or it
    // returns another number. The block and the buffer live until it returns.
    let status = unsafe { semihosting::syscall1(GET_CMDLINE, block.as_mut_ptr().expose_provenance()) };
    status == 0 && line.split(|byte| *byte == b' ' || *byte == 0).any(|given| given == word.as_bytes())
}

fn end(status: debug::ExitStatus) -> ! {
    loop {
        debug::exit(status);
    }
}

/// A firmware without panic paths is linked without this function.
#[panic_handler]
fn panic(_why: &PanicInfo<'_>) -> ! {
    if let Ok(mut stream) = hio::hstdout() {
        let _ = stream.write_all(b"panicked\n");
    }
    end(EXIT_FAILURE)
}
