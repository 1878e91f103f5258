//! What less memory costs: training steps within shares of the arena that they have by themselves. One line per model and
//! share: name, share asked for, bytes, operations. `cargo xtask ram` runs it and shows the result.

use kiln_codegen::compile::{Entry, parse_items, program, trace_entry};
use kiln_codegen::passes::optimise;
use kiln_codegen::schedule::budget::fit;
use kiln_codegen::schedule::fuse::Wishes;
use kiln_codegen::schedule::program::Program;
use kiln_codegen::unit::of_source;

/// The dense network of the language page: 64-32-10, batch 16.
const MLP: &str = r#"
pub struct Dense<const I: usize, const O: usize> { pub w: [[f32; I]; O], pub b: [f32; O] }
pub struct Mlp { pub l1: Dense<64, 32>, pub l2: Dense<32, 10> }
pub fn dense<const I: usize, const O: usize>(p: &Dense<I, O>, x: &[f32; I]) -> [f32; O] { matmul(p.w, x) + p.b }
pub fn logits(p: &Mlp, x: &[f32; 64]) -> [f32; 10] { dense(&p.l2, relu(dense(&p.l1, x))) }
pub fn loss(p: &Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]) -> f32 {
    let z = vmap(logits, in_axes = (None, 0))(p, x);
    -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
}
pub fn step(p: &mut Mlp, x: &[[f32; 64]; 16], y: &[u8; 16], lr: f32) -> f32 {
    let (l, g) = value_and_grad(loss)(p, x, y);
    *p = *p - lr * g;
    l
}
"#;

/// Three convolutions on images of 16 by 16, batch 4.
const CNN: &str = r#"
pub struct Cnn { c1: [[[[f32; 3]; 3]; 1]; 8], c2: [[[[f32; 3]; 3]; 8]; 16], c3: [[[[f32; 3]; 3]; 16]; 16], w: [[f32; 16]; 10], b: [f32; 10] }
pub fn logits(p: &Cnn, x: &[[[f32; 16]; 16]; 1]) -> [f32; 10] {
    let x = x.reshape((1, 1, 16, 16));
    let a = relu(conv(x, p.c1, padding = "SAME"));
    let b = relu(conv(a, p.c2, stride = (2, 2), padding = "SAME"));
    let c = relu(conv(b, p.c3, stride = (2, 2), padding = "SAME"));
    matmul(p.w, mean(c.reshape((16, 16)), axis = 1)) + p.b
}
pub fn loss(p: &Cnn, x: &[[[[f32; 16]; 16]; 1]; 4], y: &[u8; 4]) -> f32 {
    let z = vmap(logits, in_axes = (None, 0))(p, x);
    -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
}
pub fn step(p: &mut Cnn, x: &[[[[f32; 16]; 16]; 1]; 4], y: &[u8; 4], lr: f32) -> f32 {
    let (l, g) = value_and_grad(loss)(p, x, y);
    *p = *p - lr * g;
    l
}
"#;

/// A gated recurrent unit over 32 steps.
const GRU: &str = r#"
pub struct Gru<const I: usize, const H: usize> { w: [[[f32; I]; H]; 3], u: [[[f32; H]; H]; 3], b: [[f32; H]; 3] }
pub fn cell<const I: usize, const H: usize>(p: &Gru<I, H>, h: &[f32; H], x: &[f32; I]) -> [f32; H] {
    let z = nn::sigmoid(matmul(p.w[0], x) + matmul(p.u[0], h) + p.b[0]);
    let r = nn::sigmoid(matmul(p.w[1], x) + matmul(p.u[1], h) + p.b[1]);
    let n = tanh(matmul(p.w[2], x) + matmul(p.u[2], r * h) + p.b[2]);
    (1.0 - z) * n + z * h
}
pub fn loss(p: &Gru<8, 16>, x: &[[f32; 8]; 32], y: &[f32; 16]) -> f32 {
    let mut h = [0.0; 16];
    for v in x { h = cell(p, h, v); }
    sum((h - y) * (h - y))
}
pub fn step(p: &mut Gru<8, 16>, x: &[[f32; 8]; 32], y: &[f32; 16], lr: f32) -> f32 {
    let (l, g) = value_and_grad(loss)(p, x, y);
    *p = *p - lr * g;
    l
}
"#;

/// Shares of the arena, in percent.
const SHARES: [usize; 8] = [100, 90, 80, 70, 60, 50, 40, 30];

fn main() {
    let models = [("MLP", MLP), ("CNN", CNN), ("GRU", GRU)];
    let threads = models.map(|(name, source)| std::thread::spawn(move || trade(name, source)));
    for thread in threads {
        thread.join().expect("the models compile");
    }
}

fn trade(name: &str, source: &str) {
    let program = traced(source);
    let wishes = Wishes::default();
    let natural = fit(&program, wishes, usize::MAX).schedule.arena_bytes;
    for share in SHARES {
        let limit = natural * share / 100;
        let f = fit(&program, wishes, limit);
        println!("{name} {share} {limit} {} {}", f.schedule.arena_bytes, f.work);
    }
}

fn traced(source: &str) -> Program {
    let unit = of_source(source).expect("a program");
    let (items, spans) = parse_items(&unit);
    match trace_entry(&items, &spans.map(), &unit.entry) {
        Entry::Done(t) => program(&t, optimise(&t.graph)),
        Entry::Errors(_) | Entry::NeedMethods(_) => panic!("the program has mistakes"),
    }
}
