//! `scan`: a loop with a fixed number of iterations.

use std::rc::Rc;

use crate::array::Array;
use crate::dtype::{DType, Scalar};
use crate::eval::eval;
use crate::graph::{Aval, Graph, Var};
use crate::ops::axes::{move_axis, prepended};
use crate::ops::narrow::{Narrowed, read_inputs, with_inputs, with_outputs};
use crate::ops::region::{count, expect_types, flops, instantiate};
use crate::ops::{
    Batched, Convert, Lowering, Op, OpError, Operand, Primitive, Region, Scatter, Split, Tangent, param,
    with_batch_axis,
};
use crate::passes::ranges::Range;
use crate::text::Params;
use crate::transform::{batch_into, jvp_into, transpose_into, transpose_onto};

/// `for i in 0..length`: operands are values that stay (consts), values that go from one iteration to the next
/// (carries), arrays of which iteration `i` gets slice `i` along axis 0 (stacked). Results: the carries after the last
/// iteration, then arrays of what the iterations yield.
///
/// The body takes the index (u32, if `indexed`), the consts, the carries and the slices; it yields the carries and the
/// slices of the results.
///
/// **Derivative.** The tangents are one more carry; in reverse mode the loop runs backwards over what the forward loop
/// kept. Kept are stacks of values that change from one iteration to the next, unless they can be had again from the
/// index, a constant or a slice by moving data only.
#[derive(Clone, Debug)]
pub struct Scan {
    /// One iteration.
    pub body: Rc<Graph>,
    /// Number of iterations.
    pub length: usize,
    /// Number of leading operands that stay.
    pub n_consts: usize,
    /// Number of carries.
    pub n_carry: usize,
    /// From the last slice to the first; the index counts down.
    pub reverse: bool,
    /// The body takes the index.
    pub indexed: bool,
}

/// The operands or results of a scan, or marks on them, by kind.
#[derive(Debug)]
pub struct Parts<'a, T> {
    /// What stays.
    pub consts: &'a [T],
    /// What goes on to the next iteration.
    pub carry: &'a [T],
    /// What has a slice per iteration.
    pub stacked: &'a [T],
}

impl Scan {
    /// Constructor from the text form.
    pub fn parse(p: &Params) -> Result<Scan, String> {
        Ok(Scan {
            body: p.graph("body")?,
            length: p.usize("length")?,
            n_consts: p.usize("consts")?,
            n_carry: p.usize("carry")?,
            reverse: p.bool("reverse")?,
            indexed: p.bool("indexed")?,
        })
    }

