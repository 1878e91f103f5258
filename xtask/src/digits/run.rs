//! What one half of the job said: losses, answers, weights, facts.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;

use crate::say;

/// Steps that the training takes; the reference says the same.
const STEPS: usize = 267;
/// Numbers in the network.
const NUMBERS: usize = 2410;

/// One training, from its first loss to its weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// The loss before each step.
    pub losses: Vec<f32>,
    /// What the network takes each test image for.
    pub answers: Vec<u8>,
    /// How many of those are right, and how many there are.
    pub right: (u32, u32),
    /// All numbers of the trained network.
    pub weights: Vec<f32>,
    /// Numbers about parts of the program: part, what, value.
    pub facts: BTreeMap<(String, String), u64>,
}

impl Run {
    /// A number about a part of the program.
    pub fn fact(&self, part: &str, what: &str) -> Option<u64> {
        self.facts.get(&(part.to_owned(), what.to_owned())).copied()
    }

    /// Takes a line as `digits::report` writes it.
    fn take(&mut self, line: &str) -> Result<()> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["step", step, "loss", _, "=", bits] => {
                if step.parse() != Ok(self.losses.len()) {
                    bail!("step {} was expected", self.losses.len());
                }
                self.losses.push(float(bits)?);
            }
            ["answers", digits] => {
                let value = |digit: char| digit.to_digit(10).map(|value| value as u8);
                self.answers = digits.chars().map(value).collect::<Option<_>>().context("answers are digits")?;
            }
            ["right", right, "of", all] => self.right = (right.parse()?, all.parse()?),
            ["weights", ref numbers @ ..] => {
                for bits in numbers {
                    self.weights.push(float(bits)?);
                }
            }
            ["fact", part, what, value] => _ = self.facts.insert((part.to_owned(), what.to_owned()), value.parse()?),
            _ => bail!("no such line is known"),
        }
        Ok(())
    }
}

fn float(bits: &str) -> Result<f32> {
    Ok(f32::from_bits(u32::from_str_radix(bits, 16).with_context(|| format!("`{bits}` is not the bits of a float"))?))
}

/// A run under way, shown by a bar, or by a line now and then where nobody looks.
#[derive(Debug)]
pub struct Watched {
    run: Run,
    bar: ProgressBar,
}

impl Watched {
    /// Before the first line.
    pub fn new() -> Self {
        Watched { run: Run::default(), bar: say::bar(STEPS as u64) }
    }

    /// Takes the next line.
    pub fn line(&mut self, line: &str) -> Result<()> {
        let before = self.run.losses.len();
        self.run.take(line).with_context(|| format!("the program said `{line}`"))?;
        if let (Some(loss), true) = (self.run.losses.last(), self.run.losses.len() > before) {
            self.bar.inc(1);
            self.bar.set_message(format!("loss {loss:.4}"));
            if self.bar.is_hidden() && before.is_multiple_of(50) {
                say::note("step", format_args!("{before:>3}  loss {loss:.4}"));
            }
        }
        Ok(())
    }

    /// After the last line: the run, if it is whole.
    pub fn finish(self, time: Duration) -> Result<Run> {
        self.bar.finish_and_clear();
        let Run { losses, answers, right, weights, .. } = &self.run;
        if losses.len() != STEPS || weights.len() != NUMBERS || answers.len() != right.1 as usize {
            bail!(
                "the program stopped early: {} of {STEPS} steps, {} answers, {} of {NUMBERS} weights",
                losses.len(),
                answers.len(),
                weights.len()
            );
        }
        let (first, last) = (losses[0], losses[losses.len() - 1]);
        let seconds = time.as_secs_f64();
        say::good(
            "trained",
            format_args!("{STEPS} steps of 16 images in {seconds:.2} s: loss {first:.4} to {last:.4}"),
        );
        let percent = f64::from(right.0) * 100.0 / f64::from(right.1);
        say::good("tested", format_args!("{} of {} unseen digits read right, {percent:.1} %", right.0, right.1));
        Ok(self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_back_to_the_bit() {
        let mut run = Run::default();
        for line in [
            "step 0 loss 2.3026 = 40135dfb",
            "answers 0427",
            "right 3 of 4",
            "weights 3f800000 80000000",
            "fact step ram_bytes 5120",
        ] {
            run.take(line).unwrap();
        }
        assert_eq!(run.losses, [f32::from_bits(0x4013_5dfb)]);
        assert_eq!((run.answers.as_slice(), run.right), ([0, 4, 2, 7].as_slice(), (3, 4)));
        assert_eq!(run.weights.iter().map(|w| w.to_bits()).collect::<Vec<_>>(), [0x3f80_0000, 0x8000_0000]);
        assert_eq!(run.fact("step", "ram_bytes"), Some(5120));
    }

    #[test]
    fn lines_that_nobody_wrote_are_refused() {
        for line in ["step 1 loss 2.3 = 40135dfb", "step 0 loss 2.3 = xyz", "answers 04a", "hello"] {
            assert!(Run::default().take(line).is_err(), "{line}");
        }
    }
}
