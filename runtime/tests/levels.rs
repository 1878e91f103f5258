//! Products give the same bits for every instruction set that the processor has.

use kiln::rt::{Edge, Factor, Isa, Level, Reach, lanes, products, st, windowed};

/// How a factor of `rows` by `k` lies in memory: from row to row, and from one summed index to the next.
#[derive(Clone, Copy, Debug)]
enum Layout {
    /// Row by row.
    Rows,
    /// Column by column.
    Columns,
    /// Row by row, backwards, with gaps.
    Gaps,
}

const LAYOUTS: [Layout; 3] = [Layout::Rows, Layout::Columns, Layout::Gaps];

impl Layout {
    fn factor(self, of: &[f32], rows: usize, k: usize) -> Factor<'_, f32, 1> {
        let (at, step, along) = match self {
            Layout::Rows => (0, k as isize, 1),
            Layout::Columns => (0, 1, rows as isize),
            Layout::Gaps => ((rows - 1) * (k + 3), -(k as isize + 3), 1),
        };
        Factor { of, at, step, along: [along] }
    }
}

/// Numbers whose products and sums round.
fn rough(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// One product in all layouts, in the order of `k`; `fast` ones may round differently.
fn product<const M: usize, const N: usize>(level: &str) {
    for k in [1, 7, 8, 20, 150] {
        let (a, b) = (rough(M * (k + 3), 1), rough(N * (k + 3), 2));
        for (i, j) in LAYOUTS.into_iter().flat_map(|i| LAYOUTS.into_iter().map(move |j| (i, j))) {
            let (x, y) = (i.factor(&a, M, k), j.factor(&b, N, k));
            let (mut exact, mut fast) = (vec![[f32::NAN; N]; M], vec![[f32::NAN; N]; M]);
            let mut called = exact.clone();
            fn run<L: Level, const FAST: bool, const CALLS: bool, const M: usize, const N: usize>(
                k: usize,
                x: Factor<'_, f32, 1>,
                y: Factor<'_, f32, 1>,
                out: &mut [[f32; N]],
            ) {
                products::<f32, L, FAST, CALLS, M, N, 150, 1>([k], x, y, |m, n, sum| st(&mut out[m], n, sum));
            }
            kiln::__run!(L => run::<L, false, false, M, N>(k, x, y, &mut exact));
            kiln::__run!(L => run::<L, false, true, M, N>(k, x, y, &mut called));
            kiln::__run!(L => run::<L, true, false, M, N>(k, x, y, &mut fast));
            for (m, n) in (0..M).flat_map(|m| (0..N).map(move |n| (m, n))) {
                let sum = (0..k).fold(0.0, |sum, k| sum + x.get(m, [k]) * y.get(n, [k]));
                let what = format!("{level}: {M}x{k}x{N}, {i:?} by {j:?}, at {m}, {n}");
                assert_eq!(exact[m][n].to_bits(), sum.to_bits(), "{what}");
                assert_eq!(called[m][n].to_bits(), sum.to_bits(), "{what}");
                assert!((fast[m][n] - sum).abs() <= 1e-4, "fast {what}: {} and {sum}", fast[m][n]);
            }
        }
    }
}

#[test]
fn products_have_the_same_bits_at_every_level() {
    for (n, level) in ["base", "avx2", "avx512"].into_iter().enumerate() {
        if !Isa::limit(n as u8) {
            println!("skipped {level}: this processor lacks it");
            continue;
        }
        product::<1, 20>(level);
        product::<1, 150>(level);
        product::<40, 1>(level);
        product::<6, 4>(level);
        product::<3, 35>(level);
        product::<16, 16>(level);
        product::<23, 20>(level);
        product::<50, 130>(level);
        row::<37>(level);
        lines::<5>(level);
        lines::<37>(level);
        lines::<130>(level);
        lines::<300>(level);
        window::<6, 4>(level);
        window::<9, 8>(level);
        window::<7, 40>(level);
        by_lanes::<1, 3>(level);
        by_lanes::<5, 8>(level);
        by_lanes::<6, 21>(level);
        by_lanes::<4, 64>(level);
    }
}

/// A row by columns that lie along the last of three summed indices, no two of which are one.
fn row<const N: usize>(level: &str) {
    let (extents, along) = ([2, 3, 11], [36, 12, 1]);
    let (x, w) = (rough(72, 5), rough(N * 72, 6));
    let (a, b) = (Factor { of: &x, at: 0, step: 0, along }, Factor { of: &w, at: 0, step: 72, along });
    let mut out = [f32::NAN; N];
    kiln::__run!(L => products::<f32, L, false, false, 1, N, 66, 3>(extents, a, b, |_, n, sum| st(&mut out, n, sum)));
    for (n, out) in out.into_iter().enumerate() {
        let indices = (0..2).flat_map(|i| (0..3).flat_map(move |j| (0..11).map(move |k| [i, j, k])));
        let sum = indices.fold(0.0, |sum, k| sum + a.get(0, k) * b.get(n, k));
        assert_eq!(out.to_bits(), sum.to_bits(), "{level}: at {n}");
    }
}

/// A row by columns side by side whose rows are a whole number of lines of the cache apart, from anywhere in a line.
fn lines<const N: usize>(level: &str) {
    let (extents, apart) = ([3, 11], (N as isize + 31) / 16 * 16);
    let (along, of_row) = ([11, 1], [11 * apart, apart]);
    let (x, w) = (rough(33, 7), rough(33 * apart as usize + 16, 8));
    for at in 0..16 {
        let (a, b) = (Factor { of: &x, at: 0, step: 0, along }, Factor { of: &w, at, step: 1, along: of_row });
        let (mut exact, mut fast) = ([f32::NAN; N], [f32::NAN; N]);
        kiln::__run!(L => products::<f32, L, false, false, 1, N, 33, 2>(extents, a, b, |_, n, x| st(&mut exact, n, x)));
        kiln::__run!(L => products::<f32, L, true, false, 1, N, 33, 2>(extents, a, b, |_, n, x| st(&mut fast, n, x)));
        for (n, (exact, fast)) in exact.into_iter().zip(fast).enumerate() {
            let indices = (0..3).flat_map(|i| (0..11).map(move |k| [i, k]));
            let sum = indices.fold(0.0, |sum, k| sum + a.get(0, k) * b.get(n, k));
            assert_eq!(exact.to_bits(), sum.to_bits(), "{level}: from {at}, at {n}");
            assert!((fast - sum).abs() <= 1e-4, "fast {level}: from {at}, at {n}: {fast} and {sum}");
        }
    }
}

/// A window of `[2, 3, 5]` over rows that lie apart, so that no two of the summed indices are one: of three channels the first two, of
/// five rows three, of nine columns five.
fn window<const M: usize, const N: usize>(level: &str) {
    let extents = [2, 3, 5];
    let (x, w) = (rough(3 * 5 * 9 + M, 3), rough(N * 30, 4));
    let a = Factor { of: &x, at: 9, step: 1, along: [45, 9, 1] };
    let b = Factor { of: &w, at: 0, step: 1, along: [15 * N as isize, 5 * N as isize, N as isize] };
    // Columns below zero and from seven on are not there.
    let edge = Edge { rows: true, axis: 2, at: -2, step: 1, along: 1, len: 7 };
    let reach = Reach { extents, ranges: [(0, 2), (1, 2), (0, 5)], edge: Some(edge) };
    fn run<L: Level, const M: usize, const N: usize>(
        [reach, full]: [Reach<3>; 2],
        a: Factor<'_, f32, 3>,
        b: Factor<'_, f32, 3>,
        [clipped, whole]: [&mut [[f32; N]]; 2],
    ) {
        windowed::<f32, L, false, M, N, 30, 3>(reach, a, b, |m, n, sum| st(&mut clipped[m], n, sum));
        windowed::<f32, L, false, M, N, 30, 3>(full, a, b, |m, n, sum| st(&mut whole[m], n, sum));
    }
    let full = Reach { extents, ranges: extents.map(|n| (0, n)), edge: None };
    let (mut clipped, mut whole) = (vec![[f32::NAN; N]; M], vec![[f32::NAN; N]; M]);
    kiln::__run!(L => run::<L, M, N>([reach, full], a, b, [&mut clipped, &mut whole]));
    for (m, n) in (0..M).flat_map(|m| (0..N).map(move |n| (m, n))) {
        let sum = |there: &dyn Fn([usize; 3]) -> bool| {
            let all = (0..30).map(|k| [k / 15, k / 5 % 3, k % 5]).filter(|k| there(*k));
            all.fold(0.0, |sum, k| sum + a.get(m, k) * b.get(n, k))
        };
        let what = format!("{level}: {M}x{N} at {m}, {n}");
        assert_eq!(whole[m][n].to_bits(), sum(&|_| true).to_bits(), "{what}");
        let there = |[_, row, column]: [usize; 3]| row >= 1 && (2..9).contains(&(m + column));
        assert_eq!(clipped[m][n].to_bits(), sum(&there).to_bits(), "clipped {what}");
    }
}

/// Sums lane by lane of windows of `[3, 2]`.
fn by_lanes<const M: usize, const N: usize>(level: &str) {
    let (x, w) = (rough((M + 4) * 3 * N, 5), rough(N * 6, 6));
    let n = N as isize;
    let a = Factor { of: &x, at: 0, step: n, along: [n * (M as isize + 4), n] };
    let b = Factor { of: &w, at: 0, step: 0, along: [2 * n, n] };
    let reach = Reach {
        extents: [3, 2],
        ranges: [(1, 2), (0, 2)],
        edge: Some(Edge { rows: true, axis: 1, at: -1, step: 1, along: 1, len: M as isize }),
    };
    fn run<L: Level, const FAST: bool, const M: usize, const N: usize>(
        reach: Reach<2>,
        a: Factor<'_, f32, 2>,
        b: Factor<'_, f32, 2>,
        out: &mut [[f32; N]],
    ) {
        lanes::<f32, L, FAST, M, N, 2>(reach, a, b, |m, n, sum| st(&mut out[m], n, sum));
    }
    let (mut exact, mut fast) = (vec![[f32::NAN; N]; M], vec![[f32::NAN; N]; M]);
    kiln::__run!(L => run::<L, false, M, N>(reach, a, b, &mut exact));
    kiln::__run!(L => run::<L, true, M, N>(reach, a, b, &mut fast));
    for (m, n) in (0..M).flat_map(|m| (0..N).map(move |n| (m, n))) {
        let there = (2..6).map(|k| [k / 2, k % 2]).filter(|[_, k]| (1..=M).contains(&(m + k)));
        let lane = |x: Factor<'_, f32, 2>, m, k| Factor { at: x.at + n, ..x }.get(m, k);
        let sum = there.fold(0.0, |sum, k| sum + lane(a, m, k) * lane(b, 0, k));
        assert_eq!(exact[m][n].to_bits(), sum.to_bits(), "{level}: {M} rows of {N} lanes, at {m}, {n}");
        assert!((fast[m][n] - sum).abs() <= 1e-5, "fast {level}: {M} rows of {N} lanes, at {m}, {n}");
    }
}
