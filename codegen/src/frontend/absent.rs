//! What is certainly not there. A name that a kernel needs and nobody publishes is found by rustc, which has its own words for
//! it, after ours that never came to be. Where the text of the crate leaves no doubt, it is said here instead, once, at the name.
//! Whenever something could still define the name (a glob over another crate, a macro, a file that cannot be read), rustc is asked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Host;
use super::source::{BlockId, Certain, Source, Token, lex};

/// Why `name`, mentioned bare inside `block`, has nothing to publish it, and what to write.
pub fn bare(text: &str, source: &Source, block: BlockId, own: (usize, usize), name: &str) -> Option<(String, String)> {
    match source.certain(block, name)? {
        Certain::Absent => {
            // A macro may make an item of a word that stands anywhere else.
            let tokens = lex(text);
            let stands_elsewhere = tokens.iter().enumerate().any(|(n, (at, token))| {
                let is_own = own.0 <= *at && *at < own.1;
                let is_call = matches!(tokens.get(n + 1), Some((_, Token::Mark('('))))
                    && !matches!(
                        n.checked_sub(1).map(|n| tokens[n].1),
                        Some(Token::Word("fn") | Token::Mark('!' | '('))
                    );
                *token == Token::Word(name) && !is_own && !is_call
            });
            if stands_elsewhere {
                return None;
            }
            let help = match (crate::library::elsewhere(name), crate::library::nearest(name)) {
                (Some(instead), _) => instead,
                (None, Some(near)) => format!("did you mean `{near}`?"),
                (None, None) => {
                    "a function or constant of your own needs `#[jit]` and, in another module, `use`".into()
                }
            };
            Some((format!("there is no `{name}` here"), help))
        }
        Certain::Plain(keyword, at) => Some(plain(text, keyword, at, name)),
    }
}

/// What is said of an item that nothing publishes.
fn plain(text: &str, keyword: &str, at: usize, name: &str) -> (String, String) {
    let line = text[..at].matches('\n').count() + 1;
    let help = match keyword {
        "struct" => format!("write `#[derive(Tree)]` above it, in line {line}"),
        "enum" | "union" => {
            "values in a kernel are arrays, tuples and `#[derive(Tree)]` structs: an integer says which case it is"
                .into()
        }
        "static" => "pass it as a parameter, or make it a `#[jit] const`".into(),
        _ => format!("write `#[jit]` above it, in line {line}"),
    };
    let what = match keyword {
        "fn" => format!("`{name}` is a function without `#[jit]`: a kernel cannot see what it does"),
        "const" => format!("`{name}` is a constant without `#[jit]`: a kernel cannot see its value"),
        "type" => format!("`{name}` is a type without `#[jit]`: a kernel cannot see what it stands for"),
        "struct" => format!("`{name}` is a struct without `#[derive(Tree)]`: a kernel cannot see its fields"),
        "static" => format!("a kernel cannot read the static `{name}`"),
        _ => format!("`{name}` is an {keyword}, which no kernel can hold"),
    };
    (what, help)
}

/// The same for `module::name`, where the module stands in the same file.
pub fn in_module(text: &str, source: &Source, block: BlockId, path: &str) -> Option<(String, String)> {
    let segments: Vec<String> = path.split("::").map(str::to_owned).collect();
    let (name, modules) = segments.split_last()?;
    let (keyword, at) = source.plain_at(block, modules, name)?;
    Some(plain(text, keyword, at, path))
}

