//! Discrete Fourier transforms of any length, without allocation, recursion or panic.
//!
//! `X[k] = sum of x[j] exp(-2 pi i j k / n)`. A length is taken apart into factors: 8, 4, 3, 5 and other primes up to 31
//! have butterflies. The input is read in the order of its reversed digits, and everything after that happens in place in
//! the result: `n log n` operations, no second buffer. A length with a larger prime goes through a transform of a power of
//! two (Bluestein), which needs two buffers of that length. Real transforms of even length are complex ones of half the
//! length. Errors are a few ulp of the largest magnitude, growing with the logarithm of the length.
//!
//! The factors of the unit circle come as a table, made by [`table_of`] while compiling, in the order in which they are read.
//!
//! Sources: Cooley and Tukey (Math. Comp. 19, 1965); Temperton, "Self-sorting mixed-radix fast Fourier transforms" (J. Comput.
//! Phys. 52, 1983) for the butterflies; Bluestein (IEEE Trans. Audio Electroacoust. 18, 1970).

use num_complex::Complex;

use crate::linalg::{Real, piece, piece_mut};

/// What a transform takes and yields.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Kind {
    /// Complex to complex.
    Forward,
    /// The inverse of `Forward`.
    Inverse,
    /// Real to the first half of its transform.
    Real,
    /// The inverse of `Real`.
    RealInverse,
}

/// Largest prime with a butterfly of its own.
const LARGEST: usize = 31;

/// How a length is taken apart.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    n: usize,
    radices: [usize; 32],
    /// What a step of the counter of each stage's blocks adds to the index that is read.
    strides: [usize; 32],
    stages: usize,
    /// Length of the transform that stands in for this one; 0 where none has to.
    padded: usize,
}

impl Plan {
    /// Of a length.
    pub const fn of(n: usize) -> Plan {
        let mut plan = Plan { n, radices: [1; 32], strides: [1; 32], stages: 0, padded: 0 };
        let mut rest = if n == 0 { 1 } else { n };
        let mut twos = 0;
        while rest.is_multiple_of(2) {
            rest /= 2;
            twos += 1;
        }
        let mut radix = 3;
        if twos % 2 == 1 {
            plan = plan.and(if twos >= 3 { 8 } else { 2 });
            twos -= if twos >= 3 { 3 } else { 1 };
        }
        while twos > 0 {
            plan = plan.and(4);
            twos -= 2;
        }
        while rest > 1 {
            if rest.is_multiple_of(radix) {
                if radix > LARGEST {
                    plan.padded = (2 * n - 1).next_power_of_two();
                    return plan;
                }
                plan = plan.and(radix);
                rest /= radix;
            } else if radix > LARGEST && radix * radix > rest {
                radix = rest;
            } else {
                radix += 2;
            }
        }
        let mut stride = n;
        let mut stage = 0;
        while stage < plan.stages {
            stride /= plan.radix(stage);
            plan = plan.with_stride(stage, stride);
            stage += 1;
        }
        plan
    }

    #[allow(clippy::indexing_slicing)] // Stages are fewer than 32: every one at least halves the length.
    const fn and(mut self, radix: usize) -> Plan {
        self.radices[self.stages] = radix;
        self.stages += 1;
        self
    }

    #[allow(clippy::indexing_slicing)] // As above.
    const fn radix(&self, stage: usize) -> usize {
        self.radices[stage]
    }

    #[allow(clippy::indexing_slicing)] // As above.
    const fn with_stride(mut self, stage: usize, stride: usize) -> Plan {
        self.strides[stage] = stride;
        self
    }

    /// Length of the table.
    const fn table_len(&self) -> usize {
        if self.padded > 0 {
            return self.n + self.padded + Plan::of(self.padded).table_len();
        }
        let (mut len, mut m, mut stage) = (0, 1, 0);
        while stage < self.stages {
            let r = self.radix(stage);
            if r > 5 && r != 8 {
                len += r;
            }
            if stage > 0 {
                len += (r - 1) * m;
            }
            m *= r;
            stage += 1;
        }
        len
    }
}

/// The plan of a length, made while compiling.
struct Of<const N: usize>;

impl<const N: usize> Of<N> {
    const WHOLE: Plan = Plan::of(N);
    const HALF: Plan = Plan::of(N / 2);
    const PADDED: Plan = Plan::of(Plan::of(N).padded);
    const HALF_PADDED: Plan = Plan::of(Plan::of(N / 2).padded);
}

