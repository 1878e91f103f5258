//! The macros that carry items from where they are written to where they are compiled.
//!
//! Every published item has two. The *identity* says only which item this is; it is re-exported under the item's own name,
//! so Rust's resolver finds it wherever it finds the item. The *body* carries the item and, for every path in it, the
//! identity that the path had where the item was written. A caller resolves the paths it mentions by a chain of identities
//!
//! ```text
//! dense!{ {} [crate::act::relu6] [::kiln::__finish] {rest..} }
//! ```
//!
//! in which every link appends a group to the accumulator in front and hands over to the next path in brackets. The last
//! link is a procedural macro, which finds one group per path. Bodies are fetched by the same kind of chain.

use std::collections::BTreeMap;

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};

use crate::unit::{MEMBER, member_id};

/// Longest chain that is left whole. Expansion depth counts against `recursion_limit`, which is 128 by default.
const LONGEST_CHAIN: usize = 8;

/// What an identity macro answers with.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The name of the identity macro, unique over all crates.
    pub id: Ident,
    /// The crate it belongs to, as a compilation.
    pub key: String,
    /// `$crate` of that crate; absent for an item that is being published right now.
    pub krate: TokenStream,
}

impl Identity {
    /// Reads the inside of a group.
    pub fn read(group: &TokenTree) -> Option<Identity> {
        let mut tokens = inside(group)?.into_iter();
        let TokenTree::Ident(id) = tokens.next()? else { return None };
        let key = string(&tokens.next()?)?;
        Some(Identity { id, key, krate: tokens.collect() })
    }

