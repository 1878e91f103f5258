//! The optimiser keeps every bit of every graph.

use kiln_codegen::eval::eval;
use kiln_codegen::passes::{cse, dce, inline, optimise, simplify};
use kiln_codegen::{graph::Graph, text};
use kiln_kernel_tests::{prefix, same, wide_cases};

fn keeps_bits(pass: fn(&Graph) -> Graph) {
    for c in wide_cases() {
        let g = &c.program.graph;
        let agrees = |g: &Graph| {
            let (a, b) = (eval(g, &c.args), eval(&pass(g), &c.args));
            a.iter().zip(&b).all(|(a, b)| same(a, b))
        };
        if !agrees(g) {
            let n = (0..g.eqns.len()).find(|n| !agrees(&prefix(g, *n)));
            let small = n.map_or(g.clone(), |n| dce(&prefix(g, n)));
            let (a, b) = (eval(&small, &c.args), eval(&pass(&small), &c.args));
            let args: Vec<String> = c.args.iter().map(|a| a.to_string()).collect();
            panic!(
                "seed {}\n{small}\nbecomes\n{}\non\n{}\nevaluated\n{a:?}\nwith the pass\n{b:?}",
                c.seed,
                pass(&small),
                args.join("\n")
            );
        }
    }
}

#[test]
fn simplify_keeps_bits() {
    keeps_bits(|graph| simplify::simplify(graph, &[]));
}

#[test]
fn cse_and_dce_and_inline_keep_bits() {
    keeps_bits(|g| dce(&cse(&inline(g))));
}

#[test]
fn optimise_keeps_bits() {
    keeps_bits(optimise);
}

#[test]
fn optimise_settles() {
    for c in wide_cases() {
        let once = optimise(&c.program.graph);
        assert_eq!(once.to_string(), optimise(&once).to_string(), "seed {}\n{}", c.seed, c.program.graph);
    }
}

#[test]
fn graphs_print_and_parse() {
    for c in wide_cases() {
        let printed = c.program.graph.to_string();
        let parsed = text::parse(&printed).unwrap_or_else(|e| panic!("seed {}: {e}\n{printed}", c.seed));
        assert_eq!(parsed.to_string(), printed, "seed {}", c.seed);
    }
}
