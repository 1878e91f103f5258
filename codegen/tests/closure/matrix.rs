//! The programs and the transformations of the matrix, as text of Kiln, and tracing of a program under a stack.

use kiln_codegen::compile::{Entry, parse_items, trace_entry};
use kiln_codegen::graph::Graph;

use crate::common;

/// Weights of results, directions of tangents.
pub const W: [f64; 3] = [0.5, -0.3, 0.8];

/// What is transformed.
pub struct Program {
    pub name: &'static str,
    /// Items, the last of them `fn f0(x: &[f64; 3]) -> [f64; 3]`.
    pub source: &'static str,
}

/// The function below a cell and an argument.
pub type Calls = fn(&dyn Fn(&[f64]) -> Vec<f64>, &[f64]) -> Vec<f64>;

/// How what a transformation yields is had without it.
#[derive(Clone, Copy)]
pub enum Against {
    /// The function itself.
    Itself,
    /// Differences along the weights.
    Push,
    /// Differences of the weighed sum.
    Pull,
    /// Differences of the weighed sum, times that sum.
    ValueTimesPull,
    /// Differences of the weighed sum, and the results.
    PullAndValue,
    /// Differences along the weights and along the results.
    PushBoth,
    /// Differences of the gradient along the weights.
    SecondOrder,
    /// Calls of the function.
    Calls(Calls),
}

/// A function of functions.
pub struct Transformation {
    pub name: &'static str,
    /// Items that define `@n` from `@i`; the last is the function.
    pub source: &'static str,
    pub against: Against,
}

macro_rules! programs {
    ($($name:ident: $source:expr;)+) => {
        pub const PROGRAMS: &[Program] = &[$(Program { name: stringify!($name), source: $source }),+];
    };
}

