//! Algebraic rules, each with the reason why it keeps every bit.

use std::collections::HashMap;
use std::rc::Rc;

use crate::array::Array;
use crate::dtype::DType;
use crate::graph::{Eqn, Graph, Var};
use crate::ops::*;
use crate::passes::rebuild;

/// Results of more elements than this are not computed while compiling, unless they are the same everywhere.
const MAX_FOLDED: usize = 1024;

#[derive(Debug)]
/// What a rule sees: the graph built so far, with the equation that defines each variable.
pub struct Seen<'a> {
    g: &'a mut Graph,
    defs: &'a HashMap<Var, usize>,
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

    /// Whether every element of `v` is exactly `x`. No complex number is but zero: the product with 1 + 0i adds zeros, which
    /// change signs of zeros and make NaN of infinities.
    fn is(&self, v: Var, x: f64) -> bool {
        let plain = !self.g.dtype(v).is_complex() || x.to_bits() == 0;
        plain && self.constant(v).is_some_and(|c| c.is_splat() && !c.data().is_empty() && c.data()[0].is_exactly(x))
    }
}

type Rule = (&'static str, fn(&mut Seen<'_>, &Eqn, &[Var]) -> Option<Var>);

/// The rules in the order they are tried: name, and what takes the place of the result.
const RULES: &[Rule] = &[
    // Constants in, constant out: the reference evaluator says what a primitive means.
    ("fold_constants", |s, e, x| {
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
    // Moving equal elements about changes nothing.
    ("splat_moves", |s, e, x| {
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
    // Derivatives have been taken.
    ("stop_gradient", |_, e, x| e.op.downcast::<StopGradient>().map(|_| x[0])),
    ("convert_same", |s, e, x| e.op.downcast::<Convert>().filter(|c| c.dtype == s.g.dtype(x[0])).map(|_| x[0])),
    ("reshape_same", |s, e, x| e.op.downcast::<Reshape>().filter(|r| r.shape == s.g.shape(x[0])).map(|_| x[0])),
    ("reshape_reshape", |s, e, x| {
        let r = e.op.downcast::<Reshape>()?;
        let (_, inner) = s.def::<Reshape>(x[0])?;
        Some(s.g.bind1(r.clone(), &inner))
    }),
    ("transpose_same", |_, e, x| {
        e.op.downcast::<Transpose>().filter(|t| t.perm.iter().copied().eq(0..t.perm.len())).map(|_| x[0])
    }),
    ("transpose_transpose", |s, e, x| {
        let t = e.op.downcast::<Transpose>()?;
        let (inner, y) = s.def::<Transpose>(x[0])?;
        let perm = t.perm.iter().map(|p| inner.perm[*p]).collect();
        Some(s.g.bind1(Transpose { perm }, &y))
    }),
    ("broadcast_same", |s, e, x| {
        e.op.downcast::<BroadcastInDim>().filter(|b| b.shape == s.g.shape(x[0])).map(|_| x[0])
    }),
    ("broadcast_broadcast", |s, e, x| {
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
    // Negation flips one bit.
    ("neg_neg", |s, e, x| {
        e.op.downcast::<Neg>()?;
        s.def::<Neg>(x[0]).map(|(_, y)| y[0])
    }),
    ("not_not", |s, e, x| {
        e.op.downcast::<Not>()?;
        s.def::<Not>(x[0]).map(|(_, y)| y[0])
    }),
    // x * 1 is x for every x, NaN included (whose bits are canonical where they can be seen).
    ("mul_one", |s, e, x| {
        e.op.downcast::<Mul>()?;
        match (s.is(x[0], 1.0), s.is(x[1], 1.0)) {
            (_, true) => Some(x[0]),
            (true, _) => Some(x[1]),
            _ => None,
        }
    }),
    // Nothing is summed: products with 1.
    ("outer_one", |s, e, x| {
        let dot = e.op.downcast::<DotGeneral>().filter(|d| d.lhs_contract.is_empty() && d.lhs_batch.is_empty())?;
        let n_lhs = s.g.shape(x[0]).len();
        let n_rhs = s.g.shape(x[1]).len();
        let shape = dot.abstract_eval(&[s.g.aval(x[0]), s.g.aval(x[1])]).ok()?.remove(0).shape;
        let (v, dims) = match (s.is(x[0], 1.0), s.is(x[1], 1.0)) {
            (true, _) => (x[1], n_lhs..n_lhs + n_rhs),
            (_, true) => (x[0], 0..n_lhs),
            _ => return None,
        };
        Some(s.g.bind1(BroadcastInDim { shape, dims: dims.collect() }, &[v]))
    }),
    // x * -1 flips the sign, as negation does.
    ("mul_minus_one", |s, e, x| {
        e.op.downcast::<Mul>()?;
        match (s.is(x[0], -1.0), s.is(x[1], -1.0)) {
            (_, true) => Some(s.g.bind1(Neg, &[x[0]])),
            (true, _) => Some(s.g.bind1(Neg, &[x[1]])),
            _ => None,
        }
    }),
    ("div_one", |s, e, x| {
        e.op.downcast::<Div>()?;
        s.is(x[1], 1.0).then_some(x[0])
    }),
    // Division by a power of two is exact multiplication by its reciprocal, which is a power of two as well, unless it
    // leaves the normal range.
    ("div_power_of_two", |s, e, x| {
        e.op.downcast::<Div>()?;
        let c = s.constant(x[1]).filter(|c| c.is_splat() && c.dtype() == DType::F32 && !c.data().is_empty())?;
        let d = c.data()[0].to_f64();
        let exact = d.is_finite() && d != 0.0 && (d.to_bits() << 12) == 0 && (1e-30..1e30).contains(&d.abs());
        if !exact {
            return None;
        }
        let r = s.g.constant(Array::full(c.aval(), crate::dtype::Scalar::from_f64(DType::F32, 1.0 / d)));
        Some(s.g.bind1(Mul, &[x[0], r]))
    }),
    // x - 0 and x + -0 are x for every x; x + 0 is not (-0 + 0 is 0).
    ("sub_zero", |s, e, x| {
        e.op.downcast::<Sub>()?;
        s.is(x[1], 0.0).then_some(x[0])
    }),
    ("add_negative_zero", |s, e, x| {
        e.op.downcast::<Add>()?;
        match (s.is(x[0], -0.0), s.is(x[1], -0.0)) {
            (_, true) => Some(x[0]),
            (true, _) => Some(x[1]),
            _ => None,
        }
    }),
    // Integers have one zero.
    ("int_add_zero", |s, e, x| {
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
    // x + (-y) is x - y by definition of IEEE subtraction; so is (-y) + x.
    ("add_neg", |s, e, x| {
        e.op.downcast::<Add>()?;
        if let Some((_, y)) = s.def::<Neg>(x[1]) {
            return Some(s.g.bind1(Sub, &[x[0], y[0]]));
        }
        let (_, y) = s.def::<Neg>(x[0])?;
        Some(s.g.bind1(Sub, &[x[1], y[0]]))
    }),
    ("sub_neg", |s, e, x| {
        e.op.downcast::<Sub>()?;
        let (_, y) = s.def::<Neg>(x[1])?;
        Some(s.g.bind1(Add, &[x[0], y[0]]))
    }),
    ("select_same", |_, e, x| e.op.downcast::<Select>().filter(|_| x[1] == x[2]).map(|_| x[1])),
    ("select_constant", |s, e, x| {
        e.op.downcast::<Select>()?;
        let c = s.constant(x[0]).filter(|c| c.is_splat() && !c.data().is_empty())?;
        Some(if c.data()[0].is_zero() { x[2] } else { x[1] })
    }),
    ("reduce_nothing", |_, e, x| e.op.downcast::<ReduceSum>().filter(|r| r.axes.is_empty()).map(|_| x[0])),
    // Signs of a product multiply; rounding does not see them.
    ("neg_times_neg", |s, e, x| {
        if x.len() != 2 {
            return None;
        }
        let ((_, a), (_, b)) = (s.def::<Neg>(x[0])?, s.def::<Neg>(x[1])?);
        let fits = e.op.downcast::<Mul>().is_some() || (e.op.downcast::<Div>().is_some() && s.g.dtype(x[0]).is_float());
        fits.then(|| s.g.bind1(e.op.clone(), &[a[0], b[0]]))
    }),
    ("neg_times_constant", |s, e, x| {
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
    ("int_mul_zero", |s, e, x| {
        e.op.downcast::<Mul>()?;
        if !s.g.dtype(x[0]).is_int() {
            return None;
        }
        x.iter().copied().find(|v| s.is(*v, 0.0))
    }),
    // The larger, the smaller and the conjunction of a value and itself is the value.
    ("same_twice", |_, e, x| {
        let op = &e.op;
        let fits = op.downcast::<Max>().is_some()
            || op.downcast::<Min>().is_some()
            || op.downcast::<And>().is_some()
            || op.downcast::<Or>().is_some();
        (fits && x.first() == x.last()).then(|| x[0])
    }),
    ("select_not", |s, e, x| {
        e.op.downcast::<Select>()?;
        let (_, c) = s.def::<Not>(x[0])?;
        Some(s.g.bind1(Select, &[c[0], x[2], x[1]]))
    }),
    // Through a type that holds every value of the first, nothing is lost.
    ("convert_convert", |s, e, x| {
        let to = e.op.downcast::<Convert>()?;
        let (between, y) = s.def::<Convert>(x[0])?;
        skips(s.g.dtype(y[0]), between.dtype, to.dtype).then(|| s.g.bind1(to.clone(), &y))
    }),
    ("rev_rev", |s, e, x| {
        let r = e.op.downcast::<Rev>()?;
        let (inner, y) = s.def::<Rev>(x[0])?;
        let both = |d: &usize| r.axes.contains(d) != inner.axes.contains(d);
        let axes = (0..s.g.shape(x[0]).len()).filter(both).collect();
        Some(s.g.bind1(Rev { axes }, &y))
    }),
    ("rev_nothing", |s, e, x| {
        let r = e.op.downcast::<Rev>()?;
        r.axes.iter().all(|d| s.g.shape(x[0])[*d] <= 1).then_some(x[0])
    }),
    ("slice_everything", |s, e, x| {
        let r = e.op.downcast::<Slice>()?;
        let whole = r.start.iter().all(|i| *i == 0) && r.limit == s.g.shape(x[0]) && r.stride.iter().all(|i| *i == 1);
        whole.then_some(x[0])
    }),
    ("slice_slice", |s, e, x| {
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
    ("pad_nothing", |_, e, x| {
        let p = e.op.downcast::<Pad>()?;
        let nothing = p.lo.iter().chain(&p.hi).all(|n| *n == 0) && p.interior.iter().all(|n| *n == 0);
        nothing.then_some(x[0])
    }),
    ("concatenate_one", |_, e, x| e.op.downcast::<Concatenate>().filter(|_| x.len() == 1).map(|_| x[0])),
    // Axes of extent one that a reshape puts in and a broadcast spreads need no reshape.
    ("broadcast_reshape", |s, e, x| {
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
    // What is the same everywhere along an axis is computed once along it.
    ("compute_before_broadcast", |s, e, x| {
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

/// Applies the rules once, front to back.
pub fn simplify(graph: &Graph) -> Graph {
    let mut defs: HashMap<Var, usize> = HashMap::new();
    let mut known = 0;
    rebuild(graph, |g, eqn, ins| {
        while known < g.eqns.len() {
            if let [v] = g.eqns[known].outputs[..] {
                defs.insert(v, known);
            }
            known += 1;
        }
        if eqn.op.downcast::<Constant>().is_some() {
            return None;
        }
        if let Some(outs) = eqn.op.downcast::<Scan>().and_then(|scan| scan.with_steady(g, ins)) {
            return Some(outs);
        }
        RULES.iter().find_map(|(_, rule)| rule(&mut Seen { g, defs: &defs }, eqn, ins)).map(|v| vec![v])
    })
}
