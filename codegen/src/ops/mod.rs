//! Primitives: the operations that a graph can hold. One file each; the list at the end of this file is the only other
//! place that names them.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use proc_macro2::TokenStream;

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::ops::indexing::Coords;
use crate::ops::windows::Windows;
use crate::passes::parts::InParts;
use crate::passes::ranges::Range;
use crate::passes::rows::{OfRows, Rows};
use crate::passes::strips::Strip;
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::{Param, Params};

/// A tangent or cotangent; `None` is a zero that is known while tracing and costs nothing.
pub type Tangent = Option<Var>;

/// An operand of an equation that is being transposed.
#[derive(Clone, Debug)]
pub enum Operand {
    /// Not part of the linear computation; may be used by the rule.
    Known(Var),
    /// An argument that the equation is linear in and whose cotangent is wanted.
    Linear(Aval),
}

/// An operand or result under batching. A batch axis is always axis 0.
#[derive(Clone, Copy, Debug)]
pub struct Batched {
    /// The value.
    pub var: Var,
    /// Whether it has the batch axis.
    pub batched: bool,
}

/// What an elementwise primitive is to a floating-point unit without vectors, on numbers of single precision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fpu {
    /// An instruction of one operand, in the assembler of Arm.
    Unary(&'static str),
    /// An instruction of two operands.
    Binary(&'static str),
    /// The condition that holds after comparing, and its opposite.
    Compare(&'static str, &'static str),
    /// A conditional move.
    Select,
}

impl Fpu {
    /// The instruction that multiplies.
    pub const PRODUCT: &'static str = "vmul.f32";
}

/// How the elements that a reduction folds are put in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum FoldOrder {
    /// One after the other, in row-major order of the folded indices, starting from `init`: contractions.
    Sequential,
    /// Sixteen interleaved lanes, then a tree, as `kiln_math::lanes_reduce` defines: sums.
    Lanes,
}

/// What kind of loop nest computes a primitive.
#[derive(Clone, Debug)]
pub enum Lowering {
    /// Every element of the result is an expression of the elements of the operands: [`Primitive::body`] with no reduced
    /// indices. Costs no buffer when fused.
    Map,
    /// Every element of the result folds `body` over further indices.
    Fold {
        /// Extents of the folded indices.
        extents: Vec<usize>,
        /// The elementwise primitive of two operands that combines.
        combine: Op,
        /// In which order.
        order: FoldOrder,
        /// Starting value of a sequential fold, and the result of an empty one.
        init: Scalar,
        /// The body is a product and `combine` is addition: operands may be held in registers across outputs.
        contraction: bool,
    },
    /// A call of a runtime function on whole arrays: `::kiln::rt::NAME::<CONSTS..>(&in.., &mut out..)`, every operand and
    /// result a flat array.
    Call {
        /// Path below `::kiln::rt`.
        function: &'static str,
        /// Generic arguments after the types, in order.
        consts: Vec<usize>,
        /// Scratch arrays passed as `&mut` after the results.
        scratch: Vec<Aval>,
    },
    /// A call of another kernel, on whole arrays.
    Kernel {
        /// Its name.
        name: Rc<str>,
        /// The operands that it changes: the last results take their place.
        changes: Vec<usize>,
    },
    /// A copy of operand 0, in place where it is not read again; then, for every index of a box in row-major order, one
    /// element changes as [`Primitive::update`] says.
    Scatter {
        /// Extents of the box.
        extents: Vec<usize>,
        /// The elementwise primitive of old element and value; `None` replaces.
        combine: Option<Op>,
    },
    /// Holds graphs; see [`Primitive::region`].
    Region,
    /// No results.
    Effect {
        /// What happens.
        effect: Effect,
        /// Leading axes of every operand: it happens for each index.
        lanes: Vec<usize>,
    },
}