programs! {
    elementwise: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        sin(1.3 * x) * exp(-x * x) + tanh(x) / (2.0 + cos(x)) + log1p(0.5 * x * x) - 0.2 * power(1.5 + sin(x), 2.5)
    }";
    contraction: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let w = [[0.4, -0.7, 0.2], [0.1, 0.5, -0.6], [-0.3, 0.2, 0.9]] as f64;
        let h = tanh(matmul(w, x));
        0.5 * einsum(\"i,ij,j->i\", h, w, x) + matmul(h, w) - 0.3 * cumsum(h * x)
    }";
    gather_scatter: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let at = argsort(-x);
        let picked = x[at];
        let mut y = 0.4 * sin(x);
        y[[2, 0, 2]] += 0.5 * picked * picked;
        y[at[0]] *= x[1];
        y[1..3] += 0.3 * x[0..2];
        let n = (4.0 * x[0] * x[0]) as i32;
        y[n] + cos(x[n]) * x
    }";
    for_loop: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let mut h = 0.5 * x;
        let mut total = 0.0 * x[0];
        for i in 0..3 {
            h = tanh(h * x + 0.1 * (i as f64) + 0.2 * flip(x));
            total += h[i] * x[i];
        }
        h + 0.3 * total
    }";
    while_loop: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let mut h = 1.5 * cos(x);
        #[bound(7)]
        while sum(h * h) > 0.9 {
            h = 0.6 * h + 0.2 * sin(h * x);
        }
        h
    }";
    branch: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let s = sum(x);
        let y = if s > 0.2 { sin(x) * s } else { 0.7 * x * x - 0.2 };
        if y[0] < 0.05 { y + 0.1 * x } else if y[0] < 0.3 { y * cos(x) } else { 0.5 * y }
    }";
    match_arms: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let n = floor(2.0 * abs(x[0])) as i32;
        match n {
            0 => 0.8 * sin(x) + 0.1,
            1 => x * flip(x),
            2 | 3 => { let mut a = x; for i in 0..2 { a = sin(a + 0.3); } a }
            _ => 0.3 * x,
        }
    }";
    convolution: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let image = outer(x, 1.0 + 0.5 * flip(x)).reshape((1, 1, 3, 3));
        let kernel = [[[[0.2, -0.4], [0.7, 0.3]]], [[[0.5, 0.1], [-0.2, 0.6]]]] as f64;
        let y = sin(conv(image, kernel, padding = \"SAME\"));
        let pooled = lax::reduce_window(y, -100.0, maximum, (1, 1, 2, 1), (1, 1, 1, 1), \"SAME\");
        let mixed = conv(pooled, 0.5 * kernel.transpose((1, 0, 2, 3)), stride = (1, 2), padding = \"SAME\");
        mixed.reshape((6,))[0..3] * 0.4 + 0.3 * pooled[(0, 1, .., 2)]
    }";
    sorting: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let s = sort(sin(2.0 * x));
        let m = maximum(s * x, 0.3 * flip(x));
        0.5 * cumprod(1.0 + 0.4 * m) + logsumexp(s) * x - 0.2 * max(x)
    }";
    random_numbers: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let key = random::fold_in(random::key(3), (5.0 * x[0] * x[0]) as u32);
        let (a, b) = (random::split(key)[0], random::split(key)[1]);
        let u = random::uniform(a, (3,)) as f64;
        let order = random::permutation(b, 3);
        sin(x[order] * (0.5 + u)) - 0.3 * u * x * x
    }";
    linear_algebra: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let a = 2.0 * eye(3, dtype = f64) + 0.3 * outer(x, sin(flip(x))) + diag(0.2 * x * x);
        let s = diag([1.0, 1.7, 2.6] as f64) + 0.2 * outer(x, x);
        let y = linalg::solve(a, cos(x));
        let l = linalg::cholesky(s);
        y + 0.3 * matmul(l, x) + 0.2 * linalg::eigh(s).0 - 0.1 * linalg::det(a) * matmul(linalg::inv(s), x)
    }";
    decompositions: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let a = diag([2.0, 1.2, 3.1] as f64) + 0.4 * outer(sin(x), flip(x)) + diag(0.3 * x[0..2], k = 1);
        let (q, r) = linalg::qr(a);
        let (lu, _) = scipy::linalg::lu_factor(a);
        let big = 2.0 * eye(4, dtype = f64) + pad(0.5 * a, ((0, 1), (1, 0))) + outer([0.1, 0.2, 0.3, 0.4], [0.3, 0.1, 0.2, 0.5]) as f64;
        q[0] + 0.2 * diagonal(r) - 0.1 * lu[1] + 0.1 * linalg::slogdet(big).1
    }";
    complex_numbers: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let z = exp(lax::complex(0.3 * x, flip(x))) * lax::complex(x, 0.5 + 0.0 * x);
        let y = fft::fft(z * conj(z[0]));
        real(y * cumprod(z)) * 0.2 + abs(z + 1.5) + imag(fft::rfft(x * x, n = 4)) - 0.3 * angle(z + 3.0)
    }";
    order_and_windows: "fn f0(x: &[f64; 3]) -> [f64; 3] {
        let (top, at) = lax::top_k(cos(x) * x, 2);
        let y = lax::cumlogsumexp(x * flip(x)) + cummax(sin(3.0 * x)) * top[0];
        let y = y.at[at].min(0.4 * x[0..2]).at[[1, 1]].multiply(top);
        let w = lax::reduce_window(y, 0.0, add, (2,), (1,), ((1, 1),), window_dilation = (2,));
        lax::dynamic_slice(concatenate((w, y)), (at[0],), (3,)) + 0.5 * prod(1.0 + 0.3 * x) * y
    }";
    forward_rule: "#[custom_jvp(rule)]
    fn soft(x: &[f64; 3], a: f64) -> [f64; 3] { log(1.0 + exp(a * x)) }
    fn rule(x: ([f64; 3], f64), t: ([f64; 3], f64)) -> ([f64; 3], [f64; 3]) {
        let s = 1.0 / (1.0 + exp(-x.1 * x.0));
        (soft(x.0, x.1), s * (x.1 * t.0 + x.0 * t.1))
    }
    fn f0(x: &[f64; 3]) -> [f64; 3] { soft(x, 0.5 + sum(x)) - 0.4 * soft(flip(x), 1.2) }";
    reverse_rule: "#[custom_vjp(fwd, bwd)]
    fn wave(x: &[f64; 3], a: f64) -> [f64; 3] { sin(a * x) * a }
    fn fwd(x: &[f64; 3], a: f64) -> ([f64; 3], ([f64; 3], f64)) { (wave(x, a), (x, a)) }
    fn bwd(r: ([f64; 3], f64), ct: [f64; 3]) -> ([f64; 3], f64) {
        let (x, a) = r;
        (a * a * cos(a * x) * ct, sum(ct * (sin(a * x) + a * x * cos(a * x))))
    }
    fn f0(x: &[f64; 3]) -> [f64; 3] { wave(x, 0.7 + 0.5 * x[1]) + 0.3 * x * wave(x * x, 0.9) }";
    mapping_rule: "#[custom_vmap(mapped)]
    fn swirl(x: &[f64; 3], a: f64) -> ([f64; 3], f64) { (sin(a * x) + 0.2 * flip(x) * x, a * a) }
    fn mapped<X, A, Y, S>(n: usize, in_batched: (bool, bool), x: X, a: A) -> ((Y, S), (bool, bool)) {
        let rows = if in_batched.0 { x } else { broadcast_to(x, (n, 3)) };
        let scale = if in_batched.1 { a } else { broadcast_to(a, (n,)) };
        let y = sin(scale.reshape((n, 1)) * rows) + 0.2 * flip(rows, axis = 1) * rows;
        ((y, a * a), (true, in_batched.1))
    }
    fn f0(x: &[f64; 3]) -> [f64; 3] {
        let (y, s) = swirl(x, 0.6 + x[0]);
        y * s - 0.3 * x * swirl(flip(x), 1.1).0
    }";
}

