//! A kernel's record: everything that is known about it, as text that another program reads. Made only when it is asked
//! for; `cargo kiln` asks.

use std::fmt;

use crate::emit::{Emitted, Static};
use crate::graph::{Eqn, Graph, Src, Var};
use crate::schedule::program::{Kind, Schedule, Storage, WhyNot};
use crate::schedule::report::{Inside, Place, Report, Step, Turns};
use crate::schedule::work::{Counts, Work};
use crate::text::{Param, print_as, var_names};

/// What a record starts with.
pub const MARK: &str = "kiln record ";

/// Where a source number is.
pub type Lines<'a> = &'a dyn Fn(Src) -> Option<(String, usize, usize)>;

/// JSON.
#[derive(Clone, Debug)]
pub enum Json {
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(&'static str, Json)>),
    /// An object whose keys are data.
    Map(Vec<(String, Json)>),
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = |f: &mut fmt::Formatter<'_>, fields: &mut dyn Iterator<Item = (&str, &Json)>| {
            f.write_str("{")?;
            for (n, (key, value)) in fields.enumerate() {
                f.write_str(if n == 0 { "" } else { "," })?;
                quoted(f, key)?;
                write!(f, ":{value}")?;
            }
            f.write_str("}")
        };
        match self {
            Json::Number(n) => write!(f, "{n}"),
            Json::Text(t) => quoted(f, t),
            Json::Bool(b) => write!(f, "{b}"),
            Json::Null => f.write_str("null"),
            Json::List(items) => {
                f.write_str("[")?;
                for (n, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if n == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Json::Object(fields) => object(f, &mut fields.iter().map(|(k, v)| (*k, v))),
            Json::Map(fields) => object(f, &mut fields.iter().map(|(k, v)| (k.as_str(), v))),
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            c if (c as u32) < 0x20 => write!(f, "\\u{:04x}", c as u32)?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

fn number(n: usize) -> Json {
    Json::Number(n as u64)
}

fn place(lines: Lines<'_>, src: Src) -> Json {
    match lines(src) {
        Some((file, line, column)) => Json::List(vec![Json::Text(file), number(line), number(column)]),
        None => Json::Null,
    }
}

/// The schedule and the code of a kernel as fields of its record.
pub fn fields(graph: &Graph, s: &Schedule, code: &Emitted, file: &str, lines: Lines<'_>) -> Vec<(&'static str, Json)> {
    let report = Report::new(s, &code.functions);
    let buffers = report.buffers.iter().map(|b| {
        let (kind, at) = match b.place {
            Place::Input(n) => ("input", n),
            Place::Result(n) => ("result", n),
            Place::Flash => ("flash", 0),
            Place::Arena(offset) => ("arena", offset),
        };
        Json::Object(vec![
            ("name", Json::Text(b.name.clone())),
            ("type", Json::Text(b.aval.to_string())),
            ("bytes", number(b.aval.bytes())),
            ("kind", Json::Text(kind.into())),
            ("at", number(at)),
            ("first", number(b.life.0)),
            ("last", number(b.life.1)),
            ("why", b.why.as_ref().map_or(Json::Null, |why| Json::Text(why.text()))),
            ("in_place_of", b.in_place_of.map_or(Json::Null, number)),
            ("place", place(lines, b.src)),
        ])
    });
    let of_static = |s: &Static| {
        Json::Object(vec![
            ("name", Json::Text(s.name.clone())),
            ("bytes", number(s.bytes)),
            ("place", place(lines, s.src)),
        ])
    };
    vec![
        ("arena_bytes", number(s.arena_bytes)),
        ("live_bytes", number(s.live_bytes)),
        ("graph", Json::Text(annotated(graph, Some((s, 0)), file, lines))),
        ("statics", Json::List(code.statics.iter().map(of_static).collect())),
        ("buffers", Json::List(buffers.collect())),
        ("steps", steps(&report.steps, lines)),
    ]
}

fn steps(of: &[Step], lines: Lines<'_>) -> Json {
    let ids = |ids: &[usize]| Json::List(ids.iter().map(|b| number(*b)).collect());
    let one = |step: &Step| {
        let Step { time, name, what, src, reads, writes, apart, callee_at, work, inside } = step;
        let mut fields = vec![
            ("time", number(*time)),
            ("name", Json::Text(name.clone())),
            ("what", Json::Text(what.clone())),
            ("place", place(lines, *src)),
            ("reads", ids(reads)),
            ("writes", ids(writes)),
        ];
        if let Some((other, why)) = apart {
            let apart = vec![("step", number(*other)), ("why", Json::Text(why.text().into()))];
            fields.push(("apart", Json::Object(apart)));
        }
        fields.extend(callee_at.map(|at| ("callee_at", number(at))));
        fields.extend(of_work(work));
        if let Some(Inside { turns, bodies }) = inside {
            let (turns, n) = match turns {
                Turns::Exactly(n) => ("exactly", *n),
                Turns::AtMost(n) => ("at most", *n),
                Turns::Unknown => ("unknown", 1),
                Turns::OneOf => ("one of", 1),
            };
            let bodies = Json::List(bodies.iter().map(|b| steps(b, lines)).collect());
            let inside = vec![("turns", Json::Text(turns.into())), ("n", number(n)), ("bodies", bodies)];
            fields.push(("inside", Json::Object(inside)));
        }
        Json::Object(fields)
    };
    Json::List(of.iter().map(one).collect())
}

fn of_work(work: &Work) -> Vec<(&'static str, Json)> {
    let counts = |c: &Counts| Json::Map(c.iter().map(|(what, n)| (what.clone(), Json::Number(*n))).collect());
    let mut fields = vec![("counts", counts(&work.counts)), ("moved_bytes", Json::Number(work.moved_bytes))];
    if let Some(t) = &work.tile {
        let size = [("m", t.m), ("n", t.n), ("k", t.k), ("outer", t.outer)].map(|(name, n)| (name, Json::Number(n)));
        let sides = [("a", counts(&t.a)), ("b", counts(&t.b))];
        fields.push(("tile", Json::Object(size.into_iter().chain(sides).collect())));
    }
    fields
}

/// The graph with a comment per equation: where it comes from, and for each value that owns a buffer where that is and why it
/// was not fused into its readers. Graphs inside are annotated too; their memory begins at `base`.
pub fn annotated(graph: &Graph, schedule: Option<(&Schedule, usize)>, file: &str, lines: Lines<'_>) -> String {
    let names = var_names(graph);
    let text = |eqn: &Eqn| {
        let region = schedule.and_then(|(s, base)| {
            let out = eqn.outputs.first()?;
            s.kernels.iter().find_map(|k| match &k.kind {
                Kind::Region(r) if k.writes.iter().any(|b| s.buffers[*b as usize].var == *out) => {
                    Some((&**r, base + r.base))
                }
                _ => None,
            })
        });
        let mut n = 0;
        let mut inner = |g: &Graph| {
            let body = region.and_then(|(r, base)| Some((&r.bodies.get(n)?.schedule, base)));
            n += 1;
            annotated(g, body, file, lines)
        };
        let params: Vec<String> =
            eqn.op.params().0.iter().map(|(key, p)| format!("{key}={}", shown(p, &mut inner))).collect();
        if params.is_empty() { eqn.op.name().to_string() } else { format!("{}[{}]", eqn.op.name(), params.join(", ")) }
    };
    let comment = |eqn: &Eqn| {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(lines(eqn.src).map(|(f, line, column)| match f == file {
            true => format!("{line}:{column}"),
            false => format!("{f}:{line}:{column}"),
        }));
        if let Some((s, base)) = schedule {
            let said: Vec<(Var, String)> = eqn.outputs.iter().filter_map(|v| Some((*v, fate(s, base, *v)?))).collect();
            let alike = said.iter().all(|(_, text)| *text == said[0].1);
            match &said[..] {
                [] => {}
                [(_, text), ..] if alike && said.len() == eqn.outputs.len() => parts.push(text.clone()),
                _ => parts.extend(said.iter().map(|(v, text)| format!("{}: {text}", names[v.0 as usize]))),
            }
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    };
    print_as(graph, &text, &comment)
}

/// A parameter, with the graphs in it as `inner` prints them.
fn shown(p: &Param, inner: &mut dyn FnMut(&Graph) -> String) -> String {
    match p {
        Param::Graph(g) => inner(g),
        Param::List(items) => {
            let items: Vec<String> = items.iter().map(|p| shown(p, inner)).collect();
            format!("({})", items.join(","))
        }
        other => other.to_string(),
    }
}

/// What became of a value that owns a buffer.
fn fate(s: &Schedule, base: usize, v: Var) -> Option<String> {
    let buffer = s.buffers.iter().find(|b| b.var == v)?;
    let bytes = buffer.aval.bytes();
    let at = match &buffer.storage {
        Storage::Static(_) => return Some(format!("in flash, {bytes} B")),
        Storage::Arena(offset) => format!("at {}..{} of the arena, ", base + offset, base + offset + bytes),
        Storage::Param(_) | Storage::Return(_) => String::new(),
    };
    let why: &WhyNot = s.notes.iter().find(|(u, _)| *u == v).map(|(_, why)| why)?;
    Some(format!("{at}not fused because {}", why.text()))
}