/// What an equation does beside computing.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Writes a line: a format string with one `{..}` per operand.
    Print {
        /// The format string.
        text: String,
    },
    /// Unless operand 0, a bool, holds, the kernel returns an error. The other operands are scalars.
    Check {
        /// What is wrong, with one `{}` or `{:.N}` per further operand.
        text: String,
        /// Where the check stands.
        line: usize,
    },
    /// Unless operand 0 holds, writes a line; only the first in a call of the kernel does.
    Report {
        /// The line.
        text: String,
    },
}

/// One iteration of a [`Lowering::Scatter`].
#[derive(Clone, Debug)]
pub struct Update {
    /// Index of the element that changes; always inside operand 0.
    pub at: Vec<Ix>,
    /// Nothing happens where this does not hold.
    pub when: Option<Ex>,
    /// What it is combined with or replaced by. Does not depend on the array that is being changed.
    pub value: Ex,
}

/// The structured control flow that the scheduler knows how to emit.
#[derive(Clone, Debug)]
pub enum Region {
    /// `for i in 0..length`: inputs are constants, carries, stacked inputs; outputs carries, stacked outputs.
    /// The body takes (consts.., carries.., slices..) and, when `indexed`, the index as u32 first.
    Scan {
        /// Body graph.
        body: Rc<Graph>,
        /// Number of iterations.
        length: usize,
        /// Number of leading operands that do not change.
        n_consts: usize,
        /// Number of carries.
        n_carry: usize,
        /// From the last slice to the first; the index counts down.
        reverse: bool,
        /// The body takes the index.
        indexed: bool,
    },
    /// `match inputs[0]`: a branch per index (i32, clamped), operands shared.
    Switch {
        /// Branch graphs, all of one type.
        branches: Vec<Rc<Graph>>,
    },
    /// `while cond(consts, carry) { carry = body(consts, carry) }`.
    While {
        /// Yields a bool.
        cond: Rc<Graph>,
        /// Yields the carries.
        body: Rc<Graph>,
        /// Leading operands that only `cond` reads.
        n_cond_consts: usize,
        /// Following operands that only `body` reads.
        n_body_consts: usize,
        /// The loop ends after this many iterations, whatever `cond` says.
        bound: Option<usize>,
    },
}

/// Everything that is known about one primitive.
pub trait Primitive: fmt::Debug + Any {
    /// Name in the text form of graphs.
    fn name(&self) -> &'static str;

    /// Parameters in the text form; two ops with equal names and parameters are equal.
    fn params(&self) -> Params {
        Params::default()
    }

    /// Types of the results, or why the operands are refused.
    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError>;

    /// What the primitive means, slowly. Kernels are tested bit for bit against this.
    fn eval(&self, ins: &[&Array]) -> Vec<Array>;

