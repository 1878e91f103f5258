//! Nothing that a user writes makes the macros panic: mutated token streams of working programs, through the front end and the
//! compiler. `KILN_MUTATIONS=100000 cargo test -p kiln-codegen --test mutations` runs more of them than the default.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::unit;
use kiln_codegen::compile::compile;
use kiln_codegen::frontend::{self, Host};
use kiln_codegen::unit::Outcome;
use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// Programs that compile, each with something of the language that the others lack.
const PROGRAMS: &[&str] = &[
    "pub struct Dense<const I: usize, const O: usize> { pub w: [[f32; I]; O], pub b: [f32; O] }
     pub struct Mlp { pub l1: Dense<6, 5>, pub l2: Dense<5, 4> }
     pub fn dense<const I: usize, const O: usize>(p: &Dense<I, O>, x: &[f32; I]) -> [f32; O] { matmul(p.w, x) + p.b }
     pub fn logits(p: &Mlp, x: &[f32; 6]) -> [f32; 4] { dense(&p.l2, relu(dense(&p.l1, x))) }
     pub fn loss(p: &Mlp, x: &[[f32; 6]; 3], y: &[u8; 3]) -> f32 {
         let z = vmap(logits, in_axes = (None, 0))(p, x);
         -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
     }
     pub fn step(p: &mut Mlp, x: &[[f32; 6]; 3], y: &[u8; 3], lr: f32) -> f32 {
         let (l, g) = value_and_grad(loss)(p, x, y);
         *p = *p - lr * g;
         l
     }",
    "const N: usize = 4;
     fn f(x: &[f32; N], k: i32) -> ([f32; N], f32) {
         let mut s = 0.0;
         let mut y = x.clone();
         for i in 0..N { y[i] = y[i] * 2.0 + s; s += x[i]; }
         for (i, v) in x.iter().enumerate().rev() { if v > 0.5 { s = s + v; } else { s -= 1.0; } }
         #[bound(8)] while s > 10.0 { s = s / 2.0; if s < 3.0 { break; } }
         let t = match k { 0 => s, 1 | 2 => -s, 3..=5 => s * s, _ => 0.0 };
         (y, t)
     }",
    "struct Point { x: f32, y: [f32; 2] }
     impl Point {
         fn norm(&self) -> f32 { sqrt(self.x * self.x + sum(self.y * self.y)) }
         fn scaled(&self, k: f32) -> Self { Self { x: self.x * k, ..*self } }
     }
     fn f(p: &Point, q: Point) -> Point {
         let Point { x, y: [a, b] } = q;
         let add = |u, v| u + v * p.norm();
         let r = Point { x: add(x, a), y: [b, x] };
         r + *p * 2.0
     }",
    "#[custom_jvp(rule)]
     fn square(x: f32) -> f32 { x * x }
     fn rule(p: (f32,), t: (f32,)) -> (f32, f32) { (square(p.0), 2.0 * p.0 * t.0) }
     fn h(x: f32) -> f32 { square(sin(x)) }
     fn f(x: f32, d: f32) -> (f32, f32, f32) {
         let (y, dy) = jvp(h, (x,), (d,));
         let (z, pull) = vjp(grad(h), (x,));
         (y + z, dy, pull(1.0).0)
     }",
    "fn f(x: &[[f32; 5]; 4], i: &[i32; 3], k: u32) -> [[f32; 2]; 3] {
         let a = x[(.., 1..3)];
         let b = a[i];
         let mut c = b.T();
         c[(0, ..)] += 1.0;
         c[1][2] *= x[k][0];
         let d = where_(c > 0.0, c, (c as i32) as f32).reshape((3, 2));
         concatenate((d[0..1], d[1..3]), axis = 0)
     }",
];

/// A small generator of its own, so that a seed means the same run everywhere.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

fn count(tokens: &TokenStream) -> usize {
    tokens.clone().into_iter().map(|t| if let TokenTree::Group(g) = t { 1 + count(&g.stream()) } else { 1 }).sum()
}

/// Every token tree, for pasting elsewhere.
fn pool(tokens: &TokenStream, out: &mut Vec<TokenTree>) {
    for t in tokens.clone() {
        if let TokenTree::Group(g) = &t {
            pool(&g.stream(), out);
        }
        out.push(t);
    }
}