/// A plan, and that of the transform which stands in for it.
struct Plans<'a> {
    own: &'a Plan,
    padded: &'a Plan,
}

/// Length of the complex transform that does the work.
const fn core_len(kind: Kind, n: usize) -> usize {
    match kind {
        Kind::Real | Kind::RealInverse if n.is_multiple_of(2) => n / 2,
        _ => n,
    }
}

/// Length of the table of a transform of length `n`.
pub const fn table_len(kind: Kind, n: usize) -> usize {
    let core = core_len(kind, n);
    let split = if core == n { 0 } else { core / 2 + 1 };
    Plan::of(core).table_len() + split
}

/// Length of the buffer that a transform of length `n` needs beside its result.
pub const fn scratch_len(kind: Kind, n: usize) -> usize {
    let core = core_len(kind, n);
    let padded = 2 * Plan::of(core).padded;
    match kind {
        Kind::Forward | Kind::Inverse => padded,
        Kind::Real if core < n => padded,
        Kind::Real => n + padded,
        Kind::RealInverse => core + padded,
    }
}

/// `exp(-2 pi i k / n)`, from angles of at most an eighth of the circle.
fn unit(k: usize, n: usize) -> Complex<f64> {
    let k = k % n;
    let at = |k: usize| {
        let angle = core::f64::consts::TAU * (k as f64) / (n as f64);
        (libm::cos(angle), libm::sin(angle))
    };
    // In eighths of the circle, by symmetry.
    let eighth = 8 * k / n;
    let (re, im) = match eighth {
        0 => at(k),
        1 | 2 => {
            let angle = core::f64::consts::TAU * (k as f64 - n as f64 / 4.0) / (n as f64);
            (-libm::sin(angle), libm::cos(angle))
        }
        3 | 4 => {
            let angle = core::f64::consts::TAU * (k as f64 - n as f64 / 2.0) / (n as f64);
            (-libm::cos(angle), -libm::sin(angle))
        }
        5 | 6 => {
            let angle = core::f64::consts::TAU * (k as f64 - 3.0 * n as f64 / 4.0) / (n as f64);
            (libm::sin(angle), -libm::cos(angle))
        }
        _ => {
            let (c, s) = at(n - k);
            (c, -s)
        }
    };
    Complex { re, im: -im }
}

/// Fills the table of a transform of length `n`; `out` has [`table_len`] elements.
pub fn table_of(kind: Kind, n: usize, out: &mut [Complex<f64>]) {
    let core = core_len(kind, n);
    let (own, split) = out.split_at_mut_checked(Plan::of(core).table_len()).unwrap_or((&mut [], &mut []));
    fill(&Plan::of(core), own);
    for (k, w) in split.iter_mut().enumerate() {
        *w = unit(k, n);
    }
}

fn fill(plan: &Plan, out: &mut [Complex<f64>]) {
    let n = plan.n;
    if plan.padded > 0 {
        // exp(-pi i k^2 / n); the transform of its conjugate; the table of that transform.
        let chirp = |k: usize| unit((k as u128 * k as u128 % (2 * n as u128)) as usize, 2 * n);
        let (chirps, rest) = out.split_at_mut_checked(n).unwrap_or((&mut [], &mut []));
        for (k, w) in chirps.iter_mut().enumerate() {
            *w = chirp(k);
        }
        let (filter, table) = rest.split_at_mut_checked(plan.padded).unwrap_or((&mut [], &mut []));
        let padded = Plan::of(plan.padded);
        fill(&padded, table);
        direct(&padded, table, filter, |j| {
            let distance = j.min(plan.padded - j);
            if distance < n { chirp(distance).conj() } else { Complex { re: 0.0, im: 0.0 } }
        });
        return;
    }
    let (mut m, mut at) = (1, out.iter_mut());
    for (stage, r) in plan.radices.iter().take(plan.stages).enumerate() {
        if *r > 5 && *r != 8 {
            for (k, w) in at.by_ref().take(*r).enumerate() {
                *w = unit(k, *r);
            }
        }
        if stage > 0 {
            for (place, w) in at.by_ref().take((r - 1) * m).enumerate() {
                let (k, j) = (place / (r - 1), place % (r - 1) + 1);
                *w = unit(j * k, r * m);
            }
        }
        m *= r;
    }
}

