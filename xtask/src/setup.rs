//! `cargo xtask setup`.

use anyhow::{Result, bail};

use crate::provide::{Consent, emulator, target};
use crate::{profile, say};

/// `cargo xtask setup`.
pub fn run(consent: Consent) -> Result<()> {
    let profile = profile::load(profile::MAIN)?;
    say::heading("What Kiln's jobs need on this machine");
    let target = target(&profile, consent);
    let emulator = emulator(&profile, consent);
    for missing in [target.as_ref().err(), emulator.as_ref().err()].into_iter().flatten() {
        say::bad("missing", missing);
    }
    if target.is_err() || emulator.is_err() {
        bail!("without it, `cargo digits` runs its host half only and `cargo xtask test` fails");
    }
    say::block("All there: `cargo digits` runs the main job, `cargo xtask test` the tests.");
    Ok(())
}
