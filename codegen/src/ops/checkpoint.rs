//! `checkpoint`: a function whose intermediate results are computed again in reverse mode instead of kept.

use std::rc::Rc;

use crate::array::Array;
use crate::eval::eval;
use crate::graph::{Aval, Graph, Var};
use crate::ops::custom_jvp::check_call;
use crate::ops::narrow::{read_inputs, with_inputs};
use crate::ops::region::marked;
use crate::ops::{Barrier, Batched, Lowering, Op, OpError, Operand, Primitive, Split, Tangent, param};
use crate::passes::dce;
use crate::text::Params;
use crate::transform::{batch_graph, jvp_graph, partial_eval_graph, transpose_graph};

/// Stands for `call`. Between the forward and the backward half only the operands are kept. Inlined before lowering,
/// behind a [`Barrier`] that keeps the second computation from being merged with the first.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The function.
    pub call: Rc<Graph>,
    /// Runs in the backward half.
    pub again: bool,
}

impl Primitive for Checkpoint {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn params(&self) -> Params {
        [param("call", &self.call), param("again", self.again)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        check_call("checkpoint", &self.call, ins)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        eval(&self.call, &ins.iter().map(|a| (*a).clone()).collect::<Vec<_>>())
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let nonzero: Vec<bool> = t.iter().map(Option::is_some).collect();
        let (graph, out_nonzero) = jvp_graph(&self.call, &nonzero);
        let args: Vec<Var> = x.iter().copied().chain(t.iter().copied().flatten()).collect();
        let mut outs = g.bind(Checkpoint { call: Rc::new(graph), again: self.again }, &args);
        let tangents = outs.split_off(out_nonzero.len());
        let mut tangents = tangents.into_iter();
        let ts = out_nonzero.iter().map(|nz| if *nz { tangents.next() } else { None }).collect();
        (outs, ts)
    }

    /// Now: what is known. Later: everything again, from the operands.
    fn partial_eval(&self, unknown: &[bool]) -> Option<Split> {
        let cut = partial_eval_graph(&self.call, unknown);
        let n_known = cut.out_unknown.iter().filter(|u| !**u).count();
        let mut known = Graph::new(&self.call.name);
        let args: Vec<Var> = cut.known.in_avals().iter().map(|a| known.input(a)).collect();
        let mut forward = cut.known.clone();
        forward.outputs.truncate(n_known);
        let mut outs = known.bind(Checkpoint { call: Rc::new(forward), again: self.again }, &args);
        // Later takes the known operands as residuals, then the unknown ones.
        let mut whole = Graph::new(&self.call.name);
        let residuals: Vec<Var> = cut.known.in_avals().iter().map(|a| whole.input(a)).collect();
        let n_residuals = cut.n_residuals;
        let mut all = whole.inline(&cut.known, &residuals);
        let mut args = all.split_off(all.len() - n_residuals);
        args.extend(cut.later.in_avals()[n_residuals..].iter().map(|a| whole.input(a)));
        whole.outputs = whole.inline(&cut.later, &args);
        // Kept is what the second computation reads: what it needs for the known results only is not computed again.
        let whole = dce(&whole);
        let mut used = read_inputs(&whole);
        used[residuals.len()..].fill(true);
        let whole = with_inputs(&whole, &used);
        outs.extend(marked(&known.inputs, &used[..residuals.len()]));
        known.outputs = outs;
        let mut later = Graph::new(&self.call.name);
        let args: Vec<Var> = whole.in_avals().iter().map(|a| later.input(a)).collect();
        later.outputs = later.bind(Checkpoint { call: Rc::new(whole), again: true }, &args);
        let known_out = cut.out_unknown.iter().map(|u| !u).collect();
        Some(Split { known, known_out, later })
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let linear: Vec<bool> = ins.iter().map(|x| matches!(x, Operand::Linear(_))).collect();
        let nonzero: Vec<bool> = ct.iter().map(Option::is_some).collect();
        let (graph, found) = transpose_graph(&self.call, &linear, &nonzero);
        let mut args: Vec<Var> = ins
            .iter()
            .filter_map(|x| match x {
                Operand::Known(v) => Some(*v),
                Operand::Linear(_) => None,
            })
            .collect();
        args.extend(ct.iter().copied().flatten());
        let mut outs = g.bind(Checkpoint { call: Rc::new(graph), again: true }, &args).into_iter();
        let mut found = found.into_iter();
        linear.iter().map(|l| if *l && found.next() == Some(true) { outs.next() } else { None }).collect()
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let batched: Vec<bool> = ins.iter().map(|b| b.batched).collect();
        let n = self.call.outputs.len();
        let (graph, _) = batch_graph(&self.call, &batched, &vec![true; n], size);
        let vars: Vec<Var> = ins.iter().map(|b| b.var).collect();
        let op = Checkpoint { call: Rc::new(graph), again: self.again };
        g.bind(op, &vars).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Region
    }

    fn is_inlined(&self) -> bool {
        true
    }

    fn inlined_on(&self, g: &mut Graph, ins: &[Var]) -> Option<Vec<Var>> {
        let ins: Vec<Var> = match self.again {
            true => ins.iter().map(|v| g.bind1(Barrier, &[*v])).collect(),
            false => ins.to_vec(),
        };
        Some(g.inline(&self.call, &ins))
    }

    fn subgraphs(&self) -> Vec<Rc<Graph>> {
        vec![self.call.clone()]
    }

    fn with_subgraphs(&self, mut graphs: Vec<Rc<Graph>>) -> Op {
        Checkpoint { call: graphs.pop().expect("one graph"), again: self.again }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::text::parse;
    use crate::transform::{linearize_into, transpose_into};

    fn gradient(checkpointed: bool) -> Graph {
        let call = parse("graph f(x: f32[]) -> (d) {\n a: f32[] = sin x\n b: f32[] = exp a\n d: f32[] = sin b\n}").unwrap();
        let mut f = Graph::new("f");
        let x = f.input(&Aval::scalar(DType::F32));
        f.outputs = match checkpointed {
            true => f.bind(Checkpoint { call: Rc::new(call), again: false }, &[x]),
            false => f.inline(&call, &[x]),
        };
        let mut g = Graph::new("g");
        let x = g.input(&Aval::scalar(DType::F32));
        let (outs, linear) = linearize_into(&mut g, &f, &[x], &[true]);
        let one = g.full(DType::F32, &[], 1.0);
        let mut known: Vec<Option<Var>> = linear.residuals.iter().copied().map(Some).collect();
        known.push(None);
        let cts = transpose_into(&mut g, &linear.graph, &known, &[Some(one)]);
        g.outputs = vec![outs[0], cts.last().copied().flatten().unwrap()];
        g
    }

    #[test]
    fn the_gradient_is_the_same_and_is_computed_from_the_operands_again() {
        let x = [Array::f32(&[], &[0.7])];
        assert_eq!(eval(&gradient(true), &x), eval(&gradient(false), &x));
        let count = |g: &Graph| {
            let g = crate::passes::optimise(g);
            g.eqns.iter().filter(|e| e.op.name() == "exp").count()
        };
        assert_eq!((count(&gradient(false)), count(&gradient(true))), (1, 2));
    }
}
