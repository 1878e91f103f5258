//! Every transformation of every transformation, three deep, of every kind of program.
//!
//! A program and a transformed program are functions of one type, `[f64; 3]` to `[f64; 3]`, so that any transformation
//! applies to any other. A cell of the matrix is a program under a stack of transformations. It is held against the
//! function one transformation below it, by a way that shares nothing with the rules: derivatives against differences,
//! `vmap` and loops against calls one by one. What a cell refuses must stand in the book.
//!
//! `cargo test` takes every transformation of every transformation, each of one program, and a sample of what is three
//! deep. `KILN_CLOSURE=all`, as `cargo xtask test` sets it, takes every pair of every program and everything three deep.

// The tests share it; each needs a part.
#[allow(dead_code)]
mod common;
#[path = "closure/matrix.rs"]
mod matrix;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use kiln_codegen::array::Array;
use kiln_codegen::graph::Graph;
use kiln_codegen::{eval, passes};
use matrix::{Against, Outcome, PROGRAMS, TRANSFORMATIONS, W, transformation};

/// Where cells are looked at; a cell is wrong if it is wrong everywhere, since differences across a kink say nothing.
const POINTS: [[f64; 3]; 3] = [[0.63, -0.41, 0.27], [-0.35, 0.52, 0.71], [0.18, 0.83, -0.56]];

/// Threads: tracing and evaluating share nothing.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn call(graph: &Graph, x: &[f64]) -> Vec<f64> {
    eval::eval(graph, &[Array::f64(&[3], x)])[0].to_f64s()
}

/// Central differences of sixth order: row `i` of the Jacobian belongs to result `i`.
fn jacobian(f: &dyn Fn(&[f64]) -> Vec<f64>, x: &[f64], h: f64) -> Vec<Vec<f64>> {
    let mut rows = vec![vec![0.0; 3]; 3];
    for j in 0..3 {
        for (n, weight) in [(1.0, 45.0), (2.0, -9.0), (3.0, 1.0)] {
            for sign in [1.0, -1.0] {
                let mut moved = x.to_vec();
                moved[j] += sign * n * h;
                for (row, y) in rows.iter_mut().zip(f(&moved)) {
                    row[j] += sign * weight * y / (60.0 * h);
                }
            }
        }
    }
    rows
}

/// Steps of differences: one loses few digits, the other meets fewer kinks.
const STEPS: [f64; 2] = [2e-3, 1e-4];

/// The function below a cell.
struct Below<'a> {
    graph: &'a Graph,
    /// The step of its differences.
    h: f64,
    /// The gradient of its weighed sum, a cell of its own.
    grad: Option<&'a Graph>,
}

fn scaled(x: &[f64], by: f64) -> Vec<f64> {
    x.iter().map(|x| x * by).collect()
}

fn zip(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect()
}

impl Below<'_> {
    fn call(&self, x: &[f64]) -> Vec<f64> {
        call(self.graph, x)
    }

    /// `J v`.
    fn push(&self, x: &[f64], v: &[f64]) -> Vec<f64> {
        let j = jacobian(&|x| self.call(x), x, self.h);
        j.iter().map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum()).collect()
    }

    /// `w J`.
    fn pull(&self, x: &[f64]) -> Vec<f64> {
        let j = jacobian(&|x| self.call(x), x, self.h);
        (0..3).map(|k| (0..3).map(|i| W[i] * j[i][k]).sum()).collect()
    }

    /// The weighed sum.
    fn value(&self, x: &[f64]) -> f64 {
        self.call(x).iter().zip(W).map(|(y, w)| y * w).sum()
    }

    /// What `against` says a transformation of this function yields at `x`.
    fn expected(&self, against: Against, x: &[f64]) -> Vec<f64> {
        match against {
            Against::Itself => self.call(x),
            Against::Push => self.push(x, &W),
            Against::Pull => self.pull(x),
            Against::ValueTimesPull => scaled(&self.pull(x), self.value(x)),
            Against::PullAndValue => zip(&self.pull(x), &self.call(x), |g, y| g + 0.5 * y),
            Against::PushBoth => zip(&self.push(x, &W), &self.push(x, &self.call(x)), |a, b| a + b),
            Against::SecondOrder => {
                let grad = self.grad.expect("a cell of its own");
                let h = jacobian(&|x| call(grad, x), x, self.h);
                h.iter().map(|row| row.iter().zip(W).map(|(a, b)| a * b).sum()).collect()
            }
            Against::Calls(f) => f(&|x| self.call(x), x),
        }
    }
}

