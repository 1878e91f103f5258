//! `debug_print!`, `check!` and `?`.

use std::rc::Rc;

use crate::dtype::DType;
use crate::ops::{Check, DebugPrint};
use crate::parse::ast::{Arg, Expr, ExprKind, Name, Path, Type, TypeKind};
use crate::parse::spans::Sp;
use crate::trace::value::{Ctx, Num, Number, Scope, Traced, Value};
use crate::trace::{R, Tracer, err, err_help, tree};

/// As many values as `kiln::CheckError` has room for.
const MAX_CHECK_VALUES: usize = 4;

/// A piece of a format string.
enum Piece {
    /// Characters.
    Text(String),
    /// A value: which, and what follows its `:`.
    Value { which: Which, spec: String },
}

enum Which {
    Next,
    Number(usize),
    Name(String),
}

impl<'a> Tracer<'a> {
    /// A macro of the language.
    pub fn macro_expr(&mut self, name: &Name, args: &[Arg], sp: Sp, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        match &*name.text {
            "debug_print" => {
                let (text, values) = self.formatted(name, args, sp, vars, ctx)?;
                let (mut line, mut operands) = (String::new(), Vec::new());
                for piece in text {
                    match piece {
                        Ok(text) => line.push_str(&escaped(&text)),
                        Err((n, spec)) => {
                            self.show_value(&values[n].0, &spec, values[n].1, &mut line, &mut operands)?
                        }
                    }
                }
                let operands: Vec<&Traced> = operands.iter().collect();
                self.bind(DebugPrint { text: line, lanes: Vec::new() }, &operands, sp)?;
                Ok(Value::Unit)
            }
            "check" => self.check(name, args, sp, vars, ctx),
            _ => self.assertion(name, args, vars, ctx),
        }
    }

    /// `assert!`, of what is known while compiling.
    fn assertion(&mut self, name: &Name, args: &[Arg], vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let Some((cond, rest)) = args.split_first() else { return Ok(Value::Unit) };
        match self.expr(&cond.value, vars, ctx)? {
            Value::Bool(true) => Ok(Value::Unit),
            Value::Bool(false) => {
                let why = match rest.first().map(|a| &a.value.kind) {
                    Some(ExprKind::Str(text)) => format!(": {text}"),
                    _ => String::new(),
                };
                let text = format!("this assertion does not hold{why}");
                let ExprKind::Binary(_, a, b) = &cond.value.kind else { return err(cond.value.sp, text) };
                let (a, b) = (self.expr(a, vars, ctx)?, self.expr(b, vars, ctx)?);
                err_help(
                    cond.value.sp,
                    text,
                    format!("the left side is {}, the right side {}", a.describe(), b.describe()),
                )
            }
            _ => err_help(
                name.sp,
                format!("whether this `{}!` holds is known only at run time", name.text),
                "a kernel has no panic path: write `check!(cond, \"..\")` in a function that returns `Result<_, kiln::CheckError>`",
            ),
        }
    }

