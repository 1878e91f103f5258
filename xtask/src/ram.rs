//! `cargo xtask ram`: what less memory costs, as a table, a plot and a picture; and how well arenas are packed.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use cargo_kiln::package::Selection;
use cargo_kiln::profile;
use comfy_table::{CellAlignment, Table, presets};
use textplots::{Chart, Plot, Shape};

use crate::{cargo, repo, say};

/// Work that half of the memory may cost, as a share of what it is without a budget.
const AT_HALF: f64 = 1.35;

/// The models of which that is asked: training steps.
const ASKED: [&str; 4] = ["MLP", "CNN", "CNN-16", "GRU"];

/// What an arena may be larger than the largest live set.
const PACKED: f64 = 1.03;

/// A model within a budget.
struct Point {
    /// Share of the memory that was asked for, in percent.
    share: u32,
    limit: u64,
    bytes: u64,
    work: u64,
}

/// A model, from all of its memory to the least.
struct Model {
    name: String,
    points: Vec<Point>,
}

impl Model {
    /// Memory and work of a point, as shares of those without a budget.
    fn shares(&self, p: &Point) -> (f64, f64) {
        let all = &self.points[0];
        (p.bytes as f64 / all.bytes as f64, p.work as f64 / all.work as f64)
    }

    fn reached(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|p| p.bytes <= p.limit)
    }
}

/// Compiles the models within shares of their memory, and shows what they do for it.
pub fn run() -> Result<()> {
    let loose = arenas()?;
    say::heading("Work within less memory");
    let models = measured()?;
    table(&models);
    for model in &models {
        plot(model);
    }
    let to = repo::target_dir().join("ram.svg");
    std::fs::write(&to, picture(&models)).with_context(|| format!("cannot write {}", to.display()))?;
    say::block(format_args!("The same as a picture: {}", repo::short(&to)));
    let missed: Vec<&str> = models
        .iter()
        .filter(|m| ASKED.contains(&m.name.as_str()) && !m.reached().any(|p| p.share <= 50 && m.shares(p).1 <= AT_HALF))
        .map(|m| m.name.as_str())
        .collect();
    if !missed.is_empty() {
        bail!("half of the memory costs more than {AT_HALF} times the work: {}", missed.join(", "));
    }
    if !loose.is_empty() {
        bail!("arenas of more than {PACKED} times the largest live set: {}", loose.join(", "));
    }
    Ok(())
}

/// Shows the arenas of the benchmarks beside the most that is live at once in them, and says which are too large.
fn arenas() -> Result<Vec<String>> {
    say::heading("Arenas of the benchmarks, and the most that is live at once");
    let board = profile::load(profile::MAIN)?;
    let packages = [("benches/mcu", Some(board.triple)), ("benches/nets", None), ("benches/host", None)];
    let mut kernels = Vec::new();
    for (folder, target) in packages {
        let manifest_path = Some(repo::root().join(folder).join("Cargo.toml"));
        kernels.extend(Selection { manifest_path, target, ..Selection::default() }.kernels()?);
    }
    kernels.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    kernels.dedup_by(|a, b| (&a.path, a.line) == (&b.path, b.line));
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["kernel", "arena", "largest live set", "ratio"]);
    let mut loose = Vec::new();
    for kernel in kernels.iter().filter(|k| k.arena_bytes > 0) {
        let ratio = kernel.arena_bytes as f64 / kernel.live_bytes.max(1) as f64;
        let numbers = (say::number(kernel.arena_bytes), say::number(kernel.live_bytes));
        table.add_row([kernel.path.clone(), numbers.0, numbers.1, format!("{ratio:.3}")]);
        if ratio > PACKED {
            loose.push(kernel.path.clone());
        }
    }
    for column in 1..4 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    say::block(&table);
    let without = kernels.iter().filter(|k| k.arena_bytes == 0).count();
    say::block(format_args!("{without} more need no arena."));
    Ok(loose)
}

