//! What a schedule comes to, for people: kernels, memory, and why values are stored.

use std::fmt::{self, Write as _};

use crate::ops::Effect;
use crate::schedule::program::{Form, Kernel, Kind, Nest, Schedule, Storage};

/// A buffer of the arena and when it is needed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Live {
    /// Its number in the schedule.
    pub buffer: u32,
    /// First byte in the arena.
    pub offset: usize,
    /// Size.
    pub bytes: usize,
    /// Numbers of the first and the last kernel that need it.
    pub kernels: (usize, usize),
}

/// The buffers of the arena in the order in which they come to life. Of those that take over another's memory each is
/// listed.
pub fn live(s: &Schedule) -> Vec<Live> {
    let mut out: Vec<Live> = Vec::new();
    for (b, buffer) in s.buffers.iter().enumerate() {
        let Storage::Arena(offset) = buffer.storage else { continue };
        let uses = |k: &Kernel| k.reads.contains(&(b as u32)) || k.writes().contains(&(b as u32));
        let mut kernels = (0..s.kernels.len()).filter(|k| uses(&s.kernels[*k]));
        let Some(first) = kernels.next() else { continue };
        let last = kernels.next_back().unwrap_or(first);
        out.push(Live { buffer: b as u32, offset, bytes: buffer.aval.bytes(), kernels: (first, last) });
    }
    out.sort_by_key(|l| (l.kernels.0, l.offset, l.buffer));
    out
}

/// Kernels in order, then why values are stored.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "arena {} B, largest live set {} B", self.arena_bytes, self.live_bytes)?;
        self.kernels(f, 0)?;
        for (v, why) in &self.notes {
            writeln!(f, "v{} is stored: {}", v.0, why.text())?;
        }
        Ok(())
    }
}

impl Schedule {
    fn kernels(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        for k in &self.kernels {
            let list = |buffers: &[u32]| {
                let names: Vec<String> = buffers.iter().map(|b| self.place(*b)).collect();
                if names.is_empty() { "nothing".to_string() } else { names.join(", ") }
            };
            let indent = "  ".repeat(depth);
            writeln!(f, "{indent}{} {}: {} -> {}", k.name, loops(&k.kind), list(&k.reads), list(&k.writes()))?;
            if let Some(b) = k.in_place {
                writeln!(f, "{indent}  in place of {}", self.place(b))?;
            }
            if let Kind::Region(r) = &k.kind {
                for body in &r.bodies {
                    writeln!(f, "{indent}  at {} B", r.base)?;
                    body.schedule.kernels(f, depth + 2)?;
                }
            }
        }
        Ok(())
    }

    fn place(&self, b: u32) -> String {
        let buffer = &self.buffers[b as usize];
        let place = match &buffer.storage {
            Storage::Param(n) => format!("input {n}"),
            Storage::Return(n) => format!("result {n}"),
            Storage::Static(_) => "flash".to_string(),
            Storage::Arena(offset) => format!("arena {offset}"),
        };
        format!("{}@{place}", buffer.aval)
    }
}

fn loops(kind: &Kind) -> String {
    match kind {
        Kind::Loop(nest) => of_nest(nest),
        Kind::Scatter { nest, .. } => format!("updates {}", of_nest(nest)),
        Kind::Call { function, .. } => format!("calls {function}"),
        Kind::Effect { effect: Effect::Print { .. } | Effect::Report { .. }, .. } => "prints".to_string(),
        Kind::Effect { effect: Effect::Check { .. }, .. } => "checks".to_string(),
        Kind::Region(r) => match &r.form {
            Form::Scan { length, .. } => format!("runs {length} times"),
            Form::Switch { .. } => format!("chooses among {}", r.bodies.len()),
            Form::While { bound: Some(n) } => format!("runs at most {n} times"),
            Form::While { bound: None } => "runs while".to_string(),
        },
    }
}

fn of_nest(nest: &Nest) -> String {
    let mut out = format!("{:?}", nest.extents);
    for fold in &nest.folds {
        let axes: Vec<usize> = fold.axes.iter().map(|(_, n)| *n).collect();
        let _ = write!(out, " {} over {axes:?}", fold.combine.name());
    }
    out
}
