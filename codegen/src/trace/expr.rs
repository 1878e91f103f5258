//! Expressions and statements.

use std::rc::Rc;

use crate::dtype::DType;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, FnValue, Generic, Num, Number, Scope, StructValue, Value};
use crate::trace::{R, Stop, Tracer, arith, call, err, err_help, pattern, tree};

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
    fn exprs_as<'e>(
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

    /// A name or path.
    pub fn path(&mut self, p: &Path, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        if let Some(name) = p.ident() {
            if let Some(v) = vars.get(name) {
                return match self.looked_up(&v.clone(), vars, p.sp)? {
                    Value::Poison => Err(Stop::Silent),
                    Value::Unset => err_help(
                        p.sp,
                        format!("`{name}` may be read before it has a value"),
                        format!(
                            "assign it on every way that leads here, or give it a first value: `let mut {name} = ..`"
                        ),
                    ),
                    v => Ok(v),
                };
            }
            match ctx.generics.get(name) {
                Some(Generic::Const(c)) => return Ok(Value::int(*c)),
                Some(Generic::Type(Ty::Array(a))) if a.rank() == 0 => return Ok(Value::DType(a.dtype)),
                _ => {}
            }
            if name == "None" {
                return Ok(Value::none());
            }
        }
        if let Some(id) = ctx.paths.get(&*p.text).cloned() {
            if self.items.consts.contains_key(&id) {
                return self.constant_item(&id, p.sp);
            }
            if let Some(f) = self.items.fns.get(&id).cloned() {
                let written = self.generic_args(&p.generics, ctx)?;
                let generics = call::method_generics(&f, &written, p.sp)?;
                return Ok(Value::Fn(Rc::new(FnValue::Item { function: f, generics })));
            }
            if self.items.structs.contains_key(&id) {
                return err(p.sp, format!("`{}` is a struct, not a value", p.text));
            }
        }
        if let Some((owner, method)) = p.text.rsplit_once("::") {
            if let Some(v) = self.associated(p, owner, method, ctx)? {
                return Ok(v);
            }
            if let Some(v) = number_constant(owner, method) {
                return Ok(v);
            }
            if owner.rsplit("::").next() == Some("Complex") && !ctx.paths.contains_key(owner) {
                let of = |re: f64, im: f64| ((Value::float(re), p.sp), (Value::float(im), p.sp));
                let parts = match method {
                    "ZERO" => Some(of(0.0, 0.0)),
                    "ONE" => Some(of(1.0, 0.0)),
                    "I" => Some(of(0.0, 1.0)),
                    _ => None,
                };
                if let Some((re, im)) = parts {
                    return self.complex(re, im, p.sp);
                }
                if matches!(method, "from_polar" | "cis") {
                    return Ok(Value::Fn(Rc::new(FnValue::Builtin(format!("_{method}").into()))));
                }
            }
            let function = call::builtin_name(method, 1);
            let known = matches!(method, "from" | "from_bits" | "from_le_bytes" | "from_be_bytes" | "from_ne_bytes")
                || crate::library::is_builtin(function)
                || (function != method && self.library_fn(function, true)?.is_some());
            if let Some(dtype) = DType::from_name(owner).filter(|_| known) {
                let name = Name { text: method.into(), sp: p.sp };
                return Ok(Value::Fn(Rc::new(FnValue::OfDtype { dtype, name, ctx: ctx.clone() })));
            }
        }
        if let Some(d) = p.ident().and_then(DType::from_name) {
            return Ok(Value::DType(d));
        }
        if crate::library::is_builtin(&p.text) || (ctx.library && crate::library::intrinsic(&p.text).is_some()) {
            return Ok(Value::Fn(Rc::new(FnValue::Builtin(p.text.clone()))));
        }
        if self.library_fn(&p.text, ctx.library)?.is_some() {
            return Ok(Value::Fn(Rc::new(FnValue::Builtin(p.text.clone()))));
        }
        Err(unknown(p, vars, ctx).into())
    }

    /// `Type::function`.
    fn associated(&mut self, p: &Path, owner: &str, method: &str, ctx: &Rc<Ctx>) -> R<Option<Value>> {
        let (id, args) = if owner == "Self" {
            match &ctx.self_ty {
                Some(Ty::Struct(s)) => (s.id.clone(), s.generics.iter().map(|(_, g)| g.clone()).collect()),
                _ => return Ok(None),
            }
        } else {
            match ctx.paths.get(owner).cloned() {
                Some(id) if self.items.structs.contains_key(&id) => (id, self.generic_args(&p.owner, ctx)?),
                _ => return Ok(None),
            }
        };
        match self.items.methods.get(&(id.clone(), method.to_string())).cloned() {
            Some(f) => {
                let written = self.generic_args(&p.generics, ctx)?;
                let mut generics = call::method_generics(&f, &written, p.sp)?;
                // What the block's parameters are: `I` and `O` of `impl<const I: usize, const O: usize> Dense<I, O>`.
                if let Some(Type { kind: TypeKind::Path(spelled), .. }) = &f.function.self_ty {
                    for (arg, given) in spelled.generics.iter().zip(&args) {
                        let GenericArg::Type(Type { kind: TypeKind::Path(q), .. }) = arg else { continue };
                        let is_param = f.function.generics.iter().any(|p| p.name.text == q.text);
                        if is_param && !matches!(given, Generic::Type(Ty::Any)) {
                            generics.push((q.text.clone(), given.clone()));
                        }
                    }
                }
                let function = FnValue::Item { function: f.clone(), generics };
                // An associated constant is published as a function without parameters.
                if f.function.attrs.iter().any(|a| &*a.name.text == crate::unit::CONSTANT) {
                    return Ok(Some(self.call_value(&Rc::new(function), Default::default(), p.sp)?.value));
                }
                Ok(Some(Value::Fn(Rc::new(function))))
            }
            None => Err(Stop::NeedMethod(id, method.to_string(), p.sp)),
        }
    }

    /// The value of a `#[jit] const`.
    pub fn constant_item(&mut self, id: &str, sp: Sp) -> R<Value> {
        if self.consts_in_progress.iter().any(|c| c == id) {
            return err(sp, "this constant depends on itself");
        }
        let (decl, paths) = self.items.consts[id].clone();
        let ctx = Rc::new(Ctx { paths, generics: Default::default(), self_ty: None, library: false });
        self.consts_in_progress.push(id.to_string());
        let result = self.expr(&decl.value, &mut Scope::default(), &ctx).and_then(|v| {
            let ty = self.resolve_type(&decl.ty, &ctx)?;
            self.fit(v, &ty, &format!("`{}`", decl.name.text), decl.name.sp)
        });
        self.consts_in_progress.pop();
        result
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

    /// `base.name`; where that is a mutable reference, the reference.
    pub fn field_as_it_is(&mut self, base: &Value, name: &Name) -> R<Value> {
        match base {
            Value::Poison => Err(Stop::Silent),
            Value::Struct(s) => match s.ty.fields.iter().position(|(f, _)| *f == name.text) {
                Some(n) => Ok(s.fields[n].clone()),
                None => {
                    let names: Vec<&str> = s.ty.fields.iter().map(|(f, _)| &**f).collect();
                    let mut d =
                        crate::diag::Diag::at(name.sp, format!("`{}` has no field `{}`", s.ty.describe(), name.text));
                    d.help = Some(match crate::library::closest(&name.text, names.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("its fields are {}", names.join(", ")),
                    });
                    Err(d.into())
                }
            },
            Value::Tuple(items) => match name.text.parse::<usize>().ok().and_then(|n| items.get(n)) {
                Some(v) => Ok(v.clone()),
                None => err_help(
                    name.sp,
                    format!("a tuple of {} has no field `{}`", items.len(), name.text),
                    format!("its fields are 0 to {}", items.len().saturating_sub(1)),
                ),
            },
            Value::Array(z) if z.aval.dtype.is_complex() && matches!(&*name.text, "re" | "im") => {
                let op: crate::ops::Op =
                    if &*name.text == "re" { crate::ops::Real.into() } else { crate::ops::Imag.into() };
                Ok(Value::Array(self.bind1(op, &[z], name.sp)?))
            }
            other => {
                let d = crate::diag::Diag::at(name.sp, format!("{} has no field `{}`", other.describe(), name.text));
                let method = crate::library::is_builtin(&name.text) || matches!(&*name.text, "T" | "len");
                Err(if method { d.help(format!("it is a method: write `.{}()`", name.text)) } else { d }.into())
            }
        }
    }

    /// `Complex::new(re, im)`, of arrays too.
    pub fn complex(&mut self, re: (Value, Sp), im: (Value, Sp), sp: Sp) -> R<Value> {
        let mut parts = Vec::new();
        let (x, y) = self.promote2("Complex", &re.0, &im.0, sp)?;
        for (t, at) in [(x, re.1), (y, im.1)] {
            let literal = t.weak && t.aval.dtype.is_int();
            let t = match literal {
                true => super::value::Traced { weak: true, ..self.convert(&t, DType::F32, at)? },
                false => t,
            };
            if !matches!(t.aval.dtype, DType::F32 | DType::F64) {
                let found = super::value::show(&t.aval);
                return err_help(
                    at,
                    format!("`Complex` is made of f32 or f64, found {found}"),
                    "convert it with `as f32`",
                );
            }
            parts.push(t);
        }
        let (x, y) = self.broadcast2("Complex", &parts[0], &parts[1], sp)?;
        let mut z = self.bind1(crate::ops::MakeComplex, &[&x, &y], sp)?;
        z.weak = x.weak && y.weak;
        Ok(Value::Array(z))
    }

    fn struct_expr(
        &mut self,
        path: &Path,
        fields: &[(Name, Expr)],
        rest: Option<&Expr>,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        let rest = match rest {
            Some(e) => match self.expr(e, vars, ctx)? {
                Value::Struct(s) => Some(s),
                other => return err(e.sp, format!("`..` needs a struct, found {}", other.describe())),
            },
            None => None,
        };
        let mut given: Vec<(Name, Value, Sp)> = Vec::new();
        // What the type is without a look at the fields.
        let known = match (path.ident(), &ctx.self_ty, ctx.paths.get(&*path.text)) {
            (Some("Self"), Some(Ty::Struct(s)), _) => Some(s.clone()),
            (_, _, Some(id)) => {
                let id = id.clone();
                let plain = self.items.structs.get(&id).is_some_and(|(decl, _)| decl.generics.is_empty());
                match plain || !path.generics.is_empty() {
                    true => match self.resolve_type(&Type { kind: TypeKind::Path(path.clone()), sp: path.sp }, ctx)? {
                        Ty::Struct(s) => Some(s),
                        _ => None,
                    },
                    false => None,
                }
            }
            _ => None,
        };
        for (name, e) in fields {
            let field = known.as_ref().and_then(|s| s.fields.iter().find(|(f, _)| *f == name.text));
            self.expected = field.map(|(_, t)| t.clone());
            given.push((name.clone(), self.expr(e, vars, ctx)?, e.sp));
        }
        if path.last() == "Complex" && !ctx.paths.contains_key(&*path.text) {
            let part = |name: &str| given.iter().find(|(n, _, _)| &*n.text == name).map(|(_, v, at)| (v.clone(), *at));
            let (Some(re), Some(im), 2) = (part("re"), part("im"), given.len()) else {
                return err_help(path.sp, "`Complex` has the fields `re` and `im`", "write `Complex { re: a, im: b }`");
            };
            return self.complex(re, im, path.sp);
        }
        let ty = match (&rest, path.ident()) {
            (Some(s), _) if path.generics.is_empty() => s.ty.clone(),
            (_, Some("Self")) => match &ctx.self_ty {
                Some(Ty::Struct(s)) => s.clone(),
                _ => return err(path.sp, "`Self` is not a struct here"),
            },
            _ => self.struct_ty_for(path, &given, ctx)?,
        };
        for (name, _, _) in &given {
            if !ty.fields.iter().any(|(f, _)| *f == name.text) {
                let names: Vec<&str> = ty.fields.iter().map(|(f, _)| &**f).collect();
                let help = match crate::library::closest(&name.text, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its fields are {}", names.join(", ")),
                };
                return err_help(name.sp, format!("`{}` has no field `{}`", ty.describe(), name.text), help);
            }
        }
        let mut values = Vec::new();
        for (n, (f, t)) in ty.fields.iter().enumerate() {
            let value = match given.iter().find(|(name, _, _)| name.text == *f) {
                Some((_, v, at)) => self.fit(v.clone(), t, &format!("`{f}` of `{}`", ty.describe()), *at)?,
                None => match &rest {
                    Some(s) => s.fields[n].clone(),
                    None => {
                        return err_help(
                            path.sp,
                            format!("`{}` needs the field `{f}: {}`", ty.describe(), t.describe()),
                            "give it a value, or take the rest from another value with `..other`",
                        );
                    }
                },
            };
            values.push(value);
        }
        Ok(Value::Struct(Rc::new(StructValue { ty, fields: values })))
    }

    /// The struct that `path { fields }` makes, with generics inferred from the values.
    fn struct_ty_for(
        &mut self,
        path: &Path,
        given: &[(Name, Value, Sp)],
        ctx: &Rc<Ctx>,
    ) -> R<Rc<super::value::StructTy>> {
        let id = match ctx.paths.get(&*path.text).cloned() {
            Some(id) if self.items.structs.contains_key(&id) => id,
            _ => {
                return err_help(
                    path.sp,
                    format!("the struct `{}` is not known to Kiln", path.text),
                    format!("put `#[derive(Tree)]` on `struct {}`", path.last()),
                );
            }
        };
        let (decl, _) = self.items.structs[&id].clone();
        let args = if path.generics.is_empty() && !decl.generics.is_empty() {
            let mut bound = Default::default();
            for (name, value, _) in given {
                if let Some((_, t)) = decl.fields.iter().find(|(f, _)| *f == name.text) {
                    Self::infer(t, value, &decl.generics, &mut bound);
                }
            }
            let mut args = Vec::new();
            for g in &decl.generics {
                match bound.get(&g.name.text) {
                    Some(a) => args.push(a.clone()),
                    None => {
                        return err_help(
                            path.sp,
                            format!("`{}` of `{}` cannot be inferred from its fields", g.name.text, decl.name.text),
                            format!("write it: `{}::<..> {{ .. }}`", decl.name.text),
                        );
                    }
                }
            }
            args
        } else {
            self.generic_args(&path.generics, ctx)?
        };
        match self.struct_ty(&id, &args, path.sp)? {
            Ty::Struct(s) => Ok(s),
            other => err(path.sp, format!("`{}` is not a struct", other.describe())),
        }
    }

    /// `S(a, b)` of a tuple struct.
    pub fn tuple_struct(&mut self, path: &Path, args: Vec<(Value, Sp)>, sp: Sp, ctx: &Rc<Ctx>) -> R<Value> {
        let given: Vec<(Name, Value, Sp)> = args
            .into_iter()
            .enumerate()
            .map(|(n, (v, at))| (Name { text: n.to_string().into(), sp: at }, v, at))
            .collect();
        let ty = match (path.ident(), &ctx.self_ty) {
            (Some("Self"), Some(Ty::Struct(s))) => s.clone(),
            _ => self.struct_ty_for(path, &given, ctx)?,
        };
        if given.len() != ty.fields.len() {
            return err(sp, format!("`{}` has {} fields, found {}", ty.describe(), ty.fields.len(), given.len()));
        }
        let mut fields = Vec::new();
        for ((f, t), (_, v, at)) in ty.fields.iter().zip(given) {
            fields.push(self.fit(v, t, &format!("`{f}` of `{}`", ty.describe()), at)?);
        }
        Ok(Value::Struct(Rc::new(StructValue { ty, fields })))
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

    /// Assigns to a variable, field, element or slice.
    pub fn assign(&mut self, place: &Expr, value: Value, sp: Sp, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<()> {
        match &place.kind {
            ExprKind::Deref(inner) | ExprKind::Ref(inner, _) => self.assign(inner, value, sp, vars, ctx),
            ExprKind::Path(p) => {
                let Some(name) = p.ident() else { return err(place.sp, "only variables can be assigned") };
                if name == "_" {
                    return Ok(());
                }
                let Some(old) = vars.get(name).cloned() else {
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

    /// `place[index] op= value`: one scatter, so that repeated indices add up.
    fn update_place(
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
        let new = self.index_set(&old, &at, Some(op), value, sp).map_err(|stop| blame_index(stop, sp, index))?;
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

/// A message about the whole of `sp` is about `inner`.
fn narrowed(stop: Stop, sp: Sp, inner: Sp) -> Stop {
    match stop {
        Stop::Error(d) => d.narrow(sp, inner).into(),
        other => other,
    }
}

/// A mistake in an index sits on the index, in a tuple of them on the entry.
fn blame_index(stop: Stop, sp: Sp, index: &Expr) -> Stop {
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

/// A name that means nothing: the nearest one that does, of a variable first.
fn unknown(p: &Path, vars: &Scope, ctx: &Ctx) -> crate::diag::Diag {
    let d = crate::diag::Diag::at(p.sp, format!("`{}` is not known here", p.text));
    if let Some((module, name)) = p.text.rsplit_once("::") {
        if let Some(dtype) = module.split("::").find_map(DType::from_name) {
            return d.help(format!("{dtype} has `MAX`, `MIN`, `EPSILON`, `consts::PI` and so on, as in Rust"));
        }
        if crate::library::is_builtin(name) {
            return d.help(format!("write `{name}`: it is in scope without import"));
        }
    }
    let own = vars.vars.iter().rev().filter(|(_, v)| !matches!(v, Value::Poison)).map(|(n, _)| &**n);
    let own = own.chain(ctx.paths.keys().map(|k| &**k)).chain(ctx.generics.keys().map(|k| &**k));
    if let Some(near) = p.ident().and_then(|name| crate::library::closest(name, own)) {
        return d.help(format!("did you mean `{near}`?"));
    }
    d.help(match crate::library::nearest(&p.text) {
        Some(near) => format!("did you mean `{near}`? A function of your own needs `#[jit]`"),
        None => format!(
            "a function or constant of your own needs `#[jit]`: put it on `{}`; a `static` is passed as an argument",
            p.last()
        ),
    })
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

/// The variable that a place is part of.
pub fn root_name(place: &Expr) -> Option<Rc<str>> {
    match &place.kind {
        ExprKind::Path(p) => p.ident().map(Into::into),
        ExprKind::Deref(e) | ExprKind::Ref(e, _) | ExprKind::Field(e, _) | ExprKind::Index(e, _) => root_name(e),
        _ => None,
    }
}

/// `f32::MAX`, `core::f32::consts::PI`.
fn number_constant(owner: &str, name: &str) -> Option<Value> {
    use std::f64::consts as c;
    let last = owner.rsplit("::").next().unwrap_or(owner);
    let ty = if last == "consts" { owner.rsplit("::").nth(1).unwrap_or("") } else { last };
    let dtype = DType::from_name(ty)?;
    let value = if dtype.is_float() {
        let (max, min_positive, eps) = match dtype {
            DType::F32 => (f32::MAX as f64, f32::MIN_POSITIVE as f64, f32::EPSILON as f64),
            DType::F64 => (f64::MAX, f64::MIN_POSITIVE, f64::EPSILON),
            DType::F16 => (65504.0, half::f16::MIN_POSITIVE.to_f64(), half::f16::EPSILON.to_f64()),
            _ => (half::bf16::MAX.to_f64(), half::bf16::MIN_POSITIVE.to_f64(), half::bf16::EPSILON.to_f64()),
        };
        Number::Float(match name {
            "MAX" => max,
            "MIN" => -max,
            "MIN_POSITIVE" => min_positive,
            "EPSILON" => eps,
            "INFINITY" => f64::INFINITY,
            "NEG_INFINITY" => f64::NEG_INFINITY,
            "NAN" => f64::NAN,
            "PI" => c::PI,
            "TAU" => c::TAU,
            "E" => c::E,
            "SQRT_2" => c::SQRT_2,
            "LN_2" => c::LN_2,
            "LN_10" => c::LN_10,
            "LOG2_E" => c::LOG2_E,
            "LOG10_E" => c::LOG10_E,
            "FRAC_PI_2" => c::FRAC_PI_2,
            "FRAC_PI_3" => c::FRAC_PI_3,
            "FRAC_PI_4" => c::FRAC_PI_4,
            "FRAC_PI_6" => c::FRAC_PI_6,
            "FRAC_PI_8" => c::FRAC_PI_8,
            "FRAC_1_PI" => c::FRAC_1_PI,
            "FRAC_2_PI" => c::FRAC_2_PI,
            "FRAC_1_SQRT_2" => c::FRAC_1_SQRT_2,
            _ => return None,
        })
    } else if dtype.is_int() {
        let (lo, hi) = dtype.int_range();
        Number::Int(match name {
            "MAX" => hi,
            "MIN" => lo,
            "BITS" => return Some(Value::int(dtype.bytes() as i128 * 8)),
            _ => return None,
        })
    } else {
        return None;
    };
    Some(Value::Num(Num::typed(value, dtype)))
}
