//! Loops over the same range become one.
//!
//! Before: every nest stores one array, in an order that has been chosen. After: of nests over the same range those are one that
//! read the same elements, or where the later reads what the earlier stores, each element in the step in which it is stored; what
//! nobody else reads is not stored at all. No more memory is live than before, nothing is computed twice, and no fold changes
//! its order, so every bit stays.
//!
//! This comes after the order of kernels and the choice of those that run again, and not with the decision what is stored
//! ([`super::fuse`]): what one loop may hold does not depend on values and their readers, but on what else happens between, and
//! on how much is live meanwhile.

use std::collections::{HashMap, HashSet};

use crate::graph::Var;
use crate::schedule::body::{Ex, Exprs, Node};
use crate::schedule::exprs::{Instead, all, axes_of, called, import, is_side_by_side, needed};
use crate::schedule::ix::{Atom, Ix, ravel};
use crate::schedule::nests::reads_of;
use crate::schedule::order::read_in_step;
use crate::schedule::plan::{Model, Step};
use crate::schedule::program::{Apart, Fold, Kernel, Kind, Nest, Schedule, Storage, Store, WhyApart};

/// Pairs of loops for which it is looked what is live: that takes as long as the schedule is.
const MAX_PLANNED: usize = 512;
/// Kernels back to which a loop is looked for.
const WINDOW: usize = 64;
/// Most expressions of a nest that was several.
const MAX_NODES: usize = 160;
/// Neighbours from which on going along them is worth more than another loop costs.
const SHORT: usize = 8;
/// Elements up to which compilers write loops out.
const WRITTEN_OUT: usize = 16;
/// Arrays that a loop runs along side by side: what registers of a small core point to.
const MAX_STREAMS: usize = 6;
/// The same where each element costs so much that pointers may be fetched for it.
const MAX_STREAMS_OF_CALLS: usize = 10;

/// Makes one nest of those that can be, in `s` and in its model; says whether there were any. What stays apart though it reads the
/// same is noted.
pub fn merge(s: &mut Schedule, model: &mut Model) -> bool {
    let limit = model.layout().weight();
    let mut before = model.before();
    // How many kernels read each buffer.
    let mut readers = vec![0usize; s.buffers.len()];
    s.kernels.iter().flat_map(|k| &k.reads).for_each(|b| readers[*b as usize] += 1);
    let mut apart: Vec<Apart> = Vec::new();
    let (mut any, mut later, mut n_planned) = (false, 0, 0);
    while later < s.kernels.len() && n_planned < MAX_PLANNED {
        let mut earlier = later;
        let tried = apart.len();
        while earlier > later.saturating_sub(WINDOW) {
            earlier -= 1;
            let found = joined(s, &readers, earlier, later).and_then(|kernel| {
                let order = order_around(&before, earlier, later).ok_or(Some(WhyApart::Between))?;
                let steps = order.iter().map(|k| match *k == earlier {
                    true => Step::of(s, 0, &kernel),
                    false => model.steps[*k].clone(),
                });
                let steps: Vec<Step> = steps.collect();
                let n_steps = steps.len();
                let old: Vec<Step> = model.steps.splice(earlier..=later, steps).collect();
                n_planned += 1;
                // What is live at once stays within what it was, whatever becomes shorter elsewhere.
                if model.layout().weight() > limit {
                    model.steps.splice(earlier..earlier + n_steps, old);
                    return Err(Some(WhyApart::Memory));
                }
                Ok((kernel, order))
            });
            match found {
                Ok((kernel, order)) => {
                    let gone = [earlier, later].into_iter().flat_map(|k| &s.kernels[k].reads);
                    gone.for_each(|b| readers[*b as usize] -= 1);
                    kernel.reads.iter().for_each(|b| readers[*b as usize] += 1);
                    let at = realise(s, kernel, (earlier, later), &order);
                    any = true;
                    before = model.before();
                    apart.truncate(tried);
                    // It may go together with others now.
                    (later, earlier) = (at, at);
                }
                Err(why) => {
                    let of = |k: usize| s.buffers[s.kernels[k].writes[0] as usize].var;
                    apart.extend(why.map(|why| Apart { later: of(later), earlier: of(earlier), why }));
                }
            }
        }
        later += 1;
    }
    model.steps.iter_mut().enumerate().for_each(|(n, step)| step.kernel = n);
    let mut writers: HashMap<Var, usize> = HashMap::new();
    for (n, k) in s.kernels.iter().enumerate() {
        writers.extend(k.writes.iter().map(|b| (s.buffers[*b as usize].var, n)));
    }
    // The nearest that it is not one with; not what was tried before one of both changed.
    let mut seen = HashSet::new();
    apart.retain(|a| match (writers.get(&a.earlier), writers.get(&a.later)) {
        (Some(x), Some(y)) => x != y && seen.insert(*y),
        _ => false,
    });
    s.apart = apart;
    any
}

