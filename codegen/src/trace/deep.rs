//! Deep calls. Tracing recurses as deep as calls nest, and it runs on the stack of rustc. So a long way down is cut: some
//! functions on it are traced first, those at the bottom before the others, and their callers take in the finished graph.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::graph::Graph;
use crate::parse::ast::TypeKind;
use crate::parse::spans::Sp;
use crate::trace::value::{FnItem, Traced, Value};
use crate::trace::{Items, Tracer};
use crate::unit::ItemId;

/// Calls inside each other between two cuts. Most programs have none.
const EVERY: usize = 16;

/// Graphs of the functions at which calls are cut.
pub type Cuts = HashMap<ItemId, Rc<Graph>>;

/// Where calls are cut on the way down from `root`, callees first. A function is cut out if what it computes depends on
/// nothing but the arrays that it is given.
pub fn cuts(items: &Items, root: &str) -> Vec<ItemId> {
    let calls = |id: &str| -> Vec<&ItemId> {
        let paths = items.fns.get(id).map(|f| f.paths.values()).into_iter().flatten();
        paths.filter(|id| items.fns.contains_key(*id)).collect()
    };
    let mut out = Vec::new();
    // Calls inside each other down to the nearest cut; `None` while what is below is looked at.
    let mut down: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    let mut stack = vec![root];
    while let Some(id) = stack.last().copied() {
        let below = calls(id);
        if down.insert(id, None).is_none() {
            let open: Vec<&str> = below.iter().map(|id| id.as_str()).filter(|id| !down.contains_key(id)).collect();
            if !open.is_empty() {
                stack.extend(open);
                continue;
            }
        }
        stack.pop();
        // What calls itself is reported while it is traced.
        let depth = 1 + below.iter().filter_map(|id| down.get(id.as_str()).copied().flatten()).max().unwrap_or(0);
        let cut = depth >= EVERY && id != root && items.fns.get(id).is_some_and(|f| can_be_cut(f));
        if cut && !out.iter().any(|known| known == id) {
            out.push(id.to_owned());
        }
        down.insert(id, Some(if cut { 0 } else { depth }));
    }
    out
}

fn can_be_cut(f: &FnItem) -> bool {
    let f = &f.function;
    let changes = |p: &crate::parse::ast::Param| matches!(p.ty.kind, TypeKind::Ref(_, true));
    let plain = f.attrs.iter().all(|a| &*a.name.text == "__kernel");
    f.generics.is_empty() && f.self_ty.is_none() && plain && !f.params.iter().any(changes)
}

impl Tracer<'_> {
    /// The result of a call of a function that was traced before.
    pub fn call_cut(&mut self, graph: &Graph, arrays: &[Traced], sp: Sp) -> Value {
        let args: Vec<_> = arrays.iter().map(|t| self.var(t)).collect();
        let outs = self.graph().inline(graph, &args);
        Value::Array(self.traced(outs[0], sp))
    }
}