    /// Binds the primal and its tangents, given the primals and tangents of the operands, at least one of which is not
    /// `None`. Tangents exist for float and complex values only.
    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>);

    /// Cotangents of the linear operands, given those of the results. Called only where the equation is linear in the
    /// operands marked so; entries for known operands are ignored.
    fn transpose(&self, _g: &mut Graph, _ct: &[Tangent], _ins: &[Operand]) -> Vec<Tangent> {
        panic!("`{}` is not linear", self.name())
    }

    /// Binds the op over a leading batch axis of extent `size`, which at least one operand has.
    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched>;

    /// What kind of loop nest computes this.
    fn lowering(&self, ins: &[&Aval]) -> Lowering;

    /// The operand whose elements a sequential fold begins with, instead of the value that its lowering names.
    fn starts_from(&self) -> Option<usize> {
        None
    }

    /// As a sum of products: [`Primitive::eval`] with sums that begin with the elements of `start`.
    fn eval_from(&self, _start: &Array, _ins: &[&Array]) -> Array {
        panic!("`{}` is no sum of products", self.name())
    }

    /// How the result is put together from slices of the operands, one after the other, along axis `along[n]` of operand `n`;
    /// those without an axis are needed whole. `None` where it is not, or another order of a sum would come of it.
    fn in_parts(&self, _ins: &[&Aval], _along: &[Option<usize>]) -> Option<InParts> {
        None
    }

    /// The element at output index `ix` (of a fold: the element folded at `rx`). Operands are read with [`Body::load`].
    fn body(&self, _k: &mut Body<'_>, _ix: &[Ix], _rx: &[Ix]) -> Ex {
        panic!("`{}` has no body", self.name())
    }

    /// What iteration `ux` of a [`Lowering::Scatter`] does. Operand 0 is not read.
    fn update(&self, _k: &mut Body<'_>, _ux: &[Ix]) -> Update {
        panic!("`{}` has no updates", self.name())
    }

    /// One element from elements, for elementwise primitives: the Rust expression that computes it.
    fn emit(&self, _dtypes: &[DType], _args: &[TokenStream]) -> TokenStream {
        panic!("`{}` is not elementwise", self.name())
    }

    /// As the combination of a fold over elements of `dtype`: what is folded so far with one more.
    fn emit_combined(&self, dtype: DType, [so_far, item]: [TokenStream; 2]) -> TokenStream {
        self.emit(&[dtype, dtype], &[so_far, item])
    }

    /// As the combination of a fold over elements of `dtype`: whether the result is the same in any order.
    fn is_order_free(&self, _dtype: DType) -> bool {
        false
    }

    /// Whether the operands may change places.
    fn commutes(&self) -> bool {
        false
    }

    /// What a floating-point unit without vectors computes it by; see [`Elementwise::fpu`].
    fn fpu(&self) -> Option<Fpu> {
        None
    }

    /// Whether an element of the result depends on the operands' elements at the same index only.
    fn is_elementwise(&self) -> bool {
        false
    }

    /// What computing an element takes beside an addition, where it calls no function.
    fn weight(&self) -> u32 {
        1
    }

    /// How slices of extent `n` along axis `d` of the result are computed from slices of the operands; `None` where they are
    /// not, or nobody has said how.
    fn strip(&self, _ins: &[&Aval], _d: usize, _n: usize) -> Option<Strip> {
        None
    }

    /// How rows along axis `d` of the result are computed from rows of the operands, in each of so many turns of a loop:
    /// [`Primitive::strip`], for results that need more rows than they have.
    fn rows(&self, ins: &[&Aval], d: usize, rows: Rows, _turns: usize) -> Option<OfRows> {
        OfRows::of_strip(self.strip(ins, d, rows.len)?, rows)
    }

    /// Whether the result has the elements of operand 0 in the same row-major order: the same memory shows both.
    fn is_view(&self) -> bool {
        false
    }

    /// Where the result's part from each operand begins, if it is nothing but the operands, each as a block.
    fn parts(&self, _ins: &[&Aval]) -> Option<Vec<Vec<usize>>> {
        None
    }

    /// Floating-point operations of one application; integer and data movement primitives count none.
    fn flops(&self, _ins: &[&Aval]) -> u64 {
        0
    }

    /// The control flow this stands for, if any.
    fn region(&self) -> Option<Region> {
        None
    }

    /// The sum of `to` and the result of this op on `ins`, where that is less work than adding the whole arrays.
    fn add_to(&self, _g: &mut Graph, _to: Var, _ins: &[Var]) -> Option<Var> {
        None
    }

    /// The graph that this stands for, spliced in before lowering.
    fn inlined(&self) -> Option<Rc<Graph>> {
        None
    }

    /// Whether this only stands for something that is spliced in.
    fn is_inlined(&self) -> bool {
        self.inlined().is_some()
    }

    /// Splices in what this stands for, before lowering.
    fn inlined_on(&self, g: &mut Graph, ins: &[Var]) -> Option<Vec<Var>> {
        self.inlined().map(|inner| g.inline(&inner, ins))
    }

    /// The graphs inside and how to rebuild the op around others, for passes that work inside them too.
    fn subgraphs(&self) -> Vec<Rc<Graph>> {
        Vec::new()
    }

    /// Those of them that its transpose runs backwards.
    fn reversed_subgraphs(&self) -> Vec<Rc<Graph>> {
        self.subgraphs()
    }

    /// What is known of the inputs of graph number `n`, in order, given what is known of the operands; the rest may be left out.
    fn known_inputs(&self, _n: usize, _operands: &[Option<Range>]) -> Vec<Option<Range>> {
        Vec::new()
    }

    /// The same op around other graphs.
    fn with_subgraphs(&self, _graphs: Vec<Rc<Graph>>) -> Op {
        panic!("`{}` holds no graph", self.name())
    }

    /// The op without the results that are not marked in `read`, and without the operands that only they need; `None`
    /// where nothing can go.
    fn narrowed(&self, _read: &[bool]) -> Option<Narrowed> {
        None
    }

    /// Splits an equation, some of whose operands are unknown until later, into a part that runs now and a part that
    /// runs later; `None` puts the whole equation later. See `transform::linearize`.
    fn partial_eval(&self, _unknown: &[bool]) -> Option<Split> {
        None
    }

    /// Whether a `vmap` has to see all slices at once: what a slice yields then depends on the others, or the user has said
    /// how slices are computed together.
    fn needs_all_slices(&self) -> bool {
        self.subgraphs().iter().any(|g| g.eqns.iter().any(|eqn| eqn.op.needs_all_slices()))
    }

    /// Must run even if no result is read (prints, checks); what holds graphs has the effects in them.
    fn has_effect(&self) -> bool {
        self.subgraphs().iter().any(|g| region::has_effect(g))
    }
}

