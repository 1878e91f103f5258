//! Types as written: what they mean once generics are bound, and fitting values to them.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::array::Array;
use crate::diag::Diag;
use crate::dtype::DType;
use crate::graph::Aval;
use crate::ops::{BroadcastInDim, Concatenate, Convert, Reshape};
use crate::parse::ast::{GenericArg, GenericParam, Path, Type, TypeKind};
use crate::parse::spans::Sp;
use crate::trace::value::{Ctx, Generic, Num, Number, Scope, StructTy, Traced, Value, show};
use crate::trace::{R, Tracer, err, err_help, scalar};

/// What a type can be built of, for suggestions.
const DTYPES: &[&str] = &[
    "f32", "f64", "f16", "bf16", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "bool", "usize", "Complex",
    "Option",
];

/// A type with everything known.
#[derive(Clone, Debug, PartialEq)]
pub enum Ty {
    /// A scalar or array of scalars.
    Array(Aval),
    /// `usize`: static.
    Usize,
    /// A struct.
    Struct(Rc<StructTy>),
    /// An array of trees.
    List(Box<Ty>, usize),
    /// A tuple.
    Tuple(Vec<Ty>),
    /// `()`.
    Unit,
    /// `Option<T>`.
    Option(Box<Ty>),
    /// `Result<T, kiln::CheckError>`.
    Checked(Box<Ty>),
    /// A function or anything not said.
    Any,
}

impl Ty {
    /// The arrays that it consists of, in order; `None` if there is anything else in it.
    pub fn arrays(&self) -> Option<Vec<&Aval>> {
        fn all<'t>(types: impl Iterator<Item = &'t Ty>) -> Option<Vec<&'t Aval>> {
            types.map(Ty::arrays).collect::<Option<Vec<_>>>().map(|leaves| leaves.concat())
        }
        match self {
            Ty::Array(a) => Some(vec![a]),
            Ty::Struct(s) => all(s.fields.iter().map(|(_, t)| t)),
            Ty::Tuple(items) => all(items.iter()),
            Ty::List(t, n) => t.arrays().map(|leaves| leaves.repeat(*n)),
            Ty::Unit => Some(Vec::new()),
            _ => None,
        }
    }

    /// The shape, if it is `usize` or an array of them. A kernel returns those as what the indices were computed in.
    pub fn usize_shape(&self) -> Option<Vec<usize>> {
        match self {
            Ty::Usize => Some(Vec::new()),
            Ty::List(elem, n) => elem.usize_shape().map(|mut shape| {
                shape.insert(0, *n);
                shape
            }),
            _ => None,
        }
    }

    /// The way messages write types.
    pub fn describe(&self) -> String {
        match self {
            Ty::Array(a) => show(a),
            Ty::Usize => "usize".into(),
            Ty::Struct(s) => s.describe(),
            Ty::List(t, n) => format!("[{}; {n}]", t.describe()),
            Ty::Tuple(items) => {
                let items: Vec<String> = items.iter().map(Ty::describe).collect();
                format!("({})", items.join(", "))
            }
            Ty::Unit => "()".into(),
            Ty::Option(t) => format!("Option<{}>", t.describe()),
            Ty::Checked(t) => format!("Result<{}, CheckError>", t.describe()),
            Ty::Any => "_".into(),
        }
    }
}

impl<'a> Tracer<'a> {
    /// What `t` means where `ctx` says what names mean.
    pub fn resolve_type(&mut self, t: &Type, ctx: &Rc<Ctx>) -> R<Ty> {
        match &t.kind {
            TypeKind::Ref(inner, _) => self.resolve_type(inner, ctx),
            TypeKind::Infer | TypeKind::ImplFn => Ok(Ty::Any),
            TypeKind::Refused(why, instead) => err_help(t.sp, *why, *instead),
            TypeKind::Tuple(items) if items.is_empty() => Ok(Ty::Unit),
            TypeKind::Tuple(items) => Ok(Ty::Tuple(items.iter().map(|t| self.resolve_type(t, ctx)).collect::<R<_>>()?)),
            TypeKind::Array(elem, len) => {
                let elem_ty = self.resolve_type(elem, ctx)?;
                let n = self.static_size(len, &mut Scope::default(), ctx)?;
                Ok(array_of(elem_ty, n))
            }
            TypeKind::Path(path) => self.resolve_type_path(path, ctx),
        }
    }

