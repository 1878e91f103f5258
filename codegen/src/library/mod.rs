//! Names that are in scope inside `#[jit]` without import: `jax.numpy`, `jax.lax`, `jax.nn` and so on.
//!
//! What maps to primitives is an *intrinsic*, a Rust function over the tracer ([`intrinsics`]). Everything that can be
//! composed is written in Kiln's own language in the `.kiln` files beside this one and parsed when first used.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::parse::ast::Function;
use crate::parse::spans::{Sp, Spans};
use crate::trace::args::Args;
use crate::trace::value::Value;
use crate::trace::{R, Tracer};

mod arrays;
mod contraction;
mod convolution;
mod einsum;
mod elementwise;
mod elsewhere;
mod fourier;
mod gathers;
mod intrinsics;
mod lax;
mod linalg;
mod random;
mod reductions;
mod special;
mod transformations;
mod trees;
mod windows;

/// An intrinsic: evaluates a call.
pub type Intrinsic = fn(&mut Tracer<'_>, Args, Sp) -> R<Value>;

/// Intrinsics by name. Those of one module only carry its name in front: `lax_max` is `lax::max`.
type Table = &'static [(&'static str, Intrinsic)];

/// A part of the library: what the book lists together.
struct Part {
    title: &'static str,
    table: Table,
    source: &'static str,
}

const PARTS: &[Part] = &[
    Part { title: "Arrays: element by element", table: elementwise::TABLE, source: include_str!("elementwise.kiln") },
    Part { title: "Arrays: making and rearranging", table: arrays::TABLE, source: include_str!("arrays.kiln") },
    Part { title: "Arrays: searching, sets, signals", table: &[], source: include_str!("searching.kiln") },
    Part { title: "Arrays: statistics", table: reductions::TABLE, source: include_str!("statistics.kiln") },
    Part { title: "Arrays: shapes and indices", table: intrinsics::TABLE, source: "" },
    Part { title: "Arrays: products", table: contraction::TABLE, source: "" },
    Part { title: "Arrays: convolution", table: convolution::TABLE, source: "" },
    Part { title: "Arrays: pooling and folds", table: windows::TABLE, source: include_str!("windows.kiln") },
    Part { title: "Arrays: lax", table: lax::TABLE, source: include_str!("lax.kiln") },
    Part { title: "Arrays: lax, gather and scatter", table: gathers::TABLE, source: "" },
    Part { title: "Arrays: networks", table: &[], source: include_str!("nn.kiln") },
    Part { title: "Arrays: linear algebra", table: linalg::TABLE, source: include_str!("linalg.kiln") },
    Part {
        title: "Arrays: linear algebra of complex matrices",
        table: &[],
        source: include_str!("complex_linalg.kiln"),
    },
    Part { title: "Arrays: systems given by functions", table: &[], source: include_str!("sparse.kiln") },
    Part { title: "Arrays: special functions", table: special::TABLE, source: include_str!("special.kiln") },
    Part { title: "Arrays: Fourier transforms", table: fourier::TABLE, source: include_str!("fft.kiln") },
    Part { title: "Arrays: random numbers", table: random::TABLE, source: include_str!("random.kiln") },
    Part { title: "Methods of Rust's numbers", table: &[], source: include_str!("rust.kiln") },
    Part { title: "Trees", table: trees::TABLE, source: "" },
    Part { title: "Transformations", table: transformations::TABLE, source: include_str!("transforms.kiln") },
];

pub use elsewhere::elsewhere;

/// Prefixes under which functions may also be called: `nn::relu` is `relu`.
const PREFIXES: &[&str] = &[
    "kiln::",
    "jnp::",
    "lax::",
    "nn::",
    "linalg::",
    "fft::",
    "random::",
    "scipy::special::",
    "scipy::linalg::",
    "tree::",
    "ops::",
    "scipy::sparse::linalg::",
    "scipy::stats::",
    "scipy::signal::",
];

/// Library functions by name, with their source.
fn sources() -> &'static [(&'static str, &'static str)] {
    static INDEX: OnceLock<Vec<(&str, &str)>> = OnceLock::new();
    INDEX.get_or_init(|| {
        let mut out = Vec::new();
        for file in PARTS.iter().map(|p| p.source) {
            out.extend(items(file));
        }
        out.sort_unstable();
        out
    })
}

