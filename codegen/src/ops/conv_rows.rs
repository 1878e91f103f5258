//! `conv_rows`: a convolution in a loop over strips of rows, of an operand of which there are only the rows of the turn.

use crate::array::Array;
use crate::dtype::DType;
use crate::graph::{Aval, Graph, Var};
use crate::ops::indexing::clamped;
use crate::ops::{
    Add, BroadcastInDim, Compare, CompareOp, ConvGeneralDilated, Convert, Iota, Lowering, Max, Min, Mul, OpError, Operand,
    Primitive, Select, Tangent, add_tangents, param,
};
use crate::ops::{And, Batched, with_batch_axis};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;

/// `conv`, where row `j` of `lhs` along a spatial axis is row `turn * step + first + j` of an array with `extent` rows; rows that
/// this array does not have form no products, whatever is in their place. `turn`, a scalar below `turns`, is the last operand.
///
/// `crate::passes::rows` makes it, behind all transformations: the padding of the whole convolution is outside of the array for
/// some turns and inside for others. Derivatives and batches are those of `conv` with zeros in place of rows that are not there.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvRows {
    /// The convolution of the rows that there are: without padding or dilation of `lhs` along the axis.
    pub conv: ConvGeneralDilated,
    /// Which spatial axis.
    pub spatial: usize,
    /// Rows from one turn to the next.
    pub step: usize,
    /// Row 0 of turn 0.
    pub first: i64,
    /// Rows of the whole array.
    pub extent: usize,
    /// Number of turns.
    pub turns: usize,
}

impl ConvRows {
    /// Constructor from the text form.
    pub fn parse(p: &Params) -> Result<ConvRows, String> {
        Ok(ConvRows {
            conv: ConvGeneralDilated::parse(p)?,
            spatial: p.usize("spatial")?,
            step: p.usize("step")?,
            first: p.int("first")?,
            extent: p.usize("extent")?,
            turns: p.usize("turns")?,
        })
    }

    fn axis(&self) -> usize {
        self.conv.lhs_spec[2 + self.spatial]
    }

    /// `lhs` with zeros in place of rows that are not there; all may have a batch axis in front.
    fn masked(&self, g: &mut Graph, lhs: Var, turn: Var) -> Var {
        let behind = g.shape(turn).len();
        let aval = g.aval(lhs).clone();
        let axis = self.axis() + aval.rank() - self.conv.lhs_spec.len();
        let number = g.bind1(Convert { dtype: DType::I64 }, &[turn]);
        let of_turns = g.shape(turn).to_vec();
        let bound = |g: &mut Graph, n: usize| g.full(DType::I64, &of_turns, n as f64);
        let (lowest, last) = (bound(g, 0), bound(g, self.turns - 1));
        let number = g.bind1(Max, &[number, lowest]);
        let number = g.bind1(Min, &[number, last]);
        let spread = BroadcastInDim { shape: aval.shape.clone(), dims: (0..behind).collect() };
        let turn = g.bind1(spread, &[number]);
        let all = aval.with_dtype(DType::I64);
        let count = |g: &mut Graph, n: f64| g.full(DType::I64, &all.shape, n);
        let (step, first, zero) = (count(g, self.step as f64), count(g, self.first as f64), count(g, 0.0));
        let extent = count(g, self.extent as f64);
        let row = g.bind1(Iota { aval: all, dimension: axis }, &[]);
        let start = g.bind1(Mul, &[turn, step]);
        let start = g.bind1(Add, &[start, first]);
        let row = g.bind1(Add, &[start, row]);
        let from = g.bind1(Compare { op: CompareOp::Ge }, &[row, zero]);
        let to = g.bind1(Compare { op: CompareOp::Lt }, &[row, extent]);
        let there = g.bind1(And, &[from, to]);
        let nothing = g.zeros(&aval);
        g.bind1(Select, &[there, lhs, nothing])
    }
}

