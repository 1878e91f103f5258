//! The main job: a network that learns to read digits, on the host and then as firmware, from the same source.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use cargo_kiln::image::{Findings, Image, Scope, Sizes};
use clap::Args;

use crate::emulator::{self, Counts, Emulator, Region};
use crate::profile::{self, Memory, Profile};
use crate::provide::{self, Consent, Missing};
use crate::{cargo, repo, say};

mod agree;
mod reference;
mod run;
mod show;

pub use run::Run;

/// What the main job can be asked for.
#[derive(Debug, Default, Args)]
pub struct Options {
    /// Leave the microcontroller out.
    #[arg(long)]
    host_only: bool,
    /// Fail when the microcontroller's half cannot be run on this machine, instead of saying so.
    #[arg(long, conflicts_with = "host_only")]
    complete: bool,
    /// Also show which functions the instructions went to.
    #[arg(long)]
    functions: bool,
    /// Write what was measured to a file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    /// The host's half alone.
    pub fn host_only() -> Self {
        Options { host_only: true, ..Options::default() }
    }

    /// Both halves; what cannot run is an error.
    pub fn complete() -> Self {
        Options { complete: true, ..Options::default() }
    }
}

/// The firmware's half, with what was measured.
#[derive(Debug)]
pub struct Firmware {
    pub run: Run,
    pub counts: Counts,
    pub sizes: Sizes,
    pub findings: Findings,
    pub core: String,
    pub memory: Memory,
}

impl Firmware {
    /// Instructions of a call of a region by the emulator's counter, markers included.
    fn counted(&self, region: &str) -> Option<u64> {
        self.counts.get(region).map(Region::per_call)
    }

    /// The same by the board's timer, which the firmware reads itself.
    fn timed(&self, region: &str) -> Option<u64> {
        let (total, calls) = (self.run.fact(region, "timer_instructions")?, self.run.fact(region, "calls")?);
        Some((total + calls / 2) / calls.max(1))
    }
}

/// `cargo digits`.
pub fn run(options: &Options, consent: Consent) -> Result<()> {
    say::heading("Kiln: a network learns to read handwritten digits, on this host and on a microcontroller");
    let profile = profile::load(profile::MAIN)?;
    let reference = check_data()?;

    say::heading("On this host");
    let host = host_half()?;

    let firmware =
        if options.host_only { Err("it was not asked for".to_owned()) } else { firmware_half(&profile, consent)? };

    show::curve(&host);
    show::digits(&host)?;
    if let Ok(firmware) = &firmware {
        show::table(firmware);
        if options.functions {
            for (name, region) in &firmware.counts {
                emulator::show_functions(name, region);
            }
        }
    }

    say::heading("Checks");
    let mut agree = agree::with_reference(&host, &reference);
    match &firmware {
        Ok(firmware) => {
            agree &= agree::with_host(&firmware.run, &host);
            agree &= agree::within_ram(firmware);
            agree &= agree::two_counters(firmware);
            firmware.findings.show(Scope::Image);
            agree &= firmware.findings.verdict(Scope::Image).is_ok();
        }
        Err(why) if options.complete => bail!("the microcontroller's half did not run: {why}"),
        Err(why) => {
            say::note("SKIPPED", format_args!("the microcontroller's half, since {why}. Nothing is known about it."))
        }
    }
    if let (Some(path), Ok(firmware)) = (&options.json, &firmware) {
        show::json(firmware, path)?;
    }
    if !agree {
        bail!("the checks above do not hold: what Kiln compiled is wrong");
    }
    say::heading(match &firmware {
        Ok(firmware) => format!("The {} learned exactly what this host learned.", firmware.core),
        Err(_) => "The host's half is right.".to_owned(),
    });
    Ok(())
}

/// Checks the data files, and reads the reference among them.
fn check_data() -> Result<reference::Curve> {
    let folder = repo::digits_data();
    let problems = digits_data::check(&folder);
    if !problems.is_empty() {
        let problems: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        bail!("the data of the example cannot be used:\n{}", problems.join("\n"));
    }
    reference::read(&folder.join("digits-reference.json"))
}

fn host_half() -> Result<Run> {
    let program = cargo::host_program("digits")?;
    let start = Instant::now();
    let mut child = Command::new(&program)
        .arg("--weights")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", repo::short(&program)))?;
    let mut watched = run::Watched::new();
    let out = child.stdout.take().context("the program has no output")?;
    for line in std::io::BufRead::lines(std::io::BufReader::new(out)) {
        watched.line(&line?)?;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{} ended with {status}", repo::short(&program));
    }
    watched.finish(start.elapsed())
}

/// The firmware's half; `Ok(Err(..))` says why it cannot be run on this machine.
fn firmware_half(profile: &Profile, consent: Consent) -> Result<Result<Firmware, String>> {
    say::heading(format_args!("On a {}, the {} in QEMU", profile.core, profile.name));
    let needs: Result<_, Missing> = provide::target(profile, consent)
        .and_then(|route| Ok((route, Emulator::provide(profile, consent, Some(&cargo::counter))?)));
    let (route, emulator) = match needs {
        Ok(needs) => needs,
        Err(missing) => {
            say::bad("missing", &missing);
            return Ok(Err(format!("{} is not here, as said above", missing.what)));
        }
    };
    let elf = cargo::firmware(&repo::root().join("examples/digits-mps2"), profile, route)?;
    let image = Image::read(&elf)?;
    let start = Instant::now();
    let mut watched = run::Watched::new();
    let counts = emulator.run(&elf, &["weights"], |line| watched.line(line)).context("running the firmware")?;
    let run = watched.finish(start.elapsed())?;
    let (core, memory) = (profile.core.clone(), profile.memory);
    Ok(Ok(Firmware { run, counts, sizes: image.sizes(), findings: image.inspect()?, core, memory }))
}
