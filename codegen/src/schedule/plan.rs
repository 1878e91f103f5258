//! Memory: an offset in the arena for every value that needs one.
//!
//! Before: buffers without place. After: no two buffers that are live at the same time overlap. A result takes over the
//! memory of an operand that dies with it where it is read in step. Kernels run in another order where that needs less.
//! The arena of a kernel that is called lies on top of what is live at the call, see [`callees`].

use std::collections::HashMap;

use crate::dtype::DType;
use crate::schedule::order::read_in_step;
use crate::schedule::place::{Item, place};
use crate::schedule::program::{Function, Kernel, Kind, Schedule, Storage};
use crate::schedule::rematerialise::rematerialise;
use crate::schedule::siblings::merge;
use crate::schedule::{callees, cost};

/// Kernels up to which another order is looked for.
const MAX_REORDERED: usize = 256;

/// Fills in offsets, in-place updates and the size of the arena.
pub fn plan(s: &mut Schedule) {
    arrange(s, None);
}

/// [`plan`], with kernels that run again where more than `limit` bytes would be needed.
pub fn plan_within(s: &mut Schedule, limit: usize) {
    let plain = s.clone();
    let mut target = limit;
    // The arena can be a little larger than what is live at once.
    for _ in 0..3 {
        *s = plain.clone();
        arrange(s, Some(target));
        let over = s.arena_bytes.saturating_sub(limit);
        if over == 0 || s.live_bytes > target || target < over {
            return;
        }
        target -= over;
    }
}

fn arrange(s: &mut Schedule, limit: Option<usize>) {
    let mut model = Model::of(s);
    let mut layout = model.layout();
    if let Some((other, found)) = model.reordered(&layout) {
        other.realise(s);
        (model, layout) = (Model::of(s), found);
    }
    if let Some(limit) = limit.filter(|limit| layout.most() > *limit)
        && let Some(better) = rematerialise(&model, limit)
    {
        better.realise(s);
        (model, layout) = (Model::of(s), better.layout());
    }
    let mut joined = s.clone();
    if s.unfused || !merge(&mut joined, &mut model) {
        s.apart = joined.apart;
        settle(s, layout);
        return;
    }
    let weight = layout.weight();
    let of = |s: &Schedule| s.arena_bytes + callees::highest(s);
    settle(&mut joined, model.layout());
    // What is live for shorter may still be harder to place.
    if of(&joined) > weight {
        settle(s, layout);
    }
    if of(&joined) <= weight || of(&joined) <= of(s) {
        *s = joined;
    }
}

/// Puts everything where it is going to be.
fn settle(s: &mut Schedule, layout: Layout) {
    for (kernel, in_place) in s.kernels.iter_mut().zip(&layout.in_place) {
        kernel.in_place.clone_from(in_place);
    }
    s.live_bytes = layout.most();
    s.peak = layout.peak();
    let least = layout.weight();
    let Layout { mut blocks, inside, calls, .. } = layout;
    let items: Vec<Item> =
        blocks.iter().map(|x| Item { bytes: x.bytes, align: x.align, first: x.first, last: x.last }).collect();
    for (block, offset) in blocks.iter_mut().zip(place(&items, &calls, least)) {
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
            s.buffers[*b as usize].storage = Storage::Arena(x.offset);
        }
    }
    for k in calls {
        // What a body needs has been looked at inside of it.
        let live = blocks.iter().filter(|x| x.first <= k && k <= x.last && !x.members.is_empty());
        let top = live.map(|x| x.offset + x.bytes).max().unwrap_or(0);
        callees::lift(&mut s.kernels[k], top);
    }
}

/// What is live at once, before kernels run again and places are found.
pub fn live_bytes(s: &Schedule) -> usize {
    let model = Model::of(s);
    let layout = model.layout();
    model.reordered(&layout).map_or(layout.most(), |(_, found)| found.most())
}

/// What the planner knows of a schedule: who reads and writes what, when, and what it costs. Rewrites of the order of
/// kernels, and kernels that run again, are tried on it.
#[derive(Clone, Debug)]
pub struct Model {
    /// The buffers of the schedule, then those of kernels that run again.
    pub buffers: Vec<Buf>,
    /// In the order they run.
    pub steps: Vec<Step>,
}

