//! Transposition of linear graphs: run the equations backwards, adding up cotangents.

use crate::graph::{Env, Graph, Var};
use crate::ops::{Operand, Tangent, sum_cotangents};

/// Appends the transpose of `graph`, which is linear in the inputs whose entry in `known` is `None`; the others have the
/// given values. `cts` are the cotangents of the results; returns those of the inputs (`None` for known ones and zeros).
pub fn transpose_into(g: &mut Graph, graph: &Graph, known: &[Option<Var>], cts: &[Tangent]) -> Vec<Tangent> {
    let outer = g.src;
    // What does not depend on a linear input is computed forwards.
    let mut values: Env<Var> = Env::new(graph);
    for (v, k) in graph.inputs.iter().zip(known) {
        if let Some(k) = k {
            values.set(*v, *k);
        }
    }
    let mut linear = Vec::new();
    for eqn in &graph.eqns {
        if eqn.inputs.iter().all(|v| values.find(*v).is_some()) {
            g.src = eqn.src;
            let outs = g.bind(eqn.op.clone(), &values.get_all(&eqn.inputs));
            values.set_all(&eqn.outputs, outs);
        } else {
            linear.push(eqn);
        }
    }
    let mut ct_env: Env<Vec<Var>> = Env::new(graph);
    for (v, ct) in graph.outputs.iter().zip(cts) {
        accumulate(&mut ct_env, &values, *v, *ct);
    }
    for eqn in linear.into_iter().rev() {
        let mut take = |v: &Var| ct_env.take(*v).and_then(|parts| sum_cotangents(g, parts));
        let ct: Vec<Tangent> = eqn.outputs.iter().map(&mut take).collect();
        if ct.iter().all(Option::is_none) {
            continue;
        }
        g.src = eqn.src;
        let ins: Vec<Operand> = eqn
            .inputs
            .iter()
            .map(|v| match values.find(*v) {
                Some(k) => Operand::Known(*k),
                None => Operand::Linear(graph.aval(*v).clone()),
            })
            .collect();
        let in_cts = eqn.op.transpose(g, &ct, &ins);
        for (v, ct) in eqn.inputs.iter().zip(in_cts) {
            accumulate(&mut ct_env, &values, *v, ct);
        }
    }
    g.src = outer;
    graph.inputs.iter().map(|v| ct_env.take(*v).and_then(|parts| sum_cotangents(g, parts))).collect()
}

/// Notes one more cotangent of `v`, unless its value is known.
fn accumulate(cts: &mut Env<Vec<Var>>, values: &Env<Var>, v: Var, ct: Tangent) {
    let (Some(ct), None) = (ct, values.find(v)) else { return };
    let mut parts = cts.take(v).unwrap_or_default();
    parts.push(ct);
    cts.set(v, parts);
}

/// The transpose of `graph` as a graph of its own. It takes the inputs not marked in `linear`, then the cotangents of
/// the results marked in `ct_nonzero`; yields the cotangents of the linear inputs that the second value marks (it has an
/// entry per linear input).
pub fn transpose_graph(graph: &Graph, linear: &[bool], ct_nonzero: &[bool]) -> (Graph, Vec<bool>) {
    let mut g = Graph::new(&graph.name);
    let known: Vec<Option<Var>> = graph.in_avals().iter().zip(linear).map(|(a, l)| (!l).then(|| g.input(a))).collect();
    let cts: Vec<Tangent> = graph.out_avals().iter().zip(ct_nonzero).map(|(a, nz)| nz.then(|| g.input(a))).collect();
    let outs = transpose_into(&mut g, graph, &known, &cts);
    let outs: Vec<Tangent> = outs.into_iter().zip(linear).filter(|(_, l)| **l).map(|(t, _)| t).collect();
    g.outputs = outs.iter().copied().flatten().collect();
    (g, outs.iter().map(Option::is_some).collect())
}
