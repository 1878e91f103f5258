//! What the back end works on, and the schedule it makes.

use std::collections::HashMap;
use std::rc::Rc;

use crate::array::Array;
use crate::dtype::Scalar;
use crate::graph::{Aval, Graph, Src, Var};
use crate::ops::{Effect, FoldOrder, Op};
use crate::schedule::body::{Ex, Exprs};
use crate::schedule::ix::Ix;

/// A graph with a meaning for each of its inputs and results.
#[derive(Clone, Debug)]
pub struct Program {
    /// The optimised graph.
    pub graph: Graph,
    /// Per input: whether its memory may be overwritten by a result.
    pub mutable: Vec<bool>,
    /// Per result: where it goes.
    pub dests: Vec<Dest>,
}

/// Where a result of the graph goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dest {
    /// Leaf number so much of the value that the function returns.
    Return(usize),
    /// Into the memory of this input.
    Param(usize),
}

/// Where a buffer lives.
#[derive(Clone, PartialEq, Debug)]
pub enum Storage {
    /// In an input of the graph.
    Param(usize),
    /// In a leaf of the returned value.
    Return(usize),
    /// In flash.
    Static(Rc<Array>),
    /// In the arena, at a byte offset that the planner fills in.
    Arena(usize),
}

/// A stretch of memory for one value.
#[derive(Clone, Debug)]
pub struct Buffer {
    /// dtype and shape.
    pub aval: Aval,
    /// Where it lives.
    pub storage: Storage,
    /// The value that it holds, in the graph that was scheduled.
    pub var: Var,
    /// A name for emitted code and reports.
    pub name: String,
    /// The equation that made it.
    pub src: Src,
}

/// Loop nests in order, over buffers.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// All buffers; kernels name them by position.
    pub buffers: Vec<Buffer>,
    /// In the order they run.
    pub kernels: Vec<Kernel>,
    /// Size of the arena in bytes.
    pub arena_bytes: usize,
    /// Largest number of bytes that are live at once: no plan can be smaller.
    pub live_bytes: usize,
    /// The buffers that are live when most is, largest first: name, bytes and source.
    pub peak: Vec<(u32, usize)>,
    /// Why values have a buffer of their own.
    pub notes: Vec<(Var, WhyNot)>,
    /// Loops that read the same and are not one.
    pub apart: Vec<Apart>,
    /// Every value is computed by a loop of its own, so that each can be looked at.
    pub unfused: bool,
}

/// Two loops over as many points, of which one reads what the other reads or stores.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Apart {
    /// The first value that the later one stores.
    pub later: Var,
    /// The first that the earlier one stores.
    pub earlier: Var,
    /// Why they are not one.
    pub why: WhyApart,
}

/// Why two loops are not one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhyApart {
    /// No axes are both of the ranges.
    Axes,
    /// The later one reads other elements than have been stored.
    Elsewhere,
    /// What lies between needs the earlier one, and is needed by the later.
    Between,
    /// More would be live at once.
    Memory,
    /// A register tile holds sums of products, and what is computed of each at once.
    Product,
    /// They fold, and each over the same once.
    Folds,
    /// One goes along neighbours, the other does not.
    Strides,
    /// Rows of a few elements are written out by compilers, as long as there is little to each.
    Short,
    /// One calls elementary functions, the other is done in blocks of registers.
    Calls,
    /// More arrays than pointers.
    Streams,
    /// More expressions than a function should have.
    Large,
    /// An input would be overwritten before all of it has been read.
    Overwritten,
}

impl WhyApart {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            WhyApart::Axes => "they run over other axes",
            WhyApart::Elsewhere => "the later one reads other elements than have just been stored",
            WhyApart::Between => "what runs between them needs the one and is needed by the other",
            WhyApart::Memory => "more memory would be live at once",
            WhyApart::Product => "sums of products are stored as they leave their registers",
            WhyApart::Folds => "each of them folds",
            WhyApart::Strides => "one goes along neighbours, the other does not",
            WhyApart::Short => "their rows are so short that compilers write them out",
            WhyApart::Calls => "one calls functions, the other is done in blocks of registers",
            WhyApart::Streams => "they run along more arrays than a core has pointers for",
            WhyApart::Large => "they are too large for one function",
            WhyApart::Overwritten => "an input would be overwritten before it has been read",
        }
    }
}

