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
        let mut unit = unit(&source).expect("a program");
        // In a crate the front end looks for the methods that are not here; of one text there is no doubt.
        let (mut items, mut spans) = parse_items(&unit);
        while let Entry::NeedMethods(methods) = trace_entry(&items, &spans.map(), &unit.entry) {
            for (owner, name, _) in methods {
                let of = format!("{owner}::");
                let known = unit.items.keys().filter_map(|id| Some(id.strip_prefix(&of)?.to_owned())).collect();
                unit.absent.insert((owner, name), known);
            }
            (items, spans) = parse_items(&unit);
        }
        let at = |sp, text: String| {
            let (first, last) = spans.tokens(sp);
            let (a, b) = (first.start(), last.end());
            Reported { text, start: (a.line, a.column), end: (b.line, b.column) }
        };
        let mut out: Vec<Reported> = match trace_entry(&items, &spans.map(), &unit.entry) {
            Entry::Done(_) => Vec::new(),
            // Nothing is called here, and every method was looked for: every body is there.
            Entry::NeedBodies(_) | Entry::NeedMethods(_) => Vec::new(),
            Entry::Errors(diags) => diags.iter().map(|d| at(d.sp, d.text())).collect(),
        };
        out.sort_by_key(|r| r.start);
        out
    };
    std::thread::Builder::new().stack_size(64 << 20).spawn(work).expect("a thread").join().expect("no panic")
}
