//! Publishing an item: its paths are resolved where it stands, then its body goes out with what they mean.

use std::collections::BTreeMap;

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};

use super::collect::{self, Entry};
use super::free::FreePath;
use super::options::Options;
use super::wire::{self, Ask, Chain, Identity, Mention, Size};
use super::{Host, internal};

/// An item, or the methods of an `impl` block, with everything needed to publish it once its paths are resolved.
#[derive(Debug)]
pub struct Plan {
    /// The key of the type of an `impl` block.
    pub owner: Option<String>,
    /// What is published.
    pub parts: Vec<Part>,
    /// What is to be resolved.
    pub paths: Vec<FreePath>,
    /// Path of the facade.
    pub facade: TokenStream,
}

/// One body.
#[derive(Debug)]
pub struct Part {
    /// The identity of an item; the name of a method.
    pub name: Ident,
    /// A keyword and groups; see [`Body`](super::collect).
    pub kind: TokenStream,
    /// The free paths of this part, and how often each stands there.
    pub keys: Vec<(String, usize)>,
    /// How long it is.
    pub size: Size,
    /// For a kernel: where its facts go.
    pub kernel: Option<Kernel>,
}

/// What makes a part a kernel.
#[derive(Debug)]
pub struct Kernel {
    /// The module of facts.
    pub module: Ident,
    /// What is written between the parentheses of `#[jit(..)]`.
    pub options: TokenStream,
    /// See [`Entry::calls`].
    pub calls: TokenStream,
}

