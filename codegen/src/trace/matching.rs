//! `match`, `if let`, `matches!`: whether a pattern fits, statically or at run time, and whether the arms leave anything out.

use std::rc::Rc;

use crate::dtype::DType;
use crate::ops::Select;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::value::{Ctx, Num, Number, Scope, Value};
use crate::trace::{R, Tracer, err, err_help, pattern, tree};

/// Combinations of cases that are looked at before a `match` is taken to need a `_`.
const MAX_CASES: usize = 4096;

impl<'a> Tracer<'a> {
    /// Whether a pattern fits, as a static or a traced bool. Its names are bound in any case.
    pub fn pattern_fits(&mut self, pat: &Pat, value: &Value, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        match &pat.kind {
            PatKind::Wild | PatKind::Rest => Ok(Value::Bool(true)),
            PatKind::Bind(_, None) => {
                self.bind_pat(pat, value, vars, ctx)?;
                Ok(Value::Bool(true))
            }
            PatKind::Bind(name, Some(sub)) => {
                let fits = self.pattern_fits(sub, value, vars, ctx)?;
                let plain = Pat { kind: PatKind::Bind(name.clone(), None), ..*pat };
                self.bind_pat(&plain, value, vars, ctx)?;
                Ok(fits)
            }
            PatKind::Or(cases) => self.one_fits(cases, value, vars, ctx),
            _ => {
                let place = value;
                let value = self.looked_up(value, vars, pat.sp)?;
                self.parts_fit(pat, place, &value, vars, ctx)
            }
        }
    }

    fn parts_fit(&mut self, pat: &Pat, place: &Value, value: &Value, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let misfit = || err(pat.sp, format!("this pattern does not fit {}", value.describe()));
        match &pat.kind {
            PatKind::Lit(e) => {
                let x = self.expr(e, vars, ctx)?;
                self.equals(value, &x, pat.sp)
            }
            PatKind::Path(p) if p.last() == "None" => match value {
                Value::Option(o) => Ok(Value::Bool(o.is_none())),
                other => err(pat.sp, format!("`None` does not fit {}", other.describe())),
            },
            // The library has no constants: a name in capitals is a variable there.
            PatKind::Path(p) if ctx.library => {
                vars.push(p.text.clone(), place.clone());
                Ok(Value::Bool(true))
            }
            PatKind::Path(p) => {
                let x = self.path(p, vars, ctx)?;
                self.equals(value, &x, pat.sp)
            }
            PatKind::Range(lo, hi, closed) => {
                if tree::children(value).is_some() {
                    return err(pat.sp, format!("a range does not fit {}", value.describe()));
                }
                let mut fits = Value::Bool(true);
                let upper = if *closed { BinOp::Le } else { BinOp::Lt };
                for (op, end) in [(BinOp::Ge, lo), (upper, hi)] {
                    let Some(end) = end else { continue };
                    let end = self.expr(end, vars, ctx)?;
                    // `i32::MIN..=-1`: what every value fulfils need not be looked at.
                    if !always(op, value, &end) {
                        let holds = self.binary(op, value, &end, pat.sp)?;
                        fits = self.both(fits, holds, pat.sp)?;
                    }
                }
                Ok(fits)
            }
            PatKind::TupleStruct(p, pats) if p.last() == "Some" => match (value, &pats[..]) {
                (Value::Option(None), [inner]) => {
                    pattern::poison(inner, vars);
                    Ok(Value::Bool(false))
                }
                (Value::Option(Some(x)), [inner]) => self.pattern_fits(inner, &(**x).clone(), vars, ctx),
                (other, _) => err(pat.sp, format!("`Some(..)` does not fit {}", other.describe())),
            },
            PatKind::Struct(_, fields) => {
                let Value::Struct(s) = value else { return misfit() };
                let mut fits = Value::Bool(true);
                for (name, p) in fields {
                    let Some(n) = s.ty.fields.iter().position(|(f, _)| f == name) else {
                        return err(p.sp, format!("`{}` has no field `{name}`", s.ty.describe()));
                    };
                    let part = pattern::part_of(place, n, s.fields[n].clone());
                    let one = self.pattern_fits(p, &part, vars, ctx)?;
                    fits = self.both(fits, one, pat.sp)?;
                }
                Ok(fits)
            }
            PatKind::Tuple(pats) | PatKind::Slice(pats) | PatKind::TupleStruct(_, pats) => {
                let mut fits = Value::Bool(true);
                for (p, part) in self.parts(pat, pats, place, value)? {
                    let one = self.pattern_fits(p, &part, vars, ctx)?;
                    fits = self.both(fits, one, pat.sp)?;
                }
                Ok(fits)
            }
            _ => misfit(),
        }
    }