    /// The operands by kind.
    pub fn parts<'a, T>(&self, ins: &'a [T]) -> Parts<'a, T> {
        let (consts, rest) = ins.split_at(self.n_consts);
        let (carry, stacked) = rest.split_at(self.n_carry);
        Parts { consts, carry, stacked }
    }

    /// Number of body inputs in front of the consts.
    pub fn n_index(&self) -> usize {
        usize::from(self.indexed)
    }

    /// A scan like this one around another body.
    pub fn with(&self, body: Graph, indexed: bool, n_consts: usize, n_carry: usize) -> Scan {
        Scan { body: Rc::new(body), n_consts, n_carry, indexed, ..self.clone() }
    }

    /// Appends the index input, if there is one.
    pub fn index_input(&self, g: &mut Graph) -> Option<Var> {
        self.indexed.then(|| g.input(&index_aval()))
    }

    /// The jvp of the body, with tangents for the inputs marked in `nonzero` and for all carries marked in it, and which
    /// of the body's results have one. Inputs and results of each kind are followed by their tangents.
    fn jvp_body(&self, nonzero: &[bool]) -> (Graph, Vec<bool>) {
        let mut g = Graph::new(&self.body.name);
        let mut primals: Vec<Var> = self.index_input(&mut g).into_iter().collect();
        let mut tangents: Vec<Tangent> = vec![None; primals.len()];
        let avals = self.body.in_avals().split_off(self.n_index());
        let (avals, marks) = (self.parts(&avals), self.parts(nonzero));
        for (avals, marks) in [(avals.consts, marks.consts), (avals.carry, marks.carry), (avals.stacked, marks.stacked)]
        {
            primals.extend(avals.iter().map(|a| g.input(a)));
            tangents.extend(avals.iter().zip(marks).map(|(a, nz)| nz.then(|| g.input(a))));
        }
        let (outs, ts) = jvp_into(&mut g, &self.body, &primals, &tangents);
        let found: Vec<bool> = ts.iter().map(Option::is_some).collect();
        let (carry, ys) = outs.split_at(self.n_carry);
        g.outputs = carry.to_vec();
        for ((v, t), nz) in carry.iter().zip(&ts).zip(marks.carry) {
            if *nz {
                let aval = g.aval(*v).clone();
                let t = instantiate(&mut g, *t, &aval);
                g.outputs.push(t);
            }
        }
        g.outputs.extend(ys);
        g.outputs.extend(ts[self.n_carry..].iter().flatten());
        (g, found)
    }

    /// Marks the carries that `found` marks too; whether that was anything new.
    pub fn grow(&self, marks: &mut [bool], found: &[bool]) -> bool {
        let mut grown = false;
        for (mark, found) in marks[self.n_consts..self.n_consts + self.n_carry].iter_mut().zip(found) {
            grown |= *found && !*mark;
            *mark |= *found;
        }
        grown
    }

    /// The body under a batch axis, and which of its results have it.
    fn batch_body(&self, batched: &[bool], size: usize) -> (Graph, Vec<bool>) {
        let mut g = Graph::new(&self.body.name);
        let mut args: Vec<Batched> =
            self.index_input(&mut g).into_iter().map(|var| Batched { var, batched: false }).collect();
        let avals = self.body.in_avals().split_off(self.n_index());
        for (a, b) in avals.iter().zip(batched) {
            let var = g.input(&if *b { a.batched(size) } else { a.clone() });
            args.push(Batched { var, batched: *b });
        }
        let outs = batch_into(&mut g, &self.body, &args, size);
        let found: Vec<bool> = outs.iter().map(|b| b.batched).collect();
        for (n, out) in outs.into_iter().enumerate() {
            let carried = n < self.n_carry && self.parts(batched).carry[n];
            let var = if carried { with_batch_axis(&mut g, out, size) } else { out.var };
            g.outputs.push(var);
        }
        (g, found)
    }

    /// The transposed body, given which carries, and which stacked results, have cotangents. Takes the index, the known
    /// consts, the cotangents of the carries, the sums so far for the linear consts marked in `sums`, the known slices,
    /// the cotangents of the stacked results. Yields the cotangents of the marked carries, the sums, the cotangents of
    /// the linear slices. Beside it: which consts, carries and slices have a cotangent.
    fn transpose_body(&self, linear: &[bool], sums: &[bool], ct_carry: &[bool], ct_ys: &[bool]) -> (Graph, Vec<bool>) {
        let mut g = Graph::new(&self.body.name);
        let avals = self.body.in_avals().split_off(self.n_index());
        let (avals, linear) = (self.parts(&avals), self.parts(linear));
        let mut known: Vec<Option<Var>> = self.index_input(&mut g).into_iter().map(Some).collect();
        known.extend(avals.consts.iter().zip(linear.consts).map(|(a, l)| (!l).then(|| g.input(a))));
        let mut cts: Vec<Tangent> = avals.carry.iter().zip(ct_carry).map(|(a, nz)| nz.then(|| g.input(a))).collect();
        let sum_vars: Vec<Tangent> = avals.consts.iter().zip(sums).map(|(a, s)| s.then(|| g.input(a))).collect();
        known.extend(vec![None; self.n_carry]);
        known.extend(avals.stacked.iter().zip(linear.stacked).map(|(a, l)| (!l).then(|| g.input(a))));
        let ys = self.body.out_avals().split_off(self.n_carry);
        cts.extend(ys.iter().zip(ct_ys).map(|(a, nz)| nz.then(|| g.input(a))));
        let mut so_far = vec![None; self.n_index()];
        so_far.extend(&sum_vars);
        so_far.resize(known.len(), None);
        let in_cts = transpose_onto(&mut g, &self.body, &known, &cts, &so_far).split_off(self.n_index());
        let found = in_cts.iter().map(Option::is_some).collect();
        let of = self.parts(&in_cts);
        for ((a, ct), nz) in avals.carry.iter().zip(of.carry).zip(ct_carry) {
            if *nz {
                let ct = instantiate(&mut g, *ct, a);
                g.outputs.push(ct);
            }
        }
        g.outputs.extend(sum_vars.iter().zip(of.consts).filter_map(|(sum, ct)| sum.and(*ct)));
        g.outputs.extend(of.stacked.iter().flatten());
        (g, found)
    }

    /// Cotangents where every carry is linear.
    fn transpose_linear(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        let linear: Vec<bool> = ins.iter().map(|x| matches!(x, Operand::Linear(_))).collect();
        let (ct_last, ct_ys) = ct.split_at(self.n_carry);
        let nz_ys: Vec<bool> = ct_ys.iter().map(Option::is_some).collect();
        let mut nz_carry: Vec<bool> = ct_last.iter().map(Option::is_some).collect();
        // A carry has a cotangent as soon as one flows into it from any iteration.
        let found = loop {
            let (_, found) = self.transpose_body(&linear, &vec![false; self.n_consts], &nz_carry, &nz_ys);
            let mut marks: Vec<bool> = vec![false; self.n_consts];
            marks.extend(&nz_carry);
            let grown = self.grow(&mut marks, self.parts(&found).carry);
            nz_carry = marks.split_off(self.n_consts);
            if !grown {
                break found;
            }
        };
        let sums = self.parts(&found).consts;
        let (body, _) = self.transpose_body(&linear, sums, &nz_carry, &nz_ys);

        let (operands, marks) = (self.parts(ins), self.parts(&linear));
        let known = |x: &Operand| match x {
            Operand::Known(v) => Some(*v),
            Operand::Linear(_) => None,
        };
        let mut args: Vec<Var> = operands.consts.iter().filter_map(known).collect();
        let n_consts = args.len();
        let avals = self.body.in_avals().split_off(self.n_index());
        for ((a, ct), nz) in self.parts(&avals).carry.iter().zip(ct_last).zip(&nz_carry) {
            if *nz {
                args.push(instantiate(g, *ct, a));
            }
        }
        for (a, sum) in self.parts(&avals).consts.iter().zip(sums) {
            if *sum {
                args.push(g.zeros(a));
            }
        }
        let n_carry = args.len() - n_consts;
        args.extend(operands.stacked.iter().filter_map(known));
        args.extend(ct_ys.iter().flatten());
        let op = Scan { reverse: !self.reverse, ..self.with(body, self.indexed, n_consts, n_carry) };
        let mut outs = g.bind(op, &args).into_iter();
        let mut take =
            |marks: &[bool]| -> Vec<Tangent> { marks.iter().map(|m| if *m { outs.next() } else { None }).collect() };
        let of_carry = take(&nz_carry);
        let of_consts = take(sums);
        let of_stacked = take(self.parts(&found).stacked);
        debug_assert!(marks.carry.len() == of_carry.len());
        let all = of_consts.into_iter().chain(of_carry).chain(of_stacked);
        all.zip(&linear).map(|(ct, linear)| if *linear { ct } else { None }).collect()
    }
}

