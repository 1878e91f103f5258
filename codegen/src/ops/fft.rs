//! `fft`: discrete Fourier transforms along the last axis.
//!
//! On the device a call of `fft`, `rfft` or `irfft` with the extents as generic arguments; see `kiln_math::fft`.

use kiln_math::Complex;
pub use kiln_math::fft::Kind;
use kiln_math::fft::{fft_of, scratch_len, table_len, table_of};
use kiln_math::linalg::Real as RealNumber;

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Graph, Var};
use crate::ops::{
    Batched, BroadcastInDim, Conj, Lowering, Mul, OpError, Operand, Pad, Primitive, Real, Tangent, param,
};
use crate::text::Params;

/// `X[k] = sum of x[j] exp(-2 pi i j k / n)` along the last axis, of length `n`. Lowered as [`TabledFft`].
///
/// Linear, and but for a real side symmetric: the transpose of a transform is itself.
#[derive(Clone, Debug)]
pub struct Fft {
    /// Which transform.
    pub kind: Kind,
    /// Its length: of the real side, where one side is real.
    pub n: usize,
}

const KINDS: [(Kind, &str); 4] =
    [(Kind::Forward, "fft"), (Kind::Inverse, "ifft"), (Kind::Real, "rfft"), (Kind::RealInverse, "irfft")];

impl Fft {
    /// Constructor from the text form.
    pub fn parse(p: &Params) -> Result<Fft, String> {
        let name = p.word("kind")?;
        let kind = KINDS.iter().find(|(_, n)| *n == name).ok_or_else(|| format!("`{name}` is not a transform"))?;
        Ok(Fft { kind: kind.0, n: p.usize("n")? })
    }

    fn kind_name(&self) -> &'static str {
        KINDS.iter().find(|(k, _)| *k == self.kind).map_or("fft", |(_, n)| n)
    }

    /// The factors of the unit circle, for transforms of numbers of this dtype.
    fn table(&self, complex: DType) -> Array {
        let mut wide = vec![Complex { re: 0.0, im: 0.0 }; table_len(self.kind, self.n)];
        table_of(self.kind, self.n, &mut wide);
        let narrow = |w: Complex<f64>| match complex {
            DType::C128 => Scalar::C128(w),
            _ => Scalar::C64(Complex { re: w.re as f32, im: w.im as f32 }),
        };
        Array::new(Aval::new(complex, &[wide.len()]), wide.into_iter().map(narrow).collect())
    }

    /// Extents of the last axis of the operand and the result.
    fn sides(&self) -> (usize, usize) {
        let half = self.n / 2 + 1;
        match self.kind {
            Kind::Forward | Kind::Inverse => (self.n, self.n),
            Kind::Real => (self.n, half),
            Kind::RealInverse => (half, self.n),
        }
    }

    fn with_last(x: &Aval, n: usize) -> Aval {
        let mut shape = x.shape.to_vec();
        if let Some(last) = shape.last_mut() {
            *last = n;
        }
        x.with_shape(&shape)
    }

    fn run<T: RealNumber>(
        &self,
        x: &Array,
        table: &Array,
        complex: impl Fn(&Scalar) -> Complex<T>,
        real: impl Fn(&Scalar) -> T,
    ) -> (Vec<Complex<T>>, Vec<T>) {
        let (from, to) = self.sides();
        let batch = x.data().len().checked_div(from).unwrap_or(0);
        let zero = Complex { re: T::ZERO, im: T::ZERO };
        let mut scratch = vec![zero; scratch_len(self.kind, self.n)];
        let table: Vec<Complex<T>> = table.data().iter().map(&complex).collect();
        let (mut z, mut r) = (Vec::new(), Vec::new());
        let (mut zs, mut rs) = (Vec::new(), Vec::new());
        match self.kind {
            Kind::Real => rs = x.data().iter().map(real).collect(),
            _ => zs = x.data().iter().map(&complex).collect(),
        }
        match self.kind {
            Kind::RealInverse => r = vec![T::ZERO; batch * to],
            _ => z = vec![zero; batch * to],
        }
        fft_of(self.kind, [batch, self.n], (&zs, &rs), &table, (&mut z, &mut r), &mut scratch);
        (z, r)
    }

    /// The transform of every row, with the given table.
    fn apply(&self, x: &Array, table: &Array) -> Array {
        let out = self.abstract_eval(&[x.aval()]).expect("checked").remove(0);
        let data = match table.dtype() {
            DType::C128 => {
                let complex = |s: &Scalar| match s {
                    Scalar::C128(z) => *z,
                    other => Complex { re: other.to_f64(), im: 0.0 },
                };
                let (z, r) = self.run(x, table, complex, |s| s.to_f64());
                z.into_iter().map(Scalar::C128).chain(r.into_iter().map(Scalar::F64)).collect()
            }
            _ => {
                let complex = |s: &Scalar| match s {
                    Scalar::C64(z) => *z,
                    other => Complex { re: other.to_f64() as f32, im: 0.0 },
                };
                let (z, r) = self.run(x, table, complex, |s| s.to_f64() as f32);
                z.into_iter().map(Scalar::C64).chain(r.into_iter().map(Scalar::F32)).collect()
            }
        };
        Array::new(out, data)
    }
}

