//! Less memory for more work, on graphs: what loops keep for later loops is computed again, and values with many readers
//! are computed at each of them.
//!
//! Every rewrite computes the same values by the same equations, only more often or in another place, so it keeps every bit.
//! None is worth it for its own sake: `crate::schedule::budget` chooses among them. `cse` must not run behind them.

use std::collections::HashSet;
use std::rc::Rc;

use crate::graph::{Env, Graph, Var};
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::scan::index_aval;
use crate::ops::{Add, Gather, Mul, Reshape, Scan};
use crate::passes::dce;

/// A loop and a later loop over the same range that reads, iteration by iteration, what the first one kept.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Equation of the first loop.
    pub first: usize,
    /// Equation of the second.
    pub second: usize,
    /// Which of the stacked results of the first nothing but slices of the second reads, with their bytes.
    pub kept: Vec<(usize, usize)>,
}

/// All such pairs.
pub fn pairs(graph: &Graph) -> Vec<Pair> {
    let mut out = Vec::new();
    for (second, eqn) in graph.eqns.iter().enumerate() {
        let Some(later) = eqn.op.downcast::<Scan>().filter(|_| !eqn.op.has_effect()) else { continue };
        for (first, source) in graph.eqns[..second].iter().enumerate() {
            let Some(sooner) = source.op.downcast::<Scan>().filter(|s| s.length == later.length) else { continue };
            if source.op.has_effect() {
                continue;
            }
            let stacked = later.parts(&eqn.inputs).stacked;
            let only_there = |v: &Var| {
                let elsewhere = graph.outputs.contains(v)
                    || graph.eqns.iter().enumerate().any(|(n, e)| n != second && e.inputs.contains(v))
                    || eqn.inputs[..later.n_consts + later.n_carry].contains(v);
                stacked.contains(v) && !elsewhere
            };
            let ys = source.outputs[sooner.n_carry..].iter().enumerate();
            let kept: Vec<(usize, usize)> =
                ys.filter(|(_, v)| only_there(v)).map(|(n, v)| (n, graph.aval(*v).bytes())).collect();
            if !kept.is_empty() {
                out.push(Pair { first, second, kept });
            }
        }
    }
    out
}

/// The later loop computes the stacked results `dropped` of the first again, from what is left of what it kept, from the
/// slices and from what stays. `None` where that needs a carry that is not kept.
pub fn without_kept(graph: &Graph, pair: &Pair, dropped: &[usize]) -> Option<Graph> {
    let (first, second) = (&graph.eqns[pair.first], &graph.eqns[pair.second]);
    let (sooner, later) = (first.op.downcast::<Scan>()?, second.op.downcast::<Scan>()?);
    let (of_first, of_second) = (sooner.parts(&first.inputs), later.parts(&second.inputs));
    let ys = &first.outputs[sooner.n_carry..];
    let gone = |v: &Var| dropped.iter().any(|n| ys[*n] == *v);
    // The new loop: consts of both, carries of the second, its slices that are left, all that is kept, slices of the first.
    let left: Vec<Var> = of_second.stacked.iter().copied().filter(|v| !gone(v)).collect();
    let kept: Vec<(usize, Var)> = ys.iter().copied().enumerate().filter(|(n, _)| !dropped.contains(n)).collect();
    let mut body = Graph::new(&later.body.name);
    let index = body.input(&index_aval());
    let input = |body: &mut Graph, v: &Var, rows: bool| {
        let aval = graph.aval(*v);
        body.input(&if rows { aval.unbatched() } else { aval.clone() })
    };
    let consts: Vec<Var> = of_second.consts.iter().map(|v| input(&mut body, v, false)).collect();
    let again_consts: Vec<Var> = of_first.consts.iter().map(|v| input(&mut body, v, false)).collect();
    let carry: Vec<Var> = of_second.carry.iter().map(|v| input(&mut body, v, false)).collect();
    let rows: Vec<Var> = left.iter().map(|v| input(&mut body, v, true)).collect();
    let kept_rows: Vec<Var> = kept.iter().map(|(_, v)| input(&mut body, v, true)).collect();
    let again_rows: Vec<Var> = of_first.stacked.iter().map(|v| input(&mut body, v, true)).collect();
    // What is known of the first loop's body.
    let inner = &sooner.body;
    let mut env: Env<Var> = Env::new(inner);
    for ((n, _), row) in kept.iter().zip(&kept_rows) {
        env.set(inner.outputs[sooner.n_carry + n], *row);
    }
    let (of_index, rest) = inner.inputs.split_at(sooner.n_index());
    env.set_all(of_index, [index]);
    let own = sooner.parts(rest);
    env.set_all(own.consts, again_consts);
    env.set_all(own.stacked, again_rows);
    let mut again = Vec::new();
    for n in dropped {
        let v = inner.outputs[sooner.n_carry + n];
        compute(inner, &mut body, &mut env, v)?;
        again.push((ys[*n], env.get(v)));
    }
    let mut args: Vec<Var> = if later.indexed { vec![index] } else { Vec::new() };
    args.extend(consts.iter().chain(&carry));
    let mut rows = rows.into_iter();
    for v in of_second.stacked {
        args.push(match again.iter().find(|(u, _)| u == v) {
            Some((_, w)) => *w,
            None => rows.next()?,
        });
    }
    body.outputs = body.inline(&later.body, &args);
    let op = Scan {
        body: Rc::new(body),
        length: later.length,
        n_consts: of_second.consts.len() + of_first.consts.len(),
        n_carry: later.n_carry,
        reverse: later.reverse,
        indexed: true,
    };
    let ins: Vec<Var> = [of_second.consts, of_first.consts, of_second.carry, &left]
        .concat()
        .into_iter()
        .chain(kept.iter().map(|(_, v)| *v))
        .chain(of_first.stacked.iter().copied())
        .collect();
    let mut g = graph.clone();
    g.eqns[pair.second].op = op.into();
    g.eqns[pair.second].inputs = ins;
    Some(dce(&g))
}

