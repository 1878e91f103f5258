//! Whole programs through the tracer, without rustc in the loop.

use kiln_codegen::compile::{Entry, parse_items, trace_entry};
pub use kiln_codegen::unit::of_source as unit;

/// A message at a stretch of source; lines from 1, columns from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported {
    /// All of it.
    pub text: String,
    /// Line and column of the first character.
    pub start: (usize, usize),
    /// Line and column behind the last character.
    pub end: (usize, usize),
}

/// What tracing the last function of `source` reports, in order of place.
pub fn traced(source: &str) -> Vec<Reported> {
    let source = source.to_string();
    // Tracing recurses as deep as expressions nest.
    let work = move || {
        let unit = unit(&source).expect("a program");
        let (items, spans) = parse_items(&unit);
        let at = |sp, text: String| {
            let (first, last) = spans.tokens(sp);
            let (a, b) = (first.start(), last.end());
            Reported { text, start: (a.line, a.column), end: (b.line, b.column) }
        };
        let mut out: Vec<Reported> = match trace_entry(&items, &spans.map(), &unit.entry) {
            Entry::Done(_) => Vec::new(),
            // Nothing is called here: every body is there.
            Entry::NeedBodies(_) => Vec::new(),
            Entry::Errors(diags) => diags.iter().map(|d| at(d.sp, d.text())).collect(),
            // In a crate this asks rustc for the method, which says that there is none.
            Entry::NeedMethods(methods) => methods
                .iter()
                .map(|(owner, name, sp)| at(*sp, format!("rustc is asked for `{owner}::{name}`")))
                .collect(),
        };
        out.sort_by_key(|r| r.start);
        out
    };
    std::thread::Builder::new().stack_size(64 << 20).spawn(work).expect("a thread").join().expect("no panic")
}
