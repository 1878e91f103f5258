//! Graph to graph: less work, the same bits.
//!
//! [`optimise`] is what every kernel goes through: calls are spliced in, then [`simplify`], [`cse`] and [`dce`] run until
//! nothing changes.

use std::collections::HashMap;
use std::rc::Rc;

use crate::graph::{Env, Eqn, Graph, Var};
use crate::ops::Narrowed;
use crate::ops::region::marked;
use crate::passes::ranges::{Range, Ranges};

pub mod branches;
pub mod bytes;
pub mod motion;
pub mod nans;
pub mod parts;
pub mod ranges;
pub mod recompute;
pub mod rows;
pub mod simplify;
pub mod strips;

/// Rounds after which a graph is taken as it is; each round shrinks it, so this is far more than is ever needed.
const MAX_ROUNDS: usize = 16;

/// The graph that is scheduled.
pub fn optimise(graph: &Graph) -> Graph {
    settled_with(inside(&prepare(graph), simplify::simplify, &[]), simplify::simplify, &[])
}

/// [`optimise`] where rounding may differ: `#[jit(fast)]`.
pub fn optimise_fast(graph: &Graph) -> Graph {
    settled_with(inside(&prepare(graph), simplify::simplify_fast, &[]), simplify::simplify_fast, &[])
}

/// [`simplify`], [`cse`] and [`dce`] until nothing changes.
pub fn settled(graph: Graph) -> Graph {
    settled_with(graph, simplify::simplify, &[])
}

/// Rules, given what is known of the inputs of a graph.
type Simplify = fn(&Graph, &[Option<Range>]) -> Graph;

fn settled_with(graph: Graph, simplify: Simplify, known: &[Option<Range>]) -> Graph {
    let mut g = dce(&graph);
    for _ in 0..MAX_ROUNDS {
        let next = dce(&cse(&simplify(&branches::share(&motion::hoist(&g)), known)));
        let settled = next.eqns.len() == g.eqns.len()
            && next.eqns.iter().zip(&g.eqns).all(|(a, b)| a.op == b.op && a.inputs == b.inputs);
        g = next;
        if settled {
            break;
        }
    }
    g
}

/// What has to be done to a graph before it can be scheduled, optimised or not.
pub fn prepare(graph: &Graph) -> Graph {
    let g = bytes::bools_as_bytes(&inline(graph));
    rebuild(&g, |g, eqn, ins| within(g, eqn, ins, |_, inner| prepare(inner)))
}

/// The equation with `f` of each graph that it holds and its number.
fn within(g: &mut Graph, eqn: &Eqn, ins: &[Var], f: impl Fn(usize, &Graph) -> Graph) -> Option<Vec<Var>> {
    let graphs = eqn.op.subgraphs();
    if graphs.is_empty() {
        return None;
    }
    let graphs = graphs.iter().enumerate().map(|(n, inner)| Rc::new(f(n, inner))).collect();
    Some(g.bind(eqn.op.with_subgraphs(graphs), ins))
}

/// Optimises the graphs that equations hold, given what is known of the inputs.
fn inside(graph: &Graph, simplify: Simplify, known: &[Option<Range>]) -> Graph {
    let mut ranges = Ranges::of_inputs(graph, known);
    rebuild(graph, |g, eqn, ins| {
        ranges.see(graph, eqn);
        let operands: Vec<Option<Range>> = eqn.inputs.iter().map(|v| ranges.get(*v)).collect();
        within(g, eqn, ins, |n, inner| {
            let known = eqn.op.known_inputs(n, &operands);
            settled_with(inside(&prepare(inner), simplify, &known), simplify, &known)
        })
    })
}

/// Splices in the graphs of equations that only stand for one.
pub fn inline(graph: &Graph) -> Graph {
    let mut g = graph.clone();
    // What is spliced in may stand for something itself.
    while g.eqns.iter().any(|e| e.op.is_inlined()) {
        g = rebuild(&g, |g, eqn, ins| eqn.op.inlined_on(g, ins));
    }
    g
}

