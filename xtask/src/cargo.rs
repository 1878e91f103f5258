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
    built(&mut command(repo::root(), &["build", "--release", "--package", package]), &format!("the program {package}"))
}

/// Builds a library for the host that another program loads.
pub fn plugin(package: &str, features: &[&str]) -> Result<PathBuf> {
    let mut cargo = command(repo::root(), &["build", "--release", "--package", package]);
    for feature in features {
        cargo.args(["--features", feature]);
    }
    built(&mut cargo, &format!("the plugin {package}"))
}

/// Builds the firmware in `folder`, optimised.
pub fn firmware(folder: &Path, profile: &Profile, route: Route) -> Result<PathBuf> {
    let mut cargo = command(folder, &["build", "--release", "--target", &profile.triple]);
    let target_dir = repo::target_dir().join(match route {
        Route::Rustup => "firmware",
        Route::Debian => "firmware-debian",
    });
    cargo.arg("--target-dir").arg(target_dir);
    if route == Route::Debian {
        // Never for rustup's compiler: unstable features would creep in unnoticed.
        cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
        cargo.args(["-Zbuild-std=core,alloc,panic_abort", "-Zbuild-std-features=compiler-builtins-mem"]);
    }
    built(&mut cargo, &format!("the firmware in {}", repo::short(folder)))
}

/// Runs a build and returns the last program or loadable library it made.
fn built(cargo: &mut Command, what: &str) -> Result<PathBuf> {
    let mut child = cargo
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let mut file = None;
    if let Some(out) = child.stdout.take() {
        for message in Message::parse_stream(std::io::BufReader::new(out)) {
            let Message::CompilerArtifact(artifact) = message? else { continue };
            if let Some(program) = artifact.executable {
                file = Some(program.into_std_path_buf());
            } else if artifact.target.crate_types.contains(&CrateType::CDyLib) {
                file = artifact.filenames.first().map(|path| path.clone().into_std_path_buf());
            }
        }
    }
    if !child.wait()?.success() {
        bail!("{what} does not build; cargo says why above");
    }
    file.with_context(|| format!("cargo built {what}, but did not say where it is"))
}