impl Scan {
    /// The first `n` iterations; slices that none yields are zero.
    pub fn run(&self, ins: &[&Array], n: usize) -> Vec<Array> {
        let ins = self.parts(ins);
        let mut carry: Vec<Array> = ins.carry.iter().map(|a| (*a).clone()).collect();
        let ys_avals = self.body.out_avals().split_off(self.n_carry);
        let mut ys: Vec<Array> =
            ys_avals.iter().map(|a| Array::full(&a.batched(self.length), Scalar::zero(a.dtype))).collect();
        for step in 0..n {
            let i = if self.reverse { n - 1 - step } else { step };
            let mut args = Vec::new();
            if self.indexed {
                args.push(Array::scalar(Scalar::U32(i as u32)));
            }
            args.extend(ins.consts.iter().map(|a| (*a).clone()));
            args.append(&mut carry);
            args.extend(ins.stacked.iter().map(|a| a.slice_at(i)));
            carry = eval(&self.body, &args);
            for (y, new) in ys.iter_mut().zip(carry.split_off(self.n_carry)) {
                y.set_slice(i, &new);
            }
        }
        carry.extend(ys);
        carry
    }

    /// Appends the loop to `g` with what is the same in every iteration as constants of the body: carries that go on
    /// unchanged, and operands that hold one number. `None` where there is nothing of the kind.
    pub fn with_steady(&self, g: &mut Graph, ins: &[Var]) -> Option<Vec<Var>> {
        let first_carry = self.n_index() + self.n_consts;
        let steady: Vec<bool> =
            (0..self.n_carry).map(|k| self.body.outputs[k] == self.body.inputs[first_carry + k]).collect();
        let known = |n: usize, v: &Var| {
            let stays = n < self.n_consts || (n < self.n_consts + self.n_carry && steady[n - self.n_consts]);
            g.as_constant(*v).filter(|c| stays && c.is_splat() && !c.data().is_empty())
        };
        let values: Vec<Option<Rc<Array>>> = ins.iter().enumerate().map(|(n, v)| known(n, v)).collect();
        if !steady.contains(&true) && values.iter().all(Option::is_none) {
            return None;
        }
        let mut body = Graph::new(&self.body.name);
        let mut own: Vec<Option<Var>> = vec![None; ins.len()];
        let mut args = Vec::new();
        let index = self.index_input(&mut body);
        let carries = self.n_consts..self.n_consts + self.n_carry;
        let is_const = |n: usize| n < self.n_consts || (carries.contains(&n) && steady[n - self.n_consts]);
        let is_carry = |n: usize| carries.contains(&n) && !steady[n - self.n_consts];
        let kinds: [&dyn Fn(usize) -> bool; 3] =
            [&|n| is_const(n) && values[n].is_none(), &is_carry, &|n| n >= carries.end];
        let mut counts = [0; 3];
        for (kind, count) in kinds.iter().zip(&mut counts) {
            for n in (0..ins.len()).filter(|n| kind(*n)) {
                let v = self.body.inputs[self.n_index() + n];
                let w = body.input(self.body.aval(v));
                if let Some(name) = self.body.var_name(v) {
                    body.name_var(w, name);
                }
                own[n] = Some(w);
                args.push(ins[n]);
                *count += 1;
            }
        }
        for (own, value) in own.iter_mut().zip(&values) {
            if let Some(value) = value {
                *own = Some(body.constant((**value).clone()));
            }
        }
        let all: Vec<Var> = index.into_iter().chain(own.into_iter().flatten()).collect();
        let outs = body.inline(&self.body, &all);
        body.outputs = (0..outs.len()).filter(|n| *n >= self.n_carry || !steady[*n]).map(|n| outs[n]).collect();
        let body = crate::passes::settled(body);
        let mut outs = g.bind(self.with(body, self.indexed, counts[0], counts[1]), &args).into_iter();
        let n_outs = self.body.outputs.len();
        let of = |n: usize| if n < self.n_carry && steady[n] { Some(ins[self.n_consts + n]) } else { outs.next() };
        (0..n_outs).map(of).collect()
    }

