//! What is known of integers while compiling: between which two numbers all elements of a value lie.
//!
//! Loops know their counters, so most indices in them are known to be inside of what they index, and need no checking there.

use std::collections::HashMap;

use crate::dtype::DType;
use crate::graph::{Eqn, Graph, Var};
use crate::ops::*;

/// The least and the largest element, as far as known.
pub type Range = (i128, i128);

/// Constants of more elements are not looked through.
const MAX_SEEN: usize = 1024;

/// What is known of values.
#[derive(Clone, Debug, Default)]
pub struct Ranges(HashMap<Var, Range>);

impl Ranges {
    /// What is known of the inputs of `g`, in order; of those that are left out, nothing.
    pub fn of_inputs(g: &Graph, known: &[Option<Range>]) -> Ranges {
        let known = g.inputs.iter().zip(known).filter_map(|(v, range)| Some((*v, (*range)?)));
        Ranges(known.collect())
    }

    /// What is known of `v`.
    pub fn get(&self, v: Var) -> Option<Range> {
        self.0.get(&v).copied()
    }

    /// Takes in the result of an equation, whose operands it has seen.
    pub fn see(&mut self, g: &Graph, eqn: &Eqn) {
        let [out] = eqn.outputs[..] else { return };
        let dtype = g.dtype(out);
        let range = if dtype.is_int() { self.result(g, eqn) } else { None };
        let (min, max) = if dtype.is_int() { dtype.int_range() } else { (0, 0) };
        // What leaves the type wraps, and may be anything.
        self.0.extend(range.filter(|(lo, hi)| min <= *lo && *hi <= max).map(|range| (out, range)));
    }

    fn result(&self, g: &Graph, eqn: &Eqn) -> Option<Range> {
        let x = |n: usize| self.get(*eqn.inputs.get(n)?);
        let both = |f: fn(Range, Range) -> Range| Some(f(x(0)?, x(1)?));
        let hull = |a: Range, b: Range| (a.0.min(b.0), a.1.max(b.1));
        let op = &eqn.op;
        if let Some(c) = op.downcast::<Constant>() {
            let values = c.value.data().iter().take(MAX_SEEN + 1).map(|x| x.to_i128());
            let values = values.collect::<Option<Vec<i128>>>().filter(|values| values.len() <= MAX_SEEN)?;
            return Some((*values.iter().min()?, *values.iter().max()?));
        }
        if let Some(iota) = op.downcast::<Iota>() {
            return Some((0, *iota.aval.shape.get(iota.dimension)? as i128 - 1)).filter(|(lo, hi)| lo <= hi);
        }
        if op.downcast::<Convert>().is_some() {
            return match g.dtype(eqn.inputs[0]) {
                DType::Bool => Some((0, 1)),
                d if d.is_int() => x(0),
                _ => None,
            };
        }
        if op.downcast::<Add>().is_some() {
            return both(|a, b| (a.0 + b.0, a.1 + b.1));
        }
        if op.downcast::<Sub>().is_some() {
            return both(|a, b| (a.0 - b.1, a.1 - b.0));
        }
        if op.downcast::<Mul>().is_some() {
            let (a, b) = (x(0)?, x(1)?);
            let products = [a.0.checked_mul(b.0)?, a.0.checked_mul(b.1)?, a.1.checked_mul(b.0)?, a.1.checked_mul(b.1)?];
            return Some((*products.iter().min()?, *products.iter().max()?));
        }
        if op.downcast::<Max>().is_some() {
            return both(|a, b| (a.0.max(b.0), a.1.max(b.1)));
        }
        if op.downcast::<Min>().is_some() {
            return both(|a, b| (a.0.min(b.0), a.1.min(b.1)));
        }
        if op.downcast::<Select>().is_some() {
            return Some(hull(x(1)?, x(2)?));
        }
        if op.downcast::<Concatenate>().is_some() {
            return (1..eqn.inputs.len()).try_fold(x(0)?, |range, n| Some(hull(range, x(n)?)));
        }
        let moves = op.downcast::<Reshape>().is_some()
            || op.downcast::<BroadcastInDim>().is_some()
            || op.downcast::<Transpose>().is_some()
            || op.downcast::<Slice>().is_some()
            || op.downcast::<Rev>().is_some();
        if moves { x(0) } else { None }
    }
}
