//! `scatter`: put elements and windows into an array at places computed at run time.

use crate::array::{Array, indices};
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::ops::elementwise::same_dtype;
use crate::ops::gather::known;
use crate::ops::indexing::{Coords, IndexMode, clamped, is_at};
use crate::ops::{
    Add, Batched, Compare, CompareOp, Convert, Div, Elementwise, Gather, Iota, Lowering, Max, Min, Mul, Op, OpError,
    Operand, Primitive, Reshape, Select, Tangent, Update, add_tangents, guard, param, with_batch_axis,
};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;
use crate::passes::strips::Strip;

/// A copy of `x` in which, for every index `i` of the updates in row-major order, the element at `coords(i)` becomes
/// `combine(element, updates[i])`. Updates whose window sticks out are moved or left out, as the mode says.
/// Operands: `x`, the index arrays, the updates. Happens in place where `x` is not read again.
#[derive(Clone, Debug)]
pub struct Scatter {
    /// From indices of the updates to those of `x`.
    pub coords: Coords,
    /// What becomes of an element and its update.
    pub combine: Combine,
}

/// How an update changes an element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Combine {
    /// Replaces it; of several, the last one stays.
    Set,
    /// Is added.
    Add,
    /// Multiplies.
    Mul,
    /// The smaller of both.
    Min,
    /// The larger of both.
    Max,
}

impl Combine {
    const ALL: [(Combine, &'static str); 5] = [
        (Combine::Set, "set"),
        (Combine::Add, "add"),
        (Combine::Mul, "mul"),
        (Combine::Min, "min"),
        (Combine::Max, "max"),
    ];

    /// The elementwise primitive of element and update; `None` for a replacement.
    pub fn op(self) -> Option<Op> {
        match self {
            Combine::Set => None,
            Combine::Add => Some(Add.into()),
            Combine::Mul => Some(Mul.into()),
            Combine::Min => Some(Min.into()),
            Combine::Max => Some(Max.into()),
        }
    }

    fn scalar(self, x: Scalar, u: Scalar) -> Scalar {
        match self {
            Combine::Set => u,
            Combine::Add => Add.scalar(&[x, u]),
            Combine::Mul => Mul.scalar(&[x, u]),
            Combine::Min => Min.scalar(&[x, u]),
            Combine::Max => Max.scalar(&[x, u]),
        }
    }
}

/// A nest over the whole array beats one over the updates up to this many elements per update: it needs no buffer.
const MOST_ELEMENTS_PER_UPDATE: usize = 64;

impl Scatter {
    /// Constructor from the text form.
    pub fn parse(p: &Params) -> Result<Scatter, String> {
        let word = p.word("combine")?;
        match Combine::ALL.iter().find(|(_, n)| *n == word) {
            Some((combine, _)) => Ok(Scatter { coords: Coords::parse(p)?, combine: *combine }),
            None => Err(format!("`{word}` does not say how to combine")),
        }
    }

    fn with(&self, combine: Combine) -> Scatter {
        Scatter { coords: self.coords.clone(), combine }
    }

    /// Whether it replaces one whole row along the first axis of an array of shape `x`, if there is that row.
    pub fn sets_row(&self, x: &[usize]) -> bool {
        let mut dims = self.coords.dims.iter().enumerate();
        let first = dims.next().is_some_and(|(_, dim)| dim.index.is_some() && dim.window.is_none());
        let whole = dims.all(|(d, dim)| dim.index.is_none() && dim.window == Some(d - 1));
        let one = self.coords.index_dims.len() == 1 && self.coords.index_dims[0].is_empty();
        first && whole && one && self.combine == Combine::Set && self.coords.shape[..] == x[1..]
    }

    /// `x` with `updates` put in.
    fn put(&self, g: &mut Graph, combine: Combine, x: Var, index: &[Var], updates: Var) -> Var {
        let mut ins = vec![x];
        ins.extend(index);
        ins.push(updates);
        g.bind1(self.with(combine), &ins)
    }

    /// The elements of `x` that belong to the updates.
    fn get(&self, g: &mut Graph, x: Var, index: &[Var]) -> Var {
        let mut ins = vec![x];
        ins.extend(index);
        g.bind1(Gather { coords: self.coords.clone() }, &ins)
    }

