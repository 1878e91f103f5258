//! Chains of windows in strips of rows: convolutions and pooling one after the other, of which no result but the last is ever
//! whole; not even that one where only a fold reads it, which goes on from strip to strip ([`super::parts`]).
//!
//! Before: every equation makes its whole result. After: a loop makes, in each turn, some rows of the last result, from as many
//! rows of the ones before as its windows reach. Rows that the windows of two turns reach are computed in both: that is the
//! price. Or those rows are kept for the next turn; then some turns run in front of the first, of which nothing is left but rows
//! that are kept. Every element is computed as before, so every bit stays.
//!
//! [`super::strips`] does without the price where slices are computed from slices alone; here an equation says which rows it
//! needs ([`crate::ops::Primitive::rows`]).

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::graph::{Aval, Env, Eqn, Graph, Var};
use crate::ops::indexing::{Coords, DimIx, IndexMode};
use crate::ops::scan::index_aval;
use crate::ops::scatter::Combine;
use crate::ops::{
    Add, And, BroadcastInDim, Compare, CompareOp, Concatenate, Convert, Gather, Iota, Mul, Op, Reshape, Scan, Scatter,
    Select, Slice,
};
use crate::passes::dce;
use crate::passes::parts::{InParts, Part, from_turn};
use crate::passes::strips::{Strip, replaced};

/// The rows that a turn needs of a value: `len` of them from row `turn * step + first` on. Some may lie outside of the value;
/// there they are anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rows {
    /// Rows from one turn to the next.
    pub step: usize,
    /// The first of turn 0.
    pub first: i64,
    /// How many.
    pub len: usize,
}

impl Rows {
    /// The rows that windows reach which begin every `stride` rows, span so many, and have `lo` rows of padding in front.
    pub fn of_windows(&self, stride: usize, span: usize, lo: i64) -> Rows {
        let len = (self.len - 1) * stride + span;
        Rows { step: self.step * stride, first: self.first * stride as i64 - lo, len }
    }

    /// Whether all of them are among the `extent` rows of the value, in each of so many turns.
    pub fn lie_within(&self, extent: usize, turns: usize) -> bool {
        let end = (turns - 1) as i64 * self.step as i64 + self.first + self.len as i64;
        self.first >= 0 && end <= extent as i64
    }

    /// These rows, those, and the ones between; `None` if they go apart from turn to turn.
    fn with(&self, other: &Rows) -> Option<Rows> {
        let first = self.first.min(other.first);
        let end = (self.first + self.len as i64).max(other.first + other.len as i64);
        (self.step == other.step).then_some(Rows { step: self.step, first, len: (end - first) as usize })
    }
}

/// How rows of a result are computed from rows of the operands.
#[derive(Clone, Debug)]
pub struct OfRows {
    /// What computes them.
    pub op: Op,
    /// Per operand, the axis whose rows are needed, and which; `None` where all of it is.
    pub along: Vec<Option<(usize, Rows)>>,
    /// Whether the number of the turn is one more operand.
    pub turn: bool,
    /// What stands for rows of operand 0 that lie outside of it, if that matters.
    pub outside: Option<Scalar>,
}

impl OfRows {
    /// Rows from the same rows.
    pub fn of_strip(strip: Strip, rows: Rows) -> Option<OfRows> {
        let along = strip.along.into_iter().map(|a| a.map(|a| (a, rows))).collect();
        Some(OfRows { op: strip.op, along, turn: false, outside: None })
    }
}

/// A graph in which chains are looked for.
#[derive(Debug)]
pub struct Surroundings<'a> {
    graph: &'a Graph,
    /// Values that have memory of their own.
    stored: &'a HashSet<Var>,
    readers: HashMap<Var, Vec<usize>>,
}

impl Surroundings<'_> {
    /// What is known of a graph whose values in `stored` have memory of their own.
    pub fn of<'a>(graph: &'a Graph, stored: &'a HashSet<Var>) -> Surroundings<'a> {
        let mut readers: HashMap<Var, Vec<usize>> = HashMap::new();
        for (k, eqn) in graph.eqns.iter().enumerate() {
            eqn.inputs.iter().for_each(|v| readers.entry(*v).or_default().push(k));
        }
        Surroundings { graph, stored, readers }
    }
}

