//! Folds of neighbouring results, several at a time.
//!
//! Sums of columns, whose elements do not lie side by side: one column after the other, each element is a line of the cache of its own,
//! and no two of them make a vector. On cores with vectors the columns of a strip are folded together: those are neighbours. Sums of
//! rows: each step waits for the one before, but not for those of other rows. Each result is folded in the order that it has alone.

use std::collections::HashMap;

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::nest::{Done, Writer, axis};
use crate::dtype::DType;
use crate::ops::FoldOrder;
use crate::ops::elementwise::rust_type;
use crate::schedule::body::{Ex, Exprs, Node};
use crate::schedule::exprs::{axes_of, index, needed, operands};
use crate::schedule::ix::{Atom, Ix};
use crate::schedule::program::{Fold, Nest};
use crate::schedule::weight::is_call;

/// Lanes of a fold, as `kiln_math::lanes_reduce` has them.
const LANES: usize = 16;
/// Neighbours from which on a strip is worth it.
const FEW: usize = 8;
/// Neighbours of a strip: so many that compilers make a loop of them, which is small, and no more than a first-level cache holds sums of.
const STRIP: usize = 64;
/// Elements of a fold from which on compilers leave the loop over them: where they write it out, that over its neighbours becomes vectors.
const LONG: usize = 64;
/// Rows that are folded at the same time: as many lanes as registers hold.
const ROWS: usize = 4;
/// Results that lie between two neighbours of a strip: the parts of a point.
const PARTS: usize = 4;

/// The loops that strips are made of.
struct Strips {
    /// The axis that is cut into strips, and its extent.
    along: (u32, usize),
    /// The axis of the parts of each, if there are several.
    parts: Option<(u32, usize)>,
    /// Strips are of rows, not of columns.
    rows: bool,
}

impl Strips {
    fn of_columns(loops: &[(u32, usize)]) -> Option<(&[(u32, usize)], Strips)> {
        let (last, before) = loops.split_last()?;
        let (along, parts, outer) = match before.split_last() {
            Some((along, outer)) if last.1 <= PARTS => (*along, Some(*last), outer),
            _ => (*last, None, before),
        };
        (along.1 >= FEW).then_some((outer, Strips { along, parts, rows: false }))
    }

    fn of_rows(loops: &[(u32, usize)]) -> Option<(&[(u32, usize)], Strips)> {
        let (along, outer) = loops.split_last()?;
        (along.1 >= ROWS).then_some((outer, Strips { along: *along, parts: None, rows: true }))
    }

    fn n_parts(&self) -> usize {
        self.parts.map_or(1, |(_, n)| n)
    }

    /// Neighbours of a strip.
    fn width(&self) -> usize {
        if self.rows { ROWS } else { STRIP.min(self.along.1) }
    }

    fn has(&self, axis: u32) -> bool {
        self.along.0 == axis || self.parts.is_some_and(|(id, _)| id == axis)
    }

    /// Whether the elements that a fold reads are far apart along its axis, and close to each other along a strip; of rows, whether they
    /// are neighbours along its axis. `inside` is what is computed for each of them.
    fn gain(&self, exprs: &Exprs, f: &Fold, inside: &[Ex]) -> bool {
        let step = |ix: &Ix, axis: u32| {
            let of = |(atom, c): &(Atom, i64)| matches!(atom, Atom::Axis { id, .. } if *id == axis).then_some(c.abs());
            ix.terms.iter().find_map(of).unwrap_or(0)
        };
        let plain = |ix: &Ix| ix.terms.iter().all(|(atom, _)| matches!(atom, Atom::Axis { .. }));
        let mut gain = false;
        // What differs from point to point of a strip.
        let mut differs: Vec<Ex> = Vec::new();
        for e in needed(exprs, &[f.item]) {
            let node = exprs.node(e);
            if index(node).is_some_and(|ix| axes_of(ix).iter().any(|a| self.has(*a)))
                || operands(node).iter().any(|x| differs.contains(x))
            {
                differs.push(e);
            }
            match node {
                Node::Folded(_) | Node::InRange(..) => return false,
                Node::Load { at, .. } => {
                    let mut steps = f.axes.iter().filter(|(_, n)| *n != 1).map(|(a, _)| step(at, *a));
                    if self.rows {
                        let last = steps.next_back().unwrap_or(0);
                        if !plain(at) || last > 1 {
                            return false;
                        }
                        gain |= last == 1 && step(at, self.along.0) != 0;
                        continue;
                    }
                    let (near, parts) = (step(at, self.along.0), self.parts.map_or(0, |(id, _)| step(at, id)));
                    if !plain(at) || near as usize > self.n_parts() || parts > 1 {
                        return false;
                    }
                    let nearest = steps.filter(|step| *step != 0).min();
                    gain |= near != 0 && nearest.is_some_and(|step| step as usize > self.n_parts());
                }
                Node::Index(ix) if !plain(ix) => return false,
                // They take longer than what they wait for.
                Node::Apply(text, args) if self.rows => {
                    let dtypes: Vec<DType> = args.iter().map(|a| exprs.dtype(*a)).collect();
                    let again = !inside.contains(&e) && differs.contains(&e);
                    if again || is_call(exprs.op(text), &dtypes, exprs.dtype(e)) {
                        return false;
                    }
                }
                // What a point has for itself would be computed again for each of its elements.
                Node::Apply(..) if !inside.contains(&e) && differs.contains(&e) => return false,
                _ => {}
            }
        }
        gain && f.axes.iter().map(|(_, n)| n).product::<usize>() >= LONG
    }
}

