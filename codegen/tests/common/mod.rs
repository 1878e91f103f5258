//! Whole programs through the tracer, without rustc in the loop.

use std::collections::BTreeMap;

use kiln_codegen::compile::{Entry, parse_items, trace_entry};
use kiln_codegen::unit::{Item, Record, Unit};
use proc_macro2::{Ident, Span};

/// A message at a stretch of source; lines from 1, columns from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported {
    /// All of it.
    pub text: String,
    /// Line and column of the first character.
    pub start: (usize, usize),
    /// Line and column behind the last character.
    pub end: (usize, usize),
}

/// A unit from the items of `source`, every name meaning the item of that name; the last function is the entry.
pub fn unit(source: &str) -> syn::Result<Unit> {
    let file = syn::parse_file(source)?;
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    let mut entry = String::new();
    for item in file.items {
        match item {
            syn::Item::Fn(f) => {
                entry = f.sig.ident.to_string();
                items.insert(entry.clone(), Item::Fn(f));
            }
            syn::Item::Struct(s) => drop(items.insert(s.ident.to_string(), Item::Struct(s))),
            syn::Item::Const(c) => drop(items.insert(c.ident.to_string(), Item::Const(c))),
            syn::Item::Type(t) => drop(items.insert(t.ident.to_string(), Item::Alias(t))),
            syn::Item::Impl(i) => {
                let syn::Type::Path(p) = &*i.self_ty else {
                    return Err(syn::Error::new_spanned(&i.self_ty, "an impl block of a named type"));
                };
                let owner = p.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
                for m in &i.items {
                    let syn::ImplItem::Fn(method) = m else { continue };
                    let (generics, self_ty, method) = (i.generics.clone(), i.self_ty.clone(), method.clone());
                    let id = format!("{owner}::{}", method.sig.ident);
                    items.insert(id, Item::Method { owner: owner.clone(), generics, self_ty, method });
                }
            }
            other => return Err(syn::Error::new_spanned(other, "an item that tests do not know")),
        }
    }
    let paths: BTreeMap<String, String> = items.keys().map(|k| (k.clone(), k.clone())).collect();
    let items = items.into_iter().map(|(id, item)| (id, Record { item, paths: paths.clone(), local: true })).collect();
    let name = |s| Ident::new(s, Span::call_site());
    Ok(Unit { entry, items, options: Default::default(), workspace: name("ws"), receiver: name("this"), record: false })
}

/// What tracing the last function of `source` reports, in order of place.
pub fn traced(source: &str) -> Vec<Reported> {
    let source = source.to_string();
    // Tracing recurses as deep as expressions nest.
    let work = move || {
        let unit = unit(&source).expect("a program");
        let (items, spans) = parse_items(&unit);
        let at = |sp, text: String| {
            let (first, last) = spans.tokens(sp);
            let (a, b) = (first.start(), last.end());
            Reported { text, start: (a.line, a.column), end: (b.line, b.column) }
        };
        let mut out: Vec<Reported> = match trace_entry(&items, &spans.map(), &unit.entry) {
            Entry::Done(_) => Vec::new(),
            Entry::Errors(diags) => diags.iter().map(|d| at(d.sp, d.text())).collect(),
            // In a crate this asks rustc for the method, which says that there is none.
            Entry::NeedMethods(methods) => methods
                .iter()
                .map(|(owner, name, sp)| at(*sp, format!("rustc is asked for `{owner}::{name}`")))
                .collect(),
        };
        out.sort_by_key(|r| r.start);
        out
    };
    std::thread::Builder::new().stack_size(64 << 20).spawn(work).expect("a thread").join().expect("no panic")
}
