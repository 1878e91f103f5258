//! Words on the terminal. Colours and bars appear where somebody looks at them, and not in a log.

use std::fmt::Display;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice, println};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

const HEADING: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// The title of a part of a job.
pub fn heading(text: impl Display) {
    println!("\n{HEADING}{text}{HEADING:#}");
}

/// Something that is as it should be.
pub fn good(what: impl Display, detail: impl Display) {
    println!("  {GOOD}✓{GOOD:#} {what:<14} {detail}");
}

/// Something that is not.
pub fn bad(what: impl Display, detail: impl Display) {
    println!("  {BAD}✗ {what:<14} {detail}{BAD:#}");
}

/// Something that is being done, or worth knowing.
pub fn note(what: impl Display, detail: impl Display) {
    println!("  {DIM}·{DIM:#} {what:<14} {detail}");
}

/// Text that stands for itself, indented like the rest.
pub fn block(text: impl Display) {
    for line in text.to_string().lines() {
        println!("  {line}");
    }
}

/// Why a command did not succeed.
pub fn failure(why: &anyhow::Error) {
    anstream::eprintln!("\n{BAD}error:{BAD:#} {why:#}");
}

/// Whether standard output shows colours.
pub fn colours() -> bool {
    AutoStream::choice(&std::io::stdout()) != ColorChoice::Never
}

/// A bar that counts to `n`; invisible where standard error is not a terminal.
pub fn bar(n: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("  {bar:40.green} {pos}/{len} steps  {msg}");
    ProgressBar::new(n).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A sign of life while something takes a while.
pub fn spinner(text: impl Display) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(text.to_string());
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

/// `1234567` as `1,234,567`.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1234` as `1,234 B`.
pub fn bytes(n: u64) -> String {
    format!("{} B", number(n))
}

/// `1 call`, `2 calls`.
pub fn many(n: u64, thing: &str) -> String {
    format!("{} {thing}{}", number(n), if n == 1 { "" } else { "s" })
}

#[test]
fn numbers_are_grouped_by_thousands() {
    assert_eq!([0, 999, 1_000, 123_456, 1_234_567].map(number), ["0", "999", "1,000", "123,456", "1,234,567"]);
}
