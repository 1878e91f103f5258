//! Emission: a schedule as Rust.
//!
//! One small function per loop nest, called in order by the body of `with`. Nothing in it can panic: elements are read and
//! written through `ld` and `st`, indices are sums of loop counters.

use std::collections::HashMap;
use std::rc::Rc;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use crate::backend::contract::{self, Contraction};
use crate::backend::exprs::{axes_of, needed, operands};
use crate::array::Array;
use crate::backend::program::{Bind, Buffer, Fold, Form, Kernel, Kind, Nest, RegionKernel, Schedule, Storage, SubSchedule};
use crate::dtype::{DType, Scalar};
use crate::ops::FoldOrder;
use crate::schedule::body::{Ex, Exprs, Node};
use crate::schedule::ix::{Atom, Ix};

/// What surrounds the kernels.
#[derive(Debug)]
pub struct Frame {
    /// Per input: the expression of type `&A` or `A` that it is, without the borrow: `p.l1.w`, `*x`.
    pub inputs: Vec<TokenStream>,
    /// Per returned leaf: the place it is written to, `out.l1.w`.
    pub results: Vec<TokenStream>,
    /// The workspace's name.
    pub workspace: Ident,
}

/// Emitted code.
#[derive(Debug, Default)]
pub struct Emitted {
    /// Functions and statics.
    pub items: TokenStream,
    /// Statements that run them in order.
    pub calls: TokenStream,
    /// Bytes of statics.
    pub static_bytes: usize,
}

/// The schedule as Rust.
pub fn emit(s: &Schedule, frame: &Frame) -> Emitted {
    let mut e = Emitter { frame, out: Emitted::default(), n_kernels: 0, n_statics: 0, n_loops: 0 };
    let calls = e.schedule(&Level { s, outside: None, base: 0, turn: None });
    e.out.calls = calls;
    e.out
}

struct Emitter<'a> {
    frame: &'a Frame,
    out: Emitted,
    n_kernels: usize,
    n_statics: usize,
    n_loops: usize,
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
}

/// Where a buffer is.
#[derive(Clone)]
struct Loc {
    at: At,
    /// Elements of the whole array there.
    len: usize,
    dtype: DType,
    /// The slice of it that is meant: its length, and the loop counter that numbers it.
    row: Option<(usize, Ident)>,
}

#[derive(Clone)]
enum At {
    Place(TokenStream),
    Static(Rc<Array>),
    Arena(usize),
    Turn(Ident),
}

impl Loc {
    /// Element type in memory: bools are bytes in the arena, where any bit pattern may have been.
    fn elem(&self) -> Ident {
        let name = match (self.dtype, &self.at) {
            (DType::Bool, At::Arena(_)) => "u8",
            (d, _) => d.name(),
        };
        Ident::new(name, Span::call_site())
    }

    fn is_byte_bool(&self) -> bool {
        self.dtype == DType::Bool && matches!(self.at, At::Arena(_))
    }
}

