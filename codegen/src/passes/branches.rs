//! What branches compute that is computed around them, or by each of them, is computed once, in front.
//!
//! Before: a branch of `switch` may compute what equations in front of it have computed already, or what all other branches
//! compute too. After: it reads the first from there, where that costs less than computing it again, and the second is moved
//! there where that costs nothing: one branch runs, so it was computed once anyway, and its result has memory of its own
//! wherever it stands. What remains in the branches is merged with what is outside by `cse`, and loops around let go of it
//! (`motion`). Nothing with an effect moves, and nothing that some branch does not compute.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use crate::graph::{Aval, Env, Eqn, Graph, Var};
use crate::ops::{Barrier, Constant, Lowering, Switch};
use crate::passes::motion::is_worth_it;
use crate::passes::{dce, rebuild};

/// Operations per element of a fold's result from which on storing the result is nothing beside computing it.
const DEEP: u64 = 8;

/// Moves out of branches what they share with each other or with what is around them.
pub fn share(graph: &Graph) -> Graph {
    if graph.eqns.iter().all(|e| e.op.downcast::<Switch>().is_none()) {
        return graph.clone();
    }
    let mut values = Values::default();
    rebuild(graph, |g, eqn, ins| {
        let outs = match eqn.op.downcast::<Switch>().and_then(|s| less(g, s, ins, &mut values)) {
            Some((op, args)) => g.bind(op, &args),
            None => g.bind(eqn.op.clone(), ins),
        };
        let numbers: Vec<usize> = ins.iter().map(|v| values.of_outer(*v)).collect();
        if let Some(found) = values.of_eqn(eqn, &numbers) {
            outs.iter().zip(found).for_each(|(v, n)| values.is(*v, n));
        }
        Some(outs)
    })
}

/// Numbers of values: equal ones have the same.
#[derive(Default)]
struct Values {
    count: usize,
    of_var: HashMap<Var, usize>,
    /// Where a value is computed outside of branches, first.
    outside: HashMap<usize, Var>,
    of_text: HashMap<(String, Vec<usize>), Vec<usize>>,
}

impl Values {
    fn fresh(&mut self) -> usize {
        self.count += 1;
        self.count - 1
    }

    fn is(&mut self, v: Var, n: usize) {
        self.of_var.insert(v, n);
        self.outside.entry(n).or_insert(v);
    }

    fn of_outer(&mut self, v: Var) -> usize {
        if let Some(n) = self.of_var.get(&v) {
            return *n;
        }
        let n = self.fresh();
        self.is(v, n);
        n
    }

    /// The numbers of what an equation of such operands computes; `None` if it may not be computed elsewhere.
    fn of_eqn(&mut self, eqn: &Eqn, operands: &[usize]) -> Option<Vec<usize>> {
        if eqn.op.has_effect() || !eqn.op.subgraphs().is_empty() || eqn.op.downcast::<Barrier>().is_some() {
            return None;
        }
        let mut operands = operands.to_vec();
        if eqn.op.commutes() {
            operands.sort_unstable();
        }
        let key = (eqn.op.text(), operands);
        if let Some(found) = self.of_text.get(&key) {
            return Some(found.clone());
        }
        let new: Vec<usize> = eqn.outputs.iter().map(|_| self.fresh()).collect();
        self.of_text.insert(key, new.clone());
        Some(new)
    }
}

