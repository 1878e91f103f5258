//! Fetching what a kernel reaches, then compiling it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};

use super::wire::{self, Identity};
use super::{Host, emit, internal, items, publish};
use crate::unit::{Item, ItemId, Outcome, Record, Unit};

/// The kernel that is being collected.
#[derive(Debug)]
pub struct Entry {
    /// Its identity.
    pub id: Ident,
    /// The module of its facts; for `instantiate!`, the name of the function to be made.
    pub module: Ident,
    /// What is written between the parentheses of `#[jit(..)]`; for `instantiate!`, the whole request.
    pub options: TokenStream,
    /// Path of the facade.
    pub facade: TokenStream,
}

/// Everything a step of the collection knows. Bodies fetched by earlier steps are passed on unread.
struct State {
    entry: Entry,
    /// Identities of fetched bodies.
    have: BTreeSet<String>,
    /// Bodies whose paths have been looked at.
    old: TokenStream,
    /// Number of steps so far; zero before the module of macros exists.
    step: usize,
}

/// Starts with the kernel's own record.
pub fn start(entry: Entry, record: TokenStream, host: &Host<'_>) -> TokenStream {
    let state = State { entry, have: BTreeSet::new(), old: TokenStream::new(), step: 0 };
    state.advance(record.into_iter().collect(), host)
}

/// Starts for `instantiate!`: nothing is fetched yet, `wanted` comes first.
pub fn start_with(entry: Entry, wanted: &Identity, host: &Host<'_>) -> TokenStream {
    let state = State { entry, have: BTreeSet::new(), old: TokenStream::new(), step: 0 };
    state.fetch(vec![wanted.clone()], host)
}

/// The end of a chain of bodies: `{bodies} state`.
pub fn collect(input: TokenStream, host: &Host<'_>) -> TokenStream {
    let tokens: Vec<TokenTree> = input.into_iter().collect();
    let parsed = tokens.split_first().and_then(|(new, state)| Some((wire::inside(new)?, State::read(state)?)));
    match parsed {
        Some((new, state)) => state.advance(new, host),
        None => internal("a chain of bodies came back incomplete"),
    }
}

