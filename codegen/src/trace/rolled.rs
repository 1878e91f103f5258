//! Loops that stay loops: their bodies become graphs with carries, whose types settle over repeated tracing.

use std::rc::Rc;

use crate::dtype::DType;
use crate::graph::Aval;
use crate::ops::{Scan, While};
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::branches::{Open, same, same_types};
use crate::trace::items::ItemPlan;
use crate::trace::loops::{LoopOptions, Runs};
use crate::trace::value::{Ctx, Iter, Scope, Traced, Value};
use crate::trace::{R, Stop, Tracer, desugar, err, err_help, tree};

/// What [`Tracer::carry_fixpoint`] finds: the open body, the changed variables with their types, their initial values.
type Fixpoint = (Open, Vec<(usize, Value)>, Vec<Traced>);

impl<'a> Tracer<'a> {
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
            self.push_region();
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
    pub(super) fn may_change(&self, method: &str) -> bool {
        let by_mut = |f: &super::value::FnItem| {
            f.function.params.first().is_some_and(|p| matches!(p.ty.kind, TypeKind::Ref(_, true)))
        };
        let of_slices =
            ["iter_mut", "chunks_mut", "chunks_exact_mut", "swap", "fill", "copy_from_slice", "clone_from_slice"];
        of_slices.contains(&method)
            || matches!(method, "reverse" | "rotate_left" | "rotate_right")
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
                    "nothing that only the run knows ends it: `break` on such a condition, or write `for i in 0..n`",
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

    pub(super) fn while_loop(
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
        self.push_region();
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
            return Err(super::branches::no_condition(&test, cond.sp).into());
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
}
