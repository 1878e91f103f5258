//! What is drawn beside the common primitives where graphs are only evaluated: the rest of the elementwise functions, complex
//! numbers, factorisations, Fourier transforms, convolutions of images, functions with rules, loops that end when the data
//! says so.

use std::rc::Rc;

use kiln_codegen::array::Array;
use kiln_codegen::dtype::Scalar;
use kiln_codegen::graph::{Aval, Graph, Var};
use kiln_codegen::ops::custom_vmap::{BatchRule, Rule};
use kiln_codegen::ops::region::instantiate;
use kiln_codegen::ops::*;
use kiln_codegen::transform::{batch_graph, jvp_graph, linearize_into, transpose_into};

use super::{Draw, bind, grow};

/// Slices that functions with a rule for `vmap` can be asked about.
pub const SIZE: usize = 3;

/// One more equation, or several that belong together; `None` where what was drawn does not fit.
pub fn draw(d: &mut Draw, g: &mut Graph, pool: &[Var], depth: usize) -> Option<Vec<Var>> {
    let x = if d.one_in(2) { pool[d.below(pool.len())] } else { pool[pool.len() - 1 - d.below(pool.len().min(3))] };
    let aval = g.aval(x).clone();
    match d.below(12) {
        0 => {
            let op = unary(d);
            bind(d, g, op, &[x])
        }
        1 => {
            let y = d.partner(g, pool, &aval);
            let op = [Op::from(Pow), Atan2.into(), Nextafter.into(), Xor.into(), ShiftRightLogical.into()][d.below(5)]
                .clone();
            bind(d, g, op, &[x, y])
        }
        2 => {
            let (lo, hi) = (d.partner(g, pool, &aval), d.partner(g, pool, &aval));
            bind(d, g, Clamp, &[lo, x, hi])
        }
        3 => {
            let rank = aval.rank();
            let axis = if rank == 0 { return None } else { d.below(rank) };
            let reverse = d.one_in(2);
            match d.below(4) {
                0 => bind(d, g, Cummin { axis, reverse }, &[x]),
                1 => bind(d, g, Cumlogsumexp { axis, reverse }, &[x]),
                2 => {
                    let b = d.partner(g, pool, &aval);
                    bind(d, g, LinearRecurrence { axis, reverse }, &[x, b])
                }
                _ => {
                    let op = if reverse {
                        Op::from(ReduceAnd { axes: vec![axis] })
                    } else {
                        ReduceOr { axes: vec![axis] }.into()
                    };
                    bind(d, g, op, &[x])
                }
            }
        }
        4 => complex(d, g, pool, x),
        5..=6 => factors(d, g, x),
        7 => image(d, g, x),
        8 => {
            let limits = |d: &mut Draw| -> Vec<i64> { aval.shape.iter().map(|_| d.below(4) as i64 - 1).collect() };
            let op = Pad { lo: limits(d), hi: limits(d), interior: aval.shape.iter().map(|_| d.below(2)).collect() };
            let value = d.partner(g, pool, &Aval::scalar(aval.dtype));
            bind(d, g, op, &[x, value])
        }
        9 if depth > 0 => ends_by_data(d, g, pool, depth - 1),
        10..=11 if depth > 0 => function(d, g, pool, depth - 1),
        _ => None,
    }
}

fn unary(d: &mut Draw) -> Op {
    match d.below(22) {
        0 => Tan.into(),
        1 => Asin.into(),
        2 => Acos.into(),
        3 => Atan.into(),
        4 => Sinh.into(),
        5 => Cosh.into(),
        6 => Asinh.into(),
        7 => Acosh.into(),
        8 => Atanh.into(),
        9 => Exp2.into(),
        10 => Cbrt.into(),
        11 => Erfc.into(),
        12 => ErfInv.into(),
        13 => Lgamma.into(),
        14 => Digamma.into(),
        15 => Polygamma { n: 1 + d.below(2) as u32 }.into(),
        16 => Ceil.into(),
        17 => Trunc.into(),
        18 => Real.into(),
        19 => Imag.into(),
        20 => Conj.into(),
        _ => Clz.into(),
    }
}

/// A complex number of two real ones, or a transform.
fn complex(d: &mut Draw, g: &mut Graph, pool: &[Var], x: Var) -> Option<Vec<Var>> {
    let aval = g.aval(x).clone();
    if d.one_in(2) {
        let n = *aval.shape.last()?;
        let kind = match aval.dtype.is_complex() {
            true if d.one_in(3) => fft::Kind::RealInverse,
            true => [fft::Kind::Forward, fft::Kind::Inverse][d.below(2)],
            false => fft::Kind::Real,
        };
        let n = if kind == fft::Kind::RealInverse { (2 * n - 2).max(1) } else { n };
        return bind(d, g, Fft { kind, n }, &[x]);
    }
    let y = d.partner(g, pool, &aval);
    bind(d, g, MakeComplex, &[x, y])
}

