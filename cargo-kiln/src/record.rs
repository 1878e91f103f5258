//! The records that kernels leave; `codegen/src/record.rs` writes them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

/// Everything that is known about a kernel.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Kernel {
    /// Crate, modules and name; found where the record was left.
    #[serde(default)]
    pub path: String,
    /// Its name; of a method, with its type.
    pub name: String,
    /// File that it is written in.
    pub file: String,
    /// Line of its name.
    pub line: usize,
    /// Options of `#[jit(..)]` that change what is computed.
    pub options: Vec<String>,
    /// What `ram = ".."` allows.
    pub ram_limit: Option<u64>,
    /// Tells it from other kernels.
    pub id: String,
    /// Arena and stack, what it calls included.
    pub ram_bytes: u64,
    /// Constants in flash, what it calls included.
    pub flash_const_bytes: u64,
    /// Floating-point operations of a call, what it calls included.
    pub flops: u64,
    /// Size of the arena, what it calls included.
    pub arena_bytes: u64,
    /// Bound on the stack of its loops.
    pub stack_bytes: u64,
    /// Bytes of stack in use around a call of another kernel.
    pub frame_bytes: u64,
    /// The returned value, which is on the stack.
    pub result_bytes: u64,
    /// The kernels that it calls.
    pub calls: Vec<Call>,
    /// The largest set of buffers that are live together.
    pub live_bytes: u64,
    /// The optimised graph.
    pub graph: String,
    /// The emitted Rust.
    pub code: String,
    /// The constants.
    pub statics: Vec<Static>,
    /// All values in memory.
    pub buffers: Vec<Buffer>,
    /// What runs.
    pub steps: Vec<Step>,
    /// What other checkpoints of its loops would come to.
    #[serde(default)]
    pub checkpoints: Vec<Checkpoints>,
}

/// Calls of another kernel.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Call {
    /// Which.
    pub id: String,
    /// What it is called in the caller.
    pub name: String,
    /// How often.
    pub times: u64,
    /// Where its arena begins, the last of those places.
    pub at: u64,
}

/// The choices for a loop that runs backwards too.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Checkpoints {
    /// The loop.
    pub place: Place,
    /// How often it runs.
    pub turns: u64,
    /// From the most memory, where everything is kept.
    pub choices: Vec<Choice>,
}

/// A kernel whose loop has other checkpoints.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Choice {
    /// Turns between two checkpoints; none where everything is kept.
    pub every: Option<u64>,
    /// Arena and stack, without a budget.
    pub ram_bytes: u64,
    /// Floating-point operations of a call.
    pub flops: u64,
    /// It is what `#[checkpoint]` takes.
    pub square_root: bool,
    /// It is what the program says.
    pub chosen: bool,
}

impl Choice {
    /// What one writes for it.
    pub fn text(&self) -> String {
        match self.every {
            None => "everything is kept".into(),
            Some(k) if self.square_root => format!("#[checkpoint], every {k}"),
            Some(k) => format!("#[checkpoint(every = {k})]"),
        }
    }
}

/// A place in a source file: file, line, column.
pub type Place = Option<(String, usize, usize)>;

/// A constant in flash.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Static {
    /// Name in the emitted code.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// Where it comes from.
    pub place: Place,
}

/// A value in memory.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Buffer {
    /// The user's name; may be empty.
    pub name: String,
    /// dtype and shape.
    #[serde(rename = "type")]
    pub ty: String,
    /// Size.
    pub bytes: u64,
    /// Where it is.
    pub kind: Kind,
    /// Offset in the arena.
    pub at: u64,
    /// First time that it is needed.
    pub first: usize,
    /// Last time that it is needed.
    pub last: usize,
    /// Why it is not computed where it is read.
    pub why: Option<String>,
    /// The buffer whose memory it takes over.
    pub in_place_of: Option<usize>,
    /// Where it comes from.
    pub place: Place,
}

/// Kinds of memory.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A parameter.
    Input,
    /// The returned value.
    Result,
    /// A constant.
    Flash,
    /// The arena.
    Arena,
}

/// How often what happens.
pub type Counts = BTreeMap<String, u64>;

/// One loop nest, call, loop or branch.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Step {
    /// When.
    pub time: usize,
    /// The emitted function, or what is called.
    pub name: String,
    /// In words.
    pub what: String,
    /// Where it comes from.
    pub place: Place,
    /// Buffers it reads.
    pub reads: Vec<usize>,
    /// Buffers it writes.
    pub writes: Vec<usize>,
    /// A loop that it might have been one with.
    pub apart: Option<Apart>,
    /// Where the arena of the kernel begins that it calls.
    #[serde(default)]
    pub callee_at: Option<u64>,
    /// What it does when it runs once.
    pub counts: Counts,
    /// Bytes of what it reads and writes.
    pub moved_bytes: u64,
    /// A contraction.
    pub tile: Option<Tile>,
    /// What it holds.
    pub inside: Option<Inside>,
}

