//! What `gather` and `scatter` share: where each element of the moving array lies in the indexed one.

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::Aval;
use crate::ops::axes::{prepended, shifted};
use crate::ops::{Compare, CompareOp, Convert, Max, Min, OpError, param};
use crate::passes::ranges::Range;
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::{Param, Params};

/// What the index along one axis of the indexed array is: the sum of what is given, or 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DimIx {
    /// An index array: the axis starts at the element it has here.
    pub index: Option<usize>,
    /// An axis of the moving array, whose index is added: the axis is walked along.
    pub window: Option<usize>,
}

impl DimIx {
    /// Given by index array `k`.
    pub fn index(k: usize) -> DimIx {
        DimIx { index: Some(k), window: None }
    }

    /// Walked along by axis `d` of the moving array.
    pub fn window(d: usize) -> DimIx {
        DimIx { index: None, window: Some(d) }
    }

    /// From where index array `k` says, walked along by axis `d` of the moving array.
    pub fn slice(k: usize, d: usize) -> DimIx {
        DimIx { index: Some(k), window: Some(d) }
    }
}

/// What happens where a window does not lie inside the indexed array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IndexMode {
    /// It is moved to the nearest place where it does.
    Clip,
    /// It is left out: reads as zero, is not written.
    Drop,
}

/// A map from the indices of a moving array (the result of `gather`, the updates of `scatter`) to those of the indexed
/// array. Axis `d` of the indexed array is at `index_k[i at index_dims[k]] + i[w]`, where `dims[d]` names the index array
/// `k` and the walking axis `w`. The window of an axis is the extent of its walking axis, or 1.
#[derive(Clone, PartialEq, Debug)]
pub struct Coords {
    /// One entry per axis of the indexed array.
    pub dims: Vec<DimIx>,
    /// For each index array, the axes of the moving array that its axes go along.
    pub index_dims: Vec<Vec<usize>>,
    /// Shape of the moving array.
    pub shape: Vec<usize>,
    /// What windows that stick out do.
    pub mode: IndexMode,
}

impl Coords {
    /// Parameters in the text form: -1 stands for none.
    pub fn params(&self) -> Params {
        let or_none = |x: Option<usize>| x.map_or(-1, |n| n as i64);
        [
            param("index", self.dims.iter().map(|d| or_none(d.index)).collect::<Vec<_>>()),
            param("window", self.dims.iter().map(|d| or_none(d.window)).collect::<Vec<_>>()),
            param("index_dims", self.index_dims.iter().map(Param::from).collect::<Vec<_>>()),
            param("shape", &self.shape),
            param("mode", if self.mode == IndexMode::Clip { "clip" } else { "drop" }),
        ]
        .into()
    }

    /// Reads what [`Coords::params`] writes.
    pub fn parse(p: &Params) -> Result<Coords, String> {
        let or_none = |n: &i64| usize::try_from(*n).ok();
        let (index, window) = (p.ints("index")?, p.ints("window")?);
        let dims = index.iter().zip(&window).map(|(k, w)| DimIx { index: or_none(k), window: or_none(w) }).collect();
        let index_dims =
            p.list("index_dims")?.iter().map(|l| Params(vec![("index_dims".into(), l.clone())]).usizes("index_dims"));
        let mode = match p.word("mode")? {
            "clip" => IndexMode::Clip,
            "drop" => IndexMode::Drop,
            other => return Err(format!("`{other}` is not an index mode")),
        };
        Ok(Coords { dims, index_dims: index_dims.collect::<Result<_, _>>()?, shape: p.usizes("shape")?, mode })
    }

    /// Whether all windows lie inside of an array of shape `x`, given what is known of the index arrays.
    pub fn always_inside(&self, x: &[usize], indices: &[Option<Range>]) -> bool {
        (0..self.dims.len()).all(|d| {
            let last = x[d] as i128 - self.window(d) as i128;
            self.dims[d].index.is_none_or(|k| indices[k].is_some_and(|(lo, hi)| 0 <= lo && hi <= last))
        })
    }

    /// Extent of the window along axis `d`.
    fn window(&self, d: usize) -> usize {
        self.dims[d].window.map_or(1, |w| self.shape[w])
    }

