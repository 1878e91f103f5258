//! The facts about a target: `targets/<name>/profile.toml`.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::repo;

/// What a profile says, as far as the commands here need it.
#[derive(Debug, Deserialize)]
pub struct Profile {
    /// The name of its folder.
    pub name: String,
    /// The processor core, in the manufacturer's words.
    pub core: String,
    /// The compiler's name of the target.
    pub triple: String,
    /// Where code and data lie.
    pub memory: Memory,
    /// What runs its firmware on a host.
    pub emulator: Emulator,
}

/// As `memory.x` says to the linker.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Memory {
    pub flash_bytes: u64,
    pub ram_bytes: u64,
}

/// A QEMU machine.
#[derive(Debug, Deserialize)]
pub struct Emulator {
    pub program: String,
    pub arguments: Vec<String>,
    pub icount_shift: u32,
    pub debian_package: String,
}

/// The profile that the main job, the benchmarks and the tests use.
pub const MAIN: &str = "mps2-an386";

/// Reads a profile.
pub fn load(name: &str) -> Result<Profile> {
    let path = repo::root().join("targets").join(name).join("profile.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", repo::short(&path)))?;
    toml::from_str(&text).with_context(|| format!("{} is not a profile", repo::short(&path)))
}

#[test]
fn the_linker_is_told_what_the_profile_says() {
    let profile = load(MAIN).unwrap();
    let memory_x = std::fs::read_to_string(repo::root().join("targets").join(MAIN).join("memory.x")).unwrap();
    for (name, bytes) in [("FLASH", profile.memory.flash_bytes), ("RAM", profile.memory.ram_bytes)] {
        let end = format!(", LENGTH = {}M", bytes >> 20);
        let line = memory_x.lines().find(|line| line.trim().starts_with(name)).unwrap();
        assert!(line.ends_with(&end), "`{line}` does not end with `{end}`");
    }
}
