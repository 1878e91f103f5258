//! Arrays of the reference evaluator: plain, row-major, slow and obvious.

use std::fmt;

use crate::dtype::{DType, Scalar};
use crate::graph::Aval;

/// A row-major array of scalars of one dtype.
#[derive(Clone, Debug)]
pub struct Array {
    aval: Aval,
    data: Vec<Scalar>,
    /// Whether all elements are equal, where that is known.
    splat: Option<bool>,
}

impl PartialEq for Array {
    fn eq(&self, other: &Array) -> bool {
        self.aval == other.aval && self.data == other.data
    }
}

impl Eq for Array {}

impl std::hash::Hash for Array {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.aval.hash(state);
        self.data.hash(state);
    }
}

impl Array {
    /// The elements in row-major order; `data.len()` must be the size of `aval`.
    pub fn new(aval: Aval, data: Vec<Scalar>) -> Array {
        debug_assert_eq!(aval.size(), data.len());
        debug_assert!(data.iter().all(|s| s.dtype() == aval.dtype));
        let splat = Some(data.iter().all(|x| *x == data[0]));
        Array { aval, data, splat }
    }

    /// A rank-0 array.
    pub fn scalar(x: Scalar) -> Array {
        Array::new(Aval::scalar(x.dtype()), vec![x])
    }

    /// `x` everywhere.
    pub fn full(aval: &Aval, x: Scalar) -> Array {
        debug_assert_eq!(x.dtype(), aval.dtype);
        Array { aval: aval.clone(), data: vec![x; aval.size()], splat: Some(true) }
    }

    /// The element at every index, given as a function of the index.
    pub fn from_fn(aval: &Aval, mut f: impl FnMut(&[usize]) -> Scalar) -> Array {
        let data = indices(&aval.shape).map(|ix| f(&ix)).collect();
        Array::new(aval.clone(), data)
    }

    /// An f32 array of the given shape.
    pub fn f32(shape: &[usize], data: &[f32]) -> Array {
        Array::new(Aval::new(DType::F32, shape), data.iter().map(|x| Scalar::F32(*x)).collect())
    }

    /// An f64 array of the given shape.
    pub fn f64(shape: &[usize], data: &[f64]) -> Array {
        Array::new(Aval::new(DType::F64, shape), data.iter().map(|x| Scalar::F64(*x)).collect())
    }

    /// dtype and shape.
    pub fn aval(&self) -> &Aval {
        &self.aval
    }

    /// Extent of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.aval.shape
    }

    /// Type of the elements.
    pub fn dtype(&self) -> DType {
        self.aval.dtype
    }

    /// The elements in row-major order.
    pub fn data(&self) -> &[Scalar] {
        &self.data
    }

    /// The element at `ix`, one index per axis.
    pub fn at(&self, ix: &[usize]) -> Scalar {
        self.data[ravel(ix, self.shape())]
    }

    /// Replaces the element at `ix`.
    pub fn set(&mut self, ix: &[usize], x: Scalar) {
        let flat = ravel(ix, &self.aval.shape);
        self.data[flat] = x;
        self.splat = None;
    }

    /// The single element of an array of size one.
    pub fn item(&self) -> Scalar {
        self.data[0]
    }

    /// All elements as f64.
    pub fn to_f64s(&self) -> Vec<f64> {
        self.data.iter().map(|x| x.to_f64()).collect()
    }

    /// The same elements under another shape of the same size.
    pub fn reshaped(&self, shape: &[usize]) -> Array {
        Array::new(Aval::new(self.dtype(), shape), self.data.clone())
    }

    /// Whether every element has the same bits as the first.
    pub fn is_splat(&self) -> bool {
        self.splat.unwrap_or_else(|| self.data.iter().all(|x| *x == self.data[0]))
    }
}

/// Row-major position of `ix` in an array of `shape`.
pub fn ravel(ix: &[usize], shape: &[usize]) -> usize {
    ix.iter().zip(shape).fold(0, |flat, (i, n)| flat * n + i)
}

/// Row-major strides of `shape`, in elements.
pub fn strides(shape: &[usize]) -> Vec<usize> {
    let mut out = vec![1; shape.len()];
    for d in (1..shape.len()).rev() {
        out[d - 1] = out[d] * shape[d];
    }
    out
}

/// Every index of `shape` in row-major order.
pub fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let shape = shape.to_vec();
    let size: usize = shape.iter().product();
    (0..size).map(move |mut flat| {
        let mut ix = vec![0; shape.len()];
        for d in (0..shape.len()).rev() {
            ix[d] = flat % shape[d];
            flat /= shape[d];
        }
        ix
    })
}

/// `f32[2,3]{1.0, 2.0, ..}`; a splat is `f32[2,3]{1.0}`.
impl fmt::Display for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{", self.aval)?;
        let shown = if self.is_splat_of_many() { &self.data[..1] } else { &self.data[..] };
        for (n, x) in shown.iter().enumerate() {
            write!(f, "{}{x}", if n == 0 { "" } else { ", " })?;
        }
        write!(f, "}}")
    }
}

impl Array {
    fn is_splat_of_many(&self) -> bool {
        self.data.len() > 1 && self.is_splat()
    }
}
