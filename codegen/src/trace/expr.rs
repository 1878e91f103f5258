//! Expressions and statements.

use std::rc::Rc;

use crate::dtype::DType;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::assign::{blame_index, root_name};
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, FnValue, Num, Number, Scope, Value};
use crate::trace::{R, Stop, Tracer, err, err_help, pattern, tree};

/// Levels of nesting that the stack of rustc, 8 MiB, has room for, with the macros unoptimised: there an expression takes
/// up to 16 KiB, a loop or a branch three times that. Held by `codegen/tests/depth.rs`.
const MAX_LEVELS: usize = 384;

impl<'a> Tracer<'a> {
    /// Evaluates a block in a scope of its own. A mistake in a statement is recorded and the next statement goes on,
    /// so that independent mistakes are reported together.
    pub fn block(&mut self, b: &Block, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let mark = vars.vars.len();
        let result = self.block_inner(b, vars, ctx);
        vars.vars.truncate(mark);
        result
    }

    /// Evaluates a block, leaving its variables in scope.
    pub fn block_inner(&mut self, b: &Block, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let mut failed = false;
        let expected = self.expected.take();
        for stmt in &b.stmts {
            let depth = self.depth();
            match self.stmt(stmt, vars, ctx) {
                Ok(()) => {}
                Err(Stop::Error(d)) => {
                    self.truncate_frames(depth);
                    self.report(*d);
                    failed = true;
                    poison_stmt(stmt, vars);
                }
                Err(Stop::Silent) => {
                    self.truncate_frames(depth);
                    failed = true;
                    poison_stmt(stmt, vars);
                }
                Err(Stop::NeedMethod(id, name, at)) => {
                    self.truncate_frames(depth);
                    self.needed.push((id, name, at));
                    failed = true;
                    poison_stmt(stmt, vars);
                }
                Err(stop) => return Err(stop),
            }
        }
        self.expected = expected;
        let value = match &b.value {
            Some(e) => self.expr(e, vars, ctx)?,
            None => Value::Unit,
        };
        self.expected = None;
        if failed { Err(Stop::Silent) } else { Ok(value) }
    }

    /// Records a mistake and goes on without the value, so that what stands beside it is looked at too.
    pub fn attempt<T>(&mut self, result: R<T>) -> R<Option<T>> {
        match result {
            Ok(v) => Ok(Some(v)),
            Err(Stop::Silent) => Ok(None),
            Err(Stop::Error(d)) => {
                self.report(*d);
                Ok(None)
            }
            Err(Stop::NeedMethod(id, name, at)) => {
                self.needed.push((id, name, at));
                Ok(None)
            }
            Err(stop) => Err(stop),
        }
    }