/// A buffer of a [`Model`].
#[derive(Clone, Debug)]
pub struct Buf {
    /// The buffer of the schedule that it is, or is computed again.
    pub of: u32,
    /// Size.
    pub bytes: usize,
    /// Element type.
    pub dtype: DType,
    /// Where it lives.
    pub place: Place,
}

/// Where a buffer lives, as far as the planner cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the arena.
    Arena,
    /// In an input.
    Param(usize),
    /// Elsewhere.
    Fixed,
}

/// A kernel of a [`Model`].
#[derive(Clone, Debug)]
pub struct Step {
    /// Which kernel of the schedule.
    pub kernel: usize,
    /// Buffers that it reads.
    pub reads: Vec<u32>,
    /// Buffers that it writes.
    pub writes: Vec<u32>,
    /// What it writes, and of the buffers it reads those whose place that may take, should they die here.
    in_step: Vec<(u32, u32)>,
    /// Where carries start, and what holds them.
    carries: Vec<(u32, u32)>,
    /// Bytes that bodies need while it runs.
    pub inside: usize,
    /// Operations.
    pub work: u64,
    /// It does more than compute.
    pub effect: bool,
    /// It calls other kernels.
    calls: bool,
}

/// Buffers that share their memory.
#[derive(Clone, Debug)]
pub struct Block {
    /// Which; none for what bodies need.
    pub members: Vec<u32>,
    /// Size.
    pub bytes: usize,
    align: usize,
    /// First step that needs it.
    pub first: usize,
    /// Last step that needs it.
    pub last: usize,
    offset: usize,
}

/// When memory is needed.
#[derive(Debug)]
pub struct Layout {
    /// All blocks.
    pub blocks: Vec<Block>,
    /// Bytes live at each step.
    pub live: Vec<usize>,
    /// Steps that call other kernels.
    calls: Vec<usize>,
    inside: Vec<(usize, usize)>,
    in_place: Vec<Vec<(u32, u32)>>,
}

impl Layout {
    /// The most that is live at once.
    pub fn most(&self) -> usize {
        self.live.iter().copied().max().unwrap_or(0)
    }

    /// What is to become small: the most that is live at once and, since nobody here knows what other kernels need on top of
    /// what is live where they are called, the most of that as much.
    pub fn weight(&self) -> usize {
        self.most() + self.calls.iter().map(|k| self.live[*k]).max().unwrap_or(0)
    }

    /// The first step at which most is live.
    pub fn at_most(&self) -> usize {
        let most = self.most();
        self.live.iter().position(|l| *l == most).unwrap_or(0)
    }

    /// Buffers that are live there, the largest first.
    fn peak(&self) -> Vec<(u32, usize)> {
        let at = self.at_most();
        let mut out: Vec<(u32, usize)> = self
            .blocks
            .iter()
            .filter(|x| x.first <= at && at <= x.last)
            .filter_map(|x| Some((*x.members.first()?, x.bytes)))
            .collect();
        out.sort_by_key(|(b, bytes)| (std::cmp::Reverse(*bytes), *b));
        out
    }
}

impl Step {
    /// Kernel `n` of a schedule.
    pub fn of(s: &Schedule, n: usize, kernel: &Kernel) -> Step {
        let mut step = Step {
            kernel: n,
            reads: kernel.reads.clone(),
            writes: kernel.writes.clone(),
            in_step: Vec::new(),
            carries: Vec::new(),
            inside: 0,
            work: cost::of_kernel(s, kernel),
            effect: kernel.has_effect(),
            calls: callees::of(kernel).next().is_some(),
        };
        step.carries = kernel.carries().iter().copied().filter(|(from, _)| kernel.starts_in_place(*from)).collect();
        match &kernel.kind {
            Kind::Region(r) => step.inside = r.bytes,
            Kind::Effect { .. } | Kind::Call { function: Function::Kernel { .. }, .. } => {}
            _ => {
                for to in &kernel.writes {
                    let aval = &s.buffers[*to as usize].aval;
                    let fits = |b: &u32| {
                        let from = &s.buffers[*b as usize].aval;
                        !kernel.writes.contains(b)
                            && from.dtype == aval.dtype
                            && from.bytes() == aval.bytes()
                            && read_in_step(kernel, *b, *to)
                    };
                    step.in_step.extend(kernel.reads.iter().copied().filter(fits).map(|b| (*to, b)));
                }
            }
        }
        step
    }
}

