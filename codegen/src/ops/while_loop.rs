//! `while`: a loop that ends when its condition fails.

use std::rc::Rc;

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::eval::eval;
use crate::graph::{Aval, Env, Graph, Var};
use crate::ops::effect::{slice_by_slice, slices_are_cheaper};
use crate::ops::narrow::{Narrowed, read_inputs, with_inputs, with_outputs};
use crate::ops::region::{count, expect_types, flops, instantiate, marked, prune};
use crate::ops::{
    Add, Batched, BroadcastInDim, Convert, Lowering, Op, OpError, Operand, Primitive, ReduceOr, Region, Scan, Select, Split,
    Switch, Tangent, counted_scan, param, with_batch_axis,
};
use crate::schedule::cost;
use crate::text::Params;
use crate::transform::linearize::PartialEval;
use crate::transform::{batch_into, jvp_into, partial_eval_graph};

/// `while cond(consts, carry) { carry = body(consts, carry) }`, at most `bound` times. Operands: the constants of `cond`,
/// those of `body`, the carries; results: the carries.
///
/// **Derivative.** Forward mode always; reverse mode where there is a bound: there is room for what so many iterations
/// keep, and a [`CountedScan`] runs back through those that were taken.
#[derive(Clone, Debug)]
pub struct While {
    /// Takes its constants and the carries; yields a bool.
    pub cond: Rc<Graph>,
    /// Takes its constants and the carries; yields the carries.
    pub body: Rc<Graph>,
    /// Number of leading operands that only `cond` reads.
    pub n_cond_consts: usize,
    /// Number of following operands that only `body` reads.
    pub n_body_consts: usize,
    /// The loop ends after this many iterations, whatever `cond` says.
    pub bound: Option<usize>,
}

/// The operands, or marks on them, by kind.
struct Parts<'a, T> {
    cond: &'a [T],
    body: &'a [T],
    carry: &'a [T],
}

impl While {
    /// Constructor from the text form.
    pub fn parse(p: &Params) -> Result<While, String> {
        Ok(While {
            cond: p.graph("cond")?,
            body: p.graph("body")?,
            n_cond_consts: p.usize("cond_consts")?,
            n_body_consts: p.usize("body_consts")?,
            bound: p.get("bound").ok().map(|_| p.usize("bound")).transpose()?,
        })
    }

