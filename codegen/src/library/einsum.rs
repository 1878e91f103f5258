//! `einsum`, and the contraction of labelled operands that the other products are made of.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::Diag;
use crate::dtype::DType;
use crate::library::contraction::{accumulated, operands, product_options};
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::{DotGeneral, Gather, ReduceSum, Reshape, Transpose};
use crate::parse::spans::Sp;
use crate::trace::args::{Args, static_ints};
use crate::trace::value::{Traced, Value, show};
use crate::trace::{R, Stop, Tracer, err, err_help};

/// Up to so many operands the cheapest order of contractions is found; of more, the next pair is always the cheapest one.
const MOST_FOR_THE_BEST_ORDER: usize = 8;

/// What axes that belong together are called. Letters are their code points; axes behind `...` are counted from the last.
pub type Label = u32;

/// The first label behind every letter: that of the last axis that `...` stands for.
const ELLIPSIS: Label = 0x11_0000;

/// An operand with a label per axis.
#[derive(Clone, Debug)]
pub struct Term {
    /// The operand.
    pub x: Traced,
    /// Labels of its axes; the axes of a label that is given twice form a diagonal.
    pub labels: Vec<Label>,
}

/// How products are formed.
#[derive(Clone, Debug)]
pub struct How {
    /// dtype to multiply and add in.
    pub preferred: Option<DType>,
    /// From left to right instead of in the cheapest order.
    pub in_order: bool,
    /// The call.
    pub sp: Sp,
}

/// The sum over all labels that are not in `out` of the product of all terms. Extents of a label agree or are 1.
pub fn contract(tr: &mut Tracer<'_>, terms: Vec<Term>, out: &[Label], how: &How) -> R<Traced> {
    let mut extents: BTreeMap<Label, usize> = BTreeMap::new();
    for (label, n) in terms.iter().flat_map(|t| t.labels.iter().zip(&t.x.aval.shape)) {
        let e = extents.entry(*label).or_insert(*n);
        *e = if *e == 1 { *n } else { *e };
    }
    let mut plain = Vec::new();
    for t in terms {
        let t = without_repeats(tr, t, &extents, how.sp)?;
        plain.push(t);
    }
    for n in 0..plain.len() {
        let needed: BTreeSet<Label> = wanted_beside(&plain, &[n], out);
        plain[n] = summed(tr, &plain[n], &needed, how)?;
    }
    let tree = order(&plain, out, &extents, how.in_order);
    let last = evaluate(tr, &tree, &plain, out, how)?;
    let perm: Vec<usize> = out.iter().filter_map(|l| last.labels.iter().position(|m| m == l)).collect();
    let mut x = last.x;
    if !perm.iter().copied().eq(0..perm.len()) {
        let weak = x.weak;
        x = tr.bind1(Transpose { perm }, &[&x], how.sp)?;
        x.weak = weak;
    }
    if let Some(d) = how.preferred {
        let weak = x.weak;
        x = tr.convert(&x, d, how.sp)?;
        x.weak = weak;
    }
    Ok(x)
}

/// Every label once, and none where the operand has extent one and others have more.
fn without_repeats(tr: &mut Tracer<'_>, t: Term, extents: &BTreeMap<Label, usize>, sp: Sp) -> R<Term> {
    let shape = t.x.aval.shape.clone();
    let kept: Vec<usize> = (0..shape.len()).filter(|d| shape[*d] == extents[&t.labels[*d]]).collect();
    let mut x = t.x.clone();
    if kept.len() < shape.len() {
        x = tr.bind1(Reshape { shape: kept.iter().map(|d| shape[*d]).collect() }, &[&x], sp)?;
        x.weak = t.x.weak;
    }
    let labels: Vec<Label> = kept.iter().map(|d| t.labels[*d]).collect();
    let mut once: Vec<Label> = Vec::new();
    for l in &labels {
        if !once.contains(l) {
            once.push(*l);
        }
    }
    if once.len() < labels.len() {
        let at = |l: &Label| once.iter().position(|m| m == l).unwrap_or(0);
        let dims = labels.iter().map(|l| DimIx::window(at(l))).collect();
        let shape = once.iter().map(|l| extents[l]).collect();
        let coords = Coords { dims, index_dims: Vec::new(), shape, mode: IndexMode::Clip };
        x = tr.bind1(Gather { coords }, &[&x], sp)?;
    }
    Ok(Term { x, labels: once })
}

