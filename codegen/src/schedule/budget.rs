//! Budgets of memory: the program that fits, at the least extra work that is found.
//!
//! Before: a program whose arena may be too large. After: one that computes the same bits within a given number of bytes, or
//! the smallest number that would have worked. The search goes over rewrites of the graph (`crate::passes::recompute`); each
//! graph is scheduled, and kernels are run again where that takes away what is still over ([`super::rematerialise`]).

use std::collections::HashSet;
use std::rc::Rc;

use crate::graph::{Graph, Var};
use crate::passes::recompute;
use crate::passes::rows::{Chain, Shape, Surroundings};
use crate::passes::strips::{self, Again};
use crate::schedule::cost;
use crate::schedule::fuse::{Wishes, fuse_as};
use crate::schedule::plan::{live_bytes, plan_within};
use crate::schedule::program::{Dest, Kind, Program, Schedule, Storage, WhyNot};
use crate::schedule::region;

/// Numbers of rewrites: loops come first.
const VALUES: usize = 1 << 20;
/// The first number of strips.
const STRIPS: usize = 1 << 21;
/// The first number of loops over rows.
const ROWS: usize = 1 << 22;
/// The first number of what loops hold.
const INSIDE: usize = 1 << 23;
/// Rewrites of the graph that are taken one after the other.
const MAX_ROUNDS: usize = 12;
/// Values for which computing them at every reader is tried in a round.
const MAX_VALUES: usize = 6;

/// Sizes of strips that are tried, from the largest on.
const MAX_STRIPS: usize = 5;
/// Parts of a group that are tried, beside all of it.
const MAX_PARTS: usize = 3;
/// Programs that are rewritten on in a round, by each order.
const BEAM: usize = 1;
/// Rewrites of a round that are planned to the end, by each order: those that look best without kernels that run
/// again.
const MAX_PLANNED: usize = 4;
/// Extra work of more than this part is worth a second look.
const DEAR: u64 = 8;
/// Steps that may follow a first one which is tried for being cheap.
const MAX_FURTHER: usize = 2;
/// Values that a loop over rows may end with, from the first on that lives at the peak.
const MAX_ENDS: usize = 12;
/// Values of which a loop over rows makes only parts.
const MAX_DEPTH: usize = 12;
/// Loops over rows that are tried in a round, by each order.
const MAX_CHAINS: usize = 6;
/// Values of less than this part of the arena are not worth strips.
const MIN_SHARE: usize = 8;

/// A program with the schedule that it has within a budget.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The rewritten program.
    pub program: Program,
    /// Its schedule, with memory.
    pub schedule: Schedule,
    /// Operations of one run; see [`cost::work`].
    pub work: u64,
    /// What the first rewrite was about.
    about: usize,
}

/// What folds over the axis of strips do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Folds {
    /// They are left outside.
    Outside,
    /// They may go on from strip to strip.
    InParts,
}

/// The program within `limit` bytes of arena; if that is not reached, what came nearest.
pub fn fit(program: &Program, wishes: Wishes, limit: usize) -> Fitted {
    let natural = Sketch::of(program.clone(), wishes, 0).planned(limit);
    let cheap = natural.work + natural.work / DEAR;
    let whole = search(natural.clone(), wishes, limit, Folds::Outside);
    // Sums from zero are what cores are best at: they are taken in parts where nothing else helps, or all else costs much.
    if whole.schedule.arena_bytes <= limit && whole.work <= cheap {
        return whole;
    }
    let parts = search(natural, wishes, limit, Folds::InParts);
    if rank(&parts, limit) < rank(&whole, limit) { parts } else { whole }
}