    /// Checks that the map fits an indexed array and index arrays of these types.
    pub fn check(&self, name: &str, x: &Aval, indices: &[&Aval]) -> Result<(), OpError> {
        if self.dims.len() != x.rank() || self.index_dims.len() != indices.len() {
            return Err(OpError::new(format!(
                "`{name}` with {} axes and {} index arrays does not fit {x} and {} index arrays",
                self.dims.len(),
                self.index_dims.len(),
                indices.len()
            )));
        }
        for (k, (index, along)) in indices.iter().zip(&self.index_dims).enumerate() {
            if !index.dtype.is_int() {
                return Err(OpError::new(format!("an index must be an integer, found {index}")).at(1 + k));
            }
            let shape: Option<Vec<usize>> = along.iter().map(|d| self.shape.get(*d).copied()).collect();
            if shape.as_ref() != Some(&index.shape) {
                return Err(OpError::new(format!(
                    "`{name}` cannot put {index} along axes {along:?} of {:?}",
                    self.shape
                ))
                .at(1 + k));
            }
        }
        for (d, dim) in self.dims.iter().enumerate() {
            if dim.index.is_some_and(|k| k >= indices.len()) || dim.window.is_some_and(|w| w >= self.shape.len()) {
                return Err(OpError::new(format!("`{name}` has no such index for axis {d} of {x}")));
            }
            if self.window(d) > x.shape[d] {
                let found = match dim.window {
                    Some(_) => format!("{} elements cannot be taken from", self.window(d)),
                    None => "there is nothing to index in".to_string(),
                };
                return Err(OpError::new(format!("{found} axis {d} of {x}")).at(0));
            }
        }
        Ok(())
    }

    /// Where element `i` of the moving array lies; `None` if it is left out.
    pub fn at(&self, x: &[usize], indices: &[&Array], i: &[usize]) -> Option<Vec<usize>> {
        (0..self.dims.len())
            .map(|d| {
                let offset = self.dims[d].window.map_or(0, |w| i[w]);
                let Some(k) = self.dims[d].index else { return Some(offset) };
                let of_index: Vec<usize> = self.index_dims[k].iter().map(|a| i[*a]).collect();
                let start = indices[k].at(&of_index).to_i128().expect("checked to be an integer");
                let last = (x[d] - self.window(d)) as i128;
                match self.mode {
                    IndexMode::Drop if start < 0 || start > last => None,
                    _ => Some(start.clamp(0, last) as usize + offset),
                }
            })
            .collect()
    }

    /// The same in a loop body, where the index arrays are the operands from 1 on: the index, which is always inside, and
    /// the conditions under which the element is not left out.
    pub fn at_ix(&self, k: &mut Body<'_>, x: &[usize], i: &[Ix]) -> (Vec<Ix>, Vec<Ex>) {
        let (mut at, mut conditions) = (Vec::new(), Vec::new());
        for (d, dim) in self.dims.iter().enumerate() {
            let offset = dim.window.map_or(Ix::constant(0), |w| i[w].clone());
            let Some(n) = dim.index else {
                at.push(offset);
                continue;
            };
            let last = x[d] - self.window(d);
            let start = self.index_element(k, n, i);
            if self.mode == IndexMode::Drop {
                conditions.extend(inside(k, start, last));
            }
            let start = clamped(k, start, last);
            at.push(Ix::value(start, last).add(&offset));
        }
        (at, conditions)
    }

    /// The element of index array `n` that belongs to element `i` of the moving array.
    pub fn index_element(&self, k: &mut Body<'_>, n: usize, i: &[Ix]) -> Ex {
        let of_index: Vec<Ix> = self.index_dims[n].iter().map(|a| i[*a].clone()).collect();
        k.load(1 + n, &of_index)
    }

    /// The map with a batch axis in front of the moving array, and of those of the others that have one.
    pub fn batched(&self, x: bool, indices: &[bool], size: usize) -> Coords {
        let behind = |dim: &DimIx| DimIx { index: dim.index, window: dim.window.map(|w| w + 1) };
        let mut dims: Vec<DimIx> = self.dims.iter().map(behind).collect();
        if x {
            dims.insert(0, DimIx::window(0));
        }
        let along = |(dims, batched): (&Vec<usize>, &bool)| {
            let dims = shifted(dims);
            if *batched { prepended(0, &dims) } else { dims }
        };
        let index_dims = self.index_dims.iter().zip(indices).map(along).collect();
        Coords { dims, index_dims, shape: prepended(size, &self.shape), mode: self.mode }
    }

