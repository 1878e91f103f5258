//! Kiln's kernels with their inputs.

use ::kiln::prelude::Complex;

use crate::clock::Clock;
use crate::inputs::{around_one, diagonal, fill, filled, flat, one_hot, particles, shaped, spd};
use crate::kernels::arrays::*;
use crate::kernels::derivatives::*;
use crate::kernels::images::*;
use crate::kernels::linear::*;
use crate::kernels::mlp::*;
use crate::kernels::physics::*;
use crate::kernels::sequences::*;

/// A tree of arrays, filled.
fn conv<const KH: usize, const KW: usize, const I: usize, const O: usize>(seed: u64, scale: f32) -> Conv<KH, KW, I, O> {
    Conv { w: *filled(seed, scale), b: *filled(seed + 1, 0.05) }
}

fn large() -> Mlp<784, 128> {
    Mlp { w1: *filled(10, 0.05), b1: *filled(11, 0.05), w2: *filled(12, 0.1), b2: *filled(13, 0.1) }
}

fn small() -> Mlp<64, 32> {
    Mlp { w1: *filled(20, 0.2), b1: *filled(21, 0.2), w2: *filled(22, 0.2), b2: *filled(23, 0.2) }
}

fn parameters<const I: usize, const H: usize>(p: &Mlp<I, H>) -> Vec<Vec<f32>> {
    vec![flat(&p.w1), flat(&p.b1), flat(&p.w2), flat(&p.b2)]
}

fn layer(seed: u64) -> Layer {
    Layer {
        g1: *around_one(seed),
        b1: *filled(seed + 1, 0.1),
        qkv: *filled(seed + 2, 0.2),
        qkv_b: *filled(seed + 3, 0.1),
        o: *filled(seed + 4, 0.2),
        o_b: *filled(seed + 5, 0.1),
        g2: *around_one(seed + 6),
        b2: *filled(seed + 7, 0.1),
        up: *filled(seed + 8, 0.2),
        up_b: *filled(seed + 9, 0.1),
        down: *filled(seed + 10, 0.1),
        down_b: *filled(seed + 11, 0.1),
    }
}

