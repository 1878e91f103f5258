//! Whole functions, from source to graph, without a compiler in the loop.

use super::*;

/// A unit from the items of `source`; the last function is the entry.
pub fn unit(source: &str) -> Unit {
    crate::unit::of_source(source).unwrap()
}

/// The traced graph of the last function, or the messages.
pub fn trace(source: &str) -> Result<TracedEntry, String> {
    let unit = unit(source);
    let (items, spans) = parse_items(&unit);
    match trace_entry(&items, &spans.map(), &unit.entry) {
        Entry::Done(t) => Ok(*t),
        Entry::Errors(diags) => {
            let map = spans.map();
            Err(diags
                .iter()
                .map(|d| format!("{}: {}", map.line_column(d.sp).unwrap_or_default(), d.text()))
                .collect::<Vec<_>>()
                .join("\n"))
        }
        Entry::NeedBodies(m) => Err(format!("need {m:?}")),
        Entry::NeedMethods(m) => Err(format!("need {m:?}")),
    }
}

const MLP: &str = r#"
pub struct Dense<const I: usize, const O: usize> { pub w: [[f32; I]; O], pub b: [f32; O] }
pub struct Mlp { pub l1: Dense<64, 32>, pub l2: Dense<32, 10> }
pub fn dense<const I: usize, const O: usize>(p: &Dense<I, O>, x: &[f32; I]) -> [f32; O] { matmul(p.w, x) + p.b }
pub fn logits(p: &Mlp, x: &[f32; 64]) -> [f32; 10] { dense(&p.l2, relu(dense(&p.l1, x))) }
pub fn loss(p: &Mlp, x: &[[f32; 64]; 16], y: &[u8; 16]) -> f32 {
    let z = vmap(logits, in_axes = (None, 0))(p, x);
    -mean(take_along_axis(log_softmax(z, axis = 1), y, axis = 1))
}
pub fn step(p: &mut Mlp, x: &[[f32; 64]; 16], y: &[u8; 16], lr: f32) -> f32 {
    let (l, g) = value_and_grad(loss)(p, x, y);
    *p = *p - lr * g;
    l
}
"#;

#[test]
fn the_language_page_traces() {
    let t = trace(MLP).unwrap();
    println!("{}", t.graph);
    assert_eq!(t.n_ret, 1);
    assert_eq!(t.graph.outputs.len(), 5);
}

/// The emitted functions and the statements that call them, formatted.
pub fn emitted(source: &str) -> String {
    let Outcome::Done(k) = compile(&unit(source)) else { panic!("methods are missing") };
    assert!(k.errors.is_empty(), "{}", k.errors);
    let (items, body) = (k.items, k.body);
    let file: syn::File = syn::parse2(quote!(#items fn with() { #body })).unwrap();
    prettyplease::unparse(&file)
}

#[test]
fn the_training_step_needs_no_gradient_buffer() {
    let unit = unit(MLP);
    let Outcome::Done(k) = compile(&unit) else { panic!("methods are missing") };
    println!("{}\n{}\n{}", k.arena_bytes, k.graph, emitted(MLP));
    // Activations 16x32 and logits 16x10; the gradients alone would be 9,640 bytes.
    assert!(k.arena_bytes <= 5 * 1024, "{}", k.arena_bytes);
}

#[test]
fn what_many_kernels_need_is_passed_to_groups_of_them() {
    let layer = "y = maximum(matmul(w, y), x); w = w * 0.5;";
    let source = |n: usize| {
        let head = "fn f(x: &[f32; 8], w: &mut [[f32; 8]; 8]) -> [f32; 8] { let mut y = x;";
        emitted(&format!("{head} {} y }}", layer.replace("w = w", "*w = *w").repeat(n)))
    };
    assert!(!source(4).contains("fn unit_0"));
    let long = source(200);
    let (units, with) = long.split_at(long.find("fn with").unwrap());
    assert!(units.contains("fn unit_0<L: ::kiln::rt::Level>(") && !with.contains(".views::"), "{long}");
    assert!(with.len() < units.len() / 10, "{with}");
}

#[test]
fn a_loop_with_little_state_keeps_it_in_variables() {
    let text = emitted(
        "fn filter(x: &[f32; 9], c: &[[f32; 3]; 2], s: &mut [[f32; 2]; 2]) -> [f32; 9] {
            let mut y = [0.0; 9];
            for i in 0..9 {
                let mut v = x[i];
                #[unroll]
                for k in 0..2 {
                    let out = c[k][0] * v + c[k][1] * s[k][0] + c[k][2] * s[k][1];
                    s[k] = [out, s[k][0]];
                    v = out;
                }
                y[i] = v;
            }
            y
        }",
    );
    assert!(text.contains("let mut c0_0 = "), "{text}");
    assert!(text.contains("#[inline(always)]"), "{text}");
    // The counter is inside of what it indexes, the state is put together anew, and nothing is filled before it is written.
    for absent in ["scatter", "select", "constant", "ws.views"] {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
}

#[test]
fn a_loop_with_a_product_of_matrices_keeps_its_state_in_memory() {
    let text = emitted(
        "fn iterate(a: &[[f32; 4]; 4], x: &[f32; 4]) -> [f32; 4] {
            let mut x = x;
            for _ in 0..9 {
                x = matmul(a, x);
            }
            x
        }",
    );
    assert!(!text.contains("c0_0") && text.contains("ws.views"), "{text}");
}

#[test]
fn layers_of_one_shape_are_one_function() {
    let text = emitted(
        "fn f(x: &[f32; 8], w: &[[[f32; 8]; 8]; 3], b: &[[f32; 8]; 3]) -> [f32; 8] {
            let mut x = x;
            #[unroll]
            for k in 0..3 {
                x = relu(matmul(w[k], x) + b[k]);
            }
            x
        }",
    );
    assert_eq!(text.matches("fn k").count(), 3, "each reads another part of the weights: {text}");
    let text = emitted(
        "pub struct Layer { pub w: [[f32; 8]; 8], pub b: [f32; 8] }
        fn f(x: &[f32; 8], first: &Layer, second: &Layer, third: &Layer) -> [f32; 8] {
            let layer = |x, p| relu(matmul(p.w, x) + p.b);
            layer(layer(layer(x, first), second), third)
        }",
    );
    assert_eq!(text.matches("fn k").count(), 1, "{text}");
    assert_eq!(text.matches("k0_select").count(), 4, "{text}");
}

