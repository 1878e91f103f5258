//! The loops that Kiln writes in assembler beside the same loops in plain Rust, on the emulator.

use anyhow::{Result, bail};

use crate::emulator::Emulator;
use crate::provide::{self, Consent};
use crate::{cargo, profile, repo, say};

/// Runs `targets/same-bits`; an error when a loop computes anything else than its plain form.
pub fn run(consent: Consent) -> Result<()> {
    let profile = profile::load(profile::MAIN)?;
    let route = provide::target(&profile, consent)?;
    let emulator = Emulator::provide(&profile, consent, None)?;
    let elf = cargo::firmware(&repo::root().join("targets/same-bits"), &profile, route)?;
    let (mut same, mut differs) = (0, Vec::new());
    emulator.run(&elf, &[], |line| {
        match line.split_once(' ') {
            Some(("same", _)) => same += 1,
            Some(("differs", what)) => differs.push(what.to_owned()),
            _ => bail!("the firmware said `{line}`"),
        }
        Ok(())
    })?;
    differs.dedup();
    if !differs.is_empty() {
        bail!("not the bits of the plain loop: {}", differs.join(", "));
    }
    if same == 0 {
        bail!("the firmware compared nothing");
    }
    say::good("loops", format_args!("{same} results, each the bits of the plain loop"));
    Ok(())
}
