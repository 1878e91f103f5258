//! What less memory costs: training steps and networks within shares of the arena that they have by themselves. One line per model and
//! share: name, share asked for, bytes, operations; of the models that are named, or of all. `cargo xtask ram` runs it and shows the
//! result.

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

/// Three convolutions on images of 16 by 16, batch 4; as `CNN-16` with batch 16.
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

/// What the networks below are made of; activations are `NHWC`, windows `HWIO`.
const LAYERS: &str = r#"
pub struct Conv<const H: usize, const W: usize, const I: usize, const O: usize> { pub w: [[[[f32; O]; I]; W]; H], pub b: [f32; O] }
pub struct Separable<const I: usize, const O: usize> { pub depthwise: Conv<3, 3, 1, I>, pub pointwise: Conv<1, 1, I, O> }
pub struct Dense<const I: usize, const O: usize> { pub w: [[f32; O]; I], pub b: [f32; O] }
"#;

/// Keyword spotting of MLPerf Tiny.
const DS_CNN: &str = r#"
pub struct DsCnn { pub stem: Conv<10, 4, 1, 64>, pub blocks: [Separable<64, 64>; 4], pub head: Dense<64, 12> }
pub fn ds_cnn(p: &DsCnn, x: &[[[f32; 1]; 10]; 49]) -> [f32; 12] {
    let layer = |x, p, s, groups| {
        let y = conv(x, p.w, stride = (s, s), padding = "SAME", feature_group_count = groups, dimension_numbers = ("NHWC", "HWIO", "NHWC"));
        relu(y + p.b)
    };
    let mut x = layer(x.reshape((1, 49, 10, 1)), p.stem, 2, 1);
    #[unroll]
    for k in 0..4 { x = layer(layer(x, p.blocks[k].depthwise, 1, 64), p.blocks[k].pointwise, 1, 1); }
    log_softmax(matmul(mean(x, axis = (0, 1, 2)), p.head.w) + p.head.b)
}
"#;

/// Image classification of MLPerf Tiny.
const RESNET8: &str = r#"
pub struct ResNet8 {
    pub stem: Conv<3, 3, 3, 16>, pub a1: Conv<3, 3, 16, 16>, pub a2: Conv<3, 3, 16, 16>,
    pub b1: Conv<3, 3, 16, 32>, pub b2: Conv<3, 3, 32, 32>, pub b0: Conv<1, 1, 16, 32>,
    pub c1: Conv<3, 3, 32, 64>, pub c2: Conv<3, 3, 64, 64>, pub c0: Conv<1, 1, 32, 64>, pub head: Dense<64, 10>,
}
pub fn resnet8(p: &ResNet8, x: &[[[f32; 3]; 32]; 32]) -> [f32; 10] {
    let layer =
        |x, p, s| conv(x, p.w, stride = (s, s), padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC")) + p.b;
    let x = relu(layer(x.reshape((1, 32, 32, 3)), p.stem, 1));
    let x = relu(layer(relu(layer(x, p.a1, 1)), p.a2, 1) + x);
    let x = relu(layer(relu(layer(x, p.b1, 2)), p.b2, 1) + layer(x, p.b0, 2));
    let x = relu(layer(relu(layer(x, p.c1, 2)), p.c2, 1) + layer(x, p.c0, 2));
    log_softmax(matmul(mean(x, axis = (0, 1, 2)), p.head.w) + p.head.b)
}
"#;

/// Visual wake words of MLPerf Tiny.
const MOBILENET: &str = r#"
pub struct MobileNet {
    pub stem: Conv<3, 3, 3, 8>, pub s1: Separable<8, 16>, pub s2: Separable<16, 32>, pub s3: Separable<32, 32>,
    pub s4: Separable<32, 64>, pub s5: Separable<64, 64>, pub s6: Separable<64, 128>, pub same: [Separable<128, 128>; 5],
    pub s12: Separable<128, 256>, pub s13: Separable<256, 256>, pub head: Dense<256, 2>,
}
pub fn mobilenet(p: &MobileNet, x: &[[[f32; 3]; 96]; 96]) -> [f32; 2] {
    let layer = |x, p, s, groups| {
        let y = conv(x, p.w, stride = (s, s), padding = "SAME", feature_group_count = groups, dimension_numbers = ("NHWC", "HWIO", "NHWC"));
        relu(y + p.b)
    };
    let separable = |x, p, s, channels| layer(layer(x, p.depthwise, s, channels), p.pointwise, 1, 1);
    let x = layer(x.reshape((1, 96, 96, 3)), p.stem, 2, 1);
    let x = separable(x, p.s1, 1, 8);
    let x = separable(x, p.s2, 2, 16);
    let x = separable(x, p.s3, 1, 32);
    let x = separable(x, p.s4, 2, 32);
    let x = separable(x, p.s5, 1, 64);
    let mut x = separable(x, p.s6, 2, 64);
    #[unroll]
    for k in 0..5 { x = separable(x, p.same[k], 1, 128); }
    let x = separable(x, p.s12, 2, 128);
    let x = separable(x, p.s13, 1, 256);
    log_softmax(matmul(mean(x, axis = (0, 1, 2)), p.head.w) + p.head.b)
}
"#;

/// Shares of the arena, in percent.
const SHARES: [usize; 9] = [100, 90, 80, 70, 60, 50, 40, 33, 25];

fn main() {
    let of_layers = |source: &str| format!("{LAYERS}{source}");
    let models = [
        ("MLP", MLP.to_owned()),
        ("CNN", CNN.to_owned()),
        ("CNN-16", CNN.replace("; 4]", "; 16]")),
        ("GRU", GRU.to_owned()),
        ("DS-CNN", of_layers(DS_CNN)),
        ("ResNet-8", of_layers(RESNET8)),
        ("MobileNet", of_layers(MOBILENET)),
    ];
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let asked = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    let models = models.into_iter().filter(|(name, _)| asked(name));
    let threads: Vec<_> = models.map(|(name, source)| std::thread::spawn(move || trade(name, &source))).collect();
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
        Entry::Errors(_) | Entry::NeedMethods(_) | Entry::NeedBodies(_) => panic!("the program has mistakes"),
    }
}