/// The functions of a file with their names, in order.
fn items(file: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut out = Vec::new();
    // Items start at the beginning of a line, with their attributes; comments stand between them.
    let mut start = None;
    let mut at = 0;
    for line in file.split_inclusive('\n') {
        if start.is_none() && (line.starts_with("fn ") || line.starts_with("#[")) {
            start = Some(at);
        }
        at += line.len();
        if (line.trim_end() == "}" || (line.starts_with("fn ") && line.trim_end().ends_with('}')))
            && let Some(s) = start.take()
        {
            let source = &file[s..at];
            let name = source.split("fn ").nth(1).and_then(|t| t.split('(').next()).unwrap_or("");
            out.push((name.trim(), source));
        }
    }
    out
}

/// Whether a function only says why it is not there.
fn is_refusal(source: &str) -> bool {
    source.split_once("{\n").is_some_and(|(_, body)| body.trim_start().starts_with("_refuse("))
}

/// Names that the book lists together.
#[derive(Debug)]
pub struct Page {
    /// What they are about.
    pub title: &'static str,
    /// The names as programs write them, sorted.
    pub names: Vec<String>,
}

/// All names, by subject.
pub fn pages() -> Vec<Page> {
    let page = |part: &Part| {
        let items = items(part.source).into_iter().filter(|(_, source)| !is_refusal(source));
        let names = part.table.iter().map(|(n, _)| *n).chain(items.map(|(n, _)| n));
        let mut names: Vec<String> = names.filter(|n| !n.starts_with('_')).map(spelled).collect();
        names.sort_unstable();
        Page { title: part.title, names }
    };
    PARTS.iter().map(page).collect()
}

/// A key as programs write it: `lax_max` is `lax::max`.
fn spelled(key: &str) -> String {
    match module_of(key) {
        Some((module, name)) => format!("{module}{name}"),
        None => key.to_string(),
    }
}

/// The module in front of a key and the name in it.
fn module_of(key: &str) -> Option<(&'static str, &str)> {
    // `tree_map` has that name by itself.
    let modules = PREFIXES.iter().filter(|p| !matches!(**p, "kiln::" | "tree::"));
    modules.into_iter().find_map(|p| Some((*p, key.strip_prefix(p.replace("::", "_").as_str())?)))
}

/// The name without its module, if the module is one of the library's. Functions whose name differs between modules are
/// found under the full path first.
fn canonical(path: &str) -> &str {
    let path = path.strip_prefix("::").unwrap_or(path);
    let path = path.strip_prefix("kiln::").unwrap_or(path);
    PREFIXES.iter().find_map(|p| path.strip_prefix(p)).unwrap_or(path)
}

/// The key of a path in the tables: `linalg::norm` stays as `linalg_norm` where there is such an entry.
fn key(path: &str) -> String {
    let full = path.trim_start_matches("::").trim_start_matches("kiln::").replace("::", "_");
    if full != path && (find(&full).is_some() || find_source(&full).is_some()) {
        return full;
    }
    canonical(path).to_string()
}

/// The intrinsic with that key.
fn find(name: &str) -> Option<Intrinsic> {
    static INDEX: OnceLock<BTreeMap<&str, Intrinsic>> = OnceLock::new();
    let index = INDEX.get_or_init(|| PARTS.iter().flat_map(|p| p.table.iter().copied()).collect());
    index.get(name).copied()
}

fn find_source(name: &str) -> Option<&'static str> {
    let index = sources();
    index.binary_search_by(|(n, _)| (*n).cmp(name)).ok().map(|n| index[n].1)
}

/// Whether `path` names something built in.
pub fn is_builtin(path: &str) -> bool {
    let key = key(path);
    // `lax_max` is only how the tables write `lax::max`.
    let is_spelled = path.contains("::") || module_of(&key).is_none();
    is_spelled && !key.starts_with('_') && (find(&key).is_some() || find_source(&key).is_some())
}

/// The intrinsic of that name.
pub fn intrinsic(path: &str) -> Option<Intrinsic> {
    find(&key(path))
}

