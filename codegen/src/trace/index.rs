//! Indexing: `x[i]`, `x[2..5]`, `x[(.., i)]`, `x[idx]`, read and written.

use std::rc::Rc;

use crate::array::Array;
use crate::diag::Diag;
use crate::dtype::{DType, Scalar};
use crate::graph::Aval;
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::scatter::Combine;
use crate::ops::{Add, Compare, CompareOp, Gather, Neg, Reshape, Scatter, Select, Slice};
use crate::parse::ast::BinOp;
use crate::parse::spans::Sp;
use crate::trace::value::{Num, Number, Scope, Traced, Value, show};
use crate::trace::{R, Stop, Tracer, arith, err, err_help, tree};

/// What stands for one axis.
#[derive(Clone, Debug)]
enum Part {
    /// `lo..hi`, static.
    Span(usize, usize),
    /// So many elements from a place known at run time. One that sticks out is moved inside by a read and left out by a
    /// write.
    Window(Traced, usize),
    /// A static index.
    At(usize),
    /// An index or index array known at run time.
    Dynamic(Traced),
}

/// How what is written is combined with what was there.
#[derive(Clone, Copy, Debug)]
pub enum Update {
    /// By an operator.
    Op(BinOp),
    /// The smaller of both stays.
    Min,
    /// The larger of both stays.
    Max,
}

impl<'a> Tracer<'a> {
    /// `base[index]`.
    pub fn index(&mut self, base: &Value, index: &Value, sp: Sp) -> R<Value> {
        match (base, index) {
            (Value::Poison, _) | (_, Value::Poison) => Err(Stop::Silent),
            (Value::Tuple(items) | Value::List(items), Value::Num(Num { value: Number::Int(i), .. })) => {
                match usize::try_from(*i).ok().and_then(|n| items.get(n)) {
                    Some(v) => Ok(v.clone()),
                    None => Err(Diag::at(sp, format!("index {i} is out of range: there are {} items", items.len()))
                        .item(0)
                        .into()),
                }
            }
            (Value::Tuple(items) | Value::List(items), Value::Range(lo, hi)) => {
                let (lo, hi) = self.static_span(lo, hi, items.len(), 0, sp)?;
                Ok(tree::with_children(base, items[lo..hi].to_vec()))
            }
            (Value::List(_), _) if !tree::is_tree(base) => {
                let t = self.to_traced(base, None, sp)?;
                self.index(&Value::Array(t), index, sp)
            }
            (Value::List(items), Value::Array(i)) => {
                let i = self.index_of_tree(i, items.len(), sp)?;
                self.one_of(items, &i, sp)
            }
            (Value::Tuple(_), Value::Array(_)) => {
                Err(Diag::at(sp, "a tuple needs a static index: its parts differ in type").item(0).into())
            }
            (Value::Tuple(items) | Value::List(items), Value::Iter(it)) => {
                let steps = self.steps(it, items.len(), 0, sp)?;
                Ok(tree::with_children(base, steps.places().map(|n| items[n].clone()).collect()))
            }
            (Value::Array(t), Value::Tuple(items)) if items.iter().any(is_new_axis) => {
                self.index_with_new_axes(t, items, sp)
            }
            (Value::Array(t), _) if is_new_axis(index) => self.index_with_new_axes(t, std::slice::from_ref(index), sp),
            (Value::Array(t), _) => {
                let (t, index) = &self.take_steps(t, index, sp)?;
                let parts = self.index_parts(t, index, sp)?;
                Ok(Value::Array(self.read(t, &parts, sp)?))
            }
            _ => err(sp, format!("{} cannot be indexed", base.describe())),
        }
    }

