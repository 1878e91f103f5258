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

/// Whether it consists of arrays and nothing that has to be converted.
fn is_of_arrays(ty: &Ty) -> bool {
    match ty {
        Ty::Array(_) => true,
        Ty::Struct(s) => s.fields.iter().all(|(_, t)| is_of_arrays(t)),
        Ty::Tuple(items) => items.iter().all(is_of_arrays),
        Ty::List(t, _) => is_of_arrays(t),
        _ => false,
    }
}

/// Bytes of a result from which on a call is worth not copying it. Of what is smaller the compiler makes registers.
const LARGE: usize = 256;

/// How it is returned.
pub fn form_of(ty: &Ty) -> Form {
    match ty {
        ty if result_bytes(ty) < LARGE => Form::Value,
        Ty::Checked(t) if is_of_arrays(t) => Form::Named,
        ty if is_of_arrays(ty) => Form::Built,
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
    let form = form_of(ty);
    if form == Form::Value {
        return put_together(ty, overwritten, leaves, declare);
    }
    let (slot, place) = (Ident::new(SLOT, Span::call_site()), Ident::new("result", Span::mixed_site()));
    let name = Ident::new(RETURNED, Span::call_site());
    let (tree, checked) = match ty {
        Ty::Checked(inner) => (&**inner, true),
        ty => (ty, false),
    };
    let of = if checked { quote!(<#name as ::kiln::rt::Returned>::Value) } else { quote!(#name) };
    if form == Form::Named {
        declare.extend(quote!(let mut #slot = ::kiln::rt::Unwritten::<#of>::tree();));
    }
    declare.extend(quote!(let #place = #slot.place();));
    take_apart((tree, None), &place, true, true, declare, leaves);
    for (n, (leaf, aval)) in leaves.iter().zip(tree_leaves(tree)).enumerate() {
        if !overwritten.contains(&n) || aval.shape.is_empty() {
            let elem = rust_type(aval.dtype);
            declare.extend(quote!(#leaf = ::kiln::rt::zero::<#elem, _>();));
        }
    }
    match (checked, form) {
        (true, _) => quote!(::core::result::Result::Ok(#slot.written())),
        (false, Form::Built) => quote!(),
        (false, _) => quote!(#slot.written()),
    }
}

/// The arrays of a tree of arrays.
fn tree_leaves(ty: &Ty) -> Vec<&Aval> {
    match ty {
        Ty::Array(a) => vec![a],
        Ty::Struct(s) => s.fields.iter().flat_map(|(_, t)| tree_leaves(t)).collect(),
        Ty::Tuple(items) => items.iter().flat_map(tree_leaves).collect(),
        Ty::List(t, n) => (0..*n).flat_map(|_| tree_leaves(t)).collect(),
        _ => Vec::new(),
    }
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
