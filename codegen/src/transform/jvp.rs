//! Forward mode: every equation is replaced by itself and its tangent, by the primitive's own rule.

use crate::graph::{Env, Graph, Var};
use crate::ops::Tangent;

/// Appends `graph` at `primals` and its tangents along `tangents`; `None` is a tangent known to be zero.
pub fn jvp_into(g: &mut Graph, graph: &Graph, primals: &[Var], tangents: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
    let mut env: Env<(Var, Tangent)> = Env::new(graph);
    env.set_all(&graph.inputs, primals.iter().copied().zip(tangents.iter().copied()));
    let outer = g.src;
    for eqn in &graph.eqns {
        g.src = eqn.src;
        let (x, t): (Vec<Var>, Vec<Tangent>) = env.get_all(&eqn.inputs).into_iter().unzip();
        let outs = if t.iter().all(Option::is_none) {
            g.bind(eqn.op.clone(), &x).into_iter().map(|y| (y, None)).collect::<Vec<_>>()
        } else {
            let (y, ty) = eqn.op.jvp(g, &x, &t);
            y.into_iter().zip(ty).collect()
        };
        for (v, (y, _)) in eqn.outputs.iter().zip(&outs) {
            if let Some(name) = graph.var_name(*v) {
                g.name_var(*y, name);
            }
        }
        env.set_all(&eqn.outputs, outs);
    }
    g.src = outer;
    env.get_all(&graph.outputs).into_iter().unzip()
}

/// The jvp of `graph` as a graph: takes the primals, then a tangent for each input marked in `nonzero`; yields the
/// primal results, then the tangents of those marked in the second value.
pub fn jvp_graph(graph: &Graph, nonzero: &[bool]) -> (Graph, Vec<bool>) {
    let mut g = Graph::new(&graph.name);
    let primals: Vec<Var> = graph.in_avals().iter().map(|a| g.input(a)).collect();
    let tangents: Vec<Tangent> = graph.in_avals().iter().zip(nonzero).map(|(a, nz)| nz.then(|| g.input(a))).collect();
    let (outs, out_tangents) = jvp_into(&mut g, graph, &primals, &tangents);
    let out_nonzero = out_tangents.iter().map(Option::is_some).collect();
    g.outputs = outs.into_iter().chain(out_tangents.into_iter().flatten()).collect();
    (g, out_nonzero)
}
