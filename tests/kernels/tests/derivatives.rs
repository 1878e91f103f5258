//! Random stacks of transformations on random graphs: forward and reverse mode of them are each other's transpose, a batch
//! of them is a loop, jvp leaves their results alone, and reverse mode of a batch is a batch of reverse mode.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use kiln_codegen::array::Array;
use kiln_codegen::dtype::{DType, Scalar};
use kiln_codegen::eval::eval;
use kiln_codegen::graph::{Aval, Graph, Var};
use kiln_codegen::ops::{Batched, CustomVmap, Refused, Tangent, with_batch_axis};
use kiln_codegen::text;
use kiln_codegen::transform::{batch_into, jvp_graph, jvp_into, linearize_into, transpose_into};
use kiln_kernel_tests::{random, same, wide_cases};

/// Slices of a batch.
const SIZE: usize = 3;
/// Transformed graphs of more equations, those in loops included, are left alone.
const MAX_EQNS: usize = 4000;

/// A random graph under a random stack of transformations, with arguments.
struct Stacked {
    seed: u64,
    /// The transformations, the innermost first.
    names: Vec<&'static str>,
    graph: Graph,
    args: Vec<Array>,
}

impl Stacked {
    /// What a failure shows.
    fn title(&self) -> String {
        format!(
            "seed {}, {}",
            self.seed,
            if self.names.is_empty() { "plain".into() } else { self.names.join(", then ") }
        )
    }
}

/// Every drawn graph, a quarter of them as it is and the others transformed up to three times.
fn stacks() -> impl Iterator<Item = Stacked> {
    wide_cases().map(|c| {
        let random::Case { seed, program, args } = c;
        let mut s = Stacked { seed, names: Vec::new(), graph: program.graph, args };
        let mut choice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        for _ in 0..seed % 4 {
            let which = choice % 3;
            choice /= 3;
            let name = ["jvp", "vjp", "vmap"][which as usize];
            // Some loops have no reverse mode, and say so.
            let done = catch_unwind(AssertUnwindSafe(|| match name {
                "jvp" => pushed(&s.graph, &s.args),
                "vjp" => pulled(&s.graph, &s.args),
                _ => batched(&s.graph, &s.args),
            }));
            match done {
                Ok((graph, args)) if size(&graph) <= MAX_EQNS => {
                    s.names.push(name);
                    (s.graph, s.args) = (graph, args);
                }
                Ok(_) => {}
                Err(e) if e.is::<Refused>() => {}
                Err(e) => {
                    println!("{}, then {name}\n{}", s.title(), s.graph);
                    resume_unwind(e)
                }
            }
        }
        s
    })
}

/// Equations, with those of loops and branches.
fn size(g: &Graph) -> usize {
    g.eqns.iter().map(|e| 1 + e.op.subgraphs().iter().map(|h| size(h)).sum::<usize>()).sum()
}

/// The graph beside its tangents along directions, which are arguments too.
fn pushed(g: &Graph, args: &[Array]) -> (Graph, Vec<Array>) {
    let nonzero: Vec<bool> = args.iter().map(|a| a.dtype().is_inexact()).collect();
    let (h, _) = jvp_graph(g, &nonzero);
    let along = args.iter().enumerate().filter(|(_, a)| a.dtype().is_inexact()).map(|(n, a)| direction(n, a.aval()));
    (h, args.iter().cloned().chain(along).collect())
}

/// The graph beside the cotangents of its inputs, for cotangents of its results that are arguments too.
fn pulled(g: &Graph, args: &[Array]) -> (Graph, Vec<Array>) {
    let mut h = Graph::new("pulled");
    let nonzero: Vec<bool> = args.iter().map(|a| a.dtype().is_inexact()).collect();
    let primals: Vec<Var> = args.iter().map(|a| h.input(a.aval())).collect();
    let (outs, linear) = linearize_into(&mut h, g, &primals, &nonzero);
    let avals: Vec<Aval> =
        (0..outs.len()).filter(|n| linear.out_nonzero[*n]).map(|n| g.aval(g.outputs[n]).clone()).collect();
    let cts: Vec<Tangent> = avals.iter().map(|a| Some(h.input(a))).collect();
    let mut known: Vec<Option<Var>> = linear.residuals.iter().copied().map(Some).collect();
    known.resize(linear.graph.inputs.len(), None);
    let back = transpose_into(&mut h, &linear.graph, &known, &cts).split_off(linear.residuals.len());
    h.outputs = outs;
    for (ct, a) in back.into_iter().zip(args.iter().filter(|a| a.dtype().is_inexact())) {
        let ct = ct.unwrap_or_else(|| h.zeros(a.aval()));
        h.outputs.push(ct);
    }
    (h, args.iter().cloned().chain(avals.iter().enumerate().map(|(n, a)| direction(n + 1, a))).collect())
}

