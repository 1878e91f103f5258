//! Contractions on Cortex-M with a floating-point unit: tiles in assembler.
//!
//! What they gain over compiled loops: elements are loaded by `vldmia`, several an instruction, which the compiler does not find; sums
//! never leave their registers; and `#[jit(fast)]` has a fused multiply-add, which stable Rust has no word for here. That is fewer
//! instructions and smaller, but takes a cycle more on a Cortex-M4 than a multiplication and an addition: tiles that load an element for
//! a product or two, where nothing is gained by fewer instructions, have no fused form. Equal tiles of different kernels are one function.

use core::mem::MaybeUninit;

use super::contract::from_zero;
use super::products::Factor;
use super::{Elem, Product};

core::arch::global_asm!(include_str!("tiles.s"), options(raw));

unsafe extern "C" {
    fn kiln_copy(to: *mut u32, from: *const u32, words: usize);
}

/// Elements from which on [`copy`] is worth a call: compilers copy a few by themselves.
const MANY: usize = 32;

/// Copies `x` to `y` if their elements are words and many; false if it has not.
#[inline(always)]
pub fn copy<T: Elem, U: Elem, const N: usize>(x: &[T; N], y: &mut [U; N]) -> bool {
    if const { size_of::<T>() != 4 || size_of::<U>() != 4 || N < MANY } {
        return false;
    }
    // SAFETY: both have `N` elements of four bytes, `y` is borrowed exclusively, and every four bytes are an element (`Elem`, of
    // which bools and halves are smaller).
    unsafe { kiln_copy(y.as_mut_ptr().cast(), x.as_ptr().cast(), N) };
    true
}

/// What a tile is told. The functions in `tiles.s` know the order of the fields; all steps are in bytes.
#[repr(C)]
struct Walk {
    a: *const f32,
    b: *const f32,
    a_row: isize,
    b_row: isize,
    a_k: isize,
    b_k: isize,
    inner: usize,
    middle: usize,
    outer: usize,
    a_middle: isize,
    b_middle: isize,
    a_outer: isize,
    b_outer: isize,
    /// Of `inner`, what the sliding tile takes in steps of eight.
    blocks: usize,
    sums: *mut f32,
    /// From one row of sums to the next, where a tile has several of several.
    sums_row: isize,
}

/// Where sums go, if that is all that happens to them: sum (m, n) to `of[at + m * row + n * column]`.
#[derive(Debug)]
pub struct Target<'a, T> {
    /// The array.
    pub of: &'a mut [T],
    /// Where the first goes.
    pub at: usize,
    /// From one row to the next.
    pub row: isize,
    /// From one column to the next.
    pub column: isize,
}

/// A [`Target`] that tiles write to themselves: all of it is inside, and the sums of a tile's row, or its only column, lie side by
/// side. Steps are in elements.
#[derive(Clone, Copy)]
struct Direct {
    start: *mut f32,
    row: isize,
    column: isize,
}

macro_rules! tiles {
    ($($name:ident: $plain:ident $(from $from:ident)? $(fused $fused:ident)?;)*) => {
        unsafe extern "C" {
            $(fn $plain(walk: &Walk); $(fn $from(walk: &Walk);)? $(fn $fused(walk: &Walk);)?)*
        }

        impl Tile {
            /// # Safety
            /// `walk` leads through memory that may be read, and `sums` may be written, and read if sums start `FROM` there, so far
            /// as the tile's size says.
            #[inline(always)]
            unsafe fn run<const FAST: bool, const FROM: bool>(self, walk: &Walk) {
                // SAFETY: the caller's promise.
                unsafe {
                    match self {
                        $(
                            $(Tile::$name if FROM => call!($from, walk),)?
                            $(Tile::$name if FAST => call!($fused, walk),)?
                            Tile::$name => call!($plain, walk),
                        )*
                    }
                }
            }
        }
    };
}

