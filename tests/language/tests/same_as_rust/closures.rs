both! {
    closures {
        pub fn plain(x: f32, k: f32) -> f32 {
            let f = |v| v * k + 1.0;
            let g = |v: f32| -> f32 {
                let t = f(v);
                t * t
            };
            let h = move |a: f32, b: f32| a * k - b;
            f(x) + g(x) + h(x, 2.0)
        }
        pub fn counting(x: &[f32; 6]) -> (f32, i32) {
            let mut total = 0.0;
            let mut n = 0;
            let mut add = |v: f32| {
                total += v;
                n += 1;
            };
            add(x[0]);
            for v in x {
                if *v > 2.0 {
                    add(*v);
                }
            }
            for i in 0..6 {
                add(x[i] * 0.5);
            }
            (total, n)
        }
        pub fn by_mut(x: f32) -> f32 {
            let push = |s: &mut f32, v: f32| {
                *s = *s * 0.5 + v;
            };
            let mut s = x;
            push(&mut s, 1.0);
            for i in 0..4 {
                push(&mut s, i as f32);
            }
            s
        }
        pub fn compose(x: f32) -> f32 {
            let f = |v| v + 3.0;
            let twice = |v: f32| f(f(v));
            twice(x)
        }
        fn apply<F: Fn(f32) -> f32>(f: F, x: f32) -> f32 {
            f(x)
        }
        fn apply2(f: impl Fn(f32, f32) -> f32, g: &impl Fn(f32) -> f32, x: f32) -> f32 {
            f(g(x), x)
        }
        fn apply3<F>(x: f32, f: F) -> f32
        where
            F: Fn(f32) -> f32,
        {
            f(f(x))
        }
        pub fn higher(x: f32) -> f32 {
            let k = 2.5;
            apply(|v| v * k, x)
                + apply2(|a, b| a - b, &|v| v * v, x)
                + apply3(x, |v| if v > 0.0 { v } else { -v })
                + apply(double, x)
        }
        fn double(x: f32) -> f32 {
            x + x
        }
        fn rk4<const N: usize>(f: impl Fn(f32, [f32; N]) -> [f32; N], t: f32, y: [f32; N], h: f32) -> [f32; N] {
            let mut tmp = y;
            let k1 = f(t, y);
            for i in 0..N {
                tmp[i] = y[i] + 0.5 * h * k1[i];
            }
            let k2 = f(t + 0.5 * h, tmp);
            for i in 0..N {
                tmp[i] = y[i] + 0.5 * h * k2[i];
            }
            let k3 = f(t + 0.5 * h, tmp);
            for i in 0..N {
                tmp[i] = y[i] + h * k3[i];
            }
            let k4 = f(t + h, tmp);
            let mut out = y;
            for i in 0..N {
                out[i] += h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
            }
            out
        }
        pub fn pendulum(theta: f32, damping: f32) -> [f32; 2] {
            let g = 9.81;
            let ode = |_t: f32, [th, om]: [f32; 2]| [om, -g * th - damping * om];
            let mut y = [theta, 0.0];
            let h = 0.01;
            for k in 0..100 {
                y = rk4(&ode, k as f32 * h, y, h);
            }
            y
        }
        fn bisect(f: impl Fn(f32) -> f32, lo: f32, hi: f32) -> f32 {
            let (mut lo, mut hi) = (lo, hi);
            for _ in 0..30 {
                let mid = 0.5 * (lo + hi);
                if f(mid) * f(lo) <= 0.0 {
                    hi = mid;
                } else {
                    lo = mid;
                }
            }
            0.5 * (lo + hi)
        }
        pub fn root(c: f32) -> f32 {
            bisect(|x| x * x * x - c, 0.0, c)
        }
        pub fn simpson(a: f32, b: f32) -> f32 {
            let f = |x: f32| 1.0 / (1.0 + x * x);
            let n = 16;
            let h = (b - a) / n as f32;
            let mut s = f(a) + f(b);
            for i in 1..n {
                s += f(a + i as f32 * h) * if i % 2 == 0 { 2.0 } else { 4.0 };
            }
            s * h / 3.0
        }
        pub fn returns_early(x: f32) -> f32 {
            let f = |v: f32| {
                if N > 3 {
                    return v * 2.0;
                }
                v
            };
            f(x)
        }
        pub const N: usize = 5;
    }
    same!(plain(1.5, 0.5));
    same!(counting(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    same!(by_mut(3.0));
    same!(compose(1.0));
    same!(higher(-2.0));
    same!(pendulum(0.3, 0.1));
    same!(root(2.0));
    same!(simpson(0.0, 1.0));
    same!(returns_early(2.0));
}
