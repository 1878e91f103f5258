//! Programs as users write them: networks and their optimisers, filters, control, geometry, and the forms of the page.
#![no_std]
#![deny(warnings)]
#![forbid(unsafe_code)]
use kiln::prelude::*;

pub mod nets {
    use super::*;
    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Dense<const I: usize, const O: usize> {
        pub w: [[f32; I]; O],
        pub b: [f32; O],
    }
    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Net {
        pub first: Dense<3, 4>,
        pub hidden: [Dense<4, 4>; 2],
        pub last: Dense<4, 2>,
    }
    #[jit(inline)]
    impl<const I: usize, const O: usize> Dense<I, O> {
        pub fn apply(&self, x: &[f32; I]) -> [f32; O] {
            matmul(self.w, x) + self.b
        }
    }
    #[jit]
    impl Net {
        pub fn logits(&self, x: &[f32; 3]) -> [f32; 2] {
            let mut h = tanh(self.first.apply(x));
            for layer in &self.hidden {
                h = relu(layer.apply(&h));
            }
            for i in 0..2 {
                h = h + self.hidden[i].apply(&h);
            }
            self.last.apply(&h)
        }
        pub fn loss(&self, xs: &[[f32; 3]; 5], ys: &[i32; 5]) -> f32 {
            let z = vmap(|x| self.logits(x))(xs);
            -mean(take_along_axis(log_softmax(z), ys, axis = 1))
        }
    }
    #[derive(Clone, Debug, Tree)]
    pub struct Adam {
        pub m: Net,
        pub v: Net,
        pub t: i32,
    }
    #[jit]
    pub fn adam(p: &mut Net, s: &mut Adam, xs: &[[f32; 3]; 5], ys: &[i32; 5], lr: f32) -> f32 {
        let (l, g) = value_and_grad(|p: &Net| p.loss(xs, ys))(p);
        s.t += 1;
        s.m = 0.9 * s.m + 0.1 * g;
        s.v = 0.999 * s.v + 0.001 * (g * g);
        let t = s.t as f32;
        let (c1, c2) = (1.0 - 0.9f32.powf(t), 1.0 - 0.999f32.powf(t));
        *p = tree_map(|p, m, v| p - lr * (m / c1) / (sqrt(v / c2) + 1e-8), p, s.m, s.v);
        l
    }
    #[jit]
    pub fn momentum(p: &mut Net, vel: &mut Net, xs: &[[f32; 3]; 5], ys: &[i32; 5]) -> f32 {
        let (l, g) = value_and_grad(Net::loss)(p, xs, ys);
        *vel = *vel * 0.9 + g;
        *p -= 0.1 * *vel;
        l
    }
    #[jit]
    pub fn clip_norm(g: &Net, most: f32) -> Net {
        let norm = sqrt(tree::reduce(|a, b| a + b, tree_map(|x| sum(x * x), g)));
        *g * minimum(1.0, most / norm)
    }
}

pub mod recurrent {
    use super::*;
    #[derive(Clone, Debug, Tree)]
    pub struct Gru {
        pub wz: [[f32; 6]; 4],
        pub wr: [[f32; 6]; 4],
        pub wh: [[f32; 6]; 4],
    }
    #[jit]
    impl Gru {
        fn step(&self, h: [f32; 4], x: [f32; 2]) -> [f32; 4] {
            let hx = concatenate((h, x));
            let z = sigmoid(self.wz.dot(hx));
            let r = sigmoid(self.wr.dot(hx));
            let n = tanh(self.wh.dot(concatenate([r * h, x])));
            (1.0 - z) * h + z * n
        }
        pub fn run(&self, xs: &[[f32; 2]; 7]) -> ([f32; 4], [[f32; 4]; 7]) {
            scan(
                |h, x| {
                    let h = self.step(h, x);
                    (h, h)
                },
                zeros((4,)),
                xs,
            )
        }
        pub fn last(&self, xs: &[[f32; 2]; 7]) -> [f32; 4] {
            let mut h = [0.0; 4];
            for x in xs {
                h = self.step(h, x);
            }
            h
        }
        pub fn energy(&self, xs: &[[f32; 2]; 7]) -> f32 {
            sum(self.last(xs) * self.last(xs))
        }
    }
    #[jit]
    pub fn learn(p: &mut Gru, xs: &[[f32; 2]; 7]) -> f32 {
        let (l, g) = value_and_grad(Gru::energy)(p, xs);
        *p -= 0.01 * g;
        l
    }
    #[jit]
    pub fn lstm(w: &[[f32; 5]; 8], xs: &[[f32; 3]; 4]) -> [f32; 2] {
        let (mut h, mut c) = (zeros(2), zeros((2,)));
        for x in xs.iter() {
            let gates = matmul(w, concatenate((h, x)));
            let [i, f, g, o] = split(gates, 4);
            c = sigmoid(f) * c + sigmoid(i) * tanh(g);
            h = sigmoid(o) * tanh(c);
        }
        h
    }
}

