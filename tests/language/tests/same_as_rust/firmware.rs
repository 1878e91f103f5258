//! What firmware is made of: drivers' arithmetic, protocols, filters, tables.

both! {
    sensors {
        // BME280-like compensation in integers.
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Calib {
            pub t: [i32; 3],
            pub p: [i64; 4],
            pub h: (u8, i16, i8),
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Reading {
            pub t_fine: i32,
            pub centi: i32,
            pub hum: u32,
        }
        impl Calib {
            pub const SHIFT: i32 = 11;
            pub fn t_fine(&self, raw: i32) -> i32 {
                let [t1, t2, t3] = self.t;
                let var1 = (((raw >> 3) - (t1 << 1)) * t2) >> Self::SHIFT;
                let d = (raw >> 4) - t1;
                let var2 = (((d * d) >> 12) * t3) >> 14;
                var1 + var2
            }
            pub fn read(&self, raw: (i32, u16)) -> Reading {
                let t_fine = self.t_fine(raw.0);
                let (h1, h2, h3) = self.h;
                let mut v = t_fine - 76_800;
                v = ((((raw.1 as i32) << 14) - ((h2 as i32) << 4) - (h3 as i32 * v)) + 16_384) >> 15;
                v = if v < 0 { 0 } else { v };
                v = if v > 419_430_400 { 419_430_400 } else { v };
                Reading { t_fine, centi: (t_fine * 5 + 128) >> 8, hum: (v as u32 >> 4).wrapping_mul(h1 as u32) }
            }
        }
        pub fn compensate(raws: &[(i32, u16); 3]) -> ([i32; 3], u32) {
            let c = Calib { t: [27_504, 26_435, -1000], p: [0; 4], h: (75, 370, -3) };
            let mut out = [0; 3];
            let mut hum = 0u32;
            for (o, raw) in out.iter_mut().zip(raws) {
                let r = c.read(*raw);
                *o = r.centi;
                hum = hum.wrapping_add(r.hum);
            }
            (out, hum)
        }
        pub fn adc_average(samples: &[u16; 8]) -> (u16, u16, u16) {
            let sum: u32 = samples.iter().map(|&s| s as u32).sum();
            let max = samples.iter().copied().max().unwrap();
            let min = *samples.iter().min().unwrap();
            (((sum - max as u32 - min as u32) / 6) as u16, min, max)
        }
        pub fn millivolts(raw: u16, vref: u32) -> u32 {
            const FULL: u32 = (1 << 12) - 1;
            (raw as u32 * vref + FULL / 2) / FULL
        }
        pub fn median5(mut x: [i16; 5]) -> i16 {
            for i in 0..5 {
                for j in 0..4 - i {
                    if x[j] > x[j + 1] {
                        x.swap(j, j + 1);
                    }
                }
            }
            x[2]
        }
        pub fn steinhart(adc: u16) -> f32 {
            let r = 10_000.0 * (adc as f32) / (4095.0 - f32::from(adc));
            let x = r / 10_000.0 - 1.0;
            // A series in place of the logarithm, so that plain Rust has the same bits.
            let ln = (1..8).fold((0.0f32, x), |(s, p), k| (s + if k % 2 == 1 { p } else { -p } / k as f32, p * x)).0;
            1.0 / (1.0 / 298.15 + ln / 3950.0) - 273.15
        }
        pub fn quadrature(prev: u8, samples: &[u8; 6]) -> (i32, u8) {
            const STEP: [i8; 16] = [0, -1, 1, 0, 1, 0, 0, -1, -1, 0, 0, 1, 0, 1, -1, 0];
            let mut state = prev & 0b11;
            let mut position = 0i32;
            for &s in samples {
                let index = (state << 2 | s & 0b11) as usize;
                position += STEP[index] as i32;
                state = s & 0b11;
            }
            (position, state)
        }
        pub fn hysteresis(x: &[i32; 8], lo: i32, hi: i32) -> ([bool; 8], u32) {
            let mut on = false;
            let mut edges = 0u32;
            let out = x.map(|v| {
                let next = match v {
                    v if v >= hi => true,
                    v if v <= lo => false,
                    _ => on,
                };
                edges += (next != on) as u32;
                on = next;
                next
            });
            (out, edges)
        }
    }
    let raws = [(519_888, 31_000u16), (400_000, 0), (530_001, 65_535)];
    same!(compensate(&raws));
    same!(adc_average(&[100, 4000, 350, 360, 340, 355, 365, 0]));
    same!(millivolts(2048, 3300));
    same!(median5([5, -3, 9, 0, 2]));
    same!(steinhart(2000));
    same!(quadrature(0, &[1, 3, 2, 0, 2, 7]));
    same!(hysteresis(&[0, 5, 11, 7, 3, 2, 20, 5], 2, 10));
}

both! {
    protocols {
        pub fn cobs_len(data: &[u8; 8]) -> (usize, [u8; 10]) {
            let mut out = [0u8; 10];
            let mut code_at = 0usize;
            let mut code = 1u8;
            let mut n = 1usize;
            for &b in data.iter() {
                if b == 0 {
                    out[code_at] = code;
                    code = 1;
                    code_at = n;
                    n += 1;
                } else {
                    out[n] = b;
                    n += 1;
                    code += 1;
                }
            }
            out[code_at] = code;
            (n, out)
        }
        pub fn modbus_crc(data: &[u8; 6]) -> u16 {
            data.iter().fold(0xFFFF_u16, |crc, &byte| {
                (0..8).fold(crc ^ u16::from(byte), |c, _| if c & 1 != 0 { (c >> 1) ^ 0xA001 } else { c >> 1 })
            })
        }
        const PEC: [u8; 16] = [0, 7, 14, 9, 28, 27, 18, 21, 56, 63, 54, 49, 36, 35, 42, 45];
        pub fn smbus_pec(bytes: [u8; 4]) -> u8 {
            let mut crc: u8 = 0;
            for byte in bytes {
                crc ^= byte;
                for shift in [4u32, 0] {
                    let _ = shift;
                    crc = (crc << 4) ^ PEC[(crc >> 4) as usize];
                }
            }
            crc
        }
        pub fn manchester(byte: u8) -> u16 {
            let mut out = 0u16;
            for bit in (0..8).rev() {
                out <<= 2;
                out |= if byte >> bit & 1 == 1 { 0b10 } else { 0b01 };
            }
            out
        }
        pub fn unmanchester(word: u16) -> (u8, bool) {
            let mut out = 0u8;
            let mut ok = true;
            'bits: for k in 0..8 {
                let pair = (word >> (14 - 2 * k)) & 0b11;
                out = out << 1
                    | match pair {
                        0b10 => 1,
                        0b01 => 0,
                        _ => {
                            ok = false;
                            break 'bits;
                        }
                    };
            }
            (out, ok)
        }
        pub fn midi(events: &[u8; 9]) -> (u8, u8, u32) {
            let mut status = 0u8;
            let mut data = [0u8; 2];
            let mut have = 0usize;
            let mut notes = 0u32;
            for &b in events {
                match b {
                    0xF8..=0xFF => continue,
                    0x80..=0xEF => {
                        status = b;
                        have = 0;
                    }
                    0xF0..=0xF7 => status = 0,
                    b if status != 0 => {
                        data[have] = b;
                        have += 1;
                        if have == 2 {
                            have = 0;
                            if status & 0xF0 == 0x90 && data[1] > 0 {
                                notes += 1;
                            }
                        }
                    }
                    _ => {}
                }
            }
            (data[0], data[1], notes)
        }
        pub fn nmea_checksum(text: &[u8; 7]) -> [u8; 2] {
            let sum = text.iter().fold(0, |a, b| a ^ b);
            let hex = |d: u8| if d < 10 { b'0' + d } else { b'A' + d - 10 };
            [hex(sum >> 4), hex(sum & 15)]
        }
        pub fn parse_decimal(text: &[u8; 6]) -> (i32, bool) {
            let mut value = 0i32;
            let mut negative = false;
            let mut good = true;
            for (i, &c) in text.iter().enumerate() {
                match (i, c) {
                    (0, b'-') => negative = true,
                    (_, b'0'..=b'9') => value = value * 10 + (c - b'0') as i32,
                    (_, b' ') => {}
                    _ => good = false,
                }
            }
            (if negative { -value } else { value }, good)
        }
        pub fn can_pack(id: u16, rpm: i16, temp: i8, flags: [bool; 4]) -> (u64, [u8; 8]) {
            let mut word = (id as u64 & 0x7FF) << 53;
            word |= (rpm as u16 as u64) << 37;
            word |= u64::from(temp as u8) << 29;
            for (k, f) in flags.into_iter().enumerate() {
                word |= (f as u64) << (28 - k);
            }
            (word, word.to_be_bytes())
        }
        pub fn can_unpack(b: &[u8; 8]) -> (u16, i16, i8, bool) {
            let w = u64::from_be_bytes(*b);
            ((w >> 53) as u16, (w >> 37) as i16, (w >> 29) as i8, w >> 28 & 1 == 1)
        }
        pub fn varint(mut v: u32) -> ([u8; 5], usize) {
            let mut out = [0; 5];
            let mut n = 0;
            loop {
                let low = (v & 0x7F) as u8;
                v >>= 7;
                if v == 0 {
                    out[n] = low;
                    break;
                }
                out[n] = low | 0x80;
                n += 1;
            }
            (out, n + 1)
        }
        pub fn zigzag(n: i32) -> (u32, i32) {
            let z = ((n << 1) ^ (n >> 31)) as u32;
            (z, (z >> 1) as i32 ^ -((z & 1) as i32))
        }
        pub fn base64_index(x: [u8; 3]) -> [u8; 4] {
            let [a, b, c] = x;
            let w = (a as u32) << 16 | (b as u32) << 8 | c as u32;
            core::array::from_fn(|i| (w >> (18 - 6 * i) & 63) as u8)
        }
        pub fn ws2812(rgb: (u8, u8, u8), bright: u8) -> u32 {
            let scale = |c: u8| -> u32 { (c as u16 * (bright as u16 + 1) >> 8) as u32 };
            let (r, g, b) = rgb;
            scale(g) << 16 | scale(r) << 8 | scale(b)
        }
        pub fn seven_segment(n: u16) -> [u8; 4] {
            const SEG: [u8; 10] = [0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F];
            let mut out = [0u8; 4];
            let mut rest = n;
            for digit in out.iter_mut().rev() {
                *digit = SEG[(rest % 10) as usize];
                rest /= 10;
            }
            out
        }
        pub fn gray(n: u8) -> (u8, u8) {
            let g = n ^ (n >> 1);
            let mut b = g;
            let mut shift = 1u32;
            while shift < u8::BITS {
                b ^= b >> shift;
                shift <<= 1;
            }
            (g, b)
        }
        pub fn bcd(n: u32) -> u32 {
            let (mut out, mut rest, mut at) = (0u32, n, 0);
            while rest > 0 {
                out |= (rest % 10) << at;
                rest /= 10;
                at += 4;
            }
            out
        }
        pub fn hamming(nibble: u8) -> u8 {
            let d = |k: u8| nibble >> k & 1;
            let p = [d(0) ^ d(1) ^ d(3), d(0) ^ d(2) ^ d(3), d(1) ^ d(2) ^ d(3)];
            p[0] | p[1] << 1 | d(0) << 2 | p[2] << 3 | d(1) << 4 | d(2) << 5 | d(3) << 6
        }
        pub fn leb_sum(x: &[u8; 6]) -> u32 {
            let (mut total, mut value, mut shift) = (0u32, 0u32, 0u32);
            for b in x.iter().copied() {
                value |= ((b & 0x7f) as u32) << shift;
                if b & 0x80 == 0 {
                    total += value;
                    (value, shift) = (0, 0);
                } else {
                    shift += 7;
                }
            }
            total
        }
    }
    same!(cobs_len(&[1, 0, 2, 3, 0, 0, 9, 7]));
    same!(modbus_crc(&[1, 3, 0, 0, 0, 10]));
    same!(smbus_pec([0xA0, 0x12, 0x34, 0xFF]));
    same!(manchester(0xA7));
    same!(unmanchester(0b1001_1010_0101_0110));
    same!(unmanchester(0b1001_1110_0101_0110));
    same!(midi(&[0x90, 60, 100, 0xF8, 62, 0, 64, 90, 0x80]));
    same!(nmea_checksum(b"GPGGA,1"));
    same!(parse_decimal(b"-1203 "));
    same!(parse_decimal(b"12a 55"));
    same!(can_pack(0x123, -1234, -40, [true, false, true, true]));
    same!(can_unpack(&[0x24, 0x7F, 0xF6, 0x5C, 0x1B, 0x5F, 0x00, 0x01]));
    same!(varint(300));
    same!(varint(u32::MAX));
    same!(zigzag(-77));
    same!(base64_index([0x4D, 0x61, 0x6E]));
    same!(ws2812((255, 128, 3), 100));
    same!(seven_segment(4095));
    same!(gray(0x5A));
    same!(bcd(90_817));
    same!(hamming(0b1011));
    same!(leb_sum(&[0x81, 0x01, 5, 0xFF, 0x80, 0x02]));
}

