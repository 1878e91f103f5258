//! Everything that the compiler can say to a user is said in some test: each sentence in the source that goes into a message
//! is found in a table of messages, in what rustc shows for a case of `tests/ui` or `tests/frontend`, or in a test of a rule.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};

/// What makes a message: the functions that take its text.
const MAKERS: &[&str] =
    &["Diag::at", "OpError::new", "Error::new", "Error::new_spanned", "refuse", "err", "err_help", "help"];

/// Files whose messages are for those who work on Kiln: the text form of graphs, the verifier, the laws of primitives.
const INSIDE: &[&str] = &["text.rs", "schedule/verify.rs", "ops/laws.rs", "frontend/mod.rs", "unit.rs"];

/// What is said where nothing a user writes leads to: a rule or the library asks again what the tracer has made sure of.
/// Should one of these be reached after all, a message is better than a panic.
const NEVER: &[&str] = &[
    "this leaves nothing",
    "this function could not be traced",
    "this cannot be done",
    "` .. ` is not implemented",
    "a slice needs an axis",
    "`sort` of nothing",
    "`sort` without keys",
    "there is only one element",
    "the solver yields a vector of another type than the right-hand side",
    "`qr` of a tall matrix has no derivative with a square `q`: ask for the reduced form",
    "reverse mode needs to know how often `while` may run: write `#[bound(N)] while ..`",
    "this range is not static",
    "the types of what `scan` carries do not settle",
    "a key has two words",
    "there is no argument",
    "a shape is static, found",
    "this function takes .. , found",
    "a branch yields .. , whose items have several types",
    "the types of the variables that this loop changes do not settle",
    "give them their final dtype and shape before the loop",
    "`checkpoint` needs arguments",
    "this function cannot be called",
    "has no part",
    "the body of ` .. ` is not here",
];

/// A sentence: where it stands, and its parts around what is filled in.
struct Sentence {
    place: String,
    parts: Vec<String>,
}

struct Sentences<'a> {
    file: &'a str,
    found: Vec<Sentence>,
}

fn is_test(attrs: &[syn::Attribute]) -> bool {
    attrs
        .iter()
        .any(|a| a.path().is_ident("test") || a.to_token_stream().to_string().replace(' ', "").contains("cfg(test)"))
}

