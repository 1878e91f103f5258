//! Which names the text around an item defines or imports.
//!
//! A procedural macro cannot ask whether a name is defined, and a built-in must yield to what the user defines under its
//! name. This module answers from the text of the file, as far as one file can tell: items and imports of the enclosing
//! blocks and module, and globs that lead to modules of the same file. It never parses more than nesting, `use` trees
//! and the keyword that starts an item, so it cannot fail, only know less.

use std::collections::{BTreeMap, BTreeSet};

/// What a name is, seen from one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// An item of this file.
    Item,
    /// Imported, by this path.
    Import(Vec<String>),
    /// Not mentioned where a look-up would find it.
    Absent,
    /// Not mentioned, but a glob leads out of this file.
    Unknown,
}

/// What is known of a name without a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certain {
    /// Nothing that a look-up would find defines it.
    Absent,
    /// It is an item with this keyword, at this place, and no attribute publishes it.
    Plain(&'static str, usize),
}

/// Attributes that publish nothing and make no items.
const SILENT: &[&str] = &[
    "allow",
    "expect",
    "warn",
    "deny",
    "forbid",
    "doc",
    "inline",
    "must_use",
    "cold",
    "derive",
    "repr",
    "cfg",
    "deprecated",
    "non_exhaustive",
    "track_caller",
    "rustfmt",
    "test",
];
/// Macros that define no names that are not written where they are called.
const KNOWN_MACROS: &[&str] = &["macro_rules", "instantiate", "model", "include_tree", "check_grads", "compile_error"];

/// The nesting of one file.
#[derive(Debug)]
pub struct Source {
    blocks: Vec<Block>,
}

/// Index of a block.
pub type BlockId = usize;

#[derive(Debug)]
struct Block {
    kind: Kind,
    parent: BlockId,
    range: (usize, usize),
    items: BTreeSet<String>,
    /// Of the items of a module those that nothing publishes, by keyword and place.
    plain: BTreeMap<String, (&'static str, usize)>,
    /// Whether an attribute or a macro around it may publish what is inside.
    marked: bool,
    /// Whether a macro may define more names in it.
    opaque: bool,
    modules: BTreeMap<String, BlockId>,
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The file, or `mod name { .. }`: look-ups end here.
    Module,
    /// A function body or any other braces.
    Body,
    /// `impl` and `trait`: what is inside is not in scope by its bare name.
    Associated,
}

impl Source {
    /// Reads the nesting of a file.
    pub fn read(text: &str) -> Source {
        let mut reader = Reader { tokens: lex(text), at: 0, blocks: Vec::new() };
        reader.blocks.push(Block::new(Kind::Module, 0, 0));
        reader.block(0);
        reader.blocks[0].range.1 = text.len();
        Source { blocks: reader.blocks }
    }

    /// The innermost block around a place, given as the compiler counts: lines from 1, columns in characters from 0.
    pub fn block_at(&self, text: &str, line: usize, column: usize) -> BlockId {
        let at = offset_of(text, line, column);
        // Blocks are stored parents first, so the last one that contains the place is the innermost.
        let holds = |b: &Block| b.range.0 <= at && at < b.range.1;
        self.blocks.iter().rposition(holds).unwrap_or(0)
    }

    /// What `name` is when it is mentioned directly inside `block`.
    pub fn meaning(&self, block: BlockId, name: &str) -> Meaning {
        let mut unknown = false;
        let mut at = block;
        loop {
            match self.declared(at, name, &mut BTreeSet::new()) {
                Meaning::Absent => {}
                Meaning::Unknown => unknown = true,
                found => return found,
            }
            if self.blocks[at].kind == Kind::Module {
                return if unknown { Meaning::Unknown } else { Meaning::Absent };
            }
            at = self.blocks[at].parent;
        }
    }

    /// What is known without a doubt of `name` when it is mentioned directly inside `block`.
    pub fn certain(&self, block: BlockId, name: &str) -> Option<Certain> {
        match self.meaning(block, name) {
            Meaning::Item => {
                let (keyword, at) = self.plain(block, name)?;
                Some(Certain::Plain(keyword, at))
            }
            Meaning::Absent => {
                // What is made by a macro may also come through the globs of this file.
                (!self.blocks.iter().any(|b| b.opaque)).then_some(Certain::Absent)
            }
            _ => None,
        }
    }

