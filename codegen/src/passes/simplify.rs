//! Algebraic rules, each with the reason why it keeps every bit.

use std::collections::HashMap;
use std::rc::Rc;

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Eqn, Graph, Var};
use crate::ops::indexing::{Coords, IndexMode};
use crate::ops::scatter::Combine;
use crate::ops::*;
use crate::passes::ranges::{Range, Ranges};
use crate::passes::rebuild;

/// Results of more elements than this are not computed while compiling, unless they are the same everywhere.
const MAX_FOLDED: usize = 1024;

/// An array of so many elements in so many rows is put together anew where a row is replaced; larger ones are changed in place.
const MAX_REBUILT: usize = 32;
const MAX_ROWS: usize = 8;

#[derive(Debug)]
/// What a rule sees: the graph built so far, with the equation that defines each variable.
pub struct Seen<'a> {
    g: &'a mut Graph,
    defs: &'a HashMap<Var, usize>,
    ranges: &'a Ranges,
}

impl Seen<'_> {
    /// The primitive that defines `v`, if it is a `T`, with its operands.
    fn def<T: Primitive + Clone>(&self, v: Var) -> Option<(T, Vec<Var>)> {
        let eqn = &self.g.eqns[*self.defs.get(&v)?];
        eqn.op.downcast::<T>().map(|op| (op.clone(), eqn.inputs.clone()))
    }

    /// The value of `v`, if it is a constant.
    fn constant(&self, v: Var) -> Option<Rc<Array>> {
        self.def::<Constant>(v).map(|(c, _)| c.value)
    }

    /// Between which numbers the elements of both operands lie.
    fn both_ranges(&self, x: &[Var]) -> Option<(Range, Range)> {
        Some((self.ranges.get(*x.first()?)?, self.ranges.get(*x.get(1)?)?))
    }

    /// Whether every element of `v` is exactly `x`. No complex number is but zero: the product with 1 + 0i adds zeros, which
    /// change signs of zeros and make NaN of infinities.
    fn is(&self, v: Var, x: f64) -> bool {
        let plain = !self.g.dtype(v).is_complex() || x.to_bits() == 0;
        plain && self.constant(v).is_some_and(|c| c.is_splat() && !c.data().is_empty() && c.data()[0].is_exactly(x))
    }
}

