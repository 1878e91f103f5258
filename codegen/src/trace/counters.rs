//! What is known while tracing about integers that only the run knows: how far two of them lie apart, between which
//! values one lies, which loop's counter it is made of.

use std::collections::BTreeMap;

use crate::dtype::DType;
use crate::graph::{Eqn, Graph, Var};
use crate::ops::{Add, Constant, Convert, Max, Min, Mul, Neg, Sub};
use crate::parse::spans::Sp;
use crate::trace::value::{TVar, Traced};
use crate::trace::{R, RolledLoop, Tracer};

/// An integer as a sum of multiples of variables, as far as that can be seen.
#[derive(Default)]
struct Linear {
    terms: BTreeMap<Var, i128>,
    constant: i128,
}

impl Linear {
    fn of(g: &Graph, v: Var) -> Linear {
        let atom = || Linear { terms: BTreeMap::from([(v, 1)]), constant: 0 };
        let Some(eqn) = g.eqns.iter().rev().find(|e| e.outputs.contains(&v)) else { return atom() };
        if let Some(c) = eqn.op.downcast::<Constant>() {
            let value = c.value.data().first().and_then(|x| x.to_i128());
            return value.map_or_else(atom, |constant| Linear { constant, ..Linear::default() });
        }
        // Conversions between integers keep every index that lies inside an array.
        if eqn.op.downcast::<Convert>().is_some() && g.dtype(eqn.inputs[0]).is_int() {
            return Linear::of(g, eqn.inputs[0]);
        }
        let [sum, difference, product] = [
            eqn.op.downcast::<Add>().is_some(),
            eqn.op.downcast::<Sub>().is_some(),
            eqn.op.downcast::<Mul>().is_some(),
        ];
        if !(sum || difference || product) {
            return atom();
        }
        let (mut x, mut y) = (Linear::of(g, eqn.inputs[0]), Linear::of(g, eqn.inputs[1]));
        if product {
            if x.terms.is_empty() {
                std::mem::swap(&mut x, &mut y);
            }
            if !y.terms.is_empty() {
                return atom();
            }
            x.scale(y.constant);
        } else {
            y.scale(if difference { -1 } else { 1 });
            x.add(&y);
        }
        x
    }

    fn scale(&mut self, k: i128) {
        self.constant = self.constant.saturating_mul(k);
        self.terms.values_mut().for_each(|c| *c = c.saturating_mul(k));
        self.terms.retain(|_, c| *c != 0);
    }

    fn add(&mut self, other: &Linear) {
        self.constant = self.constant.saturating_add(other.constant);
        for (v, c) in &other.terms {
            let sum = self.terms.entry(*v).or_insert(0);
            *sum = sum.saturating_add(*c);
        }
        self.terms.retain(|_, c| *c != 0);
    }
}

impl<'a> Tracer<'a> {
    /// `b - a`, if it is the same in every run.
    pub fn distance(&mut self, a: &Traced, b: &Traced) -> Option<i128> {
        let (a, b) = (self.var(a), self.var(b));
        let (mut a, b) = (Linear::of(self.graph(), a), Linear::of(self.graph(), b));
        a.scale(-1);
        a.add(&b);
        a.terms.is_empty().then_some(a.constant)
    }

    /// The innermost loop whose counter `t` is made of, if it is made of counters and constants only.
    pub fn counter_behind(&mut self, t: &Traced) -> Option<RolledLoop> {
        let mut found: Option<usize> = None;
        let mut todo = vec![t.tvar];
        while let Some(v) = todo.pop() {
            if let Some(n) = self.loops.iter().position(|l| l.counter == v) {
                found = found.max(Some(n));
                continue;
            }
            let frame = self.frames.iter().find(|f| f.id == v.frame)?;
            if let Some((outer, _)) = frame.captures.iter().find(|(_, own)| *own == v.var) {
                todo.push(outer.tvar);
                continue;
            }
            let eqn = frame.graph.eqns.iter().rev().find(|e| e.outputs.contains(&v.var))?;
            todo.extend(eqn.inputs.iter().map(|var| TVar { frame: v.frame, var: *var }));
        }
        found.map(|n| self.loops[n])
    }

    /// What stands behind a variable: it is followed into the graphs around until something computes it.
    pub(super) fn origin_of(&self, v: TVar) -> Option<(TVar, Option<&Eqn>)> {
        let frame = self.frames.iter().find(|f| f.id == v.frame)?;
        if let Some((outer, _)) = frame.captures.iter().find(|(_, own)| *own == v.var) {
            return self.origin_of(outer.tvar);
        }
        Some((v, frame.graph.eqns.iter().rev().find(|e| e.outputs.contains(&v.var))))
    }

