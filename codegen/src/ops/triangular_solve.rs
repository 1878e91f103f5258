//! `triangular_solve`: systems of linear equations with a triangular matrix.
//!
//! On the device a call of `triangular_solve::<_, BATCH, N, M, FLAGS>(&a, &b, &mut out)`; see `kiln_math::linalg`.

use crate::array::Array;
use crate::for_real;
use crate::graph::{Aval, Graph, Var};
use crate::ops::axes::{merge_axes, move_axis, split_axis};
use crate::ops::elementwise::same_dtype;
use crate::ops::matrix::{self, Element};
use crate::ops::{
    Batched, CompareOp, Lowering, Neg, OpError, Operand, Primitive, Tangent, add_tangents, param, with_batch_axis,
};
use crate::text::Params;

/// The `x` with `op(a) x = b` (`left`) or `x op(a) = b`. Operands: `a`, `[.., n, n]`; `b`, `[.., n, m]` (`left`) or
/// `[.., m, n]`. Only one triangle of `a` is read.
#[derive(Clone, Debug)]
pub struct TriangularSolve {
    /// `a` stands on the left of the unknown.
    pub left: bool,
    /// The lower triangle of `a` is read; else the upper one.
    pub lower: bool,
    /// `op(a)` is the transpose of `a`; else `a`.
    pub transpose: bool,
    /// The diagonal of `a` is taken to be ones and not read.
    pub unit: bool,
}

impl TriangularSolve {
    /// Constructor from the text form.
    pub fn parse(p: &Params) -> Result<TriangularSolve, String> {
        Ok(TriangularSolve {
            left: p.bool("left")?,
            lower: p.bool("lower")?,
            transpose: p.bool("transpose")?,
            unit: p.bool("unit")?,
        })
    }

    fn how(&self) -> kiln_math::linalg::Solve {
        let TriangularSolve { left, lower, transpose, unit } = *self;
        kiln_math::linalg::Solve { left, lower, transpose, unit }
    }

    fn extents(&self, a: &Aval, b: &Aval) -> Result<[usize; 3], OpError> {
        same_dtype("triangular_solve", &[a.dtype, b.dtype], "numbers", |_| true)?;
        let [batch, n] = matrix::square("triangular_solve", a)?;
        let [_, rows, columns] = matrix::extents("triangular_solve", b).map_err(|e| e.at(1))?;
        let (size, m) = if self.left { (rows, columns) } else { (columns, rows) };
        if size != n || a.rank() != b.rank() || a.shape[..a.rank() - 2] != b.shape[..b.rank() - 2] {
            return Err(OpError::new(format!("`triangular_solve` cannot pair {a} with {b}")).at(1));
        }
        Ok([batch, n, m])
    }

    fn run<T: Element>(&self, a: &Array, b: &Array) -> Array {
        let extents = self.extents(a.aval(), b.aval()).expect("checked");
        let mut out = vec![T::ZERO; b.data().len()];
        let (a, elements) = (matrix::elements::<T>(a), matrix::elements::<T>(b));
        kiln_math::linalg::triangular_solve_of(&a, &elements, &mut out, extents, self.how());
        matrix::array(b.aval(), out)
    }
}

impl Primitive for TriangularSolve {
    fn name(&self) -> &'static str {
        "triangular_solve"
    }

    fn params(&self) -> Params {
        [
            param("left", self.left),
            param("lower", self.lower),
            param("transpose", self.transpose),
            param("unit", self.unit),
        ]
        .into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let [a, b] = ins else {
            return Err(OpError::new(format!("`triangular_solve` takes 2 operands, not {}", ins.len())));
        };
        self.extents(a, b)?;
        Ok(vec![(*b).clone()])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        vec![for_real!(ins[0].dtype(), self.run(ins[0], ins[1]))]
    }

    /// From `op(a) x = b`: `op(a) tx = tb - op(ta) x`.
    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind1(self.clone(), x);
        let of_a = t[0].map(|ta| {
            let relation = match (self.lower, self.unit) {
                (true, false) => CompareOp::Ge,
                (true, true) => CompareOp::Gt,
                (false, false) => CompareOp::Le,
                (false, true) => CompareOp::Lt,
            };
            let ta = matrix::part(g, relation, ta);
            let ta = if self.transpose { matrix::transposed(g, ta) } else { ta };
            let product = if self.left { matrix::matmul(g, ta, y) } else { matrix::matmul(g, y, ta) };
            g.bind1(Neg, &[product])
        });
        let rest = add_tangents(g, t[1], of_a);
        (vec![y], vec![rest.map(|rest| g.bind1(self.clone(), &[x[0], rest]))])
    }

    /// Linear in `b`: the transposed system.
    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let Operand::Known(a) = ins[0] else { panic!("`triangular_solve` is not linear in its matrix") };
        let op = TriangularSolve { transpose: !self.transpose, ..*self };
        vec![None, ct[0].map(|ct| g.bind1(op, &[a, ct]))]
    }

    /// Many right-hand sides of one matrix are one wider right-hand side.
    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let (a, b) = (ins[0], ins[1]);
        if !a.batched && g.shape(a.var).len() == 2 {
            let wide = if self.left { move_axis(g, b.var, 0, 1) } else { b.var };
            let axis = usize::from(self.left);
            let wide = merge_axes(g, wide, axis);
            let out = g.bind1(self.clone(), &[a.var, wide]);
            let out = split_axis(g, out, axis, size);
            let var = if self.left { move_axis(g, out, 1, 0) } else { out };
            return vec![Batched { var, batched: true }];
        }
        let vars = [with_batch_axis(g, a, size), with_batch_axis(g, b, size)];
        vec![Batched { var: g.bind1(self.clone(), &vars), batched: true }]
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        let [batch, n, m] = self.extents(ins[0], ins[1]).unwrap_or([0; 3]);
        let consts = vec![batch, n, m, self.how().flags()];
        Lowering::Call { function: "triangular_solve", consts, scratch: Vec::new() }
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        self.extents(ins[0], ins[1]).map_or(0, |[batch, n, m]| (batch * n * n * m) as u64)
    }
}

#[test]
fn laws() {
    use crate::ops::laws::{check_op_at, check_op_error};
    let a = Array::f64(&[3, 3], &[2.0, 0.3, -0.4, 0.5, 3.0, 0.7, -0.6, 0.2, 1.5]);
    let b = Array::f64(&[3, 2], &[1.0, -2.0, 0.5, 3.0, 0.25, -1.0]);
    for flags in 0..16 {
        let bit = |k: usize| flags >> k & 1 == 1;
        let op = TriangularSolve { left: bit(0), lower: bit(1), transpose: bit(2), unit: bit(3) };
        let b = if op.left { b.clone() } else { b.reshaped(&[2, 3]) };
        check_op_at(op.clone(), &[a.clone(), b.clone()]);
        let one = |x: &Array| x.reshaped(&[&[1], x.shape()].concat());
        check_op_at(op, &[one(&a), one(&b)]);
    }
    let op = TriangularSolve { left: true, lower: true, transpose: false, unit: false };
    let message = expect_test::expect!["`triangular_solve` cannot pair f32[3,3] with f32[2,3]"];
    check_op_error(op, &["f32[3,3]", "f32[2,3]"], message);
}
