//! Tracing: an interpreter of parsed bodies over static and traced values, which appends what is traced to a graph.
//!
//! Start at [`Tracer::call_value`] for what happens at a call, [`expr`] for expressions, [`control`] for loops and
//! branches, [`transforms`] for `grad` and its kin.

use std::collections::HashMap;
use std::rc::Rc;

use crate::array::Array;
use crate::diag::{Diag, Note};
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Src, Var};
use crate::ops::{Constant, Op, OpError};
use crate::parse::ast;
use crate::parse::spans::{SourceMap, Sp};
use crate::unit::ItemId;

pub mod args;
pub mod arith;
mod assign;
mod at;
pub mod branches;
pub mod call;
pub mod collectives;
pub mod control;
pub mod counters;
pub mod custom;
pub mod debug;
pub mod deep;
mod desugar;
pub mod expr;
mod filtered;
mod function;
pub mod functional;
mod implicit;
pub mod index;
mod items;
pub mod iterators;
pub mod jacobians;
pub mod literals;
pub mod loops;
pub mod matching;
pub mod methods;
pub mod outline;
mod paths;
pub mod pattern;
pub mod place;
pub mod remat;
mod rolled;
mod stateful;
mod steps;
mod structs;
pub mod transforms;
pub mod tree;
pub mod types;
pub mod value;

use value::{FnItem, Num, Number, Scope, Subgraph, TVar, Traced, Value};

/// Why evaluation of an expression stopped.
#[derive(Debug)]
pub enum Stop {
    /// A mistake to report.
    Error(Box<Diag>),
    /// A mistake that has been reported already.
    Silent,
    /// A method that the front end has to fetch first.
    NeedMethod(ItemId, String, Sp),
    /// The body of a kernel that was taken to be called: the front end has to fetch it first.
    NeedBody(ItemId),
    /// `return`.
    Return(Value, Sp),
    /// `break`.
    Break(Option<Value>, Sp),
    /// `continue`.
    Continue(Sp),
    /// `break` or `continue` under a traced condition: the loop around has to be rewritten with flags. The jump, the condition.
    TracedBreak(Sp, Sp),
    /// The loop that stands there has to be unrolled: its iterations use different trees.
    Unroll(Sp),
    /// Literals turned out to have this dtype: tracing starts again.
    Settle(Vec<literals::Site>, DType),
}

impl From<Diag> for Stop {
    fn from(d: Diag) -> Stop {
        Stop::Error(Box::new(d))
    }
}

/// Result of evaluating something.
pub type R<T> = Result<T, Stop>;

/// A mistake at `sp`.
pub fn err<T>(sp: Sp, message: impl Into<String>) -> R<T> {
    Err(Diag::at(sp, message).into())
}

/// A mistake at `sp`, with what to write instead.
pub fn err_help<T>(sp: Sp, message: impl Into<String>, help: impl Into<String>) -> R<T> {
    Err(Diag::at(sp, message).help(help).into())
}

/// Everything that can be called or named, parsed once.
#[derive(Debug, Default)]
pub struct Items {
    /// Functions by id.
    pub fns: HashMap<ItemId, Rc<FnItem>>,
    /// Methods by (struct, name).
    pub methods: HashMap<(ItemId, String), Rc<FnItem>>,
    /// Structs by id, with what their paths mean.
    pub structs: HashMap<ItemId, (Rc<ast::Struct>, Paths)>,
    /// Type aliases by id, with what their paths mean.
    pub aliases: HashMap<ItemId, (Rc<ast::Alias>, Paths)>,
    /// Constants by id, with what their paths mean.
    pub consts: HashMap<ItemId, (Rc<ast::Const>, Paths)>,
    /// Functions whose kernels are called, by the names that equations have for them. Their bodies are empty.
    pub callees: HashMap<ItemId, Rc<str>>,
    /// Methods that nobody wrote, by (struct, name), with those that the struct has.
    pub absent: HashMap<(ItemId, String), Vec<String>>,
}

/// What the paths of an item mean.
pub type Paths = Rc<std::collections::BTreeMap<String, ItemId>>;

/// One graph under construction.
#[derive(Debug)]
pub struct Frame {
    id: u32,
    graph: Graph,
    captures: Vec<(Traced, Var)>,
    /// What a loop or a branch holds, which becomes part of the kernel as it is.
    as_written: bool,
}

/// A call that is being traced.
#[derive(Clone, Debug)]
pub struct CallSite {
    /// The callee.
    pub id: ItemId,
    /// Its name.
    pub name: Rc<str>,
    /// Where it was called.
    pub sp: Sp,
}