    /// `x[(.., None, ..)]`: `None` stands for a new axis of extent one, as in numpy.
    fn index_with_new_axes(&mut self, t: &Traced, items: &[Value], sp: Sp) -> R<Value> {
        let plain: Vec<Value> = items.iter().filter(|i| !is_new_axis(i)).cloned().collect();
        let (t, plain) = &self.take_steps(t, &Value::tuple(plain), sp)?;
        let parts = self.index_parts(t, plain, sp)?;
        if parts.iter().any(|p| matches!(p, Part::Dynamic(i) if i.aval.rank() > 0)) {
            return err_help(
                sp,
                "a new axis and an index array in one index",
                "index first, then `expand_dims(.., axis = ..)`",
            );
        }
        let out = self.read(t, &parts, sp)?;
        let (mut shape, mut kept, mut part) = (Vec::new(), out.aval.shape.iter(), parts.iter());
        for item in items {
            if is_new_axis(item) {
                shape.push(1);
            } else if let Some(Part::Span(..) | Part::Window(..)) = part.next() {
                shape.extend(kept.next());
            }
        }
        shape.extend(kept);
        Ok(Value::Array(self.bind1(Reshape { shape }, &[&out], sp)?))
    }

    /// A traced index of an array of trees, at least 0. Where it follows from the counters of loops, the innermost of
    /// these is unrolled instead, unless it runs more often than there are trees.
    fn index_of_tree(&mut self, i: &Traced, n: usize, sp: Sp) -> R<Traced> {
        if i.aval.rank() > 0 || !i.aval.dtype.is_int() {
            let text = format!("an array of trees is indexed by an integer, found {}", show(&i.aval));
            return Err(Diag::at(sp, text).item(0).into());
        }
        if let Some(around) = self.counter_behind(i)
            && around.length <= n
        {
            return Err(Stop::Unroll(around.sp));
        }
        self.wrap_negative(i, n, sp)
    }

    /// The tree that `i` picks: a branch per tree. An index behind the last picks the last.
    fn one_of(&mut self, items: &[Value], i: &Traced, sp: Sp) -> R<Value> {
        let index = self.convert(i, DType::I32, sp)?;
        let mut none = Scope::default();
        self.pick(&index, items, sp, &mut none)
    }

    /// `where_` leaf by leaf.
    fn choose(&mut self, c: &Traced, a: &Value, b: &Value, sp: Sp) -> R<Value> {
        match (tree::children(a), tree::children(b)) {
            (Some(x), Some(y)) if x.len() == y.len() => {
                let new = x.iter().zip(y).map(|(x, y)| self.choose(c, x, y, sp)).collect::<R<_>>()?;
                Ok(tree::with_children(b, new))
            }
            _ => {
                let (a, b) = self.promote2("=", a, b, sp)?;
                let c = self.broadcast_to(c, &b.aval.shape, sp)?;
                Ok(Value::Array(self.bind1(Select, &[&c, &a, &b], sp)?))
            }
        }
    }

    fn static_span(
        &mut self,
        lo: &Option<Rc<Value>>,
        hi: &Option<Rc<Value>>,
        n: usize,
        axis: usize,
        sp: Sp,
    ) -> R<(usize, usize)> {
        let end = |v: &Option<Rc<Value>>, default: usize| match v.as_deref() {
            None => R::Ok(default as i128),
            Some(Value::Num(Num { value: Number::Int(i), .. })) => Ok(*i),
            Some(other) => Err(Diag::at(sp, format!("the end of a slice is static, found {}", other.describe()))
                .item(axis)
                .help("a slice from `i` on has a length: `x[i..i + 3]`")
                .into()),
        };
        let (lo, hi) = (end(lo, 0)?, end(hi, n)?);
        if lo > hi {
            return Err(Diag::at(sp, format!("the slice {lo}..{hi} runs backwards"))
                .item(axis)
                .help(format!("write `{hi}..{lo}`, and `flip` for the other order"))
                .into());
        }
        if lo < 0 || hi > n as i128 {
            return Err(Diag::at(sp, format!("the slice {lo}..{hi} is out of range: axis {axis} has {}", elements(n)))
                .item(axis)
                .into());
        }
        Ok((lo as usize, hi as usize))
    }

