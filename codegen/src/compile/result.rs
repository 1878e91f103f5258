//! What a kernel returns: how many bytes it has, and how it comes about.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::{USIZE, take_apart};
use crate::graph::Aval;
use crate::ops::elementwise::rust_type;
use crate::trace::types::Ty;
use crate::unit::{Form, RETURNED, SLOT};

/// Size of a `kiln::CheckError` on a target with pointers of 64 bits.
const CHECK_ERROR_BYTES: usize = 96;

/// Bytes of a value that is returned: it is built on the stack.
pub fn result_bytes(ty: &Ty) -> usize {
    match ty {
        Ty::Array(a) => a.bytes(),
        Ty::Struct(s) => s.fields.iter().map(|(_, t)| result_bytes(t)).sum(),
        Ty::Tuple(items) => items.iter().map(result_bytes).sum(),
        Ty::List(t, n) => n * result_bytes(t),
        Ty::Checked(t) => result_bytes(t).max(CHECK_ERROR_BYTES) + 8,
        _ => 0,
    }
}

/// Bytes of a result from which on a call is worth not copying it. Of what is smaller the compiler makes registers.
const LARGE: usize = 256;

/// How it is returned.
pub fn form_of(ty: &Ty) -> Form {
    match ty {
        ty if result_bytes(ty) < LARGE => Form::Value,
        Ty::Checked(t) if t.arrays().is_some() => Form::Named,
        ty if ty.arrays().is_some() => Form::Built,
        _ => Form::Value,
    }
}

/// The returned value, or the place where it is built, from leaves that are declared. Those in `overwritten` need no value before.
pub fn returned(
    ty: &Ty,
    overwritten: &[usize],
    leaves: &mut Vec<TokenStream>,
    declare: &mut TokenStream,
) -> TokenStream {
    let (slot, place) = (Ident::new(SLOT, Span::call_site()), Ident::new("result", Span::mixed_site()));
    let (tree, assembled) = match (form_of(ty), ty) {
        (Form::Value, _) => return put_together(ty, overwritten, leaves, declare),
        (_, Ty::Checked(tree)) => {
            let name = Ident::new(RETURNED, Span::call_site());
            let of = quote!(<#name as ::kiln::rt::Returned>::Value);
            declare.extend(quote!(let mut #slot = ::kiln::rt::Unwritten::<#of>::tree();));
            (&**tree, quote!(::core::result::Result::Ok(#slot.written())))
        }
        (_, tree) => (tree, quote!()),
    };
    declare.extend(quote!(let #place = #slot.place();));
    take_apart((tree, None), &place, true, true, declare, leaves);
    for (n, (leaf, aval)) in leaves.iter().zip(tree.arrays().unwrap_or_default()).enumerate() {
        if !overwritten.contains(&n) || aval.shape.is_empty() {
            let elem = rust_type(aval.dtype);
            declare.extend(quote!(#leaf = ::kiln::rt::zero::<#elem, _>();));
        }
    }
    assembled
}

/// The returned value from its leaves, each of which is declared as a local. Those in `overwritten` need no value before.
fn put_together(
    ty: &Ty,
    overwritten: &[usize],
    leaves: &mut Vec<TokenStream>,
    declare: &mut TokenStream,
) -> TokenStream {
    match ty {
        Ty::Array(a) if overwritten.contains(&leaves.len()) && !a.shape.is_empty() => {
            let name = Ident::new(&format!("result_{}", leaves.len()), Span::mixed_site());
            let elem = rust_type(a.dtype);
            let rust = a.shape.iter().rev().fold(elem.clone(), |t, n| quote!([#t; #n]));
            declare.extend(quote!(let mut #name = ::kiln::rt::Unwritten::<#rust>::new::<#elem>();));
            leaves.push(quote!(*#name.place()));
            quote!(#name.written())
        }
        Ty::Array(a) => {
            let name = Ident::new(&format!("result_{}", leaves.len()), Span::mixed_site());
            let elem = rust_type(a.dtype);
            let rust = a.shape.iter().rev().fold(elem.clone(), |t, n| quote!([#t; #n]));
            declare.extend(quote!(let mut #name: #rust = ::kiln::rt::zero::<#elem, #rust>();));
            leaves.push(quote!(#name));
            quote!(#name)
        }
        ty if ty.usize_shape().is_some() => {
            let shape = ty.usize_shape().unwrap_or_default();
            let value = put_together(&Ty::Array(Aval::new(USIZE, &shape)), overwritten, leaves, declare);
            match shape.split_first() {
                None => quote!(#value as usize),
                Some((_, inner)) => {
                    let each = inner.iter().fold(quote!(|i| i as usize), |f, _| quote!(|a| a.map(#f)));
                    quote!(#value.map(#each))
                }
            }
        }
        Ty::Struct(s) => {
            let parts: Vec<TokenStream> =
                s.fields.iter().map(|(_, t)| put_together(t, overwritten, leaves, declare)).collect();
            quote!(::kiln::rt::FromParts::from_parts((#(#parts,)*)))
        }
        Ty::Tuple(items) => {
            let parts: Vec<TokenStream> = items.iter().map(|t| put_together(t, overwritten, leaves, declare)).collect();
            quote!((#(#parts,)*))
        }
        Ty::Checked(t) => {
            let value = put_together(t, overwritten, leaves, declare);
            quote!(::core::result::Result::Ok({ #value }))
        }
        Ty::List(t, n) => {
            let parts: Vec<TokenStream> = (0..*n).map(|_| put_together(t, overwritten, leaves, declare)).collect();
            quote!([#(#parts),*])
        }
        _ => quote!(),
    }
}
