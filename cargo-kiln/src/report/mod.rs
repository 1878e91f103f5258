//! `cargo kiln report`: memory over time, flash by source line, work, and what it takes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anstream::println;
use anyhow::{Context, Result};
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};

use crate::record::{Apart, Buffer, Kernel, Place, Step, Turns};
use crate::say::{self, number};
use cost::{Core, Estimate};

pub mod cost;
mod picture;
mod svg;

/// What a report can be asked for.
#[derive(Debug, Args)]
pub struct Options {
    /// Core, or target, whose estimates stand beside the steps; the core of `--target`, or `cortex-m4f`, if left out.
    #[arg(long, value_name = "CORE")]
    pub core: Option<String>,
    /// Folder that pictures are written to; `kiln` in cargo's target folder if left out.
    #[arg(long, value_name = "FOLDER")]
    pub svg: Option<PathBuf>,
    /// The records, as JSON and nothing else.
    #[arg(long)]
    pub json: bool,
}

/// Prints the reports, with estimates for `core`, and writes the pictures into `folder`.
pub fn show(kernels: &[Kernel], core: &Core, folder: &Path) -> Result<()> {
    for kernel in kernels {
        say::heading(format_args!("{}, {}:{}", kernel.path, kernel.file, kernel.line));
        println!("{}", text(kernel, core, say::colours())?);
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let file = folder.join(format!("{}.svg", kernel.path.replace("::", ".")));
        std::fs::write(&file, svg::draw(kernel)).with_context(|| format!("cannot write {}", file.display()))?;
        say::note("picture", file.display());
    }
    Ok(())
}

/// The report of a kernel.
pub fn text(kernel: &Kernel, core: &Core, colour: bool) -> Result<String> {
    let mut out = format!("{}\n", summary(kernel));
    out.push_str("\nThe arena over time\n");
    out.push_str(&picture::picture(kernel, colour));
    out.push_str(&buffers(kernel));
    out.push_str(&checkpoints(kernel));
    out.push_str(&format!("\nSteps, with estimates for a {}\n{}\n", core.core, steps(kernel, core)));
    out.push_str(&format!("\nFlash: constants by source line\n{}", constants(kernel)));
    out.push_str(&format!(
        "\nA call, as the loops are written; estimates by the tables in targets/cores\n{}\n",
        cores(kernel)?
    ));
    Ok(out)
}

fn summary(kernel: &Kernel) -> String {
    let limit = kernel.ram_limit.map(|n| format!(", {} allowed", say::bytes(n))).unwrap_or_default();
    let options = if kernel.options.is_empty() { String::new() } else { format!("; {}", kernel.options.join(", ")) };
    let calls = match kernel.calls.len() {
        0 => String::new(),
        n => format!(
            "\ncalls {}: stack, constants and operations are theirs too, steps and estimates are in their reports",
            say::many(n as u64, "other kernel")
        ),
    };
    format!(
        "arena {}; with the stack {}{limit}; constants {}; {} floating-point operations; {} moved between steps{options}{calls}",
        say::bytes(kernel.arena_bytes),
        say::bytes(kernel.ram_bytes),
        say::bytes(kernel.flash_const_bytes),
        number(kernel.flops),
        say::bytes(moved(&kernel.steps)),
    )
}

/// Bytes that steps read and write, with their turns; of a branch the side that moves most.
fn moved(steps: &[Step]) -> u64 {
    let of = |step: &Step| {
        let inner = step.inside.as_ref().map_or(0, |inside| {
            let bodies = inside.bodies.iter().map(|body| moved(body));
            match inside.turns {
                Turns::OneOf => bodies.max().unwrap_or(0),
                _ => bodies.sum::<u64>() * inside.n,
            }
        });
        step.moved_bytes + inner
    };
    steps.iter().map(of).sum()
}

/// What people call a buffer.
fn label(b: &Buffer) -> String {
    if b.name.is_empty() { "an intermediate result".to_owned() } else { b.name.clone() }
}

/// A place in words.
fn origin(place: &Place, kernel: &Kernel) -> String {
    match place {
        Some((file, line, _)) if *file == kernel.file => format!("line {line}"),
        Some((file, line, _)) => format!("{file}:{line}"),
        None => String::new(),
    }
}

fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(header);
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn buffers(kernel: &Kernel) -> String {
    let occupied = picture::occupied(kernel);
    let peak = occupied.iter().enumerate().max_by_key(|(t, bytes)| (**bytes, std::cmp::Reverse(*t)));
    let Some((peak, most)) = peak.filter(|(_, most)| **most > 0) else { return String::new() };
    let mut table = table(&["", "value", "type", "bytes", "arena", "steps", "from", "not fused because"], &[3, 4]);
    for (_, b, letter) in picture::lettered(kernel) {
        let over = b.in_place_of.and_then(|of| picture::lettered(kernel).into_iter().find(|(id, ..)| *id == of));
        let over = over.map(|(_, _, letter)| format!(", in place of {letter}")).unwrap_or_default();
        let at_peak = if b.first <= peak && peak <= b.last { " ●" } else { "" };
        table.add_row([
            &format!("{letter}{at_peak}"),
            &label(b),
            &b.ty,
            &number(b.bytes),
            &number(b.at),
            &format!("{}..={}{over}", b.first, b.last),
            &origin(&b.place, kernel),
            b.why.as_deref().unwrap_or_default(),
        ]);
    }
    format!("{table}\n● live at the peak: step {peak}, {} of {} bytes\n", number(*most), number(kernel.arena_bytes))
}

fn checkpoints(kernel: &Kernel) -> String {
    let mut out = String::new();
    for of_loop in &kernel.checkpoints {
        let mut table = table(&["", "between the halves", "RAM bytes", "operations", "work"], &[2, 3, 4]);
        let least = of_loop.choices.iter().map(|choice| choice.flops).min().unwrap_or(1).max(1);
        for choice in &of_loop.choices {
            table.add_row([
                if choice.chosen { "●" } else { "" },
                &choice.text(),
                &number(choice.ram_bytes),
                &number(choice.flops),
                &format!("{:.2}", choice.flops as f64 / least as f64),
            ]);
        }
        let (place, turns) = (origin(&of_loop.place, kernel), of_loop.turns);
        out.push_str(&format!(
            "\nMemory for time: checkpoints of the loop of {turns} turns, {place}\n{table}\n● as written\n"
        ));
    }
    out
}

fn steps(kernel: &Kernel, core: &Core) -> String {
    let header = ["step", "function", "loops", "from", "moves", "instructions", "cycles"];
    let mut table = table(&header, &[0, 4, 5, 6]);
    let mut apart = String::new();
    fn add(table: &mut Table, steps: &[Step], depth: usize, kernel: &Kernel, core: &Core) {
        for step in steps {
            let Estimate { instructions, cycles, open } = core.step(step);
            let more = if open { "> " } else { "" };
            let of = |n: f64| format!("{more}{}", number(n.round() as u64));
            table.add_row([
                &step.time.to_string(),
                &format!("{}{}", "  ".repeat(depth), step.name),
                &step.what,
                &origin(&step.place, kernel),
                &number(moved(std::slice::from_ref(step))),
                &of(instructions),
                &of(cycles),
            ]);
            step.inside.iter().flat_map(|i| &i.bodies).for_each(|body| add(table, body, depth + 1, kernel, core));
        }
    }
    fn note(steps: &[Step], out: &mut String) {
        for step in steps {
            if let Some(Apart { step: other, why }) = &step.apart {
                out.push_str(&format!("\nstep {} is not one loop with step {other} because {why}", step.time));
            }
            step.inside.iter().flat_map(|i| &i.bodies).for_each(|body| note(body, out));
        }
    }
    add(&mut table, &kernel.steps, 0, kernel, core);
    note(&kernel.steps, &mut apart);
    format!("{table}{apart}")
}

fn constants(kernel: &Kernel) -> String {
    if kernel.statics.is_empty() {
        return "none\n".to_owned();
    }
    let mut lines: BTreeMap<(String, usize), (u64, Vec<&str>)> = BTreeMap::new();
    for s in &kernel.statics {
        let (file, line) = s.place.as_ref().map_or((String::new(), 0), |(file, line, _)| (file.clone(), *line));
        let of = lines.entry((file, line)).or_default();
        of.0 += s.bytes;
        of.1.push(&s.name);
    }
    let mut table = table(&["from", "bytes", "constants"], &[1]);
    for ((file, line), (bytes, names)) in &lines {
        let place = (*line > 0).then(|| (file.clone(), *line, 0));
        table.add_row([&origin(&place, kernel), &number(*bytes), &names.join(", ")]);
    }
    format!("{table}\n")
}

fn cores(kernel: &Kernel) -> Result<String> {
    let mut table = table(&["core", "instructions", "cycles"], &[1, 2]);
    for core in cost::cores()? {
        let Estimate { instructions, cycles, open } = core.kernel(kernel);
        let more = if open { "> " } else { "" };
        let of = |n: f64| format!("{more}{}", number(n.round() as u64));
        table.add_row([&core.core, &of(instructions), &of(cycles)]);
    }
    Ok(table.to_string())
}
