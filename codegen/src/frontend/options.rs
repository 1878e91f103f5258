//! What may be written between the parentheses of `#[jit(..)]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, ExprUnary, Lit, Token, UnOp};

/// The options of one `#[jit]`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Bytes that the arena must fit into, and where that is written.
    pub ram: Option<(usize, Span)>,
    /// Where the workspace of a plain call lives.
    pub workspace: Workspace,
    /// Permits fused multiply-add and reassociation.
    pub fast: bool,
    /// Op by op, every `let` observable under a debugger.
    pub unfused: bool,
    /// Says where the first NaN arises.
    pub debug_nans: bool,
    /// Adds the entry point for accelerators.
    pub offload: bool,
    /// Publishes the body only; no kernel of its own.
    pub inline: bool,
    /// Path of the `kiln` crate where it is not `::kiln`.
    pub facade: Option<syn::Path>,
    /// Names of functions defined beside an item of a `#[jit] mod`; they win over built-ins of the same name.
    pub siblings: Vec<String>,
}

/// Where the workspace of a plain call lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Workspace {
    /// On the stack of the call.
    #[default]
    Stack,
    /// In a `static` that a call borrows, and on the stack while another call has it.
    Static,
    /// Passed by the caller as the last argument.
    Caller,
}

const KNOWN: &str = "`ram = \"16 KiB\"`, `fast`, `workspace = \"stack\"`, `unfused`, `debug_nans`, `offload`, `inline` and `crate = path`";

impl Options {
    /// Reads the tokens between the parentheses. Every mistake is reported, and what could be read is kept, so that a
    /// misspelt option does not hide the function from the rest of the crate.
    pub fn parse(tokens: TokenStream) -> (Options, Option<syn::Error>) {
        let mut options = Options::default();
        let mut errors = Errors::default();
        if let Err(e) = (|input: ParseStream<'_>| options.read(input, &mut errors)).parse2(tokens) {
            errors.push(e);
        }
        (options, errors.0)
    }

    /// The options of the `#[jit(..)]` among `attrs`, if there is one.
    pub fn of(attrs: &[syn::Attribute]) -> (Options, Option<syn::Error>) {
        Options::parse(Options::tokens_of(attrs))
    }

    /// What is written between the parentheses of the `#[jit(..)]` among `attrs`.
    pub fn tokens_of(attrs: &[syn::Attribute]) -> TokenStream {
        let jit = attrs.iter().find(|a| a.path().segments.last().is_some_and(|s| s.ident == "jit"));
        match jit.map(|a| &a.meta) {
            Some(syn::Meta::List(list)) => list.tokens.clone(),
            _ => TokenStream::new(),
        }
    }

    /// Whether loops are computed as in every other kernel that says nothing, in whatever memory it takes.
    pub fn is_plain(&self) -> bool {
        !(self.fast || self.unfused || self.debug_nans || self.offload || self.ram.is_some())
    }

