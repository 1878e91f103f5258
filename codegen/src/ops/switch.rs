//! `switch`: one of several branches, chosen at run time.

use std::rc::Rc;

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::eval::eval;
use crate::graph::{Aval, Graph, Var};
use crate::ops::effect::{slice_by_slice, slices_are_cheaper};
use crate::ops::narrow::{Narrowed, read_inputs, with_inputs, with_outputs};
use crate::ops::region::{count, expect_types, flops, has_effect, instantiate, prune};
use crate::ops::{
    Batched, BroadcastInDim, Compare, CompareOp, Lowering, Op, OpError, Operand, Primitive, Region, Select, Split,
    Tangent, param, with_batch_axis,
};
use crate::passes::ranges::Range;
use crate::schedule::cost;
use crate::text::{Param, Params};
use crate::transform::{batch_into, jvp_into, partial_eval_graph, transpose_into};

/// `branches[i](operands)`. Operands: the index `i` (i32; below 0 is the first branch, past the end the last one), then
/// what every branch takes.
///
/// **Derivative.** The same branch of tangents. In reverse mode the branches share the room for what they keep.
#[derive(Clone, Debug)]
pub struct Switch {
    /// What is chosen from; at least one, all of one type.
    pub branches: Vec<Rc<Graph>>,
}

impl Switch {
    fn of(branches: Vec<Graph>) -> Switch {
        Switch { branches: branches.into_iter().map(Rc::new).collect() }
    }

    /// The jvp of every branch, with tangents for the results marked in `out`, and for which results any branch has one.
    fn jvp_branches(&self, nonzero: &[bool], out: &[bool]) -> (Vec<Graph>, Vec<bool>) {
        let mut found = vec![false; out.len()];
        let mut branches = Vec::new();
        for branch in &self.branches {
            let mut g = Graph::new(&branch.name);
            let avals = branch.in_avals();
            let primals: Vec<Var> = avals.iter().map(|a| g.input(a)).collect();
            let tangents: Vec<Tangent> = avals.iter().zip(nonzero).map(|(a, nz)| nz.then(|| g.input(a))).collect();
            let (outs, ts) = jvp_into(&mut g, branch, &primals, &tangents);
            g.outputs = outs.clone();
            for (n, t) in ts.iter().enumerate() {
                found[n] |= t.is_some();
                if out[n] {
                    let aval = g.aval(outs[n]).clone();
                    let t = instantiate(&mut g, *t, &aval);
                    g.outputs.push(t);
                }
            }
            branches.push(g);
        }
        (branches, found)
    }

    /// Every branch under a batch axis, with one for the results marked in `out`, and which results any branch gives one.
    fn batch_branches(&self, batched: &[bool], out: &[bool], size: usize) -> (Vec<Graph>, Vec<bool>) {
        let mut found = vec![false; out.len()];
        let mut branches = Vec::new();
        for branch in &self.branches {
            let mut g = Graph::new(&branch.name);
            let mut args = Vec::new();
            for (a, b) in branch.in_avals().iter().zip(batched) {
                let var = g.input(&if *b { a.batched(size) } else { a.clone() });
                args.push(Batched { var, batched: *b });
            }
            for (n, b) in batch_into(&mut g, branch, &args, size).into_iter().enumerate() {
                found[n] |= b.batched;
                let var = if out[n] { with_batch_axis(&mut g, b, size) } else { b.var };
                g.outputs.push(var);
            }
            branches.push(g);
        }
        (branches, found)
    }

    /// Every branch of every slice, and of each slice what its index chooses; takes the operands that it is given with.
    fn all_branches(&self, g: &Graph, ins: &[Batched], size: usize) -> (Graph, Vec<Var>) {
        let mut h = Graph::new("switch");
        h.src = g.src;
        let inner: Vec<Batched> = ins.iter().map(|b| Batched { var: h.input(g.aval(b.var)), ..*b }).collect();
        let mut all = Vec::new();
        for branch in &self.branches {
            let outs = batch_into(&mut h, branch, &inner[1..], size);
            all.push(outs.into_iter().map(|b| with_batch_axis(&mut h, b, size)).collect::<Vec<Var>>());
        }
        let mut outs = all.pop().expect("at least one branch");
        for (n, branch) in all.into_iter().enumerate().rev() {
            let limit = h.full(DType::I32, &[size], n as f64);
            let chosen = h.bind1(Compare { op: CompareOp::Le }, &[inner[0].var, limit]);
            for (out, mine) in outs.iter_mut().zip(branch) {
                let shape = h.shape(mine).to_vec();
                let pred = match shape.len() {
                    1 => chosen,
                    _ => h.bind1(BroadcastInDim { shape, dims: vec![0] }, &[chosen]),
                };
                *out = h.bind1(Select, &[pred, mine, *out]);
            }
        }
        h.outputs = outs;
        (h, ins.iter().map(|b| b.var).collect())
    }