    /// A slice that starts where only the run knows: its length is known if the bounds differ by a constant, as those of
    /// `i..i + 3` and `4 * i..4 * (i + 1)` do.
    fn dynamic_span(&mut self, t: &Traced, lo: &Value, hi: &Value, axis: usize, sp: Sp) -> R<(Traced, usize)> {
        let (start, end) = (self.to_traced(lo, None, sp)?, self.to_traced(hi, None, sp)?);
        if !start.aval.dtype.is_int() || start.aval.rank() > 0 {
            let text = format!("the start of a slice is an integer, found {}", lo.describe());
            return Err(Diag::at(sp, text).item(axis).into());
        }
        let n = t.aval.shape[axis];
        match self.distance(&start, &end).and_then(|d| usize::try_from(d).ok()) {
            Some(len) if len <= n => Ok((self.wrap_negative(&start, n, sp)?, len)),
            Some(len) => {
                let text = format!("{} cannot be taken from axis {axis}, which has {}", elements(len), elements(n));
                let mut d = Diag::at(sp, text).item(axis);
                d.notes = vec![self.origin(t)];
                Err(d.into())
            }
            None => Err(Diag::at(sp, "the length of a slice is static: its bounds have to differ by a constant")
                .item(axis)
                .help("write `x[i..i + 3]`, or `dynamic_slice(x, (i,), (3,))`")
                .into()),
        }
    }

    /// A message about an index of `t`, with where `t` is from.
    pub(super) fn with_origin(&self, stop: Stop, t: &Traced) -> Stop {
        match stop {
            Stop::Error(mut d) => {
                d.notes.push(self.origin(t));
                Stop::Error(d)
            }
            other => other,
        }
    }

    fn index_parts(&mut self, t: &Traced, index: &Value, sp: Sp) -> R<Vec<Part>> {
        let items: Vec<Value> = match index {
            Value::Tuple(items) => items.to_vec(),
            Value::Unit => Vec::new(),
            other => vec![other.clone()],
        };
        let rank = t.aval.rank();
        if items.len() > rank {
            let mut d = match rank {
                0 => Diag::at(sp, format!("{} is a scalar: it has no axis to index", show(&t.aval))),
                _ => Diag::at(sp, format!("{} indices for the {rank} axes of {}", items.len(), show(&t.aval))),
            };
            d.notes = vec![self.origin(t)];
            return Err(d.into());
        }
        let mut parts = Vec::new();
        for (axis, item) in items.iter().enumerate() {
            let n = t.aval.shape[axis];
            parts.push(match item {
                Value::Range(Some(lo), Some(hi)) if matches!(**lo, Value::Array(_)) => {
                    let (start, len) = self.dynamic_span(t, lo, hi, axis, sp)?;
                    Part::Window(start, len)
                }
                Value::Range(lo, hi) => {
                    let (lo, hi) = self.static_span(lo, hi, n, axis, sp).map_err(|stop| self.with_origin(stop, t))?;
                    Part::Span(lo, hi)
                }
                Value::Num(Num { value: Number::Int(i), .. }) => match usize::try_from(*i).ok().filter(|i| *i < n) {
                    Some(i) => Part::At(i),
                    None => {
                        let text =
                            format!("index {i} is out of range: axis {axis} of {} has {}", show(&t.aval), elements(n));
                        let mut d = Diag::at(sp, text).item(axis);
                        d.notes = vec![self.origin(t)];
                        if *i < 0 && -*i <= n as i128 {
                            d = d.help(format!("a static index counts from the start: write `{}`", n as i128 + i));
                        }
                        return Err(d.into());
                    }
                },
                Value::Array(_) | Value::List(_) => {
                    let idx = self.to_traced(item, None, sp)?;
                    if idx.aval.dtype == DType::Bool {
                        let why = "a mask does not index: how many elements it picks is not known while compiling";
                        return Err(Diag::at(sp, why).item(axis).help("use `where_(mask, x, 0.0)`").into());
                    }
                    if !idx.aval.dtype.is_int() {
                        let mut d =
                            Diag::at(sp, format!("an index is an integer, found {}", show(&idx.aval))).item(axis);
                        d.notes = vec![self.origin(&idx)];
                        return Err(d
                            .help(format!("convert it: `{} as i32`", idx.name.as_deref().unwrap_or("..")))
                            .into());
                    }
                    Part::Dynamic(self.wrap_negative(&idx, n, sp)?)
                }
                other => return Err(Diag::at(sp, format!("{} is not an index", other.describe())).item(axis).into()),
            });
        }
        parts.extend(t.aval.shape[items.len()..].iter().map(|n| Part::Span(0, *n)));
        Ok(parts)
    }