/// Calls a tile. Not a call as the compiler knows it: that all registers of the FPU are lost lets it save them outside of loops.
macro_rules! call {
    ($f:ident, $walk:ident) => {
        core::arch::asm!(
            "bl {f}", f = sym $f, inout("r0") $walk => _, out("r1") _, out("r2") _, out("r3") _, out("r12") _, out("lr") _,
            out("d0") _, out("d1") _, out("d2") _, out("d3") _, out("d4") _, out("d5") _, out("d6") _, out("d7") _,
            out("d8") _, out("d9") _, out("d10") _, out("d11") _, out("d12") _, out("d13") _, out("d14") _, out("d15") _,
        )
    };
}

tiles! {
    RowsByColumns: kiln_tile_rc_plain from kiln_tile_rc_from fused kiln_tile_rc_fused;
    RowsByRows: kiln_tile_rr_plain from kiln_tile_rr_from fused kiln_tile_rr_fused;
    ColumnsByColumns: kiln_tile_cc_plain from kiln_tile_cc_from fused kiln_tile_cc_fused;
    ColumnsByAny: kiln_tile_ca_plain from kiln_tile_ca_from fused kiln_tile_ca_fused;
    AnyByAny: kiln_tile_aa_plain from kiln_tile_aa_from fused kiln_tile_aa_fused;
    TallAny: kiln_tile_tall_any from kiln_tile_tall_any_from;
    Wide: kiln_tile_wide_plain from kiln_tile_wide_from fused kiln_tile_wide_fused;
    Tall: kiln_tile_tall from kiln_tile_tall_from;
    Dot: kiln_tile_dot from kiln_tile_dot_from;
    SlideUp: kiln_tile_slide_up from kiln_tile_slide_up_from;
    SlideDown: kiln_tile_slide_down from kiln_tile_slide_down_from;
    Lanes: kiln_tile_lanes_plain fused kiln_tile_lanes_fused;
    Lane: kiln_tile_lane_plain fused kiln_tile_lane_fused;
}

/// The tiles, and how each wants its factors to lie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    /// 4 x 4: `a` along k, `b` along the columns.
    RowsByColumns,
    /// 4 x 4: both along k.
    RowsByRows,
    /// 4 x 4: `a` along the rows, `b` along the columns.
    ColumnsByColumns,
    /// 4 x 4: `a` along the rows, `b` anywhere.
    ColumnsByAny,
    /// 4 x 4: both anywhere.
    AnyByAny,
    /// 4 x 1: both anywhere.
    TallAny,
    /// 1 x 8: `b` along the columns.
    Wide,
    /// 4 x 1: both along k.
    Tall,
    /// 1 x 1: both along k.
    Dot,
    /// 8 x 1: `a` along rows and k, `b` along k.
    SlideUp,
    /// 8 x 1: the same with `b` against k.
    SlideDown,
    /// 4 x 4 of which the columns are lanes: both along them.
    Lanes,
    /// 1 x 8 lanes.
    Lane,
}

impl Tile {
    const fn size(self) -> (usize, usize) {
        match self {
            Tile::RowsByColumns | Tile::RowsByRows | Tile::ColumnsByColumns | Tile::Lanes => (4, 4),
            Tile::ColumnsByAny | Tile::AnyByAny => (4, 4),
            Tile::Wide | Tile::Lane => (1, 8),
            Tile::Tall | Tile::TallAny => (4, 1),
            Tile::Dot => (1, 1),
            Tile::SlideUp | Tile::SlideDown => (8, 1),
        }
    }
}

/// How a product is computed: by which tile, and whether with its factors the other way round.
#[derive(Clone, Copy)]
pub struct Kernel {
    tile: Tile,
    swapped: bool,
}

/// Below so many products the tiles' calls cost more than they gain.
pub const FEW: usize = 128;

