//! The pictures and the table.

use std::path::Path;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets};
use textplots::{Chart, Plot, Shape};

use super::{Firmware, Run};
use crate::{repo, say};

/// Losses that one point of the line averages.
const SMOOTHED: usize = 16;

/// The loss over the steps.
pub fn curve(run: &Run) {
    say::heading(format_args!("Loss of each batch, and its mean over {SMOOTHED} steps"));
    let points: Vec<(f32, f32)> = (0..).zip(&run.losses).map(|(step, loss)| (step as f32, *loss)).collect();
    let middle = (SMOOTHED / 2) as f32;
    let mean = |(first, losses): (usize, &[f32])| (first as f32 + middle, losses.iter().sum::<f32>() / SMOOTHED as f32);
    let means: Vec<(f32, f32)> = run.losses.windows(SMOOTHED).enumerate().map(mean).collect();
    let highest = run.losses.iter().copied().fold(0.5, f32::max);
    let mut chart = Chart::new_with_y_range(140, 48, 0.0, (points.len() - 1) as f32, 0.0, highest);
    let (dots, line) = (Shape::Points(&points), Shape::Lines(&means));
    let chart = chart.lineplot(&dots).lineplot(&line);
    chart.axis();
    chart.figures();
    say::block(&*chart);
}

/// A few digits of the test set, as they are and as the network reads them; one that it gets wrong among them.
pub fn digits(run: &Run) -> Result<()> {
    let folder = repo::digits_data();
    let read = |name: &str| std::fs::read(folder.join(name)).with_context(|| format!("cannot read {name}"));
    let (pixels, labels) = (read("digits-test-x.bin")?, read("digits-test-y.bin")?);
    let (images, _) = pixels.as_chunks::<64>();
    let wrong = (0..images.len()).find(|i| run.answers[*i] != labels[*i]);
    let right = (0..images.len()).filter(|i| run.answers[*i] == labels[*i]);
    let mut shown: Vec<usize> = right
        .scan(0, |class, i| {
            Some((labels[i] == *class).then(|| {
                *class += 1;
                i
            }))
        })
        .flatten()
        .take(7)
        .collect();
    shown.extend(wrong);

    say::heading("Digits it had not seen, and what it reads");
    let colours = say::colours();
    for row in 0..4 {
        let line: Vec<String> = shown.iter().map(|i| halves(&images[*i], row, colours)).collect();
        say::block(line.join("  "));
    }
    let (good, bad) = (AnsiColor::Green.on_default().bold(), AnsiColor::Red.on_default().bold());
    let captions: Vec<String> = shown.iter().map(|&i| caption(run.answers[i], labels[i], good, bad)).collect();
    say::block(captions.join("  "));
    Ok(())
}

/// Two rows of pixels in one row of characters: the upper half in the foreground, the lower in the background.
fn halves(image: &[u8; 64], row: usize, colours: bool) -> String {
    let (rows, _) = image.as_chunks::<8>();
    let pairs = rows[2 * row].iter().zip(&rows[2 * row + 1]);
    if !colours {
        let half = |(upper, lower): (&u8, &u8)| match (*upper > 7, *lower > 7) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        return pairs.map(half).collect();
    }
    // The 24 greys of terminals with 256 colours begin at 232.
    let grey = |pixel: u8| anstyle::Ansi256Color(232 + (u16::from(pixel) * 23 / 16) as u8);
    let half = |(upper, lower): (&u8, &u8)| {
        let style = Style::new().fg_color(Some(grey(*upper).into())).bg_color(Some(grey(*lower).into()));
        format!("{style}▀{style:#}")
    };
    pairs.map(half).collect()
}

fn caption(answer: u8, label: u8, good: Style, bad: Style) -> String {
    if answer == label {
        format!("{good}{answer:^8}{good:#}")
    } else {
        format!("{bad}{:^8}{bad:#}", format!("{answer}, is {label}"))
    }
}

