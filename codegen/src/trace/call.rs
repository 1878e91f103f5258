//! Calls: of functions by any name, closures, methods, built-ins and transformed functions.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::dtype::DType;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::args::{Args, arguments};
use crate::trace::assign::root_name;
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, FnItem, FnValue, Generic, Scope, StructValue, TVar, Traced, Value};
use crate::trace::{CallSite, R, Stop, Tracer, err, err_help};
use crate::unit::ItemId;

/// Calls of one function inside each other after which it is taken to be recursive.
const MAX_NESTED_CALLS: usize = 64;

/// Calls of one function inside each other that make it a recursion where the stack has come to its end.
const REPEATED: usize = 3;

/// Calls inside each other that the stack of rustc has room for. See [`crate::trace::deep`] for longer ways.
const MAX_DEPTH: usize = 128;

/// A graph, a function, the arrays that it is given; see [`Tracer::called`].
pub type CallKey = (u32, ItemId, Vec<TVar>);

/// What a call yields: its value, and the final values of its `&mut` parameters.
#[derive(Debug)]
pub struct Called {
    /// The result.
    pub value: Value,
    /// Parameter number and value.
    pub muts: Vec<(usize, Value)>,
}

impl From<Value> for Called {
    fn from(value: Value) -> Called {
        Called { value, muts: Vec::new() }
    }
}

impl<'a> Tracer<'a> {
    /// `f(args)` as written.
    pub fn call_expr(&mut self, f: &Expr, args: &[Arg], sp: Sp, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let expected = self.expected.take();
        if let Some(value) = self.mem_function(f, args, sp, vars, ctx)? {
            return Ok(value);
        }
        if let ExprKind::Path(p) = &f.kind {
            if matches!(p.text.trim_start_matches("::"), "core::array::from_fn" | "std::array::from_fn") {
                return self.array_from_fn(p, args, expected, sp, vars, ctx);
            }
            let is_local = p.ident().is_some_and(|n| vars.get(n).is_some());
            match p.last() {
                "Some" | "Ok" | "Err" if !is_local => {
                    let given = self.args(args, vars, ctx)?;
                    let Some((v, _)) = given.pos.into_iter().next() else {
                        return err(sp, format!("`{}` takes one argument", p.last()));
                    };
                    return match p.last() {
                        "Some" => Ok(Value::Option(Some(Rc::new(v)))),
                        "Ok" => Ok(Value::Checked(Rc::new(v))),
                        _ => err_help(
                            sp,
                            "a kernel does not make errors itself",
                            "say what has to hold: `check!(cond, \"..\")`, and end with `Ok(..)`",
                        ),
                    };
                }
                _ => {}
            }
            if p.last() == "i" && matches!(p.text.rsplit("::").nth(1), Some("Complex")) && args.is_empty() {
                return self.complex((Value::float(0.0), sp), (Value::float(1.0), sp), sp);
            }
            let owner = p.text.strip_suffix("::new").and_then(|owner| owner.rsplit("::").next());
            if !is_local && owner == Some("Complex") && !ctx.paths.contains_key(p.text.trim_end_matches("::new")) {
                let mut given = self.args(args, vars, ctx)?.pos.into_iter();
                let (Some(re), Some(im), None) = (given.next(), given.next(), given.next()) else {
                    return err_help(sp, "`Complex::new` takes two arguments", "write `Complex::new(re, im)`");
                };
                return self.complex(re, im, sp);
            }
            let names_struct = ctx.paths.get(&*p.text).is_some_and(|id| self.items.structs.contains_key(id))
                || p.ident() == Some("Self");
            if !is_local && names_struct {
                let given = self.args(args, vars, ctx)?;
                return self.tuple_struct(p, given.pos, sp, ctx);
            }
        }
        let fv = match self.expr(f, vars, ctx)? {
            Value::Fn(fv) => fv,
            other => {
                let (text, help) = match &f.kind {
                    ExprKind::Path(p) => (
                        format!("`{}` is {}, not a function", p.text, other.describe()),
                        "an element is read with `[..]`, a product is written with `*`",
                    ),
                    _ => (format!("{} cannot be called", other.describe()), "only functions and closures are called"),
                };
                return err_help(f.sp, text, help);
            }
        };
        let given = self.args(args, vars, ctx)?;
        self.expected = expected;
        let mut called = match &*fv {
            FnValue::Closure { closure, scope, ctx: inner } if scope.call == vars.call => {
                let by_mut: Vec<bool> = args.iter().map(|a| matches!(a.value.kind, ExprKind::Ref(_, true))).collect();
                let here = (!closure.moves).then_some(&mut *vars);
                self.call_closure(closure, scope, inner, given, &by_mut, here, sp)?
            }
            _ => self.call_value(&fv, given, sp)?,
        };
        if ctx.library {
            called.value = self.seen_through(called.value);
        } else {
            let name = if let ExprKind::Path(p) = &f.kind { &*p.text } else { "this function" };
            self.expect_mut(&called, args, 0, name, vars, ctx)?;
        }
        self.write_back(called, args.iter().map(|a| Some(&a.value)).collect(), sp, vars, ctx)
    }

