//! The training of the example against the run of `digits-reference.json`, which JAX computed.

use digits::data::{self, TEST, TRAIN};
use digits::model::{Mlp, logits, loss, step};
use digits::train::{self, Batch, LEARNING_RATE, STEPS};
use kiln::prelude::*;
use serde_json::Value;

/// The gradients that `step` uses up, to look at; the network and its loss come from the other crate.
#[jit]
fn gradient(p: &Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]) -> Mlp {
    grad(loss)(p, x, y)
}

fn reference() -> Value {
    let file: Value = serde_json::from_str(include_str!("../data/digits-reference.json")).unwrap();
    file["runs"]["mlp-64-32-10-relu"]["f32"].clone()
}

/// Asserts that two numbers agree within 1e-4 of the larger, or of `scale` when both are smaller.
fn close(what: &str, found: f64, expected: &Value, scale: f64) {
    let expected = expected.as_f64().unwrap();
    let allowed = 1e-4 * found.abs().max(expected.abs()).max(scale);
    assert!((found - expected).abs() <= allowed, "{what}: {found} is not JAX's {expected}");
}

/// Sum, sum of magnitudes, and the biases of each layer.
fn close_layers(what: &str, p: &Mlp, expected: &Value) {
    let layers: [(&[f32], &[f32]); 2] = [(p.l1.w.as_flattened(), &p.l1.b), (p.l2.w.as_flattened(), &p.l2.b)];
    for (l, (w, b)) in layers.into_iter().enumerate() {
        let (expected, what) = (&expected[l], format!("{what}, layer {}", l + 1));
        let magnitude: f64 = w.iter().map(|w| f64::from(w.abs())).sum();
        close(&format!("{what}, sum of magnitudes"), magnitude, &expected["w_abs_sum"], 0.0);
        // Much cancels in it, so it is as good as the magnitudes are.
        close(&format!("{what}, sum"), w.iter().map(|w| f64::from(*w)).sum(), &expected["w_sum"], magnitude);
        for (i, b) in b.iter().enumerate() {
            close(&format!("{what}, bias {i}"), f64::from(*b), &expected["b"][i], 1e-2);
        }
    }
}

fn start() -> Mlp {
    let mut p = train::BLANK;
    train::init(&mut p);
    p
}

#[test]
fn it_starts_with_the_same_weights() {
    let expected = &reference()["init_first_8"];
    for (i, w) in train::numbers(&start()).take(8).enumerate() {
        assert_eq!(w, expected[i].as_f64().unwrap() as f32, "weight {i}");
    }
}

#[test]
fn its_first_gradient_is_the_same() {
    let mut batch = Batch::EMPTY;
    batch.load(0);
    close_layers("gradient", &gradient(&start(), &batch.x, &batch.y), &reference()["first_step_grad"]);
}

#[test]
fn it_learns_the_same() {
    let reference = reference();
    let (mut p, mut batch) = (start(), Batch::EMPTY);
    let losses: Vec<f64> = (0..STEPS)
        .map(|i| {
            batch.load(i);
            f64::from(step(&mut p, &batch.x, &batch.y, LEARNING_RATE))
        })
        .collect();
    assert_eq!(losses.len() as u64, reference["steps"].as_u64().unwrap());
    for point in reference["curve"].as_array().unwrap() {
        let i = point["step"].as_u64().unwrap() as usize;
        close(&format!("loss of step {i}"), losses[i], &point["loss"], 0.0);
    }
    close("loss of the last step", losses[STEPS - 1], &reference["final_step_loss"], 0.0);
    close_layers("trained network", &p, &reference["final_params"]);
    let right = TEST.images.iter().zip(TEST.labels).filter(|(image, label)| {
        let scores = logits(&p, &data::pixels(image));
        train::best(&scores) == **label
    });
    assert_eq!(right.count() as u64, reference["final_test_correct"].as_u64().unwrap());
}

#[test]
fn a_step_reports_the_loss_before_it() {
    let (mut p, mut batch) = (start(), Batch::EMPTY);
    for i in 0..3 {
        batch.load(i);
        let before = loss(&p, &batch.x, &batch.y);
        assert_eq!(step(&mut p, &batch.x, &batch.y, LEARNING_RATE).to_bits(), before.to_bits(), "step {i}");
    }
}

#[test]
fn every_epoch_takes_the_samples_in_the_same_order_and_drops_what_fills_no_batch() {
    let (mut first, mut second) = (Batch::EMPTY, Batch::EMPTY);
    first.load(88);
    second.load(89 + 88);
    assert_eq!(first.x, second.x);
    assert_eq!(first.y, TRAIN.labels[88 * 16..89 * 16]);
    assert_eq!(STEPS, 267);
}
