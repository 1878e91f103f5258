//! Register tiles of sums of products, in vectors.
//!
//! One row of a tile is a few vectors of neighbouring results. For every summed index, in order, an element of each row's
//! factor meets the vectors of the other: each result is summed in the order that [`super::super::contract`] has, whatever
//! the width of the vectors.

use core::mem::MaybeUninit;

use super::Level;
use super::vector::Vector;

/// Most results of a tile.
pub const MOST: usize = 256;

/// What one tile reads, and where it writes.
#[derive(Clone, Copy, Debug)]
pub struct Tile {
    /// Extents of the summed indices.
    pub k: [usize; 2],
    /// The factor of the first row at the first index.
    pub a: *const f32,
    /// From a row to the next.
    pub step: isize,
    /// From an index to the next.
    pub a_along: [isize; 2],
    /// The factors of the first columns at the first index; neighbours lie side by side.
    pub b: *const f32,
    /// From an index to the next.
    pub b_along: [isize; 2],
    /// Columns, where they do not fill a vector.
    pub part: usize,
    /// Where the results go, row by row.
    pub out: *mut f32,
}

/// The results of a tile of `ROWS` rows of `WIDE` vectors; if `PART`, of one vector of which only some elements exist.
///
/// # Safety
/// The processor has the instructions of `V`. For all rows, indices and columns the factors are there to be read, and
/// `ROWS * WIDE` vectors fit at `out`.
#[inline(always)]
pub unsafe fn tile<V: Vector, const FAST: bool, const ROWS: usize, const WIDE: usize, const PART: bool>(t: &Tile) {
    // SAFETY: the caller's promise; every access below is at a row, an index and a column that it covers.
    unsafe {
        let mut sums = [[V::zero(); WIDE]; ROWS];
        for k in 0..t.k[0] as isize {
            let (mut a, mut b) = (t.a.wrapping_offset(k * t.a_along[0]), t.b.wrapping_offset(k * t.b_along[0]));
            for _ in 0..t.k[1] {
                let mut row = [V::zero(); WIDE];
                for (j, x) in row.iter_mut().enumerate() {
                    *x = if PART { V::load_part(b, t.part) } else { V::load(b.add(j * V::LANES)) };
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let x = V::splat(*a.offset(i as isize * t.step));
                    for (sum, y) in sums.iter_mut().zip(row) {
                        *sum = if FAST { V::fused(x, y, *sum) } else { sum.plus(x.times(y)) };
                    }
                }
                (a, b) = (a.wrapping_offset(t.a_along[1]), b.wrapping_offset(t.b_along[1]));
            }
        }
        for (i, row) in sums.iter().enumerate() {
            for (j, sum) in row.iter().enumerate() {
                sum.store(t.out.add((i * WIDE + j) * V::LANES));
            }
        }
    }
}

/// One factor: where its element of all indices zero is, and the steps from there.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// Where it begins.
    pub at: *const f32,
    /// From one row or column to the next.
    pub step: isize,
    /// From one summed index to the next.
    pub along: [isize; 2],
}

/// Rows from which on columns that lie far apart are gathered before they are used, as [`Side::scattered`] says.
const WORTH_PACKING: usize = 48;

impl Side {
    /// Whether following the summed indices touches another line of the cache every time, and soon the same sets of it.
    #[inline(always)]
    fn scattered(&self, k: [usize; 2]) -> bool {
        self.along[1].unsigned_abs() >= 128 && k[0] * k[1] > 16
    }
}

/// Floats from an element to those that share its set of the first-level cache: 4 KiB on every x86-64 processor.
const SAME_SET: usize = 1024;

/// Floats of the two sizes of buffer for packed columns.
const SMALL: usize = 8 << 10;
const LARGE: usize = 64 << 10;

