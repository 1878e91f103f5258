//! `reduce_window`: the sum, largest or smallest element of every window of an array.

use crate::array::{Array, indices};
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::ops::elementwise::numeric;
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::windows::Windows;
use crate::ops::{
    Add, Batched, BroadcastInDim, Compare, CompareOp, Convert, Div, Elementwise, FoldOrder, Gather, Iota, Lowering,
    Max, Min, Mul, Op, OpError, Operand, Primitive, ReduceWindowIndex, Rem, Select, Tangent, guard, param,
};
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;
use crate::passes::rows::{OfRows, Rows};
use crate::passes::strips::Strip;

/// Folds every window, in row-major order, from 0 (sum), the smallest (max) or the largest value (min) of the dtype.
///
/// **Derivative.** A sum is linear; its transpose is the sum over the transposed windows. Of a largest or smallest
/// element, that of the first element in the window that attains it, as in JAX; kept is its place in the window, one
/// byte per window where 255 places suffice.
#[derive(Clone, Debug)]
pub struct ReduceWindow {
    /// How to fold.
    pub op: WindowOp,
    /// What slides over the array.
    pub windows: Windows,
}

/// What `reduce_window` makes of the elements of a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowOp {
    /// Their sum.
    Sum,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

impl WindowOp {
    const ALL: [(WindowOp, &'static str); 3] = [(WindowOp::Sum, "sum"), (WindowOp::Max, "max"), (WindowOp::Min, "min")];

    fn combine(self) -> Op {
        match self {
            WindowOp::Sum => Add.into(),
            WindowOp::Max => Max.into(),
            WindowOp::Min => Min.into(),
        }
    }

    fn scalar(self, acc: Scalar, x: Scalar) -> Scalar {
        match self {
            WindowOp::Sum => Add.scalar(&[acc, x]),
            WindowOp::Max => Max.scalar(&[acc, x]),
            WindowOp::Min => Min.scalar(&[acc, x]),
        }
    }

    fn init(self, dtype: DType) -> Scalar {
        match self {
            WindowOp::Sum => Scalar::zero(dtype),
            _ if dtype.is_float() => {
                Scalar::from_f64(dtype, if self == WindowOp::Max { f64::NEG_INFINITY } else { f64::INFINITY })
            }
            WindowOp::Max => Scalar::from_i128(dtype, dtype.int_range().0),
            WindowOp::Min => Scalar::from_i128(dtype, dtype.int_range().1),
        }
    }
}

impl ReduceWindow {
    /// Constructor from the text form.
    pub fn parse(p: &Params) -> Result<ReduceWindow, String> {
        let word = p.word("op")?;
        match WindowOp::ALL.iter().find(|(_, n)| *n == word) {
            Some((op, _)) => Ok(ReduceWindow { op: *op, windows: Windows::parse(p)? }),
            None => Err(format!("`{word}` does not say how to fold a window")),
        }
    }

    /// The elements of `x` that the results are, by their places in the windows: a gather, so linear in `x`.
    fn chosen(&self, g: &mut Graph, x: Var, place: Var) -> Var {
        let w = &self.windows;
        let shape = g.shape(place).to_vec();
        let all: Vec<usize> = (0..shape.len()).collect();
        let mut int = Ints { g, shape: shape.clone() };
        let place = int.convert(place);
        let (mut dims, mut args) = (Vec::new(), vec![x]);
        let mut inner = w.size();
        for (d, n) in w.window.iter().enumerate() {
            inner /= n;
            if w.is_still(d) {
                dims.push(DimIx::window(d));
                continue;
            }
            let k = int.with(Div, place, inner);
            let k = int.with(Rem, k, *n);
            let k = int.with(Mul, k, w.window_dilation[d]);
            let y = int.iota(d);
            let y = int.with(Mul, y, w.strides[d]);
            let at = int.g.bind1(Add, &[y, k]);
            let lo = int.full(-w.lo[d]);
            let at = int.g.bind1(Add, &[at, lo]);
            let mut at = int.with(Div, at, w.base_dilation[d]);
            if args.len() == 1 {
                // No element attains the result of a window of nothing but padding: its place is past the end.
                let none = int.full(w.size() as i64);
                let outside = int.full(-1);
                let found = int.g.bind1(Compare { op: CompareOp::Lt }, &[place, none]);
                at = int.g.bind1(Select, &[found, at, outside]);
            }
            dims.push(DimIx::index(args.len() - 1));
            args.push(at);
        }
        let index_dims = vec![all; args.len() - 1];
        g.bind1(Gather { coords: Coords { dims, index_dims, shape, mode: IndexMode::Drop } }, &args)
    }
}

/// Arithmetic of i32 arrays of one shape.
struct Ints<'a> {
    g: &'a mut Graph,
    shape: Vec<usize>,
}

impl Ints<'_> {
    fn convert(&mut self, x: Var) -> Var {
        self.g.bind1(Convert { dtype: DType::I32 }, &[x])
    }

