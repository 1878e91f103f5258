//! Register tiles of sums of products, in vectors.
//!
//! One row of a tile is a few vectors of neighbouring results. For every summed index, in order, an element of each row's
//! factor meets the vectors of the other: each result is summed in the order that [`super::super::contract`] has, whatever
//! the width of the vectors. Where both factors move along a row, a vector of the row's factor meets them instead.
//!
//! Tiles are compiled here, once: what a kernel adds is only what becomes of their results ([`Walk`]).

use core::mem::MaybeUninit;

use super::Level;
use super::vector::Vector;

/// Most results of a tile.
pub const MOST: usize = 256;

/// What one tile reads, and where it writes.
#[derive(Clone, Copy, Debug)]
pub struct Tile {
    /// Extents of the summed indices.
    pub k: [usize; 3],
    /// The factor of the first row at the first index.
    pub a: *const f32,
    /// From a row to the next.
    pub step: isize,
    /// From an index to the next.
    pub a_along: [isize; 3],
    /// The factors of the first columns at the first index; neighbours lie side by side.
    pub b: *const f32,
    /// From an index to the next.
    pub b_along: [isize; 3],
    /// From a column to the next, where they do not lie side by side.
    pub apart: isize,
    /// Columns in the last vector, where they do not fill it.
    pub part: usize,
    /// Elements in front of the columns that the first vector has as well, for the sake of its line of the cache: see [`row`].
    pub shift: usize,
    /// Where the results go, row by row.
    pub out: *mut f32,
}

/// The results of a tile of `ROWS` rows of `WIDE` vectors; if `PART`, of the last of them only some elements exist. If `LANED`,
/// rows move along as columns do.
///
/// # Safety
/// The processor has the instructions of `V`. For all rows, indices and columns the factors are there to be read, and
/// `ROWS * WIDE` vectors fit at `out`.
#[inline(always)]
pub unsafe fn tile<
    V: Vector,
    const FAST: bool,
    const ROWS: usize,
    const WIDE: usize,
    const PART: bool,
    const LANED: bool,
>(
    t: &Tile,
) {
    // SAFETY: the caller's promise; every access below is at a row, an index and a column that it covers.
    unsafe {
        let load = |j: usize, from: *const f32| {
            if PART && j + 1 == WIDE { V::load_part(from, t.part) } else { V::load(from) }
        };
        let mut sums = [[V::zero(); WIDE]; ROWS];
        for k0 in 0..t.k[0] as isize {
            let (a, b) = (t.a.wrapping_offset(k0 * t.a_along[0]), t.b.wrapping_offset(k0 * t.b_along[0]));
            for k1 in 0..t.k[1] as isize {
                let (mut a, mut b) = (a.wrapping_offset(k1 * t.a_along[1]), b.wrapping_offset(k1 * t.b_along[1]));
                for _ in 0..t.k[2] {
                    let mut row = [V::zero(); WIDE];
                    for (j, x) in row.iter_mut().enumerate() {
                        *x = load(j, b.add(j * V::LANES));
                    }
                    for (i, sums) in sums.iter_mut().enumerate() {
                        let a = a.offset(i as isize * t.step);
                        let x = if LANED { V::zero() } else { V::splat(*a) };
                        for (j, (sum, y)) in sums.iter_mut().zip(row).enumerate() {
                            let x = if LANED { load(j, a.add(j * V::LANES)) } else { x };
                            *sum = if FAST { V::fused(x, y, *sum) } else { sum.plus(x.times(y)) };
                        }
                    }
                    (a, b) = (a.wrapping_offset(t.a_along[2]), b.wrapping_offset(t.b_along[2]));
                }
            }
        }
        for (i, row) in sums.iter().enumerate() {
            for (j, sum) in row.iter().enumerate() {
                sum.store(t.out.add((i * WIDE + j) * V::LANES));
            }
        }
    }
}

