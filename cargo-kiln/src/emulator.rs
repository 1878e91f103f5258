//! Running firmware in QEMU, with every instruction counted.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::profile::Profile;
use crate::provide::{self, Consent, Missing};
use crate::{image, say};

/// How long firmware may say nothing before it counts as stuck.
const SILENCE: Duration = Duration::from_secs(120);

/// An emulator that is there, and its counter, if it takes one.
#[derive(Debug)]
pub struct Emulator<'a> {
    profile: &'a Profile,
    program: PathBuf,
    counter: Option<PathBuf>,
}

/// Builds `targets/insncount` with some features and says where the plugin is.
pub type BuildCounter<'a> = &'a dyn Fn(&[&str]) -> Result<PathBuf>;

/// What the counter says about a region.
#[derive(Clone, Debug, Default)]
pub struct Region {
    /// How often it ran.
    pub calls: u64,
    /// Instructions of all calls.
    pub total: u64,
    /// Instructions of the shortest call.
    pub fewest: u64,
    /// Instructions of the longest call.
    pub most: u64,
    /// An estimate of the cycles of all calls.
    pub cycles: u64,
    /// Words loaded and stored by all calls.
    pub words: u64,
    /// Instructions per function, most first.
    pub functions: Vec<(String, u64)>,
}

/// Regions by name. Empty when there was no counter.
pub type Counts = BTreeMap<String, Region>;

impl Region {
    /// Instructions of a call on average.
    pub fn per_call(&self) -> u64 {
        (self.total + self.calls / 2) / self.calls.max(1)
    }

    /// Cycles of a call on average.
    pub fn cycles(&self) -> u64 {
        (self.cycles + self.calls / 2) / self.calls.max(1)
    }

    /// Words loaded and stored by a call on average.
    pub fn words(&self) -> u64 {
        (self.words + self.calls / 2) / self.calls.max(1)
    }
}

impl<'a> Emulator<'a> {
    /// Finds or installs the emulator, and builds its counter if one is wanted. Says what it found.
    pub fn provide(profile: &'a Profile, consent: Consent, plugin: Option<BuildCounter<'_>>) -> Result<Self, Missing> {
        let program = provide::emulator(profile, consent)?;
        let Some(plugin) = plugin else { return Ok(Emulator { profile, program, counter: None }) };
        let counter = match counter(&program, plugin) {
            Ok(counter) => {
                say::good("counter", "a plugin of the emulator that counts every instruction");
                Some(counter)
            }
            Err(why) => {
                say::note(
                    "counter",
                    format_args!("the emulator takes no plugin ({why:#}); the firmware's timer counts instead"),
                );
                None
            }
        };
        Ok(Emulator { profile, program, counter })
    }

    /// Runs an image and hands on each line it says. `words` is what the image is started with.
    pub fn run(&self, elf: &Path, words: &[&str], mut line: impl FnMut(&str) -> Result<()>) -> Result<Counts> {
        let counts = tempfile::NamedTempFile::new()?;
        let mut command = self.command(words);
        if let Some(counter) = &self.counter {
            let mut plugin = format!("{},out={}", comma_safe(counter), comma_safe(counts.path()));
            for (name, begin, end) in image::regions(elf)? {
                plugin.push_str(&format!(",region={name}:{begin:x}:{end:x}"));
            }
            command.args(["-plugin", &plugin]);
        }
        command.arg("-kernel").arg(elf);
        watch(&mut command, &mut line)?;
        parse_counts(&std::fs::read_to_string(counts.path())?)
    }

    fn command(&self, words: &[&str]) -> Command {
        let emulator = &self.profile.emulator;
        let mut command = Command::new(&self.program);
        command.args(&emulator.arguments);
        let words: String = ["firmware"].iter().chain(words).map(|word| format!(",arg={word}")).collect();
        command.args(["-semihosting-config", &format!("enable=on,target=native{words}")]);
        command.args(["-icount", &format!("shift={}", emulator.icount_shift)]);
        command
    }
}

/// Runs the command, hands on its lines, and ends it when it falls silent.
fn watch(command: &mut Command, line: &mut impl FnMut(&str) -> Result<()>) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let (stdout, mut stderr) = (child.stdout.take().context("no stdout")?, child.stderr.take().context("no stderr")?);
    let complaints = thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stderr.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let (send, lines) = mpsc::channel();
    thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));

    let outcome = loop {
        match lines.recv_timeout(SILENCE) {
            Ok(text) if text == "panicked" => break Err(anyhow::anyhow!("the firmware panicked")),
            Ok(text) => {
                if let Err(why) = line(&text) {
                    break Err(why);
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break Ok(()),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                break Err(anyhow::anyhow!("the firmware has said nothing for {} s", SILENCE.as_secs()));
            }
        }
    };
    if outcome.is_err() {
        child.kill()?;
    }
    let status = provide::wait_within(SILENCE, &mut child)?;
    outcome?;
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => {
            let complaints = complaints.join().unwrap_or_default();
            bail!("the emulator ended with {status}: {}", complaints.trim())
        }
        None => bail!("the emulator did not end"),
    }
}