    /// The transpose of every branch: takes the known operands, then the cotangents marked in `ct`; yields those of the
    /// linear operands marked in `out`. Beside it: which linear operands get one from any branch.
    fn transpose_branches(&self, linear: &[bool], ct: &[bool], out: &[bool]) -> (Vec<Graph>, Vec<bool>) {
        let mut found = vec![false; linear.len()];
        let mut branches = Vec::new();
        for branch in &self.branches {
            let mut g = Graph::new(&branch.name);
            let avals = branch.in_avals();
            let known: Vec<Option<Var>> =
                avals.iter().zip(linear).map(|(a, linear)| (!linear).then(|| g.input(a))).collect();
            let cts: Vec<Tangent> = branch.out_avals().iter().zip(ct).map(|(a, nz)| nz.then(|| g.input(a))).collect();
            let in_cts = transpose_into(&mut g, branch, &known, &cts);
            for (n, ct) in in_cts.iter().enumerate() {
                found[n] |= ct.is_some();
                if out[n] {
                    let ct = instantiate(&mut g, *ct, &avals[n]);
                    g.outputs.push(ct);
                }
            }
            branches.push(g);
        }
        (branches, found)
    }
}

impl Primitive for Switch {
    fn name(&self) -> &'static str {
        "switch"
    }

    fn params(&self) -> Params {
        [param("branches", self.branches.iter().map(Param::from).collect::<Vec<_>>())].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let (Some((index, operands)), Some(first)) = (ins.split_first(), self.branches.first()) else {
            return Err(OpError::new("`switch` needs an index and a branch"));
        };
        if **index != Aval::scalar(DType::I32) {
            return Err(OpError::new(format!("`switch` chooses by an i32[], found {index}")).at(0));
        }
        let outs = first.out_avals();
        let operands: Vec<Aval> = operands.iter().map(|a| (*a).clone()).collect();
        for branch in &self.branches {
            expect_types("what a branch takes", &branch.in_avals(), &operands)?;
            expect_types("what a branch yields", &branch.out_avals(), &outs)?;
        }
        Ok(outs)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let index = ins[0].item().to_i128().expect("checked to be an integer");
        let n = index.clamp(0, self.branches.len() as i128 - 1) as usize;
        let args: Vec<Array> = ins[1..].iter().map(|a| (*a).clone()).collect();
        eval(&self.branches[n], &args)
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let nonzero: Vec<bool> = t[1..].iter().map(Option::is_some).collect();
        let n_outs = self.branches[0].outputs.len();
        let (_, found) = self.jvp_branches(&nonzero, &vec![false; n_outs]);
        let (branches, _) = self.jvp_branches(&nonzero, &found);
        let args: Vec<Var> = x.iter().copied().chain(t[1..].iter().copied().flatten()).collect();
        let mut outs = g.bind(Switch::of(branches), &args);
        let mut tangents = outs.split_off(n_outs).into_iter();
        let ts = found.iter().map(|nz| if *nz { tangents.next() } else { None }).collect();
        (outs, ts)
    }

    /// One index for all keeps the branch. With an index for each slice it is the cheaper of two: every branch of all slices
    /// and a selection, or one slice after the other and the branch that it takes.
    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let n_outs = self.branches[0].outputs.len();
        if !ins[0].batched {
            let batched: Vec<bool> = ins[1..].iter().map(|b| b.batched).collect();
            let (_, found) = self.batch_branches(&batched, &vec![false; n_outs], size);
            let (branches, _) = self.batch_branches(&batched, &found, size);
            let vars: Vec<Var> = ins.iter().map(|b| b.var).collect();
            let outs = g.bind(Switch::of(branches), &vars);
            return outs.into_iter().zip(found).map(|(var, batched)| Batched { var, batched }).collect();
        }
        if self.has_effect() {
            return slice_by_slice(g, self.clone().into(), ins, size);
        }
        let (together, vars) = self.all_branches(g, ins, size);
        let each = self.branches.iter().map(|b| cost::of_graph(b)).fold(0, u64::saturating_add);
        let one = each / self.branches.len() as u64;
        if !self.needs_all_slices() && slices_are_cheaper(one, cost::of_graph(&together), size) {
            return slice_by_slice(g, self.clone().into(), ins, size);
        }
        g.inline(&together, &vars).into_iter().map(|var| Batched { var, batched: true }).collect()
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let mut out = vec![None; ins.len()];
        let Operand::Known(index) = ins[0] else { return out };
        let linear: Vec<bool> = ins[1..].iter().map(|x| matches!(x, Operand::Linear(_))).collect();
        let nonzero: Vec<bool> = ct.iter().map(Option::is_some).collect();
        let (_, found) = self.transpose_branches(&linear, &nonzero, &vec![false; linear.len()]);
        let (branches, _) = self.transpose_branches(&linear, &nonzero, &found);
        let mut args = vec![index];
        args.extend(ins[1..].iter().filter_map(|x| match x {
            Operand::Known(v) => Some(*v),
            Operand::Linear(_) => None,
        }));
        args.extend(ct.iter().flatten());
        let mut cts = g.bind(Switch::of(branches), &args).into_iter();
        for (out, found) in out[1..].iter_mut().zip(&found) {
            if *found {
                *out = cts.next();
            }
        }
        out
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Region
    }

    fn region(&self) -> Option<Region> {
        Some(Region::Switch { branches: self.branches.clone() })
    }

    fn subgraphs(&self) -> Vec<Rc<Graph>> {
        self.branches.clone()
    }

    /// Those of the operands behind the index.
    fn known_inputs(&self, _n: usize, operands: &[Option<Range>]) -> Vec<Option<Range>> {
        operands.iter().skip(1).copied().collect()
    }

    fn with_subgraphs(&self, branches: Vec<Rc<Graph>>) -> Op {
        Switch { branches }.into()
    }

    fn narrowed(&self, read: &[bool]) -> Option<Narrowed> {
        let all_read = |b: &Graph| read_inputs(b).iter().all(|r| *r);
        if read.iter().all(|r| *r) && self.branches.iter().any(|b| all_read(b)) {
            return None;
        }
        let branches: Vec<Graph> = self.branches.iter().map(|b| with_outputs(b, read)).collect();
        let mut used = vec![false; branches[0].inputs.len()];
        for branch in &branches {
            for (used, read) in used.iter_mut().zip(read_inputs(branch)) {
                *used |= read;
            }
        }
        if used.iter().chain(read).all(|keep| *keep) {
            return None;
        }
        let op = Switch::of(branches.iter().map(|b| with_inputs(b, &used)).collect()).into();
        Some(Narrowed { op, inputs: [vec![true], used].concat(), outputs: read.to_vec() })
    }

    /// A result is known if every branch knows it. What branches keep goes into slots, which they share by type; an
    /// operand that is kept is no copy.
    fn partial_eval(&self, unknown: &[bool]) -> Option<Split> {
        let (index_unknown, unknown) = (unknown[0], &unknown[1..]);
        if index_unknown {
            return None;
        }
        let cuts: Vec<_> = self.branches.iter().map(|b| partial_eval_graph(b, unknown)).collect();
        let n_outs = self.branches[0].outputs.len();
        let known_out: Vec<bool> = (0..n_outs).map(|n| cuts.iter().all(|c| !c.out_unknown[n])).collect();
        let n_known_in = unknown.iter().filter(|u| !**u).count();
        let (mut slots, mut passed): (Vec<Aval>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut plans = Vec::new();
        for cut in &cuts {
            let mut results = cut.known.outputs.clone();
            let residuals = results.split_off(results.len() - cut.n_residuals);
            let mut results = results.into_iter();
            let results: Vec<Option<Var>> =
                cut.out_unknown.iter().map(|u| if *u { None } else { results.next() }).collect();
            // A result that another branch does not know is computed here now and handed over.
            let handed = results.iter().zip(&known_out).filter(|(_, known)| !**known).filter_map(|(v, _)| *v);
            let mut wanted: Vec<Var> = residuals.iter().copied().chain(handed).collect();
            wanted.sort_unstable();
            wanted.dedup();
            let mut used = vec![false; slots.len()];
            let mut place: Vec<(Var, Kept)> = Vec::new();
            for v in wanted {
                if let Some(n) = cut.known.inputs.iter().position(|x| *x == v) {
                    if !passed.contains(&n) {
                        passed.push(n);
                    }
                    place.push((v, Kept::Operand(n)));
                    continue;
                }
                let aval = cut.known.aval(v);
                let free = (0..slots.len()).find(|n| !used[*n] && slots[*n] == *aval);
                let n = free.unwrap_or_else(|| {
                    slots.push(aval.clone());
                    used.push(false);
                    slots.len() - 1
                });
                used[n] = true;
                place.push((v, Kept::Slot(n)));
            }
            plans.push((results, residuals, place));
        }
        passed.sort_unstable();

        let (mut now, mut later) = (Vec::new(), Vec::new());
        for (cut, (results, residuals, place)) in cuts.iter().zip(&plans) {
            // Now: the known results, then the slots.
            let mut g = cut.known.clone();
            g.outputs = results.iter().zip(&known_out).filter(|(_, known)| **known).filter_map(|(v, _)| *v).collect();
            for (n, aval) in slots.iter().enumerate() {
                let mine = place.iter().find(|(_, kept)| *kept == Kept::Slot(n)).map(|(v, _)| *v);
                let v = mine.unwrap_or_else(|| g.zeros(aval));
                g.outputs.push(v);
            }
            prune(&mut g);
            now.push(g);
            // Later: takes slots, passed operands, unknown operands.
            let mut g = Graph::new(&cut.later.name);
            let slot_vars: Vec<Var> = slots.iter().map(|a| g.input(a)).collect();
            let known_avals = cut.known.in_avals();
            let passed_vars: Vec<Var> = passed.iter().map(|n| g.input(&known_avals[*n])).collect();
            let branch_avals = self.branches[0].in_avals();
            let unknown_vars: Vec<Var> =
                branch_avals.iter().zip(unknown).filter(|(_, u)| **u).map(|(a, _)| g.input(a)).collect();
            let source = |v: Var| match place.iter().find(|(w, _)| *w == v) {
                Some((_, Kept::Slot(n))) => slot_vars[*n],
                Some((_, Kept::Operand(n))) => passed_vars[passed.iter().position(|p| p == n).expect("passed")],
                None => unreachable!("every value that is wanted has a place"),
            };
            let args: Vec<Var> = residuals.iter().map(|v| source(*v)).chain(unknown_vars).collect();
            let mut outs = g.inline(&cut.later, &args).into_iter();
            for (n, known) in known_out.iter().enumerate() {
                if cut.out_unknown[n] {
                    g.outputs.extend(outs.next());
                } else if !known {
                    g.outputs.push(source(results[n].expect("known here")));
                }
            }
            later.push(g);
        }

        let mut first = Graph::new("switch");
        let index = first.input(&Aval::scalar(DType::I32));
        let avals = self.branches[0].in_avals();
        let known: Vec<Var> = avals.iter().zip(unknown).filter(|(_, u)| !**u).map(|(a, _)| first.input(a)).collect();
        debug_assert_eq!(known.len(), n_known_in);
        if now[0].outputs.is_empty() && !now.iter().any(has_effect) {
            first.outputs = Vec::new();
        } else {
            let args: Vec<Var> = [index].into_iter().chain(known.iter().copied()).collect();
            first.outputs = first.bind(Switch::of(now), &args);
        }
        let n_results = count(&known_out);
        first.outputs.insert(n_results, index);
        first.outputs.extend(passed.iter().map(|n| known[*n]));

        let mut second = Graph::new("switch");
        let residuals: Vec<Aval> = first.outputs[n_results..].iter().map(|v| first.aval(*v).clone()).collect();
        let mut args: Vec<Var> = residuals.iter().map(|a| second.input(a)).collect();
        args.extend(avals.iter().zip(unknown).filter(|(_, u)| **u).map(|(a, _)| second.input(a)));
        second.outputs = second.bind(Switch::of(later), &args);
        Some(Split { known: first, known_out, later: second })
    }

    /// Those of the most expensive branch.
    fn flops(&self, _ins: &[&Aval]) -> u64 {
        self.branches.iter().map(|b| flops(b)).max().unwrap_or(0)
    }
}

