//! `continued`: a sum of products that goes on where another one ended.

use std::rc::Rc;

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::{
    Add, Batched, Lowering, Op, OpError, Operand, Primitive, Scan, Tangent, add_to, add_tangents, param, parse_op, with_batch_axis,
};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::passes::strips::Strip;
use crate::text::Params;

/// The contraction `op` of the operands behind the first, its sums begun with the elements of operand 0 instead of zero. Of a
/// contraction in parts of its outermost summed axis, one part after the other, the last result has the bits of the whole.
///
/// Derivatives add up what flows into one value; where that is a contraction, `Continued::adding` makes it go on from the sum.
/// `crate::passes::parts` cuts contractions into parts, behind all transformations.
#[derive(Clone, Debug)]
pub struct Continued {
    /// A sum of products.
    pub op: Op,
}

impl Continued {
    /// The sum of `to` and the contraction `op` of `ins`: its products are added to `to`, one after the other. Nothing where there is
    /// but one product, or where the types differ.
    pub fn adding(g: &mut Graph, op: impl Into<Op>, to: Var, ins: &[Var]) -> Option<Var> {
        let op = op.into();
        let avals: Vec<&Aval> = ins.iter().map(|v| g.aval(*v)).collect();
        let fits = matches!(op.lowering(&avals), Lowering::Fold { .. })
            && op.abstract_eval(&avals).is_ok_and(|out| out == [g.aval(to).clone()]);
        let all: Vec<Var> = [to].iter().chain(ins).copied().collect();
        fits.then(|| g.bind1(Continued { op }, &all))
    }

    /// Constructor from the text form.
    pub fn parse(p: &Params) -> Result<Continued, String> {
        Ok(Continued { op: parse_op(p.word("of")?, p)? })
    }
}

impl Primitive for Continued {
    fn name(&self) -> &'static str {
        "continued"
    }

    fn params(&self) -> Params {
        let (key, value) = param("of", self.op.name());
        let mut params = Params(vec![(key.into(), value)]);
        params.0.extend(self.op.params().0);
        params
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let Some((so_far, ins)) = ins.split_first() else { return self.op.abstract_eval(ins) };
        let outs = self.op.abstract_eval(ins)?;
        if outs != [(*so_far).clone()] {
            return Err(OpError::new(format!("`continued` cannot go on from {so_far} with sums of another type")).at(0));
        }
        Ok(outs)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![self.op.eval_from(ins[0], &ins[1..])]
    }

    /// Linear in what there is so far; beside it, `op`.
    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let out = g.bind(self.clone(), x);
        let mut sum = t[0];
        for n in 1..t.len() {
            if t[n].is_some() {
                // One factor's after the other's, so that each goes on from what there is.
                let alone: Vec<Tangent> = (1..t.len()).map(|k| t[k].filter(|_| k == n)).collect();
                let added = self.op.jvp(g, &x[1..], &alone).1[0];
                sum = add_tangents(g, sum, added);
            }
        }
        (out, vec![sum])
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let so_far = if matches!(ins[0], Operand::Linear(_)) { ct[0] } else { None };
        let rest = match ins[1..].iter().any(|x| matches!(x, Operand::Linear(_))) {
            true => self.op.transpose(g, ct, &ins[1..]),
            false => vec![None; ins.len() - 1],
        };
        [so_far].into_iter().chain(rest).collect()
    }

    /// What `op` makes of a batch is moved about, and so is what it starts from. Where that does not show, one slice after the other.
    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let so_far = with_batch_axis(g, ins[0], size);
        if ins[1..].iter().any(|x| x.batched) {
            let added = self.op.batch(g, &ins[1..], size)[0].var;
            if let Some(var) = add_to(g, so_far, added) {
                return vec![Batched { var, batched: true }];
            }
        }
        let all: Vec<Var> = [so_far].into_iter().chain(ins[1..].iter().map(|x| with_batch_axis(g, *x, size))).collect();
        let mut body = Graph::new("continued");
        let args: Vec<Var> = all.iter().map(|v| body.input(&g.aval(*v).unbatched())).collect();
        body.outputs = body.bind(self.clone(), &args);
        let op = Scan { body: Rc::new(body), length: size, n_consts: 0, n_carry: 0, reverse: false, indexed: false };
        vec![Batched { var: g.bind1(op, &all), batched: true }]
    }

    fn strip(&self, ins: &[&Aval], d: usize, n: usize) -> Option<Strip> {
        let Strip { op, along } = self.op.strip(&ins[1..], d, n)?;
        Some(Strip { op: Continued { op }.into(), along: [Some(d)].into_iter().chain(along).collect() })
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        self.op.lowering(&ins[1..])
    }

    fn starts_from(&self) -> Option<usize> {
        Some(0)
    }

    /// Where there is but one product, it is added here; otherwise the fold begins with operand 0.
    fn body(&self, k: &mut Body<'_>, ix: &[Ix], rx: &[Ix]) -> Ex {
        let product = {
            let read = &mut *k.read;
            let mut shifted = |exprs: &mut _, n: usize, ix: &[Ix]| read(exprs, n + 1, ix);
            let mut inner = Body { exprs: &mut *k.exprs, operands: &k.operands[1..], read: &mut shifted };
            self.op.body(&mut inner, ix, rx)
        };
        if matches!(self.op.lowering(&k.operands[1..]), Lowering::Map) {
            let so_far = k.load(0, ix);
            return k.apply(Add, &[so_far, product]);
        }
        product
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        let one = matches!(self.lowering(ins), Lowering::Map) && ins[0].dtype.is_inexact();
        self.op.flops(&ins[1..]) + if one { ins[0].size() as u64 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::laws::{check_op, check_op_error};
    use crate::ops::{ConvGeneralDilated, DotGeneral};

    fn of(op: impl Into<Op>) -> Continued {
        Continued { op: op.into() }
    }

    #[test]
    fn laws() {
        check_op(of(DotGeneral::contracting(&[1], &[0])), &["f32[2,4]", "f32[2,3]", "f32[3,4]"]);
        check_op(of(DotGeneral::contracting(&[0], &[0])), &["f32[2,3]", "f32[1,2]", "f32[1,3]"]);
        check_op(of(DotGeneral::contracting(&[0], &[0])), &["i32[]", "i32[5]", "i32[5]"]);
        let conv = ConvGeneralDilated { lo: vec![1], hi: vec![2], ..ConvGeneralDilated::plain(1) };
        check_op(of(conv), &["f32[2,3,6]", "f32[2,2,5]", "f32[3,2,3]"]);
    }

    #[test]
    fn refusals_name_the_type() {
        check_op_error(
            of(DotGeneral::contracting(&[1], &[0])),
            &["f32[2,3]", "f32[2,4]", "f32[4,4]"],
            expect_test::expect!["`continued` cannot go on from f32[2,3] with sums of another type"],
        );
    }
}
