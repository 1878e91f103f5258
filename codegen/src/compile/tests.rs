//! Whole functions, from source to graph, without a compiler in the loop.

use std::collections::BTreeMap;

use super::*;
use crate::unit::Record;

/// A unit from the items of `source`, every name meaning the item of that name; the last function is the entry.
pub fn unit(source: &str) -> Unit {
    let file = syn::parse_file(source).unwrap();
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    let mut entry = String::new();
    for item in file.items {
        match item {
            syn::Item::Fn(f) => {
                entry = f.sig.ident.to_string();
                items.insert(entry.clone(), Item::Fn(f));
            }
            syn::Item::Struct(s) => {
                items.insert(s.ident.to_string(), Item::Struct(s));
            }
            syn::Item::Const(c) => {
                items.insert(c.ident.to_string(), Item::Const(c));
            }
            syn::Item::Impl(i) => {
                let owner = match &*i.self_ty {
                    syn::Type::Path(p) => p.path.segments.last().unwrap().ident.to_string(),
                    _ => panic!("impl for a path"),
                };
                for m in i.items {
                    if let syn::ImplItem::Fn(method) = m {
                        let id = format!("{owner}::{}", method.sig.ident);
                        items.insert(
                            id,
                            Item::Method {
                                owner: owner.clone(),
                                generics: i.generics.clone(),
                                self_ty: i.self_ty.clone(),
                                method,
                            },
                        );
                    }
                }
            }
            _ => panic!("unexpected item"),
        }
    }
    let paths: BTreeMap<String, String> = items.keys().map(|k| (k.clone(), k.clone())).collect();
    let items = items.into_iter().map(|(id, item)| (id, Record { item, paths: paths.clone(), local: true })).collect();
    let name = |s| proc_macro2::Ident::new(s, proc_macro2::Span::call_site());
    Unit { entry, items, options: Default::default(), workspace: name("ws"), receiver: name("this"), record: false }
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
fn literals_are_as_precise_as_what_they_meet() {
    let doubles = |body: &str| {
        let t = trace(&format!("fn f(x: &[f64; 2]) -> [f64; 2] {{ {body} }}")).unwrap();
        let x = crate::array::Array::f64(&[2], &[1.0, 3.0]);
        crate::eval::eval(&t.graph, &[x])[0].to_f64s()
    };
    assert_eq!(doubles("1.3 * x"), [1.3, 1.3 * 3.0]);
    assert_eq!(doubles("x + [0.1, 0.7]"), [1.1, 3.7]);
    assert_eq!(doubles("matmul([[0.1, 0.2], [0.3, 0.4]], x)"), [0.1 + 0.2 * 3.0, 0.3 + 0.4 * 3.0]);
    // The dtype of a conversion is no default that a literal could change.
    assert_eq!(
        doubles("let mut y = x; for i in 0..3 { y += 0.1 * (i as f64); } y"),
        [1.0 + 0.1 + 0.2, 3.0 + 0.1 + 0.2]
    );
}