/// Appends what computes `v` of `from`, up to what `env` has. `None` where an input of `from` is missing.
fn compute(from: &Graph, to: &mut Graph, env: &mut Env<Var>, v: Var) -> Option<()> {
    if env.find(v).is_some() {
        return Some(());
    }
    let eqn = from.eqns.iter().find(|e| e.outputs.contains(&v)).filter(|e| !e.op.has_effect())?;
    for u in &eqn.inputs {
        compute(from, to, env, *u)?;
    }
    to.src = eqn.src;
    let outs = to.bind(eqn.op.clone(), &env.get_all(&eqn.inputs));
    for (v, w) in eqn.outputs.iter().zip(outs) {
        if env.find(*v).is_none() {
            env.set(*v, w);
        }
    }
    Some(())
}

/// Both loops in runs of `k` iterations, of which the length is a multiple: the first keeps only the carries before each
/// run, the second lets the run go again before it goes through it. Memory for `length / k` carries and `k` iterations.
pub fn in_segments(graph: &Graph, pair: &Pair, k: usize) -> Option<Graph> {
    let (first, second) = (&graph.eqns[pair.first], &graph.eqns[pair.second]);
    let (sooner, later) = (first.op.downcast::<Scan>()?, second.op.downcast::<Scan>()?);
    let length = sooner.length;
    if k < 2 || k >= length || !length.is_multiple_of(k) {
        return None;
    }
    let runs = length / k;
    let kept: Vec<usize> = pair.kept.iter().map(|(n, _)| *n).collect();
    let of_first = sooner.parts(&first.inputs);
    let of_second = later.parts(&second.inputs);
    let ys = &first.outputs[sooner.n_carry..];
    let is_kept = |v: &Var| kept.iter().any(|n| ys[*n] == *v);
    let others: Vec<usize> = (0..ys.len()).filter(|n| !kept.contains(n)).collect();

    // The first loop: carries in front of every run, and what is read elsewhere.
    let mut body = Graph::new(&sooner.body.name);
    let run = Run::new(graph, &mut body, k, of_first.consts, of_first.stacked);
    let carry: Vec<Var> = of_first.carry.iter().map(|v| body.input(graph.aval(*v))).collect();
    let outs = run.one(&mut body, sooner, &run.consts, &carry, &run.rows, &others);
    body.outputs = [&outs[..], &carry].concat();
    let op = Scan {
        body: Rc::new(body),
        length: runs,
        n_consts: of_first.consts.len() + of_first.stacked.len(),
        n_carry: sooner.n_carry,
        reverse: sooner.reverse,
        indexed: true,
    };
    let (mut g, mut env) = copy_until(graph, pair.first);
    let ins = env.get_all(&[of_first.consts, of_first.stacked, of_first.carry].concat());
    let outs = g.bind(op, &ins);
    env.set_all(&first.outputs[..sooner.n_carry], outs[..sooner.n_carry].to_vec());
    for (n, v) in others.iter().zip(&outs[sooner.n_carry..]) {
        let flat = joined(&mut g, *v);
        env.set(ys[*n], flat);
    }
    let starts = outs[sooner.n_carry + others.len()..].to_vec();

    copy_between(graph, &mut g, &mut env, pair.first + 1, pair.second);

    // The second: each run again, then through it.
    let slices: Vec<Var> = of_second.stacked.iter().copied().filter(|v| !is_kept(v)).collect();
    let whole = [of_first.consts, of_first.stacked, of_second.consts, &slices].concat();
    let mut body = Graph::new(&later.body.name);
    let run = Run::new(graph, &mut body, k, &whole, &[]);
    let (again_consts, rest) = run.consts.split_at(of_first.consts.len());
    let (again_rows, rest) = rest.split_at(of_first.stacked.len());
    let (consts, slices) = rest.split_at(of_second.consts.len());
    let carry: Vec<Var> = of_second.carry.iter().map(|v| body.input(graph.aval(*v))).collect();
    let from: Vec<Var> = of_first.carry.iter().map(|v| body.input(graph.aval(*v))).collect();
    let again = run.one(&mut body, sooner, again_consts, &from, again_rows, &kept).split_off(sooner.n_carry);
    let mut slices = slices.iter();
    let stacked: Vec<Stacked> = of_second
        .stacked
        .iter()
        .map(|v| match kept.iter().position(|n| ys[*n] == *v) {
            Some(n) => Some(Stacked::OfRun(again[n])),
            None => slices.next().map(|w| Stacked::Whole(*w)),
        })
        .collect::<Option<_>>()?;
    let all: Vec<usize> = (0..second.outputs.len() - later.n_carry).collect();
    body.outputs = run.through(&mut body, later, consts, &carry, &stacked, &all);
    let op = Scan {
        body: Rc::new(body),
        length: runs,
        n_consts: whole.len(),
        n_carry: later.n_carry,
        reverse: later.reverse,
        indexed: true,
    };
    let ins: Vec<Var> = env.get_all(&[&whole[..], of_second.carry].concat()).into_iter().chain(starts).collect();
    g.src = second.src;
    let outs = g.bind(op, &ins);
    env.set_all(&second.outputs[..later.n_carry], outs[..later.n_carry].to_vec());
    for (v, w) in second.outputs[later.n_carry..].iter().zip(&outs[later.n_carry..]) {
        let flat = joined(&mut g, *w);
        env.set(*v, flat);
    }
    copy_between(graph, &mut g, &mut env, pair.second + 1, graph.eqns.len());
    g.outputs = env.get_all(&graph.outputs);
    Some(dce(&g))
}

