//! The reference evaluator: what a graph means, one primitive at a time. The oracle of every test.

use crate::array::Array;
use crate::graph::{Env, Graph};

/// Results of `graph` on `args`, which must have the types of its inputs.
pub fn eval(graph: &Graph, args: &[Array]) -> Vec<Array> {
    let mut env = Env::new(graph);
    for (v, a) in graph.inputs.iter().zip(args) {
        debug_assert_eq!(graph.aval(*v), a.aval(), "argument of {}", graph.name);
        env.set(*v, a.clone());
    }
    for eqn in &graph.eqns {
        let ins: Vec<&Array> = eqn.inputs.iter().map(|v| env.find(*v).expect("SSA order")).collect();
        let outs = eqn.op.eval(&ins);
        for (v, out) in eqn.outputs.iter().zip(outs) {
            debug_assert_eq!(graph.aval(*v), out.aval(), "result of {}", eqn.op.text());
            env.set(*v, out);
        }
    }
    env.get_all(&graph.outputs)
}