    fn resolve_type_path(&mut self, path: &Path, ctx: &Rc<Ctx>) -> R<Ty> {
        if let Some(name) = path.ident() {
            if let Some(dtype) = DType::from_name(name) {
                return Ok(Ty::Array(Aval::scalar(dtype)));
            }
            match name {
                "usize" | "isize" => return Ok(Ty::Usize),
                "Self" => {
                    return match &ctx.self_ty {
                        Some(t) => Ok(t.clone()),
                        None => err(path.sp, "`Self` has no meaning outside an `impl` block"),
                    };
                }
                _ => {}
            }
            if let Some(g) = ctx.generics.get(name) {
                return match g {
                    Generic::Type(t) => Ok(t.clone()),
                    Generic::Const(_) => err(path.sp, format!("`{name}` is a number, not a type")),
                };
            }
        }
        match (path.last(), &path.generics[..]) {
            ("Option", [GenericArg::Type(t)]) => return Ok(Ty::Option(Box::new(self.resolve_type(t, ctx)?))),
            ("Result", [GenericArg::Type(t), error]) => {
                let is_check =
                    matches!(error, GenericArg::Type(Type { kind: TypeKind::Path(p), .. }) if p.last() == "CheckError");
                if !is_check {
                    return err_help(
                        path.sp,
                        "the error of a checked function is `kiln::CheckError`",
                        "write `Result<T, kiln::CheckError>`, and turn the error into another one outside",
                    );
                }
                return Ok(Ty::Checked(Box::new(self.resolve_type(t, ctx)?)));
            }
            ("Complex", [GenericArg::Type(t)]) => {
                return match self.resolve_type(t, ctx)? {
                    Ty::Array(a) if a.dtype == DType::F32 && a.rank() == 0 => Ok(Ty::Array(Aval::scalar(DType::C64))),
                    Ty::Array(a) if a.dtype == DType::F64 && a.rank() == 0 => Ok(Ty::Array(Aval::scalar(DType::C128))),
                    other => err(path.sp, format!("`Complex<{}>` does not exist", other.describe())),
                };
            }
            _ => {}
        }
        let id = ctx.paths.get(&*path.text).cloned();
        if let Some((alias, paths)) = id.as_ref().and_then(|id| self.items.aliases.get(id)).cloned() {
            let args = self.generic_args(&path.generics, ctx)?;
            let generics = alias.generics.iter().map(|p| p.name.text.clone()).zip(args).collect();
            let inner = Rc::new(Ctx { paths, generics, self_ty: None, library: false });
            return self.resolve_type(&alias.ty, &inner);
        }
        match id.filter(|id| self.items.structs.contains_key(id)) {
            Some(id) => {
                let args = self.generic_args(&path.generics, ctx)?;
                self.struct_ty(&id, &args, path.sp)
            }
            None => {
                let structs =
                    ctx.paths.iter().filter(|(_, id)| self.items.structs.contains_key(*id)).map(|(name, _)| &**name);
                let near = crate::library::closest(&path.text, structs.chain(DTYPES.iter().copied()));
                err_help(
                    path.sp,
                    format!("the type `{}` is not known to Kiln", path.text),
                    match (near, path.last()) {
                        (_, "i128" | "u128") => "integers have 64 bits at most: use `i64` or `u64`".into(),
                        (Some(near), _) => format!("did you mean `{near}`?"),
                        (_, "char") => "a character is a byte here: write `u8`".into(),
                        (None, "String" | "str") => {
                            "a kernel takes no text: pass a number, or say it by a `const` generic parameter".into()
                        }
                        (None, "Vec" | "Box") => {
                            "a kernel works on values of fixed size: write `[f32; N]`, with `const N: usize` where it varies".into()
                        }
                        (None, name) => format!("put `#[derive(Tree)]` on `struct {name}`, or use arrays of f32, i32, .."),
                    },
                )
            }
        }
    }

    /// Generic arguments as written.
    pub fn generic_args(&mut self, args: &[GenericArg], ctx: &Rc<Ctx>) -> R<Vec<Generic>> {
        args.iter()
            .map(|a| match a {
                GenericArg::Const(e) => Ok(Generic::Const(self.static_size(e, &mut Scope::default(), ctx)? as i128)),
                // `N` parses as a type; it is a constant if it is bound to one.
                GenericArg::Type(t) => match &t.kind {
                    TypeKind::Path(p) => match self.as_const(p, ctx)? {
                        Some(c) => Ok(Generic::Const(c)),
                        None => Ok(Generic::Type(self.resolve_type(t, ctx)?)),
                    },
                    _ => Ok(Generic::Type(self.resolve_type(t, ctx)?)),
                },
            })
            .collect()
    }

