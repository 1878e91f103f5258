//! Effects as statements of the kernel's body, and values as variables that a debugger shows.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use super::{Emitter, Level, Loc, Views};
use crate::graph::Aval;
use crate::ops::Effect;
use crate::ops::elementwise::rust_type;

impl Emitter<'_> {
    /// `effect` for each of `lanes` slices of the operands.
    pub(super) fn effect(
        &mut self,
        level: &Level<'_>,
        effect: &Effect,
        lanes: &[usize],
        operands: &[u32],
        ins: &[Aval],
    ) -> TokenStream {
        let mut views = Views::default();
        let locs: Vec<Loc> = operands.iter().map(|b| level.loc(self.frame, *b)).collect();
        let names: Vec<Ident> = (0..locs.len()).map(|n| format_ident!("v{}", n)).collect();
        let args: Vec<TokenStream> = locs.iter().map(|loc| self.arg(loc, false, &mut views)).collect();
        let take = views.take(&self.frame.workspace);
        let scalar = |n: usize| {
            let (name, byte) = (&names[n], locs[n].is_byte_bool());
            let value = quote!(::kiln::rt::ld(#name, lane));
            if byte { quote!((#value != 0)) } else { value }
        };
        let act = match effect {
            Effect::Print { text } => {
                let shown = locs.iter().zip(ins).zip(&names).map(|((loc, aval), name)| {
                    let shape = &aval.shape[lanes.len()..];
                    let data = if loc.is_byte_bool() { quote!(&::kiln::rt::flags(#name)) } else { quote!(#name) };
                    quote!(::kiln::rt::Show::new(#data, lane, &[#(#shape),*]))
                });
                print(text, shown.collect())
            }
            Effect::Report { text } => {
                let ok = scalar(0);
                let print = print(&text.replace('{', "{{").replace('}', "}}"), Vec::new());
                quote!(if !told && !#ok { told = true; #print })
            }
            Effect::Check { text, line } => {
                let ok = scalar(0);
                let line = Literal::u32_unsuffixed(*line as u32);
                let values = (1..locs.len()).map(|n| {
                    let value = scalar(n);
                    quote!(::core::convert::Into::into(#value))
                });
                quote! {
                    if !#ok {
                        return ::core::result::Result::Err(::kiln::CheckError::new(#text, #line, &[#(#values),*]));
                    }
                }
            }
        };
        let act = match lanes.iter().product::<usize>() {
            1 => quote!(let lane = 0usize; #act),
            n => quote!(for lane in 0..#n { #act }),
        };
        quote! { { #take #(let #names = #args;)* #act } }
    }

    /// A copy of buffer `b` in a variable with the user's name and type. Nothing else can see the variable, so it is in
    /// nobody's way.
    pub(super) fn observe(&mut self, level: &Level<'_>, b: u32) -> TokenStream {
        let buffer = &level.s.buffers[b as usize];
        if syn::parse_str::<Ident>(&buffer.name).is_err() || buffer.aval.size() == 0 {
            return TokenStream::new();
        }
        let name = Ident::new(&buffer.name, Span::mixed_site());
        let loc = level.loc(self.frame, b);
        let mut views = Views::default();
        let value = self.arg(&loc, false, &mut views);
        let take = views.take(&self.frame.workspace);
        let value = if loc.is_byte_bool() { quote!(&#value.map(|x| x != 0)) } else { value };
        let ty = nested(&buffer.aval);
        quote! {
            let #name: #ty = { #take ::kiln::rt::shaped(#value) };
            ::core::hint::black_box(&#name);
        }
    }
}

/// A line on the output that the user has set; on hosts, standard output.
fn print(text: &str, args: Vec<TokenStream>) -> TokenStream {
    quote! {
        if !::kiln::debug::print(::core::format_args!(#text, #(#args),*)) {
            #[cfg(any(unix, windows))]
            {
                extern crate std;
                std::println!(#text, #(#args),*);
            }
        }
    }
}

/// `[[f32; 64]; 32]`.
fn nested(a: &Aval) -> TokenStream {
    a.shape.iter().rev().fold(rust_type(a.dtype), |t, n| quote!([#t; #n]))
}
