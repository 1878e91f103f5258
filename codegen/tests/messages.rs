//! The messages users see, without rustc in the loop: `tests/messages/*.txt` holds programs and what is said about them.
//!
//! A case is a title after `==`, a program, and after `--` the messages in order of appearance, each with the line it is about
//! and a caret below the token that is blamed. `UPDATE_EXPECT=1 cargo test -p kiln-codegen --test messages` rewrites the
//! files; read the difference like code.

mod common;

use std::fmt::Write;

use common::{Reported, traced};

/// One program and what is said about it.
struct Case {
    title: String,
    source: String,
    expected: String,
}

fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut in_messages = false;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("== ") {
            cases.push(Case { title: title.into(), source: String::new(), expected: String::new() });
            in_messages = false;
        } else if line == "--" {
            in_messages = true;
        } else if let Some(case) = cases.last_mut() {
            let part = if in_messages { &mut case.expected } else { &mut case.source };
            part.push_str(line);
            part.push('\n');
        }
    }
    for case in &mut cases {
        case.expected.truncate(case.expected.trim_end().len());
    }
    cases
}

fn print(cases: &[Case]) -> String {
    let mut out = String::new();
    for (n, c) in cases.iter().enumerate() {
        let gap = if n == 0 { "" } else { "\n" };
        let _ = write!(out, "{gap}== {}\n{}--\n{}\n", c.title, c.source, c.expected);
    }
    out
}

/// Messages in the shape that rustc gives them: the text, the line, the caret.
fn show(source: &str, reported: &[Reported]) -> String {
    if reported.is_empty() {
        return "(compiles)".into();
    }
    let lines: Vec<&str> = source.lines().collect();
    let mut out = String::new();
    for r in reported {
        let _ = writeln!(out, "error: {}", r.text);
        match lines.get(r.start.0.wrapping_sub(1)) {
            None => out.push_str("  (nowhere)\n"),
            Some(line) => {
                let end = if r.end.0 == r.start.0 { r.end.1 } else { line.chars().count() };
                let caret = "^".repeat(end.saturating_sub(r.start.1).max(1));
                let _ = writeln!(out, "{:3} | {line}\n    | {}{caret}", r.start.0, " ".repeat(r.start.1));
            }
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn check(file: &str, said: fn(&str) -> String) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages").join(file);
    let text = std::fs::read_to_string(&path).expect("the table is there");
    let mut cases = parse(&text);
    assert!(!cases.is_empty(), "{file} has no cases");
    let mut wrong = String::new();
    for case in &mut cases {
        let found = said(&case.source);
        if found != case.expected {
            let _ = writeln!(wrong, "== {}\n{}--\n{}\nfound:\n{found}\n", case.title, case.source, case.expected);
            case.expected = found;
        }
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, print(&cases)).expect("the table can be written");
    } else {
        assert!(wrong.is_empty(), "{wrong}");
        assert_eq!(print(&cases), text, "{file} is not laid out as `UPDATE_EXPECT=1` writes it");
    }
}

macro_rules! tables {
    ($($name:ident),+) => { $(
        #[test]
        fn $name() {
            check(concat!(stringify!($name), ".txt"), |source| show(source, &traced(source)));
        }
    )+ };
}

tables!(
    products,
    windows,
    lax,
    numbers,
    shapes,
    dtypes,
    names,
    calls,
    structure,
    indexing,
    control,
    transforms,
    forms,
    refused,
    independent,
    checks,
    slips
);

/// What the rules of primitives refuse. Programs cannot get there: the functions that bind primitives look first, and have
/// better words.
#[test]
fn rules() {
    check("rules.txt", |graph| match kiln_codegen::text::parse(graph) {
        Ok(_) => "(is accepted)".into(),
        Err(why) => format!("error: {why}"),
    });
}

/// The same title twice would make a failure hard to find.
#[test]
fn titles_are_unique_and_there_are_many() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages");
    let mut titles = Vec::new();
    for entry in std::fs::read_dir(dir).expect("the folder is there") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("text");
        titles.extend(parse(&text).into_iter().map(|c| c.title));
    }
    let n = titles.len();
    titles.sort();
    titles.dedup();
    assert_eq!(titles.len(), n, "a title is used twice");
    assert!(n >= 80, "{n} cases");
}
