//! Linearisation: forward mode, then partial evaluation into what can run now and what is linear in the tangents.

use crate::graph::{Env, Eqn, Graph, Var};
use crate::ops::Constant;
use crate::passes::{cse_everywhere, dce};
use crate::transform::jvp_graph;

/// A graph cut in two along which inputs are known.
#[derive(Debug)]
pub struct PartialEval {
    /// Takes the known inputs; yields the known results, then the residuals.
    pub known: Graph,
    /// Takes the residuals, then the unknown inputs; yields the unknown results.
    pub later: Graph,
    /// Which results are unknown.
    pub out_unknown: Vec<bool>,
    /// Number of residuals.
    pub n_residuals: usize,
}

/// Where a variable of the original graph now lives.
#[derive(Clone, Copy)]
enum Place {
    Known(Var),
    Later(Var),
}

/// Cuts `graph`: an equation is known when all it reads is known; primitives that hold graphs may be split themselves.
pub fn partial_eval_graph(graph: &Graph, unknown_in: &[bool]) -> PartialEval {
    let mut cut = Cut {
        known: Graph::new(&graph.name),
        later: Graph::new(&graph.name),
        residuals: Vec::new(),
        lifted: Vec::new(),
    };
    let mut env: Env<Place> = Env::new(graph);
    let mut unknown_vars = Vec::new();
    for (v, unknown) in graph.inputs.iter().zip(unknown_in) {
        let aval = graph.aval(*v);
        env.set(
            *v,
            if *unknown {
                let w = cut.later.fresh(aval.clone());
                unknown_vars.push(w);
                Place::Later(w)
            } else {
                Place::Known(cut.known.input(aval))
            },
        );
        name_after(&mut cut, graph, *v, env.get(*v));
    }
    for eqn in &graph.eqns {
        let ins = env.get_all(&eqn.inputs);
        let unknown: Vec<bool> = ins.iter().map(|p| matches!(p, Place::Later(_))).collect();
        let outs = cut.eqn(eqn, &ins, &unknown);
        for (v, place) in eqn.outputs.iter().zip(&outs) {
            name_after(&mut cut, graph, *v, *place);
        }
        env.set_all(&eqn.outputs, outs);
    }
    let mut out_unknown = Vec::new();
    for v in &graph.outputs {
        match env.get(*v) {
            Place::Known(w) => {
                cut.known.outputs.push(w);
                out_unknown.push(false);
            }
            Place::Later(w) => {
                cut.later.outputs.push(w);
                out_unknown.push(true);
            }
        }
    }
    let n_residuals = cut.residuals.len();
    cut.known.outputs.extend(&cut.residuals);
    cut.later.inputs = cut.lifted.into_iter().chain(unknown_vars).collect();
    PartialEval { known: cut.known, later: cut.later, out_unknown, n_residuals }
}

fn name_after(cut: &mut Cut, graph: &Graph, v: Var, place: Place) {
    if let Some(name) = graph.var_name(v) {
        match place {
            Place::Known(w) => cut.known.name_var(w, name),
            Place::Later(w) => cut.later.name_var(w, name),
        }
    }
}

struct Cut {
    known: Graph,
    later: Graph,
    /// Variables of `known` that `later` reads, and what they are there.
    residuals: Vec<Var>,
    lifted: Vec<Var>,
}

