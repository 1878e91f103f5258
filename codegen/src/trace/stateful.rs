//! `x.map(|v| ..)` and `core::array::from_fn(|i| ..)` with a closure that changes what it captured: element after element.

use std::rc::Rc;

use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::desugar::assigned;
use crate::trace::loops::LoopOptions;
use crate::trace::value::{Ctx, FnValue, Iter, Scope, Value};
use crate::trace::{R, Tracer};

/// Variables of the loop. Not names that Rust can spell.
const FUNCTION: &str = "function of each element";
const RESULT: &str = "array that is filled";
const ITEM: &str = "element to compute from";
const INDEX: &str = "place of the element";

impl Tracer<'_> {
    /// Whether a call of `f` from this scope changes variables of it.
    pub(super) fn changes_captures(&self, f: &FnValue, vars: &Scope) -> bool {
        self.changes(f, vars, 0)
    }

    fn changes(&self, f: &FnValue, vars: &Scope, depth: usize) -> bool {
        let FnValue::Closure { closure, scope, .. } = f else { return false };
        if scope.call != vars.call || closure.moves || depth > 8 {
            return false;
        }
        let mut names = Vec::new();
        let whole = Block { stmts: Vec::new(), value: Some(Box::new(closure.body.clone())), sp: closure.body.sp };
        assigned(&whole, &mut names);
        let captured = |name: &str| scope.position(name).filter(|n| !scope.is_fixed(*n) && !scope.lent.contains(n));
        let changed = names.iter().any(|name| match name.split_once('.') {
            None => captured(name).is_some(),
            Some((name, method)) => self.may_change(method) && captured(name).is_some(),
        });
        let mut called = Vec::new();
        callees(&closure.body, &mut called);
        changed
            || called.iter().any(|name| match scope.get(name) {
                Some(Value::Fn(f)) => self.changes(f, vars, depth + 1),
                _ => false,
            })
    }

    /// An array with what `f` makes of each item, called in this scope. The first call says what the elements are.
    pub(super) fn filled(
        &mut self,
        f: &Rc<FnValue>,
        it: &Rc<Iter>,
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Value> {
        let n = self.iter_len(it);
        if n == 0 {
            return Ok(Value::list(Vec::new()));
        }
        let var = |name: &str| {
            let path = Path { text: name.into(), generics: Vec::new(), owner: Vec::new(), sp };
            Box::new(Expr { kind: ExprKind::Path(path), sp })
        };
        let bind = |name: &str| Pat::new(PatKind::Bind(Name { text: name.into(), sp }, None), sp);
        let expr = |kind: ExprKind| Box::new(Expr { kind, sp });
        let call = expr(ExprKind::Call(var(FUNCTION), vec![Arg { name: None, value: *var(ITEM) }]));
        let mark = vars.vars.len();
        vars.push(FUNCTION.into(), Value::Fn(f.clone()));
        let first = self.iter_item(it, 0, sp)?;
        vars.push(ITEM.into(), first);
        let all = expr(ExprKind::Repeat(call.clone(), expr(ExprKind::Int(n as i128, None))));
        let all = self.expr(&all, vars, ctx)?;
        vars.push(RESULT.into(), all);
        let result = vars.vars.len() - 1;
        let rest = Rc::new(Iter::Enumerate(Rc::new(Iter::Part(it.clone(), 1, n - 1))));
        let at = expr(ExprKind::Binary(BinOp::Add, var(INDEX), expr(ExprKind::Int(1, None))));
        let element = expr(ExprKind::Index(var(RESULT), at));
        let store = Stmt::Expr(*expr(ExprKind::Assign(None, element, call)));
        let body = Block { stmts: vec![store], value: None, sp };
        let pat = Pat::new(PatKind::Tuple(vec![bind(INDEX), bind(ITEM)]), sp);
        let looped = self.for_loop(&pat, &rest, &body, LoopOptions::default(), false, sp, vars, ctx);
        let out = vars.vars.get(result).map_or(Value::Unit, |(_, v)| v.clone());
        vars.vars.truncate(mark);
        looped?;
        Ok(out)
    }
}

/// Names that are called in `e`, those in its branches and arguments included.
fn callees(e: &Expr, out: &mut Vec<Rc<str>>) {
    if let ExprKind::Call(f, _) = &e.kind
        && let ExprKind::Path(p) = &f.kind
    {
        out.extend(p.ident().map(Rc::from));
    }
    e.each_part(&mut |part| callees(part, out));
}
