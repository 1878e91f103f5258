//! Folds in parts: what a fold makes of slices of its operands, one after the other, with the bits that it has of the whole.
//!
//! Before: a fold reads everything that it folds at once. After: it goes on, slice by slice, from what it has so far. A sum of
//! products is begun where the last one ended; the sixteen sums that `sum` deals its elements out to are kept side by side,
//! and added to each other at the end.

use crate::dtype::Scalar;
use crate::graph::{Aval, Graph, Var};
use crate::ops::BroadcastInDim;
use crate::ops::axes::permute;
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::scatter::Combine;
use crate::ops::{
    Add, Compare, CompareOp, Concatenate, Continued, Iota, Mul, Op, Rem, Reshape, Scatter, Select, Slice,
};
use kiln_math::LANES;

/// How a fold is computed from slices of its operands.
#[derive(Clone, Debug)]
pub enum InParts {
    /// A sum of products, which goes on.
    Continued(Op),
    /// A sum in the lanes order over these axes, of which the first has the slices.
    Lanes(Vec<usize>),
    /// Any other order would do: what there is so far is combined with what `op` makes of the slice.
    AnyOrder {
        /// The fold.
        op: Op,
        /// Of two.
        combine: Op,
        /// Of nothing.
        init: Scalar,
    },
}

/// The slice that a turn adds.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Where it begins along its axis: an index.
    pub start: Var,
    /// Whether there is anything to add; always, if nothing is said.
    pub when: Option<Var>,
}

impl InParts {
    /// A sum over `axes` of `x`, if slices along `along` come one after the other in its order.
    pub fn of_sum(op: impl Into<Op>, x: &Aval, axes: &[usize], along: Option<usize>) -> Option<InParts> {
        let first = axes.iter().position(|d| x.shape[*d] > 1)?;
        if x.dtype.is_int() {
            let init = Scalar::zero(x.dtype);
            return InParts::of_any_order(op, Add, init, axes, along);
        }
        (along == Some(axes[first])).then(|| InParts::Lanes(axes[first..].to_vec()))
    }

    /// A fold over `axes` whose order does not matter.
    pub fn of_any_order(
        op: impl Into<Op>,
        combine: impl Into<Op>,
        init: Scalar,
        axes: &[usize],
        along: Option<usize>,
    ) -> Option<InParts> {
        let fits = along.is_some_and(|a| axes.contains(&a));
        fits.then(|| InParts::AnyOrder { op: op.into(), combine: combine.into(), init })
    }

    /// What is kept from slice to slice, of a fold of `ins` into `out`, and what it is before the first.
    pub fn begin(&self, ins: &[&Aval], out: &Aval) -> (Aval, Scalar) {
        match self {
            InParts::Continued(_) => (out.clone(), Scalar::zero(out.dtype)),
            // Added to anything, this leaves every bit of it.
            InParts::Lanes(axes) => {
                let n: usize = axes.iter().map(|d| ins[0].shape[*d]).product();
                (out.batched(n.min(LANES)), Scalar::from_f64(out.dtype, -0.0))
            }
            InParts::AnyOrder { init, .. } => (out.clone(), *init),
        }
    }

    /// What there is with one more slice: `ins` are the operands, sliced where they are.
    pub fn go_on(&self, g: &mut Graph, so_far: Var, ins: &[Var], part: Part) -> Var {
        let next = match self {
            InParts::Continued(op) => {
                let all: Vec<Var> = [so_far].iter().chain(ins).copied().collect();
                g.bind1(Continued { op: op.clone() }, &all)
            }
            InParts::Lanes(axes) => return dealt_out(g, so_far, ins[0], axes, part),
            InParts::AnyOrder { op, combine, .. } => {
                let more = g.bind1(op.clone(), ins);
                g.bind1(combine.clone(), &[so_far, more])
            }
        };
        let Some(when) = part.when else { return next };
        let shape = g.shape(so_far).to_vec();
        let when = g.bind1(BroadcastInDim { shape, dims: Vec::new() }, &[when]);
        g.bind1(Select, &[when, next, so_far])
    }