    fn parts<'a, T>(&self, ins: &'a [T]) -> Parts<'a, T> {
        let (cond, rest) = ins.split_at(self.n_cond_consts);
        let (body, carry) = rest.split_at(self.n_body_consts);
        Parts { cond, body, carry }
    }

    fn carry_avals(&self) -> Vec<Aval> {
        self.body.in_avals().split_off(self.n_body_consts)
    }

    /// The same loop as a scan of `bound` iterations; takes and yields what the loop does.
    pub fn as_scan(&self, bound: usize) -> Scan {
        let carry = self.carry_avals();
        let mut g = Graph::new(&self.body.name);
        let cond_consts: Vec<Var> = self.cond.in_avals()[..self.n_cond_consts].iter().map(|a| g.input(a)).collect();
        let body_consts: Vec<Var> = self.body.in_avals()[..self.n_body_consts].iter().map(|a| g.input(a)).collect();
        let carries: Vec<Var> = carry.iter().map(|a| g.input(a)).collect();
        let args: Vec<Var> = cond_consts.iter().chain(&carries).copied().collect();
        let goes_on = g.inline(&self.cond, &args)[0];
        let index = g.bind1(Convert { dtype: DType::I32 }, &[goes_on]);
        let mut stay = Graph::new(&self.body.name);
        let inputs: Vec<Var> = self.body.in_avals().iter().map(|a| stay.input(a)).collect();
        stay.outputs = inputs[self.n_body_consts..].to_vec();
        let mut args = vec![index];
        args.extend(body_consts.iter().chain(&carries));
        g.outputs = g.bind(Switch { branches: vec![Rc::new(stay), self.body.clone()] }, &args);
        Scan {
            body: Rc::new(g),
            length: bound,
            n_consts: self.n_cond_consts + self.n_body_consts,
            n_carry: carry.len(),
            reverse: false,
            indexed: false,
        }
    }

    /// The loop that runs now, counts its iterations and stacks what the later loop reads, and that loop.
    fn counted(&self, bound: usize, unknown: &[bool]) -> Option<Split> {
        let n_carry = self.carry_avals().len();
        let (n_consts, body) = (self.n_body_consts, self.body.clone());
        let scan = Scan { body, length: bound, n_consts, n_carry, reverse: false, indexed: false };
        let given = &unknown[self.n_cond_consts..];
        let grown = scan.unknown_operands(given);
        let of_cond = self.parts(unknown).cond;
        let cut = partial_eval_graph(&self.cond, &[of_cond, scan.parts(&grown).carry].concat());
        if cut.out_unknown[0] || of_cond.contains(&true) {
            return None;
        }
        let (split, runs_now) = scan.split_loop(given);
        let mut g = Graph::new(&self.body.name);
        let cond_consts: Vec<Var> = self.cond.in_avals()[..self.n_cond_consts].iter().map(|a| g.input(a)).collect();
        let mut env: Env<Var> = Env::new(&split.known);
        for v in &split.known.inputs {
            let w = g.input(split.known.aval(*v));
            env.set(*v, w);
        }
        let mut count = None;
        for (n, eqn) in split.known.eqns.iter().enumerate() {
            g.src = eqn.src;
            let ins = env.get_all(&eqn.inputs);
            let is_loop = runs_now && n + 1 == split.known.eqns.len();
            let outs = match eqn.op.downcast::<Scan>().filter(|_| is_loop) {
                Some(scan) => {
                    let mut outs = stacking(&mut g, scan, &cut.known, &cond_consts, &ins);
                    count = Some(outs.remove(0));
                    outs
                }
                None => g.bind(eqn.op.clone(), &ins),
            };
            env.set_all(&eqn.outputs, outs);
        }
        // Where nothing is known and nothing is kept, the condition reads constants only: all or nothing.
        let count = count.unwrap_or_else(|| {
            let all = Scan { n_consts: 0, n_carry: 0, ..scan.clone() };
            let empty = all.with(Graph::new(&self.body.name), false, 0, 0);
            stacking(&mut g, &empty, &cut.known, &cond_consts, &[])[0]
        });
        g.outputs = env.get_all(&split.known.outputs);
        g.outputs.insert(split.known_out.iter().filter(|k| **k).count(), count);
        Some(Split { known: g, known_out: split.known_out, later: counted_scan::counted(split.later).0 })
    }

    /// `cond` with further carries, which it does not read.
    fn cond_with(&self, more: &[Aval]) -> Graph {
        let mut g = (*self.cond).clone();
        for a in more {
            g.input(a);
        }
        g
    }

    /// The jvp of the body for the carries and constants marked; constants and carries are followed by their tangents.
    fn jvp_body(&self, consts: &[bool], carry: &[bool]) -> (Graph, Vec<bool>) {
        let mut g = Graph::new(&self.body.name);
        let (mut primals, mut tangents) = (Vec::new(), Vec::new());
        let avals = self.body.in_avals();
        let (const_avals, carry_avals) = avals.split_at(self.n_body_consts);
        for (avals, marks) in [(const_avals, consts), (carry_avals, carry)] {
            primals.extend(avals.iter().map(|a| g.input(a)));
            tangents.extend(avals.iter().zip(marks).map(|(a, nz)| nz.then(|| g.input(a))));
        }
        let (outs, ts) = jvp_into(&mut g, &self.body, &primals, &tangents);
        g.outputs = outs.clone();
        for ((t, nz), a) in ts.iter().zip(carry).zip(carry_avals) {
            if *nz {
                let t = instantiate(&mut g, *t, a);
                g.outputs.push(t);
            }
        }
        (g, ts.iter().map(Option::is_some).collect())
    }

    /// `cond` and `body` under a batch axis. Where the condition has one too, the loop goes on while any of them holds,
    /// and the body, which then takes the constants of `cond` first, changes only the carries of those.
    fn batched(&self, batched: &[bool], size: usize) -> (Graph, Graph, Vec<bool>, bool) {
        let marks = self.parts(batched);
        let inputs = |g: &mut Graph, avals: &[Aval], marks: &[bool]| -> Vec<Batched> {
            let one = |(a, b): (&Aval, &bool)| {
                let var = g.input(&if *b { a.batched(size) } else { a.clone() });
                Batched { var, batched: *b }
            };
            avals.iter().zip(marks).map(one).collect()
        };
        let cond_avals = &self.cond.in_avals()[..self.n_cond_consts];
        let body_avals = &self.body.in_avals()[..self.n_body_consts];
        let carry_avals = self.carry_avals();

        let mut cond = Graph::new(&self.cond.name);
        let mut args = inputs(&mut cond, cond_avals, marks.cond);
        args.extend(inputs(&mut cond, &carry_avals, marks.carry));
        let pred = batch_into(&mut cond, &self.cond, &args, size)[0];
        let goes_on = if pred.batched { cond.bind1(ReduceOr { axes: vec![0] }, &[pred.var]) } else { pred.var };
        cond.outputs = vec![goes_on];

        let mut body = Graph::new(&self.body.name);
        let of_cond = if pred.batched { inputs(&mut body, cond_avals, marks.cond) } else { Vec::new() };
        let of_body = inputs(&mut body, body_avals, marks.body);
        let carry = inputs(&mut body, &carry_avals, marks.carry);
        let args: Vec<Batched> = of_body.iter().chain(&carry).copied().collect();
        let outs = batch_into(&mut body, &self.body, &args, size);
        let found = outs.iter().map(|b| b.batched || pred.batched).collect();
        let mask = pred.batched.then(|| {
            let args: Vec<Batched> = of_cond.iter().chain(&carry).copied().collect();
            batch_into(&mut body, &self.cond, &args, size)[0].var
        });
        for ((out, old), mark) in outs.into_iter().zip(&carry).zip(marks.carry) {
            let mut var = if *mark { with_batch_axis(&mut body, out, size) } else { out.var };
            if let (Some(mask), true) = (mask, *mark) {
                let shape = body.shape(var).to_vec();
                let mask = match shape.len() {
                    1 => mask,
                    _ => body.bind1(BroadcastInDim { shape, dims: vec![0] }, &[mask]),
                };
                var = body.bind1(Select, &[mask, var, old.var]);
            }
            body.outputs.push(var);
        }
        (cond, body, found, pred.batched)
    }
}

