//! The facts about a target: `targets/<name>/profile.toml`.

use anyhow::{Context, Result};
use serde::Deserialize;

/// What a profile says, as far as the commands here need it.
#[derive(Debug, Deserialize)]
pub struct Profile {
    /// The name of its folder.
    pub name: String,
    /// The processor core, in the manufacturer's words.
    pub core: String,
    /// The compiler's name of the target.
    pub triple: String,
    /// Other targets whose programs the board runs too.
    #[serde(default)]
    pub also: Vec<String>,
    /// What the compiler is told besides.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Where code and data lie.
    pub memory: Memory,
    /// What runs its firmware on a host.
    pub emulator: Emulator,
}

/// As `memory.x` says to the linker.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Memory {
    /// First address of flash.
    pub flash_start: u64,
    /// Size of flash.
    pub flash_bytes: u64,
    /// First address of RAM.
    pub ram_start: u64,
    /// Size of RAM.
    pub ram_bytes: u64,
}

/// A QEMU machine.
#[derive(Debug, Deserialize)]
pub struct Emulator {
    /// The program.
    pub program: String,
    /// How it becomes the board.
    pub arguments: Vec<String>,
    /// An instruction takes two to the power of this in nanoseconds.
    pub icount_shift: u32,
    /// Where Debian has the program.
    pub debian_package: String,
}

/// The profile that the main job, the benchmarks and the tests use.
pub const MAIN: &str = "mps2-an386";

/// The boards there are.
const BOARDS: [&str; 6] = [
    include_str!("../../targets/mps2-an386/profile.toml"),
    include_str!("../../targets/microbit/profile.toml"),
    include_str!("../../targets/mps2-an385/profile.toml"),
    include_str!("../../targets/mps2-an505/profile.toml"),
    include_str!("../../targets/mps3-an547/profile.toml"),
    include_str!("../../targets/riscv32-virt/profile.toml"),
];

/// All boards.
pub fn all() -> Result<Vec<Profile>> {
    BOARDS.iter().map(|text| toml::from_str(text).with_context(|| format!("not a profile: {text}"))).collect()
}

/// The board of a name.
pub fn load(name: &str) -> Result<Profile> {
    all()?.into_iter().find(|profile| profile.name == name).with_context(|| format!("there is no board `{name}`"))
}

/// The board that runs programs for a target.
pub fn of_target(triple: &str) -> Result<Profile> {
    let all = all()?;
    let targets = |profile: &Profile| [&profile.triple].into_iter().chain(&profile.also).cloned().collect::<Vec<_>>();
    let mut known: Vec<String> = Vec::new();
    for target in all.iter().flat_map(targets).map(|target| format!("`{target}`")) {
        if !known.contains(&target) {
            known.push(target);
        }
    }
    all.into_iter()
        .find(|profile| targets(profile).iter().any(|target| target == triple))
        .with_context(|| format!("no emulator is known for `{triple}`; there is one for {}", known.join(", ")))
}

#[test]
fn the_linker_is_told_what_the_profile_says() {
    for profile in all().unwrap() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets").join(&profile.name);
        let memory_x = std::fs::read_to_string(folder.join("memory.x")).unwrap();
        for (name, start, bytes) in [
            ("FLASH", profile.memory.flash_start, profile.memory.flash_bytes),
            ("RAM", profile.memory.ram_start, profile.memory.ram_bytes),
        ] {
            let length = if bytes % (1 << 20) == 0 { format!("{}M", bytes >> 20) } else { format!("{}K", bytes >> 10) };
            let end = format!("ORIGIN = {start:#010x}, LENGTH = {length}");
            let line = memory_x.lines().find(|line| line.trim().starts_with(name)).unwrap();
            assert!(line.ends_with(&end), "{}: `{line}` does not end with `{end}`", profile.name);
        }
    }
}
