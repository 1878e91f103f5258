//! From a [`Unit`] to a [`Kernel`]: parse, trace, optimise, schedule, emit.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::quote;

use crate::emit::Frame;
use crate::schedule::budget::fit;
use crate::schedule::fuse::Wishes;
use crate::schedule::program::{Dest, Program, Schedule};
use crate::schedule::stack;

use crate::diag::Diag;
use crate::dtype::DType;
use crate::editor::{self, Bound};
use crate::graph::{Graph, Src, Var};
use crate::parse::spans::{SourceMap, Sp, Spans};
use crate::parse::{ast, convert_alias, convert_const, convert_fn, convert_method, convert_struct};
use crate::trace::deep::{self, Cuts};
use crate::trace::loops::Checkpointed;
use crate::trace::types::Ty;
use crate::trace::value::{Ctx, FnItem, Scope, Traced, Value};
use crate::trace::{Items, ParamOrigin, Stop, Tracer, outline, tree};
use crate::unit::{Item, ItemId, Json, Kernel, Outcome, Unit};

mod checkpoints;

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
    items.callees = unit.callees.iter().map(|(id, callee)| (id.clone(), callee.name.as_str().into())).collect();
    items.absent = unit.absent.iter().map(|(key, known)| (key.clone(), known.clone())).collect();
    (items, spans)
}

/// A parameter of a traced entry.
#[derive(Debug, Clone)]
pub struct EntryParam {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Ty,
    /// Taken by reference.
    pub by_ref: bool,
    /// Its type as it is written.
    pub written: ast::Type,
    /// Taken by `&mut`.
    pub mutable: bool,
    /// Number of leaves.
    pub n_leaves: usize,
}

/// A traced entry: the graph takes the leaves of the parameters; it yields the leaves of the result, then those of the
/// final values of the `&mut` parameters, in order.
#[derive(Debug)]
pub struct TracedEntry {
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
    Done(Box<TracedEntry>),
    /// Mistakes.
    Errors(Vec<Diag>),
    /// Methods to fetch first.
    NeedMethods(Vec<(ItemId, String, Sp)>),
    /// Functions of which more is needed than their kernels.
    NeedBodies(Vec<ItemId>),
}

/// Traces the entry `id`.
pub fn trace_entry(items: &Items, map: &SourceMap, id: &str) -> Entry {
    trace_bound(items, map, id).0
}

/// The same, with what names were bound to.
fn trace_bound(items: &Items, map: &SourceMap, id: &str) -> (Entry, Bound) {
    let f = items.fns[id].clone();
    let (mut tr, result) = trace_settled(items, map, &f, &traced_cuts(items, map, id), &Checkpointed::default());
    let bound = std::mem::take(&mut tr.bound);
    (outcome(tr, result), bound)
}

/// The same with other checkpoints in a loop; notes the loops that it sees.
fn trace_checkpointed(items: &Items, map: &SourceMap, id: &str, checkpointed: &mut Checkpointed) -> Entry {
    let f = items.fns[id].clone();
    let (mut tr, result) = trace_settled(items, map, &f, &traced_cuts(items, map, id), checkpointed);
    *checkpointed = std::mem::take(&mut tr.checkpointed);
    outcome(tr, result)
}

fn outcome(mut tr: Tracer<'_>, result: Result<Body, Stop>) -> Entry {
    match result {
        Ok((params, ret, value_leaves, mut_leaves)) if tr.diags.is_empty() && tr.needed.is_empty() => {
            let n_ret = value_leaves.len();
            let outs: Vec<Traced> = value_leaves.into_iter().chain(mut_leaves).collect();
            let graph = tr.finish(&outs);
            Entry::Done(Box::new(TracedEntry { graph, params, ret, n_ret }))
        }
        Ok(_) | Err(Stop::Silent) => verdict(tr),
        Err(Stop::NeedMethod(owner, name, sp)) => {
            tr.needed.push((owner, name, sp));
            verdict(tr)
        }
        Err(Stop::NeedBody(id)) => Entry::NeedBodies(vec![id]),
        Err(Stop::Error(d)) => {
            tr.report(*d);
            verdict(tr)
        }
        Err(Stop::Settle(..)) => verdict(tr),
        Err(
            Stop::Return(_, sp) | Stop::Break(_, sp) | Stop::Continue(sp) | Stop::TracedBreak(sp, _) | Stop::Unroll(sp),
        ) => {
            tr.report(Diag::at(sp, "this leaves nothing"));
            verdict(tr)
        }
    }
}