/// Whether no `impl` block of this crate has a function `method`: the word stands nowhere but where it is used. `near` are files
/// that probably have it. Yields the names of all functions in `impl` blocks of a type `owner`.
pub fn method(method: &str, owner: &str, near: &[PathBuf], host: &Host<'_>) -> Option<Vec<String>> {
    let definition = format!("fn {method}");
    let is_there = |file: &PathBuf| (host.read)(file).is_some_and(|text| text.contains(&definition));
    if near.iter().any(is_there) {
        return None;
    }
    let mut known = Vec::new();
    let mut files = vec![(host.root.clone()?, true)];
    let mut seen = BTreeSet::new();
    while let Some((file, is_root)) = files.pop() {
        if !seen.insert(file.clone()) {
            continue;
        }
        let text = (host.read)(&file)?;
        if text.contains(&definition) {
            return None;
        }
        let tokens = lex(&text);
        for (n, (_, token)) in tokens.iter().enumerate() {
            let before = n.checked_sub(1).map(|n| tokens[n].1);
            let after = tokens.get(n + 1).map(|t| t.1);
            let Token::Word(word) = *token else { continue };
            let is_use = matches!(before, Some(Token::Mark('.' | ':')))
                || after == Some(Token::Mark('(')) && before != Some(Token::Word("fn"));
            let is_opaque = matches!(word, "include" | "paste") && after == Some(Token::Mark('!'))
                || word == "path" && before == Some(Token::Mark('[')) && after == Some(Token::Mark('='));
            if word == method && !is_use || is_opaque {
                return None;
            }
        }
        members(&tokens, owner, &mut known);
        modules(&tokens, &file, is_root, host, &mut files)?;
    }
    Some(known)
}

