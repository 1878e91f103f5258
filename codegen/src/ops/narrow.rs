//! Equations that hold graphs, without the results that nobody reads: a carry that only feeds itself goes, and with it
//! what it was computed from.

use crate::graph::Graph;
use crate::ops::Op;
use crate::passes::dce;

/// An op with fewer operands or results.
#[derive(Clone, Debug)]
pub struct Narrowed {
    /// What is left of it.
    pub op: Op,
    /// Which operands it still takes.
    pub inputs: Vec<bool>,
    /// Which results it still yields.
    pub outputs: Vec<bool>,
}

/// `graph` with the results marked in `keep`, and nothing that only the others need.
pub fn with_outputs(graph: &Graph, keep: &[bool]) -> Graph {
    let mut g = graph.clone();
    let mut keep = keep.iter();
    g.outputs.retain(|_| *keep.next().expect("one per result"));
    dce(&g)
}

/// `graph` without the inputs that are not marked in `keep`; nothing reads them.
pub fn with_inputs(graph: &Graph, keep: &[bool]) -> Graph {
    let mut g = graph.clone();
    let mut keep = keep.iter();
    g.inputs.retain(|_| *keep.next().expect("one per input"));
    g
}

/// Which inputs anything reads.
pub fn read_inputs(graph: &Graph) -> Vec<bool> {
    let mut read = vec![false; graph.n_vars()];
    for v in graph.eqns.iter().flat_map(|e| &e.inputs).chain(&graph.outputs) {
        read[v.0 as usize] = true;
    }
    graph.inputs.iter().map(|v| read[v.0 as usize]).collect()
}
