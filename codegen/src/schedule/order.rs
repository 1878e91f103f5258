//! In which order kernels run, and which may write where they read.
//!
//! Before: kernels in the order of the equations. After: everything is written before it is read, and the memory of an input is
//! overwritten only after all that read its old value; where that is impossible, a copy comes in between.

use std::collections::{BTreeSet, HashMap};

use crate::schedule::body::{Ex, Exprs, Node};
use crate::schedule::contract;
use crate::schedule::exprs::{axes_of, index, needed};
use crate::schedule::ix::{Atom, Ix};
use crate::schedule::nests::{collect_reads, reads_of};
use crate::schedule::program::{Kernel, Kind, Nest, Schedule, Storage, Store};

/// Puts kernels in an order in which everything is written before it is read, and the memory of an input is overwritten
/// only after all that read its old value. Where that is impossible the new value goes through the arena. Effects happen in
/// the order in which they are written; if `keep`, no input changes before the last check, so that one that fails
/// leaves all inputs as they were.
pub fn order(s: &mut Schedule, keep: bool) {
    loop {
        match try_order(s, keep) {
            Ok(sequence) => {
                let mut kernels: Vec<Option<Kernel>> = std::mem::take(&mut s.kernels).into_iter().map(Some).collect();
                s.kernels = sequence.into_iter().map(|n| kernels[n].take().expect("each once")).collect();
                return;
            }
            Err(stuck) => {
                // The kernel computes into the arena; a copy follows.
                let (_, write) = stuck;
                let target = s.buffers[write as usize].clone();
                s.buffers[write as usize].storage = Storage::Arena(0);
                let to = s.buffers.len() as u32;
                s.buffers.push(target.clone());
                let n = target.aval.size();
                let ix = Ix::axis(0, n);
                let mut exprs = Exprs::default();
                let value = exprs.intern(Node::Load { buffer: write, at: ix.clone() }, target.aval.dtype);
                let stores = vec![Store { value, at: ix }];
                let nest = Nest { extents: vec![n], exprs, folds: Vec::new(), stores };
                s.kernels.push(Kernel {
                    name: "copy".into(),
                    src: target.src,
                    kind: Kind::Loop(nest),
                    reads: vec![write],
                    writes: vec![to],
                    in_place: Vec::new(),
                });
            }
        }
    }
}

fn try_order(s: &Schedule, keep: bool) -> Result<Vec<usize>, (usize, u32)> {
    let n = s.kernels.len();
    let overwrites = |k: &Kernel| -> Vec<(u32, usize)> {
        k.writes
            .iter()
            .filter_map(|b| match s.buffers[*b as usize].storage {
                Storage::Param(p) => Some((*b, p)),
                _ => None,
            })
            .collect()
    };
    let writer: HashMap<u32, usize> =
        s.kernels.iter().enumerate().flat_map(|(k, kernel)| kernel.writes.iter().map(move |b| (*b, k))).collect();
    // Who reads the value that an input comes with; what is put into its memory has a buffer of its own.
    let old = |b: u32| match s.buffers[b as usize].storage {
        Storage::Param(p) if !writer.contains_key(&b) => Some(p),
        _ => None,
    };
    let mut readers: HashMap<usize, Vec<usize>> = HashMap::new();
    for (k, kernel) in s.kernels.iter().enumerate() {
        for p in kernel.reads.iter().filter_map(|b| old(*b)) {
            readers.entry(p).or_default().push(k);
        }
    }
    let reads_param = |k: &Kernel, p: usize| k.reads.iter().any(|b| old(*b) == Some(p));
    let effects: Vec<bool> = s.kernels.iter().map(Kernel::has_effect).collect();
    let checks: Vec<bool> = s.kernels.iter().map(Kernel::may_fail).collect();
    let last_check = checks.iter().rposition(|e| *e);
    let mut previous = None;
    let mut before: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); n];
    let mut changes = vec![false; n];
    for (k, kernel) in s.kernels.iter().enumerate() {
        let overwritten = overwrites(kernel);
        changes[k] = !overwritten.is_empty();
        before[k].extend(kernel.reads.iter().filter_map(|b| writer.get(b)));
        before[k].extend(overwritten.iter().filter_map(|(_, p)| readers.get(p)).flatten());
        if effects[k] {
            before[k].extend(previous.replace(k));
        }
        if keep && changes[k] && !checks[k] {
            before[k].extend(last_check);
        }
        before[k].remove(&k);
    }
    // A kernel may overwrite what it reads only where it reads just the element that it writes.
    for (k, kernel) in s.kernels.iter().enumerate() {
        for (b, p) in overwrites(kernel) {
            let changes_under_way = keep && checks[k];
            if changes_under_way || reads_param(kernel, p) && !reads_in_step(s, kernel, p, b) {
                return Err((k, b));
            }
        }
    }
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); n];
    for (k, js) in before.iter().enumerate() {
        js.iter().for_each(|j| after[*j].push(k));
    }
    let mut waits: Vec<usize> = before.iter().map(BTreeSet::len).collect();
    // Updates of parameters run as soon as they can: they free what they read.
    let mut ready: BTreeSet<(bool, usize)> = (0..n).filter(|k| waits[*k] == 0).map(|k| (!changes[k], k)).collect();
    let mut done = vec![false; n];
    let mut out = Vec::new();
    while let Some((_, k)) = ready.pop_first() {
        done[k] = true;
        out.push(k);
        for j in &after[k] {
            waits[*j] -= 1;
            if waits[*j] == 0 {
                ready.insert((!changes[*j], *j));
            }
        }
    }
    if let Some(k) = (0..n).find(|k| !done[*k]) {
        let stuck = (k..n).find(|k| !done[*k] && changes[*k]).expect("only overwriting can make a cycle");
        return Err((stuck, overwrites(&s.kernels[stuck])[0].0));
    }
    Ok(out)
}