/// The functions in `impl` blocks of `owner`.
fn members(tokens: &[(usize, Token<'_>)], owner: &str, out: &mut Vec<String>) {
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].1 != Token::Word("impl") {
            at += 1;
            continue;
        }
        let open = tokens[at..]
            .iter()
            .position(|t| matches!(t.1, Token::Mark('{' | ';' | '(')))
            .map_or(tokens.len(), |n| at + n);
        let is_of_owner = tokens[at..open].iter().any(|t| t.1 == Token::Word(owner));
        let mut depth = 0usize;
        at = open;
        while at < tokens.len() {
            match tokens[at].1 {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') => depth = depth.saturating_sub(1),
                Token::Word("fn") if depth == 1 && is_of_owner => {
                    if let Some((_, Token::Word(name))) = tokens.get(at + 1) {
                        out.push((*name).to_owned());
                    }
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
            at += 1;
        }
        at += 1;
    }
}

/// The files of the modules that are declared in `file`. `None` if one is not where it should be.
fn modules(
    tokens: &[(usize, Token<'_>)],
    file: &Path,
    is_root: bool,
    host: &Host<'_>,
    out: &mut Vec<(PathBuf, bool)>,
) -> Option<()> {
    let parent = file.parent()?;
    let base = match file.file_stem()?.to_str()? {
        _ if is_root => parent.to_owned(),
        "mod" => parent.to_owned(),
        stem => parent.join(stem),
    };
    // Inline modules around, and at which depth of braces each was opened.
    let mut around: Vec<(&str, usize)> = Vec::new();
    let mut depth = 0usize;
    for (n, (_, token)) in tokens.iter().enumerate() {
        match *token {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => {
                depth = depth.saturating_sub(1);
                around.retain(|(_, opened)| *opened <= depth);
            }
            Token::Word("mod") => {
                let Some((_, Token::Word(name))) = tokens.get(n + 1) else { continue };
                match tokens.get(n + 2) {
                    Some((_, Token::Mark('{'))) => around.push((name, depth + 1)),
                    Some((_, Token::Mark(';'))) => {
                        let folder = around.iter().fold(base.clone(), |path, (name, _)| path.join(name));
                        let places = [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")];
                        let place = places.into_iter().find(|place| (host.read)(place).is_some())?;
                        out.push((place, false));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `method` of `Net` is certainly missing in a crate of these files, and what there is.
    fn missing(name: &str, files: &[(&str, &str)]) -> Option<Vec<String>> {
        let read = |path: &Path| files.iter().find(|(f, _)| Path::new(f) == path).map(|(_, text)| (*text).to_owned());
        let compile = |_: &crate::unit::Unit| crate::unit::Outcome::NeedBodies(Vec::new());
        let root = Some(PathBuf::from("src/lib.rs"));
        let host = Host { crate_key: "test".into(), read: &read, compile: &compile, record: false, root };
        method(name, "Net", &[], &host)
    }

    #[test]
    fn what_no_file_defines_is_missing() {
        let files = [
            ("src/lib.rs", "mod a; mod b { mod c; } fn f(n: &Net) { n.runn() }"),
            ("src/a.rs", "mod d; impl<const N: usize> Net<N> { fn run(&self) {} } impl Other { fn rune(&self) {} }"),
            ("src/a/d.rs", "// runn\n impl Net { pub fn step(&self) { self.run() } }"),
            ("src/b/c/mod.rs", ""),
        ];
        let mut found = missing("runn", &files).expect("no doubt");
        found.sort();
        assert_eq!(found, ["run", "step"]);
        assert_eq!(missing("step", &files), None);
        assert_eq!(missing("run", &files), None);
    }

    #[test]
    fn where_there_is_doubt_rustc_is_asked() {
        for root in [
            "make!(runn);",
            "mod gone; fn f(n: &Net) { n.runn() }",
            "#[path = \"x.rs\"] mod a; fn f(n: &Net) { n.runn() }",
            "include!(\"methods.rs\"); fn f(n: &Net) { n.runn() }",
            "impl Net { fn  runn(&self) {} }",
        ] {
            assert_eq!(missing("runn", &[("src/lib.rs", root)]), None, "{root}");
        }
    }

    /// What is said of `name` at the word `HERE`.
    fn said(text: &str, name: &str) -> Option<String> {
        let at = text.find("HERE").expect("a place");
        let source = Source::read(text);
        let block = source.block_at(text, 1, text[..at].chars().count());
        bare(text, &source, block, (at, text.len()), name).map(|(text, help)| format!("{text}: {help}"))
    }

    #[test]
    fn a_bare_name_is_missing_only_without_doubt() {
        let plain = said("fn smooth() {} #[jit] fn HERE() { smooth() }", "smooth").expect("no doubt");
        assert!(plain.starts_with("`smooth` is a function without `#[jit]`"), "{plain}");
        let near =
            said("use kiln::prelude::*; fn g() { sofmax(1) } fn HERE() { sofmax(2) }", "sofmax").expect("no doubt");
        assert!(near.ends_with("did you mean `softmax`?"), "{near}");
        let by_path = said("mod a { pub const K: f32 = 1.0; } use a::*; fn HERE() { K }", "K").expect("no doubt");
        assert!(by_path.starts_with("`K` is a constant without"), "{by_path}");
        let text = "mod model { pub fn smooth() {} #[jit] pub fn sharp() {} } fn f() {}";
        let source = Source::read(text);
        assert!(in_module(text, &source, 0, "model::smooth").is_some());
        assert_eq!(in_module(text, &source, 0, "model::sharp"), None);
        for doubtful in [
            "#[jit] fn smooth() {} fn HERE() {}",
            "#[kiln::jit(inline)] fn smooth() {} fn HERE() {}",
            "#[mine] fn smooth() {} fn HERE() {}",
            "#[jit] mod m { fn smooth() {} fn HERE() {} }",
            "make! { fn smooth() {} fn HERE() {} }",
            "make!(smooth); fn HERE() {}",
            "others!(); fn HERE() {}",
            "use layers::*; fn HERE() {}",
            "use layers::smooth; fn HERE() {}",
            "#[cfg(a)] #[jit] fn smooth() {} #[cfg(b)] fn smooth() {} fn HERE() {}",
            "#[derive(Clone, Tree)] struct smooth; fn HERE() {}",
        ] {
            assert_eq!(said(doubtful, "smooth"), None, "{doubtful}");
        }
    }
}
