//! Products give the same bits for every instruction set that the processor has.

use kiln::rt::{Factor, Isa, Level, products, st};

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
            fn run<L: Level, const FAST: bool, const M: usize, const N: usize>(
                k: usize,
                x: Factor<'_, f32, 1>,
                y: Factor<'_, f32, 1>,
                out: &mut [[f32; N]],
            ) {
                products::<f32, L, FAST, M, N, 1>([k], x, y, |m, n, sum| st(&mut out[m], n, sum));
            }
            kiln::__run!(L => run::<L, false, M, N>(k, x, y, &mut exact));
            kiln::__run!(L => run::<L, true, M, N>(k, x, y, &mut fast));
            for (m, n) in (0..M).flat_map(|m| (0..N).map(move |n| (m, n))) {
                let sum = (0..k).fold(0.0, |sum, k| sum + x.get(m, [k]) * y.get(n, [k]));
                let what = format!("{level}: {M}x{k}x{N}, {i:?} by {j:?}, at {m}, {n}");
                assert_eq!(exact[m][n].to_bits(), sum.to_bits(), "{what}");
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
    }
}