    /// The least and the greatest value of an integer made of constants and counters of loops.
    pub fn interval(&self, v: TVar) -> Option<(i128, i128)> {
        if let Some(l) = self.loops.iter().find(|l| l.counter == v) {
            return Some((0, l.length as i128 - 1));
        }
        let (v, eqn) = self.origin_of(v)?;
        let Some(eqn) = eqn else {
            let l = self.loops.iter().find(|l| l.counter == v)?;
            return Some((0, l.length as i128 - 1));
        };
        if let Some(c) = eqn.op.downcast::<Constant>() {
            let i = c.value.data().first()?.to_i128()?;
            return Some((i, i));
        }
        let of = |n: usize| self.interval(TVar { frame: v.frame, var: *eqn.inputs.get(n)? });
        if eqn.op.downcast::<Convert>().is_some() {
            return of(0);
        }
        let (a, b) = of(0)?;
        if eqn.op.downcast::<Neg>().is_some() {
            return Some((-b, -a));
        }
        let (c, d) = of(1)?;
        if eqn.op.downcast::<Add>().is_some() {
            Some((a.checked_add(c)?, b.checked_add(d)?))
        } else if eqn.op.downcast::<Sub>().is_some() {
            Some((a.checked_sub(d)?, b.checked_sub(c)?))
        } else if eqn.op.downcast::<Mul>().is_some() {
            let all = [a.checked_mul(c)?, a.checked_mul(d)?, b.checked_mul(c)?, b.checked_mul(d)?];
            Some((*all.iter().min()?, *all.iter().max()?))
        } else if eqn.op.downcast::<Max>().is_some() {
            Some((a.max(c), b.max(d)))
        } else if eqn.op.downcast::<Min>().is_some() {
            Some((a.min(c), b.min(d)))
        } else {
            None
        }
    }

    /// Something made of literals in the dtype of what it meets.
    pub fn convert_literals(&mut self, t: &Traced, dtype: DType, sp: Sp) -> R<Traced> {
        if t.aval.dtype != dtype {
            if let Some(exact) = self.literal_as(t, dtype, sp) {
                return Ok(Traced { name: t.name.clone(), ..exact });
            }
            self.settle(t, dtype)?;
        }
        self.cast_literals(t, dtype, sp)
    }

    /// Something made of literals in a dtype that is written.
    pub fn cast_literals(&mut self, t: &Traced, dtype: DType, sp: Sp) -> R<Traced> {
        match t.aval.dtype.is_int() && dtype.is_int() && dtype.bytes() > t.aval.dtype.bytes() {
            true => self.widened(t, dtype, sp),
            false => self.convert(t, dtype, sp),
        }
    }

    /// Integers made of literals and counters, `i * 1000 + 1 << k`, in a wider dtype: computed there from the start, as
    /// Rust would, which infers the dtype backwards.
    pub fn widened(&mut self, t: &Traced, dtype: DType, sp: Sp) -> R<Traced> {
        let top = self.frames.last().map_or(0, |f| f.id);
        let found = match self.frames.last() {
            Some(f) if t.weak && t.tvar.frame == top => {
                f.graph.eqns.iter().rev().find(|e| e.outputs.contains(&t.tvar.var)).cloned()
            }
            _ => None,
        };
        let Some(eqn) = found else { return self.convert(t, dtype, sp) };
        let mut inputs = Vec::new();
        for v in &eqn.inputs {
            let mut x = self.traced(*v, sp);
            x.weak = true;
            inputs.push(x);
        }
        if eqn.op.downcast::<Convert>().is_some() && inputs[0].aval.dtype.is_int() {
            return self.convert(&inputs[0], dtype, sp);
        }
        let same = |x: &Traced| x.aval.dtype == t.aval.dtype;
        if !eqn.op.is_elementwise() || inputs.is_empty() || !inputs.iter().all(same) {
            return self.convert(t, dtype, sp);
        }
        let wide: Vec<Traced> = inputs.iter().map(|x| self.widened(x, dtype, sp)).collect::<R<_>>()?;
        let mut out = self.bind1(eqn.op.clone(), &wide.iter().collect::<Vec<_>>(), sp)?;
        out.weak = false;
        Ok(out)
    }
}