/// Why a value is not computed where it is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WhyNot {
    /// It is a result.
    Result,
    /// So many equations read it, and computing it again costs more than reading it.
    ReadOften(usize),
    /// A contraction reads each element many times.
    Contracted,
    /// Its reader needs each element at many indices, between which it would be computed again.
    Repeated,
    /// It folds over other indices than its reader runs over.
    OtherIndices,
    /// It is a fold in the loop of a contraction, or a contraction in the loop of another fold.
    OneFold,
    /// A call or a loop needs it whole.
    NeededWhole,
    /// Its parts are computed where they lie in it.
    Parts,
    /// Everything has a buffer: `#[jit(unfused)]`.
    Unfused,
}

impl WhyNot {
    /// In words.
    pub fn text(&self) -> String {
        match self {
            WhyNot::Result => "it is a result".into(),
            WhyNot::ReadOften(n) => format!("{n} readers, and computing it again costs more than reading it"),
            WhyNot::Contracted => "a contraction reads each element many times".into(),
            WhyNot::Repeated => "its reader needs each element many times".into(),
            WhyNot::OtherIndices => "its reader runs over other indices".into(),
            WhyNot::OneFold => "a loop that sums products holds no other fold".into(),
            WhyNot::Parts => "its parts are computed where they lie in it".into(),
            WhyNot::Unfused => "`unfused` was asked for".into(),
            WhyNot::NeededWhole => "its reader needs all of it at once".into(),
        }
    }
}

/// One loop nest, or a call.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// A name for emitted code.
    pub name: String,
    /// Where it comes from.
    pub src: Src,
    /// What it does.
    pub kind: Kind,
    /// Buffers that are read.
    pub reads: Vec<u32>,
    /// Buffers that are written: of a loop, one for each of its stores.
    pub writes: Vec<u32>,
    /// Written buffers that take over the memory of a read one, element by element: the written, the read.
    pub in_place: Vec<(u32, u32)>,
}

/// Kinds of kernel.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `for ix in extents { folds; out[at] = value; .. }`.
    Loop(Nest),
    /// `out = x; for ux in extents { folds; if when { out[at] = combine(out[at], value) } }`.
    Scatter {
        /// Axes and expressions, and one store: `value` and `at`.
        nest: Nest,
        /// Row-major position that changes.
        at: Ix,
        /// Only where this holds.
        when: Option<Ex>,
        /// How.
        combine: Option<Op>,
        /// The buffer that is copied first.
        from: u32,
    },
    /// A function on whole arrays.
    Call {
        /// What it computes.
        op: Op,
        /// What is called.
        function: Function,
        /// Types of the operands. The buffer of one may have another shape, that of what it is a view of.
        ins: Vec<Aval>,
    },
    /// A branch or a loop over schedules of its own.
    Region(Box<RegionKernel>),
    /// Writes nothing to memory.
    Effect {
        /// What happens.
        effect: Effect,
        /// Leading axes of the operands: it happens for each index.
        lanes: Vec<usize>,
        /// The operands.
        operands: Vec<u32>,
        /// Their types; see `Call`.
        ins: Vec<Aval>,
    },
}

/// A function on whole arrays.
#[derive(Clone, Debug)]
pub enum Function {
    /// One of the runtime.
    Runtime {
        /// Path below `::kiln::rt`.
        path: &'static str,
        /// Generic arguments.
        consts: Vec<usize>,
    },
    /// Another kernel.
    Kernel {
        /// Its name.
        name: Rc<str>,
        /// Where its arena begins, which may be behind the end of this one; the planner says.
        at: usize,
        /// What it changes: where that starts, and the buffer that holds it after.
        changes: Vec<(u32, u32)>,
    },
}

impl Function {
    /// What it is called in reports.
    pub fn name(&self) -> String {
        match self {
            Function::Runtime { path, .. } => format!("rt::{path}"),
            Function::Kernel { name, .. } => name.to_string(),
        }
    }
}

/// A branch or a loop.
#[derive(Clone, Debug)]
pub struct RegionKernel {
    /// Which.
    pub form: Form,
    /// The schedules inside.
    pub bodies: Vec<SubSchedule>,
    /// Carries: where they start, and the buffer that holds them while the loop runs and after.
    pub carries: Vec<(u32, u32)>,
    /// Bytes of arena that the schedules inside need.
    pub bytes: usize,
    /// Where those begin; the planner says.
    pub base: usize,
}