fn invented(rng: &mut Rng) -> TokenTree {
    let ident = |s: &str| TokenTree::Ident(Ident::new(s, Span::call_site()));
    let words = [
        "x", "f", "self", "Self", "let", "mut", "fn", "if", "else", "match", "for", "in", "while", "loop", "break",
        "continue", "return", "unsafe", "async", "move", "ref", "dyn", "impl", "where", "as", "f32", "i32", "bool",
        "u8", "usize", "None", "Some", "grad", "vmap", "sum", "exp", "axis", "scan", "cond", "reshape", "einsum",
        "sort", "stack", "_", "true",
    ];
    match rng.below(4) {
        0 => {
            let numbers = [
                Literal::u8_unsuffixed(0),
                Literal::u8_unsuffixed(1),
                Literal::u8_unsuffixed(7),
                Literal::f32_suffixed(1.5),
                Literal::i64_suffixed(-3),
                Literal::string("SAME"),
                Literal::character('c'),
                Literal::f64_unsuffixed(0.5),
                Literal::u128_unsuffixed(u128::MAX),
                Literal::byte_string(b"b"),
            ];
            TokenTree::Literal(numbers[rng.below(numbers.len())].clone())
        }
        1 => {
            let puncts =
                ['+', '-', '*', '/', '%', '&', '|', '^', '<', '>', '=', '!', '.', ',', ';', ':', '#', '?', '@'];
            let spacing = if rng.below(2) == 0 { Spacing::Alone } else { Spacing::Joint };
            TokenTree::Punct(Punct::new(puncts[rng.below(puncts.len())], spacing))
        }
        _ => ident(words[rng.below(words.len())]),
    }
}

/// Changes the token with number `at`, counted depth first.
fn mutate(tokens: TokenStream, at: &mut isize, pool: &[TokenTree], rng: &mut Rng) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    for t in tokens {
        let here = *at == 0;
        *at -= 1;
        if !here {
            out.push(match t {
                TokenTree::Group(g) if *at >= 0 => {
                    TokenTree::Group(Group::new(g.delimiter(), mutate(g.stream(), at, pool, rng)))
                }
                other => other,
            });
            continue;
        }
        match rng.below(8) {
            0 => {}
            1 => out.extend([t.clone(), t]),
            2 => out.push(invented(rng)),
            3 => out.extend([invented(rng), t]),
            4 => {
                let before = out.pop();
                out.push(t);
                out.extend(before);
            }
            5 => match t {
                TokenTree::Group(g) => {
                    let kinds = [Delimiter::Parenthesis, Delimiter::Brace, Delimiter::Bracket];
                    out.push(TokenTree::Group(Group::new(kinds[rng.below(3)], g.stream())));
                }
                other => out.push(TokenTree::Group(Group::new(Delimiter::Parenthesis, other.into()))),
            },
            _ => out.push(pool[rng.below(pool.len())].clone()),
        }
    }
    out.into_iter().collect()
}

/// What a compilation of these tokens comes to; only panics count.
fn compile_all(tokens: &TokenStream) {
    let text = tokens.to_string();
    // What the front end is given: each item on its own, whether or not it is one.
    let host = Host { crate_key: "test".into(), read: &|_| None, compile: &|u| compile(u), record: false };
    for out in [frontend::jit(TokenStream::new(), tokens.clone(), &host), frontend::derive_tree(tokens.clone(), &host)]
    {
        // The macros turn a panic into a message of its own.
        let out = out.to_string();
        assert!(!out.contains("internal error"), "{out}");
    }
    let Ok(unit) = unit(&text) else { return };
    if !unit.items.contains_key(&unit.entry) {
        return;
    }
    if let Outcome::Done(kernel) = compile(&unit) {
        let _ = (kernel.errors.to_string(), kernel.items.to_string(), kernel.body.to_string());
    }
}

fn run(seed: u64, n: usize) {
    let mut rng = Rng(seed | 1);
    let programs: Vec<TokenStream> = PROGRAMS.iter().map(|p| p.parse().expect("tokens")).collect();
    let mut all = Vec::new();
    for p in &programs {
        pool(p, &mut all);
    }
    for round in 0..n {
        let mut tokens = programs[rng.below(programs.len())].clone();
        for _ in 0..=rng.below(3) {
            let mut at = rng.below(count(&tokens)) as isize;
            tokens = mutate(tokens, &mut at, &all, &mut rng);
        }
        let result = catch_unwind(AssertUnwindSafe(|| compile_all(&tokens)));
        assert!(result.is_ok(), "round {round} of seed {seed} panics:\n{tokens}");
    }
}

#[test]
fn the_programs_themselves_compile() {
    for p in PROGRAMS {
        assert_eq!(common::traced(p), vec![], "{p}");
    }
}

#[test]
fn no_mutation_makes_the_compiler_panic() {
    let n: usize = std::env::var("KILN_MUTATIONS").ok().and_then(|s| s.parse().ok()).unwrap_or(3000);
    let seed: u64 = std::env::var("KILN_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x5eed);
    let threads = 2;
    let workers: Vec<_> = (0..threads)
        .map(|k| {
            let work = move || run(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(k as u64 * 77), n / threads);
            std::thread::Builder::new().stack_size(256 << 20).spawn(work).expect("a thread")
        })
        .collect();
    for w in workers {
        if let Err(panic) = w.join() {
            std::panic::resume_unwind(panic);
        }
    }
}
