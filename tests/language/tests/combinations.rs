//! What a page of examples rarely combines: derivatives through the whole of the language, against finite differences;
//! transformed functions as values; tables of literals.
#![no_std]
#![forbid(unsafe_code)]
use kiln::prelude::*;

fn near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 2e-6 * (1.0 + b.abs()), "{found:?} instead of {expected:?}");
    }
}

/// Central differences.
fn slopes<const N: usize>(f: impl Fn(&[f64; N]) -> f64, x: &[f64; N]) -> [f64; N] {
    core::array::from_fn(|i| {
        let (mut above, mut below) = (*x, *x);
        above[i] += 1e-5;
        below[i] -= 1e-5;
        (f(&above) - f(&below)) / 2e-5
    })
}

mod loops {
    use super::*;

    #[jit]
    pub fn grid(x: &[f64; 12]) -> f64 {
        let x = x.reshape((3, 4));
        let mut out = [[0.0; 5]; 3];
        let mut h = 0.7;
        for i in 0..3 {
            for j in 0..4 {
                if x[i][j] > 1.2 {
                    break;
                }
                if x[i][j] < -0.4 {
                    continue;
                }
                h = sin(h * x[i][j]) + x[i][j];
                out[i][j + 1] += h * h;
            }
            out[(i, 0..2)] *= x[(i, 2..4)];
        }
        sum(out * out)
    }
    #[jit]
    pub fn grid_slopes(x: &[f64; 12]) -> [f64; 12] {
        grad(grid)(x)
    }

    #[jit]
    pub fn grown(x: &[f64; 4]) -> f64 {
        let mut total = 0.0;
        for v in x {
            let mut y = v * v + 0.1;
            #[bound(12)]
            while y < 10.0 {
                y = y * (1.5 + 0.1 * v);
            }
            total += y;
        }
        total
    }
    #[jit]
    pub fn grown_slopes(x: &[f64; 4]) -> [f64; 4] {
        grad(grown)(x)
    }

    #[jit]
    pub fn paired(w: &[f64; 6]) -> f64 {
        let (mut a, mut b) = (0.8, 1.0);
        for (i, (u, v)) in w[..3].iter().zip(w[3..].iter()).enumerate() {
            (a, b) = (a * u + b, b * v - a);
            if a * b > 3.0 {
                break;
            }
            if i == 1 {
                a += b;
            }
        }
        a * b
    }
    #[jit]
    pub fn paired_slopes(w: &[f64; 6]) -> [f64; 6] {
        grad(paired)(w)
    }

    #[derive(Clone, Debug, Tree)]
    pub struct Filter {
        pub last: [f64; 2],
        pub n: f64,
    }
    #[jit(inline)]
    impl Filter {
        fn push(&mut self, x: f64) -> f64 {
            self.last = [self.last[1], x];
            self.n += x * self.last[0];
            self.n
        }
    }
    #[jit]
    pub fn filtered(x: &[f64; 5]) -> f64 {
        let mut a = Filter { last: [0.5; 2], n: 0.0 };
        let mut t = 0.0;
        for v in x.iter().rev() {
            t += a.push(v) * a.n;
        }
        t
    }
    #[jit]
    pub fn filtered_slopes(x: &[f64; 5]) -> [f64; 5] {
        grad(filtered)(x)
    }

    #[jit]
    pub fn shifted(x: &[f64; 4], n: i32) -> f64 {
        let mut y = x;
        for i in 0..4 {
            y[n + i as i32] = x[i] * y[i];
            y[i as i32 - n] += 2.0 * x[3 - i];
        }
        sum(y * y)
    }
    #[jit]
    pub fn shifted_slopes(x: &[f64; 4], n: i32) -> [f64; 4] {
        grad(shifted)(x, n)
    }

    #[test]
    fn loops_that_leave_early_write_slices_and_drop_writes() {
        let x = [0.3, 0.6, -0.5, 1.1, 0.2, 1.3, 0.9, 0.4, -0.2, 0.8, 0.5, 0.7];
        near(&grid_slopes(&x), &slopes(grid, &x));
        let x = [0.3, -0.6, 1.5, 2.2];
        near(&grown_slopes(&x), &slopes(grown, &x));
        let w = [0.3, 0.9, 1.4, -0.2, 0.8, 1.1];
        near(&paired_slopes(&w), &slopes(paired, &w));
        let x = [0.3, 0.9, 1.4, -0.2, 0.8];
        near(&filtered_slopes(&x), &slopes(filtered, &x));
        let x = [1.0, 2.0, 3.0, 4.0];
        for n in [-9, -3, -1, 0, 1, 3, 9] {
            near(&shifted_slopes(&x, n), &slopes(|x| shifted(x, n), &x));
        }
    }
}

