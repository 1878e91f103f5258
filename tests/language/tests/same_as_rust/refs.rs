both! {
    refs {
        pub fn aliases(x: &[f32; 4]) -> ([f32; 4], f32) {
            let mut y = *x;
            let r = &mut y[2];
            *r += 10.0;
            *r *= 2.0;
            let (a, b) = (&mut y, 3.0);
            a[0] = b;
            let s = &mut a[1];
            *s = -1.0;
            let mut t = 0.0;
            {
                let u = &mut t;
                *u += y[2];
            }
            (y, t)
        }
        fn bump(v: &mut f32, by: f32) {
            *v += by;
        }
        fn bump_twice(v: &mut f32, by: f32) {
            bump(v, by);
            bump(&mut *v, by);
            let w = v;
            *w += 1.0;
        }
        pub fn through(x: f32) -> f32 {
            let mut y = x;
            bump_twice(&mut y, 2.0);
            let r = &mut y;
            bump(r, 1.0);
            y
        }
        fn shadow(x: &mut f32) -> f32 {
            let x = *x * 2.0;
            let x = x + 1.0;
            x
        }
        pub fn not_written(x: f32) -> (f32, f32) {
            let mut y = x;
            let z = shadow(&mut y);
            (y, z)
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct S {
            pub a: f32,
            pub b: [f32; 3],
            pub n: i32,
        }
        fn touch(s: &mut S) {
            let S { a, b, n } = s;
            *a += 1.0;
            b[1] = *a;
            *n -= 1;
        }
        pub fn destructured(x: f32) -> (f32, [f32; 3], i32) {
            let mut s = S { a: x, b: [0.0; 3], n: 0 };
            touch(&mut s);
            let b = &mut s.b;
            b[2] += 4.0;
            for v in b.iter_mut() {
                *v *= 2.0;
            }
            let n = &mut s.n;
            *n = if x > 0.0 { 5 } else { *n };
            (s.a, s.b, s.n)
        }
        pub fn matrices(m: &[[f32; 3]; 2]) -> [[f32; 3]; 2] {
            let mut out = *m;
            for row in out.iter_mut() {
                let mut norm = 0.0;
                for v in row.iter() {
                    norm += v * v;
                }
                for v in row.iter_mut() {
                    *v /= norm;
                }
            }
            for row in &mut out {
                row[0] = 0.5;
            }
            for (i, row) in out.iter_mut().enumerate() {
                for (j, v) in row.iter_mut().enumerate() {
                    *v += (i * 3 + j) as f32;
                }
            }
            out
        }
        pub fn zipped(x: &[f32; 5], y: &[f32; 5]) -> [f32; 5] {
            let mut z = [0.0; 5];
            for ((o, a), b) in z.iter_mut().zip(x.iter()).zip(y) {
                *o = a * b;
            }
            for (i, o) in z.iter_mut().enumerate().skip(1).step_by(2) {
                *o += i as f32;
            }
            for o in z.iter_mut().rev().take(2) {
                *o = -*o;
            }
            z
        }
        pub fn slices(x: &[f32; 8]) -> ([f32; 8], f32) {
            let mut y = *x;
            y.swap(0, 7);
            for c in y.chunks_mut(4) {
                c[0] += 100.0;
                c[3] *= 2.0;
            }
            let mut best = f32::MIN;
            for w in x.windows(3) {
                let m = w[0] + w[1] + w[2];
                if m > best {
                    best = m;
                }
            }
            for c in x.chunks_exact(3) {
                best += c[1];
            }
            let head = &mut y[1..3];
            head[0] = 7.0;
            head[1] = 8.0;
            y[4..6].copy_from_slice(&x[0..2]);
            y[6..].fill(1.5);
            y.reverse();
            y.rotate_left(1);
            (y, best)
        }
        pub fn in_branch(x: f32, c: bool) -> [f32; 3] {
            let mut y = [x; 3];
            let r = &mut y[1];
            if c {
                *r = 0.0;
            } else {
                *r += 1.0;
            }
            for i in 0..3 {
                let r = &mut y[i];
                *r += i as f32;
            }
            y
        }
        pub fn swapped(a: f32, b: f32) -> (f32, f32, f32) {
            let (mut a, mut b) = (a, b);
            core::mem::swap(&mut a, &mut b);
            let old = core::mem::replace(&mut a, 9.0);
            (a, b, old)
        }
    }
    let x = [1.0, 2.0, 3.0, 4.0];
    same!(aliases(&x));
    same!(through(1.0));
    same!(not_written(1.0));
    same!(destructured(1.5));
    same!(destructured(-1.5));
    same!(matrices(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    same!(zipped(&[1.0, 2.0, 3.0, 4.0, 5.0], &[0.5, 1.5, 2.5, 3.5, 4.5]));
    same!(slices(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]));
    same!(in_branch(2.0, true));
    same!(in_branch(2.0, false));
    same!(swapped(1.0, 2.0));
}