#[inline(always)]
fn add<T: Real>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    Complex { re: a.re.plus(b.re), im: a.im.plus(b.im) }
}

#[inline(always)]
fn sub<T: Real>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    Complex { re: a.re.minus(b.re), im: a.im.minus(b.im) }
}

#[inline(always)]
fn mul<T: Real>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    Complex { re: a.re.times(b.re).minus(a.im.times(b.im)), im: a.re.times(b.im).plus(a.im.times(b.re)) }
}

#[inline(always)]
fn scale<T: Real>(a: Complex<T>, s: T) -> Complex<T> {
    Complex { re: a.re.times(s), im: a.im.times(s) }
}

/// `-i a`.
#[inline(always)]
fn turn<T: Real>(a: Complex<T>) -> Complex<T> {
    Complex { re: a.im, im: T::ZERO.minus(a.re) }
}

#[inline(always)]
fn swap<T: Real>(a: Complex<T>) -> Complex<T> {
    Complex { re: a.im, im: a.re }
}

#[inline(always)]
fn conj<T: Real>(a: Complex<T>) -> Complex<T> {
    Complex { re: a.re, im: T::ZERO.minus(a.im) }
}

#[inline(always)]
fn zero<T: Real>() -> Complex<T> {
    Complex { re: T::ZERO, im: T::ZERO }
}

/// A constant that is rounded from `f64`.
#[inline(always)]
fn number<T: Real>(x: f64) -> T {
    T::from_f64(x)
}

#[inline(always)]
fn two<T: Real>([a, b]: [Complex<T>; 2]) -> [Complex<T>; 2] {
    [add(a, b), sub(a, b)]
}

#[inline(always)]
fn three<T: Real>([a, b, c]: [Complex<T>; 3]) -> [Complex<T>; 3] {
    let sum = add(b, c);
    let u = sub(a, scale(sum, number(0.5)));
    let v = turn(scale(sub(b, c), number(0.866_025_403_784_438_6)));
    [add(a, sum), add(u, v), sub(u, v)]
}

#[inline(always)]
fn four<T: Real>([a, b, c, d]: [Complex<T>; 4]) -> [Complex<T>; 4] {
    let (p, q) = (add(a, c), sub(a, c));
    let (r, s) = (add(b, d), turn(sub(b, d)));
    [add(p, r), add(q, s), sub(p, r), sub(q, s)]
}

#[inline(always)]
fn five<T: Real>([a, b, c, d, e]: [Complex<T>; 5]) -> [Complex<T>; 5] {
    let (p, q) = (add(b, e), add(c, d));
    let (r, s) = (turn(sub(b, e)), turn(sub(c, d)));
    // Cosines and sines of a fifth and of two fifths of the circle.
    let (c1, c2) = (number(0.309_016_994_374_947_45), number(-0.809_016_994_374_947_5));
    let (s1, s2) = (number(0.951_056_516_295_153_5), number(0.587_785_252_292_473_1));
    let (u, v) = (add(a, add(scale(p, c1), scale(q, c2))), add(a, add(scale(p, c2), scale(q, c1))));
    let (w, x) = (add(scale(r, s1), scale(s, s2)), sub(scale(r, s2), scale(s, s1)));
    [add(a, add(p, q)), add(u, w), add(v, x), sub(v, x), sub(u, w)]
}

#[inline(always)]
fn eight<T: Real>([a, b, c, d, e, f, g, h]: [Complex<T>; 8]) -> [Complex<T>; 8] {
    let [p0, p1, p2, p3] = four([a, c, e, g]);
    let [q0, q1, q2, q3] = four([b, d, f, h]);
    let half = number(core::f64::consts::FRAC_1_SQRT_2);
    let q1 = scale(add(q1, turn(q1)), half);
    let q2 = turn(q2);
    let q3 = scale(sub(turn(q3), q3), half);
    [add(p0, q0), add(p1, q1), add(p2, q2), add(p3, q3), sub(p0, q0), sub(p1, q1), sub(p2, q2), sub(p3, q3)]
}

/// The first `n` elements and the others.
fn cut<T>(x: &[T], n: usize) -> (&[T], &[T]) {
    x.split_at_checked(n).unwrap_or((&[], &[]))
}

