//! Turns of phrase of Rust, in combination.

both! {
    shapes_of_data {
        type Mat<const R: usize, const C: usize> = [[f32; C]; R];
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Quat(pub f32, pub [f32; 3]);
        impl Quat {
            pub const ONE: Quat = Quat(1.0, [0.0; 3]);
            pub fn mul(self, Quat(w, v): Quat) -> Quat {
                let Quat(a, [x, y, z]) = self;
                let [p, q, r] = v;
                Quat(
                    a * w - x * p - y * q - z * r,
                    [a * p + w * x + y * r - z * q, a * q + w * y + z * p - x * r, a * r + w * z + x * q - y * p],
                )
            }
            pub fn conj(&self) -> Quat {
                Quat(self.0, self.1.map(|c| -c))
            }
            pub fn rotate(&self, v: [f32; 3]) -> [f32; 3] {
                self.mul(Quat(0.0, v)).mul(self.conj()).1
            }
            fn norm2(&self) -> f32 {
                self.1.iter().fold(self.0 * self.0, |s, c| s + c * c)
            }
            pub fn normalized(mut self) -> Self {
                let k = 1.0 / self.norm2().sqrt();
                self.0 *= k;
                for c in &mut self.1 {
                    *c *= k;
                }
                self
            }
        }
        pub fn spin(gyro: [f32; 3], n: u8) -> ([f32; 4], [f32; 3]) {
            let mut q = Quat::ONE;
            for _ in 0..5 {
                let dq = q.mul(Quat(0.0, gyro));
                q = Quat(q.0 + 0.5 * dq.0, core::array::from_fn(|i| q.1[i] + 0.5 * dq.1[i])).normalized();
            }
            let axis = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]][n as usize];
            let Quat(w, [x, y, z]) = q;
            ([w, x, y, z], q.rotate(axis))
        }
        pub fn transpose_mul(a: &Mat<2, 3>, b: &Mat<2, 4>) -> Mat<3, 4> {
            let mut out: Mat<3, 4> = [[0.0; 4]; 3];
            for (i, row) in out.iter_mut().enumerate() {
                for (j, cell) in row.iter_mut().enumerate() {
                    *cell = a.iter().zip(b.iter()).map(|(p, q)| p[i] * q[j]).sum();
                }
            }
            out
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Segment {
            pub from: (i16, i16),
            pub to: (i16, i16),
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Path<const N: usize> {
            pub parts: [Segment; N],
            pub closed: bool,
        }
        pub fn shoelace(points: &[(i16, i16); 4], closed: bool) -> (i32, (i16, i16)) {
            let parts: [Segment; 4] = core::array::from_fn(|k| Segment { from: points[k], to: points[(k + 1) % 4] });
            let path = Path::<4> { parts, closed };
            let area: i32 = path
                .parts
                .iter()
                .map(|Segment { from: (x0, y0), to: (x1, y1) }| *x0 as i32 * *y1 as i32 - *x1 as i32 * *y0 as i32)
                .sum();
            let Path { parts: [first, .., last], closed } = path;
            (area.abs() / 2, if closed { last.to } else { first.from })
        }
        pub fn update_nested(v: f32) -> f32 {
            let base = ([1.0, 2.0], (v, [v; 3]));
            let (a, (b, mut c)) = base;
            c[1..].copy_from_slice(&a);
            c[0] -= b;
            c.iter().sum::<f32>() + a[1]
        }
    }
    same!(spin([0.1, -0.2, 0.3], 0));
    same!(spin([0.1, -0.2, 0.3], 2));
    same!(transpose_mul(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], &[[0.5, 1.5, -1.0, 2.0], [3.0, 0.25, 1.0, -2.0]]));
    same!(shoelace(&[(0, 0), (10, 0), (12, 9), (-1, 5)], true));
    same!(shoelace(&[(0, 1), (10, 0), (12, 9), (-1, 5)], false));
}

