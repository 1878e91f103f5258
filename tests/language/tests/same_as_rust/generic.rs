both! {
    generic {
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct V<const N: usize>(pub [f32; N]);
        impl<const N: usize> V<N> {
            pub const LEN: usize = N;
            pub fn zeros() -> Self {
                V([0.0; N])
            }
            pub fn dot(&self, o: &Self) -> f32 {
                let mut s = 0.0;
                for i in 0..N {
                    s += self.0[i] * o.0[i];
                }
                s
            }
            pub fn axpy(&mut self, k: f32, o: &V<N>) {
                for i in 0..N {
                    self.0[i] += k * o.0[i];
                }
            }
            pub fn get<const I: usize>(&self) -> f32 {
                self.0[I]
            }
        }
        pub fn cg(a: &[[f32; 3]; 3], b: &[f32; 3]) -> ([f32; 3], usize) {
            let mut x = V::<3>::zeros();
            let mut r = V(*b);
            let mut p = r;
            let mut rs = r.dot(&r);
            for _ in 0..3 {
                let mut ap: V<3> = V::zeros();
                for i in 0..3 {
                    ap.0[i] = V(a[i]).dot(&p);
                }
                let alpha = rs / p.dot(&ap);
                x.axpy(alpha, &p);
                r.axpy(-alpha, &ap);
                let new = r.dot(&r);
                let beta = new / rs;
                rs = new;
                for i in 0..3 {
                    p.0[i] = r.0[i] + beta * p.0[i];
                }
            }
            (x.0, V::<3>::LEN)
        }
        pub fn third(x: f32) -> f32 {
            let v = V([x, 2.0 * x, 3.0 * x]);
            v.get::<2>()
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Complex2 {
            pub re: f32,
            pub im: f32,
        }
        impl Complex2 {
            pub const I: Self = Self { re: 0.0, im: 1.0 };
            pub const ONE: Self = Self { re: 1.0, im: 0.0 };
            pub fn mul(self, o: Self) -> Self {
                Self { re: self.re * o.re - self.im * o.im, im: self.re * o.im + self.im * o.re }
            }
            pub fn sq(self) -> Self {
                self.mul(self)
            }
            pub fn abs2(&self) -> f32 {
                self.re * self.re + self.im * self.im
            }
        }
        pub fn mandelbrot(re: f32, im: f32) -> u32 {
            let c = Complex2 { re, im };
            let mut z = Complex2 { re: 0.0, im: 0.0 };
            let mut n = 0u32;
            while n < 50 && z.abs2() <= 4.0 {
                let s = z.sq();
                z = Complex2 { re: s.re + c.re, im: s.im + c.im };
                n += 1;
            }
            n
        }
        pub fn i2() -> (f32, f32) {
            let z = Complex2::I.mul(Complex2::I).mul(Complex2::ONE);
            (z.re, z.im)
        }
        pub fn clip<T: PartialOrd + Copy>(x: T, lo: T, hi: T) -> T {
            if x < lo {
                lo
            } else if x > hi {
                hi
            } else {
                x
            }
        }
        pub fn clips(a: f32, b: i16, c: u64) -> (f32, i16, u64) {
            (clip(a, -1.0, 1.0), clip(b, -5, 5), clip(c, 2, 3))
        }
        fn window<const N: usize, const K: usize>(x: &[f32; N], at: usize) -> [f32; K] {
            let mut w = [0.0; K];
            for k in 0..K {
                w[k] = x[at + k];
            }
            w
        }
        pub fn windows(x: &[f32; 9]) -> f32 {
            let a: [f32; 3] = window(x, 2);
            let b = window::<9, 2>(x, 5);
            a[0] + a[2] * b[1]
        }
        fn transpose<const R: usize, const C: usize>(m: &[[f32; C]; R]) -> [[f32; R]; C] {
            let mut t = [[0.0; R]; C];
            for r in 0..R {
                for c in 0..C {
                    t[c][r] = m[r][c];
                }
            }
            t
        }
        fn mm<const A: usize, const B: usize, const C: usize>(x: &[[f32; B]; A], y: &[[f32; C]; B]) -> [[f32; C]; A] {
            let mut z = [[0.0; C]; A];
            for i in 0..A {
                for j in 0..C {
                    for k in 0..B {
                        z[i][j] += x[i][k] * y[k][j];
                    }
                }
            }
            z
        }
        pub fn gram(m: &[[f32; 3]; 2]) -> [[f32; 2]; 2] {
            mm(m, &transpose(m))
        }
        pub const ROWS: usize = 2;
        pub const COLS: usize = ROWS + 1;
        pub type Mat = [[f32; COLS]; ROWS];
        pub const EYE: Mat = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
        pub const GAINS: [f32; COLS * 2] = [0.1; COLS * 2];
        pub fn scaled(k: f32) -> Mat {
            let mut m = EYE;
            for r in 0..ROWS {
                for c in 0..COLS {
                    m[r][c] = m[r][c] * k + GAINS[r * COLS + c];
                }
            }
            m
        }
        #[inline]
        #[must_use]
        /// Documented.
        pub fn sq(x: i32) -> i32 {
            x * x
        }
        #[allow(clippy::many_single_char_names)]
        #[cfg(not(any()))]
        pub(crate) fn visible(x: i32) -> i32 {
            sq(x) + 1
        }
        fn maybe(x: f32, bias: Option<f32>) -> f32 {
            match bias {
                Some(b) => x + b,
                None => x,
            }
        }
        fn maybe2(x: f32, bias: Option<&[f32; 2]>) -> f32 {
            if let Some(b) = bias { x + b[1] } else { x }
        }
        fn maybe3(x: f32, bias: Option<f32>) -> f32 {
            let Some(b) = bias else {
                return x;
            };
            x * b + bias.unwrap_or(1.0)
        }
        pub fn options(x: f32) -> f32 {
            maybe(x, Some(2.0)) * maybe(x, None) + maybe2(x, Some(&[1.0, 5.0])) + maybe3(x, None) + maybe3(x, Some(3.0))
        }
        pub fn r#loop(r#in: f32) -> f32 {
            let r#type = r#in * 2.0;
            r#type
        }
    }
    same!(cg(&[[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]], &[1.0, 2.0, 3.0]));
    same!(third(2.0));
    same!(mandelbrot(-0.5, 0.6));
    same!(mandelbrot(0.5, 0.6));
    same!(i2());
    same!(clips(3.0, -9, 1));
    same!(windows(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]));
    same!(gram(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    same!(scaled(2.0));
    same!(sq(5));
    same!(visible(3));
    same!(options(2.0));
    same!(r#loop(2.0));
}
