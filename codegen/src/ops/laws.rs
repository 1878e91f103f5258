//! The laws that every primitive keeps, as one function per kind of primitive; the tests in `ops/` are calls of these.
//!
//! Shape rule = shape of `eval`. Printed, then parsed = same op. jvp = central differences. `<J t, ct> = <t, J' ct>`.
//! Batch = loop over slices, bit for bit. Loop body = `eval`, bit for bit.

use num_complex::Complex;
use quote::format_ident;

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::eval::eval;
use crate::graph::{Aval, Eqn, Graph, Src, Var};
use crate::ops::{Batched, Elementwise, Op, Tangent};
use crate::schedule::interp::run_op;
use crate::text;
use crate::transform::{linearize_into, transpose_into};

/// Every law of `op` on operands of the given types (`"f32[2,3]"`), at random values.
#[track_caller]
pub fn check_op(op: impl Into<Op>, avals: &[&str]) {
    let mut rng = Rng::new();
    let args: Vec<Array> = avals.iter().map(|a| rng.array(&parse_aval(a))).collect();
    check_op_at(op, &args);
}

/// [`check_op`] at values that the caller chooses: for ops that are not defined, or not smooth, everywhere.
#[track_caller]
pub fn check_op_at(op: impl Into<Op>, args: &[Array]) {
    let op = op.into();
    check_shape(&op, args);
    check_text(&op, args);
    check_derivatives(&op, &widened(&op, args));
    check_batch(&op, args);
    check_body(&op, args);
}

