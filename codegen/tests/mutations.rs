//! Nothing that a user writes makes the macros panic: mutated token streams of every program in this repository, through the
//! front end and the compiler. `KILN_MUTATIONS=100000 cargo test --profile fuzz -p kiln-codegen --test mutations` runs more of them
//! than the default; `KILN_SEED` other ones.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use common::unit;
use kiln_codegen::compile::compile;
use kiln_codegen::frontend::{self, Host};
use kiln_codegen::unit::Outcome;
use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// Where programs are: the examples, the book, what tests of the language and of messages compile.
const FOLDERS: &[&str] = &[
    "examples",
    "book/src",
    "tests/language",
    "tests/frontend",
    "tests/ui/cases",
    "codegen/tests/messages",
    "README.md",
];

/// Every program of the repository: a function with the items that it reaches in its file, itself the last of them.
fn programs() -> Vec<TokenStream> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut texts = Vec::new();
    for folder in FOLDERS {
        read(&root.join(folder), &mut texts);
    }
    let mut programs: BTreeMap<String, TokenStream> = BTreeMap::new();
    for text in &texts {
        let Ok(file) = syn::parse_file(text) else { continue };
        let mut items = Vec::new();
        published(file.items, &mut items);
        for (n, (item, _, _)) in items.iter().enumerate() {
            if let syn::Item::Fn(_) = item {
                let program = reached(&items, n);
                programs.entry(program.to_string()).or_insert(program);
            }
        }
    }
    programs.into_values().collect()
}

/// The texts of Rust files, of blocks of Rust in the book, of cases in tables of messages, in order of their paths.
fn read(path: &Path, texts: &mut Vec<String>) {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).expect("a folder").map(|e| e.expect("an entry").path());
        let entries: BTreeSet<_> = entries.filter(|p| !p.ends_with("target")).collect();
        entries.iter().for_each(|p| read(p, texts));
        return;
    }
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if !matches!(extension, "rs" | "md" | "txt") {
        return;
    }
    let text = std::fs::read_to_string(path).expect("text");
    match extension {
        "rs" => texts.push(text),
        "md" => texts.extend(text.split("```rust").skip(1).filter_map(|block| {
            let code = block.split_once('\n')?.1.split("```").next()?;
            // Lines that the book hides count too.
            Some(code.lines().map(|l| l.strip_prefix("# ").unwrap_or(l)).collect::<Vec<_>>().join("\n"))
        })),
        _ => texts.extend(text.split("== ").skip(1).filter_map(|case| {
            let source = case.split_once('\n')?.1.split("\n--\n").next()?;
            // In tables everything is published.
            let file = syn::parse_file(source).ok()?;
            let items = file.items.iter().map(|item| match item {
                syn::Item::Struct(s) => format!("#[derive(Tree)] {}", s.to_token_stream()),
                other => format!("#[jit] {}", other.to_token_stream()),
            });
            Some(items.collect::<Vec<_>>().join("\n"))
        })),
    }
}

/// An item with the names that it makes known, and every word in it.
type Known = (syn::Item, Vec<String>, BTreeSet<String>);

/// Items for kernels, without the attributes that say so, also those inside of modules.
fn published(items: Vec<syn::Item>, out: &mut Vec<Known>) {
    let marked = |attrs: &[syn::Attribute]| {
        attrs.iter().any(|a| a.path().is_ident("jit") || a.to_token_stream().to_string().contains("Tree"))
    };
    let strip = |attrs: &mut Vec<syn::Attribute>| {
        attrs.retain(|a| !["jit", "derive", "doc", "test"].iter().any(|name| a.path().is_ident(name)));
    };
    for mut item in items {
        let name = match &mut item {
            syn::Item::Mod(m) => {
                published(m.content.take().map(|(_, items)| items).unwrap_or_default(), out);
                continue;
            }
            syn::Item::Fn(f) if marked(&f.attrs) => (strip(&mut f.attrs), f.sig.ident.to_string()).1,
            syn::Item::Struct(s) if marked(&s.attrs) => (strip(&mut s.attrs), s.ident.to_string()).1,
            syn::Item::Const(c) if marked(&c.attrs) => (strip(&mut c.attrs), c.ident.to_string()).1,
            syn::Item::Type(t) if marked(&t.attrs) => (strip(&mut t.attrs), t.ident.to_string()).1,
            syn::Item::Impl(i) if marked(&i.attrs) => {
                strip(&mut i.attrs);
                // Who mentions the type, or a method, reaches the block.
                match &*i.self_ty {
                    syn::Type::Path(p) => p.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default(),
                    _ => continue,
                }
            }
            _ => continue,
        };
        let mut words = BTreeSet::new();
        let mut all = Vec::new();
        pool(&item.to_token_stream(), &mut all);
        words.extend(all.iter().filter_map(|t| if let TokenTree::Ident(i) = t { Some(i.to_string()) } else { None }));
        out.push((item, vec![name], words));
    }
}

