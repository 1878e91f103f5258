//! Finding what a job needs on this machine, and getting what is missing: rustup's targets, Debian's packages.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::profile::Profile;
use crate::say;

/// Whether something may be installed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Consent {
    Install,
    UseOnly,
}

/// How firmware is compiled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Route {
    /// With the compiler in use, for which rustup has the target's `core`.
    Rustup,
    /// With Debian's compiler, building its `core` from Debian's sources.
    Debian,
}

/// Why something is not there, and how a person gets it.
#[derive(Debug)]
pub struct Missing {
    /// What is not there.
    pub what: String,
    tried: Vec<String>,
    help: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not here", self.what)?;
        for tried in &self.tried {
            write!(f, "; {tried}")?;
        }
        write!(f, ". To get it: {}", self.help)
    }
}

impl std::error::Error for Missing {}

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/core";
const DEBIAN_LINKER: &str = "/usr/bin/rust-lld";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "rust-web-llvm"];

/// How to compile for the profile's target. Says what it found.
pub fn target(profile: &Profile, consent: Consent) -> Result<Route, Missing> {
    let triple = &profile.triple;
    let mut tried = Vec::new();
    if rustup_target(triple, consent, &mut tried) {
        return Ok(Route::Rustup);
    }
    if !debian_compiler() && consent == Consent::Install && find("apt-get").is_some() {
        say::note("compiler", format_args!("trying Debian's instead: {}", DEBIAN_PACKAGES.join(", ")));
        if let Err(why) = apt_install(&DEBIAN_PACKAGES).and_then(|()| install_linker()) {
            tried.push(format!("apt-get: {why:#}"));
        }
    }
    if debian_compiler() {
        say::good(
            "compiler",
            format_args!("{DEBIAN_RUSTC} builds for {triple}, together with `core` from Debian's sources"),
        );
        return Ok(Route::Debian);
    }
    let help = format!("`rustup target add {triple}`, or on Debian `apt-get install {}`", DEBIAN_PACKAGES.join(" "));
    Err(Missing { what: format!("`core` for the target {triple}"), tried, help })
}

/// Makes sure that the compiler in use has the libraries of a target. Says what it found.
pub fn libraries(triple: &str, consent: Consent) -> Result<(), Missing> {
    let mut tried = Vec::new();
    match rustup_target(triple, consent, &mut tried) {
        true => Ok(()),
        false => Err(Missing {
            what: format!("the standard library for {triple}"),
            tried,
            help: format!("`rustup target add {triple}`"),
        }),
    }
}

fn rustup_target(triple: &str, consent: Consent, tried: &mut Vec<String>) -> bool {
    if in_sysroot(triple) {
        say::good("compiler", format_args!("builds for {triple}"));
        return true;
    }
    if consent == Consent::Install && find("rustup").is_some() {
        say::note("compiler", format_args!("does not know {triple} yet: running `rustup target add {triple}`"));
        match run_within(Duration::from_secs(120), Command::new("rustup").args(["target", "add", triple])) {
            Ok(()) if in_sysroot(triple) => {
                say::good("compiler", format_args!("builds for {triple}, added by rustup"));
                return true;
            }
            Ok(()) => tried.push(format!("`rustup target add {triple}` did not add it to the compiler in use")),
            Err(why) => tried.push(format!("`rustup target add {triple}`: {why:#}")),
        }
    }
    false
}

/// The emulator program of a profile. Says what it found.
pub fn emulator(profile: &Profile, consent: Consent) -> Result<PathBuf, Missing> {
    let program = &profile.emulator.program;
    let package = &profile.emulator.debian_package;
    let found = |path: PathBuf| {
        say::good("emulator", version(&path).unwrap_or_else(|_| path.display().to_string()));
        Ok(path)
    };
    if let Some(path) = find(program) {
        return found(path);
    }
    let mut tried = Vec::new();
    if consent == Consent::Install && find("apt-get").is_some() {
        say::note("emulator", format_args!("{program} is not installed: getting the Debian package {package}"));
        match apt_install(&[package]) {
            Ok(()) => match find(program) {
                Some(path) => return found(path),
                None => tried.push(format!("the package {package} brought no {program}")),
            },
            Err(why) => tried.push(format!("apt-get: {why:#}")),
        }
    }
    let help = format!(
        "`apt-get install {package}` on Debian and Ubuntu, `brew install qemu` on macOS, `dnf install {program}` on Fedora, \
         or see https://www.qemu.org/download"
    );
    Err(Missing { what: program.clone(), tried, help })
}

