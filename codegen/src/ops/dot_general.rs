//! `dot_general`: contraction of axes of two operands.

use crate::array::{Array, indices};
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::ops::axes::{move_axis, others, permute, prepended, shifted};
use crate::ops::elementwise::numeric;
use crate::ops::{
    Add, Batched, Continued, Convert, Elementwise, FoldOrder, Lowering, Mul, OpError, Operand, Primitive, Tangent, add_tangents,
    param,
};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;
use crate::passes::parts::InParts;
use crate::passes::strips::Strip;

/// `out[b, i, j] = sum over k of lhs[b, i, k] * rhs[b, j, k]`: batch axes first, then the free axes of `lhs`, then those
/// of `rhs`, each in the order of the operand (batch axes in the order of the lists).
///
/// **Order.** Starting from zero, one product after the other, in row-major order of the contracted indices as the lists
/// give them. Where exactly one product is added up, the result is that product.
#[derive(Clone, Debug, PartialEq)]
pub struct DotGeneral {
    /// Contracted axes of the left operand, paired with `rhs_contract`.
    pub lhs_contract: Vec<usize>,
    /// Contracted axes of the right operand.
    pub rhs_contract: Vec<usize>,
    /// Batch axes of the left operand, paired with `rhs_batch`.
    pub lhs_batch: Vec<usize>,
    /// Batch axes of the right operand.
    pub rhs_batch: Vec<usize>,
    /// dtype that products are formed and added in, and of the result (`preferred_element_type`); the operands may then
    /// have other dtypes. Without it, that of both operands.
    pub preferred: Option<DType>,
}

/// Element type of a contraction of operands of the given types.
pub fn contract_dtype(name: &str, preferred: Option<DType>, lhs: DType, rhs: DType) -> Result<DType, OpError> {
    match preferred {
        None => numeric(name, &[lhs, rhs]),
        Some(to) => {
            for (n, d) in [lhs, rhs].into_iter().enumerate() {
                numeric(name, &[d]).map_err(|e| e.at(n))?;
                if (d.is_inexact() && to.is_int()) || (d.is_complex() && !to.is_complex()) {
                    return Err(OpError::new(format!("`{name}` cannot add up {d} in {to}")).at(n));
                }
            }
            Ok(to)
        }
    }
}

/// `preferred` in the text form: left out where there is none.
pub fn preferred_param(mut params: Params, preferred: Option<DType>) -> Params {
    if let Some(d) = preferred {
        let (key, value) = param("preferred", d);
        params.0.push((key.into(), value));
    }
    params
}

/// Reads what [`preferred_param`] writes.
pub fn parse_preferred(params: &Params) -> Result<Option<DType>, String> {
    params.get("preferred").ok().map(|_| params.dtype("preferred")).transpose()
}

/// The product of two elements, formed in `dtype`.
pub fn product(k: &mut Body<'_>, dtype: DType, a: Ex, b: Ex) -> Ex {
    let [a, b] = [a, b].map(|x| if k.exprs.dtype(x) == dtype { x } else { k.apply(Convert { dtype }, &[x]) });
    k.apply(Mul, &[a, b])
}

/// `x` as `dtype`; nothing if it is.
pub fn converted(g: &mut Graph, x: Var, dtype: DType) -> Var {
    if g.dtype(x) == dtype { x } else { g.bind1(Convert { dtype }, &[x]) }
}

impl DotGeneral {
    /// Matrix product of the last axis of `lhs` and axis `rhs_axis` of `rhs`, without batch axes.
    pub fn contracting(lhs: &[usize], rhs: &[usize]) -> DotGeneral {
        DotGeneral {
            lhs_contract: lhs.to_vec(),
            rhs_contract: rhs.to_vec(),
            lhs_batch: Vec::new(),
            rhs_batch: Vec::new(),
            preferred: None,
        }
    }

    /// Constructor from the text form.
    pub fn parse(p: &Params) -> Result<DotGeneral, String> {
        Ok(DotGeneral {
            lhs_contract: p.usizes("lhs_contract")?,
            rhs_contract: p.usizes("rhs_contract")?,
            lhs_batch: p.usizes("lhs_batch")?,
            rhs_batch: p.usizes("rhs_batch")?,
            preferred: parse_preferred(p)?,
        })
    }

    fn swapped(&self) -> DotGeneral {
        DotGeneral {
            lhs_contract: self.rhs_contract.clone(),
            rhs_contract: self.lhs_contract.clone(),
            lhs_batch: self.rhs_batch.clone(),
            rhs_batch: self.lhs_batch.clone(),
            preferred: self.preferred,
        }
    }

    fn lhs_free(&self, lhs: &Aval) -> Vec<usize> {
        others(lhs.rank(), &self.lhs_contract, &self.lhs_batch)
    }