/// The kernel for `m` x `n` sums of at least `few` products, if they are ones for which there is a tile. All that this looks at are
/// constants of the emitted code.
#[inline(always)]
pub fn kernel<T: Product, const R: usize>(
    few: usize,
    [m, n]: [usize; 2],
    extents: [usize; R],
    a: &Factor<'_, T, R>,
    b: &Factor<'_, T, R>,
) -> Option<Kernel> {
    let last = R.wrapping_sub(1);
    let (Some(&ak), Some(&bk), Some(&inner)) = (a.along.get(last), b.along.get(last), extents.get(last)) else {
        return None;
    };
    let sums = extents.iter().product::<usize>();
    // A single sum leaves the compiled loop waiting for the last addition: that is slower from half as many on.
    let few = if m * n == 1 { few / 2 } else { few };
    if !T::SINGLE || R > 3 || inner < 2 || m * n * sums < few {
        return None;
    }
    let straight = |tile| Some(Kernel { tile, swapped: false });
    let swapped = |tile| Some(Kernel { tile, swapped: true });
    match (m, n) {
        (1, 1) if ak == 1 && bk == 1 => straight(Tile::Dot),
        (8.., 1) if R == 1 && a.step == 1 && ak == 1 && bk == 1 && inner > 8 => straight(Tile::SlideUp),
        (8.., 1) if R == 1 && a.step == 1 && ak == 1 && bk == -1 && inner > 8 => straight(Tile::SlideDown),
        (1, 8..) if R == 1 && b.step == 1 && bk == 1 && ak == 1 && inner > 8 => swapped(Tile::SlideUp),
        (1, 8..) if R == 1 && b.step == 1 && bk == 1 && ak == -1 && inner > 8 => swapped(Tile::SlideDown),
        (8.., 1) if a.step == 1 => swapped(Tile::Wide),
        (1, 8..) if b.step == 1 => straight(Tile::Wide),
        (4.., 1) if ak == 1 && bk == 1 => straight(Tile::Tall),
        (1, 4..) if ak == 1 && bk == 1 => swapped(Tile::Tall),
        (4.., 4..) if ak == 1 && b.step == 1 => straight(Tile::RowsByColumns),
        (4.., 4..) if bk == 1 && a.step == 1 => swapped(Tile::RowsByColumns),
        (4.., 4..) if ak == 1 && bk == 1 => straight(Tile::RowsByRows),
        (4.., 4..) if a.step == 1 && b.step == 1 => straight(Tile::ColumnsByColumns),
        (4.., 4..) if a.step == 1 => straight(Tile::ColumnsByAny),
        (4.., 4..) if b.step == 1 => swapped(Tile::ColumnsByAny),
        (4.., 4..) => straight(Tile::AnyByAny),
        (4.., 1) => straight(Tile::TallAny),
        (1, 4..) => swapped(Tile::TallAny),
        _ => None,
    }
}

impl Kernel {
    /// A tile as it is.
    pub const fn of(tile: Tile) -> Kernel {
        Kernel { tile, swapped: false }
    }

    /// Rows that it needs at least.
    #[inline(always)]
    pub fn rows(self) -> usize {
        let (rows, columns) = self.tile.size();
        if self.swapped { columns } else { rows }
    }

    /// [`super::products`], of as many rows and columns as a tile has at least.
    #[inline(always)]
    pub fn run<T: Product + Elem, const FAST: bool, const R: usize>(
        self,
        m: usize,
        n: usize,
        extents: [usize; R],
        a: Factor<'_, T, R>,
        b: Factor<'_, T, R>,
        mut out: impl FnMut(usize, usize, T),
    ) {
        self.run_from::<T, FAST, false, R>(m, n, extents, a, b, from_zero(&mut out));
    }

    /// [`Kernel::run`] of sums that start, if it is `FROM` anywhere but zero, from what `out(m, n, None)` says.
    #[inline(always)]
    pub fn run_from<T: Product + Elem, const FAST: bool, const FROM: bool, const R: usize>(
        self,
        m: usize,
        n: usize,
        extents: [usize; R],
        a: Factor<'_, T, R>,
        b: Factor<'_, T, R>,
        mut out: impl FnMut(usize, usize, Option<T>) -> T,
    ) {
        if self.swapped {
            self.tile.all::<T, FAST, FROM, R>(n, m, extents, b, a, None, |n, m, sum| out(m, n, sum));
        } else {
            self.tile.all::<T, FAST, FROM, R>(m, n, extents, a, b, None, out);
        }
    }

