//! Runs schedules on the memory that they plan, without emitting and compiling them.
//!
//! Everything a kernel may not read is poisoned: the arena before a value is put there and after its last reader, and all
//! that lies outside a buffer, and, once a kernel has been called, all that its arena may take. A plan that frees too early, a kernel that reads past an end, an order that is wrong: each
//! changes the results, which tests compare with the reference evaluator bit for bit.

use std::rc::Rc;

use crate::array::{Array, indices};
use crate::dtype::{DType, Scalar};
use crate::graph::Aval;
use crate::ops::Effect;
use crate::schedule::body::Ex;
use crate::schedule::interp::{Point, apply, fold};
use crate::schedule::ix::Ix;
use crate::schedule::program::{
    Bind, Form, Function, Kernel, Kind, Nest, RegionKernel, Schedule, Storage, SubSchedule,
};

/// What is found where nothing was put.
fn poison(dtype: DType) -> Scalar {
    Scalar::from_f64(dtype, 77.0)
}

/// What other kernels compute.
pub type Callees<'a> = &'a dyn Fn(&str, &[Array]) -> Vec<Array>;

/// Memory while a schedule runs.
#[derive(Debug)]
pub struct Machine {
    /// One per input: its value, overwritten where a result goes into its memory.
    pub params: Vec<Array>,
    /// One per returned leaf.
    pub returns: Vec<Array>,
    /// Per byte: the element that lies there and which of its bytes this is.
    arena: Vec<Option<(Scalar, u8)>>,
}

/// A check that did not hold, with its text.
pub type Failed = String;

/// Runs `s` on `args`; results are in [`Machine::returns`] and, where a result takes the memory of an input, in
/// [`Machine::params`].
pub fn run(s: &Schedule, args: &[Array]) -> Result<Machine, Failed> {
    run_with(s, args, &|name, _| panic!("`{name}` is not here"))
}

/// [`run`], with kernels that `s` calls.
pub fn run_with(s: &Schedule, args: &[Array], callees: Callees<'_>) -> Result<Machine, Failed> {
    let n_returns = s.buffers.iter().filter_map(|b| match b.storage {
        Storage::Return(n) => Some((n, &b.aval)),
        _ => None,
    });
    let mut returns: Vec<Array> = Vec::new();
    for (n, aval) in n_returns {
        if n >= returns.len() {
            returns.resize(n + 1, Array::scalar(poison(DType::F32)));
        }
        returns[n] = Array::full(aval, poison(aval.dtype));
    }
    let mut machine = Machine { params: args.to_vec(), returns, arena: vec![None; s.arena_bytes] };
    machine.level(&Level { s, outside: None, base: 0, bytes: s.arena_bytes, turn: 0, callees })?;
    Ok(machine)
}

/// A schedule in its surroundings.
struct Level<'a> {
    s: &'a Schedule,
    outside: Option<(&'a Level<'a>, &'a SubSchedule)>,
    base: usize,
    /// Bytes of arena that are its own.
    bytes: usize,
    turn: usize,
    callees: Callees<'a>,
}

/// Where a buffer is: the whole array there, and the first element of the slice that is meant.
#[derive(Clone)]
struct Loc {
    at: At,
    first: usize,
    len: usize,
    dtype: DType,
}

#[derive(Clone)]
enum At {
    Param(usize),
    Return(usize),
    Static(Rc<Array>),
    Arena(usize),
    Turn(usize),
    /// Whether a loop goes on: kept behind the arena of the level that asks.
    Test,
}

impl Level<'_> {
    fn loc(&self, b: u32) -> Loc {
        let buffer = &self.s.buffers[b as usize];
        let (len, dtype) = (buffer.aval.size(), buffer.aval.dtype);
        let here = |at| Loc { at, first: 0, len, dtype };
        let bind = match (&buffer.storage, &self.outside) {
            (Storage::Static(array), _) => return here(At::Static(array.clone())),
            (Storage::Arena(offset), _) => return here(At::Arena(self.base + offset)),
            (Storage::Param(p), None) => return here(At::Param(*p)),
            (Storage::Return(r), None) => return here(At::Return(*r)),
            (Storage::Param(p), Some((_, sub))) => sub.ins[*p],
            (Storage::Return(r), Some((_, sub))) => sub.outs[*r],
        };
        let (outer, _) = self.outside.as_ref().expect("bound outside");
        match bind {
            Bind::Whole(b) => outer.loc(b),
            Bind::Row(b) => {
                let loc = outer.loc(b);
                Loc { first: loc.first + self.turn * len, len, ..loc }
            }
            Bind::Index => here(At::Turn(self.turn)),
            Bind::Test => here(At::Test),
        }
    }
}