both! {
    control {
        pub fn collatz(n: u32) -> (u32, u32) {
            let mut n = n;
            let mut peak = n;
            let steps = 'go: {
                let mut k = 0;
                loop {
                    if n == 1 {
                        break 'go k;
                    }
                    n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
                    peak = peak.max(n);
                    k += 1;
                }
            };
            (steps, peak)
        }
        pub fn search(grid: &[[u8; 5]; 4], needle: u8) -> (i8, i8) {
            let found = 'outer: loop {
                for (y, row) in grid.iter().enumerate() {
                    for (x, &cell) in row.iter().enumerate() {
                        if cell == needle {
                            break 'outer (x as i8, y as i8);
                        }
                    }
                }
                break (-1, -1);
            };
            found
        }
        pub fn bits(x: u32) -> (u32, u32, i32) {
            let mut n = x;
            let mut count = 0;
            while n != 0 {
                n &= n - 1;
                count += 1;
            }
            let mut log = -1;
            let mut m = x;
            while let 1.. = m {
                m >>= 1;
                log += 1;
            }
            (count, x.count_ones(), log)
        }
        pub fn grade(score: i32, bonus: bool) -> i32 {
            match (score, bonus) {
                (s @ (90..=100 | 200), _) => s + 4,
                (s @ 80.., true) => s + 3,
                (80..=89, false) => 30,
                (i32::MIN..0, _) => -1,
                (s, b) if s % 2 == 0 => s / 2 + b as i32,
                _ => 0,
            }
        }
        pub fn let_else(x: Option<i32>) -> i32 {
            let Some(v) = x else { return -1 };
            v * 2
        }
        pub fn options(x: i32) -> i32 {
            let_else(Some(x)) + let_else(None) + if let Some(v) = Some(x) { v } else { 7 } + Some(x).unwrap_or(3) + None.unwrap_or(4)
        }
        pub fn gcd(a: u32, b: u32) -> (u32, i64) {
            let (mut r, mut s, mut t) = ((a as i64, b as i64), (1i64, 0i64), (0i64, 1i64));
            while r.1 != 0 {
                let q = r.0 / r.1;
                r = (r.1, r.0 - q * r.1);
                s = (s.1, s.0 - q * s.1);
                t = (t.1, t.0 - q * t.1);
            }
            (r.0 as u32, s.0 * a as i64 + t.0 * b as i64)
        }
        pub fn modpow(mut base: u64, mut exp: u32, m: u64) -> u64 {
            let mut result = 1;
            base %= m;
            while exp > 0 {
                if exp & 1 == 1 {
                    result = result * base % m;
                }
                exp >>= 1;
                base = base * base % m;
            }
            result
        }
        pub fn is_prime(n: u32) -> bool {
            let mut d = 2;
            while d * d <= n && n % d != 0 {
                d += 1;
            }
            n >= 2 && d * d > n
        }
        pub fn primes() -> [u16; 10] {
            let mut out = [0u16; 10];
            let mut n = 0;
            let mut c = 2u32;
            while n < out.len() {
                if is_prime(c) {
                    out[n] = c as u16;
                    n += 1;
                }
                c += 1;
            }
            out
        }
        pub fn isqrt(n: u32) -> u32 {
            let mut x = n;
            let mut bit = 1u32 << 30;
            let mut res = 0u32;
            while bit > n {
                bit >>= 2;
            }
            while bit != 0 {
                if x >= res + bit {
                    x -= res + bit;
                    res = (res >> 1) + bit;
                } else {
                    res >>= 1;
                }
                bit >>= 2;
            }
            res
        }
        pub fn bresenham(x1: i32, y1: i32) -> ([[u8; 8]; 8], i32) {
            let mut g = [[0u8; 8]; 8];
            let (dx, dy) = (x1.abs(), -y1.abs());
            let (sx, sy) = (x1.signum(), y1.signum());
            let (mut x, mut y, mut err, mut n) = (0i32, 0i32, dx + dy, 0);
            loop {
                g[y as usize][x as usize] = 1;
                n += 1;
                if x == x1 && y == y1 {
                    break;
                }
                let e2 = 2 * err;
                if e2 >= dy {
                    err += dy;
                    x += sx;
                }
                if e2 <= dx {
                    err += dx;
                    y += sy;
                }
            }
            (g, n)
        }
        pub fn flood(g: &[[u8; 4]; 4]) -> (u32, [[u8; 4]; 4]) {
            let mut m = *g;
            m[0][0] = 2;
            let mut changed = true;
            let mut rounds = 0;
            while changed {
                changed = false;
                rounds += 1;
                for y in 0..4 {
                    for x in 0..4 {
                        if m[y][x] != 1 {
                            continue;
                        }
                        let near = (y > 0 && m[y - 1][x] == 2)
                            || (y < 3 && m[y + 1][x] == 2)
                            || (x > 0 && m[y][x - 1] == 2)
                            || (x < 3 && m[y][x + 1] == 2);
                        if near {
                            m[y][x] = 2;
                            changed = true;
                        }
                    }
                }
            }
            (rounds, m)
        }
        pub fn lcg(seed: u64) -> ([u8; 6], u64) {
            let mut s = seed;
            let mut next = || {
                s = s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (s >> 33) as u32
            };
            let mut perm = [0, 1, 2, 3, 4, 5];
            for i in (1..6).rev() {
                let j = (next() % (i as u32 + 1)) as usize;
                perm.swap(i, j);
            }
            (perm, s)
        }
        pub fn shadowed(x: f32) -> f32 {
            let x = x + 1.0;
            let y = {
                let x = x * 2.0;
                let x = x - 0.5;
                x * x
            };
            let x = if y > x { y } else { let x = -x; x };
            x
        }
        pub fn early(x: &[f32; 4], limit: f32) -> f32 {
            let mut total = 0.0;
            for v in x {
                if *v < 0.0 {
                    continue;
                }
                total += v;
                total = if total > limit { break } else { total * 0.5 };
            }
            total
        }
        pub fn nested_breaks(x: i32) -> (i32, i32) {
            let mut n = 0;
            let a = loop {
                let b = loop {
                    n += 1;
                    if n * n > x {
                        break n;
                    }
                };
                if b > 7 {
                    break b * 10;
                }
                n += 2;
            };
            (a, n)
        }
    }
    same!(collatz(27));
    same!(search(&[[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [0; 5], [1; 5]], 9));
    same!(search(&[[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [0; 5], [1; 5]], 99));
    same!(bits(0xF0F1));
    for (s, b) in [(95, true), (200, false), (85, true), (85, false), (-5, false), (40, true), (41, true)] {
        same!(grade(s, b));
    }
    same!(options(5));
    same!(gcd(252, 105));
    same!(modpow(7, 560, 561));
    same!(primes());
    same!(isqrt(1_000_003));
    same!(bresenham(7, 3));
    same!(flood(&[[1, 1, 0, 1], [0, 1, 0, 1], [0, 1, 1, 0], [1, 0, 1, 1]]));
    same!(lcg(42));
    same!(shadowed(0.5));
    same!(early(&[1.0, -2.0, 3.0, 9.0], 5.0));
    same!(early(&[1.0, -2.0, 3.0, 9.0], 50.0));
    same!(nested_breaks(10));
}

both! {
    iterating {
        pub fn dot3(a: &[f32; 5], b: &[f32; 5], w: &[f32; 5]) -> f32 {
            a.iter().zip(b).zip(w).map(|((a, b), w)| a * b * w).sum()
        }
        pub fn backwards(x: &[i32; 6]) -> (i32, [i32; 6], usize) {
            let mut out = *x;
            out.reverse();
            let mut s = 0;
            for (i, v) in x.iter().enumerate().rev() {
                s = s * 3 + v * i as i32;
            }
            (s, out, x.iter().skip(1).map(|v| v % 5).filter(|v| *v > 1).count())
        }
        pub fn stepping(x: &[f32; 8]) -> [f32; 4] {
            let mut out = [0.0; 4];
            for (o, pair) in out.iter_mut().zip(x.chunks_exact(2)) {
                *o = (pair[0] + pair[1]) * 0.5;
            }
            for i in (1..4).step_by(2).rev() {
                out[i] -= out[i - 1];
            }
            out
        }
        pub fn extremes(x: &[f32; 5]) -> (f32, f32, bool, bool, usize) {
            let hi = x.iter().cloned().fold(f32::NEG_INFINITY, f32::max);
            let lo = x.iter().copied().reduce(f32::min).unwrap();
            let n = x.iter().filter(|v| **v > 0.0).count();
            (lo, hi, x.iter().any(|&v| v < 0.0), x.iter().all(|v| v.is_finite()), n)
        }
        pub fn polynomial(c: &[f32; 4], x: f32) -> (f32, f32) {
            let value = c.iter().rev().fold(0.0, |acc, &k| acc * x + k);
            let slope = c.iter().enumerate().skip(1).map(|(i, k)| i as f32 * k * x.powi(i as i32 - 1)).sum();
            (value, slope)
        }
        pub fn filled(n: u8) -> ([u8; 6], bool) {
            let mut a = [0; 6];
            a[..3].fill(n);
            a[3..].copy_from_slice(&[7, 8, 9]);
            let (left, right) = a.split_at(2);
            (a, left[1] == right[0])
        }
        pub fn nested_iters(m: &[[i32; 3]; 3]) -> (i32, i32, [i32; 3], i32) {
            let total: i32 = m.iter().map(|r| r.iter().sum::<i32>()).sum();
            let trace = (0..3).map(|i| m[i][i]).sum();
            let col: [i32; 3] = core::array::from_fn(|j| m.iter().map(|r| r[j]).max().unwrap());
            let flat = m.iter().flatten().fold(0, |a, b| a * 2 + b);
            (total, trace, col, flat)
        }
        pub fn inclusive(n: i32) -> (i32, i32, i32) {
            let a = (1..=5).map(|k| k * n).sum();
            let b = (0..=8).step_by(4).product::<i32>();
            let mut c = 0;
            for i in (0..=n).rev() {
                c = c * 2 + i;
            }
            (a, b, c)
        }
        pub fn carried_tuple(x: &[f32; 6]) -> (f32, f32) {
            x.iter().fold((0.0, 1.0), |(s, p), &v| (s + v, p * v))
        }
        pub fn sum_of_squares<I: Fn(usize) -> f32>(n: usize, f: I) -> f32 {
            (0..n).map(|i| f(i) * f(i)).sum()
        }
        pub fn closures_passed(a: f32) -> f32 {
            let table = [1.0, 2.0, a, 4.0];
            sum_of_squares(4, |i| table[i] + a) + sum_of_squares(2, move |i| i as f32 - a)
        }
        pub fn last_and_first(x: &[u16; 5]) -> (u16, u16, bool, usize) {
            (*x.first().unwrap(), *x.last().unwrap(), x.contains(&7), x.iter().take(3).filter(|&&v| v % 2 == 1).count())
        }
        pub fn pairs(x: &[i32; 5]) -> (i32, bool) {
            let mut best = i32::MAX;
            for i in 0..x.len() {
                for j in i + 1..x.len() {
                    best = best.min((x[i] - x[j]).abs());
                }
            }
            (best, x.windows(2).all(|w| w[0] <= w[1]))
        }
        pub fn prefix(x: &[i64; 5]) -> [i64; 6] {
            let mut out = [0; 6];
            for (i, v) in x.iter().enumerate() {
                out[i + 1] = out[i] + v;
            }
            out
        }
        pub fn filtered(x: &[i32; 8]) -> (i32, usize, i32, i32) {
            let even = x.iter().filter(|v| **v % 2 == 0).map(|v| v * 10).sum();
            let big = x.iter().filter(|&&v| v > 3).count();
            let mut last = 0;
            for (i, v) in x.iter().enumerate().filter(|(i, _)| i % 3 != 0).rev() {
                if *v < 0 {
                    continue;
                }
                if *v > 8 {
                    break;
                }
                last = last * 2 + *v + i as i32;
            }
            let mut odd = 0;
            x.iter().copied().filter(|v| v & 1 == 1).for_each(|v| odd += v);
            (even, big, last, odd)
        }
        pub fn ends(x: &[i32; 8], m: &[[f32; 2]; 3]) -> (i32, i32, i32, f32) {
            let widest = m.iter().flatten().copied().reduce(|a, b| if b * b > a * a { b } else { a }).unwrap();
            (*x.iter().last().unwrap(), *x.iter().rev().nth(2).unwrap(), x.iter().map(|v| v * 2).last().unwrap(), widest)
        }
        pub fn jumps_in_expressions(x: &[i32; 8]) -> (i32, i32, i32) {
            let (mut total, mut seen) = (0, 0);
            for &v in x {
                total = total * 2 + if v < 0 { continue } else { v };
                seen += match v {
                    9 => break,
                    0..=4 if v != 2 => 1,
                    _ => 2,
                } * (total % 5);
            }
            let found = 'search: {
                for (i, v) in x.iter().enumerate() {
                    let twice = 2 * if *v > 4 { break 'search i as i32 } else { *v };
                    total -= twice;
                }
                -1
            };
            (total, seen, found)
        }
        pub fn zip_mut(a: [f32; 4], b: [f32; 4]) -> ([f32; 4], [f32; 4]) {
            let (mut a, mut b) = (a, b);
            for (x, y) in a.iter_mut().zip(b.iter_mut()) {
                core::mem::swap(x, y);
                *x += 1.0;
            }
            (a, b)
        }
        pub fn while_index(x: &[i32; 6]) -> i32 {
            let mut i = 0;
            let mut s = 0;
            while i < x.len() && x[i] >= 0 {
                s += x[i];
                i += 1;
            }
            s + i as i32
        }
    }
    same!(dot3(&[1.0, 2.0, 3.0, 4.0, 5.0], &[0.5; 5], &[1.0, -1.0, 1.0, -1.0, 1.0]));
    same!(backwards(&[1, 4, 3, 4, 5, 6]));
    same!(stepping(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.5]));
    same!(extremes(&[1.0, -2.0, 3.5, 0.0, 2.0]));
    same!(polynomial(&[1.0, -2.0, 0.5, 3.0], 1.5));
    same!(filled(5));
    same!(nested_iters(&[[1, 2, 3], [4, 5, 6], [7, 8, 10]]));
    same!(inclusive(6));
    same!(carried_tuple(&[1.0, 2.0, 3.0, 0.5, 1.5, -1.0]));
    same!(closures_passed(3.0));
    same!(last_and_first(&[3, 5, 8, 7, 9]));
    same!(pairs(&[3, 9, 14, 16, 40]));
    same!(prefix(&[3, 9, 14, 16, 40]));
    same!(filtered(&[4, -1, 7, 0, 9, 2, 5, 6]));
    same!(ends(&[4, -1, 7, 0, 9, 2, 5, 6], &[[1.0, -4.0], [3.0, 2.5], [0.5, 3.5]]));
    same!(jumps_in_expressions(&[4, -1, 2, 0, 5, 9, 5, 6]));
    same!(jumps_in_expressions(&[4, -1, 2, 0, 1, -7, 3, 4]));
    same!(zip_mut([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]));
    same!(while_index(&[3, 9, 0, 16, -1, 8]));
}