impl State {
    fn write(&self) -> TokenStream {
        let State { entry: Entry { id, module, options, facade }, have, old, step } = self;
        let have = have.iter().map(|id| Ident::new(id, Span::call_site()));
        quote!({#facade} {#id #module {#options}} {#(#have)*} {#old} #step)
    }

    fn read(tokens: &[TokenTree]) -> Option<State> {
        let [facade, entry, have, old, step] = tokens else { return None };
        let entry = wire::inside(entry)?;
        let [TokenTree::Ident(id), TokenTree::Ident(module), options] = &entry[..] else { return None };
        let entry =
            Entry { id: id.clone(), module: module.clone(), options: wire::stream(options)?, facade: wire::stream(facade)? };
        let have = wire::inside(have)?.iter().map(ToString::to_string).collect();
        let step: syn::LitInt = syn::parse2(step.clone().into()).ok()?;
        Some(State { entry, have, old: wire::stream(old)?, step: step.base10_parse().ok()? })
    }

    /// Takes in bodies, and either asks for those they lead to or goes on to compile.
    fn advance(mut self, new: Vec<TokenTree>, host: &Host<'_>) -> TokenStream {
        let mut wanted: BTreeMap<String, Identity> = BTreeMap::new();
        for body in &new {
            let Some(parts) = wire::inside(body) else { return internal("a body is not a group") };
            let read = match &parts[..] {
                [identity, _, paths] => Identity::read(identity).zip(wire::inside(paths).and_then(wire::read_paths)),
                _ => None,
            };
            let Some((identity, paths)) = read else { return internal("a body cannot be read") };
            self.have.insert(identity.id.to_string());
            wanted.extend(paths.into_values().map(|i| (i.id.to_string(), i)));
        }
        self.old.extend(new);
        if self.entry.is_instantiation() {
            return self.instantiate();
        }
        wanted.retain(|id, _| !self.have.contains(id));
        if !wanted.is_empty() {
            return self.fetch(wanted.into_values().collect(), host);
        }
        self.compile(host)
    }

    /// A chain over the bodies of `wanted`.
    fn fetch(mut self, wanted: Vec<Identity>, host: &Host<'_>) -> TokenStream {
        let here = host.key();
        let (roots, latch) = self.entry.scaffold();
        // Macros of this crate are found through a module with a glob over the crate root: rustc refuses to name them
        // by an absolute path. While the latch is pending, look-ups through that module wait instead of failing. It
        // falls last, whatever happens. rust-analyzer needs no latch, and does not see it fall inside a function.
        let scaffold = (self.step == 0).then(|| {
            quote! {
                #[doc(hidden)]
                #[allow(unused_imports, unexpected_cfgs, dead_code)]
                mod #roots {
                    pub(super) use crate::*;
                    #[cfg(not(rust_analyzer))]
                    #latch! {}
                }
            }
        });
        self.step += 1;
        let links: Vec<_> = wanted
            .iter()
            .map(|identity| {
                let (body, krate) = (identity.body(), &identity.krate);
                if identity.key == here || krate.is_empty() { quote!(#roots::#body) } else { quote!(#krate::#body) }
            })
            .collect();
        let facade = &self.entry.facade;
        let scratch = format_ident!("{}_step_{}", self.entry.id, self.step);
        let chain = wire::chain(&links, &quote!(#facade::__collect), &self.write(), facade, &scratch);
        quote!(#scaffold #chain)
    }

    /// Releases the latch.
    fn release(&self) -> TokenStream {
        if self.step == 0 {
            return TokenStream::new();
        }
        let (_, latch) = self.entry.scaffold();
        quote! {
            #[doc(hidden)]
            #[macro_export]
            #[allow(non_local_definitions)]
            macro_rules! #latch { () => {}; }
        }
    }

    fn compile(self, host: &Host<'_>) -> TokenStream {
        let release = self.release();
        let bodies = self.old.clone().into_iter().map(|body| Body::read(&body));
        let Some(bodies) = bodies.collect::<Option<Vec<Body>>>() else { return internal("a body cannot be parsed") };
        let own = self.entry.id.to_string();
        let Some(root) = bodies.iter().find(|b| b.identity.id == own) else { return internal("the kernel's own body is missing") };
        let shape = match &root.item {
            Some(item) => emit::Shape::of(item),
            None => return release, // Its mistakes have been reported, and it has no facts that something could lack.
        };
        let Some(shape) = shape else { return internal("this item cannot be a kernel") };
        let options = publish::options(self.entry.options.clone());
        if bodies.iter().any(|b| b.item.is_none()) {
            // A callee has mistakes of its own, which have been reported.
            let stand_in = emit::stand_in();
            let code = emit::implement(&shape, &self.entry.module, &options, stand_in);
            return quote!(#release #code);
        }
        let here = host.key();
        let records = bodies.iter().filter_map(|b| {
            let paths = b.paths.iter().map(|(path, i)| (path.clone(), i.id.to_string())).collect();
            let record = Record { item: b.item.clone()?, paths, local: b.identity.key == here };
            Some((b.identity.id.to_string(), record))
        });
        let unit = Unit {
            entry: own,
            items: records.collect(),
            options: options.clone(),
            workspace: shape.workspace.clone(),
            receiver: shape.receiver.clone(),
        };
        match (host.compile)(&unit) {
            Outcome::Done(kernel) => {
                let code = emit::implement(&shape, &self.entry.module, &options, kernel);
                quote!(#release #code)
            }
            Outcome::NeedMethods(methods) => self.methods(&bodies, methods, host),
        }
    }

    fn methods(self, bodies: &[Body], methods: Vec<(ItemId, Ident)>, host: &Host<'_>) -> TokenStream {
        let owners: BTreeMap<String, &Identity> = bodies.iter().flat_map(|b| &b.paths).map(|(_, i)| (i.id.to_string(), i)).collect();
        let mut wanted: BTreeMap<String, Identity> = BTreeMap::new();
        for (owner, name) in methods {
            let Some(of) = owners.get(&owner) else { return internal("a method was asked for on an unknown type") };
            let id = wire::method_id(&owner, &name.to_string(), name.span());
            wanted.insert(id.to_string(), Identity { id, key: of.key.clone(), krate: of.krate.clone() });
        }
        wanted.retain(|id, _| !self.have.contains(id));
        if wanted.is_empty() {
            return internal("a method was asked for that is there");
        }
        self.fetch(wanted.into_values().collect(), host)
    }

    /// The body of the function to be instantiated is here: write a function of its signature that calls it.
    fn instantiate(self) -> TokenStream {
        let release = self.release();
        let body = self.old.clone().into_iter().next().and_then(|body| Body::read(&body));
        let made = match body {
            Some(Body { item: Some(item), .. }) => items::instance(&self.entry, &item),
            Some(_) => TokenStream::new(),
            None => internal("the function to be instantiated cannot be parsed"),
        };
        quote!(#release #made)
    }
}

impl Entry {
    /// The names of the module that leads to this crate's macros and of the macro that it waits for. Both show up in
    /// what rustc says after an error, so they speak.
    fn scaffold(&self) -> (Ident, Ident) {
        let place = format!("{:012x}", publish::hash(&self.id.to_string()) >> 16);
        let name = self.module.to_string();
        let name = match self.is_instantiation() {
            true => format!("instance_{name}"),
            false => name.trim_start_matches("r#").to_owned(),
        };
        (format_ident!("items_with_jit_for_{}_{}", name, place), format_ident!("{}_is_not_compiled_because_of_the_errors_above_{}", name, place))
    }

    fn is_instantiation(&self) -> bool {
        self.id.to_string().starts_with("__kiln_instance_")
    }
}

/// One fetched item. `item` is absent if it has mistakes, which were reported where it is written.
struct Body {
    identity: Identity,
    item: Option<Item>,
    paths: BTreeMap<String, Identity>,
}

impl Body {
    fn read(body: &TokenTree) -> Option<Body> {
        let parts = wire::inside(body)?;
        let [identity, kind, paths] = &parts[..] else { return None };
        let identity = Identity::read(identity)?;
        let paths = wire::read_paths(wire::inside(paths)?)?;
        let kind = wire::inside(kind)?;
        let (TokenTree::Ident(keyword), rest) = kind.split_first()? else { return None };
        let inside = |i: usize| rest.get(i).and_then(wire::stream);
        let item = match keyword.to_string().as_str() {
            "function" => Some(Item::Fn(syn::parse2(inside(0)?).ok()?)),
            "structure" => Some(Item::Struct(syn::parse2(inside(0)?).ok()?)),
            "constant" => Some(Item::Const(syn::parse2(inside(0)?).ok()?)),
            "alias" => Some(Item::Alias(syn::parse2(inside(0)?).ok()?)),
            "method" => Some(Item::Method {
                owner: paths.get("Self")?.id.to_string(),
                generics: {
                    let mut generics: syn::Generics = syn::parse2(inside(0)?).ok()?;
                    generics.where_clause = syn::parse2(inside(1)?).ok()?;
                    generics
                },
                self_ty: Box::new(syn::parse2(inside(2)?).ok()?),
                method: syn::parse2(inside(3)?).ok()?,
            }),
            _ => None,
        };
        Some(Body { identity, item, paths })
    }
}