    /// The axis along which every row of `x` gets at most one update, the other axes being walked along in full: then
    /// each element of the result can tell by itself whether it is the one.
    fn row_axis(&self, x: &Aval, updates: &Aval) -> Option<usize> {
        let axis = self.coords.dims.iter().position(|d| d.index.is_some())?;
        let mut walked = vec![false; updates.rank()];
        for (d, dim) in self.coords.dims.iter().enumerate() {
            match dim.window {
                None if d == axis => {}
                Some(w) if d != axis && dim.index.is_none() && x.shape[d] == updates.shape[w] && !walked[w] => {
                    walked[w] = true;
                }
                _ => return None,
            }
        }
        let all_walked = walked.iter().zip(&updates.shape).all(|(walked, n)| *walked || *n == 1);
        let k = self.coords.dims[axis].index?;
        let many = self.coords.index_dims[k].iter().any(|d| updates.shape[*d] > 1);
        (all_walked && many && x.size() <= MOST_ELEMENTS_PER_UPDATE * updates.size()).then_some(axis)
    }

    /// Which updates are the last ones at their place, as a mask; only they show in the result of a replacement.
    fn last_writers(&self, g: &mut Graph, x: &Aval, index: &[Var]) -> Var {
        let shape = &self.coords.shape;
        let n: usize = shape.iter().product();
        let number = g.bind1(Iota { aval: Aval::new(DType::U32, &[n]), dimension: 0 }, &[]);
        let number = g.bind1(Reshape { shape: shape.clone() }, &[number]);
        let board = g.zeros(&x.with_dtype(DType::U32));
        let board = self.put(g, Combine::Set, board, index, number);
        let seen = self.get(g, board, index);
        g.bind1(Compare { op: CompareOp::Eq }, &[seen, number])
    }

    /// A product of several factors at one place: each one's tangent times the product of all the others, which is
    /// counted with zeros apart, so that nothing is divided by zero.
    fn jvp_product(&self, g: &mut Graph, x: Var, index: &[Var], u: Var, t: [Tangent; 2]) -> Tangent {
        let (ax, au) = (g.aval(x).clone(), g.aval(u).clone());
        let mut parts = Vec::new();
        for (v, a) in [(x, &ax), (u, &au)] {
            let (zero, one) = (g.zeros(a), g.full(a.dtype, &a.shape, 1.0));
            let is_zero = g.bind1(Compare { op: CompareOp::Eq }, &[v, zero]);
            let factor = g.bind1(Select, &[is_zero, one, v]);
            let count = g.bind1(Convert { dtype: DType::I32 }, &[is_zero]);
            parts.push((is_zero, factor, count));
        }
        let product = self.put(g, Combine::Mul, parts[0].1, index, parts[1].1);
        let zeros = self.put(g, Combine::Add, parts[0].2, index, parts[1].2);
        let mut tangents = Vec::new();
        for (n, (t, a)) in t.into_iter().zip([&ax, &au]).enumerate() {
            let Some(t) = t else {
                tangents.push(None);
                continue;
            };
            let (product, zeros) =
                if n == 0 { (product, zeros) } else { (self.get(g, product, index), self.get(g, zeros, index)) };
            let (_, factor, own) = parts[n];
            let others = g.bind1(Div, &[product, factor]);
            let none_but_own = g.bind1(Compare { op: CompareOp::Eq }, &[zeros, own]);
            let nothing = g.zeros(a);
            let rest = g.bind1(Select, &[none_but_own, others, nothing]);
            tangents.push(Some(g.bind1(Mul, &[t, rest])));
        }
        self.add_up(g, &ax, index, tangents[0], tangents[1])
    }

    /// The smallest or largest: those that attain it share its tangent evenly.
    fn jvp_extreme(&self, g: &mut Graph, x: Var, index: &[Var], u: Var, y: Var, t: [Tangent; 2]) -> Tangent {
        let (ax, au) = (g.aval(x).clone(), g.aval(u).clone());
        let at_updates = self.get(g, y, index);
        let mut shares = Vec::new();
        for (v, best) in [(x, y), (u, at_updates)] {
            let attains = g.bind1(Compare { op: CompareOp::Eq }, &[v, best]);
            shares.push(g.bind1(Convert { dtype: ax.dtype }, &[attains]));
        }
        let count = self.put(g, Combine::Add, shares[0], index, shares[1]);
        let mut tangents = Vec::new();
        for ((t, share), a) in t.into_iter().zip(shares).zip([&ax, &au]) {
            debug_assert_eq!(g.aval(share), a);
            tangents.push(t.map(|t| g.bind1(Mul, &[t, share])));
        }
        let sum = self.add_up(g, &ax, index, tangents[0], tangents[1]);
        sum.map(|sum| g.bind1(Div, &[sum, count]))
    }

