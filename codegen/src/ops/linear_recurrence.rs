//! `linear_recurrence`: `y[k] = a[k] * y[k-1] + b[k]` along an axis. Filters, linear state spaces, and the derivatives of
//! cumulative products and maxima.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::cumulative::{self, shifted};
use crate::ops::elementwise::numeric;
use crate::ops::{Add, Batched, Elementwise, Lowering, Mul, OpError, Operand, Primitive, Tangent, add_tangents, param};
use crate::text::Params;

/// `y[k] = a[k] * y[k-1] + b[k]` of operands `a`, `b` of one shape; the first is `b[0]`, whatever `a[0]`.
#[derive(Clone, Debug)]
pub struct LinearRecurrence {
    /// The axis along which it runs.
    pub axis: usize,
    /// From the last element to the first.
    pub reverse: bool,
}

impl Primitive for LinearRecurrence {
    fn name(&self) -> &'static str {
        "linear_recurrence"
    }

    fn params(&self) -> Params {
        [param("axis", self.axis), param("reverse", self.reverse)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let [a, b] = ins else {
            return Err(OpError::new(format!("`linear_recurrence` takes 2 operands, not {}", ins.len())));
        };
        numeric("linear_recurrence", &[a.dtype, b.dtype])?;
        if a.shape != b.shape {
            return Err(OpError::new(format!("`linear_recurrence` cannot combine {a} with {b}")).at(1));
        }
        cumulative::abstract_cumulative(a, self.axis)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let (a, b) = (ins[0].data(), ins[1].data());
        vec![cumulative::run(ins[0].aval(), self.axis, self.reverse, |last, at| match last {
            Some(last) => Add.scalar(&[Mul.scalar(&[a[at], last]), b[at]]),
            None => b[at],
        })]
    }

    /// `dy[k] = a[k] * dy[k-1] + (y[k-1] * da[k] + db[k])`: the same recurrence.
    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind1(self.clone(), x);
        let along_a = t[0].map(|ta| {
            let before = shifted(g, y, self.axis, self.reverse, 0.0);
            g.bind1(Mul, &[ta, before])
        });
        let step = add_tangents(g, along_a, t[1]);
        (vec![y], vec![step.map(|step| g.bind1(self.clone(), &[x[0], step]))])
    }

    /// Linear in `b`: its cotangents run the other way, `c[k] = ct[k] + a[k+1] * c[k+1]`.
    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let Operand::Known(a) = ins[0] else { unreachable!("a recurrence is not linear in its factors") };
        let back = LinearRecurrence { axis: self.axis, reverse: !self.reverse };
        let ct_b = ct[0].map(|ct| {
            let after = shifted(g, a, self.axis, back.reverse, 0.0);
            g.bind1(back, &[after, ct])
        });
        vec![None, ct_b]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        cumulative::batch(g, LinearRecurrence { axis: self.axis + 1, ..*self }, ins, size)
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        cumulative::call("linear_recurrence", ins[0], self.axis, self.reverse)
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        if ins[0].dtype.is_inexact() { 2 * ins[0].size() as u64 } else { 0 }
    }
}

#[test]
fn laws() {
    use crate::ops::laws::check_op;
    for reverse in [false, true] {
        check_op(LinearRecurrence { axis: 0, reverse }, &["f32[5]", "f32[5]"]);
        check_op(LinearRecurrence { axis: 1, reverse }, &["f32[2,4,3]", "f32[2,4,3]"]);
        check_op(LinearRecurrence { axis: 0, reverse }, &["i32[4]", "i32[4]"]);
    }
    let (a, b) = (Array::f32(&[3], &[f32::NAN, 2.0, 3.0]), Array::f32(&[3], &[1.0, 1.0, 1.0]));
    let y = LinearRecurrence { axis: 0, reverse: false }.eval(&[&a, &b]);
    assert_eq!(y[0], Array::f32(&[3], &[1.0, 3.0, 10.0]));
}
