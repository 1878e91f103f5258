//! Batching: every equation is replaced by itself over a leading axis, by the primitive's own rule.

use crate::graph::{Env, Graph, Var};
use crate::ops::{Batched, with_batch_axis};

/// Appends `graph` applied to every slice of the batched `args`. Values that depend on no batched argument stay single.
pub fn batch_into(g: &mut Graph, graph: &Graph, args: &[Batched], size: usize) -> Vec<Batched> {
    let mut env: Env<Batched> = Env::new(graph);
    env.set_all(&graph.inputs, args.iter().copied());
    let outer = g.src;
    for eqn in &graph.eqns {
        g.src = eqn.src;
        let ins = env.get_all(&eqn.inputs);
        let outs = if ins.iter().any(|b| b.batched) {
            eqn.op.batch(g, &ins, size)
        } else {
            let vars: Vec<Var> = ins.iter().map(|b| b.var).collect();
            g.bind(eqn.op.clone(), &vars).into_iter().map(|var| Batched { var, batched: false }).collect()
        };
        for (v, out) in eqn.outputs.iter().zip(&outs) {
            if let Some(name) = graph.var_name(*v) {
                g.name_var(out.var, name);
            }
        }
        env.set_all(&eqn.outputs, outs);
    }
    g.src = outer;
    env.get_all(&graph.outputs)
}

/// The batched form of `graph` as a graph of its own: inputs marked in `batched` have the batch axis, and so have the
/// results marked in `force_out` or in the second value, which says what came out batched.
pub fn batch_graph(graph: &Graph, batched: &[bool], force_out: &[bool], size: usize) -> (Graph, Vec<bool>) {
    let mut g = Graph::new(&graph.name);
    let args: Vec<Batched> = graph
        .in_avals()
        .iter()
        .zip(batched)
        .map(|(a, b)| Batched { var: g.input(&if *b { a.batched(size) } else { a.clone() }), batched: *b })
        .collect();
    let outs = batch_into(&mut g, graph, &args, size);
    let mut out_batched = Vec::new();
    for (out, force) in outs.into_iter().zip(force_out) {
        let var = if *force { with_batch_axis(&mut g, out, size) } else { out.var };
        g.outputs.push(var);
        out_batched.push(out.batched || *force);
    }
    (g, out_batched)
}
