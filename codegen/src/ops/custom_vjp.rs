//! `custom_vjp`: a function with the user's own pullback.

use std::rc::Rc;

use crate::array::Array;
use crate::eval::eval;
use crate::graph::{Aval, Graph, Var};
use crate::ops::custom_jvp::check_call;
use crate::ops::{Batched, Lowering, Op, OpError, Operand, Primitive, Tangent, param};
use crate::text::Params;
use crate::transform::{batch_graph, jvp_graph};

/// Stands for `call`; reverse mode takes `fwd` and `bwd` instead. Forward mode differentiates `call`, where JAX refuses.
/// Inlined before lowering.
#[derive(Clone, Debug)]
pub struct CustomVjp {
    /// The function.
    pub call: Rc<Graph>,
    /// Takes the operands; yields the results, then the residuals.
    pub fwd: Rc<Graph>,
    /// Takes the residuals, then a cotangent for every float result; yields a cotangent for every float operand.
    pub bwd: Rc<Graph>,
}

/// The tangents of a [`CustomVjp`]: takes its operands, the residuals, then a tangent for every float operand; yields the
/// tangents of the float results. Linear in the tangents; its transpose is the user's `bwd`.
#[derive(Clone, Debug)]
pub struct CustomVjpTangent {
    /// Number of operands of the function.
    pub n_operands: usize,
    /// Takes the operands, then the tangents of the float ones; yields the tangents of the float results.
    pub push: Rc<Graph>,
    /// As in [`CustomVjp`].
    pub bwd: Rc<Graph>,
}

fn graphs_batched(graph: &Graph, batched: &[bool], size: usize) -> Rc<Graph> {
    Rc::new(batch_graph(graph, batched, &vec![true; graph.outputs.len()], size).0)
}

impl Primitive for CustomVjp {
    fn name(&self) -> &'static str {
        "custom_vjp"
    }

    fn params(&self) -> Params {
        [param("call", &self.call), param("fwd", &self.fwd), param("bwd", &self.bwd)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        check_call("custom_vjp", &self.call, ins)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        eval(&self.call, &ins.iter().map(|a| (*a).clone()).collect::<Vec<_>>())
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let mut outs = g.inline(&self.fwd, x);
        let residuals = outs.split_off(self.call.outputs.len());
        let nonzero: Vec<bool> = self.call.in_avals().iter().map(|a| a.dtype.is_inexact()).collect();
        let (mut push, out_nonzero) = jvp_graph(&self.call, &nonzero);
        // A tangent for every float result, zeros where there is none.
        let n = self.call.outputs.len();
        let mut found = push.outputs.split_off(n).into_iter();
        let avals = push.out_avals();
        push.outputs.clear();
        for (aval, nz) in avals.iter().zip(out_nonzero) {
            let t = if nz { found.next() } else { None };
            if aval.dtype.is_inexact() {
                let t = t.unwrap_or_else(|| push.zeros(aval));
                push.outputs.push(t);
            }
        }
        let mut ins: Vec<Var> = x.iter().copied().chain(residuals).collect();
        for (x, t) in x.iter().zip(t) {
            let aval = g.aval(*x).clone();
            if aval.dtype.is_inexact() {
                ins.push(t.unwrap_or_else(|| g.zeros(&aval)));
            }
        }
        let op = CustomVjpTangent { n_operands: x.len(), push: Rc::new(push), bwd: self.bwd.clone() };
        let mut tangents = g.bind(op, &ins).into_iter();
        let ts = outs.iter().map(|v| if g.dtype(*v).is_inexact() { tangents.next() } else { None }).collect();
        (outs, ts)
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        // Operands that are not batched get the axis too: the cotangent of such an operand has it.
        let vars: Vec<Var> = ins.iter().map(|b| crate::ops::with_batch_axis(g, *b, size)).collect();
        let all = |graph: &Graph| graphs_batched(graph, &vec![true; graph.inputs.len()], size);
        let op = CustomVjp { call: all(&self.call), fwd: all(&self.fwd), bwd: all(&self.bwd) };
        g.bind(op, &vars).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Region
    }

    fn inlined(&self) -> Option<Rc<Graph>> {
        Some(self.call.clone())
    }

    fn subgraphs(&self) -> Vec<Rc<Graph>> {
        vec![self.call.clone(), self.fwd.clone(), self.bwd.clone()]
    }

    fn with_subgraphs(&self, graphs: Vec<Rc<Graph>>) -> Op {
        let [call, fwd, bwd] = &graphs[..] else { unreachable!("three graphs") };
        CustomVjp { call: call.clone(), fwd: fwd.clone(), bwd: bwd.clone() }.into()
    }
}

impl CustomVjpTangent {
    fn n_tangents(&self) -> usize {
        self.push.inputs.len() - self.n_operands
    }
}

