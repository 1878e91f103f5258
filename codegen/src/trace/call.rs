//! Calls: of functions by any name, closures, methods, built-ins and transformed functions.

use std::rc::Rc;

use crate::dtype::DType;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::args::{Args, arguments};
use crate::trace::assign::root_name;

use crate::trace::value::{Ctx, FnValue, Scope, TVar, Value};
use crate::trace::{R, Stop, Tracer, err, err_help};
use crate::unit::ItemId;

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
            if let ("usize::from" | "isize::from", [Arg { name: None, value }]) = (&*p.text, args) {
                let x = self.expr(value, vars, ctx)?;
                return self.cast(&x, &super::types::Ty::Usize, sp);
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
                return self.tuple_struct_expr(p, args, sp, vars, ctx);
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
}

/// A variable or a field of one, as it is written.
fn spelled(place: &Expr) -> String {
    match &place.kind {
        ExprKind::Path(p) => p.text.to_string(),
        ExprKind::Field(base, name) => format!("{}.{}", spelled(base), name.text),
        _ => "..".into(),
    }
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
