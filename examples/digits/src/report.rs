//! What a run says, line by line, without formatting machinery: firmware that prints through it has no panic path.
//!
//! People read these lines, and so does `cargo xtask digits`, which compares a run on the host with one in firmware. A float
//! is therefore written twice: rounded, and as its bits.

use crate::data::TEST;
use crate::model::Mlp;
use crate::train;

/// Where the lines go: standard output, semihosting, a UART.
pub trait Console {
    /// Takes one line, end of line included.
    fn write(&mut self, line: &[u8]);
}

/// A line under construction. What does not fit any more is dropped.
#[derive(Debug)]
pub struct Line {
    bytes: [u8; 512],
    len: usize,
}

impl Default for Line {
    fn default() -> Self {
        Line { bytes: [0; 512], len: 0 }
    }
}

impl Line {
    /// An empty line.
    pub fn new() -> Self {
        Self::default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    /// Appends words as they are.
    pub fn text(&mut self, text: &str) -> &mut Self {
        text.bytes().for_each(|byte| self.push(byte));
        self
    }

    /// Appends a decimal number.
    pub fn number(&mut self, value: u32) -> &mut Self {
        let mut place = 1_000_000_000;
        while place > 0 {
            if value >= place || place == 1 {
                self.push(b'0' + (value / place % 10) as u8);
            }
            place /= 10;
        }
        self
    }

    /// Appends a number that is 0 or more, with four decimals.
    pub fn rounded(&mut self, value: f32) -> &mut Self {
        let scaled = (value * 10_000.0 + 0.5) as u32;
        self.number(scaled / 10_000).text(".");
        for place in [1000, 100, 10, 1] {
            self.push(b'0' + (scaled / place % 10) as u8);
        }
        self
    }

    /// Appends the bits of a float as eight hexadecimal digits.
    pub fn bits(&mut self, value: f32) -> &mut Self {
        for shift in [28, 24, 20, 16, 12, 8, 4, 0] {
            let digit = (value.to_bits() >> shift & 15) as u8;
            self.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        }
        self
    }

    /// Ends the line and hands it over.
    pub fn end(&mut self, to: &mut impl Console) {
        self.push(b'\n');
        if let Some(line) = self.bytes.get(..self.len) {
            to.write(line);
        }
    }
}

/// `step 50 loss 1.8165 = 3fe882a4`
pub fn step(to: &mut impl Console, step: usize, loss: f32) {
    Line::new().text("step ").number(step as u32).text(" loss ").rounded(loss).text(" = ").bits(loss).end(to);
}

/// `answers 4889...`, a digit per test image, and `right 321 of 359`.
pub fn answers(to: &mut impl Console, answers: impl Iterator<Item = u8>) {
    let mut line = Line::new();
    line.text("answers ");
    let mut right = 0;
    for (answer, label) in answers.zip(TEST.labels) {
        line.number(u32::from(answer));
        right += u32::from(answer == *label);
    }
    line.end(to);
    Line::new().text("right ").number(right).text(" of ").number(TEST.labels.len() as u32).end(to);
}

/// `fact step ram_bytes 5120`: a number about a part of the program.
pub fn fact(to: &mut impl Console, part: &str, what: &str, value: usize) {
    Line::new().text("fact ").text(part).text(" ").text(what).text(" ").number(value as u32).end(to);
}

/// `weights 3e1a... 3d00...`: all numbers of the network as bits, sixteen a line.
pub fn weights(to: &mut impl Console, p: &Mlp) {
    let mut numbers = train::numbers(p).peekable();
    while numbers.peek().is_some() {
        let mut line = Line::new();
        line.text("weights");
        for number in numbers.by_ref().take(16) {
            line.text(" ").bits(number);
        }
        line.end(to);
    }
}