/// A stacked operand of a loop over one run.
#[derive(Clone, Copy)]
enum Stacked {
    /// It has a slice per iteration of the run.
    OfRun(Var),
    /// It has a slice per iteration of the whole loop.
    Whole(Var),
}

/// The body of a loop over runs: its index, and values from outside that stay.
struct Run {
    k: usize,
    /// Number of the first iteration of the run.
    offset: Var,
    consts: Vec<Var>,
    rows: Vec<Var>,
}

impl Run {
    fn new(graph: &Graph, body: &mut Graph, k: usize, consts: &[Var], rows: &[Var]) -> Run {
        let index = body.input(&index_aval());
        let consts = consts.iter().map(|v| body.input(graph.aval(*v))).collect();
        let rows = rows.iter().map(|v| body.input(graph.aval(*v))).collect();
        let length = body.full(index_aval().dtype, &[], k as f64);
        let offset = body.bind1(Mul, &[index, length]);
        Run { k, offset, consts, rows }
    }

    /// `scan` over the run, whose slices all come from arrays of the whole loop.
    fn one(&self, g: &mut Graph, scan: &Scan, consts: &[Var], carry: &[Var], rows: &[Var], ys: &[usize]) -> Vec<Var> {
        let rows: Vec<Stacked> = rows.iter().copied().map(Stacked::Whole).collect();
        self.through(g, scan, consts, carry, &rows, ys)
    }