/// Kernels between the two that have to come before them, and those that have to come after; `None` where one has to do both.
fn order_around(before: &[Vec<usize>], earlier: usize, later: usize) -> Option<Vec<usize>> {
    let mut behind = vec![earlier];
    for (k, waits) in before.iter().enumerate().take(later).skip(earlier + 1) {
        if waits.iter().any(|p| behind.contains(p)) {
            behind.push(k);
        }
    }
    let waits = before[later].iter().any(|p| *p != earlier && behind.contains(p));
    (!waits).then(|| {
        let ahead = (earlier + 1..later).filter(|k| !behind.contains(k));
        ahead.chain([earlier]).chain(behind[1..].iter().copied()).collect()
    })
}

/// The kernels in `order` between the two, the joined one in the place of the earlier; says where that is.
fn realise(s: &mut Schedule, kernel: Kernel, (earlier, later): (usize, usize), order: &[usize]) -> usize {
    let mut old: Vec<Option<Kernel>> = s.kernels.drain(earlier..=later).map(Some).collect();
    let gone: Vec<u32> = old.iter().flatten().flat_map(|k| k.writes.clone()).collect();
    let new: Vec<Kernel> = order
        .iter()
        .map(|k| if *k == earlier { kernel.clone() } else { old[k - earlier].take().expect("each once") })
        .collect();
    let kept: Vec<u32> = new.iter().flat_map(|k| k.writes.clone()).collect();
    let gone: Vec<_> = gone.into_iter().filter(|b| !kept.contains(b)).map(|b| s.buffers[b as usize].var).collect();
    s.notes.retain(|(v, _)| !gone.contains(v));
    s.kernels.splice(earlier..earlier, new);
    earlier + order.iter().position(|k| *k == earlier).expect("it is among them")
}