    /// What is passed to a `&mut` parameter says so, as in Rust. `first` is the number of the parameter that takes the first
    /// argument.
    pub(super) fn expect_mut(
        &mut self,
        called: &Called,
        args: &[Arg],
        first: usize,
        callee: &str,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<()> {
        for (n, _) in &called.muts {
            let Some(arg) = n.checked_sub(first).and_then(|n| args.get(n)).map(|a| &a.value) else { continue };
            let (inner, is_shared) = match &arg.kind {
                ExprKind::Ref(inner, false) => (&**inner, true),
                _ => (arg, false),
            };
            let is_place = matches!(
                inner.kind,
                ExprKind::Path(_) | ExprKind::Field(..) | ExprKind::Index(..) | ExprKind::Deref(_)
            );
            if !is_place || !is_shared && self.reference(inner, vars, ctx)?.is_some() {
                continue;
            }
            let place = spelled(inner);
            let found = if is_shared { "`&`" } else { "value" };
            return err_help(
                arg.sp,
                format!("`{callee}` takes this argument by `&mut`, it is passed by {found}"),
                format!("write `&mut {place}`"),
            );
        }
        Ok(())
    }

    /// Stores the final values of `&mut` parameters where the arguments came from.
    pub(super) fn write_back(
        &mut self,
        called: Called,
        places: Vec<Option<&Expr>>,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        for (n, value) in called.muts {
            if let Some(Some(place)) = places.get(n) {
                if root_name(place).is_some_and(|name| vars.get(&name).is_some()) {
                    self.assign(place, value, sp, vars, ctx)?;
                } else {
                    return err_help(
                        place.sp,
                        "`&mut` needs a variable or a part of one",
                        "bind the value first: `let mut v = ..;`, then pass `&mut v`",
                    );
                }
            }
        }
        Ok(called.value)
    }

    /// Evaluates arguments in order.
    pub fn args(&mut self, args: &[Arg], vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Args> {
        let mut out = Args::default();
        let specs: Vec<Option<Expr>> = args.iter().map(|a| self.axes_of_structs(a, ctx)).collect();
        let values =
            self.exprs(args.iter().zip(&specs).map(|(a, spec)| spec.as_ref().unwrap_or(&a.value)), vars, ctx)?;
        for (a, value) in args.iter().zip(values) {
            match &a.name {
                Some(name) => out.kw.push((name.clone(), value, a.value.sp)),
                None => out.pos.push((value, a.value.sp)),
            }
        }
        Ok(out)
    }

    /// `in_axes = Params { w: 0, b: None }`: no value of that type, but an axis for each field, in order of declaration.
    fn axes_of_structs(&self, arg: &Arg, ctx: &Rc<Ctx>) -> Option<Expr> {
        let is_spec = arg.name.as_ref().is_some_and(|n| matches!(&*n.text, "in_axes" | "out_axes"));
        is_spec.then(|| self.axes_of(&arg.value, ctx)).flatten()
    }

    fn axes_of(&self, e: &Expr, ctx: &Rc<Ctx>) -> Option<Expr> {
        let inner = |e: &Expr| self.axes_of(e, ctx).unwrap_or_else(|| e.clone());
        let kind = match &e.kind {
            ExprKind::Tuple(items) => ExprKind::Tuple(items.iter().map(inner).collect()),
            ExprKind::Array(items) => ExprKind::Array(items.iter().map(inner).collect()),
            ExprKind::Struct(path, fields, None) => {
                let (decl, _) = self.items.structs.get(ctx.paths.get(&*path.text)?)?;
                let field = |name: &str| fields.iter().find(|(n, _)| &*n.text == name).map(|(_, e)| inner(e));
                let whole = fields.len() == decl.fields.len();
                ExprKind::Tuple(decl.fields.iter().map(|(n, _)| field(n)).collect::<Option<_>>().filter(|_| whole)?)
            }
            _ => return None,
        };
        Some(Expr { kind, sp: e.sp })
    }

    /// Calls a function value.
    pub fn call_value(&mut self, f: &Rc<FnValue>, args: Args, sp: Sp) -> R<Called> {
        match &**f {
            FnValue::Item { function, generics } => self.call_item(function, generics, args, sp),
            FnValue::Closure { closure, scope, ctx } => self.call_closure(closure, scope, ctx, args, &[], None, sp),
            FnValue::Builtin(name) => self.call_builtin(name, args, sp, true).map(Called::from),
            FnValue::OfDtype { dtype, name, ctx } => self.dtype_function(*dtype, name, args, sp, ctx).map(Called::from),
            _ => self.with_checks(|tr| tr.call_transformed(f, args, sp)).map(Called::from),
        }
    }

    /// Calls a closure. `here` is the scope of the call where that is the function in which the closure stands: then it
    /// sees what its captures are now, and what it assigns to them stays. `by_mut` are arguments written `&mut ..`.
    #[allow(clippy::too_many_arguments)]
    fn call_closure(
        &mut self,
        closure: &Closure,
        scope: &Scope,
        ctx: &Rc<Ctx>,
        args: Args,
        by_mut: &[bool],
        here: Option<&mut Scope>,
        sp: Sp,
    ) -> R<Called> {
        if let Some((name, _, _)) = args.kw.first() {
            return err(name.sp, "a closure takes its arguments by position");
        }
        if args.pos.len() != closure.params.len() {
            return err(
                sp,
                format!("this closure takes {}, found {}", arguments(closure.params.len()), args.pos.len()),
            );
        }
        let mut vars = scope.clone();
        if let Some(here) = &here {
            for (mine, now) in vars.vars.iter_mut().zip(&here.vars) {
                if mine.0 == now.0 {
                    mine.1 = now.1.clone();
                }
            }
        }
        let captured = vars.vars.clone();
        let mut muts = Vec::new();
        for (n, ((pat, ty), (mut value, at))) in closure.params.iter().zip(args.pos).enumerate() {
            let mut is_mut = by_mut.get(n).copied().unwrap_or(false);
            if let Some(ty) = ty {
                is_mut |= matches!(ty.kind, TypeKind::Ref(_, true));
                let ty = self.resolve_type(ty, ctx)?;
                value = self.fit(value, &ty, "the parameter", at)?;
            }
            if is_mut {
                let var = vars.push_mut("".into(), value);
                muts.push((n, var));
                let place = vars.vars[var + 1].1.clone();
                self.bind_pat(pat, &place, &mut vars, ctx)?;
            } else {
                self.bind_pat(pat, &value, &mut vars, ctx)?;
            }
        }
        let word = if ctx.library { None } else { self.word.take() };
        let result = self.deeper(1, sp, |tr| tr.expr(&closure.body, &mut vars, ctx));
        self.word = word.or(self.word.take());
        let mut value = match result {
            Ok(value) | Err(Stop::Return(value, _)) => value,
            Err(stop) => return Err(stop),
        };
        if let Some(ty) = &closure.ret {
            let ty = self.resolve_type(ty, ctx)?;
            value = self.fit(value, &ty, "the result of this closure", closure.body.sp)?;
        }
        let mut here = here;
        for (n, (name, before)) in captured.iter().enumerate() {
            let after = &vars.vars[n].1;
            if super::branches::same(before, after) {
                continue;
            }
            match &mut here {
                Some(here) if here.vars.get(n).is_some_and(|(m, _)| m == name) => here.vars[n].1 = after.clone(),
                _ => {
                    return err_help(
                        sp,
                        format!("the closure that is called here changes `{name}`, which it captured"),
                        if closure.moves {
                            format!(
                                "a `move` closure keeps no state in a kernel: leave out `move`, or pass `&mut {name}`"
                            )
                        } else {
                            format!("call it in the function that declares `{name}`, or return the new value")
                        },
                    );
                }
            }
        }
        let muts = muts.into_iter().map(|(n, var)| (n, vars.vars[var].1.clone())).collect();
        Ok(Called { value, muts })
    }

    /// Calls a function value with positional arguments, as the library does: checks are seen through.
    pub fn apply(&mut self, f: &Rc<FnValue>, args: Vec<Value>, sp: Sp) -> R<Value> {
        let value = self.call_value(f, Args::of(args, sp), sp)?.value;
        Ok(self.seen_through(value))
    }

    /// Calls a built-in by name.
    pub fn call_builtin(&mut self, name: &str, args: Args, sp: Sp, internal: bool) -> R<Value> {
        if let Some((v, _)) = args.pos.iter().find(|(v, _)| matches!(v, Value::Poison)) {
            let _ = v;
            return Err(Stop::Silent);
        }
        let word = name.rsplit("::").next().unwrap_or(name);
        self.with_checks(|tr| tr.call_known(name, word, args, sp, internal))
    }

    fn call_known(&mut self, name: &str, word: &str, args: Args, sp: Sp, internal: bool) -> R<Value> {
        if let Some(intrinsic) = crate::library::intrinsic(name) {
            return match word.starts_with('_') {
                true => intrinsic(self, args, sp),
                false => self.spoken(word, |tr| intrinsic(tr, args, sp)),
            };
        }
        match self.library_fn(name, internal)? {
            Some(f) => Ok(self.spoken(word, |tr| tr.call_item(&f, &[], args, sp))?.value),
            None => err(sp, format!("`{name}` is not implemented")),
        }
    }

    /// Calls a function item: binds generics and parameters, evaluates the body, fits the result to the declared type.
    pub fn call_item(&mut self, f: &Rc<FnItem>, given: &[(Rc<str>, Generic)], args: Args, sp: Sp) -> R<Called> {
        let decl = &f.function;
        let again = self.calls.iter().filter(|c| c.id == f.id).count();
        if again > 0 && self.told_recursion {
            // Every turn of what calls itself twice would go all the way down again.
            return Err(Stop::Silent);
        }
        if again > MAX_NESTED_CALLS || again > 0 && self.calls.len() >= MAX_DEPTH {
            return self.recursive(&f.id, &decl.name.text, sp);
        }
        if self.calls.len() >= MAX_DEPTH {
            return err_help(
                sp,
                format!("calls nest more than {MAX_DEPTH} deep"),
                "if they come back to where they were, write a loop; else split what they do into functions of arrays",
            );
        }
        // The span of library code means nothing to a user: its mistakes are reported at the call.
        if !f.library {
            return self.call_item_inner(f, given, args, sp);
        }
        let before = self.diags.len();
        let result = self.call_item_inner(f, given, args, sp);
        for d in &mut self.diags[before..] {
            d.sp = sp;
        }
        match result {
            Err(Stop::Error(mut d)) => {
                d.sp = sp;
                Err(Stop::Error(d))
            }
            other => other,
        }
    }

    /// The call at `sp` of a function that is being traced.
    fn recursive<T>(&mut self, id: &str, name: &str, sp: Sp) -> R<T> {
        let start = self.calls.iter().rposition(|c| c.id == id).unwrap_or(0);
        let mut cycle: Vec<&str> = self.calls[start..].iter().map(|c| &*c.name).collect();
        cycle.push(name);
        let cycle = cycle.join(" -> ");
        self.told_recursion = true;
        err_help(sp, format!("recursive call: {cycle}"), "a kernel has no stack to recurse on: write a loop")
    }

    /// Says so if the calls that the tracer is in come back to where they were: that is why they nest so deeply.
    pub(super) fn expect_no_recursion(&mut self) -> R<()> {
        let Some(last) = self.calls.last() else { return Ok(()) };
        let (id, name, sp) = (last.id.clone(), last.name.clone(), last.sp);
        let earlier = self.calls[..self.calls.len() - 1].iter().filter(|c| c.id == id).count();
        if earlier < REPEATED || self.told_recursion {
            return Ok(());
        }
        self.calls.pop();
        let told = self.recursive(&id, &name, sp);
        self.calls.push(CallSite { id, name, sp });
        told
    }

    fn call_item_inner(&mut self, f: &Rc<FnItem>, given: &[(Rc<str>, Generic)], args: Args, sp: Sp) -> R<Called> {
        let decl = &f.function;
        let expected = self.expected.take();
        let values = self.sort_args(f, args, sp)?;
        let mut bound: BTreeMap<Rc<str>, Generic> = BTreeMap::new();
        bound.extend(given.iter().cloned());
        for (p, (v, _)) in decl.params.iter().zip(&values) {
            Self::infer(&p.ty, v, &decl.generics, &mut bound);
        }
        // What the arguments leave open may follow from the type that is wanted.
        if let (Some(ret), Some(wanted)) = (&decl.ret, expected.as_ref().and_then(stand_in))
            && bound.len() < decl.generics.len()
        {
            let written = match (&ret.kind, &decl.self_ty) {
                (TypeKind::Path(p), Some(t)) if p.ident() == Some("Self") => t,
                _ => ret,
            };
            Self::infer(written, &wanted, &decl.generics, &mut bound);
        }
        for g in &decl.generics {
            let used = bound.contains_key(&g.name.text);
            if !used && !f.library && !mentions_fn(decl, &g.name.text) {
                return err_help(
                    sp,
                    format!("`{}` of `{}` cannot be inferred from the arguments", g.name.text, decl.name.text),
                    format!("write it: `{}::<{}>(..)`", decl.name.text, names_of(&decl.generics)),
                );
            }
        }
        let mut ctx = Ctx { paths: f.paths.clone(), generics: bound, self_ty: None, library: f.library };
        if let Some(t) = &decl.self_ty {
            let shared = Rc::new(Ctx { generics: ctx.generics.clone(), paths: ctx.paths.clone(), ..ctx });
            let ty = self.resolve_type(t, &shared)?;
            ctx = Ctx {
                generics: shared.generics.clone(),
                paths: f.paths.clone(),
                self_ty: Some(ty),
                library: f.library,
            };
        }
        let ctx = Rc::new(ctx);
        let mut vars = self.scope_of_call();
        let mut muts = Vec::new();
        let mut failed = false;
        for (n, (p, (value, at))) in decl.params.iter().zip(values).enumerate() {
            let ty = self.resolve_type(&p.ty, &ctx)?;
            let name = match &p.pat.kind {
                PatKind::Bind(name, _) => name.text.clone(),
                _ => format!("argument {n}").into(),
            };
            let what = format!("`{name}` of `{}`", decl.name.text);
            match self.fit(value, &ty, &what, at) {
                Ok(v) if matches!(p.ty.kind, TypeKind::Ref(_, true)) => {
                    let var = vars.push_mut(name.clone(), v);
                    muts.push((n, var));
                    if !matches!(p.pat.kind, PatKind::Bind(_, None)) {
                        let place = vars.vars[var + 1].1.clone();
                        self.bind_pat(&p.pat, &place, &mut vars, &ctx)?;
                    }
                }
                Ok(v) => {
                    if !f.library && matches!(p.ty.kind, TypeKind::Ref(..)) {
                        vars.lent.push(vars.vars.len());
                    }
                    self.bind_pat(&p.pat, &v, &mut vars, &ctx)?;
                }
                Err(Stop::Error(mut d)) => {
                    if !f.library {
                        let line = self.map.place(p.ty.sp).line;
                        let what = format!("{name}: {}", ty.describe());
                        d.notes.push(crate::diag::Note {
                            what,
                            from: format!("parameter of `{}`, line {line}", decl.name.text),
                        });
                    }
                    self.report(*d);
                    failed = true;
                }
                Err(stop) => return Err(stop),
            }
        }
        if failed {
            return Err(Stop::Silent);
        }
        if let Some(value) = self.call_kernel(f, &vars, &ctx, sp)? {
            return Ok(value.into());
        }
        // A function that is called twice with the same values, as those at the bottom of diamonds are, is traced once. What
        // the kernel itself calls is, however often, so that each of its variables can be looked at.
        let arrays = (!f.library && muts.is_empty()).then(|| self.arrays_only(f, &vars)).flatten();
        if let (Some(arrays), Some(graph)) = (&arrays, self.cuts.get(&f.id).cloned()) {
            return Ok(self.call_cut(&graph, arrays, sp).into());
        }
        let arrays = arrays.filter(|_| !self.calls.is_empty());
        let key = arrays.map(|a| (self.frame_id(), f.id.clone(), a.iter().map(|t| t.tvar).collect()));
        if let Some(value) = key.as_ref().and_then(|key| self.called.get(key)) {
            return Ok(value.clone().into());
        }
        let (n_diags, n_eqns) = (self.diags.len(), self.graph().eqns.len());
        self.calls.push(CallSite { id: f.id.clone(), name: decl.name.text.clone(), sp });
        let word = if f.library { None } else { self.word.take() };
        let result = match self.custom_rule(f) {
            Some(attr) => self.call_custom(f, attr, &vars, &ctx, sp),
            None => self.body(decl, &mut vars, &ctx),
        };
        self.word = word.or(self.word.take());
        if let Err(Stop::Error(d)) = result {
            // Report here, where the stack of calls is known.
            if f.library {
                self.calls.pop();
                return Err(Stop::Error(d));
            }
            self.report(*d);
            self.calls.pop();
            return Err(Stop::Silent);
        }
        self.calls.pop();
        let value = result?;
        if let Some(key) = key
            && self.diags.len() == n_diags
            && self.graph().eqns[n_eqns..].iter().all(|e| !e.op.has_effect())
        {
            self.called.insert(key, value.clone());
        }
        let muts = muts.into_iter().map(|(n, var)| (n, vars.vars[var].1.clone())).collect();
        Ok(Called { value, muts })
    }

    /// The arguments of a call whose result depends on nothing else.
    fn arrays_only(&self, f: &FnItem, vars: &Scope) -> Option<Vec<Traced>> {
        let alone = f.function.generics.is_empty() && f.function.self_ty.is_none();
        if !alone || !self.axes.is_empty() || !self.rules.is_empty() {
            return None;
        }
        let array = |value: &Value| if let Value::Array(t) = value { Some(t.clone()) } else { None };
        vars.vars.iter().map(|(_, value)| array(value)).collect()
    }

    /// Evaluates the body of `decl` and fits its value to the declared type.
    pub fn body(&mut self, decl: &Function, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        self.returns.push((!ctx.library).then(|| decl.ret.as_ref().is_some_and(super::debug::is_result)));
        self.expected = match &decl.ret {
            Some(t) if !ctx.library => self.resolve_type(t, ctx).ok(),
            _ => None,
        };
        let result = self.block_inner(&decl.body, vars, ctx);
        self.returns.pop();
        let (value, at) = match result {
            Ok(v) => (v, result_place(&decl.body)),
            Err(Stop::Return(v, at)) => (v, at),
            Err(Stop::Break(_, at) | Stop::Continue(at) | Stop::TracedBreak(at, _)) => {
                return err(at, "this is not inside a loop");
            }
            Err(stop) => return Err(stop),
        };
        if ctx.library {
            return Ok(value);
        }
        let ty = match &decl.ret {
            Some(t) => self.resolve_type(t, ctx)?,
            None => Ty::Unit,
        };
        let what = format!("the result of `{}`", decl.name.text);
        // `f32` and `u8` results may be literals; a unit function drops its value.
        if let (Value::Unit, None, Some(Stmt::Expr(_))) = (&value, &decl.body.value, decl.body.stmts.last())
            && !matches!(ty, Ty::Unit | Ty::Any | Ty::Checked(_))
        {
            let found = format!("{what} is {}, found ()", ty.describe());
            return err_help(at, found, "the last line is the result if it has no `;` at its end");
        }
        if ty == Ty::Unit && !matches!(value, Value::Unit) {
            return err_help(
                at,
                format!("{what} is (), found {}", value.describe()),
                "end the line with `;` or declare the result type",
            );
        }
        self.fit(value, &ty, &what, at)
    }

    fn sort_args(&mut self, f: &Rc<FnItem>, args: Args, sp: Sp) -> R<Vec<(Value, Sp)>> {
        let decl = &f.function;
        let names: Vec<Rc<str>> = decl
            .params
            .iter()
            .map(|p| match &p.pat.kind {
                PatKind::Bind(name, _) => name.text.clone(),
                _ => "_".into(),
            })
            .collect();
        let signature = || format!("its parameters are `{}({})`", decl.name.text, names.join(", "));
        let mut values: Vec<Option<(Value, Sp)>> = vec![None; names.len()];
        if args.pos.len() > names.len() {
            return err_help(
                args.pos[names.len()].1,
                format!("`{}` takes {}, found {}", decl.name.text, arguments(names.len()), args.pos.len()),
                signature(),
            );
        }
        for (slot, arg) in values.iter_mut().zip(args.pos) {
            *slot = Some(arg);
        }
        for (key, value, at) in args.kw {
            match names.iter().position(|n| *n == key.text) {
                Some(n) if values[n].is_none() => values[n] = Some((value, at)),
                Some(_) => return err(key.sp, format!("`{}` is given twice", key.text)),
                None => {
                    let near = crate::library::closest(&key.text, names.iter().map(|n| &**n));
                    return err_help(
                        key.sp,
                        format!("`{}` has no parameter `{}`", decl.name.text, key.text),
                        near.map_or_else(signature, |n| format!("did you mean `{n}`?")),
                    );
                }
            }
        }
        let ctx = Rc::new(Ctx { paths: f.paths.clone(), generics: BTreeMap::new(), self_ty: None, library: f.library });
        let mut out = Vec::new();
        for (n, slot) in values.into_iter().enumerate() {
            out.push(match (slot, &decl.params[n].default) {
                (Some(arg), _) => arg,
                (None, Some(e)) => (self.expr(e, &mut Scope::default(), &ctx)?, sp),
                (None, None) => {
                    return err_help(
                        sp,
                        format!("`{}` needs the argument `{}`", decl.name.text, names[n]),
                        signature(),
                    );
                }
            });
        }
        Ok(out)
    }

    /// A function of the library by name, parsed on first use. Names that start with `_` are the library's own.
    pub fn library_fn(&mut self, name: &str, internal: bool) -> R<Option<Rc<FnItem>>> {
        if name.starts_with('_') && !internal {
            return Ok(None);
        }
        if let Some(f) = self.library.get(name) {
            return Ok(Some(f.clone()));
        }
        let Some(function) = crate::library::source(name) else { return Ok(None) };
        let item = Rc::new(FnItem {
            id: format!("library::{name}"),
            function,
            paths: Rc::new(BTreeMap::new()),
            library: true,
        });
        self.library.insert(name.into(), item.clone());
        Ok(Some(item))
    }
}

/// A variable or a field of one, as it is written.
fn spelled(place: &Expr) -> String {
    match &place.kind {
        ExprKind::Path(p) => p.text.to_string(),
        ExprKind::Field(base, name) => format!("{}.{}", spelled(base), name.text),
        _ => "..".into(),
    }
}

/// Where the result of a body stands: its last expression, or what stands in its place.
fn result_place(body: &Block) -> Sp {
    match (&body.value, body.stmts.last()) {
        (Some(e), _) => e.sp,
        (None, Some(Stmt::Expr(e))) => e.sp,
        _ => body.sp,
    }
}

/// Whether a generic parameter only names functions, as `F` in `<F: Fn(f32) -> f32>` does.
fn mentions_fn(decl: &Function, name: &str) -> bool {
    decl.params.iter().any(|p| matches!(&p.ty.kind, TypeKind::Path(q) if q.ident() == Some(name)))
}

/// A value of a type, to infer generics from.
fn stand_in(ty: &Ty) -> Option<Value> {
    Some(match ty {
        Ty::Array(a) => Value::Array(Traced::of_type(a)),
        Ty::Struct(s) => {
            let fields = s.fields.iter().map(|(_, t)| stand_in(t)).collect::<Option<_>>()?;
            Value::Struct(Rc::new(StructValue { ty: s.clone(), fields }))
        }
        Ty::Tuple(items) => Value::tuple(items.iter().map(stand_in).collect::<Option<_>>()?),
        Ty::List(t, n) => Value::list(vec![stand_in(t)?; *n]),
        _ => return None,
    })
}

/// Whether every value of `from` is one of `to`, as `From` of Rust's numbers demands.
pub(super) fn holds_all(to: DType, from: DType) -> bool {
    let digits = |d: DType| match d {
        DType::F16 => 11,
        DType::BF16 => 8,
        DType::F32 => 24,
        _ => 53,
    };
    match (to, from) {
        _ if to == from => true,
        (_, DType::Bool) => to.is_int(),
        _ if to.is_int() && from.is_int() => {
            let ((a, b), (c, d)) = (to.int_range(), from.int_range());
            a <= c && d <= b
        }
        _ if to.is_float() && from.is_int() => from.int_range().1 <= 1 << digits(to),
        _ => to.is_float() && from.is_float() && to.bytes() > from.bytes(),
    }
}

/// `1 generic argument`, `2 generic arguments`.
pub fn generic_arguments(n: usize) -> String {
    if n == 1 { "1 generic argument".into() } else { format!("{n} generic arguments") }
}

/// Generic parameters as they are written in a call.
fn names_of(generics: &[GenericParam]) -> String {
    generics.iter().map(|g| &*g.name.text).collect::<Vec<_>>().join(", ")
}
