//! The host half of the example: trains, tests, and prints what `digits::report` says.
//!
//! `cargo run --release -p digits` shows the losses and the accuracy; with `--weights` also the trained numbers as bits.

use std::io::{self, Write};

use digits::report::{self, Console};
use digits::train::{self, Batch, LEARNING_RATE, STEPS};
use digits::{data, model};

struct Stdout;

impl Console for Stdout {
    fn write(&mut self, line: &[u8]) {
        // A reader that went away, as `head` does, is no reason to panic.
        if io::stdout().write_all(line).is_err() {
            std::process::exit(1);
        }
    }
}

fn main() {
    let out = &mut Stdout;
    let mut network = train::BLANK;
    let mut batch = Batch::EMPTY;

    train::init(&mut network);
    for step in 0..STEPS {
        batch.load(step);
        let loss = model::step(&mut network, &batch.x, &batch.y, LEARNING_RATE);
        report::step(out, step, loss);
    }
    let answers = data::TEST.images.iter().map(|image| train::best(&model::logits(&network, &data::pixels(image))));
    report::answers(out, answers);
    if std::env::args().any(|arg| arg == "--weights") {
        report::weights(out, &network);
    }
}
