//! From `#[jit]` on an item to a [`Unit`] with everything the item can reach, and back to tokens.
//!
//! A procedural macro sees the tokens of one item. What other items mean is found by letting rustc resolve names: see
//! [`wire`] for the macros that every item publishes. The road of one kernel:
//!
//! 1. [`jit`] reads the item, finds its free paths (`free`), publishes its identity and starts a chain over the paths.
//! 2. [`finish`] gets one identity per path and publishes the body with them. For a kernel it goes on to 3.
//! 3. [`collect`] fetches the bodies that are still missing, level by level, until there are none; then it compiles.
//!
//! What rustc does not let us do:
//!
//! - A built-in yields to what the file around an item defines or imports *by name*, also through globs that stay inside the
//!   file. Whether a glob over another file or crate brings a function of that name cannot be asked.
//! - A `#[jit]` function beside a glob that brings another one of the same name is ambiguous (E0659), although for plain
//!   functions Rust would prefer the one that is written there: import by name instead.
//! - With `-C link-dead-code`, functions that are `#[jit(inline)]` and not generic are refused even if nobody calls them.
//!
//! Nothing here keeps state between calls, and the only thing read besides tokens is the text of the file around an item
//! (`source`), to let a user's own `fn power` win over the built-in one.

mod absent;
pub mod builtins;
mod check_grads;
mod collect;
pub mod echo;
mod emit;
mod free;
mod impls;
mod items;
mod nesting;
pub mod options;
mod publish;
mod reach;
mod signature;
mod source;
mod survey;
mod syntax;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;

use crate::unit::{Outcome, Unit};

/// What the macros know about the compilation that they run in.
pub struct Host<'a> {
    /// Tells this compilation from every other one: two targets of a package, two versions of a crate.
    pub crate_key: String,
    /// The text of a source file, where it can be had.
    pub read: &'a dyn Fn(&Path) -> Option<String>,
    /// The compiler.
    pub compile: &'a dyn Fn(&Unit) -> Outcome,
    /// Whether kernels leave a record of themselves for `cargo kiln`.
    pub record: bool,
    /// The file that the crate begins with, where it is known.
    pub root: Option<PathBuf>,
}

impl Host<'_> {
    /// The key in a fixed number of digits.
    fn key(&self) -> String {
        format!("{:016x}", publish::hash(&self.crate_key))
    }
}

impl std::fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("crate_key", &self.crate_key).finish_non_exhaustive()
    }
}

/// `#[jit]`, with the tokens between its parentheses, on an item.
pub fn jit(attr: TokenStream, item: TokenStream, host: &Host<'_>) -> TokenStream {
    guard(|| items::jit(attr, item, host))
}

/// `#[derive(Tree)]`.
pub fn derive_tree(item: TokenStream, host: &Host<'_>) -> TokenStream {
    guard(|| items::tree(item, host))
}

/// `instantiate!(pub fn dense_64_32 = dense::<64, 32>);`
pub fn instantiate(input: TokenStream, host: &Host<'_>) -> TokenStream {
    guard(|| items::instantiate(input, host))
}

/// `check_grads!(fn loss_derivatives(x: &[f32; 3]) -> f32 = loss, order = 2);`
pub fn check_grads(input: TokenStream) -> TokenStream {
    guard(|| check_grads::check_grads(input))
}

/// The end of a chain of identities.
pub fn finish(input: TokenStream, host: &Host<'_>) -> TokenStream {
    guard(|| publish::finish(input, host))
}

/// The end of a chain of bodies.
pub fn collect(input: TokenStream, host: &Host<'_>) -> TokenStream {
    guard(|| collect::collect(input, host))
}

/// The end of a piece of a long chain.
pub fn gather(input: TokenStream) -> TokenStream {
    guard(|| wire::gather(input))
}

/// Nothing a user writes makes a macro panic; should it happen all the same, it is told as what it is.
fn guard(expand: impl FnOnce() -> TokenStream) -> TokenStream {
    caught(expand).unwrap_or_else(|error| error)
}

fn caught<T>(run: impl FnOnce() -> T) -> Result<T, TokenStream> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default();
        internal(&text)
    })
}

