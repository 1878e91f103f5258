//! Firmware that learns to read digits: the weights are in static memory, the gradients are Kiln's, and nothing is allocated.
//!
//! `cargo run --release` in this folder runs it in QEMU. Started with the word `weights`, it prints those too.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use digits::model::{Mlp, logits, loss, step};
use digits::report::{self, Console};
use digits::train::{self, Batch, LEARNING_RATE, STEPS};
use digits::{data, model};
use kiln_board::{region, stack_bytes};

region!(empty, training_step, forward_loss, inference);

#[entry]
fn main() -> ! {
    static mut NETWORK: Mlp = train::BLANK;
    static mut BATCH: Batch = Batch::EMPTY;

    kiln_board::main(|console| {
        let out = &mut Lines(console);

        train::init(NETWORK);
        for i in 0..STEPS {
            BATCH.load(i);
            let loss = training_step::count(|| kernel_step(NETWORK, &BATCH.x, &BATCH.y, LEARNING_RATE));
            report::step(out, i, loss);
        }
        let answers = data::TEST.images.iter().map(|image| {
            let x = data::pixels(image);
            train::best(&inference::count(|| kernel_logits(NETWORK, &x)))
        });
        report::answers(out, answers);
        if kiln_board::asked_for("weights") {
            report::weights(out, NETWORK);
        }
        measure(out, NETWORK, BATCH);
    })
}

/// What the kernels cost, besides what the emulator counts by itself. Trains two steps further.
fn measure(out: &mut Lines<'_>, network: &mut Mlp, batch: &Batch) {
    let x = &batch.x[0];
    empty::count(|| ());
    forward_loss::count(|| kernel_loss(network, &batch.x, &batch.y));

    report::fact(out, "network", "bytes", size_of::<Mlp>());
    report::fact(out, "batch", "bytes", size_of::<Batch>());
    report::fact(out, "step", "ram_bytes", model::step::RAM_BYTES);
    report::fact(out, "step", "arena_bytes", size_of::<model::step::Workspace>());
    report::fact(out, "step", "flash_const_bytes", model::step::FLASH_CONST_BYTES);
    report::fact(out, "loss", "ram_bytes", model::loss::RAM_BYTES);
    report::fact(out, "logits", "ram_bytes", model::logits::RAM_BYTES);
    report::fact(out, "step", "operations", model::step::FLOPS as usize);
    report::fact(out, "loss", "operations", model::loss::FLOPS as usize);
    report::fact(out, "logits", "operations", model::logits::FLOPS as usize);
    report::fact(out, "logits", "stack_bytes", stack_bytes(|| _ = kernel_logits(network, x)));
    report::fact(out, "loss", "stack_bytes", stack_bytes(|| _ = kernel_loss(network, &batch.x, &batch.y)));
    let step = || _ = kernel_step(network, &batch.x, &batch.y, LEARNING_RATE);
    report::fact(out, "step", "stack_bytes", stack_bytes(step));

    for (name, counter) in [
        ("empty", &empty::COUNTER),
        ("training_step", &training_step::COUNTER),
        ("forward_loss", &forward_loss::COUNTER),
        ("inference", &inference::COUNTER),
    ] {
        let count = counter.count();
        report::fact(out, name, "calls", count.calls as usize);
        report::fact(out, name, "timer_instructions", count.instructions as usize);
    }
}

// The kernels under names that the image check and the emulator's counter find, and never inlined into what calls them.

#[unsafe(no_mangle)]
#[inline(never)]
fn kernel_step(p: &mut Mlp, x: &[[f32; 64]; 16], y: &[u8; 16], lr: f32) -> f32 {
    step(p, x, y, lr)
}

#[unsafe(no_mangle)]
#[inline(never)]
fn kernel_loss(p: &Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]) -> f32 {
    loss(p, x, y)
}

#[unsafe(no_mangle)]
#[inline(never)]
fn kernel_logits(p: &Mlp, x: &[f32; 64]) -> [f32; 10] {
    logits(p, x)
}

struct Lines<'a>(&'a mut kiln_board::Console);

impl Console for Lines<'_> {
    fn write(&mut self, line: &[u8]) {
        self.0.write(line);
    }
}
