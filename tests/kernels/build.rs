//! Draws graphs and compiles them, with and without the optimiser, into functions that the tests call.

// The tests read more of it.
#[allow(dead_code)]
#[path = "src/random.rs"]
mod random;

use std::panic::{AssertUnwindSafe, catch_unwind};

use kiln_codegen::emit::{Frame, emit};
use kiln_codegen::passes::{optimise, prepare};
use kiln_codegen::schedule::program::{Dest, Program};
use kiln_codegen::schedule::{fuse, plan};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// Graphs that were once compiled wrongly: results of a loop in a loop that are slices of a slice.
const FOUND: [u64; 1] = [20142];

fn main() {
    println!("cargo::rerun-if-env-changed=KILN_KERNELS");
    println!("cargo::rerun-if-env-changed=KILN_SEED");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/random.rs");
    println!("cargo::rerun-if-changed=src/wide.rs");
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let (n_kernels, first) = (number("KILN_KERNELS", 60), number("KILN_SEED", 0));
    let mut mods = TokenStream::new();
    let mut table = TokenStream::new();
    // What the compiler refuses is reported by the test, with the seed.
    std::panic::set_hook(Box::new(|_| {}));
    let drawn = first..first + n_kernels;
    for seed in FOUND.into_iter().filter(|s| !drawn.contains(s)).chain(drawn.clone()) {
        for optimised in [false, true] {
            let n_eqns = 4 + (seed % 17) as usize;
            let run = match catch_unwind(AssertUnwindSafe(|| kernel(&random::case(seed, n_eqns).program, optimised))) {
                Ok(items) => {
                    let module = format_ident!("k{}_{}", seed, optimised as u8);
                    mods.extend(quote!(pub mod #module { #items }));
                    quote!(Ok(inside::#module::run))
                }
                Err(e) => {
                    let message =
                        e.downcast_ref::<String>().cloned().or(e.downcast_ref::<&str>().map(|s| s.to_string()));
                    let message = message.unwrap_or_default();
                    quote!(Err(#message))
                }
            };
            table.extend(quote!(Kernel { seed: #seed, n_eqns: #n_eqns, optimised: #optimised, run: #run },));
        }
    }
    let file = quote! {
        /// Arguments to results.
        pub type Run = fn(&[Array]) -> Vec<Vec<Scalar>>;

        /// A compiled graph.
        #[derive(Debug)]
        pub struct Kernel {
            /// What the graph was drawn from.
            pub seed: u64,
            /// How long it was asked to be.
            pub n_eqns: usize,
            /// Whether it went through the optimiser.
            pub optimised: bool,
            /// It, or why it did not compile.
            pub run: Result<Run, &'static str>,
        }
        /// All of them.
        pub const KERNELS: &[Kernel] = &[#table];
        #[allow(warnings, clippy::all)]
        mod inside { #mods }
    };
    // What does not parse is left to the compiler, which says where.
    let text = syn::parse2(file.clone()).map_or_else(|_| file.to_string(), |file| prettyplease::unparse(&file));
    let out = std::path::Path::new(&std::env::var_os("OUT_DIR").unwrap_or_default()).join("kernels.rs");
    if let Err(e) = std::fs::write(&out, text) {
        println!("cargo::error=cannot write {}: {e}", out.display());
    }
}

/// The functions of a kernel and `run`, which takes arguments and gives results in the graph's order.
fn kernel(program: &Program, optimised: bool) -> TokenStream {
    let Program { graph, mutable, dests } = program;
    let graph = if optimised { optimise(graph) } else { prepare(graph) };
    let program = Program { graph, mutable: mutable.clone(), dests: dests.clone() };
    let mut schedule = fuse::fuse(&program);
    plan::plan(&mut schedule);
    let g = &program.graph;
    let (mut binds, mut results) = (TokenStream::new(), Vec::new());
    let inputs: Vec<TokenStream> = g
        .inputs
        .iter()
        .enumerate()
        .map(|(n, v)| {
            let name = format_ident!("input_{}", n);
            let (ty, size) = (format_ident!("{}", g.dtype(*v).name()), g.aval(*v).size());
            binds.extend(quote!(let mut #name = crate::take::<#ty, #size>(&args[#n]);));
            quote!(#name)
        })
        .collect();
    let mut give = TokenStream::new();
    for (v, dest) in g.outputs.iter().zip(&program.dests) {
        let place = match dest {
            Dest::Param(n) => inputs[*n].clone(),
            Dest::Return(n) => {
                let name = format_ident!("result_{}", n);
                let (ty, size) = (format_ident!("{}", g.dtype(*v).name()), g.aval(*v).size());
                binds.extend(quote!(let mut #name: [#ty; #size] = ::kiln::rt::zero::<#ty, [#ty; #size]>();));
                results.push(quote!(#name));
                quote!(#name)
            }
        };
        give.extend(quote!(#place.iter().map(|x| crate::Element::scalar(*x)).collect(),));
    }
    let bytes = schedule.arena_bytes;
    let code = emit(
        &schedule,
        &Frame {
            inputs,
            results,
            bytes: false,
            workspace: format_ident!("ws"),
            callees: Default::default(),
            observed: false,
            fast: false,
        },
    );
    let (items, calls) = (code.items, code.calls);
    quote! {
        #items
        pub fn run(args: &[kiln_codegen::array::Array]) -> Vec<Vec<kiln_codegen::dtype::Scalar>> {
            let mut ws = ::kiln::rt::Arena::<#bytes>::new();
            #binds
            #calls
            vec![#give]
        }
    }
}