/// The switch with less inside, and its operands; `None` where its branches share nothing worth a place in memory.
fn less(g: &mut Graph, switch: &Switch, ins: &[Var], values: &mut Values) -> Option<(Switch, Vec<Var>)> {
    let operands: Vec<usize> = ins[1..].iter().map(|v| values.of_outer(*v)).collect();
    // What each branch computes from operands alone.
    let known: Vec<HashMap<Var, usize>> = switch.branches.iter().map(|b| numbered(b, &operands, values)).collect();
    let of = |known: &HashMap<Var, usize>| known.values().copied().collect::<BTreeSet<usize>>();
    let common = known[1..].iter().map(of).fold(of(&known[0]), |all, own| all.intersection(&own).copied().collect());
    // Equations whose results are read instead, and what those are.
    let mut moved: Vec<usize> = Vec::new();
    for (branch, known) in switch.branches.iter().zip(&known) {
        for eqn in &branch.eqns {
            let numbers = eqn.outputs.iter().map(|v| known.get(v).copied()).collect::<Option<Vec<usize>>>();
            let Some(numbers) = numbers.filter(|n| !n.is_empty() && eqn.op.downcast::<Constant>().is_none()) else {
                continue;
            };
            let there = numbers.iter().all(|n| values.outside.contains_key(n)) && is_worth_it(branch, eqn);
            let shared = switch.branches.len() > 1 && numbers.iter().all(|n| common.contains(n));
            if there || shared && costs_nothing(branch, eqn) {
                moved.extend(numbers.into_iter().filter(|n| !moved.contains(n)).collect::<Vec<_>>());
            }
        }
    }
    if moved.is_empty() {
        return None;
    }
    for (branch, known) in switch.branches.iter().zip(&known) {
        let mut env: Env<Var> = Env::new(branch);
        env.set_all(&branch.inputs, ins[1..].iter().copied());
        for v in branch.eqns.iter().flat_map(|e| &e.outputs) {
            if known.get(v).is_some_and(|n| moved.contains(n)) {
                outside(g, branch, (known, values), &mut env, *v)?;
            }
        }
    }
    // What the branches take already, then what they take from now on.
    moved.retain(|n| !operands.contains(n));
    let new: Vec<(usize, Var)> = moved.iter().map(|n| Some((*n, *values.outside.get(n)?))).collect::<Option<_>>()?;
    let args = ins.iter().copied().chain(new.iter().map(|(_, v)| *v)).collect();
    let new: Vec<(usize, Aval)> = new.into_iter().map(|(n, v)| (n, g.aval(v).clone())).collect();
    let branches = switch.branches.iter().zip(&known);
    let branches = branches.map(|(branch, known)| Rc::new(reading(branch, known, &new))).collect();
    Some((Switch { branches }, args))
}

/// The numbers of what a branch computes from its operands, which have these.
fn numbered(branch: &Graph, operands: &[usize], values: &mut Values) -> HashMap<Var, usize> {
    let mut known: HashMap<Var, usize> = branch.inputs.iter().copied().zip(operands.iter().copied()).collect();
    for eqn in &branch.eqns {
        let operands: Option<Vec<usize>> = eqn.inputs.iter().map(|v| known.get(v).copied()).collect();
        if let Some(found) = operands.and_then(|operands| values.of_eqn(eqn, &operands)) {
            known.extend(eqn.outputs.iter().copied().zip(found));
        }
    }
    known
}

/// Where `v` of a branch is outside, after what computes it has been appended there if nothing did.
fn outside(
    g: &mut Graph,
    branch: &Graph,
    (known, values): (&HashMap<Var, usize>, &mut Values),
    env: &mut Env<Var>,
    v: Var,
) -> Option<Var> {
    let n = known.get(&v)?;
    if let Some(w) = env.find(v).or_else(|| values.outside.get(n)).copied() {
        env.set(v, w);
        return Some(w);
    }
    let eqn = branch.eqns.iter().find(|e| e.outputs.contains(&v))?;
    let mut ins = Vec::new();
    for u in &eqn.inputs {
        ins.push(outside(g, branch, (known, &mut *values), env, *u)?);
    }
    g.src = eqn.src;
    let outs = g.bind(eqn.op.clone(), &ins);
    for (u, w) in eqn.outputs.iter().zip(&outs) {
        values.is(*w, *known.get(u)?);
        env.set(*u, *w);
    }
    env.find(v).copied()
}