    /// The loop without the arrays that it only fills, row after row as it counts: what it puts there is stacked instead. None if
    /// there is no such array.
    pub fn with_filled(&self, g: &mut Graph, ins: &[Var]) -> Option<Vec<Var>> {
        let rows: Vec<Option<Var>> = (0..self.n_carry).map(|k| self.row_filled(k)).collect();
        if rows.iter().all(Option::is_none) {
            return None;
        }
        let mut body = (*self.body).clone();
        let (carries, ys) = self.body.outputs.split_at(self.n_carry);
        let kept = carries.iter().zip(&rows).filter(|(_, row)| row.is_none()).map(|(v, _)| v);
        body.outputs = kept.chain(ys).chain(rows.iter().flatten()).copied().collect();
        let is_filled = |n: usize| n.checked_sub(self.n_consts).and_then(|k| rows.get(k)).is_some_and(Option::is_some);
        let n_index = self.n_index();
        let keep: Vec<bool> =
            (0..body.inputs.len()).map(|n| n.checked_sub(n_index).is_none_or(|n| !is_filled(n))).collect();
        // Nobody reads them once nothing is put into them.
        let body = with_inputs(&crate::passes::dce(&body), &keep);
        let args: Vec<Var> = (0..ins.len()).filter(|n| !is_filled(*n)).map(|n| ins[n]).collect();
        let n_filled = rows.iter().flatten().count();
        let outs = g.bind(self.with(body, self.indexed, self.n_consts, self.n_carry - n_filled), &args);
        let (outs, filled) = outs.split_at(outs.len() - n_filled);
        let (mut outs, mut filled) = (outs.iter(), filled.iter());
        let of = |n: usize| if is_filled(self.n_consts + n) { filled.next() } else { outs.next() }.copied();
        (0..self.body.outputs.len()).map(of).collect()
    }