/// What a chain is to be like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What it ends with.
    pub end: Var,
    /// The axis of that which is cut into strips.
    pub axis: usize,
    /// Into how many.
    pub strips: usize,
    /// How many stored values may lie one behind the other.
    pub depth: usize,
    /// Whether rows that two turns need are kept.
    pub keeps: bool,
    /// The position of a fold of nothing but `end`, along the axis among others, which goes on from turn to turn.
    pub fold: Option<usize>,
}

/// Equations that lead to a value, in strips of its rows.
#[derive(Clone, Debug)]
pub struct Chain {
    strips: usize,
    /// Turns in front of the first, for the rows that it finds kept.
    early: usize,
    members: Vec<Member>,
    /// Positions of the equations that have no place outside of the loop any more.
    inside: HashSet<usize>,
    /// The axis of each value along which its rows are, and the rows that a turn needs.
    rows: HashMap<Var, (usize, Rows)>,
    /// What is stored whole.
    whole: Vec<Var>,
    /// Of what rows go from turn to turn: all that a turn needs, of which the last ones are new.
    kept: HashSet<Var>,
    /// The fold at the end.
    fold: Option<FoldedRows>,
}

/// A fold that goes on from turn to turn.
#[derive(Clone, Debug)]
struct FoldedRows {
    eqn: usize,
    parts: InParts,
    of: Var,
}

impl FoldedRows {
    /// What goes from turn to turn, and what it is before the first.
    fn begin(&self, graph: &Graph) -> (Aval, Scalar) {
        self.parts.begin(&[graph.aval(self.of)], graph.aval(graph.eqns[self.eqn].outputs[0]))
    }
}

/// An equation of a chain; the last one comes first.
#[derive(Clone, Debug)]
struct Member {
    eqn: usize,
    of: OfRows,
    /// Rows that it computes in a turn.
    n: usize,
}

impl Chain {
    /// The chain of this shape; `None` where there is none.
    pub fn of(around: &Surroundings<'_>, shape: Shape) -> Option<Chain> {
        let chain = Chain::after(around, shape, 0)?;
        if !shape.keeps {
            return Some(chain);
        }
        // What the first turn finds kept has been computed as new in as many turns before it.
        let before = |v: &Var| {
            let rows = &chain.rows[v].1;
            let ahead = (rows.first + rows.len as i64 - rows.step as i64).max(0) as usize;
            ahead.div_ceil(rows.step.max(1))
        };
        let early = chain.kept.iter().map(before).max().filter(|n| 2 * n <= shape.strips)?;
        if early == 0 { Some(chain) } else { Chain::after(around, shape, early) }
    }

