//! Walking and rewriting the expressions of a nest.

use std::collections::HashMap;

use crate::dtype::DType;
use crate::ops::Op;
use crate::schedule::body::{Ex, Exprs, Node};
use crate::schedule::ix::{Atom, Ix};
use crate::schedule::program::{Fold, Nest, Store};
use crate::schedule::weight::is_call;

/// Operands of a node, those inside its indices included.
pub fn operands(node: &Node) -> Vec<Ex> {
    let mut out = Vec::new();
    let mut of_ix = |ix: &Ix| {
        ix.visit(&mut |a| {
            if let Atom::Value { ex, .. } = a {
                out.push(*ex);
            }
        });
    };
    match node {
        Node::Load { at, .. } => of_ix(at),
        Node::Index(ix) | Node::InRange(ix, _, _) => of_ix(ix),
        Node::Apply(_, args) => out.extend(args),
        Node::Const(_) | Node::Folded(_) => {}
    }
    out
}

/// The index of a node, if it has one.
pub fn index(node: &Node) -> Option<&Ix> {
    match node {
        Node::Load { at, .. } => Some(at),
        Node::Index(ix) | Node::InRange(ix, _, _) => Some(ix),
        _ => None,
    }
}

/// Calls `f` on every node that `ex` depends on, once.
pub fn visit(exprs: &Exprs, ex: Ex, f: &mut impl FnMut(&Node)) {
    for e in needed(exprs, &[ex]) {
        f(exprs.node(e));
    }
}

/// Everything that `roots` depend on, operands first.
pub fn needed(exprs: &Exprs, roots: &[Ex]) -> Vec<Ex> {
    let mut seen = vec![false; exprs.len()];
    let mut stack: Vec<Ex> = roots.to_vec();
    while let Some(e) = stack.pop() {
        if !std::mem::replace(&mut seen[e.0 as usize], true) {
            stack.extend(operands(exprs.node(e)));
        }
    }
    (0..exprs.len() as u32).filter(|n| seen[*n as usize]).map(Ex).collect()
}

/// Axes that an index mentions, nested ones included.
pub fn axes_of(ix: &Ix) -> Vec<u32> {
    let mut out = Vec::new();
    ix.visit(&mut |a| {
        if let Atom::Axis { id, .. } = a {
            out.push(*id);
        }
    });
    out
}

/// Makes one loop of neighbouring axes that every index runs over as one.
pub fn merge_axes(mut nest: Nest) -> Nest {
    let mut d = 0;
    while d + 1 < nest.extents.len() {
        if mergeable(&nest, d) { nest = merged(nest, d) } else { d += 1 }
    }
    nest
}

fn mergeable(nest: &Nest, d: usize) -> bool {
    let inner = nest.extents[d + 1] as i64;
    let (a, b) = (d as u32, d as u32 + 1);
    let fits = |ix: &Ix| {
        let mut at_top = [0i64; 2];
        let mut nested = false;
        for (atom, c) in &ix.terms {
            match atom {
                Atom::Axis { id, .. } if *id == a => at_top[0] = *c,
                Atom::Axis { id, .. } if *id == b => at_top[1] = *c,
                Atom::Div(x, _) | Atom::Rem(x, _) => nested |= axes_of(x).iter().any(|i| *i == a || *i == b),
                _ => {}
            }
        }
        !nested && at_top[0] == at_top[1] * inner
    };
    nest.extents[d] > 1
        && nest.extents[d + 1] > 1
        && nest.stores.iter().all(|s| fits(&s.at))
        && (0..nest.exprs.len() as u32).all(|n| index(nest.exprs.node(Ex(n))).is_none_or(fits))
}

/// The nest with axes `d` and `d + 1` as one.
fn merged(nest: Nest, d: usize) -> Nest {
    let (outer, inner) = (nest.extents[d], nest.extents[d + 1]);
    let whole = outer * inner;
    let mut axis = |atom: &Atom| match atom {
        Atom::Axis { id, .. } if *id == d as u32 => Some(Ix::constant(0)),
        Atom::Axis { id, .. } if *id == d as u32 + 1 => Some(Ix::axis(d as u32, whole)),
        Atom::Axis { id, extent } if *id > d as u32 + 1 => Some(Ix::axis(id - 1, *extent as usize)),
        _ => None,
    };
    let (exprs, map) = rewrite(&nest.exprs, &mut axis);
    let of = |s: &Store| Store { value: map[&s.value], at: map_ix(&s.at, &map, &mut axis) };
    let stores = nest.stores.iter().map(of).collect();
    let mut extents = nest.extents;
    extents.splice(d..d + 2, [whole]);
    let folds = nest
        .folds
        .into_iter()
        .map(|f| Fold {
            item: map[&f.item],
            start: f.start.map(|e| map[&e]),
            axes: f.axes.iter().map(|(id, n)| (id - 1, *n)).collect(),
            ..f
        })
        .collect();
    Nest { extents, exprs, folds, stores }
}

