//! The function through which other kernels call one, and the calls of others.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::dtype::DType;
use crate::graph::Aval;
use crate::ops::elementwise::rust_type;
use crate::schedule::program::Schedule;
use crate::schedule::{callees, stack};
use crate::trace::outline::Signature;
use crate::unit::{self, Calls, Json, Unit};

/// `fn called(ws, in0: &[T; N], in1: &mut [T; N], .., out0: &mut [T; N], ..)`: every leaf of the parameters, then of the result,
/// flat, and bools as bytes.
pub struct Called {
    ins: Vec<Leaf>,
    outs: Vec<Leaf>,
    ws: Ident,
}

struct Leaf {
    name: Ident,
    dtype: DType,
    size: usize,
    changes: bool,
    is_result: bool,
}

impl Leaf {
    fn elem(&self) -> TokenStream {
        if self.dtype == DType::Bool { quote!(u8) } else { rust_type(self.dtype) }
    }

    fn parameter(&self) -> TokenStream {
        let (name, elem, size) = (&self.name, self.elem(), self.size);
        if self.changes { quote!(#name: &mut [#elem; #size]) } else { quote!(#name: &[#elem; #size]) }
    }

    /// What passes the leaf in `place`: what comes before the call, the argument, what comes after.
    fn pass(&self, place: &TokenStream) -> (TokenStream, TokenStream, TokenStream) {
        let (name, size) = (&self.name, self.size);
        let elem = rust_type(self.dtype);
        let flat = quote!(::kiln::rt::flat::<#elem, _, #size>(&#place));
        let flat_mut = quote!(::kiln::rt::flat_mut::<#elem, _, #size>(&mut #place));
        match (self.dtype == DType::Bool, self.changes) {
            (false, false) => (quote!(), flat, quote!()),
            (false, true) => (quote!(), flat_mut, quote!()),
            (true, false) => (quote!(), quote!(::kiln::rt::bytes(#flat)), quote!()),
            // What is written is a bool only once it is checked to be one.
            (true, true) => {
                let start = if self.is_result { quote!([0u8; #size]) } else { quote!(*::kiln::rt::bytes(#flat)) };
                (quote!(let mut #name = #start;), quote!(&mut #name), quote!(*#flat_mut = #name.map(|x| x != 0);))
            }
        }
    }
}

impl Called {
    /// For a kernel of this signature.
    pub fn new(signature: &Signature, ws: &Ident) -> Called {
        let leaf = |what: &str, n: usize, aval: &Aval, changes: bool| Leaf {
            name: Ident::new(&format!("{what}{n}"), Span::mixed_site()),
            dtype: aval.dtype,
            size: aval.size(),
            changes,
            is_result: what == "out",
        };
        let ins = signature.params.iter().enumerate().map(|(n, (aval, changes))| leaf("in", n, aval, *changes));
        let outs = signature.results.iter().enumerate().map(|(n, aval)| leaf("out", n, aval, true));
        Called { ins: ins.collect(), outs: outs.collect(), ws: ws.clone() }
    }

    /// What the parameters are in the function.
    pub fn places(&self) -> (Vec<TokenStream>, Vec<TokenStream>) {
        let all = |leaves: &[Leaf]| leaves.iter().map(|Leaf { name, .. }| quote!(*#name)).collect();
        (all(&self.ins), all(&self.outs))
    }

    /// The function.
    pub fn function(&self, body: &TokenStream) -> TokenStream {
        let (params, ws) = (self.ins.iter().chain(&self.outs).map(Leaf::parameter), &self.ws);
        quote!(pub fn called(#ws: &mut ::kiln::rt::Arena<ARENA_BYTES>, #(#params),*) { #body })
    }

    /// A call of it, beside the module of facts, with leaves that lie in these places.
    pub fn call(&self, module: &TokenStream, inputs: &[TokenStream], results: &[TokenStream]) -> TokenStream {
        let leaves = self.ins.iter().chain(&self.outs).zip(inputs.iter().chain(results));
        let (mut before, mut args, mut after) = (TokenStream::new(), Vec::new(), TokenStream::new());
        for (leaf, place) in leaves {
            let (first, arg, last) = leaf.pass(place);
            before.extend(first);
            args.push(arg);
            after.extend(last);
        }
        let ws = &self.ws;
        quote!(#before #module::Tag::called(#ws, #(#args),*); #after)
    }

    /// Bytes of stack for what passes through other places.
    pub fn stack_bytes(&self) -> usize {
        let leaves = self.ins.iter().chain(&self.outs);
        leaves.filter(|leaf| leaf.dtype == DType::Bool && leaf.changes).map(|leaf| leaf.size).sum()
    }
}

/// The kernels that a schedule calls.
pub fn calls_of(unit: &Unit, s: &Schedule) -> Calls {
    let all: Vec<_> = callees::all(s).collect();
    let kernels = unit.callees.values().filter_map(|callee| {
        let calls = || all.iter().filter(|call| *call.name == callee.name);
        let times = calls().map(|call| call.times).fold(0, u64::saturating_add);
        calls().map(|call| call.at).max().map(|at| unit::Called { callee: callee.clone(), times, at })
    });
    Calls { kernels: kernels.collect(), frame_bytes: stack::around_call(s) }
}

/// What a record says of the calls: from these numbers of all kernels, those that include callees can be summed up.
pub fn fields(unit: &Unit, calls: &Calls, stack_bytes: usize, result_bytes: usize) -> Vec<(&'static str, Json)> {
    let called = unit.callees.iter().filter_map(|(id, callee)| {
        let unit::Called { times, at, .. } = calls.kernels.iter().find(|kernel| kernel.callee.name == callee.name)?;
        let (name, id) = (Json::Text(callee.name.clone()), Json::Text(id.clone()));
        Some(Json::Object(vec![
            ("id", id),
            ("name", name),
            ("times", Json::Number(*times)),
            ("at", Json::Number(*at as u64)),
        ]))
    });
    vec![
        ("id", Json::Text(unit.entry.clone())),
        ("stack_bytes", Json::Number(stack_bytes as u64)),
        ("frame_bytes", Json::Number(calls.frame_bytes as u64)),
        ("result_bytes", Json::Number(result_bytes as u64)),
        ("calls", Json::List(called.collect())),
    ]
}
