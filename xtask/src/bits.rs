//! `cargo xtask bits`: whether every target computes the same bits.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use comfy_table::{CellAlignment, Table, presets};

use crate::emulator::Emulator;
use crate::profile::{self, Profile};
use crate::provide::{self, Consent};
use crate::{cargo, repo, say};

/// A target with an operating system of some kind: the tests of `tests/bits` run on it as they are.
struct Hosted {
    /// What is special about it.
    name: &'static str,
    triple: &'static str,
    /// What the compiler is told besides.
    flags: &'static [&'static str],
    /// What runs its programs, and the words before the program.
    runner: (&'static str, &'static [&'static str]),
}

const NODE: (&str, &[&str]) = ("node", &["--no-warnings", "xtask/src/wasi.mjs"]);

const HOSTED: [Hosted; 3] = [
    Hosted {
        name: "AArch64, NEON",
        triple: "aarch64-unknown-linux-musl",
        flags: &["-Clinker=rust-lld"],
        runner: ("qemu-aarch64", &[]),
    },
    Hosted { name: "WebAssembly", triple: "wasm32-wasip1", flags: &[], runner: NODE },
    Hosted {
        name: "WebAssembly, simd128",
        triple: "wasm32-wasip1",
        flags: &["-Ctarget-feature=+simd128"],
        runner: NODE,
    },
];

/// Boards, and the core whose code they run: QEMU has no board with a Cortex-M0 that holds all kernels, but a Cortex-M3 runs its code.
const BOARDS: [(&str, Option<(&str, &str)>); 7] = [
    ("mps2-an385", Some(("Cortex-M0", "thumbv6m-none-eabi"))),
    ("mps2-an385", None),
    ("mps2-an386", None),
    ("mps2-an505", None),
    ("mps3-an547", None),
    ("riscv32-virt", None),
    ("riscv32-virt", Some(("RV32IMAFC", "riscv32imafc-unknown-none-elf"))),
];

/// What a target said.
enum Said {
    /// The same bits, in so many elements of so many kernels.
    Same(u64, u64),
    /// The target, or what runs it, is not here.
    Skipped(String),
}

/// Runs all kernels on all targets that are there, and says which gave other bits.
pub fn run(consent: Consent) -> Result<()> {
    say::heading("The same kernels on every target");
    let mut rows: Vec<(String, String, Result<Said>)> = Vec::new();
    for level in this_machine()? {
        rows.push((level.0, "this machine".into(), Ok(Said::Same(level.1, level.2))));
    }
    for target in &HOSTED {
        rows.push((target.name.into(), target.runner.0.into(), hosted(target, consent)));
    }
    for (board, code) in BOARDS {
        let mut profile = profile::load(board)?;
        if let Some((core, triple)) = code {
            (profile.core, profile.triple) = (core.into(), triple.into());
        }
        let outcome = on_board(&profile, consent);
        rows.push((profile.core, format!("{}, {board}", profile.emulator.program), outcome));
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["target", "runs on", "kernels", "elements", "bits"]);
    let mut other = Vec::new();
    for (target, on, outcome) in rows {
        let (kernels, elements, bits) = match outcome {
            Ok(Said::Same(kernels, elements)) => (say::number(kernels), say::number(elements), "the same".into()),
            Ok(Said::Skipped(why)) => {
                say::note("SKIPPED", format_args!("{target}: {why}"));
                (String::new(), String::new(), "skipped".into())
            }
            Err(why) => {
                say::bad(&target, format_args!("{why:#}"));
                other.push(target.clone());
                (String::new(), String::new(), "OTHER".to_string())
            }
        };
        table.add_row([target, on, kernels, elements, bits]);
    }
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    say::block(&table);
    if !other.is_empty() {
        bail!("not the bits of the reference evaluator, or not the stack: {}", other.join(", "));
    }
    Ok(())
}

/// The instruction sets of this machine with the numbers of kernels and elements.
fn this_machine() -> Result<Vec<(String, u64, u64)>> {
    let text = tests(&mut cargo::command(repo::root(), &ARGUMENTS), &[])?;
    Ok(text.lines().filter_map(level).collect())
}

// With the features that the whole workspace asks for, so that what other tests use is not built again.
const ARGUMENTS: [&str; 4] = ["test", "--workspace", "--test", "bits"];

/// Reads `AVX2: 6732 elements of 56 kernels have ..`.
fn level(line: &str) -> Option<(String, u64, u64)> {
    let (level, rest) = line.split_once(": ")?;
    let (elements, rest) = rest.split_once(" elements of ")?;
    let (kernels, _) = rest.split_once(" kernels")?;
    let level = level.rsplit("... ").next()?;
    Some((level.into(), kernels.parse().ok()?, elements.parse().ok()?))
}

fn hosted(target: &Hosted, consent: Consent) -> Result<Said> {
    let (program, words) = target.runner;
    let Some(runner) = provide::find(program) else { return Ok(Said::Skipped(format!("{program} is not installed"))) };
    if let Err(missing) = provide::libraries(target.triple, consent) {
        return Ok(Said::Skipped(missing.to_string()));
    }
    let runner = [runner].into_iter().chain(words.iter().map(|word| match word.starts_with("xtask/") {
        true => repo::root().join(word),
        false => PathBuf::from(word),
    }));
    let runner: Vec<String> = runner.map(|word| format!("{:?}", word.display().to_string())).collect();
    let flags: Vec<String> = target.flags.iter().map(|flag| format!("{flag:?}")).collect();
    let settings = [
        format!("target.{}.runner=[{}]", target.triple, runner.join(", ")),
        format!("target.{}.rustflags=[{}]", target.triple, flags.join(", ")),
    ];
    let mut command = cargo::command(repo::root(), &ARGUMENTS);
    command.args(["--target", target.triple]);
    for setting in &settings {
        command.args(["--config", setting]);
    }
    let text = tests(&mut command, &["--test-threads=1"])?;
    let (_, kernels, elements) = text.lines().find_map(level).context("the test does not say what it ran")?;
    Ok(Said::Same(kernels, elements))
}

/// Runs the tests of `tests/bits` and returns what they print.
fn tests(command: &mut Command, words: &[&str]) -> Result<String> {
    let output = command.args(["--", "--nocapture"]).args(words).output().context("cannot run cargo")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{}\n{text}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(text)
}

fn on_board(profile: &Profile, consent: Consent) -> Result<Said> {
    let emulator = match Emulator::provide(profile, consent, None) {
        Ok(emulator) => emulator,
        Err(missing) => return Ok(Said::Skipped(missing.to_string())),
    };
    let route = match provide::target(profile, consent) {
        Ok(route) => route,
        Err(missing) => return Ok(Said::Skipped(missing.to_string())),
    };
    let elf = cargo::firmware_for(&repo::root().join("targets/bits"), profile, route)?;
    let (mut kernels, mut elements, mut other, mut deep) = (0, 0, Vec::new(), Vec::new());
    emulator.run(&elf, &[], |line| {
        let [name, of, wrong, used, most] = line.split(' ').collect::<Vec<_>>()[..] else {
            bail!("the firmware said `{line}`")
        };
        kernels += 1;
        elements += of.parse::<u64>()?;
        if wrong != "0" {
            other.push(format!("{name}: {wrong} of {of} elements"));
        }
        if used.parse::<u64>()? > most.parse::<u64>()? {
            deep.push(format!("{name} used {used} B of {most} B"));
        }
        Ok(())
    })?;
    if !deep.is_empty() {
        bail!("more stack than kernels are said to need: {}", deep.join(", "));
    }
    match other.is_empty() {
        true => Ok(Said::Same(kernels, elements)),
        false => bail!("other bits in {}", other.join(", ")),
    }
}

#[test]
fn the_lines_of_the_test_are_read() {
    let line =
        "test kernels_give_the_bits ... AVX2: 6732 elements of 56 kernels have the bits of the reference evaluator";
    assert_eq!(level(line), Some(("AVX2".into(), 56, 6732)));
    assert_eq!(level("AVX-512: skipped, this processor lacks it"), None);
}
