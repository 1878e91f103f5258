//! A test target that is named like the library it uses.
use kiln::prelude::*;

#[jit]
fn entry(x: f32) -> f32 {
    app::shared(x)
}

#[test]
fn a_target_of_the_same_name_is_another_crate() {
    assert_eq!(entry::GRAPH, "*entry [app::shared=shared]; ^shared [unit=unit]; ^unit []");
}
