//! Programs that are Rust as they stand: compiled by rustc and by Kiln they yield the same bits.
//!
//! Every block is expanded twice, as a plain module and as a `#[jit]` module; the lines behind it call both.
#![deny(warnings)]
#![forbid(unsafe_code)]
#![allow(clippy::all)] // Plain Rust that is written as kernels are, with indices.

macro_rules! both {
    ($name:ident { $($items:tt)* } $($checks:tt)*) => {
        mod $name {
            #[allow(dead_code, unused)]
            mod plain {
                use core::cmp::PartialOrd as Tree; // Something to derive that is not Kiln's.
                $($items)*
            }
            #[allow(unused_imports)]
            #[kiln::jit]
            mod kernel {
                use kiln::prelude::*;
                $($items)*
            }
            #[allow(unused_macros)]
            macro_rules! same {
                ($f:ident $args:tt) => {
                    assert_eq!(kernel::$f $args, plain::$f $args, stringify!($f $args))
                };
            }
            #[test]
            fn the_same_as_rust() {
                $($checks)*
            }
        }
    };
}

both! {
    crc {
        pub const POLY: u8 = 0x07;
        pub fn crc8(data: &[u8; 9]) -> u8 {
            let mut crc: u8 = 0;
            for &byte in data.iter() {
                crc ^= byte;
                for _ in 0..8 {
                    if crc & 0x80 != 0 {
                        crc = (crc << 1) ^ POLY;
                    } else {
                        crc <<= 1;
                    }
                }
            }
            crc
        }
        pub fn crc32(data: &[u8; 9]) -> u32 {
            let mut crc = 0xFFFF_FFFFu32;
            for b in data {
                crc ^= *b as u32;
                for _ in 0..8 {
                    let mask = if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
                    crc = (crc >> 1) ^ mask;
                }
            }
            !crc
        }
        pub fn crc16(data: &[u8; 9], init: u16) -> u16 {
            let mut crc = init;
            for i in 0..data.len() {
                crc ^= (data[i] as u16) << 8;
                for _ in 0..8 {
                    crc = if (crc & 0x8000) != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 };
                }
            }
            crc
        }
        pub fn fletcher(data: &[u8; 9]) -> u16 {
            let (mut a, mut b) = (0u16, 0u16);
            for &d in data {
                a = (a + d as u16) % 255;
                b = (b + a) % 255;
            }
            (b << 8) | a
        }
        pub fn adler(data: &[u8; 9]) -> u32 {
            const MOD: u32 = 65521;
            let mut a = 1u32;
            let mut b = 0u32;
            for d in data.iter() {
                a = (a + u32::from(*d)) % MOD;
                b = (b + a) % MOD;
            }
            (b << 16) | a
        }
    }
    let d = *b"123456789";
    same!(crc8(&d));
    same!(crc32(&d));
    same!(crc16(&d, 0xFFFF));
    same!(fletcher(&d));
    same!(adler(&d));
    assert_eq!(kernel::crc32(&d), 0xCBF4_3926);
}

