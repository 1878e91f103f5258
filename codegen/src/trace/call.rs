//! Calls: of functions by any name, closures, methods, built-ins and transformed functions.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::diag::Diag;
use crate::dtype::DType;
use crate::graph::Aval;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::expr::root_name;
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, FnItem, FnValue, Generic, Num, Number, Scope, StructValue, TVar, Traced, Value};
use crate::trace::{CallSite, R, Stop, Tracer, err, err_help};
use crate::unit::ItemId;

/// Calls of one function inside each other after which it is taken to be recursive.
const MAX_NESTED_CALLS: usize = 64;

/// Calls inside each other that the stack of rustc has room for. See [`crate::trace::deep`] for longer ways.
const MAX_DEPTH: usize = 128;

/// Evaluated arguments of a call.
#[derive(Clone, Debug, Default)]
pub struct Args {
    /// By position.
    pub pos: Vec<(Value, Sp)>,
    /// By keyword.
    pub kw: Vec<(Name, Value, Sp)>,
}

/// Arguments sorted into the parameters of a built-in.
#[derive(Clone, Debug)]
pub struct Bound {
    name: Rc<str>,
    call: Sp,
    values: Vec<(&'static str, Option<(Value, Sp)>)>,
}

impl Args {
    /// Positional arguments only.
    pub fn of(values: Vec<Value>, sp: Sp) -> Args {
        Args { pos: values.into_iter().map(|v| (v, sp)).collect(), kw: Vec::new() }
    }

