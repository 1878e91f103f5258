//! Calls of kernels that stay calls.
//!
//! The source of a kernel that reaches far is not traced again by each of its callers: they call it. Its body is not here, only its
//! signature; whoever needs more than a plain call, a transformation say, asks the front end for it, and tracing starts again.

use std::rc::Rc;

use crate::dtype::DType;
use crate::graph::Aval;
use crate::ops::{self, call::passed};
use crate::parse::ast::{Param, TypeKind};
use crate::parse::spans::Sp;
use crate::trace::call::Called;
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, FnItem, Scope, StructValue, Traced, Value};
use crate::trace::{Items, R, Stop, Tracer};

/// Bools that a kernel which others call may return or change: they are bytes to it.
const MAX_BOOLS: usize = 64;

/// How other kernels call one: the leaves of what it takes and returns.
#[derive(Debug)]
pub struct Signature {
    /// The leaves of all parameters, and whether each is changed.
    pub params: Vec<(Aval, bool)>,
    /// The leaves of the result.
    pub results: Vec<Aval>,
}

impl Signature {
    /// Of parameters, which may be `&mut`, and a result; `None` if other kernels cannot call a kernel with these.
    pub fn new<'t>(params: impl IntoIterator<Item = (&'t Ty, bool)>, ret: &Ty) -> Option<Signature> {
        let mut leaves = Vec::new();
        for (ty, changes) in params {
            leaves.extend(ty.arrays()?.into_iter().map(|a| (a.clone(), changes)));
        }
        let results: Vec<Aval> = ret.arrays()?.into_iter().cloned().collect();
        let out = Signature { params: leaves, results };
        let bools = out.written().filter(|a| a.dtype == DType::Bool).map(Aval::size).sum::<usize>();
        (out.written().next().is_some() && bools <= MAX_BOOLS).then_some(out)
    }

    /// What it writes: results, then parameters.
    fn written(&self) -> impl Iterator<Item = &Aval> {
        self.results.iter().chain(self.params.iter().filter(|(_, changes)| *changes).map(|(a, _)| a))
    }

    /// The primitive that calls `kernel`.
    fn call(&self, kernel: Rc<str>) -> ops::Call {
        let params = self.params.iter().map(|(a, _)| passed(a)).collect();
        let changes = (0..self.params.len()).filter(|n| self.params[*n].1).collect();
        ops::Call { kernel, params, results: self.written().map(passed).collect(), changes }
    }
}

/// The signature of a function that need not be right beyond it.
pub fn signature_of(items: &Items, map: &crate::parse::spans::SourceMap, f: &Rc<FnItem>) -> Option<Signature> {
    let mut tr = Tracer::new(items, map, &f.function.name.text);
    let ctx = Rc::new(Ctx { paths: f.paths.clone(), generics: Default::default(), self_ty: None, library: false });
    let (params, ret) = tr.types_of(f, &ctx).ok()?;
    Signature::new(params.iter().map(|(ty, changes)| (ty, *changes)), &ret)
}

fn is_changed(p: &Param) -> bool {
    matches!(p.ty.kind, TypeKind::Ref(_, true))
}

impl Tracer<'_> {
    /// The types of the parameters, with whether each is a `&mut`, and that of the result.
    fn types_of(&mut self, f: &FnItem, ctx: &Rc<Ctx>) -> R<(Vec<(Ty, bool)>, Ty)> {
        let one = |p: &Param| Ok((self.resolve_type(&p.ty, ctx)?, is_changed(p)));
        let params = f.function.params.iter().map(one).collect::<R<_>>()?;
        let ret = match &f.function.ret {
            Some(ty) => self.resolve_type(ty, ctx)?,
            None => Ty::Unit,
        };
        Ok((params, ret))
    }

    /// A call of the kernel of `f`, whose parameters are all there is in `vars`; `None` if `f` is no kernel that is called.
    pub fn call_kernel(&mut self, f: &Rc<FnItem>, vars: &Scope, ctx: &Rc<Ctx>, sp: Sp) -> R<Option<Called>> {
        let Some(name) = self.items.callees.get(&f.id).cloned() else { return Ok(None) };
        let body = || Stop::NeedBody(f.id.clone());
        // What is transformed is whole.
        if !self.runs_as_written() || !self.axes.is_empty() || !self.rules.is_empty() {
            return Err(body());
        }
        let (types, ret) = self.types_of(f, ctx)?;
        let Some(signature) = Signature::new(types.iter().map(|(ty, changes)| (ty, *changes)), &ret) else {
            return Err(body());
        };
        let mut leaves = Vec::new();
        // Behind a `&mut` parameter there is its place.
        let mut values = vars.vars.iter();
        for (ty, changes) in &types {
            let Some((_, value)) = values.next() else { return Err(body()) };
            self.leaves_of(value, ty, &mut leaves, sp)?;
            if *changes {
                values.next();
            }
        }
        if leaves.iter().map(|t| &*t.aval).ne(signature.params.iter().map(|(a, _)| a)) {
            return Err(body());
        }
        let call = signature.call(name);
        let as_passed: Vec<Traced> = leaves
            .iter()
            .map(|t| if t.aval.dtype == DType::Bool { self.convert(t, DType::U8, sp) } else { Ok(t.clone()) })
            .collect::<R<_>>()?;
        let outs = self.bind(call, &as_passed.iter().collect::<Vec<_>>(), sp)?;
        let outs: Vec<Traced> = outs
            .into_iter()
            .zip(signature.written())
            .map(|(t, a)| if a.dtype == DType::Bool { self.convert(&t, DType::Bool, sp) } else { Ok(t) })
            .collect::<R<_>>()?;
        let mut outs = outs.into_iter();
        let value = value_of(&ret, &mut outs);
        let changed = types.iter().enumerate().filter(|(_, (_, changes))| *changes);
        let muts = changed.map(|(n, (ty, _))| (n, value_of(ty, &mut outs))).collect();
        Ok(Some(Called { value, muts }))
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
