//! `cargo xtask estimate`: the estimates of `cargo kiln report` beside what the emulator counts.

use anyhow::{Context, Result, bail};
use cargo_kiln::emulator::Emulator;
use cargo_kiln::package::Selection;
use cargo_kiln::record::{self, Kernel};
use cargo_kiln::report::cost::{self, Core};
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};

use crate::provide::{self, Consent};
use crate::{cargo, profile, repo, say};

/// What can be asked for.
#[derive(Debug, Default, Args)]
pub struct Options {
    /// Also the functions of each kernel, without the tiles of contractions that they call.
    #[arg(long)]
    functions: bool,
}

/// Kernels of the digits example and the counted regions of its firmware that hold nothing else.
const KERNELS: [(&str, &str); 3] =
    [("model::logits", "inference"), ("model::loss", "forward_loss"), ("model::step", "training_step")];

/// How far an estimate may be off, as a factor.
const TOLERANCE: f64 = 1.5;

/// Prints the table; an error if an estimate is far off.
pub fn run(options: &Options, consent: Consent) -> Result<()> {
    let profile = profile::load(profile::MAIN)?;
    let core = cost::core(&profile.triple)?;
    say::heading(format_args!("Estimates for a {}, and what QEMU counts on the {}", core.core, profile.name));
    let manifest_path = Some(repo::root().join("examples/digits/Cargo.toml"));
    let kernels = Selection { manifest_path, ..Selection::default() }.kernels()?;
    let route = provide::target(&profile, consent)?;
    let emulator = Emulator::provide(&profile, consent, Some(&cargo::counter))?;
    let elf = cargo::firmware(&repo::root().join("examples/digits-mps2"), &profile, route)?;
    let counts = emulator.run(&elf, &[], |_| Ok(()))?;

    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([
        "",
        "instructions, estimated",
        "counted",
        "ratio",
        "cycles, estimated",
        "by the manual's table",
        "ratio",
    ]);
    (1..7).filter_map(|n| table.column_mut(n).map(|c| c.set_cell_alignment(CellAlignment::Right))).count();
    let ratio = |estimate: f64, counted: u64| estimate / counted.max(1) as f64;
    let cells = |estimate: f64, counted: u64| {
        let estimated = say::number(estimate.round() as u64);
        [estimated, say::number(counted), format!("{:.2}", ratio(estimate, counted))]
    };
    let mut ratios = Vec::new();
    for (name, region) in KERNELS {
        let kernel = record::choose(kernels.clone(), Some(name))?.remove(0);
        let counted = counts.get(region).with_context(|| format!("the emulator did not count `{region}`"))?;
        let estimate = core.kernel(&kernel);
        let (instructions, cycles) = (counted.per_call(), counted.cycles());
        ratios.extend([ratio(estimate.instructions, instructions), ratio(estimate.cycles, cycles)]);
        let both = [cells(estimate.instructions, instructions), cells(estimate.cycles, cycles)];
        table.add_row([vec![name.to_owned()], both.concat()].concat());
        for (step, instructions) in options.functions.then(|| functions(&kernel, &core)).into_iter().flatten() {
            let ends = format!("::{step}");
            let n: u64 = counted.functions.iter().filter(|(f, _)| f.ends_with(&ends)).map(|(_, n)| n).sum();
            table.add_row([vec![format!("  {step}")], cells(instructions, n / counted.calls.max(1)).to_vec()].concat());
        }
    }
    say::block(&table);
    say::block(
        "An estimate counts the loops as they are written and multiplies by targets/cores; the counts are the emulator's.",
    );
    let off = ratios.iter().map(|ratio| ratio.max(1.0 / ratio)).fold(1.0, f64::max);
    if off > TOLERANCE {
        bail!(
            "an estimate is off by a factor of {off:.2}, more than {TOLERANCE}: see to targets/cores/{}.toml",
            core.name
        );
    }
    Ok(())
}

/// The emitted functions and how many instructions each is thought to take.
fn functions(kernel: &Kernel, core: &Core) -> Vec<(String, f64)> {
    kernel.steps.iter().map(|step| (step.name.clone(), core.step(step).instructions)).collect()
}