    fn check(&mut self, name: &Name, args: &[Arg], sp: Sp, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let Some((cond, rest)) = args.split_first() else {
            return err_help(sp, "`check!` needs a condition", "write `check!(dt > 0.0, \"dt is {}\", dt)`");
        };
        self.expect_checked(sp, "`check!` stands in")?;
        let at = cond.value.sp;
        let cond = self.expr(&cond.value, vars, ctx)?;
        let (pieces, values) = match rest {
            [] => (vec![Ok("a check does not hold".to_string())], Vec::new()),
            rest => self.formatted(name, rest, sp, vars, ctx)?,
        };
        let (mut text, mut operands) = (String::new(), Vec::new());
        for piece in pieces {
            let (n, spec) = match piece {
                Ok(t) => {
                    text.push_str(&escaped(&t));
                    continue;
                }
                Err(value) => value,
            };
            let (value, at) = &values[n];
            // Numbers and arrays have one way to be shown.
            let spec = spec.strip_suffix('?').unwrap_or(&spec).to_string();
            let decimals = spec.strip_prefix('.').filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
            if !spec.is_empty() && decimals.is_none() {
                return err_help(
                    *at,
                    format!("`{{:{spec}}}` is not available in the text of a check"),
                    "write `{}`, or `{:.3}` for three decimals",
                );
            }
            match value {
                Value::Str(s) => text.push_str(&escaped(s)),
                Value::Num(Num { value: Number::Int(i), .. }) => text.push_str(&i.to_string()),
                Value::Num(_) | Value::Bool(_) | Value::Array(_) => {
                    let t = self.to_traced(value, None, *at)?;
                    if t.aval.rank() > 0 || t.aval.dtype.is_complex() {
                        return err_help(
                            *at,
                            format!("the text of a check shows real scalars, found {}", value.describe()),
                            "show an element `v[i]` or a summary such as `max(v)`; `debug_print!` shows whole arrays",
                        );
                    }
                    operands.push(t);
                    text.push_str(&if spec.is_empty() { "{}".into() } else { format!("{{:{spec}}}") });
                }
                other => return err(*at, format!("the text of a check cannot show {}", other.describe())),
            }
        }
        if operands.len() > MAX_CHECK_VALUES {
            let found = format!("the text of a check shows up to {MAX_CHECK_VALUES} values, found {}", operands.len());
            return err_help(values[MAX_CHECK_VALUES].1, found, "split the check in two");
        }
        let cond = match cond {
            Value::Bool(true) => return Ok(Value::Unit),
            Value::Bool(false) => {
                return err_help(
                    at,
                    format!("this check never holds: {text}"),
                    "its condition is known while compiling",
                );
            }
            Value::Array(t) if t.aval.dtype == DType::Bool && t.aval.rank() == 0 => t,
            Value::Array(t) if t.aval.dtype == DType::Bool => {
                return err_help(
                    at,
                    format!("`check!` needs one bool, found {}", super::value::show(&t.aval)),
                    "say whether all or any have to hold: `check!(all(..), ..)`",
                );
            }
            other => {
                return err_help(
                    at,
                    format!("`check!` needs a bool, found {}", other.describe()),
                    "compare: `check!(x > 0.0, ..)`",
                );
            }
        };
        let line = self.map.place(self.user_sp(sp)).line;
        let operands: Vec<&Traced> = [&cond].into_iter().chain(&operands).collect();
        self.bind(Check { text, line, lanes: Vec::new(), report: false }, &operands, sp)?;
        Ok(Value::Unit)
    }

    /// `x?`.
    pub fn try_expr(&mut self, x: &Expr, sp: Sp, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let value = self.expr(x, vars, ctx)?;
        match value {
            Value::Checked(v) => {
                self.expect_checked(sp, "`?` stands in")?;
                Ok((*v).clone())
            }
            // In a function that the library calls checks have been seen through already.
            v if self.unwrapped => Ok(v),
            Value::Option(_) => err_help(
                sp,
                "`?` is for checked functions, found an `Option`",
                "an option is static here: use `if let Some(v) = ..` or `unwrap_or`",
            ),
            other => err_help(
                sp,
                format!("`?` is for the result of a checked `#[jit]` function, found {}", other.describe()),
                "remove the `?`",
            ),
        }
    }

    /// Refuses checks in functions that cannot return their error.
    fn expect_checked(&self, sp: Sp, what: &str) -> R<()> {
        match self.returns.iter().rev().flatten().next() {
            Some(false) => err_help(
                sp,
                format!("{what} functions that return `Result<_, kiln::CheckError>`"),
                "declare the result as `Result<T, kiln::CheckError>` and end with `Ok(..)`",
            ),
            _ => Ok(()),
        }
    }

    /// A value that nobody looks at may not be an error.
    pub fn expect_looked_at(&self, value: &Value, sp: Sp) -> R<()> {
        match value {
            Value::Checked(_) => err_help(
                sp,
                "the result of a checked function is used without looking at its error",
                "write `?` behind the call",
            ),
            _ => Ok(()),
        }
    }

    /// Calls `f` from library code, which sees through checks: what it returns is checked if any of its functions is.
    pub fn seen_through(&mut self, value: Value) -> Value {
        match value {
            Value::Checked(v) => {
                self.unwrapped = true;
                (*v).clone()
            }
            other => other,
        }
    }

