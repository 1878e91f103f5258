//! The functions of the library against JAX: `tests/names/*.txt` holds expressions, their inputs and what JAX makes of them.
//!
//! A case is an expression after `==`, its parameters with dtype, shape and elements, and after `->` a tolerance (relative to
//! the largest magnitude of the result; 0 asks for equality) and the expected results. `tests/names/cases.py` writes the
//! tables. A case goes from its source through the tracer and the optimiser to the evaluator of graphs.

// The tests share it; each needs a part.
#[allow(dead_code)]
mod common;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use kiln_codegen::array::Array;
use kiln_codegen::compile::{Entry, parse_items, trace_entry};
use kiln_codegen::dtype::{DType, Scalar};
use kiln_codegen::graph::Aval;
use kiln_codegen::{eval, library, passes};

struct Case {
    text: String,
    inputs: Vec<(String, Array)>,
    expected: Vec<(f64, Array)>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/names")
}

/// `f32[3] 1.0 2.0 3.0`.
fn array(text: &str) -> Array {
    let (ty, data) = text.split_once(' ').unwrap_or((text, ""));
    let (dtype, shape) = ty.trim_end_matches(']').split_once('[').expect("a type");
    let dtype = DType::from_name(dtype).expect("a dtype");
    let shape: Vec<usize> = shape.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().expect("an extent")).collect();
    let data = data.split_whitespace().map(|x| Scalar::parse(dtype, x).unwrap_or_else(|| panic!("{x}"))).collect();
    Array::new(Aval::new(dtype, &shape), data)
}

