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