    /// What carry `k` gets as the row of the turn's number, if that is all that happens to it and every row gets something.
    fn row_filled(&self, k: usize) -> Option<Var> {
        let (body, first_carry) = (&*self.body, self.n_index() + self.n_consts);
        let (before, after) = (body.inputs[first_carry + k], body.outputs[k]);
        let eqn = body.eqns.iter().find(|e| e.outputs[..] == [after])?;
        let scatter = eqn.op.downcast::<Scatter>()?;
        let [array, index, row] = eqn.inputs[..] else { return None };
        let counter = body.inputs.first().filter(|_| self.indexed)?;
        let converted = || body.eqns.iter().find(|e| e.outputs[..] == [index] && e.op.downcast::<Convert>().is_some());
        let counts = index == *counter || converted().is_some_and(|e| e.inputs[0] == *counter);
        let reads = body.eqns.iter().flat_map(|e| &e.inputs).chain(&body.outputs);
        let used_once = reads.filter(|v| **v == before || **v == after).count() == 2;
        let fills = array == before && scatter.sets_row(body.shape(before)) && body.shape(before)[0] == self.length;
        (counts && used_once && fills).then_some(row)
    }
}

/// Type of the index that a body takes.
pub fn index_aval() -> Aval {
    Aval::scalar(DType::U32)
}

