//! Loops over neighbours in assembler, for cores whose floating-point unit has many registers and no vectors.
//!
//! Compilers read and write such registers one by one. Here several turns of a loop are one block: neighbours come by one `vldm` and
//! leave by one `vstm`, each operation is done for all turns before the next, so that none waits for the one before, and what is the
//! same in all turns stays in registers. What is computed, and in which order each sum is added up, is what the portable loop
//! says; on all other cores that is what is compiled.
//!
//! A loop of other operations than those of [`Fpu`], or of elements that do not lie side by side, is left to the compiler.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::nest::{Writer, literal, out};
use crate::dtype::{DType, Scalar};
use crate::ops::{FoldOrder, Fpu};
use crate::schedule::body::{Ex, Exprs, Node};
use crate::schedule::exprs::axes_of;
use crate::schedule::ix::{Atom, Ix};
use crate::schedule::program::{Fold, Nest};

/// Turns below which entering a block costs more than it gains.
const FEW: usize = 8;
/// Registers, and those of them that a function may overwrite.
const REGISTERS: usize = 32;
const FREE: usize = 16;
/// Lanes of a sum, as `kiln_math::lanes_reduce` has them.
const LANES: usize = 16;
/// Pointers and counters that core registers hold.
const POINTERS: usize = 6;

/// Turns `from..to` of the loop over an axis.
#[derive(Clone, Copy)]
pub struct Turns {
    /// The axis.
    pub axis: u32,
    /// The first.
    pub from: usize,
    /// The one after the last.
    pub to: usize,
}

impl Turns {
    fn count(self) -> usize {
        self.to - self.from
    }

    /// The index in the first of them, and what a turn adds; `None` if that is not the same for all.
    pub(super) fn of(self, ix: &Ix) -> Option<(Ix, i64)> {
        let (mut first, mut step) = (Ix::constant(ix.offset), 0);
        for (atom, c) in &ix.terms {
            let alone = Ix { terms: vec![(atom.clone(), *c)], offset: 0 };
            match atom {
                Atom::Axis { id, .. } if *id == self.axis => {
                    step = *c;
                    first = first.add_const(c * self.from as i64);
                }
                _ if axes_of(&alone).contains(&self.axis) => return None,
                _ => first = first.add(&alone),
            }
        }
        Some((first, step))
    }

    /// The least and the largest that an index is.
    fn range(self, ix: &Ix) -> Option<(i64, i64)> {
        let (first, step) = self.of(ix)?;
        let (lo, hi) = first.range();
        let reach = step * (self.count() as i64 - 1);
        Some((lo + reach.min(0), hi + reach.max(0)))
    }
}

/// What a value of a block is: numbers of others are those of values before it.
enum Value {
    /// The neighbours that a pointer runs over.
    Stream(usize),
    /// The same in all turns.
    Scalar(usize),
    /// Zero, as an operand of a comparison.
    Zero,
    Unary(&'static str, usize),
    Binary(&'static str, usize, usize),
    /// Where the first two stand in a relation, the third, else the fourth.
    Select(Relation, [usize; 4]),
}

/// A condition of the processor after `vcmp`, and the opposite one.
type Relation = (&'static str, &'static str);

impl Value {
    fn operands(&self) -> Vec<usize> {
        match self {
            Value::Stream(_) | Value::Scalar(_) | Value::Zero => Vec::new(),
            Value::Unary(_, x) => vec![*x],
            Value::Binary(_, x, y) => vec![*x, *y],
            Value::Select(_, all) => all.to_vec(),
        }
    }
}

/// Neighbours that are read.
struct Stream {
    pointer: TokenStream,
    /// Turns go downwards.
    down: bool,
    /// The result that goes there, whose pointer it shares.
    in_place: Option<usize>,
}

/// What a turn computes.
struct Program<'a> {
    writer: &'a Writer<'a>,
    exprs: &'a Exprs,
    turns: Turns,
    /// What the turns have in common has been written.
    steady: &'a dyn Fn(Ex) -> bool,
    /// Where results go.
    places: Vec<&'a Ix>,
    /// Per result the value that it is, and the value behind which it can be stored: what is read from its place comes before.
    results: Vec<(usize, usize)>,
    numbers: Vec<(Ex, usize)>,
    values: Vec<Value>,
    streams: Vec<Stream>,
    scalars: Vec<TokenStream>,
    /// How far down the expression that is being looked at is.
    depth: usize,
}

/// Operations that may follow from each other.
const MAX_DEPTH: usize = 256;

impl Program<'_> {
    /// The value of an expression; `None` if it is not one for this.
    fn value(&mut self, e: Ex) -> Option<usize> {
        if let Some((_, n)) = self.numbers.iter().find(|(seen, _)| *seen == e) {
            return Some(*n);
        }
        // A block so long has no turns to share, and going down takes stack.
        if self.depth == MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let value = self.new_value(e);
        self.depth -= 1;
        value
    }

