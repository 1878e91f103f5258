//! `check`: ends a kernel with an error unless a condition holds.

use crate::array::Array;
use crate::dtype::DType;
use crate::graph::{Aval, Graph, Var};
use crate::ops::effect::{batch_operands, primals_only, reads_lanes};
use crate::ops::{Batched, Effect, Lowering, OpError, Primitive, Tangent, param};
use crate::text::Params;

/// Unless operand 0, a bool, holds, the kernel ends with a `CheckError`, whose text shows the other operands, scalars. Under
/// `vmap` the first slice for which it does not hold is told. The evaluator goes on: it is asked for values.
#[derive(Clone, Debug)]
pub struct Check {
    /// The text, with one `{}` or `{:.N}` per operand after the first.
    pub text: String,
    /// Line of the check in the user's source.
    pub line: usize,
    /// Leading axes of every operand that came from `vmap`.
    pub lanes: Vec<usize>,
    /// Write the text as a line instead, at the first failure of a call, and go on: `debug_nans` in a function that cannot
    /// return an error.
    pub report: bool,
}

impl Primitive for Check {
    fn name(&self) -> &'static str {
        "check"
    }

    fn params(&self) -> Params {
        [
            param("text", self.text.clone()),
            param("line", self.line),
            param("lanes", &self.lanes),
            param("report", self.report),
        ]
        .into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        match ins.first() {
            Some(a) if a.dtype == DType::Bool => {}
            Some(a) => return Err(OpError::new(format!("`check` needs a bool, found {a}")).at(0)),
            None => return Err(OpError::new("`check` needs a condition")),
        }
        if let Some(n) = ins.iter().position(|a| a.shape != self.lanes) {
            return Err(OpError::new(format!("`check` takes scalars, found {}", ins[n])).at(n));
        }
        reads_lanes("check", &self.lanes, ins)
    }

    fn eval(&self, _ins: &[&Array]) -> Vec<Array> {
        Vec::new()
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], _t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        primals_only(g, self.clone().into(), x)
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let (lanes, operands) = batch_operands(g, &self.lanes, ins, size);
        g.bind(Check { lanes, ..self.clone() }, &operands);
        Vec::new()
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        let (text, line) = (self.text.clone(), self.line);
        let effect = if self.report { Effect::Report { text } } else { Effect::Check { text, line } };
        Lowering::Effect { effect, lanes: self.lanes.clone() }
    }

    fn has_effect(&self) -> bool {
        true
    }
}