impl<'w> Writer<'w> {
    /// Loops over strips with the folds of all of their results in front, if there are any.
    pub(super) fn strips(&self, nest: &Nest) -> Option<TokenStream> {
        if self.written_out {
            return None;
        }
        let loops = Self::loops(nest);
        let kinds = [Strips::of_columns(&loops), Strips::of_rows(&loops)];
        let (outer, strips, folds) = kinds.into_iter().flatten().find_map(|(outer, strips)| {
            let of_strips = |n: &usize| {
                let f = &nest.folds[*n];
                let axes: Vec<u32> = f.axes.iter().map(|(id, _)| *id).collect();
                let inside = self.depends_on(&nest.exprs, f.item, &axes);
                matches!(f.order, FoldOrder::Lanes) && f.start.is_none() && strips.gain(&nest.exprs, f, &inside)
            };
            let folds: Vec<usize> = (0..nest.folds.len()).filter(of_strips).collect();
            (!folds.is_empty()).then_some((outer, strips, folds))
        })?;
        let levels = self.levels(nest, &loops);
        let inside = |w: &Self, done: &mut Done| {
            let before = w.lets_of(nest, &levels, outer.len(), done);
            let (i, extent) = (axis(strips.along.0), strips.along.1);
            let width = strips.width();
            let whole = extent / width;
            let strip = |first: TokenStream, width: usize| {
                let of_strip: TokenStream =
                    folds.iter().map(|n| w.fold_of_strip(nest, *n, &strips, width, &mut done.clone())).collect();
                let points = w.points(nest, &strips, &folds, &levels, outer.len(), &mut done.clone());
                let width = Literal::usize_unsuffixed(width);
                quote! {
                    let first = #first;
                    #of_strip
                    for turn in 0..#width { let #i = first + turn; #points }
                }
            };
            let all = match whole {
                1 => strip(quote!(0usize), width),
                _ => {
                    let body = strip(quote!(strip * #width), width);
                    quote!(for strip in 0..#whole { #body })
                }
            };
            let done_before = whole * width;
            let rest = (done_before < extent).then(|| {
                let body = strip(quote!(#done_before), extent - done_before);
                quote!({ #body })
            });
            quote!(#before { #all } #rest)
        };
        let code = self.around(nest, outer, &levels, &inside);
        // Blocks of assembler are for cores without vectors.
        self.blocks.set(false);
        Some(code)
    }

    /// What is computed for each point of a strip.
    fn points(
        &self,
        nest: &Nest,
        strips: &Strips,
        folds: &[usize],
        levels: &HashMap<Ex, usize>,
        level: usize,
        done: &mut Done,
    ) -> TokenStream {
        let of_turn = self.lets_of(nest, levels, level + 1, done);
        let (part, loop_over) = match strips.parts {
            Some((id, n)) => (quote!(part), Some((axis(id), Literal::usize_unsuffixed(n)))),
            None => (quote!(0), None),
        };
        let mut folded = TokenStream::new();
        for e in needed(&nest.exprs, &nest.roots()) {
            if let Node::Folded(n) = nest.exprs.node(e)
                && folds.contains(&(*n as usize))
            {
                let (name, sums) = (self.name(e), format_ident!("strip{}", n));
                folded.extend(quote!(let #name = ::kiln::rt::of_strip(&#sums, turn, #part);));
                done.insert(e);
            }
        }
        let (lets, values) = self.values(nest, &nest.values().collect::<Vec<_>>(), done);
        let stores = self.stores(nest, &values);
        match loop_over {
            Some((i, n)) => quote!(#of_turn for part in 0..#n { let #i = part; #folded #lets #stores }),
            None => quote!(#of_turn #folded #lets #stores),
        }
    }

    /// The results of a fold in a strip.
    fn fold_of_strip(&self, nest: &Nest, n: usize, strips: &Strips, width: usize, done: &mut Done) -> TokenStream {
        let (exprs, f) = (&nest.exprs, &nest.folds[n]);
        let mut lets = TokenStream::new();
        for e in needed(exprs, &[f.item]) {
            lets.extend(self.one_let(exprs, e, done));
        }
        let (param, split) = self.unravel(&f.axes);
        let item = self.operand(exprs, f.item);
        let dtype = exprs.dtype(f.item);
        let ty = rust_type(dtype);
        let both = f.combine.emit_combined(dtype, [quote!(a), quote!(b)]);
        let count: usize = f.axes.iter().map(|(_, n)| n).product();
        let (along, n_parts) = (axis(strips.along.0), strips.n_parts());
        let sums = format_ident!("strip{}", n);
        if strips.rows {
            return quote! {
                let #sums = ::kiln::rt::reduce_rows::<#ty, #count, #width, #LANES>(
                    |turn, #param| { let #along = first + turn; #split #lets #item },
                    |a, b| #both,
                );
            };
        }
        let any_order = self.fast || f.combine.is_order_free(dtype);
        let lanes = if any_order { 1 } else { LANES };
        let part = strips.parts.map(|(id, _)| axis(id)).map(|part| quote!(let #part = part;));
        quote! {
            let #sums = ::kiln::rt::reduce_strip::<#ty, #count, #width, #n_parts, #lanes>(
                |turn, part, #param| { let #along = first + turn; #part #split #lets #item },
                |a, b| #both,
            );
        }
    }
}
