//! Which loops are so small that their state is kept in registers.
//!
//! Their carries and the values of a turn are variables of the emitted code instead of stretches of memory, and their kernels
//! become one function.

use crate::dtype::DType;
use crate::graph::Aval;
use crate::schedule::body::{Ex, Node};
use crate::schedule::contract;
use crate::schedule::exprs::needed;
use crate::schedule::program::{Kernel, Kind, Nest, RegionKernel, Schedule, Storage, Store};

/// Most bytes of variables: what does not fit into registers is on the stack.
const MOST_BYTES: usize = 256;
/// Most elements of one array that becomes a variable.
const MOST_ELEMENTS: usize = 32;
/// Most steps of a turn, each an expression at a point of a nest.
const MOST_STEPS: usize = 1024;

/// The variables of a loop.
#[derive(Debug)]
pub struct Variables {
    /// The buffers around the loop that carries live in, of those that are variables.
    pub carries: Vec<u32>,
    /// Size of all variables.
    pub bytes: usize,
}

/// The variables of loop `r` of schedule `s`, if it is small enough to have some.
pub fn variables(s: &Schedule, r: &RegionKernel) -> Option<Variables> {
    let steps: usize = kernels(r).map(|k| nest_of(k).map(steps)).sum::<Option<usize>>()?;
    let aval = |b: &u32| &s.buffers[*b as usize].aval;
    // Around the loop a bool may be a byte or not; inside it always is.
    let fits = |b: &u32| is_small(aval(b)) && aval(b).dtype != DType::Bool;
    let carries: Vec<u32> = r.carries.iter().map(|(_, to)| *to).filter(fits).collect();
    let of_turns = r.bodies.iter().flat_map(|body| temporaries(&body.schedule)).map(|(_, aval)| aval.bytes());
    let bytes = carries.iter().map(|b| aval(b).bytes()).chain(of_turns).sum();
    let pays = !carries.is_empty() && steps <= MOST_STEPS && bytes <= MOST_BYTES;
    pays.then_some(Variables { carries, bytes })
}

/// The kernels of a loop.
pub fn kernels(r: &RegionKernel) -> impl Iterator<Item = &Kernel> {
    r.bodies.iter().flat_map(|body| &body.schedule.kernels)
}

/// The nest of a kernel that may be part of such a loop.
pub fn nest_of(k: &Kernel) -> Option<&Nest> {
    match &k.kind {
        Kind::Loop(nest) | Kind::Scatter { nest, .. } => contract::find(nest).is_none().then_some(nest),
        _ => None,
    }
}

/// What is stored counts by itself: loops that are one have no more steps than they had.
fn steps(nest: &Nest) -> usize {
    let points: usize = nest.extents.iter().product();
    let of = |store: &Store| {
        let mut roots = vec![store.value];
        let mut folded = 0;
        // Folds come after those that they use.
        for (n, f) in nest.folds.iter().enumerate().rev() {
            let reads = |e: &Ex| matches!(nest.exprs.node(*e), Node::Folded(k) if *k as usize == n);
            if needed(&nest.exprs, &roots).iter().any(reads) {
                roots.extend([f.item].into_iter().chain(f.start));
                folded += f.axes.iter().map(|(_, n)| n).product::<usize>();
            }
        }
        points * needed(&nest.exprs, &roots).len() * (1 + folded)
    };
    nest.stores.iter().map(of).sum()
}

/// Whether an array may become a variable.
pub fn is_small(aval: &Aval) -> bool {
    aval.size() <= MOST_ELEMENTS
}

/// Values of a turn that become variables, and where they would be in the arena.
pub fn temporaries(body: &Schedule) -> impl Iterator<Item = (usize, &Aval)> {
    let used = |b: usize| body.kernels.iter().any(|k| k.reads.iter().chain(&k.writes).any(|x| *x as usize == b));
    body.buffers.iter().enumerate().filter(move |(n, _)| used(*n)).filter_map(|(_, b)| match b.storage {
        Storage::Arena(offset) if is_small(&b.aval) => Some((offset, &b.aval)),
        _ => None,
    })
}
