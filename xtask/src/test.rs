//! `cargo xtask test`: all tests, in one go, with a closing table.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};

use crate::provide::Consent;
use crate::{bench, cargo, digits, repo, say};

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
    outcome: Result<()>,
    time: Duration,
}

/// Runs every suite, also after one has failed, so that one run says all there is to say.
pub fn run(options: &Options, consent: Consent) -> Result<()> {
    let mut ran = Vec::new();
    let mut suite = |name: String, run: &mut dyn FnMut() -> Result<()>| {
        say::heading(format_args!("Test suite: {name}"));
        let start = Instant::now();
        let outcome = run();
        if let Err(why) = &outcome {
            say::failure(why);
        }
        ran.push(Ran { name, outcome, time: start.elapsed() });
    };
    let root = repo::root();
    suite("formatting".into(), &mut || formatting(root));
    suite("crates".into(), &mut || cargo_test(root, &["test", "--workspace", "--no-fail-fast"]));
    for folder in workspaces_below(&root.join("tests")) {
        suite(repo::short(&folder), &mut || cargo_test(&folder, &["test", "--no-fail-fast"]));
    }
    if options.host_only {
        suite("digits".into(), &mut || digits::run(&digits::Options::host_only(), consent));
    } else {
        suite("digits, host and firmware".into(), &mut || digits::run(&digits::Options::complete(), consent));
        suite("instruction goals".into(), &mut || bench::run(&bench::Options::default(), consent));
    }
    close(&ran, options.host_only)
}

fn formatting(root: &Path) -> Result<()> {
    for folder in
        [root.to_owned(), root.join("examples/digits-mps2"), root.join("benches/mcu"), root.join("targets/board")]
    {
        if !cargo::command(&folder, &["fmt", "--all", "--check"]).status()?.success() {
            bail!("`cargo fmt --all` in {} would change something", repo::short(&folder));
        }
    }
    Ok(())
}

fn cargo_test(folder: &Path, arguments: &[&str]) -> Result<()> {
    let target_dir = repo::target_dir().join("tests").join(folder.file_name().unwrap_or_default());
    let mut cargo = cargo::command(folder, arguments);
    if folder != repo::root() {
        cargo.env("CARGO_TARGET_DIR", target_dir);
    }
    if !cargo.status()?.success() {
        bail!("`cargo {}` in {} failed", arguments.join(" "), repo::short(folder));
    }
    Ok(())
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
    table.set_header(["suite", "result", "time"]);
    for Ran { name, outcome, time } in ran {
        let result = if outcome.is_ok() { "passed" } else { "FAILED" };
        table.add_row([name.as_str(), result, &format!("{:.1} s", time.as_secs_f64())]);
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
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
    say::block(format_args!("{} suites passed.", ran.len()));
    Ok(())
}
