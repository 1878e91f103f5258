//! Indexing, read and written, static and traced.
#![no_std]

use kiln::prelude::*;

const X: [[f32; 4]; 3] = [[0.0, 1.0, 2.0, 3.0], [10.0, 11.0, 12.0, 13.0], [20.0, 21.0, 22.0, 23.0]];

mod reads {
    use super::*;

    #[jit]
    fn fixed(x: &[[f32; 4]; 3]) -> ([f32; 4], f32, f32, [[f32; 4]; 2]) {
        (x[1], x[2][3], x[(2, 0)], x[1..3])
    }

    #[jit]
    fn slices(x: &[[f32; 4]; 3]) -> ([[f32; 2]; 3], [f32; 3], [f32; 2], [[f32; 4]; 2], [[f32; 4]; 2]) {
        (x[(.., 1..3)], x[(.., 2)], x[(1, 1..3)], x[..2], x[1..])
    }

    #[jit]
    fn inclusive(x: &[[f32; 4]; 3]) -> [[f32; 4]; 2] {
        x[0..=1]
    }

    #[jit]
    fn traced(x: &[[f32; 4]; 3], i: i32, j: u8) -> (f32, [f32; 4], f32, [f32; 3]) {
        (x[i][j], x[i], x[(i, j)], x[(.., j)])
    }

    #[jit]
    fn clamped(x: &[f32; 3], i: i32) -> f32 {
        x[i]
    }

    #[jit]
    fn gathered(x: &[[f32; 4]; 3], i: &[i32; 2], j: &[i32; 2]) -> ([[f32; 4]; 2], [f32; 2], [[f32; 2]; 3]) {
        (x[i], x[(i, j)], x[(.., j)])
    }

    #[jit]
    fn by_unsigned(x: &[f32; 4], i: &[u16; 3]) -> [f32; 3] {
        x[i]
    }

    #[jit]
    fn masked(x: &[f32; 4]) -> [f32; 4] {
        select(x > 1.0, x, 0.0)
    }

    #[test]
    fn static_indices_and_slices() {
        assert_eq!(fixed(&X), (X[1], 23.0, 20.0, [X[1], X[2]]));
        let (a, b, c, d, e) = slices(&X);
        assert_eq!(a, [[1.0, 2.0], [11.0, 12.0], [21.0, 22.0]]);
        assert_eq!(b, [2.0, 12.0, 22.0]);
        assert_eq!(c, [11.0, 12.0]);
        assert_eq!(d, [X[0], X[1]]);
        assert_eq!(e, [X[1], X[2]]);
        assert_eq!(inclusive(&X), [X[0], X[1]]);
    }

    #[test]
    fn traced_indices_wrap_once_and_clamp() {
        assert_eq!(traced(&X, 1, 2), (12.0, X[1], 12.0, [2.0, 12.0, 22.0]));
        assert_eq!(traced(&X, -1, 9), (23.0, X[2], 23.0, [3.0, 13.0, 23.0]));
        let x = [1.0, 2.0, 3.0];
        let expected = [1.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 3.0, 3.0];
        for (n, want) in expected.into_iter().enumerate() {
            assert_eq!(clamped(&x, n as i32 - 4), want, "index {}", n as i32 - 4);
        }
    }

    #[test]
    fn gathers_by_integer_arrays() {
        let (rows, points, columns) = gathered(&X, &[2, 0], &[3, 1]);
        assert_eq!(rows, [X[2], X[0]]);
        assert_eq!(points, [23.0, 1.0]);
        assert_eq!(columns, [[3.0, 1.0], [13.0, 11.0], [23.0, 21.0]]);
        assert_eq!(by_unsigned(&[1.0, 2.0, 3.0, 4.0], &[3, 0, 700]), [4.0, 1.0, 4.0]);
        assert_eq!(masked(&[0.0, 1.0, 2.0, 3.0]), [0.0, 0.0, 2.0, 3.0]);
    }
}

mod writes {
    use super::*;

    #[jit]
    fn fixed(x: &[[f32; 4]; 3]) -> [[f32; 4]; 3] {
        let mut y = x;
        y[0] = [5.0; 4];
        y[1][2] = -1.0;
        y[(2, 1..3)] = 0.5;
        y[(.., 3)] += 100.0;
        y
    }

    #[jit]
    fn compound(x: &mut [f32; 4]) {
        x[0] += 1.0;
        x[1] -= 1.0;
        x[2] *= 3.0;
        x[3] /= 2.0;
    }

    #[jit]
    fn traced(x: &mut [f32; 3], i: i32, v: f32) {
        x[i] = v;
    }

    #[jit]
    fn scattered(x: &mut [f32; 4], i: &[i32; 3], v: &[f32; 3]) {
        x[i] += v;
    }

