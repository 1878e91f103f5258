//! `gather`: elements and windows of an array at places computed at run time.

use crate::array::Array;
use crate::dtype::Scalar;
use crate::graph::{Aval, Graph, Var};
use crate::ops::indexing::Coords;
use crate::ops::scatter::Combine;
use crate::ops::{Batched, Lowering, OpError, Operand, Primitive, Scatter, Tangent, guard};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;
use crate::passes::strips::Strip;

/// `out[i] = x[coords(i)]`, zero where that is left out. Operands: `x`, then the index arrays.
///
/// `x[i]`, `x[idx]`, `take`, `take_along_axis`, `dynamic_slice` and diagonals are all of this form; see [`Coords`].
#[derive(Clone, Debug)]
pub struct Gather {
    /// From indices of the result to those of `x`.
    pub coords: Coords,
}

impl Primitive for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn params(&self) -> Params {
        self.coords.params()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let Some((x, indices)) = ins.split_first() else { return Err(OpError::new("`gather` needs an array")) };
        self.coords.check(self.name(), x, indices)?;
        Ok(vec![x.with_shape(&self.coords.shape)])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let x = ins[0];
        vec![Array::from_fn(&x.aval().with_shape(&self.coords.shape), |ix| {
            self.coords.at(x.shape(), &ins[1..], ix).map_or(Scalar::zero(x.dtype()), |at| x.at(&at))
        })]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind(self.clone(), x);
        let ty = t[0].map(|t| {
            let mut ins = x.to_vec();
            ins[0] = t;
            g.bind1(self.clone(), &ins)
        });
        (y, vec![ty])
    }

    /// Every element is added to the place it came from.
    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let mut out = vec![None; ins.len()];
        if let (Some(ct), Operand::Linear(x)) = (ct[0], &ins[0]) {
            let mut args = vec![g.zeros(x)];
            args.extend(known(&ins[1..]));
            args.push(ct);
            out[0] = Some(g.bind1(Scatter { coords: self.coords.clone(), combine: Combine::Add }, &args));
        }
        out
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let batched: Vec<bool> = ins.iter().map(|b| b.batched).collect();
        let coords = self.coords.batched(batched[0], &batched[1..], size);
        let vars: Vec<Var> = ins.iter().map(|b| b.var).collect();
        vec![Batched { var: g.bind1(Gather { coords }, &vars), batched: true }]
    }

    /// Along an axis of the result that walks along all of an axis, and along axes of the index arrays.
    fn strip(&self, ins: &[&Aval], d: usize, n: usize) -> Option<Strip> {
        let coords = self.coords.of_strip(ins[0], d, n)?;
        let walked = self.coords.dims.iter().position(|dim| dim.window == Some(d));
        let of_index = self.coords.index_dims.iter().map(|dims| dims.iter().position(|e| *e == d));
        Some(Strip { op: Gather { coords }.into(), along: [walked].into_iter().chain(of_index).collect() })
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Map
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], _rx: &[Ix]) -> Ex {
        let shape = k.operand(0).shape.clone();
        let (at, conditions) = self.coords.at_ix(k, &shape, ix);
        let x = k.load(0, &at);
        guard::or_zero(k, &conditions, x)
    }
}

/// The index arrays of an equation that is being transposed: they have no tangent, so all of them are known.
pub fn known(ins: &[Operand]) -> Vec<Var> {
    ins.iter()
        .map(|x| match x {
            Operand::Known(v) => *v,
            Operand::Linear(x) => unreachable!("an index of type {x} has no tangent"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::ops::indexing::{DimIx, IndexMode};
    use crate::ops::laws::{check_op, check_op_at, check_op_error};

    fn gather(dims: &[DimIx], index_dims: &[&[usize]], shape: &[usize], mode: IndexMode) -> Gather {
        let index_dims = index_dims.iter().map(|d| d.to_vec()).collect();
        Gather { coords: Coords { dims: dims.to_vec(), index_dims, shape: shape.to_vec(), mode } }
    }

    fn ints(shape: &[usize], data: &[i32]) -> Array {
        Array::new(Aval::new(DType::I32, shape), data.iter().map(|x| Scalar::I32(*x)).collect())
    }

    #[test]
    fn laws() {
        for mode in [IndexMode::Clip, IndexMode::Drop] {
            // x[i], x[idx], take_along_axis, dynamic_slice, windows at many places, a diagonal.
            check_op(gather(&[DimIx::index(0)], &[&[]], &[], mode), &["f32[4]", "i32[]"]);
            check_op(gather(&[DimIx::index(0), DimIx::window(1)], &[&[0]], &[3, 2], mode), &["f32[4,2]", "i8[3]"]);
            check_op(gather(&[DimIx::window(0), DimIx::index(0)], &[&[0]], &[3], mode), &["f32[3,4]", "u8[3]"]);
            check_op(
                gather(&[DimIx::window(0), DimIx::index(0)], &[&[0, 1]], &[3, 2], mode),
                &["f32[3,4]", "i64[3,2]"],
            );
            let box_at = [DimIx::slice(0, 0), DimIx::slice(1, 1)];
            check_op(gather(&box_at, &[&[], &[]], &[2, 3], mode), &["f32[4,4]", "i32[]", "u32[]"]);
            check_op(gather(&[DimIx::slice(0, 1)], &[&[0]], &[3, 2], mode), &["f32[4]", "i32[3]"]);
            check_op(gather(&[DimIx::window(0), DimIx::window(0)], &[], &[3], mode), &["f32[3,3]"]);
            check_op(gather(&[DimIx::index(0)], &[&[0]], &[3], mode), &["f32[300]", "u8[3]"]);
            check_op(gather(&[DimIx::index(0), DimIx::index(0)], &[&[]], &[], mode), &["f32[1,3]", "i32[]"]);
        }
    }

    #[test]
    fn windows_that_stick_out_are_moved_or_left_out() {
        let x = Array::f32(&[4], &[1.0, 2.0, 3.0, 4.0]);
        let idx = ints(&[4], &[-1, 0, 2, 3]);
        let op = |mode| gather(&[DimIx::slice(0, 1)], &[&[0]], &[4, 2], mode);
        assert_eq!(op(IndexMode::Clip).eval(&[&x, &idx])[0].to_f64s(), [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0]);
        assert_eq!(op(IndexMode::Drop).eval(&[&x, &idx])[0].to_f64s(), [0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0]);
        for mode in [IndexMode::Clip, IndexMode::Drop] {
            check_op_at(op(mode), &[x.clone(), idx.clone()]);
        }
    }

    #[test]
    fn refusals_name_the_axis() {
        let op = gather(&[DimIx::slice(0, 0)], &[&[]], &[5], IndexMode::Clip);
        check_op_error(
            op,
            &["f32[4]", "i32[]"],
            expect_test::expect!["5 elements cannot be taken from axis 0 of f32[4]"],
        );
        let op = gather(&[DimIx::index(0)], &[&[]], &[], IndexMode::Clip);
        check_op_error(op, &["f32[4]", "f32[]"], expect_test::expect!["an index must be an integer, found f32[]"]);
    }
}