    /// `a | b`. Names are bound by the first case that fits, which has to be known while tracing.
    fn one_fits(&mut self, cases: &[Pat], value: &Value, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let mut fits = Value::Bool(false);
        for (n, case) in cases.iter().enumerate() {
            let mark = vars.vars.len();
            let one = self.pattern_fits(case, value, vars, ctx)?;
            if matches!((&one, &fits), (Value::Bool(true), Value::Bool(false))) {
                return Ok(one);
            }
            let bound = vars.vars.len() > mark;
            if bound && matches!(one, Value::Array(_)) {
                return err_help(
                    case.sp,
                    "which of these patterns binds the name is known only at run time",
                    "write an arm for each of them",
                );
            }
            // The last case leaves its names behind, so that they stay known.
            if n + 1 < cases.len() {
                vars.vars.truncate(mark);
            }
            fits = match (fits, one) {
                (Value::Bool(false), one) => one,
                (fits, one) => self.binary(BinOp::Or, &fits, &one, case.sp)?,
            };
        }
        Ok(fits)
    }

    fn both(&mut self, a: Value, b: Value, sp: Sp) -> R<Value> {
        match (a, b) {
            (Value::Bool(true), b) => Ok(b),
            (a, b) => self.binary(BinOp::And, &a, &b, sp),
        }
    }

    fn equals(&mut self, value: &Value, x: &Value, sp: Sp) -> R<Value> {
        match (value, x) {
            (Value::Array(t), Value::Bool(b)) if t.aval.dtype == DType::Bool && t.aval.rank() == 0 => {
                if *b {
                    Ok(value.clone())
                } else {
                    self.not(value, sp)
                }
            }
            _ => self.binary(BinOp::Eq, value, x, sp),
        }
    }

