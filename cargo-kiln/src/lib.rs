//! `cargo kiln`: what the compiler knows about the kernels of a package, and what they do on the target.
//!
//! The macros leave a [`record`] of every kernel when they are asked to; [`package`] asks, through `cargo check`, and
//! collects what they left. Everything else shows it.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub mod check;
pub mod emulator;
pub mod expand;
pub mod graph;
pub mod image;
pub mod package;
pub mod profile;
pub mod provide;
pub mod record;
pub mod report;
pub mod run;
pub mod say;

/// Cargo runs `cargo-kiln kiln ..`.
#[derive(Debug, Parser)]
#[command(name = "cargo", bin_name = "cargo")]
enum Cargo {
    /// The kernels of a package: their graphs, their code, their memory, and their cost.
    #[command(arg_required_else_help = true)]
    Kiln {
        #[command(subcommand)]
        command: Command,
    },
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the optimised graph of a kernel, with source lines and why each value that is stored was not fused.
    Graph(Which),
    /// Show the memory of a kernel over time, its constants, its steps, and what a call takes on each core.
    Report {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        options: report::Options,
    },
    /// Print the Rust that was emitted for a kernel.
    Expand {
        #[command(flatten)]
        which: Which,
        /// Print long constants in full.
        #[arg(long)]
        full: bool,
    },
    /// Check that the kernels of a linked program cannot panic, allocate or recurse, and that the program fits the chip.
    Check(check::Options),
    /// Build a program and run it: on this machine, or in the emulator of the board that is known for the target.
    Run(run::Options),
}

/// Which kernels.
#[derive(Debug, Args)]
struct Which {
    /// Path of the kernel, or its end: `step`, `model::step`, `Mlp::step`. All kernels if left out.
    kernel: Option<String>,
    #[command(flatten)]
    package: package::Selection,
}

impl Which {
    fn kernels(&self) -> anyhow::Result<Vec<record::Kernel>> {
        record::choose(self.package.kernels()?, self.kernel.as_deref())
    }

    fn report(&self, options: &report::Options) -> anyhow::Result<()> {
        let core = match (&options.core, &self.package.target) {
            (Some(core), _) => report::cost::core(core)?,
            (None, Some(target)) => report::cost::core(target).or_else(|_| report::cost::core("cortex-m4f"))?,
            (None, None) => report::cost::core("cortex-m4f")?,
        };
        let kernels = self.kernels()?;
        if options.json {
            anstream::println!("{}", serde_json::to_string_pretty(&kernels)?);
            return Ok(());
        }
        let folder = match &options.svg {
            Some(folder) => folder.clone(),
            None => self.package.target_dir()?.join("kiln"),
        };
        report::show(&kernels, &core, &folder)
    }
}

/// Runs the command that the program was started with.
pub fn main() -> ExitCode {
    let Cargo::Kiln { command } = Cargo::parse();
    let done = match command {
        Command::Graph(which) => which.kernels().map(|kernels| graph::show(&kernels)),
        Command::Check(options) => check::run(&options),
        Command::Run(options) => run::run(&options),
        Command::Report { which, options } => which.report(&options),
        Command::Expand { which, full } => which.kernels().and_then(|kernels| expand::show(&kernels, full)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say::failure(&why);
            ExitCode::FAILURE
        }
    }
}