impl Machine {
    fn load(&self, loc: &Loc, at: i64) -> Scalar {
        let Some(at) = usize::try_from(at).ok().filter(|at| *at < loc.len) else { return poison(loc.dtype) };
        let n = loc.first + at;
        match &loc.at {
            At::Param(p) => self.params[*p].data()[n],
            At::Return(r) => self.returns[*r].data()[n],
            At::Static(array) => array.data()[n],
            At::Turn(turn) => Scalar::from_i128(loc.dtype, *turn as i128),
            At::Test => poison(loc.dtype),
            At::Arena(offset) => {
                let bytes = loc.dtype.bytes();
                let start = offset + n * bytes;
                let whole = (0..bytes).all(|k| matches!(self.arena[start + k], Some((_, of)) if of as usize == k));
                match self.arena[start] {
                    Some((x, 0)) if whole && x.dtype() == loc.dtype => x,
                    _ => poison(loc.dtype),
                }
            }
        }
    }

    fn store(&mut self, loc: &Loc, at: usize, x: Scalar) {
        assert!(at < loc.len, "a store outside its buffer");
        let n = loc.first + at;
        let set = |array: &mut Array| {
            let ix: Vec<usize> = indices(array.shape()).nth(n).expect("inside");
            array.set(&ix, x);
        };
        match &loc.at {
            At::Param(p) => set(&mut self.params[*p]),
            At::Return(r) => set(&mut self.returns[*r]),
            At::Arena(offset) => {
                let bytes = loc.dtype.bytes();
                for k in 0..bytes {
                    self.arena[offset + n * bytes + k] = Some((x, k as u8));
                }
            }
            At::Static(_) | At::Turn(_) | At::Test => panic!("a store to what cannot change"),
        }
    }

    fn array(&self, loc: &Loc, aval: &Aval) -> Array {
        Array::new(aval.clone(), (0..loc.len as i64).map(|n| self.load(loc, n)).collect())
    }

    fn fill(&mut self, loc: &Loc, array: &Array) {
        for (n, x) in array.data().iter().enumerate() {
            self.store(loc, n, *x);
        }
    }

    /// Yields what the schedule wrote to the test of a loop.
    fn level(&mut self, level: &Level<'_>) -> Result<Option<Scalar>, Failed> {
        let s = level.s;
        let own = level.base..level.base + level.bytes;
        self.arena[own.clone()].fill(None);
        let mut last = vec![0; s.buffers.len()];
        let mut first = vec![usize::MAX; s.buffers.len()];
        for (k, kernel) in s.kernels.iter().enumerate() {
            for b in kernel.reads.iter().chain(&kernel.writes) {
                last[*b as usize] = k;
                first[*b as usize] = first[*b as usize].min(k);
            }
        }
        let mut test = None;
        for (k, kernel) in s.kernels.iter().enumerate() {
            if let Some(x) = self.kernel(level, kernel)? {
                test = Some(x);
            }
            // What nobody reads any more is gone.
            let mut live = vec![false; own.len()];
            for (b, buffer) in s.buffers.iter().enumerate() {
                if let (Storage::Arena(offset), true) = (&buffer.storage, first[b] <= k && k < last[b]) {
                    live[*offset..offset + buffer.aval.bytes()].fill(true);
                }
            }
            for (cell, live) in self.arena[own.clone()].iter_mut().zip(live) {
                if !live {
                    *cell = None;
                }
            }
        }
        Ok(test)
    }