    /// [`Kernel::run`] of sums that are only stored.
    #[inline(always)]
    pub fn run_into<T: Product + Elem, const FAST: bool, const R: usize>(
        self,
        m: usize,
        n: usize,
        extents: [usize; R],
        a: Factor<'_, T, R>,
        b: Factor<'_, T, R>,
        out: Target<'_, T>,
    ) {
        let (row, column) = if self.swapped { (out.column, out.row) } else { (out.row, out.column) };
        let side_by_side = if self.tile.size().1 == 1 { row == 1 } else { column == 1 };
        let last = out.at as isize + out.row * (m as isize - 1) + out.column * (n as isize - 1);
        let inside = row >= 0 && column >= 0 && last < out.of.len() as isize;
        if T::SINGLE && side_by_side && inside {
            let start = out.of.as_mut_ptr().wrapping_add(out.at).cast();
            let direct = Some(Direct { start, row, column });
            if self.swapped {
                self.tile.all::<T, FAST, false, R>(n, m, extents, b, a, direct, |_, _, _| <T as Elem>::ZERO);
            } else {
                self.tile.all::<T, FAST, false, R>(m, n, extents, a, b, direct, |_, _, _| <T as Elem>::ZERO);
            }
            return;
        }
        let Target { of, at, row, column } = out;
        self.run::<T, FAST, R>(m, n, extents, a, b, |m, n, sum| {
            let at = at.wrapping_add_signed(row * m as isize + column * n as isize);
            if let Some(x) = of.get_mut(at) {
                *x = sum;
            }
        });
    }
}

