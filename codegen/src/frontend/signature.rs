//! What a signature says about how its function can be used.

use quote::{ToTokens, format_ident};
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{FnArg, GenericParam, Pat, ReturnType, Signature, Type};

use super::options::Errors;

/// How code outside of `#[jit]` may use a function.
#[derive(Debug)]
pub enum Calls {
    /// It has a kernel.
    Kernel,
    /// It cannot be called, for this reason.
    Refused(String),
}

/// Whether a function gets a kernel.
pub fn calls(sig: &Signature, inline: bool) -> Calls {
    let name = &sig.ident;
    if inline {
        return Calls::Refused(format!(
            "`{name}` is `#[jit(inline)]`: it has no kernel, and only other `#[jit]` functions can call it"
        ));
    }
    if let refused @ Calls::Refused(_) = calls_of_instance(sig) {
        return refused;
    }
    let generic = sig.generics.params.iter().any(|p| !matches!(p, GenericParam::Lifetime(_)));
    if generic {
        let like: Vec<&str> = sig
            .generics
            .params
            .iter()
            .filter_map(|p| match p {
                GenericParam::Lifetime(_) => None,
                GenericParam::Type(_) => Some("f32"),
                GenericParam::Const(_) => Some("64"),
            })
            .collect();
        let like = like.join(", ");
        let message = format!(
            "`{name}` is generic: make a kernel of it with kiln::instantiate!(pub fn my_{name} = {name}::<{like}>), or call it from a `#[jit]` function"
        );
        return Calls::Refused(message);
    }
    Calls::Kernel
}

/// The same once its generic parameters are given.
pub fn calls_of_instance(sig: &Signature) -> Calls {
    let mut special = Special(None);
    sig.inputs.iter().for_each(|input| special.visit_fn_arg(input));
    if let ReturnType::Type(_, ty) = &sig.output {
        let mut returned = Special(None);
        returned.visit_type(ty);
        // `-> Option<..>` and `-> impl Fn(..)` have no place in memory either.
        special.0 = special.0.or(returned.0);
    }
    let bounded_by_fn = sig
        .generics
        .params
        .iter()
        .any(|p| matches!(p, GenericParam::Type(t) if t.bounds.to_token_stream().to_string().contains("Fn")));
    let bounded_by_fn = bounded_by_fn || sig.generics.where_clause.to_token_stream().to_string().contains("Fn");
    match special.0.or(bounded_by_fn.then_some("functions")) {
        Some(what) => Calls::Refused(format!(
            "`{}` takes or returns {what}, which exist only while compiling: call it from a `#[jit]` function",
            sig.ident
        )),
        None => Calls::Kernel,
    }
}

/// Looks for types whose values exist only while compiling.
struct Special(Option<&'static str>);

impl<'ast> Visit<'ast> for Special {
    fn visit_type(&mut self, ty: &'ast Type) {
        match ty {
            Type::ImplTrait(_) | Type::BareFn(_) => self.0 = Some("functions"),
            Type::Path(p) if p.path.segments.last().is_some_and(|s| s.ident == "Option") => {
                self.0 = Some("an `Option`")
            }
            Type::Path(p) if p.path.is_ident("str") => self.0 = Some("text"),
            _ => visit::visit_type(self, ty),
        }
    }
}

/// Reports what no kernel can have. `method` says that a receiver is fine.
pub fn check(sig: &Signature, method: bool, errors: &mut Errors) {
    let mut wrong = |tokens: &dyn ToTokens, message: &str| errors.push(syn::Error::new_spanned(tokens, message));
    if let Some(token) = &sig.asyncness {
        wrong(token, "a kernel runs from start to end: `async` has nothing to wait for");
    }
    if let Some(token) = &sig.unsafety {
        wrong(token, "a kernel is safe code: remove `unsafe`");
    }
    if let Some(token) = &sig.abi {
        wrong(token, "a kernel is a Rust function: wrap it in an `extern` function of your own");
    }
    if let Some(token) = &sig.constness {
        wrong(
            token,
            "a kernel runs at run time: remove `const`; what is static in its body is computed while compiling anyway",
        );
    }
    if let Some(token) = &sig.variadic {
        wrong(token, "a kernel has a fixed number of parameters");
    }
    let mut lent = Lent { errors, position: "", inside: false };
    for input in &sig.inputs {
        match input {
            FnArg::Receiver(r) if !method => {
                lent.errors
                    .push(syn::Error::new_spanned(r, "`self` belongs in an `impl` block: write `#[jit]` on the block"));
            }
            FnArg::Receiver(r) => {
                let plain = match &*r.ty {
                    Type::Reference(inner) => &inner.elem,
                    ty => ty,
                };
                if !matches!(plain, Type::Path(p) if p.path.is_ident("Self")) {
                    lent.errors.push(syn::Error::new_spanned(&r.ty, "a receiver is `self`, `&self` or `&mut self`"));
                }
            }
            FnArg::Typed(t) => {
                lent.inside = false;
                lent.visit_type(&t.ty);
            }
        }
    }
    if let ReturnType::Type(_, ty) = &sig.output {
        lent.position = "a kernel returns values";
        lent.visit_type(ty);
    }
}

/// Looks for types without a size, and for references in results.
struct Lent<'a> {
    errors: &'a mut Errors,
    position: &'static str,
    /// Inside of a tuple or an array.
    inside: bool,
}

