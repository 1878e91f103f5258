//! `reduce_window_index`: where in every window a value stands.

use crate::array::{Array, indices, ravel};
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::ops::elementwise::same_dtype;
use crate::ops::windows::Windows;
use crate::ops::{
    Batched, Compare, CompareOp, Elementwise, FoldOrder, Lowering, Min, OpError, Primitive, Tangent, guard,
    with_batch_axis,
};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::{self, Ix};
use crate::text::Params;

/// `out[y]` is the row-major place, within window `y` of the first operand, of the first element that equals the second
/// operand at `y`; the size of the window if there is none. The dtype is the smallest that can hold it: u8, u16 or u32.
#[derive(Clone, Debug)]
pub struct ReduceWindowIndex {
    /// What slides over the first operand.
    pub windows: Windows,
}

impl ReduceWindowIndex {
    fn dtype(&self) -> DType {
        let fits = |d: &DType| d.int_range().1 >= self.windows.size() as i128;
        [DType::U8, DType::U16].into_iter().find(fits).unwrap_or(DType::U32)
    }

    fn none(&self) -> Scalar {
        Scalar::from_i128(self.dtype(), self.windows.size() as i128)
    }
}

impl Primitive for ReduceWindowIndex {
    fn name(&self) -> &'static str {
        "reduce_window_index"
    }

    fn params(&self) -> Params {
        self.windows.params()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let [x, y] = ins else {
            return Err(OpError::new(format!("`{}` takes 2 operands, not {}", self.name(), ins.len())));
        };
        same_dtype(self.name(), &[x.dtype, y.dtype], "numbers", |_| true)?;
        let shape = self.windows.shape(x)?;
        if shape != y.shape {
            return Err(OpError::new(format!("{y} does not have a value for each window of {x}")).at(1));
        }
        Ok(vec![Aval { dtype: self.dtype(), shape }])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let (x, value) = (ins[0], ins[1]);
        let equal = Compare { op: CompareOp::Eq };
        vec![Array::from_fn(&value.aval().with_dtype(self.dtype()), |y| {
            let first = indices(&self.windows.window).find(|k| {
                self.windows
                    .at(x.shape(), y, k)
                    .is_some_and(|at| equal.scalar(&[x.at(&at), value.at(y)]) == Scalar::Bool(true))
            });
            first.map_or(self.none(), |k| Scalar::from_i128(self.dtype(), ravel(&k, &self.windows.window) as i128))
        })]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], _t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        (g.bind(self.clone(), x), vec![None])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let xs: Vec<Var> = ins.iter().map(|b| with_batch_axis(g, *b, size)).collect();
        vec![Batched { var: g.bind1(ReduceWindowIndex { windows: self.windows.batched() }, &xs), batched: true }]
    }

    /// The smallest of the places that fit.
    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Fold {
            extents: self.windows.window.clone(),
            combine: Min.into(),
            order: FoldOrder::Sequential,
            init: self.none(),
            contraction: false,
        }
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], rx: &[Ix]) -> Ex {
        let shape = k.operand(0).shape.clone();
        let (at, mut conditions) = self.windows.at_ix(k, &shape, ix, rx);
        let (x, y) = (k.load(0, &at), k.load(1, ix));
        conditions.push(k.apply(Compare { op: CompareOp::Eq }, &[x, y]));
        let place = k.index(&ix::ravel(rx, &self.windows.window), self.dtype());
        let none = k.constant(self.none());
        guard::select(k, &conditions, place, none)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    check_op(ReduceWindowIndex { windows: Windows::new(&[3], &[1]) }, &["i8[9]", "i8[7]"]);
    let padded = Windows { lo: vec![1, 1], hi: vec![0, 2], ..Windows::new(&[2, 3], &[2, 1]) };
    check_op(ReduceWindowIndex { windows: padded }, &["u8[3,4]", "u8[2,5]"]);
    check_op(ReduceWindowIndex { windows: Windows::new(&[300], &[1]) }, &["f32[301]", "f32[2]"]);
}
