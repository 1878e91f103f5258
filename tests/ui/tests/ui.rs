//! `cases/*.rs` do not compile; `cases/*.stderr` is what the user is told. `TRYBUILD=overwrite cargo test -p kiln-ui-tests`
//! rewrites the texts. The tables of `codegen/tests/messages` hold the many; here is what depends on rustc.

#[test]
fn messages() {
    trybuild::TestCases::new().compile_fail("cases/*.rs");
}
