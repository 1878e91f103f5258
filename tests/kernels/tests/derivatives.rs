//! Stacks of transformations on random graphs: forward and reverse mode are each other's transpose, a batch is a loop,
//! and jvp leaves the results alone.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use kiln_codegen::array::Array;
use kiln_codegen::dtype::{DType, Scalar};
use kiln_codegen::eval::eval;
use kiln_codegen::graph::{Aval, Graph, Var};
use kiln_codegen::ops::{Batched, Refused, Tangent, with_batch_axis};
use kiln_codegen::transform::{batch_into, jvp_into, linearize_into, transpose_into};
use kiln_kernel_tests::{cases, same};

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

/// The graph at f64, where rounding does not hide mistakes.
#[test]
fn jvp_leaves_results_alone() {
    for c in cases() {
        let g = &c.program.graph;
        let (found, _) = forward(g, &c.args);
        for (n, (a, b)) in eval(g, &c.args).iter().zip(&found).enumerate() {
            assert!(same(a, b), "seed {}, result {n}: alone {a}, under jvp {b}\n{g}", c.seed);
        }
    }
}

#[test]
fn forward_and_reverse_mode_are_each_others_transpose() {
    let (mut n_checked, mut n_cases) = (0, 0);
    for c in cases() {
        n_cases += 1;
        let g = &c.program.graph;
        let (_, tangents) = forward(g, &c.args);
        // Some loops have no reverse mode, and say so.
        let (moved, cotangents) = match catch_unwind(AssertUnwindSafe(|| backward(g, &c.args))) {
            Ok(found) => found,
            Err(e) if e.is::<Refused>() => continue,
            Err(e) => resume_unwind(e),
        };
        assert_eq!(tangents.iter().map(|t| t.0).collect::<Vec<_>>(), moved, "seed {}\n{g}", c.seed);
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
        assert!((left - right).abs() <= tolerance * size, "seed {}: {left} and {right}\n{g}", c.seed);
    }
    assert!(n_checked * 4 > n_cases, "{n_checked} of {n_cases} graphs have finite derivatives");
}

#[test]
fn a_batch_is_a_loop() {
    const SIZE: usize = 3;
    for c in cases() {
        let g = &c.program.graph;
        // The first input is one for all; slices of the others are their elements in another order.
        let slice = |n: usize, a: &Array, k: usize| {
            if n == 0 && c.args.len() > 1 {
                return a.clone();
            }
            let mut data = a.data().to_vec();
            let size = data.len();
            data.rotate_left(k % size.max(1));
            Array::new(a.aval().clone(), data)
        };
        let mut h = Graph::new("batch");
        let mut values = Vec::new();
        let args: Vec<Batched> = c
            .args
            .iter()
            .enumerate()
            .map(|(n, a)| {
                let batched = n > 0 || c.args.len() == 1;
                if batched {
                    let data = (0..SIZE).flat_map(|k| slice(n, a, k).data().to_vec()).collect();
                    values.push(Array::new(a.aval().batched(SIZE), data));
                } else {
                    values.push(a.clone());
                }
                Batched { var: h.input(values[n].aval()), batched }
            })
            .collect();
        let outs = batch_into(&mut h, g, &args, SIZE);
        h.outputs = outs.into_iter().map(|o| with_batch_axis(&mut h, o, SIZE)).collect();
        let found = eval(&h, &values);
        for k in 0..SIZE {
            let single: Vec<Array> = c.args.iter().enumerate().map(|(n, a)| slice(n, a, k)).collect();
            for (n, (one, all)) in eval(g, &single).iter().zip(&found).enumerate() {
                let size = one.aval().size();
                let b = Array::new(one.aval().clone(), all.data()[k * size..(k + 1) * size].to_vec());
                assert!(same(one, &b), "seed {}, slice {k} of result {n}: alone {one}, batched {b}\n{g}\n{h}", c.seed);
            }
        }
    }
}