/// The interpreter.
#[derive(Debug)]
pub struct Tracer<'a> {
    /// What can be named.
    pub items: &'a Items,
    /// Where things stand.
    pub map: &'a SourceMap,
    /// Mistakes so far.
    pub diags: Vec<Diag>,
    /// Whether a recursion is among them: calls that come round again are then not followed.
    pub told_recursion: bool,
    /// Methods to fetch.
    pub needed: Vec<(ItemId, String, Sp)>,
    /// Calls being traced, outermost first.
    pub calls: Vec<CallSite>,
    /// Library functions already parsed.
    pub library: HashMap<Rc<str>, Rc<FnItem>>,
    /// Results of calls that depend on nothing but arrays.
    pub called: HashMap<call::CallKey, value::Value>,
    /// Functions that were traced before.
    pub cuts: deep::Cuts,
    frames: Vec<Frame>,
    next_frame: u32,
    next_call: u32,
    /// Functions whose custom rule is being traced.
    pub rules: Vec<ItemId>,
    /// Functions with a rule for `vmap`, by the number that their equations have.
    pub mapped: Vec<Rc<custom::Mapped>>,
    /// What names were bound to, for editors.
    pub bound: crate::editor::Bound,
    /// The parameters of the entry, by where they stand.
    pub params: HashMap<Sp, ParamOrigin>,
    /// What the user calls the operation that is being traced: `&` for the primitive `and`.
    pub word: Option<Rc<str>>,
    /// Mapped axes with a name, innermost last.
    pub axes: Vec<collectives::NamedAxis>,
    /// Per function that is being traced: whether it returns a `Result`; `None` for the library's.
    pub returns: Vec<Option<bool>>,
    /// The checkpoints of loops.
    pub checkpointed: loops::Checkpointed,
    /// Library code has seen through the `Result` of a checked function.
    pub unwrapped: bool,
    /// What literals without a dtype say, by the constants that were made of them: in the dtype they meet they are as
    /// precise as if they had been written in it.
    literals: HashMap<value::TVar, Rc<literals::Literal>>,
    /// Where the weak arrays come from that are made of literals in ways that cannot be gone back.
    origins: HashMap<value::TVar, literals::Origin>,
    /// The dtypes of literals that tracing has found out before it started again.
    pub settled: literals::Settled,
    /// Which part of an expression is made an array: see [`literals::Site`].
    part: (usize, usize),
    /// The type that the expression which is evaluated next is wanted in, where it is written down.
    pub expected: Option<types::Ty>,
    /// The loops that stay loops around what is being traced, outermost first.
    pub loops: Vec<RolledLoop>,
    /// How deep the expression that is evaluated is nested.
    levels: usize,
    /// Whether it has been told that something is nested too deeply.
    told_too_deep: bool,
    consts_in_progress: Vec<ItemId>,
    structs_in_progress: Vec<ItemId>,
}

