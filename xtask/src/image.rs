//! `cargo xtask check-image`: the check of `cargo kiln check` on this repository's firmware, and the check of the check.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use cargo_kiln::image::{Findings, Image, Scope};

use crate::provide::Consent;
use crate::{cargo, profile, provide, repo, say};

/// `cargo xtask check-image`.
pub fn run(elf: Option<PathBuf>, consent: Consent) -> Result<()> {
    say::heading("What the kernels of the linked firmware can do");
    let elf = match elf {
        Some(elf) => elf,
        None => {
            let profile = profile::load(profile::MAIN)?;
            let route = provide::target(&profile, consent)?;
            cargo::firmware(&repo::root().join("examples/digits-mps2"), &profile, route)?
        }
    };
    say::note("image", repo::short(&elf));
    let findings = Image::read(&elf)?.inspect()?;
    findings.show(Scope::Image);
    findings.verdict(Scope::Image)
}

/// Firmwares that do what kernels must not, and what has to be found in them.
const REFUSED: [(&str, &str); 4] = [
    ("panics", "kernel_index -> core::panicking::panic_bounds_check"),
    ("recurses", "kernel_collatz can call itself"),
    ("points", "kernel_apply"),
    ("allocates", "kernel_boxed -> "),
];

/// Holds the check itself against real firmwares: what does no harm passes, and what does harm is found.
pub fn try_check(consent: Consent) -> Result<()> {
    let profile = profile::load(profile::MAIN)?;
    let route = provide::target(&profile, consent)?;
    let elves = cargo::firmware_examples(&repo::root().join("targets/board"), &profile, route)?;
    let findings = |name: &str| -> Result<Findings> {
        let elf = elves.iter().find(|elf| elf.file_stem().is_some_and(|stem| stem == name));
        Image::read(elf.with_context(|| format!("there is no firmware `{name}`"))?)?.inspect()
    };
    findings("harmless")?.verdict(Scope::Image).context("the firmware `harmless` is refused")?;
    say::good("harmless", "accepted");
    for (name, culprit) in REFUSED {
        let findings = findings(name)?;
        let complaints: Vec<&String> = findings.complaints(Scope::Image).collect();
        match complaints.iter().find(|complaint| complaint.starts_with(culprit)) {
            Some(complaint) => say::good(name, format_args!("refused: {complaint}")),
            None => bail!("the firmware `{name}` is not refused for `{culprit}` but for {complaints:?}"),
        }
    }
    Ok(())
}