    fn as_const(&mut self, p: &Path, ctx: &Rc<Ctx>) -> R<Option<i128>> {
        if let Some(Generic::Const(c)) = p.ident().and_then(|n| ctx.generics.get(n)) {
            return Ok(Some(*c));
        }
        match ctx.paths.get(&*p.text).cloned() {
            Some(id) if self.items.consts.contains_key(&id) => match self.constant_item(&id, p.sp)? {
                Value::Num(Num { value: Number::Int(i), .. }) => Ok(Some(i)),
                other => err(p.sp, format!("`{}` is {}, not an integer", p.text, other.describe())),
            },
            _ => Ok(None),
        }
    }

    /// The struct `id` with generic arguments `args`.
    pub fn struct_ty(&mut self, id: &str, args: &[Generic], sp: Sp) -> R<Ty> {
        let (decl, paths) = self.items.structs[id].clone();
        if args.len() != decl.generics.len() {
            return err(
                sp,
                format!(
                    "`{}` takes {}, found {}",
                    decl.name.text,
                    super::call::generic_arguments(decl.generics.len()),
                    args.len()
                ),
            );
        }
        if self.structs_in_progress.iter().any(|s| s == id) {
            return err(sp, format!("`{}` contains itself", decl.name.text));
        }
        let generics: Vec<(Rc<str>, Generic)> =
            decl.generics.iter().zip(args).map(|(p, a)| (p.name.text.clone(), a.clone())).collect();
        let ctx = Rc::new(Ctx { paths, generics: generics.iter().cloned().collect(), self_ty: None, library: false });
        self.structs_in_progress.push(id.to_string());
        let fields: R<Vec<_>> =
            decl.fields.iter().map(|(name, t)| Ok((name.clone(), self.resolve_type(t, &ctx)?))).collect();
        self.structs_in_progress.pop();
        Ok(Ty::Struct(Rc::new(StructTy {
            id: id.to_string(),
            name: decl.name.text.clone(),
            generics,
            fields: fields?,
            is_tuple: decl.is_tuple,
        })))
    }

    /// Binds the generics of `params` that `t` mentions so that `value` fits; mismatches are left for [`Tracer::fit`].
    pub fn infer(t: &Type, value: &Value, params: &[GenericParam], bound: &mut BTreeMap<Rc<str>, Generic>) {
        let is_param =
            |name: &str, is_const: bool| params.iter().any(|p| &*p.name.text == name && p.is_const == is_const);
        match (&t.kind, value) {
            (TypeKind::Ref(inner, _), _) => Self::infer(inner, value, params, bound),
            (TypeKind::Tuple(ts), Value::Tuple(vs)) => {
                for (t, v) in ts.iter().zip(vs.iter()) {
                    Self::infer(t, v, params, bound);
                }
            }
            (TypeKind::Array(elem, len), _) => {
                let (n, inner) = match value {
                    Value::Array(a) if a.aval.rank() > 0 => {
                        let mut inner = a.clone();
                        inner.aval = Rc::new(a.aval.unbatched());
                        (a.aval.shape[0], Some(Value::Array(inner)))
                    }
                    Value::List(items) => (items.len(), items.first().cloned()),
                    _ => return,
                };
                if let crate::parse::ast::ExprKind::Path(p) = &len.kind
                    && let Some(name) = p.ident().filter(|n| is_param(n, true))
                {
                    bound.entry(name.into()).or_insert(Generic::Const(n as i128));
                }
                if let Some(inner) = inner {
                    Self::infer(elem, &inner, params, bound);
                }
            }
            (TypeKind::Path(p), _) => {
                if let Some(name) = p.ident().filter(|n| is_param(n, false)) {
                    let Some(ty) = type_of(value) else { return };
                    bound.entry(name.into()).or_insert(Generic::Type(ty));
                    return;
                }
                let Value::Struct(s) = value else { return };
                for (arg, (_, actual)) in p.generics.iter().zip(&s.ty.generics) {
                    if let GenericArg::Type(Type { kind: TypeKind::Path(q), .. }) = arg
                        && let Some(name) = q.ident().filter(|n| params.iter().any(|p| &*p.name.text == *n))
                    {
                        bound.entry(name.into()).or_insert(actual.clone());
                    }
                }
            }
            _ => {}
        }
    }