/// Every law of an elementwise primitive, for every dtype it accepts, at awkward values as well as at random ones.
#[track_caller]
pub fn check_elementwise<T: Elementwise>(elementwise: T) {
    let op: Op = elementwise.clone().into();
    let mut rng = Rng::new();
    let mut n_accepted = 0;
    for dtypes in tuples(&DType::ALL.map(|(d, _)| d), T::ARITY) {
        let Ok(out) = elementwise.dtype(&dtypes) else { continue };
        n_accepted += 1;
        let names: Vec<_> = (0..dtypes.len()).map(|n| format_ident!("x{n}")).collect();
        let args: Vec<_> = names.iter().map(|n| quote::quote!(#n)).collect();
        let tokens = Elementwise::emit(&elementwise, &dtypes, &args);
        if let Err(e) = syn::parse2::<syn::Expr>(tokens.clone()) {
            panic!("{} emits `{tokens}` for {dtypes:?}, which is no expression: {e}", op.text());
        }
        let awkward = awkward_args(&mut rng, &dtypes);
        check_body(&op, &awkward);
        let small: Vec<Array> = dtypes.iter().map(|d| rng.array(&Aval::new(*d, &[2, 3]))).collect();
        check_shape(&op, &small);
        check_text(&op, &small);
        check_batch(&op, &small);
        let narrow = |d: &DType| d.is_inexact() && *d != wide(*d);
        if out.is_inexact() && dtypes.iter().any(|d| d.is_inexact()) && !dtypes.iter().any(narrow) {
            check_derivatives(&op, &smooth_points(&op, &mut rng, &dtypes));
        }
    }
    assert!(n_accepted > 0, "`{}` accepts no dtype", T::NAME);
}

/// `op` refuses operands of these types, with this message.
#[track_caller]
pub fn check_op_error(op: impl Into<Op>, avals: &[&str], message: expect_test::Expect) {
    let avals: Vec<Aval> = avals.iter().map(|a| parse_aval(a)).collect();
    match op.into().abstract_eval(&avals.iter().collect::<Vec<_>>()) {
        Ok(outs) => panic!("accepted, with result {}", outs[0]),
        Err(e) => message.assert_eq(&e.message),
    }
}

/// Results of `op` and of its tangent equations at `x` along `t`, `None` where the tangent is a known zero.
pub fn jvp_at(op: impl Into<Op>, x: &[Array], t: &[Option<Array>]) -> (Vec<Array>, Vec<Option<Array>>) {
    let op = op.into();
    let mut g = Graph::new("");
    let xs: Vec<Var> = x.iter().map(|a| g.input(a.aval())).collect();
    let ts: Vec<Tangent> = t.iter().map(|t| t.as_ref().map(|t| g.input(t.aval()))).collect();
    let (ys, tys) = op.jvp(&mut g, &xs, &ts);
    for (y, ty) in ys.iter().zip(&tys) {
        if let Some(ty) = ty {
            assert_eq!(g.aval(*ty), g.aval(*y), "{}: type of the tangent", op.text());
            assert!(g.dtype(*y).is_inexact(), "{}: a tangent of {}", op.text(), g.aval(*y));
        }
    }
    g.outputs = ys.iter().copied().chain(tys.iter().copied().flatten()).collect();
    let args: Vec<Array> = x.iter().cloned().chain(t.iter().flatten().cloned()).collect();
    let mut ys_value = eval(&g, &args);
    let mut tangents = ys_value.split_off(ys.len()).into_iter();
    let tys = tys.iter().map(|t| t.map(|_| tangents.next().expect("one per tangent"))).collect();
    (ys_value, tys)
}

/// Derivative of a scalar function of scalars along operand `n`, by its rule: for tests of special points.
pub fn derivative(op: impl Into<Op>, x: &[f64], n: usize) -> f64 {
    let args: Vec<Array> = x.iter().map(|x| Array::f64(&[], &[*x])).collect();
    let mut t = vec![None; x.len()];
    t[n] = Some(Array::f64(&[], &[1.0]));
    jvp_at(op, &args, &t).1[0].as_ref().map_or(0.0, |t| t.item().to_f64())
}

/// A scalar function of f64 scalars.
pub fn value(op: impl Into<Op>, x: &[f64]) -> f64 {
    let args: Vec<Array> = x.iter().map(|x| Array::f64(&[], &[*x])).collect();
    op.into().eval(&args.iter().collect::<Vec<_>>())[0].item().to_f64()
}

/// Reads `f32[2,3]`.
pub fn parse_aval(aval: &str) -> Aval {
    let g = text::parse(&format!("graph _(x: {aval}) -> (x) {{\n}}")).unwrap_or_else(|e| panic!("{aval}: {e}"));
    g.aval(g.inputs[0]).clone()
}

#[track_caller]
fn check_shape(op: &Op, args: &[Array]) {
    let avals: Vec<&Aval> = args.iter().map(Array::aval).collect();
    let expected = op.abstract_eval(&avals).unwrap_or_else(|e| panic!("{}: {e}", describe(op, args)));
    let found: Vec<Aval> = run(op, args).iter().map(|a| a.aval().clone()).collect();
    assert_eq!(expected, found, "{}: shape rule, then `eval`", describe(op, args));
}

#[track_caller]
fn check_text(op: &Op, args: &[Array]) {
    let mut g = Graph::new("f");
    let xs: Vec<Var> = args.iter().map(|a| g.input(a.aval())).collect();
    g.outputs = g.bind(op.clone(), &xs);
    let printed = g.to_string();
    let parsed = text::parse(&printed).unwrap_or_else(|e| panic!("{printed}\n{e}"));
    assert_eq!(parsed.to_string(), printed);
    assert_eq!(&parsed.eqns[0].op, op);
    assert_eq!(eval(&parsed, args), eval(&g, args), "{printed}");
}

#[track_caller]
fn check_body(op: &Op, args: &[Array]) {
    // Whatever lies beyond an operand must not show in the result.
    let outside = |x: &Aval| Scalar::from_f64(x.dtype, 77.0);
    let refs: Vec<&Array> = args.iter().collect();
    if let Some(found) = run_op(op, &refs, &outside) {
        assert_eq!(found, run(op, args)[0], "{}: loop body, then `eval`", describe(op, args));
    }
}

#[track_caller]
fn check_batch(op: &Op, args: &[Array]) {
    const SIZE: usize = 3;
    let mut rng = Rng::new();
    for subset in subsets(&vec![true; args.len()]) {
        let slices: Vec<Vec<Array>> = (0..SIZE)
            .map(|n| {
                let slice = |(a, b): (&Array, &bool)| if *b && n > 0 { rng.like(a) } else { a.clone() };
                args.iter().zip(&subset).map(slice).collect()
            })
            .collect();
        let mut g = Graph::new("");
        let ins: Vec<Batched> = args
            .iter()
            .zip(&subset)
            .map(|(a, batched)| {
                let aval = if *batched { a.aval().batched(SIZE) } else { a.aval().clone() };
                Batched { var: g.input(&aval), batched: *batched }
            })
            .collect();
        let outs = op.batch(&mut g, &ins, SIZE);
        g.outputs = outs.iter().map(|b| b.var).collect();
        let stacked: Vec<Array> = (0..args.len())
            .map(|k| if subset[k] { stack(slices.iter().map(|s| &s[k])) } else { args[k].clone() })
            .collect();
        let found = eval(&g, &stacked);
        let expected: Vec<Vec<Array>> = slices.iter().map(|s| run(op, s)).collect();
        for (k, out) in outs.iter().enumerate() {
            let expected = if out.batched { stack(expected.iter().map(|e| &e[k])) } else { expected[0][k].clone() };
            assert_eq!(found[k], expected, "{} batched {subset:?}: rule, then loop\n{g}", describe(op, args));
        }
    }
}

#[track_caller]
fn check_derivatives(op: &Op, args: &[Array]) {
    let inexact: Vec<bool> = args.iter().map(|a| a.dtype().is_inexact()).collect();
    let mut rng = Rng::new();
    for subset in subsets(&inexact) {
        let tangents: Vec<Option<Array>> =
            args.iter().zip(&subset).map(|(a, nz)| nz.then(|| rng.array(a.aval()))).collect();
        let (ys, tys) = jvp_at(op.clone(), args, &tangents);
        assert_eq!(ys, run(op, args), "{}: result under jvp, then alone", describe(op, args));
        for (k, ty) in tys.iter().enumerate() {
            if !ys[k].dtype().is_inexact() {
                continue;
            }
            let (rule, tolerance) = match ty {
                Some(ty) => (components(ty), tolerance(op, args, ty)),
                None => (vec![0.0; components(&ys[k]).len()], tolerance(op, args, &ys[k])),
            };
            let numeric = central_difference(op, args, &tangents, k);
            let scale = numeric.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
            for (n, (a, b)) in rule.iter().zip(&numeric).enumerate() {
                assert!(
                    (a - b).abs() <= tolerance * scale,
                    "{}, tangents {subset:?}, result {k}, element {n}: rule {a}, central difference {b}\nat {}",
                    describe(op, args),
                    args.iter().map(Array::to_string).collect::<Vec<_>>().join(" ")
                );
            }
        }
        check_transpose(op, args, &tangents, &tys, &mut rng);
    }
}

/// `<J t, ct> = <t, J' ct>`, where `J` is what linearising leaves and `J'` its transpose.
#[track_caller]
fn check_transpose(op: &Op, args: &[Array], tangents: &[Option<Array>], tys: &[Option<Array>], rng: &mut Rng) {
    let mut f = Graph::new("");
    let xs: Vec<Var> = args.iter().map(|a| f.input(a.aval())).collect();
    f.outputs = f.bind(op.clone(), &xs);
    let nonzero: Vec<bool> = tangents.iter().map(Option::is_some).collect();
    let mut g = Graph::new("");
    let primals: Vec<Var> = args.iter().map(|a| g.input(a.aval())).collect();
    let (_, linear) = linearize_into(&mut g, &f, &primals, &nonzero);
    let ct_values: Vec<Array> = tys.iter().flatten().map(|ty| rng.array(ty.aval())).collect();
    let cts: Vec<Tangent> = ct_values.iter().map(|a| Some(g.input(a.aval()))).collect();
    let mut known: Vec<Option<Var>> = linear.residuals.iter().copied().map(Some).collect();
    known.resize(linear.graph.inputs.len(), None);
    let in_cts = transpose_into(&mut g, &linear.graph, &known, &cts).split_off(linear.residuals.len());
    g.outputs = in_cts.iter().copied().flatten().collect();
    let values: Vec<Array> = args.iter().chain(&ct_values).cloned().collect();
    let mut found = eval(&g, &values).into_iter();
    let (mut left, mut right, mut size) = (0.0, 0.0, 1.0);
    for (ty, ct) in tys.iter().flatten().zip(&ct_values) {
        left += pairing(ty, ct, &mut size);
    }
    for (t, ct) in tangents.iter().flatten().zip(in_cts) {
        if ct.is_some() {
            let ct = found.next().expect("one per cotangent");
            assert_eq!(ct.aval(), t.aval(), "{}: type of the cotangent\n{g}", describe(op, args));
            right += pairing(t, &ct, &mut size);
        }
    }
    let eps = args.iter().chain(&ct_values).map(|a| epsilon(a.dtype())).fold(0.0, f64::max);
    assert!(
        (left - right).abs() <= 64.0 * eps * size,
        "{}, tangents {nonzero:?}: <J t, ct> = {left}, <t, J' ct> = {right}\n{g}",
        describe(op, args)
    );
}

/// `d/dh f(x + h t)` at 0, of result `k`, to fourth order.
fn central_difference(op: &Op, args: &[Array], tangents: &[Option<Array>], k: usize) -> Vec<f64> {
    let h = step(op, args);
    let at = |s: f64| components(&run(op, &moved(args, tangents, s))[k]);
    let (p1, m1, p2, m2) = (at(h), at(-h), at(2.0 * h), at(-2.0 * h));
    (0..p1.len()).map(|n| (8.0 * (p1[n] - m1[n]) - (p2[n] - m2[n])) / (12.0 * h)).collect()
}

/// `args + s * tangents`.
fn moved(args: &[Array], tangents: &[Option<Array>], s: f64) -> Vec<Array> {
    let shift = |(a, t): (&Array, &Option<Array>)| match t {
        None => a.clone(),
        Some(t) => {
            let data = a.data().iter().zip(t.data()).map(|(x, t)| match (x, t) {
                (Scalar::C128(x), Scalar::C128(t)) => Scalar::C128(x + t * s),
                (Scalar::C64(x), Scalar::C64(t)) => Scalar::C64(x + t * s as f32),
                (x, t) => Scalar::from_f64(x.dtype(), x.to_f64() + s * t.to_f64()),
            });
            Array::new(a.aval().clone(), data.collect())
        }
    };
    args.iter().zip(tangents).map(shift).collect()
}

/// Rounding of the coarsest dtype involved.
fn coarseness(op: &Op, args: &[Array]) -> f64 {
    let avals: Vec<&Aval> = args.iter().map(Array::aval).collect();
    let outs = op.abstract_eval(&avals).expect("checked");
    outs.iter().chain(avals).map(|a| epsilon(a.dtype)).fold(0.0, f64::max)
}

fn step(op: &Op, args: &[Array]) -> f64 {
    match coarseness(op, args) {
        e if e < 1e-12 => 1e-4,
        e if e < 1e-5 => 1e-2,
        _ => 0.25,
    }
}

fn tolerance(op: &Op, args: &[Array], out: &Array) -> f64 {
    let e = coarseness(op, args);
    if e < 1e-12 { 1e-8 * (1 + out.data().len() / 16) as f64 } else { 64.0 * e / step(op, args) }
}

fn epsilon(dtype: DType) -> f64 {
    match dtype {
        DType::F64 | DType::C128 => f64::EPSILON,
        DType::F32 | DType::C64 => f32::EPSILON as f64,
        DType::F16 => 1.0 / 1024.0,
        DType::BF16 => 1.0 / 128.0,
        _ => 0.0,
    }
}

/// Real part of the sum of products, without conjugation: the pairing under which rules transpose.
fn pairing(a: &Array, b: &Array, size: &mut f64) -> f64 {
    let product = |(a, b): (&Scalar, &Scalar)| match (a, b) {
        (Scalar::C128(a), Scalar::C128(b)) => (a * b).re,
        (Scalar::C64(a), Scalar::C64(b)) => (a * b).re as f64,
        (a, b) => a.to_f64() * b.to_f64(),
    };
    let products: Vec<f64> = a.data().iter().zip(b.data()).map(product).collect();
    *size += products.iter().map(|p| p.abs()).sum::<f64>();
    products.iter().sum()
}

/// The elements as real numbers; two for each complex one.
fn components(a: &Array) -> Vec<f64> {
    a.data()
        .iter()
        .flat_map(|x| match x {
            Scalar::C128(z) => vec![z.re, z.im],
            Scalar::C64(z) => vec![z.re as f64, z.im as f64],
            x => vec![x.to_f64()],
        })
        .collect()
}

fn wide(dtype: DType) -> DType {
    match dtype {
        d if d.is_float() => DType::F64,
        d if d.is_complex() => DType::C128,
        d => d,
    }
}

/// The arguments in double precision, so that differences are sharp; as they are where the op insists on its dtype.
fn widened(op: &Op, args: &[Array]) -> Vec<Array> {
    let convert = |a: &Array| {
        let to = wide(a.dtype());
        Array::new(a.aval().with_dtype(to), a.data().iter().map(|x| x.convert(to)).collect())
    };
    let wide: Vec<Array> = args.iter().map(convert).collect();
    let accepted = op.abstract_eval(&wide.iter().map(Array::aval).collect::<Vec<_>>()).is_ok();
    if accepted { wide } else { args.to_vec() }
}

/// Points of an elementwise op with no pole and no jump nearby: differences across one say nothing.
#[track_caller]
fn smooth_points(op: &Op, rng: &mut Rng, dtypes: &[DType]) -> Vec<Array> {
    const TRIES: usize = 96;
    let mut kept: Vec<Vec<Scalar>> = vec![Vec::new(); dtypes.len()];
    for _ in 0..TRIES {
        let point: Vec<Array> = dtypes.iter().map(|d| Array::scalar(rng.scalar(*d))).collect();
        let at = |along: &[Option<Array>], s: f64| components(&run(op, &moved(&point, along, s))[0]);
        let tame = subsets(&vec![true; point.len()]).iter().all(|signs| {
            let one = |(p, plus): (&Array, &bool)| {
                let one = Scalar::from_f64(p.dtype(), if *plus { 1.0 } else { -1.0 });
                p.dtype().is_inexact().then(|| Array::scalar(one))
            };
            let along: Vec<Option<Array>> = point.iter().zip(signs).map(one).collect();
            let (before, here, after) = (at(&along, -0.01), at(&along, 0.0), at(&along, 0.01));
            (0..here.len()).all(|n| {
                let bend = before[n] - 2.0 * here[n] + after[n];
                here[n].abs() < 10.0 && bend.abs() < 0.03
            })
        });
        if tame {
            for (k, p) in kept.iter_mut().zip(&point) {
                k.push(p.item());
            }
        }
    }
    let n = kept[0].len();
    assert!(n >= 8, "{}: only {n} of {TRIES} points can be differentiated at", op.text());
    dtypes.iter().zip(kept).map(|(d, data)| Array::new(Aval::new(*d, &[n]), data)).collect()
}

/// Every combination of the awkward values of each dtype, or many of them.
fn awkward_args(rng: &mut Rng, dtypes: &[DType]) -> Vec<Array> {
    const MOST: usize = 600;
    let per_operand: Vec<Vec<Scalar>> = dtypes.iter().map(|d| awkward(*d)).collect();
    let total: usize = per_operand.iter().map(Vec::len).product();
    let n = total.min(MOST);
    let mut columns: Vec<Vec<Scalar>> = vec![Vec::new(); dtypes.len()];
    for k in 0..n {
        let mut flat = if total > MOST { rng.below(total) } else { k };
        for (column, values) in columns.iter_mut().zip(&per_operand) {
            column.push(values[flat % values.len()]);
            flat /= values.len();
        }
    }
    dtypes.iter().zip(columns).map(|(d, data)| Array::new(Aval::new(*d, &[n]), data)).collect()
}

/// Zeros, infinities, NaN, subnormals, halves, limits.
pub fn awkward(dtype: DType) -> Vec<Scalar> {
    if dtype.is_complex() {
        let parts = [0.0, -0.0, 1.0, -2.5, f64::INFINITY, f64::NAN, 1e-300, 1e30];
        let pair = |re: f64, im: f64| match dtype {
            DType::C64 => Scalar::C64(Complex::new(re as f32, im as f32)),
            _ => Scalar::C128(Complex::new(re, im)),
        };
        return parts.iter().flat_map(|re| parts.iter().map(move |im| pair(*re, *im))).collect();
    }
    if dtype == DType::Bool {
        return vec![Scalar::Bool(false), Scalar::Bool(true)];
    }
    if dtype.is_int() {
        let (lo, hi) = dtype.int_range();
        let bits = dtype.bytes() as i128 * 8;
        let mut all = vec![0, 1, 2, 3, 7, bits - 1, bits, hi / 2, hi - 1, hi, lo, lo + 1, -1, -2, -7];
        all.retain(|i| lo <= *i && *i <= hi);
        return all.into_iter().map(|i| Scalar::from_i128(dtype, i)).collect();
    }
    let (tiny, small, large) = match dtype {
        DType::F16 => (6e-8, 6.2e-5, 65504.0),
        DType::BF16 => (1e-40, 1.2e-38, 3.38e38),
        DType::F32 => (1e-45, f32::MIN_POSITIVE as f64, f32::MAX as f64),
        _ => (5e-324, f64::MIN_POSITIVE, f64::MAX),
    };
    let positive = [0.0, tiny, small, 0.3, 0.5, 1.0, 1.5, 2.5, 3.0, 100.0, 30000.0, large, f64::INFINITY, f64::NAN];
    positive.iter().flat_map(|x| [*x, -x]).map(|x| Scalar::from_f64(dtype, x)).collect()
}

/// Subsets of the marked positions, the empty one left out; single positions and all of them where there are many.
fn subsets(marked: &[bool]) -> Vec<Vec<bool>> {
    let places: Vec<usize> = (0..marked.len()).filter(|n| marked[*n]).collect();
    let chosen = |f: &dyn Fn(usize) -> bool| -> Vec<bool> {
        let mut out = vec![false; marked.len()];
        for (bit, place) in places.iter().enumerate() {
            out[*place] = f(bit);
        }
        out
    };
    if places.len() <= 4 {
        return (1..1usize << places.len()).map(|mask| chosen(&|bit| mask >> bit & 1 == 1)).collect();
    }
    let singles = (0..places.len()).map(|k| chosen(&|bit| bit == k));
    singles.chain([chosen(&|_| true)]).collect()
}

fn tuples(items: &[DType], arity: usize) -> Vec<Vec<DType>> {
    let mut out = vec![Vec::new()];
    for _ in 0..arity {
        out = out.into_iter().flat_map(|t| items.iter().map(move |d| [t.clone(), vec![*d]].concat())).collect();
    }
    out
}

/// What `op` means, through the evaluator of graphs.
fn run(op: &Op, args: &[Array]) -> Vec<Array> {
    let mut g = Graph::new("");
    let inputs: Vec<Var> = args.iter().map(|a| g.input(a.aval())).collect();
    let avals: Vec<&Aval> = args.iter().map(Array::aval).collect();
    let outs = op.abstract_eval(&avals).unwrap_or_else(|e| panic!("{}: {e}", describe(op, args)));
    g.outputs = outs.into_iter().map(|a| g.fresh(a)).collect();
    g.eqns.push(Eqn { op: op.clone(), inputs, outputs: g.outputs.clone(), src: Src::default() });
    eval(&g, args)
}

fn stack<'a>(items: impl Iterator<Item = &'a Array>) -> Array {
    let items: Vec<&Array> = items.collect();
    let data = items.iter().flat_map(|a| a.data().iter().copied()).collect();
    Array::new(items[0].aval().batched(items.len()), data)
}

fn describe(op: &Op, args: &[Array]) -> String {
    let avals: Vec<String> = args.iter().map(|a| a.aval().to_string()).collect();
    format!("{} {}", op.text(), avals.join(" "))
}

/// Numbers that look random and are the same every time.
#[derive(Debug, Default)]
pub struct Rng(u64);

impl Rng {
    /// From the start.
    pub fn new() -> Rng {
        Rng::default()
    }

    /// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// Away from 0 and the other integers, where many functions have a kink: in (0.1, 0.9) or (1.1, 3.9), either sign.
    fn real(&mut self) -> f64 {
        let unit = self.bits() as f64 / u64::MAX as f64;
        let whole = if self.below(2) == 0 { 0.0 } else { 1.0 + self.below(3) as f64 };
        let sign = if self.below(2) == 0 { 1.0 } else { -1.0 };
        sign * (whole + 0.1 + 0.8 * unit)
    }

    /// A small number of `dtype`.
    pub fn scalar(&mut self, dtype: DType) -> Scalar {
        match dtype {
            DType::Bool => Scalar::Bool(self.below(2) == 1),
            DType::C64 => Scalar::C64(Complex::new(self.real() as f32, self.real() as f32)),
            DType::C128 => Scalar::C128(Complex::new(self.real(), self.real())),
            d if d.is_signed() => Scalar::from_i128(d, self.below(9) as i128 - 4),
            d if d.is_unsigned() => Scalar::from_i128(d, self.below(5) as i128),
            d => Scalar::from_f64(d, self.real()),
        }
    }

    /// Small numbers of type `aval`.
    pub fn array(&mut self, aval: &Aval) -> Array {
        Array::from_fn(aval, |_| self.scalar(aval.dtype))
    }

    /// Other elements of the same type; of an array of integers, a rearrangement, which keeps indices in range.
    fn like(&mut self, a: &Array) -> Array {
        if a.dtype().is_inexact() || a.data().is_empty() {
            return self.array(a.aval());
        }
        let by = self.below(a.data().len());
        let mut data = a.data().to_vec();
        data.rotate_left(by);
        Array::new(a.aval().clone(), data)
    }
}