impl Sentences<'_> {
    /// The sentences among some tokens; what is a single word is a name, or completes a sentence that stands elsewhere.
    fn read(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(g) => self.read(g.stream()),
                TokenTree::Literal(l) => {
                    let line = l.span().start().line;
                    let Ok(text) = syn::parse2::<syn::LitStr>(TokenTree::Literal(l).into()) else { continue };
                    let parts = parts(&text.value());
                    if parts.iter().map(|p| p.split_whitespace().count()).sum::<usize>() > 2 {
                        self.found.push(Sentence { place: format!("{}:{line}", self.file), parts });
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Sentences<'_> {
    fn visit_item_mod(&mut self, m: &'ast syn::ItemMod) {
        if !is_test(&m.attrs) {
            visit::visit_item_mod(self, m);
        }
    }

    fn visit_item_fn(&mut self, f: &'ast syn::ItemFn) {
        if !is_test(&f.attrs) {
            visit::visit_item_fn(self, f);
        }
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let name = call.func.to_token_stream().to_string().replace(' ', "");
        match MAKERS.iter().any(|m| name == *m || name.ends_with(&format!("::{m}"))) {
            true => self.read(call.args.to_token_stream()),
            false => visit::visit_expr_call(self, call),
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "help" {
            self.read(call.args.to_token_stream());
        }
        visit::visit_expr_method_call(self, call);
    }
}

/// The parts of a format string around what is filled in, blanks made one.
fn parts(text: &str) -> Vec<String> {
    let text = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut out = Vec::new();
    for (n, piece) in text.split('{').enumerate() {
        let piece = if n == 0 { piece } else { piece.split_once('}').map_or("", |(_, rest)| rest) };
        let piece = piece.replace('\u{1}', "{").replace('\u{2}', "}");
        out.push(piece.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    out.retain(|p| !p.is_empty());
    out
}

/// Whether the parts stand in `text` in order, close to each other.
fn says(text: &str, parts: &[String]) -> bool {
    let Some((first, rest)) = parts.split_first() else { return true };
    text.match_indices(first.as_str()).any(|(at, _)| {
        let mut tail = &text[at + first.len()..];
        rest.iter().all(|part| match tail.find(part.as_str()) {
            Some(n) if n < 160 => {
                tail = &tail[n + part.len()..];
                true
            }
            _ => false,
        })
    })
}

/// The messages that tests expect.
fn expected(path: &Path, out: &mut Vec<String>) {
    if path.is_dir() {
        let entries: BTreeSet<_> =
            std::fs::read_dir(path).expect("a folder").map(|e| e.expect("an entry").path()).collect();
        entries.iter().filter(|p| !p.ends_with("target")).for_each(|p| expected(p, out));
        return;
    }
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = || std::fs::read_to_string(path).expect("text");
    match path.extension().and_then(|e| e.to_str()) {
        Some("stderr") => out.push(one_line(&text().replace("\n  |", "\n").replace(" = note:", " "))),
        Some("txt") => {
            out.extend(text().split("\n== ").filter_map(|case| Some(one_line(case.split_once("\n--\n")?.1))))
        }
        Some("rs") => {
            let file = syn::parse_file(&text()).expect("a file of Rust");
            let mut strings = Strings(Vec::new());
            let is_test = |item: &&syn::Item| match item {
                syn::Item::Fn(f) => is_test(&f.attrs),
                syn::Item::Mod(m) => is_test(&m.attrs),
                _ => false,
            };
            file.items.iter().filter(is_test).for_each(|item| strings.read(item.to_token_stream()));
            out.extend(strings.0.iter().map(|s| one_line(s)));
        }
        _ => {}
    }
}

struct Strings(Vec<String>);

impl Strings {
    fn read(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(g) => self.read(g.stream()),
                token => self.0.extend(syn::parse2::<syn::LitStr>(token.into()).map(|s| s.value())),
            }
        }
    }
}

#[test]
fn every_sentence_is_said_in_some_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut heard = Vec::new();
    for folder in ["tests/messages", "src", "../tests/ui/cases", "../tests/frontend/app/ui"] {
        expected(&root.join(folder), &mut heard);
    }
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let mut n = 0;
    let mut silent = Vec::new();
    for path in &files {
        let file = path.strip_prefix(root.join("src")).expect("below").to_str().expect("a name").to_owned();
        if INSIDE.contains(&file.as_str()) {
            continue;
        }
        let parsed = syn::parse_file(&std::fs::read_to_string(path).expect("text")).expect("a file of Rust");
        let mut sentences = Sentences { file: &file, found: Vec::new() };
        sentences.visit_file(&parsed);
        n += sentences.found.len();
        let never = sentences.found.into_iter().filter(|s| !heard.iter().any(|text| says(text, &s.parts)));
        let never =
            never.map(|s| (s.place, s.parts.join(" .. "))).filter(|(_, text)| !NEVER.iter().any(|known| known == text));
        silent.extend(never.map(|(place, text)| format!("{place}: {text}")));
    }
    assert!(n > 500, "only {n} sentences are found");
    assert!(silent.is_empty(), "{} of {n} sentences are said in no case:\n{}", silent.len(), silent.join("\n"));
}

fn sources(folder: &Path, out: &mut Vec<std::path::PathBuf>) {
    let entries: BTreeSet<_> =
        std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    for path in entries {
        match path.extension().and_then(|e| e.to_str()) {
            _ if path.is_dir() => sources(&path, out),
            Some("rs") => out.push(path),
            _ => {}
        }
    }
}
