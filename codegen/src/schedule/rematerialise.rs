//! Rematerialisation: what is kept for a late reader while memory is short is dropped, and computed again for it.
//!
//! Before: every kernel runs once. After: no more than a given number of bytes is live at any time, or nothing is gained by
//! running another kernel again. A kernel that runs twice gives the same bits twice. Kernels with effects never do.

use std::collections::HashMap;

use crate::schedule::plan::{Layout, Model, Place};

/// Kernels that one step of the search may add.
const MAX_ADDED: usize = 24;
/// Steps of the search.
const MAX_STEPS: usize = 400;

/// The model with kernels that run again, so that at most `limit` bytes are live at once, with as little work as is found;
/// where that is not reached, as near to it as was. `None` where nothing is gained.
pub fn rematerialise(model: &Model, limit: usize) -> Option<Model> {
    let mut found: Option<(Model, Layout)> = None;
    for _ in 0..MAX_STEPS {
        let next = match &found {
            Some((model, layout)) => step(model, layout, limit),
            None => step(model, &model.layout(), limit),
        };
        let Some(next) = next else { break };
        let fits = next.1.most() <= limit;
        found = Some(next);
        if fits {
            break;
        }
    }
    found.map(|(model, _)| model)
}

/// What is over the limit, summed over time.
fn excess(layout: &Layout, limit: usize) -> u64 {
    layout.live.iter().map(|l| l.saturating_sub(limit) as u64).sum()
}

/// The rewrite that takes away most for its work.
fn step(model: &Model, layout: &Layout, limit: usize) -> Option<(Model, Layout)> {
    let before = (layout.most(), excess(layout, limit));
    let total = |m: &Model| m.steps.iter().map(|s| s.work).sum::<u64>();
    let work = total(model);
    let at = layout.at_most();
    let live = layout.blocks.iter().filter(|x| x.first < at && at < x.last || x.first == at || x.last == at);
    let mut best: Option<(f64, Model, Layout)> = None;
    for b in live.flat_map(|x| &x.members).copied() {
        for depth in [Depth::Needed, Depth::All, Depth::One] {
            let Some(other) = again(model, b, at, depth) else { continue };
            let found = other.layout();
            let after = (found.most(), excess(&found, limit));
            if after.1 >= before.1 || after.0 > before.0 {
                continue;
            }
            let gain = (before.1 - after.1) as f64 / (total(&other) - work + 1) as f64;
            if best.as_ref().is_none_or(|(g, ..)| gain > *g) {
                best = Some((gain, other, found));
            }
        }
    }
    best.map(|(_, model, layout)| (model, layout))
}

/// What is computed again for the sake of one value.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    /// Only the value; what it is computed from is kept longer.
    One,
    /// What it is computed from too, unless that is there anyway or small.
    Needed,
    /// What it is computed from too, unless that is there anyway.
    All,
}

/// The model with `b`, which is live at step `at`, dropped before it and computed again for its next reader.
fn again(model: &Model, b: u32, at: usize, depth: Depth) -> Option<Model> {
    let readers: Vec<usize> = (0..model.steps.len()).filter(|k| model.steps[*k].reads.contains(&b)).collect();
    // The reader behind `at`; a reader at `at` itself may have it computed again too, if there was none just before.
    let next = *readers.iter().find(|k| **k > at)?;
    let (first, last) = model.lives();
    let mut todo = vec![b];
    let mut steps: Vec<usize> = Vec::new();
    while let Some(v) = todo.pop() {
        if model.buffers[v as usize].place != Place::Arena {
            return None;
        }
        let k = (0..at.max(1)).find(|k| model.steps[*k].writes.contains(&v))?;
        if steps.contains(&k) {
            continue;
        }
        let step = &model.steps[k];
        if step.effect || !step.writes.iter().all(|w| model.buffers[*w as usize].place == Place::Arena) {
            return None;
        }
        steps.push(k);
        if steps.len() > MAX_ADDED {
            return None;
        }
        for r in &step.reads {
            let buf = &model.buffers[*r as usize];
            match buf.place {
                // The old value of an input must still be there.
                Place::Param(p) => {
                    let changes = |w: &u32| *w != *r && model.buffers[*w as usize].place == Place::Param(p);
                    let own = |s: &crate::schedule::plan::Step| s.writes.contains(r);
                    let changed = model.steps[..next].iter().any(|s| s.writes.iter().any(changes));
                    if changed || model.steps[k..next].iter().any(own) {
                        return None;
                    }
                }
                Place::Fixed => {}
                Place::Arena => {
                    let there = first[*r as usize] < at && last[*r as usize] >= next;
                    let small = buf.bytes * 8 <= model.buffers[b as usize].bytes;
                    let keeps = match depth {
                        Depth::One => true,
                        Depth::Needed => there || small,
                        Depth::All => there,
                    };
                    // What was there for a while cannot be read again once its memory went to the result of its reader;
                    // the layout sees to that, since it then lives longer.
                    if !keeps {
                        todo.push(*r);
                    }
                }
            }
        }
    }
    // In the order in which they ran.
    steps.sort_unstable();
    let mut other = model.clone();
    let mut names: HashMap<u32, u32> = HashMap::new();
    for (n, k) in steps.iter().enumerate() {
        other.again(*k, next + n, &mut names);
    }
    other.read_instead(next + steps.len(), &HashMap::from([(b, names[&b])]));
    Some(other)
}