/// Labels that the result or another term needs.
fn wanted_beside(terms: &[Term], inside: &[usize], out: &[Label]) -> BTreeSet<Label> {
    let others = (0..terms.len()).filter(|n| !inside.contains(n)).flat_map(|n| terms[n].labels.iter());
    others.chain(out).copied().collect()
}

/// The term summed over the labels that nothing needs.
fn summed(tr: &mut Tracer<'_>, t: &Term, needed: &BTreeSet<Label>, how: &How) -> R<Term> {
    let axes: Vec<usize> = (0..t.labels.len()).filter(|d| !needed.contains(&t.labels[*d])).collect();
    if axes.is_empty() {
        return Ok(t.clone());
    }
    let labels = t.labels.iter().filter(|l| needed.contains(l)).copied().collect();
    let (work, result) = accumulated(how.preferred, t.x.aval.dtype);
    let mut x = tr.convert(&t.x, work, how.sp)?;
    x = tr.bind1(ReduceSum { axes }, &[&x], how.sp)?;
    x = tr.convert(&x, result, how.sp)?;
    x.weak = t.x.weak;
    Ok(Term { x, labels })
}

/// Which terms meet which.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(usize),
    Pair(Box<Tree>, Box<Tree>),
}

/// Number of products that pairing two sets of labels takes.
fn cost(a: &BTreeSet<Label>, b: &BTreeSet<Label>, extents: &BTreeMap<Label, usize>) -> f64 {
    a.union(b).map(|l| extents[l] as f64).product()
}

fn order(terms: &[Term], out: &[Label], extents: &BTreeMap<Label, usize>, in_order: bool) -> Tree {
    let n = terms.len();
    if in_order || n <= 2 {
        let pair = |t, m| Tree::Pair(Box::new(t), Box::new(Tree::Leaf(m)));
        return (1..n).fold(Tree::Leaf(0), pair);
    }
    if n <= MOST_FOR_THE_BEST_ORDER { best(terms, out, extents) } else { greedy(terms, out, extents) }
}

/// The order with the fewest products: for every set of terms, the best way to split it in two.
fn best(terms: &[Term], out: &[Label], extents: &BTreeMap<Label, usize>) -> Tree {
    let n = terms.len();
    let members = |set: usize| -> Vec<usize> { (0..n).filter(|k| set >> k & 1 == 1).collect() };
    let labels: Vec<BTreeSet<Label>> = (0..1 << n)
        .map(|set| {
            let inside = members(set);
            let needed = wanted_beside(terms, &inside, out);
            inside.iter().flat_map(|k| terms[*k].labels.iter()).filter(|l| needed.contains(l)).copied().collect()
        })
        .collect();
    let mut found: Vec<Option<(f64, Tree)>> = vec![None; 1 << n];
    for set in 1..1 << n {
        let inside = members(set);
        if let [k] = inside[..] {
            found[set] = Some((0.0, Tree::Leaf(k)));
            continue;
        }
        // Of equal splits, the one that stays closest to the order that was written.
        let first = 1 << inside[0];
        let mut rights: Vec<usize> = (1..set).filter(|r| r & !set == 0 && r & first == 0).collect();
        rights.sort_by_key(|r| (r.count_ones(), std::cmp::Reverse(*r)));
        let mut lowest: Option<(f64, usize)> = None;
        for right in rights {
            let left = set & !right;
            let (Some((a, _)), Some((b, _))) = (&found[left], &found[right]) else { continue };
            let total = a + b + cost(&labels[left], &labels[right], extents);
            if lowest.is_none_or(|(c, _)| total < c) {
                lowest = Some((total, right));
            }
        }
        if let Some((total, right)) = lowest
            && let (Some((_, a)), Some((_, b))) = (found[set & !right].clone(), found[right].clone())
        {
            found[set] = Some((total, Tree::Pair(Box::new(a), Box::new(b))));
        }
    }
    found.pop().flatten().map_or(Tree::Leaf(0), |(_, tree)| tree)
}

