//! What transformations have done to a function with a batching rule, to be done to the rule when it is called.

use std::rc::Rc;

use crate::graph::{Aval, Graph, Var};
use crate::ops::region::{instantiate, marked};
use crate::ops::{Batched, Reshape, Slice, Transpose, with_batch_axis};
use crate::passes::dce;
use crate::text::Param;
use crate::transform::{batch_graph, jvp_graph, partial_eval_graph, transpose_graph};

/// What a transformation does to a function: from a graph to a graph. The marks on results are those of the function, and
/// hold for its rule as well.
#[derive(Clone, Debug)]
pub enum Step {
    /// Forward mode along the operands marked; results, then tangents of those marked.
    Jvp {
        /// Operands with a tangent.
        ins: Vec<bool>,
        /// Results with a tangent.
        outs: Vec<bool>,
    },
    /// The results marked, from the operands not marked; then what is kept for later.
    Known {
        /// Operands that are unknown.
        ins: Vec<bool>,
        /// Results that are known.
        outs: Vec<bool>,
        /// What is kept, from the operands not marked. A rule keeps something else: this is of the function.
        kept: Rc<Graph>,
    },
    /// The results not marked, from the operands not marked, what was kept, and the operands marked.
    Later {
        /// Operands that are unknown.
        ins: Vec<bool>,
        /// Results that are known.
        outs: Vec<bool>,
        /// What was kept.
        kept: Vec<Aval>,
    },
    /// The transpose: takes the operands not marked and cotangents of the results marked.
    Transpose {
        /// Operands that the function is linear in.
        ins: Vec<bool>,
        /// Results with a cotangent.
        outs: Vec<bool>,
        /// Which of the linear operands get one.
        found: Vec<bool>,
    },
    /// Many tangents or cotangents at the same operands: no call of the function, but a batch of what it is made of.
    Batch {
        /// Operands with the batch axis.
        ins: Vec<bool>,
        /// Results with the batch axis.
        outs: Vec<bool>,
        /// Extent of the batch axis.
        size: usize,
    },
}

/// What an operand is to the function at the bottom of the transformations.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Role {
    /// The owner.
    pub whose: Whose,
    /// A tangent of it.
    pub tangent: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Whose {
    /// An operand of the function, by number.
    Operand(usize),
    /// Something that the first half of a derivative kept for the second.
    Kept,
    /// A cotangent of a result.
    Cotangent,
}

const KEPT: Role = Role { whose: Whose::Kept, tangent: false };
const COTANGENT: Role = Role { whose: Whose::Cotangent, tangent: false };