/// See [`Primitive::partial_eval`]. Both graphs are spliced in, so that what merely passes through costs nothing.
#[derive(Clone, Debug)]
pub struct Split {
    /// Takes the known operands in order; yields the known results, then the residuals.
    pub known: Graph,
    /// Which results `known` yields.
    pub known_out: Vec<bool>,
    /// Takes the residuals, then the unknown operands in order; yields the other results.
    pub later: Graph,
}

/// A primitive with its parameters, shared.
#[derive(Clone)]
pub struct Op(Rc<dyn Primitive>);

impl Op {
    /// The primitive as its own type, if it is a `T`.
    pub fn downcast<T: Primitive>(&self) -> Option<&T> {
        let any: &dyn Any = &*self.0;
        any.downcast_ref()
    }

    /// Name and parameters, as the text form shows them: `reduce_sum[axes=(1)]`.
    pub fn text(&self) -> String {
        let params = self.params();
        if params.is_empty() { self.name().to_string() } else { format!("{}[{params}]", self.name()) }
    }
}

impl<T: Primitive> From<T> for Op {
    fn from(op: T) -> Op {
        Op(Rc::new(op))
    }
}

impl std::ops::Deref for Op {
    type Target = dyn Primitive;
    fn deref(&self) -> &(dyn Primitive + 'static) {
        &*self.0
    }
}

impl PartialEq for Op {
    fn eq(&self, other: &Op) -> bool {
        Rc::ptr_eq(&self.0, &other.0) || self.text() == other.text()
    }
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// `b` with the batch axis, broadcast if it has none.
pub fn with_batch_axis(g: &mut Graph, b: Batched, size: usize) -> Var {
    if b.batched {
        return b.var;
    }
    let aval = g.aval(b.var).batched(size);
    let dims = (1..aval.rank()).collect();
    g.bind1(BroadcastInDim { shape: aval.shape, dims }, &[b.var])
}

/// Sum of two tangents. Where one of them is an equation that can add its result to an array, it does: the gradient of
/// `x[i]` in a loop touches one element per turn.
pub fn add_tangents(g: &mut Graph, a: Tangent, b: Tangent) -> Tangent {
    let (Some(a), Some(b)) = (a, b) else { return a.or(b) };
    let sum = add_to(g, a, b).or_else(|| add_to(g, b, a));
    Some(sum.unwrap_or_else(|| g.bind1(Add, &[a, b])))
}

/// The sum of `sum` and `part`, if what makes `part` can begin with `sum`.
pub fn add_to(g: &mut Graph, sum: Var, part: Var) -> Option<Var> {
    let eqn = g.eqns.iter().rev().find(|e| e.outputs[..] == [part])?;
    let (op, ins) = (eqn.op.clone(), eqn.inputs.clone());
    op.add_to(g, sum, &ins)
}

/// The sum of `to` and what `there` makes of `part`, if `part` can begin with what `back` makes of `to`.
pub fn add_moved(g: &mut Graph, to: Var, back: impl Into<Op>, part: Var, there: impl Into<Op>) -> Option<Var> {
    let n_eqns = g.eqns.len();
    let to = g.bind1(back, &[to]);
    let sum = add_to(g, to, part);
    if sum.is_none() {
        g.eqns.truncate(n_eqns);
    }
    sum.map(|sum| g.bind1(there, &[sum]))
}

/// Reads an op from its name and parameters in the text form.
pub fn parse_op(name: &str, params: &Params) -> Result<Op, String> {
    match PARSERS.iter().find(|(n, _)| *n == name) {
        Some((_, parse)) => parse(params),
        None => Err(format!("unknown primitive `{name}`")),
    }
}

/// Names of all primitives, in the order of the list.
pub fn names() -> impl Iterator<Item = &'static str> {
    PARSERS.iter().map(|(n, _)| *n)
}