/// Within the error of differences; what overflows does so on both sides.
fn close(found: &[f64], want: &[f64]) -> bool {
    let scale = want.iter().filter(|x| x.is_finite()).fold(1.0, |m: f64, x| m.max(x.abs()));
    let same = |a: f64, b: f64| a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 2e-6 * scale;
    found.len() == want.len() && found.iter().zip(want).all(|(a, b)| same(*a, *b))
}

/// What came of the cells of one program.
#[derive(Default)]
struct Found {
    cells: usize,
    wrong: Vec<String>,
    refused: BTreeMap<String, BTreeSet<String>>,
}

struct Cells<'a> {
    program: &'a str,
    traced: BTreeMap<Vec<usize>, Outcome>,
    found: Found,
}

impl Cells<'_> {
    fn graph(&mut self, stack: &[usize]) -> &Outcome {
        let program = self.program;
        self.traced.entry(stack.to_vec()).or_insert_with(|| {
            let names: Vec<&str> = stack.iter().map(|n| TRANSFORMATIONS[*n].name).collect();
            matrix::trace(program, &names)
        })
    }

    /// Checks one cell; `stack` names the innermost transformation first.
    fn check(&mut self, stack: &[usize]) {
        self.found.cells += 1;
        let names: Vec<&str> = stack.iter().rev().map(|n| TRANSFORMATIONS[*n].name).collect();
        let title = format!("{} of {}", names.join(" of "), self.program);
        let (below, top) = stack.split_at(stack.len() - 1);
        let against = TRANSFORMATIONS[top[0]].against;
        let of_grad = [below, &[transformation("grad")]].concat();
        self.graph(stack);
        self.graph(below);
        if matches!(against, Against::SecondOrder) {
            self.graph(&of_grad);
        }
        let graph = match &self.traced[stack] {
            Outcome::Done(g) => g,
            Outcome::Refused(message) => {
                self.found.refused.entry(message.clone()).or_default().insert(title);
                return;
            }
        };
        let Outcome::Done(inner) = &self.traced[below] else {
            self.found.wrong.push(format!("{title}: works, and what it transforms does not"));
            return;
        };
        let grad = match self.traced.get(&of_grad) {
            Some(Outcome::Done(g)) => Some(g),
            _ => None,
        };
        if matches!(against, Against::SecondOrder) && grad.is_none() {
            self.found.wrong.push(format!("{title}: works, and the gradient does not"));
            return;
        }
        let mut differences = String::new();
        for x in POINTS {
            let found = call(graph, &x);
            if stack.len() < 3 {
                let optimised = call(&passes::optimise(graph), &x);
                if optimised.iter().zip(&found).any(|(a, b)| a.to_bits() != b.to_bits()) {
                    let _ = write!(differences, "\n  optimised {optimised:?}, not {found:?}");
                    break;
                }
            }
            let want = |h| Below { graph: inner, h, grad }.expected(against, &x);
            if STEPS.iter().any(|h| close(&found, &want(*h))) {
                return;
            }
            let _ = write!(differences, "\n  at {x:?} {found:?}, expected {:?}", STEPS.map(want));
        }
        self.found.wrong.push(format!("{title}{differences}"));
    }
}

/// Which cells a program is looked at in.
fn stacks(n_program: usize, all: bool) -> Vec<Vec<usize>> {
    let n = TRANSFORMATIONS.len();
    // Sums of digits spread the programs over rows and columns alike.
    let digits = |k: usize| k + k / n + k / (n * n);
    let mut out: Vec<Vec<usize>> = (0..n).map(|a| vec![a]).collect();
    let every = if all { 1 } else { PROGRAMS.len() };
    let pairs = (0..n * n).filter(|k| digits(*k) % every == n_program % every);
    out.extend(pairs.map(|k| vec![k / n, k % n]));
    // Three deep: the programs together meet all stacks.
    let every = if all { PROGRAMS.len() } else { PROGRAMS.len() * 80 };
    let deep = (0..n * n * n).filter(|k| digits(*k) % every == n_program);
    out.extend(deep.map(|k| vec![k / (n * n), k / n % n, k % n]));
    out
}

/// The refusals that the book lists: messages between backquotes and bars in its table.
fn refusals_in_the_book() -> BTreeSet<String> {
    let text = include_str!("../../book/src/transformations.md");
    let table = text.split("## What is refused").nth(1).expect("the book lists refusals");
    let rows = table.lines().filter(|l| l.starts_with("| ")).skip(1);
    rows.filter_map(|l| Some(l.split(" | ").nth(1)?.trim_end_matches(" |").trim().to_string())).collect()
}

