//! `cargo xtask`: what is done in this repository besides compiling. CI runs the same commands as people.

use std::path::PathBuf;
use std::process::ExitCode;

use cargo_kiln::{emulator, profile, provide, say};
use clap::{Parser, Subcommand};

mod bench;
mod bits;
mod cargo;
mod digits;
mod estimate;
mod host;
mod image;
mod macro_time;
mod ram;
mod repo;
mod same_bits;
mod setup;
mod test;

/// The main job, the tests and the measurements of Kiln.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    /// Install nothing: use what is there, and skip with a word what needs more.
    #[arg(long, global = true)]
    no_install: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look for what the other commands need, and install what is missing. They do so themselves; this does nothing else.
    Setup,
    /// The main job: train a network that reads digits on the host and on a microcontroller, and compare the two.
    Digits(digits::Options),
    /// All tests, the firmware's included.
    Test(test::Options),
    /// What less memory costs: training steps and networks within shares of the memory that they need, as a table and a
    /// picture; and how well the arenas of the benchmarks are packed.
    Ram,
    /// Count what gradients, Hessian-vector products and batches cost beside their function.
    Work,
    /// Count the instructions of the benchmark kernels on the microcontroller, or take times on this machine.
    Bench(bench::Options),
    /// Whether every target computes the same bits: kernels and what they have to give, on this machine's instruction sets,
    /// AArch64, WebAssembly, and microcontrollers in the emulator.
    Bits,
    /// Hold the estimates of `cargo kiln report` against what the emulator counts, for the digits example.
    Estimate(estimate::Options),
    /// How long the compiler takes, macros included, for functions and libraries of growing size.
    MacroTime(macro_time::Options),
    /// Look into a linked firmware for panic paths, allocation, recursion and indirect calls in its kernels.
    CheckImage {
        /// The ELF file; built if left out.
        elf: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let Arguments { no_install, command } = Arguments::parse();
    let consent = if no_install { provide::Consent::UseOnly } else { provide::Consent::Install };
    let done = match command {
        Command::Setup => setup::run(consent),
        Command::Digits(options) => digits::run(&options, consent),
        Command::Test(options) => test::run(&options, consent),
        Command::Ram => ram::run(),
        Command::Work => test::work(consent),
        Command::Bench(options) => bench::run(&options, consent),
        Command::Bits => bits::run(consent),
        Command::Estimate(options) => estimate::run(&options, consent),
        Command::MacroTime(options) => macro_time::run(&options),
        Command::CheckImage { elf } => image::run(elf, consent),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say::failure(&why);
            ExitCode::FAILURE
        }
    }
}
