//! Random crates: nested modules in any order, functions that call each other by path, `use`, alias and glob, several
//! kernels. What the front end leans on is how rustc resolves macros while they are still being made, which is observed
//! and not specified; this is the test that notices when it changes.
//!
//! `KILN_LAYOUTS=200 cargo test --test layouts` runs more of them, `KILN_LAYOUTS_FROM=70` starts at another one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

#[test]
fn random_layouts_resolve() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (from, count): (u64, u64) = (number("KILN_LAYOUTS_FROM", 1), number("KILN_LAYOUTS", 10));
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layouts");
    let bins = root.join("src/bin");
    let _ = std::fs::remove_dir_all(&bins);
    std::fs::create_dir_all(&bins).unwrap();
    let echo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../echo");
    let manifest = format!(
        "[package]\nname = \"layouts\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[dependencies]\n\
         kiln = {{ package = \"echo\", path = {echo:?} }}\n[workspace]\n"
    );
    std::fs::write(root.join("Cargo.toml"), manifest).unwrap();
    for seed in from..from + count {
        std::fs::write(bins.join(format!("layout_{seed}.rs")), layout(seed)).unwrap();
    }
    std::fs::write(bins.join("deep_and_wide.rs"), deep_and_wide(300)).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    // The compiler has been built in the outer target folder already, from the same versions.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
    let _ = std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"), root.join("Cargo.lock"));
    cargo.args(["check", "--quiet", "--keep-going", "--offline"]).current_dir(&root).env("CARGO_TARGET_DIR", target);
    let out = cargo.output().unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    let shown: String = errors.chars().take(4000).collect();
    assert!(out.status.success(), "in {}:\n{shown}", root.display());
}

/// A chain of calls, a ladder in which each calls the next two, and one that calls everything, each of `n` functions, within
/// the default recursion limit.
fn deep_and_wide(n: usize) -> String {
    let mut out = String::from("#![deny(warnings)]\nuse kiln::prelude::*;\nfn main() {}\n");
    let shapes: [(&str, fn(usize, usize) -> Vec<usize>); 3] = [
        ("chain", |i, n| (i + 1..n.min(i + 2)).collect()),
        ("ladder", |i, n| (i + 1..n.min(i + 3)).collect()),
        ("fan", |i, n| if i == 0 { (1..n).collect() } else { Vec::new() }),
    ];
    for (name, calls) in shapes {
        for i in 0..n {
            let option = if i == 0 { "" } else { "(inline)" };
            let calls: String = calls(i, n).iter().map(|j| format!(" + {name}{j}(x)")).collect();
            writeln!(out, "#[jit{option}] pub fn {name}{i}(x: f32) -> f32 {{ x{calls} }}").unwrap();
        }
        // The echo compiler counts items where others count operations.
        writeln!(out, "const _: () = assert!({name}0::FLOPS == {n});").unwrap();
    }
    out
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n
    }
}

/// A module: its parent, and what its text consists of, to be shuffled.
struct Module {
    parent: Option<usize>,
    path: Vec<String>,
    text: Vec<String>,
    /// Names that a glob has brought in or that are defined here.
    taken: BTreeSet<String>,
}

