//! Contractions that lack products at their edges, where a window reaches over what it slides over, and those lane by lane.

use super::contract::each;
use super::contract::from_zero;
use super::products::{Factor, vectors, vectors_of_lanes};
use super::{Elem, Level, Product, contract_from};

/// Which products there are: of the indices below `extents`, those in `ranges` (first and number), and of those the ones that `edge`
/// leaves a row or column.
#[derive(Clone, Copy, Debug)]
pub struct Reach<const R: usize> {
    /// Of every sum in the middle.
    pub extents: [usize; R],
    /// Of this one.
    pub ranges: [(usize, usize); R],
    /// What the ends of the rows or columns lack.
    pub edge: Option<Edge>,
}

/// There are only the products of which `0 <= at + step * i + along * k[axis] < len`, with `i` the row or column; `along > 0`.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// Whether `i` is the row.
    pub rows: bool,
    /// Which of the summed indices it is about.
    pub axis: usize,
    /// See above.
    pub at: isize,
    /// See above.
    pub step: isize,
    /// See above.
    pub along: isize,
    /// See above.
    pub len: isize,
}

/// The indices `k < extent` with `0 <= at + along * k < len`: the first, and how many. `along > 0`.
#[inline(always)]
pub fn clip(at: isize, along: isize, len: isize, extent: usize) -> (usize, usize) {
    let up = |x: isize| if along == 1 { x } else { (x + along - 1).div_euclid(along) };
    let first = if at < 0 { up(-at) } else { 0 };
    let end = up(len - at).min(extent as isize);
    (first as usize, if end > first { (end - first) as usize } else { 0 })
}

impl Edge {
    /// The rows or columns below `n` that lack nothing: the first, and the one after the last. Along them `step` is positive, or there
    /// are none.
    #[inline(always)]
    fn whole(&self, n: usize, extent: usize) -> (usize, usize) {
        let (first, last) = (self.at, self.len - self.at - self.along * (extent as isize - 1));
        if self.step <= 0 {
            return (0, 0);
        }
        let up = |x: isize| if self.step == 1 { x } else { (x + self.step - 1).div_euclid(self.step) };
        let first = if first < 0 { up(-first) } else { 0 };
        let end = up(last).min(n as isize);
        if end > first { (first as usize, end as usize) } else { (0, 0) }
    }
}

/// Rows in a run that have the same products.
struct Run<'a, T, const R: usize> {
    /// The first.
    row: usize,
    /// How many.
    rows: usize,
    extents: [usize; R],
    a: Factor<'a, T, R>,
    b: Factor<'a, T, R>,
}

/// Row `m` of the run that begins at `row`, one of the `M` there are: said so that whoever stores there need not ask.
#[inline(always)]
fn within<const M: usize>(row: usize, m: usize) -> usize {
    // SAFETY: `runs` makes runs of `M` rows, and sums are handed out for the rows of a run only.
    unsafe { core::hint::assert_unchecked(row + m < M) };
    row + m
}

/// Cuts `m` rows into runs: the whole ones at once, if there are `enough`, the others one by one.
#[inline(always)]
fn runs<T: Elem, const R: usize>(
    m: usize,
    enough: usize,
    reach: Reach<R>,
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    mut f: impl FnMut(Run<'_, T, R>),
) {
    let extent = |axis: usize| reach.extents.get(axis).copied().unwrap_or(1);
    let whole = reach.edge.map_or((0, m), |edge| edge.whole(m, extent(edge.axis)));
    let mut row = 0;
    while row < m {
        let middle = row == whole.0 && whole.1 - whole.0 >= enough;
        let rows = if middle { whole.1 - whole.0 } else { 1 };
        let mut run = Run { row, rows, extents: [0; R], a, b };
        run.a.at = run.a.at.wrapping_add_signed(row as isize * a.step);
        for (axis, extent) in run.extents.iter_mut().enumerate() {
            let (mut first, mut n) = reach.ranges.get(axis).copied().unwrap_or((0, 0));
            if let Some(edge) = reach.edge
                && edge.axis == axis
                && !middle
            {
                // No range is clipped by both.
                let full = reach.extents.get(axis).copied().unwrap_or(0);
                (first, n) = clip(edge.at + edge.step * row as isize, edge.along, edge.len, full);
            }
            let shift = |x: &mut Factor<'_, T, R>| {
                let step = x.along.get(axis).copied().unwrap_or(0);
                x.at = x.at.wrapping_add_signed(step * first as isize);
            };
            shift(&mut run.a);
            shift(&mut run.b);
            *extent = n;
        }
        f(run);
        row += rows;
    }
}

