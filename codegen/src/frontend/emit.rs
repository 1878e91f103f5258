//! What takes the place of a `#[jit]` function: a call of its kernel, and beside it a module of facts.

use proc_macro2::{Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::visit_mut::{self, VisitMut};
use syn::{FnArg, Pat, ReturnType, Signature, Type, Visibility};

use super::options::{Options, Workspace};
use super::publish;
use crate::unit::{Called, Callee, Calls, Form, Item, Json, Kernel, RETURNED, SLOT};

/// The signature of a kernel, free of what only makes sense where it was written.
#[derive(Debug)]
pub struct Shape {
    /// Parameters by name, the receiver among them under another name than `self`.
    params: Vec<(Ident, Type)>,
    result: Option<Type>,
    /// Name of the workspace.
    pub workspace: Ident,
    /// Name of the receiver.
    pub receiver: Ident,
}

impl Shape {
    /// The shape of a function or method.
    pub fn of(item: &Item) -> Option<Shape> {
        match item {
            Item::Fn(f) => Some(Shape::new(&f.sig, None)),
            Item::Method { self_ty, method, .. } => Some(Shape::new(&method.sig, Some(self_ty))),
            _ => None,
        }
    }

    /// The shape of a signature whose parameters are plain names.
    pub fn new(sig: &Signature, self_ty: Option<&Type>) -> Shape {
        let names: Vec<String> = sig.inputs.iter().filter_map(name_of).map(|n| n.to_string()).collect();
        let free = |word: &str| {
            let mut word = word.to_owned();
            while names.contains(&word) {
                word.push('_');
            }
            Ident::new(&word, Span::call_site())
        };
        let (workspace, receiver) = (free("ws"), free("this"));
        let clean = |ty: &Type| {
            let mut ty = ty.clone();
            Portable { self_ty }.visit_type_mut(&mut ty);
            ty
        };
        // The compiler makes its names at the place of the expansion, and a name that came through `macro_rules` would not
        // be the same one.
        let here = |name: &Ident| {
            let mut name = name.clone();
            name.set_span(name.span().resolved_at(Span::call_site()));
            name
        };
        let params = sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(t) => Some((here(name_of(input)?), clean(&t.ty))),
            FnArg::Receiver(r) => Some((receiver.clone(), clean(&r.ty))),
        });
        let params = params.collect();
        let result = match &sig.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(clean(ty)),
        };
        Shape { params, result, workspace, receiver }
    }

    fn arrow(&self) -> TokenStream {
        self.result.as_ref().map(|ty| quote!(-> #ty)).unwrap_or_default()
    }
}

/// The name of a parameter that is a plain name.
fn name_of(input: &FnArg) -> Option<&Ident> {
    match input {
        FnArg::Typed(t) => match &*t.pat {
            Pat::Ident(p) => Some(&p.ident),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    }
}

/// Makes a type mean the same outside of its `impl` block and its generics: `Self` is spelled out, lifetimes go.
struct Portable<'a> {
    self_ty: Option<&'a Type>,
}

impl VisitMut for Portable<'_> {
    fn visit_type_reference_mut(&mut self, r: &mut syn::TypeReference) {
        r.lifetime = None;
        visit_mut::visit_type_reference_mut(self, r);
    }

    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let (Type::Path(p), Some(self_ty)) = (&*ty, self.self_ty)
            && p.qself.is_none()
            && p.path.is_ident("Self")
        {
            *ty = self_ty.clone();
            return;
        }
        visit_mut::visit_type_mut(self, ty);
    }

    fn visit_expr_path_mut(&mut self, e: &mut syn::ExprPath) {
        if let Some(self_ty) = self.self_ty {
            let of_self = e.qself.is_none()
                && e.path.segments.len() > 1
                && e.path.segments.first().is_some_and(|s| s.ident == "Self");
            if of_self {
                let rest = e.path.segments.iter().skip(1);
                if let Ok(spelled) = syn::parse2(quote!(<#self_ty>:: #(#rest)::*)) {
                    *e = spelled;
                    return;
                }
            }
        }
        visit_mut::visit_expr_path_mut(self, e);
    }
}

/// Lints that generated code would trip, whatever the user's crate turns on.
pub fn quiet() -> TokenStream {
    quote! {
        #[allow(
            warnings, clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction,
            non_upper_case_globals, non_snake_case, non_camel_case_types, private_interfaces, private_bounds, unreachable_pub,
            missing_debug_implementations, unused, non_local_definitions
        )]
    }
}

