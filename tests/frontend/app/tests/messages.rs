//! What a user reads after a mistake: one program and one text each in `ui/`. `TRYBUILD=overwrite` rewrites the texts.

#[test]
fn mistakes_are_told_in_words_of_the_program() {
    let cases = trybuild::TestCases::new();
    // A case that passes makes trybuild build instead of check, and what is generic is looked at only then.
    cases.pass("ui/pass.rs");
    cases.compile_fail("ui/fail/*.rs");
}
