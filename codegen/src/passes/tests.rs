use super::*;
use crate::text::parse;

fn check(text: &str, expect: expect_test::Expect) {
    expect.assert_eq(&optimise(&parse(text).unwrap()).to_string());
}

#[test]
fn moves_of_moves_collapse() {
    check(
        "graph f(x: f32[2,3]) -> (d) {
          a: f32[3,2] = transpose[perm=(1,0)] x
          b: f32[2,3] = transpose[perm=(1,0)] a
          c: f32[6] = reshape[shape=(6)] b
          d: f32[2,3] = reshape[shape=(2,3)] c
        }",
        expect_test::expect![[r#"
            graph f(a: f32[2,3]) -> (a) {
            }"#]],
    );
}

#[test]
fn equal_things_are_computed_once_and_dead_ones_never() {
    check(
        "graph f(x: f32[2]) -> (c) {
          a: f32[2] = exp x
          b: f32[2] = exp x
          c: f32[2] = add a b
          d: f32[2] = mul a b
        }",
        expect_test::expect![[r#"
            graph f(a: f32[2]) -> (c) {
              b: f32[2] = exp a
              c: f32[2] = add b b
            }"#]],
    );
}

#[test]
fn adding_zero_to_a_float_stays() {
    check(
        "graph f(x: f32[2]) -> (c) {
          z: f32[2] = constant[value=f32[2]{0.0}]
          b: f32[2] = add x z
          c: f32[2] = sub b z
        }",
        expect_test::expect![[r#"
            graph f(a: f32[2]) -> (c) {
              b: f32[2] = constant[value=f32[2]{0.0}]
              c: f32[2] = add a b
            }"#]],
    );
}

#[test]
fn zero_is_not_the_unsigned_minus_one() {
    check(
        "graph f(x: u8[]) -> (c) {
          z: u8[] = constant[value=u8[]{0}]
          c: u8[] = mul z x
        }",
        expect_test::expect![[r#"
            graph f(a: u8[]) -> (c) {
              b: u8[] = constant[value=u8[]{0}]
              c: u8[] = mul b a
            }"#]],
    );
}
