//! Programs as the compiler leaves them: the optimised graph and the code. A change meant to alter nothing leaves these
//! alone; `UPDATE_EXPECT=1 cargo test -p kiln-codegen --test snapshots` takes up one that is meant.

#[allow(dead_code)]
mod common;

use expect_test::{Expect, expect, expect_file};
use kiln_codegen::compile::compile;
use kiln_codegen::unit::{Kernel, Outcome};
use quote::quote;

fn compiled(source: &str) -> Kernel {
    let Outcome::Done(k) = compile(&common::unit(source).expect("a program")) else { panic!("methods are missing") };
    assert!(k.errors.is_empty(), "{}", k.errors);
    k
}

/// The optimised graph of the last function of `source`.
fn check_graph(source: &str, expected: Expect) {
    expected.assert_eq(&compiled(source).graph);
}

/// The emitted functions, and the statements that call them.
fn code(k: &Kernel) -> String {
    let (items, body) = (&k.items, &k.body);
    let file = syn::parse2(quote!(#items fn body() { #body })).expect("Rust");
    prettyplease::unparse(&file)
}

#[test]
fn grad_computes_the_shared_dot_once() {
    check_graph(
        "fn f(w: &[f32; 3], x: &[f32; 3]) -> f32 { let s = sin(dot(w, x)); s * s }
         fn slope(w: &[f32; 3], x: &[f32; 3]) -> [f32; 3] { grad(f)(w, x) }",
        expect![[r#"
            graph slope(w: f32[3], x: f32[3]) -> (f) {
              a: f32[] = dot_general[lhs_contract=(0), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w x  // 1:55
              s: f32[] = sin a  // 1:51
              b: f32[] = cos a  // 1:51
              c: f32[] = constant[value=f32[]{2.0}]  // 1:67
              d: f32[] = mul c s  // 1:67
              e: f32[] = mul d b  // 1:51
              f: f32[3] = dot_general[lhs_contract=(), rhs_contract=(), lhs_batch=(), rhs_batch=()] e x  // 1:55
            }"#]],
    );
}

#[test]
fn the_gradient_of_a_loop_is_a_loop_backwards() {
    check_graph(
        "fn f(w: f32, x: &[f32; 5]) -> f32 { let mut h = 0.0; for v in x { h = tanh(w * h + v); } h }
         fn slope(w: f32, x: &[f32; 5]) -> f32 { grad(f)(w, x) }",
        expect![[r#"
            graph slope(w: f32[], x: f32[5]) -> (f) {
              a: f32[] = constant[value=f32[]{0.0}]  // 1:54
              h: f32[], b: f32[5], c: f32[5] = scan[length=5, consts=1, carry=1, reverse=false, indexed=false, body=graph _(a: f32[], b: f32[], c: f32[]) -> (h, b, i) {
                d: f32[] = mul a b
                e: f32[] = add d c
                h: f32[] = tanh e
                f: f32[] = mul h h
                g: f32[] = constant[value=f32[]{1.0}]
                i: f32[] = sub g f
              }] w a x
              d: f32[] = constant[value=f32[]{1.0}]
              e: f32[], f: f32[] = scan[length=5, consts=1, carry=2, reverse=true, indexed=false, body=graph _(a: f32[], b: f32[], c: f32[], d: f32[], e: f32[]) -> (g, i) {
                f: f32[] = mul b e
                g: f32[] = mul f a
                h: f32[] = mul f d
                i: f32[] = add c h
              }] w d a b c
            }"#]],
    );
}

#[test]
fn vmap_of_a_product_with_a_vector_is_a_product_with_a_matrix() {
    check_graph(
        "fn one(w: &[[f32; 4]; 2], x: &[f32; 4]) -> [f32; 2] { matmul(w, x) }
         fn all(w: &[[f32; 4]; 2], x: &[[f32; 4]; 8]) -> [[f32; 2]; 8] { vmap(one, in_axes = (None, 0))(w, x) }",
        expect![[r#"
            graph all(w: f32[2,4], x: f32[8,4]) -> (a) {
              a: f32[8,2] = dot_general[lhs_contract=(1), rhs_contract=(1), lhs_batch=(), rhs_batch=()] x w  // 1:55
            }"#]],
    );
}

/// The program of the language page: a training step of a network for digits.
const STEP: &str = r#"
pub struct Dense<const I: usize, const O: usize> { w: [[f32; I]; O], b: [f32; O] }
pub struct Mlp { l1: Dense<64, 32>, l2: Dense<32, 10> }
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
fn the_training_step_of_the_language_page() {
    let k = compiled(STEP);
    let facts = format!("arena {} bytes, {} operations\n\n", k.arena_bytes, k.flops);
    expect_file!["snapshots/step.txt"].assert_eq(&format!("{facts}{}\n{}", k.graph, code(&k)));
}

/// The same source gives the same bytes.
#[test]
fn compiling_twice_gives_the_same_code() {
    let once = code(&compiled(STEP));
    for _ in 0..3 {
        assert_eq!(once, code(&compiled(STEP)));
    }
}