/// Appends `scan`, which is run while `cond` of the constants and the carries holds. Yields the number of iterations, the
/// carries, and the stacks, which are zero from there on.
fn stacking(g: &mut Graph, scan: &Scan, cond: &Graph, cond_consts: &[Var], ins: &[Var]) -> Vec<Var> {
    let own = scan.parts(ins);
    let ys: Vec<Aval> = scan.body.out_avals()[scan.n_carry..].iter().map(|a| a.batched(scan.length)).collect();
    let zero = g.full(DType::U32, &[], 0.0);
    let mut carries = vec![zero];
    carries.extend(own.carry);
    carries.extend(ys.iter().map(|a| g.zeros(a)).collect::<Vec<_>>());

    let mut test = Graph::new(&cond.name);
    let consts: Vec<Var> = cond_consts.iter().map(|v| test.input(g.aval(*v))).collect();
    let inner: Vec<Var> = carries.iter().map(|v| test.input(g.aval(*v))).collect();
    let args: Vec<Var> = consts.iter().chain(&inner[1..1 + scan.n_carry]).copied().collect();
    let mut goes_on = test.inline(cond, &args);
    goes_on.truncate(1);
    test.outputs = goes_on;
    prune(&mut test);

    let mut body = Graph::new(&scan.body.name);
    let consts: Vec<Var> = own.consts.iter().map(|v| body.input(g.aval(*v))).collect();
    let inner: Vec<Var> = carries.iter().map(|v| body.input(g.aval(*v))).collect();
    let args: Vec<Var> = consts.iter().chain(&inner[1..1 + scan.n_carry]).copied().collect();
    let outs = body.inline(&scan.body, &args);
    let one = body.full(DType::U32, &[], 1.0);
    body.outputs = body.bind(Add, &[inner[0], one]);
    body.outputs.extend(&outs[..scan.n_carry]);
    for (stack, slice) in inner[1 + scan.n_carry..].iter().zip(&outs[scan.n_carry..]) {
        let stack = counted_scan::with_slice(&mut body, *stack, inner[0], *slice);
        body.outputs.push(stack);
    }
    let op = While {
        cond: Rc::new(test),
        body: Rc::new(body),
        n_cond_consts: cond_consts.len(),
        n_body_consts: own.consts.len(),
        bound: Some(scan.length),
    };
    let args: Vec<Var> = cond_consts.iter().chain(own.consts).chain(&carries).copied().collect();
    g.bind(op, &args)
}