    /// The path of the facade crate.
    pub fn facade(&self) -> TokenStream {
        match &self.facade {
            Some(path) => quote!(#path),
            None => quote!(::kiln),
        }
    }

    fn read(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            let name = input.call(Ident::parse_any)?;
            let key = name.to_string();
            if seen.contains(&name) {
                errors.push(syn::Error::new(name.span(), format!("`{key}` is given twice")));
            }
            seen.push(name.clone());
            match key.as_str() {
                "__siblings" => {
                    let list;
                    syn::parenthesized!(list in input);
                    let names = list.parse_terminated(Ident::parse_any, Token![,])?;
                    self.siblings = names.iter().map(Ident::to_string).collect();
                }
                "fast" => self.fast = flag(input, &name, errors),
                "unfused" => self.unfused = flag(input, &name, errors),
                "debug_nans" => self.debug_nans = flag(input, &name, errors),
                "offload" => self.offload = flag(input, &name, errors),
                "inline" => self.inline = flag(input, &name, errors),
                "crate" => {
                    value(input, &name, "crate = path::to::kiln")?;
                    self.facade = Some(input.call(syn::Path::parse_mod_style)?);
                }
                "ram" => {
                    value(input, &name, "ram = \"16 KiB\"")?;
                    let size: Expr = input.parse()?;
                    match bytes(&size) {
                        Ok(n) => self.ram = Some((n, syn::spanned::Spanned::span(&size))),
                        Err(e) => errors.push(e),
                    }
                }
                "workspace" => {
                    value(input, &name, "workspace = \"static\"")?;
                    let place: Expr = input.parse()?;
                    match workspace(&place) {
                        Ok(place) => self.workspace = place,
                        Err(e) => errors.push(e),
                    }
                }
                _ => {
                    let message = format!("`#[jit]` has no option `{key}`; there are {KNOWN}");
                    errors.push(syn::Error::new(name.span(), message));
                    if input.peek(Token![=]) {
                        input.parse::<Token![=]>()?;
                        input.parse::<Expr>()?;
                    }
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        if self.inline {
            for name in seen.iter().filter(|name| ["ram", "offload", "workspace"].iter().any(|about| name == about)) {
                let message =
                    format!("`{name}` is about a kernel, and `inline` says not to make one: remove one of the two");
                errors.push(syn::Error::new(name.span(), message));
            }
        }
        Ok(())
    }
}

/// Collects mistakes; syn joins them into one error that expands to one `compile_error!` each.
#[derive(Debug, Default)]
pub struct Errors(pub Option<syn::Error>);

impl Errors {
    /// One more mistake.
    pub fn push(&mut self, e: syn::Error) {
        match &mut self.0 {
            Some(all) => all.combine(e),
            None => self.0 = Some(e),
        }
    }
}

/// A word that stands alone. `fast = true` is understood, and corrected.
fn flag(input: ParseStream<'_>, name: &Ident, errors: &mut Errors) -> bool {
    if !input.peek(Token![=]) {
        return true;
    }
    let _ = input.parse::<Token![=]>();
    let given = input.parse::<Expr>();
    errors.push(syn::Error::new(name.span(), format!("`{name}` takes no value: write `{name}`, or leave it out")));
    matches!(given, Ok(Expr::Lit(ExprLit { lit: Lit::Bool(b), .. })) if b.value)
}

fn value(input: ParseStream<'_>, name: &Ident, example: &str) -> syn::Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        return Ok(());
    }
    Err(syn::Error::new(name.span(), format!("`{name}` needs a value: `{example}`")))
}

/// `"16 KiB"`, `"1 MiB"`, `"512 B"`, `"512"` or `512`.
fn bytes(size: &Expr) -> syn::Result<usize> {
    let wrong = |found: &str| {
        let message =
            format!("{found} is not a size: write `\"16 KiB\"`, `\"512 B\"`, `\"1 MiB\"` or a number of bytes");
        syn::Error::new_spanned(size, message)
    };
    match size {
        Expr::Lit(ExprLit { lit: Lit::Int(n), .. }) if n.suffix().is_empty() || n.suffix() == "usize" => {
            n.base10_parse()
        }
        Expr::Lit(ExprLit { lit: Lit::Str(s), .. }) => {
            let text = s.value();
            let digits = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
            let unit = text.trim()[digits.len()..].trim();
            let scale: usize = match unit {
                "" | "B" => 1,
                "KiB" => 1 << 10,
                "MiB" => 1 << 20,
                "kB" | "KB" | "K" | "k" | "kib" | "MB" | "M" | "mib" => {
                    let message = format!("`{unit}` may mean 1000 or 1024: write `B`, `KiB` or `MiB`");
                    return Err(syn::Error::new_spanned(size, message));
                }
                _ => return Err(wrong(&format!("\"{text}\""))),
            };
            let number = digits.replace('_', "").parse::<usize>().ok().and_then(|n| n.checked_mul(scale));
            number.ok_or_else(|| wrong(&format!("\"{text}\"")))
        }
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), .. }) => Err(wrong("a negative number")),
        _ => Err(wrong("this")),
    }
}

fn workspace(place: &Expr) -> syn::Result<Workspace> {
    if let Expr::Lit(ExprLit { lit: Lit::Str(s), .. }) = place {
        match s.value().as_str() {
            "stack" => return Ok(Workspace::Stack),
            "static" => return Ok(Workspace::Static),
            "caller" => return Ok(Workspace::Caller),
            _ => {}
        }
    }
    Err(syn::Error::new_spanned(
        place,
        "a workspace lives on the `\"stack\"`, in a `\"static\"` or with the `\"caller\"`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Options, Vec<String>) {
        let (options, errors) = Options::parse(text.parse().unwrap());
        (options, errors.map(|e| e.into_iter().map(|e| e.to_string()).collect()).unwrap_or_default())
    }

    #[test]
    fn sizes_are_bytes_kib_and_mib() {
        for (text, bytes) in
            [("\"16 KiB\"", 16384), ("\"1MiB\"", 1 << 20), ("\"512 B\"", 512), ("\"1_000\"", 1000), ("4096", 4096)]
        {
            let (options, errors) = read(&format!("ram = {text}"));
            assert_eq!((options.ram.map(|(n, _)| n), errors), (Some(bytes), vec![]), "{text}");
        }
    }

    #[test]
    fn every_mistake_is_reported_and_the_rest_is_kept() {
        let (options, errors) = read("fsat, ram = \"16 kB\", workspace = \"heap\", unfused, fast = true");
        assert!(options.unfused && options.fast);
        assert_eq!(errors.len(), 4, "{errors:?}");
        assert!(errors[0].starts_with("`#[jit]` has no option `fsat`"), "{errors:?}");
        assert_eq!(errors[1], "`kB` may mean 1000 or 1024: write `B`, `KiB` or `MiB`");
        assert!(errors[2].contains("`\"stack\"`"), "{errors:?}");
        assert!(errors[3].contains("takes no value"), "{errors:?}");
    }

    #[test]
    fn a_size_that_overflows_is_not_a_size() {
        assert!(read("ram = \"99999999999999999999 MiB\"").1[0].contains("is not a size"));
        assert!(read("ram = -1").1[0].contains("a negative number is not a size"));
    }

    #[test]
    fn the_facade_may_be_renamed() {
        assert_eq!(read("").0.facade().to_string(), ":: kiln");
        assert_eq!(read("crate = my::k").0.facade().to_string(), "my :: k");
        assert!(read("inline, ram = 4").1[0].contains("remove one of the two"));
    }
}
