//! Calls of function items: arguments in their order, generics inferred, parameters bound, the body evaluated. What calls itself
//! is found here.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::args::{Args, arguments};
use crate::trace::call::Called;
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, FnItem, Generic, Scope, StructValue, Traced, Value};
use crate::trace::{CallSite, R, Stop, Tracer, err, err_help};

/// Calls of one function inside each other after which it is taken to be recursive.
const MAX_NESTED_CALLS: usize = 64;

/// Calls of one function inside each other that make it a recursion where the stack has come to its end.
const REPEATED: usize = 3;

/// Calls inside each other that the stack of rustc has room for. See [`crate::trace::deep`] for longer ways.
const MAX_DEPTH: usize = 128;

impl Tracer<'_> {
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
        // The span of library code means nothing to a user: its mistakes are reported at the call. Those of a function that
        // was passed to it stay where they are.
        if !f.library {
            return self.call_item_inner(f, given, args, sp);
        }
        let before = self.diags.len();
        let result = self.call_item_inner(f, given, args, sp);
        let at_call = |d: &mut crate::diag::Diag| {
            if d.sp == Sp(0) {
                d.sp = sp;
            }
        };
        self.diags[before..].iter_mut().for_each(at_call);
        match result {
            Err(Stop::Error(mut d)) => {
                at_call(&mut d);
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
        if let Some(called) = self.call_kernel(f, &vars, &ctx, sp)? {
            return Ok(called);
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

/// Generic parameters as they are written in a call.
fn names_of(generics: &[GenericParam]) -> String {
    generics.iter().map(|g| &*g.name.text).collect::<Vec<_>>().join(", ")
}