fn search(natural: Fitted, wishes: Wishes, limit: usize, folds: Folds) -> Fitted {
    let work = natural.work.max(1);
    // What is over the budget, as a share of it, and what is done twice.
    let price = |bytes: usize, of: u64| {
        bytes.saturating_sub(limit) as f64 / (limit + 1) as f64 / 2.0 + of.saturating_sub(work) as f64 / work as f64
    };
    let mut best = natural.clone();
    let mut beam = vec![natural];
    let mut stalled = false;
    let mut first: Vec<(usize, u64, Program)> = Vec::new();
    for _ in 0..MAX_ROUNDS {
        if best.schedule.arena_bytes <= limit {
            break;
        }
        let of = |f: &Fitted| {
            let began = first.is_empty();
            let about = f.about;
            rewrites(f, wishes, folds)
                .into_iter()
                .map(move |(what, p)| Sketch::of(p, wishes, if began { what } else { about }))
                .collect::<Vec<_>>()
        };
        let mut sketches: Vec<Sketch> = beam.iter().flat_map(of).collect();
        sketches.sort_by_key(|s| (s.live, s.work));
        sketches.dedup_by_key(|s| (s.live, s.work));
        if first.is_empty() {
            first = sketches.iter().map(|s| (s.about, s.work, s.program.clone())).collect();
        }
        let sketches = of_both(sketches, MAX_PLANNED, |s| price(s.live, s.work), |s| (s.live.max(limit), s.work));
        let found: Vec<Fitted> = sketches.into_iter().map(|s| s.planned(limit)).collect();
        let found = of_both(found, BEAM, |f| price(f.schedule.arena_bytes, f.work), |f| rank(f, limit));
        let Some(nearest) = found.iter().min_by_key(|f| rank(f, limit)) else { break };
        // A step that does not come nearer may be the first of two that do.
        let better = rank(nearest, limit) < rank(&best, limit);
        if better {
            best = nearest.clone();
        } else if std::mem::replace(&mut stalled, true) {
            break;
        }
        beam = found;
    }
    if best.schedule.arena_bytes <= limit && best.work > work + work / DEAR {
        return cheaper(best, first, wishes, limit, folds);
    }
    best
}

/// What fits may have begun with more than was needed: the cheapest of the `first` steps about the same from which it goes on
/// to fit as well.
fn cheaper(best: Fitted, mut first: Vec<(usize, u64, Program)>, wishes: Wishes, limit: usize, folds: Folds) -> Fitted {
    first.retain(|(about, work, _)| *about == best.about && *work < best.work);
    first.sort_by_key(|(_, work, _)| *work);
    for (_, _, program) in first {
        let mut here = Sketch::of(program, wishes, best.about).planned(limit);
        for _ in 0..MAX_FURTHER {
            if here.schedule.arena_bytes <= limit {
                break;
            }
            let next =
                rewrites(&here, wishes, folds).into_iter().map(|(_, program)| Sketch::of(program, wishes, best.about));
            let next = next.filter(|s| s.work < best.work).min_by_key(|s| (s.live.max(limit), s.work));
            match next.map(|s| s.planned(limit)).filter(|f| rank(f, limit) < rank(&here, limit)) {
                Some(next) => here = next,
                None => break,
            }
        }
        if here.schedule.arena_bytes <= limit && here.work < best.work {
            return here;
        }
    }
    best
}

/// The first `n` of both orders: what comes nearest is seldom what came there cheaply.
fn of_both<T, K: Ord>(items: Vec<T>, n: usize, price: impl Fn(&T) -> f64, rank: impl Fn(&T) -> K) -> Vec<T> {
    let mut by_price: Vec<usize> = (0..items.len()).collect();
    let mut by_rank = by_price.clone();
    by_price.sort_by(|a, b| price(&items[*a]).total_cmp(&price(&items[*b])));
    by_rank.sort_by_key(|k| rank(&items[*k]));
    let chosen: HashSet<usize> = by_price.into_iter().take(n).chain(by_rank.into_iter().take(n)).collect();
    items.into_iter().enumerate().filter(|(k, _)| chosen.contains(k)).map(|(_, x)| x).collect()
}

/// What fits before what does not; then by work, or by what is needed.
fn rank(f: &Fitted, limit: usize) -> (usize, u64) {
    (f.schedule.arena_bytes.max(limit), f.work)
}

