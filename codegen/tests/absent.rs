//! What is absent: the invariants of ARCHITECTURE.md, read from the sources token by token, so that comments and longer names
//! do not count.

// The tests share it; each needs a part.
#[allow(dead_code)]
mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::unit;
use kiln_codegen::compile::compile;
use kiln_codegen::ops;
use kiln_codegen::unit::Outcome;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::Visit;

/// The folder of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Rust files at or below `path`, in order. A file of tests is left out.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut found: Vec<PathBuf> = entries.flatten().flat_map(|e| files(&e.path())).collect();
    found.retain(|f| f.extension().is_some_and(|e| e == "rs") && !f.ends_with("tests.rs") && !f.ends_with("laws.rs"));
    found.sort();
    found
}

/// The items of a file that are there when it is not tested, without documentation.
fn items(path: &Path) -> Vec<syn::Item> {
    let file = syn::parse_file(&text(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    file.items.into_iter().filter(|item| !is_test(item)).collect()
}

fn is_test(item: &syn::Item) -> bool {
    let attrs = match item {
        syn::Item::Fn(i) => &i.attrs,
        syn::Item::Mod(i) => &i.attrs,
        syn::Item::Use(i) => &i.attrs,
        syn::Item::ExternCrate(i) => &i.attrs,
        syn::Item::Impl(i) => &i.attrs,
        _ => return false,
    };
    attrs.iter().any(|a| {
        a.path().is_ident("test") || a.path().is_ident("cfg") && a.meta.to_token_stream().to_string().contains("test")
    })
}

/// Words of the code outside tests: names, and the text of literals without their quotes. Documentation is left out.
fn words(path: &Path) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for item in items(path) {
        collect(item.to_token_stream(), &mut out);
    }
    out
}

fn collect(tokens: TokenStream, out: &mut BTreeSet<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            // An attribute: documentation is not code.
            TokenTree::Punct(p) if p.as_char() == '#' => {
                if let Some(TokenTree::Group(g)) = tokens.peek()
                    && g.stream().to_string().starts_with("doc")
                {
                    tokens.next();
                }
            }
            TokenTree::Punct(_) => {}
            TokenTree::Group(g) => collect(g.stream(), out),
            TokenTree::Ident(i) => drop(out.insert(i.to_string())),
            TokenTree::Literal(l) => drop(out.insert(l.to_string().trim_matches('"').to_string())),
        }
    }
}

/// Type names of the primitives, from the list in `ops/mod.rs`: every `Type = "name"` in it.
fn primitive_types() -> BTreeSet<String> {
    let list = items(&root().join("codegen/src/ops/mod.rs"))
        .into_iter()
        .find_map(|item| match item {
            syn::Item::Macro(m) if m.mac.path.is_ident("primitives") => Some(m.mac.tokens),
            _ => None,
        })
        .expect("the list of primitives");
    let tokens: Vec<TokenTree> = list.into_iter().collect();
    let names: BTreeSet<&str> = ops::names().collect();
    let types: BTreeSet<String> = tokens
        .windows(3)
        .filter_map(|w| match w {
            [TokenTree::Ident(ty), TokenTree::Punct(p), TokenTree::Literal(name)] if p.as_char() == '=' => {
                names.contains(name.to_string().trim_matches('"')).then(|| ty.to_string())
            }
            _ => None,
        })
        .collect();
    assert_eq!(types.len(), names.len(), "every primitive has a type of its own");
    types
}

/// Which of `unwanted` the sources at or below `path` mention.
fn mentioned(path: &str, unwanted: &BTreeSet<String>) -> BTreeSet<String> {
    files(&root().join(path)).iter().flat_map(|f| words(f)).filter(|w| unwanted.contains(w)).collect()
}

fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_string).collect()
}

#[test]
fn transformations_name_no_primitive() {
    let types = primitive_types();
    // What is known while tracing stays known: a constant is where every transformation starts.
    assert_eq!(mentioned("codegen/src/transform", &types), set(["Constant"]));
    let names = set(ops::names().filter(|n| !matches!(*n, "transpose" | "while")));
    let quoted: BTreeSet<String> = files(&root().join("codegen/src/transform"))
        .iter()
        .flat_map(|f| literals(f))
        .filter(|l| names.contains(l))
        .collect();
    assert_eq!(quoted, BTreeSet::new());
}

#[test]
fn the_scheduler_and_the_emitter_ask_primitives_how_they_are_computed() {
    let types = primitive_types();
    // A constant has no loop; a contraction is told apart by the product in its body; a broadcast reads one element often.
    assert_eq!(from_ops("codegen/src/schedule", &types), set(["BroadcastInDim", "Constant", "Mul"]));
    assert_eq!(from_ops("codegen/src/emit", &types), set([]));
}