fn cases(table: &str) -> Vec<Case> {
    let path = folder().join(format!("{table}.txt"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut out: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(text) = line.strip_prefix("== ") {
            out.push(Case { text: text.into(), inputs: Vec::new(), expected: Vec::new() });
            continue;
        }
        let (name, rest) = line.split_once(' ').expect("a name");
        let case = out.last_mut().expect("a title first");
        match name {
            "->" => {
                let (tolerance, rest) = rest.split_once(' ').expect("a tolerance");
                case.expected.push((tolerance.parse().expect("a tolerance"), array(rest)));
            }
            _ => case.inputs.push((name.into(), array(rest))),
        }
    }
    out
}

/// `[[f32; 4]; 3]`.
fn rust_type(a: &Aval) -> String {
    kiln_codegen::trace::types::rust_type(a)
}

fn run(case: &Case) -> Result<Vec<Array>, String> {
    let params: Vec<String> = case.inputs.iter().map(|(n, a)| format!("{n}: &{}", rust_type(a.aval()))).collect();
    let types: Vec<String> = case.expected.iter().map(|(_, a)| rust_type(a.aval())).collect();
    let ret = if types.len() == 1 { types[0].clone() } else { format!("({})", types.join(", ")) };
    let source = format!("fn f({}) -> {ret} {{ {} }}", params.join(", "), case.text);
    let unit = common::unit(&source).map_err(|e| e.to_string())?;
    let (items, spans) = parse_items(&unit);
    let traced = match trace_entry(&items, &spans.map(), &unit.entry) {
        Entry::Done(t) => t,
        Entry::Errors(diags) => return Err(diags.iter().map(|d| d.text()).collect::<Vec<_>>().join("\n")),
        Entry::NeedBodies(m) => return Err(format!("bodies are missing: {m:?}")),
        Entry::NeedMethods(m) => return Err(format!("methods are missing: {m:?}")),
    };
    let args: Vec<Array> = case.inputs.iter().map(|(_, a)| a.clone()).collect();
    let plain = eval::eval(&traced.graph, &args);
    let optimised = eval::eval(&passes::optimise(&traced.graph), &args);
    // There is one NaN: its bits are canonical wherever they can be seen.
    let nan = |x: &Scalar| x.dtype().is_float() && x.to_f64().is_nan();
    let equal = |(a, b): (&Scalar, &Scalar)| a == b || nan(a) && nan(b);
    let same = |(a, b): (&Array, &Array)| a.aval() == b.aval() && a.data().iter().zip(b.data()).all(equal);
    if plain.len() != optimised.len() || !plain.iter().zip(&optimised).all(same) {
        return Err(format!("the optimiser changes the result:\n{}", show(&plain, &optimised)));
    }
    Ok(plain)
}

fn show(a: &[Array], b: &[Array]) -> String {
    let list = |all: &[Array]| all.iter().map(|x| format!("  {x}\n")).collect::<String>();
    format!("{}expected\n{}", list(a), list(b))
}

/// Whether the numbers agree: NaN with NaN, infinities with themselves, others within the tolerance.
fn agree(found: &Array, want: &Array, tolerance: f64) -> bool {
    if found.aval() != want.aval() {
        return false;
    }
    let parts = |s: &Scalar| match s {
        Scalar::C64(z) => [z.re as f64, z.im as f64],
        Scalar::C128(z) => [z.re, z.im],
        s => [s.to_f64(), 0.0],
    };
    let scale = want.data().iter().flat_map(parts).filter(|x| x.is_finite()).fold(0.0, |m: f64, x| m.max(x.abs()));
    found.data().iter().zip(want.data()).all(|(a, b)| {
        parts(a).iter().zip(parts(b)).all(|(a, b)| {
            (a.is_nan() && b.is_nan()) || *a == b || (a - b).abs() <= tolerance * scale.min(b.abs() * 8.0 + 1.0)
        })
    })
}

fn check(table: &'static str) {
    let work = move || {
        let mut wrong = String::new();
        let (mut n, mut bad) = (0, 0);
        for case in cases(table) {
            n += 1;
            let inputs = || case.inputs.iter().map(|(n, a)| format!("  {n}: {a}\n")).collect::<String>();
            let outcome = match run(&case) {
                Err(e) => Some(e),
                Ok(found) => {
                    let want: Vec<Array> = case.expected.iter().map(|(_, a)| a.clone()).collect();
                    let same = found.len() == want.len()
                        && found.iter().zip(&case.expected).all(|(f, (t, w))| agree(f, w, *t));
                    (!same).then(|| format!("{}found\n{}", inputs(), show(&found, &want)))
                }
            };
            if let Some(text) = outcome {
                bad += 1;
                let _ = writeln!(wrong, "== {}\n{text}", case.text);
            }
        }
        assert!(n > 0, "{table} has no cases");
        assert!(wrong.is_empty(), "{bad} of {n} cases of {table} differ from JAX\n{wrong}");
    };
    // Tracing recurses as deep as expressions nest.
    std::thread::Builder::new().stack_size(64 << 20).spawn(work).expect("a thread").join().expect("no case differs");
}

macro_rules! tables {
    ($($name:ident),+) => {
        $( #[test] fn $name() { check(stringify!($name)); } )+
        const TABLES: &[&str] = &[$(stringify!($name)),+];
    };
}

tables!(
    edges,
    more,
    random,
    linalg,
    special,
    fft,
    elementwise,
    statistics,
    arrays,
    searching,
    products,
    windows,
    lax,
    nn,
    compositions,
    programs,
    sparse,
    usage
);

/// Names that stand in front of a parenthesis, or are passed on, in the text of a case.
fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    for ch in text.chars().chain([' ']) {
        if ch.is_alphanumeric() || ch == '_' || ch == ':' {
            word.push(ch);
        } else if !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
    }
    out
}

#[test]
fn every_name_has_a_case() {
    let pages = library::pages();
    let known: BTreeSet<&str> = pages.iter().flat_map(|p| &p.names).map(String::as_str).collect();
    let mut used: BTreeSet<String> = TABLES.iter().flat_map(|t| cases(t)).flat_map(|c| words(&c.text)).collect();
    // `lax::dot_general` is `dot_general`, unless both stand in the list.
    let short: Vec<String> = used
        .iter()
        .filter(|w| !known.contains(w.as_str()))
        .filter_map(|w| Some(w.rsplit_once("::")?.1.to_string()))
        .collect();
    used.extend(short);
    let mut missing = Vec::new();
    for page in pages.iter().filter(|p| p.title.starts_with("Arrays")) {
        missing.extend(page.names.iter().filter(|n| !used.contains(*n)).cloned());
    }
    assert!(missing.is_empty(), "no case of tests/names uses {}", missing.join(", "));
}

/// Rows of the book: what is differentiated, where, and the derivative.
#[test]
fn the_book_tables_the_edges() {
    let book = include_str!("../../book/src/transformations.md");
    let numbers = |x: &Array| {
        let text = |v: &Scalar| format!("{}", v.to_f64()).replace("inf", "∞");
        let all: Vec<String> = x.data().iter().map(text).collect();
        all.join(", ")
    };
    let row = |c: &Case| {
        let f = c.text.trim_start_matches("grad(").trim_end_matches(")(x)").replace('|', "\\|");
        format!("| `{f}` | {} | {} |", numbers(&c.inputs[0].1), numbers(&c.expected[0].1))
    };
    let rows: Vec<String> = cases("edges").iter().map(row).collect();
    let missing: Vec<&String> = rows.iter().filter(|r| !book.contains(*r)).collect();
    assert!(missing.is_empty(), "the book's page on transformations lacks\n{missing:#?}");
}