impl Primitive for Scan {
    fn name(&self) -> &'static str {
        "scan"
    }

    fn params(&self) -> Params {
        [
            param("length", self.length),
            param("consts", self.n_consts),
            param("carry", self.n_carry),
            param("reverse", self.reverse),
            param("indexed", self.indexed),
            param("body", &self.body),
        ]
        .into()
    }

    fn abstract_eval(&self, ins: &[&Aval]) -> Result<Vec<Aval>, OpError> {
        let mut want = self.body.in_avals();
        if self.indexed && want.first() != Some(&index_aval()) {
            return Err(OpError::new(format!("the body of an indexed `scan` takes {} first", index_aval())));
        }
        let want = want.split_off(self.n_index());
        if want.len() != ins.len() || ins.len() < self.n_consts + self.n_carry {
            return Err(OpError::new(format!("`scan` takes {} operands, not {}", want.len(), ins.len())));
        }
        for (n, (want, found)) in want.iter().zip(ins).enumerate() {
            let want = if n < self.n_consts + self.n_carry { want.clone() } else { want.batched(self.length) };
            if **found != want {
                return Err(OpError::new(format!("operand {n} of `scan` is {want}, found {found}")).at(n));
            }
        }
        let outs = self.body.out_avals();
        if outs.len() < self.n_carry {
            return Err(OpError::new(format!("the body of `scan` yields {} values, not {}", outs.len(), self.n_carry)));
        }
        let (carry, ys) = outs.split_at(self.n_carry);
        expect_types("what goes from one iteration to the next", carry, self.parts(&want).carry)?;
        Ok(carry.iter().cloned().chain(ys.iter().map(|a| a.batched(self.length))).collect())
    }

    fn eval(&self, ins: &[&Array]) -> Vec<Array> {
        self.run(ins, self.length)
    }

    fn jvp(&self, g: &mut Graph, x: &[Var], t: &[Tangent]) -> (Vec<Var>, Vec<Tangent>) {
        let mut nonzero: Vec<bool> = t.iter().map(Option::is_some).collect();
        let (body, found) = loop {
            let (body, found) = self.jvp_body(&nonzero);
            if !self.grow(&mut nonzero, &found[..self.n_carry]) {
                break (body, found);
            }
        };
        let (xs, ts, marks) = (self.parts(x), self.parts(t), self.parts(&nonzero));
        let mut args = Vec::new();
        for (xs, ts, marks) in [
            (xs.consts, ts.consts, marks.consts),
            (xs.carry, ts.carry, marks.carry),
            (xs.stacked, ts.stacked, marks.stacked),
        ] {
            args.extend(xs);
            for ((x, t), nz) in xs.iter().zip(ts).zip(marks) {
                if *nz {
                    let aval = g.aval(*x).clone();
                    args.push(instantiate(g, *t, &aval));
                }
            }
        }
        let n_consts = self.n_consts + count(marks.consts);
        let n_carry = self.n_carry + count(marks.carry);
        let outs = g.bind(self.with(body, self.indexed, n_consts, n_carry), &args);
        let (carry, ys) = outs.split_at(n_carry);
        let (last, mut t_last) = (carry[..self.n_carry].to_vec(), carry[self.n_carry..].iter());
        let n_ys = found.len() - self.n_carry;
        let mut t_ys = ys[n_ys..].iter();
        let mut ts: Vec<Tangent> =
            marks.carry.iter().map(|nz| if *nz { t_last.next().copied() } else { None }).collect();
        ts.extend(found[self.n_carry..].iter().map(|nz| if *nz { t_ys.next().copied() } else { None }));
        (last.into_iter().chain(ys[..n_ys].iter().copied()).collect(), ts)
    }

    /// A carry has the batch axis as soon as any iteration gives it one. Stacked arrays keep the iterations in front.
    fn batch(&self, g: &mut Graph, ins: &[Batched], size: usize) -> Vec<Batched> {
        let mut batched: Vec<bool> = ins.iter().map(|b| b.batched).collect();
        let (body, found) = loop {
            let (body, found) = self.batch_body(&batched, size);
            if !self.grow(&mut batched, &found[..self.n_carry]) {
                break (body, found);
            }
        };
        let (operands, marks) = (self.parts(ins), self.parts(&batched));
        let mut args: Vec<Var> = operands.consts.iter().map(|b| b.var).collect();
        for (b, mark) in operands.carry.iter().zip(marks.carry) {
            args.push(if *mark { with_batch_axis(g, *b, size) } else { b.var });
        }
        for b in operands.stacked {
            args.push(if b.batched { move_axis(g, b.var, 0, 1) } else { b.var });
        }
        let outs = g.bind(self.with(body, self.indexed, self.n_consts, self.n_carry), &args);
        let carry = outs[..self.n_carry].iter().zip(marks.carry).map(|(var, b)| Batched { var: *var, batched: *b });
        let mut all: Vec<Batched> = carry.collect();
        for (var, batched) in outs[self.n_carry..].iter().zip(&found[self.n_carry..]) {
            all.push(Batched { var: if *batched { move_axis(g, *var, 1, 0) } else { *var }, batched: *batched });
        }
        all
    }

    /// Where a carry is known (a counter beside what is linear), the loop is split first.
    fn transpose(&self, g: &mut Graph, ct: &[Tangent], ins: &[Operand]) -> Vec<Tangent> {
        if ct.iter().all(Option::is_none) {
            return vec![None; ins.len()];
        }
        let linear: Vec<bool> = ins.iter().map(|x| matches!(x, Operand::Linear(_))).collect();
        let unknown = self.unknown_operands(&linear);
        if self.parts(&unknown).carry.iter().all(|u| *u) {
            return self.transpose_linear(g, ct, ins);
        }
        let split = self.split(&linear);
        let known: Vec<Var> = ins
            .iter()
            .filter_map(|x| match x {
                Operand::Known(v) => Some(*v),
                Operand::Linear(_) => None,
            })
            .collect();
        let residuals = g.inline(&split.known, &known).split_off(count(&split.known_out));
        let mut known: Vec<Option<Var>> = residuals.into_iter().map(Some).collect();
        known.resize(split.later.inputs.len(), None);
        let cts: Vec<Tangent> =
            ct.iter().zip(&split.known_out).filter(|(_, known)| !**known).map(|(ct, _)| *ct).collect();
        let n_residuals = known.iter().flatten().count();
        let mut of_linear = transpose_into(g, &split.later, &known, &cts).split_off(n_residuals).into_iter();
        linear.iter().map(|l| if *l { of_linear.next().flatten() } else { None }).collect()
    }

    fn lowering(&self, _ins: &[&Aval]) -> Lowering {
        Lowering::Region
    }

    fn region(&self) -> Option<Region> {
        Some(Region::Scan {
            body: self.body.clone(),
            length: self.length,
            n_consts: self.n_consts,
            n_carry: self.n_carry,
            reverse: self.reverse,
            indexed: self.indexed,
        })
    }

    fn subgraphs(&self) -> Vec<Rc<Graph>> {
        vec![self.body.clone()]
    }

    /// The counter, what stays, and slices of what is stacked.
    fn known_inputs(&self, _n: usize, operands: &[Option<Range>]) -> Vec<Option<Range>> {
        let parts = self.parts(operands);
        let counter = Some((0, self.length as i128 - 1)).filter(|_| self.length > 0);
        let mut known = vec![counter; self.n_index()];
        known.extend(parts.consts);
        known.extend(vec![None; self.n_carry]);
        known.extend(parts.stacked);
        known
    }

    fn with_subgraphs(&self, mut graphs: Vec<Rc<Graph>>) -> Op {
        Scan { body: graphs.remove(0), ..self.clone() }.into()
    }

    fn partial_eval(&self, unknown: &[bool]) -> Option<Split> {
        Some(self.split(unknown))
    }

    /// A carry stays if its last value is read, or if an iteration needs it for something that stays.
    fn narrowed(&self, read: &[bool]) -> Option<Narrowed> {
        if read.iter().all(|r| *r) && read_inputs(&self.body).iter().all(|r| *r) {
            return None;
        }
        let mut outputs = read.to_vec();
        let (body, used) = loop {
            let body = with_outputs(&self.body, &outputs);
            let mut used = read_inputs(&body);
            let carries = &mut used[self.n_index() + self.n_consts..][..self.n_carry];
            let before = outputs.clone();
            for (out, used) in outputs.iter_mut().zip(carries) {
                *out |= *used;
                *used = *out;
            }
            if outputs == before {
                break (body, used);
            }
        };
        if used.iter().chain(&outputs).all(|keep| *keep) {
            return None;
        }
        let inputs = used[self.n_index()..].to_vec();
        let parts = self.parts(&inputs);
        let (n_consts, n_carry) = (count(parts.consts), count(parts.carry));
        let indexed = self.indexed && used[0];
        let op = self.with(with_inputs(&body, &used), indexed, n_consts, n_carry).into();
        Some(Narrowed { op, inputs, outputs })
    }

    fn flops(&self, _ins: &[&Aval]) -> u64 {
        flops(&self.body).saturating_mul(self.length as u64)
    }
}