    /// The item `name` of a module of this file, if nothing publishes it.
    pub fn plain_at(&self, block: BlockId, path: &[String], name: &str) -> Option<(&'static str, usize)> {
        let found = self.declaring(self.module(block, path)?, name, &mut BTreeSet::new())?;
        self.blocks[found].plain.get(name).copied()
    }

    /// The item that nothing publishes, where a look-up from `block` ends at one.
    fn plain(&self, block: BlockId, name: &str) -> Option<(&'static str, usize)> {
        let mut at = block;
        loop {
            if let Some(found) = self.declaring(at, name, &mut BTreeSet::new()) {
                return self.blocks[found].plain.get(name).copied();
            }
            if self.blocks[at].kind == Kind::Module {
                return None;
            }
            at = self.blocks[at].parent;
        }
    }

    /// The block whose item `name` is found from `block`, through globs of this file too.
    fn declaring(&self, block: BlockId, name: &str, visited: &mut BTreeSet<BlockId>) -> Option<BlockId> {
        let b = &self.blocks[block];
        if b.kind == Kind::Associated || !visited.insert(block) {
            return None;
        }
        if b.items.contains(name) {
            return Some(block);
        }
        if b.imports.contains_key(name) {
            return None;
        }
        b.globs.iter().filter_map(|glob| self.module(block, glob)).find_map(|m| self.declaring(m, name, visited))
    }

    /// Where the body of the item that is named at `place` ends.
    pub fn end_of_item(&self, place: usize) -> usize {
        self.blocks.iter().filter(|b| b.range.0 > place).map(|b| b.range.1).next().unwrap_or(place)
    }

    fn declared(&self, block: BlockId, name: &str, visited: &mut BTreeSet<BlockId>) -> Meaning {
        let b = &self.blocks[block];
        if b.kind == Kind::Associated || !visited.insert(block) {
            return Meaning::Absent;
        }
        if b.items.contains(name) {
            return Meaning::Item;
        }
        if let Some(path) = b.imports.get(name) {
            return Meaning::Import(path.clone());
        }
        let mut unknown = false;
        for glob in &b.globs {
            match self.module(block, glob) {
                Some(module) => match self.declared(module, name, visited) {
                    Meaning::Absent => {}
                    Meaning::Unknown => unknown = true,
                    found => return found,
                },
                // The prelude of Kiln brings no function and no module.
                None => unknown |= glob.last().is_none_or(|s| s != "prelude"),
            }
        }
        if unknown { Meaning::Unknown } else { Meaning::Absent }
    }

    /// The module of this file that a path leads to.
    fn module(&self, from: BlockId, path: &[String]) -> Option<BlockId> {
        let mut at = self.enclosing_module(from);
        for (i, segment) in path.iter().enumerate() {
            at = match segment.as_str() {
                "self" => at,
                "super" if at == 0 => return None,
                "super" => self.enclosing_module(self.blocks[at].parent),
                "crate" => 0,
                name if i == 0 => self.visible_module(from, name)?,
                name => *self.blocks[at].modules.get(name)?,
            };
        }
        Some(at)
    }

    fn visible_module(&self, from: BlockId, name: &str) -> Option<BlockId> {
        let mut at = from;
        loop {
            if let Some(&module) = self.blocks[at].modules.get(name) {
                return Some(module);
            }
            if self.blocks[at].kind == Kind::Module {
                return None;
            }
            at = self.blocks[at].parent;
        }
    }