/// The branch with the values `new` behind its operands; all operands are read instead of computed.
fn reading(branch: &Graph, known: &HashMap<Var, usize>, new: &[(usize, Aval)]) -> Graph {
    let mut small = Graph::new(&branch.name);
    let mut env: Env<Var> = Env::new(branch);
    let named = |small: &mut Graph, v: Var, w: Var| {
        if let Some(name) = branch.var_name(v) {
            small.name_var(w, name);
        }
    };
    let mut there: HashMap<usize, Var> = HashMap::new();
    for v in &branch.inputs {
        let w = small.input(branch.aval(*v));
        named(&mut small, *v, w);
        env.set(*v, w);
        there.entry(known[v]).or_insert(w);
    }
    for (n, aval) in new {
        there.insert(*n, small.input(aval));
    }
    for eqn in &branch.eqns {
        let read = |v: &Var| known.get(v).and_then(|n| there.get(n)).copied();
        let outs = match eqn.outputs.iter().map(read).collect::<Option<Vec<Var>>>().filter(|o| !o.is_empty()) {
            Some(outs) => outs,
            None => {
                small.src = eqn.src;
                small.bind(eqn.op.clone(), &env.get_all(&eqn.inputs))
            }
        };
        for (v, w) in eqn.outputs.iter().zip(outs) {
            named(&mut small, *v, w);
            env.set(*v, w);
        }
    }
    small.outputs = env.get_all(&branch.outputs);
    dce(&small)
}