/// A factorisation of a matrix that is far from singular and whose eigenvalues are far apart.
fn factors(d: &mut Draw, g: &mut Graph, x: Var) -> Option<Vec<Var>> {
    let aval = g.aval(x).clone();
    let n = (1..=4).rev().find(|n| aval.size().is_multiple_of(n * n))?;
    let count = aval.size() / (n * n);
    if !aval.dtype.is_inexact() || count > 3 {
        return None;
    }
    let shape = if count > 1 { vec![count, n, n] } else { vec![n, n] };
    let x = g.bind1(Reshape { shape: shape.clone() }, &[x]);
    let small = g.bind1(Tanh, &[x]);
    let tenth = g.full(aval.dtype, &shape, 0.2);
    let small = g.bind1(Mul, &[small, tenth]);
    let of_matrix = |ix: &[usize]| {
        let [.., i, j] = ix else { unreachable!("a matrix") };
        Scalar::from_f64(aval.dtype, if i == j { 1.0 + 1.5 * *i as f64 } else { 0.0 })
    };
    let far_apart = g.constant(Array::from_fn(&aval.with_shape(&shape), of_matrix));
    let a = g.bind1(Add, &[small, far_apart]);
    let which = d.below(6);
    let symmetric = |g: &mut Graph| {
        let rank = shape.len();
        let perm = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
        let t = if aval.dtype.is_complex() { g.bind1(Conj, &[a]) } else { a };
        let t = g.bind1(Transpose { perm }, &[t]);
        g.bind1(Add, &[a, t])
    };
    match which {
        0 => {
            let s = symmetric(g);
            bind(d, g, Cholesky, &[s])
        }
        1 => {
            let op =
                TriangularSolve { left: d.one_in(2), lower: d.one_in(2), transpose: d.one_in(2), unit: d.one_in(3) };
            bind(d, g, op, &[a, x])
        }
        2 => Some(bind(d, g, Lu, &[a])?[..1].to_vec()),
        3 => bind(d, g, Qr { full: false }, &[a]),
        4 => {
            let s = symmetric(g);
            bind(d, g, Eigh, &[s])
        }
        // Of complex matrices the vectors are a phase away from each other, which no rule says.
        _ if aval.dtype.is_complex() => None,
        _ => bind(d, g, Svd, &[a]),
    }
}

/// A convolution over two axes, with gaps in image and window, or in groups.
fn image(d: &mut Draw, g: &mut Graph, x: Var) -> Option<Vec<Var>> {
    let aval = g.aval(x).clone();
    let n = aval.size();
    if !aval.dtype.is_float() || !n.is_multiple_of(4) || n < 8 {
        return None;
    }
    let by_batch = d.one_in(3);
    let shape = if by_batch { vec![2, 1, 2, n / 4] } else { vec![1, 2, 2, n / 4] };
    let x = bind(d, g, Reshape { shape }, &[x])?[0];
    let mut op = ConvGeneralDilated::plain(2);
    let (features, out) = match (by_batch, d.one_in(2)) {
        (true, _) => {
            op.batch_group_count = 2;
            (1, 2)
        }
        (false, true) => {
            op.feature_group_count = 2;
            (1, 2)
        }
        (false, false) => (2, 1 + d.below(2)),
    };
    let pair = |d: &mut Draw, n: usize| vec![1 + d.below(n), 1 + d.below(n)];
    op.window_strides = pair(d, 2);
    op.lhs_dilation = pair(d, 2);
    op.rhs_dilation = pair(d, 2);
    op.lo = vec![d.below(3) as i64 - 1, d.below(3) as i64];
    op.hi = vec![d.below(3) as i64, d.below(3) as i64 - 1];
    let window = pair(d, 2);
    let kernel = d.array(&Aval::new(aval.dtype, &[out, features, window[0], window[1]]));
    let kernel = g.constant(kernel);
    bind(d, g, op, &[x, kernel])
}

