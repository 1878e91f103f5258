//! Schedules of random graphs: every kernel reads what was written for it.

use kiln_codegen::passes::{optimise, prepare};
use kiln_codegen::schedule::program::{Dest, Kind, Program, Schedule, Storage};
use kiln_codegen::schedule::verify::verify;
use kiln_codegen::schedule::{fuse, plan};
use kiln_codegen::text;
use kiln_kernel_tests::cases;

fn schedule(program: &Program, optimised: bool) -> Schedule {
    let graph = if optimised { optimise(&program.graph) } else { prepare(&program.graph) };
    let program = Program { graph, mutable: program.mutable.clone(), dests: program.dests.clone() };
    let mut s = fuse::fuse(&program);
    plan::plan(&mut s);
    s
}

#[test]
fn no_two_live_buffers_overlap() {
    for c in cases() {
        for optimised in [false, true] {
            let s = schedule(&c.program, optimised);
            if let Err(e) = verify(&s) {
                panic!("seed {} (optimised: {optimised}): {e}\n{}", c.seed, c.program.graph);
            }
        }
    }
}

/// The first carry ends where the second one starts: put there first, it would overwrite it.
#[test]
fn a_loop_that_ends_in_the_place_of_another_carry() {
    let text = "graph f(a: f32[3], b: f32[3]) -> (d, e) {
  c: f32[3] = mul b b
  d: f32[3], e: f32[3] = while[cond_consts=0, body_consts=0, cond=graph _(a: f32[3], b: f32[3]) -> (d) {
    c: f32[] = reduce_sum[axes=(0)] a
    d: bool[] = compare[op=lt] c c
  }, body=graph _(a: f32[3], b: f32[3]) -> (c, d) {
    c: f32[3] = add a b
    d: f32[3] = add b b
  }] c a
}
";
    let graph = text::parse(text).expect("a graph");
    let program = Program { graph, mutable: vec![true, false], dests: vec![Dest::Param(0), Dest::Return(0)] };
    assert_eq!(verify(&schedule(&program, true)), Ok(()));
}

/// A verifier that accepts anything would pass the test above.
#[test]
fn a_plan_that_puts_everything_in_one_place_is_refused() {
    let (mut n_refused, mut n_regions) = (0, 0);
    for c in cases().take(500) {
        let mut s = schedule(&c.program, false);
        for b in &mut s.buffers {
            if let Storage::Arena(offset) = &mut b.storage {
                *offset = 0;
            }
        }
        n_refused += u32::from(verify(&s).is_err());
        let mut s = schedule(&c.program, false);
        let mut shrunk = false;
        for k in &mut s.kernels {
            if let Kind::Region(r) = &mut k.kind {
                shrunk |= r.bytes > 0;
                r.bytes = 0;
            }
        }
        n_regions += u32::from(shrunk);
        assert!(!shrunk || verify(&s).is_err(), "seed {}", c.seed);
    }
    assert!(n_refused > 100 && n_regions > 10, "{n_refused} of 500 refused, {n_regions} with bodies that need memory");
}