/// The complex dtype with parts of `d`, or `d` itself.
fn complex_of(d: DType) -> DType {
    match d {
        DType::F64 | DType::C128 => DType::C128,
        _ => DType::C64,
    }
}

impl Primitive for Fft {
    fn name(&self) -> &'static str {
        "fft"
    }

    fn params(&self) -> Params {
        [param("kind", self.kind_name()), param("n", self.n as i64)].into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let [x] = ins else {
            return Err(OpError::new(format!("`fft` takes 1 operand, not {}", ins.len())));
        };
        let (from, to) = self.sides();
        let fits = match self.kind {
            Kind::Real => matches!(x.dtype, DType::F32 | DType::F64),
            _ => x.dtype.is_complex(),
        };
        let name = self.kind_name();
        if !fits || self.n == 0 || x.shape.last() != Some(&from) {
            let numbers = if self.kind == Kind::Real { "f32 or f64" } else { "complex numbers" };
            return Err(OpError::new(format!("`{name}` of length {} takes rows of {from} {numbers}, found {x}", self.n)).at(0));
        }
        let complex = complex_of(x.dtype);
        let dtype = match (self.kind, complex) {
            (Kind::RealInverse, DType::C128) => DType::F64,
            (Kind::RealInverse, _) => DType::F32,
            _ => complex,
        };
        Ok(vec![Fft::with_last(&x.with_dtype(dtype), to)])
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let table = self.table(complex_of(ins[0].dtype()));
        vec![self.apply(ins[0], &table)]
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let y = g.bind1(self.clone(), x);
        (vec![y], vec![t[0].map(|t| g.bind1(self.clone(), &[t]))])
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], _ins: &[Operand]) -> Vec<Tangent> {
        let Some(ct) = ct[0] else { return vec![None] };
        let x = match self.kind {
            Kind::Forward | Kind::Inverse => g.bind1(self.clone(), &[ct]),
            // The half that is kept, of the transform of a complex row with real parts only.
            Kind::Real => {
                let aval = g.aval(ct).clone();
                let axis = aval.rank() - 1;
                let mut hi = vec![0; axis + 1];
                hi[axis] = (self.n - aval.shape[axis]) as i64;
                let zero = g.full(aval.dtype, &[], 0.0);
                let padded = g.bind1(Pad { lo: vec![0; axis + 1], hi, interior: vec![0; axis + 1] }, &[ct, zero]);
                let whole = g.bind1(Fft { kind: Kind::Forward, n: self.n }, &[padded]);
                g.bind1(Real, &[whole])
            }
            // Every number but the first, and the last of an even length, stands for itself and its mirror image.
            Kind::RealInverse => {
                let half = g.bind1(Fft { kind: Kind::Real, n: self.n }, &[ct]);
                let out = g.aval(half).clone();
                let axis = out.rank() - 1;
                let times = |k: usize| if k == 0 || 2 * k == self.n { 1.0 } else { 2.0 };
                let weight = |k| Scalar::from_f64(out.dtype, times(k) / self.n as f64);
                let row = Aval::new(out.dtype, &[out.shape[axis]]);
                let weights = g.constant(Array::new(row, (0..out.shape[axis]).map(weight).collect()));
                let weights = g.bind1(BroadcastInDim { shape: out.shape.to_vec(), dims: vec![axis] }, &[weights]);
                let half = g.bind1(Conj, &[half]);
                g.bind1(Mul, &[half, weights])
            }
        };
        vec![Some(x)]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        vec![Batched { var: g.bind1(self.clone(), &[ins[0].var]), batched: true }]
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Region
    }

    fn is_inlined(&self) -> bool {
        true
    }

    fn inlined_on(&self, g: &mut Graph, ins: &[Var]) -> Option<Vec<Var>> {
        let dtype = complex_of(g.dtype(ins[0]));
        let table = g.constant(self.table(dtype));
        let mut outs = g.bind(TabledFft(self.clone()), &[ins[0], table]);
        outs.truncate(1);
        Some(outs)
    }

    fn flops(&self, ins: &[&Aval]) -> u64 {
        TabledFft(self.clone()).flops(ins)
    }
}

/// [`Fft`] with the factors of the unit circle as second operand, in the order of `kiln_math::fft`: what kernels call. It
/// takes the place of `Fft` when nothing is differentiated or batched any more. Where the transform needs room to work in,
/// that is a second result, which is not read.
#[derive(Clone, Debug)]
pub struct TabledFft(pub Fft);

impl TabledFft {
    fn results(&self) -> usize {
        1 + usize::from(scratch_len(self.0.kind, self.0.n) > 0)
    }