impl<'a> Level<'a> {
    fn loc(&self, frame: &Frame, b: u32) -> Loc {
        let buffer = &self.s.buffers[b as usize];
        let (len, dtype) = (buffer.aval.size(), buffer.aval.dtype);
        let here = |at| Loc { at, len, dtype, row: None };
        let bind = match (&buffer.storage, &self.outside) {
            (Storage::Static(array), _) => return here(At::Static(array.clone())),
            (Storage::Arena(offset), _) => return here(At::Arena(self.base + offset)),
            (Storage::Param(p), None) => return here(At::Place(frame.inputs[*p].clone())),
            (Storage::Return(r), None) => return here(At::Place(frame.results[*r].clone())),
            (Storage::Param(p), Some((_, sub))) => sub.ins[*p],
            (Storage::Return(r), Some((_, sub))) => sub.outs[*r],
        };
        let (outer, _) = self.outside.as_ref().expect("bound outside");
        match bind {
            Bind::Whole(b) => outer.loc(frame, b),
            Bind::Row(b) => {
                let turn = self.turn.clone().expect("rows are taken in loops");
                Loc { row: Some((len, turn)), ..outer.loc(frame, b) }
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
    types: TokenStream,
}

impl Views {
    fn take(&self, ws: &Ident) -> TokenStream {
        if self.names.is_empty() {
            return quote!();
        }
        let (names, types) = (&self.names, &self.types);
        quote! { let (#(#names,)*) = #ws.views::<(#types)>(); }
    }
}

impl<'a> Emitter<'a> {
    fn schedule(&mut self, level: &Level<'_>) -> TokenStream {
        let mut calls = TokenStream::new();
        for k in &level.s.kernels {
            calls.extend(match &k.kind {
                Kind::Region(r) => self.region(level, r),
                _ => self.kernel(level, k),
            });
        }
        calls
    }

    /// An argument: a reference to a flat array.
    fn arg(&mut self, loc: &Loc, write: bool, views: &mut Views) -> TokenStream {
        let (ty, len) = (loc.elem(), loc.len);
        let whole = match &loc.at {
            At::Place(place) if write => quote!(::kiln::rt::flat_mut::<#ty, _, #len>(&mut #place)),
            At::Place(place) => quote!(::kiln::rt::flat::<#ty, _, #len>(&#place)),
            At::Turn(t) => quote!(&[#t as #ty]),
            At::Static(array) => {
                let name = format_ident!("CONST_{}", self.n_statics);
                self.n_statics += 1;
                let data = array.data().iter().map(|x| literal(*x));
                self.out.items.extend(quote! { static #name: [#ty; #len] = [#(#data),*]; });
                self.out.static_bytes += array.aval().bytes();
                quote!(&#name)
            }
            At::Arena(offset) => {
                let name = format_ident!("b{}", views.names.len());
                views.types.extend(if write {
                    quote!(::kiln::rt::Wr<#ty, #offset, #len>,)
                } else {
                    quote!(::kiln::rt::Rd<#ty, #offset, #len>,)
                });
                views.names.push(name.clone());
                quote!(#name)
            }
        };
        match &loc.row {
            None => whole,
            Some((n, t)) if write => quote!(::kiln::rt::row_mut::<#ty, #len, #n>(#whole, #t)),
            Some((n, t)) => quote!(::kiln::rt::row::<#ty, #len, #n>(#whole, #t)),
        }
    }

    fn kernel(&mut self, level: &Level<'_>, k: &Kernel) -> TokenStream {
        let s = level.s;
        let writes = k.writes();
        let reads: Vec<u32> =
            k.reads.iter().copied().filter(|b| Some(*b) != k.in_place && !writes.contains(b)).collect();
        let locs: HashMap<u32, Loc> = reads
            .iter()
            .chain(&writes)
            .chain(&k.in_place)
            .map(|b| (*b, level.loc(self.frame, *b)))
            .collect();
        let mut views = Views::default();
        let mut args = Vec::new();
        for b in &reads {
            args.push(self.arg(&locs[b], false, &mut views));
        }
        for b in &writes {
            args.push(self.arg(&locs[b], true, &mut views));
        }
        let take = views.take(&self.frame.workspace);
        if let Kind::Call { function, consts, .. } = &k.kind {
            let function = format_ident!("{}", function);
            return quote! { { #take ::kiln::rt::#function::<_, #(#consts),*>(#(#args),*); } };
        }
        let name = format_ident!("k{}_{}", self.n_kernels, k.name);
        self.n_kernels += 1;
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
        let (ty, len) = (locs[&k.write].elem(), s.buffers[k.write as usize].aval.size());
        params.extend(quote!(out: &mut [#ty; #len]));
        names.insert(k.write, format_ident!("out"));
        if let Some(b) = k.in_place {
            names.insert(b, format_ident!("out"));
        }
        let bools = |b: u32| locs.get(&b).is_some_and(Loc::is_byte_bool);
        let writer = Writer { names: &names, bools: &bools, write: k.write };
        let body = writer.body(k);
        self.out.items.extend(quote! {
            #[inline(never)]
            fn #name(#params) { #body }
        });
        quote! { { #take #name(#(#args),*); } }
    }

    fn region(&mut self, level: &Level<'_>, r: &RegionKernel) -> TokenStream {
        let base = level.base + r.base;
        let mut out = TokenStream::new();
        for (from, to) in &r.carries {
            let (a, b) = (level.loc(self.frame, *from), level.loc(self.frame, *to));
            let same = match (&a.at, &b.at) {
                (At::Arena(x), At::Arena(y)) => x == y,
                (At::Place(x), At::Place(y)) => x.to_string() == y.to_string(),
                _ => false,
            };
            if !same {
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
            let lower = Level { s: &sub.schedule, outside: Some((level, sub)), base, turn: Some(turn.clone()) };
            bodies.push(self.schedule(&lower));
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
        quote! { { #out } }
    }
}

fn buffer_name(b: &Buffer, n: u32, taken: &mut Vec<String>) -> Ident {
    let mut name: String = b.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let usable = name.starts_with(|c: char| c.is_ascii_alphabetic()) && syn::parse_str::<Ident>(&name).is_ok();
    if !usable || name == "out" || name == "acc" || taken.contains(&name) {
        name = format!("b{n}");
    }
    taken.push(name.clone());
    Ident::new(&name, Span::call_site())
}

/// A number as a Rust literal.
pub fn literal(x: Scalar) -> TokenStream {
    let float = |v: f64, ty: &str, lit: Literal| -> TokenStream {
        let ty = Ident::new(ty, Span::call_site());
        if v.is_nan() {
            quote!(::core::#ty::NAN)
        } else if v.is_infinite() && v > 0.0 {
            quote!(::core::#ty::INFINITY)
        } else if v.is_infinite() {
            quote!(::core::#ty::NEG_INFINITY)
        } else if v.is_sign_negative() {
            quote!((-#lit))
        } else {
            quote!(#lit)
        }
    };
    match x {
        Scalar::F32(v) => float(v as f64, "f32", Literal::f32_suffixed(if v.is_finite() { v.abs() } else { 0.0 })),
        Scalar::F64(v) => float(v, "f64", Literal::f64_suffixed(if v.is_finite() { v.abs() } else { 0.0 })),
        Scalar::Bool(b) => quote!(#b),
        Scalar::I8(v) => quote!(#v),
        Scalar::I16(v) => quote!(#v),
        Scalar::I32(v) => quote!(#v),
        Scalar::I64(v) => quote!(#v),
        Scalar::U8(v) => quote!(#v),
        Scalar::U16(v) => quote!(#v),
        Scalar::U32(v) => quote!(#v),
        Scalar::U64(v) => quote!(#v),
        other => {
            let text = other.to_string();
            quote!(::core::compile_error!(#text))
        }
    }
}

/// Writes the body of one kernel.
pub struct Writer<'a> {
    /// Name of each buffer in the kernel.
    pub names: &'a HashMap<u32, Ident>,
    /// Whether a buffer holds bools as bytes.
    pub bools: &'a dyn Fn(u32) -> bool,
    /// What is written.
    pub write: u32,
}

/// Which expressions have been written so far.
#[derive(Clone, Default)]
struct Done {
    lets: HashMap<Ex, ()>,
}

/// Name of an axis.
pub fn axis(id: u32) -> Ident {
    format_ident!("i{}", id)
}

impl Writer<'_> {
    fn body(&self, k: &Kernel) -> TokenStream {
        match &k.kind {
            Kind::Loop(nest) => match contract::find(nest) {
                Some(c) => self.contraction(nest, &c),
                None => self.nest(nest, &|w, done| {
                    let (lets, value) = w.values(nest, &[nest.value], done);
                    let store = w.store(&nest.exprs, &nest.at, &value[0]);
                    quote!(#lets #store)
                }),
            },
            Kind::Scatter { nest, at, when, combine, from } => {
                let copy = match self.names.get(from) {
                    Some(name) if name != "out" => quote!(*out = *#name;),
                    _ => quote!(),
                };
                let body = self.nest(nest, &|w, done| {
                    let mut roots = vec![nest.value];
                    at.visit(&mut |a| {
                        if let Atom::Value { ex, .. } = a {
                            roots.push(*ex);
                        }
                    });
                    roots.extend(when);
                    let (lets, values) = w.values(nest, &roots, done);
                    let value = &values[0];
                    let old = w.load(&nest.exprs, w.write, at);
                    let new = match combine {
                        Some(op) => {
                            let dtype = nest.exprs.dtype(nest.value);
                            op.emit(&[dtype, dtype], &[old, quote!(#value)])
                        }
                        None => quote!(#value),
                    };
                    let store = w.store(&nest.exprs, at, &new);
                    match when {
                        Some(_) => {
                            let c = &values[values.len() - 1];
                            quote!(#lets if #c { #store })
                        }
                        None => quote!(#lets #store),
                    }
                });
                quote!(#copy #body)
            }
            Kind::Call { .. } | Kind::Region(_) => unreachable!("they have no body of their own"),
        }
    }

    /// Loops over the extents, each expression computed in the outermost loop it can be, around `inner`.
    fn nest(&self, nest: &Nest, inner: &dyn Fn(&Self, &mut Done) -> TokenStream) -> TokenStream {
        let loops: Vec<(u32, usize)> =
            nest.extents.iter().enumerate().filter(|(_, n)| **n != 1).map(|(d, n)| (d as u32, *n)).collect();
        let levels = self.levels(nest, &loops);
        self.level(nest, &loops, 0, &levels, &mut Done::default(), inner)
    }

    fn level(
        &self,
        nest: &Nest,
        loops: &[(u32, usize)],
        level: usize,
        levels: &HashMap<Ex, usize>,
        done: &mut Done,
        inner: &dyn Fn(&Self, &mut Done) -> TokenStream,
    ) -> TokenStream {
        let mut out = TokenStream::new();
        // Expressions of this level that the loops below read.
        if level < loops.len() {
            let mut here: Vec<Ex> = levels.iter().filter(|(_, l)| **l == level).map(|(e, _)| *e).collect();
            here.sort_unstable();
            for e in here {
                out.extend(self.one_let(&nest.exprs, e, done));
            }
            let (id, n) = loops[level];
            let i = axis(id);
            let body = self.level(nest, loops, level + 1, levels, done, inner);
            out.extend(quote!(for #i in 0..#n { #body }));
            return out;
        }
        out.extend(inner(self, done));
        out
    }

    /// The loop that each expression belongs into: 0 is before all loops. Those that depend on folds or on their axes are
    /// left out.
    fn levels(&self, nest: &Nest, loops: &[(u32, usize)]) -> HashMap<Ex, usize> {
        let mut roots = vec![nest.value];
        roots.extend(nest.folds.iter().map(|f| f.item));
        let mut out: HashMap<Ex, usize> = HashMap::new();
        for e in needed(&nest.exprs, &roots) {
            let node = nest.exprs.node(e);
            if matches!(node, Node::Folded(_)) {
                continue;
            }
            let mut level = 0;
            let mut free = true;
            if let Some(ix) = crate::backend::exprs::index(node) {
                for a in axes_of(ix) {
                    match loops.iter().position(|(id, _)| *id == a) {
                        Some(n) => level = level.max(n + 1),
                        None => free = false,
                    }
                }
            }
            for arg in operands(node) {
                match out.get(&arg) {
                    Some(l) => level = level.max(*l),
                    None => free = false,
                }
            }
            if free {
                out.insert(e, level);
            }
        }
        out
    }

    /// Folds and lets that `roots` need, innermost; and the roots as tokens.
    fn values(&self, nest: &Nest, roots: &[Ex], done: &mut Done) -> (TokenStream, Vec<TokenStream>) {
        let mut out = TokenStream::new();
        for e in needed(&nest.exprs, roots) {
            match nest.exprs.node(e) {
                Node::Folded(n) if !done.lets.contains_key(&e) => {
                    let fold = self.fold(nest, &nest.folds[*n as usize], done);
                    out.extend(fold.0);
                    let (name, value) = (self.name(e), fold.1);
                    out.extend(quote!(let #name = #value;));
                    done.lets.insert(e, ());
                }
                _ => out.extend(self.one_let(&nest.exprs, e, done)),
            }
        }
        let values = roots.iter().map(|e| self.operand(&nest.exprs, *e)).collect();
        (out, values)
    }

    /// What a fold needs from outside its own loops, and the fold.
    fn fold(&self, nest: &Nest, f: &Fold, done: &mut Done) -> (TokenStream, TokenStream) {
        let exprs = &nest.exprs;
        let inside = self.depends_on(exprs, f.item, &f.axes.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        let outside: Vec<Ex> = needed(exprs, &[f.item]).into_iter().filter(|e| !inside.contains(e)).collect();
        let (before, _) = self.values(nest, &outside, done);
        let mut local = done.clone();
        let mut lets = TokenStream::new();
        for e in needed(exprs, &[f.item]) {
            if inside.contains(&e) {
                lets.extend(self.one_let(exprs, e, &mut local));
            }
        }
        let item = self.operand(exprs, f.item);
        let dtype = exprs.dtype(f.item);
        let ty = format_ident!("{}", dtype.name());
        let n: usize = f.axes.iter().map(|(_, n)| n).product();
        let init = literal(f.init);
        if n == 0 {
            return (before, init);
        }
        let combined = |a: TokenStream, b: TokenStream| f.combine.emit(&[dtype, dtype], &[a, b]);
        let code = match f.order {
            FoldOrder::Lanes => {
                let both = combined(quote!(a), quote!(b));
                let (param, split) = self.unravel(&f.axes);
                quote!(::kiln::rt::reduce::<#ty, #n>(|#param| { #split #lets #item }, |a, b| #both))
            }
            FoldOrder::Sequential => {
                let next = combined(quote!(acc), quote!(item));
                let mut body = quote!(#lets let item = #item; acc = #next;);
                for (id, n) in f.axes.iter().rev().filter(|(_, n)| *n != 1) {
                    let i = axis(*id);
                    body = quote!(for #i in 0..#n { #body });
                }
                quote!({ let mut acc: #ty = #init; #body acc })
            }
        };
        (before, code)
    }

    /// One counter for several axes.
    fn unravel(&self, axes: &[(u32, usize)]) -> (TokenStream, TokenStream) {
        let live: Vec<&(u32, usize)> = axes.iter().filter(|(_, n)| *n != 1).collect();
        match live[..] {
            [] => (quote!(_), quote!()),
            [(id, _)] => {
                let i = axis(*id);
                (quote!(#i), quote!())
            }
            _ => {
                let mut out = TokenStream::new();
                let mut stride = 1usize;
                for (d, (id, n)) in live.iter().enumerate().rev() {
                    let i = axis(*id);
                    let q = if stride == 1 { quote!(r) } else { quote!(r / #stride) };
                    out.extend(if d == 0 { quote!(let #i = #q;) } else { quote!(let #i = (#q) % #n;) });
                    stride *= n;
                }
                (quote!(r), out)
            }
        }
    }

    /// Everything that `root` needs and that depends on one of `axes`.
    fn depends_on(&self, exprs: &Exprs, root: Ex, axes: &[u32]) -> Vec<Ex> {
        let mut out: Vec<Ex> = Vec::new();
        for e in needed(exprs, &[root]) {
            let node = exprs.node(e);
            let own = crate::backend::exprs::index(node).is_some_and(|ix| axes_of(ix).iter().any(|a| axes.contains(a)));
            if own || operands(node).iter().any(|a| out.contains(a)) {
                out.push(e);
            }
        }
        out
    }

    fn contraction(&self, nest: &Nest, c: &Contraction) -> TokenStream {
        let exprs = &nest.exprs;
        let f = &nest.folds[0];
        let dtype = exprs.dtype(f.item);
        let ty = format_ident!("{}", dtype.name());
        let outer: Vec<(u32, usize)> = nest
            .extents
            .iter()
            .enumerate()
            .map(|(d, n)| (d as u32, *n))
            .filter(|(d, n)| *n != 1 && Some(*d) != c.m && Some(*d) != c.n)
            .collect();
        let extent = |d: Option<u32>| d.map_or(1, |d| nest.extents[d as usize]);
        let (m, n) = (extent(c.m), extent(c.n));
        let mut k_axes: Vec<(u32, usize)> = f.axes.iter().copied().filter(|(_, n)| *n != 1).collect();
        let dummy = k_axes.is_empty();
        if dummy {
            k_axes.push((u32::MAX, 1));
        }
        let k_extents: Vec<usize> = k_axes.iter().map(|(_, n)| *n).collect();
        let k_names: Vec<TokenStream> = k_axes
            .iter()
            .map(|(id, _)| {
                if *id == u32::MAX {
                    return quote!(_);
                }
                let i = axis(*id);
                quote!(#i)
            })
            .collect();
        let rank = k_axes.len();
        let pat = |d: Option<u32>| match d {
            Some(d) => {
                let i = axis(d);
                quote!(#i)
            }
            None => quote!(_),
        };
        let (pm, pn) = (pat(c.m), pat(c.n));
        let levels = self.levels(nest, &outer);
        self.level(nest, &outer, 0, &levels, &mut Done::default(), &|w, done| {
            // What depends on outer loops only is computed once, before the closures.
            let mut before = TokenStream::new();
            let mut all: Vec<Ex> = levels.keys().copied().collect();
            all.sort_unstable();
            for e in all {
                before.extend(w.one_let(exprs, e, done));
            }
            let side = |root: Ex| {
                let mut local = done.clone();
                let mut lets = TokenStream::new();
                for e in needed(exprs, &[root]) {
                    lets.extend(w.one_let(exprs, e, &mut local));
                }
                let v = w.operand(exprs, root);
                quote!({ #lets #v })
            };
            let (a, b) = (side(c.a), side(c.b));
            let mut local = done.clone();
            let mut lets = TokenStream::new();
            for e in needed(exprs, &[nest.value]) {
                if let Node::Folded(_) = exprs.node(e) {
                    let name = w.name(e);
                    lets.extend(quote!(let #name = acc;));
                    local.lets.insert(e, ());
                } else {
                    lets.extend(w.one_let(exprs, e, &mut local));
                }
            }
            let value = w.operand(exprs, nest.value);
            let store = w.store(&nest.exprs, &nest.at, &value);
            quote! {
                #before
                ::kiln::rt::contract::<#ty, #m, #n, #rank>(
                    [#(#k_extents),*],
                    |#pm, [#(#k_names),*]| #a,
                    |#pn, [#(#k_names),*]| #b,
                    |#pm, #pn, acc| { #lets #store },
                );
            }
        })
    }

    fn name(&self, e: Ex) -> Ident {
        format_ident!("v{}", e.0)
    }

    /// `let v = ..;` unless it has been written or is a literal.
    fn one_let(&self, exprs: &Exprs, e: Ex, done: &mut Done) -> TokenStream {
        if done.lets.contains_key(&e) || matches!(exprs.node(e), Node::Const(_) | Node::Folded(_)) {
            return quote!();
        }
        done.lets.insert(e, ());
        let name = self.name(e);
        let value = match exprs.node(e) {
            Node::Load { buffer, at } => self.load(exprs, *buffer, at),
            Node::Apply(text, args) => {
                let dtypes: Vec<DType> = args.iter().map(|a| exprs.dtype(*a)).collect();
                let args: Vec<TokenStream> = args.iter().map(|a| self.operand(exprs, *a)).collect();
                exprs.op(text).emit(&dtypes, &args)
            }
            Node::Index(ix) => {
                let (i, ty) = (self.ix(exprs, ix), format_ident!("{}", exprs.dtype(e).name()));
                quote!((#i) as #ty)
            }
            Node::InRange(ix, lo, hi) => {
                let (min, max) = ix.range();
                let signed = min < 0;
                let i = self.ix(exprs, ix);
                let (lo_t, hi_t) = (Literal::i64_unsuffixed(*lo), Literal::i64_unsuffixed(*hi));
                let i = if signed { quote!(((#i) as isize)) } else { quote!((#i)) };
                match (*lo <= min, max < *hi) {
                    (true, true) => quote!(true),
                    (true, false) => quote!(#i < #hi_t),
                    (false, true) => quote!(#i >= #lo_t),
                    (false, false) => quote!({ let i = #i; i >= #lo_t && i < #hi_t }),
                }
            }
            Node::Const(_) | Node::Folded(_) => unreachable!("handled above"),
        };
        quote!(let #name = #value;)
    }

    /// An expression that has been written, or a literal.
    fn operand(&self, exprs: &Exprs, e: Ex) -> TokenStream {
        match exprs.node(e) {
            Node::Const(x) => literal(*x),
            _ => {
                let name = self.name(e);
                quote!(#name)
            }
        }
    }

    fn load(&self, exprs: &Exprs, buffer: u32, at: &Ix) -> TokenStream {
        let (name, i) = (&self.names[&buffer], self.ix(exprs, at));
        let x = quote!(::kiln::rt::ld(#name, #i));
        if (self.bools)(buffer) { quote!((#x != 0)) } else { x }
    }

    fn store(&self, exprs: &Exprs, at: &Ix, value: &TokenStream) -> TokenStream {
        let i = self.ix(exprs, at);
        let value = if (self.bools)(self.write) { quote!((#value) as u8) } else { quote!(#value) };
        quote!(::kiln::rt::st(out, #i, #value);)
    }

    /// An index as usize; one that may go below zero wraps, and is then past the end of everything.
    fn ix(&self, exprs: &Exprs, ix: &Ix) -> TokenStream {
        let int = |c: i64| Literal::usize_unsuffixed(c.unsigned_abs() as usize);
        let mut sum: Option<TokenStream> = None;
        let mut minus: Vec<TokenStream> = Vec::new();
        for (atom, c) in &ix.terms {
            let a = match atom {
                Atom::Axis { id, .. } => {
                    let i = axis(*id);
                    quote!(#i)
                }
                Atom::Value { ex, .. } => {
                    let v = self.operand(exprs, *ex);
                    quote!((#v as usize))
                }
                Atom::Div(x, d) => {
                    let (i, d) = (self.ix(exprs, x), int(*d));
                    quote!(((#i) / #d))
                }
                Atom::Rem(x, d) => {
                    let (i, d) = (self.ix(exprs, x), int(*d));
                    quote!(((#i) % #d))
                }
            };
            let term = if c.abs() == 1 {
                a
            } else {
                let c = int(*c);
                quote!(#a * #c)
            };
            if *c > 0 {
                sum = Some(match sum {
                    Some(s) => quote!(#s + #term),
                    None => term,
                });
            } else {
                minus.push(term);
            }
        }
        let mut out = match (sum, ix.offset) {
            (Some(s), 0) => s,
            (Some(s), o) if o > 0 => {
                let o = int(o);
                quote!(#s + #o)
            }
            (None, o) if o >= 0 => {
                let o = int(o);
                quote!(#o)
            }
            (s, o) => {
                minus.push({
                    let o = int(o);
                    quote!(#o)
                });
                s.unwrap_or_else(|| quote!(0usize))
            }
        };
        for m in minus {
            out = quote!((#out).wrapping_sub(#m));
        }
        out
    }
}
