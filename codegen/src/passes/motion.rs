//! What is the same in every turn of a loop is computed once, in front of it.
//!
//! Before: the bodies of `scan` and `while` may compute from constants alone. After: only what is not worth a place in memory:
//! folds, calls, elementary functions and scalars have been moved, cheap elementwise work stays in the nests of its readers.
//! What has been moved is merged with what is computed outside already (`cse`). Nothing with an effect moves. A `while` that
//! does not turn at all has it computed in vain.

use std::rc::Rc;

use crate::dtype::DType;
use crate::graph::{Aval, Env, Eqn, Graph, Var};
use crate::ops::{Barrier, Constant, Lowering, Scan, While};
use crate::passes::{dce, rebuild};

/// Moves what does not change out of loops.
pub fn hoist(graph: &Graph) -> Graph {
    rebuild(graph, |g, eqn, ins| {
        if let Some(w) = eqn.op.downcast::<While>() {
            return out_of_while(g, w, ins);
        }
        let scan = eqn.op.downcast::<Scan>().filter(|s| s.length > 1)?;
        let (of_index, rest) = scan.body.inputs.split_at(scan.n_index());
        let (own, parts) = (scan.parts(rest), scan.parts(ins));
        let (body, mut args) = less(g, &scan.body, (of_index, own.consts), parts.consts)?;
        let n_consts = args.len();
        args.extend(parts.carry.iter().chain(parts.stacked));
        Some(g.bind(Scan { body: Rc::new(body), n_consts, ..scan.clone() }, &args))
    })
}

/// The results of the loop, with less inside; `None` where all of it changes.
fn out_of_while(g: &mut Graph, w: &While, ins: &[Var]) -> Option<Vec<Var>> {
    let (of_cond, rest) = ins.split_at(w.n_cond_consts);
    let (of_body, carry) = rest.split_at(w.n_body_consts);
    let cond = less(g, &w.cond, (&[], &w.cond.inputs[..w.n_cond_consts]), of_cond);
    let turns = w.bound.is_none_or(|n| n > 1);
    let body = if turns { less(g, &w.body, (&[], &w.body.inputs[..w.n_body_consts]), of_body) } else { None };
    if cond.is_none() && body.is_none() {
        return None;
    }
    let mut op = w.clone();
    let mut args = Vec::new();
    for (found, graph, n_consts, consts) in
        [(cond, &mut op.cond, &mut op.n_cond_consts, of_cond), (body, &mut op.body, &mut op.n_body_consts, of_body)]
    {
        match found {
            Some((smaller, own)) => {
                (*graph, *n_consts) = (Rc::new(smaller), own.len());
                args.extend(own);
            }
            None => args.extend(consts),
        }
    }
    args.extend(carry);
    Some(g.bind(op, &args))
}

/// The body of a loop without what depends on its constants alone, and the constants that it has then: behind `front`, those in
/// `own`, which are `consts` outside, and what has been moved. `None` where everything changes.
fn less(g: &mut Graph, body: &Graph, (front, own): (&[Var], &[Var]), consts: &[Var]) -> Option<(Graph, Vec<Var>)> {
    let mut outside: Env<Var> = Env::new(body);
    outside.set_all(own, consts.iter().copied());
    let mut steady = vec![false; body.n_vars()];
    own.iter().for_each(|v| steady[v.0 as usize] = true);
    let mut moved = vec![false; body.eqns.len()];
    for (n, eqn) in body.eqns.iter().enumerate() {
        let is_steady = !eqn.op.has_effect()
            && eqn.op.subgraphs().is_empty()
            && eqn.op.downcast::<Barrier>().is_none()
            && eqn.inputs.iter().all(|v| steady[v.0 as usize]);
        if is_steady {
            eqn.outputs.iter().for_each(|v| steady[v.0 as usize] = true);
            moved[n] = is_worth_it(body, eqn);
        }
    }
    if !moved.contains(&true) {
        return None;
    }
    let mut new_consts: Vec<(Var, Var)> = Vec::new();
    for (eqn, moved) in body.eqns.iter().zip(&moved) {
        if *moved {
            for v in &eqn.outputs {
                new_consts.push((*v, compute(g, body, &mut outside, *v)?));
            }
        }
    }
    let mut small = Graph::new(&body.name);
    let mut env: Env<Var> = Env::new(body);
    let of_new = new_consts.iter().map(|(v, _)| v);
    let behind = &body.inputs[front.len() + own.len()..];
    for v in front.iter().chain(own).chain(of_new).chain(behind) {
        let w = small.input(body.aval(*v));
        if let Some(name) = body.var_name(*v) {
            small.name_var(w, name);
        }
        env.set(*v, w);
    }
    for (eqn, _) in body.eqns.iter().zip(&moved).filter(|(_, moved)| !**moved) {
        small.src = eqn.src;
        let outs = small.bind(eqn.op.clone(), &env.get_all(&eqn.inputs));
        for (v, w) in eqn.outputs.iter().zip(outs) {
            if let Some(name) = body.var_name(*v) {
                small.name_var(w, name);
            }
            env.set(*v, w);
        }
    }
    small.outputs = env.get_all(&body.outputs);
    // What only the moved work read is not computed in the loop any more.
    Some((dce(&small), consts.iter().copied().chain(new_consts.iter().map(|(_, w)| *w)).collect()))
}

