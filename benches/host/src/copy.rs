//! What memory lets through: copies of as many bytes as the maps read and write.

use crate::clock::Clock;
use crate::inputs::fill;

/// Times all of them.
pub fn run(c: &Clock) {
    for n in [64, 512, 5000] {
        c.run(
            "copy",
            &format!("poly_{n}"),
            || (fill(1, n * n, 1.0), vec![0.0; n * n]),
            |(x, y)| y.copy_from_slice(x),
            |s| vec![s.1.clone()],
        );
    }
}
