//! Macros in a body: those of the language, `matches!`, and assertions about what is known while compiling.

use syn::Token;
use syn::punctuated::Punctuated;

use crate::parse::ast::*;
use crate::parse::convert::Conv;
use crate::parse::spans::Sp;

/// Assertions of Rust.
pub const ASSERTIONS: &[&str] =
    &["assert", "assert_eq", "assert_ne", "debug_assert", "debug_assert_eq", "debug_assert_ne"];

/// What stands between the parentheses of `matches!`.
pub struct MatchesInput {
    /// What is matched.
    pub value: syn::Expr,
    /// The pattern.
    pub pat: syn::Pat,
    /// `if ..`.
    pub guard: Option<syn::Expr>,
}

impl std::fmt::Debug for MatchesInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MatchesInput").finish_non_exhaustive()
    }
}

impl syn::parse::Parse for MatchesInput {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<MatchesInput> {
        let value = input.parse()?;
        input.parse::<syn::Token![,]>()?;
        let pat = syn::Pat::parse_multi_with_leading_vert(input)?;
        let guard = match input.parse::<Option<syn::Token![if]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        input.parse::<Option<syn::Token![,]>>()?;
        Ok(MatchesInput { value, pat, guard })
    }
}

impl Conv<'_> {
    /// A macro call: the macros of the language, and those of Rust that mean something in it.
    pub(super) fn mac(&mut self, m: &syn::Macro) -> Expr {
        let ident = m.path.segments.last().map(|s| &s.ident);
        let name = match ident {
            Some(i) => self.name(i),
            None => Name { text: "".into(), sp: Sp::default() },
        };
        let sp = name.sp;
        let kind = match &*name.text {
            "matches" => match m.parse_body::<MatchesInput>() {
                Ok(input) => {
                    let value = self.boxed(&input.value);
                    let pat = self.pat(&input.pat);
                    let guard = input.guard.as_ref().map(|g| self.expr(g));
                    let body = Expr { kind: ExprKind::Bool(true), sp };
                    ExprKind::Matches(value, Box::new(Arm { pat, guard, body }))
                }
                Err(e) => ExprKind::Refused(e.to_string(), "write `matches!(x, 1 | 2..=5)`".into()),
            },
            _ if ASSERTIONS.contains(&&*name.text) => self.assertion(m, name),
            "debug_print" | "check" => m
                .parse_body_with(Punctuated::<syn::Expr, Token![,]>::parse_terminated)
                .map(|args| ExprKind::Macro(name, args.iter().map(|e| self.arg(e)).collect()))
                .unwrap_or_else(|e| ExprKind::Refused(e.to_string(), "separate the arguments by commas".into())),
            other => ExprKind::Refused(
                format!("the macro `{other}!` cannot be traced"),
                match other {
                    "panic" | "unreachable" | "todo" | "unimplemented" => {
                        "a kernel has no panic path: say what has to hold with `check!(cond, \"..\")`"
                    }
                    "print" | "println" | "eprint" | "eprintln" | "dbg" | "write" | "writeln" => {
                        "write `debug_print!(\"x = {}\", x)`"
                    }
                    "vec" => "arrays have a fixed size here: write `[0.0; N]`",
                    _ => "a `#[jit]` body knows `debug_print!` and `check!`; put anything else outside",
                }
                .into(),
            ),
        };
        Expr { kind, sp }
    }

    /// `assert!(a, ..)`, `assert_eq!(a, b, ..)`: a condition, and what is said if it does not hold.
    fn assertion(&mut self, m: &syn::Macro, name: Name) -> ExprKind {
        let args = match m.parse_body_with(Punctuated::<syn::Expr, Token![,]>::parse_terminated) {
            Ok(args) => args.into_iter().collect::<Vec<_>>(),
            Err(e) => return ExprKind::Refused(e.to_string(), "separate the arguments by commas".into()),
        };
        let op = match &*name.text {
            text if text.ends_with("_eq") => Some(BinOp::Eq),
            text if text.ends_with("_ne") => Some(BinOp::Ne),
            _ => None,
        };
        let (cond, rest) = match (op, &args[..]) {
            (None, [cond, rest @ ..]) => (self.expr(cond), rest),
            (Some(op), [a, b, rest @ ..]) => {
                let (a, b) = (self.boxed(a), self.boxed(b));
                let sp = self.sp(self.first(a.sp), self.last(b.sp));
                (Expr { kind: ExprKind::Binary(op, a, b), sp }, rest)
            }
            _ => {
                let text = format!("`{}!` says what has to hold", name.text);
                return ExprKind::Refused(text, "write `assert!(N > 0)`, `assert_eq!(N, M)`".into());
            }
        };
        let cond = Arg { name: None, value: cond };
        let all = std::iter::once(cond).chain(rest.iter().map(|e| self.arg(e))).collect();
        ExprKind::Macro(name, all)
    }
}
