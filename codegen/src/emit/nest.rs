//! The body of one kernel: loops, lets, folds and stores.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use super::fpu::Turns;

use crate::dtype::{DType, Scalar};
use crate::ops::FoldOrder;
use crate::ops::elementwise::rust_type;
use crate::schedule::body::{Ex, Exprs, Node};
use crate::schedule::contract::{self, Contraction};
use crate::schedule::exprs::{axes_of, called, is_side_by_side, needed, operands};
use crate::schedule::ix::{Atom, Ix};
use crate::schedule::program::{Fold, Kernel, Kind, Nest};

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
        Scalar::F16(v) => {
            let bits = v.to_bits();
            quote!(::kiln::rt::f16::from_bits(#bits))
        }
        Scalar::BF16(v) => {
            let bits = v.to_bits();
            quote!(::kiln::rt::bf16::from_bits(#bits))
        }
        Scalar::C64(z) => {
            let (re, im) = (literal(Scalar::F32(z.re)), literal(Scalar::F32(z.im)));
            quote!(::kiln::rt::Complex { re: #re, im: #im })
        }
        Scalar::C128(z) => {
            let (re, im) = (literal(Scalar::F64(z.re)), literal(Scalar::F64(z.im)));
            quote!(::kiln::rt::Complex { re: #re, im: #im })
        }
    }
}

/// Writes the body of one kernel.
#[allow(missing_debug_implementations)]
pub struct Writer<'a> {
    /// Name of each buffer in the kernel.
    pub names: &'a HashMap<u32, Ident>,
    /// Whether a buffer holds bools as bytes.
    pub bools: &'a dyn Fn(u32) -> bool,
    /// Elements of a buffer.
    pub lens: &'a dyn Fn(u32) -> usize,
    /// What is written.
    pub writes: &'a [u32],
    /// See [`super::Frame::fast`].
    pub fast: bool,
    /// Loops of a few turns are written out, so that what they index is known.
    pub written_out: bool,
    /// Whether the kernel runs in a loop.
    pub repeated: bool,
    /// Whether the kernel has so many turns, or runs so often, that saving registers costs nothing.
    pub many: bool,
    /// Whether a block of assembler has been written.
    pub blocks: Cell<bool>,
}

/// Most turns of a nest that is written out.
const WRITTEN_OUT: usize = 16;

/// What is inside of the loops of a nest.
struct Inner<'a, 'w> {
    /// Nothing but computing and storing the nest's value.
    map: bool,
    code: &'a dyn Fn(&Writer<'w>, &mut Done) -> TokenStream,
}

/// Which expressions have been written so far.
#[derive(Clone, Default)]
pub(super) struct Done {
    lets: HashMap<Ex, ()>,
}

impl Done {
    /// It has been written.
    pub(super) fn insert(&mut self, e: Ex) {
        self.lets.insert(e, ());
    }
}

/// Name of an axis.
pub fn axis(id: u32) -> Ident {
    format_ident!("i{}", id)
}

/// Name of what is stored into, in the order of the stores.
pub fn out(n: usize) -> Ident {
    if n == 0 { format_ident!("out") } else { format_ident!("out{}", n) }
}

/// Elements from which on it pays to call a function for them.
const MANY: usize = 32;

/// Whether a kernel is a loop that computes elementary functions of neighbours and puts the results side by side: what the widest
/// vectors are good for.
pub fn is_dense_map(k: &Kernel) -> bool {
    let Kind::Loop(nest) = &k.kind else { return false };
    let Some(last) = nest.extents.iter().rposition(|n| *n != 1) else { return false };
    nest.folds.is_empty() && nest.extents[last] >= MANY && is_side_by_side(nest) && called(nest).next().is_some()
}

/// Most stretches that a loop is cut into.
const STRETCHES: usize = 3;

/// Where the loop over `axis` of a map is cut, so that in every stretch the same side of a concatenation or the same part of
/// something padded is read: ends included.
fn cuts(nest: &Nest, axis: u32, n: usize) -> Vec<usize> {
    let mut cuts = vec![0, n];
    if nest.folds.is_empty() {
        for e in needed(&nest.exprs, &nest.values().collect::<Vec<_>>()) {
            let Node::InRange(ix, lo, hi) = nest.exprs.node(e) else { continue };
            let [(Atom::Axis { id, .. }, 1)] = ix.terms[..] else { continue };
            // An end that is open is as far away as numbers go.
            let inside = |at: i64| usize::try_from(at.checked_sub(ix.offset)?).ok().filter(|at| (1..n).contains(at));
            cuts.extend([*lo, *hi].into_iter().filter(|_| id == axis).filter_map(inside));
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    if cuts.len() > STRETCHES + 1 { vec![0, n] } else { cuts }
}

impl<'w> Writer<'w> {
    /// Statements of the kernel's function.
    pub fn body(&self, k: &Kernel) -> TokenStream {
        match &k.kind {
            Kind::Loop(nest) => match contract::find(nest) {
                Some(c) => self.contraction(nest, &c),
                None => {
                    let strips = self.strips(nest);
                    let portable = self.nest(nest, nest.folds.is_empty(), &|w, done| {
                        let (lets, values) = w.values(nest, &nest.values().collect::<Vec<_>>(), done);
                        let stores = w.stores(nest, &values);
                        quote!(#lets #stores)
                    });
                    match strips {
                        Some(strips) => quote!(::kiln::__vectors!({ #strips } else { #portable });),
                        None => portable,
                    }
                }
            },
            Kind::Scatter { nest, at, when, combine, from } => {
                let copy = match self.names.get(from) {
                    Some(name) if name != "out" => quote!(::kiln::rt::copy(#name, out);),
                    _ => quote!(),
                };
                // A part of an array: nothing that was there is looked at.
                if when.is_none()
                    && combine.is_none()
                    && let Some(c) = contract::find(nest)
                {
                    let body = self.contraction(nest, &c);
                    return quote!(#copy #body);
                }
                let body = self.nest(nest, false, &|w, done| {
                    let mut roots: Vec<Ex> = nest.values().collect();
                    at.visit(&mut |a| {
                        if let Atom::Value { ex, .. } = a {
                            roots.push(*ex);
                        }
                    });
                    roots.extend(when);
                    let (lets, values) = w.values(nest, &roots, done);
                    let value = &values[0];
                    let old = w.load(&nest.exprs, w.writes[0], at);
                    let new = match combine {
                        Some(op) => {
                            let dtype = nest.exprs.dtype(roots[0]);
                            op.emit(&[dtype, dtype], &[old, quote!(#value)])
                        }
                        None => quote!(#value),
                    };
                    let store = w.store(&nest.exprs, 0, at, &new);
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
            Kind::Call { .. } | Kind::Region(_) | Kind::Effect { .. } => unreachable!("they have no body of their own"),
        }
    }

    /// Loops over the extents, each expression computed in the outermost loop it can be, around `inner`. Of a `map` that is
    /// storing the nest's value.
    fn nest(&self, nest: &Nest, map: bool, inner: &dyn Fn(&Self, &mut Done) -> TokenStream) -> TokenStream {
        let loops = Self::loops(nest);
        let levels = self.levels(nest, &loops);
        self.level(nest, &loops, 0, &levels, &mut Done::default(), &Inner { map, code: inner })
    }

    /// The axes that there are loops over.
    pub(super) fn loops(nest: &Nest) -> Vec<(u32, usize)> {
        nest.extents.iter().enumerate().filter(|(_, n)| **n != 1).map(|(d, n)| (d as u32, *n)).collect()
    }

    /// The outer ones of the loops around `inner`, which writes the others.
    pub(super) fn around(
        &self,
        nest: &Nest,
        outer: &[(u32, usize)],
        levels: &HashMap<Ex, usize>,
        inner: &dyn Fn(&Self, &mut Done) -> TokenStream,
    ) -> TokenStream {
        self.level(nest, outer, 0, levels, &mut Done::default(), &Inner { map: false, code: inner })
    }

    /// What is computed in front of loop number `level`.
    pub(super) fn lets_of(
        &self,
        nest: &Nest,
        levels: &HashMap<Ex, usize>,
        level: usize,
        done: &mut Done,
    ) -> TokenStream {
        let mut here: Vec<Ex> = levels.iter().filter(|(_, l)| **l == level).map(|(e, _)| *e).collect();
        here.sort_unstable();
        here.into_iter().map(|e| self.one_let(&nest.exprs, e, done)).collect()
    }

    fn level(
        &self,
        nest: &Nest,
        loops: &[(u32, usize)],
        level: usize,
        levels: &HashMap<Ex, usize>,
        done: &mut Done,
        inner: &Inner<'_, 'w>,
    ) -> TokenStream {
        let mut out = TokenStream::new();
        // Expressions of this level that the loops below read.
        if level < loops.len() {
            out.extend(self.lets_of(nest, levels, level, done));
            let (id, n) = loops[level];
            let i = axis(id);
            let body = self.level(nest, loops, level + 1, levels, done, inner);
            let turns: usize = loops.iter().map(|(_, n)| n).product();
            if self.written_out && turns <= WRITTEN_OUT {
                (0..n).for_each(|k| out.extend(quote!({ let #i = #k; #body })));
                return out;
            }
            // Compilers take a block for one instruction, and write out whatever loop is around it.
            if self.blocks.get() {
                return quote!(#out for #i in 0..::kiln::rt::turns(#n) { #body });
            }
            let cuts = if level + 1 == loops.len() { cuts(nest, id, n) } else { vec![0, n] };
            for stretch in cuts.windows(2) {
                let (from, to) = (stretch[0], stretch[1]);
                let steady = |e: Ex| levels.get(&e).is_some_and(|l| *l < loops.len());
                let block = (inner.map && level + 1 == loops.len())
                    .then(|| self.neighbours(nest, Turns { axis: id, from, to }, &steady));
                let from = Literal::usize_unsuffixed(from);
                let portable = quote!(for #i in #from..#to { #body });
                out.extend(match block.flatten() {
                    Some(block) => quote!(::kiln::__fpu!({ #block } else { #portable });),
                    None => portable,
                });
            }
            return out;
        }
        out.extend((inner.code)(self, done));
        out
    }

    /// The loop that each expression belongs into: 0 is before all loops. Those that depend on folds or on their axes are
    /// left out.
    pub(super) fn levels(&self, nest: &Nest, loops: &[(u32, usize)]) -> HashMap<Ex, usize> {
        let roots = nest.roots();
        let mut out: HashMap<Ex, usize> = HashMap::new();
        for e in needed(&nest.exprs, &roots) {
            let node = nest.exprs.node(e);
            if matches!(node, Node::Folded(_)) {
                continue;
            }
            let mut level = 0;
            let mut free = true;
            if let Some(ix) = crate::schedule::exprs::index(node) {
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
    pub(super) fn values(&self, nest: &Nest, roots: &[Ex], done: &mut Done) -> (TokenStream, Vec<TokenStream>) {
        let mut out = TokenStream::new();
        for e in needed(&nest.exprs, roots) {
            match nest.exprs.node(e) {
                Node::Folded(n) if !done.lets.contains_key(&e) => {
                    for (e, n) in self.folds_behind(nest, e, *n, done) {
                        let (before, value) = self.fold(nest, &nest.folds[n as usize], done);
                        let name = self.name(e);
                        out.extend(quote!(#before let #name = #value;));
                        done.lets.insert(e, ());
                    }
                }
                _ => out.extend(self.one_let(&nest.exprs, e, done)),
            }
        }
        let values = roots.iter().map(|e| self.operand(&nest.exprs, *e)).collect();
        (out, values)
    }

    /// The folds that fold `n`, whose value is `e`, needs, and that have not been written, in the order in which they are
    /// needed: any number of them may lead to each other.
    fn folds_behind(&self, nest: &Nest, e: Ex, n: u32, done: &Done) -> BTreeSet<(Ex, u32)> {
        let mut found = BTreeSet::new();
        let mut open = vec![(e, n)];
        while let Some(fold) = open.pop() {
            if !found.insert(fold) {
                continue;
            }
            let f = &nest.folds[fold.1 as usize];
            let roots: Vec<Ex> = [f.item].into_iter().chain(f.start).collect();
            for e in needed(&nest.exprs, &roots) {
                if let (Node::Folded(n), false) = (nest.exprs.node(e), done.lets.contains_key(&e)) {
                    open.push((e, *n));
                }
            }
        }
        found
    }

    /// What a fold needs from outside its own loops, and the fold.
    fn fold(&self, nest: &Nest, f: &Fold, done: &mut Done) -> (TokenStream, TokenStream) {
        let exprs = &nest.exprs;
        let inside = self.depends_on(exprs, f.item, &f.axes.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        let mut outside: Vec<Ex> = needed(exprs, &[f.item]).into_iter().filter(|e| !inside.contains(e)).collect();
        outside.extend(f.start);
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
        let ty = rust_type(dtype);
        let n: usize = f.axes.iter().map(|(_, n)| n).product();
        let init = f.start.map_or_else(|| literal(f.init), |e| self.operand(exprs, e));
        if n == 0 {
            return (before, init);
        }
        let combined = |a: TokenStream, b: TokenStream| f.combine.emit_combined(dtype, [a, b]);
        let code = match f.order {
            FoldOrder::Lanes => {
                let both = combined(quote!(a), quote!(b));
                let (param, split) = self.unravel(&f.axes);
                let function = if self.fast || f.combine.is_order_free(dtype) { "reduce_any_order" } else { "reduce" };
                let function = format_ident!("{}", function);
                quote!(::kiln::rt::#function::<#ty, #n>(|#param| { #split #lets #item }, |a, b| #both))
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
        let block =
            if self.written_out || f.start.is_some() { None } else { self.folded(exprs, f, &|e| !inside.contains(&e)) };
        let code = match block {
            Some(block) => quote!(::kiln::__fpu!(#block else { #code })),
            None => code,
        };
        (before, code)
    }

    /// One counter for several axes.
    pub(super) fn unravel(&self, axes: &[(u32, usize)]) -> (TokenStream, TokenStream) {
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
    pub(super) fn depends_on(&self, exprs: &Exprs, root: Ex, axes: &[u32]) -> Vec<Ex> {
        let mut out: Vec<Ex> = Vec::new();
        for e in needed(exprs, &[root]) {
            let node = exprs.node(e);
            let own =
                crate::schedule::exprs::index(node).is_some_and(|ix| axes_of(ix).iter().any(|a| axes.contains(a)));
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
        let ty = rust_type(dtype);
        let outer: Vec<(u32, usize)> = nest
            .extents
            .iter()
            .enumerate()
            .map(|(d, n)| (d as u32, *n))
            .filter(|(d, n)| *n != 1 && ![c.m, c.n, c.lanes].contains(&Some(*d)))
            .collect();
        let extent = |d: Option<u32>| d.map_or(1, |d| nest.extents[d as usize]);
        let (m, n) = (extent(c.m), extent(c.n.or(c.lanes)));
        let mut k_axes: Vec<(u32, usize)> = contract::summed_axes(nest).collect();
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
        let (rank, fast) = (k_axes.len(), self.fast);
        let pat = |d: Option<u32>| match d {
            Some(d) => {
                let i = axis(d);
                quote!(#i)
            }
            None => quote!(_),
        };
        let (pm, pn) = (pat(c.m), pat(c.n.or(c.lanes)));
        let levels = self.levels(nest, &outer);
        let code = |w: &Writer<'w>, done: &mut Done| {
            // What depends on outer loops only is computed once, before the closures.
            let mut before = TokenStream::new();
            let mut all: Vec<Ex> = levels.keys().copied().collect();
            all.sort_unstable();
            for e in all {
                before.extend(w.one_let(exprs, e, done));
            }
            let summed: Vec<u32> = k_axes.iter().map(|(id, _)| *id).collect();
            let factor = |root: Ex, own: Option<u32>| {
                let x = contract::strided(exprs, root, own, c.lanes, &summed).filter(|x| !(w.bools)(x.buffer))?;
                let (of, at, step) = (&w.names[&x.buffer], w.ix(exprs, &x.at), Literal::i64_unsuffixed(x.step));
                let along = x.along.iter().map(|step| Literal::i64_unsuffixed(*step));
                Some(quote!(::kiln::rt::Factor { of: #of, at: #at, step: #step, along: [#(#along),*] }))
            };
            let side = |root: Ex| {
                let mut local = done.clone();
                let mut lets = TokenStream::new();
                for e in needed(exprs, &[root]) {
                    lets.extend(w.one_let(exprs, e, &mut local));
                }
                let v = w.operand(exprs, root);
                quote!({ #lets #v })
            };
            // Rounding may differ: what was there is added at the end, to what the core's own kernels make.
            let start = f.start.filter(|_| !w.fast).map(side);
            let before_sums = match (f.start, &start) {
                (Some(e), None) => {
                    let old = side(e);
                    let sum = f.combine.emit_combined(dtype, [quote!(acc), old]);
                    quote!(let acc = #sum;)
                }
                _ => quote!(),
            };
            let depth: usize = k_extents.iter().product();
            let stored: Vec<Ex> = nest.values().collect();
            let calls = called(nest).next().is_some();
            let mut plain = false;
            let (function, sizes, arguments) = match (factor(c.a, c.m), factor(c.b, c.n)) {
                (Some(a), Some(b)) if start.is_some() => {
                    let reach = w.reach(exprs, c, &k_extents);
                    (quote!(windowed_from), quote!(#m, #n, #depth), quote!(#reach, #a, #b,))
                }
                (Some(a), Some(b)) if c.lanes.is_some() => {
                    let reach = w.reach(exprs, c, &k_extents);
                    (quote!(lanes), quote!(#m, #n), quote!(#reach, #a, #b,))
                }
                (Some(a), Some(b)) if !c.within.is_empty() => {
                    let reach = w.reach(exprs, c, &k_extents);
                    (quote!(windowed), quote!(#m, #n, #depth), quote!(#reach, #a, #b,))
                }
                (Some(a), Some(b)) => {
                    plain = true;
                    (quote!(products), quote!(#calls, #m, #n, #depth), quote!([#(#k_extents),*], #a, #b,))
                }
                _ => {
                    let (a, b) = (side(c.a), side(c.b));
                    let names = quote!([#(#k_names),*]);
                    let function = if start.is_some() { quote!(contract_from) } else { quote!(contract) };
                    (function, quote!(#m, #n), quote!([#(#k_extents),*], |#pm, #names| #a, |#pn, #names| #b,))
                }
            };
            let mut local = done.clone();
            let mut lets = TokenStream::new();
            for e in needed(exprs, &stored) {
                if let Node::Folded(_) = exprs.node(e) {
                    let name = w.name(e);
                    lets.extend(quote!(let #name = acc;));
                    local.lets.insert(e, ());
                } else {
                    lets.extend(w.one_let(exprs, e, &mut local));
                }
            }
            let values: Vec<TokenStream> = stored.iter().map(|e| w.operand(exprs, *e)).collect();
            let store = w.stores(nest, &values);
            let out = match start {
                Some(start) => quote!(|#pm, #pn, acc| match acc {
                    ::core::option::Option::None => #start,
                    ::core::option::Option::Some(acc) => { #lets #store acc }
                }),
                // What a loop has for itself it need not look for in memory.
                None if plain && calls => quote!(move |#pm, #pn, acc| { #before_sums #lets #store }),
                None => quote!(|#pm, #pn, acc| { #before_sums #lets #store }),
            };
            let outs: Vec<Ident> = (0..nest.stores.len()).filter(|_| plain && calls).map(self::out).collect();
            let products = quote! {
                #(let #outs = &mut *#outs;)*
                ::kiln::rt::#function::<#ty, L, #fast, #sizes, #rank>(#arguments #out);
            };
            // A single sum needs no tile.
            let single = m * n == 1 && c.within.is_empty() && !w.written_out && f.start.is_none();
            if let Some(sum) = single.then(|| w.folded(exprs, f, &|e| levels.contains_key(&e))).flatten() {
                return quote!(#before ::kiln::__fpu!({ let acc = #sum; #lets #store } else { #products }););
            }
            match w.target(nest, c, dtype).filter(|_| plain && f.start.is_none()) {
                Some(target) => quote! {
                    #before
                    ::kiln::__fpu!({
                        ::kiln::rt::products_into::<#ty, L, #fast, #m, #n, #rank>(#arguments #target);
                    } else { #products });
                },
                None => quote!(#before #products),
            }
        };
        self.level(nest, &outer, 0, &levels, &mut Done::default(), &Inner { map: false, code: &code })
    }

    /// Where the sums of a contraction go, as a `Target`, if they are what is stored.
    fn target(&self, nest: &Nest, c: &Contraction, dtype: DType) -> Option<TokenStream> {
        let [store] = &nest.stores[..] else { return None };
        if dtype != DType::F32 || !matches!(nest.exprs.node(store.value), Node::Folded(_)) {
            return None;
        }
        let step = |at: Ix, axis: Option<u32>| match axis {
            Some(axis) => Turns { axis, from: 0, to: 1 }.of(&at),
            None => Some((at, 0)),
        };
        let (at, row) = step(store.at.clone(), c.m)?;
        let (at, column) = step(at, c.n)?;
        let (at, row, column) =
            (self.ix(&nest.exprs, &at), Literal::i64_unsuffixed(row), Literal::i64_unsuffixed(column));
        Some(quote!(::kiln::rt::Target { of: out, at: #at, row: #row, column: #column }))
    }

    /// Which of the summed indices have products, as a `Reach`.
    fn reach(&self, exprs: &Exprs, c: &Contraction, extents: &[usize]) -> TokenStream {
        let int = |i: i64| Literal::i64_unsuffixed(i);
        let mut edge = quote!(::core::option::Option::None);
        let mut ranges: Vec<TokenStream> = extents.iter().map(|n| quote!((0, #n))).collect();
        for w in &c.within {
            let (axis, extent) = (w.axis, extents[w.axis]);
            let (along, len) = (int(w.along), int(w.len));
            let mut rest = Ix::constant(w.at.offset);
            let (mut step, mut rows) = (0, true);
            for (atom, coefficient) in &w.at.terms {
                match atom {
                    Atom::Axis { id, .. } if Some(*id) == c.m => step = *coefficient,
                    Atom::Axis { id, .. } if Some(*id) == c.n => (step, rows) = (*coefficient, false),
                    _ => rest = rest.add(&Ix { terms: vec![(atom.clone(), *coefficient)], offset: 0 }),
                }
            }
            // Below zero it wraps, and is below zero again as a signed number.
            let at = self.ix(exprs, &rest);
            let at = if rest.as_const().is_some() {
                let at = int(rest.offset);
                quote!(#at)
            } else {
                quote!(((#at) as isize))
            };
            if step == 0 {
                ranges[axis] = quote!(::kiln::rt::clip(#at, #along, #len, #extent));
            } else {
                let step = int(step);
                edge = quote!(::core::option::Option::Some(::kiln::rt::Edge {
                    rows: #rows, axis: #axis, at: #at, step: #step, along: #along, len: #len
                }));
            }
        }
        quote!(::kiln::rt::Reach { extents: [#(#extents),*], ranges: [#(#ranges),*], edge: #edge })
    }

    pub(super) fn name(&self, e: Ex) -> Ident {
        format_ident!("v{}", e.0)
    }

    /// `let v = ..;` unless it has been written or is a literal.
    pub(super) fn one_let(&self, exprs: &Exprs, e: Ex, done: &mut Done) -> TokenStream {
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
    pub(super) fn operand(&self, exprs: &Exprs, e: Ex) -> TokenStream {
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

    /// The stores of a nest, behind all that its point reads.
    pub(super) fn stores(&self, nest: &Nest, values: &[TokenStream]) -> TokenStream {
        let each = nest.stores.iter().zip(values).enumerate();
        each.map(|(n, (store, value))| self.store(&nest.exprs, n, &store.at, value)).collect()
    }

    fn store(&self, exprs: &Exprs, n: usize, at: &Ix, value: &TokenStream) -> TokenStream {
        let (i, out) = (self.ix(exprs, at), out(n));
        let value = if (self.bools)(self.writes[n]) { quote!((#value) as u8) } else { quote!(#value) };
        quote!(::kiln::rt::st(#out, #i, #value);)
    }

    /// An index as usize; one that may go below zero wraps, and is then past the end of everything.
    pub(super) fn ix(&self, exprs: &Exprs, ix: &Ix) -> TokenStream {
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
                // A method is called on it below, so its type has to be said.
                let n = o.unsigned_abs() as usize;
                let o = if minus.is_empty() { Literal::usize_unsuffixed(n) } else { Literal::usize_suffixed(n) };
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
