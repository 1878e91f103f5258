//! What the text around an item says about the names in it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::visit_mut::{self, VisitMut};

use super::Host;
use super::free::{Found, FreePath, Surroundings, path_of};
use super::options::Options;
use super::source::{BlockId, Meaning, Source};

/// Outcome of a survey beside what the walk found.
#[derive(Debug)]
pub struct Survey {
    std: BTreeMap<String, Vec<String>>,
    text: Option<String>,
    place: (usize, usize),
}

/// Walks an item; where it mentions names that the file around it might define, looks there and walks again.
pub fn survey(
    at: &Ident,
    options: &Options,
    host: &Host<'_>,
    walk: impl Fn(&Surroundings) -> Found,
) -> (Found, Survey) {
    let facade = options.facade.as_ref().and_then(|p| p.segments.first()).map(|s| s.ident.to_string());
    let own = options.siblings.iter().cloned().collect();
    let mut around = Surroundings { own, std: BTreeMap::new(), facade };
    let mut found = walk(&around);
    let start = at.span().start();
    let mut survey = Survey { std: BTreeMap::new(), text: None, place: (start.line, start.column) };
    let siblings = options.siblings.clone();
    let heads: BTreeSet<String> = found.paths.iter().map(|p| first(&p.key)).collect();
    if found.builtins.is_empty() && heads.is_empty() {
        return (found, survey);
    }
    survey.text = at.span().local_file().and_then(|file| (host.read)(&file));
    let Some(text) = &survey.text else { return (found, survey) };

    let imports = imports(text);
    let defined = |name: &String| {
        ["fn ", "mod ", "struct ", "type "].iter().any(|k| text.contains(&format!("{k}{name}")))
            || imports.iter().any(|i| has_word(i, name))
    };
    let suspects: Vec<&String> = found.builtins.iter().filter(|name| defined(name)).collect();
    let of_std: Vec<&&str> = imports.iter().filter(|i| i.starts_with("core::") || i.starts_with("std::")).collect();
    let aliases: Vec<&String> = heads.iter().filter(|name| of_std.iter().any(|i| has_word(i, name))).collect();
    if suspects.is_empty() && aliases.is_empty() {
        survey.tell_missing(text, &imports, &siblings, &mut found);
        return (found, survey);
    }
    let (source, block) = survey.source(text);
    let mut own = BTreeSet::new();
    for name in suspects {
        match source.meaning(block, name) {
            Meaning::Item => {
                own.insert(name.clone());
            }
            Meaning::Import(path) if path[0] == "core" || path[0] == "std" => {
                around.std.insert(name.clone(), path);
            }
            Meaning::Import(path) if path[0] != "kiln" && Some(&path[0]) != around.facade.as_ref() => {
                own.insert(name.clone());
            }
            _ => {}
        }
    }
    for name in aliases {
        if let Meaning::Import(path) = source.meaning(block, name)
            && (path[0] == "core" || path[0] == "std")
        {
            around.std.insert(name.clone(), path);
        }
    }
    if !own.is_empty() || !around.std.is_empty() {
        around.own.extend(own);
        found = walk(&around);
    }
    survey.tell_missing(text, &imports, &siblings, &mut found);
    survey.std = around.std;
    (found, survey)
}

impl Survey {
    /// Turns paths that certainly lead nowhere into mistakes.
    fn tell_missing(&self, text: &str, imports: &[&str], siblings: &[String], found: &mut Found) {
        let Found { paths, errors, .. } = found;
        let is_elsewhere = imports.iter().any(|i| i.trim_end().ends_with('*') && !i.contains("prelude"));
        let mut read = None;
        paths.retain(|p| {
            let name = &p.key;
            if name == "Self" || siblings.iter().any(|s| s == name) {
                return true;
            }
            let path = name;
            let name = name.rsplit("::").next().unwrap_or(name);
            let is_path = path.contains("::");
            if path.starts_with("::") {
                return true;
            }
            // A look that costs little: what is annotated, as nearly everything is, is not looked at twice.
            let published = |keyword: &str| {
                definitions(text, keyword, name).any(|at| {
                    let item = &text[..at];
                    let start = item.rfind(['}', ';']).unwrap_or(0);
                    item[start..].contains("jit") || item[start..].contains("Tree")
                })
            };
            let is_defined = |keyword: &str| definitions(text, keyword, name).next().is_some();
            let keywords = ["fn", "const", "struct", "type", "static", "static mut", "enum", "union"];
            let is_imported = !is_path && imports.iter().any(|i| has_word(i, name));
            if keywords.iter().any(|k| published(k)) || is_imported {
                return true;
            }
            if (is_elsewhere || is_path) && !keywords.iter().any(|k| is_defined(k)) {
                return true;
            }
            let (source, block) = read.get_or_insert_with(|| self.source(text));
            let start = super::source::offset_of(text, self.place.0, self.place.1);
            let own = (start, source.end_of_item(start));
            let found = match is_path {
                true => super::absent::in_module(text, source, *block, path),
                false => super::absent::bare(text, source, *block, own, name),
            };
            let Some((what, help)) = found else { return true };
            errors.push(syn::Error::new_spanned(&p.path, format!("{what}\n       help: {help}")));
            false
        });
    }

