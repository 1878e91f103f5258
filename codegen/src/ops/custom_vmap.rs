//! `custom_vmap`: a function with the user's own batching rule.

use std::cell::RefCell;
use std::rc::Rc;

use crate::array::Array;
use crate::eval::eval;
use crate::graph::{Aval, Graph, Var};
use crate::ops::custom_jvp::check_call;
use crate::ops::region::{instantiate, marked};
use crate::ops::{Batched, Lowering, Op, OpError, Operand, Primitive, Split, Tangent, param, with_batch_axis};
use crate::passes::dce;
use crate::text::{Param, Params};
use crate::transform::{jvp_graph, partial_eval_graph, transpose_graph};

/// Stands for `call`; batching takes the rule instead. Inlined before lowering.
///
/// What a transformation makes of it is one again: the same function with the same rule, and the transformation noted down.
/// Batched later, the transformations are done to the rule. So a rule is found in any order of `vmap` and `grad`; in
/// exchange, the linear half of a derivative starts from the operands, as that of `checkpoint` does. Outside of loops it
/// computes nothing twice: what both halves have in common is merged.
#[derive(Clone, Debug)]
pub struct CustomVmap {
    /// The function, transformed by `steps`.
    pub call: Rc<Graph>,
    /// The rule of the function itself.
    pub rule: Rc<BatchRule>,
    /// What was done to the function, in order.
    pub steps: Vec<Step>,
}

/// A rule: graphs for the extents and operands that it was asked about, found by whoever traces.
#[derive(Debug)]
pub struct BatchRule {
    /// Tells rules apart.
    pub id: usize,
    found: RefCell<Vec<Rule>>,
}

/// A rule for one extent and one choice of batched operands.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Extent of the batch axis.
    pub size: usize,
    /// Which operands have it.
    pub ins: Vec<bool>,
    /// Which results have it.
    pub outs: Vec<bool>,
    /// Takes the operands, yields the results.
    pub graph: Rc<Graph>,
}

/// What batching unwinds with where a rule has not been traced for what is wanted; whoever traces does so and starts the
/// transformation again.
#[derive(Debug)]
pub struct NeedsRule {
    /// Of the rule.
    pub id: usize,
    /// Extent of the batch axis.
    pub size: usize,
    /// Which operands have it.
    pub ins: Vec<bool>,
}

impl BatchRule {
    /// A rule that has not been asked about anything.
    pub fn new(id: usize) -> Rc<BatchRule> {
        Rc::new(BatchRule { id, found: RefCell::default() })
    }

    /// Notes the rule for one more case.
    pub fn learn(&self, rule: Rule) {
        self.found.borrow_mut().push(rule);
    }

    /// The rule for a case; unwinds with [`NeedsRule`] if it has not been traced.
    fn of(&self, size: usize, ins: &[bool]) -> Rule {
        let found = self.found.borrow().iter().find(|r| r.size == size && r.ins == ins).cloned();
        found.unwrap_or_else(|| {
            std::panic::resume_unwind(Box::new(NeedsRule { id: self.id, size, ins: ins.to_vec() }))
        })
    }
}

