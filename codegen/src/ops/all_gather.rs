//! `all_gather`: what a value is in every slice of a named `vmap`.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::{
    Batched, Gather, Lowering, OpError, Operand, Primitive, ReduceSum, Tangent, param, with_batch_axis,
};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;

/// `x[size]`, in front the slices of the `vmap` whose counter operand 1, an integer scalar, is. That `vmap` makes it the
/// whole array, at no cost; in a program that no `vmap` has reached all slices are alike. `psum` and its kin are made of it.
#[derive(Clone, Debug)]
pub struct AllGather {
    /// Number of slices.
    pub size: usize,
}

impl Primitive for AllGather {
    fn name(&self) -> &'static str {
        "all_gather"
    }

    fn params(&self) -> Params {
        [param("size", self.size)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        if ins[1].rank() > 0 || !ins[1].dtype.is_int() {
            return Err(OpError::new(format!("`all_gather` needs the number of its slice, found {}", ins[1])).at(1));
        }
        Ok(vec![ins[0].batched(self.size)])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![Array::from_fn(&ins[0].aval().batched(self.size), |ix| ins[0].at(&ix[1..]))]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind(self.clone(), x);
        (y, vec![t[0].map(|t| g.bind1(self.clone(), &[t, x[1]]))])
    }

    /// Slice `i` of the cotangent says what slice `i` of the result did with this value: they add up over all slices.
    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let (Some(ct), Operand::Known(lane)) = (ct[0], &ins[1]) else { return vec![None, None] };
        let all = g.bind1(self.clone(), &[ct, *lane]);
        let sum = g.bind1(ReduceSum { axes: vec![0] }, &[all]);
        let shape = g.shape(sum)[1..].to_vec();
        let mut dims = vec![DimIx::index(0)];
        dims.extend((0..shape.len()).map(DimIx::window));
        let coords = Coords { dims, index_dims: vec![Vec::new()], shape, mode: IndexMode::Clip };
        vec![Some(g.bind1(Gather { coords }, &[sum, *lane])), None]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        // The counter is mapped by its own `vmap` only: the slices are all there.
        if ins[1].batched {
            return vec![Batched { var: with_batch_axis(g, ins[0], size), batched: false }];
        }
        let all = g.bind1(self.clone(), &[ins[0].var, ins[1].var]);
        vec![Batched { var: crate::ops::axes::move_axis(g, all, 1, 0), batched: true }]
    }

    fn needs_all_slices(&self) -> bool {
        true
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Map
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], _rx: &[Ix]) -> Ex {
        k.load(0, &ix[1..])
    }
}

#[cfg(test)]
mod tests {
    use crate::array::Array;
    use crate::eval::eval;
    use crate::text::parse;
    use crate::transform::{batch_graph, transpose_graph};

    const SUM: &str = "graph f(x: f32[2], i: u32[]) -> (s) {
        a: f32[3,2] = all_gather[size=3] x i
        s: f32[2] = reduce_sum[axes=(0)] a
    }";

    #[test]
    fn its_vmap_makes_it_the_whole_array_and_others_pass_it_by() {
        let g = parse(SUM).unwrap_or_else(|e| panic!("{e}"));
        let (own, batched) = batch_graph(&g, &[true, true], &[false], 3);
        assert_eq!(batched, [false]);
        let x = Array::f32(&[3, 2], &[1.0, 2.0, 10.0, 20.0, 100.0, 200.0]);
        let i = Array::from_fn(&crate::graph::Aval::new(crate::dtype::DType::U32, &[3]), |ix| {
            crate::dtype::Scalar::U32(ix[0] as u32)
        });
        assert_eq!(eval(&own, &[x, i])[0], Array::f32(&[2], &[111.0, 222.0]));
        let (other, batched) = batch_graph(&g, &[true, false], &[false], 5);
        assert_eq!((batched, other.out_avals()[0].shape.clone()), (vec![true], vec![5, 2]));
    }

    #[test]
    fn the_transpose_of_a_sum_is_a_sum() {
        let g = parse(SUM).unwrap_or_else(|e| panic!("{e}"));
        let (t, _) = transpose_graph(&g, &[true, false], &[true]);
        // Known operands first, then the cotangent: both mapped.
        let (t, _) = batch_graph(&t, &[true, true], &[true], 3);
        let i = Array::from_fn(&crate::graph::Aval::new(crate::dtype::DType::U32, &[3]), |ix| {
            crate::dtype::Scalar::U32(ix[0] as u32)
        });
        let ct = Array::f32(&[3, 2], &[1.0, 2.0, 10.0, 20.0, 100.0, 200.0]);
        let row = [111.0, 222.0];
        assert_eq!(eval(&t, &[i, ct])[0], Array::f32(&[3, 2], &[row, row, row].concat()));
    }
}
