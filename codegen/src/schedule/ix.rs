//! Index expressions: affine sums over loop axes, with division and remainder where reshapes need them.
//!
//! Every expression knows its range, so reshapes that only split or merge axes simplify to plain affine sums.

use crate::schedule::body::Ex;

/// An integer expression over loop axes: `offset + sum of coefficient * atom`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Ix {
    /// Terms with distinct atoms, in order, no zero coefficient.
    pub terms: Vec<(Atom, i64)>,
    /// Constant part.
    pub offset: i64,
}

/// What an index is made of.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Atom {
    /// A loop axis, running over `0..extent`.
    Axis {
        /// Number of the axis within its kernel.
        id: u32,
        /// Number of values it takes.
        extent: i64,
    },
    /// Floor division by a positive constant.
    Div(Box<Ix>, i64),
    /// Remainder (non-negative) by a positive constant.
    Rem(Box<Ix>, i64),
    /// A value computed at run time, already inside `0..=max`.
    Value {
        /// The expression; an integer.
        ex: Ex,
        /// Largest value it takes.
        max: i64,
    },
}

impl Ix {
    /// A constant.
    pub fn constant(offset: i64) -> Ix {
        Ix { terms: Vec::new(), offset }
    }

    /// A loop axis.
    pub fn axis(id: u32, extent: usize) -> Ix {
        // An axis of extent one is always at zero.
        if extent <= 1 { Ix::constant(0) } else { Ix::atom(Atom::Axis { id, extent: extent as i64 }) }
    }

    /// A run-time value inside `0..=max`.
    pub fn value(ex: Ex, max: usize) -> Ix {
        if max == 0 { Ix::constant(0) } else { Ix::atom(Atom::Value { ex, max: max as i64 }) }
    }

    fn atom(atom: Atom) -> Ix {
        Ix { terms: vec![(atom, 1)], offset: 0 }
    }

    /// Sum.
    pub fn add(&self, other: &Ix) -> Ix {
        let mut out = self.clone();
        out.offset += other.offset;
        for (atom, c) in &other.terms {
            match out.terms.binary_search_by(|(a, _)| a.cmp(atom)) {
                Ok(n) => out.terms[n].1 += c,
                Err(n) => out.terms.insert(n, (atom.clone(), *c)),
            }
        }
        out.terms.retain(|(_, c)| *c != 0);
        out.joined()
    }

    /// With quotient and remainder of the same put together again: `d * (x / d) + x % d` is `x`.
    fn joined(self) -> Ix {
        for (n, (atom, c)) in self.terms.iter().enumerate() {
            let Atom::Rem(x, d) = atom else { continue };
            let quotient = Atom::Div(x.clone(), *d);
            if let Ok(m) = self.terms.binary_search_by(|(a, _)| a.cmp(&quotient))
                && self.terms[m].1 == c * d
            {
                let rest = self.terms.iter().enumerate().filter(|(k, _)| *k != n && *k != m);
                let rest = Ix { terms: rest.map(|(_, t)| t.clone()).collect(), offset: self.offset };
                return rest.add(&x.mul(*c));
            }
        }
        self
    }

    /// Product with a constant.
    pub fn mul(&self, c: i64) -> Ix {
        if c == 0 {
            return Ix::constant(0);
        }
        Ix { terms: self.terms.iter().map(|(a, k)| (a.clone(), k * c)).collect(), offset: self.offset * c }
    }

    /// Sum with a constant.
    pub fn add_const(&self, c: i64) -> Ix {
        Ix { terms: self.terms.clone(), offset: self.offset + c }
    }

    /// Smallest and largest value.
    pub fn range(&self) -> (i64, i64) {
        let (mut lo, mut hi) = (self.offset, self.offset);
        for (atom, c) in &self.terms {
            let (a, b) = atom.range();
            lo += if *c > 0 { a * c } else { b * c };
            hi += if *c > 0 { b * c } else { a * c };
        }
        (lo, hi)
    }

