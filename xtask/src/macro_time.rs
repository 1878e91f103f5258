//! `cargo xtask macro-time`: how long rustc and the macros take, unoptimised as users have them, for functions and for
//! libraries of growing size.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_kiln::say;
use cargo_metadata::Message;
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};

use crate::{cargo, repo};

/// What can be asked for.
#[derive(Debug, Args)]
pub struct Options {
    /// Only programs whose name contains this.
    filter: Option<String>,
    /// Leave out everything larger than this.
    #[arg(long, default_value_t = 20_000)]
    up_to: usize,
    /// Take the best of so many runs.
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// Build code too, instead of only checking it.
    #[arg(long)]
    code: bool,
    /// Build optimised code.
    #[arg(long)]
    release: bool,
    /// Build for another target than this machine, which has to be installed.
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
}

/// A kind of program, by its size.
struct Shape {
    name: &'static str,
    what: &'static str,
    unit: &'static str,
    sizes: &'static [usize],
    source: fn(usize) -> String,
}

const SHAPES: &[Shape] = &[
    Shape {
        name: "scalars",
        what: "one function, a chain of sums and products of numbers",
        unit: "primitive",
        sizes: &[500, 1000, 2000, 5000, 10_000, 20_000],
        source: scalars,
    },
    Shape {
        name: "layers",
        what: "one function, a network of dense layers: a product, four elementwise primitives each",
        unit: "primitive",
        sizes: &[500, 1000, 2000, 5000, 10_000, 20_000],
        source: layers,
    },
    Shape {
        name: "flat",
        what: "a library of kernels that call no other",
        unit: "function",
        sizes: &[100, 200, 400, 800],
        source: |n| library(n, &|_| Vec::new()),
    },
    Shape {
        name: "fan",
        what: "a library of kernels, the first of which calls all others",
        unit: "function",
        sizes: &[100, 200, 400, 800],
        source: |n| library(n, &move |i| if i == 0 { (1..n).collect() } else { Vec::new() }),
    },
    Shape {
        name: "diamonds",
        what: "a library of kernels in fours: one calls two, which call the fourth",
        unit: "function",
        sizes: &[100, 200, 400, 800],
        source: |n| {
            library(n, &|i| match i % 4 {
                0 => vec![i + 1, i + 2],
                1 => vec![i + 2],
                2 => vec![i + 1],
                _ => Vec::new(),
            })
        },
    },
    Shape {
        name: "chain",
        what: "a library of kernels, each of which calls the next",
        unit: "function",
        sizes: &[100, 200, 400, 800],
        source: |n| library(n, &move |i| (i + 1..n.min(i + 2)).collect()),
    },
    Shape {
        name: "ladder",
        what: "a library of kernels, each of which calls the next two",
        unit: "function",
        sizes: &[100, 200, 400, 800],
        source: |n| library(n, &move |i| (i + 1..n.min(i + 3)).collect()),
    },
    Shape {
        name: "convolutions",
        // 28 layers are those of the network for visual wake words in benches/nets.
        what: "one function, the inference of MobileNetV1-0.25 up to a layer",
        unit: "layer",
        sizes: &[6, 10, 16, 28],
        source: |n| convolutions(n, false),
    },
    Shape {
        name: "convolutions-step",
        what: "one function, a training step of MobileNetV1-0.25 up to a layer",
        unit: "layer",
        sizes: &[6, 10, 16, 28],
        source: |n| convolutions(n, true),
    },
];

const HEAD: &str = "#![allow(unused)]\n#![no_std]\nuse kiln::prelude::*;\n";

fn scalars(n: usize) -> String {
    let mut out = format!("{HEAD}#[jit]\npub fn f(x: f32, w: f32) -> f32 {{\n    let v0 = x;\n");
    for i in 0..n {
        let _ = writeln!(out, "    let v{} = v{i} {} w;", i + 1, if i % 2 == 0 { "*" } else { "+" });
    }
    let _ = writeln!(out, "    v{n}\n}}");
    out
}