/// A loop that goes over the same, in a step of its own.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Apart {
    /// When.
    pub step: usize,
    /// Why both are not one.
    pub why: String,
}

/// The sides of a contraction.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Tile {
    /// Rows.
    pub m: u64,
    /// Columns.
    pub n: u64,
    /// Products of a sum.
    pub k: u64,
    /// How often.
    pub outer: u64,
    /// What the factor of a row takes, for one product.
    pub a: Counts,
    /// What the factor of a column takes, for one product.
    pub b: Counts,
}

/// What a loop or branch holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Inside {
    /// How `n` is meant.
    pub turns: Turns,
    /// How often.
    pub n: u64,
    /// Bodies, or sides.
    pub bodies: Vec<Vec<Step>>,
}

/// How often the bodies run.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub enum Turns {
    /// So often.
    #[serde(rename = "exactly")]
    Exactly,
    /// At most so often.
    #[serde(rename = "at most")]
    AtMost,
    /// Nobody knows.
    #[serde(rename = "unknown")]
    Unknown,
    /// One of them, once.
    #[serde(rename = "one of")]
    OneOf,
}

/// What a record starts with.
const MARK: &str = "kiln record ";
/// The item that the record is about, below the module of the kernel.
const ITEM: &str = "_::KILN_RECORD";

/// The record in what the compiler says, with the path of the module inside of the crate, if there is one.
pub fn read(message: &str) -> Result<Option<(String, Kernel)>> {
    let Some((before, record)) = message.split_once(MARK) else { return Ok(None) };
    let path = before.split('`').nth(1).and_then(|path| path.strip_suffix(ITEM));
    let Some(path) = path else { return Ok(None) };
    let kernel = serde_json::from_str(record).context(
        "this `cargo kiln` cannot read what the package's version of Kiln wrote: use the same version of both",
    )?;
    Ok(Some((without_nameless(path), kernel)))
}

/// A path without the nameless constants that kernels stand in.
fn without_nameless(path: &str) -> String {
    path.split("::").filter(|segment| !["", "_"].contains(segment)).collect::<Vec<_>>().join("::")
}

/// Adds to the numbers of each kernel what the kernels that it calls need, as `kiln::rt::Needs` does for the constants.
pub fn add_callees(kernels: &mut [Kernel]) {
    let by_id: BTreeMap<String, Kernel> = kernels.iter().map(|k| (k.id.clone(), k.clone())).collect();
    let mut known = BTreeMap::new();
    for kernel in kernels.iter_mut().filter(|kernel| !kernel.calls.is_empty()) {
        let needs = needs(kernel, &by_id, &mut known);
        kernel.ram_bytes = needs.arena + needs.stack + kernel.result_bytes;
        kernel.flops = needs.flops;
        kernel.arena_bytes = needs.arena;
        let arenas: BTreeMap<&str, u64> =
            kernel.calls.iter().filter_map(|call| Some((call.name.as_str(), known.get(&call.id)?.arena))).collect();
        let steps = kernel.steps.iter().flat_map(Step::all);
        let called = steps.filter_map(|step| {
            let bytes = *arenas.get(step.name.as_str()).filter(|bytes| **bytes > 0)?;
            Some(Buffer::of_callee(&step.name, step.time, step.callee_at?, bytes))
        });
        let called: Vec<Buffer> = called.collect();
        kernel.buffers.extend(called);
        let (mut seen, mut open) = (BTreeSet::new(), vec![kernel.id.clone()]);
        kernel.flash_const_bytes = 0;
        while let Some(id) = open.pop() {
            if let (Some(called), true) = (by_id.get(&id), seen.insert(id)) {
                kernel.flash_const_bytes += called.flash_const_bytes;
                open.extend(called.calls.iter().map(|call| call.id.clone()));
            }
        }
    }
}

impl Step {
    /// It, and all that it holds.
    fn all(&self) -> Vec<&Step> {
        let inside = self.inside.iter().flat_map(|inside| inside.bodies.iter().flatten());
        std::iter::once(self).chain(inside.flat_map(Step::all)).collect()
    }
}

