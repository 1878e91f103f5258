//! `cargo kiln expand`.

use anstream::print;
use anyhow::{Context, Result};
use proc_macro2::{Delimiter, Group, Literal, Punct, Spacing, TokenStream, TokenTree};

use crate::record::Kernel;

/// Elements of a constant that are printed.
const SHOWN: usize = 8;

/// Prints the code.
pub fn show(kernels: &[Kernel], full: bool) -> Result<()> {
    for (n, kernel) in kernels.iter().enumerate() {
        print!("{}{}", if n == 0 { "" } else { "\n" }, text(kernel, full)?);
    }
    Ok(())
}

/// The emitted Rust of a kernel, formatted.
pub fn text(kernel: &Kernel, full: bool) -> Result<String> {
    // `$crate` is the crate that a macro came from, which here is the one around.
    let code = kernel.code.replace("$crate", "crate");
    let unreadable = || format!("the code of `{}` cannot be read back", kernel.path);
    let tokens: TokenStream = code.parse().map_err(|e| anyhow::anyhow!("{e}")).with_context(unreadable)?;
    let tokens = runs_as_calls(if full { tokens } else { shortened(tokens) });
    let file: syn::File = syn::parse2(tokens).with_context(unreadable)?;
    let mut out = format!(
        "// `{}`, {}:{}: arena {} B, {} B of constants, {} floating-point operations.\n",
        kernel.path, kernel.file, kernel.line, kernel.arena_bytes, kernel.flash_const_bytes, kernel.flops
    );
    // One item after the other, so that each function can say where it comes from.
    for item in file.items {
        if let syn::Item::Fn(f) = &item {
            let step = find(&kernel.steps, &f.sig.ident.to_string());
            if let Some((file, line, _)) = step.and_then(|step| step.place.as_ref()) {
                let same = if *file == kernel.file { String::new() } else { format!("{file}, ") };
                out.push_str(&format!("\n// From {same}line {line}.\n"));
            } else {
                out.push('\n');
            }
        }
        out.push_str(&prettyplease::unparse(&syn::File { shebang: None, attrs: Vec::new(), items: vec![item] }));
    }
    Ok(out.replace("::__run(|L|", "::__run!(L =>"))
}

/// What stands in a macro is not formatted: `__run!(L => { .. })`, which picks the instruction set, becomes a call with a
/// closure until it has been.
fn runs_as_calls(tokens: TokenStream) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let is_macro = matches!(&out[..], [.., TokenTree::Ident(name), TokenTree::Punct(p)] if name == "__run" && p.as_char() == '!');
        match token {
            TokenTree::Group(g) if is_macro => {
                out.pop();
                let body: TokenStream = g.stream().into_iter().skip(3).collect();
                let bar = || TokenTree::from(Punct::new('|', Spacing::Alone));
                let level = g.stream().into_iter().take(1);
                let closure = [bar()].into_iter().chain(level).chain([bar()]).chain(runs_as_calls(body));
                out.push(Group::new(g.delimiter(), closure.collect()).into());
            }
            TokenTree::Group(g) => out.push(Group::new(g.delimiter(), runs_as_calls(g.stream())).into()),
            token => out.push(token),
        }
    }
    out.into_iter().collect()
}

fn find<'a>(steps: &'a [crate::record::Step], name: &str) -> Option<&'a crate::record::Step> {
    steps.iter().find_map(|step| {
        let inside = step.inside.iter().flat_map(|inside| &inside.bodies);
        if step.name == name { Some(step) } else { inside.flat_map(|body| find(body, name)).next() }
    })
}

/// Arrays of many elements with the first few and a word on the rest.
fn shortened(tokens: TokenStream) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let TokenTree::Group(g) = token else {
            out.push(token);
            continue;
        };
        let inner: Vec<TokenTree> = g.stream().into_iter().collect();
        let is_comma = |t: &TokenTree| matches!(t, TokenTree::Punct(p) if p.as_char() == ',');
        let elements = inner.split(is_comma).filter(|element| !element.is_empty()).count();
        let stream = if g.delimiter() == Delimiter::Bracket && elements > SHOWN {
            let kept = inner.split_inclusive(is_comma).take(SHOWN).flatten().cloned();
            let rest = Literal::string(&format!("{} more", elements - SHOWN));
            kept.chain([TokenTree::from(rest)]).collect()
        } else {
            shortened(g.stream())
        };
        out.push(Group::new(g.delimiter(), stream).into());
    }
    out.into_iter().collect()
}

#[test]
fn long_arrays_are_cut() {
    let cut = |text: &str| shortened(text.parse().unwrap()).to_string();
    assert_eq!(cut("[1, 2, 3, 4, 5, 6, 7, 8, (-9), 10]"), "[1 , 2 , 3 , 4 , 5 , 6 , 7 , 8 , \"2 more\"]");
    assert_eq!(cut("f([1, 2, 3, 4, 5, 6, 7, 8,])"), "f ([1 , 2 , 3 , 4 , 5 , 6 , 7 , 8 ,])");
}