fn cut_mut<T>(x: &mut [T], n: usize) -> (&mut [T], &mut [T]) {
    x.split_at_mut_checked(n).unwrap_or((&mut [], &mut []))
}

/// The butterfly of any prime up to [`LARGEST`]: the sums as they are defined.
fn prime<T: Real>(x: &mut [Complex<T>; LARGEST + 1], roots: &[Complex<T>], mut put: impl FnMut(usize, Complex<T>)) {
    let r = roots.len();
    for q in 0..r {
        let (mut sum, mut at) = (zero(), 0);
        for x in x.iter().take(r) {
            sum = add(sum, mul(*x, roots.get(at).copied().unwrap_or(zero())));
            at += q;
            if at >= r {
                at -= r;
            }
        }
        put(q, sum);
    }
}

/// The transform of what `load` yields, in `dst`.
#[inline(always)]
fn direct<T: Real>(plan: &Plan, table: &[Complex<T>], dst: &mut [Complex<T>], load: impl Fn(usize) -> Complex<T>) {
    let Some((first, later)) = plan.radices.split_first() else { return };
    let (Some((stride, steps)), true) = (plan.strides.split_first(), plan.stages > 0) else {
        if let Some(slot) = dst.first_mut() {
            *slot = load(0);
        }
        return;
    };
    let generic = |r: usize| r > 5 && r != 8;
    let (roots, mut table) = cut(table, if generic(*first) { *first } else { 0 });
    // The first stage reads the input in the order of its reversed digits.
    let (mut digits, mut at) = ([0; 32], 0);
    for block in dst.chunks_exact_mut((*first).max(1)) {
        let from = |j: usize| load(at + j * stride);
        match *first {
            2 => put(block, two([from(0), from(1)])),
            3 => put(block, three([from(0), from(1), from(2)])),
            4 => put(block, four([from(0), from(1), from(2), from(3)])),
            5 => put(block, five([from(0), from(1), from(2), from(3), from(4)])),
            8 => {
                let x = [from(0), from(1), from(2), from(3), from(4), from(5), from(6), from(7)];
                put(block, eight(x));
            }
            _ => {
                let mut x = [zero(); LARGEST + 1];
                for (j, x) in x.iter_mut().take(*first).enumerate() {
                    *x = from(j);
                }
                prime(&mut x, roots, |q, y| {
                    if let Some(slot) = block.get_mut(q) {
                        *slot = y;
                    }
                });
            }
        }
        for ((digit, radix), step) in digits.iter_mut().zip(later).zip(steps).take(plan.stages - 1) {
            at += step;
            *digit += 1;
            if *digit < *radix {
                break;
            }
            at -= step * radix;
            *digit = 0;
        }
    }
    let mut m = *first;
    for r in later.iter().take(plan.stages - 1) {
        let (roots, rest) = cut(table, if generic(*r) { *r } else { 0 });
        let (twiddles, rest) = cut(rest, (r - 1) * m);
        table = rest;
        for block in dst.chunks_exact_mut((r * m).max(1)) {
            stage(*r, m, block, twiddles, roots);
        }
        m *= r;
    }
}

#[inline(always)]
fn put<T: Real, const R: usize>(block: &mut [Complex<T>], y: [Complex<T>; R]) {
    for (slot, y) in block.iter_mut().zip(y) {
        *slot = y;
    }
}

