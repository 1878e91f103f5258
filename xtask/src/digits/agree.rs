//! The checks that the job ends with. Each writes a line and says whether it holds.

use super::{Firmware, Run, reference::Curve};
use crate::say;

/// How far a loss may be from the reference's, relative to it: another order of summation moves the last bits.
const TOLERANCE: f64 = 1e-4;

/// Whether the losses and the accuracy are the reference's.
pub fn with_reference(run: &Run, reference: &Curve) -> bool {
    let mut worst = (0.0, 0);
    let mut compared = 0;
    for point in reference.points() {
        let loss = run.losses.get(point.step).map_or(f64::NAN, |loss| f64::from(*loss));
        let apart = (loss - point.loss).abs() / point.loss.abs();
        compared += 1;
        if apart.is_nan() || apart > worst.0 {
            worst = (apart, point.step);
        }
    }
    let (apart, step) = worst;
    let curve = apart <= TOLERANCE;
    let words = format!("{compared} losses, at most {apart:.1e} from JAX's (step {step}); {TOLERANCE:.0e} is allowed");
    verdict(curve, "loss curve", &words);
    let right = run.right.0 == reference.final_test_correct;
    verdict(
        right,
        "accuracy",
        &format!("{} digits read right, {} by JAX's network", run.right.0, reference.final_test_correct),
    );
    curve && right
}

/// Whether the firmware learned what the host learned, to the bit.
pub fn with_host(firmware: &Run, host: &Run) -> bool {
    let weights = same_bits("weights", &firmware.weights, &host.weights);
    let losses = same_bits("losses", &firmware.losses, &host.losses);
    let answers = firmware.answers == host.answers;
    verdict(answers, "answers", &format!("the firmware's {} answers are the host's", firmware.answers.len()));
    weights && losses && answers
}

fn same_bits(what: &str, firmware: &[f32], host: &[f32]) -> bool {
    let differ: Vec<usize> =
        (0..host.len().max(firmware.len())).filter(|i| bits(firmware, *i) != bits(host, *i)).collect();
    let words = match differ.first() {
        None => format!("the firmware's {} are bit for bit the host's", host.len()),
        Some(&i) => format!(
            "{} of {} differ; number {i} is {} in the firmware and {} on the host",
            differ.len(),
            host.len(),
            shown(firmware, i),
            shown(host, i)
        ),
    };
    verdict(differ.is_empty(), what, &words);
    differ.is_empty()
}

fn bits(numbers: &[f32], i: usize) -> Option<u32> {
    numbers.get(i).map(|number| number.to_bits())
}

fn shown(numbers: &[f32], i: usize) -> String {
    numbers.get(i).map_or("absent".to_owned(), |number| format!("{number:e} ({:08x})", number.to_bits()))
}

/// Whether no kernel used more memory than Kiln said it would.
pub fn within_ram(firmware: &Firmware) -> bool {
    ["step", "loss", "logits"].into_iter().all(|kernel| {
        let (used, said) = (firmware.run.fact(kernel, "stack_bytes"), firmware.run.fact(kernel, "ram_bytes"));
        let (Some(used), Some(said)) = (used, said) else {
            say::bad("memory", format_args!("the firmware did not say how much `{kernel}` uses"));
            return false;
        };
        let holds = used <= said;
        let words = format!(
            "`{kernel}` used {} of stack, its arrays included; {kernel}::RAM_BYTES is {}",
            say::bytes(used),
            say::bytes(said)
        );
        verdict(holds, "memory", &words);
        holds
    })
}

/// Whether the emulator's counter and the board's timer say the same, to the one instruction that a tick may be off.
pub fn two_counters(firmware: &Firmware) -> bool {
    let mut worst = 0;
    for (region, counted) in &firmware.counts {
        let Some(timed) = firmware.timed(region) else {
            say::bad("counters", format_args!("the firmware's timer says nothing about `{region}`"));
            return false;
        };
        worst = worst.max(counted.per_call().abs_diff(timed));
    }
    let words = format!("the emulator's and the timer's differ by at most {} a call", say::many(worst, "instruction"));
    if firmware.counts.is_empty() {
        say::note("counters", "only the firmware's timer counted");
    } else {
        verdict(worst <= 1, "counters", &words);
    }
    worst <= 1
}

fn verdict(holds: bool, what: &str, words: &str) {
    if holds {
        say::good(what, words);
    } else {
        say::bad(what, words);
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference::Point;
    use super::*;

    fn run(losses: &[f32]) -> Run {
        Run { losses: losses.to_vec(), right: (3, 4), ..Run::default() }
    }

    fn reference() -> Curve {
        let curve = vec![Point { step: 0, loss: 2.0 }];
        Curve { steps: 2, curve, final_step_loss: 1.0, final_test_correct: 3 }
    }

    #[test]
    fn the_reference_is_held_against_every_loss_it_has() {
        assert!(with_reference(&run(&[2.0, 1.00005]), &reference()));
        assert!(!with_reference(&run(&[2.0, 1.0002]), &reference()));
        assert!(!with_reference(&run(&[2.0, f32::NAN]), &reference()));
        assert!(!with_reference(&run(&[2.0]), &reference()));
        assert!(!with_reference(&Run { right: (2, 4), ..run(&[2.0, 1.0]) }, &reference()));
    }

    #[test]
    fn equal_is_not_enough_when_the_bits_differ() {
        let with = |weight: f32| Run { weights: vec![1.0, weight], ..Run::default() };
        assert!(with_host(&with(0.0), &with(0.0)));
        assert!(!with_host(&with(0.0), &with(-0.0)));
        assert!(!with_host(&Run { weights: vec![1.0], ..Run::default() }, &with(0.0)));
    }
}