impl Model {
    /// The model of a schedule.
    pub fn of(s: &Schedule) -> Model {
        let buffers = s
            .buffers
            .iter()
            .enumerate()
            .map(|(n, b)| Buf {
                of: n as u32,
                bytes: b.aval.bytes(),
                dtype: b.aval.dtype,
                place: match b.storage {
                    Storage::Arena(_) => Place::Arena,
                    Storage::Param(p) => Place::Param(p),
                    Storage::Return(_) | Storage::Static(_) => Place::Fixed,
                },
            })
            .collect();
        let steps = s.kernels.iter().enumerate().map(|(n, kernel)| Step::of(s, n, kernel)).collect();
        Model { buffers, steps }
    }

    fn place(&self, b: u32) -> Place {
        self.buffers[b as usize].place
    }

    /// First and last step that needs each buffer.
    pub fn lives(&self) -> (Vec<usize>, Vec<usize>) {
        let mut first = vec![usize::MAX; self.buffers.len()];
        let mut last = vec![0; self.buffers.len()];
        for (k, step) in self.steps.iter().enumerate() {
            for b in step.writes.iter().chain(&step.reads) {
                first[*b as usize] = first[*b as usize].min(k);
                last[*b as usize] = last[*b as usize].max(k);
            }
        }
        (first, last)
    }

    /// Who takes over whose memory, and what is live when.
    pub fn layout(&self) -> Layout {
        let (first, last) = self.lives();
        let mut group: Vec<u32> = (0..self.buffers.len() as u32).collect();
        let mut in_place = vec![Vec::new(); self.steps.len()];
        for (k, step) in self.steps.iter().enumerate() {
            // It dies here, and what takes its place is born here.
            let hands_over = |from: u32, to: u32| last[from as usize] == k && first[to as usize] == k;
            // A carry takes over the memory of what it starts from.
            for (from, to) in &step.carries {
                let both = self.place(*from) == Place::Arena && self.place(*to) == Place::Arena;
                if both && hands_over(*from, *to) {
                    group[*to as usize] = group[*from as usize];
                }
            }
            for (to, from) in &step.in_step {
                let fits = match (self.place(*to), self.place(*from)) {
                    (Place::Param(p), Place::Param(q)) => p == q,
                    (Place::Arena, Place::Arena) => hands_over(*from, *to),
                    _ => false,
                };
                let taken = |(new, old): &(u32, u32)| new == to || old == from;
                if fits && !in_place[k].iter().any(taken) {
                    in_place[k].push((*to, *from));
                    if self.place(*to) == Place::Arena {
                        group[*to as usize] = group[*from as usize];
                    }
                }
            }
        }
        let mut blocks: Vec<Block> = Vec::new();
        let mut of_group: HashMap<u32, usize> = HashMap::new();
        for (b, buf) in self.buffers.iter().enumerate() {
            if buf.place != Place::Arena || first[b] == usize::MAX {
                continue;
            }
            let n = *of_group.entry(group[b]).or_insert_with(|| {
                let align = buf.dtype.bytes().min(8);
                let (first, last) = (first[b], last[b]);
                blocks.push(Block { members: Vec::new(), bytes: buf.bytes, align, first, last, offset: 0 });
                blocks.len() - 1
            });
            let block = &mut blocks[n];
            block.members.push(b as u32);
            block.first = block.first.min(first[b]);
            block.last = block.last.max(last[b]);
        }
        // What a region needs inside is a block of its own, live while it runs.
        let mut inside: Vec<(usize, usize)> = Vec::new();
        for (k, step) in self.steps.iter().enumerate().filter(|(_, step)| step.inside > 0) {
            inside.push((blocks.len(), k));
            blocks.push(Block { members: Vec::new(), bytes: step.inside, align: 8, first: k, last: k, offset: 0 });
        }
        let mut change = vec![0i64; self.steps.len() + 1];
        for x in &blocks {
            change[x.first] += x.bytes as i64;
            change[x.last + 1] -= x.bytes as i64;
        }
        let mut now = 0;
        let live = change[..self.steps.len()]
            .iter()
            .map(|c| {
                now += c;
                now as usize
            })
            .collect();
        let calls = (0..self.steps.len()).filter(|k| self.steps[*k].calls).collect();
        Layout { blocks, live, calls, inside, in_place }
    }

