//! `debug_print`: writes a line while the kernel runs.

use crate::array::Array;
use crate::graph::{Aval, Graph, Var};
use crate::ops::effect::{batch_operands, primals_only, reads_lanes};
use crate::ops::{Batched, Effect, Lowering, OpError, Primitive, Tangent, param};
use crate::text::Params;

/// Writes `text`, a format string with one `{..}` per operand. Under `vmap` a line per slice; a derivative prints the
/// primal values, once. The evaluator writes nothing: it is asked for values.
#[derive(Clone, Debug)]
pub struct DebugPrint {
    /// The format string.
    pub text: String,
    /// Leading axes of every operand that came from `vmap`: a line for each index.
    pub lanes: Vec<usize>,
}

impl Primitive for DebugPrint {
    fn name(&self) -> &'static str {
        "debug_print"
    }

    fn params(&self) -> Params {
        [param("text", self.text.clone()), param("lanes", &self.lanes)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        reads_lanes("debug_print", &self.lanes, ins)
    }

    fn eval(&self, _ins: &[&Array]) -> Vec<Array> {
        Vec::new()
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], _t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        primals_only(g, self.clone().into(), x)
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let (lanes, operands) = batch_operands(g, &self.lanes, ins, size);
        g.bind(DebugPrint { text: self.text.clone(), lanes }, &operands);
        Vec::new()
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Effect { effect: Effect::Print { text: self.text.clone() }, lanes: self.lanes.clone() }
    }

    fn has_effect(&self) -> bool {
        true
    }
}
