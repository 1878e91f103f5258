//! Partial evaluation of `scan`: one loop that runs now and keeps what another loop, later, needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Aval, Env, Eqn, Graph, Var};
use crate::ops::region::prune;
use crate::ops::scan::{Scan, index_aval};
use crate::ops::{Lowering, Split};
use crate::transform::linearize::{PartialEval, partial_eval_graph};

/// Where the later loop gets a value of the first loop's body from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    /// It counts itself.
    Index,
    /// Operand number so-and-so: a constant.
    Const(usize),
    /// Operand number so-and-so: a stacked array.
    Stacked(usize),
    /// Is the same in every iteration: computed once, before the loops.
    Before,
    /// Data movement from other sources: done again.
    Again,
    /// Kept by the first loop, one per iteration, or moved out of what is.
    Kept,
}

impl Scan {
    /// Which operands the later loop computes with: those given, and every carry that one of them reaches.
    pub fn unknown_operands(&self, unknown: &[bool]) -> Vec<bool> {
        self.cut(unknown).0
    }

    fn cut(&self, unknown: &[bool]) -> (Vec<bool>, PartialEval) {
        let mut unknown = unknown.to_vec();
        loop {
            let mut of_body = vec![false; self.n_index()];
            of_body.extend(&unknown);
            let cut = partial_eval_graph(&self.body, &of_body);
            if !self.grow(&mut unknown, &cut.out_unknown[..self.n_carry]) {
                return (unknown, cut);
            }
        }
    }

    /// See [`crate::ops::Primitive::partial_eval`].
    pub fn split(&self, given: &[bool]) -> Split {
        self.split_loop(given).0
    }

