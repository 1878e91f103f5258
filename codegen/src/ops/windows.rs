//! Windows that slide over an array: what the windowed primitives share.

use crate::graph::Aval;
use crate::ops::axes::prepended;
use crate::ops::pad::dilated;
use crate::ops::{OpError, param};
use crate::passes::rows::Rows;
use crate::schedule::body::{Body, Ex};
use crate::schedule::ix::Ix;
use crate::text::Params;

/// Element `k` of window `y` is `x[(y * stride + k * window_dilation - lo) / base_dilation]` along each axis, where that
/// is an element of `x`. Every list has an entry per axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// Extent of the window.
    pub window: Vec<usize>,
    /// Distance of neighbouring windows.
    pub strides: Vec<usize>,
    /// Places in front of the array; negative cuts off.
    pub lo: Vec<i64>,
    /// Places after the array; negative cuts off.
    pub hi: Vec<i64>,
    /// Distance of neighbouring elements of the array.
    pub base_dilation: Vec<usize>,
    /// Distance of neighbouring elements of the window.
    pub window_dilation: Vec<usize>,
}

impl Windows {
    /// Windows without padding or dilation.
    pub fn new(window: &[usize], strides: &[usize]) -> Windows {
        let n = window.len();
        Windows {
            window: window.to_vec(),
            strides: strides.to_vec(),
            lo: vec![0; n],
            hi: vec![0; n],
            base_dilation: vec![1; n],
            window_dilation: vec![1; n],
        }
    }

    /// Parameters in the text form.
    pub fn params(&self) -> Params {
        [
            param("window", &self.window),
            param("strides", &self.strides),
            param("lo", &self.lo),
            param("hi", &self.hi),
            param("base_dilation", &self.base_dilation),
            param("window_dilation", &self.window_dilation),
        ]
        .into()
    }

    /// Reads what [`Windows::params`] writes.
    pub fn parse(p: &Params) -> Result<Windows, String> {
        Ok(Windows {
            window: p.usizes("window")?,
            strides: p.usizes("strides")?,
            lo: p.ints("lo")?,
            hi: p.ints("hi")?,
            base_dilation: p.usizes("base_dilation")?,
            window_dilation: p.usizes("window_dilation")?,
        })
    }

    /// Number of windows along each axis of `x`.
    pub fn shape(&self, x: &Aval) -> Result<Vec<usize>, OpError> {
        let n = x.rank();
        let lens = [self.window.len(), self.strides.len(), self.base_dilation.len(), self.window_dilation.len()];
        if lens.iter().chain(&[self.lo.len(), self.hi.len()]).any(|len| *len != n) {
            return Err(OpError::new(format!("a window over {} axes does not fit the {n} axes of {x}", lens[0])).at(0));
        }
        let positive = [&self.window, &self.strides, &self.base_dilation, &self.window_dilation];
        if positive.iter().any(|list| list.contains(&0)) {
            return Err(OpError::new("extents, strides and dilations of a window are at least 1"));
        }
        let count = |d: usize| {
            let padded = self.base(d, x.shape[d]) + self.lo[d] + self.hi[d];
            let free = padded - self.span(d);
            if free < 0 { 0 } else { free as usize / self.strides[d] + 1 }
        };
        Ok((0..n).map(count).collect())
    }

    /// Places that `n` elements of the array take along axis `d`.
    fn base(&self, d: usize, n: usize) -> i64 {
        dilated(n, self.base_dilation[d] - 1) as i64
    }

    /// Places that a window takes along axis `d`.
    fn span(&self, d: usize) -> i64 {
        dilated(self.window[d], self.window_dilation[d] - 1) as i64
    }

    /// The element `k` of window `y`, if there is one.
    pub fn at(&self, x: &[usize], y: &[usize], k: &[usize]) -> Option<Vec<usize>> {
        let one = |d: usize| {
            let place = (y[d] * self.strides[d] + k[d] * self.window_dilation[d]) as i64 - self.lo[d];
            let step = self.base_dilation[d] as i64;
            (place >= 0 && place % step == 0 && place / step < x[d] as i64).then_some((place / step) as usize)
        };
        (0..x.len()).map(one).collect()
    }

    /// The same in a loop body: the index, and the conditions under which there is such an element.
    pub fn at_ix(&self, b: &mut Body<'_>, x: &[usize], y: &[Ix], k: &[Ix]) -> (Vec<Ix>, Vec<Ex>) {
        let (mut at, mut conditions) = (Vec::new(), Vec::new());
        for d in 0..x.len() {
            let k = k[d].mul(self.window_dilation[d] as i64);
            let place = y[d].mul(self.strides[d] as i64).add(&k).add_const(-self.lo[d]);
            let step = self.base_dilation[d] as i64;
            conditions.push(b.in_range(&place, 0, self.base(d, x[d])));
            conditions.push(b.in_range(&place.rem(step), 0, 1));
            at.push(place.div(step));
        }
        (at, conditions)
    }

    /// The windows through which what went into a window comes back out of it: for the adjoint of a sum.
    pub fn transposed(&self, x: &[usize], out: &[usize]) -> Windows {
        let (mut lo, mut hi) = (Vec::new(), Vec::new());
        for d in 0..x.len() {
            let spread = dilated(out[d], self.strides[d] - 1) as i64;
            let before = self.span(d) - self.lo[d] - 1;
            lo.push(before);
            hi.push(self.base(d, x[d]) + self.span(d) - 1 - spread - before);
        }
        Windows {
            window: self.window.clone(),
            strides: self.base_dilation.clone(),
            lo,
            hi,
            base_dilation: self.strides.clone(),
            window_dilation: self.window_dilation.clone(),
        }
    }

    /// The windows of some rows along axis `d`, over the rows of the array that they reach.
    pub fn of_rows(&self, d: usize, rows: Rows) -> (Windows, Rows) {
        let mut windows = self.clone();
        (windows.lo[d], windows.hi[d]) = (0, 0);
        (windows, rows.of_windows(self.strides[d], self.span(d) as usize, self.lo[d]))
    }

    /// With a batch axis in front, along which nothing slides.
    pub fn batched(&self) -> Windows {
        let front = |list: &[i64]| [&[0], list].concat();
        Windows {
            window: prepended(1, &self.window),
            strides: prepended(1, &self.strides),
            lo: front(&self.lo),
            hi: front(&self.hi),
            base_dilation: prepended(1, &self.base_dilation),
            window_dilation: prepended(1, &self.window_dilation),
        }
    }

    /// Nothing slides along axis `d`: window `y` is element `y`.
    pub fn is_still(&self, d: usize) -> bool {
        (self.window[d], self.strides[d], self.base_dilation[d], self.lo[d], self.hi[d]) == (1, 1, 1, 0, 0)
    }

    /// Number of elements of a window.
    pub fn size(&self) -> usize {
        self.window.iter().product()
    }
}
