//! An interpreter of loop bodies on reference arrays: what a lowering computes, without emitting and compiling it.

use crate::array::{Array, indices};
use crate::dtype::Scalar;
use crate::graph::Aval;
use crate::ops::{FoldOrder, Lowering, Op};
use crate::schedule::body::{Body, Ex, Exprs, Node};
use crate::schedule::ix::{Atom, Ix, ravel};

/// One iteration of a loop nest: where its axes stand, and where its loads and folds come from.
pub struct Point<'a> {
    exprs: &'a Exprs,
    axes: &'a dyn Fn(u32) -> i64,
    load: &'a dyn Fn(u32, i64) -> Scalar,
    folded: &'a dyn Fn(u32) -> Scalar,
    memo: Vec<Option<Scalar>>,
}

impl std::fmt::Debug for Point<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Point").field("memo", &self.memo).finish_non_exhaustive()
    }
}

impl<'a> Point<'a> {
    /// An iteration: `axes` gives the value of each loop axis, `load` the element of a buffer at a row-major position
    /// (which may lie outside the buffer), `folded` the value that a fold ended with.
    pub fn new(
        exprs: &'a Exprs,
        axes: &'a dyn Fn(u32) -> i64,
        load: &'a dyn Fn(u32, i64) -> Scalar,
        folded: &'a dyn Fn(u32) -> Scalar,
    ) -> Point<'a> {
        Point { exprs, axes, load, folded, memo: vec![None; exprs.len()] }
    }

    /// The value of an expression.
    pub fn value(&mut self, ex: Ex) -> Scalar {
        if let Some(x) = self.memo[ex.0 as usize] {
            return x;
        }
        let dtype = self.exprs.dtype(ex);
        let x = match self.exprs.node(ex) {
            Node::Const(x) => *x,
            Node::Load { buffer, at } => (self.load)(*buffer, self.index(at)),
            Node::Apply(text, args) => {
                let args: Vec<Scalar> = args.iter().map(|a| self.value(*a)).collect();
                apply(self.exprs.op(text), &args)
            }
            Node::Index(ix) => Scalar::from_i128(dtype, self.index(ix) as i128),
            Node::InRange(ix, lo, hi) => {
                let i = self.index(ix);
                Scalar::Bool(*lo <= i && i < *hi)
            }
            Node::Folded(n) => (self.folded)(*n),
        };
        assert_eq!(x.dtype(), dtype, "{:?}", self.exprs.node(ex));
        self.memo[ex.0 as usize] = Some(x);
        x
    }

    /// The value of an index expression.
    pub fn index(&mut self, ix: &Ix) -> i64 {
        let mut sum = ix.offset;
        for (atom, c) in &ix.terms {
            let i = match atom {
                Atom::Axis { id, .. } => (self.axes)(*id),
                Atom::Div(inner, d) => self.index(inner).div_euclid(*d),
                Atom::Rem(inner, d) => self.index(inner).rem_euclid(*d),
                Atom::Value { ex, .. } => self.value(*ex).to_i128().expect("an index is an integer") as i64,
            };
            sum += c * i;
        }
        sum
    }
}

/// An elementwise primitive of elements.
pub fn apply(op: &Op, args: &[Scalar]) -> Scalar {
    let args: Vec<Array> = args.iter().map(|x| Array::scalar(*x)).collect();
    op.eval(&args.iter().collect::<Vec<_>>())[0].item()
}

/// Folds `items` as a kernel does.
pub fn fold(items: &[Scalar], combine: &Op, order: FoldOrder, init: Scalar) -> Scalar {
    match order {
        FoldOrder::Sequential => items.iter().fold(init, |acc, x| apply(combine, &[acc, *x])),
        FoldOrder::Lanes if items.is_empty() => init,
        FoldOrder::Lanes => kiln_math::lanes_reduce(items, |a, b| apply(combine, &[a, b])),
    }
}

