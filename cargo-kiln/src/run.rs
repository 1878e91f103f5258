//! `cargo kiln run`: builds a program and runs it where it belongs, on this machine or in the emulator of a board.

use std::path::Path;
use std::process::Command;

use anstream::println;
use anyhow::{Context, Result, bail};
use clap::Args;
use object::{Architecture, Object};

use crate::emulator::Emulator;
use crate::package::Selection;
use crate::profile::{self, Profile};
use crate::provide::Consent;
use crate::{check, say};

/// What can be asked for.
#[derive(Debug, Args)]
pub struct Options {
    /// The package, and the program in it.
    #[command(flatten)]
    pub package: Selection,
    /// Build without optimisation.
    #[arg(long)]
    pub debug: bool,
    /// Install the emulator if it is missing.
    #[arg(long)]
    pub install: bool,
    /// Words for the program; firmware gets them as its semihosting command line.
    #[arg(last = true)]
    pub words: Vec<String>,
}

/// Builds and runs.
pub fn run(options: &Options) -> Result<()> {
    let program = options.package.program(!options.debug)?;
    let data = std::fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
    let Some(board) = board(options.package.target.as_deref(), object::File::parse(&*data)?.architecture())? else {
        let status = Command::new(&program).args(&options.words).status();
        let status = status.with_context(|| format!("cannot run {}", program.display()))?;
        if !status.success() {
            bail!("the program ended with {status}");
        }
        return Ok(());
    };
    fits(&program, &board)?;
    let consent = if options.install { Consent::Install } else { Consent::UseOnly };
    let emulator = Emulator::provide(&board, consent, None)?;
    let words: Vec<&str> = options.words.iter().map(String::as_str).collect();
    emulator.run(&program, &words, |line| {
        println!("{line}");
        Ok(())
    })?;
    say::good("done", format_args!("the firmware ended with success on the {}, a {}", board.name, board.core));
    Ok(())
}

/// The board that runs a program, or none if this machine does.
fn board(target: Option<&str>, architecture: Architecture) -> Result<Option<Profile>> {
    let here = match std::env::consts::ARCH {
        "x86_64" => Architecture::X86_64,
        "aarch64" => Architecture::Aarch64,
        _ => Architecture::Unknown,
    };
    match (target, architecture) {
        (None, architecture) if architecture == here => Ok(None),
        (Some(target), architecture) if architecture == here && !target.ends_with("-none") => Ok(None),
        (Some(target), _) => profile::of_target(target).map(Some),
        // Cargo's configuration chose the target.
        (None, Architecture::Arm) => profile::load(profile::MAIN).map(Some),
        (None, other) => bail!("no emulator is known for {other:?}; name the target with `--target`"),
    }
}

/// An image that is linked for other addresses does not start, and says nothing.
fn fits(program: &Path, board: &Profile) -> Result<()> {
    let Some(stray) = check::outside(program, &board.memory)? else { return Ok(()) };
    let m = &board.memory;
    bail!(
        "the program is linked for other memory than the {} has: {stray}. For the emulator, link it with this memory.x:\n\
         MEMORY\n{{\n  FLASH : ORIGIN = {:#010x}, LENGTH = {}K\n  RAM : ORIGIN = {:#010x}, LENGTH = {}K\n}}",
        board.name,
        m.flash_start,
        m.flash_bytes >> 10,
        m.ram_start,
        m.ram_bytes >> 10
    )
}

#[test]
fn a_target_without_an_emulator_is_told_which_there_is() {
    let why = board(Some("riscv64gc-unknown-none-elf"), Architecture::Riscv64).unwrap_err().to_string();
    assert_eq!(
        why,
        "no emulator is known for `riscv64gc-unknown-none-elf`; there is one for `thumbv7em-none-eabihf`, \
         `thumbv6m-none-eabi`, `thumbv7m-none-eabi`, `thumbv8m.main-none-eabihf`, `riscv32imac-unknown-none-elf`, \
         `riscv32imafc-unknown-none-elf`"
    );
    let of = |triple| board(Some(triple), Architecture::Unknown).unwrap().unwrap().name;
    assert_eq!(of("thumbv7em-none-eabihf"), profile::MAIN);
    assert_eq!(of("thumbv8m.main-none-eabihf"), "mps2-an505");
    assert_eq!(of("riscv32imafc-unknown-none-elf"), "riscv32-virt");
}
