//! `cargo xtask bench`: the instructions of the benchmark kernels on the microcontroller, beside what others need.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use cargo_kiln::image::{Image, Scope};
use clap::{Args, Subcommand};
use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, Serialize};

use crate::emulator::{self, Counts, Emulator};
use crate::provide::{self, Consent};
use crate::{cargo, host, profile, repo, say};

/// What the benchmarks can be asked for.
#[derive(Debug, Default, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    part: Option<Part>,
    /// Only workloads whose name contains this.
    filter: Option<String>,
    /// Measure instead how long the compiler takes for the digits example, its dependencies being built.
    #[arg(long)]
    build: bool,
    /// Measure instead the flash that each workload takes at `opt-level = "s"`: its code, weights apart.
    #[arg(long, conflicts_with = "build")]
    flash: bool,
    /// Also show which functions the instructions went to.
    #[arg(long)]
    functions: bool,
    /// Write the results to a file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Benchmarks elsewhere than on the microcontroller.
#[derive(Debug, Subcommand)]
enum Part {
    /// Times on this machine, beside the numerical crates of Rust, NumPy and JAX.
    Host(host::Options),
}

/// A table of `benches/mcu/workloads.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    what: String,
    goal: Option<u64>,
    flash_goal: Option<u64>,
    anchors: Vec<Anchor>,
}

/// What somebody else needs for the same.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Anchor {
    by: String,
    instructions: u64,
    /// Of those, fused multiply-adds.
    #[serde(default)]
    fused: u64,
    /// Loads and stores, as far as known.
    #[serde(default)]
    memory: u64,
    /// Cycles more of divisions and square roots.
    #[serde(default)]
    slow: u64,
    /// Its activations in RAM: the most that live at once, as f32.
    ram_bytes: Option<u64>,
    /// The part of it that Kiln is meant to stay below.
    aim: Option<f64>,
}

impl Anchor {
    /// The least that it can take, by the same table as the counter's.
    fn cycles(&self) -> u64 {
        self.instructions + 2 * self.fused + self.memory + self.slow
    }
}

/// What was measured of a workload.
#[derive(Debug, Default, Serialize)]
struct Measured {
    instructions: u64,
    /// An estimate; see `targets/insncount`. Without the counter there is none.
    cycles: Option<u64>,
    stack_bytes: u64,
    /// What the kernel says that it needs: its `RAM_BYTES`.
    ram_bytes: u64,
    /// The bits of the sum of its results.
    check: u64,
}

/// Runs the workloads and writes the table; an error when one misses its goal.
pub fn run(options: &Options, consent: Consent) -> Result<()> {
    if let Some(Part::Host(options)) = &options.part {
        return host::run(options, consent);
    }
    if options.build {
        return build();
    }
    if options.flash {
        return flash(options, consent);
    }
    let folder = repo::root().join("benches/mcu");
    let workloads = read(&folder.join("workloads.toml"))?;
    let profile = profile::load(profile::MAIN)?;
    say::heading(format_args!("Benchmarks on a {}, the {} in QEMU", profile.core, profile.name));
    let route = provide::target(&profile, consent)?;
    let emulator = Emulator::provide(&profile, consent, Some(&cargo::counter))?;
    let elf = cargo::firmware(&folder, &profile, route)?;
    let mut facts = BTreeMap::new();
    let counts = emulator.run(&elf, &[], |line| fact(&mut facts, line))?;

    let wanted = |name: &str| options.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()));
    let mut results = BTreeMap::new();
    for name in workloads.keys().filter(|name| wanted(name)) {
        let measured = measured(name, &facts, &counts)
            .with_context(|| format!("`{name}` is in workloads.toml, but the firmware did not run it"))?;
        results.insert(name.as_str(), measured);
    }
    if results.is_empty() {
        bail!("no workload has `{}` in its name", options.filter.as_deref().unwrap_or_default());
    }
    show(&workloads, &results);
    if options.functions {
        for (name, region) in counts.iter().filter(|(name, _)| results.contains_key(name.as_str())) {
            emulator::show_functions(name, region);
        }
    }
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&results)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Image::read(&elf)?.inspect()?.verdict(Scope::Image)?;
    let missed: Vec<&str> = results
        .iter()
        .filter(|(name, measured)| workloads[**name].goal.is_some_and(|goal| measured.instructions > goal))
        .map(|(name, _)| *name)
        .collect();
    let deep: Vec<&str> = results.iter().filter(|(_, m)| m.stack_bytes > m.ram_bytes).map(|(name, _)| *name).collect();
    if !deep.is_empty() {
        bail!("more memory than `RAM_BYTES` says: {}", deep.join(", "));
    }
    if !missed.is_empty() {
        bail!("more instructions than the goal: {}", missed.join(", "));
    }
    Ok(())
}

