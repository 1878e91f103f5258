//! Paths: variables, constants, functions, associated items, and what is said of a name that means nothing.

use std::rc::Rc;

use crate::dtype::DType;
use crate::ops::elementwise::is_half;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, FnValue, Generic, Num, Number, Scope, Value};
use crate::trace::{R, Stop, Tracer, err, err_help, methods};

impl<'a> Tracer<'a> {
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
                let generics = methods::method_generics(&f, &written, p.sp)?;
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
            let function = methods::builtin_name(method, 1);
            let known = matches!(method, "from" | "from_bits" | "from_le_bytes" | "from_be_bytes" | "from_ne_bytes")
                || matches!(method, "from_f32" | "from_f64" | "from_f32_const" | "from_f64_const")
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
        if p.last() == "Complex" && !ctx.paths.contains_key(&*p.text) {
            // `Complex::<f32>` where a dtype stands.
            return match self.generic_args(&p.generics, ctx)?[..] {
                [] => Ok(Value::DType(DType::C64)),
                [Generic::Type(Ty::Array(ref a))] if a.dtype == DType::F32 => Ok(Value::DType(DType::C64)),
                [Generic::Type(Ty::Array(ref a))] if a.dtype == DType::F64 => Ok(Value::DType(DType::C128)),
                _ => err_help(p.sp, "complex numbers are made of `f32` or `f64`", "write `Complex::<f32>`"),
            };
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
    pub(super) fn associated(&mut self, p: &Path, owner: &str, method: &str, ctx: &Rc<Ctx>) -> R<Option<Value>> {
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
                let mut generics = methods::method_generics(&f, &written, p.sp)?;
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
            None => {
                let key = (id, method.to_string());
                match (self.items.absent.get(&key), self.items.structs.get(&key.0)) {
                    (Some(known), Some((s, _))) => Err(methods::no_method(&s.name.text, method, known, p.sp).into()),
                    _ => Err(Stop::NeedMethod(key.0, key.1, p.sp)),
                }
            }
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
}

/// A name that means nothing: the nearest one that does, of a variable first.
pub(super) fn unknown(p: &Path, vars: &Scope, ctx: &Ctx) -> crate::diag::Diag {
    let d = crate::diag::Diag::at(p.sp, format!("`{}` is not known here", p.text));
    if let Some((module, name)) = p.text.rsplit_once("::") {
        if let Some(dtype) = module.split("::").find_map(DType::from_name) {
            return d.help(format!("{dtype} has `MAX`, `MIN`, `EPSILON`, `consts::PI` and so on, as in Rust"));
        }
        if crate::library::is_builtin(name) {
            return d.help(format!("write `{name}`: it is in scope without import"));
        }
    }
    if let Some(instead) = crate::library::elsewhere(&p.text) {
        return d.help(instead);
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
            "ZERO" if is_half(dtype) => 0.0,
            "ONE" if is_half(dtype) => 1.0,
            "NEG_ONE" if is_half(dtype) => -1.0,
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