/// Traces `f`, again for as long as literals turn out to be more precise than they were taken for.
fn trace_settled<'a>(
    items: &'a Items,
    map: &'a SourceMap,
    f: &Rc<FnItem>,
    cuts: &Cuts,
    checkpointed: &Checkpointed,
) -> (Tracer<'a>, Result<Body, Stop>) {
    let mut settled = HashMap::new();
    loop {
        let mut tr = Tracer::new(items, map, &f.function.name.text);
        tr.cuts = cuts.clone();
        tr.checkpointed = checkpointed.clone();
        tr.settled = Rc::new(settled.clone());
        match trace_body(&mut tr, f) {
            // Every site is new, so this ends.
            Err(Stop::Settle(sites, dtype)) => settled.extend(sites.into_iter().map(|site| (site, dtype))),
            result => return (tr, result),
        }
    }
}

/// The graphs of the functions at which the way down from `id` is cut. One that cannot be traced alone is left to its callers,
/// which then report why.
fn traced_cuts(items: &Items, map: &SourceMap, id: &str) -> Cuts {
    let mut cuts = Cuts::new();
    for id in deep::cuts(items, id) {
        let f = items.fns[&id].clone();
        let (tr, result) = trace_settled(items, map, &f, &cuts, &Checkpointed::default());
        if let Ok((_, Ty::Array(_), value, _)) = result
            && tr.diags.is_empty()
            && tr.needed.is_empty()
        {
            let graph = tr.finish(&value);
            if !graph.eqns.iter().any(|e| e.op.has_effect()) {
                cuts.insert(id, Rc::new(graph));
            }
        }
    }
    cuts
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
    // Every parameter is looked at, so that all mistakes in a signature are told together.
    let mut failed = false;
    for ty in decl.params.iter().map(|p| &p.ty).chain(&decl.ret) {
        if let Some(at) = pointer_sized(ty) {
            return Err(Diag::at(at, "`isize` has another size on another target")
                .help("declare it as `i32` or `i64`")
                .into());
        }
    }
    for p in &decl.params {
        let resolved = tr.resolve_type(&p.ty, &ctx);
        let Some(ty) = tr.attempt(resolved)? else {
            failed = true;
            continue;
        };
        let name = match &p.pat.kind {
            ast::PatKind::Bind(name, _) => name.text.clone(),
            _ => {
                return Err(Diag::at(p.pat.sp, "a parameter of a kernel is a name")
                    .help("take the value by name and destructure it with `let`")
                    .into());
            }
        };
        let by_ref = match p.ty.kind {
            ast::TypeKind::Ref(_, true) => "&mut ",
            ast::TypeKind::Ref(_, false) => "&",
            _ => "",
        };
        tr.params.insert(p.pat.sp, ParamOrigin { name: name.clone(), by_ref });
        let input = tr.input_of(&ty, &name, p.pat.sp);
        let Some(value) = tr.attempt(input)? else {
            failed = true;
            continue;
        };
        tr.bound.insert(p.pat.sp, value.clone());
        let is_mut = matches!(p.ty.kind, ast::TypeKind::Ref(_, true));
        params.push(EntryParam {
            name: name.to_string(),
            ty: ty.clone(),
            by_ref: matches!(p.ty.kind, ast::TypeKind::Ref(..)),
            written: p.ty.clone(),
            mutable: is_mut,
            n_leaves: tree::leaves(&value).len(),
        });
        if is_mut {
            let var = vars.push_mut(name.clone(), value);
            mutable.push((name, var, ty));
        } else {
            if !by_ref.is_empty() {
                vars.lent.push(vars.vars.len());
            }
            vars.push(name, value);
            if p.pat.fixed && by_ref.is_empty() {
                vars.fix();
            }
        }
    }
    if failed {
        return Err(Stop::Silent);
    }
    let value = tr.body(decl, &mut vars, &ctx)?;
    let ret = match &decl.ret {
        Some(t) => tr.resolve_type(t, &ctx)?,
        None => Ty::Unit,
    };
    if let Some(written) = decl.ret.as_ref().filter(|_| !is_returned(&ret)) {
        let (text, instead) = match (&ret, &written.kind) {
            (Ty::Option(_), _) => (
                "whether an `Option` has a value is known while compiling, so it is no result of a kernel",
                "return the value and a bool beside it, as in `-> (f32, bool)`",
            ),
            (_, ast::TypeKind::Infer) => ("a kernel declares what it returns", "write the type, as in `-> [f32; 3]`"),
            _ => (
                "a kernel returns arrays, numbers, bools and trees of them",
                "write `#[jit(inline)]` for a function that only others call",
            ),
        };
        return Err(Diag::at(written.sp, text).help(instead).into());
    }
    let value_leaves = whole_leaves(tr, &value, &ret)?;
    let mut mut_leaves = Vec::new();
    for (name, var, ty) in mutable {
        let last = vars.vars[var].1.clone();
        let last = tr.fit(last, &ty, &format!("`{name}`"), decl.name.sp)?;
        mut_leaves.extend(whole_leaves(tr, &last, &ty)?);
    }
    Ok((params, ret, value_leaves, mut_leaves))
}