    fn full(&mut self, x: i64) -> Var {
        self.g.full(DType::I32, &self.shape, x as f64)
    }

    fn iota(&mut self, dimension: usize) -> Var {
        let aval = Aval::new(DType::I32, &[self.shape[dimension]]);
        let along = self.g.bind1(Iota { aval, dimension: 0 }, &[]);
        self.g.bind1(BroadcastInDim { shape: self.shape.clone(), dims: vec![dimension] }, &[along])
    }

    /// `x op n`, for operations that change nothing with 1 but for the remainder.
    fn with(&mut self, op: impl Elementwise, x: Var, n: usize) -> Var {
        let op: Op = op.into();
        if n == 1 && op.downcast::<Rem>().is_none() {
            return x;
        }
        let n = self.full(n as i64);
        self.g.bind1(op, &[x, n])
    }
}

impl Primitive for ReduceWindow {
    fn name(&self) -> &'static str {
        "reduce_window"
    }

    fn params(&self) -> Params {
        let mut params = self.windows.params();
        let (key, value) = param("op", WindowOp::ALL[self.op as usize].1);
        params.0.insert(0, (key.into(), value));
        params
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let dtype = numeric(self.name(), &[ins[0].dtype])?;
        if dtype.is_complex() && self.op != WindowOp::Sum {
            return Err(OpError::new(format!("{dtype} has no largest or smallest element")).at(0));
        }
        Ok(vec![ins[0].with_shape(&self.windows.shape(ins[0])?)])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let x = ins[0];
        let out = self.abstract_eval(&[x.aval()]).expect("checked").remove(0);
        let init = self.op.init(x.dtype());
        vec![Array::from_fn(&out, |y| {
            indices(&self.windows.window).fold(init, |acc, k| {
                let item = self.windows.at(x.shape(), y, &k).map_or(init, |at| x.at(&at));
                self.op.scalar(acc, item)
            })
        })]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind1(self.clone(), x);
        let ty = t[0].map(|t| {
            if self.op == WindowOp::Sum {
                return g.bind1(self.clone(), &[t]);
            }
            let place = g.bind1(ReduceWindowIndex { windows: self.windows.clone() }, &[x[0], y]);
            self.chosen(g, t, place)
        });
        (vec![y], vec![ty])
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let Operand::Linear(x) = &ins[0] else { return vec![None] };
        vec![ct[0].map(|ct| {
            let windows = self.windows.transposed(&x.shape, g.shape(ct));
            g.bind1(ReduceWindow { op: self.op, windows }, &[ct])
        })]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        let op = ReduceWindow { op: self.op, windows: self.windows.batched() };
        vec![Batched { var: g.bind1(op, &[ins[0].var]), batched: true }]
    }

    /// Along axes that the windows leave alone.
    fn strip(&self, _ins: &[&Aval], d: usize, _n: usize) -> Option<Strip> {
        let w = &self.windows;
        let alone = w.window[d] == 1 && w.strides[d] == 1 && w.lo[d] == 0 && w.hi[d] == 0 && w.base_dilation[d] == 1;
        alone.then(|| Strip { op: self.clone().into(), along: vec![Some(d)] })
    }

    fn rows(&self, ins: &[&Aval], d: usize, rows: Rows, turns: usize) -> Option<OfRows> {
        if self.windows.base_dilation[d] != 1 || rows.len == 0 {
            return None;
        }
        let (windows, from) = self.windows.of_rows(d, rows);
        let padded = self.windows.lo[d] > 0 || self.windows.hi[d] > 0;
        let outside = (padded && !from.lie_within(ins[0].shape[d], turns)).then(|| self.op.init(ins[0].dtype));
        let op = ReduceWindow { windows, ..self.clone() };
        Some(OfRows { op: op.into(), along: vec![Some((d, from))], turn: false, outside })
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        Lowering::Fold {
            extents: self.windows.window.clone(),
            combine: self.op.combine(),
            order: FoldOrder::Sequential,
            init: self.op.init(ins[0].dtype),
            contraction: false,
        }
    }

    fn body(&self, k: &mut Body<'_>, ix: &[Ix], rx: &[Ix]) -> Ex {
        let x = k.operand(0).clone();
        let (at, conditions) = self.windows.at_ix(k, &x.shape, ix, rx);
        let init = k.constant(self.op.init(x.dtype));
        let item = k.load(0, &at);
        guard::select(k, &conditions, item, init)
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        match self.abstract_eval(ins) {
            Ok(out) if out[0].dtype.is_inexact() => (out[0].size() * self.windows.size()) as u64,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::laws::{check_op, jvp_at};

    #[test]
    fn laws() {
        for (op, _) in WindowOp::ALL {
            let check = |windows: Windows, aval: &str| check_op(ReduceWindow { op, windows }, &[aval]);
            check(Windows::new(&[2], &[2]), "f32[6]");
            check(Windows::new(&[3], &[1]), "i8[5]");
            check(Windows::new(&[1, 2, 2, 1], &[1, 2, 1, 1]), "f32[2,4,3,2]");
            check(Windows { lo: vec![1, 0], hi: vec![1, 1], ..Windows::new(&[2, 3], &[2, 1]) }, "f32[3,4]");
            check(Windows { lo: vec![2], hi: vec![0], window_dilation: vec![2], ..Windows::new(&[2], &[1]) }, "f32[5]");
            check(Windows { lo: vec![-1], hi: vec![1], base_dilation: vec![2], ..Windows::new(&[2], &[1]) }, "f32[4]");
            check(Windows::new(&[], &[]), "f32[]");
        }
    }

    #[test]
    fn of_equal_elements_the_first_has_the_tangent() {
        let op = ReduceWindow { op: WindowOp::Max, windows: Windows::new(&[3], &[2]) };
        let x = Array::f64(&[5], &[1.0, 4.0, 4.0, 4.0, 4.0]);
        let t = Array::f64(&[5], &[1.0, 2.0, 3.0, 4.0, 5.0]);
        let (_, ts) = jvp_at(op, &[x], &[Some(t)]);
        assert_eq!(ts[0].as_ref().map(Array::to_f64s), Some(vec![2.0, 3.0]));
    }

    #[test]
    fn a_window_of_padding_alone_has_none() {
        let windows = Windows { lo: vec![2], ..Windows::new(&[2], &[2]) };
        let op = ReduceWindow { op: WindowOp::Max, windows };
        let x = Array::f64(&[2], &[1.0, 2.0]);
        let (ys, ts) = jvp_at(op, std::slice::from_ref(&x), &[Some(x.clone())]);
        assert_eq!(ys[0].to_f64s(), [f64::NEG_INFINITY, 2.0]);
        assert_eq!(ts[0].as_ref().map(Array::to_f64s), Some(vec![0.0, 2.0]));
    }
}
