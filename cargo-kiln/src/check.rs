//! `cargo kiln check`: whether the program that is linked keeps what kernels promise, and fits the chip.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use object::{Object, ObjectSegment};

use crate::image::{Image, Scope};
use crate::package::Selection;
use crate::{profile, say};

/// What can be asked for.
#[derive(Debug, Args)]
pub struct Options {
    /// The package, and the program in it.
    #[command(flatten)]
    pub package: Selection,
    /// Build without optimisation. Without it much is left in the image that optimisation removes, panic paths too.
    #[arg(long)]
    pub debug: bool,
    /// RAM of the chip: `20 KiB`, or a number of bytes. Without it that of the board that is known for the target.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub ram: Option<u64>,
    /// Flash of the chip.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub flash: Option<u64>,
    /// Hold the whole image to what kernels are held to: no panic, no allocation anywhere.
    #[arg(long)]
    pub whole: bool,
}

/// `20 KiB`, `1 MiB`, `512 B` or `512`.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
    let scale = match text[digits.len()..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        unit => return Err(format!("`{unit}` is no unit: write `B`, `KiB` or `MiB`")),
    };
    let number: u64 = digits.replace('_', "").parse().map_err(|_| format!("`{digits}` is not a number"))?;
    number.checked_mul(scale).ok_or_else(|| format!("{text} is too much"))
}

/// Builds the program and looks into it.
pub fn run(options: &Options) -> Result<()> {
    let elf = options.package.image(!options.debug)?;
    say::heading(format_args!("What the kernels in {} can do", elf.display()));
    let image = Image::read(&elf)?;
    if !is_arm(&elf)? {
        bail!(
            "the check follows calls in images for Arm's microcontrollers; build for one with `--target thumbv7em-none-eabihf`"
        );
    }
    let scope = if options.whole { Scope::Image } else { Scope::Kernels };
    let findings = image.inspect()?;
    findings.show(scope);
    code(&image);
    let fits = fits(options, &elf, &image)?;
    findings.verdict(scope)?;
    if !fits {
        bail!("the program does not fit; see above");
    }
    Ok(())
}

fn is_arm(elf: &Path) -> Result<bool> {
    let data = std::fs::read(elf)?;
    Ok(object::File::parse(&*data)?.architecture() == object::Architecture::Arm)
}

/// Code that Kiln emitted, by module.
fn code(image: &Image) {
    let mut modules: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (name, bytes) in image.emitted() {
        // Nameless constants may be nested.
        let of = modules.entry(name.split_once("::_::").map_or(name, |(module, _)| module)).or_default();
        *of = (of.0 + 1, of.1 + bytes);
    }
    for (module, (functions, bytes)) in modules {
        say::note("code", format_args!("{module}: {} in {}", say::bytes(bytes), say::many(functions, "function")));
    }
}

/// Whether flash and RAM are enough, as far as it is known how much there is.
fn fits(options: &Options, elf: &Path, image: &Image) -> Result<bool> {
    let sizes = image.sizes();
    // Another board with this core has its code elsewhere, or its memory ends elsewhere.
    let board = options.package.target.as_deref().and_then(|target| profile::of_target(target).ok());
    let board = board.filter(|board| outside(elf, &board.memory).is_ok_and(|stray| stray.is_none()));
    let memory = board.as_ref().map(|board| board.memory);
    // The most that a kernel needs while it runs, those that it calls included.
    let kernels = options.package.kernels()?;
    let deepest = kernels.iter().max_by_key(|kernel| kernel.ram_bytes).context("there are no kernels")?;
    let whose = |given: Option<u64>| match (&board, given) {
        (Some(board), None) => format!(" of the {}", board.name),
        _ => String::new(),
    };
    let mut fits = true;
    let mut claim = |what: &str, used: u64, how: String, limit: Option<u64>, whose: String| match limit {
        Some(limit) if used > limit => {
            fits = false;
            say::bad(what, format_args!("{}{how}, {}{whose} are too few", say::bytes(used), say::bytes(limit)));
        }
        Some(limit) => say::good(what, format_args!("{}{how}, of {}{whose}", say::bytes(used), say::bytes(limit))),
        None => say::note(what, format_args!("{}{how}; `--{what}` says how much there is", say::bytes(used))),
    };
    let flash = options.flash.or(memory.map(|m| m.flash_bytes));
    claim("flash", sizes.flash, String::new(), flash, whose(options.flash));
    let how = format!(
        ": {} of statics, and {} while `{}` runs, plus the stack of its callers",
        say::bytes(sizes.ram),
        say::bytes(deepest.ram_bytes),
        deepest.path
    );
    claim("ram", sizes.ram + deepest.ram_bytes, how, options.ram.or(memory.map(|m| m.ram_bytes)), whose(options.ram));
    Ok(fits)
}

/// Whether everything that is loaded lies in the memory of a board; else what does not.
pub fn outside(elf: &Path, memory: &profile::Memory) -> Result<Option<String>> {
    let data = std::fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
    let file = object::File::parse(&*data)?;
    let within = |start: u64, bytes: u64, at: u64, size: u64| at >= start && at + size <= start + bytes;
    let lies = |at: u64, size: u64| {
        within(memory.flash_start, memory.flash_bytes, at, size) || within(memory.ram_start, memory.ram_bytes, at, size)
    };
    let stray = file.segments().find(|segment| segment.size() > 0 && !lies(segment.address(), segment.size()));
    Ok(stray.map(|segment| format!("{} at {:#010x}", say::bytes(segment.size()), segment.address())))
}

#[test]
fn sizes_have_units() {
    assert_eq!(["20 KiB", "512", "1MiB", "7 B"].map(|text| size(text).unwrap()), [20480, 512, 1 << 20, 7]);
    assert!(size("20 kB").unwrap_err().contains("`kB` is no unit"));
    assert!(size("many").is_err());
}
