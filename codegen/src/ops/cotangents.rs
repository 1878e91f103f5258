//! Sums of cotangents.

use crate::graph::{Graph, Var};
use crate::ops::{Neg, add_tangents, pad};

/// A cotangent whose sign is not computed yet.
#[derive(Clone, Copy, Debug)]
pub struct Signed {
    /// What is there.
    pub var: Var,
    /// The cotangent is its negation.
    pub minus: bool,
}

impl Signed {
    /// A value as it is.
    pub fn plus(var: Var) -> Signed {
        Signed { var, minus: false }
    }

    /// What `var` is, looking through a negation among the equations of `g` from number `first` on.
    pub fn of(g: &Graph, first: usize, var: Var) -> Signed {
        let negation = g.eqns[first..].iter().find(|e| e.outputs[..] == [var] && e.op.downcast::<Neg>().is_some());
        match negation {
            Some(eqn) => Signed { var: eqn.inputs[0], minus: true },
            None => Signed::plus(var),
        }
    }

    /// The negation, if `minus`.
    pub fn times(self, minus: bool) -> Signed {
        Signed { minus: self.minus != minus, ..self }
    }

    /// As a value of `g`.
    pub fn value(self, g: &mut Graph) -> Var {
        if self.minus { g.bind1(Neg, &[self.var]) } else { self.var }
    }
}

/// Sum of the cotangents that flow into one value. Those that reach different parts of it are put side by side: no zeros
/// are added.
pub fn sum_cotangents(g: &mut Graph, parts: Vec<Signed>) -> Option<Signed> {
    let (minus, plus): (Vec<Signed>, Vec<Signed>) = parts.into_iter().partition(|part| part.minus);
    let mut sum = |parts: Vec<Signed>| {
        let vars: Vec<Var> = parts.into_iter().map(|part| part.var).collect();
        let vars = if vars.len() > 1 { pad::side_by_side(g, vars) } else { vars };
        vars.into_iter().fold(None, |sum, var| add_tangents(g, sum, Some(var)))
    };
    match (sum(plus), sum(minus)) {
        // What can add itself to an array still does; else this is a difference.
        (Some(plus), Some(minus)) => {
            let minus = g.bind1(Neg, &[minus]);
            add_tangents(g, Some(plus), Some(minus)).map(Signed::plus)
        }
        (None, Some(var)) => Some(Signed { var, minus: true }),
        (plus, None) => plus.map(Signed::plus),
    }
}
