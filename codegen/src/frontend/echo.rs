//! A compiler that says what it was given, for tests of the front end.

use std::collections::BTreeSet;
use std::fmt::Write;

use proc_macro2::Ident;
use quote::{ToTokens, quote};
use syn::visit::{self, Visit};

use crate::unit::{Item, ItemId, Kernel, Outcome, Unit, member_id};

/// Answers with a kernel whose graph lists the items of the unit by name, each with the items that its paths name, and
/// whose body returns a value of the right type only by not returning. Methods are looked for where a body says
/// `Type::name` or `self.name(..)`.
pub fn compile(unit: &Unit) -> Outcome {
    // It says what is reached, and so has to have it.
    if !unit.callees.is_empty() {
        return Outcome::NeedBodies(unit.callees.keys().cloned().collect());
    }
    let mut wanted = Vec::new();
    for record in unit.items.values() {
        let mut calls = Calls { paths: &record.paths, found: Vec::new() };
        match &record.item {
            Item::Fn(f) => calls.visit_block(&f.block),
            Item::Method { method, .. } => calls.visit_block(&method.block),
            _ => {}
        }
        wanted.extend(
            calls
                .found
                .into_iter()
                .filter(|(owner, name)| !unit.items.contains_key(&member_id(owner, &name.to_string()))),
        );
    }
    if !wanted.is_empty() {
        return Outcome::NeedMethods(wanted);
    }
    let mut lines = BTreeSet::new();
    for (id, record) in &unit.items {
        let names: Vec<String> =
            record.paths.iter().map(|(path, id)| format!("{path}={}", name(&unit.items[id].item))).collect();
        let mark = if *id == unit.entry { "*" } else { "" };
        let from = if record.local { "" } else { "^" };
        lines.insert(format!("{mark}{from}{} [{}]", name(&record.item), names.join(" ")));
    }
    let mut graph = lines.into_iter().collect::<Vec<_>>().join("; ");
    let options = &unit.options;
    for (set, text) in [
        (options.fast, "fast"),
        (options.unfused, "unfused"),
        (options.debug_nans, "debug_nans"),
        (options.offload, "offload"),
    ] {
        if set {
            let _ = write!(graph, "; {text}");
        }
    }
    let (flops, ram_bytes) = (unit.items.len() as u64, options.ram.map_or(8, |(bytes, _)| bytes));
    let ws = &unit.workspace;
    let body = quote!({ let _ = #ws; loop {} });
    let stack_bytes = ram_bytes.saturating_sub(8);
    Outcome::Done(Kernel { body, arena_bytes: 8, stack_bytes, flops, graph, ..Kernel::default() })
}

fn name(item: &Item) -> String {
    match item {
        Item::Fn(f) => f.sig.ident.to_string(),
        Item::Struct(s) => s.ident.to_string(),
        Item::Const(c) => c.ident.to_string(),
        Item::Alias(t) => t.ident.to_string(),
        Item::Method { self_ty, method, .. } => {
            format!("{}::{}", self_ty.to_token_stream(), method.sig.ident).replace(' ', "")
        }
    }
}

struct Calls<'a> {
    paths: &'a std::collections::BTreeMap<String, ItemId>,
    found: Vec<(ItemId, Ident)>,
}

impl<'ast> Visit<'ast> for Calls<'_> {
    fn visit_expr_path(&mut self, e: &'ast syn::ExprPath) {
        let names: Vec<String> = e.path.segments.iter().map(|s| s.ident.to_string()).collect();
        if let (Some(last), [owner @ .., _]) = (e.path.segments.last(), &names[..])
            && let Some(id) = self.paths.get(&owner.join("::"))
        {
            self.found.push((id.clone(), last.ident.clone()));
        }
        visit::visit_expr_path(self, e);
    }

    fn visit_expr_method_call(&mut self, e: &'ast syn::ExprMethodCall) {
        let on_self = matches!(&*e.receiver, syn::Expr::Path(p) if p.path.is_ident("self"));
        if let (true, Some(id)) = (on_self, self.paths.get("Self")) {
            self.found.push((id.clone(), e.method.clone()));
        }
        visit::visit_expr_method_call(self, e);
    }
}
