//! What a schedule comes to, for people: its steps, its memory over time, and why values are stored.

use std::fmt::{self, Write as _};

use crate::graph::{Aval, Src};
use crate::ops::Effect;
use crate::schedule::program::{
    Apart, Bind, Form, Function, Kernel, Kind, Nest, RegionKernel, Schedule, Storage, SubSchedule, WhyApart, WhyNot,
};
use crate::schedule::work::{Work, work};

/// A schedule as a tree of steps over one list of buffers. Loops and branches are steps that hold steps, and every step has
/// a time: the position in which it stands when the tree is read from the beginning to the end.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The buffers, those inside of loops and branches too.
    pub buffers: Vec<Held>,
    /// What runs, in order.
    pub steps: Vec<Step>,
    /// Number of times.
    pub n_times: usize,
}

/// A value in memory.
#[derive(Clone, Debug)]
pub struct Held {
    /// The user's name for it; may be empty.
    pub name: String,
    /// dtype and shape.
    pub aval: Aval,
    /// The equation that made it.
    pub src: Src,
    /// Where it is.
    pub place: Place,
    /// First and last time that it is needed.
    pub life: (usize, usize),
    /// Why it is not computed where it is read. Inputs and constants have no reason.
    pub why: Option<WhyNot>,
    /// The buffer whose memory it takes over.
    pub in_place_of: Option<usize>,
}

/// Where a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Leaf number so much of the parameters.
    Input(usize),
    /// Leaf number so much of the result.
    Result(usize),
    /// A constant.
    Flash,
    /// From this byte of the arena on.
    Arena(usize),
}

/// One loop nest, call, loop or branch.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub time: usize,
    /// The function that was emitted for it, or what it calls or does.
    pub name: String,
    /// Its loops in words.
    pub what: String,
    /// Where it comes from.
    pub src: Src,
    /// Buffers that it reads, by their position in the report.
    pub reads: Vec<usize>,
    /// Buffers that it writes.
    pub writes: Vec<usize>,
    /// The time of the nearest loop over as many points that it has something in common with, and why both are not one.
    pub apart: Option<(usize, WhyApart)>,
    /// Where the arena of the kernel begins that it calls.
    pub callee_at: Option<usize>,
    /// What it does, once.
    pub work: Work,
    /// What it holds.
    pub inside: Option<Inside>,
}

/// What a loop or a branch holds.
#[derive(Clone, Debug)]
pub struct Inside {
    /// How often.
    pub turns: Turns,
    /// The body of a loop; the condition and the body of a `while`; the sides of a branch.
    pub bodies: Vec<Vec<Step>>,
}

/// How often the bodies run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turns {
    /// Each so many times.
    Exactly(usize),
    /// Each at most so many times.
    AtMost(usize),
    /// Nobody knows before it runs.
    Unknown,
    /// One of them once.
    OneOf,
}

impl Report {
    /// The report of a planned schedule. `functions` are the emitted functions in the order in which they are called.
    pub fn new(s: &Schedule, functions: &[(String, Src)]) -> Report {
        let mut builder = Builder { report: Report::default(), functions: functions.iter() };
        let all = Outside { ids: &[], sub: None, base: 0 };
        builder.report.steps = builder.level(s, &all);
        builder.report
    }
}

/// What surrounds a schedule: the buffers around it, what its inputs and results are there, and where its arena begins.
struct Outside<'a> {
    ids: &'a [Option<usize>],
    sub: Option<&'a SubSchedule>,
    base: usize,
}

struct Builder<'a> {
    report: Report,
    functions: std::slice::Iter<'a, (String, Src)>,
}

