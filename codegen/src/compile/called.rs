//! The function through which other kernels call one, and the calls of others.

use std::collections::BTreeMap;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::graph::{Aval, Graph};
use crate::ops::Call;
use crate::ops::elementwise::rust_type;
use crate::schedule::program::Schedule;
use crate::schedule::stack;
use crate::unit::{Calls, Json, Unit};

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

/// The kernels that `graph` calls.
pub fn calls_of(unit: &Unit, graph: &Graph, s: &Schedule) -> Calls {
    let mut times: BTreeMap<&str, u64> = BTreeMap::new();
    for call in graph.eqns.iter().filter_map(|eqn| eqn.op.downcast::<Call>()) {
        *times.entry(&call.kernel).or_default() += 1;
    }
    let (mut kernels, mut often) = (Vec::new(), Vec::new());
    for callee in unit.callees.values() {
        if let Some(n) = times.get(&*callee.name) {
            kernels.push(callee.clone());
            often.push(*n);
        }
    }
    Calls { kernels, times: often, frame_bytes: stack::around_call(s) }
}

/// What a record says of the calls: from these numbers of all kernels, those that include callees can be summed up.
pub fn fields(unit: &Unit, calls: &Calls, stack_bytes: usize, result_bytes: usize) -> Vec<(&'static str, Json)> {
    let called = unit.callees.iter().filter_map(|(id, callee)| {
        let n = calls.kernels.iter().position(|kernel| kernel.name == callee.name)?;
        Some(Json::Object(vec![("id", Json::Text(id.clone())), ("times", Json::Number(calls.times[n]))]))
    });
    vec![
        ("id", Json::Text(unit.entry.clone())),
        ("stack_bytes", Json::Number(stack_bytes as u64)),
        ("frame_bytes", Json::Number(calls.frame_bytes as u64)),
        ("result_bytes", Json::Number(result_bytes as u64)),
        ("calls", Json::List(called.collect())),
    ]
}
