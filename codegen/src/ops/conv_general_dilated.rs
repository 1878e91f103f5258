//! `conv_general_dilated`: convolution (cross-correlation, as everywhere in machine learning) with strides, padding,
//! dilation and groups, over any layout.

use crate::array::Array;
use crate::dtype::DType;
use crate::graph::{Aval, Graph, Var};
use crate::ops::axes::{merge_axes, move_axis, permute, split_axis};
use crate::ops::dot_general::{
    contract_dtype, converted, fold_products, lower_contraction, parse_preferred, preferred_param, product,
};
use crate::ops::pad::dilated;
use crate::ops::{Batched, Continued, ConvRows, Lowering, OpError, Operand, Primitive, Rev, Tangent, add_tangents, guard, param};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;
use crate::passes::rows::{OfRows, Rows};
use crate::passes::parts::InParts;
use crate::passes::strips::Strip;

/// `out[n, o, y] = sum over c, k of lhs[n, c, y * stride + k * rhs_dilation - lo] * rhs[o, c, k]`, where `lhs` has
/// `lhs_dilation - 1` zeros between its elements and zeros around them.
///
/// With feature groups, output feature `o` sees only the input features of its group; with batch groups, only the batch
/// elements of its group. Groups are the outer part of the axes they split.
///
/// **Order.** Starting from zero, one product after the other, in the order in which the window lies in `rhs`: by input feature
/// and then place for `OIHW`, by place and then input feature for `HWIO`. Padding and the gaps of a dilated `lhs` form no
/// products: a window outside of `lhs` gives zero. A window of one element gives that product.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvGeneralDilated {
    /// Step of the window along each spatial axis.
    pub window_strides: Vec<usize>,
    /// Zeros in front of each spatial axis; negative cuts off.
    pub lo: Vec<i64>,
    /// Zeros after each spatial axis; negative cuts off.
    pub hi: Vec<i64>,
    /// Distance between two elements of `lhs` along each spatial axis.
    pub lhs_dilation: Vec<usize>,
    /// Distance between two elements of the window along each spatial axis.
    pub rhs_dilation: Vec<usize>,
    /// Number of groups that input and output features are split into.
    pub feature_group_count: usize,
    /// Number of groups that the batch and output features are split into.
    pub batch_group_count: usize,
    /// Axes of `lhs`: batch, feature, spatial axes.
    pub lhs_spec: Vec<usize>,
    /// Axes of `rhs`: output feature, input feature, spatial axes.
    pub rhs_spec: Vec<usize>,
    /// Axes of the result: batch, feature, spatial axes.
    pub out_spec: Vec<usize>,
    /// See [`crate::ops::DotGeneral::preferred`].
    pub preferred: Option<DType>,
}

/// The same axes with the first two swapped.
fn swapped(spec: &[usize]) -> Vec<usize> {
    let mut out = spec.to_vec();
    out.swap(0, 1);
    out
}

/// The extents that `spec` names.
fn pick(shape: &[usize], spec: &[usize]) -> Vec<usize> {
    spec.iter().map(|d| shape[*d]).collect()
}

/// Moves the outer `n` of axis `from` to the outside of axis `to`.
fn regroup(g: &mut Graph, x: Var, from: usize, to: usize, n: usize) -> Var {
    let rank = g.shape(x).len();
    let x = split_axis(g, x, from, n);
    let place = |d: usize| if d >= from { d + 1 } else { d };
    let mut perm = Vec::new();
    for d in 0..rank {
        if d == to {
            perm.push(from);
        }
        perm.push(place(d));
    }
    let x = permute(g, x, perm);
    merge_axes(g, x, to)
}

impl ConvGeneralDilated {
    /// Constructor from the text form.
    pub fn parse(p: &Params) -> Result<ConvGeneralDilated, String> {
        Ok(ConvGeneralDilated {
            window_strides: p.usizes("window_strides")?,
            lo: p.ints("lo")?,
            hi: p.ints("hi")?,
            lhs_dilation: p.usizes("lhs_dilation")?,
            rhs_dilation: p.usizes("rhs_dilation")?,
            feature_group_count: p.usize("feature_group_count")?,
            batch_group_count: p.usize("batch_group_count")?,
            lhs_spec: p.usizes("lhs_spec")?,
            rhs_spec: p.usizes("rhs_spec")?,
            out_spec: p.usizes("out_spec")?,
            preferred: parse_preferred(p)?,
        })
    }