    fn after(around: &Surroundings<'_>, shape: Shape, early: usize) -> Option<Chain> {
        let Surroundings { graph, stored, readers } = around;
        let Shape { end, axis, strips, depth, keeps, fold } = shape;
        let own = |v: Var, axis: usize| {
            let extent = graph.shape(v)[axis];
            let step = extent / strips;
            let first = -((early * step) as i64);
            extent.is_multiple_of(strips).then_some(Rows { step, first, len: step })
        };
        let turns = strips + early;
        let folded = |k: usize| {
            let eqn = &graph.eqns[k];
            let of_end = eqn.inputs == [end] && eqn.outputs.len() == 1;
            let parts = of_end.then(|| eqn.op.in_parts(&[graph.aval(end)], &[Some(axis)])).flatten();
            parts.map(|parts| FoldedRows { eqn: k, parts, of: end })
        };
        let fold = match fold {
            Some(k) => Some(folded(k)?),
            None => None,
        };
        let mut chain = Chain {
            strips,
            early,
            members: Vec::new(),
            inside: fold.iter().map(|f| f.eqn).collect(),
            fold,
            rows: HashMap::from([(end, (axis, own(end, axis).filter(|r| strips > 1 && r.step > 0)?))]),
            whole: Vec::new(),
            kept: HashSet::new(),
        };
        // How many stored values lie behind each, on the longest way.
        let mut behind: HashMap<Var, usize> = HashMap::from([(end, 0)]);
        let mut as_a_whole: HashSet<Var> = HashSet::new();
        for (k, eqn) in graph.eqns.iter().enumerate().rev() {
            let [v] = eqn.outputs[..] else { continue };
            let Some(n) = behind.get(&v).copied() else { continue };
            let Some((axis, mut rows)) = chain.rows.get(&v).copied() else { continue };
            if n >= depth || as_a_whole.contains(&v) || eqn.op.has_effect() {
                continue;
            }
            let is_stored = stored.contains(&v);
            let elsewhere = graph.outputs.contains(&v)
                || readers.get(&v).is_some_and(|ks| ks.iter().any(|k| !chain.inside.contains(k)));
            if elsewhere && is_stored {
                let Some(both) = own(v, axis).and_then(|own| rows.with(&own)) else { continue };
                rows = both;
            }
            // The rows that are new in a turn.
            let mut new = rows;
            if keeps && is_stored && rows.len > rows.step && rows.step > 0 {
                new = Rows { first: rows.first + (rows.len - rows.step) as i64, len: rows.step, ..rows };
            }
            let ins: Vec<_> = eqn.inputs.iter().map(|u| graph.aval(*u)).collect();
            let Some(of) = eqn.op.rows(&ins, axis, new, turns) else { continue };
            chain.rows.insert(v, (axis, rows));
            if new != rows {
                chain.kept.insert(v);
            }
            if elsewhere && is_stored {
                chain.whole.push(v);
            }
            for (u, along) in eqn.inputs.iter().zip(&of.along) {
                let far = behind.entry(*u).or_default();
                *far = (*far).max(n + usize::from(stored.contains(u)));
                let Some((a, needed)) = along else {
                    as_a_whole.insert(*u);
                    continue;
                };
                let all = match chain.rows.get(u) {
                    Some((b, _)) if b != a => return None,
                    Some((_, rows)) => rows.with(needed)?,
                    None => *needed,
                };
                chain.rows.insert(*u, (*a, all));
            }
            chain.members.push(Member { eqn: k, of, n: new.len });
            // What costs nothing is made in the loop and outside of it.
            if !elsewhere || is_stored {
                chain.inside.insert(k);
            }
        }
        let reaches = chain.rows.values().any(|(_, rows)| rows.len > rows.step);
        let ends = chain.fold.is_some() || chain.whole.first() == Some(&end);
        (reaches && ends).then_some(chain)
    }

    fn turns(&self) -> usize {
        self.strips + self.early
    }

    /// Of which values there are only some rows at a time.
    pub fn parts(&self, graph: &Graph) -> HashSet<Var> {
        let made = self.members.iter().map(|m| graph.eqns[m.eqn].outputs[0]);
        made.filter(|v| !self.whole.contains(v)).collect()
    }

    /// Bytes that live at once while the loop runs, roughly, and operations that it adds.
    pub fn price(&self, graph: &Graph, stored: &HashSet<Var>) -> (usize, u64) {
        let row = |v: Var| graph.aval(v).bytes() / graph.shape(v)[self.rows[&v].0].max(1);
        let made: HashSet<Var> = self.members.iter().map(|m| graph.eqns[m.eqn].outputs[0]).collect();
        let (mut before, mut most, mut flops) = (0, 0, 0u64);
        let mut sources: HashSet<Var> = HashSet::new();
        for Member { eqn, of, n } in &self.members {
            let eqn = &graph.eqns[*eqn];
            let v = eqn.outputs[0];
            let (axis, rows) = self.rows[&v];
            let extent = graph.shape(v)[axis].max(1) as u64;
            let ins: Vec<_> = eqn.inputs.iter().map(|u| graph.aval(*u)).collect();
            flops += eqn.op.flops(&ins) * ((n * self.turns()) as u64).saturating_sub(extent) / extent;
            if stored.contains(&v) && !self.kept.contains(&v) {
                let strip = row(v) * rows.len;
                most = most.max(before + strip);
                before = strip;
            }
            let outside = |(u, along): &(&Var, &Option<(usize, Rows)>)| along.is_some() && !made.contains(u);
            sources.extend(eqn.inputs.iter().zip(&of.along).filter(outside).map(|(u, _)| *u));
        }
        let stays = self.whole.iter().chain(sources.iter().filter(|u| stored.contains(u)));
        let kept: usize = self.kept.iter().map(|v| row(*v) * self.rows[v].1.len).sum();
        let kept = kept + self.fold.as_ref().map_or(0, |f| f.begin(graph).0.bytes());
        (stays.map(|v| graph.aval(*v).bytes()).sum::<usize>() + kept + most, flops)
    }