    #[jit]
    fn rows(x: &mut [[f32; 4]; 3], i: i32) {
        x[i] *= 2.0;
    }

    #[jit]
    fn field(p: &mut Table, i: i32) {
        p.rows[1] = p.rows[0];
        p.counts[i] += 1;
    }

    #[derive(Clone, Debug, PartialEq, Tree)]
    pub struct Table {
        pub rows: [[f32; 2]; 2],
        pub counts: [i32; 3],
    }

    #[test]
    fn the_same_forms_stand_on_the_left() {
        let mut want = X;
        want[0] = [5.0; 4];
        want[1][2] = -1.0;
        want[2][1] = 0.5;
        want[2][2] = 0.5;
        for row in &mut want {
            row[3] += 100.0;
        }
        assert_eq!(fixed(&X), want);
        let mut x = [1.0, 2.0, 3.0, 4.0];
        compound(&mut x);
        assert_eq!(x, [2.0, 1.0, 9.0, 2.0]);
    }

    #[test]
    fn traced_writes_out_of_range_are_dropped() {
        for (i, want) in [(0, [9.0, 2.0, 3.0]), (-1, [1.0, 2.0, 9.0]), (3, [1.0, 2.0, 3.0]), (-4, [1.0, 2.0, 3.0])] {
            let mut x = [1.0, 2.0, 3.0];
            traced(&mut x, i, 9.0);
            assert_eq!(x, want, "index {i}");
        }
        let mut x = X;
        rows(&mut x, 1);
        assert_eq!(x[1], [20.0, 22.0, 24.0, 26.0]);
        assert_eq!(x[2], X[2]);
    }

    #[test]
    fn repeated_indices_add_up() {
        let mut x = [0.0; 4];
        scattered(&mut x, &[1, 1, 9], &[1.0, 2.0, 4.0]);
        assert_eq!(x, [0.0, 3.0, 0.0, 0.0]);
        let mut t = Table { rows: [[1.0, 2.0], [3.0, 4.0]], counts: [0; 3] };
        field(&mut t, 2);
        assert_eq!(t, Table { rows: [[1.0, 2.0], [1.0, 2.0]], counts: [0, 0, 1] });
    }
}

mod along_axes {
    use super::*;

    #[jit]
    fn same_rank(x: &[[f32; 4]; 3], i: &[[i32; 1]; 3]) -> [[f32; 1]; 3] {
        take_along_axis(x, i, axis = 1)
    }

    #[jit]
    fn one_lower(x: &[[f32; 4]; 3], i: &[u8; 3]) -> [f32; 3] {
        take_along_axis(x, i, axis = 1)
    }

    #[test]
    fn take_along_axis_drops_the_axis_of_a_lower_index() {
        assert_eq!(same_rank(&X, &[[1], [0], [3]]), [[1.0], [10.0], [23.0]]);
        assert_eq!(one_lower(&X, &[1, 0, 3]), [1.0, 10.0, 23.0]);
    }
}

#[jit]
fn windows(x: &[[f32; 4]; 6], i: i32, j: u8) -> ([[f32; 2]; 3], [f32; 2], [[f32; 4]; 6]) {
    let mut y = *x;
    y[(i..i + 2, 1..3)] *= 10.0;
    (x[(i..i + 3, 1..3)], x[(0, 2 * j..2 * (j + 1))], y)
}

#[test]
fn a_slice_starts_where_the_run_says() {
    let x: [[f32; 4]; 6] = core::array::from_fn(|i| core::array::from_fn(|j| (10 * i + j) as f32));
    let (rows, pair, y) = windows(&x, 2, 1);
    assert_eq!((rows, pair), ([[21.0, 22.0], [31.0, 32.0], [41.0, 42.0]], [2.0, 3.0]));
    assert_eq!((y[2], y[3], y[4]), ([20.0, 210.0, 220.0, 23.0], [30.0, 310.0, 320.0, 33.0], x[4]));
    // A read that sticks out is moved inside, a write is left out.
    let (rows, pair, y) = windows(&x, 5, 9);
    assert_eq!((rows[2], pair, y), ([51.0, 52.0], [2.0, 3.0], x));
    // A negative start counts from the end, once.
    assert_eq!(windows(&x, -3, 0).0[0], [31.0, 32.0]);
}

