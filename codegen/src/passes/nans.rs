//! `#[jit(debug_nans)]`: a check behind everything that computes floats.

use std::rc::Rc;

use crate::graph::{Graph, Src, Var};
use crate::ops::{Check, Compare, CompareOp, Constant, Imag, Not, Real, ReduceOr};
use crate::passes::{inline, rebuild};

/// `graph` with a check behind every equation with float results and one for every float input, inside loops and branches
/// too. The first that fails in the order of execution names the line where the first NaN arose; with `report` as a line on
/// the debug output, else as the error of the kernel.
pub fn debug_nans(graph: &Graph, line: &dyn Fn(Src) -> usize, report: bool) -> Graph {
    let mut out = checked(graph, line, report);
    // The inputs are looked at first: a NaN that came in arose elsewhere.
    let mut first = Graph::new(&out.name);
    let args: Vec<Var> = graph
        .inputs
        .iter()
        .map(|v| {
            let w = first.input(graph.aval(*v));
            first.name_var(w, graph.var_name(*v).unwrap_or("x"));
            w
        })
        .collect();
    for (v, w) in graph.inputs.iter().zip(&args) {
        let name = graph.var_name(*v).unwrap_or("an argument");
        check(&mut first, *w, format!("NaN came in with `{name}`"), 0, report);
    }
    out.name = graph.name.clone();
    first.outputs = first.inline(&out, &args);
    first
}

fn checked(graph: &Graph, line: &dyn Fn(Src) -> usize, report: bool) -> Graph {
    rebuild(&inline(graph), |g, eqn, ins| {
        if eqn.op.downcast::<Constant>().is_some() {
            return None;
        }
        let graphs = eqn.op.subgraphs();
        let op = match graphs.is_empty() {
            true => eqn.op.clone(),
            false => {
                let inner = graphs.iter().map(|inner| Rc::new(checked(inner, line, report))).collect();
                eqn.op.with_subgraphs(inner)
            }
        };
        let outs = g.bind(op, ins);
        if graphs.is_empty() {
            for v in &outs {
                let at = line(eqn.src);
                let mut text = format!("the first NaN is a result of `{}`", eqn.op.name());
                if report {
                    text = format!("line {at}: {text}");
                }
                check(g, *v, text, at, report);
            }
        }
        Some(outs)
    })
}

/// Appends a check that `v` holds no NaN, if it can hold one.
fn check(g: &mut Graph, v: Var, text: String, line: usize, report: bool) {
    let dtype = g.dtype(v);
    let parts = match dtype {
        d if d.is_complex() => vec![g.bind1(Real, &[v]), g.bind1(Imag, &[v])],
        d if d.is_float() => vec![v],
        _ => return,
    };
    for part in parts {
        let mut bad = g.bind1(Compare { op: CompareOp::Ne }, &[part, part]);
        let axes: Vec<usize> = (0..g.shape(part).len()).collect();
        if !axes.is_empty() {
            bad = g.bind1(ReduceOr { axes }, &[bad]);
        }
        let ok = g.bind1(Not, &[bad]);
        g.bind(Check { text: text.clone(), line, lanes: Vec::new(), report }, &[ok]);
    }
}