macro_rules! transformations {
    ($($name:ident, $against:expr, $source:expr;)+) => {
        pub const TRANSFORMATIONS: &[Transformation] =
            &[$(Transformation { name: stringify!($name), source: $source, against: $against }),+];
    };
}

fn axpy(a: f64, x: &[f64], b: f64, y: &[f64]) -> Vec<f64> {
    x.iter().zip(y).map(|(x, y)| a * x + b * y).collect()
}

fn times(a: f64, x: &[f64]) -> Vec<f64> {
    axpy(a, x, 0.0, x)
}

transformations! {
    grad, Against::Pull, "fn @n(x: &[f64; 3]) -> [f64; 3] { grad(|x| sum(@i(x) * [0.5, -0.3, 0.8]))(x) }";
    value_and_grad, Against::ValueTimesPull, "fn @n(x: &[f64; 3]) -> [f64; 3] {
        let (v, g) = value_and_grad(|a, x| a * sum(@i(x) * [0.5, -0.3, 0.8]), argnums = 1)(1.0, x);
        v * g
    }";
    grad_with_aux, Against::PullAndValue, "fn @n(x: &[f64; 3]) -> [f64; 3] {
        let (g, y) = grad(|x| { let y = @i(x); (sum(y * [0.5, -0.3, 0.8]), y) }, has_aux = true)(x);
        g + 0.5 * y
    }";
    jvp, Against::Push, "fn @n(x: &[f64; 3]) -> [f64; 3] { jvp(@i, (x,), ([0.5, -0.3, 0.8],)).1 }";
    vjp, Against::Pull, "fn @n(x: &[f64; 3]) -> [f64; 3] { vjp(@i, (x,)).1([0.5, -0.3, 0.8]).0 }";
    linearize, Against::PushBoth, "fn @n(x: &[f64; 3]) -> [f64; 3] {
        let (y, push) = linearize(@i, x);
        push([0.5, -0.3, 0.8]) + push(y)
    }";
    linear_transpose, Against::Pull, "fn @n(x: &[f64; 3]) -> [f64; 3] {
        linear_transpose(|t| jvp(@i, (x,), (t,)).1, x)([0.5, -0.3, 0.8]).0
    }";
    jacfwd, Against::Push, "fn @n(x: &[f64; 3]) -> [f64; 3] { matmul(jacfwd(@i)(x), [0.5, -0.3, 0.8]) }";
    jacrev, Against::Pull, "fn @n(x: &[f64; 3]) -> [f64; 3] { matmul([0.5, -0.3, 0.8], jacrev(@i)(x)) }";
    hessian, Against::SecondOrder, "fn @n(x: &[f64; 3]) -> [f64; 3] {
        matmul(hessian(|x| sum(@i(x) * [0.5, -0.3, 0.8]))(x), [0.5, -0.3, 0.8])
    }";
    hvp, Against::SecondOrder, "fn @n(x: &[f64; 3]) -> [f64; 3] {
        hvp(|x| sum(@i(x) * [0.5, -0.3, 0.8]))(x, [0.5, -0.3, 0.8])
    }";
    vmap, Against::Calls(|f, x| axpy(1.0, &f(x), 1.0, &f(&times(0.5, x)))), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        sum(vmap(@i)(outer([1.0, 0.5], x)), axis = 0)
    }";
    vmap_over_columns, Against::Calls(|f, x| axpy(1.0, &f(x), -0.5, &f(&times(0.7, x)))), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        matmul(vmap(@i, in_axes = -1, out_axes = 1)(outer(x, [1.0, 0.7])), [1.0, -0.5])
    }";
    vmap_over_one, Against::Calls(|f, x| axpy(1.0, &f(x), 0.3, &f(x))), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        sum(vmap(|a, x| a * @i(x), in_axes = (0, None), out_axes = -1)([1.0, 0.3] as f64, x), axis = -1)
    }";
    vmap_over_a_tree, Against::Calls(|f, x| {
        let shift = if x[1] > 0.0 { 0.0 } else { 0.1 };
        axpy(0.5, &f(&times(0.9, x)), -0.4, &f(&times(0.54, x))).iter().map(|y| y + shift).collect()
    }), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        let f = |t, k| (t.1.1 * @i(t.0 * t.1.0), k);
        let args = (outer(x, [1.0, 0.6]), (0.9 * ones((), dtype = f64), [0.5, 0.8] as f64));
        let (ys, k) = vmap(f, in_axes = ((-1, (None, 0)), None), out_axes = (-1, None))(args, x[1] > 0.0);
        matmul(ys, [1.0, -0.5]) + where_(k, 0.0, 0.1)
    }";
    vmap_with_a_name, Against::Calls(|f, x| {
        let (a, b) = (f(x), f(&times(0.5, x)));
        let row = |x: f64, a: f64, b: f64| {
            let t = 1.5 * x;
            0.5 * (a + b) + 0.2 * a.max(b) * (t * a).min(t * b) + 0.1 * b * x + 0.2 * a * x
        };
        (0..3).map(|i| row(x[i], a[i], b[i])).collect()
    }), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        let row = |x| {
            let y = @i(x);
            let other = all_gather(y, \"rows\")[1 - axis_index(\"rows\")];
            let extremes = pmax(y, \"rows\") * pmin(psum(x, \"rows\") * y, \"rows\");
            y - 0.5 * pmean(y, \"rows\") + 0.1 * extremes + 0.2 * other * lax::ppermute(x, \"rows\", ((0, 1), (1, 0)))
        };
        sum(vmap(row, axis_name = \"rows\")(outer([1.0, 0.5], x)), axis = 0)
    }";
    checkpoint, Against::Itself, "fn @n(x: &[f64; 3]) -> [f64; 3] { checkpoint(@i)(x) }";
    custom_jvp, Against::Itself, "fn @n_rule(x: ([f64; 3],), t: ([f64; 3],)) -> ([f64; 3], [f64; 3]) { jvp(@i, x, t) }
    #[custom_jvp(@n_rule)]
    fn @n(x: &[f64; 3]) -> [f64; 3] { @i(x) }";
    custom_vjp, Against::Itself, "fn @n_fwd(x: &[f64; 3]) -> ([f64; 3], [f64; 3]) { (@i(x), x) }
    fn @n_bwd(x: [f64; 3], ct: [f64; 3]) -> ([f64; 3],) { vjp(@i, (x,)).1(ct) }
    #[custom_vjp(@n_fwd, @n_bwd)]
    fn @n(x: &[f64; 3]) -> [f64; 3] { @i(x) }";
    custom_vmap, Against::Itself, "fn @n_rule<Y>(n: usize, in_batched: (bool,), x: Y) -> (Y, bool) { (map(@i, x), true) }
    #[custom_vmap(@n_rule)]
    fn @n(x: &[f64; 3]) -> [f64; 3] { @i(x) }";
    all_rules, Against::Itself, "fn @n_rule(x: ([f64; 3],), t: ([f64; 3],)) -> ([f64; 3], [f64; 3]) { jvp(@i, x, t) }
    fn @n_fwd(x: &[f64; 3]) -> ([f64; 3], [f64; 3]) { (@i(x), x) }
    fn @n_bwd(x: [f64; 3], ct: [f64; 3]) -> ([f64; 3],) { vjp(@i, (x,)).1(ct) }
    fn @n_mapped<Y>(n: usize, in_batched: (bool,), x: Y) -> (Y, bool) { (map(@i, x), true) }
    #[custom_vmap(@n_mapped)]
    #[custom_jvp(@n_rule)]
    #[custom_vjp(@n_fwd, @n_bwd)]
    fn @n(x: &[f64; 3]) -> [f64; 3] { @i(x) }";
    custom_root, Against::Calls(|f, x| {
        let r = f(x);
        (0..20).fold(r.clone(), |y, _| r.iter().zip(&y).map(|(r, y)| r - 0.1 * y.sin()).collect())
    }), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        let r = @i(x);
        let solve = |f, y| fori_loop(0, 14, |i, y| y - f(y), y);
        custom_root(|y| y + 0.1 * sin(y) - r, r, solve, |push, b| b / push(ones((3,), dtype = f64)))
    }";
    custom_linear_solve, Against::Calls(|f, x| {
        let (r, d) = (f(x), x.iter().map(|x| 2.0 + x * x).collect::<Vec<_>>());
        (0..30).fold(r.clone(), |y, _| (0..3).map(|i| (r[i] - 0.3 * y[(i + 2) % 3]) / d[i]).collect())
    }), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        let d = 2.0 + x * x;
        let solve = |f, b| fori_loop(0, 18, |i, v| v + (b - f(v)) / d, b / d);
        custom_linear_solve(|v| d * v + 0.3 * roll(v, 1), @i(x), solve, solve)
    }";
    jet, Against::Calls(|f, x| {
        let h = 4e-3;
        let at = |n: f64| f(&axpy(1.0, x, n * h, &W));
        let pair = |n: f64| axpy(1.0, &at(n), 1.0, &at(-n));
        let slope = |n: f64| axpy(1.0, &at(n), -1.0, &at(-n));
        let first = axpy(1.0, &axpy(45.0, &slope(1.0), -9.0, &slope(2.0)), 1.0, &slope(3.0));
        let second = axpy(1.0, &axpy(270.0, &pair(1.0), -27.0, &pair(2.0)), 1.0, &axpy(2.0, &pair(3.0), -490.0, &at(0.0)));
        axpy(1.0 / (60.0 * h), &first, 0.3 / (180.0 * h * h), &second)
    }), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        let (_, terms) = jet(@i, (x,), (([0.5, -0.3, 0.8], 0.0 * x),));
        terms.0 + 0.3 * terms.1
    }";
    checkpoint_every, Against::Calls(|f, x| {
        (0..3).fold(x.to_vec(), |c, _| axpy(0.4, &c, 0.5, &f(&c)))
    }), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        let mut c = x;
        #[checkpoint(every = 2)]
        for _ in 0..3 {
            c = 0.4 * c + 0.5 * @i(c);
        }
        c
    }";
    scan, Against::Calls(|f, x| {
        let a = axpy(0.5, x, 0.8, &f(x));
        let b = axpy(0.5, &a, 0.4, &f(&a));
        axpy(1.0, &b, 1.0, &axpy(0.8, &a, 0.4, &b))
    }), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        let (last, all) = scan(|c, a| { let c = 0.5 * c + a * @i(c); (c, a * c) }, x, [0.8, 0.4] as f64);
        last + sum(all, axis = 0)
    }";
    fori_loop, Against::Calls(|f, x| {
        let a = axpy(0.4, x, 0.5, &f(x));
        axpy(0.4, x, 0.5, &f(&a))
    }), "fn @n(x: &[f64; 3]) -> [f64; 3] { fori_loop(0, 2, |i, c| 0.4 * x + 0.5 * @i(c), x) }";
    bounded_while, Against::Calls(|f, x| {
        let a = axpy(0.5, x, 0.4, &f(x));
        axpy(0.5, &a, 0.4, &f(&a))
    }), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        let mut c = x;
        let mut n = (x[0] > 9.0) as i32;
        #[bound(3)]
        while n < 2 {
            c = 0.5 * c + 0.4 * @i(c);
            n += 1;
        }
        c
    }";
    while_loop, Against::Calls(|f, x| {
        let a = axpy(0.5, x, 0.4, &f(x));
        axpy(0.5, &a, 0.4, &f(&a))
    }), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        while_loop(|c| c.1 < 2, |c| (0.5 * c.0 + 0.4 * @i(c.0), c.1 + 1), (x, (x[0] > 9.0) as i32)).0
    }";
    cond, Against::Calls(|f, x| if x[0] > 0.1 { f(x) } else { axpy(0.6, x, 0.5, &f(&times(0.8, x))) }),
    "fn @n(x: &[f64; 3]) -> [f64; 3] { cond(x[0] > 0.1, @i, |x| 0.6 * x + 0.5 * @i(0.8 * x), x) }";
    switch, Against::Calls(|f, x| match (x[1] > 0.0) as i32 + (x[2] > 0.0) as i32 {
        0 => f(x),
        1 => times(0.5, &f(&times(0.9, x))),
        _ => x.iter().map(|x| x.sin()).collect(),
    }),
    "fn @n(x: &[f64; 3]) -> [f64; 3] {
        switch((x[1] > 0.0) as i32 + (x[2] > 0.0) as i32, (@i, |x| 0.5 * @i(0.9 * x), |x| sin(x)), x)
    }";
    map, Against::Calls(|f, x| axpy(1.0, &f(x), -1.0, &f(&times(0.4, x)))), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        let ys = map(@i, outer([1.0, 0.4], x));
        ys[0] - ys[1]
    }";
    associative_scan, Against::Calls(|f, x| {
        let (a, b) = (f(x), f(&times(0.5, x)));
        (0..3).map(|i| { let p = 1.0 + 0.3 * a[i]; p + p * (1.0 + 0.2 * b[i]) }).collect()
    }), "fn @n(x: &[f64; 3]) -> [f64; 3] {
        sum(associative_scan(|a, b| a * b, stack((1.0 + 0.3 * @i(x), 1.0 + 0.2 * @i(0.5 * x)))), axis = 0)
    }";
}