/// Slice `k` of argument number `n` of a batch: the elements in another order. The first of several is one for all.
fn slice(n_args: usize, n: usize, a: &Array, k: usize) -> Array {
    if n == 0 && n_args > 1 {
        return a.clone();
    }
    let mut data = a.data().to_vec();
    let size = data.len();
    data.rotate_left(k % size.max(1));
    Array::new(a.aval().clone(), data)
}

/// The graph over a batch; every result has the batch axis.
fn batched(g: &Graph, args: &[Array]) -> (Graph, Vec<Array>) {
    let mut h = Graph::new("batch");
    let mut values = Vec::new();
    let mut ins = Vec::new();
    for (n, a) in args.iter().enumerate() {
        let batched = n > 0 || args.len() == 1;
        values.push(match batched {
            true => {
                let data = (0..SIZE).flat_map(|k| slice(args.len(), n, a, k).data().to_vec()).collect();
                Array::new(a.aval().batched(SIZE), data)
            }
            false => a.clone(),
        });
        ins.push(Batched { var: h.input(values[n].aval()), batched });
    }
    let outs = batch_into(&mut h, g, &ins, SIZE);
    h.outputs = outs.into_iter().map(|o| with_batch_axis(&mut h, o, SIZE)).collect();
    (h, values)
}

/// The direction that input number `n` moves in.
fn direction(n: usize, aval: &Aval) -> Array {
    Array::from_fn(aval, |ix| {
        let place: usize = ix.iter().sum();
        Scalar::from_f64(aval.dtype, [0.5, -0.25, 1.0, 0.75, -1.0][(n + place) % 5])
    })
}

/// Results, then tangents of the results that have one, with which result each belongs to.
fn forward(g: &Graph, args: &[Array]) -> (Vec<Array>, Vec<(usize, Array)>) {
    let mut h = Graph::new("forward");
    let primals: Vec<Var> = args.iter().map(|a| h.input(a.aval())).collect();
    let tangents: Vec<Tangent> = args.iter().map(|a| a.dtype().is_inexact().then(|| h.input(a.aval()))).collect();
    let (outs, touts) = jvp_into(&mut h, g, &primals, &tangents);
    let moved: Vec<usize> = (0..touts.len()).filter(|n| touts[*n].is_some()).collect();
    h.outputs = outs.iter().copied().chain(touts.into_iter().flatten()).collect();
    let along = args.iter().enumerate().filter(|(_, a)| a.dtype().is_inexact()).map(|(n, a)| direction(n, a.aval()));
    let values: Vec<Array> = args.iter().cloned().chain(along).collect();
    let mut found = eval(&h, &values);
    let tangents = found.split_off(outs.len());
    (found, moved.into_iter().zip(tangents).collect())
}

/// Cotangents of the inputs that have one, for cotangents that are `direction`s too.
fn backward(g: &Graph, args: &[Array]) -> (Vec<usize>, Vec<(usize, Array)>) {
    let mut h = Graph::new("backward");
    let nonzero: Vec<bool> = args.iter().map(|a| a.dtype().is_inexact()).collect();
    let primals: Vec<Var> = args.iter().map(|a| h.input(a.aval())).collect();
    let (_, linear) = linearize_into(&mut h, g, &primals, &nonzero);
    let moved: Vec<usize> = (0..g.outputs.len()).filter(|n| linear.out_nonzero[*n]).collect();
    let avals: Vec<Aval> = moved.iter().map(|n| g.aval(g.outputs[*n]).clone()).collect();
    let cts: Vec<Tangent> = avals.iter().map(|a| Some(h.input(a))).collect();
    let mut known: Vec<Option<Var>> = linear.residuals.iter().copied().map(Some).collect();
    known.resize(linear.graph.inputs.len(), None);
    let back = transpose_into(&mut h, &linear.graph, &known, &cts).split_off(linear.residuals.len());
    let places: Vec<usize> = (0..args.len()).filter(|n| nonzero[*n]).collect();
    let reached: Vec<usize> = places.iter().zip(&back).filter(|(_, c)| c.is_some()).map(|(n, _)| *n).collect();
    h.outputs = back.into_iter().flatten().collect();
    let values: Vec<Array> =
        args.iter().cloned().chain(avals.iter().enumerate().map(|(n, a)| direction(n + 1, a))).collect();
    (moved, reached.into_iter().zip(eval(&h, &values)).collect())
}