    /// A negative index counts from the end, once.
    pub fn wrap_negative(&mut self, idx: &Traced, n: usize, sp: Sp) -> R<Traced> {
        if !idx.aval.dtype.is_signed() {
            return Ok(idx.clone());
        }
        // A constant is settled here.
        let var = self.var(idx);
        if let Some(c) = self.graph().as_constant(var) {
            let data = c
                .data()
                .iter()
                .map(|s| {
                    let i = s.to_i128().unwrap_or(0);
                    Scalar::from_i128(DType::I32, if i < 0 { i + n as i128 } else { i })
                })
                .collect();
            return Ok(self.constant(Array::new(c.aval().with_dtype(DType::I32), data), sp));
        }
        if self.graph().is_nonnegative(var) {
            return Ok(idx.clone());
        }
        let wide = if idx.aval.dtype.bytes() < 4 { self.convert(idx, DType::I32, sp)? } else { idx.clone() };
        let full = |tr: &mut Tracer<'a>, x: i128| {
            let c = Scalar::from_i128(wide.aval.dtype, x);
            tr.constant(Array::full(&wide.aval, c), sp)
        };
        let (zero, extent) = (full(self, 0), full(self, n as i128));
        let negative = self.bind1(Compare { op: CompareOp::Lt }, &[&wide, &zero], sp)?;
        let wrapped = self.bind1(Add, &[&wide, &extent], sp)?;
        self.bind1(Select, &[&negative, &wrapped, &wide], sp)
    }

    fn read(&mut self, t: &Traced, parts: &[Part], sp: Sp) -> R<Traced> {
        // Static parts first: a view.
        let span = |p: &Part, n: usize| match p {
            Part::Span(lo, hi) => (*lo, *hi),
            Part::At(i) => (*i, *i + 1),
            Part::Dynamic(_) | Part::Window(..) => (0, n),
        };
        let spans: Vec<(usize, usize)> = parts.iter().zip(&t.aval.shape).map(|(p, n)| span(p, *n)).collect();
        let mut view = t.clone();
        if spans.iter().zip(&t.aval.shape).any(|(s, n)| *s != (0, *n)) {
            let op = Slice {
                start: spans.iter().map(|s| s.0).collect(),
                limit: spans.iter().map(|s| s.1).collect(),
                stride: vec![1; spans.len()],
            };
            view = self.bind1(op, &[&view], sp)?;
        }
        let shape: Vec<usize> =
            view.aval.shape.iter().zip(parts).filter(|(_, p)| !matches!(p, Part::At(_))).map(|(n, _)| *n).collect();
        if shape.len() != parts.len() {
            view = self.bind1(Reshape { shape }, &[&view], sp)?;
        }
        let rest: Vec<Part> = parts.iter().filter(|p| !matches!(p, Part::At(_))).cloned().collect();
        if !rest.iter().any(|p| matches!(p, Part::Dynamic(_) | Part::Window(..))) {
            view.weak = t.weak;
            return Ok(view);
        }
        let (coords, indices) = self.coords(&view.aval, &rest, IndexMode::Clip, sp)?;
        let mut ins = vec![&view];
        ins.extend(&indices);
        let mut out = self.bind1(Gather { coords }, &ins, sp)?;
        out.weak = t.weak;
        Ok(out)
    }

    /// The map behind dynamic indices, by numpy's rules: index arrays broadcast together, and their axes stand where the
    /// indices stood if those are neighbours, else in front.
    fn coords(&mut self, x: &Aval, parts: &[Part], mode: IndexMode, sp: Sp) -> R<(Coords, Vec<Traced>)> {
        let mut common: Vec<usize> = Vec::new();
        let mut at: Vec<usize> = Vec::new();
        for (d, p) in parts.iter().enumerate() {
            if let Part::Dynamic(t) = p {
                at.push(d);
                match arith::broadcast_shapes(&common, &t.aval.shape) {
                    Some(s) => common = s,
                    None => {
                        let mut d = Diag::at(sp, "index arrays do not broadcast together");
                        d.notes = parts
                            .iter()
                            .filter_map(|p| if let Part::Dynamic(t) = p { Some(self.origin(t)) } else { None })
                            .collect();
                        return Err(d.help("they pick one element per position: give them one shape").into());
                    }
                }
            }
        }
        let neighbours = at.windows(2).all(|w| w[0] + 1 == w[1]);
        let before = if neighbours {
            parts[..at.first().copied().unwrap_or(0)]
                .iter()
                .filter(|p| matches!(p, Part::Span(..) | Part::Window(..)))
                .count()
        } else {
            0
        };
        let mut shape = Vec::new();
        let mut dims = Vec::new();
        let mut indices: Vec<Traced> = Vec::new();
        let mut index_dims = Vec::new();
        let mut n_window = 0;
        for (d, p) in parts.iter().enumerate() {
            match p {
                Part::Dynamic(t) => {
                    // Axes of extent one are dropped: they are broadcast along by not being mentioned.
                    let lead = common.len() - t.aval.rank();
                    let along: Vec<usize> =
                        (0..t.aval.rank()).filter(|a| t.aval.shape[*a] == common[lead + a]).collect();
                    let kept: Vec<usize> = along.iter().map(|a| t.aval.shape[*a]).collect();
                    let t = if kept.len() == t.aval.rank() {
                        t.clone()
                    } else {
                        self.bind1(Reshape { shape: kept }, &[t], sp)?
                    };
                    dims.push(DimIx::index(indices.len()));
                    index_dims.push(along.iter().map(|a| before + lead + a).collect());
                    indices.push(t);
                }
                Part::Window(start, len) => {
                    let w = if n_window < before { n_window } else { n_window + common.len() };
                    n_window += 1;
                    shape.push(*len);
                    indices.push(start.clone());
                    index_dims.push(Vec::new());
                    dims.push(DimIx::slice(indices.len() - 1, w));
                }
                Part::Span(lo, hi) => {
                    let w = if n_window < before { n_window } else { n_window + common.len() };
                    n_window += 1;
                    shape.push(hi - lo);
                    dims.push(if (*lo, *hi) == (0, x.shape[d]) || mode == IndexMode::Clip {
                        DimIx::window(w)
                    } else {
                        indices.push(self.constant(Array::scalar(Scalar::I32(*lo as i32)), sp));
                        index_dims.push(Vec::new());
                        DimIx::slice(indices.len() - 1, w)
                    });
                }
                Part::At(i) => {
                    indices.push(self.constant(Array::scalar(Scalar::I32(*i as i32)), sp));
                    index_dims.push(Vec::new());
                    dims.push(DimIx::index(indices.len() - 1));
                }
            }
        }
        for (n, extent) in common.iter().enumerate() {
            shape.insert(before + n, *extent);
        }
        Ok((Coords { dims, index_dims, shape, mode }, indices))
    }

    /// `base` with `base[index]` set to `value`, or combined with it.
    pub fn index_set(&mut self, base: &Value, index: &Value, op: Option<Update>, value: &Value, sp: Sp) -> R<Value> {
        match (base, index) {
            (Value::Poison, _) | (_, Value::Poison) => Err(Stop::Silent),
            (Value::Tuple(items) | Value::List(items), Value::Num(Num { value: Number::Int(i), .. }))
                if tree::is_tree(base) || !matches!(value, Value::Array(_)) =>
            {
                let Some(n) = usize::try_from(*i).ok().filter(|n| *n < items.len()) else {
                    return err(sp, format!("index {i} is out of range: there are {} items", items.len()));
                };
                let mut items = items.to_vec();
                items[n] = match op {
                    Some(op) => self.updated(op, &items[n], value, sp)?,
                    None => value.clone(),
                };
                Ok(tree::with_children(base, items))
            }
            (Value::List(items), Value::Array(i)) if tree::is_tree(base) => {
                let i = self.index_of_tree(i, items.len(), sp)?;
                let old = self.one_of(items, &i, sp)?;
                let new = match op {
                    Some(op) => self.updated(op, &old, value, sp)?,
                    None => self.like_old(&old, value.clone(), "the element", sp)?,
                };
                let mut out = Vec::new();
                for (n, item) in items.iter().enumerate() {
                    let here = self.binary(BinOp::Eq, &Value::Array(i.clone()), &Value::size(n), sp)?;
                    let here = self.to_traced(&here, None, sp)?;
                    out.push(self.choose(&here, &new, item, sp)?);
                }
                Ok(Value::list(out))
            }
            (Value::List(_), _) if !tree::is_tree(base) => {
                // A list of literals takes the dtype of what is stored in it.
                let dtype = match value {
                    Value::Array(t) if !t.weak => Some(t.aval.dtype),
                    Value::Num(n) => n.dtype,
                    _ => None,
                };
                let t = self.to_traced(base, dtype, sp)?;
                self.index_set(&Value::Array(t), index, op, value, sp)
            }
            (Value::Array(t), _) => {
                let mut t = t.clone();
                if let (true, Value::Array(v)) = (t.weak, value)
                    && !v.weak
                {
                    t = self.convert_literals(&t, v.aval.dtype, sp)?;
                }
                if let Some(new) = self.set_steps(&t, index, op, value, sp)? {
                    return Ok(new);
                }
                let parts = self.index_parts(&t, index, sp)?;
                Ok(Value::Array(self.write(&t, &parts, op, value, sp)?))
            }
            _ => err(sp, format!("{} cannot be indexed", base.describe())),
        }
    }

    /// A part of a tree combined with a value.
    fn updated(&mut self, op: Update, old: &Value, value: &Value, sp: Sp) -> R<Value> {
        match op {
            Update::Op(op) => self.binary(op, old, value, sp),
            Update::Min | Update::Max => {
                let old = old.describe();
                err_help(sp, format!("{old} cannot be compared as a whole"), "compare its arrays one by one")
            }
        }
    }

    fn write(&mut self, t: &Traced, parts: &[Part], op: Option<Update>, value: &Value, sp: Sp) -> R<Traced> {
        let (coords, indices) = self.coords(&t.aval, parts, IndexMode::Drop, sp)?;
        let mut v = self.to_traced(value, (!t.weak).then_some(t.aval.dtype), sp)?;
        if v.weak && v.aval.dtype != t.aval.dtype && (t.aval.dtype.is_inexact() || v.aval.dtype.is_int()) {
            v = Traced { weak: true, ..self.convert_literals(&v, t.aval.dtype, sp)? };
        }
        if v.aval.dtype != t.aval.dtype {
            let mut d = Diag::at(sp, format!("{} cannot be stored in {}", show(&v.aval), show(&t.aval)));
            d.notes = vec![self.origin(t), self.origin_as(&v, "value")];
            let name = v.name.as_deref().unwrap_or("..");
            return Err(d.help(format!("convert it: `{name} as {}`", t.aval.dtype)).into());
        }
        if arith::broadcast_shapes(&v.aval.shape, &coords.shape).as_ref() != Some(&coords.shape) {
            let place = t.aval.with_shape(&coords.shape);
            let mut d = Diag::at(sp, format!("{} does not fit into the place {}", show(&v.aval), show(&place)));
            d.notes = vec![self.origin(t), self.origin_as(&v, "value")];
            return Err(d.into());
        }
        v = self.broadcast_to(&v, &coords.shape, sp)?;
        let combine = match op {
            None => Combine::Set,
            Some(Update::Min) => Combine::Min,
            Some(Update::Max) => Combine::Max,
            Some(Update::Op(BinOp::Add)) => Combine::Add,
            Some(Update::Op(BinOp::Sub)) => {
                v = self.bind1(Neg, &[&v], sp)?;
                Combine::Add
            }
            Some(Update::Op(BinOp::Mul)) => Combine::Mul,
            Some(Update::Op(other)) => {
                let mut read = coords.clone();
                read.mode = IndexMode::Clip;
                let mut ins = vec![t];
                ins.extend(&indices);
                let old = self.bind1(Gather { coords: read }, &ins, sp)?;
                match self.binary(other, &Value::Array(old), &Value::Array(v), sp)? {
                    Value::Array(new) => v = new,
                    _ => unreachable!("arrays combine to arrays"),
                }
                Combine::Set
            }
        };
        let mut ins = vec![t];
        ins.extend(&indices);
        ins.push(&v);
        let mut out = self.bind1(Scatter { coords, combine }, &ins, sp)?;
        out.weak = t.weak && v.weak;
        Ok(out)
    }

    /// `take_along_axis`: an index per position, of the rank of `x`, or one rank lower, which drops the axis.
    pub fn take_along_axis(&mut self, x: &Traced, idx: &Traced, axis: usize, sp: Sp) -> R<Value> {
        let rank = x.aval.rank();
        let drops = idx.aval.rank() + 1 == rank;
        let mut want = x.aval.shape.clone();
        if drops {
            want.remove(axis);
        } else if idx.aval.rank() == rank {
            want[axis] = idx.aval.shape[axis];
        }
        // Other axes of the index array may have extent one.
        let fits = idx.aval.rank() == want.len() && idx.aval.shape.iter().zip(&want).all(|(a, b)| a == b || *a == 1);
        if !fits {
            let mut d = Diag::at(
                sp,
                format!(
                    "`take_along_axis` cannot pick from {} with {} along axis {axis}",
                    show(&x.aval),
                    show(&idx.aval)
                ),
            );
            d.notes = vec![self.origin(x), self.origin(idx)];
            let one_lower: Vec<usize> = (0..rank).filter(|d| *d != axis).map(|d| x.aval.shape[d]).collect();
            let idx_type = crate::trace::types::rust_type(&Aval::new(idx.aval.dtype, &one_lower));
            return Err(d.help(format!("the indices should be `{idx_type}`")).into());
        }
        if !idx.aval.dtype.is_int() {
            return err_help(
                sp,
                format!("an index is an integer, found {}", show(&idx.aval)),
                "convert it: `.. as i32`",
            );
        }
        let idx = self.wrap_negative(idx, x.aval.shape[axis], sp)?;
        let idx = self.broadcast_to(&idx, &want, sp)?;
        let dims = (0..rank)
            .map(|d| match (d == axis, drops && d > axis) {
                (true, _) => DimIx::index(0),
                (_, true) => DimIx::window(d - 1),
                _ => DimIx::window(d),
            })
            .collect();
        let coords = Coords { dims, index_dims: vec![(0..want.len()).collect()], shape: want, mode: IndexMode::Clip };
        Ok(Value::Array(self.bind1(Gather { coords }, &[x, &idx], sp)?))
    }

    /// `take`: slices of `x` at the indices along `axis`.
    pub fn take(&mut self, x: &Traced, idx: &Traced, axis: usize, sp: Sp) -> R<Value> {
        let mut parts: Vec<Part> = x.aval.shape.iter().map(|n| Part::Span(0, *n)).collect();
        if !idx.aval.dtype.is_int() {
            return err_help(
                sp,
                format!("an index is an integer, found {}", show(&idx.aval)),
                "convert it: `.. as i32`",
            );
        }
        parts[axis] = Part::Dynamic(self.wrap_negative(idx, x.aval.shape[axis], sp)?);
        Ok(Value::Array(self.read(x, &parts, sp)?))
    }
}

fn is_new_axis(v: &Value) -> bool {
    matches!(v, Value::Option(None))
}

fn elements(n: usize) -> String {
    if n == 1 { "1 element".into() } else { format!("{n} elements") }
}