impl Primitive for CustomVjpTangent {
    fn name(&self) -> &'static str {
        "custom_vjp_tangent"
    }

    fn params(&self) -> Params {
        [param("operands", self.n_operands), param("push", &self.push), param("bwd", &self.bwd)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let n = self.n_tangents();
        if ins.len() < self.n_operands + n {
            return Err(OpError::new("`custom_vjp_tangent` lacks operands"));
        }
        let mut own = ins[..self.n_operands].to_vec();
        own.extend(&ins[ins.len() - n..]);
        check_call("custom_vjp_tangent", &self.push, &own)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let n = self.n_tangents();
        let own: Vec<Array> =
            ins[..self.n_operands].iter().chain(&ins[ins.len() - n..]).map(|a| (*a).clone()).collect();
        eval(&self.push, &own)
    }

    /// Differentiated again, it is what it computes.
    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let n = self.n_tangents();
        let pick = |all: &[Tangent]| [&all[..self.n_operands], &all[all.len() - n..]].concat();
        let own: Vec<Var> = [&x[..self.n_operands], &x[x.len() - n..]].concat();
        let linear_only = t[..x.len() - n].iter().all(Option::is_none);
        if linear_only {
            // Linear in the tangents: the tangent takes the same road, so that its transpose is the user's too.
            let outs = g.bind(self.clone(), x);
            let mut ins = x.to_vec();
            for (slot, t) in ins[x.len() - n..].iter_mut().zip(&t[x.len() - n..]) {
                let aval = g.aval(*slot).clone();
                *slot = t.unwrap_or_else(|| g.zeros(&aval));
            }
            let ts = g.bind(self.clone(), &ins);
            return (outs, ts.into_iter().map(Some).collect());
        }
        crate::transform::jvp_into(g, &self.push, &own, &pick(t))
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let n = self.n_tangents();
        let first = ins.len() - n;
        let mut args: Vec<Var> = ins[self.n_operands..first]
            .iter()
            .map(|x| match x {
                Operand::Known(v) => *v,
                Operand::Linear(_) => unreachable!("only the tangents are linear"),
            })
            .collect();
        for (aval, ct) in self.push.out_avals().iter().zip(ct) {
            args.push(ct.unwrap_or_else(|| g.zeros(aval)));
        }
        let mut out = vec![None; first];
        out.extend(g.inline(&self.bwd, &args).into_iter().map(Some));
        out
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let vars: Vec<Var> = ins.iter().map(|b| crate::ops::with_batch_axis(g, *b, size)).collect();
        let all = |graph: &Graph| graphs_batched(graph, &vec![true; graph.inputs.len()], size);
        let op = CustomVjpTangent { n_operands: self.n_operands, push: all(&self.push), bwd: all(&self.bwd) };
        g.bind(op, &vars).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Region
    }

    fn is_inlined(&self) -> bool {
        true
    }

    fn inlined_on(&self, g: &mut Graph, ins: &[Var]) -> Option<Vec<Var>> {
        let n = self.n_tangents();
        let own: Vec<Var> = [&ins[..self.n_operands], &ins[ins.len() - n..]].concat();
        Some(g.inline(&self.push, &own))
    }

    fn subgraphs(&self) -> Vec<Rc<Graph>> {
        vec![self.push.clone(), self.bwd.clone()]
    }

    fn reversed_subgraphs(&self) -> Vec<Rc<Graph>> {
        Vec::new()
    }

    fn with_subgraphs(&self, graphs: Vec<Rc<Graph>>) -> Op {
        let [push, bwd] = &graphs[..] else { unreachable!("two graphs") };
        CustomVjpTangent { n_operands: self.n_operands, push: push.clone(), bwd: bwd.clone() }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parse;

    fn op() -> CustomVjp {
        // The pullback is wrong on purpose, so that it can be told from the real one.
        let graph = |t: &str| Rc::new(parse(t).unwrap());
        CustomVjp {
            call: graph("graph f(x: f32[]) -> (a) {\n a: f32[] = exp x\n}"),
            fwd: graph("graph fwd(x: f32[]) -> (a, x) {\n a: f32[] = exp x\n}"),
            bwd: graph("graph bwd(r: f32[], c: f32[]) -> (a) {\n a: f32[] = mul r c\n}"),
        }
    }

    fn graph() -> Graph {
        let mut g = Graph::new("g");
        let x = g.input(&Aval::scalar(crate::dtype::DType::F32));
        g.outputs = g.bind(op(), &[x]);
        g
    }

    #[test]
    fn forward_mode_differentiates_the_function() {
        let (jvp, _) = jvp_graph(&graph(), &[true]);
        let outs = eval(&jvp, &[Array::f32(&[], &[0.0]), Array::f32(&[], &[3.0])]);
        assert_eq!((outs[0].item().to_f64(), outs[1].item().to_f64()), (1.0, 3.0));
    }

    #[test]
    fn reverse_mode_takes_the_pullback_under_vmap_too() {
        let mut g = Graph::new("h");
        let x = g.input(&Aval::scalar(crate::dtype::DType::F32));
        let (_, linear) = crate::transform::linearize_into(&mut g, &graph(), &[x], &[true]);
        let one = g.full(crate::dtype::DType::F32, &[], 1.0);
        let mut known: Vec<Option<Var>> = linear.residuals.iter().copied().map(Some).collect();
        known.push(None);
        let cts = crate::transform::transpose_into(&mut g, &linear.graph, &known, &[Some(one)]);
        g.outputs = vec![cts.last().copied().flatten().unwrap()];
        assert_eq!(eval(&g, &[Array::f32(&[], &[5.0])])[0].item().to_f64(), 5.0);
        let (batched, _) = batch_graph(&g, &[true], &[true], 2);
        assert_eq!(eval(&batched, &[Array::f32(&[2], &[5.0, 7.0])])[0].to_f64s(), [5.0, 7.0]);
    }
}
