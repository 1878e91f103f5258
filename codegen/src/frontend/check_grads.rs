//! `check_grads!`: the kernels that a test of derivatives of any order needs, and the function that holds each against the one below.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, FnArg, Ident, LitInt, Pat, Token, Type, Visibility};

/// Beyond this the kernels, which double with each order, are more than anybody waits for.
const MAX_ORDER: usize = 5;

/// `pub fn name(x: &X, more: &Y) -> f32 = f, order = 2, modes = (fwd, rev)`.
struct Request {
    attrs: Vec<Attribute>,
    vis: Visibility,
    name: Ident,
    params: Vec<(Ident, Type)>,
    ret: Type,
    f: Expr,
    order: usize,
    modes: Vec<Mode>,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Fwd,
    Rev,
}

impl Mode {
    fn text(self) -> &'static str {
        match self {
            Mode::Fwd => "fwd",
            Mode::Rev => "rev",
        }
    }

    fn of(name: &Ident) -> syn::Result<Mode> {
        match name.to_string().as_str() {
            "fwd" => Ok(Mode::Fwd),
            "rev" => Ok(Mode::Rev),
            _ => Err(syn::Error::new(name.span(), "a mode is `fwd` or `rev`")),
        }
    }
}

impl Parse for Request {
    fn parse(input: ParseStream<'_>) -> syn::Result<Request> {
        let (attrs, vis) = (input.call(Attribute::parse_outer)?, input.parse()?);
        input.parse::<Token![fn]>()?;
        let name: Ident = input.parse()?;
        let inside;
        let parentheses = syn::parenthesized!(inside in input);
        let mut params = Vec::new();
        for p in Punctuated::<FnArg, Token![,]>::parse_terminated(&inside)? {
            match p {
                FnArg::Typed(p) => match *p.pat {
                    Pat::Ident(at) => params.push((at.ident, *p.ty)),
                    other => return Err(syn::Error::new_spanned(other, "a parameter of a kernel is a name")),
                },
                FnArg::Receiver(at) => return Err(syn::Error::new_spanned(at, "name the parameter, and its type")),
            }
        }
        if params.is_empty() {
            let text = "the function is differentiated by its first parameter: it needs one";
            return Err(syn::Error::new(parentheses.span.join(), text));
        }
        input.parse::<Token![->]>()?;
        let ret = input.parse()?;
        input.parse::<Token![=]>()?;
        let mut out =
            Request { attrs, vis, name, params, ret, f: input.parse()?, order: 1, modes: vec![Mode::Fwd, Mode::Rev] };
        while !input.is_empty() {
            if input.peek(Token![;]) {
                input.parse::<Token![;]>()?;
                break;
            }
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "order" => {
                    let n: LitInt = input.parse()?;
                    out.order = n.base10_parse()?;
                    if !(1..=MAX_ORDER).contains(&out.order) {
                        return Err(syn::Error::new(n.span(), format!("`order` is a number from 1 to {MAX_ORDER}")));
                    }
                }
                "modes" => {
                    let list;
                    let parentheses = syn::parenthesized!(list in input);
                    let names = Punctuated::<Ident, Token![,]>::parse_terminated(&list)?;
                    out.modes = names.iter().map(Mode::of).collect::<syn::Result<_>>()?;
                    out.modes.dedup_by(|a, b| a == b);
                    if out.modes.is_empty() {
                        return Err(syn::Error::new(
                            parentheses.span.join(),
                            "write `modes = (fwd, rev)`, or one of them",
                        ));
                    }
                }
                _ => return Err(syn::Error::new(key.span(), "`check_grads!` takes `order` and `modes`")),
            }
        }
        if input.is_empty() { Ok(out) } else { Err(input.error("`check_grads!` takes one function")) }
    }
}

