//! `custom_jvp`: a function with the user's own derivative.

use std::rc::Rc;

use crate::array::Array;
use crate::eval::eval;
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Batched, Lowering, Op, OpError, Primitive, Tangent, param};
use crate::text::Params;
use crate::transform::{batch_graph, jvp_into};

/// Stands for `call`; forward mode takes `rule` instead. Inlined before lowering.
#[derive(Clone, Debug)]
pub struct CustomJvp {
    /// The function.
    pub call: Rc<Graph>,
    /// Takes the operands, then a tangent for every float operand; yields the results, then their tangents (of the float
    /// results).
    pub rule: Rc<Graph>,
}

impl Primitive for CustomJvp {
    fn name(&self) -> &'static str {
        "custom_jvp"
    }

    fn params(&self) -> Params {
        [param("call", &self.call), param("rule", &self.rule)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        check_call("custom_jvp", &self.call, ins)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        eval(&self.call, &ins.iter().map(|a| (*a).clone()).collect::<Vec<_>>())
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let mut args = x.to_vec();
        let mut seeds: Vec<Tangent> = vec![None; x.len()];
        for (x, t) in x.iter().zip(t) {
            let aval = g.aval(*x).clone();
            if aval.dtype.is_inexact() {
                args.push(t.unwrap_or_else(|| g.zeros(&aval)));
                seeds.push(*t);
            }
        }
        // The rule is linear in its tangents, so its own derivative in those that are not zero is the same map, without
        // the work for the others.
        let all = seeds[x.len()..].iter().all(Option::is_some);
        let (mut outs, mut tangents) = if all {
            let outs = g.inline(&self.rule, &args);
            let tangents = outs.iter().copied().map(Some).collect();
            (outs, tangents)
        } else {
            jvp_into(g, &self.rule, &args, &seeds)
        };
        let n = self.call.outputs.len();
        outs.truncate(n);
        let mut tangents = tangents.split_off(n).into_iter();
        let ts =
            outs.iter().map(|v| if g.dtype(*v).is_inexact() { tangents.next().flatten() } else { None }).collect();
        (outs, ts)
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let batched: Vec<bool> = ins.iter().map(|b| b.batched).collect();
        let n = self.call.outputs.len();
        let (call, _) = batch_graph(&self.call, &batched, &vec![true; n], size);
        let avals = self.call.in_avals();
        let mut rule_in = batched.clone();
        rule_in.extend(batched.iter().zip(&avals).filter(|(_, a)| a.dtype.is_inexact()).map(|(b, _)| *b));
        let (rule, _) = batch_graph(&self.rule, &rule_in, &vec![true; self.rule.outputs.len()], size);
        let vars: Vec<Var> = ins.iter().map(|b| b.var).collect();
        let op = CustomJvp { call: Rc::new(call), rule: Rc::new(rule) };
        g.bind(op, &vars).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Region
    }

    fn inlined(&self) -> Option<Rc<Graph>> {
        Some(self.call.clone())
    }

    fn subgraphs(&self) -> Vec<Rc<Graph>> {
        vec![self.call.clone(), self.rule.clone()]
    }

    fn with_subgraphs(&self, mut graphs: Vec<Rc<Graph>>) -> Op {
        let rule = graphs.pop().expect("two graphs");
        CustomJvp { call: graphs.pop().expect("two graphs"), rule }.into()
    }
}

/// Types of a call of `graph`, whose inputs the operands must have the types of.
pub fn check_call(name: &str, graph: &Graph, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
    let want = graph.in_avals();
    if want.len() != ins.len() {
        return Err(OpError::new(format!("`{name}` takes {} operands, not {}", want.len(), ins.len())));
    }
    match want.iter().zip(ins).position(|(a, b)| a != *b) {
        Some(n) => Err(OpError::new(format!("operand {n} of `{name}` is {}, found {}", want[n], ins[n])).at(n)),
        None => Ok(graph.out_avals()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parse;

    #[test]
    fn forward_mode_takes_the_rule() {
        // A rule that is wrong on purpose, so that it can be told from the real derivative.
        let call = parse("graph f(x: f32[]) -> (a) {\n a: f32[] = exp x\n}").unwrap();
        let rule = parse("graph r(x: f32[], t: f32[]) -> (a, b) {\n a: f32[] = exp x\n b: f32[] = neg t\n}").unwrap();
        let mut g = Graph::new("g");
        let x = g.input(&Aval::scalar(crate::dtype::DType::F32));
        let out = g.bind1(CustomJvp { call: Rc::new(call), rule: Rc::new(rule) }, &[x]);
        g.outputs = vec![out];
        let (jvp, nonzero) = crate::transform::jvp_graph(&g, &[true]);
        assert_eq!(nonzero, [true]);
        let outs = eval(&jvp, &[Array::f32(&[], &[0.0]), Array::f32(&[], &[3.0])]);
        assert_eq!((outs[0].item().to_f64(), outs[1].item().to_f64()), (1.0, -3.0));
    }

    #[test]
    fn nothing_is_computed_for_tangents_that_are_zero() {
        let call = parse("graph f(x: f32[], y: f32[]) -> (a) {\n a: f32[] = mul x y\n}").unwrap();
        let rule = "graph r(x: f32[], y: f32[], s: f32[], t: f32[]) -> (a, e) {\n a: f32[] = mul x y\n b: f32[] = sin x\n c: f32[] = mul b s\n d: f32[] = mul x t\n e: f32[] = add c d\n}";
        let mut g = Graph::new("g");
        let x = [0, 1].map(|_| g.input(&Aval::scalar(crate::dtype::DType::F32)));
        let op = CustomJvp { call: Rc::new(call), rule: Rc::new(parse(rule).unwrap()) };
        let out = g.bind1(op, &x);
        g.outputs = vec![out];
        let (jvp, _) = crate::transform::jvp_graph(&g, &[false, true]);
        let jvp = crate::passes::optimise(&jvp);
        assert!(!jvp.to_string().contains("sin"), "{jvp}");
    }
}