both! {
    fixed {
        pub fn mul_q15(a: i16, b: i16) -> i16 {
            let p = a as i32 * b as i32;
            let r = (p + (1 << 14)) >> 15;
            r.clamp(-32768, 32767) as i16
        }
        pub fn sat_add8(a: i8, b: i8) -> i8 {
            let s = a as i16 + b as i16;
            if s > 127 {
                127
            } else if s < -128 {
                -128
            } else {
                s as i8
            }
        }
        pub fn q15_dot(a: &[i16; 8], b: &[i16; 8]) -> i32 {
            let mut acc: i64 = 0;
            for i in 0..8 {
                acc += (a[i] as i64) * (b[i] as i64);
            }
            (acc >> 15) as i32
        }
        pub fn isqrt(n: u32) -> u32 {
            let mut x = n;
            let mut res = 0u32;
            let mut bit = 1u32 << 30;
            while bit > x {
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
        pub fn gcd(a: u32, b: u32) -> u32 {
            let (mut a, mut b) = (a, b);
            while b != 0 {
                let t = b;
                b = a % b;
                a = t;
            }
            a
        }
        pub fn collatz(n: u64) -> u32 {
            let mut n = n;
            let mut steps = 0;
            while n != 1 {
                n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
                steps += 1;
            }
            steps
        }
        pub fn popcount(x: u32) -> u32 {
            let x = x - ((x >> 1) & 0x5555_5555);
            let x = (x & 0x3333_3333) + ((x >> 2) & 0x3333_3333);
            ((x + (x >> 4) & 0xF0F_0F0F) * 0x101_0101) >> 24
        }
        pub fn reverse_bits(x: u8) -> u8 {
            let mut x = x;
            let mut r = 0u8;
            for _ in 0..8 {
                r = (r << 1) | (x & 1);
                x >>= 1;
            }
            r
        }
        pub fn xorshift(seed: u32) -> [u32; 5] {
            let mut s = seed;
            let mut out = [0u32; 5];
            for o in out.iter_mut() {
                s ^= s << 13;
                s ^= s >> 17;
                s ^= s << 5;
                *o = s;
            }
            out
        }
        pub fn lcg(seed: u64) -> u64 {
            let mut s = seed;
            for _ in 0..10 {
                s = s.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            }
            s >> 33
        }
        pub fn cordic(angle: i32) -> (i32, i32) {
            const TABLE: [i32; 8] = [25735, 15192, 8027, 4074, 2045, 1023, 511, 255];
            let mut x = 19898;
            let mut y = 0;
            let mut z = angle;
            for i in 0..8 {
                let (dx, dy) = (y >> i, x >> i);
                if z >= 0 {
                    x -= dx;
                    y += dy;
                    z -= TABLE[i];
                } else {
                    x += dx;
                    y -= dy;
                    z += TABLE[i];
                }
            }
            (x, y)
        }
        pub fn to_bcd(n: u16) -> u32 {
            let mut n = n;
            let mut out = 0u32;
            let mut shift = 0;
            while n > 0 {
                out |= ((n % 10) as u32) << shift;
                n /= 10;
                shift += 4;
            }
            out
        }
        pub fn abs_diff(a: u8, b: u8) -> u8 {
            if a > b { a - b } else { b - a }
        }
        pub fn pow_mod(base: u64, exp: u32, m: u64) -> u64 {
            let mut result = 1;
            let mut base = base % m;
            let mut exp = exp;
            while exp > 0 {
                if exp & 1 == 1 {
                    result = result * base % m;
                }
                exp >>= 1;
                base = base * base % m;
            }
            result
        }
        pub fn casts(x: f32) -> (i8, u8, i16, u16, i32, u32, i64, u64) {
            (x as i8, x as u8, x as i16, x as u16, x as i32, x as u32, x as i64, x as u64)
        }
        pub fn narrowing(x: i32) -> (i8, u8, i16, u16, u32, i64, u64, f32, f64) {
            (x as i8, x as u8, x as i16, x as u16, x as u32, x as i64, x as u64, x as f32, x as f64)
        }
        pub fn chain(x: i32) -> u32 {
            x as u8 as i8 as i32 as u32
        }
    }
    for (a, b) in [(100i16, 200i16), (-32768, -32768), (32767, -32768), (12345, -2345)] {
        same!(mul_q15(a, b));
    }
    for (a, b) in [(100i8, 100i8), (-100, -100), (1, 2)] {
        same!(sat_add8(a, b));
    }
    same!(q15_dot(&[1, -2, 3, 30000, -30000, 5, 6, 7], &[9, 8, 7, 30000, 30000, -4, 3, 2]));
    for n in [0u32, 1, 2, 3, 4, 99, 100, 65535, 4294967295] {
        same!(isqrt(n));
        same!(popcount(n));
    }
    same!(gcd(1071, 462));
    same!(gcd(0, 5));
    same!(collatz(27));
    same!(reverse_bits(0b1011_0001));
    same!(xorshift(2463534242));
    same!(lcg(42));
    same!(cordic(16384));
    same!(cordic(-9000));
    same!(to_bcd(59876));
    same!(abs_diff(3, 250));
    same!(pow_mod(3, 200, 1000007));
    for x in [0.0f32, -1.5, 300.7, -300.2, 1e20, -1e20, f32::NAN, f32::INFINITY] {
        same!(casts(x));
    }
    for x in [0i32, -1, 127, 128, -129, 70000, i32::MIN, i32::MAX] {
        same!(narrowing(x));
        same!(chain(x));
    }
}

both! {
    patterns {
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Vec3 {
            pub x: f32,
            pub y: f32,
            pub z: f32,
        }
        impl Vec3 {
            pub const ZERO: Vec3 = Vec3 { x: 0.0, y: 0.0, z: 0.0 };
            pub const DIM: usize = 3;
            pub fn new(x: f32, y: f32, z: f32) -> Self {
                Self { x, y, z }
            }
            pub fn dot(&self, o: &Vec3) -> f32 {
                self.x * o.x + self.y * o.y + self.z * o.z
            }
            pub fn cross(self, o: Self) -> Self {
                Self { x: self.y * o.z - self.z * o.y, y: self.z * o.x - self.x * o.z, z: self.x * o.y - self.y * o.x }
            }
            pub fn scale(mut self, k: f32) -> Self {
                self.x *= k;
                self.y *= k;
                self.z *= k;
                self
            }
            pub fn norm2(&self) -> f32 {
                self.dot(self)
            }
            pub fn normalize(&mut self) -> f32 {
                let n = self.norm2().sqrt();
                self.x /= n;
                self.y /= n;
                self.z /= n;
                n
            }
            pub fn to_array(&self) -> [f32; Self::DIM] {
                let Self { x, y, z } = *self;
                [x, y, z]
            }
            pub fn with_x(&self, x: f32) -> Vec3 {
                Vec3 { x, ..*self }
            }
        }
        pub fn triple(a: [f32; 3], b: [f32; 3], c: [f32; 3]) -> f32 {
            let [ax, ay, az] = a;
            let u = Vec3::new(ax, ay, az);
            let v = Vec3 { x: b[0], y: b[1], z: b[2] };
            let w = Vec3 { z: c[2], ..Vec3::new(c[0], c[1], 0.0) };
            u.dot(&v.cross(w))
        }
        pub fn unit(a: f32, b: f32, c: f32) -> ([f32; 3], f32) {
            let mut v = Vec3::new(a, b, c);
            let n = v.normalize();
            let Vec3 { x, .. } = v;
            (v.with_x(x * 2.0).scale(0.5).to_array(), n)
        }
        pub fn nested(p: ((f32, f32), [f32; 3])) -> (f32, (f32, f32)) {
            let ((a, b), [c, .., d]) = p;
            let (s, (q, r)) = {
                let t = a + b;
                (t, (c, d))
            };
            (s, (q * t2(r), r))
        }
        pub fn t2(x: f32) -> f32 {
            let x = x * 2.0;
            let x = x + 1.0;
            {
                let x = 3.0;
                let _ = x;
            }
            x
        }
        pub fn first_rest(a: [i32; 5]) -> (i32, i32, i32) {
            let [first, second, ..] = a;
            let [.., last] = a;
            (first, second, last)
        }
        pub fn zero_plus(x: f32) -> f32 {
            let z = Vec3::ZERO;
            let Vec3 { x: a, y: _, z: c } = z;
            a + c + x
        }
        pub fn ignored(_: f32, x: f32) -> f32 {
            let _unused = x;
            let (_, y) = (1.0, x);
            y
        }
        pub fn swap(a: f32, b: f32) -> (f32, f32) {
            let (mut a, mut b) = (a, b);
            (a, b) = (b, a);
            let t = a;
            a = b;
            b = t;
            (b, a)
        }
        pub fn blocks(x: i32) -> i32 {
            let y = {
                let a = x + 1;
                let b = a * a;
                b - a
            };
            let z = if y > 10 {
                let k = y / 2;
                k + 1
            } else {
                y
            };
            let w = match z {
                0 => 1,
                n if n < 0 => {
                    let m = -n;
                    m * 2
                }
                n => n + 3,
            };
            w + { 1 }
        }
    }
    same!(triple([1.0, 2.0, 3.0], [4.0, -5.0, 6.0], [0.5, 0.25, 9.0]));
    same!(unit(3.0, 4.0, 12.0));
    same!(nested(((1.0, 2.0), [3.0, 4.0, 5.0])));
    same!(first_rest([1, 2, 3, 4, 5]));
    same!(zero_plus(2.0));
    same!(ignored(1.0, 2.0));
    same!(swap(1.0, 2.0));
    for x in -5..8 {
        same!(blocks(x));
    }
}

both! {
    machines {
        pub const IDLE: u8 = 0;
        pub const ARMED: u8 = 1;
        pub const FIRING: u8 = 2;
        pub const FAULT: u8 = 255;
        pub fn next(state: u8, event: u8) -> u8 {
            match (state, event) {
                (IDLE, 1) => ARMED,
                (ARMED, 2) => FIRING,
                (ARMED, 0) | (FIRING, 0) => IDLE,
                (_, 9) => FAULT,
                (s, _) => s,
            }
        }
        pub fn run(events: &[u8; 6]) -> (u8, u32) {
            let mut state = IDLE;
            let mut shots = 0u32;
            for &e in events {
                let n = next(state, e);
                if n == FIRING && state != FIRING {
                    shots += 1;
                }
                state = n;
            }
            (state, shots)
        }
        pub fn classify(x: i32) -> i32 {
            match x {
                i32::MIN..=-1 => -1,
                0 => 0,
                1..10 => 1,
                10 | 20 | 30 => 2,
                n @ 11..=19 if n % 2 == 1 => n,
                n @ (40 | 41) => n * 10,
                _ => 99,
            }
        }
        pub fn weekday(d: u8) -> bool {
            matches!(d, 1..=5)
        }
        pub fn flags(a: bool, b: bool) -> i32 {
            match (a, b) {
                (true, true) => 3,
                (true, false) => 2,
                (false, true) => 1,
                (false, false) => 0,
            }
        }
        pub fn not(a: bool) -> i32 {
            match a {
                true => 0,
                false => 1,
            }
        }
        pub fn debounce(samples: &[bool; 10]) -> [bool; 10] {
            let mut out = [false; 10];
            let mut count = 0u8;
            let mut state = false;
            for (i, &s) in samples.iter().enumerate() {
                if s != state {
                    count += 1;
                    if count >= 3 {
                        state = s;
                        count = 0;
                    }
                } else {
                    count = 0;
                }
                out[i] = state;
            }
            out
        }
        pub fn morse(symbols: &[u8; 4]) -> u8 {
            let mut node = 1u8;
            let mut i = 0;
            loop {
                if i == 4 {
                    break;
                }
                node = match symbols[i] {
                    b'.' => node * 2,
                    b'-' => node * 2 + 1,
                    _ => node,
                };
                i += 1;
            }
            node
        }
    }
    same!(run(&[1, 2, 0, 1, 2, 9]));
    same!(run(&[1, 0, 1, 2, 2, 0]));
    for x in [-5, 0, 1, 9, 10, 11, 12, 13, 20, 40, 41, 42] {
        same!(classify(x));
    }
    for d in 0..8 {
        same!(weekday(d));
    }
    for a in [false, true] {
        for b in [false, true] {
            same!(flags(a, b));
            same!(not(a));
        }
    }
    same!(debounce(&[true, true, true, true, false, false, false, false, true, false]));
    same!(morse(b".--x"));
}

both! {
    dsp {
        pub struct Dummy;
        pub fn fir(x: &[f32; 16], h: &[f32; 4]) -> [f32; 13] {
            let mut y = [0.0; 13];
            for n in 0..13 {
                let mut acc = 0.0;
                for k in 0..4 {
                    acc += h[k] * x[n + 3 - k];
                }
                y[n] = acc;
            }
            y
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Biquad {
            pub b: [f32; 3],
            pub a: [f32; 2],
            pub z: [f32; 2],
        }
        impl Biquad {
            pub fn step(&mut self, x: f32) -> f32 {
                let y = self.b[0] * x + self.z[0];
                self.z[0] = self.b[1] * x - self.a[0] * y + self.z[1];
                self.z[1] = self.b[2] * x - self.a[1] * y;
                y
            }
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Cascade<const N: usize> {
            pub stages: [Biquad; N],
            pub gain: f32,
        }
        impl<const N: usize> Cascade<N> {
            pub fn step(&mut self, x: f32) -> f32 {
                let mut y = x * self.gain;
                for i in 0..N {
                    y = self.stages[i].step(y);
                }
                y
            }
            pub fn step2(&mut self, x: f32) -> f32 {
                let mut y = x * self.gain;
                for s in self.stages.iter_mut() {
                    y = s.step(y);
                }
                y
            }
        }
        pub fn filter(x: &[f32; 16]) -> [f32; 16] {
            let mut q = Biquad { b: [0.2, 0.4, 0.2], a: [-0.3, 0.1], z: [0.0; 2] };
            let mut y = [0.0f32; 16];
            for i in 0..16 {
                y[i] = q.step(x[i]);
            }
            y
        }
        pub fn cascaded(x: &[f32; 16]) -> ([f32; 16], f32) {
            let q = Biquad { b: [0.2, 0.4, 0.2], a: [-0.3, 0.1], z: [0.0; 2] };
            let mut c = Cascade { stages: [q, Biquad { b: [1.0, 0.5, 0.25], ..q }, q], gain: 2.0 };
            let mut d = c;
            let mut y = [0.0; 16];
            for (o, v) in y.iter_mut().zip(x.iter()) {
                *o = c.step(*v);
            }
            let mut e = 0.0;
            for v in x {
                e += d.step2(*v);
            }
            (y, e)
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Pid {
            pub kp: f32,
            pub ki: f32,
            pub kd: f32,
            pub integral: f32,
            pub last: Option2,
            pub limit: (f32, f32),
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Option2 {
            pub set: bool,
            pub value: f32,
        }
        impl Pid {
            pub fn update(&mut self, setpoint: f32, measured: f32, dt: f32) -> f32 {
                let e = setpoint - measured;
                let (lo, hi) = self.limit;
                let d = if self.last.set { (e - self.last.value) / dt } else { 0.0 };
                self.last = Option2 { set: true, value: e };
                let i = self.integral + e * dt;
                let u = self.kp * e + self.ki * i + self.kd * d;
                if u > lo && u < hi {
                    self.integral = i;
                }
                u.max(lo).min(hi)
            }
        }
        pub fn plant(setpoint: f32) -> (f32, f32) {
            let mut pid = Pid {
                kp: 2.0,
                ki: 0.5,
                kd: 0.01,
                integral: 0.0,
                last: Option2 { set: false, value: 0.0 },
                limit: (-1.0, 1.0),
            };
            let mut y = 0.0;
            let dt = 0.01;
            for _ in 0..200 {
                let u = pid.update(setpoint, y, dt);
                y += dt * (u - 0.5 * y);
            }
            (y, pid.integral)
        }
        pub fn goertzel(x: &[f32; 16], coeff: f32) -> f32 {
            let (mut s1, mut s2) = (0.0, 0.0);
            for &v in x {
                let s0 = v + coeff * s1 - s2;
                s2 = s1;
                s1 = s0;
            }
            s1 * s1 + s2 * s2 - coeff * s1 * s2
        }
        pub fn moving_average(x: &[f32; 16]) -> [f32; 16] {
            let mut ring = [0.0; 4];
            let mut head = 0;
            let mut sum = 0.0;
            let mut out = [0.0; 16];
            for i in 0..16 {
                sum -= ring[head];
                ring[head] = x[i];
                sum += x[i];
                head = (head + 1) % 4;
                out[i] = sum / 4.0;
            }
            out
        }
        pub fn median3(x: &[f32; 16]) -> [f32; 16] {
            let mut out = *x;
            for i in 1..x.len() - 1 {
                let (a, b, c) = (x[i - 1], x[i], x[i + 1]);
                out[i] = a.max(b).min(a.min(b).max(c));
            }
            out
        }
        pub fn peaks(x: &[f32; 16], threshold: f32) -> ([usize; 16], usize) {
            let mut found = [0usize; 16];
            let mut n = 0usize;
            for i in 1..15 {
                if x[i] > threshold && x[i] > x[i - 1] && x[i] >= x[i + 1] {
                    found[n] = i;
                    n += 1;
                }
            }
            (found, n)
        }
        pub fn zero_crossings(x: &[f32; 16]) -> u32 {
            let mut n = 0;
            for w in 1..16 {
                if (x[w] >= 0.0) != (x[w - 1] >= 0.0) {
                    n += 1;
                }
            }
            n
        }
        pub fn rms(x: &[f32; 16]) -> f32 {
            let mut s = 0.0;
            for v in x.iter() {
                s += v * v;
            }
            (s / x.len() as f32).sqrt()
        }
    }
    let x: [f32; 16] = core::array::from_fn(|i| ((i * 7 % 11) as f32 - 5.0) * 0.3);
    same!(fir(&x, &[0.1, 0.2, 0.3, 0.4]));
    same!(filter(&x));
    same!(cascaded(&x));
    same!(plant(0.7));
    same!(goertzel(&x, 1.2));
    same!(moving_average(&x));
    same!(median3(&x));
    same!(peaks(&x, 0.2));
    same!(zero_crossings(&x));
    same!(rms(&x));
}

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

both! {
    loops {
        pub fn newton(a: f32) -> (f32, u32) {
            let mut x = a;
            let mut n = 0u32;
            while (x * x - a).abs() > 1e-5 * a && n < 50 {
                x = 0.5 * (x + a / x);
                n += 1;
            }
            (x, n)
        }
        pub fn with_value(x: f32) -> (f32, i32) {
            let mut n = 0;
            let r = loop {
                n += 1;
                let y = x * n as f32;
                if y > 10.0 {
                    break y;
                }
                if n > 100 {
                    break -1.0;
                }
            };
            (r, n)
        }
        pub fn first(x: &[f32; 6], t: f32) -> i32 {
            let mut found = -1;
            for (i, &v) in x.iter().enumerate() {
                if v > t {
                    found = i as i32;
                    break;
                }
            }
            found
        }
        pub fn skip_some(x: &[f32; 6]) -> f32 {
            let mut s = 0.0;
            for i in 0..6 {
                if i % 2 == 1 {
                    continue;
                }
                let v = if x[i] > 3.0 { continue } else { x[i] };
                let w = match i {
                    0 => 1.0,
                    4 => break,
                    _ => 2.0,
                };
                s += v * w;
            }
            s
        }
        pub fn break_both(m: &[[i32; 4]; 3], t: i32) -> (i32, i32) {
            let mut at = (-1, -1);
            let mut found = false;
            for i in 0..3 {
                for j in 0..4 {
                    if m[i][j] == t {
                        at = (i as i32, j as i32);
                        found = true;
                        break;
                    }
                }
                if found {
                    break;
                }
            }
            at
        }
        pub fn deferred(x: f32) -> f32 {
            let y;
            if x > 0.0 {
                y = x;
            } else {
                y = -x;
            }
            let z: f32;
            z = y * 2.0;
            z
        }
        pub fn while_in_for(x: &[u32; 4]) -> [u32; 4] {
            let mut out = [0; 4];
            for i in 0..4 {
                let mut v = x[i];
                let mut bits = 0;
                while v != 0 {
                    bits += v & 1;
                    v >>= 1;
                }
                out[i] = bits;
            }
            out
        }
        pub fn bubble(x: &[i32; 6]) -> [i32; 6] {
            let mut a = *x;
            for i in 0..a.len() {
                for j in 0..a.len() - 1 - i {
                    if a[j] > a[j + 1] {
                        a.swap(j, j + 1);
                    }
                }
            }
            a
        }
        pub fn insertion(x: &[f32; 6]) -> [f32; 6] {
            let mut a = *x;
            for i in 1..6 {
                let key = a[i];
                let mut j = i as i32 - 1;
                while j >= 0 && a[j as usize] > key {
                    a[(j + 1) as usize] = a[j as usize];
                    j -= 1;
                }
                a[(j + 1) as usize] = key;
            }
            a
        }
        pub fn bsearch(x: &[i32; 8], t: i32) -> i32 {
            let (mut lo, mut hi) = (0i32, x.len() as i32);
            while lo < hi {
                let mid = (lo + hi) / 2;
                if x[mid as usize] < t {
                    lo = mid + 1;
                } else {
                    hi = mid;
                }
            }
            lo
        }
        pub fn sieve() -> u32 {
            let mut composite = [false; 50];
            let mut count = 0;
            for i in 2..50 {
                if !composite[i] {
                    count += 1;
                    let mut j = i * i;
                    while j < 50 {
                        composite[j] = true;
                        j += i;
                    }
                }
            }
            count
        }
        pub fn fib(n: u32) -> u64 {
            let (mut a, mut b) = (0u64, 1u64);
            for i in 0..90 {
                if i >= n {
                    break;
                }
                (a, b) = (b, a + b);
            }
            a
        }
        pub fn life(g: &[[u8; 6]; 6]) -> [[u8; 6]; 6] {
            let mut out = [[0u8; 6]; 6];
            for r in 0..6 {
                for c in 0..6 {
                    let mut n = 0;
                    for dr in [5, 0, 1] {
                        for dc in [5, 0, 1] {
                            if dr != 0 || dc != 0 {
                                n += g[(r + dr) % 6][(c + dc) % 6];
                            }
                        }
                    }
                    out[r][c] = match (g[r][c], n) {
                        (1, 2) | (1, 3) | (0, 3) => 1,
                        _ => 0,
                    };
                }
            }
            out
        }
        pub fn rule110(cells: u32) -> u32 {
            let mut c = cells;
            for _ in 0..16 {
                let mut n = 0u32;
                for i in 0..32u32 {
                    let p = (c.rotate_right(i + 31)) & 7;
                    if (110u32 >> p) & 1 == 1 {
                        n |= 1 << i;
                    }
                }
                c = n;
            }
            c
        }
        pub fn dtw(a: &[f32; 5], b: &[f32; 6]) -> f32 {
            let mut d = [[f32::INFINITY; 7]; 6];
            d[0][0] = 0.0;
            for i in 1..=5 {
                for j in 1..=6 {
                    let cost = (a[i - 1] - b[j - 1]).abs();
                    d[i][j] = cost + d[i - 1][j].min(d[i][j - 1]).min(d[i - 1][j - 1]);
                }
            }
            d[5][6]
        }
        pub fn edit(a: &[u8; 6], b: &[u8; 7]) -> u32 {
            let mut prev = [0u32; 8];
            for j in 0..8 {
                prev[j] = j as u32;
            }
            for i in 0..6 {
                let mut cur = [0u32; 8];
                cur[0] = i as u32 + 1;
                for j in 0..7 {
                    let sub = prev[j] + if a[i] == b[j] { 0 } else { 1 };
                    cur[j + 1] = sub.min(prev[j + 1] + 1).min(cur[j] + 1);
                }
                prev = cur;
            }
            prev[7]
        }
        pub fn viterbi(obs: &[u8; 4]) -> ([usize; 4], f32) {
            const A: [[f32; 2]; 2] = [[-0.35, -1.2], [-0.9, -0.5]];
            const B: [[f32; 3]; 2] = [[-0.7, -0.9, -2.3], [-2.3, -1.2, -0.5]];
            let mut v = [-0.5 + B[0][obs[0] as usize], -0.9 + B[1][obs[0] as usize]];
            let mut back = [[0usize; 2]; 4];
            for t in 1..4 {
                let mut next = [0.0f32; 2];
                for s in 0..2 {
                    let (from0, from1) = (v[0] + A[0][s], v[1] + A[1][s]);
                    let (best, arg) = if from0 >= from1 { (from0, 0) } else { (from1, 1) };
                    next[s] = best + B[s][obs[t] as usize];
                    back[t][s] = arg;
                }
                v = next;
            }
            let mut path = [0usize; 4];
            path[3] = if v[0] > v[1] { 0 } else { 1 };
            for t in (1..4).rev() {
                path[t - 1] = back[t][path[t]];
            }
            (path, v[0].max(v[1]))
        }
        pub fn knapsack(w: &[u8; 4], v: &[u32; 4]) -> u32 {
            let mut best = [0u32; 11];
            for i in 0..4 {
                for c in (0..11).rev() {
                    let w = w[i] as usize;
                    if c >= w {
                        let cand = best[c - w] + v[i];
                        if cand > best[c] {
                            best[c] = cand;
                        }
                    }
                }
            }
            best[10]
        }
        pub fn lu(a: &[[f32; 3]; 3], b: &[f32; 3]) -> [f32; 3] {
            let mut m = *a;
            let mut x = *b;
            for k in 0..3 {
                let mut p = k;
                for i in k + 1..3 {
                    if m[i][k].abs() > m[p][k].abs() {
                        p = i;
                    }
                }
                m.swap(k, p);
                x.swap(k, p);
                for i in k + 1..3 {
                    let f = m[i][k] / m[k][k];
                    for j in k..3 {
                        m[i][j] -= f * m[k][j];
                    }
                    x[i] -= f * x[k];
                }
            }
            for i in (0..3).rev() {
                let mut s = x[i];
                for j in i + 1..3 {
                    s -= m[i][j] * x[j];
                }
                x[i] = s / m[i][i];
            }
            x
        }
    }
    same!(newton(2.0));
    same!(newton(1e6));
    same!(with_value(3.0));
    same!(with_value(0.0));
    same!(first(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3.5));
    same!(first(&[1.0; 6], 3.5));
    same!(skip_some(&[1.0, 2.0, 2.5, 4.0, 5.0, 6.0]));
    same!(break_both(&[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]], 7));
    same!(break_both(&[[0; 4]; 3], 7));
    same!(deferred(-3.0));
    same!(while_in_for(&[1, 255, 0, 77]));
    same!(bubble(&[5, 2, 9, 1, 7, 3]));
    same!(insertion(&[5.0, 2.0, 9.0, 1.0, 7.0, 3.0]));
    for t in [0, 3, 8, 20] {
        same!(bsearch(&[1, 2, 3, 5, 8, 13, 21, 34], t));
    }
    same!(sieve());
    same!(fib(50));
    same!(life(&[[0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0], [0; 6], [0; 6], [0; 6]]));
    same!(rule110(1));
    same!(dtw(&[1.0, 2.0, 3.0, 2.0, 1.0], &[1.0, 1.5, 2.5, 3.0, 2.0, 0.5]));
    same!(edit(b"kitten", b"sitting"));
    same!(viterbi(&[0, 1, 2, 2]));
    same!(knapsack(&[5, 4, 6, 3], &[10, 40, 30, 50]));
    same!(lu(&[[0.0, 2.0, 1.0], [1.0, -2.0, -3.0], [-1.0, 1.0, 2.0]], &[-8.0, 0.0, 3.0]));
}

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

both! {
    trees {
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Cell {
            pub v: f32,
            pub w: [f32; 2],
            pub on: bool,
            pub n: u16,
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Grid<const N: usize> {
            pub cells: [Cell; N],
            pub origin: (f32, f32),
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Pair<A, B>(pub A, pub B);
        fn cell(v: f32) -> Cell {
            Cell { v, w: [v, -v], on: v > 1.0, n: 1 }
        }
        impl<const N: usize> Grid<N> {
            fn hottest(&self) -> i32 {
                let mut best = 0;
                for i in 1..N {
                    if self.cells[i].v > self.cells[best as usize].v {
                        best = i as i32;
                    }
                }
                best
            }
            fn spread(&mut self, k: f32) {
                let at = self.hottest() as usize;
                self.cells[at].v *= k;
                self.cells[at].w[1] += 1.0;
                for c in self.cells.iter_mut() {
                    c.v += 0.25;
                    if c.on {
                        c.n += 1;
                    }
                }
                for (i, c) in self.cells.iter().enumerate() {
                    self.origin.0 += c.v * i as f32;
                }
            }
        }
        pub fn run(a: f32, b: f32) -> ([f32; 3], u16, (f32, f32), i32) {
            let mut g = Grid { cells: [cell(a), cell(b), cell(1.5)], origin: (0.0, 1.0) };
            for _ in 0..20 {
                g.spread(0.5);
            }
            let at = g.hottest();
            ([g.cells[0].v, g.cells[1].w[1], g.cells[at as usize].v], g.cells[2].n, g.origin, at)
        }
        pub fn cyclic(steps: i32) -> f32 {
            let mut cells = [cell(1.0), cell(2.0), cell(3.0)];
            let mut i = 0;
            while i < steps {
                cells[(i % 3) as usize].v += i as f32;
                i += 1;
            }
            for k in 0..30 {
                let c = &mut cells[k % 3];
                c.v *= 0.9;
            }
            cells[0].v + 10.0 * cells[1].v + 100.0 * cells[2].v
        }
        pub fn pairs(x: f32) -> f32 {
            let p = Pair(x, Pair(1i32, [x; 3]));
            let Pair(a, Pair(n, [b, .., c])) = p;
            let Pair(q, _) = if x > 0.0 { Pair(a, n) } else { Pair(b * c, -n) };
            q + p.1.0 as f32 + p.1.1[1]
        }
        pub fn chosen(i: u8) -> f32 {
            let table = [(1.0, 2), (3.0, 4), (5.0, 6)];
            let mut s = 0.0;
            for (k, (x, n)) in table.iter().enumerate() {
                if k as u8 == i {
                    s += x * *n as f32;
                }
            }
            s
        }
        pub fn arrays_of_tuples(i: i32) -> f32 {
            let t = [(1.0, 2.0), (3.0, 4.0), (5.0, 6.0)];
            let (a, b) = t[i as usize];
            a * b
        }
        pub fn swapped(i: Place, j: Place) -> [f32; 4] {
            let mut a = [1.0, 2.0, 3.0, 4.0];
            let (i, j) = (i as usize, j as usize);
            (a[i], a[j]) = (a[j], a[i]);
            let t = a[0];
            a[0] = a[3];
            a[3] = t;
            a
        }
        pub type Place = u8;
    }
    same!(run(3.0, 2.0));
    same!(run(0.5, 9.0));
    same!(cyclic(7));
    same!(cyclic(0));
    same!(pairs(2.0));
    same!(pairs(-2.0));
    for i in 0..3 {
        same!(chosen(i));
        same!(arrays_of_tuples(i as i32));
    }
    same!(swapped(1, 3));
}

both! {
    arith {
        pub fn division(a: i32, b: i32) -> (i32, i32, i32) {
            (a / 7, a % 7, (a as i64 / b as i64) as i32)
        }
        pub fn signed(a: i8) -> (i8, i8, u8, i32, i8) {
            (a >> 1, -a, a as u8, a as i32 * 3, a.wrapping_mul(7))
        }
        pub fn euclid(a: i32) -> (i32, i32, i32, u32) {
            (a.rem_euclid(5), a.div_euclid(5), a.signum(), a.unsigned_abs())
        }
        pub fn bits(a: u16) -> (u32, u32, u32, u32, u16, u16) {
            (
                a.count_ones(),
                a.leading_zeros(),
                a.trailing_zeros(),
                a.count_zeros(),
                a.rotate_left(5),
                a.rotate_right(3),
            )
        }
        pub fn saturating(a: u8, b: u8, c: i16, d: i16) -> (u8, u8, i16, i16, u8) {
            (a.saturating_add(b), a.saturating_sub(b), c.saturating_add(d), c.saturating_sub(d), a.abs_diff(b))
        }
        pub fn floats(x: f32) -> (f32, f32, f32, f32, f32, f32, bool, bool) {
            (x.abs(), x.floor(), x.ceil(), x.trunc(), x.fract(), x.signum(), x.is_sign_negative(), x.is_finite())
        }
        pub fn minmax(a: f32, b: f32) -> (f32, f32, f32, f32) {
            (a.min(b), a.max(b), f32::min(a, b), a.clamp(-1.0, 1.0))
        }
        pub fn powers(x: f32) -> (f32, f32, f32) {
            (x.powi(3), x.sqrt(), x.recip())
        }
        pub fn reinterpret(x: f32, n: u32) -> (u32, f32, u32) {
            (x.to_bits(), f32::from_bits(n), x.to_bits() >> 23 & 0xff)
        }
        pub fn inv_sqrt(x: f32) -> f32 {
            let i = 0x5f37_59df - (x.to_bits() >> 1);
            let y = f32::from_bits(i);
            y * (1.5 - 0.5 * x * y * y)
        }
        pub fn widths(a: u8, b: i16, c: u32) -> (f32, f64, i64, u64) {
            (f32::from(a), f64::from(c), i64::from(b) * i64::from(c), u64::from(a) << 40)
        }
        pub fn big(n: u64) -> (u64, u64, i64) {
            let mut h = 0xcbf2_9ce4_8422_2325u64;
            for i in 0..8 {
                h ^= (n >> (8 * i)) & 0xff;
                h = h.wrapping_mul(0x100_0000_01b3);
            }
            let mut m = 0u64;
            for i in 0..64 {
                if i % 3 == 0 {
                    m |= 1 << i;
                }
            }
            (h, m, -(n as i64) / 3)
        }
        pub fn precedence(a: i32, b: i32, c: bool) -> (i32, bool, bool, i32) {
            (a + b * 2 - -a % 3, a < b && !c || a == b, a & 1 == 0, a << 2 | b >> 1 & 3 ^ a)
        }
        pub fn constants() -> (f32, u8, i32, f64, u32) {
            (f32::EPSILON, u8::MAX, i32::MIN, core::f64::consts::PI, u16::BITS)
        }
        pub fn halves(x: f64) -> (f64, f32, f64) {
            let y = 0.1;
            let z: f32 = 0.1;
            (x * y, z * 3.0, x / 3.0 + 1e-3)
        }
        pub fn hex(x: u32) -> u32 {
            (x & 0xFF00_FF00) >> 8 | (x & 0b1111_0000) << 8 | 0o17 | 1_000u32
        }
        pub fn bools(a: bool, b: bool) -> (bool, bool, bool, u8, i32) {
            (a ^ b, a & b, a | !b, a as u8 + b as u8, if a == b { 1 } else { i32::from(a) })
        }
        pub fn ascii(c: u8) -> u8 {
            match c {
                b'a'..=b'z' => c - b'a' + b'A',
                b'0'..=b'9' => b'#',
                b' ' | b'\n' => b'_',
                _ => c,
            }
        }
        pub fn nested_match(a: u8, b: i8) -> i32 {
            match a {
                0 => match b {
                    -1 => 1,
                    0 => 2,
                    _ => 3,
                },
                1..=9 if b > 0 => {
                    let k = a as i32 * b as i32;
                    k + 1
                }
                x => x as i32,
            }
        }
        pub fn half_up(x: i32) -> i32 {
            (x + (1 << 7)) >> 8
        }
        pub fn quantise(x: f32, scale: f32, zero: i8) -> i8 {
            ((x / scale).floor() as i32 + zero as i32).clamp(-128, 127) as i8
        }
        pub fn table(i: u8) -> u16 {
            const T: [u16; 4] = [10, 20, 30, 40];
            T[(i & 3) as usize]
        }
        pub fn helper(x: f32) -> f32 {
            fn sq(x: f32) -> f32 {
                x * x
            }
            const K: f32 = 1.0 / 3.0;
            sq(x) * K + sq(K)
        }
        pub fn chain(x: i32) -> i32 {
            if x < 0 {
                -1
            } else if x == 0 {
                0
            } else if x < 10 {
                1
            } else {
                2
            }
        }
        pub fn let_chains(a: i32, b: i32) -> i32 {
            if let 1..=5 = a
                && b > 2
            {
                a + b
            } else {
                0
            }
        }
        pub fn unit_if(x: f32) -> f32 {
            let mut y = x;
            if y > 1.0 {
                y = 1.0
            }
            if y < -1.0 {
                y = -1.0;
            } else {
                y += 0.0
            }
            y
        }
        pub fn comparisons(x: f32) -> (bool, bool, bool) {
            (x > 0.0 && x < 1.0, (0.0..1.0).contains(&x), x != x)
        }
        pub fn nan_paths(x: f32) -> i32 {
            if x > 0.0 {
                1
            } else if x <= 0.0 {
                2
            } else {
                3
            }
        }
    }
    for (a, b) in [(100, 3), (-100, 7), (i32::MIN, 9), (0, 1)] {
        same!(division(a, b));
        same!(precedence(a, b, true));
        same!(precedence(b, a, false));
    }
    for a in [-128i8, -1, 0, 1, 127] {
        same!(signed(a));
        same!(euclid(a as i32 * 3));
    }
    for a in [0u16, 1, 0x8000, 0xffff, 0x1234] {
        same!(bits(a));
    }
    for (a, b, c, d) in [(250, 10, 32000, 1000), (5, 10, -32000, 1000), (0, 0, -32768, -1), (255, 255, 7, 9)] {
        same!(saturating(a, b, c, d));
    }
    for x in [0.0, -0.0, 1.5, -2.75, 1e10] {
        same!(floats(x));
        same!(minmax(x, 0.5));
        same!(comparisons(x));
        same!(nan_paths(x));
        same!(unit_if(x));
    }
    same!(comparisons(f32::NAN));
    same!(nan_paths(f32::NAN));
    same!(powers(2.5));
    same!(reinterpret(-1.5, 0x40490fdb));
    same!(inv_sqrt(2.0));
    same!(widths(200, -300, 4_000_000_000));
    same!(big(0x0123_4567_89ab_cdef));
    same!(big(u64::MAX));
    same!(constants());
    same!(halves(0.3));
    same!(hex(0x12345678));
    for a in [false, true] {
        for b in [false, true] {
            same!(bools(a, b));
        }
    }
    for c in [b'a', b'q', b'5', b' ', b'!', b'Z'] {
        same!(ascii(c));
    }
    for a in [0u8, 1, 9, 10] {
        for b in [-1i8, 0, 3] {
            same!(nested_match(a, b));
        }
    }
    same!(half_up(1000));
    same!(quantise(1.37, 0.01, -3));
    same!(quantise(100.0, 0.01, -3));
    for i in 0..6 {
        same!(table(i));
        same!(chain(i as i32 * 4 - 4));
        same!(let_chains(i as i32, 3));
    }
    same!(helper(2.0));
}

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

both! {
    labels {
        pub fn find(m: &[[i32; 4]; 3], t: i32) -> (usize, usize, bool, i32) {
            let mut at = (0, 0);
            let mut found = false;
            let mut seen = 0;
            'rows: for i in 0..3 {
                for j in 0..4 {
                    seen += 1;
                    if m[i][j] == t {
                        at = (i, j);
                        found = true;
                        break 'rows;
                    }
                    if m[i][j] < 0 {
                        continue 'rows;
                    }
                }
                seen += 100;
            }
            (at.0, at.1, found, seen)
        }
        pub fn value(n: u32) -> u32 {
            let mut a = n;
            let r = 'outer: loop {
                let mut b = 0;
                loop {
                    b += 1;
                    a += b;
                    if a > 50 {
                        break 'outer a * 2;
                    }
                    if b > 3 {
                        break;
                    }
                }
                a += 1;
            };
            r + a
        }
        pub fn three_deep(x: &[i32; 6]) -> (i32, i32) {
            let mut s = 0;
            let mut turns = 0;
            'a: for i in 0..6 {
                'b: for j in 0..6 {
                    let mut k = 0;
                    while k < 6 {
                        turns += 1;
                        if x[i] + x[j] + x[k] == 9 {
                            continue 'a;
                        }
                        if x[k] > x[j] {
                            continue 'b;
                        }
                        if s > 200 {
                            break 'a;
                        }
                        if x[k] == 0 {
                            break 'b;
                        }
                        s += x[k] * x[j];
                        k += 1;
                    }
                    s += 1;
                }
                s -= 2;
            }
            (s, turns)
        }
        pub fn block(x: i32) -> i32 {
            let y = 'a: {
                if x < 0 {
                    break 'a -1;
                }
                for i in 0..4 {
                    if x == i * i {
                        break 'a i;
                    }
                }
                x * 2
            };
            y + 1
        }
        pub fn own(x: &[i32; 6]) -> i32 {
            let mut s = 0;
            'only: for v in x.iter() {
                if *v == 3 {
                    continue 'only;
                }
                if *v > 6 {
                    break 'only;
                }
                s += v;
            }
            s
        }
        pub fn at_the_end(x: &[i32; 6]) -> i32 {
            let mut n = 0;
            'outer: for i in 0..6 {
                n += 1;
                for j in 0..6 {
                    if x[i] > x[j] + 3 {
                        break 'outer;
                    }
                }
            }
            n
        }
    }
    let m = [[1, 2, -3, 4], [5, -6, 7, 8], [9, 10, 11, 12]];
    for t in [1, 4, 5, 7, 11, 99] {
        same!(find(&m, t));
    }
    for n in [0, 7, 49, 60] {
        same!(value(n));
    }
    for x in [[1, 2, 3, 4, 5, 6], [3, 3, 3, 3, 3, 3], [0, 9, 1, 8, 2, 7], [5, 4, 3, 2, 1, 0]] {
        same!(three_deep(&x));
        same!(own(&x));
        same!(at_the_end(&x));
    }
    for x in [-5, 0, 1, 4, 5, 9, 10] {
        same!(block(x));
    }
}