impl<'a> Tracer<'a> {
    /// A tracer with one empty graph.
    pub fn new(items: &'a Items, map: &'a SourceMap, name: &str) -> Tracer<'a> {
        Tracer {
            items,
            map,
            diags: Vec::new(),
            told_recursion: false,
            needed: Vec::new(),
            calls: Vec::new(),
            library: HashMap::new(),
            called: HashMap::new(),
            cuts: HashMap::new(),
            frames: vec![Frame { id: 0, graph: Graph::new(name), captures: Vec::new(), as_written: true }],
            next_frame: 1,
            next_call: 1,
            rules: Vec::new(),
            mapped: Vec::new(),
            bound: Default::default(),
            params: HashMap::new(),
            word: None,
            axes: Vec::new(),
            returns: Vec::new(),
            checkpointed: loops::Checkpointed::default(),
            unwrapped: false,
            literals: HashMap::new(),
            origins: HashMap::new(),
            settled: literals::Settled::default(),
            part: (0, 0),
            expected: None,
            loops: Vec::new(),
            levels: 0,
            told_too_deep: false,
            consts_in_progress: Vec::new(),
            structs_in_progress: Vec::new(),
        }
    }

    /// The finished graph, with `outputs` as its results.
    pub fn finish(mut self, outputs: &[Traced]) -> Graph {
        let vars: Vec<Var> = outputs.iter().map(|t| self.var(t)).collect();
        let mut graph = self.frames.remove(0).graph;
        graph.outputs = vars;
        graph
    }

    /// An empty scope for the call of a function.
    pub fn scope_of_call(&mut self) -> value::Scope {
        self.next_call += 1;
        value::Scope::of_call(self.next_call)
    }

    /// The graph that is being appended to.
    pub fn graph(&mut self) -> &mut Graph {
        &mut self.frames.last_mut().expect("one frame at least").graph
    }

    /// Tells the graph that is being appended to from all others.
    pub fn frame_id(&self) -> u32 {
        self.frames.last().map_or(0, |frame| frame.id)
    }

    /// Starts a graph of its own.
    pub fn push_frame(&mut self, name: &str) {
        let id = self.next_frame;
        self.next_frame += 1;
        self.frames.push(Frame { id, graph: Graph::new(name), captures: Vec::new(), as_written: false });
    }

    /// [`Tracer::push_frame`], for what a loop or a branch holds.
    pub fn push_region(&mut self) {
        self.push_frame("");
        self.frames.last_mut().expect("it was pushed").as_written = true;
    }

    /// Whether nothing is traced to be transformed, or to be called by the library.
    pub fn runs_as_written(&self) -> bool {
        self.frames.iter().all(|frame| frame.as_written)
    }

    /// Ends the innermost graph; what it captured stands after its own inputs.
    pub fn pop_frame(&mut self) -> (Graph, Vec<Traced>) {
        let frame = self.frames.pop().expect("as many pops as pushes");
        (frame.graph, frame.captures.into_iter().map(|(t, _)| t).collect())
    }

    /// Takes the innermost graph out, to be gone on with later.
    fn suspend_frame(&mut self) -> Frame {
        self.frames.pop().expect("as many suspensions as pushes")
    }

    /// Goes on with a graph.
    fn resume_frame(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    /// Number of graphs under construction; to restore after an error.
    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    /// Drops graphs that an error left behind.
    pub fn truncate_frames(&mut self, depth: usize) {
        self.frames.truncate(depth);
    }

    /// The variable of the innermost graph that stands for `t`; values of the graphs around it become inputs.
    pub fn var(&mut self, t: &Traced) -> Var {
        let top = self.frames.len() - 1;
        self.capture(t, top)
    }

    fn capture(&mut self, t: &Traced, depth: usize) -> Var {
        if self.frames[depth].id == t.tvar.frame {
            return t.tvar.var;
        }
        if let Some((_, v)) = self.frames[depth].captures.iter().find(|(c, _)| c.tvar == t.tvar) {
            return *v;
        }
        assert!(depth > 0, "a traced value has left its graph");
        self.capture(t, depth - 1);
        let frame = &mut self.frames[depth];
        let v = frame.graph.input(&t.aval);
        if let Some(name) = &t.name {
            frame.graph.name_var(v, name);
        }
        frame.captures.push((t.clone(), v));
        v
    }

    /// A value for a variable of the innermost graph.
    pub fn traced(&mut self, var: Var, sp: Sp) -> Traced {
        let frame = self.frames.last().expect("one frame at least");
        Traced {
            tvar: TVar { frame: frame.id, var },
            aval: Rc::new(frame.graph.aval(var).clone()),
            weak: false,
            name: None,
            sp,
        }
    }

    /// A new input of the innermost graph.
    pub fn input(&mut self, aval: &Aval, sp: Sp) -> Traced {
        let var = self.graph().input(aval);
        self.traced(var, sp)
    }

    /// Appends a primitive; a refusal becomes a message at `sp` that names the operands.
    pub fn bind(&mut self, op: impl Into<Op>, ins: &[&Traced], sp: Sp) -> R<Vec<Traced>> {
        let sp = self.user_sp(sp);
        let vars: Vec<Var> = ins.iter().map(|t| self.var(t)).collect();
        let weak = !ins.is_empty() && ins.iter().all(|t| t.weak);
        let graph = self.graph();
        graph.src = Src(sp.0);
        let op = op.into();
        let name = op.name();
        match graph.try_bind(op, &vars) {
            Ok(outs) => Ok(outs
                .into_iter()
                .map(|v| {
                    let mut t = self.traced(v, sp);
                    t.weak = weak;
                    t
                })
                .collect()),
            Err(e) => Err(self.op_error(name, e, ins, sp).into()),
        }
    }

    /// [`Tracer::bind`] for one result.
    pub fn bind1(&mut self, op: impl Into<Op>, ins: &[&Traced], sp: Sp) -> R<Traced> {
        Ok(self.bind(op, ins, sp)?.remove(0))
    }

    fn op_error(&self, name: &str, e: OpError, ins: &[&Traced], sp: Sp) -> Diag {
        let message = match &self.word {
            Some(word) => e.message.replace(&format!("`{name}`"), &format!("`{word}`")),
            None => e.message,
        };
        let mut d = Diag::at(sp, spaced(&message));
        d.notes = ins.iter().filter(|t| t.name.is_some()).map(|t| self.origin(t)).collect();
        d.help = e.help;
        d
    }

    /// ``w: f32[32, 64]   parameter `w`, line 4``.
    pub fn origin(&self, t: &Traced) -> Note {
        self.origin_as(t, "")
    }

    /// [`Tracer::origin`] with a word for a value that has no name.
    pub fn origin_as(&self, t: &Traced, what: &str) -> Note {
        let name = match &t.name {
            Some(name) => name,
            None => what,
        };
        let colon = if name.is_empty() { "" } else { ": " };
        let line = self.map.place(t.sp).line;
        let from = match (self.params.get(&t.sp), line) {
            (_, 0) => String::new(),
            (Some(p), line) => format!("parameter `{}`, line {line}", p.name),
            (None, line) => format!("line {line}"),
        };
        Note { what: format!("{name}{colon}{}", value::show(&t.aval)), from }
    }

    /// The type to declare `t` with, if it is a whole parameter: `&[f32; 3]` where a reference is taken.
    pub fn declare(&self, t: &Traced, aval: &Aval) -> Option<String> {
        let name = t.name.as_deref()?;
        let param = self.params.get(&t.sp).filter(|p| &*p.name == name)?;
        Some(format!("declare `{name}` as `{}{}`", param.by_ref, types::rust_type(aval)))
    }

    /// A constant.
    pub fn constant(&mut self, array: Array, sp: Sp) -> Traced {
        self.bind1(Constant { value: Rc::new(array) }, &[], sp)
            .unwrap_or_else(|_| unreachable!("constants have no operands"))
    }

    /// A constant scalar; weak if `dtype` was not written.
    pub fn number(&mut self, n: Num, sp: Sp) -> Traced {
        let dtype = n.dtype.unwrap_or_else(|| {
            let default = match n.value {
                Number::Int(i) => weak_int(i),
                Number::Float(_) => DType::F32,
            };
            match (self.dtype_here(default, sp), n.value) {
                (d, Number::Int(i)) if i < 0 && d.is_unsigned() => default,
                (d, _) => d,
            }
        });
        let mut t = self.constant(Array::scalar(scalar(n.value, dtype)), sp);
        t.weak = n.dtype.is_none();
        self.remember_literal(&t, vec![n.value], sp);
        t
    }

    /// Library code has no place of its own: the call that led there stands for it.
    pub fn user_sp(&self, sp: Sp) -> Sp {
        match sp {
            Sp(0) => self.calls.iter().rev().map(|c| c.sp).find(|s| *s != Sp(0)).unwrap_or(sp),
            sp => sp,
        }
    }

    /// Evaluates `f` in a graph of its own whose inputs are the traced leaves of `args`.
    pub fn subgraph(
        &mut self,
        name: &str,
        args: &[Value],
        f: impl FnOnce(&mut Tracer<'a>, Vec<Value>) -> R<Value>,
    ) -> R<Subgraph> {
        let depth = self.depth();
        self.push_frame(name);
        let inner: Vec<Value> = args
            .iter()
            .map(|a| {
                tree::map_leaves(a, &mut |t| {
                    let mut new = self.input(&t.aval, t.sp);
                    if let Some(name) = &t.name {
                        let var = new.tvar.var;
                        self.graph().name_var(var, name);
                    }
                    new.name = t.name.clone();
                    new.weak = t.weak;
                    self.made_of(&new, t);
                    new
                })
            })
            .collect();
        let out = match f(self, inner) {
            Ok(out) => out,
            Err(stop) => {
                self.truncate_frames(depth);
                return Err(stop);
            }
        };
        let leaves = tree::leaves(&out);
        let outputs: Vec<Var> = leaves.iter().map(|t| self.var(t)).collect();
        self.graph().outputs = outputs;
        let (graph, captures) = self.pop_frame();
        Ok(Subgraph { graph, captures, out })
    }
}

/// A `for` loop whose body is being traced once for all iterations.
#[derive(Clone, Copy, Debug)]
pub struct RolledLoop {
    /// The number of the iteration.
    pub counter: TVar,
    /// Iterations.
    pub length: usize,
    /// Where it stands.
    pub sp: Sp,
}

/// A parameter of the entry, as messages speak of it.
#[derive(Clone, Debug)]
pub struct ParamOrigin {
    /// Its name.
    pub name: Rc<str>,
    /// `&`, `&mut ` or nothing.
    pub by_ref: &'static str,
}

/// Shapes in the text form of graphs, `f32[3,4]`, as Rust writes lists: `f32[3, 4]`.
fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == ',' && out.len() > 1 && chars.peek().is_some_and(char::is_ascii_digit) {
            out.push(' ');
        }
    }
    out
}

/// What an integer literal is until it meets a dtype.
pub fn weak_int(i: i128) -> DType {
    if i32::try_from(i).is_ok() { DType::I32 } else { DType::I64 }
}

/// A static number as an element.
pub fn scalar(value: Number, dtype: DType) -> Scalar {
    match value {
        Number::Int(i) => Scalar::from_i128(dtype, i),
        Number::Float(x) => Scalar::from_f64(dtype, x),
    }
}

/// The innermost variable list, passed along while a body is evaluated.
pub type Vars = Scope;