    fn n_spatial(&self) -> usize {
        self.window_strides.len()
    }

    /// The axes of `rhs` that are summed over, in the order in which they lie: 0 for the input features of a group, then 1 and on
    /// for the spatial ones.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..=self.n_spatial()).collect();
        order.sort_unstable_by_key(|n| self.rhs_spec[1 + n]);
        order
    }

    /// Extents of what is summed over.
    fn extents(&self, rhs: &[usize]) -> Vec<usize> {
        self.order().into_iter().map(|n| rhs[self.rhs_spec[1 + n]]).collect()
    }

    /// From indices of what is summed over: the input feature, then the place in the window.
    fn sorted<I: Clone>(&self, rx: &[I]) -> Vec<I> {
        let order = self.order();
        (0..=self.n_spatial()).map(|n| rx[order.iter().position(|o| *o == n).expect("each once")].clone()).collect()
    }

    fn out_extent(&self, s: usize, n: usize, window: usize) -> usize {
        let padded = dilated(n, self.lhs_dilation[s] - 1) as i64 + self.lo[s] + self.hi[s];
        let free = padded - dilated(window, self.rhs_dilation[s] - 1) as i64;
        if free < 0 { 0 } else { free as usize / self.window_strides[s] + 1 }
    }

    fn check_params(&self, lhs: &Aval, rhs: &Aval) -> Result<(), OpError> {
        let n = self.n_spatial();
        let counts = [self.lo.len(), self.hi.len(), self.lhs_dilation.len(), self.rhs_dilation.len()];
        if counts.iter().any(|c| *c != n) {
            return Err(OpError::new("a convolution needs strides, padding and dilations for the same number of axes"));
        }
        for (k, (spec, x)) in
            [(&self.lhs_spec, lhs), (&self.rhs_spec, rhs), (&self.out_spec, lhs)].into_iter().enumerate()
        {
            if x.rank() != n + 2 {
                return Err(
                    OpError::new(format!("a convolution over {n} axes needs {} axes, found {x}", n + 2)).at(k % 2)
                );
            }
            let mut sorted = spec.clone();
            sorted.sort_unstable();
            if !sorted.into_iter().eq(0..n + 2) {
                return Err(OpError::new(format!("{spec:?} does not name the {} axes of {x}", n + 2)).at(k % 2));
            }
        }
        if self.window_strides.iter().chain(&self.lhs_dilation).chain(&self.rhs_dilation).any(|n| *n == 0) {
            return Err(OpError::new("strides and dilations of a convolution are at least 1"));
        }
        Ok(())
    }

    /// Where the window reads along spatial axis `s`: index in the dilated operand.
    fn place(&self, s: usize, y: i64, k: i64) -> i64 {
        y * self.window_strides[s] as i64 + k * self.rhs_dilation[s] as i64 - self.lo[s]
    }

    /// As a convolution of the cotangent of the result with the window reversed and its features swapped.
    pub fn transpose_lhs(&self, g: &mut Graph, ct: Var, lhs: &Aval, rhs: Var) -> Var {
        let groups = self.feature_group_count.max(self.batch_group_count);
        let rhs_shape = g.shape(rhs).to_vec();
        let (mut lo, mut hi) = (Vec::new(), Vec::new());
        for s in 0..self.n_spatial() {
            let n = dilated(lhs.shape[self.lhs_spec[2 + s]], self.lhs_dilation[s] - 1) as i64;
            let window = dilated(rhs_shape[self.rhs_spec[2 + s]], self.rhs_dilation[s] - 1) as i64;
            let out = dilated(g.shape(ct)[self.out_spec[2 + s]], self.window_strides[s] - 1) as i64;
            let before = window - self.lo[s] - 1;
            lo.push(before);
            hi.push(n + window - 1 - out - before);
        }
        let mut window = rhs;
        if groups > 1 {
            window = regroup(g, window, self.rhs_spec[0], self.rhs_spec[1], groups);
        }
        let window = g.bind1(Rev { axes: self.rhs_spec[2..].to_vec() }, &[window]);
        let op = ConvGeneralDilated {
            window_strides: self.lhs_dilation.clone(),
            lo,
            hi,
            lhs_dilation: self.window_strides.clone(),
            rhs_dilation: self.rhs_dilation.clone(),
            feature_group_count: groups,
            batch_group_count: 1,
            lhs_spec: self.out_spec.clone(),
            rhs_spec: swapped(&self.rhs_spec),
            out_spec: self.lhs_spec.clone(),
            preferred: self.preferred,
        };
        let mut out = g.bind1(op, &[ct, window]);
        if self.batch_group_count > 1 {
            out = regroup(g, out, self.lhs_spec[1], self.lhs_spec[0], groups);
        }
        converted(g, out, lhs.dtype)
    }

    /// As a convolution of `lhs` with the cotangent of the result, in which features and batch change places.
    pub fn transpose_rhs(&self, g: &mut Graph, ct: Var, lhs: Var, rhs: &Aval) -> Var {
        let lhs_shape = g.shape(lhs).to_vec();
        let mut hi = Vec::new();
        for s in 0..self.n_spatial() {
            let n = dilated(lhs_shape[self.lhs_spec[2 + s]], self.lhs_dilation[s] - 1) as i64;
            let window = dilated(rhs.shape[self.rhs_spec[2 + s]], self.rhs_dilation[s] - 1) as i64;
            let out = dilated(g.shape(ct)[self.out_spec[2 + s]], self.window_strides[s] - 1) as i64;
            hi.push(out + window - n - self.lo[s] - 1);
        }
        let op = ConvGeneralDilated {
            window_strides: self.rhs_dilation.clone(),
            lo: self.lo.clone(),
            hi,
            lhs_dilation: self.lhs_dilation.clone(),
            rhs_dilation: self.window_strides.clone(),
            feature_group_count: self.batch_group_count,
            batch_group_count: self.feature_group_count,
            lhs_spec: swapped(&self.lhs_spec),
            rhs_spec: swapped(&self.out_spec),
            out_spec: swapped(&self.rhs_spec),
            preferred: self.preferred,
        };
        let out = g.bind1(op, &[lhs, ct]);
        converted(g, out, rhs.dtype)
    }

    /// Puts a batch axis, in front, into axis `axis` (as counted without it), inside its outer `groups`.
    fn absorb(g: &mut Graph, x: Var, axis: usize, groups: usize) -> Var {
        if groups == 1 {
            let x = move_axis(g, x, 0, axis);
            return merge_axes(g, x, axis);
        }
        let x = split_axis(g, x, axis + 1, groups);
        let x = move_axis(g, x, 0, axis + 1);
        let x = merge_axes(g, x, axis + 1);
        merge_axes(g, x, axis)
    }

    /// Takes the batch axis, of extent `size`, out of axis `axis`, from inside its outer `groups`, to the front.
    fn release(g: &mut Graph, x: Var, axis: usize, groups: usize, size: usize) -> Var {
        if groups == 1 {
            let x = split_axis(g, x, axis, size);
            return move_axis(g, x, axis, 0);
        }
        let x = split_axis(g, x, axis, groups);
        let x = split_axis(g, x, axis + 1, size);
        let x = move_axis(g, x, axis + 1, 0);
        merge_axes(g, x, axis + 1)
    }
}