/// [`products`] of which there are only those in `reach`. What a sum lacks it lacks at no cost.
#[inline(always)]
pub fn windowed<
    T: Product + Elem,
    L: Level,
    const FAST: bool,
    const M: usize,
    const N: usize,
    const K: usize,
    const R: usize,
>(
    reach: Reach<R>,
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    mut out: impl FnMut(usize, usize, T),
) {
    if reach.edge.is_some_and(|edge| !edge.rows) {
        let mut out = |n, m, sum| out(m, n, sum);
        return by_rows::<T, L, FAST, false, N, M, K, R>(reach, b, a, from_zero(&mut out));
    }
    by_rows::<T, L, FAST, false, M, N, K, R>(reach, a, b, from_zero(&mut out));
}

/// [`windowed`], or plain products, with sums that start from what `out(m, n, None)` says; see [`contract_from`].
#[inline(always)]
pub fn windowed_from<
    T: Product + Elem,
    L: Level,
    const FAST: bool,
    const M: usize,
    const N: usize,
    const K: usize,
    const R: usize,
>(
    reach: Reach<R>,
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    mut out: impl FnMut(usize, usize, Option<T>) -> T,
) {
    if reach.edge.is_some_and(|edge| !edge.rows) {
        return by_rows::<T, L, FAST, true, N, M, K, R>(reach, b, a, |n, m, sum| out(m, n, sum));
    }
    by_rows::<T, L, FAST, true, M, N, K, R>(reach, a, b, out);
}

#[inline(always)]
fn by_rows<
    T: Product + Elem,
    L: Level,
    const FAST: bool,
    const FROM: bool,
    const M: usize,
    const N: usize,
    const K: usize,
    const R: usize,
>(
    reach: Reach<R>,
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    mut out: impl FnMut(usize, usize, Option<T>) -> T,
) {
    const ROWS: usize = 4;
    #[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
    {
        use super::cortex_m::{FEW, Kernel, kernel};
        let (many, one) = (kernel(FEW, [M, N], reach.extents, &a, &b), kernel(0, [1, N], reach.extents, &a, &b));
        // Fewer rows than a tile has go one by one, columns of tiles each.
        let narrow = M < 4 && M * N * reach.extents.iter().product::<usize>() >= FEW;
        if many.is_some() || narrow && one.is_some() {
            let enough = many.map_or(usize::MAX, Kernel::rows);
            return runs(M, enough, reach, a, b, |Run { row, rows, extents, a, b }| {
                let mut out = |m, n, sum| out(within::<M>(row, m), n, sum);
                match (many, one) {
                    (Some(many), _) if rows > 1 => {
                        many.run_from::<T, FAST, FROM, R>(rows, N, extents, a, b, out);
                    }
                    (_, Some(one)) => one.run_from::<T, FAST, FROM, R>(1, N, extents, a, b, out),
                    _ => Run { row: 0, rows, extents, a, b }.compiled::<L, FAST, ROWS, N>(&mut out),
                }
            });
        }
    }
    runs(M, ROWS, reach, a, b, |Run { row, rows, extents, a, b }| {
        // A constant, so that the other side is not even compiled.
        if const { !FROM && T::SINGLE && L::LANES > 0 && 2 * N >= L::LANES } {
            return vectors::<T, L, FAST, false, M, N, K, R>(rows, N, extents, a, b, |m, n, sum| {
                out(within::<M>(row, m), n, Some(sum));
            });
        }
        Run { row, rows, extents, a, b }.compiled::<L, FAST, ROWS, N>(&mut out);
    });
}