both! {
    controllers {
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Gains {
            pub kp: f32,
            pub ki: f32,
            pub kd: f32,
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Pid {
            pub gains: Gains,
            pub integral: f32,
            pub last: f32,
            pub limit: (f32, f32),
        }
        impl Pid {
            pub fn new(kp: f32, ki: f32, kd: f32) -> Self {
                Self { gains: Gains { kp, ki, kd }, integral: 0.0, last: 0.0, limit: (-1.0, 1.0) }
            }
            pub fn with_limit(self, lo: f32, hi: f32) -> Self {
                Self { limit: (lo, hi), ..self }
            }
            pub fn step(&mut self, error: f32, dt: f32) -> f32 {
                let Gains { kp, ki, kd } = self.gains;
                let Pid { limit: (lo, hi), .. } = *self;
                let d = (error - self.last) / dt;
                let raw = kp * error + ki * self.integral + kd * d;
                let out = raw.clamp(lo, hi);
                if raw == out || (error > 0.0) != (raw > 0.0) {
                    self.integral += error * dt;
                }
                self.last = error;
                out
            }
            pub fn reset(&mut self) {
                self.integral = 0.0;
                self.last = 0.0;
            }
        }
        pub fn closed_loop(target: f32) -> ([f32; 12], f32) {
            let mut pid = Pid::new(2.0, 0.5, 0.05).with_limit(-2.0, 2.0);
            let mut plant = 0.0;
            let mut trace = [0.0; 12];
            for (k, slot) in trace.iter_mut().enumerate() {
                if k == 8 {
                    pid.reset();
                }
                let u = pid.step(target - plant, 0.1);
                plant += 0.1 * (u - 0.5 * plant);
                *slot = plant;
            }
            (trace, pid.integral)
        }
        pub fn cascade(x: [f32; 2]) -> f32 {
            let mut loops = [Pid::new(1.0, 0.1, 0.0), Pid::new(0.5, 0.0, 0.2).with_limit(0.0, 0.75)];
            let [outer, inner] = &mut loops;
            let mut u = 0.0;
            for _ in 0..3 {
                let want = outer.step(x[0] - u, 0.5);
                u = inner.step(want - x[1], 0.5);
            }
            u + loops[1].last
        }
        pub fn ramp(mut now: i32, target: i32, step: i32) -> (i32, u32) {
            let mut n = 0;
            while now != target {
                let delta = target - now;
                now += delta.clamp(-step, step);
                n += 1;
                if n > 50 {
                    break;
                }
            }
            (now, n)
        }
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Motor {
            pub state: u8,
            pub ticks: u16,
            pub duty: u8,
        }
        impl Motor {
            pub const IDLE: u8 = 0;
            pub const START: u8 = 1;
            pub const RUN: u8 = 2;
            pub const FAULT: u8 = 3;
            pub fn tick(&mut self, command: u8, current: u16) {
                self.ticks = self.ticks.saturating_add(1);
                let old = self.state;
                match self.state {
                    Self::IDLE if command == 1 => {
                        self.state = Self::START;
                        self.duty = 32;
                    }
                    Self::START => {
                        self.duty = self.duty.saturating_add(64);
                        if self.duty == u8::MAX {
                            self.state = Self::RUN;
                        }
                    }
                    Self::RUN if current > 900 => self.state = Self::FAULT,
                    Self::RUN | Self::FAULT if command == 2 => {
                        self.state = Self::IDLE;
                        self.duty = 0;
                    }
                    _ => (),
                }
                if self.state != old {
                    self.ticks = 0;
                }
            }
        }
        pub fn motor(commands: &[u8; 12], current: &[u16; 12]) -> (u8, u16, [u8; 12]) {
            let mut m = Motor { state: Motor::IDLE, ticks: 0, duty: 0 };
            let mut log = [0u8; 12];
            for k in 0..12 {
                m.tick(commands[k], current[k]);
                log[k] = m.state << 4 | m.duty >> 4;
            }
            (m.state, m.ticks, log)
        }
        pub fn foc(ia: f32, ib: f32, s: f32, c: f32) -> (f32, f32, [f32; 3]) {
            const INV_SQRT3: f32 = 0.577_350_26;
            let (alpha, beta) = (ia, (ia + 2.0 * ib) * INV_SQRT3);
            let rotate = |(x, y): (f32, f32), sin: f32| (x * c + y * sin, y * c - x * sin);
            let (d, q) = rotate((alpha, beta), s);
            let (a, b) = rotate((d * 0.9, q * 1.1), -s);
            let phases = [a, -0.5 * a + 0.866_025_4 * b, -0.5 * a - 0.866_025_4 * b];
            let mid = (phases.iter().copied().fold(f32::MIN, f32::max) + phases.iter().copied().fold(f32::MAX, f32::min)) / 2.0;
            (d, q, phases.map(|p| p - mid))
        }
    }
    same!(closed_loop(1.0));
    same!(cascade([1.0, 0.25]));
    same!(ramp(3, 40, 7));
    same!(ramp(3, -40, 0));
    same!(motor(&[0, 1, 0, 0, 0, 0, 0, 2, 0, 2, 1, 0], &[0, 0, 0, 500, 600, 700, 950, 0, 0, 0, 0, 0]));
    same!(foc(0.5, -0.25, 0.6, 0.8));
}

both! {
    buffers {
        #[derive(Clone, Copy, Debug, PartialEq, Tree)]
        pub struct Ring<const N: usize> {
            pub data: [i16; N],
            pub head: usize,
            pub len: usize,
        }
        impl<const N: usize> Ring<N> {
            pub fn new() -> Self {
                Ring { data: [0; N], head: 0, len: 0 }
            }
            pub fn push(&mut self, v: i16) -> bool {
                let at = (self.head + self.len) % N;
                let room = self.len < N;
                if room {
                    self.len += 1;
                } else {
                    self.head = (self.head + 1) % N;
                }
                self.data[at] = v;
                room
            }
            pub fn pop(&mut self) -> i16 {
                let v = self.data[self.head];
                if self.len > 0 {
                    self.head = (self.head + 1) % N;
                    self.len -= 1;
                    v
                } else {
                    i16::MIN
                }
            }
            pub fn is_full(&self) -> bool {
                self.len == self.data.len()
            }
            pub fn sum(&self) -> i32 {
                let mut total = 0i32;
                for k in 0..self.len {
                    total += self.data[(self.head + k) % N] as i32;
                }
                total
            }
        }
        pub fn ring(x: &[i16; 7]) -> (i32, i16, bool, u32) {
            let mut r = Ring::<4>::new();
            let mut lost = 0u32;
            for &v in x {
                if !r.push(v) {
                    lost += 1;
                }
            }
            let full = r.is_full();
            let first = r.pop();
            (r.sum(), first, full, lost)
        }
        pub fn moving_average<const N: usize, const W: usize>(x: &[i32; N]) -> [i32; N] {
            let mut window = [0; W];
            let mut sum = 0;
            let mut out = [0; N];
            for i in 0..N {
                sum += x[i] - window[i % W];
                window[i % W] = x[i];
                out[i] = sum / W as i32;
            }
            out
        }
        pub fn averages(x: &[i32; 6]) -> ([i32; 6], [i32; 6]) {
            (moving_average::<6, 2>(x), moving_average::<6, 3>(x))
        }
        pub fn delay_line(x: &[f32; 10]) -> [f32; 10] {
            let mut line = [0.0; 3];
            x.map(|v| {
                let out = line[2];
                line.rotate_right(1);
                line[0] = v + out * 0.5;
                out
            })
        }
        pub fn two_pointers(x: &[i32; 8], target: i32) -> (usize, usize, bool) {
            let (mut i, mut j) = (0, x.len() - 1);
            while i < j {
                let s = x[i] + x[j];
                if s == target {
                    break;
                } else if s < target {
                    i += 1;
                } else {
                    j -= 1;
                }
            }
            (i, j, i < j)
        }
        pub fn histogram(x: &[u8; 9]) -> ([u16; 4], usize) {
            let mut bins = [0u16; 4];
            for v in x {
                bins[usize::from(*v >> 6)] += 1;
            }
            let mut best = 0;
            for (i, b) in bins.iter().enumerate() {
                if *b > bins[best] {
                    best = i;
                }
            }
            (bins, best)
        }
        pub fn run_lengths(x: &[u8; 9]) -> ([(u8, u8); 9], usize) {
            let mut out = [(0u8, 0u8); 9];
            let mut n = 0;
            for i in 0..9 {
                if n > 0 && out[n - 1].0 == x[i] {
                    out[n - 1].1 += 1;
                } else {
                    out[n] = (x[i], 1);
                    n += 1;
                }
            }
            (out, n)
        }
        pub fn heap(x: &[u16; 7]) -> [u16; 7] {
            let mut h = *x;
            for start in (0..3).rev() {
                let mut root = start;
                loop {
                    let mut child = 2 * root + 1;
                    if child >= 7 {
                        break;
                    }
                    if child + 1 < 7 && h[child + 1] > h[child] {
                        child += 1;
                    }
                    if h[root] >= h[child] {
                        break;
                    }
                    h.swap(root, child);
                    root = child;
                }
            }
            h
        }
        pub fn peak(x: &[i16; 9]) -> (i32, [i16; 3]) {
            let mut best = -1i32;
            for (i, w) in x.windows(3).enumerate() {
                if w[0] < w[1] && w[1] >= w[2] {
                    best = i as i32 + 1;
                }
            }
            let mut top = [i16::MIN; 3];
            for &v in x.iter() {
                if v > top[0] {
                    top = [v, top[0], top[1]];
                } else if v > top[1] {
                    top[2] = top[1];
                    top[1] = v;
                } else if v > top[2] {
                    top[2] = v;
                }
            }
            (best, top)
        }
    }
    same!(ring(&[1, 2, 3, 4, 5, 6, -7]));
    same!(averages(&[3, 6, 9, -3, 0, 12]));
    same!(delay_line(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]));
    same!(two_pointers(&[1, 2, 4, 7, 11, 15, 20, 30], 26));
    same!(two_pointers(&[1, 2, 4, 7, 11, 15, 20, 30], 1000));
    same!(histogram(&[0, 64, 65, 200, 255, 130, 190, 191, 3]));
    same!(run_lengths(&[1, 1, 2, 3, 3, 3, 1, 1, 1]));
    same!(heap(&[3, 9, 2, 7, 11, 1, 5]));
    same!(peak(&[1, 3, 2, 5, 5, 4, 9, 8, 10]));
}
