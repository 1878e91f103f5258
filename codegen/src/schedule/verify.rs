//! The verifier of schedules: no kernel finds the memory of what it reads taken by something else.
//!
//! It does not redo what the planner does: it runs through the kernels with a map that says, for every byte, which
//! buffer was written there last, and asks of every read that the answer be the buffer itself.

use std::collections::HashMap;

use crate::schedule::callees;
use crate::schedule::exprs::{needed, operands};
use crate::schedule::order::reads_what_changes;
use crate::schedule::program::{Bind, Form, Kernel, Kind, Nest, RegionKernel, Schedule, Storage};
use crate::schedule::{body::Ex, body::Node, ix::Ix};

/// Says what is wrong with the memory of `s`, or of a schedule inside one of its regions.
pub fn verify(s: &Schedule) -> Result<(), String> {
    let mut memory = Memory { s, arena: vec![None; s.arena_bytes], leaves: HashMap::new() };
    let written: Vec<u32> = s.kernels.iter().flat_map(|k| k.writes.clone()).collect();
    for b in 0..s.buffers.len() as u32 {
        memory.check_place(b)?;
        // What no kernel writes is there from the start: an input.
        if let (Storage::Param(_), false) = (memory.storage(b), written.contains(&b)) {
            memory.own(b);
        }
    }
    for kernel in &s.kernels {
        let at = |e: String| format!("kernel `{}` that writes {:?}: {e}", kernel.name, kernel.writes);
        memory.run(kernel).map_err(at)?;
    }
    Ok(())
}

struct Memory<'a> {
    s: &'a Schedule,
    arena: Vec<Option<u32>>,
    /// Who wrote each leaf of a result or of an input; an input that is there from the start may have several buffers.
    leaves: HashMap<(bool, usize), Vec<u32>>,
}

impl Memory<'_> {
    fn storage(&self, b: u32) -> &Storage {
        &self.s.buffers[b as usize].storage
    }

    fn bytes(&self, b: u32) -> std::ops::Range<usize> {
        match self.storage(b) {
            Storage::Arena(offset) => *offset..offset + self.s.buffers[b as usize].aval.bytes(),
            _ => 0..0,
        }
    }

    fn leaf(&self, b: u32) -> Option<(bool, usize)> {
        match self.storage(b) {
            Storage::Param(n) => Some((true, *n)),
            Storage::Return(n) => Some((false, *n)),
            _ => None,
        }
    }

    fn check_place(&self, b: u32) -> Result<(), String> {
        let Storage::Arena(offset) = self.storage(b) else { return Ok(()) };
        // Buffers that nothing uses keep the offset they were made with.
        let used = self.s.kernels.iter().any(|k| reads(k).contains(&b) || k.writes.contains(&b));
        let align = self.s.buffers[b as usize].aval.dtype.bytes().min(8);
        if used && (self.bytes(b).end > self.s.arena_bytes || offset % align != 0) {
            return Err(format!("buffer {b} at {offset} is outside the arena or not aligned to {align}"));
        }
        Ok(())
    }

    fn own(&mut self, b: u32) {
        let bytes = self.bytes(b);
        self.arena[bytes].fill(Some(b));
        if let Some(leaf) = self.leaf(b) {
            self.leaves.entry(leaf).or_default().push(b);
        }
    }

    fn overlap(&self, a: u32, b: u32) -> bool {
        let (x, y) = (self.bytes(a), self.bytes(b));
        let leaf = self.leaf(a).is_some() && self.leaf(a) == self.leaf(b);
        leaf || x.start.max(y.start) < x.end.min(y.end)
    }

    fn run(&mut self, kernel: &Kernel) -> Result<(), String> {
        let (reads, writes) = (reads(kernel), kernel.writes.clone());
        for b in &reads {
            if let Some(other) = self.arena[self.bytes(*b)].iter().find(|x| **x != Some(*b)) {
                return Err(format!("buffer {b} is read where {other:?} was written last"));
            }
            if let Some(leaf) = self.leaf(*b)
                && !self.leaves.get(&leaf).is_some_and(|owners| owners.contains(b))
            {
                return Err(format!("buffer {b} is read from leaf {leaf:?}, which holds something else"));
            }
        }
        for (n, w) in writes.iter().enumerate() {
            if let Some(other) = writes[..n].iter().find(|o| self.overlap(**o, *w)) {
                return Err(format!("buffers {other} and {w} are written to the same place"));
            }
            for r in &reads {
                if self.overlap(*r, *w) && !self.takes_over(kernel, *r, *w) {
                    return Err(format!("buffer {w} is written over buffer {r}, which is still read"));
                }
            }
        }
        if let Kind::Region(region) = &kernel.kind {
            self.run_region(region, &reads, &writes)?;
        }
        for callee in callees::of(kernel) {
            self.run_callee(callee.at, &reads, &writes)?;
        }
        for w in writes {
            if let Some(leaf) = self.leaf(w) {
                self.leaves.remove(&leaf);
            }
            self.own(w);
        }
        Ok(())
    }

    /// A callee may write everything from the place on at which its arena begins.
    fn run_callee(&mut self, at: usize, reads: &[u32], writes: &[u32]) -> Result<(), String> {
        if !at.is_multiple_of(8) {
            return Err(format!("the arena of a callee is at {at}"));
        }
        if let Some(b) = reads.iter().chain(writes).find(|b| self.bytes(**b).end > at) {
            return Err(format!("buffer {b} at {:?} lies in the arena of a callee, at {at}", self.bytes(*b)));
        }
        let end = self.arena.len();
        self.arena[at.min(end)..].fill(None);
        Ok(())
    }

    /// Whether `kernel` reads each element of `r` no later than it writes the element of `w` in its place.
    fn takes_over(&self, kernel: &Kernel, r: u32, w: u32) -> bool {
        let (from, to) = (&self.s.buffers[r as usize], &self.s.buffers[w as usize]);
        if from.storage != to.storage || from.aval.bytes() != to.aval.bytes() || from.aval.dtype != to.aval.dtype {
            return false;
        }
        match &kernel.kind {
            Kind::Loop(nest) => {
                let folded = nest.folds.iter().any(|f| loads(nest, &[f.item], &[]).iter().any(|(b, _)| *b == r));
                let mut own = loads(nest, &nest.at_results(), &[]).into_iter().filter(|(b, _)| *b == r);
                // Elements are written in the order in which they lie.
                let stores = kernel.writes.iter().zip(&nest.stores);
                let to = stores.into_iter().find(|(b, _)| **b == w).map(|(_, store)| &store.at);
                !folded && own.all(|(_, at)| to.is_some_and(|to| at.is_at_or_behind(to)))
            }
            Kind::Scatter { nest, at, when, from, .. } => {
                let read = of_scatter(nest, at, *when).contains(&r);
                *from == r && (!read || when.is_none() && reads_what_changes(nest, at, r))
            }
            Kind::Effect { .. } => false,
            Kind::Call { .. } => {
                let starts: Vec<u32> =
                    kernel.carries().iter().filter(|(from, _)| *from == r).map(|(_, to)| *to).collect();
                starts == [w] && kernel.reads.iter().filter(|b| **b == r).count() == 1
            }
            Kind::Region(region) => {
                let starts: Vec<u32> =
                    region.carries.iter().filter(|(from, _)| *from == r).map(|(_, to)| *to).collect();
                starts == [w] && !used_inside(region).contains(&r)
            }
        }
    }

    fn run_region(&mut self, region: &RegionKernel, reads: &[u32], writes: &[u32]) -> Result<(), String> {
        let inside = region.base..region.base + region.bytes;
        if inside.end > self.arena.len() || !region.base.is_multiple_of(8) {
            return Err(format!("the memory of the bodies is at {inside:?} of {} bytes", self.arena.len()));
        }
        for b in reads.iter().chain(writes) {
            let bytes = self.bytes(*b);
            if bytes.start.max(inside.start) < bytes.end.min(inside.end) {
                return Err(format!("buffer {b} at {bytes:?} lies in the memory of the bodies, {inside:?}"));
            }
        }
        self.arena[inside].fill(None);
        for body in &region.bodies {
            if body.schedule.arena_bytes > region.bytes {
                return Err(format!("a body needs {} bytes and has {}", body.schedule.arena_bytes, region.bytes));
            }
            verify(&body.schedule).map_err(|e| format!("inside: {e}"))?;
        }
        Ok(())
    }
}