    /// The result of something that may call checked functions, as the user sees it.
    pub fn with_checks(&mut self, f: impl FnOnce(&mut Tracer<'a>) -> R<Value>) -> R<Value> {
        if self.calls.last().is_some_and(|c| c.id.starts_with("library::")) {
            return f(self);
        }
        let outer = std::mem::take(&mut self.unwrapped);
        let result = f(self);
        let inner = std::mem::replace(&mut self.unwrapped, outer);
        Ok(match result? {
            Value::Checked(v) => Value::Checked(v),
            v if inner => Value::Checked(Rc::new(v)),
            v => v,
        })
    }

    /// A format string with its arguments: text, or the number of a value and its format.
    #[allow(clippy::type_complexity)]
    fn formatted(
        &mut self,
        name: &Name,
        args: &[Arg],
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<(Vec<Result<String, (usize, String)>>, Vec<(Value, Sp)>)> {
        let Some((format, rest)) = args.split_first() else {
            return err_help(sp, "`debug_print!` needs a text", "write `debug_print!(\"x = {}\", x)`");
        };
        let at = format.value.sp;
        let ExprKind::Str(text) = &format.value.kind else {
            return err_help(
                at,
                format!("`{}!` needs a text in quotes here", name.text),
                "write `\"{}\", x` to show the value of `x`",
            );
        };
        let pieces = match pieces(text) {
            Ok(pieces) => pieces,
            Err((what, instead)) => return err_help(at, what, instead),
        };
        let mut values = Vec::new();
        let mut names: Vec<Option<Rc<str>>> = Vec::new();
        for (value, arg) in self.exprs(rest.iter().map(|a| &a.value), vars, ctx)?.into_iter().zip(rest) {
            values.push((value, arg.value.sp));
            names.push(arg.name.as_ref().map(|n| n.text.clone()));
        }
        let mut used = vec![false; values.len()];
        let mut next = 0;
        let mut out = Vec::new();
        for piece in pieces {
            let (which, spec) = match piece {
                Piece::Text(t) => {
                    out.push(Ok(t));
                    continue;
                }
                Piece::Value { which, spec } => (which, spec),
            };
            let n = match which {
                Which::Next => {
                    next += 1;
                    next - 1
                }
                Which::Number(n) => n,
                Which::Name(name) => match names.iter().position(|n| n.as_deref() == Some(&*name)) {
                    Some(n) => n,
                    None => {
                        let path = Path { text: name.as_str().into(), generics: Vec::new(), owner: Vec::new(), sp: at };
                        values.push((self.path(&path, vars, ctx)?, at));
                        names.push(Some(name.into()));
                        used.push(true);
                        values.len() - 1
                    }
                },
            };
            if n >= rest.len() && n >= values.len() {
                let found = super::args::arguments(rest.len());
                return err_help(at, format!("the text shows value {n}, found {found}"), "values are counted from 0");
            }
            used[n] = true;
            out.push(Err((n, spec)));
        }
        if let Some(n) = used.iter().position(|u| !u) {
            return err_help(
                values[n].1,
                "this value does not appear in the text",
                "add `{}` to the text, or remove it",
            );
        }
        if values.iter().any(|(v, _)| matches!(v, Value::Poison)) {
            return Err(super::Stop::Silent);
        }
        Ok((out, values))
    }

    /// Adds a value to a line as Rust would show it: arrays become operands, structure becomes text.
    fn show_value(&mut self, v: &Value, spec: &str, sp: Sp, line: &mut String, operands: &mut Vec<Traced>) -> R<()> {
        let list = |tr: &mut Self, items: &[Value], line: &mut String, operands: &mut Vec<Traced>| -> R<()> {
            for (n, item) in items.iter().enumerate() {
                line.push_str(if n == 0 { "" } else { ", " });
                tr.show_value(item, spec, sp, line, operands)?;
            }
            Ok(())
        };
        match v {
            Value::Array(_) | Value::Num(_) | Value::Bool(_) => {
                let t = self.to_traced(v, None, sp)?;
                let radix = spec.ends_with(['x', 'X', 'o', 'b']);
                if radix && !t.aval.dtype.is_int() || spec.ends_with(['e', 'E']) && t.aval.dtype == DType::Bool {
                    return err_help(
                        sp,
                        format!("`{{:{spec}}}` does not show {}", super::value::show(&t.aval)),
                        "`x`, `X`, `o` and `b` are for integers, `e` for numbers",
                    );
                }
                line.push_str(&if spec.is_empty() { "{}".into() } else { format!("{{:{spec}}}") });
                operands.push(t);
            }
            Value::List(items) if !items.iter().any(tree::is_tree) && !items.is_empty() => {
                let t = self.to_traced(v, None, sp)?;
                self.show_value(&Value::Array(t), spec, sp, line, operands)?;
            }
            Value::List(items) => {
                line.push('[');
                list(self, items, line, operands)?;
                line.push(']');
            }
            Value::Tuple(items) => {
                line.push('(');
                list(self, items, line, operands)?;
                line.push_str(if items.len() == 1 { ",)" } else { ")" });
            }
            Value::Struct(s) => {
                line.push_str(&s.ty.name);
                line.push_str(if s.ty.is_tuple { "(" } else { " {{ " });
                for (n, (value, (field, _))) in s.fields.iter().zip(&s.ty.fields).enumerate() {
                    line.push_str(if n == 0 { "" } else { ", " });
                    if !s.ty.is_tuple {
                        line.push_str(&format!("{field}: "));
                    }
                    self.show_value(value, spec, sp, line, operands)?;
                }
                line.push_str(if s.ty.is_tuple { ")" } else { " }}" });
            }
            Value::Option(Some(v)) => {
                line.push_str("Some(");
                self.show_value(v, spec, sp, line, operands)?;
                line.push(')');
            }
            Value::Str(s) => line.push_str(&escaped(s)),
            Value::DType(d) => line.push_str(&d.to_string()),
            Value::Option(None) | Value::Unit => line.push_str(&v.describe()),
            other => return err(sp, format!("`debug_print!` cannot show {}", other.describe())),
        }
        Ok(())
    }
}

/// Whether a type is written `Result<..>`.
pub fn is_result(ty: &Type) -> bool {
    matches!(&ty.kind, TypeKind::Path(p) if p.last() == "Result")
}

fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// Takes a format string apart; an error says what is wrong and what to write.
fn pieces(text: &str) -> Result<Vec<Piece>, (String, String)> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                chars.next();
                plain.push(c);
            }
            '}' => return Err(("this text has a `}` too many".into(), "a brace that is shown is written `}}`".into())),
            '{' => {
                let mut inner = String::new();
                loop {
                    match chars.next() {
                        Some('}') => break,
                        Some(c) => inner.push(c),
                        None => {
                            return Err((
                                "a `{` in this text is not closed".into(),
                                "a brace that is shown is written `{{`".into(),
                            ));
                        }
                    }
                }
                if !plain.is_empty() {
                    out.push(Piece::Text(std::mem::take(&mut plain)));
                }
                let (which, spec) = inner.split_once(':').unwrap_or((&inner, ""));
                let which = match which.trim() {
                    "" => Which::Next,
                    n if n.bytes().all(|b| b.is_ascii_digit()) => Which::Number(n.parse().unwrap_or(usize::MAX)),
                    name => Which::Name(name.to_string()),
                };
                let spec = spec.trim_end();
                if !is_spec(spec) {
                    return Err((
                        format!("`{{:{spec}}}` is not a format"),
                        "for example `{}`, `{:.3}`, `{:>8.2}`, `{:e}`, `{:?}`, `{:#x}`".into(),
                    ));
                }
                out.push(Piece::Value { which, spec: spec.to_string() });
            }
            c => plain.push(c),
        }
    }
    if !plain.is_empty() || out.is_empty() {
        out.push(Piece::Text(plain));
    }
    Ok(out)
}

