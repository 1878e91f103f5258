//! How deep an item is nested, before it is parsed: everything that looks at it recurses, on the stack of rustc.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree, token_stream};
use syn::Error;

/// Brackets, prefixes and `else if`s inside each other. The parser takes up to 30 KiB for one, unoptimised; the stack has
/// 8 MiB. rustc itself overflows it at a thousand `if`s.
const DEEPEST: usize = 128;

/// Operators in a row. They are gone through one after the other where much is done for each.
const LONGEST: usize = 1000;

/// Fields, indices, calls of methods and conversions in a row: each is nested in the next.
const MOST_SUFFIXES: usize = 256;

/// What is wrong with `tokens`, if they are nested too deeply.
pub fn check(tokens: &TokenStream) -> Result<(), Error> {
    let mut open = vec![Level::new(tokens.clone(), 0)];
    while let Some(level) = open.last_mut() {
        let Some(token) = level.rest.next() else {
            open.pop();
            continue;
        };
        level.count(&token);
        let depth = level.depth();
        if depth > DEEPEST {
            return Err(too_deep(token.span()));
        }
        if level.chain > LONGEST {
            return Err(too_long(token.span(), LONGEST));
        }
        if level.suffixes > MOST_SUFFIXES {
            return Err(too_long(token.span(), MOST_SUFFIXES));
        }
        if let TokenTree::Group(group) = token {
            open.push(Level::new(group.stream(), depth + 1));
        }
    }
    Ok(())
}

fn too_deep(span: Span) -> Error {
    Error::new(
        span,
        format!(
            "this is nested more than {DEEPEST} deep\n       help: give a part of it a name with `let`, or make it a function of its own; write many `else if`s as a `match`"
        ),
    )
}

fn too_long(span: Span, most: usize) -> Error {
    let text = format!("this is a row of more than {most} operators\n       help: give parts of it a name with `let`");
    Error::new(span, text)
}

/// The tokens between two brackets, as far as they have been looked at.
struct Level {
    rest: token_stream::IntoIter,
    /// How deep the brackets are.
    outside: usize,
    /// Prefixes of the operand that comes next: `-`, `!`, `&`.
    prefixes: usize,
    /// What holds all that follows: closures, assignments, `return`.
    heads: usize,
    /// `else if`s in a row.
    elses: usize,
    /// `<`s that are open, of types.
    angles: usize,
    /// Operators since the expression began.
    chain: usize,
    /// Fields, calls, conversions since the operand began.
    suffixes: usize,
    /// Whether what came last ends an operand.
    operand: bool,
    /// Whether the parameters of a closure are being read.
    in_closure: bool,
    last: Last,
}

#[derive(Clone, Copy, PartialEq)]
enum Last {
    Else,
    /// In parentheses or square brackets.
    Group,
    /// What looks like the name of a type.
    Type,
    Other,
}

impl Level {
    fn new(tokens: TokenStream, outside: usize) -> Level {
        Level {
            rest: tokens.into_iter(),
            outside,
            prefixes: 0,
            heads: 0,
            elses: 0,
            angles: 0,
            chain: 0,
            suffixes: 0,
            operand: false,
            in_closure: false,
            last: Last::Other,
        }
    }

    fn depth(&self) -> usize {
        self.outside + self.prefixes + self.heads + self.elses + self.angles
    }

    fn new_expression(&mut self) {
        (self.heads, self.angles, self.chain) = (0, 0, 0);
        self.new_operand();
    }

    fn new_operand(&mut self) {
        (self.prefixes, self.suffixes, self.operand) = (0, 0, false);
    }

    fn count(&mut self, token: &TokenTree) {
        let last = std::mem::replace(&mut self.last, Last::Other);
        match token {
            TokenTree::Group(g) if g.delimiter() == Delimiter::Brace => {
                // What follows a block is a statement of its own, or its `else`.
                self.new_expression();
                self.operand = true;
            }
            TokenTree::Group(g) => {
                // The arguments of a method count together with its name.
                let suffix = g.delimiter() == Delimiter::Bracket || last == Last::Group;
                self.suffixes += usize::from(self.operand && suffix);
                self.prefixes = 0;
                self.operand = true;
                self.last = Last::Group;
            }
            TokenTree::Literal(_) => (self.prefixes, self.operand) = (0, true),
            TokenTree::Ident(name) => match name.to_string().as_str() {
                "else" => {
                    self.last = Last::Else;
                    self.operand = false;
                }
                "if" => {
                    self.elses = if last == Last::Else { self.elses + 1 } else { 0 };
                    self.operand = false;
                }
                "return" | "break" => {
                    self.heads += 1;
                    self.operand = false;
                }
                "as" => {
                    self.suffixes += 1;
                    self.operand = false;
                }
                "mut" | "move" | "in" | "let" | "match" | "while" | "for" | "dyn" | "impl" => self.operand = false,
                name => {
                    (self.prefixes, self.operand) = (0, true);
                    if name.starts_with(char::is_uppercase) {
                        self.last = Last::Type;
                    }
                }
            },
            TokenTree::Punct(p) => self.punct(p.as_char(), last),
        }
    }

