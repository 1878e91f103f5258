//! Emission: a schedule as Rust.
//!
//! One small function per loop nest, called in order by the body of `with`. Nothing in it can panic: elements are read and
//! written through `ld` and `st`, indices are sums of loop counters.
//!
//! The functions are generic in the instruction set. Calls stand in units that run for the best one (`__run!`); where that is
//! a question, their functions become part of the unit, so that a unit holds no more than a compiler likes in one function. Few
//! units stand in the body of the kernel; many are functions of their own, which rustc checks once and in linear time.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use proc_macro2::{Delimiter, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};

use crate::array::Array;
use crate::dtype::DType;
use crate::graph::Src;
use crate::ops::Effect;
use crate::ops::elementwise::rust_type;
use crate::schedule::program::{
    Bind, Buffer, Form, Function, Kernel, Kind, RegionKernel, Schedule, Storage, SubSchedule,
};

mod callee;
mod effect;
mod fpu;
pub mod nest;
mod registers;
mod strips;

use nest::{Writer, literal};
use registers::Registers;

/// What surrounds the kernels.
#[derive(Debug)]
pub struct Frame {
    /// Per input: the expression of type `&A` or `A` that it is, without the borrow: `p.l1.w`, `*x`.
    pub inputs: Vec<TokenStream>,
    /// Per returned leaf: the place it is written to, `out.l1.w`.
    pub results: Vec<TokenStream>,
    /// The workspace's name.
    pub workspace: Ident,
    /// Whether the bools among those are bytes, as they are in arenas: other kernels call this one.
    pub bytes: bool,
    /// Where the callees are: the module of facts of each, by its name.
    pub callees: Callees,
    /// Whether every value with a name is shown to a debugger: `#[jit(unfused)]`.
    pub observed: bool,
    /// Whether products may be fused with sums, and sums be in any order: `#[jit(fast)]`.
    pub fast: bool,
}

impl Frame {
    /// The callee of that name.
    pub fn callee(&self, name: &str) -> TokenStream {
        let module = &self.callees[name];
        quote!(#module::Tag)
    }

    /// The size of the arena, `own` bytes and what callees need.
    pub fn arena(&self, own: usize) -> TokenStream {
        if self.callees.is_empty() {
            return Literal::usize_suffixed(own).into_token_stream();
        }
        // A constant beside the kernel: only rustc can work it out.
        quote!(ARENA_BYTES)
    }
}

/// The modules of kernels that are called, by their names.
pub type Callees = BTreeMap<String, TokenStream>;

/// Emitted code.
#[derive(Debug, Default)]
pub struct Emitted {
    /// Functions and statics.
    pub items: TokenStream,
    /// Functions that run some of those in order.
    pub units: TokenStream,
    /// Statements that run them in order.
    pub calls: TokenStream,
    /// Names of the functions, in the order in which they are called, and where each call comes from. Nests that do the same to
    /// arrays of the same shapes are one function.
    pub functions: Vec<(String, Src)>,
    /// The statics, in the order in which they stand in `items`.
    pub statics: Vec<Static>,
}

/// A constant in flash.
#[derive(Debug, Clone)]
pub struct Static {
    /// Its name.
    pub name: String,
    /// What wrote it into the program.
    pub src: Src,
    /// Size.
    pub bytes: usize,
}

impl Emitted {
    /// Bytes of statics.
    pub fn static_bytes(&self) -> usize {
        self.statics.iter().map(|s| s.bytes).sum()
    }
}

/// The schedule as Rust.
pub fn emit(s: &Schedule, frame: &Frame) -> Emitted {
    let outlined = (!frame.observed && units(s) > MOST_INLINE).then(Captured::default);
    let (out, shared) = (Emitted::default(), HashMap::new());
    let mut e = Emitter { frame, out, shared, n_loops: 0, arena_bytes: s.arena_bytes, outlined, n_units: 0 };
    let calls = e.schedule(&Level { s, outside: None, base: 0, turn: None, registers: None }, false);
    let told = reports(s).then(|| quote!(let mut told = false;));
    e.out.calls = quote!(#told #calls);
    e.out
}

struct Emitter<'a> {
    frame: &'a Frame,
    out: Emitted,
    /// Functions by what they do, as [`text_of`] tells it.
    shared: HashMap<String, Ident>,
    n_loops: usize,
    arena_bytes: usize,
    /// What the unit that is being written reads and writes outside of the arena; there if units are functions.
    outlined: Option<Captured>,
    n_units: usize,
}

/// Elements from which on saving registers is worth it.
const MANY: usize = 128;

/// Units up to which they stand in the body of `with`. rustc takes time for a function that grows faster than the function,
/// and it looks at a unit once per instruction set: many units become functions.
const MOST_INLINE: usize = 16;

/// Units of the outermost level.
fn units(s: &Schedule) -> usize {
    let mut n = 0;
    let mut code = 0;
    for size in s.kernels.iter().map(Size::of) {
        if n == 0 || code + size.code > Unit::MOST {
            (n, code) = (n + 1, 0);
        }
        code += size.code;
    }
    n
}

/// Parameters and results that a unit mentions.
#[derive(Default)]
struct Captured {
    places: Vec<Place>,
}

struct Place {
    place: TokenStream,
    text: String,
    elem: TokenStream,
    len: usize,
    written: bool,
}

impl Captured {
    /// The place as a parameter of the unit.
    fn take(&mut self, place: &TokenStream, elem: &TokenStream, len: usize, write: bool) -> Ident {
        let text = place.to_string();
        let n = self.places.iter().position(|p| p.text == text).unwrap_or_else(|| {
            self.places.push(Place { place: place.clone(), text, elem: elem.clone(), len, written: false });
            self.places.len() - 1
        });
        self.places[n].written |= write;
        Captured::name(n)
    }

