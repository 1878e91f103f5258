//! What derivatives cost beside their function: floating-point operations of the optimised graph.
//!
//! `cargo xtask work` prints the table. An operation is one application of an arithmetic or elementary function to a
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
        source: "
            struct Dense<const I: usize, const O: usize> { w: [[f32; I]; O], b: [f32; O] }
            struct Mlp { l1: Dense<64, 32>, l2: Dense<32, 10> }
            fn dense<const I: usize, const O: usize>(p: &Dense<I, O>, x: &[f32; I]) -> [f32; O] { matmul(p.w, x) + p.b }
            fn logits(p: &Mlp, x: &[f32; 64]) -> [f32; 10] { dense(&p.l2, relu(dense(&p.l1, x))) }
            fn f(p: &Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]) -> f32 {
                let z = vmap(logits, in_axes = (None, 0))(p, x);
                -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
            }",
        params: "p: &Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]",
        args: "p, x, y",
        ty: "Mlp",
        bounds: (3.0, 6.0, ""),
    },
    Program {
        name: "CNN, 12x12, 8 then 16 channels",
        source: "
            struct Cnn { c1: [[[[f32; 3]; 3]; 1]; 8], c2: [[[[f32; 3]; 3]; 8]; 16], w: [[f32; 144]; 10], b: [f32; 10] }
            fn f(p: &Cnn, x: &[[[[f32; 12]; 12]; 1]; 1], y: i32) -> f32 {
                let h = relu(conv(x, p.c1, padding = \"SAME\"));
                let h = lax::reduce_window(h, f32::NEG_INFINITY, maximum, (1, 1, 2, 2), (1, 1, 2, 2), \"VALID\");
                let h = relu(conv(h, p.c2, padding = \"SAME\"));
                let h = lax::reduce_window(h, 0.0, add, (1, 1, 2, 2), (1, 1, 2, 2), \"VALID\");
                -log_softmax(matmul(p.w, h.reshape((144,))) + p.b)[y]
            }",
        params: "p: &Cnn, x: &[[[[f32; 12]; 12]; 1]; 1], y: i32",
        args: "p, x, y",
        ty: "Cnn",
        bounds: (3.0, 7.5, BOTH_VARY),
    },
    Program {
        name: "GRU, 16 units, 32 steps",
        source: "
            struct Gate { w: [[f32; 8]; 16], u: [[f32; 16]; 16], b: [f32; 16] }
            struct Gru { z: Gate, r: Gate, h: Gate }
            fn gate(p: &Gate, x: &[f32; 8], h: &[f32; 16]) -> [f32; 16] { matmul(p.w, x) + matmul(p.u, h) + p.b }
            fn f(p: &Gru, xs: &[[f32; 8]; 32], y: &[f32; 16]) -> f32 {
                let mut h = [0.0; 16];
                for x in xs {
                    let z = sigmoid(gate(&p.z, x, h));
                    let r = sigmoid(gate(&p.r, x, h));
                    let n = tanh(gate(&p.h, x, r * h));
                    h = (1.0 - z) * n + z * h;
                }
                sum((h - y) * (h - y))
            }",
        params: "p: &Gru, xs: &[[f32; 8]; 32], y: &[f32; 16]",
        args: "p, xs, y",
        ty: "Gru",
        bounds: (3.0, 7.1, BOTH_VARY),
    },
    Program {
        name: "Kalman filter, 4 states, 20 steps",
        source: "
            struct Model { a: [[f32; 4]; 4], q: [[f32; 4]; 4], h: [[f32; 4]; 2], r: [[f32; 2]; 2] }
            fn f(m: &Model, zs: &[[f32; 2]; 20]) -> f32 {
                let mut x = [0.0; 4];
                let mut p = eye(4);
                let mut cost = 0.0;
                for z in zs {
                    x = matmul(m.a, x);
                    p = matmul(matmul(m.a, p), m.a.T()) + m.q;
                    let ph = matmul(p, m.h.T());
                    let s = matmul(m.h, ph) + m.r;
                    let det = s[0][0] * s[1][1] - s[0][1] * s[1][0];
                    let inverse = [[s[1][1], -s[0][1]], [-s[1][0], s[0][0]]] / det;
                    let e = z - matmul(m.h, x);
                    let k = matmul(ph, inverse);
                    x = x + matmul(k, e);
                    p = p - matmul(k, ph.T());
                    cost = cost + dot(e, matmul(inverse, e)) + log(det);
                }
                cost
            }",
        params: "m: &Model, zs: &[[f32; 2]; 20]",
        args: "m, zs",
        ty: "Model",
        bounds: (3.07, 8.5, BOTH_VARY),
    },
    Program {
        name: "rigid body, 50 steps",
        source: "
            fn spin(q: &[f32; 4], w: &[f32; 3]) -> [f32; 4] {
                let v = q[1..4];
                let turned = q[0] * w + cross(v, w);
                concatenate(([-dot(v, w)], turned))
            }
            fn f(torques: &[[f32; 3]; 50], inertia: &[[f32; 3]; 3], inverse: &[[f32; 3]; 3], goal: &[f32; 4]) -> f32 {
                let mut q = [1.0, 0.0, 0.0, 0.0];
                let mut w = [0.0, 0.0, 0.0];
                for t in torques {
                    w = w + 0.01 * matmul(inverse, t - cross(w, matmul(inertia, w)));
                    q = q + 0.005 * spin(q, w);
                    q = q / sqrt(sum(q * q));
                }
                let off = q - goal;
                sum(off * off) + 0.01 * sum(torques * torques)
            }",
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
