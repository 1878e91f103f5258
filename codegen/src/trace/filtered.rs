//! `filter`: the loop stays a loop over all items, and what is done with one stands in a branch.

use std::rc::Rc;

use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::loops::LoopOptions;
use crate::trace::value::{Ctx, FnValue, Iter, Scope, Value};
use crate::trace::{R, Tracer};

/// Functions and items on the way through an iterator. Not names that Rust can spell.
fn function(k: usize) -> String {
    format!("function {k} on the way of an item")
}

fn item(k: usize) -> String {
    format!("item behind {k} functions")
}

/// What becomes of an item on its way.
enum Stage {
    Map(Rc<FnValue>),
    Filter(Rc<FnValue>),
}

/// Whether some items are left out when it is known what they are.
pub fn is_filtered(it: &Iter) -> bool {
    match it {
        Iter::Filter(..) => true,
        Iter::Map(inner, _) | Iter::Rev(inner) => is_filtered(inner),
        _ => false,
    }
}

/// The items that there are before any is left out, and what is done with each, last first.
fn stages(it: &Rc<Iter>, out: &mut Vec<Stage>) -> Rc<Iter> {
    match &**it {
        Iter::Filter(inner, f) => {
            out.push(Stage::Filter(f.clone()));
            stages(inner, out)
        }
        Iter::Map(inner, f) if is_filtered(inner) => {
            out.push(Stage::Map(f.clone()));
            stages(inner, out)
        }
        Iter::Rev(inner) if is_filtered(inner) => Rc::new(Iter::Rev(stages(inner, out))),
        _ => it.clone(),
    }
}

impl Tracer<'_> {
    /// A `for` loop over an iterator that leaves items out.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn filtered_for(
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
        let mut way = Vec::new();
        let base = stages(&Rc::new(it.clone()), &mut way);
        let var = |name: String| Expr {
            kind: ExprKind::Path(Path { text: name.into(), generics: Vec::new(), owner: Vec::new(), sp }),
            sp,
        };
        let bind = |name: String| Pat::new(PatKind::Bind(Name { text: name.into(), sp }, None), sp);
        let call = |k: usize| Expr {
            kind: ExprKind::Call(Box::new(var(function(k))), vec![Arg { name: None, value: var(item(k)) }]),
            sp,
        };
        let is = |pat: Pat, init: Expr| Stmt::Let { pat, ty: None, init: Some(init), otherwise: None };
        let mark = vars.vars.len();
        let n = way.len();
        let mut inner = Block { stmts: vec![is(pat.clone(), var(item(n)))], value: None, sp: body.sp };
        inner.stmts.extend(body.stmts.iter().cloned());
        inner.stmts.extend(body.value.iter().map(|v| Stmt::Expr((**v).clone())));
        for (k, stage) in (0..n).rev().zip(way) {
            let f = match stage {
                Stage::Map(f) => {
                    inner.stmts.insert(0, is(bind(item(k + 1)), call(k)));
                    f
                }
                Stage::Filter(f) => {
                    inner.stmts.insert(0, is(bind(item(k + 1)), var(item(k))));
                    let branch = ExprKind::If(Box::new(call(k)), inner, None);
                    inner = Block { stmts: vec![Stmt::Expr(Expr { kind: branch, sp })], value: None, sp: body.sp };
                    f
                }
            };
            vars.push(function(k).into(), Value::Fn(f));
        }
        let result = self.for_loop(&bind(item(0)), &base, &inner, options, rolled, sp, vars, ctx);
        vars.vars.truncate(mark);
        result
    }
}