    /// The map for slices of extent `n` along axis `w` of the moving array, where every axis of the indexed array `x` that
    /// it walks along is walked along in full: then slices of that axis are needed only.
    pub fn of_strip(&self, x: &Aval, w: usize, n: usize) -> Option<Coords> {
        let walked: Vec<usize> = (0..self.dims.len()).filter(|d| self.dims[*d].window == Some(w)).collect();
        let in_full = walked.iter().all(|d| self.dims[*d].index.is_none() && x.shape[*d] == self.shape[w]);
        if walked.len() > 1 || !in_full {
            return None;
        }
        let mut coords = self.clone();
        coords.shape[w] = n;
        Some(coords)
    }

    /// Whether two elements of the moving array never lie at the same place, whatever the indices are.
    pub fn is_injective(&self) -> bool {
        // An axis of the moving array is known from the place once it alone moves some axis of the indexed array: one
        // without an index, or one whose index goes along known axes only.
        let mut known: Vec<bool> = self.shape.iter().map(|n| *n <= 1).collect();
        loop {
            let found = self.dims.iter().find_map(|dim| {
                let fixed = dim.index.is_none_or(|k| self.index_dims[k].iter().all(|d| known[*d]));
                dim.window.filter(|w| fixed && !known[*w])
            });
            match found {
                Some(w) => known[w] = true,
                None => return known.into_iter().all(|k| k),
            }
        }
    }
}

/// Whether `largest` is a number that `dtype` can hold more than.
fn exceeds(dtype: DType, largest: usize) -> bool {
    dtype.int_range().1 > largest as i128
}

fn literal(k: &mut Body<'_>, dtype: DType, x: usize) -> Ex {
    k.constant(Scalar::from_i128(dtype, x as i128))
}

/// `start` moved into `0..=last`.
pub fn clamped(k: &mut Body<'_>, start: Ex, last: usize) -> Ex {
    let dtype = k.exprs.dtype(start);
    let mut start = start;
    if last == 0 {
        return literal(k, dtype, 0);
    }
    if dtype.is_signed() {
        let zero = literal(k, dtype, 0);
        start = k.apply(Max, &[start, zero]);
    }
    if exceeds(dtype, last) {
        let last = literal(k, dtype, last);
        start = k.apply(Min, &[start, last]);
    }
    start
}

/// The conditions that say `0 <= start <= last`.
fn inside(k: &mut Body<'_>, start: Ex, last: usize) -> Vec<Ex> {
    let dtype = k.exprs.dtype(start);
    let mut out = Vec::new();
    if dtype.is_signed() {
        let zero = literal(k, dtype, 0);
        out.push(k.apply(Compare { op: CompareOp::Ge }, &[start, zero]));
    }
    if exceeds(dtype, last) {
        let last = literal(k, dtype, last);
        out.push(k.apply(Compare { op: CompareOp::Le }, &[start, last]));
    }
    out
}

/// Whether the index element `start` is the index `i`, one of `n`.
pub fn is_at(k: &mut Body<'_>, start: Ex, i: &Ix, n: usize) -> Ex {
    // A narrow index could only equal some of the indices, and the others must not wrap around to equal it too.
    let mut dtype = k.exprs.dtype(start);
    let mut start = start;
    if !exceeds(dtype, n) {
        dtype = if exceeds(DType::I32, n) { DType::I32 } else { DType::I64 };
        start = k.apply(Convert { dtype }, &[start]);
    }
    let i = k.index(i, dtype);
    k.apply(Compare { op: CompareOp::Eq }, &[start, i])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injective(dims: &[DimIx], index_dims: &[&[usize]], shape: &[usize]) -> bool {
        let index_dims = index_dims.iter().map(|d| d.to_vec()).collect();
        Coords { dims: dims.to_vec(), index_dims, shape: shape.to_vec(), mode: IndexMode::Clip }.is_injective()
    }

    #[test]
    fn windows_at_one_place_do_not_overlap_themselves() {
        assert!(injective(&[DimIx::slice(0, 0)], &[&[]], &[3]));
        assert!(injective(&[DimIx::index(0), DimIx::window(0)], &[&[]], &[3]));
        assert!(injective(&[DimIx::window(0), DimIx::index(0)], &[&[0]], &[3]));
        assert!(injective(&[DimIx::window(1), DimIx::slice(0, 0)], &[&[1]], &[3, 4]));
    }

    #[test]
    fn windows_at_many_places_may_overlap() {
        assert!(!injective(&[DimIx::index(0)], &[&[0]], &[3]));
        assert!(!injective(&[DimIx::slice(0, 1)], &[&[0]], &[3, 2]));
        assert!(injective(&[DimIx::slice(0, 1)], &[&[0]], &[1, 2]));
    }
}
