//! Trees: flattening, rebuilding, and doing something leaf by leaf.

use std::rc::Rc;

use crate::trace::value::{StructValue, Traced, Value};

/// The same value with every traced leaf replaced, in order.
pub fn map_leaves(v: &Value, f: &mut impl FnMut(&Traced) -> Traced) -> Value {
    match v {
        Value::Array(t) => Value::Array(f(t)),
        Value::Tuple(items) => Value::Tuple(Rc::new(items.iter().map(|x| map_leaves(x, f)).collect())),
        Value::List(items) => Value::List(Rc::new(items.iter().map(|x| map_leaves(x, f)).collect())),
        Value::Struct(s) => Value::Struct(Rc::new(StructValue {
            ty: s.ty.clone(),
            fields: s.fields.iter().map(|x| map_leaves(x, f)).collect(),
        })),
        Value::Option(Some(x)) => Value::Option(Some(Rc::new(map_leaves(x, f)))),
        Value::Checked(x) => Value::Checked(Rc::new(map_leaves(x, f))),
        other => other.clone(),
    }
}

/// The traced leaves in order.
pub fn leaves(v: &Value) -> Vec<Traced> {
    let mut out = Vec::new();
    map_leaves(v, &mut |t| {
        out.push(t.clone());
        t.clone()
    });
    out
}

/// `v` with its traced leaves replaced by `new`, in order.
pub fn rebuild(v: &Value, new: &[Traced]) -> Value {
    let mut new = new.iter();
    map_leaves(v, &mut |_| new.next().expect("one per leaf").clone())
}

/// The same value with every leaf, traced or number or bool, replaced.
pub fn try_map<E>(v: &Value, f: &mut impl FnMut(&Value) -> Result<Value, E>) -> Result<Value, E> {
    let all = |items: &[Value], f: &mut dyn FnMut(&Value) -> Result<Value, E>| -> Result<Vec<Value>, E> {
        items.iter().map(|x| try_map_dyn(x, f)).collect()
    };
    Ok(match v {
        Value::Tuple(items) => Value::Tuple(Rc::new(all(items, f)?)),
        Value::List(items) => Value::List(Rc::new(all(items, f)?)),
        Value::Struct(s) => Value::Struct(Rc::new(StructValue { ty: s.ty.clone(), fields: all(&s.fields, f)? })),
        Value::Option(Some(x)) => Value::Option(Some(Rc::new(try_map_dyn(x, f)?))),
        Value::Checked(x) => Value::Checked(Rc::new(try_map_dyn(x, f)?)),
        Value::Array(_) | Value::Num(_) | Value::Bool(_) => f(v)?,
        other => other.clone(),
    })
}

fn try_map_dyn<E>(v: &Value, f: &mut dyn FnMut(&Value) -> Result<Value, E>) -> Result<Value, E> {
    try_map(v, &mut |x| f(x))
}

/// The subtrees one level down, if `v` is a tree rather than a leaf.
pub fn children(v: &Value) -> Option<&[Value]> {
    match v {
        Value::Tuple(items) | Value::List(items) => Some(items),
        Value::Struct(s) => Some(&s.fields),
        _ => None,
    }
}

/// `v` with other subtrees one level down.
pub fn with_children(v: &Value, new: Vec<Value>) -> Value {
    match v {
        Value::Tuple(_) => Value::Tuple(Rc::new(new)),
        Value::Struct(s) => Value::Struct(Rc::new(StructValue { ty: s.ty.clone(), fields: new })),
        _ => Value::List(Rc::new(new)),
    }
}

/// A tree rather than an array: a struct, a tuple, or a list of trees. A list of numbers and arrays is an array literal.
pub fn is_tree(v: &Value) -> bool {
    match v {
        Value::Struct(_) | Value::Tuple(_) => true,
        Value::List(items) => items.iter().any(is_tree),
        _ => false,
    }
}

/// Whether two trees have the same structure, so that they can be combined leaf by leaf. Array literals are leaves.
pub fn same_structure(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Struct(x), Value::Struct(y)) if x.ty != y.ty => false,
        (Value::Checked(x), Value::Checked(y)) => same_structure(x, y),
        (Value::Checked(_), _) | (_, Value::Checked(_)) => false,
        _ => match (children(a).filter(|_| is_tree(a)), children(b).filter(|_| is_tree(b))) {
            (Some(x), Some(y)) => x.len() == y.len() && x.iter().zip(y).all(|(a, b)| same_structure(a, b)),
            (None, None) => true,
            _ => false,
        },
    }
}