/// What item `n` mentions, and what that mentions, in the order of the file; the item itself last.
fn reached(items: &[Known], n: usize) -> TokenStream {
    let mut wanted = BTreeSet::from([n]);
    let mut todo = vec![n];
    while let Some(at) = todo.pop() {
        let (_, _, words) = &items[at];
        for (k, (_, names, _)) in items.iter().enumerate() {
            if names.iter().any(|name| words.contains(name)) && wanted.insert(k) {
                todo.push(k);
            }
        }
    }
    wanted.remove(&n);
    wanted.into_iter().chain([n]).map(|k| items[k].0.to_token_stream()).collect()
}

/// A small generator of its own, so that a seed means the same run everywhere.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

fn count(tokens: &TokenStream) -> usize {
    tokens.clone().into_iter().map(|t| if let TokenTree::Group(g) = t { 1 + count(&g.stream()) } else { 1 }).sum()
}

/// Every token tree, for pasting elsewhere.
fn pool(tokens: &TokenStream, out: &mut Vec<TokenTree>) {
    for t in tokens.clone() {
        if let TokenTree::Group(g) = &t {
            pool(&g.stream(), out);
        }
        out.push(t);
    }
}

fn invented(rng: &mut Rng) -> TokenTree {
    let ident = |s: &str| TokenTree::Ident(Ident::new(s, Span::call_site()));
    let words = [
        "x", "f", "self", "Self", "let", "mut", "fn", "if", "else", "match", "for", "in", "while", "loop", "break",
        "continue", "return", "unsafe", "async", "move", "ref", "dyn", "impl", "where", "as", "f32", "i32", "bool",
        "u8", "usize", "None", "Some", "grad", "vmap", "sum", "exp", "axis", "scan", "cond", "reshape", "einsum",
        "sort", "stack", "_", "true",
    ];
    match rng.below(4) {
        0 => {
            let numbers = [
                Literal::u8_unsuffixed(0),
                Literal::u8_unsuffixed(1),
                Literal::u8_unsuffixed(7),
                Literal::f32_suffixed(1.5),
                Literal::i64_suffixed(-3),
                Literal::string("SAME"),
                Literal::character('c'),
                Literal::f64_unsuffixed(0.5),
                Literal::u128_unsuffixed(u128::MAX),
                Literal::byte_string(b"b"),
            ];
            TokenTree::Literal(numbers[rng.below(numbers.len())].clone())
        }
        1 => {
            let puncts =
                ['+', '-', '*', '/', '%', '&', '|', '^', '<', '>', '=', '!', '.', ',', ';', ':', '#', '?', '@'];
            let spacing = if rng.below(2) == 0 { Spacing::Alone } else { Spacing::Joint };
            TokenTree::Punct(Punct::new(puncts[rng.below(puncts.len())], spacing))
        }
        _ => ident(words[rng.below(words.len())]),
    }
}

