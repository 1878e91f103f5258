//! `concatenate`: arrays one after the other along an axis.

use crate::array::Array;
use crate::dtype::DType;
use crate::graph::{Aval, Graph, Var};
use crate::ops::elementwise::same_dtype;
use crate::ops::{Batched, Lowering, OpError, Operand, Primitive, Slice, Tangent, guard, param, with_batch_axis};
use crate::passes::strips::Strip;
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;

/// The operands, at least one, one after the other along `axis`.
#[derive(Clone, Debug)]
pub struct Concatenate {
    /// The axis that grows.
    pub axis: usize,
}

impl Primitive for Concatenate {
    fn name(&self) -> &'static str {
        "concatenate"
    }

    fn params(&self) -> Params {
        [param("axis", self.axis)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let Some(first) = ins.first() else { return Err(OpError::new("`concatenate` needs at least one array")) };
        let dtypes: Vec<DType> = ins.iter().map(|a| a.dtype).collect();
        same_dtype("concatenate", &dtypes, "arrays", |_| true)?;
        if self.axis >= first.rank() {
            return Err(
                OpError::new(format!("axis {} is out of range: {first} has {} axes", self.axis, first.rank())).at(0)
            );
        }
        let mut out = (*first).clone();
        for (n, a) in ins.iter().enumerate().skip(1) {
            let mut like_first = a.shape.clone();
            if a.rank() == first.rank() {
                like_first[self.axis] = first.shape[self.axis];
            }
            if like_first != first.shape {
                return Err(OpError::new(format!(
                    "`concatenate` cannot join {first} and {a} along axis {}",
                    self.axis
                ))
                .at(n));
            }
            out.shape[self.axis] += a.shape[self.axis];
        }
        Ok(vec![out])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let avals: Vec<&Aval> = ins.iter().map(|a| a.aval()).collect();
        let out = self.abstract_eval(&avals).expect("checked").remove(0);
        vec![Array::from_fn(&out, |ix| {
            let mut at = ix.to_vec();
            for x in ins {
                if at[self.axis] < x.shape()[self.axis] {
                    return x.at(&at);
                }
                at[self.axis] -= x.shape()[self.axis];
            }
            unreachable!("the extents add up")
        })]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind(self.clone(), x);
        let mut ts = Vec::new();
        for (x, t) in x.iter().zip(t) {
            let aval = g.aval(*x).clone();
            ts.push(t.unwrap_or_else(|| g.zeros(&aval)));
        }
        let ty = t.iter().any(Option::is_some).then(|| g.bind1(self.clone(), &ts));
        (y, vec![ty])
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let Some(ct) = ct[0] else { return vec![None; ins.len()] };
        let whole = g.aval(ct).clone();
        let mut start = 0;
        ins.iter()
            .map(|x| {
                let n = match x {
                    Operand::Linear(x) => x.shape[self.axis],
                    Operand::Known(v) => g.shape(*v)[self.axis],
                };
                let op = Slice::along(&whole, self.axis, start, start + n);
                start += n;
                matches!(x, Operand::Linear(_)).then(|| g.bind1(op, &[ct]))
            })
            .collect()
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let xs: Vec<Var> = ins.iter().map(|b| with_batch_axis(g, *b, size)).collect();
        vec![Batched { var: g.bind1(Concatenate { axis: self.axis + 1 }, &xs), batched: true }]
    }

    fn parts(&self, ins: &[&Aval]) -> Option<Vec<Vec<usize>>> {
        let mut end = 0;
        let part = |x: &&Aval| {
            let mut at = vec![0; x.rank()];
            at[self.axis] = end;
            end += x.shape[self.axis];
            at
        };
        Some(ins.iter().map(part).collect())
    }

    /// Beside the axis that grows, operand by operand.
    fn strip(&self, ins: &[&Aval], d: usize, _n: usize) -> Option<Strip> {
        (d != self.axis).then(|| Strip { op: self.clone().into(), along: vec![Some(d); ins.len()] })
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Map
    }

    /// Each operand is chosen where the index lies before its end; the last one where it lies before no other end.
    fn body(&self, k: &mut Body<'_>, ix: &[Ix], _rx: &[Ix]) -> Ex {
        let mut ends = Vec::new();
        for x in k.operands {
            ends.push(ends.last().unwrap_or(&0) + x.shape[self.axis] as i64);
        }
        let mut out: Option<Ex> = None;
        for n in (0..ends.len()).rev() {
            let start = ends[n] - k.operand(n).shape[self.axis] as i64;
            if start == ends[n] && (out.is_some() || n > 0) {
                continue;
            }
            let mut at = ix.to_vec();
            at[self.axis] = at[self.axis].add_const(-start);
            let here = k.load(n, &at);
            out = Some(match out {
                None => here,
                Some(rest) => {
                    let before_end = k.in_range(&ix[self.axis], i64::MIN, ends[n]);
                    guard::select(k, &[before_end], here, rest)
                }
            });
        }
        out.expect("at least one operand")
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    check_op(Concatenate { axis: 0 }, &["f32[2]", "f32[3]", "f32[1]"]);
    check_op(Concatenate { axis: 1 }, &["f32[2,3]", "f32[2,0]", "f32[2,2]"]);
    check_op(Concatenate { axis: 0 }, &["i32[0,2]", "i32[3,2]"]);
    check_op(Concatenate { axis: 0 }, &["f32[4]"]);
}

#[test]
fn refusals_name_both_shapes() {
    crate::ops::laws::check_op_error(
        Concatenate { axis: 0 },
        &["f32[2,3]", "f32[2,4]"],
        expect_test::expect!["`concatenate` cannot join f32[2,3] and f32[2,4] along axis 0"],
    );
}
