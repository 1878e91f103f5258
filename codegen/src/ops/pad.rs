//! `pad`: a value before, after and between the elements of each axis; or elements cut off, where that is negative.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::axes::{prepended, shifted};
use crate::ops::elementwise::same_dtype;
use crate::ops::{
    Add, Batched, BroadcastInDim, Concatenate, Lowering, Neg, OpError, Operand, Primitive, ReduceSum, Select, Slice, Tangent,
    add_tangents, guard, param, with_batch_axis,
};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;

/// `out[lo + i * (interior + 1)] = x[i]`, and the second operand, a scalar, elsewhere. Negative `lo` and `hi` cut off.
#[derive(Clone, Debug)]
pub struct Pad {
    /// How many values go before each axis.
    pub lo: Vec<i64>,
    /// How many values go after each axis.
    pub hi: Vec<i64>,
    /// How many values go between two elements of each axis.
    pub interior: Vec<usize>,
}

/// A block of an array whose other elements are zero.
struct Block {
    lo: Vec<usize>,
    shape: Vec<usize>,
    value: Var,
}

impl Block {
    /// The block that a variable is, if it was made by putting zeros around something.
    fn of(g: &Graph, v: Var) -> Option<Block> {
        let eqn = g.eqns.iter().rev().find(|e| e.outputs[..] == [v])?;
        let pad = eqn.op.downcast::<Pad>()?;
        let zeros = g.as_constant(eqn.inputs[1]).is_some_and(|c| c.data().iter().all(|x| x.is_zero()));
        let plain = pad.interior.iter().all(|n| *n == 0) && pad.hi.iter().all(|n| *n >= 0);
        let lo: Option<Vec<usize>> = pad.lo.iter().map(|n| usize::try_from(*n).ok()).collect();
        let value = eqn.inputs[0];
        lo.filter(|_| zeros && plain).map(|lo| Block { lo, shape: g.shape(value).to_vec(), value })
    }

    /// Everything about where it is but for axis `d`.
    fn beside(&self, d: usize) -> (Vec<usize>, Vec<usize>) {
        let (mut lo, mut shape) = (self.lo.clone(), self.shape.clone());
        lo.remove(d);
        shape.remove(d);
        (lo, shape)
    }
}

/// The same sum in fewer and smaller parts: blocks of zero-padded arrays that are in the same place are added before they
/// are padded, and those that are next to each other along an axis are concatenated.
pub fn side_by_side(g: &mut Graph, parts: Vec<Var>) -> Vec<Var> {
    let aval = g.aval(parts[0]).clone();
    let (mut blocks, mut rest): (Vec<Block>, Vec<Var>) = (Vec::new(), Vec::new());
    for v in &parts {
        match Block::of(g, *v) {
            None => rest.push(*v),
            Some(new) => match blocks.iter_mut().find(|b| (&b.lo, &b.shape) == (&new.lo, &new.shape)) {
                Some(there) => there.value = g.bind1(Add, &[there.value, new.value]),
                None => blocks.push(new),
            },
        }
    }
    if blocks.len() + rest.len() == parts.len() && blocks.len() < 2 {
        return parts;
    }
    for d in (0..aval.rank()).rev() {
        // Lines of blocks along axis `d`, in the order of their first.
        let mut lines: Vec<Vec<Block>> = Vec::new();
        for b in blocks {
            match lines.iter_mut().find(|line| line[0].beside(d) == b.beside(d)) {
                Some(line) => line.push(b),
                None => lines.push(vec![b]),
            }
        }
        blocks = Vec::new();
        for mut line in lines {
            line.sort_by_key(|b| b.lo[d]);
            let mut run: Vec<Block> = Vec::new();
            for b in line {
                let end = run.last().map(|last| last.lo[d] + last.shape[d]);
                if end.is_some_and(|end| end > b.lo[d]) {
                    blocks.push(concatenated(g, std::mem::take(&mut run), d));
                }
                run.push(b);
            }
            blocks.push(concatenated(g, run, d));
        }
    }
    for b in blocks {
        let hi: Vec<i64> =
            (0..b.lo.len()).map(|d| (aval.shape[d] - b.lo[d] - b.shape[d]) as i64).collect();
        let lo: Vec<i64> = b.lo.iter().map(|n| *n as i64).collect();
        let whole = lo.iter().chain(&hi).all(|n| *n == 0);
        rest.push(match whole {
            true => b.value,
            false => {
                let zero = g.full(aval.dtype, &[], 0.0);
                g.bind1(Pad { interior: vec![0; lo.len()], lo, hi }, &[b.value, zero])
            }
        });
    }
    rest
}