/// Whether every read of input `p` in a nest is at the position of `written` that is stored, outside of folds.
fn reads_in_step(s: &Schedule, kernel: &Kernel, p: usize, written: u32) -> bool {
    kernel
        .reads
        .iter()
        .filter(|b| s.buffers[**b as usize].storage == Storage::Param(p))
        .all(|b| read_in_step(kernel, *b, written) && carried_over(s, kernel, *b))
}

/// Whether a loop or a callee that starts from `buffer` ends in its place; another carry that is put there first would overwrite it.
fn carried_over(s: &Schedule, kernel: &Kernel, buffer: u32) -> bool {
    if matches!(kernel.kind, Kind::Loop(_) | Kind::Scatter { .. }) {
        return true;
    }
    let storage = |b: u32| &s.buffers[b as usize].storage;
    kernel.carries().iter().any(|(from, to)| *from == buffer && storage(*to) == storage(buffer))
}

/// Whether every read of `buffer` is of the element of `written` that the kernel stores in the same step, or of one that it has not
/// stored yet: elements are written in the order in which they lie.
pub fn read_in_step(kernel: &Kernel, buffer: u32, written: u32) -> bool {
    match &kernel.kind {
        Kind::Loop(nest) => {
            let to = kernel.writes.iter().position(|b| *b == written).expect("it is written");
            let mut in_fold = Vec::new();
            for f in &nest.folds {
                collect_reads(&nest.exprs, f.item, &mut in_fold);
            }
            if in_fold.contains(&buffer) {
                return false;
            }
            let stored = &nest.stores[to].at;
            // Register tiles go over rows and columns at once.
            let in_order = |at: &Ix| at == stored || at.is_at_or_behind(stored) && contract::find(nest).is_none();
            let too_late = |e: Ex| match nest.exprs.node(e) {
                Node::Load { buffer: b, at } => *b == buffer && !in_order(at),
                _ => false,
            };
            !needed(&nest.exprs, &nest.at_results()).into_iter().any(too_late)
        }
        Kind::Scatter { from, nest, at, when, .. } => {
            let mut other = reads_of(nest);
            at.visit(&mut |a| {
                if let Atom::Value { ex, .. } = a {
                    collect_reads(&nest.exprs, *ex, &mut other);
                }
            });
            if let Some(w) = when {
                collect_reads(&nest.exprs, *w, &mut other);
            }
            *from == buffer && (!other.contains(&buffer) || when.is_none() && reads_what_changes(nest, at, buffer))
        }
        Kind::Effect { .. } => false,
        Kind::Call { .. } | Kind::Region(_) => kernel.starts_in_place(buffer),
    }
}

/// Whether all that the updates of a scatter read of `buffer` is the element that changes, and none changes twice.
pub fn reads_what_changes(nest: &Nest, at: &Ix, buffer: u32) -> bool {
    let steady = |e: Ex| {
        let nodes = needed(&nest.exprs, &[e]);
        nodes.iter().all(|n| index(nest.exprs.node(*n)).is_none_or(|ix| axes_of(ix).is_empty()))
            && nodes.iter().all(|n| !matches!(nest.exprs.node(*n), Node::Load { buffer: b, .. } if *b == buffer))
    };
    // A number in mixed radix: every axis steps over all that the smaller ones reach.
    let mut steps: Vec<(i64, i64)> = Vec::new();
    for (atom, c) in &at.terms {
        match atom {
            Atom::Axis { extent, .. } => steps.push((*c, *extent)),
            Atom::Value { ex, .. } if steady(*ex) => {}
            _ => return false,
        }
    }
    steps.sort_unstable();
    let apart = steps.windows(2).all(|w| w[1].0 >= w[0].0 * w[0].1) && steps.first().is_none_or(|s| s.0 > 0);
    let moving = nest.extents.iter().filter(|n| **n > 1).count();
    let here = |n: u32| match nest.exprs.node(Ex(n)) {
        Node::Load { buffer: b, at: from } => *b != buffer || from == at,
        _ => true,
    };
    apart && steps.len() == moving && nest.folds.is_empty() && (0..nest.exprs.len() as u32).all(here)
}
