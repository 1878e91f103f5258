//! `cargo xtask test`: all tests, in one go, with a closing table.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};

use crate::provide::Consent;
use crate::{bench, bits, cargo, digits, estimate, image, repo, same_bits, say, setup};

/// What the tests can be asked for.
#[derive(Debug, Args)]
pub struct Options {
    /// Leave out what runs on the microcontroller.
    #[arg(long)]
    host_only: bool,
}

/// A suite that ran.
struct Ran {
    name: String,
    outcome: Result<Tests>,
    time: Duration,
}

/// What cargo's test runners counted, in a suite that has them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tests {
    passed: u64,
    failed: u64,
}

/// Runs every suite, also after one has failed, so that one run says all there is to say.
pub fn run(options: &Options, consent: Consent) -> Result<()> {
    let mut ran = Vec::new();
    let mut suite = |name: String, run: &mut dyn FnMut() -> Result<Tests>| {
        say::heading(format_args!("Test suite: {name}"));
        let start = Instant::now();
        let outcome = run();
        if let Err(why) = &outcome {
            say::failure(why);
        }
        ran.push(Ran { name, outcome, time: start.elapsed() });
    };
    let root = repo::root();
    // First, since suites of the crates use the target and the emulator where they find them.
    let prepared = if options.host_only { Ok(()) } else { setup::run(consent) };
    suite("formatting".into(), &mut || uncounted(formatting(root)));
    suite("crates".into(), &mut || cargo_test(root, &["test", "--workspace", "--no-fail-fast"]));
    suite("random graphs".into(), &mut || random_graphs(root));
    suite("transformations of transformations".into(), &mut || closure(root));
    suite("kernels that call kernels".into(), &mut || call_graphs(root));
    suite("mutated programs".into(), &mut || mutated_programs(root));
    for folder in workspaces_below(&root.join("tests")) {
        suite(repo::short(&folder), &mut || cargo_test(&folder, &["test", "--no-fail-fast"]));
    }
    if options.host_only {
        suite("digits".into(), &mut || uncounted(digits::run(&digits::Options::host_only(), consent)));
    } else {
        suite("digits, host and firmware".into(), &mut || {
            uncounted(digits::run(&digits::Options::complete(), consent))
        });
        suite("image check".into(), &mut || uncounted(image::try_check(consent)));
        suite("loops in assembler".into(), &mut || uncounted(same_bits::run(consent)));
        suite("same bits on every target".into(), &mut || uncounted(bits::run(consent)));
        suite("estimates".into(), &mut || uncounted(estimate::run(&estimate::Options::default(), consent)));
        suite("instruction goals".into(), &mut || uncounted(bench::run(&bench::Options::default(), consent)));
        suite("flash goals".into(), &mut || uncounted(bench::flash(&bench::Options::default(), consent)));
    }
    close(&ran, options.host_only)?;
    prepared
}

fn formatting(root: &Path) -> Result<()> {
    if !cargo::command(root, &["fmt", "--version"]).output()?.status.success() {
        say::note("SKIPPED", "this toolchain has no rustfmt; `rustup component add rustfmt` brings it");
        return Ok(());
    }
    for folder in [
        root.to_owned(),
        root.join("examples/digits-mps2"),
        root.join("benches/mcu"),
        root.join("benches/derivatives"),
        root.join("targets/bits"),
        root.join("targets/board"),
        root.join("targets/same-bits"),
    ] {
        if !cargo::command(&folder, &["fmt", "--all", "--check"]).status()?.success() {
            bail!("`cargo fmt --all` in {} would change something", repo::short(&folder));
        }
    }
    Ok(())
}

/// The packages with tests of many thousand cases. Always both, whichever test runs: cargo then chooses the same features for
/// what they depend on, and the compiler is built once, optimised, for all of them.
const OF_MANY_CASES: [&str; 7] = ["test", "--profile", "fuzz", "-p", "kiln-kernel-tests", "-p", "kiln-codegen"];

/// Tests of many thousand cases, the numbers in environment variables.
fn many_cases(root: &Path, tests: &[&str], numbers: &[(&str, &str)]) -> Result<Tests> {
    let arguments = [&OF_MANY_CASES, tests].concat();
    run_tests(root, cargo::command(root, &arguments).envs(numbers.iter().copied()), &arguments)
}

/// Ten thousand random graphs: optimised, as they are, and with every value stored, each through its schedule and plan of
/// memory, against the reference evaluator.
fn random_graphs(root: &Path) -> Result<Tests> {
    let mut files = std::fs::read_dir(root.join("tests/kernels/tests"))?
        .map(|file| Ok(file?.path().with_extension("").file_name().unwrap_or_default().to_string_lossy().into_owned()))
        .collect::<Result<Vec<String>>>()?;
    files.sort();
    let tests: Vec<[&str; 2]> = files.iter().map(|file| ["--test", file]).collect();
    let arguments = [&["--no-fail-fast"], tests.as_flattened()].concat();
    many_cases(root, &arguments, &[("KILN_GRAPHS", "10000"), ("KILN_KERNELS", "0")])
}

