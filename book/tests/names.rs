//! The list of names in the book is the compiler's. `UPDATE_EXPECT=1 cargo test -p kiln-book --test names` writes it anew.

use std::fmt::Write;

#[test]
fn the_book_lists_every_name() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/names.md");
    let page = std::fs::read_to_string(path).expect("the page");
    let mark = "--test names`. -->\n";
    let (text, _) = page.split_once(mark).expect("where the list begins");
    let mut out = format!("{text}{mark}");
    for part in kiln_codegen::library::pages().iter().filter(|p| !p.names.is_empty()) {
        let names: Vec<String> = part.names.iter().map(|n| format!("`{n}`")).collect();
        write!(out, "\n**{}.** {}\n", part.title, names.join(" ")).expect("a string");
    }
    expect_test::expect_file!["../src/names.md"].assert_eq(&out);
}