    fn name(n: usize) -> Ident {
        format_ident!("p{}", n)
    }
}

/// A schedule in its surroundings.
struct Level<'a> {
    s: &'a Schedule,
    /// The schedule around, and what inputs and results are there.
    outside: Option<(&'a Level<'a>, &'a SubSchedule)>,
    /// Where its arena begins.
    base: usize,
    /// The turn of the loop it is in.
    turn: Option<Ident>,
    /// What of it is in variables, if it is the body of a small loop.
    registers: Option<&'a Registers>,
}

/// Where a buffer is.
#[derive(Clone)]
struct Loc {
    at: At,
    /// Elements of the whole array there.
    len: usize,
    dtype: DType,
    /// Whether it is a parameter or a result of the kernel.
    given: bool,
    /// Whether bools are bytes there: in the arena any bit pattern may have been.
    bytes: bool,
    /// The slice of it that is meant, outermost loop first: its length, and the loop counter that numbers it.
    rows: Vec<(usize, Ident)>,
}

#[derive(Clone)]
enum At {
    Place(TokenStream),
    Static(Rc<Array>, Src),
    Arena(usize),
    Turn(Ident),
    Variable(Ident),
}

impl Loc {
    /// Element type in memory.
    fn elem(&self) -> TokenStream {
        if self.is_byte_bool() { quote!(u8) } else { rust_type(self.dtype) }
    }

