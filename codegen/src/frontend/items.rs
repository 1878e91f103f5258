//! `#[jit]` on functions, constants, aliases and modules, `#[derive(Tree)]` on structs, and `instantiate!`.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, GenericArgument, Item, ItemFn, ItemMod, Signature, Token, Type, Visibility};

use super::collect::Entry;
use super::free::{Found, FreePath, Walk};
use super::options::{Errors, Options, Workspace};
use super::publish::{self, Kernel, Part, Plan};
use super::signature::{self, Calls};
use super::survey::survey;
use super::wire::Size;
use super::{Host, builtins, emit, impls, nesting, syntax};

/// `#[jit]` on any item.
pub fn jit(attr: TokenStream, item: TokenStream, host: &Host<'_>) -> TokenStream {
    let (options, mistakes) = Options::parse(attr.clone());
    if let Err(e) = nesting::check(&item) {
        return salvage(item, &e, &options, host);
    }
    let mut item = match syn::parse2::<Item>(item.clone()) {
        Ok(item) => item,
        Err(e) => return salvage(item, &e, &options, host),
    };
    // Configuration holds for everything that is made of the item, so it goes in front.
    if let Some(cfgs) = take_cfgs(&mut item) {
        let facade = options.facade();
        return quote!(#(#cfgs)* #[#facade::jit(#attr)] #item);
    }
    let mistakes = mistakes.map(|e| e.to_compile_error());
    let out = match item {
        Item::Fn(f) => function(attr, &options, f, host),
        Item::Impl(block) => impls::block(attr, &options, block, host),
        Item::Const(c) => {
            let item = c.to_token_stream();
            publish_plain(&c.vis, &c.ident, &options, quote!(constant {#item}), item, host, |w| {
                syn::visit::Visit::visit_type(w, &c.ty);
                syn::visit::Visit::visit_expr(w, &c.expr);
            })
        }
        Item::Type(t) => {
            let item = t.to_token_stream();
            publish_plain(&t.vis, &t.ident, &options, quote!(alias {#item}), item, host, |w| {
                w.bind_generics(&t.generics);
                syn::visit::Visit::visit_type(w, &t.ty);
            })
        }
        Item::Mod(m) => module(attr, &options, m),
        other => {
            let help = match &other {
                Item::Struct(_) => "a struct is published by `#[derive(Tree)]`",
                Item::Static(_) => {
                    "a kernel cannot read a `static`: pass it as a parameter, or make it a `#[jit] const`"
                }
                Item::Enum(_) | Item::Union(_) => "values in a kernel are arrays, tuples and `#[derive(Tree)]` structs",
                Item::Trait(_) => "a trait has no bodies to compile: write `#[jit]` on the `impl` block",
                Item::Macro(_) => "write `#[jit]` on the items that the macro makes, inside of it",
                _ => "`#[jit]` goes on functions, `impl` blocks, constants, type aliases and inline modules",
            };
            let at = other.to_token_stream().into_iter().next();
            let error = syn::Error::new(at.map_or_else(proc_macro2::Span::call_site, |t: TokenTree| t.span()), help)
                .to_compile_error();
            quote!(#error #other)
        }
    };
    quote!(#mistakes #out)
}

/// A free function.
fn function(attr: TokenStream, options: &Options, mut f: ItemFn, host: &Host<'_>) -> TokenStream {
    let name = f.sig.ident.clone();
    let mut errors = Errors::default();
    signature::check(&f.sig, false, &mut errors);
    let taken = builtins::is_std_macro(&name.to_string());
    if taken {
        let message = format!(
            "`{name}!` is a macro of the standard library, and `#[jit]` could not tell the two apart: give the function another name"
        );
        errors.push(syn::Error::new(name.span(), message));
    }
    signature::plain_parameters(&mut f.sig, &mut f.block);
    let (found, std) = survey(&name, options, host, |s| {
        let mut walk = Walk::new(s);
        walk.function(&f.attrs, &f.sig, &f.block);
        walk.finish()
    });
    let Found { paths, errors: more, .. } = found;
    if let Some(e) = more.0 {
        errors.push(e);
    }
    std.spell_fn(&mut f.sig, &mut f.block);
    if errors.0.is_some() {
        signature::harmless(&mut f.sig);
    }

    let calls = signature::calls(&f.sig, options.inline);
    let facade = options.facade();
    let mut kernel = None;
    let mut out = std.uses();
    match &calls {
        Calls::Kernel => {
            let mut sig = f.sig.clone();
            if options.workspace == Workspace::Caller {
                signature::add_parameter(&mut sig, &emit::workspace_parameter(&f.sig, &name));
            }
            let body = emit::body(&f.sig, &name, options, &facade);
            out.extend(emit::function(&f.attrs, &f.vis, &sig, &emit::live(), &body));
            out.extend(emit::facts(&f.vis, &name, &format!("`{name}`"), &std.advice(&paths), &facade));
            kernel = Some(Kernel { module: name.clone(), options: attr, calls: publish::calls(&paths, options) });
        }
        Calls::Refused(message) => out.extend(emit::refused(&f.attrs, &f.vis, &f.sig, false, message)),
    }
    if let Some(errors) = errors.0 {
        out.extend(errors.to_compile_error());
        if kernel.is_some() {
            out.extend(emit::implement(&emit::Shape::new(&f.sig, None), &name, options, emit::stand_in(), ""));
        }
        if !taken {
            out.extend(broken(&f.vis, &name, options, host));
        }
        return out;
    }
    let id = publish::identity(&name, &f, host);
    out.extend(publish::identity_macro(&f.vis, &name, &id, host));
    f.attrs.retain(|a| !a.path().is_ident("doc"));
    // Rules of its own are for transformations, which a call of a kernel is not.
    let is_called = kernel.is_some() && options.is_plain() && !f.attrs.iter().any(emit::is_kiln_attribute);
    let size = Size::of(f.block.to_token_stream(), is_called);
    if kernel.is_some() {
        // Callers leave mistakes in it to its own compilation.
        f.attrs.push(syn::parse_quote!(#[__kernel]));
    }
    let keys = paths.iter().map(|p| (p.key.clone(), p.times)).collect();
    let part = Part { name: id, kind: quote!(function {#f}), keys, size, kernel };
    out.extend(Plan { owner: None, parts: vec![part], paths, facade }.start(host));
    out
}

/// Publishes an item that has mistakes, so that its callers do not light up too.
pub fn broken(vis: &Visibility, name: &Ident, options: &Options, host: &Host<'_>) -> TokenStream {
    let id = publish::identity(name, &TokenStream::new(), host);
    let identity = publish::identity_macro(vis, name, &id, host);
    let size = Size::default();
    let part = Part { name: id, kind: quote!(broken), keys: Vec::new(), size, kernel: None };
    let body = Plan { owner: None, parts: vec![part], paths: Vec::new(), facade: options.facade() }.start(host);
    quote!(#identity #body)
}

/// Publishes a constant, an alias or a struct.
fn publish_plain(
    vis: &Visibility,
    name: &Ident,
    options: &Options,
    kind: TokenStream,
    item: TokenStream,
    host: &Host<'_>,
    walk: impl Fn(&mut Walk<'_>),
) -> TokenStream {
    if builtins::is_std_macro(&name.to_string()) {
        let message = format!(
            "`{name}!` is a macro of the standard library, and Kiln could not tell the two apart: use another name"
        );
        let error = syn::Error::new(name.span(), message).to_compile_error();
        return quote!(#item #error);
    }
    let (found, std) = survey(name, options, host, |s| {
        let mut w = Walk::new(s);
        walk(&mut w);
        w.finish()
    });
    let Found { paths, errors, .. } = found;
    if let Some(errors) = errors.0 {
        let (errors, broken) = (errors.to_compile_error(), broken(vis, name, options, host));
        return quote!(#item #errors #broken);
    }
    let live = (!item.is_empty()).then(emit::live);
    let kind = std.spell_tokens(kind);
    let uses = std.uses();
    let id = publish::identity(name, &kind, host);
    let identity = publish::identity_macro(vis, name, &id, host);
    let keys = paths.iter().map(|p| (p.key.clone(), p.times)).collect();
    let part = Part { name: id, kind, keys, size: Size::default(), kernel: None };
    let body = Plan { owner: None, parts: vec![part], paths, facade: options.facade() }.start(host);
    quote!(#live #item #uses #identity #body)
}

/// `#[derive(Tree)]`.
pub fn tree(item: TokenStream, host: &Host<'_>) -> TokenStream {
    if let Err(e) = nesting::check(&item) {
        return e.to_compile_error();
    }
    let input: syn::DeriveInput = match syn::parse2(item.clone()) {
        Ok(input) => input,
        Err(e) => return e.to_compile_error(),
    };
    let wrong = |tokens: &dyn ToTokens, message: &str| syn::Error::new_spanned(tokens, message).to_compile_error();
    let mut options = Options::default();
    for attr in input.attrs.iter().filter(|a| a.path().is_ident("tree")) {
        let (read, mistakes) = match attr.parse_args::<TokenStream>() {
            Ok(tokens) => Options::parse(tokens),
            Err(e) => (Options::default(), Some(e)),
        };
        if let Some(e) = mistakes {
            return e.to_compile_error();
        }
        options = read;
    }
    match &input.data {
        syn::Data::Struct(_) => {}
        syn::Data::Enum(e) => {
            return wrong(
                &e.enum_token,
                "a tree is a struct: which variant an enum holds would have to be known while compiling",
            );
        }
        syn::Data::Union(u) => return wrong(&u.union_token, "a tree is a struct"),
    }
    if let Some(lifetime) = input.generics.lifetimes().next() {
        return wrong(lifetime, "a tree owns its arrays: hold `[f32; N]` instead of a reference");
    }
    let mut s: syn::ItemStruct = match syn::parse2(item) {
        Ok(s) => s,
        Err(e) => return e.to_compile_error(),
    };
    s.attrs.clear();
    s.fields.iter_mut().for_each(|f| f.attrs.retain(|a| a.path().is_ident("tree")));
    let parts = parts(&s, &options.facade());
    let published = publish_plain(&s.vis, &s.ident, &options, quote!(structure {#s}), TokenStream::new(), host, |w| {
        w.structure(&s)
    });
    quote!(#parts #published)
}

/// Taking a struct apart and putting it together where its fields are private or its name is not in scope: kernels are made
/// in other modules than the struct.
fn parts(s: &syn::ItemStruct, facade: &TokenStream) -> TokenStream {
    let name = &s.ident;
    let (impl_generics, ty_generics, clause) = s.generics.split_for_impl();
    let types: Vec<_> = s.fields.iter().map(|f| &f.ty).collect();
    let members: Vec<_> = s.fields.members().collect();
    let values: Vec<_> = (0..types.len()).map(|i| format_ident!("part_{}", i)).collect();
    let names = members.iter().map(|m| match m {
        syn::Member::Named(name) => name.unraw().to_string(),
        syn::Member::Unnamed(n) => n.index.to_string(),
    });
    // Asked for only where it depends on a parameter: as a bound, what is known to be false is an error without a place.
    let mut walked = s.generics.clone();
    if s.generics.type_params().next().is_some() {
        let floats: Vec<syn::WherePredicate> =
            types.iter().map(|t| syn::parse_quote!(#t: #facade::rt::Floats)).collect();
        walked.make_where_clause().predicates.extend(floats);
    }
    let walked = &walked.where_clause;
    let mut laid_out = s.generics.clone();
    if s.generics.type_params().next().is_some() {
        let layouts: Vec<syn::WherePredicate> =
            types.iter().map(|t| syn::parse_quote!(#t: #facade::rt::layout::Layout)).collect();
        laid_out.make_where_clause().predicates.extend(layouts);
    }
    let laid_out = &laid_out.where_clause;
    let names: Vec<String> = names.collect();
    let quiet = emit::quiet();
    // A field that is no tree is told at its type.
    let enter = types.iter().zip(&names).zip(&members).map(|((ty, step), member)| {
        let at = Span::call_site().located_at(ty.span());
        quote_spanned!(at=> _visitor.enter(#facade::rt::Step::Field(#step), &mut self.#member, &_beside.#member);)
    });
    quote! {
        #quiet
        const _: () = {
            impl #impl_generics #name #ty_generics #clause {
                #[doc(hidden)]
                #[inline(always)]
                pub fn __kiln_parts(&self) -> (#(&#types,)*) {
                    (#(&self.#members,)*)
                }
                #[doc(hidden)]
                #[inline(always)]
                pub fn __kiln_parts_mut(&mut self) -> (#(&mut #types,)*) {
                    (#(&mut self.#members,)*)
                }
            }
            impl #impl_generics #facade::rt::FromParts<(#(#types,)*)> for #name #ty_generics #clause {
                #[inline(always)]
                fn from_parts((#(#values,)*): (#(#types,)*)) -> Self {
                    Self { #(#members: #values),* }
                }
            }
            impl #impl_generics #facade::rt::Floats for #name #ty_generics #walked {
                #[inline]
                fn floats(&mut self, _beside: &Self, _visitor: &mut #facade::rt::Visitor<impl #facade::rt::Visit>) {
                    #(#enter)*
                }
            }
            // SAFETY: all the fields, each where the compiler says that it is.
            unsafe impl #impl_generics #facade::rt::layout::Layout for #name #ty_generics #laid_out {
                const NODE: #facade::rt::layout::Node = #facade::rt::layout::Node::Fields(&[#(#facade::rt::layout::Field {
                    name: #names,
                    offset: ::core::mem::offset_of!(Self, #members),
                    node: &<#types as #facade::rt::layout::Layout>::NODE,
                }),*]);
            }
        };
    }
}

/// `#[jit] mod m { .. }`: `#[jit]` on everything inside.
fn module(attr: TokenStream, options: &Options, mut m: ItemMod) -> TokenStream {
    let Some((_, items)) = &mut m.content else {
        let message = "`#[jit]` sees only what is between braces: write `#[jit]` on the items inside of the file";
        let error = syn::Error::new_spanned(m.semi, message).to_compile_error();
        return quote!(#error #m);
    };
    let facade = options.facade();
    let mut siblings: BTreeSet<Ident> = BTreeSet::new();
    for item in items.iter() {
        match item {
            Item::Fn(f) => {
                siblings.insert(f.sig.ident.clone());
            }
            Item::Mod(m) => {
                siblings.insert(m.ident.clone());
            }
            Item::Use(u) => names_of(&u.tree, &mut siblings),
            _ => {}
        }
    }
    let siblings = siblings.iter();
    // What an outer `#[jit] mod` said about its own items ends here; it comes last in the list.
    let attr: TokenStream =
        attr.into_iter().take_while(|t| !matches!(t, TokenTree::Ident(i) if i == "__siblings")).collect();
    let attr = match attr.is_empty() {
        true => quote!(__siblings(#(#siblings),*)),
        false if attr.to_string().trim_end().ends_with(',') => quote!(#attr __siblings(#(#siblings),*)),
        false => quote!(#attr, __siblings(#(#siblings),*)),
    };
    let jit: Attribute = syn::parse_quote!(#[#facade::jit(#attr)]);
    let tree: Attribute = syn::parse_quote!(#[derive(#facade::Tree)]);
    for item in items.iter_mut() {
        match item {
            Item::Fn(syn::ItemFn { attrs, .. })
            | Item::Impl(syn::ItemImpl { attrs, .. })
            | Item::Const(syn::ItemConst { attrs, .. })
            | Item::Type(syn::ItemType { attrs, .. })
            | Item::Mod(syn::ItemMod { attrs, .. })
                if !attrs.iter().any(is_left_alone) =>
            {
                // Below what is there, so that `cfg` is seen first, and above attributes that are Kiln's own.
                let at = attrs.iter().position(emit::is_kiln_attribute).unwrap_or(attrs.len());
                attrs.insert(at, jit.clone());
            }
            Item::Struct(s) if !derives_tree(s) => s.attrs.push(tree.clone()),
            // What the prelude holds is in scope in kernels anyway: rustc would call the import unused.
            Item::Use(u) if matches!(&u.tree, syn::UseTree::Path(p) if p.ident == "kiln") => {
                u.attrs.push(syn::parse_quote!(#[allow(unused_imports)]));
            }
            _ => {}
        }
    }
    m.into_token_stream()
}

/// Tests, and items that say themselves what they want.
fn is_left_alone(attr: &Attribute) -> bool {
    let name = attr.path().segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
    let test = name == "cfg" && attr.meta.to_token_stream().to_string().replace(' ', "") == "cfg(test)";
    test || matches!(name.as_str(), "jit" | "test")
}

fn derives_tree(s: &syn::ItemStruct) -> bool {
    let derives = s.attrs.iter().filter(|a| a.path().is_ident("derive"));
    derives
        .into_iter()
        .any(|a| a.meta.to_token_stream().into_iter().any(|t| matches!(t, TokenTree::Group(g) if mentions(&g, "Tree"))))
}

fn mentions(group: &proc_macro2::Group, name: &str) -> bool {
    group.stream().into_iter().any(|t| matches!(t, TokenTree::Ident(i) if i == name))
}

fn names_of(tree: &syn::UseTree, names: &mut BTreeSet<Ident>) {
    match tree {
        syn::UseTree::Path(p) if p.ident == "kiln" => {}
        syn::UseTree::Path(p) => names_of(&p.tree, names),
        syn::UseTree::Group(g) => g.items.iter().for_each(|t| names_of(t, names)),
        syn::UseTree::Name(n) => {
            names.insert(n.ident.clone());
        }
        syn::UseTree::Rename(r) => {
            names.insert(r.rename.clone());
        }
        syn::UseTree::Glob(_) => {}
    }
}

/// Takes `#[cfg]` and `#[cfg_attr]` off an item.
fn take_cfgs(item: &mut Item) -> Option<Vec<Attribute>> {
    let attrs = match item {
        Item::Fn(i) => &mut i.attrs,
        Item::Impl(i) => &mut i.attrs,
        Item::Const(i) => &mut i.attrs,
        Item::Type(i) => &mut i.attrs,
        Item::Mod(i) => &mut i.attrs,
        _ => return None,
    };
    let is_cfg = |a: &Attribute| a.path().is_ident("cfg") || a.path().is_ident("cfg_attr");
    let (cfgs, rest): (Vec<_>, Vec<_>) = std::mem::take(attrs).into_iter().partition(is_cfg);
    *attrs = rest;
    (!cfgs.is_empty()).then_some(cfgs)
}

/// The item is not what syn knows as Rust. If a signature can be made out, it stays.
fn salvage(item: TokenStream, e: &syn::Error, options: &Options, host: &Host<'_>) -> TokenStream {
    let error = syntax::explained(&item, e).to_compile_error();
    // What stands in front of the body.
    let outline: TokenStream = item
        .into_iter()
        .take_while(|t| !matches!(t, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace))
        .collect();
    if nesting::check(&outline).is_err() {
        return error;
    }
    match syn::parse2::<Outline>(outline) {
        Ok(Outline { attrs, vis, sig }) => {
            let function = emit::function(&attrs, &vis, &sig, &quote!(#[allow(unused)]), &quote!({ loop {} }));
            let broken = broken(&vis, &sig.ident, options, host);
            quote!(#error #function #broken)
        }
        Err(_) => error,
    }
}

struct Outline {
    attrs: Vec<Attribute>,
    vis: Visibility,
    sig: Signature,
}

impl Parse for Outline {
    fn parse(input: ParseStream<'_>) -> syn::Result<Outline> {
        let outline = Outline { attrs: input.call(Attribute::parse_outer)?, vis: input.parse()?, sig: input.parse()? };
        input.parse::<TokenStream>()?;
        Ok(outline)
    }
}

/// `pub fn dense_64_32 = dense::<64, 32>;`
struct Request {
    attrs: Vec<Attribute>,
    vis: Visibility,
    name: Ident,
    path: syn::Path,
}

impl Parse for Request {
    fn parse(input: ParseStream<'_>) -> syn::Result<Request> {
        let (attrs, vis) = (input.call(Attribute::parse_outer)?, input.parse()?);
        input.parse::<Token![fn]>()?;
        let name = input.parse()?;
        if input.peek(syn::token::Paren) || input.peek(Token![<]) {
            let message =
                "the signature follows from the generic function: write `pub fn dense_64_32 = dense::<64, 32>;`";
            return Err(input.error(message));
        }
        input.parse::<Token![=]>()?;
        let path = input.parse()?;
        input.parse::<Option<Token![;]>>()?;
        Ok(Request { attrs, vis, name, path })
    }
}

/// `instantiate!(..)`: finds the generic function; [`instance`] does the rest once its signature is there.
pub fn instantiate(input: TokenStream, host: &Host<'_>) -> TokenStream {
    let request: Request = match nesting::check(&input).and_then(|()| syn::parse2(input.clone())) {
        Ok(request) => request,
        Err(e) => return e.to_compile_error(),
    };
    let (options, mistakes) = Options::of(&request.attrs);
    let mistakes = mistakes.map(|e| e.to_compile_error());
    let mut path = request.path.clone();
    path.segments.iter_mut().for_each(|s| s.arguments = syn::PathArguments::None);
    let mut kind = quote!(instance);
    if let Some(method) = method_of(&request.path) {
        path = owner_of(&path);
        kind = quote!(instance #method);
    }
    let key = path.to_token_stream().to_string().replace(' ', "");
    let name = &request.name;
    let id = format_ident!("__kiln_instance_{}_{}", name, publish::position(name, host), span = name.span());
    let kernel = Some(Kernel { module: name.clone(), options: input, calls: TokenStream::new() });
    let part = Part { name: id, kind, keys: vec![(key.clone(), 1)], size: Size::default(), kernel };
    let path = path.to_token_stream();
    let paths = vec![FreePath { key, path, bare_value: false, times: 1, only_called: false }];
    let plan = Plan { owner: None, parts: vec![part], paths, facade: options.facade() }.start(host);
    quote!(#mistakes #plan)
}

/// The name of the method, if a path is that of one: `Dense::<4, 2>::forward`.
fn method_of(path: &syn::Path) -> Option<&Ident> {
    let mut from_last = path.segments.iter().rev();
    let (method, owner) = (from_last.next()?, from_last.next()?);
    owner.ident.to_string().starts_with(char::is_uppercase).then_some(&method.ident)
}

/// A path without its last segment.
fn owner_of(path: &syn::Path) -> syn::Path {
    let mut path = path.clone();
    path.segments.pop();
    path.segments.pop_punct();
    path
}

/// The arguments that a segment is given.
fn arguments(segment: Option<&syn::PathSegment>) -> Vec<GenericArgument> {
    match segment.map(|s| &s.arguments) {
        Some(syn::PathArguments::AngleBracketed(a)) => a.args.iter().cloned().collect(),
        _ => Vec::new(),
    }
}

/// The generic parameters that are not lifetimes, by name.
fn parameters(generics: &syn::Generics) -> impl Iterator<Item = String> {
    generics.params.iter().filter_map(|p| match p {
        syn::GenericParam::Type(t) => Some(t.ident.to_string()),
        syn::GenericParam::Const(c) => Some(c.ident.to_string()),
        syn::GenericParam::Lifetime(_) => None,
    })
}

/// A function with the signature of `item` at the wanted sizes and types, which calls it.
pub fn instance(entry: &Entry, item: &crate::unit::Item) -> TokenStream {
    let Ok(Request { attrs, vis, name, path }) = syn::parse2(entry.options.clone()) else {
        return super::internal("a request to instantiate came back changed");
    };
    let wrong = |message: &str| syn::Error::new_spanned(&path, message).to_compile_error();
    let (generic, block) = match item {
        crate::unit::Item::Fn(f) => (&f.sig, None),
        crate::unit::Item::Method { generics, self_ty, method, .. } => (&method.sig, Some((generics, &**self_ty))),
        _ => return wrong("only a `#[jit]` function or method can be instantiated"),
    };
    if let Calls::Refused(_) = signature::calls_of_instance(generic) {
        return wrong("this function takes functions or static values: write a `#[jit] fn` that calls it with them");
    }
    // Parameters that are given an argument each, and where: those of the function behind its name, those of an `impl` block
    // behind the name of the type.
    let mut given = vec![(parameters(&generic.generics).collect::<Vec<_>>(), path.segments.last(), &generic.generics)];
    let owner = owner_of(&path);
    if let Some((generics, Type::Path(self_ty))) = block {
        let own: Vec<String> = parameters(generics).collect();
        let names: Vec<String> =
            arguments(self_ty.path.segments.last()).iter().map(|a| a.to_token_stream().to_string()).collect();
        if own.iter().any(|p| !names.contains(p)) || names.len() != own.len() {
            return wrong("the block of this method is for some types only: write a `#[jit] fn` that calls it");
        }
        given.push((names, owner.segments.last(), generics));
    }
    if given.iter().all(|(names, ..)| names.is_empty()) {
        return wrong("this function is not generic: it has a kernel already");
    }
    let mut by = Vec::new();
    for (names, segment, generics) in given {
        let args = arguments(segment);
        if args.len() != names.len() {
            let what = segment.map(|s| s.ident.to_string()).unwrap_or_default();
            let spelled = generics.params.to_token_stream();
            let message =
                format!("`{what}` has {} generic parameters, `<{spelled}>`, and {} are given", names.len(), args.len());
            return wrong(&message);
        }
        by.extend(names.into_iter().zip(args));
    }
    if block.is_some()
        && let Ok(ty) = syn::parse2(owner.to_token_stream())
    {
        by.push(("Self".to_owned(), GenericArgument::Type(ty)));
    }
    let mut substitute = Substitute { by };
    let mut sig = generic.clone();
    sig.generics = syn::Generics::default();
    sig.ident = name;
    for input in &mut sig.inputs {
        if let syn::FnArg::Receiver(receiver) = input {
            let (name, ty) = (Ident::new("this", receiver.self_token.span), &receiver.ty);
            *input = syn::parse_quote!(#name: #ty);
        }
    }
    sig.inputs.iter_mut().for_each(|i| substitute.visit_fn_arg_mut(i));
    substitute.visit_return_type_mut(&mut sig.output);
    let values = sig.inputs.iter().filter_map(|i| match i {
        syn::FnArg::Typed(t) => Some(&t.pat),
        syn::FnArg::Receiver(_) => None,
    });
    let (jit, attrs): (Vec<_>, Vec<_>) =
        attrs.into_iter().partition(|a| a.path().segments.last().is_some_and(|s| s.ident == "jit"));
    let facade = &entry.facade;
    let jit = match jit.first() {
        Some(jit) => jit.to_token_stream(),
        None => quote!(#[#facade::jit]),
    };
    quote!(#(#attrs)* #jit #vis #sig { #path(#(#values),*) })
}

struct Substitute {
    by: Vec<(String, GenericArgument)>,
}

impl Substitute {
    fn of(&self, ty: &Type) -> Option<&GenericArgument> {
        let Type::Path(p) = ty else { return None };
        let name = p.path.get_ident().filter(|_| p.qself.is_none())?;
        self.by.iter().find(|(n, _)| name == n).map(|(_, a)| a)
    }
}

impl VisitMut for Substitute {
    fn visit_generic_argument_mut(&mut self, arg: &mut GenericArgument) {
        let by = match &*arg {
            GenericArgument::Type(ty) => self.of(ty).cloned(),
            _ => None,
        };
        match by {
            Some(by) => *arg = by,
            None => visit_mut::visit_generic_argument_mut(self, arg),
        }
    }

    fn visit_type_mut(&mut self, ty: &mut Type) {
        match self.of(ty) {
            Some(GenericArgument::Type(by)) => *ty = by.clone(),
            _ => visit_mut::visit_type_mut(self, ty),
        }
    }

    fn visit_expr_mut(&mut self, e: &mut syn::Expr) {
        let name = match &*e {
            syn::Expr::Path(p) if p.qself.is_none() => p.path.get_ident(),
            _ => None,
        };
        match name.and_then(|name| self.by.iter().find(|(n, _)| name == n)) {
            Some((_, GenericArgument::Const(by))) => *e = by.clone(),
            Some((_, GenericArgument::Type(by))) => *e = syn::Expr::Verbatim(by.to_token_stream()),
            _ => visit_mut::visit_expr_mut(self, e),
        }
    }
}
