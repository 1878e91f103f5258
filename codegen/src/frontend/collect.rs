//! Fetching what a kernel reaches, then compiling it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};

use super::reach::Reach;
use super::wire::{self, Ask, Chain, Identity, Mention, Size};
use super::{Host, emit, internal, items, publish};
use crate::unit::{Callee, Item, ItemId, Kernel, MEMBER, Outcome, Record, Unit};

/// The kernel that is being collected.
#[derive(Debug)]
pub struct Entry {
    /// Its identity.
    pub id: Ident,
    /// The module of its facts; for `instantiate!`, the name of the function to be made.
    pub module: Ident,
    /// What is written between the parentheses of `#[jit(..)]`; for `instantiate!`, the whole request.
    pub options: TokenStream,
    /// The functions that it does nothing with but call them: `"path" {path of the module of facts} ..`.
    pub calls: TokenStream,
    /// Path of the facade.
    pub facade: TokenStream,
}

/// Everything a step of the collection knows. What earlier steps have fetched is passed on unread: a chain of calls takes as
/// many steps as it is deep, and a token that is looked at again costs more than all the rest.
struct State {
    entry: Entry,
    /// Identities whose paths have been looked at, as [`digest`]s with a space in front: rustc keeps every literal that it has
    /// ever seen, and there is one per step.
    have: String,
    /// How far the kernel reaches, if that matters: see [`Reach`].
    reach: Reach,
    /// [`digest`]s of functions that are not called, however long they are.
    opened: String,
    /// Bodies that are here.
    bodies: TokenStream,
    /// Identities whose bodies are still to be fetched.
    absent: TokenStream,
    /// What the chain that comes back was asked for.
    ask: Ask,
    /// Number of steps so far; zero before the module of macros exists.
    step: usize,
    /// Number of relays so far, the last of which is waiting, and how deep expansion is nested since the last one ran.
    relay: usize,
    depth: usize,
}

/// Steps that fetch bodies at once. Most kernels reach everything in these; the others look at paths first.
const SHORT: usize = 4;

/// Expansion depth between relays; the limit is 128 by default, for everything around the kernel too.
const LEG: usize = 72;

/// Starts with the kernel's own record.
pub fn start(entry: Entry, record: TokenStream, host: &Host<'_>) -> TokenStream {
    State::new(entry).advance(record.into_iter().collect(), host)
}

/// Starts for `instantiate!`: nothing is fetched yet, `wanted` comes first.
pub fn start_with(entry: Entry, wanted: &Identity, host: &Host<'_>) -> TokenStream {
    State::new(entry).fetch(vec![wanted.clone()], host)
}

/// The end of a chain of bodies: `answers state`.
pub fn collect(input: TokenStream, host: &Host<'_>) -> TokenStream {
    let tokens: Vec<TokenTree> = input.into_iter().collect();
    let parsed = tokens.split_first().and_then(|(new, state)| Some((wire::inside(new)?, State::read(state)?)));
    match parsed {
        Some((new, state)) => state.advance(new, host),
        None => internal("a chain of bodies came back incomplete"),
    }
}

impl State {
    fn new(entry: Entry) -> State {
        let (bodies, absent, reach) = Default::default();
        let (have, opened) = Default::default();
        State { entry, have, reach, opened, bodies, absent, ask: Ask::All, step: 0, relay: 0, depth: 0 }
    }