pub mod estimation {
    use super::*;
    #[derive(Clone, Debug, Tree)]
    pub struct Kalman<const N: usize> {
        pub x: [f32; N],
        pub p: [[f32; N]; N],
    }
    #[jit(inline)]
    pub fn predict<const N: usize>(k: &mut Kalman<N>, f: impl Fn([f32; N]) -> [f32; N], q: &[[f32; N]; N]) {
        let j = jacfwd(&f)(k.x);
        k.x = f(k.x);
        k.p = j.dot(k.p).dot(j.T()) + q;
    }
    #[jit(inline)]
    pub fn update<const N: usize, const M: usize>(
        k: &mut Kalman<N>,
        h: impl Fn([f32; N]) -> [f32; M],
        z: &[f32; M],
        r: &[[f32; M]; M],
    ) -> [f32; M] {
        let jac = jacrev(h)(k.x);
        let innovation = z - h(k.x);
        let s = matmul(matmul(jac, k.p), transpose(jac)) + r;
        let gain = linalg::solve(s, jac.dot(k.p)).T();
        k.x += gain.dot(innovation);
        k.p = (eye(N) - gain.dot(jac)).dot(k.p);
        innovation
    }
}

pub mod control {
    use super::*;
    #[jit]
    pub fn cost(u: &[f32; 10], x0: [f32; 2]) -> f32 {
        let mut x = x0;
        let mut j = 0.0;
        let dt = 0.1;
        for k in 0..10 {
            x[0] += dt * x[1];
            x[1] += dt * (u[k] - x[0].sin());
            j += x[0] * x[0] + 0.1 * x[1].powi(2) + 0.01 * u[k] * u[k];
        }
        j + 10.0 * x[0] * x[0]
    }
    #[jit]
    pub fn mpc(x0: [f32; 2], u: &mut [f32; 10]) -> f32 {
        for _ in 0..50 {
            let g = grad(cost)(u, x0);
            *u = clip(*u - 0.05 * g, -2.0, 2.0);
        }
        let first = u[0];
        *u = roll(*u, -1);
        u[9] = 0.0;
        first
    }
    #[jit]
    pub fn gauss_newton(t: &[f32; 8], y: &[f32; 8]) -> [f32; 2] {
        let model = |p: [f32; 2]| p[0] * exp(-p[1] * t);
        let residual = |p| model(p) - y;
        let mut p = [1.0, 0.1];
        let mut lambda = 1e-2;
        for _ in 0..20 {
            let r = residual(p);
            let j = jacfwd(residual)(p);
            let a = j.T().dot(j);
            let step = linalg::solve(a + lambda * diag(diag(a)), j.T().dot(r));
            let trial = p - step;
            if sum(square(residual(trial))) < sum(square(r)) {
                p = trial;
                lambda *= 0.5;
            } else {
                lambda *= 4.0;
            }
        }
        p
    }
    #[jit]
    pub fn implicit(a: f32) -> f32 {
        let f = |x: f32| x * x * x - a;
        let mut x = a;
        #[bound(40)]
        while f(x).abs() > 1e-6 {
            x = x - f(x) / grad(f)(x);
        }
        x
    }
    #[jit]
    pub fn d_implicit(a: f32) -> f32 {
        grad(implicit)(a)
    }
    #[jit]
    pub fn kmeans(x: &[[f32; 2]; 12], c: &mut [[f32; 2]; 3]) -> [i32; 12] {
        let mut label = zeros(12, dtype = i32);
        for _ in 0..5 {
            let d = sum(square(x[(.., None, ..)] - *c), axis = 2);
            label = argmin(d, axis = 1);
            for k in 0..3 {
                let mine = (label == k).astype(f32);
                let n = maximum(sum(mine), 1.0);
                c[k] = matmul(mine, x) / n;
            }
        }
        label
    }
    #[jit]
    pub fn ray_march(o: [f32; 3], d: [f32; 3]) -> (f32, bool) {
        let sdf = |p: [f32; 3]| (linalg::norm(p) - 1.0).min(p[1] + 1.0);
        let mut t = 0.0;
        let mut hit = false;
        for _ in 0..64 {
            let p = o + t * d;
            let s = sdf(p);
            if s < 1e-3 {
                hit = true;
                break;
            }
            if t > 20.0 {
                break;
            }
            t += s;
        }
        (t, hit)
    }
    #[jit]
    pub fn normal(p: [f32; 3]) -> [f32; 3] {
        let n = grad(|p| linalg::norm(p) - 1.0)(p);
        n / linalg::norm(n)
    }
    #[jit]
    pub fn madgwick(q: &mut [f32; 4], gyro: &[f32; 3], acc: &[f32; 3], dt: f32) {
        let [w, x, y, z] = *q;
        let a = *acc / linalg::norm(acc);
        let objective = |q: [f32; 4]| {
            let [w, x, y, z] = q;
            [2.0 * (x * z - w * y) - a[0], 2.0 * (w * x + y * z) - a[1], 2.0 * (0.5 - x * x - y * y) - a[2]]
        };
        let step = vjp(objective, (*q,)).1(objective(*q)).0;
        let step = step / (linalg::norm(step) + 1e-9);
        let [gx, gy, gz] = *gyro;
        let rate = 0.5
            * array([
                -x * gx - y * gy - z * gz,
                w * gx + y * gz - z * gy,
                w * gy - x * gz + z * gx,
                w * gz + x * gy - y * gx,
            ]);
        *q += (rate - 0.1 * step) * dt;
        *q /= linalg::norm(*q);
    }
    #[jit]
    pub fn monte_carlo(seed: u32) -> f32 {
        let key = random::key(seed);
        let p = random::uniform(key, (256, 2));
        4.0 * mean((sum(p * p, axis = 1) < 1.0).astype(f32))
    }
    #[jit]
    pub fn walk(seed: u32) -> [f32; 8] {
        let mut key = random::key(seed);
        let mut x = 0.0;
        let mut path = [0.0; 8];
        for i in 0..8 {
            let (next, sub) = random::split(key);
            key = next;
            x += random::normal(sub);
            path[i] = x;
        }
        path
    }
}