    fn kernel(&mut self, level: &Level<'_>, kernel: &Kernel) -> Result<Option<Scalar>, Failed> {
        let s = level.s;
        let locs: Vec<Loc> = (0..s.buffers.len() as u32).map(|b| level.loc(b)).collect();
        match &kernel.kind {
            Kind::Loop(nest) => {
                let mut test = None;
                let values: Vec<Ex> = nest.values().collect();
                let places: Vec<&Ix> = nest.stores.iter().map(|s| &s.at).collect();
                for ix in indices(&nest.extents) {
                    let (at, x) = self.element(nest, &locs, &ix, &places, &values);
                    for ((b, at), x) in kernel.writes.iter().zip(at).zip(x) {
                        let to = &locs[*b as usize];
                        if matches!(to.at, At::Test) {
                            test = Some(x);
                        } else {
                            self.store(to, at, x);
                        }
                    }
                }
                return Ok(test);
            }
            Kind::Scatter { nest, at, when, combine, from } => {
                let to = &locs[kernel.writes[0] as usize];
                let before = self.array(&locs[*from as usize], &s.buffers[*from as usize].aval);
                self.fill(to, &before);
                let roots: Vec<Ex> = nest.values().chain(*when).collect();
                for ix in indices(&nest.extents) {
                    let (at, x) = self.element(nest, &locs, &ix, &[at], &roots);
                    let at = at[0];
                    if x.get(1) == Some(&Scalar::Bool(false)) {
                        continue;
                    }
                    let new = combine.as_ref().map_or(x[0], |op| apply(op, &[self.load(to, at as i64), x[0]]));
                    self.store(to, at, new);
                }
            }
            Kind::Call { op, ins, function } => {
                let args = self.arrays(&locs, &kernel.reads, ins);
                let outs = match function {
                    Function::Runtime { .. } => op.eval(&args.iter().collect::<Vec<_>>()),
                    Function::Kernel { name, .. } => (level.callees)(name, &args),
                };
                for (b, out) in kernel.writes.iter().zip(outs) {
                    self.fill(&locs[*b as usize], &out);
                }
                if let Function::Kernel { at, .. } = function {
                    let from = (level.base + at).min(self.arena.len());
                    self.arena[from..].fill(None);
                }
            }
            Kind::Effect { effect, operands, ins, .. } => {
                let args = self.arrays(&locs, operands, ins);
                if let Effect::Check { text, .. } = effect
                    && args[0].data().contains(&Scalar::Bool(false))
                {
                    return Err(text.clone());
                }
            }
            Kind::Region(r) => self.region(level, r)?,
        }
        Ok(None)
    }

    fn arrays(&self, locs: &[Loc], buffers: &[u32], avals: &[Aval]) -> Vec<Array> {
        buffers.iter().zip(avals).map(|(b, aval)| self.array(&locs[*b as usize], aval)).collect()
    }

    /// One iteration: the positions that are written and the values of `roots`.
    fn element(&self, nest: &Nest, locs: &[Loc], ix: &[usize], at: &[&Ix], roots: &[Ex]) -> (Vec<usize>, Vec<Scalar>) {
        let load = |b: u32, at: i64| self.load(&locs[b as usize], at);
        let mut folded: Vec<Scalar> = Vec::new();
        for f in &nest.folds {
            let extents: Vec<usize> = f.axes.iter().map(|(_, n)| *n).collect();
            let items: Vec<Scalar> = indices(&extents)
                .map(|rx| {
                    let axes = |id: u32| match f.axes.iter().position(|(a, _)| *a == id) {
                        Some(k) => rx[k] as i64,
                        None => ix[id as usize] as i64,
                    };
                    Point::new(&nest.exprs, &axes, &load, &|n| folded[n as usize]).value(f.item)
                })
                .collect();
            let axes = |id: u32| ix[id as usize] as i64;
            let start = |e: Ex| Point::new(&nest.exprs, &axes, &load, &|n| folded[n as usize]).value(e);
            let total = fold(&items, &f.combine, f.order, f.start.map_or(f.init, start));
            folded.push(total);
        }
        let axes = |id: u32| ix[id as usize] as i64;
        let of_fold = |n: u32| folded[n as usize];
        let mut point = Point::new(&nest.exprs, &axes, &load, &of_fold);
        let values = roots.iter().map(|e| point.value(*e)).collect();
        let position = |at: &&Ix| usize::try_from(point.index(at)).expect("a store inside its buffer");
        (at.iter().map(position).collect(), values)
    }

    fn region(&mut self, level: &Level<'_>, r: &RegionKernel) -> Result<(), Failed> {
        let avals = |b: u32| &level.s.buffers[b as usize].aval;
        for (from, to) in &r.carries {
            let start = self.array(&level.loc(*from), avals(*from));
            self.fill(&level.loc(*to), &start);
        }
        let base = level.base + r.base;
        let inside = |sub: usize, turn: usize| {
            let sub = &r.bodies[sub];
            let callees = level.callees;
            Level { s: &sub.schedule, outside: Some((level, sub)), base, bytes: r.bytes, turn, callees }
        };
        match &r.form {
            Form::Scan { length, reverse } => {
                for k in 0..*length {
                    self.level(&inside(0, if *reverse { length - 1 - k } else { k }))?;
                }
            }
            Form::Switch { index } => {
                let which = self.load(&level.loc(*index), 0).to_i128().unwrap_or(0);
                let which = which.clamp(0, r.bodies.len() as i128 - 1) as usize;
                self.level(&inside(which, 0))?;
            }
            Form::While { bound } => {
                for k in 0.. {
                    if Some(k) == *bound || self.level(&inside(0, 0))? != Some(Scalar::Bool(true)) {
                        break;
                    }
                    self.level(&inside(1, 0))?;
                }
            }
        }
        Ok(())
    }
}