#[test]
fn every_transformation_of_every_transformation() {
    let all = std::env::var("KILN_CLOSURE").is_ok_and(|v| v == "all");
    let only = std::env::var("KILN_PROGRAM").ok();
    // The last ones take longest, and are begun first.
    let work: Vec<(usize, &str)> = PROGRAMS
        .iter()
        .enumerate()
        .rev()
        .map(|(n, p)| (n, p.name))
        .filter(|(_, p)| only.as_deref().is_none_or(|o| o == *p))
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        while let Some((n, program)) = work.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            let start = std::time::Instant::now();
            let mut cells = Cells { program, traced: BTreeMap::new(), found: Found::default() };
            for stack in stacks(*n, all) {
                cells.check(&stack);
                // What is three deep is read once.
                cells.traced.retain(|stack, _| stack.len() < 3);
            }
            println!("{program}: {} cells, {:.1} s", cells.found.cells, start.elapsed().as_secs_f64());
            done.push(cells.found);
        }
        done
    };
    let mut total = Found::default();
    std::thread::scope(|s| {
        let spawn = || std::thread::Builder::new().stack_size(256 << 20).spawn_scoped(s, run).expect("a thread");
        let workers: Vec<_> = (0..threads()).map(|_| spawn()).collect();
        for found in workers.into_iter().flat_map(|w| w.join().expect("no panic")) {
            total.cells += found.cells;
            total.wrong.extend(found.wrong);
            for (message, cells) in found.refused {
                total.refused.entry(message).or_default().extend(cells);
            }
        }
    });
    let n_refused: usize = total.refused.values().map(BTreeSet::len).sum();
    println!("{} cells, {n_refused} refused, {} wrong", total.cells, total.wrong.len());
    let listed = refusals_in_the_book();
    let mut text = String::new();
    for (message, cells) in &total.refused {
        if !listed.contains(message.lines().next().unwrap_or("")) {
            let first: Vec<&String> = cells.iter().take(3).collect();
            let _ = writeln!(
                text,
                "{} cells are refused, which the book does not list: {message}\n  {first:?}",
                cells.len()
            );
        }
    }
    if only.is_none() {
        for message in listed.iter().filter(|l| !total.refused.keys().any(|m| m.starts_with(l.as_str()))) {
            let _ = writeln!(text, "the book lists what no cell is refused with: {message}");
        }
    }
    let few: Vec<&String> = total.wrong.iter().take(20).collect();
    for wrong in &few {
        let _ = writeln!(text, "{wrong}");
    }
    assert!(text.is_empty(), "{} of {} cells are wrong\n{text}", total.wrong.len(), total.cells);
}

/// A line of `closure/compositions.txt`: a program, transformations, the innermost first, `->`, what JAX yields.
#[test]
fn compositions_have_the_values_of_jax() {
    let text = include_str!("closure/compositions.txt");
    let work = move || {
        let mut wrong = String::new();
        let mut used = BTreeSet::new();
        let mut n = 0;
        for line in text.lines() {
            let (names, values) = line.split_once(" -> ").expect("values");
            let mut names = names.split(' ');
            let program = names.next().expect("a program");
            let stack: Vec<&str> = names.collect();
            used.insert(program);
            used.extend(&stack);
            n += 1;
            let want: Vec<f64> = values.split(' ').map(|v| v.parse().expect("a number")).collect();
            let found = match matrix::trace(program, &stack) {
                Outcome::Done(graph) => call(&graph, &POINTS[0]),
                Outcome::Refused(message) => {
                    let _ = writeln!(wrong, "{line}\n  {message}");
                    continue;
                }
            };
            let scale = want.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
            if found.iter().zip(&want).any(|(a, b)| (a - b).abs().is_nan() || (a - b).abs() > 1e-12 * scale) {
                let _ = writeln!(wrong, "{line}\n  found {found:?}");
            }
        }
        assert!(n >= 300, "{n} compositions");
        let all = PROGRAMS.iter().map(|p| p.name).chain(TRANSFORMATIONS.iter().map(|t| t.name));
        let missing: Vec<&str> = all.filter(|name| !used.contains(name)).collect();
        assert!(missing.is_empty(), "no composition uses {missing:?}");
        assert!(wrong.is_empty(), "of {n} compositions these differ from JAX:\n{wrong}");
        println!("{n} compositions have the values of JAX");
    };
    std::thread::Builder::new().stack_size(256 << 20).spawn(work).expect("a thread").join().expect("no case differs");
}