/// Two loops as one; `readers` says of each buffer how many kernels read it. Without a reason where they have nothing to do with each other.
fn joined(s: &Schedule, readers: &[usize], earlier: usize, later: usize) -> Result<Kernel, Option<WhyApart>> {
    let (a, b) = (&s.kernels[earlier], &s.kernels[later]);
    let (Kind::Loop(x), Kind::Loop(y)) = (&a.kind, &b.kind) else { return Err(None) };
    let points = |nest: &Nest| nest.extents.iter().product::<usize>();
    let reads = b.reads.iter().any(|r| a.writes.contains(r));
    if points(x) != points(y) || !(reads || a.reads.iter().any(|r| b.reads.contains(r))) {
        return Err(None);
    }
    let read_later = |w: &u32| readers[*w as usize] > b.reads.iter().filter(|r| *r == w).count();
    let in_arena = |w: &u32| matches!(s.buffers[*w as usize].storage, Storage::Arena(_));
    let dropped: Vec<bool> = a.writes.iter().map(|w| in_arena(w) && !read_later(w)).collect();
    // Most loops that read each other are products: that is known before anything is put together.
    let is_product = |nest: &Nest| nest.folds.iter().any(|f| f.contraction);
    if is_product(y) || is_product(x) && !(y.folds.is_empty() && dropped.iter().all(|d| *d)) {
        return Err(Some(WhyApart::Product).filter(|_| reads || share_a_load(x, y)));
    }
    let extents = refined(&x.extents, &y.extents).ok_or(reads.then_some(WhyApart::Axes))?;
    // What goes along many neighbours at once is not cut into short rows.
    let longest = innermost(&x.extents).max(innermost(&y.extents));
    if x.folds.is_empty() && y.folds.is_empty() && innermost(&extents) < longest.min(SHORT) {
        return Err(reads.then_some(WhyApart::Axes));
    }
    let (x, y) = (over(x, &extents), over(y, &extents));
    if !reads && !share_a_load(&x, &y) {
        return Err(None);
    }
    fit_together(&x, &y, reads, &dropped).map_err(Some)?;
    let mut nest = append(&x, &y, &a.writes).ok_or(Some(WhyApart::Elsewhere))?;
    let mut kept = dropped.iter().map(|d| !d).chain(y.stores.iter().map(|_| true));
    nest.stores.retain(|_| kept.next().expect("one for each store"));
    let of_a = a.writes.iter().zip(&dropped).filter(|(_, d)| !**d).map(|(w, _)| *w);
    let writes: Vec<u32> = of_a.chain(b.writes.iter().copied()).collect();
    let nest = tidied(nest);
    if nest.exprs.len() > MAX_NODES {
        return Err(Some(WhyApart::Large));
    }
    if streams(s, &nest, &writes) > if holds_calls(&nest) { MAX_STREAMS_OF_CALLS } else { MAX_STREAMS } {
        return Err(Some(WhyApart::Streams));
    }
    let (name, src) = if dropped.iter().all(|d| *d) { (&b.name, b.src) } else { (&a.name, a.src) };
    let reads = reads_of(&nest);
    let kernel = Kernel { name: name.clone(), src, kind: Kind::Loop(nest), reads, writes, in_place: Vec::new() };
    if overwrites_early(s, &kernel) { Err(Some(WhyApart::Overwritten)) } else { Ok(kernel) }
}

fn innermost(extents: &[usize]) -> usize {
    extents.iter().rev().copied().find(|n| *n != 1).unwrap_or(1)
}

/// The coarsest extents that both ranges can be had as.
fn refined(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let mut out = Vec::new();
    let (mut a, mut b) = (a.iter().copied().filter(|n| *n != 1), b.iter().copied().filter(|n| *n != 1));
    let (mut x, mut y) = (1, 1);
    loop {
        x = if x == 1 { a.next().unwrap_or(1) } else { x };
        y = if y == 1 { b.next().unwrap_or(1) } else { y };
        let n = x.min(y);
        if x == 1 && y == 1 {
            return Some(out);
        }
        if n <= 1 || !x.is_multiple_of(n) || !y.is_multiple_of(n) {
            return None;
        }
        out.push(n);
        (x, y) = (x / n, y / n);
    }
}

/// The nest over other extents, of which its own are products.
fn over(nest: &Nest, extents: &[usize]) -> Nest {
    let mut axes: Vec<Ix> = Vec::new();
    let mut next = 0;
    for n in &nest.extents {
        let first = next;
        let mut have = 1;
        while have < *n {
            have *= extents[next];
            next += 1;
        }
        let ix: Vec<Ix> = (first..next).map(|d| Ix::axis(d as u32, extents[d])).collect();
        axes.push(ravel(&ix, &extents[first..next]));
    }
    let (mut exprs, rank) = (Exprs::default(), nest.extents.len() as u32);
    let shift = |id: u32| id - rank + extents.len() as u32;
    let mut axis = |atom: &Atom| match atom {
        Atom::Axis { id, .. } if *id < rank => Some(axes[*id as usize].clone()),
        Atom::Axis { id, extent } => Some(Ix::axis(shift(*id), *extent as usize)),
        _ => None,
    };
    let map = import(&mut exprs, (&nest.exprs, &all(&nest.exprs)), &mut axis, &mut |_| None);
    let of = |s: &Store| Store { value: map[&s.value], at: s.at.substitute(&mut axis) };
    let stores = nest.stores.iter().map(of).collect();
    let folds = nest.folds.iter().map(|f| Fold {
        item: map[&f.item],
        start: f.start.map(|e| map[&e]),
        axes: f.axes.iter().map(|(id, n)| (shift(*id), *n)).collect(),
        ..f.clone()
    });
    Nest { extents: extents.to_vec(), folds: folds.collect(), exprs, stores }
}