/// What it costs on the chip.
pub fn table(firmware: &Firmware) {
    say::heading(format_args!("What it costs on the {}", firmware.core));
    let run = &firmware.run;
    let bytes = |part: &str, what: &str| run.fact(part, what).map_or("unknown".to_owned(), say::bytes);
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let of = |bytes: u64| format!("of {}", say::bytes(bytes));
    table.add_row(["flash, the whole image", &say::bytes(firmware.sizes.flash), &of(firmware.memory.flash_bytes)]);
    let kernels = firmware.findings.code_bytes;
    table.add_row(["flash, the kernels' code", &say::bytes(kernels), "training, loss and inference"]);
    table.add_row(["RAM, the network", &bytes("network", "bytes"), "static: 2410 numbers"]);
    table.add_row(["RAM, one batch", &bytes("batch", "bytes"), "static: 16 images and labels"]);
    table.add_row(["RAM, all statics", &say::bytes(firmware.sizes.ram), &of(firmware.memory.ram_bytes)]);
    let said = format!(
        "painted; {} of it are the step's arrays; step::RAM_BYTES says {}",
        bytes("step", "arena_bytes"),
        bytes("step", "ram_bytes")
    );
    table.add_row(["stack, a training step", &bytes("step", "stack_bytes"), &said]);
    let said = format!("painted; logits::RAM_BYTES says {}", bytes("logits", "ram_bytes"));
    table.add_row(["stack, an inference", &bytes("logits", "stack_bytes"), &said]);
    for (name, region, of) in [
        ("instructions, a training step", "training_step", "16 images: forward, backward, update"),
        ("instructions, its loss alone", "forward_loss", "16 images: forward"),
        ("instructions, an inference", "inference", "1 image"),
    ] {
        let value = instructions(firmware, region).map_or("unknown".to_owned(), say::number);
        table.add_row([name, &value, &format!("{of}{}", spread(firmware, region))]);
    }
    let ratio = |step: Option<u64>, loss: Option<u64>| step.zip(loss).map(|(step, loss)| step as f64 / loss as f64);
    let operations = ratio(run.fact("step", "operations"), run.fact("loss", "operations"));
    if let Some(ratio) = ratio(instructions(firmware, "training_step"), instructions(firmware, "forward_loss")) {
        let of = operations.map_or(String::new(), |ratio| format!("; {ratio:.2} in arithmetic operations"));
        table.add_row(["a training step / its loss", &format!("{ratio:.2}"), &format!("in instructions{of}")]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    say::block(&table);
    say::block(if firmware.counts.is_empty() {
        "Instructions counted by the firmware with the board's timer (no plugin), good to about one in each call."
    } else {
        "Instructions counted by the emulator, each one. They are not cycles: it models no pipeline and no flash."
    });
}

/// Instructions of a call, without those of the markers.
fn instructions(firmware: &Firmware, region: &str) -> Option<u64> {
    let per_call = |name: &str| firmware.counted(name).or_else(|| firmware.timed(name));
    Some(per_call(region)? - per_call("empty")?)
}

/// How far apart the calls of a region were, if they were.
fn spread(firmware: &Firmware, region: &str) -> String {
    match firmware.counts.get(region) {
        Some(region) if region.most > region.fewest => {
            let most_above_fewest = (region.most - region.fewest) as f64 * 100.0 / region.fewest as f64;
            format!("; {}, within {most_above_fewest:.1} %", say::many(region.calls, "call"))
        }
        Some(region) if region.calls > 1 => format!("; {}, all alike", say::many(region.calls, "call")),
        _ => String::new(),
    }
}

/// Writes what was measured to a file.
pub fn json(firmware: &Firmware, path: &Path) -> Result<()> {
    let facts = firmware.run.facts.iter().map(|((part, what), value)| (format!("{part}.{what}"), *value));
    let regions = ["training_step", "forward_loss", "inference"]
        .into_iter()
        .filter_map(|region| Some((format!("{region}.instructions"), instructions(firmware, region)?)));
    let sizes = [
        ("image.flash_bytes".to_owned(), firmware.sizes.flash),
        ("image.ram_bytes".to_owned(), firmware.sizes.ram),
        ("kernels.code_bytes".to_owned(), firmware.findings.code_bytes),
    ];
    let all: std::collections::BTreeMap<String, u64> = facts.chain(regions).chain(sizes).collect();
    std::fs::write(path, serde_json::to_string_pretty(&all)? + "\n")
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_of_pixels_share_a_row_of_characters() {
        let mut image = [0; 64];
        (image[0], image[9], image[2], image[10]) = (16, 16, 16, 16);
        assert_eq!(halves(&image, 0, false), "▀▄█     ");
        assert!(halves(&image, 0, true).starts_with("\u{1b}[38;5;255m\u{1b}[48;5;232m▀"));
    }
}