/// Sum of products, and of their sizes.
fn pairing(a: &Array, b: &Array) -> (f64, f64) {
    let products = a.to_f64s().into_iter().zip(b.to_f64s()).map(|(x, y)| x * y);
    products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()))
}

/// The same, with halves where numbers are so small that what is divided by them cancels to nothing in one mode and to
/// rounding errors of any size in the other.
fn without_tiny(x: &Array) -> Array {
    if !x.dtype().is_float() {
        return x.clone();
    }
    let half = Scalar::from_f64(x.dtype(), 0.5);
    let is_tiny = |v: f64| v != 0.0 && v.abs() < 1e-6;
    let data = x.to_f64s().into_iter().zip(x.data()).map(|(v, s)| if is_tiny(v) { half } else { *s });
    Array::new(x.aval().clone(), data.collect())
}

/// Whether a function with a rule for `vmap` is in the graph.
fn has_rule(g: &Graph) -> bool {
    g.eqns.iter().any(|e| e.op.downcast::<CustomVmap>().is_some() || e.op.subgraphs().iter().any(|h| has_rule(h)))
}

/// Equal but for roundings, where both are finite.
fn near(a: &Array, b: &Array) -> bool {
    let close = |(x, y): (f64, f64)| {
        !x.is_finite() || !y.is_finite() || (x - y).abs() <= 1e-3 * x.abs().max(1.0) || x.abs() > 1e6
    };
    a.to_f64s().into_iter().zip(b.to_f64s()).all(close)
}

/// A graph and its arguments in double precision.
fn widened(g: &Graph, args: &[Array]) -> (Graph, Vec<Array>) {
    let text = g.to_string().replace("f32", "f64").replace("c64", "c128");
    let wide = text::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let args = args.iter().zip(wide.in_avals()).map(|(a, to)| {
        let data = a.data().iter().map(|x| x.convert(to.dtype)).collect();
        Array::new(to, data)
    });
    (wide, args.collect())
}

#[test]
fn jvp_leaves_results_alone() {
    for c in stacks() {
        let (found, _) = forward(&c.graph, &c.args);
        for (n, (a, b)) in eval(&c.graph, &c.args).iter().zip(&found).enumerate() {
            assert!(same(a, b), "{}, result {n}: alone {a}, under jvp {b}\n{}", c.title(), c.graph);
        }
    }
}

#[test]
fn forward_and_reverse_mode_are_each_others_transpose() {
    let (mut n_checked, mut n_cases) = (0, 0);
    for mut c in stacks() {
        n_cases += 1;
        c.args.iter_mut().for_each(|x| *x = without_tiny(x));
        let (_, tangents) = forward(&c.graph, &c.args);
        // Some loops have no reverse mode, and say so.
        let (moved, cotangents) = match catch_unwind(AssertUnwindSafe(|| backward(&c.graph, &c.args))) {
            Ok(found) => found,
            Err(e) if e.is::<Refused>() => continue,
            Err(e) => {
                println!("{}\n{}", c.title(), c.graph);
                resume_unwind(e)
            }
        };
        // Reverse mode knows tangents that are constants of zero, whatever infinity forward mode multiplies them with.
        let (tangents, rest): (Vec<_>, Vec<_>) = tangents.into_iter().partition(|(n, _)| moved.contains(n));
        assert_eq!(tangents.iter().map(|t| t.0).collect::<Vec<_>>(), moved, "{}\n{}", c.title(), c.graph);
        let zeros = rest.iter().all(|(_, t)| t.to_f64s().iter().all(|x| *x == 0.0 || !x.is_finite()));
        assert!(zeros, "{}: {rest:?} have no cotangent\n{}", c.title(), c.graph);
        let (mut left, mut right, mut size) = (0.0, 0.0, 1.0);
        let mut narrow = false;
        for (k, (_, t)) in tangents.iter().enumerate() {
            let (p, s) = pairing(t, &direction(k + 1, t.aval()));
            (left, size) = (left + p, size + s);
            narrow |= t.dtype() != DType::F64;
        }
        for (n, ct) in &cotangents {
            let (p, s) = pairing(ct, &direction(*n, c.args[*n].aval()));
            (right, size) = (right + p, size + s);
            narrow |= ct.dtype() != DType::F64;
        }
        // Infinities, and terms that cancel out of all proportion, say nothing about the rules.
        if !left.is_finite() || !right.is_finite() || size > 1e4 {
            continue;
        }
        n_checked += 1;
        let tolerance = if narrow { 1e-2 } else { 1e-9 };
        assert!(
            (left - right).abs() <= tolerance * size,
            "{}: {left} and {right}\n{}\nat {}",
            c.title(),
            c.graph,
            c.args.iter().map(Array::to_string).collect::<Vec<_>>().join("\n")
        );
    }
    assert!(n_checked * 4 > n_cases, "{n_checked} of {n_cases} graphs have finite derivatives");
}