/// The results of one row, whose columns lie apart and each along the last summed index: squares of `N` columns are turned in registers,
/// without a copy in memory, which pays where each element is used once. Two of them at a time, whose sums do not wait for each other,
/// `PAIRS` times. There are `part` columns; the last of them may be missing.
///
/// # Safety
/// As for [`tile`]; vectors have `N` elements, the last summed index has at least as many values, and `turn` takes a square of `N`
/// rows to its columns. `2 * PAIRS` vectors fit at `out`.
#[inline(always)]
pub unsafe fn turned<V: Vector, const FAST: bool, const PAIRS: usize, const N: usize>(
    t: &Tile,
    turn: impl Fn([*const f32; N]) -> [V; N],
) {
    // SAFETY: the caller's promise; every access below is at an index and a column that it covers.
    unsafe {
        let whole = t.k[2] - t.k[2] % N;
        for pair in 0..PAIRS {
            let mut sums = [V::zero(); 2];
            // Columns that are missing are the last one again.
            let rows: [[isize; N]; 2] = core::array::from_fn(|g| {
                core::array::from_fn(|d| ((2 * pair + g) * N + d).min(t.part - 1) as isize * t.apart)
            });
            for k0 in 0..t.k[0] as isize {
                for k1 in 0..t.k[1] as isize {
                    let a = t.a.wrapping_offset(k0 * t.a_along[0] + k1 * t.a_along[1]);
                    let b = t.b.wrapping_offset(k0 * t.b_along[0] + k1 * t.b_along[1]);
                    for k2 in (0..whole).step_by(N) {
                        for (sum, rows) in sums.iter_mut().zip(&rows) {
                            let columns = turn(rows.map(|row| b.wrapping_offset(row).wrapping_add(k2)));
                            for (d, y) in columns.into_iter().enumerate() {
                                let x = V::splat(*a.wrapping_offset((k2 + d) as isize * t.a_along[2]));
                                *sum = if FAST { V::fused(x, y, *sum) } else { sum.plus(x.times(y)) };
                            }
                        }
                    }
                    if whole < t.k[2] {
                        // The square overlaps the one before, whose products are in the sums.
                        let from = t.k[2] - N;
                        for (sum, rows) in sums.iter_mut().zip(&rows) {
                            let columns = turn(rows.map(|row| b.wrapping_offset(row).wrapping_add(from)));
                            for (d, y) in columns.into_iter().enumerate() {
                                if from + d >= whole {
                                    let x = V::splat(*a.wrapping_offset((from + d) as isize * t.a_along[2]));
                                    *sum = if FAST { V::fused(x, y, *sum) } else { sum.plus(x.times(y)) };
                                }
                            }
                        }
                    }
                }
            }
            for (g, sum) in sums.iter().enumerate() {
                sum.store(t.out.add((2 * pair + g) * N));
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
    pub along: [isize; 3],
}

/// Rows from which on columns that lie far apart are gathered before they are used, as [`Side::scattered`] says.
const WORTH_PACKING: usize = 48;

impl Side {
    /// Whether following the summed indices touches another line of the cache every time, and soon the same sets of it.
    #[inline(always)]
    fn scattered(&self, k: [usize; 3]) -> bool {
        self.along[2].unsigned_abs() >= 128 && depth(k) > 16
    }
}

/// Products of a sum.
#[inline(always)]
fn depth(k: [usize; 3]) -> usize {
    k[0] * k[1] * k[2]
}

/// Floats from an element to those that share its set of the first-level cache: 4 KiB on every x86-64 processor.
const SAME_SET: usize = 1024;

/// Floats of the two sizes of buffer for packed columns.
pub const SMALL: usize = 8 << 10;
pub const LARGE: usize = 64 << 10;

/// Floats for packed columns of `N` results that are sums of at most `K` products.
pub const fn room<L: Level>(n: usize, k: usize) -> usize {
    let (two, all) = (2 * L::LANES, n.next_multiple_of(if L::LANES == 0 { 1 } else { L::LANES }));
    let columns = if two < all { two } else { all };
    if k * columns <= SMALL { SMALL } else { LARGE }
}

/// The way through all tiles of a product, for every `i < m` and `j < n` the sum over `k` of the products of the factors: a step
/// computes the next of them.
#[derive(Debug)]
pub struct Walk {
    m: usize,
    n: usize,
    a: Side,
    b: Side,
    /// Where columns are packed, and for how many floats there is room; without room they are read where they are.
    room: *mut f32,
    size: usize,
    /// What the tile reads; its columns are those of the panel.
    tile: Tile,
    /// Vectors of a row; without any, the columns that are left do not fill one. Where columns are turned in registers, squares.
    wide: usize,
    /// Columns of a tile, of the vectors that hold them.
    width: usize,
    whole: usize,
    /// Packed columns: as many panels as there is room for, so that rows which do not stay in a cache are gone through once for all of
    /// them; and their distance.
    panels: usize,
    panel: usize,
    columns: *const f32,
    /// The tile that was computed last: its first row, how many there are, and its panel of those from the first column on.
    row: usize,
    rows: usize,
    column: usize,
    turn: usize,
    /// Whether there is one row, and columns lie along the last summed index.
    turned: bool,
    /// Whether there is one row, whose columns lie in the same lines of the cache for every index.
    lines: bool,
    /// Its results.
    sums: MaybeUninit<[f32; MOST]>,
}

impl Walk {
    /// In front of the first tile.
    #[inline(always)]
    pub fn new(m: usize, n: usize, k: [usize; 3], a: Side, b: Side, room: *mut f32, size: usize) -> Walk {
        let (turned, lines) = (false, false);
        let tile = Tile {
            k,
            a: a.at,
            step: a.step,
            a_along: a.along,
            b: b.at,
            b_along: b.along,
            apart: b.step,
            part: 0,
            shift: 0,
            out: core::ptr::null_mut(),
        };
        let (wide, width, whole, panels, panel, columns) = (0, 0, 0, 0, 0, b.at);
        // Behind the last row of no columns.
        let (row, rows, column, turn) = (m, 0, 0, 0);
        let sums = MaybeUninit::uninit();
        Walk {
            m,
            n,
            a,
            b,
            room,
            size,
            tile,
            wide,
            width,
            whole,
            panels,
            panel,
            columns,
            row,
            rows,
            column,
            turn,
            turned,
            lines,
            sums,
        }
    }

    /// Goes on to the next panel, rows or columns; false if there are none.
    #[inline(always)]
    unsafe fn go_on<L: Level, const FAST: bool, const LANED: bool>(&mut self) -> bool {
        self.turn += 1;
        if self.turn >= self.panels {
            (self.turn, self.row) = (0, self.row + self.rows);
            if self.row >= self.m {
                self.column += self.panels * self.width;
                if self.column >= self.n {
                    return false;
                }
                // SAFETY: there are columns from here on, which are the caller's promise.
                unsafe { self.start_columns::<L, FAST, LANED>() };
                self.row = 0;
            }
            // SAFETY: the row is there.
            self.tile.a = unsafe { self.a.at.offset(self.row as isize * self.a.step) };
            if LANED {
                self.tile.a = self.tile.a.wrapping_add(self.column);
            }
        }
        self.tile.b = self.columns.wrapping_add(self.turn * self.panel);
        self.tile.out = self.sums.as_mut_ptr().cast();
        true
    }

    #[inline(always)]
    unsafe fn start_columns<L: Level, const FAST: bool, const LANED: bool>(&mut self) {
        let k = self.tile.k;
        let (left, b, depth) = (self.n - self.column, self.b, depth(k));
        // SAFETY: the column is there.
        let b = Side { at: unsafe { b.at.offset(self.column as isize * b.step) }, ..b };
        if !LANED && self.turned {
            self.wide = if left <= 2 * L::SQUARE { 2 } else { 2 * PAIRS };
            (self.whole, self.panels, self.panel) = (self.wide * L::SQUARE, 1, 0);
            self.width = self.whole.min(left);
            self.tile.part = self.width;
            self.columns = b.at;
            return;
        }
        if !LANED && self.lines {
            let shift = b.at as usize / size_of::<f32>() % L::LANES;
            let all = (shift + left).div_ceil(L::LANES);
            self.wide = if all <= MOST_LINES { all } else { MOST_LINES - 1 };
            (self.whole, self.panels, self.panel) = (self.wide * L::LANES, 1, 0);
            self.width = left.min(self.whole - shift);
            (self.tile.shift, self.tile.part) = (shift, shift + self.width + L::LANES - self.whole);
            (self.columns, self.tile.b_along) = (b.at.wrapping_sub(shift), b.along);
            return;
        }
        let slim = !LANED && slim::<L, FAST>(self.m);
        // Few rows wait for their sums, of which there are more with a vector that is not full.
        let both = !LANED && self.m < 4 && L::LANES < left && left < 2 * L::LANES;
        let both = both && (self.size == 0 || depth * 2 * L::LANES <= self.size);
        self.wide = match left / L::LANES {
            1 if both => 2,
            8.. if self.m == 1 && self.size == 0 && !LANED => 8,
            2.. if !slim && (self.size == 0 || depth * 2 * L::LANES <= self.size) => 2,
            1.. => 1,
            0 => 0,
        };
        self.width = left.min(self.wide.max(1) * L::LANES);
        // A part of a vector is packed as a whole one, whose other elements are not looked at.
        self.whole = self.wide.max(1) * L::LANES;
        self.tile.part = self.width - self.wide.saturating_sub(1) * L::LANES;
        (self.panels, self.panel) = (1, 0);
        (self.columns, self.tile.b_along) = (b.at, b.along);
        let panel = depth * self.whole;
        if self.size > 0 && panel <= self.size {
            self.panel = panel;
            let most = self.size.checked_div(panel).unwrap_or(1);
            self.panels = left.checked_div(self.width).unwrap_or(1).min(most);
            for p in 0..self.panels {
                let at = b.at.wrapping_offset((p * self.width) as isize * b.step);
                let (of, to) = (Side { at, ..b }, self.room.wrapping_add(p * panel));
                // SAFETY: there is room for as many panels; the columns are the caller's promise.
                unsafe { L::pack(&Columns { k, of, width: self.width, whole: self.whole, to }) };
            }
            let whole = self.whole;
            self.columns = self.room;
            self.tile.b_along = [k[1] * k[2] * whole, k[2] * whole, whole].map(|n| n as isize);
        }
    }
}

/// Most pairs of squares that are turned by one call.
const PAIRS: usize = 4;

/// Whether a product is of one row, with columns along the last summed index: what is used once is not packed.
#[inline(always)]
fn turns<L: Level>(m: usize, k: [usize; 3], b: Side) -> bool {
    m == 1 && b.step != 1 && b.along[2] == 1 && L::SQUARE > 0 && k[2] >= L::SQUARE
}

/// Most vectors of [`row`]: a hundred and twenty-eight columns, wherever they begin.
pub const MOST_LINES: usize = 9;

/// Whether a product is of one row, with columns side by side that lie in the same lines of the cache for every index, where halves
/// of vectors would lie across two.
#[inline(always)]
fn in_lines<L: Level>(m: usize, k: [usize; 3], b: Side) -> bool {
    if !L::LINES || m != 1 || b.step != 1 || (b.at as usize).is_multiple_of(L::LANES / 2 * size_of::<f32>()) {
        return false;
    }
    let whole = |(n, step): (usize, isize)| n == 1 || step.unsigned_abs().is_multiple_of(L::LANES);
    k.into_iter().zip(b.along).all(whole)
}

/// Whether sums of rounded products are best in tiles of one vector, see [`Level::SLIM`].
#[inline(always)]
fn slim<L: Level, const FAST: bool>(m: usize) -> bool {
    L::SLIM && !FAST && m >= 4
}

/// Computes the next tile; false if there is none.
///
/// # Safety
/// The processor has level `L`. The factors are there to be read for all indices below `m`, `n` and `k`, and the room is there to be
/// written.
#[inline(always)]
pub unsafe fn step<L: Level, const FAST: bool>(w: &mut Walk) -> bool {
    // SAFETY: the caller's promise.
    if !unsafe { w.go_on::<L, FAST, false>() } {
        return false;
    }
    if w.turned {
        // SAFETY: as below; the summed index is as long as a square.
        unsafe { if w.wide == 2 { L::turned::<FAST, 1>(&w.tile) } else { L::turned::<FAST, PAIRS>(&w.tile) } }
        w.rows = 1;
        return true;
    }
    if w.lines {
        // SAFETY: the factors of these columns are the caller's promise; the first vector begins a line.
        unsafe { L::row::<FAST>(&w.tile, w.wide) }
        w.rows = 1;
        return true;
    }
    let slim = slim::<L, FAST>(w.m);
    // Sixteen rows in one set of the cache push each other out.
    let sixteen = slim && !w.a.step.unsigned_abs().is_multiple_of(SAME_SET);
    // SAFETY: the level is the caller's promise, and so are the factors of these rows and columns, unless those were packed. `MOST` is
    // room for each of these tiles.
    let rows = unsafe {
        let t = &w.tile;
        match (w.wide, w.m - w.row) {
            (0, 8..) => tile_of::<L, FAST, 8, 1, true, false>(t),
            (0, 4..) => tile_of::<L, FAST, 4, 1, true, false>(t),
            (0, 2..) => tile_of::<L, FAST, 2, 1, true, false>(t),
            (0, _) => tile_of::<L, FAST, 1, 1, true, false>(t),
            (1, 16..) if sixteen => tile_of::<L, FAST, 16, 1, false, false>(t),
            (1, 8..) => tile_of::<L, FAST, 8, 1, false, false>(t),
            (1, 6..) if slim => tile_of::<L, FAST, 6, 1, false, false>(t),
            (1, 4..) => tile_of::<L, FAST, 4, 1, false, false>(t),
            (1, 2..) => tile_of::<L, FAST, 2, 1, false, false>(t),
            (1, _) => tile_of::<L, FAST, 1, 1, false, false>(t),
            (8, _) => tile_of::<L, FAST, 1, 8, false, false>(t),
            (2, 2..) if w.width < w.whole => tile_of::<L, FAST, 2, 2, true, false>(t),
            (2, _) if w.width < w.whole => tile_of::<L, FAST, 1, 2, true, false>(t),
            (_, 8..) if L::TALL && FAST => tile_of::<L, FAST, 8, 2, false, false>(t),
            (_, 4..) => tile_of::<L, FAST, 4, 2, false, false>(t),
            (_, 2..) => tile_of::<L, FAST, 2, 2, false, false>(t),
            _ => tile_of::<L, FAST, 1, 2, false, false>(t),
        }
    };
    w.rows = rows;
    true
}

/// [`step`] where both factors move along the columns, which lie side by side.
///
/// # Safety
/// As there.
#[inline(always)]
pub unsafe fn step_of_lanes<L: Level, const FAST: bool>(w: &mut Walk) -> bool {
    // SAFETY: the caller's promise.
    if !unsafe { w.go_on::<L, FAST, true>() } {
        return false;
    }
    // SAFETY: as in `step`.
    let rows = unsafe {
        let t = &w.tile;
        match (w.wide, w.m - w.row) {
            (0, 4..) => tile_of::<L, FAST, 4, 1, true, true>(t),
            (0, _) => tile_of::<L, FAST, 1, 1, true, true>(t),
            (1, 4..) => tile_of::<L, FAST, 4, 1, false, true>(t),
            (1, 2..) => tile_of::<L, FAST, 2, 1, false, true>(t),
            (1, _) => tile_of::<L, FAST, 1, 1, false, true>(t),
            (_, 4..) => tile_of::<L, FAST, 4, 2, false, true>(t),
            (_, 2..) => tile_of::<L, FAST, 2, 2, false, true>(t),
            _ => tile_of::<L, FAST, 1, 2, false, true>(t),
        }
    };
    w.rows = rows;
    true
}

/// Results that are handed out together, so that what becomes of them can be vectors again.
const TOGETHER: usize = 8;

/// Hands out what the steps of a walk compute. `CALLS` says that elementary functions are computed of it, for which a loop over a
/// row is compiled in the widest vectors.
///
/// # Safety
/// What `next` needs.
#[inline(always)]
unsafe fn hand_out<L: Level, const CALLS: bool>(
    mut w: Walk,
    next: impl Fn(&mut Walk) -> bool,
    mut out: impl FnMut(usize, usize, f32),
) {
    // Read before a step could have changed them, as far as the compiler knows: they are constants.
    let (m, n) = (w.m, w.n);
    while next(&mut w) {
        let column = w.column + w.turn * w.width;
        let mut sums = w.sums.as_ptr().cast::<f32>().wrapping_add(w.tile.shift);
        for row in w.row..w.row + w.rows {
            if CALLS {
                // What is handed out goes there and comes back: a loop that has it as its own need not look for it in memory.
                let width = w.width;
                out = super::wide::<L, _>(move || {
                    let mut out = out;
                    for j in 0..width {
                        // SAFETY: as below.
                        unsafe {
                            core::hint::assert_unchecked(row < m && column + j < n);
                            out(row, column + j, *sums.add(j));
                        }
                    }
                    out
                });
                sums = sums.wrapping_add(w.whole);
                continue;
            }
            let mut one = |j: usize, sum: f32| {
                // SAFETY: these are a row and a column that there are, which is said so that whoever stores there need not ask.
                unsafe { core::hint::assert_unchecked(row < m && column + j < n) };
                out(row, column + j, sum);
            };
            let mut done = 0;
            // All of them are read before the first is handed out: it may go anywhere, as far as the compiler knows.
            while done + TOGETHER <= w.width {
                // SAFETY: the tile has written `rows` rows of `whole` results, and there are no more than that of `width`.
                let together = unsafe { sums.add(done).cast::<[f32; TOGETHER]>().read_unaligned() };
                for (j, sum) in together.into_iter().enumerate() {
                    one(done + j, sum);
                }
                done += TOGETHER;
            }
            for j in done..w.width {
                // SAFETY: as above.
                one(j, unsafe { *sums.add(j) });
            }
            sums = sums.wrapping_add(w.whole);
        }
    }
}

/// For every `i < m` and `j < n` the sum over `k` of the products of the factors, handed to `out(i, j, sum)`. `ROOM` floats are for
/// columns that are packed.
///
/// # Safety
/// The processor has level `L`. The factors are there to be read for all indices below `m`, `n` and `k`.
#[inline(always)]
pub unsafe fn products<L: Level, const FAST: bool, const CALLS: bool, const ROOM: usize>(
    m: usize,
    n: usize,
    k: [usize; 3],
    a: Side,
    b: Side,
    out: impl FnMut(usize, usize, f32),
) {
    // SAFETY: the caller's promise, handed on.
    let next = |w: &mut Walk| unsafe { if FAST { L::next_fast(w) } else { L::next(w) } };
    // SAFETY: the same.
    unsafe {
        let turned = turns::<L>(m, k, b);
        let mut room = MaybeUninit::<[f32; ROOM]>::uninit();
        let lines = in_lines::<L>(m, k, b);
        let packs = !turned && (b.step != 1 || m >= WORTH_PACKING && b.scattered(k));
        let (room, size) = if packs { (room.as_mut_ptr().cast(), ROOM) } else { (core::ptr::null_mut(), 0) };
        // Called at one place: what becomes of the sums is then compiled into the loop over them.
        hand_out::<L, CALLS>(Walk { turned, lines, ..Walk::new(m, n, k, a, b, room, size) }, next, out);
    }
}

/// [`products`] where both factors move along the columns, which lie side by side.
///
/// # Safety
/// As there.
#[inline(always)]
pub unsafe fn lanes<L: Level, const FAST: bool>(
    m: usize,
    n: usize,
    k: [usize; 3],
    a: Side,
    b: Side,
    out: impl FnMut(usize, usize, f32),
) {
    // SAFETY: the caller's promise, handed on.
    let next = |w: &mut Walk| unsafe { if FAST { L::next_of_lanes_fast(w) } else { L::next_of_lanes(w) } };
    // SAFETY: the same.
    unsafe { hand_out::<L, false>(Walk::new(m, n, k, a, b, core::ptr::null_mut(), 0), next, out) }
}

/// Whether [`products`] can do it: columns that have to be packed must fit its buffer.
#[inline(always)]
pub fn fits<L: Level>(m: usize, k: [usize; 3], b: Side, room: usize) -> bool {
    b.step == 1 || turns::<L>(m, k, b) || depth(k) * L::LANES <= room
}

/// Runs a tile and says how many rows it has.
#[inline(always)]
unsafe fn tile_of<
    L: Level,
    const FAST: bool,
    const ROWS: usize,
    const WIDE: usize,
    const PART: bool,
    const LANED: bool,
>(
    t: &Tile,
) -> usize {
    // SAFETY: the caller's promise, handed on.
    unsafe { L::tile::<FAST, ROWS, WIDE, PART, LANED>(t) };
    ROWS
}

/// Columns that are to be packed, and where.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Extents of the summed indices.
    pub k: [usize; 3],
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
pub unsafe fn pack<V: Vector, const N: usize>(c: &Columns, turn: impl Fn([*const f32; N]) -> [V; N]) {
    let Columns { k, of: b, width, whole, to } = *c;
    for row in 0..k[0] * k[1] {
        let (k0, k1) = (row / k[1], row % k[1]);
        let from = b.at.wrapping_offset(k0 as isize * b.along[0] + k1 as isize * b.along[1]);
        let to = to.wrapping_add(row * k[2] * whole);
        // SAFETY: every access is of a column below `width` and an index below `k`; the rows have `whole` elements.
        unsafe {
            if b.step == 1 {
                for k2 in 0..k[2] {
                    let (from, to) = (from.wrapping_offset(k2 as isize * b.along[2]), to.add(k2 * whole));
                    let mut done = 0;
                    while done + TOGETHER <= width {
                        let together = from.add(done).cast::<[f32; TOGETHER]>().read_unaligned();
                        to.add(done).cast::<[f32; TOGETHER]>().write_unaligned(together);
                        done += TOGETHER;
                    }
                    for j in done..width {
                        *to.add(j) = *from.add(j);
                    }
                }
            } else if b.along[2] == 1 && width >= N && k[2] >= N {
                // The last of the squares may overlap those before.
                for j in (0..width).step_by(N).map(|j| j.min(width - N)) {
                    for k2 in (0..k[2]).step_by(N).map(|k2| k2.min(k[2] - N)) {
                        let from = from.wrapping_offset(j as isize * b.step + k2 as isize);
                        let to = to.add(k2 * whole + j);
                        let columns = turn(core::array::from_fn(|d| from.wrapping_offset(d as isize * b.step)));
                        for (d, column) in columns.into_iter().enumerate() {
                            column.store(to.add(d * whole));
                        }
                    }
                }
            } else {
                for k2 in 0..k[2] {
                    let (from, to) = (from.wrapping_offset(k2 as isize * b.along[2]), to.add(k2 * whole));
                    for j in 0..width {
                        *to.add(j) = *from.wrapping_offset(j as isize * b.step);
                    }
                }
            }
            if width < whole {
                for k2 in 0..k[2] {
                    for j in width..whole {
                        *to.add(k2 * whole + j) = 0.0;
                    }
                }
            }
        }
    }
}
