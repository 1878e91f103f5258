//! Methods: of arrays and numbers, of slices, of Rust that a kernel cannot have, and functions of dtypes and of `core`.

use std::rc::Rc;

use crate::diag::Diag;
use crate::dtype::DType;
use crate::graph::Aval;
use crate::ops::elementwise::is_half;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::args::{Args, arguments, with_first};
use crate::trace::call::{generic_arguments, holds_all};
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, FnItem, Generic, Iter, Num, Number, Scope, Traced, Value};
use crate::trace::{R, Stop, Tracer, err, err_help};

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
    ("at", "write `x.at[i].set(v)`, or assign: `x[i] = v`, `x[i] += v`"),
    ("to_vec", "a kernel has no `Vec`: arrays are copied by assignment"),
    ("binary_search", "`searchsorted(x, v)` finds the place"),
    ("partial_cmp", "compare with `<`, `==` and `>`"),
    ("total_cmp", "compare with `<`, `==` and `>`"),
    ("cmp", "compare with `<`, `==` and `>`"),
    ("to_string", "a kernel has no strings: `debug_print!(\"{}\", x)` shows a value"),
];

impl<'a> Tracer<'a> {
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
        if let Some(v) = self.at_method(recv, name, args, sp, vars, ctx)? {
            return Ok(v);
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
        if let ("map", Value::Array(_) | Value::List(_), [(Value::Fn(f), _)]) = (&*name.text, &value, &given.pos[..])
            && self.changes_captures(f, vars)
        {
            let f = f.clone();
            let it = self.iter_of(&value, recv.sp)?;
            return self.filled(&f, &it, sp, vars, ctx);
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
                return match self.items.absent.get(&key) {
                    None => Err(Stop::NeedMethod(key.0, key.1, name.sp)),
                    // As of arrays: leaf by leaf, where the function takes trees.
                    Some(_) if self.is_builtin_method(&name.text)? => {
                        self.builtin_method(value, recv.sp, name, given, sp, ctx)
                    }
                    Some(known) => Err(no_method(&s.ty.name, &name.text, known, name.sp).into()),
                };
            };
            let mut all = Args { pos: vec![(value.clone(), recv.sp)], kw: given.kw };
            all.pos.extend(given.pos);
            let own = self.generic_args(generics, ctx)?;
            let given = method_generics(&f, &own, sp)?;
            self.expected = expected;
            let called = self.call_item(&f, &given, all, sp)?;
            self.expect_mut(&called, args, 1, &name.text, vars, ctx)?;
            let mut places = vec![Some(recv)];
            places.extend(args.iter().map(|a| Some(&a.value)));
            return self.write_back(called, places, sp, vars, ctx);
        }
        self.builtin_method(value, recv.sp, name, given, sp, ctx)
    }

    /// Whether a built-in function is a method of that name.
    fn is_builtin_method(&mut self, name: &str) -> R<bool> {
        let function = builtin_name(name, 0);
        Ok(crate::library::is_builtin(function) || self.library_fn(function, false)?.is_some())
    }

    /// `core::array::from_fn(|i| ..)`: as many elements as the place wants, or the turbofish says.
    pub(super) fn array_from_fn(
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
        if self.changes_captures(f, vars) {
            let range = Rc::new(Iter::Range { start: Value::size(0), step: 1, len: n });
            return self.filled(&f.clone(), &range, sp, vars, ctx);
        }
        if n <= LONGEST_WRITTEN_OUT {
            let items = (0..n).map(|i| self.apply(f, vec![Value::size(i)], sp)).collect::<R<_>>()?;
            return Ok(Value::list(items));
        }
        let indices = self.call_builtin("arange", Args::of(vec![Value::size(n)], sp), sp, true)?;
        self.call_builtin("map", Args::of(vec![Value::Fn(f.clone()), indices], sp), sp, true)
    }

    /// `core::mem::swap`, `replace` and `take`.
    pub(super) fn mem_function(
        &mut self,
        f: &Expr,
        args: &[Arg],
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Option<Value>> {
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
            // What `half` calls them.
            ("to_f32" | "to_f64", Value::Array(t)) if is_half(t.aval.dtype) && args.pos.is_empty() => {
                let to = if &*name.text == "to_f32" { DType::F32 } else { DType::F64 };
                return self.convert(t, to, sp).map(Value::Array);
            }
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

    /// `f32::max(a, b)`, `u32::from(x)`.
    pub(super) fn dtype_function(
        &mut self,
        dtype: DType,
        name: &Name,
        mut args: Args,
        sp: Sp,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
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
        if let ("from_f32" | "from_f64" | "from_f32_const" | "from_f64_const", true) = (&*name.text, is_half(dtype)) {
            let from = if name.text.starts_with("from_f32") { DType::F32 } else { DType::F64 };
            let what = format!("what `{}` takes", name.text);
            let first = self.fit(first, &Ty::Array(Aval::scalar(from)), &what, at)?;
            return self.cast(&first, &ty, sp);
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
}

/// What is said of a method that nobody wrote.
pub(super) fn no_method(owner: &str, name: &str, known: &[String], sp: Sp) -> Diag {
    let mut d = Diag::at(sp, format!("`{owner}` has no method `{name}`"));
    let near = crate::library::closest(name, known.iter().map(String::as_str));
    d.help = Some(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write it in a `#[jit] impl {owner}` block"),
    });
    d
}

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
        "next_power_of_two" => "_next_power_of_two",
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