impl Primitive for ConvRows {
    fn name(&self) -> &'static str {
        "conv_rows"
    }

    fn params(&self) -> Params {
        let mut params = self.conv.params();
        params.0.extend(
            [
                param("spatial", self.spatial),
                param("step", self.step),
                param("first", self.first),
                param("extent", self.extent),
                param("turns", self.turns),
            ]
            .map(|(key, value)| (key.into(), value)),
        );
        params
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let [lhs, rhs, turn] = ins else {
            return Err(OpError::new(format!("`conv_rows` takes 3 operands, not {}", ins.len())));
        };
        if !turn.shape.is_empty() || !turn.dtype.is_int() {
            return Err(OpError::new(format!("the number of a turn is an integer, found {turn}")).at(2));
        }
        let out = self.conv.abstract_eval(&[lhs, rhs])?;
        let s = self.spatial;
        let plain = |conv: &ConvGeneralDilated| (conv.lo[s], conv.hi[s], conv.lhs_dilation[s]) == (0, 0, 1);
        if s >= self.conv.window_strides.len() || !plain(&self.conv) || self.turns == 0 {
            return Err(OpError::new(format!("`conv_rows` has no rows without padding along spatial axis {s}")));
        }
        Ok(out)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let turn = ins[2].item().to_i128().expect("checked to be an integer").clamp(0, self.turns as i128 - 1) as i64;
        let start = turn * self.step as i64 + self.first;
        let there = |s: usize, at: i64| s != self.spatial || (0..self.extent as i64).contains(&(start + at));
        vec![self.conv.eval_where(None, ins[0], ins[1], there)]
    }

    /// Linear in each of the first two operands.
    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let out = g.bind(self.clone(), x);
        let left = t[0].map(|t| g.bind1(self.clone(), &[t, x[1], x[2]]));
        let right = t[1].map(|t| g.bind1(self.clone(), &[x[0], t, x[2]]));
        (out, vec![add_tangents(g, left, right)])
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let (Some(ct), Operand::Known(turn)) = (ct[0], &ins[2]) else { return vec![None; 3] };
        match (&ins[0], &ins[1]) {
            (Operand::Linear(lhs), Operand::Known(rhs)) => {
                let t = self.conv.transpose_lhs(g, ct, lhs, *rhs);
                vec![Some(self.masked(g, t, *turn)), None, None]
            }
            (Operand::Known(lhs), Operand::Linear(rhs)) => {
                let lhs = self.masked(g, *lhs, *turn);
                vec![None, Some(self.conv.transpose_rhs(g, ct, lhs, rhs)), None]
            }
            _ => vec![None; 3],
        }
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let lhs = if ins[2].batched { with_batch_axis(g, ins[0], size) } else { ins[0].var };
        let batched = ins[0].batched || ins[2].batched;
        let lhs = Batched { var: self.masked(g, lhs, ins[2].var), batched };
        self.conv.batch(g, &[lhs, ins[1]], size)
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        self.conv.lowering(&ins[..2])
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], rx: &[Ix]) -> Ex {
        let last = self.turns - 1;
        let turn = k.load(2, &[]);
        let turn = clamped(k, turn, last);
        let start = Ix::value(turn, last).mul(self.step as i64).add_const(self.first);
        self.conv.body_where(k, ix, rx, |k, s, at| {
            (s == self.spatial).then(|| k.in_range(&start.add(at), 0, self.extent as i64))
        })
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        self.conv.flops(&ins[..2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::Scalar;
    use crate::ops::scan::index_aval;
    use crate::ops::laws::{check_op, check_op_at, check_op_error};

    fn rows(strides: [usize; 2], window: [usize; 2]) -> ConvRows {
        let pad = |n: usize| (n / 2) as i64;
        let conv = ConvGeneralDilated {
            window_strides: strides.to_vec(),
            lo: vec![0, pad(window[1])],
            hi: vec![0, pad(window[1])],
            ..ConvGeneralDilated::plain(2).channels_last()
        };
        ConvRows { conv, spatial: 0, step: 2, first: -1, extent: 7, turns: 4 }
    }

    #[test]
    fn laws() {
        check_op(rows([1, 1], [3, 3]), &["f32[1,4,5,2]", "f32[3,3,2,3]", "u32[]"]);
        check_op(rows([2, 2], [3, 1]), &["f32[2,5,4,1]", "f32[3,1,1,2]", "i32[]"]);
    }

    /// Turns at both ends and in the middle; the last two are the same, since there are four.
    #[test]
    fn laws_of_every_turn() {
        let op = rows([1, 1], [3, 1]);
        for turn in 0..5 {
            let x = Array::f32(&[1, 4, 1, 1], &[1.5, -2.0, 3.25, 0.5]);
            let w = Array::f32(&[3, 1, 1, 1], &[1.0, -0.75, 2.0]);
            let turn = Array::new(index_aval(), vec![Scalar::U32(turn)]);
            check_op_at(op.clone(), &[x, w, turn]);
        }
    }

    /// A row that is not there is no zero: zero times infinity would be no number.
    #[test]
    fn rows_that_are_not_there_form_no_products() {
        let x = Array::f32(&[1, 4, 1, 1], &[f32::NAN, 2.0, 3.0, 4.0]);
        let w = Array::f32(&[3, 1, 1, 1], &[f32::INFINITY, 10.0, 100.0]);
        let turn = Array::new(index_aval(), vec![Scalar::U32(0)]);
        let out = rows([1, 1], [3, 1]).eval(&[&x, &w, &turn]).remove(0);
        assert_eq!(out.to_f64s(), [320.0, f64::INFINITY]);
    }

    #[test]
    fn other_operands_are_refused() {
        check_op_error(
            rows([1, 1], [3, 3]),
            &["f32[1,4,5,2]", "f32[3,3,2,3]"],
            expect_test::expect!["`conv_rows` takes 3 operands, not 2"],
        );
        check_op_error(
            rows([1, 1], [3, 3]),
            &["f32[1,4,5,2]", "f32[3,3,2,3]", "f32[]"],
            expect_test::expect!["the number of a turn is an integer, found f32[]"],
        );
    }

    #[test]
    fn rows_with_padding_are_refused() {
        let mut op = rows([1, 1], [3, 3]);
        op.conv.lo[0] = 1;
        check_op_error(
            op,
            &["f32[1,4,5,2]", "f32[3,3,2,3]", "u32[]"],
            expect_test::expect!["`conv_rows` has no rows without padding along spatial axis 0"],
        );
    }
}
