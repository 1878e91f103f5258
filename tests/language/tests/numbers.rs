//! Random numbers, linear algebra, Fourier transforms and special functions, compiled and run. Values: JAX 0.10.
#![no_std]

use kiln::prelude::*;

mod random_numbers {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Rng {
        pub key: [u32; 2],
        pub drawn: u32,
    }

    #[jit]
    fn bits(seed: u32) -> [u32; 3] {
        random::bits(random::key(seed), (3,))
    }

    // A key in a tree, split for every draw.
    #[jit]
    impl Rng {
        pub fn uniform(&mut self) -> f32 {
            let [next, now] = random::split(self.key);
            self.key = next;
            self.drawn += 1;
            random::uniform(now)
        }
    }

    // Split in a loop, and mapped over keys.
    #[jit]
    fn walk(key: &[u32; 2]) -> ([f32; 4], [f32; 4]) {
        let mut k = key;
        let mut steps = [0.0; 4];
        for i in 0..4 {
            let [next, now] = random::split(k);
            k = next;
            steps[i] = random::normal(now);
        }
        (steps, vmap(|k| random::uniform(k))(random::split(key, 4)))
    }

    #[jit]
    fn draws(key: &[u32; 2]) -> (f32, i32, [i32; 5], [f32; 2], i32) {
        let [a, b, c, d, e] = random::split(key, 5);
        (
            random::gamma(a, 2.5),
            random::randint(b, (), 0, 100),
            random::permutation(c, 5),
            random::dirichlet(d, [1.0, 2.0]),
            random::categorical(e, [0.1, 2.0, 0.3]),
        )
    }

    #[test]
    fn the_bits_are_those_of_jax() {
        assert_eq!(bits(42), [2098992034, 2919706841, 2646866425]);
        let mut rng = Rng { key: [0, 42], drawn: 0 };
        assert_eq!((rng.uniform(), rng.uniform(), rng.drawn), (0.727_664_23, 0.416_486_38, 2));
        let (steps, uniforms) = walk(&[0, 7]);
        assert_eq!(uniforms, [0.867_370_5, 0.675_133_6, 0.205_997_94, 0.231_334_09]);
        assert_eq!(steps, [0.454_133_5, 2.243_392_2, 1.006_435, 0.522_120_8]);
        let (gamma, integer, permutation, dirichlet, category) = draws(&[0, 3]);
        assert_eq!((integer, permutation, category), (41, [4, 1, 2, 3, 0], 1));
        for (a, b) in [(gamma, 0.732_257_54), (dirichlet[0], 0.170_001_75), (dirichlet[1], 0.829_998_25)] {
            assert!((a - b).abs() < 2e-6 * b, "{a} {b}");
        }
    }
}

mod linear_algebra {
    use super::*;

    #[jit]
    fn solved(a: &[[f32; 3]; 3], b: &[f32; 3]) -> ([f32; 3], f32, [[f32; 3]; 3]) {
        (linalg::solve(a, b), linalg::det(a), grad(|a| sum(linalg::solve(a, b)))(a))
    }

    #[test]
    fn a_system_is_solved_and_differentiated() {
        let (x, det, g) = solved(&[[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [1.0, 0.0, 1.0]], &[2.0, 8.0, 3.0]);
        assert_eq!((x, det), ([1.0, 2.0, 2.0], 8.0));
        // -(a^-T 1) x^T, where a^-T 1 = (0, 1/4, 1).
        assert_eq!(g, [[0.0; 3], [-0.25, -0.5, -0.5], [-1.0, -2.0, -2.0]]);
    }
}

mod fourier {
    use super::*;

    #[jit]
    fn spectrum(x: &[f32; 8]) -> [Complex<f32>; 5] {
        fft::rfft(x)
    }

    #[jit]
    fn there_and_back(x: &[f32; 12], y: &[f32; 37]) -> ([f32; 12], [f32; 37]) {
        (fft::irfft(fft::rfft(x)), real(fft::ifft(fft::fft(y))))
    }

    // Power in all bins but the first, and its gradient.
    #[jit]
    fn power(x: &[f32; 16]) -> (f32, [f32; 16]) {
        value_and_grad(|x| {
            let y = fft::rfft(x - mean(x));
            sum(square(real(y)) + square(imag(y)))
        })(x)
    }

    #[test]
    fn transforms_run() {
        let y = spectrum(&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(y.iter().all(|z| *z == Complex::new(1.0, 0.0)), "{y:?}");
        let (mut x, mut y) = ([0.0; 12], [0.0; 37]);
        for (k, x) in x.iter_mut().chain(&mut y).enumerate() {
            *x = (k * 7 % 11) as f32 - 5.0;
        }
        let (a, b) = there_and_back(&x, &y);
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 2e-6);
        assert!(near(&a, &x) && near(&b, &y), "{a:?} {b:?}");
        let (p, g) = power(&[1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0]);
        assert_eq!(p, 256.0);
        assert!(g.iter().enumerate().all(|(k, g)| (g - if k % 2 == 0 { 32.0 } else { -32.0 }).abs() < 1e-4), "{g:?}");
    }
}

mod special {
    use super::*;

