//! Structs: literals of them, their fields, complex numbers.

use std::rc::Rc;

use crate::dtype::DType;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, Scope, StructValue, Value};
use crate::trace::{R, Stop, Tracer, err, err_help};

impl<'a> Tracer<'a> {
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
                if &*name.text == "at" {
                    return Err(d.help("`x.at[i]` is followed by what happens there: `x.at[i].set(v)`").into());
                }
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

    pub(super) fn struct_expr(
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
        let known = self.known_struct(path, ctx)?;
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

    /// What the type of a literal is without a look at the fields.
    fn known_struct(&mut self, path: &Path, ctx: &Rc<Ctx>) -> R<Option<Rc<super::value::StructTy>>> {
        let Some(id) = ctx.paths.get(&*path.text) else {
            return Ok(match (path.ident(), &ctx.self_ty) {
                (Some("Self"), Some(Ty::Struct(s))) => Some(s.clone()),
                _ => None,
            });
        };
        let plain = self.items.structs.get(id).is_some_and(|(decl, _)| decl.generics.is_empty());
        if !plain && path.generics.is_empty() {
            return Ok(None);
        }
        let ty = Type { kind: TypeKind::Path(path.clone()), sp: path.sp };
        Ok(match self.resolve_type(&ty, ctx)? {
            Ty::Struct(s) => Some(s),
            _ => None,
        })
    }

    /// `Pair(a, b)` as written.
    pub(super) fn tuple_struct_expr(
        &mut self,
        path: &Path,
        args: &[Arg],
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        let known = self.known_struct(path, ctx)?;
        let wanted: Vec<Ty> = known.iter().flat_map(|s| s.fields.iter().map(|(_, t)| t.clone())).collect();
        let values = self.exprs_as(args.iter().map(|a| &a.value), &wanted, vars, ctx)?;
        let given = values.into_iter().zip(args).map(|(v, a)| (v, a.value.sp)).collect();
        self.tuple_struct(path, given, sp, ctx)
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
}