/// The library function of that name, parsed.
pub fn source(path: &str) -> Option<Function> {
    let text = find_source(&key(path))?;
    let item: syn::ItemFn = syn::parse_str(text).unwrap_or_else(|e| panic!("library function {path}: {e}"));
    Some(crate::parse::convert_fn(&mut Spans::silent(), &item))
}

/// Every name that is in scope without its module, sorted.
pub fn names() -> Vec<&'static str> {
    let mut out: Vec<&str> =
        PARTS.iter().flat_map(|p| p.table.iter().map(|(n, _)| *n)).chain(sources().iter().map(|(n, _)| *n)).collect();
    out.retain(|n| !n.starts_with('_') && module_of(n).is_none());
    out.sort_unstable();
    out.dedup();
    out
}

/// Every name that needs its module, as programs write it, with the part behind the module.
fn names_in_modules() -> &'static [(String, &'static str)] {
    static NAMES: OnceLock<Vec<(String, &str)>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let keys = PARTS.iter().flat_map(|p| p.table.iter().map(|(n, _)| *n)).chain(sources().iter().map(|(n, _)| *n));
        keys.filter_map(|key| Some((spelled(key), module_of(key)?.1))).collect()
    })
}

/// The built-in name nearest to a misspelt one: in its module, if it has one; without one, the module that it lacks.
pub fn nearest(path: &str) -> Option<&'static str> {
    let word = canonical(path);
    let module = path.strip_suffix(word).filter(|m| !m.is_empty());
    let all = names_in_modules();
    let in_module = module.and_then(|m| {
        let names: Vec<_> = all.iter().filter(|(full, name)| full.strip_suffix(name) == Some(m)).collect();
        let near = closest(word, names.iter().map(|(_, name)| *name))?;
        names.into_iter().find(|(_, name)| *name == near).map(|(full, _)| full.as_str())
    });
    let elsewhere = || all.iter().find(|(_, name)| *name == word).map(|(full, _)| full.as_str());
    // The module may be misspelt, and the name right.
    let of_module = || {
        let (module, word) = path.rsplit_once("::")?;
        let modules = all.iter().filter(|(_, name)| *name == word).filter_map(|(full, _)| full.rsplit_once("::"));
        let near = closest(module, modules.map(|(module, _)| module))?;
        all.iter().map(|(full, _)| full.as_str()).find(|full| full.rsplit_once("::") == Some((near, word)))
    };
    in_module.or_else(of_module).or_else(elsewhere).or_else(|| closest(word, names()))
}

/// The candidate nearest to `word`, if it is near.
pub fn closest<'n>(word: &str, candidates: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // A third of a word is a slip, half of it another word.
    let limit = 1 + word.len().saturating_sub(2) / 4;
    candidates
        .into_iter()
        .map(|c| (distance(word, c), c))
        .filter(|(d, c)| *d <= limit && *d < c.len())
        .min_by_key(|(d, c)| (*d, c.len()))
        .map(|(_, c)| c)
}

/// Number of insertions, deletions, replacements and swaps of neighbours from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut d = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in d.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, place) in d[0].iter_mut().enumerate() {
        *place = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            d[i][j] = (d[i - 1][j] + 1).min(d[i][j - 1] + 1).min(d[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                d[i][j] = d[i][j].min(d[i - 2][j - 2] + 1);
            }
        }
    }
    d[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_function_parses() {
        for (name, text) in sources() {
            assert!(syn::parse_str::<syn::ItemFn>(text).is_ok(), "{name}:\n{text}");
        }
        assert!(sources().windows(2).all(|w| w[0].0 != w[1].0), "a function is defined twice");
    }

    #[test]
    fn no_name_is_defined_twice() {
        let mut all: Vec<&str> = PARTS.iter().flat_map(|p| p.table.iter().map(|(n, _)| *n)).collect();
        all.extend(sources().iter().map(|(n, _)| *n));
        all.sort_unstable();
        let twice: Vec<&str> = all.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn typos_find_their_name() {
        assert_eq!(nearest("sofmax"), Some("softmax"));
        assert_eq!(nearest("nn::rleu"), Some("relu"));
        assert_eq!(nearest("my_own_function"), None);
        assert_eq!(nearest("random::unifrom"), Some("random::uniform"));
        assert_eq!(nearest("cholesky"), Some("linalg::cholesky"));
    }
}