/// Kinds of region.
#[derive(Clone, Debug)]
pub enum Form {
    /// One body, so many times.
    Scan {
        /// Number of turns.
        length: usize,
        /// Slices from the last to the first.
        reverse: bool,
    },
    /// The body whose number the buffer holds, clamped.
    Switch {
        /// An i32.
        index: u32,
    },
    /// The second body as long as the first yields true.
    While {
        /// Most turns.
        bound: Option<usize>,
    },
}

/// A schedule inside a region.
#[derive(Clone, Debug)]
pub struct SubSchedule {
    /// Its kernels; its arena begins at the region's base.
    pub schedule: Schedule,
    /// What its inputs are.
    pub ins: Vec<Bind>,
    /// What its returned leaves are.
    pub outs: Vec<Bind>,
}

/// What an input or result of a schedule inside a region is outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bind {
    /// A buffer.
    Whole(u32),
    /// The turn's slice of a buffer.
    Row(u32),
    /// The number of the turn.
    Index,
    /// A bool of the region itself: whether the loop goes on.
    Test,
}

impl Schedule {
    /// The returned leaves that a loop over all their elements writes, at once or a slice in every turn, and that nothing reads before.
    pub fn overwritten_results(&self) -> Vec<usize> {
        let mut out = Vec::new();
        let mut touched: Vec<usize> = Vec::new();
        let leaf = |b: u32| match self.buffers[b as usize].storage {
            Storage::Return(n) => Some(n),
            _ => None,
        };
        for k in &self.kernels {
            if let Kind::Loop(nest) = &k.kind {
                let points = nest.extents.iter().product::<usize>();
                let whole = k.writes.iter().filter(|b| self.buffers[**b as usize].aval.size() == points);
                let fresh = |n: &usize| !touched.contains(n) && !k.reads.iter().any(|b| leaf(*b) == Some(*n));
                out.extend(whole.filter_map(|b| leaf(*b)).filter(fresh));
            }
            if let Kind::Region(r) = &k.kind {
                let written = self.written_in_turns(r).filter_map(leaf);
                out.extend(written.filter(|n| !touched.contains(n) && !k.reads.iter().any(|b| leaf(*b) == Some(*n))));
            }
            touched.extend(k.reads.iter().chain(&k.writes).filter_map(|b| leaf(*b)));
        }
        out
    }
}

impl Schedule {
    /// The buffers of which a loop writes a whole slice in every turn, all in all every element, and which it does not read before.
    fn written_in_turns<'a>(&'a self, r: &'a RegionKernel) -> impl Iterator<Item = u32> + 'a {
        let body = match (&r.form, &r.bodies[..]) {
            (Form::Scan { length, .. }, [body]) => Some((*length, body)),
            _ => None,
        };
        body.into_iter().flat_map(move |(length, body)| {
            let whole = body.schedule.overwritten_results();
            let read = |b: u32| {
                let of_turn = body.ins.iter().any(|bind| matches!(bind, Bind::Whole(x) | Bind::Row(x) if *x == b));
                of_turn || r.carries.iter().any(|(from, to)| *from == b || *to == b)
            };
            body.outs.iter().enumerate().filter_map(move |(n, bind)| match bind {
                Bind::Row(b) if whole.contains(&n) && !read(*b) => {
                    let mut inside = body.schedule.buffers.iter();
                    let slice = inside.find(|x| x.storage == Storage::Return(n))?.aval.size();
                    (length * slice == self.buffers[*b as usize].aval.size()).then_some(*b)
                }
                _ => None,
            })
        })
    }
}

impl Kernel {
    /// Whether it, or anything inside it, does more than compute.
    pub fn has_effect(&self) -> bool {
        match &self.kind {
            Kind::Effect { .. } => true,
            Kind::Call { op, .. } => op.has_effect(),
            Kind::Region(r) => r.bodies.iter().any(|b| b.schedule.kernels.iter().any(Kernel::has_effect)),
            _ => false,
        }
    }

    /// Whether it may end the call of the kernel that it is part of, early.
    pub fn may_fail(&self) -> bool {
        match &self.kind {
            Kind::Effect { effect, .. } => matches!(effect, Effect::Check { .. }),
            Kind::Region(r) => r.bodies.iter().any(|b| b.schedule.kernels.iter().any(Kernel::may_fail)),
            _ => false,
        }
    }