/// The second table of `cargo xtask work`: what derivatives cost on the microcontroller, in instructions beside operations.
pub fn derivatives(consent: Consent) -> Result<()> {
    let profile = profile::load(profile::MAIN)?;
    say::heading(format_args!("Derivatives on a {}, the {} in QEMU", profile.core, profile.name));
    let route = provide::target(&profile, consent)?;
    let emulator = Emulator::provide(&profile, consent, Some(&cargo::counter))?;
    let elf = cargo::firmware(&repo::root().join("benches/derivatives"), &profile, route)?;
    let mut facts = BTreeMap::new();
    let counts = emulator.run(&elf, &[], |line| fact(&mut facts, line))?;
    let of = |name: &str| -> Result<(u64, u64)> {
        let found = |what: &str| facts.get(&(name.to_owned(), what.to_owned())).copied();
        let instructions = match counts.get(name) {
            Some(region) => Some(region.per_call()),
            None => found("timer_instructions"),
        };
        found("operations").zip(instructions).with_context(|| format!("the firmware did not run `{name}`"))
    };
    let words = |name: &str| counts.get(name).map(|region| region.words());
    // Around nothing, the markers cost this much.
    let (_, empty) = of("empty")?;
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([
        "",
        "operations",
        "of the function",
        "instructions",
        "of the function",
        "above 3 and 6, because",
    ]);
    for name in ["mlp", "cnn", "gru", "kalman", "rigid"] {
        let (operations, instructions) = of(&format!("{name}_function"))?;
        let instructions = instructions - empty;
        for (part, bound) in [("function", 1.0), ("gradient", 3.0), ("product", 6.0)] {
            let (n, i) = of(&format!("{name}_{part}"))?;
            let i = i - empty;
            let ratio = |a: u64, b: u64| format!("{:.2}", a as f64 / b as f64);
            let what = format!("{name}: {}", if part == "product" { "Hessian-vector product" } else { part });
            // What an operation takes beside what one of the function takes, and how much of that is memory: values for the backward
            // half are written and read again.
            let above = i as f64 > bound * instructions as f64;
            let each = |a: u64, b: u64| a as f64 / b as f64;
            let (now, before) = (each(i, n), each(instructions, operations));
            let mut why =
                format!("{} by operations, {now:.2} instructions for each, after {before:.2}", ratio(n, operations));
            if let (Some(moved), Some(of_function)) =
                (words(&format!("{name}_{part}")), words(&format!("{name}_function")))
            {
                let (now, before) = (each(moved, n), each(of_function, operations));
                why += &format!("; words loaded and stored {now:.2}, after {before:.2}");
            }
            let why = if above { why } else { String::new() };
            table.add_row([what, say::number(n), ratio(n, operations), say::number(i), ratio(i, instructions), why]);
        }
    }
    for column in 1..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    say::block(&table);
    let turns = of("turns_128")?.1 - of("turns_64")?.1;
    say::block(format_args!(
        "A turn of a loop over slices, with a branch and its product in it: {:.1} instructions.",
        turns as f64 / 64.0
    ));
    Ok(())
}