/// Where a signature says `isize`. A `usize` is an index, which has 32 bits on every target.
fn pointer_sized(ty: &ast::Type) -> Option<Sp> {
    match &ty.kind {
        ast::TypeKind::Path(p) => (p.ident() == Some("isize")).then_some(p.sp),
        ast::TypeKind::Ref(inner, _) | ast::TypeKind::Array(inner, _) => pointer_sized(inner),
        ast::TypeKind::Tuple(items) => items.iter().find_map(pointer_sized),
        _ => None,
    }
}

/// What an index is computed in.
const USIZE: DType = DType::U32;

/// Whether a kernel can return a value of this type.
fn is_returned(ty: &Ty) -> bool {
    match ty {
        Ty::Array(_) | Ty::Unit | Ty::Usize => true,
        Ty::Struct(s) => s.fields.iter().all(|(_, t)| is_returned(t)),
        Ty::Tuple(items) => items.iter().all(is_returned),
        Ty::List(t, _) | Ty::Checked(t) => is_returned(t),
        Ty::Option(_) | Ty::Any => false,
    }
}

/// The leaves of a value with every number made an array.
fn whole_leaves(tr: &mut Tracer<'_>, v: &Value, ty: &Ty) -> Result<Vec<Traced>, Stop> {
    if let (Ty::Checked(ty), Value::Checked(v)) = (ty, v) {
        return whole_leaves(tr, v, ty);
    }
    if let (Ty::Array(a), Value::List(_)) = (ty, v) {
        return Ok(vec![tr.to_traced(v, Some(a.dtype), Sp::default())?]);
    }
    if ty.usize_shape().is_some() {
        let t = tr.to_traced(v, Some(USIZE), Sp::default())?;
        return Ok(vec![tr.convert(&t, USIZE, Sp::default())?]);
    }
    if let (Ty::Tuple(types), Value::Tuple(items)) = (ty, v) {
        let parts: Vec<Vec<Traced>> =
            types.iter().zip(items.iter()).map(|(t, v)| whole_leaves(tr, v, t)).collect::<Result<_, _>>()?;
        return Ok(parts.concat());
    }
    let mut out = Vec::new();
    tree::try_map(v, &mut |leaf| -> Result<Value, Stop> {
        let t = tr.to_traced(leaf, None, Sp::default())?;
        out.push(t.clone());
        Ok(Value::Array(t))
    })?;
    Ok(out)
}