impl<T: Product + Elem, const R: usize> Run<'_, T, R> {
    /// The sums of the run, `ROWS` by `ROWS` where there are as many, in compiled loops.
    #[inline(always)]
    fn compiled<L: Level, const FAST: bool, const ROWS: usize, const N: usize>(
        self,
        mut out: impl FnMut(usize, usize, Option<T>) -> T,
    ) {
        let Run { row, rows, extents, a, b } = self;
        let mut done = 0;
        while done + ROWS <= rows {
            contract_from::<T, L, FAST, ROWS, N, R>(
                extents,
                |m, k| a.get(done + m, k),
                |n, k| b.get(n, k),
                |m, n, sum| out(row + done + m, n, sum),
            );
            done += ROWS;
        }
        while done < rows {
            contract_from::<T, L, FAST, 1, N, R>(
                extents,
                |_, k| a.get(done, k),
                |n, k| b.get(n, k),
                |_, n, sum| out(row + done, n, sum),
            );
            done += 1;
        }
    }
}

/// For every `m < M` and lane `n < N`: the sum of the products of `a` and `b`, both moved by `n`. Otherwise as [`windowed`], with an
/// edge of the rows.
#[inline(always)]
pub fn lanes<T: Product + Elem, L: Level, const FAST: bool, const M: usize, const N: usize, const R: usize>(
    reach: Reach<R>,
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    mut out: impl FnMut(usize, usize, T),
) {
    #[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
    if T::SINGLE && R <= 3 && N >= 8 {
        use super::cortex_m::{Kernel, Tile};
        return runs(M, 4, reach, a, b, |Run { row, rows, extents, a, b }| {
            if rows > 1 {
                Kernel::of(Tile::Lanes)
                    .run::<T, FAST, R>(rows, N, extents, a, b, |m, n, sum| out(within::<M>(row, m), n, sum));
            } else {
                Kernel::of(Tile::Lane).run::<T, FAST, R>(1, N, extents, a, b, |_, n, sum| out(row, n, sum));
            }
        });
    }
    runs(M, 2, reach, a, b, |Run { row, rows, extents, a, b }| {
        if const { T::SINGLE && L::LANES > 0 && 2 * N >= L::LANES }
            && vectors_of_lanes::<T, L, FAST, R>(rows, N, extents, a, b, |m, n, sum| out(within::<M>(row, m), n, sum))
        {
            return;
        }
        for m in 0..rows {
            let a = Factor { at: a.at.wrapping_add_signed(m as isize * a.step), ..a };
            let mut first = 0;
            while first + LANES <= N {
                lanes_at::<T, FAST, LANES, R>(extents, a, b, first, |n, sum| out(within::<M>(row, m), n, sum));
                first += LANES;
            }
            while first < N {
                lanes_at::<T, FAST, 1, R>(extents, a, b, first, |n, sum| out(within::<M>(row, m), n, sum));
                first += 1;
            }
        }
    });
}

/// Lanes that are summed at once where vectors have no kernel of their own.
const LANES: usize = 8;

/// The sums of `W` lanes.
#[inline(always)]
fn lanes_at<T: Product + Elem, const FAST: bool, const W: usize, const R: usize>(
    extents: [usize; R],
    a: Factor<'_, T, R>,
    b: Factor<'_, T, R>,
    first: usize,
    mut out: impl FnMut(usize, T),
) {
    let mut sums = [<T as Elem>::ZERO; W];
    each!(extents, |k| {
        for (n, sum) in sums.iter_mut().enumerate() {
            let lane = |x: &Factor<'_, T, R>| Factor { at: x.at.wrapping_add(first + n), ..*x }.get(0, k);
            *sum = sum.plus_product::<FAST>(lane(&a), lane(&b));
        }
    });
    for (n, sum) in sums.into_iter().enumerate() {
        out(first + n, sum);
    }
}