/// What the code of each workload takes in flash when it is compiled for size; an error when one misses its goal.
pub fn flash(options: &Options, consent: Consent) -> Result<()> {
    let folder = repo::root().join("benches/mcu");
    let workloads = read(&folder.join("workloads.toml"))?;
    let profile = profile::load(profile::MAIN)?;
    say::heading(format_args!("Flash of the benchmarks on a {} at `opt-level = \"s\"`, weights apart", profile.core));
    let route = provide::target(&profile, consent)?;
    let image = Image::read(&cargo::small_firmware(&folder, &profile, route)?)?;
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["workload", "code", "goal"]);
    let mut missed = Vec::new();
    let wanted = |name: &str| options.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()));
    for (name, workload) in workloads.iter().filter(|(name, _)| wanted(name)) {
        let bytes = image
            .code_bytes(&format!("kernel_{name}"))
            .with_context(|| format!("`{name}` is in workloads.toml, but not in the firmware"))?;
        let goal = workload.flash_goal.map_or_else(String::new, say::bytes);
        table.add_row([&workload.what, &say::bytes(bytes), &goal]);
        if workload.flash_goal.is_some_and(|goal| bytes > goal) {
            missed.push(name.as_str());
        }
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    say::block(&table);
    say::block("Code that several workloads share counts in full for each.");
    if !missed.is_empty() {
        bail!("more flash than the goal: {}", missed.join(", "));
    }
    Ok(())
}

/// How long `cargo check` and `cargo build` take for the crate with the kernels. Check expands the macros and checks what they
/// wrote, and compiles nothing: the macros take less than that.
fn build() -> Result<()> {
    say::heading("Building the digits example, its dependencies being built");
    for (arguments, what) in [
        (["check", "--package=digits", "--lib"].as_slice(), "the macros, and checking what they wrote"),
        (&["build", "--package=digits", "--lib"], "all of it, for debugging"),
        (&["build", "--package=digits", "--lib", "--release"], "all of it, optimised"),
    ] {
        let cargo = |arguments: &[&str]| -> Result<()> {
            let status = cargo::command(repo::root(), arguments).stderr(Stdio::null()).status()?;
            if status.success() { Ok(()) } else { bail!("`cargo {}` failed", arguments.join(" ")) }
        };
        cargo(arguments)?;
        let mut times = Vec::new();
        for _ in 0..3 {
            let clean: &[&str] = &["clean", "--package=digits"];
            cargo(&[clean, if arguments.contains(&"--release") { &["--release"] } else { &[] }].concat())?;
            let start = Instant::now();
            cargo(arguments)?;
            times.push(start.elapsed());
        }
        let best = times.into_iter().min().unwrap_or_default().as_secs_f64();
        say::note(format_args!("{best:.2} s"), format_args!("cargo {}: {what}", arguments.join(" ")));
    }
    say::block("Each the best of three; other work on the machine makes them longer.");
    Ok(())
}

fn read(path: &std::path::Path) -> Result<BTreeMap<String, Workload>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", repo::short(path)))?;
    toml::from_str(&text).with_context(|| format!("{} is not a list of workloads", repo::short(path)))
}

/// Takes a line `fact name what value`.
fn fact(facts: &mut BTreeMap<(String, String), u64>, line: &str) -> Result<()> {
    let words: Vec<&str> = line.split(' ').collect();
    let ["fact", name, what, value] = words[..] else { bail!("the firmware said `{line}`") };
    facts.insert((name.to_owned(), what.to_owned()), value.parse()?);
    Ok(())
}

fn measured(name: &str, facts: &BTreeMap<(String, String), u64>, counts: &Counts) -> Option<Measured> {
    let fact = |name: &str, what: &str| facts.get(&(name.to_owned(), what.to_owned())).copied();
    let per_call = |name: &str| match counts.get(name) {
        Some(region) => Some(region.per_call()),
        None => fact(name, "timer_instructions"),
    };
    Some(Measured {
        // Around nothing, the markers cost this much.
        instructions: per_call(name)? - per_call("empty")?,
        cycles: counts.get(name).zip(counts.get("empty")).map(|(region, empty)| region.cycles() - empty.cycles()),
        stack_bytes: fact(name, "stack_bytes")?,
        ram_bytes: fact(name, "ram_bytes")?,
        check: fact(name, "check")?,
    })
}