/// `op` of `args` by its loop nest; `outside` is what a load outside its operand reads. `None` where the lowering is not
/// a loop nest of its own.
pub fn run_op(op: &Op, args: &[&Array], outside: &dyn Fn(&Aval) -> Scalar) -> Option<Array> {
    let avals: Vec<&Aval> = args.iter().map(|a| a.aval()).collect();
    let out = op.abstract_eval(&avals).ok()?.into_iter().next()?;
    let lowering = op.lowering(&avals);
    let along = match &lowering {
        Lowering::Map => Vec::new(),
        Lowering::Fold { extents, .. } => extents.clone(),
        Lowering::Scatter { extents, combine } => {
            return Some(run_scatter(op, args, extents, combine.as_ref(), outside));
        }
        _ => return None,
    };
    let axis = |(n, extent): (usize, &usize)| Ix::axis(n as u32, *extent);
    let all: Vec<Ix> = out.shape.iter().chain(&along).enumerate().map(axis).collect();
    let (ix, rx) = all.split_at(out.rank());
    let mut exprs = Exprs::default();
    let mut read = |exprs: &mut Exprs, n: usize, ix: &[Ix]| {
        assert_eq!(ix.len(), avals[n].rank(), "operand {n} of {}", op.text());
        let at = ravel(ix, &avals[n].shape);
        exprs.intern(Node::Load { buffer: n as u32, at }, avals[n].dtype)
    };
    let root = op.body(&mut Body { exprs: &mut exprs, operands: &avals, read: &mut read }, ix, rx);
    let load = |n: u32, at: i64| load(args, n, at, outside);
    let at = |ix: &[usize], rx: &[usize]| {
        let axes = |id: u32| *ix.iter().chain(rx).nth(id as usize).expect("an axis of this nest") as i64;
        Point::new(&exprs, &axes, &load, &|_| panic!("a body does not read folds")).value(root)
    };
    Some(Array::from_fn(&out, |ix| match &lowering {
        Lowering::Fold { combine, order, init, .. } => {
            let items: Vec<Scalar> = indices(&along).map(|rx| at(ix, &rx)).collect();
            let start = op.starts_from().map_or(*init, |n| args[n].at(ix));
            fold(&items, combine, *order, start)
        }
        _ => at(ix, &[]),
    }))
}

/// The element of operand `n` at a row-major position.
fn load(args: &[&Array], n: u32, at: i64, outside: &dyn Fn(&Aval) -> Scalar) -> Scalar {
    let x = args[n as usize];
    usize::try_from(at).ok().and_then(|at| x.data().get(at).copied()).unwrap_or_else(|| outside(x.aval()))
}

/// Operand 0 with every element changed that the updates of `op` change.
fn run_scatter(
    op: &Op,
    args: &[&Array],
    extents: &[usize],
    combine: Option<&Op>,
    outside: &dyn Fn(&Aval) -> Scalar,
) -> Array {
    let avals: Vec<&Aval> = args.iter().map(|a| a.aval()).collect();
    let all: Vec<Ix> = extents.iter().enumerate().map(|(n, extent)| Ix::axis(n as u32, *extent)).collect();
    let mut exprs = Exprs::default();
    let mut read = |exprs: &mut Exprs, n: usize, ix: &[Ix]| {
        assert_ne!(n, 0, "an update of {} reads what it changes", op.text());
        let at = ravel(ix, &avals[n].shape);
        exprs.intern(Node::Load { buffer: n as u32, at }, avals[n].dtype)
    };
    let update = op.update(&mut Body { exprs: &mut exprs, operands: &avals, read: &mut read }, &all);
    let mut out = args[0].clone();
    for ux in indices(extents) {
        let axes = |id: u32| ux[id as usize] as i64;
        let load = |n: u32, at: i64| load(args, n, at, outside);
        let no_fold = |_: u32| panic!("an update reads no folds");
        let mut point = Point::new(&exprs, &axes, &load, &no_fold);
        if update.when.is_some_and(|when| point.value(when) == Scalar::Bool(false)) {
            continue;
        }
        let at: Vec<usize> =
            update.at.iter().map(|i| usize::try_from(point.index(i)).expect("an update stays inside")).collect();
        let value = point.value(update.value);
        let new = match combine {
            Some(op) => apply(op, &[out.at(&at), value]),
            None => value,
        };
        out.set(&at, new);
    }
    out
}