/// Every transformation of every transformation of every program, three deep.
fn closure(root: &Path) -> Result<Tests> {
    many_cases(root, &["--test", "closure", "--", "--nocapture"], &[("KILN_CLOSURE", "all")])
}

/// A hundred thousand mutated programs, with the checks of a development build.
fn mutated_programs(root: &Path) -> Result<Tests> {
    many_cases(root, &["--test", "mutations"], &[("KILN_MUTATIONS", "100000")])
}

/// Random programs of kernels that call each other, beyond those that plain `cargo test` compiles.
fn call_graphs(root: &Path) -> Result<Tests> {
    // Of the workspace, as the crates' own suite is: what that has built serves here too.
    let arguments = ["test", "--workspace", "--test", "call_graphs"];
    let mut cargo = cargo::command(root, &arguments);
    run_tests(root, cargo.env("KILN_CALL_GRAPHS_FROM", "3").env("KILN_CALL_GRAPHS", "8"), &arguments)
}

/// The tables of what derivatives cost: operations, whose bounds a test holds, and instructions on the microcontroller.
pub fn work(consent: Consent) -> Result<()> {
    let root = repo::root();
    cargo_test(root, &["test", "-p", "kiln-codegen", "--test", "cost", "--", "--nocapture"])?;
    crate::bench::derivatives(consent)
}

/// A suite that is one check.
fn uncounted(outcome: Result<()>) -> Result<Tests> {
    outcome.map(|()| Tests::default())
}

/// Runs `cargo test`.
fn cargo_test(folder: &Path, arguments: &[&str]) -> Result<Tests> {
    let mut cargo = cargo::command(folder, arguments);
    if folder != repo::root() {
        cargo.env("CARGO_TARGET_DIR", repo::target_dir().join("tests").join(folder.file_name().unwrap_or_default()));
    }
    run_tests(folder, &mut cargo, arguments)
}

/// Runs cargo's test runners, shows what they say, and adds up their closing lines.
fn run_tests(folder: &Path, cargo: &mut Command, arguments: &[&str]) -> Result<Tests> {
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let mut tests = Tests::default();
    for line in BufReader::new(child.stdout.take().context("cargo has no output")?).lines() {
        let line = line?;
        println!("{line}");
        tests.add(&line);
    }
    if !child.wait()?.success() {
        bail!(
            "`cargo {}` in {}: {} tests failed, or something does not build",
            arguments.join(" "),
            repo::short(folder),
            tests.failed
        );
    }
    Ok(tests)
}

impl Tests {
    /// Takes a line of a test runner, `test result: ok. 14 passed; 0 failed; ..` among them.
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        let count = |what: &str| {
            let before = counts.split(what).next()?;
            before.split_whitespace().next_back()?.parse::<u64>().ok()
        };
        self.passed += count(" passed").unwrap_or(0);
        self.failed += count(" failed").unwrap_or(0);
    }
}

/// Folders that are cargo workspaces of their own.
fn workspaces_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_workspace = |path: &PathBuf| {
        std::fs::read_to_string(path.join("Cargo.toml"))
            .is_ok_and(|text| text.lines().any(|line| line.trim() == "[workspace]"))
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_workspace).collect();
    found.sort();
    found
}

fn close(ran: &[Ran], host_only: bool) -> Result<()> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["suite", "result", "tests", "time"]);
    for Ran { name, outcome, time } in ran {
        let result = if outcome.is_ok() { "passed" } else { "FAILED" };
        let tests = match outcome {
            Ok(tests) if *tests != Tests::default() => say::number(tests.passed),
            _ => String::new(),
        };
        table.add_row([name.as_str(), result, &tests, &format!("{:.1} s", time.as_secs_f64())]);
    }
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    say::heading("All suites");
    say::block(&table);
    if host_only {
        say::note("SKIPPED", "the microcontroller: --host-only was given");
    }
    let failed = ran.iter().filter(|ran| ran.outcome.is_err()).count();
    if failed > 0 {
        bail!("{failed} of {} suites failed", ran.len());
    }
    let tests = ran.iter().filter_map(|ran| ran.outcome.as_ref().ok()).map(|tests| tests.passed).sum();
    say::block(format_args!("{} suites passed, {} in cargo's runners.", ran.len(), say::many(tests, "test")));
    Ok(())
}

#[test]
fn the_closing_lines_of_runners_are_added_up() {
    let mut tests = Tests::default();
    tests.add("test result: ok. 14 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
    tests.add("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
    tests.add("test some::test ... ok");
    assert_eq!(tests, Tests { passed: 16, failed: 1 });
}