    fn rhs_free(&self, rhs: &Aval) -> Vec<usize> {
        others(rhs.rank(), &self.rhs_contract, &self.rhs_batch)
    }

    fn sums(&self, start: Option<&Array>, lhs: &Array, rhs: &Array) -> Array {
        let out = self.abstract_eval(&[lhs.aval(), rhs.aval()]).expect("checked").remove(0);
        let extents = self.extents(lhs.aval());
        Array::from_fn(&out, |ix| {
            fold_products(start.map(|x| x.at(ix)), out.dtype, &extents, |rx| {
                let [l, r] = self.split(lhs.aval(), rhs.aval(), ix, rx);
                Some((lhs.at(&l), rhs.at(&r)))
            })
        })
    }

    fn extents(&self, lhs: &Aval) -> Vec<usize> {
        self.lhs_contract.iter().map(|d| lhs.shape[*d]).collect()
    }

    /// Indices into both operands from the index of a result and the contracted indices.
    fn split<I: Clone + Default>(&self, lhs: &Aval, rhs: &Aval, ix: &[I], rx: &[I]) -> [Vec<I>; 2] {
        let (mut l, mut r) = (vec![I::default(); lhs.rank()], vec![I::default(); rhs.rank()]);
        let mut ix = ix.iter();
        for ((d, e), i) in self.lhs_batch.iter().zip(&self.rhs_batch).zip(&mut ix) {
            l[*d] = i.clone();
            r[*e] = i.clone();
        }
        for (d, i) in self.lhs_free(lhs).into_iter().zip(&mut ix) {
            l[d] = i.clone();
        }
        for (d, i) in self.rhs_free(rhs).into_iter().zip(&mut ix) {
            r[d] = i.clone();
        }
        for ((d, e), i) in self.lhs_contract.iter().zip(&self.rhs_contract).zip(rx) {
            l[*d] = i.clone();
            r[*e] = i.clone();
        }
        [l, r]
    }

    /// Cotangent of the left operand `x` from that of the result: contract with the free axes of `other`, the right one.
    fn transpose_lhs(&self, g: &mut Graph, ct: Var, x: &Aval, other: Var) -> Var {
        let rhs = g.aval(other).clone();
        let (lhs_free, rhs_free) = (self.lhs_free(x), self.rhs_free(&rhs));
        let n_batch = self.lhs_batch.len();
        let first_rhs = n_batch + lhs_free.len();
        let back = DotGeneral {
            lhs_contract: (first_rhs..first_rhs + rhs_free.len()).collect(),
            rhs_contract: rhs_free,
            lhs_batch: (0..n_batch).collect(),
            rhs_batch: self.rhs_batch.clone(),
            preferred: self.preferred,
        };
        // The result has the batch axes, the free axes of `x`, then the contracted axes in the order they have in `rhs`.
        let mut order: Vec<usize> = (0..self.rhs_contract.len()).collect();
        order.sort_unstable_by_key(|n| self.rhs_contract[*n]);
        let contract: Vec<usize> = order.into_iter().map(|n| self.lhs_contract[n]).collect();
        let perm = |first: &[usize], second: &[usize]| {
            let mut perm = vec![0; x.rank()];
            for (n, d) in self.lhs_batch.iter().chain(first).chain(second).enumerate() {
                perm[*d] = n;
            }
            perm
        };
        // With the operands swapped, the free axes come out the other way round: nothing may be left to move.
        let (straight, turned) = (perm(&lhs_free, &contract), perm(&contract, &lhs_free));
        let stays = |perm: &[usize]| perm.iter().copied().eq(0..x.rank());
        let out = if stays(&turned) && !stays(&straight) {
            g.bind1(back.swapped(), &[other, ct])
        } else {
            let out = g.bind1(back, &[ct, other]);
            permute(g, out, straight)
        };
        converted(g, out, x.dtype)
    }
}

