//! `top_k`: the largest elements along the last axis, and where they are.
//!
//! On the device a call of `top_k::<_, ROWS, N, K>(&x, &mut values, &mut places)`; see `kiln_math::order`.

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Batched, Lowering, OpError, Primitive, Tangent, param, sorting};
use crate::text::Params;

/// The `k` largest elements along the last axis, the largest first, and their i32 indices; NaN counts as largest, of
/// equal elements the first comes first. Takes `N k` steps at worst and no memory of its own.
#[derive(Clone, Debug)]
pub struct TopK {
    /// How many.
    pub k: usize,
}

impl TopK {
    fn shape(&self, x: &Aval) -> Vec<usize> {
        let mut shape = x.shape.clone();
        if let Some(last) = shape.last_mut() {
            *last = self.k;
        }
        shape
    }
}

impl Primitive for TopK {
    fn name(&self) -> &'static str {
        "top_k"
    }

    fn params(&self) -> Params {
        [param("k", self.k)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let x = ins[0];
        let Some(n) = x.shape.last() else {
            return Err(OpError::new(format!("`top_k` needs an axis to choose along, found {x}")).at(0));
        };
        sorting::check("top_k", x, x.rank() - 1)?;
        if self.k > *n {
            return Err(OpError::new(format!(
                "`top_k` cannot choose {} of the {n} elements along the last axis of {x}",
                self.k
            ))
            .at(0));
        }
        let values = x.with_shape(&self.shape(x));
        Ok(vec![values.clone(), values.with_dtype(DType::I32)])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let x = ins[0];
        let n = x.shape()[x.shape().len() - 1];
        let values = x.aval().with_shape(&self.shape(x.aval()));
        let mut data = vec![Scalar::zero(x.dtype()); values.size()];
        let mut places = vec![Scalar::I32(0); values.size()];
        sorting::each(x, x.shape().len() - 1, true, |at, k, place| {
            if k < self.k {
                let row = at / n;
                data[row * self.k + k] = x.data()[row * n + place];
                places[row * self.k + k] = Scalar::I32(place as i32);
            }
        });
        let indices = values.with_dtype(DType::I32);
        vec![Array::new(values, data), Array::new(indices, places)]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let out = g.bind(self.clone(), x);
        let axis = g.shape(x[0]).len() - 1;
        let ty = t[0].map(|t| sorting::along(g, t, out[1], axis));
        (out, vec![ty, None])
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        g.bind(self.clone(), &[ins[0].var]).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        let n = ins[0].shape[ins[0].rank() - 1];
        let rows = ins[0].shape[..ins[0].rank() - 1].iter().product();
        Lowering::Call { function: "top_k", consts: vec![rows, n, self.k], scratch: Vec::new() }
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{check_op, check_op_error};
    check_op(TopK { k: 3 }, &["f32[7]"]);
    check_op(TopK { k: 2 }, &["f32[2,3,4]"]);
    check_op(TopK { k: 4 }, &["i8[2,4]"]);
    check_op(TopK { k: 0 }, &["f32[3]"]);
    let message = expect_test::expect!["`top_k` cannot choose 4 of the 3 elements along the last axis of f32[2,3]"];
    check_op_error(TopK { k: 4 }, &["f32[2,3]"], message);
    let y = TopK { k: 3 }.eval(&[&Array::f32(&[5], &[1.0, 2.0, f32::NAN, 2.0, 0.0])]);
    assert_eq!(y[1].to_f64s(), [2.0, 1.0, 3.0]);
}