/// Whether both read an element that is another at every point; at a single point, any.
fn share_a_load(x: &Nest, y: &Nest) -> bool {
    let loads = |nest: &Nest| -> HashSet<(u32, Ix)> {
        let load = |e: Ex| match nest.exprs.node(e) {
            Node::Load { buffer, at } if nest.extents.is_empty() || !axes_of(at).is_empty() => {
                Some((*buffer, at.clone()))
            }
            _ => None,
        };
        needed(&nest.exprs, &nest.at_results()).into_iter().filter_map(load).collect()
    };
    !loads(x).is_disjoint(&loads(y))
}

/// Whether what cores are good at stays what it is, or is less than what is gained: what is `dropped` is neither stored nor loaded.
fn fit_together(x: &Nest, y: &Nest, reads: bool, dropped: &[bool]) -> Result<(), WhyApart> {
    if !x.folds.is_empty() && !y.folds.is_empty() && !reads {
        return Err(WhyApart::Folds);
    }
    let maps = x.folds.is_empty() && y.folds.is_empty();
    if maps && is_side_by_side(x) != is_side_by_side(y) {
        return Err(WhyApart::Strides);
    }
    // A few rows in all are written out whatever there is to them.
    let few = x.extents.iter().product::<usize>() <= WRITTEN_OUT;
    if maps && !few && !dropped.contains(&true) && x.extents.len() > 1 && innermost(&x.extents) < WRITTEN_OUT {
        return Err(WhyApart::Short);
    }
    // Blocks of a few registers hold no calls, and what they are for is lost in a loop that does.
    if maps && !dropped.contains(&true) && !x.extents.is_empty() && holds_calls(x) != holds_calls(y) {
        return Err(WhyApart::Calls);
    }
    Ok(())
}

/// Whether elementary functions are called that no instruction of a core is.
fn holds_calls(nest: &Nest) -> bool {
    called(nest).any(|op| op.fpu().is_none())
}

/// `y` behind `x`, over the same extents: what it reads of what `x` stores is what is stored. `None` where it reads another element
/// than that of the same point.
fn append(x: &Nest, y: &Nest, written: &[u32]) -> Option<Nest> {
    let mut exprs = x.exprs.clone();
    let rank = x.extents.len() as u32;
    let taken = x.folds.iter().flat_map(|f| &f.axes).map(|(id, _)| id + 1).max().unwrap_or(rank);
    let first_fold = x.folds.len() as u32;
    let shift = |id: u32| id - rank + taken;
    let mut axis = |atom: &Atom| match atom {
        Atom::Axis { id, extent } if *id >= rank => Some(Ix::axis(shift(*id), *extent as usize)),
        _ => None,
    };
    let mut elsewhere = false;
    let map = import(&mut exprs, (&y.exprs, &all(&y.exprs)), &mut axis, &mut |node| match node {
        Node::Load { buffer, at } => {
            let store = &x.stores[written.iter().position(|w| w == buffer)?];
            elsewhere |= store.at != *at;
            Some(Instead::Known(store.value))
        }
        Node::Folded(n) => Some(Instead::Other(Node::Folded(n + first_fold))),
        _ => None,
    });
    let folds = y.folds.iter().map(|f| Fold {
        item: map[&f.item],
        start: f.start.map(|e| map[&e]),
        axes: f.axes.iter().map(|(id, n)| (shift(*id), *n)).collect(),
        ..f.clone()
    });
    let folds = x.folds.iter().cloned().chain(folds).collect();
    let of_y = y.stores.iter().map(|s| Store { value: map[&s.value], at: s.at.clone() });
    let stores = x.stores.iter().cloned().chain(of_y).collect();
    (!elsewhere).then(|| Nest { extents: x.extents.clone(), exprs, folds, stores })
}