type Parser = fn(&Params) -> Result<Op, String>;

/// The list of primitives: `file: name => constructor from parameters` (elementwise ones without parameters: `Type`).
macro_rules! primitives {
    ($($file:ident: $($ty:ident = $name:literal $(($p:ident) $make:expr)?),+;)+) => {
        $(pub mod $file; pub use $file::{$($ty),+};)+
        const PARSERS: &[(&str, Parser)] = &[
            $($(($name, {
                fn parse(params: &Params) -> Result<Op, String> {
                    let _ = params;
                    Ok(primitives!(@make $ty params $(($p) $make)?))
                }
                parse
            })),+),+
        ];
    };
    (@make $ty:ident $params:ident) => { $ty.into() };
    (@make $ty:ident $params:ident ($p:ident) $make:expr) => {{ let $p = $params; $make.into() }};
}

pub mod axes;
pub use compare::CompareOp;
pub use elementwise::Elementwise;
pub use error::{OpError, Refused, refuse};
pub use narrow::Narrowed;

pub mod cotangents;
pub mod cumulative;
pub mod custom_vmap_steps;
pub mod effect;
pub mod elementwise;
pub mod error;
pub mod guard;
pub mod indexing;
#[cfg(test)]
pub mod laws;
pub mod matrix;
pub mod narrow;
pub mod reduce;
pub mod region;
pub mod scan_chunks;
pub mod scan_split;
pub mod sorting;
pub mod windows;