/// The cheapest pair next, until one is left.
fn greedy(terms: &[Term], out: &[Label], extents: &BTreeMap<Label, usize>) -> Tree {
    let mut left: Vec<(Tree, BTreeSet<Label>)> =
        terms.iter().enumerate().map(|(n, t)| (Tree::Leaf(n), t.labels.iter().copied().collect())).collect();
    while left.len() > 1 {
        let pairs = (0..left.len()).flat_map(|a| (a + 1..left.len()).map(move |b| (a, b)));
        let price = |(a, b): &(usize, usize)| cost(&left[*a].1, &left[*b].1, extents);
        let Some((a, b)) = pairs.min_by(|p, q| price(p).total_cmp(&price(q))) else { break };
        let (right, of_right) = left.remove(b);
        let others = left.iter().enumerate().filter(|(n, _)| *n != a).flat_map(|(_, (_, l))| l.iter());
        let needed: BTreeSet<Label> = others.chain(out).copied().collect();
        let both = left[a].1.union(&of_right).filter(|l| needed.contains(l)).copied().collect();
        let tree = Tree::Pair(Box::new(left[a].0.clone()), Box::new(right));
        left[a] = (tree, both);
    }
    left.pop().map_or(Tree::Leaf(0), |(tree, _)| tree)
}

fn leaves(tree: &Tree) -> Vec<usize> {
    match tree {
        Tree::Leaf(n) => vec![*n],
        Tree::Pair(a, b) => [leaves(a), leaves(b)].concat(),
    }
}

fn evaluate(tr: &mut Tracer<'_>, tree: &Tree, terms: &[Term], out: &[Label], how: &How) -> R<Term> {
    match tree {
        Tree::Leaf(n) => Ok(terms[*n].clone()),
        Tree::Pair(a, b) => {
            let needed = wanted_beside(terms, &leaves(tree), out);
            let x = evaluate(tr, a, terms, out, how)?;
            let y = evaluate(tr, b, terms, out, how)?;
            pairwise(tr, &x, &y, &needed, out, how)
        }
    }
}

/// Of two terms: what both have and something needs is a batch axis, what only they have is summed over.
fn pairwise(tr: &mut Tracer<'_>, x: &Term, y: &Term, needed: &BTreeSet<Label>, out: &[Label], how: &How) -> R<Term> {
    let common: Vec<Label> = x.labels.iter().filter(|l| y.labels.contains(l)).copied().collect();
    let (mut batch, contracted): (Vec<Label>, Vec<Label>) = common.iter().partition(|l| needed.contains(l));
    let place = |l: &Label| out.iter().position(|m| m == l).unwrap_or(out.len());
    batch.sort_by_key(place);
    let free = |t: &Term| -> Vec<Label> { t.labels.iter().filter(|l| !common.contains(l)).copied().collect() };
    // In the order that the result has, if that is possible.
    let swap = [batch.clone(), free(y), free(x)].concat() == out && [batch.clone(), free(x), free(y)].concat() != out;
    let (x, y) = if swap { (y, x) } else { (x, y) };
    let labels = [batch.clone(), free(x), free(y)].concat();
    let at = |t: &Term, all: &[Label]| -> Vec<usize> {
        all.iter().filter_map(|l| t.labels.iter().position(|m| m == l)).collect()
    };
    let op = DotGeneral {
        lhs_contract: at(x, &contracted),
        rhs_contract: at(y, &contracted),
        lhs_batch: at(x, &batch),
        rhs_batch: at(y, &batch),
        preferred: how.preferred,
    };
    Ok(Term { x: dot_general(tr, op, &x.x, &y.x, how.sp)?, labels })
}

/// Binds a contraction. Halves are added up in f32, as JAX does.
pub fn dot_general(tr: &mut Tracer<'_>, mut op: DotGeneral, x: &Traced, y: &Traced, sp: Sp) -> R<Traced> {
    let (work, result) = accumulated(op.preferred, x.aval.dtype);
    let sums = op.lhs_contract.iter().any(|d| x.aval.shape.get(*d).is_some_and(|n| *n > 1));
    if op.preferred.is_none() && work != result && sums {
        op.preferred = Some(work);
    }
    let weak = x.weak && y.weak;
    let mut out = tr.bind1(op.clone(), &[x, y], sp)?;
    if out.aval.dtype == work && work != result {
        out = tr.convert(&out, result, sp)?;
    }
    out.weak = weak;
    Ok(out)
}

