both! {
    iterators {
        pub fn sums(x: &[f32; 7]) -> (f32, f32, f32, f32) {
            let s: f32 = x.iter().sum();
            let p = x.iter().map(|v| v * 0.5).product::<f32>();
            let q: f32 = x.iter().map(|&v| v * v).sum();
            let d: f32 = x.iter().zip(x.iter().rev()).map(|(a, b)| a * b).sum();
            (s, p, q, d)
        }
        pub fn folds(x: &[f32; 7]) -> (f32, f32, f32, bool, bool) {
            let m = x.iter().fold(f32::MIN, |a, &b| a.max(b));
            let n = x.iter().copied().fold(f32::INFINITY, f32::min);
            let h = x.iter().rev().fold(0.0, |acc, c| acc * 2.0 + c);
            (m, n, h, x.iter().all(|v| *v > 0.0), x.iter().any(|&v| v > 6.5))
        }
        pub fn ints(x: &[i32; 5]) -> (i32, i32, usize, i32) {
            let m = *x.iter().max().unwrap();
            let n = x.iter().min().unwrap();
            let mut s = 0;
            x.iter().skip(1).for_each(|v| s += v);
            (m, *n, x.iter().count(), s)
        }
        pub fn ranges(n: i32) -> (i32, i32, i64) {
            let a = (0..10).map(|i| i * n).sum();
            let b: i32 = (1..=5).product();
            let c = (0..6i64).rev().step_by(2).map(|i| i * i).sum::<i64>();
            (a, b, c)
        }
        pub fn poly(c: &[f32; 4], x: f32) -> f32 {
            c.iter().rev().fold(0.0, |acc, &k| acc * x + k)
        }
        pub fn variance(x: &[f32; 7]) -> f32 {
            let n = x.len() as f32;
            let mean = x.iter().sum::<f32>() / n;
            x.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / (n - 1.0)
        }
        pub fn matvec(m: &[[f32; 3]; 4], v: &[f32; 3]) -> [f32; 4] {
            let mut y = [0.0; 4];
            for (y, row) in y.iter_mut().zip(m.iter()) {
                *y = row.iter().zip(v.iter()).map(|(a, b)| a * b).sum();
            }
            y
        }
        pub fn enumerate_sum(x: &[f32; 7]) -> f32 {
            x.iter().enumerate().map(|(i, v)| i as f32 * v).sum()
        }
        pub fn downwards() -> usize {
            let mut s = 0;
            for i in (1..5usize).rev() {
                s = s * 10 + i;
            }
            s
        }
        pub fn tuples() -> i32 {
            let mut s = 0;
            for (a, b) in [(1, 2), (3, 4), (5, 6)] {
                s += a * b;
            }
            s
        }
        pub fn arrays() -> f32 {
            let mut s = 0.0;
            for k in [0.5, 0.25, 0.125] {
                s += k;
            }
            for (i, k) in [1.0, 2.0].into_iter().enumerate() {
                s += k * i as f32;
            }
            s
        }
    }
    let x = [1.0, 2.0, 3.0, 4.5, 5.0, 6.0, 7.0];
    same!(sums(&x));
    same!(folds(&x));
    same!(ints(&[3, -1, 4, 1, 5]));
    same!(ranges(3));
    same!(poly(&[1.0, 2.0, 3.0, 4.0], 0.5));
    same!(variance(&x));
    same!(matvec(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [1.0, 0.0, 1.0]], &[1.0, 0.5, 0.25]));
    same!(enumerate_sum(&x));
    same!(tuples());
    same!(downwards());
    same!(arrays());
}