    /// `match value { .. }`. Arms that cannot fit are left out, as is everything behind one that always does; if only one
    /// is left it is taken, otherwise they become the branches of a real `switch`.
    pub fn match_expr(&mut self, value: &Expr, arms: &[Arm], sp: Sp, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let at = value.sp;
        let v = self.let_value(value, vars, ctx)?;
        let mut open: Vec<(&Arm, Option<Value>)> = Vec::new();
        for arm in arms {
            let mut scope = vars.clone();
            let mut fits = self.pattern_fits(&arm.pat, &v, &mut scope, ctx)?;
            if let (false, Some(g)) = (matches!(fits, Value::Bool(false)), &arm.guard) {
                let guard = self.expr(g, &mut scope, ctx)?;
                fits = self.both(fits, guard, g.sp)?;
            }
            match fits {
                Value::Bool(false) => {}
                Value::Bool(true) => {
                    open.push((arm, None));
                    break;
                }
                fits => open.push((arm, Some(fits))),
            }
        }
        let held = self.looked_up(&v, vars, at)?;
        match open.last() {
            None => return err(sp, format!("no arm matches {}", held.describe())),
            Some((_, None)) => {}
            Some((last, Some(_))) => {
                if tree::children(&held).is_none() && !is_discrete(&held) {
                    return err_help(
                        at,
                        format!("`match` takes integers and bools, found {}", held.describe()),
                        "compare floats with `if`",
                    );
                }
                if let Some(case) = self.left_out(&held, &open, ctx)? {
                    let text = match case {
                        Some(case) => format!("the arms of this `match` leave out {case}"),
                        None => "the arms of this `match` leave values out".to_string(),
                    };
                    return err_help(last.pat.sp, text, "let the last arm catch every other value: `_ => ..`");
                }
            }
        }
        let taken = |tr: &mut Tracer<'a>, arm: &Arm, vars: &mut Scope| {
            let mark = vars.vars.len();
            tr.pattern_fits(&arm.pat, &v, vars, ctx)?;
            let result = tr.expr(&arm.body, vars, ctx);
            vars.vars.truncate(mark);
            result
        };
        if let [(arm, _)] = open[..] {
            return taken(self, arm, vars);
        }
        // The number of the first arm that fits: later ones are overwritten by earlier ones.
        let (cases, last) = (&open[..open.len() - 1], open.len() - 1);
        let mut index = self.number(Num { value: Number::Int(last as i128), dtype: Some(DType::I32) }, sp);
        for (n, (arm, fits)) in cases.iter().enumerate().rev() {
            let Some(fits) = fits else { continue };
            let fits = self.to_traced(fits, None, arm.pat.sp)?;
            if fits.aval.rank() > 0 || fits.aval.dtype != DType::Bool {
                let found = super::value::show(&fits.aval);
                return err(arm.pat.sp, format!("whether this arm fits is one bool, found {found}"));
            }
            let this = self.number(Num { value: Number::Int(n as i128), dtype: Some(DType::I32) }, sp);
            index = self.bind1(Select, &[&fits, &this, &index], sp)?;
        }
        let arms: Vec<&Arm> = open.iter().map(|(arm, _)| *arm).collect();
        self.branches(&index, &arms, at, sp, vars, taken)
    }

    /// A value that no arm covers: `Some(None)` if there may be one, but it cannot be named.
    fn left_out(&mut self, v: &Value, open: &[(&Arm, Option<Value>)], ctx: &Rc<Ctx>) -> R<Option<Option<String>>> {
        let mut rows = Vec::new();
        for (arm, _) in open.iter().filter(|(arm, _)| arm.guard.is_none()) {
            rows.push(vec![self.cover(&arm.pat, v, ctx)?]);
        }
        let mut budget = MAX_CASES;
        Ok(witness(&rows, &[domain(v)], &mut budget).map(|case| match budget {
            0 => None,
            _ => case.into_iter().next(),
        }))
    }

    /// What a pattern covers, without its names.
    fn cover(&mut self, pat: &Pat, v: &Value, ctx: &Rc<Ctx>) -> R<Cover> {
        let mut none = Scope::default();
        let int = |v: Value| match v {
            Value::Num(Num { value: Number::Int(i), .. }) => Some(i),
            Value::Bool(b) => Some(b as i128),
            _ => None,
        };
        Ok(match &pat.kind {
            PatKind::Wild | PatKind::Rest | PatKind::Bind(_, None) => Cover::All,
            PatKind::Bind(_, Some(sub)) => self.cover(sub, v, ctx)?,
            PatKind::Lit(e) => int(self.expr(e, &mut none, ctx)?).map_or(Cover::Or(vec![]), |i| Cover::Range(i, i)),
            PatKind::Path(p) => int(self.path(p, &mut none, ctx)?).map_or(Cover::Or(vec![]), |i| Cover::Range(i, i)),
            PatKind::Range(lo, hi, closed) => {
                let mut end = |e: &Option<Box<Expr>>, open: i128| match e {
                    None => R::Ok(Some(open)),
                    Some(e) => Ok(int(self.expr(e, &mut none, ctx)?)),
                };
                match (end(lo, i128::MIN)?, end(hi, i128::MAX)?) {
                    (Some(a), Some(b)) => Cover::Range(a, if *closed || hi.is_none() { b } else { b - 1 }),
                    _ => Cover::Or(vec![]),
                }
            }
            PatKind::Or(cases) => Cover::Or(cases.iter().map(|p| self.cover(p, v, ctx)).collect::<R<_>>()?),
            PatKind::Struct(_, fields) => {
                let Value::Struct(s) = v else { return Ok(Cover::Or(vec![])) };
                let mut parts = vec![Cover::All; s.fields.len()];
                for (name, p) in fields {
                    if let Some(n) = s.ty.fields.iter().position(|(f, _)| f == name) {
                        parts[n] = self.cover(p, &s.fields[n], ctx)?;
                    }
                }
                Cover::Parts(parts)
            }
            PatKind::Tuple(pats) | PatKind::Slice(pats) | PatKind::TupleStruct(_, pats) => {
                let n = pattern::count(v).unwrap_or(0);
                let mut parts = vec![Cover::All; n];
                for (p, at) in pattern::places(pats, n) {
                    if let pattern::Parts::One(at) = at {
                        parts[at] = self.cover(p, &pattern::type_of_part(v, at), ctx)?;
                    }
                }
                Cover::Parts(parts)
            }
        })
    }

    /// `matches!(value, pattern)`, `matches!(value, pattern if guard)`.
    pub fn matches_expr(&mut self, value: &Expr, arm: &Arm, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let v = self.let_value(value, vars, ctx)?;
        let mark = vars.vars.len();
        let fits = self.pattern_fits(&arm.pat, &v, vars, ctx).and_then(|fits| match (&fits, &arm.guard) {
            (Value::Bool(false), _) | (_, None) => Ok(fits),
            (_, Some(g)) => {
                let guard = self.expr(g, vars, ctx)?;
                self.both(fits, guard, g.sp)
            }
        });
        vars.vars.truncate(mark);
        fits
    }

    /// `if let pattern = value` as a condition: its names are bound if it may fit.
    pub fn let_condition(&mut self, pat: &Pat, value: &Expr, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let v = self.let_value(value, vars, ctx)?;
        self.pattern_fits(pat, &v, vars, ctx)
    }
}

/// Whether a comparison with the end of a range holds for every value of the dtype.
fn always(op: BinOp, value: &Value, end: &Value) -> bool {
    let (Value::Array(t), Value::Num(Num { value: Number::Int(end), .. })) = (value, end) else { return false };
    t.aval.dtype.is_int() && {
        let (lo, hi) = t.aval.dtype.int_range();
        match op {
            BinOp::Ge => *end <= lo,
            _ => *end >= hi && op == BinOp::Le,
        }
    }
}