primitives! {
    constant: Constant = "constant" (p) Constant { value: p.array("value")? };
    add: Add = "add";
    mul: Mul = "mul";
    neg: Neg = "neg";
    exp: Exp = "exp";
    sub: Sub = "sub";
    div: Div = "div";
    rem: Rem = "rem";
    abs: Abs = "abs";
    sign: Sign = "sign";
    floor: Floor = "floor";
    ceil: Ceil = "ceil";
    trunc: Trunc = "trunc";
    round: Round = "round";
    max: Max = "max";
    min: Min = "min";
    clamp: Clamp = "clamp";
    compare: Compare = "compare" (p) Compare { op: CompareOp::from_name(p.word("op")?)? };
    select: Select = "select";
    and: And = "and";
    or: Or = "or";
    xor: Xor = "xor";
    not: Not = "not";
    shift_left: ShiftLeft = "shift_left";
    shift_right_logical: ShiftRightLogical = "shift_right_logical";
    shift_right_arithmetic: ShiftRightArithmetic = "shift_right_arithmetic";
    population_count: PopulationCount = "population_count";
    clz: Clz = "clz";
    exp2: Exp2 = "exp2";
    log: Log = "log";
    log1p: Log1p = "log1p";
    expm1: Expm1 = "expm1";
    sin: Sin = "sin";
    cos: Cos = "cos";
    tan: Tan = "tan";
    asin: Asin = "asin";
    acos: Acos = "acos";
    atan: Atan = "atan";
    atan2: Atan2 = "atan2";
    sinh: Sinh = "sinh";
    cosh: Cosh = "cosh";
    tanh: Tanh = "tanh";
    asinh: Asinh = "asinh";
    acosh: Acosh = "acosh";
    atanh: Atanh = "atanh";
    logistic: Logistic = "logistic";
    erf: Erf = "erf";
    erfc: Erfc = "erfc";
    erf_inv: ErfInv = "erf_inv";
    lgamma: Lgamma = "lgamma";
    digamma: Digamma = "digamma";
    polygamma: Polygamma = "polygamma" (p) Polygamma { n: p.usize("n")? as u32 };
    sqrt: Sqrt = "sqrt";
    rsqrt: Rsqrt = "rsqrt";
    cbrt: Cbrt = "cbrt";
    pow: Pow = "pow";
    integer_pow: IntegerPow = "integer_pow" (p) IntegerPow { n: p.int("n")? as i32 };
    is_finite: IsFinite = "is_finite";
    nextafter: Nextafter = "nextafter";
    reduce_precision: ReducePrecision = "reduce_precision" (p) ReducePrecision { exponent: p.usize("exponent")? as u32, mantissa: p.usize("mantissa")? as u32 };
    bitcast_convert: BitcastConvert = "bitcast_convert" (p) BitcastConvert { dtype: p.dtype("dtype")? };
    real: Real = "real";
    imag: Imag = "imag";
    conj: Conj = "conj";
    complex: MakeComplex = "complex";
    convert: Convert = "convert" (p) Convert { dtype: p.dtype("dtype")? };
    broadcast_in_dim: BroadcastInDim = "broadcast_in_dim" (p) BroadcastInDim { shape: p.usizes("shape")?, dims: p.usizes("dims")? };
    reshape: Reshape = "reshape" (p) Reshape { shape: p.usizes("shape")? };
    transpose: Transpose = "transpose" (p) Transpose { perm: p.usizes("perm")? };
    reduce_sum: ReduceSum = "reduce_sum" (p) ReduceSum { axes: p.usizes("axes")? };
    reduce_max: ReduceMax = "reduce_max" (p) ReduceMax { axes: p.usizes("axes")? };
    reduce_min: ReduceMin = "reduce_min" (p) ReduceMin { axes: p.usizes("axes")? };
    reduce_prod: ReduceProd = "reduce_prod" (p) ReduceProd { axes: p.usizes("axes")? };
    reduce_and: ReduceAnd = "reduce_and" (p) ReduceAnd { axes: p.usizes("axes")? };
    reduce_or: ReduceOr = "reduce_or" (p) ReduceOr { axes: p.usizes("axes")? };
    argmax: Argmax = "argmax" (p) Argmax { axis: p.usize("axis")? };
    argmin: Argmin = "argmin" (p) Argmin { axis: p.usize("axis")? };
    cumsum: Cumsum = "cumsum" (p) Cumsum { axis: p.usize("axis")?, reverse: p.bool("reverse")? };
    cumprod: Cumprod = "cumprod" (p) Cumprod { axis: p.usize("axis")?, reverse: p.bool("reverse")? };
    cummax: Cummax = "cummax" (p) Cummax { axis: p.usize("axis")?, reverse: p.bool("reverse")? };
    cummin: Cummin = "cummin" (p) Cummin { axis: p.usize("axis")?, reverse: p.bool("reverse")? };
    cumlogsumexp: Cumlogsumexp = "cumlogsumexp" (p) Cumlogsumexp { axis: p.usize("axis")?, reverse: p.bool("reverse")? };
    linear_recurrence: LinearRecurrence = "linear_recurrence" (p) LinearRecurrence { axis: p.usize("axis")?, reverse: p.bool("reverse")? };
    dot_general: DotGeneral = "dot_general" (p) DotGeneral::parse(p)?;
    slice: Slice = "slice" (p) Slice { start: p.usizes("start")?, limit: p.usizes("limit")?, stride: p.usizes("stride")? };
    pad: Pad = "pad" (p) Pad { lo: p.ints("lo")?, hi: p.ints("hi")?, interior: p.usizes("interior")? };
    concatenate: Concatenate = "concatenate" (p) Concatenate { axis: p.usize("axis")? };
    all_gather: AllGather = "all_gather" (p) AllGather { size: p.usize("size")? };
    stop_gradient: StopGradient = "stop_gradient";
    custom_vjp: CustomVjp = "custom_vjp" (p) CustomVjp { call: p.graph("call")?, fwd: p.graph("fwd")?, bwd: p.graph("bwd")? },
        CustomVjpTangent = "custom_vjp_tangent" (p) CustomVjpTangent { n_operands: p.usize("operands")?, push: p.graph("push")?, bwd: p.graph("bwd")? };
    checkpoint: Checkpoint = "checkpoint" (p) Checkpoint { call: p.graph("call")?, again: p.bool("again")? };
    barrier: Barrier = "barrier";
    linear_solve: LinearSolve = "linear_solve" (p) LinearSolve::parse(p)?;
    custom_vmap: CustomVmap = "custom_vmap" (p) CustomVmap::parse(p)?;
    custom_jvp: CustomJvp = "custom_jvp" (p) CustomJvp { call: p.graph("call")?, rule: p.graph("rule")? };
    rev: Rev = "rev" (p) Rev { axes: p.usizes("axes")? };
    iota: Iota = "iota" (p) Iota { aval: Aval::new(p.dtype("dtype")?, &p.usizes("shape")?), dimension: p.usize("dimension")? };
    gather: Gather = "gather" (p) Gather { coords: Coords::parse(p)? };
    scatter: Scatter = "scatter" (p) Scatter::parse(p)?;
    conv_general_dilated: ConvGeneralDilated = "conv_general_dilated" (p) ConvGeneralDilated::parse(p)?;
    continued: Continued = "continued" (p) Continued::parse(p)?;
    conv_rows: ConvRows = "conv_rows" (p) ConvRows::parse(p)?;
    reduce_window: ReduceWindow = "reduce_window" (p) ReduceWindow::parse(p)?;
    reduce_window_index: ReduceWindowIndex = "reduce_window_index" (p) ReduceWindowIndex { windows: Windows::parse(p)? };
    sort: Sort = "sort" (p) Sort { axis: p.usize("axis")?, descending: p.bool("descending")? };
    argsort: Argsort = "argsort" (p) Argsort { axis: p.usize("axis")?, descending: p.bool("descending")? };
    top_k: TopK = "top_k" (p) TopK { k: p.usize("k")? };
    threefry2x32: Threefry2x32 = "threefry2x32" (p) Threefry2x32 { word: threefry2x32::Word::from_name(p.word("word")?)? };
    cholesky: Cholesky = "cholesky";
    triangular_solve: TriangularSolve = "triangular_solve" (p) TriangularSolve::parse(p)?;
    lu: Lu = "lu";
    qr: Qr = "qr" (p) Qr { full: p.bool("full")? };
    eigh: Eigh = "eigh";
    svd: Svd = "svd";
    fft: Fft = "fft" (p) Fft::parse(p)?, TabledFft = "fft_tabled" (p) TabledFft(Fft::parse(p)?);
    debug_print: DebugPrint = "debug_print" (p) DebugPrint { text: p.string("text")?, lanes: p.usizes("lanes")? };
    check: Check = "check" (p) Check { text: p.string("text")?, line: p.usize("line")?, lanes: p.usizes("lanes")?, report: p.bool("report")? };
    call: Call = "call" (p) Call::parse(p)?;
    scan: Scan = "scan" (p) Scan::parse(p)?;
    counted_scan: CountedScan = "counted_scan" (p) CountedScan { scan: Scan::parse(p)? };
    switch: Switch = "switch" (p) Switch { branches: p.graphs("branches")? };
    while_loop: While = "while" (p) While::parse(p)?;
}

/// A parameter list entry; for the `params` methods of primitives.
pub fn param(key: &'static str, value: impl Into<Param>) -> (&'static str, Param) {
    (key, value.into())
}
