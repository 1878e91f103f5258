//! What a syntax error is about, where a user of numpy would not find it in what the parser says.

use proc_macro2::{Delimiter, LineColumn, TokenStream, TokenTree};

/// The error that says what was meant, if that is known.
pub fn explained(item: &TokenStream, e: &syn::Error) -> syn::Error {
    match several_axes(item.clone(), e.span().start(), 0) {
        Some(comma) => syn::Error::new(comma.span(), "an index of several axes is a tuple: write `x[(.., 0)]`"),
        None => e.clone(),
    }
}

/// What is nested deeper is refused for that.
const MAX_DEPTH: usize = 128;

/// The comma at `at`, if it stands in the brackets of an index.
fn several_axes(tokens: TokenStream, at: LineColumn, depth: usize) -> Option<TokenTree> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut indexable = false;
    for token in tokens {
        if let TokenTree::Group(g) = &token {
            if indexable && g.delimiter() == Delimiter::Bracket {
                let comma = g.stream().into_iter().find(|t| t.span().start() == at);
                if let Some(comma) = comma.filter(|t| t.to_string() == ",") {
                    return Some(comma);
                }
            }
            if let Some(found) = several_axes(g.stream(), at, depth + 1) {
                return Some(found);
            }
        }
        indexable = match &token {
            // Behind a keyword brackets are an array.
            TokenTree::Ident(name) => syn::parse_str::<syn::Ident>(&name.to_string()).is_ok() || *name == "self",
            TokenTree::Group(g) => g.delimiter() != Delimiter::Brace,
            _ => false,
        };
    }
    None
}

#[test]
fn commas_in_indices_are_told_from_those_in_arrays() {
    let told = |text: &str| {
        let tokens: TokenStream = text.parse().unwrap();
        let e = syn::parse2::<syn::ItemFn>(tokens.clone()).unwrap_err();
        explained(&tokens, &e).to_string()
    };
    assert_eq!(told("fn f() { match [0; 1, 2] {} }"), "unexpected token, expected `]`");
    for body in ["x[.., 0]", "a.b(x)[0, 1]", "x[0][.., 0]", "self[.., 1..3]"] {
        assert_eq!(told(&format!("fn f() {{ {body} }}")), "an index of several axes is a tuple: write `x[(.., 0)]`");
    }
}
