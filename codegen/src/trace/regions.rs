//! Branches and loops on traced values.

use std::rc::Rc;

use crate::parse::ast::*;
use crate::parse::spans::Sp;
use crate::trace::value::{Ctx, Iter, Scope, Traced, Value};
use crate::trace::{R, Tracer, err};

#[allow(clippy::too_many_arguments, missing_docs)]
impl<'a> Tracer<'a> {
    pub fn traced_if(&mut self, _c: &Traced, at: Sp, _t: &Block, _o: Option<&Expr>, _sp: Sp, _v: &mut Scope, _x: &Rc<Ctx>) -> R<Value> {
        err(at, "a branch on a traced value")
    }

    pub fn traced_match(&mut self, _v: &Traced, at: Sp, _a: &[Arm], _sp: Sp, _s: &mut Scope, _x: &Rc<Ctx>) -> R<Value> {
        err(at, "a match on a traced value")
    }

    pub fn rolled_for(&mut self, _p: &Pat, _i: &Iter, _l: usize, _b: &Block, sp: Sp, _s: &mut Scope, _x: &Rc<Ctx>) -> R<Value> {
        err(sp, "a loop on a traced value")
    }

    pub fn while_expr(&mut self, _c: &Expr, _b: &Block, _a: &[Attr], sp: Sp, _s: &mut Scope, _x: &Rc<Ctx>) -> R<Value> {
        err(sp, "a loop on a traced value")
    }

    pub fn loop_expr(&mut self, _b: &Block, _a: &[Attr], sp: Sp, _s: &mut Scope, _x: &Rc<Ctx>) -> R<Value> {
        err(sp, "a loop on a traced value")
    }
}
