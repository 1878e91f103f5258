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
