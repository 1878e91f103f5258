//! `cargo xtask bench host`: the times of Kiln's kernels on this machine, beside the numerical crates of Rust, NumPy and JAX.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, Serialize};

use crate::provide::Consent;
use crate::{cargo, repo, say};

/// What can be asked for.
#[derive(Debug, Args)]
pub struct Options {
    /// Only workloads whose name contains this.
    #[arg(default_value = "")]
    filter: String,
    /// Only these workloads: names, or parts of them, with commas between.
    #[arg(long, value_delimiter = ',', conflicts_with = "filter")]
    only: Vec<String>,
    /// Seconds for each workload of each system.
    #[arg(long, default_value_t = 0.3)]
    seconds: f64,
    /// The Python that has JAX and NumPy; if it lacks them, they are installed into an environment of their own.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Write the results to a file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A table of `benches/host/workloads.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    /// How many times as fast as JAX, the faster of its call and its loop.
    jax: Option<f64>,
    /// How many times as fast as the best library.
    library: f64,
    /// The same where the order of the sums is kept, if that is less.
    reproducible: Option<f64>,
}

/// A system's time for a workload.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Time {
    system: String,
    workload: String,
    ns_min: f64,
    ns_median: f64,
    samples: u64,
    check: f64,
    size: f64,
    /// Numbers in the results.
    numbers: u64,
}

/// Loops left to rustc.
const LOOPS: &str = "loops";
/// A copy of as many bytes.
const COPY: &str = "copy";
/// Of the copy's bandwidth, what maps are to reach whose data fit no cache.
const OF_COPY: f64 = 0.9;
/// Bytes from which on that is so.
const NO_CACHE: f64 = 64e6;

/// A call of JAX below this is mostly dispatch.
const SHORT_CALL_NS: f64 = 20_000.0;
/// How many times as fast as such a call a kernel is to be.
const SHORT_CALL_GAIN: f64 = 5.0;

/// Runs all systems and writes the tables.
pub fn run(options: &Options, consent: Consent) -> Result<()> {
    let folder = repo::root().join("benches/host");
    let path = folder.join("workloads.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", repo::short(&path)))?;
    let goals: BTreeMap<String, Workload> =
        toml::from_str(&text).context("workloads.toml is not a list of workloads")?;
    say::heading("Times on this machine, one thread, the processor's time of the fastest of many runs");
    let built = cargo::command(&folder, &["build", "--release"]).status().context("cannot run cargo")?;
    if !built.success() {
        bail!("the benchmarks do not build");
    }
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(_) => repo::target_dir(),
        None => folder.join("target"),
    };
    let (seconds, only) = (options.seconds.to_string(), options.only.join(","));
    let parts = if only.is_empty() { &options.filter } else { &only };
    let arguments = ["--workload", parts.as_str(), "--seconds", &seconds];
    let mut times = lines(Command::new(target.join("release/kiln-bench-host")).args(arguments))?;
    if times.is_empty() {
        bail!("no workload has `{parts}` in its name");
    }
    let python = python(&options.python, consent);
    for (system, module) in [("numpy", "numpy"), ("jax", "jax"), ("jax-loop", "jax")] {
        if has(&python, module) {
            let script = folder.join("peers.py");
            times.extend(lines(Command::new(&python).arg(script).arg(system).args(arguments))?);
        } else {
            say::note(format_args!("no {system}"), format_args!("{} has no {module}", python.display()));
        }
    }
    let mut missed = show(&goals, &times);
    missed.extend(memory(&times));
    headline(&times);
    disagreements(&times)?;
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&times)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if missed.is_empty() {
        say::block("Every aim is met.");
    } else {
        say::block(format_args!("Slower than the aim: {}.", missed.join(", ")));
    }
    Ok(())
}

/// A Python with the modules of the peers: the one that was named, or one made for them below the build folder.
fn python(named: &Path, consent: Consent) -> PathBuf {
    if has(named, "numpy") && has(named, "jax") {
        return named.to_owned();
    }
    let home = repo::target_dir().join("bench-python");
    let own = home.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if !own.exists() && consent == Consent::Install {
        say::note("python", "making an environment with NumPy and JAX from pip");
        let made = quiet(Command::new(named).args(["-m", "venv"]).arg(&home))
            && quiet(Command::new(&own).args(["-m", "pip", "install", "--quiet", "numpy", "jax"]));
        if !made {
            say::note("python", "that failed; what there is of NumPy and JAX is used");
        }
    }
    if has(&own, "numpy") { own } else { named.to_owned() }
}

/// Whether a command succeeds, whatever it prints.
fn quiet(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// Whether a Python has a module.
fn has(python: &Path, module: &str) -> bool {
    quiet(Command::new(python).args(["-c", &format!("import {module}")]))
}

/// The lines that a program prints.
fn lines(command: &mut Command) -> Result<Vec<Time>> {
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run {command:?}"))?;
    let output = child.stdout.take().context("a pipe")?;
    let mut times = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        times.push(serde_json::from_str(&line).with_context(|| format!("not a time: {line}"))?);
    }
    if !child.wait()?.success() {
        bail!("{command:?} failed");
    }
    Ok(times)
}

/// The times of a workload by system.
struct Row<'a>(Vec<&'a Time>);

impl Row<'_> {
    fn of<'a>(times: &'a [Time], workload: &str) -> Row<'a> {
        Row(times.iter().filter(|t| t.workload == workload).collect())
    }

    fn ns(&self, system: &str) -> Option<f64> {
        self.0.iter().find(|t| t.system == system).map(|t| t.ns_min)
    }

    /// JAX's call or loop, whichever is faster.
    fn jax(&self) -> Option<f64> {
        [self.ns("jax"), self.ns("jax-loop")].into_iter().flatten().reduce(f64::min)
    }

    /// The fastest of the others that are called as libraries.
    fn library(&self) -> Option<&Time> {
        let others = self
            .0
            .iter()
            .filter(|t| !t.system.starts_with("kiln") && ![LOOPS, COPY, "jax-loop"].contains(&t.system.as_str()));
        others.copied().min_by(|a, b| a.ns_min.total_cmp(&b.ns_min))
    }
}

