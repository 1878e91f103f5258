both! {
    literals {
        pub fn of_a_branch(x: f64) -> f64 {
            let k = if x > 0.0 { 0.1 } else { 0.7 };
            let (a, b) = match (x > 0.2, x > 0.1) {
                (true, _) => (0.3, 0.7),
                (false, true) => (0.7, 0.3),
                _ => (0.9, 0.1),
            };
            k * x + a * x * x + b
        }
        pub fn of_a_loop(x: f64) -> f64 {
            let mut k = 0.1;
            for _ in 0..3 {
                k *= 1.1;
            }
            let mut s = 0.0;
            let mut sign = 1.0;
            for i in 0..40 {
                s += sign / (2 * i + 1) as f64;
                sign = -sign;
            }
            k * x + 4.0 * s
        }
        pub fn root(a: f64) -> f64 {
            let mut x = 1.0;
            for _ in 0..20 {
                x = 0.5 * (x + a / x);
            }
            x
        }
        pub fn kahan(x: &[f64; 5]) -> f64 {
            let (mut s, mut c) = (0.0, 0.0);
            for &v in x {
                let y = v * 0.1 - c;
                let t = s + y;
                c = (t - s) - y;
                s = t;
            }
            s
        }
        pub fn welford(x: &[f64; 5]) -> (f64, f64) {
            let (mut n, mut m, mut m2) = (0.0, 0.0, 0.0);
            for v in x.iter() {
                n += 1.0;
                let d = v - m;
                m += d / n;
                m2 += d * (v - m);
            }
            (m, m2 / (n - 1.0))
        }
        pub fn both_precisions(x: f32, y: f64) -> (f32, f64) {
            fn grown32(x: f32) -> f32 {
                let mut k = 0.1;
                for _ in 0..3 {
                    k *= 1.1;
                }
                x * k
            }
            let mut k = 0.1;
            for _ in 0..3 {
                k *= 1.1;
            }
            (grown32(x), y * k)
        }
        pub fn factorial() -> u64 {
            let mut a = 1;
            for i in 1..=20 {
                a *= i;
            }
            a
        }
        pub fn counted(x: &[u8; 6]) -> (u8, i64, [u32; 4]) {
            let mut n = 0;
            let mut wide = 0;
            let mut bins = [0; 4];
            for &v in x {
                if v > 1 {
                    n += 200;
                }
                wide += if v > 2 { 3_000_000_000 } else { -1 };
                bins[(v >> 1) as usize & 3] += 1;
            }
            (n, wide, bins)
        }
        pub fn below_zero(x: &[u32; 4]) -> (u32, u32) {
            let mut low = 0;
            for v in x {
                low -= 1;
                if low > *v {
                    low /= 3;
                }
            }
            (low, low % 7)
        }
        pub fn hashes(x: &[u8; 6]) -> (u64, u32) {
            let mut h = 5381;
            let mut g = 0x811c_9dc5;
            for &b in x {
                h = (h << 5) + h + b as u64;
                g ^= b as u32;
                g *= 0x0100_0193;
            }
            (h, g)
        }
        pub fn closest(x: &[f64; 5]) -> f64 {
            let mut best = 1e300;
            let mut at = 0;
            for i in 0..5 {
                let mut cost = 0.1;
                for j in 0..5 {
                    cost += (x[i] - x[j]).abs();
                    cost *= 0.9;
                }
                if cost < best {
                    best = cost;
                    at = i;
                }
            }
            best + at as f64
        }
    }
    for x in [-0.3, 0.15, 0.25, 2.0] {
        same!(of_a_branch(x));
        same!(of_a_loop(x));
        same!(root(x + 0.7));
        same!(both_precisions(x as f32, x));
    }
    let x = [0.3, -0.7, 1.1, 0.9, -2.3];
    same!(kahan(&x));
    same!(welford(&x));
    same!(closest(&x));
    same!(factorial());
    same!(counted(&[3, 0, 5, 2, 7, 1]));
    same!(below_zero(&[7, 0, u32::MAX, 9]));
    same!(hashes(b"kernel"));
}
