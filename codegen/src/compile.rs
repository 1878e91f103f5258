//! From a [`Unit`] to a [`Kernel`]: parse, trace, optimise, schedule, emit.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::diag::Diag;
use crate::graph::Graph;
use crate::parse::spans::{SourceMap, Sp, Spans};
use crate::parse::{ast, convert_alias, convert_const, convert_fn, convert_method, convert_struct};
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, FnItem, Scope, Traced, Value};
use crate::trace::{Items, Stop, Tracer, tree};
use crate::unit::{Item, ItemId, Unit};

/// Parses every item of a unit.
pub fn parse_items(unit: &Unit) -> (Items, Spans) {
    let mut spans = Spans::default();
    let mut items = Items::default();
    for (id, record) in &unit.items {
        spans.set_local(record.local);
        let paths = Rc::new(record.paths.clone());
        match &record.item {
            Item::Fn(f) => {
                let function = convert_fn(&mut spans, f);
                items.fns.insert(id.clone(), Rc::new(FnItem { id: id.clone(), function, paths, library: false }));
            }
            Item::Method { owner, generics, self_ty, method } => {
                let function = convert_method(&mut spans, generics, self_ty, method);
                let key = (owner.clone(), function.name.text.to_string());
                let item = Rc::new(FnItem { id: id.clone(), function, paths, library: false });
                items.methods.insert(key, item.clone());
                items.fns.insert(id.clone(), item);
            }
            Item::Struct(s) => {
                items.structs.insert(id.clone(), (Rc::new(convert_struct(&mut spans, s)), paths));
            }
            Item::Alias(a) => {
                items.aliases.insert(id.clone(), (Rc::new(convert_alias(&mut spans, a)), paths));
            }
            Item::Const(c) => {
                items.consts.insert(id.clone(), (Rc::new(convert_const(&mut spans, c)), paths));
            }
        }
    }
    (items, spans)
}

/// A parameter of a traced entry.
#[derive(Debug, Clone)]
pub struct EntryParam {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Ty,
    /// Taken by `&mut`.
    pub mutable: bool,
    /// Number of leaves.
    pub n_leaves: usize,
}

/// A traced entry: the graph takes the leaves of the parameters; it yields the leaves of the result, then those of the
/// final values of the `&mut` parameters, in order.
#[derive(Debug)]
pub struct Traced0 {
    /// The graph.
    pub graph: Graph,
    /// Parameters in order.
    pub params: Vec<EntryParam>,
    /// Type of the result.
    pub ret: Ty,
    /// Number of leaves of the result.
    pub n_ret: usize,
}

/// What tracing an entry comes to.
#[derive(Debug)]
pub enum Entry {
    /// A graph.
    Done(Box<Traced0>),
    /// Mistakes.
    Errors(Vec<Diag>),
    /// Methods to fetch first.
    NeedMethods(Vec<(ItemId, String, Sp)>),
}

/// Traces the entry `id`.
pub fn trace_entry(items: &Items, map: &SourceMap, id: &str) -> Entry {
    let f = items.fns[id].clone();
    let decl = &f.function;
    let mut tr = Tracer::new(items, map, &decl.name.text);
    let result = trace_body(&mut tr, &f);
    match result {
        Ok((params, ret, value_leaves, mut_leaves)) if tr.diags.is_empty() && tr.needed.is_empty() => {
            let n_ret = value_leaves.len();
            let outs: Vec<Traced> = value_leaves.into_iter().chain(mut_leaves).collect();
            let graph = tr.finish(&outs);
            Entry::Done(Box::new(Traced0 { graph, params, ret, n_ret }))
        }
        Ok(_) | Err(Stop::Silent) => verdict(tr),
        Err(Stop::NeedMethod(owner, name, sp)) => {
            tr.needed.push((owner, name, sp));
            verdict(tr)
        }
        Err(Stop::Error(d)) => {
            tr.report(*d);
            verdict(tr)
        }
        Err(Stop::Return(_, sp) | Stop::Break(_, sp) | Stop::Continue(sp)) => {
            tr.report(Diag::at(sp, "this leaves nothing"));
            verdict(tr)
        }
    }
}

/// Methods are fetched before mistakes are reported: a missing method may be the cause.
fn verdict(tr: Tracer<'_>) -> Entry {
    if !tr.needed.is_empty() {
        let mut needed = tr.needed;
        needed.sort();
        needed.dedup_by(|a, b| (&a.0, &a.1) == (&b.0, &b.1));
        return Entry::NeedMethods(needed);
    }
    let mut diags = tr.diags;
    if diags.is_empty() {
        diags.push(Diag::at(Sp::default(), "this function could not be traced"));
    }
    Entry::Errors(diags)
}

type Body = (Vec<EntryParam>, Ty, Vec<Traced>, Vec<Traced>);

fn trace_body<'a>(tr: &mut Tracer<'a>, f: &Rc<FnItem>) -> Result<Body, Stop> {
    let decl = &f.function;
    let mut ctx = Ctx { paths: f.paths.clone(), generics: BTreeMap::new(), self_ty: None, library: false };
    if let Some(t) = &decl.self_ty {
        let plain = Rc::new(Ctx { paths: f.paths.clone(), generics: BTreeMap::new(), self_ty: None, library: false });
        ctx.self_ty = Some(tr.resolve_type(t, &plain)?);
    }
    let ctx = Rc::new(ctx);
    let mut vars = Scope::default();
    let mut params = Vec::new();
    let mut mutable = Vec::new();
    for p in &decl.params {
        let ty = tr.resolve_type(&p.ty, &ctx)?;
        let name = match &p.pat.kind {
            ast::PatKind::Bind(name, _) => name.text.clone(),
            _ => return Err(Diag::at(p.pat.sp, "a parameter of a kernel is a name").help("take the value by name and destructure it with `let`").into()),
        };
        let value = tr.input_of(&ty, &name, p.pat.sp)?;
        let is_mut = matches!(p.ty.kind, ast::TypeKind::Ref(_, true));
        params.push(EntryParam {
            name: name.to_string(),
            ty: ty.clone(),
            mutable: is_mut,
            n_leaves: tree::leaves(&value).len(),
        });
        if is_mut {
            mutable.push((name.clone(), ty));
        }
        vars.push(name, value);
    }
    let value = tr.body(decl, &mut vars, &ctx)?;
    let ret = match &decl.ret {
        Some(t) => tr.resolve_type(t, &ctx)?,
        None => Ty::Unit,
    };
    let value_leaves = whole_leaves(tr, &value, &ret)?;
    let mut mut_leaves = Vec::new();
    for (name, ty) in mutable {
        let last = vars.get(&name).cloned().unwrap_or(Value::Poison);
        let last = tr.fit(last, &ty, &format!("`{name}`"), decl.name.sp)?;
        mut_leaves.extend(whole_leaves(tr, &last, &ty)?);
    }
    Ok((params, ret, value_leaves, mut_leaves))
}

/// The leaves of a value with every number made an array.
fn whole_leaves(tr: &mut Tracer<'_>, v: &Value, ty: &Ty) -> Result<Vec<Traced>, Stop> {
    if let (Ty::Array(a), Value::List(_)) = (ty, v) {
        return Ok(vec![tr.to_traced(v, Some(a.dtype), Sp::default())?]);
    }
    let mut out = Vec::new();
    tree::try_map(v, &mut |leaf| -> Result<Value, Stop> {
        let t = tr.to_traced(leaf, None, Sp::default())?;
        out.push(t.clone());
        Ok(Value::Array(t))
    })?;
    Ok(out)
}

#[cfg(test)]
mod tests;