    /// Whether this is `other`, or a fixed distance behind it.
    pub fn is_at_or_behind(&self, other: &Ix) -> bool {
        self.terms == other.terms && self.offset >= other.offset
    }

    /// The value, if it is the same everywhere.
    pub fn as_const(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.offset)
    }

    /// Floor division by `d > 0`; exact simplification where the ranges allow it.
    pub fn div(&self, d: i64) -> Ix {
        if d == 1 {
            return self.clone();
        }
        let (whole, part) = self.split(d);
        let (lo, hi) = part.range();
        if lo.div_euclid(d) == hi.div_euclid(d) {
            return whole.add_const(lo.div_euclid(d));
        }
        if let Some((g, coarse, _)) = part.coarser(d) {
            return whole.add(&coarse.div(d / g));
        }
        whole.add(&Ix::atom(Atom::Div(Box::new(part), d)))
    }

    /// Remainder by `d > 0`, in `0..d`.
    pub fn rem(&self, d: i64) -> Ix {
        if d == 1 {
            return Ix::constant(0);
        }
        let (_, part) = self.split(d);
        let (lo, hi) = part.range();
        if lo.div_euclid(d) == hi.div_euclid(d) {
            return part.add_const(-d * lo.div_euclid(d));
        }
        if let Some((g, coarse, rest)) = part.coarser(d) {
            return coarse.rem(d / g).mul(g).add(&rest);
        }
        Ix::atom(Atom::Rem(Box::new(part), d))
    }

    /// `self = g * coarse + rest` with `0 <= rest < g` and `g > 1` a divisor of `d`, if there is such a split: whoever divides by `d`
    /// need not look at the rest.
    fn coarser(&self, d: i64) -> Option<(i64, Ix, Ix)> {
        self.terms.iter().map(|(_, c)| c.abs()).filter(|g| *g > 1 && d % g == 0).find_map(|g| {
            let (whole, rest) = self.split(g);
            let (lo, hi) = rest.range();
            (lo >= 0 && hi < g).then_some((g, whole, rest))
        })
    }

    /// `self = d * whole + part`, with everything divisible by `d` in `whole`.
    fn split(&self, d: i64) -> (Ix, Ix) {
        let (mut whole, mut part) = (Ix::constant(self.offset.div_euclid(d)), Ix::constant(self.offset.rem_euclid(d)));
        for (atom, c) in &self.terms {
            if c % d == 0 {
                whole.terms.push((atom.clone(), c / d));
            } else {
                part.terms.push((atom.clone(), *c));
            }
        }
        (whole, part)
    }

    /// Calls `f` on every atom, nested ones included.
    pub fn visit(&self, f: &mut impl FnMut(&Atom)) {
        for (atom, _) in &self.terms {
            f(atom);
            if let Atom::Div(inner, _) | Atom::Rem(inner, _) = atom {
                inner.visit(f);
            }
        }
    }

    /// The same expression with every atom replaced.
    pub fn substitute(&self, f: &mut impl FnMut(&Atom) -> Option<Ix>) -> Ix {
        let mut out = Ix::constant(self.offset);
        for (atom, c) in &self.terms {
            let new = match f(atom) {
                Some(ix) => ix,
                None => match atom {
                    Atom::Div(inner, d) => inner.substitute(f).div(*d),
                    Atom::Rem(inner, d) => inner.substitute(f).rem(*d),
                    other => Ix::atom(other.clone()),
                },
            };
            out = out.add(&new.mul(*c));
        }
        out
    }
}

impl Atom {
    fn range(&self) -> (i64, i64) {
        match self {
            Atom::Axis { extent, .. } => (0, extent - 1),
            Atom::Value { max, .. } => (0, *max),
            Atom::Div(inner, d) => {
                let (lo, hi) = inner.range();
                (lo.div_euclid(*d), hi.div_euclid(*d))
            }
            Atom::Rem(_, d) => (0, d - 1),
        }
    }
}

/// Row-major position of `ix` in an array of `shape`.
pub fn ravel(ix: &[Ix], shape: &[usize]) -> Ix {
    ix.iter().zip(shape).fold(Ix::constant(0), |flat, (i, n)| flat.mul(*n as i64).add(i))
}