    fn is_byte_bool(&self) -> bool {
        self.dtype == DType::Bool && self.bytes
    }
}

impl<'a> Level<'a> {
    fn loc(&self, frame: &Frame, b: u32) -> Loc {
        let buffer = &self.s.buffers[b as usize];
        let (len, dtype) = (buffer.aval.size(), buffer.aval.dtype);
        let here = |at| {
            let bytes = matches!(at, At::Arena(_) | At::Variable(_));
            Loc { at, len, dtype, given: false, bytes, rows: Vec::new() }
        };
        let given = |place: &TokenStream| Loc { given: true, bytes: frame.bytes, ..here(At::Place(place.clone())) };
        let bind = match (&buffer.storage, &self.outside) {
            (Storage::Static(array), _) => return here(At::Static(array.clone(), buffer.src)),
            (Storage::Arena(offset), _) => {
                let variable = self.registers.and_then(|r| r.temporary(*offset, &buffer.aval));
                return here(variable.map_or(At::Arena(self.base + offset), At::Variable));
            }
            (Storage::Param(p), None) => return given(&frame.inputs[*p]),
            (Storage::Return(r), None) => return given(&frame.results[*r]),
            (Storage::Param(p), Some((_, sub))) => sub.ins[*p],
            (Storage::Return(r), Some((_, sub))) => sub.outs[*r],
        };
        let (outer, _) = self.outside.as_ref().expect("bound outside");
        match bind {
            Bind::Whole(b) => match self.registers.and_then(|r| r.carry(b)) {
                Some(x) => here(At::Variable(x)),
                None => outer.loc(frame, b),
            },
            Bind::Row(b) => {
                let turn = self.turn.clone().expect("rows are taken in loops");
                // In loops inside of loops, a slice of a slice.
                let mut loc = outer.loc(frame, b);
                loc.rows.push((len, turn));
                loc
            }
            Bind::Index => here(At::Turn(self.turn.clone().expect("turns are counted in loops"))),
            Bind::Test => here(At::Place(quote!(goes_on))),
        }
    }
}

/// Views of the arena that one call takes together, so that they are known to be disjoint.
#[derive(Default)]
struct Views {
    names: Vec<Ident>,
    types: Vec<TokenStream>,
}

impl Views {
    fn take(&self, ws: &Ident) -> TokenStream {
        if self.names.is_empty() {
            return quote!();
        }
        // A tuple of sixteen, and the rest.
        let both = |parts: Vec<TokenStream>, f: fn(TokenStream, TokenStream) -> TokenStream| {
            parts.into_iter().rev().reduce(|rest, part| f(part, rest))
        };
        let names = self.names.chunks(16).map(|names| quote!((#(#names,)*))).collect();
        let types = self.types.chunks(16).map(|types| quote!((#(#types,)*))).collect();
        let names = both(names, |part, rest| quote!((#part, #rest)));
        let types = both(types, |part, rest| quote!(::kiln::rt::Both<#part, #rest>));
        quote! { let #names = #ws.views::<#types>(); }
    }
}

impl<'a> Emitter<'a> {
    /// The kernels in order; `inside` of a unit or in units of their own.
    fn schedule(&mut self, level: &Level<'_>, inside: bool) -> TokenStream {
        let mut calls = TokenStream::new();
        let mut unit = Unit::default();
        for k in &level.s.kernels {
            let size = Size::of(k);
            let alone = !inside && (k.has_effect() || size.code > Unit::MOST && matches!(k.kind, Kind::Region(_)));
            if alone || unit.size.code + size.code > Unit::MOST || self.frame.observed {
                calls.extend(self.run(std::mem::take(&mut unit), inside));
            }
            // Loops that are no part of a unit have units inside.
            let outlined = if alone { self.outlined.take() } else { None };
            let code = match &k.kind {
                Kind::Region(r) => self.region(level, r, !alone),
                Kind::Effect { effect, lanes, operands, ins } => self.effect(level, effect, lanes, operands, ins),
                Kind::Call { function: Function::Kernel { name, at, changes }, .. } => {
                    self.callee(level, k, name, *at, changes)
                }
                _ => self.kernel(level, k),
            };
            if alone {
                self.outlined = outlined;
                calls.extend(code)
            } else {
                unit.add(code, size)
            }
            if self.frame.observed {
                calls.extend(self.run(std::mem::take(&mut unit), inside));
                for b in &k.writes {
                    calls.extend(self.observe(level, *b));
                }
            }
        }
        calls.extend(self.run(unit, inside));
        calls
    }

    /// The unit, for one instruction set.
    fn run(&mut self, unit: Unit, inside: bool) -> TokenStream {
        let outlined = if inside || unit.calls.is_empty() { None } else { self.outlined.as_mut().map(std::mem::take) };
        let Some(Captured { places }) = outlined else { return unit.run(inside) };
        let (name, ws) = (format_ident!("unit_{}", self.n_units), &self.frame.workspace);
        let bytes = self.frame.arena(self.arena_bytes);
        self.n_units += 1;
        let mut params = TokenStream::new();
        let mut args = TokenStream::new();
        for (n, Place { place, elem, len, written, .. }) in places.iter().enumerate() {
            let name = Captured::name(n);
            if *written {
                params.extend(quote!(, #name: &mut [#elem; #len]));
                args.extend(quote!(, ::kiln::rt::flat_mut::<#elem, _, #len>(&mut #place)));
            } else {
                params.extend(quote!(, #name: &[#elem; #len]));
                args.extend(quote!(, ::kiln::rt::flat::<#elem, _, #len>(&#place)));
            }
        }
        let Unit { calls, size } = unit;
        self.out.units.extend(quote! {
            #[inline(always)]
            fn #name<L: ::kiln::rt::Level>(#ws: &mut ::kiln::rt::Arena<#bytes> #params) { #calls }
        });
        Unit { calls: quote!(#name::<L>(#ws #args);), size }.run(inside)
    }

    /// An argument: a reference to a flat array.
    fn arg(&mut self, loc: &Loc, write: bool, views: &mut Views) -> TokenStream {
        let (ty, len) = (loc.elem(), loc.len);
        let whole = match (&loc.at, &mut self.outlined) {
            (At::Place(place), Some(unit)) if loc.given => {
                let name = unit.take(place, &ty, len, write);
                if write { quote!(&mut *#name) } else { quote!(&*#name) }
            }
            (At::Place(place), _) if write => quote!(::kiln::rt::flat_mut::<#ty, _, #len>(&mut #place)),
            (At::Place(place), _) => quote!(::kiln::rt::flat::<#ty, _, #len>(&#place)),
            (At::Turn(t), _) => quote!(&[#t as #ty]),
            (At::Variable(x), _) if write => quote!(&mut #x),
            (At::Variable(x), _) => quote!(&#x),
            (At::Static(array, src), _) => {
                let name = format_ident!("CONST_{}", self.out.statics.len());
                let data = array.data().iter().map(|x| literal(*x));
                self.out.items.extend(quote! { static #name: [#ty; #len] = [#(#data),*]; });
                let bytes = array.aval().bytes();
                self.out.statics.push(Static { name: name.to_string(), src: *src, bytes });
                quote!(&#name)
            }
            (At::Arena(offset), _) => {
                let name = format_ident!("b{}", views.names.len());
                views.types.push(if write {
                    quote!(::kiln::rt::Wr<#ty, #offset, #len>)
                } else {
                    quote!(::kiln::rt::Rd<#ty, #offset, #len>)
                });
                views.names.push(name.clone());
                quote!(#name)
            }
        };
        let (mut place, mut len) = (whole, len);
        for (n, t) in &loc.rows {
            place = if write {
                quote!(::kiln::rt::row_mut::<#ty, #len, #n>(#place, #t))
            } else {
                quote!(::kiln::rt::row::<#ty, #len, #n>(#place, #t))
            };
            len = *n;
        }
        place
    }

    fn kernel(&mut self, level: &Level<'_>, k: &Kernel) -> TokenStream {
        let s = level.s;
        let writes = &k.writes;
        let taken_over = |b: &u32| k.in_place.iter().any(|(_, from)| from == b);
        let reads: Vec<u32> = k.reads.iter().copied().filter(|b| !taken_over(b) && !writes.contains(b)).collect();
        let locs: HashMap<u32, Loc> = k.reads.iter().chain(writes).map(|b| (*b, level.loc(self.frame, *b))).collect();
        let mut views = Views::default();
        let mut args = Vec::new();
        for b in &reads {
            args.push(self.arg(&locs[b], false, &mut views));
        }
        for b in writes {
            args.push(self.arg(&locs[b], true, &mut views));
        }
        if let Kind::Call { function: Function::Runtime { path, consts }, .. } = &k.kind {
            let (take, function) = (views.take(&self.frame.workspace), format_ident!("{}", path));
            return quote! { { #take ::kiln::rt::#function::<_, #(#consts),*>(#(#args),*); } };
        }
        let take = views.take(&self.frame.workspace);
        let mut names: HashMap<u32, Ident> = HashMap::new();
        let mut params = TokenStream::new();
        let mut taken: Vec<String> = Vec::new();
        for b in &reads {
            let buffer = &s.buffers[*b as usize];
            let ident = buffer_name(buffer, *b, &mut taken);
            let (ty, len) = (locs[b].elem(), buffer.aval.size());
            params.extend(quote!(#ident: &[#ty; #len],));
            names.insert(*b, ident);
        }
        for (n, b) in writes.iter().enumerate() {
            let (ident, ty, len) = (nest::out(n), locs[b].elem(), s.buffers[*b as usize].aval.size());
            params.extend(quote!(#ident: &mut [#ty; #len],));
            names.extend(k.in_place_of(*b).map(|from| (from, ident.clone())));
            names.insert(*b, ident);
        }
        let bools = |b: u32| locs.get(&b).is_some_and(Loc::is_byte_bool);
        let written_out = level.registers.is_some();
        let lens = |b: u32| s.buffers[b as usize].aval.size();
        let fast = self.frame.fast;
        let repeated = level.turn.is_some();
        let many = repeated || writes.iter().any(|b| s.buffers[*b as usize].aval.size() > MANY);
        let blocks = Cell::new(false);
        let writer =
            Writer { names: &names, bools: &bools, lens: &lens, writes, fast, written_out, repeated, many, blocks };
        let mut body = writer.body(k);
        if !self.frame.observed && !written_out && nest::is_dense_map(k) {
            body = quote!(::kiln::rt::wide::<L, _>(|| { #body }););
        }
        // What a debugger steps over has to be called.
        let inline = match self.frame.observed {
            true => quote!(#[inline(never)]),
            // Variables are in registers where nobody needs their address.
            false if written_out => quote!(#[inline(always)]),
            // In a loop a call, and what it saves, is paid for in every turn.
            false if level.turn.is_some() && Size::of(k).code <= Unit::SMALL => quote!(#[inline]),
            false => quote! {
                #[cfg_attr(target_arch = "x86_64", inline)]
                #[cfg_attr(not(target_arch = "x86_64"), inline(never))]
            },
        };
        let inputs: Vec<&Ident> = reads.iter().map(|b| &names[b]).collect();
        let mut text = String::new();
        // A debugger shows the names of the call that it is in.
        if !self.frame.observed {
            text_of(quote!(#inline (#params) #body), &inputs, &mut text);
        }
        let name = match self.shared.get(&text) {
            Some(name) => name.clone(),
            None => {
                let name = format_ident!("k{}_{}", self.out.functions.len(), k.name);
                self.out.items.extend(quote! {
                    #inline
                    fn #name<L: ::kiln::rt::Level>(#params) { #body }
                });
                if !text.is_empty() {
                    self.shared.insert(text, name.clone());
                }
                name
            }
        };
        self.out.functions.push((name.to_string(), k.src));
        quote! { { #take #name::<L>(#(#args),*); } }
    }

    fn region(&mut self, level: &Level<'_>, r: &RegionKernel, inside: bool) -> TokenStream {
        let base = level.base + r.base;
        let mut out = TokenStream::new();
        let registers = Registers::of(level.s, r, self.n_loops).filter(|_| inside && !self.frame.observed);
        let in_register = |b: u32| registers.as_ref().and_then(|registers| registers.carry(b));
        for (from, to) in &r.carries {
            let (a, b) = (level.loc(self.frame, *from), level.loc(self.frame, *to));
            let same = a.is_at(&b);
            if let Some(variable) = in_register(*to) {
                let mut views = Views::default();
                let x = self.arg(&a, false, &mut views);
                let take = views.take(&self.frame.workspace);
                out.extend(quote! { let mut #variable = { #take *#x }; });
            } else if !same {
                let mut views = Views::default();
                let (x, y) = (self.arg(&a, false, &mut views), self.arg(&b, true, &mut views));
                let take = views.take(&self.frame.workspace);
                out.extend(quote! { { #take ::kiln::rt::copy(#x, #y); } });
            }
        }
        let turn = format_ident!("t{}", self.n_loops);
        self.n_loops += 1;
        let mut bodies = Vec::new();
        for sub in &r.bodies {
            let (outside, turn) = (Some((level, sub)), Some(turn.clone()));
            let lower = Level { s: &sub.schedule, outside, base, turn, registers: registers.as_ref() };
            let variables = registers.as_ref().map(|registers| registers.declared(&sub.schedule));
            let body = self.schedule(&lower, inside);
            bodies.push(quote!(#variables #body));
        }
        match &r.form {
            Form::Scan { length, reverse } => {
                let body = &bodies[0];
                let range = if *reverse { quote!((0..#length).rev()) } else { quote!(0..#length) };
                out.extend(quote! { for #turn in #range { #body } });
            }
            Form::Switch { index } => {
                let loc = level.loc(self.frame, *index);
                let mut views = Views::default();
                let arg = self.arg(&loc, false, &mut views);
                let take = views.take(&self.frame.workspace);
                let last = bodies.len().saturating_sub(1);
                let arms = bodies.iter().enumerate().map(|(n, body)| {
                    let n_lit = Literal::i32_unsuffixed(n as i32);
                    match n {
                        _ if n == last => quote!(_ => { #body }),
                        0 => quote!(i32::MIN..=0 => { #body }),
                        _ => quote!(#n_lit => { #body }),
                    }
                });
                out.extend(quote! { match { #take ::kiln::rt::ld(#arg, 0) } { #(#arms)* } });
            }
            Form::While { bound } => {
                let (test, body) = (&bodies[0], &bodies[1]);
                let head = match bound {
                    Some(n) => quote!(for _ in 0..#n),
                    None => quote!(loop),
                };
                out.extend(quote! {
                    #head {
                        let mut goes_on = false;
                        #test
                        if !goes_on { break; }
                        #body
                    }
                });
            }
        }
        for (_, to) in &r.carries {
            if let Some(variable) = in_register(*to) {
                let mut views = Views::default();
                let y = self.arg(&level.loc(self.frame, *to), true, &mut views);
                let take = views.take(&self.frame.workspace);
                out.extend(quote! { { #take *#y = #variable; } });
            }
        }
        quote! { { #out } }
    }
}

/// Calls that one instruction set is chosen for.
#[derive(Default)]
struct Unit {
    calls: TokenStream,
    size: Size,
}

impl Unit {
    /// Code that a unit may hold, as [`Size::code`] counts.
    const MOST: usize = 48;
    /// Code of a kernel that may stand where it is called, if that is in a loop.
    const SMALL: usize = 8;
    /// Steps below which choosing costs more than it gains.
    const WORTH_CHOOSING: usize = 400;

    fn add(&mut self, calls: TokenStream, size: Size) {
        self.calls.extend(calls);
        self.size.code += size.code;
        self.size.steps = self.size.steps.saturating_add(size.steps);
    }

    fn run(self, inside: bool) -> TokenStream {
        let calls = self.calls;
        if inside || calls.is_empty() {
            calls
        } else if self.size.steps < Unit::WORTH_CHOOSING {
            quote! { { type L = ::kiln::rt::Base; #calls } }
        } else {
            quote! { ::kiln::__run!(L => { #calls }); }
        }
    }
}

/// How large a kernel is.
#[derive(Clone, Copy, Default)]
struct Size {
    /// Its code, roughly in lines.
    code: usize,
    /// What it does, roughly in instructions of a scalar core.
    steps: usize,
}

impl Size {
    fn of(k: &Kernel) -> Size {
        match &k.kind {
            Kind::Loop(nest) | Kind::Scatter { nest, .. } => {
                let points: usize = nest.extents.iter().product();
                let folded = nest.folds.iter().map(|f| f.axes.iter().map(|(_, n)| n).product::<usize>());
                let tiles = nest.folds.iter().filter(|f| f.contraction && points > 1).count();
                let steps = points.saturating_mul(folded.sum::<usize>() + 1).saturating_mul(nest.exprs.len());
                Size { code: 2 + nest.exprs.len() / 4 + 10 * tiles, steps }
            }
            Kind::Call { .. } => Size { code: 8, steps: Unit::WORTH_CHOOSING },
            Kind::Effect { .. } => Size { code: 4, steps: 0 },
            Kind::Region(r) => {
                let turns = match r.form {
                    Form::Scan { length, .. } => length,
                    Form::Switch { .. } => 1,
                    Form::While { bound } => bound.unwrap_or(Unit::WORTH_CHOOSING),
                };
                let kernels = r.bodies.iter().flat_map(|b| &b.schedule.kernels);
                kernels.map(Size::of).fold(Size { code: 2, steps: 0 }, |a, b| Size {
                    code: a.code + b.code,
                    steps: a.steps.saturating_add(b.steps.saturating_mul(turns)),
                })
            }
        }
    }
}

/// Whether anything in `s` tells only its first failure.
fn reports(s: &Schedule) -> bool {
    s.kernels.iter().any(|k| match &k.kind {
        Kind::Effect { effect, .. } => matches!(effect, Effect::Report { .. }),
        Kind::Region(r) => r.bodies.iter().any(|b| reports(&b.schedule)),
        _ => false,
    })
}

/// Appends the text of `tokens` to `out`, with the place of a parameter instead of its name.
fn text_of(tokens: TokenStream, parameters: &[&Ident], out: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(g) => {
                out.push_str(match g.delimiter() {
                    Delimiter::Parenthesis => "(",
                    Delimiter::Brace => "{",
                    Delimiter::Bracket => "[",
                    Delimiter::None => " ",
                });
                text_of(g.stream(), parameters, out);
                out.push(';');
            }
            TokenTree::Ident(ident) => match parameters.iter().position(|p| **p == ident) {
                Some(n) => out.push_str(&format!("#{n} ")),
                None => out.push_str(&format!("{ident} ")),
            },
            TokenTree::Punct(p) => out.push(p.as_char()),
            TokenTree::Literal(x) => out.push_str(&format!("{x} ")),
        }
    }
}

fn buffer_name(b: &Buffer, n: u32, taken: &mut Vec<String>) -> Ident {
    let mut name: String = b.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let usable = name.starts_with(|c: char| c.is_ascii_alphabetic()) && syn::parse_str::<Ident>(&name).is_ok();
    let ours = name == "acc" || name.strip_prefix("out").is_some_and(|n| n.chars().all(|c| c.is_ascii_digit()));
    if !usable || ours || taken.contains(&name) {
        name = format!("b{n}");
    }
    taken.push(name.clone());
    Ident::new(&name, Span::call_site())
}