/// What a transformation does to a function: from a graph to a graph. The marks on results are those of the function, and
/// hold for its rule as well.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Forward mode along the operands marked; results, then tangents of those marked.
    Jvp {
        /// Operands with a tangent.
        ins: Vec<bool>,
        /// Results with a tangent.
        outs: Vec<bool>,
    },
    /// The results marked, from the operands not marked.
    Known {
        /// Operands that are unknown.
        ins: Vec<bool>,
        /// Results that are known.
        outs: Vec<bool>,
    },
    /// The results not marked, from the operands not marked, then those marked.
    Later {
        /// Operands that are unknown.
        ins: Vec<bool>,
        /// Results that are known.
        outs: Vec<bool>,
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
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Step::Jvp { .. } => "jvp",
            Step::Known { .. } => "known",
            Step::Later { .. } => "later",
            Step::Transpose { .. } => "transpose",
        }
    }

    fn marks(&self) -> Vec<&Vec<bool>> {
        match self {
            Step::Jvp { ins, outs } | Step::Known { ins, outs } | Step::Later { ins, outs } => vec![ins, outs],
            Step::Transpose { ins, outs, found } => vec![ins, outs, found],
        }
    }

    fn parse(p: &Param) -> Result<Step, String> {
        let wrong = || "a step is a word and lists of marks".to_string();
        let Param::List(items) = p else { return Err(wrong()) };
        let (Some(Param::Word(name)), marks) = (items.first(), &items[items.len().min(1)..]) else { return Err(wrong()) };
        let marks: Vec<Vec<bool>> = marks.iter().map(parse_marks).collect::<Result<_, _>>()?;
        Ok(match (&**name, &marks[..]) {
            ("jvp", [ins, outs]) => Step::Jvp { ins: ins.clone(), outs: outs.clone() },
            ("known", [ins, outs]) => Step::Known { ins: ins.clone(), outs: outs.clone() },
            ("later", [ins, outs]) => Step::Later { ins: ins.clone(), outs: outs.clone() },
            ("transpose", [ins, outs, found]) => {
                Step::Transpose { ins: ins.clone(), outs: outs.clone(), found: found.clone() }
            }
            _ => return Err(wrong()),
        })
    }

    /// What the step makes of a function.
    fn of(&self, graph: &Graph) -> Graph {
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
            Step::Known { ins, outs } => {
                // None of these results depends on what is unknown.
                let mut g = Graph::new(&graph.name);
                let mut args = Vec::new();
                for (aval, unknown) in graph.in_avals().iter().zip(ins) {
                    args.push(if *unknown { g.zeros(aval) } else { g.input(aval) });
                }
                let values = g.inline(graph, &args);
                g.outputs = marked(&values, outs).copied().collect();
                dce(&g)
            }
            Step::Later { ins, outs } => {
                let cut = partial_eval_graph(graph, ins);
                let mut g = Graph::new(&graph.name);
                let operands: Vec<Var> = cut.known.in_avals().iter().map(|a| g.input(a)).collect();
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
        }
    }

    /// Which operand of the function each operand belongs to, from the same before the step. A cotangent belongs to none.
    fn owners(&self, before: &[Option<usize>]) -> Vec<Option<usize>> {
        let known = |ins: &[bool]| before.iter().zip(ins).filter(|(_, m)| !**m).map(|(o, _)| *o).collect::<Vec<_>>();
        match self {
            Step::Jvp { ins, .. } => before.iter().chain(marked(before, ins)).copied().collect(),
            Step::Known { ins, .. } => known(ins),
            Step::Later { ins, .. } => known(ins).into_iter().chain(marked(before, ins).copied()).collect(),
            Step::Transpose { ins, outs, .. } => {
                known(ins).into_iter().chain(marked(outs, outs).map(|_| None)).collect()
            }
        }
    }
}

fn marks(items: &[bool]) -> Param {
    Param::List(items.iter().map(|m| Param::Int(i64::from(*m))).collect())
}

fn parse_marks(p: &Param) -> Result<Vec<bool>, String> {
    match p {
        Param::List(items) if items.iter().all(|p| matches!(p, Param::Int(0 | 1))) => {
            Ok(items.iter().map(|p| matches!(p, Param::Int(1))).collect())
        }
        _ => Err("marks are a list of 0 and 1".to_string()),
    }
}

impl CustomVmap {
    /// Constructor from the text form.
    pub fn parse(p: &Params) -> Result<CustomVmap, String> {
        let rule = BatchRule::new(p.usize("id")?);
        for case in p.list("rules")? {
            match case {
                Param::List(items) => match &items[..] {
                    [Param::Int(size), ins, outs, Param::Graph(graph)] if *size >= 0 => rule.learn(Rule {
                        size: *size as usize,
                        ins: parse_marks(ins)?,
                        outs: parse_marks(outs)?,
                        graph: graph.clone(),
                    }),
                    _ => return Err("a rule is an extent, marks on operands and results, and a graph".to_string()),
                },
                _ => return Err("rules are lists".to_string()),
            }
        }
        let steps = p.list("steps")?.iter().map(Step::parse).collect::<Result<_, _>>()?;
        Ok(CustomVmap { call: p.graph("call")?, rule, steps })
    }