    /// `tx` plus `tu` at its places.
    fn add_up(&self, g: &mut Graph, x: &Aval, index: &[Var], tx: Tangent, tu: Tangent) -> Tangent {
        match (tx, tu) {
            (tx, None) => tx,
            (tx, Some(tu)) => {
                let base = tx.unwrap_or_else(|| g.zeros(x));
                Some(self.put(g, Combine::Add, base, index, tu))
            }
        }
    }
}

impl Primitive for Scatter {
    fn name(&self) -> &'static str {
        "scatter"
    }

    fn params(&self) -> Params {
        let mut params = self.coords.params();
        let word = Combine::ALL[self.combine as usize].1;
        let (key, value) = param("combine", word);
        params.0.push((key.into(), value));
        params
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let [x, indices @ .., updates] = ins else {
            return Err(OpError::new("`scatter` needs an array and updates"));
        };
        same_dtype("scatter", &[x.dtype, updates.dtype], "numbers", |d| {
            self.combine == Combine::Set || d != DType::Bool
        })?;
        if x.dtype.is_complex() && matches!(self.combine, Combine::Min | Combine::Max) {
            return Err(OpError::new(format!("{} has no largest or smallest element", x.dtype)).at(0));
        }
        self.coords.check(self.name(), x, indices)?;
        if updates.shape != self.coords.shape {
            let expected = x.with_shape(&self.coords.shape);
            return Err(
                OpError::new(format!("`scatter` needs updates of type {expected}, found {updates}")).at(ins.len() - 1)
            );
        }
        Ok(vec![(*x).clone()])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let (x, index, updates) = (ins[0], &ins[1..ins.len() - 1], ins[ins.len() - 1]);
        let mut out = x.clone();
        for ux in indices(updates.shape()) {
            if let Some(at) = self.coords.at(x.shape(), index, &ux) {
                let new = self.combine.scalar(out.at(&at), updates.at(&ux));
                out.set(&at, new);
            }
        }
        vec![out]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind1(self.clone(), x);
        let last = x.len() - 1;
        let (x, index, u) = (x[0], &x[1..last], x[last]);
        let (tx, tu) = (t[0], t[last]);
        let (ax, au) = (g.aval(x).clone(), g.aval(u).clone());
        let ty = match self.combine {
            _ if tx.is_none() && tu.is_none() => None,
            Combine::Add => self.add_up(g, &ax, index, tx, tu),
            Combine::Set => {
                let tx = tx.unwrap_or_else(|| g.zeros(&ax));
                let tu = tu.unwrap_or_else(|| g.zeros(&au));
                Some(self.put(g, Combine::Set, tx, index, tu))
            }
            Combine::Mul if self.coords.is_injective() => {
                let left = tx.map(|tx| self.put(g, Combine::Mul, tx, index, u));
                let right = tu.map(|tu| {
                    let old = self.get(g, x, index);
                    g.bind1(Mul, &[old, tu])
                });
                let right = self.add_up(g, &ax, index, None, right);
                add_tangents(g, left, right)
            }
            Combine::Mul => self.jvp_product(g, x, index, u, [tx, tu]),
            Combine::Min | Combine::Max => self.jvp_extreme(g, x, index, u, y, [tx, tu]),
        };
        (vec![y], vec![ty])
    }