    /// For each step those that come before it: what it reads is written, whoever reads an input whose memory it takes has
    /// done so, and effects keep their order, among each other and against changes of inputs.
    pub fn before(&self) -> Vec<Vec<usize>> {
        let mut writer: HashMap<u32, usize> = HashMap::new();
        let mut readers: HashMap<usize, Vec<usize>> = HashMap::new();
        for (k, step) in self.steps.iter().enumerate() {
            writer.extend(step.writes.iter().map(|b| (*b, k)));
            for b in &step.reads {
                if let Place::Param(p) = self.place(*b) {
                    readers.entry(p).or_default().push(k);
                }
            }
        }
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.steps.len()];
        let (mut effects, mut changes): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
        for (k, step) in self.steps.iter().enumerate() {
            before[k].extend(step.reads.iter().filter_map(|b| writer.get(b)).filter(|j| **j != k));
            let params: Vec<usize> = step
                .writes
                .iter()
                .filter_map(|b| match self.place(*b) {
                    Place::Param(p) => Some(p),
                    _ => None,
                })
                .collect();
            // Reads of the new value come later already.
            for p in &params {
                before[k].extend(readers.get(p).into_iter().flatten().filter(|j| **j < k));
            }
            if step.effect {
                before[k].extend(effects.iter().chain(&changes));
                effects.push(k);
            }
            if !params.is_empty() {
                before[k].extend(effects.iter().filter(|j| **j != k));
                changes.push(k);
            }
        }
        before
    }

    /// The steps in another order, if less is needed then.
    fn reordered(&self, layout: &Layout) -> Option<(Model, Layout)> {
        if self.steps.len() > MAX_REORDERED {
            return None;
        }
        let before = self.before();
        // What no call waits for may be made behind it, and is not live then.
        let calls_first = layout.calls.first().map(|_| self.calls_waiting(&before, &layout.calls));
        let orders = [Some(vec![0; self.steps.len()]), calls_first].into_iter().flatten();
        let models = orders.filter_map(|rank| Some(self.in_order(&self.thrifty_order(&before, &rank)?)));
        let found = models.map(|model| (model.layout(), model)).min_by_key(|(found, _)| found.weight());
        found.filter(|(found, _)| found.weight() < layout.weight()).map(|(found, model)| (model, found))
    }

    /// For each step, how many of the calls come before the first one that waits for it.
    fn calls_waiting(&self, before: &[Vec<usize>], calls: &[usize]) -> Vec<usize> {
        let mut rank = vec![calls.len(); self.steps.len()];
        for (n, call) in calls.iter().enumerate() {
            let mut open = vec![*call];
            while let Some(k) = open.pop() {
                if rank[k] > n {
                    rank[k] = n;
                    open.extend(&before[k]);
                }
            }
        }
        rank
    }

    /// An order in which each step is, of those that can run, one of lowest rank, and the one after which least is live.
    fn thrifty_order(&self, before: &[Vec<usize>], rank: &[usize]) -> Option<Vec<usize>> {
        let mut waits: Vec<usize> = Vec::new();
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); self.steps.len()];
        for (k, js) in before.iter().enumerate() {
            let mut js = js.clone();
            js.sort_unstable();
            js.dedup();
            waits.push(js.len());
            js.iter().for_each(|j| after[*j].push(k));
        }
        let in_arena = |b: &u32| self.place(*b) == Place::Arena;
        let mut uses = vec![0usize; self.buffers.len()];
        for step in &self.steps {
            let mut all: Vec<u32> = step.reads.clone();
            all.sort_unstable();
            all.dedup();
            all.iter().for_each(|b| uses[*b as usize] += 1);
        }
        let bytes = |b: u32| self.buffers[b as usize].bytes as i64;
        let (mut now, mut most) = (0i64, 0i64);
        let mut ready: Vec<usize> = (0..self.steps.len()).filter(|k| waits[*k] == 0).collect();
        let mut out = Vec::new();
        while !ready.is_empty() {
            let of = |k: usize| {
                let step = &self.steps[k];
                let mut reads: Vec<u32> = step.reads.iter().copied().filter(in_arena).collect();
                reads.sort_unstable();
                reads.dedup();
                let dying: Vec<u32> = reads.iter().copied().filter(|b| uses[*b as usize] == 1).collect();
                let freed: i64 = dying.iter().map(|b| bytes(*b)).sum();
                let made: i64 = step.writes.iter().filter(|b| in_arena(b)).map(|b| bytes(*b)).sum();
                let mut over: Vec<(u32, u32)> = Vec::new();
                for (to, from) in step.in_step.iter().filter(|(to, from)| in_arena(to) && dying.contains(from)) {
                    if !over.iter().any(|(new, old)| new == to || old == from) {
                        over.push((*to, *from));
                    }
                }
                let taken: i64 = over.iter().map(|(to, _)| bytes(*to)).sum();
                let during = now + made - taken + step.inside as i64;
                (rank[k], during.max(most), now + made - freed, k)
            };
            let (_, during, left, k) = ready.iter().map(|k| of(*k)).min()?;
            (most, now) = (during, left);
            let mut reads = self.steps[k].reads.clone();
            reads.sort_unstable();
            reads.dedup();
            reads.iter().for_each(|b| uses[*b as usize] -= 1);
            ready.retain(|j| *j != k);
            for j in &after[k] {
                waits[*j] -= 1;
                if waits[*j] == 0 {
                    ready.push(*j);
                }
            }
            out.push(k);
        }
        (out.len() == self.steps.len()).then_some(out)
    }

    fn in_order(&self, order: &[usize]) -> Model {
        Model { buffers: self.buffers.clone(), steps: order.iter().map(|k| self.steps[*k].clone()).collect() }
    }

    /// Makes the schedule that this is the model of out of the one it began with.
    pub fn realise(&self, s: &mut Schedule) {
        for buf in &self.buffers[s.buffers.len()..] {
            let buffer = s.buffers[buf.of as usize].clone();
            s.buffers.push(buffer);
        }
        let kernels = std::mem::take(&mut s.kernels);
        let mut left = vec![0usize; kernels.len()];
        self.steps.iter().for_each(|step| left[step.kernel] += 1);
        let mut kernels: Vec<Option<_>> = kernels.into_iter().map(Some).collect();
        for step in &self.steps {
            left[step.kernel] -= 1;
            let slot = &mut kernels[step.kernel];
            let kernel = if left[step.kernel] == 0 { slot.take() } else { slot.clone() };
            let kernel = kernel.expect("as often as it is counted");
            let mut names: HashMap<u32, u32> = HashMap::new();
            names.extend(kernel.reads.iter().copied().zip(step.reads.iter().copied()));
            names.extend(kernel.writes.iter().copied().zip(step.writes.iter().copied()));
            s.kernels.push(if names.iter().all(|(a, b)| a == b) { kernel } else { kernel.renamed(&names) });
        }
    }

    /// Lets step `k` run again in front of step `at`, into buffers of its own; `names` says what takes the place of what it
    /// reads, and learns what it writes.
    pub fn again(&mut self, k: usize, at: usize, names: &mut HashMap<u32, u32>) {
        let mut step = self.steps[k].clone();
        let name = |names: &HashMap<u32, u32>, b: u32| names.get(&b).copied().unwrap_or(b);
        step.reads.iter_mut().for_each(|b| *b = name(names, *b));
        for w in &mut step.writes {
            let new = self.buffers.len() as u32;
            let of = self.buffers[*w as usize].clone();
            self.buffers.push(of);
            names.insert(*w, new);
            *w = new;
        }
        let pairs = step.carries.iter_mut().chain(&mut step.in_step);
        pairs.for_each(|(a, b)| (*a, *b) = (name(names, *a), name(names, *b)));
        self.steps.insert(at, step);
    }

    /// Lets every step from `from` on read other buffers.
    pub fn read_instead(&mut self, from: usize, names: &HashMap<u32, u32>) {
        for step in &mut self.steps[from..] {
            let in_step = step.in_step.iter_mut().map(|(_, from)| from);
            let all = step.reads.iter_mut().chain(in_step).chain(step.carries.iter_mut().map(|(from, _)| from));
            all.for_each(|b| *b = names.get(b).copied().unwrap_or(*b));
        }
    }
}