/// Rebuilds expressions with other indices.
pub fn rewrite(exprs: &Exprs, axis: &mut impl FnMut(&Atom) -> Option<Ix>) -> (Exprs, HashMap<Ex, Ex>) {
    let mut out = Exprs::default();
    let map = import(&mut out, (exprs, &all(exprs)), axis, &mut |_| None);
    (out, map)
}

/// All expressions, operands first.
pub fn all(exprs: &Exprs) -> Vec<Ex> {
    (0..exprs.len() as u32).map(Ex).collect()
}

/// What takes the place of a node.
#[derive(Debug)]
pub enum Instead {
    /// An expression that is there.
    Known(Ex),
    /// Another node.
    Other(Node),
}

/// Writes expressions, operands first, behind others, with other indices; `instead` says what takes the place of a node that has them.
pub fn import(
    out: &mut Exprs,
    (exprs, which): (&Exprs, &[Ex]),
    axis: &mut impl FnMut(&Atom) -> Option<Ix>,
    instead: &mut impl FnMut(&Node) -> Option<Instead>,
) -> HashMap<Ex, Ex> {
    let mut map: HashMap<Ex, Ex> = HashMap::new();
    for e in which {
        let dtype = exprs.dtype(*e);
        let node = match exprs.node(*e) {
            Node::Load { buffer, at } => Node::Load { buffer: *buffer, at: map_ix(at, &map, axis) },
            Node::Index(ix) => Node::Index(map_ix(ix, &map, axis)),
            Node::InRange(ix, lo, hi) => Node::InRange(map_ix(ix, &map, axis), *lo, *hi),
            Node::Apply(text, args) => {
                let args: Vec<Ex> = args.iter().map(|a| map[a]).collect();
                map.insert(*e, out.apply(exprs.op(text).clone(), &args));
                continue;
            }
            other => other.clone(),
        };
        let new = match instead(&node) {
            Some(Instead::Known(ex)) => ex,
            Some(Instead::Other(node)) => out.intern(node, dtype),
            None => out.intern(node, dtype),
        };
        map.insert(*e, new);
    }
    map
}

/// Whether all that is read and stored lies side by side, or in one place, along the innermost axis.
pub fn is_side_by_side(nest: &Nest) -> bool {
    let Some(last) = nest.extents.iter().rposition(|n| *n != 1) else { return true };
    let in_step = |ix: &Ix| {
        ix.terms.iter().all(|(atom, c)| match atom {
            Atom::Axis { id, .. } => *id != last as u32 || *c == 1,
            Atom::Value { .. } => false,
            _ => !axes_of(&Ix { terms: vec![(atom.clone(), 1)], offset: 0 }).contains(&(last as u32)),
        })
    };
    let nodes = needed(&nest.exprs, &nest.values().collect::<Vec<_>>());
    nest.stores.iter().all(|s| in_step(&s.at)) && nodes.iter().all(|e| index(nest.exprs.node(*e)).is_none_or(in_step))
}

/// The elementary functions that are called for what is stored.
pub fn called(nest: &Nest) -> impl Iterator<Item = &Op> {
    let nodes = needed(&nest.exprs, &nest.values().collect::<Vec<_>>());
    nodes.into_iter().filter_map(|e| match nest.exprs.node(e) {
        Node::Apply(text, args) => {
            let dtypes: Vec<DType> = args.iter().map(|a| nest.exprs.dtype(*a)).collect();
            let op = nest.exprs.op(text);
            is_call(op, &dtypes, nest.exprs.dtype(e)).then_some(op)
        }
        _ => None,
    })
}

fn map_ix(ix: &Ix, map: &HashMap<Ex, Ex>, axis: &mut impl FnMut(&Atom) -> Option<Ix>) -> Ix {
    ix.substitute(&mut |atom| match atom {
        Atom::Value { ex, max } => Some(Ix::value(map[ex], *max as usize)),
        other => axis(other),
    })
}