/// A program that has been scheduled, but not placed.
struct Sketch {
    program: Program,
    schedule: Schedule,
    live: usize,
    work: u64,
    about: usize,
}

impl Sketch {
    fn of(program: Program, wishes: Wishes, about: usize) -> Sketch {
        let schedule = fuse_as(&program, wishes);
        let (live, work) = (live_bytes(&schedule), cost::work(&schedule));
        Sketch { program, schedule, live, work, about }
    }

    fn planned(mut self, limit: usize) -> Fitted {
        plan_within(&mut self.schedule, limit);
        let work = cost::work(&self.schedule);
        Fitted { program: self.program, schedule: self.schedule, work, about: self.about }
    }
}

/// Programs that compute the same and may need less memory, each with a number for what it is about.
fn rewrites(f: &Fitted, wishes: Wishes, folds: Folds) -> Vec<(usize, Program)> {
    let graph = &f.program.graph;
    let mut out = Vec::new();
    for (about, pair) in recompute::pairs(graph).into_iter().enumerate() {
        // What is had again for least goes first; the order of the largest is a second guess.
        let mut dropped: Vec<usize> = Vec::new();
        loop {
            let more = pair.kept.iter().map(|(n, _)| *n).filter(|n| !dropped.contains(n));
            let tried = more.filter_map(|n| {
                let all: Vec<usize> = dropped.iter().copied().chain([n]).collect();
                let g = recompute::without_kept(graph, &pair, &all)?;
                let flops: u64 = flops(&g);
                Some((flops, n, g))
            });
            let Some((_, n, g)) = tried.min_by_key(|(flops, n, _)| (*flops, *n)) else { break };
            dropped.push(n);
            out.push((about, g));
        }
        let length = f.program.graph.eqns[pair.first].op.region().map_or(0, |r| match r {
            crate::ops::Region::Scan { length, .. } => length,
            _ => 0,
        });
        out.extend((2..length).filter_map(|k| Some((about, recompute::in_segments(graph, &pair, k)?))));
    }
    out.extend(strips(f, folds));
    out.extend(rows(f));
    out.extend(inside(f, wishes, folds));
    let stored: HashSet<Var> = f.schedule.notes.iter().map(|(v, _)| *v).collect();
    let often = f.schedule.notes.iter().filter(|(_, why)| matches!(why, WhyNot::ReadOften(_)));
    let mut often: Vec<(usize, Var)> = often.map(|(v, _)| (graph.aval(*v).bytes(), *v)).collect();
    often.sort_by_key(|(bytes, v)| (std::cmp::Reverse(*bytes), *v));
    out.extend(
        often
            .iter()
            .take(MAX_VALUES)
            .filter_map(|(_, v)| Some((VALUES, recompute::at_every_reader(graph, *v, &stored)?))),
    );
    let Program { mutable, dests, .. } = &f.program;
    out.into_iter()
        .map(|(about, graph)| (about, Program { graph, mutable: mutable.clone(), dests: dests.clone() }))
        .collect()
}

