use crate::passes::optimise;
use crate::schedule::fuse::{Wishes, fuse, fuse_as};
use crate::schedule::plan::plan;
use crate::schedule::program::{Dest, Program, Schedule, WhyNot};
use crate::text::parse;

fn schedule(text: &str, dests: &[Dest]) -> Schedule {
    let graph = optimise(&parse(text).unwrap());
    let mut mutable = vec![false; graph.inputs.len()];
    for d in dests {
        if let Dest::Param(n) = d {
            mutable[*n] = true;
        }
    }
    let mut s = fuse(&Program { graph, mutable, dests: dests.to_vec() });
    plan(&mut s);
    s
}

fn check(text: &str, dests: &[Dest], expect: expect_test::Expect) {
    expect.assert_eq(&schedule(text, dests).to_string());
}

#[test]
fn an_update_is_the_epilogue_of_the_gradient() {
    check(
        "graph f(w: f32[4,3], dy: f32[4], x: f32[3], lr: f32[]) -> (w2) {
          g: f32[4,3] = dot_general[lhs_contract=(), rhs_contract=(), lhs_batch=(), rhs_batch=()] dy x
          r: f32[4,3] = broadcast_in_dim[shape=(4,3), dims=()] lr
          s: f32[4,3] = mul r g
          w2: f32[4,3] = sub w s
        }",
        &[Dest::Param(0)],
        expect_test::expect![[r#"
            arena 0 B, largest live set 0 B
            sub [4, 3]: f32[4,3]@input 0, f32[]@input 3, f32[4]@input 1, f32[3]@input 2 -> f32[4,3]@input 0
              in place of f32[4,3]@input 0
            v7 is stored: it is a result
        "#]],
    );
}

#[test]
fn bias_and_activation_are_the_epilogue_of_a_product() {
    check(
        "graph f(w: f32[4,3], b: f32[4], x: f32[3]) -> (c) {
          a: f32[4] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w x
          z: f32[4] = add a b
          c: f32[4] = tanh z
        }",
        &[Dest::Return(0)],
        expect_test::expect![[r#"
            arena 0 B, largest live set 0 B
            tanh [4] add over [3]: f32[4]@input 1, f32[4,3]@input 0, f32[3]@input 2 -> f32[4]@result 0
            v5 is stored: it is a result
        "#]],
    );
}

#[test]
fn what_a_product_reads_many_times_is_stored() {
    check(
        "graph f(w: f32[8,8], x: f32[8,8], i: i32[8]) -> (c) {
          a: f32[8,8] = exp x
          t: f32[8,8] = transpose[perm=(1,0)] a
          c: f32[8,8] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w t
        }",
        &[Dest::Return(0)],
        expect_test::expect![[r#"
            arena 256 B, largest live set 256 B
            exp [64]: f32[8,8]@input 1 -> f32[8,8]@arena 0
            dot_general [8, 8] add over [8]: f32[8,8]@input 0, f32[8,8]@arena 0 -> f32[8,8]@result 0
            v3 is stored: a contraction reads each element many times
            v5 is stored: it is a result
            v3 and v5 are two loops: sums of products are stored as they leave their registers
        "#]],
    );
}

#[test]
fn gathered_rows_of_a_product_are_stored() {
    check(
        "graph f(w: f32[8,4], x: f32[9,8], i: i32[5]) -> (c) {
          a: f32[5,8] = gather[index=(0,-1), window=(-1,1), index_dims=((0)), shape=(5,8), mode=clip] x i
          c: f32[5,4] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] a w
        }",
        &[Dest::Return(0)],
        expect_test::expect![[r#"
            arena 160 B, largest live set 160 B
            gather [5, 8]: i32[5]@input 2, f32[9,8]@input 1 -> f32[5,8]@arena 0
            dot_general [5, 4] add over [8]: f32[5,8]@arena 0, f32[8,4]@input 0 -> f32[5,4]@result 0
            v3 is stored: a contraction reads each element many times
            v4 is stored: it is a result
        "#]],
    );
}

#[test]
fn what_a_product_reads_once_is_computed_in_it() {
    check(
        "graph f(w: i8[8,64], x: f32[64]) -> (c) {
          a: f32[8,64] = convert[dtype=f32] w
          b: f32[8,64] = constant[value=f32[8,64]{0.3}]
          v: f32[8,64] = mul a b
          c: f32[8] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] v x
        }",
        &[Dest::Return(0)],
        expect_test::expect![[r#"
            arena 0 B, largest live set 0 B
            dot_general [8] add over [64]: i8[8,64]@input 0, f32[64]@input 1 -> f32[8]@result 0
            v5 is stored: it is a result
        "#]],
    );
}

#[test]
fn no_elementary_function_is_computed_again_for_every_row() {
    check(
        "graph f(x: f32[6], y: f32[4,6], z: f32[4]) -> (c) {
          a: f32[6] = exp x
          b: f32[4,6] = broadcast_in_dim[shape=(4,6), dims=(1)] a
          d: f32[4] = exp z
          e: f32[4,6] = broadcast_in_dim[shape=(4,6), dims=(0)] d
          g: f32[4,6] = mul b y
          c: f32[4,6] = mul g e
        }",
        &[Dest::Return(0)],
        expect_test::expect![[r#"
            arena 24 B, largest live set 24 B
            exp [6]: f32[6]@input 0 -> f32[6]@arena 0
            mul [4, 6]: f32[6]@arena 0, f32[4,6]@input 1, f32[4]@input 2 -> f32[4,6]@result 0
            v3 is stored: its reader needs each element many times
            v8 is stored: it is a result
        "#]],
    );
}

#[test]
fn a_value_read_by_two_kernels_is_computed_again_only_if_that_is_cheap() {
    check(
        "graph f(x: f32[64], y: f32[64]) -> (s, t) {
          a: f32[64] = neg x
          b: f32[64] = log y
          c: f32[64] = mul a b
          s: f32[] = reduce_sum[axes=(0)] c
          d: f32[64] = add a b
          e: f32[64] = exp d
          t: f32[64] = rev[axes=(0)] e
        }",
        &[Dest::Return(0), Dest::Return(1)],
        expect_test::expect![[r#"
            arena 256 B, largest live set 256 B
            log [64]: f32[64]@input 1 -> f32[64]@arena 0
            reduce_sum [] add over [64]: f32[64]@input 0, f32[64]@arena 0 -> f32[]@result 0
            rev [64]: f32[64]@arena 0, f32[64]@input 0 -> f32[64]@result 1
            v3 is stored: 2 readers, and computing it again costs more than reading it
            v5 is stored: it is a result
            v8 is stored: it is a result
            v3 and v8 are two loops: one goes along neighbours, the other does not
        "#]],
    );
}

#[test]
fn what_everything_comes_together_in_is_stored() {
    check(
        "graph f(x: f32[8,8], w: f32[8,8]) -> (c) {
          z: f32[8,8] = constant[value=f32[8,8]{0.0}]
          h: f32[8,8] = tanh x
          m: bool[8,8] = compare[op=le] h z
          r: f32[8,8] = select m z h
          c: f32[8,8] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] r w
        }",
        &[Dest::Return(0)],
        expect_test::expect![[r#"
            arena 256 B, largest live set 256 B
            select [64]: f32[8,8]@input 0 -> f32[8,8]@arena 0
            dot_general [8, 8] add over [8]: f32[8,8]@arena 0, f32[8,8]@input 1 -> f32[8,8]@result 0
            v5 is stored: a contraction reads each element many times
            v6 is stored: it is a result
            v5 and v6 are two loops: sums of products are stored as they leave their registers
        "#]],
    );
}

#[test]
fn swapping_two_inputs_goes_through_the_arena() {
    check(
        "graph f(x: f32[4], y: f32[4]) -> (y, x) {
        }",
        &[Dest::Param(0), Dest::Param(1)],
        expect_test::expect![[r#"
            arena 16 B, largest live set 16 B
            copy [4]: f32[4]@input 1 -> f32[4]@arena 0
            copy [4]: f32[4]@input 0 -> f32[4]@input 1
            copy [4]: f32[4]@arena 0 -> f32[4]@input 0
        "#]],
    );
}

#[test]
fn a_chain_of_stored_values_takes_two_places() {
    check(
        "graph f(x: f32[8,8], w: f32[8,8]) -> (d) {
          a: f32[8,8] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] x w
          b: f32[8,8] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] a w
          c: f32[8,8] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] b w
          d: f32[8,8] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] c w
        }",
        &[Dest::Return(0)],
        expect_test::expect![[r#"
            arena 512 B, largest live set 512 B
            dot_general [8, 8] add over [8]: f32[8,8]@input 0, f32[8,8]@input 1 -> f32[8,8]@arena 0
            dot_general [8, 8] add over [8]: f32[8,8]@arena 0, f32[8,8]@input 1 -> f32[8,8]@arena 256
            dot_general [8, 8] add over [8]: f32[8,8]@arena 256, f32[8,8]@input 1 -> f32[8,8]@arena 0
            dot_general [8, 8] add over [8]: f32[8,8]@arena 0, f32[8,8]@input 1 -> f32[8,8]@result 0
            v2 is stored: a contraction reads each element many times
            v3 is stored: a contraction reads each element many times
            v4 is stored: a contraction reads each element many times
            v5 is stored: it is a result
            v2 and v3 are two loops: sums of products are stored as they leave their registers
            v3 and v4 are two loops: sums of products are stored as they leave their registers
            v4 and v5 are two loops: sums of products are stored as they leave their registers
        "#]],
    );
}

/// Summed over the middle axis, each sine would be computed for every column.
#[test]
fn a_fold_does_not_compute_again_what_is_spread_along_its_result() {
    let text = "graph f(w: f32[4,5], d: f32[4,5,3]) -> (c) {
        a: f32[4,5] = sin w
        b: f32[4,5,3] = broadcast_in_dim[shape=(4,5,3), dims=(0,1)] a
        m: f32[4,5,3] = mul b d
        c: f32[4,3] = reduce_sum[axes=(1)] m
    }";
    let graph = parse(text).unwrap();
    let program = Program { graph, mutable: vec![false; 2], dests: vec![Dest::Return(0)] };
    let reasons: Vec<WhyNot> = fuse(&program).notes.into_iter().map(|(_, why)| why).collect();
    assert_eq!(reasons, [WhyNot::Repeated, WhyNot::Result]);
}

/// One graph for each reason. The match is there so that a new reason needs one too.
#[test]
fn every_reason_is_the_reason_of_some_value() {
    let product = "dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()]";
    let stored = |text: &str, wishes: Wishes| -> Vec<WhyNot> {
        let graph = parse(text).unwrap();
        let dests = (0..graph.outputs.len()).map(Dest::Return).collect();
        let mutable = vec![false; graph.inputs.len()];
        fuse_as(&Program { graph, mutable, dests }, wishes).notes.into_iter().map(|(_, why)| why).collect()
    };
    let reasons = [
        WhyNot::Result,
        WhyNot::ReadOften(2),
        WhyNot::Contracted,
        WhyNot::Repeated,
        WhyNot::OtherIndices,
        WhyNot::OneFold,
        WhyNot::NeededWhole,
        WhyNot::Parts,
        WhyNot::Unfused,
    ];
    for why in reasons {
        let wishes = Wishes { unfused: why == WhyNot::Unfused, ..Wishes::default() };
        let text = match &why {
            WhyNot::Result => "graph f(x: f32[3]) -> (a) { a: f32[3] = sin x }".to_string(),
            WhyNot::ReadOften(_) => "graph f(x: f32[3]) -> (b, c) {
                a: f32[3] = sin x
                b: f32[] = reduce_sum[axes=(0)] a
                c: f32[] = reduce_max[axes=(0)] a
            }"
            .to_string(),
            WhyNot::Contracted => format!(
                "graph f(x: f32[4,4], y: f32[4,4]) -> (b) {{ a: f32[4,4] = sin x\n b: f32[4,4] = {product} a y }}"
            ),
            WhyNot::Repeated => "graph f(x: f32[3], y: f32[4,3]) -> (c) {
                a: f32[3] = sin x
                b: f32[4,3] = broadcast_in_dim[shape=(4,3), dims=(1)] a
                c: f32[4,3] = mul b y
            }"
            .to_string(),
            WhyNot::OtherIndices => "graph f(x: f32[4,8]) -> (b) {
                a: f32[4] = reduce_max[axes=(1)] x
                b: f32[] = reduce_sum[axes=(0)] a
            }"
            .to_string(),
            WhyNot::OneFold => format!(
                "graph f(x: f32[4,8], y: f32[8]) -> (c) {{
                    a: f32[4] = {product} x y
                    b: f32[4] = reduce_max[axes=(1)] x
                    c: f32[4] = sub a b
                }}"
            ),
            WhyNot::NeededWhole => "graph f(x: f32[3,3]) -> (b) {
                a: f32[3,3] = sin x
                b: f32[3,3] = cholesky a
            }"
            .to_string(),
            WhyNot::Parts => "graph f(x: f32[2,3], y: f32[4,3]) -> (r) { a: f32[2] = reduce_sum[axes=(1)] x
              b: f32[4] = reduce_sum[axes=(1)] y\n c: f32[6] = concatenate[axis=0] a b\n m: f32[] = reduce_max[axes=(0)] c
              d: f32[6] = broadcast_in_dim[shape=(6), dims=()] m\n r: f32[6] = sub c d }"
                .to_string(),
            WhyNot::Unfused => "graph f(x: f32[3]) -> (b) { a: f32[3] = neg x\n b: f32[3] = sin a }".to_string(),
        };
        let found = stored(&text, wishes);
        assert!(found.contains(&why), "{why:?} is not among {found:?} of\n{text}");
        assert!(!why.text().is_empty());
    }
}