/// Drops equations whose results nobody reads, and such results of equations that hold graphs.
pub fn dce(graph: &Graph) -> Graph {
    let mut live = vec![false; graph.n_vars()];
    for v in &graph.outputs {
        live[v.0 as usize] = true;
    }
    let mut keep = vec![false; graph.eqns.len()];
    let mut narrowed: Vec<Option<Narrowed>> = vec![None; graph.eqns.len()];
    for (n, eqn) in graph.eqns.iter().enumerate().rev() {
        let read: Vec<bool> = eqn.outputs.iter().map(|v| live[v.0 as usize]).collect();
        keep[n] = eqn.op.has_effect() || read.contains(&true);
        if keep[n] {
            narrowed[n] = eqn.op.narrowed(&read);
            let needs = |k: usize| narrowed[n].as_ref().is_none_or(|less| less.inputs[k]);
            for (k, v) in eqn.inputs.iter().enumerate() {
                live[v.0 as usize] |= needs(k);
            }
        }
    }
    let mut small = graph.clone();
    small.eqns.clear();
    let mut kept = Vec::new();
    for ((eqn, keep), less) in graph.eqns.iter().zip(keep).zip(narrowed) {
        if keep {
            let inputs = match &less {
                Some(less) => marked(&eqn.inputs, &less.inputs).copied().collect(),
                None => eqn.inputs.clone(),
            };
            small.eqns.push(Eqn { inputs, ..eqn.clone() });
            kept.push(less);
        }
    }
    let mut kept = kept.into_iter();
    // Variables are numbered anew, so that dead ones take no room.
    rebuild(&small, |g, eqn, ins| {
        let less = kept.next().expect("one per equation")?;
        let mut outs = g.bind(less.op, ins).into_iter();
        let all = eqn.outputs.iter().zip(&less.outputs);
        // Nothing reads what is not there.
        Some(
            all.map(
                |(v, keep)| if *keep { outs.next().expect("one per result") } else { g.fresh(small.aval(*v).clone()) },
            )
            .collect(),
        )
    })
}

/// Computes equal things once.
pub fn cse(graph: &Graph) -> Graph {
    let mut seen: HashMap<(String, Vec<Var>), Vec<Var>> = HashMap::new();
    rebuild(graph, |g, eqn, ins| {
        if eqn.op.has_effect() {
            return None;
        }
        let mut operands = ins.to_vec();
        if eqn.op.commutes() {
            operands.sort_unstable();
        }
        let key = (eqn.op.text(), operands);
        if let Some(outs) = seen.get(&key) {
            return Some(outs.clone());
        }
        let outs = g.bind(eqn.op.clone(), ins);
        seen.insert(key, outs.clone());
        Some(outs)
    })
}

/// [`cse`], in the graphs that equations hold too.
pub fn cse_everywhere(graph: &Graph) -> Graph {
    rebuild(&cse(graph), |g, eqn, ins| within(g, eqn, ins, |_, inner| cse_everywhere(inner)))
}

/// Builds a graph anew: `f` gets each equation with its new operands and may say what takes the place of its results.
pub fn rebuild(graph: &Graph, mut f: impl FnMut(&mut Graph, &Eqn, &[Var]) -> Option<Vec<Var>>) -> Graph {
    let mut g = Graph::new(&graph.name);
    let mut env: Env<Var> = Env::new(graph);
    for v in &graph.inputs {
        let w = g.input(graph.aval(*v));
        if let Some(name) = graph.var_name(*v) {
            g.name_var(w, name);
        }
        env.set(*v, w);
    }
    for eqn in &graph.eqns {
        g.src = eqn.src;
        let ins = env.get_all(&eqn.inputs);
        let outs = match f(&mut g, eqn, &ins) {
            Some(outs) => outs,
            None => g.bind(eqn.op.clone(), &ins),
        };
        for (v, w) in eqn.outputs.iter().zip(&outs) {
            if let Some(name) = graph.var_name(*v)
                && !graph.inputs.iter().any(|i| env.find(*i) == Some(w))
            {
                g.name_var(*w, name);
            }
        }
        env.set_all(&eqn.outputs, outs);
    }
    g.outputs = env.get_all(&graph.outputs);
    g
}

#[cfg(test)]
mod tests;