/// Marks in `marks` what `found` marks; whether anything was new.
fn grow(marks: &mut [bool], found: &[bool]) -> bool {
    let mut grown = false;
    for (mark, found) in marks.iter_mut().zip(found) {
        grown |= *found && !*mark;
        *mark |= *found;
    }
    grown
}

impl Primitive for While {
    fn name(&self) -> &'static str {
        "while"
    }

    fn params(&self) -> Params {
        let mut params: Params = [
            param("cond_consts", self.n_cond_consts),
            param("body_consts", self.n_body_consts),
            param("cond", &self.cond),
            param("body", &self.body),
        ]
        .into();
        if let Some(n) = self.bound {
            let (key, value) = param("bound", n);
            params.0.insert(0, (key.into(), value));
        }
        params
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        if ins.len() < self.n_cond_consts + self.n_body_consts {
            return Err(OpError::new(format!("`while` takes more than {} operands", ins.len())));
        }
        let ins: Vec<Aval> = ins.iter().map(|a| (*a).clone()).collect();
        let ins = self.parts(&ins);
        expect_types("what the condition takes", &self.cond.in_avals(), &[ins.cond, ins.carry].concat())?;
        expect_types("what the condition yields", &self.cond.out_avals(), &[Aval::scalar(DType::Bool)])?;
        expect_types("what the loop body takes", &self.body.in_avals(), &[ins.body, ins.carry].concat())?;
        expect_types("what goes from one iteration to the next", &self.body.out_avals(), ins.carry)?;
        Ok(ins.carry.to_vec())
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        let owned: Vec<Array> = ins.iter().map(|a| (*a).clone()).collect();
        let ins = self.parts(&owned);
        let mut carry = ins.carry.to_vec();
        let mut n = 0;
        while self.bound.is_none_or(|bound| n < bound)
            && eval(&self.cond, &[ins.cond, &carry].concat())[0].item() == Scalar::Bool(true)
        {
            carry = eval(&self.body, &[ins.body, &carry].concat());
            n += 1;
        }
        carry
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let nonzero: Vec<bool> = t.iter().map(Option::is_some).collect();
        let consts = self.parts(&nonzero).body;
        let mut carry = self.parts(&nonzero).carry.to_vec();
        let body = loop {
            let (body, found) = self.jvp_body(consts, &carry);
            if !grow(&mut carry, &found) {
                break body;
            }
        };
        let carry_avals = self.carry_avals();
        let t_avals: Vec<Aval> = marked(&carry_avals, &carry).cloned().collect();
        let (xs, ts) = (self.parts(x), self.parts(t));
        let mut args = [xs.cond, xs.body].concat();
        args.extend(ts.body.iter().flatten());
        args.extend(xs.carry);
        for ((t, nz), a) in ts.carry.iter().zip(&carry).zip(&carry_avals) {
            if *nz {
                args.push(instantiate(g, *t, a));
            }
        }
        let op = While {
            cond: Rc::new(self.cond_with(&t_avals)),
            body: Rc::new(body),
            n_body_consts: self.n_body_consts + count(consts),
            ..self.clone()
        };
        let mut outs = g.bind(op, &args);
        let mut t_outs = outs.split_off(carry.len()).into_iter();
        let ts = carry.iter().map(|nz| if *nz { t_outs.next() } else { None }).collect();
        (outs, ts)
    }

    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let mut batched: Vec<bool> = ins.iter().map(|b| b.batched).collect();
        let first_carry = self.n_cond_consts + self.n_body_consts;
        let (cond, body, with_cond) = loop {
            let (cond, body, found, with_cond) = self.batched(&batched, size);
            if with_cond && self.has_effect() {
                return slice_by_slice(g, self.clone().into(), ins, size);
            }
            if !grow(&mut batched[first_carry..], &found) {
                break (cond, body, with_cond);
            }
        };
        // Together the slices take as many turns as the slowest of them, alone half as many if all numbers are as likely.
        let turn = cost::of_graph(&self.cond).saturating_add(cost::of_graph(&self.body));
        if with_cond && !self.needs_all_slices() && slices_are_cheaper(turn / 2, cost::of_graph(&body), size) {
            return slice_by_slice(g, self.clone().into(), ins, size);
        }
        let operands = self.parts(ins);
        let mut args: Vec<Var> = operands.cond.iter().map(|b| b.var).collect();
        if with_cond {
            args.extend(operands.cond.iter().map(|b| b.var));
        }
        args.extend(operands.body.iter().map(|b| b.var));
        for (b, mark) in operands.carry.iter().zip(&batched[first_carry..]) {
            args.push(if *mark { with_batch_axis(g, *b, size) } else { b.var });
        }
        let more = if with_cond { self.n_cond_consts } else { 0 };
        let op = While {
            cond: Rc::new(cond),
            body: Rc::new(body),
            n_body_consts: self.n_body_consts + more,
            ..self.clone()
        };
        let outs = g.bind(op, &args);
        outs.into_iter().zip(&batched[first_carry..]).map(|(var, b)| Batched { var, batched: *b }).collect()
    }

    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        match self.bound {
            Some(bound) => self.as_scan(bound).transpose(g, ct, ins),
            None => crate::ops::refuse("reverse mode needs to know how often `while` may run: write `#[bound(N)] while ..`"),
        }
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Region
    }

    fn region(&self) -> Option<Region> {
        Some(Region::While {
            cond: self.cond.clone(),
            body: self.body.clone(),
            n_cond_consts: self.n_cond_consts,
            n_body_consts: self.n_body_consts,
            bound: self.bound,
        })
    }

    /// A carry stays if its last value is read, or if the condition or a carry that stays needs it.
    fn narrowed(&self, read: &[bool]) -> Option<Narrowed> {
        if read.iter().all(|r| *r) {
            return None;
        }
        let cond = read_inputs(&self.cond);
        let mut outputs: Vec<bool> = read.iter().zip(&cond[self.n_cond_consts..]).map(|(r, c)| *r || *c).collect();
        let (body, used) = loop {
            let body = with_outputs(&self.body, &outputs);
            let mut used = read_inputs(&body);
            let before = outputs.clone();
            for (out, used) in outputs.iter_mut().zip(&mut used[self.n_body_consts..]) {
                *out |= *used;
                *used = *out;
            }
            if outputs == before {
                break (body, used);
            }
        };
        if outputs.iter().all(|keep| *keep) {
            return None;
        }
        let (of_cond, of_body) = (&cond[..self.n_cond_consts], &used[..self.n_body_consts]);
        let op = While {
            cond: Rc::new(with_inputs(&self.cond, &[of_cond, &outputs].concat())),
            body: Rc::new(with_inputs(&body, &used)),
            n_cond_consts: count(of_cond),
            n_body_consts: count(of_body),
            bound: self.bound,
        };
        Some(Narrowed { op: op.into(), inputs: [of_cond, of_body, &outputs].concat(), outputs })
    }

    fn subgraphs(&self) -> Vec<Rc<Graph>> {
        vec![self.cond.clone(), self.body.clone()]
    }

    fn with_subgraphs(&self, mut graphs: Vec<Rc<Graph>>) -> Op {
        let cond = graphs.remove(0);
        While { cond, body: graphs.remove(0), ..self.clone() }.into()
    }

    /// With a bound, the iterations are counted and keep what is needed later. Without one, what does not depend on anything unknown runs now, and everything again
    /// later: nothing can be kept from iterations that nobody counted.
    fn partial_eval(&self, unknown: &[bool]) -> Option<Split> {
        if let Some(bound) = self.bound {
            return self.counted(bound, unknown);
        }
        let marks = self.parts(unknown);
        let mut carry = marks.carry.to_vec();
        let cut = loop {
            let cut = partial_eval_graph(&self.body, &[marks.body, &carry].concat());
            if !grow(&mut carry, &cut.out_unknown) {
                break cut;
            }
        };
        let cond_cut = partial_eval_graph(&self.cond, &[marks.cond, &carry].concat());
        let known_out: Vec<bool> = carry.iter().map(|u| !u).collect();
        if cond_cut.out_unknown[0] || !known_out.contains(&true) {
            return None;
        }
        let PartialEval { known: mut body, out_unknown, n_residuals, .. } = cut;
        let mut results = body.outputs.clone();
        results.truncate(results.len() - n_residuals);
        let mut results = results.into_iter();
        let results: Vec<Option<Var>> = out_unknown.iter().map(|u| if *u { None } else { results.next() }).collect();
        body.outputs = marked(&results, &known_out).copied().flatten().collect();
        prune(&mut body);
        let mut cond = cond_cut.known;
        cond.outputs.truncate(1);
        prune(&mut cond);

        let carry_avals = self.carry_avals();
        let cond_avals = &self.cond.in_avals()[..self.n_cond_consts];
        let body_avals = &self.body.in_avals()[..self.n_body_consts];
        let avals: Vec<&Aval> = cond_avals.iter().chain(body_avals).chain(&carry_avals).collect();
        let mut first = Graph::new(&self.body.name);
        let operands: Vec<Option<Var>> = avals.iter().zip(unknown).map(|(a, u)| (!u).then(|| first.input(a))).collect();
        let of = self.parts(&operands);
        let mut args: Vec<Var> = of.cond.iter().chain(of.body).copied().flatten().collect();
        args.extend(marked(of.carry, &known_out).copied().flatten());
        let n_known = |marks: &[bool]| marks.iter().filter(|u| !**u).count();
        let now = While {
            cond: Rc::new(cond),
            body: Rc::new(body),
            n_cond_consts: n_known(marks.cond),
            n_body_consts: n_known(marks.body),
            bound: None,
        };
        first.outputs = first.bind(now, &args);
        first.outputs.extend(operands.iter().copied().flatten());

        let mut second = Graph::new(&self.body.name);
        let residuals: Vec<Option<Var>> =
            avals.iter().zip(unknown).map(|(a, u)| (!u).then(|| second.input(a))).collect();
        let unknowns: Vec<Option<Var>> = avals.iter().zip(unknown).map(|(a, u)| u.then(|| second.input(a))).collect();
        let args: Vec<Var> = residuals.into_iter().zip(unknowns).filter_map(|(a, b)| a.or(b)).collect();
        let outs = second.bind(self.clone(), &args);
        second.outputs = marked(&outs, &carry).copied().collect();
        Some(Split { known: first, known_out, later: second })
    }

    /// Of one iteration, or of as many as there may be.
    fn flops(&self, _ins: &[&Aval]) -> u64 {
        flops(&self.cond).saturating_add(flops(&self.body)).saturating_mul(self.bound.unwrap_or(1) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;
    use crate::ops::laws::{Rng, check_op_at, jvp_at, parse_aval};
    use crate::text::parse;
    use crate::transform::{linearize_into, transpose_into};

    /// `while n < limit { n += 1; x = w x }`.
    fn powers(bound: Option<usize>) -> While {
        let cond = "graph c(limit: i32[], n: i32[], x: f64[12]) -> (p) {
            p: bool[] = compare[op=lt] n limit
        }";
        let body = "graph b(w: f64[12,12], n: i32[], x: f64[12]) -> (m, z) {
            one: i32[] = constant[value=i32[]{1}]
            m: i32[] = add n one
            y: f64[12] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w x
            z: f64[12] = sin y
        }";
        let [cond, body] = [cond, body].map(|text| Rc::new(parse(text).unwrap_or_else(|e| panic!("{e}"))));
        While { cond, body, n_cond_consts: 1, n_body_consts: 1, bound }
    }

    #[test]
    fn laws_where_every_slice_runs_its_own_loop() {
        let mut rng = Rng::new();
        for (bound, n) in [(Some(4), 0), (Some(4), 3), (Some(2), 3)] {
            let [w, x] = ["f64[12,12]", "f64[12]"].map(|a| rng.array(&parse_aval(a)));
            // Small enough not to be chaotic.
            let w = Array::f64(&[12, 12], &w.to_f64s().iter().map(|w| 0.03 * w).collect::<Vec<_>>());
            check_op_at(powers(bound), &[Array::scalar(Scalar::I32(n)), w, Array::scalar(Scalar::I32(0)), x]);
        }
    }

    #[test]
    fn slices_with_a_limit_each_loop_together_where_a_turn_is_cheap_and_alone_where_it_is_not() {
        // A turn of one sum.
        let body = "graph b(w: f64[2], n: i32[], x: f64[2]) -> (m, y) {
            i: i32[] = constant[value=i32[]{1}]
            m: i32[] = add n i
            y: f64[2] = add x w
        }";
        let body = Rc::new(parse(body).unwrap_or_else(|e| panic!("{e}")));
        let counted = While { body, ..power(Some(4)) };
        for (op, x, name) in [(powers(Some(4)), vec![12], "scan"), (counted, vec![2], "while")] {
            let mut g = Graph::new("g");
            let w = op.body.in_avals()[0].clone();
            let ins = [Aval::new(DType::I32, &[6]), w, Aval::scalar(DType::I32), Aval::new(DType::F64, &x)];
            let batched = |n: usize| n == 0;
            let ins: Vec<Batched> =
                ins.iter().enumerate().map(|(n, a)| Batched { var: g.input(a), batched: batched(n) }).collect();
            op.batch(&mut g, &ins, 6);
            assert!(g.eqns.iter().any(|eqn| eqn.op.name() == name), "{g}");
        }
    }

    /// `while n < limit { n += 1; x = sin(x + w) }`.
    fn power(bound: Option<usize>) -> While {
        let cond = "graph c(limit: i32[], n: i32[], x: f64[2]) -> (p) {
            p: bool[] = compare[op=lt] n limit
        }";
        let body = "graph b(w: f64[2], n: i32[], x: f64[2]) -> (m, y) {
            i: i32[] = constant[value=i32[]{1}]
            m: i32[] = add n i
            a: f64[2] = add x w
            y: f64[2] = sin a
        }";
        let graph = |text| Rc::new(parse(text).unwrap_or_else(|e| panic!("{e}")));
        While { cond: graph(cond), body: graph(body), n_cond_consts: 1, n_body_consts: 1, bound }
    }

    fn int(n: i32) -> Array {
        Array::scalar(Scalar::I32(n))
    }

    #[test]
    fn laws_with_a_bound() {
        let mut rng = Rng::new();
        for limit in [0, 2, 5, 9] {
            let (w, x) = (rng.array(&parse_aval("f64[2]")), rng.array(&parse_aval("f64[2]")));
            check_op_at(power(Some(5)), &[int(limit), w, int(0), x]);
        }
    }

    #[test]
    fn without_a_bound_there_is_forward_mode() {
        let mut rng = Rng::new();
        let (w, x) = (rng.array(&parse_aval("f64[2]")), rng.array(&parse_aval("f64[2]")));
        let args = [int(3), w, int(0), x];
        let t = [None, Some(rng.array(&parse_aval("f64[2]"))), None, Some(rng.array(&parse_aval("f64[2]")))];
        let (ys, ts) = jvp_at(power(None), &args, &t);
        assert_eq!((ys, ts), jvp_at(power(Some(3)), &args, &t));
        // Linearised, the loop runs once now and once later.
        let mut f = Graph::new("");
        let xs: Vec<Var> = args.iter().map(|a| f.input(a.aval())).collect();
        f.outputs = f.bind(power(None), &xs);
        let mut g = Graph::new("");
        let primals: Vec<Var> = args.iter().map(|a| g.input(a.aval())).collect();
        let (outs, linear) = linearize_into(&mut g, &f, &primals, &[false, true, false, true]);
        let tangents: Vec<Var> = t.iter().flatten().map(|a| g.input(a.aval())).collect();
        let all: Vec<Var> = linear.residuals.iter().copied().chain(tangents).collect();
        g.outputs = outs;
        let pushed = g.inline(&linear.graph, &all);
        g.outputs.extend(pushed);
        let values: Vec<Array> = args.iter().chain(t.iter().flatten()).cloned().collect();
        let (ys, ts) = jvp_at(power(None), &args, &t);
        let expected: Vec<Array> = ys.into_iter().chain(ts.into_iter().flatten()).collect();
        assert_eq!(eval(&g, &values), expected);
    }

    #[test]
    fn reverse_mode_runs_back_through_what_was_taken() {
        let mut f = Graph::new("");
        let avals = ["i32[]", "f64[2]", "i32[]", "f64[2]"].map(parse_aval);
        let xs: Vec<Var> = avals.iter().map(|a| f.input(a)).collect();
        f.outputs = f.bind(power(Some(1000)), &xs);
        let mut g = Graph::new("");
        let primals: Vec<Var> = avals.iter().map(|a| g.input(a)).collect();
        let (_, linear) = linearize_into(&mut g, &f, &primals, &[false, true, false, true]);
        let ct = g.input(&avals[3]);
        let mut known: Vec<Option<Var>> = linear.residuals.iter().copied().map(Some).collect();
        known.resize(linear.graph.inputs.len(), None);
        let cts = transpose_into(&mut g, &linear.graph, &known, &[Some(ct)]);
        g.outputs = cts.into_iter().flatten().collect();
        // Both loops end by their own count: none runs a thousand times.
        let g = crate::passes::optimise(&g);
        let names: Vec<&str> = g.eqns.iter().filter(|e| e.op.region().is_some()).map(|e| e.op.name()).collect();
        assert_eq!(names, ["while", "while"], "{g}");
        let vector = |x: [f64; 2]| Array::f64(&[2], &x);
        let args = [int(2), vector([0.1, 0.2]), int(0), vector([0.3, -0.4]), vector([1.0, 1.0])];
        let found = eval(&g, &args);
        for (n, (w, x)) in [(0.1, 0.3), (0.2, -0.4)].into_iter().enumerate() {
            let (inner, outer): (f64, f64) = (x + w, (x + w).sin() + w);
            let (dx, dw) = (outer.cos() * inner.cos(), outer.cos() * (inner.cos() + 1.0));
            let (fw, fx) = (found[0].to_f64s()[n], found[1].to_f64s()[n]);
            assert!((fw - dw).abs() < 1e-12 && (fx - dx).abs() < 1e-12, "{fw} {dw}, {fx} {dx}");
        }
    }

    #[test]
    #[should_panic]
    fn reverse_mode_asks_for_a_bound() {
        let mut f = Graph::new("");
        let avals = ["i32[]", "f64[2]", "i32[]", "f64[2]"].map(parse_aval);
        let xs: Vec<Var> = avals.iter().map(|a| f.input(a)).collect();
        f.outputs = f.bind(power(None), &xs);
        let mut g = Graph::new("");
        let primals: Vec<Var> = avals.iter().map(|a| g.input(a)).collect();
        let (_, linear) = linearize_into(&mut g, &f, &primals, &[false, true, false, true]);
        let ct = g.input(&avals[3]);
        let mut known: Vec<Option<Var>> = linear.residuals.iter().copied().map(Some).collect();
        known.resize(linear.graph.inputs.len(), None);
        transpose_into(&mut g, &linear.graph, &known, &[Some(ct)]);
    }

    #[test]
    fn each_of_a_batch_runs_as_long_as_it_must() {
        let op = power(None);
        let mut g = Graph::new("");
        let ins: Vec<Batched> = [("i32[3]", true), ("f64[2]", false), ("i32[]", false), ("f64[2]", false)]
            .map(|(a, batched)| Batched { var: g.input(&parse_aval(a)), batched })
            .to_vec();
        let outs = op.batch(&mut g, &ins, 3);
        g.outputs = outs.iter().map(|b| b.var).collect();
        let mut rng = Rng::new();
        let (w, x) = (rng.array(&parse_aval("f64[2]")), rng.array(&parse_aval("f64[2]")));
        let limits = Array::new(parse_aval("i32[3]"), [2, 0, 4].map(Scalar::I32).to_vec());
        let found = eval(&g, &[limits, w.clone(), int(0), x.clone()]);
        for (n, limit) in [2, 0, 4].into_iter().enumerate() {
            let expected = op.eval(&[&int(limit), &w, &int(0), &x]);
            assert_eq!(found[1].slice_at(n), expected[1], "limit {limit}");
        }
    }
}