/// `[[fill]align][sign]['#']['0'][width]['.' precision][type]`, without arguments for width and precision.
fn is_spec(spec: &str) -> bool {
    let mut rest: Vec<char> = spec.chars().collect();
    let is_align = |c: Option<&char>| matches!(c, Some('<' | '>' | '^'));
    let n = if is_align(rest.get(1)) { 2 } else { usize::from(is_align(rest.first())) };
    rest.drain(..n);
    let mut rest = rest.into_iter().peekable();
    rest.next_if(|c| matches!(c, '+' | '-'));
    rest.next_if_eq(&'#');
    // A leading zero is a flag, then part of the width: both are digits.
    let digits = |rest: &mut std::iter::Peekable<std::vec::IntoIter<char>>| {
        let mut n = 0;
        while rest.next_if(char::is_ascii_digit).is_some() {
            n += 1;
        }
        n
    };
    let width = digits(&mut rest);
    if rest.next_if_eq(&'.').is_some() && !(1..=3).contains(&digits(&mut rest)) || width > 4 {
        return false;
    }
    let kind: String = rest.collect();
    matches!(kind.as_str(), "" | "?" | "e" | "E" | "x" | "X" | "o" | "b")
}

#[cfg(test)]
mod tests {
    use super::{is_spec, pieces};

    #[test]
    fn formats_are_those_of_rust_without_arguments() {
        for spec in ["", "?", ".3", "8", "08", ">8.2", "*^10", "+.1e", "#x", "#010b", "<5", "E"] {
            assert!(is_spec(spec), "{spec}");
            assert!(pieces(&format!("a {{:{spec}}} b")).is_ok());
        }
        for spec in ["y", ".", "w$", ".*", "x?", "5.", "??", "{"] {
            assert!(!is_spec(spec), "{spec}");
        }
        assert!(pieces("}").is_err() && pieces("{").is_err() && pieces("{{}} {0} {name:?}").is_ok());
    }
}
