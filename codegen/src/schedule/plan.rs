//! Memory: an offset in the arena for every value that needs one.
//!
//! Before: buffers without place. After: no two buffers that are live at the same time overlap. A result takes over the
//! memory of an operand that dies with it where it is read in step.

use crate::schedule::fuse::read_in_step;
use crate::schedule::place::{Item, place};
use crate::schedule::program::{Kind, Schedule, Storage};

/// Fills in offsets, in-place updates and the size of the arena.
pub fn plan(s: &mut Schedule) {
    let n = s.buffers.len();
    let mut first = vec![usize::MAX; n];
    let mut last = vec![0; n];
    for (k, kernel) in s.kernels.iter().enumerate() {
        for b in kernel.writes().iter().chain(&kernel.reads) {
            first[*b as usize] = first[*b as usize].min(k);
            last[*b as usize] = last[*b as usize].max(k);
        }
    }
    let in_arena = |s: &Schedule, b: usize| matches!(s.buffers[b].storage, Storage::Arena(_)) && first[b] != usize::MAX;
    // In place: the written buffer joins the group of an operand that dies here.
    let mut group: Vec<usize> = (0..n).collect();
    for k in 0..s.kernels.len() {
        // A carry takes over the memory of what it starts from.
        if let Kind::Region(r) = &s.kernels[k].kind {
            for (from, to) in &r.carries {
                let (a, b) = (&s.buffers[*from as usize], &s.buffers[*to as usize]);
                let both = matches!((&a.storage, &b.storage), (Storage::Arena(_), Storage::Arena(_)));
                let dies = last[*from as usize] == k && first[*to as usize] == k;
                if both && dies && r.starts_in_place(*from) {
                    group[*to as usize] = group[*from as usize];
                }
            }
            continue;
        }
        if let Kind::Effect { .. } = s.kernels[k].kind {
            continue;
        }
        let write = s.kernels[k].write;
        let target = s.buffers[write as usize].storage.clone();
        let bytes = s.buffers[write as usize].aval.bytes();
        let candidate = s.kernels[k].reads.iter().copied().find(|b| {
            let source = &s.buffers[*b as usize];
            let same_place = match (&target, &source.storage) {
                (Storage::Param(p), Storage::Param(q)) => p == q,
                (Storage::Arena(_), Storage::Arena(_)) => last[*b as usize] == k && first[write as usize] == k,
                _ => false,
            };
            *b != write
                && same_place
                && source.aval.dtype.bytes() == s.buffers[write as usize].aval.dtype.bytes()
                && source.aval.dtype == s.buffers[write as usize].aval.dtype
                && source.aval.bytes() == bytes
                && read_in_step(&s.kernels[k], *b)
        });
        if let Some(b) = candidate {
            s.kernels[k].in_place = Some(b);
            if let Storage::Arena(_) = target {
                group[write as usize] = group[b as usize];
            }
        }
    }
    // Intervals of groups.
    let mut blocks: Vec<Block> = Vec::new();
    for b in 0..n {
        if !in_arena(s, b) {
            continue;
        }
        let (bytes, align) = (s.buffers[b].aval.bytes(), s.buffers[b].aval.dtype.bytes().min(8));
        match blocks.iter_mut().find(|x| x.members.first().is_some_and(|m| group[*m] == group[b])) {
            Some(x) => {
                x.members.push(b);
                x.first = x.first.min(first[b]);
                x.last = x.last.max(last[b]);
            }
            None => blocks.push(Block { members: vec![b], bytes, align, first: first[b], last: last[b], offset: 0 }),
        }
    }
    // What a region needs inside is a block of its own, live while it runs.
    let mut inside: Vec<(usize, usize)> = Vec::new();
    for (k, kernel) in s.kernels.iter().enumerate() {
        if let Kind::Region(r) = &kernel.kind
            && r.bytes > 0
        {
            inside.push((blocks.len(), k));
            blocks.push(Block { members: Vec::new(), bytes: r.bytes, align: 8, first: k, last: k, offset: 0 });
        }
    }
    s.live_bytes = (0..s.kernels.len())
        .map(|k| blocks.iter().filter(|x| x.first <= k && k <= x.last).map(|x| x.bytes).sum())
        .max()
        .unwrap_or(0);
    let at_peak = (0..s.kernels.len())
        .max_by_key(|k| {
            let live: usize = blocks.iter().filter(|x| x.first <= *k && *k <= x.last).map(|x| x.bytes).sum();
            (live, std::cmp::Reverse(*k))
        })
        .unwrap_or(0);
    s.peak = blocks
        .iter()
        .filter(|x| x.first <= at_peak && at_peak <= x.last)
        .filter_map(|x| Some((*x.members.first()? as u32, x.bytes)))
        .collect();
    s.peak.sort_by_key(|(b, bytes)| (std::cmp::Reverse(*bytes), *b));
    let items: Vec<Item> =
        blocks.iter().map(|x| Item { bytes: x.bytes, align: x.align, first: x.first, last: x.last }).collect();
    for (block, offset) in blocks.iter_mut().zip(place(&items, s.live_bytes)) {
        block.offset = offset;
    }
    s.arena_bytes = blocks.iter().map(|x| x.offset + x.bytes).max().unwrap_or(0);
    for (block, k) in inside {
        if let Kind::Region(r) = &mut s.kernels[k].kind {
            r.base = blocks[block].offset;
        }
    }
    for x in &blocks {
        for b in &x.members {
            s.buffers[*b].storage = Storage::Arena(x.offset);
        }
    }
}

/// Buffers that share their memory.
struct Block {
    members: Vec<usize>,
    bytes: usize,
    align: usize,
    first: usize,
    last: usize,
    offset: usize,
}