impl Primitive for DotGeneral {
    fn name(&self) -> &'static str {
        "dot_general"
    }

    fn params(&self) -> Params {
        let params = [
            param("lhs_contract", &self.lhs_contract),
            param("rhs_contract", &self.rhs_contract),
            param("lhs_batch", &self.lhs_batch),
            param("rhs_batch", &self.rhs_batch),
        ];
        preferred_param(params.into(), self.preferred)
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let [lhs, rhs] = ins else {
            return Err(OpError::new(format!("`dot_general` takes 2 operands, not {}", ins.len())));
        };
        let dtype = contract_dtype("dot_general", self.preferred, lhs.dtype, rhs.dtype)?;
        let lists = [(&self.lhs_contract, &self.lhs_batch, *lhs), (&self.rhs_contract, &self.rhs_batch, *rhs)];
        for (n, (contract, batch, x)) in lists.into_iter().enumerate() {
            let mut used: Vec<usize> = contract.iter().chain(batch).copied().collect();
            used.sort_unstable();
            if used.last().is_some_and(|d| *d >= x.rank()) || used.windows(2).any(|w| w[0] == w[1]) {
                return Err(OpError::new(format!(
                    "`dot_general` cannot contract axes {contract:?} of {x} with batch axes {batch:?}"
                ))
                .at(n));
            }
        }
        if self.lhs_contract.len() != self.rhs_contract.len() || self.lhs_batch.len() != self.rhs_batch.len() {
            return Err(OpError::new("`dot_general` needs as many axes of the left operand as of the right one"));
        }
        let pairs = self.lhs_contract.iter().zip(&self.rhs_contract);
        for (d, e) in pairs.chain(self.lhs_batch.iter().zip(&self.rhs_batch)) {
            if lhs.shape[*d] != rhs.shape[*e] {
                return Err(OpError::new(format!(
                    "`dot_general` cannot pair axis {d} of {lhs} with axis {e} of {rhs}: {} is not {}",
                    lhs.shape[*d], rhs.shape[*e]
                ))
                .at(1));
            }
        }
        let batch = self.lhs_batch.iter().map(|d| lhs.shape[*d]);
        let left = self.lhs_free(lhs).into_iter().map(|d| lhs.shape[d]);
        let right = self.rhs_free(rhs).into_iter().map(|d| rhs.shape[d]);
        Ok(vec![Aval { dtype, shape: batch.chain(left).chain(right).collect() }])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![self.sums(None, ins[0], ins[1])]
    }

    fn eval_from(&self, start: &Array, ins: &[&Array]) -> Array {
        self.sums(Some(start), ins[0], ins[1])
    }

    /// Along the outermost summed axis.
    fn in_parts(&self, ins: &[&Aval], along: &[Option<usize>]) -> Option<InParts> {
        let outermost = self.lhs_contract.iter().position(|d| ins[0].shape[*d] > 1)?;
        let wanted = [self.lhs_contract[outermost], self.rhs_contract[outermost]].map(Some);
        (along == wanted).then(|| InParts::Continued(self.clone().into()))
    }

    fn add_to(&self, g: &mut Graph, to: Var, ins: &[Var]) -> Option<Var> {
        Continued::adding(g, self.clone(), to, ins)
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
            (Operand::Linear(x), Operand::Known(other)) => vec![Some(self.transpose_lhs(g, ct, x, *other)), None],
            (Operand::Known(other), Operand::Linear(x)) => {
                // The result of the swapped contraction has the free axes the other way round.
                let (n_batch, left, right) =
                    (self.lhs_batch.len(), self.lhs_free(g.aval(*other)).len(), self.rhs_free(x).len());
                let at = |n: usize, len: usize| n_batch + n..n_batch + n + len;
                let perm = (0..n_batch).chain(at(left, right)).chain(at(0, left)).collect();
                let swapped = self.swapped();
                // Only the axes of `ct` are renamed: the transpose that says so is absorbed by the contraction.
                let ct = permute(g, ct, perm);
                vec![None, Some(swapped.transpose_lhs(g, ct, x, *other))]
            }
            _ => vec![None; 2],
        }
    }

    /// Two batched operands have one more batch axis; one alone has one more free axis, whose place in the result is not
    /// the front.
    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        let (l, r) = (ins[0], ins[1]);
        let mut op = self.clone();
        if l.batched {
            op.lhs_contract = shifted(&op.lhs_contract);
            op.lhs_batch = shifted(&op.lhs_batch);
        }
        if r.batched {
            op.rhs_contract = shifted(&op.rhs_contract);
            op.rhs_batch = shifted(&op.rhs_batch);
        }
        let n_batch = self.lhs_batch.len();
        let var = match (l.batched, r.batched) {
            (true, true) => {
                op.lhs_batch = prepended(0, &op.lhs_batch);
                op.rhs_batch = prepended(0, &op.rhs_batch);
                g.bind1(op, &[l.var, r.var])
            }
            (true, false) => {
                let out = g.bind1(op, &[l.var, r.var]);
                move_axis(g, out, n_batch, 0)
            }
            _ if n_batch == 0 && g.shape(r.var).len() == 1 + self.rhs_contract.len() => {
                // A matrix times many vectors: with the operands swapped, the batch axis comes out in front.
                g.bind1(op.swapped(), &[r.var, l.var])
            }
            _ => {
                let n_left = self.lhs_free(g.aval(l.var)).len();
                let out = g.bind1(op, &[l.var, r.var]);
                move_axis(g, out, n_batch + n_left, 0)
            }
        };
        vec![Batched { var, batched: true }]
    }

    /// Of a free axis, the other operand is needed whole.
    fn strip(&self, ins: &[&Aval], d: usize, _n: usize) -> Option<Strip> {
        let (n_batch, left, right) = (self.lhs_batch.len(), self.lhs_free(ins[0]), self.rhs_free(ins[1]));
        let along = if d < n_batch {
            vec![Some(self.lhs_batch[d]), Some(self.rhs_batch[d])]
        } else if d < n_batch + left.len() {
            vec![Some(left[d - n_batch]), None]
        } else {
            vec![None, Some(right[d - n_batch - left.len()])]
        };
        Some(Strip { op: self.clone().into(), along })
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        let dtype = self.preferred.unwrap_or(ins[0].dtype);
        lower_contraction(dtype, self.extents(ins[0]))
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], rx: &[Ix]) -> Ex {
        let (lhs, rhs) = (k.operand(0).clone(), k.operand(1).clone());
        let [l, r] = self.split(&lhs, &rhs, ix, rx);
        let (a, b) = (k.load(0, &l), k.load(1, &r));
        product(k, self.preferred.unwrap_or(lhs.dtype), a, b)
    }

    /// A product that is added to a sum is two; where nothing is summed a product is one.
    fn flops(&self, ins: &[&Aval]) -> u64 {
        let Ok(out) = self.abstract_eval(ins) else { return 0 };
        let per_sum = match self.extents(ins[0]).iter().product::<usize>() {
            1 => 1,
            k => 2 * k,
        };
        if out[0].dtype.is_inexact() { (out[0].size() * per_sum) as u64 } else { 0 }
    }
}