/// Which of `types` the sources at or below `path` name by way of `ops`; control flow has words like `Scan` of its own.
fn from_ops(path: &str, types: &BTreeSet<String>) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for file in files(&root().join(path)) {
        let code: String = items(&file).iter().map(|i| i.to_token_stream().to_string()).collect();
        for after in code.split("ops :: ").skip(1) {
            assert!(!after.starts_with('*'), "{} imports every primitive", file.display());
            let end = if after.starts_with('{') { after.find('}') } else { after.find([' ', ';', '(']) };
            let named = after.get(..end.unwrap_or(after.len())).unwrap_or_default();
            out.extend(named.split([' ', ',', '{']).filter(|w| types.contains(*w)).map(str::to_string));
        }
    }
    out
}

/// String literals outside tests.
fn literals(path: &Path) -> BTreeSet<String> {
    struct Literals(BTreeSet<String>);
    impl<'a> Visit<'a> for Literals {
        fn visit_lit_str(&mut self, l: &'a syn::LitStr) {
            self.0.insert(l.value());
        }
    }
    let mut found = Literals(BTreeSet::new());
    items(path).iter().for_each(|i| found.visit_item(i));
    found.0
}

#[test]
fn no_stage_tells_primitives_apart_by_their_text() {
    let names = set(ops::names());
    // Rules of `passes/simplify.rs` have names, of which some are those of the primitives they are about.
    for folder in
        ["passes/mod.rs", "passes/bytes.rs", "schedule", "transform", "emit", "graph.rs", "eval.rs", "compile.rs"]
    {
        for file in files(&root().join("codegen/src").join(folder)) {
            let quoted: BTreeSet<String> = literals(&file).into_iter().filter(|l| names.contains(l)).collect();
            assert_eq!(quoted, BTreeSet::new(), "{}", file.display());
        }
    }
}

#[test]
fn the_compiler_reads_no_file_clock_environment_or_thread() {
    let unwanted = set([
        "env",
        "fs",
        "net",
        "process",
        "thread",
        "thread_local",
        "time",
        "SystemTime",
        "Instant",
        "RandomState",
        "File",
        "stdin",
        "var_os",
        "AtomicUsize",
        "Mutex",
    ]);
    struct Paths<'s>(&'s BTreeSet<String>, BTreeSet<String>);
    impl<'a> Visit<'a> for Paths<'_> {
        fn visit_path(&mut self, p: &'a syn::Path) {
            let segments: Vec<String> = p.segments.iter().map(|s| s.ident.to_string()).collect();
            self.note(&segments);
            syn::visit::visit_path(self, p);
        }
        fn visit_item_use(&mut self, u: &'a syn::ItemUse) {
            let mut words = BTreeSet::new();
            collect(u.tree.to_token_stream(), &mut words);
            if words.contains("std") {
                self.1.extend(words.intersection(self.0).cloned());
            }
        }
    }
    impl Paths<'_> {
        /// A path of one word is a local or a parameter.
        fn note(&mut self, segments: &[String]) {
            if segments.len() > 1 {
                self.1.extend(segments.iter().filter(|s| self.0.contains(*s)).cloned());
            }
        }
    }
    for file in files(&root().join("codegen/src")) {
        let mut paths = Paths(&unwanted, BTreeSet::new());
        items(&file).iter().for_each(|i| paths.visit_item(i));
        assert_eq!(paths.1, BTreeSet::new(), "{}", file.display());
    }
}

#[test]
fn stages_behind_the_parser_know_spans_only_as_numbers() {
    for folder in ["trace", "transform", "passes", "schedule", "graph.rs", "array.rs", "eval.rs", "text.rs", "dtype.rs"]
    {
        let unwanted = set(["proc_macro2", "syn", "TokenStream"]);
        assert_eq!(mentioned(&format!("codegen/src/{folder}"), &unwanted), set([]), "{folder}");
    }
}

const STEP: &str = "
    pub struct Dense<const I: usize, const O: usize> { pub w: [[f32; I]; O], pub b: [f32; O] }
    pub struct Mlp { pub l1: Dense<8, 6>, pub l2: Dense<6, 4> }
    pub fn dense<const I: usize, const O: usize>(p: &Dense<I, O>, x: &[f32; I]) -> [f32; O] { matmul(p.w, x) + p.b }
    pub fn logits(p: &Mlp, x: &[f32; 8]) -> [f32; 4] { dense(&p.l2, tanh(dense(&p.l1, x))) }
    pub fn loss(p: &Mlp, x: &[[f32; 8]; 3], y: &[u8; 3]) -> f32 {
        let z = vmap(logits, in_axes = (None, 0))(p, x);
        -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
    }
    pub fn step(p: &mut Mlp, x: &[[f32; 8]; 3], y: &[u8; 3], lr: f32) -> f32 {
        let (l, g) = value_and_grad(loss)(p, x, y);
        *p = *p - lr * g;
        l
    }";

const LOOP: &str = "
    fn f(x: &[f32; 6], k: i32) -> ([f32; 6], f32) {
        let mut s = 0.0;
        let mut y = *x;
        for i in 0..6 { y[i] = y[i] * 2.0 + s; s += x[i]; }
        #[bound(8)] while s > 10.0 { s = s / 2.0; }
        let t = match k { 0 => s, 1 | 2 => -s, _ => s * s };
        (y, t)
    }";

