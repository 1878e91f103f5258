//! Branches on traced values: both sides become graphs, which agree about what they yield and change.

use std::rc::Rc;

use crate::diag::Diag;
use crate::dtype::DType;
use crate::graph::{Aval, Graph, Var};
use crate::ops::{Convert, Switch};
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::literals::wider;
use crate::trace::value::{Ctx, Number, Scope, Traced, Value};
use crate::trace::{Frame, R, Stop, Tracer, desugar, err, err_help, tree};

/// A branch that has been traced but not closed.
pub(super) struct Open {
    pub(super) frame: Frame,
    pub(super) value: Value,
    pub(super) vars: Scope,
}

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
        if *cond.aval != Aval::scalar(DType::Bool) {
            return Err(no_condition(cond, at).into());
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
        self.push_region();
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
    pub(super) fn unify(&mut self, row: &[Value], sp: Sp) -> R<Value> {
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

    pub(super) fn leaf_values(&mut self, v: &Value, template: &Value, out: &mut Vec<Traced>, sp: Sp) -> R<()> {
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
}

/// Gives all graphs the same inputs after the first `n_args`: what any of them captured. Returns those values.
fn merge_captures(graphs: &mut [Graph], captures: &[Vec<Traced>], n_args: usize) -> Vec<Traced> {
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
pub(super) fn same_types(a: &Value, b: &Value) -> bool {
    let (x, y) = (tree::leaves(a), tree::leaves(b));
    tree::same_structure(a, b)
        && x.len() == y.len()
        && x.iter().zip(&y).all(|(a, b)| a.aval == b.aval && a.weak == b.weak)
}

/// What is said of an array that stands for a condition.
pub(super) fn no_condition(found: &Traced, sp: Sp) -> Diag {
    let aval = super::value::show(&found.aval);
    if found.aval.rank() > 0 {
        return Diag::at(sp, format!("a condition is one bool, found {aval}"))
            .help("use `where_` elementwise, or reduce with `any` or `all`");
    }
    Diag::at(sp, format!("a condition is a bool, found {aval}")).help("compare it: `.. != 0`")
}