/// Builds the plugin and lets the emulator load it.
fn counter(program: &Path, build: BuildCounter<'_>) -> Result<PathBuf> {
    if cfg!(windows) {
        bail!("not on Windows");
    }
    let version = provide::version(program)?;
    let features: &[&str] = if major(&version)? >= 9 { &["qemu-9"] } else { &[] };
    let plugin = build(features)?;
    let out = tempfile::NamedTempFile::new()?;
    let argument = format!("{},out={}", comma_safe(&plugin), comma_safe(out.path()));
    // A machine without a processor: all that is asked is whether the plugin loads.
    let mut child = Command::new(program)
        .args([
            "-machine", "none", "-accel", "tcg", "-display", "none", "-S", "-monitor", "stdio", "-plugin", &argument,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut monitor) = child.stdin.take() {
        // An emulator that has refused the plugin is gone already.
        let _ = monitor.write_all(b"quit\n");
    }
    let status = provide::wait_within(Duration::from_secs(20), &mut child)?;
    let mut why = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut why)?;
    }
    match status {
        Some(status) if status.success() => Ok(plugin),
        Some(_) => bail!("{}", why.lines().next().unwrap_or("it says not why")),
        None => bail!("it did not answer"),
    }
}

/// The first number of `QEMU emulator version 7.2.22 (Debian ..)`.
fn major(version: &str) -> Result<u32> {
    let number = version.split("version ").nth(1).and_then(|rest| rest.split('.').next());
    number.and_then(|n| n.trim().parse().ok()).with_context(|| format!("no version number in `{version}`"))
}

/// QEMU takes a doubled comma for a comma.
fn comma_safe(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// Reads what the plugin wrote; see `targets/insncount`.
fn parse_counts(text: &str) -> Result<Counts> {
    let mut counts = Counts::new();
    for line in text.lines() {
        let odd = || format!("the counter wrote `{line}`");
        let mut words = line.splitn(4, ' ');
        let (kind, name) = (words.next().with_context(odd)?, words.next().with_context(odd)?);
        let region = counts.entry(name.to_owned()).or_default();
        let rest: Vec<&str> = words.collect();
        match (kind, &rest[..]) {
            ("region", [calls, rest]) => {
                let numbers: Vec<u64> = rest.split(' ').map(str::parse).collect::<Result<_, _>>().with_context(odd)?;
                let &[total, fewest, most, cycles, words] = &numbers[..] else { bail!("{}", odd()) };
                *region = Region {
                    calls: calls.parse().with_context(odd)?,
                    total,
                    fewest,
                    most,
                    cycles,
                    words,
                    functions: Vec::new(),
                };
            }
            ("symbol", [instructions, symbol]) => {
                let name = rustc_demangle::demangle(symbol);
                region.functions.push((format!("{name:#}"), instructions.parse().with_context(odd)?));
            }
            _ => bail!("{}", odd()),
        }
    }
    for region in counts.values_mut() {
        region.functions.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    }
    Ok(counts)
}

/// Writes which functions the instructions of a region went to.
pub fn show_functions(name: &str, region: &Region) {
    let (instructions, calls) = (say::many(region.total, "instruction"), say::many(region.calls, "call"));
    say::heading(format_args!("{name}: {instructions} in {calls}"));
    for (function, n) in region.functions.iter().take(12) {
        let share = *n as f64 * 100.0 / region.total.max(1) as f64;
        say::block(format_args!("{:>14} {share:5.1} %  {function}", say::number(*n)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_file_is_read_back() {
        let text = "region step 2 301 150 151 420 88\nsymbol step 1 kiln_begin_step\nsymbol step 300 _ZN1a1b17h0123456789abcdefE\n";
        let counts = parse_counts(text).unwrap();
        let step = &counts["step"];
        assert_eq!((step.calls, step.total, step.fewest, step.most, step.per_call()), (2, 301, 150, 151, 151));
        assert_eq!((step.cycles(), step.words), (210, 88));
        assert_eq!(step.functions, [("a::b".to_owned(), 300), ("kiln_begin_step".to_owned(), 1)]);
        assert!(parse_counts("region step two\n").is_err());
        assert!(parse_counts("region step 2 301 150 151 420\n").is_err());
    }

    #[test]
    fn the_version_of_the_emulator_decides_which_plugin_it_takes() {
        assert_eq!(major("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)").unwrap(), 7);
        assert_eq!(major("QEMU emulator version 10.0.2").unwrap(), 10);
        assert!(major("something else").is_err());
    }
}