mod values {
    use super::*;

    #[jit(inline)]
    fn quartic(x: f64) -> f64 {
        x * x * x * x
    }
    #[jit]
    fn again(x: &[f64; 2]) -> ([f64; 2], [f64; 2], f64) {
        let first = grad(quartic);
        let second = jacfwd(first);
        let mapped = |h| vmap(h)(x);
        let (f, g) = (second, value_and_grad(first));
        let (v, d) = g(x[0]);
        (vmap(first)(x), mapped(f), v + d)
    }

    #[jit(inline)]
    fn scaled(x: [f64; 2], k: f64) -> f64 {
        k * sum(x * x)
    }
    #[jit]
    fn pulled(x: [f64; 2], k: f64) -> (f64, [f64; 2], f64, [f64; 2]) {
        let (out, pull) = vjp(scaled, (x, k));
        let (gx, gk) = pull(1.0);
        let (half, _) = pull(0.5);
        (out, gx, gk, half)
    }

    #[jit(inline)]
    fn steep(x: [f64; 2]) -> f64 {
        x[0] * x[0] * x[1]
    }
    #[jit]
    fn pushed(x: [f64; 2]) -> (f64, f64, [f64; 2], [f64; 2]) {
        let (out, push) = linearize(steep, x);
        let (ct,) = linear_transpose(|x: [f64; 2]| [x[0] + x[1], 2.0 * x[0], 3.0 * x[1]], x)([1.0, 3.0, 4.0]);
        (out, push([1.0, 1.0]), ct, hvp(steep)(x, [1.0, 0.0]))
    }

    #[jit]
    #[custom_vjp(fwd, bwd)]
    fn grown(x: f64, k: f64) -> f64 {
        exp(x) * k
    }
    #[jit(inline)]
    fn fwd(x: f64, k: f64) -> (f64, (f64, f64)) {
        (grown(x, k), (x, k))
    }
    #[jit(inline)]
    fn bwd(r: (f64, f64), ct: f64) -> (f64, f64) {
        let (x, k) = r;
        (ct * grown(x, k), ct * grown(x, 1.0))
    }
    #[jit]
    fn chained(x: &[f64; 3]) -> f64 {
        let mut s = 0.4;
        for v in x {
            s = 0.3 * grown(v, s) + v;
        }
        s
    }
    #[jit]
    fn chained_slopes(x: &[f64; 3]) -> [f64; 3] {
        grad(chained)(x)
    }

    #[test]
    fn transformed_functions_are_values() {
        assert_eq!(again(&[2.0, 3.0]), ([32.0, 108.0], [48.0, 108.0], 80.0));
        assert_eq!(pulled([2.0, 3.0], 5.0), (65.0, [20.0, 30.0], 13.0, [10.0, 15.0]));
        assert_eq!(pushed([2.0, 3.0]), (12.0, 16.0, [7.0, 13.0], [6.0, 4.0]));
        let x = [0.3, -0.6, 0.9];
        near(&chained_slopes(&x), &slopes(chained, &x));
    }
}

mod mapped {
    use super::*;

    #[derive(Clone, Tree)]
    pub struct Line {
        pub slope: f64,
        pub offset: f64,
    }