    fn source(&self, text: &str) -> (Source, BlockId) {
        let source = Source::read(text);
        let block = source.block_at(text, self.place.0, self.place.1);
        (source, block)
    }

    /// What to say when a kernel is missing: what it uses has to be published, and names that are neither built in nor
    /// defined around here may be slips.
    pub fn advice(&self, paths: &[FreePath]) -> Vec<String> {
        let mut advice = Vec::new();
        if !paths.is_empty() {
            let names: Vec<String> = paths.iter().map(|p| format!("`{}`", p.key)).collect();
            advice.push(format!(
                "functions, constants and `impl` blocks that it uses need `#[jit]`, structs `#[derive(Tree)]`: {}",
                names.join(", ")
            ));
        }
        let text = self.text.as_deref().unwrap_or_default();
        let imports = imports(text);
        let strange = |name: &str| !text.contains(&format!("fn {name}")) && !imports.iter().any(|i| has_word(i, name));
        let strangers = paths.iter().filter(|p| p.bare_value && strange(&p.key));
        let close = strangers.filter_map(|p| Some((&p.key, crate::library::nearest(&p.key)?)));
        advice.extend(close.map(|(name, known)| format!("there is no built-in `{name}`: did you mean `{known}`?")));
        advice
    }

    /// Mentions what is imported from `core` or `std`: the body that mentions it is not compiled as it stands, and rustc
    /// would call the import unused.
    pub fn uses(&self) -> TokenStream {
        let names = self.std.keys().map(|name| Ident::new(name, proc_macro2::Span::call_site()));
        quote!(#(#[allow(unused_imports)] use #names as _;)*)
    }

    /// Spells out what is imported from `core` or `std`.
    pub fn spell_fn(&self, sig: &mut syn::Signature, block: &mut syn::Block) {
        if !self.std.is_empty() {
            let mut spell = Spell(&self.std);
            spell.visit_signature_mut(sig);
            spell.visit_block_mut(block);
        }
    }

    /// The same for the tokens of a kind: a keyword and an item in braces.
    pub fn spell_tokens(&self, kind: TokenStream) -> TokenStream {
        if self.std.is_empty() {
            return kind;
        }
        let mut tokens = kind.into_iter();
        let (keyword, item) = (tokens.next(), tokens.next());
        let stream = item.as_ref().and_then(super::wire::stream).unwrap_or_default();
        match syn::parse2::<syn::Item>(stream) {
            Ok(mut parsed) => {
                Spell(&self.std).visit_item_mut(&mut parsed);
                quote!(#keyword {#parsed})
            }
            Err(_) => quote!(#keyword #item),
        }
    }
}

struct Spell<'a>(&'a BTreeMap<String, Vec<String>>);

impl Spell<'_> {
    fn spell(&self, path: &mut syn::Path) {
        let Some(head) = path.segments.first().filter(|_| path.leading_colon.is_none()) else { return };
        let Some(full) = self.0.get(&head.ident.to_string()) else { return };
        let mut spelled = path_of(full, head.ident.span());
        if let Some(last) = spelled.segments.last_mut() {
            last.arguments = head.arguments.clone();
        }
        spelled.segments.extend(path.segments.iter().skip(1).cloned());
        *path = spelled;
    }
}

impl VisitMut for Spell<'_> {
    fn visit_expr_path_mut(&mut self, e: &mut syn::ExprPath) {
        self.spell(&mut e.path);
        visit_mut::visit_expr_path_mut(self, e);
    }

    fn visit_type_path_mut(&mut self, t: &mut syn::TypePath) {
        self.spell(&mut t.path);
        visit_mut::visit_type_path_mut(self, t);
    }
}

/// Where items of that name begin.
fn definitions<'t>(text: &'t str, keyword: &str, name: &str) -> impl Iterator<Item = usize> + use<'t> {
    let head = format!("{keyword} {name}");
    let len = head.len();
    let places: Vec<usize> = text.match_indices(&head).map(|(at, _)| at).collect();
    places.into_iter().filter(move |at| !text[at + len..].starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn first(path: &str) -> String {
    path.trim_start_matches("::").split("::").next().unwrap_or_default().to_owned()
}

/// The insides of everything that looks like an import.
fn imports(text: &str) -> Vec<&str> {
    let starts =
        text.match_indices("use ").filter(|(i, _)| !text[..*i].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
    starts.filter_map(|(i, _)| text[i + 4..].split_once(';')).map(|(tree, _)| tree.trim_start()).collect()
}

fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(i, _)| !text[..i].ends_with(part) && !text[i + word.len()..].starts_with(part))
}
