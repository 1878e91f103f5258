//! The function through which other kernels call one, and the calls of others.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::graph::Aval;
use crate::ops::elementwise::rust_type;
use crate::schedule::program::Schedule;
use crate::schedule::{callees, stack};
use crate::unit::{self, Calls, Json, Unit};

/// `fn called(ws, in0: &[T; N], .., out0: &mut [T; N], ..)`: every leaf of the parameters, then of the result, flat.
pub struct Called {
    ins: Vec<(TokenStream, usize)>,
    outs: Vec<(TokenStream, usize)>,
    ws: Ident,
}

impl Called {
    /// For leaves of these types.
    pub fn new(params: &[Aval], results: &[Aval], ws: &Ident) -> Called {
        let flat = |a: &Aval| (rust_type(a.dtype), a.size());
        let (ins, outs): (Vec<_>, Vec<_>) = (params.iter().map(flat).collect(), results.iter().map(flat).collect());
        Called { ins, outs, ws: ws.clone() }
    }

    fn names(&self) -> (Vec<Ident>, Vec<Ident>) {
        let name = |what: &str, n: usize| Ident::new(&format!("{what}{n}"), Span::mixed_site());
        let ins = (0..self.ins.len()).map(|n| name("in", n)).collect();
        (ins, (0..self.outs.len()).map(|n| name("out", n)).collect())
    }

    /// What the parameters are in the function.
    pub fn places(&self) -> (Vec<TokenStream>, Vec<TokenStream>) {
        let all = |names: Vec<Ident>| names.iter().map(|name| quote!(*#name)).collect();
        let (ins, outs) = self.names();
        (all(ins), all(outs))
    }

    /// The function.
    pub fn function(&self, body: &TokenStream) -> TokenStream {
        let (ins, outs) = self.names();
        let read = self.ins.iter().zip(&ins).map(|((t, n), name)| quote!(#name: &[#t; #n]));
        let written = self.outs.iter().zip(&outs).map(|((t, n), name)| quote!(#name: &mut [#t; #n]));
        let (params, ws) = (read.chain(written), &self.ws);
        quote!(pub fn called(#ws: &mut ::kiln::rt::Arena<ARENA_BYTES>, #(#params),*) { #body })
    }

    /// A call of it, beside the module of facts, with leaves that lie in these places.
    pub fn call(&self, module: &TokenStream, inputs: &[TokenStream], results: &[TokenStream]) -> TokenStream {
        let read = self.ins.iter().zip(inputs).map(|((t, n), place)| quote!(::kiln::rt::flat::<#t, _, #n>(&#place)));
        let written =
            self.outs.iter().zip(results).map(|((t, n), place)| quote!(::kiln::rt::flat_mut::<#t, _, #n>(&mut #place)));
        let (args, ws) = (read.chain(written), &self.ws);
        quote!(#module::Tag::called(#ws, #(#args),*);)
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