#[test]
fn loops_over_what_is_joined_are_cut_at_the_joints() {
    let text = emitted("fn f(x: &[f32; 31], y: &[f32; 256]) -> [f32; 287] { concatenate((x, y)) * 2.0 }");
    // Inside of a macro tokens are not laid out.
    let packed: String = text.split_whitespace().collect();
    assert!(packed.contains("fori0in0..31usize") && packed.contains("fori0in31..287usize"), "{text}");
}

#[test]
fn slices_of_what_is_padded_look_at_one_end() {
    let text = emitted(
        "fn f(u: &[[f32; 5]; 4]) -> [[f32; 5]; 4] {
            let mut u = *u;
            for _ in 0..6 {
                let p = pad(u, 1);
                u = 0.2 * (p[(2.., 1..6)] + p[(..4, 1..6)] + p[(1..5, 2..)] + p[(1..5, ..5)]);
            }
            u
        }",
    );
    assert!(text.contains("for"), "{text}");
}

#[test]
fn a_product_of_another_shape_than_its_result_is_written_there_at_once() {
    let text = emitted("fn f(x: &[f32; 40], h: &[f32; 8]) -> [f32; 33] { correlate(x, h, mode = \"valid\") }");
    assert!(!text.contains("reshape") && !text.contains("ws.views"), "{text}");
}

#[test]
fn literals_are_as_precise_as_what_they_meet() {
    let doubles = |body: &str| {
        let t = trace(&format!("fn f(x: &[f64; 2]) -> [f64; 2] {{ {body} }}")).unwrap();
        let x = crate::array::Array::f64(&[2], &[1.0, 3.0]);
        crate::eval::eval(&t.graph, &[x])[0].to_f64s()
    };
    assert_eq!(doubles("1.3 * x"), [1.3, 1.3 * 3.0]);
    assert_eq!(doubles("x + [0.1, 0.7]"), [1.1, 3.7]);
    assert_eq!(doubles("matmul([[0.1, 0.2], [0.3, 0.4]], x)"), [0.1 + 0.2 * 3.0, 0.3 + 0.4 * 3.0]);
    // What is picked from literals, and computed of that, where the index is known at run time.
    let table = "let w = [0.1, 0.7]; let i = x[0] as i32;";
    assert_eq!(doubles(&format!("{table} x + w[i]")), [1.7, 3.7]);
    assert_eq!(doubles(&format!("{table} let y = w[i - 1] * 0.3; x * y")), [0.1 * 0.3, 3.0 * (0.1 * 0.3)]);
    assert_eq!(
        doubles("let mut y = [[0.1; 3]; 2]; for i in 0..2 { for j in 0..2 { y[i][j + 1] += x[i]; } } sum(y, axis = 1)"),
        [0.1 + 1.1 + 1.1, 0.1 + 3.1 + 3.1]
    );
    // The dtype of a conversion is no default that a literal could change.
    assert_eq!(
        doubles("let mut y = x; for i in 0..3 { y += 0.1 * (i as f64); } y"),
        [1.0 + 0.1 + 0.2, 3.0 + 0.1 + 0.2]
    );
}