fn internal(text: &str) -> TokenStream {
    let message = format!("internal error in Kiln, please report it with the item that is marked here: {text}");
    quote!(::core::compile_error!(#message);)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expands `#[jit]` on an item that mentions nothing, with a given compiler.
    fn expand(item: &str, compile: &dyn Fn(&Unit) -> Outcome) -> String {
        let host = Host { crate_key: "test".into(), read: &|_| None, compile, record: false, root: None };
        jit(TokenStream::new(), item.parse().unwrap(), &host).to_string()
    }

    #[test]
    fn a_panic_of_the_compiler_is_an_error_at_one_place() {
        let out = expand("fn f(x: f32) -> f32 { x }", &|_| panic!("no such luck"));
        assert_eq!(out.matches("internal error in Kiln").count(), 1, "{out}");
        assert!(out.contains("no such luck") && out.contains("impl f :: Compiled for f :: Tag"), "{out}");
    }

    #[test]
    fn what_is_not_rust_keeps_its_signature() {
        let out = expand("pub fn f(x: f32) -> f32 { let = x }", &echo::compile);
        assert!(out.contains("compile_error") && out.contains("pub fn f (x : f32) -> f32 { loop { } }"), "{out}");
        let out = expand("fn ()", &echo::compile);
        assert!(out.contains("compile_error"), "{out}");
    }

    #[test]
    fn expansion_depends_on_nothing_but_its_input() {
        let item: TokenStream = "fn f(p: &Net, x: [f32; N]) -> f32 { g(h(x)) }".parse().unwrap();
        let host =
            Host { crate_key: "test".into(), read: &|_| None, compile: &echo::compile, record: false, root: None };
        let [a, b] = [(); 2].map(|()| jit(TokenStream::new(), item.clone(), &host).to_string());
        assert_eq!(a, b);
    }

    #[test]
    fn names_that_the_user_took_are_left_to_the_user() {
        let compile = |unit: &Unit| {
            assert_eq!((unit.workspace.to_string(), unit.receiver.to_string()), ("ws_".into(), "this_".into()));
            echo::compile(unit)
        };
        let out = expand("fn f(ws: f32, this: f32) -> f32 { ws }", &compile);
        assert!(!out.contains("internal error"), "{out}");
    }

    /// Tokens with the places where they are written.
    fn places(tokens: TokenStream, out: &mut Vec<(String, usize, usize)>) {
        for token in tokens {
            let start = token.span().start();
            match token {
                proc_macro2::TokenTree::Group(g) => places(g.stream(), out),
                token => out.push((token.to_string(), start.line, start.column)),
            }
        }
    }

    /// Editors and rustdoc find what stands at a place by the places of the tokens that are there after expansion.
    fn check_signature(attr: &str, item: &str, compile: &dyn Fn(&Unit) -> Outcome) {
        // What the macro makes by itself is in line 1.
        let source: TokenStream = format!("\n\n{item}").parse().unwrap();
        let host = Host { crate_key: "test".into(), read: &|_| None, compile, record: false, root: None };
        let signature = source.clone().into_iter().take_while(
            |t| !matches!(t, proc_macro2::TokenTree::Group(g) if g.delimiter() == proc_macro2::Delimiter::Brace),
        );
        let (mut written, mut expanded) = (Vec::new(), Vec::new());
        places(signature.collect(), &mut written);
        places(jit(attr.parse().unwrap(), source, &host), &mut expanded);
        // The function is what the expansion begins with, in order.
        let mut rest = expanded.iter();
        for token in &written {
            assert!(rest.any(|t| t == token), "{token:?} of `{item}` is lost");
        }
        let name = written[written.iter().position(|t| t.0 == "fn").unwrap() + 1].clone();
        for (word, what) in [("fn", "the function"), ("mod", "the module of facts")] {
            let here = expanded.windows(2).any(|w| w[0].0 == word && w[1] == name);
            let has_module = !item.contains("const N") && !attr.contains("inline") && !item.contains("let =");
            assert!(here || word == "mod" && !has_module, "{what} of `{item}` is not named by the user's token");
        }
    }

    #[test]
    fn signatures_keep_their_places() {
        let broken = |_: &Unit| {
            Outcome::Done(crate::unit::Kernel {
                errors: quote!(::core::compile_error! { "wrong" }),
                ..emit::stand_in()
            })
        };
        for compile in [&echo::compile as &dyn Fn(&Unit) -> Outcome, &broken, &|_| panic!("ours")] {
            check_signature("", "pub fn f(x: &[f32; 3], net: &mut Net) -> ([f32; 3], Out) { x }", compile);
            check_signature("workspace = \"caller\"", "pub(crate) fn f(x: f32) -> f32 { x }", compile);
        }
        check_signature("", "pub fn f<const N: usize>(x: &[f32; N]) -> [f32; N] { x }", &echo::compile);
        check_signature("inline", "fn f(x: impl Fn(f32) -> f32, y: Option<f32>) -> f32 { y }", &echo::compile);
        check_signature("", "pub fn f(x: &[f32; 3]) -> f32 { let = x }", &echo::compile);
    }

    #[test]
    fn methods_keep_their_places() {
        let item = "impl<const N: usize> Net<N> {\n pub fn run(&self, x: &[f32; 3]) -> [f32; 3] { x }\n}";
        let source: TokenStream = format!("\n\n{item}").parse().unwrap();
        let host =
            Host { crate_key: "test".into(), read: &|_| None, compile: &echo::compile, record: false, root: None };
        let (mut written, mut expanded) = (Vec::new(), Vec::new());
        places(source.clone(), &mut written);
        written.truncate(written.len() - 1);
        places(jit(TokenStream::new(), source, &host), &mut expanded);
        let mut rest = expanded.iter();
        for token in &written {
            assert!(rest.any(|t| t == token), "{token:?} is lost");
        }
    }
}