    // The rules are wrong on purpose, so that it can be told where they are called: twice as much, and what is mapped.
    #[jit]
    #[custom_vmap(lines)]
    fn height(l: &Line, x: f64) -> (f64, f64) {
        (l.slope * x + l.offset, l.offset)
    }
    #[jit]
    fn lines<L, B, X, Y, S>(n: usize, in_batched: (B, bool), l: L, x: X) -> ((Y, S), (bool, bool)) {
        let (l_batched, x_batched) = in_batched;
        let y = 2.0 * (l.slope * x + l.offset);
        ((broadcast_to(y, (n,)), l.offset), (true, l_batched.offset))
    }
    #[jit]
    fn everywhere(l: &Line, x: &[f64; 3]) -> ([f64; 3], f64) {
        vmap(height, in_axes = (None, 0), out_axes = (0, None))(l, x)
    }
    #[jit]
    fn sum_of_all(l: &Line, x: &[f64; 3]) -> f64 {
        sum(vmap(height, in_axes = (None, 0))(l, x).0)
    }
    #[jit]
    fn slopes_of_sum(l: &Line, x: &[f64; 3]) -> Line {
        grad(sum_of_all)(l, x)
    }
    #[jit]
    fn slopes_of_each(l: &Line, x: &[f64; 3]) -> [f64; 3] {
        vmap(|x| grad(|x| height(l, x).0)(x))(x)
    }
    #[jit]
    fn alone(l: &Line, x: f64) -> (f64, f64, Line) {
        (height(l, x).0, jvp(|x| height(l, x).0, (x,), (1.0,)).1, grad(|l| height(l, x).0)(l))
    }
    #[jit]
    fn grid(l: &Line, x: &[[f64; 3]; 2]) -> [[f64; 3]; 2] {
        vmap(vmap(|x| height(l, x).0))(x)
    }
    #[jit]
    fn in_loops(l: &Line, x: &[f64; 3]) -> [f64; 3] {
        let mut y = *x;
        for _ in 0..2 {
            y = vmap(|v| if v > 0.0 { height(l, v).0 } else { v })(y);
        }
        y
    }

    /// Squares, with every rule that there is.
    #[jit]
    #[custom_vmap(squares)]
    #[custom_jvp(pushed)]
    #[custom_vjp(fwd, bwd)]
    fn square(x: f64) -> f64 {
        x * x
    }
    #[jit]
    fn squares<const N: usize>(_n: usize, _in_batched: (bool,), x: [f64; N]) -> ([f64; N], bool) {
        (10.0 * x * x, true)
    }
    #[jit]
    fn pushed(x: (f64,), t: (f64,)) -> (f64, f64) {
        (square(x.0), 3.0 * x.0 * t.0)
    }
    #[jit]
    fn fwd(x: f64) -> (f64, f64) {
        (square(x), x)
    }
    #[jit]
    fn bwd(x: f64, ct: f64) -> (f64,) {
        (5.0 * x * ct,)
    }
    #[jit]
    fn all_rules(x: &[f64; 2]) -> ([f64; 2], [f64; 2], [f64; 2]) {
        (vmap(square)(x), vmap(grad(square))(x), grad(|x| sum(vmap(square)(x)))(x))
    }

    #[test]
    fn the_rule_of_a_function_maps_it() {
        let l = Line { slope: 3.0, offset: 1.0 };
        assert_eq!(everywhere(&l, &[0.0, 1.0, 2.0]), ([2.0, 8.0, 14.0], 1.0));
        let g = slopes_of_sum(&l, &[0.0, 1.0, 2.0]);
        assert_eq!((g.slope, g.offset), (6.0, 6.0));
        assert_eq!(slopes_of_each(&l, &[0.0, 1.0, 2.0]), [6.0; 3]);
        let (y, t, g) = alone(&l, 2.0);
        assert_eq!((y, t, g.slope, g.offset), (7.0, 3.0, 2.0, 1.0));
        assert_eq!(grid(&l, &[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]), [[2.0, 8.0, 14.0], [20.0, 26.0, 32.0]]);
        assert_eq!(in_loops(&l, &[-1.0, 1.0, 2.0]), [-1.0, 50.0, 86.0]);
        assert_eq!(all_rules(&[1.0, 2.0]), ([10.0, 40.0], [5.0, 10.0], [5.0, 10.0]));
    }
}

mod tables {
    use super::*;

    #[jit]
    fn weighted(x: &[f64; 3], i: &[i32; 3], k: i32) -> ([f64; 3], f64) {
        let w = [0.1, 0.7];
        (x + w[i], w[k] * 0.3 * x[0])
    }

    #[jit]
    fn longest(a: &[u8; 4], b: &[u8; 4]) -> i32 {
        let mut d = [[0; 5]; 5];
        for i in 0..4 {
            for j in 0..4 {
                d[i + 1][j + 1] = if a[i] == b[j] { d[i][j] + 1 } else { maximum(d[i][j + 1], d[i + 1][j]) };
            }
        }
        d[4][4]
    }