/// Combines `r` transforms of length `m` that stand one behind the other into one.
#[inline(always)]
fn stage<T: Real>(r: usize, m: usize, block: &mut [Complex<T>], twiddles: &[Complex<T>], roots: &[Complex<T>]) {
    let (a, rest) = cut_mut(block, m);
    match r {
        3 => {
            let (b, c) = cut_mut(rest, m);
            for (((a, b), c), [u, v]) in a.iter_mut().zip(b).zip(c).zip(twiddles.as_chunks::<2>().0) {
                [*a, *b, *c] = three([*a, mul(*b, *u), mul(*c, *v)]);
            }
        }
        4 => {
            let (b, rest) = cut_mut(rest, m);
            let (c, d) = cut_mut(rest, m);
            for ((((a, b), c), d), [u, v, w]) in a.iter_mut().zip(b).zip(c).zip(d).zip(twiddles.as_chunks::<3>().0) {
                [*a, *b, *c, *d] = four([*a, mul(*b, *u), mul(*c, *v), mul(*d, *w)]);
            }
        }
        5 => {
            let (b, rest) = cut_mut(rest, m);
            let (c, rest) = cut_mut(rest, m);
            let (d, e) = cut_mut(rest, m);
            let rows = a.iter_mut().zip(b).zip(c).zip(d).zip(e);
            for (((((a, b), c), d), e), [u, v, w, x]) in rows.zip(twiddles.as_chunks::<4>().0) {
                [*a, *b, *c, *d, *e] = five([*a, mul(*b, *u), mul(*c, *v), mul(*d, *w), mul(*e, *x)]);
            }
        }
        _ => {
            for (k, twiddles) in twiddles.chunks_exact((r - 1).max(1)).enumerate() {
                let mut x = [zero(); LARGEST + 1];
                for (j, slot) in x.iter_mut().take(r).enumerate() {
                    let from = if j == 0 { a.get(k) } else { rest.get((j - 1) * m + k) };
                    let w = if j == 0 {
                        Complex { re: T::ONE, im: T::ZERO }
                    } else {
                        twiddles.get(j - 1).copied().unwrap_or(zero())
                    };
                    *slot = mul(from.copied().unwrap_or(zero()), w);
                }
                prime(&mut x, roots, |q, y| {
                    let to = if q == 0 { a.get_mut(k) } else { rest.get_mut((q - 1) * m + k) };
                    if let Some(slot) = to {
                        *slot = y;
                    }
                });
            }
        }
    }
}

/// A transform of any length; `scratch` is used where another length stands in.
#[inline(always)]
fn complex<T: Real>(
    plans: &Plans<'_>,
    table: &[Complex<T>],
    dst: &mut [Complex<T>],
    scratch: &mut [Complex<T>],
    load: impl Fn(usize) -> Complex<T>,
) {
    let (n, m) = (plans.own.n, plans.own.padded);
    if m == 0 {
        return direct(plans.own, table, dst, load);
    }
    let (chirps, rest) = cut(table, n);
    let (filter, table) = cut(rest, m);
    let (a, b) = cut_mut(scratch, m);
    direct(plans.padded, table, a, |j| chirps.get(j).map_or(zero(), |w| mul(load(j), *w)));
    // The inverse transform of the product, by exchanging real and imaginary parts.
    direct(plans.padded, table, b, |j| match (a.get(j), filter.get(j)) {
        (Some(x), Some(f)) => swap(mul(*x, *f)),
        _ => zero(),
    });
    let size = number::<T>(1.0 / m as f64);
    for ((slot, y), w) in dst.iter_mut().zip(b.iter()).zip(chirps) {
        *slot = mul(scale(swap(*y), size), *w);
    }
}

/// Complex transforms of the rows of `x`, forward or inverse.
#[inline(always)]
fn rows<T: Real>(
    plans: &Plans<'_>,
    inverse: bool,
    x: &[Complex<T>],
    table: &[Complex<T>],
    out: &mut [Complex<T>],
    scratch: &mut [Complex<T>],
    batch: usize,
) {
    let n = plans.own.n;
    let size = number::<T>(1.0 / n as f64);
    for b in 0..batch {
        let (x, out) = (piece(x, b, n), piece_mut(out, b, n));
        let at = |j: usize| x.get(j).copied().unwrap_or(zero());
        if inverse {
            complex(plans, table, out, scratch, |j| swap(at(j)));
            for y in out.iter_mut() {
                *y = scale(swap(*y), size);
            }
        } else {
            complex(plans, table, out, scratch, at);
        }
    }
}