    /// The result, of what there is after the last slice.
    pub fn end(&self, g: &mut Graph, so_far: Var) -> Var {
        let InParts::Lanes(_) = self else { return so_far };
        let mut lanes = so_far;
        let mut half = LANES / 2;
        while half > 0 {
            let n = g.shape(lanes)[0];
            if n > half {
                let cut = |g: &mut Graph, from: usize, to: usize| {
                    let op = Slice::along(g.aval(lanes), 0, from, to);
                    g.bind1(op, &[lanes])
                };
                let (low, high) = (cut(g, 0, n - half), cut(g, half, n));
                let both = g.bind1(Add, &[low, high]);
                lanes = if n < 2 * half {
                    let alone = cut(g, n - half, half);
                    g.bind1(Concatenate { axis: 0 }, &[both, alone])
                } else {
                    both
                };
            }
            half /= 2;
        }
        let shape = g.shape(lanes)[1..].to_vec();
        g.bind1(Reshape { shape }, &[lanes])
    }
}

/// The sums of the lanes with the elements of one more slice; `axes` are summed, the first has the slice.
fn dealt_out(g: &mut Graph, lanes: Var, x: Var, axes: &[usize], part: Part) -> Var {
    let aval = g.aval(x).clone();
    let inner: usize = axes[1..].iter().map(|d| aval.shape[*d]).product();
    let n = aval.shape[axes[0]] * inner;
    let perm: Vec<usize> = axes.iter().copied().chain((0..aval.rank()).filter(|d| !axes.contains(d))).collect();
    let x = permute(g, x, perm);
    let shape: Vec<usize> = [n].iter().chain(&g.shape(lanes)[1..]).copied().collect();
    let x = g.bind1(Reshape { shape: shape.clone() }, &[x]);
    let index = g.aval(part.start).dtype;
    let spread = |g: &mut Graph, v: Var| g.bind1(BroadcastInDim { shape: vec![n], dims: Vec::new() }, &[v]);
    let count = g.bind1(Iota { aval: Aval::new(index, &[n]), dimension: 0 }, &[]);
    let by = g.full(index, &[], inner as f64);
    let first = g.bind1(Mul, &[part.start, by]);
    let first = spread(g, first);
    let element = g.bind1(Add, &[first, count]);
    let all = g.full(index, &[n], LANES as f64);
    let mut lane = g.bind1(Rem, &[element, all]);
    if let Some(when) = part.when {
        let when = spread(g, when);
        lane = g.bind1(Select, &[when, lane, all]);
    }
    // A lane that there is not gets nothing.
    let dims = (0..shape.len()).map(|d| if d == 0 { DimIx::index(0) } else { DimIx::window(d) }).collect();
    let coords = Coords { dims, index_dims: vec![vec![0]], shape, mode: IndexMode::Drop };
    g.bind1(Scatter { coords, combine: Combine::Add }, &[lanes, lane, x])
}

