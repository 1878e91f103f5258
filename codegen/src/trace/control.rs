//! Branches and loops. Static conditions and iterators are resolved here; traced ones become regions of the graph.

use std::rc::Rc;

use crate::ops::Slice;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::value::{Ctx, Iter, Num, Number, Scope, Traced, Value};
use crate::trace::{R, Stop, Tracer, err, err_help};

impl<'a> Tracer<'a> {
    /// `if cond { .. } else { .. }`.
    #[allow(clippy::too_many_arguments)]
    pub fn if_expr(
        &mut self,
        cond: &Expr,
        then: &Block,
        other: Option<&Expr>,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        let mark = vars.vars.len();
        let taken = match &cond.kind {
            ExprKind::Let(pat, value) => {
                let v = self.expr(value, vars, ctx)?;
                match self.match_pat(pat, &v, vars, ctx)? {
                    Some(b) => Value::Bool(b),
                    None => return err_help(pat.sp, "`if let` needs a static value", "compare with `==` instead"),
                }
            }
            _ => self.expr(cond, vars, ctx)?,
        };
        let result = match taken {
            Value::Bool(true) => self.block(then, vars, ctx),
            Value::Bool(false) => match other {
                Some(e) => self.expr(e, vars, ctx),
                None => Ok(Value::Unit),
            },
            Value::Array(t) => self.traced_if(&t, cond.sp, then, other, sp, vars, ctx),
            Value::Poison => Err(Stop::Silent),
            v => err(cond.sp, format!("a condition is a bool, found {}", v.describe())),
        };
        vars.vars.truncate(mark);
        result
    }

    /// `match value { .. }`.
    pub fn match_expr(&mut self, value: &Expr, arms: &[Arm], sp: Sp, vars: &mut Scope, ctx: &Rc<Ctx>) -> R<Value> {
        let v = self.expr(value, vars, ctx)?;
        if let Value::Array(t) = &v {
            return self.traced_match(t, value.sp, arms, sp, vars, ctx);
        }
        for arm in arms {
            let mark = vars.vars.len();
            let fits = self.match_pat(&arm.pat, &v, vars, ctx)?;
            let fits = match (fits, &arm.guard) {
                (Some(true), Some(g)) => match self.expr(g, vars, ctx)? {
                    Value::Bool(b) => Some(b),
                    _ => None,
                },
                (other, _) => other,
            };
            match fits {
                Some(true) => {
                    let result = self.expr(&arm.body, vars, ctx);
                    vars.vars.truncate(mark);
                    return result;
                }
                Some(false) => vars.vars.truncate(mark),
                None => {
                    return err_help(arm.pat.sp, "this pattern needs a static value", "use `if` on the traced value");
                }
            }
        }
        err(sp, format!("no arm matches {}", v.describe()))
    }

    /// `for pat in iter { .. }`.
    #[allow(clippy::too_many_arguments)]
    pub fn for_expr(
        &mut self,
        pat: &Pat,
        iter: &Expr,
        body: &Block,
        attrs: &[Attr],
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        let value = self.expr(iter, vars, ctx)?;
        let it = self.iter_of(&value, iter.sp)?;
        let options = self.loop_options("for", attrs, vars, ctx)?;
        let rolled = attrs.iter().any(|a| &*a.name.text == "rolled");
        let unroll = (ctx.library && !rolled) || options.unroll || self.is_static_iter(&it);
        let len = self.iter_len(&it);
        if unroll || len <= 1 {
            for n in 0..len {
                let item = self.iter_item(&it, n, iter.sp)?;
                let mark = vars.vars.len();
                let result = self.bind_pat(pat, &item, vars, ctx).and_then(|()| self.block_inner(body, vars, ctx));
                vars.vars.truncate(mark);
                match result {
                    Ok(_) | Err(Stop::Continue(_)) => {}
                    Err(Stop::Break(_, _)) => break,
                    Err(stop) => return Err(stop),
                }
            }
            return Ok(Value::Unit);
        }
        self.rolled_for(pat, &it, (len, options.runs), body, sp, vars, ctx)
    }