/// A sequential fold of products, or just a product where there is only one.
pub fn lower_contraction(dtype: DType, extents: Vec<usize>) -> Lowering {
    if extents.iter().product::<usize>() == 1 {
        return Lowering::Map;
    }
    Lowering::Fold {
        extents,
        combine: Add.into(),
        order: FoldOrder::Sequential,
        init: Scalar::zero(dtype),
        contraction: true,
    }
}

/// Evaluates what [`lower_contraction`] says; `pair` gives the factors, where there are any: no product adds nothing, and where all
/// there could be is one, gives zero. With a `start`, all products are added to that.
pub fn fold_products(
    start: Option<Scalar>,
    dtype: DType,
    extents: &[usize],
    mut pair: impl FnMut(&[usize]) -> Option<(Scalar, Scalar)>,
) -> Scalar {
    let zero = Scalar::zero(dtype);
    // A sum that starts at zero is never -0.0, so that adding zero is adding nothing.
    let mut product = |rx: &[usize]| match pair(rx) {
        Some((a, b)) => Mul.scalar(&[a.convert(dtype), b.convert(dtype)]),
        None => zero,
    };
    if extents.iter().product::<usize>() == 1 && start.is_none() {
        return product(&vec![0; extents.len()]);
    }
    indices(extents).fold(start.unwrap_or(zero), |acc, rx| Add.scalar(&[acc, product(&rx)]))
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    let dot = DotGeneral::contracting;
    check_op(dot(&[0], &[0]), &["f32[5]", "f32[5]"]);
    check_op(dot(&[1], &[0]), &["f32[2,3]", "f32[3,4]"]);
    check_op(dot(&[1], &[0]), &["f32[4,3]", "f32[3]"]);
    check_op(dot(&[], &[]), &["f32[2]", "f32[3]"]);
    check_op(dot(&[2, 0], &[1, 3]), &["f32[2,3,4]", "f32[5,4,3,2]"]);
    check_op(dot(&[1], &[0]), &["i8[2,3]", "i8[3,4]"]);
    check_op(DotGeneral { preferred: Some(DType::I32), ..dot(&[1], &[1]) }, &["i8[2,3]", "u8[4,3]"]);
    check_op(DotGeneral { lhs_batch: vec![1], rhs_batch: vec![2], ..dot(&[2], &[0]) }, &["f32[3,2,4]", "f32[4,5,2]"]);
    let two = DotGeneral { lhs_batch: vec![2, 0], rhs_batch: vec![0, 1], ..dot(&[1], &[2]) };
    check_op(two, &["f32[2,3,4]", "f32[4,2,3]"]);
}

#[test]
fn one_product_is_not_added_to_zero() {
    let (a, b) = (Array::f32(&[1], &[-0.0]), Array::f32(&[1], &[3.0]));
    assert_eq!(DotGeneral::contracting(&[0], &[0]).eval(&[&a, &b])[0].item(), Scalar::F32(-0.0));
}

#[test]
fn refusals_name_the_axes() {
    use crate::ops::laws::check_op_error;
    check_op_error(
        DotGeneral::contracting(&[1], &[0]),
        &["f32[32,64]", "f32[63]"],
        expect_test::expect!["`dot_general` cannot pair axis 1 of f32[32,64] with axis 0 of f32[63]: 64 is not 63"],
    );
}