/// The functions among `paths` that are called and nothing else, by their spelling, with where to find them; none for a kernel
/// that is compiled otherwise than they are.
pub fn calls(paths: &[FreePath], options: &Options) -> TokenStream {
    let only = paths.iter().filter(|p| p.only_called && options.is_plain());
    let each = only.map(|FreePath { key, path, .. }| quote!(#key {#path}));
    quote!(#(#each)*)
}

impl Plan {
    /// Resolves the paths and goes on to [`finish`]; at once if there are none.
    pub fn start(self, host: &Host<'_>) -> TokenStream {
        if self.paths.is_empty() {
            return self.publish(&BTreeMap::new(), host);
        }
        let links: Vec<_> = self.paths.iter().map(|p| p.path.clone()).collect();
        let Some(first) = self.parts.first() else { return TokenStream::new() };
        let scratch = match &self.owner {
            Some(_) => format_ident!("__kiln_{}_{}", first.name, position(&first.name, host)),
            None => format_ident!("{}_paths", first.name),
        };
        let facade = &self.facade;
        Chain { links: &links, ask: Ask::All, last: "__finish", ctx: &self.write(), facade, scratch }.call()
    }

    fn write(&self) -> TokenStream {
        let strings = |keys: &mut dyn Iterator<Item = &String>| -> TokenStream {
            keys.map(|key| TokenTree::from(Literal::string(key))).collect()
        };
        let keys = strings(&mut self.paths.iter().map(|p| &p.key));
        let owner = strings(&mut self.owner.iter());
        let parts = self.parts.iter().map(|part| {
            let Part { name, kind, keys, size, kernel } = part;
            let keys =
                strings(&mut keys.iter().map(|(key, times)| format!("{key} {times}")).collect::<Vec<_>>().iter());
            let kernel = kernel.as_ref().map(|Kernel { module, options, calls }| quote!(#module {#options} {#calls}));
            let size = size.write();
            quote!({ #name {#kind} {#keys} #size {#kernel} })
        });
        let facade = &self.facade;
        quote!({#facade} {#owner} {#keys} {#(#parts)*})
    }

    fn read(tokens: &[TokenTree]) -> Option<(Plan, Vec<String>)> {
        let strings =
            |group: &TokenTree| -> Option<Vec<String>> { wire::inside(group)?.iter().map(wire::string).collect() };
        let [facade, owner, keys, parts] = tokens else { return None };
        let parts = wire::inside(parts)?;
        let parts = parts.iter().map(|part| {
            let part = wire::inside(part)?;
            let [TokenTree::Ident(name), kind, keys, size, kernel] = &part[..] else { return None };
            let kernel = match &wire::inside(kernel)?[..] {
                [TokenTree::Ident(module), options, calls] => {
                    let (options, calls) = (wire::stream(options)?, wire::stream(calls)?);
                    Some(Kernel { module: module.clone(), options, calls })
                }
                _ => None,
            };
            let key =
                |text: String| Some((text.rsplit_once(' ')?.0.to_owned(), text.rsplit_once(' ')?.1.parse().ok()?));
            let keys = strings(keys)?.into_iter().map(key).collect::<Option<_>>()?;
            Some(Part { name: name.clone(), kind: wire::stream(kind)?, keys, size: Size::read(size)?, kernel })
        });
        let plan = Plan {
            owner: strings(owner)?.pop(),
            parts: parts.collect::<Option<_>>()?,
            paths: Vec::new(),
            facade: wire::stream(facade)?,
        };
        Some((plan, strings(keys)?))
    }

    fn publish(&self, meaning: &BTreeMap<String, Identity>, host: &Host<'_>) -> TokenStream {
        let owner = self.owner.as_ref().and_then(|key| meaning.get(key));
        let mut out = TokenStream::new();
        for part in &self.parts {
            let id = match owner {
                Some(owner) => wire::method_id(&owner.id.to_string(), &part.name.to_string(), part.name.span()),
                None => part.name.clone(),
            };
            let mut paths: BTreeMap<String, Mention> = BTreeMap::new();
            for (key, times) in &part.keys {
                if let Some(identity) = meaning.get(key) {
                    paths.insert(key.clone(), Mention { identity: identity.clone(), times: *times });
                }
            }
            if let Some(owner) = owner {
                paths.insert("Self".to_owned(), Mention { identity: owner.clone(), times: 1 });
            }
            let mut kind = part.kind.clone().into_iter();
            let instance = matches!(kind.next(), Some(TokenTree::Ident(keyword)) if keyword == "instance");
            if let (Some(kernel), true) = (&part.kernel, instance) {
                let entry = Entry {
                    id,
                    module: kernel.module.clone(),
                    options: kernel.options.clone(),
                    calls: TokenStream::new(),
                    facade: self.facade.clone(),
                };
                let mut wanted = paths.into_values().next().map(|m| m.identity);
                if let (Some(TokenTree::Ident(method)), Some(of)) = (kind.next(), &mut wanted) {
                    of.id = wire::method_id(&of.id.to_string(), &method.to_string(), method.span());
                }
                out.extend(wanted.map(|wanted| collect::start_with(entry, &wanted, host)));
                continue;
            }
            let (key, kind, paths) = (Literal::string(&host.key()), &part.kind, wire::write_paths(&paths));
            // `$crate` gets its meaning as the macro is defined, so the exporter spells it and a kernel's own record,
            // which does not pass through a macro, goes without.
            let (dollar, krate) =
                (proc_macro2::Punct::new('$', proc_macro2::Spacing::Alone), Ident::new("crate", Span::call_site()));
            let size = part.size.write();
            let all = quote!({ {#id #key #dollar #krate} {#kind} #size {#paths} });
            let without_body = quote!({ {#id #key #dollar #krate} #size {#paths} });
            out.extend(wire::exporter(&wire::body_name(&id), &all, Some(&without_body)));
            if let Some(kernel) = &part.kernel {
                let record = quote!({ {#id #key} {#kind} #size {#paths} });
                let entry = Entry {
                    id,
                    module: kernel.module.clone(),
                    options: kernel.options.clone(),
                    calls: kernel.calls.clone(),
                    facade: self.facade.clone(),
                };
                out.extend(collect::start(entry, record, host));
            }
        }
        out
    }
}

/// The end of a chain of identities: `{answers} plan`.
pub fn finish(input: TokenStream, host: &Host<'_>) -> TokenStream {
    let tokens: Vec<TokenTree> = input.into_iter().collect();
    let parsed = tokens.split_first().and_then(|(answers, plan)| {
        let (plan, keys) = Plan::read(plan)?;
        let answers: Option<Vec<_>> = wire::inside(answers)?.iter().map(Identity::read).collect();
        let answers = answers.filter(|a| a.len() == keys.len())?;
        Some((plan, keys.into_iter().zip(answers).collect::<BTreeMap<_, _>>()))
    });
    match parsed {
        Some((plan, meaning)) => plan.publish(&meaning, host),
        None => internal("a chain of identities came back incomplete"),
    }
}

/// The identity of an item named `name`: unique over crates and over the places in one.
pub fn identity(name: &Ident, item: &impl ToTokens, host: &Host<'_>) -> Ident {
    let text = name.to_string();
    let text = text.trim_start_matches("r#");
    let mut place = position(name, host);
    if expansion(name).is_some() {
        // One expansion may repeat an item: the copies stand at one place, and differ in what was put in.
        place = format!("{:012x}", hash(&format!("{place}|{}", item.to_token_stream())) >> 16);
    }
    format_ident!("__kiln_{}_{}", text, place, span = name.span())
}

/// Two expansions of one `macro_rules!` put their items at the same place; what tells them apart is the number of the
/// expansion, which only the debug output of a span has.
fn expansion(name: &Ident) -> Option<String> {
    let debug = format!("{:?}", name.span());
    debug.split(' ').next().filter(|word| word.starts_with('#') && *word != "#0").map(str::to_owned)
}

/// A word that stands for a place in a crate.
pub fn position(name: &Ident, host: &Host<'_>) -> String {
    let span = name.span();
    let start = span.start();
    let expansion = expansion(name).unwrap_or_default();
    let crate_key = &host.crate_key;
    let text = format!("{crate_key}|{}|{}|{}|{expansion}", span.file(), start.line, start.column);
    format!("{:012x}", hash(&text) >> 16)
}

/// FNV-1a, 64 bits.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// The identity macro of an item, under the item's own name. Only what is `pub` is exported: every exported macro is a name
/// that each kernel's module of macros imports.
pub fn identity_macro(vis: &syn::Visibility, name: &Ident, id: &Ident, host: &Host<'_>) -> TokenStream {
    let key = Literal::string(&host.key());
    let (dollar, krate) =
        (proc_macro2::Punct::new('$', proc_macro2::Spacing::Alone), Ident::new("crate", Span::call_site()));
    let payload = quote!({#id #key #dollar #krate});
    let exporter = match vis {
        syn::Visibility::Public(_) => wire::exporter(id, &payload, None),
        _ => wire::local_exporter(id, &payload, None),
    };
    quote! {
        #exporter
        #[doc(hidden)]
        #[allow(unused_imports)]
        #vis use #id as #name;
    }
}

/// The options of a kernel, which were checked when its attribute was expanded.
pub fn options(tokens: TokenStream) -> Options {
    Options::parse(tokens).0
}