impl Step {
    /// The word for it in the text form.
    pub fn name(&self) -> &'static str {
        match self {
            Step::Jvp { .. } => "jvp",
            Step::Known { .. } => "known",
            Step::Later { .. } => "later",
            Step::Transpose { .. } => "transpose",
            Step::Batch { .. } => "batch",
        }
    }

    /// What the word is followed by.
    pub fn params(&self) -> Vec<Param> {
        match self {
            Step::Jvp { ins, outs } => vec![marks(ins), marks(outs)],
            Step::Known { ins, outs, kept } => vec![marks(ins), marks(outs), Param::Graph(kept.clone())],
            Step::Later { ins, outs, kept } => vec![marks(ins), marks(outs), avals(kept)],
            Step::Transpose { ins, outs, found } => vec![marks(ins), marks(outs), marks(found)],
            Step::Batch { ins, outs, size } => vec![marks(ins), marks(outs), Param::from(*size)],
        }
    }

    /// Marks on the operands, one each.
    pub fn ins(&self) -> &[bool] {
        match self {
            Step::Jvp { ins, .. }
            | Step::Known { ins, .. }
            | Step::Later { ins, .. }
            | Step::Transpose { ins, .. }
            | Step::Batch { ins, .. } => ins,
        }
    }

    /// From the text form.
    pub fn parse(p: &Param) -> Result<Step, String> {
        let wrong = || "a step is a word and its parameters".to_string();
        let Param::List(items) = p else { return Err(wrong()) };
        let Some((Param::Word(name), rest)) = items.split_first() else { return Err(wrong()) };
        let [ins, outs, rest @ ..] = rest else { return Err(wrong()) };
        let (ins, outs) = (parse_marks(ins)?, parse_marks(outs)?);
        Ok(match (&**name, rest) {
            ("jvp", []) => Step::Jvp { ins, outs },
            ("known", [Param::Graph(kept)]) => Step::Known { ins, outs, kept: kept.clone() },
            ("later", [kept]) => Step::Later { ins, outs, kept: parse_avals(kept)? },
            ("transpose", [found]) => Step::Transpose { ins, outs, found: parse_marks(found)? },
            ("batch", [Param::Int(size)]) if *size >= 0 => Step::Batch { ins, outs, size: *size as usize },
            _ => return Err(wrong()),
        })
    }

    /// What the step makes of a rule: of a graph whose results have a batch axis of `size` slices, and whose operands do
    /// that are marked in `mapped`. Or of a function, which has no batch axis yet.
    pub fn of(&self, graph: &Graph, size: Option<usize>, mapped: &[bool]) -> Graph {
        match self {
            Step::Jvp { ins, outs } => {
                let (mut g, nonzero) = jvp_graph(graph, ins);
                let mut tangents = g.outputs.split_off(outs.len()).into_iter();
                for ((wanted, nonzero), v) in outs.iter().zip(nonzero).zip(g.outputs.clone()) {
                    let t = if nonzero { tangents.next() } else { None };
                    if *wanted {
                        let aval = g.aval(v).clone();
                        let t = instantiate(&mut g, t, &aval);
                        g.outputs.push(t);
                    }
                }
                g
            }
            Step::Known { ins, outs, kept } => {
                // None of these results depends on what is unknown.
                let mut g = Graph::new(&graph.name);
                let mut args = Vec::new();
                for (aval, unknown) in graph.in_avals().iter().zip(ins) {
                    args.push(if *unknown { g.zeros(aval) } else { g.input(aval) });
                }
                let values = g.inline(graph, &args);
                g.outputs = marked(&values, outs).copied().collect();
                let mut g = dce(&g);
                let mapped: Vec<bool> = mapped.iter().zip(ins).filter(|(_, u)| !**u).map(|(m, _)| *m).collect();
                let kept = match size {
                    Some(size) => Rc::new(batch_graph(kept, &mapped, &vec![true; kept.outputs.len()], size).0),
                    None => kept.clone(),
                };
                let operands = g.inputs.clone();
                let kept = g.inline(&kept, &operands);
                g.outputs.extend(kept);
                g
            }
            Step::Later { ins, outs, kept } => {
                let cut = partial_eval_graph(graph, ins);
                let mut g = Graph::new(&graph.name);
                let operands: Vec<Var> = cut.known.in_avals().iter().map(|a| g.input(a)).collect();
                for aval in kept {
                    g.input(&size.map_or_else(|| aval.clone(), |n| aval.batched(n)));
                }
                let mut now = g.inline(&cut.known, &operands);
                let mut args = now.split_off(now.len() - cut.n_residuals);
                args.extend(cut.later.in_avals()[cut.n_residuals..].iter().map(|a| g.input(a)));
                let later = g.inline(&cut.later, &args);
                let (mut now, mut later) = (now.into_iter(), later.into_iter());
                for (unknown, known) in cut.out_unknown.iter().zip(outs) {
                    let v = if *unknown { later.next() } else { now.next() };
                    g.outputs.extend(v.filter(|_| !known));
                }
                dce(&g)
            }
            Step::Transpose { ins, outs, found } => {
                let (mut g, here) = transpose_graph(graph, ins, outs);
                let avals: Vec<Aval> = marked(&graph.in_avals(), ins).cloned().collect();
                let mut cts = std::mem::take(&mut g.outputs).into_iter();
                for ((wanted, here), aval) in found.iter().zip(here).zip(&avals) {
                    let ct = if here { cts.next() } else { None };
                    if *wanted {
                        let ct = instantiate(&mut g, ct, aval);
                        g.outputs.push(ct);
                    }
                }
                g
            }
            Step::Batch { ins, outs, size: inner } => {
                // The axis of the rule stays in front of this one.
                let (batch, batched) = batch_graph(graph, ins, &vec![false; outs.len()], *inner);
                let mut g = Graph::new(&graph.name);
                let mut args = Vec::new();
                for ((aval, marked), mapped) in graph.in_avals().iter().zip(ins).zip(mapped) {
                    args.push(match (marked, mapped) {
                        (true, true) => {
                            let mut shape = aval.shape.clone();
                            shape.insert(1, *inner);
                            let x = g.input(&aval.with_shape(&shape));
                            swap_leading_axes(&mut g, x)
                        }
                        (true, false) => g.input(&aval.batched(*inner)),
                        (false, _) => g.input(aval),
                    });
                }
                let values = g.inline(&batch, &args);
                for ((mut var, batched), wanted) in values.into_iter().zip(batched).zip(outs) {
                    if batched && !wanted {
                        // Does not depend on what is batched: all slices are the same.
                        let rest = g.shape(var)[1..].to_vec();
                        let (start, stride) = (vec![0; rest.len() + 1], vec![1; rest.len() + 1]);
                        let limit = [1].into_iter().chain(rest.iter().copied()).collect();
                        var = g.bind1(Slice { start, limit, stride }, &[var]);
                        var = g.bind1(Reshape { shape: rest }, &[var]);
                    }
                    if *wanted {
                        var = with_batch_axis(&mut g, Batched { var, batched }, *inner);
                        var = if size.is_some() { swap_leading_axes(&mut g, var) } else { var };
                    }
                    g.outputs.push(var);
                }
                g
            }
        }
    }

    /// What each operand is to the function, from the same before the step.
    pub fn roles(&self, before: &[Role]) -> Vec<Role> {
        let known = |ins: &[bool]| before.iter().zip(ins).filter(|(_, m)| !**m).map(|(r, _)| *r).collect::<Vec<_>>();
        match self {
            Step::Jvp { ins, .. } => {
                before.iter().copied().chain(marked(before, ins).map(|r| Role { tangent: true, ..*r })).collect()
            }
            Step::Known { ins, .. } => known(ins),
            Step::Later { ins, kept, .. } => {
                let kept = kept.iter().map(|_| KEPT);
                known(ins).into_iter().chain(kept).chain(marked(before, ins).copied()).collect()
            }
            Step::Transpose { ins, outs, .. } => {
                known(ins).into_iter().chain(marked(outs, outs).map(|_| COTANGENT)).collect()
            }
            Step::Batch { .. } => before.to_vec(),
        }
    }
}