/// Blocks along axis `d`, none on top of another, as one; zeros fill the gaps.
fn concatenated(g: &mut Graph, run: Vec<Block>, d: usize) -> Block {
    let (lo, mut shape) = (run[0].lo.clone(), run[0].shape.clone());
    if run.len() == 1 {
        return Block { lo, shape, value: run[0].value };
    }
    let mut end = lo[d];
    let mut values = Vec::new();
    for b in &run {
        if b.lo[d] > end {
            let mut gap = b.shape.clone();
            gap[d] = b.lo[d] - end;
            values.push(g.full(g.dtype(b.value), &gap, 0.0));
        }
        values.push(b.value);
        end = b.lo[d] + b.shape[d];
    }
    shape[d] = end - lo[d];
    let value = g.bind1(Concatenate { axis: d }, &values);
    Block { lo, shape, value }
}

/// Extent of an axis of `n` elements with `gap` places between two of them.
pub fn dilated(n: usize, gap: usize) -> usize {
    if n == 0 { 0 } else { (n - 1) * (gap + 1) + 1 }
}

impl Pad {
    fn extent(&self, d: usize, n: usize) -> i64 {
        self.lo[d] + dilated(n, self.interior[d]) as i64 + self.hi[d]
    }

    /// Index in the operand for an index in the result, where the operand has an element there.
    fn source(&self, ix: &[usize], shape: &[usize]) -> Option<Vec<usize>> {
        let one = |d: usize| {
            let step = self.interior[d] as i64 + 1;
            let from = ix[d] as i64 - self.lo[d];
            (from >= 0 && from % step == 0 && from / step < shape[d] as i64).then_some((from / step) as usize)
        };
        (0..ix.len()).map(one).collect()
    }

    /// The conditions under which the operand has an element, and its index.
    fn source_ix(&self, k: &mut Body<'_>, ix: &[Ix], shape: &[usize]) -> (Vec<Ex>, Vec<Ix>) {
        let (mut conditions, mut at) = (Vec::new(), Vec::new());
        for (d, i) in ix.iter().enumerate() {
            let step = self.interior[d] as i64 + 1;
            let from = i.add_const(-self.lo[d]);
            conditions.push(k.in_range(&from, 0, dilated(shape[d], self.interior[d]) as i64));
            conditions.push(k.in_range(&from.rem(step), 0, 1));
            at.push(from.div(step));
        }
        (conditions, at)
    }

    /// What of the cotangent belongs to the operand: cut back to where its elements went, dropping what was cut off.
    fn transpose_operand(&self, g: &mut Graph, ct: Var, x: &Aval) -> Var {
        let zero = g.full(x.dtype, &[], 0.0);
        // Undo `lo` and `hi` first: what had been cut off comes back as zeros.
        let undo = Pad {
            lo: self.lo.iter().map(|n| -n).collect(),
            hi: self.hi.iter().map(|n| -n).collect(),
            interior: vec![0; x.rank()],
        };
        let plain = self.lo.iter().chain(&self.hi).all(|n| *n == 0);
        let whole = if plain { ct } else { g.bind1(undo, &[ct, zero]) };
        if self.interior.iter().all(|n| *n == 0) {
            return whole;
        }
        let stride = self.interior.iter().map(|n| n + 1).collect();
        let limit = g.shape(whole).to_vec();
        g.bind1(Slice { start: vec![0; x.rank()], limit, stride }, &[whole])
    }
}

impl Primitive for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn params(&self) -> Params {
        [param("lo", &self.lo), param("hi", &self.hi), param("interior", &self.interior)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let [x, value] = ins else {
            return Err(OpError::new(format!("`pad` takes an array and a value, not {} operands", ins.len())));
        };
        same_dtype("pad", &[x.dtype, value.dtype], "an array", |_| true)?;
        if value.rank() != 0 {
            return Err(OpError::new(format!("`pad` fills with a scalar, found {value}")).at(1));
        }
        if [self.lo.len(), self.hi.len(), self.interior.len()].iter().any(|n| *n != x.rank()) {
            return Err(OpError::new(format!("{} paddings do not fit the {} axes of {x}", self.lo.len(), x.rank())));
        }
        let mut shape = Vec::new();
        for (d, n) in x.shape.iter().enumerate() {
            match usize::try_from(self.extent(d, *n)) {
                Ok(n) => shape.push(n),
                Err(_) => {
                    return Err(OpError::new(format!("padding cuts more off axis {d} of {x} than it has")).at(0));
                }
            }
        }
        Ok(vec![x.with_shape(&shape)])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let (x, value) = (ins[0], ins[1].item());
        let out = self.abstract_eval(&[x.aval(), ins[1].aval()]).expect("checked").remove(0);
        vec![Array::from_fn(&out, |ix| self.source(ix, x.shape()).map_or(value, |at| x.at(&at)))]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind(self.clone(), x);
        let ty = match (t[0], t[1]) {
            (None, None) => None,
            (tx, tv) => {
                let (ax, av) = (g.aval(x[0]).clone(), g.aval(x[1]).clone());
                let tx = tx.unwrap_or_else(|| g.zeros(&ax));
                let tv = tv.unwrap_or_else(|| g.zeros(&av));
                Some(g.bind1(self.clone(), &[tx, tv]))
            }
        };
        (y, vec![ty])
    }