/// All buffers that a kernel reads, worked out from what it does.
fn reads(kernel: &Kernel) -> Vec<u32> {
    let mut out = match &kernel.kind {
        Kind::Loop(nest) => {
            let at: Vec<&Ix> = nest.stores.iter().map(|s| &s.at).collect();
            loads(nest, &nest.roots(), &at).into_iter().map(|(b, _)| b).collect()
        }
        Kind::Scatter { nest, at, when, from, .. } => {
            let mut out = of_scatter(nest, at, *when);
            out.push(*from);
            out
        }
        Kind::Call { .. } => kernel.reads.clone(),
        Kind::Effect { operands, .. } => operands.clone(),
        Kind::Region(region) => {
            let mut out: Vec<u32> = used_inside(region).into_iter().filter(|b| !kernel.writes.contains(b)).collect();
            out.extend(region.carries.iter().map(|(from, _)| *from));
            out
        }
    };
    out.sort_unstable();
    out.dedup();
    out
}

fn of_scatter(nest: &Nest, at: &Ix, when: Option<Ex>) -> Vec<u32> {
    let roots: Vec<Ex> = nest.roots().into_iter().chain(when).collect();
    loads(nest, &roots, &[at]).into_iter().map(|(b, _)| b).collect()
}

/// Buffers bound to inputs of the bodies, and the number of a branch.
fn used_inside(region: &RegionKernel) -> Vec<u32> {
    let bound = region.bodies.iter().flat_map(|b| &b.ins).filter_map(|b| match b {
        Bind::Whole(b) | Bind::Row(b) => Some(*b),
        Bind::Index | Bind::Test => None,
    });
    let which = match region.form {
        Form::Switch { index } => Some(index),
        _ => None,
    };
    bound.chain(which).collect()
}

/// Buffers and places of all loads that `roots`, and what stands in `indices`, depend on.
fn loads(nest: &Nest, roots: &[Ex], indices: &[&Ix]) -> Vec<(u32, Ix)> {
    let mut roots = roots.to_vec();
    for ix in indices {
        roots.extend(operands(&Node::Index((*ix).clone())));
    }
    let load = |e: Ex| match nest.exprs.node(e) {
        Node::Load { buffer, at } => Some((*buffer, at.clone())),
        _ => None,
    };
    needed(&nest.exprs, &roots).into_iter().filter_map(load).collect()
}