/// The nest without expressions that nothing needs.
fn tidied(nest: Nest) -> Nest {
    let mut exprs = Exprs::default();
    let map = import(&mut exprs, (&nest.exprs, &needed(&nest.exprs, &nest.roots())), &mut |_| None, &mut |_| None);
    let folds = nest.folds.iter().map(|f| Fold { item: map[&f.item], start: f.start.map(|e| map[&e]), ..f.clone() });
    let stores = nest.stores.iter().map(|s| Store { value: map[&s.value], at: s.at.clone() }).collect();
    Nest { folds: folds.collect(), extents: nest.extents, exprs, stores }
}

/// Arrays that the nest runs along, those in place of each other once.
fn streams(s: &Schedule, nest: &Nest, writes: &[u32]) -> usize {
    let storage = |b: u32| &s.buffers[b as usize].storage;
    let is_input = |b: u32| matches!(storage(b), Storage::Param(_));
    let in_place = |b: u32| is_input(b) && writes.iter().any(|w| storage(*w) == storage(b));
    let values: Vec<Ex> = nest.at_results();
    let loads: HashSet<(u32, &Ix)> = needed(&nest.exprs, &values)
        .into_iter()
        .filter_map(|e| match nest.exprs.node(e) {
            Node::Load { buffer, at } if !axes_of(at).is_empty() && !in_place(*buffer) => Some((*buffer, at)),
            _ => None,
        })
        .collect();
    loads.len() + writes.len()
}

/// Whether the memory of an input is written before all that was there has been read, or twice.
fn overwrites_early(s: &Schedule, kernel: &Kernel) -> bool {
    let storage = |b: u32| &s.buffers[b as usize].storage;
    let early = |w: u32| match storage(w) {
        Storage::Param(_) => {
            let mut over = kernel.reads.iter().filter(|r| storage(**r) == storage(w));
            !over.all(|r| read_in_step(kernel, *r, w))
        }
        _ => false,
    };
    let leaf = |w: u32| matches!(storage(w), Storage::Param(_) | Storage::Return(_));
    let twice = |n: usize, w: u32| leaf(w) && kernel.writes[..n].iter().any(|o| storage(*o) == storage(w));
    kernel.writes.iter().enumerate().any(|(n, w)| early(*w) || twice(n, *w))
}

#[cfg(test)]
mod tests {
    use crate::passes::optimise;
    use crate::schedule::fuse::{Wishes, fuse_as};
    use crate::schedule::plan::plan;
    use crate::schedule::program::{Dest, Program, Schedule, WhyApart};
    use crate::text::parse;

    /// The schedule of a program, the first of whose results go into the memory of its first inputs.
    fn schedule(text: &str, n_params: usize, unfused: bool) -> Schedule {
        let graph = optimise(&parse(text).unwrap());
        let mutable = (0..graph.inputs.len()).map(|n| n < n_params).collect();
        let dest = |n| if n < n_params { Dest::Param(n) } else { Dest::Return(n - n_params) };
        let dests = (0..graph.outputs.len()).map(dest).collect();
        let mut s = fuse_as(&Program { graph, mutable, dests }, Wishes { unfused, ..Wishes::default() });
        plan(&mut s);
        s
    }

    fn check(text: &str, n_params: usize, expect: expect_test::Expect) {
        expect.assert_eq(&schedule(text, n_params, false).to_string());
    }