impl Cut {
    fn eqn(&mut self, eqn: &Eqn, ins: &[Place], unknown: &[bool]) -> Vec<Place> {
        self.known.src = eqn.src;
        self.later.src = eqn.src;
        if !unknown.contains(&true) {
            let vars: Vec<Var> = ins.iter().filter_map(known_var).collect();
            return self.known.bind(eqn.op.clone(), &vars).into_iter().map(Place::Known).collect();
        }
        let Some(split) = eqn.op.partial_eval(unknown) else {
            let vars: Vec<Var> = ins.iter().map(|p| self.in_later(*p)).collect();
            return self.later.bind(eqn.op.clone(), &vars).into_iter().map(Place::Later).collect();
        };
        let vars: Vec<Var> = ins.iter().filter_map(known_var).collect();
        let mut known_outs = self.known.inline(&split.known, &vars);
        let residuals = known_outs.split_off(split.known_out.iter().filter(|k| **k).count());
        let mut vars: Vec<Var> = residuals.into_iter().map(|r| self.in_later(Place::Known(r))).collect();
        vars.extend(ins.iter().filter_map(|p| match p {
            Place::Later(v) => Some(*v),
            Place::Known(_) => None,
        }));
        let later_outs = self.later.inline(&split.later, &vars);
        let (mut known_outs, mut later_outs) = (known_outs.into_iter(), later_outs.into_iter());
        split
            .known_out
            .iter()
            .map(|known| {
                if *known {
                    Place::Known(known_outs.next().expect("as many as marked"))
                } else {
                    Place::Later(later_outs.next().expect("as many as marked"))
                }
            })
            .collect()
    }

    /// The value in the later graph; a known one becomes a residual, but for constants, which are cheaper to repeat.
    fn in_later(&mut self, place: Place) -> Var {
        let v = match place {
            Place::Later(v) => return v,
            Place::Known(v) => v,
        };
        if let Some(n) = self.residuals.iter().position(|r| *r == v) {
            return self.lifted[n];
        }
        let definition = self.known.eqns.iter().find(|e| e.outputs[..] == [v]);
        if let Some(op) = definition.map(|e| &e.op).filter(|op| op.downcast::<Constant>().is_some()) {
            return self.later.bind1(op.clone(), &[]);
        }
        let w = self.later.fresh(self.known.aval(v).clone());
        if let Some(name) = self.known.var_name(v) {
            self.later.name_var(w, name);
        }
        self.residuals.push(v);
        self.lifted.push(w);
        w
    }
}

fn known_var(place: &Place) -> Option<Var> {
    match place {
        Place::Known(v) => Some(*v),
        Place::Later(_) => None,
    }
}

/// The linear map that a function is near a point.
#[derive(Clone, Debug)]
pub struct Linear {
    /// Takes the residuals, then the tangents of the inputs that have one; yields the tangents of the results that are
    /// not known to be zero.
    pub graph: Graph,
    /// The residuals, in the graph that was built into.
    pub residuals: Vec<Var>,
    /// Which results have a tangent.
    pub out_nonzero: Vec<bool>,
}

/// Appends `graph` at `primals`; returns its results and the linear map from the tangents of the inputs marked in
/// `nonzero` to those of the results.
pub fn linearize_into(g: &mut Graph, graph: &Graph, primals: &[Var], nonzero: &[bool]) -> (Vec<Var>, Linear) {
    // What is computed twice has one tangent and one cotangent; both factors of a square have the same part in it.
    let (jvp, mut out_nonzero) = jvp_graph(&cse_everywhere(graph), nonzero);
    // Loops leave off the tangents that nothing reads: they may have no reverse mode.
    let jvp = dce(&cse_everywhere(&jvp));
    let n_tangents = jvp.inputs.len() - primals.len();
    let unknown: Vec<bool> = (0..jvp.inputs.len()).map(|n| n >= primals.len()).collect();
    let PartialEval { known, mut later, out_unknown, n_residuals } = partial_eval_graph(&jvp, &unknown);
    let mut outs = g.inline(&known, primals);
    let residuals = outs.split_off(outs.len() - n_residuals);
    // A tangent that depends on no tangent of the inputs, as the constant zero of a rule of the user's, is none.
    let mut tangents_known = out_unknown[graph.outputs.len()..].iter().map(|u| !u);
    for nonzero in out_nonzero.iter_mut().filter(|n| **n) {
        *nonzero = !tangents_known.next().expect("one per tangent");
    }
    debug_assert!(out_unknown[..graph.outputs.len()].iter().all(|u| !u));
    outs.truncate(graph.outputs.len());
    later.name = graph.name.clone();
    debug_assert_eq!(later.inputs.len(), n_residuals + n_tangents);
    (outs, Linear { graph: later, residuals, out_nonzero })
}