    /// `value` as a `ty`: literals take the dtype, lists of numbers become arrays; anything else must match. `what` is
    /// how a message names the place: "`x` of `dense`".
    pub fn fit(&mut self, value: Value, ty: &Ty, what: &str, sp: Sp) -> R<Value> {
        let mismatch = |tr: &Tracer<'_>, found: &Value| -> Diag {
            let mut d = Diag::at(sp, format!("{what} is {}, found {}", ty.describe(), found.describe()));
            if let Value::Array(have) = found {
                let name = have.name.as_deref();
                if name.is_some() {
                    d.notes.push(tr.origin(have));
                }
                let place = if what == "the declared type" { "it" } else { what };
                let whole = rust_type(&have.aval);
                if let Ty::Array(want) = ty {
                    d.help = Some(if want.shape == have.aval.shape {
                        format!("convert it: `{} as {}`", name.unwrap_or(".."), want.dtype)
                    } else if want.dtype != have.aval.dtype {
                        format!("declare {place} as `{whole}`")
                    } else if want.size() == have.aval.size() && want.rank() > 0 {
                        format!(
                            "declare {place} as `{whole}`, or write `{}.reshape({})`",
                            name.unwrap_or(".."),
                            tuple_text(&want.shape)
                        )
                    } else {
                        format!("declare {place} as `{whole}`, or reshape or index the value")
                    });
                }
            }
            if let (Ty::Struct(want), Value::List(items)) = (ty, found)
                && matches!(items.first(), Some(Value::Struct(s)) if s.ty == *want)
            {
                d.help = Some(format!(
                    "these are {} trees: index them in a loop, or give every leaf the axis, `tree_map(|a, b| stack((a, b)), ps[0], ps[1])`",
                    items.len()
                ));
            }
            if let Value::Fn(_) = found {
                d.help = Some("a function is called with its arguments, a transformed one too: `grad(f)(x)`".into());
            }
            if let (Ty::Array(want), Value::Num(Num { value: Number::Float(x), dtype: None })) = (ty, found)
                && want.dtype.is_int()
            {
                d.help = Some(format!("write an integer, or convert: `{x:?} as {}`", want.dtype));
            }
            d
        };
        match (ty, value) {
            (_, Value::Poison) => Err(super::Stop::Silent),
            (Ty::Any, v) => Ok(v),
            (Ty::Unit, Value::Unit) => Ok(Value::Unit),
            (Ty::Usize, v) => match &v {
                Value::Num(Num { value: Number::Int(i), .. }) if *i >= 0 => Ok(Value::int(*i)),
                Value::Array(a) if a.aval.rank() == 0 && a.aval.dtype.is_int() => Ok(v),
                _ => Err(mismatch(self, &v).into()),
            },
            (Ty::Array(want), Value::Num(n)) if want.rank() == 0 => match (n.dtype, n.value) {
                (Some(d), _) if d != want.dtype => Err(mismatch(self, &Value::Num(n)).into()),
                (None, Number::Float(_)) if !want.dtype.is_inexact() => Err(mismatch(self, &Value::Num(n)).into()),
                (None, Number::Int(i)) if !super::arith::literal_fits(i, want.dtype) => {
                    Err(Diag::at(sp, format!("{what} is {}, which cannot hold {i}", ty.describe())).into())
                }
                (_, value) => Ok(Value::Num(Num::typed(value, want.dtype))),
            },
            (Ty::Array(want), Value::Bool(b)) if want.rank() == 0 && want.dtype == DType::Bool => Ok(Value::Bool(b)),
            (Ty::Array(want), Value::List(items)) => {
                let t = self.to_traced(&Value::List(items.clone()), Some(want.dtype), sp)?;
                if *t.aval != *want {
                    return Err(mismatch(self, &Value::Array(t)).into());
                }
                Ok(Value::Array(t))
            }
            (Ty::Array(want), Value::Array(have)) => {
                if *have.aval == *want {
                    return Ok(Value::Array(Traced { weak: false, ..have }));
                }
                let literal = have.weak && (want.dtype.is_inexact() || have.aval.dtype.is_int());
                if have.aval.shape == want.shape && literal {
                    return Ok(Value::Array(self.convert_literals(&have, want.dtype, sp)?));
                }
                Err(mismatch(self, &Value::Array(have)).into())
            }
            (Ty::Struct(want), Value::Struct(have)) => {
                if *want == have.ty {
                    Ok(Value::Struct(have))
                } else {
                    Err(mismatch(self, &Value::Struct(have)).into())
                }
            }
            (Ty::List(..), Value::Array(a))
                if a.aval.dtype.is_int() && ty.usize_shape() == Some(a.aval.shape.clone()) =>
            {
                Ok(Value::Array(a))
            }
            (Ty::List(elem, n), Value::List(items)) if items.len() == *n => {
                let items = items.iter().map(|v| self.fit(v.clone(), elem, what, sp)).collect::<R<_>>()?;
                Ok(Value::list(items))
            }
            (Ty::Tuple(tys), Value::Tuple(items)) if items.len() == tys.len() => {
                let items = items.iter().zip(tys).map(|(v, t)| self.fit(v.clone(), t, what, sp)).collect::<R<_>>()?;
                Ok(Value::tuple(items))
            }
            (Ty::Option(_), Value::Option(None)) => Ok(Value::none()),
            (Ty::Option(t), Value::Option(Some(v))) => {
                Ok(Value::Option(Some(Rc::new(self.fit((*v).clone(), t, what, sp)?))))
            }
            (Ty::Checked(t), Value::Checked(v)) => Ok(Value::Checked(Rc::new(self.fit((*v).clone(), t, what, sp)?))),
            (Ty::Checked(_), v) => {
                let mut d = mismatch(self, &v);
                d.help = Some("wrap it: `Ok(..)`".into());
                Err(d.into())
            }
            (_, Value::Checked(v)) => {
                let mut d = mismatch(self, &Value::Checked(v));
                d.help = Some("write `?` behind the call of the checked function".into());
                Err(d.into())
            }
            (_, v) => Err(mismatch(self, &v).into()),
        }
    }

    /// A new traced input (or static stand-in) of type `ty`, with its leaves as inputs of the innermost graph.
    pub fn input_of(&mut self, ty: &Ty, name: &str, sp: Sp) -> R<Value> {
        Ok(match ty {
            Ty::Array(aval) => {
                let mut t = self.input(aval, sp);
                let var = t.tvar.var;
                self.graph().name_var(var, name);
                t.name = Some(name.into());
                Value::Array(t)
            }
            Ty::Struct(s) => {
                let fields =
                    s.fields.iter().map(|(f, t)| self.input_of(t, &format!("{name}.{f}"), sp)).collect::<R<_>>()?;
                Value::Struct(Rc::new(super::value::StructValue { ty: s.clone(), fields }))
            }
            Ty::List(t, n) => {
                Value::list((0..*n).map(|k| self.input_of(t, &format!("{name}[{k}]"), sp)).collect::<R<_>>()?)
            }
            Ty::Tuple(ts) => Value::tuple(
                ts.iter().enumerate().map(|(k, t)| self.input_of(t, &format!("{name}.{k}"), sp)).collect::<R<_>>()?,
            ),
            Ty::Unit => Value::Unit,
            Ty::Usize => {
                return err_help(
                    sp,
                    format!("`{name}: usize` is static, so a kernel cannot take it as an argument"),
                    "make it a const generic, declare it as `u32` or `i32`, or write `#[jit(inline)]` if only `#[jit]` functions call it",
                );
            }
            other => {
                return err_help(
                    sp,
                    format!("a kernel cannot take `{name}: {}`", other.describe()),
                    "write `#[jit(inline)]`: then other `#[jit]` functions can call it",
                );
            }
        })
    }

    /// `value` as one array: numbers and lists become constants or are put together. `dtype` is what literals become.
    pub fn to_traced(&mut self, value: &Value, dtype: Option<DType>, sp: Sp) -> R<Traced> {
        match value {
            Value::Array(t) => match dtype {
                Some(d) if t.weak && t.aval.dtype != d => self.convert_literals(t, d, sp),
                _ => Ok(t.clone()),
            },
            Value::Num(n) => {
                let n = Num { dtype: n.dtype.or(dtype), ..*n };
                Ok(self.number(n, sp))
            }
            Value::Bool(b) => Ok(self.constant(Array::scalar(crate::dtype::Scalar::Bool(*b)), sp)),
            Value::List(items) => self.stack_list(items, dtype, sp),
            Value::Poison => Err(super::Stop::Silent),
            Value::Checked(_) => self.expect_looked_at(value, sp).and_then(|()| err(sp, "expected an array")),
            f @ Value::Fn(_) => err_help(
                sp,
                format!("expected an array, found {}", f.describe()),
                "call it: its arguments stand in parentheses behind it, as in `grad(loss)(w)`",
            ),
            other => err(sp, format!("expected an array, found {}", other.describe())),
        }
    }

    fn stack_list(&mut self, items: &[Value], dtype: Option<DType>, sp: Sp) -> R<Traced> {
        if items.is_empty() {
            let aval = Aval::new(dtype.unwrap_or(DType::F32), &[0]);
            return Ok(self.constant(Array::new(aval, Vec::new()), sp));
        }
        let whole = Value::list(items.to_vec());
        if let Some(array) = literal_array(&whole, dtype) {
            let weak = dtype.is_none() && all_weak(items);
            let own = array.aval().dtype;
            let here = if weak { self.dtype_here(own, sp) } else { own };
            let array = if here == own { Some(array) } else { literal_array(&whole, Some(here)) };
            if let Some(array) = array {
                let mut t = self.constant(array, sp);
                t.weak = weak;
                self.remember_literal(&t, numbers(items), sp);
                return Ok(t);
            }
        }
        let mut parts: Vec<Traced> = items.iter().map(|v| self.to_traced(v, dtype, sp)).collect::<R<_>>()?;
        // Literals take the dtype of the strong elements.
        if let Some(d) = parts.iter().find(|t| !t.weak).map(|t| t.aval.dtype) {
            for t in &mut parts {
                if t.weak && t.aval.dtype != d {
                    *t = self.convert_literals(t, d, sp)?;
                }
            }
        }
        for t in &mut parts {
            let mut shape = vec![1];
            shape.extend(&t.aval.shape);
            *t = self.bind1(Reshape { shape }, &[t], sp)?;
        }
        self.bind1(Concatenate { axis: 0 }, &parts.iter().collect::<Vec<_>>(), sp)
    }

    /// `t` in another dtype.
    pub fn convert(&mut self, t: &Traced, dtype: DType, sp: Sp) -> R<Traced> {
        if t.aval.dtype == dtype {
            return Ok(Traced { weak: false, ..t.clone() });
        }
        if let Some(exact) = self.literal_as(t, dtype, sp) {
            return Ok(Traced { name: t.name.clone(), ..exact });
        }
        let mut out = self.bind1(Convert { dtype }, &[t], sp)?;
        out.weak = false;
        out.name = t.name.clone();
        Ok(out)
    }

    /// `t` repeated to `shape`, which its own shape broadcasts to.
    pub fn broadcast_to(&mut self, t: &Traced, shape: &[usize], sp: Sp) -> R<Traced> {
        if t.aval.shape == shape {
            return Ok(t.clone());
        }
        let lead = shape.len().saturating_sub(t.aval.rank());
        let dims = (lead..shape.len()).collect();
        let mut out = self.bind1(BroadcastInDim { shape: shape.to_vec(), dims }, &[t], sp)?;
        out.weak = t.weak;
        Ok(out)
    }
}