    /// The value's cotangent is all that went elsewhere: the sum of everything less the sum of the operand's share.
    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let Some(ct) = ct[0] else { return vec![None; 2] };
        let shape = match &ins[0] {
            Operand::Linear(x) => x.clone(),
            Operand::Known(v) => g.aval(*v).clone(),
        };
        let of_operand = self.transpose_operand(g, ct, &shape);
        let of_value = matches!(ins[1], Operand::Linear(_)).then(|| {
            let sum = |g: &mut Graph, v: Var| {
                let axes: Vec<usize> = (0..g.shape(v).len()).collect();
                if axes.is_empty() { v } else { g.bind1(ReduceSum { axes }, &[v]) }
            };
            let (all, inside) = (sum(g, ct), sum(g, of_operand));
            let inside = g.bind1(Neg, &[inside]);
            add_tangents(g, Some(all), Some(inside)).expect("two tangents")
        });
        vec![matches!(ins[0], Operand::Linear(_)).then_some(of_operand), of_value]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let op = Pad { lo: front(&self.lo), hi: front(&self.hi), interior: prepended(0, &self.interior) };
        let x = with_batch_axis(g, ins[0], size);
        if !ins[1].batched {
            return vec![Batched { var: g.bind1(op, &[x, ins[1].var]), batched: true }];
        }
        // A value of its own for each: pad with anything, then put the values where a padded mask says so.
        let value_aval = Aval::scalar(g.dtype(ins[1].var));
        let any = g.zeros(&value_aval);
        let padded = g.bind1(op.clone(), &[x, any]);
        let shape = g.shape(padded).to_vec();
        let inner_shape = g.shape(x)[1..].to_vec();
        let inside = g.full(crate::dtype::DType::Bool, &inner_shape, 1.0);
        let outside = g.full(crate::dtype::DType::Bool, &[], 0.0);
        let mask = g.bind1(self.clone(), &[inside, outside]);
        let dims = shifted(&(0..inner_shape.len()).collect::<Vec<_>>());
        let mask = g.bind1(BroadcastInDim { shape: shape.clone(), dims }, &[mask]);
        let values = g.bind1(BroadcastInDim { shape, dims: vec![0] }, &[ins[1].var]);
        vec![Batched { var: g.bind1(Select, &[mask, padded, values]), batched: true }]
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Map
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], _rx: &[Ix]) -> Ex {
        let shape = k.operand(0).shape.clone();
        let (conditions, at) = self.source_ix(k, ix, &shape);
        let value = k.load(1, &[]);
        if shape.contains(&0) {
            return value;
        }
        let x = k.load(0, &at);
        guard::select(k, &conditions, x, value)
    }
}

fn front(n: &[i64]) -> Vec<i64> {
    let mut out = vec![0];
    out.extend(n);
    out
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    check_op(Pad { lo: vec![1, 0], hi: vec![2, 1], interior: vec![0, 0] }, &["f32[2,3]", "f32[]"]);
    check_op(Pad { lo: vec![2], hi: vec![1], interior: vec![2] }, &["f32[4]", "f32[]"]);
    check_op(Pad { lo: vec![-1], hi: vec![2], interior: vec![1] }, &["f32[4]", "f32[]"]);
    check_op(Pad { lo: vec![-2], hi: vec![-1], interior: vec![0] }, &["f32[6]", "f32[]"]);
    check_op(Pad { lo: vec![1], hi: vec![1], interior: vec![1] }, &["f32[0]", "f32[]"]);
    check_op(Pad { lo: vec![], hi: vec![], interior: vec![] }, &["i32[]", "i32[]"]);
}

#[test]
fn elements_and_values_are_where_they_belong() {
    let x = Array::f32(&[3], &[1.0, 2.0, 3.0]);
    let value = Array::f32(&[], &[9.0]);
    let pad = |lo, hi, interior| {
        Pad { lo: vec![lo], hi: vec![hi], interior: vec![interior] }.eval(&[&x, &value])[0].to_f64s()
    };
    assert_eq!(pad(1, 2, 1), [9.0, 1.0, 9.0, 2.0, 9.0, 3.0, 9.0, 9.0]);
    assert_eq!(pad(-1, 1, 0), [2.0, 3.0, 9.0]);
}
