//! `x.at[i].set(v)`: a copy of an array with some of it changed, as JAX writes it.

use std::rc::Rc;

use crate::parse::ast::{Arg, BinOp, Expr, ExprKind, Name};
use crate::parse::spans::Sp;
use crate::trace::index::Update;
use crate::trace::value::{Ctx, Scope, Value};
use crate::trace::{R, Tracer, err_help};

/// What can be done at a place, besides `get` and `set`. In the order in which messages list them.
const UPDATES: [(&str, Update); 6] = [
    ("add", Update::Op(BinOp::Add)),
    ("subtract", Update::Op(BinOp::Sub)),
    ("multiply", Update::Op(BinOp::Mul)),
    ("divide", Update::Op(BinOp::Div)),
    ("min", Update::Min),
    ("max", Update::Max),
];

/// Arguments of all of them. The last two promise what nothing here depends on.
const PARAMS: [&str; 3] = ["values", "indices_are_sorted", "unique_indices"];

impl Tracer<'_> {
    /// The value of `recv.name(args)` if `recv` is `x.at[i]`; `None` if it is something else.
    pub(super) fn at_method(
        &mut self,
        recv: &Expr,
        name: &Name,
        args: &[Arg],
        sp: Sp,
        vars: &mut Scope,
        ctx: &Rc<Ctx>,
    ) -> R<Option<Value>> {
        let ExprKind::Index(at, index) = &recv.kind else { return Ok(None) };
        let ExprKind::Field(base, field) = &at.kind else { return Ok(None) };
        if &*field.text != "at" {
            return Ok(None);
        }
        let old = self.expr(base, vars, ctx)?;
        if let Value::Struct(_) = old {
            return Ok(None);
        }
        let place = self.expr(index, vars, ctx)?;
        let args = self.args(args, vars, ctx)?;
        let word = &*name.text;
        if word == "get" {
            args.bind(word, &PARAMS[1..], 0, sp)?;
            return self.index(&old, &place, recv.sp).map(Some);
        }
        let update = UPDATES.iter().find(|(known, _)| *known == word).map(|(_, update)| *update);
        if update.is_none() && word != "set" {
            let known: Vec<&str> = UPDATES.iter().map(|(known, _)| *known).collect();
            let help = format!("there are `get`, `set`, `{}`", known.join("`, `"));
            return err_help(name.sp, format!("`.at[..]` has no `{word}`"), help);
        }
        let b = args.bind(word, &PARAMS, 1, sp)?;
        let value = b.want("values");
        self.index_set(&old, &place, update, &value, sp).map(Some)
    }
}