impl Primitive for ConvGeneralDilated {
    fn name(&self) -> &'static str {
        "conv_general_dilated"
    }

    fn params(&self) -> Params {
        let params = [
            param("window_strides", &self.window_strides),
            param("lo", &self.lo),
            param("hi", &self.hi),
            param("lhs_dilation", &self.lhs_dilation),
            param("rhs_dilation", &self.rhs_dilation),
            param("feature_group_count", self.feature_group_count),
            param("batch_group_count", self.batch_group_count),
            param("lhs_spec", &self.lhs_spec),
            param("rhs_spec", &self.rhs_spec),
            param("out_spec", &self.out_spec),
        ];
        preferred_param(params.into(), self.preferred)
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let [lhs, rhs] = ins else {
            return Err(OpError::new(format!("a convolution takes 2 operands, not {}", ins.len())));
        };
        let dtype = contract_dtype("conv", self.preferred, lhs.dtype, rhs.dtype)?;
        self.check_params(lhs, rhs)?;
        let (l, r) = (pick(&lhs.shape, &self.lhs_spec), pick(&rhs.shape, &self.rhs_spec));
        let (groups, batch_groups) = (self.feature_group_count, self.batch_group_count);
        if groups == 0 || batch_groups == 0 || (groups > 1 && batch_groups > 1) {
            return Err(OpError::new("a convolution has feature groups or batch groups, not both"));
        }
        if l[1] != r[1] * groups {
            let of_groups = if groups > 1 { format!(" in {groups} groups") } else { String::new() };
            return Err(OpError::new(format!(
                "a convolution cannot pair {} input features of {lhs}{of_groups} with {} of {rhs}",
                l[1], r[1]
            ))
            .at(1));
        }
        if !r[0].is_multiple_of(groups * batch_groups) || !l[0].is_multiple_of(batch_groups) {
            let n = groups * batch_groups;
            return Err(OpError::new(format!(
                "{} output features and a batch of {} do not split into {n} groups",
                r[0], l[0]
            ))
            .at(1));
        }
        let mut shape = vec![0; lhs.rank()];
        shape[self.out_spec[0]] = l[0] / batch_groups;
        shape[self.out_spec[1]] = r[0];
        for s in 0..self.n_spatial() {
            shape[self.out_spec[2 + s]] = self.out_extent(s, l[2 + s], r[2 + s]);
        }
        Ok(vec![Aval { dtype, shape }])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![self.eval_where(None, ins[0], ins[1], |_, _| true)]
    }

    fn eval_from(&self, start: &Array, ins: &[&Array]) -> Array {
        self.eval_where(Some(start), ins[0], ins[1], |_, _| true)
    }

    fn add_to(&self, g: &mut Graph, to: Var, ins: &[Var]) -> Option<Var> {
        Continued::adding(g, self.clone(), to, ins)
    }

    /// Along input features, where those are the outermost summed axis: for the gradient of the windows, the batch.
    fn in_parts(&self, ins: &[&Aval], along: &[Option<usize>]) -> Option<InParts> {
        let extents = self.extents(&ins[1].shape);
        let outermost = extents.iter().position(|n| *n > 1)?;
        let wanted = [self.lhs_spec[1], self.rhs_spec[1]].map(Some);
        let fits = self.feature_group_count == 1 && self.order()[outermost] == 0 && along == wanted;
        fits.then(|| InParts::Continued(self.clone().into()))
    }

    /// Linear in each operand.
    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let out = g.bind(self.clone(), x);
        let left = t[0].map(|t| g.bind1(self.clone(), &[t, x[1]]));
        let right = t[1].map(|t| g.bind1(self.clone(), &[x[0], t]));
        (out, vec![add_tangents(g, left, right)])
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let Some(ct) = ct[0] else { return vec![None; 2] };
        match (&ins[0], &ins[1]) {
            (Operand::Linear(lhs), Operand::Known(rhs)) => vec![Some(self.transpose_lhs(g, ct, lhs, *rhs)), None],
            (Operand::Known(lhs), Operand::Linear(rhs)) => vec![None, Some(self.transpose_rhs(g, ct, *lhs, rhs))],
            _ => vec![None; 2],
        }
    }

    /// A batch of inputs is a larger batch; a batch of windows, more output features; a batch of both, more groups.
    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let (lhs, rhs) = (ins[0], ins[1]);
        let mut op = self.clone();
        let var = match (lhs.batched, rhs.batched) {
            (true, true) => {
                let r = Self::absorb(g, rhs.var, self.rhs_spec[0], 1);
                let into = if self.batch_group_count > 1 {
                    op.batch_group_count *= size;
                    self.lhs_spec[0]
                } else {
                    op.feature_group_count *= size;
                    self.lhs_spec[1]
                };
                let l = Self::absorb(g, lhs.var, into, 1);
                let out = g.bind1(op, &[l, r]);
                Self::release(g, out, self.out_spec[1], 1, size)
            }
            (true, false) => {
                let l = Self::absorb(g, lhs.var, self.lhs_spec[0], self.batch_group_count);
                let out = g.bind1(op, &[l, rhs.var]);
                Self::release(g, out, self.out_spec[0], 1, size)
            }
            _ => {
                let groups = self.feature_group_count.max(self.batch_group_count);
                let r = Self::absorb(g, rhs.var, self.rhs_spec[0], groups);
                let out = g.bind1(op, &[lhs.var, r]);
                Self::release(g, out, self.out_spec[1], groups, size)
            }
        };
        vec![Batched { var, batched: true }]
    }

    /// Along the batch and along output features; channel by channel where every channel is a group.
    fn strip(&self, ins: &[&Aval], d: usize, n: usize) -> Option<Strip> {
        if self.batch_group_count != 1 {
            return None;
        }
        let mut op = self.clone();
        let groups = self.feature_group_count;
        let along = match self.out_spec.iter().position(|e| *e == d)? {
            0 => vec![Some(self.lhs_spec[0]), None],
            1 if groups == 1 => vec![None, Some(self.rhs_spec[0])],
            1 if groups == ins[0].shape[self.lhs_spec[1]] && groups == ins[1].shape[self.rhs_spec[0]] => {
                op.feature_group_count = n;
                vec![Some(self.lhs_spec[1]), Some(self.rhs_spec[0])]
            }
            _ => return None,
        };
        Some(Strip { op: op.into(), along })
    }

    /// Along a spatial axis, windows reach into the rows around.
    fn rows(&self, ins: &[&Aval], d: usize, rows: Rows, turns: usize) -> Option<OfRows> {
        let Some(s) = self.out_spec.iter().position(|e| *e == d)?.checked_sub(2) else {
            return OfRows::of_strip(self.strip(ins, d, rows.len)?, rows);
        };
        if self.batch_group_count != 1 || self.lhs_dilation[s] != 1 || rows.len == 0 {
            return None;
        }
        let axis = self.lhs_spec[2 + s];
        let span = dilated(ins[1].shape[self.rhs_spec[2 + s]], self.rhs_dilation[s] - 1);
        let from = rows.of_windows(self.window_strides[s], span, self.lo[s]);
        let mut conv = self.clone();
        (conv.lo[s], conv.hi[s]) = (0, 0);
        let along = vec![Some((axis, from)), None];
        // Without padding only rows that are nothing themselves are made of rows that are not there.
        if from.lie_within(ins[0].shape[axis], turns) || self.lo[s] <= 0 && self.hi[s] <= 0 {
            return Some(OfRows { op: conv.into(), along, turn: false, outside: None });
        }
        let op = ConvRows { conv, spatial: s, step: from.step, first: from.first, extent: ins[0].shape[axis], turns };
        Some(OfRows { op: op.into(), along, turn: true, outside: None })
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        lower_contraction(self.preferred.unwrap_or(ins[0].dtype), self.extents(&ins[1].shape))
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], rx: &[Ix]) -> Ex {
        self.body_where(k, ix, rx, |_, _, _| None)
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        match self.abstract_eval(ins) {
            Ok(out) if out[0].dtype.is_inexact() => {
                2 * (out[0].size() * self.extents(&ins[1].shape).iter().product::<usize>()) as u64
            }
            _ => 0,
        }
    }
}

