//! The arena over time as a picture for a browser: a rectangle per buffer, with its story under the pointer.

use svg::Document;
use svg::node::element::{Group, Line, Rectangle, Text, Title};

use super::{label, origin, picture};
use crate::record::{Kernel, Step};
use crate::say::number;

const PLOT: (f64, f64) = (900.0, 420.0);
const LEFT: f64 = 90.0;
const TOP: f64 = 60.0;
const STEPS: f64 = 170.0;
const ROW: f64 = 18.0;

const FILLS: [&str; 8] = ["#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#eeca3b", "#9d755d"];

/// The picture of a kernel.
pub fn draw(kernel: &Kernel) -> String {
    let moments = picture::moments(kernel).max(1) as f64;
    let arena = kernel.arena_bytes.max(1) as f64;
    let live = picture::occupied(kernel).into_iter().fold(kernel.live_bytes, u64::max);
    let x = |t: f64| LEFT + t / moments * PLOT.0;
    let y = |bytes: f64| TOP + (1.0 - bytes / arena) * PLOT.1;
    let text = |words: String, x: f64, y: f64, size: f64| {
        Text::new(words).set("x", x).set("y", y).set("font-size", size).set("fill", "#222")
    };
    let rows: usize = kernel.checkpoints.iter().map(|of_loop| of_loop.choices.len() + 2).sum();
    let height = TOP + PLOT.1 + STEPS + ROW * rows as f64;
    let mut document = Document::new()
        .set("viewBox", (0, 0, (LEFT + PLOT.0 + 30.0) as i64, height as i64))
        .set("font-family", "ui-monospace, monospace")
        .add(Rectangle::new().set("width", "100%").set("height", "100%").set("fill", "#ffffff"))
        .add(text(format!("{}: the arena over time", kernel.path), LEFT, 24.0, 16.0))
        .add(text(format!("{} bytes; the largest live set is {live} bytes", kernel.arena_bytes), LEFT, 44.0, 12.0));
    for quarter in 0..=4 {
        let bytes = arena * f64::from(quarter) / 4.0;
        let line = Line::new().set("x1", LEFT).set("x2", LEFT + PLOT.0).set("y1", y(bytes)).set("y2", y(bytes));
        document = document
            .add(line.set("stroke", "#dddddd"))
            .add(text(format!("{bytes:.0} B"), LEFT - 8.0, y(bytes) + 4.0, 11.0).set("text-anchor", "end"));
    }
    for (n, (_, b, letter)) in picture::lettered(kernel).into_iter().enumerate() {
        let (width, height) = (x((b.last + 1) as f64) - x(b.first as f64), y(b.at as f64) - y((b.at + b.bytes) as f64));
        let why = b.why.as_ref().map(|why| format!("\nnot fused because {why}")).unwrap_or_default();
        let story = format!(
            "{letter}: {} {}, {} bytes\narena {}..{}\nsteps {} to {}\n{}{why}",
            label(b),
            b.ty,
            b.bytes,
            b.at,
            b.at + b.bytes,
            b.first,
            b.last,
            origin(&b.place, kernel),
        );
        let (left, top) = (x(b.first as f64), y((b.at + b.bytes) as f64));
        let mut group = Group::new().add(Title::new(story)).add(
            Rectangle::new()
                .set("x", left)
                .set("y", top)
                .set("width", width)
                .set("height", height)
                .set("fill", FILLS[n % FILLS.len()])
                .set("fill-opacity", 0.85)
                .set("stroke", "#ffffff"),
        );
        let words = format!("{} {}", label(b), b.ty);
        if height >= 11.0 && width >= 6.5 * words.len() as f64 {
            group = group.add(text(words, left + 4.0, top + height / 2.0 + 4.0, 11.0).set("fill", "#ffffff"));
        }
        document = document.add(group);
    }
    let mut steps = Vec::new();
    flat(&kernel.steps, &mut steps);
    let room = PLOT.0 / moments;
    for step in steps.iter().filter(|step| room >= 11.0 || step.time % (11.0 / room).ceil() as usize == 0) {
        let (at, below) = (x(step.time as f64 + 0.5) + 4.0, TOP + PLOT.1 + 10.0);
        let words = format!("{} {}", step.time, step.name);
        document = document.add(
            text(words, at, below, 10.0)
                .set("text-anchor", "end")
                .set("transform", format!("rotate(-60 {at:.1} {below:.1})"))
                .add(Title::new(format!("{}, {}", step.what, origin(&step.place, kernel)))),
        );
    }
    // A bar of memory for every choice of checkpoints, with its work behind it.
    let mut top = TOP + PLOT.1 + STEPS;
    for of_loop in &kernel.checkpoints {
        let title = format!("checkpoints of the loop of {} turns, {}", of_loop.turns, origin(&of_loop.place, kernel));
        document = document.add(text(title, LEFT, top, 13.0));
        top += ROW;
        let most = of_loop.choices.iter().map(|choice| choice.ram_bytes).max().unwrap_or(1).max(1) as f64;
        for choice in &of_loop.choices {
            let bar = Line::new().set("y1", top - 4.0).set("y2", top - 4.0).set("x1", LEFT);
            let width = choice.ram_bytes as f64 / most * PLOT.0 / 3.0;
            let mark = if choice.chosen { " (as written)" } else { "" };
            let words =
                format!("{} B, {} operations: {}{mark}", number(choice.ram_bytes), number(choice.flops), choice.text());
            document = document
                .add(
                    bar.set("x2", LEFT + width)
                        .set("stroke", FILLS[usize::from(choice.chosen)])
                        .set("stroke-width", 10),
                )
                .add(text(words, LEFT + PLOT.0 / 3.0 + 10.0, top, 11.0));
            top += ROW;
        }
        top += ROW;
    }
    document.to_string()
}

fn flat<'a>(steps: &'a [Step], out: &mut Vec<&'a Step>) {
    for step in steps {
        out.push(step);
        step.inside.iter().flat_map(|inside| &inside.bodies).for_each(|body| flat(body, out));
    }
}