/// Compiles an entry.
pub fn compile(unit: &Unit) -> Outcome {
    let (items, spans) = parse_items(unit);
    let map = spans.map();
    let (entry, bound) = trace_bound(&items, &map, &unit.entry);
    let shadow = || editor::shadow(unit, &items, &spans, &bound);
    match entry {
        Entry::NeedMethods(methods) => Outcome::NeedMethods(
            methods.into_iter().map(|(owner, name, sp)| (owner, ident(&name, spans.tokens(sp).0))).collect(),
        ),
        Entry::NeedBodies(callees) => Outcome::NeedBodies(callees),
        Entry::Errors(diags) => Outcome::Done(Kernel {
            errors: crate::diag::to_tokens(&own_mistakes(diags, &items, &map), &spans, &unit.sources),
            body: quote!(loop {}),
            shadow: shadow(),
            ..stand_in(unit, &items, &map)
        }),
        Entry::Done(traced) => {
            let (mut kernel, over) = kernel(unit, &traced, &spans, &map, items.fns[&unit.entry].function.name.sp);
            if unit.record {
                kernel.record.push(("checkpoints", checkpoints::choices(unit, &items, &map)));
            }
            if let (Some((_, span)), Some(text)) = (unit.options.ram, over) {
                kernel.errors = quote::quote_spanned!(span=> ::core::compile_error! { #text });
            }
            kernel.shadow = shadow();
            Outcome::Done(kernel)
        }
    }
}

/// What other kernels call in place of one that has mistakes.
fn stand_in(unit: &Unit, items: &Items, map: &SourceMap) -> Kernel {
    let signature = unit.called.as_ref().and_then(|_| outline::signature_of(items, map, &items.fns[&unit.entry]));
    let Some(signature) = signature else { return Kernel::default() };
    let form = Called::new(&signature, &unit.workspace);
    Kernel { called: Some(form.function(&quote!(loop {}))), ..Kernel::default() }
}

/// The mistakes that nobody else reports: one inside a callee that has a kernel of its own, and that fails there as well,
/// is told there, once.
fn own_mistakes(mut diags: Vec<Diag>, items: &Items, map: &SourceMap) -> Vec<Diag> {
    let mut fails_itself: BTreeMap<ItemId, bool> = BTreeMap::new();
    diags.retain(|d| {
        let Some(id) = d.within.as_ref().filter(|id| map.place(items.fns[*id].function.name.sp).local) else {
            return true;
        };
        !*fails_itself.entry(id.clone()).or_insert_with(
            || matches!(trace_entry(items, map, id), Entry::Errors(own) if own.iter().any(|d| d.within.is_none())),
        )
    });
    diags
}

/// What a budget that is too small is told: what the program needs as it is, and the buffers that are live together in the
/// smallest form that was found, with their lines. `beside` are the bytes of RAM that are not arena.
fn over_budget(
    natural: &Schedule,
    least: &Schedule,
    limit: usize,
    beside: &dyn Fn(&Schedule) -> usize,
    map: &SourceMap,
) -> String {
    let (smallest, kept) = (least.arena_bytes + beside(least), natural.arena_bytes + beside(natural));
    let beside = beside(least);
    let mut text = format!(
        "this kernel needs {smallest} bytes of RAM, {limit} are allowed: {} of arena, {beside} of stack and result",
        least.arena_bytes
    );
    if kept > smallest {
        text.push_str(&format!("\n         {kept} bytes without computing anything twice"));
    }
    for (b, bytes) in least.peak.iter().take(8) {
        let buffer = &least.buffers[*b as usize];
        let name = if buffer.name.is_empty() { "an intermediate result" } else { &buffer.name };
        let line = map.line_column(Sp(buffer.src.0)).map(|l| format!("   line {l}")).unwrap_or_default();
        text.push_str(&format!("\n         {name}: {}, {bytes} bytes{line}", crate::trace::value::show(&buffer.aval)));
    }
    text.push_str(&format!("\n       help: the smallest budget that works is `ram = {smallest}`"));
    text
}

/// The graph that is scheduled.
fn optimised(unit: &Unit, t: &TracedEntry, map: &SourceMap) -> Graph {
    let options = &unit.options;
    let line = |src: crate::graph::Src| map.place(Sp(src.0)).line;
    let graph = match options.debug_nans {
        true => &crate::passes::nans::debug_nans(&t.graph, &line, !matches!(t.ret, Ty::Checked(_))),
        false => &t.graph,
    };
    match options.unfused {
        true => crate::passes::dce(&crate::passes::prepare(graph)),
        false if options.fast => crate::passes::optimise_fast(graph),
        false => crate::passes::optimise(graph),
    }
}

/// Code and facts for a traced entry, and what is wrong with its budget.
fn kernel(unit: &Unit, t: &TracedEntry, spans: &Spans, map: &SourceMap, name: Sp) -> (Kernel, Option<String>) {
    let options = &unit.options;
    let graph = optimised(unit, t, map);
    let mut binds = TokenStream::new();
    let mut inputs = Vec::new();
    for p in &t.params {
        let name = match p.name.as_str() {
            "self" => unit.receiver.clone(),
            name => ident(name, Span::call_site()),
        };
        take_apart((&p.ty, Some(&p.written)), &name, p.by_ref, p.mutable, &mut binds, &mut inputs);
    }
    let mut program = program(t, graph);
    let wishes = Wishes { unfused: options.unfused, inside: false };
    let mut schedule = crate::schedule::fuse::fuse_as(&program, wishes);
    crate::schedule::plan::plan(&mut schedule);
    let result = result_bytes(&t.ret);
    let beside = |s: &Schedule| result + stack::bytes(s);
    let ram = |s: &Schedule| s.arena_bytes + beside(s);
    let mut over = None;
    if let Some((limit, _)) = options.ram.filter(|(limit, _)| ram(&schedule) > *limit) {
        let mut fitted = fit(&program, wishes, limit.saturating_sub(beside(&schedule)));
        // Other kernels may need more stack.
        if fitted.schedule.arena_bytes <= limit && ram(&fitted.schedule) > limit {
            let again = fit(&program, wishes, limit.saturating_sub(beside(&fitted.schedule)));
            if ram(&again.schedule) < ram(&fitted.schedule) {
                fitted = again;
            }
        }
        if ram(&fitted.schedule) <= limit {
            (program, schedule) = (fitted.program, fitted.schedule);
        } else {
            let least = fit(&program, wishes, 0).schedule;
            let least = if ram(&least) < ram(&fitted.schedule) { least } else { fitted.schedule };
            over = Some(over_budget(&schedule, &least, limit, &beside, map));
        }
    }
    let mut results = Vec::new();
    let mut declare = TokenStream::new();
    let overwritten = schedule.overwritten_results();
    let assembled = returned(&t.ret, &overwritten, &mut results, &mut declare);
    // What other kernels call takes leaves, whatever they are leaves of.
    let form = unit.called.as_ref().and_then(|module| {
        let signature = outline::Signature::new(t.params.iter().map(|p| (&p.ty, p.mutable)), &t.ret)?;
        let form = Called::new(&signature, &unit.workspace);
        let call = form.call(module, &inputs, &results);
        (inputs, results) = form.places();
        Some((form, call))
    });
    let other = calls_of(unit, &schedule);
    let aside = form.as_ref().map_or(0, |(form, _)| form.stack_bytes());
    let stack_bytes = stack::bytes(&schedule) + aside;
    let callees = other.kernels.iter().map(|c| (c.callee.name.clone(), c.callee.module.clone())).collect();
    let (observed, fast) = (options.unfused, options.fast);
    let bytes = form.is_some();
    let frame = Frame { inputs, results, bytes, workspace: unit.workspace.clone(), callees, observed, fast };
    let code = crate::emit::emit(&schedule, &frame);
    let reproducible = (!fast && has_floats(&program.graph)).then(|| {
        quote!(
            const _: () = ::kiln::rt::reproducible();
        )
    });
    let flops = crate::ops::region::flops(&program.graph);
    let flash_const_bytes = code.static_bytes();
    let mut record = Vec::new();
    if unit.record {
        let numbers = [
            ("ram_bytes", (ram(&schedule) + aside) as u64),
            ("flash_const_bytes", flash_const_bytes as u64),
            ("flops", flops),
        ];
        record.extend(identity(unit, map.place(name)));
        record.extend(numbers.map(|(name, n)| (name, Json::Number(n))));
        record.extend(called::fields(unit, &other, stack_bytes, result));
        let file = &map.place(name).file;
        let lines = |src: Src| {
            let place = map.place(Sp(src.0));
            (place.line > 0).then(|| (place.file.clone(), place.line, place.column))
        };
        record.extend(crate::record::fields(&program.graph, &schedule, &code, file, &lines));
    }
    let (items, units) = (code.items, at_their_lines(code.units, &code.functions, spans, map));
    let calls = at_their_lines(code.calls, &code.functions, spans, map);
    let (called, calls) = match form {
        Some((form, call)) => (Some(form.function(&calls)), call),
        None => (None, calls),
    };
    let kernel = Kernel {
        errors: TokenStream::new(),
        items: quote!(#reproducible #items #units),
        body: quote!(#binds #declare #calls #assembled),
        form: form_of(&t.ret),
        arena_bytes: schedule.arena_bytes,
        stack_bytes,
        result_bytes: result,
        flash_const_bytes,
        flops,
        calls: other,
        called,
        graph: crate::text::print(&program.graph, &|src| map.line_column(Sp(src.0))),
        shadow: TokenStream::new(),
        record,
    };
    (kernel, over)
}

/// Whether anything in `graph` computes with floats.
fn has_floats(graph: &Graph) -> bool {
    let inexact = |v: &Var| graph.aval(*v).dtype.is_inexact();
    graph.eqns.iter().any(|eqn| {
        eqn.inputs.iter().chain(&eqn.outputs).any(inexact) || eqn.op.subgraphs().iter().any(|inner| has_floats(inner))
    })
}

/// The graph of an entry with the meaning of its inputs and results.
pub fn program(t: &TracedEntry, graph: Graph) -> Program {
    let mut mutable = Vec::new();
    let mut dests: Vec<Dest> = (0..t.n_ret).map(Dest::Return).collect();
    for p in &t.params {
        let first = mutable.len();
        mutable.resize(first + p.n_leaves, p.mutable);
        if p.mutable {
            dests.extend((first..first + p.n_leaves).map(Dest::Param));
        }
    }
    Program { graph, mutable, dests }
}

/// The calls of the emitted functions, each at the expression that it computes: a debugger stops at its line.
fn at_their_lines(calls: TokenStream, functions: &[(String, Src)], spans: &Spans, map: &SourceMap) -> TokenStream {
    let place = |(name, src): &(String, Src)| {
        let sp = Sp(src.0);
        (map.place(sp).line > 0).then(|| (name.clone(), spans.tokens(sp).0))
    };
    // Where a function has several calls, all are at the first.
    let places: HashMap<String, Span> = functions.iter().rev().filter_map(place).collect();
    placed(calls, &places)
}

/// Only the name of the function and its parentheses move: everything else is looked up where the macro stands.
fn placed(tokens: TokenStream, places: &HashMap<String, Span>) -> TokenStream {
    let mut call: Option<Span> = None;
    let one = |token| match token {
        TokenTree::Ident(mut name) => {
            if let Some(span) = places.get(&name.to_string()) {
                name.set_span(*span);
                call = Some(*span);
            }
            name.into()
        }
        TokenTree::Group(g) => {
            let mut group = Group::new(g.delimiter(), placed(g.stream(), places));
            group.set_span(call.take().filter(|_| g.delimiter() == Delimiter::Parenthesis).unwrap_or(g.span()));
            group.into()
        }
        token => token,
    };
    tokens.into_iter().map(one).collect()
}

/// What a record says first: what the kernel is called, where it is written, and what was asked of it.
fn identity(unit: &Unit, at: &crate::parse::spans::Place) -> Vec<(&'static str, Json)> {
    let name = match &unit.items[&unit.entry].item {
        Item::Method { self_ty, method, .. } => match &**self_ty {
            syn::Type::Path(p) => {
                let of = p.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
                format!("{of}::{}", method.sig.ident)
            }
            _ => method.sig.ident.to_string(),
        },
        Item::Fn(f) => f.sig.ident.to_string(),
        _ => String::new(),
    };
    let o = &unit.options;
    let asked = [(o.fast, "fast"), (o.unfused, "unfused"), (o.debug_nans, "debug_nans"), (o.offload, "offload")];
    let asked = asked.iter().filter(|(on, _)| *on).map(|(_, name)| Json::Text((*name).into())).collect();
    vec![
        ("name", Json::Text(name)),
        ("file", Json::Text(at.file.clone())),
        ("line", Json::Number(at.line as u64)),
        ("options", Json::List(asked)),
        ("ram_limit", o.ram.map_or(Json::Null, |(n, _)| Json::Number(n as u64))),
    ]
}

/// A name as an identifier, raw where it is a word of the language.
fn ident(name: &str, span: Span) -> Ident {
    match syn::parse_str::<Ident>(name) {
        Ok(_) => Ident::new(name, span),
        Err(_) => Ident::new_raw(name, span),
    }
}

/// What names of parts of `name` begin with.
fn stem(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_string()
}

/// Names for the leaves of a parameter; what reads or writes them goes through references.
fn take_apart(
    (ty, written): (&Ty, Option<&ast::Type>),
    name: &Ident,
    is_ref: bool,
    mutable: bool,
    binds: &mut TokenStream,
    leaves: &mut Vec<TokenStream>,
) {
    let stem = stem(name);
    match ty {
        Ty::Array(_) => leaves.push(if is_ref { quote!(*#name) } else { quote!(#name) }),
        Ty::Struct(s) => {
            let parts: Vec<Ident> =
                s.fields.iter().map(|(f, _)| Ident::new(&format!("{stem}_{f}"), Span::mixed_site())).collect();
            let take = Ident::new(if mutable { "__kiln_parts_mut" } else { "__kiln_parts" }, Span::call_site());
            binds.extend(quote!(let (#(#parts,)*) = #name.#take();));
            for (part, (_, t)) in parts.iter().zip(&s.fields) {
                take_apart((t, None), part, true, mutable, binds, leaves);
            }
        }
        Ty::Tuple(items) => {
            let parts: Vec<Ident> =
                (0..items.len()).map(|n| Ident::new(&format!("{stem}_{n}"), Span::mixed_site())).collect();
            let (borrow, place) =
                (if mutable { quote!(&mut) } else { quote!(&) }, if is_ref { quote!(*#name) } else { quote!(#name) });
            binds.extend(quote!(let (#(#parts,)*) = #borrow #place;));
            for (n, (part, t)) in parts.iter().zip(items).enumerate() {
                let written = written.and_then(|w| match &behind_references(w).kind {
                    ast::TypeKind::Tuple(types) => types.get(n),
                    _ => None,
                });
                if written.is_some_and(|w| matches!(w.kind, ast::TypeKind::Ref(..))) {
                    binds.extend(quote!(let #part = &**#part;));
                }
                take_apart((t, written), part, true, mutable, binds, leaves);
            }
        }
        Ty::List(t, n) => {
            let parts: Vec<Ident> = (0..*n).map(|k| Ident::new(&format!("{stem}_{k}"), Span::mixed_site())).collect();
            let (borrow, place) =
                (if mutable { quote!(&mut) } else { quote!(&) }, if is_ref { quote!(*#name) } else { quote!(#name) });
            binds.extend(quote!(let [#(#parts),*] = #borrow #place;));
            let written = written.and_then(|w| match &behind_references(w).kind {
                ast::TypeKind::Array(item, _) => Some(&**item),
                _ => None,
            });
            for part in &parts {
                take_apart((t, written), part, true, mutable, binds, leaves);
            }
        }
        _ => {}
    }
}

fn behind_references(ty: &ast::Type) -> &ast::Type {
    match &ty.kind {
        ast::TypeKind::Ref(inner, _) => behind_references(inner),
        _ => ty,
    }
}

mod called;
mod result;

use called::{Called, calls_of};
use result::{form_of, result_bytes, returned};

#[cfg(test)]
mod tests;
