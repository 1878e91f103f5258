//! Optimised = unoptimised = evaluator, on random graphs, through schedule and memory plan; freed memory is poisoned.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kiln_codegen::array::Array;
use kiln_codegen::eval::eval;
use kiln_codegen::graph::Graph;
use kiln_codegen::passes::{dce, optimise, prepare};
use kiln_codegen::schedule::budget::fit;
use kiln_codegen::schedule::fuse::{Wishes, fuse_as};
use kiln_codegen::schedule::machine::run;
use kiln_codegen::schedule::plan::plan;
use kiln_codegen::schedule::program::{Dest, Kind, Program, Schedule, Storage};
use kiln_codegen::schedule::verify::verify;
use kiln_kernel_tests::random::Case;
use kiln_kernel_tests::{few_cases, prefix, same};

/// Results in the graph's order.
fn results(s: &Schedule, dests: &[Dest], args: &[Array]) -> Vec<Array> {
    let machine = run(s, args).expect("nothing is checked");
    let of = |d: &Dest| match d {
        Dest::Return(n) => machine.returns[*n].clone(),
        Dest::Param(n) => machine.params[*n].clone(),
    };
    dests.iter().map(of).collect()
}

fn scheduled(graph: &Graph, mutable: &[bool], dests: &[Dest], how: usize) -> Schedule {
    let graph = if how == 1 { optimise(graph) } else { prepare(graph) };
    let program = Program { graph, mutable: mutable.to_vec(), dests: dests.to_vec() };
    let mut s = fuse_as(&program, Wishes { unfused: how == 2, ..Wishes::default() });
    plan(&mut s);
    s
}

/// What is wrong with the case, in the smallest graph that shows it.
fn wrong(c: &Case, how: usize) -> Option<String> {
    let g = &c.program.graph;
    let disagrees = |g: &Graph, dests: &[Dest]| {
        let s = scheduled(g, &c.program.mutable, dests, how);
        let (a, b) = (eval(g, &c.args), results(&s, dests, &c.args));
        (!a.iter().zip(&b).all(|(a, b)| same(a, b))).then(|| format!("{s}\nevaluated {a:?}\nscheduled {b:?}"))
    };
    let whole = disagrees(g, &c.program.dests)?;
    let small = (0..g.eqns.len()).find_map(|n| {
        let small = dce(&prefix(g, n));
        let dests: Vec<Dest> = (0..small.outputs.len()).map(Dest::Return).collect();
        disagrees(&small, &dests).map(|text| format!("{small}\n{text}"))
    });
    Some(format!(
        "seed {}, {}\n{}",
        c.seed,
        ["plain", "optimised", "unfused"][how],
        small.unwrap_or(format!("{g}\n{whole}"))
    ))
}

#[test]
fn schedules_give_the_bits_of_the_evaluator() {
    let (mut n_cases, mut n_joined) = (0, 0);
    for c in few_cases() {
        let s = scheduled(&c.program.graph, &c.program.mutable, &c.program.dests, 1);
        n_joined += usize::from(s.kernels.iter().any(|k| matches!(&k.kind, Kind::Loop(nest) if nest.stores.len() > 1)));
        n_cases += 1;
        for how in 0..3 {
            match catch_unwind(AssertUnwindSafe(|| wrong(&c, how))) {
                Ok(None) => {}
                Ok(Some(text)) => panic!("{text}"),
                Err(_) => {
                    let (graph, mutable, dests) = (&c.program.graph, &c.program.mutable, &c.program.dests);
                    panic!("seed {}: cannot be run\n{graph}\n{}", c.seed, scheduled(graph, mutable, dests, how));
                }
            }
        }
    }
    assert!(8 * n_joined > n_cases, "{n_joined} of {n_cases} have loops that were several");
}

/// What a budget changes is where and how often things are computed.
#[test]
fn half_the_memory_gives_the_same_bits() {
    let mut n_smaller = 0;
    for c in few_cases() {
        let Program { mutable, dests, .. } = c.program.clone();
        let program = Program { graph: optimise(&c.program.graph), mutable, dests };
        let natural = fit(&program, Wishes::default(), usize::MAX).schedule;
        let fitted = fit(&program, Wishes::default(), natural.arena_bytes / 2);
        n_smaller += usize::from(fitted.schedule.arena_bytes < natural.arena_bytes);
        if let Err(e) = verify(&fitted.schedule) {
            panic!("seed {}: {e}\n{}\n{}", c.seed, fitted.program.graph, fitted.schedule);
        }
        let (a, b) = (eval(&c.program.graph, &c.args), results(&fitted.schedule, &c.program.dests, &c.args));
        let fine = a.iter().zip(&b).all(|(a, b)| same(a, b));
        assert!(fine, "seed {}\n{}\nwithin a budget\n{}", c.seed, c.program.graph, fitted.program.graph);
    }
    assert!(n_smaller > 10, "{n_smaller} became smaller");
}

/// A machine that forgave everything would pass the test above.
#[test]
fn a_plan_that_puts_everything_in_one_place_gives_other_bits() {
    let mut n_wrong = 0;
    for c in few_cases().take(250) {
        let mut s = scheduled(&c.program.graph, &c.program.mutable, &c.program.dests, 0);
        for b in &mut s.buffers {
            if let Storage::Arena(offset) = &mut b.storage {
                *offset = 0;
            }
        }
        let (a, b) = (eval(&c.program.graph, &c.args), results(&s, &c.program.dests, &c.args));
        n_wrong += usize::from(!a.iter().zip(&b).all(|(a, b)| same(a, b)));
    }
    assert!(n_wrong > 30, "{n_wrong} of 250");
}
