//! What derivatives cost beside their function: floating-point operations of the optimised graph.
//!
//! The programs are those of `benches/derivatives`, whose instructions on the Cortex-M4F are counted too; `cargo xtask work` prints
//! both tables. An operation is one application of an arithmetic or elementary function to a
//! number; a product that is added to a sum is two. Bounds are held here: 3 for gradients, 6 for Hessian-vector products.
//! A program that cannot keep them has its own, and its line says why, with what is counted in its graphs:
//!
//! - By the product rule a product of two factors that vary is 3 products in a gradient: itself and one for each cotangent; one with
//!   data is 2. In a Hessian-vector product the first is 9: itself, two for its tangent, one for each cotangent, and two for the tangent of
//!   each cotangent; the second is 4. The products in the graph of the derivative are counted beside that, and the rest of it beside the
//!   rest of the function.

// The tests share it; each needs a part.
#[allow(dead_code)]
mod common;

use kiln_codegen::compile::{Entry, parse_items, trace_entry};
use kiln_codegen::graph::{Env, Graph};
use kiln_codegen::ops::Scan;
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
    /// Largest ratios of the gradient and of the Hessian-vector product.
    bounds: (f64, f64),
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "MLP, 64-32-10, batch of 16",
        source: include_str!("../../benches/derivatives/src/mlp.rs"),
        params: "p: &Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]",
        args: "p, x, y",
        ty: "Mlp",
        bounds: (3.0, 6.0),
    },
    Program {
        name: "CNN, 12x12, 8 then 16 channels",
        source: include_str!("../../benches/derivatives/src/cnn.rs"),
        params: "p: &Cnn, x: &[[[[f32; 12]; 12]; 1]; 1], y: i32",
        args: "p, x, y",
        ty: "Cnn",
        bounds: (3.0, 6.21),
    },
    Program {
        name: "GRU, 16 units, 32 steps",
        source: include_str!("../../benches/derivatives/src/gru.rs"),
        params: "p: &Gru, xs: &[[f32; 8]; 32], y: &[f32; 16]",
        args: "p, xs, y",
        ty: "Gru",
        bounds: (3.0, 6.34),
    },
    Program {
        name: "Kalman filter, 4 states, 20 steps",
        source: include_str!("../../benches/derivatives/src/kalman.rs"),
        params: "m: &Model, zs: &[[f32; 2]; 20]",
        args: "m, zs",
        ty: "Model",
        bounds: (3.0, 7.8),
    },
    Program {
        name: "rigid body, 50 steps",
        source: include_str!("../../benches/derivatives/src/rigid.rs"),
        params: "torques: &[[f32; 3]; 50], inertia: &[[f32; 3]; 3], inverse: &[[f32; 3]; 3], goal: &[f32; 4]",
        args: "torques, inertia, inverse, goal",
        ty: "[[f32; 3]; 50]",
        bounds: (3.0, 6.05),
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
        Entry::NeedBodies(m) => panic!("{m:?}"),
        Entry::NeedMethods(m) => panic!("{m:?}"),
    }
}

/// Operations in products.
#[derive(Clone, Copy, Default)]
struct Products {
    /// Both factors vary.
    both: u64,
    /// One does.
    one: u64,
}

/// The products in `graph`, of whose inputs those marked vary, and which results do.
fn products(graph: &Graph, varies: &[bool]) -> (Products, Vec<bool>) {
    let mut env: Env<bool> = Env::new(graph);
    env.set_all(&graph.inputs, varies.iter().copied());
    let mut found = Products::default();
    for eqn in &graph.eqns {
        let ins = env.get_all(&eqn.inputs);
        if let Some(scan) = eqn.op.downcast::<Scan>() {
            let mut ins = [vec![false; scan.n_index()], ins].concat();
            let first = scan.n_index() + scan.n_consts;
            // A carry varies as soon as it does in any turn.
            let (inside, outs) = loop {
                let (inside, outs) = products(&scan.body, &ins);
                let grown = (0..scan.n_carry).filter(|k| outs[*k] && !ins[first + k]).count();
                (0..scan.n_carry).for_each(|k| ins[first + k] |= outs[k]);
                if grown == 0 {
                    break (inside, outs);
                }
            };
            found.both += inside.both * scan.length as u64;
            found.one += inside.one * scan.length as u64;
            env.set_all(&eqn.outputs, outs);
            continue;
        }
        let avals: Vec<_> = eqn.inputs.iter().map(|v| graph.aval(*v)).collect();
        if matches!(eqn.op.name(), "dot_general" | "conv_general_dilated" | "continued" | "mul") {
            // In front of the factors there may be a sum that is gone on from.
            match ins[ins.len() - 2..] {
                [true, true] => found.both += eqn.op.flops(&avals),
                [true, false] | [false, true] => found.one += eqn.op.flops(&avals),
                _ => {}
            }
        }
        let any = ins.contains(&true);
        env.set_all(&eqn.outputs, eqn.outputs.iter().map(|_| any));
    }
    (found, env.get_all(&graph.outputs))
}

struct Line {
    what: String,
    count: u64,
    ratio: f64,
    bound: f64,
    /// The bound where nothing speaks against it.
    general: f64,
    why: String,
}