/// For every `i < m` and `j < n` the sum over `k` of the products of the factors, handed to `out(i, j, sum)`.
///
/// # Safety
/// The processor has level `L`. The factors are there to be read for all indices below `m`, `n` and `k`.
#[inline(always)]
pub unsafe fn products<L: Level, const FAST: bool>(
    m: usize,
    n: usize,
    k: [usize; 2],
    a: Side,
    b: Side,
    out: impl FnMut(usize, usize, f32),
) {
    let depth = k[0] * k[1];
    let pack = b.step != 1 || m >= WORTH_PACKING && b.scattered(k);
    let room = depth * (2 * L::LANES).min(n.next_multiple_of(L::LANES));
    // SAFETY: the caller's promise, handed on.
    unsafe {
        if !pack {
            columns::<L, FAST, 0>(m, n, k, a, b, out);
        } else if room <= SMALL {
            columns::<L, FAST, SMALL>(m, n, k, a, b, out);
        } else {
            columns::<L, FAST, LARGE>(m, n, k, a, b, out);
        }
    }
}

/// Whether [`products`] can do it: columns that have to be packed must fit its buffer.
#[inline(always)]
pub fn fits<L: Level>(k: [usize; 2], b: Side) -> bool {
    b.step == 1 || k[0] * k[1] * L::LANES <= LARGE
}

/// [`products`] with a buffer of `ROOM` floats for packed columns.
#[inline(always)]
unsafe fn columns<L: Level, const FAST: bool, const ROOM: usize>(
    m: usize,
    n: usize,
    k: [usize; 2],
    a: Side,
    b: Side,
    mut out: impl FnMut(usize, usize, f32),
) {
    let depth = k[0] * k[1];
    let mut room = MaybeUninit::<[f32; ROOM]>::uninit();
    let mut sums = MaybeUninit::<[f32; MOST]>::uninit();
    let sums = sums.as_mut_ptr().cast::<f32>();
    let slim = L::SLIM && !FAST && m >= 4;
    // Sixteen rows in one set of the cache push each other out.
    let sixteen = slim && !a.step.unsigned_abs().is_multiple_of(SAME_SET);
    let mut first = 0;
    while first < n {
        let left = n - first;
        // SAFETY: `first < n`; the columns from there are the caller's promise.
        let b = Side { at: unsafe { b.at.offset(first as isize * b.step) }, ..b };
        let wide = match left / L::LANES {
            8.. if m == 1 && ROOM == 0 => 8,
            2.. if !slim && (ROOM == 0 || depth * 2 * L::LANES <= ROOM) => 2,
            1.. => 1,
            0 => 0,
        };
        let width = if wide == 0 { left } else { wide * L::LANES };
        let mut t =
            Tile { k, a: a.at, step: a.step, a_along: a.along, b: b.at, b_along: b.along, part: width, out: sums };
        // A part of a vector is packed as a whole one, whose other elements are not looked at.
        let whole = wide.max(1) * L::LANES;
        // As many panels of columns are packed as there is room for, so that rows which do not stay in a cache are gone
        // through once for all of them.
        let (mut panels, mut panel) = (1, 0);
        if ROOM > 0 && depth * whole <= ROOM {
            panel = depth * whole;
            panels = (left / width).min(ROOM / panel);
            let room = room.as_mut_ptr().cast::<f32>();
            for p in 0..panels {
                let at = b.at.wrapping_offset((p * width) as isize * b.step);
                // SAFETY: the room holds `panels` times `depth` rows of `whole` floats; the columns are the caller's promise.
                unsafe { L::pack(&Columns { k, of: Side { at, ..b }, width, whole, to: room.add(p * panel) }) };
            }
            (t.b, t.b_along) = (room, [(k[1] * whole) as isize, whole as isize]);
        }
        let packed = t.b;
        let mut row = 0;
        while row < m {
            let left = m - row;
            // SAFETY: `row < m`; the rows from there are the caller's promise.
            t.a = unsafe { a.at.offset(row as isize * a.step) };
            let mut rows = 0;
            for p in 0..panels {
                t.b = packed.wrapping_add(p * panel);
                // SAFETY: the level is the caller's promise, and so are the factors of these rows and columns, unless they
                // were packed above. `MOST` is room for each of these tiles.
                rows = unsafe {
                    match (wide, left) {
                        (0, 8..) => tile_of::<L, FAST, 8, 1, true>(&t),
                        (0, 4..) => tile_of::<L, FAST, 4, 1, true>(&t),
                        (0, 2..) => tile_of::<L, FAST, 2, 1, true>(&t),
                        (0, _) => tile_of::<L, FAST, 1, 1, true>(&t),
                        (1, 16..) if sixteen => tile_of::<L, FAST, 16, 1, false>(&t),
                        (1, 8..) => tile_of::<L, FAST, 8, 1, false>(&t),
                        (1, 6..) if slim => tile_of::<L, FAST, 6, 1, false>(&t),
                        (1, 4..) => tile_of::<L, FAST, 4, 1, false>(&t),
                        (1, 2..) => tile_of::<L, FAST, 2, 1, false>(&t),
                        (1, _) => tile_of::<L, FAST, 1, 1, false>(&t),
                        (8, _) => tile_of::<L, FAST, 1, 8, false>(&t),
                        (_, 8..) if L::TALL && FAST => tile_of::<L, FAST, 8, 2, false>(&t),
                        (_, 4..) => tile_of::<L, FAST, 4, 2, false>(&t),
                        (_, 2..) => tile_of::<L, FAST, 2, 2, false>(&t),
                        _ => tile_of::<L, FAST, 1, 2, false>(&t),
                    }
                };
                let first = first + p * width;
                for i in 0..rows {
                    for j in 0..width {
                        // SAFETY: the tile has written `rows` rows of `whole` results, and `width <= whole`. The indices are
                        // those of rows and columns that there are, which is said so that whoever stores there need not ask.
                        let sum = unsafe {
                            core::hint::assert_unchecked(row + i < m && first + j < n);
                            *sums.add(i * whole + j)
                        };
                        out(row + i, first + j, sum);
                    }
                }
            }
            row += rows;
        }
        first += panels * width;
    }
}

