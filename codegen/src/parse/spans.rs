//! Source locations behind opaque numbers.

use proc_macro2::Span;

/// A stretch of source: index into [`Spans`]. 0 is nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Sp(pub u32);

/// What is known of a stretch of source without the compiler's API.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// File as the compiler names it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// Whether it is in the crate that is being compiled, so that a caret can point at it.
    pub local: bool,
}

/// Facts about every [`Sp`]; free of the compiler's types.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    places: Vec<Place>,
}

impl SourceMap {
    /// Facts about `sp`.
    pub fn place(&self, sp: Sp) -> &Place {
        &self.places[sp.0 as usize]
    }

    /// `line:column` of `sp`, if it is somewhere.
    pub fn line_column(&self, sp: Sp) -> Option<String> {
        let place = self.places.get(sp.0 as usize).filter(|p| p.line > 0)?;
        Some(format!("{}:{}", place.line, place.column))
    }
}

/// Collects spans while tokens are read.
#[derive(Debug)]
pub struct Spans {
    tokens: Vec<(Span, Span)>,
    map: SourceMap,
    local: bool,
    silent: bool,
}

impl Default for Spans {
    fn default() -> Spans {
        let here = Span::call_site();
        Spans {
            tokens: vec![(here, here)],
            map: SourceMap { places: vec![Place::default()] },
            local: true,
            silent: false,
        }
    }
}

impl Spans {
    /// Gives everything the place 0: for library code, which users never see.
    pub fn silent() -> Spans {
        Spans { silent: true, ..Spans::default() }
    }

    /// Whether the items read from now on belong to the crate that is being compiled.
    pub fn set_local(&mut self, local: bool) {
        self.local = local;
    }

    /// Number of the stretch from `first` to `last`.
    pub fn add(&mut self, first: Span, last: Span) -> Sp {
        if self.silent {
            return Sp(0);
        }
        let start = first.start();
        self.tokens.push((first, last));
        self.map.places.push(Place {
            file: first.file(),
            line: start.line,
            column: start.column + 1,
            local: self.local,
        });
        Sp(self.tokens.len() as u32 - 1)
    }

    /// The compiler's spans of both ends.
    pub fn tokens(&self, sp: Sp) -> (Span, Span) {
        self.tokens[sp.0 as usize]
    }

    /// First token's span; for joining.
    pub fn join(&mut self, first: Sp, last: Sp) -> Sp {
        let (a, b) = (self.tokens[first.0 as usize].0, self.tokens[last.0 as usize].1);
        self.add(a, b)
    }

    /// The facts, for use away from the compiler.
    pub fn map(&self) -> SourceMap {
        self.map.clone()
    }
}