#[test]
fn literals_behind_transformations_are_as_precise_as_what_they_meet() {
    let number = |body: &str| {
        let t = trace(&format!("fn f(x: f64) -> f64 {{ {body} }}")).unwrap();
        crate::eval::eval(&t.graph, &[crate::array::Array::f64(&[], &[3.0])])[0].to_f64s()[0]
    };
    assert_eq!(
        number("let (y, t) = jvp(|a| a * a * 0.1, (0.3,), (1.0,)); y + t * x"),
        0.3 * 0.3 * 0.1 + 0.6 * 0.1 * 3.0
    );
    assert_eq!(number("jvp(|a| a * a, (0.3,), (x,)).1"), 3.0 * 0.3 + 0.3 * 3.0);
    assert_eq!(number("let (y, back) = vjp(|a| a * x, (0.3,)); let (g,) = back(1.0); g + y"), 3.0 + 0.3 * 3.0);
    assert_eq!(number("grad(|a| a * a)(0.3) * x"), (0.3 + 0.3) * 3.0);
    assert_eq!(
        number("let (a, b) = grad(|a, b| a * b * b, argnums = (0, 1))(0.3, x); a + b"),
        9.0 + (0.3 * 3.0 + 0.3 * 3.0)
    );
    assert_eq!(number("sum(vmap(|a| a * a)([0.1, 0.2])) * x"), (0.1 * 0.1 + 0.2 * 0.2) * 3.0);
    assert_eq!(number("jacfwd(|v| v * v)([0.1, 0.2])[0][0] * x"), (0.1 + 0.1) * 3.0);
    assert_eq!(number("scan(|c, _| (c * 1.1, c), 0.1, None, length = 2).0 + x"), 0.1 * 1.1 * 1.1 + 3.0);
    assert_eq!(number("while_loop(|c| c < x, |c| c * 1.1 + 1.0, 0.3)"), ((0.3 * 1.1 + 1.0) * 1.1 + 1.0) * 1.1 + 1.0);
    assert_eq!(number("cond(x > 0.0, |a| a * 0.1, |a| a, 0.3) * x"), 0.3 * 0.1 * 3.0);
    assert_eq!(number("[0.1, 0.2, 0.7].mean() * x + full((3,), 0.1).max()"), (0.1 + 0.2 + 0.7) / 3.0 * 3.0 + 0.1);
    assert_eq!(number("let z = Complex::new(0.1, 0.7); (z * x).im"), 0.7 * 3.0);
}

/// The program of the last function of `source`, as `step` of a language page is scheduled.
fn program_of(source: &str) -> Program {
    let t = trace(source).unwrap();
    program(&t, crate::passes::optimise(&t.graph))
}

/// Arena and work within half of the arena, as shares of what they are without a budget.
fn at_half(source: &str) -> (f64, f64) {
    let p = program_of(source);
    let natural = fit(&p, Wishes::default(), usize::MAX);
    let half = fit(&p, Wishes::default(), natural.schedule.arena_bytes / 2);
    assert_eq!(crate::schedule::verify::verify(&half.schedule), Ok(()));
    // The same bits.
    let mut rng = crate::ops::laws::Rng::new();
    let args: Vec<crate::array::Array> = p.graph.in_avals().iter().map(|a| rng.array(a)).collect();
    let expected = crate::eval::eval(&p.graph, &args);
    let machine = crate::schedule::machine::run(&half.schedule, &args).unwrap();
    for (dest, expected) in p.dests.iter().zip(&expected) {
        let found = match dest {
            Dest::Return(n) => &machine.returns[*n],
            Dest::Param(n) => &machine.params[*n],
        };
        assert_eq!(found, expected);
    }
    let share = |a: f64, b: f64| (a / b * 1000.0).round() / 1000.0;
    (
        share(half.schedule.arena_bytes as f64, natural.schedule.arena_bytes as f64),
        share(half.work as f64, natural.work as f64),
    )
}