impl ConvGeneralDilated {
    /// [`Primitive::eval`], or from a `start`, where only such products are formed for which `there` holds of every spatial axis of `lhs` and the
    /// index along it.
    pub fn eval_where(
        &self,
        start: Option<&Array>,
        lhs: &Array,
        rhs: &Array,
        there: impl Fn(usize, i64) -> bool,
    ) -> Array {
        let out = self.abstract_eval(&[lhs.aval(), rhs.aval()]).expect("checked").remove(0);
        let extents = self.extents(rhs.shape());
        let n_features = rhs.shape()[self.rhs_spec[0]];
        let n_inputs = rhs.shape()[self.rhs_spec[1]];
        let batch = out.shape[self.out_spec[0]];
        Array::from_fn(&out, |ix| {
            let o = ix[self.out_spec[1]];
            let group = o / (n_features / self.feature_group_count).max(1);
            let batch_group = o / (n_features / self.batch_group_count).max(1);
            fold_products(start.map(|x| x.at(ix)), out.dtype, &extents, |rx| {
                let rx = self.sorted(rx);
                let (mut l, mut r) = (vec![0; ix.len()], vec![0; ix.len()]);
                l[self.lhs_spec[0]] = ix[self.out_spec[0]] + batch_group * batch;
                l[self.lhs_spec[1]] = rx[0] + group * n_inputs;
                r[self.rhs_spec[0]] = o;
                r[self.rhs_spec[1]] = rx[0];
                for s in 0..self.n_spatial() {
                    let at = self.place(s, ix[self.out_spec[2 + s]] as i64, rx[1 + s] as i64);
                    let step = self.lhs_dilation[s] as i64;
                    let n = lhs.shape()[self.lhs_spec[2 + s]] as i64;
                    if at < 0 || at % step != 0 || at / step >= n || !there(s, at / step) {
                        return None;
                    }
                    l[self.lhs_spec[2 + s]] = (at / step) as usize;
                    r[self.rhs_spec[2 + s]] = rx[1 + s];
                }
                Some((lhs.at(&l), rhs.at(&r)))
            })
        })
    }

