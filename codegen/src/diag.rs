//! The one type behind every message that a user sees.

use std::collections::BTreeMap;
use std::fmt::Write;

use proc_macro2::TokenStream;
use quote::quote_spanned;

use crate::parse::spans::{Place, Sp, Spans};

/// A mistake in the user's program: where, what was found, where the operands came from, what to write instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diag {
    /// The token that is wrong.
    pub sp: Sp,
    /// What is wrong, in shapes and dtypes.
    pub message: String,
    /// Where the operands came from.
    pub notes: Vec<Note>,
    /// What to write instead.
    pub help: Option<String>,
    /// Calls that led here, innermost first.
    pub calls: Vec<(Sp, String)>,
    /// Which of the things that stand at `sp` is meant, where that is known: an entry of a tuple of indices or axes.
    pub item: Option<usize>,
    /// The innermost callee on the way here that has a kernel of its own, whose compilation reports the mistake too.
    pub within: Option<String>,
}

/// A line below the message: `w: f32[32, 64]   parameter `w`, line 4`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// `w: f32[32, 64]`.
    pub what: String,
    /// ``parameter `w`, line 4``.
    pub from: String,
}

impl From<String> for Note {
    fn from(what: String) -> Note {
        Note { what, from: String::new() }
    }
}

impl Diag {
    /// A message at a place.
    pub fn at(sp: Sp, message: impl Into<String>) -> Diag {
        Diag { sp, message: message.into(), ..Diag::default() }
    }

    /// What to write instead.
    pub fn help(mut self, help: impl Into<String>) -> Diag {
        self.help = Some(help.into());
        self
    }

    /// The message is about the `n`-th of the things at its place.
    pub fn item(mut self, n: usize) -> Diag {
        self.item = Some(n);
        self
    }

    /// Puts the caret on `inner` where it is now on all of `sp`.
    pub fn narrow(mut self, sp: Sp, inner: Sp) -> Diag {
        if self.sp == sp && inner != Sp(0) {
            self.sp = inner;
        }
        self
    }

    /// A line about an operand.
    pub fn note(mut self, note: impl Into<Note>) -> Diag {
        self.notes.push(note.into());
        self
    }

    /// The whole text, without the place.
    pub fn text(&self) -> String {
        let mut out = self.message.clone();
        let width = self.notes.iter().map(|n| n.what.chars().count()).max().unwrap_or(0);
        for note in &self.notes {
            let line = format!("{:width$}   {}", note.what, note.from);
            let _ = write!(out, "\n         {}", line.trim_end());
        }
        if let Some(help) = &self.help {
            let _ = write!(out, "\n       help: {help}");
        }
        out
    }
}

/// `compile_error!` items for `diags`. Where the place is in another crate the caret sits on the nearest local call and
/// the text names the foreign place and quotes its line, if `sources` has it.
pub fn to_tokens(diags: &[Diag], spans: &Spans, sources: &BTreeMap<String, String>) -> TokenStream {
    let map = spans.map();
    let mut out = TokenStream::new();
    for d in diags {
        let mut text = d.text();
        let mut sp = d.sp;
        let place = map.place(d.sp);
        if !place.local
            && let Some((call, _)) = d.calls.iter().find(|(c, _)| map.place(*c).local)
        {
            let Place { file, line, column, .. } = place;
            let _ = write!(text, "\n         in {file}:{line}:{column}");
            let quoted = sources.get(file).and_then(|text| text.lines().nth(line.checked_sub(1)?));
            if let Some(code) = quoted {
                let caret = " ".repeat(code.chars().take(column - 1).count());
                let _ = write!(text, "\n         {line:4} | {}\n              | {caret}^", code.trim_end());
            }
            sp = *call;
        }
        out.extend(error_tokens(spans, sp, &text));
    }
    out
}

fn error_tokens(spans: &Spans, sp: Sp, text: &str) -> TokenStream {
    let (first, last) = spans.tokens(sp);
    let head = quote_spanned!(first=> ::core::compile_error!);
    let mut body = proc_macro2::Group::new(proc_macro2::Delimiter::Brace, quote_spanned!(last=> #text));
    body.set_span(last);
    quote_spanned!(first=> #head #body)
}
