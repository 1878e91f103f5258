//! Compiled kernels give the bits of the reference evaluator.

use kiln::rt::Isa;
use kiln_codegen::array::Array;
use kiln_codegen::eval::eval;
use kiln_kernel_tests::random::case;
use kiln_kernel_tests::{KERNELS, same};

#[test]
fn kernels_give_the_bits_of_the_evaluator() {
    let levels = ["base", "avx2", "avx512"];
    for (n, name) in levels.into_iter().enumerate() {
        if Isa::limit(n as u8) {
            give_the_bits_of_the_evaluator(name);
        } else {
            println!("skipped {name}: this processor lacks it");
        }
    }
}

/// All kernels, for the instruction set that is in force.
fn give_the_bits_of_the_evaluator(level: &str) {
    let mut wrong = Vec::new();
    for k in KERNELS {
        let c = case(k.seed, k.n_eqns);
        let g = &c.program.graph;
        let expected = eval(g, &c.args);
        let run = match k.run {
            Ok(run) => run,
            Err(e) => {
                wrong.push(format!("seed {} (optimised: {}) is not compiled: {e}\n{g}", k.seed, k.optimised));
                continue;
            }
        };
        let found = run(&c.args);
        for (n, (a, b)) in expected.iter().zip(found).enumerate() {
            let b = Array::new(a.aval().clone(), b);
            if !same(a, &b) {
                wrong.push(format!(
                    "seed {} (optimised: {}) result {n} {:?}\n{g}\nevaluated {a}\ncompiled  {b}",
                    k.seed, k.optimised, c.program.dests[n]
                ));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{level}: {} of {}:\n{}", wrong.len(), KERNELS.len(), wrong.join("\n\n"));
}
