//! Firmware that runs kernels whose loops are assembler on this core beside the same loops in plain Rust, for lengths around
//! those of blocks and on the awkward numbers too. It says `same NAME LENGTH` or `differs NAME LENGTH`; `cargo xtask test` runs it.
#![no_std]
#![no_main]

use core::fmt::Write;

use cortex_m_rt::entry;
use kiln_board::Console;

#[entry]
fn main() -> ! {
    kiln_board::main(|console| lengths::run(console))
}

/// Numbers that follow from a seed; every seventh is an awkward one.
fn draw<const N: usize>(seed: u32) -> [f32; N] {
    const AWKWARD: [f32; 8] = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e-45, -1e-40, f32::MAX];
    const STEP: f32 = 1.0 / 8_388_608.0;
    let mut s = seed;
    core::array::from_fn(|i| {
        s = s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let awkward = i % 7 == 6 && seed.is_multiple_of(2);
        if awkward { AWKWARD[(s >> 24) as usize % 8] } else { ((s >> 8) as i32 as f32) * STEP - 1.0 }
    })
}

/// Whether all numbers are the same; one NaN is as good as another.
fn same(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan())
}

/// The documented order of sums: sixteen interleaved lanes, then a tree.
fn in_lanes<const N: usize>(item: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0.0; 16];
    let live = N.min(16);
    for i in 0..N {
        lanes[i % 16] = if i < 16 { item(i) } else { lanes[i % 16] + item(i) };
    }
    let mut half = 8;
    while half > 0 {
        for l in 0..half {
            if l + half < live {
                lanes[l] += lanes[l + half];
            }
        }
        half /= 2;
    }
    lanes[0]
}

struct Text<'a>(&'a mut Console, [u8; 80], usize);

impl Write for Text<'_> {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        for b in s.bytes() {
            if let Some(place) = self.1.get_mut(self.2) {
                *place = b;
                self.2 += 1;
            }
        }
        Ok(())
    }
}

fn say(console: &mut Console, name: &str, n: usize, same: bool) {
    let mut text = Text(console, [0; 80], 0);
    let _ = writeln!(text, "{} {name} {n}", if same { "same" } else { "differs" });
    text.0.write(&text.1[..text.2]);
}