/// Appends what computes `v`, which depends on what `env` has.
fn compute(g: &mut Graph, body: &Graph, env: &mut Env<Var>, v: Var) -> Option<Var> {
    if env.find(v).is_none() {
        let eqn = body.eqns.iter().find(|e| e.outputs.contains(&v))?;
        let ins: Vec<Var> = eqn.inputs.iter().map(|u| compute(g, body, env, *u)).collect::<Option<_>>()?;
        g.src = eqn.src;
        let outs = g.bind(eqn.op.clone(), &ins);
        env.set_all(&eqn.outputs, outs);
    }
    env.find(v).copied()
}

/// Whether computing it once is worth a place in memory for as long as the loop runs.
pub(super) fn is_worth_it(body: &Graph, eqn: &Eqn) -> bool {
    let avals: Vec<&Aval> = eqn.inputs.iter().map(|v| body.aval(*v)).collect();
    match eqn.op.lowering(&avals) {
        Lowering::Fold { .. } | Lowering::Call { .. } => true,
        Lowering::Map if eqn.op.downcast::<Constant>().is_some() => false,
        Lowering::Map => {
            let dtypes: Vec<DType> = avals.iter().map(|a| a.dtype).collect();
            let out = body.aval(eqn.outputs[0]);
            let calls = eqn.op.is_elementwise() && crate::schedule::weight::is_call(&eqn.op, &dtypes, out.dtype);
            calls || out.rank() == 0 && eqn.op.flops(&avals) > 0
        }
        Lowering::Scatter { .. } | Lowering::Region | Lowering::Kernel { .. } | Lowering::Effect { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Array;
    use crate::eval::eval;
    use crate::passes::optimise;
    use crate::text::parse;

    #[test]
    fn products_of_constants_and_carries_that_stay_leave_the_loop() {
        let text = "graph f(w: f32[2,2], x: f32[2], c: f32[2], k: f32[], xs: f32[3,2]) -> (d, m, o) {
          o: f32[2] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w x
          d: f32[2], m: f32[] = scan[length=3, consts=2, carry=2, reverse=false, indexed=false, body=graph b(w: f32[2,2], x: f32[2], c: f32[2], k: f32[], y: f32[2]) -> (d, k) {
            a: f32[2] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w x
            t: f32[2] = mul c y
            e: f32[2] = broadcast_in_dim[shape=(2), dims=()] k
            u: f32[2] = mul t e
            d: f32[2] = add a u
          }] w x c k xs
        }";
        let g = parse(text).unwrap_or_else(|e| panic!("{e}"));
        let found = optimise(&g);
        let scan = found.eqns.iter().find_map(|e| e.op.downcast::<Scan>()).expect("a loop");
        assert_eq!(scan.n_carry, 1, "{found}");
        assert!(scan.body.eqns.iter().all(|e| e.op.name() != "dot_general"), "{found}");
        // Computed once, outside of the loop.
        assert_eq!(found.eqns.iter().filter(|e| e.op.name() == "dot_general").count(), 1, "{found}");
        let mut rng = crate::ops::laws::Rng::new();
        let args: Vec<Array> = g.in_avals().iter().map(|a| rng.array(a)).collect();
        assert_eq!(eval(&g, &args), eval(&found, &args));
    }

    #[test]
    fn what_a_while_computes_from_constants_leaves_it() {
        let text = "graph f(w: f32[2,2], x: f32[2], c: f32[2], m: f32[]) -> (d) {
          d: f32[2] = while[cond_consts=1, body_consts=2, cond=graph t(m: f32[], c: f32[2]) -> (b) {
            s: f32[] = exp m
            k: f32[] = reduce_sum[axes=(0)] c
            b: bool[] = compare[op=lt] k s
          }, body=graph b(w: f32[2,2], x: f32[2], c: f32[2]) -> (d) {
            a: f32[2] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w x
            t: f32[2] = mul a a
            d: f32[2] = add c t
          }] m w x c
        }";
        let g = parse(text).unwrap_or_else(|e| panic!("{e}"));
        let found = optimise(&g);
        let w = found.eqns.iter().find_map(|e| e.op.downcast::<While>()).expect("a loop");
        let inside = |name: &str| w.cond.eqns.iter().chain(&w.body.eqns).any(|e| e.op.name() == name);
        assert!(!inside("exp") && !inside("dot_general") && inside("mul"), "{found}");
        let args = [
            Array::f32(&[2, 2], &[0.5, 0.25, -0.5, 1.0]),
            Array::f32(&[2], &[1.0, 0.5]),
            Array::f32(&[2], &[0.0, 0.1]),
            Array::f32(&[], &[1.0]),
        ];
        assert_eq!(eval(&g, &args), eval(&found, &args));
    }
}
