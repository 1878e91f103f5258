//! How the training starts and proceeds: as `digits-reference.json` says, so that its losses can be compared.

use crate::data::{self, TRAIN};
use crate::model::{Dense, Mlp};

/// Samples per step.
pub const BATCH: usize = 16;
/// Times that the training set is gone through.
pub const EPOCHS: usize = 3;
/// Steps that one time takes; an incomplete last batch is dropped.
pub const STEPS_PER_EPOCH: usize = TRAIN.images.len() / BATCH;
/// All steps.
pub const STEPS: usize = EPOCHS * STEPS_PER_EPOCH;
/// How far a step goes against the gradient.
pub const LEARNING_RATE: f32 = 0.1;

const SEED: u32 = 12345;

/// The network before [`init`], fit for a `static`.
pub const BLANK: Mlp =
    Mlp { l1: Dense { w: [[0.0; 64]; 32], b: [0.0; 32] }, l2: Dense { w: [[0.0; 32]; 10], b: [0.0; 10] } };

/// Draws the initial weights, layer by layer and row by row, uniform up to `1 / sqrt(inputs)` either way; biases are 0.
pub fn init(p: &mut Mlp) {
    let mut draws = Lcg(SEED);
    for w in p.l1.w.as_flattened_mut() {
        *w = draws.uniform(0.125);
    }
    for w in p.l2.w.as_flattened_mut() {
        *w = draws.uniform(0.176_776_69);
    }
    p.l1.b = [0.0; 32];
    p.l2.b = [0.0; 10];
}

/// Inputs and labels of one step, in place: on a microcontroller it is a `static`.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Pixels, 0.0 to 1.0.
    pub x: [[f32; 64]; BATCH],
    /// What they show.
    pub y: [u8; BATCH],
}

impl Batch {
    /// Before the first [`Batch::load`].
    pub const EMPTY: Batch = Batch { x: [[0.0; 64]; BATCH], y: [0; BATCH] };

    /// Fetches the samples of a step. Every epoch takes them in the same order.
    pub fn load(&mut self, step: usize) {
        let first = step % STEPS_PER_EPOCH * BATCH;
        let samples = TRAIN.images.iter().zip(TRAIN.labels).skip(first);
        for ((x, y), (image, label)) in self.x.iter_mut().zip(&mut self.y).zip(samples) {
            *x = data::pixels(image);
            *y = *label;
        }
    }
}

/// The class with the highest score, the first one of equals.
pub fn best(scores: &[f32; 10]) -> u8 {
    let (mut best, mut highest) = (0, f32::NEG_INFINITY);
    for (class, &score) in (0..).zip(scores) {
        if score > highest {
            (best, highest) = (class, score);
        }
    }
    best
}

/// All numbers of the network in one order: layer by layer, weights by rows, then biases.
pub fn numbers(p: &Mlp) -> impl Iterator<Item = f32> {
    [p.l1.w.as_flattened(), &p.l1.b, p.l2.w.as_flattened(), &p.l2.b].into_iter().flatten().copied()
}

/// The generator of the reference runs: its draws are easily repeated in any language.
struct Lcg(u32);

impl Lcg {
    fn uniform(&mut self, limit: f32) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let unit = (self.0 >> 8) as f32 * (1.0 / 16_777_216.0);
        (2.0 * unit - 1.0) * limit
    }
}