    fn new_value(&mut self, e: Ex) -> Option<usize> {
        let (exprs, node) = (self.exprs, self.exprs.node(e));
        if exprs.dtype(e) != DType::F32 {
            return None;
        }
        let value = match node {
            Node::Const(x) => self.scalar(literal(*x)),
            _ if (self.steady)(e) => self.scalar(self.writer.operand(exprs, e)),
            Node::Load { buffer, at } => self.stream(*buffer, at)?,
            Node::Apply(text, args) => match (exprs.op(text).fpu()?, &args[..]) {
                (Fpu::Unary(name), [x]) => Value::Unary(name, self.value(*x)?),
                (Fpu::Binary(name), [x, y]) => match self.factored(name, *x, *y) {
                    Some((steady, y)) => {
                        let steady = self.scalar(steady);
                        Value::Binary(name, self.number(steady), self.value(y)?)
                    }
                    None => Value::Binary(name, self.value(*x)?, self.value(*y)?),
                },
                (Fpu::Select, [when, x, y]) => match self.known(*when) {
                    Some(chosen) => return self.value(if chosen { *x } else { *y }),
                    None => {
                        let Node::Apply(text, compared) = exprs.node(*when) else { return None };
                        let (Fpu::Compare(yes, no), [a, b]) = (exprs.op(text).fpu()?, &compared[..]) else {
                            return None;
                        };
                        let b = match exprs.node(*b) {
                            Node::Const(Scalar::F32(0.0)) => self.number(Value::Zero),
                            _ => self.value(*b)?,
                        };
                        Value::Select((yes, no), [self.value(*a)?, b, self.value(*x)?, self.value(*y)?])
                    }
                },
                _ => return None,
            },
            _ => return None,
        };
        let n = self.number(value);
        self.numbers.push((e, n));
        Some(n)
    }