/// Real transforms of the rows of `x`. Pairs of reals are complex numbers where the length is even.
#[inline(always)]
fn real_rows<T: Real>(
    plans: &Plans<'_>,
    n: usize,
    x: &[T],
    table: &[Complex<T>],
    out: &mut [Complex<T>],
    scratch: &mut [Complex<T>],
    batch: usize,
) {
    let h = n / 2;
    for b in 0..batch {
        let (x, out) = (piece(x, b, n), piece_mut(out, b, h + 1));
        if !n.is_multiple_of(2) {
            let (whole, scratch) = cut_mut(scratch, n);
            complex(plans, table, whole, scratch, |j| Complex {
                re: x.get(j).copied().unwrap_or(T::ZERO),
                im: T::ZERO,
            });
            for (slot, y) in out.iter_mut().zip(whole.iter()) {
                *slot = *y;
            }
            continue;
        }
        let (table, split) = cut(table, table.len() - (h / 2 + 1));
        let pairs = x.as_chunks::<2>().0;
        let (core, last) = cut_mut(out, h);
        complex(plans, table, core, scratch, |j| pairs.get(j).map_or(zero(), |[re, im]| Complex { re: *re, im: *im }));
        // With Z = E + i O: E is the transform of the even elements, O that of the odd ones; X[k] = E + w^k O.
        let half = number::<T>(0.5);
        let Some((first, others)) = core.split_first_mut() else { continue };
        let z = *first;
        *first = Complex { re: z.re.plus(z.im), im: T::ZERO };
        if let Some(slot) = last.first_mut() {
            *slot = Complex { re: z.re.minus(z.im), im: T::ZERO };
        }
        let (mut others, mut w) = (others, split.iter().skip(1));
        while let [a, inner @ .., b] = others {
            let w = w.next().copied().unwrap_or(zero());
            let even = scale(Complex { re: a.re.plus(b.re), im: a.im.minus(b.im) }, half);
            let odd = scale(Complex { re: a.im.plus(b.im), im: b.re.minus(a.re) }, half);
            let t = mul(odd, w);
            *a = add(even, t);
            *b = Complex { re: even.re.minus(t.re), im: t.im.minus(even.im) };
            others = inner;
        }
        // A quarter of the circle: w is -i.
        if let [middle] = others {
            middle.im = T::ZERO.minus(middle.im);
        }
    }
}

/// The inverses of [`real_rows`]; the imaginary parts that real numbers leave zero are not read.
#[inline(always)]
fn real_inverse_rows<T: Real>(
    plans: &Plans<'_>,
    n: usize,
    x: &[Complex<T>],
    table: &[Complex<T>],
    out: &mut [T],
    scratch: &mut [Complex<T>],
    batch: usize,
) {
    let h = n / 2;
    let core = plans.own.n;
    let size = number::<T>(1.0 / core as f64);
    let (work, scratch) = cut_mut(scratch, core);
    for b in 0..batch {
        let (x, out) = (piece(x, b, h + 1), piece_mut(out, b, n));
        let at = |k: usize| x.get(k).copied().unwrap_or(zero());
        if core == n {
            complex(plans, table, work, scratch, |k| match k {
                0 => Complex { re: T::ZERO, im: at(0).re },
                _ if k <= h => swap(at(k)),
                _ => swap(conj(at(n - k))),
            });
            for (slot, y) in out.iter_mut().zip(work.iter()) {
                *slot = y.im.times(size);
            }
            continue;
        }
        let (table, split) = cut(table, table.len() - (h / 2 + 1));
        // Twice Z = E + i O, real and imaginary part exchanged for the inverse: E from X[k] and its mirror image, O from
        // their difference turned back.
        let pairs = out.as_chunks_mut::<2>().0;
        let (a, b) = (at(0).re, at(h).re);
        let Some((first, others)) = pairs.split_first_mut() else { continue };
        *first = [a.minus(b), a.plus(b)];
        let (mut others, mut inputs) = (others, x.get(1..h).unwrap_or(&[]));
        for w in split.iter().skip(1) {
            let ([low, inner @ .., high], [a, rest @ .., b]) = (others, inputs) else { break };
            let even = Complex { re: a.re.plus(b.re), im: a.im.minus(b.im) };
            let odd = Complex { re: a.re.minus(b.re), im: a.im.plus(b.im) };
            let t = mul(odd, conj(*w));
            *low = [even.im.plus(t.re), even.re.minus(t.im)];
            *high = [t.re.minus(even.im), even.re.plus(t.im)];
            (others, inputs) = (inner, rest);
        }
        // A quarter of the circle: both images are the same number.
        if h.is_multiple_of(2) && h > 1 {
            let z = at(h / 2);
            if let Some(slot) = pairs.get_mut(h / 2) {
                *slot = [T::ZERO.minus(z.im.plus(z.im)), z.re.plus(z.re)];
            }
        }
        complex(plans, table, work, scratch, |k| pairs.get(k).map_or(zero(), |[re, im]| Complex { re: *re, im: *im }));
        let size = number::<T>(1.0 / n as f64);
        for ([re, im], y) in out.as_chunks_mut::<2>().0.iter_mut().zip(work.iter()) {
            (*re, *im) = (y.im.times(size), y.re.times(size));
        }
    }
}