pub mod forms {
    use super::*;
    #[jit]
    pub fn indexing(
        x: &[[f32; 4]; 3],
        i: i32,
        idx: &[u8; 5],
    ) -> ([f32; 4], f32, [f32; 3], [[f32; 2]; 2], [f32; 5], [[f32; 4]; 3]) {
        let mut y = *x;
        y[(.., 1)] += 1.0;
        y[(i, ..)] = [9.0; 4];
        y[0][2..] *= 2.0;
        y[(1..3, 0)] -= 5.0;
        y[(0, idx)] += 0.5;
        (x[i], x[(i, 2)], x[(.., i)], x[(1.., 1..3)], x[0][idx], y)
    }
    #[jit]
    pub fn keyword(x: &[[f32; 4]; 3]) -> ([[f32; 1]; 3], f32, [f32; 3], [[f32; 3]; 4]) {
        (sum(x, axis = 1, keepdims = true), x.mean(), x.max(axis = 1), einsum("ij->ji", x))
    }
    #[jit]
    pub fn shapes<const N: usize>(x: [[f32; N]; 3]) -> f32 {
        let (r, c) = x.shape();
        let n = x.len();
        if r == n && c > 2 { sum(x) / (r * c) as f32 } else { 0.0 }
    }
    kiln::instantiate!(pub fn shapes_4 = shapes::<4>);
    #[jit]
    pub fn mixed(a: i8, b: u64, c: bool, h: f32) -> (i8, u64, bool, i32, f32) {
        let d = (a as i32) << 3 | c as i32;
        (a.wrapping_mul(3), b ^ (b >> 7), !c && h > 0.0, d % 7, if c { h } else { -h } * 2.0)
    }
    #[jit]
    pub fn checked(x: &[f32; 3]) -> Result<f32, kiln::CheckError> {
        let s = sum(x);
        check!(s > 0.0, "sum {:?} of {:.2}", s, x[0]);
        let n = half(s)?;
        Ok(n.sqrt())
    }
    #[jit]
    fn half(x: f32) -> Result<f32, kiln::CheckError> {
        check!(x < 100.0, "too large: {x}");
        Ok(x * 0.5)
    }
    #[jit]
    #[custom_jvp(safe_norm_rule)]
    pub fn safe_norm(x: [f32; 3]) -> f32 {
        sqrt(sum(x * x))
    }
    #[jit(inline)]
    fn safe_norm_rule((x,): ([f32; 3],), (dx,): ([f32; 3],)) -> (f32, f32) {
        let n = safe_norm(x);
        (n, where_(n > 0.0, x.dot(dx) / maximum(n, 1e-12), 0.0))
    }
    #[jit]
    pub fn d_safe_norm(x: [f32; 3]) -> [f32; 3] {
        grad(safe_norm)(x)
    }
    #[jit(workspace = "static")]
    pub fn with_static(x: &[f32; 32]) -> f32 {
        let y = cumsum(*x);
        max(y - flip(y))
    }
    #[jit(workspace = "caller")]
    pub fn with_caller(x: &[f32; 32]) -> f32 {
        let y = cumsum(*x);
        max(y - flip(y))
    }
    #[jit(unfused)]
    pub fn unfused(x: &[f32; 4]) -> f32 {
        let a = x * 2.0;
        let b = a + 1.0;
        sum(b)
    }
    #[jit(debug_nans)]
    pub fn nans(x: f32) -> Result<f32, kiln::CheckError> {
        Ok(x.ln())
    }
    #[jit(ram = "2 KiB", fast)]
    pub fn fast(x: &[f32; 64], w: &[[f32; 64]; 8]) -> [f32; 8] {
        softmax(matmul(w, x))
    }
    #[jit]
    pub fn complex(x: &[f32; 4]) -> f32 {
        let z = Complex::new(x[0], x[1]) * Complex::new(x[2], x[3]);
        z.re + z.im
    }
    #[jit]
    pub fn nested(x: f32) -> f32 {
        grad(|x| grad(|y| x * y * y * y)(x))(x)
    }
    #[jit]
    pub fn per_example(w: &[f32; 3], xs: &[[f32; 3]; 4], ys: &[f32; 4]) -> [[f32; 3]; 4] {
        let loss = |w, x, y| (dot(w, x) - y).powi(2);
        vmap(grad(loss), in_axes = (None, 0, 0))(w, xs, ys)
    }
    #[jit]
    pub fn staircase(x: &[f32; 6]) -> [f32; 6] {
        let f = |v: f32| {
            if v > 3.0 {
                v * 10.0
            } else if v > 1.0 {
                v
            } else {
                0.0
            }
        };
        vmap(f)(x)
    }
    #[jit]
    pub fn triangular(l: &[[f32; 4]; 4], b: &[f32; 4]) -> [f32; 4] {
        let mut x = [0.0; 4];
        for i in 0..4 {
            let mut s = b[i];
            for j in 0..i {
                s -= l[i][j] * x[j];
            }
            x[i] = s / l[i][i];
        }
        x
    }
    #[jit]
    pub fn d_triangular(l: &[[f32; 4]; 4], b: &[f32; 4]) -> [f32; 4] {
        grad(|b| sum(triangular(l, b)))(b)
    }
    #[jit]
    pub fn d_break(x: &[f32; 6]) -> [f32; 6] {
        grad(|x| {
            let mut s = 0.0;
            for v in x {
                if s > 4.0 {
                    break;
                }
                s += v * v;
            }
            s
        })(x)
    }
    pub static WEIGHTS: [f32; 4] = [1.0, 2.0, 3.0, 4.0];
    #[jit]
    pub fn by_static(w: &[f32; 4], x: f32) -> f32 {
        sum(w * x)
    }
}

