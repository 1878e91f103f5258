//! The arena over time, with letters: a column is a moment, a row a stretch of the arena.

use anstyle::{AnsiColor, Style};

use crate::record::{Buffer, Kernel, Kind};

/// Columns that there is room for.
const WIDTH: usize = 64;
/// Rows up to which each stretch between two borders of buffers has its own.
const ROWS: usize = 32;

const COLOURS: [AnsiColor; 6] =
    [AnsiColor::Blue, AnsiColor::Green, AnsiColor::Yellow, AnsiColor::Magenta, AnsiColor::Cyan, AnsiColor::Red];

/// The buffers of the arena, in the order in which they come to life, and for each of the kernel's buffers its letter.
pub fn lettered(kernel: &Kernel) -> Vec<(usize, &Buffer, char)> {
    let mut out: Vec<(usize, &Buffer)> =
        kernel.buffers.iter().enumerate().filter(|(_, b)| b.kind == Kind::Arena).collect();
    out.sort_by_key(|(id, b)| (b.first, b.at, *id));
    let letters: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    out.into_iter().enumerate().map(|(n, (id, b))| (id, b, letters[n % letters.len()])).collect()
}

/// The style of a letter.
pub fn style(n: usize) -> Style {
    COLOURS[n % COLOURS.len()].on_default()
}

/// Number of moments.
pub fn moments(kernel: &Kernel) -> usize {
    fn last(steps: &[crate::record::Step]) -> usize {
        let of = |step: &crate::record::Step| {
            step.inside.iter().flat_map(|i| &i.bodies).map(|body| last(body)).fold(step.time + 1, usize::max)
        };
        steps.iter().map(of).max().unwrap_or(0)
    }
    last(&kernel.steps)
}

/// Bytes of the arena that hold something, at each moment.
pub fn occupied(kernel: &Kernel) -> Vec<u64> {
    let buffers: Vec<&Buffer> = kernel.buffers.iter().filter(|b| b.kind == Kind::Arena).collect();
    let at = |t: usize| {
        let mut taken: Vec<(u64, u64)> =
            buffers.iter().filter(|b| b.first <= t && t <= b.last).map(|b| (b.at, b.at + b.bytes)).collect();
        taken.sort_unstable();
        // Buffers that hand on their memory lie in the same place for a moment.
        let (mut sum, mut end) = (0, 0);
        for (lo, hi) in taken {
            sum += hi.saturating_sub(lo.max(end));
            end = end.max(hi);
        }
        sum
    };
    (0..moments(kernel)).map(at).collect()
}

/// The picture. With `colour`, letters are coloured.
pub fn picture(kernel: &Kernel, colour: bool) -> String {
    let moments = moments(kernel);
    let buffers = lettered(kernel);
    if kernel.arena_bytes == 0 || moments == 0 {
        return "no arena: every value lives in registers, in the parameters or in the result\n".to_owned();
    }
    let rows = borders(kernel, &buffers);
    // Few moments are drawn wide, many share columns.
    let wide = (WIDTH / moments).clamp(1, 4);
    let columns: Vec<(usize, usize)> = match moments <= WIDTH {
        true => (0..moments).map(|t| (t, t)).collect(),
        false => (0..WIDTH)
            .map(|c| (c * moments / WIDTH, ((c + 1) * moments / WIDTH).max(c * moments / WIDTH + 1) - 1))
            .collect(),
    };
    let digits = kernel.arena_bytes.to_string().len().max(4);
    let mut out = format!("{:>digits$} ┬{}\n", kernel.arena_bytes, "─".repeat(columns.len() * wide));
    for (lo, hi) in rows.windows(2).rev().map(|w| (w[0], w[1])) {
        out.push_str(&format!("{lo:>digits$} │"));
        for (from, to) in &columns {
            // Where a buffer takes over another's memory, the new one is seen.
            let seen = buffers
                .iter()
                .enumerate()
                .rfind(|(_, (_, b, _))| b.first <= *to && *from <= b.last && b.at < hi && lo < b.at + b.bytes);
            match seen {
                Some((n, (_, _, letter))) if colour => {
                    let (style, text) = (style(n), letter.to_string().repeat(wide));
                    out.push_str(&format!("{style}{text}{style:#}"));
                }
                Some((_, (_, _, letter))) => out.push_str(&letter.to_string().repeat(wide)),
                None => out.push_str(&"·".repeat(wide)),
            }
        }
        out.push('\n');
    }
    out.push_str(&format!("{:>digits$} └{}\n", "B", "─".repeat(columns.len() * wide)));
    let mut axis = vec![b' '; columns.len() * wide + 8];
    let mut free = 0;
    for (c, (from, _)) in columns.iter().enumerate() {
        let label = from.to_string();
        if c * wide >= free {
            axis[c * wide..c * wide + label.len()].copy_from_slice(label.as_bytes());
            free = c * wide + (label.len() + 1).max(4);
        }
    }
    let axis = String::from_utf8_lossy(&axis).trim_end().to_owned();
    out.push_str(&format!("{:>digits$}  {axis}\n", "step"));
    out
}

/// Borders of the rows, from the lowest address on.
fn borders(kernel: &Kernel, buffers: &[(usize, &Buffer, char)]) -> Vec<u64> {
    let mut borders: Vec<u64> = buffers.iter().flat_map(|(_, b, _)| [b.at, b.at + b.bytes]).collect();
    borders.extend([0, kernel.arena_bytes]);
    borders.sort_unstable();
    borders.dedup();
    if borders.len() > ROWS + 1 {
        borders = (0..=ROWS as u64).map(|row| row * kernel.arena_bytes / ROWS as u64).collect();
    }
    borders
}