/// Changes the token with number `at`, counted depth first.
fn mutate(tokens: TokenStream, at: &mut isize, pool: &[TokenTree], rng: &mut Rng) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    for t in tokens {
        let here = *at == 0;
        *at -= 1;
        if !here {
            out.push(match t {
                TokenTree::Group(g) if *at >= 0 => {
                    TokenTree::Group(Group::new(g.delimiter(), mutate(g.stream(), at, pool, rng)))
                }
                other => other,
            });
            continue;
        }
        match rng.below(8) {
            0 => {}
            1 => out.extend([t.clone(), t]),
            2 => out.push(invented(rng)),
            3 => out.extend([invented(rng), t]),
            4 => {
                let before = out.pop();
                out.push(t);
                out.extend(before);
            }
            5 => match t {
                TokenTree::Group(g) => {
                    let kinds = [Delimiter::Parenthesis, Delimiter::Brace, Delimiter::Bracket];
                    out.push(TokenTree::Group(Group::new(kinds[rng.below(3)], g.stream())));
                }
                other => out.push(TokenTree::Group(Group::new(Delimiter::Parenthesis, other.into()))),
            },
            _ => out.push(pool[rng.below(pool.len())].clone()),
        }
    }
    out.into_iter().collect()
}

/// What a compilation of these tokens comes to; only panics count.
fn compile_all(tokens: &TokenStream) {
    let text = tokens.to_string();
    // What the front end is given: each item on its own, whether or not it is one.
    let host = Host { crate_key: "test".into(), read: &|_| None, compile: &|u| compile(u), record: false, root: None };
    for out in [frontend::jit(TokenStream::new(), tokens.clone(), &host), frontend::derive_tree(tokens.clone(), &host)]
    {
        // The macros turn a panic into a message of its own.
        let out = out.to_string();
        assert!(!out.contains("internal error"), "{out}");
    }
    let Ok(unit) = unit(&text) else { return };
    if !unit.items.contains_key(&unit.entry) {
        return;
    }
    if let Outcome::Done(kernel) = compile(&unit) {
        let _ = (kernel.errors.to_string(), kernel.items.to_string(), kernel.body.to_string());
    }
}

/// The first few programs that panic, of `n`.
fn run(programs: &[TokenStream], seed: u64, n: usize) -> Vec<String> {
    let mut panics = Vec::new();
    let mut rng = Rng(seed | 1);
    let mut all = Vec::new();
    for p in programs {
        pool(p, &mut all);
    }
    for round in 0..n {
        let mut tokens = programs[rng.below(programs.len())].clone();
        for _ in 0..=rng.below(3) {
            let mut at = rng.below(count(&tokens)) as isize;
            tokens = mutate(tokens, &mut at, &all, &mut rng);
        }
        if catch_unwind(AssertUnwindSafe(|| compile_all(&tokens))).is_err() {
            panics.push(format!("round {round} of seed {seed}:\n{tokens}"));
            if panics.len() == 20 {
                break;
            }
        }
    }
    panics
}

/// Number of programs that are found at least, many of which compile.
const PROGRAMS: usize = 400;

#[test]
fn the_programs_of_the_repository_are_found() {
    let programs = programs();
    assert!(programs.len() >= PROGRAMS, "{} programs", programs.len());
    // Names of other crates and of methods that several types have are not resolved here, and the tables of messages are mostly
    // mistakes, so not all do.
    let sample: Vec<&TokenStream> = programs.iter().step_by(10).collect();
    let compiles = sample.iter().filter(|p| unit(&p.to_string()).is_ok() && common::traced(&p.to_string()).is_empty());
    let n = compiles.count();
    assert!(4 * n >= sample.len(), "only {n} of {} compile", sample.len());
}

#[test]
fn no_mutation_makes_the_compiler_panic() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|s| s.parse().ok()).unwrap_or(default);
    let (n, seed): (u64, u64) = (number("KILN_MUTATIONS", 2000), number("KILN_SEED", 0x5eed));
    let threads = 2;
    let workers: Vec<_> = (0..threads)
        .map(|k| {
            // Tokens cannot be handed to another thread.
            let work = move || {
                run(&programs(), seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(k * 77), (n / threads) as usize)
            };
            std::thread::Builder::new().stack_size(256 << 20).spawn(work).expect("a thread")
        })
        .collect();
    let panics: Vec<String> = workers.into_iter().flat_map(|w| w.join().expect("panics are caught")).collect();
    assert!(panics.is_empty(), "{} programs panic:\n{}", panics.len(), panics.join("\n"));
    println!("{n} mutated programs, no panic");
}