both! {
    numbers {
        pub fn casts(x: f32, n: i32) -> (u8, i8, u16, i64, u32, f32, bool) {
            (x as u8, x as i8, n as u16, n as i64 * 3, n as i8 as u32, (n as u8) as f32, n as i8 == -1)
        }
        pub fn wrap(a: u8, b: i16) -> (u8, i16, u8, i16, u8) {
            (a.wrapping_add(200), b.wrapping_mul(300), a.wrapping_sub(1), b.wrapping_neg(), a.wrapping_shl(3))
        }
        pub fn saturate(a: u8, b: i16) -> (u8, i16, u8, i16) {
            (a.saturating_add(200), b.saturating_mul(300), a.saturating_sub(201), b.saturating_add(i16::MAX))
        }
        pub fn checked(a: u8, b: u8) -> (u8, bool, bool) {
            let (v, over) = a.overflowing_add(b);
            (v, over, a.overflowing_mul(b).1)
        }
        pub fn euclid(a: i32, b: i32) -> (i32, i32, i32, i32, u32) {
            (a / b, a % b, a.div_euclid(b), a.rem_euclid(b), a.unsigned_abs())
        }
        pub fn rotations(x: u32) -> (u32, u32, u32, u32, u16) {
            (x.rotate_left(7), x.rotate_right(3), x.swap_bytes(), x.leading_zeros() + x.trailing_zeros(), (x as u16).reverse_bits())
        }
        pub fn fixed_mul(a: i32, b: i32) -> (i32, i16) {
            let q16 = ((a as i64 * b as i64) >> 16) as i32;
            let q15 = ((a as i16 as i32 * b as i16 as i32 + 0x4000) >> 15).clamp(i16::MIN as i32, i16::MAX as i32) as i16;
            (q16, q15)
        }
        pub fn floats(x: f32, y: f32) -> (f32, f32, f32, f32, i32) {
            (x.mul_add(y, 1.0), x.copysign(-y), x.fract() + y.trunc(), x.powi(3), x.floor() as i32 - y.ceil() as i32)
        }
        pub fn classify(x: f32) -> (bool, bool, bool, u32, f32) {
            (x.is_nan(), x.is_sign_negative(), x.is_finite(), x.to_bits() >> 23 & 0xFF, f32::from_bits(x.to_bits() ^ 1 << 31))
        }
        pub fn fast_inverse_sqrt(x: f32) -> f32 {
            let i = 0x5f37_59df - (x.to_bits() >> 1);
            let y = f32::from_bits(i);
            y * (1.5 - 0.5 * x * y * y)
        }
        pub fn cordic(angle: i32) -> (i32, i32) {
            const ATAN: [i32; 8] = [25_736, 15_193, 8_027, 4_075, 2_045, 1_024, 512, 256];
            let (mut x, mut y, mut z) = (19_898, 0, angle);
            for (i, a) in ATAN.iter().enumerate() {
                let (dx, dy) = (x >> i, y >> i);
                if z >= 0 {
                    (x, y, z) = (x - dy, y + dx, z - a);
                } else {
                    (x, y, z) = (x + dy, y - dx, z + a);
                }
            }
            (x, y)
        }
        pub fn xorshift(seed: u64) -> (u64, f64) {
            let mut s = seed;
            let mut acc = 0.0;
            for _ in 0..5 {
                s ^= s << 13;
                s ^= s >> 7;
                s ^= s << 17;
                acc += (s >> 11) as f64 / (1u64 << 53) as f64;
            }
            (s, acc)
        }
        pub fn mixed(n: u16, x: f64) -> f64 {
            let half = f64::from(n) / 2.0;
            let k = n as f32 * 0.1;
            half * x + k as f64 - (n / 2) as f64
        }
        pub fn constants(x: f32) -> (f32, i8, u64, f32, u32) {
            (x * core::f32::consts::PI, i8::MAX, u64::MAX >> 60, f32::EPSILON + f32::MIN_POSITIVE, u16::BITS)
        }
        pub fn literals(x: u32) -> (u32, u64, f32, u8) {
            (x & 0xFFFF_0000 | 0b1010_1010, 1_000_000_007, 1e-3 + 2.5E2f32, b'z' - b'\n')
        }
        pub fn powers(x: u32, y: i32) -> (u32, i32, bool, u32) {
            (x.pow(3), y.pow(2) - 2i32.pow(5), x.is_power_of_two(), x.next_power_of_two())
        }
        pub fn comparisons(a: f32, b: f32, n: u8, m: u8) -> (f32, u8, bool, bool) {
            (a.min(b) - a.max(b), n.min(m) + n.max(m).abs_diff(3), a < b && n >= m, !(a == b) ^ (n != m))
        }
        pub fn leap(y: u32) -> (bool, u8) {
            let leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
            (leap, 28 + u8::from(leap))
        }
        pub fn unix_day(days: u32) -> (u32, u32, u32) {
            let z = days + 719_468;
            let era = z / 146_097;
            let doe = z - era * 146_097;
            let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
            let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
            let mp = (5 * doy + 2) / 153;
            let m = if mp < 10 { mp + 3 } else { mp - 9 };
            (yoe + era * 400 + (m <= 2) as u32, m, doy - (153 * mp + 2) / 5 + 1)
        }
        pub fn aes_xtime(b: u8) -> [u8; 4] {
            let mut v = b;
            core::array::from_fn(|_| {
                let out = v;
                v = (v << 1) ^ (0x1B & (((v as i8) >> 7) as u8));
                out
            })
        }
    }
    same!(casts(300.7, -1));
    same!(casts(-3.9, 70_000));
    same!(wrap(100, -1234));
    same!(saturate(100, -1234));
    same!(checked(200, 100));
    same!(checked(2, 100));
    same!(euclid(-7, 3));
    same!(euclid(7, -3));
    same!(rotations(0xDEAD_BEEF));
    same!(fixed_mul(98_304, -40_000));
    same!(floats(2.5, -1.25));
    same!(classify(-0.0));
    same!(classify(1.5e10));
    same!(fast_inverse_sqrt(4.0));
    same!(cordic(17_000));
    same!(xorshift(88_172_645_463_325_252));
    same!(mixed(7, 1.5));
    same!(constants(2.0));
    same!(literals(0x1234_5678));
    same!(powers(5, -3));
    same!(comparisons(1.0, 2.0, 5, 9));
    same!(leap(2000));
    same!(unix_day(19_782));
    same!(aes_xtime(0xD4));
}
