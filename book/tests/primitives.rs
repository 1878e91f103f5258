//! The table of primitives in the book is the compiler's list. `UPDATE_EXPECT=1 cargo test -p kiln-book` writes it anew.

use std::fmt::Write;

#[test]
fn the_book_lists_every_primitive() {
    let mut page = String::from(
        "# The primitives\n\nWhat a graph can hold, in the order of the list at the end of `codegen/src/ops/mod.rs`. These are the words that\n`f::GRAPH` uses. The functions that programs call are made of them.\n\n| primitive | meaning |\n|---|---|\n",
    );
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let ops = std::fs::read_to_string(format!("{root}/codegen/src/ops/mod.rs")).expect("the list of primitives");
    let list = ops.split("primitives! {").last().expect("a list");
    for name in kiln_codegen::ops::names() {
        // The file is the last `file:` before the name in the list.
        let before = list.split(&format!("= \"{name}\"")).next().expect("the list holds every name");
        let line = before.lines().rev().find(|l| l.trim_start().contains(": ")).expect("a file");
        let file = line.trim_start().split(':').next().expect("a file");
        let source =
            std::fs::read_to_string(format!("{root}/codegen/src/ops/{file}.rs")).expect("a file per primitive");
        let meaning = source.lines().next().and_then(|l| l.strip_prefix("//! ")).expect("a file says what it is about");
        let meaning = meaning.split_once(": ").map_or(meaning, |(_, m)| m);
        writeln!(page, "| `{name}` | {} |", meaning.replace('|', "\\|")).expect("a string");
    }
    expect_test::expect_file!["../src/primitives.md"].assert_eq(&page);
}
