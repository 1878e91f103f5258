//! Calls of other kernels.

use std::rc::Rc;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{At, Emitter, Level, Loc, Views};
use crate::schedule::program::Kernel;

impl Emitter<'_> {
    /// A call of the kernel `name`, whose arena begins at `at`; `changes` is what it changes, and where that is after.
    pub(super) fn callee(
        &mut self,
        level: &Level<'_>,
        k: &Kernel,
        name: &Rc<str>,
        at: usize,
        changes: &[(u32, u32)],
    ) -> TokenStream {
        let callee = self.frame.callee(name);
        let mut out = TokenStream::new();
        let mut views = Views::default();
        let mut args = Vec::new();
        let mut changes = changes.iter().peekable();
        for b in &k.reads {
            let Some((_, to)) = changes.next_if(|(from, _)| from == b) else {
                args.push(self.arg(&level.loc(self.frame, *b), false, &mut views));
                continue;
            };
            let (from, to) = (level.loc(self.frame, *b), level.loc(self.frame, *to));
            if !from.is_at(&to) {
                let mut views = Views::default();
                let (x, y) = (self.arg(&from, false, &mut views), self.arg(&to, true, &mut views));
                let take = views.take(&self.frame.workspace);
                out.extend(quote! { { #take ::kiln::rt::copy(#x, #y); } });
            }
            args.push(self.arg(&to, true, &mut views));
        }
        let n_results = k.writes.len() - k.carries().len();
        for b in &k.writes[..n_results] {
            args.push(self.arg(&level.loc(self.frame, *b), true, &mut views));
        }
        let (at, scratch) = (level.base + at, format_ident!("scratch"));
        views.types.push(quote!(::kiln::rt::Part<#at, { #callee::needs().arena_bytes }>));
        views.names.push(scratch.clone());
        let take = views.take(&self.frame.workspace);
        quote! { { #out #take #callee::called(#scratch, #(#args),*); } }
    }
}

impl Loc {
    /// Whether the other is the same place.
    pub(super) fn is_at(&self, other: &Loc) -> bool {
        let same = match (&self.at, &other.at) {
            (At::Arena(x), At::Arena(y)) => x == y,
            (At::Place(x), At::Place(y)) => x.to_string() == y.to_string(),
            _ => false,
        };
        same && self.rows == other.rows
    }
}