impl Builder<'_> {
    fn level(&mut self, s: &Schedule, outside: &Outside<'_>) -> Vec<Step> {
        let used = |b: usize| s.kernels.iter().any(|k| uses(k).any(|x| x as usize == b));
        let ids: Vec<Option<usize>> = (0..s.buffers.len())
            .map(|b| {
                let buffer = &s.buffers[b];
                let outer = |bind: Bind| match bind {
                    Bind::Whole(x) | Bind::Row(x) => outside.ids[x as usize],
                    Bind::Index | Bind::Test => None,
                };
                let place = match (&buffer.storage, outside.sub) {
                    (Storage::Param(p), Some(sub)) => return outer(sub.ins[*p]),
                    (Storage::Return(r), Some(sub)) => return outer(sub.outs[*r]),
                    (Storage::Param(p), None) => Place::Input(*p),
                    (Storage::Return(r), None) => Place::Result(*r),
                    (Storage::Static(_), _) => Place::Flash,
                    (Storage::Arena(offset), _) => Place::Arena(outside.base + offset),
                };
                used(b).then(|| {
                    let input = matches!(buffer.storage, Storage::Param(_) | Storage::Static(_));
                    let why = s.notes.iter().find(|(v, _)| *v == buffer.var && !input).map(|(_, why)| why.clone());
                    let (name, aval, src) = (buffer.name.clone(), buffer.aval.clone(), buffer.src);
                    let life = (usize::MAX, 0);
                    self.report.buffers.push(Held { name, aval, src, place, life, why, in_place_of: None });
                    self.report.buffers.len() - 1
                })
            })
            .collect();
        let mut steps: Vec<Step> = s.kernels.iter().map(|k| self.step(s, k, &ids, outside.base)).collect();
        let writer = |v| s.kernels.iter().position(|k| k.writes.iter().any(|b| s.buffers[*b as usize].var == v));
        for Apart { later, earlier, why } in &s.apart {
            if let (Some(later), Some(earlier)) = (writer(*later), writer(*earlier)) {
                steps[later].apart = Some((steps[earlier].time, *why));
            }
        }
        steps
    }

    fn step(&mut self, s: &Schedule, k: &Kernel, ids: &[Option<usize>], base: usize) -> Step {
        let time = self.report.n_times;
        self.report.n_times += 1;
        let known = |buffers: &[u32]| buffers.iter().filter_map(|b| ids[*b as usize]).collect::<Vec<usize>>();
        let (reads, writes) = (known(&k.reads), known(&k.writes));
        let mut over = |new: u32, old: u32| {
            if let (Some(new), Some(old)) = (ids[new as usize], ids[old as usize])
                && new != old
                && self.report.buffers[new].place == self.report.buffers[old].place
            {
                self.report.buffers[new].in_place_of = Some(old);
            }
        };
        k.in_place.iter().for_each(|(new, old)| over(*new, *old));
        k.carries().iter().for_each(|(from, to)| over(*to, *from));
        let name = match &k.kind {
            Kind::Loop(_) | Kind::Scatter { .. } => {
                self.functions.next().map(|(name, _)| name.clone()).unwrap_or_default()
            }
            Kind::Call { function, .. } => function.name(),
            Kind::Region(_) | Kind::Effect { .. } => k.name.clone(),
        };
        let inside = match &k.kind {
            Kind::Region(r) => Some(self.inside(r, ids, base)),
            _ => None,
        };
        let last = self.report.n_times - 1;
        for b in reads.iter().chain(&writes) {
            let life = &mut self.report.buffers[*b].life;
            *life = (life.0.min(time), life.1.max(last));
        }
        let callee_at = match &k.kind {
            Kind::Call { function: Function::Kernel { at, .. }, .. } => Some(base + at),
            _ => None,
        };
        let (what, work) = (loops(&k.kind), work(s, k));
        Step { time, name, what, src: k.src, reads, writes, apart: None, callee_at, work, inside }
    }

    fn inside(&mut self, r: &RegionKernel, ids: &[Option<usize>], base: usize) -> Inside {
        let turns = match r.form {
            Form::Scan { length, .. } => Turns::Exactly(length),
            Form::While { bound: Some(n) } => Turns::AtMost(n),
            Form::While { bound: None } => Turns::Unknown,
            Form::Switch { .. } => Turns::OneOf,
        };
        let bodies = r.bodies.iter();
        let bodies = bodies.map(|b| self.level(&b.schedule, &Outside { ids, sub: Some(b), base: base + r.base }));
        Inside { turns, bodies: bodies.collect() }
    }
}

fn uses(k: &Kernel) -> impl Iterator<Item = u32> + '_ {
    k.reads.iter().chain(&k.writes).copied()
}

/// Kernels in order, then why values are stored.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "arena {} B, largest live set {} B", self.arena_bytes, self.live_bytes)?;
        self.kernels(f, 0)?;
        for (v, why) in &self.notes {
            writeln!(f, "v{} is stored: {}", v.0, why.text())?;
        }
        for Apart { later, earlier, why } in &self.apart {
            writeln!(f, "v{} and v{} are two loops: {}", earlier.0, later.0, why.text())?;
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
            writeln!(f, "{indent}{} {}: {} -> {}", k.name, loops(&k.kind), list(&k.reads), list(&k.writes))?;
            for (_, from) in &k.in_place {
                writeln!(f, "{indent}  in place of {}", self.place(*from))?;
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
        Kind::Call { function, .. } => format!("calls {}", function.name().trim_start_matches("rt::")),
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