#[test]
fn a_batch_is_a_loop() {
    for mut c in stacks() {
        // Where a function has a rule for batches, its derivative in a batch is another computation.
        let exact = !has_rule(&c.graph);
        if !exact {
            (c.graph, c.args) = widened(&c.graph, &c.args);
        }
        let (h, values) = batched(&c.graph, &c.args);
        let found = eval(&h, &values);
        for k in 0..SIZE {
            let n_args = c.args.len();
            let single: Vec<Array> = c.args.iter().enumerate().map(|(n, a)| slice(n_args, n, a, k)).collect();
            for (n, (one, all)) in eval(&c.graph, &single).iter().zip(&found).enumerate() {
                let size = one.aval().size();
                let b = Array::new(one.aval().clone(), all.data()[k * size..(k + 1) * size].to_vec());
                let title = c.title();
                let holds = if exact { same(one, &b) } else { near(one, &b) };
                assert!(holds, "{title}, slice {k} of result {n}: alone {one}, batched {b}\n{}\n{h}", c.graph);
            }
        }
    }
}

#[test]
fn reverse_mode_of_a_batch_is_a_batch_of_reverse_mode() {
    let mut n_checked = 0;
    let (mut n_cases, mut n_all) = (0, 0);
    for c in stacks() {
        n_all += 1;
        // With one argument every operand has the batch axis, and so has every cotangent.
        if c.args.len() > 1 || !c.args[0].dtype().is_inexact() {
            continue;
        }
        n_cases += 1;
        let both = catch_unwind(AssertUnwindSafe(|| {
            let (one, args) = pulled(&c.graph, &c.args);
            let mut h = Graph::new("batch of reverse mode");
            let values: Vec<Array> = args
                .iter()
                .map(|a| {
                    let data = (0..SIZE).flat_map(|k| slice(1, 0, a, k).data().to_vec()).collect();
                    Array::new(a.aval().batched(SIZE), data)
                })
                .collect();
            let ins: Vec<Batched> = values.iter().map(|a| Batched { var: h.input(a.aval()), batched: true }).collect();
            let outs = batch_into(&mut h, &one, &ins, SIZE);
            h.outputs = outs.into_iter().map(|o| with_batch_axis(&mut h, o, SIZE)).collect();
            let (of_batch, _) = batched(&c.graph, &c.args);
            let (other, _) = pulled(&of_batch, &values[..1]);
            (eval(&h, &values), other, values)
        }));
        let (a, other, values) = match both {
            Ok(found) => found,
            Err(e) if e.is::<Refused>() => continue,
            Err(e) => {
                println!("{}\n{}", c.title(), c.graph);
                resume_unwind(e)
            }
        };
        // A result that is the same in every slice has no cotangent of its own there.
        if other.in_avals() != values.iter().map(|v| v.aval().clone()).collect::<Vec<_>>() {
            continue;
        }
        n_checked += 1;
        for (n, (a, b)) in a.iter().zip(eval(&other, &values)).enumerate() {
            let all = near(a, &b);
            assert!(all, "{}, result {n}: {a} and {b}\n{}", c.title(), c.graph);
        }
    }
    assert!(n_checked * 4 > n_cases * 3, "{n_checked} of {n_cases} among {n_all} graphs were compared");
}