impl Buffer {
    /// The arena of a kernel while it is called.
    fn of_callee(name: &str, time: usize, at: u64, bytes: u64) -> Buffer {
        Buffer {
            name: format!("all that `{name}` needs"),
            ty: String::new(),
            bytes,
            kind: Kind::Arena,
            at,
            first: time,
            last: time,
            why: None,
            in_place_of: None,
            place: None,
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Needs {
    arena: u64,
    stack: u64,
    flops: u64,
}

fn needs(kernel: &Kernel, by_id: &BTreeMap<String, Kernel>, known: &mut BTreeMap<String, Needs>) -> Needs {
    if let Some(needs) = known.get(&kernel.id) {
        return *needs;
    }
    let (mut arena, mut stack, mut flops) = (kernel.arena_bytes, kernel.stack_bytes, kernel.flops);
    for call in &kernel.calls {
        let callee = by_id.get(&call.id).map(|callee| needs(callee, by_id, known)).unwrap_or_default();
        if callee.arena > 0 {
            arena = arena.max(call.at + callee.arena.next_multiple_of(8));
        }
        stack = stack.max(kernel.frame_bytes + callee.stack);
        flops += call.times * callee.flops;
    }
    let needs = Needs { arena, stack, flops };
    known.insert(kernel.id.clone(), needs);
    needs
}

/// A path of parts, some of which may be empty.
pub fn join(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("::")
}

/// All kernels, or the one whose path ends with `wanted`.
pub fn choose(kernels: Vec<Kernel>, wanted: Option<&str>) -> Result<Vec<Kernel>> {
    let Some(wanted) = wanted else { return Ok(kernels) };
    let paths: Vec<&str> = kernels.iter().map(|kernel| kernel.path.as_str()).collect();
    let found = find(&paths, wanted)?;
    Ok(kernels.into_iter().enumerate().filter(|(n, _)| *n == found).map(|(_, kernel)| kernel).collect())
}

/// The only path that is `wanted` or ends with it.
fn find(paths: &[&str], wanted: &str) -> Result<usize> {
    let wanted = wanted.trim_start_matches("crate::").trim_start_matches("::");
    let exact = paths.iter().position(|path| *path == wanted);
    let ends = |path: &str| path.strip_suffix(wanted).is_some_and(|rest| rest.is_empty() || rest.ends_with("::"));
    let found: Vec<usize> = (0..paths.len()).filter(|n| ends(paths[*n])).collect();
    let list = |of: &[usize]| of.iter().map(|n| format!("\n  {}", paths[*n])).collect::<String>();
    match (exact, &found[..]) {
        (Some(n), _) | (None, &[n]) => Ok(n),
        (None, []) => {
            let near = nearest(paths, wanted).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let all: Vec<usize> = (0..paths.len()).collect();
            bail!("there is no kernel `{wanted}`{near} There are:{}", list(&all))
        }
        (None, several) => Err(anyhow!("`{wanted}` may be any of these; write more of the path:{}", list(several))),
    }
}

/// The end of a path that is spelled most like `wanted`.
fn nearest<'a>(paths: &[&'a str], wanted: &str) -> Option<&'a str> {
    let segments = wanted.split("::").count();
    let end = |path: &'a str| path.rmatch_indices("::").nth(segments - 1).map_or(path, |(n, _)| &path[n + 2..]);
    let by = |end: &&str| strsim::damerau_levenshtein(end, wanted);
    paths.iter().map(|path| end(path)).min_by_key(by).filter(|end| by(end) <= wanted.len().max(3) / 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [&str; 5] =
        ["net::model::step", "net::model::Mlp::step", "net::model::loss", "net::step", "net::filter"];

    #[test]
    fn a_kernel_is_found_by_the_end_of_its_path() {
        assert_eq!(find(&PATHS, "loss").unwrap(), 2);
        assert_eq!(find(&PATHS, "Mlp::step").unwrap(), 1);
        assert_eq!(find(&PATHS, "model::step").unwrap(), 0);
        assert_eq!(find(&PATHS, "net::step").unwrap(), 3);
        assert_eq!(find(&PATHS, "crate::model::loss").unwrap(), 2);
    }

    #[test]
    fn what_is_ambiguous_or_misspelt_is_told_with_what_there_is() {
        let why = find(&PATHS, "step").unwrap_err().to_string();
        assert!(why.starts_with("`step` may be any of these") && why.lines().count() == 4, "{why}");
        let why = find(&PATHS, "los").unwrap_err().to_string();
        assert!(
            why.starts_with("there is no kernel `los`; did you mean `loss`? There are:\n  net::model::step"),
            "{why}"
        );
        let why = find(&PATHS, "model::setp").unwrap_err().to_string();
        assert!(why.contains("did you mean `model::step`?"), "{why}");
        assert!(!find(&PATHS, "convolution").unwrap_err().to_string().contains("did you mean"));
    }

    #[test]
    fn nameless_constants_are_no_part_of_a_path() {
        let paths = ["_::_::", "a::_::", "a::_::_b::_::_::", ""].map(without_nameless);
        assert_eq!(paths, ["", "a", "a::_b", ""]);
    }

    #[test]
    fn other_warnings_are_not_records() {
        assert!(read("use of deprecated function `a::b`: kiln records are new").unwrap().is_none());
        assert!(read("use of deprecated constant `a::_::KILN_RECORD`: kiln record {}").is_err());
    }
}