/// The body of a function with a kernel: make a workspace, call.
pub fn body(sig: &Signature, module: &Ident, options: &Options, facade: &TokenStream) -> TokenStream {
    let span = module.span();
    let args = sig.inputs.iter().map(|input| match (input, name_of(input)) {
        (FnArg::Receiver(r), _) => r.self_token.to_token_stream(),
        (_, Some(name)) => name.to_token_stream(),
        _ => TokenStream::new(),
    });
    let args: Vec<_> = args.collect();
    let ws = Ident::new("__workspace", Span::mixed_site());
    let call = quote_spanned!(span=> <#module::Tag as #module::Compiled>::WITH);
    let bytes = quote_spanned!(span=> { <#module::Tag as #module::Compiled>::ARENA_BYTES });
    match options.workspace {
        Workspace::Stack => quote!({
            #facade::rt::Arena::<#bytes>::lend(|#ws| (#call)(#ws, #(#args),*))
        }),
        Workspace::Static => quote!({
            static WORKSPACE: #facade::rt::Shared<#bytes> = #facade::rt::Shared::new();
            WORKSPACE.with(|#ws| (#call)(#ws, #(#args),*))
        }),
        Workspace::Caller => {
            let ws = Shape::new(sig, None).workspace;
            quote!({ (#call)(#ws, #(#args),*) })
        }
    }
}

/// The parameter that `workspace = "caller"` adds.
pub fn workspace_parameter(sig: &Signature, module: &Ident) -> TokenStream {
    let ws = Shape::new(sig, None).workspace;
    quote!(#ws: &mut #module::Workspace)
}

/// The module of facts beside a kernel. The facts come through a trait, because an `impl` may stand anywhere: also beside a
/// function that is written inside another function's body, which no path leads into.
pub fn facts(vis: &Visibility, module: &Ident, title: &str, advice: &[String], facade: &TokenStream) -> TokenStream {
    let span = module.span();
    let quiet = quiet();
    let message = format!("{title} was not compiled, because of the error above");
    let label = "has no kernel";
    let doc = format!("What is known about the kernel of {title}.");
    // Every mention of the trait has the same span: rustc reports a missing kernel once, at the function's name.
    let of = |what: &str| {
        let what = Ident::new(what, span);
        quote_spanned!(span=> <Tag as Compiled>::#what)
    };
    let (ram, flash, flops, graph) = (of("RAM_BYTES"), of("FLASH_CONST_BYTES"), of("FLOPS"), of("GRAPH"));
    let (arena, with_type, with) = (of("ARENA_BYTES"), of("With"), of("WITH"));
    quote! {
        #[doc = #doc]
        #quiet
        #vis mod #module {
            #[doc(hidden)]
            pub enum Tag {}
            #[doc(hidden)]
            #[diagnostic::on_unimplemented(message = #message, label = #label, #(note = #advice),*)]
            pub(super) trait Compiled {
                const ARENA_BYTES: usize;
                const RAM_BYTES: usize;
                const FLASH_CONST_BYTES: usize;
                const FLOPS: u64;
                const GRAPH: &'static str;
                type With;
                const WITH: Self::With;
            }
            /// Bytes of RAM that a call needs: the workspace and a bound on the stack.
            pub const RAM_BYTES: usize = #ram;
            /// Bytes of constants in flash.
            pub const FLASH_CONST_BYTES: usize = #flash;
            /// Floating-point operations of a call.
            pub const FLOPS: u64 = #flops;
            /// The optimised graph, with the source lines it came from.
            pub const GRAPH: &str = #graph;
            /// Memory for intermediate results.
            pub type Workspace = #facade::rt::Arena<{ #arena }>;
            /// The kernel with a workspace of the caller's choice as its first argument.
            pub const with: #with_type = #with;
        }
    }
}

/// The implementation behind the facts of the kernel with the identity `id`.
pub fn implement(shape: &Shape, module: &Ident, options: &Options, kernel: Kernel, id: &str) -> TokenStream {
    let needs = needs_of(module);
    let Numbers { ahead, arena: arena_bytes, ram, flash, flops } = Numbers::of(&kernel, id, &needs);
    let Kernel { errors, items, body, graph, shadow, record, called, form, .. } = kernel;
    let facade = options.facade();
    let quiet = quiet();
    let arrow = shape.arrow();
    let names = shape.params.iter().map(|(name, _)| name);
    let types: Vec<_> = shape.params.iter().map(|(_, ty)| ty).collect();
    let ws = &shape.workspace;
    let arena = quote!(&mut #facade::rt::Arena<#arena_bytes>);
    let callee = called.map(|called| {
        quote! {
            impl #module::Tag {
                pub const fn needs() -> &'static ::kiln::rt::Needs {
                    &#needs
                }
                #called
            }
        }
    });
    let (returned, slot) = (Ident::new(RETURNED, Span::call_site()), Ident::new(SLOT, Span::call_site()));
    let result = shape.result.as_ref().filter(|_| form != Form::Value).map(|ty| quote!(type #returned = #ty;));
    let (built, body) = match form {
        Form::Value | Form::Named => (None, body),
        // What a single call writes the compiler has written where the caller wants it; what several calls write it copies.
        Form::Built => {
            let params: Vec<_> = shape.params.iter().map(|(name, ty)| quote!(#name: #ty)).collect();
            let build = quote! {
                #[inline(never)]
                fn build(#ws: #arena, #slot: &mut ::kiln::rt::Unwritten<#returned>, #(#params),*) { #body }
            };
            let names = shape.params.iter().map(|(name, _)| name);
            let body = quote! {
                let mut #slot = ::kiln::rt::Unwritten::<#returned>::tree();
                build(#ws, &mut #slot, #(#names),*);
                #slot.written()
            };
            (Some(build), body)
        }
    };
    let code = quote! {
        #ahead
        #items
        #result
        #built
        #callee
        fn with(#ws: #arena, #(#names: #types),*) #arrow { #body }
    };
    let code = if options.facade.is_some() { renamed(code, &facade) } else { code };
    let record = (!record.is_empty()).then(|| leave_record(record, &code));
    quote! {
        #errors
        #record
        #shadow
        #quiet
        const _: () = {
            #code
            impl #module::Compiled for #module::Tag {
                const ARENA_BYTES: usize = #arena_bytes;
                const RAM_BYTES: usize = #ram;
                const FLASH_CONST_BYTES: usize = #flash;
                const FLOPS: u64 = #flops;
                const GRAPH: &'static str = #graph;
                type With = fn(#arena, #(#types),*) #arrow;
                const WITH: Self::With = with;
            }
        };
    }
}

/// The static with what a kernel and those that it calls need. Kernels that call each other in a ring which is longer than the
/// front end looks ahead are reported by rustc, as a cycle of these: their names say which.
fn needs_of(module: &Ident) -> Ident {
    format_ident!("NEEDS_OF_{}", module.to_string().trim_start_matches("r#").to_uppercase())
}

/// The numbers beside a kernel. Where it calls others, rustc does the sums: how much those need is not known here.
struct Numbers {
    /// Constants, where there are callers or callees.
    ahead: Option<TokenStream>,
    arena: TokenStream,
    ram: TokenStream,
    flash: TokenStream,
    flops: TokenStream,
}

impl Numbers {
    fn of(kernel: &Kernel, id: &str, needs: &Ident) -> Numbers {
        let Calls { kernels, frame_bytes } = &kernel.calls;
        let bytes = |n: usize| Literal::usize_suffixed(n).into_token_stream();
        let (arena, stack, result) = (bytes(kernel.arena_bytes), bytes(kernel.stack_bytes), bytes(kernel.result_bytes));
        let (flash, flops) = (bytes(kernel.flash_const_bytes), kernel.flops);
        if kernels.is_empty() && kernel.called.is_none() {
            let ram = bytes(kernel.ram_bytes());
            return Numbers { ahead: None, arena, ram, flash, flops: quote!(#flops) };
        }
        let callees = kernels.iter().map(|Called { callee: Callee { module, .. }, times, at }| {
            quote!(::kiln::rt::Callee { times: #times, at: #at, needs: #module::Tag::needs() })
        });
        let id = publish::hash(id);
        let ahead = quote! {
            static #needs: ::kiln::rt::Needs = ::kiln::rt::Needs::new(
                ::kiln::rt::Own {
                    id: #id,
                    arena_bytes: #arena,
                    stack_bytes: #stack,
                    frame_bytes: #frame_bytes,
                    flash_bytes: #flash,
                    flops: #flops,
                },
                &[#(#callees),*],
            );
            const ARENA_BYTES: usize = #needs.arena_bytes;
        };
        Numbers {
            ahead: Some(ahead),
            arena: quote!(ARENA_BYTES),
            ram: quote!(ARENA_BYTES + #needs.stack_bytes + #result),
            flash: quote!(#needs.flash_bytes()),
            flops: quote!(#needs.flops),
        }
    }
}

/// A warning whose text is the record: what a macro says on stable Rust, `cargo check` hands on together with the path of the
/// item it is about, also when it compiled the crate earlier. Nothing is linked, so it works for every target.
fn leave_record(mut record: Vec<(&'static str, Json)>, code: &TokenStream) -> TokenStream {
    record.push(("code", Json::Text(code.to_string())));
    let text = format!("{}{}", crate::record::MARK, Json::Object(record));
    quote! {
        #[warn(warnings, deprecated)]
        const _: () = {
            #[deprecated = #text]
            const KILN_RECORD: () = ();
            KILN_RECORD
        };
    }
}

/// What stands in for a kernel after an error that has been reported: it type-checks, so nothing else lights up.
pub fn stand_in() -> Kernel {
    Kernel { body: quote!(loop {}), ..Kernel::default() }
}

/// Replaces `::kiln` by the path the user gave.
fn renamed(tokens: TokenStream, facade: &TokenStream) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(g) => {
                let mut group = Group::new(g.delimiter(), renamed(g.stream(), facade));
                group.set_span(g.span());
                out.push(group.into());
            }
            TokenTree::Ident(name) if name == "kiln" && after_leading_colons(&out) => {
                out.truncate(out.len() - 2);
                out.extend(facade.clone());
            }
            token => out.push(token),
        }
    }
    out.into_iter().collect()
}

/// Whether `out` ends in a `::` that no path segment precedes.
fn after_leading_colons(out: &[TokenTree]) -> bool {
    let colon = |t: &TokenTree| matches!(t, TokenTree::Punct(p) if p.as_char() == ':');
    match out {
        [.., before, a, b] => {
            colon(a) && colon(b) && !matches!(before, TokenTree::Ident(_))
                || matches!(before, TokenTree::Ident(i) if is_keyword(i)) && colon(a) && colon(b)
        }
        [a, b] => colon(a) && colon(b),
        _ => false,
    }
}

fn is_keyword(name: &Ident) -> bool {
    syn::parse2::<Ident>(name.to_token_stream()).is_err()
}

/// A function that only `#[jit]` code can call: whoever else calls it gets `message` from rustc. What is generic is
/// looked at only when somebody calls; `of_generic` says that the surroundings are. `#[inline]` keeps a function that is not
/// from being compiled on its own.
pub fn refused(
    attrs: &[syn::Attribute],
    vis: &Visibility,
    sig: &Signature,
    of_generic: bool,
    message: &str,
) -> TokenStream {
    if let ReturnType::Type(_, ty) = &sig.output
        && matches!(**ty, Type::ImplTrait(_))
    {
        return TokenStream::new(); // Nothing that never returns has this type.
    }
    let generic = sig.generics.params.iter().any(|p| !matches!(p, syn::GenericParam::Lifetime(_)));
    let generic =
        generic || sig.inputs.iter().any(|i| matches!(i, FnArg::Typed(t) if matches!(*t.ty, Type::ImplTrait(_))));
    let body = match generic || of_generic {
        // The note to the message points at the call.
        true => quote!({
            const { ::core::panic!(#message) };
            loop {}
        }),
        false => quote!({
            fn refuse<T>() -> ! {
                const { ::core::panic!(#message) }
            }
            refuse::<()>()
        }),
    };
    let quiet = quote!(#[inline] #[allow(unused, clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction)]);
    let inline = attrs.iter().any(|a| a.path().is_ident("inline"));
    let quiet = if inline { quote!(#[allow(unused)]) } else { quiet };
    function(attrs, vis, sig, &quiet, &body)
}

/// Other kernels use a function without calling it, and what it hands on may be called `_x`.
pub fn live() -> TokenStream {
    quote!(#[allow(dead_code, clippy::used_underscore_binding)])
}

/// A signature with something in place of its body.
pub fn function(
    attrs: &[syn::Attribute],
    vis: &Visibility,
    sig: &Signature,
    extra: &TokenStream,
    body: &TokenStream,
) -> TokenStream {
    // Kiln's own attributes mean something in the published body only.
    let attrs = attrs.iter().filter(|a| !is_kiln_attribute(a));
    quote!(#(#attrs)* #extra #vis #sig #body)
}

/// Attributes of Kiln that may stand below `#[jit]`.
pub fn is_kiln_attribute(attr: &syn::Attribute) -> bool {
    let names = ["custom_jvp", "custom_vjp", "custom_vmap", "jit"];
    attr.path().segments.last().is_some_and(|s| names.iter().any(|name| s.ident == name))
}

/// `T_m`, where the facts about method `m` of `T` are.
pub fn method_module(self_ty: &Type, method: &Ident) -> Ident {
    let of = match self_ty {
        Type::Path(p) => p.path.segments.last().map(|s| s.ident.to_string()),
        _ => None,
    };
    format_ident!("{}_{}", of.unwrap_or_default(), method, span = method.span())
}