both! {
    bytes {
        pub fn to(x: u32, y: i16, z: u64, f: f32) -> ([u8; 4], [u8; 2], [u8; 8], [u8; 4]) {
            (x.to_le_bytes(), y.to_be_bytes(), z.to_le_bytes(), f.to_bits().to_be_bytes())
        }
        pub fn from(b: &[u8; 8]) -> (u32, i16, f32, u64, u16, i8) {
            (
                u32::from_be_bytes([b[0], b[1], b[2], b[3]]),
                i16::from_le_bytes([b[4], 0xff]),
                f32::from_le_bytes([b[0], b[1], 0x80, 0x3f]),
                u64::from_le_bytes(*b),
                u16::from_le_bytes(b[2..4].try_into().unwrap()),
                i8::from_be_bytes([b[7]]),
            )
        }
        pub fn words(b: &[u8; 8]) -> [u16; 4] {
            let mut out = [0; 4];
            for (o, c) in out.iter_mut().zip(b.chunks_exact(2)) {
                *o = u16::from_le_bytes([c[0], c[1]]);
            }
            out
        }
        pub fn overflowing(a: u8, b: i8, c: u32, d: i64) -> ((u8, bool), (i8, bool), (u32, bool), (i64, bool)) {
            (a.overflowing_add(200), b.overflowing_sub(100), c.overflowing_mul(0x1_0001), d.overflowing_mul(-3))
        }
        pub fn saturating(a: u8, b: i8, c: i32) -> (u8, i8, i32, i8) {
            (a.saturating_mul(3), b.saturating_mul(-3), c.saturating_mul(c), b.saturating_mul(b))
        }
        pub fn least(b: i8) -> ((i8, bool), (i8, bool)) {
            (b.overflowing_mul(-1), b.overflowing_sub(1))
        }
        pub fn reversed(x: u32, y: i8, z: u64) -> (u32, i8, u32, u64) {
            (x.reverse_bits(), y.reverse_bits(), x.swap_bytes(), z.swap_bytes())
        }
        pub fn asked(x: &[u8; 6], y: u8) -> (u8, u8, u8, bool, bool, u32, u32) {
            let (a, b) = x.split_at(2);
            let (first, last) = (x.first().unwrap(), *x.last().unwrap());
            let sum = |s: u32, v: &u8| s + *v as u32;
            (
                *first,
                last,
                x.get(2).copied().unwrap_or(9),
                x.contains(&y),
                x.is_empty(),
                a.iter().fold(0, sum),
                b.iter().fold(0, sum),
            )
        }
        pub fn made(x: &[i32; 6]) -> ([i32; 6], [i32; 40], i32) {
            let long: [i32; 40] = core::array::from_fn(|i| i as i32 * 3 - 7);
            let short = core::array::from_fn::<_, 3, _>(|i| x[i] * x[5 - i]);
            (core::array::from_fn(|i| x[5 - i] * i as i32), long, short[0] + short[2])
        }
        pub fn base64(x: &[u8; 3]) -> [u8; 4] {
            const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let n = (x[0] as u32) << 16 | (x[1] as u32) << 8 | x[2] as u32;
            let digit = |k: u32| DIGITS[(n >> k) as usize & 63];
            [digit(18), digit(12), digit(6), digit(0)]
        }
        pub fn command(s: &[u8; 4]) -> (u32, [u8; 3]) {
            let n = match s {
                b"PING" => 1,
                b"PONG" => 2,
                [b'A', .., b'T'] => 3,
                _ => 0,
            };
            (n, *b"ok\n")
        }
        pub fn mapped(x: &[i32; 6]) -> [i32; 6] {
            x.map(|v| if v > 2 { v * 2 } else { -v })
        }
    }
    same!(to(0x0102_0304, -5, u64::MAX - 7, 1.5));
    same!(from(&[1, 2, 3, 4, 5, 250, 7, 200]));
    same!(words(&[1, 2, 3, 4, 5, 250, 7, 200]));
    for k in [0i32, 1, 55, 56, 100, 127, 200, 255] {
        same!(overflowing(k as u8, k as i8, 65535 + k as u32, (i64::MAX / 3) - 2 + k as i64));
        same!(saturating(k as u8, k as i8, k * 300));
        same!(reversed(k as u32 * 77777, k as i8, k as u64 * 0x0102_0304_0506));
        same!(least(k as i8));
    }
    same!(least(i8::MIN));
    same!(asked(&[3, 1, 4, 1, 5, 9], 5));
    same!(asked(&[3, 1, 4, 1, 5, 9], 6));
    same!(made(&[3, 1, 4, 1, 5, 9]));
    same!(mapped(&[3, 1, 4, 1, 5, 9]));
    same!(base64(b"Kil"));
    for s in [b"PING", b"PONG", b"AT+T", b"ATOM"] {
        same!(command(s));
    }
}