#[jit]
mod steps {
    pub fn read(
        x: &[f32; 10],
        m: &[[f32; 6]; 4],
        k: i32,
    ) -> ([f32; 5], [f32; 4], [[f32; 3]; 2], [f32; 3], [[f32; 1]; 2]) {
        let rows = ((0..4).step_by(3), (0..6).step_by(2));
        (
            x[(0..10).step_by(2)],
            x[(1..9).step_by(2).rev()],
            m[rows],
            m[(k, (1..6).step_by(2))],
            m[((1..3).rev(), None, k)],
        )
    }
    pub fn written(x: &mut [f32; 10], m: &mut [[f32; 6]; 4], k: i32) {
        x[(1..10).step_by(2)] = 0.0;
        x[(0..4).rev()] += [1.0, 2.0, 3.0, 4.0];
        m[((0..4).step_by(2), (1..6).step_by(2))] *= 10.0;
        m[(k, (0..6).rev())] = m[0];
    }
    pub fn slope(x: &[f32; 10]) -> [f32; 10] {
        grad(|x| sum(x[(0..10).step_by(3)].powi(2)) + dot(x[(0..5).rev()], x[5..]))(x)
    }
    pub fn new_axes(x: &[f32; 3]) -> ([[f32; 3]; 1], [[f32; 3]; 3]) {
        (x[None], x[None] - x[(.., None)])
    }
}

#[test]
fn slices_may_have_a_step() {
    let x: [f32; 10] = core::array::from_fn(|i| i as f32);
    let m: [[f32; 6]; 4] = core::array::from_fn(|i| core::array::from_fn(|j| (10 * i + j) as f32));
    let (even, back, rows, odd, column) = steps::read(&x, &m, 2);
    assert_eq!((even, back), ([0.0, 2.0, 4.0, 6.0, 8.0], [7.0, 5.0, 3.0, 1.0]));
    assert_eq!((rows, odd), ([[0.0, 2.0, 4.0], [30.0, 32.0, 34.0]], [21.0, 23.0, 25.0]));
    assert_eq!(column, [[22.0], [12.0]]);
    let (mut y, mut n) = (x, m);
    steps::written(&mut y, &mut n, 3);
    assert_eq!(y, [4.0, 3.0, 4.0, 1.0, 4.0, 0.0, 6.0, 0.0, 8.0, 0.0]);
    assert_eq!(n[0], [0.0, 10.0, 2.0, 30.0, 4.0, 50.0]);
    assert_eq!((n[1], n[2]), (m[1], [20.0, 210.0, 22.0, 230.0, 24.0, 250.0]));
    assert_eq!(n[3], [50.0, 4.0, 30.0, 2.0, 10.0, 0.0]);
    assert_eq!(steps::slope(&x), [9.0, 8.0, 7.0, 12.0, 5.0, 4.0, 15.0, 2.0, 1.0, 18.0]);
    let (row, differences) = steps::new_axes(&[1.0, 2.0, 4.0]);
    assert_eq!((row, differences[2]), ([[1.0, 2.0, 4.0]], [-3.0, -2.0, 0.0]));
}

#[jit]
mod at {
    use kiln::prelude::*;

    pub fn copies(x: &[f32; 5], i: i32) -> ([f32; 5], [f32; 5], [f32; 5], f32) {
        let set = x.at[i].set(9.0).at[0..2].set([7.0, 8.0]);
        let counted = x.at[[1, 1, 3]].add([1.0, 1.0, 10.0]).at[4].subtract(0.5);
        let scaled = x.at[[2, 2]].multiply(3.0).at[0].divide(-2.0);
        (set, counted, scaled, x.at[i + 1].get())
    }
    pub fn extremes(x: &[[i16; 3]; 2], i: u8) -> ([[i16; 3]; 2], [[i16; 3]; 2]) {
        let low = x.at[([i as i32, 0], [1, 1])].min([5, -4], unique_indices = true);
        (low, x.at[i].max(indices_are_sorted = true, values = 10))
    }
    pub fn slope(x: &[f32; 5]) -> [f32; 5] {
        grad(|x| sum(x.at[[0, 0, 1]].add(x[2] * x[2]).at[4].set(x[3]).at[1].max(0.25)))(x)
    }
}

#[test]
fn at_changes_a_copy() {
    let x = [1.0, 2.0, 3.0, 4.0, 5.0];
    let (set, counted, scaled, got) = at::copies(&x, 3);
    assert_eq!((set, counted), ([7.0, 8.0, 3.0, 9.0, 5.0], [1.0, 4.0, 3.0, 14.0, 4.5]));
    assert_eq!((scaled, got), ([-0.5, 2.0, 27.0, 4.0, 5.0], 5.0));
    // Past the end nothing is written, and the last element is read.
    assert_eq!((at::copies(&x, 7).0, at::copies(&x, 7).3), ([7.0, 8.0, 3.0, 4.0, 5.0], 5.0));
    let (low, high) = at::extremes(&[[1, 2, 3], [20, 30, 40]], 1);
    assert_eq!((low, high), ([[1, -4, 3], [20, 5, 40]], [[1, 2, 3], [20, 30, 40]]));
    assert_eq!(at::slope(&x), [1.0, 1.0, 1.0 + 3.0 * 2.0 * 3.0, 2.0, 0.0]);
}