    /// [`Primitive::body`] where products are formed only under a further condition on a spatial axis of `lhs` and the index
    /// along it, which is given in the places of a dilated one.
    pub fn body_where(
        &self,
        k: &mut Body<'_>,
        ix: &[Ix],
        rx: &[Ix],
        there: impl Fn(&mut Body<'_>, usize, &Ix) -> Option<Ex>,
    ) -> Ex {
        let (lhs, rhs) = (k.operand(0).clone(), k.operand(1).clone());
        let extents = self.extents(&rhs.shape);
        // One product is no fold: there are no folded indices then.
        let rx = if rx.is_empty() { vec![Ix::constant(0); extents.len()] } else { self.sorted(rx) };
        let o = &ix[self.out_spec[1]];
        let per_group = |groups: usize| (rhs.shape[self.rhs_spec[0]] / groups).max(1) as i64;
        let batch = (lhs.shape[self.lhs_spec[0]] / self.batch_group_count) as i64;
        let (mut l, mut r) = (vec![Ix::constant(0); ix.len()], vec![Ix::constant(0); ix.len()]);
        l[self.lhs_spec[0]] = ix[self.out_spec[0]].add(&o.div(per_group(self.batch_group_count)).mul(batch));
        l[self.lhs_spec[1]] = rx[0].add(&o.div(per_group(self.feature_group_count)).mul(rhs.shape[self.rhs_spec[1]] as i64));
        r[self.rhs_spec[0]] = o.clone();
        r[self.rhs_spec[1]] = rx[0].clone();
        let mut conditions = Vec::new();
        for s in 0..self.n_spatial() {
            let y = ix[self.out_spec[2 + s]].mul(self.window_strides[s] as i64);
            let at = y.add(&rx[1 + s].mul(self.rhs_dilation[s] as i64)).add_const(-self.lo[s]);
            let step = self.lhs_dilation[s] as i64;
            let n = lhs.shape[self.lhs_spec[2 + s]];
            conditions.push(k.in_range(&at, 0, dilated(n, self.lhs_dilation[s] - 1) as i64));
            conditions.extend(there(k, s, &at));
            conditions.push(k.in_range(&at.rem(step), 0, 1));
            l[self.lhs_spec[2 + s]] = at.div(step);
            r[self.rhs_spec[2 + s]] = rx[1 + s].clone();
        }
        let (a, b) = (k.load(0, &l), k.load(1, &r));
        let dtype = self.preferred.unwrap_or(lhs.dtype);
        if dtype.is_int() {
            // A factor of zero is as good as no product, and leaves a plain product of factors.
            let a = guard::or_zero(k, &conditions, a);
            return product(k, dtype, a, b);
        }
        let product = product(k, dtype, a, b);
        guard::or_zero(k, &conditions, product)
    }

    /// Without strides, padding, dilation or groups, batch and features in front (`NCHW`, `OIHW`).
    pub fn plain(n_spatial: usize) -> ConvGeneralDilated {
        let spec: Vec<usize> = (0..n_spatial + 2).collect();
        ConvGeneralDilated {
            window_strides: vec![1; n_spatial],
            lo: vec![0; n_spatial],
            hi: vec![0; n_spatial],
            lhs_dilation: vec![1; n_spatial],
            rhs_dilation: vec![1; n_spatial],
            feature_group_count: 1,
            batch_group_count: 1,
            lhs_spec: spec.clone(),
            rhs_spec: spec.clone(),
            out_spec: spec,
            preferred: None,
        }
    }

    /// Axes in the order batch, spatial, features (`NHWC`), windows as spatial, input, output features (`HWIO`).
    pub fn channels_last(self) -> ConvGeneralDilated {
        let n = self.n_spatial();
        let data: Vec<usize> = [0, n + 1].into_iter().chain(1..=n).collect();
        let window: Vec<usize> = [n + 1, n].into_iter().chain(0..n).collect();
        ConvGeneralDilated { lhs_spec: data.clone(), rhs_spec: window, out_spec: data, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::laws::{check_op, check_op_error};

    fn conv1(stride: usize, pad: (i64, i64), lhs_dilation: usize, rhs_dilation: usize) -> ConvGeneralDilated {
        ConvGeneralDilated {
            window_strides: vec![stride],
            lo: vec![pad.0],
            hi: vec![pad.1],
            lhs_dilation: vec![lhs_dilation],
            rhs_dilation: vec![rhs_dilation],
            ..ConvGeneralDilated::plain(1)
        }
    }

    #[test]
    fn laws_along_one_axis() {
        for (stride, pad, lhs_dilation, rhs_dilation) in [
            (1, (0, 0), 1, 1),
            (2, (1, 0), 1, 1),
            (3, (0, 2), 1, 2),
            (1, (2, 1), 2, 1),
            (2, (1, 3), 3, 2),
            (1, (-1, 2), 1, 1),
        ] {
            check_op(conv1(stride, pad, lhs_dilation, rhs_dilation), &["f32[2,2,6]", "f32[3,2,2]"]);
        }
    }

    #[test]
    fn laws_with_groups() {
        let features = ConvGeneralDilated { feature_group_count: 2, ..conv1(2, (1, 1), 1, 1) };
        check_op(features, &["f32[2,4,5]", "f32[6,2,3]"]);
        let batch = ConvGeneralDilated { batch_group_count: 2, ..conv1(1, (1, 1), 1, 2) };
        check_op(batch, &["f32[4,3,5]", "f32[6,3,2]"]);
        let depthwise = ConvGeneralDilated { feature_group_count: 3, ..ConvGeneralDilated::plain(2) };
        check_op(depthwise.channels_last(), &["f32[1,3,3,3]", "f32[2,2,1,3]"]);
    }

    #[test]
    fn laws_in_other_layouts_and_dtypes() {
        let same = ConvGeneralDilated { lo: vec![1, 1], hi: vec![1, 1], ..ConvGeneralDilated::plain(2) };
        check_op(same.clone(), &["f32[1,2,3,4]", "f32[2,2,3,3]"]);
        check_op(same.channels_last(), &["f32[1,3,4,2]", "f32[3,3,2,2]"]);
        check_op(ConvGeneralDilated::plain(0), &["f32[2,3]", "f32[4,3]"]);
        check_op(ConvGeneralDilated::plain(1), &["f32[1,1,4]", "f32[2,1,1]"]);
        check_op(
            ConvGeneralDilated { preferred: Some(DType::I32), ..conv1(1, (1, 1), 1, 1) },
            &["i8[1,2,4]", "i8[2,2,3]"],
        );
    }

    /// Values of `jax.lax.conv_general_dilated` 0.10 on `x[i] = i % 7 - 3`, `w[i] = i % 5 - 2` (flat indices).
    #[test]
    fn values_of_jax() {
        let ramp = |shape: &[usize], m: usize, mid: f32| {
            let n: usize = shape.iter().product();
            Array::f32(shape, &(0..n).map(|i| (i % m) as f32 - mid).collect::<Vec<_>>())
        };
        let check = |op: ConvGeneralDilated, lhs: &[usize], rhs: &[usize], shape: &[usize], expected: &[f64]| {
            let out = op.eval(&[&ramp(lhs, 7, 3.0), &ramp(rhs, 5, 2.0)]).remove(0);
            assert_eq!((out.shape(), &out.to_f64s()[..]), (shape, expected));
        };
        let grouped = ConvGeneralDilated { feature_group_count: 2, ..conv1(2, (1, 2), 1, 2) };
        check(grouped, &[1, 4, 5], &[2, 2, 2], &[1, 2, 3], GROUPED);
        let batch = ConvGeneralDilated { batch_group_count: 2, ..conv1(1, (1, 1), 2, 1) };
        check(batch, &[4, 1, 3], &[2, 1, 2], &[2, 2, 6], BATCH);
    }

    const GROUPED: &[f64] = &[5.0, 2.0, 0.0, -2.0, -3.0, 5.0];
    const BATCH: &[f64] = &[
        3.0, 6.0, 2.0, 4.0, 1.0, 2.0, 3.0, 0.0, -3.0, 0.0, -2.0, 0.0, 0.0, 0.0, -1.0, -2.0, -2.0, -4.0, -1.0, 0.0, 0.0,
        0.0, 1.0, 0.0,
    ];

    #[test]
    fn refusals_name_the_features() {
        check_op_error(
            ConvGeneralDilated::plain(1),
            &["f32[1,3,8]", "f32[4,2,3]"],
            expect_test::expect!["a convolution cannot pair 3 input features of f32[1,3,8] with 2 of f32[4,2,3]"],
        );
    }
}
