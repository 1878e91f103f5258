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