    /// [`Scan::split`], and whether a loop runs now: then it is the last equation of `known`. Others may stand in front
    /// of it, which were loops of the body and are the same in every turn.
    pub fn split_loop(&self, given: &[bool]) -> (Split, bool) {
        let (unknown, cut) = self.cut(given);
        let PartialEval { known: mut now, later, out_unknown, n_residuals } = cut;
        let mut results = now.outputs.clone();
        let residuals = results.split_off(results.len() - n_residuals);
        let mut results = results.into_iter();
        let results: Vec<Option<Var>> = out_unknown.iter().map(|u| if *u { None } else { results.next() }).collect();

        // A carry may be unknown because it comes in so, although the body gives it a known value.
        let mut wanted = residuals.clone();
        wanted.extend(results.iter().zip(self.parts(&unknown).carry).filter(|(_, u)| **u).filter_map(|(v, _)| *v));
        let sources = Sources::new(self, &now, &unknown);
        let roots = sources.kept(&wanted);

        // What each source has to bring, every operand and value once.
        let (mut consts, mut stacked) = (Vec::new(), Vec::new());
        let (mut before, mut kept): (Vec<Var>, Vec<Var>) = (Vec::new(), Vec::new());
        let mut indexed = false;
        let mut again: Vec<usize> = Vec::new();
        let mut todo = wanted.clone();
        let mut seen: Vec<Var> = Vec::new();
        while let Some(v) = todo.pop() {
            if seen.contains(&v) {
                continue;
            }
            seen.push(v);
            match sources.of(v) {
                Source::Kept if roots.contains(&v) => kept.push(v),
                Source::Index => indexed = true,
                Source::Const(n) => consts.push((v, n)),
                Source::Stacked(n) => stacked.push((v, n)),
                Source::Before => before.push(v),
                Source::Again | Source::Kept => {
                    let n = sources.definition(v).expect("not an input");
                    again.push(n);
                    todo.extend(&now.eqns[n].inputs);
                }
            }
        }
        consts.sort_unstable();
        stacked.sort_unstable();
        before.sort_unstable();
        kept.sort_unstable();
        again.sort_unstable();
        again.dedup();

        // The later body.
        let mut g = Graph::new(&self.body.name);
        let mut env: Env<Var> = Env::new(&now);
        let input = |g: &mut Graph, env: &mut Env<Var>, v: Var| {
            let w = g.input(now.aval(v));
            if let Some(name) = now.var_name(v) {
                g.name_var(w, name);
            }
            env.set(v, w);
        };
        if indexed {
            let w = g.input(&index_aval());
            if self.indexed {
                env.set(now.inputs[0], w);
            }
        }
        consts.iter().map(|(v, _)| *v).chain(before.iter().copied()).for_each(|v| input(&mut g, &mut env, v));
        let avals = self.body.in_avals().split_off(self.n_index());
        let (avals, marks) = (self.parts(&avals), self.parts(&unknown));
        let mut of_unknown: Vec<Var> = Vec::new();
        let add_unknown = |g: &mut Graph, of_unknown: &mut Vec<Var>, avals: &[Aval], marks: &[bool]| {
            of_unknown.extend(avals.iter().zip(marks).filter(|(_, u)| **u).map(|(a, _)| g.input(a)));
        };
        add_unknown(&mut g, &mut of_unknown, avals.consts, marks.consts);
        add_unknown(&mut g, &mut of_unknown, avals.carry, marks.carry);
        stacked.iter().map(|(v, _)| *v).chain(kept.iter().copied()).for_each(|v| input(&mut g, &mut env, v));
        add_unknown(&mut g, &mut of_unknown, avals.stacked, marks.stacked);
        for n in &again {
            let eqn = &now.eqns[*n];
            g.src = eqn.src;
            let outs = g.bind(eqn.op.clone(), &env.get_all(&eqn.inputs));
            env.set_all(&eqn.outputs, outs);
        }
        let mut args = env.get_all(&residuals);
        args.extend(of_unknown);
        let mut later_outs = g.inline(&later, &args).into_iter();
        for (n, (result, is_unknown)) in results.iter().zip(&out_unknown).enumerate() {
            let carried = n < self.n_carry && marks.carry[n];
            if *is_unknown {
                g.outputs.extend(later_outs.next());
            } else if carried {
                g.outputs.extend(result.map(|v| env.get(v)));
            }
        }

        // The outer graph that runs now.
        let known_out: Vec<bool> =
            (0..results.len()).map(|n| if n < self.n_carry { !marks.carry[n] } else { !out_unknown[n] }).collect();
        let mut first = Graph::new(&self.body.name);
        let avals = self.operand_avals();
        let operands: Vec<Option<Var>> =
            avals.iter().zip(given).map(|(a, unknown)| (!unknown).then(|| first.input(a))).collect();
        let mut outer_env: Env<Var> = Env::new(&now);
        for (v, n) in &consts {
            outer_env.set(*v, operands[*n].expect("known"));
        }
        let hoisted: Vec<Var> =
            before.iter().map(|v| sources.hoist(&mut first, &operands, &mut outer_env, *v)).collect();
        let yields: Vec<Var> = results.iter().zip(&known_out).filter(|(_, k)| **k).filter_map(|(v, _)| *v).collect();
        now.outputs = yields.iter().chain(&kept).copied().collect();
        // Inputs of the first body that belong to carries which the later loop takes over are not inputs here: the cut
        // made none for them.
        prune(&mut now);
        let n_known = |marks: &[bool]| marks.iter().filter(|u| !**u).count();
        let (n_consts, n_carry) = (n_known(marks.consts), n_known(marks.carry));
        let known_operands: Vec<Var> =
            operands.iter().zip(&unknown).filter(|(_, u)| !**u).filter_map(|(v, _)| *v).collect();
        let runs_now = !now.outputs.is_empty() || crate::ops::region::has_effect(&now);
        let mut outs = if runs_now {
            let op = self.with(now.clone(), self.indexed, n_consts, n_carry);
            first.bind(op, &known_operands)
        } else {
            Vec::new()
        };
        let kept_outs = outs.split_off(yields.len());
        first.outputs = outs;

        // The outer graph that runs later, and the residuals in its order.
        let mut second = Graph::new(&self.body.name);
        let pass = |first: &mut Graph, second: &mut Graph, v: Var| {
            first.outputs.push(v);
            second.fresh(first.aval(v).clone())
        };
        let mut args = Vec::new();
        let mut lifted = Vec::new();
        for v in consts.iter().map(|(_, n)| operands[*n].expect("known")).chain(hoisted) {
            lifted.push(pass(&mut first, &mut second, v));
        }
        args.extend(&lifted);
        let mut unknown_inputs = Vec::new();
        for (n, a) in avals.iter().enumerate() {
            if n == self.n_consts + self.n_carry {
                for v in stacked.iter().map(|(_, n)| operands[*n].expect("known")).chain(kept_outs.iter().copied()) {
                    let w = pass(&mut first, &mut second, v);
                    lifted.push(w);
                    args.push(w);
                }
            }
            if given[n] {
                let w = second.fresh(a.clone());
                unknown_inputs.push(w);
                args.push(w);
            } else if unknown[n] {
                let w = pass(&mut first, &mut second, operands[n].expect("known"));
                lifted.push(w);
                args.push(w);
            }
        }
        if avals.len() == self.n_consts + self.n_carry {
            for v in kept_outs {
                let w = pass(&mut first, &mut second, v);
                lifted.push(w);
                args.push(w);
            }
        }
        second.inputs = lifted.into_iter().chain(unknown_inputs).collect();
        let n_consts = consts.len() + before.len() + marks.consts.iter().filter(|u| **u).count();
        let n_carry = marks.carry.iter().filter(|u| **u).count();
        let op = self.with(g, indexed, n_consts, n_carry);
        second.outputs = second.bind(op, &args);
        (Split { known: first, known_out, later: second }, runs_now)
    }