    /// `x * y` where two of three factors are the same in all turns, as the product of those and the third: one product less in each
    /// turn, rounded otherwise.
    fn factored(&self, name: &str, x: Ex, y: Ex) -> Option<(TokenStream, Ex)> {
        let steady = |e: Ex| matches!(self.exprs.node(e), Node::Const(_)) || (self.steady)(e);
        let (one, product) = if steady(x) { (x, y) } else { (y, x) };
        let Node::Apply(text, args) = self.exprs.node(product) else { return None };
        let (true, true, [a, b]) = (self.writer.fast, name == Fpu::PRODUCT, &args[..]) else { return None };
        let (other, third) = if steady(*a) { (*a, *b) } else { (*b, *a) };
        if self.exprs.op(text).fpu() != Some(Fpu::Binary(Fpu::PRODUCT))
            || !steady(one)
            || !steady(other)
            || steady(third)
        {
            return None;
        }
        let (one, other) = (self.writer.operand(self.exprs, one), self.writer.operand(self.exprs, other));
        Some((quote!((#one * #other)), third))
    }

    fn number(&mut self, value: Value) -> usize {
        self.values.push(value);
        self.values.len() - 1
    }

    fn scalar(&mut self, x: TokenStream) -> Value {
        self.scalars.push(x);
        Value::Scalar(self.scalars.len() - 1)
    }

    fn stream(&mut self, buffer: u32, at: &Ix) -> Option<Value> {
        let (first, step) = self.turns.of(at)?;
        let (lo, hi) = self.turns.range(at)?;
        let (name, len) = (self.writer.names.get(&buffer)?, (self.writer.lens)(buffer));
        let mut steady = true;
        at.visit(&mut |atom| {
            if let Atom::Value { ex, .. } = atom {
                steady &= (self.steady)(*ex);
            }
        });
        if !steady || !matches!(step, 1 | -1) || lo < 0 || hi >= len as i64 {
            return None;
        }
        let in_place = self.writer.writes.iter().position(|w| self.writer.names.get(w) == Some(name));
        if in_place.is_some_and(|n| self.places.get(n).is_none_or(|place| *place != at)) {
            return None;
        }
        let down = step < 0;
        let index = self.writer.ix(self.exprs, &if down { first.add_const(1) } else { first });
        let pointer = quote!(::kiln::rt::address(#name, #index));
        self.streams.push(Stream { pointer, down, in_place });
        Some(Value::Stream(self.streams.len() - 1))
    }

    /// A condition that is the same in all turns, and known.
    fn known(&self, when: Ex) -> Option<bool> {
        match self.exprs.node(when) {
            Node::Const(Scalar::Bool(x)) => Some(*x),
            Node::InRange(ix, lo, hi) => {
                let (least, most) = self.turns.range(ix)?;
                match (*lo <= least && most < *hi, most < *lo || *hi <= least) {
                    (true, _) => Some(true),
                    (_, true) => Some(false),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What each value is needed for last.
    fn last_reads(&self) -> Vec<usize> {
        let mut last: Vec<usize> = (0..self.values.len()).collect();
        for (n, value) in self.values.iter().enumerate() {
            for x in value.operands() {
                last[x] = n;
            }
        }
        let end = self.values.len() - 1;
        last[end] = usize::MAX;
        for (value, behind) in &self.results {
            last[*value] = if *behind == end { usize::MAX } else { last[*value].max(*behind) };
        }
        last
    }
}

/// Registers side by side, one for each turn of a block, in the order of the turns or against it.
#[derive(Clone, Copy, PartialEq)]
struct Row {
    first: usize,
    down: bool,
    /// The same register for all turns.
    single: bool,
}

impl Row {
    fn is_straight(self) -> bool {
        !self.down && !self.single
    }
}

/// What is left to be done of a block.
struct Block {
    /// The registers of its last value.
    row: Row,
    /// The lines of the last value.
    lines: Vec<String>,
    /// Results to be stored behind those, and their registers.
    left: Vec<(usize, Row)>,
}

/// Lines of assembler, and the registers that they overwrite.
#[derive(Default)]
struct Code {
    text: String,
    most: usize,
}

impl Code {
    fn line(&mut self, line: impl AsRef<str>) {
        let _ = writeln!(self.text, "{}", line.as_ref());
    }

    /// `vldm` or `vstm` of registers from `first` on.
    fn many(&mut self, name: &str, pointer: &str, first: usize, n: usize) {
        let last = first + n - 1;
        self.line(format!("{name} {pointer}, {{{{s{first}-s{last}}}}}"));
        self.most = self.most.max(last + 1);
    }
}

/// Where a block finds its registers.
#[derive(Clone, Copy)]
struct Room {
    /// The first that values may take, and the one after the last.
    from: usize,
    to: usize,
    /// Turns of a whole block.
    width: usize,
}

impl Program<'_> {
    fn scalar_at(&self, n: usize, room: Room) -> usize {
        room.to + n
    }

    /// The registers of the last value in a block of `turns`; the lines of its operation, a turn each, are handed back instead of
    /// written. Results that are there before are stored.
    fn block(&self, turns: usize, room: Room, into: Option<usize>, code: &mut Code) -> Option<Block> {
        let blocks = (room.to - room.from) / room.width;
        let mut free: Vec<usize> = (0..blocks).rev().map(|b| room.from + b * room.width).collect();
        let last = self.last_reads();
        let root = self.values.len() - 1;
        let mut rows: Vec<Option<Row>> = Vec::new();
        let mut lines: Vec<String> = Vec::new();
        for (n, value) in self.values.iter().enumerate() {
            let reg = |rows: &[Option<Row>], x: usize, turn: usize| match rows[x] {
                Some(Row { first, single: true, .. }) => format!("s{first}"),
                Some(Row { first, down: true, .. }) => format!("s{}", first + turns - 1 - turn),
                Some(Row { first, .. }) => format!("s{}", first + turn),
                None => "#0.0".to_owned(),
            };
            // Operands that nobody reads again leave their registers to the result.
            let operands: BTreeSet<usize> = value.operands().into_iter().filter(|x| last[*x] == n).collect();
            let dying: Vec<(usize, Row)> =
                operands.into_iter().filter_map(|x| Some((x, rows[x].filter(|row| !row.single)?))).collect();
            let mut take = |reusable: Option<Row>| -> Option<Row> {
                if let (true, Some(first)) = (n == root, into) {
                    return Some(Row { first, down: false, single: false });
                }
                match reusable {
                    Some(row) => Some(row),
                    None => Some(Row { first: free.pop()?, down: false, single: false }),
                }
            };
            let straight = || dying.iter().map(|(_, row)| *row).find(|row| !row.down);
            let row = match value {
                Value::Zero => None,
                Value::Scalar(x) => Some(Row { first: self.scalar_at(*x, room), down: false, single: true }),
                Value::Stream(x) => {
                    let stream = &self.streams[*x];
                    let row = Row { down: stream.down, ..take(None)? };
                    let (name, pointer) = match (stream.in_place, stream.down) {
                        (Some(n), _) => ("vldmia", format!("{{{}}}", out(n))),
                        (None, true) => ("vldmdb", format!("{{p{x}}}!")),
                        (None, false) => ("vldmia", format!("{{p{x}}}!")),
                    };
                    code.many(name, &pointer, row.first, turns);
                    Some(row)
                }
                Value::Unary(name, x) => {
                    let row = take(straight())?;
                    lines = (0..turns).map(|i| format!("{name} s{}, {}", row.first + i, reg(&rows, *x, i))).collect();
                    Some(row)
                }
                Value::Binary(name, x, y) => {
                    let row = take(straight())?;
                    let one = |i| format!("{name} s{}, {}, {}", row.first + i, reg(&rows, *x, i), reg(&rows, *y, i));
                    lines = (0..turns).map(one).collect();
                    Some(row)
                }
                Value::Select((yes, no), [a, b, x, y]) => {
                    // Over a value of which this is the last reading; moving it there is for all others.
                    let over = |x: usize| {
                        let row = dying.iter().find(|(value, row)| *value == x && !row.down).map(|(_, row)| *row);
                        row.filter(|_| n != root || into.is_none())
                    };
                    let (row, moved, when, other) = match (over(*y), over(*x)) {
                        (Some(row), _) => (row, false, yes, *x),
                        (None, Some(row)) => (row, false, no, *y),
                        (None, None) => (take(None)?, true, yes, *x),
                    };
                    lines = (0..turns)
                        .map(|i| {
                            let to = row.first + i;
                            let first = if moved { format!("vmov.f32 s{to}, {}\n", reg(&rows, *y, i)) } else { String::new() };
                            let (a, b, from) = (reg(&rows, *a, i), reg(&rows, *b, i), reg(&rows, other, i));
                            format!("{first}vcmp.f32 {a}, {b}\nvmrs APSR_nzcv, fpscr\nit {when}\nvmov{when}.f32 s{to}, {from}")
                        })
                        .collect();
                    Some(row)
                }
            };
            if let Some(row) = row.filter(|row| !row.single) {
                code.most = code.most.max(row.first + turns);
            }
            for (_, old) in dying {
                if row.is_none_or(|row| row.first != old.first) {
                    free.push(old.first);
                }
            }
            rows.push(row);
            if n != root {
                lines.drain(..).for_each(|line| code.line(line));
                for (k, (value, _)) in self.results.iter().enumerate().filter(|(_, (_, behind))| *behind == n) {
                    let row = rows[*value].filter(|row| row.is_straight())?;
                    code.many("vstmia", &format!("{{{}}}!", out(k)), row.first, turns);
                    if last[*value] == n && !free.contains(&row.first) {
                        free.push(row.first);
                    }
                }
            }
        }
        let left = self.results.iter().enumerate().filter(|(_, (_, behind))| *behind == root);
        let left = left.map(|(k, (value, _))| Some((k, rows[*value].filter(|row| row.is_straight())?)));
        Some(Block { row: rows[root]?, lines, left: left.collect::<Option<Vec<_>>>()? })
    }

    /// Where values go if blocks are so wide and registers below `limit` are taken, the first `kept` being kept.
    fn room(&self, width: usize, limit: usize, kept: usize) -> Option<Room> {
        let to = limit.checked_sub(self.scalars.len())?;
        let room = Room { from: kept, to, width };
        (kept < to && self.block(width, room, None, &mut Code::default()).is_some()).then_some(room)
    }

    /// The widest blocks there is room for; narrower ones where saving registers costs more, which it does for a few turns.
    fn best(&self, kept: usize) -> Option<Room> {
        let choices = match self.writer.many {
            true => [(8, FREE), (8, REGISTERS), (4, FREE), (4, REGISTERS), (2, REGISTERS)],
            false => [(8, FREE), (4, FREE), (8, REGISTERS), (4, REGISTERS), (2, REGISTERS)],
        };
        choices.into_iter().find_map(|(width, limit)| self.room(width, limit, kept))
    }

    /// Lines and operands that bring what is the same in all turns into its registers.
    fn begin(&self, room: Room, code: &mut Code, operands: &mut TokenStream) {
        let Some(last) = self.scalars.len().checked_sub(1) else { return };
        let scalars = &self.scalars;
        if last < 2 {
            for (n, x) in scalars.iter().enumerate() {
                let (name, register) = (format_ident!("k{}", n), self.scalar_at(n, room));
                operands.extend(quote!(, #name = in(reg) f32::to_bits(#x)));
                code.line(format!("vmov s{register}, {{{name}}}"));
            }
        } else {
            operands.extend(quote!(, k = in(reg) [#(#scalars),*].as_ptr()));
            code.many("vldmia", "{k}", self.scalar_at(0, room), scalars.len());
        }
        code.most = code.most.max(self.scalar_at(last, room) + 1);
    }

    /// The pointers of all that is read, as operands.
    fn pointers(&self, operands: &mut TokenStream) {
        for (n, stream) in self.streams.iter().enumerate().filter(|(_, stream)| stream.in_place.is_none()) {
            let (name, pointer) = (format_ident!("p{}", n), &stream.pointer);
            operands.extend(quote!(, #name = inout(reg) #pointer => _));
        }
    }
}

/// Most turns of the portable loop in one of the assembler's, if blocks are narrower.
const UNROLLED: usize = 8;

/// Most turns of the assembler's loop that are written out where it runs in another.
const WRITTEN_OUT: usize = 4;

/// Whole blocks in a loop, or written out up to `most` of its turns, and what they leave.
fn turning(
    n: usize,
    width: usize,
    most: usize,
    code: &mut Code,
    operands: &mut TokenStream,
    mut block: impl FnMut(usize, bool, &mut Code) -> Option<()>,
) -> Option<()> {
    // Narrow blocks two by two, if that leaves none.
    let blocks = match n / width {
        turns if turns <= most => turns.max(1),
        _ if width < UNROLLED && n % UNROLLED < width => UNROLLED / width,
        _ => 1,
    };
    let (turns, mut left) = (n / (blocks * width), n % (blocks * width));
    if turns > 0 {
        if turns > 1 {
            let turns = Literal::usize_suffixed(turns);
            operands.extend(quote!(, turns = inout(reg) #turns => _));
            code.line("2:");
        }
        for b in 1..=blocks {
            block(width, turns > 1 && b == blocks, code)?;
        }
        if turns > 1 {
            code.line("bne 2b");
        }
    }
    while left >= width {
        block(width, false, code)?;
        left -= width;
    }
    for part in [4, 2, 1] {
        if left >= part {
            block(part, false, code)?;
            left -= part;
        }
    }
    Some(())
}

fn clobbers(code: &Code) -> TokenStream {
    let names = (0..code.most.div_ceil(2)).map(|d| Literal::string(&format!("d{d}")));
    quote!(#(, out(#names) _)*)
}

impl Writer<'_> {
    fn program<'a>(
        &'a self,
        exprs: &'a Exprs,
        roots: &[Ex],
        turns: Turns,
        steady: &'a dyn Fn(Ex) -> bool,
        places: Vec<&'a Ix>,
    ) -> Option<Program<'a>> {
        let (results, numbers, values, streams, scalars) = Default::default();
        let mut program = Program {
            writer: self,
            exprs,
            turns,
            steady,
            places,
            results,
            numbers,
            values,
            streams,
            scalars,
            depth: 0,
        };
        let roots: Vec<usize> = roots.iter().map(|e| program.value(*e)).collect::<Option<_>>()?;
        let in_place_of = |value: &Value| match value {
            Value::Stream(x) => program.streams[*x].in_place,
            _ => None,
        };
        let read = |k: usize| program.values.iter().rposition(|value| in_place_of(value) == Some(k)).unwrap_or(0);
        let results: Vec<(usize, usize)> = match program.places.is_empty() {
            true => Vec::new(),
            false => roots.iter().enumerate().map(|(k, value)| (*value, read(k).max(*value))).collect(),
        };
        let pointers = program.streams.iter().filter(|s| s.in_place.is_none()).count() + program.places.len();
        let end = program.values.len() - 1;
        program.results = results;
        // A root is the last value, unless it is one that came up before.
        (roots.contains(&end) && !program.streams.is_empty() && pointers <= POINTERS).then_some(program)
    }

    fn most_written_out(&self) -> usize {
        if self.repeated { WRITTEN_OUT } else { 1 }
    }

    /// The innermost loop of a map, for some of its turns.
    pub(super) fn neighbours(&self, nest: &Nest, turns: Turns, steady: &dyn Fn(Ex) -> bool) -> Option<TokenStream> {
        if turns.count() < FEW {
            return None;
        }
        let mut firsts = Vec::new();
        for (store, b) in nest.stores.iter().zip(self.writes) {
            let (first, step) = turns.of(&store.at)?;
            let (lo, hi) = turns.range(&store.at)?;
            let len = (self.lens)(*b) as i64;
            if step != 1 || lo < 0 || hi >= len || nest.exprs.dtype(store.value) != DType::F32 {
                return None;
            }
            firsts.push(first);
        }
        let (values, places): (Vec<Ex>, _) = nest.stores.iter().map(|s| (s.value, &s.at)).unzip();
        let program = self.program(&nest.exprs, &values, turns, steady, places)?;
        let room = program.best(0)?;
        let (mut code, mut operands) = (Code::default(), TokenStream::new());
        program.pointers(&mut operands);
        for (k, first) in firsts.iter().enumerate() {
            let (name, at) = (out(k), self.ix(&nest.exprs, first));
            operands.extend(quote!(, #name = inout(reg) ::kiln::rt::address_mut(#name, #at) => _));
        }
        program.begin(room, &mut code, &mut operands);
        turning(turns.count(), room.width, self.most_written_out(), &mut code, &mut operands, |n, counted, code| {
            let Block { lines, left, .. } = program.block(n, room, None, code)?;
            lines.iter().for_each(|line| code.line(line));
            if counted {
                code.line("subs {turns}, #1");
            }
            left.iter().for_each(|(k, row)| code.many("vstmia", &format!("{{{}}}!", out(*k)), row.first, n));
            Some(())
        })?;
        let (text, lost) = (Literal::string(&code.text), clobbers(&code));
        self.blocks.set(true);
        Some(quote!(::kiln::__assembler!(#text #operands #lost);))
    }

    /// A fold over one axis as an expression.
    pub(super) fn folded(&self, exprs: &Exprs, f: &Fold, steady: &dyn Fn(Ex) -> bool) -> Option<TokenStream> {
        let live: Vec<&(u32, usize)> = f.axes.iter().filter(|(_, n)| *n != 1).collect();
        let [(axis, n)] = live[..] else { return None };
        let (axis, n) = (*axis, *n);
        let Some(Fpu::Binary(combine)) = f.combine.fpu() else { return None };
        if n < LANES || f.start.is_some() || exprs.dtype(f.item) != DType::F32 {
            return None;
        }
        let program = self.program(exprs, &[f.item], Turns { axis, from: 0, to: n }, steady, Vec::new())?;
        let (mut code, mut operands) = (Code::default(), TokenStream::new());
        program.pointers(&mut operands);
        match f.order {
            FoldOrder::Lanes => {
                let room = [8, 4, 2].into_iter().find_map(|width| program.room(width, REGISTERS, LANES))?;
                program.begin(room, &mut code, &mut operands);
                let add = |first: usize, row: Row, n: usize, code: &mut Code| {
                    for i in 0..n {
                        let from = if row.down { row.first + n - 1 - i } else { row.first + i };
                        code.line(format!("{combine} s{}, s{}, s{from}", first + i, first + i));
                    }
                };
                let row = |n: usize, code: &mut Code| {
                    for part in (0..n).step_by(room.width) {
                        let turns = room.width.min(n - part);
                        let Block { row, lines, .. } = program.block(turns, room, None, code)?;
                        lines.iter().for_each(|line| code.line(line));
                        if row.single {
                            return None;
                        }
                        add(part, row, turns, code);
                    }
                    Some(())
                };
                for part in (0..LANES).step_by(room.width) {
                    let Block { row, lines, .. } = program.block(room.width, room, Some(part), &mut code)?;
                    lines.iter().for_each(|line| code.line(line));
                    for i in (0..room.width).filter(|_| lines.is_empty()) {
                        let from = if row.down { row.first + room.width - 1 - i } else { row.first + i };
                        if from != part + i {
                            code.line(format!("vmov.f32 s{}, s{from}", part + i));
                        }
                    }
                }
                let rows = n / LANES - 1;
                if rows > 0 {
                    let turns = Literal::usize_suffixed(rows);
                    operands.extend(quote!(, turns = inout(reg) #turns => _));
                    code.line("2:");
                    row(LANES, &mut code)?;
                    code.line("subs {turns}, #1\nbne 2b");
                }
                row(n % LANES, &mut code)?;
                let mut half = LANES / 2;
                while half > 0 {
                    (0..half).for_each(|i| code.line(format!("{combine} s{i}, s{i}, s{}", i + half)));
                    half /= 2;
                }
                code.most = code.most.max(LANES);
            }
            FoldOrder::Sequential => {
                let room = program.best(1)?;
                operands.extend({
                    let init = literal(f.init);
                    quote!(, init = in(reg) f32::to_bits(#init))
                });
                code.line("vmov s0, {init}");
                program.begin(room, &mut code, &mut operands);
                turning(n, room.width, self.most_written_out(), &mut code, &mut operands, |n, counted, code| {
                    let Block { row, lines, .. } = program.block(n, room, None, code)?;
                    if row.single {
                        return None;
                    }
                    // The sum is added to between the operations of the turns that follow, and so never waited for.
                    for i in 0..=n {
                        if let Some(line) = lines.get(i) {
                            code.line(line);
                        }
                        if i == n && counted {
                            code.line("subs {turns}, #1");
                        }
                        if let Some(i) = i.checked_sub(1) {
                            let from = if row.down { row.first + n - 1 - i } else { row.first + i };
                            code.line(format!("{combine} s0, s0, s{from}"));
                        }
                    }
                    Some(())
                })?;
            }
        }
        code.line("vmov {sum}, s0");
        let (text, lost) = (Literal::string(&code.text), clobbers(&code));
        self.blocks.set(true);
        Some(quote! {
            {
                let sum: u32;
                ::kiln::__assembler!(#text #operands, sum = lateout(reg) sum #lost);
                f32::from_bits(sum)
            }
        })
    }
}