/// Strips along every axis that something large goes along.
fn strips(f: &Fitted, folds: Folds) -> Vec<(usize, Graph)> {
    let Program { graph, dests, .. } = &f.program;
    let stored: HashSet<Var> = f.schedule.notes.iter().map(|(v, _)| *v).collect();
    let place = |(v, d): (&Var, &Dest)| match d {
        Dest::Param(p) => Some((*v, graph.inputs[*p])),
        Dest::Return(_) => None,
    };
    let places: Vec<(Var, Var)> = graph.outputs.iter().zip(dests).filter_map(place).collect();
    let mut out = Vec::new();
    let at_peak: Vec<Var> = f.schedule.peak.iter().map(|(b, _)| f.schedule.buffers[*b as usize].var).collect();
    let large = |v: &Var| graph.aval(*v).bytes() * MIN_SHARE >= f.schedule.arena_bytes;
    for (k, group) in strips::groups(graph).into_iter().enumerate() {
        let mut parts = vec![group.clone()];
        for v in group.eqns.iter().map(|k| graph.eqns[*k].outputs[0]).filter(|v| stored.contains(v) && large(v)) {
            let part = group.up_to(graph, v);
            if parts.len() <= MAX_PARTS && parts.iter().all(|p| p.eqns != part.eqns) {
                parts.push(part);
            }
        }
        for (part, group) in parts.into_iter().enumerate() {
            // Something large that is in the way is made or read inside, and something stored lies between.
            let made: HashSet<Var> = group.eqns.iter().map(|k| graph.eqns[*k].outputs[0]).collect();
            let read: HashSet<Var> = group.eqns.iter().flat_map(|k| &graph.eqns[*k].inputs).copied().collect();
            let here = |v: &&Var| group.axis.contains_key(v) && (made.contains(v) || read.contains(v));
            let kept = stored.iter().filter(here).count();
            if kept < 2 || !at_peak.iter().filter(here).any(large) {
                continue;
            }
            let sizes: Vec<usize> = (1..group.extent).rev().filter(|n| group.extent.is_multiple_of(*n)).collect();
            let mut of_folds = vec![group.without_folds()];
            if folds == Folds::InParts {
                of_folds.extend([group.with_folds_that_pay(graph), group]);
                of_folds.dedup_by(|a, b| a.folds == b.folds);
            }
            for (n, group) in sizes.iter().take(MAX_STRIPS).flat_map(|n| of_folds.iter().map(move |g| (n, g))) {
                for again in [Again::Never, Again::Half, Again::Always] {
                    let g = strips::in_strips(graph, group, *n, again, &stored, &places);
                    out.extend(g.map(|g| (STRIPS + k * (MAX_PARTS + 1) + part, g)));
                }
            }
        }
    }
    out
}

/// What the loops and branches that need most of the memory hold, rewritten.
fn inside(f: &Fitted, wishes: Wishes, folds: Folds) -> Vec<(usize, Graph)> {
    let graph = &f.program.graph;
    let mut out = Vec::new();
    for kernel in &f.schedule.kernels {
        let Kind::Region(r) = &kernel.kind else { continue };
        let made = kernel.writes.first().map(|b| f.schedule.buffers[*b as usize].var);
        let found = graph.eqns.iter().position(|e| e.op.region().is_some() && e.outputs.first().copied() == made);
        let Some(k) = found.filter(|_| 2 * r.bytes >= f.schedule.arena_bytes && r.bytes > 0) else { continue };
        let op = &graph.eqns[k].op;
        let programs = region::programs(op, graph.eqns[k].outputs.len());
        debug_assert_eq!(programs.len(), op.subgraphs().len());
        for (n, program) in programs.into_iter().enumerate() {
            let body = Sketch::of(program, Wishes { inside: true, ..wishes }, 0).planned(usize::MAX);
            if 2 * body.schedule.arena_bytes < r.bytes {
                continue;
            }
            for (about, other) in rewrites(&body, wishes, folds) {
                let mut graphs = op.subgraphs();
                graphs[n] = Rc::new(other.graph);
                let mut g = graph.clone();
                g.eqns[k].op = op.with_subgraphs(graphs);
                out.push((INSIDE + about, g));
            }
        }
    }
    out
}