/// The table with the aims; the workloads that miss theirs.
fn show(goals: &BTreeMap<String, Workload>, times: &[Time]) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([
        "µs",
        "Kiln",
        "JAX call",
        "JAX loop",
        "NumPy",
        "best library",
        "",
        "loops",
        "call",
        "JAX",
        "library",
        "aim",
    ]);
    for column in [1, 2, 3, 4, 5, 7, 8, 9, 10, 11] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut missed = Vec::new();
    for kiln in times.iter().filter(|t| t.system.starts_with("kiln")) {
        let row = Row::of(times, &kiln.workload);
        let fast = kiln.system != "kiln";
        let name = if fast { format!("{} fast", kiln.workload) } else { kiln.workload.clone() };
        let us = |ns: Option<f64>| ns.map_or(String::new(), micro);
        let gain = |ns: Option<f64>| ns.map(|ns| ns / kiln.ns_min);
        let library = row.library();
        let (call, jax, best) = (gain(row.ns("jax")), gain(row.jax()), gain(library.map(|t| t.ns_min)));
        // What it reaches of each aim; one is enough, the least counts.
        let mut reached: Vec<f64> = Vec::new();
        if let Some(goal) = goals.get(&kiln.workload) {
            reached.extend(goal.jax.and_then(|aim| Some(jax? / aim)));
            let aim = if fast { goal.library } else { goal.reproducible.unwrap_or(goal.library) };
            reached.extend(best.map(|best| best / aim));
        }
        if row.ns("jax").is_some_and(|ns| ns < SHORT_CALL_NS) {
            reached.extend(call.map(|call| call / SHORT_CALL_GAIN));
        }
        let least = reached.into_iter().reduce(f64::min);
        if least.is_some_and(|x| x < 1.0) {
            missed.push(name.clone());
        }
        let times_of = |x: Option<f64>| x.map_or(String::new(), |x| format!("{x:.2}x"));
        table.add_row([
            name,
            micro(kiln.ns_min),
            us(row.ns("jax")),
            us(row.ns("jax-loop")),
            us(row.ns("numpy")),
            us(library.map(|t| t.ns_min)),
            library.map_or(String::new(), |t| t.system.clone()),
            us(row.ns(LOOPS)),
            times_of(call),
            times_of(jax),
            times_of(best),
            least.map_or(String::new(), |x| if x >= 1.0 { "met".to_owned() } else { format!("{x:.2} of it") }),
        ]);
    }
    say::block(table);
    missed
}

/// Maps beside a copy of as many bytes; those bound by memory that miss their aim.
fn memory(times: &[Time]) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["read and written", "GB", "copy, GB/s", "Kiln, GB/s", "of the copy", "aim"]);
    let mut missed = Vec::new();
    for copy in times.iter().filter(|t| t.system == COPY) {
        let Some(kiln) = Row::of(times, &copy.workload).ns("kiln") else { continue };
        // As many are read as are written.
        let bytes = 2.0 * 4.0 * copy.numbers as f64;
        let share = copy.ns_min / kiln;
        let bound = bytes >= NO_CACHE;
        if bound && share < OF_COPY {
            missed.push(format!("{} beside a copy", copy.workload));
        }
        table.add_row([
            copy.workload.clone(),
            format!("{:.6}", bytes / 1e9),
            format!("{:.1}", bytes / copy.ns_min),
            format!("{:.1}", bytes / kiln),
            format!("{:.0} %", 100.0 * share),
            match (bound, share >= OF_COPY) {
                (false, _) => "in a cache".to_owned(),
                (true, true) => "met".to_owned(),
                (true, false) => format!("{:.2} of it", share / OF_COPY),
            },
        ]);
    }
    if table.row_count() > 0 {
        say::block(table);
    }
    missed
}

/// The rows of the README.
fn headline(times: &[Time]) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["x + x*x + x*x*x", "Kiln", "NumPy", "JAX, a call", "JAX, in its loop"]);
    for (name, what) in [("poly_64", "64 x 64"), ("poly_512", "512 x 512"), ("poly_5000", "5000 x 5000")] {
        let row = Row::of(times, name);
        if row.ns("kiln").is_some() {
            let time = |system| row.ns(system).map_or("-".to_owned(), |ns| format!("{} µs", micro(ns)));
            table.add_row([what.to_owned(), time("kiln"), time("numpy"), time("jax"), time("jax-loop")]);
        }
    }
    if table.row_count() > 0 {
        say::block(table);
    }
}

/// An error when systems have not computed the same.
fn disagreements(times: &[Time]) -> Result<()> {
    let mut wrong = Vec::new();
    for kiln in times.iter().filter(|t| t.system == "kiln") {
        for other in Row::of(times, &kiln.workload).0.into_iter().filter(|t| t.system != COPY) {
            if (kiln.check - other.check).abs() > 1e-5 * kiln.size.max(other.size) {
                wrong.push(format!("{} of {}: {} and {}", kiln.workload, other.system, kiln.check, other.check));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { bail!("results differ from Kiln's: {}", wrong.join("; ")) }
}

fn micro(ns: f64) -> String {
    match ns / 1000.0 {
        us if us >= 1000.0 => format!("{us:.0}"),
        us if us >= 10.0 => format!("{us:.1}"),
        us => format!("{us:.3}"),
    }
}