    /// The graph with the chain as a loop. `None` where something outside would have to run in the middle of it.
    pub fn as_loop(&self, graph: &Graph, stored: &HashSet<Var>) -> Option<Graph> {
        let defs: HashMap<Var, usize> =
            graph.eqns.iter().enumerate().flat_map(|(k, e)| e.outputs.iter().map(move |v| (*v, k))).collect();
        let mut body = Graph::new(&graph.name);
        let turn = body.fresh(index_aval());
        let mut kept: Vec<Var> = self.kept.iter().copied().collect();
        kept.sort_unstable();
        let of_rows = |v: &Var| {
            let mut aval = graph.aval(*v).clone();
            let (axis, rows) = self.rows[v];
            aval.shape[axis] = rows.len;
            aval
        };
        let held: Vec<Var> = kept.iter().map(|v| body.fresh(of_rows(v))).collect();
        let mut b = Builder {
            graph,
            chain: self,
            stored,
            defs: &defs,
            members: self.members.iter().map(|m| (graph.eqns[m.eqn].outputs[0], m)).collect(),
            body,
            turn,
            held: kept.iter().copied().zip(held.iter().copied()).collect(),
            consts: Vec::new(),
            starts: HashMap::new(),
            made: HashMap::new(),
            all: HashMap::new(),
        };
        // What has nothing in front of the axis is stacked; the rest is put together in what goes from turn to turn.
        let in_front = |v: &Var| graph.shape(*v)[..self.rows[v].0].iter().product::<usize>();
        let (stacked, carried): (Vec<Var>, Vec<Var>) =
            self.whole.iter().partition(|v| self.early == 0 && in_front(v) == 1);
        let wholes: Vec<Var> = carried.iter().map(|v| b.body.fresh(graph.aval(*v).clone())).collect();
        let mut outputs = Vec::new();
        for (v, carry) in carried.iter().zip(&wholes) {
            let (axis, rows) = b.own(*v);
            let strip = b.part(*v, axis, &rows)?;
            // Early turns put nothing there.
            let mode = if self.early > 0 { IndexMode::Drop } else { IndexMode::Clip };
            let start = b.number(rows.step, rows.first);
            let op = Scatter { coords: b.coords(*carry, axis, rows.len, mode), combine: Combine::Set };
            outputs.push(b.body.bind1(op, &[*carry, start, strip]));
        }
        for v in &kept {
            outputs.push(b.value(*v)?);
        }
        for v in &stacked {
            let (axis, rows) = b.own(*v);
            let strip = b.part(*v, axis, &rows)?;
            let shape = b.body.shape(strip)[axis..].to_vec();
            outputs.push(b.body.bind1(Reshape { shape }, &[strip]));
        }
        let mut so_far = None;
        if let Some(f) = &self.fold {
            let (axis, rows) = b.own(f.of);
            let strip = b.part(f.of, axis, &rows)?;
            let start = b.number(rows.step, rows.first);
            let when = (self.early > 0).then(|| from_turn(&mut b.body, b.turn, self.early));
            let w = b.body.fresh(f.begin(graph).0);
            b.body.src = graph.eqns[f.eqn].src;
            let next = f.parts.go_on(&mut b.body, w, &[strip], Part { start, when });
            outputs.insert(carried.len() + kept.len(), next);
            so_far = Some(w);
        }
        let Builder { mut body, turn, consts, .. } = b;
        body.inputs = [turn].into_iter().chain(consts.iter().map(|(_, w)| *w)).chain(wholes).chain(held).collect();
        body.inputs.extend(so_far);
        body.outputs = outputs;
        let op = Scan {
            body: Rc::new(dce(&body)),
            length: self.turns(),
            n_consts: consts.len(),
            n_carry: carried.len() + kept.len() + usize::from(self.fold.is_some()),
            reverse: false,
            indexed: true,
        };
        let needs: Vec<Var> = consts.iter().map(|(v, _)| *v).collect();
        let n_consts = needs.len();
        let put = |g: &mut Graph, env: &mut Env<Var>, _: &HashMap<Var, Var>| {
            let mut ins: Vec<Var> = env.get_all(&needs);
            ins.extend(carried.iter().map(|v| g.zeros(graph.aval(*v))));
            ins.extend(kept.iter().map(|v| g.zeros(&of_rows(v))));
            if let Some((aval, init)) = self.fold.as_ref().map(|f| f.begin(graph)) {
                ins.push(g.constant(Array::full(&aval, init)));
            }
            let outs = g.bind(op, &ins);
            let n_carry = ins.len() - n_consts;
            if let Some(f) = &self.fold {
                g.src = graph.eqns[f.eqn].src;
                let whole = f.parts.end(g, outs[n_carry - 1]);
                env.set(graph.eqns[f.eqn].outputs[0], whole);
            }
            for (v, w) in carried.iter().zip(&outs) {
                env.set(*v, *w);
            }
            for (v, w) in stacked.iter().zip(&outs[n_carry..]) {
                let shape = graph.shape(*v).to_vec();
                let whole = g.bind1(Reshape { shape }, &[*w]);
                env.set(*v, whole);
            }
        };
        Some(dce(&replaced(graph, &self.inside, &needs, &|_| None, put)?))
    }
}