    /// `scan` over the run: its carries, and those of its stacked results that `ys` names.
    fn through(
        &self,
        g: &mut Graph,
        scan: &Scan,
        consts: &[Var],
        carry: &[Var],
        stacked: &[Stacked],
        ys: &[usize],
    ) -> Vec<Var> {
        let of_run: Vec<Var> =
            stacked.iter().filter_map(|s| if let Stacked::OfRun(v) = s { Some(*v) } else { None }).collect();
        let whole: Vec<Var> =
            stacked.iter().filter_map(|s| if let Stacked::Whole(v) = s { Some(*v) } else { None }).collect();
        let mut body = Graph::new(&scan.body.name);
        let index = body.input(&index_aval());
        let offset = body.input(&index_aval());
        let own_consts: Vec<Var> = consts.iter().map(|v| body.input(g.aval(*v))).collect();
        let own_whole: Vec<Var> = whole.iter().map(|v| body.input(g.aval(*v))).collect();
        let own_carry: Vec<Var> = carry.iter().map(|v| body.input(g.aval(*v))).collect();
        let own_run: Vec<Var> = of_run.iter().map(|v| body.input(&g.aval(*v).unbatched())).collect();
        let at = body.bind1(Add, &[index, offset]);
        let (mut own_whole, mut own_run) = (own_whole.into_iter(), own_run.into_iter());
        let rows: Vec<Var> = stacked
            .iter()
            .filter_map(|s| match s {
                Stacked::OfRun(_) => own_run.next(),
                Stacked::Whole(_) => own_whole.next().map(|v| row(&mut body, v, at)),
            })
            .collect();
        let mut args = if scan.indexed { vec![at] } else { Vec::new() };
        args.extend(own_consts.into_iter().chain(own_carry).chain(rows));
        let mut outs = body.inline(&scan.body, &args);
        let all = outs.split_off(scan.n_carry);
        outs.extend(ys.iter().map(|n| all[*n]));
        body.outputs = outs;
        let op = Scan {
            body: Rc::new(body),
            length: self.k,
            n_consts: 1 + consts.len() + whole.len(),
            n_carry: scan.n_carry,
            reverse: scan.reverse,
            indexed: true,
        };
        let ins: Vec<Var> = [&[self.offset], consts, &whole, carry, &of_run].concat();
        g.bind(op, &ins)
    }
}

/// Slice `at` along axis 0.
fn row(g: &mut Graph, x: Var, at: Var) -> Var {
    let shape = g.shape(x)[1..].to_vec();
    let dims = (0..=shape.len()).map(|d| if d == 0 { DimIx::index(0) } else { DimIx::window(d - 1) }).collect();
    let coords = Coords { dims, index_dims: vec![Vec::new()], shape, mode: IndexMode::Clip };
    g.bind1(Gather { coords }, &[x, at])
}

/// Axes 0 and 1 as one.
fn joined(g: &mut Graph, x: Var) -> Var {
    let shape = g.shape(x);
    let shape = [&[shape[0] * shape[1]], &shape[2..]].concat();
    g.bind1(Reshape { shape }, &[x])
}

/// A new graph with the equations in front of `end`.
fn copy_until(graph: &Graph, end: usize) -> (Graph, Env<Var>) {
    let mut g = Graph::new(&graph.name);
    let mut env: Env<Var> = Env::new(graph);
    for v in &graph.inputs {
        let w = g.input(graph.aval(*v));
        name_as(graph, &mut g, *v, w);
        env.set(*v, w);
    }
    copy_between(graph, &mut g, &mut env, 0, end);
    if let Some(eqn) = graph.eqns.get(end) {
        g.src = eqn.src;
    }
    (g, env)
}

fn copy_between(graph: &Graph, g: &mut Graph, env: &mut Env<Var>, from: usize, to: usize) {
    for eqn in &graph.eqns[from..to] {
        g.src = eqn.src;
        let outs = g.bind(eqn.op.clone(), &env.get_all(&eqn.inputs));
        for (v, w) in eqn.outputs.iter().zip(outs) {
            name_as(graph, g, *v, w);
            env.set(*v, w);
        }
    }
}

fn name_as(graph: &Graph, g: &mut Graph, v: Var, w: Var) {
    if let Some(name) = graph.var_name(v) {
        g.name_var(w, name);
    }
}

/// `v`, and what it is computed from up to values in `stored`, computed anew for every equation that reads it.
pub fn at_every_reader(graph: &Graph, v: Var, stored: &HashSet<Var>) -> Option<Graph> {
    let n_readers = graph.eqns.iter().filter(|e| e.inputs.contains(&v)).count();
    if n_readers < 2 || graph.outputs.contains(&v) {
        return None;
    }
    let (mut g, mut env) = copy_until(graph, 0);
    let mut left = n_readers;
    for (n, eqn) in graph.eqns.iter().enumerate() {
        if eqn.inputs.contains(&v) {
            left -= 1;
            // The first reader has the original.
            if left + 1 < n_readers {
                let mut own: Env<Var> = Env::new(graph);
                for u in (0..graph.n_vars() as u32).map(Var).filter(|u| *u != v) {
                    let is_source = stored.contains(&u) || graph.inputs.contains(&u);
                    if let Some(w) = env.find(u).filter(|_| is_source) {
                        own.set(u, *w);
                    }
                }
                compute(graph, &mut g, &mut own, v)?;
                env.set(v, own.get(v));
            }
        }
        copy_between(graph, &mut g, &mut env, n, n + 1);
    }
    g.outputs = env.get_all(&graph.outputs);
    Some(dce(&g))
}