/// A bounded loop that goes on until a number that it carries is large.
fn ends_by_data(d: &mut Draw, g: &mut Graph, pool: &[Var], depth: usize) -> Option<Vec<Var>> {
    let x = pool[d.below(pool.len())];
    let aval = g.aval(x).clone();
    if !aval.dtype.is_float() {
        return None;
    }
    let mut cond = Graph::new("");
    let c = cond.input(&aval);
    let sum = cond.bind1(ReduceSum { axes: (0..aval.rank()).collect() }, &[c]);
    let end = cond.full(aval.dtype, &[], d.below(8) as f64);
    cond.outputs = cond.bind(Compare { op: CompareOp::Lt }, &[sum, end]);
    let mut body = Graph::new("");
    let mut inner = vec![body.input(&aval)];
    let size = 1 + d.below(4);
    grow(d, &mut body, &mut inner, size, depth);
    let y = d.result(&body, &inner, &aval);
    let step = body.full(aval.dtype, &aval.shape, 0.75);
    body.outputs = body.bind(Add, &[y, step]);
    let op = While {
        cond: Rc::new(cond),
        body: Rc::new(body),
        n_cond_consts: 0,
        n_body_consts: 0,
        bound: Some(2 + d.below(3)),
    };
    bind(d, g, op, &[x])
}

/// A function that keeps nothing, or one with a rule of its own.
fn function(d: &mut Draw, g: &mut Graph, pool: &[Var], depth: usize) -> Option<Vec<Var>> {
    let args: Vec<Var> = (0..1 + d.below(2)).map(|_| pool[d.below(pool.len())]).collect();
    let mut body = Graph::new("");
    let mut inner: Vec<Var> = args.iter().map(|v| body.input(g.aval(*v))).collect();
    let size = 2 + d.below(5);
    grow(d, &mut body, &mut inner, size, depth);
    body.outputs = (0..1 + d.below(2)).map(|k| inner[inner.len() - 1 - k.min(inner.len() - 1)]).collect();
    let floats: Vec<bool> = body.in_avals().iter().map(|a| a.dtype.is_inexact()).collect();
    let call = Rc::new(body);
    let op: Op = match d.below(4) {
        0 => Checkpoint { call, again: false }.into(),
        1 => CustomJvp { rule: Rc::new(forward_rule(&call, &floats)), call }.into(),
        2 => {
            let (fwd, bwd) = reverse_rule(&call, &floats)?;
            CustomVjp { call, fwd: Rc::new(fwd), bwd: Rc::new(bwd) }.into()
        }
        _ => {
            let rule = BatchRule::new(0);
            for k in 1..1 << args.len() {
                let ins: Vec<bool> = (0..args.len()).map(|n| k >> n & 1 == 1).collect();
                let (graph, outs) = batch_graph(&call, &ins, &vec![false; call.outputs.len()], SIZE);
                rule.learn(Rule { size: SIZE, ins, outs, graph: Rc::new(graph) });
            }
            CustomVmap { call, short: None, rule, steps: Vec::new() }.into()
        }
    };
    bind(d, g, op, &args)
}

/// Results and the tangents of those that are floats.
fn forward_rule(call: &Graph, floats: &[bool]) -> Graph {
    let (mut rule, nonzero) = jvp_graph(call, floats);
    let mut tangents = rule.outputs.split_off(nonzero.len()).into_iter();
    for (v, nonzero) in rule.outputs.clone().into_iter().zip(nonzero) {
        let aval = rule.aval(v).clone();
        if aval.dtype.is_inexact() {
            let t = if nonzero { tangents.next() } else { None };
            let t = instantiate(&mut rule, t, &aval);
            rule.outputs.push(t);
        }
    }
    rule
}

/// Results and residuals; cotangents of the operands that are floats. `None` where a loop has no reverse mode.
fn reverse_rule(call: &Graph, floats: &[bool]) -> Option<(Graph, Graph)> {
    let both = || {
        let mut fwd = Graph::new("");
        let args: Vec<Var> = call.in_avals().iter().map(|a| fwd.input(a)).collect();
        let (outs, linear) = linearize_into(&mut fwd, call, &args, floats);
        fwd.outputs = outs.iter().chain(&linear.residuals).copied().collect();
        let mut bwd = Graph::new("");
        let mut known: Vec<Option<Var>> = linear.residuals.iter().map(|v| Some(bwd.input(fwd.aval(*v)))).collect();
        known.resize(linear.graph.inputs.len(), None);
        let mut cts = Vec::new();
        for (aval, nonzero) in call.out_avals().iter().zip(&linear.out_nonzero) {
            if aval.dtype.is_inexact() {
                let ct = bwd.input(aval);
                cts.extend(nonzero.then_some(Some(ct)));
            }
        }
        let found = transpose_into(&mut bwd, &linear.graph, &known, &cts).split_off(linear.residuals.len());
        let avals = call.in_avals().into_iter().filter(|a| a.dtype.is_inexact());
        bwd.outputs = found.into_iter().zip(avals).map(|(ct, a)| instantiate(&mut bwd, ct, &a)).collect();
        (fwd, bwd)
    };
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(both)) {
        Ok(found) => Some(found),
        Err(e) if e.is::<Refused>() => None,
        Err(e) => std::panic::resume_unwind(e),
    }
}