/// `einsum("ij,jk->ik", a, b)`, or `einsum(a, (0, 1), b, (1, 2), (0, 2))`.
pub fn einsum(tr: &mut Tracer<'_>, mut args: Args, sp: Sp) -> R<Value> {
    let given = std::mem::take(&mut args.pos);
    let b = args.bind("einsum", &["precision", "preferred_element_type", "optimize"], 0, sp)?;
    let preferred = product_options(&b)?;
    let in_order = matches!(b.get("optimize"), Some(Value::Bool(false)));
    let Some((first, at)) = given.first().cloned() else {
        return err_help(sp, "`einsum` needs subscripts and arrays", "write `einsum(\"ij,jk->ik\", a, b)`");
    };
    let (spec, values) = match &first {
        Value::Str(text) => (text.to_string(), given[1..].to_vec()),
        Value::Poison => return Err(Stop::Silent),
        Value::Num(_) | Value::Tuple(_) => {
            let text = "the first argument of `einsum` is a string of subscripts, found ".to_string();
            return err_help(at, text + &first.describe(), "write `einsum(\"ij,jk->ik\", a, b)`");
        }
        _ => {
            if let Some((Value::Str(text), at)) = given.iter().find(|(v, _)| matches!(v, Value::Str(_))) {
                let text = format!("the subscripts {text:?} of `einsum` come first");
                return err_help(*at, text, "write `einsum(\"ij,jk->ik\", a, b)`");
            }
            sublists(&given)?
        }
    };
    let arrays = operands(tr, "einsum", &values, sp)?;
    let (labels, out) = parse(tr, &spec, &arrays, &values, at)?;
    let mut known: BTreeMap<Label, (usize, usize)> = BTreeMap::new();
    for (n, (of_array, x)) in labels.iter().zip(&arrays).enumerate() {
        for (l, extent) in of_array.iter().zip(&x.aval.shape) {
            let (size, m) = *known.entry(*l).or_insert((*extent, n));
            if size == 1 {
                known.insert(*l, (*extent, n));
            } else if *extent != 1 && size != *extent {
                let name = if *l < ELLIPSIS { letter(*l) } else { "...".into() };
                let text = format!("the extents of `{name}` in {spec:?} differ: {size} and {extent}");
                let mut d = Diag::at(values[n].1, text);
                let which = |n: usize| format!("operand {}", n + 1);
                d.notes = vec![tr.origin_as(&arrays[m], &which(m))];
                if m != n {
                    d.notes.push(tr.origin_as(x, &which(n)));
                }
                return Err(d.help("axes with one label have one extent, or 1").into());
            }
        }
    }
    let terms = arrays.into_iter().zip(labels).map(|(x, labels)| Term { x, labels }).collect();
    Ok(Value::Array(contract(tr, terms, &out, &How { preferred, in_order, sp })?))
}

fn letter(l: Label) -> String {
    char::from_u32(l).map_or_else(|| "?".into(), String::from)
}

/// Operands and lists of axis numbers in turn, then perhaps a list for the result: the subscripts as a string.
fn sublists(given: &[(Value, Sp)]) -> R<(String, Vec<(Value, Sp)>)> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let text = |(v, at): &(Value, Sp)| -> R<String> {
        let items = match v {
            Value::Tuple(items) | Value::List(items) => items.to_vec(),
            Value::Unit => Vec::new(),
            other => vec![other.clone()],
        };
        let one = |item: &Value| match (item, static_ints(item).as_deref()) {
            (Value::Range(None, None), _) => Ok("...".to_string()),
            (_, Some([i])) if (0..LETTERS.len() as i128).contains(i) => Ok(char::from(LETTERS[*i as usize]).into()),
            _ => err_help(
                *at,
                format!("the labels of an operand are a tuple of integers from 0 to 51, found {}", v.describe()),
                "write `einsum(a, (0, 1), b, (1, 2), (0, 2))` or `einsum(\"ij,jk->ik\", a, b)`",
            ),
        };
        items.iter().map(one).collect::<R<Vec<_>>>().map(|all| all.concat())
    };
    let (mut inputs, mut values) = (Vec::new(), Vec::new());
    for pair in given.chunks_exact(2) {
        values.push(pair[0].clone());
        inputs.push(text(&pair[1])?);
    }
    let mut spec = inputs.join(",");
    if let Some(out) = given.chunks_exact(2).remainder().first() {
        spec = format!("{spec}->{}", text(out)?);
    }
    Ok((spec, values))
}

