//! Places: what `&mut` refers to. A mutable reference that is bound to a name stands for the variable, field or elements
//! that it was made of; reading and assigning through it go there.

use std::rc::Rc;

use crate::parse::ast::{BinOp, Expr, ExprKind};
use crate::parse::spans::Sp;
use crate::trace::index::Update;
use crate::trace::value::{Ctx, Scope, Value};
use crate::trace::{R, Tracer, err, err_help, tree};

/// A variable of the function that is being traced, or a part of it.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where the variable stands in its scope.
    pub var: usize,
    /// The way from there, outermost step first.
    pub path: Vec<Step>,
}

/// A step from a value to a part of it.
#[derive(Clone, Debug)]
pub enum Step {
    /// The n-th field.
    Field(usize),
    /// What an index picks.
    Index(Value),
}

impl Place {
    /// A part of this place.
    pub fn then(&self, step: Step) -> Value {
        let mut path = self.path.clone();
        path.push(step);
        Value::Place(Rc::new(Place { var: self.var, path }))
    }
}

impl<'a> Tracer<'a> {
    /// The place that `e` names, if it names one.
    pub fn place_of(&mut self, e: &Expr, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Option<Rc<Place>>> {
        match &e.kind {
            ExprKind::Path(p) => {
                let Some(var) = p.ident().and_then(|name| vars.position(name)) else { return Ok(None) };
                Ok(Some(match &vars.vars[var].1 {
                    Value::Place(place) => place.clone(),
                    _ => Rc::new(Place { var, path: Vec::new() }),
                }))
            }
            ExprKind::Deref(inner) | ExprKind::Ref(inner, true) => self.place_of(inner, vars, ctx),
            ExprKind::Field(base, name) => {
                let Some(place) = self.place_of(base, vars, ctx)? else { return Ok(None) };
                let whole = self.read_place(&place, vars, e.sp)?;
                // A field that is a reference itself, as in `for pair in x.iter_mut().enumerate()`.
                if let Value::Place(inner) = self.field_as_it_is(&whole, name)? {
                    return Ok(Some(inner));
                }
                let n = match &whole {
                    Value::Struct(s) => s.ty.fields.iter().position(|(f, _)| *f == name.text),
                    _ => name.text.parse().ok(),
                };
                Ok(n.map(|n| as_place(place.then(Step::Field(n)))))
            }
            ExprKind::Index(base, index) => {
                let Some(place) = self.place_of(base, vars, ctx)? else { return Ok(None) };
                let at = self.expr(index, vars, ctx)?;
                Ok(Some(as_place(place.then(Step::Index(at)))))
            }
            _ => Ok(None),
        }
    }

    /// The value of the right side of a `let`: a mutable reference stays one, everything else is read.
    pub fn let_value(&mut self, e: &Expr, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let is_reference = match &e.kind {
            ExprKind::Ref(_, is_mut) => *is_mut,
            ExprKind::Path(p) => p.ident().is_some_and(|name| matches!(vars.get(name), Some(Value::Place(_)))),
            ExprKind::Tuple(items) if items.iter().any(|e| matches!(e.kind, ExprKind::Ref(_, true))) => {
                return Ok(Value::tuple(items.iter().map(|e| self.let_value(e, vars, ctx)).collect::<R<_>>()?));
            }
            _ => false,
        };
        if is_reference && let Some(place) = self.place_of(e, vars, ctx)? {
            // An index out of range is told where the reference is made.
            self.read_place(&place, vars, e.sp)?;
            return Ok(Value::Place(place));
        }
        self.expr(e, vars, ctx)
    }

    /// The place behind a name or field that is a mutable reference itself, as in `*r += 1.0`.
    pub fn reference(&mut self, e: &Expr, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Option<(Rc<str>, Rc<Place>)>> {
        match &e.kind {
            ExprKind::Deref(inner) => self.reference(inner, vars, ctx),
            ExprKind::Path(p) => Ok(match p.ident().and_then(|name| vars.get(name)) {
                Some(Value::Place(place)) => Some((p.text.clone(), place.clone())),
                _ => None,
            }),
            ExprKind::Field(base, name) => {
                let whole = self.expr(base, vars, ctx)?;
                Ok(match self.field_as_it_is(&whole, name)? {
                    Value::Place(place) => Some((name.text.clone(), place)),
                    _ => None,
                })
            }
            _ => Ok(None),
        }
    }

    /// What a place holds.
    pub fn read_place(&mut self, place: &Place, vars: &Scope, sp: Sp) -> R<Value> {
        let mut value = vars.vars[place.var].1.clone();
        for step in &place.path {
            value = self.part(&value, step, sp)?;
        }
        Ok(value)
    }

    /// `v` itself, or what it refers to.
    pub fn looked_up(&mut self, v: &Value, vars: &Scope, sp: Sp) -> R<Value> {
        match v {
            Value::Place(place) => self.read_place(place, vars, sp),
            other => Ok(other.clone()),
        }
    }

    fn part(&mut self, whole: &Value, step: &Step, sp: Sp) -> R<Value> {
        match step {
            Step::Field(n) => match tree::children(whole).and_then(|items| items.get(*n)) {
                Some(v) => Ok(v.clone()),
                None => err(sp, format!("{} has no part {n}", whole.describe())),
            },
            Step::Index(at) => self.index(whole, at, sp),
        }
    }

    /// Stores `value` in a place, or combines what is there with it: where the last step is an index by one scatter, so
    /// that repeated indices add up. `name` is what the user calls the place.
    pub fn write_place(
        &mut self,
        place: &Place,
        op: Option<BinOp>,
        value: Value,
        name: &str,
        sp: Sp,
        vars: &mut Scope,
    ) -> R<()> {
        self.expect_own(Some(place.var), vars, sp)?;
        let old = vars.vars[place.var].1.clone();
        let mut new = self.with_part(&old, &place.path, op, value, name, sp)?;
        if let (Value::Array(t), true) = (&mut new, place.path.is_empty() && !name.is_empty())
            && t.name.is_none()
        {
            t.name = Some(name.into());
        }
        vars.vars[place.var].1 = new;
        Ok(())
    }

    /// What is taken by `&`, or bound without `mut`, is not changed.
    pub fn expect_own(&self, var: Option<usize>, vars: &Scope, sp: Sp) -> R<()> {
        let Some(var) = var else { return Ok(()) };
        let name = &vars.vars[var].0;
        if vars.is_fixed(var) && !vars.lent.contains(&var) {
            let text = format!("`{name}` is declared without `mut`, so it cannot be changed");
            return err_help(sp, text, format!("declare it as `mut {name}`"));
        }
        if !vars.lent.contains(&var) {
            return Ok(());
        }
        let instead = match &**name {
            "self" => "declare the method with `&mut self`".into(),
            name => format!("declare `{name}` with `&mut`, or change a copy: `let mut y = *{name};`"),
        };
        err_help(sp, format!("`{name}` is taken by `&`, so it cannot be changed"), instead)
    }

    fn with_part(
        &mut self,
        whole: &Value,
        path: &[Step],
        op: Option<BinOp>,
        value: Value,
        name: &str,
        sp: Sp,
    ) -> R<Value> {
        match (path, op) {
            ([], None) => self.like_old(whole, value, name, sp),
            ([], Some(op)) => {
                let new = self.binary(op, whole, &value, sp)?;
                self.like_old(whole, new, name, sp)
            }
            ([Step::Index(at)], op) => self.index_set(whole, at, op.map(Update::Op), &value, sp),
            ([step, rest @ ..], op) => {
                let old = self.part(whole, step, sp)?;
                let new = self.with_part(&old, rest, op, value, name, sp)?;
                match step {
                    Step::Index(at) => self.index_set(whole, at, None, &new, sp),
                    Step::Field(n) => {
                        let mut items = tree::children(whole).unwrap_or(&[]).to_vec();
                        items[*n] = new;
                        Ok(tree::with_children(whole, items))
                    }
                }
            }
        }
    }
}

fn as_place(v: Value) -> Rc<Place> {
    match v {
        Value::Place(place) => place,
        _ => unreachable!("made by `then`"),
    }
}