    /// A replaced element is gone: its cotangent is zero, and goes to the update that replaced it. One that was added
    /// to feeds both.
    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let mut out = vec![None; ins.len()];
        let Some(ct) = ct[0] else { return out };
        let last = ins.len() - 1;
        let index = known(&ins[1..last]);
        let linear = [0, last].map(|n| matches!(ins[n], Operand::Linear(_)));
        let x = g.aval(ct).clone();
        match (self.combine, &ins[0], &ins[last]) {
            (Combine::Add, ..) => {
                out[0] = linear[0].then_some(ct);
                out[last] = linear[1].then(|| self.get(g, ct, &index));
            }
            (Combine::Set, ..) => {
                out[0] = linear[0].then(|| {
                    let nothing = g.full(x.dtype, &self.coords.shape, 0.0);
                    self.put(g, Combine::Set, ct, &index, nothing)
                });
                out[last] = linear[1].then(|| {
                    let all = self.get(g, ct, &index);
                    if self.coords.is_injective() {
                        return all;
                    }
                    let mask = self.last_writers(g, &x, &index);
                    let nothing = g.full(x.dtype, &self.coords.shape, 0.0);
                    g.bind1(Select, &[mask, all, nothing])
                });
            }
            (Combine::Mul, Operand::Linear(_), Operand::Known(u)) => {
                out[0] = Some(self.put(g, Combine::Mul, ct, &index, *u));
            }
            (Combine::Mul, Operand::Known(old), Operand::Linear(_)) if self.coords.is_injective() => {
                let both = g.bind1(Mul, &[ct, *old]);
                out[last] = Some(self.get(g, both, &index));
            }
            _ => panic!("`scatter` with `{}` is not linear", Combine::ALL[self.combine as usize].1),
        }
        out
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let last = ins.len() - 1;
        let mut vars: Vec<Var> = ins.iter().map(|b| b.var).collect();
        for n in [0, last] {
            vars[n] = with_batch_axis(g, ins[n], size);
        }
        let batched: Vec<bool> = ins[1..last].iter().map(|b| b.batched).collect();
        let coords = self.coords.batched(true, &batched, size);
        vec![Batched { var: g.bind1(Scatter { coords, combine: self.combine }, &vars), batched: true }]
    }

    /// Updates that are added to zeros may as well be added to something else.
    fn add_to(&self, g: &mut Graph, to: Var, ins: &[Var]) -> Option<Var> {
        let zeros = g.as_constant(ins[0])?;
        if self.combine != Combine::Add || !zeros.is_splat() || !zeros.data().first()?.is_zero() {
            return None;
        }
        let mut ins = ins.to_vec();
        ins[0] = to;
        Some(g.bind1(self.clone(), &ins))
    }

    /// Along an axis that the updates walk along in full.
    fn strip(&self, ins: &[&Aval], d: usize, n: usize) -> Option<Strip> {
        let w = self.coords.dims[d].window?;
        let coords = self.coords.of_strip(ins[0], w, n)?;
        let of_index = self.coords.index_dims.iter().map(|dims| dims.iter().position(|e| *e == w));
        let along = [Some(d)].into_iter().chain(of_index).chain([Some(w)]).collect();
        Some(Strip { op: Scatter { coords, combine: self.combine }.into(), along })
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        let updates = ins[ins.len() - 1];
        match self.row_axis(ins[0], updates) {
            Some(_) => Lowering::Map,
            None => Lowering::Scatter { extents: updates.shape.clone(), combine: self.combine.op() },
        }
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], _rx: &[Ix]) -> Ex {
        let last = k.operands.len() - 1;
        let (x, updates) = (k.operand(0).clone(), k.operand(last).clone());
        let axis = self.row_axis(&x, &updates).expect("only then a map");
        let mut ux = vec![Ix::constant(0); updates.rank()];
        for (d, dim) in self.coords.dims.iter().enumerate() {
            if let Some(w) = dim.window {
                ux[w] = ix[d].clone();
            }
        }
        let n = self.coords.dims[axis].index.expect("the axis has an index");
        let mut start = self.coords.index_element(k, n, &ux);
        if self.coords.mode == IndexMode::Clip {
            start = clamped(k, start, x.shape[axis] - 1);
        }
        let here = is_at(k, start, &ix[axis], x.shape[axis]);
        let (old, update) = (k.load(0, ix), k.load(last, &ux));
        let new = match self.combine.op() {
            Some(op) => k.apply(op, &[old, update]),
            None => update,
        };
        guard::select(k, &[here], new, old)
    }

    fn update(&self, k: &mut Body<'_>, ux: &[Ix]) -> Update {
        let shape = k.operand(0).shape.clone();
        let (at, conditions) = self.coords.at_ix(k, &shape, ux);
        let when = guard::all(k, &conditions);
        Update { at, when, value: k.load(k.operands.len() - 1, ux) }
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        let updates = ins[ins.len() - 1];
        let counts = matches!(self.combine, Combine::Add | Combine::Mul) && updates.dtype.is_inexact();
        if counts { updates.size() as u64 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::indexing::DimIx;
    use crate::ops::laws::{check_op, check_op_at};

    fn scatter(dims: &[DimIx], index_dims: &[&[usize]], shape: &[usize], mode: IndexMode, combine: Combine) -> Scatter {
        let index_dims = index_dims.iter().map(|d| d.to_vec()).collect();
        Scatter { coords: Coords { dims: dims.to_vec(), index_dims, shape: shape.to_vec(), mode }, combine }
    }

    fn ints(shape: &[usize], data: &[i32]) -> Array {
        Array::new(Aval::new(DType::I32, shape), data.iter().map(|x| Scalar::I32(*x)).collect())
    }

    #[test]
    fn laws() {
        for mode in [IndexMode::Clip, IndexMode::Drop] {
            for (combine, _) in Combine::ALL {
                let check = |dims: &[DimIx], index_dims: &[&[usize]], shape: &[usize], avals: &[&str]| {
                    check_op(scatter(dims, index_dims, shape, mode, combine), avals)
                };
                check(&[DimIx::index(0)], &[&[]], &[], &["f32[4]", "i32[]", "f32[]"]);
                check(&[DimIx::index(0), DimIx::window(1)], &[&[0]], &[3, 2], &["f32[4,2]", "i8[3]", "f32[3,2]"]);
                check(&[DimIx::window(0), DimIx::index(0)], &[&[0]], &[3], &["f32[3,4]", "u8[3]", "f32[3]"]);
                check(&[DimIx::window(0), DimIx::index(0)], &[&[0, 1]], &[3, 1], &["f32[3,4]", "i32[3,1]", "f32[3,1]"]);
                let box_at = [DimIx::slice(0, 0), DimIx::slice(1, 1)];
                check(&box_at, &[&[], &[]], &[2, 3], &["f32[4,4]", "i32[]", "u32[]", "f32[2,3]"]);
                check(&[DimIx::slice(0, 1)], &[&[0]], &[3, 2], &["f32[4]", "i32[3]", "f32[3,2]"]);
                check(&[DimIx::window(0), DimIx::index(0)], &[&[0]], &[8], &["i32[8,300]", "u8[8]", "i32[8]"]);
            }
        }
    }

    #[test]
    fn one_update_per_row_is_a_map_and_others_are_not() {
        let op = scatter(&[DimIx::window(0), DimIx::index(0)], &[&[0]], &[3], IndexMode::Drop, Combine::Add);
        let avals = ["f32[3,4]", "i32[3]", "f32[3]"].map(crate::ops::laws::parse_aval);
        assert!(matches!(op.lowering(&avals.each_ref()), Lowering::Map));
        let op = scatter(&[DimIx::index(0)], &[&[]], &[], IndexMode::Drop, Combine::Set);
        let avals = ["f32[4]", "i32[]", "f32[]"].map(crate::ops::laws::parse_aval);
        assert!(matches!(op.lowering(&avals.each_ref()), Lowering::Scatter { .. }));
    }

    #[test]
    fn updates_at_one_place_come_one_after_the_other() {
        let x = Array::f32(&[3], &[1.0, 2.0, 3.0]);
        let idx = ints(&[4], &[1, 5, 1, -1]);
        let u = Array::f32(&[4], &[10.0, 20.0, 30.0, 40.0]);
        let run = |combine| {
            let op = scatter(&[DimIx::index(0)], &[&[0]], &[4], IndexMode::Drop, combine);
            check_op_at(op.clone(), &[x.clone(), idx.clone(), u.clone()]);
            op.eval(&[&x, &idx, &u])[0].to_f64s()
        };
        assert_eq!(run(Combine::Set), [1.0, 30.0, 3.0]);
        assert_eq!(run(Combine::Add), [1.0, 42.0, 3.0]);
        assert_eq!(run(Combine::Mul), [1.0, 600.0, 3.0]);
        assert_eq!(run(Combine::Max), [1.0, 30.0, 3.0]);
        assert_eq!(run(Combine::Min), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn a_product_with_zeros_has_a_tangent() {
        let x = Array::f64(&[2], &[0.0, 2.0]);
        let idx = ints(&[3], &[0, 1, 1]);
        let u = Array::f64(&[3], &[3.0, 0.0, 5.0]);
        let op = scatter(&[DimIx::index(0)], &[&[0]], &[3], IndexMode::Drop, Combine::Mul);
        check_op_at(op, &[x, idx, u]);
    }

    #[test]
    fn ties_share_the_tangent() {
        let x = Array::f64(&[1], &[2.0]);
        let (idx, u) = (ints(&[1], &[0]), Array::f64(&[1], &[2.0]));
        let op = scatter(&[DimIx::index(0)], &[&[0]], &[1], IndexMode::Drop, Combine::Max);
        let t = [Some(Array::f64(&[1], &[1.0])), None, None];
        let (_, ty) = crate::ops::laws::jvp_at(op, &[x, idx, u], &t);
        assert_eq!(ty[0].as_ref().map(Array::to_f64s), Some(vec![0.5]));
    }
}