/// Its name, why it is sound, and what takes the place of the result.
type Rule = (&'static str, &'static str, fn(&mut Seen<'_>, &Eqn, &[Var]) -> Option<Var>);

/// The rules in the order they are tried; each keeps every bit.
const RULES: &[Rule] = &[
    ("fold_constants", "the reference evaluator says what a primitive means", |s, e, x| {
        if x.is_empty() || e.op.has_effect() || e.op.region().is_some() || e.outputs.len() != 1 {
            return None;
        }
        let args: Vec<Rc<Array>> = x.iter().map(|v| s.constant(*v)).collect::<Option<_>>()?;
        let out = e.op.abstract_eval(&args.iter().map(|a| a.aval()).collect::<Vec<_>>()).ok()?.remove(0);
        let splats = args.iter().all(|a| a.is_splat() && !a.data().is_empty());
        if splats && e.op.is_elementwise() {
            let ones: Vec<Array> = args.iter().map(|a| Array::scalar(a.data()[0])).collect();
            let x = e.op.eval(&ones.iter().collect::<Vec<_>>())[0].item();
            return Some(s.g.constant(Array::full(&out, x)));
        }
        // Flash is scarce: a spread-out constant is computed where it is read.
        let largest = args.iter().map(|a| a.data().len()).max()?;
        if largest > MAX_FOLDED || out.size() > largest {
            return None;
        }
        let refs: Vec<&Array> = args.iter().map(|a| &**a).collect();
        let out = e.op.eval(&refs).remove(0);
        Some(s.g.constant(out))
    }),
    ("splat_moves", "moving equal elements about changes nothing", |s, e, x| {
        let [v] = x else { return None };
        let c = s.constant(*v).filter(|c| c.is_splat() && !c.data().is_empty())?;
        let moves = e.op.downcast::<BroadcastInDim>().is_some()
            || e.op.downcast::<Reshape>().is_some()
            || e.op.downcast::<Transpose>().is_some()
            || e.op.downcast::<Slice>().is_some()
            || e.op.downcast::<Rev>().is_some();
        if !moves {
            return None;
        }
        let aval = e.op.abstract_eval(&[c.aval()]).ok()?.remove(0);
        Some(s.g.constant(Array::full(&aval, c.data()[0])))
    }),
    ("stop_gradient", "derivatives have been taken", |_, e, x| e.op.downcast::<StopGradient>().map(|_| x[0])),
    ("convert_same", "a conversion to the type that it is", |s, e, x| {
        e.op.downcast::<Convert>().filter(|c| c.dtype == s.g.dtype(x[0])).map(|_| x[0])
    }),
    ("reshape_same", "a shape that it has", |s, e, x| {
        e.op.downcast::<Reshape>().filter(|r| r.shape == s.g.shape(x[0])).map(|_| x[0])
    }),
    ("reshape_reshape", "only the last shape shows", |s, e, x| {
        let r = e.op.downcast::<Reshape>()?;
        let (_, inner) = s.def::<Reshape>(x[0])?;
        Some(s.g.bind1(r.clone(), &inner))
    }),
    ("transpose_same", "the axes stay in order", |_, e, x| {
        e.op.downcast::<Transpose>().filter(|t| t.perm.iter().copied().eq(0..t.perm.len())).map(|_| x[0])
    }),
    ("transpose_transpose", "permutations compose", |s, e, x| {
        let t = e.op.downcast::<Transpose>()?;
        let (inner, y) = s.def::<Transpose>(x[0])?;
        let perm = t.perm.iter().map(|p| inner.perm[*p]).collect();
        Some(s.g.bind1(Transpose { perm }, &y))
    }),
    ("broadcast_same", "nothing is spread", |s, e, x| {
        e.op.downcast::<BroadcastInDim>().filter(|b| b.shape == s.g.shape(x[0])).map(|_| x[0])
    }),
    ("broadcast_broadcast", "spreads compose, where no axis of extent one grows twice", |s, e, x| {
        let b = e.op.downcast::<BroadcastInDim>()?;
        let (inner, y) = s.def::<BroadcastInDim>(x[0])?;
        // Extents of one that grow in both steps would need both; leave those.
        let grows = inner.shape.iter().zip(&b.dims).any(|(n, d)| b.shape[*d] != *n);
        if grows {
            return None;
        }
        let dims = inner.dims.iter().map(|d| b.dims[*d]).collect();
        Some(s.g.bind1(BroadcastInDim { shape: b.shape.clone(), dims }, &y))
    }),
    ("neg_neg", "negation flips one bit", |s, e, x| {
        e.op.downcast::<Neg>()?;
        s.def::<Neg>(x[0]).map(|(_, y)| y[0])
    }),
    ("not_not", "every bit is flipped back", |s, e, x| {
        e.op.downcast::<Not>()?;
        s.def::<Not>(x[0]).map(|(_, y)| y[0])
    }),
    ("mul_one", "x * 1 is x for every x, NaN included, whose bits are canonical where they can be seen", |s, e, x| {
        e.op.downcast::<Mul>()?;
        match (s.is(x[0], 1.0), s.is(x[1], 1.0)) {
            (_, true) => Some(x[0]),
            (true, _) => Some(x[1]),
            _ => None,
        }
    }),
    ("outer_one", "nothing is summed, and x * 1 is x", |s, e, x| {
        let dot = e.op.downcast::<DotGeneral>().filter(|d| d.lhs_contract.is_empty() && d.lhs_batch.is_empty())?;
        let n_lhs = s.g.shape(x[0]).len();
        let n_rhs = s.g.shape(x[1]).len();
        let Aval { dtype, shape } = dot.abstract_eval(&[s.g.aval(x[0]), s.g.aval(x[1])]).ok()?.remove(0);
        let (v, dims) = match (s.is(x[0], 1.0), s.is(x[1], 1.0)) {
            (true, _) => (x[1], n_lhs..n_lhs + n_rhs),
            (_, true) => (x[0], 0..n_lhs),
            _ => return None,
        };
        (s.g.dtype(v) == dtype).then(|| s.g.bind1(BroadcastInDim { shape, dims: dims.collect() }, &[v]))
    }),
    ("mul_minus_one", "x * -1 flips the sign, as negation does", |s, e, x| {
        e.op.downcast::<Mul>()?;
        match (s.is(x[0], -1.0), s.is(x[1], -1.0)) {
            (_, true) => Some(s.g.bind1(Neg, &[x[0]])),
            (true, _) => Some(s.g.bind1(Neg, &[x[1]])),
            _ => None,
        }
    }),
    ("div_one", "x / 1 is x for every x", |s, e, x| {
        e.op.downcast::<Div>()?;
        s.is(x[1], 1.0).then_some(x[0])
    }),
    (
        "div_power_of_two",
        "the reciprocal of a power of two is exact, and so is scaling by either, up to the same rounding of subnormals",
        |s, e, x| {
            e.op.downcast::<Div>()?;
            let c = s.constant(x[1]).filter(|c| c.is_splat() && c.dtype() == DType::F32 && !c.data().is_empty())?;
            let d = c.data()[0].to_f64();
            let exact = d.is_finite() && d != 0.0 && (d.to_bits() << 12) == 0 && (1e-30..1e30).contains(&d.abs());
            if !exact {
                return None;
            }
            let r = s.g.constant(Array::full(c.aval(), Scalar::from_f64(DType::F32, 1.0 / d)));
            Some(s.g.bind1(Mul, &[x[0], r]))
        },
    ),
    ("sub_zero", "x - 0 is x for every x, -0.0 included", |s, e, x| {
        e.op.downcast::<Sub>()?;
        s.is(x[1], 0.0).then_some(x[0])
    }),
    ("add_negative_zero", "x + -0.0 is x for every x; x + 0.0 is not: -0.0 + 0.0 is 0.0", |s, e, x| {
        e.op.downcast::<Add>()?;
        match (s.is(x[0], -0.0), s.is(x[1], -0.0)) {
            (_, true) => Some(x[0]),
            (true, _) => Some(x[1]),
            _ => None,
        }
    }),
    ("int_add_zero", "integers have one zero", |s, e, x| {
        e.op.downcast::<Add>()?;
        if !s.g.dtype(x[0]).is_int() {
            return None;
        }
        match (s.is(x[0], 0.0), s.is(x[1], 0.0)) {
            (_, true) => Some(x[0]),
            (true, _) => Some(x[1]),
            _ => None,
        }
    }),
    ("add_neg", "x + (-y) is x - y by definition of subtraction; so is (-y) + x", |s, e, x| {
        e.op.downcast::<Add>()?;
        if let Some((_, y)) = s.def::<Neg>(x[1]) {
            return Some(s.g.bind1(Sub, &[x[0], y[0]]));
        }
        let (_, y) = s.def::<Neg>(x[0])?;
        Some(s.g.bind1(Sub, &[x[1], y[0]]))
    }),
    ("sub_neg", "x - (-y) is x + y by definition of subtraction", |s, e, x| {
        e.op.downcast::<Sub>()?;
        let (_, y) = s.def::<Neg>(x[1])?;
        Some(s.g.bind1(Add, &[x[0], y[0]]))
    }),
    ("select_same", "both sides are the same value", |_, e, x| {
        e.op.downcast::<Select>().filter(|_| x[1] == x[2]).map(|_| x[1])
    }),
    ("select_constant", "one side is never taken", |s, e, x| {
        e.op.downcast::<Select>()?;
        let c = s.constant(x[0]).filter(|c| c.is_splat() && !c.data().is_empty())?;
        Some(if c.data()[0].is_zero() { x[2] } else { x[1] })
    }),
    ("reduce_nothing", "a sum of one element is the element", |_, e, x| {
        e.op.downcast::<ReduceSum>().filter(|r| r.axes.is_empty()).map(|_| x[0])
    }),
    ("neg_times_neg", "signs of a product multiply; rounding does not see them", |s, e, x| {
        if x.len() != 2 {
            return None;
        }
        let ((_, a), (_, b)) = (s.def::<Neg>(x[0])?, s.def::<Neg>(x[1])?);
        let fits = e.op.downcast::<Mul>().is_some() || (e.op.downcast::<Div>().is_some() && s.g.dtype(x[0]).is_float());
        fits.then(|| s.g.bind1(e.op.clone(), &[a[0], b[0]]))
    }),
    ("neg_times_constant", "the sign goes into the constant; rounding does not see it", |s, e, x| {
        e.op.downcast::<Mul>()?;
        for (n, c) in [(0, x[1]), (1, x[0])] {
            if let (Some((_, y)), Some(c)) = (s.def::<Neg>(x[n]), s.constant(c).filter(|c| c.is_splat())) {
                let minus = Neg.eval(&[&c]).remove(0);
                let c = s.g.constant(minus);
                return Some(s.g.bind1(Mul, &[y[0], c]));
            }
        }
        None
    }),
    ("int_mul_zero", "integers have no NaN and no -0", |s, e, x| {
        e.op.downcast::<Mul>()?;
        if !s.g.dtype(x[0]).is_int() {
            return None;
        }
        x.iter().copied().find(|v| s.is(*v, 0.0))
    }),
    ("same_twice", "the larger, the smaller and the conjunction of a value and itself is the value", |_, e, x| {
        let op = &e.op;
        let fits = op.downcast::<Max>().is_some()
            || op.downcast::<Min>().is_some()
            || op.downcast::<And>().is_some()
            || op.downcast::<Or>().is_some();
        (fits && x.first() == x.last()).then(|| x[0])
    }),
    ("select_not", "the sides change places", |s, e, x| {
        e.op.downcast::<Select>()?;
        let (_, c) = s.def::<Not>(x[0])?;
        Some(s.g.bind1(Select, &[c[0], x[2], x[1]]))
    }),
    ("convert_convert", "through a type that holds every value of the first, nothing is lost", |s, e, x| {
        let to = e.op.downcast::<Convert>()?;
        let (between, y) = s.def::<Convert>(x[0])?;
        skips(s.g.dtype(y[0]), between.dtype, to.dtype).then(|| s.g.bind1(to.clone(), &y))
    }),
    ("rev_rev", "an axis reversed twice is as it was", |s, e, x| {
        let r = e.op.downcast::<Rev>()?;
        let (inner, y) = s.def::<Rev>(x[0])?;
        let both = |d: &usize| r.axes.contains(d) != inner.axes.contains(d);
        let axes = (0..s.g.shape(x[0]).len()).filter(both).collect();
        Some(s.g.bind1(Rev { axes }, &y))
    }),
    ("rev_nothing", "one element has no order", |s, e, x| {
        let r = e.op.downcast::<Rev>()?;
        r.axes.iter().all(|d| s.g.shape(x[0])[*d] <= 1).then_some(x[0])
    }),
    ("slice_everything", "all elements, in order", |s, e, x| {
        let r = e.op.downcast::<Slice>()?;
        let whole = r.start.iter().all(|i| *i == 0) && r.limit == s.g.shape(x[0]) && r.stride.iter().all(|i| *i == 1);
        whole.then_some(x[0])
    }),
    ("slice_slice", "positions compose", |s, e, x| {
        let outer = e.op.downcast::<Slice>()?;
        let (inner, y) = s.def::<Slice>(x[0])?;
        let at = |d: usize, i: usize| inner.start[d] + i * inner.stride[d];
        let rank = inner.start.len();
        let start = (0..rank).map(|d| at(d, outer.start[d])).collect();
        // One past the last element that is taken.
        let limit = (0..rank).map(|d| if outer.limit[d] == 0 { 0 } else { at(d, outer.limit[d] - 1) + 1 });
        let (limit, stride) = (limit.collect(), (0..rank).map(|d| inner.stride[d] * outer.stride[d]).collect());
        let op = Slice { start, limit, stride };
        let fits = op
            .abstract_eval(&[s.g.aval(y[0])])
            .is_ok_and(|out| out == e.op.abstract_eval(&[s.g.aval(x[0])]).unwrap_or_default());
        fits.then(|| s.g.bind1(op, &y))
    }),
    ("pad_nothing", "nothing is put around", |_, e, x| {
        let p = e.op.downcast::<Pad>()?;
        let nothing = p.lo.iter().chain(&p.hi).all(|n| *n == 0) && p.interior.iter().all(|n| *n == 0);
        nothing.then_some(x[0])
    }),
    ("compare_ranges", "numbers of one range are all on one side of those of the other", |s, e, x| {
        let op = e.op.downcast::<Compare>()?.op;
        let (a, b) = s.both_ranges(x)?;
        let (below, at_most) = (a.1 < b.0, a.1 <= b.0);
        let (above, at_least) = (a.0 > b.1, a.0 >= b.1);
        let holds = match op {
            CompareOp::Lt if below || at_least => below,
            CompareOp::Ge if below || at_least => at_least,
            CompareOp::Gt if above || at_most => above,
            CompareOp::Le if above || at_most => at_most,
            CompareOp::Eq if below || above => false,
            CompareOp::Ne if below || above => true,
            _ => return None,
        };
        let aval = s.g.aval(x[0]).with_dtype(DType::Bool);
        Some(s.g.constant(Array::full(&aval, Scalar::Bool(holds))))
    }),
    ("extreme_ranges", "no number of one range is on the wrong side of one of the other", |s, e, x| {
        let (a, b) = s.both_ranges(x)?;
        match (e.op.downcast::<Max>(), e.op.downcast::<Min>()) {
            (Some(_), _) if a.0 >= b.1 => Some(x[0]),
            (Some(_), _) if b.0 >= a.1 => Some(x[1]),
            (_, Some(_)) if a.1 <= b.0 => Some(x[0]),
            (_, Some(_)) if b.1 <= a.0 => Some(x[1]),
            _ => None,
        }
    }),
    ("gather_inside", "no index of the range sticks out, so none is left out", |s, e, x| {
        let op = e.op.downcast::<Gather>().filter(|op| op.coords.mode == IndexMode::Drop)?;
        let indices: Vec<Option<Range>> = x[1..].iter().map(|v| s.ranges.get(*v)).collect();
        let inside = op.coords.always_inside(s.g.shape(x[0]), &indices);
        let coords = Coords { mode: IndexMode::Clip, ..op.coords.clone() };
        inside.then(|| s.g.bind1(Gather { coords }, x))
    }),
    ("scatter_inside", "no index of the range sticks out, so none is left out", |s, e, x| {
        let op = e.op.downcast::<Scatter>().filter(|op| op.coords.mode == IndexMode::Drop)?;
        let indices: Vec<Option<Range>> = x[1..x.len() - 1].iter().map(|v| s.ranges.get(*v)).collect();
        let inside = op.coords.always_inside(s.g.shape(x[0]), &indices);
        let coords = Coords { mode: IndexMode::Clip, ..op.coords.clone() };
        inside.then(|| s.g.bind1(Scatter { coords, combine: op.combine }, x))
    }),
    ("replace_row", "an element is old or new, by where it is", |s, e, x| {
        let op = e.op.downcast::<Scatter>()?;
        let [old, index, new] = *x else { return None };
        let shape = s.g.shape(old).to_vec();
        let place = s.ranges.get(index).filter(|(lo, hi)| lo == hi);
        let at = place.filter(|_| op.coords.always_inside(&shape, &[place])).map(|(at, _)| at as usize)?;
        let axis = op.coords.dims.iter().position(|d| d.index.is_some() && d.window.is_none())?;
        // All of one row: its other axes are walked along in full and in order.
        let mut walked = 0..op.coords.shape.len();
        let whole = (0..shape.len()).filter(|d| *d != axis).all(|d| {
            op.coords.dims[d].index.is_none()
                && op.coords.dims[d].window == walked.next()
                && op.coords.dims[d].window.is_some_and(|w| op.coords.shape[w] == shape[d])
        });
        let sets = op.combine == Combine::Set && op.coords.index_dims[0].is_empty();
        let small = s.g.aval(old).size() <= MAX_REBUILT && shape[axis] <= MAX_ROWS;
        if !sets || !whole || walked.next().is_some() || !small {
            return None;
        }
        let row = |n: usize| shape.iter().enumerate().map(|(d, m)| if d == axis { n } else { *m }).collect();
        let part = |s: &mut Seen<'_>, lo: usize, hi: usize| {
            let mut start = vec![0; shape.len()];
            start[axis] = lo;
            let op = Slice { start, limit: row(hi), stride: vec![1; shape.len()] };
            (lo < hi).then(|| s.g.bind1(op, &[old]))
        };
        let new = s.g.bind1(Reshape { shape: row(1) }, &[new]);
        let parts = [part(s, 0, at), Some(new), part(s, at + 1, shape[axis])];
        let parts: Vec<Var> = parts.into_iter().flatten().collect();
        Some(s.g.bind1(Concatenate { axis }, &parts))
    }),
    ("slice_concatenate", "what is taken from each part stays in order", |s, e, x| {
        let r = e.op.downcast::<Slice>()?;
        let (joined, parts) = s.def::<Concatenate>(x[0])?;
        let axis = joined.axis;
        let (lo, hi) = (r.start[axis], r.limit[axis]);
        if r.stride[axis] != 1 || lo >= hi {
            return None;
        }
        let mut first = 0;
        let mut taken = Vec::new();
        for v in parts {
            let n = s.g.shape(v)[axis];
            let (from, to) = (lo.max(first), hi.min(first + n));
            if from < to {
                let mut op = r.clone();
                (op.start[axis], op.limit[axis]) = (from - first, to - first);
                taken.push(s.g.bind1(op, &[v]));
            }
            first += n;
        }
        Some(s.g.bind1(Concatenate { axis }, &taken))
    }),
    ("concatenate_concatenate", "parts of a part are parts", |s, e, x| {
        let axis = e.op.downcast::<Concatenate>()?.axis;
        let parts_of = |s: &Seen<'_>, v: Var| s.def::<Concatenate>(v).filter(|(inner, _)| inner.axis == axis);
        if !x.iter().any(|v| parts_of(s, *v).is_some()) {
            return None;
        }
        let parts: Vec<Var> = x.iter().flat_map(|v| parts_of(s, *v).map_or(vec![*v], |(_, parts)| parts)).collect();
        Some(s.g.bind1(Concatenate { axis }, &parts))
    }),
    ("concatenate_one", "one part is the whole", |_, e, x| {
        e.op.downcast::<Concatenate>().filter(|_| x.len() == 1).map(|_| x[0])
    }),
    ("broadcast_reshape", "axes of extent one that are put in and spread need not be put in", |s, e, x| {
        let b = e.op.downcast::<BroadcastInDim>()?;
        let (_, y) = s.def::<Reshape>(x[0])?;
        let (small, between) = (s.g.shape(y[0]), s.g.shape(x[0]));
        let mut dims = Vec::new();
        for (n, d) in between.iter().zip(&b.dims) {
            match small.get(dims.len()) {
                Some(m) if m == n => dims.push(*d),
                _ if *n == 1 => {}
                _ => return None,
            }
        }
        (dims.len() == small.len()).then(|| s.g.bind1(BroadcastInDim { shape: b.shape.clone(), dims }, &y))
    }),
    (
        "compute_before_broadcast",
        "what is the same everywhere along an axis is the same after an elementwise operation",
        |s, e, x| {
            if !e.op.is_elementwise() || e.outputs.len() != 1 {
                return None;
            }
            let (b, first) = x.iter().find_map(|v| s.def::<BroadcastInDim>(*v))?;
            let small = s.g.aval(first[0]).clone();
            if small.size() >= b.shape.iter().product() {
                return None;
            }
            // Either spread the same way from the same shape, or a constant.
            let sources: Vec<Source> = x
                .iter()
                .map(|v| match (s.def::<BroadcastInDim>(*v), s.constant(*v)) {
                    (Some((c, y)), _) if c.dims == b.dims && c.shape == b.shape && s.g.shape(y[0]) == small.shape => {
                        Some(Source::Var(y[0]))
                    }
                    (_, Some(c)) if c.is_splat() => {
                        Some(Source::Full(Array::full(&c.aval().with_shape(&small.shape), c.data()[0])))
                    }
                    _ => None,
                })
                .collect::<Option<_>>()?;
            let ins: Vec<Var> = sources
                .into_iter()
                .map(|source| match source {
                    Source::Var(v) => v,
                    Source::Full(c) => s.g.constant(c),
                })
                .collect();
            let y = s.g.bind1(e.op.clone(), &ins);
            Some(s.g.bind1(b, &[y]))
        },
    ),
];

/// Rules for `#[jit(fast)]`, tried after the others: what they change is the rounding, or the sign of a zero.
const FAST_RULES: &[Rule] = &[
    ("div_constant", "rounds the reciprocal and the product instead of the quotient", |s, e, x| {
        e.op.downcast::<Div>()?;
        let c = s.constant(x[1]).filter(|c| c.is_splat() && c.dtype().is_float() && !c.data().is_empty())?;
        let r = 1.0 / c.data()[0].to_f64();
        if !r.is_normal() || !c.data()[0].to_f64().is_normal() {
            return None;
        }
        let r = s.g.constant(Array::full(c.aval(), Scalar::from_f64(c.dtype(), r)));
        Some(s.g.bind1(Mul, &[x[0], r]))
    }),
    ("add_zero", "only -0.0 + 0.0 differs, in its sign", |s, e, x| {
        e.op.downcast::<Add>()?;
        match (s.is(x[0], 0.0), s.is(x[1], 0.0)) {
            (_, true) => Some(x[0]),
            (true, _) => Some(x[1]),
            _ => None,
        }
    }),
    ("mul_constants", "rounds the product of the constants instead of the first product", |s, e, x| {
        e.op.downcast::<Mul>()?;
        let c = |s: &Seen<'_>, v: Var| s.constant(v).filter(|c| c.is_splat() && c.dtype().is_float());
        let (inner, outer) = [(0, 1), (1, 0)].into_iter().find_map(|(a, b)| {
            let (_, y) = s.def::<Mul>(x[a])?;
            Some((y, c(s, x[b])?))
        })?;
        let (v, other) = [(0, 1), (1, 0)].into_iter().find_map(|(a, b)| Some((inner[a], c(s, inner[b])?)))?;
        let product = Mul.eval(&[&*other, &*outer]).remove(0);
        if product.data().first().is_none_or(|x| !x.to_f64().is_normal()) {
            return None;
        }
        let product = s.g.constant(product);
        Some(s.g.bind1(Mul, &[v, product]))
    }),
];

/// Where an operand comes from once a broadcast is put behind its reader.
enum Source {
    Var(Var),
    Full(Array),
}

/// Whether converting from `a` to `c` gives what converting through `b` does.
fn skips(a: DType, b: DType, c: DType) -> bool {
    if [a, b, c].iter().any(|d| d.is_complex()) || b == DType::Bool {
        return false;
    }
    let digits = |d: DType| match d {
        DType::F16 => 11,
        DType::BF16 => 8,
        DType::F32 => 24,
        _ => 53,
    };
    let within = |a: DType, b: DType| {
        let ((lo, hi), (min, max)) = (a.int_range(), b.int_range());
        min <= lo && hi <= max
    };
    match (a, b, c) {
        (DType::Bool, ..) => true,
        _ if a.is_float() => b == DType::F64 && a != DType::F64 || a == b,
        _ if b.is_int() => within(a, b),
        // Numbers become floats exactly; back to integers floats saturate where integers wrap.
        _ => {
            let (lo, hi) = a.int_range();
            let exact = lo.unsigned_abs().max(hi.unsigned_abs()) <= 1 << digits(b);
            exact && b != DType::F16 && (c.is_float() || c == DType::Bool || within(a, c))
        }
    }
}

/// Applies the rules once, front to back, given what is known of the inputs.
pub fn simplify(graph: &Graph, known: &[Option<Range>]) -> Graph {
    apply(graph, RULES, known)
}

/// [`simplify`], then the rules for `#[jit(fast)]`.
pub fn simplify_fast(graph: &Graph, known: &[Option<Range>]) -> Graph {
    apply(&simplify(graph, known), FAST_RULES, known)
}

fn apply(graph: &Graph, rules: &[Rule], known: &[Option<Range>]) -> Graph {
    let mut defs: HashMap<Var, usize> = HashMap::new();
    let mut ranges: Option<Ranges> = None;
    let mut seen = 0;
    rebuild(graph, |g, eqn, ins| {
        // The inputs are there now, and nothing else.
        let ranges = ranges.get_or_insert_with(|| Ranges::of_inputs(g, known));
        while seen < g.eqns.len() {
            if let [v] = g.eqns[seen].outputs[..] {
                defs.insert(v, seen);
            }
            ranges.see(g, &g.eqns[seen]);
            seen += 1;
        }
        if eqn.op.downcast::<Constant>().is_some() {
            return None;
        }
        if let Some(outs) =
            eqn.op.downcast::<Scan>().and_then(|scan| scan.with_steady(g, ins).or_else(|| scan.with_filled(g, ins)))
        {
            return Some(outs);
        }
        rules.iter().find_map(|(_, _, rule)| rule(&mut Seen { g, defs: &defs, ranges }, eqn, ins)).map(|v| vec![v])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::eval;
    use crate::ops::laws::{Rng, awkward};
    use crate::text::parse;

    /// A graph on which each rule applies: inputs, equations, the last of which is rewritten.
    const CASES: &[(&str, &str, &str)] = &[
        ("fold_constants", "", "a: f32[2] = constant[value=f32[2]{1.0, -0.0}]\n r: f32[2] = neg a"),
        ("splat_moves", "", "a: f32[2,3] = constant[value=f32[2,3]{-0.0}]\n r: f32[3,2] = transpose[perm=(1,0)] a"),
        ("stop_gradient", "x: f32[40]", "r: f32[40] = stop_gradient x"),
        ("convert_same", "x: f32[40]", "r: f32[40] = convert[dtype=f32] x"),
        ("reshape_same", "x: f32[8,5]", "r: f32[8,5] = reshape[shape=(8,5)] x"),
        ("reshape_reshape", "x: f32[8,5]", "a: f32[40] = reshape[shape=(40)] x\n r: f32[5,8] = reshape[shape=(5,8)] a"),
        ("transpose_same", "x: f32[8,5]", "r: f32[8,5] = transpose[perm=(0,1)] x"),
        (
            "transpose_transpose",
            "x: f32[2,4,5]",
            "a: f32[4,5,2] = transpose[perm=(1,2,0)] x\n r: f32[2,4,5] = transpose[perm=(2,0,1)] a",
        ),
        ("broadcast_same", "x: f32[8,5]", "r: f32[8,5] = broadcast_in_dim[shape=(8,5), dims=(0,1)] x"),
        (
            "broadcast_broadcast",
            "x: f32[5]",
            "a: f32[4,5] = broadcast_in_dim[shape=(4,5), dims=(1)] x\n r: f32[2,4,5] = broadcast_in_dim[shape=(2,4,5), dims=(1,2)] a",
        ),
        ("neg_neg", "x: f32[40]", "a: f32[40] = neg x\n r: f32[40] = neg a"),
        ("neg_neg", "x: i8[40]", "a: i8[40] = neg x\n r: i8[40] = neg a"),
        ("not_not", "x: i16[40]", "a: i16[40] = not x\n r: i16[40] = not a"),
        ("mul_one", "x: f32[40]", "a: f32[40] = constant[value=f32[40]{1.0}]\n r: f32[40] = mul a x"),
        ("mul_one", "x: u8[40]", "a: u8[40] = constant[value=u8[40]{1}]\n r: u8[40] = mul x a"),
        (
            "outer_one",
            "x: f32[5]",
            "a: f32[4] = constant[value=f32[4]{1.0}]\n r: f32[4,5] = dot_general[lhs_contract=(), rhs_contract=(), lhs_batch=(), rhs_batch=()] a x",
        ),
        ("mul_minus_one", "x: f32[40]", "a: f32[40] = constant[value=f32[40]{-1.0}]\n r: f32[40] = mul x a"),
        ("mul_minus_one", "x: i32[40]", "a: i32[40] = constant[value=i32[40]{-1}]\n r: i32[40] = mul a x"),
        ("div_one", "x: f32[40]", "a: f32[40] = constant[value=f32[40]{1.0}]\n r: f32[40] = div x a"),
        ("div_one", "x: i8[40]", "a: i8[40] = constant[value=i8[40]{1}]\n r: i8[40] = div x a"),
        ("div_power_of_two", "x: f32[40]", "a: f32[40] = constant[value=f32[40]{8.0}]\n r: f32[40] = div x a"),
        (
            "div_power_of_two",
            "x: f32[40]",
            "a: f32[40] = constant[value=f32[40]{-0.0000000009313225746154785}]\n r: f32[40] = div x a",
        ),
        ("sub_zero", "x: f32[40]", "a: f32[40] = constant[value=f32[40]{0.0}]\n r: f32[40] = sub x a"),
        ("add_negative_zero", "x: f32[40]", "a: f32[40] = constant[value=f32[40]{-0.0}]\n r: f32[40] = add a x"),
        ("int_add_zero", "x: u16[40]", "a: u16[40] = constant[value=u16[40]{0}]\n r: u16[40] = add x a"),
        ("add_neg", "x: f32[40], y: f32[40]", "a: f32[40] = neg y\n r: f32[40] = add x a"),
        ("add_neg", "x: i8[40], y: i8[40]", "a: i8[40] = neg y\n r: i8[40] = add a x"),
        ("sub_neg", "x: f32[40], y: f32[40]", "a: f32[40] = neg y\n r: f32[40] = sub x a"),
        ("select_same", "c: bool[40], x: f32[40]", "r: f32[40] = select c x x"),
        (
            "select_constant",
            "x: f32[40], y: f32[40]",
            "a: bool[40] = constant[value=bool[40]{false}]\n r: f32[40] = select a x y",
        ),
        ("reduce_nothing", "x: f32[40]", "r: f32[40] = reduce_sum[axes=()] x"),
        ("neg_times_neg", "x: f32[40], y: f32[40]", "a: f32[40] = neg x\n b: f32[40] = neg y\n r: f32[40] = mul a b"),
        ("neg_times_neg", "x: f32[40], y: f32[40]", "a: f32[40] = neg x\n b: f32[40] = neg y\n r: f32[40] = div a b"),
        (
            "neg_times_constant",
            "x: f32[40]",
            "a: f32[40] = neg x\n b: f32[40] = constant[value=f32[40]{0.3}]\n r: f32[40] = mul a b",
        ),
        (
            "neg_times_constant",
            "x: i8[40]",
            "a: i8[40] = neg x\n b: i8[40] = constant[value=i8[40]{-128}]\n r: i8[40] = mul b a",
        ),
        ("int_mul_zero", "x: i64[40]", "a: i64[40] = constant[value=i64[40]{0}]\n r: i64[40] = mul x a"),
        ("same_twice", "x: f32[40]", "r: f32[40] = max x x"),
        ("same_twice", "x: i32[40]", "r: i32[40] = and x x"),
        ("select_not", "c: bool[40], x: f32[40], y: f32[40]", "a: bool[40] = not c\n r: f32[40] = select a x y"),
        ("convert_convert", "x: i8[40]", "a: i32[40] = convert[dtype=i32] x\n r: f32[40] = convert[dtype=f32] a"),
        ("convert_convert", "x: f32[40]", "a: f64[40] = convert[dtype=f64] x\n r: i16[40] = convert[dtype=i16] a"),
        ("rev_rev", "x: f32[8,5]", "a: f32[8,5] = rev[axes=(0)] x\n r: f32[8,5] = rev[axes=(0,1)] a"),
        ("rev_nothing", "x: f32[1,5]", "r: f32[1,5] = rev[axes=(0)] x"),
        ("slice_everything", "x: f32[8,5]", "r: f32[8,5] = slice[start=(0,0), limit=(8,5), stride=(1,1)] x"),
        (
            "slice_slice",
            "x: f32[20]",
            "a: f32[9] = slice[start=(2), limit=(20), stride=(2)] x\n r: f32[3] = slice[start=(1), limit=(8), stride=(3)] a",
        ),
        ("pad_nothing", "x: f32[8], z: f32[]", "r: f32[8] = pad[lo=(0), hi=(0), interior=(0)] x z"),
        (
            "compare_ranges",
            "",
            "i: i32[4] = iota[dtype=i32, shape=(4), dimension=0]\n a: i32[4] = constant[value=i32[4]{-1}]\n r: bool[4] = compare[op=le] i a",
        ),
        (
            "extreme_ranges",
            "",
            "i: u8[4] = iota[dtype=u8, shape=(4), dimension=0]\n a: u8[4] = constant[value=u8[4]{3}]\n r: u8[4] = max i a",
        ),
        (
            "gather_inside",
            "x: f32[8,5]",
            "i: i32[4] = iota[dtype=i32, shape=(4), dimension=0]\n r: f32[4,5] = gather[index=(0,-1), window=(-1,1), index_dims=((0)), shape=(4,5), mode=drop] x i",
        ),
        (
            "scatter_inside",
            "x: f32[8,5], u: f32[4,5]",
            "i: i32[4] = iota[dtype=i32, shape=(4), dimension=0]\n r: f32[8,5] = scatter[index=(0,-1), window=(-1,1), index_dims=((0)), shape=(4,5), mode=drop, combine=set] x i u",
        ),
        (
            "replace_row",
            "x: f32[8,4], u: f32[8]",
            "i: i32[] = constant[value=i32[]{3}]\n r: f32[8,4] = scatter[index=(-1,0), window=(0,-1), index_dims=(()), shape=(8), mode=drop, combine=set] x i u",
        ),
        (
            "slice_concatenate",
            "x: f32[3], y: f32[4], z: f32[5]",
            "a: f32[12] = concatenate[axis=0] x y z\n r: f32[4] = slice[start=(4), limit=(8), stride=(1)] a",
        ),
        (
            "concatenate_concatenate",
            "x: f32[3], y: f32[4], z: f32[5]",
            "a: f32[7] = concatenate[axis=0] x y\n r: f32[12] = concatenate[axis=0] a z",
        ),
        ("concatenate_one", "x: f32[8]", "r: f32[8] = concatenate[axis=0] x"),
        (
            "broadcast_reshape",
            "x: f32[5]",
            "a: f32[1,5] = reshape[shape=(1,5)] x\n r: f32[4,5] = broadcast_in_dim[shape=(4,5), dims=(0,1)] a",
        ),
        (
            "compute_before_broadcast",
            "x: f32[5], y: f32[5]",
            "a: f32[4,5] = broadcast_in_dim[shape=(4,5), dims=(1)] x\n b: f32[4,5] = broadcast_in_dim[shape=(4,5), dims=(1)] y\n r: f32[4,5] = atan2 a b",
        ),
    ];

    /// The same for `#[jit(fast)]`.
    const FAST_CASES: &[(&str, &str, &str)] = &[
        ("div_constant", "x: f32[40]", "a: f32[40] = constant[value=f32[40]{3.0}]\n r: f32[40] = div x a"),
        ("add_zero", "x: f32[40]", "a: f32[40] = constant[value=f32[40]{0.0}]\n r: f32[40] = add x a"),
        (
            "mul_constants",
            "x: f32[40]",
            "a: f32[40] = constant[value=f32[40]{0.1}]\n b: f32[40] = mul x a\n c: f32[40] = constant[value=f32[40]{0.7}]\n r: f32[40] = mul c b",
        ),
    ];

    fn graph(inputs: &str, eqns: &str) -> Graph {
        parse(&format!("graph f({inputs}) -> (r) {{\n{eqns}\n}}")).unwrap_or_else(|e| panic!("{eqns}: {e}"))
    }

    /// Awkward values in every operand, shifted against each other from round to round.
    fn values(g: &Graph, round: usize, rng: &mut Rng) -> Vec<Array> {
        let of = |(k, aval): (usize, crate::graph::Aval)| {
            let all = awkward(aval.dtype);
            let mut n = round * (2 * k + 1);
            Array::from_fn(&aval, |_| {
                n += 1;
                if n.is_multiple_of(5) { rng.scalar(aval.dtype) } else { all[n % all.len()] }
            })
        };
        g.in_avals().into_iter().enumerate().map(of).collect()
    }

    #[test]
    fn every_rule_keeps_every_bit() {
        let mut rng = Rng::new();
        for (name, inputs, eqns) in CASES {
            let rule = RULES.iter().find(|(n, ..)| n == name).unwrap_or_else(|| panic!("no rule `{name}`"));
            let before = graph(inputs, eqns);
            let after = apply(&before, std::slice::from_ref(rule), &[]);
            assert_ne!(before.to_string(), after.to_string(), "`{name}` does not apply to\n{before}");
            for round in 0..24 {
                let args = values(&before, round, &mut rng);
                let (a, b) = (eval(&before, &args), eval(&after, &args));
                let same = |(a, b): (&Scalar, &Scalar)| a == b || a.to_f64().is_nan() && b.to_f64().is_nan();
                let fine = a[0].aval() == b[0].aval() && a[0].data().iter().zip(b[0].data()).all(same);
                assert!(fine, "`{name}`\n{before}\nbecomes\n{after}\n{a:?}\n{b:?}");
            }
        }
        for (name, why, _) in RULES {
            assert!(CASES.iter().any(|(n, ..)| n == name), "no case for `{name}`");
            assert!(!why.is_empty());
        }
    }

    #[test]
    fn fast_rules_stay_within_roundings() {
        let mut rng = Rng::new();
        for (name, inputs, eqns) in FAST_CASES {
            let rule = FAST_RULES.iter().find(|(n, ..)| n == name).unwrap_or_else(|| panic!("no rule `{name}`"));
            let before = graph(inputs, eqns);
            let after = apply(&before, std::slice::from_ref(rule), &[]);
            assert_ne!(before.to_string(), after.to_string(), "`{name}` does not apply to\n{before}");
            // Not among those that keep bits.
            assert_eq!(simplify(&before, &[]).to_string(), apply(&before, &[], &[]).to_string());
            let args: Vec<Array> = before.in_avals().iter().map(|a| rng.array(a)).collect();
            let (a, b) = (eval(&before, &args), eval(&after, &args));
            for (a, b) in a[0].to_f64s().iter().zip(b[0].to_f64s()) {
                assert!((a - b).abs() <= 2.0 * f64::from(f32::EPSILON) * a.abs(), "`{name}`: {a} and {b}");
            }
        }
        assert!(FAST_RULES.iter().all(|(n, ..)| FAST_CASES.iter().any(|(name, ..)| name == n)));
    }
}
