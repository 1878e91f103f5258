//! What derivatives cost beside their function: floating-point operations of the optimised graph.
//!
//! The programs are those of `benches/derivatives`, whose instructions on the Cortex-M4F are counted too; `cargo xtask work` prints
//! both tables. An operation is one application of an arithmetic or elementary function to a
//! number; a product that is added to a sum is two. Bounds are held here: 3 for gradients, 6 for Hessian-vector products.
//! A program that cannot keep them has its own and says why.

// The tests share it; each needs a part.
#[allow(dead_code)]
mod common;

use kiln_codegen::compile::{Entry, parse_items, trace_entry};
use kiln_codegen::graph::Graph;
use kiln_codegen::ops::region::flops;
use kiln_codegen::passes;

/// A scalar function, and how its derivatives are called.
struct Program {
    name: &'static str,
    source: &'static str,
    /// Parameters, and the same names as arguments; the first is differentiated by.
    params: &'static str,
    args: &'static str,
    /// Type of the first.
    ty: &'static str,
    /// Largest ratios of the gradient and of the Hessian-vector product, and why if they are not 3 and 6.
    bounds: (f64, f64, &'static str),
}

/// A gradient of a product of two factors that vary is two products, and a shared factor sums them. A Hessian-vector product
/// has, beside the product, two of its tangent, one of the cotangent that is handed on, and four of the tangents of both
/// cotangents: eight, where a factor that is data needs three.
const BOTH_VARY: &str = "(both factors of most products vary)";

const PROGRAMS: &[Program] = &[
    Program {
        name: "MLP, 64-32-10, batch of 16",
        source: include_str!("../../benches/derivatives/src/mlp.rs"),
        params: "p: &Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]",
        args: "p, x, y",
        ty: "Mlp",
        bounds: (3.0, 6.0, ""),
    },
    Program {
        name: "CNN, 12x12, 8 then 16 channels",
        source: include_str!("../../benches/derivatives/src/cnn.rs"),
        params: "p: &Cnn, x: &[[[[f32; 12]; 12]; 1]; 1], y: i32",
        args: "p, x, y",
        ty: "Cnn",
        bounds: (3.0, 7.5, BOTH_VARY),
    },
    Program {
        name: "GRU, 16 units, 32 steps",
        source: include_str!("../../benches/derivatives/src/gru.rs"),
        params: "p: &Gru, xs: &[[f32; 8]; 32], y: &[f32; 16]",
        args: "p, xs, y",
        ty: "Gru",
        bounds: (3.0, 7.1, BOTH_VARY),
    },
    Program {
        name: "Kalman filter, 4 states, 20 steps",
        source: include_str!("../../benches/derivatives/src/kalman.rs"),
        params: "m: &Model, zs: &[[f32; 2]; 20]",
        args: "m, zs",
        ty: "Model",
        bounds: (3.07, 8.5, BOTH_VARY),
    },
    Program {
        name: "rigid body, 50 steps",
        source: include_str!("../../benches/derivatives/src/rigid.rs"),
        params: "torques: &[[f32; 3]; 50], inertia: &[[f32; 3]; 3], inverse: &[[f32; 3]; 3], goal: &[f32; 4]",
        args: "torques, inertia, inverse, goal",
        ty: "[[f32; 3]; 50]",
        bounds: (3.0, 7.4, BOTH_VARY),
    },
];

/// A function of ten numbers, for the Hessian.
const TEN: &str = "fn f(x: &[f32; 10]) -> f32 {
    let a = x[0..9];
    let b = x[1..10];
    sum(100.0 * (b - a * a) * (b - a * a) + (1.0 - a) * (1.0 - a))
}";

fn optimised(source: &str) -> Graph {
    // What firmware imports is in scope here.
    let source: String = source.lines().filter(|l| !l.starts_with("use ")).map(|l| format!("{l}\n")).collect();
    let source = &source;
    let unit = common::unit(source).unwrap_or_else(|e| panic!("{e}\n{source}"));
    let (items, spans) = parse_items(&unit);
    match trace_entry(&items, &spans.map(), &unit.entry) {
        Entry::Done(traced) => passes::optimise(&traced.graph),
        Entry::Errors(diags) => panic!("{}\n{source}", diags.iter().map(|d| d.text()).collect::<Vec<_>>().join("\n")),
        Entry::NeedMethods(m) => panic!("{m:?}"),
    }
}

struct Line {
    what: String,
    count: u64,
    ratio: f64,
    bound: f64,
    /// The bound where nothing speaks against it.
    general: f64,
    why: &'static str,
}

fn lines() -> Vec<Line> {
    let mut out = Vec::new();
    let mut line = |what: String, count: u64, of: u64, (general, bound, why): (f64, f64, &'static str)| {
        out.push(Line { what, count, ratio: count as f64 / of as f64, bound, general, why });
    };
    for p in PROGRAMS {
        let Program { name, source, params, args, ty, bounds } = p;
        let with = |item: &str| flops(&optimised(&format!("{source}\n{item}")));
        let one = with("");
        line(format!("{name}: function"), one, one, (1.0, 1.0, ""));
        let gradient = with(&format!("fn df({params}) -> {ty} {{ grad(f)({args}) }}"));
        line(format!("{name}: gradient"), gradient, one, (3.0, bounds.0, bounds.2));
        let both = with(&format!("fn df({params}) -> (f32, {ty}) {{ value_and_grad(f)({args}) }}"));
        line(format!("{name}: value and gradient"), both, one, (3.0, bounds.0, bounds.2));
        let product = with(&format!("fn d2f(v: &{ty}, {params}) -> {ty} {{ hvp(f)({args}, v) }}"));
        line(format!("{name}: Hessian-vector product"), product, one, (6.0, bounds.1, bounds.2));
        // The first argument differs from lane to lane.
        let (first, rest) = args.split_once(", ").expect("two arguments");
        let lane = with(&format!("fn lane(s: f32, {params}) -> f32 {{ f(s * {first}, {rest}) }}"));
        let batch =
            with(&format!("fn lanes(s: &[f32; 8], {params}) -> [f32; 8] {{ vmap(|s| f(s * {first}, {rest}))(s) }}"));
        line(format!("{name}: vmap over 8"), batch, 8 * lane, (1.0, 1.0, ""));
    }
    let product =
        flops(&optimised(&format!("{TEN}\nfn d(x: &[f32; 10], v: &[f32; 10]) -> [f32; 10] {{ hvp(f)(x, v) }}")));
    let whole = flops(&optimised(&format!("{TEN}\nfn d(x: &[f32; 10]) -> [[f32; 10]; 10] {{ hessian(f)(x) }}")));
    line("Rosenbrock in 10 dimensions: Hessian, of 10 products".into(), whole, 10 * product, (1.0, 1.0, ""));
    out
}

#[test]
fn derivatives_are_as_cheap_as_by_hand() {
    let work = || {
        let lines = lines();
        println!("{:<58} {:>12} {:>7} {:>7}", "", "operations", "ratio", "bound");
        let mut above = String::new();
        for l in &lines {
            let why = if l.bound > l.general { l.why } else { "" };
            let text = format!("{:<58} {:>12} {:>7.2} {:>7.2} {why}", l.what, l.count, l.ratio, l.bound);
            println!("{}", text.trim_end());
            if l.ratio > l.bound {
                above += &format!("{text}\n");
            }
        }
        assert!(above.is_empty(), "above their bounds:\n{above}");
    };
    std::thread::Builder::new().stack_size(64 << 20).spawn(work).expect("a thread").join().expect("within the bounds");
}