    /// The results of [`Fft`], and room that nothing stands in.
    fn with_room(&self, g: &mut Graph, mut ys: Vec<Var>) -> Vec<Var> {
        if self.results() > 1 {
            let dtype = complex_of(g.dtype(ys[0]));
            ys.push(g.zeros(&Aval::new(dtype, &[scratch_len(self.0.kind, self.0.n)])));
        }
        ys
    }
}

impl Primitive for TabledFft {
    fn name(&self) -> &'static str {
        "fft_tabled"
    }

    fn params(&self) -> Params {
        self.0.params()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let [x, table] = ins else {
            return Err(OpError::new(format!("`fft_tabled` takes 2 operands, not {}", ins.len())));
        };
        if table.dtype != complex_of(x.dtype) || *table.shape != [table_len(self.0.kind, self.0.n)] {
            return Err(OpError::new(format!("{table} is not the table of a transform of {x}")).at(1));
        }
        let mut outs = self.0.abstract_eval(&[x])?;
        let room = scratch_len(self.0.kind, self.0.n);
        if room > 0 {
            outs.push(Aval::new(table.dtype, &[room]));
        }
        Ok(outs)
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let avals = self.abstract_eval(&[ins[0].aval(), ins[1].aval()]).expect("checked");
        let room = avals.get(1).map(|a| Array::full(a, Scalar::zero(a.dtype)));
        std::iter::once(self.0.apply(ins[0], ins[1])).chain(room).collect()
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let (ys, ts) = self.0.jvp(g, &x[..1], &t[..1]);
        (self.with_room(g, ys), ts.into_iter().chain([None]).take(self.results()).collect())
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        vec![self.0.transpose(g, &ct[..1], &ins[..1]).remove(0), None]
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], _size: usize) -> Vec<Batched> {
        let outs = g.bind(self.clone(), &[ins[0].var, ins[1].var]);
        outs.into_iter().enumerate().map(|(k, var)| Batched { var, batched: k == 0 }).collect()
    }

    fn lowering(&self, ins: &[&Aval]) -> Lowering {
        let Fft { kind, n } = self.0;
        let batch = ins[0].size().checked_div(self.0.sides().0).unwrap_or(0);
        let mut consts = vec![batch, n];
        let function = match (kind, scratch_len(kind, n)) {
            (Kind::Forward | Kind::Inverse, 0) => "fft",
            (Kind::Forward | Kind::Inverse, _) => "fft_padded",
            (Kind::Real, 0) => "rfft",
            (Kind::Real, _) => "rfft_padded",
            (Kind::RealInverse, _) => "irfft",
        };
        if matches!(kind, Kind::Forward | Kind::Inverse) {
            consts.push(usize::from(kind == Kind::Inverse));
        }
        Lowering::Call { function, consts, scratch: Vec::new() }
    }

    /// `5 n log2 n` for complex numbers, half of it for real ones: the count that transforms are compared by.
    fn flops(&self, ins: &[&Aval]) -> u64 {
        let Fft { kind, n } = self.0;
        let rows = ins[0].size().checked_div(self.0.sides().0).unwrap_or(0);
        let per = 5 * n as u64 * u64::from(n.max(1).ilog2() + u32::from(!n.is_power_of_two()));
        rows as u64 * if matches!(kind, Kind::Real | Kind::RealInverse) { per / 2 } else { per }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::laws::{check_op_at, check_op_error};

    fn numbers(dtype: DType, shape: &[usize]) -> Array {
        let n: usize = shape.iter().product();
        let at = |k: usize| ((k * 37 + 11) % 19) as f64 / 7.0 - 1.3;
        let data = (0..n)
            .map(|k| match dtype {
                DType::C128 => Scalar::C128(Complex { re: at(2 * k), im: at(2 * k + 1) }),
                DType::C64 => Scalar::C64(Complex { re: at(2 * k) as f32, im: at(2 * k + 1) as f32 }),
                d => Scalar::from_f64(d, at(k)),
            })
            .collect();
        Array::new(Aval::new(dtype, shape), data)
    }

    #[test]
    fn laws() {
        for n in [1, 2, 3, 4, 5, 6, 7, 8, 12, 37] {
            let half = n / 2 + 1;
            for kind in [Kind::Forward, Kind::Inverse] {
                check_op_at(Fft { kind, n }, &[numbers(DType::C128, &[2, n])]);
            }
            check_op_at(Fft { kind: Kind::Real, n }, &[numbers(DType::F64, &[n])]);
            check_op_at(Fft { kind: Kind::RealInverse, n }, &[numbers(DType::C128, &[2, half])]);
        }
        check_op_error(
            Fft { kind: Kind::Real, n: 4 },
            &["f32[5]"],
            expect_test::expect!["`rfft` of length 4 takes rows of 4 f32 or f64, found f32[5]"],
        );
    }
}