const GRU: &str = r#"
pub struct Gru<const I: usize, const H: usize> { w: [[[f32; I]; H]; 3], u: [[[f32; H]; H]; 3], b: [[f32; H]; 3] }
pub fn cell<const I: usize, const H: usize>(p: &Gru<I, H>, h: &[f32; H], x: &[f32; I]) -> [f32; H] {
    let z = nn::sigmoid(matmul(p.w[0], x) + matmul(p.u[0], h) + p.b[0]);
    let r = nn::sigmoid(matmul(p.w[1], x) + matmul(p.u[1], h) + p.b[1]);
    let n = tanh(matmul(p.w[2], x) + matmul(p.u[2], r * h) + p.b[2]);
    (1.0 - z) * n + z * h
}
pub fn loss(p: &Gru<8, 16>, x: &[[f32; 8]; 32], y: &[f32; 16]) -> f32 {
    let mut h = [0.0; 16];
    for v in x { h = cell(p, h, v); }
    sum((h - y) * (h - y))
}
pub fn step(p: &mut Gru<8, 16>, x: &[[f32; 8]; 32], y: &[f32; 16], lr: f32) -> f32 {
    let (l, g) = value_and_grad(loss)(p, x, y);
    *p = *p - lr * g;
    l
}
"#;

#[test]
fn a_recurrent_network_trains_in_half_of_its_memory() {
    let (bytes, work) = at_half(GRU);
    assert!(bytes <= 0.5 && work <= 1.35, "{bytes} of the memory, {work} of the work");
}

#[test]
fn a_dense_network_trains_in_half_of_its_memory() {
    let (bytes, work) = at_half(MLP);
    assert!(bytes <= 0.5 && work <= 1.35, "{bytes} of the memory, {work} of the work");
}

/// Bytes that were painted beside the arena on a Cortex-M4F; cores that save more, or keep their stack at multiples of 16, need some
/// dozens more.
#[test]
fn the_stack_is_no_less_than_what_was_painted() {
    let of = |source: &str| {
        let natural = fit(&program_of(source), Wishes::default(), usize::MAX);
        crate::schedule::stack::bytes(&natural.schedule)
    };
    let cases = [
        (of("pub fn dot_256(a: &[f32; 256], b: &[f32; 256]) -> f32 { dot(a, b) }"), 260),
        (of("pub fn matmul_16(a: &[[f32; 16]; 16], b: &[[f32; 16]; 16]) -> [[f32; 16]; 16] { matmul(a, b) }"), 308),
        (of(MLP), 484),
    ];
    for (said, painted) in cases {
        assert!(painted <= said && said < painted + 192, "{said} for {painted}");
    }
}

/// Rows of what lies between are kept for the next turn: that costs next to nothing.
#[test]
fn convolutions_run_in_half_of_their_memory() {
    let (bytes, work) = at_half(
        r#"
pub fn network(x: &[[[[f32; 2]; 8]; 32]; 1], a: &[[[[f32; 8]; 2]; 3]; 3], b: &[[[[f32; 8]; 8]; 3]; 3], c: &[[[[f32; 8]; 8]; 3]; 3]) -> [f32; 8] {
    let layer = |x, w, s| relu(conv(x, w, stride = (s, s), padding = "SAME", dimension_numbers = ("NHWC", "HWIO", "NHWC")));
    mean(layer(layer(layer(x, a, 1), b, 1), c, 2), axis = (0, 1, 2))
}
"#,
    );
    assert!(bytes <= 0.5 && work <= 1.35, "{bytes} of the memory, {work} of the work");
}

#[test]
fn a_budget_that_cannot_be_kept_says_what_would_be() {
    let mut unit = unit("fn cube(a: &[[f32; 8]; 8]) -> [[f32; 8]; 8] { let b = matmul(a, a); matmul(b, b) }");
    unit.options.ram = Some((600, proc_macro2::Span::call_site()));
    let Outcome::Done(k) = compile(&unit) else { panic!("methods are missing") };
    let text = k.errors.to_string().replace("\\n", "\n");
    assert!(
        text.contains("this kernel needs 928 bytes of RAM, 600 are allowed: 256 of arena, 672 of stack and result"),
        "{text}"
    );
    assert!(text.contains("b: f32[8, 8], 256 bytes   line 1:"), "{text}");
    assert!(text.contains("help: the smallest budget that works is `ram = 928`"), "{text}");
}