    /// Types of the operands.
    fn operand_avals(&self) -> Vec<Aval> {
        let mut avals = self.body.in_avals().split_off(self.n_index());
        for a in &mut avals[self.n_consts + self.n_carry..] {
            *a = a.batched(self.length);
        }
        avals
    }
}

/// What is known of each variable of the body that runs now.
struct Sources<'a> {
    now: &'a Graph,
    of: Vec<Source>,
    /// Whether it is the same in every iteration.
    steady: Vec<bool>,
    definitions: Vec<Option<usize>>,
    /// What a kept value is moved out of.
    origin: Vec<Option<Var>>,
}

impl<'a> Sources<'a> {
    fn new(scan: &Scan, now: &'a Graph, unknown: &[bool]) -> Sources<'a> {
        let n = now.n_vars();
        let mut all = Sources {
            now,
            of: vec![Source::Kept; n],
            steady: vec![false; n],
            definitions: vec![None; n],
            origin: vec![None; n],
        };
        let mut inputs = now.inputs.iter();
        if scan.indexed {
            all.of[inputs.next().expect("the index").0 as usize] = Source::Index;
        }
        for (n, _) in unknown.iter().enumerate().filter(|(_, u)| !**u) {
            let v = inputs.next().expect("an input for each known operand");
            if n < scan.n_consts {
                all.of[v.0 as usize] = Source::Const(n);
                all.steady[v.0 as usize] = true;
            } else if n >= scan.n_consts + scan.n_carry {
                all.of[v.0 as usize] = Source::Stacked(n);
            }
        }
        for (n, eqn) in now.eqns.iter().enumerate() {
            let (source, steady) = all.of_eqn(eqn);
            let origin = if source == Source::Kept { all.origin_of(eqn) } else { None };
            for v in &eqn.outputs {
                all.of[v.0 as usize] = source;
                all.steady[v.0 as usize] = steady;
                all.definitions[v.0 as usize] = Some(n);
                all.origin[v.0 as usize] = origin;
            }
        }
        all
    }

    fn of_eqn(&self, eqn: &Eqn) -> (Source, bool) {
        let movement = self.is_movement(eqn);
        let steady = !eqn.op.has_effect() && eqn.inputs.iter().all(|v| self.steady[v.0 as usize]);
        let from_kept = eqn.inputs.iter().any(|v| self.of(*v) == Source::Kept);
        let source = match steady {
            _ if eqn.op.has_effect() || from_kept => Source::Kept,
            _ if movement => Source::Again,
            true => Source::Before,
            false => Source::Kept,
        };
        (source, steady)
    }

    /// Whether its result is made of elements of its operands, at no cost but that of reading them.
    fn is_movement(&self, eqn: &Eqn) -> bool {
        let avals: Vec<&Aval> = eqn.inputs.iter().map(|v| self.now.aval(*v)).collect();
        matches!(eqn.op.lowering(&avals), Lowering::Map) && eqn.op.flops(&avals) == 0 && !eqn.op.has_effect()
    }

    fn of(&self, v: Var) -> Source {
        self.of[v.0 as usize]
    }

    /// What the first loop keeps so that `wanted` can be had: of values that are slices, spreads or other rearrangements of one value,
    /// that value, where it is no larger than they are together.
    fn kept(&self, wanted: &[Var]) -> BTreeSet<Var> {
        let mut kept: BTreeSet<Var> = wanted.iter().copied().filter(|v| self.of(*v) == Source::Kept).collect();
        // Of as many bytes, the fewer arrays.
        let weight = |v: Var| ((self.now.aval(v).bytes() as u64) << 32) + 1;
        loop {
            let mut together: BTreeMap<Var, u64> = BTreeMap::new();
            for v in &kept {
                self.origins(*v).for_each(|root| *together.entry(root).or_default() += weight(*v));
            }
            let gain = |(root, together): (Var, u64)| Some((together.checked_sub(weight(root) + 1)?, root));
            let Some((_, root)) = together.into_iter().filter_map(gain).max() else { return kept };
            kept.retain(|v| !self.origins(*v).any(|of| of == root));
            kept.insert(root);
        }
    }

    /// A value, what it is moved out of, what that is moved out of, and so on.
    fn origins(&self, v: Var) -> impl Iterator<Item = Var> {
        std::iter::successors(Some(v), |v| self.origin[v.0 as usize])
    }

    /// The nearest value that everything which a rearrangement reads is moved out of.
    fn origin_of(&self, eqn: &Eqn) -> Option<Var> {
        if !self.is_movement(eqn) {
            return None;
        }
        let mut kept = eqn.inputs.iter().copied().filter(|v| self.of(*v) == Source::Kept);
        let first = kept.next()?;
        kept.try_fold(first, |meet, v| self.origins(meet).find(|of| self.origins(v).any(|other| other == *of)))
    }

    fn definition(&self, v: Var) -> Option<usize> {
        self.definitions[v.0 as usize]
    }

    /// Computes a value that is the same in every iteration in front of the loop.
    fn hoist(&self, g: &mut Graph, operands: &[Option<Var>], env: &mut Env<Var>, v: Var) -> Var {
        if let Some(w) = env.find(v) {
            return *w;
        }
        if let Source::Const(n) = self.of(v) {
            let w = operands[n].expect("known");
            env.set(v, w);
            return w;
        }
        let eqn = &self.now.eqns[self.definition(v).expect("not an input")];
        let ins: Vec<Var> = eqn.inputs.iter().map(|x| self.hoist(g, operands, env, *x)).collect();
        g.src = eqn.src;
        let outs = g.bind(eqn.op.clone(), &ins);
        env.set_all(&eqn.outputs, outs);
        env.get(v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Array;
    use crate::eval::eval;
    use crate::ops::laws::{Rng, parse_aval};
    use crate::ops::{Op, Primitive};
    use crate::text::parse;
    use crate::transform::{jvp_graph, linearize_into, transpose_into};
    use std::rc::Rc;

    /// A recurrent cell: `c = tanh(w c + relu(v) x[i] + i)`, with the index, a slice and something steady in it.
    fn cell() -> Scan {
        let body = "graph cell(i: u32[], w: f64[2,2], v: f64[2], c: f64[2], x: f64[2]) -> (d, d) {
            zero: f64[2] = constant[value=f64[2]{0.0}]
            relu: f64[2] = max v zero
            steady: f64[2] = exp relu
            h: f64[2] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w c
            u: f64[2] = mul steady x
            s: f64[2] = add h u
            k: f64[] = convert[dtype=f64] i
            kk: f64[2] = broadcast_in_dim[shape=(2), dims=()] k
            t: f64[2] = mul kk s
            d: f64[2] = tanh t
        }";
        let body = Rc::new(parse(body).unwrap_or_else(|e| panic!("{e}")));
        Scan { body, length: 3, n_consts: 2, n_carry: 1, reverse: false, indexed: true }
    }

    const AVALS: [&str; 4] = ["f64[2,2]", "f64[2]", "f64[2]", "f64[3,2]"];

    /// The cotangents of all arguments of the sum of all results of `op`.
    fn gradient(op: &Op, avals: &[Aval]) -> Graph {
        let mut f = Graph::new("f");
        let xs: Vec<Var> = avals.iter().map(|a| f.input(a)).collect();
        f.outputs = f.bind(op.clone(), &xs);
        let mut g = Graph::new("grad");
        let primals: Vec<Var> = avals.iter().map(|a| g.input(a)).collect();
        let (_, linear) = linearize_into(&mut g, &f, &primals, &vec![true; avals.len()]);
        let cts = f.out_avals().iter().map(|a| Some(g.full(a.dtype, &a.shape, 1.0))).collect::<Vec<_>>();
        let mut known: Vec<Option<Var>> = linear.residuals.iter().copied().map(Some).collect();
        known.resize(linear.graph.inputs.len(), None);
        let cts = transpose_into(&mut g, &linear.graph, &known, &cts).split_off(linear.residuals.len());
        g.outputs = cts.into_iter().flatten().collect();
        g
    }

    #[test]
    fn what_is_steady_sliced_or_counted_is_not_stacked() {
        let grad = gradient(&cell().into(), &AVALS.map(parse_aval));
        let scans: Vec<(&Scan, &Eqn)> = grad.eqns.iter().filter_map(|e| Some((e.op.downcast()?, e))).collect();
        let [(forward, first), (backward, _)] = scans[..] else { panic!("two loops\n{grad}") };
        assert!(!forward.reverse && backward.reverse);
        // The result that was asked for, the carries that `w` was multiplied with, the derivative of `tanh`.
        let stacked: Vec<String> = first.outputs[1..].iter().map(|v| grad.aval(*v).to_string()).collect();
        assert_eq!(stacked, ["f64[3,2]"; 3]);
        assert!(backward.indexed);
    }

    #[test]
    fn elements_of_one_array_are_kept_as_that_array() {
        // Each element of `c` is multiplied by one of the elements beside it, and all by a sum that is spread.
        let body = "graph turn(c: f64[3], x: f64[3]) -> (d, d) {
            a: f64[1] = slice[start=(0), limit=(1), stride=(1)] c
            b: f64[2] = slice[start=(1), limit=(3), stride=(1)] c
            r: f64[3] = concatenate[axis=0] b a
            p: f64[3] = mul c r
            s: f64[] = reduce_sum[axes=(0)] c
            t: f64[3] = broadcast_in_dim[shape=(3), dims=()] s
            q: f64[3] = mul p t
            d: f64[3] = add q x
        }";
        let body = Rc::new(parse(body).unwrap_or_else(|e| panic!("{e}")));
        let op = Scan { body, length: 4, n_consts: 0, n_carry: 1, reverse: false, indexed: false };
        let grad = gradient(&op.into(), &["f64[3]", "f64[4,3]"].map(parse_aval));
        let first = grad.eqns.iter().find(|e| e.op.downcast::<Scan>().is_some()).expect("a loop");
        let stacked: Vec<String> = first.outputs[1..].iter().map(|v| grad.aval(*v).to_string()).collect();
        // The result; `p`; of `c`, `r` and what they are made of only `c`; the sum before it is spread.
        assert_eq!(stacked, ["f64[4,3]", "f64[4,3]", "f64[4,3]", "f64[4]"], "{grad}");
    }

    #[test]
    fn derivatives_of_derivatives() {
        let avals = AVALS.map(parse_aval);
        let grad = gradient(&cell().into(), &avals);
        let (second, nonzero) = jvp_graph(&grad, &[true; 4]);
        assert_eq!(nonzero, [true; 4]);
        let mut rng = Rng::new();
        let x: Vec<Array> = avals.iter().map(|a| rng.array(a)).collect();
        let t: Vec<Array> = avals.iter().map(|a| rng.array(a)).collect();
        let found = eval(&second, &[x.clone(), t.clone()].concat()).split_off(4);
        let at = |h: f64| {
            let moved = |(x, t): (&Array, &Array)| {
                let data: Vec<f64> = x.to_f64s().iter().zip(t.to_f64s()).map(|(x, t)| x + h * t).collect();
                Array::f64(x.shape(), &data)
            };
            let args: Vec<Array> = x.iter().zip(&t).map(moved).collect();
            eval(&grad, &args).iter().flat_map(Array::to_f64s).collect::<Vec<f64>>()
        };
        let (plus, minus) = (at(1e-5), at(-1e-5));
        let found: Vec<f64> = found.iter().flat_map(Array::to_f64s).collect();
        for (n, found) in found.iter().enumerate() {
            let expected = (plus[n] - minus[n]) / 2e-5;
            assert!((found - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{n}: {found}, {expected}");
        }
        // And in reverse mode again.
        let mut op = Graph::new("");
        let inputs: Vec<Var> = avals.iter().map(|a| op.input(a)).collect();
        op.outputs = op.inline(&grad, &inputs);
        let mut g = Graph::new("");
        let primals: Vec<Var> = avals.iter().map(|a| g.input(a)).collect();
        let (_, linear) = linearize_into(&mut g, &op, &primals, &[true; 4]);
        let tangents: Vec<Option<Var>> = avals.iter().map(|a| Some(g.input(a))).collect();
        let mut known: Vec<Option<Var>> = linear.residuals.iter().copied().map(Some).collect();
        known.resize(linear.graph.inputs.len(), None);
        let cts = transpose_into(&mut g, &linear.graph, &known, &tangents).split_off(linear.residuals.len());
        g.outputs = cts.into_iter().flatten().collect();
        // The matrix of second derivatives is symmetric.
        let back: Vec<f64> = eval(&g, &[x, t].concat()).iter().flat_map(Array::to_f64s).collect();
        for (a, b) in back.iter().zip(&found) {
            assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{a}, {b}");
        }
    }

    #[test]
    fn nothing_known_leaves_nothing_to_run_first() {
        let body = "graph b(c: f64[], x: f64[]) -> (d) {\n d: f64[] = mul c x\n}";
        let body = Rc::new(parse(body).unwrap_or_else(|e| panic!("{e}")));
        let op = Scan { body, length: 3, n_consts: 0, n_carry: 1, reverse: false, indexed: false };
        let split = op.partial_eval(&[true, false]).expect("a scan always splits");
        assert!(split.known.eqns.is_empty());
        assert_eq!(split.known_out, [false]);
    }
}
