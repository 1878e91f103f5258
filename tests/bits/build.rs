//! Compiles the programs and the graphs, and has the reference evaluator say what they give.

// The tests of random graphs read more of it.
#[allow(dead_code)]
#[path = "../kernels/src/random.rs"]
mod random;

use std::path::{Path, PathBuf};

use kiln_codegen::array::Array;
use kiln_codegen::compile::{Entry, parse_items, program, trace_entry};
use kiln_codegen::dtype::{DType, Scalar};
use kiln_codegen::emit::{Frame, emit};
use kiln_codegen::eval::eval;
use kiln_codegen::graph::Aval;
use kiln_codegen::ops::elementwise::rust_type;
use kiln_codegen::passes::optimise;
use kiln_codegen::schedule::program::{Dest, Program};
use kiln_codegen::schedule::{fuse, plan, stack};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

/// How many graphs are drawn.
const GRAPHS: u64 = 40;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=programs");
    println!("cargo::rerun-if-changed=../kernels/src/random.rs");
    let mut code = TokenStream::new();
    let mut cases = TokenStream::new();
    let mut add = |name: &str, program: &Program, args: &[Array]| {
        let module = format_ident!("{}", name);
        let items = kernel(program, args);
        code.extend(quote!(pub mod #module { #items }));
        cases.extend(quote!(crate::Case { name: #name, run: #module::run, stack_bytes: #module::STACK_BYTES },));
    };
    for file in programs() {
        let name = file.file_stem().expect("a file").to_string_lossy().into_owned();
        let source = std::fs::read_to_string(&file).expect("a program");
        let program = match read(&source) {
            Ok(program) => program,
            Err(why) => {
                println!("cargo::error=programs/{name}.rs: {why}");
                continue;
            }
        };
        let mut state = 1;
        let args: Vec<Array> = program.graph.in_avals().iter().map(|aval| argument(aval, &mut state)).collect();
        add(&name, &program, &args);
    }
    for seed in 0..GRAPHS {
        let case = random::case(seed, 4 + (seed % 17) as usize);
        add(&format!("graph_{seed}"), &case.program, &case.args);
    }
    // The macros compile these.
    let file = quote!(#code pub const CASES: &[crate::Case] = &[#cases crate::callers::CASE];);
    // What does not parse is left to the compiler, which says where.
    let text = syn::parse2(file.clone()).map_or_else(|_| file.to_string(), |file| prettyplease::unparse(&file));
    let out = Path::new(&std::env::var_os("OUT_DIR").expect("cargo sets it")).join("cases.rs");
    std::fs::write(&out, text).expect("OUT_DIR can be written");
}

fn programs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

/// The program of the last function of a source.
fn read(source: &str) -> Result<Program, String> {
    let unit = kiln_codegen::unit::of_source(source).map_err(|why| why.to_string())?;
    let (items, spans) = parse_items(&unit);
    let map = spans.map();
    match trace_entry(&items, &map, &unit.entry) {
        Entry::Done(traced) => Ok(program(&traced, traced.graph.clone())),
        Entry::Errors(diags) => Err(diags
            .iter()
            .map(|d| format!("{}: {}", map.line_column(d.sp).unwrap_or_default(), d.text().replace('\n', " ")))
            .collect::<Vec<_>>()
            .join("; ")),
        Entry::NeedBodies(_) => Err("no kernel is called here".into()),
        Entry::NeedMethods(methods) => Err(format!("no method {methods:?}")),
    }
}

/// Floats between -2 and 2, integers below 8.
fn argument(aval: &Aval, state: &mut u64) -> Array {
    Array::from_fn(aval, |_| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bits = *state >> 33;
        match aval.dtype {
            DType::Bool => Scalar::Bool(bits & 1 == 1),
            d if d.is_float() => Scalar::from_f64(d, bits as f64 / (1u64 << 29) as f64 - 2.0),
            d => Scalar::from_i128(d, (bits % 8).into()),
        }
    })
}

/// An element as a constant expression of its own type.
fn constant(x: Scalar) -> TokenStream {
    let ty = rust_type(x.dtype());
    let bits = bits(x, false);
    match x {
        Scalar::Bool(b) => quote!(#b),
        Scalar::F32(_) | Scalar::F64(_) | Scalar::F16(_) | Scalar::BF16(_) => {
            let bits = Literal::u64_unsuffixed(bits);
            quote!(<#ty>::from_bits(#bits))
        }
        _ => quote!(#bits as #ty),
    }
}

/// The bits of an element, as `Bits` in the crate has them.
fn bits(x: Scalar, one_nan: bool) -> u64 {
    match x {
        Scalar::F32(v) if one_nan && v.is_nan() => u64::MAX,
        Scalar::F64(v) if one_nan && v.is_nan() => u64::MAX,
        Scalar::F16(v) if one_nan && v.is_nan() => u64::MAX,
        Scalar::BF16(v) if one_nan && v.is_nan() => u64::MAX,
        Scalar::F32(v) => v.to_bits().into(),
        Scalar::F64(v) => v.to_bits(),
        Scalar::F16(v) => v.to_bits().into(),
        Scalar::BF16(v) => v.to_bits().into(),
        Scalar::Bool(b) => b.into(),
        other => other.to_i128().expect("an integer") as u64,
    }
}

/// The functions of a kernel, its arguments, what it has to give, and `run`, which counts the differences.
fn kernel(program: &Program, args: &[Array]) -> TokenStream {
    let expected = eval(&program.graph, args);
    let program = Program { graph: optimise(&program.graph), ..program.clone() };
    let mut schedule = fuse::fuse(&program);
    plan::plan(&mut schedule);
    let g = &program.graph;
    let (mut binds, mut results, mut compare) = (TokenStream::new(), Vec::new(), TokenStream::new());
    let mut inputs = Vec::new();
    for (n, array) in args.iter().enumerate() {
        let name = format_ident!("input_{}", n);
        let (ty, size) = (rust_type(array.aval().dtype), array.data().len());
        let data = array.data().iter().map(|x| constant(*x));
        binds.extend(quote!(let mut #name = { static ARGUMENT: [#ty; #size] = [#(#data),*]; ARGUMENT };));
        inputs.push(quote!(#name));
    }
    for ((v, dest), expected) in g.outputs.iter().zip(&program.dests).zip(&expected) {
        let place = match dest {
            Dest::Param(n) => inputs[*n].clone(),
            Dest::Return(n) => {
                let name = format_ident!("result_{}", n);
                let (ty, size) = (rust_type(g.dtype(*v)), g.aval(*v).size());
                binds.extend(quote!(let mut #name: [#ty; #size] = ::kiln::rt::zero::<#ty, [#ty; #size]>();));
                results.push(quote!(#name));
                quote!(#name)
            }
        };
        let bits = expected.data().iter().map(|x| Literal::u64_unsuffixed(bits(*x, true)));
        compare.extend(quote!(outcome.add(&#place, { static EXPECTED: &[u64] = &[#(#bits),*]; EXPECTED });));
    }
    let bytes = schedule.arena_bytes;
    // `run` holds the arena, the arguments and the results; each may begin at a multiple of eight.
    let leaves = args.iter().map(Array::aval).chain(g.outputs.iter().map(|v| g.aval(*v)));
    let held: usize = leaves.map(|aval| aval.bytes().next_multiple_of(8)).sum();
    let stack_bytes = stack::bytes(&schedule) + bytes.next_multiple_of(8) + held;
    let frame = Frame {
        inputs,
        results,
        bytes: false,
        workspace: format_ident!("ws"),
        callees: Default::default(),
        observed: false,
        fast: false,
    };
    let code = emit(&schedule, &frame);
    let (items, units, calls) = (code.items, code.units, code.calls);
    quote! {
        #items
        #units
        pub const STACK_BYTES: usize = #stack_bytes;
        pub fn run() -> crate::Outcome {
            let mut ws = ::kiln::rt::Arena::<#bytes>::new();
            #binds
            #calls
            let mut outcome = crate::Outcome::default();
            #compare
            outcome
        }
    }
}
