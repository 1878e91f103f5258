//! Transposition of linear graphs: run the equations backwards, adding up cotangents.
//!
//! The sign of a cotangent is noted, not computed: through a linear equation it comes out at the other end, and where parts are
//! added up it tells sums from differences.

use crate::graph::{Env, Eqn, Graph, Var};
use crate::ops::cotangents::{Signed, sum_cotangents};
use crate::ops::{Operand, Tangent};

/// Appends the transpose of `graph`, which is linear in the inputs whose entry in `known` is `None`; the others have the
/// given values. `cts` are the cotangents of the results; returns those of the inputs (`None` for known ones and zeros).
pub fn transpose_into(g: &mut Graph, graph: &Graph, known: &[Option<Var>], cts: &[Tangent]) -> Vec<Tangent> {
    transpose_onto(g, graph, known, cts, &vec![None; known.len()])
}

/// [`transpose_into`], where the cotangents of inputs are added to what there is `so_far`.
pub fn transpose_onto(
    g: &mut Graph,
    graph: &Graph,
    known: &[Option<Var>],
    cts: &[Tangent],
    so_far: &[Tangent],
) -> Vec<Tangent> {
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
    let mut ct_env: Env<Vec<Signed>> = Env::new(graph);
    for (v, sum) in graph.inputs.iter().zip(so_far) {
        accumulate(&mut ct_env, &values, *v, sum.map(Signed::plus));
    }
    for (v, ct) in graph.outputs.iter().zip(cts) {
        accumulate(&mut ct_env, &values, *v, ct.map(Signed::plus));
    }
    for eqn in linear.into_iter().rev() {
        let mut take = |v: &Var| ct_env.take(*v).and_then(|parts| sum_cotangents(g, parts));
        let signed: Vec<Option<Signed>> = eqn.outputs.iter().map(&mut take).collect();
        if signed.iter().all(Option::is_none) {
            continue;
        }
        g.src = eqn.src;
        let minus = signed[0].is_some_and(|ct| ct.minus) && keeps_sign(graph, &values, eqn);
        let ct: Vec<Tangent> = signed.iter().map(|ct| ct.map(|ct| if minus { ct.var } else { ct.value(g) })).collect();
        let ins: Vec<Operand> = eqn
            .inputs
            .iter()
            .map(|v| match values.find(*v) {
                Some(k) => Operand::Known(*k),
                None => Operand::Linear(graph.aval(*v).clone()),
            })
            .collect();
        let first = g.eqns.len();
        let in_cts = eqn.op.transpose(g, &ct, &ins);
        for (v, ct) in eqn.inputs.iter().zip(in_cts) {
            let ct = ct.map(|ct| Signed::of(g, first, ct).times(minus));
            accumulate(&mut ct_env, &values, *v, ct);
        }
    }
    g.src = outer;
    let mut sum = |v: &Var| ct_env.take(*v).and_then(|parts| sum_cotangents(g, parts)).map(|ct| ct.value(g));
    graph.inputs.iter().map(&mut sum).collect()
}

/// Whether a cotangent's sign waits until behind the equation: not where it would then be computed for more elements, and not
/// where a graph inside may need several values.
fn keeps_sign(graph: &Graph, values: &Env<Var>, eqn: &Eqn) -> bool {
    let [out] = eqn.outputs[..] else { return false };
    let size = |v: Var| graph.aval(v).size();
    let spreads = eqn.inputs.iter().any(|v| values.find(*v).is_none() && size(*v) > size(out));
    eqn.op.subgraphs().is_empty() && !spreads
}

/// Notes one more cotangent of `v`, unless its value is known.
fn accumulate(cts: &mut Env<Vec<Signed>>, values: &Env<Var>, v: Var, ct: Option<Signed>) {
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