/// Index in an array of `shape` of the row-major position `flat`.
pub fn unravel(flat: &Ix, shape: &[usize]) -> Vec<Ix> {
    let mut out = vec![Ix::default(); shape.len()];
    let mut stride = 1;
    for d in (0..shape.len()).rev() {
        let n = shape[d] as i64;
        let q = flat.div(stride);
        // The outermost index needs no remainder: it stays below its extent by itself.
        out[d] = if d == 0 { q } else { q.rem(n) };
        stride *= n;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_reshape(from: &[usize], to: &[usize], plain: bool) {
        let ix: Vec<Ix> = to.iter().enumerate().map(|(d, n)| Ix::axis(d as u32, *n)).collect();
        let back = unravel(&ravel(&ix, to), from);
        let mut has_div = false;
        for b in &back {
            b.visit(&mut |a| has_div |= matches!(a, Atom::Div(..) | Atom::Rem(..)));
        }
        assert_eq!(!has_div, plain, "{from:?} -> {to:?}: {back:?}");
    }

    #[test]
    fn merging_axes_simplifies_and_splitting_divides() {
        check_reshape(&[6, 4], &[2, 3, 4], true);
        check_reshape(&[2, 3, 4], &[2, 3, 4], true);
        check_reshape(&[2, 3, 4], &[6, 4], false);
        check_reshape(&[24], &[2, 3, 4], true);
        check_reshape(&[1, 24, 1], &[24], true);
    }

    #[test]
    fn reshape_there_and_back_is_the_identity() {
        let ix = vec![Ix::axis(0, 6), Ix::axis(1, 4)];
        let there = unravel(&ravel(&ix, &[6, 4]), &[2, 3, 4]);
        let flat = ravel(&there, &[2, 3, 4]);
        for i in 0..6 {
            for j in 0..4 {
                assert_eq!(value(&flat, &[i, j]), i * 4 + j);
            }
        }
    }

    /// Indices of a window that reaches over the ends, as a reshape sees them.
    #[test]
    fn a_reshape_of_a_padded_index_is_the_index() {
        for (from, to) in [(&[49, 10, 1][..], &[1, 49, 10, 1][..]), (&[9, 6, 3], &[1, 9, 6, 3]), (&[9, 18], &[9, 6, 3])]
        {
            let n = to.len();
            let mut ix: Vec<Ix> = to.iter().enumerate().map(|(d, n)| Ix::axis(d as u32, *n)).collect();
            for (x, tap) in ix[n - 3..n - 1].iter_mut().zip([8, 9]) {
                *x = x.add(&Ix::axis(tap, 3)).add_const(-1);
            }
            let flat = ravel(&ix, to);
            assert_eq!(ravel(&unravel(&flat, from), from), flat, "{from:?} -> {to:?}");
        }
    }

    #[test]
    fn division_by_a_multiple_looks_at_the_multiples_only() {
        let x = Ix::axis(0, 12).add_const(-3);
        let flat = x.mul(3).add(&Ix::axis(1, 3));
        assert_eq!(flat.div(18), x.div(6));
        for i in 0..12 {
            for j in 0..3 {
                let at = value(&flat, &[i, j]);
                assert_eq!(value(&flat.div(18), &[i, j]), at.div_euclid(18));
                assert_eq!(value(&flat.rem(18), &[i, j]), at.rem_euclid(18));
                assert_eq!(value(&flat.div(18).mul(18).add(&flat.rem(18)), &[i, j]), at);
            }
        }
    }

    fn value(ix: &Ix, axes: &[i64]) -> i64 {
        ix.offset
            + ix.terms
                .iter()
                .map(|(a, c)| {
                    c * match a {
                        Atom::Axis { id, .. } => axes[*id as usize],
                        Atom::Div(x, d) => value(x, axes).div_euclid(*d),
                        Atom::Rem(x, d) => value(x, axes).rem_euclid(*d),
                        Atom::Value { .. } => 0,
                    }
                })
                .sum::<i64>()
    }
}
