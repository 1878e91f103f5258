//! The variables of loops whose state is kept in registers.
//!
//! The functions of a turn are parts of the loop, with their own loops written out: the compiler then sees which element is read
//! where, and keeps each in a register.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::dtype::DType;
use crate::graph::Aval;
use crate::ops::elementwise::rust_type;
use crate::schedule::program::{RegionKernel, Schedule};
use crate::schedule::registers::{is_small, temporaries, variables};

/// Which buffers of a loop are variables.
#[derive(Debug)]
pub struct Registers {
    /// The number of the loop.
    id: usize,
    /// Carries, by their buffer around the loop.
    carries: Vec<u32>,
}

impl Registers {
    /// The variables of loop `r` of schedule `s`, if it has some.
    pub fn of(s: &Schedule, r: &RegionKernel, id: usize) -> Option<Registers> {
        variables(s, r).map(|variables| Registers { id, carries: variables.carries })
    }

    /// The variable of a carry.
    pub fn carry(&self, b: u32) -> Option<Ident> {
        let n = self.carries.iter().position(|carry| *carry == b)?;
        Some(format_ident!("c{}_{}", self.id, n))
    }

    /// The variable of a value of the turn, by its place in the arena.
    pub fn temporary(&self, offset: usize, aval: &Aval) -> Option<Ident> {
        is_small(aval).then(|| format_ident!("v{}_{}_{}_{}", self.id, offset, aval.size(), aval.dtype.name()))
    }

    /// The variables of a turn.
    pub fn declared(&self, body: &Schedule) -> TokenStream {
        let mut names: Vec<Ident> = Vec::new();
        let mut out = TokenStream::new();
        for (offset, aval) in temporaries(body) {
            if let Some(name) = self.temporary(offset, aval).filter(|name| !names.contains(name)) {
                let (ty, len) = (element(aval.dtype), aval.size());
                out.extend(quote! { let mut #name = ::kiln::rt::zero::<#ty, [#ty; #len]>(); });
                names.push(name);
            }
        }
        out
    }
}

/// Bools are bytes wherever kernels keep them.
fn element(dtype: DType) -> TokenStream {
    if dtype == DType::Bool { quote!(u8) } else { rust_type(dtype) }
}
