//! Which axes of a contraction run over the rows and columns of a register tile.

use crate::dtype::DType;
use crate::ops::{Mul, guard};
use crate::schedule::body::{Ex, Exprs, Node};
use crate::schedule::exprs::{axes_of, index, needed};
use crate::schedule::ix::{Atom, Ix};
use crate::schedule::program::Nest;

/// A nest that is a sum of products `a * b`.
#[derive(Debug)]
pub struct Contraction {
    /// The factor that depends on `m`.
    pub a: Ex,
    /// The factor that depends on `n`.
    pub b: Ex,
    /// Output axis that only `a` depends on.
    pub m: Option<u32>,
    /// Output axis that only `b` depends on; the innermost one there is.
    pub n: Option<u32>,
    /// Output axis, the innermost, that both factors move along with step one, where none is `n`'s: a product for each of its indices
    /// by itself.
    pub lanes: Option<u32>,
    /// Where there are products: all of these hold. If there are any, both factors are [`Strided`].
    pub within: Vec<Within>,
}

/// `0 <= at + along * k < len`, with `k` a summed axis.
#[derive(Clone, Debug)]
pub struct Within {
    /// Which of the summed axes, counted without those of extent one.
    pub axis: usize,
    /// Sum of output axes, and of values that are the same for all indices.
    pub at: Ix,
    /// Positive.
    pub along: i64,
    /// Positive.
    pub len: i64,
}

/// A factor that is read from memory, at a position that each axis moves by a fixed step.
#[derive(Debug)]
pub struct Strided {
    /// What is read.
    pub buffer: u32,
    /// Where, without what the axes below add; the axes of the loops around are left.
    pub at: Ix,
    /// Step of the tile's axis.
    pub step: i64,
    /// Steps of the summed axes.
    pub along: Vec<i64>,
}

impl Strided {
    /// The step along an axis of the loops around; `None` if it is not fixed.
    fn step_of(&self, axis: u32) -> Option<i64> {
        let on = |ix: &Ix| axes_of(ix).contains(&axis);
        let mut terms = self.at.terms.iter().filter(|(atom, _)| on(&Ix { terms: vec![(atom.clone(), 1)], offset: 0 }));
        match (terms.next(), terms.next()) {
            (None, _) => Some(0),
            (Some((Atom::Axis { .. }, c)), None) => Some(*c),
            _ => None,
        }
    }
}

/// The factor as [`Strided`], if it is: `own` is the tile's axis, `summed` are those summed over. Lanes are left out of it.
pub fn strided(exprs: &Exprs, factor: Ex, own: Option<u32>, lanes: Option<u32>, summed: &[u32]) -> Option<Strided> {
    let Node::Load { buffer, at } = exprs.node(factor) else { return None };
    let is_inner = |id: u32| Some(id) == own || Some(id) == lanes || summed.contains(&id);
    let (mut rest, mut step, mut along) = (Ix::constant(at.offset), 0, vec![0; summed.len()]);
    for (atom, c) in &at.terms {
        match atom {
            Atom::Axis { id, .. } if is_inner(*id) => {
                if Some(*id) == own {
                    step = *c;
                }
                for (along, _) in along.iter_mut().zip(summed).filter(|(_, k)| *k == id) {
                    *along = *c;
                }
            }
            // Behind a division or a look-up the steps are not fixed.
            _ => {
                let alone = Ix { terms: vec![(atom.clone(), *c)], offset: 0 };
                let moves = |atom: &Atom| matches!(atom, Atom::Value { ex, .. } if !is_steady(exprs, *ex));
                if axes_of(&alone).into_iter().any(is_inner) || moves(atom) {
                    return None;
                }
                rest = rest.add(&alone);
            }
        }
    }
    Some(Strided { buffer: *buffer, at: rest, step, along })
}

/// Most axes that a contraction kernel can run over.
const MAX_RANK: usize = 4;