/// Where the later branch finds a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Slot(usize),
    Operand(usize),
}

/// An index as `switch` takes it.
pub fn index(n: i32) -> Array {
    Array::scalar(Scalar::I32(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::laws::{Rng, check_op_at, parse_aval};
    use crate::text::parse;

    fn switch(branches: &[&str]) -> Switch {
        Switch::of(branches.iter().map(|b| parse(b).unwrap_or_else(|e| panic!("{e}"))).collect())
    }

    #[test]
    fn laws() {
        let op = switch(&[
            "graph a(x: f64[2], w: f64[2]) -> (a, w) {
                a: f64[2] = sin x
            }",
            "graph b(x: f64[2], w: f64[2]) -> (b, z) {
                a: f64[2] = mul x w
                b: f64[2] = exp a
                z: f64[2] = constant[value=f64[2]{2.0}]
            }",
            "graph c(x: f64[2], w: f64[2]) -> (x, a) {
                a: f64[2] = mul w w
            }",
        ]);
        let mut rng = Rng::new();
        for n in [-1, 0, 1, 2, 3] {
            check_op_at(op.clone(), &[index(n), rng.array(&parse_aval("f64[2]")), rng.array(&parse_aval("f64[2]"))]);
        }
    }

    /// A branch that is a product with a matrix, and two that are not.
    fn costly() -> Switch {
        switch(&[
            "graph a(x: f64[12], w: f64[12,12]) -> (y, x) {
                y: f64[12] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w x
            }",
            "graph b(x: f64[12], w: f64[12,12]) -> (z, y) {
                y: f64[12] = sin x
                z: f64[12] = mul y x
            }",
            "graph c(x: f64[12], w: f64[12,12]) -> (x, y) {
                y: f64[12] = neg x
            }",
        ])
    }

    #[test]
    fn laws_where_slices_are_computed_one_by_one() {
        let mut rng = Rng::new();
        for n in [0, 1, 2] {
            check_op_at(costly(), &[index(n), rng.array(&parse_aval("f64[12]")), rng.array(&parse_aval("f64[12,12]"))]);
        }
    }

    /// Equations of the outermost graph that `op` is made into, over six slices with an index each.
    fn batched(op: &Switch) -> Vec<&'static str> {
        let mut g = Graph::new("g");
        let mut ins = vec![Batched { var: g.input(&Aval::new(DType::I32, &[6])), batched: true }];
        for (n, aval) in op.branches[0].in_avals().iter().enumerate() {
            let aval = if n == 0 { aval.batched(6) } else { aval.clone() };
            ins.push(Batched { var: g.input(&aval), batched: n == 0 });
        }
        g.outputs = op.batch(&mut g, &ins, 6).iter().map(|b| b.var).collect();
        g.eqns.iter().map(|eqn| eqn.op.name()).collect()
    }

    #[test]
    fn an_index_for_each_slice_selects_where_branches_are_cheap_and_loops_where_they_are_not() {
        assert_eq!(batched(&costly()), ["scan"]);
        let cheap = switch(&[
            "graph a(x: f64[12], w: f64[12]) -> (y) {\n y: f64[12] = mul x w\n}",
            "graph b(x: f64[12], w: f64[12]) -> (x) {\n}",
        ]);
        assert!(batched(&cheap).contains(&"select") && !batched(&cheap).contains(&"scan"));
    }

    #[test]
    fn what_slices_have_in_common_is_computed_once() {
        // The costly branch is the same for all slices.
        let shared = switch(&[
            "graph a(x: f64[12], w: f64[12,12]) -> (y) {
                v: f64[12,12] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w w
                y: f64[12] = reduce_sum[axes=(0)] v
            }",
            "graph b(x: f64[12], w: f64[12,12]) -> (x) {\n}",
        ]);
        assert!(!batched(&shared).contains(&"scan"));
    }

    #[test]
    fn an_integer_beside_a_float() {
        let op = switch(&[
            "graph a(n: i32[], x: f64[]) -> (n, x) {\n}",
            "graph b(n: i32[], x: f64[]) -> (m, y) {
                m: i32[] = add n n
                f: f64[] = convert[dtype=f64] n
                y: f64[] = mul f x
            }",
        ]);
        let mut rng = Rng::new();
        for n in [0, 1] {
            check_op_at(op.clone(), &[index(n), index(3), rng.array(&parse_aval("f64[]"))]);
        }
    }

    #[test]
    fn refusals_name_the_types() {
        let op = switch(&[
            "graph a(x: f32[]) -> (x) {\n}",
            "graph b(x: f32[]) -> (n) {\n n: i32[] = convert[dtype=i32] x\n}",
        ]);
        crate::ops::laws::check_op_error(
            op,
            &["i32[]", "f32[]"],
            expect_test::expect!["what a branch yields must be f32[], found i32[]"],
        );
    }
}
