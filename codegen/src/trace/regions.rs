//! Branches and loops on traced values: both sides become graphs, loops become graphs with carries.

use std::rc::Rc;

use crate::dtype::DType;
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Convert, Rev, Scan, Slice, Switch, While};
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::iterators::element;
use crate::trace::literals::wider;
use crate::trace::loops::{LoopOptions, Runs};
use crate::trace::place::Place;
use crate::trace::value::{Ctx, FnValue, Iter, Num, Number, Scope, Traced, Value};
use crate::trace::{Frame, R, Stop, Tracer, desugar, err, err_help, tree};

/// How an item of a rolled loop is made of the index and of slices of arrays.
enum ItemPlan {
    /// `start + step * index`.
    Index(Value, i128),
    /// Slice of the n-th stacked array.
    Slice(usize),
    /// A tuple.
    Tuple(Vec<ItemPlan>),
    /// An element of a place, by reference.
    Element(Rc<Place>, Box<ItemPlan>),
    /// A run of elements of an array or place, from an index on.
    Run(Value, Box<ItemPlan>, usize),
    /// What a function makes of an item.
    Map(Box<ItemPlan>, Rc<FnValue>),
}

/// A branch that has been traced but not closed.
struct Open {
    frame: Frame,
    value: Value,
    vars: Scope,
}

/// What [`Tracer::carry_fixpoint`] finds: the open body, the changed variables with their types, their initial values.
type Fixpoint = (Open, Vec<(usize, Value)>, Vec<Traced>);

impl<'a> Tracer<'a> {
    /// `if` on a traced condition.
    #[allow(clippy::too_many_arguments)]
    pub fn traced_if(
        &mut self,
        cond: &Traced,
        at: Sp,
        then: &Block,
        other: Option<&Expr>,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        if cond.aval.rank() > 0 {
            return err_help(
                at,
                format!("a condition is one bool, found {}", super::value::show(&cond.aval)),
                "use `where_` elementwise, or reduce with `any` or `all`",
            );
        }
        if cond.aval.dtype != DType::Bool {
            return err_help(
                at,
                format!("a condition is a bool, found {}", super::value::show(&cond.aval)),
                "compare it: `.. != 0`",
            );
        }
        let yes = self.open_branch(vars, at, |tr, vars| tr.block(then, vars, ctx))?;
        if other.is_none() {
            self.expect_unit(&yes.value, then)?;
        }
        let no = self.open_branch(vars, at, |tr, vars| match other {
            Some(e) => tr.expr(e, vars, ctx),
            None => Ok(Value::Unit),
        })?;
        let index = self.bind1(Convert { dtype: DType::I32 }, &[cond], sp)?;
        self.close_branches(&index, vec![no, yes], sp, vars)
    }

    /// The block of an `if` without `else` yields nothing.
    pub fn expect_unit(&self, value: &Value, block: &Block) -> R<()> {
        if matches!(value, Value::Unit | Value::Poison) {
            return Ok(());
        }
        let sp = block.value.as_ref().map_or(block.sp, |e| e.sp);
        err_help(
            sp,
            format!("an `if` without `else` yields nothing, its block {}", value.describe()),
            "add `else { .. }`, or end the last line of the block with `;`",
        )
    }