/// A crate in which every kernel's graph is compared, while compiling, with what the generator knows.
fn layout(seed: u64) -> String {
    let mut r = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut modules =
        vec![Module { parent: None, path: vec!["crate".into()], text: Vec::new(), taken: BTreeSet::new() }];
    for i in 0..2 + r.below(5) {
        let parent = r.below(modules.len());
        let path = [&modules[parent].path[..], &[format!("m{i}")]].concat();
        modules.push(Module { parent: Some(parent), path, text: Vec::new(), taken: BTreeSet::new() });
    }
    let n = 3 + r.below(12);
    let homes: Vec<usize> = (0..n).map(|_| r.below(modules.len())).collect();
    let mut globs: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut edges: Vec<BTreeMap<String, usize>> = Vec::new();
    for i in 0..n {
        let home = homes[i];
        let mut calls = BTreeMap::new();
        for _ in 0..r.below(4) {
            // Calls go to later functions, so that nothing is recursive.
            let j = i + 1 + r.below(n);
            if j >= n {
                continue;
            }
            let there = homes[j];
            let absolute = format!("{}::f{j}", modules[there].path.join("::"));
            if calls.values().any(|k| *k == j) {
                continue;
            }
            let third = r.below(modules.len());
            let spelled = match r.below(5) {
                _ if there == home => format!("f{j}"),
                0 => {
                    modules[home].text.push(format!("use {absolute} as alias_{i}_{j};"));
                    format!("alias_{i}_{j}")
                }
                1 if !modules[home].taken.contains(&format!("f{j}")) => {
                    modules[home].taken.insert(format!("f{j}"));
                    modules[home].text.push(format!("use {absolute};"));
                    format!("f{j}")
                }
                2 => {
                    if globs.insert((home, there)) {
                        let from = modules[there].path.join("::");
                        modules[home].text.push(format!("#[allow(unused_imports)] use {from}::*;"));
                    }
                    format!("f{j}")
                }
                3 if modules[home].parent == Some(there) => format!("super::f{j}"),
                3 if modules[there].parent == Some(home) => format!("self::m{}::f{j}", there - 1),
                4 if !modules[third].path.starts_with(&modules[there].path) => {
                    // Through a re-export in a third module. Not one inside of the function's own module: where globs
                    // lead back there, rustc warns of an "ambiguous import visibility".
                    let name = format!("shown_{i}_{j}");
                    modules[third].text.push(format!("pub(crate) use {absolute} as {name};"));
                    format!("{}::{name}", modules[third].path.join("::"))
                }
                _ => absolute,
            };
            calls.insert(spelled, j);
        }
        edges.push(calls);
    }
    let mut checks = Vec::new();
    for i in 0..n {
        let kernel = i == 0 || r.below(3) > 0;
        let option = if kernel { "" } else { "(inline)" };
        let calls: String = edges[i].keys().fold(String::from("x"), |x, path| format!("{path}({x})"));
        modules[homes[i]].text.push(format!("#[jit{option}] pub(crate) fn f{i}(x: f32) -> f32 {{ {calls} }}"));
        if kernel {
            let graph = expected(i, &edges);
            checks
                .push(format!("const _: () = same({}::f{i}::GRAPH, \"{graph}\");", modules[homes[i]].path.join("::")));
        }
    }
    for module in &mut modules {
        for i in (1..module.text.len()).rev() {
            module.text.swap(i, r.below(i + 1));
        }
    }
    let mut out = String::from(
        "#![deny(warnings)]\n#![allow(unused_imports)]\nfn main() {}\n\
         const fn same(a: &str, b: &str) {\n    let (a, b) = (a.as_bytes(), b.as_bytes());\n    assert!(a.len() == b.len());\n    \
         let mut i = 0;\n    while i < a.len() {\n        assert!(a[i] == b[i]);\n        i += 1;\n    }\n}\n",
    );
    render(&modules, 0, &mut r, &mut out);
    checks.iter().for_each(|check| writeln!(out, "{check}").unwrap());
    out
}

fn render(modules: &[Module], this: usize, r: &mut Random, out: &mut String) {
    let children: Vec<usize> = (0..modules.len()).filter(|c| modules[*c].parent == Some(this)).collect();
    let early = r.below(2) == 0;
    out.push_str("use kiln::prelude::*;\n");
    let nested = |r: &mut Random, out: &mut String| {
        for child in &children {
            writeln!(out, "pub mod m{} {{", child - 1).unwrap();
            render(modules, *child, r, out);
            out.push_str("}\n");
        }
    };
    if early {
        nested(r, out);
    }
    modules[this].text.iter().for_each(|line| writeln!(out, "{line}").unwrap());
    if !early {
        nested(r, out);
    }
}

/// What the echo compiler says about the kernel of function `i`.
fn expected(i: usize, edges: &[BTreeMap<String, usize>]) -> String {
    let (mut seen, mut queue) = (BTreeSet::from([i]), vec![i]);
    while let Some(k) = queue.pop() {
        queue.extend(edges[k].values().filter(|j| seen.insert(**j)));
    }
    let lines: BTreeSet<String> = seen
        .iter()
        .map(|k| {
            let paths: Vec<String> = edges[*k].iter().map(|(path, j)| format!("{path}=f{j}")).collect();
            format!("{}f{k} [{}]", if *k == i { "*" } else { "" }, paths.join(" "))
        })
        .collect();
    lines.into_iter().collect::<Vec<_>>().join("; ")
}