/// The numbers of a literal, row by row.
fn numbers(items: &[Value]) -> Vec<Number> {
    let one = |v: &Value| match v {
        Value::List(items) => numbers(items),
        Value::Num(n) => vec![n.value],
        _ => Vec::new(),
    };
    items.iter().flat_map(one).collect()
}

/// The type of a value, where it has one of its own.
fn type_of(value: &Value) -> Option<Ty> {
    Some(match value {
        Value::Array(a) if !a.weak => Ty::Array((*a.aval).clone()),
        Value::Num(Num { dtype: Some(d), .. }) => Ty::Array(Aval::scalar(*d)),
        Value::Bool(_) => Ty::Array(Aval::scalar(DType::Bool)),
        Value::Struct(s) => Ty::Struct(s.ty.clone()),
        Value::Tuple(items) => Ty::Tuple(items.iter().map(type_of).collect::<Option<_>>()?),
        Value::List(items) => array_of(type_of(items.first()?)?, items.len()),
        Value::Fn(_) => Ty::Any,
        _ => return None,
    })
}

fn all_weak(items: &[Value]) -> bool {
    items.iter().all(|v| match v {
        Value::Num(n) => n.dtype.is_none(),
        Value::List(items) => all_weak(items),
        _ => false,
    })
}

/// The type of the array that a number, an array or a literal of such is, and whether it is weak; `None` if shapes or
/// dtypes differ.
pub fn literal_type(v: &Value) -> Option<(Aval, bool)> {
    match v {
        Value::Array(t) => Some(((*t.aval).clone(), t.weak)),
        Value::Bool(_) => Some((Aval::scalar(DType::Bool), false)),
        Value::Num(n) => {
            let default = match n.value {
                Number::Int(_) => DType::I32,
                Number::Float(_) => DType::F32,
            };
            Some((Aval::scalar(n.dtype.unwrap_or(default)), n.dtype.is_none()))
        }
        Value::List(items) => {
            let (mut item, mut weak) = literal_type(items.first()?)?;
            for (a, w) in items[1..].iter().map(literal_type).collect::<Option<Vec<_>>>()? {
                item.dtype = match (weak, w) {
                    _ if a.shape != item.shape => return None,
                    (true, true) => super::literals::wider(item.dtype, a.dtype),
                    (true, false) => a.dtype,
                    (false, true) => item.dtype,
                    (false, false) if a.dtype == item.dtype => a.dtype,
                    _ => return None,
                };
                weak &= w;
            }
            Some((item.batched(items.len()), weak))
        }
        _ => None,
    }
}