#[test]
fn values() {
    use forms::*;
    assert_eq!(by_static(&WEIGHTS, 2.0), 20.0);
    assert!((control::d_implicit(8.0) - 1.0 / 12.0).abs() < 1e-4);
    assert_eq!(nested(2.0), 3.0 * 3.0 * 4.0);
    assert_eq!(staircase(&[0.0, 2.0, 4.0, 1.0, 3.0, 9.0]), [0.0, 2.0, 40.0, 0.0, 3.0, 90.0]);
    assert_eq!(
        triangular(
            &[[2.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 4.0, 0.0], [1.0, 1.0, 1.0, 1.0]],
            &[2.0, 3.0, 10.0, 8.0]
        ),
        [1.0, 2.0, 2.0, 3.0]
    );
    let g = d_triangular(
        &[[2.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 4.0, 0.0], [1.0, 1.0, 1.0, 1.0]],
        &[2.0, 3.0, 10.0, 8.0],
    );
    assert_eq!(g, [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(d_break(&[1.0, 1.0, 2.0, 3.0, 4.0, 5.0]), [2.0, 2.0, 4.0, 0.0, 0.0, 0.0]);
    assert_eq!(d_safe_norm([0.0; 3]), [0.0; 3]);
    assert_eq!(checked(&[1.0, 2.0, 5.0]).unwrap(), 2.0);
    assert!(checked(&[-1.0, 0.0, 0.0]).is_err() && checked(&[400.0, 0.0, 0.0]).is_err() && nans(-1.0).is_err());
    let mut ws = with_caller::Workspace::new();
    let x: [f32; 32] = core::array::from_fn(|i| i as f32);
    assert_eq!(with_caller(&x, &mut ws), with_static(&x));
    let mut ws = unfused::Workspace::new();
    assert_eq!(unfused::with(&mut ws, &[1.0; 4]), 12.0);
    assert!(fast::RAM_BYTES <= 2048 && shapes_4::FLOPS > 0 && !complex::GRAPH.is_empty());
    assert_eq!(complex(&[1.0, 2.0, 3.0, 4.0]), (3.0 - 8.0) + (4.0 + 6.0));
    assert_eq!(
        indexing(&[[1.0; 4]; 3], 2, &[0, 1, 1, 3, 2]).5,
        [[1.5, 3.0, 2.5, 2.5], [-4.0, 2.0, 1.0, 1.0], [4.0, 9.0, 9.0, 9.0]]
    );
    let (t, hit) = control::ray_march([0.0, 0.0, -3.0], [0.0, 0.0, 1.0]);
    assert!(hit && (t - 2.0).abs() < 2e-3);
    let p = control::gauss_newton(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], &DECAY);
    assert!((p[0] - 2.0).abs() < 1e-2 && (p[1] - 0.5).abs() < 1e-2, "{p:?}");
    let mut u = [0.0; 10];
    assert!(control::mpc([1.0, 0.0], &mut u) < 0.0);
}

/// `2 exp(-t / 2)`.
const DECAY: [f32; 8] = [2.0, 1.2130613, 0.73575888, 0.44626032, 0.27067057, 0.16417, 0.09957414, 0.060394767];

pub mod library {
    use kiln::prelude::*;
    pub mod inner {
        use super::*;
        #[jit]
        pub fn twice(x: f32) -> f32 {
            hidden(x) * 2.0
        }
        #[jit(inline)]
        fn hidden(x: f32) -> f32 {
            x + 0.5
        }
        #[derive(Clone, Debug, PartialEq, Tree)]
        pub struct Gain {
            pub k: f32,
        }
        #[jit]
        impl Gain {
            pub fn of(&self, x: f32) -> f32 {
                self.k * twice(x)
            }
            pub fn unit() -> Gain {
                Gain { k: 1.0 }
            }
        }
        #[jit]
        pub const LIMIT: f32 = 4.0;
    }
    pub use inner::Gain;
    pub use inner::{LIMIT as CEILING, twice as doubled};
}
mod app {
    use super::library::inner as lib;
    use super::library::*;
    use kiln::prelude::*;
    #[jit]
    pub fn f(x: f32) -> f32 {
        minimum(doubled(x) + lib::twice(x) + Gain { k: 2.0 }.of(x) + Gain::unit().of(1.0), CEILING * 10.0)
    }
    #[jit]
    pub fn g(n: &Gain, x: f32) -> f32 {
        let f = |x| n.of(x);
        grad(f)(x) + jvp(f, (x,), (1.0,)).1
    }
    #[jit]
    pub mod all {
        pub fn a(x: f32) -> f32 {
            b(x) + C
        }
        fn b(x: f32) -> f32 {
            x * 3.0
        }
        pub const C: f32 = 1.5;
        pub struct Unused;
    }
}
#[test]
fn modules() {
    assert_eq!(app::f(1.0), 3.0 + 3.0 + 6.0 + 3.0);
    assert_eq!(app::g(&library::Gain { k: 2.0 }, 1.0), 8.0);
    assert_eq!(app::all::a(2.0), 7.5);
}

mod dtypes {
    use kiln::prelude::*;
    #[jit]
    pub fn h(x: &[f16; 3], y: &[bf16; 3]) -> (f16, f32, [bf16; 3]) {
        (sum(x) * 2.0, sum(x.astype(f32) * y.astype(f32)), y * 0.5)
    }
    #[jit]
    pub fn q(w: &[[i8; 4]; 3], x: &[i8; 4], b: &[i32; 3], m: i32) -> [i8; 3] {
        let acc = matmul(w.astype(i32), x.astype(i32)) + b;
        let y = (acc as i64 * m as i64 + (1 << 15)) >> 16;
        clip(y, -128, 127) as i8
    }
    #[jit]
    pub fn dft(x: &[f32; 8]) -> [f32; 8] {
        let mut power = [0.0; 8];
        for k in 0..8 {
            let mut z = Complex::new(0.0, 0.0);
            for n in 0..8 {
                let t = -2.0 * core::f32::consts::PI * (k * n) as f32 / 8.0;
                z += x[n] * Complex::new(t.cos(), t.sin());
            }
            power[k] = z.re * z.re + z.im * z.im;
        }
        power
    }
    #[jit]
    pub fn stats(x: &[f64; 5]) -> (f64, f64, i32, bool) {
        (mean(x), std(x), argmax(x), all(x > 0.0))
    }
    #[test]
    fn values() {
        let (a, b, c) = h(&[f16::ONE; 3], &[bf16::ONE; 3]);
        assert_eq!((a.to_f32(), b, c[0].to_f32()), (6.0, 3.0, 0.5));
        assert_eq!(q(&[[1, 2, 3, 4], [-100; 4], [100; 4]], &[1, 2, 3, 100], &[0, 5, 5], 1 << 14), [104, -128, 127]);
        let p = dft(&[1.0, 0.0, -1.0, 0.0, 1.0, 0.0, -1.0, 0.0]);
        assert!((p[2] - 16.0).abs() < 1e-3 && p[1].abs() < 1e-3);
        assert_eq!(stats(&[1.0, 2.0, 3.0, 4.0, 5.0]).0, 3.0);
    }
}