/// Chains of windows in strips of rows, so that something large at the peak is never whole: those that look best.
fn rows(f: &Fitted) -> Vec<(usize, Graph)> {
    let graph = &f.program.graph;
    let stored: HashSet<Var> = f.schedule.notes.iter().map(|(v, _)| *v).collect();
    let large = |v: &Var| graph.aval(*v).bytes() * MIN_SHARE >= f.schedule.arena_bytes;
    let at_peak: HashSet<Var> =
        f.schedule.peak.iter().map(|(b, _)| f.schedule.buffers[*b as usize].var).filter(large).collect();
    let made: Vec<Var> = graph.eqns.iter().flat_map(|e| &e.outputs).copied().filter(|v| stored.contains(v)).collect();
    let Some(first) = made.iter().position(|v| at_peak.contains(v)) else { return Vec::new() };
    let around = Surroundings::of(graph, &stored);
    let mut found = Vec::new();
    let ends = made.iter().copied().enumerate().skip(first).take(MAX_ENDS).map(|(e, v)| (e, v, None));
    // What only a fold reads need not be whole either.
    let folds = graph.eqns.iter().enumerate().filter(|(_, e)| e.inputs.len() == 1 && large(&e.inputs[0]));
    let folds = folds.map(|(k, e)| (made.len() + k, e.inputs[0], Some(k)));
    for (e, end, fold) in ends.chain(folds) {
        for axis in 0..graph.shape(end).len() {
            let extent = graph.shape(end)[axis];
            let of = |strips, keeps, depth| Chain::of(&around, Shape { end, axis, strips, depth, keeps, fold });
            let helps = |chain: &Chain| chain.parts(graph).iter().any(|v| at_peak.contains(v));
            let sizes: Vec<usize> = (2..=extent).filter(|n| extent.is_multiple_of(*n)).take(MAX_STRIPS).collect();
            // Where nothing reaches over rows there, nothing does for any size.
            let reaches = |n: &usize| of(*n, false, MAX_DEPTH).is_some_and(|chain| helps(&chain));
            if !sizes.first().is_some_and(reaches) {
                continue;
            }
            for (strips, keeps) in sizes.into_iter().flat_map(|n| [(n, false), (n, true)]) {
                let mut last = 0;
                for chain in (2..=MAX_DEPTH).filter_map(|depth| of(strips, keeps, depth)) {
                    // As long as it grows.
                    let n = chain.parts(graph).len();
                    if std::mem::replace(&mut last, n) == n {
                        break;
                    }
                    if helps(&chain) {
                        let (bytes, flops) = chain.price(graph, &stored);
                        let beside = live_without(&f.schedule, &chain.parts(graph));
                        found.push(((bytes.max(beside), flops), ROWS + e, chain));
                    }
                }
            }
        }
    }
    let both = |(bytes, flops): (usize, u64)| bytes as f64 * (1.0 + flops as f64 / f.work.max(1) as f64);
    let chosen = of_both(found, MAX_CHAINS, |(price, ..)| both(*price), |(price, ..)| *price);
    chosen.into_iter().filter_map(|(_, about, chain)| Some((about, chain.as_loop(graph, &stored)?))).collect()
}

/// The most that is live at once, roughly, where some values have no memory any more.
fn live_without(s: &Schedule, gone: &HashSet<Var>) -> usize {
    let counts = |b: u32| {
        let buffer = &s.buffers[b as usize];
        if matches!(buffer.storage, Storage::Arena(_)) && !gone.contains(&buffer.var) { buffer.aval.bytes() } else { 0 }
    };
    let mut lives: Vec<Option<(usize, usize)>> = vec![None; s.buffers.len()];
    for (k, kernel) in s.kernels.iter().enumerate() {
        for b in kernel.reads.iter().chain(&kernel.writes) {
            let life = &mut lives[*b as usize];
            *life = Some((life.map_or(k, |(first, _)| first), k));
        }
    }
    let mut change = vec![0i64; s.kernels.len() + 1];
    for (b, (first, last)) in lives.iter().enumerate().filter_map(|(b, life)| Some((b as u32, (*life)?))) {
        change[first] += counts(b) as i64;
        change[last + 1] -= counts(b) as i64;
    }
    let mut now = 0;
    let live = s.kernels.iter().zip(change).map(|(kernel, change)| {
        now += change;
        // One of both is enough.
        let shared: usize = kernel.in_place.iter().map(|(to, from)| counts(*to).min(counts(*from))).sum();
        now as usize - shared
    });
    live.max().unwrap_or(0)
}

fn flops(g: &Graph) -> u64 {
    crate::ops::region::flops(g)
}
