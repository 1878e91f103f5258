//! `#[jit] impl T { .. }`: every method and associated function, published under the identity of `T`.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::visit::Visit;
use syn::{ImplItem, ImplItemFn, ItemImpl, Type, Visibility};

use super::free::{Found, FreePath, Walk};
use super::options::{Errors, Options, Workspace};
use super::publish::{self, Kernel, Part, Plan};
use super::signature::{self, Calls};
use super::survey::survey;
use super::wire::Size;
use super::{Host, emit};
use crate::unit::CONSTANT;

/// Publishes a block.
pub fn block(attr: TokenStream, options: &Options, mut block: ItemImpl, host: &Host<'_>) -> TokenStream {
    let self_ty = (*block.self_ty).clone();
    let name = match &self_ty {
        Type::Path(p) if p.qself.is_none() => p.path.segments.last().map(|s| s.ident.clone()),
        _ => None,
    };
    let Some(name) = name else {
        let error =
            syn::Error::new_spanned(&self_ty, "`#[jit]` goes on blocks for a struct of your own").to_compile_error();
        return quote!(#error #block);
    };
    // The type is the first path of a walk that begins with it.
    let (of_type, _) = survey(&name, options, host, |s| {
        let mut walk = Walk::new(s);
        walk.bind_generics(&block.generics);
        walk.visit_type(&self_ty);
        walk.finish()
    });
    let Some(owner) = of_type.paths.first().cloned() else {
        let message = "`#[jit]` goes on blocks for a struct with `#[derive(Tree)]`";
        let error = syn::Error::new_spanned(&self_ty, message).to_compile_error();
        return quote!(#error #block);
    };
    let mut all = Block {
        attr,
        options,
        host,
        generics: block.generics.clone(),
        of_trait: block.trait_.is_some(),
        self_ty,
        paths: of_type.paths,
        parts: Vec::new(),
        beside: TokenStream::new(),
        errors: Errors(of_type.errors.0),
    };
    for item in &mut block.items {
        match item {
            ImplItem::Fn(method) => {
                let replaced = all.method(method.clone());
                *item = ImplItem::Verbatim(replaced);
            }
            ImplItem::Const(c) => {
                all.constant(c);
                c.attrs.push(syn::parse_quote!(#[allow(dead_code)]));
            }
            _ => {}
        }
    }
    let Block { paths, parts, beside, errors, .. } = all;
    let errors = errors.0.map(|e| e.to_compile_error());
    let plan = Plan { owner: Some(owner.key), parts, paths, facade: options.facade() }.start(host);
    quote!(#block #beside #errors #plan)
}

struct Block<'a> {
    attr: TokenStream,
    options: &'a Options,
    host: &'a Host<'a>,
    generics: syn::Generics,
    of_trait: bool,
    self_ty: Type,
    paths: Vec<FreePath>,
    parts: Vec<Part>,
    /// Modules of facts.
    beside: TokenStream,
    errors: Errors,
}

impl Block<'_> {
    /// Adds a method and says what takes its place.
    fn method(&mut self, mut method: ImplItemFn) -> TokenStream {
        let name = method.sig.ident.clone();
        // A method may have options of its own.
        let own = method.attrs.iter().any(|a| a.path().segments.last().is_some_and(|s| s.ident == "jit"));
        let (own_options, mistakes) = Options::of(&method.attrs);
        let (options, attr) = match own {
            true => (own_options, Options::tokens_of(&method.attrs)),
            false => (self.options.clone(), self.attr.clone()),
        };
        let mut errors = Errors(mistakes);
        signature::check(&method.sig, true, &mut errors);
        let changes_self = method.sig.receiver().is_some_and(|r| r.reference.is_none() && r.mutability.is_some());
        signature::plain_parameters(&mut method.sig, &mut method.block);
        let (found, around) = survey(&name, &options, self.host, |s| {
            let mut walk = Walk::new(s);
            walk.bind_generics(&self.generics);
            walk.visit_generics(&self.generics);
            walk.visit_type(&self.self_ty);
            walk.function(&method.attrs, &method.sig, &method.block);
            walk.finish()
        });
        let Found { paths, errors: more, .. } = found;
        if let Some(e) = more.0 {
            errors.push(e);
        }
        around.spell_fn(&mut method.sig, &mut method.block);
        self.beside.extend(around.uses());
        if errors.0.is_some() {
            signature::harmless(&mut method.sig);
        }

        let vis = match self.of_trait {
            true => Visibility::Inherited,
            false => method.vis.clone(),
        };
        let generic = self.generics.params.iter().any(|p| !matches!(p, syn::GenericParam::Lifetime(_)));
        let calls = match signature::calls(&method.sig, options.inline) {
            Calls::Kernel if generic => Calls::Refused(format!(
                "`{}` is generic: call `{name}` from a `#[jit]` function that names its sizes",
                self.self_ty.to_token_stream().to_string().replace(' ', "")
            )),
            calls => calls,
        };
        let facade = options.facade();
        let module = emit::method_module(&self.self_ty, &name);
        let mut kernel = None;
        let replaced = match &calls {
            Calls::Kernel => {
                let mut sig = method.sig.clone();
                if options.workspace == Workspace::Caller {
                    if self.of_trait {
                        let message = "`workspace = \"caller\"` adds a parameter, and the trait says which there are";
                        errors.push(syn::Error::new(name.span(), message));
                    }
                    signature::add_parameter(&mut sig, &emit::workspace_parameter(&method.sig, &module));
                }
                let title = format!("`{}::{name}`", self.self_ty.to_token_stream().to_string().replace(' ', ""));
                self.beside.extend(emit::facts(&vis, &module, &title, &around.advice(&paths), &facade));
                kernel =
                    Some(Kernel { module: module.clone(), options: attr, calls: publish::calls(&paths, &options) });
                let body = emit::body(&method.sig, &module, &options, &facade);
                emit::function(&method.attrs, &method.vis, &sig, &emit::live(), &body)
            }
            Calls::Refused(message) => emit::refused(&method.attrs, &method.vis, &method.sig, generic, message),
        };
        let mut kind = TokenStream::new();
        if let Some(e) = errors.0 {
            self.errors.push(e);
            if kernel.take().is_some() {
                let shape = emit::Shape::new(&method.sig, Some(&self.self_ty));
                self.beside.extend(emit::implement(&shape, &module, &options, emit::stand_in(), ""));
            }
            kind.extend(quote!(broken));
        } else {
            let (generics, clause, self_ty) = (&self.generics, &self.generics.where_clause, &self.self_ty);
            method.attrs.retain(|a| !a.path().is_ident("doc"));
            if changes_self {
                let mark = Ident::new(crate::parse::MUT_SELF, name.span());
                method.attrs.push(syn::parse_quote!(#[#mark]));
            }
            kind.extend(quote!(method {#generics} {#clause} {#self_ty} {#method}));
        }
        let size = Size::of(method.block.to_token_stream(), false);
        self.part(name, kind, size, paths, kernel);
        replaced
    }

    /// Adds an associated constant, as a function without parameters: it may mention `Self` and the block's generics.
    fn constant(&mut self, c: &syn::ImplItemConst) {
        let (found, _) = survey(&c.ident, self.options, self.host, |s| {
            let mut walk = Walk::new(s);
            walk.bind_generics(&self.generics);
            walk.visit_type(&self.self_ty);
            walk.visit_type(&c.ty);
            walk.visit_expr(&c.expr);
            walk.finish()
        });
        if let Some(e) = found.errors.0 {
            self.errors.push(e);
            return;
        }
        let (name, ty, expr) = (&c.ident, &c.ty, &c.expr);
        let mark = Ident::new(CONSTANT, name.span());
        let (generics, clause, self_ty) = (&self.generics, &self.generics.where_clause, &self.self_ty);
        let function = quote!(#[#mark] fn #name() -> #ty { #expr });
        let kind = quote!(method {#generics} {#clause} {#self_ty} {#function});
        self.part(name.clone(), kind, Size::default(), found.paths, None);
    }

    fn part(&mut self, name: Ident, kind: TokenStream, size: Size, paths: Vec<FreePath>, kernel: Option<Kernel>) {
        let keys = paths.iter().map(|p| (p.key.clone(), p.times)).collect();
        let known: BTreeSet<String> = self.paths.iter().map(|p| p.key.clone()).collect();
        self.paths.extend(paths.into_iter().filter(|p| !known.contains(&p.key)));
        self.parts.push(Part { name, kind, keys, size, kernel });
    }
}
