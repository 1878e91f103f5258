//! Which axes of a contraction run over the rows and columns of a register tile.

use crate::dtype::DType;
use crate::ops::Mul;
use crate::schedule::body::{Ex, Node};
use crate::schedule::exprs::{axes_of, index, needed};
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