    /// Operands that become results: where they start, and the buffer that holds them after, in whose place they may be.
    pub fn carries(&self) -> &[(u32, u32)] {
        match &self.kind {
            Kind::Region(r) => &r.carries,
            Kind::Call { function: Function::Kernel { changes, .. }, .. } => changes,
            _ => &[],
        }
    }

    /// Whether `buffer` is read only as the start of one of the [`Kernel::carries`], which may then live in its memory.
    pub fn starts_in_place(&self, buffer: u32) -> bool {
        match &self.kind {
            Kind::Region(r) => r.starts_in_place(buffer),
            _ => {
                self.carries().iter().any(|(from, _)| *from == buffer)
                    && self.reads.iter().filter(|b| **b == buffer).count() == 1
            }
        }
    }

    /// The same kernel on other buffers; those that are not named stay.
    pub fn renamed(mut self, names: &HashMap<u32, u32>) -> Kernel {
        let name = |b: &mut u32| *b = names.get(b).copied().unwrap_or(*b);
        let bind = |b: &mut Bind| match b {
            Bind::Whole(b) | Bind::Row(b) => name(b),
            Bind::Index | Bind::Test => {}
        };
        self.reads.iter_mut().chain(&mut self.writes).for_each(name);
        self.in_place.iter_mut().for_each(|(to, from)| [to, from].into_iter().for_each(name));
        match &mut self.kind {
            Kind::Loop(nest) => nest.exprs.rename(&name),
            Kind::Scatter { nest, from, .. } => {
                nest.exprs.rename(&name);
                name(from);
            }
            Kind::Call { function: Function::Kernel { changes, .. }, .. } => {
                changes.iter_mut().for_each(|(from, to)| [from, to].into_iter().for_each(name));
            }
            Kind::Call { .. } => {}
            Kind::Effect { operands, .. } => operands.iter_mut().for_each(name),
            Kind::Region(r) => {
                r.carries.iter_mut().for_each(|(from, to)| [from, to].into_iter().for_each(name));
                if let Form::Switch { index } = &mut r.form {
                    name(index);
                }
                r.bodies.iter_mut().flat_map(|b| b.ins.iter_mut().chain(&mut b.outs)).for_each(bind);
            }
        }
        self
    }

    /// The buffer whose memory a written one takes over.
    pub fn in_place_of(&self, written: u32) -> Option<u32> {
        self.in_place.iter().find(|(to, _)| *to == written).map(|(_, from)| *from)
    }
}

/// Loops over `extents` around expressions.
#[derive(Debug, Clone)]
pub struct Nest {
    /// Extent of each axis; axis `d` of the results has the number `d`.
    pub extents: Vec<usize>,
    /// All expressions.
    pub exprs: Exprs,
    /// Folds, each after those whose results it uses.
    pub folds: Vec<Fold>,
    /// What is stored, at each point all of it at once: in the order of what the kernel writes.
    pub stores: Vec<Store>,
}

/// What a nest stores into one buffer.
#[derive(Debug, Clone)]
pub struct Store {
    /// The element.
    pub value: Ex,
    /// Its row-major position, in the axes that are left.
    pub at: Ix,
}

impl Nest {
    /// What is folded, what folds start from, and what is stored.
    pub fn roots(&self) -> Vec<Ex> {
        let folds = self.folds.iter().flat_map(|f| [f.item].into_iter().chain(f.start));
        folds.chain(self.values()).collect()
    }

    /// What is computed once per element that is stored: what folds start from, and what is stored.
    pub fn at_results(&self) -> Vec<Ex> {
        self.folds.iter().filter_map(|f| f.start).chain(self.values()).collect()
    }

    /// What is stored.
    pub fn values(&self) -> impl Iterator<Item = Ex> + '_ {
        self.stores.iter().map(|s| s.value)
    }
}

/// A fold inside a nest.
#[derive(Debug, Clone)]
pub struct Fold {
    /// The element that is folded.
    pub item: Ex,
    /// Numbers and extents of the axes it runs over.
    pub axes: Vec<(u32, usize)>,
    /// How two are combined.
    pub combine: Op,
    /// In which order.
    pub order: FoldOrder,
    /// Start of a sequential fold; value of an empty one.
    pub init: Scalar,
    /// What a sequential fold starts from instead; depends on no axis of the fold.
    pub start: Option<Ex>,
    /// A sum of products.
    pub contraction: bool,
}