/// Runs a tile and says how many rows it has.
#[inline(always)]
unsafe fn tile_of<L: Level, const FAST: bool, const ROWS: usize, const WIDE: usize, const PART: bool>(
    t: &Tile,
) -> usize {
    // SAFETY: the caller's promise, handed on.
    unsafe { L::tile::<FAST, ROWS, WIDE, PART>(t) };
    ROWS
}

/// Columns that are to be packed, and where.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Extents of the summed indices.
    pub k: [usize; 2],
    /// The first of them.
    pub of: Side,
    /// How many.
    pub width: usize,
    /// Floats of a row of the result; those past the columns are zeros.
    pub whole: usize,
    /// Where the rows go.
    pub to: *mut f32,
}

/// Columns side by side: `to[k][j]`, in rows of `whole`. Where a column lies in a row of memory, squares of
/// `N` are turned at once.
///
/// # Safety
/// The factors of `width` columns are there to be read, and all of the rows to be written. `turn` takes a square of `N` rows to its
/// columns.
#[inline(always)]
pub unsafe fn pack<const N: usize>(c: &Columns, turn: impl Fn([*const f32; N], [*mut f32; N])) {
    let Columns { k, of: b, width, whole, to } = *c;
    let at = |j: usize, k0: usize, k1: usize| {
        b.at.wrapping_offset(j as isize * b.step + k0 as isize * b.along[0] + k1 as isize * b.along[1])
    };
    // SAFETY: every access is of a column below `width` and an index below `k`; the rows have `whole` elements.
    unsafe {
        for k0 in 0..k[0] {
            let to = to.add(k0 * k[1] * whole);
            let squares = b.along[1] == 1 && width >= N && k[1] >= N;
            if squares {
                // The last of them may overlap those before.
                for j in (0..width).step_by(N).map(|j| j.min(width - N)) {
                    for k1 in (0..k[1]).step_by(N).map(|k1| k1.min(k[1] - N)) {
                        let (from, to) = (at(j, k0, k1), to.add(k1 * whole + j));
                        turn(
                            core::array::from_fn(|d| from.wrapping_offset(d as isize * b.step)),
                            core::array::from_fn(|d| to.wrapping_add(d * whole)),
                        );
                    }
                }
            }
            for k1 in 0..k[1] {
                let to = to.add(k1 * whole);
                if b.step == 1 {
                    for j in 0..width {
                        *to.add(j) = *at(0, k0, k1).add(j);
                    }
                } else if !squares {
                    for j in 0..width {
                        *to.add(j) = *at(j, k0, k1);
                    }
                }
                for j in width..whole {
                    *to.add(j) = 0.0;
                }
            }
        }
    }
}