/// Labels of the axes of every operand and of the result.
fn parse(
    tr: &Tracer<'_>,
    spec: &str,
    arrays: &[Traced],
    values: &[(Value, Sp)],
    at: Sp,
) -> R<(Vec<Vec<Label>>, Vec<Label>)> {
    let text: String = spec.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, output) = match text.split_once("->") {
        Some((i, o)) => (i, Some(o)),
        None => (text.as_str(), None),
    };
    let parts: Vec<&str> = inputs.split(',').collect();
    if parts.len() != arrays.len() {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        return err(
            at,
            format!("{spec:?} is for {}, found {}", count(parts.len(), "array"), count(arrays.len(), "array")),
        );
    }
    let mut labels = Vec::new();
    let mut most = 0;
    for (n, (part, x)) in parts.iter().zip(arrays).enumerate() {
        let (before, after) = letters(part, spec, at)?;
        let rank = x.aval.rank();
        let named = before.len() + after.as_ref().map_or(0, Vec::len);
        let hidden = match after {
            Some(_) if named <= rank => rank - named,
            None if named == rank => 0,
            _ => {
                let least = if after.is_some() { "at least " } else { "" };
                let axes = |n: usize| format!("{n} {}", if n == 1 { "axis" } else { "axes" });
                let mut d = Diag::at(
                    values[n].1,
                    format!("`{part}` in {spec:?} names {least}{}, {} has {}", axes(named), show(&x.aval), axes(rank)),
                );
                d.notes = vec![tr.origin_as(x, &format!("operand {}", n + 1))];
                return Err(d.into());
            }
        };
        most = most.max(hidden);
        labels.push([before, dots(hidden), after.unwrap_or_default()].concat());
    }
    let count = |l: &Label| labels.iter().flatten().filter(|m| *m == l).count();
    let out = match output {
        None => {
            let all: BTreeSet<Label> = labels.iter().flatten().filter(|l| **l < ELLIPSIS).copied().collect();
            [dots(most), all.into_iter().filter(|l| count(l) == 1).collect()].concat()
        }
        Some(o) => {
            let (before, after) = letters(o, spec, at)?;
            let named: Vec<Label> = before.iter().chain(after.iter().flatten()).copied().collect();
            if let Some(l) = named.iter().find(|l| count(l) == 0) {
                return err_help(
                    at,
                    format!("`{}` of the result is in none of the operands of {spec:?}", letter(*l)),
                    "axes of the result are axes of operands; repeat along a new one with `broadcast_to`",
                );
            }
            if let Some((_, l)) = named.iter().enumerate().find(|(n, l)| named[..*n].contains(l)) {
                return err_help(
                    at,
                    format!("`{}` stands twice in the result of {spec:?}", letter(*l)),
                    "every axis of the result has its own label; a diagonal matrix is written with `diag`",
                );
            }
            match after {
                Some(after) => [before, dots(most), after].concat(),
                None => before,
            }
        }
    };
    Ok((labels, out))
}

/// Labels of the axes that `...` stands for, `n` of them.
fn dots(n: usize) -> Vec<Label> {
    (0..n as Label).rev().map(|k| ELLIPSIS + k).collect()
}

/// Labels before and behind `...`, if there is one.
fn letters(part: &str, spec: &str, at: Sp) -> R<(Vec<Label>, Option<Vec<Label>>)> {
    let read = |text: &str| -> R<Vec<Label>> {
        if let Some(c) = text.chars().find(|c| !c.is_ascii_alphabetic()) {
            return err_help(
                at,
                format!("{spec:?} has a `{c}` where a label is expected"),
                "subscripts are letters, `,`, `->` and `...`, as in \"bij,bjk->bik\"",
            );
        }
        Ok(text.chars().map(Label::from).collect())
    };
    match part.split_once("...") {
        Some((before, after)) => Ok((read(before)?, Some(read(after)?))),
        None => Ok((read(part)?, None)),
    }
}