/// Whether `turn` is not below `first`.
pub fn from_turn(g: &mut Graph, turn: Var, first: usize) -> Var {
    let dtype = g.dtype(turn);
    let first = g.full(dtype, &[], first as f64);
    g.bind1(Compare { op: CompareOp::Ge }, &[turn, first])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::array::Array;
    use crate::dtype::DType;
    use crate::eval::eval;
    use crate::ops::laws::Rng;
    use crate::ops::{ConvGeneralDilated, Convert, DotGeneral, Mul, ReduceMax, ReduceSum, Sin};
    use crate::passes::optimise;
    use crate::passes::strips::{Again, groups, in_strips};
    use crate::schedule::fuse::fuse;
    use crate::schedule::machine::run;
    use crate::schedule::plan::plan;
    use crate::schedule::program::{Dest, Program};

    /// What the gradients of two layers fold over a batch: weights of a convolution and of a product, biases, and more.
    fn gradients(seed: usize) -> Graph {
        let batch = [2, 3, 4, 6, 8, 18, 20, 34][seed % 8];
        let (rows, features) = (1 + seed % 3, 1 + seed / 3 % 3);
        let mut g = Graph::new("gradients");
        let f32s = |shape: &[usize]| Aval::new(DType::F32, shape);
        let x = g.input(&f32s(&[batch, rows, 4, features]));
        let w = g.input(&f32s(&[1, 3, features, 2]));
        let ct = g.input(&f32s(&[batch, rows, 4, 2]));
        let conv =
            ConvGeneralDilated { lo: vec![0, 1], hi: vec![0, 1], ..ConvGeneralDilated::plain(2).channels_last() };
        let y = g.bind1(conv.clone(), &[x, w]);
        let z = g.bind1(Sin, &[y]);
        let ct = g.bind1(Mul, &[ct, z]);
        let of_w = conv.transpose_rhs(&mut g, ct, x, &f32s(&[1, 3, features, 2]));
        let of_bias = g.bind1(ReduceSum { axes: vec![0, 1, 2] }, &[ct]);
        let flat = g.bind1(Reshape { shape: vec![batch, rows * 8] }, &[ct]);
        let product = g.bind1(DotGeneral::contracting(&[0], &[0]), &[flat, flat]);
        let of_rows = g.bind1(ReduceSum { axes: vec![0, 2] }, &[z]);
        let most = g.bind1(ReduceMax { axes: vec![0] }, &[z]);
        let whole = g.bind1(Convert { dtype: DType::I32 }, &[z]);
        let count = g.bind1(ReduceSum { axes: vec![0, 1] }, &[whole]);
        let again = g.bind1(Mul, &[of_w, of_w]);
        g.outputs = vec![of_w, of_bias, product, of_rows, most, count, again];
        optimise(&g)
    }

    fn same(a: &Array, b: &Array) -> bool {
        let bits = |x: &Scalar| if x.to_f64().is_nan() { u64::MAX } else { x.to_f64().to_bits() };
        a.aval() == b.aval() && a.data().iter().map(bits).eq(b.data().iter().map(bits))
    }

    #[test]
    fn folds_in_parts_have_the_bits_of_the_whole() {
        let mut n_folds = [0; 3];
        for seed in 0..9 {
            let g = gradients(seed);
            let mut rng = Rng::new();
            let args: Vec<Array> = g.in_avals().iter().map(|a| rng.array(a)).collect();
            let expected = eval(&g, &args);
            let stored: HashSet<Var> = g.eqns.iter().flat_map(|e| e.outputs.iter().copied()).collect();
            let all = groups(&g).into_iter().filter(|group| !group.folds.is_empty());
            for (n, group) in all.flat_map(|group| (1..group.extent).map(move |n| (n, group.clone()))) {
                let Some(looped) = in_strips(&g, &group, n, Again::Never, &stored, &[]) else { continue };
                for fold in group.folds.iter().map(|k| &g.eqns[*k].op) {
                    n_folds[0] += usize::from(fold.downcast::<ConvGeneralDilated>().is_some());
                    n_folds[1] += usize::from(fold.downcast::<DotGeneral>().is_some());
                    n_folds[2] += usize::from(fold.downcast::<ReduceSum>().is_some());
                }
                let shown = || format!("gradients {seed} in strips of {n}\n{g}\n{looped}");
                let found = eval(&looped, &args);
                assert!(expected.iter().zip(&found).all(|(a, b)| same(a, b)), "{}\n{expected:?}\n{found:?}", shown());
                let dests: Vec<Dest> = (0..g.outputs.len()).map(Dest::Return).collect();
                let mutable = vec![false; g.inputs.len()];
                let mut s = fuse(&Program { graph: looped.clone(), mutable, dests });
                plan(&mut s);
                let ran = run(&s, &args).expect("nothing is checked").returns;
                assert!(expected.iter().zip(&ran).all(|(a, b)| same(a, b)), "{}\n{s}\n{expected:?}\n{ran:?}", shown());
            }
        }
        assert!(n_folds.iter().all(|n| *n > 15), "{n_folds:?}");
    }
}