/// Transforms of the `BATCH` rows of `N` complex numbers of `x`, inverse if `INVERSE` is 1, with the table of
/// [`table_of`]. For lengths whose primes are at most 31.
pub fn fft<T: Real, const BATCH: usize, const N: usize, const INVERSE: usize>(
    x: &[Complex<T>],
    table: &[Complex<T>],
    out: &mut [Complex<T>],
) {
    let plans = Plans { own: &Of::<N>::WHOLE, padded: &Of::<N>::WHOLE };
    rows(&plans, INVERSE == 1, x, table, out, &mut [], BATCH);
}

/// [`fft`] of any length, with a buffer of [`scratch_len`].
pub fn fft_padded<T: Real, const BATCH: usize, const N: usize, const INVERSE: usize>(
    x: &[Complex<T>],
    table: &[Complex<T>],
    out: &mut [Complex<T>],
    scratch: &mut [Complex<T>],
) {
    let plans = Plans { own: &Of::<N>::WHOLE, padded: &Of::<N>::PADDED };
    rows(&plans, INVERSE == 1, x, table, out, scratch, BATCH);
}

/// Transforms of the `BATCH` rows of `N` real numbers of `x`: the first `N / 2 + 1` numbers of each. For even lengths whose
/// primes are at most 31.
pub fn rfft<T: Real, const BATCH: usize, const N: usize>(x: &[T], table: &[Complex<T>], out: &mut [Complex<T>]) {
    let plans = Plans { own: &Of::<N>::HALF, padded: &Of::<N>::HALF };
    real_rows(&plans, N, x, table, out, &mut [], BATCH);
}

/// [`rfft`] of any length, with a buffer of [`scratch_len`].
pub fn rfft_padded<T: Real, const BATCH: usize, const N: usize>(
    x: &[T],
    table: &[Complex<T>],
    out: &mut [Complex<T>],
    scratch: &mut [Complex<T>],
) {
    real_rows(&real_plans::<N>(), N, x, table, out, scratch, BATCH);
}

/// The inverses of [`rfft`]: `BATCH` rows of `N` real numbers from `N / 2 + 1` complex ones, with a buffer of
/// [`scratch_len`].
pub fn irfft<T: Real, const BATCH: usize, const N: usize>(
    x: &[Complex<T>],
    table: &[Complex<T>],
    out: &mut [T],
    scratch: &mut [Complex<T>],
) {
    real_inverse_rows(&real_plans::<N>(), N, x, table, out, scratch, BATCH);
}

fn real_plans<const N: usize>() -> Plans<'static> {
    if N.is_multiple_of(2) {
        Plans { own: &Of::<N>::HALF, padded: &Of::<N>::HALF_PADDED }
    } else {
        Plans { own: &Of::<N>::WHOLE, padded: &Of::<N>::PADDED }
    }
}