fn is_discrete(v: &Value) -> bool {
    match v {
        Value::Array(t) => t.aval.rank() == 0 && (t.aval.dtype.is_int() || t.aval.dtype == DType::Bool),
        _ => true,
    }
}

/// What a pattern covers of a [`Domain`].
#[derive(Clone, Debug)]
enum Cover {
    All,
    Range(i128, i128),
    Parts(Vec<Cover>),
    Or(Vec<Cover>),
}

/// The values that a part of what is matched can have.
#[derive(Clone, Debug)]
enum Domain {
    Bool,
    Int(i128, i128),
    Parts(Vec<Domain>),
    /// Only a pattern that fits everything covers it.
    Other,
}

fn domain(v: &Value) -> Domain {
    match v {
        Value::Bool(b) => Domain::Int(*b as i128, *b as i128),
        Value::Num(Num { value: Number::Int(i), .. }) => Domain::Int(*i, *i),
        Value::Array(t) if t.aval.rank() == 0 && t.aval.dtype == DType::Bool => Domain::Bool,
        Value::Array(t) if t.aval.rank() == 0 && t.aval.dtype.is_int() => {
            let (lo, hi) = t.aval.dtype.int_range();
            Domain::Int(lo, hi)
        }
        Value::Array(t) if t.aval.rank() > 0 && t.aval.shape[0] <= 16 => {
            Domain::Parts((0..t.aval.shape[0]).map(|n| domain(&pattern::type_of_part(v, n))).collect())
        }
        other => match tree::children(other) {
            Some(items) => Domain::Parts(items.iter().map(domain).collect()),
            None => Domain::Other,
        },
    }
}

/// A value per domain that no row covers, if there is one.
fn witness(rows: &[Vec<Cover>], domains: &[Domain], budget: &mut usize) -> Option<Vec<String>> {
    let Some((first, rest)) = domains.split_first() else { return rows.is_empty().then(Vec::new) };
    *budget = budget.saturating_sub(1);
    if *budget == 0 {
        return Some(domains.iter().map(|_| "_".into()).collect());
    }
    // A row per alternative.
    if rows.iter().any(|row| matches!(row[0], Cover::Or(_))) {
        let mut flat = Vec::new();
        for row in rows {
            match &row[0] {
                Cover::Or(cases) => flat.extend(cases.iter().map(|c| [std::slice::from_ref(c), &row[1..]].concat())),
                _ => flat.push(row.clone()),
            }
        }
        return witness(&flat, domains, budget);
    }
    let below = |rows: Vec<Vec<Cover>>, budget: &mut usize| witness(&rows, rest, budget);
    let without_first = |rows: &[&Vec<Cover>]| rows.iter().map(|row| row[1..].to_vec()).collect::<Vec<_>>();
    match first {
        Domain::Parts(parts) => {
            let spread: Vec<Vec<Cover>> = rows
                .iter()
                .filter_map(|row| match &row[0] {
                    Cover::Parts(p) if p.len() == parts.len() => Some([&p[..], &row[1..]].concat()),
                    Cover::All => Some([&vec![Cover::All; parts.len()][..], &row[1..]].concat()),
                    _ => None,
                })
                .collect();
            let found = witness(&spread, &[&parts[..], rest].concat(), budget)?;
            let (mine, others) = found.split_at(parts.len());
            let text = format!("({})", mine.join(", "));
            Some([&[text], others].concat())
        }
        Domain::Other => {
            let all: Vec<&Vec<Cover>> = rows.iter().filter(|row| matches!(row[0], Cover::All)).collect();
            below(without_first(&all), budget).map(|found| [&["_".to_string()][..], &found].concat())
        }
        Domain::Bool | Domain::Int(..) => {
            let (lo, hi) = match first {
                Domain::Int(lo, hi) => (*lo, *hi),
                _ => (0, 1),
            };
            // The places where it matters which value it is.
            let mut starts = vec![lo];
            for row in rows {
                if let Cover::Range(a, b) = row[0] {
                    starts.extend([a, b.saturating_add(1)].into_iter().filter(|s| (lo..=hi).contains(s)));
                }
            }
            // A number that a person would name comes first.
            starts.sort_unstable_by_key(|s| (*s < 0, *s));
            starts.dedup();
            for s in starts {
                let here: Vec<&Vec<Cover>> = rows
                    .iter()
                    .filter(|row| match row[0] {
                        Cover::All => true,
                        Cover::Range(a, b) => (a..=b).contains(&s),
                        _ => false,
                    })
                    .collect();
                if let Some(found) = below(without_first(&here), budget) {
                    let text = match first {
                        Domain::Bool => format!("`{}`", s == 1),
                        _ => format!("`{s}`"),
                    };
                    return Some([&[text], &found[..]].concat());
                }
            }
            None
        }
    }
}