fn show(workloads: &BTreeMap<String, Workload>, results: &BTreeMap<&str, Measured>) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([
        "workload",
        "instructions",
        "Kiln's part",
        "cycles",
        "Kiln's part",
        "aim",
        "stack",
        "said",
        "check",
    ]);
    let (mut met, mut missed) = (0, Vec::new());
    for (name, measured) in results {
        let workload = &workloads[*name];
        let cycles = measured.cycles.map_or_else(String::new, say::number);
        let (stack, said) = (say::bytes(measured.stack_bytes), say::bytes(measured.ram_bytes));
        let check = format!("{:08x}", measured.check);
        table.add_row([
            &workload.what,
            &say::number(measured.instructions),
            "",
            &cycles,
            "",
            "",
            &stack,
            &said,
            &check,
        ]);
        if let Some(goal) = workload.goal {
            let part = measured.instructions as f64 / goal as f64;
            table.add_row(["  goal", &say::number(goal), &format!("{part:.2}"), "", "", "", "", "", ""]);
        }
        for anchor in &workload.anchors {
            let by = format!("  {}", anchor.by);
            let instructions = measured.instructions as f64 / anchor.instructions as f64;
            let cycles = measured.cycles.map(|cycles| cycles as f64 / anchor.cycles() as f64);
            let aim = anchor.aim.map_or_else(String::new, |aim| {
                let word = match (instructions <= aim, cycles.is_none_or(|part| part <= aim)) {
                    (true, true) => "met",
                    (true, false) => "missed in cycles",
                    (false, true) => "missed in instructions",
                    (false, false) => "missed",
                };
                if word == "met" {
                    met += 1
                } else {
                    missed.push(format!("{name} ({word})"))
                }
                format!("{aim:.2} {word}")
            });
            let two = |part: f64| format!("{part:.2}");
            let parts = (two(instructions), cycles.map_or_else(String::new, two));
            let counts = (say::number(anchor.instructions), say::number(anchor.cycles()));
            let ram = anchor.ram_bytes.map_or_else(String::new, say::bytes);
            table.add_row([&by, &counts.0, &parts.0, &counts.1, &parts.1, &aim, &ram, "", ""]);
        }
    }
    for column in [1, 2, 3, 4, 6, 7] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    say::block(&table);
    say::block(
        "Cycles are an estimate from the Cortex-M4's manual (`targets/insncount`), those of others the least they can be.",
    );
    say::block(format_args!("Aims: {met} met, {} missed: {}", missed.len(), missed.join(", ")));
    if let (Some(step), Some(loss)) = (results.get("mlp_step"), results.get("mlp_loss")) {
        let ratio = step.instructions as f64 / loss.instructions as f64;
        say::block(format_args!("Gradient work for forward work, `mlp_step` / `mlp_loss`: {ratio:.2}"));
    }
}

#[test]
fn every_workload_of_the_firmware_has_its_words_and_the_other_way_round() {
    let folder = repo::root().join("benches/mcu");
    let source = std::fs::read_to_string(folder.join("src/workloads.rs")).unwrap();
    let written = source.lines().filter_map(|line| line.strip_prefix("    ")?.split_once('('));
    let written: Vec<&str> = written.map(|(name, _)| name).filter(|name| !name.starts_with(' ')).collect();
    let mut described: Vec<String> = read(&folder.join("workloads.toml")).unwrap().into_keys().collect();
    let mut written: Vec<String> = written.into_iter().map(str::to_owned).collect();
    described.sort();
    written.sort();
    assert_eq!(written, described);
}