    fn enclosing_module(&self, mut block: BlockId) -> BlockId {
        while self.blocks[block].kind != Kind::Module {
            block = self.blocks[block].parent;
        }
        block
    }
}

impl Block {
    fn new(kind: Kind, parent: BlockId, start: usize) -> Block {
        let (items, plain, modules, imports) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (range, globs) = ((start, usize::MAX), Vec::new());
        Block { kind, parent, range, items, plain, marked: false, opaque: false, modules, imports, globs }
    }
}

struct Reader<'a> {
    tokens: Vec<(usize, Token<'a>)>,
    at: usize,
    blocks: Vec<Block>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Mark(char),
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(usize, Token<'a>)> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    fn word(&self) -> Option<&'a str> {
        match self.tokens.get(self.at) {
            Some((_, Token::Word(w))) => Some(w),
            _ => None,
        }
    }

    /// Reads up to and including the closing brace of `this`. Nesting is kept on a list, not on the stack: the text may
    /// be anything.
    fn block(&mut self, mut this: BlockId) {
        // What the next brace at this level opens, and how deep in parentheses and brackets the reader is.
        let mut opens: (Kind, Option<String>) = (Kind::Body, None);
        let mut depth = 0usize;
        let mut outer: Vec<(BlockId, usize)> = Vec::new();
        // Whether an attribute in front of the next item may publish it.
        let mut marked = false;
        let mut last = token_of_nothing();
        while let Some((offset, token)) = self.next() {
            let before = std::mem::replace(&mut last, token);
            match token {
                Token::Mark('#') if depth == 0 && self.is_next('[') => marked |= self.attribute(),
                Token::Mark('!') if depth == 0 && self.blocks[this].kind == Kind::Module => {
                    self.blocks[this].opaque |= matches!(before, Token::Word(w) if !KNOWN_MACROS.contains(&w));
                }
                Token::Mark('(' | '[') => depth += 1,
                Token::Mark(')' | ']') => depth = depth.saturating_sub(1),
                Token::Mark('{') => {
                    let (kind, name) =
                        if depth == 0 { std::mem::replace(&mut opens, (Kind::Body, None)) } else { (Kind::Body, None) };
                    let child = self.blocks.len();
                    self.blocks.push(Block::new(kind, this, offset));
                    let is_marked = kind != Kind::Module || self.blocks[this].marked || marked;
                    self.blocks[child].marked = is_marked;
                    marked = false;
                    if let Some(name) = name {
                        self.blocks[this].modules.insert(name, child);
                    }
                    outer.push((this, depth));
                    (this, depth) = (child, 0);
                }
                Token::Mark('}') => {
                    self.blocks[this].range.1 = offset + 1;
                    let Some(back) = outer.pop() else { return };
                    (this, depth) = back;
                }
                Token::Mark(';') if depth == 0 => {
                    opens = (Kind::Body, None);
                    marked = false;
                }
                Token::Word("use") if depth == 0 => self.use_tree(this, &mut Vec::new()),
                Token::Word("impl" | "trait") if depth == 0 && opens.0 != Kind::Associated => {
                    opens = (Kind::Associated, None)
                }
                Token::Word(keyword @ ("fn" | "mod" | "const" | "static" | "struct" | "enum" | "type" | "union"))
                    if depth == 0 =>
                {
                    if keyword == "fn" {
                        // `-> impl Fn()` after this must not turn the body into an `impl` block, nor `impl` before it.
                        opens = (Kind::Body, None);
                    }
                    if keyword == "static" && self.word() == Some("mut") {
                        self.at += 1;
                    }
                    let Some(name) =
                        self.word().filter(|w| !matches!(*w, "fn" | "unsafe" | "extern" | "async" | "mut"))
                    else {
                        continue;
                    };
                    let block = &mut self.blocks[this];
                    let is_first = block.items.insert(name.to_owned());
                    block.plain.remove(name);
                    if is_first && !marked && !block.marked && keyword != "mod" {
                        block.plain.insert(name.to_owned(), (keyword_of(keyword), offset));
                    }
                    if keyword == "mod" {
                        opens = (Kind::Module, Some(name.to_owned()));
                    }
                    if keyword == "fn" {
                        self.signature();
                    }
                }
                _ => {}
            }
        }
    }

    fn is_next(&self, mark: char) -> bool {
        matches!(self.tokens.get(self.at), Some((_, Token::Mark(m))) if *m == mark)
    }

    /// Skips an attribute, and says whether it may publish the item behind it.
    fn attribute(&mut self) -> bool {
        let (mut depth, mut first, mut marks) = (0usize, true, false);
        while let Some((_, token)) = self.next() {
            match token {
                Token::Mark('[' | '(' | '{') => depth += 1,
                Token::Mark(']' | ')' | '}') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                Token::Word(w) => {
                    marks |= first && !SILENT.contains(&w) || matches!(w, "jit" | "Tree");
                    first = false;
                }
                Token::Mark(_) => {}
            }
        }
        marks
    }

    /// Skips from the name of a function to its body or its semicolon.
    fn signature(&mut self) {
        let mut depth = 0usize;
        while let Some((_, token)) = self.tokens.get(self.at) {
            match token {
                Token::Mark('(' | '[') => depth += 1,
                Token::Mark(')' | ']') => depth = depth.saturating_sub(1),
                Token::Mark('{' | '}' | ';') if depth == 0 => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Reads one tree of a `use`, up to and including what ends it.
    fn use_tree(&mut self, this: BlockId, prefix: &mut Vec<String>) {
        // Group after group, with the length that the prefix has inside each.
        let mut groups: Vec<usize> = vec![prefix.len()];
        let mut glob = false;
        let mut alias: Option<String> = None;
        while let Some((_, token)) = self.next() {
            match token {
                Token::Word("as") => {
                    alias = self.word().map(str::to_owned);
                    self.at += 1;
                }
                Token::Word(w) => prefix.push(w.to_owned()),
                Token::Mark('*') => glob = true,
                Token::Mark('{') => groups.push(prefix.len()),
                Token::Mark(end @ (',' | '}' | ';')) => {
                    let start = groups.last().copied().unwrap_or(0);
                    self.leaf(this, prefix, start, std::mem::take(&mut glob), alias.take());
                    prefix.truncate(start);
                    if end == '}' {
                        groups.pop();
                        // The group stood for a whole path; what follows it is a separator.
                        prefix.truncate(groups.last().copied().unwrap_or(0));
                    }
                    if end == ';' || groups.is_empty() {
                        return;
                    }
                }
                Token::Mark(_) => {}
            }
        }
    }

    fn leaf(&mut self, this: BlockId, path: &[String], start: usize, glob: bool, alias: Option<String>) {
        let mut path = path.to_vec();
        if glob {
            self.blocks[this].globs.push(path);
            return;
        }
        if path.len() == start {
            return; // After a group, or an empty one.
        }
        if path.last().is_some_and(|s| s == "self") && path.len() > 1 {
            path.pop();
        }
        let name = alias.or_else(|| path.last().cloned());
        if let Some(name) = name {
            self.blocks[this].imports.insert(name, path);
        }
    }
}

/// A place as the compiler counts, in bytes.
pub(super) fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or("");
    start + rest.char_indices().nth(column).map_or(rest.len(), |(i, _)| i)
}

/// A token in front of the first.
fn token_of_nothing<'a>() -> Token<'a> {
    Token::Mark(';')
}

fn keyword_of(word: &str) -> &'static str {
    ["fn", "const", "static", "struct", "enum", "type"].into_iter().find(|k| *k == word).unwrap_or("union")
}

/// Words and punctuation; comments, strings, characters and lifetimes are left out.
pub(super) fn lex(text: &str) -> Vec<(usize, Token<'_>)> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    while let Some(&b) = bytes.get(i) {
        let rest = &bytes[i..];
        if rest.starts_with(b"//") {
            i += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        } else if rest.starts_with(b"/*") {
            i += comment(rest);
        } else if b == b'"' {
            i += quoted(rest);
        } else if b == b'\'' {
            i += character(&text[i..]);
        } else if b == b'_' || b.is_ascii_alphabetic() || b >= 0x80 {
            let len =
                rest.iter().position(|&b| !(b == b'_' || b.is_ascii_alphanumeric() || b >= 0x80)).unwrap_or(rest.len());
            let word = &text[i..i + len];
            let after = &rest[len..];
            let hashes = after.iter().take_while(|&&b| b == b'#').count();
            let raw = matches!(word, "r" | "br" | "cr");
            if raw && after.get(hashes) == Some(&b'"') {
                i += len + hashes + 1;
                let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
                let body = &bytes[i..];
                i += body.windows(close.len()).position(|w| w == close).map_or(body.len(), |p| p + close.len());
            } else if word == "r" && hashes == 1 {
                i += len + 1; // A raw identifier: its word follows.
            } else if matches!(word, "b" | "c") && after.first() == Some(&b'"') {
                i += len + quoted(after);
            } else if word == "b" && after.first() == Some(&b'\'') {
                i += len + character(&text[i + len..]);
            } else {
                out.push((i, Token::Word(word)));
                i += len;
            }
        } else if b.is_ascii_digit() {
            i += rest.iter().position(|&b| !(b == b'_' || b.is_ascii_alphanumeric())).unwrap_or(rest.len());
        } else {
            if !b.is_ascii_whitespace() {
                out.push((i, Token::Mark(char::from(b))));
            }
            i += 1;
        }
    }
    out
}

fn comment(rest: &[u8]) -> usize {
    let (mut i, mut depth) = (0, 0usize);
    while i < rest.len() {
        if rest[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if rest[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    i
}

fn quoted(rest: &[u8]) -> usize {
    let mut i = 1;
    while let Some(&b) = rest.get(i) {
        match b {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    rest.len()
}

/// A character, or the quote of a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            chars.next();
            chars.find(|(_, c)| *c == '\'').map_or(rest.len(), |(i, _)| i + 1)
        }
        Some((_, _)) => match chars.next() {
            Some((i, '\'')) => i + 1,
            _ => 1,
        },
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `name` means at the word `HERE` of `text`.
    fn at_here(text: &str, name: &str) -> Meaning {
        let at = text.find("HERE").unwrap();
        let line = text[..at].matches('\n').count() + 1;
        let column = text[..at].rsplit('\n').next().unwrap().chars().count();
        let source = Source::read(text);
        source.meaning(source.block_at(text, line, column), name)
    }

    fn import(path: &str) -> Meaning {
        Meaning::Import(path.split("::").map(str::to_owned).collect())
    }

    #[test]
    fn items_of_the_module_are_seen_and_others_are_not() {
        let text = "fn power() {} mod m { fn gradient() {} fn HERE() {} mod inner { fn histogram() {} } }";
        assert_eq!(at_here(text, "gradient"), Meaning::Item);
        assert_eq!(at_here(text, "power"), Meaning::Absent);
        assert_eq!(at_here(text, "histogram"), Meaning::Absent);
        assert_eq!(at_here(text, "inner"), Meaning::Item);
    }

    #[test]
    fn methods_do_not_shadow_functions() {
        let text =
            "impl T { fn power(&self) {} fn HERE() {} } trait U { fn roll(); } fn g() -> impl Fn() { fn trace() {} }";
        for name in ["power", "roll", "trace"] {
            assert_eq!(at_here(text, name), Meaning::Absent, "{name}");
        }
    }

    #[test]
    fn imports_are_followed_by_name_and_by_alias() {
        let text = "use a::{b::{self, gradient}, c::power as p, d::*}; use core::f32::consts::PI; pub(crate) use x::roll; fn HERE() {}";
        assert_eq!(at_here(text, "gradient"), import("a::b::gradient"));
        assert_eq!(at_here(text, "b"), import("a::b"));
        assert_eq!(at_here(text, "p"), import("a::c::power"));
        assert_eq!(at_here(text, "PI"), import("core::f32::consts::PI"));
        assert_eq!(at_here(text, "roll"), import("x::roll"));
        assert_eq!(at_here(text, "power"), Meaning::Unknown, "a::d may define it");
    }

    #[test]
    fn globs_are_followed_inside_the_file() {
        let text = "use kiln::prelude::*; fn power() {} mod a { pub fn roll() {} pub mod b { pub fn trace() {} } }
            mod tests { use super::*; use super::a::b::*; fn outer() { use crate::a::*; fn HERE() {} } }";
        for name in ["power", "roll", "trace"] {
            assert_eq!(at_here(text, name), Meaning::Item, "{name}");
        }
        assert_eq!(at_here(text, "gradient"), Meaning::Absent);
    }

    #[test]
    fn bodies_see_their_own_items_first() {
        let text = "fn f() { fn power() {} if true { #[jit] fn HERE() {} } } fn g() { fn gradient() {} }";
        assert_eq!(at_here(text, "power"), Meaning::Item);
        assert_eq!(at_here(text, "gradient"), Meaning::Absent);
    }

    #[test]
    fn text_that_is_not_code_is_skipped() {
        let text = r####"/* fn a() { /* */ */ // fn b() {
            const S: &str = "fn c() { \" "; const R: &str = r#"fn d() { " "#; const C: char = '{'; const Q: char = '\'';
            fn e<'a>(x: &'a [f32; { 3 }]) -> [f32; { 4 }] where [(); { 1 }]: Sized { } fn r#gen() {} fn HERE() {} "####;
        for name in ["a", "b", "c", "d"] {
            assert_eq!(at_here(text, name), Meaning::Absent, "{name}");
        }
        for name in ["e", "gen", "S", "Q"] {
            assert_eq!(at_here(text, name), Meaning::Item, "{name}");
        }
    }

    #[test]
    fn unbalanced_text_is_read_without_complaint() {
        for text in ["}}}", "{{{", "use a::{b", "fn", "'", "\"", "/*", "r#\"", "mod m {", "use ;", "b'"] {
            let source = Source::read(text);
            assert_eq!(source.meaning(source.block_at(text, 1, 0), "x"), Meaning::Absent, "{text}");
            let _ = source.block_at(text, 7, 99);
        }
    }
}