/// The first line of `program --version`.
pub fn version(program: &Path) -> Result<String> {
    let out =
        Command::new(program).arg("--version").output().with_context(|| format!("cannot run {}", program.display()))?;
    let text = String::from_utf8_lossy(&out.stdout);
    text.lines().next().map(str::to_owned).ok_or_else(|| anyhow!("{} --version says nothing", program.display()))
}

fn in_sysroot(triple: &str) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let Ok(out) = Command::new(rustc).args(["--print", "sysroot"]).output() else { return false };
    let sysroot = PathBuf::from(String::from_utf8_lossy(&out.stdout).trim());
    sysroot.join("lib/rustlib").join(triple).join("lib").is_dir()
}

fn debian_compiler() -> bool {
    [DEBIAN_RUSTC, DEBIAN_SOURCES, DEBIAN_LINKER].iter().all(|path| Path::new(path).exists())
}

/// Debian's `rust-lld` is a link to `lld-22` or another number, and the package of that name does not come with it.
fn install_linker() -> Result<()> {
    match std::fs::read_link(DEBIAN_LINKER) {
        Ok(lld) if !Path::new(DEBIAN_LINKER).exists() => {
            let package = lld.file_name().and_then(|name| name.to_str()).context("rust-lld is a link to nothing")?;
            apt_install(&[package])
        }
        _ => Ok(()),
    }
}

/// A program by its name, if it is installed.
pub fn find(program: &str) -> Option<PathBuf> {
    let names = [program.to_owned(), format!("{program}{}", std::env::consts::EXE_SUFFIX)];
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).flat_map(|dir| names.clone().map(|name| dir.join(name))).find(|file| file.is_file())
}

/// Installs Debian packages as root or with a `sudo` that asks nothing.
fn apt_install(packages: &[&str]) -> Result<()> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.trim_ascii() == b"0");
    let sudo = || Command::new("sudo").args(["-n", "true"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    if !root && !sudo() {
        bail!("needs root or a sudo without password");
    }
    let apt = |minutes: u64, arguments: &[&str]| {
        let mut command = Command::new(if root { "env" } else { "sudo" });
        if !root {
            command.args(["-n", "env"]);
        }
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]).args(arguments);
        say::note("running", format_args!("apt-get {}, for at most {minutes} minutes", arguments.join(" ")));
        run_within(Duration::from_secs(60 * minutes), &mut command)
    };
    // Lists that cannot be refreshed may still be good enough; installing tells.
    if let Err(why) = apt(5, &["update"]) {
        say::note("apt-get", format_args!("update: {why:#}; trying with the lists there are"));
    }
    let mut arguments = vec!["install", "--no-install-recommends"];
    arguments.extend(packages);
    apt(15, &arguments)
}

/// Runs a command to its end, but not longer than `limit`. What it prints is shown only when it fails.
fn run_within(limit: Duration, command: &mut Command) -> Result<()> {
    let name = format!("{command:?}").replace('"', "");
    let log = tempfile::tempfile()?;
    let reader = log.try_clone()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot run `{name}`"))?;
    let spinner = say::spinner(&name);
    let status = wait_within(limit, &mut child);
    spinner.finish_and_clear();
    match status? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("`{name}` ended with {status}: {}", last_words(reader)),
        None => bail!("`{name}` was still running after {} s and was stopped", limit.as_secs()),
    }
}

/// Waits for a child; ends it when it takes too long.
pub fn wait_within(limit: Duration, child: &mut Child) -> Result<Option<std::process::ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn last_words(mut log: std::fs::File) -> String {
    use std::io::{Read, Seek};
    let mut text = String::new();
    let _ = log.rewind();
    let _ = log.read_to_string(&mut text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("; ")
}