/// `check_grads!(..)`.
pub fn check_grads(input: TokenStream) -> TokenStream {
    let request: Request = match super::nesting::check(&input).and_then(|()| syn::parse2(input)) {
        Ok(request) => request,
        Err(e) => return e.to_compile_error(),
    };
    let mut stacks: Vec<Vec<Mode>> = vec![Vec::new()];
    let mut level = stacks.clone();
    for _ in 0..request.order {
        level = level
            .iter()
            .flat_map(|below| request.modes.iter().map(move |mode| [below.as_slice(), &[*mode]].concat()))
            .collect();
        stacks.extend(level.iter().cloned());
    }
    let kernels = stacks.iter().map(|stack| request.kernel(stack));
    let check = request.check(&stacks[1..]);
    quote!(#(#kernels)* #check)
}

impl Request {
    /// The name of the kernel of a stack of modes, innermost first.
    fn kernel_name(&self, stack: &[Mode]) -> Ident {
        let modes: String = stack.iter().map(|mode| format!("_{}", mode.text())).collect();
        let value = if stack.is_empty() { "_value" } else { "" };
        Ident::new(&format!("__{}{value}{modes}", self.name), self.name.span())
    }

    /// The derivative along `direction`, once for each mode of the stack.
    fn kernel(&self, stack: &[Mode]) -> TokenStream {
        let Request { f, ret, .. } = self;
        let (x, of_x) = &self.params[0];
        let more: Vec<&Ident> = self.params[1..].iter().map(|(name, _)| name).collect();
        let params = self.params.iter().map(|(name, ty)| quote!(#name: #ty));
        // Names that the user's parameters do not have.
        let (name, along) = (self.kernel_name(stack), Ident::new("__v", Span::call_site()));
        let mut lets = quote!(let __f = #f; let d0 = |__x| __f(__x #(, #more)*););
        for (n, mode) in stack.iter().enumerate() {
            let (below, this) = (format_ident!("d{n}"), format_ident!("d{}", n + 1));
            lets.extend(match mode {
                Mode::Fwd => quote!(let #this = |__x| jvp(#below, (__x,), (#along,)).1;),
                // Of a complex argument the slope is the real part of a product.
                Mode::Rev => quote! {
                    let #this = |__x| tree::reduce(|a, b| a + b, tree_map(|g, v| sum(real(g * v)), grad(#below)(__x), #along));
                },
            });
        }
        let top = format_ident!("d{}", stack.len());
        quote! {
            #[::kiln::jit]
            #[allow(dead_code)]
            fn #name(#(#params,)* #along: #of_x) -> #ret { #lets #top(#x) }
        }
    }

    /// The function that is called: every derivative against differences of the one below it.
    fn check(&self, stacks: &[Vec<Mode>]) -> TokenStream {
        let Request { attrs, vis, name, .. } = self;
        let (x, of_x) = &self.params[0];
        let params = self.params.iter().map(|(name, ty)| quote!(#name: #ty));
        let more: Vec<&Ident> = self.params[1..].iter().map(|(name, _)| name).collect();
        let whole = if matches!(of_x, Type::Reference(_)) { x.to_token_stream() } else { quote!(&#x) };
        let plain = if matches!(of_x, Type::Reference(_)) { quote!() } else { quote!(*) };
        let checks = stacks.iter().map(|stack| {
            let (this, below) = (self.kernel_name(stack), self.kernel_name(&stack[..stack.len() - 1]));
            let modes = stack.iter().map(|mode| mode.text()).collect::<Vec<_>>().join(", ");
            quote! {
                ::kiln::test::check_order(
                    #modes,
                    |__x, __v| #below(#plain __x #(, #more)*, #plain __v),
                    |__x, __v| #this(#plain __x #(, #more)*, #plain __v),
                    #whole,
                    tolerance,
                )?;
            }
        });
        quote! {
            #(#attrs)*
            #vis fn #name(
                #(#params,)*
                tolerance: &::kiln::test::Tolerance,
            ) -> ::core::result::Result<(), ::kiln::test::OrderError> {
                #(#checks)*
                ::core::result::Result::Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_double_with_each_order() {
        let out = check_grads("fn d(x: &[f32; 2], k: f32) -> f32 = f, order = 2".parse().unwrap()).to_string();
        let names = ["__d_value", "__d_fwd", "__d_rev", "__d_fwd_fwd", "__d_rev_fwd", "__d_fwd_rev", "__d_rev_rev"];
        assert!(names.iter().all(|name| out.contains(&format!("fn {name} ("))), "{out}");
        assert_eq!(out.matches(":: kiln :: jit").count(), names.len());
    }

    #[test]
    fn what_cannot_be_is_told() {
        for (request, why) in [
            ("fn d() -> f32 = f", "the function is differentiated by its first parameter: it needs one"),
            ("fn d((a, b): (f32, f32)) -> f32 = f", "a parameter of a kernel is a name"),
            ("fn d(&self) -> f32 = f", "name the parameter, and its type"),
            ("fn d(x: f32) -> f32 = f, order = 6", "`order` is a number from 1 to 5"),
            ("fn d(x: f32) -> f32 = f, modes = (forward)", "a mode is `fwd` or `rev`"),
            ("fn d(x: f32) -> f32 = f, modes = ()", "write `modes = (fwd, rev)`, or one of them"),
            ("fn d(x: f32) -> f32 = f, eps = 1.0", "`check_grads!` takes `order` and `modes`"),
            ("fn d(x: f32) -> f32 = f; fn e(x: f32) -> f32 = f", "`check_grads!` takes one function"),
        ] {
            let out = check_grads(request.parse().unwrap()).to_string();
            assert!(out.contains("compile_error") && out.contains(why), "{request}: {out}");
        }
    }
}
