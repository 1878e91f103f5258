//! `tree::`: what `jax.tree` has, for structures that are known while tracing.

use std::rc::Rc;

use crate::library::Table;
use crate::parse::spans::Sp;
use crate::trace::args::Args;
use crate::trace::value::{FnValue, Value};
use crate::trace::{R, Tracer, err, err_help, tree};

pub const TABLE: Table = &[
    ("tree_map", map),
    ("tree_map_items", map),
    ("tree_leaves", |_, args, sp| Ok(Value::list(leaves(&args.bind("tree::leaves", &["tree"], 1, sp)?.want("tree"))))),
    ("tree_flatten", |_, args, sp| {
        let t = args.bind("tree::flatten", &["tree"], 1, sp)?.want("tree");
        Ok(Value::tuple(vec![Value::list(leaves(&t)), structure(&t)]))
    }),
    ("tree_structure", |_, args, sp| Ok(structure(&args.bind("tree::structure", &["tree"], 1, sp)?.want("tree")))),
    ("tree_unflatten", unflatten),
    ("tree_transpose", transpose),
    ("tree_reduce", reduce),
    ("tree_all", |tr, args, sp| {
        let b = args.bind("tree::all", &["tree"], 1, sp)?;
        let mut out = Value::Bool(true);
        for leaf in leaves(&b.want("tree")) {
            let word = Args::of(vec![out, leaf], sp);
            out = tr.call_builtin("logical_and", word, sp, true)?;
        }
        Ok(out)
    }),
];

/// The leaves in order; what arithmetic takes as one array is one leaf.
fn leaves(v: &Value) -> Vec<Value> {
    match tree::children(v).filter(|_| tree::is_tree(v)) {
        Some(items) => items.iter().flat_map(leaves).collect(),
        None if matches!(v, Value::Unit | Value::Option(None)) => Vec::new(),
        None => vec![v.clone()],
    }
}

/// The tree with its leaves replaced by their numbers, which is what a structure is.
fn structure(v: &Value) -> Value {
    let mut n = -1;
    fill(v, &mut || {
        n += 1;
        Some(Value::int(n))
    })
    .unwrap_or(Value::Unit)
}

/// `like` with its leaves taken from `next`.
fn fill(like: &Value, next: &mut impl FnMut() -> Option<Value>) -> Option<Value> {
    match tree::children(like).filter(|_| tree::is_tree(like)) {
        Some(items) => {
            let new = items.iter().map(|x| fill(x, next)).collect::<Option<Vec<Value>>>()?;
            Some(tree::with_children(like, new))
        }
        None if matches!(like, Value::Unit | Value::Option(None)) => Some(like.clone()),
        None => next(),
    }
}

/// `tree::unflatten(structure, leaves)`.
fn unflatten(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("tree::unflatten", &["treedef", "leaves"], 2, sp)?;
    let (like, given) = (b.want("treedef"), b.want("leaves"));
    // An array literal of traced scalars is an array by now.
    let rows = match &given {
        Value::Array(t) if t.aval.rank() > 0 => {
            Some((0..t.aval.shape[0]).map(|n| tr.item_at(t, n, sp)).collect::<R<Vec<Value>>>()?)
        }
        _ => None,
    };
    let Some(items) = rows.as_deref().or(tree::children(&given)) else {
        let text = format!("`tree::unflatten` takes a list of leaves, found {}", given.describe());
        return err_help(b.sp("leaves"), text, "take them from `tree::leaves`");
    };
    let want = leaves(&like).len();
    if items.len() != want {
        return err(b.sp("leaves"), format!("this structure has {want} leaves, found {}", items.len()));
    }
    let mut items = items.iter().cloned();
    Ok(fill(&like, &mut || items.next()).unwrap_or(Value::Unit))
}

/// `tree::transpose(outer, inner, tree)`: a tree of trees with the levels exchanged.
fn transpose(_tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("tree::transpose", &["outer_treedef", "inner_treedef", "tree"], 3, sp)?;
    let (outer, inner, t) = (b.want("outer_treedef"), b.want("inner_treedef"), b.want("tree"));
    let (all, n_outer, n_inner) = (leaves(&t), leaves(&outer).len(), leaves(&inner).len());
    if all.len() != n_outer * n_inner {
        let text = format!("the structures have {n_outer} and {n_inner} leaves, the tree has {}", all.len());
        return err(b.sp("tree"), text);
    }
    let mut k = 0;
    let out = fill(&inner, &mut || {
        let mut n = 0;
        k += 1;
        fill(&outer, &mut || {
            n += 1;
            Some(all[(n - 1) * n_inner + k - 1].clone())
        })
    });
    Ok(out.unwrap_or(Value::Unit))
}

/// `tree::reduce(f, tree, initializer)`.
fn reduce(tr: &mut Tracer<'_>, args: Args, sp: Sp) -> R<Value> {
    let b = args.bind("tree::reduce", &["function", "tree", "initializer"], 2, sp)?;
    let f = b.function("function")?;
    let mut items = leaves(&b.want("tree")).into_iter();
    let Some(mut out) = b.get("initializer").cloned().or_else(|| items.next()) else {
        return err_help(b.sp("tree"), "this tree has no leaves to reduce", "give `initializer = ..`");
    };
    for x in items {
        out = tr.apply(&f, vec![out, x], sp)?;
    }
    Ok(out)
}

/// `tree_map(f, t, u, ..)`.
fn map(tr: &mut Tracer<'_>, mut args: Args, sp: Sp) -> R<Value> {
    if args.pos.len() < 2 {
        return err_help(sp, "`tree_map` needs a function and a tree", "write `tree_map(|a| .., t)`");
    }
    let (f, at) = args.pos.remove(0);
    let Value::Fn(f) = f else { return err(at, format!("`tree_map` needs a function, found {}", f.describe())) };
    let trees: Vec<Value> = args.pos.into_iter().map(|(v, _)| v).collect();
    map_trees(tr, &f, &trees, sp)
}

fn map_trees(tr: &mut Tracer<'_>, f: &Rc<FnValue>, trees: &[Value], sp: Sp) -> R<Value> {
    if matches!(trees[0], Value::Unit | Value::Option(None)) {
        return Ok(trees[0].clone());
    }
    if !tree::is_tree(&trees[0]) {
        return tr.apply(f, trees.to_vec(), sp);
    }
    let first = tree::children(&trees[0]).unwrap_or(&[]).to_vec();
    let mut rest = Vec::new();
    for t in &trees[1..] {
        match tree::children(t) {
            Some(c) if c.len() == first.len() => rest.push(c.to_vec()),
            _ => return err(sp, format!("`tree_map` cannot pair {} with {}", trees[0].describe(), t.describe())),
        }
    }
    let mut new = Vec::new();
    for (n, x) in first.into_iter().enumerate() {
        let mut all = vec![x];
        all.extend(rest.iter().map(|r| r[n].clone()));
        new.push(map_trees(tr, f, &all, sp)?);
    }
    Ok(tree::with_children(&trees[0], new))
}