    #[jit]
    fn values(x: f32) -> (f32, f32, f32, f32) {
        let p = |x| scipy::special::gammainc(2.0, x);
        (p(x), grad(p)(x), scipy::special::i0(x), scipy::special::ndtri(0.025))
    }

    #[test]
    fn special_functions_run() {
        let (p, density, i0, quantile) = values(1.5);
        for (a, b) in [(p, 0.442_174_6), (density, 0.334_695_24), (i0, 1.646_723_2), (quantile, -1.959_964)] {
            assert!((a - b).abs() < 1e-6 * b.abs() * 4.0, "{a} {b}");
        }
    }
}

#[kiln::jit]
mod complex_methods {
    use kiln::prelude::*;
    pub fn of_one(z: Complex<f32>) -> (f32, f32, f32, f32, Complex<f32>) {
        (z.norm(), z.arg(), z.norm_sqr(), z.l1_norm(), z.scale(2.0).inv())
    }
    pub fn made(r: f32, t: f32) -> (Complex<f32>, Complex<f32>, [f32; 2]) {
        let z = complex(r, t) * Complex::I;
        (Complex::from_polar(r, t), Complex::cis(t).conj() + Complex::ONE, [z.re, z.im])
    }
    pub fn doubles(z: &[Complex<f64>; 2], x: f64) -> [Complex<f64>; 2] {
        let j = Complex::new(0.0, 0.1);
        z * j + j * x + Complex::i() * 0.0 + j * j
    }
    pub fn escapes(c: Complex<f32>) -> u32 {
        let mut z = Complex::new(0.0, 0.0);
        let mut n = 0;
        while z.norm_sqr() <= 4.0 && n < 50 {
            z = z * z + c;
            n += 1;
        }
        n
    }
}

#[test]
fn complex_numbers_have_the_methods_of_num_complex() {
    use kiln::prelude::Complex;
    let close = |a: Complex<f32>, b: Complex<f32>| (a - b).norm_sqr() < 1e-12;
    let turn = |t: f32| Complex::new(t.cos(), t.sin());
    let z = Complex::new(3.0f32, -4.0);
    let (norm, arg, sqr, l1, inv) = complex_methods::of_one(z);
    assert_eq!((norm, sqr, l1), (5.0, 25.0, 7.0));
    assert!((arg - (-4.0f32).atan2(3.0)).abs() < 1e-6 && close(inv, 1.0 / (z * 2.0)));
    let (polar, shifted, turned) = complex_methods::made(2.0, 0.5);
    assert!(close(polar, turn(0.5) * 2.0) && close(shifted, turn(-0.5) + 1.0));
    assert_eq!(turned, [-0.5, 2.0]);
    let j = Complex::new(0.0, 0.1);
    let z = [Complex::new(0.3, 0.7), Complex::new(-1.1, 0.0)];
    assert_eq!(complex_methods::doubles(&z, 3.0), z.map(|z| z * j + j * 3.0 + j * j));
    assert_eq!(complex_methods::escapes(Complex::new(0.3, 0.5)), 50);
    assert_eq!(complex_methods::escapes(Complex::new(0.5, 0.5)), 5);
}

#[jit]
mod half_methods {
    use kiln::prelude::*;
    pub fn widened(x: &[f16; 4], b: bf16) -> (f32, f64, [f32; 4], f32) {
        let mut total = 0f32;
        for v in x {
            total += v.to_f32() * f32::from(*v);
        }
        (total, x[0].to_f64(), x.map(|v| v.to_f32()), b.to_f32())
    }
    pub fn narrowed(x: f32, y: f64) -> (f16, bf16, f16, bf16) {
        (f16::from_f32(x) + f16::ONE, bf16::from_f64(y) * bf16::NEG_ONE, f16::from_f32(0.1), bf16::ZERO)
    }
}

#[test]
fn half_precision_has_the_methods_of_half() {
    use kiln::prelude::{bf16, f16};
    let x = [0.5, -1.25, 3.0, 0.1].map(f16::from_f32);
    let b = bf16::from_f32(0.3);
    let squares = x.iter().fold(0.0, |s, v| s + v.to_f32() * v.to_f32());
    assert_eq!(half_methods::widened(&x, b), (squares, 0.5, x.map(f16::to_f32), b.to_f32()));
    let (sum, product, tenth, zero) = half_methods::narrowed(0.3, 0.7);
    assert_eq!((sum, product), (f16::from_f32(0.3) + f16::ONE, bf16::from_f64(0.7) * bf16::NEG_ONE));
    assert_eq!((tenth, zero), (f16::from_f32(0.1), bf16::ZERO));
}