    /// The group that [`Identity::read`] reads.
    pub fn write(&self) -> TokenStream {
        let Identity { id, key, krate } = self;
        quote!({ #id #key #krate })
    }

    /// The name of the macro that carries the body.
    pub fn body(&self) -> Ident {
        body_name(&self.id)
    }
}

/// The name of the macro that carries the body of `id`. rustc names it when it does not exist, so it speaks.
pub fn body_name(id: &Ident) -> Ident {
    let text = id.to_string();
    let text = text.trim_start_matches("__kiln_");
    match text.split_once(MEMBER) {
        Some((owner, method)) => {
            let (name, place) = owner.rsplit_once('_').unwrap_or((owner, ""));
            format_ident!("method_{}_of_{}_with_jit_{}", method, name, place, span = id.span())
        }
        None => format_ident!("kernel_code_of_{}", text, span = id.span()),
    }
}

/// The identity under which the method `name` of the struct `owner` is published.
pub fn method_id(owner: &str, name: &str, span: Span) -> Ident {
    Ident::new(&member_id(owner, name), span)
}

/// What the links of a chain are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// All there is. The accumulator is in braces.
    All,
    /// What a body mentions, without the body. The accumulator is in brackets. rustc reads the accumulator again at every
    /// link, so a long way through many bodies is gone without them.
    Paths,
}

/// An exported macro that appends `payload`, any number of groups, to the accumulator.
pub fn exporter(name: &Ident, payload: &TokenStream, paths: Option<&TokenStream>) -> TokenStream {
    let arms = arms(payload, paths);
    quote! {
        #[doc(hidden)]
        #[macro_export]
        #[allow(non_local_definitions, clippy::crate_in_macro_def)]
        macro_rules! #name { #arms }
    }
}

/// The same for this scope only.
pub fn local_exporter(name: &Ident, payload: &TokenStream, paths: Option<&TokenStream>) -> TokenStream {
    let arms = arms(payload, paths);
    quote!(macro_rules! #name { #arms })
}

fn arms(payload: &TokenStream, paths: Option<&TokenStream>) -> TokenStream {
    let paths = paths.map(
        |paths| quote!(([$($acc:tt)*] [$($next:tt)*] $($rest:tt)*) => { $($next)*!{ [$($acc)* #paths] $($rest)* } };),
    );
    quote! {
        ({$($acc:tt)*} [$($next:tt)*] $($rest:tt)*) => { $($next)*!{ {$($acc)* #payload} $($rest)* } };
        #paths
    }
}

/// A chain to be called.
#[derive(Debug)]
pub struct Chain<'a> {
    /// The macros to call, one after the other.
    pub links: &'a [TokenStream],
    /// What to ask them for.
    pub ask: Ask,
    /// The name of the procedural macro that is handed what they answered, in order, and `ctx`.
    pub last: &'a str,
    /// Handed to `last`.
    pub ctx: &'a TokenStream,
    /// Path of the facade.
    pub facade: &'a TokenStream,
    /// What names the pieces of a long chain.
    pub scratch: Ident,
}

impl Chain<'_> {
    /// The calls. A long chain is cut into about the square root of its length: each piece leaves its answers in a macro of
    /// this scope, and a second chain runs over those.
    pub fn call(&self) -> TokenStream {
        let Chain { links, facade, scratch, ctx, .. } = self;
        let last = Ident::new(self.last, Span::call_site());
        let last = quote!(#facade::#last);
        if links.len() <= LONGEST_CHAIN {
            return self.link(links, &last, ctx);
        }
        let pieces: Vec<_> = links.chunks(links.len().isqrt()).collect();
        let names: Vec<_> = (0..pieces.len()).map(|i| format_ident!("{}_{}", scratch, i)).collect();
        let gather =
            pieces.iter().zip(&names).map(|(piece, name)| self.link(piece, &quote!(#facade::__gather), &quote!(#name)));
        let over: Vec<_> = names.iter().map(|name| quote!(#name)).collect();
        let join = self.link(&over, &last, ctx);
        quote!(#(#gather)* #join)
    }

    /// How deep the expansion of the calls is nested.
    pub fn depth(links: usize) -> usize {
        if links <= LONGEST_CHAIN { links + 1 } else { links.div_ceil(links.isqrt()) + 2 }
    }

    fn link(&self, links: &[TokenStream], last: &TokenStream, ctx: &TokenStream) -> TokenStream {
        let start = match self.ask {
            Ask::All => quote!({}),
            Ask::Paths => quote!([]),
        };
        match links {
            [] => quote!(#last!{ #start #ctx }),
            [first, rest @ ..] => quote!(#first!{ #start #([#rest])* [#last] #ctx }),
        }
    }
}

/// What is inside a group in braces.
pub fn inside(group: &TokenTree) -> Option<Vec<TokenTree>> {
    match group {
        TokenTree::Group(g) => Some(g.stream().into_iter().collect()),
        _ => None,
    }
}

/// The stream inside a group.
pub fn stream(group: &TokenTree) -> Option<TokenStream> {
    match group {
        TokenTree::Group(g) => Some(g.stream()),
        _ => None,
    }
}

/// The value of a string literal of our own making: there is nothing escaped in it.
pub fn string(token: &TokenTree) -> Option<String> {
    match token {
        // A literal that went through `macro_rules` may come back in a group without delimiters.
        TokenTree::Group(g) => string(&g.stream().into_iter().next()?),
        TokenTree::Literal(literal) => Some(literal.to_string().strip_prefix('"')?.strip_suffix('"')?.to_owned()),
        _ => None,
    }
}

/// A path in an item.
#[derive(Clone, Debug)]
pub struct Mention {
    /// What it names.
    pub identity: Identity,
    /// How often it stands there.
    pub times: usize,
}

/// The paths of an item with what they name: `"layers::dense 2" {identity} ..` for one that is there twice.
pub fn write_paths(paths: &BTreeMap<String, Mention>) -> TokenStream {
    let pairs = paths.iter().map(|(path, Mention { identity, times })| {
        let (path, identity) = (Literal::string(&format!("{path} {times}")), identity.write());
        quote!(#path #identity)
    });
    quote!(#(#pairs)*)
}

/// Reads what [`write_paths`] wrote.
pub fn read_paths(tokens: Vec<TokenTree>) -> Option<BTreeMap<String, Mention>> {
    let read = |pair: &[TokenTree]| {
        let text = string(&pair[0])?;
        let (path, times) = text.rsplit_once(' ')?;
        let identity = Identity::read(pair.get(1)?)?;
        Some((path.to_owned(), Mention { identity, times: times.parse().ok()? }))
    };
    tokens.chunks(2).map(read).collect()
}

/// How long an item is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Tokens of its body.
    pub tokens: usize,
    /// Whether it has a kernel that other kernels can call.
    pub is_kernel: bool,
}

impl Size {
    /// The size of something with this body.
    pub fn of(body: TokenStream, is_kernel: bool) -> Size {
        fn count(tokens: TokenStream) -> usize {
            let each = tokens.into_iter().map(|t| if let TokenTree::Group(g) = t { count(g.stream()) } else { 1 });
            each.sum()
        }
        Size { tokens: count(body), is_kernel }
    }

    /// As one token.
    pub fn write(self) -> Literal {
        Literal::string(&format!("{} {}", self.tokens, usize::from(self.is_kernel)))
    }

    /// Reads what [`Size::write`] wrote.
    pub fn read(token: &TokenTree) -> Option<Size> {
        let text = string(token)?;
        let (tokens, is_kernel) = text.split_once(' ')?;
        Some(Size { tokens: tokens.parse().ok()?, is_kernel: is_kernel == "1" })
    }
}

/// Turns the answers of one piece of a chain into a macro of this scope.
pub fn gather(input: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = input.into_iter().collect();
    match (tokens.first().and_then(stream), tokens.get(1)) {
        (Some(answers), Some(TokenTree::Ident(name))) => local_exporter(name, &answers, Some(&answers)),
        _ => super::internal("a piece of a chain has lost its name"),
    }
}