/// The number of a transformation.
pub fn transformation(name: &str) -> usize {
    TRANSFORMATIONS.iter().position(|t| t.name == name).unwrap_or_else(|| panic!("no transformation {name}"))
}

/// What tracing makes of a cell.
pub enum Outcome {
    Done(Graph),
    /// The message.
    Refused(String),
}

/// A program under transformations, the innermost first, as text.
pub fn source(program: &str, stack: &[&str]) -> String {
    let program = PROGRAMS.iter().find(|p| p.name == program).unwrap_or_else(|| panic!("no program {program}"));
    let mut out = program.source.to_string();
    for (n, name) in stack.iter().enumerate() {
        let level = TRANSFORMATIONS[transformation(name)].source;
        out.push('\n');
        out.push_str(&level.replace("@n", &format!("f{}", n + 1)).replace("@i", &format!("f{n}")));
    }
    out
}

/// Traces a cell.
pub fn trace(program: &str, stack: &[&str]) -> Outcome {
    let source = source(program, stack);
    let unit = common::unit(&source).unwrap_or_else(|e| panic!("{e}\n{source}"));
    let (items, spans) = parse_items(&unit);
    match trace_entry(&items, &spans.map(), &unit.entry) {
        Entry::Done(traced) => Outcome::Done(traced.graph),
        Entry::Errors(diags) => Outcome::Refused(diags.iter().map(|d| d.text()).collect::<Vec<_>>().join("\n")),
        Entry::NeedBodies(m) => Outcome::Refused(format!("bodies are missing: {m:?}")),
        Entry::NeedMethods(m) => Outcome::Refused(format!("methods are missing: {m:?}")),
    }
}