#[test]
fn what_has_been_updated_can_be_read_in_its_place() {
    let s = schedule(
        "graph f(k: f32[4], x: f32[4]) -> (s, n) {
          n: f32[4] = add k x
          s: f32[] = reduce_sum[axes=(0)] n
        }",
        &[Dest::Return(0), Dest::Param(0)],
    );
    assert_eq!((s.arena_bytes, s.kernels.len()), (0, 2), "{s}");
}

#[test]
fn a_reshape_around_a_loop_is_no_copy() {
    let s = schedule(
        "graph f(x: f32[8]) -> (y) {
          r: f32[4,2] = reshape[shape=(4,2)] x
          c: f32[2] = constant[value=f32[2]{0.0}]
          d: f32[2], e: f32[4,2] = scan[length=4, consts=0, carry=1, reverse=false, indexed=false, body=graph b(c: f32[2], x: f32[2]) -> (d, d) {
            d: f32[2] = add c x
          }] c r
          y: f32[8] = reshape[shape=(8)] e
        }",
        &[Dest::Return(0)],
    );
    assert!(s.kernels.iter().all(|k| !["reshape", "copy"].contains(&k.name.as_str())), "{s}");
}

/// Neither product has a buffer of its own, and no element of the whole is chosen among the two.
#[test]
fn parts_are_computed_where_they_lie() {
    check(
        "graph f(w: f32[4,3], x: f32[3], y: f32[2,3], b: f32[4]) -> (r) {
          p: f32[4] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w x
          a: f32[4] = add p b
          e: f32[2,3] = exp y
          s: f32[2] = reduce_sum[axes=(1)] e
          c: f32[6] = concatenate[axis=0] a s
          m: f32[] = reduce_max[axes=(0)] c
          d: f32[6] = broadcast_in_dim[shape=(6), dims=()] m
          r: f32[6] = sub c d
        }",
        &[Dest::Return(0)],
        expect_test::expect![[r#"
            arena 28 B, largest live set 28 B
            add [4] add over [3]: f32[4]@input 3, f32[4,3]@input 0, f32[3]@input 1 -> f32[6]@arena 0
            reduce_sum updates [2] add over [3]: f32[2,3]@input 2, f32[6]@arena 0 -> f32[6]@arena 0
              in place of f32[6]@arena 0
            reduce_max [] max over [6]: f32[6]@arena 0 -> f32[]@arena 24
            sub [6]: f32[6]@arena 0, f32[]@arena 24 -> f32[6]@result 0
            v8 is stored: its parts are computed where they lie in it
            v9 is stored: its reader runs over other indices
            v11 is stored: it is a result
        "#]],
    );
}

/// What is read elsewhere too is computed once and copied; numbers that cost nothing are chosen among.
#[test]
fn parts_that_are_needed_elsewhere_are_copied() {
    check(
        "graph f(w: f32[4,3], x: f32[3], y: f32[2]) -> (r, q) {
          a: f32[4] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w x
          c: f32[6] = concatenate[axis=0] a y
          m: f32[] = reduce_max[axes=(0)] c
          d: f32[6] = broadcast_in_dim[shape=(6), dims=()] m
          r: f32[6] = sub c d
          q: f32[4] = neg a
        }",
        &[Dest::Return(0), Dest::Return(1)],
        expect_test::expect![[r#"
            arena 20 B, largest live set 20 B
            dot_general [4] add over [3]: f32[4,3]@input 0, f32[3]@input 1 -> f32[4]@arena 0
            reduce_max [] max over [6]: f32[2]@input 2, f32[4]@arena 0 -> f32[]@arena 16
            sub [6]: f32[2]@input 2, f32[4]@arena 0, f32[]@arena 16 -> f32[6]@result 0
            neg [4]: f32[4]@arena 0 -> f32[4]@result 1
            v3 is stored: its reader needs each element many times
            v5 is stored: its reader runs over other indices
            v7 is stored: it is a result
            v8 is stored: it is a result
            v3 and v8 are two loops: sums of products are stored as they leave their registers
        "#]],
    );
}