/// Number of tokens of a kernel.
fn tokens(source: &str) -> usize {
    fn count(code: TokenStream) -> usize {
        let one = |t: proc_macro2::TokenTree| match t {
            proc_macro2::TokenTree::Group(g) => 2 + count(g.stream()),
            _ => 1,
        };
        code.into_iter().map(one).sum()
    }
    let Outcome::Done(kernel) = compile(&unit(source)) else { panic!("no methods here") };
    assert!(kernel.errors.is_empty(), "{}", kernel.errors);
    count(kernel.items) + count(kernel.body)
}

#[test]
fn a_loop_of_a_thousand_turns_takes_no_more_code_than_one_of_ten() {
    let carried = "fn f(x: f32) -> f32 {
        let mut y = x;
        for i in 0..TURNS { if y > 1.5 { y = y * 0.5; } else { y += i as f32; } }
        y
    }";
    let stacked = "fn f(x: &[f32; TURNS], y: &mut [f32; TURNS]) {
        for (o, v) in y.iter_mut().zip(x) { *o = v * v; }
    }";
    let open = "fn f(x: &[f32; TURNS]) -> f32 {
        let mut s = 0.0;
        for i in 0..TURNS { for j in i + 1..TURNS { s += x[i] * x[j]; } }
        s
    }";
    for source in [carried, stacked, open] {
        let of = |turns: &str| tokens(&source.replace("TURNS", turns));
        assert_eq!(of("10"), of("1000"), "{source}");
    }
}

#[test]
fn diamonds_are_traced_in_proportion_to_the_functions_that_they_have() {
    let mut source = "fn a30(x: &[f32; 4]) -> [f32; 4] { x * 2.0 }\n".to_owned();
    for i in (0..30).rev() {
        let next = i + 1;
        source += &format!(
            "fn b{i}(x: &[f32; 4]) -> [f32; 4] {{ a{next}(x) * 3.0 }}
             fn c{i}(x: &[f32; 4]) -> [f32; 4] {{ a{next}(x) + 1.0 }}
             fn a{i}(x: &[f32; 4]) -> [f32; 4] {{ b{i}(x) - c{i}(x) }}\n"
        );
    }
    let n = trace(&source).unwrap().graph.eqns.len();
    assert!(n < 1000, "{n} equations");
}

/// Tests have a fourth of the stack that rustc has.
#[test]
fn deep_calls_need_little_stack() {
    let chain: String =
        (0..400).rev().map(|i| format!("fn s{i}(x: &[f32; 4]) -> [f32; 4] {{ x * 2.0 + s{}(x) }}\n", i + 1)).collect();
    let graph = trace(&format!("fn s400(x: &[f32; 4]) -> [f32; 4] {{ x }}\n{chain}")).unwrap().graph;
    assert_eq!(graph.eqns.iter().filter(|e| e.op.name() == "add").count(), 400);
}

#[test]
fn calls_that_cannot_be_cut_are_refused_before_the_stack_ends() {
    let work = || {
        let chain: String =
            (0..200).rev().map(|i| format!("fn s{i}(x: &mut [f32; 4]) {{ s{}(x); }}\n", i + 1)).collect();
        trace(&format!("fn s200(x: &mut [f32; 4]) {{ *x = *x * 2.0; }}\n{chain}")).unwrap_err()
    };
    let said = std::thread::Builder::new().stack_size(64 << 20).spawn(work).unwrap().join().unwrap();
    assert!(said.contains("calls nest more than 128 deep"), "{said}");
    let help = "if they come back to where they were, write a loop; else split what they do into functions of arrays";
    assert!(said.contains(help), "{said}");
}

/// Where a target's arithmetic has other bits, kernels that promise the bits of all targets are refused, and no others.
#[test]
fn kernels_with_floats_ask_for_the_arithmetic_they_need() {
    let asks = |source: &str, fast: bool| {
        let mut unit = unit(source);
        unit.options.fast = fast;
        let Outcome::Done(k) = compile(&unit) else { panic!("nothing is missing") };
        k.items.to_string().contains("reproducible")
    };
    assert!(asks("pub fn f(x: &[f32; 4]) -> f32 { sum(x) }", false));
    assert!(!asks("pub fn f(x: &[f32; 4]) -> f32 { sum(x) }", true));
    assert!(!asks("pub fn f(x: &[i16; 4]) -> i16 { sum(x) }", false));
    assert!(asks("pub fn f(x: i32) -> i32 { if x > 0 { (x as f32).sqrt() as i32 } else { x } }", false));
}