/// A transform with its extents as numbers: complex rows, real rows where `kind` says so; the other kind of result is empty.
pub fn fft_of<T: Real>(
    kind: Kind,
    [batch, n]: [usize; 2],
    (x, real_x): (&[Complex<T>], &[T]),
    table: &[Complex<T>],
    (out, real_out): (&mut [Complex<T>], &mut [T]),
    scratch: &mut [Complex<T>],
) {
    let own = Plan::of(core_len(kind, n));
    let padded = Plan::of(own.padded);
    let plans = Plans { own: &own, padded: &padded };
    match kind {
        Kind::Forward | Kind::Inverse => rows(&plans, kind == Kind::Inverse, x, table, out, scratch, batch),
        Kind::Real => real_rows(&plans, n, real_x, table, out, scratch, batch),
        Kind::RealInverse => real_inverse_rows(&plans, n, x, table, real_out, scratch, batch),
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::linalg::tests::numbers;
    extern crate std;
    use std::vec;
    use std::vec::Vec;

    type C = Complex<f64>;

    fn table<T: Real>(kind: Kind, n: usize) -> Vec<Complex<T>> {
        let mut wide = vec![C { re: 0.0, im: 0.0 }; table_len(kind, n)];
        table_of(kind, n, &mut wide);
        wide.iter().map(|w| Complex { re: T::from_f64(w.re), im: T::from_f64(w.im) }).collect()
    }

    fn definition(x: &[C]) -> Vec<C> {
        let n = x.len();
        (0..n).map(|k| (0..n).fold(zero(), |sum, j| add(sum, mul(x[j], unit(j * k % n, n))))).collect()
    }

    fn run<T: Real>(kind: Kind, n: usize, x: &[Complex<T>], real: &[T]) -> (Vec<Complex<T>>, Vec<T>) {
        let mut out = vec![zero(); if kind == Kind::Real { n / 2 + 1 } else { n }];
        let mut real_out = vec![T::ZERO; n];
        let mut scratch = vec![zero(); scratch_len(kind, n)];
        let table = table(kind, n);
        fft_of(kind, [1, n], (x, real), &table, (&mut out, &mut real_out), &mut scratch);
        (out, real_out)
    }

    fn lengths() -> impl Iterator<Item = usize> {
        (1..=64).chain([72, 97, 100, 128, 180, 243, 256, 262, 341, 360, 512, 1000])
    }

    #[test]
    fn any_length_is_what_the_definition_says() {
        for n in lengths() {
            let x: Vec<C> = numbers(2 * n, 7).chunks(2).map(|p| C { re: p[0], im: p[1] }).collect();
            let want = definition(&x);
            let (found, _) = run(Kind::Forward, n, &x, &[]);
            let error = found.iter().zip(&want).map(|(a, b)| (a - b).l1_norm()).fold(0.0, f64::max);
            assert!(error < 4e-15 * n as f64, "{n}: {error}");
            let (back, _) = run(Kind::Inverse, n, &found, &[]);
            let error = back.iter().zip(&x).map(|(a, b)| (a - b).l1_norm()).fold(0.0, f64::max);
            assert!(error < 4e-15, "{n}: {error}");
        }
    }

    #[test]
    fn real_transforms_are_halves_of_complex_ones() {
        for n in lengths() {
            let x = numbers(n, 9);
            let wide: Vec<C> = x.iter().map(|re| C { re: *re, im: 0.0 }).collect();
            let want = definition(&wide);
            let (found, _) = run(Kind::Real, n, &[], &x);
            let error = found.iter().zip(&want).map(|(a, b)| (a - b).l1_norm()).fold(0.0, f64::max);
            assert!(error < 4e-15 * n as f64, "{n}: {error}");
            let (_, back) = run(Kind::RealInverse, n, &found, &[]);
            let error = back.iter().zip(&x).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < 4e-15, "{n}: {error}");
        }
    }

    /// Root mean square, relative to that of the result: some hundredths of an ulp per doubling.
    #[test]
    fn single_precision_keeps_its_digits() {
        for n in [64, 97, 100, 256, 1000, 1024, 4096] {
            let x: Vec<C> =
                numbers(2 * n, 3).chunks(2).map(|p| C { re: p[0] as f32 as f64, im: p[1] as f32 as f64 }).collect();
            let narrow: Vec<Complex<f32>> = x.iter().map(|z| Complex { re: z.re as f32, im: z.im as f32 }).collect();
            let (want, _) = run(Kind::Forward, n, &x, &[]);
            let (found, _) = run(Kind::Forward, n, &narrow, &[]);
            let square = |z: C| z.norm_sqr();
            let error: f64 =
                found.iter().zip(&want).map(|(a, b)| square(C { re: a.re as f64, im: a.im as f64 } - b)).sum();
            let size: f64 = want.iter().map(|z| square(*z)).sum();
            assert!((error / size).sqrt() < 3e-7, "{n}: {}", (error / size).sqrt());
        }
    }

    #[test]
    fn generic_extents_are_the_same_code() {
        let x: Vec<Complex<f32>> =
            numbers(240, 5).chunks(2).map(|p| Complex { re: p[0] as f32, im: p[1] as f32 }).collect();
        let table = table(Kind::Forward, 60);
        let (mut a, mut b) = (vec![zero(); 120], vec![zero(); 120]);
        fft::<f32, 2, 60, 0>(&x, &table, &mut a);
        fft_of(Kind::Forward, [2, 60], (&x, &[]), &table, (&mut b, &mut []), &mut []);
        assert_eq!(a, b);
    }
}