impl<'ast> Visit<'ast> for Lent<'_> {
    fn visit_type(&mut self, ty: &'ast Type) {
        match ty {
            Type::Slice(s) => {
                let elem = s.elem.to_token_stream();
                let message = format!(
                    "a slice does not say its length: write `[{elem}; N]` with a number, a constant or a const generic"
                );
                self.errors.push(syn::Error::new_spanned(ty, message));
            }
            Type::TraitObject(_) => {
                self.errors.push(syn::Error::new_spanned(ty, "a kernel knows what it calls: use `impl Fn(..)`"))
            }
            Type::Ptr(_) => self
                .errors
                .push(syn::Error::new_spanned(ty, "a kernel takes arrays, `&` or `&mut` references, and no pointers")),
            Type::Reference(r) if !self.position.is_empty() => {
                let elem = r.elem.to_token_stream();
                self.errors.push(syn::Error::new_spanned(ty, format!("{}: write `{elem}`", self.position)));
            }
            Type::Reference(r) if r.mutability.is_some() && self.inside => {
                let elem = r.elem.to_token_stream();
                let message = format!(
                    "what a kernel changes is a parameter of its own: write `name: &mut {elem}` beside this one"
                );
                self.errors.push(syn::Error::new_spanned(ty, message));
            }
            Type::Array(a) if matches!(&*a.elem, Type::Reference(_)) => {
                let Type::Reference(r) = &*a.elem else { return };
                let (elem, len) = (r.elem.to_token_stream(), a.len.to_token_stream());
                let message =
                    format!("an array is one piece of memory and holds no references: write `&[{elem}; {len}]`");
                self.errors.push(syn::Error::new_spanned(&a.elem, message));
            }
            Type::Tuple(_) | Type::Array(_) => {
                let outer = std::mem::replace(&mut self.inside, true);
                visit::visit_type(self, ty);
                self.inside = outer;
            }
            Type::ImplTrait(_) => {}
            _ => visit::visit_type(self, ty),
        }
    }
}

/// Takes out of a refused signature what rustc would refuse again: references in the result become values, and `const` and
/// `async` go.
pub fn harmless(sig: &mut Signature) {
    (sig.constness, sig.asyncness) = (None, None);
    struct Own;
    impl VisitMut for Own {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            while let Type::Reference(r) = ty {
                *ty = (*r.elem).clone();
            }
            visit_mut::visit_type_mut(self, ty);
        }
    }
    Own.visit_return_type_mut(&mut sig.output);
}

/// Gives every parameter a plain name; a pattern becomes the first statement of the body.
pub fn plain_parameters(sig: &mut Signature, block: &mut syn::Block) {
    let mut lets: Vec<syn::Stmt> = Vec::new();
    for (i, input) in sig.inputs.iter_mut().enumerate() {
        match input {
            FnArg::Receiver(r) if r.reference.is_none() => {
                if r.mutability.take().is_some() {
                    // `self` cannot be bound again; the method that is published is marked.
                    *r.ty = syn::parse_quote!(Self);
                }
            }
            FnArg::Receiver(_) => {}
            FnArg::Typed(t) => match &mut *t.pat {
                Pat::Ident(p) if p.by_ref.is_none() && p.subpat.is_none() => {
                    if p.mutability.take().is_some() {
                        let name = &p.ident;
                        lets.push(syn::parse_quote!(let mut #name = #name;));
                    }
                }
                pat => {
                    let name = format_ident!("arg_{}", i);
                    if !matches!(pat, Pat::Wild(_)) {
                        lets.push(syn::parse_quote!(let #pat = #name;));
                    }
                    *pat = syn::parse_quote!(#name);
                }
            },
        }
    }
    block.stmts.splice(0..0, lets);
}

/// Appends a parameter.
pub fn add_parameter(sig: &mut Signature, parameter: &proc_macro2::TokenStream) {
    sig.inputs.push(syn::parse_quote!(#parameter));
}
