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
            graph f(a: u8[]) -> (b) {
              b: u8[] = constant[value=u8[]{0}]
            }"#]],
    );
}

#[test]
fn what_is_spread_is_computed_before() {
    check(
        "graph f(x: f32[4], y: f32[4]) -> (d) {
          a: f32[3,4] = broadcast_in_dim[shape=(3,4), dims=(1)] x
          b: f32[3,4] = broadcast_in_dim[shape=(3,4), dims=(1)] y
          c: f32[3,4] = mul a b
          h: f32[3,4] = constant[value=f32[3,4]{0.5}]
          d: f32[3,4] = add c h
        }",
        expect_test::expect![[r#"
            graph f(a: f32[4], b: f32[4]) -> (f) {
              c: f32[4] = mul a b
              d: f32[4] = constant[value=f32[4]{0.5}]
              e: f32[4] = add c d
              f: f32[3,4] = broadcast_in_dim[shape=(3,4), dims=(1)] e
            }"#]],
    );
}

#[test]
fn conversions_that_lose_nothing_are_skipped() {
    check(
        "graph f(x: u8[4], y: i32[4], z: f32[4]) -> (b, d, f) {
          a: i32[4] = convert[dtype=i32] x
          b: f32[4] = convert[dtype=f32] a
          c: f32[4] = convert[dtype=f32] y
          d: f64[4] = convert[dtype=f64] c
          e: f64[4] = convert[dtype=f64] z
          f: f32[4] = convert[dtype=f32] e
        }",
        expect_test::expect![[r#"
            graph f(a: u8[4], b: i32[4], c: f32[4]) -> (d, f, c) {
              d: f32[4] = convert[dtype=f32] a
              e: f32[4] = convert[dtype=f32] b
              f: f64[4] = convert[dtype=f64] e
            }"#]],
    );
}

#[test]
fn slices_of_slices_are_slices() {
    check(
        "graph f(x: f32[20]) -> (c) {
          a: f32[9] = slice[start=(2), limit=(20), stride=(2)] x
          b: f32[3] = slice[start=(1), limit=(8), stride=(3)] a
          c: f32[3] = rev[axes=(0)] b
        }",
        expect_test::expect![[r#"
            graph f(a: f32[20]) -> (c) {
              b: f32[3] = slice[start=(4), limit=(17), stride=(6)] a
              c: f32[3] = rev[axes=(0)] b
            }"#]],
    );
}

#[test]
fn signs_go_into_constants() {
    check(
        "graph f(x: f32[3], y: f32[3]) -> (e, g) {
          a: f32[3] = neg x
          b: f32[3] = neg y
          e: f32[3] = mul a b
          c: f32[3] = constant[value=f32[3]{0.25}]
          g: f32[3] = mul a c
        }",
        expect_test::expect![[r#"
            graph f(a: f32[3], b: f32[3]) -> (c, e) {
              c: f32[3] = mul a b
              d: f32[3] = constant[value=f32[3]{-0.25}]
              e: f32[3] = mul a d
            }"#]],
    );
}

#[test]
fn a_carry_that_only_feeds_itself_goes_with_what_it_was_made_of() {
    check(
        "graph f(x: f32[4], w: f32[]) -> (d) {
          z: f32[] = constant[value=f32[]{0.0}]
          v: f32[] = exp w
          y: f32[4] = sin x
          d: f32[], e: f32[], s: f32[4] = scan[length=4, consts=1, carry=2, reverse=false, indexed=true, body=graph b(i: u32[], v: f32[], c: f32[], n: f32[], x: f32[], y: f32[]) -> (d, m, o) {
            d: f32[] = add c x
            m: f32[] = mul n v
            o: f32[] = mul m y
          }] v z z x y
        }",
        expect_test::expect![[r#"
            graph f(a: f32[4], b: f32[]) -> (d) {
              c: f32[] = constant[value=f32[]{0.0}]
              d: f32[] = scan[length=4, consts=0, carry=1, reverse=false, indexed=false, body=graph b(a: f32[], b: f32[]) -> (c) {
                c: f32[] = add a b
              }] c a
            }"#]],
    );
}