/// Times all of them.
pub fn run(c: &Clock) {
    c.run("kiln", "dispatch", || (*filled::<[f32; 1]>(1, 1.0), [0.0]), |(x, y)| *y = dispatch(x), |s| vec![flat(&s.1)]);
    macro_rules! poly {
        ($($name:ident $n:literal)*) => {$(
            c.run(
                "kiln",
                stringify!($name),
                || (filled::<[[f32; $n]; $n]>(1, 1.0), filled::<[[f32; $n]; $n]>(2, 1.0)),
                |(x, y)| $name(x, y),
                |s| vec![flat(&*s.1)],
            );
        )*};
    }
    poly!(poly_64 64 poly_512 512 poly_5000 5000);
    macro_rules! products {
        ($($name:ident $fast:ident $n:literal;)*) => {$(
            let matrices = || {
                (filled::<[[f32; $n]; $n]>(2, 1.0), filled::<[[f32; $n]; $n]>(3, 1.0), filled::<[[f32; $n]; $n]>(4, 1.0))
            };
            c.run("kiln", stringify!($name), matrices, |(a, b, y)| $name(a, b, y), |s| vec![flat(&*s.2)]);
            c.run("kiln-fast", stringify!($name), matrices, |(a, b, y)| $fast(a, b, y), |s| vec![flat(&*s.2)]);
        )*};
    }
    products! {
        matmul_16 fast_16 16; matmul_64 fast_64 64; matmul_128 fast_128 128;
        matmul_256 fast_256 256; matmul_512 fast_512 512; matmul_1024 fast_1024 1024;
    }
    c.run(
        "kiln",
        "matvec_784x128",
        || (filled(4, 1.0), filled(10, 0.05), [0.0; 128]),
        |(x, w, y)| *y = matvec(x, w),
        |s| vec![flat(&s.2)],
    );

    c.run(
        "kiln",
        "mlp_predict_b1",
        || (large(), filled(14, 1.0), [[0.0; 10]; 1]),
        |(p, x, y)| *y = predict_1(p, x),
        |s| vec![flat(&s.2)],
    );
    c.run(
        "kiln",
        "mlp_predict_b32",
        || (large(), filled(14, 1.0), [[0.0; 10]; 32]),
        |(p, x, y)| *y = predict_32(p, x),
        |s| vec![flat(&s.2)],
    );
    c.run(
        "kiln",
        "mlp_train_b32",
        || (large(), filled(14, 1.0), one_hot(), 0.0),
        |(p, x, y, l)| *l = train_32(p, x, y),
        |s| [parameters(&s.0), vec![vec![s.3]]].concat(),
    );
    c.run(
        "kiln",
        "mlp_small_train_b16",
        || (small(), filled(24, 1.0), one_hot(), 0.0),
        |(p, x, y, l)| *l = train_small(p, x, y),
        |s| [parameters(&s.0), vec![vec![s.3]]].concat(),
    );
    let none = || Gradients { w1: *filled(0, 0.0), b1: *filled(0, 0.0), w2: *filled(0, 0.0), b2: *filled(0, 0.0) };
    c.run(
        "kiln",
        "mlp_small_pergrad_b32",
        || (small(), filled(24, 1.0), one_hot(), Box::new(none())),
        |(p, x, y, g)| gradients(p, x, y, g),
        |(.., g)| vec![flat(&g.w1), flat(&g.b1), flat(&g.w2), flat(&g.b2)],
    );
    c.run(
        "kiln",
        "logreg_grad",
        || {
            let y: Vec<f32> = fill(31, 1000, 1.0).iter().map(|y| f32::from(*y > 0.0)).collect();
            (filled(32, 1.0), filled(30, 1.0), shaped::<[f32; 1000]>(&y), [0.0; 20])
        },
        |(w, x, y, g)| *g = logistic_gradient(w, x, y),
        |s| vec![flat(&s.3)],
    );

    c.run(
        "kiln",
        "rosen_hessian",
        || (filled(40, 1.0), [[0.0; 10]; 10]),
        |(x, y)| *y = rosenbrock_hessian(x),
        |s| vec![flat(&s.1)],
    );
    let net = || (filled(50, 1.0), filled(51, 0.5), filled(52, 0.5), filled(53, 0.5), filled(54, 0.5), [[0.0; 8]; 8]);
    c.run("kiln", "tanh_jacfwd", net, |(x, a, b, c, d, y)| *y = tanh_jacfwd(x, a, b, c, d), |s| vec![flat(&s.5)]);
    c.run("kiln", "tanh_jacrev", net, |(x, a, b, c, d, y)| *y = tanh_jacrev(x, a, b, c, d), |s| vec![flat(&s.5)]);

    c.run(
        "kiln",
        "lstm_fwd",
        || (filled(60, 0.2), filled(61, 0.2), filled(62, 0.2), filled(63, 1.0), [0.0; 32]),
        |(wx, wh, b, x, h)| *h = lstm(wx, wh, b, x),
        |s| vec![flat(&s.4)],
    );
    c.run(
        "kiln",
        "lstm_grad",
        || {
            let none = ([[0.0; 128]; 8], [[0.0; 128]; 32], [0.0; 128]);
            (filled(60, 0.2), filled(61, 0.2), filled(62, 0.2), filled(63, 1.0), none)
        },
        |(wx, wh, b, x, g)| *g = lstm_gradient(wx, wh, b, x),
        |s| vec![flat(&s.4.0), flat(&s.4.1), flat(&s.4.2)],
    );
    c.run(
        "kiln",
        "dscnn",
        || {
            let blocks = std::array::from_fn(|i| {
                let seed = 73 + 4 * i as u64;
                Separable { depth: conv(seed, 0.3), point: conv(seed + 2, 0.15) }
            });
            let last = Dense { w: *filled(89, 0.2), b: *filled(90, 0.2) };
            (DsCnn { first: conv(71, 0.15), blocks, last }, filled(70, 1.0), [0.0; 12])
        },
        |(p, x, y)| *y = dscnn(p, x),
        |s| vec![flat(&s.2)],
    );
    c.run(
        "kiln",
        "resnet8",
        || {
            let p = ResNet8 {
                c0: conv(201, 0.3),
                c1: conv(203, 0.12),
                c2: conv(205, 0.12),
                c3: conv(207, 0.12),
                c4: conv(209, 0.08),
                c5: conv(211, 0.3),
                c6: conv(213, 0.08),
                c7: conv(215, 0.06),
                c8: conv(217, 0.2),
                last: Dense { w: *filled(230, 0.2), b: *filled(231, 0.2) },
            };
            (p, filled(200, 1.0), [0.0; 10])
        },
        |(p, x, y)| *y = resnet8(p, x),
        |s| vec![flat(&s.2)],
    );
    c.run(
        "kiln",
        "decoder_step",
        || {
            let (e, at) = (filled::<[[f32; 64]; 256]>(300, 0.5), filled::<[[f32; 64]; 64]>(301, 0.1));
            let x: [f32; 64] = std::array::from_fn(|i| e[17][i] + at[63][i]);
            let p =
                Decoder { embedding: *e, layers: [layer(310), layer(330)], g: *around_one(350), b: *filled(351, 0.1) };
            let (k, v) = (filled::<[[[f32; 64]; 64]; 2]>(302, 1.0), filled::<[[[f32; 64]; 64]; 2]>(303, 1.0));
            let out = Box::new(([0.0; 256], *k, *v));
            (p, x, k, v, out)
        },
        |(p, x, k, v, out)| **out = decode(p, x, k, v),
        |s| vec![flat(&s.4.0), flat(&s.4.1), flat(&s.4.2)],
    );

    c.run(
        "kiln",
        "lj_forces",
        || (particles(), (0.0, [[0.0; 3]; 256])),
        |(x, out)| *out = forces(x),
        |s| vec![vec![s.1.0], flat(&s.1.1)],
    );
    c.run(
        "kiln",
        "lj_step",
        || (particles(), filled(401, 1.0), filled(402, 1.0)),
        |(x, v, f)| verlet(x, v, f),
        |s| vec![flat(&s.0), flat(&*s.1), flat(&*s.2)],
    );
    c.run("kiln", "mpc_50x20", || (filled(440, 0.1), [0.0; 20]), |(x, y)| *y = mpc(x), |s| vec![flat(&s.1)]);

    c.run("kiln", "sort_4096", || (filled(104, 1.0), filled(105, 1.0)), |(x, y)| sorted(x, y), |s| vec![flat(&*s.1)]);
    c.run(
        "kiln",
        "cumsum_65536",
        || (filled(105, 1.0), filled(106, 1.0)),
        |(x, y)| running_sum(x, y),
        |s| vec![flat(&*s.1)],
    );
    c.run(
        "kiln",
        "softmax_128x1000",
        || (filled(106, 4.0), filled(107, 1.0)),
        |(x, y)| softmax_rows(x, y),
        |s| vec![flat(&*s.1)],
    );
    c.run(
        "kiln",
        "layernorm_128x768",
        || (filled(107, 1.0), around_one(108), filled(109, 0.1), filled(1, 1.0)),
        |(x, g, b, y)| layernorm_rows(x, g, b, y),
        |s| vec![flat(&*s.3)],
    );

    let complex = |y: &[Complex<f32>]| vec![y.iter().flat_map(|z| [z.re, z.im]).collect::<Vec<f32>>()];
    let none = Complex::new(0.0, 0.0);
    c.run("kiln", "rfft_256", || (filled(100, 1.0), [none; 129]), |(x, y)| spectrum_256(x, y), |s| complex(&s.1));
    c.run("kiln", "rfft_4096", || (filled(100, 1.0), [none; 2049]), |(x, y)| spectrum_4096(x, y), |s| complex(&s.1));

    c.run("kiln", "cholesky_32", || (spd(101), [[0.0; 32]; 32]), |(a, y)| *y = cholesky(a), |s| vec![flat(&s.1)]);
    c.run(
        "kiln",
        "solve_32",
        || {
            let (mut a, four) = (*filled::<[[f32; 32]; 32]>(102, 1.0), diagonal::<32>(4.0));
            a.as_flattened_mut().iter_mut().zip(four.as_flattened()).for_each(|(a, d)| *a += d);
            (a, *filled::<[f32; 32]>(103, 1.0), [0.0; 32])
        },
        |(a, b, x)| *x = solve(a, b),
        |s| vec![flat(&s.2)],
    );
    c.run(
        "kiln",
        "kalman_6_3",
        || {
            let mut f = diagonal(1.0);
            (0..3).for_each(|i| f[i][i + 3] = 0.1);
            let h = std::array::from_fn(|i| std::array::from_fn(|j| f32::from(i == j)));
            let m = Filter { f, h, q: diagonal(0.01), r: diagonal(0.1) };
            (m, filled(430, 1.0), spd(431), filled(432, 1.0), ([0.0; 6], [[0.0; 6]; 6]))
        },
        |(m, x, p, z, out)| *out = kalman(m, x, p, z),
        |s| vec![flat(&s.4.0), flat(&s.4.1)],
    );
}