    #[jit]
    fn diagonal(x: &[Complex<f64>; 2]) -> [[Complex<f64>; 2]; 2] {
        let mut m = [[0.0; 2]; 2];
        for i in 0..2 {
            m[i][i] = x[i];
        }
        m
    }

    #[test]
    fn literals_take_the_dtype_of_what_they_meet_behind_an_index() {
        assert_eq!(weighted(&[1.0, 2.0, 3.0], &[0, -1, 9], 1), ([1.1, 2.7, 3.7], 0.7 * 0.3));
        assert_eq!(longest(&[1, 2, 3, 1], &[2, 3, 1, 1]), 3);
        let (i, zero) = (Complex::new(0.0, 1.0), Complex::new(0.0, 0.0));
        assert_eq!(diagonal(&[i, -i]), [[i, zero], [zero, -i]]);
    }
}

mod library {
    use super::*;

    #[jit]
    fn solved(x: &[f64; 12]) -> f64 {
        let m = x[..9].reshape((3, 3)) + 3.0 * eye(3, dtype = f64);
        let b = x[9..];
        sum(linalg::solve(m, b) * b) + linalg::slogdet(m).1
    }
    #[jit]
    fn solved_slopes(x: &[f64; 12]) -> [f64; 12] {
        grad(solved)(x)
    }

    #[jit]
    fn spectrum(x: &[f64; 12]) -> f64 {
        let z = fft::rfft(x);
        let y = fft::fft(x.reshape((4, 3)), axis = 0);
        sum(z.re * z.re * z.re + z.im * z.im) + sum(abs(fft::fft2(x.reshape((3, 4))))) + sum(imag(y) * imag(y))
    }
    #[jit]
    fn spectrum_slopes(x: &[f64; 12]) -> [f64; 12] {
        grad(spectrum)(x)
    }

    #[jit]
    fn convolved(x: &[f64; 100], w: &[f64; 48]) -> f64 {
        let y = conv(
            x.reshape((1, 4, 5, 5)),
            w.reshape((4, 2, 3, 2)),
            stride = (2, 1),
            padding = ((1, 0), (2, 1)),
            lhs_dilation = (1, 2),
            rhs_dilation = (2, 1),
            feature_group_count = 2,
        );
        sum(y * y)
    }
    #[jit]
    fn convolved_slopes(x: &[f64; 100], w: &[f64; 48]) -> ([f64; 100], [f64; 48]) {
        grad(convolved, argnums = (0, 1))(x, w)
    }

    #[test]
    fn derivatives_of_solvers_transforms_and_convolutions() {
        let x = [0.3, 0.6, -0.5, 1.1, 0.2, 1.3, 0.9, 0.4, -0.2, 0.8, 0.5, 0.7];
        near(&solved_slopes(&x), &slopes(solved, &x));
        near(&spectrum_slopes(&x), &slopes(spectrum, &x));
        let x = core::array::from_fn(|i| ((i * 7) % 11) as f64 * 0.2 - 0.9);
        let w = core::array::from_fn(|i| ((i * 5) % 13) as f64 * 0.1 - 0.6);
        let (gx, gw) = convolved_slopes(&x, &w);
        near(&gx, &slopes(|x| convolved(x, &w), &x));
        near(&gw, &slopes(|w| convolved(&x, w), &w));
    }
}

/// Forty arrays that are stored, and a loop that reads all of them.
#[jit]
fn woven(x: &[[f32; 3]; 40]) -> [f32; 3] {
    let mut y = [0.0; 3];
    #[unroll]
    for i in 0..40 {
        y = y + cumsum(x[i]) * (1.0 + i as f32);
    }
    y
}

#[test]
fn a_loop_reads_any_number_of_arrays() {
    let x = core::array::from_fn(|i| [i as f32, 1.0, 0.5]);
    let n = |k: f32| (0..40).map(|i| (1.0 + i as f32) * (k * i as f32)).sum::<f32>();
    let m = (0..40).map(|i| 1.0 + i as f32).sum::<f32>();
    assert_eq!(woven(&x), [n(1.0), n(1.0) + m, n(1.0) + 1.5 * m]);
}