impl Array {
    /// Slice `i` along axis 0.
    pub fn slice_at(&self, i: usize) -> Array {
        let aval = self.aval().unbatched();
        let n = aval.size();
        Array::new(aval, self.data()[i * n..(i + 1) * n].to_vec())
    }

    /// Replaces slice `i` along axis 0.
    pub fn set_slice(&mut self, i: usize, new: &Array) {
        for (ix, x) in crate::array::indices(new.shape()).zip(new.data()) {
            self.set(&prepended(i, &ix), *x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::laws::check_op;
    use crate::text::parse;

    fn scan(body: &str, length: usize, n_consts: usize, n_carry: usize, reverse: bool, indexed: bool) -> Scan {
        let body = Rc::new(parse(body).unwrap_or_else(|e| panic!("{e}")));
        Scan { body, length, n_consts, n_carry, reverse, indexed }
    }

    #[test]
    fn laws() {
        // c' = sin(w c) + x, y = c w: constant, carry and slice in one.
        let body = "graph b(w: f64[2,2], c: f64[2], x: f64[2]) -> (d, a) {
            a: f64[2] = dot_general[lhs_contract=(1), rhs_contract=(0), lhs_batch=(), rhs_batch=()] w c
            b: f64[2] = sin a
            d: f64[2] = add b x
        }";
        for reverse in [false, true] {
            check_op(scan(body, 3, 1, 1, reverse, false), &["f64[2,2]", "f64[2]", "f64[3,2]"]);
        }
        // A counter beside a product, and a carry that takes its tangent from another one an iteration later.
        let body = "graph b(i: u32[], n: i32[], p: f64[], q: f64[], x: f64[]) -> (m, r, p, s) {
            k: i32[] = convert[dtype=i32] i
            m: i32[] = add n k
            f: f64[] = convert[dtype=f64] n
            a: f64[] = mul p f
            r: f64[] = add a x
            s: f64[] = mul q q
        }";
        check_op(scan(body, 4, 0, 3, false, true), &["i32[]", "f64[]", "f64[]", "f64[4]"]);
        // Nothing but slices, and no iteration at all.
        let body = "graph b(x: f64[2]) -> (a) {
            a: f64[2] = exp x
        }";
        check_op(scan(body, 3, 0, 0, false, false), &["f64[3,2]"]);
        check_op(scan(body, 0, 0, 0, false, false), &["f64[0,2]"]);
        // A carry that the body replaces by a constant.
        let body = "graph b(c: f64[], x: f64[]) -> (z, a) {
            z: f64[] = constant[value=f64[]{0.5}]
            a: f64[] = mul c x
        }";
        check_op(scan(body, 3, 0, 1, false, false), &["f64[]", "f64[3]"]);
    }

    /// The carry that each turn puts a row into is stacked instead, whatever the others do; one that is read stays.
    #[test]
    fn what_is_only_filled_is_no_carry() {
        let optimised = |reverse: bool, put: &str, read: &str| {
            let text = format!(
                "graph f(x: f32[3,2], c: f32[2], y: f32[3,2]) -> (d, z) {{
                    d: f32[2], z: f32[3,2] = scan[length=3, consts=0, carry=2, reverse={reverse}, indexed=true, body=graph _(i: u32[], c: f32[2], y: f32[3,2], x: f32[2]) -> (a, z) {{
                        n: i32[] = convert[dtype=i32] i
                        {read}
                        a: f32[2] = add c x
                        z: f32[3,2] = scatter[index=(0,-1), window=(-1,0), index_dims=(()), shape=(2), mode=drop, combine=set] y n {put}
                    }}] c y x
                }}"
            );
            let before = crate::text::parse(&text).unwrap();
            let after = crate::passes::optimise(&before);
            let x = Array::f32(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
            let args = [x.clone(), Array::f32(&[2], &[0.5, -1.0]), x];
            assert_eq!(eval(&before, &args), eval(&after, &args), "{after}");
            after.to_string()
        };
        let read = "r: f32[2] = gather[index=(0,-1), window=(-1,0), index_dims=(()), shape=(2), mode=clip] y n
                        b: f32[2] = mul r x";
        for reverse in [false, true] {
            assert!(optimised(reverse, "a", "").contains("carry=1"));
            assert!(optimised(reverse, "b", read).contains("carry=2"));
        }
    }

    #[test]
    fn a_scan_in_a_scan() {
        let body = "graph b(w: f64[2], c: f64[]) -> (d) {
            d: f64[] = scan[length=2, consts=0, carry=1, reverse=false, indexed=false, body=graph i(c: f64[], x: f64[]) -> (b) {
                a: f64[] = mul c x
                b: f64[] = sin a
            }] c w
        }";
        check_op(scan(body, 3, 1, 1, false, false), &["f64[2]", "f64[]"]);
    }
}