/// Whether what every branch computes costs no more in front of them.
fn costs_nothing(branch: &Graph, eqn: &Eqn) -> bool {
    let avals: Vec<&Aval> = eqn.inputs.iter().map(|v| branch.aval(*v)).collect();
    let out = branch.aval(eqn.outputs[0]);
    match eqn.op.lowering(&avals) {
        Lowering::Call { .. } => true,
        Lowering::Fold { .. } => eqn.op.flops(&avals) >= DEEP * out.size() as u64,
        Lowering::Map => out.rank() == 0 && eqn.op.flops(&avals) > 0,
        Lowering::Scatter { .. } | Lowering::Region | Lowering::Kernel { .. } | Lowering::Effect { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Array;
    use crate::dtype::Scalar;
    use crate::eval::eval;
    use crate::ops::laws::Rng;
    use crate::passes::optimise;
    use crate::text::parse;

    const PRODUCT: &str = "dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()]";

    fn names(g: &Graph) -> Vec<&'static str> {
        g.eqns.iter().map(|e| e.op.name()).collect()
    }

    fn check(g: &Graph, found: &Graph) {
        let mut rng = Rng::new();
        for which in -1..3 {
            let mut args: Vec<Array> = g.in_avals().iter().map(|a| rng.array(a)).collect();
            args[0] = Array::scalar(Scalar::I32(which));
            assert_eq!(eval(g, &args), eval(found, &args), "{found}");
        }
    }

    fn parsed(text: &str) -> Graph {
        parse(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
    }

    /// The product is computed by both branches, the sine in front of them; the cosine by one branch alone.
    #[test]
    fn what_branches_share_is_computed_in_front_of_them() {
        let g = parsed(&format!(
            "graph f(i: i32[], w: f32[9,9], x: f32[9]) -> (s, y) {{
              s: f32[9] = sin x
              y: f32[9] = switch[branches=(graph a(w: f32[9,9], x: f32[9]) -> (y) {{
                p: f32[9] = {PRODUCT} w x
                s: f32[9] = sin x
                y: f32[9] = mul p s
              }}, graph b(w: f32[9,9], x: f32[9]) -> (y) {{
                p: f32[9] = {PRODUCT} w x
                c: f32[9] = cos x
                y: f32[9] = add p c
              }})] i w x
            }}"
        ));
        let found = optimise(&g);
        assert_eq!(names(&found), ["sin", "dot_general", "switch"], "{found}");
        let switch = found.eqns[2].op.downcast::<Switch>().unwrap();
        assert_eq!(names(&switch.branches[0]), ["mul"], "{found}");
        assert_eq!(names(&switch.branches[1]), ["cos", "add"], "{found}");
        check(&g, &found);
    }

    /// It would be computed in vain where the other branch runs.
    #[test]
    fn what_one_branch_computes_stays_there() {
        let g = parsed(&format!(
            "graph f(i: i32[], w: f32[9,9], x: f32[9]) -> (y) {{
              y: f32[9] = switch[branches=(graph a(w: f32[9,9], x: f32[9]) -> (y) {{
                y: f32[9] = {PRODUCT} w x
              }}, graph b(w: f32[9,9], x: f32[9]) -> (y) {{
                y: f32[9] = sin x
              }})] i w x
            }}"
        ));
        let found = optimise(&g);
        assert_eq!(names(&found), ["switch"], "{found}");
        check(&g, &found);
    }

    /// Out of the branches, then out of both loops.
    #[test]
    fn what_branches_in_loops_share_leaves_the_loops() {
        let branch = format!("p: f32[9] = {PRODUCT} w x");
        let g = parsed(&format!(
            "graph f(i: i32[], w: f32[9,9], x: f32[9], c: f32[9]) -> (d) {{
              d: f32[9] = scan[length=2, consts=3, carry=1, reverse=false, indexed=false, body=graph o(i: i32[], w: f32[9,9], x: f32[9], c: f32[9]) -> (e) {{
                e: f32[9] = scan[length=3, consts=3, carry=1, reverse=false, indexed=false, body=graph n(i: i32[], w: f32[9,9], x: f32[9], c: f32[9]) -> (y) {{
                  y: f32[9] = switch[branches=(graph a(w: f32[9,9], x: f32[9], c: f32[9]) -> (y) {{
                    {branch}
                    y: f32[9] = mul p c
                  }}, graph b(w: f32[9,9], x: f32[9], c: f32[9]) -> (y) {{
                    {branch}
                    y: f32[9] = add p c
                  }})] i w x c
                }}] i w x c
              }}] i w x c
            }}"
        ));
        let found = optimise(&g);
        assert_eq!(names(&found), ["dot_general", "scan"], "{found}");
        check(&g, &found);
    }

    /// Branches of random equations over the same few operands: the same bits, and often something shared.
    #[test]
    fn random_branches_that_share_compute_the_same() {
        let mut rng = Rng::new();
        let (mut fired, cases) = (0, 200);
        for _ in 0..cases {
            let mut body = |eqns: usize| {
                let (mut text, mut vars) = (String::new(), vec!["x".to_string(), "y".to_string()]);
                for k in 0..eqns {
                    let mut var = || vars[rng.below(vars.len())].clone();
                    let (a, b) = (var(), var());
                    let op = ["sin", "mul", "sum", "spread", "add"][rng.below(5)];
                    let eqn = match op {
                        "sin" => format!("v{k}: f32[4] = sin {a}"),
                        "sum" => format!(
                            "s{k}: f32[] = reduce_sum[axes=(0)] {a}\nv{k}: f32[4] = broadcast_in_dim[shape=(4), dims=()] s{k}"
                        ),
                        "spread" => format!(
                            "t{k}: f32[] = reduce_max[axes=(0)] {b}\nu{k}: f32[] = exp t{k}\nv{k}: f32[4] = broadcast_in_dim[shape=(4), dims=()] u{k}"
                        ),
                        op => format!("v{k}: f32[4] = {op} {a} {b}"),
                    };
                    text += &format!("{eqn}\n");
                    vars.push(format!("v{k}"));
                }
                text
            };
            let (front, one, two) = (body(4), body(6), body(6));
            let g = parsed(&format!(
                "graph f(i: i32[], x: f32[4], y: f32[4]) -> (v3, z, q) {{
                  {front}
                  z: f32[4], q: f32[4] = switch[branches=(graph a(x: f32[4], y: f32[4]) -> (v5, v4) {{
                    {one}
                  }}, graph b(x: f32[4], y: f32[4]) -> (v5, v4) {{
                    {two}
                  }})] i x y
                }}"
            ));
            let shared = share(&g);
            fired += usize::from(shared.to_string() != crate::passes::rebuild(&g, |_, _, _| None).to_string());
            check(&g, &shared);
            check(&g, &optimise(&g));
        }
        println!("{fired} of {cases} graphs had something to share");
        assert!(4 * fired > cases, "{fired} of {cases}");
    }
}