    /// The same function after one more step, which made `call`.
    fn after(&self, step: Step, call: Graph) -> CustomVmap {
        let steps = self.steps.iter().cloned().chain([step]).collect();
        CustomVmap { call: Rc::new(call), rule: self.rule.clone(), steps }
    }

    /// Number of operands of the function itself.
    fn n_operands(&self) -> usize {
        self.steps.first().map_or_else(|| self.call.inputs.len(), |step| step.marks()[0].len())
    }

    /// Which operand of the function each operand belongs to, and which operands the function was transposed in.
    fn owners(&self) -> (Vec<Option<usize>>, Vec<usize>) {
        let mut owners: Vec<Option<usize>> = (0..self.n_operands()).map(Some).collect();
        let mut linear = Vec::new();
        for step in &self.steps {
            if let Step::Transpose { ins, .. } = step {
                linear.extend(marked(&owners, ins).flatten().copied());
            }
            owners = step.owners(&owners);
        }
        (owners, linear)
    }
}

impl Primitive for CustomVmap {
    fn name(&self) -> &'static str {
        "custom_vmap"
    }

    fn params(&self) -> Params {
        let case = |r: &Rule| {
            Param::List(vec![Param::Int(r.size as i64), marks(&r.ins), marks(&r.outs), Param::Graph(r.graph.clone())])
        };
        let step = |s: &Step| {
            Param::List([Param::from(s.name())].into_iter().chain(s.marks().into_iter().map(|m| marks(m))).collect())
        };
        [
            param("id", self.rule.id),
            param("call", &self.call),
            param("rules", Param::List(self.rule.found.borrow().iter().map(case).collect())),
            param("steps", Param::List(self.steps.iter().map(step).collect())),
        ]
        .into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        check_call("custom_vmap", &self.call, ins)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        eval(&self.call, &ins.iter().map(|a| (*a).clone()).collect::<Vec<_>>())
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let ins: Vec<bool> = t.iter().map(Option::is_some).collect();
        let (call, outs) = jvp_graph(&self.call, &ins);
        let args: Vec<Var> = x.iter().copied().chain(t.iter().copied().flatten()).collect();
        let mut values = g.bind(self.after(Step::Jvp { ins, outs: outs.clone() }, call), &args);
        let mut tangents = values.split_off(outs.len()).into_iter();
        let ts = outs.iter().map(|nonzero| if *nonzero { tangents.next() } else { None }).collect();
        (values, ts)
    }

    /// Now: what is known, by a function with the same rule. Later: the rest, from the operands.
    fn partial_eval(&self, unknown: &[bool]) -> Option<Split> {
        let cut = partial_eval_graph(&self.call, unknown);
        let known_out: Vec<bool> = cut.out_unknown.iter().map(|u| !u).collect();
        if !known_out.contains(&true) {
            return None;
        }
        let step = Step::Known { ins: unknown.to_vec(), outs: known_out.clone() };
        let now = step.of(&self.call);
        let now = match self.steps.split_last() {
            // What forward mode knows is the function.
            Some((Step::Jvp { ins, outs }, steps))
                if unknown.iter().enumerate().all(|(n, u)| *u == (n >= ins.len()))
                    && known_out.iter().enumerate().all(|(n, k)| *k == (n < outs.len())) =>
            {
                CustomVmap { call: Rc::new(now), rule: self.rule.clone(), steps: steps.to_vec() }
            }
            _ => self.after(step, now),
        };
        let mut known = Graph::new(&self.call.name);
        let operands: Vec<Var> = now.call.in_avals().iter().map(|a| known.input(a)).collect();
        known.outputs = known.bind(now, &operands);
        known.outputs.extend(operands);

        let step = Step::Later { ins: unknown.to_vec(), outs: known_out.clone() };
        let rest = step.of(&self.call);
        let mut later = Graph::new(&self.call.name);
        let operands: Vec<Var> = rest.in_avals().iter().map(|a| later.input(a)).collect();
        later.outputs = later.bind(self.after(step, rest), &operands);
        Some(Split { known, known_out, later })
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let linear: Vec<bool> = ins.iter().map(|x| matches!(x, Operand::Linear(_))).collect();
        let outs: Vec<bool> = ct.iter().map(Option::is_some).collect();
        let (call, found) = transpose_graph(&self.call, &linear, &outs);
        let known = ins.iter().filter_map(|x| match x {
            Operand::Known(v) => Some(*v),
            Operand::Linear(_) => None,
        });
        let args: Vec<Var> = known.chain(ct.iter().copied().flatten()).collect();
        let step = Step::Transpose { ins: linear.clone(), outs, found: found.clone() };
        let mut cts = g.bind(self.after(step, call), &args).into_iter();
        let mut found = found.into_iter();
        linear.iter().map(|l| if *l && found.next() == Some(true) { cts.next() } else { None }).collect()
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let (owners, linear) = self.owners();
        let mut of_function = vec![false; self.n_operands()];
        for (owner, b) in owners.iter().zip(ins) {
            if let Some(n) = owner {
                of_function[*n] |= b.batched;
            }
        }
        // A cotangent of an operand has the axis, whether the operand has it or not.
        for n in linear {
            of_function[n] = true;
        }
        let Rule { graph, outs, .. } = self.rule.of(size, &of_function);
        let vars: Vec<Var> = owners
            .iter()
            .zip(ins)
            .map(|(owner, b)| if owner.is_none_or(|n| of_function[n]) { with_batch_axis(g, *b, size) } else { b.var })
            .collect();
        if self.steps.is_empty() {
            let outs = g.inline(&graph, &vars).into_iter().zip(outs);
            return outs.map(|(var, batched)| Batched { var, batched }).collect();
        }
        let mut whole = (*graph).clone();
        let values = std::mem::take(&mut whole.outputs);
        for (var, batched) in values.into_iter().zip(outs) {
            let var = with_batch_axis(&mut whole, Batched { var, batched }, size);
            whole.outputs.push(var);
        }
        let whole = self.steps.iter().fold(whole, |whole, step| step.of(&whole));
        g.inline(&whole, &vars).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn needs_all_slices(&self) -> bool {
        true
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Region
    }

    fn inlined(&self) -> Option<Rc<Graph>> {
        Some(self.call.clone())
    }

    fn subgraphs(&self) -> Vec<Rc<Graph>> {
        vec![self.call.clone()]
    }

    fn with_subgraphs(&self, mut graphs: Vec<Rc<Graph>>) -> Op {
        let call = graphs.pop().expect("one graph");
        CustomVmap { call, rule: self.rule.clone(), steps: self.steps.clone() }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::ops::laws::check_op;
    use crate::text::parse;
    use crate::transform::{batch_graph, linearize_into, transpose_into};

    const CALL: &str = "graph f(x: f64[2], a: f64[]) -> (z, s) {
        b: f64[2] = broadcast_in_dim[shape=(2), dims=()] a
        y: f64[2] = sin x
        z: f64[2] = mul y b
        s: f64[] = exp a
    }";

    /// The function with a rule that is its own batched form, for every choice of operands over `size` slices.
    fn op(size: usize) -> CustomVmap {
        let call = parse(CALL).unwrap_or_else(|e| panic!("{e}"));
        let rule = BatchRule::new(0);
        for ins in [[true, false], [false, true], [true, true]] {
            let (graph, outs) = batch_graph(&call, &ins, &[false, false], size);
            rule.learn(Rule { size, ins: ins.to_vec(), outs, graph: Rc::new(graph) });
        }
        CustomVmap { call: Rc::new(call), rule, steps: Vec::new() }
    }

    #[test]
    fn laws() {
        check_op(op(3), &["f64[2]", "f64[]"]);
    }

    #[test]
    fn laws_of_what_transformations_make_of_it() {
        let forward = |ins: [bool; 2]| {
            let f = op(3);
            let (call, outs) = jvp_graph(&f.call, &ins);
            f.after(Step::Jvp { ins: ins.to_vec(), outs }, call)
        };
        check_op(forward([true, false]), &["f64[2]", "f64[]", "f64[2]"]);
        check_op(forward([true, true]), &["f64[2]", "f64[]", "f64[2]", "f64[]"]);
        let f = forward([true, true]);
        let split = f.partial_eval(&[false, false, true, true]).expect("the results are known");
        assert_eq!(split.known_out, [true, true, false, false]);
        let now = split.known.eqns[0].op.downcast::<CustomVmap>().expect("a function with the rule");
        assert!(now.steps.is_empty(), "what forward mode knows is the function itself");
        let later = split.later.eqns[0].op.downcast::<CustomVmap>().expect("a function with the rule").clone();
        check_op(later.clone(), &["f64[2]", "f64[]", "f64[2]", "f64[]"]);
        let ins = vec![false, false, true, true];
        let (call, found) = transpose_graph(&later.call, &ins, &[true, true]);
        let back = later.after(Step::Transpose { ins, outs: vec![true, true], found }, call);
        check_op(back, &["f64[2]", "f64[]", "f64[2]", "f64[]"]);
    }

    /// `y = x x`, with a rule that is wrong on purpose: ten times as much.
    fn tenfold(size: usize) -> Graph {
        let call = parse("graph f(x: f64[]) -> (y) {\n y: f64[] = mul x x\n}").unwrap();
        let text = format!(
            "graph r(x: f64[{size}]) -> (z) {{\n c: f64[] = constant[value=f64[]{{10.0}}]\n d: f64[{size}] = broadcast_in_dim[shape=({size}), dims=()] c\n y: f64[{size}] = mul x x\n z: f64[{size}] = mul y d\n}}"
        );
        let rule = BatchRule::new(0);
        let graph = Rc::new(parse(&text).unwrap());
        rule.learn(Rule { size, ins: vec![true], outs: vec![true], graph });
        let mut g = Graph::new("g");
        let x = g.input(&Aval::scalar(DType::F64));
        g.outputs = g.bind(CustomVmap { call: Rc::new(call), rule, steps: Vec::new() }, &[x]);
        g
    }

    fn grad(f: &Graph) -> Graph {
        let mut g = Graph::new("grad");
        let x = g.input(&f.in_avals()[0]);
        let (outs, linear) = linearize_into(&mut g, f, &[x], &[true]);
        let aval = g.aval(outs[0]).clone();
        let one = g.full(aval.dtype, &aval.shape, 1.0);
        let mut known: Vec<Option<Var>> = linear.residuals.iter().copied().map(Some).collect();
        known.push(None);
        let cts = transpose_into(&mut g, &linear.graph, &known, &[Some(one)]);
        g.outputs = vec![cts.last().copied().flatten().expect("not zero")];
        g
    }

    fn at(g: &Graph, x: &[f64]) -> Vec<f64> {
        let shape = g.in_avals()[0].shape.clone();
        eval(g, &[Array::f64(&shape, x)])[0].to_f64s()
    }

    #[test]
    fn batching_takes_the_rule_before_and_after_reverse_mode() {
        let f = tenfold(2);
        let batched = |g: &Graph| batch_graph(g, &[true], &[true], 2).0;
        assert_eq!(at(&f, &[3.0]), [9.0]);
        assert_eq!(at(&batched(&f), &[3.0, 1.0]), [90.0, 10.0]);
        assert_eq!(at(&grad(&f), &[3.0]), [6.0]);
        assert_eq!(at(&batched(&grad(&f)), &[3.0, 1.0]), [60.0, 20.0]);
        assert_eq!(at(&grad(&batched(&f)), &[3.0, 1.0]), [60.0, 20.0]);
        assert_eq!(at(&batched(&grad(&grad(&f))), &[3.0, 1.0]), [20.0, 20.0]);
        let (forward, _) = jvp_graph(&f, &[true]);
        let (forward, _) = batch_graph(&forward, &[true, true], &[true, true], 2);
        let ones = Array::f64(&[2], &[1.0, 0.5]);
        assert_eq!(eval(&forward, &[Array::f64(&[2], &[3.0, 1.0]), ones])[1].to_f64s(), [60.0, 10.0]);
    }

    #[test]
    fn reverse_mode_computes_nothing_twice() {
        let f = Rc::new(parse("graph f(x: f64[]) -> (z) {\n y: f64[] = exp x\n z: f64[] = sin y\n}").unwrap());
        let mut g = Graph::new("g");
        let x = g.input(&Aval::scalar(DType::F64));
        g.outputs = g.bind(CustomVmap { call: f, rule: BatchRule::new(0), steps: Vec::new() }, &[x]);
        let optimised = crate::passes::optimise(&grad(&g));
        assert_eq!(optimised.to_string().matches("exp").count(), 1, "{optimised}");
    }
}
