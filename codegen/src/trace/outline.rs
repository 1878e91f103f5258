//! Calls of kernels that stay calls.
//!
//! The source of a kernel that reaches far is not traced again by each of its callers: they call it. Its body is not here, only its
//! signature; whoever needs more than a plain call, a transformation say, asks the front end for it, and tracing starts again.

use std::rc::Rc;

use crate::dtype::DType;
use crate::graph::Aval;
use crate::ops::{self, call::is_passed};
use crate::parse::spans::Sp;
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, FnItem, Scope, StructValue, Traced, Value};
use crate::trace::{Items, R, Stop, Tracer};

/// The types of what a kernel hands to another, leaf by leaf; `None` where it cannot.
pub fn passed(ty: &Ty) -> Option<Vec<Aval>> {
    let leaves = ty.arrays()?;
    leaves.iter().all(|a| is_passed(a.dtype)).then(|| leaves.into_iter().cloned().collect())
}

/// The types of the leaves of all parameters, and those of the result, if other kernels can call one with these.
pub fn signature<'t>(params: impl IntoIterator<Item = &'t Ty>, ret: &Ty) -> Option<(Vec<Aval>, Vec<Aval>)> {
    let params = params.into_iter().map(passed).collect::<Option<Vec<_>>>()?.concat();
    Some((params, passed(ret).filter(|ret| !ret.is_empty())?))
}

/// [`signature`] of a function that need not be right beyond it.
pub fn signature_of(
    items: &Items,
    map: &crate::parse::spans::SourceMap,
    f: &Rc<FnItem>,
) -> Option<(Vec<Aval>, Vec<Aval>)> {
    let mut tr = Tracer::new(items, map, &f.function.name.text);
    let ctx = Rc::new(Ctx { paths: f.paths.clone(), generics: Default::default(), self_ty: None, library: false });
    let (params, ret) = tr.types_of(f, &ctx).ok()?;
    signature(&params, &ret)
}

impl Tracer<'_> {
    fn types_of(&mut self, f: &FnItem, ctx: &Rc<Ctx>) -> R<(Vec<Ty>, Ty)> {
        let params = f.function.params.iter().map(|p| self.resolve_type(&p.ty, ctx)).collect::<R<_>>()?;
        let ret = match &f.function.ret {
            Some(ty) => self.resolve_type(ty, ctx)?,
            None => Ty::Unit,
        };
        Ok((params, ret))
    }

    /// A call of the kernel of `f`, whose parameters are all there is in `vars`; `None` if `f` is no kernel that is called.
    pub fn call_kernel(&mut self, f: &Rc<FnItem>, vars: &Scope, ctx: &Rc<Ctx>, sp: Sp) -> R<Option<Value>> {
        let Some(name) = self.items.callees.get(&f.id).cloned() else { return Ok(None) };
        let body = || Stop::NeedBody(f.id.clone());
        // What is transformed, looped over or branched to is a graph of its own, and whole.
        if self.frame_id() != 0 || !self.axes.is_empty() || !self.rules.is_empty() {
            return Err(body());
        }
        let (types, ret) = self.types_of(f, ctx)?;
        let Some((params, results)) = signature(&types, &ret) else { return Err(body()) };
        let mut leaves = Vec::new();
        for (ty, (_, value)) in types.iter().zip(&vars.vars) {
            self.leaves_of(value, ty, &mut leaves, sp)?;
        }
        let leaves: Vec<&Traced> = leaves.iter().collect();
        if leaves.iter().map(|t| &*t.aval).ne(&params) {
            return Err(body());
        }
        let mut outs = self.bind(ops::Call { kernel: name, params, results }, &leaves, sp)?.into_iter();
        Ok(Some(value_of(&ret, &mut outs)))
    }

    /// The leaves of a value of type `ty`, numbers made arrays.
    fn leaves_of(&mut self, value: &Value, ty: &Ty, out: &mut Vec<Traced>, sp: Sp) -> R<()> {
        match (ty, value) {
            (Ty::Struct(s), Value::Struct(v)) => {
                s.fields.iter().zip(&v.fields).try_for_each(|((_, t), v)| self.leaves_of(v, t, out, sp))
            }
            (Ty::Tuple(types), Value::Tuple(items)) => {
                types.iter().zip(items.iter()).try_for_each(|(t, v)| self.leaves_of(v, t, out, sp))
            }
            (Ty::List(t, _), Value::List(items)) => items.iter().try_for_each(|v| self.leaves_of(v, t, out, sp)),
            (Ty::Unit, _) => Ok(()),
            _ => {
                let dtype = if let Ty::Array(a) = ty { Some(a.dtype) } else { None::<DType> };
                let t = self.to_traced(value, dtype, sp)?;
                out.push(t);
                Ok(())
            }
        }
    }
}

/// A value of type `ty` from its leaves.
fn value_of(ty: &Ty, leaves: &mut dyn Iterator<Item = Traced>) -> Value {
    match ty {
        Ty::Array(_) => leaves.next().map_or(Value::Poison, |mut t| {
            t.weak = false;
            Value::Array(t)
        }),
        Ty::Struct(s) => {
            let fields = s.fields.iter().map(|(_, t)| value_of(t, leaves)).collect();
            Value::Struct(Rc::new(StructValue { ty: s.clone(), fields }))
        }
        Ty::Tuple(items) => Value::tuple(items.iter().map(|t| value_of(t, leaves)).collect()),
        Ty::List(t, n) => Value::list((0..*n).map(|_| value_of(t, leaves)).collect()),
        _ => Value::Unit,
    }
}