/// Builds the body of the loop.
struct Builder<'a> {
    graph: &'a Graph,
    chain: &'a Chain,
    stored: &'a HashSet<Var>,
    defs: &'a HashMap<Var, usize>,
    members: HashMap<Var, &'a Member>,
    body: Graph,
    turn: Var,
    /// Rows of the turn before, of which the last ones are kept.
    held: HashMap<Var, Var>,
    /// What comes from outside, and what it is inside.
    consts: Vec<(Var, Var)>,
    /// `turn * step + first`, which is not below zero.
    starts: HashMap<(usize, i64), Var>,
    /// The rows of each value.
    made: HashMap<Var, Var>,
    /// Values that are there as a whole.
    all: HashMap<Var, Var>,
}

impl Builder<'_> {
    /// The rows of `v` that no other turn is asked for.
    fn own(&self, v: Var) -> (usize, Rows) {
        let (axis, _) = self.chain.rows[&v];
        let step = self.graph.shape(v)[axis] / self.chain.strips;
        (axis, Rows { step, first: -((self.chain.early * step) as i64), len: step })
    }

    fn start(&mut self, step: usize, first: i64) -> Var {
        if let Some(w) = self.starts.get(&(step, first)) {
            return *w;
        }
        let mut w = self.turn;
        let count = |body: &mut Graph, n: f64| body.full(index_aval().dtype, &[], n);
        if step != 1 {
            let step = count(&mut self.body, step as f64);
            w = self.body.bind1(Mul, &[w, step]);
        }
        if first != 0 {
            let first = count(&mut self.body, first as f64);
            w = self.body.bind1(Add, &[w, first]);
        }
        self.starts.insert((step, first), w);
        w
    }

    /// `turn * step + first`, which may be below zero.
    fn number(&mut self, step: usize, first: i64) -> Var {
        if first >= 0 {
            return self.start(step, first);
        }
        let start = self.start(step, 0);
        let start = self.body.bind1(Convert { dtype: DType::I32 }, &[start]);
        let first = self.body.full(DType::I32, &[], first as f64);
        self.body.bind1(Add, &[start, first])
    }

    /// Where `n` rows along axis `a` of `x` lie, from an index on.
    fn coords(&self, x: Var, a: usize, n: usize, mode: IndexMode) -> Coords {
        let mut shape = self.body.shape(x).to_vec();
        shape[a] = n;
        let dims = (0..shape.len()).map(|d| if d == a { DimIx::slice(0, d) } else { DimIx::window(d) }).collect();
        Coords { dims, index_dims: vec![Vec::new()], shape, mode }
    }

    /// The numbers of the rows, those outside included.
    fn numbers(&mut self, rows: &Rows) -> Var {
        let start = self.start(rows.step, 0);
        let start = self.body.bind1(Convert { dtype: DType::I32 }, &[start]);
        let aval = index_aval().with_dtype(DType::I32);
        let shape = vec![rows.len];
        let start = self.body.bind1(BroadcastInDim { shape: shape.clone(), dims: Vec::new() }, &[start]);
        let count = self.body.bind1(Iota { aval: Aval { shape, ..aval }, dimension: 0 }, &[]);
        let first = self.body.full(DType::I32, &[rows.len], rows.first as f64);
        let count = self.body.bind1(Add, &[count, first]);
        self.body.bind1(Add, &[start, count])
    }

    /// Some of the rows that there are of `v`.
    fn part(&mut self, v: Var, axis: usize, rows: &Rows) -> Option<Var> {
        let w = self.value(v)?;
        let (a, all) = self.chain.rows[&v];
        if a != axis || all.step != rows.step {
            return None;
        }
        if all == *rows {
            return Some(w);
        }
        let from = usize::try_from(rows.first - all.first).ok()?;
        let op = Slice::along(self.body.aval(w), axis, from, from + rows.len);
        Some(self.body.bind1(op, &[w]))
    }

    /// The rows of a value.
    fn value(&mut self, v: Var) -> Option<Var> {
        if let Some(w) = self.made.get(&v) {
            return Some(*w);
        }
        let (axis, rows) = self.chain.rows[&v];
        let w = match self.members.get(&v).copied() {
            Some(m) => {
                let new = self.computed(&self.graph.eqns[m.eqn], &m.of)?;
                match self.held.get(&v) {
                    Some(before) => {
                        let kept = Slice::along(self.body.aval(*before), axis, rows.step, rows.len);
                        let kept = self.body.bind1(kept, &[*before]);
                        self.body.try_bind(Concatenate { axis }, &[kept, new]).ok()?[0]
                    }
                    None => new,
                }
            }
            None => {
                let x = self.whole(v)?;
                self.rows_of(x, axis, &rows)
            }
        };
        let mut shape = self.graph.shape(v).to_vec();
        shape[axis] = rows.len;
        if self.body.shape(w) != shape {
            return None;
        }
        self.made.insert(v, w);
        Some(w)
    }

    fn computed(&mut self, eqn: &Eqn, of: &OfRows) -> Option<Var> {
        let mut ins = Vec::new();
        for (n, (u, along)) in eqn.inputs.iter().zip(&of.along).enumerate() {
            ins.push(match along {
                None => self.whole(*u)?,
                Some((a, rows)) => {
                    let w = self.part(*u, *a, rows)?;
                    match of.outside.filter(|_| n == 0) {
                        Some(x) => self.masked(w, *a, rows, self.graph.shape(*u)[*a], x),
                        None => w,
                    }
                }
            });
        }
        if of.turn {
            ins.push(self.turn);
        }
        self.body.src = eqn.src;
        let w = self.body.try_bind(of.op.clone(), &ins).ok()?[0];
        if let Some(name) = self.graph.var_name(eqn.outputs[0]) {
            self.body.name_var(w, name);
        }
        Some(w)
    }

    /// `x` with `fill` in the rows that lie outside of the `extent` that there are.
    fn masked(&mut self, x: Var, a: usize, rows: &Rows, extent: usize, fill: Scalar) -> Var {
        let aval = self.body.aval(x).clone();
        let numbers = self.numbers(rows);
        let bound = |body: &mut Graph, n: usize| body.full(DType::I32, &[rows.len], n as f64);
        let (zero, end) = (bound(&mut self.body, 0), bound(&mut self.body, extent));
        let from = self.body.bind1(Compare { op: CompareOp::Ge }, &[numbers, zero]);
        let to = self.body.bind1(Compare { op: CompareOp::Lt }, &[numbers, end]);
        let there = self.body.bind1(And, &[from, to]);
        let spread = BroadcastInDim { shape: aval.shape.clone(), dims: vec![a] };
        let there = self.body.bind1(spread, &[there]);
        let fill = self.body.constant(Array::full(&aval, fill));
        self.body.bind1(Select, &[there, x, fill])
    }

    /// Rows of something that is there as a whole; for those outside, the nearest.
    fn rows_of(&mut self, x: Var, a: usize, rows: &Rows) -> Var {
        if rows.lie_within(self.body.shape(x)[a], self.chain.turns()) {
            let start = self.start(rows.step, rows.first);
            let coords = self.coords(x, a, rows.len, IndexMode::Clip);
            return self.body.bind1(Gather { coords }, &[x, start]);
        }
        let numbers = self.numbers(rows);
        let mut shape = self.body.shape(x).to_vec();
        shape[a] = rows.len;
        let dims = (0..shape.len()).map(|d| if d == a { DimIx::index(0) } else { DimIx::window(d) }).collect();
        let coords = Coords { dims, index_dims: vec![vec![a]], shape, mode: IndexMode::Clip };
        self.body.bind1(Gather { coords }, &[x, numbers])
    }

    /// All of a value.
    fn whole(&mut self, v: Var) -> Option<Var> {
        if let Some(w) = self.all.get(&v) {
            return Some(*w);
        }
        let w = match self.defs.get(&v) {
            Some(k) if self.chain.inside.contains(k) => return None,
            Some(k) if !self.stored.contains(&v) => {
                let eqn = &self.graph.eqns[*k];
                if eqn.op.has_effect() || eqn.outputs.len() != 1 {
                    return None;
                }
                let ins: Vec<Var> = eqn.inputs.iter().map(|u| self.whole(*u)).collect::<Option<_>>()?;
                self.body.src = eqn.src;
                self.body.try_bind(eqn.op.clone(), &ins).ok()?[0]
            }
            _ => {
                let w = self.body.fresh(self.graph.aval(v).clone());
                self.consts.push((v, w));
                w
            }
        };
        self.all.insert(v, w);
        Some(w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::eval;
    use crate::ops::laws::Rng;
    use crate::ops::reduce_window::WindowOp;
    use crate::ops::windows::Windows;
    use crate::ops::{ConvGeneralDilated, Max, ReduceMax, ReduceSum, ReduceWindow};

    /// Numbers that are the same every time.
    struct Draw(u64);

    impl Draw {
        fn below(&mut self, n: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % n
        }
    }

    /// A chain of convolutions and pools with what stands between them in networks.
    fn network(seed: usize) -> Graph {
        let mut d = Draw(seed as u64);
        let mut g = Graph::new("network");
        let shape = [1, [4, 6, 8, 12][d.below(4)], 2 + d.below(3), 1 + d.below(3)];
        let mut x = g.input(&Aval::new(DType::F32, &shape));
        for _ in 0..2 + d.below(4) {
            let shape = g.shape(x).to_vec();
            let (window, stride) = ([1 + d.below(3), 1 + d.below(2)], [1 + d.below(2), 1]);
            let pad = |d: &mut Draw| (0..2).map(|s| d.below(window[s]) as i64).collect::<Vec<i64>>();
            let (lo, hi) = (pad(&mut d), pad(&mut d));
            let before = x;
            let made = if d.below(3) > 0 {
                let depthwise = d.below(4) == 0;
                let (groups, features) = if depthwise { (shape[3], shape[3]) } else { (1, 1 + d.below(3)) };
                let aval = Aval::new(DType::F32, &[window[0], window[1], shape[3] / groups, features]);
                let w = g.input(&aval);
                let op = ConvGeneralDilated {
                    window_strides: stride.to_vec(),
                    lo,
                    hi,
                    feature_group_count: groups,
                    ..ConvGeneralDilated::plain(2).channels_last()
                };
                g.try_bind(op, &[x, w])
            } else {
                let spread = |list: &[i64]| vec![0, list[0], list[1], 0];
                let windows = Windows {
                    lo: spread(&lo),
                    hi: spread(&hi),
                    ..Windows::new(&[1, window[0], window[1], 1], &[1, stride[0], stride[1], 1])
                };
                let op = [WindowOp::Sum, WindowOp::Max, WindowOp::Min][d.below(3)];
                g.try_bind(ReduceWindow { op, windows }, &[x])
            };
            let y = made.unwrap()[0];
            if g.aval(y).size() == 0 {
                break;
            }
            x = y;
            if d.below(2) == 0 {
                let features = g.shape(x)[3];
                let b = g.input(&Aval::new(DType::F32, &[features]));
                let b = g.bind1(BroadcastInDim { shape: g.shape(x).to_vec(), dims: vec![3] }, &[b]);
                x = g.bind1(Add, &[x, b]);
                let zero = g.zeros(&g.aval(x).clone());
                x = g.bind1(Max, &[x, zero]);
            }
            if g.aval(before) == g.aval(x) && d.below(2) == 0 {
                x = g.bind1(Add, &[x, before]);
            }
        }
        // Half of them end with a fold over what the chain makes.
        if seed % 2 == 1 {
            let axes = vec![0, 1, 2];
            x = match d.below(3) {
                0 => g.bind1(ReduceMax { axes }, &[x]),
                _ => g.bind1(ReduceSum { axes }, &[x]),
            };
        }
        g.outputs = vec![x];
        g
    }

    fn same(a: &Array, b: &Array) -> bool {
        let bits = |x: &Scalar| if x.to_f64().is_nan() { u64::MAX } else { x.to_f64().to_bits() };
        a.aval() == b.aval() && a.data().iter().map(bits).eq(b.data().iter().map(bits))
    }

    /// Every chain of every network, at values that are no numbers among others.
    #[test]
    fn a_loop_over_rows_computes_the_same_bits() {
        let (mut n_loops, mut n_edges, mut n_kept, mut n_folds) = (0, 0, 0, 0);
        for seed in 0..18 {
            let g = network(seed);
            let mut rng = Rng::new();
            let mut args: Vec<Array> = g.in_avals().iter().map(|a| rng.array(a)).collect();
            if seed % 3 == 0 {
                let last = args.len() - 1;
                let aval = args[last].aval().clone();
                let mut data = args[last].data().to_vec();
                data[0] = Scalar::F32(f32::INFINITY);
                args[last] = Array::new(aval, data);
            }
            let expected = eval(&g, &args);
            let stored: HashSet<Var> = g.eqns.iter().filter(|e| !e.inputs.is_empty()).map(|e| e.outputs[0]).collect();
            let around = Surroundings::of(&g, &stored);
            let ends = g.eqns.iter().map(|e| (e.outputs[0], None)).chain(
                g.eqns.iter().enumerate().filter(|(_, e)| e.inputs.len() == 1).map(|(k, e)| (e.inputs[0], Some(k))),
            );
            for (end, fold) in ends.filter(|(v, _)| stored.contains(v) && g.shape(*v).len() > 2) {
                let shapes = (1..3)
                    .flat_map(|axis| (2..7).flat_map(move |strips| (2..9).map(move |depth| (axis, strips, depth))));
                for (n, (axis, strips, depth)) in shapes.enumerate() {
                    let shape = Shape { end, axis, strips, depth, keeps: n % 2 == 0, fold };
                    let Some(chain) = Chain::of(&around, shape) else { continue };
                    let Some(looped) = chain.as_loop(&g, &stored) else { continue };
                    n_loops += 1;
                    n_folds += usize::from(fold.is_some());
                    n_kept += usize::from(!chain.kept.is_empty());
                    n_edges += usize::from(looped.to_string().contains("conv_rows"));
                    let found = eval(&looped, &args);
                    let fine = expected.iter().zip(&found).all(|(a, b)| same(a, b));
                    assert!(fine, "network {seed}, {shape:?}\n{g}\n{looped}\n{expected:?}\n{found:?}");
                }
            }
        }
        assert!(
            n_loops > 150 && n_edges > 60 && n_kept > 50 && n_folds > 20,
            "{n_loops} loops, {n_edges} with padding, {n_kept} that keep rows, {n_folds} that fold"
        );
    }
}
