//! The stack of rustc, 8 MiB, has room for every program that is not refused: with the macros unoptimised, as users have
//! them, and as the tests are.

use kiln_codegen::compile::compile;
use kiln_codegen::frontend::{self, Host};

/// What `#[jit]` makes of a function, on a stack as rustc has it.
fn expand(item: String) -> String {
    let run = move || {
        let host = Host { crate_key: "depth".into(), read: &|_| None, compile: &compile, record: false, root: None };
        frontend::jit(Default::default(), item.parse().unwrap(), &host).to_string()
    };
    std::thread::Builder::new().stack_size(8 << 20).spawn(run).unwrap().join().unwrap()
}

fn compiles(what: &str, item: String) {
    let out = expand(item);
    let error = out.find("compile_error").map(|at| out[at..].chars().take(300).collect::<String>());
    assert_eq!(error, None, "{what}");
}

fn nested(n: usize, open: &str, inside: &str, close: &str) -> String {
    open.repeat(n) + inside + &close.repeat(n)
}

/// `n` statements, with the number of each in place of `#`.
fn statements(n: usize, text: &str) -> String {
    (0..n).map(|i| text.replace('#', &i.to_string())).collect()
}

#[test]
fn a_body_may_be_as_long_as_it_likes() {
    let n = if cfg!(debug_assertions) { 5000 } else { 20_000 };
    compiles(
        "scalars",
        format!("fn f(x: f32, w: f32) -> f32 {{ let v = x; {} v }}", statements(n, "let v = v * w + x;")),
    );
    let body = statements(n, "v = v * w + x[i];");
    compiles("a loop", format!("fn f(x: &[f32; 8], w: f32) -> f32 {{ let mut v = w; for i in 0..8 {{ {body} }} v }}"));
    let body = statements(n, "let v = v * w + x;");
    compiles("arrays", format!("fn f(x: &[f32; 8], w: f32) -> [f32; 8] {{ let v = x; {body} v }}"));
    let body = statements(n / 5, "let v = v.T() * w + x;");
    compiles("views", format!("fn f(x: &[[f32; 4]; 4], w: f32) -> [[f32; 4]; 4] {{ let v = x; {body} v }}"));
    let body = statements(n / 5, "let v = sum(v) * x;");
    compiles("folds", format!("fn f(x: &[f32; 8]) -> [f32; 8] {{ let v = x; {body} v }}"));
    let body = statements(n / 50, "if v > # as f32 { v = v * w; }");
    compiles("branches", format!("fn f(x: f32, w: f32) -> f32 {{ let mut v = x; {body} v }}"));
}

#[test]
fn the_gradient_of_a_long_body_compiles() {
    let body = statements(500, "let v = v * w + x;");
    let loss = format!("let loss = |x: f32, w: f32| {{ let v = x; {body} v }};");
    compiles("grad", format!("fn f(x: f32, w: f32) -> f32 {{ {loss} grad(loss)(x, w) }}"));
    compiles("hessian", format!("fn f(x: f32, w: f32) -> f32 {{ {loss} grad(grad(loss))(x, w) }}"));
}

#[test]
fn what_may_be_nested_fits_on_the_stack() {
    let scalar = |body: String| format!("fn f(x: f32, w: f32, i: i32) -> f32 {{ {body} }}");
    let ways = [
        ("parentheses", scalar(nested(120, "(", "x", " + w)"))),
        ("to the right", scalar(nested(120, "w - (", "x", ")"))),
        ("calls", scalar(nested(120, "sin(", "x", ")"))),
        ("prefixes", scalar(nested(120, "- ", "x", ""))),
        ("blocks", scalar(nested(120, "{ let a = w; ", "x + a", "}"))),
        ("branches", scalar(nested(120, "if x > w { ", "x", " } else { w }"))),
        ("else if", scalar(nested(120, "if x > w { w } else ", "{ x }", ""))),
        ("match", scalar(nested(60, "match i { 0 => x, _ => ", "x", " }"))),
        ("loops", scalar(format!("let mut a = x; {} a", nested(120, "for _ in 0..2 { ", "a += w;", " }")))),
        ("while", scalar(format!("let mut a = x; {} a", nested(120, "while a < w { ", "a += w;", " }")))),
        ("closures", scalar(format!("let g = {}; x", nested(120, "|y| ", "y", "")))),
        ("conversions", scalar(format!("x{}", " as f64 as f32".repeat(120)))),
        ("methods", scalar(format!("x{}", ".sin()".repeat(250)))),
        ("operators", scalar(format!("x{}", " + w".repeat(990)))),
        ("tuples", scalar(format!("let (a, _) = {}; w", nested(120, "(", "x", ", w)")))),
        ("arrays", scalar(format!("let a = {}; w + sum(a)", nested(8, "[", "x", "]")))),
        (
            "closures that call",
            scalar(format!(
                "let g0 = |y| y * w; {} g120(x)",
                (0..120).map(|i| format!("let g{} = |y| g{i}(y) + w; ", i + 1)).collect::<String>()
            )),
        ),
        ("transformations", scalar(format!("{}(x)", nested(6, "grad(", "|y| y * y * y * y * y * y * y * w", ")")))),
        (
            "maps",
            "fn f(x: &[f32; 2]) -> [f32; 2] { ".to_owned() + &nested(20, "vmap(|y| sum(", "x * y", ") + y)(x)") + " }",
        ),
    ];
    for (what, item) in ways {
        compiles(what, item);
    }
}

#[test]
fn what_is_nested_too_deeply_is_refused() {
    let refused = |item: String| {
        let out = expand(item);
        assert!(out.contains("pub fn f (x : f32) -> f32"), "the signature is lost");
        let texts = ["nested more than 128 deep", "a row of more than", "are nested too deeply here"];
        texts.into_iter().find(|text| out.contains(text)).unwrap_or("nothing").to_owned()
    };
    for n in [5000, 20_000] {
        for (open, inside, close) in [("(", "x", " + 1.0)"), ("if x > 1.0 { ", "x", " } else { x }"), ("-", "x", "")] {
            let item = format!("pub fn f(x: f32) -> f32 {{ {} }}", nested(n, open, inside, close));
            assert_eq!(refused(item), "nested more than 128 deep");
        }
        assert_eq!(refused(format!("pub fn f(x: f32) -> f32 {{ x{} }}", " + x".repeat(n))), "a row of more than");
        assert_eq!(refused(format!("pub fn f(x: f32) -> f32 {{ x{} }}", ".sin()".repeat(n))), "a row of more than");
    }
    let calls = (0..1000).map(|i| format!("let g{} = |y| g{i}(y) + x; ", i + 1)).collect::<String>();
    let item = format!("pub fn f(x: f32) -> f32 {{ let g0 = |y| y * x; {calls} g1000(x) }}");
    assert_eq!(refused(item), "are nested too deeply here");
}

#[test]
fn loops_that_run_longer_than_a_number_can_say_compile() {
    let body = nested(100, "for _ in 0..1000 { ", "a = a * x;", " }");
    compiles("loops", format!("fn f(x: f32) -> f32 {{ let mut a = x; {body} a }}"));
}
