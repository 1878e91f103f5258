//! Records of kernels: what `cargo kiln` shows agrees with what is compiled.

#[allow(dead_code)]
mod common;

use expect_test::{Expect, expect};
use kiln_codegen::compile::compile;
use kiln_codegen::unit::{Json, Kernel, Outcome};
use serde_json::Value;

fn recorded(source: &str, options: &str) -> (Kernel, Value) {
    let mut unit = common::unit(source).expect("a program");
    unit.options = kiln_codegen::unit::Options::parse(options.parse().expect("tokens")).0;
    unit.record = true;
    let Outcome::Done(mut k) = compile(&unit) else { panic!("methods are missing") };
    assert!(k.errors.is_empty(), "{}", k.errors);
    let record = serde_json::from_str(&Json::Object(std::mem::take(&mut k.record)).to_string()).expect("JSON");
    (k, record)
}

fn check_graph(source: &str, options: &str, expected: Expect) {
    expected.assert_eq(recorded(source, options).1["graph"].as_str().expect("a text"));
}

const LOOP: &str = "
    fn walk(x: &[f32; 8], w: &[[f32; 8]; 8], sharp: bool) -> ([f32; 8], f32) {
        let mut h = x;
        for i in 0..5 {
            let e = exp(h - max(h));
            h = matmul(w, e / sum(e)) + [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
        }
        let y = if sharp { tanh(h) } else { h * 0.5 };
        (y, sum(y * y))
    }";

#[test]
fn every_value_that_is_stored_says_where_and_why() {
    check_graph(
        "fn f(x: &[f32; 4], w: &[[f32; 4]; 4]) -> [f32; 4] { let e = exp(x); let s = sum(e); matmul(w, e) / s }",
        "",
        expect![[r#"
            graph f(x: f32[4], w: f32[4,4]) -> (c) {
              e: f32[4] = exp x  // 1:61; at 0..16 of the arena, not fused because a contraction reads each element many times
              s: f32[] = reduce_sum[axes=(0)] e  // 1:77; at 16..20 of the arena, not fused because its reader runs over other indices
              a: f32[4] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w e  // 1:85
              b: f32[4] = broadcast_in_dim[shape=(4), dims=()] s  // 1:85
              c: f32[4] = div a b  // 1:85; not fused because it is a result
            }"#]],
    );
}

#[test]
fn graphs_in_loops_and_branches_are_annotated_too() {
    check_graph(
        LOOP,
        "",
        expect![[r#"
            graph walk(x: f32[8], w: f32[8,8], sharp: bool[]) -> (y, c) {
              h: f32[8] = scan[length=5, consts=1, carry=1, reverse=false, indexed=false, body=graph _(w: f32[8,8], a: f32[8]) -> (h) {
                b: f32[] = reduce_max[axes=(0)] a  // 5:29; at 32..36 of the arena, not fused because its reader runs over other indices
                c: f32[8] = broadcast_in_dim[shape=(8), dims=()] b  // 5:25
                d: f32[8] = sub a c  // 5:25
                e: f32[8] = exp d  // 5:21; at 0..32 of the arena, not fused because 2 readers, and computing it again costs more than reading it
                f: f32[] = reduce_sum[axes=(0)] e  // 6:31; at 32..36 of the arena, not fused because its reader runs over other indices
                g: f32[8] = broadcast_in_dim[shape=(8), dims=()] f  // 6:27
                i: f32[8] = div e g  // 6:27; at 0..32 of the arena, not fused because a contraction reads each element many times
                j: f32[8] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w i  // 6:17
                k: f32[8] = constant[value=f32[8]{0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7}]  // 6:17; in flash, 32 B
                h: f32[8] = add j k  // 6:17; not fused because it is a result
              }] w x  // 4:9; at 40..72 of the arena, not fused because its reader needs all of it at once
              a: i32[] = convert[dtype=i32] sharp  // 8:17; at 0..4 of the arena, not fused because its reader needs all of it at once
              y: f32[8] = switch[branches=(graph _(h: f32[8]) -> (b) {
                a: f32[8] = constant[value=f32[8]{0.5}]  // 8:45
                b: f32[8] = mul h a  // 8:45; not fused because it is a result
              },graph _(h: f32[8]) -> (a) {
                a: f32[8] = tanh h  // 8:28; not fused because it is a result
              })] a h  // 8:17; not fused because it is a result
              b: f32[8] = mul y y  // 9:17
              c: f32[] = reduce_sum[axes=(0)] b  // 9:13; not fused because it is a result
            }"#]],
    );
}

#[test]
fn everything_is_stored_where_nothing_is_fused() {
    let (_, record) = recorded("fn f(x: &[f32; 4]) -> f32 { let y = x * 2.0; let z = y + 1.0; sum(z) }", "unfused");
    let graph = record["graph"].as_str().unwrap();
    assert_eq!(graph.matches("not fused because").count(), 5, "{graph}");
    assert_eq!(record["options"][0], "unfused");
}

/// Calls `f` on every step.
fn each<'a>(steps: &'a Value, f: &mut dyn FnMut(&'a Value)) {
    for step in steps.as_array().unwrap() {
        f(step);
        step["inside"]["bodies"].as_array().into_iter().flatten().for_each(|body| each(body, f));
    }
}

#[test]
fn the_report_is_about_the_code_that_was_emitted() {
    for (source, options) in [
        (LOOP, ""),
        (LOOP, "unfused"),
        ("fn f(x: &[f32; 4]) -> f32 { sum(exp(x)) }", "fast"),
        (
            "fn f(x: &[f32; 6]) -> [f32; 6] { let mut y = x; y[2] += 1.0; while sum(y) < 50.0 { y *= 1.5; } sort(y) }",
            "",
        ),
        (
            "fn f(h: f32, x: &[f32; 5]) -> f32 { let mut s = h; for v in x { s = tanh(s * v); } s }
          fn g(h: f32, x: &[f32; 5]) -> (f32, [f32; 5]) { grad(f, argnums = (0, 1))(h, x) }",
            "",
        ),
    ] {
        let (k, record) = recorded(source, options);
        let n = |v: &Value| v.as_u64().expect("a number") as usize;
        // The picture of the arena ends where the arena ends.
        let buffers = record["buffers"].as_array().unwrap();
        let in_arena = buffers.iter().filter(|b| b["kind"] == "arena");
        let end = in_arena.map(|b| n(&b["at"]) + n(&b["bytes"])).max().unwrap_or(0);
        assert!(end <= k.arena_bytes && k.arena_bytes < end + 8, "{end} of {}:\n{source}", k.arena_bytes);
        assert_eq!(n(&record["arena_bytes"]), k.arena_bytes);
        let of_statics: usize = record["statics"].as_array().unwrap().iter().map(|s| n(&s["bytes"])).sum();
        assert_eq!(of_statics, k.flash_const_bytes);
        // Every function is a step, every step that is a function is there, and times are counted without a gap.
        let (mut names, mut times) = (Vec::new(), 0);
        each(&record["steps"], &mut |step| {
            assert_eq!(n(&step["time"]), times);
            times += 1;
            let name = step["name"].as_str().unwrap();
            if name.starts_with('k') && name[1..].starts_with(|c: char| c.is_ascii_digit()) {
                names.push(name.to_string());
            }
        });
        let items = k.items.to_string();
        let written: Vec<String> = items
            .split("fn k")
            .skip(1)
            .map(|after| format!("k{}", &after[..after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap()]))
            .collect();
        assert_eq!(names, written, "{source}");
        // What two steps at once need does not overlap, except where memory is handed on.
        for (i, a) in buffers.iter().enumerate().filter(|(_, b)| b["kind"] == "arena") {
            for (j, b) in buffers.iter().enumerate().skip(i + 1).filter(|(_, b)| b["kind"] == "arena") {
                let apart = n(&a["last"]) < n(&b["first"]) || n(&b["last"]) < n(&a["first"]);
                let beside = n(&a["at"]) + n(&a["bytes"]) <= n(&b["at"]) || n(&b["at"]) + n(&b["bytes"]) <= n(&a["at"]);
                let handed_on = a["in_place_of"] == j || b["in_place_of"] == i;
                assert!(apart || beside || handed_on, "{a} and {b} in\n{source}");
            }
        }
    }
}

#[test]
fn work_is_counted_as_the_loops_are_written() {
    let (_, record) =
        recorded("fn f(w: &[[f32; 8]; 4], x: &[f32; 8], b: &[f32; 4]) -> [f32; 4] { tanh(matmul(w, x) + b) }", "");
    let step = &record["steps"][0];
    assert_eq!(step["counts"]["product f32"], 32);
    assert_eq!(step["counts"]["call tanh f32"], 4);
    assert_eq!(step["counts"]["store f32"], 4);
    assert_eq!(step["moved_bytes"], 4 * (32 + 8 + 4 + 4));
    let (m, n) = (step["tile"]["m"].as_u64().unwrap(), step["tile"]["n"].as_u64().unwrap());
    assert_eq!((m * n, step["tile"]["k"].as_u64().unwrap()), (4, 8));
    // A softmax: the largest, the sum of exponentials, the quotients.
    let (_, record) = recorded("fn f(x: &[f32; 8]) -> [f32; 8] { let e = exp(x - max(x)); e / sum(e) }", "");
    let mut total = std::collections::BTreeMap::new();
    each(&record["steps"], &mut |step| {
        for (what, n) in step["counts"].as_object().unwrap() {
            *total.entry(what.clone()).or_insert(0) += n.as_u64().unwrap();
        }
    });
    let of = |what: &str| total.get(what).copied().unwrap_or(0);
    assert_eq!((of("call exp f32"), of("div f32"), of("max f32"), of("sub f32")), (8, 8, 8, 8), "{total:?}");
}

#[test]
fn nothing_is_recorded_unless_it_is_asked_for() {
    let unit = common::unit(LOOP).expect("a program");
    let Outcome::Done(k) = compile(&unit) else { panic!("methods are missing") };
    assert!(k.record.is_empty());
}

#[test]
fn texts_survive() {
    let text = "a \"quoted\" \\ line\nand \u{1} é";
    let json = Json::Object(vec![("t", Json::Text(text.into())), ("n", Json::Null), ("b", Json::Bool(true))]);
    let back: Value = serde_json::from_str(&json.to_string()).unwrap();
    assert_eq!((back["t"].as_str(), &back["n"], &back["b"]), (Some(text), &Value::Null, &Value::Bool(true)));
}

#[test]
fn checkpoints_are_laid_out_with_what_they_trade() {
    let source = |attribute: &str| {
        format!(
            "fn f(x: &[f32; 8], w: &[[f32; 8]; 8]) -> f32 {{
                let mut h = x;
                {attribute} for _ in 0..64 {{ h = tanh(matmul(w, h)); }}
                sum(h)
            }}
            fn df(x: &[f32; 8], w: &[[f32; 8]; 8]) -> [[f32; 8]; 8] {{ grad(f, argnums = 1)(x, w) }}"
        )
    };
    let (kernel, record) = recorded(&source("#[checkpoint(every = 4)]"), "");
    let [table] = &record["checkpoints"].as_array().expect("a list")[..] else { panic!("{record}") };
    assert_eq!((table["turns"].as_u64(), table["place"][1].as_u64()), (Some(64), Some(3)));
    let choices = table["choices"].as_array().expect("a list");
    let of = |choice: &Value| {
        let number = |key: &str| choice[key].as_u64();
        (number("every"), number("ram_bytes").expect("bytes") as usize, number("flops").expect("operations"))
    };
    assert_eq!(choices.iter().map(|c| of(c).0).collect::<Vec<_>>(), [None, Some(2), Some(4), Some(8), Some(16)]);
    // What is written is what is compiled, and so is every other choice where it is written.
    let chosen: Vec<_> = choices.iter().filter(|c| c["chosen"] == true).map(of).collect();
    assert_eq!(chosen, [(Some(4), kernel.ram_bytes(), kernel.flops)]);
    let (all, root) = (recorded(&source(""), "").0, recorded(&source("#[checkpoint]"), "").0);
    assert_eq!(of(&choices[0]), (None, all.ram_bytes(), all.flops));
    assert_eq!(of(&choices[3]), (Some(8), root.ram_bytes(), root.flops));
    assert!(root.ram_bytes() < all.ram_bytes() / 2 && root.flops > all.flops);
    // A loop that only runs forwards has none.
    assert_eq!(recorded(LOOP, "").1["checkpoints"], Value::Array(Vec::new()));
}