fn kernel(source: &str) -> (TokenStream, String) {
    let unit = unit(source).expect("a program");
    let Outcome::Done(k) = compile(&unit) else { panic!("a method is missing") };
    assert!(k.errors.is_empty(), "{}", k.errors);
    let (items, body) = (k.items, k.body);
    (
        quote::quote!(#items fn with() { #body }),
        format!("{} {} {}\n{}", k.arena_bytes, k.flash_const_bytes, k.flops, k.graph),
    )
}

/// Every `HashMap` of a run has a seed of its own, so an order that leaks shows up here.
#[test]
fn the_same_source_gives_the_same_kernel() {
    for source in [STEP, LOOP] {
        let (tokens, facts) = kernel(source);
        for _ in 0..10 {
            let (again, facts_again) = kernel(source);
            assert_eq!(facts_again, facts);
            assert_eq!(again.to_string(), tokens.to_string());
        }
    }
}

/// What could panic, allocate or go around the borrow checker is not in emitted code.
#[test]
fn kernels_index_nothing_and_allocate_nothing() {
    struct Indexed(Vec<String>);
    impl<'a> Visit<'a> for Indexed {
        fn visit_expr_index(&mut self, e: &'a syn::ExprIndex) {
            self.0.push(e.to_token_stream().to_string());
            syn::visit::visit_expr_index(self, e);
        }
    }
    let unwanted =
        set(["unsafe", "unwrap", "expect", "panic", "assert", "unreachable", "Vec", "Box", "dyn", "alloc", "std"]);
    for source in [STEP, LOOP] {
        let (tokens, _) = kernel(source);
        let mut found = Indexed(Vec::new());
        found.visit_file(&syn::parse2(tokens.clone()).expect("emitted Rust"));
        assert_eq!(found.0, Vec::<String>::new());
        let mut words = BTreeSet::new();
        collect(tokens, &mut words);
        assert_eq!(words.intersection(&unwanted).collect::<Vec<_>>(), Vec::<&String>::new());
    }
}

const LINKED: [&str; 2] = ["runtime", "runtime/math"];

#[test]
fn what_is_linked_into_firmware_does_not_depend_on_the_compiler() {
    for (krate, ours) in [("runtime", &["kiln-macros", "kiln-math"][..]), ("runtime/math", &[])] {
        let manifest = text(&root().join(krate).join("Cargo.toml"));
        let section =
            manifest.split("[dependencies]").nth(1).and_then(|s| s.split("\n[").next()).expect("dependencies");
        let kiln: Vec<&str> =
            section.lines().filter_map(|l| l.split(['.', ' ', '=']).next()).filter(|n| n.starts_with("kiln")).collect();
        assert_eq!(kiln, ours, "{krate}");
        assert_eq!(mentioned(&format!("{krate}/src"), &set(["kiln_codegen", "syn", "quote", "proc_macro2"])), set([]));
    }
}

#[test]
fn what_is_linked_into_firmware_neither_allocates_nor_calls_through_pointers() {
    for krate in LINKED {
        let unwanted = set(["alloc", "dyn", "Box", "Vec", "String", "Rc", "Arc", "vec", "format", "std"]);
        assert_eq!(mentioned(&format!("{krate}/src"), &unwanted), set([]), "{krate}");
        assert!(text(&root().join(krate).join("src/lib.rs")).contains("#![no_std]"), "{krate}");
    }
}

/// Rustc holds the rest: a public item without documentation does not compile there.
#[test]
fn public_items_of_the_linked_crates_are_documented() {
    for krate in LINKED {
        assert!(text(&root().join(krate).join("src/lib.rs")).contains("#![deny(missing_docs)]"), "{krate}");
    }
}

/// Each test that the map names is one of a file that it names with it.
#[test]
fn the_map_names_tests_that_exist() {
    let map = text(&root().join("ARCHITECTURE.md"));
    let mut n_named = 0;
    for part in map.split("(test: `").skip(1) {
        let name = part.split('`').next().unwrap_or_default();
        let (path, function) = name.split_once("::").unwrap_or_else(|| panic!("`{name}` is a file and a function"));
        let source = text(&root().join(path));
        assert!(source.contains(&format!("fn {function}(")), "{path} has no test {function}");
        n_named += 1;
    }
    assert!(n_named > 8, "the invariants name their tests");
}

/// Each path that the map mentions in a heading of a folder is there.
#[test]
fn the_map_shows_folders_that_exist() {
    let map = text(&root().join("ARCHITECTURE.md"));
    let shown: Vec<&str> =
        map.lines().filter_map(|l| l.strip_prefix("### `")).filter_map(|l| l.split('`').next()).collect();
    assert!(shown.len() > 8, "a paragraph per folder");
    for path in shown {
        assert!(root().join(path).exists(), "{path}");
    }
}