fn measured() -> Result<Vec<Model>> {
    let arguments = ["run", "--quiet", "--release", "--package", "kiln-codegen", "--example", "trade"];
    let output = cargo::command(repo::root(), &arguments).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("the models do not compile: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut models: Vec<Model> = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let [name, rest @ ..] = &line.split(' ').collect::<Vec<_>>()[..] else { continue };
        let numbers: Vec<u64> = rest.iter().map(|n| n.parse()).collect::<Result<_, _>>()?;
        let [share, limit, bytes, work] = numbers[..] else { bail!("cannot read `{line}`") };
        let point = Point { share: share as u32, limit, bytes, work };
        match models.iter_mut().find(|m| m.name == *name) {
            Some(model) => model.points.push(point),
            None => models.push(Model { name: (*name).to_owned(), points: vec![point] }),
        }
    }
    models.sort_by(|a, b| b.name.cmp(&a.name));
    Ok(models)
}

fn table(models: &[Model]) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["model", "budget", "bytes", "arena", "of all", "work", "of all"]);
    for model in models {
        for p in &model.points {
            let (bytes, work) = model.shares(p);
            let fits = p.bytes <= p.limit;
            let percent = |x: f64| format!("{:.0} %", x * 100.0);
            table.add_row([
                model.name.clone(),
                format!("{} %", p.share),
                say::number(p.limit),
                if fits { say::number(p.bytes) } else { "refused".to_owned() },
                if fits { percent(bytes) } else { String::new() },
                if fits { say::number(p.work) } else { String::new() },
                if fits { format!("{work:.2}") } else { String::new() },
            ]);
        }
    }
    for column in 1..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    say::block(&table);
}

fn plot(model: &Model) {
    let points: Vec<(f32, f32)> =
        model.reached().map(|p| model.shares(p)).map(|(bytes, work)| (bytes as f32 * 100.0, work as f32)).collect();
    say::block(format_args!("{}: work, as a multiple, over memory in percent", model.name));
    let highest = points.iter().map(|p| p.1).fold(1.5, f32::max);
    let mut chart = Chart::new_with_y_range(120, 40, 0.0, 100.0, 0.9, highest);
    let (line, dots) = (Shape::Lines(&points), Shape::Points(&points));
    let chart = chart.lineplot(&line).lineplot(&dots);
    chart.axis();
    chart.figures();
    say::block(&*chart);
}

/// The models as lines in one picture: memory to the right, work upwards.
fn picture(models: &[Model]) -> String {
    const COLOURS: [&str; 7] = ["#1b6ca8", "#c8553d", "#3c8d5a", "#8e5ea2", "#b58900", "#5b6770", "#2aa198"];
    let (width, height) = (640.0, 400.0);
    let highest = models.iter().flat_map(|m| m.reached().map(|p| m.shares(p).1)).fold(1.5, f64::max);
    let x = |share: f64| 60.0 + share * (width - 90.0);
    let y = |work: f64| height - 50.0 - (work - 0.9) / (highest - 0.9) * (height - 90.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for percent in (0..=100).step_by(10) {
        let at = x(f64::from(percent) / 100.0);
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} 40V{:.1}\" stroke=\"#ddd\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{percent} %</text>",
            height - 50.0,
            height - 34.0
        );
    }
    for tenths in 9..=(highest * 10.0) as u32 {
        let at = y(f64::from(tenths) / 10.0);
        let _ = writeln!(
            svg,
            "<path d=\"M60 {at:.1}H{:.1}\" stroke=\"#ddd\"/><text x=\"52\" y=\"{:.1}\" text-anchor=\"end\">{:.1}</text>",
            width - 30.0,
            at + 4.0,
            f64::from(tenths) / 10.0
        );
    }
    let _ = writeln!(svg, "<text x=\"60\" y=\"24\">Work over memory</text>");
    for (n, (model, colour)) in models.iter().zip(COLOURS).enumerate() {
        let at: Vec<(f64, f64)> = model.reached().map(|p| model.shares(p)).map(|(b, w)| (x(b), y(w))).collect();
        let line: Vec<String> = at.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.join(" ")
        );
        for (x, y) in at {
            let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"24\" fill=\"{colour}\">{}</text>",
            180.0 + 64.0 * n as f64,
            model.name
        );
    }
    svg + "</svg>\n"
}

#[test]
fn a_picture_has_a_line_for_every_model() {
    let point = |share, bytes, work| Point { share, limit: bytes, bytes, work };
    let model = |name: &str| Model { name: name.into(), points: vec![point(100, 1000, 10), point(50, 500, 12)] };
    let svg = picture(&[model("a"), model("b")]);
    assert_eq!(svg.matches("<polyline").count(), 2);
    assert_eq!(svg.matches("<circle").count(), 4);
    assert!(svg.ends_with("</svg>\n"));
}
