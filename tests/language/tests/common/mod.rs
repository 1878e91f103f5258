//! What tests of several files need.

use std::cell::RefCell;
use std::fmt::Arguments;

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn keep(line: Arguments<'_>) {
    LINES.with_borrow_mut(|lines| lines.push(line.to_string()));
}

/// What `f` returns and the lines that it writes.
pub fn lines<T>(f: impl FnOnce() -> T) -> (T, Vec<String>) {
    kiln::debug::set_output(keep);
    LINES.take();
    let out = f();
    (out, LINES.take())
}