fn lines() -> Vec<Line> {
    let mut out = Vec::new();
    let mut line = |what: String, count: u64, of: u64, (general, bound): (f64, f64), why: &str| {
        out.push(Line { what, count, ratio: count as f64 / of as f64, bound, general, why: why.into() });
    };
    for p in PROGRAMS {
        let Program { name, source, params, args, ty, bounds } = p;
        let of = |item: &str| optimised(&format!("{source}\n{item}"));
        let function = of("");
        let one = flops(&function);
        line(format!("{name}: function"), one, one, (1.0, 1.0), "");
        // The leaves of the first parameter come first, and bear its name.
        let first = args.split(", ").next().expect("an argument");
        let of_first = |v| {
            let name = function.var_name(v).unwrap_or_default();
            name == first || name.strip_prefix(first).is_some_and(|rest| rest.starts_with('.'))
        };
        let varies: Vec<bool> = function.inputs.iter().map(|v| of_first(*v)).collect();
        let Products { both, one: with_data } = products(&function, &varies).0;
        // What the product rule makes of them, and what came out.
        let why = |of: &Graph, (of_both, of_one): (u64, u64)| {
            let Products { both: a, one: b } = products(of, &vec![true; of.inputs.len()]).0;
            let (rule, found) = (of_both * both + of_one * with_data, a + b);
            let (rest, rest_of) = (flops(of) - found, one - both - with_data);
            let times = |a: u64, b: u64| a as f64 / b.max(1) as f64;
            format!(
                "products whose factors both vary are {both} of {one} operations and those with data {with_data}; {of_both} and {of_one} of \
                 each are {:.2} times the function, here they are {:.2}; the rest of it became {:.2} times as much",
                times(rule, one),
                times(found, one),
                times(rest, rest_of)
            )
        };
        let mut derivative = |what: &str, item: String, bounds: (f64, f64), by_hand: (u64, u64)| {
            let graph = of(&item);
            line(format!("{name}: {what}"), flops(&graph), one, bounds, &why(&graph, by_hand));
        };
        derivative("gradient", format!("fn df({params}) -> {ty} {{ grad(f)({args}) }}"), (3.0, bounds.0), (3, 2));
        let both_of = format!("fn df({params}) -> (f32, {ty}) {{ value_and_grad(f)({args}) }}");
        derivative("value and gradient", both_of, (3.0, bounds.0), (3, 2));
        let product = format!("fn d2f(v: &{ty}, {params}) -> {ty} {{ hvp(f)({args}, v) }}");
        derivative("Hessian-vector product", product, (6.0, bounds.1), (9, 4));
        let with = |item: &str| flops(&of(item));
        // The first argument differs from lane to lane.
        let (first, rest) = args.split_once(", ").expect("two arguments");
        let lane = with(&format!("fn lane(s: f32, {params}) -> f32 {{ f(s * {first}, {rest}) }}"));
        let batch =
            with(&format!("fn lanes(s: &[f32; 8], {params}) -> [f32; 8] {{ vmap(|s| f(s * {first}, {rest}))(s) }}"));
        line(format!("{name}: vmap over 8"), batch, 8 * lane, (1.0, 1.0), "");
    }
    let product =
        flops(&optimised(&format!("{TEN}\nfn d(x: &[f32; 10], v: &[f32; 10]) -> [f32; 10] {{ hvp(f)(x, v) }}")));
    let whole = flops(&optimised(&format!("{TEN}\nfn d(x: &[f32; 10]) -> [[f32; 10]; 10] {{ hessian(f)(x) }}")));
    line("Rosenbrock in 10 dimensions: Hessian, of 10 products".into(), whole, 10 * product, (1.0, 1.0), "");
    out
}

#[test]
fn derivatives_are_as_cheap_as_by_hand() {
    let work = || {
        let lines = lines();
        println!("{:<58} {:>12} {:>7} {:>7}", "", "operations", "ratio", "bound");
        let mut above = String::new();
        for l in &lines {
            let why = if l.ratio > l.general { format!("over {}: {}", l.general, l.why) } else { String::new() };
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

#[test]
fn nothing_is_multiplied_by_a_literal_zero() {
    let f = "fn f(w: &[[f32; 4]; 3], x: &[f32; 4]) -> [f32; 3] { tanh(matmul(w, x)) }";
    let params = "w: &[[f32; 4]; 3], x: &[f32; 4], dx: &[f32; 4]";
    let of = |body: &str| flops(&optimised(&format!("{f}\nfn d({params}) -> [f32; 3] {{ {body} }}")));
    let captured = of("jvp(|x| f(w, x), (x,), (dx,)).1");
    assert_eq!(of("jvp(f, (w, x), (0.0, dx)).1"), captured);
    assert_eq!(of("linearize(f, w, x).1(0.0, dx)"), captured);
    let rows = "fn d(x: &[f32; 4], ct: &[f32; 4]) -> [f32; 4] { vjp(|x| (sin(x), exp(x)), (x,)).1((ct, 0.0)).0 }";
    let row = "fn d(x: &[f32; 4], ct: &[f32; 4]) -> [f32; 4] { vjp(|x| sin(x), (x,)).1(ct).0 }";
    // The result that is not asked for is not computed, nor is its slope.
    assert_eq!(flops(&optimised(rows)), flops(&optimised(row)));
}