    /// Evaluates expressions that do not depend on each other: mistakes in all of them are told.
    pub fn exprs<'e>(
        &mut self,
        items: impl IntoIterator<Item = &'e Expr>,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Vec<Value>> {
        self.exprs_as(items, &[], vars, ctx)
    }

    /// The same where types are wanted.
    pub(super) fn exprs_as<'e>(
        &mut self,
        items: impl IntoIterator<Item = &'e Expr>,
        wanted: &[Ty],
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Vec<Value>> {
        let mut out = Vec::new();
        let mut failed = false;
        for (n, e) in items.into_iter().enumerate() {
            let depth = self.depth();
            self.expected = wanted.get(n).cloned();
            let value = self.expr(e, vars, ctx);
            match self.attempt(value)? {
                Some(v) => out.push(v),
                None => {
                    self.truncate_frames(depth);
                    failed = true;
                }
            }
        }
        if failed { Err(Stop::Silent) } else { Ok(out) }
    }

    /// Records a mistake, with the calls that led to it.
    pub fn report(&mut self, mut d: crate::diag::Diag) {
        d.calls = self.calls.iter().rev().map(|c| (c.sp, c.name.to_string())).collect();
        let is_kernel = |id: &String| {
            let f = self.items.fns.get(id);
            f.is_some_and(|f| f.function.attrs.iter().any(|a| &*a.name.text == "__kernel"))
        };
        d.within = self.calls.iter().rev().map(|c| &c.id).find(|id| is_kernel(id)).cloned();
        if !self.diags.contains(&d) {
            self.diags.push(d);
        }
    }

    fn stmt(&mut self, stmt: &Stmt, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<()> {
        match stmt {
            Stmt::Let { pat, ty, init, otherwise } => {
                let Some(init) = init else {
                    pattern::declare(pat, &Value::Unset, vars);
                    return Ok(());
                };
                let ty = match ty {
                    Some(ty) => Some(self.resolve_type(ty, ctx)?),
                    None => None,
                };
                self.expected = ty.clone();
                let mut value = self.let_value(init, vars, ctx)?;
                self.expect_looked_at(&value, init.sp)?;
                if let Some(ty) = ty {
                    match &value {
                        Value::Place(place) => {
                            let held = self.read_place(place, vars, init.sp)?;
                            self.fit(held, &ty, "the declared type", init.sp)?;
                        }
                        _ => value = self.fit(value, &ty, "the declared type", init.sp)?,
                    }
                }
                match otherwise {
                    None => self.bind_pat(pat, &value, vars, ctx),
                    Some(block) => match self.pattern_fits(pat, &value, vars, ctx)? {
                        Value::Bool(true) => Ok(()),
                        Value::Bool(false) => {
                            self.block(block, vars, ctx)?;
                            err(block.sp, "`let .. else` must leave the function or loop")
                        }
                        _ => err_help(
                            pat.sp,
                            "whether this pattern fits is known only at run time",
                            "write `match`, both sides of which yield a value",
                        ),
                    },
                }
            }
            Stmt::Expr(e) => {
                let value = self.expr(e, vars, ctx)?;
                self.expect_looked_at(&value, e.sp)
            }
        }
    }

    /// Evaluates an expression.
    pub fn expr(&mut self, e: &Expr, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let levels = match e.kind {
            ExprKind::If(..) | ExprKind::Match(..) | ExprKind::For(..) | ExprKind::While(..) | ExprKind::Loop(..) => 3,
            _ => 1,
        };
        self.deeper(levels, e.sp, |tr| tr.one_expr(e, vars, ctx))
    }

    /// Goes `levels` deeper, unless the stack has no room for that.
    pub fn deeper<T>(&mut self, levels: usize, sp: Sp, f: impl FnOnce(&mut Self) -> R<T>) -> R<T> {
        if self.levels + levels > MAX_LEVELS {
            if std::mem::replace(&mut self.told_too_deep, true) {
                return Err(Stop::Silent);
            }
            self.expect_no_recursion()?;
            return err_help(
                self.user_sp(sp),
                "expressions, loops and calls are nested too deeply here",
                "give a part of this a name with `let`, or make it a `#[jit]` function of arrays",
            );
        }
        self.levels += levels;
        let result = f(self);
        self.levels -= levels;
        result
    }

    /// A chain of operators, which leans to the left: as deep as it is long.
    fn binary_chain(&mut self, e: &Expr, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let mut chain = Vec::new();
        let mut first = e;
        while let ExprKind::Binary(op, a, b) = &first.kind {
            chain.push((*op, &**b, first.sp));
            first = a;
        }
        let depth = self.depth();
        let mut left = self.expr(first, vars, ctx);
        for (op, b, sp) in chain.into_iter().rev() {
            left = self.binary_link(op, left, b, sp, depth, vars, ctx);
            if matches!(
                left,
                Err(Stop::Return(..) | Stop::Break(..) | Stop::Continue(_) | Stop::TracedBreak(..) | Stop::Unroll(_))
            ) {
                return left;
            }
        }
        left
    }

    #[allow(clippy::too_many_arguments)]
    fn binary_link(
        &mut self,
        op: BinOp,
        left: R<Value>,
        b: &Expr,
        sp: Sp,
        depth: usize,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        if let BinOp::And | BinOp::Or = op {
            let a = left?;
            // Short circuit on static values: the other side may only make sense then.
            return match (op, &a) {
                (BinOp::And, Value::Bool(false)) | (BinOp::Or, Value::Bool(true)) => Ok(a),
                _ => {
                    let b = self.expr(b, vars, ctx)?;
                    self.binary(op, &a, &b, sp)
                }
            };
        }
        // Mistakes on both sides are told.
        let a = self.attempt(left)?;
        if a.is_none() {
            self.truncate_frames(depth);
        }
        let b = self.expr(b, vars, ctx);
        match (a, self.attempt(b)?) {
            (Some(a), Some(b)) => self.binary(op, &a, &b, sp),
            _ => {
                self.truncate_frames(depth);
                Err(Stop::Silent)
            }
        }
    }

    fn one_expr(&mut self, e: &Expr, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let sp = e.sp;
        if !matches!(e.kind, ExprKind::Call(..) | ExprKind::Method(..) | ExprKind::Block(_) | ExprKind::Tuple(_)) {
            self.expected = None;
        }
        match &e.kind {
            ExprKind::Int(i, suffix) => {
                let dtype = self.suffix(suffix, sp)?;
                Ok(Value::Num(Num { value: Number::Int(*i), dtype }))
            }
            ExprKind::Float(x, suffix) => {
                let dtype = self.suffix(suffix, sp)?;
                Ok(Value::Num(match dtype {
                    Some(dtype) => Num::typed(Number::Float(*x), dtype),
                    None => Num { value: Number::Float(*x), dtype },
                }))
            }
            ExprKind::Bool(b) => Ok(Value::Bool(*b)),
            ExprKind::Str(s) => Ok(Value::Str(s.clone())),
            ExprKind::Path(p) => self.path(p, vars, ctx),
            ExprKind::Binary(..) => self.binary_chain(e, vars, ctx),
            ExprKind::Neg(x) => {
                let x = self.expr(x, vars, ctx)?;
                self.negate(&x, sp)
            }
            ExprKind::Not(x) => {
                let x = self.expr(x, vars, ctx)?;
                self.not(&x, sp)
            }
            // References are values here: what can be assigned is decided at the place.
            ExprKind::Deref(x) if matches!(x.kind, ExprKind::Int(..) | ExprKind::Float(..)) => {
                err_help(sp, "a number is no reference", "a power is `power(x, 2.0)` or `x.powi(2)`, a square `x * x`")
            }
            ExprKind::Deref(x) | ExprKind::Ref(x, _) => self.expr(x, vars, ctx),
            ExprKind::Assign(op, place, value) => {
                let at = value.sp;
                let mut value = self.expr(value, vars, ctx)?;
                if let Some(op) = op {
                    if let ExprKind::Index(..) = &place.kind {
                        self.update_place(place, *op, &value, sp, vars, ctx)?;
                        return Ok(Value::Unit);
                    }
                    if let Some((name, target)) = self.reference(place, vars, ctx)? {
                        self.write_place(&target, Some(*op), value, &name, sp, vars)?;
                        return Ok(Value::Unit);
                    }
                    let old = self.expr(place, vars, ctx)?;
                    value = self.binary(*op, &old, &value, sp)?;
                    self.assign(place, value, sp, vars, ctx)?;
                    return Ok(Value::Unit);
                }
                self.assign(place, value, sp, vars, ctx).map_err(|stop| narrowed(stop, sp, at))?;
                Ok(Value::Unit)
            }
            ExprKind::Call(f, args) => self.call_expr(f, args, sp, vars, ctx),
            ExprKind::Method(recv, name, generics, args) => self.method_expr(recv, name, generics, args, sp, vars, ctx),
            ExprKind::Field(base, name) => {
                let base = self.expr(base, vars, ctx)?;
                let value = self.field_as_it_is(&base, name)?;
                self.looked_up(&value, vars, sp)
            }
            ExprKind::Index(base, index) => {
                let base_value = self.expr(base, vars, ctx)?;
                let value = self.expr(index, vars, ctx)?;
                self.index(&base_value, &value, sp).map_err(|stop| blame_index(stop, sp, index))
            }
            ExprKind::Range(lo, hi, closed) => {
                let lo = match lo {
                    Some(e) => Some(Rc::new(self.expr(e, vars, ctx)?)),
                    None => None,
                };
                let hi = match hi {
                    Some(e) => {
                        let h = self.expr(e, vars, ctx)?;
                        let h = if *closed { self.binary(BinOp::Add, &h, &Value::int(1), sp)? } else { h };
                        Some(Rc::new(h))
                    }
                    None => None,
                };
                Ok(Value::Range(lo, hi))
            }
            ExprKind::Tuple(items) if items.is_empty() => Ok(Value::Unit),
            ExprKind::Tuple(items) => {
                let wanted = match self.expected.take() {
                    Some(Ty::Tuple(types)) if types.len() == items.len() => types,
                    _ => Vec::new(),
                };
                Ok(Value::tuple(self.exprs_as(items, &wanted, vars, ctx)?))
            }
            ExprKind::Array(items) => {
                let items = self.exprs(items, vars, ctx)?;
                self.list_of(items, sp)
            }
            ExprKind::Repeat(x, n) => {
                let x = self.expr(x, vars, ctx)?;
                let n = self.static_size(n, vars, ctx)?;
                match &x {
                    Value::Array(t) => {
                        let mut shape = vec![n];
                        shape.extend(&t.aval.shape);
                        Ok(Value::Array(self.broadcast_to(t, &shape, sp)?))
                    }
                    // A long splat is made an array at once; its literal keeps its weakness.
                    Value::Num(_) | Value::List(_) if n > 16 => {
                        let t = self.to_traced(&x, None, sp)?;
                        let array = {
                            let v = self.var(&t);
                            self.graph().as_constant(v)
                        };
                        let mut out = match array {
                            Some(a) => {
                                let mut data = Vec::with_capacity(n * a.data().len());
                                for _ in 0..n {
                                    data.extend_from_slice(a.data());
                                }
                                self.constant(crate::array::Array::new(a.aval().batched(n), data), sp)
                            }
                            None => {
                                let mut shape = vec![n];
                                shape.extend(&t.aval.shape);
                                self.broadcast_to(&t, &shape, sp)?
                            }
                        };
                        out.weak = t.weak;
                        Ok(Value::Array(out))
                    }
                    _ => Ok(Value::list(vec![x; n])),
                }
            }
            ExprKind::Struct(path, fields, rest) => self.struct_expr(path, fields, rest.as_deref(), vars, ctx),
            ExprKind::Block(b) => self.block(b, vars, ctx),
            ExprKind::If(cond, then, other) => self.if_expr(cond, then, other.as_deref(), sp, vars, ctx),
            ExprKind::Let(pat, value) => self.let_condition(pat, value, vars, ctx),
            ExprKind::Match(value, arms) => self.match_expr(value, arms, sp, vars, ctx),
            ExprKind::Matches(value, arm) => self.matches_expr(value, arm, vars, ctx),
            ExprKind::For(pat, iter, body, attrs) => self.for_expr(pat, iter, body, attrs, sp, vars, ctx),
            ExprKind::While(cond, body, attrs) => self.while_expr("while", cond, body, attrs, sp, vars, ctx),
            ExprKind::Loop(body, attrs) => self.loop_expr(body, attrs, sp, vars, ctx),
            ExprKind::Break(value) => {
                let value = match value {
                    Some(e) => Some(self.expr(e, vars, ctx)?),
                    None => None,
                };
                Err(Stop::Break(value, sp))
            }
            ExprKind::Continue => Err(Stop::Continue(sp)),
            ExprKind::Jump(label, ..) => err_help(
                sp,
                format!("no loop around has the label `{}`", label.text),
                format!("write it before the loop: `{}: for ..`", label.text),
            ),
            ExprKind::Return(value) => {
                let value = match value {
                    Some(e) => self.expr(e, vars, ctx)?,
                    None => Value::Unit,
                };
                Err(Stop::Return(value, sp))
            }
            ExprKind::Closure(c) => {
                Ok(Value::Fn(Rc::new(FnValue::Closure { closure: c.clone(), scope: vars.clone(), ctx: ctx.clone() })))
            }
            ExprKind::Cast(x, ty) => {
                let x = self.expr(x, vars, ctx)?;
                let ty = self.resolve_type(ty, ctx)?;
                self.cast(&x, &ty, sp)
            }
            ExprKind::Try(x) => self.try_expr(x, sp, vars, ctx),
            ExprKind::Macro(name, args) => self.macro_expr(name, args, sp, vars, ctx),
            ExprKind::Refused(why, instead) => err_help(sp, why.clone(), instead.clone()),
        }
    }

    fn suffix(&self, suffix: &Option<Rc<str>>, sp: Sp) -> R<Option<DType>> {
        match suffix.as_deref() {
            None | Some("usize" | "isize") => Ok(None),
            Some(s) => match DType::from_name(s) {
                Some(d) => Ok(Some(d)),
                None => err(sp, format!("`{s}` is not a dtype")),
            },
        }
    }

    /// An array literal: arrays among its items are stacked, trees and plain literals stay a list.
    pub fn list_of(&mut self, items: Vec<Value>, sp: Sp) -> R<Value> {
        let is_array = |v: &Value| matches!(v, Value::Array(_));
        let flat = |v: &Value| matches!(v, Value::Array(_) | Value::Num(_) | Value::Bool(_));
        if items.iter().any(is_array)
            && items.iter().all(|v| flat(v) || matches!(v, Value::List(_)) && !tree::is_tree(v))
        {
            let parts = self.promote("[..]", &items, sp)?;
            // Arrays of several shapes stay a list, as `concatenate([a, b])` takes them.
            if parts.iter().all(|p| p.aval.rank() > 0) && parts.iter().any(|p| p.aval.shape != parts[0].aval.shape) {
                return Ok(Value::list(parts.into_iter().map(Value::Array).collect()));
            }
            if parts.iter().any(|p| p.aval != parts[0].aval) {
                let all: Vec<String> = parts.iter().map(|p| super::value::show(&p.aval)).collect();
                let text = format!("an array needs items of one type, found {}", all.join(", "));
                return err_help(sp, text, "a tuple holds items of different types: `(a, b)`");
            }
            let parts = parts.into_iter().map(Value::Array).collect();
            return Ok(Value::Array(self.to_traced(&Value::List(Rc::new(parts)), None, sp)?));
        }
        Ok(Value::list(items))
    }

    /// A static integer.
    pub fn static_int(&mut self, e: &Expr, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<i128> {
        match self.expr(e, vars, ctx)? {
            Value::Num(Num { value: Number::Int(i), .. }) => Ok(i),
            other => err_help(
                e.sp,
                format!("expected a static integer, found {}", other.describe()),
                "sizes come from literals, const generics, `#[jit] const`s and shapes",
            ),
        }
    }

    /// A static size.
    pub fn static_size(&mut self, e: &Expr, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<usize> {
        let i = self.static_int(e, vars, ctx)?;
        usize::try_from(i).or_else(|_| err(e.sp, format!("a size cannot be {i}")))
    }

    /// `x as T`.
    pub fn cast(&mut self, x: &Value, ty: &Ty, sp: Sp) -> R<Value> {
        match (x, ty) {
            (Value::Num(n), Ty::Usize) => match n.value {
                Number::Int(i) => Ok(Value::int(i)),
                Number::Float(f) => Ok(Value::int(f as i128)),
            },
            (Value::Bool(b), Ty::Usize) => Ok(Value::int(*b as i128)),
            (Value::Array(t), Ty::Usize) => {
                if t.aval.dtype.is_int() {
                    Ok(x.clone())
                } else {
                    Ok(Value::Array(self.convert(t, DType::I32, sp)?))
                }
            }
            (Value::Num(n), Ty::Array(a)) if a.rank() == 0 => {
                let s = super::scalar(
                    n.value,
                    n.dtype.unwrap_or(match n.value {
                        Number::Int(_) => DType::I64,
                        Number::Float(_) => DType::F64,
                    }),
                )
                .convert(a.dtype);
                let value = match s.to_i128() {
                    Some(i) if a.dtype.is_int() => Number::Int(i),
                    _ if a.dtype.is_complex() || a.dtype == DType::Bool => {
                        return Ok(Value::Array(self.constant(crate::array::Array::scalar(s), sp)));
                    }
                    _ => Number::Float(s.to_f64()),
                };
                Ok(Value::Num(Num { value, dtype: Some(a.dtype) }))
            }
            (Value::Bool(b), Ty::Array(a)) if a.rank() == 0 && a.dtype.is_int() => {
                Ok(Value::Num(Num { value: Number::Int(*b as i128), dtype: Some(a.dtype) }))
            }
            // Casting an array changes its dtype, whatever its shape: `x as f32`.
            (_, Ty::Array(a)) if a.rank() == 0 => {
                let dtype = a.dtype;
                self.as_dtype(x, dtype, sp)
            }
            (_, other) => err_help(
                sp,
                format!("cannot convert {} to {}", x.describe(), other.describe()),
                "`as` takes a dtype: f32, i32, u8, ..",
            ),
        }
    }
}

/// A message about the whole of `sp` is about `inner`.
fn narrowed(stop: Stop, sp: Sp, inner: Sp) -> Stop {
    match stop {
        Stop::Error(d) => d.narrow(sp, inner).into(),
        other => other,
    }
}

fn poison_stmt(stmt: &Stmt, vars: &mut Scope) {
    match stmt {
        Stmt::Let { pat, .. } => pattern::poison(pat, vars),
        Stmt::Expr(e) => {
            if let ExprKind::Assign(_, place, _) = &e.kind
                && let Some(slot) = root_name(place).and_then(|n| vars.get_mut(&n))
            {
                *slot = Value::Poison;
            }
        }
    }
}