    /// Sorts the arguments into `params`, the first `required` of which must be given.
    pub fn bind(self, name: &str, params: &[&'static str], required: usize, sp: Sp) -> R<Bound> {
        if self.pos.len() > params.len() {
            return err_help(
                self.pos[params.len()].1,
                format!("`{name}` takes {}, found {}", arguments(params.len()), self.pos.len()),
                format!("its parameters are `{name}({})`", params.join(", ")),
            );
        }
        let mut values: Vec<(&'static str, Option<(Value, Sp)>)> = params.iter().map(|p| (*p, None)).collect();
        for (n, arg) in self.pos.into_iter().enumerate() {
            values[n].1 = Some(arg);
        }
        for (key, value, at) in self.kw {
            match values.iter_mut().find(|(p, _)| **p == *key.text) {
                Some((_, slot @ None)) => *slot = Some((value, at)),
                Some(_) => return err(key.sp, format!("`{}` of `{name}` is given twice", key.text)),
                None => {
                    let near = crate::library::closest(&key.text, params.iter().copied());
                    return err_help(
                        key.sp,
                        format!("`{name}` has no parameter `{}`", key.text),
                        match near {
                            Some(p) => format!("did you mean `{p}`?"),
                            None => format!("its parameters are `{name}({})`", params.join(", ")),
                        },
                    );
                }
            }
        }
        if let Some((p, _)) = values[..required].iter().find(|(_, v)| v.is_none()) {
            return err_help(
                sp,
                format!("`{name}` needs the argument `{p}`"),
                format!("its parameters are `{name}({})`", params.join(", ")),
            );
        }
        Ok(Bound { name: name.into(), call: sp, values })
    }
}

impl Bound {
    /// The argument for `param`, if given.
    pub fn get(&self, param: &str) -> Option<&Value> {
        self.values.iter().find(|(p, _)| *p == param).and_then(|(_, v)| v.as_ref()).map(|(v, _)| v)
    }

    /// A required argument.
    pub fn want(&self, param: &str) -> Value {
        self.get(param).cloned().unwrap_or(Value::Poison)
    }

    /// Where the argument stands; the call, if it was not given.
    pub fn sp(&self, param: &str) -> Sp {
        self.values.iter().find(|(p, _)| *p == param).and_then(|(_, v)| v.as_ref()).map_or(self.call, |(_, s)| *s)
    }

    /// Name of the built-in.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the call stands.
    pub fn call(&self) -> Sp {
        self.call
    }

    /// A static bool with a default.
    pub fn bool(&self, param: &str, default: bool) -> R<bool> {
        match self.get(param) {
            None => Ok(default),
            Some(Value::Bool(b)) => Ok(*b),
            Some(other) => err(self.sp(param), format!("`{param}` is `true` or `false`, found {}", other.describe())),
        }
    }

    /// A static integer, if given and not `None`.
    pub fn int(&self, param: &str) -> R<Option<i128>> {
        match self.get(param) {
            None | Some(Value::Option(None)) => Ok(None),
            Some(Value::Num(Num { value: Number::Int(i), .. })) => Ok(Some(*i)),
            Some(other) => err(self.sp(param), format!("`{param}` is a static integer, found {}", other.describe())),
        }
    }

    /// Static integers: one, or a tuple or list of them.
    pub fn ints(&self, param: &str) -> R<Option<Vec<i128>>> {
        match self.get(param) {
            None | Some(Value::Option(None)) => Ok(None),
            Some(v) => static_ints(v).map(Some).ok_or_else(|| {
                let text = format!("`{param}` takes static integers, found {}", v.describe());
                let d = Diag::at(self.sp(param), text);
                // `max(a, b)` as Rust has it.
                let pair = [("max", "maximum"), ("min", "minimum")].into_iter().find(|(name, _)| **name == *self.name);
                match pair {
                    Some((_, pair)) => d.help(format!("of two values that is `{pair}(a, b)`")).into(),
                    None => d.into(),
                }
            }),
        }
    }

    /// An axis of an array of `rank` axes; negative ones count from the end.
    pub fn axis(&self, param: &str, rank: usize, what: &str) -> R<Option<usize>> {
        match self.int(param)? {
            None => Ok(None),
            Some(i) => axis(i, rank, what, self.sp(param)).map(Some),
        }
    }

    /// Axes, increasing; `None` stands for all.
    pub fn axes(&self, param: &str, rank: usize, what: &str) -> R<Vec<usize>> {
        let Some(given) = self.ints(param)? else { return Ok((0..rank).collect()) };
        let mut out = Vec::new();
        for i in given {
            let a = axis(i, rank, what, self.sp(param))?;
            if out.contains(&a) {
                return err(self.sp(param), format!("axis {a} is given twice"));
            }
            out.push(a);
        }
        out.sort_unstable();
        Ok(out)
    }

    /// A function argument.
    pub fn function(&self, param: &str) -> R<Rc<FnValue>> {
        match self.get(param) {
            Some(Value::Fn(f)) => Ok(f.clone()),
            Some(Value::Poison) | None => Err(Stop::Silent),
            Some(other) => err_help(
                self.sp(param),
                format!("`{}` needs a function, found {}", self.name, other.describe()),
                format!("pass the function itself: `{}(loss)`, then call the result", self.name),
            ),
        }
    }
}

/// Axis `i` of `rank` axes.
pub fn axis(i: i128, rank: usize, what: &str, sp: Sp) -> R<usize> {
    let a = if i < 0 { i + rank as i128 } else { i };
    if (0..rank as i128).contains(&a) {
        return Ok(a as usize);
    }
    let has = match rank {
        0 => "has no axes".to_string(),
        1 => "has only axis 0".to_string(),
        2 => "has axes 0 and 1".to_string(),
        n => format!("has axes 0 to {}", n - 1),
    };
    err(sp, format!("axis {i} is out of range: {what} {has}"))
}

/// One static integer or a tuple or list of them.
pub fn static_ints(v: &Value) -> Option<Vec<i128>> {
    match v {
        Value::Num(Num { value: Number::Int(i), .. }) => Some(vec![*i]),
        Value::Unit => Some(Vec::new()),
        Value::Tuple(items) | Value::List(items) => items
            .iter()
            .map(|v| match v {
                Value::Num(Num { value: Number::Int(i), .. }) => Some(*i),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

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
        }
        self.write_back(called, args.iter().map(|a| Some(&a.value)).collect(), sp, vars, ctx)
    }

    /// Stores the final values of `&mut` parameters where the arguments came from.
    fn write_back(
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

    /// `recv.name(args)` as written.
    #[allow(clippy::too_many_arguments)]
    pub fn method_expr(
        &mut self,
        recv: &Expr,
        name: &Name,
        generics: &[GenericArg],
        args: &[Arg],
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        let expected = self.expected.take();
        if let (ExprKind::Range(lo, hi, closed), "contains", [x]) = (&recv.kind, &*name.text, args) {
            let (x, at) = (self.expr(&x.value, vars, ctx)?, x.value.sp);
            let mut inside = Value::Bool(true);
            let below = if *closed { BinOp::Le } else { BinOp::Lt };
            for (op, end) in [(BinOp::Ge, lo), (below, hi)] {
                let Some(end) = end else { continue };
                let end = self.expr(end, vars, ctx)?;
                let holds = self.binary(op, &x, &end, at)?;
                inside = match inside {
                    Value::Bool(true) => holds,
                    inside => self.binary(BinOp::And, &inside, &holds, sp)?,
                };
            }
            return Ok(inside);
        }
        if let Some(it) = self.iterator_over(recv, &name.text, args, sp, vars, ctx)? {
            return Ok(it);
        }
        let value = self.expr(recv, vars, ctx)?;
        if let Value::Poison = value {
            return Err(Stop::Silent);
        }
        let iterated = match &*name.text {
            // What is zipped with may be a mutable reference, as in `x.iter().zip(&mut y)`.
            "zip" if args.len() == 1 => {
                let other = self.iterated(&args[0].value, vars, ctx)?;
                Some(Args { pos: vec![(Value::Iter(other), args[0].value.sp)], kw: Vec::new() })
            }
            _ => None,
        };
        let mut given = match iterated {
            Some(given) => given,
            None => self.args(args, vars, ctx)?,
        };
        if let Some(v) = self.iterator_method(&value, recv.sp, name, generics, &mut given, sp, vars, ctx)? {
            return Ok(v);
        }
        if let Some(new) = self.slice_method(&value, name, &given, sp)? {
            self.assign(recv, new, sp, vars, ctx)?;
            return Ok(Value::Unit);
        }
        if let Value::Struct(s) = &value
            && !matches!(&*name.text, "clone" | "to_owned" | "as_ref" | "as_mut")
        {
            let key = (s.ty.id.clone(), name.text.to_string());
            let Some(f) = self.items.methods.get(&key).cloned() else {
                return Err(Stop::NeedMethod(key.0, key.1, name.sp));
            };
            let mut all = Args { pos: vec![(value.clone(), recv.sp)], kw: given.kw };
            all.pos.extend(given.pos);
            let own = self.generic_args(generics, ctx)?;
            let given = method_generics(&f, &own, sp)?;
            self.expected = expected;
            let called = self.call_item(&f, &given, all, sp)?;
            let mut places = vec![Some(recv)];
            places.extend(args.iter().map(|a| Some(&a.value)));
            return self.write_back(called, places, sp, vars, ctx);
        }
        self.builtin_method(value, recv.sp, name, given, sp, ctx)
    }

    /// `core::array::from_fn(|i| ..)`: as many elements as the place wants, or the turbofish says.
    fn array_from_fn(
        &mut self,
        p: &Path,
        args: &[Arg],
        expected: Option<Ty>,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        let given = self.args(args, vars, ctx)?;
        let [(Value::Fn(f), _)] = &given.pos[..] else {
            return err_help(sp, format!("`{}` takes a function of the index", p.text), "write `|i| ..`");
        };
        let written = self.generic_args(&p.generics, ctx)?.into_iter().find_map(|g| match g {
            Generic::Const(n) => usize::try_from(n).ok(),
            Generic::Type(_) => None,
        });
        let wanted = match expected {
            Some(Ty::Array(a)) => a.shape.first().copied(),
            Some(Ty::List(_, n)) => Some(n),
            _ => None,
        };
        let Some(n) = written.or(wanted) else {
            return err_help(
                sp,
                "it is not known how many elements are wanted",
                "say it: `let y: [f32; 8] = ..`, or `from_fn::<_, 8, _>(..)`",
            );
        };
        if n <= LONGEST_WRITTEN_OUT {
            let items = (0..n).map(|i| self.apply(f, vec![Value::size(i)], sp)).collect::<R<_>>()?;
            return Ok(Value::list(items));
        }
        let indices = self.call_builtin("arange", Args::of(vec![Value::size(n)], sp), sp, true)?;
        self.call_builtin("map", Args::of(vec![Value::Fn(f.clone()), indices], sp), sp, true)
    }

    /// `core::mem::swap`, `replace` and `take`.
    fn mem_function(&mut self, f: &Expr, args: &[Arg], sp: Sp, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Option<Value>> {
        let ExprKind::Path(p) = &f.kind else { return Ok(None) };
        let path = p.text.trim_start_matches("::");
        let path = path.strip_prefix("core::").or(path.strip_prefix("std::")).unwrap_or(path);
        let Some(name) = path.strip_prefix("mem::") else { return Ok(None) };
        let wanted = if name == "take" { 1 } else { 2 };
        if !matches!(name, "swap" | "replace" | "take") || ctx.paths.contains_key(&*p.text) {
            return Ok(None);
        }
        if args.len() != wanted {
            return err(sp, format!("`{}` takes {}, found {}", p.text, arguments(wanted), args.len()));
        }
        let given = self.args(args, vars, ctx)?;
        let values: Vec<Value> = given.pos.into_iter().map(|(v, _)| v).collect();
        let place = &args[0].value;
        Ok(Some(match (name, &values[..]) {
            ("swap", [a, b]) => {
                self.assign(place, b.clone(), sp, vars, ctx)?;
                self.assign(&args[1].value, a.clone(), sp, vars, ctx)?;
                Value::Unit
            }
            ("take", [a]) => {
                let zero = self.map_tree(a, sp, &mut |tr, t| {
                    let zero = crate::dtype::Scalar::from_i128(t.aval.dtype, 0);
                    Ok(tr.constant(crate::array::Array::full(&t.aval, zero), sp))
                })?;
                self.assign(place, zero, sp, vars, ctx)?;
                a.clone()
            }
            (_, [a, b]) => {
                self.assign(place, b.clone(), sp, vars, ctx)?;
                a.clone()
            }
            _ => return Ok(None),
        }))
    }

    /// Methods of slices that change them in place: what the array is afterwards.
    fn slice_method(&mut self, recv: &Value, name: &Name, args: &Args, sp: Sp) -> R<Option<Value>> {
        let is_array = match recv {
            Value::Array(t) => t.aval.rank() > 0,
            Value::List(_) => true,
            _ => false,
        };
        let args: Vec<Value> = args.pos.iter().map(|(v, _)| v.clone()).collect();
        Ok(match (&*name.text, &args[..]) {
            _ if !is_array => None,
            ("swap", [i, j]) => {
                let (a, b) = (self.index(recv, i, sp)?, self.index(recv, j, sp)?);
                let half = self.index_set(recv, i, None, &b, sp)?;
                Some(self.index_set(&half, j, None, &a, sp)?)
            }
            ("fill", [x]) => {
                let all = Value::Range(None, None);
                Some(self.index_set(recv, &all, None, x, sp)?)
            }
            ("copy_from_slice" | "clone_from_slice", [x]) => {
                let what = format!("what `{}` copies from", name.text);
                let ty = match recv {
                    Value::Array(t) => Ty::Array((*t.aval).clone()),
                    _ => Ty::Any,
                };
                Some(self.fit(x.clone(), &ty, &what, sp)?)
            }
            ("reverse", []) => {
                Some(self.call_builtin("flip", Args::of(vec![recv.clone(), Value::int(0)], sp), sp, true)?)
            }
            ("rotate_left" | "rotate_right", [Value::Num(Num { value: Number::Int(k), .. })]) => {
                let k = if &*name.text == "rotate_left" { -k } else { *k };
                let args = vec![recv.clone(), Value::int(k), Value::int(0)];
                Some(self.call_builtin("roll", Args::of(args, sp), sp, true)?)
            }
            _ => None,
        })
    }

    fn builtin_method(&mut self, recv: Value, at: Sp, name: &Name, mut args: Args, sp: Sp, ctx: &Rc<Ctx>) -> R<Value> {
        let array_like = matches!(recv, Value::Array(_) | Value::List(_));
        match (&*name.text, &recv) {
            // As in Rust the type comes from where the value goes.
            ("into", Value::Array(t)) => return Ok(Value::Array(Traced { weak: true, ..t.clone() })),
            ("into", Value::Num(n)) => return Ok(Value::Num(Num { dtype: None, ..*n })),
            ("clone" | "to_owned" | "as_ref" | "as_mut" | "into", _) => return Ok(recv),
            (_, Value::Checked(_)) => {
                return err_help(
                    name.sp,
                    format!("`{}` of the result of a checked function", name.text),
                    "write `?` behind the call: a kernel has no panic path, and its error goes to the caller",
                );
            }
            ("unwrap" | "expect", Value::Option(o)) => {
                return match o {
                    Some(v) => Ok((**v).clone()),
                    None => err(sp, "`unwrap` of `None`"),
                };
            }
            ("copied" | "cloned", Value::Option(_)) => return Ok(recv),
            ("map", Value::Array(_) | Value::List(_)) if matches!(args.pos[..], [(Value::Fn(_), _)]) => {
                args.pos.push((recv, at));
                return self.call_builtin("map", args, sp, true);
            }
            ("unwrap_or", Value::Option(o)) => {
                return match (o, args.pos.pop()) {
                    (Some(v), _) => Ok((**v).clone()),
                    (None, Some((v, _))) => Ok(v),
                    (None, None) => err(sp, "`unwrap_or` needs a value"),
                };
            }
            ("is_some", Value::Option(o)) => return Ok(Value::Bool(o.is_some())),
            ("is_none", Value::Option(o)) => return Ok(Value::Bool(o.is_none())),
            // An optional parameter of the library that was given a value.
            ("is_none", _) if ctx.library => return Ok(Value::Bool(false)),
            ("unwrap_or", _) if ctx.library => return Ok(recv),
            ("try_into", Value::Array(_) | Value::List(_)) => return Ok(Value::Option(Some(Rc::new(recv)))),
            ("first" | "last" | "get" | "contains" | "split_at" | "is_empty", Value::List(_) | Value::Array(_)) => {
                if let Some(v) = self.slice_query(&recv, at, name, &args, sp)? {
                    return Ok(v);
                }
            }
            ("len", Value::Array(t)) if t.aval.rank() > 0 => return Ok(Value::size(t.aval.shape[0])),
            ("len", Value::List(items) | Value::Tuple(items)) => return Ok(Value::size(items.len())),
            ("len", Value::Unit) => return Ok(Value::size(0)),
            ("shape" | "ndim" | "size" | "dtype", _)
                if array_like || matches!(recv, Value::Num(_) | Value::Bool(_)) =>
            {
                let t = self.to_traced(&recv, None, at)?;
                return Ok(match &*name.text {
                    "shape" if t.aval.rank() == 0 => Value::Unit,
                    "shape" => Value::tuple(t.aval.shape.iter().map(|n| Value::size(*n)).collect()),
                    "ndim" => Value::size(t.aval.rank()),
                    "size" => Value::size(t.aval.size()),
                    _ => Value::DType(t.aval.dtype),
                });
            }
            ("pow" | "powi" | "powf", _) => {
                return self.call_builtin("power", with_first(recv, at, args), sp, ctx.library);
            }
            ("abs" | "min" | "max" | "sqrt" | "ln", Value::Num(_)) | ("ln" | "to_f32" | "astype", _) => {}
            _ => {}
        }
        // Rust's scalar methods of two operands; numpy's reductions of arrays take an axis or nothing.
        let is_scalar = matches!(&recv, Value::Num(_)) || matches!(&recv, Value::Array(t) if t.aval.rank() == 0);
        let axis = |v: &Value| matches!(v, Value::Num(Num { value: Number::Int(_), dtype: None }) | Value::Tuple(_));
        let of_two = args.pos.len() == 1 && args.kw.is_empty() && (is_scalar || !axis(&args.pos[0].0));
        let is_complex = matches!(&recv, Value::Array(t) if t.aval.dtype.is_complex());
        let function = match complex_method(&name.text) {
            Some(function) if is_complex => function,
            _ => builtin_name(&name.text, usize::from(of_two)),
        };
        if let Value::Fn(_) = recv {
            return err(name.sp, format!("a function has no method `{}`", name.text));
        }
        let internal = ctx.library || (function.starts_with('_') && function != &*name.text);
        if crate::library::is_builtin(function) || self.library_fn(function, internal)?.is_some() {
            // `x.reshape(2, 3)` and `x.transpose(1, 0)` take their tuple apart, as numpy's methods do.
            if matches!(function, "reshape" | "transpose" | "broadcast_to") && args.pos.len() > 1 {
                let items = args.pos.drain(..).map(|(v, _)| v).collect();
                args.pos.push((Value::tuple(items), sp));
            }
            return self.call_builtin(function, with_first(recv, at, args), sp, internal);
        }
        let mut d = Diag::at(name.sp, format!("{} has no method `{}`", recv.describe(), name.text));
        d.help = match NOT_METHODS.iter().find(|(n, _)| *n == &*name.text) {
            Some((_, instead)) => Some((*instead).into()),
            None => crate::library::nearest(&name.text).map(|n| format!("did you mean `{n}`?")),
        };
        Err(d.into())
    }

    /// Methods of slices that say something about one.
    fn slice_query(&mut self, recv: &Value, at: Sp, name: &Name, args: &Args, sp: Sp) -> R<Option<Value>> {
        let Some(n) = super::pattern::count(recv) else { return Ok(None) };
        let size = |i: usize| Rc::new(Value::size(i));
        let some = |v: Value| Value::Option(Some(Rc::new(v)));
        let given = args.pos.first().map(|(v, _)| v);
        Ok(Some(match (&*name.text, given) {
            ("is_empty", None) => Value::Bool(n == 0),
            ("first" | "last" | "get", _) if n == 0 => Value::none(),
            ("first", None) => some(self.index(recv, &Value::int(0), sp)?),
            ("last", None) => some(self.index(recv, &Value::size(n - 1), sp)?),
            ("get", Some(Value::Num(Num { value: Number::Int(i), .. }))) => match usize::try_from(*i) {
                Ok(i) if i < n => some(self.index(recv, &Value::size(i), sp)?),
                _ => Value::none(),
            },
            ("get", Some(_)) => {
                return err_help(
                    name.sp,
                    "`get` with an index that is known only at run time",
                    "index it: reads outside of the array take the nearest element",
                );
            }
            ("contains", Some(x)) => {
                let hits = self.binary(BinOp::Eq, recv, x, sp)?;
                self.call_builtin("any", Args::of(vec![hits], at), sp, true)?
            }
            ("split_at", Some(Value::Num(Num { value: Number::Int(k), .. }))) => match usize::try_from(*k) {
                Ok(k) if k <= n => {
                    let (head, tail) = (Value::Range(None, Some(size(k))), Value::Range(Some(size(k)), None));
                    Value::tuple(vec![self.index(recv, &head, sp)?, self.index(recv, &tail, sp)?])
                }
                _ => return err(sp, format!("`split_at` at {k} of {n} elements")),
            },
            _ => return Ok(None),
        }))
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
            if super::regions::same(before, after) {
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

    /// `f32::max(a, b)`, `u32::from(x)`.
    fn dtype_function(&mut self, dtype: DType, name: &Name, mut args: Args, sp: Sp, ctx: &Rc<Ctx>) -> R<Value> {
        if args.pos.is_empty() {
            return err(sp, format!("`{dtype}::{}` takes an argument", name.text));
        }
        let (first, at) = args.pos.remove(0);
        let ty = Ty::Array(Aval::scalar(dtype));
        if &*name.text == "from_bits" {
            let bits = match dtype.bytes() {
                2 => DType::U16,
                4 => DType::U32,
                _ => DType::U64,
            };
            let first = self.fit(first, &Ty::Array(Aval::scalar(bits)), "what `from_bits` takes", at)?;
            let pos = vec![(first, at), (Value::DType(dtype), sp)];
            return self.call_builtin("bitcast_convert_type", Args { pos, kw: Vec::new() }, sp, true);
        }
        if let "from_le_bytes" | "from_be_bytes" | "from_ne_bytes" = &*name.text {
            let bytes = Ty::Array(Aval::new(DType::U8, &[dtype.bytes()]));
            let first = self.fit(first, &bytes, &format!("what `{}` takes", name.text), at)?;
            let big = Value::Bool(&*name.text == "from_be_bytes");
            let pos = vec![(first, at), (Value::DType(dtype), sp), (big, sp)];
            return self.call_builtin("_from_bytes", Args { pos, kw: Vec::new() }, sp, true);
        }
        if &*name.text != "from" {
            let what = format!("the first argument of `{dtype}::{}`", name.text);
            let first = self.fit(first, &ty, &what, at)?;
            return self.builtin_method(first, at, name, args, sp, ctx);
        }
        let t = self.to_traced(&first, None, at)?;
        if !(t.weak && t.aval.dtype.is_int() || holds_all(dtype, t.aval.dtype)) {
            return err_help(
                at,
                format!("`{dtype}::from` takes what every {dtype} can hold exactly, found {}", first.describe()),
                format!("convert it: `.. as {dtype}`"),
            );
        }
        self.cast(&first, &ty, sp)
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
            let start = self.calls.iter().rposition(|c| c.id == f.id).unwrap_or(0);
            let mut cycle: Vec<&str> = self.calls[start..].iter().map(|c| &*c.name).collect();
            cycle.push(&decl.name.text);
            let cycle = cycle.join(" -> ");
            self.told_recursion = true;
            return err_help(
                sp,
                format!("recursive call: {cycle}"),
                "a kernel has no stack to recurse on: write a loop",
            );
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

/// Elements of `core::array::from_fn` up to which each is traced by itself, its index static.
const LONGEST_WRITTEN_OUT: usize = 16;

/// Methods of Rust that a kernel cannot have, and what to write instead.
const NOT_METHODS: &[(&str, &str)] = &[
    ("checked_add", "no `Option` is made at run time: `overflowing_add` yields the sum and whether it overflowed"),
    (
        "checked_sub",
        "no `Option` is made at run time: `overflowing_sub` yields the difference and whether it overflowed",
    ),
    ("checked_mul", "no `Option` is made at run time: `overflowing_mul` yields the product and whether it overflowed"),
    ("checked_div", "no `Option` is made at run time: compare the divisor with 0 first"),
    ("checked_rem", "no `Option` is made at run time: compare the divisor with 0 first"),
    ("sort_by", "`sort(x)` sorts numbers, NaN last; `x[argsort(key)]` sorts by a key"),
    ("sort_unstable_by", "`sort(x)` sorts numbers, NaN last; `x[argsort(key)]` sorts by a key"),
    ("sort_by_key", "`x[argsort(key)]` sorts by a key"),
    ("to_vec", "a kernel has no `Vec`: arrays are copied by assignment"),
    ("binary_search", "`searchsorted(x, v)` finds the place"),
    ("partial_cmp", "compare with `<`, `==` and `>`"),
    ("total_cmp", "compare with `<`, `==` and `>`"),
    ("cmp", "compare with `<`, `==` and `>`"),
    ("to_string", "a kernel has no strings: `debug_print!(\"{}\", x)` shows a value"),
];

/// The built-in that a method of `num_complex::Complex` is.
fn complex_method(method: &str) -> Option<&'static str> {
    Some(match method {
        "norm" => "abs",
        "arg" => "angle",
        "norm_sqr" => "_norm_sqr",
        "l1_norm" => "_l1_norm",
        "to_polar" => "_to_polar",
        "powc" => "power",
        "inv" => "reciprocal",
        "scale" => "multiply",
        "unscale" => "divide",
        _ => return None,
    })
}

/// The built-in that a method of Rust's numbers is, called with so many arguments behind the receiver.
pub fn builtin_name(method: &str, n_args: usize) -> &str {
    match method {
        "ln" => "log",
        "max" if n_args == 1 => "maximum",
        "min" if n_args == 1 => "minimum",
        "ln_1p" => "log1p",
        "exp_m1" => "expm1",
        "recip" => "reciprocal",
        "clamp" => "clip",
        "to_radians" => "deg2rad",
        "to_degrees" => "rad2deg",
        "count_ones" => "_count_ones",
        "count_zeros" => "_count_zeros",
        "leading_zeros" => "_leading_zeros",
        "leading_ones" => "_leading_ones",
        "trailing_zeros" => "_trailing_zeros",
        "trailing_ones" => "_trailing_ones",
        "rotate_left" => "_rotate_left",
        "rotate_right" => "_rotate_right",
        "wrapping_shl" => "_wrapping_shl",
        "wrapping_shr" => "_wrapping_shr",
        "is_power_of_two" => "_is_power_of_two",
        "ilog2" => "_ilog2",
        "abs_diff" => "_abs_diff",
        "unsigned_abs" => "_unsigned_abs",
        "saturating_add" => "_saturating_add",
        "saturating_sub" => "_saturating_sub",
        "saturating_mul" => "_saturating_mul",
        "overflowing_add" => "_overflowing_add",
        "overflowing_sub" => "_overflowing_sub",
        "overflowing_mul" => "_overflowing_mul",
        "to_le_bytes" | "to_ne_bytes" => "_to_le_bytes",
        "to_be_bytes" => "_to_be_bytes",
        "swap_bytes" => "_swap_bytes",
        "reverse_bits" => "_reverse_bits",
        "rem_euclid" => "_rem_euclid",
        "div_euclid" => "_div_euclid",
        "div_ceil" => "_div_ceil",
        "signum" => "_signum",
        "fract" => "_fract",
        "sin_cos" => "_sin_cos",
        "log" if n_args == 1 => "_log_base",
        "to_bits" => "_to_bits",
        "is_sign_positive" => "_is_sign_positive",
        "is_sign_negative" => "signbit",
        "is_positive" => "_is_positive",
        "is_negative" => "_is_negative",
        "mul_add" => "_mul_add",
        "wrapping_abs" => "abs",
        "wrapping_div" | "wrapping_rem" if n_args == 1 => {
            if method == "wrapping_div" {
                "lax::div"
            } else {
                "lax::rem"
            }
        }
        "is_infinite" => "isinf",
        "wrapping_add" => "add",
        "wrapping_sub" => "subtract",
        "wrapping_mul" => "multiply",
        "wrapping_neg" => "negative",
        "is_nan" => "isnan",
        "is_finite" => "isfinite",
        "pow" | "powi" | "powf" | "wrapping_pow" => "power",
        "T" => "transpose",
        other => other,
    }
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
fn holds_all(to: DType, from: DType) -> bool {
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

/// `1 argument`, `2 arguments`.
pub fn arguments(n: usize) -> String {
    if n == 1 { "1 argument".into() } else { format!("{n} arguments") }
}

/// `1 generic argument`, `2 generic arguments`.
pub fn generic_arguments(n: usize) -> String {
    if n == 1 { "1 generic argument".into() } else { format!("{n} generic arguments") }
}

fn with_first(recv: Value, at: Sp, args: Args) -> Args {
    let mut pos = vec![(recv, at)];
    pos.extend(args.pos);
    Args { pos, kw: args.kw }
}

/// The generic arguments that a turbofish gives a function, by name. Those of an `impl` block, which come first, are
/// not its business: they follow from `self` or from the type in front.
pub fn method_generics(f: &FnItem, written: &[Generic], sp: Sp) -> R<Vec<(Rc<str>, Generic)>> {
    let all = &f.function.generics;
    let own = &all[f.function.n_impl_generics..];
    if written.len() > own.len() {
        let text =
            format!("`{}` takes {}, found {}", f.function.name.text, generic_arguments(own.len()), written.len());
        return err(sp, text);
    }
    let known = own.iter().zip(written).filter(|(_, g)| !matches!(g, Generic::Type(Ty::Any)));
    Ok(known.map(|(p, g)| (p.name.text.clone(), g.clone())).collect())
}

/// Generic parameters as they are written in a call.
fn names_of(generics: &[GenericParam]) -> String {
    generics.iter().map(|g| &*g.name.text).collect::<Vec<_>>().join(", ")
}