    /// The arms of a `match`, of which `index` says which one runs.
    pub fn branches(
        &mut self,
        index: &Traced,
        arms: &[&Arm],
        at: Sp,
        sp: Sp,
        vars: &mut Scope,
        taken: impl Fn(&mut Tracer<'a>, &Arm, &mut Scope) -> R<Value>,
    ) -> R<Value> {
        let mut open = Vec::new();
        for arm in arms {
            open.push(self.open_branch(vars, at, |tr, vars| taken(tr, arm, vars))?);
        }
        self.close_branches(index, open, sp, vars)
    }

    /// The value of which `index` is the number, by branches that yield one each.
    pub fn pick(&mut self, index: &Traced, items: &[Value], sp: Sp, vars: &mut Scope) -> R<Value> {
        let mut open = Vec::new();
        for item in items {
            open.push(self.open_branch(vars, sp, |_, _| Ok(item.clone()))?);
        }
        self.close_branches(index, open, sp, vars)
    }

    /// Traces a branch into a graph of its own, which stays open.
    fn open_branch(
        &mut self,
        vars: &Scope,
        at: Sp,
        f: impl FnOnce(&mut Tracer<'a>, &mut Scope) -> R<Value>,
    ) -> R<Open> {
        let depth = self.depth();
        self.push_frame("");
        let mut scope = vars.clone();
        match f(self, &mut scope) {
            Ok(value) => Ok(Open { frame: self.suspend_frame(), value, vars: scope }),
            Err(stop) => {
                self.truncate_frames(depth);
                Err(match stop {
                    Stop::Return(_, sp) => {
                        crate::diag::Diag::at(sp, "`return` under a condition that is known only at run time")
                            .help("make both branches yield a value and return it at the end")
                            .into()
                    }
                    Stop::Break(_, sp) | Stop::Continue(sp) => Stop::TracedBreak(sp, at),
                    other => other,
                })
            }
        }
    }

    /// Makes one equation of branches: their values and every variable that one of them changed are its results.
    fn close_branches(&mut self, index: &Traced, mut open: Vec<Open>, sp: Sp, vars: &mut Scope) -> R<Value> {
        let changed: Vec<usize> =
            (0..vars.vars.len()).filter(|n| open.iter().any(|o| !same(&o.vars.vars[*n].1, &vars.vars[*n].1))).collect();
        // Per result: one value per branch.
        let mut rows: Vec<Vec<Value>> = vec![open.iter().map(|o| o.value.clone()).collect()];
        for n in &changed {
            rows.push(open.iter().map(|o| o.vars.vars[*n].1.clone()).collect());
        }
        // A variable that one side leaves without a value has none afterwards, except for what a loop will yield.
        let unset = |n: usize, row: &[Value]| {
            row.iter().any(|v| matches!(v, Value::Unset)) && !desugar::fills(&vars.vars[changed[n]].0)
        };
        for (n, row) in rows[1..].iter_mut().enumerate() {
            if unset(n, row) {
                row.fill(Value::Unset);
            }
        }
        let mut templates: Vec<Value> = rows.iter().map(|row| self.unify(row, sp)).collect::<R<_>>()?;
        for (n, t) in templates.iter_mut().enumerate() {
            *t = self.settled_types(t, n, sp);
        }
        let mut graphs: Vec<Graph> = Vec::new();
        let mut captures: Vec<Vec<Traced>> = Vec::new();
        for (b, o) in open.drain(..).enumerate() {
            self.resume_frame(o.frame);
            let mut outs: Vec<Var> = Vec::new();
            for (row, template) in rows.iter().zip(&templates) {
                self.leaves_as(&row[b], template, &mut outs, sp)?;
            }
            self.graph().outputs = outs;
            let (graph, own) = self.pop_frame();
            graphs.push(graph);
            captures.push(own);
        }
        let all = merge_captures(&mut graphs, &captures, 0);
        let op = Switch { branches: graphs.into_iter().map(Rc::new).collect() };
        let mut ins: Vec<&Traced> = vec![index];
        ins.extend(&all);
        let mut outs = self.bind(op, &ins, sp)?.into_iter();
        let mut results: Vec<Value> = Vec::new();
        for (n, t) in templates.iter().enumerate() {
            let mut k = 0;
            results.push(tree::map_leaves(t, &mut |leaf| {
                k += 1;
                let mut new = outs.next().expect("one per leaf");
                new.weak = leaf.weak;
                self.decided_at(&new, n, k, sp);
                new
            }));
        }
        let mut results = results.into_iter();
        let value = results.next().expect("the value comes first");
        for (n, v) in changed.into_iter().zip(results) {
            vars.vars[n].1 = v;
        }
        Ok(value)
    }

    /// What the values of several branches have in common: static where all are the same, else an array of the common
    /// type. The traced leaves of the result stand for types only.
    fn unify(&mut self, row: &[Value], sp: Sp) -> R<Value> {
        let first = &row[0];
        if row.iter().all(|v| same(v, first)) && tree::leaves(first).is_empty() {
            return Ok(first.clone());
        }
        if row.iter().any(|v| matches!(v, Value::Poison)) {
            return Ok(Value::Poison);
        }
        if row.iter().any(|v| matches!(v, Value::Unset)) {
            let set: Vec<Value> = row.iter().filter(|v| !matches!(v, Value::Unset)).cloned().collect();
            let common = self.unify(&set, sp)?;
            return self.carry_type(&common, sp);
        }
        if let Some(items) = tree::children(first).filter(|_| tree::is_tree(first)) {
            if row.iter().any(|v| !tree::same_structure(v, first)) {
                return err_help(
                    sp,
                    format!("the branches yield {} and {}", first.describe(), differing(row)),
                    "both sides of a branch on a traced value have one type",
                );
            }
            let n = items.len();
            let mut new = Vec::new();
            for k in 0..n {
                let column: Vec<Value> =
                    row.iter().map(|v| tree::children(v).expect("same structure")[k].clone()).collect();
                new.push(self.unify(&column, sp)?);
            }
            return Ok(tree::with_children(first, new));
        }
        let mut found: Option<(Aval, bool)> = None;
        for v in row {
            let (aval, weak) = match v {
                Value::Array(_) | Value::Num(_) | Value::Bool(_) | Value::List(_) => {
                    match super::types::literal_type(v) {
                        Some(found) => found,
                        None => {
                            let text = format!("a branch yields {}, whose items have several types", v.describe());
                            return err(sp, text);
                        }
                    }
                }
                _ => {
                    return err_help(
                        sp,
                        format!("the branches yield {} and {}", first.describe(), differing(row)),
                        one_type(row),
                    );
                }
            };
            found = Some(match found {
                None => (aval, weak),
                Some((a, w)) if a == aval => (a, w && weak),
                Some((a, true)) if a.shape == aval.shape && weak => (a.with_dtype(wider(a.dtype, aval.dtype)), true),
                Some((a, true)) if a.shape == aval.shape && !(a.dtype.is_float() && aval.dtype.is_int()) => {
                    (aval, false)
                }
                Some((a, false)) if weak && a.shape == aval.shape => (a, false),
                Some(_) => {
                    return err_help(
                        sp,
                        format!("the branches yield {} and {}", first.describe(), differing(row)),
                        "both sides of a branch on a traced value have one type: convert with `as`",
                    );
                }
            });
        }
        let (aval, weak) = found.expect("one value at least");
        Ok(Value::Array(Traced {
            tvar: super::value::TVar { frame: u32::MAX, var: Var(0) },
            aval: Rc::new(aval),
            weak,
            name: None,
            sp,
        }))
    }

    /// The leaves of `v` in the types of `template`, as variables of the innermost graph.
    pub fn leaves_as(&mut self, v: &Value, template: &Value, out: &mut Vec<Var>, sp: Sp) -> R<()> {
        match template {
            Value::Array(_) => {
                let mut values = Vec::new();
                self.leaf_values(v, template, &mut values, sp)?;
                out.extend(values.iter().map(|t| self.var(t)).collect::<Vec<_>>());
                Ok(())
            }
            _ => match (tree::children(template), tree::children(v)) {
                (Some(ts), Some(vs)) => {
                    for (t, v) in ts.iter().zip(vs) {
                        self.leaves_as(v, t, out, sp)?;
                    }
                    Ok(())
                }
                (Some(ts), None) => ts.iter().try_for_each(|t| self.leaves_as(v, t, out, sp)),
                _ => Ok(()),
            },
        }
    }

    /// A `for` loop that stays a loop.
    #[allow(clippy::too_many_arguments)]
    pub fn rolled_for(
        &mut self,
        pat: &Pat,
        it: &Iter,
        len: (usize, Option<Runs>),
        body: &Block,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        let mut stacked: Vec<Traced> = Vec::new();
        let plan = self.item_plan(it, &mut stacked, sp)?;
        let depth = self.depth();
        match self.scan_loop(pat, &plan, &stacked, len, body, sp, vars, ctx) {
            Err(Stop::TracedBreak(_, _)) => {
                self.truncate_frames(depth);
                // `break` and `continue` under traced conditions become flags.
                let body = desugar::loop_body(body);
                let mark = vars.vars.len();
                vars.push(desugar::DONE.into(), Value::Bool(false));
                let result = self.scan_loop(pat, &plan, &stacked, len, &body, sp, vars, ctx);
                vars.vars.truncate(mark);
                result
            }
            other => other,
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn scan_loop(
        &mut self,
        pat: &Pat,
        plan: &ItemPlan,
        stacked: &[Traced],
        (length, runs): (usize, Option<Runs>),
        body: &Block,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        let n_loops = self.loops.len();
        let settled = self.carry_fixpoint(vars, body, sp, |tr, scope| {
            let index = tr.input(&Aval::scalar(DType::U32), sp);
            tr.loops.truncate(n_loops);
            tr.loops.push(super::RolledLoop { counter: index.tvar, length, sp });
            let slices: Vec<Traced> = stacked.iter().map(|t| tr.input(&t.aval.unbatched(), sp)).collect();
            let item = tr.plan_item(plan, &index, &slices, sp)?;
            let mark = scope.vars.len();
            tr.bind_pat(pat, &item, scope, ctx)?;
            let result = tr.block_inner(body, scope, ctx);
            scope.vars.truncate(mark);
            result.map(|_| ())
        });
        self.loops.truncate(n_loops);
        let (open, carried, init) = settled?;
        // Inputs were made in the order carries, index, slices, captures; the region wants captures, index, carries, slices.
        self.resume_frame(open.frame);
        let mut outs = Vec::new();
        for (n, template) in &carried {
            let last = open.vars.vars[*n].1.clone();
            self.leaves_as(&last, template, &mut outs, sp)?;
        }
        self.graph().outputs = outs;
        let (mut graph, captures) = self.pop_frame();
        let n_carry = init.len();
        let tail = graph.inputs.split_off(n_carry + 1 + stacked.len());
        let slices = graph.inputs.split_off(n_carry + 1);
        let index = graph.inputs.pop().expect("the index");
        let carries = std::mem::take(&mut graph.inputs);
        graph.inputs = [vec![index], tail, carries, slices].concat();
        let op =
            Scan { body: Rc::new(graph), length, n_consts: captures.len(), n_carry, reverse: false, indexed: true };
        let ins: Vec<&Traced> = captures.iter().chain(&init).chain(stacked).collect();
        let outs = self.bind_loop(op, &ins, runs, sp)?;
        self.store_carries(vars, &carried, outs, sp, ctx);
        Ok(Value::Unit)
    }

    fn store_carries(&mut self, vars: &mut Scope, carried: &[(usize, Value)], outs: Vec<Traced>, sp: Sp, ctx: &Ctx) {
        let mut outs = outs.into_iter();
        for (n, template) in carried {
            let name = vars.vars[*n].0.clone();
            let mut k = 0;
            vars.vars[*n].1 = tree::map_leaves(template, &mut |leaf| {
                k += 1;
                let mut new = outs.next().expect("one per leaf");
                new.weak = leaf.weak;
                self.decided_at(&new, *n, k, sp);
                if matches!(template, Value::Array(_)) {
                    if !ctx.library {
                        self.graph().name_var(new.tvar.var, &name);
                    }
                    new.name = Some(name.clone());
                }
                new
            });
        }
    }

    /// Traces a loop body until the set and the types of the variables it changes are known.
    fn carry_fixpoint(
        &mut self,
        vars: &Scope,
        body: &Block,
        sp: Sp,
        mut f: impl FnMut(&mut Tracer<'a>, &mut Scope) -> R<()>,
    ) -> R<Fixpoint> {
        // A first guess from the syntax saves a round.
        let mut guess = Vec::new();
        desugar::assigned(body, &mut guess);
        let mut guess: Vec<usize> = guess
            .iter()
            .filter_map(|name| match name.split_once('.') {
                None => vars.position(name),
                Some((name, method)) => vars.position(name).filter(|_| self.may_change(method)),
            })
            .map(|n| match &vars.vars[n].1 {
                Value::Place(place) => place.var,
                _ => n,
            })
            .collect();
        guess.sort_unstable();
        guess.dedup();
        let mut carried: Vec<(usize, Value)> = Vec::new();
        for n in guess {
            let value = &vars.vars[n].1;
            if !matches!(value, Value::Poison | Value::Unset | Value::Fn(_) | Value::Place(_)) {
                let start = self.carry_type(value, sp)?;
                carried.push((n, self.settled_types(&start, n, sp)));
            }
        }
        for _ in 0..8 {
            let mut init = Vec::new();
            let mut vars_in: Vec<Value> = Vec::new();
            for (n, template) in &carried {
                let mut leaves = Vec::new();
                self.leaf_values(&vars.vars[*n].1, template, &mut leaves, sp)?;
                init.extend(leaves);
            }
            let depth = self.depth();
            self.push_frame("");
            let mut scope = vars.clone();
            for (n, template) in &carried {
                let name = scope.vars[*n].0.clone();
                let mut k = 0;
                let inner = tree::map_leaves(template, &mut |leaf| {
                    k += 1;
                    let mut t = self.input(&leaf.aval, sp);
                    t.weak = leaf.weak;
                    self.decided_at(&t, *n, k, sp);
                    if matches!(template, Value::Array(_)) {
                        t.name = Some(name.clone());
                    }
                    t
                });
                vars_in.push(inner.clone());
                scope.vars[*n].1 = inner;
            }
            let before = scope.clone();
            if let Err(stop) = f(self, &mut scope) {
                self.truncate_frames(depth);
                return Err(match stop {
                    Stop::Return(_, at) => crate::diag::Diag::at(at, "`return` inside a loop that stays a loop")
                        .help("leave the loop with `break` and return after it, or unroll it: `#[unroll] for`")
                        .into(),
                    Stop::Break(_, at) | Stop::Continue(at) => Stop::TracedBreak(at, at),
                    other => other,
                });
            }
            let mut again = false;
            for n in 0..vars.vars.len() {
                let (old, new) = (&before.vars[n].1, &scope.vars[n].1);
                if same(old, new) {
                    continue;
                }
                let ty = match carried.iter().position(|(m, _)| *m == n) {
                    Some(k) => {
                        let joined = self.carry_joined(&vars.vars[n].0, &carried[k].1, new, sp)?;
                        let stable = same_types(&joined, &carried[k].1);
                        if !stable {
                            carried[k].1 = joined;
                        }
                        stable
                    }
                    None => {
                        let joined = match &vars.vars[n].1 {
                            Value::Unset => self.carry_type(new, sp)?,
                            start => {
                                let start = self.carry_type(start, sp)?;
                                self.carry_joined(&vars.vars[n].0, &start, new, sp)?
                            }
                        };
                        carried.push((n, self.settled_types(&joined, n, sp)));
                        false
                    }
                };
                again |= !ty;
            }
            if !again {
                // A guess that was wrong costs nothing but a carry that does not change: drop it and go round once more.
                let unchanged: Vec<usize> = carried
                    .iter()
                    .enumerate()
                    .filter(|(_, (n, _))| same(&before.vars[*n].1, &scope.vars[*n].1))
                    .map(|(k, _)| k)
                    .collect();
                if unchanged.is_empty() {
                    let frame = self.suspend_frame();
                    return Ok((Open { frame, value: Value::Unit, vars: scope }, carried, init));
                }
                for k in unchanged.into_iter().rev() {
                    carried.remove(k);
                }
            }
            carried.sort_by_key(|(n, _)| *n);
            self.truncate_frames(depth);
        }
        err_help(
            sp,
            "the types of the variables that this loop changes do not settle",
            "give them their final dtype and shape before the loop",
        )
    }

    /// What a variable is before a loop and after a turn of it have in common.
    fn carry_joined(&mut self, name: &str, before: &Value, after: &Value, sp: Sp) -> R<Value> {
        self.unify(&[before.clone(), after.clone()], sp).map_err(|stop| match stop {
            Stop::Error(_) => {
                let (before, after) = (before.describe(), after.describe());
                crate::diag::Diag::at(sp, format!("`{name}` is {before} before this loop, {after} after a turn of it"))
                    .help("what a loop changes keeps its dtype and shape: make room before it, or `#[unroll]` it")
                    .into()
            }
            stop => stop,
        })
    }

    /// Whether there is a method of that name that changes what it is called on.
    fn may_change(&self, method: &str) -> bool {
        let by_mut = |f: &super::value::FnItem| {
            f.function.params.first().is_some_and(|p| matches!(p.ty.kind, TypeKind::Ref(_, true)))
        };
        matches!(method, "iter_mut" | "chunks_mut" | "chunks_exact_mut" | "swap" | "fill" | "copy_from_slice")
            || self.items.methods.iter().any(|((_, name), f)| name == method && by_mut(f))
    }

    /// The type a variable has when it is carried: numbers and literals become arrays.
    pub fn carry_type(&mut self, v: &Value, sp: Sp) -> R<Value> {
        match (v, tree::children(v).filter(|_| tree::is_tree(v))) {
            (_, Some(items)) => {
                let new = items.iter().map(|x| self.carry_type(x, sp)).collect::<R<_>>()?;
                Ok(tree::with_children(v, new))
            }
            (Value::Option(Some(x)), _) => Ok(Value::Option(Some(Rc::new(self.carry_type(x, sp)?)))),
            (Value::Checked(x), _) => Ok(Value::Checked(Rc::new(self.carry_type(x, sp)?))),
            (Value::List(_) | Value::Array(_) | Value::Num(_) | Value::Bool(_), _) => {
                Ok(Value::Array(self.to_traced(v, None, sp)?))
            }
            _ => Ok(v.clone()),
        }
    }

    fn leaf_values(&mut self, v: &Value, template: &Value, out: &mut Vec<Traced>, sp: Sp) -> R<()> {
        match template {
            // What has no value yet is not read before it has one: anything will do.
            Value::Array(t) if matches!(v, Value::Unset) => {
                let zero = crate::array::Array::full(&t.aval, crate::dtype::Scalar::from_i128(t.aval.dtype, 0));
                out.push(self.constant(zero, sp));
                Ok(())
            }
            Value::Array(t) => {
                let x = self.to_traced(v, Some(t.aval.dtype), sp)?;
                let x = if x.aval.dtype == t.aval.dtype { x } else { self.convert(&x, t.aval.dtype, sp)? };
                out.push(x);
                Ok(())
            }
            _ => match (tree::children(template), tree::children(v)) {
                (Some(ts), Some(vs)) => {
                    for (t, v) in ts.iter().zip(vs) {
                        self.leaf_values(v, t, out, sp)?;
                    }
                    Ok(())
                }
                (Some(ts), None) => ts.iter().try_for_each(|t| self.leaf_values(v, t, out, sp)),
                _ => Ok(()),
            },
        }
    }

    /// `while cond { .. }`.
    #[allow(clippy::too_many_arguments)]
    pub fn while_expr(
        &mut self,
        kind: &str,
        cond: &Expr,
        body: &Block,
        attrs: &[Attr],
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        let options = self.loop_options(kind, attrs, vars, ctx)?;
        self.while_with(cond, body, options, sp, vars, ctx)
    }

    /// A `while` with its options.
    pub fn while_with(
        &mut self,
        cond: &Expr,
        body: &Block,
        options: LoopOptions,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        // While the condition is static the loop runs here.
        let mut turns = 0;
        let depth = self.depth();
        loop {
            match self.expr(cond, vars, ctx)? {
                Value::Bool(false) => return Ok(Value::Unit),
                Value::Bool(true) => {}
                Value::Array(_) => break,
                other => return err(cond.sp, format!("a condition is a bool, found {}", other.describe())),
            }
            turns += 1;
            if turns > 10_000 {
                return err_help(
                    sp,
                    "this loop runs more than 10000 times while tracing",
                    "write `for i in 0..n` to keep it a loop",
                );
            }
            let (before, mark) = (vars.clone(), self.graph().eqns.len());
            match self.block(body, vars, ctx) {
                Ok(_) | Err(Stop::Continue(_)) => {}
                Err(Stop::Break(value, _)) => return Ok(value.unwrap_or(Value::Unit)),
                Err(Stop::TracedBreak(..)) => {
                    // This turn has not happened.
                    self.truncate_frames(depth);
                    self.graph().eqns.truncate(mark);
                    *vars = before;
                    break;
                }
                Err(stop) => return Err(stop),
            }
        }
        match self.while_loop(cond, body, &options, sp, vars, ctx) {
            Err(Stop::TracedBreak(_, _)) => {
                self.truncate_frames(depth);
                let (cond, body) = desugar::while_parts(cond, body);
                let mark = vars.vars.len();
                vars.push(desugar::DONE.into(), Value::Bool(false));
                vars.push(desugar::RESULT.into(), Value::Unset);
                let result = self.while_loop(&cond, &body, &options, sp, vars, ctx);
                let value = vars.vars.get(mark + 1).map_or(Value::Unset, |(_, v)| v.clone());
                vars.vars.truncate(mark);
                result?;
                Ok(match value {
                    Value::Unset => Value::Unit,
                    value => value,
                })
            }
            other => other,
        }
    }

    /// `loop { .. }`: a `while` whose condition is that nothing has broken out.
    pub fn loop_expr(&mut self, body: &Block, attrs: &[Attr], sp: Sp, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let forever = Expr { kind: ExprKind::Bool(true), sp };
        self.while_expr("loop", &forever, body, attrs, sp, vars, ctx)
    }

    fn while_loop(
        &mut self,
        cond: &Expr,
        body: &Block,
        options: &LoopOptions,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        let (open, carried, init) =
            self.carry_fixpoint(vars, body, sp, |tr, scope| tr.block(body, scope, ctx).map(|_| ()))?;
        self.resume_frame(open.frame);
        let mut outs = Vec::new();
        for (n, template) in &carried {
            let last = open.vars.vars[*n].1.clone();
            self.leaves_as(&last, template, &mut outs, sp)?;
        }
        self.graph().outputs = outs;
        let (mut body_graph, body_captures) = self.pop_frame();
        // The condition sees the same carries.
        self.push_frame("");
        let mut scope = vars.clone();
        for (n, template) in &carried {
            let mut k = 0;
            scope.vars[*n].1 = tree::map_leaves(template, &mut |leaf| {
                k += 1;
                let mut t = self.input(&leaf.aval, sp);
                t.weak = leaf.weak;
                self.decided_at(&t, *n, k, sp);
                t
            });
        }
        let test = self.expr(cond, &mut scope, ctx)?;
        let test = self.to_traced(&test, None, cond.sp)?;
        if *test.aval != Aval::scalar(DType::Bool) {
            return err(cond.sp, format!("a condition is one bool, found {}", super::value::show(&test.aval)));
        }
        let out = self.var(&test);
        self.graph().outputs = vec![out];
        let (mut cond_graph, cond_captures) = self.pop_frame();
        let n_carry = init.len();
        for g in [&mut body_graph, &mut cond_graph] {
            let captures = g.inputs.split_off(n_carry);
            let carries = std::mem::replace(&mut g.inputs, captures);
            g.inputs.extend(carries);
        }
        let op = While {
            cond: Rc::new(cond_graph),
            body: Rc::new(body_graph),
            n_cond_consts: cond_captures.len(),
            n_body_consts: body_captures.len(),
            bound: options.bound,
        };
        let ins: Vec<&Traced> = cond_captures.iter().chain(&body_captures).chain(&init).collect();
        let outs = match (options.runs, options.bound) {
            (Some(runs), Some(bound)) => self.bind_loop(op.as_scan(bound), &ins, Some(runs), sp)?,
            _ => self.bind(op, &ins, sp)?,
        };
        self.store_carries(vars, &carried, outs, sp, ctx);
        Ok(Value::Unit)
    }

    /// How the items of an iterator are made inside a rolled loop; arrays to slice are collected.
    fn item_plan(&mut self, it: &Iter, stacked: &mut Vec<Traced>, sp: Sp) -> R<ItemPlan> {
        let len = self.iter_len(it);
        Ok(match it {
            Iter::Range { start, step, .. } => ItemPlan::Index(start.clone(), *step),
            Iter::Open { .. } => return err(sp, "this range is not static"),
            Iter::Items(v) => {
                let t = self.to_traced(v, None, sp)?;
                stacked.push(t);
                ItemPlan::Slice(stacked.len() - 1)
            }
            Iter::Enumerate(inner) => {
                ItemPlan::Tuple(vec![ItemPlan::Index(Value::int(0), 1), self.item_plan(inner, stacked, sp)?])
            }
            Iter::Zip(a, b) => {
                let mut parts = Vec::new();
                for side in [a, b] {
                    let mark = stacked.len();
                    parts.push(self.item_plan(side, stacked, sp)?);
                    for t in &mut stacked[mark..] {
                        *t = self.strided(t, 0, 1, len, sp)?;
                    }
                }
                ItemPlan::Tuple(parts)
            }
            Iter::Rev(inner) => {
                let mark = stacked.len();
                let n = self.iter_len(inner);
                let plan = self.item_plan(inner, stacked, sp)?;
                for t in &mut stacked[mark..] {
                    *t = self.bind1(Rev { axes: vec![0] }, &[t], sp)?;
                }
                self.shift_plan(plan, n as i128 - 1, -1, sp)?
            }
            Iter::Places(place, _) => ItemPlan::Element(place.clone(), Box::new(ItemPlan::Index(Value::int(0), 1))),
            Iter::Runs { of, size, step, .. } => {
                let index = ItemPlan::Index(Value::int(0), *step as i128);
                ItemPlan::Run(of.clone(), Box::new(index), *size)
            }
            Iter::Map(inner, f) => ItemPlan::Map(Box::new(self.item_plan(inner, stacked, sp)?), f.clone()),
            Iter::Part(inner, first, _) => {
                let mark = stacked.len();
                let plan = self.item_plan(inner, stacked, sp)?;
                for t in &mut stacked[mark..] {
                    *t = self.strided(t, *first, 1, len, sp)?;
                }
                self.shift_plan(plan, *first as i128, 1, sp)?
            }
            Iter::StepBy(inner, k) => {
                let mark = stacked.len();
                let plan = self.item_plan(inner, stacked, sp)?;
                for t in &mut stacked[mark..] {
                    *t = self.strided(t, 0, *k, len, sp)?;
                }
                self.shift_plan(plan, 0, *k as i128, sp)?
            }
        })
    }

    fn strided(&mut self, t: &Traced, start: usize, stride: usize, len: usize, sp: Sp) -> R<Traced> {
        if stride == 1 && start == 0 && t.aval.shape[0] == len {
            return Ok(t.clone());
        }
        let rank = t.aval.rank();
        let mut op = Slice { start: vec![0; rank], limit: t.aval.shape.clone(), stride: vec![1; rank] };
        (op.start[0], op.stride[0]) = (start, stride);
        op.limit[0] = (start + (len.max(1) - 1) * stride + 1).min(t.aval.shape[0]);
        self.bind1(op, &[t], sp)
    }

    /// The plan for items `offset + factor * index` of another plan; arrays have been rearranged already.
    fn shift_plan(&mut self, plan: ItemPlan, offset: i128, factor: i128, sp: Sp) -> R<ItemPlan> {
        Ok(match plan {
            ItemPlan::Index(start, step) => {
                let moved = self.binary(BinOp::Add, &start, &Value::int(offset * step), sp)?;
                ItemPlan::Index(moved, step * factor)
            }
            ItemPlan::Tuple(parts) => {
                ItemPlan::Tuple(parts.into_iter().map(|p| self.shift_plan(p, offset, factor, sp)).collect::<R<_>>()?)
            }
            ItemPlan::Element(place, at) => {
                ItemPlan::Element(place, Box::new(self.shift_plan(*at, offset, factor, sp)?))
            }
            ItemPlan::Run(of, at, size) => ItemPlan::Run(of, Box::new(self.shift_plan(*at, offset, factor, sp)?), size),
            ItemPlan::Map(plan, f) => ItemPlan::Map(Box::new(self.shift_plan(*plan, offset, factor, sp)?), f),
            slice @ ItemPlan::Slice(_) => slice,
        })
    }

    fn plan_item(&mut self, plan: &ItemPlan, index: &Traced, slices: &[Traced], sp: Sp) -> R<Value> {
        match plan {
            ItemPlan::Slice(n) => Ok(Value::Array(slices[*n].clone())),
            ItemPlan::Tuple(parts) => {
                Ok(Value::tuple(parts.iter().map(|p| self.plan_item(p, index, slices, sp)).collect::<R<_>>()?))
            }
            ItemPlan::Element(place, at) => {
                let at = self.plan_item(at, index, slices, sp)?;
                Ok(element(place, at))
            }
            ItemPlan::Run(of, at, size) => {
                let at = self.plan_item(at, index, slices, sp)?;
                self.run_of(of, at, *size, sp)
            }
            ItemPlan::Map(plan, f) => {
                let item = self.plan_item(plan, index, slices, sp)?;
                self.apply(f, vec![item], sp)
            }
            ItemPlan::Index(start, step) => {
                let dtype = match start {
                    Value::Num(n) => n.dtype.unwrap_or(DType::I32),
                    Value::Array(t) => t.aval.dtype,
                    _ => DType::I32,
                };
                let mut v = Value::Array(self.convert(index, dtype, sp)?);
                if *step != 1 {
                    v = self.binary(BinOp::Mul, &v, &Value::int(*step), sp)?;
                }
                if !matches!(start, Value::Num(Num { value: Number::Int(0), .. })) {
                    v = self.binary(BinOp::Add, &v, start, sp)?;
                }
                // A loop counter is a literal in Rust's eyes: it takes the dtype of the integers it meets.
                let weak = match start {
                    Value::Num(n) => n.dtype.is_none(),
                    Value::Array(t) => t.weak,
                    _ => false,
                };
                if let Value::Array(t) = &mut v {
                    t.weak = weak;
                }
                Ok(v)
            }
        }
    }
}

/// Gives all graphs the same inputs after the first `n_args`: what any of them captured. Returns those values.
pub fn merge_captures(graphs: &mut [Graph], captures: &[Vec<Traced>], n_args: usize) -> Vec<Traced> {
    let mut all: Vec<Traced> = Vec::new();
    for c in captures.iter().flatten() {
        if !all.iter().any(|t| t.tvar == c.tvar) {
            all.push(c.clone());
        }
    }
    for (g, own) in graphs.iter_mut().zip(captures) {
        let tail = g.inputs.split_off(n_args);
        for c in &all {
            match own.iter().position(|o| o.tvar == c.tvar) {
                Some(n) => g.inputs.push(tail[n]),
                None => {
                    g.input(&c.aval);
                }
            }
        }
    }
    all
}

fn differing(row: &[Value]) -> String {
    let first = row[0].describe();
    row.iter().map(Value::describe).find(|d| *d != first).unwrap_or(first)
}

/// Whether two values are the same variables and the same static values.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(x), Value::Array(y)) => x.tvar == y.tvar,
        (Value::Num(x), Value::Num(y)) => {
            // NaN is itself here.
            let number = match (x.value, y.value) {
                (Number::Float(x), Number::Float(y)) => x.to_bits() == y.to_bits(),
                (x, y) => x == y,
            };
            number && x.dtype == y.dtype
        }
        (Value::Bool(x), Value::Bool(y)) => x == y,
        (Value::Str(x), Value::Str(y)) => x == y,
        (Value::DType(x), Value::DType(y)) => x == y,
        (Value::Unit, Value::Unit) | (Value::Poison, Value::Poison) | (Value::Unset, Value::Unset) => true,
        (Value::Place(x), Value::Place(y)) => Rc::ptr_eq(x, y),
        (Value::Option(None), Value::Option(None)) => true,
        (Value::Option(Some(x)), Value::Option(Some(y))) | (Value::Checked(x), Value::Checked(y)) => same(x, y),
        (Value::Fn(x), Value::Fn(y)) => Rc::ptr_eq(x, y),
        (Value::Range(a, b), Value::Range(c, d)) => {
            let eq = |x: &Option<Rc<Value>>, y: &Option<Rc<Value>>| match (x, y) {
                (Some(x), Some(y)) => same(x, y),
                (None, None) => true,
                _ => false,
            };
            eq(a, c) && eq(b, d)
        }
        (Value::Iter(x), Value::Iter(y)) => Rc::ptr_eq(x, y),
        _ => match (tree::children(a), tree::children(b)) {
            (Some(x), Some(y)) => tree::same_structure(a, b) && x.iter().zip(y).all(|(a, b)| same(a, b)),
            _ => false,
        },
    }
}

/// What to write where branches yield values of several types.
fn one_type(row: &[Value]) -> &'static str {
    if row.iter().any(|v| matches!(v, Value::Option(_))) {
        return "whether an `Option` has a value is known while compiling: yield the value and a bool beside it";
    }
    if row.iter().any(|v| matches!(v, Value::Fn(_))) {
        return "which function is called is known while compiling: call it in each branch";
    }
    "both sides of a branch on a traced value have one type"
}

/// Whether two templates have the same types.
fn same_types(a: &Value, b: &Value) -> bool {
    let (x, y) = (tree::leaves(a), tree::leaves(b));
    tree::same_structure(a, b)
        && x.len() == y.len()
        && x.iter().zip(&y).all(|(a, b)| a.aval == b.aval && a.weak == b.weak)
}