/// The tile of a nest, if it is a contraction.
pub fn find(nest: &Nest) -> Option<Contraction> {
    let [f] = &nest.folds[..] else { return None };
    if !f.contraction || f.axes.iter().filter(|(_, n)| *n != 1).count() > MAX_RANK {
        return None;
    }
    // The runtime's tiles hold what the core has registers for; halves and complex numbers go element by element.
    let dtype = nest.exprs.dtype(f.item);
    if !dtype.is_int() && !matches!(dtype, DType::F32 | DType::F64) {
        return None;
    }
    let summed: Vec<u32> = summed_axes(nest).map(|(id, _)| id).collect();
    let (item, within) = conditions(&nest.exprs, f.item, &summed)?;
    let Node::Apply(text, args) = nest.exprs.node(item) else { return None };
    let [x, y] = args[..] else { return None };
    nest.exprs.op(text).downcast::<Mul>()?;
    let of = |root: Ex| {
        let mut out: Vec<u32> = Vec::new();
        for e in needed(&nest.exprs, &[root]) {
            if let Some(ix) = index(nest.exprs.node(e)) {
                out.extend(axes_of(ix));
            }
        }
        out
    };
    let (ax, ay) = (of(x), of(y));
    let rank = nest.extents.len() as u32;
    let last = |own: &[u32], other: &[u32]| {
        (0..rank).rev().find(|d| nest.extents[*d as usize] > 1 && own.contains(d) && !other.contains(d))
    };
    let (mx, my) = (last(&ax, &ay), last(&ay, &ax));
    // The columns of the tile lie along the innermost axis, so that they are stored next to each other.
    let (a, b, m, n) = if mx > my { (y, x, my, mx) } else { (x, y, mx, my) };
    let mut c = Contraction { a, b, m, n, lanes: None, within };
    let innermost = (0..rank).rev().find(|d| nest.extents[*d as usize] > 1);
    if let (None, Some(only), Some(lanes), None) = (c.m, c.n, innermost, f.start)
        && only != lanes
        && ax.contains(&lanes)
        && ay.contains(&lanes)
    {
        // What moves along the rows of the tile is `a`.
        let rows = Contraction { a: c.b, b: c.a, m: c.n, n: None, lanes: Some(lanes), within: c.within.clone() };
        let steps = |x: Ex, own| strided(&nest.exprs, x, own, None, &summed).and_then(|x| x.step_of(lanes));
        if steps(rows.a, rows.m) == Some(1) && steps(rows.b, None) == Some(1) {
            c = rows;
        }
    }
    if !c.within.is_empty() {
        strided(&nest.exprs, c.a, c.m, c.lanes, &summed)?;
        strided(&nest.exprs, c.b, c.n, c.lanes, &summed)?;
        // A condition on both axes of the tile, or two on its axes, are more than its edges.
        let on_tile = |w: &&Within| axes_of(&w.at).iter().filter(|d| [c.m, c.n].contains(&Some(**d))).count();
        let lanes = |w: &Within| axes_of(&w.at).iter().any(|d| Some(*d) == c.lanes);
        if c.within.iter().map(|w| on_tile(&w)).sum::<usize>() > 1 || c.within.iter().any(lanes) {
            return None;
        }
    }
    Some(c)
}

/// The axes that a nest with one fold sums over, but for those of extent one.
pub fn summed_axes(nest: &Nest) -> impl Iterator<Item = (u32, usize)> + '_ {
    nest.folds.iter().take(1).flat_map(|f| f.axes.iter().copied()).filter(|(_, n)| *n != 1)
}

/// What is added up where some conditions hold, and these; without conditions, the item itself. `None` if they are not such that each
/// narrows the range of one summed axis.
fn conditions(exprs: &Exprs, item: Ex, summed: &[u32]) -> Option<(Ex, Vec<Within>)> {
    let (conditions, item) = guard::conditions(exprs, item);
    let mut out: Vec<Within> = Vec::new();
    for condition in conditions {
        let Node::InRange(ix, lo, hi) = exprs.node(condition) else { return None };
        let mut at = Ix::constant(ix.offset - lo);
        let mut on = None;
        for (atom, c) in &ix.terms {
            let id = match atom {
                Atom::Axis { id, .. } => id,
                // The number of a turn, say.
                Atom::Value { ex, .. } if is_steady(exprs, *ex) => {
                    at = at.add(&Ix { terms: vec![(atom.clone(), *c)], offset: 0 });
                    continue;
                }
                _ => return None,
            };
            match summed.iter().position(|k| k == id) {
                Some(_) if on.is_some() || *c <= 0 => return None,
                Some(axis) => on = Some((axis, *c)),
                None => at = at.add(&Ix { terms: vec![(atom.clone(), *c)], offset: 0 }),
            }
        }
        let (axis, along) = on?;
        if out.iter().any(|w| w.axis == axis) {
            return None;
        }
        out.push(Within { axis, at, along, len: hi - lo });
    }
    Some((item, out))
}

/// Whether a value is the same for all indices of the nest.
fn is_steady(exprs: &Exprs, ex: Ex) -> bool {
    needed(exprs, &[ex]).iter().all(|e| index(exprs.node(*e)).is_none_or(|ix| axes_of(ix).is_empty()))
}
