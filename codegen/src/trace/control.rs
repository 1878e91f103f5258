//! Branches and loops. Static conditions and iterators are resolved here; traced ones become regions of the graph.

use std::rc::Rc;

use crate::ops::Slice;
use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::iterators::element;
use crate::trace::loops::LoopOptions;
use crate::trace::value::{Ctx, Iter, Num, Number, Scope, Traced, Value};
use crate::trace::{R, Stop, Tracer, desugar, err, err_help};

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
        let taken = self.expr(cond, vars, ctx)?;
        let result = match taken {
            Value::Bool(true) => self.block(then, vars, ctx).and_then(|value| {
                if other.is_none() {
                    self.expect_unit(&value, then)?;
                }
                Ok(value)
            }),
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
        let it = self.iterated(iter, vars, ctx)?;
        let options = self.loop_options("for", attrs, vars, ctx)?;
        let rolled = attrs.iter().any(|a| &*a.name.text == "rolled");
        self.for_loop(pat, &it, body, options, rolled, sp, vars, ctx)
    }

    /// A `for` loop over an iterator. `rolled` keeps a loop of the library a loop.
    #[allow(clippy::too_many_arguments)]
    pub fn for_loop(
        &mut self,
        pat: &Pat,
        it: &Iter,
        body: &Block,
        options: LoopOptions,
        rolled: bool,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        if super::filtered::is_filtered(it) {
            return self.filtered_for(pat, it, body, options, rolled, sp, vars, ctx);
        }
        if let Iter::Open { lo, hi, step, rev } = it {
            return self.open_for(pat, (lo, hi), *step, *rev, body, options, sp, vars, ctx);
        }
        let unroll = (ctx.library && !rolled) || options.unroll || self.is_static_iter(it);
        let len = self.iter_len(it);
        if !unroll && len > 1 {
            let depth = self.depth();
            match self.rolled_for(pat, it, (len, options.runs), body, sp, vars, ctx) {
                // Each iteration has a tree of its own: they stand one after another.
                Err(Stop::Unroll(at)) if at == sp => self.truncate_frames(depth),
                other => return other,
            }
        }
        let (before, mark) = (vars.clone(), self.graph().eqns.len());
        match self.unrolled_for(pat, it, body, vars, ctx, sp) {
            Err(Stop::TracedBreak(..)) => {
                // `break` and `continue` under traced conditions become flags.
                *vars = before;
                self.graph().eqns.truncate(mark);
                let body = desugar::loop_body(body);
                let mark = vars.vars.len();
                vars.push(desugar::DONE.into(), Value::Bool(false));
                let result = self.unrolled_for(pat, it, &body, vars, ctx, sp);
                vars.vars.truncate(mark);
                result
            }
            other => other,
        }
    }

    /// `lo..hi` with bounds that only the run knows. If they lie equally far apart in every run the loop is as any other.
    fn open_range(&mut self, lo: &Value, hi: &Value, sp: Sp) -> R<Rc<Iter>> {
        for end in [lo, hi] {
            let is_int = match end {
                Value::Array(t) => t.aval.rank() == 0 && t.aval.dtype.is_int(),
                Value::Num(n) => matches!(n.value, Number::Int(_)),
                _ => false,
            };
            if !is_int {
                return err(sp, format!("the ends of a range are integers, found {}", end.describe()));
            }
        }
        let (lo, hi) = self.promote2("..", lo, hi, sp)?;
        Ok(Rc::new(match self.distance(&lo, &hi) {
            Some(len) => Iter::Range { start: Value::Array(lo), step: 1, len: usize::try_from(len).unwrap_or(0) },
            None => Iter::Open { lo, hi, step: 1, rev: false },
        }))
    }

    /// A `for` over an open range: a `while` over a variable that Rust does not see, bounded by what is known of the ends.
    #[allow(clippy::too_many_arguments)]
    fn open_for(
        &mut self,
        pat: &Pat,
        (lo, hi): (&Traced, &Traced),
        step: usize,
        rev: bool,
        body: &Block,
        mut options: LoopOptions,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        const AT: &str = "counter of the loop";
        const END: &str = "end of the loop";
        if let (Some((first, _)), Some((_, last))) = (self.interval(lo.tvar), self.interval(hi.tvar)) {
            options.bound = usize::try_from((last - first).max(0)).ok().map(|n| n.div_ceil(step));
        }
        let var = |name: &str| {
            let path = Path { text: name.into(), generics: Vec::new(), owner: Vec::new(), sp };
            Expr { kind: ExprKind::Path(path), sp }
        };
        let binary = |op: BinOp, a: Expr, b: Expr| Expr { kind: ExprKind::Binary(op, Box::new(a), Box::new(b)), sp };
        let number = Expr { kind: ExprKind::Int(step as i128, None), sp };
        let op = if rev { BinOp::Sub } else { BinOp::Add };
        let moved = ExprKind::Assign(None, Box::new(var(AT)), Box::new(binary(op, var(AT), number)));
        let moved = Stmt::Expr(Expr { kind: moved, sp });
        let item = Stmt::Let { pat: pat.clone(), ty: None, init: Some(var(AT)), otherwise: None };
        let inner = Stmt::Expr(Expr { kind: ExprKind::Block(body.clone()), sp });
        let stmts = if rev { vec![moved, item, inner] } else { vec![item, moved, inner] };
        let turn = Block { stmts, value: None, sp };
        let cond = binary(if rev { BinOp::Gt } else { BinOp::Lt }, var(AT), var(END));
        let (start, end) = if rev { (hi, lo) } else { (lo, hi) };
        let mark = vars.vars.len();
        vars.push(AT.into(), Value::Array(start.clone()));
        vars.push(END.into(), Value::Array(end.clone()));
        let result = self.while_with(&cond, &turn, options, sp, vars, ctx);
        vars.vars.truncate(mark);
        result.map(|_| Value::Unit)
    }

    fn unrolled_for(
        &mut self,
        pat: &Pat,
        it: &Iter,
        body: &Block,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
        sp: Sp,
    ) -> R<Value> {
        for n in 0..self.iter_len(it) {
            let item = self.iter_item(it, n, sp)?;
            let mark = vars.vars.len();
            let result = self.bind_pat(pat, &item, vars, ctx).and_then(|()| self.block_inner(body, vars, ctx));
            vars.vars.truncate(mark);
            match result {
                Ok(_) | Err(Stop::Continue(_)) => {}
                Err(Stop::Break(_, _)) => break,
                Err(stop) => return Err(stop),
            }
        }
        Ok(Value::Unit)
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
                    return err_help(sp, "this range needs an end", "write `0..n`");
                };
                match (int(&start), int(hi)) {
                    (Some(a), Some(b)) => {
                        let len = usize::try_from((b - a).max(0)).unwrap_or(0);
                        Ok(Rc::new(Iter::Range { start, step: 1, len }))
                    }
                    _ => self.open_range(&start, hi, sp),
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
            Iter::Open { .. } => 0,
            Iter::Items(Value::Array(t)) => t.aval.shape[0],
            Iter::Items(v) => super::tree::children(v).map_or(0, <[Value]>::len),
            Iter::Enumerate(i) | Iter::Rev(i) => self.iter_len(i),
            Iter::Zip(a, b) => self.iter_len(a).min(self.iter_len(b)),
            Iter::StepBy(i, k) => self.iter_len(i).div_ceil(*k),
            Iter::Map(i, _) | Iter::Filter(i, _) => self.iter_len(i),
            Iter::Places(_, len) | Iter::Runs { len, .. } | Iter::Part(_, _, len) => *len,
        }
    }

    /// Item `n`, static where it can be.
    pub fn iter_item(&mut self, it: &Iter, n: usize, sp: Sp) -> R<Value> {
        match it {
            Iter::Range { start: Value::Num(Num { value: Number::Int(a), dtype }), step, .. } => {
                Ok(Value::Num(Num { value: Number::Int(a + step * n as i128), dtype: *dtype }))
            }
            Iter::Range { start, step, .. } => self.binary(BinOp::Add, start, &Value::int(step * n as i128), sp),
            Iter::Open { .. } => err(sp, "this range is not static"),
            Iter::Items(Value::Array(t)) => self.item_at(t, n, sp),
            Iter::Items(v) => Ok(super::tree::children(v).unwrap_or(&[])[n].clone()),
            Iter::Enumerate(i) => Ok(Value::tuple(vec![Value::size(n), self.iter_item(i, n, sp)?])),
            Iter::Zip(a, b) => Ok(Value::tuple(vec![self.iter_item(a, n, sp)?, self.iter_item(b, n, sp)?])),
            Iter::Rev(i) => {
                let last = self.iter_len(i) - 1;
                self.iter_item(i, last - n, sp)
            }
            Iter::StepBy(i, k) => self.iter_item(i, n * k, sp),
            Iter::Part(i, first, _) => self.iter_item(i, first + n, sp),
            Iter::Places(place, _) => Ok(element(place, Value::size(n))),
            Iter::Runs { of, size, step, .. } => self.run_of(of, Value::size(n * step), *size, sp),
            Iter::Map(i, f) => {
                let item = self.iter_item(i, n, sp)?;
                self.apply(f, vec![item], sp)
            }
            Iter::Filter(i, _) => self.iter_item(i, n, sp),
        }
    }

    /// Items that are trees, functions or static values of different kinds cannot be carried through a rolled loop.
    fn is_static_iter(&self, it: &Iter) -> bool {
        match it {
            Iter::Range { .. }
            | Iter::Open { .. }
            | Iter::Items(Value::Array(_))
            | Iter::Places(..)
            | Iter::Runs { .. } => false,
            Iter::Items(_) => true,
            Iter::Enumerate(i) | Iter::Rev(i) | Iter::StepBy(i, _) | Iter::Part(i, ..) => self.is_static_iter(i),
            Iter::Map(i, _) | Iter::Filter(i, _) => self.is_static_iter(i),
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