    fn write(&self) -> TokenStream {
        let State { entry, have, opened, bodies, absent, ask, step, relay, depth, .. } = self;
        let Entry { id, module, options, calls, facade } = entry;
        let numbers = format!("{step} {relay} {depth} {}", usize::from(*ask == Ask::Paths));
        let reach = self.reach.write();
        quote!({#facade} {#id #module {#options} {#calls}} {#bodies} {#absent} #have #reach #opened #numbers)
    }

    fn read(tokens: &[TokenTree]) -> Option<State> {
        let [facade, entry, bodies, absent, have, reach, opened, numbers] = tokens else { return None };
        let entry = wire::inside(entry)?;
        let [TokenTree::Ident(id), TokenTree::Ident(module), options, calls] = &entry[..] else { return None };
        let entry = Entry {
            id: id.clone(),
            module: module.clone(),
            options: wire::stream(options)?,
            calls: wire::stream(calls)?,
            facade: wire::stream(facade)?,
        };
        let numbers: Vec<usize> = wire::string(numbers)?.split(' ').map(|n| n.parse().ok()).collect::<Option<_>>()?;
        let [step, relay, depth, ask] = numbers[..] else { return None };
        let ask = if ask == 1 { Ask::Paths } else { Ask::All };
        let (bodies, absent) = (wire::stream(bodies)?, wire::stream(absent)?);
        let (reach, opened) = (Reach::read(&wire::string(reach)?)?, wire::string(opened)?);
        Some(State { entry, have: wire::string(have)?, reach, opened, bodies, absent, ask, step, relay, depth })
    }

    fn has(&self, id: &str) -> bool {
        self.have.contains(&digest(id))
    }

    /// Takes in answers, and either asks for what they lead to or goes on to compile.
    fn advance(mut self, new: Vec<TokenTree>, host: &Host<'_>) -> TokenStream {
        let mut wanted: BTreeMap<String, Identity> = BTreeMap::new();
        for answer in &new {
            let Some(parts) = wire::inside(answer) else { return internal("a body is not a group") };
            let ([identity, .., size, paths], true) = (&parts[..], parts.len() > 2) else {
                return internal("a body lacks parts");
            };
            let Some(id) = wire::inside(identity).and_then(|i| i.first().map(ToString::to_string)) else {
                return internal("a body has no identity");
            };
            if self.has(&id) {
                continue; // Its paths came before it.
            }
            let Some(paths) = wire::inside(paths).and_then(wire::read_paths) else {
                return internal("the paths of a body cannot be read");
            };
            self.have.push_str(&digest(&id));
            let Some(size) = Size::read(size) else { return internal("a body has no size") };
            if self.is_measured(&id, size) {
                let is_root = self.entry.id == id || id.contains(MEMBER);
                self.reach.add(&id, size, &paths, is_root);
            }
            wanted.extend(paths.into_values().map(|m| (m.identity.id.to_string(), m.identity)));
            if self.ask == Ask::Paths {
                self.absent.extend([identity.clone()]);
            }
        }
        if self.ask == Ask::All {
            self.bodies.extend(new);
        }
        if self.entry.is_instantiation() {
            return self.instantiate();
        }
        let needed = self.needed();
        let is_needed = |id: &str| needed.as_ref().is_none_or(|needed| needed.contains(digest(id).trim()));
        wanted.retain(|id, _| !self.has(id) && is_needed(id));
        if !wanted.is_empty() {
            self.ask = if self.step < SHORT { Ask::All } else { Ask::Paths };
            return self.fetch(wanted.into_values().collect(), host);
        }
        let absent: Option<Vec<Identity>> =
            std::mem::take(&mut self.absent).into_iter().map(|i| Identity::read(&i)).collect();
        let absent = absent.map(|all| all.into_iter().filter(|i| is_needed(&i.id.to_string())).collect::<Vec<_>>());
        match absent {
            Some(absent) if absent.is_empty() => self.compile(host),
            Some(absent) => {
                self.ask = Ask::All;
                self.fetch(absent, host)
            }
            None => internal("an identity cannot be read"),
        }
    }

    /// Whether it has to be known how far the kernel reaches: if it calls kernels, or others may call it.
    fn is_measured(&self, id: &str, size: Size) -> bool {
        !self.entry.calls.is_empty() || !self.reach.is_empty() || size.is_kernel && self.entry.id == id
    }

    /// The functions whose kernels are called, as far as that is known, by [`digest`]; with what the entry calls them.
    fn called(&self) -> BTreeMap<String, Callee> {
        let own = self.bodies.clone().into_iter().next();
        let paths = own.and_then(|own| wire::read_paths(wire::inside(wire::inside(&own)?.last()?)?));
        let (paths, calls) = (paths.unwrap_or_default(), self.entry.calls.clone().into_iter().collect::<Vec<_>>());
        let callee = |pair: &[TokenTree]| {
            let (name, module) = (wire::string(&pair[0])?, wire::stream(pair.get(1)?)?);
            let id = paths.get(&name)?.identity.id.to_string();
            let digest = digest(&id);
            (self.reach.is_called(&id) && !self.opened.contains(&digest))
                .then(|| (digest.trim().to_owned(), Callee { name, module }))
        };
        calls.chunks(2).filter_map(callee).collect()
    }

    /// Everything that is needed, by [`digest`]; `None` is what is reached.
    fn needed(&self) -> Option<BTreeSet<String>> {
        (!self.entry.calls.is_empty()).then(|| self.reach.needed(&self.called().into_keys().collect()))
    }

    /// A chain over the bodies of `wanted`.
    fn fetch(mut self, wanted: Vec<Identity>, host: &Host<'_>) -> TokenStream {
        let here = host.key();
        let (roots, latch) = self.entry.scaffold();
        let first = self.step == 0;
        self.step += 1;
        self.depth += Chain::depth(wanted.len());
        // Expansion must not nest too deeply. Early on a call of a macro that is not there yet, the relay, is placed beside
        // the chain; when the chain has become deep, it is continued inside of that macro, beside the next relay.
        let ready = (self.relay > 0 && self.depth > LEG).then(|| self.relay_name());
        let place = (self.relay == 0 && self.step >= SHORT) || ready.is_some();
        if ready.is_some() {
            self.depth = Chain::depth(wanted.len());
        }
        if place {
            self.relay += 1;
        }
        let links: Vec<_> = wanted
            .iter()
            .map(|identity| {
                let (body, krate) = (identity.body(), &identity.krate);
                if identity.key == here || krate.is_empty() { quote!(#roots::#body) } else { quote!(#krate::#body) }
            })
            .collect();
        let facade = &self.entry.facade;
        let scratch = format_ident!("{}_step_{}", self.entry.id, self.step);
        let ctx = self.write();
        let chain = Chain { links: &links, ask: self.ask, last: "__collect", ctx: &ctx, facade, scratch }.call();
        let relay = place.then(|| self.relay_name()).map(|relay| quote!(#relay! {}));
        if let Some(ready) = ready {
            return quote!(macro_rules! #ready { () => { #chain #relay }; });
        }
        if !first {
            return quote!(#chain #relay);
        }
        // Macros of this crate are found through a module with a glob over the crate root: rustc refuses to name them
        // by an absolute path. While the latch is pending, look-ups through that module wait instead of failing. It
        // falls last, whatever happens.
        let all = quote! {
            #chain
            #relay
            #[doc(hidden)]
            #[allow(unused_imports, dead_code)]
            mod #roots {
                pub(super) use crate::*;
                #latch! {}
            }
        };
        // In a block: for a module that a path leads to, rustc works out from where each name in it can be seen, which
        // takes kernels times macros. What is instantiated is a function that paths do lead to.
        if self.entry.is_instantiation() { all } else { quote!(const _: () = { #all };) }
    }

    fn relay_name(&self) -> Ident {
        format_ident!("{}_relay_{}", self.entry.id, self.relay)
    }

    /// Releases the latch and the relay that waits.
    fn release(&self) -> TokenStream {
        if self.step == 0 {
            return TokenStream::new();
        }
        let (_, latch) = self.entry.scaffold();
        let relay = (self.relay > 0).then(|| self.relay_name());
        let relay = relay.map(|relay| quote!(macro_rules! #relay { () => {}; }));
        quote! {
            #relay
            macro_rules! #latch { () => {}; }
        }
    }

    fn compile(self, host: &Host<'_>) -> TokenStream {
        let release = self.release();
        let (needed, called) = (self.needed(), self.called());
        let bodies = self.bodies.clone().into_iter().filter_map(|body| {
            let id =
                wire::inside(&body).and_then(|parts| Some(digest(&Identity::read(parts.first()?)?.id.to_string())));
            let is_needed = |id: &String| needed.as_ref().is_none_or(|needed| needed.contains(id.trim()));
            let is_called = id.as_ref().is_some_and(|id| called.contains_key(id.trim()));
            id.as_ref().is_none_or(is_needed).then(|| Body::read(&body, is_called))
        });
        let Some(bodies) = bodies.collect::<Option<Vec<Body>>>() else { return internal("a body cannot be parsed") };
        let callees = bodies.iter().filter_map(|b| {
            let id = b.identity.id.to_string();
            called.get(digest(&id).trim()).map(|callee| (id, callee.clone()))
        });
        let callees = callees.collect();
        let own = self.entry.id.to_string();
        let Some(root) = bodies.iter().find(|b| b.identity.id == own) else {
            return internal("the kernel's own body is missing");
        };
        let shape = match &root.item {
            Some(item) => emit::Shape::of(item),
            None => return release, // Its mistakes have been reported, and it has no facts that something could lack.
        };
        let Some(shape) = shape else { return internal("this item cannot be a kernel") };
        let options = publish::options(self.entry.options.clone());
        if bodies.iter().any(|b| b.item.is_none()) {
            // A callee has mistakes of its own, which have been reported.
            let stand_in = emit::stand_in();
            let code = emit::implement(&shape, &self.entry.module, &options, stand_in, &own);
            return quote!(#release #code);
        }
        let here = host.key();
        let records = bodies.iter().filter_map(|b| {
            let paths = b.paths.iter().map(|(path, m)| (path.clone(), m.identity.id.to_string())).collect();
            let record = Record { item: b.item.clone()?, paths, local: b.identity.key == here };
            Some((b.identity.id.to_string(), record))
        });
        let module = &self.entry.module;
        let mut unit = Unit {
            entry: own,
            items: records.collect(),
            callees,
            called: self.reach.is_called(&root.identity.id.to_string()).then(|| module.to_token_stream()),
            options: options.clone(),
            workspace: shape.workspace.clone(),
            receiver: shape.receiver.clone(),
            record: host.record,
            sources: BTreeMap::new(),
            absent: BTreeMap::new(),
        };
        // A panic is a mistake of ours, but no reason for everything around the kernel to light up.
        let mut outcome = super::caught(|| (host.compile)(&unit));
        while let Ok(Outcome::NeedMethods(methods)) = &outcome {
            let absent = absent_methods(&bodies, methods, host);
            if absent.is_empty() {
                break;
            }
            unit.absent.extend(absent);
            outcome = super::caught(|| (host.compile)(&unit));
        }
        if let Ok(Outcome::Done(Kernel { errors, .. })) = &outcome
            && !errors.is_empty()
        {
            // Once more, to quote what stands in other crates.
            unit.sources = bodies.iter().filter(|b| b.identity.key != here).filter_map(|b| b.source(host)).collect();
            if !unit.sources.is_empty() {
                outcome = super::caught(|| (host.compile)(&unit));
            }
        }
        match outcome.unwrap_or_else(|errors| Outcome::Done(Kernel { errors, ..emit::stand_in() })) {
            Outcome::Done(kernel) => {
                let code = emit::implement(&shape, &self.entry.module, &options, kernel, &unit.entry);
                quote!(#release #code)
            }
            Outcome::NeedMethods(methods) => self.methods(&bodies, methods, host),
            Outcome::NeedBodies(callees) => self.open(&callees, host),
        }
    }

    /// Begins anew, without calls of `callees`.
    fn open(mut self, callees: &[ItemId], host: &Host<'_>) -> TokenStream {
        callees.iter().for_each(|id| self.opened.push_str(&digest(id)));
        let own = std::mem::take(&mut self.bodies).into_iter().next();
        (self.have, self.reach, self.absent, self.ask) =
            (String::new(), Reach::default(), TokenStream::new(), Ask::All);
        self.advance(own.into_iter().collect(), host)
    }

    fn methods(mut self, bodies: &[Body], methods: Vec<(ItemId, Ident)>, host: &Host<'_>) -> TokenStream {
        let owners: BTreeMap<String, &Identity> =
            bodies.iter().flat_map(|b| b.paths.values()).map(|m| (m.identity.id.to_string(), &m.identity)).collect();
        let mut wanted: BTreeMap<String, Identity> = BTreeMap::new();
        for (owner, name) in methods {
            let Some(of) = owners.get(&owner) else { return internal("a method was asked for on an unknown type") };
            let id = wire::method_id(&owner, &name.to_string(), name.span());
            wanted.insert(id.to_string(), Identity { id, key: of.key.clone(), krate: of.krate.clone() });
        }
        wanted.retain(|id, _| !self.has(id));
        if wanted.is_empty() {
            let (release, error) = (self.release(), internal("a method was asked for that is there"));
            return quote!(#release #error);
        }
        self.ask = if self.step < SHORT { Ask::All } else { Ask::Paths };
        self.fetch(wanted.into_values().collect(), host)
    }

    /// The body of the function to be instantiated is here: write a function of its signature that calls it.
    fn instantiate(self) -> TokenStream {
        let release = self.release();
        let body = self.bodies.clone().into_iter().next().and_then(|body| Body::read(&body, false));
        let made = match body {
            Some(Body { item: Some(item), .. }) => items::instance(&self.entry, &item),
            Some(_) => TokenStream::new(),
            None => internal("the function to be instantiated cannot be parsed"),
        };
        quote!(#release #made)
    }
}

/// Of some methods those that are certainly not there, with the names that are.
fn absent_methods(
    bodies: &[Body],
    methods: &[(ItemId, Ident)],
    host: &Host<'_>,
) -> BTreeMap<(ItemId, String), Vec<String>> {
    let here = host.key();
    let look = |(id, name): &(ItemId, Ident)| {
        let of = bodies.iter().find(|b| b.identity.id == *id && b.identity.key == here)?;
        let Some(Item::Struct(s)) = &of.item else { return None };
        let files = [name.span().local_file(), s.ident.span().local_file()];
        let near: Vec<_> = files.into_iter().flatten().collect();
        let known = super::absent::method(&name.to_string(), &s.ident.to_string(), &near, host)?;
        Some(((id.clone(), name.to_string()), known))
    };
    methods.iter().filter_map(look).collect()
}

/// A function with nothing in its braces.
fn without_body(function: TokenStream) -> TokenStream {
    let mut tokens: Vec<TokenTree> = function.into_iter().collect();
    if let Some(TokenTree::Group(g)) = tokens.last_mut() {
        let mut empty = Group::new(g.delimiter(), TokenStream::new());
        empty.set_span(g.span());
        *g = empty;
    }
    tokens.into_iter().collect()
}

/// A space and eight characters for an identity.
pub fn digest(id: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let hash = publish::hash(id) >> 16;
    let digit = |n: u32| char::from(DIGITS[(hash >> (6 * n)) as usize % 64]);
    std::iter::once(' ').chain((0..8).map(digit)).collect()
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
        (
            format_ident!("items_with_jit_for_{}_{}", name, place),
            format_ident!("{}_is_not_compiled_because_of_the_errors_above_{}", name, place),
        )
    }

    fn is_instantiation(&self) -> bool {
        self.id.to_string().starts_with("__kiln_instance_")
    }
}

/// One fetched item. `item` is absent if it has mistakes, which were reported where it is written.
struct Body {
    identity: Identity,
    item: Option<Item>,
    paths: BTreeMap<String, Mention>,
}

impl Body {
    /// The file that the item stands in, as spans name it, and its text.
    fn source(&self, host: &Host<'_>) -> Option<(String, String)> {
        let name = match self.item.as_ref()? {
            Item::Fn(f) => &f.sig.ident,
            Item::Method { method, .. } => &method.sig.ident,
            Item::Struct(s) => &s.ident,
            Item::Const(c) => &c.ident,
            Item::Alias(a) => &a.ident,
        };
        let text = (host.read)(&name.span().local_file()?)?;
        Some((name.span().file(), text))
    }

    /// Reads an item; of one that is called, the signature.
    fn read(body: &TokenTree, is_called: bool) -> Option<Body> {
        let parts = wire::inside(body)?;
        let [identity, kind, _, paths] = &parts[..] else { return None };
        let identity = Identity::read(identity)?;
        let paths = wire::read_paths(wire::inside(paths)?)?;
        let kind = wire::inside(kind)?;
        let (TokenTree::Ident(keyword), rest) = kind.split_first()? else { return None };
        let inside = |i: usize| rest.get(i).and_then(wire::stream);
        let item = match keyword.to_string().as_str() {
            "function" if is_called => Some(Item::Fn(syn::parse2(without_body(inside(0)?)).ok()?)),
            "function" => Some(Item::Fn(syn::parse2(inside(0)?).ok()?)),
            "structure" => Some(Item::Struct(syn::parse2(inside(0)?).ok()?)),
            "constant" => Some(Item::Const(syn::parse2(inside(0)?).ok()?)),
            "alias" => Some(Item::Alias(syn::parse2(inside(0)?).ok()?)),
            "method" => Some(Item::Method {
                owner: paths.get("Self")?.identity.id.to_string(),
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

/// What a path leads to costs rustc kernels times macros; see [`State::fetch`].
#[test]
fn no_path_leads_to_the_macros_of_a_kernel() {
    let host = Host {
        crate_key: "test".into(),
        read: &|_| None,
        compile: &|_| Outcome::NeedBodies(Vec::new()),
        record: false,
        root: None,
    };
    let fetched = |id: &str| {
        let entry = Entry {
            id: format_ident!("{}", id),
            module: format_ident!("f"),
            options: TokenStream::new(),
            calls: TokenStream::new(),
            facade: quote!(::kiln),
        };
        let wanted = Identity { id: format_ident!("__kiln_g_1"), key: host.key(), krate: quote!(crate) };
        start_with(entry, &wanted, &host).to_string()
    };
    assert!(fetched("__kiln_f_1").starts_with("const _ : () = {"));
    assert!(!fetched("__kiln_instance_f_1").starts_with("const _ : () = {"));
}
