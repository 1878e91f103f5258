// The body of the crate, apart from which compiler it calls: the tests of the front end include it with another one.

use kiln_codegen::frontend::{self, Host};
use proc_macro::TokenStream;

/// Compiles a function, or every method of an `impl` block, to a kernel; publishes what other kernels may use.
#[proc_macro_attribute]
pub fn jit(attr: TokenStream, item: TokenStream) -> TokenStream {
    frontend::jit(attr.into(), item.into(), &host()).into()
}

/// Publishes a struct, so that kernels can take it, return it and do arithmetic on it.
#[proc_macro_derive(Tree, attributes(tree))]
pub fn derive_tree(item: TokenStream) -> TokenStream {
    frontend::derive_tree(item.into(), &host()).into()
}

/// Makes a kernel of a generic `#[jit]` function: `instantiate!(pub fn dense_64_32 = dense::<64, 32>);`.
#[proc_macro]
pub fn instantiate(input: TokenStream) -> TokenStream {
    frontend::instantiate(input.into(), &host()).into()
}

/// Makes a test of a function's derivatives up to an order, as `jax.test_util.check_grads` is one: the kernels of all derivatives,
/// and a function that holds each against central differences of the one below it, in random directions.
///
/// ```ignore
/// kiln::test::check_grads!(fn loss_derivatives(p: &Net, x: &[f32; 3]) -> f32 = loss, order = 2, modes = (fwd, rev));
///
/// assert_eq!(loss_derivatives(&net, &x, &Tolerance::F32), Ok(()));
/// ```
///
/// | | |
/// |---|---|
/// | the signature | of the function made, which takes a `&kiln::test::Tolerance` last; the first parameter, floats, is differentiated by |
/// | `= f` | a `#[jit]` function or a closure of the parameters, with one real float as result |
/// | `order` | up to which derivatives are taken, 1 if it is left out, at most 5 |
/// | `modes` | `fwd`, `rev` or both: each order takes each of them of everything below |
///
/// **Errors.** `kiln::test::OrderError`, which derivative is off, and by how much. **Cost.** With both modes, `2^(order + 1) - 1` kernels
/// are compiled; a derivative is called once per direction and the one below it twice.
#[proc_macro]
pub fn check_grads(input: TokenStream) -> TokenStream {
    frontend::check_grads(input.into()).into()
}

#[doc(hidden)]
#[proc_macro]
pub fn __include_tree(input: TokenStream) -> TokenStream {
    kiln_codegen::weights::include_tree(input.into(), &|file| std::fs::read(file)).into()
}

#[doc(hidden)]
#[proc_macro]
pub fn __finish(input: TokenStream) -> TokenStream {
    frontend::finish(input.into(), &host()).into()
}

#[doc(hidden)]
#[proc_macro]
pub fn __collect(input: TokenStream) -> TokenStream {
    frontend::collect(input.into(), &host()).into()
}

#[doc(hidden)]
#[proc_macro]
pub fn __gather(input: TokenStream) -> TokenStream {
    frontend::gather(input.into()).into()
}

fn host() -> Host<'static> {
    // `cargo kiln` sets the variable, and builds in a folder of its own.
    let record = std::env::var_os("KILN_RECORD").is_some();
    // What rustc was called with.
    let root = std::env::args().skip(1).find(|arg| !arg.starts_with('-') && arg.ends_with(".rs")).map(Into::into);
    Host { crate_key: crate_key(), read: &|file| std::fs::read_to_string(file).ok(), compile: &compile, record, root }
}

/// Tells one compilation from every other: two versions of a package, its library and a test of the same name, the library
/// as a dependency of its own tests. Cargo's `-C metadata` does this by itself; the rest is for builds without cargo and
/// for rust-analyzer, where this process is not the compiler. Which macro paths are written depends on this; what a kernel
/// computes does not.
fn crate_key() -> String {
    let variables = ["CARGO_PKG_NAME", "CARGO_PKG_VERSION", "CARGO_CRATE_NAME", "CARGO_BIN_NAME", "CARGO_TARGET_TMPDIR", "UNSTABLE_RUSTDOC_TEST_LINE"];
    let mut key: Vec<String> = variables.iter().map(|name| std::env::var(name).unwrap_or_default()).collect();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let option = match arg.as_str() {
            "-C" | "--codegen" => args.next().unwrap_or_default(),
            "--crate-name" => format!("name={}", args.next().unwrap_or_default()),
            _ => arg,
        };
        let option = option.trim_start_matches("-C");
        if option == "--test" || ["metadata=", "name="].iter().any(|start| option.starts_with(start)) {
            key.push(option.to_owned());
        }
    }
    key.join("|")
}