fn swap_leading_axes(g: &mut Graph, x: Var) -> Var {
    let perm = [1, 0].into_iter().chain(2..g.aval(x).rank()).collect();
    g.bind1(Transpose { perm }, &[x])
}

fn avals(items: &[Aval]) -> Param {
    let aval = |a: &Aval| {
        let shape = a.shape.iter().map(|n| Param::from(*n));
        Param::List([Param::DType(a.dtype)].into_iter().chain(shape).collect())
    };
    Param::List(items.iter().map(aval).collect())
}

fn parse_avals(p: &Param) -> Result<Vec<Aval>, String> {
    let wrong = || "what is kept is a list of dtypes and extents".to_string();
    let Param::List(items) = p else { return Err(wrong()) };
    let mut out = Vec::new();
    for item in items {
        let Param::List(parts) = item else { return Err(wrong()) };
        let Some((Param::DType(dtype), shape)) = parts.split_first() else { return Err(wrong()) };
        let extent = |p: &Param| match p {
            Param::Int(n) if *n >= 0 => Ok(*n as usize),
            _ => Err(wrong()),
        };
        out.push(Aval::new(*dtype, &shape.iter().map(extent).collect::<Result<Vec<_>, _>>()?));
    }
    Ok(out)
}

/// Marks as a parameter.
pub fn marks(items: &[bool]) -> Param {
    Param::List(items.iter().map(|m| Param::Int(i64::from(*m))).collect())
}

/// Marks from a parameter.
pub fn parse_marks(p: &Param) -> Result<Vec<bool>, String> {
    match p {
        Param::List(items) if items.iter().all(|p| matches!(p, Param::Int(0 | 1))) => {
            Ok(items.iter().map(|p| matches!(p, Param::Int(1))).collect())
        }
        _ => Err("marks are a list of 0 and 1".to_string()),
    }
}