    fn punct(&mut self, c: char, last: Last) {
        match c {
            ';' => {
                self.new_expression();
                self.elses = 0;
            }
            ',' => {
                (self.heads, self.chain) = (0, 0);
                self.new_operand();
            }
            '|' if self.in_closure => {
                self.in_closure = false;
                self.heads += 1;
                self.operand = false;
            }
            '|' if !self.operand => self.in_closure = true,
            '-' | '!' | '&' | '*' if !self.operand => self.prefixes += 1,
            // The lifetime of a reference.
            '\'' => {}
            '<' if last == Last::Type => {
                self.angles += 1;
                self.new_operand();
            }
            '>' => {
                self.angles = self.angles.saturating_sub(1);
                self.operand = true;
            }
            ':' => {
                self.operand = false;
                self.last = Last::Type;
            }
            '=' => {
                self.heads += 1;
                (self.angles, self.chain) = (0, 0);
                self.new_operand();
            }
            '?' | '.' => self.suffixes += 1,
            _ => {
                // Two comparisons are never in a row: what was open was no type.
                self.angles = 0;
                self.chain += 1;
                self.new_operand();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(body: &str) -> Result<(), String> {
        check(&body.parse().unwrap()).map_err(|e| e.to_string().lines().next().unwrap_or_default().to_owned())
    }

    #[test]
    fn every_way_to_nest_has_an_end() {
        let around = |n: usize, open: &str, inside: &str, close: &str| open.repeat(n) + inside + &close.repeat(n);
        let ways: [&dyn Fn(usize) -> String; 15] = [
            &|n| around(n, "(", "x", ")"),
            &|n| around(n, "(", "x", " + w)"),
            &|n| around(n, "sin(", "x", ")"),
            &|n| around(n, "{", "x", "}"),
            &|n| around(n, "[", "x", "]"),
            &|n| around(n, "if x > w { ", "x", " } else { w }"),
            &|n| around(n, "for i in 0..n { ", "x", " }"),
            &|n| around(n, "match i { 0 => x, _ => ", "x", " }"),
            &|n| around(n, "if x > w { w } else ", "{ x }", ""),
            &|n| around(n, "- ", "x", ""),
            &|n| around(n, "!", "x", ""),
            &|n| around(n, "& ", "x", ""),
            &|n| around(n, "|y: &f32| ", "x", ""),
            &|n| around(n, "a = ", "x", ""),
            &|n| format!("let a: {};", around(n, "Option<", "f32", ">")),
        ];
        for (way, source) in ways.iter().enumerate() {
            assert_eq!(verdict(&source(100)), Ok(()), "{way}");
            for n in [140, 5000] {
                assert_eq!(verdict(&source(n)), Err("this is nested more than 128 deep".into()), "{way}, {n}");
            }
        }
    }

    #[test]
    fn every_chain_has_an_end() {
        for link in [" + w", " && w", ".sin()", "[0]", " as f32", "?", " | w", " < w", " * -w"] {
            assert_eq!(verdict(&format!("x{}", link.repeat(120))), Ok(()), "{link}");
            for n in [5000, 20_000] {
                assert!(verdict(&format!("x{}", link.repeat(n))).is_err(), "{link}, {n}");
            }
        }
    }

    #[test]
    fn what_follows_each_other_is_not_nested() {
        for statement in [
            "let v = -v * w + x[0].sin() as f32;",
            "if a < b { c = d; } else if a > b { c = -d; } else { c = 0.0; }",
            "let f = |a, b| a | b; x += f(1, 2);",
            "for i in 0..n { y[i] = x[i] < w && x[i] > 0.0; }",
            "match i { 0 | 1 => { a = b } _ => {} }",
            "let g: Option<&[f32; 4]> = None;",
        ] {
            assert_eq!(verdict(&statement.repeat(2000)), Ok(()), "{statement}");
        }
        assert_eq!(verdict(&"sin(-x), |y| y < x,".repeat(2000)), Ok(()));
        assert_eq!(verdict(&"0 | 1 if a < b => -x,".repeat(2000)), Ok(()));
    }
}
