//! Asking cargo: which package, which features, and the records of its kernels.

use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::{Message, MetadataCommand};
use clap::Args;

use crate::record::{self, Kernel};

/// What the macros are asked with; see `macros/src/shell.rs`.
const ASK: &str = "KILN_RECORD";

/// How cargo is to talk.
const FORMAT: &str = "--message-format=json-diagnostic-rendered-ansi";

/// What is handed on to cargo.
#[derive(Clone, Debug, Default, Args)]
pub struct Selection {
    /// The package, as `cargo build --package` takes it.
    #[arg(short, long, value_name = "SPEC")]
    pub package: Option<String>,
    /// A program of the package instead of all its targets.
    #[arg(long, value_name = "NAME")]
    pub bin: Option<String>,
    /// An example of the package.
    #[arg(long, value_name = "NAME", conflicts_with = "bin")]
    pub example: Option<String>,
    /// Features to turn on.
    #[arg(short = 'F', long, value_name = "FEATURES")]
    pub features: Vec<String>,
    /// Turn on all features.
    #[arg(long)]
    pub all_features: bool,
    /// Turn off the default feature.
    #[arg(long)]
    pub no_default_features: bool,
    /// The target, as rustc calls it.
    #[arg(long, value_name = "TRIPLE")]
    pub target: Option<String>,
    /// The package's Cargo.toml.
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<PathBuf>,
    /// An argument for cargo, for instance `--cargo=--offline`; may be given several times.
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub cargo: Vec<String>,
}

impl Selection {
    /// A cargo command on the selection.
    pub fn command(&self, command: &str) -> Command {
        let mut cargo = cargo();
        cargo.arg(command);
        for (option, value) in [
            ("--package", &self.package),
            ("--bin", &self.bin),
            ("--example", &self.example),
            ("--target", &self.target),
        ] {
            if let Some(value) = value {
                cargo.args([option, value]);
            }
        }
        for features in &self.features {
            cargo.args(["--features", features]);
        }
        for (option, on) in [("--all-features", self.all_features), ("--no-default-features", self.no_default_features)]
        {
            if on {
                cargo.arg(option);
            }
        }
        if let Some(path) = &self.manifest_path {
            cargo.arg("--manifest-path").arg(path);
        }
        cargo.args(&self.cargo);
        cargo
    }

    /// The folder that cargo builds into.
    pub fn target_dir(&self) -> Result<PathBuf> {
        let mut metadata = MetadataCommand::new();
        metadata.no_deps();
        if let Some(path) = &self.manifest_path {
            metadata.manifest_path(path);
        }
        Ok(metadata.exec()?.target_directory.into_std_path_buf())
    }

    /// Builds the program of the selection and says where it is.
    pub fn program(&self, release: bool) -> Result<PathBuf> {
        let mut cargo = self.command("build");
        cargo.arg(FORMAT);
        if release {
            cargo.arg("--release");
        }
        built(&mut cargo)
    }

    /// Builds the program as [`Selection::program`] does, in a folder of its own, so that its file says who calls whom.
    pub fn image(&self, release: bool) -> Result<PathBuf> {
        let mut cargo = self.command("rustc");
        if release {
            cargo.arg("--release");
        }
        cargo.arg("--target-dir").arg(self.target_dir()?.join("kiln"));
        // Arguments of `cargo rustc` come on top of what the user configured, and go to this program alone.
        cargo.args([FORMAT, "--", "-Clink-arg=--emit-relocs"]);
        built(&mut cargo)
    }

    /// Checks the selection and collects what its kernels, and those of the packages it is built from, left of themselves.
    pub fn kernels(&self) -> Result<Vec<Kernel>> {
        let mut cargo = self.command("check");
        // A folder of its own: what is built there is built with records.
        cargo.arg(FORMAT).env(ASK, "1").arg("--target-dir").arg(self.target_dir()?.join("kiln"));
        let mut kernels: Vec<Kernel> = Vec::new();
        messages(&mut cargo, &mut |message| match &message {
            Message::CompilerMessage(m) => match record::read(&m.message.message)? {
                Some((within, mut kernel)) => {
                    kernel.path = record::join(&[&m.target.name.replace('-', "_"), &within, &kernel.name]);
                    kernels.push(kernel);
                    Ok(())
                }
                None => {
                    show(m);
                    Ok(())
                }
            },
            _ => Ok(()),
        })?;
        // A package can be a dependency twice, with other features.
        kernels.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        kernels.dedup_by(|a, b| (&a.path, a.line) == (&b.path, b.line) && a.file == b.file);
        record::add_callees(&mut kernels);
        if kernels.is_empty() {
            bail!(
                "no kernels here: a kernel is a function with `#[jit]` that is not generic, in a package that depends on `kiln` or \
                 in one below it; `kiln::instantiate!` makes one of a generic function. \
                 Are they behind a feature, or in another package (`--package`)?"
            );
        }
        Ok(kernels)
    }
}

/// Runs a build that makes one program, and says where that is.
fn built(cargo: &mut Command) -> Result<PathBuf> {
    let mut programs: Vec<PathBuf> = Vec::new();
    messages(cargo, &mut |message| {
        match message {
            Message::CompilerArtifact(artifact) => programs.extend(artifact.executable.map(|p| p.into_std_path_buf())),
            Message::CompilerMessage(m) => show(&m),
            _ => {}
        }
        Ok(())
    })?;
    match programs.len() {
        1 => Ok(programs.remove(0)),
        0 => bail!("the package has no program; name one that has with `--package`, or an example with `--example`"),
        _ => {
            let names = programs.iter().filter_map(|p| Some(p.file_stem()?.to_string_lossy().into_owned()));
            bail!("there are several programs, choose one with `--bin`: {}", names.collect::<Vec<_>>().join(", "))
        }
    }
}

/// The cargo that this program was started by.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a cargo command that talks JSON and hands on what it says. What the compiler has to say about the user's program is the user's.
pub fn messages(cargo: &mut Command, each: &mut dyn FnMut(Message) -> Result<()>) -> Result<()> {
    let mut child = cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let out = child.stdout.take().context("cargo has no output")?;
    for message in Message::parse_stream(BufReader::new(out)) {
        each(message?)?;
    }
    if !child.wait()?.success() {
        bail!("the package does not build; cargo says why above");
    }
    Ok(())
}

/// Writes what the compiler said, to where it would have written it.
pub fn show(message: &cargo_metadata::CompilerMessage) {
    if let Some(text) = &message.message.rendered {
        anstream::eprint!("{text}");
    }
}
