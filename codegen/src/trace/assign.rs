//! Assignment: to variables and to places inside them.

use std::rc::Rc;

use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::index::Update;
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, Scope, Value};
use crate::trace::{R, Stop, Tracer, arith, err, err_help, tree};

impl<'a> Tracer<'a> {
    /// Assigns to a variable, field, element or slice.
    pub fn assign(&mut self, place: &Expr, value: Value, sp: Sp, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<()> {
        match &place.kind {
            ExprKind::Deref(inner) => {
                self.expect_reference(inner, vars, ctx)?;
                self.assign(inner, value, sp, vars, ctx)
            }
            ExprKind::Ref(inner, _) => self.assign(inner, value, sp, vars, ctx),
            ExprKind::Path(p) => {
                let Some(name) = p.ident() else { return err(place.sp, "only variables can be assigned") };
                if name == "_" {
                    return Ok(());
                }
                let Some(old) = vars.get(name).cloned() else {
                    if name == super::desugar::RESULT {
                        return err_help(
                            place.sp,
                            "only a `loop` is left with a value",
                            "declare the variable in front of the loop, `let mut found = ..;`, assign it and `break`",
                        );
                    }
                    return err_help(
                        place.sp,
                        format!("`{name}` is not a variable of this function"),
                        "a kernel has no side effects: return the new value or take `&mut` to it as a parameter",
                    );
                };
                if let Value::Place(target) = &old {
                    return self.write_place(target, None, value, name, sp, vars);
                }
                self.expect_own(vars.position(name), vars, place.sp)?;
                let mut value = self.like_old(&old, value, name, sp)?;
                if let Value::Array(t) = &mut value
                    && t.name.is_none()
                    && !ctx.library
                {
                    let var = t.tvar;
                    if self.frames.last().is_some_and(|f| f.id == var.frame) {
                        self.graph().name_var(var.var, name);
                    }
                    t.name = Some(name.into());
                }
                *vars.get_mut(name).expect("just found") = value;
                Ok(())
            }
            ExprKind::Field(base, name) => {
                let old = self.expr(base, vars, ctx)?;
                let current = self.field_as_it_is(&old, name)?;
                if let Value::Place(target) = &current {
                    return self.write_place(target, None, value, &name.text, sp, vars);
                }
                let value = self.like_old(&current, value, &name.text, sp)?;
                let n = match &old {
                    Value::Struct(s) => s.ty.fields.iter().position(|(f, _)| *f == name.text),
                    _ => name.text.parse().ok(),
                };
                let mut items = tree::children(&old).unwrap_or(&[]).to_vec();
                items[n.expect("found by `field`")] = value;
                self.assign(base, tree::with_children(&old, items), sp, vars, ctx)
            }
            ExprKind::Index(base, index) => {
                let old = self.expr(base, vars, ctx)?;
                let at = self.expr(index, vars, ctx)?;
                let new = self.index_set(&old, &at, None, &value, sp).map_err(|stop| blame_index(stop, sp, index))?;
                self.assign(base, new, sp, vars, ctx)
            }
            ExprKind::Tuple(items) => {
                let Some(values) = tree::children(&value).filter(|v| v.len() == items.len()) else {
                    return err(sp, format!("cannot assign {} to {} places", value.describe(), items.len()));
                };
                for (e, v) in items.iter().zip(values.to_vec()) {
                    self.assign(e, v, sp, vars, ctx)?;
                }
                Ok(())
            }
            ExprKind::Method(..) | ExprKind::Call(..) => {
                err_help(place.sp, "the result of a call cannot be assigned", "bind it with `let` first")
            }
            _ => err(place.sp, "this is not something that can be assigned"),
        }
    }

    /// What `*x = ..` changes is behind a mutable reference, not in the copy of an element that `x` is.
    fn expect_reference(&self, of: &Expr, vars: &Scope, ctx: &Ctx) -> R<()> {
        let ExprKind::Path(p) = &of.kind else { return Ok(()) };
        let Some(var) = p.ident().and_then(|name| vars.position(name)) else { return Ok(()) };
        let is_place = matches!(vars.vars[var].1, Value::Place(_));
        if ctx.library || is_place || !vars.is_fixed(var) || vars.lent.contains(&var) {
            return Ok(());
        }
        err_help(
            of.sp,
            format!("`{}` is not a mutable reference, so there is nothing behind it to change", p.text),
            "loop over `x.iter_mut()` or `&mut x`; a `&mut` in a tuple or an array is a copy",
        )
    }

    /// `place[index] op= value`: one scatter, so that repeated indices add up.
    pub(super) fn update_place(
        &mut self,
        place: &Expr,
        op: BinOp,
        value: &Value,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<()> {
        let ExprKind::Index(base, index) = &place.kind else { unreachable!("called for indices") };
        let old = self.expr(base, vars, ctx)?;
        let at = self.expr(index, vars, ctx)?;
        let new =
            self.index_set(&old, &at, Some(Update::Op(op)), value, sp).map_err(|stop| blame_index(stop, sp, index))?;
        self.assign(base, new, sp, vars, ctx)
    }

    /// A variable keeps its dtype and shape: literals take them, anything else must match.
    pub fn like_old(&mut self, old: &Value, value: Value, name: &str, sp: Sp) -> R<Value> {
        match (old, value) {
            (Value::Array(o), v @ (Value::Array(_) | Value::Num(_) | Value::List(_) | Value::Bool(_))) => {
                let dtype = if o.weak { None } else { Some(o.aval.dtype) };
                let t = self.to_traced(&v, dtype, sp)?;
                if o.weak || *t.aval == *o.aval {
                    return Ok(Value::Array(t));
                }
                if t.aval.dtype == o.aval.dtype
                    && arith::broadcast_shapes(&t.aval.shape, &o.aval.shape).as_ref() == Some(&o.aval.shape)
                    && t.aval.rank() == 0
                {
                    return Ok(Value::Array(self.broadcast_to(&t, &o.aval.shape, sp)?));
                }
                let ty = Ty::Array((*o.aval).clone());
                let note = self.origin(o);
                self.fit(Value::Array(t), &ty, &format!("`{name}`"), sp).map_err(|stop| match stop {
                    Stop::Error(mut d) => {
                        d.notes.insert(0, note);
                        Stop::Error(d)
                    }
                    other => other,
                })
            }
            (Value::Struct(o), v) => {
                let ty = Ty::Struct(o.ty.clone());
                self.fit(v, &ty, &format!("`{name}`"), sp)
            }
            (_, v) => Ok(v),
        }
    }
}

/// A mistake in an index sits on the index, in a tuple of them on the entry.
pub(super) fn blame_index(stop: Stop, sp: Sp, index: &Expr) -> Stop {
    match stop {
        Stop::Error(d) if d.item.is_none() => Stop::Error(d),
        Stop::Error(mut d) => {
            let n = d.item.take().unwrap_or(0);
            let inner = match &index.kind {
                ExprKind::Tuple(items) => items.get(n).map_or(index.sp, |e| e.sp),
                _ => index.sp,
            };
            d.narrow(sp, inner).into()
        }
        other => other,
    }
}

/// The variable that a place is part of.
pub fn root_name(place: &Expr) -> Option<Rc<str>> {
    match &place.kind {
        ExprKind::Path(p) => p.ident().map(Into::into),
        ExprKind::Deref(e) | ExprKind::Ref(e, _) | ExprKind::Field(e, _) | ExprKind::Index(e, _) => root_name(e),
        _ => None,
    }
}