/// A nested list of static numbers as an array; `None` if anything in it is traced or it is ragged.
pub fn literal_array(v: &Value, dtype: Option<DType>) -> Option<Array> {
    fn shape_of(v: &Value) -> Option<Vec<usize>> {
        match v {
            Value::Num(_) | Value::Bool(_) => Some(vec![]),
            Value::List(items) => {
                let mut shape = vec![items.len()];
                let first = shape_of(items.first()?)?;
                items.iter().all(|x| shape_of(x).as_ref() == Some(&first)).then_some(())?;
                shape.extend(first);
                Some(shape)
            }
            _ => None,
        }
    }
    fn collect(v: &Value, out: &mut Vec<Value>) {
        match v {
            Value::List(items) => items.iter().for_each(|x| collect(x, out)),
            other => out.push(other.clone()),
        }
    }
    let shape = shape_of(v)?;
    let mut flat = Vec::new();
    collect(v, &mut flat);
    let mut found = dtype;
    for x in &flat {
        let d = match x {
            Value::Num(n) => n.dtype,
            _ => Some(DType::Bool),
        };
        match (found, d) {
            (None, Some(_)) => found = d,
            (Some(a), Some(b)) if a != b => return None,
            _ => {}
        }
    }
    let float = flat.iter().any(|x| matches!(x, Value::Num(Num { value: Number::Float(_), .. })));
    let long = |x: &Value| matches!(x, Value::Num(Num { value: Number::Int(i), .. }) if i32::try_from(*i).is_err());
    let int = if flat.iter().any(long) { DType::I64 } else { DType::I32 };
    let dtype = found.unwrap_or(if float { DType::F32 } else { int });
    let data = flat
        .iter()
        .map(|x| match x {
            Value::Num(n) => scalar(n.value, dtype),
            Value::Bool(b) => crate::dtype::Scalar::Bool(*b),
            _ => unreachable!("checked by shape_of"),
        })
        .collect::<Vec<_>>();
    if data.iter().any(|s| s.dtype() != dtype) {
        return None;
    }
    Some(Array::new(Aval::new(dtype, &shape), data))
}

fn array_of(elem: Ty, n: usize) -> Ty {
    match elem {
        Ty::Array(a) => Ty::Array(a.batched(n)),
        other => Ty::List(Box::new(other), n),
    }
}

/// `(3, 4)`, `(3,)`.
fn tuple_text(shape: &[usize]) -> String {
    let items: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if items.len() == 1 { "," } else { "" };
    format!("({}{comma})", items.join(", "))
}

/// `[[f32; 64]; 32]`.
pub fn rust_type(a: &Aval) -> String {
    let name = match a.dtype {
        DType::C64 => "Complex<f32>".to_string(),
        DType::C128 => "Complex<f64>".to_string(),
        d => d.to_string(),
    };
    a.shape.iter().rev().fold(name, |t, n| format!("[{t}; {n}]"))
}
