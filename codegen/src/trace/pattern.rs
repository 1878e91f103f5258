//! Patterns that always fit, and the parts that a pattern looks at.

use std::rc::Rc;

use crate::parse::ast::{Pat, PatKind};
use crate::trace::place::Step;
use crate::trace::value::{Ctx, Scope, Value};
use crate::trace::{R, Tracer, err, tree};

/// Which parts of a value a pattern in a list stands for.
#[derive(Clone, Copy, Debug)]
pub enum Parts {
    /// One.
    One(usize),
    /// Those that `..` leaves over.
    Rest(usize, usize),
}

impl<'a> Tracer<'a> {
    /// Binds the names of an irrefutable pattern.
    pub fn bind_pat(&mut self, pat: &Pat, value: &Value, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<()> {
        if matches!(value, Value::Poison) {
            poison(pat, vars);
            return Ok(());
        }
        match &pat.kind {
            PatKind::Bind(name, sub) => {
                let mut value = value.clone();
                if !ctx.library {
                    self.bound.entry(name.sp).or_insert_with(|| value.clone());
                }
                // The user's name shows in graphs and messages; arguments keep the name they came with.
                if let Value::Array(t) = &mut value
                    && !ctx.library
                    && t.name.is_none()
                {
                    let var = t.tvar;
                    if self.frames.last().is_some_and(|f| f.id == var.frame) {
                        self.graph().name_var(var.var, &name.text);
                    }
                    t.name = Some(name.text.clone());
                }
                vars.push(name.text.clone(), value.clone());
                if pat.fixed && !ctx.library {
                    vars.fix();
                }
                match sub {
                    Some(sub) => self.bind_pat(sub, &value, vars, ctx),
                    None => Ok(()),
                }
            }
            PatKind::Wild | PatKind::Rest => Ok(()),
            _ => match self.pattern_fits(pat, value, vars, ctx)? {
                Value::Bool(true) => Ok(()),
                _ => err(pat.sp, "a `let` needs a pattern that always fits"),
            },
        }
    }

    /// The parts of `value` beside the patterns for them. Parts of what is behind a mutable reference are references.
    pub fn parts<'p>(&mut self, pat: &Pat, pats: &'p [Pat], place: &Value, value: &Value) -> R<Vec<(&'p Pat, Value)>> {
        let array = matches!(value, Value::Array(_));
        let rows = matches!(value, Value::Array(t) if t.aval.rank() > 1);
        let n = match count(value) {
            // `let (key, sub) = random::split(key)`: rows are taken apart as a tuple too.
            Some(n)
                if !array
                    || matches!(pat.kind, PatKind::Slice(_))
                    || (rows && matches!(pat.kind, PatKind::Tuple(_))) =>
            {
                n
            }
            _ => return err(pat.sp, format!("this pattern does not fit {}", value.describe())),
        };
        let open = pats.iter().any(is_rest);
        if pats.len() - usize::from(open) > n || (!open && pats.len() != n) {
            return err(
                pat.sp,
                format!("this pattern has {} parts, the value {} has {n}", pats.len(), value.describe()),
            );
        }
        let mut out = Vec::new();
        for (p, at) in places(pats, n) {
            if matches!(p.kind, PatKind::Rest | PatKind::Wild) {
                continue;
            }
            let (lo, hi) = match at {
                Parts::One(k) => (k, k + 1),
                Parts::Rest(lo, hi) => (lo, hi),
            };
            let index = match at {
                Parts::One(k) => Value::size(k),
                Parts::Rest(..) => Value::Range(Some(Rc::new(Value::size(lo))), Some(Rc::new(Value::size(hi)))),
            };
            let part = match (at, value, tree::children(value)) {
                (Parts::One(k), Value::Array(t), _) => self.item_at(t, k, p.sp)?,
                (Parts::One(k), _, Some(items)) => items[k].clone(),
                (Parts::Rest(..), _, Some(items)) => tree::with_children(value, items[lo..hi].to_vec()),
                _ => self.index(value, &index, p.sp)?,
            };
            out.push((
                p,
                match (place, at, array) {
                    (Value::Place(_), Parts::One(k), false) => part_of(place, k, part),
                    (Value::Place(place), ..) => place.then(Step::Index(index)),
                    _ => part,
                },
            ));
        }
        Ok(out)
    }
}

/// Field `n` of what is at `place`, if that is a mutable reference; else its value.
pub fn part_of(place: &Value, n: usize, value: Value) -> Value {
    match place {
        Value::Place(place) => place.then(Step::Field(n)),
        _ => value,
    }
}

/// Number of parts of a tuple, struct, list or array.
pub fn count(v: &Value) -> Option<usize> {
    match v {
        Value::Array(t) => t.aval.shape.first().copied(),
        Value::Unit => Some(0),
        other => tree::children(other).map(<[Value]>::len),
    }
}

/// A value of the type of part `n`; an array's stands for the type only.
pub fn type_of_part(v: &Value, n: usize) -> Value {
    match v {
        Value::Array(t) => {
            let mut t = t.clone();
            t.aval = Rc::new(t.aval.unbatched());
            Value::Array(t)
        }
        other => tree::children(other).and_then(|items| items.get(n)).cloned().unwrap_or(Value::Unit),
    }
}

fn is_rest(p: &Pat) -> bool {
    match &p.kind {
        PatKind::Rest => true,
        PatKind::Bind(_, Some(sub)) => is_rest(sub),
        _ => false,
    }
}

/// Which of `n` parts each pattern of a list stands for.
pub fn places(pats: &[Pat], n: usize) -> Vec<(&Pat, Parts)> {
    let rest = pats.iter().position(is_rest);
    let place = |k: usize| match rest {
        Some(r) if k == r => Parts::Rest(r, n - (pats.len() - 1 - r)),
        Some(r) if k > r => Parts::One(n - (pats.len() - k)),
        _ => Parts::One(k),
    };
    pats.iter().enumerate().map(|(k, p)| (p, place(k))).collect()
}

/// Names of a pattern whose value has been reported stay silent.
pub fn poison(pat: &Pat, vars: &mut Scope) {
    declare(pat, &Value::Poison, vars);
}

/// Gives every name of a pattern the same value.
pub fn declare(pat: &Pat, value: &Value, vars: &mut Scope) {
    match &pat.kind {
        PatKind::Bind(name, sub) => {
            vars.push(name.text.clone(), value.clone());
            if let Some(sub) = sub {
                declare(sub, value, vars);
            }
        }
        PatKind::Tuple(ps) | PatKind::Slice(ps) | PatKind::TupleStruct(_, ps) | PatKind::Or(ps) => {
            ps.iter().for_each(|p| declare(p, value, vars));
        }
        PatKind::Struct(_, fields) => fields.iter().for_each(|(_, p)| declare(p, value, vars)),
        _ => {}
    }
}
