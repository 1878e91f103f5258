//! Random graphs some of whose equations are kernels that are called: nothing that is live lies in the arena of a callee.

use std::rc::Rc;

use kiln_codegen::array::Array;
use kiln_codegen::dtype::DType;
use kiln_codegen::eval::eval;
use kiln_codegen::graph::{Eqn, Graph};
use kiln_codegen::ops::call::Call;
use kiln_codegen::ops::{Constant, Op};
use kiln_codegen::passes::optimise;
use kiln_codegen::schedule::machine::run_with;
use kiln_codegen::schedule::program::{Dest, Function, Kernel, Kind, Program, Schedule};
use kiln_codegen::schedule::verify::verify;
use kiln_codegen::schedule::{callees, fuse, plan};
use kiln_kernel_tests::random::Case;
use kiln_kernel_tests::{few_cases, same};

/// The graph with a call in place of every third of the equations that could be a kernel; those go to `kernels`.
fn outlined(g: &Graph, seed: u64, kernels: &mut Vec<Op>) -> Graph {
    let mut out = g.clone();
    for (n, eqn) in out.eqns.iter_mut().enumerate() {
        let graphs = eqn.op.subgraphs();
        if !graphs.is_empty() {
            let graphs = graphs.iter().map(|inner| Rc::new(outlined(inner, seed / 3 + n as u64, kernels)));
            eqn.op = eqn.op.with_subgraphs(graphs.collect());
        } else if (seed + n as u64).is_multiple_of(3) && is_kernel(g, eqn) {
            let avals = |vars: &[_]| vars.iter().map(|v| g.aval(*v).clone()).collect::<Vec<_>>();
            let (params, results) = (avals(&eqn.inputs), avals(&eqn.outputs));
            // What has the type of a result may become it.
            let changes = params.iter().rposition(|p| results.len() == 1 && *p == results[0]).into_iter().collect();
            let call = Call { kernel: kernels.len().to_string().into(), params, results, changes };
            kernels.push(std::mem::replace(&mut eqn.op, call.into()));
        }
    }
    out
}

fn is_kernel(g: &Graph, eqn: &Eqn) -> bool {
    let all = eqn.inputs.iter().chain(&eqn.outputs);
    let passed = all.map(|v| g.aval(*v)).all(|a| a.dtype != DType::Bool && a.size() > 0);
    passed && eqn.op.downcast::<Constant>().is_none() && !eqn.op.has_effect()
}

fn planned(c: &Case, kernels: &mut Vec<Op>) -> Schedule {
    let graph = optimise(&outlined(&c.program.graph, c.seed, kernels));
    let (mutable, dests) = (c.program.mutable.clone(), c.program.dests.clone());
    let mut s = fuse::fuse(&Program { graph, mutable, dests });
    plan::plan(&mut s);
    s
}

/// Results in the graph's order, where callees leave nothing behind but theirs.
fn results(c: &Case, s: &Schedule, kernels: &[Op]) -> Vec<Array> {
    let callee = |name: &str, args: &[Array]| {
        let kernel = &kernels[name.parse::<usize>().expect("a number")];
        kernel.eval(&args.iter().collect::<Vec<_>>())
    };
    let machine = run_with(s, &c.args, &callee).expect("nothing is checked");
    let of = |d: &Dest| match d {
        Dest::Return(n) => machine.returns[*n].clone(),
        Dest::Param(n) => machine.params[*n].clone(),
    };
    c.program.dests.iter().map(of).collect()
}

#[test]
fn nothing_that_is_live_lies_in_the_arena_of_a_callee() {
    let (mut n_inside, mut n_low) = (0, 0);
    for c in few_cases() {
        let mut kernels = Vec::new();
        let s = planned(&c, &mut kernels);
        if let Err(e) = verify(&s) {
            panic!("seed {}: {e}\n{}\n{s}", c.seed, c.program.graph);
        }
        let (a, b) = (eval(&c.program.graph, &c.args), results(&c, &s, &kernels));
        let fine = a.iter().zip(&b).all(|(a, b)| same(a, b));
        assert!(fine, "seed {}\n{}\n{s}\nevaluated {a:?}\nscheduled {b:?}", c.seed, c.program.graph);
        let is_inside = |k: &_| callees::of(k).next().is_some_and(|callee| callee.times > 1);
        n_inside += usize::from(s.kernels.iter().any(is_inside));
        n_low += usize::from(callees::all(&s).any(|callee| callee.at + 8 <= s.arena_bytes));
    }
    assert!(n_inside > 10 && n_low > 50, "{n_inside} have calls in loops, {n_low} callees that use what is dead");
}

fn at_the_beginning(kernel: &mut Kernel) {
    match &mut kernel.kind {
        Kind::Call { function: Function::Kernel { at, .. }, .. } => *at = 0,
        Kind::Region(r) => {
            r.bodies.iter_mut().flat_map(|body| &mut body.schedule.kernels).for_each(at_the_beginning);
        }
        _ => {}
    }
}

/// A verifier or a machine that forgave everything would pass the test above.
#[test]
fn callees_at_the_beginning_are_refused_and_give_other_bits() {
    let (mut n_refused, mut n_wrong) = (0, 0);
    for c in few_cases() {
        let mut kernels = Vec::new();
        let mut s = planned(&c, &mut kernels);
        let moved = callees::all(&s).any(|callee| callee.at > 0);
        s.kernels.iter_mut().for_each(at_the_beginning);
        n_refused += u32::from(verify(&s).is_err());
        assert!(!moved || verify(&s).is_err(), "seed {}\n{s}", c.seed);
        let (a, b) = (eval(&c.program.graph, &c.args), results(&c, &s, &kernels));
        n_wrong += u32::from(!a.iter().zip(&b).all(|(a, b)| same(a, b)));
    }
    assert!(n_refused > 30 && n_wrong > 30, "{n_refused} refused, {n_wrong} wrong");
}