fn layers(n: usize) -> String {
    let mut out =
        format!("{HEAD}#[jit]\npub fn f(x: &[f32; 16], w: &[[f32; 16]; 16]) -> [f32; 16] {{\n    let b0 = x;\n");
    for i in 0..n / 5 {
        let _ =
            writeln!(out, "    let a{i} = matmul(w, b{i});\n    let b{} = maximum(a{i} + x, 0.0) * 0.5 - a{i};", i + 1);
    }
    let _ = writeln!(out, "    b{}\n}}", n / 5);
    out
}

/// MobileNetV1-0.25 for images of 96 x 96: the first convolution, pairs of a depthwise and a pointwise one, and the scores.
fn convolutions(n: usize, step: bool) -> String {
    /// Stride, and channels of each pair.
    const PAIRS: [(usize, usize); 13] = [
        (1, 16),
        (2, 32),
        (1, 32),
        (2, 64),
        (1, 64),
        (2, 128),
        (1, 128),
        (1, 128),
        (1, 128),
        (1, 128),
        (1, 128),
        (2, 256),
        (1, 256),
    ];
    let (mut fields, mut body) = (String::new(), String::new());
    let mut channels = 8;
    for (k, (stride, wider)) in PAIRS.iter().take((n - 2) / 2).enumerate() {
        let _ = writeln!(fields, "    pub d{k}: Conv<3, 1, {channels}>,\n    pub p{k}: Conv<1, {channels}, {wider}>,");
        let _ = writeln!(body, "    let x = layer(layer(x, p.d{k}, {stride}, {channels}), p.p{k}, 1, 1);");
        channels = *wider;
    }
    let entry = match step {
        false => "#[jit]\npub fn f(p: &Net, x: &[[[f32; 3]; 96]; 96]) -> [f32; 2] {\n    scores(p, x)\n}\n",
        true => {
            "#[jit(inline)]\nfn loss(p: &Net, x: &[[[f32; 3]; 96]; 96], class: u8) -> f32 {\n    -log_softmax(scores(p, x))[class]\n}\n\
             #[jit]\npub fn f(p: &mut Net, x: &[[[f32; 3]; 96]; 96], class: u8, lr: f32) -> f32 {\n    \
             let (l, g) = value_and_grad(loss)(p, x, class);\n    *p = *p - lr * g;\n    l\n}\n"
        }
    };
    format!(
        "{HEAD}#[derive(Clone, Tree)]
pub struct Conv<const H: usize, const I: usize, const O: usize> {{ pub w: [[[[f32; O]; I]; H]; H], pub b: [f32; O] }}
#[derive(Clone, Tree)]
pub struct Net {{
    pub stem: Conv<3, 3, 8>,
{fields}    pub head: [[f32; 2]; {channels}],
    pub bias: [f32; 2],
}}
#[jit(inline)]
fn scores(p: &Net, x: &[[[f32; 3]; 96]; 96]) -> [f32; 2] {{
    let layer = |x, p, s, groups| {{
        let form = (\"NHWC\", \"HWIO\", \"NHWC\");
        relu(conv(x, p.w, stride = (s, s), padding = \"SAME\", feature_group_count = groups, dimension_numbers = form) + p.b)
    }};
    let x = layer(x.reshape((1, 96, 96, 3)), p.stem, 2, 1);
{body}    matmul(mean(x, axis = (0, 1, 2)), p.head) + p.bias
}}
{entry}"
    )
}

/// Kernels that call those with the numbers that `calls` says.
fn library(n: usize, calls: &dyn Fn(usize) -> Vec<usize>) -> String {
    let mut out = HEAD.to_owned();
    for i in 0..n {
        let terms: String = calls(i).into_iter().filter(|j| *j < n).map(|j| format!(" + step{j}(x)")).collect();
        let _ = writeln!(out, "#[jit]\npub fn step{i}(x: &[f32; 4]) -> [f32; 4] {{\n    x * 2.0{terms}\n}}");
    }
    out
}

/// Measures and shows a table per shape.
pub fn run(options: &Options) -> Result<()> {
    let kiln = library_of_kiln(options)?;
    let folder = tempfile::tempdir()?;
    let empty = best(options, &kiln, folder.path(), HEAD)?;
    say::heading(format_args!("Time of rustc in user mode, of {empty:.2} s of which an empty crate takes"));
    let wanted = |shape: &&Shape| options.filter.as_ref().is_none_or(|f| shape.name.contains(f.as_str()));
    for shape in SHAPES.iter().filter(wanted) {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header([format!("{}s", shape.unit), "s".into(), format!("ms per {}", shape.unit)]);
        for n in shape.sizes.iter().filter(|n| **n <= options.up_to) {
            let seconds = (best(options, &kiln, folder.path(), &(shape.source)(*n))? - empty).max(0.0);
            table.add_row([n.to_string(), format!("{seconds:.2}"), format!("{:.2}", 1000.0 * seconds / *n as f64)]);
        }
        for column in 0..3 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        say::block(format_args!("{}: {}", shape.name, shape.what));
        say::block(&table);
    }
    Ok(())
}

/// Builds the crate as users do.
fn library_of_kiln(options: &Options) -> Result<PathBuf> {
    let arguments = ["build", "--package", "kiln", "--message-format=json-render-diagnostics"];
    let mut cargo = cargo::command(repo::root(), &arguments);
    cargo.args(options.release.then_some("--release"));
    cargo.args(options.target.iter().flat_map(|triple| ["--target", triple]));
    let out = cargo.stderr(Stdio::inherit()).output()?;
    if !out.status.success() {
        bail!("kiln does not build; cargo says why above");
    }
    let mut found = None;
    for message in Message::parse_stream(&out.stdout[..]) {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.target.name == "kiln"
        {
            found = artifact.filenames.iter().find(|f| f.extension() == Some("rlib")).cloned();
        }
    }
    Ok(found.context("cargo did not say where kiln is")?.into_std_path_buf())
}

/// User time of the quickest of some runs, in seconds: what else the machine does counts little.
fn best(options: &Options, kiln: &Path, folder: &Path, source: &str) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..options.runs.max(1) {
        best = best.min(compile(options, kiln, folder, source)?);
    }
    Ok(best)
}

fn compile(options: &Options, kiln: &Path, folder: &Path, source: &str) -> Result<f64> {
    let file = folder.join("measured.rs");
    std::fs::write(&file, source)?;
    // What is built for a target lies beside what runs on the host, the macros among it.
    let mut dependencies = vec![kiln.with_file_name("deps")];
    if options.target.is_some() {
        let profile = kiln.parent().and_then(Path::file_name).context("cargo builds into folders")?;
        let host = kiln.ancestors().nth(3).context("cargo builds into folders")?;
        dependencies.push(host.join(profile).join("deps"));
    }
    // The shell knows how long its children took in user mode.
    let out = Command::new("sh")
        .args(["-c", r#""$@"; status=$?; times; exit $status"#, "sh", "rustc", "--edition=2024", "--crate-type=rlib"])
        .arg(if options.code || options.release { "--emit=link" } else { "--emit=metadata" })
        .args(options.release.then_some("-Copt-level=3"))
        .args(options.target.iter().flat_map(|triple| ["--target", triple]))
        .arg("--extern")
        .arg(format!("kiln={}", kiln.display()))
        .args(dependencies.iter().map(|folder| format!("-Ldependency={}", folder.display())))
        .arg("--out-dir")
        .arg(folder)
        .arg(&file)
        .stderr(Stdio::inherit())
        .output()
        .context("measuring needs a POSIX shell")?;
    if !out.status.success() {
        bail!("rustc refuses the program; it says why above");
    }
    let text = String::from_utf8_lossy(&out.stdout);
    let user = text.lines().last().and_then(|line| line.split_whitespace().next());
    user.and_then(seconds).with_context(|| format!("the shell says `{text}`, which is no time"))
}

/// `1m2.345s`, in seconds.
fn seconds(text: &str) -> Option<f64> {
    let (minutes, rest) = text.split_once('m')?;
    Some(60.0 * minutes.parse::<f64>().ok()? + rest.strip_suffix('s')?.parse::<f64>().ok()?)
}

#[test]
fn times_of_the_shell_are_read() {
    assert_eq!(seconds("1m2.5s"), Some(62.5));
    assert_eq!(seconds("0m0.040000s"), Some(0.04));
    assert_eq!(seconds("2.5"), None);
}
