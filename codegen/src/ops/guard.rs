//! Selections in loop bodies: reading an operand only where it exists.

use crate::dtype::Scalar;
use crate::ops::{And, Select};
use crate::schedule::body::{Body, Ex, Exprs, Node};

/// All of `conditions`, without those that are known to hold; `None` if nothing is left to ask.
pub fn all(k: &mut Body<'_>, conditions: &[Ex]) -> Option<Ex> {
    let mut out: Option<Ex> = None;
    for c in conditions {
        if *k.exprs.node(*c) != Node::Const(Scalar::Bool(true)) {
            out = Some(match out {
                Some(sofar) => k.apply(And, &[sofar, *c]),
                None => *c,
            });
        }
    }
    out
}

/// `yes` where all of `conditions` hold, else `no`.
pub fn select(k: &mut Body<'_>, conditions: &[Ex], yes: Ex, no: Ex) -> Ex {
    match all(k, conditions) {
        None => yes,
        Some(c) if *k.exprs.node(c) == Node::Const(Scalar::Bool(false)) => no,
        Some(c) => k.apply(Select, &[c, yes, no]),
    }
}

/// `yes` where all of `conditions` hold, else zero.
pub fn or_zero(k: &mut Body<'_>, conditions: &[Ex], yes: Ex) -> Ex {
    let zero = k.constant(Scalar::zero(k.exprs.dtype(yes)));
    select(k, conditions, yes, zero)
}

/// The other way round: the conditions under which `ex` is anything but zero, and what it is then.
pub fn conditions(exprs: &Exprs, ex: Ex) -> (Vec<Ex>, Ex) {
    if let Node::Apply(text, args) = exprs.node(ex)
        && exprs.op(text).downcast::<Select>().is_some()
        && let [when, value, zero] = args[..]
        && matches!(exprs.node(zero), Node::Const(x) if x.is_exactly(0.0))
    {
        return (conjunction(exprs, when), value);
    }
    (Vec::new(), ex)
}

fn conjunction(exprs: &Exprs, ex: Ex) -> Vec<Ex> {
    match exprs.node(ex) {
        Node::Apply(text, args) if exprs.op(text).downcast::<And>().is_some() => {
            args.iter().flat_map(|x| conjunction(exprs, *x)).collect()
        }
        _ => vec![ex],
    }
}