    /// What `for` iterates over.
    pub fn iter_of(&mut self, v: &Value, sp: Sp) -> R<Rc<Iter>> {
        match v {
            Value::Iter(it) => Ok(it.clone()),
            Value::Range(lo, hi) => {
                let start = lo.as_ref().map_or(Value::int(0), |v| (**v).clone());
                let (Some(hi), int) = (hi, |v: &Value| match v {
                    Value::Num(Num { value: Number::Int(i), .. }) => Some(*i),
                    _ => None,
                }) else {
                    return err(sp, "a `for` loop needs an end: `0..n`");
                };
                match (int(&start), int(hi)) {
                    (Some(a), Some(b)) => {
                        let len = usize::try_from((b - a).max(0)).unwrap_or(0);
                        Ok(Rc::new(Iter::Range { start, step: 1, len }))
                    }
                    _ => err_help(
                        sp,
                        "the bounds of a `for` loop are static",
                        "for a bound known at run time use `#[bound(N)] while i < n { .. i += 1; }`",
                    ),
                }
            }
            Value::Array(t) if t.aval.rank() > 0 => Ok(Rc::new(Iter::Items(v.clone()))),
            Value::List(_) | Value::Tuple(_) => Ok(Rc::new(Iter::Items(v.clone()))),
            Value::Unit => Ok(Rc::new(Iter::Items(Value::tuple(Vec::new())))),
            Value::Poison => Err(Stop::Silent),
            Value::Num(_) | Value::Array(_) => err_help(
                sp,
                format!("{} has no elements to iterate over", v.describe()),
                "iterate over an array or over a range: `for i in 0..n`",
            ),
            other => err(sp, format!("cannot iterate over {}", other.describe())),
        }
    }

    /// Number of items.
    pub fn iter_len(&self, it: &Iter) -> usize {
        match it {
            Iter::Range { len, .. } => *len,
            Iter::Items(Value::Array(t)) => t.aval.shape[0],
            Iter::Items(v) => super::tree::children(v).map_or(0, <[Value]>::len),
            Iter::Enumerate(i) | Iter::Rev(i) => self.iter_len(i),
            Iter::Zip(a, b) => self.iter_len(a).min(self.iter_len(b)),
            Iter::StepBy(i, k) => self.iter_len(i).div_ceil(*k),
        }
    }

    /// Item `n`, static where it can be.
    pub fn iter_item(&mut self, it: &Iter, n: usize, sp: Sp) -> R<Value> {
        match it {
            Iter::Range { start: Value::Num(Num { value: Number::Int(a), dtype }), step, .. } => {
                Ok(Value::Num(Num { value: Number::Int(a + step * n as i128), dtype: *dtype }))
            }
            Iter::Range { .. } => err(sp, "this range is not static"),
            Iter::Items(Value::Array(t)) => self.item_at(t, n, sp),
            Iter::Items(v) => Ok(super::tree::children(v).unwrap_or(&[])[n].clone()),
            Iter::Enumerate(i) => Ok(Value::tuple(vec![Value::size(n), self.iter_item(i, n, sp)?])),
            Iter::Zip(a, b) => Ok(Value::tuple(vec![self.iter_item(a, n, sp)?, self.iter_item(b, n, sp)?])),
            Iter::Rev(i) => {
                let last = self.iter_len(i) - 1;
                self.iter_item(i, last - n, sp)
            }
            Iter::StepBy(i, k) => self.iter_item(i, n * k, sp),
        }
    }

    /// Items that are trees, functions or static values of different kinds cannot be carried through a rolled loop.
    fn is_static_iter(&self, it: &Iter) -> bool {
        match it {
            Iter::Range { .. } | Iter::Items(Value::Array(_)) => false,
            Iter::Items(_) => true,
            Iter::Enumerate(i) | Iter::Rev(i) | Iter::StepBy(i, _) => self.is_static_iter(i),
            Iter::Zip(a, b) => self.is_static_iter(a) || self.is_static_iter(b),
        }
    }

    /// `t[n]` for a static `n`.
    pub fn item_at(&mut self, t: &Traced, n: usize, sp: Sp) -> R<Value> {
        let shape = t.aval.shape.clone();
        let mut start = vec![0; shape.len()];
        let mut limit = shape.clone();
        (start[0], limit[0]) = (n, n + 1);
        let stride = vec![1; shape.len()];
        let row = self.bind1(Slice { start, limit, stride }, &[t], sp)?;
        Ok(Value::Array(self.bind1(crate::ops::Reshape { shape: shape[1..].to_vec() }, &[&row], sp)?))
    }
}
