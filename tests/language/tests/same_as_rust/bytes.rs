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
