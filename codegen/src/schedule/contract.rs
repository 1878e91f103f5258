//! Which axes of a contraction run over the rows and columns of a register tile.

use crate::dtype::DType;
use crate::ops::Mul;
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

/// The factor as [`Strided`], if it is: `own` is the tile's axis, `summed` are those summed over.
pub fn strided(exprs: &Exprs, factor: Ex, own: Option<u32>, summed: &[u32]) -> Option<Strided> {
    let Node::Load { buffer, at } = exprs.node(factor) else { return None };
    let is_inner = |id: u32| Some(id) == own || summed.contains(&id);
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
                if axes_of(&alone).into_iter().any(is_inner) || matches!(atom, Atom::Value { .. }) {
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
    let Node::Apply(text, args) = nest.exprs.node(f.item) else { return None };
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
    Some(if mx > my { Contraction { a: y, b: x, m: my, n: mx } } else { Contraction { a: x, b: y, m: mx, n: my } })
}
