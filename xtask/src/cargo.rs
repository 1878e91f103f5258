//! Calling cargo for what a job needs built.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::{CrateType, Message};

use crate::profile::Profile;
use crate::provide::Route;
use crate::repo;

/// A cargo command in a folder of the repository.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder).args(arguments);
    command
}

/// Builds a program for the host, optimised, and says where it is.
pub fn host_program(package: &str) -> Result<PathBuf> {
    last(&mut command(repo::root(), &["build", "--release", "--package", package]), &format!("the program {package}"))
}

/// Builds the plugin that counts instructions, for an emulator that needs these features.
pub fn counter(features: &[&str]) -> Result<PathBuf> {
    let mut cargo = command(repo::root(), &["build", "--release", "--package", "insncount"]);
    for feature in features {
        cargo.args(["--features", feature]);
    }
    last(&mut cargo, "the plugin insncount")
}

/// Builds the firmware in `folder`, optimised.
pub fn firmware(folder: &Path, profile: &Profile, route: Route) -> Result<PathBuf> {
    last(&mut firmware_build(folder, profile, route), &format!("the firmware in {}", repo::short(folder)))
}

/// Builds the firmware in `folder` optimised for size: at `opt-level = "s"`.
pub fn small_firmware(folder: &Path, profile: &Profile, route: Route) -> Result<PathBuf> {
    let mut cargo = firmware_build(folder, profile, route);
    cargo.args(["--config", "profile.release.opt-level=\"s\""]);
    last(&mut cargo, &format!("the small firmware in {}", repo::short(folder)))
}

/// Builds the firmwares among the examples of a crate for boards.
pub fn firmware_examples(folder: &Path, profile: &Profile, route: Route) -> Result<Vec<PathBuf>> {
    let mut cargo = firmware_build(folder, profile, route);
    cargo.args(["--examples", "--features", &profile.name]);
    built(&mut cargo, &format!("the firmwares in {}", repo::short(folder)))
}

/// Builds the firmware in `folder`, which is for several boards, for one of them.
pub fn firmware_for(folder: &Path, profile: &Profile, route: Route) -> Result<PathBuf> {
    let mut cargo = firmware_build(folder, profile, route);
    cargo.args(["--features", &profile.name]);
    last(&mut cargo, &format!("the firmware in {} for the {}", repo::short(folder), profile.name))
}

fn firmware_build(folder: &Path, profile: &Profile, route: Route) -> Command {
    let mut cargo = command(folder, &["build", "--release", "--target", &profile.triple]);
    let target_dir = repo::target_dir().join(match route {
        Route::Rustup => "firmware",
        Route::Debian => "firmware-debian",
    });
    cargo.arg("--target-dir").arg(target_dir);
    if !profile.flags.is_empty() {
        cargo.args(["--config", &format!("target.{}.rustflags={:?}", profile.triple, profile.flags)]);
    }
    if route == Route::Debian {
        // Never for rustup's compiler: unstable features would creep in unnoticed.
        cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
        cargo.args(["-Zbuild-std=core,alloc,panic_abort", "-Zbuild-std-features=compiler-builtins-mem"]);
    }
    cargo
}

/// Runs a build and returns the last program or loadable library it made.
fn last(cargo: &mut Command, what: &str) -> Result<PathBuf> {
    built(cargo, what)?.pop().with_context(|| format!("cargo built {what}, but did not say where it is"))
}

/// Runs a build and returns the programs and loadable libraries it made.
fn built(cargo: &mut Command, what: &str) -> Result<Vec<PathBuf>> {
    let mut child = cargo
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let mut files = Vec::new();
    if let Some(out) = child.stdout.take() {
        for message in Message::parse_stream(std::io::BufReader::new(out)) {
            let Message::CompilerArtifact(artifact) = message? else { continue };
            if let Some(program) = artifact.executable {
                files.push(program.into_std_path_buf());
            } else if artifact.target.crate_types.contains(&CrateType::CDyLib) {
                files.extend(artifact.filenames.first().map(|path| path.clone().into_std_path_buf()));
            }
        }
    }
    if !child.wait()?.success() {
        bail!("{what} does not build; cargo says why above");
    }
    Ok(files)
}