impl Tile {
    #[inline(always)]
    fn all<T: Product + Elem, const FAST: bool, const FROM: bool, const R: usize>(
        self,
        m: usize,
        n: usize,
        extents: [usize; R],
        a: Factor<'_, T, R>,
        b: Factor<'_, T, R>,
        direct: Option<Direct>,
        mut out: impl FnMut(usize, usize, Option<T>) -> T,
    ) {
        // Lanes move both factors by the column.
        let lanes = matches!(self, Tile::Lanes | Tile::Lane);
        let b = if lanes { Factor { step: 1, ..b } } else { b };
        let beside = if lanes { n } else { 1 };
        if !T::SINGLE || !inside(&a, m, beside, extents) || !inside(&b, n, 1, extents) {
            return;
        }
        const BYTES: isize = size_of::<f32>() as isize;
        let at = |d: usize| R.checked_sub(d);
        let extent = |d: usize| at(d).and_then(|d| extents.get(d)).copied().unwrap_or(1);
        let step = |x: &Factor<'_, T, R>, d: usize| at(d).and_then(|d| x.along.get(d)).copied().unwrap_or(0) * BYTES;
        let (mut inner, mut middle, mut outer) = (extent(1), extent(2), extent(3));
        // A loop that goes on where the one inside of it ends is the same loop, and where there is nothing to add, none turns.
        let ends = |x: &Factor<'_, T, R>| R >= 2 && step(x, 2) == step(x, 1) * inner as isize;
        let joined = ends(&a) && ends(&b);
        if joined {
            (inner, middle, outer) = (inner * middle, outer, 1);
        }
        if inner * middle * outer == 0 {
            (inner, middle, outer) = (0, 1, 1);
        }
        let step = |x: &Factor<'_, T, R>, d: usize| step(x, if joined && d > 1 { d + 1 } else { d });
        // From where a loop ends to where its next turn begins.
        let turn = |x: &Factor<'_, T, R>, d: usize| {
            let inside = if d == 3 { step(x, 2) * (middle as isize - 1) } else { 0 };
            step(x, d) - inside - step(x, 1) * inner as isize
        };
        let (rows, columns) = self.size();
        let mut sums = [const { MaybeUninit::<T>::uninit() }; 16];
        let start = |x: &Factor<'_, T, R>| x.of.as_ptr().wrapping_add(x.at).cast::<f32>();
        // A step of eight reads one row more than the tile has, if there is one.
        let spare = inside(&a, m + 1, 1, extents);
        let slides = matches!(self, Tile::SlideUp | Tile::SlideDown);
        let mut walk = Walk {
            a: start(&a),
            b: start(&b),
            a_row: a.step * BYTES,
            b_row: b.step * BYTES,
            a_k: step(&a, 1),
            b_k: step(&b, 1),
            inner,
            middle,
            outer,
            a_middle: turn(&a, 2),
            b_middle: turn(&b, 2),
            a_outer: turn(&a, 3),
            b_outer: turn(&b, 3),
            blocks: inner / 8,
            sums: sums.as_mut_ptr().cast(),
            sums_row: direct.map_or(columns as isize, |direct| direct.row) * BYTES,
        };
        let mut row = 0;
        while row < m {
            // The last tile overlaps the one before, and what that has computed is not handed out again.
            let first = row.min(m - rows);
            if slides && !spare {
                walk.blocks = if first + rows < m { inner / 8 } else { inner.saturating_sub(1) / 8 };
            }
            let mut column = 0;
            while column < n {
                let first_column = column.min(n - columns);
                let beside = if lanes { first_column } else { 0 };
                walk.a = start(&a).wrapping_offset(first as isize * a.step).wrapping_add(beside);
                walk.b = start(&b).wrapping_offset(first_column as isize * b.step);
                walk.sums = match direct {
                    Some(Direct { start, row, column }) => {
                        start.wrapping_offset(first as isize * row + first_column as isize * column)
                    }
                    None => sums.as_mut_ptr().cast(),
                };
                if FROM {
                    for i in 0..rows {
                        for j in 0..columns {
                            // SAFETY: as below.
                            unsafe {
                                core::hint::assert_unchecked(first + i < m && first_column + j < n);
                                let start = out(first + i, first_column + j, None);
                                sums.get_unchecked_mut(i * columns + j).write(start);
                            }
                        }
                    }
                }
                // SAFETY: every element that the tile reads is one of a row below `m` or column below `n`, and those are inside
                // of their arrays, which was checked above. `T` is `f32`, and `sums` holds as many as the largest tile has, and what
                // they start from has been written; where they go directly they lie inside, and side by side.
                unsafe { self.run::<FAST, FROM>(&walk) };
                if direct.is_some() {
                    column = first_column + columns;
                    continue;
                }
                // Zero, and known to be, where tiles fill the rows and columns.
                let seen = if m.is_multiple_of(rows) { 0 } else { row - first };
                let seen_columns = if n.is_multiple_of(columns) { 0 } else { column - first_column };
                for i in seen..rows {
                    for j in seen_columns..columns {
                        // SAFETY: the tile has written `rows * columns` of them, at most 16. The indices are those of rows and
                        // columns that there are, which is said so that whoever stores there need not ask.
                        let sum = unsafe {
                            core::hint::assert_unchecked(first + i < m && first_column + j < n);
                            sums.get_unchecked(i * columns + j).assume_init()
                        };
                        out(first + i, first_column + j, Some(sum));
                    }
                }
                column = first_column + columns;
            }
            row = first + rows;
        }
    }
}

/// Whether every element of the first `m` rows of `x`, and of as many `beside` each, is inside of its array. Without products there is
/// none.
#[inline(always)]
fn inside<T, const R: usize>(x: &Factor<'_, T, R>, m: usize, beside: usize, extents: [usize; R]) -> bool {
    if extents.contains(&0) {
        return true;
    }
    let (mut low, mut high) = (x.at as isize, x.at as isize);
    let mut widen = |step: isize, n: usize| {
        let reach = step * (n as isize - 1);
        if reach < 0 { low += reach } else { high += reach }
    };
    widen(x.step, m);
    widen(1, beside);
    for (step, n) in x.along.iter().zip(extents) {
        widen(*step, n);
    }
    low >= 0 && high < x.of.len() as isize
}
