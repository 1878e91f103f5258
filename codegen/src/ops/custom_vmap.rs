//! `custom_vmap`: a function with the user's own batching rule.

use std::cell::RefCell;
use std::rc::Rc;

use crate::array::Array;
use crate::eval::eval;
use crate::graph::{Aval, Graph, Var};
use crate::ops::custom_jvp::check_call;
use crate::ops::region::marked;
use crate::passes::dce;
use crate::ops::custom_vmap_steps::{Role, Step, Whose, marks, parse_marks};
use crate::ops::{Batched, Lowering, Op, OpError, Operand, Primitive, Split, Tangent, param, with_batch_axis};
use crate::text::{Param, Params};
use crate::transform::{batch_graph, jvp_graph, partial_eval_graph, transpose_graph};

/// Stands for `call`; batching takes the rule instead. Inlined before lowering.
///
/// What a transformation makes of it is one again: the same function with the same rule, and the transformation noted down.
/// Batched later, the transformations are done to the rule. So a rule is found in any order of `vmap` and `grad`.
///
/// The two halves of a derivative are two of these, and the second takes what the first keeps. A rule keeps something else,
/// and its halves may be batched in places that know nothing of each other: batched, the second half starts from the
/// operands, which it takes as well, and so it does where it is differentiated in reverse mode once more. What was kept for it is
/// dead code then.
#[derive(Clone, Debug)]
pub struct CustomVmap {
    /// The function, transformed by `steps`. It reads nothing that another half kept.
    pub call: Rc<Graph>,
    /// The same from what was kept, where something was.
    pub short: Option<Rc<Graph>>,
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
        let short = p.get("short").ok().map(|_| p.graph("short")).transpose()?;
        Ok(CustomVmap { call: p.graph("call")?, short, rule, steps })
    }

    /// The same function after one more step, which made `call`.
    fn after(&self, step: Step, call: Graph) -> CustomVmap {
        let steps = self.steps.iter().cloned().chain([step]).collect();
        CustomVmap { call: Rc::new(call), short: None, rule: self.rule.clone(), steps }
    }

    /// The same with the step done to the short form as well.
    fn with_short(&self, mut op: CustomVmap) -> CustomVmap {
        let step = op.steps.last().expect("after a step");
        op.short = self.short.as_ref().map(|short| Rc::new(step.of(short, None, &vec![false; short.inputs.len()])));
        op
    }

    /// Number of operands of the function itself.
    fn n_operands(&self) -> usize {
        self.steps.first().map_or_else(|| self.call.inputs.len(), |step| step.ins().len())
    }

    fn own_roles(&self) -> Vec<Role> {
        (0..self.n_operands()).map(|n| Role { whose: Whose::Operand(n), tangent: false }).collect()
    }

    /// What each operand is to the function, and which operands it was transposed in: they, or tangents of them.
    fn roles(&self) -> (Vec<Role>, Vec<Role>) {
        let mut roles = self.own_roles();
        let mut linear = Vec::new();
        for step in &self.steps {
            if let Step::Transpose { ins, .. } = step {
                linear.extend(marked(&roles, ins).copied());
            }
            roles = step.roles(&roles);
        }
        (roles, linear)
    }

    /// Only tangents and cotangents are batched: the function is called once.
    fn batch_at_one_place(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let marks: Vec<bool> = ins.iter().map(|b| b.batched).collect();
        let (call, outs) = batch_graph(&self.call, &marks, &vec![false; self.call.outputs.len()], size);
        let vars: Vec<Var> = ins.iter().map(|b| b.var).collect();
        let step = Step::Batch { ins: marks, outs: outs.clone(), size };
        let values = g.bind(self.with_short(self.after(step, call)), &vars);
        values.into_iter().zip(outs).map(|(var, batched)| Batched { var, batched }).collect()
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
            Param::List([Param::from(s.name())].into_iter().chain(s.params()).collect())
        };
        let short = self.short.as_ref().map(|short| param("short", short));
        let all = [param("id", self.rule.id), param("call", &self.call)].into_iter().chain(short).chain([
            param("rules", Param::List(self.rule.found.borrow().iter().map(case).collect())),
            param("steps", Param::List(self.steps.iter().map(step).collect())),
        ]);
        Params(all.map(|(key, value)| (key.into(), value)).collect())
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        check_call("custom_vmap", &self.call, ins)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        eval(self.short.as_ref().unwrap_or(&self.call), &ins.iter().map(|a| (*a).clone()).collect::<Vec<_>>())
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let ins: Vec<bool> = t.iter().map(Option::is_some).collect();
        let (call, outs) = jvp_graph(&self.call, &ins);
        let args: Vec<Var> = x.iter().copied().chain(t.iter().copied().flatten()).collect();
        let op = self.with_short(self.after(Step::Jvp { ins, outs: outs.clone() }, call));
        let mut values = g.bind(op, &args);
        let mut tangents = values.split_off(outs.len()).into_iter();
        let ts = outs.iter().map(|nonzero| if *nonzero { tangents.next() } else { None }).collect();
        (values, ts)
    }

    /// Now: what is known, and what the rest of the work needs of it. Later: the rest.
    fn partial_eval(&self, unknown: &[bool]) -> Option<Split> {
        let cut = partial_eval_graph(&self.call, unknown);
        let known_out: Vec<bool> = cut.out_unknown.iter().map(|u| !u).collect();
        if !known_out.contains(&true) {
            return None;
        }
        // Operands come along anyway.
        let mut now = cut.known;
        let residuals = now.outputs.split_off(now.outputs.len() - cut.n_residuals);
        let kept_vars: Vec<Var> = residuals.iter().copied().filter(|v| !now.inputs.contains(v)).collect();
        let kept: Vec<Aval> = kept_vars.iter().map(|v| now.aval(*v).clone()).collect();
        let mut keeps = now.clone();
        keeps.outputs = kept_vars.clone();
        let keeps = Rc::new(dce(&keeps));
        now.outputs.extend(&kept_vars);

        let mut rest = Graph::new(&self.call.name);
        let operands: Vec<Var> = now.in_avals().iter().map(|a| rest.input(a)).collect();
        let kept_inputs: Vec<Var> = kept.iter().map(|a| rest.input(a)).collect();
        let mut args: Vec<Var> = residuals
            .iter()
            .map(|v| match now.inputs.iter().position(|x| x == v) {
                Some(n) => operands[n],
                None => kept_inputs[kept_vars.iter().position(|x| x == v).expect("kept")],
            })
            .collect();
        args.extend(cut.later.in_avals()[cut.n_residuals..].iter().map(|a| rest.input(a)));
        rest.outputs = rest.inline(&cut.later, &args);

        let n_known = now.outputs.len() - kept.len();
        let now = match self.steps.split_last() {
            // What forward mode knows is the function.
            Some((Step::Jvp { ins, outs }, steps))
                if unknown.iter().enumerate().all(|(n, u)| *u == (n >= ins.len()))
                    && known_out.iter().enumerate().all(|(n, k)| *k == (n < outs.len())) =>
            {
                let mut steps = steps.to_vec();
                if !kept.is_empty() {
                    let (ins, outs) = (vec![false; ins.len()], vec![true; outs.len()]);
                    steps.push(Step::Known { ins, outs, kept: keeps });
                }
                CustomVmap { call: Rc::new(now), short: None, rule: self.rule.clone(), steps }
            }
            _ => {
                let step = Step::Known { ins: unknown.to_vec(), outs: known_out.clone(), kept: keeps };
                self.after(step, now)
            }
        };
        let mut known = Graph::new(&self.call.name);
        let operands: Vec<Var> = now.call.in_avals().iter().map(|a| known.input(a)).collect();
        let mut values = known.bind(now, &operands);
        let kept_values = values.split_off(n_known);
        known.outputs = values.into_iter().chain(operands).chain(kept_values).collect();

        let mut later = Graph::new(&self.call.name);
        let operands: Vec<Var> = rest.in_avals().iter().map(|a| later.input(a)).collect();
        let step = Step::Later { ins: unknown.to_vec(), outs: known_out.clone(), kept };
        let call = step.of(&self.call, None, &vec![false; self.call.inputs.len()]);
        let op = CustomVmap { short: Some(Rc::new(rest)), ..self.after(step, call) };
        later.outputs = later.bind(op, &operands);
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
        let op = self.after(step, call);
        // The short form is linear in what was kept where the other is in the operands.
        let of_kept = marked(&self.roles().0, &linear).any(|r| r.whose == Whose::Kept);
        let op = if of_kept { op } else { self.with_short(op) };
        let mut cts = g.bind(op, &args).into_iter();
        let mut found = found.into_iter();
        linear.iter().map(|l| if *l && found.next() == Some(true) { cts.next() } else { None }).collect()
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let (roles, linear) = self.roles();
        // A cotangent of an operand stands for the operand, one of a tangent for a tangent.
        let by_cotangent = linear.iter().any(|r| !r.tangent && matches!(r.whose, Whose::Operand(_)));
        let is_call = |r: &Role| match r.whose {
            Whose::Cotangent => by_cotangent,
            Whose::Operand(_) | Whose::Kept => !r.tangent,
        };
        if !roles.iter().zip(ins).any(|(r, b)| b.batched && is_call(r)) {
            return self.batch_at_one_place(g, ins, size);
        }
        let mut of_function = vec![false; self.n_operands()];
        for (role, b) in roles.iter().zip(ins) {
            if let Whose::Operand(n) = role.whose {
                of_function[n] |= b.batched;
            }
        }
        // A cotangent of an operand has the axis, whether the operand has it or not.
        for role in linear {
            if let Whose::Operand(n) = role.whose {
                of_function[n] = true;
            }
        }
        let Rule { graph, outs, .. } = self.rule.of(size, &of_function);
        let has_axis = |role: &Role| match role.whose {
            Whose::Operand(n) => of_function[n],
            Whose::Kept | Whose::Cotangent => true,
        };
        let vars: Vec<Var> = roles
            .iter()
            .zip(ins)
            .map(|(role, b)| if has_axis(role) { with_batch_axis(g, *b, size) } else { b.var })
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
        let mut roles = self.own_roles();
        for step in &self.steps {
            let mapped: Vec<bool> = roles.iter().map(has_axis).collect();
            whole = step.of(&whole, Some(size), &mapped);
            roles = step.roles(&roles);
        }
        g.inline(&whole, &vars).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn needs_all_slices(&self) -> bool {
        true
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Region
    }

    fn inlined(&self) -> Option<Rc<Graph>> {
        Some(self.short.as_ref().unwrap_or(&self.call).clone())
    }

    fn subgraphs(&self) -> Vec<Rc<Graph>> {
        [&self.call].into_iter().chain(&self.short).cloned().collect()
    }

    fn with_subgraphs(&self, graphs: Vec<Rc<Graph>>) -> Op {
        let mut graphs = graphs.into_iter();
        let call = graphs.next().expect("one graph");
        CustomVmap { call, short: graphs.next(), rule: self.rule.clone(), steps: self.steps.clone() }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::ops::laws::{Rng, check_op, parse_aval};
    use crate::ops::region::instantiate;
    use crate::ops::{BroadcastInDim, Mul, Scan, Tanh};
    use crate::text::parse;
    use crate::transform::{linearize_into, transpose_into};

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
        CustomVmap { call: Rc::new(call), short: None, rule, steps: Vec::new() }
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
        let [Step::Known { ins, outs, kept }] = &now.steps[..] else { panic!("{:?}", now.steps) };
        assert_eq!((&ins[..], &outs[..]), (&[false, false][..], &[true, true][..]), "the function itself");
        assert_eq!(kept.outputs.len(), 4, "`cos x`, `exp a`, and the factors of the product");
        let later = split.later.eqns[0].op.downcast::<CustomVmap>().expect("a function with the rule").clone();
        let rule = later.rule.found.borrow().len();
        assert_eq!((rule, later.call.inputs.len()), (3, 2 + 4 + 2), "operands, what is kept, tangents");
        // What is kept is no operand like the others: `stacks_of_transformations` holds the later half to its values.
        let printed = Param::List(later.steps.iter().map(|s| s.name().into()).collect()).to_string();
        assert_eq!(printed, "(jvp,later)");
    }

    /// A loop around the function, and the same around its equations.
    fn loops() -> [Graph; 2] {
        [true, false].map(|ruled| {
            let mut body = Graph::new("body");
            let ins: Vec<Var> = ["f64[]", "f64[2]"].map(|a| body.input(&parse_aval(a))).to_vec();
            let (a, x) = (ins[0], ins[1]);
            let outs = match ruled {
                true => body.bind(op(3), &[x, a]),
                false => body.inline(&op(3).call, &[x, a]),
            };
            let half = body.bind1(Tanh, &[outs[1]]);
            let wide = body.bind1(BroadcastInDim { shape: vec![2], dims: vec![] }, &[half]);
            let next = body.bind1(Mul, &[outs[0], wide]);
            body.outputs = vec![next, outs[1]];
            let scan =
                Scan { body: Rc::new(body), length: 2, n_consts: 1, n_carry: 1, reverse: false, indexed: false };
            let mut g = Graph::new("f");
            let ins = ["f64[]", "f64[2]"].map(|a| g.input(&parse_aval(a)));
            g.outputs = g.bind(scan, &ins);
            g
        })
    }

    /// One more transformation.
    fn transformed(g: &Graph, which: usize) -> Graph {
        let n = g.inputs.len();
        match which {
            0 => jvp_graph(g, &vec![true; n]).0,
            1 => jvp_graph(g, &(0..n).map(|k| k == 0).collect::<Vec<_>>()).0,
            2 => pulled(g, &vec![true; n]),
            3 => pulled(g, &(0..n).map(|k| k + 1 == n).collect::<Vec<_>>()),
            4 => batch_graph(g, &vec![true; n], &vec![true; g.outputs.len()], 3).0,
            5 => batch_graph(g, &(0..n).map(|k| k == 0).collect::<Vec<_>>(), &vec![true; g.outputs.len()], 3).0,
            _ => batch_graph(g, &(0..n).map(|k| k + 1 == n).collect::<Vec<_>>(), &vec![true; g.outputs.len()], 3).0,
        }
    }

    /// Results and cotangents of the inputs marked, from the inputs and cotangents of all results.
    fn pulled(f: &Graph, nonzero: &[bool]) -> Graph {
        let mut g = Graph::new("pulled");
        let primals: Vec<Var> = f.in_avals().iter().map(|a| g.input(a)).collect();
        let (outs, linear) = linearize_into(&mut g, f, &primals, nonzero);
        let cts: Vec<Tangent> = f.out_avals().iter().map(|a| Some(g.input(a))).collect();
        let moved: Vec<Tangent> = marked(&cts, &linear.out_nonzero).copied().collect();
        let mut known: Vec<Option<Var>> = linear.residuals.iter().copied().map(Some).collect();
        known.resize(linear.graph.inputs.len(), None);
        let back = transpose_into(&mut g, &linear.graph, &known, &moved).split_off(linear.residuals.len());
        let avals: Vec<Aval> = marked(&f.in_avals(), nonzero).cloned().collect();
        let back: Vec<Var> = back.into_iter().zip(&avals).map(|(ct, a)| instantiate(&mut g, ct, a)).collect();
        g.outputs = outs.into_iter().chain(back).collect();
        g
    }

    #[test]
    fn stacks_of_transformations_have_the_values_of_the_function() {
        let mut rng = Rng::new();
        // All of three, and a sample of four; that with number 1388 was wrong once.
        for stack in (0..7 * 7 * 7).chain((343..7 * 7 * 7 * 7).step_by(37)).chain([1388]) {
            let deepest = if stack < 343 { None } else { Some(stack / 343) };
            let stack: Vec<usize> = [stack % 7, stack / 7 % 7, stack / 49 % 7].into_iter().chain(deepest).collect();
            let [ruled, plain] = loops().map(|g| stack.iter().fold(g, |g, which| transformed(&g, *which)));
            assert_eq!(ruled.in_avals(), plain.in_avals(), "{stack:?}");
            let args: Vec<Array> = plain.in_avals().iter().map(|a| rng.array(a)).collect();
            for (a, b) in eval(&ruled, &args).iter().zip(eval(&plain, &args)) {
                let close = |(a, b): (f64, f64)| (a - b).abs() <= 1e-11 * (1.0 + b.abs());
                assert!(a.to_f64s().into_iter().zip(b.to_f64s()).all(close), "{stack:?}: {a}, {b}\n{ruled}");
            }
        }
    }

    #[test]
    fn a_loop_keeps_what_the_derivative_needs() {
        let ones = [true, true];
        let [ruled, plain] = loops().map(|g| crate::passes::optimise(&pulled(&g, &ones)).to_string());
        for name in ["sin", "exp", "tanh", "cos"] {
            let count = |text: &str| text.matches(&format!("= {name} ")).count();
            assert_eq!((count(&ruled), count(&plain)), (1, 1), "{name}\n{ruled}");
        }
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
        g.outputs = g.bind(CustomVmap { call: Rc::new(call), short: None, rule, steps: Vec::new() }, &[x]);
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
        g.outputs = g.bind(CustomVmap { call: f, short: None, rule: BatchRule::new(0), steps: Vec::new() }, &[x]);
        let optimised = crate::passes::optimise(&grad(&g));
        assert_eq!(optimised.to_string().matches("exp").count(), 1, "{optimised}");
    }
}