macro_rules! lengths {
    ($($module:ident $n:literal $twice:literal;)*) => {
        mod lengths {
            pub fn run(console: &mut kiln_board::Console) {
                $(super::$module::run(console);)*
            }
        }

        $(mod $module {
            use core::hint::black_box;

            use kiln::prelude::*;

            use super::{draw, in_lanes, same, say};

            const N: usize = $n;

            #[jit]
            fn arithmetic(a: f32, x: &[f32; $n], y: &[f32; $n]) -> [f32; $n] {
                a * x + sqrt(abs(y)) - x * y / (abs(x) + 1.5)
            }

            #[jit]
            fn chosen(x: &[f32; $n], y: &[f32; $n], z: &[f32; $n]) -> [f32; $n] {
                where_(x > y, x * z, where_(y <= 0.0, -z, z)) + where_(z == 0.0, x, 1.0)
            }

            #[jit]
            fn backwards(x: &[f32; $n], y: &[f32; $n]) -> [f32; $n] {
                flip(x) * y - flip(y * 0.5)
            }

            #[jit]
            fn joined(x: &[f32; $n], y: &[f32; $n]) -> [f32; $twice] {
                concatenate((x, y)) * 2.0
            }

            #[jit]
            fn moved(w: &mut [f32; $n], g: &[f32; $n], rate: f32) {
                *w = *w - rate * g;
            }

            #[jit]
            fn rank_one(w: &mut [[f32; $n]; 9], d: &[f32; 9], x: &[f32; $n], rate: f32) {
                *w = *w - rate * outer(d, x);
            }

            /// Three results in the places of what they are made of, from one loop.
            #[jit]
            fn moments(w: &mut [f32; $n], m: &mut [f32; $n], v: &mut [f32; $n], g: &[f32; $n]) {
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.99 * *v + 0.01 * g * g;
                *w = *w - 0.1 * *m / (sqrt(v) + 0.001);
            }

            /// A result that others are made of, and one that is stored while others are not yet there.
            #[jit]
            fn several(x: &[f32; $n], y: &mut [f32; $n]) -> ([f32; $n], [f32; $n]) {
                let s = x + *y;
                *y = *y * 0.5;
                (s, where_(s > 0.0, s * s, *y) - x)
            }

            #[jit]
            fn sums(x: &[f32; $n], w: &[[f32; $n]; 9]) -> ([f32; 2], [f32; 9]) {
                let m = sum(x);
                ([m, sum((x - m) * (x - m))], sum(abs(w) * flip(x), axis = 1))
            }

            #[jit]
            fn products(x: &[f32; $n], y: &[f32; $n]) -> [f32; 2] {
                [dot(x, y), dot(flip(x), y)]
            }

            /// Least mean squares: loops over neighbours inside of a loop.
            #[jit]
            fn adapted(w: &mut [f32; $n], x: &[f32; $twice]) -> [f32; $n] {
                let mut errors = [0.0; $n];
                for i in 0..$n {
                    let window = flip(x[i..i + $n]);
                    let error = x[i] - dot(w, window);
                    *w = *w + 0.01 * error * window;
                    errors[i] = error;
                }
                errors
            }

            #[inline(never)]
            pub fn run(console: &mut kiln_board::Console) {
                for seed in 0..4 {
                    let (x, y, z): ([f32; N], [f32; N], [f32; N]) =
                        black_box((draw(6 * seed + seed % 2), draw(6 * seed + 2 + seed % 2), draw(6 * seed + 4 + seed % 2)));
                    let (d, w): ([f32; 9], [[f32; N]; 9]) =
                        black_box((draw(seed), core::array::from_fn(|i| draw(seed + 2 * i as u32))));
                    let both: [f32; 2 * N] = core::array::from_fn(|i| if i < N { x[i] } else { y[i - N] });
                    let a = black_box(0.37);
                    let each = |f: &dyn Fn(usize) -> f32| -> [f32; N] { core::array::from_fn(f) };
                    let plain = each(&|i| a * x[i] + kiln::rt::sqrt(y[i].abs()) - x[i] * y[i] / (x[i].abs() + 1.5));
                    say(console, "arithmetic", N, same(&arithmetic(a, &x, &y), &plain));
                    let plain = each(&|i| {
                        let inner = if y[i] <= 0.0 { -z[i] } else { z[i] };
                        (if x[i] > y[i] { x[i] * z[i] } else { inner }) + if z[i] == 0.0 { x[i] } else { 1.0 }
                    });
                    say(console, "chosen", N, same(&chosen(&x, &y, &z), &plain));
                    let plain = each(&|i| x[N - 1 - i] * y[i] - y[N - 1 - i] * 0.5);
                    say(console, "backwards", N, same(&backwards(&x, &y), &plain));
                    let plain: [f32; 2 * N] = core::array::from_fn(|i| both[i] * 2.0);
                    say(console, "joined", N, same(&joined(&x, &y), &plain));
                    let mut moving = x;
                    moved(&mut moving, &y, a);
                    say(console, "moved", N, same(&moving, &each(&|i| x[i] - a * y[i])));
                    let mut turned = w;
                    rank_one(&mut turned, &d, &x, a);
                    let plain = (0..9).all(|r| same(&turned[r], &each(&|i| w[r][i] - a * (d[r] * x[i]))));
                    say(console, "rank_one", N, plain);
                    let (mut moving, mut first, mut second) = (x, y, each(&|i| z[i].abs()));
                    let m = each(&|i| 0.9 * y[i] + 0.1 * z[i]);
                    let v = each(&|i| 0.99 * second[i] + 0.01 * z[i] * z[i]);
                    moments(&mut moving, &mut first, &mut second, &z);
                    let plain = each(&|i| x[i] - 0.1 * m[i] / (kiln::rt::sqrt(v[i]) + 0.001));
                    say(console, "moments", N, same(&first, &m) && same(&second, &v) && same(&moving, &plain));
                    let mut halved = y;
                    let (found, next) = several(&x, &mut halved);
                    let (s, half) = (each(&|i| x[i] + y[i]), each(&|i| y[i] * 0.5));
                    let plain = each(&|i| (if s[i] > 0.0 { s[i] * s[i] } else { half[i] }) - x[i]);
                    say(console, "several", N, same(&found, &s) && same(&halved, &half) && same(&next, &plain));
                    let m = in_lanes::<N>(|i| x[i]);
                    let moments = [m, in_lanes::<N>(|i| (x[i] - m) * (x[i] - m))];
                    let rows: [f32; 9] =
                        core::array::from_fn(|r| in_lanes::<N>(|i| w[r][i].abs() * x[N - 1 - i]));
                    let (found, by_rows) = sums(&x, &w);
                    say(console, "sums", N, same(&found, &moments) && same(&by_rows, &rows));
                    let dots = [
                        (0..N).fold(0.0, |s, i| s + x[i] * y[i]),
                        (0..N).fold(0.0, |s, i| s + x[N - 1 - i] * y[i]),
                    ];
                    say(console, "products", N, same(&products(&x, &y), &dots));
                    let (mut adapting, mut weights) = (x, x);
                    let errors = adapted(&mut adapting, &both);
                    let mut plain = [0.0; N];
                    for i in 0..N {
                        let window = |k: usize| both[i + N - 1 - k];
                        let error = both[i] - (0..N).fold(0.0, |s, k| s + weights[k] * window(k));
                        plain[i] = error;
                        for k in 0..N {
                            weights[k] += 0.01 * error * window(k);
                        }
                    }
                    say(console, "adapted", N, same(&errors, &plain) && same(&adapting, &weights));
                }
            }
        })*
    };
}

lengths! {
    n7 7 14;
    n8 8 16;
    n9 9 18;
    n15 15 30;
    n16 16 32;
    n17 17 34;
    n31 31 62;
    n32 32 64;
    n47 47 94;
    n130 130 260;
}