    const ADAM: &str = "graph f(p: f32[8,3], m: f32[8,3], v: f32[8,3], x: f32[5,3], d: f32[5,8]) -> (p2, m2, v2) {
          g: f32[8,3] = dot_general[lhs_contract=(0), rhs_contract=(0), lhs_batch=(), rhs_batch=()] d x
          m2: f32[8,3] = add m g
          gg: f32[8,3] = mul g g
          v2: f32[8,3] = add v gg
          s: f32[8,3] = sqrt v2
          u: f32[8,3] = div m2 s
          p2: f32[8,3] = sub p u
        }";

    #[test]
    fn no_gradient_is_stored_for_two_moments() {
        check(
            ADAM,
            3,
            expect_test::expect![[r#"
            arena 0 B, largest live set 0 B
            add [8, 3] add over [5]: f32[8,3]@input 1, f32[8,3]@input 2, f32[5,8]@input 4, f32[5,3]@input 3 -> f32[8,3]@input 1, f32[8,3]@input 2
              in place of f32[8,3]@input 1
              in place of f32[8,3]@input 2
            sub [24]: f32[8,3]@input 0, f32[8,3]@input 1, f32[8,3]@input 2 -> f32[8,3]@input 0
              in place of f32[8,3]@input 0
            v6 is stored: it is a result
            v8 is stored: it is a result
            v11 is stored: it is a result
            v6 and v11 are two loops: sums of products are stored as they leave their registers
        "#]],
        );
    }

    #[test]
    fn unfused_loops_stay_apart() {
        let s = schedule(ADAM, 3, true);
        assert!(s.kernels.iter().all(|k| k.writes.len() == 1) && s.kernels.len() == 7, "{s}");
    }

    #[test]
    fn a_function_and_its_derivative_along_a_tangent_are_one_loop() {
        check(
            "graph f(x: f32[64], t: f32[64]) -> (a, b) {
              s: f32[64] = sin x
              e: f32[64] = exp x
              c: f32[64] = cos x
              a: f32[64] = mul s e
              ct: f32[64] = mul c t
              b: f32[64] = mul ct e
            }",
            0,
            expect_test::expect![[r#"
                arena 0 B, largest live set 0 B
                exp [64]: f32[64]@input 0, f32[64]@input 1 -> f32[64]@result 0, f32[64]@result 1
                v5 is stored: it is a result
                v7 is stored: it is a result
            "#]],
        );
    }

    #[test]
    fn a_loop_over_all_is_taken_apart_for_one_over_rows() {
        check(
            "graph f(x: f32[8,16], y: f32[16]) -> (a, c) {
              a: f32[8,16] = neg x
              b: f32[8,16] = broadcast_in_dim[shape=(8,16), dims=(1)] y
              c: f32[8,16] = add x b
            }",
            0,
            expect_test::expect![[r#"
                arena 0 B, largest live set 0 B
                neg [8, 16]: f32[8,16]@input 0, f32[16]@input 1 -> f32[8,16]@result 0, f32[8,16]@result 1
                v2 is stored: it is a result
                v4 is stored: it is a result
            "#]],
        );
    }

    #[test]
    fn rows_are_gone_through_once_for_sums_of_sums() {
        check(
            "graph f(x: f32[4,64]) -> (m, v) {
              m: f32[4] = reduce_sum[axes=(1)] x
              b: f32[4,64] = broadcast_in_dim[shape=(4,64), dims=(0)] m
              d: f32[4,64] = sub x b
              dd: f32[4,64] = mul d d
              v: f32[4] = reduce_sum[axes=(1)] dd
            }",
            0,
            expect_test::expect![[r#"
                arena 0 B, largest live set 0 B
                reduce_sum [4] add over [64] add over [64]: f32[4,64]@input 0 -> f32[4]@result 0, f32[4]@result 1
                v1 is stored: it is a result
                v5 is stored: it is a result
            "#]],
        );
    }

    #[test]
    fn every_reason_keeps_some_loops_apart() {
        let large: String = (0..170)
            .map(|n| format!("v{}: f32[8] = {} v{n} x\n", n + 1, if n % 2 == 0 { "mul" } else { "sub" }))
            .collect();
        let cases: [(WhyApart, usize, String); 12] = [
            (
                WhyApart::Axes,
                0,
                "graph f(x: f32[2,6], y: f32[6], z: f32[4]) -> (a, d) {
                  yy: f32[2,6] = broadcast_in_dim[shape=(2,6), dims=(1)] y
                  a: f32[2,6] = mul x yy
                  b: f32[3,4] = reshape[shape=(3,4)] a
                  zz: f32[3,4] = broadcast_in_dim[shape=(3,4), dims=(1)] z
                  d: f32[3,4] = add b zz
                }"
                .into(),
            ),
            (
                WhyApart::Elsewhere,
                0,
                "graph f(x: f32[8]) -> (a, c) {
                  r: f32[8] = rev[axes=(0)] x
                  a: f32[8] = sub x r
                  b: f32[8] = rev[axes=(0)] a
                  c: f32[8] = mul b x
                }"
                .into(),
            ),
            (
                WhyApart::Between,
                0,
                "graph f(x: f32[8]) -> (a, c) {
                  a: f32[8] = exp x
                  s: f32[] = reduce_sum[axes=(0)] a
                  b: f32[8] = broadcast_in_dim[shape=(8), dims=()] s
                  d: f32[8] = mul b a
                  c: f32[8] = exp d
                }"
                .into(),
            ),
            (
                WhyApart::Memory,
                0,
                "graph f(x: f32[64], w: f32[2,64]) -> (p, q) {
                  a: f32[64] = sin x
                  b: f32[64] = cos x
                  p: f32[2] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w a
                  q: f32[2] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w b
                }"
                .into(),
            ),
            (
                WhyApart::Product,
                0,
                "graph f(w: f32[8,3], x: f32[3]) -> (a, b) {
                  a: f32[8] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w x
                  b: f32[8] = exp a
                }"
                .into(),
            ),
            (
                WhyApart::Folds,
                0,
                "graph f(x: f32[8,3], y: f32[8]) -> (a, b) {
                  s: f32[8] = reduce_sum[axes=(1)] x
                  a: f32[8] = add s y
                  m: f32[8] = reduce_max[axes=(1)] x
                  b: f32[8] = mul m y
                }"
                .into(),
            ),
            (
                WhyApart::Strides,
                0,
                "graph f(x: f32[8,8], y: f32[8,8]) -> (a, b) {
                  a: f32[8,8] = neg x
                  t: f32[8,8] = transpose[perm=(1,0)] y
                  b: f32[8,8] = add x t
                }"
                .into(),
            ),
            (
                WhyApart::Short,
                0,
                "graph f(x: f32[8,9], y: f32[9]) -> (a, b) {
                  a: f32[8,9] = neg x
                  yy: f32[8,9] = broadcast_in_dim[shape=(8,9), dims=(1)] y
                  b: f32[8,9] = add x yy
                }"
                .into(),
            ),
            (
                WhyApart::Calls,
                0,
                "graph f(x: f32[8], y: f32[8]) -> (a, b) {
                  a: f32[8] = exp x
                  b: f32[8] = add x y
                }"
                .into(),
            ),
            (
                WhyApart::Streams,
                0,
                "graph f(x: f32[8], a: f32[8], b: f32[8], c: f32[8], d: f32[8]) -> (p, q) {
                  ax: f32[8] = add a x
                  p: f32[8] = mul ax b
                  cx: f32[8] = add c x
                  q: f32[8] = mul cx d
                }"
                .into(),
            ),
            (
                WhyApart::Large,
                0,
                format!("graph f(x: f32[8], v0: f32[8]) -> (a, v170) {{ a: f32[8] = neg x\n {large} }}"),
            ),
            (
                WhyApart::Overwritten,
                1,
                "graph f(p: f32[8], y: f32[8]) -> (a, b) {
                  ry: f32[8] = rev[axes=(0)] y
                  rp: f32[8] = rev[axes=(0)] p
                  a: f32[8] = add p ry
                  b: f32[8] = sub rp ry
                }"
                .into(),
            ),
        ];
        for (why, n_params, text) in cases {
            let s = schedule(&text, n_params, false);
            assert!(s.apart.iter().any(|a| a.why == why), "{why:?}\n{s}");
        }
    }
}
